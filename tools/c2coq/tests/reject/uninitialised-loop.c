/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	u64 y;

	for (u64 i = 0UL; i < x; i++)
		y = i;
	return y;	/* reject: [expr-5] 'y' may be read before it is assigned */
}
