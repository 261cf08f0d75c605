/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return -x;	/* reject: [expr-1] unary operator '-' */
}
