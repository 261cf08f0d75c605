/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's stage 2: identity, filled when the host first touches a page.  A 2 MiB block where all of
 * it is the host's, pages otherwise.  What isn't DRAM is mapped by rule: unless denied.
 */
#include "core.h"

#define HOST_DRAM		(KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_X)
#define HOST_DEVICE		(KCORE_PROT_R | KCORE_PROT_W)	/* memory type: the host's stage 1 decides */

/* 1 if the whole 2 MiB block around the address may be the host's as one leaf.  Lock: held. */
static u64 host_block_whole(u64 ipa)
{
	u64 block = ipa & ~(BLOCK_BYTES - 1UL);
	u64 index = range_in_dram(block, 512UL);
	u64 dram;
	u64 denied;

	if (index != NO_PAGE)
		return pages_host_owned(index, 512UL);
	dram = range_has_dram(block, BLOCK_BYTES);
	denied = range_denied(block, BLOCK_BYTES);
	return dram == 0UL && denied == 0UL ? 1UL : 0UL;
}

/* 1 if the page may be the host's.  Lock: held. */
static u64 host_page_allowed(u64 ipa)
{
	u64 page = ipa & ~(PAGE_BYTES - 1UL);
	u64 index = page_index(page);
	u64 denied;

	if (index != NO_PAGE)
		return pages_host_owned(index, 1UL);
	denied = range_denied(page, PAGE_BYTES);
	return denied == 0UL ? 1UL : 0UL;
}

/* Map what the host touched.  0: mapped; PERM: not the host's; NOMEM.  Lock: held. */
static u64 host_map(u64 ipa)
{
	u64 level = 3UL;
	u64 bytes;
	u64 index;
	u64 yes;
	u64 pte;
	u64 r;

	yes = host_page_allowed(ipa);
	if (yes == 0UL)
		return KCORE_EPERM;
	r = s2_prepare(HOST, ipa, 2UL);
	if (r != 0UL)
		return r;
	level = s2_level(HOST, ipa);		/* a block that was split stays pages */
	if (level == 2UL) {
		yes = host_block_whole(ipa);
		level = yes != 0UL ? 2UL : 3UL;
	}
	r = s2_prepare(HOST, ipa, level);
	if (r != 0UL)
		return r;
	bytes = level_bytes(level);
	index = page_index(ipa & ~(PAGE_BYTES - 1UL));
	pte = pte_leaf(ipa & ~(bytes - 1UL), index != NO_PAGE ? HOST_DRAM : HOST_DEVICE, level);
	s2_set(HOST, ipa, level, pte);
	return 0UL;
}

/*
 * A stage-2 translation fault of the host.  1: it may try again, 0: the access is refused.  Another CPU may
 * have been between break and make, so a valid leaf means try again.
 */
u64 host_fault_map(u64 ipa)
{
	u64 level;
	u64 pte;
	u64 r;

	if (ipa >= IPA_END)
		return 0UL;
	lock_acquire();
	level = s2_level(HOST, ipa);
	pte = s2_load(HOST, ipa, level);
	if ((pte & PTE_VALID) != 0UL)
		r = 0UL;
	else
		r = host_map(ipa);
	lock_release();
	return r == 0UL ? 1UL : 0UL;
}

/* Make sure that host_unmap() can't fail: a block over the page becomes pages.  Lock: held. */
u64 host_prepare_unmap(u64 pa)
{
	u64 level = s2_level(HOST, pa);
	u64 pte = s2_load(HOST, pa, level);
	u64 r = 0UL;

	if (level == 2UL && (pte & PTE_VALID) != 0UL)
		r = s2_split(HOST, pa);
	return r;
}

/* Take one page away from the host.  Lock: held. */
void host_unmap(u64 pa)
{
	u64 level = s2_level(HOST, pa);

	if (level == 3UL)
		s2_clear(HOST, pa, 3UL);
}
