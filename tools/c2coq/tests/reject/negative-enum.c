/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(void)
{
	return (u64)MINUS;	/* reject: [expr-3] negative constant 'MINUS' */
}
