/* SPDX-License-Identifier: GPL-2.0-only */
/* The bare-metal guests carried in the binary. */
#ifndef TVMM_PAYLOAD_H
#define TVMM_PAYLOAD_H

#include "vm.h"

struct payload {
	const char *name, *text;
	const u8 *start, *end;
	u64 memory;		/* bytes it needs at least */
	bool needs_gic;
};

const struct payload *payload_find(const char *name);
const struct payload *payload_next(const struct payload *p);	/* NULL: the first */

/* Copies it to the start of the guest's memory and sets vCPU 0's boot registers. */
int payload_load(struct vm *vm, const struct payload *p);
#endif
