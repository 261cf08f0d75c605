/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Life of a vCPU: free -> ready <-> loaded on one CPU.  While a vCPU is loaded its VM can't begin to die,
 * so the run path needs neither the lock nor another look at the VM's state.
 */
#include "core.h"

/* 1 if the handle names a vCPU.  Lock: held. */
u64 vcpu_exists(u64 vcpu)
{
	u64 state;

	if (vcpu >= KCORE_NR_VCPUS)
		return 0UL;
	state = get_vcpu_state(vcpu);
	return state != VCPU_FREE ? 1UL : 0UL;
}

/* May this VM get another vCPU now?  Lock: held. */
static u64 vcpu_create_check(u64 vm, u64 index, u64 page)
{
	u64 alive = vm_alive(vm);
	u64 state;
	u64 type;
	u64 record;

	if (alive == 0UL || index >= KCORE_VM_VCPUS || (page & (PAGE_BYTES - 1UL)) != 0UL)
		return KCORE_EINVAL;
	state = get_vm_state(vm);
	type = get_vm_type(vm);
	if (state == VM_DYING || (type == KCORE_VM_PROTECTED && state != VM_NEW))
		return KCORE_ESTATE;
	state = get_vcpu_state(vm * KCORE_VM_VCPUS + index);
	if (state != VCPU_FREE)
		return KCORE_EBUSY;
	record = page_index(page);
	if (record == NO_PAGE)
		return KCORE_EPERM;
	state = get_page_owner(record);
	if (state != OWNER_HOST)
		return KCORE_EPERM;
	state = get_page_maps(record);
	return state != 0UL ? KCORE_EBUSY : 0UL;
}

/* Lock: held. */
static u64 vcpu_create(u64 vm, u64 index, u64 page)
{
	u64 vcpu = vm * KCORE_VM_VCPUS + index;
	u64 context = page;
	u64 type;
	u64 record;
	u64 n;
	u64 r;

	r = vcpu_create_check(vm, index, page);
	if (r != 0UL)
		return r;
	type = get_vm_type(vm);
	if (type == KCORE_VM_PROTECTED) {
		context = pool_alloc(vm);
		if (context == 0UL)
			return KCORE_ENOMEM;
		page_store(context, CTX_SCTLR, SCTLR_EL1_RESET);
	}
	record = page_index(page);
	pages_map_add(record, 1UL);
	set_vcpu_page(vcpu, page);
	set_vcpu_context(vcpu, context);
	set_vcpu_power(vcpu, type == KCORE_VM_PROTECTED ? POWER_OFF : POWER_ON);
	set_vcpu_pending(vcpu, PENDING_NONE);
	set_vcpu_esr(vcpu, 0UL);
	set_vcpu_far(vcpu, 0UL);
	set_vcpu_entry(vcpu, 0UL);
	set_vcpu_entry_x0(vcpu, 0UL);
	set_vcpu_state(vcpu, VCPU_READY);
	n = get_vm_vcpus(vm);
	set_vm_vcpus(vm, n + 1UL);
	n = get_vcpus_alive();
	set_vcpus_alive(n + 1UL);
	return vcpu;
}

/* KCORE_HC_VCPU_CREATE */
u64 hc_vcpu_create(u64 vm, u64 index, u64 page)
{
	u64 r;

	lock_acquire();
	r = vcpu_create(vm, index, page);
	lock_release();
	return r;
}

/* Lock: held. */
static u64 vcpu_destroy(u64 vcpu)
{
	u64 exists = vcpu_exists(vcpu);
	u64 vm = vcpu / KCORE_VM_VCPUS;
	u64 type;
	u64 n;

	if (exists == 0UL)
		return KCORE_EINVAL;
	n = get_vcpu_state(vcpu);
	if (n == VCPU_LOADED)
		return KCORE_EBUSY;
	type = get_vm_type(vm);
	n = get_vm_state(vm);
	if (type == KCORE_VM_PROTECTED) {
		if (n == VM_READY)
			return KCORE_ESTATE;
		n = get_vcpu_context(vcpu);
		pool_give(vm, n);
	}
	n = get_vcpu_page(vcpu);
	n = page_index(n);
	pages_map_sub(n, 1UL);
	set_vcpu_state(vcpu, VCPU_FREE);
	n = get_vm_vcpus(vm);
	set_vm_vcpus(vm, n - 1UL);
	n = get_vcpus_alive();
	set_vcpus_alive(n - 1UL);
	return 0UL;
}

