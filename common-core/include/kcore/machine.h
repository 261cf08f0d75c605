/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trusted primitives: all that core/ knows of the machine.  The sentence at each is what the
 * proofs assume of it.  On arm64 most are inline (machine/arm64.h); the unit tests implement
 * them over a fake machine (tests/fake.c).  References: Arm ARM DDI 0487, GIC IHI 0069.
 */
#ifndef KCORE_MACHINE_H
#define KCORE_MACHINE_H

#include <kcore/types.h>
#include <kcore/cells.h>

#ifdef KCORE_FAKE_MACHINE
#define INLINE_PRIMITIVE
#else
#define INLINE_PRIMITIVE static inline
#endif

/* ---- cells ------------------------------------------------------------------------------------ */
#define KCORE_SCALAR_PROTO(n) \
	INLINE_PRIMITIVE u64 get_##n(void); \
	INLINE_PRIMITIVE void set_##n(u64 v);
#define KCORE_ARRAY_PROTO(t, n, len) \
	INLINE_PRIMITIVE u64 get_##n(u64 i); \
	INLINE_PRIMITIVE void set_##n(u64 i, u64 v);
#define KCORE_PAGE_CELL_PROTO(n) \
	INLINE_PRIMITIVE u64 get_##n(u64 i); \
	INLINE_PRIMITIVE void set_##n(u64 i, u64 v);
KCORE_SCALARS(KCORE_SCALAR_PROTO)
KCORE_ARRAYS(KCORE_ARRAY_PROTO)
KCORE_PAGE_CELLS(KCORE_PAGE_CELL_PROTO)

/* ---- control ---------------------------------------------------------------------------------- */
INLINE_PRIMITIVE u64 cpu_id(void);		/* number of this CPU, below nr_cpus */
INLINE_PRIMITIVE u64 counter_read(void);	/* CNTPCT_EL0, ticks */
INLINE_PRIMITIVE void lock_acquire(void);	/* the one lock (rank 0); acquire semantics */
INLINE_PRIMITIVE void lock_release(void);	/* release semantics */
void halt(u64 code, u64 value) __attribute__((noreturn));	/* stops this CPU for good, after a log entry */

/* ---- memory ----------------------------------------------------------------------------------- */
INLINE_PRIMITIVE u64 pt_load(u64 pa);		/* 64-bit word of a translation table */
INLINE_PRIMITIVE void pt_store(u64 pa, u64 v);	/* one single-copy-atomic 64-bit store */
void page_zero(u64 pa);				/* cacheable stores of zero to all 4 KiB of a page of DRAM (DC ZVA) */
INLINE_PRIMITIVE u64 page_load(u64 pa, u64 off);	/* one load from a vCPU page; the host may write it at any time */
INLINE_PRIMITIVE void page_store(u64 pa, u64 off, u64 v);	/* one store to it */
void dcache_clean_inval_page(u64 pa);		/* DC CIVAC on each line of 4 KiB, DSB (to the point of coherency) */
void icache_inval(void);			/* IC IALLUIS, DSB, ISB */

/* ---- translation lookaside buffers (D8.14) ------------------------------------------------------ */
INLINE_PRIMITIVE void dsb_store(void);		/* DSB ISHST: earlier table stores are visible to all walkers */
INLINE_PRIMITIVE void dsb_tlbi(void);		/* DSB ISH, ISB: earlier invalidations are complete everywhere */
INLINE_PRIMITIVE void tlbi_ipa(u64 vttbr, u64 ipa);		/* stage-2 entries of the IPA's page or block, then combined entries; inner shareable */
INLINE_PRIMITIVE void tlbi_vmid(u64 vttbr);			/* everything of the VMID, both stages; inner shareable */
INLINE_PRIMITIVE void tlbi_local(u64 vttbr);			/* stage-1 entries of the VMID and the instruction cache, this CPU only */

/* ---- the host's trap frame on this CPU ----------------------------------------------------------- */
INLINE_PRIMITIVE u64 host_x(u64 n);		/* x0..x30 */
INLINE_PRIMITIVE void host_x_set(u64 n, u64 v);
INLINE_PRIMITIVE u64 host_pc(void);		/* ELR_EL2, SPSR_EL2 at the trap; used at the return */
INLINE_PRIMITIVE void host_pc_set(u64 v);
INLINE_PRIMITIVE u64 host_pstate(void);
INLINE_PRIMITIVE void host_pstate_set(u64 v);
void smc_forward(void);				/* SMC #0 with the frame's x0..x17; x0..x17 back into the frame */
INLINE_PRIMITIVE u64 resume_entry(void);	/* PA where firmware enters KCore on this machine */

/* ---- syndrome (D17) ------------------------------------------------------------------------------ */
INLINE_PRIMITIVE u64 esr_read(void);		/* ESR_EL2[31:0]: class, IL, ISS; without ISS2, so that esr >> 26 is the class */
INLINE_PRIMITIVE u64 far_read(void);		/* FAR_EL2, HPFAR_EL2 */
INLINE_PRIMITIVE u64 hpfar_read(void);
u64 translate_el1(u64 va);			/* AT S1E1R in the current EL1 regime: PAR_EL1's value; PAR_EL1 kept */

