// SPDX-License-Identifier: GPL-2.0-only
/*
 * drop: normal VMs.  What KVM takes away, or protects, KCore's own table has to follow: pages replaced,
 * dirty log, write protection, 2 MiB blocks, memory slots, read-only too.  And exceptions that KVM injects, and debugging by the VMM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rawvm.h"
#include "victim.h"

#define DATA_IPA	(RAM_BASE + (6UL << 20))
#define BLOCK_IPA	(RAM_BASE + (8UL << 20))
#define MORE_IPA	0x80000000UL			/* a second slot */

static struct victim v;

static u8 *start(void)
{
	guard_install();
	accomplice_start(&v);
	return v.vm.ram + (DATA_IPA - RAM_BASE);
}

static u64 guest_reads(u64 ipa)
{
	return agent(&v, AGENT_READ, ipa, 0, 0, 0);
}

static void guest_writes(u64 ipa, u64 value)
{
	agent(&v, AGENT_WRITE, ipa, value, 0, 0);
}

/* Stores the VMM's value as a guest with the MMU off sees it */
static void host_writes(u8 *p, u64 value)
{
	*(volatile u64 *)p = value;
	asm volatile("dc civac, %0\n\tdsb sy" : : "r"(p) : "memory");
}

static void replaced(void)
{
	u8 *d = start(), *taken;
	u64 r;

	host_writes(d, 1);
	r = guest_reads(DATA_IPA);
	expect(r == 1, "first page: the guest reads %llu", (unsigned long long)r);
	host_writes(d, 2);
	r = guest_reads(DATA_IPA);
	expect(r == 2, "the host's store: %llu", (unsigned long long)r);
	madvise(d, 4096, MADV_DONTNEED);
	/* Somebody else takes the freed page: a stale translation would show it */
	taken = mmap(NULL, 64 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	memset(taken, 9, 64 << 12);
	r = guest_reads(DATA_IPA);
	expect(!r, "the page discarded: %llu", (unsigned long long)r);
	host_writes(d, 3);
	r = guest_reads(DATA_IPA);
	expect(r == 3, "the page replaced: %llu", (unsigned long long)r);
	guest_writes(DATA_IPA + 8, 0x55);
	expect(*(volatile u64 *)(d + 8) == 0x55, "the guest's store: %#llx", (unsigned long long)*(volatile u64 *)(d + 8));
	vm_destroy(&v.vm);
}

static int dirty(u64 ipa)
{
	static u64 bitmap[(16UL << 20) / 4096 / 64];
	struct kvm_dirty_log log = { .dirty_bitmap = bitmap };
	u64 page = (ipa - RAM_BASE) / 4096;

	memset(bitmap, 0, sizeof(bitmap));
	if (ioctl(v.vm.fd, KVM_GET_DIRTY_LOG, &log))
		give_up("KVM_GET_DIRTY_LOG: %s", strerror(errno));
	return bitmap[page / 64] >> (page % 64) & 1;
}

static void dirty_log(void)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM_BASE, .flags = KVM_MEM_LOG_DIRTY_PAGES };
	u8 *d = start();

	region.memory_size = v.vm.ram_size;
	region.userspace_addr = (uintptr_t)v.vm.ram;
	host_writes(d, 1);
	guest_writes(DATA_IPA, 2);
	if (ioctl(v.vm.fd, KVM_SET_USER_MEMORY_REGION, &region))
		give_up("dirty log: %s", strerror(errno));
	expect(!dirty(DATA_IPA), "nothing written yet");
	for (unsigned int round = 1; round <= 3; round++) {
		guest_writes(DATA_IPA, round);
		expect(dirty(DATA_IPA), "round %u: written, %s", round, "dirty");
		expect(!dirty(DATA_IPA), "read again: clean");
		guest_reads(DATA_IPA);
		expect(!dirty(DATA_IPA), "read by the guest: clean");
	}
	expect(*(volatile u64 *)d == 3, "the host sees %llu", (unsigned long long)*(volatile u64 *)d);
	vm_destroy(&v.vm);
}

