/* SPDX-License-Identifier: GPL-2.0-only */
/* run.c: the world switch; regs.c: what the host may ask for */
#include <string.h>

#include "helper.h"

static u64 vm, v;

static void enter_normal(void)
{
	vm = normal_vm(2);
	v = vm * 16;
	eq(call(VCPU_LOAD, v), 0);
}

static void enter_protected(void)
{
	vm = protected_vm(2);
	v = vm * 16;
	eq(call(VCPU_LOAD, v), 0);
	eq(vcpu_run(v), RUN_ENTERED);
}

static void run_errors(void **state)
{
	(void)state;
	vm = protected_vm(2);
	v = vm * 16;
	refused(KCORE_EINVAL, vcpu_run(KCORE_NR_VCPUS));
	refused(KCORE_EINVAL, vcpu_run(~0UL));
	refused(KCORE_ESTATE, vcpu_run(v));			/* not loaded */
	refused(KCORE_ESTATE, vcpu_run(0));
	eq(call(VCPU_LOAD, v), 0);
	refused(KCORE_ESTATE, vcpu_run(v + 1));			/* another one is */
	on_cpu(1);
	refused(KCORE_ESTATE, vcpu_run(v));			/* loaded elsewhere */
	eq(call(VCPU_LOAD, v + 1), 0);
	refused(KCORE_ESTATE, vcpu_run(v + 1));			/* off until the guest's CPU_ON */
	on_cpu(0);
	for (u64 flags = 1; flags < 32; flags++) {
		shared_set(v, CTX_ENTER_FLAGS, flags);
		refused(KCORE_EPERM, vcpu_run(v));		/* there was no exit to answer */
		eq(shared(v, CTX_ENTER_FLAGS), flags);
	}
	shared_set(v, CTX_ENTER_FLAGS, 0);
	eq(vcpu_run(v), RUN_ENTERED);
}

static void normal_registers_live_in_the_page(void **state)
{
	struct fake_cpu *c;
	u64 host_tcr;

	(void)state;
	enter_normal();
	c = this_cpu();
	host_tcr = c->el1[EL1_tcr_el1];
	for (u64 i = 0; i < 31; i++)
		shared_set(v, i * 8, 0x100 + i);
	shared_set(v, CTX_PC, 0x8000);
	shared_set(v, CTX_PSTATE, 0x3c5);
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		shared_set(v, CTX_SYS + i * 8, 0x7700 + i);
	shared_set(v, CTX_VMPIDR, 0x80000007UL);
	shared_set(v, CTX_ENTER_HCR, ~0UL);
	shared_set(v, CTX_ENTER_FLAGS, 0xff);			/* means nothing for a normal VM, but is taken */
	eq(vcpu_run(v), RUN_ENTERED);
	eq(shared(v, CTX_ENTER_FLAGS), 0);
	for (u64 i = 0; i < 31; i++)
		eq(c->guest.x[i], 0x100 + i);
	eq(c->guest.pc, 0x8000);
	eq(c->guest.pstate, 0x3c5);
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		eq(c->el1[i], 0x7700 + i);
	eq(c->vmpidr, 0x80000007UL);
	eq(c->hcr, 0x8807c063fUL | KCORE_HCR_VI | KCORE_HCR_VF | KCORE_HCR_VSE | KCORE_HCR_TWI | KCORE_HCR_TWE | KCORE_HCR_TID2 |
	   KCORE_HCR_TVM | KCORE_HCR_API | KCORE_HCR_APK);
	c->guest.x[30] = 0xdead;
	c->guest.pc = 0x9000;
	c->el1[EL1_tcr_el1] = 0x4444;
	eq(guest_leave(0, ESR(EC_DABT, 0x123), 0x777888, 0xabc0), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_X(30)), 0xdead);
	eq(shared(v, CTX_PC), 0x9000);
	eq(shared(v, CTX_SYS + EL1_tcr_el1 * 8), 0x4444);
	eq(shared(v, CTX_EXIT_ESR), ESR(EC_DABT, 0x123));
	eq(shared(v, CTX_EXIT_FAR), 0x777888);
	eq(shared(v, CTX_EXIT_HPFAR), 0xabc0);
	eq(c->el1[EL1_tcr_el1], host_tcr);
	eq(fake.gic_lrs_loads, 1);
	eq(call(VCPU_PUT), 0);
	check_invariant();
}

