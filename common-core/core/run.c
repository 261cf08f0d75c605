/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch.  A run is an exchange, not a nested call: hc_vcpu_run() puts the guest into the
 * registers and the return path enters it; guest_exit() puts the host back.
 */
#include "core.h"

/* HCR_EL2 in a guest (D13.2.48): VM SWIO PTW FMO IMO AMO FB BSU=IS TWI TWE TID3 TSC TIDCP TACR TSW RW TLOR; TWI, TWE by wish */
#define HCR_GUEST		0x8807c063fUL
#define HCR_GUEST_AARCH32	0x80078063fUL		/* without RW and TID3 */
#define HCR_GUEST_PROTECTED	0x4000008807d063fUL	/* and TID1, TID5: no SMIDR_EL1, no GMID_EL1 */
#define HCR_WISH_PROTECTED	(KCORE_HCR_VF | KCORE_HCR_VI | KCORE_HCR_VSE | KCORE_HCR_TWI | KCORE_HCR_TWE)
#define HCR_WISH_NORMAL		(HCR_WISH_PROTECTED | KCORE_HCR_TID2 | KCORE_HCR_TVM | KCORE_HCR_APK | KCORE_HCR_API)
#define HCR_WISH_AARCH32	(HCR_WISH_NORMAL | KCORE_HCR_TID3)
#define CPTR_GUEST		0x401037ffUL	/* RES1, TZ, TSM, TFP, TTA, TAM */
#define CPTR_TFP		0x400UL
#define CPTR_TZ			0x100UL
#define CPTR_TSM		0x1000UL
#define MDCR_GUEST		0x84e60UL	/* TTRF TPMS TPMCR TPM TDA TDOSA TDRA; HPMN the host's; E2PB, E2TB 0 */
#define HCR_RAS			0x3000000000UL	/* TEA TERR: error records are the machine's */
#define CNTHCTL_EL1PCTEN	KCORE_TRAP_COUNTER
#define CNTHCTL_EL1PCEN		2UL
#define PSTATE_IL		0x100000UL
#define MODE_SVC		0x13UL
#define FPEXC_EN		0x40000000UL

#define EC_WFX			0x01UL
#define EC_FP			0x07UL
#define EC_HVC			0x16UL
#define EC_SMC			0x17UL
#define EC_SYSREG		0x18UL
#define EC_IABT			0x20UL
#define EC_DABT			0x24UL
#define ESR_HVC			0x5a000000UL	/* EC_HVC, IL: HVC is a 32-bit instruction; without its immediate */
#define ESR_MISSING		0x92000007UL	/* data abort, lower EL, translation fault at level 3: a page that a call needs */

/*
 * A PSTATE that may be entered: EL0, EL1t, EL1h; EL0 in AArch32 for a normal VM where the machine has it (a
 * return that the CPU finds illegal would stay at EL2).  Any other mode becomes an illegal state at EL1.
 */
static u64 pstate_sanitise(u64 pstate, u64 type)
{
	u64 mode = pstate & PSTATE_MODE;
	u64 aarch32 = get_has_aarch32();

	if (mode == 0UL || mode == 4UL || mode == EL1H)
		return pstate;
	if (mode == 0x10UL && aarch32 != 0UL && type == KCORE_VM_NORMAL)
		return pstate;
	return (pstate & ~PSTATE_MODE) | PSTATE_IL | EL1H;
}

/* The same where EL1 is AArch32: usr, fiq, irq, svc, abt, und, sys (G1.9.1); any other mode becomes an illegal state in Supervisor mode. */
static u64 pstate_aarch32(u64 pstate)
{
	u64 mode = pstate & PSTATE_MODE;

	if ((mode >= 0x10UL && mode <= MODE_SVC) || mode == 0x17UL || mode == 0x1bUL || mode == 0x1fUL)
		return pstate;
	return (pstate & ~PSTATE_MODE) | PSTATE_IL | MODE_SVC;
}

