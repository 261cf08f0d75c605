/* SPDX-License-Identifier: GPL-2.0-only */
/* region.c, owner.c, pte.c, pool.c, walk.c, s2map.c */
#include "helper.h"

static void region_index_of_pages(void **state)
{
	(void)state;
	eq(page_index(DRAM0_BASE), 0);
	eq(page_index(DRAM0_END - 4096), (DRAM0_END - DRAM0_BASE) / 4096 - 1);
	eq(page_index(DRAM1_BASE), index_of(DRAM1_BASE));
	eq(page_index(DRAM2_BASE), index_of(DRAM2_BASE));
	eq(page_index(DRAM2_END - 4096), FAKE_PAGES - 1);
	eq(page_index(DRAM0_BASE - 4096), NO_PAGE);
	eq(page_index(DRAM2_END), NO_PAGE);
	eq(page_index(0), NO_PAGE);
	eq(page_index(~0UL), NO_PAGE);
	eq(page_index(~0UL << 12), NO_PAGE);
}

static void region_range_in_one_region(void **state)
{
	u64 left = (DRAM2_END - DRAM2_BASE) / 4096;

	(void)state;
	eq(range_in_dram(DRAM2_BASE, left), index_of(DRAM2_BASE));
	eq(range_in_dram(DRAM2_BASE, left + 1), NO_PAGE);
	eq(range_in_dram(DRAM2_BASE + 4096, left), NO_PAGE);
	eq(range_in_dram(DRAM0_END - 4096, 2), NO_PAGE);	/* goes on in the next region */
	eq(range_in_dram(DRAM0_BASE, ~0UL), NO_PAGE);
}

static void region_overlaps(void **state)
{
	(void)state;
	eq(range_has_dram(DRAM0_BASE - 4096, 4096), 0);
	eq(range_has_dram(DRAM0_BASE - 4096, 4097), 1);
	eq(range_has_dram(DRAM2_END, 4096), 0);
	eq(range_has_dram(DRAM2_END - 1, 1), 1);
	eq(range_has_dram(0, IPA_END), 1);
	eq(range_denied(DENIED0_BASE - 4096, 4096), 0);
	eq(range_denied(DENIED0_BASE - 4096, 8192), 1);
	eq(range_denied(DENIED1_END, 4096), 0);
	eq(range_denied(DENIED1_END - 4096, 4096), 1);
	eq(range_denied(0, IPA_END), 1);
}

static void owner_queries(void **state)
{
	u64 i = index_of(FREE_BLOCK);

	(void)state;
	eq(pages_host_owned(i, 512), 1);
	eq(pages_host_owned(index_of(REGION_END) - 1, 2), 0);
	lock_acquire();
	set_page_owner(i + 511, 5);
	pages_map_add(i, 511);
	lock_release();
	eq(pages_host_owned(i, 511), 1);
	eq(pages_host_owned(i, 512), 0);
	eq(maps_of(FREE_BLOCK + 510 * 4096), 1);
	eq(maps_of(FREE_BLOCK + 511 * 4096), 0);
	lock_acquire();
	pages_map_sub(i, 511);
	lock_release();
	eq(maps_of(FREE_BLOCK), 0);
}

static void pte_round_trip(void **state)
{
	u64 pte;

	(void)state;
	for (u64 level = 2; level <= 3; level++) {
		for (u64 prot = 0; prot < 16; prot++) {
			pte = pte_leaf(0xffffe00000UL, prot, level);
			eq(pte_prot(pte), prot);
			eq(pte & PTE_ADDRESS, 0xffffe00000UL);
			eq(pte & 3, level == 3 ? 3 : 1);
			eq(pte >> 10 & 1, 1);			/* access flag */
			eq(pte >> 8 & 3, 3);			/* inner shareable */
			eq(pte >> 2 & 15, prot & KCORE_PROT_DEVICE ? 1 : 15);
			eq(pte >> 53 & 3, prot & KCORE_PROT_X ? 0 : 2);
		}
	}
	eq(pte_is_table(3), 1);
	eq(pte_is_table(1), 0);
	eq(pte_is_table(2), 0);
	eq(pte_is_table(0), 0);
}

static void pool_recycles_zeroed(void **state)
{
	u64 a, b;

	(void)state;
	lock_acquire();
	a = pool_alloc(7);
	b = pool_alloc(7);
	eq(get_vm_tables(7), 2);
	assert_true(a && b && a != b);
	dirty(a);
	pool_give(7, a);
	for (u64 i = 1; i < 512; i++)
		eq(peek(a + i * 8), 0);
	dirty(b);
	pool_give(7, b);
	eq(get_vm_tables(7), 0);
	eq(pool_alloc(8), b);
	eq(peek(b), 0);
	eq(pool_alloc(8), a);
	eq(peek(a), 0);
	pool_give(8, a);
	pool_give(8, b);
	lock_release();
	check_invariant();
}

static void pool_keeps_a_reserve_for_the_host(void **state)
{
	(void)state;
	start_small(2, 3);
	lock_acquire();
	assert_int_not_equal(pool_alloc(1), 0);
	assert_int_not_equal(pool_alloc(1), 0);
	eq(pool_alloc(1), 0);
	eq(get_pool_free(), 3);
	for (u64 i = 3; i > 0; i--) {
		eq(get_pool_reserve(), i);
		assert_int_not_equal(pool_alloc(HOST), 0);
	}
	eq(get_pool_reserve(), 0);
	eq(pool_alloc(HOST), 0);
	eq(get_pool_free(), 0);
	lock_release();
}

static void pool_host_goes_on_behind_its_reserve(void **state)
{
	(void)state;
	start_small(1, 0);
	lock_acquire();
	assert_int_not_equal(pool_alloc(HOST), 0);
	eq(get_pool_reserve(), 0);
	eq(pool_alloc(HOST), 0);
	lock_release();
}

