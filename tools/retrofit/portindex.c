// SPDX-License-Identifier: GPL-2.0-only
/* What the new tree defines and where, and which of it resembles a definition of the old tree. */
#include "port.h"

#include <stdlib.h>
#include <string.h>

static void add_file(struct port *p, const char *path)
{
	struct indexed *x;
	struct text t;

	if (index_file(p, path) || !file_try_read(fmt("%s/%s", p->e->tree, path), &t))
		return;
	x = xcalloc(1, sizeof(*x));
	x->path = xstrdup(path);
	x->source = source_parse(t);
	list_add(&p->index, x);
}

static void add_dir(struct port *p, const char *dir, bool below)
{
	char *root = fmt("%s/%s", p->e->tree, dir);
	struct list names = { 0 };

	if (is_dir(root))
		names = dir_list(root);
	for (size_t i = 0; i < names.n; i++) {
		char *path = fmt("%s/%s", dir, (char *)names.item[i]);

		if (is_dir(fmt("%s/%s", p->e->tree, path))) {
			if (below)
				add_dir(p, path, below);
		} else if (ends_with(path, ".c") || ends_with(path, ".h")) {
			add_file(p, path);
		}
	}
}

/* Host KVM as a whole, and the directories of the other files that hooks are in */
void index_tree(struct port *p)
{
	const struct ledger *l = p->e->ledger;

	for (size_t i = 0; i < l->audit_dirs.n; i++)
		add_dir(p, l->audit_dirs.item[i], true);
	for (size_t i = 0; i < l->files.n; i++) {
		const char *path = l->files.item[i], *slash = strrchr(path, '/');

		if (slash)
			add_dir(p, xstrndup(path, (size_t)(slash - path)), false);
	}
}

const struct indexed *index_file(const struct port *p, const char *path)
{
	for (size_t i = 0; i < p->index.n; i++) {
		const struct indexed *x = p->index.item[i];

		if (!strcmp(x->path, path))
			return x;
	}
	return NULL;
}

