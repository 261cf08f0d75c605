// SPDX-License-Identifier: GPL-2.0-only
/* life: VMs come and go, many at once, on CPUs that come and go; nothing is lost. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guests.h"
#include "life.h"
#include "rawvm.h"

#define CYCLES 1000
#define PAGES_A_CYCLE 4

static void cycles(void)
{
	static bool used[KCORE_NR_VMS];
	unsigned int failed = 0, handles = 0;
	u64 before[NR_KEPT], scrubbed;

	driver_open();
	guard_install();
	take(before);
	scrubbed = stat_read(KCORE_STAT_pages_scrubbed);
	for (unsigned int i = 0; i < CYCLES && failed < 3; i++) {
		static struct guest g;
		u64 handle;
		int exits = 0;

		memset(&g, 0, sizeof(g));
		guest_start(&g, "agent", i & 1, 1, false);
		handle = vm_handle(g.vm.fd);
		if (!handle || handle >= KCORE_NR_VMS)
			give_up("cycle %u: handle %llu", i, (unsigned long long)handle);
		handles += !used[handle];
		used[handle] = true;
		g.dev.command = AGENT_OFF;
		g.dev.args[0] = 0;
		for (;;) {
			int r = vcpu_step(&g.vm.vcpus[0]);

			if (r == KVM_EXIT_SYSTEM_EVENT)
				break;
			if ((r != KVM_EXIT_MMIO && r != -EINTR) || ++exits > 100) {
				failed++;
				expect(false, "cycle %u: exit %d", i, r);
				break;
			}
		}
		vm_destroy(&g.vm);
	}
	scrubbed = stat_read(KCORE_STAT_pages_scrubbed) - scrubbed;
	expect(scrubbed >= CYCLES / 2 * PAGES_A_CYCLE, "%u cycles, %llu pages scrubbed", CYCLES, (unsigned long long)scrubbed);
	expect(handles < 8, "%u handles used", handles);
	expect_same(before, host_tables());
}

static void many(void)
{
	static struct guest guests[KCORE_NR_VMS - 1];
	struct rlimit files = { 4096, 4096 };
	unsigned int n = 0, answered = 0;
	u64 before[NR_KEPT], r;

	driver_open();
	guard_install();
	setrlimit(RLIMIT_NOFILE, &files);
	take(before);
	if (before[KEPT_VMS])
		skip("%llu VMs are alive already", (unsigned long long)before[KEPT_VMS]);
	for (; n < KCORE_NR_VMS - 1; n++)
		guest_start(&guests[n], "agent", n % 8 == 0, 1, true);
	expect(stat_read(KCORE_STAT_vms) == KCORE_NR_VMS - 1, "%llu VMs alive", (unsigned long long)stat_read(KCORE_STAT_vms));
	r = HC(VM_CREATE, KCORE_VM_NORMAL);
	expect(r == KCORE_ENOMEM, "one more: %s", result_text(r));
	for (unsigned int i = 0; i < n; i++)
		if (!agent_call(&guests[i].vm, &guests[i].dev, AGENT_NOP, NULL, &r, NULL, NULL) && r == AGENT_HELLO)
			answered++;
	expect(answered == n, "%u answered", answered);
	for (unsigned int i = 0; i < n; i++)
		vm_destroy(&guests[i].vm);
	expect_same(before, host_tables());
	r = HC(VM_CREATE, KCORE_VM_NORMAL);
	expect(r == 1, "the next handle is %s", result_text(r));
	if (!is_error(r)) {
		static struct rawvm again;

		again.vm = r;
		r = raw_destroy(&again);
		expect(!r, "destroyed: %s", result_text(r));
	}
}

static void vcpus(bool is_protected)
{
	static struct guest g;
	u64 before[NR_KEPT];
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	unsigned int n = (unsigned int)ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	driver_open();
	guard_install();
	take(before);
	close(kvm);
	guest_start(&g, "spin", is_protected, n, false);
	expect(n == (g.vm.gic_version == 2 ? 8 : 16), "%u vCPUs by a vGICv%u", n, g.vm.gic_version);
	expect(stat_read(KCORE_STAT_vcpus) == before[KEPT_VCPUS] + n, "%llu vCPUs alive", (unsigned long long)stat_read(KCORE_STAT_vcpus));
	guest_run_in_thread(&g);
	guest_end(&g, is_protected ? "protected" : "normal");
	expect(g.dev.reports[0][0] == n, "%llu counted to the end", (unsigned long long)g.dev.reports[0][0]);
	expect_same(before, host_tables());
}

static void vcpus_protected(void)
{
	vcpus(true);
}

static void vcpus_normal(void)
{
	vcpus(false);
}

static void together(void)
{
	static struct guest p, n, q;
	u64 before[NR_KEPT];

	driver_open();
	guard_install();
	take(before);
	guest_start(&p, "fp", true, 2, false);
	guest_start(&n, "fp", false, 2, false);
	guest_start(&q, "regs", true, 1, false);
	guest_run_in_thread(&p);
	guest_run_in_thread(&n);
	guest_run_in_thread(&q);
	guest_end(&p, "protected");
	guest_end(&n, "normal");
	guest_end(&q, "second protected");
	expect(p.dev.reports[0][0] == 2 && n.dev.reports[0][0] == 2, "FP right on %llu and %llu vCPUs",
	       (unsigned long long)p.dev.reports[0][0], (unsigned long long)n.dev.reports[0][0]);
	expect(!q.dev.reports[0][0], "registers changed: %#llx", (unsigned long long)q.dev.reports[0][0]);
	expect_same(before, host_tables());
}

struct churn {
	bool is_protected;
	pthread_t thread;
	atomic_bool stop;
	unsigned int vms, wrong;
	char first[160];	/* what was wrong first */
};

