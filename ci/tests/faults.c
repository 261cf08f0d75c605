// SPDX-License-Identifier: GPL-2.0-only
/*
 * faults: VMs live while the host fails them.  Memory runs out at every allocation of KCore's and of the kernel's, the VMM is
 * killed at every step, memory is short, moved, merged and taken offline.  Each time the guests' memory is right, the host
 * goes on, and KCore's records of all pages add up.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guests.h"
#include "rawvm.h"

#define SEED 0xfa0175UL
#define PAGE 4096UL

/* ---- files of the kernel ------------------------------------------------------------------------------- */

static int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return r;
}

static void must_write(const char *path, const char *text)
{
	if (file_write(path, text))
		give_up("%s: %s", path, strerror(errno));
}

/* The number behind `key' in a file of lines "key number", or the first number if key is empty */
static u64 file_number(const char *path, const char *key)
{
	FILE *f = fopen(path, "re");
	char line[256];
	size_t n = strlen(key);
	u64 v = 0;

	if (!f)
		give_up("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n)) {
			v = strtoull(line + n, NULL, 10);
			break;
		}
	fclose(f);
	return v;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

/* ---- what has to be so afterwards ------------------------------------------------------------------------ */

/* The VM of a process that has died goes when the kernel has put its last file away: soon, not at once. */
static bool settled(const u64 *before)
{
	double limit = now() + 20;
	u64 seen[NR_KEPT];

	do {
		take(seen);
		if (seen[KEPT_VMS] == before[KEPT_VMS] && seen[KEPT_VCPUS] == before[KEPT_VCPUS] && seen[0] == before[0] && seen[1] == before[1])
			return true;
		tick();
	} while (now() < limit);
	return false;
}

/* Each page of DRAM has one record, and their sums are the counters. */
static void expect_records(void)
{
	static struct kcore_test_call calls[KCORE_TEST_BATCH_MAX];
	const struct kcore_test_info *info = driver_info();
	u64 sum[KCORE_PAGE_NOT_DRAM + 1] = { 0 }, strange = 0, core, vms;

	for (u64 pa = info->dram_start; pa < info->dram_end;) {
		struct kcore_test_batch batch = { .calls = (uintptr_t)calls };

		for (; batch.count < KCORE_TEST_BATCH_MAX && pa < info->dram_end; pa += PAGE)
			calls[batch.count++] = (struct kcore_test_call){ .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_PAGE_STATE, pa } };
		if (ioctl(driver_fd(), KCORE_TEST_BATCH, &batch))
			give_up("KCORE_TEST_BATCH: %s", strerror(errno));
		for (u32 i = 0; i < batch.count; i++) {
			u64 state = calls[i].x[0];

			if (state <= KCORE_PAGE_NOT_DRAM)
				sum[state]++;
			else
				strange++;
		}
	}
	core = stat_read(KCORE_STAT_pages_core);
	vms = stat_read(KCORE_STAT_pages_vm);
	expect(!strange && sum[KCORE_PAGE_CORE] == core && sum[KCORE_PAGE_VM] == vms,
	       "records of %llu pages: %llu KCore's of %llu, %llu VMs' of %llu, %llu mapped",
	       (unsigned long long)(sum[0] + sum[1] + sum[2] + sum[3] + sum[4]), (unsigned long long)sum[KCORE_PAGE_CORE],
	       (unsigned long long)core, (unsigned long long)sum[KCORE_PAGE_VM], (unsigned long long)vms,
	       (unsigned long long)sum[KCORE_PAGE_MAPPED]);
	if (!stat_read(KCORE_STAT_vms))
		expect(!sum[KCORE_PAGE_VM] && !sum[KCORE_PAGE_MAPPED], "no VM has a page");
}

/* ---- a life that may fail at any point -------------------------------------------------------------------- */

enum life { LIFE_FINE, LIFE_REFUSED, LIFE_WRONG };

