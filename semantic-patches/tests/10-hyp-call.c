// SPDX-License-Identifier: GPL-2.0-only
// matches: H01 7
static void none(void)
{
	kvm_call_hyp(__made_up_flush);
}

static int several(struct kvm_vcpu *vcpu)
{
	u64 value = kvm_call_hyp_ret(__made_up_read);
	int ret;

	if (value)
		kvm_call_hyp(__made_up_write, vcpu, value);
	ret = kvm_call_hyp_nvhe(__made_up_init, vcpu->base, vcpu->size, a_rather_long_argument,
				another_argument);
	if (WARN_ON(kvm_call_hyp_nvhe(__made_up_check)))
		return ret;
	return kvm_call_hyp_ret(__made_up_run, vcpu);
}

static void not_ours(struct kvm_vcpu *vcpu)
{
	kvm_call_hypothetical(vcpu);
	kvm_call_hyp((vcpu->ops)->__pointer, vcpu);
	this_cpu_write(made_up, kvm_call_hyp_ret(__made_up_read));
}
