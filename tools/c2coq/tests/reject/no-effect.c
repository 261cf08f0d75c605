/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 x)
{
	x + 1UL;	/* reject: [stmt-1] expression without effect */
}
