/* SPDX-License-Identifier: GPL-2.0-only */
/* The primitives of kcore/machine.h that are no single instruction. */
#include <kcore/machine.h>
#include <kcore/layout.h>
#include "measure.h"

#pragma GCC visibility push(hidden)

struct kcore_cells cells __attribute__((aligned(4096)));
struct cpu cpus[KCORE_MAX_CPUS] __attribute__((aligned(128)));
char stacks[KCORE_MAX_CPUS * STACK_SLOT] __attribute__((aligned(4096)));
char boot_stacks[KCORE_MAX_CPUS * BOOT_STACK] __attribute__((aligned(4096)));
char host_contexts[KCORE_MAX_CPUS * 2048] __attribute__((aligned(4096)));
u32 lock_word __attribute__((aligned(128)));

#define PAGE_OFFSET(f)		__builtin_offsetof(struct kcore_vcpu_page, f)
_Static_assert(PAGE_OFFSET(pc) == CTX_PC && PAGE_OFFSET(pstate) == CTX_PSTATE && PAGE_OFFSET(sve) == CTX_SVE, "entry.S");
_Static_assert(PAGE_OFFSET(sys) == CTX_SYS && PAGE_OFFSET(sys.sctlr_el1) == CTX_SCTLR, "layout.h");
_Static_assert(PAGE_OFFSET(sys.spsr_el1) == CTX_SYS + 176 && PAGE_OFFSET(sys.mdscr_el1) == CTX_SYS + 152, "arm64.h");
_Static_assert(PAGE_OFFSET(vmpidr) == CTX_VMPIDR && PAGE_OFFSET(cntvoff) == CTX_CNTVOFF, "layout.h");
_Static_assert(PAGE_OFFSET(enter.hcr) == CTX_ENTER_HCR && PAGE_OFFSET(enter.flags) == CTX_ENTER_FLAGS, "layout.h");
_Static_assert(PAGE_OFFSET(enter.vsesr) == CTX_ENTER_VSESR && PAGE_OFFSET(enter.traps) == CTX_ENTER_TRAPS, "layout.h");
_Static_assert(PAGE_OFFSET(exit.esr) == CTX_EXIT_ESR && PAGE_OFFSET(exit.far) == CTX_EXIT_FAR, "layout.h");
_Static_assert(PAGE_OFFSET(exit.hpfar) == CTX_EXIT_HPFAR && PAGE_OFFSET(exit.disr) == CTX_EXIT_DISR, "layout.h");
_Static_assert(PAGE_OFFSET(a32) == CTX_A32 && PAGE_OFFSET(a32.fpexc) == CTX_FPEXC, "layout.h");
_Static_assert(PAGE_OFFSET(vgic) == CTX_VGIC && PAGE_OFFSET(fpsr) == CTX_FPSR && PAGE_OFFSET(v) == CTX_V, "layout.h");
_Static_assert(sizeof(struct kcore_vcpu_page) <= 2048, "a context fits in half a page");
_Static_assert(__builtin_offsetof(struct cpu, stack) == 16 && sizeof(struct cpu) <= 128, "entry.S");
_Static_assert(RECORDS_OFFSET == 0x400000UL, "kcore.lds");
_Static_assert(sizeof(struct frame) == 272 && __builtin_offsetof(struct frame, pc) == 248, "entry.S");

/* Stop this CPU for good.  The entry goes in without the lock: whoever holds it may be this CPU. */
void halt(u64 code, u64 value)
{
	u64 i = cells.log_next++ % LOG_ENTRIES;

	cells.log_event[i] = code;
	cells.log_a[i] = value;
	cells.log_b[i] = sysreg_read(elr_el2) - (u64)kcore_start;
	cells.log_time[i] = sysreg_read(cntpct_el0);
	for (;;)
		__asm__ volatile("msr daifset, #15\n\tdsb sy\n\twfi" : : : "memory");
}

/* An exception taken from EL2 itself. */
void halt_el2_fault(u64 esr)
{
	halt(0x101UL, esr);
}

