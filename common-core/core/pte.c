/* SPDX-License-Identifier: GPL-2.0-only */
/* Stage-2 descriptors (D8.3.2): 4 KiB granule, 40-bit output address, inner shareable. */
#include "core.h"

#define PTE_AF			0x400UL
#define PTE_INNER_SHAREABLE	0x300UL
#define PTE_NORMAL		0x3cUL			/* MemAttr: Normal, write-back; stage 1 may make it stricter */
#define PTE_DEVICE		0x04UL			/* MemAttr: Device-nGnRE */
#define PTE_XN			0x40000000000000UL	/* XN[1]: not executable at EL1 and EL0 */

/* 1 for a valid table descriptor.  Only for entries above level 3. */
u64 pte_is_table(u64 pte)
{
	if ((pte & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE))
		return 1UL;
	return 0UL;
}

/* Leaf descriptor of level 2 (block) or 3 (page); prot: KCORE_PROT_*. */
u64 pte_leaf(u64 pa, u64 prot, u64 level)
{
	u64 pte = (pa & PTE_ADDRESS) | PTE_AF | PTE_INNER_SHAREABLE | PTE_VALID;

	pte |= (prot & KCORE_PROT_DEVICE) != 0UL ? PTE_DEVICE : PTE_NORMAL;
	pte |= (prot & KCORE_PROT_R) != 0UL ? PTE_READ : 0UL;
	pte |= (prot & KCORE_PROT_W) != 0UL ? PTE_WRITE : 0UL;
	pte |= (prot & KCORE_PROT_X) != 0UL ? 0UL : PTE_XN;
	pte |= level == 3UL ? PTE_TABLE : 0UL;
	return pte;
}

/* KCORE_PROT_* of a leaf */
u64 pte_prot(u64 pte)
{
	u64 prot = 0UL;

	prot |= (pte & PTE_READ) != 0UL ? KCORE_PROT_R : 0UL;
	prot |= (pte & PTE_WRITE) != 0UL ? KCORE_PROT_W : 0UL;
	prot |= (pte & PTE_XN) != 0UL ? 0UL : KCORE_PROT_X;
	prot |= (pte & PTE_NORMAL) == PTE_DEVICE ? KCORE_PROT_DEVICE : 0UL;
	return prot;
}
