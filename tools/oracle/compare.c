/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of the core and its machine against the top machine's. */
#include <string.h>

#include "oracle.h"

#define SAME(core, top_value, ...) do { \
	u64 core_ = (core), top_ = (top_value); \
	if (core_ != top_) \
		differs(core_, top_, __VA_ARGS__); \
} while (0)
#define NO_NUMBER	(~0UL)

__attribute__((noreturn)) static void differs(u64 core, u64 spec_value, const char *what, u64 i, u64 k)
{
	if (k != NO_NUMBER)
		deviate("%s %#lx, %#lx: core %#lx, top machine %#lx", what, i, k, core, spec_value);
	deviate("%s %#lx: core %#lx, top machine %#lx", what, i, core, spec_value);
}

static u64 compared_stores, compared_changes, compared_pages;
static u32 stale_page[FAKE_PAGES];	/* pages of normal vCPUs that run, this time */
static u32 round_nr;

void compare_start(void)
{
	compared_stores = compared_changes = compared_pages = ~0UL;
}

/* D1.2: modes that KCore enters; any other becomes an illegal state at EL1 (docs/registers.md). */
static u64 entered_pstate(u64 pstate, u64 type, u64 hcr)
{
	u64 mode = pstate & 31;

	if (!(hcr & KCORE_HCR_RW))
		return 0x888f0000UL >> mode & 1 ? pstate : (pstate & ~31UL) | 1UL << 20 | 0x13;
	if (mode == 0 || mode == 4 || mode == 5 || (mode == 0x10 && cells.has_aarch32 && type == KCORE_VM_NORMAL))
		return pstate;
	return (pstate & ~31UL) | 1UL << 20 | 5;
}

u64 core_guest_word(u64 cpu, u64 k)
{
	struct fake_cpu *c = &fake.cpus[cpu];

	if (k < 31)
		return c->guest.x[k];
	if (k == 31)
		return c->guest.pc;
	if (k == 32)
		return c->guest.pstate;
	if (k == 33)
		return peek(c->guest_context + 33 * 8);
	return c->el1[k - 34];
}

bool is_stale(u64 pa)
{
	u64 i = index_of(pa);

	if (pa % PAGE_BYTES / 8 >= W_GP)
		return false;
	for (u64 c = 0; c < FAKE_CPUS; c++) {
		u64 w = cells.cpu_vcpu[c];

		if (fake.cpus[c].in_guest && w != NO_VCPU && cells.vm_type[w / 16] == KCORE_VM_NORMAL && index_of(cells.vcpu_page[w]) == i)
			return true;
	}
	return false;
}

/* ---- tables ---------------------------------------------------------------------------------------------------------- */
/* The descriptor of D8.3.2 with KCore's attributes, from the page and rights; 0 of none. */
static u64 descriptor(u64 leaf, u64 level)
{
	u64 prot = leaf & 15, word;

	if (leaf == NO_LEAF)
		return 0;
	word = (leaf >> 4) * PAGE_BYTES | 1UL << 10 | 3UL << 8 | (level == 3 ? 3 : 1);
	word |= (prot & KCORE_PROT_DEVICE ? 1UL : 15UL) << 2;
	word |= prot & KCORE_PROT_R ? 1UL << 6 : 0;
	word |= prot & KCORE_PROT_W ? 1UL << 7 : 0;
	word |= prot & KCORE_PROT_X ? 0 : 1UL << 54;
	return word;
}

static const u64 zero_page[512];

static const u64 *table_at(u64 pa)
{
	const u64 *p;

	if (pa < REGION_BASE || pa >= REGION_END)
		deviate("table at %#lx, outside of KCore's memory", pa);
	p = page_words(index_of(pa));
	return p ? p : zero_page;
}

static void compare_pages(u64 vm, u64 block, const u64 *words, const u64 *leaves)
{
	for (u64 i = 0; i < 512; i++)
		SAME(words[i], leaves ? descriptor(leaves[i], 3) : 0, "VM and page of a descriptor", vm, block * 512 + i);
}

