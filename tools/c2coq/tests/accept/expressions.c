/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 expressions(u64 a, u64 b, u32 c)
{
	u64 r = ((a + b) * 3UL - (a / (b | 1UL))) % 7UL;
	u32 s = (c << 3) | (c >> 29);
	u64 t = a == b;

	r = ~r & (a | b) ^ (u64)s;
	r = a > b ? a : (u64)c;
	t = (a < b) == (c != 0U);
	r += BIG_A + SMALL_B + (u64)(SMALL_C - 1);
	return r + t;
}
