/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(void)
{
	u64 a[4];	/* reject: [type-1] local 'a' of type */

	return a[0];	/* reject: [expr-1] array element */
}
