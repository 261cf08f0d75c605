/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	u64 y;

	x = y = 1UL;	/* reject: [expr-2] assignment inside an expression */
	return x;
}