/* One VM after the other, until it is told to stop */
static void *churn(void *arg)
{
	struct churn *c = arg;

	while (!atomic_load(&c->stop)) {
		struct guest *g = calloc(1, sizeof(*g));

		if (!g)
			give_up("no memory");
		guest_start(g, "spin", c->is_protected, 4, false);
		g->why = vm_run(&g->vm, 120);
		console_flush(&g->console);
		if ((g->why != VM_POWER_OFF || g->dev.reports[0][0] != 4 || g->dev.faults) && !c->wrong++)
			snprintf(c->first, sizeof(c->first), "; %s VM %u: end %d, %llu of 4 counted, %lu exceptions (ESR %#llx, FAR %#llx)",
				 c->is_protected ? "protected" : "normal", c->vms, g->why, (unsigned long long)g->dev.reports[0][0],
				 g->dev.faults, (unsigned long long)g->dev.fault[0], (unsigned long long)g->dev.fault[1]);
		c->vms++;
		vm_destroy(&g->vm);
		free(g);
	}
	return NULL;
}

#define HOTPLUG_TURNS 20

static void hotplug(void)
{
	static struct churn p = { .is_protected = true }, n;
	static struct guest g;
	unsigned int failed = 0;
	u64 before[NR_KEPT], mode;

	driver_open();
	guard_install();
	if (cpus_online() < 2)
		skip("needs 2 CPUs");
	if (set_cpu(1, false))
		skip("CPU 1 can't be taken offline: %s", strerror(errno));
	if (set_cpu(1, true))
		give_up("CPU 1 doesn't come back: %s", strerror(errno));
	take(before);
	if (pthread_create(&p.thread, NULL, churn, &p) || pthread_create(&n.thread, NULL, churn, &n))
		give_up("no thread");
	for (unsigned int i = 0; i < HOTPLUG_TURNS; i++) {
		failed += set_cpu(1, false) != 0;
		failed += set_cpu(1, true) != 0;
	}
	atomic_store(&p.stop, true);
	atomic_store(&n.stop, true);
	pthread_join(p.thread, NULL);
	pthread_join(n.thread, NULL);
	expect(!failed && cpus_online() >= 2, "CPU 1 off and on %u times, %u failures", HOTPLUG_TURNS, failed);
	expect(p.vms && n.vms && !p.wrong && !n.wrong, "%u protected and %u normal VMs ran meanwhile, %u wrong%s%s", p.vms, n.vms,
	       p.wrong + n.wrong, p.first, n.first);
	/* It came back at EL1, under KCore: there is EL2 all the same, and VMs run there */
	mode = driver_info()->hyp_mode;
	expect(mode == KCORE_TEST_HYP_AVAILABLE, "to the kernel EL2 is %s%s", mode & KCORE_TEST_HYP_AVAILABLE ? "there" : "gone",
	       mode & KCORE_TEST_HYP_MISMATCHED ? ", and its CPUs came in different modes" : "");
	pin_to_cpu(1);
	guest_start(&g, "regs", true, 1, false);
	guest_run_in_thread(&g);
	guest_end(&g, "protected, on CPU 1");
	expect(!g.dev.reports[0][0], "registers changed on CPU 1: %#llx", (unsigned long long)g.dev.reports[0][0]);
	expect_same(before, host_tables());
}

