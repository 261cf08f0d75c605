// SPDX-License-Identifier: GPL-2.0-only
/* Console output, PSCI and the end of a bare-metal guest. */
#include "guest.h"

extern char secondary_start[];

void print(const char *s)
{
	for (; *s; s++)
		asm volatile("strb %w0, [%1]" : : "r"(*s), "r"(UART_BASE) : "memory");
}

void print_number(u64 v)
{
	char b[21], *p = b + 20;

	*p = 0;
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	print(p);
}

void finish(u64 status)
{
	td_write(TD_STATUS, status);
	hvc4(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		asm volatile("wfi");
}

u64 cpu_on(u64 cpu)
{
	return hvc4(PSCI_CPU_ON, cpu, (u64)secondary_start, cpu);
}

__attribute__((weak)) void secondary_main(u64 cpu)
{
	td_write(TD_BEAT + 8 * cpu, 1);
}
