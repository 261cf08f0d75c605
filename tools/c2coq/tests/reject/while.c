/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	while (x > 1UL)	/* reject: [stmt-1] while loop */
		x = x / 2UL;
	return x;
}
