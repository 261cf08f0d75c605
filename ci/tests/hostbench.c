// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostbench: what the host pays for VMs as a whole: switching between them, creating, filling and destroying them, many at once.
 * Prints BENCH lines like tvmm's: name, ticks (instructions with -icount), operations, mark for tools/elcount (-1: none).
 * Runs on stock kernels too.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "payload.h"
#include "rawvm.h"
#include "sign.h"
#include "testdev.h"

#define MARK_SWITCH	10
#define MARK_CREATE	11
#define MARK_DESTROY	12
#define MARK_FILL_MIB	13
#define MARK_DESTROY_MIB 14
#define MARK_MEASURE_MIB 15
#define MARK_START_SIGNED 16
#define MARK_QUOTE	17

#define SWITCHES	128U
#define LIVES		16U
#define FILL_MIB	24UL
#define FILL_AT		(RAM_BASE + (4UL << 20))
#define MANY		64U
#define MIB_PAGES	256UL

struct guest {
	struct vm vm;
	struct testdev dev;
};

static struct guest guests[MANY];
static bool is_protected;

#define begin(k)	asm volatile("hint %0\n\tisb" : : "i"(BENCH_MARK + (k)) : "memory")
#define end()		asm volatile("hint %0\n\tisb" : : "i"(BENCH_MARK_END) : "memory")

static u64 ticks(void)
{
	u64 v;

	asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v) : : "memory");
	return v;
}

static void fail(const char *what)
{
	error_line("%s", what);
	exit(EXIT_FAILED);
}

static void call(struct guest *g, u64 command, u64 a, u64 b)
{
	if (agent_call(&g->vm, &g->dev, command, (const u64[4]){ a, b }, NULL, NULL, NULL))
		fail("the agent did not answer");
}

/* A VM that runs and has answered once */
static void create(struct guest *g, unsigned int vcpus, u64 mib)
{
	struct vm_config config = { .is_protected = is_protected, .vcpus = vcpus, .memory = mib << 20 };
	const struct payload *p = payload_find("agent");
	bool environment;

	if (vm_create(&g->vm, &config, &environment))
		exit(environment ? EXIT_ENVIRONMENT : EXIT_FAILED);
	madvise(g->vm.ram, g->vm.ram_size, MADV_NOHUGEPAGE);
	if (testdev_attach(&g->vm, &g->dev) || payload_load(&g->vm, p) || vm_finalise(&g->vm))
		fail("a VM did not start");
	call(g, AGENT_NOP, 0, 0);
}

static u64 least(u64 a, u64 b)
{
	return a < b ? a : b;
}

static void print(const char *name, double value, unsigned int n, int mark)
{
	printf("BENCH %s %.3f %u %d\n", name, value, n, mark);
	fflush(stdout);
}

/* One exit to user space each, of two VMs in turn */
static void measure_switch(void)
{
	u64 min = ~0UL;

	create(&guests[0], 1, 16);
	create(&guests[1], 1, 16);
	for (int pass = 0; pass < BENCH_PASSES; pass++) {
		u64 t;

		begin(MARK_SWITCH);
		t = ticks();
		for (unsigned int i = 0; i < SWITCHES; i++)
			vcpu_step(&guests[i & 1].vm.vcpus[0]);
		t = ticks() - t;
		end();
		if (pass)
			min = least(min, t);
	}
	print("vcpu_switch", (double)min / SWITCHES, SWITCHES, MARK_SWITCH);
	vm_destroy(&guests[0].vm);
	vm_destroy(&guests[1].vm);
}

/*
 * Small VMs, and what each MiB of memory that one has touched adds, in 4 KiB pages.  Of the small ones LIVES at a time: the kernel takes and gives
 * back pages in bulk, which in a pass of one VM happens or doesn't.
 */
