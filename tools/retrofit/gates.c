// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gates: what must hold before anything is put in place.  A failure names rule, hook, file, symbol,
 * what was found, what was expected and the remedy; all failures of a run are shown.
 */
#include "retrofit.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

unsigned int failures;
bool gates_quiet;

static struct gate gates[] = {
	{ .name = "ledger",	.what = "rules and ledger name the same hooks" },
	{ .name = "pristine",	.what = "no file holds a hook already" },
	{ .name = "visibility",	.what = "target definitions are parsed by spatch" },
	{ .name = "matches",	.what = "matches per place as the ledger says" },
	{ .name = "tokens",	.what = "files differ by the declared tokens only" },
	{ .name = "anchor",	.what = "added lines are inside the declared symbol" },
	{ .name = "series",	.what = "the series applies without fuzz or offset" },
	{ .name = "reverse",	.what = "applied and reversed, files are pristine" },
	{ .name = "engines",	.what = "read by the letter, the series gives the same" },
	{ .name = "order",	.what = "the rules the other way round give the same" },
	{ .name = "audit",	.what = "no EL2 operation is left but allowed ones" },
	{ .name = "unchanged",	.what = "the pristine tree has not changed" },
};

#define NR_GATES (sizeof(gates) / sizeof(*gates))

static struct gate *gate_named(const char *name)
{
	for (size_t i = 0; i < NR_GATES; i++) {
		if (!strcmp(gates[i].name, name))
			return &gates[i];
	}
	abort();
}

void gate_pass(const char *name)
{
	gate_named(name)->checks++;
}

void gate_fail(const char *name, const char *format, ...)
{
	struct gate *g = gate_named(name);
	char message[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	if (!gates_quiet)
		fprintf(stderr, "%s\n", message);
	list_add(&g->messages, xstrdup(message));
	g->failed++;
	failures++;
}

struct list *gate_results(void)
{
	struct list *l = xcalloc(1, sizeof(*l));

	for (size_t i = 0; i < NR_GATES; i++)
		list_add(l, &gates[i]);
	return l;
}

void gates_reset(void)
{
	for (size_t i = 0; i < NR_GATES; i++)
		gates[i].checks = gates[i].failed = (unsigned int)(gates[i].messages.n = 0);
	failures = 0;
}

/* A gate that had nothing to judge has not passed. */
void gates_all_run(void)
{
	for (size_t i = 0; i < NR_GATES; i++) {
		if (!gates[i].checks)
			gate_fail(gates[i].name, "gate %s: nothing was checked: the ledger gives it nothing to look at",
				  gates[i].name);
	}
}

static const char *rule_name(struct engine *e, const struct rule *r)
{
	return r->file ? fmt("%s/%s", e->ledger->name, r->file) : r->patch;
}

/* ---- pristine ---- */

static bool has_word(const struct source *s, const struct token *word)
{
	for (size_t i = 0; i < s->ntok; i++) {
		if (token_equal(&s->tok[i], word))
			return true;
	}
	return false;
}

void gate_pristine(struct engine *e)
{
	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *t = h->targets.item[k];
			struct kfile *f = engine_file(e, t->file);
			struct text text = { 0 };
			struct source *insert;

			if (!f || !t->insert)
				continue;
			gate_pass("pristine");
			text_add(&text, t->insert, strlen(t->insert));
			insert = source_parse(text);
			for (size_t w = 0; w < insert->ntok; w++) {
				const struct token *word = &insert->tok[w];

				if (!memmem(word->s, word->len, "kcore", 5) && !memmem(word->s, word->len, "KCORE", 5))
					continue;
				if (word->kind != T_STRING && has_word(f->pristine, word)) {
					gate_fail("pristine", "%s: %s: %s holds \"%.*s\" already: give the pristine "
						  "tree, rules are not applied twice", rule_name(e, h->rule), h->id,
						  t->file, (int)word->len, word->s);
					t->hidden = true;
					break;
				}
			}
		}
	}
}

/* ---- matches ---- */

/* A match belongs to a place if the symbol is the same, and what it reports is what the place removes. */
static bool belongs(const struct match *m, const struct target *t, const char *path)
{
	return !strcmp(t->file, path) && !strcmp(t->hook->id, m->id) && !strcmp(t->symbol, m->symbol) &&
	       (!*m->note || (t->remove && !strcmp(t->remove, m->note)));
}

