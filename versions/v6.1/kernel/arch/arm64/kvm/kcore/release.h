/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 6.1: everything of KVM that the glue touches and that differs between releases. */
#ifndef KCORE_RELEASE_H
#define KCORE_RELEASE_H

#include <linux/kvm_host.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <asm/kvm_asm.h>
#include <asm/kvm_emulate.h>

/* General-purpose and FP registers of KVM's context */
#define kcore_gp(vcpu)			(&(vcpu)->arch.ctxt.regs)
#define kcore_fp(vcpu)			(&(vcpu)->arch.ctxt.fp_regs)

/* The system registers that KVM kept apart up to 5.4 */
#define kcore_reg_sp_el1(vcpu)		__vcpu_sys_reg(vcpu, SP_EL1)
#define kcore_reg_elr_el1(vcpu)		__vcpu_sys_reg(vcpu, ELR_EL1)
#define kcore_reg_spsr_el1(vcpu)	__vcpu_sys_reg(vcpu, SPSR_EL1)
#define kcore_reg_sp_el0(vcpu)		(kcore_gp(vcpu)->sp)

#define kcore_cntvoff(vcpu)		__vcpu_sys_reg(vcpu, CNTVOFF_EL2)
#define kcore_used_lrs(vcpu)		((vcpu)->arch.vgic_cpu.vgic_v3.used_lrs)

/* Deferred skips and exceptions (from 5.11) */
#define kcore_pc_pending(vcpu) \
	((vcpu)->arch.iflags & (unpack_vcpu_flag(PENDING_EXCEPTION) | unpack_vcpu_flag(INCREMENT_PC)))
#define kcore_exception_pending(vcpu)	vcpu_get_flag(vcpu, PENDING_EXCEPTION)

/*
 * Exception entry at EL1h (D1.10) on KVM's context, which holds all registers now.  __kvm_adjust_pc() of this image is
 * the one of VHE: for an exception it takes VBAR_EL1 and the others from the hardware, by names that are UNDEFINED here.
 */
static __always_inline void kcore_take_exception(struct kvm_vcpu *vcpu)
{
	u64 *pstate = &kcore_gp(vcpu)->pstate, *pc = &kcore_gp(vcpu)->pc;
	u64 old = *pstate, sctlr = __vcpu_sys_reg(vcpu, SCTLR_EL1), vector = 0x400;

	if ((old & PSR_MODE_MASK) == PSR_MODE_EL1h)
		vector = 0x200;
	else if ((old & PSR_MODE_MASK) == PSR_MODE_EL1t)
		vector = 0;
	else if (old & PSR_MODE32_BIT)
		vector = 0x600;
	__vcpu_sys_reg(vcpu, ELR_EL1) = *pc;
	__vcpu_sys_reg(vcpu, SPSR_EL1) = old;
	*pc = __vcpu_sys_reg(vcpu, VBAR_EL1) + vector;
	*pstate = (old & (PSR_N_BIT | PSR_Z_BIT | PSR_C_BIT | PSR_V_BIT | PSR_DIT_BIT | PSR_PAN_BIT)) |
		  (sctlr & SCTLR_EL1_SPAN ? 0 : PSR_PAN_BIT) | (sctlr & SCTLR_ELx_DSSBS ? PSR_SSBS_BIT : 0) |
		  PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT | PSR_MODE_EL1h;
}

static __always_inline void kcore_apply_pc(struct kvm_vcpu *vcpu)
{
	if (vcpu_get_flag(vcpu, PENDING_EXCEPTION)) {
		if (vcpu_get_flag(vcpu, EXCEPT_MASK) == unpack_vcpu_flag(EXCEPT_AA64_EL1_SYNC))
			kcore_take_exception(vcpu);
		vcpu_clear_flag(vcpu, PENDING_EXCEPTION);
		vcpu_clear_flag(vcpu, EXCEPT_MASK);
	} else {
		__kvm_adjust_pc(vcpu);		/* a skip: on the context alone */
	}
}

static inline void kcore_forget_pc(struct kvm_vcpu *vcpu)
{
	vcpu_clear_flag(vcpu, PENDING_EXCEPTION);
	vcpu_clear_flag(vcpu, EXCEPT_MASK);	/* INCREMENT_PC is one of its bits */
}

/* Features that KCore doesn't switch, and debugging from outside: such a vCPU is refused */
static inline bool kcore_vcpu_unsupported(struct kvm_vcpu *vcpu)
{
	return vcpu->guest_debug || vcpu_has_sve(vcpu) || vcpu_has_ptrauth(vcpu) || kvm_has_mte(vcpu->kvm) ||
	       test_bit(KVM_ARM_VCPU_EL1_32BIT, vcpu->arch.features);
}

