/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(void)
{
	int i = 0;	/* reject: [type-1] local 'i' of type 'int' */

	return 0UL;
}
