// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world switch of the host, and the crossings that go with it.
 *
 * A normal vCPU's registers stay in the page that it shares with KCore, loaded or not.  KVM's context is what the rest
 * of KVM reads and writes, so what it may look at moves:
 *
 *   every run      pc, pstate, fault information, list registers of a GICv3; MDSCR_EL1 in only (always trapped: KVM owns it);
 *                  with AArch32 at EL1, what EL1 in AArch64 hasn't (aarch32.h)
 *   a trap exit    of x0..x30 those that KVM's handler reads or writes, out and at the next run in; SCTLR_EL1 out
 *                  (kvm_vcpu_is_be())
 *   a trap whose handler may touch EL1 registers (kcore_trap_out()), and an exception to be injected
 *                  EL1 registers out and at the next run in
 *   load, put      GIC state of a GICv3
 *   a register ioctl (H35)
 *                  all out, FP too, and in at the next run
 *
 * `where' in struct kcore_vcpu_glue says what is in the page.  No hook is at KVM's reset of a vCPU: it overwrites a mark
 * in the context (KCORE_FPSR_AWAY), which is looked for before the first run after a load.
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/kvm_host.h>
#include <uapi/linux/psci.h>
#include <asm/arch_gicv3.h>
#include <asm/daifflags.h>
#include <asm/debug-monitors.h>
#include <asm/esr.h>
#include <asm/kvm_emulate.h>
#include <kvm/arm_vgic.h>
#include "kcore.h"
#include "regs.h"

/* Op0, Op1 and CRn of a trapped register in its syndrome (DDI 0487 D17.2.37, ISS of MSR and MRS) */
#define KCORE_ISS_SYS(op0, op1, crn)	((op0) << 20 | (op1) << 14 | (crn) << 10)
#define KCORE_ISS_SYS_MASK		KCORE_ISS_SYS(3UL, 7UL, 15UL)
#define KCORE_ISS_CRM_8			BIT(4)		/* CRm is 8 or more */

#define KCORE_PMUSERENR_ALL	15	/* ER, CR, SW, EN */

/* A stage-2 translation fault of a word whose register the syndrome names, not of a table walk or cache maintenance */
#define KCORE_ISS_WORD		(BIT(24) | BIT(23) | 0x04)	/* ISV, SAS, DFSC */
#define KCORE_ISS_WORD_MASK	(BIT(24) | GENMASK(23, 22) | BIT(8) | BIT(7) | 0x3c)

/* `moved' of struct kcore_vcpu_glue: 0..30 is that register's number, as a syndrome has it; 31, the zero register, is none */
#define KCORE_MOVED_NONE	31
#define KCORE_MOVED_CALL	32		/* x0..x3, all that KVM's SMCCC code has access to */

/*
 * In KVM's context while the vCPU's FP registers are in the page.  All RES0 bits of FPSR: nothing that a guest leaves, and
 * not what a reset writes.  Where EL1 registers are in the page, FP registers are.
 */
#define KCORE_FPSR_AWAY		0x07ffff60U

/* The exit that brings KVM's loop to kcore_handle_guest_abort(), which looks at `todo' first */
#define KCORE_ESR_TODO	(((u64)ESR_ELx_EC_DABT_LOW << ESR_ELx_EC_SHIFT) | ESR_ELx_IL)

static __always_inline void kcore_sys_in(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
#define KCORE_IN(field)	page->sys.field = KCORE_REG(vcpu, field);
	KCORE_SYSREGS(KCORE_IN, KCORE_IN)
#undef KCORE_IN
}

/* MDSCR_EL1 stays as KVM has it: under guest debug the page's differs from the guest's */
static __always_inline void kcore_sys_out(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	u64 mdscr = KCORE_REG(vcpu, mdscr_el1);

#define KCORE_OUT(field) KCORE_REG(vcpu, field) = page->sys.field;
	KCORE_SYSREGS(KCORE_OUT, KCORE_OUT)
#undef KCORE_OUT
	KCORE_REG(vcpu, mdscr_el1) = mdscr;
}

static __always_inline void kcore_gp_in(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	kcore_copy_pairs(page->x, kcore_gp(vcpu)->regs, 15);
	page->x[30] = kcore_gp(vcpu)->regs[30];
}

static __always_inline void kcore_gp_out(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	kcore_copy_pairs(kcore_gp(vcpu)->regs, page->x, 15);
	kcore_gp(vcpu)->regs[30] = page->x[30];
}

static __always_inline void kcore_fp_in(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	kcore_copy_pairs(page->v, kcore_fp(vcpu)->vregs, 32);
	page->fpsr = kcore_fp(vcpu)->fpsr;
	page->fpcr = kcore_fp(vcpu)->fpcr;
	kcore_fp(vcpu)->fpsr = KCORE_FPSR_AWAY;
}

