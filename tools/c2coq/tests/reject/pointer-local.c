/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 x)
{
	u64 *p = &x;	/* reject: [type-1] local 'p' of type */ /* reject: [expr-1] address-of */
}