static void assign_matches(struct engine *e, struct step *s)
{
	for (size_t i = 0; i < s->matches.n; i++) {
		struct match *m = s->matches.item[i];
		struct target *owner = NULL;

		for (size_t h = 0; h < s->rule->hooks.n && !owner; h++) {
			struct hook *hook = s->rule->hooks.item[h];

			for (size_t k = 0; k < hook->targets.n && !owner; k++) {
				if (belongs(m, hook->targets.item[k], s->file->path))
					owner = hook->targets.item[k];
			}
		}
		if (strcmp(m->element, "something_else") && strncmp(m->symbol, m->element, strlen(m->element))) {
			s->failed = true;
			gate_fail("anchor", "%s: %s: spatch finds %s:%u in %s, the brace count in %s: the file is "
				  "not what one of them thinks; look at the braces and #ifs there", rule_name(e, s->rule),
				  m->id, s->file->path, m->line, m->element, m->symbol);
			continue;
		}
		gate_pass("matches");
		if (owner) {
			m->owned = true;
			list_add(&owner->found, m);
			continue;
		}
		s->failed = true;
		if (*m->note)
			gate_fail("matches", "%s: %s: 1 match in %s:%s (expected 0): %s...) is a crossing that "
				  "ledger/%s.json does not list: give it a shim in the glue, then list it",
				  rule_name(e, s->rule), m->id, s->file->path, m->symbol, m->note,
				  e->ledger->release);
		else
			gate_fail("matches", "%s: %s: 1 match in %s:%s (expected 0): the rule reaches further than "
				  "ledger/%s.json says: narrow the rule, or list the place", rule_name(e, s->rule),
				  m->id, s->file->path, m->symbol, e->ledger->release);
	}
}

static struct step *step_of(struct engine *e, const struct target *t)
{
	struct kfile *f = engine_file(e, t->file);

	for (size_t i = 0; f && i < f->step.n; i++) {
		struct step *s = f->step.item[i];

		if (s->rule == t->hook->rule)
			return s;
	}
	return NULL;
}

void gate_matches(struct engine *e)
{
	for (size_t i = 0; i < e->files.n; i++) {
		struct kfile *f = e->files.item[i];

		for (size_t k = 0; k < f->step.n; k++)
			assign_matches(e, f->step.item[k]);
	}
	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *t = h->targets.item[k];
			struct step *s = step_of(e, t);

			if (t->hidden || (s && s->broken)) {
				if (s)
					s->failed = true;
				continue;
			}
			gate_pass("matches");
			if (t->found.n == t->matches)
				continue;
			s->failed = true;
			gate_fail("matches", "%s: %s: %zu matches in %s:%s%s%s (expected %u): %s", rule_name(e, h->rule),
				  h->id, t->found.n, t->file, t->symbol, t->remove ? ", " : "", t->remove ? t->remove : "",
				  t->matches, t->found.n < t->matches ?
				  "the anchor is not there any more: compare the function with the rule's pattern" :
				  "the anchor is there more often: narrow the rule");
		}
	}
}

/* ---- tokens and anchor ---- */

struct edit {
	struct target *target;
	struct source *insert, *remove;
	bool used;
	unsigned int at;		/* line of its first token in the patched file */
};

struct compare {
	const struct source *a, *b;
	struct edit *edit;
	size_t nedit, left;
	bool by_symbol;
	size_t furthest;		/* token of b up to which all was explained */
};

static bool tokens_are(const struct source *s, size_t from, const struct source *what)
{
	if (from + what->ntok > s->ntok)
		return false;
	for (size_t i = 0; i < what->ntok; i++) {
		if (!token_equal(&s->tok[from + i], &what->tok[i]))
			return false;
	}
	return true;
}

static const char *symbol_at(const struct source *s, unsigned int line)
{
	const struct def *d = source_def_at(s, line);

	return d ? d->name : "#include";
}

static bool inside(const struct source *b, size_t first, size_t n, const char *symbol)
{
	return !strcmp(symbol_at(b, b->tok[first].line), symbol) &&
	       !strcmp(symbol_at(b, b->tok[first + n - 1].last_line), symbol);
}

/*
 * b is a with each edit done once, and nothing else.  Where the files part, an edit began there or up
 * to its own length before, since its first tokens may equal those that follow it; every choice is
 * tried.  (from_a, from_b): where the edit before ended.
 */
static bool explain(struct compare *c, size_t from_a, size_t from_b)
{
	size_t i = from_a, j = from_b;

	while (i < c->a->ntok && j < c->b->ntok && token_equal(&c->a->tok[i], &c->b->tok[j])) {
		i++;
		j++;
	}
	if (j > c->furthest)
		c->furthest = j;
	if (i == c->a->ntok && j == c->b->ntok && !c->left)
		return true;
	for (size_t k = 0; k < c->nedit; k++) {
		struct edit *e = &c->edit[k];

		for (size_t s = 0; !e->used && s <= e->insert->ntok && s <= i - from_a; s++) {
			size_t a = i - s, b = j - s;

			if (!tokens_are(c->b, b, e->insert) || (e->remove && !tokens_are(c->a, a, e->remove)))
				continue;
			if (c->by_symbol && !inside(c->b, b, e->insert->ntok, e->target->symbol))
				continue;
			e->used = true;
			e->at = c->b->tok[b].line;
			c->left--;
			if (explain(c, a + (e->remove ? e->remove->ntok : 0), b + e->insert->ntok))
				return true;
			e->used = false;
			c->left++;
		}
	}
	return false;
}

