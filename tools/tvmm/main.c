// SPDX-License-Identifier: GPL-2.0-only
/* tvmm: command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "disk.h"
#include "linux.h"
#include "payload.h"
#include "testdev.h"
#include "vconsole.h"

#define VERSION "1.0"
#define MAX_MEMORY_MIB 65536UL
#define BENCH_MAX_LOOPS ((BENCH_HUGE - BENCH_PAGES) / 4096UL / BENCH_PASSES)

struct options {
	struct vm_config vm;
	const char *payload, *image, *initrd, *append, *expect, *prefix, *disk;
	const char *signature;	/* file */
	bool quote;
	u64 nonce[4];
	u64 loops, timeout;
	bool normal, measurement;	/* asked for by these words */
	bool bare, flat;	/* `run', `flat' */
	bool vconsole;
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: tvmm run   [OPTION]... [--payload NAME|FILE]   a bare-metal guest\n"
		"       tvmm linux IMAGE [OPTION]... [--initrd FILE] [--append TEXT]   a Linux guest\n"
		"       tvmm flat  IMAGE [OPTION]... [--append TEXT]   a flat binary with a device tree (kvm-unit-tests)\n"
		"       tvmm list                                       the payloads carried\n"
		"\n"
		"  --protected       a protected VM (needs a host with KCore)\n"
		"  --normal          a normal VM (default)\n"
		"  --signed FILE     a protected VM that KCore starts only if FILE, written by vmsign, signs it\n"
		"  --measurement     print what KCore measured of a protected VM, for vmsign\n"
		"  --quote NONCE     print that, and KCore's signature of it and of the 64 hexadecimal digits\n"
		"  --vcpus N         1..%d (default 1)\n"
		"  --memory MIB      guest memory (default: what the payload needs; 256 for linux and flat)\n"
		"  --payload NAME    or a file: a flat binary, loaded and entered at %#x (default hello)\n"
		"  --loops N         bench, ipi: operations a pass (default 256)\n"
		"  --initrd FILE     initramfs for the Linux guest\n"
		"  --append TEXT     command line of linux (default \"console=ttyAMA0 panic=-1\") and flat\n"
		"  --disk FILE       linux: a virtio disk; what the guest writes there goes to the file\n"
		"  --virtio-console  linux: a virtio console (hvc0); its input is tvmm's\n"
		"  --expect TEXT     fail unless a line of a console contains TEXT\n"
		"  --prefix TEXT     printed before each line of the guest's consoles\n"
		"  --no-gic          a VM without interrupt controller\n"
		"  --gic VERSION     2 or 3 (default: the best that the host has)\n"
		"  --its             with an ITS\n"
		"  --pmu             with a PMU\n"
		"  --timeout SECONDS fail if the guest hasn't powered off by then (default: wait for ever)\n"
		"  --help, --version\n"
		"\n"
		"Exit status: 0 the guest powered off, satisfied; 1 it failed, reset, timed out or found a fault;\n"
		"2 usage; 3 the host lacks something (no /dev/kvm, no KCore, a file).\n", VM_MAX_VCPUS, RAM_BASE);
}

static void list(void)
{
	for (const struct payload *p = payload_next(NULL); p; p = payload_next(p))
		printf("%-8s %6ld bytes, %2llu MiB: %s\n", p->name, (long)(p->end - p->start),
		       (unsigned long long)p->memory >> 20, p->text);
}

