/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SVE of a normal VM, from 5.15 on.  FP and SVE registers are KVM's context's, and the CPU's from the first run after a load to the put; the
 * host's own are saved at the load.  What tells the kernel whose they are (fpsimd_bind_state_to_cpu()), saves them at the put, or for who needs
 * FP in between, is KVM's own code at EL1.  The glue does what KVM's EL2 does otherwise.
 *
 *   kcore_has_sve(vcpu)            the guest has it
 *   kcore_sve_wish(vcpu)           for KCore: the VM's vector length
 *   kcore_sve_in(vcpu)             the guest's registers and ZCR_EL1 into the CPU; the HVC that follows synchronises
 *   kcore_sve_out(vcpu)            ZCR_EL1 to the context, and as the kernel wants it with the registers of the vCPU
 *
 * The release's: kcore_owns_fp(vcpu) and kcore_own_fp(vcpu), kcore_sve_load() with the kernel's arguments, and kcore_sve_put(vcpu), what it does
 * more at a put.
 */
#ifndef KCORE_SVE_H
#define KCORE_SVE_H

#include <asm/fpsimd.h>
#include <asm/sysreg.h>

#define kcore_has_sve(vcpu)		vcpu_has_sve(vcpu)
#define kcore_sve_length(vcpu)		((u64)vcpu_sve_max_vq(vcpu) - 1)
#define kcore_sve_wish(vcpu)		(KCORE_SVE_ON | kcore_sve_length(vcpu))

static __always_inline void kcore_sve_in(struct kvm_vcpu *vcpu)
{
	if (!kcore_owns_fp(vcpu)) {
		write_sysreg_s(kcore_sve_length(vcpu), SYS_ZCR_EL1);
		isb();
		kcore_sve_load((char *)vcpu->arch.sve_state + sve_ffr_offset(vcpu->arch.sve_max_vl), &kcore_fp(vcpu)->fpsr, kcore_sve_length(vcpu));
		kcore_own_fp(vcpu);
	}
	write_sysreg_s(__vcpu_sys_reg(vcpu, ZCR_EL1), SYS_ZCR_EL1);
}

static __always_inline void kcore_sve_out(struct kvm_vcpu *vcpu)
{
	vcpu->arch.kcore.zcr = read_sysreg_s(SYS_ZCR_EL1);
	__vcpu_sys_reg(vcpu, ZCR_EL1) = vcpu->arch.kcore.zcr;
	write_sysreg_s(kcore_sve_length(vcpu), SYS_ZCR_EL1);
	isb();
}

#endif
