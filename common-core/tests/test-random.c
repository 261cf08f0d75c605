/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random calls, faults, SMCs and guest exits on several CPUs, also between two critical sections of another CPU's call.
 * After any call that returned an error the state is what it was; the invariant holds; no secret of a
 * protected guest (registers, FP, memory) is ever in memory or registers that the host can read.
 */
#include <string.h>

#include "helper.h"

#define SECRET_MASK	0xffffffff00000000UL
#define SECRET		0x5ec5e75e00000000UL

static u64 state_of_random;

static u64 rnd(u64 n)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (state_of_random * 0x2545f4914f6cdd1dUL >> 33) % n;
}

static bool one_in(u64 n)
{
	return rnd(n) == 0;
}

#define NR_CALLS	27UL
static u64 results[NR_CALLS][2];		/* by call: successes, errors */
static u64 entries, guest_exits, interleaved, host_faults;
static bool in_hook;

/* ---- what to pick --------------------------------------------------------------------------------------------- */
static u64 any_vm(void)
{
	static const u64 bad[] = { 0, 256, 255, 1UL << 32, ~0UL, 99 };

	return one_in(20) ? bad[rnd(6)] : 1 + rnd(6);
}

/* One that can be finalised as a signed VM, if there is one. */
static u64 new_private_vm(void)
{
	for (u64 vm = 1; vm < 7; vm++)
		if (cells.vm_state[vm] == VM_NEW && cells.vm_type[vm] == KCORE_VM_PROTECTED && cells.vcpu_state[vm * 16] != VCPU_FREE)
			return vm;
	return any_vm();
}

/* One that waits for its signature, if there is one. */
static u64 waiting_vm(void)
{
	for (u64 vm = 1; vm < 7; vm++)
		if (cells.vm_state[vm] == VM_READY && cells.vcpu_pending[vm * 16] == PENDING_START)
			return vm;
	return any_vm();
}

static u64 any_vcpu(void)
{
	return one_in(30) ? rnd(2) * 5000 : any_vm() * 16 + (one_in(30) ? rnd(20) : rnd(3));
}

static u64 any_page(void)
{
	static const u64 bad[] = { REGION_BASE, REGION_END - 0x1000, DEVICE, DENIED0_BASE, DENIED1_BASE, DRAM2_END, ~0xfffUL, FREE_PAGE + 8, IPA_END };

	switch (rnd(12)) {
	case 0:
		return bad[rnd(9)];
	case 1:
		return DRAM0_END - 0x2000 + rnd(4) * 0x1000;
	case 2:
		return DRAM2_END - 0x1000 - rnd(4) * 0x1000;
	case 3:
	case 4:
		return FREE_BLOCK + rnd(2) * BLOCK_BYTES + rnd(8) * 0x1000;
	default:
		return FREE_PAGE + rnd(24) * 0x1000;
	}
}

static u64 any_ipa(void)
{
	static const u64 bad[] = { IPA_END, ~0xfffUL, 4, IPA_END - 0x1000, MEMORY_BASE - 0x1000, MEMORY_BASE + MEMORY_BYTES };

	switch (rnd(10)) {
	case 0:
		return bad[rnd(6)];
	case 1:
	case 2:
		return MEMORY_BASE + BLOCK_BYTES * rnd(4);
	default:
		return MEMORY_BASE + 0x1000 * rnd(16) + BLOCK_BYTES * rnd(2);
	}
}

static u64 any_bytes(void)
{
	static const u64 bytes[] = { 0x1000, 0x1000, BLOCK_BYTES, BLOCK_BYTES, 0x10000, GIB, 0, 0x800, ~0UL };

	return bytes[rnd(9)];
}

/* ---- the host ---------------------------------------------------------------------------------------------------- */
static void other_cpu(void);