static void measure_life(void)
{
	u64 made = ~0UL, gone = ~0UL, filled = ~0UL, emptied = ~0UL;

	for (int pass = 0; pass < BENCH_PASSES; pass++) {
		u64 t[4];

		begin(MARK_CREATE);
		t[0] = ticks();
		for (unsigned int i = 0; i < LIVES; i++)
			create(&guests[i], 1, 16);
		t[0] = ticks() - t[0];
		end();
		begin(MARK_DESTROY);
		t[1] = ticks();
		for (unsigned int i = 0; i < LIVES; i++)
			vm_destroy(&guests[i].vm);
		t[1] = ticks() - t[1];
		end();
		create(&guests[0], 1, FILL_MIB + 8);
		begin(MARK_FILL_MIB);
		t[2] = ticks();
		call(&guests[0], AGENT_TOUCH, FILL_AT, FILL_MIB << 20);
		t[2] = ticks() - t[2];
		end();
		begin(MARK_DESTROY_MIB);
		t[3] = ticks();
		vm_destroy(&guests[0].vm);
		t[3] = ticks() - t[3];
		end();
		if (!pass)
			continue;
		made = least(made, t[0]);
		gone = least(gone, t[1]);
		filled = least(filled, t[2]);
		emptied = least(emptied, t[3]);
	}
	print("vm_create", (double)made / LIVES, LIVES, MARK_CREATE);
	print("vm_destroy", (double)gone / LIVES, LIVES, MARK_DESTROY);
	print("vm_fill_mib", (double)filled / FILL_MIB, FILL_MIB, MARK_FILL_MIB);
	print("vm_destroy_mib", ((double)emptied - (double)gone / LIVES) / FILL_MIB, FILL_MIB, -1);
}

/* A counter of KCore's, 0 on a stock kernel */
static u64 counter(const char *file, const char *name)
{
	unsigned long long value = 0;
	char word[64], line[128];
	FILE *f;

	snprintf(line, sizeof(line), "/sys/kernel/debug/kcore/%s", file);
	f = fopen(line, "r");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %llu", word, &value) == 2 && !strcmp(word, name))
			break;
		else
			value = 0;
	fclose(f);
	return value;
}

static u64 exits(struct guest *g)
{
	u64 min = ~0UL;

	for (int pass = 0; pass < BENCH_PASSES; pass++) {
		u64 t = ticks();

		for (unsigned int i = 0; i < SWITCHES; i++)
			vcpu_step(&g->vm.vcpus[0]);
		t = ticks() - t;
		if (pass)
			min = least(min, t);
	}
	return min;
}

/* With 1, 8 and 64 VMs alive: the last one destroyed and created again, an exit of it, the pages of KCore's that it takes */
static void measure_many(void)
{
	char name[48];

	for (unsigned int n = 0; n < MANY; n++) {
		u64 made = ~0UL, gone = ~0UL, pool = 0;

		create(&guests[n], 1, 16);
		if (n != 0 && n != 7 && n != MANY - 1)
			continue;
		for (int pass = 0; pass < 4; pass++) {
			u64 t = ticks();

			vm_destroy(&guests[n].vm);
			gone = least(gone, ticks() - t);
			pool = counter("stats", "pool_free");
			t = ticks();
			create(&guests[n], 1, 16);
			made = least(made, ticks() - t);
		}
		snprintf(name, sizeof(name), "vms.%u.create", n + 1);
		print(name, (double)made, 1, -1);
		snprintf(name, sizeof(name), "vms.%u.destroy", n + 1);
		print(name, (double)gone, 1, -1);
		snprintf(name, sizeof(name), "vms.%u.exit", n + 1);
		print(name, (double)exits(&guests[n]) / SWITCHES, SWITCHES, -1);
		snprintf(name, sizeof(name), "vms.%u.tables", n + 1);
		print(name, (double)(pool - counter("stats", "pool_free")), 1, -1);
	}
	for (unsigned int n = 0; n < MANY; n++)
		vm_destroy(&guests[n].vm);
}

static void measure_vcpus(void)
{
	char name[48];

	for (unsigned int vcpus = 1; vcpus <= 8; vcpus *= 2) {
		u64 made = ~0UL, gone = ~0UL, pool = counter("stats", "pool_free"), tables = 0;

		for (int pass = 0; pass < 4; pass++) {
			u64 t = ticks(), used;

			create(&guests[0], vcpus, 16);
			t = ticks() - t;
			used = pool - counter("stats", "pool_free");
			if (pass) {
				made = least(made, t);
				tables = used;
			}
			t = ticks();
			vm_destroy(&guests[0].vm);
			t = ticks() - t;
			if (pass)
				gone = least(gone, t);
			pool = counter("stats", "pool_free");
		}
		snprintf(name, sizeof(name), "vcpus.%u.create", vcpus);
		print(name, (double)made, 1, -1);
		snprintf(name, sizeof(name), "vcpus.%u.destroy", vcpus);
		print(name, (double)gone, 1, -1);
		snprintf(name, sizeof(name), "vcpus.%u.tables", vcpus);
		print(name, (double)tables, 1, -1);
	}
}

