/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return x / 0UL;	/* reject: [expr-6] division by the constant 0 */
}
