// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "memory.h"
#include "payload.h"

#define PAYLOADS(X) \
	X(hello,  4,  false, "prints a line") \
	X(bench,  192, true,  "a loop for each operation; prints BENCH lines: instructions (with -icount) or ticks") \
	X(agent,  16, false, "private pages filled with a pattern and checked again (also called secret)") \
	X(regs,   16, false, "keeps known values in x, v and system registers over exits and checks them") \
	X(fp,     8,  false, "floating-point results with exits in between, on all vCPUs") \
	X(spin,   8,  false, "all vCPUs by PSCI CPU_ON; each counts in memory") \
	X(cycles, 4,  false, "work without exits, ticks for each pass") \
	X(ipi,    4,  true,  "two vCPUs that wake each other by SGIs; a BENCH line: instructions (with -icount) or ticks for a round trip") \
	X(irq,    4,  true,  "SGIs on all vCPUs, the priority mask, the virtual timer and a device's line, on a GICv2 or GICv3") \
	X(debug,  4,  false, "hardware breakpoints and watchpoints, each taken; or none, where they are hidden") \
	X(features, 4, false, "optional features: offered by the ID registers or hidden, and whether a hidden one is there") \
	X(measure, 4, false, "prints what KCore measured of this VM, for vmsign")

#define DECLARE(name, mib, gic, text) extern const u8 payload_##name[], payload_##name##_end[];
PAYLOADS(DECLARE)

static const struct payload payloads[] = {
#define ENTRY(name, mib, gic, text) { #name, text, payload_##name, payload_##name##_end, (u64)(mib) << 20, gic },
	PAYLOADS(ENTRY)
};

#define NR_PAYLOADS (sizeof(payloads) / sizeof(payloads[0]))

const struct payload *payload_next(const struct payload *p)
{
	if (!p)
		return payloads;
	return p + 1 < payloads + NR_PAYLOADS ? p + 1 : NULL;
}

const struct payload *payload_find(const char *name)
{
	if (!strcmp(name, "secret"))
		name = "agent";
	for (const struct payload *p = payloads; p < payloads + NR_PAYLOADS; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

int payload_load(struct vm *vm, const struct payload *p)
{
	if (vm->ram_size < p->memory)
		return error_line("payload %s needs %llu MiB of memory", p->name, (unsigned long long)p->memory >> 20);
	memcpy(vm->ram, p->start, (size_t)(p->end - p->start));
	image_add(vm, RAM_BASE, (u64)(p->end - p->start));
	return vm_set_boot(vm, RAM_BASE, 0);
}
