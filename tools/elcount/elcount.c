// SPDX-License-Identifier: GPL-2.0-only
/*
 * elcount: a plugin of QEMU's TCG that counts instructions by who executes them, between marks.
 *
 *   -plugin elcount.so,out=FILE[,profile=K,places=FILE]
 *
 * HINT #64+k begins a pass of operation k, HINT #127 ends it (tools/tvmm/layout.h).  At the end FILE gets a line for each operation:
 *
 *   k  passes  hyp  host  user  guest
 *
 * those of the pass with the lowest sum, the first not counted.  With profile=K the other file gets the addresses that operation K
 * executes, and how often in a pass (tools/elcount/profile.sh gives them names); that is slow.
 *
 * The address says who executes: the host kernel has the upper half, a
 * static program of the host lies low or (vDSO, stack) at the top of the lower half, a bare-metal guest without MMU at the start of its
 * memory, and what is left is EL2: nVHE mode and KCore.  Good for 39-bit addresses without VHE.
 *
 * Debian has QEMU's plugin interface, but no package has its header: what is used of version 1 is declared here.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*insn_callback)(unsigned int cpu, void *data);

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*fn)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *counter, uint64_t value);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, insn_callback fn, int flags, void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*fn)(qemu_plugin_id_t, void *), void *data);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

enum { ADD_U64 = 0, NO_REGISTERS = 0 };
enum class { HYP, HOST, USER, GUEST, NR_CLASSES };

#define HINT_MASK	0xfffff01fU
#define HINT_OP		0xd503201fU
#define HINT_NR(insn)	((insn) >> 5 & 127)
#define FIRST_MARK	64U
#define END_MARK	127U
#define NR_OPS		(END_MARK - FIRST_MARK)

#define USER_TOP	0x1000000UL	/* a static program at 0x400000 */
#define USER_BOTTOM	0x7f00000000UL	/* of stack and vDSO, with 39-bit addresses */
#define GUEST_BASE	0x40000000UL
#define GUEST_TOP	0x40100000UL	/* tools/tvmm/guest/guest.lds */

static uint64_t count[NR_CLASSES], start[NR_CLASSES];
static struct op {
	uint64_t passes, sum, least[NR_CLASSES];
} ops[NR_OPS];
static struct op *running;
static const char *path, *profile_path;
static struct op *profiled;

/* Of the operation that is profiled: an instruction's address and how often it was executed between the marks */
static struct place {
	struct place *next;
	uint64_t address, count;
} *places[1 << 16];

static enum class class_of(uint64_t address)
{
	if (address >> 63)
		return HOST;
	if (address < USER_TOP || address >= USER_BOTTOM)
		return USER;
	if (address >= GUEST_BASE && address < GUEST_TOP)
		return GUEST;
	return HYP;
}

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	running = data;
	memcpy(start, count, sizeof(start));
}

static void end(unsigned int cpu, void *data)
{
	uint64_t sum = 0;

	(void)cpu;
	(void)data;
	if (!running)
		return;
	for (int i = 0; i < NR_CLASSES; i++)
		sum += count[i] - start[i];
	if (running->passes++ && (running->passes == 2 || sum < running->sum)) {
		running->sum = sum;
		for (int i = 0; i < NR_CLASSES; i++)
			running->least[i] = count[i] - start[i];
	}
	running = NULL;
}

static struct place *place_of(uint64_t address)
{
	struct place **list = &places[address >> 2 & 0xffff], *p;

	for (p = *list; p; p = p->next)
		if (p->address == address)
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->address = address;
	p->next = *list;
	*list = p;
	return p;
}

static void executed(unsigned int cpu, void *data)
{
	struct place *p = data;

	(void)cpu;
	if (running && running == profiled)
		p->count++;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t word;

		memcpy(&word, qemu_plugin_insn_data(insn), sizeof(word));
		if ((word & HINT_MASK) == HINT_OP && HINT_NR(word) >= FIRST_MARK)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, HINT_NR(word) == END_MARK ? end : begin, NO_REGISTERS,
							       HINT_NR(word) == END_MARK ? NULL : &ops[HINT_NR(word) - FIRST_MARK]);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &count[class_of(qemu_plugin_insn_vaddr(insn))], 1);
		if (profiled)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, NO_REGISTERS, place_of(qemu_plugin_insn_vaddr(insn)));
	}
}

static void finish(qemu_plugin_id_t id, void *data)
{
	FILE *out = fopen(path, "w");

	(void)id;
	(void)data;
	if (!out) {
		fprintf(stderr, "elcount: %s: %s\n", path, strerror(errno));
		return;
	}
	for (size_t k = 0; k < NR_OPS; k++) {
		if (ops[k].passes < 2)
			continue;
		fprintf(out, "%zu %llu", k, (unsigned long long)ops[k].passes);
		for (int i = 0; i < NR_CLASSES; i++)
			fprintf(out, " %llu", (unsigned long long)ops[k].least[i]);
		fputc('\n', out);
	}
	if (fclose(out))
		fprintf(stderr, "elcount: %s: %s\n", path, strerror(errno));
}

static void finish_profile(qemu_plugin_id_t id, void *data)
{
	FILE *out = fopen(profile_path, "w");

	(void)id;
	(void)data;
	if (!out) {
		fprintf(stderr, "elcount: %s: %s\n", profile_path, strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (struct place *p = places[i]; p; p = p->next)
			if (p->count)
				fprintf(out, "%016llx %.3f\n", (unsigned long long)p->address,
					(double)p->count / (double)(profiled->passes ? profiled->passes : 1));
	if (fclose(out))
		fprintf(stderr, "elcount: %s: %s\n", profile_path, strerror(errno));
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4)) {
			path = strdup(argv[i] + 4);
		} else if (!strncmp(argv[i], "profile=", 8)) {
			profiled = &ops[strtoul(argv[i] + 8, NULL, 10) % NR_OPS];
		} else if (!strncmp(argv[i], "places=", 7)) {
			profile_path = strdup(argv[i] + 7);
		} else {
			fprintf(stderr, "elcount: unknown argument '%s'\n", argv[i]);
			return -1;
		}
	if (!path || !profiled != !profile_path) {
		fputs("elcount: out=FILE is needed, and profile=K together with places=FILE\n", stderr);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	if (profiled)
		qemu_plugin_register_atexit_cb(id, finish_profile, NULL);
	return 0;
}
