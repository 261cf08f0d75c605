/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)	/* reject: [top-5] control may reach the end */
{
	switch (x) {	/* reject: [stmt-1] switch */
	case 1UL:
		return 2UL;
	default:
		return 3UL;
	}
}	/* the line of the missing return is that of the function */