static void hcr_without_wishes(void **state)
{
	(void)state;
	enter_normal();
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->hcr, 0x8807c063fUL);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(call(VCPU_PUT), 0);
	enter_protected();
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_HCR, ~0UL);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->hcr, 0x4000008807d063fUL | KCORE_HCR_VI | KCORE_HCR_VF | KCORE_HCR_VSE | KCORE_HCR_TWI | KCORE_HCR_TWE);
}

/* MDCR_EL2.TDE is a wish that a protected VM's run ignores; what it brings is a normal VM's exit like any other. */
static void debug_wish(void **state)
{
	static const u64 classes[] = { 0x30, 0x32, 0x34, 0x3c };	/* breakpoint, step, watchpoint, BRK */

	(void)state;
	enter_normal();
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->mdcr, 0x84e66UL);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_TRAPS, ~0UL);
	for (u64 i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		eq(vcpu_run(v), RUN_ENTERED);
		eq(this_cpu()->mdcr, 0x84e66UL | KCORE_TRAP_DEBUG);
		eq(guest_leave(0, ESR(classes[i], 0x22), 0x5550, 0), KCORE_EXIT_TRAP);
		eq(shared(v, CTX_EXIT_ESR), ESR(classes[i], 0x22));
		eq(shared(v, CTX_EXIT_FAR), 0x5550);
		eq(this_cpu()->mdcr, 0x3006);
	}
	eq(call(VCPU_PUT), 0);
	enter_protected();
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_TRAPS, ~0UL);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->mdcr, 0x84e66UL);
}

/* So is a trap of the physical counter, CNTHCTL_EL2.EL1PCTEN 0; the physical timer always traps (EL1PCEN 0). */
static void counter_wish(void **state)
{
	u64 host;

	(void)state;
	enter_normal();
	host = this_cpu()->host_cnthctl;
	eq(host & 3, 3);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->cnthctl, (host & ~3UL) | 1);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_TRAPS, ~KCORE_TRAP_COUNTER);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->cnthctl, (host & ~3UL) | 1);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_TRAPS, ~0UL);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->cnthctl, host & ~3UL);
	eq(guest_leave(0, ESR(EC_SYSREG, 0x32f801), 0, 0), KCORE_EXIT_TRAP);	/* MRS x0, CNTPCT_EL0 */
	eq(shared(v, CTX_EXIT_ESR), ESR(EC_SYSREG, 0x32f801));
	eq(this_cpu()->cnthctl, host);
	eq(call(VCPU_PUT), 0);
	enter_protected();
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_TRAPS, ~0UL);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->cnthctl, (host & ~3UL) | 1);
}

static void sve_entry(u64 wish, u64 cptr, u64 zcr)
{
	shared_set(v, CTX_SVE, wish);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->cptr, cptr);
	eq(this_cpu()->zcr, zcr);
}
#define SVE_LEAVE() do { \
		eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ); \
		eq(this_cpu()->cptr, this_cpu()->host_cptr); \
		eq(this_cpu()->zcr, 15); \
	} while (0)

/* FP and SVE registers that the host switches: a normal VM's by wish, where the host has SVE and no guest's FP registers are in the CPU. */
static void sve_wish(void **state)
{
	(void)state;
	enter_normal();
	sve_entry(KCORE_SVE_ON | 3, 0x401037ff, 15);		/* the host has no SVE */
	SVE_LEAVE();
	this_cpu()->host_cptr = this_cpu()->cptr = 0x32ff;
	sve_entry(3, 0x401037ff, 15);
	SVE_LEAVE();
	sve_entry(KCORE_SVE_ON | 3, 0x401032ff, 3);
	SVE_LEAVE();
	sve_entry(~0UL, 0x401032ff, 15);
	eq(guest_leave(0, ESR(EC_SMC, 0), 0, 0), KCORE_EXIT_TRAP);
	eq(this_cpu()->cptr, 0x32ff);
	/* by KCore: until they are out of the CPU, the host can't have it */
	shared_set(v, CTX_SVE, 0);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	sve_entry(KCORE_SVE_ON | 3, 0x401033ff, 15);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(call(VCPU_PUT), 0);
	enter_protected();
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	sve_entry(~0UL, 0x401037ff, 15);
	SVE_LEAVE();
}

