/* SPDX-License-Identifier: GPL-2.0-only */
/* The inline primitives of kcore/machine.h on arm64, EL2, MMU on with VA = PA. */
#ifndef KCORE_ARM64_H
#define KCORE_ARM64_H

#include <kcore/layout.h>

#pragma GCC visibility push(hidden)	/* no GOT: nobody relocates the image */

#define sysreg_read_(r) ({ u64 v_; __asm__ volatile("mrs %0, " #r : "=r"(v_)); v_; })
#define sysreg_write_(r, v) __asm__ volatile("msr " #r ", %x0" : : "rZ"((u64)(v)))
#define sysreg_read(r) sysreg_read_(r)
#define sysreg_write(r, v) sysreg_write_(r, v)
#define memory_at(pa) (*(volatile u64 *)(pa))

/* What TPIDR_EL2 points to.  entry.S knows the offsets (checked in arm64.c). */
struct cpu {
	u64 guest_context;		/* 0: PA where a guest's registers are saved */
	u64 id;				/* 8 */
	u64 stack;			/* 16: top */
	u64 host_context;		/* 24 */
	u64 hcr, cptr, mdcr, cnthctl, vmpidr;
	u64 pmscr, trfcr;
	u64 lrs;				/* list registers in use by the running guest */
	u64 ich_hcr;				/* and its ICH_HCR_EL2 */
	u64 no_sre;				/* and not 0: it has no system registers of the GIC */
	u64 icc_sre;				/* ICC_SRE_EL2 of the host */
	u64 features;				/* not 0: feature_traps_guest() and feature_traps_host() have something to do */
};

/* The host's trap frame at the top of the stack. */
struct frame {
	u64 x[31], pc, pstate, reserved;
};

/* What belongs to one CPU, vCPU or VM lies side by side: one address for all of it, and few cache lines. */
struct kcore_cells {
#define KCORE_SCALAR_CELL(n) u64 n;
#define KCORE_ARRAY_CELL(t, n, len) t n[len];
#define KCORE_FIELD_CELL(t, n, len) t n;
	KCORE_SCALARS(KCORE_SCALAR_CELL)
	struct { KCORE_DRAM_ARRAYS(KCORE_FIELD_CELL) } dram[KCORE_MAX_REGIONS];
	struct { KCORE_CPU_ARRAYS(KCORE_FIELD_CELL) } __attribute__((aligned(64))) cpu[KCORE_MAX_CPUS];
	struct { KCORE_VCPU_ARRAYS(KCORE_FIELD_CELL) } __attribute__((aligned(64))) vcpu[KCORE_NR_VCPUS];
	struct { KCORE_VM_ARRAYS(KCORE_FIELD_CELL) } __attribute__((aligned(64))) vm[KCORE_NR_VMS];
	KCORE_OTHER_ARRAYS(KCORE_ARRAY_CELL)
};

/* One for each page, at a fixed place behind the image (kcore.lds) */
struct page_record {
#define KCORE_PAGE_CELL(n) u32 n;
	KCORE_PAGE_CELLS(KCORE_PAGE_CELL)
};

extern struct kcore_cells cells;
extern struct page_record page_records[];
extern struct cpu cpus[KCORE_MAX_CPUS];
extern char kcore_start[], resume_vector[], host_vectors[], guest_vectors[];

/* TPIDR_EL2's value, which entry.S puts there at each entry: the platform register (AAPCS64 6.1.1), kept free by -ffixed-x18. */
register struct cpu *cpu_register __asm__("x18");

static inline struct cpu *this_cpu(void)
{
	return cpu_register;
}

static inline struct frame *host_frame(void)
{
	return (struct frame *)this_cpu()->stack - 1;
}