/* Creation, image, memory, work, power-off: refused where a system call failed, wrong if the guest's memory was. */
static enum life live(struct guest *g, bool is_protected)
{
	const struct payload *p = payload_find("agent");
	struct vm_config config = { .is_protected = is_protected, .vcpus = 1, .memory = 16UL << 20 };
	bool environment;
	u64 r;

	if (vm_create(&g->vm, &config, &environment) || testdev_attach(&g->vm, &g->dev) || payload_load(&g->vm, p) || vm_finalise(&g->vm))
		return LIFE_REFUSED;
	if (agent_call(&g->vm, &g->dev, AGENT_FILL, (const u64[4]){ SECRET_IPA, 16 * PAGE, SEED }, NULL, NULL, NULL) ||
	    agent_call(&g->vm, &g->dev, AGENT_CHECK, (const u64[4]){ SECRET_IPA, 16 * PAGE, SEED }, &r, NULL, NULL))
		return LIFE_REFUSED;
	if (r || g->dev.faults)
		return LIFE_WRONG;
	g->dev.command = AGENT_OFF;
	for (int exits = 0; exits < 1000; exits++) {
		int why = vcpu_step(&g->vm.vcpus[0]);

		if (why == KVM_EXIT_SYSTEM_EVENT)
			return LIFE_FINE;
		if (why != KVM_EXIT_MMIO && why != -EINTR)
			return LIFE_REFUSED;
	}
	return LIFE_WRONG;
}

static void quiet(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
}

/* The kernel kills these first where it has no memory */
static void killable(void)
{
	file_write("/proc/self/oom_score_adj", "1000");
}

static void *shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		give_up("no memory");
	return p;
}

static const char *type_name(bool is_protected)
{
	return is_protected ? "protected" : "normal";
}

static void begin(u64 *before)
{
	driver_open();
	guard_install();
	take(before);
	if (before[KEPT_VMS])
		skip("%llu VMs are alive already", (unsigned long long)before[KEPT_VMS]);
}

static void end(const u64 *before)
{
	expect(settled(before), "as many pages, VMs and vCPUs as before");
	expect_same(before, host_tables());
	expect_records();
}

/* ---- KCore's pool ------------------------------------------------------------------------------------------ */

#define SPARE 24	/* more tables than a life takes */

struct filler {
	struct rawvm vm;
	u64 page, ipa;
};

/* Takes one table more, or says why not */
static u64 fill_one(struct filler *f)
{
	u64 e = HC(VM_MAP, f->vm.vm, f->ipa, f->page, PAGE, KCORE_PROT_R);

	f->ipa += BLOCK_SIZE;
	return e;
}

static void filler_start(struct filler *f)
{
	memset(f, 0, sizeof(*f));
	raw_create(&f->vm, KCORE_VM_NORMAL, 1);
	raw_boot(&f->vm);
	f->page = page_alloc(0);
	f->ipa = 1UL << 30;
}

static void filler_end(struct filler *f)
{
	u64 e = raw_destroy(&f->vm);

	if (e)
		give_up("the VM that fills the pool isn't destroyed: %s", result_text(e));
	raw_free_pages(&f->vm);
	page_free(f->page);
}

/* From a pool that a life fits into down to one that is empty, table by table */
static void pool_steps(void)
{
	unsigned int results[2][3] = { { 0 } }, steps = 0;
	u64 before[NR_KEPT], around[NR_KEPT], low, e = 0;
	static struct filler f;

	begin(before);
	quiet();
	filler_start(&f);
	while (!e && f.ipa < 1UL << 40)
		e = fill_one(&f);
	if (e != KCORE_ENOMEM)
		give_up("the pool isn't exhausted: %s", result_text(e));
	low = stat_read(KCORE_STAT_pool_free);
	filler_end(&f);
	filler_start(&f);
	while (stat_read(KCORE_STAT_pool_free) > low + SPARE)
		if (fill_one(&f))
			give_up("the pool is exhausted early");
	for (e = 0; !e; e = fill_one(&f), steps++)
		for (unsigned int type = 0; type < 2; type++) {
			static struct guest g;

			memset(&g, 0, sizeof(g));
			take(around);
			results[type][live(&g, type)]++;
			vm_destroy(&g.vm);
			if (!settled(around))
				give_up("%u tables left: a %s VM leaves something behind", SPARE - steps, type_name(type));
		}
	filler_end(&f);
	for (unsigned int type = 0; type < 2; type++)
		expect(results[type][LIFE_FINE] && results[type][LIFE_REFUSED] && !results[type][LIFE_WRONG],
		       "%s VMs: %u lived, %u refused, %u wrong", type_name(type), results[type][LIFE_FINE], results[type][LIFE_REFUSED],
		       results[type][LIFE_WRONG]);
	end(before);
}

