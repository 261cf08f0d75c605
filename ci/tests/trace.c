// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace CALLS [SEED]: random calls of the host, by the test driver, written down with what KCore answered, for tools/oracle/oracle --trace, which
 * asks the top machine of the proof the same.  State is read back by calls too: PAGE_STATE, STATS_READ, LOG_READ, INFO.
 * No guest runs: what it does between two traps is not known here.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver.h"
#include "tap.h"

#define PAGES		24
#define BLOCK		0x200000UL
#define MEMORY		0x80000000UL
#define IPA_LIMIT	(1UL << KCORE_IPA_BITS)

static u64 pages[PAGES], block, first_log, made, errors;
static u64 state = 1;

static u64 rnd(u64 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state * 0x2545f4914f6cdd1dUL >> 24) % n;
}
#define PICK(...) ({ const u64 from_[] = { __VA_ARGS__ }; from_[rnd(sizeof(from_) / sizeof(from_[0]))]; })

static u64 call(u64 fn, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	struct kcore_test_call k = { .kind = KCORE_TEST_CALL_HVC, .x = { fn, a, b, c, d, e } };

	driver_call(&k);
	printf("O %lx %lx %lx %lx %lx %lx = %lx %lx %lx %lx\n", fn, a, b, c, d, e, (u64)k.x[0], (u64)k.x[1],
	       (u64)k.x[2], (u64)k.x[3]);
	made++;
	errors += is_error(k.x[0]);
	return k.x[0];
}
#define CALL_(name, a, b, c, d, e, ...) call(KCORE_HC_##name, a, b, c, d, e)
#define CALL(name, ...) CALL_(name, ##__VA_ARGS__, 0, 0, 0, 0, 0)

static u64 any_vm(void)
{
	return rnd(24) ? 1 + rnd(5) : PICK(0, 256, 255, 1UL << 32, ~0UL);
}

static u64 any_vcpu(void)
{
	return rnd(30) ? any_vm() * 16 + rnd(3) : PICK(0, 4095, 4096, ~0UL);
}

/* Pages of this program's only, or what KCore has to refuse */
static u64 any_page(void)
{
	const struct kcore_test_info *i = driver_info();

	if (rnd(10))
		return rnd(5) ? pages[rnd(PAGES)] : block + rnd(512) * 0x1000;
	return PICK(i->region_base, i->region_base + i->region_size - 0x1000, 0x9000000, i->dram_end, IPA_LIMIT, ~0xfffUL, pages[0] + 8);
}

static u64 any_ipa(void)
{
	if (rnd(10))
		return MEMORY + rnd(16) * 0x1000 + rnd(2) * BLOCK;
	return PICK(IPA_LIMIT, ~0xfffUL, 4, IPA_LIMIT - 0x1000, MEMORY + BLOCK, 0);
}

static u64 any_bytes(void)
{
	return rnd(100) ? PICK(0x1000, 0x1000, 0x3000, BLOCK, 0, 0x800, ~0UL) : PICK(1UL << 30, IPA_LIMIT);
}

static void any_call(void)
{
	u64 vm = any_vm();

	switch (rnd(30)) {
	case 0: CALL(VM_CREATE, rnd(20) ? rnd(2) : rnd(99)); break;
	case 1:
	case 2: CALL(VCPU_CREATE, vm, rnd(3), any_page()); break;
	case 3: CALL(VM_FINALISE, vm, rnd(9) ? MEMORY : any_ipa(), rnd(9) ? 64 * BLOCK : any_bytes()); break;
	case 4: CALL(VCPU_LOAD, any_vcpu()); break;
	case 5:
	case 6: CALL(VCPU_PUT); break;
	case 7 ... 10: CALL(VM_DONATE, vm, any_ipa(), any_page()); break;
	case 11 ... 14: {
		u64 bytes = rnd(3) ? 0x1000 : BLOCK, pa = bytes == BLOCK && rnd(4) ? block : any_page();

		CALL(VM_MAP, vm, bytes == BLOCK && rnd(4) ? MEMORY + rnd(3) * BLOCK : any_ipa(), pa, rnd(20) ? bytes : any_bytes(), rnd(9) ? rnd(8) : rnd(18));
		break;
	}
	case 15: CALL(VM_UNMAP, vm, any_ipa(), any_bytes()); break;
	case 16: CALL(VM_WRPROTECT, vm, any_ipa(), any_bytes()); break;
	case 17: CALL(VM_AGE, vm, any_ipa(), any_bytes()); break;
	case 18: CALL(VM_DESTROY_BEGIN, vm); break;
	case 19 ... 21: CALL(VM_DESTROY_STEP, vm); break;
	case 22: CALL(VM_DESTROY_END, vm); break;
	case 23: CALL(VCPU_DESTROY, any_vcpu()); break;
	case 24: CALL(STATS_READ, rnd(26)); break;
	case 25: CALL(INFO, rnd(7)); break;
	case 26: CALL(LOG_READ, first_log + rnd(made / 4 + 2)); break;
	case 27: CALL(VGIC_VMCR_READ); CALL(VERSION); break;
	case 28: call(PICK(0, 1, 2, 4, 15, KCORE_FN(22), KCORE_FN(200), 16), 0, 0, 0, 0, 0); break;
	default: CALL(PAGE_STATE, any_page()); CALL(TLB_FLUSH_LOCAL, vm);
	}
}

