/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return x + (u64)load;	/* reject: [type-2] conversion to 'unsigned long' (PointerToIntegral) */
}
