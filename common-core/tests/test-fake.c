/* SPDX-License-Identifier: GPL-2.0-only */
/* The fake's own checks: each of them fires on the mistake that it is there for. */
#include "helper.h"

#define LEAF(pa)	((pa) | 0x7ff)			/* level 3, RW, Normal, AF */

static u64 vm, root, table;

/* A normal VM with one page at IPA 0; the lock held. */
static void one_page(void)
{
	vm = normal_vm(0);
	eq(call(VM_MAP, vm, 0, FREE_PAGE, 4096, 3), 0);
	lock_acquire();
	root = s2_root(vm);
	table = s2_entry(vm, 0, 3);
}

static void lock_discipline(void **state)
{
	(void)state;
	assert_violation(lock_release(), V_LOCK_FREE);
	lock_acquire();
	assert_violation(lock_acquire(), V_LOCK_TWICE);
	assert_violation(check_at_rest(), V_LOCK_LEFT);
	on_cpu(1);
	assert_violation(lock_acquire(), V_LOCK_TWICE);
	assert_violation(lock_release(), V_LOCK_OTHER);
	assert_violation(set_page_owner(0, 1), V_CELL_UNLOCKED);
	on_cpu(0);
	lock_release();
	check_at_rest();
}

static void cell_discipline(void **state)
{
	(void)state;
	assert_violation(set_page_owner(0, 1), V_CELL_UNLOCKED);
	assert_violation(set_page_maps(0, 1), V_CELL_UNLOCKED);
	assert_violation(set_vm_state(1, 1), V_CELL_UNLOCKED);
	assert_violation(set_pool_free(1), V_CELL_UNLOCKED);
	assert_violation(set_vcpu_pending(1, 1), V_CELL_OTHER_CPU);
	assert_violation(set_cpu_fp(1, 1), V_CELL_OTHER_CPU);
	assert_violation(stat_add(2, 0), V_CELL_OTHER_CPU);
	assert_violation(set_last_vcpu(1, 1), V_CELL_OTHER_CPU);
	lock_acquire();
	set_vcpu_pending(1, 1);
	lock_release();
	assert_violation(get_vm_state(KCORE_NR_VMS), V_CELL_INDEX);
	assert_violation(set_vm_state(~0UL, 0), V_CELL_INDEX);
	assert_violation(get_page_owner(FAKE_PAGES), V_CELL_INDEX);
	assert_violation(set_page_owner(FAKE_PAGES, 0), V_CELL_INDEX);
	assert_violation(get_page_maps(FAKE_PAGES), V_CELL_INDEX);
	assert_violation(set_page_maps(~0UL, 0), V_CELL_INDEX);
	assert_violation(get_cpu_stat(KCORE_MAX_CPUS * KCORE_NR_STATS), V_CELL_INDEX);
}

static void table_stores(void **state)
{
	(void)state;
	assert_violation(pt_store(cells.root_base, 0), V_PT_UNLOCKED);
	lock_acquire();
	assert_violation(pt_store(FREE_PAGE, 0), V_PT_ADDRESS);
	assert_violation(pt_store(REGION_BASE, 0), V_PT_ADDRESS);
	assert_violation(pt_store(cells.root_base + 4, 0), V_PT_ADDRESS);
	assert_violation(pt_load(FREE_PAGE), V_PT_ADDRESS);
}

static void break_before_make(void **state)
{
	(void)state;
	one_page();
	assert_violation(pt_store(table, LEAF(FREE_PAGE + 0x1000)), V_BREAK_BEFORE_MAKE);
	assert_violation(pt_store(table, LEAF(FREE_PAGE) & ~0x80UL), V_BREAK_BEFORE_MAKE);
	pt_store(table, 0);
	assert_violation(pt_store(table, LEAF(FREE_PAGE)), V_BREAK_BEFORE_MAKE);
	dsb_store();
	assert_violation(pt_store(table, LEAF(FREE_PAGE)), V_BREAK_BEFORE_MAKE);
	tlbi_ipa(s2_vttbr(vm), 0);
	assert_violation(pt_store(table, LEAF(FREE_PAGE)), V_BREAK_BEFORE_MAKE);
	dsb_tlbi();
	pt_store(table, LEAF(FREE_PAGE));
	dsb_store();
	lock_release();
	check_at_rest();
}

