// SPDX-License-Identifier: GPL-2.0-only
/* regs: keeps known values in its registers over exits of every kind and checks them. */
#include "guest.h"

void main(void)
{
	u64 changed = keep_registers(200, 0x5eedUL);

	print(changed ? "regs: registers changed\n" : "regs: all registers kept\n");
	td_write(TD_REPORT, changed);
	finish(changed != 0);
}
