/* SPDX-License-Identifier: GPL-2.0-only */
/* The extracted top machine: the OCaml runtime, actions that are given to it, and its state as it tells of changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define CAML_NAME_SPACE
#include <caml/mlvalues.h>
#include <caml/callback.h>

#include "oracle.h"

u64 spec_args[4096];
u64 spec_audit, spec_broken;
struct spec_state top;
u64 *top_mem[FAKE_PAGES], *top_ctx[KCORE_NR_VCPUS], *top_io[KCORE_NR_VCPUS];
u64 top_tables_changed, top_new_pages;

static const value *serve, *message;
static struct gib *gibs[KCORE_NR_VMS][1024], *all_gibs;
u32 top_gibs[KCORE_NR_VMS][2];
static char trouble[256];		/* what could not be told of a change */

/* As in tables.ml */
enum { K_OWNER, K_MAPS, K_VM, K_VCPU, K_CPU, K_CNT, K_STAT, K_LOG, K_S1, K_TAB, K_BLOCK, K_PAGE, K_MEM, K_CTX, K_FPM, K_HREG, K_IO };

int64_t spec_arg(intnat k)
{
	return (int64_t)spec_args[k];
}

value spec_arg_byte(value k)
{
	(void)k;
	abort();			/* the bytecode's: nothing runs it */
}

value spec_emit_byte(value k, value a, value b, value n)
{
	(void)k;
	(void)a;
	(void)b;
	(void)n;
	abort();
}

static void *need(void *p)
{
	if (!p) {
		fputs("oracle: out of memory\n", stderr);
		exit(3);
	}
	return p;
}

static u64 *words(u64 **t, u64 i, u64 n)
{
	if (!t[i]) {
		t[i] = need(calloc(n, sizeof(u64)));
		top_new_pages++;
	}
	return t[i];
}

u64 top_word(u64 *const *t, u64 i, u64 k)
{
	return t[i] ? t[i][k] : 0;
}

struct gib *top_gib(u64 vm, u64 number)
{
	return gibs[vm][number];
}

static struct gib *make_gib(u64 vm, u64 number)
{
	struct gib *g = gibs[vm][number];

	if (!g) {
		g = need(calloc(1, sizeof(*g)));
		g->vm = vm;
		g->number = number;
		g->next = all_gibs;
		memset(g->block, 0xff, sizeof(g->block));
		all_gibs = gibs[vm][number] = g;
		top_gibs[vm][number / 512]++;
	}
	return g;
}

static void forget(void)
{
	while (all_gibs) {
		struct gib *g = all_gibs;

		all_gibs = g->next;
		gibs[g->vm][g->number] = NULL;
		top_gibs[g->vm][g->number / 512] = 0;
		for (u64 i = 0; i < 512; i++)
			free(g->page[i]);
		free(g);
	}
	for (u64 i = 0; i < FAKE_PAGES; i++) {
		free(top_mem[i]);
		top_mem[i] = NULL;
	}
	for (u64 w = 0; w < KCORE_NR_VCPUS; w++) {
		free(top_ctx[w]);
		free(top_io[w]);
		top_ctx[w] = top_io[w] = NULL;
	}
	memset(&top, 0, sizeof(top));
	top_tables_changed = 1;
}

static void emit_stage2(intnat k, u64 vm, u64 i, u64 n)
{
	top_tables_changed++;
	switch (k) {
	case K_S1:
		make_gib(vm, i)->table = n;
		break;
	case K_TAB:
		make_gib(vm, i / 512)->tab[i % 512] = n;
		break;
	case K_BLOCK:
		make_gib(vm, i / 512)->block[i % 512] = n;
		break;
	default: {
		struct gib *g = make_gib(vm, i >> 18);
		u64 b = i >> 9 & 511;

		if (!g->page[b]) {
			g->page[b] = need(malloc(4096));
			memset(g->page[b], 0xff, 4096);
		}
		g->page[b][i & 511] = n;
	}
	}
}

static void emit_vm(u64 v, u64 field, u64 n)
{
	switch (field) {
	case 0: top.vm_state[v] = (u32)n; break;
	case 1: top.vm_type[v] = (u32)n; break;
	case 2: top.vm_vcpus[v] = (u32)n; break;
	case 3: top.vm_loaded[v] = (u32)n; break;
	case 4: top.vm_pages[v] = n; break;
	case 5: top.vm_tables[v] = n; break;
	case 6: top.vm_base[v] = n; break;
	case 7: top.vm_end[v] = n; break;
	case 8: top.vm_cursor[v] = n * PAGE_BYTES; break;
	case 9: top.vm_guards[v] = (u32)n; break;
	default: (field % 2 ? top.guard_end : top.guard_base)[v * GUARD_RANGES + (field - 10) / 2] = n * PAGE_BYTES;
	}
}

static void emit_vcpu(u64 w, u64 field, u64 n)
{
	switch (field) {
	case 0: top.vcpu_state[w] = (u32)n; break;
	case 1: top.vcpu_power[w] = (u32)n; break;
	case 2: top.vcpu_pending[w] = (u32)n; break;
	case 3: top.vcpu_esr[w] = n; break;
	case 4: top.vcpu_page[w] = n * PAGE_BYTES; break;
	default: top.vcpu_cpu[w] = (u32)n;
	}
}

