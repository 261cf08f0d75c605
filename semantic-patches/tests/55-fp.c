// SPDX-License-Identifier: GPL-2.0-only
// matches: H43 1
void kvm_arch_vcpu_load_fp(struct kvm_vcpu *vcpu)
{
	BUG_ON(!current->mm);

	if (!system_supports_fpsimd())
		return;
	vcpu->fp_state = FREE;
}

void kvm_arch_vcpu_put_fp(struct kvm_vcpu *vcpu)
{
	save(vcpu);
}