/* ---- the kernel's allocations ------------------------------------------------------------------------------ */

/* Let the kernel's allocations fail by number, those that may wait too (Documentation/fault-injection) */
static void injection_setup(void)
{
	static const char *const files[][2] = {
		{ "failslab/ignore-gfp-wait", "N" }, { "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" }, { "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" }, { "fail_page_alloc/verbose", "0" },
	};
	char path[96];

	if (access("/proc/thread-self/fail-nth", W_OK))
		skip("the kernel can't let its allocations fail (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC: make faults)");
	for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", files[i][0]);
		must_write(path, files[i][1]);
	}
}

struct outcome {
	enum life life;
	bool done, injected;
};

static void live_failing(struct outcome *o, bool is_protected, unsigned int n)
{
	static struct guest g;
	char text[16];
	int fd;

	quiet();
	killable();
	fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		_exit(EXIT_ENVIRONMENT);
	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		_exit(EXIT_ENVIRONMENT);
	o->life = live(&g, is_protected);
	vm_destroy(&g.vm);
	memset(text, 0, sizeof(text));
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		_exit(EXIT_ENVIRONMENT);
	o->injected = atoi(text) == 0;
	o->done = true;
	pwrite(fd, "0", 1, 0);
	_exit(0);
}

static void allocations_of(bool is_protected)
{
	struct outcome *o = shared(sizeof(*o));
	unsigned int n, results[3] = { 0 }, killed = 0;
	u64 before[NR_KEPT];
	int status;

	begin(before);
	injection_setup();
	for (n = 1;; n++) {
		pid_t pid;

		memset(o, 0, sizeof(*o));
		pid = fork();
		if (!pid)
			live_failing(o, is_protected, n);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			give_up("no child");
		if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ENVIRONMENT)
			give_up("/proc/thread-self/fail-nth: %s", "can't be used");
		if (!settled(before))
			give_up("allocation %u failed: something is left behind", n);
		if (!o->done)
			killed++;
		else if (!o->injected)
			break;
		else
			results[o->life]++;
	}
	expect(o->life == LIFE_FINE, "with no failure a %s VM lives", type_name(is_protected));
	expect(n > 100 && results[LIFE_REFUSED] && !results[LIFE_WRONG],
	       "%u allocations failed, one in each life: %u lived all the same, %u refused, %u wrong, %u killed for want of memory", n - 1,
	       results[LIFE_FINE], results[LIFE_REFUSED], results[LIFE_WRONG], killed);
	end(before);
}

static void allocations_normal(void)
{
	allocations_of(false);
}

static void allocations_protected(void)
{
	allocations_of(true);
}

/* ---- the VMM killed ---------------------------------------------------------------------------------------- */

