// SPDX-License-Identifier: GPL-2.0-only
/* Attacks on the content of private pages.  The evidence is what the attacker got, and the guest's own word. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attacks.h"

static void expect_fault(int error, u64 got, const char *what)
{
	if (error == EFAULT)
		expect(true, "%s: EFAULT", what);
	else if (error)
		expect(false, "%s: error %d (%s)", what, error, strerror(error));
	else
		expect(false, "%s: went through, %#llx, %s the secret", what, (unsigned long long)got,
		       got == secret_word(0) ? "which is" : "not");
}

static void try_read(struct victim *v, u32 via, const char *what)
{
	u64 got = 0;
	int error = phys_read(v->secret_pa, &got, 8, via);

	expect_fault(error, got, what);
}

static void try_write(struct victim *v, u32 via, const char *what)
{
	const u64 evil = 0x4141414141414141UL;

	expect_fault(phys_write(v->secret_pa, &evil, 8, via), evil, what);
}

static void finish(struct victim *v)
{
	victim_expect_intact(v);
	victim_end(v);
}

void attack_linear_read(void)
{
	struct victim v;

	victim_start(&v, 1);
	try_read(&v, KCORE_TEST_VIA_LINEAR, "read");
	finish(&v);
}

void attack_linear_write(void)
{
	struct victim v;

	victim_start(&v, 1);
	try_write(&v, KCORE_TEST_VIA_LINEAR, "write");
	finish(&v);
}

void attack_mapping_access(void)
{
	struct victim v;

	victim_start(&v, 1);
	try_read(&v, KCORE_TEST_VIA_MAPPING, "read");
	try_write(&v, KCORE_TEST_VIA_MAPPING, "write");
	finish(&v);
}

void attack_device_access(void)
{
	struct victim v;

	victim_start(&v, 1);
	try_read(&v, KCORE_TEST_VIA_DEVICE, "read");
	try_write(&v, KCORE_TEST_VIA_DEVICE, "write");
	finish(&v);
}

/* SIGBUS is what a refused access gives; a page fault's SIGSEGV would say that the access never got there. */
static void expect_load_refused(volatile void *p, const char *what)
{
	u64 got = 0;
	int sig = guarded_load(p, &got);

	if (sig)
		expect(sig == SIGBUS, "%s: load: %s", what, strsignal(sig));
	else
		expect(false, "%s: load got %#llx", what, (unsigned long long)got);
}

static void expect_store_refused(volatile void *p, const char *what)
{
	int sig = guarded_store(p, 0x42);

	expect(sig == SIGBUS, "%s: store: %s", what, sig ? strsignal(sig) : "went through");
}

static void expect_call_refused(void (*fn)(void), const char *what)
{
	int sig = guarded_call(fn);

	expect(sig == SIGBUS || sig == SIGSEGV, "%s: %s", what, sig ? strsignal(sig) : "executed");
}

void attack_user_load_store(void)
{
	struct victim v;

	victim_start(&v, 1);
	for (u64 offset = 0; offset < SECRET_BYTES; offset += SECRET_BYTES / 2) {
		expect_load_refused(v.secret + offset, offset ? "middle" : "first page");
		expect_store_refused(v.secret + offset, offset ? "middle" : "first page");
	}
	finish(&v);
}

void attack_other_process(void)
{
	struct victim v;
	void *p;

	victim_start(&v, 1);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, driver_fd(), (off_t)v.secret_pa);
	if (p == MAP_FAILED)
		give_up("mmap of the physical page: %s", strerror(errno));
	expect_load_refused(p, "mapping");
	expect_store_refused(p, "mapping");
	munmap(p, 4096);
	finish(&v);
}

void attack_syscall_source(void)
{
	struct victim v;
	char name[] = "/tmp/attack.XXXXXX";
	int p[2], fd;
	ssize_t n;

	victim_start(&v, 1);
	fd = mkstemp(name);
	if (pipe(p) || fd < 0)
		give_up("no pipe or file");
	n = write(p[1], v.secret, 4096);
	expect(n < 0 && errno == EFAULT, "write to a pipe: %zd %s", n, n < 0 ? strerror(errno) : "");
	n = write(fd, v.secret, 4096);
	expect(n < 0 && errno == EFAULT, "write to a file: %zd %s", n, n < 0 ? strerror(errno) : "");
	n = syscall(SYS_openat, AT_FDCWD, (char *)v.secret, O_RDONLY);
	expect(n < 0 && errno == EFAULT, "open of a name there: %zd %s", n, n < 0 ? strerror(errno) : "");
	unlink(name);
	finish(&v);
}

