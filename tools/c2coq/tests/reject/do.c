/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	do {	/* reject: [stmt-1] do loop */
		x = x / 2UL;
	} while (x > 1UL);
	return x;
}
