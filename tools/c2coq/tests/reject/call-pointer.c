/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
void f(void (*g)(void))	/* reject: [type-1] parameter 'g' of type */
{
	g();	/* reject: [call-2] call through a pointer */
}
