/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include "invariant.h"

#define POOL_MAX	(REGION_BYTES / PAGE_BYTES)
#define CHECK(condition, ...) do { \
	if (!(condition)) \
		violate(V_INVARIANT, __VA_ARGS__); \
} while (0)

/* ---- the walker --------------------------------------------------------------------------------------------- */

static bool in_region(u64 pa)
{
	return pa >= REGION_BASE && pa < REGION_END;
}

/* A word of a table.  Tables outside of KCore's memory would be somebody else's to write. */
static u64 table_word(u64 pa)
{
	if (!in_region(pa))
		violate(V_WALK, "table at %#lx", pa);
	return peek(pa);
}

/*
 * Leaf attributes (D8.3.2): S2AP bits 7:6, XN bits 54:53, MemAttr bits 5:2, SH 9:8, AF 10; output address 47:12 or 47:21.
 * A set bit that the format reserves, or no access flag, is a violation: KCore never makes such a leaf.
 */
static struct translation leaf_of(u64 word, u64 level)
{
	u64 mask = level == 3 ? 0xfffffffff000UL : 0xffffffe00000UL;
	u64 xn = word >> 53 & 3, attributes = word >> 2 & 15;
	struct translation t = { true, word & mask, level, word >> 6 & 1, word >> 7 & 1, xn == 0, attributes == 1 };

	if (word & ~(mask | 0x7ffUL | 3UL << 53))
		violate(V_WALK, "level %lu: %#lx has reserved bits", level, word);
	if (!(word >> 10 & 1) || (word >> 8 & 3) != 3 || (xn != 0 && xn != 2) || (attributes != 15 && attributes != 1))
		violate(V_WALK, "level %lu: %#lx: AF, SH, XN or MemAttr", level, word);
	if (t.pa >= 1UL << 40)
		violate(V_WALK, "level %lu: %#lx: output address over 40 bits", level, word);
	return t;
}

/* VTCR_EL2 of boot.c: T0SZ 24 (40 bits), SL0 1 (first level 1), 4 KiB: two concatenated tables, IPA bits 39:30 index them. */
struct translation translate(u64 vm, u64 ipa)
{
	struct translation t = { 0 };
	u64 table = get_root_base() + vm * 8192;
	u64 index = ipa >> 30;
	u64 word;

	if (ipa >> 40)
		return t;
	for (u64 level = 1; level <= 3; level++) {
		word = table_word(table + index * 8);
		if (!(word & 1))
			return t;
		if (level == 3 || !(word & 2)) {
			if (level == 1 || (level == 3 && !(word & 2)))
				violate(V_WALK, "VM %lu, IPA %#lx: %#lx at level %lu", vm, ipa, word, level);
			t = leaf_of(word, level);
			t.pa += ipa & ((1UL << (39 - 9 * level)) - 1);
			return t;
		}
		table = word & 0xfffffffff000UL;
		index = ipa >> (level == 1 ? 21 : 12) & 511;
	}
	return t;
}

static u32 pool_uses[POOL_MAX];		/* how often the page is a table, a context, or free */

static void pool_use(u64 pa, const char *what)
{
	u64 n = (pa - cells.pool_base) / PAGE_BYTES;

	CHECK(pa % PAGE_BYTES == 0 && pa >= cells.pool_base && n < cells.pool_bump, "%s %#lx is outside of the pool", what, pa);
	CHECK(pool_uses[n]++ == 0, "pool page %#lx (%s) is used twice", pa, what);
}