void attack_syscall_target(void)
{
	struct victim v;
	int p[2], fd;
	ssize_t n;

	victim_start(&v, 1);
	if (pipe(p) || write(p[1], "evil", 4) != 4)
		give_up("no pipe");
	n = read(p[0], v.secret, 4);
	expect(n < 0 && errno == EFAULT, "read from a pipe: %zd %s", n, n < 0 ? strerror(errno) : "");
	fd = open("/dev/zero", O_RDONLY);
	if (fd >= 0) {
		n = read(fd, v.secret, 4096);
		expect(n < 0 && errno == EFAULT, "read of /dev/zero: %zd %s", n, n < 0 ? strerror(errno) : "");
	}
	finish(&v);
}

/* A copy that the kernel made by the page, not by its user address: refused, or nothing but zero. */
static void expect_zero_copy(ssize_t n, const unsigned char *copy, const char *what)
{
	ssize_t other = 0;

	for (ssize_t i = 0; i < n; i++)
		other += copy[i] != 0;
	expect(n < 0 || other == 0, "%s: %zd %s, %zd bytes not zero", what, n, n < 0 ? strerror(errno) : "bytes", other);
}

void attack_kernel_copy(void)
{
	static unsigned char copy[4096];
	struct victim v;
	struct iovec iov;
	int p[2], fd;
	ssize_t n;

	victim_start(&v, 1);
	fd = open("/proc/self/mem", O_RDWR);
	if (fd < 0 || pipe(p))
		give_up("no /proc/self/mem or pipe: %s", strerror(errno));
	memset(copy, 0xee, sizeof(copy));
	n = pread(fd, copy, sizeof(copy), (off_t)(uintptr_t)v.secret);
	expect_zero_copy(n, copy, "pread of /proc/self/mem");
	memset(copy, 0xee, sizeof(copy));
	n = pwrite(fd, copy, sizeof(copy), (off_t)(uintptr_t)v.secret);
	expect(n < 0 || n == sizeof(copy), "pwrite there: %zd", n);
	iov = (struct iovec){ .iov_base = v.secret, .iov_len = sizeof(copy) };
	n = vmsplice(p[1], &iov, 1, 0);
	if (n > 0) {
		memset(copy, 0xee, sizeof(copy));
		n = read(p[0], copy, sizeof(copy));
	}
	expect_zero_copy(n, copy, "vmsplice and read");
	close(fd);
	finish(&v);
}

static void (*code)(void);
static void call_code(void)
{
	code();
}

void attack_execute_user(void)
{
	struct victim v;
	void *p;

	victim_start(&v, 1);
	/* The guest puts `ret' there: executed, it would come back without a signal */
	agent(&v, AGENT_WRITE, SECRET_IPA, 0xd65f03c0d65f03c0UL, 0, 0);
	if (mprotect(v.secret, 4096, PROT_READ | PROT_EXEC))
		give_up("mprotect: %s", strerror(errno));
	code = (void (*)(void))(uintptr_t)v.secret;
	expect_call_refused(call_code, "the VMM's mapping");
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, driver_fd(), (off_t)v.secret_pa);
	if (p == MAP_FAILED)
		give_up("mmap of the physical page: %s", strerror(errno));
	code = (void (*)(void))(uintptr_t)p;
	expect_call_refused(call_code, "a mapping by physical address");
	agent(&v, AGENT_WRITE, SECRET_IPA, secret_word(0), 0, 0);
	finish(&v);
}

