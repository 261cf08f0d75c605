/* SPDX-License-Identifier: GPL-2.0-only */
/* transfer.c: donation to protected VMs and the way back; the destroy part of vm.c */
#include "helper.h"

static u64 vm, first, second;

static void donate_moves_a_page(void **state)
{
	u64 pa = FREE_BLOCK + 0x5000;

	(void)state;
	vm = protected_vm(1);
	dirty(pa);
	eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, pa), 1);
	assert_true(host_reaches(pa));
	eq(call(VM_DONATE, vm, MEMORY_BASE + 0x3000, pa), 0);
	eq(owner_of(pa), vm);
	assert_false(host_reaches(pa));
	assert_true(host_reaches(pa + 0x1000));
	eq(translate(vm, MEMORY_BASE + 0x3008).pa, pa + 8);
	for (u64 i = 0; i < 512; i++) {
		eq(peek(pa + i * 8), pa ^ (i + 1));		/* the content stays, and is in memory */
		eq(peek_coherent(pa + i * 8), pa ^ (i + 1));
	}
	assert_true(fake.icache_invals > 0);
	eq(call(PAGE_STATE, pa), KCORE_PAGE_VM);
	eq(call(STATS_READ, KCORE_STAT_pages_vm), 1);
	check_invariant();
}

static void donate_bad_arguments(void **state)
{
	u64 pa = FREE_BLOCK;

	(void)state;
	vm = protected_vm(1);
	refused(KCORE_EINVAL, call(VM_DONATE, 0, MEMORY_BASE, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, 256, MEMORY_BASE, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, ~0UL, MEMORY_BASE, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, 1UL << 32 | vm, MEMORY_BASE, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, vm + 1, MEMORY_BASE, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, vm, MEMORY_BASE + 1, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, vm, MEMORY_BASE, pa + 0x800));
	refused(KCORE_EINVAL, call(VM_DONATE, vm, MEMORY_BASE - 0x1000, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, vm, MEMORY_BASE + MEMORY_BYTES, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, vm, IPA_END, pa));
	refused(KCORE_EINVAL, call(VM_DONATE, vm, ~0xfffUL, pa));
	eq(call(VM_DONATE, vm, MEMORY_BASE, pa), 0);
	eq(call(VM_DONATE, vm, MEMORY_BASE + MEMORY_BYTES - 0x1000, pa + 0x1000), 0);
	check_invariant();
}

static void donate_pages_that_are_not_the_hosts_to_give(void **state)
{
	u64 other, normal;

	(void)state;
	vm = protected_vm(1);
	other = protected_vm(1);
	normal = normal_vm(1);
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
	eq(call(VM_DONATE, other, MEMORY_BASE, FREE_BLOCK + 0x1000), 0);
	eq(call(VM_MAP, normal, 0, FREE_BLOCK + 0x2000, 4096, 7), 0);
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, FREE_BLOCK));
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, FREE_BLOCK + 0x1000));
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, REGION_BASE));
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, REGION_END - 0x1000));
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, DEVICE));
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, DRAM2_END));
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, IPA_END + FREE_BLOCK));
	refused(KCORE_EPERM, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, ~0xfffUL));
	refused(KCORE_EBUSY, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, FREE_BLOCK + 0x2000));
	for (u64 v = 0; v < KCORE_NR_VCPUS; v++)
		if (cells.vcpu_state[v] != VCPU_FREE)
			refused(KCORE_EBUSY, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, cells.vcpu_page[v]));
	refused(KCORE_EBUSY, call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK + 0x3000));
}

static void donate_states(void **state)
{
	u64 normal;

	(void)state;
	normal = normal_vm(1);
	refused(KCORE_ESTATE, call(VM_DONATE, normal, MEMORY_BASE, FREE_BLOCK));
	vm = call(VM_CREATE, KCORE_VM_PROTECTED);
	refused(KCORE_ESTATE, call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK));
	new_vcpu(vm, 0);
	eq(call(VM_FINALISE, vm, MEMORY_BASE, MEMORY_BYTES), 0);
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	refused(KCORE_ESTATE, call(VM_DONATE, vm, MEMORY_BASE + 0x1000, FREE_BLOCK + 0x1000));
}