static __always_inline void kcore_fp_out(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	kcore_copy_pairs(kcore_fp(vcpu)->vregs, page->v, 32);
	kcore_fp(vcpu)->fpsr = page->fpsr;
	kcore_fp(vcpu)->fpcr = page->fpcr;
}

/* Of x0..x30, what the last exit moved: as KVM left it */
static __always_inline void kcore_moved_in(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	unsigned int rt = vcpu->arch.kcore.moved;

	if (rt < KCORE_MOVED_NONE)
		page->x[rt] = kcore_gp(vcpu)->regs[rt];
	else if (rt == KCORE_MOVED_CALL)
		kcore_copy_pairs(page->x, kcore_gp(vcpu)->regs, 2);
}

/* KVM has reset the vCPU since its registers went to the page: they are void, the context counts */
static __always_inline void kcore_notice_reset(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;

	if ((g->where & KCORE_FP_IN_PAGE) && unlikely(kcore_fp(vcpu)->fpsr != KCORE_FPSR_AWAY))
		g->where = 0;
}

/* What is asked for and in the page, to KVM's context */
static noinstr void kcore_registers_out(struct kvm_vcpu *vcpu, u32 which)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;

	if (g->where & KCORE_IS_PRIVATE)
		return;
	kcore_notice_reset(vcpu);
	which &= g->where;
	if (which & KCORE_GP_IN_PAGE) {
		kcore_moved_in(vcpu, g->page);
		kcore_gp_out(vcpu, g->page);
	}
	if (which & KCORE_SYS_IN_PAGE)
		kcore_sys_out(vcpu, g->page);
	if (which & KCORE_FP_IN_PAGE)
		kcore_fp_out(vcpu, g->page);
	g->where &= ~(which | KCORE_READY);
}

/* H35, for a normal VM, before KVM reads or writes registers for user space.  The vCPU isn't loaded and its mutex is held. */
void kcore_registers_wanted(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.kcore.where)
		kcore_registers_out(vcpu, KCORE_GP_IN_PAGE | KCORE_SYS_IN_PAGE | KCORE_FP_IN_PAGE);
}

/* Active priority registers that the machine has of each group */
static unsigned int kcore_aprs = 4;

/* The host's GIC is a GICv3.  KVM itself, at EL1, loads and saves the list registers of a GICv2, before and after kcore_run(). */
static __always_inline bool kcore_gicv3(void)
{
	return static_branch_likely(&kvm_vgic_global_state.gicv3_cpuif);
}

/* Trap bits for a VM without vGIC (6.12) take effect only where system registers are on, as in KVM's __vgic_v3_activate_traps() */
static __always_inline u64 kcore_trap_sre(const struct vgic_v3_cpu_if *gic)
{
	return (gic->vgic_hcr & (ICH_HCR_EN | ICH_HCR_TALL1)) == ICH_HCR_TALL1;
}

/* Bind the vCPU to this CPU, with its GIC state and timer offset.  Preemption is off. */
u64 noinstr kcore_vcpu_load(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	struct vgic_v3_cpu_if *gic = &vcpu->arch.vgic_cpu.vgic_v3;
	struct kcore_vcpu_page *page = g->page;
	unsigned int i;
	u64 ret;

	page->vmpidr = __vcpu_sys_reg(vcpu, MPIDR_EL1);
	page->cntvoff = kcore_cntvoff(vcpu);
	if (kcore_gicv3()) {
		page->vgic.vmcr = gic->vgic_vmcr;
		page->vgic.sre = gic->vgic_sre;
		page->vgic.sre |= kcore_trap_sre(gic);
		for (i = 1; unlikely(i < kcore_aprs); i++) {
			page->vgic.ap0r[i] = gic->vgic_ap0r[i];
			page->vgic.ap1r[i] = gic->vgic_ap1r[i];
		}
		page->vgic.ap0r[0] = gic->vgic_ap0r[0];
		page->vgic.ap1r[0] = gic->vgic_ap1r[0];
	}
	ret = kcore_hvc1(KCORE_HC_VCPU_LOAD, g->handle);
	if (!ret)
		g->loaded = true;
	return ret;
}