static void protect(void)
{
	u8 *d = start();
	u64 r;

	host_writes(d, 1);
	guest_writes(DATA_IPA, 2);
	/* KVM takes the guest's write access away */
	if (mprotect(d, 4096, PROT_READ) || mprotect(d, 4096, PROT_READ | PROT_WRITE))
		give_up("mprotect: %s", strerror(errno));
	guest_writes(DATA_IPA, 3);
	r = *(volatile u64 *)d;
	expect(r == 3, "written after mprotect: the host sees %llu", (unsigned long long)r);
	/* A new mapping there: other page, other content */
	if (mmap(d, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != d)
		give_up("mmap: %s", strerror(errno));
	host_writes(d, 0x77);
	r = guest_reads(DATA_IPA);
	expect(r == 0x77, "mapped anew: the guest reads %#llx", (unsigned long long)r);
	vm_destroy(&v.vm);
}

static void blocks(void)
{
	u64 r, aborts;
	u8 *block;

	driver_open();
	start();
	block = v.vm.ram + (BLOCK_IPA - RAM_BASE);
	if (madvise(block, 2 * BLOCK_SIZE, MADV_HUGEPAGE))
		skip("no transparent huge pages: %s", strerror(errno));
	memset(block, 1, 2 * BLOCK_SIZE);
	agent(&v, AGENT_FILL, BLOCK_IPA, 8, 1, 0);
	aborts = stat_read(KCORE_STAT_exit_abort);
	agent(&v, AGENT_FILL, BLOCK_IPA, BLOCK_SIZE, 1, 0);
	aborts = stat_read(KCORE_STAT_exit_abort) - aborts;
	expect(aborts < 64, "512 pages filled with %llu aborts: a block", (unsigned long long)aborts);
	r = agent(&v, AGENT_CHECK, BLOCK_IPA, BLOCK_SIZE, 1, 0);
	expect(!r, "%llu words wrong", (unsigned long long)r);
	/* One page of the block goes: the rest stays */
	madvise(block + 0x5000, 4096, MADV_DONTNEED);
	r = guest_reads(BLOCK_IPA + 0x5000);
	expect(!r, "a page of it discarded: the guest reads %#llx there", (unsigned long long)r);
	r = agent(&v, AGENT_CHECK, BLOCK_IPA + 0x6000, BLOCK_SIZE - 0x6000, 1, 0);
	expect(!r, "%llu words wrong behind it", (unsigned long long)r);
	r = agent(&v, AGENT_CHECK, BLOCK_IPA, 0x5000, 1, 0);
	expect(!r, "%llu before it", (unsigned long long)r);
	vm_destroy(&v.vm);
}

static bool tell(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");
	bool good = f && fputs(text, f) >= 0;

	return f && !fclose(f) && good;
}

#define FILLED	(2 * BLOCK_SIZE)

/* The kernel moves pages of the guest's to make room in one piece, and others get the old ones */
static void compacted(void)
{
	const size_t bytes = 128UL << 20, share = bytes / (FILLED / 4096);
	u64 pa[FILLED / 4096], moved = 0, bad;
	u8 *ballast, *block = start() + (BLOCK_IPA - DATA_IPA);

	driver_open();
	ballast = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(ballast, bytes, MADV_NOHUGEPAGE);
	madvise(block, FILLED, MADV_NOHUGEPAGE);
	/* the guest's pages lie among the others, since only some of all move */
	for (u64 i = 0; i < FILLED / 4096; i++) {
		memset(ballast + i * share, 5, share);
		block[i * 4096] = 0;
		pa[i] = user_pa(block + i * 4096);
	}
	agent(&v, AGENT_FILL, BLOCK_IPA, FILLED, 1, 0);
	/* holes everywhere */
	for (size_t at = 0; at < bytes; at += 8192)
		madvise(ballast + at, 4096, MADV_DONTNEED);
	for (unsigned int round = 0; round < 1024 && !moved; round++) {
		if (!tell("/proc/sys/vm/compact_memory", "1"))
			skip("no compaction: %s", strerror(errno));
		for (u64 i = 0; i < FILLED / 4096; i++)
			moved += user_pa(block + i * 4096) != pa[i];
	}
	if (!moved)
		skip("the kernel moved none of the guest's pages");
	expect(true, "%llu of %llu pages moved", (unsigned long long)moved, (unsigned long long)FILLED / 4096);
	/* a stale translation would show this */
	for (size_t at = 0; at < bytes; at += 8192)
		memset(ballast + at, 9, 4096);
	bad = agent(&v, AGENT_CHECK, BLOCK_IPA, FILLED, 1, 0);
	expect(!bad, "%llu words wrong", (unsigned long long)bad);
	guest_writes(BLOCK_IPA + 8, 0x55);
	expect(*(volatile u64 *)(block + 8) == 0x55, "the guest's store: %#llx", (unsigned long long)*(volatile u64 *)(block + 8));
	vm_destroy(&v.vm);
}

#define KHUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/"

/*
 * Before 5.8 khugepaged passes over a page that waits in a CPU's batch to be put on an LRU list, as the last ones touched do.  A batch
 * is 15 pages: new ones on each CPU push it out.  (Compaction empties batches too, but what it moves waits in one again.)
 */
static void push_out_batches(void)
{
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		void *pages;

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		pages = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (pages != MAP_FAILED)
			munmap(pages, 64 * 4096);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

/* The kernel makes a 2 MiB page of small ones under the guest */
static void collapsed(void)
{
	u8 *block = start() + (BLOCK_IPA - DATA_IPA);
	u64 bad = 0, aborts, first = 0, last = 0;

	driver_open();
	madvise(block, BLOCK_SIZE, MADV_NOHUGEPAGE);
	agent(&v, AGENT_FILL, BLOCK_IPA, BLOCK_SIZE, 1, 0);
	if (madvise(block, BLOCK_SIZE, MADV_HUGEPAGE) || !tell(KHUGEPAGED "pages_to_scan", "100000") ||
	    !tell(KHUGEPAGED "scan_sleep_millisecs", "100") || !tell(KHUGEPAGED "alloc_sleep_millisecs", "100"))
		skip("no transparent huge pages: %s", strerror(errno));
	for (unsigned int i = 0; i < 600 && !(first && first % BLOCK_SIZE == 0 && last - first == BLOCK_SIZE - 4096); i++) {
		push_out_batches();
		usleep(100000);
		bad += agent(&v, AGENT_CHECK, BLOCK_IPA, BLOCK_SIZE, 1, 0);
		first = user_pa(block);
		last = user_pa(block + BLOCK_SIZE - 4096);
	}
	if (!bad && (first % BLOCK_SIZE || last - first != BLOCK_SIZE - 4096))
		skip("khugepaged made no block in a minute");
	bad += agent(&v, AGENT_CHECK, BLOCK_IPA, BLOCK_SIZE, 1, 0);
	expect(!bad, "%llu words wrong", (unsigned long long)bad);
	guest_writes(BLOCK_IPA, 0);
	aborts = stat_read(KCORE_STAT_exit_abort);
	agent(&v, AGENT_FILL, BLOCK_IPA, BLOCK_SIZE, 2, 0);
	aborts = stat_read(KCORE_STAT_exit_abort) - aborts;
	expect(aborts < 64, "filled anew with %llu aborts: a block", (unsigned long long)aborts);
	expect(*(volatile u64 *)(block + 4096) == pattern(BLOCK_IPA + 4096, 2), "the host sees it");
	vm_destroy(&v.vm);
}

static void slots(void)
{
	struct kvm_userspace_memory_region region = { .slot = 1, .guest_phys_addr = 0x80000000, .memory_size = 1 << 20 };
	u8 *more;
	u64 r;

	start();
	more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)more;
	host_writes(more, 0x1234);
	if (ioctl(v.vm.fd, KVM_SET_USER_MEMORY_REGION, &region))
		give_up("second slot: %s", strerror(errno));
	r = guest_reads(0x80000000);
	expect(r == 0x1234, "a slot added: the guest reads %#llx", (unsigned long long)r);
	region.memory_size = 0;
	if (ioctl(v.vm.fd, KVM_SET_USER_MEMORY_REGION, &region))
		give_up("slot removed: %s", strerror(errno));
	r = guest_reads(0x80000000);
	expect(!r, "removed: MMIO, %#llx", (unsigned long long)r);
	vm_destroy(&v.vm);
}

/* A store that KVM reports as MMIO, since the slot is read-only */
static u64 mmio_stores, mmio_value;
static void note_store(struct vm *vm, void *state, u64 offset, u64 value, unsigned int bytes)
{
	(void)vm;
	(void)state;
	(void)offset;
	(void)bytes;
	mmio_stores++;
	mmio_value = value;
}

static u64 no_load(struct vm *vm, void *state, u64 offset, unsigned int bytes)
{
	(void)vm;
	(void)state;
	(void)offset;
	(void)bytes;
	return ~0UL;
}

static void set_slot(struct kvm_userspace_memory_region *region, const char *what)
{
	if (ioctl(v.vm.fd, KVM_SET_USER_MEMORY_REGION, region))
		give_up("%s: %s", what, strerror(errno));
}

static void read_only(void)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1, .flags = KVM_MEM_READONLY, .guest_phys_addr = MORE_IPA, .memory_size = 1 << 20,
	};
	const struct mmio_device device = { .base = MORE_IPA, .size = 1 << 20, .read = no_load, .write = note_store };
	u8 *more;
	u64 r;

	start();
	more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)more;
	if (vm_add_device(&v.vm, &device))
		give_up("no device");
	host_writes(more, 0x1234);
	host_writes(more + 4096, 0x5678);
	set_slot(&region, "read-only slot");
	r = guest_reads(MORE_IPA);
	expect(r == 0x1234, "the guest reads %#llx", (unsigned long long)r);
	guest_writes(MORE_IPA, 0x55);
	expect(mmio_stores == 1 && mmio_value == 0x55, "its store there: %llu MMIO exit, %#llx", (unsigned long long)mmio_stores,
	       (unsigned long long)mmio_value);
	/* a page that it hasn't read before */
	guest_writes(MORE_IPA + 4096, 0x66);
	expect(mmio_stores == 2 && mmio_value == 0x66, "on a fresh page: %llu, %#llx", (unsigned long long)mmio_stores,
	       (unsigned long long)mmio_value);
	r = guest_reads(MORE_IPA) << 16 | guest_reads(MORE_IPA + 4096);
	expect(r == 0x12345678, "the guest reads %#llx after them", (unsigned long long)r);
	region.memory_size = 0;
	set_slot(&region, "slot removed");
	region.memory_size = 1 << 20;
	region.flags = 0;
	set_slot(&region, "writable slot");
	guest_writes(MORE_IPA, 0x77);
	r = *(volatile u64 *)more;
	expect(mmio_stores == 2 && r == 0x77, "writable: the host sees %#llx", (unsigned long long)r);
	vm_destroy(&v.vm);
}

