/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	store(x++, 1UL);	/* reject: [expr-2] '++' inside an expression */
	return x;
}