/* Each step of an invalidation is needed, in its order, for the right VM and address. */
static void invalidation_steps(void **state)
{
	u64 index = index_of(FREE_PAGE);

	(void)state;
	for (u64 leave_out = 0; leave_out < 6; leave_out++) {
		fake_setup(NULL);
		one_page();
		pt_store(table, 0);
		if (leave_out != 0)
			dsb_store();
		if (leave_out == 1)
			tlbi_ipa(s2_vttbr(vm), 0x1000);
		else if (leave_out == 2)
			tlbi_ipa(s2_vttbr(vm + 1), 0);
		else if (leave_out != 3)
			tlbi_ipa(s2_vttbr(vm), 0);
		if (leave_out != 4)
			dsb_tlbi();
		if (leave_out == 5) {
			set_page_maps(index, 0);
			lock_release();
			break;
		}
		assert_violation(set_page_maps(index, 0), V_MAPS_TLB);
		assert_violation(set_page_owner(index, 5), V_OWNER_TLB);
		assert_violation(lock_release(), V_TLB_INCOMPLETE);
		fake.lock_owner = -1;
		assert_violation(check_at_rest(), V_TLB_INCOMPLETE);
	}
	assert_violation(tlbi_ipa(0, 0), V_TLB_VTTBR);
	assert_violation(tlbi_vmid(s2_vttbr(1) ^ 1UL << 48), V_TLB_VTTBR);
	assert_violation(tlbi_local(~0UL), V_TLB_VTTBR);
}

static void many_broken_entries(void **state)
{
	(void)state;
	vm = normal_vm(0);
	for (u64 i = 0; i < 70; i++)
		eq(call(VM_MAP, vm, i * 4096, FREE_PAGE, 4096, 3), 0);
	lock_acquire();
	table = s2_entry(vm, 0, 3);
	for (u64 i = 0; i < 64; i++)
		pt_store(table + i * 8, 0);
	assert_violation(pt_store(table + 64 * 8, 0), V_TLB_INCOMPLETE);
}

static void table_life(void **state)
{
	u64 fresh, entry;

	(void)state;
	one_page();
	entry = s2_entry(vm, 0, 2);
	assert_violation(pt_store(entry, 0), V_TABLE_NOT_EMPTY);
	fresh = pool_alloc(vm);						/* zeroed by stores that nothing has ordered */
	assert_violation(pt_store(root + 8, fresh | 3), V_TABLE_UNORDERED);
	dsb_store();
	assert_violation(pt_store(root + 8, FREE_PAGE | 3), V_TABLE_TARGET);
	assert_violation(pt_store(root + 8, (table & ~0xfffUL) | 3), V_TABLE_TARGET);	/* in use as another table */
	pt_store(root + 8, fresh | 3);
	lock_release();
	assert_violation(check_at_rest(), V_TABLE_UNORDERED);
	lock_acquire();
	dsb_store();
	pt_store(root + 8, 0);
	dsb_store();
	tlbi_ipa(s2_vttbr(vm), GIB);					/* not enough for a table */
	dsb_tlbi();
	assert_violation(pt_store(fresh, 0), V_TABLE_REUSED);
	tlbi_vmid(s2_vttbr(vm));
	dsb_tlbi();
	pt_store(fresh, 0);
}

static void owners(void **state)
{
	u64 index = index_of(FREE_PAGE);

	(void)state;
	lock_acquire();
	assert_violation(set_page_owner(index_of(REGION_BASE), 1), V_OWNER_CORE);
	assert_violation(set_page_owner(index, OWNER_CORE), V_OWNER_CORE);
	assert_violation(set_page_maps(index, ~0UL), V_MAPS_WRAP);
	set_page_owner(index, 3);
	poke(FREE_PAGE + 0xff8, 1);
	assert_violation(set_page_owner(index, OWNER_HOST), V_OWNER_NOT_SCRUBBED);
	dcache_clean_inval_page(FREE_PAGE);
	page_zero(FREE_PAGE);
	assert_violation(set_page_owner(index, OWNER_HOST), V_OWNER_NOT_SCRUBBED);	/* zero in the cache only */
	dcache_clean_inval_page(FREE_PAGE);
	set_page_owner(index, OWNER_HOST);
	assert_violation(page_zero(FREE_PAGE), V_MEM_STORE);
	assert_violation(page_zero(REGION_BASE), V_MEM_STORE);
	assert_violation(page_zero(DEVICE), V_MEM_STORE);
	assert_violation(dcache_clean_inval_page(DEVICE), V_MEM_STORE);
	lock_release();
}