static void moved(void)
{
	struct kvm_userspace_memory_region region = { .slot = 1, .guest_phys_addr = MORE_IPA, .memory_size = 1 << 20 };
	u8 *more;
	u64 r;

	start();
	more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)more;
	host_writes(more, 0x1234);
	set_slot(&region, "second slot");
	r = guest_reads(MORE_IPA);
	expect(r == 0x1234, "the guest reads %#llx", (unsigned long long)r);
	region.guest_phys_addr += 2 << 20;
	set_slot(&region, "slot moved");
	r = guest_reads(MORE_IPA);
	expect(!r, "moved: MMIO, %#llx, where it was", (unsigned long long)r);
	r = guest_reads(MORE_IPA + (2 << 20));
	expect(r == 0x1234, "%#llx where it is", (unsigned long long)r);
	guest_writes(MORE_IPA + (2 << 20), 0x99);
	r = *(volatile u64 *)more;
	expect(r == 0x99, "the guest's store: %#llx", (unsigned long long)r);
	vm_destroy(&v.vm);
}

static u64 provoke(bool jump)
{
	agent(&v, jump ? AGENT_JUMP : AGENT_SYSREG, jump ? 0x80000000 : 8, 0, 0, 0);
	return agent(&v, AGENT_EXCEPTIONS, 0, 0, 0, 0);
}

