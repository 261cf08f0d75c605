/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 elsewhere(u64 x);

u64 f(u64 x)
{
	return elsewhere(x);	/* reject: [call-3] call of 'elsewhere', which no header */
}