#define KCORE_SCALAR_ACCESS(n) \
static inline u64 get_##n(void) { return cells.n; } \
static inline void set_##n(u64 v) { cells.n = v; }
#define KCORE_CELL_ACCESS(t, n, len, place) \
static inline u64 get_##n(u64 i) \
{ \
	if (i >= (len)) \
		halt(0x100UL, i); \
	return *(volatile t *)&cells.place; \
} \
static inline void set_##n(u64 i, u64 v) \
{ \
	if (i >= (len)) \
		halt(0x100UL, i); \
	*(volatile t *)&cells.place = (t)v; \
}
#define KCORE_ARRAY_ACCESS(t, n, len) KCORE_CELL_ACCESS(t, n, len, n[i])
#define KCORE_DRAM_ACCESS(t, n, len) KCORE_CELL_ACCESS(t, n, len, dram[i].n)
#define KCORE_CPU_ACCESS(t, n, len) KCORE_CELL_ACCESS(t, n, len, cpu[i].n)
#define KCORE_VM_ACCESS(t, n, len) KCORE_CELL_ACCESS(t, n, len, vm[i].n)
#define KCORE_VCPU_ACCESS(t, n, len) KCORE_CELL_ACCESS(t, n, len, vcpu[i].n)
#define KCORE_PAGE_CELL_ACCESS(n) \
static inline u64 get_##n(u64 i) \
{ \
	if (i >= cells.nr_pages) \
		halt(0x100UL, i); \
	return page_records[i].n; \
} \
static inline void set_##n(u64 i, u64 v) \
{ \
	if (i >= cells.nr_pages) \
		halt(0x100UL, i); \
	page_records[i].n = (u32)v; \
}
KCORE_SCALARS(KCORE_SCALAR_ACCESS)
KCORE_DRAM_ARRAYS(KCORE_DRAM_ACCESS)
KCORE_CPU_ARRAYS(KCORE_CPU_ACCESS)
KCORE_VCPU_ARRAYS(KCORE_VCPU_ACCESS)
KCORE_VM_ARRAYS(KCORE_VM_ACCESS)
KCORE_OTHER_ARRAYS(KCORE_ARRAY_ACCESS)
KCORE_PAGE_CELLS(KCORE_PAGE_CELL_ACCESS)

