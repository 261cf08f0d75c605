/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 n)
{
	for (u64 i = 0UL; i < 64UL; i += n)	/* reject: [loop-1] loop increment */
		store(i, n);
}
