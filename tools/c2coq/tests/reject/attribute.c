/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
__attribute__((weak)) u64 f(u64 x)	/* reject: [top-3] attribute WeakAttr */
{
	return x;
}
