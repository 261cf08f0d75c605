// SPDX-License-Identifier: GPL-2.0-only
/* Attacks on EL2 itself: vectors, memory, CPUs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attacks.h"

#define PSCI_CPU_ON64		0xc4000003UL
#define PSCI_NOT_SUPPORTED	(~0UL)
#define PSCI_INVALID_PARAMS	(~0UL - 1)
#define PSCI_ALREADY_ON		(~0UL - 3)

/* Still KCore, still in charge: it answers, and its memory is out of reach */
static void expect_core_alive(void)
{
	u64 x, version = HC(VERSION);
	int error = phys_read64(driver_info()->region_base, &x);

	expect(version == KCORE_ABI_VERSION, "KCore answers version %llu", (unsigned long long)version);
	if (error != EFAULT)
		expect(false, "KCore's memory is readable");
}

void attack_stub_calls(void)
{
	static const char *const names[] = { "SET_VECTORS", "SOFT_RESTART", "RESET_VECTORS" };
	unsigned int refused = 0;
	u64 before, r, page;

	driver_open();
	before = stat_read(KCORE_STAT_stub_refused);
	page = page_alloc(0);
	for (u64 nr = 0; nr < KCORE_STUB_CALLS; nr++) {
		/* SOFT_RESTART jumps to x1 at EL2: to the landing pad, if it did */
		r = hvc(nr, nr == 1 ? driver_info()->landing_pad : page, 0, 0, 0, 0);
		if (nr < 3)
			expect(r == KCORE_STUB_ERR, "%s: %#llx", names[nr], (unsigned long long)r);
		else if (nr == 3)
			expect(!r, "FINALISE_EL2: %#llx", (unsigned long long)r);
		else
			refused += r == KCORE_STUB_ERR;
	}
	expect(refused == KCORE_STUB_CALLS - 4, "%u of %lu others refused", refused, KCORE_STUB_CALLS - 4);
	r = stat_read(KCORE_STAT_stub_refused) - before;
	expect(r == KCORE_STUB_CALLS - 1, "%llu counted", (unsigned long long)r);
	page_free(page);
	expect_core_alive();
}

void attack_install_again(void)
{
	u64 r, page;

	driver_open();
	page = page_alloc(0);
	r = hvc(KCORE_FN_INSTALL, 0, page, 0, 0, 0);
	expect(r == KCORE_ENOSYS, "INSTALL: %s", result_text(r));
	if (driver_info()->install_args) {
		r = hvc(KCORE_FN_INSTALL, 0, driver_info()->install_args, 0, 0, 0);
		expect(r == KCORE_ENOSYS, "INSTALL with the arguments of the first time: %s", result_text(r));
	}
	page_free(page);
	expect_core_alive();
}

/*
 * Every 16th page from the end of KCore's memory down to 4 MiB (records, table pool), then every page (roots, stacks,
 * data, vectors, image).  The end first: a write that succeeds there, and stops, leaves a KCore that can still say so.
 */
static u64 next_core_offset(u64 offset)
{
	return offset - (offset > 4UL << 20 ? 16 * 4096 : 4096);
}

void attack_core_read(void)
{
	static const u32 vias[] = { KCORE_TEST_VIA_MAPPING, KCORE_TEST_VIA_DEVICE, KCORE_TEST_VIA_LINEAR };
	unsigned long tried = 0, refused = 0, nolinear = 0;
	u64 x, base, size;

	driver_open();
	base = driver_info()->region_base;
	size = driver_info()->region_size;
	expect(HC(INFO, KCORE_INFO_REGION_BASE) == base && HC(INFO, KCORE_INFO_REGION_SIZE) == size, "KCore says %#llx, %llu KiB",
	       (unsigned long long)base, (unsigned long long)size >> 10);
	for (u64 at = size - 4096; at < size; at = next_core_offset(at)) {
		for (unsigned int i = 0; i < 3; i++) {
			int e = phys_read(base + at, &x, 8, vias[i]);

			tried++;
			refused += e == EFAULT;
			nolinear += e == ENXIO && vias[i] == KCORE_TEST_VIA_LINEAR;
		}
	}
	expect(tried == refused + nolinear && refused, "%lu reads: %lu refused, %lu not in the linear map", tried, refused, nolinear);
	expect_core_alive();
}

