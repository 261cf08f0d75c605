// SPDX-License-Identifier: GPL-2.0-only
// matches: H23 1
bool kvm_age_gfn(struct kvm *kvm, struct kvm_gfn_range *range)
{
	u64 size = (range->end - range->start) << PAGE_SHIFT;

	if (!kvm->tables)
		return false;
	return make_old(kvm, range->start, size);
}

bool kvm_test_age_gfn(struct kvm *kvm, struct kvm_gfn_range *range)
{
	return is_young(kvm, range->start);
}
