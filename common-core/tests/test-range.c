/* SPDX-License-Identifier: GPL-2.0-only */
/* range.c: memory of normal VMs */
#include "helper.h"

#define RWX	(KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_X)

static u64 vm, other;

static u64 x1(void)
{
	return this_cpu()->x[1];
}

static void map_page_and_block(void **state)
{
	struct translation t;

	(void)state;
	vm = normal_vm(1);
	eq(call(VM_MAP, vm, 0x5000, FREE_PAGE, 4096, RWX), 0);
	eq(call(VM_MAP, vm, 0x200000, FREE_BLOCK, BLOCK_BYTES, KCORE_PROT_R), 0);
	t = translate(vm, 0x5010);
	assert_true(t.r && t.w && t.x && !t.device && t.level == 3);
	eq(t.pa, FREE_PAGE + 0x10);
	t = translate(vm, 0x3ff000);
	assert_true(t.r && !t.w && !t.x && t.level == 2);
	eq(t.pa, FREE_BLOCK + 0x1ff000);
	eq(maps_of(FREE_PAGE), 1);
	eq(maps_of(FREE_BLOCK + 0x1ff000), 1);
	eq(cells.vm_pages[vm], 2);
	eq(call(PAGE_STATE, FREE_PAGE), KCORE_PAGE_MAPPED);
	check_invariant();
	/* the same page again, here and in another VM */
	other = normal_vm(0);
	eq(call(VM_MAP, vm, 0x6000, FREE_PAGE, 4096, RWX), 0);
	eq(call(VM_MAP, other, 0x6000, FREE_PAGE, 4096, RWX), 0);
	eq(maps_of(FREE_PAGE), 3);
	check_invariant();
	destroy(other);
	eq(maps_of(FREE_PAGE), 2);
	destroy(vm);
	eq(maps_of(FREE_PAGE), 0);
}

static void map_before_finalise(void **state)
{
	(void)state;
	vm = call(VM_CREATE, KCORE_VM_NORMAL);
	eq(call(VM_MAP, vm, 0, FREE_PAGE, 4096, RWX), 0);
	check_invariant();
	destroy(vm);
}

static void map_bad_arguments(void **state)
{
	(void)state;
	vm = normal_vm(1);
	other = protected_vm(1);
	eq(call(VM_MAP, vm, 0, FREE_PAGE, 4096, RWX), 0);
	refused(KCORE_EINVAL, call(VM_MAP, 0, 0, FREE_PAGE, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, 256, 0, FREE_PAGE, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, ~0UL, 0, FREE_PAGE, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, 9, 0, FREE_PAGE, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_PAGE, 0, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_PAGE, 8192, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, DRAM0_BASE, GIB, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_PAGE, ~0UL, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 8, FREE_PAGE, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_PAGE + 8, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0x1000, FREE_BLOCK, BLOCK_BYTES, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_BLOCK + 0x1000, BLOCK_BYTES, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, IPA_END, FREE_PAGE, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, ~0xfffUL, FREE_PAGE, 4096, RWX));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, IPA_END, 4096, RWX | KCORE_PROT_DEVICE));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_PAGE, 4096, 16));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_PAGE, 4096, ~0UL));
	refused(KCORE_ESTATE, call(VM_MAP, other, 0, FREE_PAGE, 4096, RWX));
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	refused(KCORE_ESTATE, call(VM_MAP, vm, 0x1000, FREE_PAGE, 4096, RWX));
}

