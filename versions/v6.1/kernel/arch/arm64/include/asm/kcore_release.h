/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 6.1: the crossings of this release and the hooks whose form differs between releases. */
#ifndef __ASM_KCORE_RELEASE_H
#define __ASM_KCORE_RELEASE_H

struct kvm_s2_mmu;
struct vgic_v3_cpu_if;

int kcore_handle_guest_abort(struct kvm_vcpu *vcpu);
void kcore_age_gfn(struct kvm *kvm, u64 start, u64 end);

/* H43: KVM itself saves the host's FP state before it loads a vCPU */
static inline void kcore_fp_load(struct kvm_vcpu *vcpu)
{
}

/* Called only with kcore_active().  Each returns a value, for all three forms of the crossing. */
long kcore_adjust_pc(struct kvm_vcpu *vcpu);
long kcore_flush_vm(struct kvm_s2_mmu *mmu);
long kcore_flush_ipa(struct kvm_s2_mmu *mmu, phys_addr_t ipa, int level);
long kcore_flush_local(struct kvm_s2_mmu *mmu);
long kcore_set_cntvoff(u64 offset);
u64 kcore_gic_config(void);
u64 kcore_vmcr_read(void);
long kcore_aprs_load(struct vgic_v3_cpu_if *cpu_if);
u64 kcore_mdcr(void);
long kcore_refused(void);

#define kcore_shim___kvm_vcpu_run(vcpu)			kcore_run(vcpu)
#define kcore_shim___kvm_adjust_pc(vcpu)		kcore_adjust_pc(vcpu)
#define kcore_shim___kvm_tlb_flush_vmid(mmu)		kcore_flush_vm(mmu)
#define kcore_shim___kvm_tlb_flush_vmid_ipa(mmu, ipa, l) kcore_flush_ipa(mmu, ipa, l)
#define kcore_shim___kvm_flush_cpu_context(mmu)		kcore_flush_local(mmu)
#define kcore_shim___kvm_timer_set_cntvoff(offset)	kcore_set_cntvoff(offset)
#define kcore_shim___kvm_get_mdcr_el2()			kcore_mdcr()
#define kcore_shim___vgic_v3_get_gic_config()		kcore_gic_config()
#define kcore_shim___vgic_v3_read_vmcr()		kcore_vmcr_read()
#define kcore_shim___vgic_v3_restore_aprs(cpu_if)	kcore_aprs_load(cpu_if)

/* VMIDs are KCore's; VMCR and the active priorities move with VCPU_LOAD and VCPU_PUT; KCore clears the list registers */
static inline long kcore_nothing(void)
{
	return 0;
}

#define kcore_shim___kvm_flush_vm_context()		kcore_nothing()
#define kcore_shim___vgic_v3_write_vmcr(vmcr)		kcore_nothing()
#define kcore_shim___vgic_v3_save_aprs(cpu_if)		kcore_nothing()
#define kcore_shim___vgic_v3_init_lrs()			kcore_nothing()
#define kcore_shim___kvm_enable_ssbs()			kcore_nothing()

/* Upstream's protected mode: kcore_boot_mode() refuses it before any of these can be reached */
#define kcore_shim___pkvm_init(...)			kcore_refused()
#define kcore_shim___pkvm_prot_finalize(...)		kcore_refused()
#define kcore_shim___pkvm_cpu_set_vector(...)		kcore_refused()
#define kcore_shim___pkvm_host_share_hyp(...)		kcore_refused()
#define kcore_shim___pkvm_host_unshare_hyp(...)		kcore_refused()
#define kcore_shim___pkvm_create_private_mapping(...)	kcore_refused()
#define kcore_shim___pkvm_vcpu_init_traps(...)		kcore_refused()

#endif
