/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(void)
{
	struct pair p;	/* reject: [type-1] local 'p' of type */

	return p.a;	/* reject: [expr-1] structure member */
}
