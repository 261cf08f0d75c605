/* SPDX-License-Identifier: GPL-2.0-only */
/* One event, on the fake machine and in the top machine. */
#include <stdio.h>
#include <string.h>

#include "oracle.h"
#include "helper.h"

const char *const event_names[EV_NR] = {
#define EVENT_NAME(n, values, text) #n,
	EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

const u32 event_values[EV_NR] = {
#define EVENT_VALUES(n, values, text) values,
	EVENTS(EVENT_VALUES)
#undef EVENT_VALUES
};

struct counts counts;
char deviation[512];

void deviate(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(deviation, sizeof(deviation), format, ap);
	va_end(ap);
	longjmp(fake.jump, -1);
}

/* What the fake machine says of a discipline broken comes by fake.c:violate() with the discipline's number. */
bool deviates(void (*f)(void *), void *data)
{
	int code = setjmp(fake.jump);

	if (code == 0) {
		fake.expecting = true;
		f(data);
	} else if (code > 0) {
		snprintf(deviation, sizeof(deviation), "discipline: %s (common-core/tests/fake.c), CPU %lu", violation_names[code], fake.cpu);
	}
	fake.expecting = false;
	return code != 0;
}

static const struct event *inner;	/* waits for a release of the lock */
static u64 outer_cpu;			/* is inside of a call meanwhile */
static bool inner_done;

void start(const struct machine *m)
{
	const struct fake_config config = {
		.pool_pages = m->pool, .pool_reserve = m->reserve, .no_gic = m->vtr == 0, .ras = m->ras, .aarch32 = m->aarch32,
		.profiling = m->profiling, .signed_only = m->signed_only, .sve = m->sve,
	};
	jmp_buf jump;
	bool expecting = fake.expecting;

	memcpy(&jump, &fake.jump, sizeof(jump));
	fake_start(&config);
	memcpy(&fake.jump, &jump, sizeof(jump));
	fake.expecting = expecting;
	cells.ich_vtr = m->vtr;
	inner = NULL;
	outer_cpu = ~0UL;
	/* two CPUs that the host can start */
	cells.nr_cpus = FAKE_CPUS + 2;
	for (u64 i = FAKE_CPUS; i < FAKE_CPUS + 2; i++) {
		cells.cpu_mpidr[i] = 0x100 + i;
		cells.cpu_power[i] = POWER_OFF;
	}
	for (u64 c = 0; c < FAKE_CPUS; c++)
		for (u64 i = 0; i < 31; i++)
			fake.cpus[c].x[i] = 0xa0a0a0a000000000UL + i;
	spec_start(m);
	compare_start();
	compare(~0UL);
}

/* ---- numbers that a seed stands for --------------------------------------------------------------------------------- */
static u64 mixed(u64 *seed)
{
	*seed += 0x9e3779b97f4a7c15UL;
	return (*seed ^ *seed >> 29) * 0xbf58476d1ce4e5b9UL;
}

/* ---- the host ---------------------------------------------------------------------------------------------------------- */
static void host_registers(u64 n, const u64 *x)
{
	struct fake_cpu *c = this_cpu();

	spec_args[0] = fake.cpu;
	spec_args[1] = n;
	for (u64 i = 0; i < n; i++) {
		c->x[i] = x[i];
		spec_args[2 + 2 * i] = i;
		spec_args[3 + 2 * i] = x[i];
	}
	spec_do(S_HSET);
}

/* What the guest's PSTATE became at the entry (docs/registers.md): from here on it is its own. */
static void entered(void)
{
	u64 pstate = this_cpu()->guest.pstate;

	compare(outer_cpu);
	if (guest_word(fake.cpu, W_PSTATE) != pstate)
		spec(S_GSET, fake.cpu, 1, W_PSTATE, pstate);
}

static void perform_one(const struct event *e, const struct event *inside);

static void between_sections(void)
{
	const struct event *e = inner;

	inner_done = true;
	outer_cpu = fake.cpu;
	compare(outer_cpu);
	on_cpu(e->cpu);
	counts.inside++;
	perform_one(e, NULL);
	on_cpu(outer_cpu);
	outer_cpu = ~0UL;
}

/* What the clock says to calls that ask, or what is said of a measurement: the machine has them, the top machine has not. */
static u64 said_to(u64 fn, u64 x1, u64 x2)
{
	u64 most = 0;

	if (fn == KCORE_HC_VM_START)
		return signature_good(x1);
	if (fn == KCORE_HC_VM_MEASUREMENT)
		return measure_word(x1, KCORE_QUOTE_HOST, x2);
	if (fn == KCORE_HC_VM_QUOTE)
		return x2 & 1;
	if (fn == KCORE_HC_LOG_READ)
		return cells.log_time[x1 % LOG_ENTRIES];
	for (u64 c = 0; c < KCORE_MAX_CPUS; c++)
		if (cells.cpu_stat[c * KCORE_NR_STATS + KCORE_STAT_el2_max] > most)
			most = cells.cpu_stat[c * KCORE_NR_STATS + KCORE_STAT_el2_max];
	return most;
}

static void event_hvc(const struct event *e, const struct event *inside)
{
	u64 fn = e->a[0], nr = fn - KCORE_FN_BASE, over = 1;

	host_registers(6, e->a);
	if (fn == KCORE_HC_VCPU_RUN) {
		spec(S_RUN, e->cpu, e->a[1]);
		if (host_event(ESR(EC_HVC, 0), 0, 0)) {
			entered();
			counts.calls[1][0]++;
		} else {
			check_el1_kept();
			counts.calls[1][1]++;
		}
		return;
	}
	if (fn < KCORE_STUB_CALLS) {
		if (fn == 3)
			spec(S_HSET, e->cpu, 1, 0, 0);
		else
			spec(S_STUB, e->cpu);
	} else {
		if (fn == KCORE_HC_VM_QUOTE)
			quote_asked(e->a[1], KCORE_QUOTE_HOST, &e->a[2]);
		over = spec(S_CALL, e->cpu, fn, e->a[1], e->a[2], e->a[3], e->a[4], e->a[5], said_to(fn, e->a[1], e->a[2]), inside ? inside->inside : 0);
	}
	if (!over) {
		inner = inside;
		fake.release_hook = between_sections;
		fake.release_countdown = inside->inside;
	}
	if (host_event(ESR(EC_HVC, 0), 0, 0))
		deviate("call %lu entered a guest", nr);
	fake.release_hook = NULL;
	if (!over) {
		if (!inner_done)
			deviate("call %lu ended before its critical section %lu", nr, inside->inside + 1);
		spec(S_GO, e->cpu, 0);
	}
	check_el1_kept();
	if (nr < 32)
		counts.calls[nr][this_cpu()->x[0] >= KCORE_ERR_MIN]++;
}

static void host_abort(u64 esr, u64 far, u64 ipa)
{
	u64 hpfar = ipa >> 12 << 4 & 0xfffffffff0UL;

	spec(S_ABORT, fake.cpu, hpfar << 8 | (far & 4095), esr);
	if (host_event(esr, far, hpfar))
		deviate("a fault entered a guest");
}

static void event_fault(const struct event *e)
{
	u64 esr = e->a[0] & 0xffffffffUL;

	if (esr >> 26 == EC_IABT || esr >> 26 == EC_DABT)
		host_abort(esr, e->a[1], e->a[2]);
}

static void event_smc(const struct event *e)
{
	u64 calls = fake.smc_calls, mpidr = e->a[1] & 0xff00ffffffUL, target = ~0UL, off = 0, args[3 + 18];

	host_registers(4, e->a);
	for (u64 i = cells.nr_cpus; i-- > 0;)
		if (cells.cpu_mpidr[i] == mpidr) {
			target = i;
			off = cells.cpu_power[i] == POWER_OFF;
		}
	fake.smc_result = e->a[4];
	if (host_event(ESR(EC_SMC, 0), 0, 0))
		deviate("an SMC entered a guest");
	args[0] = e->cpu;
	args[1] = target;
	args[2] = off;
	for (u64 i = 0; i < 18; i++)		/* or what nobody has, so that it shows if the top machine goes to firmware */
		args[3 + i] = fake.smc_calls != calls ? fake.smc_left[i] : 0xdeadbeef00UL + i;
	memcpy(spec_args, args, sizeof(args));
	spec_do(S_SMC);
	check_el1_kept();
}

static void event_trap(const struct event *e)
{
	u64 ec = e->a[0] >> 26 & 63;

	if (ec == EC_HVC || ec == EC_SMC || ec == EC_IABT || ec == EC_DABT)
		return;
	if (ec == EC_FP || ec == 0x19 || ec == 0x1d)
		spec(S_HFP, e->cpu, 0);
	if (host_event(e->a[0] & 0xffffffffUL, 0, 0))
		deviate("a trap entered a guest");
}

/* A word that the host reaches: filled first as by the hardware's fault; ~0: none, or none of DRAM. */
static u64 host_reach(u64 address, u64 esr)
{
	struct translation t = translate(HOST, address);

	if (!t.valid) {
		host_abort(esr, address, address);
		compare(outer_cpu);
		t = translate(HOST, address);
	}
	if (!t.valid || !is_dram(t.pa) || is_stale(t.pa))
		return ~0UL;
	return t.pa;
}

static void event_load(const struct event *e)
{
	u64 address = e->a[0] & (IPA_END - 8), pa = host_reach(address, ESR(EC_DABT, FSC_TRANSLATION));

	if (pa == ~0UL || e->a[1] > 30)
		return;
	spec(S_HLOAD, e->cpu, address, e->a[1]);
	this_cpu()->x[e->a[1]] = peek(pa);
}

static void event_store(const struct event *e)
{
	u64 address = e->a[0] & (IPA_END - 8), pa = host_reach(address, ESR(EC_DABT, FSC_TRANSLATION | 0x40));

	if (pa == ~0UL)
		return;
	spec(S_HSTORE, e->cpu, address, e->a[1]);
	poke(pa, e->a[1]);
}

static void event_dma(const struct event *e)
{
	u64 from = e->a[0] * PAGE_BYTES + e->a[1] % 512 * 8, to = e->a[2] * PAGE_BYTES + e->a[3] % 512 * 8;

	if (e->a[0] >= IPA_END / PAGE_BYTES || e->a[2] >= IPA_END / PAGE_BYTES || !is_dram(from) || !is_dram(to) || is_stale(from) || is_stale(to))
		return;
	spec(S_DMA, e->a[0], e->a[1] % 512, e->a[2], e->a[3] % 512);
	if (owner_of(from) == OWNER_HOST && owner_of(to) == OWNER_HOST)
		poke(to, peek(from));
}

/* 66 registers of this CPU, if its master has the use of them. */
static void fp_registers(u64 seed, enum action a, bool used)
{
	struct fake_cpu *c = this_cpu();

	spec_args[0] = fake.cpu;
	spec_args[1] = 66;
	for (u64 i = 0; i < 66; i++) {
		spec_args[2 + 2 * i] = i < 64 ? W_FP + 2 + i : W_FP + i - 64;
		spec_args[3 + 2 * i] = mixed(&seed);
		if (used)
			c->fp[i] = spec_args[3 + 2 * i];
	}
	spec_do(a);
}

static void event_fp(const struct event *e)
{
	if (this_cpu()->cptr & 0x400) {
		spec(S_HFP, e->cpu, 0);
		if (host_event(ESR(EC_FP, 0), 0, 0))
			deviate("an FP trap entered a guest");
		compare(outer_cpu);
		if (this_cpu()->cptr & 0x400)
			deviate("the host's FP use traps again");
	}
	fp_registers(e->a[0], S_HFP, true);
}

/* ---- guests --------------------------------------------------------------------------------------------------------------- */
static void put(u64 k, u64 v)
{
	struct fake_cpu *c = this_cpu();

	if (k < 31)
		c->guest.x[k] = v;
	else if (k == 31)
		c->guest.pc = v;
	else if (k == 32)
		c->guest.pstate = v;
	else
		c->el1[k - 34] = v;
}

static void event_set(const struct event *e)
{
	u64 k = e->a[0], v = e->a[1];

	if (k >= W_GP || k == 33)
		return;
	if (k == 32)			/* a mode that a guest can have */
		v = (v & 0xf1f00fc0UL & ~(1UL << 20)) | (!(this_cpu()->hcr & KCORE_HCR_RW) ? 0x10 | (v & 3) : v & 1 ? 5 : v & 2 ? 4 : 0);
	put(k, v);
	spec(S_GSET, e->cpu, 1, k, v);
}

static void event_fill(const struct event *e)
{
	u64 seed = e->a[0], n = 0;

	for (u64 k = 0; k < W_GP; k++) {
		u64 v = mixed(&seed);

		if (k == 32 || k == 33)
			continue;
		put(k, v);
		spec_args[2 + 2 * n] = k;
		spec_args[3 + 2 * n++] = v;
	}
	spec_args[0] = e->cpu;
	spec_args[1] = n;
	spec_do(S_GSET);
}

/* After an exit: the guest goes on, or the host does. */
static void after_exit(u64 r)
{
	if (r == RUN_ENTERED)
		entered();
}

static void event_gfp(const struct event *e)
{
	if (this_cpu()->cptr & 0x400) {
		if (cells.vm_type[cells.cpu_vcpu[e->cpu] / KCORE_VM_VCPUS] == KCORE_VM_PROTECTED) {	/* the host's: never */
			fp_registers(e->a[0], S_GHOSTFP, false);
			compare(outer_cpu);
		}
		spec(S_GFP, e->cpu, 0);
		after_exit(guest_leave(0, ESR(EC_FP, 0), 0, 0));
		if (!this_cpu()->in_guest)
			return;
	}
	fp_registers(e->a[0], cells.cpu_fp[e->cpu] ? S_GFP : S_GHOSTFP, true);
}

static u64 guest_reach(u64 ipa, bool write)
{
	struct translation t = translate(cells.cpu_vcpu[fake.cpu] / 16, ipa);

	if (t.valid && is_dram(t.pa) && is_stale(t.pa))
		return 0;
	if (t.valid && !is_dram(t.pa))
		return 0;
	return t.valid && (write ? t.w : t.r) ? t.pa : ~0UL;
}

static void event_gload(const struct event *e)
{
	u64 ipa = e->a[0] & (IPA_END - 8), pa = guest_reach(ipa, false);

	if (pa == 0 || e->a[1] > 30)
		return;
	spec(S_GLOAD, e->cpu, ipa, e->a[1]);
	if (pa != ~0UL)
		put(e->a[1], peek(pa));
}

static void event_gstore(const struct event *e)
{
	u64 ipa = e->a[0] & (IPA_END - 8), pa = guest_reach(ipa, true);

	if (pa == 0)
		return;
	spec(S_GSTORE, e->cpu, ipa, e->a[1]);
	if (pa != ~0UL)
		poke(pa, e->a[1]);
}

/* The words of the virtual interface in spec_args, from 2 on; their number. */
static u64 interface(bool leaving, u64 n)
{
	struct fake_cpu *c = this_cpu();
	u64 page = cells.vcpu_page[cells.cpu_vcpu[fake.cpu]], bits = (cells.ich_vtr >> 26 & 7) + 1;

#define WORD(k, v) do { \
	spec_args[2 + 2 * n] = (k); \
	spec_args[3 + 2 * n++] = (v); \
} while (0)
	if (cells.has_gicv3) {
		WORD(W_VMCR, c->vmcr);
		for (u64 i = 0; i < (bits >= 7 ? 4 : bits >= 6 ? 2 : 1); i++) {
			WORD(W_AP0R + i, c->ap0r[i]);
			WORD(W_AP1R + i, c->ap1r[i]);
		}
	}
	WORD(W_IO, c->hcr & RUN_BITS);
	for (u64 i = 0; leaving && !(c->hcr & KCORE_HCR_RW) && i < 6; i++)
		WORD(W_A32 + i, c->a32[i]);
	if (leaving && !(c->hcr & KCORE_HCR_RW))
		WORD(W_FPEXC, cells.cpu_fp[fake.cpu] ? c->fpexc : peek(page + W_FPEXC * 8));
	if (!leaving || !cells.has_gicv3)
		return n;
	WORD(W_SRE, c->sre);
	WORD(W_USED, c->lrs);
	for (u64 i = 0; i < 16; i++)
		WORD(W_LR + i, c->elrsr >> i & 1 ? peek(page + (W_LR + i) * 8) & ~(3UL << 62) : c->lr[i]);
	return n;
}

