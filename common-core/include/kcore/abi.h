/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary between KCore (EL2) and the host's glue (EL1): hypercall numbers,
 * errors and the page that each vCPU shares with the host.  The only file that both
 * sides include; no kernel type appears here.  The includer provides u32 and u64.
 *
 * Calling convention: HVC #0, x0 = KCORE_FN(number), x1..x5 = arguments.  On return
 * x0 = result (an error is a value >= KCORE_ERR_MIN), x1 = progress or second result
 * where the table says so.  x2..x30 are kept, except where KCORE_LOG_READ says otherwise.
 */
#ifndef KCORE_ABI_H
#define KCORE_ABI_H

#define KCORE_ABI_VERSION	1UL

/* SMCCC (DEN 0028) fast call, 64 bit, vendor-specific hypervisor range; KVM uses none of these numbers. */
#define KCORE_FN_BASE		0xc6004b00UL
#define KCORE_FN(n)		(KCORE_FN_BASE + (n))
#define KCORE_FN_INSTALL	KCORE_FN(0xff)	/* answered by the boot vectors only */

/* x0 below this is a call of the kernel's hyp-stub (asm/virt.h, HVC_STUB_HCALL_NR and growth) */
#define KCORE_STUB_CALLS	16UL
#define KCORE_STUB_ERR		0xbadca11UL

/*
 * Hypercalls: X(number, NAME, handler, arguments, "x1, x2, ...", "meaning; x0 / x1 on success", "errors")
 * Generates the dispatcher (core/trap.c), which compares in this order: the most frequent first; the proof's constants; docs/abi.md.
 */
