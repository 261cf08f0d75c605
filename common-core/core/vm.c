/* SPDX-License-Identifier: GPL-2.0-only */
/* Life of a VM: free -> new -> ready -> dying -> free. */
#include "core.h"

#define PSTATE_BOOT		0x3c5UL		/* EL1h, D A I F masked */
#define DESTROY_SECTIONS	32UL		/* sections of a destroy step, at most */

/* 1 if the handle names a VM.  Lock: held. */
u64 vm_alive(u64 vm)
{
	u64 state;

	if (vm == HOST || vm >= KCORE_NR_VMS)
		return 0UL;
	state = get_vm_state(vm);
	return state != VM_FREE ? 1UL : 0UL;
}

/* Lowest free handle, 0: none.  Lock: held. */
static u64 vm_find_free(void)
{
	u64 state;
	u64 i;

	for (i = 1UL; i < KCORE_NR_VMS; i++) {
		state = get_vm_state(i);
		if (state == VM_FREE)
			return i;
	}
	return 0UL;
}

/* Lock: held. */
static u64 vm_create(u64 type)
{
	u64 vm = vm_find_free();
	u64 vttbr = s2_vttbr(vm);
	u64 n;
	u64 i;

	if (vm == 0UL)
		return KCORE_ENOMEM;
	set_vm_type(vm, type);
	set_vm_mem_base(vm, 0UL);
	set_vm_mem_end(vm, 0UL);
	set_vm_cntvoff(vm, 0UL);
	set_vm_cursor(vm, 0UL);
	set_vm_guards(vm, 0UL);
	for (i = 0UL; i < KCORE_MAX_CPUS; i++)
		set_last_vcpu(vm * KCORE_MAX_CPUS + i, NO_VCPU);
	set_vm_state(vm, VM_NEW);
	n = get_vms_alive();
	set_vms_alive(n + 1UL);
	log_event(LOG_VM_CREATE, vm, type);
	tlbi_vmid(vttbr);		/* nothing of an earlier VM with this VMID */
	dsb_tlbi();
	return vm;
}

/* KCORE_HC_VM_CREATE */
u64 hc_vm_create(u64 type)
{
	u64 r;

	if (type != KCORE_VM_NORMAL && type != KCORE_VM_PROTECTED)
		return KCORE_EINVAL;
	lock_acquire();
	r = vm_create(type);
	lock_release();
	return r;
}

/* vCPU 0 of a protected VM starts as the host set it up: x0..x3 and pc, read once; a signed VM's stays off.  Lock: held. */
static void vm_boot_registers(u64 vm, u64 sign)
{
	u64 page = get_vcpu_page(vm * KCORE_VM_VCPUS);
	u64 context = get_vcpu_context(vm * KCORE_VM_VCPUS);
	u64 v;
	u64 i;

	for (i = 0UL; i < 4UL; i++) {
		v = page_load(page, CTX_X(i));
		page_store(context, CTX_X(i), v);
	}
	v = page_load(page, CTX_PC);
	page_store(context, CTX_PC, v);
	page_store(context, CTX_PSTATE, PSTATE_BOOT);
	v = page_load(page, CTX_CNTVOFF);
	set_vm_cntvoff(vm, v);
	if (sign != 0UL) {
		set_vcpu_pending(vm * KCORE_VM_VCPUS, PENDING_START);
		set_vcpu_esr(vm * KCORE_VM_VCPUS, 0UL);
	} else {
		set_vcpu_power(vm * KCORE_VM_VCPUS, POWER_ON);
	}
}

