/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	x = (store(1UL, 2UL), x);	/* reject: [expr-2] comma operator */
	return x;
}
