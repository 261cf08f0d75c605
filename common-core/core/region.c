/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical memory: DRAM regions, numbered pages, ranges denied to the host.  Fixed at installation. */
#include "core.h"

/* Index of the first of `pages' pages from pa, all in one DRAM region; NO_PAGE otherwise. */
u64 range_in_dram(u64 pa, u64 pages)
{
	u64 n = get_nr_dram();
	u64 base;
	u64 end;
	u64 first;
	u64 i;

	for (i = 0UL; i < n; i++) {
		base = get_dram_base(i);
		end = get_dram_end(i);
		first = get_dram_first(i);
		if (pa >= base && pa < end && pages <= (end - pa) / PAGE_BYTES)
			return first + (pa - base) / PAGE_BYTES;
	}
	return NO_PAGE;
}

u64 page_index(u64 pa)
{
	return range_in_dram(pa, 1UL);
}

/* 1 if any byte of the range is DRAM.  pa + bytes does not wrap. */
u64 range_has_dram(u64 pa, u64 bytes)
{
	u64 n = get_nr_dram();
	u64 base;
	u64 end;
	u64 i;

	for (i = 0UL; i < n; i++) {
		base = get_dram_base(i);
		end = get_dram_end(i);
		if (pa < end && pa + bytes > base)
			return 1UL;
	}
	return 0UL;
}

/* 1 if any byte of the range is denied to the host (GIC virtual interface control). */
u64 range_denied(u64 pa, u64 bytes)
{
	u64 n = get_nr_denied();
	u64 base;
	u64 end;
	u64 i;

	for (i = 0UL; i < n; i++) {
		base = get_denied_base(i);
		end = get_denied_end(i);
		if (pa < end && pa + bytes > base)
			return 1UL;
	}
	return 0UL;
}