/* Every point at which the pool can run dry. */
static void donate_without_memory(void **state)
{
	u64 r;

	(void)state;
	for (u64 pages = 1; pages < 8; pages++) {
		start_small(pages, 1);
		vm = protected_vm(1);				/* takes a page for the context */
		eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, FREE_BLOCK), 1);
		if (pages < 4) {
			refused(KCORE_ENOMEM, call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK));
			assert_true(host_reaches(FREE_BLOCK));
		} else {
			eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
		}
		check_invariant();
		destroy(vm);
	}
	start_small(3, 1);				/* VM's tables fit, the split of the host's block does not */
	eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, FREE_BLOCK), 1);
	vm = protected_vm(1);
	eq(cells.pool_free, 2);
	r = call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK);
	eq(r, KCORE_ENOMEM);
	eq(translate(HOST, FREE_BLOCK).level, 2);
	check_invariant();
}

static void other_donates_there(void)
{
	on_cpu(1);
	eq(call(VM_DONATE, vm, MEMORY_BASE, second), 0);
}

static void donate_race_for_one_ipa(void **state)
{
	(void)state;
	vm = protected_vm(1);
	first = FREE_BLOCK;
	second = FREE_BLOCK + 0x1000;
	dirty(first);
	at_release(1, other_donates_there);
	eq(call(VM_DONATE, vm, MEMORY_BASE, first), KCORE_EBUSY);
	eq(translate(vm, MEMORY_BASE).pa, second);
	eq(owner_of(first), OWNER_HOST);
	eq(peek(first), 0);
	check_invariant();
}

static void other_takes_the_page(void)
{
	on_cpu(1);
	eq(call(VM_DONATE, vm, MEMORY_BASE + 0x1000, first), KCORE_EPERM);
	eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, first), 0);
	on_cpu(2);
	eq(call(VM_MAP, second, 0, first, 4096, 7), KCORE_EPERM);
	eq(call(VCPU_CREATE, second, 3, first), KCORE_EPERM);
	eq(call(PAGE_STATE, first), KCORE_PAGE_VM);
}

static void donate_page_in_flight_is_nobodys(void **state)
{
	(void)state;
	vm = protected_vm(1);
	second = normal_vm(1);
	first = FREE_BLOCK;
	at_release(1, other_takes_the_page);
	eq(call(VM_DONATE, vm, MEMORY_BASE, first), 0);
	eq(translate(vm, MEMORY_BASE).pa, first);
	check_invariant();
}

static void other_begins_to_destroy(void)
{
	on_cpu(1);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
}

static void donate_to_a_vm_that_dies_meanwhile(void **state)
{
	(void)state;
	vm = protected_vm(1);
	first = FREE_BLOCK;
	dirty(first);
	at_release(1, other_begins_to_destroy);
	eq(call(VM_DONATE, vm, MEMORY_BASE, first), KCORE_ESTATE);
	eq(owner_of(first), OWNER_HOST);
	eq(peek_coherent(first + 8), 0);
	check_invariant();
	destroy(vm);
}

static void other_destroys_all_but_the_page(void)
{
	u64 r;

	on_cpu(1);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	for (u64 i = 0; i < 20; i++)
		r = call(VM_DESTROY_STEP, vm);
	eq(r, KCORE_EAGAIN);				/* it waits for the page that is on its way */
	eq(cells.vm_cursor[vm], IPA_END);
	eq(call(VCPU_DESTROY, vm * 16), 0);
	eq(call(VM_DESTROY_END, vm), KCORE_EBUSY);
}