/* What is mapped at the IPA must survive a call that fails. */
static void map_error_keeps_state(void **state)
{
	(void)state;
	vm = normal_vm(1);
	other = protected_vm(1);
	eq(call(VM_DONATE, other, MEMORY_BASE, FREE_BLOCK + 0x3000), 0);
	eq(call(VM_MAP, vm, 0, FREE_PAGE, 4096, RWX), 0);
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, REGION_BASE, 4096, RWX));
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, REGION_BASE, BLOCK_BYTES, RWX));
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, FREE_BLOCK + 0x3000, 4096, RWX));
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, FREE_BLOCK, BLOCK_BYTES, RWX));
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, DRAM0_END & ~0x1fffffUL, BLOCK_BYTES, RWX));	/* two regions */
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, 0x100800000UL, BLOCK_BYTES, RWX));		/* DRAM and device */
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, 0x100800000UL, BLOCK_BYTES, RWX | KCORE_PROT_DEVICE));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, FREE_PAGE, 4096, RWX | KCORE_PROT_DEVICE));
	refused(KCORE_EINVAL, call(VM_MAP, vm, 0, DEVICE, 4096, RWX));
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, DENIED0_BASE, 4096, KCORE_PROT_R | KCORE_PROT_DEVICE));
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, DENIED1_BASE, BLOCK_BYTES, KCORE_PROT_R | KCORE_PROT_DEVICE));
	refused(KCORE_EPERM, call(VM_MAP, vm, 0, DENIED0_BASE & ~0x1fffffUL, BLOCK_BYTES, KCORE_PROT_R | KCORE_PROT_DEVICE));
}

static void map_devices(void **state)
{
	(void)state;
	vm = normal_vm(1);
	eq(call(VM_MAP, vm, 0x9000000, DEVICE, 4096, KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_DEVICE), 0);
	assert_true(translate(vm, 0x9000000).device);
	eq(call(VM_MAP, vm, IPA_END - BLOCK_BYTES, IPA_END - BLOCK_BYTES, BLOCK_BYTES, KCORE_PROT_R | KCORE_PROT_DEVICE), 0);
	eq(cells.vm_pages[vm], 2);
	check_invariant();
	eq(call(VM_WRPROTECT, vm, 0x9000000, 4096), 0);
	assert_true(translate(vm, 0x9000000).device && !translate(vm, 0x9000000).w);
	check_invariant();
	eq(call(VM_UNMAP, vm, 0x9000000, 4096), 0);
	check_invariant();
	destroy(vm);
}

static void map_replaces(void **state)
{
	(void)state;
	vm = normal_vm(1);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE, 4096, RWX), 0);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE + 0x1000, 4096, KCORE_PROT_R), 0);	/* page by page */
	eq(maps_of(FREE_PAGE), 0);
	eq(translate(vm, 0x200000).pa, FREE_PAGE + 0x1000);
	eq(call(VM_MAP, vm, 0x3ff000, FREE_PAGE + 0x2000, 4096, RWX), 0);
	eq(cells.vm_tables[vm], 2);
	eq(call(VM_MAP, vm, 0x200000, FREE_BLOCK, BLOCK_BYTES, RWX), 0);		/* pages by a block */
	eq(translate(vm, 0x3ff000).pa, FREE_BLOCK + 0x1ff000);
	eq(cells.vm_tables[vm], 1);
	eq(maps_of(FREE_PAGE + 0x2000), 0);
	check_invariant();
	eq(call(VM_MAP, vm, 0x200000, FREE_BLOCK + BLOCK_BYTES, BLOCK_BYTES, RWX), 0);	/* a block by a block */
	check_invariant();
	eq(call(VM_MAP, vm, 0x204000, FREE_PAGE, 4096, RWX), 0);			/* a block by a page: all of it goes */
	assert_false(translate(vm, 0x200000).valid);
	eq(translate(vm, 0x204000).pa, FREE_PAGE);
	eq(cells.vm_pages[vm], 1);
	check_invariant();
	destroy(vm);
}

static void map_without_memory(void **state)
{
	(void)state;
	for (u64 pages = 0; pages < 3; pages++) {
		start_small(pages, 0);
		vm = normal_vm(1);
		if (pages < 2)
			refused(KCORE_ENOMEM, call(VM_MAP, vm, 0, FREE_PAGE, 4096, RWX));
		else
			eq(call(VM_MAP, vm, 0, FREE_PAGE, 4096, RWX), 0);
		check_invariant();
		destroy(vm);
	}
}

static void other_maps_there(void)
{
	on_cpu(1);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE + 0x1000, 4096, RWX), 0);
}

static void other_maps_a_block_there(void)
{
	on_cpu(1);
	eq(call(VM_MAP, vm, 0x200000, FREE_BLOCK, BLOCK_BYTES, RWX), 0);
}

static void other_maps_and_unmaps(void)
{
	on_cpu(1);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE + 0x1000, 4096, RWX), 0);
	eq(call(VM_UNMAP, vm, 0x200000, 4096), 0);
}

