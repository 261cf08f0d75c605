// SPDX-License-Identifier: GPL-2.0-only
/* One page: no script, nothing from elsewhere, readable on a narrow screen. */
#include "report.h"
#include "escape.h"

#include <string.h>

static const char style[] =
	":root{color-scheme:light dark}"
	"body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:68rem}"
	"h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}"
	".scroll{overflow-x:auto}"
	"table{border-collapse:collapse}th,td{padding:.35rem .55rem;text-align:left;vertical-align:top}"
	"thead th{font-weight:600;border-bottom:2px solid #8886}tbody tr+tr>*{border-top:1px solid #8884}"
	"th[scope=row]{position:sticky;left:0;background:Canvas;white-space:nowrap}"
	".m td{text-align:center;padding:0}.m td a{display:block;padding:.35rem .5rem;text-decoration:none;color:inherit;min-width:3.4rem}"
	".m small{display:block;opacity:.75}"
	".pass{background:#2a92}.fail{background:#d336;font-weight:600}.skip{background:#ca02}.waiting,.running{opacity:.6}"
	"pre{overflow-x:auto;font-size:.8rem;background:#8881;padding:.6rem;margin:.4rem 0}code{overflow-wrap:anywhere;font-size:.9em}"
	"ul{margin:.2rem 0;padding-left:1.2rem}summary{cursor:pointer;padding:.2rem 0}summary .s{padding:.05rem .45rem;border-radius:.3rem}"
	".note{opacity:.8}";

static void print_time(FILE *out, double seconds)
{
	if (seconds < 120)
		fprintf(out, "%.0f s", seconds);
	else
		fprintf(out, "%.0f min", seconds / 60);
}

static void grid(FILE *out, const struct matrix *m)
{
	fprintf(out, "<div class=scroll><table class=m><thead><tr><th>release");
	for (size_t s = 0; s < m->nr_stages; s++)
		fprintf(out, "<th>%s", m->stages[s]);
	fprintf(out, "</thead><tbody>\n");
	for (size_t r = 0; r < m->nr_releases; r++) {
		fprintf(out, "<tr><th scope=row><a href=\"#%s\">%s</a>", m->releases[r], m->releases[r]);
		for (size_t s = 0; s < m->nr_stages; s++) {
			const struct cell *c = cell_at(m, r, s);

			fprintf(out, "<td class=%s><a href=\"#%s-%s\">%s<small>", status_names[c->status], c->release, c->stage,
				c->status == WAITING ? "not run" : status_names[c->status]);
			if (c->status == PASS || c->status == FAIL)
				print_time(out, c->seconds);
			else
				fprintf(out, "&nbsp;");
			fprintf(out, "</small></a>");
		}
		fprintf(out, "\n");
	}
	fprintf(out, "</tbody></table></div>\n");
}

static void one_cell(FILE *out, const struct cell *c)
{
	json_t *line;
	size_t i;

	fprintf(out, "<details id=\"%s-%s\"%s><summary><b>%s</b> <span class=\"s %s\">%s</span> ", c->release, c->stage,
		c->status == FAIL ? " open" : "", c->stage, status_names[c->status],
		c->status == WAITING ? "not run" : status_names[c->status]);
	if (c->status == PASS || c->status == FAIL)
		print_time(out, c->seconds);
	if (*c->reason) {
		fprintf(out, " <span class=note>");
		print_escaped(out, c->reason);
		fprintf(out, "</span>");
	}
	fprintf(out, "</summary>\n");
	if (json_array_size(c->ran)) {
		fprintf(out, "<ul>");
		json_array_foreach(c->ran, i, line) {
			fprintf(out, "<li><code>");
			print_escaped(out, json_string_value(line) ? json_string_value(line) : "");
			fprintf(out, "</code>\n");
		}
		fprintf(out, "</ul>");
	}
	if (c->log) {
		fprintf(out, "<p class=note>End of <a href=\"%s\">the log</a>; again by <code>", c->log);
		print_escaped(out, c->command);
		fprintf(out, " --again</code>; key <code>%.16s</code></p><pre>", c->key);
		print_escaped(out, c->tail);
		fprintf(out, "</pre>");
	}
	fprintf(out, "</details>\n");
}

static const char *string_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void ledger(FILE *out, json_t *retrofit)
{
	json_t *hook, *place, *patch;
	json_int_t hunks = 0, added = 0, removed = 0;
	size_t i, j;

	json_array_foreach(json_object_get(retrofit, "patches"), i, patch) {
		hunks += json_integer_value(json_object_get(patch, "hunks"));
		added += json_integer_value(json_object_get(patch, "added"));
		removed += json_integer_value(json_object_get(patch, "removed"));
	}
	fprintf(out, "<details><summary><b>hooks</b>: %zu, %lld hunks, +%lld &minus;%lld lines</summary><div class=scroll><table><thead>"
		"<tr><th>id<th>class<th>purpose<th>places</thead><tbody>\n", json_array_size(json_object_get(retrofit, "hooks")),
		(long long)hunks, (long long)added, (long long)removed);
	json_array_foreach(json_object_get(retrofit, "hooks"), i, hook) {
		fprintf(out, "<tr><td>%s<td>%s<td>", string_of(hook, "id"), string_of(hook, "class"));
		print_escaped(out, string_of(hook, "purpose"));
		fprintf(out, "<td>");
		json_array_foreach(json_object_get(hook, "places"), j, place) {
			fprintf(out, "<code>");
			print_escaped(out, string_of(place, "file"));
			fprintf(out, " ");
			print_escaped(out, string_of(place, "symbol"));
			fprintf(out, "</code><br>");
		}
		fprintf(out, "\n");
	}
	fprintf(out, "</tbody></table></div><ul>\n");
	json_array_foreach(json_object_get(retrofit, "patches"), i, patch)
		fprintf(out, "<li><code>%s sha256:%s</code>\n", string_of(patch, "patch"), string_of(patch, "sha256"));
	fprintf(out, "</ul></details>\n");
}

void print_html(FILE *out, const struct matrix *m)
{
	fprintf(out, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
		"<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>KCore matrix</title>"
		"<style>%s</style></head><body>\n<h1>KCore: releases by stages</h1>\n<p>%zu passed, %zu failed, %zu skipped, %zu not run; ",
		style, m->count[PASS], m->count[FAIL], m->count[SKIP], m->count[WAITING] + m->count[RUNNING]);
	print_time(out, m->seconds);
	fprintf(out, " of work. A cell leads to what it ran.</p>\n");
	grid(out, m);
	for (size_t r = 0; r < m->nr_releases; r++) {
		fprintf(out, "<h2 id=\"%s\">%s</h2>\n", m->releases[r], m->releases[r]);
		if (m->sources[r]) {
			fprintf(out, "<p class=note>Source: <code>");
			print_escaped(out, m->sources[r]);
			fprintf(out, "</code></p>\n");
		}
		for (size_t s = 0; s < m->nr_stages; s++)
			one_cell(out, cell_at(m, r, s));
		if (m->retrofits[r])
			ledger(out, m->retrofits[r]);
	}
	fprintf(out, "</body></html>\n");
}
