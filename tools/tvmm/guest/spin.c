// SPDX-License-Identifier: GPL-2.0-only
/*
 * spin: starts every other vCPU by PSCI CPU_ON; each counts in memory and beats by MMIO.  vCPU 0
 * reports how many counted to the end.  A vCPU that isn't there answers INVALID_PARAMETERS.
 */
#include "guest.h"

#define LOOPS 200000UL
#define BEATS 20UL

static volatile u64 count[MAX_CPUS * 8];	/* one cache line for each */

static void work(u64 cpu)
{
	for (u64 beat = 1; beat <= BEATS; beat++) {
		for (u64 i = 0; i < LOOPS / BEATS; i++)
			count[cpu * 8]++;
		td_write(TD_BEAT + 8 * cpu, beat);
	}
}

void secondary_main(u64 cpu)
{
	work(cpu);
}

void main(void)
{
	u64 n = 1, done;

	while (n < MAX_CPUS && !cpu_on(n))
		n++;
	work(0);
	do {
		done = 0;
		for (u64 cpu = 0; cpu < n; cpu++)
			done += count[cpu * 8] >= LOOPS;
		asm volatile("yield");
	} while (done < n);
	print("spin: ");
	print_number(done);
	print(" vCPUs counted to the end\n");
	td_write(TD_REPORT, done);
	finish(0);
}