static void vcpu_pages(void **state)
{
	u64 v, page;

	(void)state;
	vm = protected_vm(1);
	v = vm * 16;
	page = cells.vcpu_page[v];
	assert_violation(page_load(FREE_PAGE, 0), V_PAGE_ACCESS);
	assert_violation(page_load(REGION_BASE, 0), V_PAGE_ACCESS);
	assert_violation(page_load(DEVICE, 0), V_PAGE_ACCESS);
	assert_violation(page_store(page, 4096, 0), V_PAGE_ACCESS);
	assert_violation(page_store(page, 4, 0), V_PAGE_ACCESS);
	this_cpu()->nr_fetched = 0;
	page_load(page, CTX_PC);
	page_load(page, CTX_PSTATE);
	assert_violation(page_load(page, CTX_PC), V_DOUBLE_FETCH);
	page_load(cells.vcpu_context[v], CTX_PC);
	page_load(cells.vcpu_context[v], CTX_PC);			/* KCore's own may be read again */
	this_cpu()->nr_fetched = 0;
	for (u64 i = 0; i < 64; i++)
		page_load(page, i * 8);
	assert_violation(page_load(page, 64 * 8), V_DOUBLE_FETCH);
	assert_violation(el1_save(FREE_PAGE), V_PAGE_ACCESS);
	assert_violation(el1_save(page), V_PAGE_ACCESS);
	assert_violation(el1_load(page), V_PAGE_ACCESS);
	assert_violation(idreg_read(3, 0), V_IDREG);
	assert_violation(idreg_read(8, 0), V_IDREG);
	assert_violation(idreg_read(4, 8), V_IDREG);
	assert_violation(host_x(31), V_HOST_FRAME);
	assert_violation(host_x_set(31, 0), V_HOST_FRAME);
}

static void fp_and_gic(void **state)
{
	u64 v, context;

	(void)state;
	vm = protected_vm(1);
	v = vm * 16;
	context = cells.vcpu_context[v];
	cptr_write(0x33ff | 0x400);
	assert_violation(fp_load(context), V_FP_TRAPPED);
	cptr_write(0x33ff);
	assert_violation(fp_clear(), V_FP_NO_ISB);
	isb();
	fp_clear();
	assert_violation(gic_lrs_save(cells.vcpu_page[v]), V_GIC_PAIRING);
	gic_lrs_load(cells.vcpu_page[v]);
	assert_violation(gic_lrs_load(cells.vcpu_page[v]), V_GIC_PAIRING);
	gic_lrs_save(cells.vcpu_page[v]);
	assert_violation(gic_state_load(context), V_GIC_PAIRING);
	cells.has_gicv3 = 0;
	assert_violation(gic_state_load(cells.vcpu_page[v]), V_GIC_PAIRING);
	assert_violation(profiling_stop(1), V_PROFILING);
	assert_violation(profiling_resume(1), V_PROFILING);
}

/* One register that a guest exit leaves behind at a time. */
static void guest_exit_leaves(void (*spoil)(struct fake_cpu *c), enum violation v)
{
	fake_setup(NULL);
	vm = normal_vm(1);
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(vcpu_run(vm * 16), RUN_ENTERED);
	eq(guest_trap(EC_FP, 0), RUN_ENTERED);
	spoil(this_cpu());
	assert_violation(guest_leave(1, 0, 0, 0), v);
}

static void bad_el1(struct fake_cpu *c)
{
	poke(c->host_context + CTX_SYS + EL1_tcr_el1 * 8, 1);
}

static void bad_fp(struct fake_cpu *c)
{
	(void)c;
	cells.cpu_fp[0] = 0;
}

static void bad_cntvoff(struct fake_cpu *c)
{
	c->cntvoff = 9;
	cells.vm_type[vm] = KCORE_VM_PROTECTED;
	cells.vcpu_context[vm * 16] = cells.pool_base + 4096 * 100;
}

static void bad_frame(struct fake_cpu *c)
{
	c->x[17] = 1;
}

