/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	x = (u64)signed_load(x);	/* reject: [type-1] call of a function that returns 'int' */
	return x;
}