static void compare_blocks(u64 vm, const struct gib *g, const u64 *words)
{
	for (u64 b = 0; b < 512; b++) {
		u64 word = words[b], nr = g->number * 512 + b;
		bool table = (word & 3) == 3;

		SAME(table, g->tab[b], "VM and 2 MiB of a table", vm, nr);
		SAME(table ? 0 : word, descriptor(g->block[b], 2), "VM and block of a descriptor", vm, nr);
		if (table)
			compare_pages(vm, nr, table_at(word & 0xfffffff000UL), g->page[b]);
		else
			for (u64 i = 0; g->page[b] && i < 512; i++)
				SAME(0, descriptor(g->page[b][i], 3), "VM and page of a descriptor", vm, nr * 512 + i);
	}
}

static void compare_tables(void)
{
	for (u64 vm = 0; vm < KCORE_NR_VMS; vm++) {
		for (u64 half = 0; half < 2; half++) {
			const u64 *root = page_words(index_of(cells.root_base + vm * 8192 + half * PAGE_BYTES));

			for (u64 i = 0; (root || top_gibs[vm][half]) && i < 512; i++) {
				struct gib *g = top_gib(vm, half * 512 + i);
				u64 word = root ? root[i] : 0;
				bool table = (word & 3) == 3;

				if (!word && !g)
					continue;
				SAME(table, g ? g->table : 0, "VM and GiB of a table", vm, half * 512 + i);
				if (word && !table)
					deviate("VM %lu: %#lx at level 1", vm, word);
				if (g)
					compare_blocks(vm, g, table ? table_at(word & 0xfffffff000UL) : zero_page);
			}
		}
	}
}

/* ---- contents ----------------------------------------------------------------------------------------------------------- */
/* Pages of which the machine or the top machine has contents, without KCore's own. */
static u64 written[FAKE_PAGES], nr_written;

static void find_written(void)
{
	u64 first = index_of(REGION_BASE), last = index_of(REGION_END - PAGE_BYTES);

	nr_written = 0;
	for (u64 i = 0; i < FAKE_PAGES; i++)
		if ((i < first || i > last) && (page_words(i) || top_mem[i]))
			written[nr_written++] = i;
}

static void compare_memory(void)
{
	if (fake.new_pages + top_new_pages != compared_pages) {
		find_written();
		compared_pages = fake.new_pages + top_new_pages;
	}
	for (u64 n = 0; n < nr_written; n++) {
		u64 i = written[n];
		const u64 *p = page_words(i), *t = top_mem[i];

		p = p ? p : zero_page;
		t = t ? t : zero_page;
		if (!memcmp(p, t, PAGE_BYTES))
			continue;
		for (u64 o = stale_page[i] == round_nr ? W_GP : 0; o < 512; o++)
			SAME(p[o], t[o], "number and word of a page", i, o);
	}
}

static void compare_context(u64 w)
{
	u64 context = cells.vcpu_context[w], vm = w / 16;
	u64 *const *t = top_ctx;
	bool running = top.vcpu_state[w] == VCPU_LOADED && top.cpu_run[top.vcpu_cpu[w]];

	for (u64 k = 0; !running && k < W_GP; k++)
		SAME(peek(context + k * 8), top_word(t, w, k), "vCPU and register in its context", w, k);
	for (u64 k = W_FP; k < W_FP + 66; k++)
		SAME(peek(context + k * 8), top_word(t, w, k), "vCPU and FP register in its context", w, k);
	SAME(cells.vcpu_far[w], top_word(t, w, W_KEPT), "FAR kept of vCPU", w, NO_NUMBER);
	SAME(cells.vcpu_entry[w], top_word(t, w, W_KEPT + 1), "entry point kept of vCPU", w, NO_NUMBER);
	SAME(cells.vcpu_entry_x0[w], top_word(t, w, W_KEPT + 2), "entry x0 kept of vCPU", w, NO_NUMBER);
	if (w % 16 == 0 && top.vm_state[vm] == VM_READY)
		SAME(cells.vm_cntvoff[vm], top_word(t, w, W_CNTVOFF), "timer offset of VM", vm, NO_NUMBER);
}

