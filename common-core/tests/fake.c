/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "invariant.h"

#define CPTR_TFP_TZ_TSM	0x1500UL
#define CPTR_TZ		0x100UL
#define POOL_PAGES_MAX	(REGION_BYTES / PAGE_BYTES)

struct fake fake;
struct kcore_cells cells;
u32 page_owner_cells[FAKE_PAGES], page_maps_cells[FAKE_PAGES];

const char *const violation_names[] = {
	"no violation",
#define V_NAME(n) #n,
	VIOLATIONS(V_NAME)
#undef V_NAME
};

void violate(enum violation v, const char *format, ...)
{
	char text[256];
	va_list ap;

	if (fake.expecting)
		longjmp(fake.jump, (int)v);
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fail_msg("%s on CPU %lu: %s", violation_names[v], fake.cpu, text);
	abort();
}

/* ---- memory ------------------------------------------------------------------------------------------- */
struct memory_page {
	u64 cache[512], coherent[512];
	u64 stored;			/* barrier epoch of the last table store */
};

static struct memory_page *memory[FAKE_PAGES];

static const u64 dram[3][2] = {
	{ DRAM0_BASE, DRAM0_END }, { DRAM1_BASE, DRAM1_END }, { DRAM2_BASE, DRAM2_END },
};

static bool dram_index(u64 pa, u64 *index)
{
	u64 first = 0;

	for (int i = 0; i < 3; i++) {
		if (pa >= dram[i][0] && pa < dram[i][1]) {
			*index = first + (pa - dram[i][0]) / PAGE_BYTES;
			return true;
		}
		first += (dram[i][1] - dram[i][0]) / PAGE_BYTES;
	}
	return false;
}

bool is_dram(u64 pa)
{
	u64 index;

	return dram_index(pa, &index);
}

u64 index_of(u64 pa)
{
	u64 index = 0;

	if (!dram_index(pa, &index))
		fail_msg("%#lx is not DRAM", pa);
	return index;
}

u64 owner_of(u64 pa)
{
	return page_owner_cells[index_of(pa)];
}

u64 maps_of(u64 pa)
{
	return page_maps_cells[index_of(pa)];
}

static struct memory_page *page_at(u64 pa)
{
	u64 i = index_of(pa);

	if (!memory[i]) {
		memory[i] = calloc(1, sizeof(*memory[i]));
		fake.new_pages++;
	}
	if (!memory[i])
		fail_msg("out of memory");
	return memory[i];
}

static u64 *word_at(u64 pa)
{
	return &page_at(pa)->cache[pa % PAGE_BYTES / 8];
}

u64 peek(u64 pa)
{
	struct memory_page *p = memory[index_of(pa)];

	return p ? p->cache[pa % PAGE_BYTES / 8] : 0;
}

u64 peek_coherent(u64 pa)
{
	struct memory_page *p = memory[index_of(pa)];

	return p ? p->coherent[pa % PAGE_BYTES / 8] : 0;
}

bool page_exists(u64 pa)
{
	return memory[index_of(pa)] != NULL;
}

const u64 *page_words(u64 index)
{
	return memory[index] ? memory[index]->cache : NULL;
}

void poke(u64 pa, u64 v)
{
	*word_at(pa) = v;
}

/* ---- cells -------------------------------------------------------------------------------------------- */
static bool locked(void)
{
	return fake.lock_owner == (int)fake.cpu;
}

static void need_lock(const char *cell)
{
	if (!locked())
		violate(V_CELL_UNLOCKED, "set_%s without the lock", cell);
}

/* Cells of one CPU are written by it alone; cells of a loaded vCPU by the CPU that has it, or under the lock. */
static void need_cpu(const char *cell, u64 cpu)
{
	if (cpu != fake.cpu)
		violate(V_CELL_OTHER_CPU, "set_%s of CPU %lu", cell, cpu);
}

static void need_cpu_or_lock(const char *cell, u64 cpu)
{
	if (!locked())
		need_cpu(cell, cpu);
}

static void need_vcpu(const char *cell, u64 vcpu)
{
	if (!locked() && cells.cpu_vcpu[fake.cpu] != vcpu)
		violate(V_CELL_OTHER_CPU, "set_%s of vCPU %#lx, which isn't loaded here", cell, vcpu);
}

#define FREE_FOR_ALL(cell, i)	((void)(cell), (void)(i))
#define UNDER_LOCK(cell, i)	((void)(i), need_lock(cell))
#define rule_scalar(n)		need_lock(#n)
#define RULE_dram_base		UNDER_LOCK
#define RULE_dram_end		UNDER_LOCK
#define RULE_dram_first		UNDER_LOCK
#define RULE_denied_base	UNDER_LOCK
#define RULE_denied_end		UNDER_LOCK
#define RULE_vm_state		UNDER_LOCK
#define RULE_vm_type		UNDER_LOCK
#define RULE_vm_vcpus		UNDER_LOCK
#define RULE_vm_loaded		UNDER_LOCK
#define RULE_vm_pages		UNDER_LOCK
#define RULE_vm_tables		UNDER_LOCK
#define RULE_vm_mem_base	UNDER_LOCK
#define RULE_vm_mem_end		UNDER_LOCK
#define RULE_vm_cntvoff		UNDER_LOCK
#define RULE_vm_cursor		UNDER_LOCK
#define RULE_vm_guards		UNDER_LOCK
#define RULE_guard_base		UNDER_LOCK
#define RULE_guard_end		UNDER_LOCK
#define RULE_vcpu_state		UNDER_LOCK
#define RULE_vcpu_power		need_vcpu
#define RULE_vcpu_pending	need_vcpu
#define RULE_vcpu_page		UNDER_LOCK
#define RULE_vcpu_context	UNDER_LOCK
#define RULE_vcpu_esr		need_vcpu
#define RULE_vcpu_far		need_vcpu
#define RULE_vcpu_entry		UNDER_LOCK
#define RULE_vcpu_entry_x0	UNDER_LOCK
#define RULE_cpu_vcpu		UNDER_LOCK
#define RULE_last_vcpu(cell, i)	need_cpu_or_lock(cell, (i) % KCORE_MAX_CPUS)
#define RULE_cpu_fp		need_cpu
#define RULE_cpu_power		FREE_FOR_ALL
#define RULE_cpu_mpidr		UNDER_LOCK
#define RULE_cpu_entry		FREE_FOR_ALL
#define RULE_cpu_entry_x0	FREE_FOR_ALL
#define RULE_cpu_stat(cell, i)	need_cpu(cell, (i) / KCORE_NR_STATS)
#define RULE_log_event		UNDER_LOCK
#define RULE_log_a		UNDER_LOCK
#define RULE_log_b		UNDER_LOCK
#define RULE_log_time		UNDER_LOCK

#define FAKE_SCALAR(n) \
u64 get_##n(void) \
{ \
	return cells.n; \
} \
void set_##n(u64 v) \
{ \
	rule_scalar(n); \
	cells.n = v; \
}
KCORE_SCALARS(FAKE_SCALAR)

