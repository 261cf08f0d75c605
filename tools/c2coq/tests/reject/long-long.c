/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 f(u64 x)
{
	return x + 1ULL;	/* reject: [type-2] cast to */ /* reject: [type-1] constant of type 'unsigned long long' */
}