static void tell_interface(bool leaving, u64 n)
{
	spec_args[1] = interface(leaving, n);
	spec_args[0] = fake.cpu;
	spec_do(S_GIO);
}

static void event_gio(const struct event *e)
{
	struct fake_cpu *c = this_cpu();
	u64 seed = e->a[0];

	if (cells.has_gicv3) {
		c->vmcr = mixed(&seed) & 0xffffffffUL;
		for (u64 i = 0; i < 4; i++) {
			c->ap0r[i] = mixed(&seed) & 0xffffffffUL;
			c->ap1r[i] = mixed(&seed) & 0xffffffffUL;
		}
		for (u64 i = 0; i < c->lrs; i++) {
			u64 v = mixed(&seed);

			if (v & 4)
				c->elrsr |= 1UL << i;
			else if (v & 8)
				c->lr[i] = mixed(&seed);
		}
	}
	for (u64 i = 0; i < 6; i++)
		c->a32[i] = mixed(&seed);
	if (cells.cpu_fp[e->cpu])
		c->fpexc = mixed(&seed);
	c->elrsr |= 1UL << 63;			/* the top machine is told at the exit */
	if (mixed(&seed) & 1)
		c->hcr &= ~KCORE_HCR_VSE;	/* the guest takes the SError */
	c->vdisr = mixed(&seed);
	tell_interface(false, 0);
}

