/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compiled core over the fake machine of common-core/tests beside the extracted top machine: each event is given to both,
 * and what is left behind is compared (docs/oracle.md).
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <string.h>

#include "fake.h"
#include "invariant.h"

/* ---- events ------------------------------------------------------------------------------------------------------ */
/* X(name, number of values, "values") */
#define EVENTS(X) \
	X(hvc, 6, "x0 to x5 of the host") \
	X(fault, 3, "stage-2 fault of the host: syndrome, address in the page, IPA") \
	X(smc, 5, "x0 to x3 of the host, x0 that firmware answers") \
	X(trap, 1, "any other trap of the host: syndrome") \
	X(load, 2, "the host loads a word: address, register") \
	X(store, 2, "the host stores a word: address, value") \
	X(dma, 4, "a device copies a word: page, word, page, word") \
	X(fp, 1, "the host uses FP registers: seed of what it puts there") \
	X(set, 2, "the guest writes a register: word of the vCPU page, value") \
	X(fill, 1, "the guest writes all of them: seed") \
	X(gfp, 1, "the guest uses FP registers: seed") \
	X(gload, 2, "the guest loads a word: IPA, register") \
	X(gstore, 2, "the guest stores a word: IPA, value") \
	X(gio, 1, "the guest's virtual interrupts move: seed") \
	X(exit, 4, "the guest traps: syndrome, FAR, HPFAR, PAR") \
	X(irq, 1, "1: an interrupt, 2: an SError while the guest runs")
enum kind {
#define EVENT_ENUM(n, values, text) EV_##n,
	EVENTS(EVENT_ENUM)
#undef EVENT_ENUM
	EV_NR
};

struct event {
	u64 kind, cpu;
	u64 inside;		/* n: runs after the n-th critical section of the event before it; 0: by itself */
	u64 a[6];
};

/* The machine that a sequence starts on. */
struct machine {
	u64 pool, reserve;	/* table pages, and of these for the host */
	u64 vtr;		/* ICH_VTR_EL2, 0: no GICv3 */
	u64 ras, aarch32, profiling, signed_only, sve;
};

#define EVENTS_MAX	20000

/* Functions of the vendor service (core/vendor.c) */
#define MEM_CALL_SHARE		0xc6000003UL
#define MEM_CALL_UNSHARE	0xc6000004UL
#define MEM_CALL_RELINQUISH	0xc6000009UL
#define MMIO_GUARD		0xc6000007UL
#define MEM_CALL(name)		MEM_CALL_##name

extern const char *const event_names[EV_NR];
extern const u32 event_values[EV_NR];

extern struct counts {
	u64 events, inside, kinds[EV_NR];
	u64 calls[32][2];	/* by number: successes, errors */
	u64 pages[3][3];	/* guests' calls about a page, by what is asked: granted, refused, the page is not there */
} counts;

void start(const struct machine *m);
/* One event, with the one that runs inside of it or NULL; leaves by deviate() when core and top machine differ. */
void perform(const struct event *e, const struct event *inside);

/* ---- deviations --------------------------------------------------------------------------------------------------- */
extern char deviation[512];
__attribute__((noreturn, format(printf, 1, 2))) void deviate(const char *format, ...);
/* Runs f; true if it deviated. */
bool deviates(void (*f)(void *), void *data);

/* ---- the top machine (spec.c, tables.ml) ---------------------------------------------------------------------------- */
enum action {
	S_RESET, S_WORD, S_HSET, S_CALL, S_GO, S_RUN, S_ABORT, S_STUB, S_SMC, S_HFP, S_HLOAD, S_HSTORE, S_DMA,
	S_GSET, S_GFP, S_GLOAD, S_GSTORE, S_GIO, S_GTRAP, S_GCOUNT, S_IRQ,
	S_GHOSTFP
};
extern u64 spec_args[4096];
extern u64 spec_audit;		/* look at everything each so many steps; 0: never */
extern u64 spec_broken;		/* take a check out of the top machine: 1 + its number in State.v */
void spec_init(char **argv);
void spec_start(const struct machine *m);
u64 spec_do(enum action a);	/* with spec_args */
#define spec(action, ...) ({ \
	const u64 list_[] = { __VA_ARGS__ }; \
	memcpy(spec_args, list_, sizeof(list_)); \
	spec_do(action); })

