/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(void)
{
	static u64 n = 0;	/* reject: [decl-1] static local 'n' */

	return n;
}
