/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of KCore: every cell that the modules of core/ read and write, reached by
 * get_NAME()/set_NAME().  One table for the compiler, the tests and the proofs.
 * An index outside of an array halts the CPU (proved unreachable).
 */
#ifndef KCORE_CELLS_H
#define KCORE_CELLS_H

#include <kcore/types.h>
#include <kcore/abi.h>

/* X(name): one u64 */
#define KCORE_SCALARS(X) \
	/* fixed by installation */ \
	X(region_base) X(region_size)	/* KCore's memory, bytes */ \
	X(image_size) \
	X(nr_dram) X(nr_denied) X(nr_cpus) \
	X(nr_pages)			/* DRAM pages, all regions */ \
	X(root_base)			/* stage-2 roots: VM handle * ROOT_BYTES */ \
	X(has_gicv3) X(has_ras) X(ich_vtr) \
	X(has_aarch32)			/* 0, AARCH32_EL0, AARCH32_EL1: where AArch32 may be */ \
	X(has_profiling)		/* PROFILING_* */ \
	X(signed_only)			/* protected VMs have to be signed */ \
	/* table pool, under the lock */ \
	X(pool_base) X(pool_pages) \
	X(pool_bump)			/* pages never handed out start here, index */ \
	X(pool_head)			/* first free page given back, PA, 0: none */ \
	X(pool_free)			/* pages left */ \
	X(pool_reserve)			/* of these, kept for the host's tables */ \
	/* counts, under the lock */ \
	X(pages_core) X(pages_vm) X(pages_scrubbed) X(vms_alive) X(vcpus_alive) \
	X(log_next)			/* sequence number of the next entry */

/* X(storage type, name, length) */
#define KCORE_VM_ARRAYS(X) \
	X(u32, vm_state, KCORE_NR_VMS)		/* VM_* */ \
	X(u32, vm_type, KCORE_NR_VMS)		/* KCORE_VM_NORMAL, _PROTECTED */ \
	X(u32, vm_vcpus, KCORE_NR_VMS)		/* vCPUs that exist */ \
	X(u32, vm_loaded, KCORE_NR_VMS)		/* of these, loaded on a CPU */ \
	X(u64, vm_pages, KCORE_NR_VMS)		/* protected: pages owned; normal: leaf entries */ \
	X(u64, vm_tables, KCORE_NR_VMS)		/* pool pages below the root */ \
	X(u64, vm_mem_base, KCORE_NR_VMS)	/* memory range of a protected VM, IPA */ \
	X(u64, vm_mem_end, KCORE_NR_VMS) \
	X(u64, vm_cntvoff, KCORE_NR_VMS) \
	X(u64, vm_cursor, KCORE_NR_VMS)		/* destroy: IPA reached */ \
	X(u32, vm_guards, KCORE_NR_VMS)		/* protected: ranges that its guest gave the host to serve; 0: no guard */

#define KCORE_VCPU_ARRAYS(X) \
	X(u32, vcpu_state, KCORE_NR_VCPUS)	/* VCPU_* */ \
	X(u32, vcpu_power, KCORE_NR_VCPUS)	/* POWER_* (PSCI) */ \
	X(u32, vcpu_pending, KCORE_NR_VCPUS)	/* PENDING_*: what the last exit lets the host answer */ \
	X(u64, vcpu_page, KCORE_NR_VCPUS)	/* PA of the shared page */ \
	X(u64, vcpu_context, KCORE_NR_VCPUS)	/* PA of the registers: the shared page, or KCore's own */ \
	X(u64, vcpu_esr, KCORE_NR_VCPUS)	/* syndrome of the last exit, KCore's copy */ \
	X(u64, vcpu_far, KCORE_NR_VCPUS) \
	X(u64, vcpu_entry, KCORE_NR_VCPUS)	/* CPU_ON: entry point and context */ \
	X(u64, vcpu_entry_x0, KCORE_NR_VCPUS)

