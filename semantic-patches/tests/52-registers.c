// SPDX-License-Identifier: GPL-2.0-only
// matches: H35 4
int kvm_arm_get_reg(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	if (reg->id >> 32)
		return -EINVAL;
	return get(vcpu, reg);
}

int kvm_arm_set_reg(struct kvm_vcpu *vcpu, const struct kvm_one_reg *reg)
{
	return set(vcpu, reg);
}

int kvm_arm_copy_reg_indices(struct kvm_vcpu *vcpu, u64 *indices)
{
	return 0;
}

int __kvm_arm_vcpu_get_events(struct kvm_vcpu *vcpu,
			      struct kvm_vcpu_events *events)
{
	events->pending = vcpu->pending;
	return 0;
}

int __kvm_arm_vcpu_set_events(struct kvm_vcpu *vcpu,
			      struct kvm_vcpu_events *events)
{
	bool pending = events->pending;

	if (pending)
		raise(vcpu);
	return 0;
}
