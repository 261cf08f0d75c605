// SPDX-License-Identifier: GPL-2.0-only
// matches: H25 1
int kvm_arch_prepare_memory_region(struct kvm *kvm,
				   const struct kvm_memory_slot *old,
				   struct kvm_memory_slot *new,
				   enum kvm_mr_change change)
{
	int ret = 0;

	if (change != KVM_MR_CREATE)
		return 0;
	return ret;
}

void kvm_arch_commit_memory_region(struct kvm *kvm, struct kvm_memory_slot *old, enum kvm_mr_change change)
{
	if (change == KVM_MR_DELETE)
		forget(kvm, old);
}
