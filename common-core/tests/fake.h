/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for the tests of core/: every primitive of kcore/machine.h over host memory.  The fake also
 * watches *how* the core uses the machine (lock, break before make, TLB invalidation, scrubbing, FP and EL1 registers);
 * what breaks a discipline is a violation, which fails the test unless the test expects it.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <cmocka.h>

#include "core.h"
#include "../machine/measure.h"

#define FAKE_CPUS	4

/*
 * DRAM of the fake: two regions that touch inside of a 2 MiB block, and one that starts in the middle
 * of a GiB and ends in the middle of a block.  KCore's memory is in the first.
 */
#define DRAM0_BASE	0x40000000UL
#define DRAM0_END	0x42100000UL
#define DRAM1_BASE	DRAM0_END
#define DRAM1_END	0x42600000UL
#define DRAM2_BASE	0x100200000UL
#define DRAM2_END	0x100803000UL
#define REGION_BASE	0x40200000UL
#define REGION_BYTES	0x1000000UL
#define REGION_END	(REGION_BASE + REGION_BYTES)
#define DENIED0_BASE	0x8010000UL
#define DENIED0_END	0x8012000UL
#define DENIED1_BASE	0x9000000UL
#define DENIED1_END	0x9200000UL
#define DEVICE		0xa000000UL		/* an UART, say */
#define FREE_BLOCK	0x41400000UL		/* whole 2 MiB blocks of the host's: six of them */
#define FREE_PAGE	0x42200000UL		/* single pages of the host's: DRAM1 from here */

#define RUN_ENTERED	0x1000UL		/* vcpu_run(): the guest is in the registers */

#define VIOLATIONS(X) \
	X(CELL_INDEX) X(CELL_UNLOCKED) X(CELL_OTHER_CPU) X(HALT) \
	X(LOCK_TWICE) X(LOCK_FREE) X(LOCK_OTHER) X(LOCK_LEFT) \
	X(PT_UNLOCKED) X(PT_ADDRESS) X(BREAK_BEFORE_MAKE) X(TABLE_UNORDERED) X(TABLE_REUSED) X(TABLE_NOT_EMPTY) \
	X(TABLE_TARGET) X(TLB_INCOMPLETE) X(TLB_VTTBR) \
	X(OWNER_TLB) X(OWNER_NOT_SCRUBBED) X(OWNER_CORE) X(MAPS_TLB) X(MAPS_WRAP) \
	X(MEM_STORE) X(PAGE_ACCESS) X(DOUBLE_FETCH) X(IDREG) \
	X(PROFILING) X(FP_TRAPPED) X(FP_NO_ISB) X(FP_VISIBLE) X(GIC_PAIRING) \
	X(MEASURE) X(AARCH32) \
	X(HOST_EL1) X(HOST_EL2) X(HOST_FRAME) X(HOST_CNTVOFF) X(GUEST_ENTRY) \
	X(WALK) X(INVARIANT)
enum violation {
	V_NONE,
#define V_ENUM(n) V_##n,
	VIOLATIONS(V_ENUM)
#undef V_ENUM
};

enum el1_register {
#define EL1_ENUM(f) EL1_##f,
	KCORE_SYSREGS(EL1_ENUM, EL1_ENUM)
#undef EL1_ENUM
};

struct guest_registers {
	u64 x[31], pc, pstate;
};

struct fake_cpu {
	/* the host's frame */
	u64 x[31], pc, pstate;
	/* EL1 and EL2 registers */
	u64 el1[KCORE_NR_SYSREGS];
	u64 esr, far, hpfar, par;
	u64 elr, spsr, vttbr, hcr, cptr, mdcr, zcr, cnthctl, cntvoff, vmpidr, vsesr, vdisr;
	u64 host_hcr, host_cptr, host_mdcr, host_zcr, host_cnthctl, host_vmpidr, host_context;
	u64 a32[6], fpexc;		/* SPSR_abt, _und, _irq, _fiq, DACR32_EL2, IFSR32_EL2; FPEXC32_EL2 */
	bool a32_loaded;		/* of the guest that runs */
	u64 guest_context;
	bool guest_vectors;
	bool cptr_pending;		/* written, no ISB since */
	/* FP */
	u64 fp[66];			/* V0..V31, FPSR, FPCR */
	bool fp_guest;			/* they are a guest's */
	/* GIC */
	bool lrs_loaded, gic_loaded;
	u64 ich_hcr, vmcr, sre;		/* ICH_HCR_EL2, ICH_VMCR_EL2, ICC_SRE_EL1.SRE */
	u64 lr[16], lrs;		/* list registers, of these in use */
	u64 elrsr;			/* of these, empty by now */
	u64 ap0r[4], ap1r[4];
	u64 profiling_stopped;
	/* of the harness */
	bool in_guest;
	struct guest_registers guest;
	u64 kept_el1[KCORE_NR_SYSREGS];	/* the host's, while a guest runs */
	u64 kept_x[31], kept_pc, kept_pstate;
	u64 fetched[64][2];		/* shared-page words loaded in this call */
	u64 nr_fetched;
};