static int bad_value(const char *option, const char *value, const char *want)
{
	error_line("--%s %s: want %s", option, value, want);
	return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct options *o)
{
	enum {
		PROTECTED = 256, NORMAL, SIGNED, MEASUREMENT, QUOTE, VCPUS, MEMORY, PAYLOAD, LOOPS, INITRD, APPEND, EXPECT, PREFIX, TIMEOUT, NO_GIC, GIC, ITS,
		PMU, DISK, VCONSOLE, HELP, VERSION_,
	};
	static const struct option options[] = {
		{ "protected", no_argument, NULL, PROTECTED },
		{ "normal", no_argument, NULL, NORMAL },
		{ "signed", required_argument, NULL, SIGNED },
		{ "measurement", no_argument, NULL, MEASUREMENT },
		{ "quote", required_argument, NULL, QUOTE },
		{ "vcpus", required_argument, NULL, VCPUS },
		{ "memory", required_argument, NULL, MEMORY },
		{ "payload", required_argument, NULL, PAYLOAD },
		{ "loops", required_argument, NULL, LOOPS },
		{ "initrd", required_argument, NULL, INITRD },
		{ "append", required_argument, NULL, APPEND },
		{ "expect", required_argument, NULL, EXPECT },
		{ "prefix", required_argument, NULL, PREFIX },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "no-gic", no_argument, NULL, NO_GIC },
		{ "gic", required_argument, NULL, GIC },
		{ "its", no_argument, NULL, ITS },
		{ "pmu", no_argument, NULL, PMU },
		{ "disk", required_argument, NULL, DISK },
		{ "virtio-console", no_argument, NULL, VCONSOLE },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION_ },
		{ 0 },
	};
	u64 n;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case PROTECTED:
		case NORMAL:
			o->vm.is_protected = c == PROTECTED;
			o->normal = c == NORMAL;
			break;
		case SIGNED:
			o->signature = optarg;
			break;
		case MEASUREMENT:
			o->measurement = true;
			break;
		case QUOTE:
			if (!nonce_parse(optarg, o->nonce))
				return bad_value("quote", optarg, "64 hexadecimal digits");
			o->quote = true;
			break;
		case VCPUS:
			if (!parse_number(optarg, VM_MAX_VCPUS, &n) || !n)
				return bad_value("vcpus", optarg, "1..16");
			o->vm.vcpus = (unsigned int)n;
			break;
		case MEMORY:
			if (!parse_number(optarg, MAX_MEMORY_MIB, &n) || n < 2)
				return bad_value("memory", optarg, "MiB, 2..65536");
			o->vm.memory = n << 20;
			break;
		case PAYLOAD:
			o->payload = optarg;
			break;
		case LOOPS:
			if (!parse_number(optarg, 1U << 20, &o->loops) || !o->loops)
				return bad_value("loops", optarg, "1..1048576");
			break;
		case INITRD:
			o->initrd = optarg;
			break;
		case APPEND:
			o->append = optarg;
			break;
		case EXPECT:
			o->expect = optarg;
			break;
		case PREFIX:
			o->prefix = optarg;
			break;
		case TIMEOUT:
			if (!parse_number(optarg, 86400, &o->timeout))
				return bad_value("timeout", optarg, "seconds, at most 86400");
			break;
		case NO_GIC:
			o->vm.no_gic = true;
			break;
		case GIC:
			if (!parse_number(optarg, 3, &n) || n < 2)
				return bad_value("gic", optarg, "2 or 3");
			o->vm.gic = (unsigned int)n;
			break;
		case ITS:
			o->vm.its = true;
			break;
		case PMU:
			o->vm.pmu = true;
			break;
		case DISK:
			o->disk = optarg;
			break;
		case VCONSOLE:
			o->vconsole = true;
			break;
		case HELP:
			usage(stdout);
			exit(EXIT_PASS);
		case VERSION_:
			puts("tvmm " VERSION);
			exit(EXIT_PASS);
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (argc - optind < 1) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[optind], "list") && argc - optind == 1) {
		list();
		exit(EXIT_PASS);
	}
	o->bare = !strcmp(argv[optind], "run");
	o->flat = !strcmp(argv[optind], "flat");
	if (o->bare ? argc - optind != 1 : (!o->flat && strcmp(argv[optind], "linux")) || argc - optind != 2) {
		error_line("what to do: run, linux IMAGE, flat IMAGE, or list (--help says more)");
		return EXIT_USAGE;
	}
	if (!o->bare)
		o->image = argv[optind + 1];
	if (o->flat && o->initrd) {
		error_line("--initrd: flat takes none");
		return EXIT_USAGE;
	}
	if ((o->bare || o->flat) && (o->disk || o->vconsole)) {
		error_line("--disk, --virtio-console: a Linux guest's only");
		return EXIT_USAGE;
	}
	if (o->vm.no_gic && (o->vm.gic || o->vm.its || o->vm.pmu)) {
		error_line("--no-gic: not with --gic, --its, --pmu");
		return EXIT_USAGE;
	}
	if (o->normal && o->signature) {
		error_line("--signed: not with --normal");
		return EXIT_USAGE;
	}
	o->vm.is_protected |= o->signature != NULL;
	if ((o->measurement || o->quote) && !o->vm.is_protected) {
		error_line("--measurement, --quote: a protected VM's only");
		return EXIT_USAGE;
	}
	if (!o->append)
		o->append = o->flat ? "" : LINUX_APPEND;
	return EXIT_PASS;
}

