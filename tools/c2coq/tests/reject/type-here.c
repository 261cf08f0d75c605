/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
struct mine { u64 a; };	/* reject: [top-2] type 'mine' */
typedef u64 word;	/* reject: [top-2] type 'word' */

u64 f(u64 x)
{
	return x;
}