static void other_kills(void)
{
	on_cpu(1);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
}

static void other_donates(void)
{
	on_cpu(1);
	eq(call(VM_DONATE, other, MEMORY_BASE, FREE_PAGE), 0);
}

/* Something is mapped at the IPA, so that VM_MAP takes the long way: try, drop entry by entry, try again. */
static void in_the_way(u64 ipa)
{
	eq(call(VM_MAP, vm, ipa, FREE_PAGE + 0x9000, 4096, RWX), 0);
}

static void map_races(void **state)
{
	(void)state;
	vm = normal_vm(1);
	in_the_way(0x200000);
	at_release(2, other_maps_there);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE, 4096, RWX), KCORE_EAGAIN);
	eq(translate(vm, 0x200000).pa, FREE_PAGE + 0x1000);
	check_invariant();
	at_release(2, other_maps_a_block_there);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE, 4096, RWX), KCORE_EAGAIN);
	eq(translate(vm, 0x200000).level, 2);
	check_invariant();
	eq(call(VM_UNMAP, vm, 0, GIB), 0);
	in_the_way(0x201000);
	at_release(1 + 512, other_maps_there);			/* a table comes up where a block is to be */
	eq(call(VM_MAP, vm, 0x200000, FREE_BLOCK, BLOCK_BYTES, RWX), KCORE_EAGAIN);
	eq(translate(vm, 0x200000).pa, FREE_PAGE + 0x1000);
	check_invariant();
	at_release(1 + 512, other_maps_and_unmaps);
	eq(call(VM_MAP, vm, 0x200000, FREE_BLOCK, BLOCK_BYTES, RWX), 0);
	check_invariant();
	other = protected_vm(1);
	in_the_way(0x400000);
	at_release(2, other_donates);
	eq(call(VM_MAP, vm, 0x400000, FREE_PAGE, 4096, RWX), KCORE_EPERM);
	check_invariant();
	in_the_way(0x600000);
	at_release(1, other_kills);
	eq(call(VM_MAP, vm, 0x600000, FREE_PAGE + 0x1000, 4096, RWX), KCORE_ESTATE);
	check_invariant();
	vm = normal_vm(0);
	in_the_way(0x600000);
	at_release(2, other_kills);
	eq(call(VM_MAP, vm, 0x600000, FREE_PAGE + 0x1000, 4096, RWX), KCORE_ESTATE);
	check_invariant();
}

static void range_bad_arguments(void **state)
{
	(void)state;
	vm = normal_vm(1);
	other = protected_vm(1);
	eq(call(VM_MAP, vm, 0, FREE_PAGE, 4096, RWX), 0);
#define EACH(error, ...) do { \
		refused(error, call(VM_UNMAP, __VA_ARGS__)); \
		refused(error, call(VM_WRPROTECT, __VA_ARGS__)); \
		refused(error, call(VM_AGE, __VA_ARGS__)); \
	} while (0)
	EACH(KCORE_EINVAL, 0, 0, 4096);
	EACH(KCORE_EINVAL, 256, 0, 4096);
	EACH(KCORE_EINVAL, ~0UL, 0, 4096);
	EACH(KCORE_EINVAL, 77, 0, 4096);
	EACH(KCORE_EINVAL, vm, 1, 4096);
	EACH(KCORE_EINVAL, vm, 0, 4097);
	EACH(KCORE_EINVAL, vm, 0, 0);
	EACH(KCORE_EINVAL, vm, IPA_END, 4096);
	EACH(KCORE_EINVAL, vm, 0x1000, IPA_END);
	EACH(KCORE_EINVAL, vm, 0x1000, ~0xfffUL);
	EACH(KCORE_EINVAL, vm, ~0xfffUL, 4096);
	EACH(KCORE_ESTATE, other, 0, 4096);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	EACH(KCORE_ESTATE, vm, 0, 4096);
}