/* DC ZVA is always allowed at EL2 (DDI 0487, D23.2: HCR_EL2.TDZ and SCTLR_EL1.DZE are about EL0 and EL1); a block is at most 2 KiB. */
void page_zero(u64 pa)
{
	u64 block = 4UL << (sysreg_read(dczid_el0) & 15UL);
	u64 end = pa + 4096UL;

	for (; pa < end; pa += block)
		__asm__ volatile("dc zva, %0" : : "r"(pa) : "memory");
}

void dcache_clean_inval_page(u64 pa)
{
	u64 line = 4UL << ((sysreg_read(ctr_el0) >> 16) & 15UL);
	u64 end = pa + 4096UL;

	for (; pa < end; pa += line)
		__asm__ volatile("dc civac, %0" : : "r"(pa) : "memory");
	__asm__ volatile("dsb sy" : : : "memory");
}

void icache_inval(void)
{
	__asm__ volatile("ic ialluis\n\tdsb ish\n\tisb" : : : "memory");
}

u64 translate_el1(u64 va)
{
	u64 par = sysreg_read(par_el1);
	u64 r;

	__asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(va) : "memory");
	r = sysreg_read(par_el1);
	sysreg_write(par_el1, par);
	return r;
}

/* PSB CSYNC and TSB CSYNC (hints 17, 18): what was sampled or traced is on its way, then in memory. */
void profiling_stop(u64 which)
{
	if (which & PROFILING_SPE) {
		this_cpu()->pmscr = sysreg_read(s3_0_c9_c9_0);
		sysreg_write(s3_0_c9_c9_0, 0);
		isb();
		__asm__ volatile("hint #17\n\tdsb nsh" : : : "memory");
	}
	if (which & PROFILING_TRACE) {
		this_cpu()->trfcr = sysreg_read(s3_0_c1_c2_1);
		sysreg_write(s3_0_c1_c2_1, 0);
		isb();
		__asm__ volatile("hint #18\n\tdsb nsh" : : : "memory");
	}
}

void profiling_resume(u64 which)
{
	if (which & PROFILING_SPE)
		sysreg_write(s3_0_c9_c9_0, this_cpu()->pmscr);
	if (which & PROFILING_TRACE)
		sysreg_write(s3_0_c1_c2_1, this_cpu()->trfcr);
}

/* ---- measurements: contents are in measure.c ----------------------------------------------------------- */
void measure_begin(u64 vm, u64 base, u64 end, u64 vcpus, u64 context)
{
	measure_start(vm, base, end, vcpus, (const u64 *)(context + CTX_X(0)), memory_at(context + CTX_PC));
}

void measure_page(u64 vm, u64 ipa, u64 pa)
{
	measure_bytes(vm, ipa, (const void *)pa);
}

/* The host can write to the page: each word is read once. */
u64 measure_signed(u64 vm, u64 page)
{
	u64 signature[8];
	u64 i;

	for (i = 0; i < 8; i++)
		signature[i] = page_load(page, CTX_X(4 + i));
	return measure_verify(vm, signature);
}

#define IDREG_CASE(m, o) case (m) * 8 + (o): return sysreg_read(s3_0_c0_c##m##_##o);
#define IDREG_ROW(m) IDREG_CASE(m, 0) IDREG_CASE(m, 1) IDREG_CASE(m, 2) IDREG_CASE(m, 3) \
	IDREG_CASE(m, 4) IDREG_CASE(m, 5) IDREG_CASE(m, 6) IDREG_CASE(m, 7)
u64 idreg_read(u64 crm, u64 op2)
{
	switch (crm * 8 + op2) {
	IDREG_ROW(4)
	IDREG_ROW(5)
	IDREG_ROW(6)
	IDREG_ROW(7)
	}
	return 0;
}

/* ---- controls of optional features while a guest runs -------------------------------------------------- */
#define ZCR_EL2		s3_4_c1_c2_0
#define HFGRTR_EL2	s3_4_c1_c1_4
#define HFGWTR_EL2	s3_4_c1_c1_5
#define HFGITR_EL2	s3_4_c1_c1_6
#define HDFGRTR_EL2	s3_4_c3_c1_4
#define HDFGWTR_EL2	s3_4_c3_c1_5
#define HCRX_EL2	s3_4_c1_c2_2
#define HCRX_MSCEN	0x800UL			/* MOPS: instructions on the guest's own memory, as the host has them */
#define VDISR_EL2	s3_4_c12_c1_1
#define TPIDR2_EL0	s3_3_c13_c0_5
#define SMPRI_EL1	s3_0_c1_c2_4

