/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	_Bool b = x > 1UL;	/* reject: [type-1] local 'b' of type '_Bool' */ /* reject: [type-2] */

	return 0UL;
}
