/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 6.12: everything of KVM that the glue touches and that differs between releases. */
#ifndef KCORE_RELEASE_H
#define KCORE_RELEASE_H

#include <linux/io.h>
#include <linux/kvm_host.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <asm/kvm_asm.h>
#include <asm/kvm_emulate.h>
#include <asm/kvm_nested.h>
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

#define kcore_cntvoff(vcpu)		((vcpu)->kvm->arch.timer_data.voffset)
#define kcore_cntpoff(vcpu)		((vcpu)->kvm->arch.timer_data.poffset)
#define kcore_used_lrs(vcpu)		((vcpu)->arch.vgic_cpu.vgic_v3.used_lrs)

/* Deferred skips and exceptions */
#define kcore_pc_pending(vcpu) \
	((vcpu)->arch.iflags & (unpack_vcpu_flag(PENDING_EXCEPTION) | unpack_vcpu_flag(INCREMENT_PC)))
#define kcore_exception_pending(vcpu)	vcpu_get_flag(vcpu, PENDING_EXCEPTION)
#define kcore_exception_is_sync(vcpu) \
	(vcpu_get_flag(vcpu, EXCEPT_MASK) == unpack_vcpu_flag(EXCEPT_AA64_EL1_SYNC))

static __always_inline u32 kcore_exception_vector32(struct kvm_vcpu *vcpu)
{
	switch (vcpu_get_flag(vcpu, EXCEPT_MASK)) {
	case unpack_vcpu_flag(EXCEPT_AA32_UND):
		return 4;
	case unpack_vcpu_flag(EXCEPT_AA32_IABT):
		return 12;
	case unpack_vcpu_flag(EXCEPT_AA32_DABT):
		return 16;
	}
	return 0;
}

static __always_inline void kcore_forget_pc(struct kvm_vcpu *vcpu)
{
	vcpu_clear_flag(vcpu, PENDING_EXCEPTION);
	vcpu_clear_flag(vcpu, EXCEPT_MASK);	/* INCREMENT_PC is one of its bits */
}

#include "pc_deferred.h"

/* Features that KCore doesn't switch and nested virtualization: such a vCPU is refused */
static inline bool kcore_vcpu_unsupported(struct kvm_vcpu *vcpu)
{
	return kvm_has_mte(vcpu->kvm) ||
	       vcpu_has_nv(vcpu);
}

/* KVM's capabilities for them */
#define kcore_extension_unsupported(ext) \
	((ext) == KVM_CAP_ARM_MTE)

/* KVM's capabilities for what KCore switches for normal VMs only */
#define kcore_extension_normal_only(ext)						\
	((ext) == KVM_CAP_ARM_EL1_32BIT ||						\
	 (ext) == KVM_CAP_SET_GUEST_DEBUG || (ext) == KVM_CAP_SET_GUEST_DEBUG2 ||	\
	 (ext) == KVM_CAP_GUEST_DEBUG_HW_BPS || (ext) == KVM_CAP_GUEST_DEBUG_HW_WPS ||	\
	 (ext) == KVM_CAP_ARM_PTRAUTH_ADDRESS || (ext) == KVM_CAP_ARM_PTRAUTH_GENERIC || (ext) == KVM_CAP_ARM_SVE ||	\
	 (ext) == KVM_CAP_COUNTER_OFFSET)

#include "ptrauth.h"

#define kcore_owns_fp(vcpu)		((void)(vcpu), guest_owns_fp_regs())
#define kcore_own_fp(vcpu)		((void)(vcpu), *host_data_ptr(fp_owner) = FP_STATE_GUEST_OWNED)
#define kcore_sve_load(state, fpsr, length)	sve_load_state(state, fpsr, true)
#define kcore_sve_put(vcpu)		((void)(vcpu))
#include "sve.h"

/* PMU counters that don't count in the guest, and that count there only */
#ifdef CONFIG_HW_PERF_EVENTS
#define kcore_pmu_host(vcpu)		((vcpu)->arch.pmu.events.events_host)
#define kcore_pmu_guest(vcpu)		((vcpu)->arch.pmu.events.events_guest)
#else
#define kcore_pmu_host(vcpu)		0
#define kcore_pmu_guest(vcpu)		0
#endif

/* KVM's own stage-2 table */
#define kcore_s2_vtcr(kvm)		((kvm)->arch.mmu.vtcr)
#define kcore_s2_root(kvm)		((u64 *)phys_to_virt((kvm)->arch.mmu.pgd_phys))
#define kcore_s2_exists(kvm)		((kvm)->arch.mmu.pgt)
#define kcore_mmu_lock(kvm)		write_lock(&(kvm)->mmu_lock)
#define kcore_mmu_unlock(kvm)		write_unlock(&(kvm)->mmu_lock)

#define kcore_running_vcpu()		kvm_get_running_vcpu()
#define kcore_max_vcpus(kvm)		((kvm)->max_vcpus)
#define kcore_for_each_slot(slot, bkt, slots)	kvm_for_each_memslot(slot, bkt, slots)

static inline void kcore_mp_state_stop(struct kvm_vcpu *vcpu)
{
	spin_lock(&vcpu->arch.mp_state_lock);
	WRITE_ONCE(vcpu->arch.mp_state.mp_state, KVM_MP_STATE_STOPPED);
	spin_unlock(&vcpu->arch.mp_state_lock);
}

/* The same from stopped to runnable, where no lock can be taken */
#define kcore_mp_state_unpark(vcpu) \
	cmpxchg_relaxed(&(vcpu)->arch.mp_state.mp_state, KVM_MP_STATE_STOPPED, KVM_MP_STATE_RUNNABLE)

#define kcore_vma_flags_set(vma, f)	vm_flags_set(vma, f)

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
#define kcore_ioremap(pa, size, prot)	ioremap_prot(pa, size, pgprot_val(prot))

/* Random numbers are there to be had?  If nobody has given the kernel a seed it makes one of its timer's jitter now. */
static inline bool kcore_random_ready(void)
{
	return !wait_for_random_bytes();
}

#endif
