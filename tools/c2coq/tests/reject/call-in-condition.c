/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	if (load(x) != 0UL)	/* reject: [call-1] call inside an expression */
		return 1UL;
	return 0UL;
}
