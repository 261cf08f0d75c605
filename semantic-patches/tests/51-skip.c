// SPDX-License-Identifier: GPL-2.0-only
// matches: H31 0
// as from v5.15: a flag, and another function at EL2
static inline void kvm_incr_pc(struct kvm_vcpu *vcpu)
{
	vcpu->flags |= INCREMENT_PC;
}

static inline void __kvm_skip_instr(struct kvm_vcpu *vcpu)
{
	advance(vcpu);
}