static u64 walk_table(u64 vm, u64 table, u64 entries, u64 level, u64 base,
		      void (*leaf)(u64 vm, u64 ipa, u64 bytes, struct translation t))
{
	u64 bytes = 1UL << (39 - 9 * level), count = 0, word, ipa;

	for (u64 i = 0; i < entries; i++) {
		if (i % 512 == 0 && in_region(table + i * 8) && !page_exists(table + i * 8)) {
			i += 511;		/* never written: zero */
			continue;
		}
		word = table_word(table + i * 8);
		ipa = base + i * bytes;
		if (!(word & 1)) {
			CHECK(word == 0, "VM %lu, IPA %#lx, level %lu: %#lx", vm, ipa, level, word);
			continue;
		}
		if (level < 3 && (word & 2)) {
			CHECK((word & ~0xfffffff000UL) == 3, "VM %lu, IPA %#lx: table descriptor %#lx", vm, ipa, word);
			pool_use(word & 0xfffffff000UL, "table");
			count += 1 + walk_table(vm, word & 0xfffffff000UL, 512, level + 1, ipa, leaf);
		} else {
			if (level == 1 || (level == 3 && !(word & 2)))
				violate(V_WALK, "VM %lu, IPA %#lx: %#lx at level %lu", vm, ipa, word, level);
			leaf(vm, ipa, bytes, leaf_of(word, level));
		}
	}
	return count;
}

u64 each_leaf(u64 vm, void (*leaf)(u64 vm, u64 ipa, u64 bytes, struct translation t))
{
	memset(pool_uses, 0, sizeof(pool_uses));
	return walk_table(vm, get_root_base() + vm * 8192, 1024, 1, 0, leaf);
}

/* ---- the invariant -------------------------------------------------------------------------------------------- */
static u32 references[FAKE_PAGES];	/* by leaves of normal VMs, of protected VMs that share the page, and as a vCPU's page */
static u32 private_leaves[FAKE_PAGES];
static u64 shared_by[KCORE_NR_VMS];
static u64 vm_leaves;

static bool denied(u64 pa, u64 bytes)
{
	return (pa < DENIED0_END && pa + bytes > DENIED0_BASE) || (pa < DENIED1_END && pa + bytes > DENIED1_BASE);
}

static void check_host_leaf(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	(void)vm;
	CHECK(t.pa == ipa, "host: %#lx -> %#lx", ipa, t.pa);
	CHECK(!denied(t.pa, bytes), "host reaches the denied %#lx", t.pa);
	CHECK(t.r && t.w && t.x == is_dram(t.pa), "host, %#lx: r%d w%d x%d", ipa, t.r, t.w, t.x);
	for (u64 pa = t.pa; pa < t.pa + bytes; pa += PAGE_BYTES) {
		CHECK(is_dram(pa) == is_dram(t.pa), "host, %#lx: one leaf for DRAM and device", ipa);
		CHECK(!is_dram(pa) || owner_of(pa) == OWNER_HOST, "host reaches %#lx of owner %lu", pa, owner_of(pa));
	}
}

static void check_private_leaf(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	CHECK(bytes == PAGE_BYTES && is_dram(t.pa), "protected VM %lu: %#lx -> %#lx, %lu bytes", vm, ipa, t.pa, bytes);
	CHECK(owner_of(t.pa) == vm || owner_of(t.pa) == OWNER_HOST, "protected VM %lu reaches %#lx of owner %lu", vm, t.pa, owner_of(t.pa));
	if (owner_of(t.pa) == OWNER_HOST) {
		references[index_of(t.pa)]++;
		shared_by[vm]++;
	}
	CHECK(private_leaves[index_of(t.pa)]++ == 0, "protected VM %lu reaches %#lx twice", vm, t.pa);
	CHECK(ipa >= cells.vm_mem_base[vm] && ipa < cells.vm_mem_end[vm], "protected VM %lu: %#lx is outside of its memory", vm, ipa);
	CHECK(t.r && t.w && t.x && !t.device, "protected VM %lu: %#lx", vm, ipa);
	vm_leaves++;
}

static void check_normal_leaf(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	for (u64 pa = t.pa; pa < t.pa + bytes; pa += PAGE_BYTES) {
		CHECK(is_dram(pa) != t.device, "normal VM %lu: %#lx -> %#lx: device attribute", vm, ipa, pa);
		CHECK(!denied(pa, PAGE_BYTES), "normal VM %lu reaches the denied %#lx", vm, pa);
		if (!is_dram(pa))
			continue;
		CHECK(owner_of(pa) == OWNER_HOST, "normal VM %lu reaches %#lx of owner %lu", vm, pa, owner_of(pa));
		references[index_of(pa)]++;
	}
	vm_leaves++;
}