/* H16, in kvm_arch_vcpu_put(), when the guest's timer is out: from preemption notifiers too, so it doesn't sleep. */
void kcore_vcpu_put(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	struct vgic_v3_cpu_if *gic = &vcpu->arch.vgic_cpu.vgic_v3;
	struct kcore_vcpu_page *page = g->page;
	unsigned int i;

	if (!g->loaded)
		return;
	WARN_ON_ONCE(kcore_hvc1(KCORE_HC_VCPU_PUT, 0));
	g->loaded = false;
	g->where &= ~KCORE_READY;
	if (kcore_has_sve(vcpu)) {	/* no mark tells of a reset, which is always behind a put (KCORE_FPSR_AWAY) */
		kcore_registers_out(vcpu, KCORE_GP_IN_PAGE | KCORE_SYS_IN_PAGE);
		kcore_sve_put(vcpu);
	}
	if (!kcore_gicv3())
		return;
	gic->vgic_vmcr = page->vgic.vmcr;
	for (i = 1; unlikely(i < kcore_aprs); i++) {
		gic->vgic_ap0r[i] = page->vgic.ap0r[i];
		gic->vgic_ap1r[i] = page->vgic.ap1r[i];
	}
	gic->vgic_ap0r[0] = page->vgic.ap0r[0];
	gic->vgic_ap1r[0] = page->vgic.ap1r[0];
}

/* H30: KVM is about to write the registers of an exception into its context. */
void kcore_note_inject(struct kvm_vcpu *vcpu)
{
	kcore_expect_exception(vcpu);
	kcore_registers_out(vcpu, KCORE_GP_IN_PAGE | KCORE_SYS_IN_PAGE);
}

/* Leave KVM's loop for code that may sleep: the exit handler of aborts does what `todo' says. */
static noinstr int kcore_exit_todo(struct kvm_vcpu *vcpu, u8 todo, int error)
{
	vcpu->arch.kcore.todo = todo;
	vcpu->arch.kcore.error = error;
	vcpu->arch.fault.esr_el2 = KCORE_ESR_TODO;
	vcpu->arch.fault.far_el2 = 0;
	vcpu->arch.fault.hpfar_el2 = 0;
	return ARM_EXCEPTION_TRAP;
}

/* KCore didn't run the vCPU */
static noinstr int kcore_exit_refused(struct kvm_vcpu *vcpu, u64 ret)
{
	if (ret == KCORE_ESTATE && (vcpu->arch.kcore.where & KCORE_IS_PRIVATE))
		return kcore_exit_todo(vcpu, KCORE_TODO_PARK, 0);
	return kcore_exit_todo(vcpu, KCORE_TODO_FAIL, kcore_errno(ret));
}

/* The list registers in use and what goes with each run */
static __always_inline void kcore_enter(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	struct vgic_v3_cpu_if *gic = &vcpu->arch.vgic_cpu.vgic_v3;
	unsigned int i, used;

	page->enter.hcr = vcpu->arch.hcr_el2;
	if (unlikely(vcpu->arch.hcr_el2 & HCR_VSE))
		page->enter.vsesr = vcpu->arch.vsesr_el2;
	if (!kcore_gicv3())
		return;
	used = kcore_used_lrs(vcpu);
	page->vgic.hcr = gic->vgic_hcr;
	page->vgic.used = used;
	for (i = 0; i < used; i++)
		page->vgic.lr[i] = gic->vgic_lr[i];
	if (unlikely(!gic->vgic_sre))
		page->vgic.vmcr = gic->vgic_vmcr;
}

static __always_inline void kcore_leave(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	struct vgic_v3_cpu_if *gic = &vcpu->arch.vgic_cpu.vgic_v3;
	unsigned int i, used;

	vcpu->arch.fault.esr_el2 = page->exit.esr;
	vcpu->arch.fault.far_el2 = page->exit.far;
	vcpu->arch.fault.hpfar_el2 = page->exit.hpfar;
	if (unlikely(vcpu->arch.hcr_el2 & HCR_VSE))	/* taken by the guest? */
		vcpu->arch.hcr_el2 = (vcpu->arch.hcr_el2 & ~(u64)HCR_VSE) | (page->enter.hcr & KCORE_HCR_VSE);
	if (!kcore_gicv3())
		return;
	used = kcore_used_lrs(vcpu);
	for (i = 0; i < used; i++)
		gic->vgic_lr[i] = page->vgic.lr[i];
	if (unlikely(!gic->vgic_sre))
		gic->vgic_vmcr = page->vgic.vmcr;
}

#ifdef CONFIG_HW_PERF_EVENTS
/* The machine has a PMU (ID_AA64DFR0_EL1.PMUVer), and perf may use it */
static bool kcore_pmu __ro_after_init;

static int __init kcore_pmu_find(void)
{
	unsigned int version = (read_sysreg(id_aa64dfr0_el1) >> 8) & 15;

	kcore_pmu = version && version != 15;
	return 0;
}
late_initcall(kcore_pmu_find);
#else
#define kcore_pmu	false
#endif

