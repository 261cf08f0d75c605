// SPDX-License-Identifier: GPL-2.0-only
// matches: H13 1, H14 1
int kvm_arch_vcpu_create(struct kvm_vcpu *vcpu)
{
	int err;

	kvm_timer_vcpu_init(vcpu);

	err = other_init(vcpu);
	return err;
}

void kvm_arch_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	free_cache(vcpu);
	kvm_timer_vcpu_terminate(vcpu);
}
