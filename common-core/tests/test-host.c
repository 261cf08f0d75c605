/* SPDX-License-Identifier: GPL-2.0-only */
/* host.c and the aborts of trap.c */
#include "helper.h"

#define VA	0xffff000012345678UL

static u64 touch(u64 ipa)
{
	return host_fault(EC_DABT, FSC_TRANSLATION, VA, ipa);
}

static void host_block(void **state)
{
	struct translation t;

	(void)state;
	assert_false(host_reaches(FREE_BLOCK));
	eq(touch(FREE_BLOCK + 0x1234), 1);
	t = translate(HOST, FREE_BLOCK + 0x1ff008);
	assert_true(t.valid && t.r && t.w && t.x && !t.device);
	eq(t.level, 2);
	eq(t.pa, FREE_BLOCK + 0x1ff008);
	eq(touch(FREE_BLOCK), 1);			/* there already: try again */
	check_invariant();
	eq(call(STATS_READ, KCORE_STAT_host_fault), 2);
	eq(call(STATS_READ, KCORE_STAT_host_injected), 0);
}

static void host_pages_where_a_block_is_not_whole(void **state)
{
	(void)state;
	eq(touch(DRAM0_END - 4096), 1);			/* the block spans two regions */
	eq(translate(HOST, DRAM0_END - 4096).level, 3);
	assert_false(translate(HOST, DRAM0_END).valid);
	eq(touch(DRAM1_BASE), 1);
	eq(translate(HOST, DRAM1_BASE).level, 3);
	eq(touch(DRAM2_END - 4096), 1);			/* the region ends in the block */
	eq(translate(HOST, DRAM2_END - 4096).level, 3);
	eq(touch(DRAM2_END), 1);			/* no DRAM: a device, in the same block */
	assert_true(translate(HOST, DRAM2_END).valid && !translate(HOST, DRAM2_END).x);
	check_invariant();
}

static void host_devices_by_rule(void **state)
{
	(void)state;
	eq(touch(DEVICE + 0x18), 1);
	eq(translate(HOST, DEVICE).level, 2);
	assert_false(translate(HOST, DEVICE).x);
	eq(touch(DENIED0_BASE - 4096), 1);		/* shares its block with a denied range */
	eq(translate(HOST, DENIED0_BASE - 4096).level, 3);
	eq(touch(DENIED0_BASE), 0);
	eq(touch(DENIED0_END - 4096), 0);
	eq(touch(DENIED0_END), 1);
	eq(touch(DENIED1_BASE), 0);
	eq(touch(DENIED1_END - 4096), 0);
	eq(touch(DENIED1_END), 1);
	eq(touch(IPA_END - 4096), 1);
	check_invariant();
	eq(touch(IPA_END), 0);
	eq(touch(1UL << 47), 0);
	check_invariant();
}

static void host_never_reaches_the_core(void **state)
{
	(void)state;
	for (u64 pa = REGION_BASE; pa < REGION_END; pa += 0x35000)
		eq(touch(pa & ~0xfffUL), 0);
	eq(touch(REGION_BASE - 4096), 1);
	eq(touch(REGION_END - 4096), 0);
	eq(touch(REGION_END), 1);
	check_invariant();
}

static void inject_into(u64 pstate, u64 ec, u64 iss, u64 vector, u64 esr)
{
	struct fake_cpu *c = this_cpu();
	u64 pc = 0x401234;

	c->pc = pc;
	c->pstate = pstate;
	c->el1[EL1_sctlr_el1] = 0x30d0591dUL | 1UL << 23;	/* SPAN */
	eq(host_fault(ec, iss, VA, REGION_BASE), 0);
	eq(c->pc, c->el1[EL1_vbar_el1] + vector);
	eq(c->pstate, (pstate & 0xf1400000UL) | 0x3c5);		/* NZCV, DIT, PAN kept; EL1h, DAIF */
	eq(c->el1[EL1_elr_el1], pc);
	eq(c->el1[EL1_spsr_el1], pstate);
	eq(c->el1[EL1_esr_el1], esr);
	eq(c->el1[EL1_far_el1], VA);
}