/*
 * Stock KVM does this at EL2, EL1 can do it as well.  The guest's EL0 uses PMU registers: KVM answers, not the guest's EL1, so nothing may
 * trap there; nor may PMXEVCNTR_EL0 be UNDEFINED since PMSELR_EL0 names the cycle counter.  Counters that count in the guest only, or
 * not in the guest.  The host's PMUSERENR_EL0.
 */
static __always_inline u64 kcore_pmu_enter(struct kvm_vcpu *vcpu)
{
	u32 host = kcore_pmu_host(vcpu), guest = kcore_pmu_guest(vcpu);
	u64 userenr = read_sysreg(pmuserenr_el0);

	write_sysreg(0, pmselr_el0);
	write_sysreg(KCORE_PMUSERENR_ALL, pmuserenr_el0);
	if (unlikely(host | guest)) {
		write_sysreg(host, pmcntenclr_el0);
		write_sysreg(guest, pmcntenset_el0);
	}
	return userenr;
}

static __always_inline void kcore_pmu_leave(struct kvm_vcpu *vcpu, u64 userenr)
{
	u32 host = kcore_pmu_host(vcpu), guest = kcore_pmu_guest(vcpu);

	if (unlikely(host | guest)) {
		write_sysreg(guest, pmcntenclr_el0);
		write_sysreg(host, pmcntenset_el0);
	}
	write_sysreg(userenr, pmuserenr_el0);
}

/* The hypercall, and what goes around it */
static __always_inline u64 kcore_switch(struct kvm_vcpu *vcpu)
{
	u64 handle = vcpu->arch.kcore.handle;
	u64 userenr = kcore_pmu ? kcore_pmu_enter(vcpu) : 0;
	u64 ret;

	if (system_uses_irq_prio_masking()) {
		/* Interrupts masked by priority only would not end the guest's run: mask them in PSTATE, open the priority */
		local_daif_mask();
		gic_write_pmr(GIC_PRIO_IRQON | GIC_PRIO_PSR_I_SET);
		pmr_sync();
		ret = kcore_hvc1(KCORE_HC_VCPU_RUN, handle);
		local_daif_restore(DAIF_PROCCTX_NOIRQ);
	} else {
		ret = kcore_hvc1(KCORE_HC_VCPU_RUN, handle);
	}
	if (kcore_pmu)
		kcore_pmu_leave(vcpu, userenr);
	return ret;
}

/* Breakpoint and watchpoint registers have no index but their name.  At least two of each are there. */
#define KCORE_DEBUG_EACH(last, DO, r, set)							\
	do {											\
		DO(0, r, set);									\
		DO(1, r, set);									\
		KCORE_DEBUG_IF(last, 2, DO, r, set);						\
		KCORE_DEBUG_IF(last, 3, DO, r, set);						\
		KCORE_DEBUG_IF(last, 4, DO, r, set);						\
		KCORE_DEBUG_IF(last, 5, DO, r, set);						\
		KCORE_DEBUG_IF(last, 6, DO, r, set);						\
		KCORE_DEBUG_IF(last, 7, DO, r, set);						\
		KCORE_DEBUG_IF(last, 8, DO, r, set);						\
		KCORE_DEBUG_IF(last, 9, DO, r, set);						\
		KCORE_DEBUG_IF(last, 10, DO, r, set);						\
		KCORE_DEBUG_IF(last, 11, DO, r, set);						\
		KCORE_DEBUG_IF(last, 12, DO, r, set);						\
		KCORE_DEBUG_IF(last, 13, DO, r, set);						\
		KCORE_DEBUG_IF(last, 14, DO, r, set);						\
		KCORE_DEBUG_IF(last, 15, DO, r, set);						\
	} while (0)
#define KCORE_DEBUG_IF(last, n, DO, r, set)							\
	do {											\
		if ((last) >= (n))								\
			DO(n, r, set);								\
	} while (0)
#define KCORE_DEBUG_READ(n, r, set)	((set)->dbg_##r[n] = read_sysreg(dbg##r##n##_el1))
#define KCORE_DEBUG_WRITE(n, r, set)	write_sysreg((set)->dbg_##r[n], dbg##r##n##_el1)

static noinstr void kcore_debug_read(struct kvm_guest_debug_arch *to)
{
	u64 dfr0 = read_sysreg(id_aa64dfr0_el1);
	unsigned int brps = (dfr0 >> 12) & 15, wrps = (dfr0 >> 20) & 15;

	KCORE_DEBUG_EACH(brps, KCORE_DEBUG_READ, bvr, to);
	KCORE_DEBUG_EACH(brps, KCORE_DEBUG_READ, bcr, to);
	KCORE_DEBUG_EACH(wrps, KCORE_DEBUG_READ, wvr, to);
	KCORE_DEBUG_EACH(wrps, KCORE_DEBUG_READ, wcr, to);
}

