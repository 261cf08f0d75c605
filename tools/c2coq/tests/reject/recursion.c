/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	u64 y = 0UL;

	if (x != 0UL)
		y = f(x - 1UL);	/* reject: [call-4] recursion: 'f' reaches 'f' again */
	return y;
}
