/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	x += load(x);	/* reject: [call-1] call on the right of '+=' */
	return x;
}
