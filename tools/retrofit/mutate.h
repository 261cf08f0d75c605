/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutants of upstream code, and which gate catches each.  docs/retrofit.md describes them. */
#ifndef RETROFIT_MUTATE_H
#define RETROFIT_MUTATE_H

#include "retrofit.h"

/* One operator, or NULL: all; of its mutants each n-th */
int mutate_run(struct engine *e, const char *only, unsigned int every);

#endif