/* First entry after the guest's CPU_ON: the entry point that KCore kept.  The lock orders it after CPU_ON's stores. */
static void vcpu_boot(u64 vcpu, u64 context)
{
	u64 entry;
	u64 x0;
	u64 i;

	lock_acquire();
	entry = get_vcpu_entry(vcpu);
	x0 = get_vcpu_entry_x0(vcpu);
	set_vcpu_power(vcpu, POWER_ON);
	lock_release();
	for (i = 0UL; i < CTX_VMPIDR / 8UL; i++)
		page_store(context, i * 8UL, 0UL);
	page_store(context, CTX_X(0UL), x0);
	page_store(context, CTX_PC, entry);
	page_store(context, CTX_PSTATE, 0x3c0UL | EL1H);
	page_store(context, CTX_SCTLR, SCTLR_EL1_RESET);
}

/* May the vCPU that is loaded here run, with what the host asks for? */
static u64 run_check(u64 vcpu, u64 type, u64 flags)
{
	u64 power = get_vcpu_power(vcpu);
	u64 pending = get_vcpu_pending(vcpu);
	u64 esr = get_vcpu_esr(vcpu);
	u64 allowed;

	if (type == KCORE_VM_NORMAL)
		return 0UL;
	if (power == POWER_OFF)
		return KCORE_ESTATE;
	allowed = enter_allowed(pending, esr, flags);
	return allowed != 0UL ? 0UL : KCORE_EPERM;
}

/* HCR_EL2 of a normal VM.  Without RW among the wishes EL1 is AArch32, where the machine has that. */
static u64 hcr_normal(u64 wishes)
{
	u64 aarch32;

	if ((wishes & KCORE_HCR_RW) == 0UL) {
		aarch32 = get_has_aarch32();
		if (aarch32 == AARCH32_EL1)
			return HCR_GUEST_AARCH32 | (wishes & HCR_WISH_AARCH32);
	}
	return HCR_GUEST | (wishes & HCR_WISH_NORMAL);
}

/*
 * Registers of AArch32 at EL1 that only EL2 reaches: from the page at each run, so what another VM's guest left there doesn't matter, and back.
 * FPEXC is the guest's as long as its FP registers are in the CPU; else EN is set, or their first use would not come to EL2.  With CPTR_EL2.TFP,
 * FPEXC32_EL2 traps at EL2 too.
 */
static void aarch32_enter(u64 page, u64 fp)
{
	u64 v = page_load(page, CTX_FPEXC);
	u64 cptr = host_cptr();

	cptr_write(cptr);
	isb();
	fpexc_write(fp != 0UL ? v : FPEXC_EN);
	a32_load(page);
}

static void aarch32_leave(u64 page, u64 fp)
{
	u64 v;

	a32_save(page);
	if (fp != 0UL) {
		v = fpexc_read();
		page_store(page, CTX_FPEXC, v);
	}
}

/*
 * MPIDR, wishes for interrupts and traps, debug exceptions and the physical counter among these: a normal VM's from its page; of a protected
 * VM's only interrupts and WFx.  Where no guest's FP registers are in the CPU, those there are the host's; a normal VM may have them, with SVE.
 * Its HCR_EL2 is returned.
 */
static u64 guest_controls(u64 cpu, u64 vcpu, u64 type, u64 page)
{
	u64 vm = vcpu / KCORE_VM_VCPUS;
	u64 hcr = page_load(page, CTX_ENTER_HCR);
	u64 ras = get_has_ras();
	u64 fp = get_cpu_fp(cpu);
	u64 traps = 0UL;
	u64 sve = 0UL;
	u64 v;

	if (type == KCORE_VM_NORMAL) {
		v = page_load(page, CTX_VMPIDR);
		vmpidr_write(v);
		hcr = hcr_normal(hcr);
		traps = page_load(page, CTX_ENTER_TRAPS);
		sve = page_load(page, CTX_SVE);
	} else {
		vmpidr_write(0x80000000UL | (vcpu % KCORE_VM_VCPUS));
		hcr = HCR_GUEST_PROTECTED | (hcr & HCR_WISH_PROTECTED);
	}
	if (ras != 0UL && (hcr & KCORE_HCR_VSE) != 0UL) {
		v = page_load(page, CTX_ENTER_VSESR);
		vsesr_write(v & 0x1ffffffUL);
	}
	hcr_write(ras != 0UL ? hcr | HCR_RAS : hcr);
	if ((hcr & KCORE_HCR_RW) == 0UL)
		aarch32_enter(page, fp);
	v = host_cptr();
	if ((sve & KCORE_SVE_ON) != 0UL && fp == 0UL && (v & CPTR_TZ) == 0UL) {
		zcr_write(sve & KCORE_SVE_LENGTH);
		cptr_write(CPTR_GUEST & ~(CPTR_TFP | CPTR_TZ));
	} else {
		cptr_write(fp != 0UL ? CPTR_GUEST & ~CPTR_TFP : CPTR_GUEST);
	}
	v = host_mdcr();
	mdcr_write((v & 31UL) | MDCR_GUEST | (traps & KCORE_TRAP_DEBUG));
	v = host_cnthctl();
	cnthctl_write((v & ~(CNTHCTL_EL1PCTEN | CNTHCTL_EL1PCEN)) | (CNTHCTL_EL1PCTEN & ~traps));
	v = s2_vttbr(vm);
	vttbr_write(v);
	return hcr;
}

