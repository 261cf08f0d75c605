// SPDX-License-Identifier: GPL-2.0-only
// matches: H10 1, H11 1, H12 1
int kvm_arch_init_vm(struct kvm *kvm, unsigned long type)
{
	int ret;

	ret = setup(kvm, type);
	if (ret)
		return ret;
	if (!alloc(kvm)) {
		ret = -ENOMEM;
		goto out;
	}

	kvm_vgic_early_init(kvm);

	kvm->max = 4;
	return 0;
out:
	undo(kvm);
	return ret;
}

void kvm_arch_flush_shadow_all(struct kvm *kvm)
{
	free_tables(kvm);
}

void kvm_arch_destroy_vm(struct kvm *kvm)
{
	bitmap_free(kvm->filter);

	kvm_vgic_destroy(kvm);

	destroy_vcpus(kvm);
}
