/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 n)
{
	u64 i;

	for (i = n; i > 0UL; i--)	/* reject: [loop-1] loop condition must be i < bound */
		store(i, n);
}
