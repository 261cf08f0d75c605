// SPDX-License-Identifier: GPL-2.0-only
#include <machine/base.h>
#include <machine/state.h>

static int quota[8];

static int helper(int x)
{
	return x + 1;
}

int guest_enter(struct guest_cpu *cpu, int reason)
{
	int ret = 0;

	/* what the guest asked for last time */
	switch (reason) {
	case 1:
		ret = helper(reason);
		break;
	default:
		if (ret)
			return -1;
	}
	machine_call(do_run, cpu);
	return ret;
}

void guest_leave(struct guest_cpu *cpu)
{
	if (!cpu->guest)
		return;
	machine_call(do_flush, cpu->guest, quota[0], helper(quota[1]), helper(quota[2]));
	machine_call(do_sync);
}

int guest_reset(struct guest_cpu *cpu)
{
	/*
	 * Two lines about
	 * the statement below.
	 */
	cpu->guest = 0;
	return 0;
}

#ifdef CONFIG_GUEST_TRACE
int guest_trace(struct guest_cpu *cpu)
{
	if (cpu->guest) {
#else
int guest_trace(struct guest_cpu *cpu)
{
	if (!cpu->guest) {
#endif
		return 1;
	}
	return 0;
}
