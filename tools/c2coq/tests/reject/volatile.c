/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	volatile u64 y = x;	/* reject: [type-1] local 'y' of type 'volatile */

	return x;
}