#define KCORE_CPU_ARRAYS(X) \
	X(u32, cpu_vcpu, KCORE_MAX_CPUS)	/* vCPU loaded here, or NO_VCPU */ \
	X(u32, cpu_fp, KCORE_MAX_CPUS)		/* 1: the FP registers hold the loaded vCPU's */ \
	X(u32, cpu_power, KCORE_MAX_CPUS)	/* POWER_* of the physical CPU */ \
	X(u64, cpu_mpidr, KCORE_MAX_CPUS) \
	X(u64, cpu_entry, KCORE_MAX_CPUS)	/* where the host wants to start, EL1 */ \
	X(u64, cpu_entry_x0, KCORE_MAX_CPUS)

#define KCORE_DRAM_ARRAYS(X) \
	X(u64, dram_base, KCORE_MAX_REGIONS) \
	X(u64, dram_end, KCORE_MAX_REGIONS) \
	X(u64, dram_first, KCORE_MAX_REGIONS)	/* page index of the region's first page */

#define KCORE_OTHER_ARRAYS(X) \
	X(u64, denied_base, KCORE_MAX_DENIED) \
	X(u64, denied_end, KCORE_MAX_DENIED) \
	X(u64, guard_base, KCORE_NR_VMS * GUARD_RANGES)	/* ranges of a VM's guard, IPA; the first vm_guards of a VM */ \
	X(u64, guard_end, KCORE_NR_VMS * GUARD_RANGES) \
	X(u32, last_vcpu, KCORE_NR_VMS * KCORE_MAX_CPUS)	/* protected VM: its vCPU that was loaded last on the CPU */ \
	X(u64, cpu_stat, KCORE_MAX_CPUS * KCORE_NR_STATS) \
	X(u64, log_event, LOG_ENTRIES) \
	X(u64, log_a, LOG_ENTRIES) \
	X(u64, log_b, LOG_ENTRIES) \
	X(u64, log_time, LOG_ENTRIES)

#define KCORE_ARRAYS(X) KCORE_VM_ARRAYS(X) KCORE_VCPU_ARRAYS(X) KCORE_CPU_ARRAYS(X) KCORE_DRAM_ARRAYS(X) KCORE_OTHER_ARRAYS(X)

/* X(name): one u32 per DRAM page, nr_pages long */
#define KCORE_PAGE_CELLS(X) \
	X(page_owner)		/* OWNER_HOST, a VM handle, OWNER_CORE */ \
	X(page_maps)		/* host's page: mappings in normal VMs and uses as a vCPU page */

#define LOG_ENTRIES		256UL
#define GUARD_RANGES		16UL

#define NO_VCPU			0xffffffffUL
#define NO_PAGE			0xffffffffffffffffUL

#define AARCH32_EL0		1UL		/* in EL0 only */
#define AARCH32_EL1		2UL		/* in EL1 too */

#define PROFILING_SPE		1UL		/* FEAT_SPE: PMSCR_EL1, the host may sample */
#define PROFILING_TRACE		2UL		/* FEAT_TRF, FEAT_TRBE: TRFCR_EL1 */

#define HOST			0UL		/* the host's handle, VMID, root */
#define OWNER_HOST		0UL
#define OWNER_CORE		KCORE_NR_VMS

#define VM_FREE			0UL
#define VM_NEW			1UL
#define VM_READY		2UL
#define VM_DYING		3UL

#define VCPU_FREE		0UL
#define VCPU_READY		1UL
#define VCPU_LOADED		2UL

#define POWER_OFF		0UL
#define POWER_ON		1UL
#define POWER_BOOT		2UL		/* on, but has not entered at its entry point yet */

#define PENDING_NONE		0UL
#define PENDING_WFX		1UL
#define PENDING_SYSREG		2UL		/* write of a register that the host emulates */
#define PENDING_MMIO_READ	3UL
#define PENDING_MMIO_WRITE	4UL
#define PENDING_DABT		5UL		/* data abort outside of memory without a syndrome */
#define PENDING_IABT		6UL		/* instruction abort outside of memory */
#define PENDING_START		7UL		/* vCPU 0 of a signed VM, off until VM_START */

#endif
