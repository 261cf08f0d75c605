// SPDX-License-Identifier: GPL-2.0-only
// matches: H05 2
// as up to v5.10: more follows the anchor
#include <asm/memory.h>

void __init arm64_memblock_init(void)
{
	const s64 linear_region_size = BIT(47);

	memblock_remove(linear_region_size, ULLONG_MAX);

	high_memory = __va(memblock_end_of_DRAM() - 1) + 1;

	dma_contiguous_reserve(arm64_dma_phys_limit);
}
