/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	x = TWICE(load(x));	/* reject: [call-1] call inside */ /* reject: [call-1] call inside */
	return x;
}