static noinstr void kcore_debug_write(const struct kvm_guest_debug_arch *from)
{
	u64 dfr0 = read_sysreg(id_aa64dfr0_el1);
	unsigned int brps = (dfr0 >> 12) & 15, wrps = (dfr0 >> 20) & 15;

	KCORE_DEBUG_EACH(brps, KCORE_DEBUG_WRITE, bvr, from);
	KCORE_DEBUG_EACH(brps, KCORE_DEBUG_WRITE, bcr, from);
	KCORE_DEBUG_EACH(wrps, KCORE_DEBUG_WRITE, wvr, from);
	KCORE_DEBUG_EACH(wrps, KCORE_DEBUG_WRITE, wcr, from);
}

/*
 * A run of a normal VM with pointer authentication.  KCore leaves its keys where they are.  The kernel may sign its own return
 * addresses: none that was signed before is used between the two switches, since they are inlined and the run is too.
 */
static noinstr noinline u64 kcore_switch_ptrauth(struct kvm_vcpu *vcpu)
{
	struct kcore_keys host;
	u64 ret;

	kcore_keys_in(vcpu, &host);
	ret = kcore_switch(vcpu);
	kcore_keys_out(vcpu, &host);
	return ret;
}

/*
 * A run of a normal VM that has, or whose VMM has, switched break- and watchpoints on (MDSCR_EL1.MDE).  Its accesses to these
 * registers are always trapped, so what KVM has counts and nothing comes back; without MDE they have no effect and stay out of the CPU.
 * Stock KVM does this at EL2, where none of them fires: here the host's MDE is off meanwhile.
 */
static noinstr u64 kcore_switch_debug(struct kvm_vcpu *vcpu)
{
	struct kvm_guest_debug_arch host;
	u64 mdscr = read_sysreg(mdscr_el1);
	u64 ret;

	write_sysreg(mdscr & ~(u64)DBG_MDSCR_MDE, mdscr_el1);
	isb();
	kcore_debug_read(&host);
	kcore_debug_write(vcpu->arch.debug_ptr);
	if (vcpu->arch.hcr_el2 & KCORE_HCR_API)
		ret = kcore_switch_ptrauth(vcpu);
	else
		ret = kcore_switch(vcpu);
	kcore_debug_write(&host);
	isb();
	write_sysreg(mdscr, mdscr_el1);
	return ret;
}

/* First run since the load: are all registers as the last run left them? */
static __always_inline bool kcore_still_in_page(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	u32 all = KCORE_SYS_IN_PAGE | KCORE_FP_IN_PAGE;

	return g->loaded && (g->where & all) == all && kcore_fp(vcpu)->fpsr == KCORE_FPSR_AWAY;
}

/* First run since the load, or registers came out meanwhile.  0, or the exit to take instead of the run. */
static noinstr int kcore_prepare(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	struct kcore_vcpu_page *page = g->page;
	u64 ret;

	if (unlikely(!page))
		return kcore_exit_todo(vcpu, KCORE_TODO_FAIL, g->error ? g->error : -ENOMEM);
	if (unlikely(vcpu->kvm->arch.kcore.state == KCORE_STATE_CREATED))
		return kcore_exit_todo(vcpu, KCORE_TODO_FINALISE, 0);
	if (unlikely(!g->loaded)) {
		ret = kcore_vcpu_load(vcpu);
		if (ret)
			return kcore_exit_todo(vcpu, KCORE_TODO_FAIL, kcore_errno(ret));
	}
	if (g->where & KCORE_IS_PRIVATE)
		return 0;
	kcore_notice_reset(vcpu);
	if (unlikely(!(g->where & KCORE_FP_IN_PAGE))) {
		if (kcore_vcpu_unsupported(vcpu))	/* features change by a reset only */
			return kcore_exit_todo(vcpu, KCORE_TODO_FAIL, -EINVAL);
		if (!kcore_has_sve(vcpu)) {
			kcore_fp_in(vcpu, page);
			g->where |= KCORE_FP_IN_PAGE;
		}
	}
	if (!(g->where & KCORE_SYS_IN_PAGE))
		kcore_sys_in(vcpu, page);
	g->where |= KCORE_SYS_IN_PAGE | KCORE_READY;
	return 0;
}

/*
 * What KVM wants to happen at the next run of a protected vCPU.  KVM's code has written the exception's syndrome into
 * its own context, where nothing else of that context counts for a protected VM: the class says what it meant.
 */