static void measure_kcore(void)
{
	if (!counter("info", "region_bytes"))
		return;
	print("kcore.region_bytes", (double)counter("info", "region_bytes"), 1, -1);
	print("kcore.pool_pages", (double)counter("stats", "pool_total"), 1, -1);
	print("kcore.el2_max", (double)counter("stats", "el2_max"), 1, -1);
}

static u64 measured_word(u64 vm, u64 n)
{
	struct kcore_test_call c = { .x = { KCORE_HC_VM_MEASUREMENT, vm, n } };

	driver_call(&c);
	return c.x[1];
}

/* KCore's own calls for a signed VM, without glue: a MiB measured, a page a call; a signature checked by one key; a quote.  And the longest at EL2. */
static void measure_signed(void)
{
	static struct rawvm r;
	u64 measured = ~0UL, started = ~0UL, quoted = ~0UL, longest[2] = { 0 };

	for (int pass = 0; pass < BENCH_PASSES; pass++) {
		unsigned char signature[64];
		u64 words[KCORE_SIGNED_BYTES / 8], t, e;

		raw_create(&r, KCORE_VM_PROTECTED, 1);
		e = raw_finalise_signed(&r);
		for (u64 i = 0; !e && i < MIB_PAGES; i++)
			e = raw_give(&r, RAM_BASE + i * 4096, NULL);
		begin(MARK_MEASURE_MIB);
		t = ticks();
		for (u64 i = 0; !e && i < MIB_PAGES; i++)
			e = HC(VM_MEASURE, r.vm, RAM_BASE + i * 4096);
		t = ticks() - t;
		end();
		if (pass)
			measured = least(measured, t);
		else
			longest[0] = stat_read(KCORE_STAT_el2_max);
		for (u64 i = 0; i < KCORE_SIGNED_BYTES / 8; i++)
			words[i] = measured_word(r.vm, i);
		sign_measured(words, SIGN_OWNER, signature);
		for (u64 i = 0; i < sizeof(signature); i += 8) {
			u64 word;

			memcpy(&word, signature + i, 8);
			raw_page_write(&r, 0, offsetof(struct kcore_vcpu_page, x[4]) + i, word);
		}
		begin(MARK_START_SIGNED);
		t = ticks();
		e = e ? e : HC(VM_START, r.vm);
		t = ticks() - t;
		end();
		if (pass)
			started = least(started, t);
		else
			longest[1] = stat_read(KCORE_STAT_el2_max);
		begin(MARK_QUOTE);
		t = ticks();
		if (!HC(VM_QUOTE, r.vm, 1, 2, 3, 4) && pass)
			quoted = least(quoted, ticks() - t);
		end();
		if (e || raw_destroy(&r))
			fail("a signed VM did not start");
		raw_free_pages(&r);
	}
	print("kcore.measure_mib", (double)measured, 1, MARK_MEASURE_MIB);
	print("kcore.start_signed", (double)started, 1, MARK_START_SIGNED);
	if (quoted != ~0UL)		/* else this KCore has no key */
		print("kcore.quote", (double)quoted, 1, MARK_QUOTE);
	print("kcore.measure_longest", (double)longest[0], 1, -1);
	print("kcore.start_longest", (double)longest[1], 1, -1);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "protected", no_argument, NULL, 'p' }, { "normal", no_argument, NULL, 'n' }, { "growth", no_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	struct rlimit files = { 4096, 4096 };
	bool growth = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p':
		case 'n':
			is_protected = c == 'p';
			break;
		case 'g':
			growth = true;
			break;
		case 'h':
			puts("usage: hostbench [--normal | --protected] [--growth]\n"
			     "Prints BENCH lines: a switch of VMs, a VM's life, KCore's calls for a signed one; with --growth the same with up to 64 VMs and 8 vCPUs instead.");
			return EXIT_PASS;
		default:
			return EXIT_USAGE;
		}
	}
	set_program_name("hostbench");
	guard_install();
	setrlimit(RLIMIT_NOFILE, &files);
	if (growth) {
		measure_many();
		measure_vcpus();
	} else {
		measure_switch();
		measure_life();
	}
	measure_kcore();
	if (is_protected && !growth)
		measure_signed();
	return EXIT_PASS;
}
