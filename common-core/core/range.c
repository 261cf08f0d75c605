/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of normal VMs: extensions of the host's own authority, so every page must be the host's.
 * The host's KVM decides what is mapped; a leaf may be dropped at any time and is filled again at the next fault.
 * Calls over a range work in critical sections of one leaf each and stop after RANGE_STEPS entries.
 */
#include "core.h"

#define RANGE_STEPS		1024UL

/* 0 if the handle is a normal VM that isn't being destroyed.  Lock: held. */
static u64 normal_check(u64 vm)
{
	u64 state = get_vm_state(vm);
	u64 type = get_vm_type(vm);

	if (state == VM_FREE)
		return KCORE_EINVAL;
	if (state == VM_DYING || type != KCORE_VM_NORMAL)
		return KCORE_ESTATE;
	return 0UL;
}

/* First page of the block or page to be mapped: index in DRAM, NO_PAGE for a device; PERM, INVAL.  Lock: held. */
static u64 map_check(u64 pa, u64 bytes, u64 prot)
{
	u64 index = range_in_dram(pa, bytes / PAGE_BYTES);
	u64 yes;

	if (index != NO_PAGE) {
		if ((prot & KCORE_PROT_DEVICE) != 0UL)
			return KCORE_EINVAL;
		yes = pages_host_owned(index, bytes / PAGE_BYTES);
		return yes != 0UL ? 0UL : KCORE_EPERM;
	}
	yes = range_has_dram(pa, bytes);
	if (yes != 0UL)
		return KCORE_EPERM;
	if ((prot & KCORE_PROT_DEVICE) == 0UL)
		return KCORE_EINVAL;
	yes = range_denied(pa, bytes);
	return yes == 0UL ? 0UL : KCORE_EPERM;
}

/* Tables down to the level, with the entry invalid; AGAIN if something is mapped there.  Lock: held. */
static u64 map_prepare(u64 vm, u64 ipa, u64 level)
{
	u64 end;
	u64 pte;
	u64 r;

	r = s2_prepare(vm, ipa, level);
	if (r != 0UL)
		return r == KCORE_EBUSY ? KCORE_EAGAIN : r;
	end = s2_level(vm, ipa);
	if (level == 2UL && end == 3UL) {
		r = s2_table_empty(vm, ipa);
		if (r == 0UL)
			return KCORE_EAGAIN;
		s2_free_table(vm, ipa, 2UL);
	}
	pte = s2_load(vm, ipa, level);
	return (pte & PTE_VALID) != 0UL ? KCORE_EAGAIN : 0UL;
}

/* Map a page or block where nothing is mapped.  Lock: held. */
static u64 map_leaf(u64 vm, u64 ipa, u64 pa, u64 level, u64 prot)
{
	u64 bytes = level_bytes(level);
	u64 index = range_in_dram(pa, bytes / PAGE_BYTES);
	u64 pte = pte_leaf(pa, prot, level);
	u64 n;
	u64 r;

	r = normal_check(vm);
	if (r != 0UL)
		return r;
	r = map_check(pa, bytes, prot);
	if (r != 0UL)
		return r;
	r = map_prepare(vm, ipa, level);
	if (r != 0UL)
		return r;
	if (index != NO_PAGE)
		pages_map_add(index, bytes / PAGE_BYTES);
	n = get_vm_pages(vm);
	set_vm_pages(vm, n + 1UL);
	s2_set(vm, ipa, level, pte);
	return 0UL;
}

/* One section: drop the leaf over the IPA.  The bytes that its entry covers, plus 1 if there was one; or an error. */
static u64 range_drop(u64 vm, u64 ipa)
{
	u64 level;
	u64 bytes;
	u64 r;

	lock_acquire();
	r = normal_check(vm);
	if (r == 0UL) {
		level = s2_level(vm, ipa);
		bytes = level_bytes(level);
		r = leaf_drop(vm, ipa, level);
		r = r + bytes;
	}
	lock_release();
	return r;
}

/* One section: map_leaf(). */
static u64 map_try(u64 vm, u64 ipa, u64 pa, u64 level, u64 prot)
{
	u64 r;

	lock_acquire();
	r = map_leaf(vm, ipa, pa, level, prot);
	lock_release();
	return r;
}

/* Drop what is mapped where a page or block is going to be. */
static u64 map_clear(u64 vm, u64 ipa, u64 bytes)
{
	u64 at = ipa;
	u64 r;
	u64 i;

	for (i = 0UL; i < 512UL; i++) {
		r = range_drop(vm, at);
		if (r >= KCORE_ERR_MIN)
			return r;
		r = r & ~1UL;
		at = (at & ~(r - 1UL)) + r;
		if (at >= ipa + bytes)
			return 0UL;
	}
	return 0UL;
}

