// SPDX-License-Identifier: GPL-2.0-only
/* cycles: work without exits, in passes; reports the virtual counter's ticks of each pass. */
#include "guest.h"

#define PASSES 8
#define LOOPS 2000000UL

void main(void)
{
	for (u64 pass = 0; pass < PASSES; pass++) {
		u64 t = ticks();

		for (u64 i = 0; i < LOOPS; i++)
			asm volatile("" : "+r"(i));
		td_write(TD_REPORT + 8 * pass, ticks() - t);
	}
	finish(0);
}
