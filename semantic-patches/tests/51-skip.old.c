// SPDX-License-Identifier: GPL-2.0-only
// matches: H31 1
// as up to v5.10
static inline void kvm_skip_instr(struct kvm_vcpu *vcpu, bool is_wide_instr)
{
	if (vcpu_mode_is_32bit(vcpu))
		skip32(vcpu, is_wide_instr);
	else
		*vcpu_pc(vcpu) += 4;
}