/* A VMM that stops at each system call's entry and return */
static pid_t traced(bool is_protected)
{
	static struct guest g;
	pid_t pid = fork();
	int status;

	if (!pid) {
		quiet();
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		status = live(&g, is_protected);
		vm_destroy(&g.vm);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		give_up("no child that can be traced");
	return pid;
}

static void killed_of(bool is_protected)
{
	unsigned int n;
	u64 before[NR_KEPT];
	int status = 0;

	begin(before);
	for (n = 1;; n++) {
		pid_t pid = traced(is_protected);

		for (unsigned int i = 0; i < n; i++) {
			if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
				give_up("stop %u: %s", i, strerror(errno));
			if (WIFEXITED(status) || WIFSIGNALED(status))
				break;
		}
		if (!WIFSTOPPED(status))
			break;
		kill(pid, SIGKILL);
		if (waitpid(pid, &status, 0) != pid)
			give_up("the VMM isn't reaped");
		if (!settled(before))
			give_up("killed at stop %u: something is left behind", n);
	}
	expect(WIFEXITED(status) && WEXITSTATUS(status) == LIFE_FINE, "left alone, a %s VM lives", type_name(is_protected));
	expect(n > 50, "its VMM killed at each of %u entries and returns of system calls", n - 1);
	end(before);
}

static void killed_normal(void)
{
	killed_of(false);
}

static void killed_protected(void)
{
	killed_of(true);
}

#define KILLS 40

/* Four vCPUs run; the VMM is killed after so many exits to it */
static void killed_running(void)
{
	struct guest *g = shared(sizeof(*g));
	unsigned int left = 0, exits = 0;
	u64 before[NR_KEPT];
	int status;

	begin(before);
	for (unsigned int i = 0; i < KILLS; i++) {
		double limit = now() + 60;
		pid_t pid;

		memset(g, 0, sizeof(*g));
		pid = fork();
		if (!pid) {
			quiet();
			guest_start(g, "spin", i & 1, 4, false);
			vm_run(&g->vm, 120);
			_exit(0);
		}
		if (pid < 0)
			give_up("no child");
		while (atomic_load(&g->vm.exits[KVM_EXIT_MMIO]) < 1 + i / 2 * 7 && !waitpid(pid, &status, WNOHANG) && now() < limit)
			;
		exits += (unsigned int)atomic_load(&g->vm.exits[KVM_EXIT_MMIO]);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		left += !settled(before);
	}
	expect(exits > KILLS && !left, "%u VMMs killed while 4 vCPUs ran, after %u exits in all; %u left something behind", KILLS, exits, left);
	end(before);
}

#define TAKINGS 20
#define TAKEN_FROM SECRET_IPA	/* the first page that the guest fills; KCore takes a VM's pages back in order */

/* A VMM whose guest's memory is `memory', which another process has too; it waits to be killed */
static pid_t vmm_on(struct guest *g, u8 *memory, atomic_bool *filled)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("no child");
	if (pid)
		return pid;
	quiet();
	guest_start(g, "agent", false, 1, false);
	memcpy(memory, g->vm.ram, g->vm.ram_size);
	if (mremap(memory, g->vm.ram_size, g->vm.ram_size, MREMAP_MAYMOVE | MREMAP_FIXED, g->vm.ram) != g->vm.ram)
		_exit(1);
	if (agent_call(&g->vm, &g->dev, AGENT_FILL, (const u64[4]){ TAKEN_FROM, RAM_BASE + g->vm.ram_size - TAKEN_FROM, SEED }, NULL, NULL, NULL))
		_exit(1);
	atomic_store(filled, true);
	for (;;)
		pause();
}

/*
 * A normal VM is being destroyed, and another process takes a page of its memory from it.  The kernel frees such a page when
 * KVM's notifier has returned: then KCore has to have it unmapped, or who gets it next can't give it to a protected VM.
 */