static void no_leaf(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	(void)bytes;
	violate(V_INVARIANT, "VM %lu doesn't exist and maps %#lx -> %#lx", vm, ipa, t.pa);
}

static u64 owned_by[KCORE_NR_VMS + 1];

static void check_pages(void)
{
	u64 sum = 0;

	memset(owned_by, 0, sizeof(owned_by));
	for (u64 i = 0; i < cells.nr_pages; i++) {
		u64 owner = page_owner_cells[i];

		CHECK(owner <= OWNER_CORE, "page %lu: owner %lu", i, owner);
		owned_by[owner]++;
		CHECK(page_maps_cells[i] == references[i], "page %lu: %u mappings counted, %u found", i, page_maps_cells[i], references[i]);
		CHECK(owner == OWNER_HOST || page_maps_cells[i] == 0, "page %lu of owner %lu is mapped by a normal VM", i, owner);
		if (owner != OWNER_HOST && owner != OWNER_CORE)
			CHECK(private_leaves[i] == 1, "page %lu of VM %lu is mapped nowhere", i, owner);
	}
	for (u64 pa = REGION_BASE; pa < REGION_END; pa += PAGE_BYTES)
		CHECK(owner_of(pa) == OWNER_CORE, "KCore's %#lx belongs to %lu", pa, owner_of(pa));
	CHECK(owned_by[OWNER_CORE] == cells.pages_core, "pages_core %lu, found %lu", cells.pages_core, owned_by[OWNER_CORE]);
	for (u64 vm = 1; vm < KCORE_NR_VMS; vm++) {
		bool private = cells.vm_state[vm] != VM_FREE && cells.vm_type[vm] == KCORE_VM_PROTECTED;

		CHECK(private || owned_by[vm] == 0, "VM %lu owns %lu pages", vm, owned_by[vm]);
		CHECK(!private || owned_by[vm] + shared_by[vm] == cells.vm_pages[vm], "VM %lu owns %lu pages and shares %lu, counted %lu",
		      vm, owned_by[vm], shared_by[vm], cells.vm_pages[vm]);
		sum += owned_by[vm];
	}
	CHECK(sum == cells.pages_vm, "pages_vm %lu, found %lu", cells.pages_vm, sum);
}

static void check_vcpus(u64 *contexts)
{
	u64 alive = 0, in_vm[KCORE_NR_VMS] = { 0 }, loaded_in_vm[KCORE_NR_VMS] = { 0 };
	u64 loaded = 0, on_cpus = 0;

	for (u64 v = 0; v < KCORE_NR_VCPUS; v++) {
		u64 vm = v / 16, state = cells.vcpu_state[v];

		if (state == VCPU_FREE)
			continue;
		CHECK(cells.vm_state[vm] != VM_FREE, "vCPU %#lx of no VM", v);
		alive++;
		in_vm[vm]++;
		references[index_of(cells.vcpu_page[v])]++;
		CHECK(owner_of(cells.vcpu_page[v]) == OWNER_HOST, "page of vCPU %#lx", v);
		if (cells.vm_type[vm] == KCORE_VM_PROTECTED) {
			pool_use(cells.vcpu_context[v], "context");
			contexts[vm]++;
		} else {
			CHECK(cells.vcpu_context[v] == cells.vcpu_page[v], "context of vCPU %#lx", v);
		}
		if (state == VCPU_LOADED) {
			loaded++;
			loaded_in_vm[vm]++;
			CHECK(cells.vm_state[vm] == VM_READY, "vCPU %#lx is loaded, its VM is in state %u", v, cells.vm_state[vm]);
		}
	}
	for (u64 c = 0; c < KCORE_MAX_CPUS; c++) {
		u64 v = cells.cpu_vcpu[c];

		if (v == NO_VCPU) {
			CHECK(cells.cpu_fp[c] == 0, "CPU %lu: FP registers of no vCPU", c);
			continue;
		}
		CHECK(v < KCORE_NR_VCPUS && cells.vcpu_state[v] == VCPU_LOADED, "CPU %lu has vCPU %#lx", c, v);
		on_cpus++;
		for (u64 d = 0; d < c; d++)
			CHECK(cells.cpu_vcpu[d] != v, "vCPU %#lx is on two CPUs", v);
	}
	CHECK(on_cpus == loaded, "%lu vCPUs loaded, %lu on CPUs", loaded, on_cpus);
	CHECK(alive == cells.vcpus_alive, "vcpus_alive %lu, found %lu", cells.vcpus_alive, alive);
	for (u64 vm = 1; vm < KCORE_NR_VMS; vm++) {
		CHECK(in_vm[vm] == cells.vm_vcpus[vm], "VM %lu: vm_vcpus %u, found %lu", vm, cells.vm_vcpus[vm], in_vm[vm]);
		CHECK(loaded_in_vm[vm] == cells.vm_loaded[vm], "VM %lu: vm_loaded %u, found %lu", vm, cells.vm_loaded[vm], loaded_in_vm[vm]);
	}
}

