/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 loops(u64 n, u32 m)
{
	u64 i, sum = 0UL;

	for (i = 0; i < 512; i++)
		store(i * 8UL, 0UL);
	for (i = n; i < n + 4UL; ++i)
		sum += i;
	for (u32 j = 0; j < m; j += 2U) {
		for (u64 k = 0UL; k < n; k += 0x1000UL) {
			if (k == sum)
				return k;
			sum += k;
		}
	}
	return sum;
}