static void unmap_ranges(void **state)
{
	(void)state;
	vm = normal_vm(1);
	for (u64 i = 0; i < 8; i++)
		eq(call(VM_MAP, vm, i * 4096, FREE_PAGE + i * 4096, 4096, RWX), 0);
	eq(call(VM_MAP, vm, 0x40000000, FREE_BLOCK, BLOCK_BYTES, RWX), 0);
	eq(call(VM_UNMAP, vm, 0x2000, 0x3000), 0);
	eq(x1(), 0x5000);
	eq(cells.vm_pages[vm], 6);
	assert_true(translate(vm, 0x1000).valid && !translate(vm, 0x2000).valid && !translate(vm, 0x4000).valid && translate(vm, 0x5000).valid);
	eq(call(VM_UNMAP, vm, 0x40001000, 0x1000), 0);		/* a block that reaches into the range goes as a whole */
	assert_false(translate(vm, 0x40000000).valid);
	eq(x1(), 0x40200000);
	check_invariant();
	eq(call(VM_UNMAP, vm, 0x40000000, 0x80000000UL), 0);
	check_invariant();
}

static void unmap_in_bounded_steps(void **state)
{
	u64 at = 0, r, calls = 0;

	(void)state;
	vm = normal_vm(1);
	for (u64 i = 0; i < 5; i++)
		eq(call(VM_MAP, vm, i * BLOCK_BYTES + i * 4096, FREE_PAGE, 4096, RWX), 0);
	do {
		r = call(VM_UNMAP, vm, at, 0x1000000 - at);
		assert_true(x1() > at);
		at = x1();
		calls++;
		check_invariant();
	} while (r == KCORE_EAGAIN);
	eq(r, 0);
	eq(at, 0x1000000);
	eq(calls, 3);						/* 5 tables of 512 entries, 1,024 a call */
	eq(cells.vm_pages[vm], 0);
}

static void whole_ipa_space(void **state)
{
	(void)state;
	vm = normal_vm(1);
	eq(call(VM_UNMAP, vm, 0, IPA_END), 0);
	eq(x1(), IPA_END);
	eq(call(VM_WRPROTECT, vm, 0, IPA_END), 0);
	eq(x1(), IPA_END);
	eq(call(VM_AGE, vm, 0, IPA_END), 0);
	eq(x1(), IPA_END);
	eq(call(VM_MAP, vm, IPA_END - 4096, FREE_PAGE, 4096, RWX), 0);
	eq(call(VM_AGE, vm, 0, IPA_END), KCORE_EAGAIN);
	eq(call(VM_AGE, vm, x1(), IPA_END - x1()), 1);
	check_invariant();
}

static void age_says_if_anything_was_there(void **state)
{
	(void)state;
	vm = normal_vm(1);
	eq(call(VM_AGE, vm, 0, 0x10000), 0);
	eq(call(VM_MAP, vm, 0x3000, FREE_PAGE, 4096, RWX), 0);
	eq(call(VM_AGE, vm, 0, 0x3000), 0);
	eq(call(VM_AGE, vm, 0x3000, 0x1000), 1);
	eq(x1(), 0x4000);
	eq(call(VM_AGE, vm, 0x3000, 0x1000), 0);
	check_invariant();
}

static void wrprotect_ranges(void **state)
{
	u64 at = 0, r, calls = 0;

	(void)state;
	vm = normal_vm(1);
	eq(call(VM_MAP, vm, 0x3000, FREE_PAGE, 4096, RWX), 0);
	eq(call(VM_MAP, vm, 0x4000, FREE_PAGE + 0x1000, 4096, KCORE_PROT_R), 0);
	eq(call(VM_MAP, vm, 0x200000, FREE_BLOCK, BLOCK_BYTES, KCORE_PROT_R | KCORE_PROT_W), 0);
	eq(call(VM_WRPROTECT, vm, 0, 0x201000), 0);
	eq(x1(), 0x400000);
	assert_true(translate(vm, 0x3000).r && !translate(vm, 0x3000).w && translate(vm, 0x3000).x);
	assert_true(translate(vm, 0x4000).r && !translate(vm, 0x4000).w);
	eq(translate(vm, 0x200000).level, 2);
	assert_true(translate(vm, 0x3ff000).r && !translate(vm, 0x3ff000).w && !translate(vm, 0x3ff000).x);
	check_invariant();
	for (u64 i = 0; i < 4; i++)
		eq(call(VM_MAP, vm, 0x1000000 + i * BLOCK_BYTES, FREE_PAGE, 4096, RWX), 0);
	do {
		r = call(VM_WRPROTECT, vm, at, 0x2000000 - at);
		assert_true(x1() > at);
		at = x1();
		calls++;
		check_invariant();
	} while (r == KCORE_EAGAIN);
	eq(r, 0);
	eq(calls, 3);
}