/* All that the host can ask of what there is. */
static void read_back(void)
{
	for (u64 i = 0; i < PAGES; i++)
		CALL(PAGE_STATE, pages[i]);
	for (u64 i = 0; i < 4; i++)
		CALL(PAGE_STATE, block + rnd(512) * 0x1000);
	for (u64 i = 0; i < KCORE_NR_STATS; i++)
		CALL(STATS_READ, i);
}

static void end_all(void)
{
	u64 r;

	CALL(VCPU_PUT);
	for (u64 vm = 1; vm < KCORE_NR_VMS; vm++) {
		if (CALL(VM_DESTROY_BEGIN, vm) != 0)
			continue;
		do
			r = CALL(VM_DESTROY_STEP, vm);
		while (r == KCORE_EAGAIN);
		for (u64 i = 0; i < 16; i++)
			CALL(VCPU_DESTROY, vm * 16 + i);
		CALL(VM_DESTROY_END, vm);
	}
	read_back();
}

/* ICH_VMCR_EL2 of this CPU, as the last vCPU left it: a vCPU without system registers has it as it is. */
static u64 vmcr_left(void)
{
	u64 vm = HC(VM_CREATE, KCORE_VM_NORMAL), vcpu = HC(VCPU_CREATE, vm, 0, pages[0]), v;

	if (is_error(vm) || is_error(vcpu) || HC(VM_FINALISE, vm, 0, 0) || HC(VCPU_LOAD, vcpu))
		give_up("no vCPU can be loaded here");
	v = HC(VGIC_VMCR_READ);
	HC(VCPU_PUT);
	HC(VM_DESTROY_BEGIN, vm);
	while (HC(VM_DESTROY_STEP, vm) == KCORE_EAGAIN)
		;
	HC(VCPU_DESTROY, vcpu);
	if (HC(VM_DESTROY_END, vm))
		give_up("the VM does not end");
	return is_error(v) ? 0 : v;
}

int main(int argc, char **argv)
{
	const struct kcore_test_info *info;
	static char buffer[1 << 16];
	u64 calls = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000;
	cpu_set_t one;
	u64 vmcr;

	state = argc > 2 ? strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15UL | 1 : 1;
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		perror("trace: sched_setaffinity");
		return 3;
	}
	driver_open();
	info = driver_info();
	for (u64 i = 0; i < PAGES; i++)
		pages[i] = page_alloc(0);
	block = page_alloc(9);
	vmcr = vmcr_left();
	while (HC(LOG_READ, first_log) != KCORE_EAGAIN)
		first_log++;
	printf("\nORACLE machine %lx %lx %lx %lx log %lx\n", (u64)info->region_base, (u64)info->region_size,
	       (u64)info->dram_start, (u64)info->dram_end, first_log);
	printf("ORACLE vmcr %lx\n", vmcr);
	for (u64 i = 0; i < KCORE_INFO_NR; i++)
		printf("ORACLE info %lx %lx\n", i, HC(INFO, i));
	for (u64 i = 0; i < KCORE_NR_STATS; i++)
		printf("ORACLE stat %lx %lx\n", i, HC(STATS_READ, i));
	/* the last call before the trace: the counter of calls without this one */
	printf("ORACLE calls %lx\n", HC(STATS_READ, KCORE_STAT_host_call));
	while (made < calls) {
		for (u64 i = 0; i < 200; i++)
			any_call();
		read_back();
	}
	end_all();
	printf("ORACLE end %lx %lx\n", made, errors);
	fflush(stdout);
	return 0;
}