static void host_call_checked(u64 fn, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	bool hook = !in_hook && one_in(4);
	struct snapshot *before = hook ? NULL : snapshot_take();
	const char *changed = NULL;
	u64 hooked = interleaved, r, nr = fn - KCORE_FN_BASE;

	if (hook)
		at_release(one_in(4) ? 1 + rnd(600) : 1 + rnd(3), other_cpu);
	r = hvc(fn, a, b, c, d, e);
	fake.release_hook = in_hook ? fake.release_hook : NULL;
	if (nr < NR_CALLS)
		results[nr][r >= KCORE_ERR_MIN]++;
	if (r == RUN_ENTERED) {
		entries++;
		if (before)
			snapshot_free(before);
		return;
	}
	if (before && r >= KCORE_ERR_MIN && r != KCORE_EAGAIN && !(fn == KCORE_HC_VM_MAP && r == KCORE_ENOMEM) &&
	    !(fn == KCORE_HC_VM_START && r == KCORE_EPERM))
		changed = snapshot_changed(before);
	if (before)
		snapshot_free(before);
	if (changed)
		fail_msg("call %lu(%#lx, %#lx, %#lx, %#lx, %#lx) returned %#lx and changed %s", nr, a, b, c, d, e, r, changed);
	if (!in_hook && (r >= KCORE_ERR_MIN || interleaved != hooked))
		check_invariant();
}

static void random_run(u64 mine)
{
	u64 pending = cells.vcpu_pending[mine];

	shared_set(mine, CTX_ENTER_FLAGS, one_in(9) ? rnd(64) : pending != PENDING_NONE && rnd(2) ? KCORE_ENTER_SKIP : one_in(4) ? 1UL << rnd(4) : 0);
	shared_set(mine, CTX_ENTER_HCR, rnd(1UL << 32));
	if (cells.vm_type[mine / 16] == KCORE_VM_NORMAL)
		shared_set(mine, CTX_PSTATE, one_in(5) ? rnd(64) : 5);
	host_call_checked(KCORE_HC_VCPU_RUN, mine, 0, 0, 0, 0);
}

static void random_call(void)
{
	u64 vm = any_vm(), mine = cells.cpu_vcpu[fake.cpu];

	switch (rnd(42)) {
	case 0:
		host_call_checked(KCORE_HC_VM_CREATE, one_in(20) ? rnd(99) : rnd(2), 0, 0, 0, 0);
		break;
	case 1:
	case 2:
		host_call_checked(KCORE_HC_VCPU_CREATE, vm, rnd(3), any_page(), 0, 0);
		break;
	case 3:
		host_call_checked(KCORE_HC_VM_FINALISE, vm, one_in(8) ? any_ipa() : MEMORY_BASE, one_in(8) ? any_bytes() : MEMORY_BYTES, 0, 0);
		break;
	case 4 ... 6:
		host_call_checked(KCORE_HC_VCPU_LOAD, any_vcpu(), 0, 0, 0, 0);
		break;
	case 7:
		if (one_in(2))
			host_call_checked(KCORE_HC_VCPU_PUT, 0, 0, 0, 0, 0);
		break;
	case 8:
		host_call_checked(KCORE_HC_VCPU_RUN, any_vcpu(), 0, 0, 0, 0);
		break;
	case 9 ... 13:
		if (mine != NO_VCPU)
			random_run(mine);
		break;
	case 14 ... 19:
		host_call_checked(KCORE_HC_VM_DONATE, vm, any_ipa(), any_page(), 0, 0);
		break;
	case 20 ... 23: {
		u64 bytes = one_in(3) ? BLOCK_BYTES : 0x1000, pa = any_page(), ipa = any_ipa();

		if (bytes == BLOCK_BYTES && !one_in(4)) {
			pa &= ~(BLOCK_BYTES - 1);
			ipa &= ~(BLOCK_BYTES - 1);
		}
		host_call_checked(KCORE_HC_VM_MAP, vm, ipa, pa, one_in(20) ? any_bytes() : bytes, is_dram(pa) && !one_in(9) ? rnd(8) : rnd(17));
		break;
	}
	case 24:
	case 25:
		host_call_checked(KCORE_HC_VM_UNMAP, vm, any_ipa(), any_bytes(), 0, 0);
		break;
	case 26:
		host_call_checked(KCORE_HC_VM_WRPROTECT, vm, any_ipa(), any_bytes(), 0, 0);
		break;
	case 27:
		host_call_checked(KCORE_HC_VM_AGE, vm, any_ipa(), any_bytes(), 0, 0);
		break;
	case 28:
		if (one_in(3))
			host_call_checked(KCORE_HC_VM_DESTROY_BEGIN, vm, 0, 0, 0, 0);
		break;
	case 29:
	case 30:
		for (u64 i = 0; i < 6; i++)
			host_call_checked(KCORE_HC_VM_DESTROY_STEP, vm, 0, 0, 0, 0);
		break;
	case 31:
		host_call_checked(KCORE_HC_VM_DESTROY_END, vm, 0, 0, 0, 0);
		break;
	case 32:
		host_call_checked(KCORE_HC_VCPU_DESTROY, any_vcpu(), 0, 0, 0, 0);
		break;
	case 33:
		host_call_checked(KCORE_HC_PAGE_STATE, any_page(), 0, 0, 0, 0);
		host_call_checked(KCORE_HC_TLB_FLUSH_LOCAL, vm, 0, 0, 0, 0);
		break;
	case 34:
		host_call_checked(KCORE_HC_STATS_READ, rnd(26), 0, 0, 0, 0);
		host_call_checked(KCORE_HC_INFO, rnd(6), 0, 0, 0, 0);
		host_call_checked(KCORE_HC_VGIC_VMCR_READ, 0, 0, 0, 0, 0);
		break;
	case 35:
		host_call_checked(KCORE_HC_LOG_READ, cells.log_next - rnd(300), 0, 0, 0, 0);
		host_call_checked(KCORE_HC_VERSION, 0, 0, 0, 0, 0);
		break;
	case 36:
		host_call_checked(rnd(20), 0, 0, 0, 0, 0);
		break;
	case 37:
		host_call_checked(KCORE_HC_VM_FINALISE_SIGNED, new_private_vm(), one_in(8) ? any_ipa() : MEMORY_BASE, MEMORY_BYTES, 0, 0);
		break;
	case 38:
	case 39:
		vm = waiting_vm();
		host_call_checked(KCORE_HC_VM_DONATE, vm, MEMORY_BASE, any_page(), 0, 0);
		host_call_checked(KCORE_HC_VM_MEASURE, vm, one_in(3) ? any_ipa() : MEMORY_BASE, 0, 0, 0);
		break;
	case 40:
		vm = waiting_vm();
		if (vm < KCORE_NR_VMS && cells.vcpu_state[vm * 16] != VCPU_FREE && !one_in(4))
			sign_measurement(vm, 0);
		host_call_checked(KCORE_HC_VM_START, vm, 0, 0, 0, 0);
		host_call_checked(KCORE_HC_VM_QUOTE, vm, rnd(50), 0, 0, 0);
		host_call_checked(KCORE_HC_VM_MEASUREMENT, vm, rnd(80), 0, 0, 0);
		break;
	default:
		host_call_checked(KCORE_FN_BASE + rnd(30), any_vcpu(), any_page(), any_ipa(), any_bytes(), rnd(20));
	}
}