value spec_emit(intnat k, intnat a, intnat b, int64_t value_)
{
	u64 n = (u64)value_, i = (u64)a, j = (u64)b;

	/* their cells have 32 bits; a count that doesn't fit is the core's or the top machine's fault */
	if (n >> 32 && (k == K_MAPS || (k == K_VM && j < 4)) && !trouble[0])
		snprintf(trouble, sizeof(trouble), "the top machine counts %#lx", n);
	switch (k) {
	case K_OWNER: top.owner[i] = (u32)n; break;
	case K_MAPS: top.maps[i] = (u32)n; break;
	case K_VM: emit_vm(i, j, n); break;
	case K_VCPU: emit_vcpu(i, j, n); break;
	case K_CPU: (j == 0 ? top.cpu_vcpu : j == 1 ? top.cpu_run : top.cpu_fp)[i] = (u32)n; break;
	case K_CNT: top.cnt[i] = n; break;
	case K_STAT: top.stat[i * KCORE_NR_STATS + j] = n; break;
	case K_LOG: {
		u64 at = top.log_next % LOG_ENTRIES;

		(j == 0 ? top.log_event : j == 1 ? top.log_a : top.log_b)[at] = n;
		top.log_next += j == 2;
		break;
	}
	case K_MEM: words(top_mem, i, 512)[j] = n; break;
	case K_CTX: words(top_ctx, i, 203)[j] = n; break;
	case K_IO: words(top_io, i, 105)[j] = n; break;
	case K_FPM: top.fpm[i][j] = n; break;
	case K_HREG: top.hreg[i][j] = n; break;
	default: emit_stage2(k, i, j, n);
	}
	return Val_unit;
}

void spec_init(char **argv)
{
	caml_startup(argv);
	serve = caml_named_value("spec_serve");
	message = caml_named_value("spec_message");
	if (!serve || !message) {
		fputs("oracle: the top machine isn't linked in\n", stderr);
		exit(3);
	}
}

u64 spec_do(enum action a)
{
	int64_t r;

	trouble[0] = 0;
	r = Int64_val(caml_callback(*serve, Val_int((int)a)));
	if (r < 0)
		deviate("top: %s", String_val(caml_callback(*message, Val_unit)));
	if (trouble[0])
		deviate("top: %s", trouble);
	return (u64)r;
}

void spec_start(const struct machine *m)
{
	u64 k = 0;

	forget();
	spec_args[k++] = cells.nr_dram;
	for (u64 i = 0; i < cells.nr_dram; i++) {
		spec_args[k++] = cells.dram_base[i] / PAGE_BYTES;
		spec_args[k++] = cells.dram_end[i] / PAGE_BYTES;
	}
	spec_args[k++] = cells.nr_denied;
	for (u64 i = 0; i < cells.nr_denied; i++) {
		spec_args[k++] = cells.denied_base[i] / PAGE_BYTES;
		spec_args[k++] = cells.denied_end[i] / PAGE_BYTES;
	}
	spec_args[k++] = REGION_BASE / PAGE_BYTES;
	spec_args[k++] = REGION_END / PAGE_BYTES;
	spec_args[k++] = m->pool;
	spec_args[k++] = m->reserve;
	spec_args[k++] = REGION_BYTES / PAGE_BYTES;
	spec_args[k++] = m->vtr != 0;
	spec_args[k++] = m->ras;
	spec_args[k++] = m->aarch32 == AARCH32_EL1;
	spec_args[k++] = FAKE_CPUS;
	spec_args[k++] = spec_audit;
	spec_args[k++] = spec_broken;
	for (u64 c = 0; c < FAKE_CPUS; c++) {
		spec_args[k++] = cells.ich_vtr;
		spec_args[k++] = fake.cpus[c].host_mdcr;
		spec_args[k++] = cells.region_base;
		spec_args[k++] = cells.region_size;
		spec_args[k++] = cells.image_size;
		spec_args[k++] = cells.signed_only;
	}
	spec_do(S_RESET);
	for (u64 c = 0; c < FAKE_CPUS; c++) {
		for (u64 i = 0; i < 31; i++)
			spec(S_WORD, K_HREG, c, i, fake.cpus[c].x[i]);
		for (u64 i = 0; i < 64; i++)
			spec(S_WORD, K_FPM, c, W_FP + 2 + i, fake.cpus[c].fp[i]);
		spec(S_WORD, K_FPM, c, W_FP, fake.cpus[c].fp[64]);
		spec(S_WORD, K_FPM, c, W_FP + 1, fake.cpus[c].fp[65]);
	}
}

u64 guest_word(u64 cpu, u64 k)
{
	u64 w = top.cpu_vcpu[cpu];

	if (w == NO_VCPU)
		return 0;
	if (top.vm_type[w / 16] == KCORE_VM_PROTECTED)
		return top_word(top_ctx, w, k);
	return top_word(top_mem, index_of(top.vcpu_page[w]), k);
}