static void entry_state(u64 pstate, u64 entered)
{
	shared_set(v, CTX_PSTATE, pstate);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->guest.pstate, entered);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
}

/* A return to EL2, EL3, or a mode that doesn't exist, becomes an illegal state at EL1. */
static void run_never_returns_to_another_mode(void **state)
{
	(void)state;
	enter_normal();
	for (u64 mode = 0; mode < 32; mode++) {
		if (mode == 0 || mode == 4 || mode == 5)
			entry_state(0x60000000UL | mode, 0x60000000UL | mode);
		else
			entry_state(0x60000000UL | mode, 0x60100005UL);
	}
	cells.has_aarch32 = 1;
	entry_state(0x10, 0x10);
	entry_state(0x13, 0x100005);
	eq(call(VCPU_PUT), 0);
	enter_protected();
	this_cpu()->guest.pstate = 0x10;			/* hidden from protected guests */
	eq(guest_trap(EC_SMC, 0), RUN_ENTERED);
	eq(this_cpu()->guest.pstate, 0x100005);
	this_cpu()->guest.pstate = 0x9;
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->guest.pstate, 0x100005);
}

#define A32_HCR		0x80078063fUL
#define A32_WORDS	6
static const u64 a32_modes[] = { 0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f };

static void a32_entry(u64 first, u64 fpexc)
{
	for (u64 i = 0; i < A32_WORDS; i++)
		shared_set(v, CTX_A32 + i * 8, first + i);
	shared_set(v, CTX_FPEXC, fpexc);
	eq(vcpu_run(v), RUN_ENTERED);
	for (u64 i = 0; i < A32_WORDS; i++)
		eq(this_cpu()->a32[i], first + i);
}

/* AArch32 at EL1: a normal VM's by wish, where the machine has it; modes of the other state are illegal. */
static void aarch32_wish(void **state)
{
	u64 legal = 0;

	(void)state;
	for (u64 i = 0; i < sizeof(a32_modes) / sizeof(a32_modes[0]); i++)
		legal |= 1UL << a32_modes[i];
	enter_normal();
	for (cells.has_aarch32 = 0; cells.has_aarch32 < AARCH32_EL1; cells.has_aarch32++) {
		shared_set(v, CTX_ENTER_HCR, 0);
		eq(vcpu_run(v), RUN_ENTERED);
		eq(this_cpu()->hcr, 0x8807c063fUL);
		eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	}
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->hcr, A32_HCR);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_HCR, ~KCORE_HCR_RW);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->hcr, A32_HCR | KCORE_HCR_VI | KCORE_HCR_VF | KCORE_HCR_VSE | KCORE_HCR_TWI | KCORE_HCR_TWE | KCORE_HCR_TID2 | KCORE_HCR_TID3 |
	   KCORE_HCR_TVM | KCORE_HCR_API | KCORE_HCR_APK);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_HCR, 0);
	for (u64 mode = 0; mode < 32; mode++)
		entry_state(0x600001c0UL | mode, legal >> mode & 1 ? 0x600001c0UL | mode : 0x601001d3UL);
	shared_set(v, CTX_ENTER_HCR, KCORE_HCR_RW);
	for (u64 i = 1; i < sizeof(a32_modes) / sizeof(a32_modes[0]); i++)
		entry_state(a32_modes[i], 0x100005UL);
	eq(call(VCPU_PUT), 0);
	enter_protected();
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_HCR, 0);
	shared_set(v, CTX_PSTATE, 0x1d3);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->hcr, 0x4000008807d063fUL);
	eq(this_cpu()->guest.pstate & 0x1f, EL1H);
}

