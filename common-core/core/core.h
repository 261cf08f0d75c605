/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modules of KCore, bottom to top.  A function may call those above it in this list.
 * "locked": the caller holds the lock.  Results are 0 or KCORE_E* unless said otherwise.
 */
#ifndef CORE_H
#define CORE_H

#include <kcore/machine.h>
#include <kcore/layout.h>

#define PAGE_BYTES		4096UL
#define BLOCK_BYTES		0x200000UL	/* level 2 */
#define GIB			0x40000000UL	/* level 1 */
#define SCTLR_EL1_RESET		0x00c50838UL	/* RES1 bits; MMU and caches off (D13.2.118) */
#define IPA_END			0x10000000000UL	/* 40 bits, IPA and PA alike */

/* events of the log ring, and codes of a halt */
#define LOG_INSTALL		1UL		/* CPU, MPIDR */
#define LOG_CPU_ON		2UL		/* CPU, entry */
#define LOG_VM_CREATE		3UL		/* handle, type */
#define LOG_VM_DESTROY		4UL		/* handle */
#define LOG_HOST_REFUSED	5UL		/* IPA, ESR */
#define LOG_STUB_REFUSED	6UL		/* call */
#define LOG_SMC_REFUSED		7UL		/* function */
#define HALT_CELL		0x100UL		/* index outside of a cell array */
#define HALT_EL2_FAULT		0x101UL		/* exception taken from EL2: ESR */
#define HALT_HOST_EVENT		0x102UL		/* interrupt or SError of the host at EL2 */
#define HALT_GUEST_NONE		0x103UL		/* guest exit without a loaded vCPU */

/* log.c */
void log_event(u64 event, u64 a, u64 b);			/* locked */
u64 hc_log_read(u64 seq);

/* stats.c */
void stat_add(u64 cpu, u64 id);
void stat_max(u64 cpu, u64 id, u64 value);
u64 hc_stats_read(u64 id);
u64 hc_info(u64 which);
u64 hc_version(void);

/* pte.c: stage-2 descriptors, 4 KiB granule (D8.3) */
#define PTE_VALID		1UL
#define PTE_TABLE		2UL		/* table above level 3, page at level 3 */
#define PTE_READ		0x40UL		/* S2AP[0] */
#define PTE_WRITE		0x80UL		/* S2AP[1] */
#define PTE_ADDRESS		0xfffffff000UL	/* output address, 40 bits */
#define PTE_GROUP		128UL		/* invalid entries that a section passes over, less one; divides a table */
u64 pte_is_table(u64 pte);
u64 pte_leaf(u64 pa, u64 prot, u64 level);
u64 pte_prot(u64 pte);

/* pool.c: pages for tables and vCPU contexts */
u64 pool_alloc(u64 vm);						/* locked; a zeroed page, 0 when there is none */
void pool_give(u64 vm, u64 pa);					/* locked */

/* walk.c */
u64 level_bytes(u64 level);
u64 s2_root(u64 vm);
u64 s2_vttbr(u64 vm);
u64 s2_entry(u64 vm, u64 ipa, u64 level);			/* locked; PA of the entry, 0: no table on the way */
u64 s2_level(u64 vm, u64 ipa);					/* locked; where the walk ends, 1..3 */
u64 s2_load(u64 vm, u64 ipa, u64 level);			/* locked; the entry, 0: no table on the way */
u64 s2_vacant(u64 vm, u64 ipa, u64 level);			/* locked; invalid entries from the IPA's on, in its group */
u64 s2_table_empty(u64 vm, u64 ipa);				/* locked; 1 if the level-3 table over the IPA is empty */

/* s2map.c */
u64 s2_prepare(u64 vm, u64 ipa, u64 level);			/* locked; tables down to `level' */
void s2_set(u64 vm, u64 ipa, u64 level, u64 pte);		/* locked; invalid -> leaf */
u64 s2_clear(u64 vm, u64 ipa, u64 level);			/* locked; leaf -> invalid everywhere; the old entry */
void s2_free_table(u64 vm, u64 ipa, u64 level);			/* locked; takes the empty table below the entry away */
u64 s2_split(u64 vm, u64 ipa);					/* locked; a 2 MiB block becomes 512 pages */

/* region.c */
u64 page_index(u64 pa);						/* index of the DRAM page, or NO_PAGE */
u64 range_in_dram(u64 pa, u64 pages);				/* index of the first, NO_PAGE unless all, in one region */
u64 range_has_dram(u64 pa, u64 bytes);				/* 1 if any byte is DRAM */
u64 range_denied(u64 pa, u64 bytes);				/* 1 if any byte is denied to the host */

/* owner.c */
u64 pages_host_owned(u64 index, u64 pages);			/* locked; 1 if all are the host's */
void pages_map_add(u64 index, u64 pages);			/* locked */
void pages_map_sub(u64 index, u64 pages);			/* locked */

