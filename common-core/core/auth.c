/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signed VMs (docs/auth.md).  From VM_FINALISE_SIGNED on vCPU 0 is off, pending PENDING_START.  The host donates pages, which it can't
 * write any more, and has them measured; with the signature of what was measured vCPU 0 goes on, without it the VM begins to die.
 * What a protected VM was measured as KCore signs with a key of its own, for a host or guest that has to show it: a quote.
 */
#include "core.h"

/* 0 if the VM waits for its signature, else the error.  Lock: held. */
static u64 start_check(u64 vm)
{
	u64 alive = vm_alive(vm);
	u64 state;
	u64 type;
	u64 pending;

	if (alive == 0UL)
		return KCORE_EINVAL;
	state = get_vm_state(vm);
	type = get_vm_type(vm);
	pending = get_vcpu_pending(vm * KCORE_VM_VCPUS);
	if (state != VM_READY || type != KCORE_VM_PROTECTED || pending != PENDING_START)
		return KCORE_ESTATE;
	return 0UL;
}

/* The page is there to stay: nothing of the VM has run.  Lock: held. */
static u64 vm_measure(u64 vm, u64 ipa)
{
	u64 r = start_check(vm);
	u64 pte;

	if (r != 0UL)
		return r;
	pte = s2_load(vm, ipa, 3UL);
	if ((pte & PTE_VALID) == 0UL)
		return KCORE_EINVAL;
	measure_page(vm, ipa, pte & PTE_ADDRESS);
	return 0UL;
}

/* KCORE_HC_VM_MEASURE */
u64 hc_vm_measure(u64 vm, u64 ipa)
{
	u64 r;

	if ((ipa & (PAGE_BYTES - 1UL)) != 0UL || ipa >= IPA_END)
		return KCORE_EINVAL;
	lock_acquire();
	r = vm_measure(vm, ipa);
	lock_release();
	return r;
}

/* A signature that isn't good ends the VM.  BUSY: a vCPU is loaded, so that it can't begin to die.  Lock: held. */
static u64 vm_start(u64 vm)
{
	u64 r = start_check(vm);
	u64 loaded;
	u64 page;
	u64 good;

	if (r != 0UL)
		return r;
	loaded = get_vm_loaded(vm);
	if (loaded != 0UL)
		return KCORE_EBUSY;
	page = get_vcpu_page(vm * KCORE_VM_VCPUS);
	good = measure_signed(vm, page);
	if (good == 0UL) {
		set_vm_state(vm, VM_DYING);
		return KCORE_EPERM;
	}
	set_vcpu_pending(vm * KCORE_VM_VCPUS, PENDING_NONE);
	set_vcpu_power(vm * KCORE_VM_VCPUS, POWER_ON);
	return 0UL;
}

/* KCORE_HC_VM_START */
u64 hc_vm_start(u64 vm)
{
	u64 r;

	lock_acquire();
	r = vm_start(vm);
	lock_release();
	return r;
}

/* KCORE_HC_VM_MEASUREMENT */
u64 hc_vm_measurement(u64 vm, u64 n)
{
	u64 v = measure_word(vm, KCORE_QUOTE_HOST, n);

	host_x_set(1UL, v);
	return 0UL;
}

/* Of a VM that may run only: nothing that waits for its signature or was refused has a quote.  Lock: held. */
static u64 quote_check(u64 vm)
{
	u64 alive = vm_alive(vm);
	u64 state;
	u64 type;
	u64 pending;

	if (alive == 0UL)
		return KCORE_EINVAL;
	state = get_vm_state(vm);
	type = get_vm_type(vm);
	pending = get_vcpu_pending(vm * KCORE_VM_VCPUS);
	if (state != VM_READY || type != KCORE_VM_PROTECTED || pending == PENDING_START)
		return KCORE_ESTATE;
	return 0UL;
}

/* Lock: held. */
static u64 vm_quote(u64 vm, u64 d0, u64 d1, u64 d2, u64 d3)
{
	u64 r = quote_check(vm);
	u64 made;

	if (r != 0UL)
		return r;
	made = measure_quote(vm, KCORE_QUOTE_HOST, d0, d1, d2, d3);
	return made != 0UL ? 0UL : KCORE_ENOSYS;
}

/* KCORE_HC_VM_QUOTE */
u64 hc_vm_quote(u64 vm, u64 d0, u64 d1, u64 d2, u64 d3)
{
	u64 r;

	lock_acquire();
	r = vm_quote(vm, d0, d1, d2, d3);
	lock_release();
	return r;
}