static bool runs_at_el2(const struct port *p, const char *path)
{
	for (size_t i = 0; i < p->e->ledger->audit_not.n; i++) {
		const char *prefix = p->e->ledger->audit_not.item[i];

		if (!strncmp(path, prefix, strlen(prefix)))
			return true;
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file that defines a symbol: one of the same name first, then the only one */
const struct indexed *index_symbol(const struct port *p, const char *symbol, const char *like)
{
	const struct indexed *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->index.n; i++) {
		const struct indexed *x = p->index.item[i];

		if (runs_at_el2(p, x->path) || !source_def_named(x->source, symbol))
			continue;
		if (!strcmp(base_name(x->path), base_name(like)))
			return x;
		found = x;
		n++;
	}
	return n == 1 ? found : NULL;
}

struct source *old_source(const struct port *p, const char *path)
{
	struct text t;

	if (!p->from_tree || !file_try_read(fmt("%s/%s", p->from_tree, path), &t))
		return NULL;
	return source_parse(t);
}

char *def_text(const struct source *s, const struct def *d)
{
	struct text out = { 0 };
	unsigned int number = 1;

	text_add(&out, "", 0);
	for (const char *line = s->text.data; *line; number++) {
		size_t n = strcspn(line, "\n");

		n += line[n] == '\n';
		if (d->first <= number && number <= d->last)
			text_add(&out, line, n);
		line += n;
	}
	return out.data;
}

/* The tokens in front of the body */
char *def_signature(const struct source *s, const struct def *d)
{
	struct text out = { 0 };

	text_add(&out, "", 0);
	for (size_t i = 0; i < s->ntok; i++) {
		const struct token *t = &s->tok[i];

		if (t->line < d->first || t->line > d->last || t->kind == T_COMMENT || t->kind == T_DIRECTIVE)
			continue;
		if (*t->s == '{')
			break;
		text_fmt(&out, "%s%.*s", out.len && t->kind == T_WORD && s->tok[i - 1].kind == T_WORD ? " " : "", (int)t->len,
			 t->s);
	}
	return out.data;
}

/* ---- likeness ---- */

struct grams {			/* hashes of pairs of neighbouring tokens, sorted */
	unsigned int *h;
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

static struct grams grams_of(const struct source *s, const struct def *d)
{
	struct grams g = { .h = xcalloc(s->ntok + 1, sizeof(*g.h)) };
	unsigned int before = 0;

	for (size_t i = 0; i < s->ntok; i++) {
		const struct token *t = &s->tok[i];
		unsigned int h = 5381;

		if (t->line < d->first || t->line > d->last || t->kind == T_COMMENT)
			continue;
		for (size_t k = 0; k < t->len; k++)
			h = h * 33 + (unsigned char)t->s[k];
		g.h[g.n++] = before * 31 + h;
		before = h;
	}
	qsort(g.h, g.n, sizeof(*g.h), by_value);
	return g;
}

static double overlap(const struct grams *a, const struct grams *b)
{
	size_t i = 0, k = 0, common = 0;

	while (i < a->n && k < b->n) {
		if (a->h[i] == b->h[k]) {
			common++;
			i++;
			k++;
		} else if (a->h[i] < b->h[k]) {
			i++;
		} else {
			k++;
		}
	}
	return a->n + b->n ? 2.0 * (double)common / (double)(a->n + b->n) : 0;
}

/* Share of the words between underscores that two names have in common */
double name_likeness(const char *a, const char *b)
{
	size_t words = 0, common = 0;

	for (const char *s = a; *s;) {
		size_t n = strcspn(s, "_()[] ");
		const char *hit = n ? strstr(b, xstrndup(s, n)) : NULL;

		words += n > 0;
		common += hit != NULL;
		s += n + (s[n] != '\0');
	}
	for (const char *s = b; *s;) {
		size_t n = strcspn(s, "_()[] ");

		words += n > 0;
		common += n && strstr(a, xstrndup(s, n));
		s += n + (s[n] != '\0');
	}
	return words ? (double)common / (double)words : 0;
}

struct candidate {
	double score, body;
	const struct def *d;
	const char *path;
};

static int by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

/* Definitions of the new tree that look like the old one, by body (if the old tree is known) and by name */
struct list similar_defs(const struct port *p, const struct source *old, const struct def *d, const char *symbol,
			 const char *file, double *best, char **best_name, const char **best_file)
{
	struct list out = { 0 };
	struct candidate *c = NULL;
	struct grams want = { 0 };
	size_t n = 0;

	if (d)
		want = grams_of(old, d);
	for (size_t i = 0; i < p->index.n; i++) {
		const struct indexed *x = p->index.item[i];

		if (runs_at_el2(p, x->path))
			continue;
		for (size_t k = 0; k < x->source->ndef; k++) {
			const struct def *m = &x->source->def[k];
			struct candidate one = { .d = m, .path = x->path };

			if (m->kind == DEF_OTHER || ends_with(m->name, "()") != ends_with(symbol, "()"))
				continue;
			one.score = name_likeness(symbol, m->name) + (strcmp(x->path, file) ? 0 : 0.1);
			if (d) {
				struct grams g = grams_of(x->source, m);

				one.body = overlap(&want, &g);
				one.score = one.score / 2 + one.body;
				free(g.h);
			}
			if (one.score < 0.6)
				continue;
			c = xrealloc(c, (n + 1) * sizeof(*c));
			c[n++] = one;
		}
	}
	if (n)
		qsort(c, n, sizeof(*c), by_score);
	*best = n ? c[0].body : 0;
	*best_name = n ? c[0].d->name : NULL;
	*best_file = n ? c[0].path : NULL;
	for (size_t i = 0; i < n && i < 3; i++)
		list_add(&out, fmt("%s:%s, line %u%s", c[i].path, c[i].d->name, c[i].d->first,
				   d ? fmt(", %.0f%% of the body", 100 * c[i].body) : ""));
	free(c);
	return out;
}
