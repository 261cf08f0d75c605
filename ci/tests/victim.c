// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <asm/kcore.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "victim.h"

static u64 before[KCORE_NR_STATS];
static const enum kcore_stat counted[] = {
	KCORE_STAT_pages_core, KCORE_STAT_pages_vm, KCORE_STAT_vms, KCORE_STAT_vcpus,
};
#define NR_COUNTED (sizeof(counted) / sizeof(counted[0]))

static void start(struct victim *v, bool is_protected, unsigned int vcpus)
{
	struct vm_config config = { .is_protected = is_protected, .vcpus = vcpus, .memory = 16UL << 20 };
	bool environment;

	if (vm_create(&v->vm, &config, &environment)) {
		if (environment)
			skip("no %s VM on this host", is_protected ? "protected" : "normal");
		give_up("VM not created");
	}
	if (console_attach(&v->vm, &v->console, "# guest| ") || testdev_attach(&v->vm, &v->dev) ||
	    payload_load(&v->vm, payload_find("agent")) || vm_finalise(&v->vm))
		give_up("VM not set up");
	if (agent(v, AGENT_NOP, 0, 0, 0, 0) != AGENT_HELLO)
		give_up("the agent doesn't answer");
	if (is_protected)
		v->handle = vm_handle(v->vm.fd);
	v->secret = v->vm.ram + (SECRET_IPA - RAM_BASE);
}

void victim_start(struct victim *v, unsigned int vcpus)
{
	driver_open();
	guard_install();
	for (unsigned int i = 0; i < NR_COUNTED; i++)
		before[counted[i]] = stat_read(counted[i]);
	start(v, true, vcpus);
	agent(v, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED, 0);
	v->secret_pa = user_pa(v->secret);
	if (!v->secret_pa)
		give_up("no page behind the secret");
}

void accomplice_start(struct victim *v)
{
	start(v, false, 1);
}

u64 agent_with_hook(struct victim *v, u64 command, u64 a0, u64 a1, probe_hook hook, void *arg)
{
	u64 r;

	if (agent_call(&v->vm, &v->dev, command, (const u64[4]){ a0, a1 }, &r, hook, arg))
		give_up("the guest doesn't run any more");
	return r;
}

u64 agent(struct victim *v, u64 command, u64 a0, u64 a1, u64 a2, u64 a3)
{
	u64 r;

	if (agent_call(&v->vm, &v->dev, command, (const u64[4]){ a0, a1, a2, a3 }, &r, NULL, NULL))
		give_up("the guest doesn't run any more");
	return r;
}

u64 secret_word(u64 offset)
{
	return pattern(SECRET_IPA + offset, SECRET_SEED);
}

void victim_expect_intact(struct victim *v)
{
	u64 bad = agent(v, AGENT_CHECK, SECRET_IPA, SECRET_BYTES, SECRET_SEED, 0);
	u64 exceptions = agent(v, AGENT_EXCEPTIONS, 0, 0, 0, 0);

	expect(!bad, "guest: %s", bad ? "memory changed" : "memory intact");
	if (exceptions)
		expect(false, "guest: %llu exceptions, last ESR %#llx", (unsigned long long)(exceptions & 0xffffffff),
		       (unsigned long long)(exceptions >> 32));
}

void victim_end(struct victim *v)
{
	vm_destroy(&v->vm);
	for (unsigned int i = 0; i < NR_COUNTED; i++) {
		u64 now = stat_read(counted[i]);

		if (now != before[counted[i]])
			expect(false, "%s was %llu, is %llu", stat_name(counted[i]), (unsigned long long)before[counted[i]],
			       (unsigned long long)now);
	}
}

void require_kernel_execution(void)
{
	u64 page = page_alloc(0), x0 = 1;
	int error = phys_write64(page, 0xd65f03c0d65f03c0UL);	/* ret */

	if (!error)
		error = phys_exec(page, &x0);
	page_free(page);
	if (error)
		skip("the driver can't execute a page of the host's either: %s", strerror(error));
}

void pin_to_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		give_up("CPU %u: %s", cpu, strerror(errno));
}

unsigned int cpus_online(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

int set_cpu(unsigned int cpu, bool online)
{
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	r = write(fd, online ? "1" : "0", 1) == 1 ? 0 : -1;
	close(fd);
	return r;
}

static void *run_without_end(void *arg)
{
	struct runner *r = arg;
	struct sched_param priority = { .sched_priority = 50 };

	pin_to_cpu(r->cpu);
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority);
	while (!atomic_load(&r->stop)) {
		int e = vcpu_step(&r->v->vm.vcpus[r->index]);

		if (e < 0 && e != -EINTR)
			break;
	}
	return NULL;
}

void runner_start(struct runner *r, struct victim *v, unsigned int index, unsigned int cpu)
{
	r->v = v;
	r->index = index;
	r->cpu = cpu;
	atomic_store(&r->stop, false);
	if (pthread_create(&r->thread, NULL, run_without_end, r))
		give_up("no thread");
}

void runner_stop(struct runner *r)
{
	atomic_store(&r->stop, true);
	r->v->vm.vcpus[r->index].run->immediate_exit = 1;
	pthread_kill(r->thread, SIGUSR1);
	pthread_join(r->thread, NULL);
	r->v->vm.vcpus[r->index].run->immediate_exit = 0;
}

bool has_protected(int kvm, int capability)
{
	int fd = ioctl(kvm, KVM_CREATE_VM, 0);
	bool has, offered;

	if (fd < 0)
		give_up("KVM_CREATE_VM: %s", strerror(errno));
	has = !ioctl(fd, KCORE_IOC_SET_TYPE, KCORE_TYPE_PROTECTED);
	offered = ioctl(fd, KVM_CHECK_EXTENSION, capability) > 0;
	if (has)
		expect(!offered, "a protected VM is %soffered it", offered ? "" : "not ");
	else
		remark("no protected VM on this host");
	close(fd);
	return has;
}
