/* SPDX-License-Identifier: GPL-2.0-only */
/* Small tables of cells for the tests. */
#include <kcore/prim.h>
#include <kcore/abi.h>
#define KCORE_SCALARS(X) X(base) X(size)
#define KCORE_ARRAYS(X) X(u32, state, 2 * SMALL_C) X(u64, page, 4)
#define KCORE_PAGE_CELLS(X) X(owner)
