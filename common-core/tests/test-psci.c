/* SPDX-License-Identifier: GPL-2.0-only */
/* psci.c: the host's SMCs */
#include "helper.h"

#define SUCCESS		0UL
#define NOT_SUPPORTED	~0UL
#define INVALID		~1UL
#define DENIED		~2UL
#define ALREADY_ON	~3UL

static void not_forwarded(u64 expected, u64 fn, u64 x1, u64 x2, u64 x3)
{
	u64 before = fake.smc_calls;

	eq(host_smc_call(fn, x1, x2, x3), expected);
	eq(fake.smc_calls, before);
	eq(this_cpu()->x[2], x2);
	eq(this_cpu()->x[3], x3);
}

static void forwarded(u64 fn, u64 x1, u64 x2, u64 x3)
{
	u64 before = fake.smc_calls;

	fake.smc_result = 0x77;
	eq(host_smc_call(fn, x1, x2, x3), 0x77);
	eq(fake.smc_calls, before + 1);
	eq(fake.smc_x[0], fn);
	eq(fake.smc_x[1], x1);
	eq(fake.smc_x[2], x2);
	eq(fake.smc_x[3], x3);
}

static void allow_list(void **state)
{
	static const u64 good[] = {
		0x84000000UL, 0x84000004UL, 0xc4000004UL, 0x84000006UL, 0x84000008UL, 0x84000009UL, 0x84000012UL, 0xc4000012UL,
		0x80000000UL, 0x80000001UL, 0x80000002UL, 0x80008000UL, 0x80007fffUL, 0x80003fffUL,
		0x84000050UL, 0x84000053UL, 0xc4000053UL,
	};
	static const u64 bad[] = {
		0UL, 0x84000005UL, 0x84000007UL, 0x8400000bUL, 0x8400000cUL, 0xc400000eUL, 0x8400000fUL, 0x84000013UL, 0x84000014UL,
		0x8400004fUL, 0x84000054UL, 0x80000003UL, 0xc2000001UL, 0x82000000UL, 0x84000060UL /* FF-A */, 0xc4000020UL /* SDEI */,
		0xbf000001UL, 0xffffffffUL, 0xc4000002UL, 0xc6004b00UL,
	};

	(void)state;
	for (u64 i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		forwarded(good[i], 1, 2, 3);
	for (u64 i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		not_forwarded(NOT_SUPPORTED, bad[i], 1, 2, 3);
	eq(call(STATS_READ, KCORE_STAT_host_smc_denied), sizeof(bad) / sizeof(bad[0]));
	eq(call(STATS_READ, KCORE_STAT_host_smc), (sizeof(good) + sizeof(bad)) / sizeof(bad[0]));
	eq(call(LOG_READ, 1), 0);
	eq(this_cpu()->x[1], LOG_SMC_REFUSED);
	eq(this_cpu()->x[2], bad[1]);
	check_invariant();
}

static void features(void **state)
{
	static const u64 there[] = { 0x84000000UL, 0x84000001UL, 0xc4000001UL, 0x84000002UL, 0x84000003UL, 0xc4000003UL, 0xc4000004UL,
				     0x84000008UL, 0x84000009UL, 0x8400000aUL, 0xc4000012UL, 0x80000000UL };
	static const u64 hidden[] = { 0x8400000eUL, 0xc400000eUL, 0x84000005UL, 0x84000013UL, 0xc400000cUL, 0x8400000fUL };

	(void)state;
	for (u64 i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		forwarded(0x8400000aUL, there[i], 2, 3);
	for (u64 i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		not_forwarded(NOT_SUPPORTED, 0x8400000aUL, hidden[i], 2, 3);
}

static void cpu_on_errors(void **state)
{
	(void)state;
	cells.cpu_power[3] = POWER_OFF;
	not_forwarded(INVALID, 0xc4000003UL, 7, 0x1000, 5);
	not_forwarded(INVALID, 0xc4000003UL, 0xff00000000UL, 0x1000, 5);
	not_forwarded(ALREADY_ON, 0xc4000003UL, 0, 0x1000, 5);
	not_forwarded(ALREADY_ON, 0xc4000003UL, 1, 0x1000, 5);
	not_forwarded(ALREADY_ON, 0xc4000003UL, 0x102, 0x1000, 5);
	eq(cells.cpu_power[3], POWER_OFF);
	eq(cells.cpu_entry[1], 0);
}

static void in_firmware(void)
{
	eq(cells.cpu_power[3], POWER_BOOT);
	eq(fake.lock_owner, -1);
	on_cpu(1);						/* another CPU tries the same one */
	not_forwarded(ALREADY_ON, 0xc4000003UL, 0x103, 0x9999, 9);
	on_cpu(0);
}

/* Firmware starts the CPU in KCore, by the 64-bit function, with the CPU's number; the host's entry is kept. */
static void cpu_on(void **state)
{
	(void)state;
	cells.cpu_power[3] = POWER_OFF;
	fake.smc_hook = in_firmware;
	fake.smc_result = SUCCESS;
	eq(host_smc_call(0xc4000003UL, 0x103, 0xffff000012345678UL, 0xc0ffee), SUCCESS);
	eq(fake.smc_calls, 1);
	eq(fake.smc_x[0], 0xc4000003UL);
	eq(fake.smc_x[1], 0x103);
	eq(fake.smc_x[2], resume_entry());
	eq(fake.smc_x[3], 3);
	eq(cells.cpu_entry[3], 0xffff000012345678UL);
	eq(cells.cpu_entry_x0[3], 0xc0ffee);
	eq(this_cpu()->x[2], 0xffff000012345678UL);
	eq(this_cpu()->x[3], 0xc0ffee);
	eq(cells.cpu_power[3], POWER_BOOT);			/* boot.c says ON when it is there */
	eq(call(LOG_READ, 0), 0);
	eq(this_cpu()->x[1], LOG_CPU_ON);
	fake.smc_hook = NULL;
	cells.cpu_power[3] = POWER_OFF;				/* 32-bit form: the host's words, KCore's whole address */
	eq(host_smc_call(0xffffffff84000003UL, 0x103, 0xffff000012345678UL, 0xf00c0ffeeUL), SUCCESS);
	eq(fake.smc_x[0], 0xc4000003UL);
	eq(fake.smc_x[2], resume_entry());
	eq(cells.cpu_entry[3], 0x12345678UL);
	eq(cells.cpu_entry_x0[3], 0xc0ffee);
	cells.cpu_power[3] = POWER_OFF;				/* firmware refuses */
	fake.smc_result = DENIED;
	eq(host_smc_call(0xc4000003UL, 0x103, 0x1000, 5), DENIED);
	eq(cells.cpu_power[3], POWER_OFF);
}

static void going_off(void)
{
	eq(cells.cpu_power[0], POWER_OFF);
}

static void cpu_off(void **state)
{
	u64 vm = normal_vm(1);

	(void)state;
	eq(call(VCPU_LOAD, vm * 16), 0);
	not_forwarded(DENIED, 0x84000002UL, 1, 2, 3);
	eq(cells.cpu_power[0], POWER_ON);
	eq(call(VCPU_PUT), 0);
	fake.smc_hook = going_off;
	fake.smc_result = DENIED;				/* it comes back: refused */
	eq(host_smc_call(0x84000002UL, 0, 0, 0), DENIED);
	eq(fake.smc_calls, 1);
	eq(cells.cpu_power[0], POWER_ON);
}

static void cpu_suspend(void **state)
{
	u64 vm = normal_vm(1);

	(void)state;
	forwarded(0xc4000001UL, 0x1, 0x1000, 5);		/* standby: nothing is lost, returns here */
	eq(cells.cpu_entry[0], 0);
	fake.smc_result = DENIED;
	eq(host_smc_call(0xc4000001UL, 0x10000, 0xffff000012345678UL, 5), DENIED);
	eq(fake.smc_x[0], 0xc4000001UL);
	eq(fake.smc_x[1], 0x10000);
	eq(fake.smc_x[2], resume_entry());
	eq(fake.smc_x[3], 0);
	eq(cells.cpu_entry[0], 0xffff000012345678UL);
	eq(cells.cpu_entry_x0[0], 5);
	eq(this_cpu()->x[2], 0xffff000012345678UL);
	eq(this_cpu()->x[3], 5);
	on_cpu(1);
	eq(host_smc_call(0x84000001UL, 0x40000000UL, 0xffff000012345678UL, 5), DENIED);
	eq(fake.smc_x[0], 0xc4000001UL);
	eq(fake.smc_x[3], 1);
	eq(cells.cpu_entry[1], 0x12345678UL);
	eq(call(VCPU_LOAD, vm * 16), 0);
	not_forwarded(DENIED, 0xc4000001UL, 0x10000, 0x1000, 5);
	forwarded(0xc4000001UL, 0x1, 0x1000, 5);
}

SUITE(psci, TEST(allow_list), TEST(features), TEST(cpu_on_errors), TEST(cpu_on), TEST(cpu_off), TEST(cpu_suspend))