static void taken_at_end(void)
{
	const u64 bytes = payload_find("agent")->memory;
	struct guest *g = shared(sizeof(*g));
	atomic_bool *filled = shared(sizeof(*filled));
	unsigned int seen = 0, left = 0;
	u64 before[NR_KEPT];
	int status;

	begin(before);
	for (unsigned int i = 0; i < TAKINGS; i++) {
		u8 *memory = shared(bytes), *last = memory + bytes - PAGE;
		double limit = now() + 60;
		u64 first_pa, last_pa;
		pid_t pid;

		memset(g, 0, sizeof(*g));
		atomic_store(filled, false);
		pid = vmm_on(g, memory, filled);
		while (!atomic_load(filled)) {
			if (waitpid(pid, &status, WNOHANG) == pid || now() > limit)
				give_up("the VMM didn't get as far as to fill its guest's memory");
			usleep(1000);
		}
		first_pa = user_pa(memory + (TAKEN_FROM - RAM_BASE));
		last_pa = user_pa(last);
		if (HC(PAGE_STATE, first_pa) != KCORE_PAGE_MAPPED || HC(PAGE_STATE, last_pa) != KCORE_PAGE_MAPPED)
			give_up("the guest's pages aren't mapped");
		kill(pid, SIGKILL);
		while (HC(PAGE_STATE, first_pa) == KCORE_PAGE_MAPPED && now() < limit)
			;
		if (HC(PAGE_STATE, last_pa) == KCORE_PAGE_MAPPED) {
			seen++;
			if (madvise(last, PAGE, MADV_REMOVE))
				give_up("MADV_REMOVE: %s", strerror(errno));
			left += HC(PAGE_STATE, last_pa) == KCORE_PAGE_MAPPED;
		}
		waitpid(pid, &status, 0);
		munmap(memory, bytes);
	}
	expect(seen && !left, "a page was taken in the middle of %u of %u VMs' ends; %u times KCore had it mapped after that", seen, TAKINGS, left);
	end(before);
}

/* ---- memory that is short ------------------------------------------------------------------------------------ */

#define VMS 64
#define ROOM (64UL << 20)	/* what the hog leaves, or takes of swap */
#define STEP (4UL << 20)
#define SWAP_DEVICE "/dev/ram0"

struct worker {
	struct guest g;
	pthread_t thread;
	unsigned int number, rounds;
	u64 wrong;
	bool failed;
};
static atomic_bool stop_workers;

/* Its memory is written and checked, in parts that change from round to round */
static void *work(void *arg)
{
	struct worker *w = arg;
	u64 bad;

	while (!atomic_load(&stop_workers)) {
		u64 at = SECRET_IPA + (w->rounds * 7 + w->number) % 16 * 16 * PAGE, seed = SEED + w->rounds;

		if (agent_call(&w->g.vm, &w->g.dev, AGENT_FILL, (const u64[4]){ at, 16 * PAGE, seed }, NULL, NULL, NULL) ||
		    agent_call(&w->g.vm, &w->g.dev, AGENT_CHECK, (const u64[4]){ at, 16 * PAGE, seed }, &bad, NULL, NULL)) {
			w->failed = true;
			break;
		}
		w->wrong += bad;
		w->rounds++;
	}
	return NULL;
}

/* Waits for RCU, one grace period or two, again and again.  Of one that takes longer than RCU_STALL the kernel complains by default. */
#define RCU_STALL 21.0
static struct {
	unsigned int waits, stalls;
	double longest;
} rcu;

static void *wait_for_rcu(void *arg)
{
	double begun = now(), took;

	for (; !atomic_load(&stop_workers) && !syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); begun += took) {
		took = now() - begun;
		rcu.waits++;
		rcu.stalls += took > RCU_STALL;
		rcu.longest = took > rcu.longest ? took : rcu.longest;
	}
	return arg;
}

/* Takes all memory but some, or with swap some more than all; lets it go, and again.  The kernel may kill it.  64 threads run beside it. */
static void hog(bool swap)
{
	killable();
	setpriority(PRIO_PROCESS, 0, -20);
	for (;;) {
		u64 have = file_number("/proc/meminfo", "MemAvailable:") << 10, want, n = 0;
		static u8 *p[4096];

		want = swap ? have + ROOM : have < ROOM ? 0 : have - ROOM;
		while (n < 4096 && (n + 1) * STEP <= want) {
			p[n] = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
			if (p[n] == MAP_FAILED)
				break;
			memset(p[n], (int)n, STEP);
			n++;
		}
		while (n)
			munmap(p[--n], STEP);
	}
}

