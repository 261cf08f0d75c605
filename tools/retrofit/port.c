// SPDX-License-Identifier: GPL-2.0-only
/*
 * The port assistant: the ledger of one release is tried on the tree of another, and each place gets a
 * verdict.  The rules and gates are those of a real run; what is added here is where to look.
 */
#include "port.h"

#include <stdlib.h>
#include <string.h>

bool is_crossing(const struct target *t)
{
	return t->remove && strchr(t->remove, '(');
}

bool at_file_level(const char *symbol)
{
	return symbol[0] == '#';
}

static bool tree_has(const struct port *p, const char *path)
{
	return is_file(fmt("%s/%s", p->e->tree, path));
}

static bool defined_in(const struct port *p, const char *path, const char *symbol)
{
	const struct indexed *x = index_file(p, path);

	return x && source_def_named(x->source, symbol);
}

/* Whether a file has a call of the family that the place replaces, as kvm_call_hyp() */
static bool makes_crossing(const struct source *s, const struct target *t)
{
	size_t n = strcspn(t->remove, "(");

	for (size_t i = 0; i + 1 < s->ntok; i++) {
		if (s->tok[i].kind == T_WORD && s->tok[i].len == n && !memcmp(s->tok[i].s, t->remove, n) &&
		    *s->tok[i + 1].s == '(')
			return true;
	}
	return false;
}

/* ---- where the files and symbols have gone ---- */

/* A file that is gone: the one that defines what hooks need of it, else the only one of its name */
static const char *file_map(const struct port *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *found = NULL;

	if (tree_has(p, path))
		return path;
	for (size_t i = 0; i < p->places.n; i++) {
		const struct place *pl = p->places.item[i];
		const struct indexed *x;

		if (strcmp(pl->file, path) || at_file_level(pl->symbol))
			continue;
		x = index_symbol(p, pl->symbol, path);
		if (x)
			return x->path;
	}
	for (size_t i = 0; i < p->index.n; i++) {
		const struct indexed *x = p->index.item[i];

		if (ends_with(x->path, fmt("/%s", name)))
			found = found ? "" : x->path;
	}
	return found && *found ? found : path;
}

static void relocate(struct port *p)
{
	struct ledger *l = p->e->ledger;

	for (size_t i = 0; i < p->places.n; i++) {
		struct place *pl = p->places.item[i];
		const struct indexed *x = NULL;

		pl->t->file = file_map(p, pl->file);
		if (!at_file_level(pl->symbol) && !defined_in(p, pl->t->file, pl->symbol))
			x = index_symbol(p, pl->symbol, pl->t->file);
		if (x && pl->t->matches && (!is_crossing(pl->t) || makes_crossing(x->source, pl->t)))
			pl->t->file = x->path;
	}
	for (size_t i = 0; i < l->allow.n; i++) {
		struct allow *a = l->allow.item[i];
		const struct indexed *x = defined_in(p, a->file, a->symbol) ? NULL : index_symbol(p, a->symbol, a->file);

		a->file = x ? x->path : a->file;
	}
}

static void run_on(struct ledger *l, struct rule *r, const char *path)
{
	if (!list_has(&r->files, path))
		list_add(&r->files, xstrdup(path));
	if (!list_has(&l->files, path))
		list_add(&l->files, xstrdup(path));
}

/* Each rule runs where its places are now, and a rule that replaces calls wherever such a call is */
static void choose_files(struct port *p)
{
	struct ledger *l = p->e->ledger;

	l->files.n = 0;
	for (size_t i = 0; i < l->rules.n; i++)
		((struct rule *)l->rules.item[i])->files.n = 0;
	for (size_t i = 0; i < p->places.n; i++) {
		struct place *pl = p->places.item[i];
		struct target *t = pl->t;

		run_on(l, t->hook->rule, t->file);
		for (size_t k = 0; is_crossing(t) && k < p->index.n; k++) {
			const struct indexed *x = p->index.item[k];
			bool el2 = false;

			for (size_t m = 0; m < l->audit_not.n; m++)
				el2 = el2 || !strncmp(x->path, l->audit_not.item[m], strlen(l->audit_not.item[m]));
			if (!el2 && makes_crossing(x->source, t))
				run_on(l, t->hook->rule, x->path);
		}
	}
}

