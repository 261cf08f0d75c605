/* SPDX-License-Identifier: GPL-2.0-only */
/* regs.c, gpsci.c, idreg.c, inject.c: protected guests.  docs/registers.md, line by line. */
#include "helper.h"

#define OUTSIDE		0x9000000UL
#define ISV		(1UL << 24)
#define SAS(n)		((n) << 22)
#define SSE		(1UL << 21)
#define SRT(n)		((n) << 16)
#define SF		(1UL << 15)
#define CM		0x100UL
#define WNR		0x40UL
#define SECRET		0x5ec5e75ec5e7UL

#define SYSREG(op0, op1, crn, crm, op2) ((u64)(op0) << 20 | (u64)(op2) << 17 | (u64)(op1) << 14 | (u64)(crn) << 10 | (u64)(crm) << 1)
#define RT(n)		((u64)(n) << 5)
#define READ		1UL

static u64 vm, v, context;
static struct fake_cpu *c;

static void in_guest(void)
{
	vm = protected_vm(3);
	v = vm * 16;
	context = cells.vcpu_context[v];
	c = this_cpu();
	eq(call(VCPU_LOAD, v), 0);
	eq(vcpu_run(v), RUN_ENTERED);
	for (u64 i = 0; i < 31; i++)
		c->guest.x[i] = SECRET + i;
	c->guest.pc = 0x80004000UL;
	c->guest.pstate = 5;
}

/* Words of the shared page that hold a secret, but for x[except]. */
static void nothing_shown_but(u64 except)
{
	for (u64 i = 0; i < 4096; i += 8)
		if (i != except * 8)
			assert_false(shared(v, i) >= SECRET && shared(v, i) < SECRET + 4096);
}

/* After this exit exactly these requests are good, each alone; any other ends with PERM and changes nothing. */
static void only_requests(u64 allowed)
{
	for (u64 flags = 1; flags < 64; flags++) {
		if ((flags & (flags - 1)) == 0 && (flags & allowed))
			continue;
		shared_set(v, CTX_ENTER_FLAGS, flags);
		refused(KCORE_EPERM, vcpu_run(v));
	}
	shared_set(v, CTX_ENTER_FLAGS, 1UL << 63);
	refused(KCORE_EPERM, vcpu_run(v));
	shared_set(v, CTX_ENTER_FLAGS, 0);
}

static void answer(u64 flags)
{
	shared_set(v, CTX_ENTER_FLAGS, flags);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(shared(v, CTX_ENTER_FLAGS), 0);
}

static void wfx(void **state)
{
	(void)state;
	in_guest();
	c->guest.pstate = 0x600c05UL | 1UL << 21;
	eq(guest_trap(EC_WFX, 1), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_EXIT_ESR), ESR(EC_WFX, 1));
	nothing_shown_but(99);
	only_requests(KCORE_ENTER_SKIP);
	answer(0);
	eq(c->guest.pc, 0x80004000UL);				/* runs again */
	eq(guest_trap(EC_WFX, 1), KCORE_EXIT_TRAP);
	answer(KCORE_ENTER_SKIP);
	eq(c->guest.pc, 0x80004004UL);
	eq(c->guest.pstate, 0x400005UL);			/* SS and BTYPE cleared */
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	only_requests(0);
}

static void fault_in_memory(void **state)
{
	u64 ipa = MEMORY_BASE + 0x5000;

	(void)state;
	in_guest();
	eq(guest_leave(0, ESR(EC_DABT, ISV | SAS(3) | SRT(7) | SF | WNR | FSC_TRANSLATION), 0x1234567, ipa >> 12 << 4), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_EXIT_ESR), ESR(EC_DABT, FSC_TRANSLATION));
	eq(shared(v, CTX_EXIT_FAR), 0);
	eq(shared(v, CTX_EXIT_HPFAR), ipa >> 12 << 4);
	nothing_shown_but(99);
	only_requests(0);
	eq(call(VM_DONATE, vm, ipa, FREE_BLOCK), 0);
	answer(0);
	eq(guest_leave(0, ESR(EC_IABT, FSC_TRANSLATION), 0, (MEMORY_BASE + MEMORY_BYTES - 1) >> 12 << 4), KCORE_EXIT_TRAP);
	only_requests(0);
}