/* A protected guest asked for something of a page: what came of it. */
static void count_page(u64 fn, u64 r)
{
	u64 ask = fn == MEM_CALL(SHARE) ? 0 : fn == MEM_CALL(UNSHARE) ? 1 : fn == MEM_CALL(RELINQUISH) ? 2 : 3;

	if (ask < 3)
		counts.pages[ask][r != RUN_ENTERED ? 2 : this_cpu()->guest.x[0] != 0]++;
}

static void event_exit(const struct event *e)
{
	struct fake_cpu *c = this_cpu();
	u64 esr = e->a[0] & 0xffffffffUL, ec = esr >> 26, far = e->a[1], hpfar = e->a[2] & 0xfffffffff0UL;
	bool asks = (ec == EC_DABT || ec == EC_IABT) && (esr & 0x3c) == 0xc && !(esr & 0x80);
	u64 crm = esr >> 1 & 15, op2 = esr >> 17 & 7, id = crm >= 4 && crm < 8 ? fake.idreg[crm][op2] : 0, fn, r;
	u64 vm = cells.cpu_vcpu[e->cpu] / KCORE_VM_VCPUS;
	bool quote = ec == EC_HVC && (c->guest.x[0] & 0xffffffffUL) == KCORE_HC_VM_QUOTE, hvc;

	/* ID space that the hardware doesn't trap (D13.2.48, TID3) */
	if (ec == EC_SYSREG && (esr & 0x31fc00UL) == 0x300000UL && crm > 7)
		return;
	/* with SVE nothing of FP traps */
	if (ec == EC_FP && !cells.cpu_fp[e->cpu] && !(c->cptr & 0x400))
		return;
	c->par = e->a[3];
	if (ec == EC_FP && !cells.cpu_fp[e->cpu]) {
		spec(S_GFP, e->cpu, 0);
	} else if (asks && (c->par & 1)) {
		spec(S_GCOUNT, e->cpu, esr);
	} else {
		tell_interface(true, 0);
		spec(S_GTRAP, e->cpu, esr, far, asks ? (c->par >> 12 & 0xfffffffUL) << 4 : hpfar, id,
		     quote ? c->guest.x[1] & 1 : measure_word(vm, KCORE_QUOTE_GUEST, c->guest.x[1]));
	}
	hvc = ec == EC_HVC && cells.vm_type[cells.cpu_vcpu[e->cpu] / 16] == KCORE_VM_PROTECTED;
	fn = c->guest.x[0] & 0xffffffffUL;
	quote_asked(vm, KCORE_QUOTE_GUEST, &c->guest.x[1]);
	r = guest_leave(0, esr, far, hpfar);
	if (hvc)
		count_page(fn, r);
	after_exit(r);
}