static noinstr void kcore_pc_to_flags(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	u64 flags = KCORE_ENTER_SKIP;

	if (kcore_exception_pending(vcpu)) {
		switch (ESR_ELx_EC(KCORE_REG(vcpu, esr_el1))) {
		case ESR_ELx_EC_IABT_LOW:
		case ESR_ELx_EC_IABT_CUR:
			flags = KCORE_ENTER_IABT;
			break;
		case ESR_ELx_EC_DABT_LOW:
		case ESR_ELx_EC_DABT_CUR:
			flags = KCORE_ENTER_DABT;
			break;
		default:
			flags = KCORE_ENTER_UNDEF;
			break;
		}
	}
	page->enter.flags = flags;
	kcore_forget_pc(vcpu);
}

/*
 * May the handler of this trapped register look at EL1 registers other than SCTLR_EL1?  Not at ID registers, the GIC's CPU
 * interface, performance monitors, timers, and debug registers, where MDSCR_EL1 is KVM's own.
 */
static __always_inline bool kcore_sysreg_heavy(u64 esr)
{
	u64 space = esr & KCORE_ISS_SYS_MASK;

	if (space == KCORE_ISS_SYS(3UL, 0UL, 0UL))
		return false;
	if (space == KCORE_ISS_SYS(3UL, 0UL, 12UL))
		return !(esr & KCORE_ISS_CRM_8);
	return space != KCORE_ISS_SYS(3UL, 0UL, 9UL) && space != KCORE_ISS_SYS(3UL, 3UL, 9UL) &&
	       space != KCORE_ISS_SYS(3UL, 3UL, 14UL) && space != KCORE_ISS_SYS(2UL, 0UL, 0UL);
}

/*
 * A trap: to KVM's context what its handler reads or writes.  Of a vCPU that is off, EL1 registers may be reset by the thread
 * that turns it on again (4.18), without a load in between.
 */
static __always_inline void kcore_trap_out(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	u64 esr = page->exit.esr, class = ESR_ELx_EC(esr);
	unsigned int rt = KCORE_MOVED_NONE;

	if (class == ESR_ELx_EC_DABT_LOW) {
		rt = (esr >> 16) & 31;				/* 0 if the syndrome names none */
	} else if (class == ESR_ELx_EC_HVC64 || class == ESR_ELx_EC_SMC64) {
		kcore_copy_pairs(kcore_gp(vcpu)->regs, page->x, 2);
		vcpu->arch.kcore.moved = KCORE_MOVED_CALL;
		if (unlikely((u32)page->x[0] == PSCI_0_2_FN_CPU_OFF))
			kcore_registers_out(vcpu, KCORE_SYS_IN_PAGE);
		return;
	} else if (class == ESR_ELx_EC_SYS64) {
		rt = (esr >> 5) & 31;
		if (unlikely(kcore_sysreg_heavy(esr)))
			kcore_registers_out(vcpu, KCORE_SYS_IN_PAGE);
	} else if (class == ESR_ELx_EC_WFx) {
		rt = (esr >> 5) & 31;				/* WFET and WFIT: until when; 0 for the others */
	} else if (class != ESR_ELx_EC_IABT_LOW) {
		vcpu->arch.kcore.moved = KCORE_MOVED_NONE;	/* of the page all count */
		kcore_registers_out(vcpu, KCORE_GP_IN_PAGE | KCORE_SYS_IN_PAGE);
	}
	vcpu->arch.kcore.moved = rt;
	if (rt < KCORE_MOVED_NONE)
		kcore_gp(vcpu)->regs[rt] = page->x[rt];
}

/*
 * KCore fills in and takes of x0..x30 what the exit allows, and KVM looks at no more.  KVM's own PSCI
 * code wakes the target of a CPU_ON and ends the VM; CPU_OFF has changed KCore's state already and is a park.
 */
static noinstr int kcore_run_private(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	struct kcore_vcpu_page *page = g->page;
	u64 ret;
	int exit;

	if (unlikely(!g->loaded)) {
		exit = kcore_prepare(vcpu);
		if (exit)
			return exit;
	}
	if (kcore_pc_pending(vcpu))
		kcore_pc_to_flags(vcpu, page);
	kcore_moved_in(vcpu, page);
	kcore_enter(vcpu, page);
	ret = kcore_switch(vcpu);
	if (unlikely(ret > KCORE_EXIT_TRAP))
		return kcore_exit_refused(vcpu, ret);
	if (unlikely(g->parked)) {
		g->parked = false;
		kcore_mp_state_unpark(vcpu);
	}
	g->moved = KCORE_MOVED_NONE;
	kcore_leave(vcpu, page);
	if (likely(ret == KCORE_EXIT_TRAP)) {
		kcore_trap_out(vcpu, page);
		if (g->moved == KCORE_MOVED_CALL && (u32)page->x[0] == PSCI_0_2_FN_CPU_OFF)
			return kcore_exit_todo(vcpu, KCORE_TODO_PARK, 0);
	}
	return ret;
}

