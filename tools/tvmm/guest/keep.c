// SPDX-License-Identifier: GPL-2.0-only
/* The register keeper: fills x, v and system registers, exits, and compares. */
#include "guest.h"

#define SYSREGS(X) \
	X(0, csselr_el1) X(1, ttbr0_el1) X(2, ttbr1_el1) X(3, tcr_el1) X(4, esr_el1) X(5, afsr0_el1) \
	X(6, afsr1_el1) X(7, far_el1) X(8, mair_el1) X(9, contextidr_el1) X(10, amair_el1) \
	X(11, cntkctl_el1) X(12, par_el1) X(13, tpidr_el1) X(14, tpidr_el0) X(15, tpidrro_el0) \
	X(16, elr_el1) X(17, spsr_el1) X(18, sp_el0) X(19, vbar_el1) X(20, cpacr_el1) X(21, sctlr_el1)
#define NR_SYSREGS 22
#define KEPT 19		/* from here on they are not changed, only compared */

struct keep {			/* keep_round.S knows these offsets */
	u64 x[32];		/* 0: x0..x30, NZCV */
	u64 v[64];		/* 256 */
	u64 fpsr, fpcr;		/* 768 */
	u64 after_x[32];	/* 784 */
	u64 after_v[64];	/* 1040 */
	u64 after_fpsr, after_fpcr; /* 1552 */
};

void keep_round_mmio_read(struct keep *k);
void keep_round_mmio_write(struct keep *k);
void keep_round_id(struct keep *k);
void keep_round_hvc(struct keep *k);
void keep_round_fault(struct keep *k);

static u64 read_sys(int i)
{
	u64 v = 0;

#define X(n, name) if (i == n) asm volatile("mrs %0, " #name : "=r"(v));
	SYSREGS(X)
#undef X
	return v;
}

static void write_sys(int i, u64 v)
{
#define X(n, name) if (i == n) asm volatile("msr " #name ", %0\n\tisb" : : "r"(v));
	SYSREGS(X)
#undef X
}

u64 keep_registers(u64 rounds, u64 salt)
{
	static void (*const round[])(struct keep *) = {
		keep_round_mmio_read, keep_round_mmio_write, keep_round_id, keep_round_hvc, keep_round_fault,
	};
	/* registers that the kind of exit may write */
	static const u64 may_change[] = { 1UL << 29, 0, 1UL << 28, 0xf, 1UL << 28 };
	static struct keep k __attribute__((aligned(16)));	/* MMU off: no unaligned accesses */
	static u64 fresh = RAM_BASE + 0x800000;
	u64 saved[NR_SYSREGS], want[NR_SYSREGS], bad = 0;

	for (int i = 0; i < NR_SYSREGS; i++) {
		saved[i] = read_sys(i);
		if (i < KEPT)	/* small values: TCR and MAIR are looked at only with the MMU on */
			write_sys(i, pattern((u64)i, salt) & 0xfffff000UL);
		want[i] = read_sys(i);
	}
	for (u64 n = 0; n < rounds; n++) {
		u64 kind = n % 5;

		for (u64 i = 0; i < 31; i++)
			k.x[i] = pattern(n * 64 + i, salt);
		for (u64 i = 0; i < 64; i++)
			k.v[i] = pattern(n * 64 + i, ~salt);
		k.x[30] = TESTDEV_BASE;
		k.x[31] = (n & 15) << 28;
		k.fpsr = n & 0x1f;
		k.fpcr = (n & 3) << 22;
		if (kind == 3)
			k.x[0] = PSCI_VERSION;
		if (kind == 4) {
			k.x[27] = fresh;
			fresh += 4096;
			if (fresh == RAM_BASE + 0xf00000)	/* 15 MiB: start over, without faults then */
				fresh = RAM_BASE + 0x800000;
		}
		round[kind](&k);
		for (u64 i = 0; i < 32; i++)
			if (k.x[i] != k.after_x[i] && !(may_change[kind] >> i & 1))
				bad |= 1UL << i;
		for (u64 i = 0; i < 64; i++)
			if (k.v[i] != k.after_v[i])
				bad |= 1UL << 32;
		if (k.fpsr != k.after_fpsr || k.fpcr != k.after_fpcr)
			bad |= 1UL << 33;
		for (int i = 0; i < NR_SYSREGS; i++)
			if (read_sys(i) != want[i])
				bad |= 1UL << (40 + i);
	}
	for (int i = 0; i < KEPT; i++)
		write_sys(i, saved[i]);
	return bad;
}
