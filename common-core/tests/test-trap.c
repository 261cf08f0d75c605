/* SPDX-License-Identifier: GPL-2.0-only */
/* trap.c, stats.c, log.c */
#include "helper.h"

static void stub_calls(void **state)
{
	(void)state;
	for (u64 fn = 0; fn < KCORE_STUB_CALLS; fn++) {
		eq(hvc(fn, 0x1000, 0x2000, 0x3000, 0, 0), fn == 3 ? 0 : KCORE_STUB_ERR);
		eq(this_cpu()->vttbr, cells.root_base);
	}
	eq(call(STATS_READ, KCORE_STAT_stub_refused), 15);
	eq(call(LOG_READ, 14), 0);
	eq(this_cpu()->x[1], LOG_STUB_REFUSED);
	eq(this_cpu()->x[2], 15);
	check_invariant();
}

static void unknown_calls(void **state)
{
	static const u64 unknown[] = { KCORE_STUB_CALLS, KCORE_FN_BASE - 1, KCORE_FN_BASE + 27, KCORE_FN_BASE + 0xff, KCORE_FN_BASE | 1UL << 32,
				       KCORE_FN_BASE | 1UL << 63, 0x86004b00UL, ~0UL };

	(void)state;
	for (u64 i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		refused(KCORE_ENOSYS, hvc(unknown[i], 1, 2, 3, 4, 5));
	eq(call(STATS_READ, KCORE_STAT_host_call_error), sizeof(unknown) / sizeof(unknown[0]));
}

static void version_and_info(void **state)
{
	(void)state;
	eq(call(VERSION), KCORE_ABI_VERSION);
	eq(call(INFO, KCORE_INFO_ICH_VTR), 0x90000003UL);
	eq(call(INFO, KCORE_INFO_MDCR), 0x3006);
	eq(call(INFO, KCORE_INFO_REGION_BASE), REGION_BASE);
	eq(call(INFO, KCORE_INFO_REGION_SIZE), REGION_BYTES);
	eq(call(INFO, KCORE_INFO_IMAGE_SIZE), 0x123000);
	eq(call(INFO, KCORE_INFO_SIGNED_ONLY), 0);
	refused(KCORE_EINVAL, call(INFO, KCORE_INFO_NR));
	refused(KCORE_EINVAL, call(INFO, ~0UL));
}

static void statistics(void **state)
{
	u64 vm = protected_vm(3);

	(void)state;
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK), 0);
	eq(call(STATS_READ, KCORE_STAT_pages_core), REGION_BYTES / 4096);
	eq(call(STATS_READ, KCORE_STAT_pages_vm), 1);
	eq(call(STATS_READ, KCORE_STAT_pool_total), cells.pool_pages);
	eq(call(STATS_READ, KCORE_STAT_pool_free), cells.pool_pages - 5);	/* 3 contexts, 2 tables */
	eq(call(STATS_READ, KCORE_STAT_vms), 1);
	eq(call(STATS_READ, KCORE_STAT_vcpus), 3);
	eq(call(STATS_READ, KCORE_STAT_pages_scrubbed), 0);
	refused(KCORE_EINVAL, call(STATS_READ, KCORE_NR_STATS));
	refused(KCORE_EINVAL, call(STATS_READ, ~0UL));
	/* sums over the CPUs, but the maximum of the time at EL2 */
	fake_setup(NULL);
	for (u64 i = 0; i < FAKE_CPUS; i++) {
		on_cpu(i);
		for (u64 n = 0; n <= i; n++)
			hvc(7, 0, 0, 0, 0, 0);
		stat_max(i, KCORE_STAT_el2_max, 1000 * (4 - i));
	}
	stat_max(3, KCORE_STAT_el2_max, 1);
	eq(call(STATS_READ, KCORE_STAT_stub_refused), 10);
	eq(call(STATS_READ, KCORE_STAT_el2_max), 4000);
}

