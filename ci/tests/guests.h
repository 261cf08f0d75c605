/* SPDX-License-Identifier: GPL-2.0-only */
/* VMs with a payload, and KCore's counters before and after: what the tests of VMs' lives share. */
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
