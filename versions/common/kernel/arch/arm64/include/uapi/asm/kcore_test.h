/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/kcore_test: what a hostile host kernel could do, offered to user space so that attack tests can be
 * ordinary programs.  Built only with CONFIG_KCORE_TEST, which makes the host as insecure as a kernel can
 * be.  Needs CAP_SYS_ADMIN to open.
 *
 * An ioctl returns 0 if the operation was tried; what came back is in the structure.  It fails (-1, errno)
 * only if it could not be tried: EINVAL bad arguments, EFAULT the structure or buffer can't be read or
 * written, ENOMEM, ENODEV kcore is not active (HVC, VCPU_PAGE, CPU_ON only).
 *
 * mmap(fd, offset = physical address): maps any physical page, DRAM cacheable, all else as device.
 * PROT_EXEC is allowed: jump there and catch SIGBUS or SIGSEGV to see an execution refused.
 */
#ifndef _UAPI_ASM_KCORE_TEST_H
#define _UAPI_ASM_KCORE_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KCORE_TEST_MAGIC	0xbd

/*
 * Raw calls from EL1.  HVC #0: x0 = KCORE_FN() of abi.h for a hypercall, below 16 for a hyp-stub call.
 * SMC #0: any SMCCC function.  Registers x0..x7 go in and come out.
 */
#define KCORE_TEST_CALL_HVC	0
#define KCORE_TEST_CALL_SMC	1

struct kcore_test_call {
	__u64 kind;		/* KCORE_TEST_CALL_* */
	__u64 x[8];		/* in: arguments, out: results */
};

#define KCORE_TEST_CALL		_IOWR(KCORE_TEST_MAGIC, 0, struct kcore_test_call)

/*
 * Several calls one after the other on this CPU, without preemption and with the task's FP registers saved
 * away first, so that VCPU_LOAD, VCPU_RUN, VCPU_PUT can be issued by hand.  Interrupts stay on between calls.
 * stop_on_error: the first call whose x0 is a KCore error ends the batch.
 */
struct kcore_test_batch {
	__u32 count;		/* in: 1..KCORE_TEST_BATCH_MAX */
	__u32 done;		/* out: calls made */
	__u32 stop_on_error;	/* in: 0 or 1 */
	__u32 cpu;		/* out: CPU the batch ran on */
	__u64 calls;		/* in: address of struct kcore_test_call[count], updated */
};

#define KCORE_TEST_BATCH_MAX	64
#define KCORE_TEST_BATCH	_IOWR(KCORE_TEST_MAGIC, 1, struct kcore_test_batch)

/*
 * Read or write physical memory with the exception tables as a net.  1, 2, 4, 8 aligned bytes are one access
 * of that size; more (up to 4096, not across a page) are 8-byte accesses.
 */
#define KCORE_TEST_READ		0
#define KCORE_TEST_WRITE	1

#define KCORE_TEST_VIA_MAPPING	0	/* a temporary kernel mapping, cacheable */
#define KCORE_TEST_VIA_LINEAR	1	/* the kernel's linear map; error ENXIO where the page isn't in it */
#define KCORE_TEST_VIA_DEVICE	2	/* a temporary kernel mapping, Device-nGnRE */

struct kcore_test_phys {
	__u64 pa;
	__u64 buf;		/* address of the user buffer */
	__u32 len;
	__u32 op;		/* KCORE_TEST_READ, KCORE_TEST_WRITE */
	__u32 via;		/* KCORE_TEST_VIA_* */
	__s32 error;		/* out: 0, or EFAULT: the access took an abort */
};

#define KCORE_TEST_PHYS		_IOWR(KCORE_TEST_MAGIC, 2, struct kcore_test_phys)

/* Cache and other DC/IC operations on a physical page, through a temporary cacheable kernel mapping */
#define KCORE_TEST_DC_CIVAC	0	/* clean and invalidate by VA to PoC, the line at pa */
#define KCORE_TEST_DC_IVAC	1	/* invalidate by VA to PoC */
#define KCORE_TEST_DC_CVAC	2	/* clean by VA to PoC */
#define KCORE_TEST_DC_CVAU	3	/* clean by VA to PoU */
#define KCORE_TEST_IC_IVAU	4	/* invalidate the instruction cache by VA */
#define KCORE_TEST_DC_ZVA	5	/* zero a block: a write */
#define KCORE_TEST_DC_CISW	6	/* by set/way: `arg' is the register value, pa is not used */
#define KCORE_TEST_DC_ISW	7
#define KCORE_TEST_DC_CSW	8
#define KCORE_TEST_AT_S1E1R	9	/* address translation of the mapping of pa: `arg' out = PAR_EL1 */
#define KCORE_TEST_AT_S12E1R	10	/* the same through stage 2: UNDEFINED at EL1 */

