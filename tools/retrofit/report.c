// SPDX-License-Identifier: GPL-2.0-only
/* The report: a table for people, JSON for programs.  Neither holds a time or a path of the machine. */
#include "retrofit.h"

#include <jansson.h>
#include <string.h>

static json_t *place_json(const struct target *t)
{
	json_t *j = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "file", t->file, "symbol", t->symbol, "expected",
			      (int)t->matches, "matches", (int)t->found.n, "hunks", (int)t->hunks, "added",
			      (int)t->added);

	if (t->insert)
		json_object_set_new(j, "insert", json_string(t->insert));
	if (t->remove)
		json_object_set_new(j, "remove", json_string(t->remove));
	if (t->reason)
		json_object_set_new(j, "reason", json_string(t->reason));
	if (t->sha)
		json_object_set_new(j, "sha256", json_string(t->sha));
	return j;
}

static json_t *hooks_json(const struct ledger *l)
{
	json_t *hooks = json_array();

	for (size_t i = 0; i < l->hooks.n; i++) {
		const struct hook *h = l->hooks.item[i];
		json_t *places = json_array();

		for (size_t k = 0; k < h->targets.n; k++)
			json_array_append_new(places, place_json(h->targets.item[k]));
		json_array_append_new(hooks, json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", h->id, "class", h->class,
						       "rule", h->rule->file ? h->rule->file : h->rule->patch,
						       "purpose", h->purpose, "places", places));
	}
	return hooks;
}

static json_t *patches_json(const struct list *patches)
{
	json_t *array = json_array();

	for (size_t i = 0; i < patches->n; i++) {
		const struct patch *p = patches->item[i];

		json_array_append_new(array, json_pack("{s:s, s:i, s:i, s:i, s:s}", "patch", p->name, "hunks",
						       (int)p->hunks, "added", (int)p->added, "removed",
						       (int)p->removed, "sha256", sha256(p->text.data, p->text.len)));
	}
	return array;
}

static json_t *files_json(const struct engine *e)
{
	json_t *array = json_array();

	for (size_t i = 0; i < e->files.n; i++) {
		const struct kfile *f = e->files.item[i];

		json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "file", f->path, "pristine", f->pristine_sha,
						       "patched", sha256(f->final.data, f->final.len)));
	}
	return array;
}

static const char *result_of(const struct gate *g)
{
	return g->failed ? "fail" : g->checks ? "pass" : "not run";
}

static json_t *gates_json(void)
{
	struct list *gates = gate_results();
	json_t *array = json_array();

	for (size_t i = 0; i < gates->n; i++) {
		const struct gate *g = gates->item[i];
		json_t *messages = json_array();

		for (size_t k = 0; k < g->messages.n; k++)
			json_array_append_new(messages, json_string(g->messages.item[k]));
		json_array_append_new(array, json_pack("{s:s, s:s, s:i, s:i, s:s, s:o}", "gate", g->name, "what", g->what,
						       "checks", (int)g->checks, "failed", (int)g->failed, "result",
						       result_of(g), "messages", messages));
	}
	return array;
}

char *report_json(struct engine *e, const struct list *patches)
{
	json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "tool", "retrofit " RETROFIT_VERSION,
				 "release", e->ledger->release, "spatch", e->spatch_version, "result",
				 failures ? "fail" : "pass", "gates", gates_json(), "hooks", hooks_json(e->ledger),
				 "patches", patches_json(patches), "files", files_json(e));
	char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;

	if (!text)
		die(EXIT_ENV, "out of memory");
	return fmt("%s\n", text);
}

static void print_place(const struct hook *h, const struct target *t)
{
	bool ok = t->found.n == t->matches && !t->hidden;

	printf("%-4s %-2s %-22.22s %7zu/%-4u %5u %5u  %-5s %s:%s%s%s\n", h->id, h->class,
	       h->rule->file ? h->rule->file : h->rule->patch, t->found.n, t->matches, t->hunks, t->added,
	       ok ? "ok" : "FAIL", t->file, t->symbol, t->remove ? ", " : "", t->remove ? t->remove : "");
}

void report_table(struct engine *e, const struct list *patches)
{
	struct list *gates = gate_results();
	unsigned int hunks = 0, added = 0, removed = 0, places = 0;

	printf("%-4s %-2s %-22s %-12s %5s %5s  %-5s %s\n", "hook", "cl", "rule", "matches/want", "hunks", "lines", "",
	       "place");
	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		const struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++, places++)
			print_place(h, h->targets.item[k]);
	}
	for (size_t i = 0; i < patches->n; i++) {
		const struct patch *p = patches->item[i];

		hunks += p->hunks;
		added += p->added;
		removed += p->removed;
	}
	putchar('\n');
	for (size_t i = 0; i < gates->n; i++) {
		const struct gate *g = gates->item[i];

		printf("gate %-11s %-8s %4u checks  %s\n", g->name, result_of(g), g->checks, g->what);
	}
	if (e->cache)
		printf("spatch ran %u times, %u results of the same inputs were kept\n", e->spatch_runs, e->spatch_kept);
	printf("\n%s: %zu hooks in %u places, %zu patches, %u hunks, +%u -%u lines in %zu files: %s\n", e->ledger->release,
	       e->ledger->hooks.n, places, patches->n, hunks, added, removed, e->files.n,
	       failures ? "FAILED" : "all gates passed");
}