/* What the top machine's state is, as far as it is compared; cells have the core's types. */
#define SPEC_ARRAYS(X) \
	X(u32, owner, FAKE_PAGES) X(u32, maps, FAKE_PAGES) \
	X(u32, vm_state, KCORE_NR_VMS) X(u32, vm_type, KCORE_NR_VMS) X(u32, vm_vcpus, KCORE_NR_VMS) X(u32, vm_loaded, KCORE_NR_VMS) \
	X(u64, vm_pages, KCORE_NR_VMS) X(u64, vm_tables, KCORE_NR_VMS) X(u64, vm_base, KCORE_NR_VMS) X(u64, vm_end, KCORE_NR_VMS) \
	X(u64, vm_cursor, KCORE_NR_VMS) X(u32, vm_guards, KCORE_NR_VMS) \
	X(u64, guard_base, KCORE_NR_VMS * GUARD_RANGES) X(u64, guard_end, KCORE_NR_VMS * GUARD_RANGES) \
	X(u32, vcpu_state, KCORE_NR_VCPUS) X(u32, vcpu_power, KCORE_NR_VCPUS) X(u32, vcpu_pending, KCORE_NR_VCPUS) \
	X(u64, vcpu_esr, KCORE_NR_VCPUS) X(u64, vcpu_page, KCORE_NR_VCPUS) X(u32, vcpu_cpu, KCORE_NR_VCPUS) \
	X(u32, cpu_vcpu, KCORE_MAX_CPUS) X(u32, cpu_run, KCORE_MAX_CPUS) X(u32, cpu_fp, KCORE_MAX_CPUS) \
	X(u64, cnt, 101) X(u64, stat, KCORE_MAX_CPUS * KCORE_NR_STATS) \
	X(u64, log_event, LOG_ENTRIES) X(u64, log_a, LOG_ENTRIES) X(u64, log_b, LOG_ENTRIES)
struct gib {
	u64 vm, number;
	bool table;
	bool tab[512];
	u64 block[512];			/* page << 4 | rights, NO_LEAF */
	u64 *page[512];
	struct gib *next;
};
#define NO_LEAF	(~0UL)
struct spec_state {
#define SPEC_MEMBER(t, n, len) t n[len];
	SPEC_ARRAYS(SPEC_MEMBER)
#undef SPEC_MEMBER
	u64 log_next;
	u64 fpm[KCORE_MAX_CPUS][172], hreg[KCORE_MAX_CPUS][65];
};
extern struct spec_state top;
extern u64 *top_mem[FAKE_PAGES];			/* NULL: zero */
extern u64 *top_ctx[KCORE_NR_VCPUS], *top_io[KCORE_NR_VCPUS];
u64 top_word(u64 *const *t, u64 i, u64 k);
struct gib *top_gib(u64 vm, u64 number);		/* NULL: none */
extern u32 top_gibs[KCORE_NR_VMS][2];			/* how many there are in each half */
extern u64 top_tables_changed, top_new_pages;		/* count changes of stage 2, and pages with contents */

#define W_GP		58
#define W_SVE		33
#define W_PSTATE	32
#define W_IO		60
#define W_DISR		67
#define W_HCR		68
#define W_VMCR		69
#define W_SRE		70
#define W_USED		71
#define W_AP0R		72
#define W_AP1R		76
#define W_LR		80
#define W_A32		98
#define W_FPEXC		104
#define W_FP		106
#define W_KEPT		200
#define W_CNTVOFF	59
#define N_RESERVE	100
#define R_VMCR		64
#define RUN_BITS	(0x61c0UL | KCORE_HCR_RW)	/* of HCR_EL2 */

void quote_asked(u64 vm, u64 who, const u64 *data);
bool signature_good(u64 vm);		/* of vCPU 0's page (measured.c) */
u64 guest_word(u64 cpu, u64 k);		/* register of the guest that runs there, in the top machine */

/* ---- comparison --------------------------------------------------------------------------------------------------------- */
void compare(u64 busy);			/* busy: a CPU inside of a call, or ~0 */
void compare_start(void);
u64 core_guest_word(u64 cpu, u64 k);	/* register of the guest that runs there, in the machine */
/* Words of a normal vCPU's page that its registers will come to when it leaves: in neither machine what they are. */
bool is_stale(u64 pa);

/* ---- sequences --------------------------------------------------------------------------------------------------------------- */
/* Where choices come from: a generator, or bytes of a fuzzer; false when there are no more. */
struct source {
	u64 random;
	const unsigned char *bytes;
	size_t left;
	bool dry;
};
u64 draw(struct source *s, u64 n);			/* below n; the whole word if n is 0 */
void choose_machine(struct source *s, struct machine *m);
bool choose(struct source *s, struct event *e, bool inside);	/* the next event, by the state of the core */
bool choose_inside(struct source *s, struct event *e, const struct event *call);
bool several_sections(const struct event *e);

struct sequence {
	struct machine machine;
	u64 nr;
	struct event events[EVENTS_MAX];
};
bool sequence_run(struct sequence *s);			/* from the start; true: deviates; nr is cut to what it took */
bool sequence_choose(struct sequence *s, struct source *from, u64 events);	/* likewise, chosen on the way */
void sequence_shrink(struct sequence *s, u64 trials);
void sequence_print(const struct sequence *s, const char *path);	/* NULL: standard output */
bool sequence_read(struct sequence *s, const char *path);	/* says what is wrong */

#endif
