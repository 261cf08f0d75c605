/* SPDX-License-Identifier: GPL-2.0-only */
/* A virtio console with one port: virtio 1.2, section 5.3. */
#ifndef TVMM_VCONSOLE_H
#define TVMM_VCONSOLE_H

#include "lines.h"
#include "virtio.h"

struct vconsole {
	struct virtio virtio;
	struct lines lines;
	/* What the guest has no buffer for yet */
	u8 input[1024];
	size_t from, to;
	bool heard;			/* the guest has printed something: before that Linux's driver throws input away */
	bool ended;
	pthread_cond_t taken;
};

int vconsole_attach(struct vm *vm, struct vconsole *console, const char *prefix);

/* To the guest, from any thread but a vCPU's; waits until it has taken what came before.  -1 after vconsole_end(). */
int vconsole_input(struct vconsole *console, const void *data, size_t bytes);
/* Nobody waits any more, and what was printed is out */
void vconsole_end(struct vconsole *console);
#endif