/*
 * An exception that the host's KVM gives the guest: it arrives once, and the guest goes on behind it.  An access to a PMU
 * that isn't there; up to 5.10, where that reads zero, a jump to where no memory is.
 */
static void exception(void)
{
	bool jump;
	u64 e, r;

	start();
	jump = !provoke(false);
	for (unsigned int i = 1; i <= 3; i++) {
		e = provoke(jump);
		expect((e & 0xffffffff) == 1 && e >> 32 == (jump ? 0x86000010 : 0x02000000), "%s: %llu exception, ESR %#llx",
		       jump ? "a jump to where no memory is" : "access to a PMU register", (unsigned long long)(e & 0xffffffff),
		       (unsigned long long)(e >> 32));
	}
	r = agent(&v, AGENT_KEEP, 20, 3, 0, 0);
	expect(!r, "registers changed after it: %#llx", (unsigned long long)r);
	vm_destroy(&v.vm);
}

/* --- the calls themselves ------------------------------------------------------------- */

static bool saw_write_fault;
static bool refill(struct rawvm *r, const struct kcore_vcpu_page *page, u64 ipa)
{
	u64 e;

	if (!raw_pa(r, ipa))
		return false;
	saw_write_fault = (page->exit.esr & 0x40) != 0;
	e = HC(VM_MAP, r->vm, ipa, raw_pa(r, ipa), 4096, 7);
	if (e)
		give_up("VM_MAP: %s", result_text(e));
	return true;
}

