/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
static u64 later(u64 x);

u64 first(u64 x)
{
	return later(x);
}

static u64 later(u64 x)
{
	return x;
}
