// SPDX-License-Identifier: GPL-2.0-only
// matches: H30 4
void kvm_inject_dabt(struct kvm_vcpu *vcpu, unsigned long addr)
{
	if (vcpu_el1_is_32bit(vcpu))
		inject32(vcpu, addr);
	else
		inject64(vcpu, addr);
}

void kvm_inject_pabt(struct kvm_vcpu *vcpu, unsigned long addr)
{
	inject64(vcpu, addr);
}

void kvm_inject_size_fault(struct kvm_vcpu *vcpu)
{
	kvm_inject_dabt(vcpu, 0);
}

void kvm_inject_undefined(struct kvm_vcpu *vcpu)
{
	u32 esr = 0;

	inject_undef(vcpu, esr);
}

void kvm_inject_vabt(struct kvm_vcpu *vcpu)
{
	set_esr(vcpu, 0);
}