#define HAVE_FGT	1UL			/* FEAT_FGT */
#define HAVE_HCX	2UL			/* FEAT_HCX */
#define HAVE_SME	4UL			/* FEAT_SME without FEAT_FGT: nothing traps its thread pointer and priority */
#define HAVE_RAS	8UL			/* FEAT_RAS */
#define GUEST_ZCR	16UL			/* ZCR_EL2 isn't the host's */
#define CPTR_TZ		0x100UL

/* The host's, which it can't change after installation but for the last two. */
static struct feature_traps {
	u64 have;
	u64 zcr;
	u64 hfgrtr, hfgwtr, hfgitr, hdfgrtr, hdfgwtr, hcrx;
	u64 tpidr2, smpri;
} feature_traps[KCORE_MAX_CPUS];

static u64 id_field(u64 id, u64 shift)
{
	return (id >> shift) & 15UL;
}

/* At the end of this CPU's start: its EL2 registers are the host's. */
void feature_traps_keep(u64 cpu)
{
	struct feature_traps *t = &feature_traps[cpu];

	t->have = 0;
	if (id_field(sysreg_read(id_aa64mmfr0_el1), 56)) {
		t->have |= HAVE_FGT;
		t->hfgrtr = sysreg_read(HFGRTR_EL2);
		t->hfgwtr = sysreg_read(HFGWTR_EL2);
		t->hfgitr = sysreg_read(HFGITR_EL2);
		t->hdfgrtr = sysreg_read(HDFGRTR_EL2);
		t->hdfgwtr = sysreg_read(HDFGWTR_EL2);
	} else if (id_field(sysreg_read(id_aa64pfr1_el1), 24)) {
		t->have |= HAVE_SME;
	}
	if (id_field(sysreg_read(id_aa64mmfr1_el1), 40)) {
		t->have |= HAVE_HCX;
		t->hcrx = sysreg_read(HCRX_EL2);
	}
	if (id_field(sysreg_read(id_aa64pfr0_el1), 28))
		t->have |= HAVE_RAS;
	if (id_field(sysreg_read(id_aa64pfr0_el1), 32) && !(cpus[cpu].cptr & CPTR_TZ))
		t->zcr = sysreg_read(ZCR_EL2);
	cpus[cpu].features = t->have;
}

/*
 * Fine-grained controls are 0 for guests: the old registers that they could trap have other traps, and each new one (a field whose
 * name begins with n, D19.2) does trap.  HCRX_EL2 is 0 but for MOPS, so that what it enables is UNDEFINED or traps.
 */
void feature_traps_guest(void)
{
	struct feature_traps *t = &feature_traps[cpu_id()];

	if (t->have & HAVE_FGT) {
		sysreg_write(HFGRTR_EL2, 0);
		sysreg_write(HFGWTR_EL2, 0);
		sysreg_write(HFGITR_EL2, 0);
		sysreg_write(HDFGRTR_EL2, 0);
		sysreg_write(HDFGWTR_EL2, 0);
	}
	if (t->have & HAVE_HCX)
		sysreg_write(HCRX_EL2, t->hcrx & HCRX_MSCEN);
	if (t->have & HAVE_SME) {
		t->tpidr2 = sysreg_read(TPIDR2_EL0);
		t->smpri = sysreg_read(SMPRI_EL1);
		sysreg_write(TPIDR2_EL0, 0);
		sysreg_write(SMPRI_EL1, 0);
	}
	if (t->have & HAVE_RAS)
		sysreg_write(VDISR_EL2, 0);
}

void zcr_write(u64 v)
{
	sysreg_write(ZCR_EL2, v);
	this_cpu()->features |= GUEST_ZCR;
}