void attack_core_write(void)
{
	unsigned long tried = 0, refused = 0;
	u64 base, size, evil = 0xd4000002d4000002UL;

	driver_open();
	base = driver_info()->region_base;
	size = driver_info()->region_size;
	for (u64 at = size - 4096; at < size; at = next_core_offset(at)) {
		for (u32 via = 0; via < 3; via += 2) {
			tried++;
			refused += phys_write(base + at + 0x200, &evil, 8, via) == EFAULT;
		}
		if (tried != refused)
			break;
	}
	expect(tried == refused, "%lu writes: %lu refused", tried, refused);
	expect_core_alive();
}

void attack_core_map_user(void)
{
	unsigned int refused = 0, tried = 0;
	u64 x = 0, size, step;

	driver_open();
	guard_install();
	size = driver_info()->region_size;
	step = size / 16 & ~0xfffUL;
	/* from the end, as core-write */
	for (u64 at = size - 4096; at < size && tried == refused; at -= step) {
		u8 *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, driver_fd(), (off_t)(driver_info()->region_base + at));

		if (p == MAP_FAILED)
			give_up("mmap: %s", strerror(errno));
		tried += 2;
		refused += guarded_load(p, &x) == SIGBUS;
		refused += guarded_store(p, 1) == SIGBUS;
		munmap(p, 4096);
	}
	expect(tried == refused, "%u accesses: %u times SIGBUS", tried, refused);
	expect_core_alive();
}

void attack_core_execute(void)
{
	u64 x0;
	int e;

	driver_open();
	require_kernel_execution();
	pin_to_cpu(cpus_online() - 1);		/* it may not come back */
	for (u64 at = 0; at < 0x3000; at += 0x1000) {
		x0 = 0;
		e = phys_exec(driver_info()->region_base + at, &x0);
		expect(e == EFAULT, "branch to image + %#llx: %s", (unsigned long long)at, e ? strerror(e) : "executed");
	}
	expect_core_alive();
}

void attack_cpu_on_entry(void)
{
	struct kcore_test_cpu_on on = { .cpu = 1 };

	driver_open();
	if (cpus_online() < 2)
		skip("needs 2 CPUs");
	if (set_cpu(1, false))
		skip("CPU 1 can't be taken offline: %s (needs CONFIG_HOTPLUG_CPU)", strerror(errno));
	if (ioctl(driver_fd(), KCORE_TEST_CPU_ON, &on))
		give_up("KCORE_TEST_CPU_ON: %s", strerror(errno));
	expect(!on.result, "CPU_ON: %lld", (long long)on.result);
	expect(on.landed, "the landing pad was %s", on.landed ? "reached" : "not reached");
	expect(on.current_el == 1, "at EL%llu", (unsigned long long)on.current_el);
	expect(!(on.sctlr & 1), "MMU %s", on.sctlr & 1 ? "on" : "off");
	expect(on.off, "the CPU is %s again", on.off ? "off" : "not off");
	expect(!set_cpu(1, true), "and comes back as CPU 1");
	expect_core_alive();
	/* It came back under KCore: its accesses to KCore's memory are refused there too */
	pin_to_cpu(1);
	expect_core_alive();
}

