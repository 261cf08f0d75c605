// SPDX-License-Identifier: GPL-2.0-only
// matches: H08 2
#include <asm/bug.h>

static void __do_kernel_fault(unsigned long addr, unsigned long esr,
			      struct pt_regs *regs)
{
	const char *what;

	if (prepared(regs))
		return;
	what = name(esr);
	end(what, addr);
}
