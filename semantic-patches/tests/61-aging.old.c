// SPDX-License-Identifier: GPL-2.0-only
// matches: H23 1
// as up to v5.10
int kvm_age_hva(struct kvm *kvm, unsigned long start, unsigned long end)
{
	if (!kvm->tables)
		return 0;
	return handle_range(kvm, start, end, age);
}

int kvm_test_age_hva(struct kvm *kvm, unsigned long hva)
{
	return handle_range(kvm, hva, hva + 1, test);
}