static void pool(void)
{
	static struct rawvm r;
	u64 before[NR_KEPT], ipa, page, e = 0, maps = 0, free_before;

	driver_open();
	take(before);
	raw_create(&r, KCORE_VM_NORMAL, 1);
	raw_boot(&r);
	page = page_alloc(0);
	free_before = stat_read(KCORE_STAT_pool_free);
	/* Every mapping in another 1 GiB costs two tables, in another 2 MiB one */
	for (ipa = 1UL << 30; ipa < 1UL << 40 && !e; ipa += BLOCK_SIZE) {
		e = HC(VM_MAP, r.vm, ipa, page, 4096, KCORE_PROT_R);
		maps += !e;
	}
	expect(e == KCORE_ENOMEM, "after %llu mappings: %s", (unsigned long long)maps, result_text(e));
	expect(free_before - stat_read(KCORE_STAT_pool_free) >= maps, "%llu tables taken, %llu left",
	       (unsigned long long)(free_before - stat_read(KCORE_STAT_pool_free)), (unsigned long long)stat_read(KCORE_STAT_pool_free));
	e = raw_destroy(&r);
	expect(!e, "destroyed: %s", result_text(e));
	raw_free_pages(&r);
	expect(HC(PAGE_STATE, page) == KCORE_PAGE_HOST, "the page is %s", page_state_text(HC(PAGE_STATE, page)));
	page_free(page);
	expect_same(before, host_tables());
}

static void stats(void)
{
	static struct rawvm r;
	u64 hvc_before, abort_before, wfx, calls, fp, e;

	raw_create(&r, KCORE_VM_PROTECTED, 1);
	raw_boot(&r);
	raw_agent(&r, AGENT_NOP, 0, 0, 0);
	hvc_before = stat_read(KCORE_STAT_exit_hvc);
	abort_before = stat_read(KCORE_STAT_exit_abort);
	fp = stat_read(KCORE_STAT_exit_fp);
	wfx = stat_read(KCORE_STAT_exit_wfx);
	for (int i = 0; i < 10; i++)
		raw_agent(&r, AGENT_HVC, 0x84000000UL, 0, 0);
	e = stat_read(KCORE_STAT_exit_hvc) - hvc_before;
	expect(e == 10, "10 HVCs of the guest: exit_hvc + %llu", (unsigned long long)e);
	/* per command: CMD, four ARGs, RESULT */
	e = stat_read(KCORE_STAT_exit_abort) - abort_before;
	expect(e == 60, "10 commands of 6 MMIO accesses: exit_abort + %llu", (unsigned long long)e);
	e = stat_read(KCORE_STAT_exit_wfx) - wfx;
	expect(!e, "exit_wfx + %llu", (unsigned long long)e);
	raw_agent(&r, AGENT_KEEP, 5, 1, 0);
	e = stat_read(KCORE_STAT_exit_fp) - fp;
	expect(e > 0, "the guest uses FP: exit_fp + %llu", (unsigned long long)e);
	calls = stat_read(KCORE_STAT_host_call_error);
	HC(VM_DESTROY_BEGIN, 0);
	HC(INFO, 99);
	e = stat_read(KCORE_STAT_host_call_error) - calls;
	expect(e == 2, "2 bad calls: host_call_error + %llu", (unsigned long long)e);
	e = raw_destroy(&r);
	expect(!e, "destroyed: %s", result_text(e));
	raw_free_pages(&r);
	for (u64 i = 0; i < KCORE_NR_STATS; i++)
		remark("STAT %s %llu", stat_name(i), (unsigned long long)stat_read((enum kcore_stat)i));
}

