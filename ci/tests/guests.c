// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "guests.h"

void guest_start(struct guest *g, const char *payload, bool is_protected, unsigned int vcpus, bool no_gic)
{
	const struct payload *p = payload_find(payload);
	struct vm_config config = { .is_protected = is_protected, .vcpus = vcpus, .memory = p->memory, .no_gic = no_gic };
	bool environment;

	if (vm_create(&g->vm, &config, &environment)) {
		if (environment)
			skip("no %s VM on this host", is_protected ? "protected" : "normal");
		give_up("VM not created");
	}
	if (console_attach(&g->vm, &g->console, "guest| ") || testdev_attach(&g->vm, &g->dev) || payload_load(&g->vm, p) ||
	    vm_finalise(&g->vm))
		give_up("VM not set up");
}

static void *run_guest(void *arg)
{
	struct guest *g = arg;

	g->why = vm_run(&g->vm, 120);
	return NULL;
}

void guest_run_in_thread(struct guest *g)
{
	if (pthread_create(&g->thread, NULL, run_guest, g))
		give_up("no thread");
}

void guest_end(struct guest *g, const char *name)
{
	pthread_join(g->thread, NULL);
	console_flush(&g->console);
	if (g->why != VM_POWER_OFF || !g->dev.have_status || g->dev.status || g->dev.faults)
		expect(false, "%s VM: end %d, status %#llx, %lu exceptions", name, g->why, (unsigned long long)g->dev.status,
		       g->dev.faults);
	vm_destroy(&g->vm);
}

#define PSTATE_EL1H	0x3c5UL		/* D, A, I and F */

void code_load(struct vm *vm, const struct vm_config *config, const u8 *code, const u8 *end)
{
	bool environment;

	if (vm_create(vm, config, &environment))
		give_up("VM not created");
	memcpy(vm->ram, code, (size_t)(end - code));
	__builtin___clear_cache((char *)vm->ram, (char *)vm->ram + (end - code));
}

void code_enter(struct vcpu *vcpu, u64 at)
{
	set_register(vcpu, VM_REG_CORE(regs.pc), at);
	set_register(vcpu, VM_REG_CORE(regs.pstate), PSTATE_EL1H);
}

void set_register(struct vcpu *vcpu, u64 id, u64 value)
{
	int r = vcpu_set_reg(vcpu, id, value);

	if (r)
		give_up("write of register %#llx: %s", (unsigned long long)id, strerror(-r));
}

u64 get_register(struct vcpu *vcpu, u64 id)
{
	u64 value = 0;
	int r = vcpu_get_reg(vcpu, id, &value);

	if (r)
		give_up("read of register %#llx: %s", (unsigned long long)id, strerror(-r));
	return value;
}

void run_to_mmio(struct vcpu *vcpu)
{
	int r;

	do
		r = vcpu_step(vcpu);
	while (r == -EINTR);
	if (r != KVM_EXIT_MMIO)
		give_up("exit %d instead of an access to the test device", r);
}

static const enum kcore_stat kept[NR_KEPT] = {
	KCORE_STAT_pages_core, KCORE_STAT_pages_vm, KCORE_STAT_pool_free, KCORE_STAT_vms, KCORE_STAT_vcpus,
};

void take(u64 *into)
{
	for (unsigned int i = 0; i < NR_KEPT; i++)
		into[i] = stat_read(kept[i]);
}

void expect_same(const u64 *before, u64 tables)
{
	u64 now[NR_KEPT];

	take(now);
	for (unsigned int i = 0; i < NR_KEPT; i++) {
		bool same = now[i] == before[i];

		if (kept[i] == KCORE_STAT_pool_free)
			same = now[i] <= before[i] && before[i] - now[i] <= tables;
		expect(same, "%s %llu, then %llu", stat_name(kept[i]), (unsigned long long)before[i], (unsigned long long)now[i]);
	}
}

u64 host_tables(void)
{
	return (driver_info()->dram_end - driver_info()->dram_start) / BLOCK_SIZE + 2;
}