#define KCORE_HYPERCALLS(X) \
X(12, VM_MAP,           hc_vm_map,           5, "vm, IPA, PA, bytes, KCORE_PROT_*", "normal VM: map 4 KiB or 2 MiB of the host's", "INVAL STATE PERM BUSY NOMEM AGAIN") \
X(2,  VCPU_LOAD,        hc_vcpu_load,        1, "vcpu",                   "bind the vCPU to this CPU, load its GIC state and timer offset", "INVAL BUSY STATE") \
X(3,  VCPU_PUT,         hc_vcpu_put,         0, "",                       "unbind this CPU's vCPU; FP and GIC state move to its page", "STATE") \
X(13, VM_UNMAP,         hc_vm_unmap,         3, "vm, IPA, bytes",         "normal VM: unmap what lies in the range; x1 = IPA reached", "INVAL STATE AGAIN") \
X(11, VM_DONATE,        hc_vm_donate,        3, "vm, IPA, PA",            "protected VM: give it one host page, 4 KiB", "INVAL STATE PERM BUSY NOMEM") \
X(7,  VM_DESTROY_STEP,  hc_vm_destroy_step,  1, "vm",                     "take back at most KCORE_STEP_PAGES pages, scrubbed if private; x0 = 0 done", "INVAL STATE AGAIN") \
X(16, TLB_FLUSH_LOCAL,  hc_tlb_flush_local,  1, "vm",                     "this CPU's TLB and instruction cache entries of the VM", "INVAL") \
X(20, VGIC_VMCR_READ,   hc_vgic_vmcr_read,   0, "",                       "x0 = ICH_VMCR_EL2 of the vCPU loaded on this CPU", "STATE") \
X(0,  VERSION,          hc_version,          0, "",                       "x0 = KCORE_ABI_VERSION", "-") \
X(1,  VCPU_RUN,         hc_vcpu_run,         1, "vcpu",                   "run the vCPU loaded on this CPU until its next exit; x0 = KCORE_EXIT_*", "INVAL STATE PERM") \
X(4,  VM_CREATE,        hc_vm_create,        1, "type (KCORE_VM_*)",      "x0 = VM handle, 1..KCORE_NR_VMS-1", "INVAL NOMEM") \
X(5,  VM_FINALISE,      hc_vm_finalise,      3, "vm, memory IPA, memory bytes", "fix the VM's memory range and vCPU 0's boot registers; PERM: it has to be signed", "INVAL STATE PERM") \
X(6,  VM_DESTROY_BEGIN, hc_vm_destroy_begin, 1, "vm",                     "from now on the VM can't run", "INVAL BUSY") \
X(8,  VM_DESTROY_END,   hc_vm_destroy_end,   1, "vm",                     "recycle the handle; all pages and vCPUs must be gone", "INVAL STATE BUSY") \
X(9,  VCPU_CREATE,      hc_vcpu_create,      3, "vm, index, PA of the page", "share a host page as the vCPU's page; x0 = vCPU handle", "INVAL STATE PERM BUSY NOMEM") \
X(10, VCPU_DESTROY,     hc_vcpu_destroy,     1, "vcpu",                   "release the vCPU's page", "INVAL BUSY STATE") \
X(14, VM_WRPROTECT,     hc_vm_wrprotect,     3, "vm, IPA, bytes",         "normal VM: take write access away; x1 = IPA reached", "INVAL STATE AGAIN") \
X(15, VM_AGE,           hc_vm_age,           3, "vm, IPA, bytes",         "normal VM: unmap the range and say if anything was mapped; x0 = 0 or 1, x1 = IPA reached", "INVAL STATE AGAIN") \
X(17, INFO,             hc_info,             1, "KCORE_INFO_*",           "x0 = the value", "INVAL") \
X(18, STATS_READ,       hc_stats_read,       1, "KCORE_STAT_*",           "x0 = the counter", "INVAL") \
X(19, LOG_READ,         hc_log_read,         1, "sequence number",        "x0 = 0, x1 = event, x2 and x3 = its values, x4 = CNTPCT", "INVAL AGAIN") \
X(21, PAGE_STATE,       hc_page_state,       1, "PA",                     "x0 = KCORE_PAGE_* of the page (public bookkeeping)", "INVAL") \
X(22, VM_FINALISE_SIGNED, hc_vm_finalise_signed, 3, "vm, memory IPA, memory bytes", "as VM_FINALISE, but vCPU 0 stays off until VM_START; protected VMs only", "INVAL STATE") \
X(23, VM_MEASURE,       hc_vm_measure,       2, "vm, IPA",                "signed VM: the page at the IPA goes into its measurement", "INVAL STATE") \
X(24, VM_START,         hc_vm_start,         1, "vm",                     "signed VM: vCPU 0 is on if x4..x11 of its page sign the measurement; else the VM can only be destroyed", "INVAL STATE BUSY PERM") \
X(25, VM_MEASUREMENT,   hc_vm_measurement,   2, "vm, word",               "x0 = 0, x1 = that word of struct kcore_measurement, from KCORE_QUOTE_WORD on of the last quote that the host asked for, else 0", "-") \
X(26, VM_QUOTE,         hc_vm_quote,         5, "vm, four words of the caller's", "the measurement of a protected VM that may run, signed by KCore's key, is there for VM_MEASUREMENT", "INVAL STATE NOSYS")

#define KCORE_HYPERCALL_NUMBER(nr, NAME, handler, nargs, args, text, errs) KCORE_HC_##NAME = KCORE_FN_BASE + nr,
#ifndef __ASSEMBLY__
enum kcore_hypercall { KCORE_HYPERCALLS(KCORE_HYPERCALL_NUMBER) };
#endif