static void other_unmaps(void)
{
	on_cpu(1);
	eq(call(VM_UNMAP, vm, 0x200000, 4096), 0);
}

static void other_unmaps_and_donates(void)
{
	other_unmaps();
	other_donates();
}

static void wrprotect_races(void **state)
{
	(void)state;
	/* sections of one leaf: look, drop, map */
	vm = normal_vm(1);
	other = protected_vm(1);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE, 4096, RWX), 0);
	at_release(1, other_unmaps);
	eq(call(VM_WRPROTECT, vm, 0x200000, 4096), 0);
	check_invariant();
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE, 4096, RWX), 0);
	at_release(2, other_maps_there);			/* writable: must not be passed off as protected */
	eq(call(VM_WRPROTECT, vm, 0x200000, 4096), KCORE_EAGAIN);
	eq(x1(), 0x200000);
	check_invariant();
	eq(call(VM_WRPROTECT, vm, 0x200000, 4096), 0);
	assert_false(translate(vm, 0x200000).w);
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE, 4096, RWX), 0);
	at_release(1, other_unmaps_and_donates);		/* the page went to a protected VM meanwhile: a hole */
	eq(call(VM_WRPROTECT, vm, 0x200000, 4096), 0);
	assert_false(translate(vm, 0x200000).valid);
	check_invariant();
	eq(call(VM_MAP, vm, 0x200000, FREE_PAGE + 0x1000, 4096, RWX), 0);
	at_release(1, other_kills);
	eq(call(VM_WRPROTECT, vm, 0x200000, 4096), KCORE_ESTATE);
	check_invariant();
}

static void tlb_flush_local(void **state)
{
	(void)state;
	vm = normal_vm(1);
	refused(KCORE_EINVAL, call(TLB_FLUSH_LOCAL, 0));
	refused(KCORE_EINVAL, call(TLB_FLUSH_LOCAL, 256));
	refused(KCORE_EINVAL, call(TLB_FLUSH_LOCAL, ~0UL));
	eq(call(TLB_FLUSH_LOCAL, vm), 0);
	eq(fake.tlbi_locals, 1);
	eq(fake.tlbi_local_vttbr, s2_vttbr(vm));
}

static void page_state(void **state)
{
	(void)state;
	vm = protected_vm(1);
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
	refused(KCORE_EINVAL, call(PAGE_STATE, FREE_PAGE + 1));
	refused(KCORE_EINVAL, call(PAGE_STATE, IPA_END));
	refused(KCORE_EINVAL, call(PAGE_STATE, ~0xfffUL));
	eq(call(PAGE_STATE, FREE_BLOCK + 0x1000), KCORE_PAGE_HOST);
	eq(call(PAGE_STATE, REGION_BASE), KCORE_PAGE_CORE);
	eq(call(PAGE_STATE, FREE_BLOCK), KCORE_PAGE_VM);
	eq(call(PAGE_STATE, cells.vcpu_page[vm * 16]), KCORE_PAGE_MAPPED);
	eq(call(PAGE_STATE, DEVICE), KCORE_PAGE_NOT_DRAM);
	eq(call(PAGE_STATE, DENIED0_BASE), KCORE_PAGE_NOT_DRAM);
}

SUITE(range,
      TEST(map_page_and_block), TEST(map_before_finalise), TEST(map_bad_arguments), TEST(map_error_keeps_state), TEST(map_devices),
      TEST(map_replaces), TEST(map_without_memory), TEST(map_races), TEST(range_bad_arguments), TEST(unmap_ranges),
      TEST(unmap_in_bounded_steps), TEST(whole_ipa_space), TEST(age_says_if_anything_was_there), TEST(wrprotect_ranges),
      TEST(wrprotect_races), TEST(tlb_flush_local), TEST(page_state))