/* KCORE_HC_VM_MAP */
u64 hc_vm_map(u64 vm, u64 ipa, u64 pa, u64 bytes, u64 prot)
{
	u64 level = bytes == PAGE_BYTES ? 3UL : 2UL;
	u64 r;

	if (vm == HOST || vm >= KCORE_NR_VMS || (bytes != PAGE_BYTES && bytes != BLOCK_BYTES))
		return KCORE_EINVAL;
	if (((ipa | pa) & (bytes - 1UL)) != 0UL || ipa >= IPA_END || pa >= IPA_END || prot > 15UL)
		return KCORE_EINVAL;
	r = map_try(vm, ipa, pa, level, prot);
	if (r != KCORE_EAGAIN)
		return r;
	r = map_clear(vm, ipa, bytes);	/* allowed, but something is mapped there */
	if (r != 0UL)
		return r;
	return map_try(vm, ipa, pa, level, prot);
}

static u64 range_bad(u64 vm, u64 ipa, u64 bytes)
{
	if (vm == HOST || vm >= KCORE_NR_VMS || ((ipa | bytes) & (PAGE_BYTES - 1UL)) != 0UL)
		return 1UL;
	if (ipa >= IPA_END || bytes == 0UL || bytes > IPA_END - ipa)
		return 1UL;
	return 0UL;
}

/* Drop every leaf in the range.  The leaves dropped (0, 1: some), AGAIN or another error; x1 = IPA reached. */
static u64 range_unmap(u64 vm, u64 ipa, u64 bytes)
{
	u64 end = ipa + bytes;
	u64 dropped = 0UL;
	u64 r;
	u64 i;

	r = range_bad(vm, ipa, bytes);
	if (r != 0UL)
		return KCORE_EINVAL;
	for (i = 0UL; i < RANGE_STEPS; i++) {
		r = range_drop(vm, ipa);
		if (r >= KCORE_ERR_MIN)
			return r;
		dropped = dropped | (r & 1UL);
		r = r & ~1UL;
		ipa = (ipa & ~(r - 1UL)) + r;
		host_x_set(1UL, ipa);
		if (ipa >= end)
			return dropped;
	}
	return KCORE_EAGAIN;
}

/* KCORE_HC_VM_UNMAP */
u64 hc_vm_unmap(u64 vm, u64 ipa, u64 bytes)
{
	u64 r = range_unmap(vm, ipa, bytes);

	return r >= KCORE_ERR_MIN ? r : 0UL;
}

/* KCORE_HC_VM_AGE: what was mapped counts as young; the next access faults and is filled again. */
u64 hc_vm_age(u64 vm, u64 ipa, u64 bytes)
{
	return range_unmap(vm, ipa, bytes);
}

/* The leaf over the IPA comes back without write access.  The bytes it covers; AGAIN: another CPU mapped there meanwhile. */
static u64 wrprotect_one(u64 vm, u64 ipa)
{
	u64 level;
	u64 bytes;
	u64 pte;
	u64 prot;
	u64 r;

	lock_acquire();
	r = normal_check(vm);
	level = s2_level(vm, ipa);
	pte = s2_load(vm, ipa, level);
	lock_release();
	if (r != 0UL)
		return r;
	bytes = level_bytes(level);
	if ((pte & PTE_VALID) == 0UL || (pte & PTE_WRITE) == 0UL)
		return bytes;
	r = range_drop(vm, ipa);
	if (r >= KCORE_ERR_MIN)
		return r;
	prot = pte_prot(pte);
	r = map_try(vm, ipa & ~(bytes - 1UL), pte & PTE_ADDRESS, level, prot & ~KCORE_PROT_W);
	return r == KCORE_EAGAIN ? r : bytes;
}

/* KCORE_HC_VM_WRPROTECT */
u64 hc_vm_wrprotect(u64 vm, u64 ipa, u64 bytes)
{
	u64 end = ipa + bytes;
	u64 r;
	u64 i;

	r = range_bad(vm, ipa, bytes);
	if (r != 0UL)
		return KCORE_EINVAL;
	host_x_set(1UL, ipa);
	for (i = 0UL; i < RANGE_STEPS; i++) {
		r = wrprotect_one(vm, ipa);
		if (r >= KCORE_ERR_MIN)
			return r;
		ipa = (ipa & ~(r - 1UL)) + r;
		host_x_set(1UL, ipa);
		if (ipa >= end)
			return 0UL;
	}
	return KCORE_EAGAIN;
}

/* KCORE_HC_TLB_FLUSH_LOCAL */
u64 hc_tlb_flush_local(u64 vm)
{
	u64 vttbr;

	if (vm == HOST || vm >= KCORE_NR_VMS)
		return KCORE_EINVAL;
	vttbr = s2_vttbr(vm);
	tlbi_local(vttbr);
	return 0UL;
}

/* KCORE_HC_PAGE_STATE */
u64 hc_page_state(u64 pa)
{
	u64 index;
	u64 owner;
	u64 maps;

	if ((pa & (PAGE_BYTES - 1UL)) != 0UL || pa >= IPA_END)
		return KCORE_EINVAL;
	index = page_index(pa);
	if (index == NO_PAGE)
		return KCORE_PAGE_NOT_DRAM;
	lock_acquire();
	owner = get_page_owner(index);
	maps = get_page_maps(index);
	lock_release();
	if (owner == OWNER_CORE)
		return KCORE_PAGE_CORE;
	if (owner != OWNER_HOST)
		return KCORE_PAGE_VM;
	return maps != 0UL ? KCORE_PAGE_MAPPED : KCORE_PAGE_HOST;
}
