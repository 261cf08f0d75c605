// SPDX-License-Identifier: GPL-2.0-only
/* The table for terminals, JSON, JUnit XML, TAP. */
#include "report.h"
#include "escape.h"

#include <string.h>

static const char *const marks[NR_STATUS] = { "ok", "skip", ".", "...", "FAIL" };

void print_table(FILE *out, const struct matrix *m)
{
	fprintf(out, "%-8s", "");
	for (size_t s = 0; s < m->nr_stages; s++)
		fprintf(out, " %9s", m->stages[s]);
	fputc('\n', out);
	for (size_t r = 0; r < m->nr_releases; r++) {
		fprintf(out, "%-8s", m->releases[r]);
		for (size_t s = 0; s < m->nr_stages; s++) {
			const struct cell *c = cell_at(m, r, s);
			char text[32];

			snprintf(text, sizeof(text), c->status == PASS || c->status == FAIL ? "%s %.0fs" : "%s", marks[c->status], c->seconds);
			fprintf(out, " %9s", text);
		}
		fputc('\n', out);
	}
	fprintf(out, "%zu passed, %zu failed, %zu skipped, %zu to do\n", m->count[PASS], m->count[FAIL], m->count[SKIP],
		m->count[WAITING] + m->count[RUNNING]);
}

void print_json(FILE *out, const struct matrix *m)
{
	json_t *root = json_object(), *cells = json_array(), *counts = json_object();

	for (size_t i = 0; i < NR_STATUS; i++)
		json_object_set_new(counts, status_names[i], json_integer((json_int_t)m->count[i]));
	for (size_t r = 0; r < m->nr_releases; r++) {
		for (size_t s = 0; s < m->nr_stages; s++) {
			const struct cell *c = cell_at(m, r, s);

			json_array_append_new(cells, json_pack("{ss ss ss ss sf ss ss sO* ss*}", "release", c->release, "stage", c->stage,
				"status", status_names[c->status], "reason", c->reason, "seconds", c->seconds, "key", c->key,
				"command", c->command, "ran", c->ran, "log", c->log));
		}
	}
	json_object_set_new(root, "counts", counts);
	json_object_set_new(root, "seconds", json_real(m->seconds));
	json_object_set_new(root, "cells", cells);
	json_dumpf(root, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(root);
}

/* One test suite for each release; a cell that did not run is skipped with its reason, never passed */
void print_junit(FILE *out, const struct matrix *m)
{
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	for (size_t r = 0; r < m->nr_releases; r++) {
		size_t count[NR_STATUS] = { 0 };

		for (size_t s = 0; s < m->nr_stages; s++)
			count[cell_at(m, r, s)->status]++;
		fprintf(out, "<testsuite name=\"%s\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n", m->releases[r], m->nr_stages,
			count[FAIL], count[SKIP] + count[WAITING] + count[RUNNING]);
		for (size_t s = 0; s < m->nr_stages; s++) {
			const struct cell *c = cell_at(m, r, s);

			fprintf(out, "<testcase classname=\"%s\" name=\"%s\" time=\"%.1f\">", c->release, c->stage, c->seconds);
			if (c->status == FAIL) {
				fprintf(out, "<failure message=\"");
				print_escaped(out, c->reason);
				fprintf(out, "\">");
				print_escaped(out, c->tail ? c->tail : "");
				fprintf(out, "</failure>");
			} else if (c->status != PASS) {
				fprintf(out, "<skipped message=\"");
				print_escaped(out, c->status == SKIP ? c->reason : "was not run");
				fprintf(out, "\"/>");
			}
			fprintf(out, "</testcase>\n");
		}
		fprintf(out, "</testsuite>\n");
	}
	fprintf(out, "</testsuites>\n");
}

void print_tap(FILE *out, const struct matrix *m)
{
	size_t n = 0;

	fprintf(out, "TAP version 13\n1..%zu\n", m->nr_releases * m->nr_stages);
	for (size_t r = 0; r < m->nr_releases; r++) {
		for (size_t s = 0; s < m->nr_stages; s++) {
			const struct cell *c = cell_at(m, r, s);

			fprintf(out, "%sok %zu - %s: %s", c->status == FAIL ? "not " : "", ++n, c->release, c->stage);
			if (c->status == FAIL)
				fprintf(out, "\n# %s", c->reason);
			else if (c->status != PASS)
				fprintf(out, " # SKIP %s", c->status == SKIP ? c->reason : "was not run");
			fputc('\n', out);
		}
	}
}
