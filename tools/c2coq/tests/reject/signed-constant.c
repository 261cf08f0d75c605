/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return x + (u64)(1L);	/* reject: [type-1] constant of type 'long' */
}