static void log_ring(void)
{
	unsigned int n = 0, creates = 0, destroys = 0, backwards = 0;
	u64 last = 0, seq = 0, handle, first;
	static struct rawvm r;

	driver_open();
	raw_create(&r, KCORE_VM_PROTECTED, 1);
	handle = r.vm;
	raw_destroy(&r);
	/* Entries that are lost say INVAL: find the oldest that is left */
	while (HC(LOG_READ, seq) == KCORE_EINVAL && seq < 1UL << 24)
		seq++;
	for (first = seq;; seq++) {
		struct kcore_test_call call = { .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_LOG_READ, seq } };

		driver_call(&call);
		if (call.x[0])
			break;
		n++;
		backwards += call.x[4] < last;
		last = call.x[4];
		creates += call.x[1] == 3 && call.x[2] == handle;
		destroys += call.x[1] == 4 && call.x[2] == handle;
	}
	expect(n > 1, "%u entries from %llu on", n, (unsigned long long)first);
	expect(creates && destroys, "the VM's creation %u times, its end %u times", creates, destroys);
	expect(!backwards, "%u out of order", backwards);
}

#define AROUND_IPA	FRESH_IPA
#define AROUND_FRAMES	16UL		/* KCORE_AROUND of the glue */
#define TOUCHED		(AROUND_FRAMES + 3)

/* A protected guest touches a page of a huge page: those around it are its own too, with what the VMM put there, and no others */
static void around(void)
{
	static struct victim v;
	u64 pages, aborts, r, state, wrong = 0, mine = 0;
	u8 *block;

	victim_start(&v, 1);
	block = v.vm.ram + (AROUND_IPA - RAM_BASE);
	if (madvise(block, BLOCK_SIZE, MADV_HUGEPAGE))
		skip("no transparent huge pages: %s", strerror(errno));
	for (u64 i = 0; i < BLOCK_SIZE / 4096; i++)
		*(u64 *)(block + i * 4096) = 0xa0000 + i;
	if (user_pa(block) % BLOCK_SIZE || user_pa(block + BLOCK_SIZE - 4096) != user_pa(block) + BLOCK_SIZE - 4096)
		skip("the kernel has no huge page for it");
	pages = stat_read(KCORE_STAT_pages_vm);
	r = agent(&v, AGENT_READ, AROUND_IPA + TOUCHED * 4096, 0, 0, 0);
	expect(r == 0xa0000 + TOUCHED, "the guest reads %#llx", (unsigned long long)r);
	r = stat_read(KCORE_STAT_pages_vm) - pages;
	expect(r == AROUND_FRAMES, "%llu pages are the guest's with it", (unsigned long long)r);
	for (u64 i = 0; i < BLOCK_SIZE / 4096; i++) {
		bool expected = i / AROUND_FRAMES == TOUCHED / AROUND_FRAMES;

		state = HC(PAGE_STATE, user_pa(block + i * 4096));
		wrong += state != (expected ? KCORE_PAGE_VM : KCORE_PAGE_HOST);
	}
	expect(!wrong, "of all pages of the huge page %llu are another's than they should be", (unsigned long long)wrong);
	aborts = stat_read(KCORE_STAT_exit_abort);
	for (u64 i = AROUND_FRAMES; i < 2 * AROUND_FRAMES; i++)
		mine += agent(&v, AGENT_READ, AROUND_IPA + i * 4096, 0, 0, 0) == 0xa0000 + i;
	aborts = stat_read(KCORE_STAT_exit_abort) - aborts;
	expect(mine == AROUND_FRAMES, "the guest finds what the VMM put there in %llu", (unsigned long long)mine);
	/* per command: CMD, four ARGs, RESULT */
	expect(aborts == 6 * AROUND_FRAMES, "reading them: %llu aborts, all of them the agent's MMIO", (unsigned long long)aborts);
	/* small pages: one at a time */
	madvise(block + BLOCK_SIZE, BLOCK_SIZE, MADV_NOHUGEPAGE);
	memset(block + BLOCK_SIZE, 1, BLOCK_SIZE);
	pages = stat_read(KCORE_STAT_pages_vm);
	agent(&v, AGENT_READ, AROUND_IPA + BLOCK_SIZE + TOUCHED * 4096, 0, 0, 0);
	r = stat_read(KCORE_STAT_pages_vm) - pages;
	expect(r == 1, "of small pages %llu with the one touched", (unsigned long long)r);
	victim_expect_intact(&v);
	victim_end(&v);
}

