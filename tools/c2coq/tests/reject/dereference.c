/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return *(u64 *)x;	/* reject: [expr-1] dereference */
}
