/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * oracle-trace FILE: a console on which ci/tests/trace has written the host's calls and KCore's answers on a real machine; the top
 * machine is asked the same, call by call, and must answer the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define CAML_NAME_SPACE
#include <caml/mlvalues.h>
#include <caml/callback.h>

#include <kcore/types.h>
#include <kcore/abi.h>

/* As in tables.ml and oracle.h */
enum { S_RESET, S_WORD, S_HSET, S_CALL, S_STUB = 7 };
enum { K_HREG = 15, R_VMCR = 64 };

static u64 args[256], host[65];
static const value *serve, *message;
static u64 line_nr, first_log, base[KCORE_NR_STATS], info[KCORE_INFO_NR], calls_before, host_tables, vmcr;
static u64 made, errors, compared, stat_reads;

int64_t spec_arg(intnat k);
value spec_arg_byte(value k);
value spec_emit(intnat k, intnat a, intnat b, int64_t n);
value spec_emit_byte(value k, value a, value b, value n);

int64_t spec_arg(intnat k)
{
	return (int64_t)args[k];
}

value spec_arg_byte(value k)
{
	(void)k;
	abort();
}

value spec_emit_byte(value k, value a, value b, value n)
{
	(void)k;
	(void)a;
	(void)b;
	(void)n;
	abort();
}

value spec_emit(intnat k, intnat a, intnat b, int64_t n)
{
	if (k == K_HREG && a == 0)
		host[b] = (u64)n;
	return Val_unit;
}

static void spec(int action)
{
	if (Int64_val(caml_callback(*serve, Val_int(action))) < 0) {
		printf("deviation: line %lu: top: %s\n", line_nr, String_val(caml_callback(*message, Val_unit)));
		exit(1);
	}
}

static void reset(u64 region, u64 bytes, u64 dram, u64 dram_end)
{
	u64 k = 0;

	args[k++] = 1;
	args[k++] = dram >> 12;
	args[k++] = dram_end >> 12;
	args[k++] = 0;
	args[k++] = region >> 12;
	args[k++] = (region + bytes) >> 12;
	args[k++] = base[KCORE_STAT_pool_free];	/* what the host's own tables have taken before is not there */
	args[k++] = 0;
	args[k++] = base[KCORE_STAT_pages_core];
	args[k++] = info[KCORE_INFO_ICH_VTR] != 0;
	args[k++] = 0;					/* RAS and AArch32: no guest runs here */
	args[k++] = 0;
	args[k++] = 1;
	args[k++] = 0;
	args[k++] = 0;
	for (u64 i = 0; i < KCORE_INFO_NR; i++)
		args[k++] = info[i];
	spec(S_RESET);
	args[0] = K_HREG;
	args[1] = 0;
	args[2] = R_VMCR;
	args[3] = vmcr;
	spec(S_WORD);
}

/* What a counter's answer has to be, from the top machine's; false: nothing that it knows. */
static bool counter(u64 id, u64 core, u64 top, u64 *want)
{
	*want = top + base[id];
	switch (id) {
	case KCORE_STAT_host_fault:
	case KCORE_STAT_host_injected:
	case KCORE_STAT_host_smc:
	case KCORE_STAT_host_smc_denied:
	case KCORE_STAT_el2_max:
		return false;			/* the kernel's own */
	case KCORE_STAT_host_call:
		*want = top + calls_before + 1;
		return true;
	case KCORE_STAT_pool_free:		/* the host's tables take pages, whenever it touches memory, and never give one back */
		*want = core;
		if (core > top || top - core < host_tables)
			*want = top - host_tables;
		else
			host_tables = top - core;
		return true;
	case KCORE_STAT_pool_total:
	case KCORE_STAT_pages_core:
		*want = base[id];
		return true;
	default:
		return true;
	}
}

static void compare(const u64 *x, const u64 *r)
{
	u64 fn = x[0], want = host[0];
	bool returns_x1 = fn == KCORE_HC_VM_UNMAP || fn == KCORE_HC_VM_WRPROTECT || fn == KCORE_HC_VM_AGE || fn == KCORE_HC_VM_MEASUREMENT;

	if (fn == KCORE_HC_STATS_READ && x[1] < KCORE_NR_STATS) {
		stat_reads++;
		if (!counter(x[1], r[0], host[0], &want))
			return;
	}
	compared++;
	if (r[0] != want || (returns_x1 && r[1] != host[1]) ||
	    (fn == KCORE_HC_LOG_READ && r[0] == 0 && (r[1] != host[1] || r[2] != host[2] || r[3] != host[3]))) {
		printf("deviation: line %lu: call %#lx(%#lx, %#lx, %#lx, %#lx, %#lx): KCore %#lx %#lx %#lx %#lx, top machine %#lx %#lx %#lx %#lx\n",
		       line_nr, fn, x[1], x[2], x[3], x[4], x[5], r[0], r[1], r[2], r[3], want, host[1], host[2], host[3]);
		exit(1);
	}
}