/* Errors: two's complement of the host's errno where one fits.  Above KCORE_ERR_MIN nothing is a success. */
#define KCORE_ERR_MIN		0xfffffffffffff000UL
#define KCORE_EPERM		0xffffffffffffffffUL	/* -1: the page is not the caller's to give */
#define KCORE_EAGAIN		0xfffffffffffffff5UL	/* -11: not finished, call again */
#define KCORE_ENOMEM		0xfffffffffffffff4UL	/* -12: table pool or handles exhausted */
#define KCORE_EBUSY		0xfffffffffffffff0UL	/* -16: in use: loaded, mapped or bound already */
#define KCORE_EINVAL		0xffffffffffffffeaUL	/* -22: no such handle, bad address, size or value */
#define KCORE_ENOSYS		0xffffffffffffffdaUL	/* -38: no such call */
#define KCORE_ESTATE		0xffffffffffffff81UL	/* -127: not allowed in this state or for this type of VM */

#define KCORE_VM_NORMAL		0UL
#define KCORE_VM_PROTECTED	1UL

#define KCORE_NR_VMS		256UL		/* handle = VMID; 0 is the host */
#define KCORE_VM_VCPUS		16UL
#define KCORE_NR_VCPUS		(KCORE_NR_VMS * KCORE_VM_VCPUS)	/* vCPU handle = vm * 16 + index */
#define KCORE_STEP_PAGES	16UL		/* pages scrubbed at most per destroy step */

#define KCORE_IPA_BITS		40

#define KCORE_PROT_R		1UL
#define KCORE_PROT_W		2UL
#define KCORE_PROT_X		4UL
#define KCORE_PROT_DEVICE	8UL		/* only for pages that are not DRAM */

/* KCORE_HC_INFO selectors */
#define KCORE_INFO_ICH_VTR	0UL		/* ICH_VTR_EL2, 0 without a GICv3 */
#define KCORE_INFO_MDCR		1UL		/* MDCR_EL2 as the host finds it */
#define KCORE_INFO_REGION_BASE	2UL		/* KCore's memory, bytes */
#define KCORE_INFO_REGION_SIZE	3UL
#define KCORE_INFO_IMAGE_SIZE	4UL
#define KCORE_INFO_SIGNED_ONLY	5UL		/* not 0: protected VMs have to be signed */
#define KCORE_INFO_NR		6UL

/* KCORE_HC_STATS_READ: X(number, name, meaning) */
#define KCORE_STATS(X) \
X(0,  exit_irq,        "guest exits: interrupt") \
X(1,  exit_serror,     "guest exits: SError") \
X(2,  exit_wfx,        "guest exits: WFI, WFE") \
X(3,  exit_hvc,        "guest exits: HVC, SMC") \
X(4,  exit_sysreg,     "guest exits: trapped system register") \
X(5,  exit_abort,      "guest exits: stage-2 abort") \
X(6,  exit_fp,         "guest exits: first use of FP, finished by KCore") \
X(7,  exit_other,      "guest exits: other") \
X(8,  exit_local,      "guest exits that KCore finished alone") \
X(9,  host_fault,      "host accesses that its stage 2 did not allow") \
X(10, host_injected,   "of these, refused and injected as an abort") \
X(11, host_smc,        "SMCs of the host") \
X(12, host_smc_denied, "of these, refused") \
X(13, host_call,       "hypercalls of the host") \
X(14, host_call_error, "of these, ended in an error") \
X(15, stub_refused,    "hyp-stub calls refused") \
X(16, pages_core,      "pages owned by KCore") \
X(17, pages_vm,        "pages owned by protected VMs") \
X(18, pool_free,       "table pages left") \
X(19, pool_total,      "table pages in all") \
X(20, vms,             "VMs alive") \
X(21, vcpus,           "vCPUs alive") \
X(22, el2_max,         "longest time at EL2 for one call or fault, CNTPCT ticks") \
X(23, pages_scrubbed,  "pages scrubbed and given back")
#define KCORE_STAT_NUMBER(nr, name, text) KCORE_STAT_##name = nr,
#ifndef __ASSEMBLY__
enum kcore_stat { KCORE_STATS(KCORE_STAT_NUMBER) };
#endif
#define KCORE_NR_STATS		24UL

