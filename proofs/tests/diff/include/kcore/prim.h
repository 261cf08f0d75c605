/* SPDX-License-Identifier: GPL-2.0-only */
/* Primitives of the differential test: a state of 64 bits that everything done is mixed into. */
#ifndef PRIM_H
#define PRIM_H
typedef unsigned int u32;
typedef unsigned long u64;
u64 io(u64 a, u32 b);		/* state = state * K + a + 3 * b + 1; answers the state */
u32 io32(u32 a);		/* the same with b = 0; answers its upper half */
void put(u64 a);		/* state = state * K + a + 1 */
#endif