/* Virtual CPU interface of a GICv2 (GICV), NULL without one.  It is this CPU's own in each CPU's view of the page. */
static void __iomem *kcore_gicv __ro_after_init;

static int __init kcore_gicv_map(void)
{
	if (!kcore_active() || !kvm_vgic_global_state.vcpu_base || kvm_vgic_global_state.type != VGIC_V2)
		return 0;
	kcore_gicv = kvm_vgic_global_state.vcpu_base_va;
	if (!kcore_gicv)
		kcore_gicv = ioremap(kvm_vgic_global_state.vcpu_base, KVM_VGIC_V2_CPU_SIZE);
	if (!kcore_gicv)
		pr_err("GICV can't be mapped: protected VMs won't have an interrupt controller; boot with a larger vmalloc area\n");
	return 0;
}
late_initcall(kcore_gicv_map);

/*
 * An access to the CPU interface of a vGICv2 by a VM that has no GICV in its stage 2: a protected one, and any where GICV isn't whole
 * pages (KVM's trapping).  True: it has been made.  KVM does this at EL2 (__vgic_v2_perform_cpuif_access()); as there, interrupts have
 * been off since the vCPU's list registers were loaded.  Other accesses than of aligned words are left to KVM.
 */
static noinstr bool kcore_gicv_access(struct kvm_vcpu *vcpu)
{
	struct vgic_dist *vgic = &vcpu->kvm->arch.vgic;
	u64 esr = vcpu->arch.fault.esr_el2;
	u64 offset = (kvm_vcpu_get_fault_ipa(vcpu) | (vcpu->arch.fault.far_el2 & (SZ_4K - 1))) - vgic->vgic_cpu_base;
	u32 v;

	if (!kcore_gicv || !vgic->in_kernel || !((vcpu->arch.kcore.where & KCORE_IS_PRIVATE) || static_branch_unlikely(&vgic_v2_cpuif_trap)))
		return false;
	if (ESR_ELx_EC(esr) != ESR_ELx_EC_DABT_LOW || (esr & KCORE_ISS_WORD_MASK) != KCORE_ISS_WORD)
		return false;
	if (offset >= KVM_VGIC_V2_CPU_SIZE || offset % sizeof(v))
		return false;
	if (esr & ESR_ELx_WNR) {
		v = vcpu_get_reg(vcpu, kvm_vcpu_dabt_get_rd(vcpu));
		writel_relaxed(kvm_vcpu_is_be(vcpu) ? swab32(v) : v, kcore_gicv + offset);
	} else {
		v = readl_relaxed(kcore_gicv + offset);
		vcpu_set_reg(vcpu, kvm_vcpu_dabt_get_rd(vcpu), kvm_vcpu_is_be(vcpu) ? swab32(v) : v);
	}
	kcore_skip(vcpu);
	return true;
}

/*
 * As KVM has it: debug from outside, and reads of the physical counter where KVM gives the VM an offset of it.  The VMM changes the first
 * between loads only; the second, as that of the virtual counter, takes effect at a vCPU's next load.
 */
static __always_inline u64 kcore_traps(struct kvm_vcpu *vcpu)
{
	return (vcpu->guest_debug ? KCORE_TRAP_DEBUG : 0) | (kcore_cntpoff(vcpu) ? KCORE_TRAP_COUNTER : 0);
}