void attack_execute_kernel(void)
{
	struct victim v;
	u64 x0 = 0x1234;
	int error;

	victim_start(&v, 1);
	require_kernel_execution();
	agent(&v, AGENT_WRITE, SECRET_IPA, 0xd65f03c0d65f03c0UL, 0, 0);	/* ret */
	error = phys_exec(v.secret_pa, &x0);
	expect(error == EFAULT, "branch: %s", error ? strerror(error) : "executed");
	agent(&v, AGENT_WRITE, SECRET_IPA, secret_word(0), 0, 0);
	finish(&v);
}

void attack_zero_block(void)
{
	struct victim v;
	int error;

	victim_start(&v, 1);
	error = phys_cache(KCORE_TEST_DC_ZVA, v.secret_pa, 0);
	expect(error == EFAULT, "DC ZVA: %s", error ? strerror(error) : "went through");
	finish(&v);
}

void attack_cache_by_address(void)
{
	static const struct { u32 op; const char *name; } ops[] = {
		{ KCORE_TEST_DC_CIVAC, "CIVAC" }, { KCORE_TEST_DC_IVAC, "IVAC" }, { KCORE_TEST_DC_CVAC, "CVAC" },
		{ KCORE_TEST_DC_CVAU, "CVAU" }, { KCORE_TEST_IC_IVAU, "IVAU" },
	};
	struct victim v;
	u64 x = 0;

	victim_start(&v, 1);
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		int error = phys_cache(ops[i].op, v.secret_pa, 0);

		expect(!error || error == EFAULT, "%s: %s", ops[i].name, error ? strerror(error) : "no effect");
	}
	expect_fault(phys_read64(v.secret_pa, &x), x, "read behind them");
	finish(&v);
}

void attack_cache_set_way(void)
{
	static const struct { u32 op; const char *name; } ops[] = {
		{ KCORE_TEST_DC_CISW, "CISW" }, { KCORE_TEST_DC_ISW, "ISW" }, { KCORE_TEST_DC_CSW, "CSW" },
	};
	struct victim v;

	victim_start(&v, 1);
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		int error = 0;

		/* All of level 1 as on a Cortex-A57 (2 ways, 256 sets), and some of level 2 */
		for (u64 way = 0; way < 2 && !error; way++)
			for (u64 set = 0; set < 256 && !error; set++)
				error = phys_cache(ops[i].op, v.secret_pa, way << 31 | set << 6);
		for (u64 set = 0; set < 256 && !error; set++)
			error = phys_cache(ops[i].op, v.secret_pa, set << 6 | 1 << 1);
		expect(!error || error == EFAULT, "%s: %s", ops[i].name, error ? strerror(error) : "done");
	}
	finish(&v);
}

#define ALIASED_IPA (FRESH_IPA + 0x100000)

/*
 * A page whose 2 MiB block in the host's stage 2 is pages already, so that giving it away invalidates its own
 * entry alone; and donated by hypercall, since entering a guest may flush TLBs by itself.
 */
static u64 page_in_split_block(struct victim *v, u8 **alias)
{
	u64 pa = page_alloc(1), e = HC(VM_DONATE, v->handle, ALIASED_IPA, pa);

	if (e)
		give_up("VM_DONATE of the neighbour: %s", result_text(e));
	*alias = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, driver_fd(), (off_t)(pa + 4096));
	if (*alias == MAP_FAILED)
		give_up("no mapping of the page: %s", strerror(errno));
	*(volatile u64 *)*alias = 0x1111;
	return pa;
}