static struct source *parse_string(const char *s)
{
	struct text t = { 0 };

	text_add(&t, s, strlen(s));
	return source_parse(t);
}

static void collect_edits(struct step *s, struct compare *c)
{
	for (size_t i = 0; i < s->rule->hooks.n; i++) {
		struct hook *h = s->rule->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *t = h->targets.item[k];

			for (unsigned int m = 0; !strcmp(t->file, s->file->path) && m < t->matches; m++) {
				c->edit = xrealloc(c->edit, (c->nedit + 1) * sizeof(*c->edit));
				c->edit[c->nedit++] = (struct edit){
					.target = t, .insert = parse_string(t->insert),
					.remove = t->remove ? parse_string(t->remove) : NULL,
				};
			}
		}
	}
	c->left = c->nedit;
}

static unsigned int occurrences(const struct source *s, const struct source *what)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->ntok; i++)
		n += tokens_are(s, i, what);
	return n;
}

static unsigned int declared(const struct compare *c, const struct source *what)
{
	unsigned int n = 0;

	for (size_t i = 0; i < c->nedit; i++)
		n += c->edit[i].insert->ntok == what->ntok && tokens_are(c->edit[i].insert, 0, what);
	return n;
}

static void report_tokens(struct engine *e, struct step *s, struct compare *c)
{
	unsigned int before = failures;
	size_t at = c->furthest < c->b->ntok ? c->furthest : c->b->ntok ? c->b->ntok - 1 : 0;
	struct text found = { 0 };

	for (size_t i = 0; i < c->nedit; i++) {
		struct edit *d = &c->edit[i];
		unsigned int n = occurrences(c->b, d->insert) - occurrences(c->a, d->insert);
		unsigned int want = declared(c, d->insert);

		if (n == want)
			continue;
		gate_fail("tokens", "%s: %s: \"%s\" was inserted %u times in %s:%s (expected %u): the rule edits more or "
			  "other places than it matches, or inserts other text than ledger/%s.json declares",
			  rule_name(e, s->rule), d->target->hook->id, d->target->insert, n, s->file->path,
			  d->target->symbol, want, e->ledger->release);
	}
	if (failures != before || !c->b->ntok)
		return;
	for (size_t i = at; i < c->b->ntok && i < at + 12; i++)
		text_fmt(&found, "%s%.*s", i > at ? " " : "", (int)c->b->tok[i].len, c->b->tok[i].s);
	gate_fail("tokens", "%s: %s:%u: in %s the rule left \"%s\", which is neither in the pristine file nor declared "
		  "in ledger/%s.json: correct the rule, or declare the text", rule_name(e, s->rule), s->file->path,
		  c->b->tok[at].line, symbol_at(c->b, c->b->tok[at].line), found.data, e->ledger->release);
}

static void check_step(struct engine *e, struct step *s)
{
	struct compare c = { .a = s->before, .b = s->after, .by_symbol = true };

	collect_edits(s, &c);
	for (size_t i = 0; i <= c.nedit; i++)
		gate_pass("tokens");
	for (size_t i = 0; i < c.nedit; i++)
		gate_pass("anchor");
	if (explain(&c, 0, 0))
		return;
	s->failed = true;
	c.by_symbol = false;
	if (!explain(&c, 0, 0)) {
		report_tokens(e, s, &c);
		return;
	}
	for (size_t i = 0; i < c.nedit; i++) {
		const struct edit *d = &c.edit[i];

		if (strcmp(symbol_at(s->after, d->at), d->target->symbol))
			gate_fail("anchor", "%s: %s: \"%s\" was added in %s:%u, inside %s, not inside the declared %s: "
				  "anchor the rule on %s", rule_name(e, s->rule), d->target->hook->id,
				  d->target->insert, s->file->path, d->at, symbol_at(s->after, d->at),
				  d->target->symbol, d->target->symbol);
	}
}

void gate_tokens(struct engine *e)
{
	for (size_t i = 0; i < e->files.n; i++) {
		struct kfile *f = e->files.item[i];

		for (size_t k = 0; k < f->step.n; k++) {
			struct step *s = f->step.item[k];

			if (!s->failed && s->rule->file)
				check_step(e, s);
		}
	}
}