void feature_traps_host(void)
{
	struct feature_traps *t = &feature_traps[cpu_id()];

	if (this_cpu()->features & GUEST_ZCR) {		/* CPTR_EL2 is the host's already, and has had TZ clear all the time */
		sysreg_write(ZCR_EL2, t->zcr);
		this_cpu()->features = t->have;
	}
	if (t->have & HAVE_FGT) {
		sysreg_write(HFGRTR_EL2, t->hfgrtr);
		sysreg_write(HFGWTR_EL2, t->hfgwtr);
		sysreg_write(HFGITR_EL2, t->hfgitr);
		sysreg_write(HDFGRTR_EL2, t->hdfgrtr);
		sysreg_write(HDFGWTR_EL2, t->hdfgwtr);
	}
	if (t->have & HAVE_HCX)
		sysreg_write(HCRX_EL2, t->hcrx);
	if (t->have & HAVE_SME) {
		sysreg_write(TPIDR2_EL0, t->tpidr2);
		sysreg_write(SMPRI_EL1, t->smpri);
	}
}

/* ---- AArch32 at EL1 (DDI 0487, G1.20): what its registers are that EL1 in AArch64 hasn't ---------------- */
#define HSTR_T15	0x8000UL		/* AArch32 accesses to CP15 registers with CRn c15, as KVM has it */

void a32_load(u64 pa)
{
	volatile struct kcore_vcpu_page *p = (struct kcore_vcpu_page *)pa;

	sysreg_write(spsr_abt, p->a32.spsr_abt);
	sysreg_write(spsr_und, p->a32.spsr_und);
	sysreg_write(spsr_irq, p->a32.spsr_irq);
	sysreg_write(spsr_fiq, p->a32.spsr_fiq);
	sysreg_write(dacr32_el2, p->a32.dacr);
	sysreg_write(ifsr32_el2, p->a32.ifsr);
	sysreg_write(hstr_el2, HSTR_T15);
}

void a32_save(u64 pa)
{
	volatile struct kcore_vcpu_page *p = (struct kcore_vcpu_page *)pa;

	p->a32.spsr_abt = sysreg_read(spsr_abt);
	p->a32.spsr_und = sysreg_read(spsr_und);
	p->a32.spsr_irq = sysreg_read(spsr_irq);
	p->a32.spsr_fiq = sysreg_read(spsr_fiq);
	p->a32.dacr = sysreg_read(dacr32_el2);
	p->a32.ifsr = sysreg_read(ifsr32_el2);
	sysreg_write(hstr_el2, 0);
}

/* ---- GICv3 (IHI 0069, 12.4) ---------------------------------------------------------------------- */
#define ICH_AP0R(n)	s3_4_c12_c8_##n
#define ICH_AP1R(n)	s3_4_c12_c9_##n
#define ICH_ELRSR	s3_4_c12_c11_5
#define ICH_VMCR	s3_4_c12_c11_7
#define ICC_SRE_EL1	s3_0_c12_c12_5
#define LR_STATE	(3UL << 62)

#define LIST_REGISTERS(X) X(0, 12_0) X(1, 12_1) X(2, 12_2) X(3, 12_3) X(4, 12_4) X(5, 12_5) X(6, 12_6) X(7, 12_7) \
	X(8, 13_0) X(9, 13_1) X(10, 13_2) X(11, 13_3) X(12, 13_4) X(13, 13_5) X(14, 13_6) X(15, 13_7)

/* Number of list registers that are in use and exist. */
static u64 lrs_used(u64 used)
{
	u64 have = (cells.ich_vtr & 31UL) + 1UL;

	return used < have ? used : have;
}

