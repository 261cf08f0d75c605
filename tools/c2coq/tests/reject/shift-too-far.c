/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u32 x, u64 y)
{
	return y + (x << 32);	/* reject: [expr-6] shift by 32, the width is 32 */
}
