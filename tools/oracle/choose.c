/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The next event, chosen by a generator or by a fuzzer's bytes.  The choice looks at the state of the core, so that calls which can
 * succeed are frequent; values at the edges, and of no meaning at all, are among all others.
 */
#include <string.h>

#include "oracle.h"
#include "helper.h"

u64 draw(struct source *s, u64 n)
{
	u64 v = 0;

	if (s->bytes) {
		size_t bytes = n == 0 ? 8 : n <= 256 ? 1 : n <= 65536 ? 2 : 4;

		if (s->left < bytes) {
			s->dry = true;
			return 0;
		}
		memcpy(&v, s->bytes, bytes);
		s->bytes += bytes;
		s->left -= bytes;
	} else {
		s->random ^= s->random << 13;
		s->random ^= s->random >> 7;
		s->random ^= s->random << 17;
		v = s->random * 0x2545f4914f6cdd1dUL;
		v = n ? v >> 24 : v;
	}
	return n ? v % n : v;
}

static bool one_in(struct source *s, u64 n)
{
	return draw(s, n) == n - 1;
}

#define PICK(s, ...) ({ \
	const u64 from_[] = { __VA_ARGS__ }; \
	from_[draw(s, sizeof(from_) / sizeof(from_[0]))]; })

/* Events of a CPU that belong together, the first one last. */
static struct event planned[FAKE_CPUS][64];
static u64 nr_planned[FAKE_CPUS];

static void plan(u64 cpu, u64 kind, u64 a, u64 b)
{
	planned[cpu][nr_planned[cpu]++] = (struct event){ .kind = kind, .cpu = cpu, .a = { a, b } };
}

