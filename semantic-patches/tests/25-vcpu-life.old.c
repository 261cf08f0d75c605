// SPDX-License-Identifier: GPL-2.0-only
// matches: H13 1, H14 1
// as up to v5.4: other functions hold the anchors
void kvm_arch_vcpu_free(struct kvm_vcpu *vcpu)
{
	kvm_timer_vcpu_terminate(vcpu);
	kmem_cache_free(cache, vcpu);
}

int kvm_arch_vcpu_init(struct kvm_vcpu *vcpu)
{
	kvm_timer_vcpu_init(vcpu);

	return other_init(vcpu);
}
