/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KCore as seen by KVM: what the hooks call, and a shim for each EL1-to-EL2 crossing.  Included by asm/kvm_host.h.
 *
 * A crossing is kvm_call_hyp{,_ret,_nvhe}(f, ...) in stock KVM and kcore_call_hyp{,_ret,_nvhe}(f, ...) in the
 * retrofitted one.  A crossing that a new kernel adds has no kcore_shim_<f> and is an error of the build.
 */
#ifndef __ASM_KCORE_GLUE_H
#define __ASM_KCORE_GLUE_H

#include <linux/mutex.h>
#include <linux/radix-tree.h>
#include <linux/types.h>
#include <asm/kcore.h>

struct file;
struct kvm;
struct kvm_run;
struct kvm_vcpu;
struct kcore_vcpu_page;

#ifdef CONFIG_KCORE

#define KCORE_MAX_VCPUS		16

/* Per VM.  `lock' guards all of it; `state' and `handle' may be read without once a vCPU exists. */
struct kcore_vm_glue {
	struct mutex lock;
	u32 handle;				/* of KCore, 0: none */
	u8 type;				/* KCORE_TYPE_* */
	u8 state;				/* KCORE_STATE_* */
	bool destroyed;				/* KVM is done with the VM: the handle goes with the last vCPU */
	u32 nr_vcpus;				/* vCPUs that KCore knows */
	struct kcore_vcpu_page *page[KCORE_MAX_VCPUS];
	struct radix_tree_root pinned;		/* donated pages by guest frame number */
	unsigned long donated;
	u32 drops;				/* changes whenever leaves of KCore's are dropped (stage2.c) */
	u64 pieces;				/* span of the largest leaf of KVM's that KCore has in pieces, 0: none */
	u64 mem_ipa;
	u64 mem_size;
};

/* Where a vCPU's registers are: in its page if the bit is set, else in KVM's context */
#define KCORE_GP_IN_PAGE	1		/* x0..x30 but for `moved'; pc and pstate are always in both after a run */
#define KCORE_SYS_IN_PAGE	2
#define KCORE_FP_IN_PAGE	4
#define KCORE_IS_PRIVATE	8		/* of a protected VM */
#define KCORE_READY		16		/* loaded, has run since, and EL1 and FP registers are in the page */

/* Up to 5.10: what KVM did to its context, which a protected vCPU has to be told (pc_direct.h) */
#define KCORE_NOTED_SKIP	1
#define KCORE_NOTED_INJECT	2

/* Per vCPU.  Touched by the thread that holds the vCPU's mutex only. */
struct kcore_vcpu_glue {
	struct kcore_vcpu_page *page;		/* NULL: can't run */
	u64 handle;
	u64 emulated;				/* page of the last abort that KVM emulated, and bit 0 */
	u64 zcr;				/* the guest's ZCR_EL1 at the last exit (sve.h) */
	u32 where;				/* KCORE_*_IN_PAGE */
	u32 drops;				/* of the VM, when `fresh' was counted */
	bool loaded;				/* bound to this CPU by KCore */
	u8 moved;				/* of x0..x30, what the last exit moved to KVM's context (run.c) */
	bool parked;				/* protected, off by PSCI, not yet asleep */
	u8 todo;				/* KCORE_TODO_*: what kcore_handle_guest_abort() is to do first */
	u8 noted;				/* KCORE_NOTED_* */
	u8 fresh;				/* translation faults in a row that KVM's table had nothing for, at most KCORE_FRESH */
	int error;				/* why the vCPU can't run, negative errno */
};

#else

struct kcore_vm_glue { };
struct kcore_vcpu_glue { };

#endif

#if defined(CONFIG_KCORE) && !defined(__KVM_NVHE_HYPERVISOR__) && !defined(__KVM_VHE_HYPERVISOR__)

int kcore_run(struct kvm_vcpu *vcpu);

void kcore_vm_created(struct kvm *kvm, unsigned long type);
void kcore_vm_reclaim(struct kvm *kvm);
void kcore_vm_destroyed(struct kvm *kvm);
void kcore_vcpu_created(struct kvm_vcpu *vcpu);
void kcore_vcpu_destroyed(struct kvm_vcpu *vcpu);
void kcore_vcpu_put(struct kvm_vcpu *vcpu);
void kcore_note_inject(struct kvm_vcpu *vcpu);
bool kcore_vm_protected(struct kvm *kvm);
bool kcore_vcpu_registers_private(struct kvm_vcpu *vcpu);
bool kcore_extension_mine(struct kvm *kvm, long ext);
int kcore_extension(long ext);
bool kcore_ioctl_mine(unsigned int ioctl);
long kcore_vm_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg);