struct kcore_test_cache {
	__u64 pa;
	__u64 arg;
	__u32 op;		/* KCORE_TEST_DC_* */
	__s32 error;		/* out: 0, or EFAULT: the instruction took an exception */
};

#define KCORE_TEST_CACHE	_IOWR(KCORE_TEST_MAGIC, 3, struct kcore_test_cache)

/* Physical address behind a user address of the caller.  The page is not kept: the caller holds it (mlock). */
struct kcore_test_va {
	__u64 va;		/* in */
	__u64 pa;		/* out */
	__s32 error;		/* out: 0, or EFAULT: nothing mapped there */
	__u32 reserved;
};

#define KCORE_TEST_VA_TO_PA	_IOWR(KCORE_TEST_MAGIC, 4, struct kcore_test_va)

/*
 * Zeroed, physically contiguous, naturally aligned pages of the kernel's to give to KCore: 2^order pages.
 * Freed by KCORE_TEST_FREE (argument: address of the __u64 pa) or when the file is closed; pages that KCore doesn't
 * own or map no longer are freed, others are leaked with a line in the kernel's log.
 */
struct kcore_test_alloc {
	__u32 order;		/* 0..9 */
	__u32 reserved;
	__u64 pa;		/* out */
};

#define KCORE_TEST_ALLOC	_IOWR(KCORE_TEST_MAGIC, 5, struct kcore_test_alloc)
#define KCORE_TEST_FREE		_IOW(KCORE_TEST_MAGIC, 6, __u64)

/* The page shared between host and KCore of a vCPU (struct kcore_vcpu_page): use KCORE_TEST_PHYS on it. */
struct kcore_test_vcpu {
	__s32 vm_fd;		/* in: of KVM_CREATE_VM */
	__u32 index;		/* in: vCPU id */
	__u64 pa;		/* out */
	__u32 handle;		/* out: of KCore */
	__s32 error;		/* out: 0, or ENOENT: no such vCPU */
};

#define KCORE_TEST_VCPU_PAGE	_IOWR(KCORE_TEST_MAGIC, 7, struct kcore_test_vcpu)

/*
 * PSCI CPU_ON by SMC of a CPU that Linux has taken offline, with any entry address.  entry 0: a landing pad
 * of the kernel, which reports the exception level it arrives at and turns the CPU off again.
 */
struct kcore_test_cpu_on {
	__u32 cpu;		/* in: Linux number of an offline CPU; or ~0: use mpidr */
	__u32 landed;		/* out: 1 if the landing pad was reached */
	__u64 mpidr;		/* in if cpu is ~0: any value */
	__u64 entry;		/* in: physical address, 0 for the landing pad */
	__u64 context;		/* in: x0 at the entry, ignored for the landing pad */
	__u64 result;		/* out: x0 of the SMC */
	__u64 current_el;	/* out: 1 or 2 if landed */
	__u64 sctlr;		/* out: SCTLR_EL1 if landed at EL1, SCTLR_EL2 at EL2 */
	__u64 off;		/* out: 1 if AFFINITY_INFO says that the CPU is off again */
};

#define KCORE_TEST_CPU_ON	_IOWR(KCORE_TEST_MAGIC, 8, struct kcore_test_cpu_on)

#define KCORE_TEST_HYP_AVAILABLE	1	/* is_hyp_mode_available() */
#define KCORE_TEST_HYP_MISMATCHED	2	/* is_hyp_mode_mismatched() */

/* Where things are, for tests that aim */
struct kcore_test_info {
	__u64 region_base;	/* KCore's memory as the host reserved it */
	__u64 region_size;
	__u64 image_size;
	__u64 landing_pad;	/* physical address */
	__u64 install_args;	/* physical address of struct kcore_install as passed, 0 if freed */
	__u64 dram_start;
	__u64 dram_end;
	__u64 gich_base;	/* denied ranges, 0 if none */
	__u64 gicv_base;
	__u64 hyp_mode;		/* as the kernel sees it: KCORE_TEST_HYP_* */
	__u64 reserved[6];
};

#define KCORE_TEST_INFO		_IOR(KCORE_TEST_MAGIC, 9, struct kcore_test_info)

/*
 * Execute at a physical address from the kernel: map it executable at EL1 and branch to it with the exception
 * net in place.  The code there must be `ret' or end in one.
 */
struct kcore_test_exec {
	__u64 pa;
	__u64 x0;		/* in: argument, out: x0 on return */
	__s32 error;		/* out: 0: it ran and returned, or EFAULT: the fetch took an abort */
	__u32 reserved;
};

#define KCORE_TEST_EXEC		_IOWR(KCORE_TEST_MAGIC, 10, struct kcore_test_exec)

#endif