/* Its registers are the page's at each entry, whatever was left in the CPU, and come back there; FPEXC with the FP registers only. */
static void aarch32_registers(void **state)
{
	u64 w;

	(void)state;
	cells.has_aarch32 = AARCH32_EL1;
	w = normal_vm(1) * 16;
	enter_normal();
	a32_entry(0x100, 0x700);
	eq(this_cpu()->fpexc, 0x40000000UL);		/* a first use of FP has to come to EL2 */
	for (u64 i = 0; i < A32_WORDS; i++)
		this_cpu()->a32[i] = 0x200 + i;
	eq(guest_leave(0, ESR(0x12, 0), 0, 0), KCORE_EXIT_TRAP);
	for (u64 i = 0; i < A32_WORDS; i++)
		eq(shared(v, CTX_A32 + i * 8), 0x200 + i);
	eq(shared(v, CTX_FPEXC), 0x700);
	a32_entry(0x300, 0x40000701UL);
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);
	eq(this_cpu()->fpexc, 0x40000701UL);
	this_cpu()->fpexc = 0x702;
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(shared(v, CTX_FPEXC), 0x702);
	a32_entry(0x400, 0x703);
	eq(this_cpu()->fpexc, 0x703);			/* they are in the CPU still */
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(call(VCPU_PUT), 0);
	/* another's run leaves them alone, in AArch64 too */
	eq(call(VCPU_LOAD, w), 0);
	shared_set(w, CTX_ENTER_HCR, KCORE_HCR_RW);
	shared_set(w, CTX_A32, 0x55);
	eq(vcpu_run(w), RUN_ENTERED);
	eq(this_cpu()->a32[0], 0x400);
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);
	eq(this_cpu()->fpexc, 0x703);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(shared(w, CTX_A32), 0x55);
	check_invariant();
}

static void serror_wish(void **state)
{
	const struct fake_config config = { .pool_reserve = ~0UL, .ras = 1 };

	(void)state;
	enter_normal();
	this_cpu()->vsesr = 5;
	shared_set(v, CTX_ENTER_VSESR, 0x1234);
	shared_set(v, CTX_ENTER_HCR, KCORE_HCR_VSE | KCORE_HCR_VI);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->vsesr, 5);				/* no FEAT_RAS */
	this_cpu()->vdisr = 77;
	eq(guest_leave(2, 0, 0, 0), KCORE_EXIT_SERROR);
	eq(shared(v, CTX_EXIT_DISR), 0);
	eq(shared(v, CTX_ENTER_HCR), KCORE_HCR_VSE | KCORE_HCR_VI);	/* still pending */

	fake_start(&config);
	enter_normal();
	shared_set(v, CTX_ENTER_VSESR, ~0UL);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->vsesr, 0);				/* not asked for */
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	shared_set(v, CTX_ENTER_HCR, KCORE_HCR_VSE | KCORE_HCR_VI);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(this_cpu()->vsesr, 0x1ffffff);
	this_cpu()->hcr &= ~KCORE_HCR_VSE;			/* the guest took it */
	this_cpu()->vdisr = 77;
	eq(guest_leave(2, 0, 0, 0), KCORE_EXIT_SERROR);
	eq(shared(v, CTX_EXIT_DISR), 77);
	eq(shared(v, CTX_EXIT_ESR), 0);
	eq(shared(v, CTX_ENTER_HCR), KCORE_HCR_VI);
	eq(call(STATS_READ, KCORE_STAT_exit_serror), 1);
}

static void profiling_stops_in_the_guest(void **state)
{
	const struct fake_config config = { .pool_reserve = ~0UL, .profiling = PROFILING_SPE | PROFILING_TRACE };

	(void)state;
	fake_start(&config);
	enter_normal();
	eq(vcpu_run(v), RUN_ENTERED);				/* entry and exit check it */
	eq(this_cpu()->profiling_stopped, 3);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(this_cpu()->profiling_stopped, 0);
}