/* A cell index out of range stops the CPU, as in machine/arm64.h. */
#define FAKE_ARRAY(t, n, len) \
u64 get_##n(u64 i) \
{ \
	if (i >= (len)) \
		violate(V_CELL_INDEX, "get_" #n "(%#lx)", i); \
	return cells.n[i]; \
} \
void set_##n(u64 i, u64 v) \
{ \
	if (i >= (len)) \
		violate(V_CELL_INDEX, "set_" #n "(%#lx)", i); \
	RULE_##n(#n, i); \
	cells.n[i] = (t)v; \
}
/* a rule may be a set of words or a macro with arguments */
KCORE_ARRAYS(FAKE_ARRAY)

/* ---- translation tables: what was broken and isn't invalidated everywhere yet ------------------------- */
enum stale_state { STORED, ORDERED, INVALIDATED };

struct stale {
	enum stale_state state;
	u64 vm, ipa, bytes;
	u64 pa;				/* leaf: what it mapped, for `bytes'; table: the table's page */
	bool table;
};

#define STALE_MAX	64
static struct stale stale[STALE_MAX];
static u64 nr_stale;

enum table_kind { NO_TABLE, LIVE, UNLINKED };

static struct {
	enum table_kind kind;
	u64 vm, level, ipa;
} tables[POOL_PAGES_MAX];

static u64 unordered_live;		/* live tables with stores that no barrier has ordered */
static u64 epoch = 1;			/* counts the barriers */

static u64 root_vttbr(u64 vm)
{
	return (cells.root_base + vm * 8192) | vm << 48;
}

static bool in_roots(u64 pa)
{
	return pa >= cells.root_base && pa < cells.root_base + KCORE_NR_VMS * 8192;
}

static bool in_pool(u64 pa)
{
	return pa >= cells.pool_base && pa < cells.pool_base + cells.pool_pages * PAGE_BYTES;
}

static u64 pool_number(u64 pa)
{
	return (pa - cells.pool_base) / PAGE_BYTES;
}

static bool overlap(u64 a, u64 a_bytes, u64 b, u64 b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

static void stale_add(u64 vm, u64 ipa, u64 bytes, u64 pa, bool table)
{
	if (nr_stale == STALE_MAX)
		violate(V_TLB_INCOMPLETE, "%lu entries broken and not invalidated", nr_stale);
	stale[nr_stale++] = (struct stale){ STORED, vm, ipa, bytes, pa, table };
}

static bool stale_page(u64 pa)
{
	for (u64 i = 0; i < nr_stale; i++)
		if (!stale[i].table && overlap(stale[i].pa, stale[i].bytes, pa, PAGE_BYTES))
			return true;
	return false;
}

/* D8.3: bits 1:0 are 0b11 for a table above level 3 and for a page at level 3, 0b01 for a block. */
static bool is_table_word(u64 v, u64 level)
{
	return level < 3 && (v & 3) == 3;
}

static void live_store(u64 vm, u64 level, u64 ipa, u64 old, u64 new)
{
	u64 bytes = 1UL << (39 - 9 * level);
	u64 target = new & 0xfffffff000UL;

	if ((old & 1) && (new & 1) && old != new)
		violate(V_BREAK_BEFORE_MAKE, "VM %lu, level %lu, IPA %#lx: %#lx -> %#lx", vm, level, ipa, old, new);
	if ((old & 1) && !(new & 1)) {
		target = old & 0xfffffff000UL;
		if (is_table_word(old, level)) {
			for (u64 i = 0; i < 512; i++)
				if (peek(target + i * 8) & 1)
					violate(V_TABLE_NOT_EMPTY, "VM %lu, level %lu, IPA %#lx", vm, level, ipa);
			tables[pool_number(target)].kind = UNLINKED;
			stale_add(vm, ipa, bytes, target, true);
		} else {
			stale_add(vm, ipa, bytes, target, false);
		}
	}
	if (!(new & 1) || (old & 1))
		return;
	for (u64 i = 0; i < nr_stale; i++)
		if (stale[i].vm == vm && overlap(stale[i].ipa, stale[i].bytes, ipa, bytes))
			violate(V_BREAK_BEFORE_MAKE, "VM %lu, level %lu, IPA %#lx: made before the break is complete", vm, level, ipa);
	if (!is_table_word(new, level))
		return;
	if (!in_pool(target) || tables[pool_number(target)].kind != NO_TABLE)
		violate(V_TABLE_TARGET, "VM %lu, level %lu, IPA %#lx: table %#lx", vm, level, ipa, target);
	if (page_at(target)->stored == epoch)
		violate(V_TABLE_UNORDERED, "table %#lx linked before its content is visible to walkers", target);
	tables[pool_number(target)].kind = LIVE;
	tables[pool_number(target)].vm = vm;
	tables[pool_number(target)].level = level + 1;
	tables[pool_number(target)].ipa = ipa;
}

u64 pt_load(u64 pa)
{
	if (pa % 8 || (!in_roots(pa) && !in_pool(pa)))
		violate(V_PT_ADDRESS, "pt_load(%#lx)", pa);
	return peek(pa);
}

void pt_store(u64 pa, u64 v)
{
	struct memory_page *p;
	u64 n, old;

	if (!locked())
		violate(V_PT_UNLOCKED, "pt_store(%#lx)", pa);
	if (pa % 8 || (!in_roots(pa) && !in_pool(pa)))
		violate(V_PT_ADDRESS, "pt_store(%#lx)", pa);
	p = page_at(pa);
	old = *word_at(pa);
	if (in_roots(pa)) {
		n = (pa - cells.root_base) / 8;
		live_store(n / 1024, 1, n % 1024 << 30, old, v);
		unordered_live++;
	} else {
		n = pool_number(pa);
		if (tables[n].kind == UNLINKED)
			violate(V_TABLE_REUSED, "table %#lx before its invalidation is complete", pa);
		if (tables[n].kind == LIVE) {
			live_store(tables[n].vm, tables[n].level,
				   tables[n].ipa + ((pa % PAGE_BYTES / 8) << (39 - 9 * tables[n].level)), old, v);
			unordered_live++;
		}
	}
	p->stored = epoch;
	fake.pt_stores++;
	*word_at(pa) = v;
}

void dsb_store(void)
{
	for (u64 i = 0; i < nr_stale; i++)
		if (stale[i].state == STORED)
			stale[i].state = ORDERED;
	epoch++;
	unordered_live = 0;
}

static u64 vttbr_vm(u64 vttbr)
{
	u64 vm = vttbr >> 48;

	if (vm >= KCORE_NR_VMS || vttbr != root_vttbr(vm))
		violate(V_TLB_VTTBR, "invalidation with VTTBR %#lx", vttbr);
	return vm;
}

/* A leaf only: a table that is unlinked had translations everywhere below, and in walk caches. */
void tlbi_ipa(u64 vttbr, u64 ipa)
{
	u64 vm = vttbr_vm(vttbr);

	for (u64 i = 0; i < nr_stale; i++)
		if (stale[i].state == ORDERED && stale[i].vm == vm && !stale[i].table && overlap(stale[i].ipa, stale[i].bytes, ipa, 1))
			stale[i].state = INVALIDATED;
}

void tlbi_vmid(u64 vttbr)
{
	u64 vm = vttbr_vm(vttbr);

	fake.tlbi_vmids++;
	for (u64 i = 0; i < nr_stale; i++)
		if (stale[i].state == ORDERED && stale[i].vm == vm)
			stale[i].state = INVALIDATED;
}

void tlbi_local(u64 vttbr)
{
	vttbr_vm(vttbr);
	fake.tlbi_locals++;
	fake.tlbi_local_vttbr = vttbr;
}

void dsb_tlbi(void)
{
	u64 left = 0;

	for (u64 i = 0; i < nr_stale; i++) {
		if (stale[i].state != INVALIDATED)
			stale[left++] = stale[i];
		else if (stale[i].table)
			tables[pool_number(stale[i].pa)].kind = NO_TABLE;
	}
	nr_stale = left;
}

/* ---- page records -------------------------------------------------------------------------------------- */
static u64 page_address(u64 index)
{
	u64 n, first = 0;

	for (int i = 0; i < 3; i++) {
		n = (dram[i][1] - dram[i][0]) / PAGE_BYTES;
		if (index < first + n)
			return dram[i][0] + (index - first) * PAGE_BYTES;
		first += n;
	}
	return 0;
}

static bool scrubbed(u64 index)
{
	for (u64 i = 0; memory[index] && i < 512; i++)
		if (memory[index]->cache[i] || memory[index]->coherent[i])
			return false;
	return true;
}

static bool cleaned(u64 index)
{
	struct memory_page *p = memory[index];

	return !p || !memcmp(p->coherent, p->cache, sizeof(p->coherent));
}

u64 get_page_owner(u64 i)
{
	if (i >= cells.nr_pages)
		violate(V_CELL_INDEX, "get_page_owner(%#lx)", i);
	return page_owner_cells[i];
}

/* The protected guest that trapped on this CPU asks to share this page of its VM's. */
static bool asks_to_share(u64 i)
{
	u64 v = cells.cpu_vcpu[fake.cpu], context;
	struct translation t;

	if (v == NO_VCPU || page_owner_cells[i] != v / KCORE_VM_VCPUS)
		return false;
	context = cells.vcpu_context[v];
	t = translate(v / KCORE_VM_VCPUS, peek(context + CTX_X(1)));
	return (u32)peek(context + CTX_X(0)) == 0xc6000003U && t.level == 3 && t.pa == page_address(i);
}

void set_page_owner(u64 i, u64 v)
{
	u64 old;

	if (i >= cells.nr_pages)
		violate(V_CELL_INDEX, "set_page_owner(%#lx)", i);
	need_lock("page_owner");
	old = page_owner_cells[i];
	if (old != v && stale_page(page_address(i)))
		violate(V_OWNER_TLB, "page %#lx: %lu -> %lu while a TLB may hold it", page_address(i), old, v);
	if (old != v && (old == OWNER_CORE || v >= OWNER_CORE))
		violate(V_OWNER_CORE, "page %#lx: %lu -> %lu", page_address(i), old, v);
	if (old != OWNER_HOST && v == OWNER_HOST && !scrubbed(i) && !(asks_to_share(i) && cleaned(i)))
		violate(V_OWNER_NOT_SCRUBBED, "page %#lx of VM %lu", page_address(i), old);
	page_owner_cells[i] = (u32)v;
}

u64 get_page_maps(u64 i)
{
	if (i >= cells.nr_pages)
		violate(V_CELL_INDEX, "get_page_maps(%#lx)", i);
	return page_maps_cells[i];
}

void set_page_maps(u64 i, u64 v)
{
	u64 old;

	if (i >= cells.nr_pages)
		violate(V_CELL_INDEX, "set_page_maps(%#lx)", i);
	need_lock("page_maps");
	old = page_maps_cells[i];
	if (v > 0xffffffffUL)
		violate(V_MAPS_WRAP, "page %#lx: %lu -> %#lx", page_address(i), old, v);
	if (v < old && stale_page(page_address(i)))
		violate(V_MAPS_TLB, "page %#lx: %lu -> %lu while a TLB may hold it", page_address(i), old, v);
	page_maps_cells[i] = (u32)v;
}

/* ---- control -------------------------------------------------------------------------------------------- */
u64 cpu_id(void)
{
	return fake.cpu;
}

u64 counter_read(void)
{
	return fake.counter += 7;
}

void lock_acquire(void)
{
	if (fake.lock_owner != -1)
		violate(V_LOCK_TWICE, "CPU %d has it", fake.lock_owner);
	fake.lock_owner = (int)fake.cpu;
}

void lock_release(void)
{
	void (*hook)(void) = fake.release_hook;
	u64 cpu = fake.cpu;

	if (fake.lock_owner == -1)
		violate(V_LOCK_FREE, "nobody has it");
	if (!locked())
		violate(V_LOCK_OTHER, "CPU %d has it", fake.lock_owner);
	if (nr_stale)
		violate(V_TLB_INCOMPLETE, "lock released with %lu entries broken and not invalidated", nr_stale);
	fake.lock_owner = -1;
	if (hook && --fake.release_countdown == 0) {
		fake.release_hook = NULL;
		hook();
		fake.cpu = cpu;
	}
}

void halt(u64 code, u64 value)
{
	fake.halt_code = code;
	fake.halt_value = value;
	violate(V_HALT, "code %#lx, value %#lx", code, value);
}

/* ---- memory of the core's other kinds --------------------------------------------------------------------- */
void page_zero(u64 pa)
{
	u64 index = 0;

	if (pa % PAGE_BYTES || !dram_index(pa, &index) || page_owner_cells[index] == OWNER_HOST || page_owner_cells[index] >= OWNER_CORE || !locked())
		violate(V_MEM_STORE, "page_zero(%#lx)", pa);
	memset(page_at(pa)->cache, 0, PAGE_BYTES);
}

void dcache_clean_inval_page(u64 pa)
{
	struct memory_page *p;

	if (pa % PAGE_BYTES || !is_dram(pa))
		violate(V_MEM_STORE, "dcache_clean_inval_page(%#lx)", pa);
	p = page_at(pa);
	memcpy(p->coherent, p->cache, sizeof(p->coherent));
}

void icache_inval(void)
{
	fake.icache_invals++;
}

/* 1: a page that the host shares as a vCPU's, 0: one of KCore's own */
static bool context_shared(u64 pa, u64 off)
{
	u64 index = 0;

	if (pa % PAGE_BYTES || off % 8 || off >= sizeof(struct kcore_vcpu_page) || !dram_index(pa, &index))
		violate(V_PAGE_ACCESS, "page %#lx, offset %#lx", pa, off);
	if (page_owner_cells[index] == OWNER_CORE && in_pool(pa) && tables[pool_number(pa)].kind == NO_TABLE)
		return false;
	if (page_owner_cells[index] != OWNER_HOST || page_maps_cells[index] == 0)
		violate(V_PAGE_ACCESS, "page %#lx is no vCPU's, owner %u", pa, page_owner_cells[index]);
	return true;
}

u64 page_load(u64 pa, u64 off)
{
	struct fake_cpu *c = this_cpu();

	if (context_shared(pa, off)) {
		for (u64 i = 0; i < c->nr_fetched; i++)
			if (c->fetched[i][0] == pa && c->fetched[i][1] == off)
				violate(V_DOUBLE_FETCH, "page %#lx, offset %#lx", pa, off);
		if (c->nr_fetched == 64)
			violate(V_DOUBLE_FETCH, "more than 64 words of shared pages in one call");
		c->fetched[c->nr_fetched][0] = pa;
		c->fetched[c->nr_fetched++][1] = off;
	}
	return peek(pa + off);
}

void page_store(u64 pa, u64 off, u64 v)
{
	context_shared(pa, off);
	*word_at(pa + off) = v;
}

/* ---- measurements ------------------------------------------------------------------------------------------- */
static void need_measurable(u64 vm)
{
	if (vm == HOST || vm >= KCORE_NR_VMS || !locked())
		violate(V_MEASURE, "VM %lu", vm);
}

void measure_begin(u64 vm, u64 base, u64 end, u64 vcpus, u64 context)
{
	need_measurable(vm);
	if (context_shared(context, 0))
		violate(V_MEASURE, "registers of VM %lu in the host's page", vm);
	measure_start(vm, base, end, vcpus, word_at(context), peek(context + CTX_PC));
}

/* Only what nobody can write any more: the VM's own, and none of its vCPUs is on. */
void measure_page(u64 vm, u64 ipa, u64 pa)
{
	need_measurable(vm);
	if (pa % PAGE_BYTES || !is_dram(pa))
		violate(V_MEASURE, "VM %lu: page %#lx", vm, pa);
	if (owner_of(pa) != vm)
		violate(V_MEASURE, "VM %lu: page %#lx of owner %lu", vm, pa, owner_of(pa));
	for (u64 i = 0; i < KCORE_VM_VCPUS; i++)
		if (cells.vcpu_state[vm * KCORE_VM_VCPUS + i] != VCPU_FREE && cells.vcpu_power[vm * KCORE_VM_VCPUS + i] != POWER_OFF)
			violate(V_MEASURE, "vCPU %lu of VM %lu can run", i, vm);
	measure_bytes(vm, ipa, page_at(pa)->cache);
}

u64 measure_signed(u64 vm, u64 page)
{
	u64 signature[8];

	need_measurable(vm);
	for (u64 i = 0; i < 8; i++)
		signature[i] = page_load(page, CTX_X(4 + i));
	return measure_verify(vm, signature);
}

/* ---- the host's frame ----------------------------------------------------------------------------------------- */
u64 host_x(u64 n)
{
	if (n > 30)
		violate(V_HOST_FRAME, "host_x(%lu)", n);
	return this_cpu()->x[n];
}

void host_x_set(u64 n, u64 v)
{
	if (n > 30)
		violate(V_HOST_FRAME, "host_x_set(%lu)", n);
	this_cpu()->x[n] = v;
}

u64 host_pc(void)
{
	return this_cpu()->pc;
}

void host_pc_set(u64 v)
{
	this_cpu()->pc = v;
}

u64 host_pstate(void)
{
	return this_cpu()->pstate;
}

void host_pstate_set(u64 v)
{
	this_cpu()->pstate = v;
}

u64 resume_entry(void)
{
	return REGION_BASE + 0x1000;
}

void smc_forward(void)
{
	struct fake_cpu *c = this_cpu();

	fake.smc_calls++;
	memcpy(fake.smc_x, c->x, sizeof(fake.smc_x));
	if (fake.smc_hook)
		fake.smc_hook();
	c->x[0] = fake.smc_result;
	c->x[1] = c->x[4] = 0xf1f1UL;		/* what firmware leaves there */
	memcpy(fake.smc_left, c->x, sizeof(fake.smc_left));
}

/* ---- registers --------------------------------------------------------------------------------------------------- */
u64 esr_read(void)
{
	return this_cpu()->esr;
}

u64 far_read(void)
{
	return this_cpu()->far;
}

u64 hpfar_read(void)
{
	return this_cpu()->hpfar;
}

u64 translate_el1(u64 va)
{
	(void)va;
	fake.translations++;
	return this_cpu()->par;
}

static bool el1_page_ok(u64 pa)
{
	return pa == this_cpu()->host_context || !context_shared(pa, CTX_SYS) || cells.cpu_vcpu[fake.cpu] != NO_VCPU;
}

void el1_save(u64 pa)
{
	if (!el1_page_ok(pa))
		violate(V_PAGE_ACCESS, "el1_save(%#lx)", pa);
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		*word_at(pa + CTX_SYS + i * 8) = this_cpu()->el1[i];
}

void el1_load(u64 pa)
{
	if (!el1_page_ok(pa))
		violate(V_PAGE_ACCESS, "el1_load(%#lx)", pa);
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		this_cpu()->el1[i] = peek(pa + CTX_SYS + i * 8);
}

u64 vbar_el1_read(void)
{
	return this_cpu()->el1[EL1_vbar_el1];
}

u64 sctlr_el1_read(void)
{
	return this_cpu()->el1[EL1_sctlr_el1];
}

void elr_el1_write(u64 v)
{
	this_cpu()->el1[EL1_elr_el1] = v;
}

void spsr_el1_write(u64 v)
{
	this_cpu()->el1[EL1_spsr_el1] = v;
}

void esr_el1_write(u64 v)
{
	this_cpu()->el1[EL1_esr_el1] = v;
}

void far_el1_write(u64 v)
{
	this_cpu()->el1[EL1_far_el1] = v;
}

#define EL2_WRITE(n) \
void n##_write(u64 v) \
{ \
	this_cpu()->n = v; \
}
EL2_WRITE(elr)
EL2_WRITE(spsr)
EL2_WRITE(vttbr)
EL2_WRITE(hcr)
EL2_WRITE(mdcr)
EL2_WRITE(cnthctl)
EL2_WRITE(cntvoff)
EL2_WRITE(vmpidr)
EL2_WRITE(vsesr)

void cptr_write(u64 v)
{
	this_cpu()->cptr_pending |= this_cpu()->cptr != v;
	this_cpu()->cptr = v;
}

/* D13.2.34: TZ traps it at EL2 too */
void zcr_write(u64 v)
{
	if (this_cpu()->cptr & CPTR_TZ)
		violate(V_HOST_EL2, "ZCR_EL2 with CPTR_EL2 %#lx", this_cpu()->cptr);
	this_cpu()->zcr = v;
}

static struct fake_cpu *fpexc_access(void)
{
	struct fake_cpu *c = this_cpu();

	if (cells.has_aarch32 != AARCH32_EL1)
		violate(V_AARCH32, "FPEXC32_EL2 on a machine without AArch32 at EL1");
	if (c->cptr & 0x400)
		violate(V_FP_TRAPPED, "FPEXC32_EL2 with CPTR_EL2 %#lx", c->cptr);
	if (c->cptr_pending)
		violate(V_FP_NO_ISB, "FPEXC32_EL2 right after a write of CPTR_EL2");
	return c;
}

void fpexc_write(u64 v)
{
	fpexc_access()->fpexc = v;
}

u64 fpexc_read(void)
{
	return fpexc_access()->fpexc;
}

static struct fake_cpu *a32_access(u64 pa, bool loaded)
{
	struct fake_cpu *c = this_cpu();

	if (cells.has_aarch32 != AARCH32_EL1 || c->a32_loaded != loaded || !context_shared(pa, CTX_A32))
		violate(V_AARCH32, "page %#lx", pa);
	return c;
}

void a32_load(u64 pa)
{
	struct fake_cpu *c = a32_access(pa, false);

	for (u64 i = 0; i < 6; i++)
		c->a32[i] = peek(pa + CTX_A32 + i * 8);
	c->a32_loaded = true;
}

void a32_save(u64 pa)
{
	struct fake_cpu *c = a32_access(pa, true);

	for (u64 i = 0; i < 6; i++)
		*word_at(pa + CTX_A32 + i * 8) = c->a32[i];
	c->a32_loaded = false;
}

u64 hcr_read(void)
{
	return this_cpu()->hcr;
}

u64 vdisr_read(void)
{
	return this_cpu()->vdisr;
}

#define HOST_READ(n) \
u64 host_##n(void) \
{ \
	return this_cpu()->host_##n; \
}
HOST_READ(context)
HOST_READ(hcr)
HOST_READ(cptr)
HOST_READ(mdcr)
HOST_READ(cnthctl)
HOST_READ(vmpidr)

void guest_select(u64 context)
{
	this_cpu()->guest_context = context;
	this_cpu()->guest_vectors = true;
}

void host_select(void)
{
	this_cpu()->guest_vectors = false;
	this_cpu()->zcr = this_cpu()->host_zcr;
}

/* machine.h: CRm 4..7 */
u64 idreg_read(u64 crm, u64 op2)
{
	if (crm < 4 || crm > 7 || op2 > 7)
		violate(V_IDREG, "idreg_read(%lu, %lu)", crm, op2);
	return fake.idreg[crm][op2];
}

void profiling_stop(u64 which)
{
	if (this_cpu()->profiling_stopped || which != cells.has_profiling)
		violate(V_PROFILING, "stopped %#lx, wanted %#lx", this_cpu()->profiling_stopped, which);
	this_cpu()->profiling_stopped = which;
}

void profiling_resume(u64 which)
{
	if (this_cpu()->profiling_stopped != which)
		violate(V_PROFILING, "stopped %#lx, wanted %#lx", this_cpu()->profiling_stopped, which);
	this_cpu()->profiling_stopped = 0;
}

/* ---- FP, GIC -------------------------------------------------------------------------------------------------------- */
void isb(void)
{
	this_cpu()->cptr_pending = false;
}

static struct fake_cpu *fp_access(void)
{
	struct fake_cpu *c = this_cpu();

	if (c->cptr & 0x400)
		violate(V_FP_TRAPPED, "FP access with CPTR_EL2 %#lx", c->cptr);
	if (c->cptr_pending)
		violate(V_FP_NO_ISB, "FP access right after a write of CPTR_EL2");
	return c;
}

void fp_save(u64 pa)
{
	struct fake_cpu *c = fp_access();

	context_shared(pa, CTX_V);
	for (u64 i = 0; i < 64; i++)
		*word_at(pa + CTX_V + i * 8) = c->fp[i];
	*word_at(pa + CTX_FPSR) = c->fp[64];
	*word_at(pa + CTX_FPSR + 8) = c->fp[65];
}

void fp_load(u64 pa)
{
	struct fake_cpu *c = fp_access();

	context_shared(pa, CTX_V);
	for (u64 i = 0; i < 64; i++)
		c->fp[i] = peek(pa + CTX_V + i * 8);
	c->fp[64] = peek(pa + CTX_FPSR);
	c->fp[65] = peek(pa + CTX_FPSR + 8);
	c->fp_guest = true;
}

void fp_clear(void)
{
	struct fake_cpu *c = fp_access();

	memset(c->fp, 0, sizeof(c->fp));
	c->fp_guest = false;
}

static void gic_pairing(bool *loaded, bool to, u64 pa)
{
	if (*loaded == to || !context_shared(pa, CTX_VGIC) || cells.has_gicv3 == 0)
		violate(V_GIC_PAIRING, "page %#lx", pa);
	*loaded = to;
}

#define VGIC(pa, f)	(*word_at((pa) + offsetof(struct kcore_vcpu_page, vgic.f)))
#define LR_STATE	(3UL << 62)

/* machine/arm64.c; what the top machine knows of it: ICH_HCR_EL2 only with list registers in use */
void gic_lrs_load(u64 pa)
{
	struct fake_cpu *c = this_cpu();
	u64 have = (cells.ich_vtr & 31) + 1, used = VGIC(pa, used);

	gic_pairing(&c->lrs_loaded, true, pa);
	fake.gic_lrs_loads++;
	if (!VGIC(pa, sre)) {
		c->sre = 0;
		c->vmcr = VGIC(pa, vmcr) & 0xffffffffUL;
	}
	c->lrs = used < have ? used : have;
	c->elrsr = 0;
	if (c->lrs)
		c->ich_hcr = VGIC(pa, hcr) & 0xffffffffUL;
	for (u64 i = 0; i < c->lrs; i++)
		c->lr[i] = VGIC(pa, lr[i]);
}

void gic_lrs_save(u64 pa)
{
	struct fake_cpu *c = this_cpu();

	gic_pairing(&c->lrs_loaded, false, pa);
	for (u64 i = 0; i < c->lrs; i++) {
		VGIC(pa, lr[i]) = c->elrsr >> i & 1 ? VGIC(pa, lr[i]) & ~LR_STATE : c->lr[i];
		c->lr[i] = 0;
	}
	if (c->lrs)
		c->ich_hcr = 0;
	if (!c->sre)
		VGIC(pa, vmcr) = c->vmcr;
	c->sre = 1;
}

static u64 active_priorities(void)
{
	u64 bits = (cells.ich_vtr >> 26 & 7) + 1;

	return bits >= 7 ? 4 : bits >= 6 ? 2 : 1;
}

void gic_state_load(u64 pa)
{
	struct fake_cpu *c = this_cpu();

	gic_pairing(&c->gic_loaded, true, pa);
	if (VGIC(pa, sre))
		c->vmcr = VGIC(pa, vmcr) & 0xffffffffUL;
	for (u64 i = 0; i < active_priorities(); i++) {
		c->ap0r[i] = VGIC(pa, ap0r[i]) & 0xffffffffUL;
		c->ap1r[i] = VGIC(pa, ap1r[i]) & 0xffffffffUL;
	}
	fake.gic_state_loads++;
}

void gic_state_save(u64 pa)
{
	struct fake_cpu *c = this_cpu();

	gic_pairing(&c->gic_loaded, false, pa);
	if (VGIC(pa, sre))
		VGIC(pa, vmcr) = c->vmcr;
	for (u64 i = 0; i < active_priorities(); i++) {
		VGIC(pa, ap0r[i]) = c->ap0r[i];
		VGIC(pa, ap1r[i]) = c->ap1r[i];
	}
}

u64 gic_vmcr_read(void)
{
	return this_cpu()->vmcr;
}

/* ---- a machine after installation (boot/boot.c) --------------------------------------------------------------------- */
#define HCR_HOST	0x0100030080080001UL

static void start_cpu(u64 n, const struct fake_config *config)
{
	struct fake_cpu *c = &fake.cpus[n];

	c->host_hcr = c->hcr = HCR_HOST;
	c->host_cptr = c->cptr = config->sve ? 0x32ff : 0x33ff;
	c->host_mdcr = c->mdcr = 0x3006;
	c->host_zcr = c->zcr = 15;
	c->host_cnthctl = c->cnthctl = 0x73;	/* EVNTI 7, EL1PCEN, EL1PCTEN */
	c->host_vmpidr = c->vmpidr = 0x80000000UL | n;
	c->host_context = REGION_BASE + 0x100000 + n * 2048;
	c->vttbr = cells.root_base;
	c->pstate = 5;
	c->sre = 1;
	c->pc = 0xffff800008000000UL + n * 0x1000;
	for (u64 i = 0; i < KCORE_NR_SYSREGS; i++)
		c->el1[i] = 0x1000 * (n + 1) + i;
	c->el1[EL1_vbar_el1] = 0xffff800008010800UL;
	c->el1[EL1_sctlr_el1] = 0x30d0591dUL;
	for (u64 i = 0; i < 66; i++)
		c->fp[i] = 0x5000 * (n + 1) + i;
	cells.cpu_mpidr[n] = n < 2 ? n : 0x100 + n;
	cells.cpu_power[n] = POWER_ON;
}

void fake_start(const struct fake_config *config)
{
	u64 first = 0, records = FAKE_PAGES * sizeof(u32), seed[4], noise[4] = { 0 };

	fake_teardown(NULL);
	memset(&fake, 0, sizeof(fake));
	memset(&cells, 0, sizeof(cells));
	memset(page_owner_cells, 0, sizeof(page_owner_cells));
	memset(page_maps_cells, 0, sizeof(page_maps_cells));
	memset(tables, 0, sizeof(tables));
	nr_stale = 0;
	unordered_live = 0;
	fake.lock_owner = -1;
	for (u64 i = 0; i < 3; i++) {
		cells.dram_base[i] = dram[i][0];
		cells.dram_end[i] = dram[i][1];
		cells.dram_first[i] = first;
		first += (dram[i][1] - dram[i][0]) / PAGE_BYTES;
	}
	cells.nr_dram = 3;
	cells.nr_pages = first;
	cells.nr_denied = 2;
	cells.denied_base[0] = DENIED0_BASE;
	cells.denied_end[0] = DENIED0_END;
	cells.denied_base[1] = DENIED1_BASE;
	cells.denied_end[1] = DENIED1_END;
	cells.region_base = REGION_BASE;
	cells.region_size = REGION_BYTES;
	assert_true(REGION_BYTES >= KCORE_REGION_SIZE(FAKE_PAGES * PAGE_BYTES));
	cells.image_size = 0x123000;
	cells.root_base = REGION_BASE + ROOTS_OFFSET;
	cells.pool_base = (REGION_BASE + RECORDS_OFFSET + 2 * records + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	cells.pool_base += 3 * PAGE_BYTES;	/* boot.c takes EL2's own tables */
	cells.pool_pages = (REGION_END - cells.pool_base) / PAGE_BYTES;
	if (config->pool_pages)
		cells.pool_pages = config->pool_pages == ~0UL ? 0 : config->pool_pages;
	cells.pool_free = cells.pool_pages;
	cells.pool_reserve = config->pool_reserve == ~0UL ? FAKE_PAGES / 512 + FAKE_PAGES / 262144 + 64 : config->pool_reserve;
	cells.pages_core = REGION_BYTES / PAGE_BYTES;
	for (u64 pa = REGION_BASE; pa < REGION_END; pa += PAGE_BYTES)
		page_owner_cells[index_of(pa)] = OWNER_CORE;
	cells.nr_cpus = FAKE_CPUS;
	cells.has_gicv3 = !config->no_gic;
	cells.ich_vtr = config->no_gic ? 0 : 0x90000003UL;
	cells.has_ras = config->ras;
	cells.has_aarch32 = config->aarch32;
	cells.has_profiling = config->profiling;
	cells.signed_only = config->signed_only;
	measure_install(&config->keys);
	memcpy(seed, config->keys.seed, sizeof(seed));
	measure_key(seed, noise);
	for (u64 i = 0; i < KCORE_MAX_CPUS; i++)
		cells.cpu_vcpu[i] = NO_VCPU;
	for (u64 i = 0; i < FAKE_CPUS; i++)
		start_cpu(i, config);
	for (u64 m = 4; m < 8; m++)
		for (u64 o = 0; o < 8; o++)
			fake.idreg[m][o] = 0xfedcba9876543210UL ^ (m << 32 | o);
}

int fake_setup(void **state)
{
	const struct fake_config config = { .pool_reserve = ~0UL };

	(void)state;
	fake_start(&config);
	return 0;
}

int fake_teardown(void **state)
{
	(void)state;
	for (u64 i = 0; i < FAKE_PAGES; i++) {
		free(memory[i]);
		memory[i] = NULL;
	}
	return 0;
}

/* ---- events ------------------------------------------------------------------------------------------------------------ */
void check_at_rest(void)
{
	if (fake.lock_owner != -1)
		violate(V_LOCK_LEFT, "CPU %d", fake.lock_owner);
	if (nr_stale)
		violate(V_TLB_INCOMPLETE, "VM %lu, IPA %#lx", stale[0].vm, stale[0].ipa);
	if (unordered_live)
		violate(V_TABLE_UNORDERED, "%lu table words not ordered", unordered_live);
}

static u64 expected_cntvoff(void)
{
	u64 vcpu = cells.cpu_vcpu[fake.cpu];

	if (vcpu == NO_VCPU)
		return 0;
	if (cells.vm_type[vcpu / 16] == KCORE_VM_PROTECTED)
		return cells.vm_cntvoff[vcpu / 16];
	return this_cpu()->cntvoff;		/* the host's choice for its own VM */
}

/* The host has the CPU: nothing of a guest may be in it, nothing of the host's may be lost. */
static void check_host(void)
{
	struct fake_cpu *c = this_cpu();
	u64 cptr = c->host_cptr;

	check_at_rest();
	if (c->fp_guest)
		cptr |= CPTR_TFP_TZ_TSM;
	if ((c->cptr & cptr) != cptr)
		violate(c->fp_guest ? V_FP_VISIBLE : V_HOST_EL2, "CPTR_EL2 %#lx", c->cptr);
	if (!c->fp_guest && c->cptr != c->host_cptr)
		violate(V_HOST_EL2, "CPTR_EL2 %#lx", c->cptr);
	if (c->vttbr != cells.root_base || c->hcr != c->host_hcr || c->mdcr != c->host_mdcr ||
	    c->zcr != c->host_zcr || c->cnthctl != c->host_cnthctl || c->vmpidr != c->host_vmpidr || c->guest_vectors)
		violate(V_HOST_EL2, "VTTBR %#lx HCR %#lx MDCR %#lx CNTHCTL %#lx VMPIDR %#lx", c->vttbr, c->hcr, c->mdcr, c->cnthctl, c->vmpidr);
	if (c->profiling_stopped)
		violate(V_PROFILING, "the host's profiling isn't resumed");
	if (c->a32_loaded)
		violate(V_AARCH32, "HSTR_EL2 is a guest's");
	if (c->lrs_loaded)
		violate(V_GIC_PAIRING, "list registers of a guest");
	if (c->cntvoff != expected_cntvoff())
		violate(V_HOST_CNTVOFF, "CNTVOFF_EL2 %#lx", c->cntvoff);
	if (c->gic_loaded != (cells.has_gicv3 && cells.cpu_vcpu[fake.cpu] != NO_VCPU))
		violate(V_GIC_PAIRING, "VMCR and active priorities");
}

/* The guest has the CPU (D13.2.48, .37, .99, .22): what must trap does. */
static void check_guest(void)
{
	struct fake_cpu *c = this_cpu();
	u64 vcpu = cells.cpu_vcpu[fake.cpu], vm = vcpu / 16;
	const u64 hcr = 1UL << 0 /* VM */ | 1UL << 1 /* SWIO */ | 1UL << 3 /* FMO */ | 1UL << 4 /* IMO */ | 1UL << 5 /* AMO */ |
			1UL << 19 /* TSC */ | 1UL << 20 /* TIDCP */ | 1UL << 21 /* TACR */ | 1UL << 22 /* TSW */ | 1UL << 35 /* TLOR */;
	const u64 hcr_aarch64 = 1UL << 18 /* TID3 */ | 1UL << 31 /* RW */;
	const u64 hcr_may = hcr | hcr_aarch64 | 0x7UL << 6 /* VF VI VSE */ | 3UL << 13 /* TWI TWE */ | 1UL << 2 /* PTW */ | 1UL << 9 /* FB */ |
			    1UL << 10 /* BSU */ | 1UL << 26 /* TVM */ | 3UL << 36 /* TERR, TEA */ | 3UL << 40 /* APK, API */ |
			    1UL << 16 /* TID1 */ | 1UL << 17 /* TID2 */ | 1UL << 58 /* TID5 */;
	const u64 mdcr = 1UL << 5 /* TPMCR */ | 1UL << 6 /* TPM */ | 1UL << 9 /* TDA */ | 1UL << 10 /* TDOSA */ | 1UL << 11 /* TDRA */ |
			1UL << 14 /* TPMS */ | 1UL << 19 /* TTRF */;
	u64 mode = c->spsr & 0x1f;
	bool aarch32 = !(c->hcr & KCORE_HCR_RW);

	check_at_rest();
	if (vcpu == NO_VCPU || c->guest_context != cells.vcpu_context[vcpu] || !c->guest_vectors)
		violate(V_GUEST_ENTRY, "context %#lx", c->guest_context);
	if (c->vttbr != root_vttbr(vm))
		violate(V_GUEST_ENTRY, "VTTBR %#lx of VM %lu", c->vttbr, vm);
	if ((c->hcr & hcr) != hcr || (c->hcr & ~hcr_may))
		violate(V_GUEST_ENTRY, "HCR %#lx", c->hcr);
	if ((c->hcr & hcr_aarch64) != hcr_aarch64 && !aarch32)
		violate(V_GUEST_ENTRY, "HCR %#lx: no TID3", c->hcr);
	if (aarch32 != c->a32_loaded || (aarch32 && (cells.has_aarch32 != AARCH32_EL1 || cells.vm_type[vm] == KCORE_VM_PROTECTED)))
		violate(V_GUEST_ENTRY, "HCR %#lx, registers of AArch32 %s", c->hcr, c->a32_loaded ? "loaded" : "not loaded");
	if (aarch32 && (c->cptr & 0x400) && c->fpexc != 0x40000000UL)
		violate(V_GUEST_ENTRY, "FPEXC %#lx: FP doesn't trap to EL2", c->fpexc);
	if (cells.has_ras && (c->hcr >> 36 & 3) != 3)
		violate(V_GUEST_ENTRY, "HCR %#lx: no TEA, TERR", c->hcr);
	if (cells.vm_type[vm] == KCORE_VM_PROTECTED && (c->hcr & (1UL << 17 | 1UL << 26 | 3UL << 40)))
		violate(V_GUEST_ENTRY, "HCR %#lx: TID2, TVM, APK or API of a protected VM", c->hcr);
	if (cells.vm_type[vm] == KCORE_VM_PROTECTED && (~c->hcr & (1UL << 16 | 1UL << 58)))
		violate(V_GUEST_ENTRY, "HCR %#lx: no TID1, TID5 of a protected VM", c->hcr);
	if ((c->mdcr & mdcr) != mdcr || (c->mdcr & 31) != (c->host_mdcr & 31) || (c->mdcr & ~(mdcr | 31 | 1UL << 8 /* TDE */)))
		violate(V_GUEST_ENTRY, "MDCR %#lx", c->mdcr);
	if (cells.vm_type[vm] == KCORE_VM_PROTECTED && (c->mdcr & 1UL << 8))
		violate(V_GUEST_ENTRY, "MDCR %#lx: TDE of a protected VM", c->mdcr);
	if ((c->cnthctl & 2) || (cells.vm_type[vm] == KCORE_VM_PROTECTED && !(c->cnthctl & 1 /* EL1PCTEN */)))
		violate(V_GUEST_ENTRY, "CNTHCTL %#lx", c->cnthctl);
	if (cells.vm_type[vm] == KCORE_VM_NORMAL && !c->fp_guest && !((c->cptr | c->host_cptr) & CPTR_TZ)) {
		if ((c->cptr & 0x100400UL) != 0x100000UL || c->zcr > 15)
			violate(V_GUEST_ENTRY, "CPTR %#lx, ZCR %#lx with SVE", c->cptr, c->zcr);
	} else if ((c->cptr & 0x100100UL) != 0x100100UL || !(c->cptr & 0x400) != c->fp_guest || c->zcr != c->host_zcr) {
		violate(V_GUEST_ENTRY, "CPTR %#lx, ZCR %#lx", c->cptr, c->zcr);
	}
	if (aarch32 ? !(0x888f0000UL >> mode & 1) : mode != 0 && mode != 4 && mode != 5 &&
	    (mode != 0x10 || !cells.has_aarch32 || cells.vm_type[vm] == KCORE_VM_PROTECTED))
		violate(V_GUEST_ENTRY, "SPSR %#lx", c->spsr);
	if (c->profiling_stopped != cells.has_profiling)
		violate(V_PROFILING, "the host's profiling goes on in the guest");
	if (c->lrs_loaded != !!cells.has_gicv3)
		violate(V_GIC_PAIRING, "list registers at entry");
	if (cells.vm_type[vm] == KCORE_VM_PROTECTED && c->vmpidr != (0x80000000UL | vcpu % 16))
		violate(V_GUEST_ENTRY, "VMPIDR %#lx", c->vmpidr);
	if (c->cntvoff != expected_cntvoff())
		violate(V_HOST_CNTVOFF, "CNTVOFF_EL2 %#lx", c->cntvoff);
}

/* entry.S, enter_guest */
static void enter(void)
{
	struct fake_cpu *c = this_cpu();

	check_guest();
	for (u64 i = 0; i < 31; i++)
		c->guest.x[i] = peek(c->guest_context + i * 8);
	c->guest.pc = c->elr;
	c->guest.pstate = c->spsr;
	c->cptr_pending = false;	/* ERET synchronises */
	c->in_guest = true;
}

/* entry.S, host_entry */
static u64 trap_host(u64 kind)
{
	struct fake_cpu *c = this_cpu();
	u64 r;

	if (c->in_guest)
		fail_msg("CPU %lu is in a guest", fake.cpu);
	c->nr_fetched = 0;
	memcpy(c->kept_x, c->x, sizeof(c->x));
	memcpy(c->kept_el1, c->el1, sizeof(c->el1));
	c->kept_pc = c->pc;
	c->kept_pstate = c->pstate;
	r = host_trap(kind);
	if (r)
		enter();
	else
		check_host();
	return r;
}

void check_el1_kept(void)
{
	struct fake_cpu *c = this_cpu();

	if (memcmp(c->kept_el1, c->el1, sizeof(c->el1)))
		violate(V_HOST_EL1, "EL1 registers of the host changed");
}

static void check_frame_kept(u64 first)
{
	struct fake_cpu *c = this_cpu();

	for (u64 i = first; i < 31; i++)
		if (c->x[i] != c->kept_x[i])
			violate(V_HOST_FRAME, "x%lu: %#lx -> %#lx", i, c->kept_x[i], c->x[i]);
	if (c->pc != c->kept_pc || c->pstate != c->kept_pstate)
		violate(V_HOST_FRAME, "pc %#lx, pstate %#lx", c->pc, c->pstate);
}

u64 hvc(u64 fn, u64 x1, u64 x2, u64 x3, u64 x4, u64 x5)
{
	struct fake_cpu *c = this_cpu();
	bool returns_x1 = fn == KCORE_HC_VM_UNMAP || fn == KCORE_HC_VM_WRPROTECT || fn == KCORE_HC_VM_AGE || fn == KCORE_HC_VM_MEASUREMENT;
	u64 r;

	for (u64 i = 0; i < 31; i++)
		c->x[i] = 0xa0a0a0a000000000UL + i;
	c->x[0] = fn;
	c->x[1] = x1;
	c->x[2] = x2;
	c->x[3] = x3;
	c->x[4] = x4;
	c->x[5] = x5;
	c->esr = 0x16UL << 26 | 1UL << 25;
	r = trap_host(0);
	check_frame_kept(r ? 0 : fn == KCORE_HC_LOG_READ ? 5 : returns_x1 ? 2 : 1);
	if (r)
		return RUN_ENTERED;
	check_el1_kept();
	return c->x[0];
}

u64 vcpu_run(u64 vcpu)
{
	return call(VCPU_RUN, vcpu);
}

u64 guest_leave(u64 kind, u64 esr, u64 far, u64 hpfar)
{
	struct fake_cpu *c = this_cpu();
	u64 r;

	if (!c->in_guest)
		fail_msg("CPU %lu is not in a guest", fake.cpu);
	for (u64 i = 0; i < 31; i++)
		poke(c->guest_context + i * 8, c->guest.x[i]);
	poke(c->guest_context + CTX_PC, c->guest.pc);
	poke(c->guest_context + CTX_PSTATE, c->guest.pstate);
	c->elr = c->guest.pc;
	c->spsr = c->guest.pstate;
	c->in_guest = false;
	c->nr_fetched = 0;
	c->esr = esr;
	c->far = far;
	c->hpfar = hpfar;
	r = guest_exit(kind);
	if (r) {
		enter();
		return RUN_ENTERED;
	}
	check_host();
	check_el1_kept();
	check_frame_kept(1);
	return c->x[0];
}

u64 guest_trap(u64 ec, u64 iss)
{
	return guest_leave(0, ec << 26 | 1UL << 25 | iss, 0, 0);
}

u64 host_event(u64 esr, u64 far, u64 hpfar)
{
	struct fake_cpu *c = this_cpu();

	c->esr = esr;
	c->far = far;
	c->hpfar = hpfar;
	return trap_host(0);
}

void host_sync(u64 esr, u64 far, u64 hpfar)
{
	if (host_event(esr, far, hpfar))
		fail_msg("a guest was entered");
}

/* A stage-2 abort of the host.  1: the instruction runs again, 0: it doesn't. */
u64 host_fault(u64 ec, u64 iss, u64 va, u64 ipa)
{
	struct fake_cpu *c = this_cpu();
	u64 vectors = c->el1[EL1_vbar_el1];

	if (c->pc >= vectors && c->pc < vectors + 0x800)
		c->pc = vectors + 0x1000;		/* the handler has done its work */
	host_sync(ec << 26 | 1UL << 25 | iss, va, ipa >> 12 << 4);
	for (u64 i = 0; i < 31; i++)
		if (c->x[i] != c->kept_x[i])
			violate(V_HOST_FRAME, "x%lu changed by a fault", i);
	if (c->pc != c->kept_pc)
		return 0;
	check_el1_kept();
	return 1;
}

u64 host_smc_call(u64 fn, u64 x1, u64 x2, u64 x3)
{
	struct fake_cpu *c = this_cpu();

	c->x[0] = fn;
	c->x[1] = x1;
	c->x[2] = x2;
	c->x[3] = x3;
	host_sync(0x17UL << 26 | 1UL << 25, 0, 0);
	if (c->pc != c->kept_pc + 4)
		violate(V_HOST_FRAME, "an SMC didn't advance the PC");
	check_el1_kept();
	return c->x[0];
}

u64 shared(u64 vcpu, u64 off)
{
	return peek(cells.vcpu_page[vcpu] + off);
}

void shared_set(u64 vcpu, u64 off, u64 v)
{
	poke(cells.vcpu_page[vcpu] + off, v);
}
