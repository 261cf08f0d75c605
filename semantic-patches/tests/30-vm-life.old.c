// SPDX-License-Identifier: GPL-2.0-only
// matches: H10 1, H11 1, H12 1
// as up to v5.4: a loop macro that hides the function without the macro file; v6.12's loop
int kvm_arch_init_vm(struct kvm *kvm, unsigned long type)
{
	int ret, cpu;

	if (type)
		return -EINVAL;
	for_each_possible_cpu(cpu)
		*per_cpu_ptr(kvm->ran, cpu) = -1;

	kvm_vgic_early_init(kvm);
	return ret;
}

void kvm_arch_flush_shadow_all(struct kvm *kvm)
{
	for (int i = 0; i < kvm->n; i++)
		free_table(kvm, i);
}

void kvm_arch_destroy_vm(struct kvm *kvm)
{
	int i;

	kvm_vgic_destroy(kvm);
	for (i = 0; i < 4; ++i)
		free_vcpu(kvm, i);
}