/* KCORE_HC_PAGE_STATE */
#define KCORE_PAGE_HOST		0UL
#define KCORE_PAGE_CORE		1UL
#define KCORE_PAGE_VM		2UL
#define KCORE_PAGE_MAPPED	3UL		/* the host's, and mapped in a normal VM or shared as a vCPU page */
#define KCORE_PAGE_NOT_DRAM	4UL

/* Result of KCORE_HC_VCPU_RUN; the first three are KVM's ARM_EXCEPTION_{IRQ,EL1_SERROR,TRAP} */
#define KCORE_EXIT_IRQ		0UL
#define KCORE_EXIT_SERROR	1UL
#define KCORE_EXIT_TRAP		2UL

/* kcore_vcpu_page.enter.flags: what the host asks for at the next run */
#define KCORE_ENTER_SKIP	(1UL << 0)	/* the exit's instruction is done: advance the PC, take x[rt] */
#define KCORE_ENTER_UNDEF	(1UL << 1)	/* inject an Undefined Instruction exception */
#define KCORE_ENTER_DABT	(1UL << 2)	/* inject a synchronous external data abort */
#define KCORE_ENTER_IABT	(1UL << 3)	/* inject a synchronous external instruction abort */

/* Wishes of the host in kcore_vcpu_page.enter.hcr, HCR_EL2 bits; everything else is KCore's */
#define KCORE_HCR_VF		(1UL << 6)
#define KCORE_HCR_VI		(1UL << 7)
#define KCORE_HCR_VSE		(1UL << 8)
#define KCORE_HCR_TWI		(1UL << 13)
#define KCORE_HCR_TWE		(1UL << 14)
#define KCORE_HCR_TID2		(1UL << 17)	/* normal VMs only */
#define KCORE_HCR_TID3		(1UL << 18)	/* a wish only of AArch32 at EL1; set for everything else */
#define KCORE_HCR_TVM		(1UL << 26)	/* normal VMs only */
#define KCORE_HCR_RW		(1UL << 31)	/* clear: this run's EL1 is AArch32, of a normal VM where the machine has it */
#define KCORE_HCR_APK		(1UL << 40)	/* normal VMs only: pointer authentication, whose keys the host switches */
#define KCORE_HCR_API		(1UL << 41)

/* Wishes of the host in kcore_vcpu_page.enter.traps, normal VMs only: what ends a run besides what always does */
#define KCORE_TRAP_COUNTER	(1UL << 0)	/* reads of the physical counter: CNTHCTL_EL2.EL1PCTEN is 0 */
#define KCORE_TRAP_DEBUG	(1UL << 8)	/* debug exceptions: MDCR_EL2.TDE */

/* kcore_vcpu_page.sve: the FP and SVE registers are the host's to switch; this run's guest has them as they are in the CPU */
#define KCORE_SVE_LENGTH	15UL		/* ZCR_EL2.LEN meanwhile: vector length in units of 128 bits, less 1 */
#define KCORE_SVE_ON		(1UL << 4)

/*
 * EL1 and EL0 registers of a vCPU, in the page's order.
 * X(field, asm name): KCore switches them; L(field, asm name): switched too, but kept apart from
 * KVM's register array up to v5.4, so the glue has its own accessor for them.
 */
#define KCORE_SYSREGS(X, L) \
	X(csselr_el1) X(sctlr_el1) X(cpacr_el1) X(ttbr0_el1) X(ttbr1_el1) X(tcr_el1) \
	X(esr_el1) X(afsr0_el1) X(afsr1_el1) X(far_el1) X(mair_el1) X(vbar_el1) \
	X(contextidr_el1) X(amair_el1) X(cntkctl_el1) X(par_el1) X(tpidr_el1) \
	X(tpidr_el0) X(tpidrro_el0) X(mdscr_el1) \
	L(sp_el1) L(elr_el1) L(spsr_el1) L(sp_el0)
#define KCORE_NR_SYSREGS	24