static bool is(const struct payload *p, const char *name)
{
	return p && !strcmp(p->name, name);
}

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000UL + (u64)t.tv_nsec;
}

/* Loops in a pass of test k */
static u64 bench_loops(int test, u64 loops)
{
	return test == BENCH_STAGE2_HUGE ? BENCH_HUGE_LOOPS : loops;
}

/*
 * Ticks of one operation, the loop itself taken off: the minimum of all passes but the first.  Behind it the operations
 * of a pass and the mark's number, by which what tools/elcount has counted is found.
 */
static void print_bench(const struct testdev *dev, int first, int last, u64 loops)
{
	static const char *const names[] = {
		"loop", "hvc_psci_version", "mmio_user", "mmio_vgic", "sysreg_id", "stage2_fault", "hvc_unknown", "ipi_self",
		"stage2_huge", "ipi_other",
	};
	double base = 0;

	for (int test = first; test <= last; test++) {
		u64 min = ~0UL, n = bench_loops(test, loops);

		for (int pass = 1; pass < BENCH_PASSES; pass++)
			if (dev->reports[test][pass] < min)
				min = dev->reports[test][pass];
		printf("BENCH %s %.3f %llu %d\n", names[test], (double)min / (double)n - base, (unsigned long long)n, test);
		if (!test)
			base = (double)min / (double)n;
	}
	fflush(stdout);
}

/* Pages present in the VMM, so that the guest's first touch costs the stage-2 fault alone: 4 KiB each, then huge ones. */
static void touch_memory(struct vm *vm)
{
	madvise(vm->ram, BENCH_HUGE, MADV_NOHUGEPAGE);
	madvise(vm->ram + BENCH_HUGE, vm->ram_size - BENCH_HUGE, MADV_HUGEPAGE);
	for (u64 at = 0; at < vm->ram_size; at += 4096)
		vm->ram[at] = 0;
}

/* The agent without an attacker: pages filled, other work, pages and registers checked. */
static int drive_agent(struct vm *vm, struct testdev *dev)
{
	const u64 where[4] = { RAM_BASE + (4UL << 20), 1UL << 20, 0x51ec7e7 };
	u64 bad = ~0UL, kept = ~0UL, r;

	if (agent_call(vm, dev, AGENT_NOP, NULL, &r, NULL, NULL) || r != AGENT_HELLO)
		return error_line("the agent doesn't answer");
	if (agent_call(vm, dev, AGENT_FILL, where, NULL, NULL, NULL) ||
	    agent_call(vm, dev, AGENT_KEEP, (const u64[4]){ 100, 7 }, &kept, NULL, NULL) ||
	    agent_call(vm, dev, AGENT_CHECK, where, &bad, NULL, NULL))
		return -1;
	printf("secret: %llu bytes, %llu words changed: %s; registers changed: %#llx\n", (unsigned long long)where[1],
	       (unsigned long long)bad, bad ? "corrupted" : "intact", (unsigned long long)kept);
	dev->command = AGENT_OFF;
	return bad || kept ? 1 : 0;
}

