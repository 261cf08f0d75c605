/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 5.10: the crossings of this release, and the hooks whose form differs between releases. */
#ifndef __ASM_KCORE_RELEASE_H
#define __ASM_KCORE_RELEASE_H

/* H31 */
#define kcore_note_skip(vcpu)		((void)((vcpu)->arch.kcore.noted |= KCORE_NOTED_SKIP))

/* H43: the kernel saves the host's FP state before KCore may load a guest's */
static inline void kcore_fp_load(struct kvm_vcpu *vcpu)
{
	if (kcore_active())
		fpsimd_save_and_flush_cpu_state();
}

#define kcore_mmu_kvm(mmu)	((mmu)->kvm)

#define kcore_shim___kvm_vcpu_run(vcpu)			kcore_run(vcpu)
#define kcore_shim___kvm_tlb_flush_vmid(mmu)		kcore_flush_vm(kcore_mmu_kvm(mmu))
#define kcore_shim___kvm_tlb_flush_vmid_ipa(mmu, ipa, l) \
	kcore_flush_ipa(kcore_mmu_kvm(mmu), ipa, l)
#define kcore_shim___kvm_flush_cpu_context(mmu)		kcore_flush_local(kcore_mmu_kvm(mmu))
#define kcore_shim___kvm_timer_set_cntvoff(offset)	kcore_set_cntvoff(offset)
#define kcore_shim___kvm_get_mdcr_el2()			kcore_mdcr()
#define kcore_shim___vgic_v3_get_ich_vtr_el2()		kcore_gic_config()
#define kcore_shim___vgic_v3_read_vmcr()		kcore_vmcr_read()

#define kcore_shim___kvm_flush_vm_context()		kcore_nothing()
#define kcore_shim___vgic_v3_write_vmcr(vmcr)		kcore_nothing()
#define kcore_shim___vgic_v3_restore_aprs(cpu_if)	kcore_nothing()
#define kcore_shim___vgic_v3_save_aprs(cpu_if)		kcore_nothing()
#define kcore_shim___vgic_v3_init_lrs()			kcore_nothing()
#define kcore_shim___kvm_enable_ssbs()			kcore_nothing()

#endif
