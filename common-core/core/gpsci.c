/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls and trapped registers of protected guests that KCore answers: PSCI (DEN 0022), SMCCC, ID and debug registers. */
#include "core.h"

#define PSCI_VERSION		0x84000000UL
#define PSCI_CPU_SUSPEND	0x84000001UL
#define PSCI_CPU_OFF		0x84000002UL
#define PSCI_CPU_ON		0x84000003UL
#define PSCI_AFFINITY_INFO	0x84000004UL
#define PSCI_MIGRATE_TYPE	0x84000006UL
#define PSCI_SYSTEM_OFF		0x84000008UL
#define PSCI_SYSTEM_RESET	0x84000009UL
#define PSCI_FEATURES		0x8400000aUL
#define PSCI_64			0x40000000UL	/* the 64-bit form of a function */
#define SMCCC_VERSION		0x80000000UL

#define PSCI_NOT_SUPPORTED	0xffffffffffffffffUL	/* -1 */
#define PSCI_INVALID		0xfffffffffffffffeUL	/* -2 */
#define PSCI_ALREADY_ON		0xfffffffffffffffcUL	/* -4 */
#define PSCI_INTERNAL		0xfffffffffffffffaUL	/* -6 */
#define PSCI_BAD_ADDRESS	0xfffffffffffffff7UL	/* -9 */
#define TELL_HOST		1UL			/* not a PSCI result: the host has to act */

/* vCPU of the same VM with this affinity, or NO_VCPU. */
static u64 guest_target(u64 vcpu, u64 mpidr)
{
	u64 target = vcpu / KCORE_VM_VCPUS * KCORE_VM_VCPUS + mpidr;
	u64 state;

	if (mpidr >= KCORE_VM_VCPUS)
		return NO_VCPU;
	state = get_vcpu_state(target);
	return state != VCPU_FREE ? target : NO_VCPU;
}

/* CPU_ON: latch where the target starts.  Lock: held. */
static u64 guest_cpu_on(u64 target, u64 entry, u64 x0)
{
	u64 power = get_vcpu_power(target);

	if (power != POWER_OFF)
		return PSCI_ALREADY_ON;
	set_vcpu_entry(target, entry);
	set_vcpu_entry_x0(target, x0);
	set_vcpu_power(target, POWER_BOOT);
	return TELL_HOST;
}

static u64 guest_psci_on(u64 vcpu, u64 context, u64 fn)
{
	u64 x1 = page_load(context, CTX_X(1UL));
	u64 x2 = page_load(context, CTX_X(2UL));
	u64 x3 = page_load(context, CTX_X(3UL));
	u64 mask = (fn & PSCI_64) != 0UL ? 0xffffffffffffffffUL : 0xffffffffUL;
	u64 entry = x2 & mask;
	u64 x0 = x3 & mask;
	u64 target = guest_target(vcpu, x1 & mask & 0xff00ffffffUL);
	u64 r;

	if (target == NO_VCPU)
		return PSCI_INVALID;
	if ((entry & 3UL) != 0UL)
		return PSCI_BAD_ADDRESS;
	lock_acquire();
	r = guest_cpu_on(target, entry, x0);
	lock_release();
	return r;
}

static u64 guest_psci_info(u64 vcpu, u64 context)
{
	u64 mpidr = page_load(context, CTX_X(1UL));
	u64 level = page_load(context, CTX_X(2UL));
	u64 target = guest_target(vcpu, mpidr & 0xff00ffffffUL);
	u64 power;

	if (target == NO_VCPU || (level & 0xffffffffUL) != 0UL)
		return PSCI_INVALID;
	power = get_vcpu_power(target);
	return power == POWER_OFF ? 1UL : 0UL;	/* OFF, ON */
}

/* PSCI_FEATURES: 0 for what guest_hvc() knows. */
static u64 guest_psci_features(u64 fn)
{
	u64 base = fn & ~PSCI_64;

	if (base == PSCI_CPU_SUSPEND || base == PSCI_CPU_ON || base == PSCI_AFFINITY_INFO)
		return 0UL;
	if (fn == PSCI_VERSION || fn == PSCI_CPU_OFF || fn == PSCI_MIGRATE_TYPE || fn == SMCCC_VERSION)
		return 0UL;
	if (fn >= PSCI_SYSTEM_OFF && fn <= PSCI_FEATURES)
		return 0UL;
	return PSCI_NOT_SUPPORTED;
}

static void guest_off(u64 vcpu)
{
	lock_acquire();
	set_vcpu_power(vcpu, POWER_OFF);
	lock_release();
}

/* Result for x0 of the calls that KCore answers alone. */
static u64 guest_call(u64 vcpu, u64 context, u64 fn)
{
	u64 base = fn & ~PSCI_64;
	u64 x1 = page_load(context, CTX_X(1UL));

	if (fn == PSCI_VERSION || fn == SMCCC_VERSION)
		return 0x10001UL;	/* 1.1 */
	if (base == PSCI_CPU_SUSPEND)
		return 0UL;		/* an interrupt may be pending: returning at once is allowed */
	if (base == PSCI_AFFINITY_INFO)
		return guest_psci_info(vcpu, context);
	if (fn == PSCI_MIGRATE_TYPE)
		return 2UL;		/* no trusted OS to migrate */
	if (fn == PSCI_FEATURES)
		return guest_psci_features(x1 & 0xffffffffUL);
	return PSCI_NOT_SUPPORTED;
}