static void host_refusal_is_an_alignment_fault(void **state)
{
	(void)state;
	inject_into(0x80000005UL, EC_DABT, FSC_TRANSLATION, 0x200, 0x25UL << 26 | ESR_IL | 0x21);
	inject_into(0x60400005UL, EC_DABT, FSC_TRANSLATION | 0x40, 0x200, 0x25UL << 26 | ESR_IL | 0x61);
	inject_into(0x4UL, EC_IABT, FSC_TRANSLATION | 0x40, 0, 0x21UL << 26 | ESR_IL | 0x21);
	inject_into(0x21000000UL, EC_DABT, FSC_TRANSLATION | 0x80, 0x400, 0x24UL << 26 | ESR_IL | 0x21);
	inject_into(0x80000010UL, EC_DABT, FSC_TRANSLATION, 0x600, 0x24UL << 26 | ESR_IL | 0x21);
	eq(call(STATS_READ, KCORE_STAT_host_injected), 5);
	/* SPAN clear: PAN is set in the handler */
	this_cpu()->pstate = 5;
	this_cpu()->el1[EL1_sctlr_el1] &= ~(1UL << 23);
	eq(host_fault(EC_DABT, FSC_TRANSLATION, VA, REGION_BASE), 0);
	eq(this_cpu()->pstate, 0x4003c5);
	eq(call(LOG_READ, 0), 0);
	eq(this_cpu()->x[1], LOG_HOST_REFUSED);
	eq(this_cpu()->x[2], REGION_BASE | (VA & 0xfff));
}

static void host_only_translation_faults_map(void **state)
{
	(void)state;
	for (u64 fsc = 0; fsc < 64; fsc++) {
		fake_setup(NULL);
		eq(host_fault(EC_DABT, fsc, VA, FREE_BLOCK), fsc >= 4 && fsc <= 7);
		assert_true(host_reaches(FREE_BLOCK) == (fsc >= 4 && fsc <= 7));
		check_invariant();
	}
	eq(touch(FREE_BLOCK), 1);
	eq(host_fault(EC_IABT, FSC_PERMISSION, VA, FREE_BLOCK), 0);
	check_invariant();
}

static void host_cache_maintenance_is_skipped(void **state)
{
	struct fake_cpu *c = this_cpu();
	u64 pc = c->pc;

	(void)state;
	eq(host_fault(EC_DABT, FSC_TRANSLATION | 0x140, VA, REGION_BASE), 0);
	eq(c->pc, pc + 4);
	eq(c->pstate, 5);
	eq(call(STATS_READ, KCORE_STAT_host_injected), 0);
	eq(host_fault(EC_DABT, FSC_TRANSLATION | 0x140, VA, FREE_BLOCK), 1);
	c->pc = pc;					/* bit 8 of an instruction abort is no CM */
	eq(host_fault(EC_IABT, FSC_TRANSLATION | 0x100, VA, REGION_BASE), 0);
	eq(call(STATS_READ, KCORE_STAT_host_injected), 1);
}

static void host_out_of_tables(void **state)
{
	(void)state;
	start_small(0, 1);
	eq(touch(0x3000000000UL), 1);
	eq(touch(FREE_BLOCK), 0);			/* no table for this GiB */
	eq(touch(0x3000200000UL), 1);
	eq(touch(DRAM0_BASE), 0);
	check_invariant();
	start_small(0, 1);
	eq(touch(DRAM0_END), 0);			/* level 2, but not level 3 */
	check_invariant();
	eq(touch(DRAM0_BASE), 1);
}

/* A page that was taken away leaves pages; they are filled one by one, never again as a block. */
static void host_block_comes_apart(void **state)
{
	u64 vm = protected_vm(1);

	(void)state;
	eq(touch(FREE_BLOCK), 1);
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK + 0x7000), 0);
	eq(translate(HOST, FREE_BLOCK).level, 3);
	assert_false(translate(HOST, FREE_BLOCK + 0x7000).valid);
	eq(touch(FREE_BLOCK + 0x7000), 0);
	check_invariant();
	destroy(vm);
	eq(touch(FREE_BLOCK + 0x7000), 1);
	eq(translate(HOST, FREE_BLOCK + 0x7000).level, 3);
	check_invariant();
}

static void host_block_next_to_private_pages(void **state)
{
	u64 vm = protected_vm(1);

	(void)state;
	eq(call(VM_DONATE, vm, MEMORY_BASE, FREE_BLOCK + 0x7000), 0);	/* the host never touched the block */
	eq(touch(FREE_BLOCK), 1);
	eq(translate(HOST, FREE_BLOCK).level, 3);
	eq(touch(FREE_BLOCK + 0x7000), 0);
	check_invariant();
}

SUITE(host,
      TEST(host_block), TEST(host_pages_where_a_block_is_not_whole), TEST(host_devices_by_rule), TEST(host_never_reaches_the_core),
      TEST(host_refusal_is_an_alignment_fault), TEST(host_only_translation_faults_map), TEST(host_cache_maintenance_is_skipped),
      TEST(host_out_of_tables), TEST(host_block_comes_apart), TEST(host_block_next_to_private_pages))
