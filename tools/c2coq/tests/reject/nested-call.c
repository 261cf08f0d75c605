/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return load(load(x));	/* reject: [call-1] call inside an expression */
}
