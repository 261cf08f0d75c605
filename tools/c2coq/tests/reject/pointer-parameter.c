/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 *p)	/* reject: [type-1] parameter 'p' of type */
{
	(void)p;
}