static void fp_is_switched_lazily(void **state)
{
	struct fake_cpu *c;
	u64 context;

	(void)state;
	enter_protected();
	c = this_cpu();
	context = cells.vcpu_context[v];
	assert_true(c->cptr & 0x400);
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);
	assert_false(c->cptr & 0x400);
	for (u64 i = 0; i < 66; i++) {
		eq(c->fp[i], 0);
		c->fp[i] = 0xf000 + i;				/* the guest's secrets */
	}
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(cells.cpu_fp[0], 1);
	assert_int_equal(c->cptr & 0x1500, 0x1500);		/* any use of them by the host traps */
	eq(vcpu_run(v), RUN_ENTERED);				/* no trap this time */
	assert_false(c->cptr & 0x400);
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	for (u64 ec = 0; ec < 3; ec++) {
		static const u64 classes[] = { EC_FP, 0x19, 0x1d };	/* FP, SVE, SME */

		host_sync(ESR(classes[ec], 0), 0, 0);		/* the host uses FP */
		eq(c->pc, c->kept_pc);				/* and tries again */
		eq(c->cptr, c->host_cptr);
		for (u64 i = 0; i < 66; i++)
			eq(c->fp[i], 0);
		for (u64 i = 0; i < 64; i++)
			eq(peek(context + CTX_V + i * 8), 0xf000 + i);
		for (u64 i = 0; i < 66; i++)
			c->fp[i] = 0x900d;
		eq(vcpu_run(v), RUN_ENTERED);
		eq(guest_trap(EC_FP, 0), RUN_ENTERED);
		for (u64 i = 0; i < 66; i++)
			eq(c->fp[i], 0xf000 + i);
		eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	}
	eq(call(VCPU_PUT), 0);
	eq(c->cptr, c->host_cptr);
	for (u64 i = 0; i < 66; i++)
		eq(c->fp[i], 0);
	for (u64 i = 0; i < 0x530; i += 8)			/* nothing of it on the shared page */
		assert_true(shared(v, i) < 0xf000 || shared(v, i) > 0xf041);
	eq(call(STATS_READ, KCORE_STAT_exit_fp), 4);
	eq(call(STATS_READ, KCORE_STAT_exit_local), 4);
}

static void fp_of_a_normal_vm_goes_to_its_page(void **state)
{
	(void)state;
	enter_normal();
	for (u64 i = 0; i < 64; i++)
		shared_set(v, CTX_V + i * 8, 0x6000 + i);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);
	eq(this_cpu()->fp[63], 0x603f);
	this_cpu()->fp[63] = 1;
	this_cpu()->fp[65] = 2;
	eq(guest_trap(EC_HVC, 0), KCORE_EXIT_TRAP);
	eq(call(VCPU_PUT), 0);
	eq(shared(v, CTX_V + 63 * 8), 1);
	eq(shared(v, CTX_FPSR + 8), 2);
}

static void fp_trap_of_the_host_without_a_guests_registers(void **state)
{
	struct fake_cpu *c = this_cpu();

	(void)state;
	host_sync(ESR(EC_FP, 0), 0, 0);
	eq(c->el1[EL1_esr_el1], ESR_IL);			/* UNDEFINED */
	eq(c->pc, c->el1[EL1_vbar_el1] + 0x200);
}

static void asynchronous_exits_show_nothing(void **state)
{
	(void)state;
	enter_protected();
	for (u64 i = 0; i < 31; i++)
		this_cpu()->guest.x[i] = 0x5ec5e7UL;
	eq(guest_leave(1, 0x5ec5e7, 0x5ec5e7, 0x5ec5e7), KCORE_EXIT_IRQ);
	for (u64 i = 0; i < 4096; i += 8)
		assert_int_not_equal(shared(v, i), 0x5ec5e7);
	eq(shared(v, CTX_EXIT_ESR), 0);
	eq(call(STATS_READ, KCORE_STAT_exit_irq), 1);
}

static void exit_without_a_vcpu_halts(void **state)
{
	(void)state;
	this_cpu()->esr = 0x1234;
	assert_violation(guest_exit(0), V_HALT);
	eq(fake.halt_code, HALT_GUEST_NONE);
	eq(fake.halt_value, 0x1234);
}

static void permission_fault_is_translated_again(void **state)
{
	(void)state;
	enter_normal();
	eq(vcpu_run(v), RUN_ENTERED);
	this_cpu()->par = 0xff00000080123b80UL;
	eq(guest_leave(0, ESR(EC_DABT, FSC_PERMISSION), 0x1000, 0xbad0), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_EXIT_HPFAR), 0x80123UL << 4);
	eq(fake.translations, 1);
	eq(vcpu_run(v), RUN_ENTERED);
	this_cpu()->par = 1;					/* the guest's own table changed: again */
	eq(guest_leave(0, ESR(EC_IABT, FSC_PERMISSION), 0x1000, 0xbad0), RUN_ENTERED);
	eq(fake.translations, 2);
	/* in a walk of the guest's table, or another fault: HPFAR is valid */
	eq(guest_leave(0, ESR(EC_DABT, FSC_PERMISSION | 0x80), 0x1000, 0x1110), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_EXIT_HPFAR), 0x1110);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(guest_leave(0, ESR(EC_DABT, FSC_TRANSLATION), 0x1000, 0x2220), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_EXIT_HPFAR), 0x2220);
	eq(fake.translations, 2);
}