void attack_stale_tlb(void)
{
	struct victim v;
	u8 *page, *alias;
	u64 value, got = 0, pa, e;
	int sig;

	victim_start(&v, 1);
	pin_to_cpu(0);
	pa = page_in_split_block(&v, &alias);
	if (guarded_load(alias, &value) || value != 0x1111)
		give_up("the page wasn't readable before");
	/* Nothing in between that could fault: the kernel's own invalidations would hide a missing one of KCore */
	e = HC(VM_DONATE, v.handle, ALIASED_IPA + 4096, pa + 4096);
	sig = guarded_load(alias, &got);
	expect(!e, "donated: %s", result_text(e));
	if (sig)
		expect(sig == SIGBUS, "load at once: %s", strsignal(sig));
	else
		expect(false, "load at once got %#llx", (unsigned long long)got);
	expect_load_refused(alias, "a mapping used before");
	expect_store_refused(alias, "the same");
	value = agent(&v, AGENT_READ, ALIASED_IPA + 4096, 0, 0, 0);
	expect(value == 0x1111, "guest reads %#llx", (unsigned long long)value);
	/* The same as it happens at a fault of the guest, through the VMM's own mapping */
	page = v.vm.ram + (FRESH_IPA - RAM_BASE);
	*(volatile u64 *)page = 0x1111;
	agent(&v, AGENT_WRITE, FRESH_IPA, 0x2222, 0, 0);
	expect_load_refused(page, "the VMM's translation");
	value = agent(&v, AGENT_READ, FRESH_IPA, 0, 0, 0);
	expect(value == 0x2222, "guest reads %#llx", (unsigned long long)value);
	finish(&v);
	page_free(pa);
}

struct reader {
	u8 *page;
	atomic_bool stop;
	atomic_ulong reads;
	u64 last;
	atomic_int sig;
};

static void *read_all_the_time(void *arg)
{
	struct reader *r = arg;
	u64 value;

	pin_to_cpu(1);
	while (!atomic_load(&r->stop)) {
		int sig = guarded_load(r->page, &value);

		if (sig) {
			atomic_store(&r->sig, sig);
			break;
		}
		r->last = value;
		atomic_fetch_add(&r->reads, 1);
	}
	return NULL;
}

void attack_stale_tlb_other_cpu(void)
{
	struct reader r = { 0 };
	struct victim v;
	pthread_t thread;
	unsigned long reads;
	u64 value, pa, e;

	if (cpus_online() < 2)
		skip("needs 2 CPUs");
	victim_start(&v, 1);
	pin_to_cpu(0);
	pa = page_in_split_block(&v, &r.page);
	if (pthread_create(&thread, NULL, read_all_the_time, &r))
		give_up("no thread");
	while (!atomic_load(&r.reads))
		sched_yield();
	/* A read that began before the donation may end after it; a thousand more began after it.  Nothing else meanwhile. */
	e = HC(VM_DONATE, v.handle, ALIASED_IPA + 4096, pa + 4096);
	reads = atomic_load(&r.reads);
	while (!atomic_load(&r.sig) && atomic_load(&r.reads) < reads + 1000)
		sched_yield();
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	expect(!e, "donated: %s", result_text(e));
	agent(&v, AGENT_WRITE, ALIASED_IPA + 4096, 0x2222, 0, 0);
	expect(r.sig == SIGBUS, "after %lu reads: %s", atomic_load(&r.reads), r.sig ? strsignal(r.sig) : "still going");
	expect(r.last == 0x1111, "the last value read was %#llx", (unsigned long long)r.last);
	value = agent(&v, AGENT_READ, ALIASED_IPA + 4096, 0, 0, 0);
	expect(value == 0x2222, "guest reads %#llx", (unsigned long long)value);
	finish(&v);
	page_free(pa);
}

void attack_memory_slots(void)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM_BASE };
	static u64 bitmap[64];
	struct kvm_dirty_log log = { .dirty_bitmap = bitmap };
	struct victim v;
	u64 x = 0;
	int r, e;

	victim_start(&v, 1);
	region.memory_size = v.vm.ram_size;
	region.userspace_addr = (uintptr_t)v.vm.ram;
	region.flags = KVM_MEM_LOG_DIRTY_PAGES;
	r = ioctl(v.vm.fd, KVM_SET_USER_MEMORY_REGION, &region);
	expect(true, "dirty log: %s", r ? strerror(errno) : "accepted");
	if (!r) {
		r = ioctl(v.vm.fd, KVM_GET_DIRTY_LOG, &log);
		expect(true, "get dirty log: %s", r ? strerror(errno) : "done");
		region.flags = 0;
		ioctl(v.vm.fd, KVM_SET_USER_MEMORY_REGION, &region);
	}
	expect_fault(phys_read64(v.secret_pa, &x), x, "read behind it");
	victim_expect_intact(&v);
	region.flags = 0;
	region.memory_size = 0;
	r = ioctl(v.vm.fd, KVM_SET_USER_MEMORY_REGION, &region);
	e = errno;
	expect(true, "slot removed: %s", r ? strerror(e) : "accepted");
	expect_fault(phys_read64(v.secret_pa, &x), x, "read behind it");
	finish(&v);
}

