/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages change hands: donation to a protected VM, and the way back.  A page that is taken from the host
 * belongs to the VM and is mapped nowhere until a second critical section maps it.
 */
#include "core.h"

/* Overwrite a page, down to the point of coherency, so that no cache and no bypass finds old content. */
void page_scrub(u64 pa)
{
	page_zero(pa);
	dcache_clean_inval_page(pa);
}

/* The VM's page, mapped nowhere, becomes the host's, zeroed.  Lock: held. */
void page_reclaim(u64 vm, u64 pa)
{
	u64 index = page_index(pa);
	u64 n;

	page_scrub(pa);
	set_page_owner(index, OWNER_HOST);
	n = get_vm_pages(vm);
	set_vm_pages(vm, n - 1UL);
	n = get_pages_vm();
	set_pages_vm(n - 1UL);
	n = get_pages_scrubbed();
	set_pages_scrubbed(n + 1UL);
}

/* Everything that a donation needs, checked and prepared.  Changes no translation.  Lock: held. */
static u64 donate_check(u64 vm, u64 ipa, u64 pa)
{
	u64 state = get_vm_state(vm);
	u64 type = get_vm_type(vm);
	u64 base = get_vm_mem_base(vm);
	u64 end = get_vm_mem_end(vm);
	u64 index = page_index(pa);
	u64 owner;
	u64 maps;
	u64 pte;
	u64 r;

	if (state == VM_FREE)
		return KCORE_EINVAL;
	if (state != VM_READY || type != KCORE_VM_PROTECTED)
		return KCORE_ESTATE;
	if (ipa < base || ipa >= end)
		return KCORE_EINVAL;
	if (index == NO_PAGE)
		return KCORE_EPERM;
	owner = get_page_owner(index);
	maps = get_page_maps(index);
	if (owner != OWNER_HOST)
		return KCORE_EPERM;
	if (maps != 0UL)
		return KCORE_EBUSY;
	r = s2_prepare(vm, ipa, 3UL);
	if (r != 0UL)
		return r;
	pte = s2_load(vm, ipa, 3UL);
	if ((pte & PTE_VALID) != 0UL)
		return KCORE_EBUSY;
	return host_prepare_unmap(pa);
}

/* First section: from the host to the VM.  Lock: held. */
static u64 donate_take(u64 vm, u64 ipa, u64 pa)
{
	u64 index = page_index(pa);
	u64 n;
	u64 r;

	r = donate_check(vm, ipa, pa);
	if (r != 0UL)
		return r;
	host_unmap(pa);
	set_page_owner(index, vm);
	n = get_vm_pages(vm);
	set_vm_pages(vm, n + 1UL);
	n = get_pages_vm();
	set_pages_vm(n + 1UL);
	dcache_clean_inval_page(pa);
	icache_inval();
	return 0UL;
}

/* Second section: map the VM's page, or give it back if the VM or the IPA went away meanwhile.  Lock: held. */
static u64 donate_map(u64 vm, u64 ipa, u64 pa)
{
	u64 state = get_vm_state(vm);
	u64 level = s2_level(vm, ipa);
	u64 pte = s2_load(vm, ipa, level);

	if (state != VM_READY || level != 3UL || (pte & PTE_VALID) != 0UL) {
		page_reclaim(vm, pa);
		return state != VM_READY ? KCORE_ESTATE : KCORE_EBUSY;
	}
	pte = pte_leaf(pa, KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_X, 3UL);
	s2_set(vm, ipa, 3UL, pte);
	return 0UL;
}

/* KCORE_HC_VM_DONATE */
u64 hc_vm_donate(u64 vm, u64 ipa, u64 pa)
{
	u64 r;

	if (vm == HOST || vm >= KCORE_NR_VMS || ((ipa | pa) & (PAGE_BYTES - 1UL)) != 0UL || ipa >= IPA_END)
		return KCORE_EINVAL;
	lock_acquire();
	r = donate_take(vm, ipa, pa);
	lock_release();
	if (r != 0UL)
		return r;
	lock_acquire();
	r = donate_map(vm, ipa, pa);
	lock_release();
	return r;
}

/* Account for a leaf that is gone: scrub the VM's own page, or count a mapping of the host's less.  Lock: held. */
static void leaf_release(u64 vm, u64 pte, u64 level)
{
	u64 type = get_vm_type(vm);
	u64 pa = pte & PTE_ADDRESS;
	u64 bytes = level_bytes(level);
	u64 index = page_index(pa);
	u64 owner;
	u64 n;

	if (type == KCORE_VM_PROTECTED) {
		owner = get_page_owner(index);
		if (owner == vm) {
			page_reclaim(vm, pa);
			return;
		}
	}
	if (index != NO_PAGE)
		pages_map_sub(index, bytes / PAGE_BYTES);
	n = get_vm_pages(vm);
	set_vm_pages(vm, n - 1UL);
}

/* Unmap the leaf over the IPA, if there is one, and account for it: 1, else 0.  Lock: held. */
u64 leaf_drop(u64 vm, u64 ipa, u64 level)
{
	u64 pte = s2_clear(vm, ipa, level);

	if ((pte & PTE_VALID) == 0UL)
		return 0UL;
	leaf_release(vm, pte, level);
	return 1UL;
}

/* Take away the tables that end at the IPA: their entries were all visited.  Lock: held. */
static void reap_tables(u64 vm, u64 level, u64 last, u64 next)
{
	if (level == 3UL && (next & (BLOCK_BYTES - 1UL)) == 0UL)
		s2_free_table(vm, last, 2UL);
	if (level >= 2UL && (next & (GIB - 1UL)) == 0UL)
		s2_free_table(vm, last, 1UL);
}

/* One entry of a dying VM's table: its leaf goes back, and its table with the last entry.  Lock: held. */
static u64 reap_entry(u64 vm)
{
	u64 ipa = get_vm_cursor(vm);
	u64 state = get_vm_state(vm);
	u64 level;
	u64 bytes;
	u64 pages;
	u64 r;

	if (state != VM_DYING)
		return REAP_DONE;
	if (ipa >= IPA_END) {
		pages = get_vm_pages(vm);
		return pages != 0UL ? REAP_WAIT : REAP_DONE;
	}
	level = s2_level(vm, ipa);
	bytes = level_bytes(level);
	r = leaf_drop(vm, ipa, level);
	reap_tables(vm, level, ipa, ipa + bytes);
	set_vm_cursor(vm, ipa + bytes);
	return r;
}

/* The cursor passes over invalid entries.  Lock: held. */
static void reap_pass(u64 vm)
{
	u64 ipa = get_vm_cursor(vm);
	u64 level;
	u64 bytes;
	u64 n;

	if (ipa < IPA_END) {
		level = s2_level(vm, ipa);
		bytes = level_bytes(level);
		n = s2_vacant(vm, ipa, level);
		set_vm_cursor(vm, ipa + n * bytes);
	}
}

/* One entry of a dying VM's table, and the invalid ones behind it if it had no leaf. */
u64 vm_reap_one(u64 vm)
{
	u64 r;

	lock_acquire();
	r = reap_entry(vm);
	if (r == 0UL)
		reap_pass(vm);
	lock_release();
	return r;
}