static int load(struct vm *vm, const struct options *o, const struct payload *p)
{
	if (!o->bare)
		return (o->flat ? flat_load : linux_load)(vm, &(struct linux_config){ o->image, o->initrd, o->append });
	if (p) {
		if (is(p, "bench"))
			touch_memory(vm);
		return payload_load(vm, p);
	}
	return file_load(vm, o->payload);
}

/* KCore refuses by one error: what it has measured says why */
static int start_signed(struct vm *vm, const struct signature_file *file, const char *name)
{
	struct kcore_measurement is, want = { 0 };
	int r = vm_finalise_signed(vm, file->signature);

	if (!r)
		return 0;
	error_line("KCORE_IOC_FINALISE_SIGNED: %s", strerror(-r));
	if (r != -EKEYREJECTED || vm_measurement(vm, &is))
		return -1;
	memcpy(&want, file->measured, sizeof(file->measured));
	if (!measurement_compare(&is, "KCore measured", &want, "signed is"))
		error_line("%s is of this VM, but not signed by a key that this host has (/sys/kernel/debug/kcore/info)", name);
	return -1;
}

static int print_measurement(struct vm *vm)
{
	struct kcore_measurement m;

	if (vm_measurement(vm, &m))
		return -1;
	measurement_log(&m, "tvmm: ");
	return 0;
}

static int print_quote(struct vm *vm, const u64 nonce[4])
{
	struct kcore_quote q;

	if (vm_quote(vm, nonce, &q))
		return -1;
	quote_log(&q, "tvmm: ");
	return 0;
}

static int judge(enum vm_stop why, const struct options *o, bool seen, const struct testdev *dev)
{
	static const char *const text[] = { "still running", "powered off", "asked for a reset", "failed", "timed out" };

	if (why != VM_POWER_OFF) {
		error_line("the guest %s%s", text[why], why == VM_TIMEOUT ? "" : " instead of powering off");
		return EXIT_FAILED;
	}
	if (dev->have_status && dev->status) {
		error_line("the payload reports status %#llx", (unsigned long long)dev->status);
		return EXIT_FAILED;
	}
	if (dev->faults) {
		error_line("the payload took %lu exceptions, the last: ESR %#llx FAR %#llx ELR %#llx", dev->faults,
			   (unsigned long long)dev->fault[0], (unsigned long long)dev->fault[1], (unsigned long long)dev->fault[2]);
		return EXIT_FAILED;
	}
	if (o->expect && !seen) {
		error_line("no console line contained \"%s\"", o->expect);
		return EXIT_FAILED;
	}
	return EXIT_PASS;
}

/* What is typed goes to the guest until nothing more comes.  Cancelled only while it reads. */
static void *feed(void *arg)
{
	char buffer[256];
	ssize_t n;

	for (;;) {
		int ended;

		n = read(STDIN_FILENO, buffer, sizeof(buffer));
		if (n <= 0)
			return NULL;
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		ended = vconsole_input(arg, buffer, (size_t)n);
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		if (ended)
			return NULL;
	}
}

static enum vm_stop run_fed(struct vm *vm, struct vconsole *vconsole, unsigned int seconds)
{
	enum vm_stop why;
	pthread_t feeder;

	if (pthread_create(&feeder, NULL, feed, vconsole)) {
		error_line("no thread for the virtio console");
		return VM_FAILED;
	}
	why = vm_run(vm, seconds);
	vconsole_end(vconsole);
	pthread_cancel(feeder);
	pthread_join(feeder, NULL);
	return why;
}

