/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Table pool: pages of KCore's own memory for tables and vCPU contexts.  Free pages that were in use
 * before form a list through their first word.  pool_reserve pages are kept for the host's tables,
 * so that no VM can make the host's memory unreachable.  Accounted per VM in vm_tables.
 */
#include "core.h"

static void pool_zero(u64 pa)
{
	u64 i;

	for (i = 0UL; i < 512UL; i++)
		pt_store(pa + i * 8UL, 0UL);
}

/* Take a zeroed page.  0: exhausted.  Lock: held. */
u64 pool_alloc(u64 vm)
{
	u64 free = get_pool_free();
	u64 reserve = get_pool_reserve();
	u64 pa = get_pool_head();
	u64 next;
	u64 base;

	if (free == 0UL || (vm != HOST && free <= reserve))
		return 0UL;
	if (pa != 0UL) {
		next = pt_load(pa);
		set_pool_head(next);
	} else {
		next = get_pool_bump();
		base = get_pool_base();
		pa = base + next * PAGE_BYTES;
		set_pool_bump(next + 1UL);
	}
	set_pool_free(free - 1UL);
	if (vm == HOST && reserve > 0UL)
		set_pool_reserve(reserve - 1UL);
	next = get_vm_tables(vm);
	set_vm_tables(vm, next + 1UL);
	pool_zero(pa);
	return pa;
}

/* Give a page back; its content is wiped first, since it may have held registers.  Lock: held. */
void pool_give(u64 vm, u64 pa)
{
	u64 free = get_pool_free();
	u64 head = get_pool_head();
	u64 used = get_vm_tables(vm);

	pool_zero(pa);
	pt_store(pa, head);
	set_pool_head(pa);
	set_pool_free(free + 1UL);
	set_vm_tables(vm, used - 1UL);
}