/* ---- what the rule did ---- */

static struct step *step_in(const struct port *p, const struct rule *r, const char *path)
{
	struct kfile *f = engine_file(p->e, path);

	for (size_t i = 0; f && i < f->step.n; i++) {
		struct step *s = f->step.item[i];

		if (s->rule == r)
			return s;
	}
	return NULL;
}

static void token_range(const struct source *s, const struct def *d, size_t *first, size_t *end)
{
	for (*first = 0; *first < s->ntok && d && s->tok[*first].line < d->first; ++*first)
		;
	for (*end = *first; *end < s->ntok && (!d || s->tok[*end].line <= d->last); ++*end)
		;
}

/* The C text that a rule put into a definition, or with was: what it took away there */
static char *edit_text(const struct step *s, const char *symbol, bool was)
{
	const struct source *a = s->before, *b = s->after, *from = was ? a : b;
	size_t i, a_end, k, b_end, first, end;
	struct text out = { 0 };

	token_range(a, source_def_named(a, symbol), &i, &a_end);
	token_range(b, source_def_named(b, symbol), &k, &b_end);
	while (i < a_end && k < b_end && token_equal(&a->tok[i], &b->tok[k])) {
		i++;
		k++;
	}
	while (a_end > i && b_end > k && token_equal(&a->tok[a_end - 1], &b->tok[b_end - 1])) {
		a_end--;
		b_end--;
	}
	first = was ? i : k;
	end = was ? a_end : b_end;
	if (first == end)
		return NULL;
	for (const char *c = from->tok[first].s; c < from->tok[end - 1].s + from->tok[end - 1].len; c++) {
		bool blank = *c == ' ' || *c == '\t' || *c == '\n';

		if (!blank || (out.len && out.data[out.len - 1] != ' '))
			text_add(&out, blank ? " " : c, 1);
	}
	return out.data;
}

struct spare {			/* matches that no place claims: one place of the new tree */
	struct hook *hook;
	struct step *step;
	const char *symbol, *note;
	unsigned int n;
};

static void collect_spares(struct port *p, struct list *out)
{
	for (size_t i = 0; i < p->e->files.n; i++) {
		struct kfile *f = p->e->files.item[i];

		for (size_t k = 0; k < f->step.n; k++) {
			struct step *s = f->step.item[k];

			for (size_t m = 0; m < s->matches.n; m++) {
				struct match *match = s->matches.item[m];
				struct spare *sp = NULL;

				if (match->owned)
					continue;
				for (size_t o = 0; o < out->n; o++) {
					struct spare *known = out->item[o];

					if (known->step == s && !strcmp(known->hook->id, match->id) &&
					    !strcmp(known->symbol, match->symbol) && !strcmp(known->note, match->note))
						sp = known;
				}
				if (!sp) {
					sp = xcalloc(1, sizeof(*sp));
					sp->step = s;
					sp->symbol = match->symbol;
					sp->note = match->note;
					for (size_t h = 0; h < s->rule->hooks.n; h++) {
						if (!strcmp(((struct hook *)s->rule->hooks.item[h])->id, match->id))
							sp->hook = s->rule->hooks.item[h];
					}
					list_add(out, sp);
				}
				sp->n++;
			}
		}
	}
}

/* What a place inserts at the spare match: the same call with another function, or what the rule put there */
static void take_text(struct target *t, const struct spare *sp)
{
	if (*sp->note && t->insert) {
		t->insert = fmt("%.*s%s", (int)strcspn(t->insert, "("), t->insert, sp->note + strcspn(sp->note, "("));
		t->remove = sp->note;
	} else if (!t->remove) {
		const char *text = edit_text(sp->step, sp->symbol, false);

		t->insert = text ? text : t->insert;
	}
}

