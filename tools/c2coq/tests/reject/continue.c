/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 n)
{
	u64 i;

	for (i = 0UL; i < n; i++) {
		if (i == 3UL)
			continue;	/* reject: [stmt-1] continue */
		store(i, n);
	}
}