struct fake_config {
	u64 pool_pages;			/* 0: what fits, ~0: none */
	u64 pool_reserve;		/* ~0: as boot.c computes it */
	u64 no_gic;
	u64 ras, aarch32, profiling, signed_only;
	u64 sve;			/* the host has it */
	struct kcore_install keys;	/* of which only these are used */
};

struct kcore_cells {
#define CELLS_SCALAR(n) u64 n;
#define CELLS_ARRAY(t, n, len) t n[len];
	KCORE_SCALARS(CELLS_SCALAR)
	KCORE_ARRAYS(CELLS_ARRAY)
#undef CELLS_SCALAR
#undef CELLS_ARRAY
};

#define FAKE_PAGES	((DRAM0_END - DRAM0_BASE + DRAM1_END - DRAM1_BASE + DRAM2_END - DRAM2_BASE) / PAGE_BYTES)

struct fake {
	u64 cpu;			/* who is executing */
	struct fake_cpu cpus[FAKE_CPUS];
	int lock_owner;			/* -1: free */
	u64 counter;
	u64 idreg[8][8];
	/* firmware */
	u64 smc_calls, smc_x[18], smc_left[18];	/* its arguments, what it left in their place */
	u64 smc_result;
	void (*smc_hook)(void);
	/* translate_el1() */
	u64 translations;
	/* another CPU's turn after the n-th release from now */
	u64 release_countdown;
	void (*release_hook)(void);
	/* counted calls */
	u64 new_pages, pt_stores, icache_invals, tlbi_locals, tlbi_local_vttbr, tlbi_vmids, gic_lrs_loads, gic_state_loads;
	/* expected violation */
	bool expecting;
	jmp_buf jump;
	u64 halt_code, halt_value;
};

extern struct fake fake;
extern struct kcore_cells cells;
extern u32 page_owner_cells[FAKE_PAGES], page_maps_cells[FAKE_PAGES];
extern const char *const violation_names[];

/* A machine as boot/boot.c leaves it, the host running on all CPUs. */
void fake_start(const struct fake_config *config);
int fake_setup(void **state);
int fake_teardown(void **state);

__attribute__((noreturn, format(printf, 2, 3))) void violate(enum violation v, const char *format, ...);

/* The violation that the statement leads to, V_NONE if none does. */
#define violation_of(statement) ({ \
	int code_ = setjmp(fake.jump); \
	if (code_ == 0) { \
		fake.expecting = true; \
		statement; \
	} \
	fake.expecting = false; \
	(enum violation)code_; })
#define assert_violation(statement, v) do { \
	enum violation got_ = violation_of(statement); \
	if (got_ != (v)) \
		fail_msg("expected %s, got %s", violation_names[v], violation_names[got_]); \
} while (0)

static inline struct fake_cpu *this_cpu(void)
{
	return &fake.cpus[fake.cpu];
}

/* ---- memory as the test sees it: what is in the caches, and at the point of coherency ------------------- */
bool is_dram(u64 pa);
u64 peek(u64 pa);
u64 peek_coherent(u64 pa);
bool page_exists(u64 pa);		/* has been written */
const u64 *page_words(u64 index);	/* of a DRAM page, NULL: never written */
void poke(u64 pa, u64 v);
u64 index_of(u64 pa);			/* of a DRAM page; fails otherwise */
u64 owner_of(u64 pa);
u64 maps_of(u64 pa);

/* ---- events on the current CPU ------------------------------------------------------------------------- */
static inline void on_cpu(u64 cpu)
{
	fake.cpu = cpu;
}

/* HVC of the host; x0 on return.  All else of the frame is checked to be kept, but x1 of the calls that return it. */
u64 hvc(u64 fn, u64 x1, u64 x2, u64 x3, u64 x4, u64 x5);
#define call(name, ...) call_(KCORE_HC_##name, ##__VA_ARGS__, 0UL, 0UL, 0UL, 0UL, 0UL, 0UL)
#define call_(fn, a, b, c, d, e, ...) hvc(fn, a, b, c, d, e)

u64 vcpu_run(u64 vcpu);				/* RUN_ENTERED, or x0 */
u64 guest_leave(u64 kind, u64 esr, u64 far, u64 hpfar);	/* RUN_ENTERED: in the guest again, else KCORE_EXIT_* */
u64 guest_trap(u64 ec, u64 iss);		/* synchronous, IL set */
u64 host_fault(u64 ec, u64 iss, u64 va, u64 ipa);	/* 1: may try again, 0: not */
void host_sync(u64 esr, u64 far, u64 hpfar);
u64 host_smc_call(u64 fn, u64 x1, u64 x2, u64 x3);
u64 host_event(u64 esr, u64 far, u64 hpfar);	/* any trap of the host, with the frame as it is; 1: a guest was entered */
void check_el1_kept(void);			/* since the host's last trap */
void check_at_rest(void);			/* after each event: what must hold whenever nobody is at EL2 */

u64 shared(u64 vcpu, u64 off);			/* a word of the vCPU's page, as the host sees it */
void shared_set(u64 vcpu, u64 off, u64 v);

#endif