static void mmio_read(void **state)
{
	static const struct {
		u64 iss, value, expected;
	} reads[] = {
		{ SAS(0), ~0UL, 0xff }, { SAS(1), ~0UL, 0xffff }, { SAS(2), ~0UL, 0xffffffff }, { SAS(3) | SF, ~0UL, ~0UL },
		{ SAS(0) | SSE, 0x80, 0xffffff80 }, { SAS(0) | SSE | SF, 0x80, 0xffffffffffffff80UL },
		{ SAS(0) | SSE | SF, 0x1f7f, 0x7f }, { SAS(1) | SSE | SF, 0x8000, 0xffffffffffff8000UL },
		{ SAS(2) | SSE | SF, 0x80000000UL, 0xffffffff80000000UL }, { SAS(2), 0x1234567890UL, 0x34567890 },
		{ SAS(3) | SSE | SF, 0x8000000000000000UL, 0x8000000000000000UL }, { SAS(3), 0x123456789aUL, 0x3456789a },
	};

	(void)state;
	in_guest();
	for (u64 i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		u64 esr = ESR(EC_DABT, ISV | reads[i].iss | SRT(9) | FSC_TRANSLATION);

		c->guest.x[9] = SECRET;
		c->guest.pc = 0x80004000UL;
		eq(guest_leave(0, esr, 0xffff00000000abcdUL, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
		eq(shared(v, CTX_EXIT_ESR), esr);
		eq(shared(v, CTX_EXIT_FAR), 0xbcd);
		eq(shared(v, CTX_EXIT_HPFAR), OUTSIDE >> 12 << 4);
		nothing_shown_but(99);
		only_requests(KCORE_ENTER_SKIP | KCORE_ENTER_DABT);
		for (u64 x = 0; x < 31; x++)
			shared_set(v, x * 8, 0xb0b0);
		shared_set(v, CTX_X(9), reads[i].value);
		shared_set(v, CTX_EXIT_ESR, ESR(EC_DABT, ISV | SRT(3)));	/* KCore's own copy decides */
		answer(KCORE_ENTER_SKIP);
		eq(c->guest.x[9], reads[i].expected);
		eq(c->guest.pc, 0x80004004UL);
		for (u64 x = 0; x < 31; x++)
			if (x != 9)
				eq(c->guest.x[x], SECRET + x);
	}
	/* register 31 is zero and is never written */
	eq(guest_leave(0, ESR(EC_DABT, ISV | SRT(31) | FSC_TRANSLATION), 0, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	answer(KCORE_ENTER_SKIP);
	eq(c->guest.x[30], SECRET + 30);
	eq(c->guest.pc, 0x80004008UL);
}

static void mmio_write(void **state)
{
	(void)state;
	in_guest();
	for (u64 size = 0; size < 4; size++) {
		c->guest.x[5] = 0x123456789abcdef0UL;
		eq(guest_leave(0, ESR(EC_DABT, ISV | SAS(size) | SRT(5) | WNR | FSC_TRANSLATION), 0x18, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
		eq(shared(v, CTX_X(5)), size == 3 ? 0x123456789abcdef0UL : 0x123456789abcdef0UL & ((1UL << (8 << size)) - 1));
		nothing_shown_but(99);
		only_requests(KCORE_ENTER_SKIP | KCORE_ENTER_DABT);
		shared_set(v, CTX_X(5), 66);
		answer(KCORE_ENTER_SKIP);
		eq(c->guest.x[5], 0x123456789abcdef0UL);	/* the host's word isn't taken */
	}
	shared_set(v, CTX_X(30), 1);
	eq(guest_leave(0, ESR(EC_DABT, ISV | SRT(31) | WNR | FSC_TRANSLATION), 0x18, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_X(30)), 1);
}

/* An abort just outside of the memory range on either side is MMIO; just inside it isn't. */
static void memory_range_is_exact(void **state)
{
	static const u64 ipa[] = { MEMORY_BASE - 0x1000, MEMORY_BASE, MEMORY_BASE + MEMORY_BYTES - 0x1000, MEMORY_BASE + MEMORY_BYTES };

	(void)state;
	in_guest();
	for (u64 i = 0; i < 4; i++) {
		eq(guest_leave(0, ESR(EC_DABT, ISV | FSC_TRANSLATION), 0, ipa[i] >> 12 << 4), KCORE_EXIT_TRAP);
		only_requests(i == 0 || i == 3 ? KCORE_ENTER_SKIP | KCORE_ENTER_DABT : 0);
		answer(0);
	}
}

static void took_exception(u64 esr, u64 far, u64 pc)
{
	eq(c->el1[EL1_esr_el1], esr);
	eq(c->el1[EL1_far_el1], far);
	eq(c->el1[EL1_elr_el1], pc);
	eq(c->guest.pc & 0xfffUL, 0xa00UL);
	eq(c->guest.pstate & 0x3df, 0x3c5);
}

static void aborts_without_a_syndrome(void **state)
{
	u64 far = 0xffff00000000a008UL;

	(void)state;
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	eq(guest_leave(0, ESR(EC_DABT, WNR | FSC_TRANSLATION), far, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_EXIT_FAR), 8);
	nothing_shown_but(99);
	only_requests(KCORE_ENTER_DABT);
	shared_set(v, CTX_EXIT_FAR, 0x666);
	answer(KCORE_ENTER_DABT);
	took_exception(ESR(EC_DABT + 1, WNR | 0x10), far, 0x80004000UL);
	c->guest.pc = 0x80004000UL;
	/* a stage-1 walk of the guest went outside: no register is shown, whatever the syndrome says */
	eq(guest_leave(0, ESR(EC_DABT, ISV | SRT(3) | WNR | 0x80 | FSC_TRANSLATION), far, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	nothing_shown_but(99);
	only_requests(KCORE_ENTER_DABT);
	answer(0);
	eq(guest_leave(0, ESR(EC_DABT, CM | WNR | FSC_TRANSLATION), far, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	only_requests(KCORE_ENTER_DABT | KCORE_ENTER_SKIP);
	answer(KCORE_ENTER_SKIP);
	eq(c->guest.pc, 0x80004004UL);
	eq(guest_leave(0, ESR(EC_IABT, FSC_TRANSLATION), far, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	only_requests(KCORE_ENTER_IABT);
	answer(KCORE_ENTER_IABT);
	took_exception(ESR(EC_IABT + 1, 0x10), far, 0x80004004UL);
}

static void exception_from_el0(void **state)
{
	(void)state;
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	c->guest.pstate = 0x80000000UL;
	eq(guest_leave(0, ESR(EC_DABT, ISV | FSC_TRANSLATION), 0x10, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	answer(KCORE_ENTER_DABT);
	eq(c->el1[EL1_esr_el1], ESR(EC_DABT, 0x10));
	eq(c->el1[EL1_spsr_el1], 0x80000000UL);
	eq(c->guest.pc, 0xffff800080100c00UL);
	c->guest.pstate = 4;					/* EL1t */
	eq(guest_leave(0, ESR(EC_DABT, ISV | FSC_TRANSLATION), 0x10, OUTSIDE >> 12 << 4), KCORE_EXIT_TRAP);
	answer(KCORE_ENTER_DABT);
	eq(c->el1[EL1_esr_el1], ESR(EC_DABT + 1, 0x10));
	eq(c->guest.pc, 0xffff800080100800UL);
}

static void software_generated_interrupts(void **state)
{
	static const u64 sgi[] = { 5, 6, 7 };

	(void)state;
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	for (u64 i = 0; i < 3; i++) {
		u64 esr = ESR(EC_SYSREG, SYSREG(3, 0, 12, 11, sgi[i]) | RT(6));

		c->guest.pc = 0x80004000UL;
		c->guest.x[6] = 0xf00d;
		eq(guest_leave(0, esr, 0, 0), KCORE_EXIT_TRAP);
		eq(shared(v, CTX_EXIT_ESR), esr);
		eq(shared(v, CTX_X(6)), 0xf00d);
		nothing_shown_but(99);
		only_requests(KCORE_ENTER_SKIP | KCORE_ENTER_UNDEF);
		answer(KCORE_ENTER_SKIP);
		eq(c->guest.pc, 0x80004004UL);
		eq(guest_leave(0, esr, 0, 0), KCORE_EXIT_TRAP);
		answer(KCORE_ENTER_UNDEF);
		took_exception(ESR_IL, 0, 0x80004004UL);
		eq(guest_leave(0, esr | READ, 0, 0), RUN_ENTERED);	/* write-only */
		took_exception(ESR_IL, 0, 0xffff800080100a00UL);
	}
}

static u64 sysreg_read(u64 reg)
{
	c->guest.pc = 0x80004000UL;
	c->guest.x[2] = SECRET;
	eq(guest_leave(0, ESR(EC_SYSREG, reg | RT(2) | READ), 0, 0), RUN_ENTERED);
	if (c->guest.pc != 0x80004004UL) {
		eq(c->guest.x[2], SECRET);
		eq(c->el1[EL1_esr_el1], ESR_IL);
		return 0xdead;
	}
	return c->guest.x[2];
}

static bool sysreg_write(u64 reg)
{
	c->guest.pc = 0x80004000UL;
	eq(guest_leave(0, ESR(EC_SYSREG, reg | RT(2)), 0, 0), RUN_ENTERED);
	return c->guest.pc == 0x80004004UL;
}

static void trapped_registers(void **state)
{
	(void)state;
	in_guest();
	eq(sysreg_read(SYSREG(2, 0, 0, 2, 2)), 0);		/* MDSCR_EL1 */
	eq(sysreg_write(SYSREG(2, 0, 1, 0, 4)), true);		/* OSLAR_EL1 */
	eq(sysreg_read(SYSREG(2, 0, 7, 14, 6)), 0);		/* DBGAUTHSTATUS_EL1 */
	eq(sysreg_read(SYSREG(2, 3, 0, 1, 0)), 0);		/* MDCCSR_EL0 */
	eq(sysreg_write(SYSREG(2, 3, 0, 5, 0)), true);		/* DBGDTRTX_EL0 */
	eq(sysreg_read(SYSREG(2, 1, 0, 8, 7)), 0xdead);		/* TRCIDR0 */
	eq(sysreg_write(SYSREG(2, 1, 9, 0, 0)), false);		/* BRBCR_EL1 */
	eq(sysreg_read(SYSREG(2, 2, 0, 0, 0)), 0xdead);		/* TEECR32_EL1 */
	eq(sysreg_read(SYSREG(2, 4, 0, 7, 0)), 0xdead);		/* DBGVCR32_EL2 */
	eq(sysreg_read(SYSREG(2, 0, 9, 13, 3)), 0xdead);	/* SPMACCESSR_EL1 */
	eq(sysreg_read(SYSREG(2, 3, 9, 12, 0)), 0xdead);	/* SPMCR_EL0 */
	eq(sysreg_read(SYSREG(3, 0, 0, 0, 6)), 0);		/* REVIDR_EL1 */
	eq(sysreg_read(SYSREG(3, 1, 0, 0, 7)), 0);		/* AIDR_EL1 */
	eq(sysreg_read(SYSREG(3, 1, 0, 0, 6)), 0xdead);		/* SMIDR_EL1 */
	eq(sysreg_read(SYSREG(3, 1, 0, 0, 4)), 0xdead);		/* GMID_EL1 */
	eq(sysreg_read(SYSREG(3, 0, 1, 0, 1)), 0);		/* ACTLR_EL1 */
	eq(sysreg_write(SYSREG(3, 0, 1, 0, 1)), true);
	eq(sysreg_write(SYSREG(1, 0, 7, 6, 2)), true);		/* DC ISW */
	eq(sysreg_write(SYSREG(1, 0, 7, 14, 2)), true);		/* DC CISW */
	eq(sysreg_read(SYSREG(3, 0, 12, 12, 5)), 7);		/* ICC_SRE_EL1 */
	eq(sysreg_write(SYSREG(3, 0, 12, 12, 5)), true);
	eq(sysreg_read(SYSREG(3, 3, 9, 12, 0)), 0xdead);	/* PMCR_EL0 */
	eq(sysreg_write(SYSREG(3, 3, 9, 12, 0)), false);
	eq(sysreg_read(SYSREG(3, 0, 10, 4, 0)), 0xdead);	/* LORSA_EL1 */
	eq(sysreg_read(SYSREG(3, 3, 14, 2, 1)), 0xdead);	/* CNTP_CTL_EL0 */
	eq(sysreg_write(SYSREG(1, 0, 8, 3, 0)), false);
	eq(sysreg_write(SYSREG(3, 0, 0, 4, 0)), false);		/* an ID register */
	eq(sysreg_read(SYSREG(3, 1, 0, 0, 0)), 0xdead);		/* CCSIDR_EL1: not of the ID space */
	c->guest.x[30] = SECRET;
	eq(guest_leave(0, ESR(EC_SYSREG, SYSREG(3, 0, 0, 4, 0) | RT(31) | READ), 0, 0), RUN_ENTERED);
	eq(c->guest.x[30], SECRET);
}

static void without_a_gicv3(void **state)
{
	const struct fake_config config = { .pool_reserve = ~0UL, .no_gic = 1 };

	(void)state;
	fake_start(&config);
	in_guest();
	eq(sysreg_read(SYSREG(3, 0, 12, 12, 5)), 0xdead);
	eq(sysreg_write(SYSREG(3, 0, 12, 11, 5)), false);
	eq(sysreg_read(SYSREG(3, 0, 0, 4, 0)) >> 24 & 15, 0);
}

static void id_registers(void **state)
{
	(void)state;
	in_guest();
	for (u64 m = 4; m < 8; m++)
		for (u64 o = 0; o < 8; o++)
			fake.idreg[m][o] = ~0UL;
	for (u64 m = 0; m < 8; m++) {
		for (u64 o = 0; o < 8; o++) {
			u64 r = sysreg_read(SYSREG(3, 0, 0, m, o));

			if (m == 4 && o == 0) {
				eq(r & 0xffff, 0x11);		/* AArch64 only, no EL2, no EL3 */
				eq(r >> 24 & 0xff, 0x01);	/* GIC; no RAS */
				eq(r >> 32 & 15, 0);		/* no SVE */
				eq(r >> 40 & 0xff, 0);		/* no MPAM, no AMU */
				eq(r >> 56 & 15, 1);		/* CSV2: no context numbers */
			} else if (m == 4 && o == 1) {
				eq(r, 0xff);			/* no MTE, no RAS, no SME */
			} else if (m == 5 && o == 0) {
				eq(r & 0xf00, 0);		/* no PMU */
				eq(r >> 32, 0);			/* no SPE, no trace */
				eq(r & 15, 6);
			} else if (m == 6 && o == 0) {
				eq(r >> 24 & 15, 0);		/* no TME */
			} else if (m == 6 && o == 1) {
				eq(r >> 4 & 0xff, 0);		/* no pointer authentication */
				eq(r >> 24 & 0xff, 0);
			} else if (m == 7 && o == 0) {
				eq(r & 15, 2);			/* 40 bits */
			} else if (m == 7 && o == 1) {
				eq(r >> 8 & 15, 0);		/* no VHE */
				eq(r >> 16 & 15, 0);		/* no LORegions */
			} else if (m == 7 && o == 2) {
				eq(r >> 24 & 15, 0);		/* no nested virtualization */
			} else {
				eq(r, 0);
			}
		}
	}
	for (u64 m = 4; m < 8; m++)
		for (u64 o = 0; o < 8; o++)
			fake.idreg[m][o] = 0;
	eq(sysreg_read(SYSREG(3, 0, 0, 4, 1)), 0);
	eq(sysreg_read(SYSREG(3, 0, 0, 6, 0)), 0);
	eq(sysreg_read(SYSREG(3, 0, 0, 7, 1)), 0);
	for (u64 csv2 = 0; csv2 < 16; csv2++) {
		fake.idreg[4][0] = csv2 << 56;
		eq(sysreg_read(SYSREG(3, 0, 0, 4, 0)) >> 56 & 15, csv2 != 0);
	}
}

static u64 hvc_of_guest(u64 fn, u64 x1, u64 x2, u64 x3)
{
	c->guest.x[0] = fn;
	c->guest.x[1] = x1;
	c->guest.x[2] = x2;
	c->guest.x[3] = x3;
	eq(guest_trap(EC_HVC, 0x7b), RUN_ENTERED);
	eq(c->guest.pc, 0x80004000UL);				/* the PC was behind the HVC already */
	for (u64 i = 4; i < 31; i++)
		eq(c->guest.x[i], SECRET + i);
	return c->guest.x[0];
}

static void psci_answered_here(void **state)
{
	(void)state;
	in_guest();
	eq(hvc_of_guest(0x84000000UL, 0, 0, 0), 0x10001);
	eq(hvc_of_guest(0xffffffff84000000UL, 0, 0, 0), 0x10001);	/* the function is in W0 */
	eq(hvc_of_guest(0x80000000UL, 0, 0, 0), 0x10001);
	eq(hvc_of_guest(0xc4000001UL, 0, 0, 0), 0);
	eq(hvc_of_guest(0x84000001UL, 0, 0, 0), 0);
	eq(hvc_of_guest(0x84000006UL, 0, 0, 0), 2);
	eq(hvc_of_guest(0xc4000004UL, 0, 0, 0), 0);
	eq(hvc_of_guest(0xc4000004UL, 1, 0, 0), 1);
	eq(hvc_of_guest(0x84000004UL, 0x80000002UL, 0, 0), 1);
	eq(hvc_of_guest(0xc4000004UL, 3, 0, 0), ~1UL);
	eq(hvc_of_guest(0xc4000004UL, 16, 0, 0), ~1UL);
	eq(hvc_of_guest(0xc4000004UL, 1UL << 32, 0, 0), ~1UL);
	eq(hvc_of_guest(0xc4000004UL, 0, 1, 0), ~1UL);		/* affinity level */
	for (u64 fn = 0; fn < 0x20; fn++) {
		bool call32 = fn <= 4 || fn == 6 || (fn >= 8 && fn <= 10), call64 = fn == 1 || fn == 3 || fn == 4;

		eq(hvc_of_guest(0x8400000aUL, 0x84000000UL + fn, 0, 0), call32 ? 0 : ~0UL);
		eq(hvc_of_guest(0x8400000aUL, 0xc4000000UL + fn, 0, 0), call64 ? 0 : ~0UL);
		if (!call32)
			eq(hvc_of_guest(0x84000000UL + fn, 0, 0, 0), ~0UL);
		if (!call64)
			eq(hvc_of_guest(0xc4000000UL + fn, 0, 0, 0), ~0UL);
	}
	eq(hvc_of_guest(0x8400000aUL, 0x80000000UL, 0, 0), 0);
	for (u64 fn = KCORE_FN_BASE; fn < KCORE_FN_BASE + 30; fn++)	/* the host's calls are not the guest's, but for two */
		if (fn != KCORE_HC_VM_MEASUREMENT && fn != KCORE_HC_VM_QUOTE)
			eq(hvc_of_guest(fn, 1, 2, 3), ~0UL);
	eq(hvc_of_guest(0, 0, 0, 0), ~0UL);
	for (u64 i = 0; i < 4096; i += 8)
		assert_int_equal(shared(v, i), 0);
}

static void smc_is_not_supported(void **state)
{
	(void)state;
	in_guest();
	c->guest.x[0] = 0x84000008UL;				/* SYSTEM_OFF */
	eq(guest_trap(EC_SMC, 0), RUN_ENTERED);
	eq(c->guest.x[0], ~0UL);
	eq(c->guest.pc, 0x80004004UL);
	eq(fake.smc_calls, 0);
}

static void other_exceptions_are_undefined(void **state)
{
	static const u64 classes[] = { 0x00, 0x03, 0x05, 0x06, 0x08, 0x09, 0x0c, 0x14, 0x19, 0x1a, 0x1d, 0x32, 0x3f };

	(void)state;
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	for (u64 i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		c->guest.pc = 0x80004000UL;
		eq(guest_trap(classes[i], 0x1ffffff), RUN_ENTERED);
		took_exception(ESR_IL, 0, 0x80004000UL);
	}
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);			/* first use */
	c->guest.pc = 0x80004000UL;
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);			/* can't happen: they are there */
	took_exception(ESR_IL, 0, 0x80004000UL);
}

static u64 cpu_on(u64 fn, u64 mpidr, u64 entry, u64 x3)
{
	c->guest.x[0] = fn;
	c->guest.x[1] = mpidr;
	c->guest.x[2] = entry;
	c->guest.x[3] = x3;
	return guest_trap(EC_HVC, 0x7b);
}

static void psci_cpu_on(void **state)
{
	u64 next;

	(void)state;
	in_guest();
	on_cpu(1);
	next = protected_vm(2);					/* its vCPU 1 is off: nothing to this VM */
	eq(next, vm + 1);
	on_cpu(0);
	eq(cpu_on(0xc4000003UL, 17, 0x80008000UL, 0), RUN_ENTERED);
	eq(c->guest.x[0], ~1UL);
	eq(cells.vcpu_power[next * 16 + 1], POWER_OFF);
	eq(cpu_on(0xc4000003UL, 3, 0x80008000UL, 0), RUN_ENTERED);	/* no such vCPU */
	eq(c->guest.x[0], ~1UL);
	eq(cpu_on(0xc4000003UL, 16, 0x80008000UL, 0), RUN_ENTERED);
	eq(c->guest.x[0], ~1UL);
	eq(cpu_on(0xc4000003UL, 0xff00000000UL, 0x80008000UL, 0), RUN_ENTERED);
	eq(c->guest.x[0], ~1UL);
	eq(cpu_on(0xc4000003UL, 1, 0x80008002UL, 0), RUN_ENTERED);	/* entry unaligned */
	eq(c->guest.x[0], ~8UL);
	eq(cpu_on(0xc4000003UL, 0, 0x80008000UL, 0), RUN_ENTERED);	/* itself: on */
	eq(c->guest.x[0], ~3UL);
	eq(cpu_on(0xc4000003UL, 1, 0xffff00000000f000UL, SECRET), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_X(0)), 0xc4000003UL);
	eq(shared(v, CTX_X(1)), 1);
	eq(shared(v, CTX_EXIT_ESR), EC_HVC << 26 | ESR_IL);
	nothing_shown_but(99);
	only_requests(0);
	answer(0);
	eq(c->guest.x[0], 0);
	eq(cpu_on(0xc4000003UL, 1, 0x1000, 0), RUN_ENTERED);
	eq(c->guest.x[0], ~3UL);
	eq(hvc_of_guest(0xc4000004UL, 1, 0, 0), 0);			/* on */
	/* the other vCPU starts where the guest said, whatever is on its page */
	on_cpu(1);
	for (u64 i = 0; i < CTX_VMPIDR; i += 8)
		shared_set(v + 1, i, 0x666);
	eq(call(VCPU_LOAD, v + 1), 0);
	eq(vcpu_run(v + 1), RUN_ENTERED);
	eq(this_cpu()->guest.pc, 0xffff00000000f000UL);
	eq(this_cpu()->guest.x[0], SECRET);
	eq(this_cpu()->guest.pstate, 0x3c5);
	for (u64 i = 1; i < 31; i++)
		eq(this_cpu()->guest.x[i], 0);
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		eq(this_cpu()->el1[i], i == EL1_sctlr_el1 ? SCTLR_EL1_RESET : 0);
	/* 32-bit form: words; the target's PSTATE and old registers are gone at its second life */
	this_cpu()->guest.x[9] = SECRET;
	this_cpu()->guest.x[0] = 0x84000002UL;
	eq(guest_trap(EC_HVC, 0), KCORE_EXIT_TRAP);
	eq(shared(v + 1, CTX_X(0)), 0x84000002UL);
	refused(KCORE_ESTATE, vcpu_run(v + 1));
	on_cpu(0);
	eq(hvc_of_guest(0xc4000004UL, 1, 0, 0), 1);			/* off */
	eq(cpu_on(0x84000003UL, 0xf00000001UL, 0xf80008000UL, 0xf00000007UL), KCORE_EXIT_TRAP);
	on_cpu(1);
	eq(vcpu_run(v + 1), RUN_ENTERED);
	eq(this_cpu()->guest.pc, 0x80008000UL);
	eq(this_cpu()->guest.x[0], 7);
	eq(this_cpu()->guest.x[9], 0);
}

static void psci_off_and_reset(void **state)
{
	static const u64 calls[] = { 0x84000008UL, 0x84000009UL, 0x84000002UL };

	(void)state;
	in_guest();
	for (u64 i = 0; i < 3; i++) {
		c->guest.x[0] = calls[i];
		c->guest.x[1] = SECRET;
		eq(guest_trap(EC_HVC, 0x123), KCORE_EXIT_TRAP);
		eq(shared(v, CTX_X(0)), calls[i]);
		eq(shared(v, CTX_X(1)), 0);
		eq(shared(v, CTX_EXIT_ESR), EC_HVC << 26 | ESR_IL);
		nothing_shown_but(99);
		if (i == 2)
			break;
		only_requests(0);
		answer(0);
		eq(c->guest.x[0], ~5UL);			/* INTERNAL_FAILURE: the host ran it on */
	}
	refused(KCORE_ESTATE, vcpu_run(v));
}

/* What the host writes to the page between exits and runs never reaches the guest. */
static void shared_page_is_not_the_context(void **state)
{
	struct guest_registers kept;
	u64 el1[KCORE_NR_SYSREGS];

	(void)state;
	in_guest();
	kept = c->guest;
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		el1[i] = c->el1[i] = SECRET + i;
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	nothing_shown_but(99);
	for (u64 i = 0; i < 4096; i += 8)
		shared_set(v, i, i == CTX_ENTER_FLAGS ? 0 : ~0UL);
	eq(vcpu_run(v), RUN_ENTERED);
	assert_memory_equal(&c->guest, &kept, sizeof(kept));
	assert_memory_equal(c->el1, el1, sizeof(el1));
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);
	for (u64 i = 0; i < 66; i++)
		eq(c->fp[i], 0);
}

#define PAGE0		(MEMORY_BASE)
#define SHARE		0xc6000003UL
#define UNSHARE		0xc6000004UL
#define RELINQUISH	0xc6000009UL
#define INVALID		(~2UL)

static void vendor_service(void **state)
{
	(void)state;
	in_guest();
	eq(hvc_of_guest(0x8600ff01UL, 0, 0, 0), 0xb66fb428UL);
	eq(c->guest.x[1], 0xe911c52eUL);
	eq(c->guest.x[2], 0x564bcaa9UL);
	eq(c->guest.x[3], 0x743a004dUL);
	eq(hvc_of_guest(0x86000000UL, 7, 7, 7), 0x29d);
	eq(c->guest.x[1] | c->guest.x[2] | c->guest.x[3], 0);
	eq(hvc_of_guest(0xc6000002UL, 0, 0, 0), 4096);
	for (u64 fn = 0; fn < 64; fn++)
		if (fn != 2 && fn != 3 && fn != 4 && fn != 7 && fn != 9)
			eq(hvc_of_guest(0xc6000000UL + fn, PAGE0, 0, 0), ~0UL);
}

/* The host on another CPU, while the guest runs. */
static u64 back(u64 r)
{
	on_cpu(0);
	return r;
}
#define host(...)	(on_cpu(1), back(call(__VA_ARGS__)))
#define host_reads(pa)	(on_cpu(1), back(host_fault(EC_DABT, FSC_TRANSLATION, 0, pa)))

static void share_and_take_back(void **state)
{
	u64 pa = FREE_BLOCK + 0x3000;

	(void)state;
	in_guest();
	dirty(pa);
	eq(host(VM_DONATE, vm, PAGE0, pa), 0);
	eq(host_reads(pa), 0);
	poke(pa + 8, 0x5678);					/* by the guest, in its caches */
	eq(hvc_of_guest(SHARE, PAGE0, 0, 0), 0);
	eq(peek_coherent(pa + 8), 0x5678);
	check_invariant();
	eq(host(PAGE_STATE, pa), KCORE_PAGE_MAPPED);
	eq(host(STATS_READ, KCORE_STAT_pages_vm), 0);
	eq(translate(vm, PAGE0).pa, pa);
	eq(host_reads(pa), 1);
	eq(peek(pa), pa ^ 1);
	eq(hvc_of_guest(SHARE, PAGE0, 0, 0), INVALID);		/* it is already */
	refused(KCORE_EBUSY, host(VM_DONATE, vm, PAGE0 + 0x1000, pa));
	poke(pa + 16, 0x1234);					/* by the host, in its caches */
	eq(hvc_of_guest(UNSHARE, PAGE0, 0, 0), 0);
	eq(peek_coherent(pa + 16), 0x1234);
	check_invariant();
	eq(host(PAGE_STATE, pa), KCORE_PAGE_VM);
	eq(host(STATS_READ, KCORE_STAT_pages_vm), 1);
	assert_false(host_reaches(pa));
	eq(host_reads(pa), 0);
	eq(peek(pa), pa ^ 1);					/* what the host left there */
	eq(hvc_of_guest(UNSHARE, PAGE0, 0, 0), INVALID);
	check_invariant();
}

static void unshare_while_a_normal_vm_maps_it(void **state)
{
	u64 pa = FREE_BLOCK, normal;

	(void)state;
	normal = normal_vm(1);
	in_guest();
	eq(host(VM_DONATE, vm, PAGE0, pa), 0);
	eq(hvc_of_guest(SHARE, PAGE0, 0, 0), 0);
	eq(host(VM_MAP, normal, 0, pa, 4096, 7), 0);
	eq(hvc_of_guest(UNSHARE, PAGE0, 0, 0), INVALID);
	eq(owner_of(pa), OWNER_HOST);
	check_invariant();
	eq(host(VM_UNMAP, normal, 0, 4096), 0);
	eq(hvc_of_guest(UNSHARE, PAGE0, 0, 0), 0);
	check_invariant();
}

static void give_up(void **state)
{
	u64 pa = FREE_BLOCK;

	(void)state;
	in_guest();
	dirty(pa);
	dirty(pa + 0x1000);
	eq(host(VM_DONATE, vm, PAGE0, pa), 0);
	eq(host(VM_DONATE, vm, PAGE0 + 0x1000, pa + 0x1000), 0);
	eq(hvc_of_guest(SHARE, PAGE0 + 0x1000, 0, 0), 0);
	eq(hvc_of_guest(RELINQUISH, PAGE0, 0, 0), 0);
	eq(hvc_of_guest(RELINQUISH, PAGE0 + 0x1000, 0, 0), 0);
	check_invariant();
	eq(peek(pa), 0);					/* its own: scrubbed */
	eq(peek(pa + 0x1000), (pa + 0x1000) ^ 1);		/* shared: as it was */
	eq(host(PAGE_STATE, pa), KCORE_PAGE_HOST);
	eq(host(PAGE_STATE, pa + 0x1000), KCORE_PAGE_HOST);
	eq(cells.vm_pages[vm], 0);
	eq(hvc_of_guest(RELINQUISH, PAGE0, 0, 0), 0);		/* nothing there any more */
	eq(host(VM_DONATE, vm, PAGE0, pa), 0);
	check_invariant();
}

static void memory_calls_bad_arguments(void **state)
{
	static const u64 fns[] = { SHARE, UNSHARE, RELINQUISH };
	u64 pa = FREE_BLOCK;

	(void)state;
	in_guest();
	eq(host(VM_DONATE, vm, PAGE0, pa), 0);
	for (u64 i = 0; i < 3; i++) {
		eq(hvc_of_guest(fns[i], PAGE0 + 8, 0, 0), INVALID);
		eq(hvc_of_guest(fns[i], MEMORY_BASE - 0x1000, 0, 0), INVALID);
		eq(hvc_of_guest(fns[i], MEMORY_BASE + MEMORY_BYTES, 0, 0), INVALID);
		eq(hvc_of_guest(fns[i], pa, 0, 0), INVALID);
		eq(hvc_of_guest(fns[i], cells.vcpu_page[v], 0, 0), INVALID);
		eq(hvc_of_guest(fns[i], PAGE0, 1, 0), INVALID);
		eq(hvc_of_guest(fns[i], PAGE0, 0, 1), INVALID);
		eq(owner_of(pa), vm);
	}
	eq(hvc_of_guest(UNSHARE, PAGE0 + 0x2000, 0, 0), INVALID);	/* no page there */
	check_invariant();
}

/* A share needs a page: the host sees a fault of it, and the guest is at the call again. */
static void share_of_a_page_that_is_not_there(void **state)
{
	(void)state;
	in_guest();
	c->guest.x[0] = SHARE;
	c->guest.x[1] = PAGE0 + 0x2000;
	c->guest.x[2] = 0;
	c->guest.x[3] = 0;
	eq(guest_trap(EC_HVC, 0x7b), KCORE_EXIT_TRAP);
	eq(shared(v, CTX_EXIT_ESR), 0x92000007UL);
	eq(shared(v, CTX_EXIT_HPFAR), (PAGE0 + 0x2000) >> 8);
	eq(shared(v, CTX_EXIT_FAR), 0);
	nothing_shown_but(31);
	only_requests(0);
	eq(call(VM_DONATE, vm, PAGE0 + 0x2000, FREE_BLOCK), 0);
	eq(vcpu_run(v), RUN_ENTERED);
	eq(c->guest.pc, 0x80004000UL - 4);
	eq(c->guest.x[0], SHARE);
	c->guest.pc += 4;
	eq(hvc_of_guest(SHARE, PAGE0 + 0x2000, 0, 0), 0);
	check_invariant();
}

#define GUARD		0xc6000007UL

/* A load at the IPA is told to the host. */
static bool told(u64 ec, u64 ipa)
{
	u64 esr = ESR(ec, FSC_TRANSLATION | (ec == EC_DABT ? ISV | SRT(9) : 0)), far = 0xffff000000000000UL | (ipa & 0xfff) | 8;
	u64 r;

	c->guest.pc = 0x80004000UL;
	c->guest.pstate = 5;
	shared_set(v, CTX_EXIT_HPFAR, 0xbad);
	r = guest_leave(0, esr, far, ipa >> 12 << 4);
	check_invariant();
	if (r == KCORE_EXIT_TRAP) {
		eq(shared(v, CTX_EXIT_HPFAR), ipa >> 12 << 4);
		answer(0);
		eq(c->guest.pc, 0x80004000UL);
		return true;
	}
	eq(r, RUN_ENTERED);
	eq(shared(v, CTX_EXIT_HPFAR), 0xbad);
	took_exception(ESR(ec + 1, 0x10), far, 0x80004000UL);
	c->guest.pc = 0x80004000UL;
	c->guest.pstate = 5;
	return false;
}

static void guard(void **state)
{
	u64 local;

	(void)state;
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	assert_true(told(EC_DABT, OUTSIDE));			/* nobody asked for a guard */
	eq(hvc_of_guest(GUARD, OUTSIDE, 0, 0), 0);
	local = host(STATS_READ, KCORE_STAT_exit_local);
	for (u64 i = 0; i < 2; i++) {
		u64 ec = i ? EC_IABT : EC_DABT;

		assert_true(told(ec, OUTSIDE));
		assert_false(told(ec, OUTSIDE - 0x1000));
		assert_false(told(ec, OUTSIDE + 0x1000));
		assert_false(told(ec, 0));
		assert_false(told(ec, IPA_END - 0x1000));
		assert_false(told(ec, IPA_END + OUTSIDE));
		assert_false(told(ec, MEMORY_BASE - 0x1000));
		assert_false(told(ec, MEMORY_BASE + MEMORY_BYTES));
		assert_true(told(ec, MEMORY_BASE));		/* its memory: the host has to donate a page */
		assert_true(told(ec, MEMORY_BASE + MEMORY_BYTES - 0x1000));
	}
	eq(host(STATS_READ, KCORE_STAT_exit_local), local + 14);
	/* the vector and the syndrome follow from where the guest was */
	c->guest.pc = 0x80004000UL;
	c->guest.pstate = 0x80000000UL;
	eq(guest_leave(0, ESR(EC_DABT, ISV | WNR | SRT(3) | FSC_TRANSLATION), 0x10, (OUTSIDE + 0x5000) >> 8), RUN_ENTERED);
	eq(c->el1[EL1_esr_el1], ESR(EC_DABT, WNR | 0x10));
	eq(c->el1[EL1_far_el1], 0x10);
	eq(c->el1[EL1_spsr_el1], 0x80000000UL);
	eq(c->guest.pc, 0xffff800080100c00UL);
	nothing_shown_but(31);
	eq(guest_trap(EC_WFX, 1), KCORE_EXIT_TRAP);		/* other exits are as before */
	answer(0);
}

static void guard_ranges(void **state)
{
	(void)state;
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x1000, 0, 0), 0);
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x2000, 0, 0), 0);	/* the next page: the same range */
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x1000, 0, 0), 0);	/* again */
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x2000, 0, 0), 0);
	eq(cells.vm_guards[vm], 1);
	eq(hvc_of_guest(GUARD, OUTSIDE, 0, 0), 0);
	eq(cells.vm_guards[vm], 2);
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x1000, 0, 0), 0);
	eq(cells.vm_guards[vm], 2);
	for (u64 i = 0; i < 5; i++)
		eq(told(EC_DABT, OUTSIDE + i * 0x1000), i < 3);
	for (u64 i = 2; i < GUARD_RANGES; i++)
		eq(hvc_of_guest(GUARD, OUTSIDE + i * 0x10000, 0, 0), 0);
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x1000000, 0, 0), INVALID);	/* no range left */
	assert_false(told(EC_DABT, OUTSIDE + 0x1000000));
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x2000, 0, 0), 0);
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x3000, 0, 0), 0);		/* a range may grow */
	for (u64 i = 2; i < GUARD_RANGES; i++) {
		assert_true(told(EC_DABT, OUTSIDE + i * 0x10000));
		assert_false(told(EC_DABT, OUTSIDE + i * 0x10000 + 0x1000));
	}
	assert_true(told(EC_DABT, OUTSIDE + 0x3000));
	check_invariant();
}

