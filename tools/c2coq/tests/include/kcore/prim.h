/* SPDX-License-Identifier: GPL-2.0-only */
/* Types, constants and primitives of the tests. */
#ifndef PRIM_H
#define PRIM_H
typedef unsigned int u32;
typedef unsigned long u64;
enum small { SMALL_A, SMALL_B = 7, SMALL_C };
enum big { BIG_A = 0xc6004b00UL + 3, BIG_B };
enum negative { MINUS = -1 };
struct pair { u64 a, b; };
u64 load(u64 a);
void store(u64 a, u64 v);
u32 load32(u64 a);
int signed_load(u64 a);
u64 any(u64 n, ...);
#define TWICE(x)	((x) + (x))
#define BUMP(x)		((x)++)
#endif