void choose_machine(struct source *s, struct machine *m)
{
	memset(nr_planned, 0, sizeof(nr_planned));
	m->pool = PICK(s, 90, 90, 200, 40, 12, 20);
	m->reserve = PICK(s, 20, 20, 0, 4);
	m->vtr = PICK(s, 0x90000003, 0x90000003, 0x94000007, 0xf800000f, 0x90000000, 0);
	m->ras = draw(s, 2);
	m->aarch32 = PICK(s, 0, AARCH32_EL0, AARCH32_EL1, AARCH32_EL1);
	m->profiling = PICK(s, 0, 1, 3);
	m->signed_only = one_in(s, 6);
	m->sve = draw(s, 2);
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */
static u64 any_vm(struct source *s)
{
	return one_in(s, 24) ? PICK(s, 0, 256, 255, 1UL << 32, ~0UL, 99, 7) : 1 + draw(s, 6);
}

/* A VM of this kind and state, if there is one among the first. */
static u64 vm_like(struct source *s, u64 type, u64 state)
{
	u64 first = draw(s, 6);

	for (u64 i = 0; i < 6; i++) {
		u64 vm = 1 + (first + i) % 6;

		if (cells.vm_type[vm] == type && cells.vm_state[vm] == state)
			return vm;
	}
	return any_vm(s);
}

static u64 any_vcpu(struct source *s)
{
	u64 vm = any_vm(s);

	return one_in(s, 30) ? PICK(s, 0, 4096, 4095, NO_VCPU, ~0UL, 1UL << 32) : vm * 16 + (one_in(s, 30) ? draw(s, 20) : draw(s, 3));
}

/* One that could be loaded; NO_VCPU: there is none. */
static u64 ready_vcpu(struct source *s)
{
	u64 first = draw(s, 6 * 16);

	for (u64 i = 0; i < 6 * 16; i++) {
		u64 w = 16 + (first + i) % (6 * 16);

		if (cells.vcpu_state[w] == VCPU_READY && cells.vm_state[w / 16] == VM_READY)
			return w;
	}
	return NO_VCPU;
}

static u64 idle_vcpu(struct source *s)
{
	u64 w = ready_vcpu(s);

	return w == NO_VCPU ? any_vcpu(s) : w;
}

/* A page that a protected VM shares, if there is one among the first. */
static u64 shared_page(struct source *s)
{
	u64 first = draw(s, 6 * 16);

	for (u64 i = 0; i < 6 * 16; i++) {
		u64 n = (first + i) % (6 * 16), vm = 1 + n / 16;
		struct translation t;

		if (cells.vm_type[vm] != KCORE_VM_PROTECTED || cells.vm_state[vm] != VM_READY)
			continue;
		t = translate(vm, MEMORY_BASE + n % 16 * 0x1000);
		if (t.valid && owner_of(t.pa) == OWNER_HOST)
			return t.pa;
	}
	return FREE_PAGE;
}

static u64 any_page(struct source *s)
{
	switch (draw(s, 15)) {
	case 0:
		return PICK(s, REGION_BASE, REGION_END - 0x1000, DEVICE, DENIED0_BASE, DENIED1_BASE, DENIED1_END, DENIED0_END - 0x1000, DRAM2_END,
			    DENIED0_BASE - 0x1000, DENIED0_END, DENIED1_BASE - 0x1000, ~0xfffUL, FREE_PAGE + 8, IPA_END, IPA_END - 0x1000, 0,
			    DRAM0_BASE, DRAM2_BASE - 0x1000);
	case 1:
		return DRAM0_END - 0x2000 + draw(s, 4) * 0x1000;
	case 2:
		return DRAM2_END - 0x1000 - draw(s, 4) * 0x1000;
	case 3:
	case 4:
		return FREE_BLOCK + draw(s, 2) * BLOCK_BYTES + (one_in(s, 4) ? 0x1ff000 : draw(s, 8) * 0x1000);
	case 5:
		return cells.vcpu_page[idle_vcpu(s) % KCORE_NR_VCPUS];
	case 6: {			/* of a VM */
		u64 first = draw(s, 24);

		for (u64 i = 0; i < 24; i++) {
			u64 pa = FREE_PAGE + (first + i) % 24 * 0x1000;

			if (owner_of(pa) != OWNER_HOST)
				return pa;
		}
		return FREE_PAGE;
	}
	case 7:
		return shared_page(s);
	default:
		return FREE_PAGE + draw(s, 24) * 0x1000;
	}
}

static u64 any_ipa(struct source *s)
{
	switch (draw(s, 10)) {
	case 0:
		return PICK(s, IPA_END, ~0xfffUL, 4, IPA_END - 0x1000, IPA_END - BLOCK_BYTES, MEMORY_BASE - 0x1000, MEMORY_BASE + MEMORY_BYTES, 0);
	case 1:
	case 2:
		return MEMORY_BASE + BLOCK_BYTES * draw(s, 4);
	default:
		return MEMORY_BASE + 0x1000 * (one_in(s, 9) ? 511 : draw(s, 16)) + BLOCK_BYTES * draw(s, 2);
	}
}

static u64 any_bytes(struct source *s)
{
	if (one_in(s, 60))
		return PICK(s, GIB, IPA_END, IPA_END - MEMORY_BASE, 2 * GIB);
	return PICK(s, 0x1000, 0x1000, 0x2000, BLOCK_BYTES, BLOCK_BYTES, 0x10000, 0, 0x800, ~0UL, MEMORY_BYTES);
}

static u64 any_value(struct source *s)
{
	u64 v = draw(s, 0);

	return one_in(s, 4) ? v : PICK(s, 0, 1, ~0UL, v & 0xff, v & 0xffffffffUL, 1UL << (v & 63));
}

/* ---- the host ----------------------------------------------------------------------------------------------------------- */
static void hvc_event(struct event *e, u64 fn, u64 a, u64 b, u64 c, u64 d, u64 f)
{
	e->kind = EV_hvc;
	e->a[0] = fn;
	e->a[1] = a;
	e->a[2] = b;
	e->a[3] = c;
	e->a[4] = d;
	e->a[5] = f;
}
#define HVC(name, ...) HVC_(e, KCORE_HC_##name, ##__VA_ARGS__, 0UL, 0UL, 0UL, 0UL, 0UL)
#define HVC_(e, fn, a, b, c, d, f, ...) hvc_event(e, fn, a, b, c, d, f)

/* A page of the VM's memory that is there, if there is one among the first. */
static u64 guest_page(struct source *s, u64 vm)
{
	u64 first = draw(s, 32);

	for (u64 i = 0; vm < KCORE_NR_VMS && i < 32; i++) {
		u64 n = (first + i) % 32, ipa = MEMORY_BASE + n % 16 * 0x1000 + n / 16 * BLOCK_BYTES;

		if (translate(vm, ipa).valid)
			return ipa;
	}
	return any_ipa(s);
}

/* A VM that waits for its signature, if there is one among the first. */
static u64 waiting_vm(struct source *s)
{
	u64 first = draw(s, 6);

	for (u64 i = 0; i < 6; i++) {
		u64 vm = 1 + (first + i) % 6;

		if (cells.vm_state[vm] == VM_READY && cells.vcpu_pending[vm * 16] == PENDING_START)
			return vm;
	}
	return 1 + first;
}

static void choose_map(struct source *s, struct event *e, u64 vm)
{
	u64 pa = any_page(s), ipa = any_ipa(s), bytes = one_in(s, 3) ? BLOCK_BYTES : 0x1000;

	if (bytes == BLOCK_BYTES && !one_in(s, 4)) {
		pa &= ~(BLOCK_BYTES - 1);
		ipa &= ~(BLOCK_BYTES - 1);
	}
	HVC(VM_MAP, vm, ipa, pa, one_in(s, 24) ? any_bytes(s) : bytes, is_dram(pa) && !one_in(s, 9) ? draw(s, 8) : draw(s, 18));
}

static void choose_call(struct source *s, struct event *e)
{
	u64 vm = any_vm(s);

	switch (draw(s, 44)) {
	case 0:
		HVC(VM_CREATE, one_in(s, 20) ? any_value(s) : draw(s, 2));
		break;
	case 1:
	case 2:
		HVC(VCPU_CREATE, one_in(s, 2) ? vm : vm_like(s, draw(s, 2), VM_NEW), one_in(s, 24) ? PICK(s, 15, 16, ~0UL) : draw(s, 3), any_page(s));
		break;
	case 3:
	case 4:
		vm = one_in(s, 3) ? vm : vm_like(s, draw(s, 2), VM_NEW);
		if (draw(s, 2))
			HVC(VM_FINALISE, vm, one_in(s, 8) ? any_ipa(s) : MEMORY_BASE, one_in(s, 8) ? any_bytes(s) : MEMORY_BYTES);
		else
			HVC(VM_FINALISE_SIGNED, vm, one_in(s, 8) ? any_ipa(s) : MEMORY_BASE, one_in(s, 8) ? any_bytes(s) : MEMORY_BYTES);
		break;
	case 5:
	case 6:
		HVC(VCPU_LOAD, any_vcpu(s));
		break;
	case 7:
		if (one_in(s, 3))
			HVC(VCPU_PUT);
		else
			HVC(VCPU_LOAD, idle_vcpu(s));
		break;
	case 8:
		HVC(VCPU_RUN, any_vcpu(s));
		break;
	case 9 ... 15:
		HVC(VM_DONATE, one_in(s, 6) ? vm : vm_like(s, KCORE_VM_PROTECTED, VM_READY), any_ipa(s), any_page(s));
		break;
	case 16 ... 21:
		choose_map(s, e, one_in(s, 6) ? vm : vm_like(s, KCORE_VM_NORMAL, VM_READY));
		break;
	case 22:
	case 23:
		HVC(VM_UNMAP, one_in(s, 4) ? vm : vm_like(s, KCORE_VM_NORMAL, VM_READY), any_ipa(s), any_bytes(s));
		break;
	case 24:
	case 25:
		HVC(VM_WRPROTECT, one_in(s, 4) ? vm : vm_like(s, KCORE_VM_NORMAL, VM_READY), any_ipa(s), any_bytes(s));
		break;
	case 26:
		HVC(VM_AGE, one_in(s, 4) ? vm : vm_like(s, KCORE_VM_NORMAL, VM_READY), any_ipa(s), any_bytes(s));
		break;
	case 27:
		if (one_in(s, 2))
			HVC(VM_DESTROY_BEGIN, vm);
		else
			HVC(PAGE_STATE, any_page(s));
		break;
	case 28 ... 31:
		HVC(VM_DESTROY_STEP, one_in(s, 6) ? vm : vm_like(s, draw(s, 2), VM_DYING));
		break;
	case 32:
		HVC(VM_DESTROY_END, one_in(s, 3) ? vm : vm_like(s, draw(s, 2), VM_DYING));
		break;
	case 33:
		HVC(VCPU_DESTROY, one_in(s, 3) ? any_vcpu(s) : vm_like(s, draw(s, 2), VM_DYING) * 16 + draw(s, 3));
		break;
	case 34:
		HVC(TLB_FLUSH_LOCAL, vm);
		break;
	case 35:
		if (one_in(s, 2))
			HVC(STATS_READ, one_in(s, 9) ? any_value(s) : draw(s, 26));
		else
			HVC(INFO, one_in(s, 9) ? any_value(s) : draw(s, 7));
		break;
	case 36:
		HVC(LOG_READ, one_in(s, 9) ? any_value(s) : cells.log_next - (one_in(s, 2) ? draw(s, 300) : PICK(s, 0, 1, 256, 257)));
		break;
	case 37:
		if (one_in(s, 3))
			HVC(VERSION);
		else
			HVC(VGIC_VMCR_READ);
		break;
	case 38:
		vm = one_in(s, 3) ? vm : waiting_vm(s);
		HVC(VM_MEASURE, vm, one_in(s, 4) ? any_ipa(s) + (one_in(s, 4) ? 8 : 0) : guest_page(s, vm));
		break;
	case 39:
		HVC(VM_START, one_in(s, 3) ? vm : waiting_vm(s));
		break;
	case 40:
		HVC(VM_MEASUREMENT, vm, one_in(s, 9) ? any_value(s) : draw(s, 10) + (one_in(s, 3) ? KCORE_QUOTE_WORD : 0));
		break;
	case 42:
		HVC(VM_QUOTE, vm, any_value(s), any_value(s), any_value(s), any_value(s));
		break;
	case 41:
		hvc_event(e, draw(s, 20), any_value(s), 0, 0, 0, 0);
		break;
	default:
		hvc_event(e, one_in(s, 9) ? any_value(s) : KCORE_FN_BASE + draw(s, 30), any_vcpu(s), any_ipa(s), any_page(s), any_bytes(s), draw(s, 20));
	}
}

/* A word of the page of a vCPU: what KCore reads of it. */
static void choose_page_word(struct source *s, struct event *e, u64 vcpu)
{
	u64 word = PICK(s, W_IO, W_IO + 1, W_IO + 2, W_HCR, W_VMCR, W_SRE, W_USED, W_AP0R, W_AP1R, W_LR, W_LR + 1, 0, 1, 2, 3, 4, 4, 5, 31, 32, 59, 58, W_FP,
			W_SVE, W_A32 + draw(s, 6), W_FPEXC);
	u64 v = any_value(s);

	word = one_in(s, 6) ? draw(s, 176) : word;
	if (cells.vcpu_pending[vcpu] == PENDING_MMIO_READ && one_in(s, 3))
		word = (cells.vcpu_esr[vcpu] >> 16 & 31) % 31;
	if (word == W_IO && one_in(s, 2))
		v = draw(s, 2) ? v | KCORE_HCR_RW : v & ~KCORE_HCR_RW;
	if (word == W_IO + 1)				/* the answer to the last exit */
		v = one_in(s, 9) ? v : cells.vcpu_pending[vcpu] != PENDING_NONE && draw(s, 2) ? KCORE_ENTER_SKIP : 1UL << draw(s, 4);
	if (word == W_USED)
		v = one_in(s, 9) ? v : draw(s, 18);
	if (word == W_SRE)
		v = one_in(s, 9) ? v : draw(s, 2);
	if (word == 32)
		v = one_in(s, 4) ? v : one_in(s, 3) ? PICK(s, 0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f, 0x16, 0x1a) : 5;
	if (word == W_SVE)
		v = one_in(s, 4) ? v : KCORE_SVE_ON | draw(s, 16);
	e->kind = EV_store;
	e->a[0] = cells.vcpu_page[vcpu] + word * 8;
	e->a[1] = v;
}

static void choose_host(struct source *s, struct event *e)
{
	u64 pa = any_page(s), kind = draw(s, 16);

	switch (kind) {
	case 0:
		e->kind = EV_smc;
		e->a[0] = PICK(s, 0x84000000, 0xc4000001, 0x84000001, 0x84000002, 0xc4000003, 0x84000003, 0xc4000004, 0x8400000a, 0x8400000a, 0xc400000e,
			       0x80000000, 0x80008000, 0x84000050, 0xc4000053, 0x84000008, 0xc3000001);
		e->a[0] = one_in(s, 6) ? any_value(s) : e->a[0];
		e->a[1] = draw(s, 5);
		if (one_in(s, 3))
			e->a[1] = PICK(s, 0x104, 0x105, 0, 1, 0x102, 0x10000, 0x40000000, 0x40010000, 0xff00000104, 0xc4000003, 0x84000050, 0x84000005);
		e->a[2] = any_value(s);
		e->a[3] = any_value(s);
		e->a[4] = PICK(s, 0, 0, ~2UL, ~0UL);
		break;
	case 1:
		e->kind = EV_trap;
		e->a[0] = ESR(PICK(s, EC_FP, EC_FP, 0x19, 0x1d, 0, 0x18, 0x3f, 0x01), draw(s, 1UL << 16));
		break;
	case 2:
		e->kind = EV_fp;
		e->a[0] = draw(s, 0);
		break;
	case 3:
		e->kind = EV_dma;
		e->a[0] = pa / PAGE_BYTES;
		e->a[1] = draw(s, 512);
		e->a[2] = any_page(s) / PAGE_BYTES;
		e->a[3] = draw(s, 512);
		break;
	case 4:
		e->kind = EV_load;
		e->a[0] = pa + draw(s, 512) * 8;
		e->a[1] = draw(s, 31);
		break;
	case 5:
	case 6:
		e->kind = EV_store;
		e->a[0] = pa + draw(s, 512) * 8;
		e->a[1] = draw(s, 0);
		break;
	case 7 ... 10:
		choose_page_word(s, e, one_in(s, 3) ? idle_vcpu(s) % KCORE_NR_VCPUS :
				 cells.cpu_vcpu[e->cpu] == NO_VCPU ? 16 + draw(s, 96) : cells.cpu_vcpu[e->cpu]);
		break;
	default:
		e->kind = EV_fault;
		e->a[0] = ESR(one_in(s, 4) ? EC_IABT : EC_DABT, one_in(s, 6) ? draw(s, 1UL << 16) : FSC_TRANSLATION | (one_in(s, 12) ? 0x100 : 0));
		e->a[1] = one_in(s, 3) ? 0 : draw(s, 1UL << 16);
		e->a[2] = pa;
	}
}

/* ---- guests --------------------------------------------------------------------------------------------------------------- */
static void choose_exit(struct source *s, struct event *e)
{
	u64 ec = PICK(s, EC_WFX, EC_HVC, EC_HVC, EC_HVC, EC_SMC, EC_SYSREG, EC_SYSREG, EC_DABT, EC_DABT, EC_DABT, EC_IABT, EC_FP, EC_FP, 0x19, 0x3c, 0);
	u64 iss = draw(s, 1UL << 25);

	if (ec == EC_SYSREG && !one_in(s, 6))
		iss = PICK(s, 0x3a3016, 0x3c3016, 0x3e3016, 0x320002, 0x30000a, 0x1c1c0c, 0x3a3018, 0x000004, 0x300008, 0x320008, 0x32000e, 0x34000e,
			   0x30000c, 0x30000e, 0x320400, 0x200000) | draw(s, 32) << 5 | draw(s, 2);
	if (ec == EC_SYSREG && one_in(s, 3))		/* an ID register */
		iss = 0x300001 | draw(s, 8) << 17 | draw(s, 32) << 5 | (1 + draw(s, 7)) << 1;
	if ((ec == EC_DABT || ec == EC_IABT) && draw(s, 2))
		iss = (iss & ~0x3fUL) | PICK(s, FSC_TRANSLATION, FSC_TRANSLATION, FSC_PERMISSION);
	if (ec == EC_DABT && one_in(s, 3))		/* a syndrome of a load, of all sizes */
		iss = (iss & 0xe1f8000UL) | 1UL << 24 | FSC_TRANSLATION | (one_in(s, 4) ? 31UL << 16 : 0);
	e->kind = EV_exit;
	e->a[0] = ESR(ec, iss & 0x1ffffffUL);
	e->a[1] = any_value(s);
	e->a[2] = (one_in(s, 3) ? MEMORY_BASE - 0x1000 : any_ipa(s)) >> 12 << 4 & 0xfffffffff0UL;	/* MMIO among others */
	e->a[3] = any_ipa(s) | (one_in(s, 3) ? 1 : 0);
}

/* A call of PSCI with arguments that fit. */
static void choose_psci(struct source *s, struct event *e)
{
	u64 fn = PICK(s, 0xc4000003, 0xc4000003, 0x84000003, 0xc4000004, 0x84000004, 0x84000002, 0x8400000a, 0x84000008, 0x84000000, 0xc4000001, 0xc6004b00);
	u64 target = fn == 0x8400000a ? PICK(s, 0xc4000003, 0x84000002, 0x84000005, 0x80000000) : draw(s, 3);

	plan(e->cpu, EV_exit, ESR(EC_HVC, 0), any_value(s));
	plan(e->cpu, EV_set, 3, any_value(s));
	plan(e->cpu, EV_set, 2, one_in(s, 4) ? any_value(s) : fn == 0xc4000004 || fn == 0x84000004 ? draw(s, 2) : draw(s, 1UL << 16) * 4);
	plan(e->cpu, EV_set, 1, one_in(s, 6) ? PICK(s, 15, 16, 0x100, 1UL << 31, ~0UL, 1UL << 32) : target);
	e->kind = EV_set;
	e->a[0] = 0;
	e->a[1] = fn | (one_in(s, 6) ? any_value(s) << 32 : 0);
}

/* The guest gives the host a page of more devices than the guard has ranges, none behind another. */
static void choose_devices(struct source *s, struct event *e)
{
	u64 ipa = MEMORY_BASE - 0x1000 * (1 + draw(s, 50));

	for (u64 i = 0; i <= GUARD_RANGES; i++) {
		plan(e->cpu, EV_exit, ESR(EC_HVC, 0), 0);
		plan(e->cpu, EV_set, 1, ipa - i * 0x2000);
		plan(e->cpu, EV_set, 0, MMIO_GUARD);
	}
	plan(e->cpu, EV_set, 3, 0);
	e->kind = EV_set;
	e->a[0] = 2;
}

/* A call of the vendor service with arguments that fit. */
static void choose_service(struct source *s, struct event *e)
{
	u64 fn = PICK(s, MEM_CALL(SHARE), MEM_CALL(SHARE), MEM_CALL(SHARE), MEM_CALL(UNSHARE), MEM_CALL(UNSHARE), MEM_CALL(UNSHARE),
		      MEM_CALL(RELINQUISH), MMIO_GUARD, 0xc6000002, 0x8600ff01, 0x86000000, 0xc6000005, 0x86000003,
		      KCORE_HC_VM_MEASUREMENT, KCORE_HC_VM_QUOTE);
	u64 ipa = one_in(s, 4) ? any_ipa(s) : guest_page(s, cells.cpu_vcpu[e->cpu] / 16);

	if (fn == MMIO_GUARD && one_in(s, 6)) {
		choose_devices(s, e);
		return;
	}
	if (fn == KCORE_HC_VM_MEASUREMENT)
		ipa = draw(s, 10) + (one_in(s, 3) ? KCORE_QUOTE_WORD : 0);

	if (fn == MMIO_GUARD && !one_in(s, 4))		/* most accesses outside of memory are at the page before it */
		ipa = MEMORY_BASE - 0x1000 - (one_in(s, 2) ? 0x1000 * draw(s, 50) : 0) + (one_in(s, 8) ? 8 : 0);
	plan(e->cpu, EV_exit, ESR(EC_HVC, 0), any_value(s));
	plan(e->cpu, EV_set, 3, one_in(s, 24) ? any_value(s) : 0);
	plan(e->cpu, EV_set, 2, one_in(s, 24) ? any_value(s) : 0);
	plan(e->cpu, EV_set, 1, ipa);
	e->kind = EV_set;
	e->a[0] = 0;
	e->a[1] = fn | (one_in(s, 9) ? any_value(s) << 32 : 0);
}

static void choose_guest(struct source *s, struct event *e)
{
	switch (draw(s, 21)) {
	case 16:
	case 17:
		choose_psci(s, e);
		break;
	case 18 ... 20:
		choose_service(s, e);
		break;
	case 0:
		e->kind = EV_fill;
		e->a[0] = draw(s, 0);
		break;
	case 1 ... 4:
		e->kind = EV_set;
		e->a[0] = one_in(s, 2) ? draw(s, 4) : draw(s, W_GP);
		e->a[1] = any_value(s);
		if (e->a[0] == 0 && !one_in(s, 4))
			e->a[1] = PICK(s, 0x84000000, 0xc4000003, 0xc4000003, 0x84000003, 0x84000002, 0xc4000004, 0x84000008, 0x84000009, 0x8400000a,
				       0xc4000001, 0x84000006, 0xc6004b00, 0x80000000);
		if (e->a[0] == 1 && !one_in(s, 4))
			e->a[1] = PICK(s, 0, 1, 2, 3, 0xc4000003, 0x84000002, 0x80000001);
		if (e->a[0] == 2 && !one_in(s, 4))
			e->a[1] = draw(s, 1UL << 16) * 4;
		break;
	case 5:
		e->kind = EV_gfp;
		e->a[0] = draw(s, 0);
		break;
	case 6:
		e->kind = EV_gload;
		e->a[0] = any_ipa(s) + draw(s, 512) * 8;
		e->a[1] = draw(s, 31);
		break;
	case 7:
	case 8:
		e->kind = EV_gstore;
		e->a[0] = any_ipa(s) + (one_in(s, 4) ? 511 : draw(s, 512)) * 8;
		e->a[1] = draw(s, 0);
		break;
	case 9:
		e->kind = EV_gio;
		e->a[0] = draw(s, 0);
		break;
	case 10:
	case 11:
		e->kind = EV_irq;
		e->a[0] = 1 + draw(s, 2);
		break;
	default:
		choose_exit(s, e);
	}
}

/* Pages, measured; a signature that is good, and then the start, sometimes the other way round. */
static void choose_start(struct source *s, struct event *e, u64 vm)
{
	u64 page = cells.vcpu_page[vm * 16];

	if (one_in(s, 3)) {
		HVC(VM_MEASURE, vm, guest_page(s, vm));
	} else if (one_in(s, 3)) {
		HVC(VM_DONATE, vm, any_ipa(s), any_page(s));
	} else if (!(peek(page + CTX_X(4)) & 1) && !one_in(s, 6)) {
		e->kind = EV_store;
		e->a[0] = page + CTX_X(4);
		e->a[1] = draw(s, 0) | 1;
	} else {
		HVC(VM_START, vm);
	}
}

/* What brings a VM nearer to a run. */
static void choose_progress(struct source *s, struct event *e)
{
	u64 vm = vm_like(s, draw(s, 2), VM_NEW), w = ready_vcpu(s);

	u64 waiting = waiting_vm(s);

	if (cells.vm_state[waiting] == VM_READY && cells.vcpu_pending[waiting * 16] == PENDING_START && draw(s, 2))
		choose_start(s, e, waiting);
	else if (w != NO_VCPU && !one_in(s, 6))
		HVC(VCPU_LOAD, w);
	else if (vm < KCORE_NR_VMS && cells.vm_state[vm] == VM_NEW && cells.vm_vcpus[vm] > draw(s, 4))
		hvc_event(e, draw(s, 2) ? KCORE_HC_VM_FINALISE : KCORE_HC_VM_FINALISE_SIGNED, vm, MEMORY_BASE, MEMORY_BYTES, 0, 0);
	else if (vm < KCORE_NR_VMS && cells.vm_state[vm] == VM_NEW)
		HVC(VCPU_CREATE, vm, cells.vm_vcpus[vm], FREE_PAGE + draw(s, 24) * 0x1000);
	else
		HVC(VM_CREATE, draw(s, 2));
}

/* May the call have several critical sections? */
bool several_sections(const struct event *e)
{
	return e->kind == EV_hvc && (e->a[0] == KCORE_HC_VM_DONATE || (e->a[0] >= KCORE_HC_VM_MAP && e->a[0] <= KCORE_HC_VM_AGE) ||
				     e->a[0] == KCORE_HC_VM_DESTROY_STEP);
}

bool choose(struct source *s, struct event *e, bool inside)
{
	u64 mine, running = 0;

	memset(e, 0, sizeof(*e));
	e->cpu = draw(s, FAKE_CPUS);
	mine = cells.cpu_vcpu[e->cpu];
	if (nr_planned[e->cpu] && !inside) {
		*e = planned[e->cpu][--nr_planned[e->cpu]];
		if (fake.cpus[e->cpu].in_guest)
			return !s->dry;
		nr_planned[e->cpu] = 0;
		e->kind = 0;
		memset(e->a, 0, sizeof(e->a));
	}
	if (inside)
		e->inside = one_in(s, 6) ? 1 + draw(s, 100) : 1 + draw(s, 2);
	for (u64 c = 0; c < FAKE_CPUS; c++)
		running += fake.cpus[c].in_guest;
	if (fake.cpus[e->cpu].in_guest) {
		if (running == FAKE_CPUS && one_in(s, 4)) {
			e->kind = EV_irq;
			e->a[0] = 1;
		} else {
			choose_guest(s, e);
		}
	} else if (mine != NO_VCPU && draw(s, 2)) {
		bool guarded = cells.vm_type[mine / 16] == KCORE_VM_PROTECTED;
		u64 flags = peek(cells.vcpu_page[mine] + CTX_ENTER_FLAGS);

		if (one_in(s, 3)) {
			choose_page_word(s, e, mine);
		} else if (guarded && cells.vcpu_power[mine] == POWER_OFF && !one_in(s, 4)) {
			HVC(VCPU_PUT);		/* until its guest starts it */
		} else if (guarded && flags && cells.vcpu_pending[mine] == PENDING_NONE && !one_in(s, 3)) {
			e->kind = EV_store;	/* an answer that is refused */
			e->a[0] = cells.vcpu_page[mine] + CTX_ENTER_FLAGS;
		} else if (guarded && !flags && cells.vcpu_pending[mine] != PENDING_NONE && one_in(s, 3)) {
			e->kind = EV_store;
			e->a[0] = cells.vcpu_page[mine] + CTX_ENTER_FLAGS;
			e->a[1] = one_in(s, 4) ? 1UL << draw(s, 4) : KCORE_ENTER_SKIP;
		} else {
			HVC(VCPU_RUN, mine);
		}
	} else if (mine == NO_VCPU && one_in(s, 3)) {
		choose_progress(s, e);
	} else if (one_in(s, 3)) {
		choose_host(s, e);
	} else {
		choose_call(s, e);
	}
	return !s->dry;
}

/* An event of another CPU inside of this call that is about the same. */
bool choose_inside(struct source *s, struct event *e, const struct event *call)
{
	if (!choose(s, e, true))
		return false;
	if (e->cpu == call->cpu || fake.cpus[e->cpu].in_guest || !one_in(s, 2))
		return true;
	e->inside = 1 + draw(s, 2);
	memset(e->a, 0, sizeof(e->a));
	switch (draw(s, 3)) {
	case 0:
		HVC(VM_DESTROY_BEGIN, call->a[1]);
		break;
	case 1:
		*e = (struct event){ .kind = EV_hvc, .cpu = e->cpu, .inside = e->inside };
		memcpy(e->a, call->a, sizeof(e->a));
		if (call->a[0] == KCORE_HC_VM_DONATE)
			e->a[3] = FREE_PAGE + draw(s, 24) * 0x1000;
		break;
	default:
		HVC(VM_MAP, call->a[1], call->a[2] & ~0xfffUL, FREE_PAGE + draw(s, 24) * 0x1000, 0x1000, 7);
	}
	return !s->dry;
}