/* KCORE_HC_VCPU_RUN.  0: the guest is in the registers; else nothing has changed. */
u64 hc_vcpu_run(u64 vcpu)
{
	u64 cpu = cpu_id();
	u64 here = get_cpu_vcpu(cpu);
	u64 gic = get_has_gicv3();
	u64 profiling = get_has_profiling();
	u64 type;
	u64 page;
	u64 context;
	u64 flags;
	u64 power;
	u64 hcr;
	u64 v;

	if (vcpu >= KCORE_NR_VCPUS)
		return KCORE_EINVAL;
	if (here != vcpu)
		return KCORE_ESTATE;
	type = get_vm_type(vcpu / KCORE_VM_VCPUS);
	page = get_vcpu_page(vcpu);
	context = get_vcpu_context(vcpu);
	flags = page_load(page, CTX_ENTER_FLAGS);
	v = run_check(vcpu, type, flags);
	if (v != 0UL)
		return v;
	page_store(page, CTX_ENTER_FLAGS, 0UL);
	if (profiling != 0UL)
		profiling_stop(profiling);
	v = host_context();
	el1_save(v);
	if (type == KCORE_VM_PROTECTED) {
		power = get_vcpu_power(vcpu);
		if (power == POWER_BOOT)
			vcpu_boot(vcpu, context);
		el1_load(context);
		enter_apply(vcpu, flags);
	} else {
		el1_load(context);
	}
	hcr = guest_controls(cpu, vcpu, type, page);
	v = page_load(context, CTX_PC);
	elr_write(v);
	v = page_load(context, CTX_PSTATE);
	if ((hcr & KCORE_HCR_RW) != 0UL)
		v = pstate_sanitise(v, type);
	else
		v = pstate_aarch32(v);
	spsr_write(v);
	if (gic != 0UL)
		gic_lrs_load(page);
	guest_select(context);
	return 0UL;
}

/* FP registers of the loaded vCPU, if they are in the machine: to its context, and out of sight. */
void fp_release(u64 cpu, u64 vcpu)
{
	u64 fp = get_cpu_fp(cpu);
	u64 context;
	u64 v;

	if (fp != 0UL) {
		v = host_cptr();
		cptr_write(v);
		isb();
		context = get_vcpu_context(vcpu);
		fp_save(context);
		fp_clear();
		set_cpu_fp(cpu, 0UL);
	}
}

/* The host uses FP while the guest's registers are in the machine. */
void host_fp_trap(u64 cpu)
{
	u64 vcpu = get_cpu_vcpu(cpu);

	fp_release(cpu, vcpu);
}

/* The guest's first use of FP since the load. */
static void guest_fp_trap(u64 cpu, u64 vcpu)
{
	u64 context = get_vcpu_context(vcpu);
	u64 hcr = hcr_read();
	u64 v;

	cptr_write(CPTR_GUEST & ~CPTR_TFP);
	isb();
	fp_load(context);
	set_cpu_fp(cpu, 1UL);
	if ((hcr & KCORE_HCR_RW) == 0UL) {
		v = page_load(context, CTX_FPEXC);
		fpexc_write(v);
	}
}

