/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return sizeof(x);	/* reject: [expr-1] sizeof */
}
