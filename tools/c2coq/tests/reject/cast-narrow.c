/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return (unsigned char)x;	/* reject: [type-2] cast to 'unsigned char' */
}