static void guard_bad_arguments(void **state)
{
	(void)state;
	in_guest();
	eq(hvc_of_guest(GUARD, OUTSIDE + 8, 0, 0), INVALID);
	eq(hvc_of_guest(GUARD, OUTSIDE, 1, 0), INVALID);
	eq(hvc_of_guest(GUARD, OUTSIDE, 0, 1), INVALID);
	eq(hvc_of_guest(GUARD, MEMORY_BASE, 0, 0), INVALID);
	eq(hvc_of_guest(GUARD, MEMORY_BASE + MEMORY_BYTES - 0x1000, 0, 0), INVALID);
	eq(hvc_of_guest(GUARD, IPA_END, 0, 0), INVALID);
	eq(hvc_of_guest(GUARD, ~0xfffUL, 0, 0), INVALID);
	eq(cells.vm_guards[vm], 0);
	assert_true(told(EC_DABT, OUTSIDE));			/* none of these asks for a guard */
	eq(hvc_of_guest(GUARD, 0, 0, 0), 0);
	eq(hvc_of_guest(GUARD, IPA_END - 0x1000, 0, 0), 0);
	eq(hvc_of_guest(GUARD, MEMORY_BASE - 0x1000, 0, 0), 0);
	eq(hvc_of_guest(GUARD, MEMORY_BASE + MEMORY_BYTES, 0, 0), 0);
	eq(cells.vm_guards[vm], 4);
}

