/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
int f(u64 x)	/* reject: [type-1] function 'f' returns 'int' */
{
	return x == 0UL;
}
