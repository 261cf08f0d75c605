/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
extern u64 out;	/* reject: [top-1] global variable 'out' */

void f(u64 x)
{
	out = x;	/* reject: [stmt-2] assignment to something that is not a local */
}