/* ---- EL1 state, of whoever is in the registers --------------------------------------------------- */
INLINE_PRIMITIVE void el1_save(u64 pa);		/* KCORE_SYSREGS to the page at pa */
INLINE_PRIMITIVE void el1_load(u64 pa);
INLINE_PRIMITIVE u64 host_context(void);	/* PA of this CPU's page for the host's registers */
INLINE_PRIMITIVE u64 vbar_el1_read(void);	/* the EL1 register of that name */
INLINE_PRIMITIVE u64 sctlr_el1_read(void);
INLINE_PRIMITIVE void elr_el1_write(u64 v);
INLINE_PRIMITIVE void spsr_el1_write(u64 v);
INLINE_PRIMITIVE void esr_el1_write(u64 v);
INLINE_PRIMITIVE void far_el1_write(u64 v);

/* ---- EL2 controls -------------------------------------------------------------------------------- */
INLINE_PRIMITIVE void elr_write(u64 v);		/* ELR_EL2, SPSR_EL2: where the next entry of the guest goes */
INLINE_PRIMITIVE void spsr_write(u64 v);
INLINE_PRIMITIVE void vttbr_write(u64 v);	/* the EL2 register of that name */
INLINE_PRIMITIVE void hcr_write(u64 v);
INLINE_PRIMITIVE u64 hcr_read(void);
INLINE_PRIMITIVE void cptr_write(u64 v);
INLINE_PRIMITIVE void mdcr_write(u64 v);
INLINE_PRIMITIVE void cnthctl_write(u64 v);
INLINE_PRIMITIVE void cntvoff_write(u64 v);
INLINE_PRIMITIVE void vmpidr_write(u64 v);
INLINE_PRIMITIVE void vsesr_write(u64 v);
INLINE_PRIMITIVE u64 vdisr_read(void);
INLINE_PRIMITIVE u64 host_hcr(void);		/* the host's values on this CPU */
INLINE_PRIMITIVE u64 host_cptr(void);
INLINE_PRIMITIVE u64 host_mdcr(void);
INLINE_PRIMITIVE u64 host_cnthctl(void);
INLINE_PRIMITIVE u64 host_vmpidr(void);
void a32_load(u64 pa);				/* SPSR_abt, _und, _irq, _fiq, DACR32_EL2, IFSR32_EL2 from the page's a32; c15 traps until a32_save() */
void a32_save(u64 pa);
INLINE_PRIMITIVE void fpexc_write(u64 v);	/* FPEXC32_EL2; CPTR_EL2.TFP is clear */
INLINE_PRIMITIVE u64 fpexc_read(void);
void zcr_write(u64 v);				/* ZCR_EL2, until host_select(); CPTR_EL2.TZ is clear */
INLINE_PRIMITIVE void guest_select(u64 context);	/* the next exit saves x0..x30, pc, pstate at `context'; HFG*, HDFG*, HCRX are KCore's, VDISR is 0 */
INLINE_PRIMITIVE void host_select(void);	/* the next trap is the host's; so are HFG*, HDFG*, HCRX_EL2, ZCR_EL2, TPIDR2_EL0, SMPRI_EL1 */
void profiling_stop(u64 which);			/* the host's sampling and trace are off and drained; its settings kept */
void profiling_resume(u64 which);
u64 idreg_read(u64 crm, u64 op2);		/* S3_0_C0_C<crm>_<op2>, crm 4..7; 0 where reserved */

/* ---- FP/SIMD, GIC -------------------------------------------------------------------------------- */
INLINE_PRIMITIVE void isb(void);		/* ISB */
INLINE_PRIMITIVE void fp_save(u64 pa);		/* V0..V31, FPSR, FPCR to the page at pa; with SVE a load or clear leaves 0 in the rest of Z0..Z31 */
INLINE_PRIMITIVE void fp_load(u64 pa);
INLINE_PRIMITIVE void fp_clear(void);		/* all of them zero */
INLINE_PRIMITIVE void gic_lrs_load(u64 pa);	/* ICH_HCR and list registers from the page's vgic (counts checked) */
INLINE_PRIMITIVE void gic_lrs_save(u64 pa);	/* and back; the registers are cleared */
void gic_state_load(u64 pa);			/* ICH_VMCR, ICH_AP<0,1>R<n> from the page's vgic */
void gic_state_save(u64 pa);
u64 gic_vmcr_read(void);			/* ICH_VMCR_EL2 */

/* ---- measurements (struct kcore_measurement; SHA-256, ECDSA P-256), the first three under the lock ---------------- */
void measure_begin(u64 vm, u64 base, u64 end, u64 vcpus, u64 context);	/* the VM's measurement: memory, vCPUs, x0..x3 and pc at `context', no image */
void measure_page(u64 vm, u64 ipa, u64 pa);	/* the page's contents: behind the last image if that ends at the IPA, else as a new one */
u64 measure_signed(u64 vm, u64 page);		/* not 0 only if x4..x11 at `page' are a signature of the measurement by an installed key */
u64 measure_quote(u64 vm, u64 who, u64 d0, u64 d1, u64 d2, u64 d3);	/* who's quote of the measurement and of the words is made; 0: no key */
u64 measure_word(u64 vm, u64 who, u64 n);	/* that word of the measurement, or of who's last quote of it */

#ifndef KCORE_FAKE_MACHINE
#include "../../machine/arm64.h"
#endif

#endif