static struct target *new_target(struct port *p, const struct spare *sp)
{
	struct target *t = xcalloc(1, sizeof(*t));
	struct place *pl = xcalloc(1, sizeof(*pl));

	t->hook = sp->hook;
	for (size_t i = 0; i < sp->hook->targets.n; i++) {
		const struct target *like = sp->hook->targets.item[i];

		if (like->remove && *sp->note && !strncmp(like->remove, sp->note, strcspn(sp->note, "(") + 1)) {
			t->insert = like->insert;
			t->remove = like->remove;
		}
	}
	if (*sp->note && !t->insert)
		t->insert = t->remove = sp->note;
	list_add(&sp->hook->targets, t);
	pl->t = t;
	list_add(&p->places, pl);
	return t;
}

static void settle(struct target *t, const struct spare *sp)
{
	take_text(t, sp);
	t->file = sp->step->file->path;
	t->symbol = sp->symbol;
	t->matches = sp->n;
	t->hidden = false;
}

static bool lost(const struct port *p, const struct place *pl)
{
	return pl->t->matches && !pl->t->found.n && !pl->paired && !(pl->t->hidden && defined_in(p, pl->t->file, pl->t->symbol));
}

/* A match of the same hook, and of the same call if it is one; the likest name, and the same file before others */
static struct spare *best_spare(const struct list *spares, const struct place *pl)
{
	struct spare *best = NULL;
	double most = -1;

	for (size_t k = 0; k < spares->n; k++) {
		struct spare *sp = spares->item[k];
		double like = name_likeness(pl->symbol, sp->symbol) + (strcmp(pl->t->file, sp->step->file->path) ? 0 : 0.5);

		if (!sp->n || sp->hook != pl->t->hook || strcmp(pl->t->symbol, pl->symbol) ||
		    (*sp->note && (!pl->t->remove || strcmp(sp->note, pl->t->remove))))
			continue;
		if (like > most) {
			most = like;
			best = sp;
		}
	}
	return best;
}

/* A match that no place claims goes to a place of the same hook that has lost its own; what is left over is a new place. */
static void pair(struct port *p)
{
	struct list spares = { 0 };
	size_t nplaces = p->places.n;

	collect_spares(p, &spares);
	for (size_t i = 0; i < nplaces; i++) {
		struct place *pl = p->places.item[i];
		struct spare *sp = lost(p, pl) ? best_spare(&spares, pl) : NULL;

		if (sp) {
			settle(pl->t, sp);
			pl->paired = true;
			sp->n = 0;
		}
	}
	for (size_t k = 0; k < spares.n; k++) {
		struct spare *sp = spares.item[k];

		if (sp->n)
			settle(new_target(p, sp), sp);
	}
	for (size_t i = 0; i < nplaces; i++) {
		struct place *pl = p->places.item[i];

		if (!pl->t->matches && pl->t->found.n) {	/* a place that was not needed before */
			struct step *s = step_in(p, pl->t->hook->rule, pl->t->file);

			pl->t->matches = (unsigned int)pl->t->found.n;
			pl->t->insert = s ? edit_text(s, pl->t->symbol, false) : NULL;
			pl->t->reason = NULL;
			pl->file = NULL;
		}
		pl->dropped = is_crossing(pl->t) && lost(p, pl);
	}
}

static const char *guard_of(const struct place *pl)
{
	struct list *gates = gate_results();

	for (size_t i = 0; i < gates->n; i++) {
		const struct gate *g = gates->item[i];

		for (size_t k = 0; k < g->messages.n; k++) {
			const char *m = g->messages.item[k];

			if (strstr(m, fmt(": %s: ", pl->t->hook->id)) && strstr(m, pl->t->file) &&
			    (at_file_level(pl->t->symbol) || strstr(m, pl->t->symbol)))
				return fmt("%s: %s", g->name, m);
		}
	}
	return NULL;
}

