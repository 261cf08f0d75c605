/* SPDX-License-Identifier: GPL-2.0-only */
/* A KVM without pointer authentication for guests where it runs with KCore (ptrauth.h has what this stands for). */
#ifndef KCORE_PTRAUTH_NONE_H
#define KCORE_PTRAUTH_NONE_H

struct kcore_keys { };

#define kcore_has_ptrauth(vcpu)		((void)(vcpu), false)

static __always_inline void kcore_keys_in(struct kvm_vcpu *vcpu, struct kcore_keys *host)
{
}

static __always_inline void kcore_keys_out(struct kvm_vcpu *vcpu, const struct kcore_keys *host)
{
}

#endif