/* host.c: the host's stage 2 */
u64 host_fault_map(u64 ipa);					/* 1: retry, 0: refuse */
u64 host_prepare_unmap(u64 pa);					/* locked */
void host_unmap(u64 pa);					/* locked; after host_prepare_unmap */

/* transfer.c */
void page_scrub(u64 pa);
void page_reclaim(u64 vm, u64 pa);				/* locked; scrub and give back, after the unmap */
u64 hc_vm_donate(u64 vm, u64 ipa, u64 pa);
u64 leaf_drop(u64 vm, u64 ipa, u64 level);			/* locked; 1: there was one */
u64 vm_reap_one(u64 vm);					/* 1: took a page back, 0: went on, REAP_* */
#define REAP_DONE		2UL		/* nothing left */
#define REAP_WAIT		3UL		/* a donation is on its way back */

/* share.c: pages that protected guests share with the host, take back, and give up */
#define MEM_SHARE		0UL
#define MEM_UNSHARE		1UL
#define MEM_RELINQUISH		2UL
u64 guest_mem(u64 vm, u64 ipa, u64 ask);

/* guard.c: pages outside of their memory that protected guests give the host to serve */
u64 guard_give(u64 vm, u64 ipa);
u64 guard_allows(u64 vm, u64 ipa);

/* range.c: normal VMs */
u64 hc_vm_map(u64 vm, u64 ipa, u64 pa, u64 bytes, u64 prot);
u64 hc_vm_unmap(u64 vm, u64 ipa, u64 bytes);
u64 hc_vm_wrprotect(u64 vm, u64 ipa, u64 bytes);
u64 hc_vm_age(u64 vm, u64 ipa, u64 bytes);
u64 hc_tlb_flush_local(u64 vm);
u64 hc_page_state(u64 pa);

/* vm.c */
u64 vm_alive(u64 vm);						/* locked; 1 if the handle names a VM */
u64 hc_vm_create(u64 type);
u64 hc_vm_finalise(u64 vm, u64 ipa, u64 bytes);
u64 hc_vm_finalise_signed(u64 vm, u64 ipa, u64 bytes);
u64 hc_vm_destroy_begin(u64 vm);
u64 hc_vm_destroy_step(u64 vm);
u64 hc_vm_destroy_end(u64 vm);

/* auth.c: VMs that start only if what is in them is signed */
u64 hc_vm_measure(u64 vm, u64 ipa);
u64 hc_vm_start(u64 vm);
u64 hc_vm_measurement(u64 vm, u64 n);
u64 hc_vm_quote(u64 vm, u64 d0, u64 d1, u64 d2, u64 d3);

/* vcpu.c */
u64 vcpu_exists(u64 vcpu);					/* locked */
u64 hc_vcpu_create(u64 vm, u64 index, u64 page);
u64 hc_vcpu_destroy(u64 vcpu);
u64 hc_vcpu_load(u64 vcpu);
u64 hc_vcpu_put(void);
u64 hc_vgic_vmcr_read(void);

/* inject.c: synchronous exceptions into EL1, of whoever is in the registers (D1.10) */
#define PSTATE_MODE		0x1fUL
#define EL1H			5UL
u64 exception_vector(u64 pstate);
u64 exception_pstate(u64 pstate);
void exception_take(u64 pc, u64 pstate, u64 esr, u64 far);

/* idreg.c */
u64 idreg_guest(u64 crm, u64 op2);				/* what a protected guest reads */

/* regs.c: the register filter of protected VMs (docs/registers.md) */
u64 enter_allowed(u64 pending, u64 esr, u64 flags);
u64 guest_abort(u64 vcpu, u64 esr, u64 far, u64 hpfar);		/* 1: the guest has its own abort, 0: tell the host */
void enter_apply(u64 vcpu, u64 flags);				/* EL1 registers of the guest are loaded */
void exit_release(u64 vcpu, u64 esr, u64 far, u64 hpfar);

/* vendor.c: HVCs of protected guests to the vendor hypervisor service */
#define HVC_OTHER		0UL		/* none of these */
#define HVC_DONE		1UL		/* finished here */
#define HVC_FAULT		2UL		/* the page that x1 names has to be donated first; then the guest tries again */
u64 guest_vendor(u64 vcpu);

/* gpsci.c: PSCI of protected guests */
u64 guest_hvc(u64 vcpu);					/* 1: finished here, 0: tell the host */
u64 guest_sysreg(u64 vcpu, u64 esr);
void guest_advance(u64 context);
void guest_undefined(u64 context);

/* run.c */
u64 hc_vcpu_run(u64 vcpu);					/* 0: the guest is entered, else the error */
u64 guest_exit(u64 kind);					/* 1: enter the guest again, 0: the host */
void host_fp_trap(u64 cpu);
void fp_release(u64 cpu, u64 vcpu);

/* psci.c: the host's SMCs */
void host_smc(u64 cpu);

/* trap.c */
u64 host_trap(u64 kind);					/* 1: enter the guest, 0: return to the host */

#endif