/* Those in use, with what else a GICv3 CPU interface needs; `sre' is 0 for a guest without one. */
void gic_lrs_load_all(u64 pa, u64 wish, u64 sre)
{
	volatile struct kcore_vcpu_page *p = vcpu_page(pa);
	u64 used = lrs_used(wish);
	u64 hcr = p->vgic.hcr & (used ? 0xffffffffUL : ICH_HCR_TRAPS);

	if (!sre) {
		sysreg_write(ICC_SRE_EL1, 0);
		isb();
		sysreg_write(ICH_VMCR, p->vgic.vmcr & 0xffffffffUL);
	}
	this_cpu()->lrs = used;
	this_cpu()->no_sre = !sre;
	this_cpu()->ich_hcr = hcr;
	if (hcr)
		sysreg_write(ICH_HCR, hcr);
	do {
#define X(n, r) \
		if (used <= n) \
			break; \
		sysreg_write(s3_4_c12_c##r, p->vgic.lr[n]);
		LIST_REGISTERS(X)
#undef X
	} while (0);
	if (!sre)
		__asm__ volatile("isb\n\tdsb sy" : : : "memory");
}

void gic_lrs_save_all(u64 pa)
{
	volatile struct kcore_vcpu_page *p = vcpu_page(pa);
	u64 used = this_cpu()->lrs;
	u64 empty;

	__asm__ volatile("dsb sy" : : : "memory");
	empty = sysreg_read(ICH_ELRSR);
	if (this_cpu()->ich_hcr)
		sysreg_write(ICH_HCR, 0);
	do {
#define X(n, r) \
		if (used <= n) \
			break; \
		p->vgic.lr[n] = empty & (1UL << n) ? p->vgic.lr[n] & ~LR_STATE : sysreg_read(s3_4_c12_c##r); \
		sysreg_write(s3_4_c12_c##r, 0);
		LIST_REGISTERS(X)
#undef X
	} while (0);
	if (this_cpu()->no_sre) {
		p->vgic.vmcr = sysreg_read(ICH_VMCR);
		isb();
		sysreg_write(ICC_SRE_EL1, 1);
	}
}

/* Active-priority registers: 1, 2 or 4 of each group, by the number of preemption bits (ICH_VTR_EL2.PREbits). */
void gic_state_load(u64 pa)
{
	volatile struct kcore_vcpu_page *p = vcpu_page(pa);
	u64 pre = ((cells.ich_vtr >> 26) & 7UL) + 1UL;

	if (p->vgic.sre)
		sysreg_write(ICH_VMCR, p->vgic.vmcr & 0xffffffffUL);
	sysreg_write(ICH_AP0R(0), p->vgic.ap0r[0] & 0xffffffffUL);
	sysreg_write(ICH_AP1R(0), p->vgic.ap1r[0] & 0xffffffffUL);
	if (pre >= 6) {
		sysreg_write(ICH_AP0R(1), p->vgic.ap0r[1] & 0xffffffffUL);
		sysreg_write(ICH_AP1R(1), p->vgic.ap1r[1] & 0xffffffffUL);
	}
	if (pre >= 7) {
		sysreg_write(ICH_AP0R(2), p->vgic.ap0r[2] & 0xffffffffUL);
		sysreg_write(ICH_AP0R(3), p->vgic.ap0r[3] & 0xffffffffUL);
		sysreg_write(ICH_AP1R(2), p->vgic.ap1r[2] & 0xffffffffUL);
		sysreg_write(ICH_AP1R(3), p->vgic.ap1r[3] & 0xffffffffUL);
	}
}

void gic_state_save(u64 pa)
{
	volatile struct kcore_vcpu_page *p = vcpu_page(pa);
	u64 pre = ((cells.ich_vtr >> 26) & 7UL) + 1UL;

	if (p->vgic.sre)
		p->vgic.vmcr = sysreg_read(ICH_VMCR);
	p->vgic.ap0r[0] = sysreg_read(ICH_AP0R(0));
	p->vgic.ap1r[0] = sysreg_read(ICH_AP1R(0));
	if (pre >= 6) {
		p->vgic.ap0r[1] = sysreg_read(ICH_AP0R(1));
		p->vgic.ap1r[1] = sysreg_read(ICH_AP1R(1));
	}
	if (pre >= 7) {
		p->vgic.ap0r[2] = sysreg_read(ICH_AP0R(2));
		p->vgic.ap0r[3] = sysreg_read(ICH_AP0R(3));
		p->vgic.ap1r[2] = sysreg_read(ICH_AP1R(2));
		p->vgic.ap1r[3] = sysreg_read(ICH_AP1R(3));
	}
}

u64 gic_vmcr_read(void)
{
	return sysreg_read(ICH_VMCR);
}

/* No interrupt pending, none active: as KVM's __vgic_v3_init_lrs leaves it. */
void gic_reset(void)
{
	u64 have = lrs_used(16);

	sysreg_write(ICH_HCR, 0);
	do {
#define X(n, r) \
		if (have <= n) \
			break; \
		sysreg_write(s3_4_c12_c##r, 0);
		LIST_REGISTERS(X)
#undef X
	} while (0);
}

#pragma GCC visibility pop
