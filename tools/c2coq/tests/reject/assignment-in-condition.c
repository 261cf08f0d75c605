/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x, u64 y)
{
	if ((x = y))	/* reject: [expr-2] assignment inside an expression */
		return 1UL;
	return x;
}