static void bad_lrs(struct fake_cpu *c)
{
	c->lrs_loaded = false;
}

static void bad_state(struct fake_cpu *c)
{
	c->gic_loaded = false;
}

static void bad_profiling(struct fake_cpu *c)
{
	c->profiling_stopped = 1;
}

static void host_state_at_exit(void **state)
{
	(void)state;
	guest_exit_leaves(bad_el1, V_HOST_EL1);
	guest_exit_leaves(bad_fp, V_FP_VISIBLE);
	guest_exit_leaves(bad_cntvoff, V_HOST_CNTVOFF);
	guest_exit_leaves(bad_frame, V_HOST_FRAME);
	guest_exit_leaves(bad_lrs, V_GIC_PAIRING);
	guest_exit_leaves(bad_state, V_GIC_PAIRING);
	guest_exit_leaves(bad_profiling, V_PROFILING);
}

/* The host's own registers, one wrong at a time. */
static void host_state_at_rest(void **state)
{
	struct fake_cpu *c = this_cpu(), good = *c;

	(void)state;
#define WRONG(change, v) do { \
		*c = good; \
		change; \
		assert_violation(call(VERSION), v); \
	} while (0)
	WRONG(c->cptr |= 0x80000000UL, V_HOST_EL2);
	WRONG(c->cptr &= ~1UL, V_HOST_EL2);
	WRONG(c->fp_guest = true, V_FP_VISIBLE);
	WRONG(c->vttbr = s2_vttbr(1), V_HOST_EL2);
	WRONG(c->hcr &= ~1UL, V_HOST_EL2);
	WRONG(c->mdcr ^= 0x40, V_HOST_EL2);
	WRONG(c->zcr ^= 1, V_HOST_EL2);
	WRONG(c->cnthctl = 1, V_HOST_EL2);
	WRONG(c->vmpidr++, V_HOST_EL2);
	WRONG(c->guest_vectors = true, V_HOST_EL2);
	WRONG(c->cntvoff = 1, V_HOST_CNTVOFF);
	WRONG(c->a32_loaded = true, V_AARCH32);
	WRONG(c->lrs_loaded = true, V_GIC_PAIRING);
	WRONG(c->gic_loaded = true, V_GIC_PAIRING);
	WRONG(c->profiling_stopped = 1, V_PROFILING);
#undef WRONG
	*c = good;
	eq(call(VERSION), KCORE_ABI_VERSION);
}

/* The registers that a guest is entered with, one wrong at a time. */
static void guest_state_at_entry(void **state)
{
	struct fake_cpu *c = this_cpu(), good;

	(void)state;
	vm = protected_vm(1);
	eq(call(VCPU_LOAD, vm * 16), 0);
	eq(vcpu_run(vm * 16), RUN_ENTERED);
	good = *c;
#define WRONG(change, v) do { \
		*c = good; \
		change; \
		assert_violation(guest_trap(EC_SMC, 0), v); \
	} while (0)
	WRONG(c->vttbr = cells.root_base, V_GUEST_ENTRY);
	for (u64 bit = 0; bit < 64; bit++)
		if (0x4000008807d003bUL >> bit & 1)
			WRONG(c->hcr &= ~(1UL << bit), V_GUEST_ENTRY);
	WRONG(c->hcr |= KCORE_HCR_TID2, V_GUEST_ENTRY);
	WRONG(c->hcr |= KCORE_HCR_TVM, V_GUEST_ENTRY);
	WRONG(c->hcr |= KCORE_HCR_APK, V_GUEST_ENTRY);
	WRONG(c->hcr |= KCORE_HCR_API, V_GUEST_ENTRY);
	WRONG(c->hcr |= 1UL << 42, V_GUEST_ENTRY);
	WRONG(c->mdcr &= ~0x200UL, V_GUEST_ENTRY);
	WRONG(c->mdcr |= 0x80UL, V_GUEST_ENTRY);
	WRONG(c->mdcr |= KCORE_TRAP_DEBUG, V_GUEST_ENTRY);
	WRONG(c->cnthctl |= 2, V_GUEST_ENTRY);
	WRONG(c->cnthctl &= ~1UL, V_GUEST_ENTRY);
	WRONG(c->cptr &= ~0x400UL, V_GUEST_ENTRY);
	WRONG(c->cptr &= ~0x100UL, V_GUEST_ENTRY);
	WRONG(c->host_cptr = c->cptr &= ~0x500UL, V_GUEST_ENTRY);
	WRONG(c->zcr ^= 1, V_GUEST_ENTRY);
	WRONG(c->vmpidr++, V_GUEST_ENTRY);
	WRONG(c->a32_loaded = true, V_GUEST_ENTRY);
	WRONG((cells.has_aarch32 = AARCH32_EL1, c->a32_loaded = true, c->hcr &= ~KCORE_HCR_RW), V_GUEST_ENTRY);
	WRONG(c->cntvoff++, V_HOST_CNTVOFF);
	WRONG(c->lrs_loaded = false, V_GIC_PAIRING);
	WRONG(c->guest_vectors = false, V_GUEST_ENTRY);
	*c = good;
	eq(guest_trap(EC_SMC, 0), RUN_ENTERED);
}