static void exits_are_counted_by_cause(void **state)
{
	static const struct {
		u64 ec, stat;
	} causes[] = {
		{ EC_WFX, KCORE_STAT_exit_wfx }, { EC_HVC, KCORE_STAT_exit_hvc }, { EC_SMC, KCORE_STAT_exit_hvc },
		{ EC_SYSREG, KCORE_STAT_exit_sysreg }, { EC_DABT, KCORE_STAT_exit_abort }, { EC_IABT, KCORE_STAT_exit_abort },
		{ EC_FP, KCORE_STAT_exit_fp }, { 0x3c, KCORE_STAT_exit_other }, { 0, KCORE_STAT_exit_other },
	};
	u64 before;

	(void)state;
	enter_normal();
	for (u64 i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		before = call(STATS_READ, causes[i].stat);
		if (!this_cpu()->in_guest)
			eq(vcpu_run(v), RUN_ENTERED);
		if (guest_trap(causes[i].ec, 0) == RUN_ENTERED)
			eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
		eq(call(STATS_READ, causes[i].stat), before + 1);
	}
}

/* Four CPUs with a vCPU each, of two VMs; everyone's registers stay theirs. */
static void four_cpus(void **state)
{
	u64 vms[2], vcpu[4];

	(void)state;
	vms[0] = protected_vm(2);
	vms[1] = normal_vm(2);
	shared_set(vms[1] * 16, CTX_PSTATE, 5);
	shared_set(vms[1] * 16 + 1, CTX_PSTATE, 5);
	for (u64 c = 0; c < 4; c++) {
		vcpu[c] = vms[c & 1] * 16 + c / 2;
		on_cpu(c);
		if (vcpu[c] == vms[0] * 16 + 1) {		/* vCPU 0 switches it on */
			on_cpu(0);
			this_cpu()->guest.x[0] = 0xc4000003UL;
			this_cpu()->guest.x[1] = 1;
			this_cpu()->guest.x[2] = 0x80001000UL;
			this_cpu()->guest.x[3] = 4242;
			eq(guest_trap(EC_HVC, 0), KCORE_EXIT_TRAP);
			eq(vcpu_run(vcpu[0]), RUN_ENTERED);
			on_cpu(c);
		}
		eq(call(VCPU_LOAD, vcpu[c]), 0);
		eq(vcpu_run(vcpu[c]), RUN_ENTERED);
	}
	check_invariant();
	on_cpu(2);
	eq(this_cpu()->guest.x[0], 4242);
	eq(this_cpu()->guest.pc, 0x80001000UL);
	for (u64 round = 0; round < 10; round++) {
		for (u64 c = 0; c < 4; c++) {
			on_cpu(c);
			this_cpu()->guest.x[9] = round * 4 + c;
			this_cpu()->el1[EL1_ttbr0_el1] = round * 4 + c;
			eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
		}
		for (u64 c = 0; c < 4; c++) {
			on_cpu(3 - c);
			eq(vcpu_run(vcpu[3 - c]), RUN_ENTERED);
			eq(this_cpu()->guest.x[9], round * 4 + 3 - c);
			eq(this_cpu()->el1[EL1_ttbr0_el1], round * 4 + 3 - c);
		}
	}
}

SUITE(run,
      TEST(run_errors), TEST(normal_registers_live_in_the_page), TEST(hcr_without_wishes), TEST(debug_wish), TEST(counter_wish), TEST(sve_wish),
      TEST(run_never_returns_to_another_mode), TEST(aarch32_wish), TEST(aarch32_registers),
      TEST(serror_wish), TEST(profiling_stops_in_the_guest), TEST(fp_is_switched_lazily), TEST(fp_of_a_normal_vm_goes_to_its_page),
      TEST(fp_trap_of_the_host_without_a_guests_registers), TEST(asynchronous_exits_show_nothing), TEST(exit_without_a_vcpu_halts),
      TEST(permission_fault_is_translated_again), TEST(exits_are_counted_by_cause), TEST(four_cpus))
