// SPDX-License-Identifier: GPL-2.0-only
static void found(struct kvm_vcpu *vcpu)
{
	kvm_call_hyp(__made_up_flush, vcpu);
	__hyp_set_vectors(vcpu->base);
	write_sysreg(vcpu->value, cptr_el2);
	vcpu->value = read_sysreg(mdcr_el2);
	write_sysreg_s(vcpu->value, SYS_ICH_HCR_EL2);
	arm_smccc_1_1_hvc(FUNCTION, vcpu->base, vcpu->size);
}

static void not_found(struct kvm_vcpu *vcpu)
{
	kcore_call_hyp(__made_up_flush, vcpu);
	write_sysreg(vcpu->value, cpacr_el1);
	vcpu->value = read_sysreg_s(SYS_ICC_PMR_EL1);
	vcpu->mdcr_el2 = 0;
}