static __always_inline int kcore_run_once(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	struct kcore_vcpu_page *page = g->page;
	u64 ret;
	int exit;

	if (unlikely(!(g->where & KCORE_READY))) {
		if (g->where & KCORE_IS_PRIVATE)
			return kcore_run_private(vcpu);
		if (kcore_pc_pending(vcpu))
			kcore_apply_pc(vcpu);
		if (kcore_has_ptrauth(vcpu))		/* up to 6.8 KVM takes it away at each load, and gives it at the first trap */
			vcpu->arch.hcr_el2 |= KCORE_HCR_API | KCORE_HCR_APK;
		if (likely(kcore_still_in_page(vcpu))) {
			g->where |= KCORE_READY;
		} else {
			exit = kcore_prepare(vcpu);
			if (exit)
				return exit;
		}
		page->enter.traps = kcore_traps(vcpu);
		page->sve = kcore_has_sve(vcpu) ? kcore_sve_wish(vcpu) : 0;
	} else if (kcore_pc_pending(vcpu)) {
		kcore_apply_pc(vcpu);		/* a skip: an exception would have taken the registers out */
	}
	if (likely(g->where & KCORE_GP_IN_PAGE)) {
		kcore_moved_in(vcpu, page);
	} else {
		kcore_gp_in(vcpu, page);
		g->where |= KCORE_GP_IN_PAGE;
	}
	page->pc = kcore_gp(vcpu)->pc;
	page->pstate = kcore_gp(vcpu)->pstate;
	page->sys.mdscr_el1 = KCORE_REG(vcpu, mdscr_el1);
	kcore_enter(vcpu, page);
	if (unlikely(kcore_has_sve(vcpu)))
		kcore_sve_in(vcpu);
	if (unlikely(kcore_has_aarch32(vcpu)))
		kcore_aarch32_in(vcpu, page);

	if (unlikely(page->sys.mdscr_el1 & DBG_MDSCR_MDE))
		ret = kcore_switch_debug(vcpu);
	else if (unlikely(vcpu->arch.hcr_el2 & KCORE_HCR_API))
		ret = kcore_switch_ptrauth(vcpu);
	else
		ret = kcore_switch(vcpu);
	if (unlikely(kcore_has_sve(vcpu)))
		kcore_sve_out(vcpu);
	if (unlikely(ret > KCORE_EXIT_TRAP))
		return kcore_exit_refused(vcpu, ret);
	if (unlikely(kcore_has_aarch32(vcpu)))
		kcore_aarch32_out(vcpu, page);

	kcore_gp(vcpu)->pc = page->pc;
	kcore_gp(vcpu)->pstate = page->pstate;
	kcore_leave(vcpu, page);
	if (likely(ret == KCORE_EXIT_TRAP)) {
		KCORE_REG(vcpu, sctlr_el1) = page->sys.sctlr_el1;
		kcore_trap_out(vcpu, page);
		return ret;
	}
	g->moved = KCORE_MOVED_NONE;
	if (ret == KCORE_EXIT_SERROR)
		vcpu->arch.fault.disr_el1 = page->exit.disr;
	return ret;
}

/* H01, __kvm_vcpu_run.  Interrupts are off and RCU doesn't watch: no instrumentation. */
int noinstr kcore_run(struct kvm_vcpu *vcpu)
{
	int exit;

	do {
		exit = kcore_run_once(vcpu);
	} while (!kcore_gicv3() && exit == ARM_EXCEPTION_TRAP && kcore_gicv_access(vcpu));
	return exit;
}

/* Before KVM_RUN returns to user space: a normal VM's registers as user space may read them, a protected VM's wish kept */
long kcore_adjust_pc(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;

	if (!kcore_pc_pending(vcpu))
		return 0;
	if (!(g->where & KCORE_IS_PRIVATE))
		kcore_apply_pc(vcpu);
	else if (g->page)
		kcore_pc_to_flags(vcpu, g->page);
	return 0;
}

/*
 * KVM is loading the guest's timer: from here on its offset has to be in force, so the vCPU is loaded now.
 * For none, which KVM asks for when it has taken the timer out, KCore's put that follows sees to it.  Registers follow at the first run.
 */
long kcore_set_cntvoff(u64 offset)
{
	struct kvm_vcpu *vcpu;
	struct kcore_vcpu_glue *g;

	if (!offset)
		return 0;
	vcpu = kcore_running_vcpu();
	if (!vcpu)
		return 0;
	g = &vcpu->arch.kcore;
	if (g->page && !g->loaded && vcpu->kvm->arch.kcore.state == KCORE_STATE_FINALISED)
		kcore_vcpu_load(vcpu);
	return 0;
}

/* Before a vCPU blocks: does it mask what is pending?  After a put the page's value is in the context already. */
u64 kcore_vmcr_read(void)
{
	struct kvm_vcpu *vcpu = kcore_running_vcpu();

	if (!vcpu)
		return 0;
	if (vcpu->arch.kcore.loaded)
		return kcore_hvc1(KCORE_HC_VGIC_VMCR_READ, 0);
	return vcpu->arch.vgic_cpu.vgic_v3.vgic_vmcr;
}

/* The same from 6.2 on, where KVM puts the vGIC before a vCPU blocks */
long kcore_vmcr_save(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.kcore.loaded)
		vcpu->arch.vgic_cpu.vgic_v3.vgic_vmcr = kcore_hvc1(KCORE_HC_VGIC_VMCR_READ, 0);
	return 0;
}

/* ICH_VTR_EL2, which KVM asks for before there is a VM; bit 63 (GICv2 on a GICv3) is not offered */
u64 kcore_gic_config(void)
{
	u32 vtr = kcore_hvc1(KCORE_HC_INFO, KCORE_INFO_ICH_VTR);
	unsigned int preemption_bits = ((vtr >> 26) & 7) + 1;

	kcore_aprs = preemption_bits > 6 ? 4 : preemption_bits > 5 ? 2 : 1;	/* IHI 0069 12.4.2 */
	return vtr;
}

u64 kcore_mdcr(void)
{
	return kcore_hvc1(KCORE_HC_INFO, KCORE_INFO_MDCR);
}
