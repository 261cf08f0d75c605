// SPDX-License-Identifier: GPL-2.0-only
/* What the port assistant says and writes: report, history, skeleton of a ledger, comparison with a known one. */
#include "port.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const verdict_name[NR_VERDICTS] = {
	[V_OK] = "ok", [V_MOVED] = "moved", [V_RENAMED] = "renamed", [V_SIGNATURE] = "signature changed",
	[V_BODY] = "body changed near the anchor", [V_HIDDEN] = "not parsed", [V_NEW] = "new", [V_GONE] = "gone",
};

/* ---- history ---- */

/* The upstream commits that changed how often a name occurs, or the function's lines: bounded in time and number */
void port_history(struct port *p)
{
	enum { MOST = 8, SECONDS = 10 };
	struct engine *e = p->e;
	const char *range = "HEAD", *since = "--since=3.years", *tag[] = {
		"git", "-C", e->tree, "rev-parse", "-q", "--verify", fmt("%s^{commit}", p->from), NULL,
	};
	struct job jobs[MOST];
	struct place *of[MOST];
	size_t n = 0;

	if (!find_program("git") || access(fmt("%s/.git", e->tree), F_OK))
		return;
	if (!run(tag, NULL, NULL, "/dev/null")) {
		range = fmt("%s..HEAD", p->from);
		since = NULL;
	}
	for (size_t i = 0; i < p->places.n && n < MOST; i++) {
		struct place *pl = p->places.item[i];
		const char *word = pl->t->remove ? pl->t->remove : pl->symbol;
		const char *argv[] = {
			"timeout", fmt("%d", SECONDS), "git", "-C", e->tree, "log", "-n", "3", "--date=short",
			"--format=%h %ad %s", range, since, NULL, NULL, NULL, NULL, NULL,
		};
		const char **copy;
		size_t k = 0;

		if (pl->verdict == V_OK || !word || at_file_level(word))
			continue;
		while (argv[k])
			k++;
		if (pl->verdict == V_SIGNATURE || pl->verdict == V_BODY || pl->verdict == V_HIDDEN) {
			argv[k++] = "-s";
			argv[k++] = fmt("-L:%.*s:%s", (int)strcspn(pl->symbol, "([ "), pl->symbol, pl->t->file);
		} else {
			argv[k++] = fmt("-S%.*s", (int)strcspn(word, ")["), word);
			argv[k++] = "--";
			argv[k++] = pl->file ? pl->file : pl->t->file;
			argv[k++] = pl->t->file;
		}
		argv[k] = NULL;
		copy = xcalloc(k + 1, sizeof(*copy));
		memcpy(copy, argv, k * sizeof(*copy));
		jobs[n] = (struct job){
			.argv = copy, .out = fmt("%s/log.%zu", e->scratch, n), .err = fmt("%s/log.%zu.err", e->scratch, n),
		};
		of[n++] = pl;
	}
	run_jobs(jobs, n, e->parallel);
	for (size_t i = 0; i < n; i++) {
		struct text t;

		if (file_try_read(jobs[i].out, &t) && t.len)
			of[i]->history = t.data;
		else
			of[i]->history = jobs[i].status == 124 ? "git log took too long\n" : "no commit found in that time\n";
	}
}

/* ---- report ---- */

static const char *short_place(const char *file, const char *symbol)
{
	return fmt("%s:%s", file, symbol);
}