/* HVC of a protected guest.  1: answered, 0: the host has to act, the guest's x0 is set. */
u64 guest_hvc(u64 vcpu)
{
	u64 context = get_vcpu_context(vcpu);
	u64 page = get_vcpu_page(vcpu);
	u64 fn = page_load(context, CTX_X(0UL));
	u64 mpidr;
	u64 r;

	fn = fn & 0xffffffffUL;	/* SMCCC: the function is in W0 */
	if ((fn & ~PSCI_64) == PSCI_CPU_ON) {
		r = guest_psci_on(vcpu, context, fn);
		if (r != TELL_HOST) {
			page_store(context, CTX_X(0UL), r);
			return 1UL;
		}
		mpidr = page_load(context, CTX_X(1UL));
		page_store(page, CTX_X(0UL), fn);
		page_store(page, CTX_X(1UL), mpidr);
		page_store(context, CTX_X(0UL), 0UL);
		return 0UL;
	}
	if (fn == PSCI_CPU_OFF || fn == PSCI_SYSTEM_OFF || fn == PSCI_SYSTEM_RESET) {
		if (fn == PSCI_CPU_OFF)
			guest_off(vcpu);
		page_store(page, CTX_X(0UL), fn);
		page_store(page, CTX_X(1UL), 0UL);
		page_store(context, CTX_X(0UL), PSCI_INTERNAL);
		return 0UL;
	}
	r = guest_call(vcpu, context, fn);
	page_store(context, CTX_X(0UL), r);
	return 1UL;
}

#define SYSREG(op0, op1, crn, crm, op2) \
	(((op0) << 20UL) | ((op2) << 17UL) | ((op1) << 14UL) | ((crn) << 10UL) | ((crm) << 1UL))
#define SYSREG_MASK		0x3ffc1eUL
#define SYSREG_READ		1UL

#define SYS_ICC_SGI1R		SYSREG(3UL, 0UL, 12UL, 11UL, 5UL)
#define SYS_ICC_ASGI1R		SYSREG(3UL, 0UL, 12UL, 11UL, 6UL)
#define SYS_ICC_SGI0R		SYSREG(3UL, 0UL, 12UL, 11UL, 7UL)
#define SYS_ICC_SRE		SYSREG(3UL, 0UL, 12UL, 12UL, 5UL)
#define SYS_ACTLR		SYSREG(3UL, 0UL, 1UL, 0UL, 1UL)
#define SYS_AIDR		SYSREG(3UL, 1UL, 0UL, 0UL, 7UL)

/*
 * 1 for registers that read as zero and ignore writes: debug (of op0 2, op1 1 is trace and branch records, CRn 8 and more
 * are newer features), ACTLR_EL1, AIDR_EL1 (only its reads trap), cache maintenance by set and way.
 */
static u64 sysreg_raz_wi(u64 reg)
{
	u64 op0 = reg >> 20UL;
	u64 op1 = (reg >> 14UL) & 7UL;
	u64 crn = (reg >> 10UL) & 15UL;

	if (op0 == 2UL && (op1 == 0UL || op1 == 3UL) && crn < 8UL)
		return 1UL;
	if (reg == SYS_ACTLR || reg == SYS_AIDR || (op0 == 1UL && crn == 7UL))
		return 1UL;
	return 0UL;
}

/*
 * A trapped register access of a protected guest.  1: done here, 0: a software-generated interrupt for
 * the host's GIC.  Everything that the guest's ID registers don't offer is UNDEFINED.
 */
u64 guest_sysreg(u64 vcpu, u64 esr)
{
	u64 context = get_vcpu_context(vcpu);
	u64 reg = esr & SYSREG_MASK;
	u64 read = esr & SYSREG_READ;
	u64 rt = (esr >> 5UL) & 31UL;
	u64 gic = get_has_gicv3();
	u64 value = 0UL;
	u64 known;

	if (gic != 0UL && read == 0UL && (reg == SYS_ICC_SGI1R || reg == SYS_ICC_ASGI1R || reg == SYS_ICC_SGI0R))
		return 0UL;
	known = sysreg_raz_wi(reg);
	if ((reg & ~0xe001eUL) == SYSREG(3UL, 0UL, 0UL, 0UL, 0UL) && read != 0UL) {
		value = idreg_guest((reg >> 1UL) & 15UL, (reg >> 17UL) & 7UL);
		known = 1UL;
	}
	if (gic != 0UL && reg == SYS_ICC_SRE) {
		value = 7UL;		/* SRE, DFB, DIB: system registers only */
		known = 1UL;
	}
	if (known == 0UL) {
		guest_undefined(context);
		return 1UL;
	}
	if (read != 0UL && rt != 31UL)
		page_store(context, CTX_X(rt), value);
	guest_advance(context);
	return 1UL;
}
