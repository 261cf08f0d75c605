/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Up to 5.10 KVM moves the program counter of its context, and enters an exception there, at once.  For a normal VM that
 * is all there is to do.  For a protected VM the context means nothing: H30 and H31 note what KVM wants to happen.
 */
#ifndef KCORE_PC_DIRECT_H
#define KCORE_PC_DIRECT_H

#define KCORE_NO_SYNDROME	(~0UL)

/*
 * H30, at the entry of KVM's functions that give an exception: those that enter it write a syndrome into the context, the
 * one that makes an SError pending (HCR_EL2.VSE, taken over with each run) writes none.
 */
static inline void kcore_expect_exception(struct kvm_vcpu *vcpu)
{
	if (vcpu->arch.kcore.where & KCORE_IS_PRIVATE) {
		vcpu->arch.kcore.noted |= KCORE_NOTED_INJECT;
		__vcpu_sys_reg(vcpu, ESR_EL1) = KCORE_NO_SYNDROME;
	}
}

static __always_inline bool kcore_exception_pending(struct kvm_vcpu *vcpu)
{
	return (vcpu->arch.kcore.noted & KCORE_NOTED_INJECT) && __vcpu_sys_reg(vcpu, ESR_EL1) != KCORE_NO_SYNDROME;
}

/* For a normal VM: a skip only */
static __always_inline bool kcore_pc_pending(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.kcore.noted && ((vcpu->arch.kcore.noted & KCORE_NOTED_SKIP) || kcore_exception_pending(vcpu));
}

static __always_inline void kcore_forget_pc(struct kvm_vcpu *vcpu)
{
	vcpu->arch.kcore.noted = 0;
}

/* The trapped instruction, of four bytes, is done: KVM's function, with H31 in it */
static __always_inline void kcore_skip(struct kvm_vcpu *vcpu)
{
	kvm_skip_instr(vcpu, true);
}

static __always_inline void kcore_apply_pc(struct kvm_vcpu *vcpu)
{
	kcore_forget_pc(vcpu);
}

#endif
