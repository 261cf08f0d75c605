/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 n)
{
	u64 i;

	for (i = 0UL; i < n; i++) {
		if (i == 3UL)
			break;	/* reject: [stmt-1] break */
	}
	return i;
}
