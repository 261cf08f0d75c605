/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM that is attacked: a protected VM with the agent payload, whose private pages hold a pattern
 * that only the guest can vouch for.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include "console.h"
#include "driver.h"
#include "payload.h"
#include "tap.h"
#include "testdev.h"

#define SECRET_IPA	(RAM_BASE + (4UL << 20))
#define SECRET_BYTES	(64UL << 12)
#define SECRET_SEED	0x5ec7e75eedUL
#define FRESH_IPA	(RAM_BASE + (6UL << 20))	/* never touched before by anybody */

struct victim {
	struct vm vm;
	struct testdev dev;
	struct console console;
	u64 handle;
	u8 *secret;			/* the VMM's mapping of the secret pages */
	u64 secret_pa;			/* physical address of the first */
};

/* Opens the driver, starts the VM, has the secret written.  give_up()s if anything of that fails. */
void victim_start(struct victim *v, unsigned int vcpus);

/* One command to the agent. */
u64 agent(struct victim *v, u64 command, u64 a0, u64 a1, u64 a2, u64 a3);
u64 agent_with_hook(struct victim *v, u64 command, u64 a0, u64 a1, probe_hook hook, void *arg);

/* Evidence from the guest: answers, memory intact, no exception that it didn't cause. */
void victim_expect_intact(struct victim *v);

/* Destroys the VM; evidence that KCore has as many pages, VMs and vCPUs as before victim_start(). */
void victim_end(struct victim *v);

/* skip()s if the driver can't execute even a page of the host's: then a refusal says nothing. */
void require_kernel_execution(void);

/* All of a private page's pattern, for comparison with what an attacker read */
u64 secret_word(u64 offset);

/* A normal VM with the agent, for attacks through a second VM. */
void accomplice_start(struct victim *v);

/* Is there a KCore?  Then it doesn't offer the capability to protected VMs. */
bool has_protected(int kvm, int capability);

/* A thread that runs vCPU `index' without end on that CPU at real-time priority, so that it stays loaded. */
struct runner {
	struct victim *v;
	unsigned int index, cpu;
	pthread_t thread;
	atomic_bool stop;
};
void runner_start(struct runner *r, struct victim *v, unsigned int index, unsigned int cpu);
void runner_stop(struct runner *r);
void pin_to_cpu(unsigned int cpu);
unsigned int cpus_online(void);
int set_cpu(unsigned int cpu, bool online);	/* 0, or -1 and errno */
#endif
