/* SPDX-License-Identifier: GPL-2.0-only */
/* The two value types of the restricted C (docs/subset.md). */
#ifndef KCORE_TYPES_H
#define KCORE_TYPES_H

typedef unsigned int u32;
typedef unsigned long u64;

#endif
