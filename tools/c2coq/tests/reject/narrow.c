/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(unsigned short x)	/* reject: [type-1] parameter 'x' of type 'unsigned short' */
{
	return (u64)x;
}
