/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(u64 x)
{
	nowhere(x);	/* reject: [call-3] call of 'nowhere', which is not declared */
}
