/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys of pointer authentication.  The guest's are in KVM's context and in the CPU for a run only, the host's are in the CPU:
 * of the kernel's own, and of the task's.
 *
 *   kcore_has_ptrauth(vcpu)        KVM lets the guest use it
 *   kcore_keys_in(vcpu, &host)     the host's aside, the guest's into the CPU; the HVC that follows synchronises
 *   kcore_keys_out(vcpu, &host)    the guest's to the context, the host's back and in force
 */
#ifndef KCORE_PTRAUTH_H
#define KCORE_PTRAUTH_H

#include <asm/sysreg.h>

#define KCORE_KEYS(X) X(APIAKEYLO) X(APIAKEYHI) X(APIBKEYLO) X(APIBKEYHI) X(APDAKEYLO) X(APDAKEYHI) X(APDBKEYLO) X(APDBKEYHI) \
	X(APGAKEYLO) X(APGAKEYHI)

struct kcore_keys {
#define KCORE_KEY_FIELD(k)	u64 k;
	KCORE_KEYS(KCORE_KEY_FIELD)
};

#define kcore_has_ptrauth(vcpu)		vcpu_has_ptrauth(vcpu)

static __always_inline void kcore_keys_in(struct kvm_vcpu *vcpu, struct kcore_keys *host)
{
#define KCORE_KEY_IN(k)							\
	host->k = read_sysreg_s(SYS_##k##_EL1);				\
	write_sysreg_s(__vcpu_sys_reg(vcpu, k##_EL1), SYS_##k##_EL1);
	KCORE_KEYS(KCORE_KEY_IN)
}

static __always_inline void kcore_keys_out(struct kvm_vcpu *vcpu, const struct kcore_keys *host)
{
#define KCORE_KEY_OUT(k)						\
	__vcpu_sys_reg(vcpu, k##_EL1) = read_sysreg_s(SYS_##k##_EL1);	\
	write_sysreg_s(host->k, SYS_##k##_EL1);
	KCORE_KEYS(KCORE_KEY_OUT)
	isb();
}

#endif
