/* SPDX-License-Identifier: GPL-2.0-only */
/* A flattened device tree (Devicetree Specification v0.4, chapter 5) for a Linux guest. */
#ifndef TVMM_FDT_H
#define TVMM_FDT_H

#include "vm.h"

struct fdt_config {
	const char *bootargs;
	u64 initrd, initrd_size;	/* guest physical; size 0: none */
};

/* Writes it to the buffer; its size, or -1 with a message if it doesn't fit. */
int fdt_write(const struct vm *vm, const struct fdt_config *config, void *to, size_t room);
#endif