/* The device takes its memory when it is written first: that is before memory is short. */
static bool swap_on(void)
{
	static u8 zeros[1 << 16];
	int fd = open(SWAP_DEVICE, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
	if (system("mkswap " SWAP_DEVICE " >/dev/null 2>&1") || swapon(SWAP_DEVICE, 0))
		give_up(SWAP_DEVICE ": no swap: %s", strerror(errno));
	return true;
}

static unsigned int duration(void)
{
	const char *text = getenv("fault_seconds");
	u64 v = 60;

	if (text && !parse_number(text, 36000, &v))
		give_up("fault_seconds=%s: not a number of seconds", text);
	return (unsigned int)v;
}

static void pressure(void)
{
	static struct worker workers[VMS];
	struct rlimit files = { 4096, 4096 };
	unsigned int hogs = 0, least = ~0U, rounds = 0, failed = 0, compactions = 0;
	u64 before[NR_KEPT], wrong = 0, swapped = file_number("/proc/vmstat", "pswpout");
	pthread_t rcu_thread;
	double limit;
	bool swap;
	pid_t pid = 0;
	int status;

	begin(before);
	setrlimit(RLIMIT_NOFILE, &files);
	must_write("/proc/self/oom_score_adj", "-1000");
	swap = swap_on();
	for (unsigned int i = 0; i < VMS; i++) {
		workers[i].number = i;
		guest_start(&workers[i].g, "agent", i & 1, 1, true);
	}
	for (unsigned int i = 0; i < VMS; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			give_up("no thread");
	if (pthread_create(&rcu_thread, NULL, wait_for_rcu, NULL))
		give_up("no thread");
	limit = now() + duration();
	while (now() < limit) {
		if (!pid) {
			pid = fork();
			if (!pid)
				hog(swap);
			hogs++;
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			pid = 0;
		compactions += !file_write("/proc/sys/vm/compact_memory", "1");
		nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	}
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	atomic_store(&stop_workers, true);
	pthread_join(rcu_thread, NULL);
	for (unsigned int i = 0; i < VMS; i++) {
		pthread_join(workers[i].thread, NULL);
		wrong += workers[i].wrong + workers[i].g.dev.faults;
		failed += workers[i].failed;
		rounds += workers[i].rounds;
		least = workers[i].rounds < least ? workers[i].rounds : least;
		vm_destroy(&workers[i].g.vm);
	}
	swapped = file_number("/proc/vmstat", "pswpout") - swapped;
	expect(!wrong && !failed && least, "%u VMs, %u s: %u rounds, at least %u each; %llu words wrong, %u VMs failed", VMS, duration(), rounds,
	       least, (unsigned long long)wrong, failed);
	expect(compactions > 0 && (!swap || swapped > 0), "%u hogs of memory, %u compactions, %llu pages to swap%s", hogs, compactions,
	       (unsigned long long)swapped, swap ? "" : ", of which there is none");
	expect(rcu.waits > 0, "%u waits for RCU, %u longer than %.0f s, the longest %.1f s", rcu.waits, rcu.stalls, RCU_STALL, rcu.longest);
	if (swap)
		swapoff(SWAP_DEVICE);
	end(before);
}

/* ---- memory that the kernel moves, merges, collapses, takes away ----------------------------------------------- */

#define PART (1UL << 20)

/* A protected and two normal VMs whose memory has the same content at the same addresses */
static struct {
	struct guest g[3];
	u64 pa[PART / PAGE];	/* of the protected VM's pages */
	u64 before[NR_KEPT];
} trio;

static u64 trio_call(struct guest *g, u64 command)
{
	u64 r;

	if (agent_call(&g->vm, &g->dev, command, (const u64[4]){ SECRET_IPA, PART, SEED }, &r, NULL, NULL))
		give_up("a guest doesn't run any more");
	return r;
}

static u8 *part_of(struct guest *g)
{
	return g->vm.ram + (SECRET_IPA - RAM_BASE);
}

static void trio_start(void)
{
	begin(trio.before);
	for (unsigned int i = 0; i < 3; i++) {
		guest_start(&trio.g[i], "agent", i == 0, 1, true);
		trio_call(&trio.g[i], AGENT_FILL);
	}
	for (u64 i = 0; i < PART / PAGE; i++)
		trio.pa[i] = user_pa(part_of(&trio.g[0]) + i * PAGE);
}

static void trio_expect(const char *when)
{
	u64 bad[3], moved = 0, lost = 0;

	for (unsigned int i = 0; i < 3; i++)
		bad[i] = trio_call(&trio.g[i], AGENT_CHECK) + trio.g[i].dev.faults;
	for (u64 i = 0; i < PART / PAGE; i++) {
		moved += user_pa(part_of(&trio.g[0]) + i * PAGE) != trio.pa[i];
		lost += HC(PAGE_STATE, trio.pa[i]) != KCORE_PAGE_VM;
	}
	expect(!bad[0] && !bad[1] && !bad[2] && !moved && !lost,
	       "%s: words wrong: protected %llu, normal %llu and %llu; %llu of %lu protected pages moved, %llu lost", when,
	       (unsigned long long)bad[0], (unsigned long long)bad[1], (unsigned long long)bad[2], (unsigned long long)moved, PART / PAGE,
	       (unsigned long long)lost);
}

static void trio_end(void)
{
	for (unsigned int i = 0; i < 3; i++)
		vm_destroy(&trio.g[i].vm);
	end(trio.before);
}

/* Every other page of a large area goes, so that there is something to compact */
static void fragment(void)
{
	u64 bytes = 64UL << 20;
	u8 *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		give_up("no memory");
	madvise(p, bytes, MADV_NOHUGEPAGE);
	for (u64 i = 0; i < bytes; i += PAGE)
		p[i] = 1;
	for (u64 i = 0; i < bytes; i += 2 * PAGE)
		madvise(p + i, PAGE, MADV_DONTNEED);
	must_write("/proc/sys/vm/compact_memory", "1");
	munmap(p, bytes);
}

static void compaction(void)
{
	u64 migrated;

	if (access("/proc/sys/vm/compact_memory", W_OK))
		skip("the kernel doesn't compact memory (CONFIG_COMPACTION)");
	trio_start();
	migrated = file_number("/proc/vmstat", "pgmigrate_success");
	for (unsigned int i = 0; i < 8; i++)
		fragment();
	migrated = file_number("/proc/vmstat", "pgmigrate_success") - migrated;
	expect(migrated > 0, "%llu pages moved by 8 compactions", (unsigned long long)migrated);
	trio_expect("after it");
	trio_end();
}

/* Until the counter has grown by n: whole passes over memory */
static bool passes(const char *path, u64 n)
{
	u64 wanted = file_number(path, "") + n;
	double limit = now() + 120;

	while (file_number(path, "") < wanted) {
		if (now() > limit)
			return false;
		tick();
	}
	return true;
}

#define KSM "/sys/kernel/mm/ksm/"

static void merging(void)
{
	u64 sharing;
	bool scanned;

	if (access(KSM "run", W_OK))
		skip("the kernel doesn't merge pages (CONFIG_KSM: make faults)");
	trio_start();
	must_write(KSM "sleep_millisecs", "1");
	must_write(KSM "pages_to_scan", "10000");
	for (unsigned int i = 0; i < 3; i++)
		if (madvise(part_of(&trio.g[i]), PART, MADV_MERGEABLE))
			give_up("MADV_MERGEABLE: %s", strerror(errno));
	must_write(KSM "run", "1");
	scanned = passes(KSM "full_scans", 4);
	sharing = file_number(KSM "pages_sharing", "");
	expect(scanned && sharing >= PART / PAGE / 2, "4 scans, %llu pages of normal VMs shared", (unsigned long long)sharing);
	trio_expect("merged");
	for (unsigned int i = 1; i < 3; i++)
		trio_call(&trio.g[i], AGENT_FILL);
	trio_expect("written again");
	must_write(KSM "run", "2");
	trio_expect("taken apart");
	trio_end();
}

#define THP "/sys/kernel/mm/transparent_hugepage/"

static void collapse(void)
{
	bool scanned;
	u64 before;

	if (access(THP "khugepaged/defrag", W_OK))
		skip("the kernel doesn't collapse pages (CONFIG_TRANSPARENT_HUGEPAGE)");
	must_write(THP "enabled", "madvise");
	trio_start();
	must_write(THP "khugepaged/scan_sleep_millisecs", "1");
	must_write(THP "khugepaged/pages_to_scan", "4096");
	before = file_number(THP "khugepaged/pages_collapsed", "");
	for (unsigned int i = 0; i < 3; i++)
		if (madvise(trio.g[i].vm.ram, trio.g[i].vm.ram_size, MADV_HUGEPAGE))
			give_up("MADV_HUGEPAGE: %s", strerror(errno));
	scanned = passes(THP "khugepaged/full_scans", 4);
	before = file_number(THP "khugepaged/pages_collapsed", "") - before;
	expect(scanned && before > 0, "4 scans, %llu collapses", (unsigned long long)before);
	trio_expect("after them");
	trio_end();
}

#define MEMORY "/sys/devices/system/memory/"
#define OFFLINE_SECONDS 4

/* One attempt to take a memory block offline, by a child: the kernel may try for ever */
static bool offline(const char *state)
{
	double limit = now() + OFFLINE_SECONDS;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(file_write(state, "offline") != 0);
	if (pid < 0)
		give_up("no child");
	while (!waitpid(pid, &status, WNOHANG)) {
		if (now() > limit)
			kill(pid, SIGKILL);
		tick();
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void removal(void)
{
	DIR *d = opendir(MEMORY);
	unsigned int blocks = 0, gone = 0, back = 0;
	struct dirent *e;

	if (!d)
		skip("the kernel doesn't take memory offline (CONFIG_MEMORY_HOTREMOVE: make faults)");
	trio_start();
	while ((e = readdir(d))) {
		char state[300];

		if (strncmp(e->d_name, "memory", 6) || e->d_name[6] < '0' || e->d_name[6] > '9')
			continue;
		snprintf(state, sizeof(state), MEMORY "%s/state", e->d_name);
		blocks++;
		if (offline(state)) {
			gone++;
			back += !file_write(state, "online");
		}
	}
	closedir(d);
	expect(blocks > 0 && gone == back, "%u memory blocks, %u went offline, %u came back", blocks, gone, back);
	trio_expect("after it");
	trio_end();
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "pool", "KCore's table pool has one table less for each VM", pool_steps, 600 },
		{ "killed-normal", "a normal VM's VMM is killed at each system call", killed_normal, 900 },
		{ "killed-protected", "a protected VM's VMM is killed at each system call", killed_protected, 900 },
		{ "killed-running", "the VMM is killed while its vCPUs run", killed_running, 600 },
		{ "taken-at-end", "a page is taken from a VM that is being destroyed", taken_at_end, 600 },
		{ "allocations-normal", "each allocation of the kernel in a normal VM's life fails", allocations_normal, 3600 },
		{ "allocations-protected", "each allocation of the kernel in a protected VM's life fails", allocations_protected, 3600 },
		{ "compaction", "the kernel compacts memory beside a protected VM", compaction, 300 },
		{ "merging", "the kernel merges equal pages of a protected and two normal VMs", merging, 600 },
		{ "collapse", "the kernel collapses pages to huge ones", collapse, 600 },
		{ "removal", "memory is taken offline", removal, 900 },
		{ "pressure", "64 VMs on a host short of memory (fault_seconds= of the command line)", pressure, 1800 },
		{ 0 },
	};

	return run_tests("faults", argc, argv, tests);
}
