/* SPDX-License-Identifier: GPL-2.0-only */
/* What several test files need: VMs that are ready to run, pages, and calls that must fail without a trace. */
#ifndef HELPER_H
#define HELPER_H

#include "fake.h"
#include "invariant.h"

#define MEMORY_BASE	0x80000000UL		/* of protected VMs, IPA */
#define MEMORY_BYTES	0x8000000UL

#define EC_WFX		0x01UL
#define EC_FP		0x07UL
#define EC_HVC		0x16UL
#define EC_SMC		0x17UL
#define EC_SYSREG	0x18UL
#define EC_IABT		0x20UL
#define EC_DABT		0x24UL
#define FSC_TRANSLATION	0x07UL			/* level 3 */
#define FSC_PERMISSION	0x0fUL
#define ESR_IL		0x2000000UL
#define ESR(ec, iss)	((ec) << 26 | ESR_IL | (iss))

#define eq(a, b)	assert_int_equal((u64)(a), (u64)(b))
#define PAGE_FIELD(f)	((u64)offsetof(struct kcore_vcpu_page, f))

/* A test with a new machine. */
#define TEST(name)	{ #name, name, fake_setup, fake_teardown, NULL }

u64 new_page(void);				/* a page of the host's that nothing uses */
u64 new_vcpu(u64 vm, u64 index);
u64 normal_vm(u64 vcpus);			/* handle; ready */
u64 protected_vm(u64 vcpus);			/* handle; ready, memory as above */
void destroy(u64 vm);				/* completely */
void dirty(u64 pa);				/* the host writes into the page */
void start_small(u64 pool_for_vms, u64 reserve);	/* a machine with that many pages in the pool */

/* test-auth.c: signing keys by number */
struct kcore_install installed_keys(u64 nr, const u64 *which);
void sign(u64 vm, const u64 *words, u64 key);	/* into the page of vCPU 0 */
void sign_measurement(u64 vm, u64 key);		/* as KCore has it */

/* The call ends with this error and has changed nothing. */
#define refused(error, expression) do { \
	struct snapshot *before_ = snapshot_take(); \
	u64 r_ = (expression); \
	const char *changed_ = snapshot_changed(before_); \
	snapshot_free(before_); \
	if (r_ != (error)) \
		fail_msg(#expression ": %#lx, expected " #error, r_); \
	if (changed_) \
		fail_msg(#expression ": failed and changed %s", changed_); \
	check_invariant(); \
} while (0)

/* Another CPU's turn after the n-th release of the lock from here. */
static inline void at_release(u64 n, void (*hook)(void))
{
	fake.release_countdown = n;
	fake.release_hook = hook;
}

extern u64 random_seed, random_calls;

#define SUITES(X) X(fake) X(memory) X(host) X(transfer) X(range) X(vm) X(auth) X(run) X(guest) X(psci) X(trap) X(random)
#define SUITE_EXTERN(n) extern const struct CMUnitTest n##_tests[]; extern const size_t n##_count;
SUITES(SUITE_EXTERN)
#define SUITE(n, ...) \
	const struct CMUnitTest n##_tests[] = { __VA_ARGS__ }; \
	const size_t n##_count = sizeof(n##_tests) / sizeof(n##_tests[0]);

#endif