/* Old and new text beside each other, from three lines above the first difference on */
static void side_by_side(struct port *p, const struct place *pl, FILE *out)
{
	enum { WIDTH = 150, ABOVE = 3, LINES = 24 };
	struct source *old = pl->file ? old_source(p, pl->file) : NULL;
	const struct indexed *x = index_file(p, pl->t->file);
	const struct def *a = old ? source_def_named(old, pl->symbol) : NULL;
	const struct def *b = x ? source_def_named(x->source, pl->t->symbol) : NULL;
	char *left = fmt("%s/left", p->e->scratch), *right = fmt("%s/right", p->e->scratch);
	char *result = fmt("%s/sides", p->e->scratch);
	const char *argv[] = { "diff", "-y", "-t", "-W", fmt("%d", WIDTH), left, right, NULL };
	char *l = a ? def_text(old, a) : xstrdup(""), *r = b ? def_text(x->source, b) : xstrdup("");
	struct list lines = { 0 };
	size_t first;
	struct text t;

	if (!a && !b)
		return;
	file_write(left, l, strlen(l));
	file_write(right, r, strlen(r));
	if (run(argv, NULL, result, NULL) > 1)
		return;
	t = file_read(result);
	for (char *s = t.data; *s;) {
		size_t n = strcspn(s, "\n");

		list_add(&lines, xstrndup(s, n));
		s += n + (s[n] == '\n');
	}
	for (first = 0; first < lines.n; first++) {
		const char *s = lines.item[first];

		if (strlen(s) > WIDTH / 2 - 1 && s[WIDTH / 2 - 1] != ' ')
			break;
	}
	fprintf(out, "      %-*s| %s\n", WIDTH / 2 - 1, a ? fmt("%s, line %u", p->from, a->first) : fmt("%s: unknown", p->from),
		b ? fmt("%s, line %u", p->e->ledger->release, b->first) : "not there");
	first = !b || !a || first == lines.n ? 0 : first > ABOVE ? first - ABOVE : 0;
	for (size_t i = first; i < lines.n && i < first + LINES; i++)
		fprintf(out, "      %s\n", (char *)lines.item[i]);
	if (lines.n > first + LINES)
		fprintf(out, "      ... %zu lines more\n", lines.n - first - LINES);
}

static void report_place(struct port *p, const struct place *pl, FILE *out)
{
	const struct target *t = pl->t;

	if (pl->dropped) {
		fprintf(out, "\n%-4s gone: %s is not called any more in %s, nor anywhere without a place\n", t->hook->id, t->remove,
			short_place(pl->file, pl->symbol));
		return;
	}
	fprintf(out, "\n%-4s %s: %s%s%s\n", t->hook->id, verdict_name[pl->verdict],
		pl->file ? short_place(pl->file, pl->symbol) : short_place(t->file, t->symbol),
		t->remove ? ", " : "", t->remove ? t->remove : "");
	if (pl->file && (strcmp(pl->file, t->file) || strcmp(pl->symbol, t->symbol)))
		fprintf(out, "     now: %s\n", short_place(t->file, t->symbol));
	if (pl->note)
		fprintf(out, "     %s\n", pl->note);
	if (pl->settled && t->matches)
		fprintf(out, "     the rule applies there and the gates pass; the skeleton has it: %s\n", t->insert);
	if (pl->guard)
		fprintf(out, "     guard %s\n", pl->guard);
	for (size_t i = 0; i < pl->candidates.n; i++)
		fprintf(out, "     like it: %s\n", (char *)pl->candidates.item[i]);
	for (const char *s = pl->history ? pl->history : ""; *s;) {
		size_t n = strcspn(s, "\n");

		fprintf(out, "     upstream: %.*s\n", (int)n, s);
		s += n + (s[n] == '\n');
	}
	if (!is_crossing(t) && (pl->file || pl->settled))
		side_by_side(p, pl, out);
}

