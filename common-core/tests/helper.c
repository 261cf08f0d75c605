/* SPDX-License-Identifier: GPL-2.0-only */
#include "helper.h"

u64 new_page(void)
{
	for (u64 pa = DRAM1_END - PAGE_BYTES; pa >= FREE_PAGE; pa -= PAGE_BYTES) {
		bool used = false;

		for (u64 v = 0; v < KCORE_NR_VCPUS && !used; v++)
			used = cells.vcpu_state[v] != VCPU_FREE && cells.vcpu_page[v] == pa;
		if (!used && owner_of(pa) == OWNER_HOST && maps_of(pa) == 0)
			return pa;
	}
	fail_msg("no page left");
	return 0;
}

u64 new_vcpu(u64 vm, u64 index)
{
	u64 vcpu = call(VCPU_CREATE, vm, index, new_page());

	eq(vcpu, vm * 16 + index);
	return vcpu;
}

static u64 new_vm(u64 type, u64 vcpus)
{
	u64 vm = call(VM_CREATE, type);

	assert_in_range(vm, 1, KCORE_NR_VMS - 1);
	for (u64 i = 0; i < vcpus; i++)
		new_vcpu(vm, i);
	eq(call(VM_FINALISE, vm, MEMORY_BASE, MEMORY_BYTES), 0);
	return vm;
}

u64 normal_vm(u64 vcpus)
{
	return new_vm(KCORE_VM_NORMAL, vcpus);
}

u64 protected_vm(u64 vcpus)
{
	return new_vm(KCORE_VM_PROTECTED, vcpus);
}

void destroy(u64 vm)
{
	u64 r;

	eq(call(VM_DESTROY_BEGIN, vm), 0);
	do {
		r = call(VM_DESTROY_STEP, vm);
	} while (r == KCORE_EAGAIN);
	eq(r, 0);
	for (u64 i = 0; i < 16; i++)
		if (cells.vcpu_state[vm * 16 + i] != VCPU_FREE)
			eq(call(VCPU_DESTROY, vm * 16 + i), 0);
	eq(call(VM_DESTROY_END, vm), 0);
	check_invariant();
}

void dirty(u64 pa)
{
	for (u64 i = 0; i < 512; i++)
		poke(pa + i * 8, pa ^ (i + 1));
}

void start_small(u64 pool_for_vms, u64 reserve)
{
	const struct fake_config config = { .pool_pages = pool_for_vms + reserve ? pool_for_vms + reserve : ~0UL, .pool_reserve = reserve };

	fake_start(&config);
}