/* What the VMM does when it touches the guest's memory by mistake */
static void touch(void)
{
	static struct guest g;
	char text[512] = "";
	int p[2], status;
	ssize_t n;
	pid_t pid;

	driver_open();
	guard_install();
	if (pipe(p))
		give_up("no pipe");
	pid = fork();
	if (!pid) {
		u64 r;

		dup2(p[1], STDERR_FILENO);
		guest_start(&g, "agent", true, 1, false);
		if (agent_call(&g.vm, &g.dev, AGENT_NOP, NULL, &r, NULL, NULL))
			_exit(99);
		*(volatile u8 *)g.vm.ram = 1;
		_exit(98);
	}
	close(p[1]);
	n = read(p[0], text, sizeof(text) - 1);
	if (waitpid(pid, &status, 0) != pid)
		give_up("no child");
	expect(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILED, "exit status %d", WEXITSTATUS(status));
	expect(n > 0 && strstr(text, "the protected guest owns (IPA 0x40000000") != NULL, "it says: %s", text);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "cycles", "1,000 VMs, normal and protected in turn, created, run, destroyed", cycles, 600 },
		{ "many", "255 VMs at once", many, 300 },
		{ "vcpus-normal", "as many vCPUs as there can be (16; with a GICv2 8) in a normal VM", vcpus_normal, 120 },
		{ "vcpus-protected", "as many in a protected VM", vcpus_protected, 120 },
		{ "together", "two protected and a normal VM at the same time", together, 120 },
		{ "registers", "a normal VM's registers, read, written and reset between runs", registers, 60 },
		{ "keys", "pointer authentication in two normal VMs, each with keys of its own", keys, 60 },
		{ "debugged", "a normal VM debugged by its VMM: BRK, steps, breakpoint, watchpoint; then its own registers", debugged, 60 },
		{ "counters", "a normal VM's physical counter, and at an offset; its timer fires when it is due", counters, 60 },
		{ "sve", "SVE in three normal VMs, each with vectors of its own length", sve, 120 },
		{ "aarch32", "AArch32 at EL1 in two normal VMs, each with registers of its own", aarch32, 60 },
		{ "hotplug", "a CPU goes off and on while VMs run", hotplug, 180 },
		{ "pool", "KCore's table pool is exhausted and comes back", pool, 120 },
		{ "around", "a protected guest touches a page of a huge page", around, 60 },
		{ "touch", "the VMM stores to the memory of its protected VM", touch, 60 },
		{ "stats", "counters say what was done", stats, 60 },
		{ "log", "the log ring is read", log_ring, 60 },
		{ 0 },
	};

	return run_tests("life", argc, argv, tests);
}
