/* SPDX-License-Identifier: GPL-2.0-only */
/* A KVM without SVE for guests where it runs with KCore (sve.h has what this stands for). */
#ifndef KCORE_SVE_NONE_H
#define KCORE_SVE_NONE_H

#define kcore_has_sve(vcpu)		((void)(vcpu), false)
#define kcore_sve_wish(vcpu)		0UL

static __always_inline void kcore_sve_in(struct kvm_vcpu *vcpu)
{
}

static inline void kcore_sve_put(struct kvm_vcpu *vcpu)
{
}

static __always_inline void kcore_sve_out(struct kvm_vcpu *vcpu)
{
}

#endif