static void random_host_event(void)
{
	static const u64 smc[] = { 0x84000000UL, 0xc4000001UL, 0x84000002UL, 0xc4000003UL, 0x8400000aUL, 0xc400000eUL, 0x80000000UL };
	static const u64 classes[] = { EC_FP, 0x19, 0x1d, 0, 0x18 };
	u64 pa = any_page() & ~0xfffUL;

	switch (rnd(8)) {
	case 0:
		fake.smc_result = ~2UL;
		host_smc_call(smc[rnd(7)], rnd(2) ? rnd(5) : 0x10000, rnd(1UL << 32), rnd(9));
		break;
	case 1:
		host_sync(ESR(classes[rnd(5)], 0), 0, 0);
		break;
	case 2:
	case 3:						/* the host writes wherever it can reach */
		if (is_dram(pa) && translate(HOST, pa).valid)
			poke(pa + rnd(512) * 8, rnd(1UL << 31));
		break;
	default:
		host_faults++;
		if (!in_hook && one_in(4))
			at_release(1, other_cpu);
		host_fault(one_in(4) ? EC_IABT : EC_DABT, one_in(6) ? rnd(512) : FSC_TRANSLATION, rnd(1UL << 31), pa);
		fake.release_hook = in_hook ? fake.release_hook : NULL;
	}
}

/* ---- guests -------------------------------------------------------------------------------------------------------- */
static void dirty_registers(struct fake_cpu *c)
{
	for (u64 i = 16; i < 31; i++)
		c->guest.x[i] = SECRET + rnd(1UL << 31);
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		if (i != EL1_vbar_el1 && i != EL1_sctlr_el1)
			c->el1[i] = SECRET + rnd(1UL << 31);
	if (cells.cpu_fp[fake.cpu])
		for (u64 i = 0; i < 66; i++)
			c->fp[i] = SECRET + rnd(1UL << 31);
}