/* KCORE_HC_VCPU_DESTROY */
u64 hc_vcpu_destroy(u64 vcpu)
{
	u64 r;

	lock_acquire();
	r = vcpu_destroy(vcpu);
	lock_release();
	return r;
}

/* Lock: held. */
static u64 vcpu_load(u64 cpu, u64 vcpu)
{
	u64 exists = vcpu_exists(vcpu);
	u64 vm = vcpu / KCORE_VM_VCPUS;
	u64 here = get_cpu_vcpu(cpu);
	u64 n;

	if (exists == 0UL)
		return KCORE_EINVAL;
	n = get_vm_state(vm);
	if (n != VM_READY)
		return KCORE_ESTATE;
	n = get_vcpu_state(vcpu);
	if (n != VCPU_READY || here != NO_VCPU)
		return KCORE_EBUSY;
	set_vcpu_state(vcpu, VCPU_LOADED);
	set_cpu_vcpu(cpu, vcpu);
	n = get_vm_loaded(vm);
	set_vm_loaded(vm, n + 1UL);
	return 0UL;
}

/* CNTVOFF_EL2 stays in force while the vCPU is loaded: the host runs its virtual timer meanwhile. */
static void timer_load(u64 vcpu, u64 page)
{
	u64 vm = vcpu / KCORE_VM_VCPUS;
	u64 type = get_vm_type(vm);
	u64 offset = get_vm_cntvoff(vm);

	if (type == KCORE_VM_NORMAL)
		offset = page_load(page, CTX_CNTVOFF);
	cntvoff_write(offset);
}

/*
 * vCPUs of a VM share its VMID: another one's stage-1 entries on this CPU must go.  For a normal VM the
 * host does it (TLB_FLUSH_LOCAL); a protected VM doesn't depend on that.
 */
static void tlb_load(u64 cpu, u64 vcpu)
{
	u64 vm = vcpu / KCORE_VM_VCPUS;
	u64 last = get_last_vcpu(vm * KCORE_MAX_CPUS + cpu);
	u64 type = get_vm_type(vm);
	u64 vttbr = s2_vttbr(vm);

	if (type == KCORE_VM_PROTECTED && last != vcpu) {
		if (last != NO_VCPU)
			tlbi_local(vttbr);
		set_last_vcpu(vm * KCORE_MAX_CPUS + cpu, vcpu);
	}
}

/* KCORE_HC_VCPU_LOAD */
u64 hc_vcpu_load(u64 vcpu)
{
	u64 cpu = cpu_id();
	u64 gic = get_has_gicv3();
	u64 page;
	u64 r;

	lock_acquire();
	r = vcpu_load(cpu, vcpu);
	lock_release();
	if (r != 0UL)
		return r;
	page = get_vcpu_page(vcpu);
	tlb_load(cpu, vcpu);
	timer_load(vcpu, page);
	if (gic != 0UL)
		gic_state_load(page);
	return 0UL;
}

/* KCORE_HC_VCPU_PUT */
u64 hc_vcpu_put(void)
{
	u64 cpu = cpu_id();
	u64 vcpu = get_cpu_vcpu(cpu);
	u64 vm = vcpu / KCORE_VM_VCPUS;
	u64 gic = get_has_gicv3();
	u64 n;

	if (vcpu == NO_VCPU)
		return KCORE_ESTATE;
	fp_release(cpu, vcpu);
	n = get_vcpu_page(vcpu);
	if (gic != 0UL)
		gic_state_save(n);
	cntvoff_write(0UL);
	lock_acquire();
	set_cpu_vcpu(cpu, NO_VCPU);
	set_vcpu_state(vcpu, VCPU_READY);
	n = get_vm_loaded(vm);
	set_vm_loaded(vm, n - 1UL);
	lock_release();
	return 0UL;
}

/* KCORE_HC_VGIC_VMCR_READ */
u64 hc_vgic_vmcr_read(void)
{
	u64 cpu = cpu_id();
	u64 vcpu = get_cpu_vcpu(cpu);
	u64 gic = get_has_gicv3();

	if (vcpu == NO_VCPU || gic == 0UL)
		return KCORE_ESTATE;
	return gic_vmcr_read();
}
