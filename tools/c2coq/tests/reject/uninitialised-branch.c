/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	u64 y;

	if (x == 0UL)
		y = 1UL;
	return y;	/* reject: [expr-5] 'y' may be read before it is assigned */
}