/* KVM's capabilities for them */
#define kcore_extension_unsupported(ext)						\
	((ext) == KVM_CAP_ARM_SVE || (ext) == KVM_CAP_ARM_PTRAUTH_ADDRESS ||		\
	 (ext) == KVM_CAP_ARM_PTRAUTH_GENERIC || (ext) == KVM_CAP_ARM_MTE ||		\
	 (ext) == KVM_CAP_ARM_EL1_32BIT || (ext) == KVM_CAP_SET_GUEST_DEBUG ||		\
	 (ext) == KVM_CAP_SET_GUEST_DEBUG2 || (ext) == KVM_CAP_GUEST_DEBUG_HW_BPS ||	\
	 (ext) == KVM_CAP_GUEST_DEBUG_HW_WPS)

/* PMU counters that count in the guest only, or not in the guest */
static __always_inline bool kcore_pmu_enter(struct kvm_vcpu *vcpu)
{
#ifdef CONFIG_HW_PERF_EVENTS
	u32 host = vcpu->arch.pmu.events.events_host;
	u32 guest = vcpu->arch.pmu.events.events_guest;

	if (likely(!(host | guest)))
		return false;
	write_sysreg(host, pmcntenclr_el0);
	write_sysreg(guest, pmcntenset_el0);
	return true;
#else
	return false;
#endif
}

static __always_inline void kcore_pmu_leave(struct kvm_vcpu *vcpu)
{
#ifdef CONFIG_HW_PERF_EVENTS
	write_sysreg(vcpu->arch.pmu.events.events_guest, pmcntenclr_el0);
	write_sysreg(vcpu->arch.pmu.events.events_host, pmcntenset_el0);
#endif
}

/* KVM's own stage-2 table */
#define kcore_s2_vtcr(kvm)		((kvm)->arch.vtcr)
#define kcore_s2_root(kvm)		((u64 *)phys_to_virt((kvm)->arch.mmu.pgd_phys))
#define kcore_s2_exists(kvm)		((kvm)->arch.mmu.pgt)
#define kcore_mmu_kvm(mmu)		container_of((mmu)->arch, struct kvm, arch)
#define kcore_mmu_lock(kvm)		write_lock(&(kvm)->mmu_lock)
#define kcore_mmu_unlock(kvm)		write_unlock(&(kvm)->mmu_lock)

#define kcore_running_vcpu()		kvm_get_running_vcpu()

static inline void kcore_mp_state_set(struct kvm_vcpu *vcpu, u32 state)
{
	spin_lock(&vcpu->arch.mp_state_lock);
	WRITE_ONCE(vcpu->arch.mp_state.mp_state, state);
	spin_unlock(&vcpu->arch.mp_state_lock);
}

/* The same from stopped to runnable, where no lock can be taken */
#define kcore_mp_state_unpark(vcpu) \
	cmpxchg_relaxed(&(vcpu)->arch.mp_state.mp_state, KVM_MP_STATE_STOPPED, KVM_MP_STATE_RUNNABLE)

/* Hull of all memory slots; false if there is none, or one that the guest may not write.  Lock: kvm->srcu. */
static inline bool kcore_slots_hull(struct kvm *kvm, u64 *ipa, u64 *bytes)
{
	struct kvm_memslots *slots = kvm_memslots(kvm);
	struct kvm_memory_slot *slot;
	u64 from = U64_MAX, to = 0;
	int bkt;

	kvm_for_each_memslot(slot, bkt, slots) {
		if (slot->flags & (KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES))
			return false;
		from = min_t(u64, from, slot->base_gfn);
		to = max_t(u64, to, slot->base_gfn + slot->npages);
	}
	if (from >= to)
		return false;
	*ipa = from << PAGE_SHIFT;
	*bytes = (to - from) << PAGE_SHIFT;
	return true;
}

#define kcore_vma_flags_set(vma, f)	((vma)->vm_flags |= (f))

static inline int kcore_pin(unsigned long hva, struct page **page)
{
	return pin_user_pages_fast(hva, 1, FOLL_WRITE | FOLL_LONGTERM, page);
}

static inline void kcore_unpin(struct page *page)
{
	unpin_user_pages_dirty_lock(&page, 1, true);
}

#define kcore_for_each_dram(r)		for_each_mem_region(r)
#define kcore_clean_to_poc(va, size) \
	dcache_clean_inval_poc((unsigned long)(va), (unsigned long)(va) + (size))

#define kcore_file_is_vm(file)		file_is_kvm(file)

#endif
