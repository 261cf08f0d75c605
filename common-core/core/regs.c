/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The register filter of protected VMs: which registers the host sees after an exit, and what it may
 * answer (docs/registers.md has the table).  The syndrome that decides is KCore's own copy.
 */
#include "core.h"

#define ESR_IL			0x2000000UL
#define ESR_CLASS		0xfc000000UL
#define ESR_ISV			0x1000000UL	/* data abort: the syndrome names register and size */
#define ESR_CM			0x100UL		/* data abort: cache maintenance */
#define ESR_SSE			0x200000UL
#define ESR_SF			0x8000UL
#define ESR_S1PTW		0x80UL
#define ESR_WNR			0x40UL
#define ESR_FSC			0x3fUL
#define ESR_EC_UNKNOWN		0UL
#define ESR_EC_IABT		0x80000000UL	/* from EL0; one more: from EL1 */
#define ESR_EC_DABT		0x90000000UL
#define ESR_EC_SAME		0x4000000UL
#define FSC_EXTERNAL		0x10UL

/* 1 if the host may ask for this after that exit: nothing, or exactly one thing that fits. */
u64 enter_allowed(u64 pending, u64 esr, u64 flags)
{
	if (flags == 0UL)
		return 1UL;
	if (flags == KCORE_ENTER_SKIP && pending >= PENDING_WFX && pending <= PENDING_MMIO_WRITE)
		return 1UL;
	if (flags == KCORE_ENTER_SKIP && pending == PENDING_DABT && (esr & ESR_CM) != 0UL)
		return 1UL;
	if (flags == KCORE_ENTER_UNDEF && pending == PENDING_SYSREG)
		return 1UL;
	if (flags == KCORE_ENTER_DABT && pending >= PENDING_MMIO_READ && pending <= PENDING_DABT)
		return 1UL;
	if (flags == KCORE_ENTER_IABT && pending == PENDING_IABT)
		return 1UL;
	return 0UL;
}

/* Bytes of the access in the syndrome: 1, 2, 4, 8. */
static u64 access_mask(u64 esr)
{
	u64 size = (esr >> 22UL) & 3UL;

	if (size == 3UL)
		return 0xffffffffffffffffUL;
	return (1UL << (8UL << size)) - 1UL;
}

/* The host's answer to an MMIO read, as wide as the access, extended as the instruction asks. */
static u64 mmio_value(u64 esr, u64 value)
{
	u64 mask = access_mask(esr);
	u64 sign = (mask >> 1UL) + 1UL;

	value = value & mask;
	if ((esr & ESR_SSE) != 0UL && (value & sign) != 0UL)
		value = value | ~mask;
	if ((esr & ESR_SF) == 0UL)
		value = value & 0xffffffffUL;
	return value;
}

/* The instruction of the last exit is done: PC + 4, BTYPE and SS cleared. */
void guest_advance(u64 context)
{
	u64 pc = page_load(context, CTX_PC);
	u64 pstate = page_load(context, CTX_PSTATE);

	page_store(context, CTX_PC, pc + 4UL);
	page_store(context, CTX_PSTATE, pstate & ~0x200c00UL);
}

/* Enter the guest's handler for an exception with this syndrome; its EL1 registers are loaded. */
static void guest_exception(u64 context, u64 esr, u64 far)
{
	u64 pc = page_load(context, CTX_PC);
	u64 pstate = page_load(context, CTX_PSTATE);
	u64 vector = exception_vector(pstate);
	u64 handler = exception_pstate(pstate);
	u64 same = (pstate & PSTATE_MODE) == EL1H || (pstate & PSTATE_MODE) == 4UL ? 1UL : 0UL;

	if (same != 0UL && esr != (ESR_EC_UNKNOWN | ESR_IL))
		esr = esr + ESR_EC_SAME;
	exception_take(pc, pstate, esr, far);
	page_store(context, CTX_PC, vector);
	page_store(context, CTX_PSTATE, handler);
}

void guest_undefined(u64 context)
{
	guest_exception(context, ESR_EC_UNKNOWN | ESR_IL, 0UL);
}

/*
 * A stage-2 abort of a protected guest.  1: its guest gave the host pages to serve, and this is none; it takes a synchronous external
 * abort.  0: the host has to act.
 */
u64 guest_abort(u64 vcpu, u64 esr, u64 far, u64 hpfar)
{
	u64 context = get_vcpu_context(vcpu);
	u64 allowed = guard_allows(vcpu / KCORE_VM_VCPUS, (hpfar & 0xfffffffff0UL) << 8UL);
	u64 syndrome = ESR_EC_IABT | ESR_IL | FSC_EXTERNAL;

	if (allowed != 0UL)
		return 0UL;
	if ((esr & ESR_CLASS) != ESR_EC_IABT)
		syndrome = ESR_EC_DABT | ESR_IL | (esr & ESR_WNR) | FSC_EXTERNAL;
	guest_exception(context, syndrome, far);
	return 1UL;
}