/* A state that breaks the invariant, one thing at a time. */
static void invariant_breaks(void **state)
{
	struct snapshot *before;
	u64 normal, v, pa = FREE_BLOCK;

	(void)state;
	vm = protected_vm(1);
	normal = normal_vm(1);
	v = vm * 16;
	eq(call(VM_DONATE, vm, MEMORY_BASE, pa), 0);
	eq(call(VM_MAP, normal, 0, FREE_PAGE, 4096, 7), 0);
	eq(host_fault(EC_DABT, FSC_TRANSLATION, 0, pa + 0x1000), 1);
	check_invariant();
#define BROKEN(change, undo) do { \
		change; \
		assert_violation(check_invariant(), V_INVARIANT); \
		undo; \
		check_invariant(); \
	} while (0)
	BROKEN(page_owner_cells[index_of(pa)] = OWNER_HOST, page_owner_cells[index_of(pa)] = (u32)vm);
	BROKEN(page_owner_cells[index_of(pa + 0x1000)] = (u32)vm, page_owner_cells[index_of(pa + 0x1000)] = OWNER_HOST);
	BROKEN(page_owner_cells[index_of(pa)] = (u32)normal, page_owner_cells[index_of(pa)] = (u32)vm);
	BROKEN(page_owner_cells[index_of(REGION_BASE)] = OWNER_HOST, page_owner_cells[index_of(REGION_BASE)] = OWNER_CORE);
	BROKEN(page_owner_cells[index_of(FREE_PAGE)] = 77, page_owner_cells[index_of(FREE_PAGE)] = OWNER_HOST);
	BROKEN(page_maps_cells[index_of(FREE_PAGE)]++, page_maps_cells[index_of(FREE_PAGE)]--);
	BROKEN(page_maps_cells[index_of(FREE_PAGE + 0x1000)]++, page_maps_cells[index_of(FREE_PAGE + 0x1000)]--);
	BROKEN(cells.vm_pages[vm]++, cells.vm_pages[vm]--);
	BROKEN(cells.vm_pages[normal]++, cells.vm_pages[normal]--);
	BROKEN(cells.vm_tables[vm]++, cells.vm_tables[vm]--);
	BROKEN(cells.vm_tables[HOST]++, cells.vm_tables[HOST]--);
	BROKEN(cells.pages_vm++, cells.pages_vm--);
	BROKEN(cells.pages_core++, cells.pages_core--);
	BROKEN(cells.pool_free++, cells.pool_free--);
	BROKEN(cells.pool_bump++, cells.pool_bump--);
	BROKEN(cells.vms_alive++, cells.vms_alive--);
	BROKEN(cells.vcpus_alive++, cells.vcpus_alive--);
	BROKEN(cells.vm_vcpus[vm]++, cells.vm_vcpus[vm]--);
	BROKEN(cells.vm_loaded[vm]++, cells.vm_loaded[vm]--);
	BROKEN(cells.cpu_vcpu[0] = (u32)v, cells.cpu_vcpu[0] = NO_VCPU);
	BROKEN(cells.cpu_fp[1] = 1, cells.cpu_fp[1] = 0);
	BROKEN(cells.vcpu_state[v] = VCPU_LOADED, cells.vcpu_state[v] = VCPU_READY);
	BROKEN(cells.vm_mem_end[vm] = MEMORY_BASE, cells.vm_mem_end[vm] = MEMORY_BASE + MEMORY_BYTES);
	BROKEN(cells.vm_state[normal] = VM_FREE, cells.vm_state[normal] = VM_READY);
	BROKEN(cells.vm_type[normal] = KCORE_VM_PROTECTED, cells.vm_type[normal] = KCORE_VM_NORMAL);
	BROKEN(cells.vcpu_context[normal * 16] = cells.vcpu_context[v], cells.vcpu_context[normal * 16] = cells.vcpu_page[normal * 16]);
	BROKEN(cells.vm_type[vm] = KCORE_VM_NORMAL, cells.vm_type[vm] = KCORE_VM_PROTECTED);
	/* translations: a second way to a private page, KCore's memory, a denied device, a bad descriptor */
	lock_acquire();
	root = s2_entry(vm, MEMORY_BASE + 0x1000, 3);
	table = s2_entry(HOST, pa, 3);
	lock_release();
	BROKEN(poke(root, LEAF(pa)), poke(root, 0));
	BROKEN(poke(root, LEAF(REGION_BASE)), poke(root, 0));
	BROKEN(poke(root, LEAF(FREE_PAGE)), poke(root, 0));
	BROKEN(poke(root, 2), poke(root, 0));
	BROKEN(poke(table, LEAF(pa)), poke(table, 0));
	BROKEN(poke(cells.root_base + 1000 * 8, (root & ~0xfffUL) | 3), poke(cells.root_base + 1000 * 8, 0));
	before = snapshot_take();
	poke(root, LEAF(pa));
	assert_string_equal(snapshot_changed(before), "a translation");
	poke(root, 0);
	assert_null(snapshot_changed(before));
	cells.vm_cursor[3]++;
	assert_string_equal(snapshot_changed(before), "cell array vm_cursor");
	cells.vm_cursor[3]--;
	cells.pages_vm++;
	assert_string_equal(snapshot_changed(before), "cell pages_vm");
	cells.pages_vm--;
	page_owner_cells[5] = 7;
	assert_string_equal(snapshot_changed(before), "an owner");
	page_owner_cells[5] = 0;
	page_maps_cells[5] = 7;
	assert_string_equal(snapshot_changed(before), "a mapping count");
	page_maps_cells[5] = 0;
	snapshot_free(before);
	poke(root, LEAF(pa) | 1UL << 60);
	assert_violation(check_invariant(), V_WALK);			/* a reserved bit */
	poke(root, LEAF(pa) & ~0x400UL);
	assert_violation(check_invariant(), V_WALK);			/* no access flag */
	poke(root, LEAF(pa) | 1UL << 41);
	assert_violation(check_invariant(), V_WALK);			/* 42 bits of address */
	poke(root, LEAF(pa) & ~2UL);
	assert_violation(check_invariant(), V_WALK);			/* no page descriptor */
	poke(root, 0);
	poke(s2_root(vm), LEAF(GIB) & ~2UL);
	assert_violation(check_invariant(), V_WALK);			/* a block at level 1 */
	assert_violation(translate(vm, 0), V_WALK);
	poke(s2_root(vm), FREE_PAGE | 3);
	assert_violation(translate(vm, 0), V_WALK);			/* a table in the host's memory */
	assert_violation(check_invariant(), V_INVARIANT);
}

static void pool_breaks(void **state)
{
	u64 a;

	(void)state;
	lock_acquire();
	a = pool_alloc(3);
	pool_give(3, a);
	lock_release();
	check_invariant();
	BROKEN(poke(a + 8, 1), poke(a + 8, 0));				/* not wiped */
	BROKEN(poke(a, REGION_BASE), poke(a, 0));			/* the list leaves the pool */
	BROKEN(cells.pool_head = 0, cells.pool_head = a);		/* a page is lost */
	BROKEN(poke(a, a), poke(a, 0));					/* the list is a ring */
}

SUITE(fake,
      TEST(lock_discipline), TEST(cell_discipline), TEST(table_stores), TEST(break_before_make), TEST(invalidation_steps),
      TEST(many_broken_entries), TEST(table_life), TEST(owners), TEST(vcpu_pages), TEST(fp_and_gic), TEST(host_state_at_exit), TEST(host_state_at_rest),
      TEST(guest_state_at_entry), TEST(invariant_breaks), TEST(pool_breaks))
