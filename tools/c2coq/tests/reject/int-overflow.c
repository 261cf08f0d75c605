/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(void)
{
	return 1 << 31;	/* reject: [expr-3] operator '<<' on int constants */
}