void port_report(struct port *p, FILE *out)
{
	struct ledger *l = p->e->ledger;
	unsigned int work = 0, changed = 0, shims = 0;

	fprintf(out, "port of %s's ledger to %s (Linux %u.%u)\n", p->from, l->release, l->version, l->patchlevel);
	if (!p->from_tree)
		fprintf(out, "no source of %s is at hand: nothing old to compare with\n", p->from);
	fprintf(out, "\npath map\n");
	for (size_t i = 0; i < p->places.n; i++) {
		const struct place *pl = p->places.item[i];
		bool first = pl->file && strcmp(pl->file, pl->t->file) && !is_file(fmt("%s/%s", p->e->tree, pl->file));

		for (size_t k = 0; k < i && first; k++) {
			const struct place *before = p->places.item[k];

			first = !before->file || strcmp(before->file, pl->file) || strcmp(before->t->file, pl->t->file);
		}
		if (first)
			fprintf(out, "  %s -> %s\n", pl->file, pl->t->file);
	}
	fprintf(out, "  every other file is where it was\n\n%-4s %-2s %-6s %s\n", "hook", "cl", "places", "verdicts");
	for (size_t i = 0; i < l->hooks.n; i++) {
		const struct hook *h = l->hooks.item[i];
		unsigned int n[NR_VERDICTS] = { 0 }, all = 0;

		for (size_t k = 0; k < p->places.n; k++) {
			const struct place *pl = p->places.item[k];

			n[pl->verdict] += pl->t->hook == h;
			all += pl->t->hook == h;
		}
		fprintf(out, "%-4s %-2s %-6u", h->id, h->class, all);
		for (size_t v = 0; v < NR_VERDICTS; v++) {
			if (n[v])
				fprintf(out, " %s%s", verdict_name[v], n[v] == all ? "" : fmt(" (%u)", n[v]));
		}
		fputc('\n', out);
	}
	for (size_t i = 0; i < p->places.n; i++) {
		const struct place *pl = p->places.item[i];

		if (pl->verdict != V_OK)
			report_place(p, pl, out);
		work += pl->verdict != V_OK;
		shims += pl->no_shim;
	}
	fprintf(out, "\napplies, but the text has changed around the hook: to be read\n");
	for (size_t i = 0; i < p->places.n; i++) {
		const struct place *pl = p->places.item[i];

		if (pl->verdict != V_OK || !pl->changed)
			continue;
		changed++;
		fprintf(out, "  %-4s %s%s%s\n", pl->t->hook->id, short_place(pl->t->file, pl->t->symbol), pl->note ? ": " : "",
			pl->note ? pl->note : "");
	}
	if (!changed)
		fprintf(out, p->from_tree ? "  nothing\n" : "  unknown without the source of %s\n", p->from);
	fprintf(out, "\noperations that reach EL2 around KCore, or allowances for nothing\n");
	for (size_t i = 0; i < p->operations.n; i++)
		fprintf(out, "  %s\n", (char *)p->operations.item[i]);
	if (!p->operations.n)
		fprintf(out, "  none\n");
	fprintf(out, "\n%s: %u of %u hooks apply as %s has them.  Left to do: %u places to decide, %u of them shims to write; "
		"%u changed definitions to read; %zu operations to judge; the source to declare, the glue to read, every gate, "
		"build, boot and attack to run.\n", l->release, p->hooks_ok, p->hooks, p->from, work, shims, changed,
		p->operations.n);
}

/* ---- skeleton ---- */

static const char *quoted(const char *s)
{
	json_t *j = json_string(s);
	char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	json_decref(j);
	if (!text)
		die(EXIT_ENV, "not UTF-8: %s", s);
	return text;
}

static void write_place(struct text *out, const struct place *pl, bool first)
{
	const struct target *t = pl->t;
	bool known = pl->settled || !pl->file;
	const char *file = known ? t->file : pl->file, *symbol = known ? t->symbol : pl->symbol;

	text_fmt(out, "%s   { \"file\": %s, \"symbol\": %s", first ? "" : ",\n", quoted(file), quoted(symbol));
	if (t->matches != 1)
		text_fmt(out, ", \"matches\": %u", t->matches);
	if (t->remove)
		text_fmt(out, ", \"remove\": %s", quoted(t->remove));
	if (t->after)
		text_fmt(out, ", \"after\": %s", quoted(t->after));
	if (t->insert)
		text_fmt(out, ",\n     \"insert\": %s", quoted(t->insert));
	if (t->reason)
		text_fmt(out, ",\n     \"reason\": %s", quoted(t->reason));
	text_fmt(out, " }");
}

static void write_allowances(struct text *out, const char *name, const struct list *l)
{
	text_fmt(out, "  \"%s\": [\n", name);
	for (size_t i = 0; i < l->n; i++) {
		const struct allow *a = l->item[i];

		text_fmt(out, "   { \"file\": %s, \"symbol\": %s, \"op\": %s,\n     \"reason\": %s }%s\n", quoted(a->file),
			 quoted(a->symbol), quoted(a->op), quoted(a->reason), i + 1 < l->n ? "," : "");
	}
	text_fmt(out, "  ]");
}

static struct text skeleton(struct port *p)
{
	struct ledger *l = p->e->ledger;
	struct text out = { 0 };