/* Enter the protected guest again at its context's PC. */
static void guest_resume(u64 context)
{
	u64 v;

	v = page_load(context, CTX_PC);
	elr_write(v);
	v = page_load(context, CTX_PSTATE);
	v = pstate_sanitise(v, KCORE_VM_PROTECTED);
	spsr_write(v);
}

/* A synchronous exit of a protected guest.  1: finished here; 0: the host has to act. */
static u64 exit_protected(u64 vcpu, u64 esr, u64 far, u64 hpfar)
{
	u64 context = get_vcpu_context(vcpu);
	u64 ec = esr >> 26UL;
	u64 done = 0UL;

	if (ec == EC_WFX)
		return 0UL;
	if (ec == EC_IABT || ec == EC_DABT) {
		done = guest_abort(vcpu, esr, far, hpfar);
	} else if (ec == EC_HVC) {
		done = guest_hvc(vcpu);
	} else if (ec == EC_SYSREG) {
		done = guest_sysreg(vcpu, esr);
	} else if (ec == EC_SMC) {
		page_store(context, CTX_X(0UL), 0xffffffffffffffffUL);	/* NOT_SUPPORTED */
		guest_advance(context);
		done = 1UL;
	} else {
		guest_undefined(context);
		done = 1UL;
	}
	if (done != 0UL)
		guest_resume(context);
	return done;
}

/* An HVC to the vendor hypervisor service: HVC_*. */
static u64 exit_vendor(u64 vcpu, u64 esr)
{
	u64 context = get_vcpu_context(vcpu);
	u64 r;

	if (esr >> 26UL != EC_HVC)
		return HVC_OTHER;
	r = guest_vendor(vcpu);
	if (r == HVC_DONE)
		guest_resume(context);
	return r;
}

/* HPFAR_EL2 of a fault at the page that x1 names. */
static u64 missing_page(u64 vcpu)
{
	u64 context = get_vcpu_context(vcpu);
	u64 ipa = page_load(context, CTX_X(1UL));

	return ipa >> 12UL << 4UL;
}

static void count_exit(u64 cpu, u64 ec)
{
	if (ec == EC_HVC || ec == EC_SMC)
		stat_add(cpu, KCORE_STAT_exit_hvc);
	else if (ec == EC_DABT || ec == EC_IABT)
		stat_add(cpu, KCORE_STAT_exit_abort);
	else if (ec == EC_SYSREG)
		stat_add(cpu, KCORE_STAT_exit_sysreg);
	else if (ec == EC_WFX)
		stat_add(cpu, KCORE_STAT_exit_wfx);
	else if (ec == EC_FP)
		stat_add(cpu, KCORE_STAT_exit_fp);
	else
		stat_add(cpu, KCORE_STAT_exit_other);
}

/* HPFAR_EL2 isn't valid after a permission fault outside of a table walk (D13.2.56): translate again. */
static u64 hpfar_needed(u64 esr)
{
	u64 ec = esr >> 26UL;

	if ((ec == EC_DABT || ec == EC_IABT) && (esr & 0x3cUL) == 0xcUL && (esr & 0x80UL) == 0UL)
		return 1UL;
	return 0UL;
}

/* The guest leaves the registers, the host comes back to its run call with x0 = code. */
static void host_return(u64 cpu, u64 vcpu, u64 code)
{
	u64 page = get_vcpu_page(vcpu);
	u64 context = get_vcpu_context(vcpu);
	u64 gic = get_has_gicv3();
	u64 fp = get_cpu_fp(cpu);
	u64 profiling = get_has_profiling();
	u64 v = page_load(page, CTX_ENTER_HCR);
	u64 hcr = hcr_read();

	if ((v & KCORE_HCR_VSE) != 0UL)
		page_store(page, CTX_ENTER_HCR, (v & ~KCORE_HCR_VSE) | (hcr & KCORE_HCR_VSE));
	if ((hcr & KCORE_HCR_RW) == 0UL)
		aarch32_leave(page, fp);
	if (gic != 0UL)
		gic_lrs_save(page);
	el1_save(context);
	v = host_cnthctl();
	cnthctl_write(v);
	v = host_mdcr();
	mdcr_write(v);
	v = host_cptr();
	cptr_write(fp != 0UL ? v | CPTR_TFP | CPTR_TZ | CPTR_TSM : v);
	v = host_vmpidr();
	vmpidr_write(v);
	v = host_hcr();
	hcr_write(v);
	v = s2_vttbr(HOST);
	vttbr_write(v);
	v = host_context();
	el1_load(v);
	if (profiling != 0UL)
		profiling_resume(profiling);
	host_x_set(0UL, code);
	host_select();
}