void attack_cpu_on_wrong(void)
{
	static const u64 nowhere[] = { 0x63, 0x100000000UL, 0xff00ffffffUL, ~0UL, 1UL << 63, 0x80000001UL };
	struct kcore_test_cpu_on on = { .cpu = ~0U };
	unsigned int refused = 0, n = sizeof(nowhere) / sizeof(nowhere[0]);
	u64 r = 0;

	driver_open();
	for (unsigned int i = 0; i < n; i++) {
		on.mpidr = nowhere[i];
		if (ioctl(driver_fd(), KCORE_TEST_CPU_ON, &on))
			give_up("KCORE_TEST_CPU_ON: %s", strerror(errno));
		refused += on.result == PSCI_INVALID_PARAMS || on.result == PSCI_ALREADY_ON;
		expect(!on.landed, "MPIDR %#llx: %lld", (unsigned long long)nowhere[i], (long long)on.result);
	}
	expect(refused == n, "%u of %u refused", refused, n);
	r = smc(PSCI_CPU_ON64, 0, driver_info()->landing_pad, 0);
	expect(r == PSCI_ALREADY_ON, "CPU 0, which is on: %lld", (long long)r);
	r = smc(0x84000003UL, 0, driver_info()->landing_pad, 0);
	expect(r == PSCI_ALREADY_ON || r == PSCI_NOT_SUPPORTED, "by the 32-bit function: %lld", (long long)r);
	expect_core_alive();
}

void attack_smc_calls(void)
{
	/* Trusted OS and application calls, OEM, SiP, standard hypervisor, FF-A, SDEI, MIGRATE, SYSTEM_SUSPEND,
	 * NODE_HW_STATE, MEM_PROTECT, and a KCore hypercall by SMC */
	static const u64 calls[] = {
		0xb2000000UL, 0xbf000001UL, 0x83000000UL, 0xc3000000UL, 0x82000000UL, 0xc2000001UL, 0x85000000UL, 0x84000060UL,
		0xc4000061UL, 0xc4000020UL, 0x84000005UL, 0xc4000005UL, 0x8400000eUL, 0xc400000eUL, 0xc400000dUL, 0x84000013UL,
		0x12345678UL, 0UL, KCORE_HC_VERSION, KCORE_HC_VM_CREATE,
	};
	unsigned int refused = 0, n = sizeof(calls) / sizeof(calls[0]);
	u64 before, r;

	driver_open();
	before = stat_read(KCORE_STAT_host_smc_denied);
	for (unsigned int i = 0; i < n; i++) {
		r = smc(calls[i], 0x40000000UL, 0x40000000UL, 0);
		refused += r == PSCI_NOT_SUPPORTED;
		if (r != PSCI_NOT_SUPPORTED)
			expect(false, "SMC %#llx: %#llx", (unsigned long long)calls[i], (unsigned long long)r);
	}
	expect(refused == n, "%u of %u refused", refused, n);
	r = stat_read(KCORE_STAT_host_smc_denied) - before;
	expect(r >= n, "%llu counted as denied", (unsigned long long)r);
	r = smc(0x84000000UL, 0, 0, 0);
	expect(r == 0x10000 || r == 0x10001 || r == 2, "PSCI_VERSION, allowed: %#llx", (unsigned long long)r);
	expect_core_alive();
}

void attack_translate_stage2(void)
{
	int e;

	driver_open();
	e = phys_cache(KCORE_TEST_AT_S12E1R, driver_info()->region_base, 0);
	expect(e == EFAULT, "AT S12E1R: %s", e ? strerror(e) : "executed");
	expect_core_alive();
}

void attack_kexec(void)
{
	struct { const void *buf; size_t bufsz; const void *mem; size_t memsz; } segment;
	u8 *image = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u64 to;
	long r;

	driver_open();
	if (image == MAP_FAILED)
		give_up("mmap");
	memset(image, 0x14, 4096);
	to = (driver_info()->dram_start + driver_info()->dram_end) / 2 & ~0xfffUL;
	segment.buf = image;
	segment.bufsz = segment.memsz = 4096;
	segment.mem = (const void *)to;
	r = syscall(SYS_kexec_load, to, 1UL, &segment, 183UL << 16);	/* KEXEC_ARCH_AARCH64 */
	if (r && errno == ENOSYS)
		skip("the kernel has no kexec (CONFIG_KEXEC)");
	expect(r && errno == EBUSY, "kexec_load: %s", r ? strerror(errno) : "accepted");
	expect_core_alive();
}
