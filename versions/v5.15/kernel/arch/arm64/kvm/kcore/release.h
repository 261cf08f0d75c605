/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 5.15: everything of KVM that the glue touches and that differs between releases. */
#ifndef KCORE_RELEASE_H
#define KCORE_RELEASE_H

#include <linux/io.h>
#include <linux/kvm_host.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <asm/kvm_asm.h>
#include <asm/kvm_emulate.h>
#include <crypto/sha2.h>

/* General-purpose and FP registers of KVM's context */
#define kcore_gp(vcpu)			(&(vcpu)->arch.ctxt.regs)
#define kcore_fp(vcpu)			(&(vcpu)->arch.ctxt.fp_regs)

/* The system registers that KVM kept apart up to 5.4 */
#define kcore_reg_sp_el1(vcpu)		__vcpu_sys_reg(vcpu, SP_EL1)
#define kcore_reg_elr_el1(vcpu)		__vcpu_sys_reg(vcpu, ELR_EL1)
#define kcore_reg_spsr_el1(vcpu)	__vcpu_sys_reg(vcpu, SPSR_EL1)
#define kcore_reg_sp_el0(vcpu)		(kcore_gp(vcpu)->sp)

#define kcore_spsr(vcpu, mode)		((vcpu)->arch.ctxt.spsr_##mode)
#include "aarch32.h"

#define kcore_cntvoff(vcpu)		__vcpu_sys_reg(vcpu, CNTVOFF_EL2)
#define kcore_cntpoff(vcpu)		0
#define kcore_used_lrs(vcpu)		((vcpu)->arch.vgic_cpu.vgic_v3.used_lrs)

/* Deferred skips and exceptions */
#define kcore_pc_pending(vcpu) \
	((vcpu)->arch.flags & (KVM_ARM64_PENDING_EXCEPTION | KVM_ARM64_INCREMENT_PC))
#define kcore_exception_pending(vcpu)	((vcpu)->arch.flags & KVM_ARM64_PENDING_EXCEPTION)
#define kcore_exception_is_sync(vcpu) \
	(((vcpu)->arch.flags & KVM_ARM64_EXCEPT_MASK) == (KVM_ARM64_EXCEPT_AA64_ELx_SYNC | KVM_ARM64_EXCEPT_AA64_EL1))

static __always_inline u32 kcore_exception_vector32(struct kvm_vcpu *vcpu)
{
	switch (vcpu->arch.flags & KVM_ARM64_EXCEPT_MASK) {
	case KVM_ARM64_EXCEPT_AA32_UND:
		return 4;
	case KVM_ARM64_EXCEPT_AA32_IABT:
		return 12;
	case KVM_ARM64_EXCEPT_AA32_DABT:
		return 16;
	}
	return 0;
}

static __always_inline void kcore_forget_pc(struct kvm_vcpu *vcpu)
{
	/* INCREMENT_PC is one of the mask's bits */
	vcpu->arch.flags &= ~(KVM_ARM64_PENDING_EXCEPTION | KVM_ARM64_EXCEPT_MASK);
}

#include "pc_deferred.h"

/* Features that KCore doesn't switch: such a vCPU is refused */
static inline bool kcore_vcpu_unsupported(struct kvm_vcpu *vcpu)
{
	return kvm_has_mte(vcpu->kvm);
}

/* KVM's capabilities for them */
#define kcore_extension_unsupported(ext) \
	((ext) == KVM_CAP_ARM_MTE)

/* KVM's capabilities for what KCore switches for normal VMs only */
#define kcore_extension_normal_only(ext)						\
	((ext) == KVM_CAP_ARM_EL1_32BIT ||						\
	 (ext) == KVM_CAP_SET_GUEST_DEBUG || (ext) == KVM_CAP_SET_GUEST_DEBUG2 ||	\
	 (ext) == KVM_CAP_GUEST_DEBUG_HW_BPS || (ext) == KVM_CAP_GUEST_DEBUG_HW_WPS ||	\
	 (ext) == KVM_CAP_ARM_PTRAUTH_ADDRESS || (ext) == KVM_CAP_ARM_PTRAUTH_GENERIC || (ext) == KVM_CAP_ARM_SVE)