static void check_pool(void)
{
	u64 given = 0, in_use = 0;

	for (u64 pa = cells.pool_head; pa; pa = peek(pa)) {
		pool_use(pa, "free page");
		for (u64 i = 1; i < 512; i++)
			CHECK(peek(pa + i * 8) == 0, "free pool page %#lx isn't wiped", pa);
		given++;
	}
	for (u64 i = 0; i < cells.pool_bump; i++) {
		CHECK(pool_uses[i] == 1, "pool page %lu is lost", i);
		in_use++;
	}
	in_use -= given;
	CHECK(cells.pool_bump <= cells.pool_pages, "pool_bump %lu", cells.pool_bump);
	CHECK(cells.pool_free == given + cells.pool_pages - cells.pool_bump, "pool_free %lu, found %lu", cells.pool_free,
	      given + cells.pool_pages - cells.pool_bump);
	CHECK(in_use + cells.pool_free == cells.pool_pages, "pool: %lu used, %lu free of %lu", in_use, cells.pool_free, cells.pool_pages);
}

/* Nothing is loaded, mapped or counted twice, and nobody reaches what isn't theirs. */
void check_invariant(void)
{
	u64 contexts[KCORE_NR_VMS] = { 0 }, count[KCORE_NR_VMS], alive = 0;

	check_at_rest();
	memset(pool_uses, 0, sizeof(pool_uses));
	memset(references, 0, sizeof(references));
	memset(private_leaves, 0, sizeof(private_leaves));
	memset(shared_by, 0, sizeof(shared_by));
	count[HOST] = walk_table(HOST, cells.root_base, 1024, 1, 0, check_host_leaf);
	for (u64 vm = 1; vm < KCORE_NR_VMS; vm++) {
		bool exists = cells.vm_state[vm] != VM_FREE, private = cells.vm_type[vm] == KCORE_VM_PROTECTED;

		CHECK(cells.vm_state[vm] <= VM_DYING, "VM %lu: state %u", vm, cells.vm_state[vm]);
		alive += exists;
		vm_leaves = 0;
		count[vm] = walk_table(vm, cells.root_base + vm * 8192, 1024, 1, 0,
				       !exists ? no_leaf : private ? check_private_leaf : check_normal_leaf);
		CHECK(!exists || cells.vm_pages[vm] == vm_leaves, "VM %lu: vm_pages %lu, found %lu", vm, cells.vm_pages[vm], vm_leaves);
	}
	CHECK(alive == cells.vms_alive, "vms_alive %lu, found %lu", cells.vms_alive, alive);
	check_vcpus(contexts);
	for (u64 vm = 0; vm < KCORE_NR_VMS; vm++)
		CHECK(cells.vm_tables[vm] == count[vm] + contexts[vm], "VM %lu: vm_tables %lu, found %lu tables and %lu contexts",
		      vm, cells.vm_tables[vm], count[vm], contexts[vm]);
	check_pages();
	check_pool();
}

