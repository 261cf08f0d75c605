/* SPDX-License-Identifier: GPL-2.0-only */
/* Page records: owner, and how often a page of the host is mapped in normal VMs or shared as a vCPU page. */
#include "core.h"

/* 1 if all the pages are the host's.  Lock: held. */
u64 pages_host_owned(u64 index, u64 pages)
{
	u64 owner;
	u64 i;

	for (i = 0UL; i < pages; i++) {
		owner = get_page_owner(index + i);
		if (owner != OWNER_HOST)
			return 0UL;
	}
	return 1UL;
}

/* One more mapping of each page.  At most one per leaf, so below 512 per pool page: no overflow.  Lock: held. */
void pages_map_add(u64 index, u64 pages)
{
	u64 maps;
	u64 i;

	for (i = 0UL; i < pages; i++) {
		maps = get_page_maps(index + i);
		set_page_maps(index + i, maps + 1UL);
	}
}

void pages_map_sub(u64 index, u64 pages)
{
	u64 maps;
	u64 i;

	for (i = 0UL; i < pages; i++) {
		maps = get_page_maps(index + i);
		set_page_maps(index + i, maps - 1UL);
	}
}
