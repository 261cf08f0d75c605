/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 n)
{
	for (u64 i = 0UL; i < load(n); i++)	/* reject: [loop-2] loop bound is a call */
		store(i, n);
}