static void by_hand(void)
{
	static struct rawvm r;
	u64 e, value;

	raw_create(&r, KCORE_VM_NORMAL, 1);
	raw_boot(&r);
	r.on_fault = refill;
	raw_agent(&r, AGENT_WRITE, DATA_IPA, 7, 0);
	e = HC(VM_AGE, r.vm, DATA_IPA, 4096);
	expect(e == 1, "age of a mapped page: %s", result_text(e));
	e = HC(VM_AGE, r.vm, DATA_IPA, 4096);
	expect(!e, "again: %s", result_text(e));
	value = raw_agent(&r, AGENT_READ, DATA_IPA, 0, 0);
	expect(value == 7, "read after it: %llu", (unsigned long long)value);
	e = HC(VM_WRPROTECT, r.vm, DATA_IPA, 4096);
	expect(!e, "write-protect: %s", result_text(e));
	r.faulted = saw_write_fault = false;
	value = raw_agent(&r, AGENT_READ, DATA_IPA, 0, 0);
	expect(value == 7 && !r.faulted, "read: %llu, %s", (unsigned long long)value, r.faulted ? "a fault" : "no fault");
	raw_agent(&r, AGENT_WRITE, DATA_IPA, 8, 0);
	expect(r.faulted && saw_write_fault, "write: %s", saw_write_fault ? "a write fault" : "no write fault");
	value = raw_agent(&r, AGENT_READ, DATA_IPA, 0, 0);
	expect(value == 8, "read: %llu", (unsigned long long)value);
	e = HC(VM_UNMAP, r.vm, DATA_IPA, 4096);
	expect(!e, "unmap: %s", result_text(e));
	expect(HC(PAGE_STATE, raw_pa(&r, DATA_IPA)) == KCORE_PAGE_HOST, "the page is %s",
	       page_state_text(HC(PAGE_STATE, raw_pa(&r, DATA_IPA))));
	r.faulted = false;
	value = raw_agent(&r, AGENT_READ, DATA_IPA, 0, 0);
	expect(r.faulted && value == 8, "read: %s, %llu", r.faulted ? "a fault" : "no fault", (unsigned long long)value);
	e = raw_destroy(&r);
	expect(!e, "destroyed: %s", result_text(e));
	raw_free_pages(&r);
}