/* Do what the host asked for and was allowed to.  The guest's EL1 registers are loaded. */
void enter_apply(u64 vcpu, u64 flags)
{
	u64 context = get_vcpu_context(vcpu);
	u64 page = get_vcpu_page(vcpu);
	u64 pending = get_vcpu_pending(vcpu);
	u64 esr = get_vcpu_esr(vcpu);
	u64 far = get_vcpu_far(vcpu);
	u64 rt = (esr >> 16UL) & 31UL;
	u64 value;

	set_vcpu_pending(vcpu, PENDING_NONE);
	if (flags == KCORE_ENTER_SKIP) {
		if (pending == PENDING_MMIO_READ && rt != 31UL) {
			value = page_load(page, CTX_X(rt));
			value = mmio_value(esr, value);
			page_store(context, CTX_X(rt), value);
		}
		guest_advance(context);
	}
	if (flags == KCORE_ENTER_UNDEF)
		guest_undefined(context);
	if (flags == KCORE_ENTER_DABT)
		guest_exception(context, ESR_EC_DABT | ESR_IL | (esr & ESR_WNR) | FSC_EXTERNAL, far);
	if (flags == KCORE_ENTER_IABT)
		guest_exception(context, ESR_EC_IABT | ESR_IL | FSC_EXTERNAL, far);
}

/* Copy one register of the guest to the host; register 31 is zero. */
static void release_register(u64 vcpu, u64 rt, u64 mask)
{
	u64 context = get_vcpu_context(vcpu);
	u64 page = get_vcpu_page(vcpu);
	u64 value;

	if (rt != 31UL) {
		value = page_load(context, CTX_X(rt));
		page_store(page, CTX_X(rt), value & mask);
	}
}

/* An abort outside of the VM's memory: what is pending, and the register of a store. */
static u64 abort_outside(u64 vcpu, u64 esr)
{
	u64 class = esr & ESR_CLASS;
	u64 rt = (esr >> 16UL) & 31UL;
	u64 mask;

	if (class == ESR_EC_IABT)
		return PENDING_IABT;
	if ((esr & ESR_ISV) == 0UL || (esr & ESR_S1PTW) != 0UL)
		return PENDING_DABT;
	if ((esr & ESR_WNR) == 0UL)
		return PENDING_MMIO_READ;
	mask = access_mask(esr);
	release_register(vcpu, rt, mask);
	return PENDING_MMIO_WRITE;
}

/* A stage-2 abort of a protected guest: what is pending. */
static u64 release_abort(u64 vcpu, u64 esr, u64 far, u64 hpfar)
{
	u64 page = get_vcpu_page(vcpu);
	u64 vm = vcpu / KCORE_VM_VCPUS;
	u64 base = get_vm_mem_base(vm);
	u64 end = get_vm_mem_end(vm);
	u64 ipa = (hpfar & 0xfffffffff0UL) << 8UL;
	u64 pending = PENDING_NONE;

	if (ipa >= base && ipa < end) {
		page_store(page, CTX_EXIT_ESR, esr & (ESR_CLASS | ESR_IL | ESR_FSC));
		page_store(page, CTX_EXIT_FAR, 0UL);
	} else {
		pending = abort_outside(vcpu, esr);
		page_store(page, CTX_EXIT_ESR, esr);
		page_store(page, CTX_EXIT_FAR, far & (PAGE_BYTES - 1UL));
	}
	page_store(page, CTX_EXIT_HPFAR, hpfar);
	return pending;
}

/* Any other exit: what is pending.  The register of a trapped write is the host's to emulate. */
static u64 release_other(u64 vcpu, u64 esr)
{
	u64 page = get_vcpu_page(vcpu);
	u64 ec = esr >> 26UL;
	u64 pending = PENDING_NONE;

	if (ec == 0x18UL) {
		release_register(vcpu, (esr >> 5UL) & 31UL, 0xffffffffffffffffUL);
		pending = PENDING_SYSREG;
	}
	if (ec == 0x01UL)
		pending = PENDING_WFX;
	page_store(page, CTX_EXIT_ESR, esr);
	page_store(page, CTX_EXIT_FAR, 0UL);
	page_store(page, CTX_EXIT_HPFAR, 0UL);
	return pending;
}

/* An exit of a protected guest that KCore can't finish alone: fill in what the host may see. */
void exit_release(u64 vcpu, u64 esr, u64 far, u64 hpfar)
{
	u64 ec = esr >> 26UL;
	u64 pending;

	if (ec == 0x20UL || ec == 0x24UL)
		pending = release_abort(vcpu, esr, far, hpfar);
	else
		pending = release_other(vcpu, esr);
	set_vcpu_esr(vcpu, esr);
	set_vcpu_far(vcpu, far);
	set_vcpu_pending(vcpu, pending);
}
