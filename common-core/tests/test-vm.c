/* SPDX-License-Identifier: GPL-2.0-only */
/* vm.c, vcpu.c */
#include "helper.h"

static void vm_handles(void **state)
{
	(void)state;
	refused(KCORE_EINVAL, call(VM_CREATE, 2));
	refused(KCORE_EINVAL, call(VM_CREATE, ~0UL));
	refused(KCORE_EINVAL, call(VM_CREATE, 1UL << 32));
	for (u64 i = 1; i < KCORE_NR_VMS; i++)
		eq(call(VM_CREATE, i & 1), i);
	eq(fake.tlbi_vmids, 255);
	refused(KCORE_ENOMEM, call(VM_CREATE, KCORE_VM_NORMAL));
	refused(KCORE_ENOMEM, call(VM_CREATE, KCORE_VM_PROTECTED));
	eq(call(STATS_READ, KCORE_STAT_vms), 255);
	destroy(77);
	destroy(33);
	check_invariant();
	eq(call(VM_CREATE, KCORE_VM_NORMAL), 33);
	eq(call(VM_CREATE, KCORE_VM_PROTECTED), 77);
	check_invariant();
}

static void vm_is_new_again(void **state)
{
	u64 vm = protected_vm(2);

	(void)state;
	shared_set(vm * 16, CTX_CNTVOFF, 55);
	destroy(vm);
	eq(call(VM_CREATE, KCORE_VM_PROTECTED), vm);
	eq(cells.vm_mem_base[vm], 0);
	eq(cells.vm_mem_end[vm], 0);
	eq(cells.vm_cntvoff[vm], 0);
	eq(cells.vm_cursor[vm], 0);
	eq(cells.vm_pages[vm], 0);
	for (u64 i = 0; i < KCORE_MAX_CPUS; i++)
		eq(cells.last_vcpu[vm * KCORE_MAX_CPUS + i], NO_VCPU);
}

static void finalise_errors(void **state)
{
	u64 vm = call(VM_CREATE, KCORE_VM_PROTECTED);

	(void)state;
	refused(KCORE_EINVAL, call(VM_FINALISE, 0, 0, 4096));
	refused(KCORE_EINVAL, call(VM_FINALISE, 256, 0, 4096));
	refused(KCORE_EINVAL, call(VM_FINALISE, ~0UL, 0, 4096));
	refused(KCORE_EINVAL, call(VM_FINALISE, vm + 1, 0, 4096));
	refused(KCORE_ESTATE, call(VM_FINALISE, vm, 0, 4096));		/* no vCPU 0 */
	new_vcpu(vm, 1);
	refused(KCORE_ESTATE, call(VM_FINALISE, vm, 0, 4096));
	new_vcpu(vm, 0);
	refused(KCORE_EINVAL, call(VM_FINALISE, vm, 1, 4096));
	refused(KCORE_EINVAL, call(VM_FINALISE, vm, 0, 4097));
	refused(KCORE_EINVAL, call(VM_FINALISE, vm, 0, 0));
	refused(KCORE_EINVAL, call(VM_FINALISE, vm, IPA_END, 4096));
	refused(KCORE_EINVAL, call(VM_FINALISE, vm, 4096, IPA_END));
	refused(KCORE_EINVAL, call(VM_FINALISE, vm, 4096, ~0xfffUL));
	refused(KCORE_EINVAL, call(VM_FINALISE, vm, ~0xfffUL, 0x2000));
	eq(call(VM_FINALISE, vm, 4096, IPA_END - 4096), 0);
	refused(KCORE_ESTATE, call(VM_FINALISE, vm, 0, 4096));
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	refused(KCORE_ESTATE, call(VM_FINALISE, vm, 0, 4096));
	vm = call(VM_CREATE, KCORE_VM_NORMAL);
	eq(call(VM_FINALISE, vm, 3, 5), 0);				/* the range is ignored */
}