	text_fmt(&out, "{\n \"SPDX-License-Identifier\": \"GPL-2.0-only\",\n \"release\": %s,\n \"kernel\": \"%u.%u\",\n \"hooks\": {\n",
		 quoted(l->release), l->version, l->patchlevel);
	for (size_t i = 0; i < l->hooks.n; i++) {
		const struct hook *h = l->hooks.item[i];
		bool first = true;

		text_fmt(&out, "  %s: [\n", quoted(h->id));
		for (size_t k = 0; k < p->places.n; k++) {
			const struct place *pl = p->places.item[k];

			if (pl->t->hook != h || pl->dropped)
				continue;
			write_place(&out, pl, first);
			first = false;
		}
		text_fmt(&out, "\n  ]%s\n", i + 1 < l->hooks.n ? "," : "");
	}
	text_fmt(&out, " },\n \"audit\": {\n  \"dirs\": [");
	for (size_t i = 0; i < l->audit_dirs.n; i++)
		text_fmt(&out, "%s %s", i ? "," : "", quoted(l->audit_dirs.item[i]));
	text_fmt(&out, " ],\n  \"not\": [");
	for (size_t i = 0; i < l->audit_not.n; i++)
		text_fmt(&out, "%s %s", i ? "," : "", quoted(l->audit_not.item[i]));
	text_fmt(&out, " ],\n");
	write_allowances(&out, "allow", &l->allow);
	text_fmt(&out, ",\n");
	write_allowances(&out, "built", &l->built);
	text_fmt(&out, "\n }\n}\n");
	return out;
}

/* OUTPUT/R.json and OUTPUT/report.txt; what is undecided stays as it was, so that the gates refuse it. */
void port_write(struct port *p)
{
	struct text json = skeleton(p);
	char *path = fmt("%s/report.txt", p->output);
	FILE *f;

	make_dirs(p->output);
	file_write(fmt("%s/%s.json", p->output, p->e->ledger->release), json.data, json.len);
	f = fopen(path, "w");
	if (!f)
		die(EXIT_ENV, "%s: can't be written", path);
	port_report(p, f);
	if (fclose(f))
		die(EXIT_ENV, "%s: can't be written", path);
}

/* ---- comparison with the ledger that people have written for the release ---- */

static bool same_text(const char *a, const char *b)
{
	return !a || !b ? a == b : !strcmp(a, b);
}

static bool same_place(const struct target *t, const char *file, const char *symbol, const struct target *u)
{
	return !strcmp(file, u->file) && !strcmp(symbol, u->symbol) && t->matches == u->matches &&
	       same_text(t->insert, u->insert) && same_text(t->remove, u->remove);
}

/* Whether the hook's places (found: as they were settled, else as the old ledger had them) are those of the known ledger */
static bool same_places(const struct port *p, const struct hook *h, const struct hook *known, bool found)
{
	size_t n = 0;

	for (size_t i = 0; i < p->places.n; i++) {
		const struct place *pl = p->places.item[i];
		bool same = false;

		if (pl->t->hook != h || (found && pl->dropped))
			continue;
		if (!found && (!pl->file || pl->dropped))
			return false;
		n++;
		for (size_t k = 0; k < known->targets.n && !same; k++)
			same = same_place(pl->t, found ? pl->t->file : pl->file, found ? pl->t->symbol : pl->symbol,
					  known->targets.item[k]);
		if (!same)
			return false;
	}
	return n == known->targets.n;
}

unsigned int port_compare(struct port *p, FILE *out)
{
	struct ledger *known = ledger_load(p->truth, p->e->ledger->release);
	unsigned int wrong = 0, unread = 0, settled = 0, rest = 0;

	fprintf(out, "\ncompared with the ledger of %s\n", known->release);
	for (size_t i = 0; i < p->e->ledger->hooks.n; i++) {
		const struct hook *h = p->e->ledger->hooks.item[i], *k = NULL;
		bool ok = true, right;

		for (size_t m = 0; m < known->hooks.n; m++) {
			if (!strcmp(((struct hook *)known->hooks.item[m])->id, h->id))
				k = known->hooks.item[m];
		}
		for (size_t m = 0; m < p->places.n; m++) {
			const struct place *pl = p->places.item[m];

			ok = ok && (pl->t->hook != h || pl->verdict == V_OK);
		}
		right = k && ok == same_places(p, h, k, false);
		unread += ok;
		wrong += !right;
		if (!ok && k && same_places(p, h, k, true))
			settled++;
		else if (!ok)
			rest++;
		if (!right)
			fprintf(out, "  %s: the verdict is wrong: %s\n", h->id, ok ? "the places have changed" : "nothing has changed");
		else if (!ok && !same_places(p, h, k, true))
			fprintf(out, "  %s: left to a person, rightly\n", h->id);
	}
	fprintf(out, "  %u hooks unread, %u places settled as in that ledger, %u left to a person, %u verdicts wrong\n", unread,
		settled, rest, wrong);
	return wrong;
}
