/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
_Static_assert(SMALL_C == 8, "eight");

static u64 helper(u64 a, u32 b)
{
	const u64 c = a + b;
	u64 d, e = c;

	(void)a;
	d = e;
	d += 3UL;
	d -= b;
	d <<= 2;
	e++;
	--e;
	;
	{
		u64 a2 = d;

		d = a2 ^ e;
	}
	return d;
}

void nothing(void)
{
	_Static_assert(SMALL_A == 0, "none");
}

u64 early(u64 x, u32 y)
{
	u64 r;
	u32 n = (u32)x;

	if (x == 0UL) {
		return 1UL;
	} else if (y > 3U && !(x < 5UL || n)) {
		r = helper(x, y);
	} else {
		r = 0;
	}
	n = load32(r);
	n = (u32)load(r);
	r = load32(x);
	nothing();
	if (n)
		return load(x);
	return r;
}