#ifndef __ASSEMBLY__
#define KCORE_SYSREG_FIELD(f)	u64 f;
/*
 * The page of a vCPU.  A normal VM's registers live here while it is loaded.  A protected VM's
 * live in a page of KCore; of this page KCore reads `enter' and `vgic', writes `exit' and `vgic',
 * and moves single registers as docs/registers.md lists.  All values are u64, offsets are fixed.
 */
struct kcore_vcpu_page {
	u64 x[31];			/* 0x000 */
	u64 pc;				/* 0x0f8 */
	u64 pstate;			/* 0x100 */
	u64 sve;			/* 0x108, KCORE_SVE_*, normal VMs */
	struct {			/* 0x110 */
		KCORE_SYSREGS(KCORE_SYSREG_FIELD, KCORE_SYSREG_FIELD)
	} sys;
	u64 vmpidr;			/* 0x1d0, normal VMs; VMPIDR_EL2 */
	u64 cntvoff;			/* 0x1d8, CNTVOFF_EL2; read at load, for a protected VM at finalise */
	struct {			/* 0x1e0 */
		u64 hcr;		/* KCORE_HCR_*; KCORE_HCR_VSE is cleared when the guest took the SError */
		u64 flags;		/* KCORE_ENTER_*, cleared by KCore */
		u64 vsesr;		/* VSESR_EL2 where FEAT_RAS is there */
		u64 traps;		/* KCORE_TRAP_*, normal VMs */
	} enter;
	struct {			/* 0x200 */
		u64 esr;		/* ESR_EL2 */
		u64 far;		/* FAR_EL2; protected: the offset in the page only */
		u64 hpfar;		/* HPFAR_EL2 */
		u64 disr;		/* VDISR_EL2 */
	} exit;
	struct {			/* 0x220 */
		u64 hcr;		/* ICH_HCR_EL2 */
		u64 vmcr;		/* ICH_VMCR_EL2, moved at load and put (at each run where sre is 0) */
		u64 sre;		/* ICC_SRE_EL1; 0: no GICv3 CPU interface for the guest */
		u64 used;		/* list registers in use, 0..16 */
		u64 ap0r[4];		/* ICH_AP0R<n>_EL2, moved at load and put */
		u64 ap1r[4];
		u64 lr[16];		/* ICH_LR<n>_EL2 */
	} vgic;
	u64 reserved1[2];		/* 0x300 */
	struct {			/* 0x310, of AArch32 at EL1; moved at each run */
		u64 spsr_abt, spsr_und, spsr_irq, spsr_fiq;
		u64 dacr;		/* DACR32_EL2 */
		u64 ifsr;		/* IFSR32_EL2 */
		u64 fpexc;		/* FPEXC32_EL2; moved with FP registers */
	} a32;
	u64 reserved2;			/* 0x348 */
	u64 fpsr;			/* 0x350 */
	u64 fpcr;			/* 0x358 */
	u64 v[64];			/* 0x360: V0..V31, 128 bits each, moved at load and put */
};
#endif

/*
 * What a protected VM starts from (docs/auth.md), by VM_MEASUREMENT or the guest's own call.  What is signed (ECDSA P-256, SHA-256) is
 * its first KCORE_SIGNED_BYTES, little endian; r and s, 32 bytes each, big endian, are at CTX_X(4) of vCPU 0's page.
 */
#define KCORE_MEASUREMENT_MAGIC	0x4b434f52454d5331UL	/* "KCOREMS1" */
#define KCORE_MAX_IMAGES	4UL
#define KCORE_SIGNED_BYTES	272UL
#ifndef __ASSEMBLY__
struct kcore_measurement {
	u64 magic;
	u64 memory_base, memory_end;	/* IPA */
	u64 vcpus;
	u64 entry;			/* vCPU 0's PC, x0..x3 */
	u64 x[4];
	u64 nr_images;			/* more than KCORE_MAX_IMAGES: can't be signed */
	struct {
		u64 ipa, bytes;		/* whole pages; pages one behind the other are one image */
		u64 sha256[4];		/* as bytes */
	} image[KCORE_MAX_IMAGES];
	u64 key[4];			/* SHA-256 of the public key (04, x, y) that signed it; 0: none has */
	u64 core[4];			/* SHA-256 of kcore.bin */
};
#endif

