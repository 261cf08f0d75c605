/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MACHINE_STATE_H
#define MACHINE_STATE_H

#include <machine/base.h>

struct guest {
	int id;
	struct {
		int depth;
	} inner;
};

struct guest_cpu {
	struct guest *guest;
};

#ifdef CONFIG_GUEST_DEBUG
static inline int guest_debug(struct guest *g) { return g->id; }
#else
static inline int guest_debug(struct guest *g) { return 0; }
#endif

#endif