static void finalise_reads_the_boot_registers_once(void **state)
{
	u64 vm = call(VM_CREATE, KCORE_VM_PROTECTED), v = new_vcpu(vm, 0), context;

	(void)state;
	for (u64 i = 0; i < 0x530; i += 8)
		shared_set(v, i, 0xbad000 + i);
	context = cells.vcpu_context[v];
	eq(call(VM_FINALISE, vm, MEMORY_BASE, MEMORY_BYTES), 0);
	for (u64 i = 0; i < 4; i++)
		eq(peek(context + i * 8), 0xbad000 + i * 8);
	for (u64 i = 4; i < 31; i++)
		eq(peek(context + i * 8), 0);
	eq(peek(context + CTX_PC), 0xbad000 + CTX_PC);
	eq(peek(context + CTX_PSTATE), 0x3c5);
	eq(peek(context + CTX_SCTLR), SCTLR_EL1_RESET);
	for (u64 i = CTX_PSTATE + 8; i < 4096; i += 8)
		if (i != CTX_SCTLR)
			eq(peek(context + i), 0);
	eq(cells.vm_cntvoff[vm], 0xbad000 + CTX_CNTVOFF);
	eq(cells.vcpu_power[v], POWER_ON);
}

static void destroy_errors(void **state)
{
	u64 vm = protected_vm(2), normal = normal_vm(1);

	(void)state;
#define EACH(error, handle) do { \
		refused(error, call(VM_DESTROY_BEGIN, handle)); \
		refused(error, call(VM_DESTROY_STEP, handle)); \
		refused(error, call(VM_DESTROY_END, handle)); \
	} while (0)
	EACH(KCORE_EINVAL, 0);
	EACH(KCORE_EINVAL, 256);
	EACH(KCORE_EINVAL, ~0UL);
	EACH(KCORE_EINVAL, 1UL << 32 | vm);
	EACH(KCORE_EINVAL, normal + 1);
	refused(KCORE_ESTATE, call(VM_DESTROY_STEP, vm));
	refused(KCORE_ESTATE, call(VM_DESTROY_END, vm));
	eq(call(VCPU_LOAD, vm * 16 + 1), 0);
	refused(KCORE_EBUSY, call(VM_DESTROY_BEGIN, vm));
	eq(call(VCPU_PUT), 0);
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	refused(KCORE_EBUSY, call(VM_DESTROY_END, vm));			/* nothing taken back yet */
	eq(call(VCPU_DESTROY, vm * 16), 0);
	refused(KCORE_EBUSY, call(VM_DESTROY_END, vm));
	while (call(VM_DESTROY_STEP, vm) == KCORE_EAGAIN)
		check_invariant();
	refused(KCORE_EBUSY, call(VM_DESTROY_END, vm));			/* a vCPU is left */
	eq(call(VCPU_DESTROY, vm * 16 + 1), 0);
	eq(call(VM_DESTROY_END, vm), 0);
	EACH(KCORE_EINVAL, vm);
	destroy(normal);
}

static void destroy_what_was_never_finalised(void **state)
{
	u64 vm = call(VM_CREATE, KCORE_VM_PROTECTED);

	(void)state;
	new_vcpu(vm, 0);
	new_vcpu(vm, 15);
	eq(call(VCPU_DESTROY, vm * 16 + 15), 0);			/* before finalise is fine */
	check_invariant();
	destroy(vm);
	eq(call(STATS_READ, KCORE_STAT_vcpus), 0);
}

static void vcpu_create_errors(void **state)
{
	u64 vm = call(VM_CREATE, KCORE_VM_PROTECTED), normal = normal_vm(1), private = protected_vm(1), page = new_page();

	(void)state;
	eq(call(VM_DONATE, private, MEMORY_BASE, FREE_BLOCK), 0);
	eq(call(VM_MAP, normal, 0, FREE_BLOCK + 0x1000, 4096, 7), 0);
	refused(KCORE_EINVAL, call(VCPU_CREATE, 0, 0, page));
	refused(KCORE_EINVAL, call(VCPU_CREATE, 256, 0, page));
	refused(KCORE_EINVAL, call(VCPU_CREATE, ~0UL, 0, page));
	refused(KCORE_EINVAL, call(VCPU_CREATE, 9, 0, page));
	refused(KCORE_EINVAL, call(VCPU_CREATE, vm, 16, page));
	refused(KCORE_EINVAL, call(VCPU_CREATE, vm, ~0UL, page));
	refused(KCORE_EINVAL, call(VCPU_CREATE, vm, 0, page + 8));
	refused(KCORE_EPERM, call(VCPU_CREATE, vm, 0, DEVICE));
	refused(KCORE_EPERM, call(VCPU_CREATE, vm, 0, IPA_END + page));
	refused(KCORE_EPERM, call(VCPU_CREATE, vm, 0, REGION_BASE));
	refused(KCORE_EPERM, call(VCPU_CREATE, vm, 0, FREE_BLOCK));
	refused(KCORE_EBUSY, call(VCPU_CREATE, vm, 0, FREE_BLOCK + 0x1000));
	refused(KCORE_EBUSY, call(VCPU_CREATE, vm, 0, cells.vcpu_page[normal * 16]));
	refused(KCORE_EBUSY, call(VCPU_CREATE, normal, 0, page));
	refused(KCORE_ESTATE, call(VCPU_CREATE, private, 1, page));	/* after finalise */
	eq(call(VCPU_CREATE, normal, 1, page), normal * 16 + 1);
	eq(call(VM_DESTROY_BEGIN, normal), 0);
	refused(KCORE_ESTATE, call(VCPU_CREATE, normal, 2, new_page()));
	start_small(1, 2);
	vm = call(VM_CREATE, KCORE_VM_PROTECTED);
	new_vcpu(vm, 0);
	refused(KCORE_ENOMEM, call(VCPU_CREATE, vm, 1, new_page()));
	destroy(vm);
}

