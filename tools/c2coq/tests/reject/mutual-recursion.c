/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
static void g(u64 x);

void f(u64 x)
{
	g(x);
}

static void g(u64 x)
{
	f(x);	/* reject: [call-4] recursion: 'g' reaches 'f' again */
}
