/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 x, ...)	/* reject: [top-3] function 'f' takes a variable number */
{
	(void)x;
}