static void time_at_el2(void **state)
{
	(void)state;
	eq(call(STATS_READ, KCORE_STAT_el2_max), 0);
	eq(call(STATS_READ, KCORE_STAT_el2_max), 7);		/* one tick of the fake counter per reading */
	host_fault(EC_DABT, FSC_TRANSLATION, 0, REGION_BASE);	/* reads it once more for the log */
	eq(call(STATS_READ, KCORE_STAT_el2_max), 14);
}

static void log_ring(void **state)
{
	(void)state;
	refused(KCORE_EAGAIN, call(LOG_READ, 0));
	refused(KCORE_EAGAIN, call(LOG_READ, ~0UL));
	for (u64 i = 0; i < LOG_ENTRIES + 44; i++)
		hvc(i % 2 ? 4 : 5, 0, 0, 0, 0, 0);
	for (u64 i = 0; i < LOG_ENTRIES + 45; i++) {
		if (i < 44) {
			refused(KCORE_EINVAL, call(LOG_READ, i));	/* overwritten */
		} else if (i < LOG_ENTRIES + 44) {
			eq(call(LOG_READ, i), 0);
			eq(this_cpu()->x[1], LOG_STUB_REFUSED);
			eq(this_cpu()->x[2], i % 2 ? 4 : 5);
			eq(this_cpu()->x[3], 0);
			assert_true(this_cpu()->x[4] > 0);
		} else {
			refused(KCORE_EAGAIN, call(LOG_READ, i));
		}
	}
}

static void other_traps_are_undefined(void **state)
{
	struct fake_cpu *c = this_cpu();
	static const u64 classes[] = { 0x00, 0x01, 0x03, 0x09, 0x0c, 0x15, 0x18, 0x19, 0x1d, 0x22, 0x3c, 0x3f };

	(void)state;
	for (u64 i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		c->pc = 0x400000;
		c->pstate = 0;
		host_sync(ESR(classes[i], 0x1234), 0x5678, 0);
		eq(c->pc, c->el1[EL1_vbar_el1] + 0x400);
		eq(c->el1[EL1_elr_el1], 0x400000);
		eq(c->el1[EL1_esr_el1], ESR_IL);
		check_invariant();
	}
}

static void events_of_the_host_halt(void **state)
{
	(void)state;
	for (u64 kind = 1; kind < 3; kind++) {
		assert_violation(host_trap(kind), V_HALT);
		eq(fake.halt_code, HALT_HOST_EVENT);
		eq(fake.halt_value, kind);
	}
}

/* Every call with nonsense in every argument; the table's own errors only. */
static void nonsense_everywhere(void **state)
{
	static const u64 values[] = { 0, 1, 2, 16, 255, 256, 4095, 4096, 0x1000000000UL, IPA_END, 1UL << 63, ~0xfffUL, ~0UL };
	const u64 n = sizeof(values) / sizeof(values[0]);
	u64 r;

	(void)state;
	for (u64 fn = KCORE_FN_BASE; fn < KCORE_FN_BASE + 22; fn++) {
		for (u64 i = 0; i < n * n; i++) {
			u64 a = values[i % n], b = values[i / n];

			if (fn == KCORE_HC_VM_CREATE && a < 2)
				continue;
			r = hvc(fn, a, b, a ^ b, b, 7);
			if (r >= KCORE_ERR_MIN)
				assert_true(r == KCORE_EINVAL || r == KCORE_EPERM || r == KCORE_ESTATE || r == KCORE_EAGAIN);
		}
	}
	check_invariant();
	eq(cells.vms_alive + cells.vcpus_alive + cells.pages_vm, 0);
}

SUITE(trap,
      TEST(stub_calls), TEST(unknown_calls), TEST(version_and_info), TEST(statistics), TEST(time_at_el2), TEST(log_ring),
      TEST(other_traps_are_undefined), TEST(events_of_the_host_halt), TEST(nonsense_everywhere))