/* sign: the VM has to be signed.  Lock: held. */
static u64 vm_finalise(u64 vm, u64 ipa, u64 bytes, u64 sign)
{
	u64 alive = vm_alive(vm);
	u64 state;
	u64 type;
	u64 vcpu0;
	u64 must = get_signed_only();
	u64 vcpus;
	u64 context;

	if (alive == 0UL)
		return KCORE_EINVAL;
	state = get_vm_state(vm);
	type = get_vm_type(vm);
	vcpu0 = get_vcpu_state(vm * KCORE_VM_VCPUS);
	if (state != VM_NEW || (sign != 0UL && type != KCORE_VM_PROTECTED))
		return KCORE_ESTATE;
	if (type == KCORE_VM_PROTECTED) {
		if (sign == 0UL && must != 0UL)
			return KCORE_EPERM;
		if (((ipa | bytes) & (PAGE_BYTES - 1UL)) != 0UL || ipa >= IPA_END || bytes == 0UL || bytes > IPA_END - ipa)
			return KCORE_EINVAL;
		if (vcpu0 == VCPU_FREE)
			return KCORE_ESTATE;
		set_vm_mem_base(vm, ipa);
		set_vm_mem_end(vm, ipa + bytes);
		vm_boot_registers(vm, sign);
		vcpus = get_vm_vcpus(vm);
		context = get_vcpu_context(vm * KCORE_VM_VCPUS);
		measure_begin(vm, ipa, ipa + bytes, vcpus, context);
	}
	set_vm_state(vm, VM_READY);
	return 0UL;
}

/* KCORE_HC_VM_FINALISE */
u64 hc_vm_finalise(u64 vm, u64 ipa, u64 bytes)
{
	u64 r;

	lock_acquire();
	r = vm_finalise(vm, ipa, bytes, 0UL);
	lock_release();
	return r;
}

/* KCORE_HC_VM_FINALISE_SIGNED */
u64 hc_vm_finalise_signed(u64 vm, u64 ipa, u64 bytes)
{
	u64 r;

	lock_acquire();
	r = vm_finalise(vm, ipa, bytes, 1UL);
	lock_release();
	return r;
}

/* KCORE_HC_VM_DESTROY_BEGIN: nothing of the VM is loaded, so nothing of it runs from here on. */
u64 hc_vm_destroy_begin(u64 vm)
{
	u64 alive;
	u64 loaded;
	u64 r = 0UL;

	lock_acquire();
	alive = vm_alive(vm);
	if (alive == 0UL) {
		r = KCORE_EINVAL;
	} else {
		loaded = get_vm_loaded(vm);
		if (loaded != 0UL)
			r = KCORE_EBUSY;
		else
			set_vm_state(vm, VM_DYING);
	}
	lock_release();
	return r;
}

/* 0 if the VM is dying, else the error.  Lock: held. */
static u64 vm_dying_check(u64 vm)
{
	u64 alive = vm_alive(vm);
	u64 state;

	if (alive == 0UL)
		return KCORE_EINVAL;
	state = get_vm_state(vm);
	return state == VM_DYING ? 0UL : KCORE_ESTATE;
}

/* KCORE_HC_VM_DESTROY_STEP: at most KCORE_STEP_PAGES leaves and DESTROY_SECTIONS sections. */
u64 hc_vm_destroy_step(u64 vm)
{
	u64 pages = 0UL;
	u64 r;
	u64 i;

	lock_acquire();
	r = vm_dying_check(vm);
	lock_release();
	if (r != 0UL)
		return r;
	for (i = 0UL; i < DESTROY_SECTIONS; i++) {
		r = vm_reap_one(vm);
		if (r == REAP_DONE)
			return 0UL;
		if (r == REAP_WAIT)
			return KCORE_EAGAIN;
		pages += r;
		if (pages >= KCORE_STEP_PAGES)
			return KCORE_EAGAIN;
	}
	return KCORE_EAGAIN;
}

/* Lock: held. */
static u64 vm_destroy_end(u64 vm)
{
	u64 r = vm_dying_check(vm);
	u64 cursor;
	u64 vcpus;
	u64 pages;
	u64 tables;

	if (r != 0UL)
		return r;
	cursor = get_vm_cursor(vm);
	vcpus = get_vm_vcpus(vm);
	pages = get_vm_pages(vm);
	tables = get_vm_tables(vm);
	if (cursor < IPA_END || vcpus != 0UL || pages != 0UL || tables != 0UL)
		return KCORE_EBUSY;
	set_vm_state(vm, VM_FREE);
	pages = get_vms_alive();
	set_vms_alive(pages - 1UL);
	log_event(LOG_VM_DESTROY, vm, 0UL);
	return 0UL;
}

/* KCORE_HC_VM_DESTROY_END */
u64 hc_vm_destroy_end(u64 vm)
{
	u64 r;

	lock_acquire();
	r = vm_destroy_end(vm);
	lock_release();
	return r;
}
