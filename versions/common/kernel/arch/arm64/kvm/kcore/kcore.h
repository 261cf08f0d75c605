/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the glue share. */
#ifndef KCORE_H
#define KCORE_H

#include <linux/kvm_host.h>
#include <asm/kcore.h>
#include "abi.h"
#include "release.h"

#undef pr_fmt
#define pr_fmt(fmt) "kcore: " fmt

#define KCORE_IPA_END		(1UL << 40)	/* KCore's stage 2 has one geometry for all VMs */

/* What kcore_handle_guest_abort() is to do before anything else, in a context that may sleep */
#define KCORE_TODO_NOTHING	0
#define KCORE_TODO_FINALISE	1
#define KCORE_TODO_PARK		2		/* off by PSCI: sleep until the guest turns it on */
#define KCORE_TODO_FAIL		3		/* end KVM_RUN with the vCPU's error */

/* install.c */
extern phys_addr_t kcore_base;
extern u64 kcore_size;
extern u64 kcore_image_size;
extern struct { u64 base, size; } kcore_denied[KCORE_MAX_DENIED];
extern unsigned int kcore_nr_denied;
extern char kcore_image_hash[65];
extern char kcore_key_hash[KCORE_MAX_KEYS][65];
extern unsigned int kcore_nr_keys;
extern char kcore_quote_key[129];

/* run.c */
u64 kcore_vcpu_load(struct kvm_vcpu *vcpu);
void kcore_registers_wanted(struct kvm_vcpu *vcpu);

/* stage2.c */
int kcore_donate_frame(struct kvm *kvm, unsigned long gfn);
void kcore_flush_range(struct kvm *kvm, u64 ipa, u64 bytes);

/* vm.c */
int kcore_vcpu_todo(struct kvm_vcpu *vcpu);

/*
 * One hypercall.  x1 comes back too; x2..x30 are kept.  The arguments are in variables before the first register
 * variable is set, so nothing is evaluated between those and the hvc.
 */
static __always_inline u64 kcore_hvc(u64 fn, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 *second)
{
	register u64 x0 asm("x0") = fn;
	register u64 x1 asm("x1") = a1;
	register u64 x2 asm("x2") = a2;
	register u64 x3 asm("x3") = a3;
	register u64 x4 asm("x4") = a4;
	register u64 x5 asm("x5") = a5;

	asm volatile("hvc #0"
		     : "+r" (x0), "+r" (x1)
		     : "r" (x2), "r" (x3), "r" (x4), "r" (x5)
		     : "memory");
	if (second)
		*second = x1;
	return x0;
}

static __always_inline u64 kcore_hvc1(u64 fn, u64 a1)
{
	register u64 x0 asm("x0") = fn;
	register u64 x1 asm("x1") = a1;

	asm volatile("hvc #0" : "+r" (x0), "+r" (x1) : : "memory");
	return x0;
}

static inline u64 kcore_hvc3(u64 fn, u64 a1, u64 a2, u64 a3)
{
	return kcore_hvc(fn, a1, a2, a3, 0, 0, NULL);
}

static inline bool kcore_is_error(u64 r)
{
	return r >= KCORE_ERR_MIN;
}

/* A KCore error as a negative errno; the values are those of the host's errno but for STATE */
static inline int kcore_errno(u64 r)
{
	return r == KCORE_ESTATE ? -EINVAL : (int)(s64)r;
}

#endif