static void compare_guest(u64 c)
{
	struct fake_cpu *f = &fake.cpus[c];
	u64 w = top.cpu_vcpu[c], type = top.vm_type[w / 16];

	for (u64 k = 0; k < W_GP; k++)
		if (k != W_PSTATE && k != 33)
			SAME(core_guest_word(c, k), guest_word(c, k), "CPU and register of its guest", c, k);
	SAME(f->guest.pstate, entered_pstate(guest_word(c, W_PSTATE), type, f->hcr), "PSTATE of the guest on CPU", c, NO_NUMBER);
	SAME(f->hcr & RUN_BITS, top_word(top_io, w, W_IO), "wishes in HCR_EL2 on CPU", c, NO_NUMBER);
	for (u64 i = 0; !f->elrsr && !(f->hcr & KCORE_HCR_RW) && i < 6; i++)
		SAME(f->a32[i], top_word(top_io, w, W_A32 + i), "CPU and register of AArch32", c, i);
	if (!cells.has_gicv3)
		return;
	SAME(f->lrs, top_word(top_io, w, W_USED), "list registers in use on CPU", c, NO_NUMBER);
	if (f->lrs)
		SAME(f->ich_hcr, top_word(top_io, w, W_HCR), "ICH_HCR_EL2 on CPU", c, NO_NUMBER);
	for (u64 i = 0; !f->elrsr && i < f->lrs; i++)
		SAME(f->lr[i], top_word(top_io, w, W_LR + i), "CPU and list register", c, i);
}

static void compare_cpu(u64 c, bool busy)
{
	struct fake_cpu *f = &fake.cpus[c];
	u64 w = top.cpu_vcpu[c];

	SAME(cells.cpu_vcpu[c], w, "vCPU on CPU", c, NO_NUMBER);
	SAME(cells.cpu_fp[c] != 0, top.cpu_fp[c], "FP registers are a guest's on CPU", c, NO_NUMBER);
	if (w != NO_VCPU)
		SAME(top.vcpu_cpu[w], c, "CPU of the vCPU on CPU", c, NO_NUMBER);
	for (u64 i = 0; i < 64; i++)
		SAME(f->fp[i], top.fpm[c][W_FP + 2 + i], "CPU and FP register", c, i);
	SAME(f->fp[64], top.fpm[c][W_FP], "FPSR of CPU", c, NO_NUMBER);
	SAME(f->fp[65], top.fpm[c][W_FP + 1], "FPCR of CPU", c, NO_NUMBER);
	if (cells.has_gicv3) {
		SAME(f->vmcr, w == NO_VCPU ? top.hreg[c][R_VMCR] : top_word(top_io, w, W_VMCR), "ICH_VMCR_EL2 on CPU", c, NO_NUMBER);
		if (w != NO_VCPU) {
			u64 bits = (cells.ich_vtr >> 26 & 7) + 1;

			for (u64 i = 0; i < (bits >= 7 ? 4 : bits >= 6 ? 2 : 1); i++) {
				SAME(f->ap0r[i], top_word(top_io, w, W_AP0R + i), "CPU and ICH_AP0R", c, i);
				SAME(f->ap1r[i], top_word(top_io, w, W_AP1R + i), "CPU and ICH_AP1R", c, i);
			}
		}
	}
	if (busy)
		return;
	SAME(f->in_guest, top.cpu_run[c], "a guest runs on CPU", c, NO_NUMBER);
	for (u64 i = 0; i < 31; i++)
		SAME(f->x[i], top.hreg[c][i], "CPU and register of the host", c, i);
	if (f->in_guest)
		compare_guest(c);
}

/* ---- bookkeeping -------------------------------------------------------------------------------------------------------- */
#define CELLS(a, b, what) do { \
	if (memcmp(a, b, sizeof(b))) \
		for (u64 i_ = 0; i_ < sizeof(b) / sizeof((b)[0]); i_++) \
			SAME((a)[i_], (b)[i_], what, i_, NO_NUMBER); \
} while (0)

