/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(void)
{
	__asm__ volatile("nop");	/* reject: [stmt-1] assembly */
}