static int run(struct vm *vm, struct options *o, const struct payload *p)
{
	static struct console console;
	static struct vconsole vconsole;
	static struct disk disk;
	static struct testdev dev;
	struct signature_file signature;
	enum vm_stop why;
	int status = 0;
	u64 start;

	if (console_attach(vm, &console, o->prefix) || testdev_attach(vm, &dev))
		return EXIT_FAILED;
	if (o->disk && disk_attach(vm, &disk, o->disk))
		return EXIT_ENVIRONMENT;
	if (o->vconsole && vconsole_attach(vm, &vconsole, o->prefix))
		return EXIT_FAILED;
	if (load(vm, o, p) || (o->signature && signature_load(o->signature, &signature)))
		return EXIT_ENVIRONMENT;
	if (o->signature ? start_signed(vm, &signature, o->signature) : vm_finalise(vm))
		return EXIT_FAILED;
	if ((o->measurement || o->quote) && print_measurement(vm))
		return EXIT_FAILED;
	if (o->quote && print_quote(vm, o->nonce))
		return EXIT_FAILED;
	console.lines.watch = vconsole.lines.watch = o->expect;
	dev.args[0] = o->loops;
	dev.args[1] = BENCH_HUGE_LOOPS;
	start = now();
	if (is(p, "agent"))
		status = drive_agent(vm, &dev);
	if (status < 0)
		return EXIT_FAILED;
	why = o->vconsole ? run_fed(vm, &vconsole, (unsigned int)o->timeout) : vm_run(vm, (unsigned int)o->timeout);
	console_flush(&console);
	printf("tvmm: ran %.3f s, %lu MMIO exits\n", (double)(now() - start) / 1e9, vm->exits[KVM_EXIT_MMIO]);
	if (is(p, "bench") && why == VM_POWER_OFF)
		print_bench(&dev, 0, BENCH_TESTS - 1, o->loops);
	if (is(p, "ipi") && why == VM_POWER_OFF)
		print_bench(&dev, BENCH_IPI, BENCH_IPI, o->loops);
	for (int pass = 0; is(p, "cycles") && pass < BENCH_PASSES; pass++)
		printf("BENCH cycles_pass%d %llu\n", pass, (unsigned long long)dev.reports[pass][0]);
	fflush(stdout);
	return status ? EXIT_FAILED : judge(why, o, console.lines.seen || vconsole.lines.seen, &dev);
}

int main(int argc, char **argv)
{
	struct options o = {
		.vm = { .vcpus = 1, .say = true }, .payload = "hello",
		.prefix = "guest| ", .loops = 256,
	};
	const struct payload *p = NULL;
	bool environment;
	struct vm vm;
	int status;

	guard_install();
	status = parse(argc, argv, &o);
	if (status)
		return status;
	if (o.bare)
		p = payload_find(o.payload);
	if (!o.vm.memory)
		o.vm.memory = !o.bare ? LINUX_MEMORY : p ? p->memory : FILE_MEMORY;
	if (is(p, "bench") && o.loops > BENCH_MAX_LOOPS) {
		error_line("--loops %llu: every pass needs as many fresh pages; at most %lu", (unsigned long long)o.loops, BENCH_MAX_LOOPS);
		return EXIT_USAGE;
	}
	if (o.vm.no_gic && (!o.bare || (p && p->needs_gic))) {
		error_line("--no-gic: this guest needs an interrupt controller");
		return EXIT_USAGE;
	}
	if (vm_create(&vm, &o.vm, &environment)) {
		vm_destroy(&vm);
		return environment ? EXIT_ENVIRONMENT : EXIT_FAILED;
	}
	if (vm.gic_version == 2 && (is(p, "bench") || is(p, "ipi"))) {
		error_line("the payload %s drives a GICv3, and the host has a GICv2", p->name);
		vm_destroy(&vm);
		return EXIT_ENVIRONMENT;
	}
	status = run(&vm, &o, p);
	vm_destroy(&vm);
	return status;
}