/*
 * A quote (docs/auth.md), made by VM_QUOTE or by the guest's own call, of the same number, x1..x4 = data: x0 = 0, or -1 without a key.  Its words
 * are those from KCORE_QUOTE_WORD on of VM_MEASUREMENT, the guest's own of the guest's call.  Signed (ECDSA P-256, SHA-256) are magic, who, data
 * and then struct kcore_measurement.  The public key, x and y, big endian, is words 0..7 of VM handle 0; 0: KCore has none.
 */
#define KCORE_QUOTE_MAGIC	0x4b434f5245515531UL	/* "KCOREQU1" */
#define KCORE_QUOTE_WORD	64UL
#define KCORE_QUOTE_HOST	1UL
#define KCORE_QUOTE_GUEST	2UL
#define KCORE_QUOTE_SIGNED	48UL
#ifndef __ASSEMBLY__
struct kcore_quote {
	u64 magic;
	u64 who;			/* asked: KCORE_QUOTE_HOST, KCORE_QUOTE_GUEST */
	u64 data[4];			/* what it said */
	u64 signature[8];		/* r, s; 32 bytes each, big endian */
};
#endif

/*
 * Installation (boot vectors, EL2 MMU off): x0 = KCORE_FN_INSTALL, x1 = CPU number,
 * x2 = PA of struct kcore_install.  Called on each CPU in turn; the first builds the tables.
 * x0 = 0 or an error.  KCore copies what it needs; later changes have no effect.
 */
#define KCORE_INSTALL_MAGIC	0x4b434f5245494e31UL	/* "KCOREIN1" */
#define KCORE_MAX_CPUS		64UL
#define KCORE_MAX_REGIONS	16UL
#define KCORE_MAX_DENIED	8UL
#define KCORE_MAX_KEYS		4UL
#ifndef __ASSEMBLY__
struct kcore_install {
	u64 magic;
	u64 region_base;		/* KCore's memory: 2 MiB aligned, image at its start */
	u64 region_size;		/* bytes, multiple of 2 MiB, at least KCORE_REGION_SIZE() */
	u64 nr_cpus;
	u64 nr_dram;
	u64 nr_denied;
	struct { u64 base, size; } dram[KCORE_MAX_REGIONS];	/* page aligned, ascending, disjoint */
	struct { u64 base, size; } denied[KCORE_MAX_DENIED];	/* not DRAM, never mapped: GICH, GICV of a GICv3 */
	u64 mpidr[KCORE_MAX_CPUS];	/* affinity of each possible CPU, MPIDR_EL1 format */
	u64 nr_keys;			/* whose signatures start a protected VM */
	u64 signed_only;		/* not 0: no protected VM without one */
	u64 key[KCORE_MAX_KEYS * 8UL];	/* ECDSA P-256: x and y of each, 32 bytes each, big endian */
	u64 seed[4];			/* random, for the key that signs quotes; 0 before this CPU's call returns.  All 0: there was none */
};
#endif

/* Bytes to reserve for KCore on a machine with `dram' bytes of DRAM: image and stacks 2 MiB, roots 2 MiB,
 * 8 bytes per page, tables and vCPU contexts: 8 MiB and 1/128 of DRAM.  Rounded to 2 MiB. */
#define KCORE_REGION_SIZE(dram) \
	((0xc00000UL + (dram) / 512 + (dram) / 128 + 0x3fffffUL) & ~0x1fffffUL)

#endif
