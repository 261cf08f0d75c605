/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a protected guest asks of a page of its memory: it shares it (the page becomes the host's, mapped once, and stays where it is),
 * takes it back if nobody else maps it, or gives it up.
 */
#include "core.h"

/*
 * The VM's page becomes the host's, cleaned before: memory may have what the guest has overwritten in caches.
 * Changes no translation: the host maps it at its next fault.  Lock: held.
 */
static void page_share(u64 index, u64 pa)
{
	u64 n;

	dcache_clean_inval_page(pa);
	set_page_owner(index, OWNER_HOST);
	pages_map_add(index, 1UL);
	n = get_pages_vm();
	set_pages_vm(n - 1UL);
}

/* A page that the VM shares is its own again.  BUSY: somebody else maps it; NOMEM.  An error has changed nothing.  Lock: held. */
static u64 page_unshare(u64 vm, u64 pa)
{
	u64 index = page_index(pa);
	u64 maps = get_page_maps(index);
	u64 n;
	u64 r;

	if (maps != 1UL)
		return KCORE_EBUSY;
	r = host_prepare_unmap(pa);
	if (r != 0UL)
		return r;
	host_unmap(pa);
	set_page_owner(index, vm);
	pages_map_sub(index, 1UL);
	n = get_pages_vm();
	set_pages_vm(n + 1UL);
	dcache_clean_inval_page(pa);
	return 0UL;
}

/* One section.  0: granted; AGAIN: a page must be donated first; INVAL: shared already, or not shared; BUSY, NOMEM.  Lock: held. */
static u64 mem_ask(u64 vm, u64 ipa, u64 ask)
{
	u64 level = s2_level(vm, ipa);
	u64 pte = s2_load(vm, ipa, level);
	u64 pa = pte & PTE_ADDRESS;
	u64 index;
	u64 owner;

	if ((pte & PTE_VALID) == 0UL) {
		if (ask == MEM_SHARE)
			return KCORE_EAGAIN;
		return ask == MEM_UNSHARE ? KCORE_EINVAL : 0UL;
	}
	if (ask == MEM_RELINQUISH) {
		leaf_drop(vm, ipa, level);
		return 0UL;
	}
	index = page_index(pa);
	owner = get_page_owner(index);
	if (ask == MEM_UNSHARE) {
		if (owner == vm)
			return KCORE_EINVAL;
		return page_unshare(vm, pa);
	}
	if (owner != vm)
		return KCORE_EINVAL;
	page_share(index, pa);
	return 0UL;
}

/* A page of the VM's memory, asked for by its own vCPU: the VM is ready, and can't begin to die.  Results as above. */
u64 guest_mem(u64 vm, u64 ipa, u64 ask)
{
	u64 base = get_vm_mem_base(vm);
	u64 end = get_vm_mem_end(vm);
	u64 r;

	if ((ipa & (PAGE_BYTES - 1UL)) != 0UL || ipa < base || ipa >= end || ipa >= IPA_END)
		return KCORE_EINVAL;
	lock_acquire();
	r = mem_ask(vm, ipa, ask);
	lock_release();
	return r;
}