/* The gates once more, with the places as they are now known */
static void judge_again(struct port *p)
{
	for (size_t i = 0; i < p->places.n; i++) {
		struct place *pl = p->places.item[i];

		pl->guard = guard_of(pl);
	}
	gates_reset();
	for (size_t i = 0; i < p->places.n; i++) {
		struct place *pl = p->places.item[i];

		pl->t->found.n = 0;
		if (pl->dropped) {
			pl->t->matches = 0;
			pl->t->hidden = false;
		}
	}
	for (size_t i = 0; i < p->e->files.n; i++) {
		struct kfile *f = p->e->files.item[i];

		for (size_t k = 0; k < f->step.n; k++) {
			struct step *s = f->step.item[k];

			s->failed = s->broken;
		}
	}
	gate_matches(p->e);
	gate_tokens(p->e);
}

/* ---- verdicts ---- */

static bool defined_somewhere(const struct port *p, const char *symbol)
{
	for (size_t i = 0; i < p->index.n; i++) {
		if (source_def_named(((struct indexed *)p->index.item[i])->source, symbol))
			return true;
	}
	return false;
}

/* What differs in a definition that the rule still matches, or does not match any more */
static void compare_defs(const struct port *p, struct place *pl)
{
	struct source *old = old_source(p, pl->file);
	const struct indexed *x = index_file(p, pl->t->file);
	const struct def *a = old ? source_def_named(old, pl->symbol) : NULL;
	const struct def *b = x ? source_def_named(x->source, pl->t->symbol) : NULL;

	if (!a || !b)
		return;
	if (is_crossing(pl->t) && strcmp(pl->symbol, pl->t->symbol))
		return;
	pl->changed = strcmp(def_text(old, a), def_text(x->source, b)) != 0;
	if (b->kind == DEF_FUNCTION && strcmp(def_signature(old, a), def_signature(x->source, b)))
		pl->note = fmt("signature changed: %s -> %s", def_signature(old, a), def_signature(x->source, b));
	if (!pl->settled)
		pl->verdict = pl->note ? V_SIGNATURE : V_BODY;
}

static void find_candidates(const struct port *p, struct place *pl)
{
	struct source *old = old_source(p, pl->file);
	const struct def *d = old ? source_def_named(old, pl->symbol) : NULL;
	const char *file;
	char *name;
	double best;

	pl->candidates = similar_defs(p, old, d, pl->symbol, pl->t->file, &best, &name, &file);
	pl->verdict = V_GONE;
	if (best >= 0.7) {
		pl->verdict = V_RENAMED;
		pl->note = fmt("by its body this is now %s in %s, but the rule does not match there", name, file);
	}
}

static void judge_place(const struct port *p, struct place *pl)
{
	struct target *t = pl->t;
	struct step *s = step_in(p, t->hook->rule, t->file);

	pl->settled = !t->hidden && t->found.n == t->matches && (!t->matches || (s && !s->failed));
	if (pl->settled)
		pl->guard = NULL;
	else if (guard_of(pl))
		pl->guard = guard_of(pl);
	if (!pl->file) {
		pl->verdict = V_NEW;
		pl->no_shim = *t->insert && is_crossing(t);
		return;
	}
	if (pl->dropped) {
		pl->verdict = V_GONE;
	} else if (pl->settled) {
		pl->verdict = strcmp(pl->symbol, t->symbol) ?
			      defined_somewhere(p, pl->symbol) ? V_MOVED : V_RENAMED :
			      strcmp(pl->file, t->file) && t->matches ? V_MOVED : V_OK;
		compare_defs(p, pl);
	} else if (at_file_level(t->symbol)) {
		pl->verdict = tree_has(p, t->file) ? V_BODY : V_GONE;
	} else if (!defined_in(p, t->file, t->symbol)) {
		find_candidates(p, pl);
	} else if (t->hidden) {
		pl->verdict = V_HIDDEN;
	} else {
		pl->verdict = V_BODY;
		compare_defs(p, pl);
	}
}

