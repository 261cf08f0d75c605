// SPDX-License-Identifier: GPL-2.0-only
// matches: H25 1
// as up to v5.10: other parameters in between
int kvm_arch_prepare_memory_region(struct kvm *kvm,
				   struct kvm_memory_slot *memslot,
				   const struct kvm_userspace_memory_region *mem,
				   enum kvm_mr_change change)
{
	hva_t hva = mem->userspace_addr;

	if (change != KVM_MR_CREATE)
		return 0;
	return check(hva);
}