/* The syndrome for the host: all of it for a normal VM, what the filter lets through for a protected one. */
static void exit_syndrome(u64 vcpu, u64 type, u64 esr, u64 far, u64 hpfar)
{
	u64 page = get_vcpu_page(vcpu);

	if (type == KCORE_VM_PROTECTED) {
		exit_release(vcpu, esr, far, hpfar);
		return;
	}
	page_store(page, CTX_EXIT_ESR, esr);
	page_store(page, CTX_EXIT_FAR, far);
	page_store(page, CTX_EXIT_HPFAR, hpfar);
}

/* Interrupt or SError while the guest ran: nothing of the guest for the host but the fact. */
static u64 exit_asynchronous(u64 cpu, u64 vcpu, u64 kind)
{
	u64 type = get_vm_type(vcpu / KCORE_VM_VCPUS);
	u64 page = get_vcpu_page(vcpu);
	u64 ras = get_has_ras();
	u64 v;

	stat_add(cpu, kind == 1UL ? KCORE_STAT_exit_irq : KCORE_STAT_exit_serror);
	if (type == KCORE_VM_PROTECTED)
		set_vcpu_pending(vcpu, PENDING_NONE);
	page_store(page, CTX_EXIT_ESR, 0UL);
	if (kind == 2UL && ras != 0UL) {
		v = vdisr_read();
		page_store(page, CTX_EXIT_DISR, v);
	}
	host_return(cpu, vcpu, kind == 1UL ? KCORE_EXIT_IRQ : KCORE_EXIT_SERROR);
	return 0UL;
}

/*
 * The guest left: kind 0 synchronous, 1 interrupt, 2 SError.  Its x0..x30, PC and PSTATE are in its context.
 * 1: enter it again, 0: the host goes on.
 */
u64 guest_exit(u64 kind)
{
	u64 cpu = cpu_id();
	u64 vcpu = get_cpu_vcpu(cpu);
	u64 esr = esr_read();
	u64 far = far_read();
	u64 hpfar = hpfar_read();
	u64 fp = get_cpu_fp(cpu);
	u64 type;
	u64 v;

	if (vcpu == NO_VCPU)
		halt(HALT_GUEST_NONE, esr);
	if (kind != 0UL)
		return exit_asynchronous(cpu, vcpu, kind);
	count_exit(cpu, esr >> 26UL);
	if (esr >> 26UL == EC_FP && fp == 0UL) {
		guest_fp_trap(cpu, vcpu);
		stat_add(cpu, KCORE_STAT_exit_local);
		return 1UL;
	}
	v = hpfar_needed(esr);
	if (v != 0UL) {
		v = translate_el1(far);
		if ((v & 1UL) != 0UL)
			return 1UL;	/* the guest's own table changed meanwhile: it tries again */
		hpfar = ((v >> 12UL) & 0xfffffffUL) << 4UL;
	}
	type = get_vm_type(vcpu / KCORE_VM_VCPUS);
	if (type == KCORE_VM_PROTECTED) {
		v = exit_vendor(vcpu, esr);
		if (v == HVC_OTHER)
			v = exit_protected(vcpu, esr, far, hpfar);
		if (v == HVC_DONE) {
			stat_add(cpu, KCORE_STAT_exit_local);
			return 1UL;
		}
		if (v == HVC_FAULT) {
			esr = ESR_MISSING;
			hpfar = missing_page(vcpu);
		}
	}
	if (type == KCORE_VM_PROTECTED && esr >> 26UL == EC_HVC)
		esr = ESR_HVC;
	exit_syndrome(vcpu, type, esr, far, hpfar);
	host_return(cpu, vcpu, KCORE_EXIT_TRAP);
	return 0UL;
}
