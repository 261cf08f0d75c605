/* SPDX-License-Identifier: GPL-2.0-only */
#include <kcore/prim.h>
u64 up(u64 x);
u64 down(u64 x);
u64 missing(u64 x);
