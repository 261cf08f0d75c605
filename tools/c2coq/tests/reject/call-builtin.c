/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	u64 n = (u64)__builtin_popcountl(x);	/* reject: [type-1] call of a function that returns 'int' */ /* reject: [call-3] call of '__builtin_popcountl' */

	return n;
}
