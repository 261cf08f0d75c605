/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 n)
{
	for (u64 i = 0UL; i < n; i++)	/* reject: [loop-3] loop body assigns the loop variable 'i' */
		i = load(i);
}
