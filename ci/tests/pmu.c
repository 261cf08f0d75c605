// SPDX-License-Identifier: GPL-2.0-only
/* pmu: what the host counts while a VM runs, in the guest only and not in the guest, and that its user space is as it was. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "console.h"
#include "payload.h"
#include "tap.h"
#include "testdev.h"

enum which { ALL, HOST, GUEST, NR_COUNTERS };

static struct {
	struct vm vm;
	struct console console;
	struct testdev dev;
} g;
static int fds[NR_COUNTERS];
static sigjmp_buf trapped;

/* Cycles of this thread */
static int counter(enum which which)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = PERF_COUNT_HW_CPU_CYCLES,
		.exclude_guest = which == HOST, .exclude_host = which == GUEST,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* Until 5.2 KVM switches no counters, and the driver takes both words without heeding them */
static bool tells_guests(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		give_up("unknown kernel");
	return major > 5 || (major == 5 && minor >= 2);
}

static void counters_open(void)
{
	if (!tells_guests())
		skip("this kernel counts guest and host alike");
	for (int i = 0; i < NR_COUNTERS; i++) {
		fds[i] = counter((enum which)i);
		if (fds[i] < 0)
			skip("the host counts no cycles of %s: %s", i == ALL ? "its own" : i == HOST ? "the host alone" : "a guest alone",
			     strerror(errno));
	}
}

static u64 counted(enum which which)
{
	u64 n;

	if (read(fds[which], &n, sizeof(n)) != sizeof(n))
		give_up("counter not read: %s", strerror(errno));
	return n;
}

static void on_trap(int sig)
{
	(void)sig;
	siglongjmp(trapped, 1);
}

/* May user space read the cycle counter? */
static bool readable(void)
{
	struct sigaction act = { .sa_handler = on_trap }, old;
	volatile bool yes = false;
	u64 v;

	sigaction(SIGILL, &act, &old);
	if (!sigsetjmp(trapped, 1)) {
		asm volatile("mrs %0, pmccntr_el0" : "=r"(v));
		yes = true;
	}
	sigaction(SIGILL, &old, NULL);
	return yes;
}

static void vm_start(bool is_protected)
{
	const struct payload *p = payload_find("cycles");
	struct vm_config config = { .is_protected = is_protected, .vcpus = 1, .memory = p->memory };
	bool environment;

	if (vm_create(&g.vm, &config, &environment)) {
		if (environment)
			skip("no %s VM on this host", is_protected ? "protected" : "normal");
		give_up("VM not created");
	}
	if (console_attach(&g.vm, &g.console, "guest| ") || testdev_attach(&g.vm, &g.dev) || payload_load(&g.vm, p) || vm_finalise(&g.vm))
		give_up("VM not set up");
}

/* In this thread, whose cycles are counted */
static void vm_run_here(void)
{
	int r;

	do
		r = vcpu_step(&g.vm.vcpus[0]);
	while (r == KVM_EXIT_MMIO || r == -EINTR);
	expect(r == KVM_EXIT_SYSTEM_EVENT && g.dev.have_status && !g.dev.status && !g.dev.faults, "the guest's end: %d", r);
}

static void count(bool is_protected)
{
	bool before = readable();
	u64 n[NR_COUNTERS];

	vm_start(is_protected);
	counters_open();
	vm_run_here();
	/* what counts all was opened first and is read last; how much is the guest's depends on the machine */
	for (int i = NR_COUNTERS - 1; i >= 0; i--)
		n[i] = counted((enum which)i);
	expect(n[GUEST] > n[ALL] / 8 && n[HOST] > n[ALL] / 64, "%llu cycles, %llu in the guest, %llu in the host", (unsigned long long)n[ALL],
	       (unsigned long long)n[GUEST], (unsigned long long)n[HOST]);
	expect(n[GUEST] + n[HOST] <= n[ALL], "none is counted for both");
	expect(!before && !readable(), "the cycle counter is the kernel's alone");
	for (int i = 0; i < NR_COUNTERS; i++)
		close(fds[i]);
	vm_destroy(&g.vm);
}

static void normal(void)
{
	count(false);
}

static void protected(void)
{
	count(true);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "normal", "cycles of a normal VM's run, in the guest and in the host", normal, 0 },
		{ "protected", "cycles of a protected VM's run, in the guest and in the host", protected, 0 },
		{ 0 },
	};

	return run_tests("pmu", argc, argv, tests);
}
