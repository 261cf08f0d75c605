/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing a stage-2 table.  Every store is one 64-bit word, from invalid to valid or from valid to
 * invalid; a valid entry is made invalid and invalidated in all TLBs before anything else takes
 * its place (break before make, D8.14.1).
 */
#include "core.h"

/*
 * Allocate the tables on the way to the IPA's entry at the level (2 or 3).  Changes no translation.
 * NOMEM: the pool is exhausted; BUSY: a block is in the way.  Lock: held.
 */
u64 s2_prepare(u64 vm, u64 ipa, u64 level)
{
	u64 entry;
	u64 pte;
	u64 is_table;
	u64 table;
	u64 l;

	for (l = 1UL; l < level; l++) {
		entry = s2_entry(vm, ipa, l);
		pte = pt_load(entry);
		is_table = pte_is_table(pte);
		if (is_table == 0UL && (pte & PTE_VALID) != 0UL)
			return KCORE_EBUSY;
		if (is_table == 0UL) {
			table = pool_alloc(vm);
			if (table == 0UL)
				return KCORE_ENOMEM;
			dsb_store();
			pt_store(entry, table | PTE_TABLE | PTE_VALID);
			dsb_store();
		}
	}
	return 0UL;
}

/* Make an invalid entry a leaf.  The way was prepared.  Lock: held. */
void s2_set(u64 vm, u64 ipa, u64 level, u64 pte)
{
	u64 entry = s2_entry(vm, ipa, level);

	pt_store(entry, pte);
	dsb_store();
}

/* Make an entry invalid, complete in all TLBs at the return.  The old entry.  Lock: held. */
u64 s2_clear(u64 vm, u64 ipa, u64 level)
{
	u64 entry = s2_entry(vm, ipa, level);
	u64 vttbr = s2_vttbr(vm);
	u64 pte = pt_load(entry);

	if ((pte & PTE_VALID) != 0UL) {
		pt_store(entry, 0UL);
		dsb_store();
		tlbi_ipa(vttbr, ipa);
		dsb_tlbi();
	}
	return pte;
}

/* Take away the table below the entry; all of its entries are invalid.  Lock: held. */
void s2_free_table(u64 vm, u64 ipa, u64 level)
{
	u64 entry = s2_entry(vm, ipa, level);
	u64 vttbr = s2_vttbr(vm);
	u64 pte = pt_load(entry);

	pt_store(entry, 0UL);
	dsb_store();
	tlbi_vmid(vttbr);
	dsb_tlbi();
	pool_give(vm, pte & PTE_ADDRESS);
}

/* Replace the 2 MiB block over the IPA by a table of 512 pages with the same translation.  Lock: held. */
u64 s2_split(u64 vm, u64 ipa)
{
	u64 entry = s2_entry(vm, ipa, 2UL);
	u64 vttbr = s2_vttbr(vm);
	u64 pte = pt_load(entry);
	u64 table = pool_alloc(vm);
	u64 i;

	if (table == 0UL)
		return KCORE_ENOMEM;
	for (i = 0UL; i < 512UL; i++)
		pt_store(table + i * 8UL, (pte | PTE_TABLE) + i * PAGE_BYTES);
	dsb_store();
	pt_store(entry, 0UL);
	dsb_store();
	tlbi_ipa(vttbr, ipa);
	dsb_tlbi();
	pt_store(entry, table | PTE_TABLE | PTE_VALID);
	dsb_store();
	return 0UL;
}
