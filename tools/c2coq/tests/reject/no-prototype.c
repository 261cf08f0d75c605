/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f()	/* reject: [top-3] function 'f' has no prototype */
{
	return 0UL;
}
