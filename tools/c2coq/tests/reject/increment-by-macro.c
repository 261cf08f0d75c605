/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return 1UL + BUMP(x);	/* reject: [expr-2] '++' inside an expression */
}
