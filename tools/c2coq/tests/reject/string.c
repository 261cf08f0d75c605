/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(void)
{
	store(1UL, (u64)"x");	/* reject: [type-2] conversion to 'unsigned long' (PointerToIntegral) */
}
