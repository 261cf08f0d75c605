/* SPDX-License-Identifier: GPL-2.0-only */
/* The inline primitives of kcore/machine.h on arm64, EL2, MMU on with VA = PA. */
#ifndef KCORE_ARM64_H
#define KCORE_ARM64_H

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
	u64 features;				/* not 0: feature_traps_guest() and feature_traps_host() have something to do */
};

/* The host's trap frame at the top of the stack. */
struct frame {
	u64 x[31], pc, pstate, reserved;
};

struct kcore_cells {
#define KCORE_SCALAR_CELL(n) u64 n;
#define KCORE_ARRAY_CELL(t, n, len) t n[len];
#define KCORE_PAGE_CELL(n) u32 *n;
	KCORE_SCALARS(KCORE_SCALAR_CELL)
	KCORE_ARRAYS(KCORE_ARRAY_CELL)
	KCORE_PAGE_CELLS(KCORE_PAGE_CELL)
};

extern struct kcore_cells cells;
extern struct cpu cpus[KCORE_MAX_CPUS];
extern char kcore_start[], resume_vector[], host_vectors[], guest_vectors[];

/* Not volatile: TPIDR_EL2 keeps its value from boot_cpu_registers() on, so one read in a function is enough. */
static inline struct cpu *this_cpu(void)
{
	u64 v;

	__asm__("mrs %0, tpidr_el2" : "=r"(v));
	return (struct cpu *)v;
}

static inline struct frame *host_frame(void)
{
	return (struct frame *)this_cpu()->stack - 1;
}

#define KCORE_SCALAR_ACCESS(n) \
static inline u64 get_##n(void) { return cells.n; } \
static inline void set_##n(u64 v) { cells.n = v; }
#define KCORE_ARRAY_ACCESS(t, n, len) \
static inline u64 get_##n(u64 i) \
{ \
	if (i >= (len)) \
		halt(0x100UL, i); \
	return *(volatile t *)&cells.n[i]; \
} \
static inline void set_##n(u64 i, u64 v) \
{ \
	if (i >= (len)) \
		halt(0x100UL, i); \
	*(volatile t *)&cells.n[i] = (t)v; \
}
#define KCORE_PAGE_CELL_ACCESS(n) \
static inline u64 get_##n(u64 i) \
{ \
	if (i >= cells.nr_pages) \
		halt(0x100UL, i); \
	return cells.n[i]; \
} \
static inline void set_##n(u64 i, u64 v) \
{ \
	if (i >= cells.nr_pages) \
		halt(0x100UL, i); \
	cells.n[i] = (u32)v; \
}
KCORE_SCALARS(KCORE_SCALAR_ACCESS)
KCORE_ARRAYS(KCORE_ARRAY_ACCESS)
KCORE_PAGE_CELLS(KCORE_PAGE_CELL_ACCESS)

static inline u64 cpu_id(void) { return this_cpu()->id; }
static inline u64 counter_read(void) { return sysreg_read(cntpct_el0); }

static inline u64 pt_load(u64 pa) { return memory_at(pa); }
static inline void pt_store(u64 pa, u64 v) { memory_at(pa) = v; }
static inline u64 page_load(u64 pa, u64 off) { return memory_at(pa + off); }
static inline void page_store(u64 pa, u64 off, u64 v) { memory_at(pa + off) = v; }

static inline void isb(void) { __asm__ volatile("isb" : : : "memory"); }
static inline void dsb_store(void) { __asm__ volatile("dsb ishst" : : : "memory"); }
static inline void dsb_tlbi(void) { __asm__ volatile("dsb ish\n\tisb" : : : "memory"); }

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