/* What entry.S has the bodies of.  A body is called as what it is, not as C: it changes x0..x3 and the flags, nothing else. */
#define CALL_BODY(body, pa) \
	do { \
		register u64 x0_ __asm__("x0") = (pa); \
		__asm__ volatile("bl " #body : "+r"(x0_) : : "x1", "x2", "x3", "x30", "cc", "memory"); \
	} while (0)
static inline void lock_acquire(void) { CALL_BODY(lock_acquire_body, 0UL); }
static inline void lock_release(void) { CALL_BODY(lock_release_body, 0UL); }
static inline void fp_save(u64 pa) { CALL_BODY(fp_save_body, pa); }
static inline void fp_load(u64 pa) { CALL_BODY(fp_load_body, pa); }
static inline void fp_clear(void) { CALL_BODY(fp_clear_body, 0UL); }

static inline u64 cpu_id(void) { return this_cpu()->id; }
static inline u64 counter_read(void) { return sysreg_read(cntpct_el0); }

static inline u64 pt_load(u64 pa) { return memory_at(pa); }
static inline void pt_store(u64 pa, u64 v) { memory_at(pa) = v; }
static inline u64 page_load(u64 pa, u64 off) { return memory_at(pa + off); }
static inline void page_store(u64 pa, u64 off, u64 v) { memory_at(pa + off) = v; }

static inline void isb(void) { __asm__ volatile("isb" : : : "memory"); }
static inline void dsb_store(void) { __asm__ volatile("dsb ishst" : : : "memory"); }
static inline void dsb_tlbi(void) { __asm__ volatile("dsb ish\n\tisb" : : : "memory"); }

/* TLB operations work on the VMID in VTTBR_EL2: put the VM's there meanwhile. */
static inline u64 vttbr_swap(u64 vttbr)
{
	u64 old = sysreg_read(vttbr_el2);

	if (old != vttbr) {
		sysreg_write(vttbr_el2, vttbr);
		isb();
	}
	return old;
}

static inline void vttbr_restore(u64 old, u64 vttbr)
{
	if (old != vttbr) {
		sysreg_write(vttbr_el2, old);
		isb();
	}
}

static inline void tlbi_ipa(u64 vttbr, u64 ipa)
{
	u64 old = vttbr_swap(vttbr);

	__asm__ volatile("tlbi ipas2e1is, %0\n\tdsb ish\n\ttlbi vmalle1is\n\tdsb ish" : : "r"(ipa >> 12) : "memory");
	vttbr_restore(old, vttbr);
}

static inline void tlbi_vmid(u64 vttbr)
{
	u64 old = vttbr_swap(vttbr);

	__asm__ volatile("dsb ish\n\ttlbi vmalls12e1is\n\tdsb ish" : : : "memory");
	vttbr_restore(old, vttbr);
}

static inline void tlbi_local(u64 vttbr)
{
	u64 old = vttbr_swap(vttbr);

	__asm__ volatile("tlbi vmalle1\n\tic iallu\n\tdsb nsh\n\tisb" : : : "memory");
	vttbr_restore(old, vttbr);
}

static inline u64 host_x(u64 n) { return host_frame()->x[n]; }
static inline void host_x_set(u64 n, u64 v) { host_frame()->x[n] = v; }
static inline u64 host_pc(void) { return host_frame()->pc; }
static inline void host_pc_set(u64 v) { host_frame()->pc = v; }
static inline u64 host_pstate(void) { return host_frame()->pstate; }
static inline void host_pstate_set(u64 v) { host_frame()->pstate = v; }
static inline u64 resume_entry(void) { return (u64)resume_vector; }

static inline u64 esr_read(void) { return sysreg_read(esr_el2) & 0xffffffffUL; }	/* without ISS2 */
static inline u64 far_read(void) { return sysreg_read(far_el2); }
static inline u64 hpfar_read(void) { return sysreg_read(hpfar_el2); }

/* In the order of KCORE_SYSREGS */
#define EL1_PAIRS(X) \
	X(csselr_el1, sctlr_el1, 0) X(cpacr_el1, ttbr0_el1, 16) X(ttbr1_el1, tcr_el1, 32) X(esr_el1, afsr0_el1, 48) \
	X(afsr1_el1, far_el1, 64) X(mair_el1, vbar_el1, 80) X(contextidr_el1, amair_el1, 96) X(cntkctl_el1, par_el1, 112) \
	X(tpidr_el1, tpidr_el0, 128) X(tpidrro_el0, mdscr_el1, 144) X(sp_el1, elr_el1, 160) X(spsr_el1, sp_el0, 176)
#define EL1_SAVE_PAIR(a, b, offset)	"mrs x1, " #a "\n\tmrs x2, " #b "\n\tstp x1, x2, [%0, #%c1 + " #offset "]\n\t"
#define EL1_LOAD_PAIR(a, b, offset)	"ldp x1, x2, [%0, #%c1 + " #offset "]\n\tmsr " #a ", x1\n\tmsr " #b ", x2\n\t"
static inline void el1_save(u64 pa) { __asm__ volatile inline(EL1_PAIRS(EL1_SAVE_PAIR) : : "r"(pa), "i"(CTX_SYS) : "x1", "x2", "memory"); }
static inline void el1_load(u64 pa) { __asm__ volatile inline(EL1_PAIRS(EL1_LOAD_PAIR) : : "r"(pa), "i"(CTX_SYS) : "x1", "x2", "memory"); }
static inline u64 host_context(void) { return this_cpu()->host_context; }
static inline u64 vbar_el1_read(void) { return sysreg_read(vbar_el1); }
static inline u64 sctlr_el1_read(void) { return sysreg_read(sctlr_el1); }
static inline void elr_el1_write(u64 v) { sysreg_write(elr_el1, v); }
static inline void spsr_el1_write(u64 v) { sysreg_write(spsr_el1, v); }
static inline void esr_el1_write(u64 v) { sysreg_write(esr_el1, v); }
static inline void far_el1_write(u64 v) { sysreg_write(far_el1, v); }

static inline void elr_write(u64 v) { sysreg_write(elr_el2, v); }
static inline void spsr_write(u64 v) { sysreg_write(spsr_el2, v); }
static inline void vttbr_write(u64 v) { sysreg_write(vttbr_el2, v); }
static inline void hcr_write(u64 v) { sysreg_write(hcr_el2, v); }
static inline u64 hcr_read(void) { return sysreg_read(hcr_el2); }
static inline void cptr_write(u64 v) { sysreg_write(cptr_el2, v); }
static inline void mdcr_write(u64 v) { sysreg_write(mdcr_el2, v); }
static inline void cnthctl_write(u64 v) { sysreg_write(cnthctl_el2, v); }
static inline void cntvoff_write(u64 v) { sysreg_write(cntvoff_el2, v); }
static inline void vmpidr_write(u64 v) { sysreg_write(vmpidr_el2, v); }
static inline void vsesr_write(u64 v) { sysreg_write(s3_4_c5_c2_3, v); }
static inline void fpexc_write(u64 v) { sysreg_write(fpexc32_el2, v); }
static inline u64 fpexc_read(void) { return sysreg_read(fpexc32_el2); }
static inline u64 vdisr_read(void) { return sysreg_read(s3_4_c12_c1_1); }
static inline u64 host_hcr(void) { return this_cpu()->hcr; }
static inline u64 host_cptr(void) { return this_cpu()->cptr; }
static inline u64 host_mdcr(void) { return this_cpu()->mdcr; }
static inline u64 host_cnthctl(void) { return this_cpu()->cnthctl; }
static inline u64 host_vmpidr(void) { return this_cpu()->vmpidr; }

/* GICv3 (IHI 0069, 12.4) */
#define ICH_HCR			s3_4_c12_c11_0
#define ICC_SRE_EL2		s3_4_c12_c9_5
#define ICC_SRE_ENABLE		8UL		/* EL1 has ICC_SRE_EL1 */
#define ICH_HCR_TRAPS		0x7c00UL	/* TC TALL0 TALL1 TSEI TDIR */

static inline struct kcore_vcpu_page *vcpu_page(u64 pa)
{
	return (struct kcore_vcpu_page *)pa;
}

void gic_lrs_load_all(u64 pa, u64 used, u64 sre);
void gic_lrs_save_all(u64 pa);

/* Most runs have no list register in use. */
static inline void gic_lrs_load(u64 pa)
{
	volatile struct kcore_vcpu_page *p = vcpu_page(pa);
	u64 used = p->vgic.used;
	u64 sre = p->vgic.sre;
	u64 hcr;

	sysreg_write(ICC_SRE_EL2, this_cpu()->icc_sre & ~ICC_SRE_ENABLE);
	if (used != 0 || sre == 0) {
		gic_lrs_load_all(pa, used, sre);
		return;
	}
	hcr = p->vgic.hcr & ICH_HCR_TRAPS;
	this_cpu()->lrs = 0;
	this_cpu()->no_sre = 0;
	this_cpu()->ich_hcr = hcr;
	if (hcr)
		sysreg_write(ICH_HCR, hcr);
}

static inline void gic_lrs_save(u64 pa)
{
	if (this_cpu()->lrs | this_cpu()->no_sre)
		gic_lrs_save_all(pa);
	else if (this_cpu()->ich_hcr)
		sysreg_write(ICH_HCR, 0);
	sysreg_write(ICC_SRE_EL2, this_cpu()->icc_sre);
}

void feature_traps_guest(void);
void feature_traps_host(void);

static inline void guest_select(u64 context)
{
	if (this_cpu()->features)
		feature_traps_guest();
	this_cpu()->guest_context = context;
	sysreg_write(vbar_el2, (u64)guest_vectors);
}

static inline void host_select(void)
{
	if (this_cpu()->features)
		feature_traps_host();
	sysreg_write(vbar_el2, (u64)host_vectors);
}

#pragma GCC visibility pop

#endif