static void donate_to_a_vm_that_is_gone_but_for_it(void **state)
{
	(void)state;
	vm = protected_vm(1);
	first = FREE_BLOCK;
	dirty(first);
	at_release(1, other_destroys_all_but_the_page);
	eq(call(VM_DONATE, vm, MEMORY_BASE, first), KCORE_ESTATE);
	check_invariant();
	eq(call(VM_DESTROY_STEP, vm), 0);
	eq(call(VM_DESTROY_END, vm), 0);
	check_invariant();
}

static u64 sections;

static void count_section(void)
{
	sections++;
	at_release(1, count_section);
}

static void destroy_scrubs_in_bounded_steps(void **state)
{
	u64 pages = 100, steps = 0, r, scrubbed;

	(void)state;
	vm = protected_vm(2);
	for (u64 i = 0; i < pages; i++) {
		dirty(FREE_BLOCK + i * 4096);
		eq(call(VM_DONATE, vm, MEMORY_BASE + i * 0x101000, FREE_BLOCK + i * 4096), 0);
	}
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	for (;;) {
		scrubbed = call(STATS_READ, KCORE_STAT_pages_scrubbed);
		sections = 0;
		at_release(1, count_section);
		r = call(VM_DESTROY_STEP, vm);
		fake.release_hook = NULL;
		assert_in_range(sections, 2, 33);	/* the check, and 32 at most */
		assert_in_range(call(STATS_READ, KCORE_STAT_pages_scrubbed) - scrubbed, 0, KCORE_STEP_PAGES);
		check_invariant();
		if (r != KCORE_EAGAIN)
			break;
		steps++;
	}
	eq(r, 0);
	assert_true(steps > pages / KCORE_STEP_PAGES);
	for (u64 i = 0; i < pages; i++) {
		eq(owner_of(FREE_BLOCK + i * 4096), OWNER_HOST);
		eq(peek(FREE_BLOCK + i * 4096 + 0xff8), 0);
		eq(peek_coherent(FREE_BLOCK + i * 4096 + 0xff8), 0);
	}
	eq(call(STATS_READ, KCORE_STAT_pages_scrubbed), pages);
	eq(call(VM_DESTROY_STEP, vm), 0);			/* done stays done */
	eq(call(VCPU_DESTROY, vm * 16), 0);
	eq(call(VCPU_DESTROY, vm * 16 + 1), 0);
	eq(call(VM_DESTROY_END, vm), 0);
	check_invariant();
}

static void destroy_last_entries_of_the_ipa_space(void **state)
{
	(void)state;
	vm = call(VM_CREATE, KCORE_VM_PROTECTED);
	new_vcpu(vm, 0);
	eq(call(VM_FINALISE, vm, 0, IPA_END), 0);
	eq(call(VM_DONATE, vm, 0, FREE_BLOCK), 0);
	eq(call(VM_DONATE, vm, IPA_END - 0x1000, FREE_BLOCK + 0x1000), 0);
	eq(call(VM_DONATE, vm, 0x3fffffff000UL & (IPA_END - 1), FREE_BLOCK + 0x2000), KCORE_EBUSY);
	eq(call(VM_DONATE, vm, 0x3ffff000UL, FREE_BLOCK + 0x2000), 0);
	check_invariant();
	destroy(vm);
}

static void destroy_passes_over_invalid_entries(void **state)
{
	(void)state;
	vm = protected_vm(1);
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	sections = 0;
	at_release(1, count_section);
	eq(call(VM_DESTROY_STEP, vm), 0);
	fake.release_hook = NULL;
	assert_in_range(sections, 16, 24);		/* 2048 entries in groups of 128, a page, the check, the end */
	eq(cells.vm_cursor[vm], IPA_END);
	eq(owner_of(FREE_BLOCK), OWNER_HOST);
	destroy(vm);
}

static u64 steps_elsewhere;

static void other_steps(void)
{
	on_cpu(2);
	call(VM_DESTROY_STEP, vm);
	steps_elsewhere++;
}

