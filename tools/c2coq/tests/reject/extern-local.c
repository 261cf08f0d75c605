/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(void)
{
	extern u64 n;	/* reject: [decl-1] extern local 'n' */
}