static void vcpu_destroy_errors(void **state)
{
	u64 vm = protected_vm(1), normal = normal_vm(2);

	(void)state;
	refused(KCORE_EINVAL, call(VCPU_DESTROY, 0));
	refused(KCORE_EINVAL, call(VCPU_DESTROY, KCORE_NR_VCPUS));
	refused(KCORE_EINVAL, call(VCPU_DESTROY, ~0UL));
	refused(KCORE_EINVAL, call(VCPU_DESTROY, vm * 16 + 1));
	refused(KCORE_ESTATE, call(VCPU_DESTROY, vm * 16));
	eq(call(VCPU_LOAD, normal * 16), 0);
	refused(KCORE_EBUSY, call(VCPU_DESTROY, normal * 16));
	eq(call(VCPU_DESTROY, normal * 16 + 1), 0);
	eq(call(VCPU_PUT), 0);
	eq(call(VCPU_DESTROY, normal * 16), 0);
	check_invariant();
	eq(call(STATS_READ, KCORE_STAT_vcpus), 1);
}

static void vcpu_load_errors(void **state)
{
	u64 vm = protected_vm(2), young = call(VM_CREATE, KCORE_VM_NORMAL), v = new_vcpu(young, 0);

	(void)state;
	refused(KCORE_EINVAL, call(VCPU_LOAD, 0));
	refused(KCORE_EINVAL, call(VCPU_LOAD, KCORE_NR_VCPUS));
	refused(KCORE_EINVAL, call(VCPU_LOAD, ~0UL));
	refused(KCORE_EINVAL, call(VCPU_LOAD, vm * 16 + 2));
	refused(KCORE_ESTATE, call(VCPU_LOAD, v));
	refused(KCORE_ESTATE, call(VCPU_PUT));
	eq(call(VCPU_LOAD, vm * 16), 0);
	refused(KCORE_EBUSY, call(VCPU_LOAD, vm * 16));
	refused(KCORE_EBUSY, call(VCPU_LOAD, vm * 16 + 1));		/* this CPU has one */
	on_cpu(1);
	refused(KCORE_EBUSY, call(VCPU_LOAD, vm * 16));			/* another CPU has it */
	eq(call(VCPU_LOAD, vm * 16 + 1), 0);
	check_invariant();
	eq(cells.vm_loaded[vm], 2);
	eq(call(VCPU_PUT), 0);
	refused(KCORE_ESTATE, call(VCPU_PUT));
	on_cpu(0);
	eq(call(VCPU_PUT), 0);
	eq(call(VM_DESTROY_BEGIN, vm), 0);
	refused(KCORE_ESTATE, call(VCPU_LOAD, vm * 16));
}

