/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From 5.11 on KVM only marks a vCPU whose instruction it has finished or to which it gives an exception; its EL2 does the
 * rest before the next run.  The release's header says where the marks are:
 *
 *   kcore_pc_pending(vcpu)             any of them
 *   kcore_exception_pending(vcpu)      an exception, else a skip
 *   kcore_exception_is_sync(vcpu)      ... a synchronous one, to EL1 in AArch64
 *   kcore_exception_vector32(vcpu)     ... one to EL1 in AArch32: the offset of its vector; 0: none of KVM's
 *   kcore_forget_pc(vcpu)              clears them
 */
#ifndef KCORE_PC_DEFERRED_H
#define KCORE_PC_DEFERRED_H

/* The trapped instruction is done */
static __always_inline void kcore_skip(struct kvm_vcpu *vcpu)
{
	kvm_incr_pc(vcpu);
}

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

/*
 * The same in AArch32 (G1.12): Undefined Instruction (4), prefetch abort (12) and data abort (16), the only ones that KVM gives.
 * SPSR and CPSR differ in the place of DIT.
 */
static noinline void kcore_take_exception32(struct kvm_vcpu *vcpu, u32 vector)
{
	u64 *pstate = &kcore_gp(vcpu)->pstate, *pc = &kcore_gp(vcpu)->pc;
	u32 old = *pstate, sctlr = __vcpu_sys_reg(vcpu, SCTLR_EL1);
	u32 back = *pc + (vector == 16 ? 8 : vector == 4 && (old & PSR_AA32_T_BIT) ? 2 : 4);
	u32 new = old & (PSR_AA32_N_BIT | PSR_AA32_Z_BIT | PSR_AA32_C_BIT | PSR_AA32_V_BIT | PSR_AA32_Q_BIT | PSR_AA32_DIT_BIT |
			 PSR_AA32_PAN_BIT | PSR_AA32_GE_MASK | PSR_AA32_A_BIT | PSR_AA32_F_BIT);

	new |= PSR_AA32_I_BIT | (sctlr & BIT(31) ? PSR_AA32_SSBS_BIT : 0) | (sctlr & BIT(30) ? PSR_AA32_T_BIT : 0) |	/* DSSBS, TE */
	       (sctlr & BIT(25) ? PSR_AA32_E_BIT : 0) | (sctlr & BIT(23) ? 0 : PSR_AA32_PAN_BIT);			/* EE, SPAN */
	if (vector == 4) {
		kcore_spsr(vcpu, und) = host_spsr_to_spsr32(old);
		kcore_gp(vcpu)->compat_lr_und = back;
		*pstate = new | PSR_AA32_MODE_UND;
	} else {
		kcore_spsr(vcpu, abt) = host_spsr_to_spsr32(old);
		kcore_gp(vcpu)->compat_lr_abt = back;
		*pstate = new | PSR_AA32_A_BIT | PSR_AA32_MODE_ABT;
	}
	*pc = vector + (sctlr & BIT(13) ? 0xffff0000U : (u32)__vcpu_sys_reg(vcpu, VBAR_EL1));				/* V */
}

/* What is pending, on the context.  A skip is __kvm_adjust_pc()'s where it isn't four bytes. */
static __always_inline void kcore_apply_pc(struct kvm_vcpu *vcpu)
{
	if (unlikely(kcore_exception_pending(vcpu))) {
		if (unlikely(kcore_has_aarch32(vcpu))) {
			if (kcore_exception_vector32(vcpu))
				kcore_take_exception32(vcpu, kcore_exception_vector32(vcpu));
		} else if (kcore_exception_is_sync(vcpu)) {
			kcore_take_exception(vcpu);
		}
		kcore_forget_pc(vcpu);
	} else if (likely(!(kcore_gp(vcpu)->pstate & PSR_MODE32_BIT))) {
		kcore_gp(vcpu)->pc += 4;
		kcore_gp(vcpu)->pstate &= ~(u64)(PSR_BTYPE_MASK | DBG_SPSR_SS);
		kcore_forget_pc(vcpu);
	} else {
		__kvm_adjust_pc(vcpu);
	}
}

/* H30: KVM's marks say it all */
static inline void kcore_expect_exception(struct kvm_vcpu *vcpu)
{
}

#endif
