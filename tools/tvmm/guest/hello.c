// SPDX-License-Identifier: GPL-2.0-only
/* hello: a line on the console, then power off. */
#include "guest.h"

void main(void)
{
	print("hello from EL1 guest\n");
	finish(0);
}