static void one(const u64 *x, const u64 *r)
{
	u64 fn = x[0];

	made++;
	errors += r[0] >= KCORE_ERR_MIN;
	args[0] = 0;
	args[1] = 6;
	for (u64 i = 0; i < 6; i++) {
		args[2 + 2 * i] = i;
		args[3 + 2 * i] = x[i];
	}
	spec(S_HSET);
	if (fn < KCORE_STUB_CALLS) {
		args[0] = 0;
		spec(S_STUB);
	} else {
		args[0] = 0;
		for (u64 i = 0; i < 6; i++)
			args[1 + i] = x[i];
		if (fn == KCORE_HC_LOG_READ)
			args[2] -= first_log;	/* before the trace: the installation, and what came after it */
		/* what only KCore knows */
		args[7] = fn == KCORE_HC_VM_START || fn == KCORE_HC_VM_QUOTE ? r[0] == 0 : fn == KCORE_HC_VM_MEASUREMENT ? r[1] : 0;
		args[8] = 0;
		spec(S_CALL);
	}
	compare(x, r);
}

int main(int argc, char **argv)
{
	char line[512];
	u64 m[5], x[6], r[4], id, v, end_made = 0, end_errors = 0;
	bool machine = false, ended = false, ready = false;
	FILE *f;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		puts("Usage: oracle-trace CONSOLE\n"
		     "Read a console on which ci/tests/trace has written calls of the host and KCore's answers, and ask the top machine the same.\n"
		     "Exit status: 0 all the same, 1 a deviation or a trace that is not whole, 2 usage, 3 environment.  docs/oracle.md has more.");
		return 0;
	}
	if (argc != 2) {
		fputs("oracle-trace: one file; see --help\n", stderr);
		return 2;
	}
	f = fopen(argv[1], "r");
	if (!f) {
		fprintf(stderr, "oracle-trace: %s: %s\n", argv[1], strerror(errno));
		return 3;
	}
	caml_startup(argv);
	serve = caml_named_value("spec_serve");
	message = caml_named_value("spec_message");
	if (!serve || !message)
		return 3;
	while (fgets(line, sizeof(line), f)) {
		line_nr++;
		if (sscanf(line, "ORACLE machine %lx %lx %lx %lx log %lx", &m[0], &m[1], &m[2], &m[3], &m[4]) == 5) {
			machine = true;
			first_log = m[4];
		} else if (sscanf(line, "ORACLE info %lx %lx", &id, &v) == 2 && id < KCORE_INFO_NR) {
			info[id] = v;
		} else if (sscanf(line, "ORACLE vmcr %lx", &v) == 1) {
			vmcr = v;
		} else if (sscanf(line, "ORACLE stat %lx %lx", &id, &v) == 2 && id < KCORE_NR_STATS) {
			base[id] = v;
		} else if (sscanf(line, "ORACLE calls %lx", &calls_before) == 1 && machine) {
			reset(m[0], m[1], m[2], m[3]);
			ready = true;
		} else if (sscanf(line, "ORACLE end %lx %lx", &end_made, &end_errors) == 2) {
			ended = true;
		} else if (ready && sscanf(line, "O %lx %lx %lx %lx %lx %lx = %lx %lx %lx %lx", &x[0], &x[1], &x[2], &x[3], &x[4], &x[5], &r[0], &r[1], &r[2],
					   &r[3]) == 10) {
			one(x, r);
		}
	}
	fclose(f);
	if (!ended || made != end_made || errors != end_errors || made == 0) {
		printf("deviation: %s: %lu calls, %lu errors read, %lu and %lu written: the console has lost lines\n", argv[1], made, errors,
		       end_made, end_errors);
		return 1;
	}
	printf("# %lu calls (%lu refused by both), %lu answers compared, %lu of them counters: the top machine's\n", made, errors, compared, stat_reads);
	return 0;
}
