// SPDX-License-Identifier: GPL-2.0-only
// matches: H06 2
#include <asm/mmu_context.h>

asmlinkage notrace void secondary_start_kernel(void)
{
	u64 mpidr = read_cpuid_mpidr() & MPIDR_HWID_BITMASK;
	unsigned int cpu;

	cpu = task_cpu(current);
	set_my_cpu_offset(per_cpu_offset(cpu));
	if (mpidr)
		cpu_startup_entry(cpu);
}

void primary_start_kernel(void)
{
	cpu_startup_entry(0);
}
