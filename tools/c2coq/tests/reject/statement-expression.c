/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return ({ u64 y = x; y; });	/* reject: [expr-2] statement expression */
}