static void event_irq(const struct event *e)
{
	u64 kind = e->a[0] == 2 ? 2 : 1, n = 0;

	if (kind == 2 && cells.has_ras) {
		WORD(W_DISR, this_cpu()->vdisr);
	}
	tell_interface(true, n);
	spec(S_IRQ, e->cpu, kind);
	after_exit(guest_leave(kind, 0, 0, 0));
}

/* ---- any ------------------------------------------------------------------------------------------------------------------- */
static void perform_one(const struct event *e, const struct event *inside)
{
	on_cpu(e->cpu);
	if (this_cpu()->in_guest != (e->kind >= EV_set) && e->kind != EV_dma)
		return;			/* not one that can happen now */
	counts.events++;
	counts.kinds[e->kind]++;
	switch ((enum kind)e->kind) {
	case EV_hvc: event_hvc(e, inside); break;
	case EV_fault: event_fault(e); break;
	case EV_smc: event_smc(e); break;
	case EV_trap: event_trap(e); break;
	case EV_load: event_load(e); break;
	case EV_store: event_store(e); break;
	case EV_dma: event_dma(e); break;
	case EV_fp: event_fp(e); break;
	case EV_set: event_set(e); break;
	case EV_fill: event_fill(e); break;
	case EV_gfp: event_gfp(e); break;
	case EV_gload: event_gload(e); break;
	case EV_gstore: event_gstore(e); break;
	case EV_gio: event_gio(e); break;
	case EV_exit: event_exit(e); break;
	case EV_irq: event_irq(e); break;
	case EV_NR: break;
	}
	compare(outer_cpu);
}

void perform(const struct event *e, const struct event *inside)
{
	inner_done = false;
	perform_one(e, inside && inside->cpu != e->cpu ? inside : NULL);
	if (inside && !inner_done)	/* no such section: it comes after the call */
		perform_one(inside, NULL);
}
