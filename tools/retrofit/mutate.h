/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutants of upstream code, and which gate catches each.  docs/retrofit.md describes them. */
#ifndef RETROFIT_MUTATE_H
#define RETROFIT_MUTATE_H

#include "retrofit.h"

int mutate_run(struct engine *e, const char *only);	/* one operator, or NULL: all */

#endif
