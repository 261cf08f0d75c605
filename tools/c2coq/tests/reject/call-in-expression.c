/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	u64 y = load(x) + 1UL;	/* reject: [call-1] call inside an expression */

	return y;
}