void attack_discard(void)
{
	struct victim v;
	u64 x = 0;
	int r;

	victim_start(&v, 1);
	r = madvise(v.secret, SECRET_BYTES / 2, MADV_DONTNEED);
	expect(true, "MADV_DONTNEED: %s", r ? strerror(errno) : "done");
	r = madvise(v.secret + SECRET_BYTES / 2, SECRET_BYTES / 2, MADV_PAGEOUT);
	expect(true, "MADV_PAGEOUT: %s", r ? strerror(errno) : "done");
	/* The old page is the guest's for as long as it lives; what the VMM now sees there is another */
	expect_fault(phys_read64(v.secret_pa, &x), x, "the old page");
	if (!guarded_load(v.secret, &x))
		expect(x != secret_word(0), "the VMM reads %#llx there", (unsigned long long)x);
	finish(&v);
}

void attack_scrub(void)
{
	u64 pa[64], scrubbed, nonzero = 0, errors = 0, word[512];
	unsigned int n = SECRET_BYTES / 4096;
	struct victim v;

	victim_start(&v, 1);
	for (unsigned int i = 0; i < n; i++)
		pa[i] = user_pa(v.secret + 4096UL * i);
	scrubbed = stat_read(KCORE_STAT_pages_scrubbed);
	victim_expect_intact(&v);	/* the pattern is there */
	/* The pages stay this process's: they can't be handed to, and cleared for, anybody else meanwhile */
	v.vm.mapping = NULL;
	victim_end(&v);
	scrubbed = stat_read(KCORE_STAT_pages_scrubbed) - scrubbed;
	expect(scrubbed >= n, "%llu pages scrubbed", (unsigned long long)scrubbed);
	for (unsigned int i = 0; i < n; i++) {
		int e = phys_read(pa[i], word, sizeof(word), KCORE_TEST_VIA_MAPPING);

		errors += e != 0;
		for (unsigned int k = 0; !e && k < 512; k++)
			nonzero += word[k] != 0;
		if (user_pa(v.secret + 4096UL * i) != pa[i])
			give_up("the VMM's mapping moved");
	}
	expect(!errors, "%llu of %u pages not readable again", (unsigned long long)errors, n);
	expect(!nonzero, "%llu words not zero in them", (unsigned long long)nonzero);
}

void attack_scrub_order(void)
{
	static struct rawvm r;
	u64 pa, x = 0, got, e;
	int error;

	raw_create(&r, KCORE_VM_PROTECTED, 1);
	raw_boot(&r);
	raw_agent(&r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
	pa = raw_pa(&r, SECRET_IPA + SECRET_BYTES - 4096);
	if (raw_agent(&r, AGENT_CHECK, SECRET_IPA, SECRET_BYTES, SECRET_SEED))
		give_up("the guest's memory isn't right");
	e = HC(VM_DESTROY_BEGIN, r.vm);
	expect(!e, "destroy begin: %s", result_text(e));
	error = phys_read64(pa, &x);
	expect(error == EFAULT, "read of a dying VM's page: %s", error ? strerror(error) : result_text(x));
	/* Step by step: at every step the page is either refused or zero */
	for (unsigned int i = 0; i < 100000; i++) {
		e = HC(VM_DESTROY_STEP, r.vm);
		error = phys_read64(pa, &got);
		if (!error && got) {
			expect(false, "read %#llx between the steps", (unsigned long long)got);
			break;
		}
		if (e != KCORE_EAGAIN)
			break;
	}
	expect(!e, "last step: %s", result_text(e));
	error = phys_read64(pa, &got);
	expect(!error && !got, "read after the last: %s", error ? strerror(error) : result_text(got));
	e = HC(VCPU_DESTROY, r.vcpu[0]);
	if (!e)
		e = HC(VM_DESTROY_END, r.vm);
	expect(!e, "end: %s", result_text(e));
	raw_free_pages(&r);
}