static void block_by_hand(void)
{
	static struct rawvm r;
	u64 pa, e, bad;

	raw_create(&r, KCORE_VM_NORMAL, 1);
	raw_boot(&r);
	pa = page_alloc(9);
	/* over pages that are mapped already, which go */
	raw_agent(&r, AGENT_WRITE, BLOCK_IPA + 0x3000, 7, 0);
	e = HC(VM_MAP, r.vm, BLOCK_IPA, pa, BLOCK_SIZE, 7);
	while (e == KCORE_EAGAIN)
		e = HC(VM_MAP, r.vm, BLOCK_IPA, pa, BLOCK_SIZE, 7);
	expect(!e, "a 2 MiB block over a page: %s", result_text(e));
	expect(HC(PAGE_STATE, raw_pa(&r, BLOCK_IPA + 0x3000)) == KCORE_PAGE_HOST, "that page is %s",
	       page_state_text(HC(PAGE_STATE, raw_pa(&r, BLOCK_IPA + 0x3000))));
	r.faulted = false;
	raw_agent(&r, AGENT_FILL, BLOCK_IPA, BLOCK_SIZE, 3);
	expect(!r.faulted, "filled with %s", r.faulted ? "a fault" : "no fault");
	expect(HC(PAGE_STATE, pa + BLOCK_SIZE - 4096) == KCORE_PAGE_MAPPED, "its last page is %s",
	       page_state_text(HC(PAGE_STATE, pa + BLOCK_SIZE - 4096)));
	/* a page into the block: the block goes, as a whole */
	e = raw_give(&r, BLOCK_IPA + 0x7000, NULL);
	expect(!e, "a page into the block: %s", result_text(e));
	expect(HC(PAGE_STATE, pa) == KCORE_PAGE_HOST, "the block is %s", page_state_text(HC(PAGE_STATE, pa)));
	e = HC(VM_MAP, r.vm, BLOCK_IPA, pa, BLOCK_SIZE, 7);
	while (e == KCORE_EAGAIN)
		e = HC(VM_MAP, r.vm, BLOCK_IPA, pa, BLOCK_SIZE, 7);
	bad = raw_agent(&r, AGENT_CHECK, BLOCK_IPA, BLOCK_SIZE, 3);
	expect(!e && !bad, "and again the block: %s, %llu words wrong", result_text(e), (unsigned long long)bad);
	/* a range that only touches it takes it whole */
	e = HC(VM_UNMAP, r.vm, BLOCK_IPA + 0x9000, 4096);
	expect(!e && HC(PAGE_STATE, pa) == KCORE_PAGE_HOST, "unmap of one page of it: %s, it is %s", result_text(e),
	       page_state_text(HC(PAGE_STATE, pa)));
	e = raw_destroy(&r);
	expect(!e, "destroyed: %s", result_text(e));
	raw_free_pages(&r);
	page_free(pa);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "replaced", "a page is discarded and replaced under a running guest", replaced, 0 },
		{ "dirty-log", "three rounds of dirty logging", dirty_log, 0 },
		{ "protect", "the VMM protects and remaps guest memory", protect, 0 },
		{ "blocks", "2 MiB blocks are used, and split when a page goes", blocks, 0 },
		{ "compacted", "the kernel moves pages under a running guest", compacted, 120 },
		{ "collapsed", "small pages become a 2 MiB block under a running guest", collapsed, 120 },
		{ "slots", "a memory slot comes and goes", slots, 0 },
		{ "read-only", "a slot that the guest may only read", read_only, 0 },
		{ "moved", "a memory slot changes its address", moved, 0 },
		{ "exception", "KVM injects an exception into a normal guest", exception, 0 },
		{ "calls", "age, write-protect and unmap by hypercall", by_hand, 0 },
		{ "block-calls", "2 MiB blocks by hypercall", block_by_hand, 0 },
		{ 0 },
	};

	return run_tests("drop", argc, argv, tests);
}
