/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walking a stage-2 table (D8.2): first level 1 with two concatenated tables (1024 entries of 1 GiB),
 * then level 2 (2 MiB) and level 3 (4 KiB).  IPAs are below IPA_END.
 */
#include "core.h"

/* Bytes that one entry of the level covers. */
u64 level_bytes(u64 level)
{
	if (level == 1UL)
		return GIB;
	if (level == 2UL)
		return BLOCK_BYTES;
	return PAGE_BYTES;
}

u64 s2_root(u64 vm)
{
	u64 base = get_root_base();

	return base + vm * ROOT_BYTES;
}

/* VTTBR_EL2: root and VMID; the VMID is the handle. */
u64 s2_vttbr(u64 vm)
{
	u64 root = s2_root(vm);

	return root | (vm << 48UL);
}

/* Offset in bytes of the IPA's entry in a table of the level. */
static u64 entry_offset(u64 ipa, u64 level)
{
	if (level == 1UL)
		return ((ipa >> 30UL) & 1023UL) * 8UL;
	if (level == 2UL)
		return ((ipa >> 21UL) & 511UL) * 8UL;
	return ((ipa >> 12UL) & 511UL) * 8UL;
}

/* PA of the IPA's entry at the level; 0 when an entry above it is no table.  Lock: held. */
u64 s2_entry(u64 vm, u64 ipa, u64 level)
{
	u64 table = s2_root(vm);
	u64 offset = entry_offset(ipa, 1UL);
	u64 pte;
	u64 is_table;
	u64 l;

	for (l = 1UL; l < level; l++) {
		pte = pt_load(table + offset);
		is_table = pte_is_table(pte);
		if (is_table == 0UL)
			return 0UL;
		table = pte & PTE_ADDRESS;
		offset = entry_offset(ipa, l + 1UL);
	}
	return table + offset;
}

/* The level at which the walk for the IPA ends: the first entry that is no table.  Lock: held. */
u64 s2_level(u64 vm, u64 ipa)
{
	u64 entry;

	entry = s2_entry(vm, ipa, 3UL);
	if (entry != 0UL)
		return 3UL;
	entry = s2_entry(vm, ipa, 2UL);
	if (entry != 0UL)
		return 2UL;
	return 1UL;
}

/* The IPA's descriptor at the level; 0 when an entry above it is no table.  Lock: held. */
u64 s2_load(u64 vm, u64 ipa, u64 level)
{
	u64 entry = s2_entry(vm, ipa, level);

	if (entry == 0UL)
		return 0UL;
	return pt_load(entry);
}

/*
 * How many entries from the IPA's on are invalid, without the last of its group of PTE_GROUP entries: so the time is bounded,
 * and the last entry of a table is not among them.  The tables down to the level are there.  Lock: held.
 */
u64 s2_vacant(u64 vm, u64 ipa, u64 level)
{
	u64 entry = s2_entry(vm, ipa, level);
	u64 offset = entry_offset(ipa, level);
	u64 most = PTE_GROUP - 1UL - ((offset / 8UL) & (PTE_GROUP - 1UL));
	u64 pte;
	u64 i;

	for (i = 0UL; i < most; i++) {
		pte = pt_load(entry + i * 8UL);
		if ((pte & PTE_VALID) != 0UL)
			return i;
	}
	return most;
}

/* 1 if no entry of the table below the level-2 entry is valid.  There is a table.  Lock: held. */
u64 s2_table_empty(u64 vm, u64 ipa)
{
	u64 table = s2_entry(vm, ipa & ~(BLOCK_BYTES - 1UL), 3UL);
	u64 pte;
	u64 i;

	for (i = 0UL; i < 512UL; i++) {
		pte = pt_load(table + i * 8UL);
		if ((pte & PTE_VALID) != 0UL)
			return 0UL;
	}
	return 1UL;
}
