/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
static u64 count;	/* reject: [top-1] global variable 'count' */
u64 f(void)
{
	return count;	/* reject: [expr-4] 'count' is neither */
}
