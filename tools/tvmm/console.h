/* SPDX-License-Identifier: GPL-2.0-only */
/* A PL011 (ARM DDI 0183) good enough for Linux' driver: transmit never blocks, no input. */
#ifndef TVMM_CONSOLE_H
#define TVMM_CONSOLE_H

#include "lines.h"
#include "vm.h"

struct console {
	struct lines lines;
	u32 imsc, ris, cr, lcrh, ibrd, fbrd, ifls;
	bool irq_level;
};

int console_attach(struct vm *vm, struct console *console, const char *prefix);
void console_flush(struct console *console);
#endif
