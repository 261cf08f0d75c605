/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(void)
{
	for (;;)	/* reject: [loop-1] loop must start with */
		store(1UL, 2UL);
}