static u64 wanted, found;

static void count_page(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	(void)vm;
	(void)ipa;
	found += wanted >= t.pa && wanted < t.pa + bytes;
}

bool host_reaches(u64 pa)
{
	wanted = pa;
	found = 0;
	each_leaf(HOST, count_page);
	return found != 0;
}

static void count_leaf(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	(void)vm;
	(void)ipa;
	(void)bytes;
	(void)t;
	found++;
}

u64 leaves(u64 vm)
{
	found = 0;
	each_leaf(vm, count_leaf);
	return found;
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------ */
#define SNAPSHOT_LEAVES	8192

struct snapshot {
	struct kcore_cells cells;
	u32 owner[FAKE_PAGES], maps[FAKE_PAGES];
	u64 nr_leaves;
	u64 leaf[SNAPSHOT_LEAVES][4];
};

static struct snapshot *filling;

static void keep_leaf(u64 vm, u64 ipa, u64 bytes, struct translation t)
{
	u64 *l = filling->leaf[filling->nr_leaves++];

	if (filling->nr_leaves == SNAPSHOT_LEAVES)
		fail_msg("more than %d leaves", SNAPSHOT_LEAVES);
	l[0] = vm;
	l[1] = ipa;
	l[2] = bytes;
	l[3] = t.pa | (u64)t.r | (u64)t.w << 1 | (u64)t.x << 2 | (u64)t.device << 3;
}

struct snapshot *snapshot_take(void)
{
	struct snapshot *s = malloc(sizeof(*s));

	if (!s)
		fail_msg("out of memory");
	s->cells = cells;
	memcpy(s->owner, page_owner_cells, sizeof(s->owner));
	memcpy(s->maps, page_maps_cells, sizeof(s->maps));
	s->nr_leaves = 0;
	filling = s;
	for (u64 vm = 0; vm < KCORE_NR_VMS; vm++)
		if (vm == HOST || cells.vm_state[vm] != VM_FREE)
			each_leaf(vm, keep_leaf);
	return s;
}

/* Of the cells: counters of events, the log, and what belongs to the table pool may change. */
static void forget_counters(struct kcore_cells *c)
{
	memset(c->cpu_stat, 0, sizeof(c->cpu_stat));
	memset(c->log_event, 0, sizeof(c->log_event));
	memset(c->log_a, 0, sizeof(c->log_a));
	memset(c->log_b, 0, sizeof(c->log_b));
	memset(c->log_time, 0, sizeof(c->log_time));
	memset(c->vm_tables, 0, sizeof(c->vm_tables));
	c->log_next = c->pool_bump = c->pool_head = c->pool_free = c->pool_reserve = 0;
}

const char *snapshot_changed(const struct snapshot *before)
{
	static struct kcore_cells a, b;
	struct snapshot *now = snapshot_take();
	const char *what = NULL;

	a = before->cells;
	b = now->cells;
	forget_counters(&a);
	forget_counters(&b);
	if (memcmp(before->owner, now->owner, sizeof(now->owner)))
		what = "an owner";
	else if (memcmp(before->maps, now->maps, sizeof(now->maps)))
		what = "a mapping count";
	else if (before->nr_leaves != now->nr_leaves || memcmp(before->leaf, now->leaf, now->nr_leaves * sizeof(now->leaf[0])))
		what = "a translation";
#define COMPARE_SCALAR(n) else if (a.n != b.n) what = "cell " #n;
#define COMPARE_ARRAY(t, n, len) else if (memcmp(a.n, b.n, sizeof(a.n))) what = "cell array " #n;
	KCORE_SCALARS(COMPARE_SCALAR)
	KCORE_ARRAYS(COMPARE_ARRAY)
	snapshot_free(now);
	return what;
}

void snapshot_free(struct snapshot *s)
{
	free(s);
}
