// SPDX-License-Identifier: GPL-2.0-only
// matches: H05 2
#include <asm/kasan.h>
#include <asm/memory.h>

void __init arm64_memblock_init(void)
{
	if (initrd_size)
		reserve_initrd();

	high_memory = __va(memblock_end_of_DRAM() - 1) + 1;
}

void __init bootmem_init(void)
{
	high_memory = __va(memblock_end_of_DRAM() - 1) + 1;
}
