/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 4.18: the crossings of this release and the hooks whose form differs between releases. */
#ifndef __ASM_KCORE_RELEASE_H
#define __ASM_KCORE_RELEASE_H

/* H20, in KVM's table of exit handlers; `run' is the vCPU's own */
static inline int kcore_handle_guest_abort(struct kvm_vcpu *vcpu, struct kvm_run *run)
{
	return kcore_guest_abort(vcpu);
}
#define kcore_handle_guest_abort kcore_handle_guest_abort

/* H43: the kernel saves the host's FP state before KCore may load a guest's; no softirq uses FP meanwhile */
static inline void kcore_fp_load(struct kvm_vcpu *vcpu)
{
	unsigned long flags;

	if (!kcore_active())
		return;
	local_irq_save(flags);
	fpsimd_save();
	fpsimd_flush_cpu_state();
	local_irq_restore(flags);
}

/* H31.  KVM's EL2 text has a copy of kvm_skip_instr(): nothing but the vCPU may be touched, and no function called. */
#define kcore_note_skip(vcpu)				((vcpu)->arch.kcore.noted |= KCORE_NOTED_SKIP)

/* H01: there is one macro for all crossings, and it is an expression */
#define kcore_call_hyp(f, ...)							\
	({									\
		u64 __kcore_ret;						\
										\
		if (kcore_active())						\
			__kcore_ret = kcore_shim_##f(__VA_ARGS__);		\
		else								\
			__kcore_ret = kvm_call_hyp(f, ##__VA_ARGS__);		\
		__kcore_ret;							\
	})

#define kcore_shim___kvm_vcpu_run_nvhe(vcpu)		kcore_run(vcpu)
#define kcore_shim___kvm_tlb_flush_vmid(kvm)		kcore_flush_vm(kvm)
#define kcore_shim___kvm_tlb_flush_vmid_ipa(kvm, ipa)	kcore_flush_ipa(kvm, ipa, 0)
#define kcore_shim___kvm_tlb_flush_local_vmid(vcpu)	kcore_flush_local((vcpu)->kvm)
#define kcore_shim___kvm_timer_set_cntvoff(low, high)	kcore_set_cntvoff((u64)(high) << 32 | (low))
#define kcore_shim___kvm_get_mdcr_el2()			kcore_mdcr()
#define kcore_shim___vgic_v3_get_ich_vtr_el2()		kcore_gic_config()
#define kcore_shim___vgic_v3_read_vmcr()		kcore_vmcr_read()

#define kcore_shim___kvm_flush_vm_context()		kcore_nothing()
#define kcore_shim___vgic_v3_write_vmcr(vmcr)		kcore_nothing()
#define kcore_shim___vgic_v3_restore_aprs(vcpu)		kcore_nothing()
#define kcore_shim___vgic_v3_save_aprs(vcpu)		kcore_nothing()
#define kcore_shim___vgic_v3_init_lrs()			kcore_nothing()

#endif