/* kcore_memslot_allowed(kvm, change): the type of the second differs in no release, but is not known here yet */
bool kcore_memslots_fixed(struct kvm *kvm);
#define kcore_memslot_allowed(kvm, change)	((void)(change), !kcore_memslots_fixed(kvm))

int kcore_guest_abort(struct kvm_vcpu *vcpu);
void kcore_age_gfn(struct kvm *kvm, u64 start, u64 end);
void kcore_age_hva(struct kvm *kvm, unsigned long start, unsigned long end);

/* What the shims of the releases do.  Called only with kcore_active(); each returns a value, for all forms of the crossing. */
long kcore_adjust_pc(struct kvm_vcpu *vcpu);
long kcore_flush_vm(struct kvm *kvm);
long kcore_flush_ipa(struct kvm *kvm, phys_addr_t ipa, int level);
long kcore_flush_pages(struct kvm *kvm, phys_addr_t ipa, unsigned long pages);
long kcore_flush_local(struct kvm *kvm);
long kcore_set_cntvoff(u64 offset);
long kcore_vmcr_save(struct kvm_vcpu *vcpu);
u64 kcore_vmcr_read(void);
u64 kcore_gic_config(void);
u64 kcore_mdcr(void);
long kcore_refused(void);

/* VMIDs are KCore's; VMCR and the active priorities move with VCPU_LOAD and VCPU_PUT; KCore clears the list registers */
static inline long kcore_nothing(void)
{
	return 0;
}

#include <asm/kcore_release.h>

#ifndef kcore_handle_guest_abort	/* the release has its own where KVM's handlers have more arguments */
/* H20, in KVM's table of exit handlers */
static inline int kcore_handle_guest_abort(struct kvm_vcpu *vcpu)
{
	return kcore_guest_abort(vcpu);
}
#endif

#ifndef kcore_call_hyp		/* the release has its own where it isn't a statement */
#define kcore_call_hyp(f, ...)							\
	do {									\
		if (kcore_active())						\
			kcore_shim_##f(__VA_ARGS__);				\
		else								\
			kvm_call_hyp(f, ##__VA_ARGS__);				\
	} while (0)
#endif

#define kcore_call_hyp_ret(f, ...)						\
	({									\
		typeof(f(__VA_ARGS__)) __kcore_ret;				\
										\
		if (kcore_active())						\
			__kcore_ret = kcore_shim_##f(__VA_ARGS__);		\
		else								\
			__kcore_ret = kvm_call_hyp_ret(f, ##__VA_ARGS__);	\
		__kcore_ret;							\
	})

#define kcore_call_hyp_nvhe(f, ...)						\
	({									\
		unsigned long __kcore_ret;					\
										\
		if (kcore_active())						\
			__kcore_ret = kcore_shim_##f(__VA_ARGS__);		\
		else								\
			__kcore_ret = kvm_call_hyp_nvhe(f, ##__VA_ARGS__);	\
		__kcore_ret;							\
	})

#else

#define kcore_call_hyp			kvm_call_hyp
#define kcore_call_hyp_ret		kvm_call_hyp_ret
#define kcore_call_hyp_nvhe		kvm_call_hyp_nvhe
#define kcore_handle_guest_abort	kvm_handle_guest_abort

#define kcore_memslot_allowed(kvm, change)	true
#define kcore_debug_number(rd)			((rd)->reg)

static inline void kcore_vm_created(struct kvm *kvm, unsigned long type) { }
static inline void kcore_vm_reclaim(struct kvm *kvm) { }
static inline void kcore_vm_destroyed(struct kvm *kvm) { }
static inline void kcore_vcpu_created(struct kvm_vcpu *vcpu) { }
static inline void kcore_vcpu_destroyed(struct kvm_vcpu *vcpu) { }
static inline void kcore_vcpu_put(struct kvm_vcpu *vcpu) { }
static inline void kcore_note_inject(struct kvm_vcpu *vcpu) { }
static inline void kcore_note_skip(struct kvm_vcpu *vcpu) { }
static inline void kcore_fp_load(struct kvm_vcpu *vcpu) { }
static inline void kcore_age_gfn(struct kvm *kvm, u64 start, u64 end) { }
static inline void kcore_age_hva(struct kvm *kvm, unsigned long start, unsigned long end) { }
static inline bool kcore_vm_protected(struct kvm *kvm) { return false; }
static inline bool kcore_vcpu_registers_private(struct kvm_vcpu *vcpu) { return false; }
static inline bool kcore_extension_mine(struct kvm *kvm, long ext) { return false; }
static inline int kcore_extension(long ext) { return 0; }
static inline bool kcore_ioctl_mine(unsigned int ioctl) { return false; }
static inline long kcore_vm_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg) { return -EINVAL; }

#endif
#endif
