// SPDX-License-Identifier: GPL-2.0-only
// v5.15: two forms of the crossing in one function
// matches: H01 3
static int before(struct kvm *kvm, long number)
{
	int r;

	switch (number) {
	case 1:
		r = kvm->made_up;
		break;
	default:
		r = 0;
		break;
	}
	return r;
}

int run_loop(struct kvm_vcpu *vcpu)
{
	int ret = 1;

	while (ret > 0)
		ret = kvm_call_hyp_ret(__made_up_run, vcpu);
	if (unlikely(vcpu->flags & MADE_UP_PENDING))
		kvm_call_hyp(__made_up_adjust, vcpu);
	return ret ? ret : kvm_call_hyp_nvhe(__made_up_check);
}
