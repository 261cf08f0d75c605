/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x, u64 y)
{
	return (u64)((x == 1UL) + (y == 1UL));	/* reject: [expr-3] operator '+' on int values */
}
