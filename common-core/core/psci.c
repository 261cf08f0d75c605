/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SMCs of the host.  CPUs that it switches on, and that wake from a suspend, come to KCore first
 * and reach the host at EL1.  Everything else by an allow list.
 */
#include "core.h"

#define PSCI_CPU_SUSPEND	0x84000001UL
#define PSCI_CPU_OFF		0x84000002UL
#define PSCI_CPU_ON		0x84000003UL
#define PSCI_64			0x40000000UL
#define PSCI_POWERDOWN		0x40010000UL	/* StateType, original and extended format (5.4.2) */

#define PSCI_NOT_SUPPORTED	0xffffffffffffffffUL	/* -1 */
#define PSCI_INVALID		0xfffffffffffffffeUL	/* -2 */
#define PSCI_DENIED		0xfffffffffffffffdUL	/* -3 */
#define PSCI_ALREADY_ON		0xfffffffffffffffcUL	/* -4 */

/* Number of the CPU with this affinity, or nr_cpus. */
static u64 cpu_by_affinity(u64 mpidr)
{
	u64 n = get_nr_cpus();
	u64 v;
	u64 i;

	for (i = 0UL; i < n; i++) {
		v = get_cpu_mpidr(i);
		if (v == mpidr)
			return i;
	}
	return n;
}

/*
 * Keep where the host wants the CPU to start, and let firmware start it in KCore with its number in x0.
 * Always by the 64-bit form of the function: the 32-bit form would cut KCore's address in half.
 */
static void relay_entry(u64 cpu, u64 fn, u64 entry, u64 x0)
{
	u64 resume = resume_entry();

	host_x_set(0UL, fn | PSCI_64);
	set_cpu_entry(cpu, entry);
	set_cpu_entry_x0(cpu, x0);
	host_x_set(2UL, resume);
	host_x_set(3UL, cpu);
}

/* Claim an off CPU for a start.  Lock: held. */
static u64 cpu_on_claim(u64 cpu)
{
	u64 power = get_cpu_power(cpu);

	if (power != POWER_OFF)
		return PSCI_ALREADY_ON;
	set_cpu_power(cpu, POWER_BOOT);
	return 0UL;
}

/* Arguments of the 32-bit form are words. */
static u64 argument(u64 fn, u64 v)
{
	return (fn & PSCI_64) != 0UL ? v : v & 0xffffffffUL;
}

static void host_cpu_on(u64 fn)
{
	u64 mpidr = host_x(1UL);
	u64 x2 = host_x(2UL);
	u64 x3 = host_x(3UL);
	u64 entry = argument(fn, x2);
	u64 x0 = argument(fn, x3);
	u64 n = get_nr_cpus();
	u64 cpu = cpu_by_affinity(mpidr & 0xff00ffffffUL);
	u64 r = PSCI_INVALID;

	if (cpu < n) {
		lock_acquire();
		r = cpu_on_claim(cpu);
		if (r == 0UL)
			log_event(LOG_CPU_ON, cpu, entry);
		lock_release();
	}
	if (r != 0UL) {
		host_x_set(0UL, r);
		return;
	}
	relay_entry(cpu, PSCI_CPU_ON, entry, x0);
	smc_forward();
	host_x_set(2UL, x2);
	host_x_set(3UL, x3);
	r = host_x(0UL);
	if (r != 0UL)
		set_cpu_power(cpu, POWER_OFF);
}

/* A CPU with a loaded vCPU may not go away. */
static void host_cpu_off(u64 cpu)
{
	u64 vcpu = get_cpu_vcpu(cpu);

	if (vcpu != NO_VCPU) {
		host_x_set(0UL, PSCI_DENIED);
		return;
	}
	set_cpu_power(cpu, POWER_OFF);
	smc_forward();
	set_cpu_power(cpu, POWER_ON);	/* firmware refused */
}

static void host_cpu_suspend(u64 cpu, u64 fn)
{
	u64 state = host_x(1UL);
	u64 x2 = host_x(2UL);
	u64 x3 = host_x(3UL);
	u64 entry = argument(fn, x2);
	u64 x0 = argument(fn, x3);
	u64 vcpu = get_cpu_vcpu(cpu);

	if ((state & PSCI_POWERDOWN) == 0UL) {
		smc_forward();
		return;
	}
	if (vcpu != NO_VCPU) {
		host_x_set(0UL, PSCI_DENIED);
		return;
	}
	relay_entry(cpu, PSCI_CPU_SUSPEND, entry, x0);
	smc_forward();
	host_x_set(2UL, x2);
	host_x_set(3UL, x3);
}

/* Calls that go to firmware as they are. */
static u64 smc_allowed(u64 fn)
{
	u64 base = fn & ~PSCI_64;

	if (fn == 0x84000000UL || base == 0x84000004UL || fn == 0x84000006UL)
		return 1UL;		/* PSCI_VERSION, AFFINITY_INFO, MIGRATE_INFO_TYPE */
	if (fn == 0x84000008UL || fn == 0x84000009UL || base == 0x84000012UL)
		return 1UL;		/* SYSTEM_OFF, SYSTEM_RESET, SYSTEM_RESET2 */
	if (fn == 0x80000000UL || fn == 0x80000001UL || fn == 0x80000002UL)
		return 1UL;		/* SMCCC_VERSION, ARCH_FEATURES, SOC_ID */
	if (fn == 0x80008000UL || fn == 0x80007fffUL || fn == 0x80003fffUL)
		return 1UL;		/* ARCH_WORKAROUND_1, _2, _3 */
	if (base >= 0x84000050UL && base <= 0x84000053UL)
		return 1UL;		/* TRNG (DEN 0098) */
	return 0UL;
}

/* PSCI_FEATURES: what KCore doesn't relay isn't there. */
static void host_features(void)
{
	u64 x1 = host_x(1UL);
	u64 fn = x1 & 0xffffffffUL;
	u64 base = fn & ~PSCI_64;
	u64 allowed = smc_allowed(fn);

	if (allowed != 0UL || (base >= PSCI_CPU_SUSPEND && base <= PSCI_CPU_ON) || fn == 0x8400000aUL)
		smc_forward();
	else
		host_x_set(0UL, PSCI_NOT_SUPPORTED);
}

/* A trapped SMC; the PC is still at it. */
void host_smc(u64 cpu)
{
	u64 x0 = host_x(0UL);
	u64 fn = x0 & 0xffffffffUL;
	u64 base = fn & ~PSCI_64;
	u64 pc = host_pc();
	u64 allowed;

	host_pc_set(pc + 4UL);
	stat_add(cpu, KCORE_STAT_host_smc);
	if (base == PSCI_CPU_ON) {
		host_cpu_on(fn);
		return;
	}
	if (fn == PSCI_CPU_OFF) {
		host_cpu_off(cpu);
		return;
	}
	if (base == PSCI_CPU_SUSPEND) {
		host_cpu_suspend(cpu, fn);
		return;
	}
	if (fn == 0x8400000aUL) {
		host_features();
		return;
	}
	allowed = smc_allowed(fn);
	if (allowed != 0UL) {
		smc_forward();
		return;
	}
	stat_add(cpu, KCORE_STAT_host_smc_denied);
	lock_acquire();
	log_event(LOG_SMC_REFUSED, fn, 0UL);
	lock_release();
	host_x_set(0UL, PSCI_NOT_SUPPORTED);
}
