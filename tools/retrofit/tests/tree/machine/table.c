// SPDX-License-Identifier: GPL-2.0-only
#include <machine/state.h>

int handle_other(struct guest_cpu *cpu)
{
	return cpu->guest != 0;
}

int handle_fault(struct guest_cpu *cpu)
{
	return handle_other(cpu);
}

static handler_fn exit_table[] = {
	[0] = handle_other,
	[1] = handle_fault,
	[2] = handle_fault,
};

int dispatch(struct guest_cpu *cpu, unsigned int n)
{
	return exit_table[n](cpu);
}
