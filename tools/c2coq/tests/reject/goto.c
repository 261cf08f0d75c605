/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	if (x == 0UL)
		goto out;	/* reject: [stmt-1] goto */
	x = 1UL;
out:	/* reject: [stmt-1] label */
	return x;
}
