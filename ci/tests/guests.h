/* SPDX-License-Identifier: GPL-2.0-only */
/* VMs with a payload or with a test's own code, and KCore's counters before and after: what the tests of VMs' lives share. */
#ifndef GUESTS_H
#define GUESTS_H

#include "victim.h"

struct guest {
	struct vm vm;
	struct console console;
	struct testdev dev;
	enum vm_stop why;
	pthread_t thread;
};

/* skip()s where there are no such VMs, give_up()s if the VM isn't ready to run. */
void guest_start(struct guest *g, const char *payload, bool is_protected, unsigned int vcpus, bool no_gic);
void guest_run_in_thread(struct guest *g);
void guest_end(struct guest *g, const char *name);	/* waits; evidence that it powered off as it should */

/* A VM with a test's own code at RAM_BASE, made as `config' says.  These give_up() too. */
void code_load(struct vm *vm, const struct vm_config *config, const u8 *code, const u8 *end);
void code_enter(struct vcpu *vcpu, u64 at);			/* the vCPU's next run begins there, at EL1 with all masked */
void set_register(struct vcpu *vcpu, u64 id, u64 value);
u64 get_register(struct vcpu *vcpu, u64 id);
void run_to_mmio(struct vcpu *vcpu);				/* the guest's next exit to the VMM has to be such an access */

/* Counters that are as before when all VMs of a test are gone */
#define NR_KEPT 5
#define KEPT_VMS 3
#define KEPT_VCPUS 4
void take(u64 *into);

/*
 * The host's own stage 2 takes pages of the pool too, when a block of its is split for a donation, and keeps
 * them: of the pool, `tables' may be missing.
 */
void expect_same(const u64 *before, u64 tables);
u64 host_tables(void);	/* tables that splitting all of the host's blocks could cost */
#endif
