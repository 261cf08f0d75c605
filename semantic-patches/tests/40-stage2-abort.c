// SPDX-License-Identifier: GPL-2.0-only
// matches: H20 2
int kvm_handle_guest_abort(struct kvm_vcpu *vcpu);

static exit_handle_fn arm_exit_handlers[] = {
	[0 ... EC_MAX]	= unknown,
	[EC_IABT]	= kvm_handle_guest_abort,
	[EC_DABT]	= kvm_handle_guest_abort,
	[EC_DEBUG]	= kvm_handle_guest_debug,
};

int kvm_handle_guest_abort(struct kvm_vcpu *vcpu)
{
	return resolve(vcpu);
}
