/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HVCs of protected guests to the vendor hypervisor service of KVM, as Linux's arm-pkvm-guest makes them (include/linux/arm-smccc.h):
 * who is there, pages of their memory, and pages of devices (MMIO guard); and KCore's own calls for their measurement and a quote of it.
 */
#include "core.h"

#define KVM_UID			0x8600ff01UL
#define KVM_UID_0		0xb66fb428UL
#define KVM_UID_1		0xe911c52eUL
#define KVM_UID_2		0x564bcaa9UL
#define KVM_UID_3		0x743a004dUL
#define KVM_FEATURES		0x86000000UL
#define KVM_FEATURES_0		0x29dUL		/* bit n: function n; these are */
#define KVM_HYP_MEMINFO		0xc6000002UL
#define KVM_MEM_SHARE		0xc6000003UL
#define KVM_MEM_UNSHARE		0xc6000004UL
#define KVM_MMIO_GUARD		0xc6000007UL
#define KVM_MEM_RELINQUISH	0xc6000009UL
#define SMCCC_NOT_SUPPORTED	0xffffffffffffffffUL	/* -1 */
#define SMCCC_INVALID		0xfffffffffffffffdUL	/* -3 */

/* x0 to x3 */
static void guest_words(u64 context, u64 w0, u64 w1, u64 w2, u64 w3)
{
	page_store(context, CTX_X(0UL), w0);
	page_store(context, CTX_X(1UL), w1);
	page_store(context, CTX_X(2UL), w2);
	page_store(context, CTX_X(3UL), w3);
}

/* Share, unshare or relinquish the page at x1; x2 and x3 are 0.  HVC_DONE, or HVC_FAULT with the PC at the call again. */
static u64 guest_memory(u64 vcpu, u64 context, u64 ask)
{
	u64 ipa = page_load(context, CTX_X(1UL));
	u64 x2 = page_load(context, CTX_X(2UL));
	u64 x3 = page_load(context, CTX_X(3UL));
	u64 pc = page_load(context, CTX_PC);
	u64 r = KCORE_EINVAL;

	if ((x2 | x3) == 0UL)
		r = guest_mem(vcpu / KCORE_VM_VCPUS, ipa, ask);
	if (r == KCORE_EAGAIN) {
		page_store(context, CTX_PC, pc - 4UL);
		return HVC_FAULT;
	}
	page_store(context, CTX_X(0UL), r == 0UL ? 0UL : SMCCC_INVALID);
	return HVC_DONE;
}

/* The page at x1, outside of the VM's memory, is the host's to serve; x2 and x3 are 0. */
static void guest_guard(u64 vcpu, u64 context)
{
	u64 ipa = page_load(context, CTX_X(1UL));
	u64 x2 = page_load(context, CTX_X(2UL));
	u64 x3 = page_load(context, CTX_X(3UL));
	u64 r = KCORE_EINVAL;

	if ((x2 | x3) == 0UL)
		r = guard_give(vcpu / KCORE_VM_VCPUS, ipa);
	page_store(context, CTX_X(0UL), r == 0UL ? 0UL : SMCCC_INVALID);
}

/* x1: the word that x1 names of the VM's own measurement. */
static void guest_measurement(u64 vcpu, u64 context)
{
	u64 n = page_load(context, CTX_X(1UL));
	u64 v = measure_word(vcpu / KCORE_VM_VCPUS, KCORE_QUOTE_GUEST, n);

	guest_words(context, 0UL, v, 0UL, 0UL);
}

/* The VM's measurement and x1..x4, signed.  Without the lock, which no guest may keep for so long: another of its own vCPUs may spoil it. */
static void guest_quote(u64 vcpu, u64 context)
{
	u64 d0 = page_load(context, CTX_X(1UL));
	u64 d1 = page_load(context, CTX_X(2UL));
	u64 d2 = page_load(context, CTX_X(3UL));
	u64 d3 = page_load(context, CTX_X(4UL));
	u64 made = measure_quote(vcpu / KCORE_VM_VCPUS, KCORE_QUOTE_GUEST, d0, d1, d2, d3);

	guest_words(context, made != 0UL ? 0UL : SMCCC_NOT_SUPPORTED, 0UL, 0UL, 0UL);
}

/* HVC_OTHER: none of these calls; HVC_DONE, HVC_FAULT. */
u64 guest_vendor(u64 vcpu)
{
	u64 context = get_vcpu_context(vcpu);
	u64 x0 = page_load(context, CTX_X(0UL));
	u64 fn = x0 & 0xffffffffUL;
	u64 r = HVC_DONE;

	if (fn == KVM_UID)
		guest_words(context, KVM_UID_0, KVM_UID_1, KVM_UID_2, KVM_UID_3);
	else if (fn == KVM_FEATURES)
		guest_words(context, KVM_FEATURES_0, 0UL, 0UL, 0UL);
	else if (fn == KVM_HYP_MEMINFO)
		page_store(context, CTX_X(0UL), PAGE_BYTES);
	else if (fn == KVM_MEM_SHARE)
		r = guest_memory(vcpu, context, MEM_SHARE);
	else if (fn == KVM_MEM_UNSHARE)
		r = guest_memory(vcpu, context, MEM_UNSHARE);
	else if (fn == KVM_MEM_RELINQUISH)
		r = guest_memory(vcpu, context, MEM_RELINQUISH);
	else if (fn == KVM_MMIO_GUARD)
		guest_guard(vcpu, context);
	else if (fn == KCORE_HC_VM_MEASUREMENT)
		guest_measurement(vcpu, context);
	else if (fn == KCORE_HC_VM_QUOTE)
		guest_quote(vcpu, context);
	else
		r = HVC_OTHER;
	return r;
}
