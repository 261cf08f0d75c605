/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 x)
{
	x = 1UL, store(x, x);	/* reject: [expr-2] comma operator */
}