/* The guard is a VM's own, and goes with it. */
static void guard_of_another_vm(void **state)
{
	u64 first;

	(void)state;
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	eq(hvc_of_guest(GUARD, OUTSIDE, 0, 0), 0);
	assert_false(told(EC_DABT, OUTSIDE + 0x1000));
	first = vm;
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(call(VCPU_PUT), 0);
	in_guest();
	c->el1[EL1_vbar_el1] = 0xffff800080100800UL;
	assert_int_not_equal(vm, first);
	assert_true(told(EC_DABT, OUTSIDE + 0x1000));
	eq(hvc_of_guest(GUARD, OUTSIDE + 0x1000, 0, 0), 0);
	assert_false(told(EC_DABT, OUTSIDE));
	eq(guest_leave(1, 0, 0, 0), KCORE_EXIT_IRQ);
	eq(call(VCPU_PUT), 0);
	destroy(first);
	in_guest();
	eq(vm, first);
	assert_true(told(EC_DABT, OUTSIDE + 0x1000));
	check_invariant();
}

SUITE(guest,
      TEST(wfx), TEST(fault_in_memory), TEST(mmio_read), TEST(mmio_write), TEST(memory_range_is_exact), TEST(aborts_without_a_syndrome),
      TEST(exception_from_el0), TEST(software_generated_interrupts), TEST(trapped_registers), TEST(without_a_gicv3), TEST(id_registers),
      TEST(psci_answered_here), TEST(smc_is_not_supported), TEST(other_exceptions_are_undefined), TEST(psci_cpu_on),
      TEST(psci_off_and_reset), TEST(shared_page_is_not_the_context), TEST(vendor_service), TEST(share_and_take_back),
      TEST(unshare_while_a_normal_vm_maps_it), TEST(give_up), TEST(memory_calls_bad_arguments), TEST(share_of_a_page_that_is_not_there),
      TEST(guard), TEST(guard_ranges), TEST(guard_bad_arguments), TEST(guard_of_another_vm))