static void compare_cells(void)
{
	CELLS(page_owner_cells, top.owner, "owner of page number");
	CELLS(page_maps_cells, top.maps, "mappings of page number");
	CELLS(cells.vm_state, top.vm_state, "state of VM");
	CELLS(cells.vm_type, top.vm_type, "type of VM");
	CELLS(cells.vm_vcpus, top.vm_vcpus, "vCPUs of VM");
	CELLS(cells.vm_loaded, top.vm_loaded, "loaded vCPUs of VM");
	CELLS(cells.vm_pages, top.vm_pages, "pages of VM");
	CELLS(cells.vm_tables, top.vm_tables, "tables of VM");
	CELLS(cells.vm_mem_base, top.vm_base, "memory base of VM");
	CELLS(cells.vm_mem_end, top.vm_end, "memory end of VM");
	CELLS(cells.vm_cursor, top.vm_cursor, "cursor of VM");
	CELLS(cells.vm_guards, top.vm_guards, "ranges of VM");
	for (u64 vm = 0; vm < KCORE_NR_VMS; vm++)
		for (u64 i = vm * GUARD_RANGES; i < vm * GUARD_RANGES + cells.vm_guards[vm]; i++) {
			SAME(cells.guard_base[i], top.guard_base[i], "start of range", i, NO_NUMBER);
			SAME(cells.guard_end[i], top.guard_end[i], "end of range", i, NO_NUMBER);
		}
	CELLS(cells.vcpu_state, top.vcpu_state, "state of vCPU");
	CELLS(cells.vcpu_power, top.vcpu_power, "power of vCPU");
	CELLS(cells.vcpu_pending, top.vcpu_pending, "pending answer of vCPU");
	CELLS(cells.vcpu_page, top.vcpu_page, "page of vCPU");
	SAME(cells.pages_vm, top.cnt[KCORE_STAT_pages_vm], "counter", KCORE_STAT_pages_vm, NO_NUMBER);
	SAME(cells.pool_free, top.cnt[KCORE_STAT_pool_free], "counter", KCORE_STAT_pool_free, NO_NUMBER);
	SAME(cells.pool_pages, top.cnt[KCORE_STAT_pool_total], "counter", KCORE_STAT_pool_total, NO_NUMBER);
	SAME(cells.pages_core, top.cnt[KCORE_STAT_pages_core], "counter", KCORE_STAT_pages_core, NO_NUMBER);
	SAME(cells.vms_alive, top.cnt[KCORE_STAT_vms], "counter", KCORE_STAT_vms, NO_NUMBER);
	SAME(cells.vcpus_alive, top.cnt[KCORE_STAT_vcpus], "counter", KCORE_STAT_vcpus, NO_NUMBER);
	SAME(cells.pages_scrubbed, top.cnt[KCORE_STAT_pages_scrubbed], "counter", KCORE_STAT_pages_scrubbed, NO_NUMBER);
	SAME(cells.pool_reserve, top.cnt[N_RESERVE], "reserve of the pool", 0, NO_NUMBER);
	for (u64 c = 0; c < FAKE_CPUS; c++)
		for (u64 k = 0; k < KCORE_NR_STATS; k++)
			if (k != KCORE_STAT_el2_max)
				SAME(cells.cpu_stat[c * KCORE_NR_STATS + k], top.stat[c * KCORE_NR_STATS + k], "CPU and counter", c, k);
	SAME(cells.log_next, top.log_next, "events in the log", 0, NO_NUMBER);
	CELLS(cells.log_event, top.log_event, "event of the log");
	CELLS(cells.log_a, top.log_a, "first value of the log");
	CELLS(cells.log_b, top.log_b, "second value of the log");
}

void compare(u64 busy)
{
	compare_cells();
	round_nr++;
	for (u64 c = 0; c < FAKE_CPUS; c++) {
		u64 w = cells.cpu_vcpu[c];

		if (fake.cpus[c].in_guest && w != NO_VCPU && cells.vm_type[w / 16] == KCORE_VM_NORMAL)
			stale_page[index_of(cells.vcpu_page[w])] = round_nr;
	}
	if (compared_stores != fake.pt_stores || compared_changes != top_tables_changed) {
		compare_tables();
		compared_stores = fake.pt_stores;
		compared_changes = top_tables_changed;
	}
	for (u64 vm = 1; vm < KCORE_NR_VMS; vm++)
		for (u64 w = vm * 16; top.vm_vcpus[vm] && w < vm * 16 + 16; w++) {
			if (top.vcpu_state[w] == VCPU_FREE)
				continue;
			if (top.vcpu_pending[w] != PENDING_NONE)
				SAME(cells.vcpu_esr[w], top.vcpu_esr[w], "syndrome kept of vCPU", w, NO_NUMBER);
			if (top.vm_type[vm] == KCORE_VM_PROTECTED)
				compare_context(w);
			else
				SAME(cells.vcpu_context[w], top.vcpu_page[w], "context of vCPU", w, NO_NUMBER);
		}
	compare_memory();
	for (u64 c = 0; c < FAKE_CPUS; c++)
		compare_cpu(c, c == busy);
}
