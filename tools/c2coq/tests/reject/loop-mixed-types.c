/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 n)
{
	for (u32 i = 0U; i < n; i++)	/* reject: [loop-1] loop condition must be i < bound, in the type of i */
		store(i, n);
}