static void vcpu_timer_and_gic_follow_the_load(void **state)
{
	u64 vm = call(VM_CREATE, KCORE_VM_PROTECTED), normal = normal_vm(1), v = new_vcpu(vm, 0);

	(void)state;
	refused(KCORE_ESTATE, call(VGIC_VMCR_READ));
	shared_set(v, CTX_CNTVOFF, 1234);
	eq(call(VM_FINALISE, vm, MEMORY_BASE, MEMORY_BYTES), 0);
	shared_set(v, CTX_CNTVOFF, 99);					/* too late */
	shared_set(v, PAGE_FIELD(vgic.sre), 1);
	shared_set(v, PAGE_FIELD(vgic.vmcr), 0xabcdUL);
	eq(call(VCPU_LOAD, v), 0);
	eq(this_cpu()->cntvoff, 1234);
	eq(call(VGIC_VMCR_READ), 0xabcd);
	this_cpu()->vmcr = 0x4321;
	eq(call(VCPU_PUT), 0);
	eq(this_cpu()->cntvoff, 0);
	eq(shared(v, PAGE_FIELD(vgic.vmcr)), 0x4321);
	shared_set(normal * 16, CTX_CNTVOFF, 777);
	eq(call(VCPU_LOAD, normal * 16), 0);
	eq(this_cpu()->cntvoff, 777);
	eq(call(VCPU_PUT), 0);
	eq(this_cpu()->cntvoff, 0);
}

static void vcpu_without_a_gicv3(void **state)
{
	const struct fake_config config = { .pool_reserve = ~0UL, .no_gic = 1 };
	u64 vm;

	(void)state;
	fake_start(&config);
	vm = normal_vm(1);
	eq(call(VCPU_LOAD, vm * 16), 0);
	refused(KCORE_ESTATE, call(VGIC_VMCR_READ));
	eq(vcpu_run(vm * 16), RUN_ENTERED);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(call(VCPU_PUT), 0);
	eq(fake.gic_state_loads + fake.gic_lrs_loads, 0);
	eq(call(INFO, KCORE_INFO_ICH_VTR), 0);
}

/* Stage-1 translations of one vCPU must not serve another of the same protected VM on that CPU. */
static void vcpu_load_flushes_another_ones_tlb(void **state)
{
	u64 vm = protected_vm(2), normal = normal_vm(2);

	(void)state;
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(call(VCPU_PUT), 0);
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(call(VCPU_PUT), 0);
	eq(fake.tlbi_locals, 0);
	eq(call(VCPU_LOAD, vm * 16 + 1), 0);
	eq(fake.tlbi_locals, 1);
	eq(fake.tlbi_local_vttbr, s2_vttbr(vm));
	eq(call(VCPU_PUT), 0);
	on_cpu(1);
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(call(VCPU_PUT), 0);
	eq(fake.tlbi_locals, 1);
	on_cpu(0);
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(fake.tlbi_locals, 2);
	eq(call(VCPU_PUT), 0);
	for (u64 i = 0; i < 2; i++) {
		eq(call(VCPU_LOAD, normal * 16 + i), 0);		/* a normal VM's are the host's affair */
		eq(call(VCPU_PUT), 0);
	}
	eq(fake.tlbi_locals, 2);
}

static void a_thousand_lives(void **state)
{
	u64 vm, free, bump = 0;

	(void)state;
	free = cells.pool_free;
	for (u64 i = 0; i < 1000; i++) {
		vm = i & 1 ? protected_vm(2) : normal_vm(2);
		eq(vm, 1);
		if (i & 1)
			eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
		else
			eq(call(VM_MAP, vm, 0, FREE_BLOCK, 4096, 7), 0);
		eq(call(VCPU_LOAD, vm * 16), 0);
		eq(vcpu_run(vm * 16), RUN_ENTERED);
		eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
		eq(call(VCPU_PUT), 0);
		destroy(vm);
		eq(cells.pool_free, free);
		if (i == 1)
			bump = cells.pool_bump;
	}
	eq(cells.pool_bump, bump);
	eq(call(STATS_READ, KCORE_STAT_pages_vm), 0);
	eq(call(STATS_READ, KCORE_STAT_vms), 0);
	eq(call(STATS_READ, KCORE_STAT_vcpus), 0);
}

SUITE(vm,
      TEST(vm_handles), TEST(vm_is_new_again), TEST(finalise_errors), TEST(finalise_reads_the_boot_registers_once), TEST(destroy_errors),
      TEST(destroy_what_was_never_finalised), TEST(vcpu_create_errors), TEST(vcpu_destroy_errors), TEST(vcpu_load_errors),
      TEST(vcpu_timer_and_gic_follow_the_load), TEST(vcpu_without_a_gicv3), TEST(vcpu_load_flushes_another_ones_tlb),
      TEST(a_thousand_lives))