static void walk_levels(void **state)
{
	u64 vm = normal_vm(0);

	(void)state;
	eq(level_bytes(1), 1UL << 30);
	eq(level_bytes(2), 1UL << 21);
	eq(level_bytes(3), 1UL << 12);
	eq(s2_root(3), cells.root_base + 3 * 8192);
	eq(s2_vttbr(255), (cells.root_base + 255 * 8192) | 255UL << 48);
	lock_acquire();
	eq(s2_level(vm, 0), 1);
	eq(s2_entry(vm, 0, 2), 0);
	eq(s2_entry(vm, 0, 3), 0);
	eq(s2_load(vm, 0, 3), 0);
	eq(s2_entry(vm, IPA_END - 1, 1), s2_root(vm) + 1023 * 8);
	eq(s2_prepare(vm, 0x40201000UL, 2), 0);
	eq(s2_level(vm, 0x40201000UL), 2);
	eq(s2_level(vm, 0), 1);
	eq(s2_prepare(vm, 0x40201000UL, 3), 0);
	eq(s2_level(vm, 0x40201000UL), 3);
	eq(s2_level(vm, 0x40401000UL), 2);
	eq(get_vm_tables(vm), 2);
	eq(s2_prepare(vm, 0x40201000UL, 3), 0);		/* nothing to do */
	eq(get_vm_tables(vm), 2);
	eq(s2_entry(vm, 0x40201000UL, 3) & 0xfff, 8);
	lock_release();
	check_invariant();
}

static void walk_counts_invalid_entries_in_a_group(void **state)
{
	u64 vm = normal_vm(0);

	(void)state;
	lock_acquire();
	eq(s2_vacant(vm, 0, 1), 127);			/* without the last of the group */
	eq(s2_vacant(vm, 100 * GIB, 1), 27);
	eq(s2_vacant(vm, 127 * GIB, 1), 0);
	eq(s2_vacant(vm, IPA_END - GIB, 1), 0);
	eq(s2_prepare(vm, 7 * GIB, 3), 0);
	eq(s2_vacant(vm, 0, 1), 7);			/* a table is not passed over */
	eq(s2_vacant(vm, 7 * GIB, 1), 0);
	eq(s2_vacant(vm, 8 * GIB, 1), 119);
	eq(s2_vacant(vm, 7 * GIB, 2), 0);
	eq(s2_vacant(vm, 7 * GIB + BLOCK_BYTES, 2), 126);
	s2_set(vm, 7 * GIB + 130 * BLOCK_BYTES, 2, pte_leaf(FREE_BLOCK, 7, 2));
	eq(s2_vacant(vm, 7 * GIB + 128 * BLOCK_BYTES, 2), 2);	/* nor a leaf */
	eq(s2_vacant(vm, 7 * GIB + 511 * BLOCK_BYTES, 2), 0);
	s2_set(vm, 7 * GIB + 300 * PAGE_BYTES, 3, pte_leaf(FREE_BLOCK, 7, 3));
	eq(s2_vacant(vm, 7 * GIB, 3), 127);
	eq(s2_vacant(vm, 7 * GIB + 290 * PAGE_BYTES, 3), 10);
	eq(s2_vacant(vm, 7 * GIB + 300 * PAGE_BYTES, 3), 0);
	eq(s2_vacant(vm, 7 * GIB + 301 * PAGE_BYTES, 3), 82);
	s2_clear(vm, 7 * GIB + 130 * BLOCK_BYTES, 2);
	s2_clear(vm, 7 * GIB + 300 * PAGE_BYTES, 3);
	lock_release();
	check_invariant();
}

static void s2map_set_split_clear(void **state)
{
	u64 vm = normal_vm(0), ipa = 0x200000;
	struct translation t;

	(void)state;
	eq(call(VM_MAP, vm, ipa, FREE_BLOCK, BLOCK_BYTES, 5), 0);
	lock_acquire();
	eq(s2_prepare(vm, ipa + 0x1000, 3), KCORE_EBUSY);
	eq(s2_split(vm, ipa + 0x3000), 0);
	lock_release();
	for (u64 i = 0; i < 512; i++) {
		t = translate(vm, ipa + i * 4096 + 8);
		eq(t.pa, FREE_BLOCK + i * 4096 + 8);
		eq(t.level, 3);
		assert_true(t.r && !t.w && t.x && !t.device);
	}
	lock_acquire();
	assert_int_not_equal(s2_clear(vm, ipa + 0x5000, 3) & 1, 0);
	eq(s2_clear(vm, ipa + 0x5000, 3), 0);
	lock_release();
	assert_false(translate(vm, ipa + 0x5000).valid);
	assert_true(translate(vm, ipa + 0x6000).valid);
	check_at_rest();
}

static void s2map_split_without_memory(void **state)
{
	u64 vm;

	(void)state;
	start_small(1, 0);
	vm = normal_vm(0);
	eq(call(VM_MAP, vm, 0, FREE_BLOCK, BLOCK_BYTES, 7), 0);
	lock_acquire();
	eq(s2_split(vm, 0), KCORE_ENOMEM);
	lock_release();
	eq(translate(vm, 0).level, 2);
	check_invariant();
}

SUITE(memory,
      TEST(region_index_of_pages), TEST(region_range_in_one_region), TEST(region_overlaps), TEST(owner_queries),
      TEST(pte_round_trip), TEST(pool_recycles_zeroed), TEST(pool_keeps_a_reserve_for_the_host),
      TEST(pool_host_goes_on_behind_its_reserve), TEST(walk_levels), TEST(walk_counts_invalid_entries_in_a_group),
      TEST(s2map_set_split_clear), TEST(s2map_split_without_memory))