static void destroy_on_two_cpus(void **state)
{
	u64 r;

	(void)state;
	vm = protected_vm(1);
	for (u64 i = 0; i < 100; i++)
		eq(call(VM_DONATE, vm, MEMORY_BASE + i * 4096, FREE_BLOCK + i * 4096), 0);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	do {
		at_release(3, other_steps);
		r = call(VM_DESTROY_STEP, vm);
		check_invariant();
	} while (r == KCORE_EAGAIN);
	eq(r, 0);
	assert_true(steps_elsewhere > 2);
	fake.release_hook = NULL;
	eq(call(STATS_READ, KCORE_STAT_pages_scrubbed), 100);
	destroy(vm);
}

static void other_ends_and_creates(void)
{
	on_cpu(2);
	destroy(vm);
	eq(call(VM_CREATE, KCORE_VM_PROTECTED), vm);
}

static void destroy_step_after_the_handle_is_recycled(void **state)
{
	(void)state;
	vm = protected_vm(1);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	at_release(2, other_ends_and_creates);
	eq(call(VM_DESTROY_STEP, vm), 0);
	eq(cells.vm_state[vm], VM_NEW);
	eq(cells.vm_cursor[vm], 0);
	check_invariant();
}

/* As the top machine's share leaves it: the host's page, mapped once, in the VM. */
static void give_share(u64 pa)
{
	page_owner_cells[index_of(pa)] = OWNER_HOST;
	page_maps_cells[index_of(pa)]++;
	cells.pages_vm--;
}

static void destroy_leaves_a_shared_page_as_it_is(void **state)
{
	u64 shared = FREE_BLOCK, own = FREE_BLOCK + 0x1000, normal;

	(void)state;
	vm = protected_vm(1);
	normal = normal_vm(1);
	dirty(shared);
	dirty(own);
	eq(call(VM_DONATE, vm, MEMORY_BASE, shared), 0);
	eq(call(VM_DONATE, vm, MEMORY_BASE + 0x1000, own), 0);
	give_share(shared);
	check_invariant();
	eq(call(PAGE_STATE, shared), KCORE_PAGE_MAPPED);
	eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, shared), 1);
	eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, own), 0);
	refused(KCORE_EBUSY, call(VM_DONATE, vm, MEMORY_BASE + 0x2000, shared));
	refused(KCORE_EBUSY, call(VCPU_CREATE, normal, 1, shared));
	eq(call(VM_MAP, normal, 0, shared, 4096, 7), 0);
	check_invariant();
	destroy(vm);
	eq(peek(shared), shared ^ 1);
	eq(peek(own), 0);
	eq(call(STATS_READ, KCORE_STAT_pages_scrubbed), 1);
	eq(call(STATS_READ, KCORE_STAT_pages_vm), 0);
	eq(call(PAGE_STATE, shared), KCORE_PAGE_MAPPED);
	eq(call(PAGE_STATE, own), KCORE_PAGE_HOST);
	eq(call(VM_UNMAP, normal, 0, 4096), 0);
	eq(call(PAGE_STATE, shared), KCORE_PAGE_HOST);
	check_invariant();
}

SUITE(transfer,
      TEST(donate_moves_a_page), TEST(donate_bad_arguments), TEST(donate_pages_that_are_not_the_hosts_to_give), TEST(donate_states),
      TEST(donate_without_memory), TEST(donate_race_for_one_ipa), TEST(donate_page_in_flight_is_nobodys),
      TEST(donate_to_a_vm_that_dies_meanwhile), TEST(donate_to_a_vm_that_is_gone_but_for_it), TEST(destroy_scrubs_in_bounded_steps),
      TEST(destroy_last_entries_of_the_ipa_space), TEST(destroy_passes_over_invalid_entries), TEST(destroy_on_two_cpus),
      TEST(destroy_step_after_the_handle_is_recycled), TEST(destroy_leaves_a_shared_page_as_it_is))