/* A crossing without kcore_shim_<function> in the release's glue */
static void look_for_shims(const struct port *p)
{
	struct text glue = { 0 };
	struct list dirs = { 0 };

	text_add(&glue, "", 0);
	if (p->glue)
		list_add(&dirs, xstrdup(p->glue));
	while (dirs.n) {
		const char *dir = dirs.item[--dirs.n];
		struct list names = dir_list(dir);

		for (size_t i = 0; i < names.n; i++) {
			char *path = fmt("%s/%s", dir, (char *)names.item[i]);
			struct text t;

			if (is_dir(path))
				list_add(&dirs, path);
			else if (file_try_read(path, &t))
				text_add(&glue, t.data, t.len);
		}
	}
	for (size_t i = 0; i < p->places.n; i++) {
		struct place *pl = p->places.item[i];

		if (!pl->no_shim)
			continue;
		pl->no_shim = !p->glue || !strstr(glue.data, fmt("kcore_shim_%s(", strchr(pl->t->insert, '(') + 1));
		pl->note = pl->no_shim ? "a new crossing without a shim: decide what KCore's glue does for it" :
			   "a new crossing, for which the glue has a shim already";
	}
}

static void count(struct port *p)
{
	p->unread = !p->operations.n;
	for (size_t i = 0; i < p->places.n; i++) {
		const struct place *pl = p->places.item[i];

		p->count[pl->verdict]++;
		p->unread = p->unread && pl->verdict == V_OK;
	}
	for (size_t i = 0; i < p->e->ledger->hooks.n; i++) {
		const struct hook *h = p->e->ledger->hooks.item[i];
		bool ok = true;

		for (size_t k = 0; k < p->places.n; k++) {
			const struct place *pl = p->places.item[k];

			ok = ok && (pl->t->hook != h || pl->verdict == V_OK);
		}
		p->hooks++;
		p->hooks_ok += ok;
	}
}

static void audit(struct port *p)
{
	struct ledger *l = p->e->ledger;
	struct list *gates = gate_results(), dirs = { 0 };

	for (size_t i = 0; i < l->audit_dirs.n; i++) {
		if (is_dir(fmt("%s/%s", p->e->tree, (char *)l->audit_dirs.item[i])))
			list_add(&dirs, l->audit_dirs.item[i]);
	}
	l->audit_dirs = dirs;
	engine_audit(p->e);
	for (size_t i = 0; i < gates->n; i++) {
		const struct gate *g = gates->item[i];

		for (size_t k = 0; !strcmp(g->name, "audit") && k < g->messages.n; k++)
			list_add(&p->operations, g->messages.item[k]);
	}
}

int port_run(struct port *p)
{
	struct engine *e = p->e;

	gates_quiet = true;
	index_tree(p);
	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct place *pl = xcalloc(1, sizeof(*pl));

			pl->t = h->targets.item[k];
			pl->file = pl->t->file;
			pl->symbol = pl->t->symbol;
			list_add(&p->places, pl);
		}
	}
	relocate(p);
	choose_files(p);
	engine_read_tree(e);
	gates_reset();
	gate_pristine(e);
	if (failures)
		die(EXIT_ENV, "%s: holds hooks already: give the pristine tree", e->tree);
	engine_visibility(e);
	engine_apply(e);
	gate_matches(e);
	pair(p);
	judge_again(p);
	for (size_t i = 0; i < p->places.n; i++)
		judge_place(p, p->places.item[i]);
	look_for_shims(p);
	audit(p);
	count(p);
	port_history(p);
	port_report(p, stdout);
	port_write(p);
	if (p->truth)
		port_compare(p, stdout);
	return p->unread ? EXIT_PASS : EXIT_CHECK;
}
