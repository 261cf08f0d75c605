// SPDX-License-Identifier: GPL-2.0-only
// matches: H36 1
int kvm_arch_vcpu_ioctl_set_guest_debug(struct kvm_vcpu *vcpu,
					struct kvm_guest_debug *dbg)
{
	int ret = 0;

	trace(vcpu, dbg->control);
	if (dbg->control & ~VALID)
		ret = -EINVAL;
	return ret;
}
