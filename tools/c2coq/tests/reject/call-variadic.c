/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return any(1UL, x);	/* reject: [top-3] call of 'any', which takes a variable number */
}