static u64 guest_writes_for;

static void write_private(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	(void)vm;
	(void)ipa;
	(void)bytes;
	if (guest_writes_for-- == 0)
		poke(t.pa + rnd(512) * 8, SECRET + rnd(1UL << 31));
}

static void random_guest_event(void)
{
	static const u64 psci[] = { 0x84000000UL, 0xc4000003UL, 0xc4000003UL, 0x84000002UL, 0xc4000004UL, 0x84000008UL, 0x8400000aUL, 0xc6004b00UL,
				    0xc6000007UL };
	static const u64 classes[] = { EC_WFX, EC_HVC, EC_HVC, EC_SMC, EC_SYSREG, EC_SYSREG, EC_DABT, EC_DABT, EC_DABT, EC_IABT, EC_FP, EC_FP, 0x19, 0x3c };
	static const u64 registers[] = { 0x3a3016UL, 0x3e3016UL, 0x320002UL, 0x30000aUL, 0x1c1c0cUL, 0x3a3018UL, 0x000004UL };
	struct fake_cpu *c = this_cpu();
	u64 vcpu = cells.cpu_vcpu[fake.cpu], vm = vcpu / 16, ec = classes[rnd(14)], iss = rnd(1UL << 25);

	if (cells.vm_type[vm] == KCORE_VM_PROTECTED) {
		dirty_registers(c);
		if (cells.vm_pages[vm] != 0) {
			guest_writes_for = rnd(cells.vm_pages[vm]);
			each_leaf(vm, write_private);
		}
	}
	for (u64 i = 0; i < 16; i++)
		c->guest.x[i] = rnd(1UL << 31);
	c->guest.pstate = c->hcr & KCORE_HCR_RW ? one_in(4) ? 0 : 5 : one_in(4) ? 0x10 : 0x13;
	c->par = rnd(1UL << 31);
	iss &= ~0x100000UL;				/* the named register is one of x0..x15, or 31 */
	if (ec == EC_HVC) {
		c->guest.x[0] = psci[rnd(9)];
		c->guest.x[1] = rnd(4);
		c->guest.x[2] = rnd(100) * 4;
		if (c->guest.x[0] == 0xc6000007UL) {	/* MMIO guard */
			c->guest.x[1] = any_ipa();
			c->guest.x[2] = c->guest.x[3] = 0;
		}
	}
	if (ec == EC_SYSREG)
		iss = registers[rnd(7)] | rnd(16) << 5 | rnd(2);
	if (ec == EC_DABT && rnd(2))
		iss = (iss & ~0x3fUL) | FSC_TRANSLATION;
	if (!in_hook && one_in(6))
		at_release(1, other_cpu);
	guest_exits++;
	if (one_in(3))
		guest_leave(1 + rnd(2), 0, 0, 0);
	else
		guest_leave(0, ESR(ec, iss), rnd(1UL << 31), any_ipa() >> 12 << 4 & 0xfffffffff0UL);
	fake.release_hook = in_hook ? fake.release_hook : NULL;
}

/* A vCPU that could be loaded, or one that couldn't. */
static u64 idle_vcpu(void)
{
	u64 first = rnd(7 * 16);

	for (u64 i = 0; i < 7 * 16; i++) {
		u64 vcpu = (first + i) % (7 * 16);

		if (cells.vcpu_state[vcpu] == VCPU_READY && cells.vm_state[vcpu / 16] == VM_READY)
			return vcpu;
	}
	return any_vcpu();
}

static void random_event(void)
{
	u64 mine = cells.cpu_vcpu[fake.cpu];

	if (this_cpu()->in_guest)
		random_guest_event();
	else if (mine != NO_VCPU && rnd(2))
		random_run(mine);
	else if (mine == NO_VCPU && one_in(3))
		host_call_checked(KCORE_HC_VCPU_LOAD, idle_vcpu(), 0, 0, 0, 0);
	else if (one_in(4))
		random_host_event();
	else
		random_call();
}

/* Between two critical sections of this CPU: a whole event on another one. */
static void other_cpu(void)
{
	interleaved++;
	in_hook = true;
	on_cpu((fake.cpu + 1 + rnd(FAKE_CPUS - 1)) % FAKE_CPUS);
	random_event();
	in_hook = false;
}