#include "ptrauth.h"

/* Where kernel code has used FP since the last run, a flag of the thread says so; from 5.19 on KVM clears its own */
#define kcore_owns_fp(vcpu)		(((vcpu)->arch.flags & KVM_ARM64_FP_ENABLED) && !test_thread_flag(TIF_FOREIGN_FPSTATE))
#define kcore_own_fp(vcpu)		((vcpu)->arch.flags = ((vcpu)->arch.flags & ~KVM_ARM64_FP_HOST) | KVM_ARM64_FP_ENABLED)
#define kcore_sve_load(state, fpsr, length)	sve_load_state(state, fpsr, length)

/* KVM's put of FP, before KCore's, has taken ZCR_EL1 for the guest's: it is from kcore_sve_out() on the kernel's */
static inline void kcore_sve_put(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.flags & KVM_ARM64_FP_ENABLED)
		__vcpu_sys_reg(vcpu, ZCR_EL1) = vcpu->arch.kcore.zcr;
}
#include "sve.h"

/* PMU counters that don't count in the guest, and that count there only */
#define kcore_pmu_host(vcpu)		(this_cpu_ptr_hyp_sym(kvm_host_data)->pmu_events.events_host)
#define kcore_pmu_guest(vcpu)		(this_cpu_ptr_hyp_sym(kvm_host_data)->pmu_events.events_guest)

/* KVM's own stage-2 table */
#define kcore_s2_vtcr(kvm)		((kvm)->arch.vtcr)
#define kcore_s2_root(kvm)		((u64 *)phys_to_virt((kvm)->arch.mmu.pgd_phys))
#define kcore_s2_exists(kvm)		((kvm)->arch.mmu.pgt)
#define kcore_mmu_lock(kvm)		spin_lock(&(kvm)->mmu_lock)
#define kcore_mmu_unlock(kvm)		spin_unlock(&(kvm)->mmu_lock)

#define kcore_running_vcpu()		kvm_get_running_vcpu()
#define kcore_max_vcpus(kvm)		((kvm)->arch.max_vcpus)
/* `bkt' is for later releases, where slots are in a hash table */
#define kcore_for_each_slot(slot, bkt, slots) \
	for ((bkt) = 0; (bkt) < (slots)->used_slots && ((slot) = &(slots)->memslots[bkt]); (bkt)++)

static inline void kcore_mp_state_stop(struct kvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->arch.power_off, true);
}

/* The same from stopped to runnable */
#define kcore_mp_state_unpark(vcpu)	WRITE_ONCE((vcpu)->arch.power_off, false)

#define kcore_vma_flags_set(vma, f)	((vma)->vm_flags |= (f))

static inline int kcore_pin(unsigned long hva, int n, struct page **pages)
{
	return pin_user_pages_fast(hva, n, FOLL_WRITE | FOLL_LONGTERM, pages);
}

static inline void kcore_unpin(struct page **pages, unsigned long n)
{
	unpin_user_pages_dirty_lock(pages, n, true);
}

/* Installation */
#define KCORE_VHE_REMEDY		"boot with kvm-arm.mode=nvhe"
#define kcore_upstream_protected()	(kvm_get_mode() == KVM_MODE_PROTECTED)
#define kcore_for_each_dram(r)		for_each_mem_region(r)
#define kcore_clean_to_poc(va, size) \
	dcache_clean_inval_poc((unsigned long)(va), (unsigned long)(va) + (size))

/* The test driver */
#define kcore_file_is_vm(file)		file_is_kvm(file)
#define kcore_ioremap(pa, size, prot)	__ioremap(pa, size, prot)

/* Random numbers are there to be had?  If nobody has given the kernel a seed it makes one of its timer's jitter now. */
static inline bool kcore_random_ready(void)
{
	return !wait_for_random_bytes();
}

#endif