/* ---- secrets --------------------------------------------------------------------------------------------------------- */
static void check_word(u64 w, const char *where, u64 at)
{
	if ((w & SECRET_MASK) == SECRET)
		fail_msg("a secret of a protected guest in %s %#lx: %#lx", where, at, w);
}

static void check_secrets(void)
{
	static const u64 ranges[][2] = { { DRAM0_BASE, DRAM0_END }, { DRAM1_BASE, DRAM1_END }, { DRAM2_BASE, DRAM2_END } };

	for (u64 i = 0; i < 3; i++)
		for (u64 pa = ranges[i][0]; pa < ranges[i][1]; pa += 4096)
			for (u64 o = 0; owner_of(pa) == OWNER_HOST && page_exists(pa) && o < 4096; o += 8) {
				check_word(peek(pa + o), "the host's page", pa + o);
				check_word(peek_coherent(pa + o), "the host's page, uncached,", pa + o);
			}
	for (u64 n = 0; n < FAKE_CPUS; n++) {
		struct fake_cpu *c = &fake.cpus[n];

		for (u64 i = 0; i < 31; i++)
			check_word(c->x[i], "the host's register", i);
		for (u64 i = 0; !c->in_guest && i < KCORE_NR_SYSREGS; i++)
			check_word(c->el1[i], "the host's EL1 register", i);
		for (u64 i = 0; !(c->cptr & 0x400) && !c->in_guest && i < 66; i++)
			check_word(c->fp[i], "FP register", i);
	}
}

static void drain(void)
{
	u64 r;

	for (u64 n = 0; n < FAKE_CPUS; n++) {
		on_cpu(n);
		if (this_cpu()->in_guest)
			guest_leave(1, 0, 0, 0);
		if (cells.cpu_vcpu[n] != NO_VCPU)
			eq(call(VCPU_PUT), 0);
	}
	for (u64 vm = 1; vm < KCORE_NR_VMS; vm++) {
		if (cells.vm_state[vm] == VM_FREE)
			continue;
		eq(call(VM_DESTROY_BEGIN, vm), 0);
		do {
			r = call(VM_DESTROY_STEP, vm);
		} while (r == KCORE_EAGAIN);
		eq(r, 0);
		for (u64 i = 0; i < 16; i++)
			if (cells.vcpu_state[vm * 16 + i] != VCPU_FREE)
				eq(call(VCPU_DESTROY, vm * 16 + i), 0);
		eq(call(VM_DESTROY_END, vm), 0);
	}
	check_invariant();
	check_secrets();
	eq(cells.pages_vm + cells.vms_alive + cells.vcpus_alive, 0);
	eq(cells.pool_free + cells.vm_tables[HOST], cells.pool_pages);
}

static void random_events(void **state)
{
	struct fake_config config = { .pool_pages = 90, .pool_reserve = 20, .ras = 1, .profiling = 3, .aarch32 = AARCH32_EL1 };

	(void)state;
	config.keys = installed_keys(1, (const u64[]){ 0 });
	config.keys.seed[0] = 1;
	print_message("# random test: seed %lu, %lu events\n", random_seed, random_calls);
	fake_start(&config);
	memset(results, 0, sizeof(results));
	entries = guest_exits = interleaved = host_faults = 0;
	in_hook = false;
	state_of_random = random_seed * 0x9e3779b97f4a7c15UL | 1;
	for (u64 i = 0; i < random_calls; i++) {
		on_cpu(rnd(FAKE_CPUS));
		random_event();
		if (i % 16 == 0)
			check_invariant();
		if (i % 64 == 0)
			check_secrets();
		if (i % 10000 == 9999)
			drain();
	}
	drain();
	print_message("# %lu entries, %lu guest exits, %lu host faults, %lu events between sections of another call\n", entries,
		      guest_exits, host_faults, interleaved);
	if (random_calls < 5000)
		return;
	for (u64 nr = 0; nr < NR_CALLS; nr++)			/* each call was seen to succeed, and to fail if it can */
		if (results[nr][0] == 0 || (results[nr][1] == 0 && nr != 0 && nr != 25))
			fail_msg("call %lu: %lu successes, %lu errors", nr, results[nr][0], results[nr][1]);
	assert_true(entries > random_calls / 50 && guest_exits > random_calls / 50);
	assert_true(host_faults > random_calls / 50 && interleaved > random_calls / 100);
}

SUITE(random, TEST(random_events))
