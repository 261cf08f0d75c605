// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutants of upstream code: what kernel developers do to the code around a hook is done to a copy of the kernel's
 * files, and each mutant is caught by a gate, or is harmless and the reason is shown.  Mutants that don't get in
 * each other's way share a run, since a gate's message names the place it is about.
 */
#include "mutate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum operator { RENAME, MOVE, SPLIT, DUPLICATE, COPY, REPEAT, REORDER, SWAP, PARAMETER, NR_OPERATORS };

static const struct {
	const char *name, *what;
} operators[NR_OPERATORS] = {
	[RENAME] = { "rename", "the definition or the included file gets another name" },
	[MOVE] = { "move", "the definition goes to another file" },
	[SPLIT] = { "split", "the body goes to a new function, which the old one calls" },
	[DUPLICATE] = { "duplicate", "the definition is there twice, as with #ifdef and #else" },
	[COPY] = { "copy", "a copy of the definition under another name" },
	[REPEAT] = { "repeat", "the statement, entry or line of the anchor twice" },
	[REORDER] = { "reorder", "the definition changes places with a neighbour" },
	[SWAP] = { "swap", "the anchor changes places with the statement before it, or a new first statement" },
	[PARAMETER] = { "parameter", "one parameter more" },
};

struct mutant {
	enum operator op;
	struct target *t;
	unsigned int line;		/* of the first match, as the pristine file has it */
	const char *gate;		/* that caught it */
	const char *message, *reason;
	bool pending, active;
	unsigned int first, last;	/* lines that it replaces */
	struct text text;
	struct text elsewhere;		/* what goes to another file */
};

struct mutation {
	struct engine *e;
	const char *pristine, *scratch;
	struct list files;		/* struct kfile of the run without mutants */
	struct list mutants;
	unsigned int runs;
};

/* ---- source text by token and line ---- */

static const char *line_start(const struct source *s, unsigned int number)
{
	const char *p = s->text.data;

	while (--number) {
		p = strchr(p, '\n');
		p = p ? p + 1 : s->text.data + s->text.len;
	}
	return p;
}

static void add_lines(struct text *t, const struct source *s, unsigned int first, unsigned int last)
{
	const char *from = line_start(s, first);

	text_add(t, from, (size_t)(line_start(s, last + 1) - from));
}

static bool is_word(const struct token *t, const char *word, size_t n)
{
	return t->kind == T_WORD && t->len == n && !memcmp(t->s, word, n);
}

static bool is_char(const struct token *t, char c)
{
	return t->kind == T_PUNCT && *t->s == c;
}

static size_t first_token(const struct source *s, unsigned int line)
{
	size_t i = 0;

	while (i < s->ntok && s->tok[i].line < line)
		i++;
	return i;
}

/* The bare name in f(), struct s or t[] */
static const char *bare_name(const char *symbol)
{
	const char *name = strncmp(symbol, "struct ", 7) ? symbol : symbol + 7;

	return xstrndup(name, strcspn(name, "(["));
}

static void renamed_lines(struct text *out, const struct source *s, unsigned int first, unsigned int last, const char *name,
			  const char *suffix)
{
	const char *at = line_start(s, first), *end = line_start(s, last + 1);

	for (size_t i = first_token(s, first); i < s->ntok && s->tok[i].line <= last; i++) {
		const struct token *t = &s->tok[i];

		if (!is_word(t, name, strlen(name)))
			continue;
		text_add(out, at, (size_t)(t->s + t->len - at));
		text_fmt(out, "%s", suffix);
		at = t->s + t->len;
	}
	text_add(out, at, (size_t)(end - at));
}

static const struct def *def_of(const struct source *s, const struct mutant *m)
{
	return source_def_named(s, m->t->symbol);
}

/* The parameter list of a function: the tokens of its parentheses */
static bool parameters(const struct source *s, const struct def *d, size_t *open, size_t *close, size_t *brace)
{
	const char *name = bare_name(d->name);
	unsigned int depth = 0;

	*open = *close = 0;
	for (size_t i = first_token(s, d->first); i < s->ntok && s->tok[i].line <= d->last; i++) {
		if (is_char(&s->tok[i], '(')) {
			if (!depth++ && i && !*open && is_word(&s->tok[i - 1], name, strlen(name)))
				*open = i;
		} else if (is_char(&s->tok[i], ')')) {
			if (!--depth && *open && !*close)
				*close = i;
		} else if (is_char(&s->tok[i], '{')) {
			*brace = i;
			return *close != 0;
		}
	}
	return false;
}

/* ---- the operators: false if one does not make sense at a place ---- */

static bool rename_it(const struct source *s, struct mutant *m)
{
	const struct def *d = def_of(s, m);

	if (d) {
		m->first = d->first;
		m->last = d->last;
		renamed_lines(&m->text, s, d->first, d->last, bare_name(m->t->symbol), "_was");
		return true;
	}
	if (!m->line)
		return false;
	m->first = m->last = m->line;
	add_lines(&m->text, s, m->line, m->line);
	for (size_t i = 0; i < m->text.len; i++) {
		if (m->text.data[i] == '.')
			m->text.data[i] = '_';
	}
	return true;
}

static bool move_it(const struct source *s, struct mutant *m)
{
	const struct def *d = def_of(s, m);

	if (!d)
		return false;
	m->first = d->first;
	m->last = d->last;
	text_add(&m->text, "", 0);
	add_lines(&m->elsewhere, s, d->first, d->last);
	return true;
}

static bool split_it(const struct source *s, struct mutant *m)
{
	const struct def *d = def_of(s, m);
	size_t open, close, brace;
	bool value = false, first = true;

	if (!d || d->kind != DEF_FUNCTION || !parameters(s, d, &open, &close, &brace))
		return false;
	m->first = d->first;
	m->last = d->last;
	renamed_lines(&m->text, s, d->first, d->last, bare_name(d->name), "_part");
	text_fmt(&m->text, "\n");
	for (size_t i = first_token(s, d->first); i + 1 < open; i++)
		value = is_char(&s->tok[i], '*') || (s->tok[i].kind == T_WORD ? !is_word(&s->tok[i], "void", 4) &&
			(value || !memmem(s->tok[i].s, s->tok[i].len, "__", 2)) : value);
	for (size_t i = first_token(s, d->first); i + 1 < open; i++)
		value = value && !is_word(&s->tok[i], "void", 4);
	text_add(&m->text, line_start(s, d->first), (size_t)(s->tok[brace].s - line_start(s, d->first)));
	text_fmt(&m->text, "{\n\t%s%s_part(", value ? "return " : "", bare_name(d->name));
	for (size_t i = open + 1; i <= close; i++) {
		const struct token *t = &s->tok[i - 1];

		if (!(is_char(&s->tok[i], ',') || i == close) || t->kind != T_WORD || is_word(t, "void", 4))
			continue;
		text_fmt(&m->text, "%s%.*s", first ? "" : ", ", (int)t->len, t->s);
		first = false;
	}
	text_fmt(&m->text, ");\n}\n");
	return true;
}

static bool twice(const struct source *s, struct mutant *m, const char *suffix)
{
	const struct def *d = def_of(s, m);

	if (!d)
		return false;
	m->first = d->first;
	m->last = d->last;
	add_lines(&m->text, s, d->first, d->last);
	text_fmt(&m->text, "\n");
	renamed_lines(&m->text, s, d->first, d->last, bare_name(d->name), suffix);
	return true;
}

static bool ends_statement(const struct token *t)
{
	return is_char(t, ';') || is_char(t, '{') || is_char(t, '}') || is_char(t, ':') || t->kind == T_DIRECTIVE;
}

/* The simple statement, or table entry, around the first token of a line: whole lines only */
static bool statement(const struct source *s, const struct def *d, unsigned int line, unsigned int *first, unsigned int *last)
{
	size_t i = first_token(s, line), k = i;
	bool table = d->kind == DEF_TABLE;
	int depth = 0;

	while (k > 0 && !ends_statement(&s->tok[k - 1]) && !(table && is_char(&s->tok[k - 1], ',')) &&
	       s->tok[k - 1].kind != T_COMMENT)
		k--;
	for (; i < s->ntok; i++) {
		const struct token *t = &s->tok[i];

		depth += is_char(t, '(') - is_char(t, ')');
		if (is_char(t, '{') || t->kind == T_DIRECTIVE)
			return false;
		if (!depth && is_char(t, table ? ',' : ';'))
			break;
	}
	*first = s->tok[k].line;
	*last = i < s->ntok ? s->tok[i].line : 0;
	return *last && d->first < *first && *last < d->last && (!k || s->tok[k - 1].last_line < *first) &&
	       (i + 1 == s->ntok || s->tok[i + 1].line > *last);
}

static bool anchored_on_statement(const struct source *s, const struct mutant *m, const struct def *d)
{
	size_t open, close, brace;

	return d && m->line && (d->kind == DEF_TABLE || (d->kind == DEF_FUNCTION && parameters(s, d, &open, &close, &brace) &&
							 m->line > s->tok[brace].line));
}

static bool repeat_it(const struct source *s, struct mutant *m)
{
	const struct def *d = def_of(s, m);

	if (!strcmp(m->t->symbol, "#end")) {
		m->first = s->tok ? s->tok[s->ntok - 1].last_line : 1;
		m->last = m->first;
		add_lines(&m->text, s, m->first, m->last);
		text_fmt(&m->text, "# one line more\n");
		return true;
	}
	if (d && (!anchored_on_statement(s, m, d) || !statement(s, d, m->line, &m->first, &m->last)))
		return false;
	if (!d && !m->line)
		return false;
	if (!d)
		m->first = m->last = m->line;
	add_lines(&m->text, s, m->first, m->last);
	add_lines(&m->text, s, m->first, m->last);
	return true;
}

static bool directive_between(const struct source *s, unsigned int from, unsigned int to)
{
	for (size_t i = first_token(s, from); i < s->ntok && s->tok[i].line <= to; i++) {
		if (s->tok[i].kind == T_DIRECTIVE)
			return true;
	}
	return false;
}

static bool reorder_it(const struct source *s, struct mutant *m)
{
	const struct def *d = def_of(s, m);

	if (!d && m->line && strcmp(m->t->symbol, "#end")) {	/* an #include: behind the next line */
		m->first = m->line;
		m->last = m->line + 1;
		add_lines(&m->text, s, m->last, m->last);
		add_lines(&m->text, s, m->first, m->first);
		return true;
	}
	for (int side = 1; d && side >= -1; side -= 2) {
		const struct def *o = d + side, *a = side > 0 ? d : o, *b = side > 0 ? o : d;

		if (o < s->def || o >= s->def + s->ndef || directive_between(s, a->last, b->first))
			continue;
		m->first = a->first;
		m->last = b->last;
		add_lines(&m->text, s, b->first, b->last);
		if (a->last + 1 < b->first)
			add_lines(&m->text, s, a->last + 1, b->first - 1);
		add_lines(&m->text, s, a->first, a->last);
		return true;
	}
	return false;
}

static bool swap_it(const struct source *s, struct mutant *m)
{
	const struct def *d = def_of(s, m);
	size_t open, close, brace;
	unsigned int first, last, before;

	if (!d || d->kind == DEF_STRUCT)
		return false;
	if (anchored_on_statement(s, m, d)) {
		if (!statement(s, d, m->line, &first, &last) || !statement(s, d, first - 1, &m->first, &before) ||
		    before != first - 1)
			return false;
		m->last = last;
		add_lines(&m->text, s, first, last);
		add_lines(&m->text, s, m->first, before);
		return true;
	}
	if (d->kind != DEF_FUNCTION || !parameters(s, d, &open, &close, &brace))
		return false;
	/* behind the declarations: the first line of the body that has a call or assignment and no declaration is hard
	 * to tell by tokens, so the new statement goes in front of the first keyword of a statement, or of the last line */
	for (size_t i = brace + 1; i < s->ntok && s->tok[i].line < d->last; i++) {
		const struct token *t = &s->tok[i];

		if (!is_word(t, "if", 2) && !is_word(t, "return", 6) && !is_word(t, "switch", 6) && !is_word(t, "for", 3))
			continue;
		m->first = m->last = t->line;
		if (directive_between(s, s->tok[brace].line, t->line))
			return false;
		text_fmt(&m->text, "\tnew_upstream_step();\n");
		add_lines(&m->text, s, t->line, t->line);
		return true;
	}
	return false;
}

static bool parameter_it(const struct source *s, struct mutant *m)
{
	const struct def *d = def_of(s, m);
	size_t open, close, brace;
	const char *from;

	if (!d || d->kind != DEF_FUNCTION || !parameters(s, d, &open, &close, &brace))
		return false;
	m->first = s->tok[close].line;
	m->last = s->tok[close].line;
	from = line_start(s, m->first);
	if (is_word(&s->tok[close - 1], "void", 4) && close == open + 2) {
		text_add(&m->text, from, (size_t)(s->tok[close - 1].s - from));
		text_fmt(&m->text, "int more");
	} else {
		text_add(&m->text, from, (size_t)(s->tok[close].s - from));
		text_fmt(&m->text, "%sint more", close == open + 1 ? "" : ", ");
	}
	text_add(&m->text, s->tok[close].s, (size_t)(line_start(s, m->last + 1) - s->tok[close].s));
	return true;
}

static bool make_mutant(const struct source *s, struct mutant *m)
{
	switch (m->op) {
	case RENAME:
		return rename_it(s, m);
	case MOVE:
		return move_it(s, m);
	case SPLIT:
		return split_it(s, m);
	case DUPLICATE:
		return twice(s, m, "");
	case COPY:
		return twice(s, m, "_copy");
	case REPEAT:
		return repeat_it(s, m);
	case REORDER:
		return reorder_it(s, m);
	case SWAP:
		return swap_it(s, m);
	default:
		return parameter_it(s, m);
	}
}

/* ---- a run of the engine on mutated files ---- */

static void forget(struct engine *e)
{
	gates_reset();
	e->files.n = 0;
	e->audit_sites = 0;
	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *t = h->targets.item[k];

			t->found = (struct list){ 0 };
			t->hidden = false;
			t->hunks = t->added = 0;
		}
	}
	for (size_t i = 0; i < e->ledger->allow.n; i++)
		((struct allow *)e->ledger->allow.item[i])->used = false;
}

static void put(const char *root, const char *path, const struct text *t)
{
	char *to = fmt("%s/%s", root, path);

	make_parent(to);
	file_write(to, t->data, t->len);
}

static bool kept_file(const struct mutation *x, const char *path)
{
	for (size_t i = 0; i < x->files.n; i++) {
		if (!strcmp(((struct kfile *)x->files.item[i])->path, path))
			return true;
	}
	return false;
}

/* The needed files with the active mutants in them */
static const char *mutated_tree(struct mutation *x)
{
	const char *root = fmt("%s/mutant/%u/tree", x->scratch, x->runs);
	struct text makefile = file_read(fmt("%s/Makefile", x->pristine));

	put(root, "Makefile", &makefile);
	for (size_t i = 0; i < x->e->ledger->audit_dirs.n; i++)
		make_dirs(fmt("%s/%s", root, (char *)x->e->ledger->audit_dirs.item[i]));
	for (size_t i = 0; i < x->files.n; i++) {
		const struct kfile *f = x->files.item[i];
		struct text out = { 0 }, elsewhere = { 0 };
		unsigned int at = 1, lines = 1;

		for (const char *s = f->pristine->text.data; *s; s++)
			lines += *s == '\n';
		text_add(&out, "", 0);
		while (at < lines) {
			const struct mutant *next = NULL;

			for (size_t k = 0; k < x->mutants.n; k++) {
				const struct mutant *m = x->mutants.item[k];

				if (m->active && !strcmp(m->t->file, f->path) && m->first >= at &&
				    (!next || m->first < next->first))
					next = m;
			}
			if (!next) {
				add_lines(&out, f->pristine, at, lines - 1);
				break;
			}
			if (at < next->first)
				add_lines(&out, f->pristine, at, next->first - 1);
			text_add(&out, next->text.data, next->text.len);
			if (next->elsewhere.len)
				text_add(&elsewhere, next->elsewhere.data, next->elsewhere.len);
			at = next->last + 1;
		}
		put(root, f->path, &out);
		if (elsewhere.len)
			put(root, fmt("%.*s_moved%s", (int)strlen(f->path) - 2, f->path, f->path + strlen(f->path) - 2), &elsewhere);
	}
	for (size_t i = 0; i < x->e->ledger->allow.n; i++) {	/* what the audit expects in other files */
		const struct allow *a = x->e->ledger->allow.item[i];
		const char *from = fmt("%s/%s", x->pristine, a->file);

		if (!kept_file(x, a->file) && is_file(from)) {
			struct text t = file_read(from);

			put(root, a->file, &t);
		}
	}
	return root;
}

static bool run_gates(struct mutation *x, bool all)
{
	struct engine *e = x->e;
	struct list patches = { 0 };

	forget(e);
	e->tree = mutated_tree(x);
	e->scratch = fmt("%s/mutant/%u/work", x->scratch, x->runs++);
	make_dirs(e->scratch);
	engine_read_tree(e);
	gate_pristine(e);
	engine_visibility(e);
	engine_apply(e);
	gate_matches(e);
	gate_tokens(e);
	if (failures || !all)
		return !failures;
	patches = series_make(e);
	if (!failures)
		series_check(e, &patches);
	if (!failures)
		engine_order(e);
	engine_audit(e);
	return !failures;
}

/* What a gate's message has to be about: the mutant's hook and place, its definition (or the one that the operator made of it), or its file */
enum about { ABOUT_HOOK, ABOUT_DEFINITION, ABOUT_FILE };

static bool names_definition(const char *message, const char *name)
{
	static const char *const suffixes[] = { "()", "_part()", "_copy()" };

	for (const char *s = message; (s = strstr(s, name)); s++) {
		if (s > message && (isalnum((unsigned char)s[-1]) || s[-1] == '_'))
			continue;
		for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
			if (!strncmp(s + strlen(name), suffixes[i], strlen(suffixes[i])))
				return true;
		}
	}
	return false;
}

static bool caught(struct mutant *m, enum about what)
{
	struct list *gates = gate_results();

	for (size_t i = 0; i < gates->n; i++) {
		const struct gate *g = gates->item[i];

		for (size_t k = 0; k < g->messages.n; k++) {
			const char *s = g->messages.item[k];
			bool here = strstr(s, m->t->file) || strstr(s, fmt("%.*s_moved", (int)strlen(m->t->file) - 2, m->t->file));

			if (!here || (what == ABOUT_DEFINITION && !names_definition(s, bare_name(m->t->symbol))))
				continue;
			if (what == ABOUT_HOOK && !strstr(s, fmt(": %s: ", m->t->hook->id)))
				continue;
			if (what == ABOUT_HOOK && !strstr(s, m->t->symbol[0] == '#' ? fmt(":%s", m->t->symbol) : bare_name(m->t->symbol)))
				continue;
			if (what == ABOUT_HOOK && m->t->remove && strchr(m->t->remove, '(') && !strstr(s, m->t->remove))
				continue;
			m->gate = g->name;
			m->message = s;
			return true;
		}
	}
	return false;
}

/* ---- a mutant that no gate has caught ---- */

static bool tokens_at(const struct source *s, size_t i, const struct source *what)
{
	for (size_t k = 0; k < what->ntok; k++) {
		if (i + k >= s->ntok || !token_equal(&s->tok[i + k], &what->tok[k]))
			return false;
	}
	return what->ntok > 0;
}

static const struct source *patched(const struct list *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct kfile *f = files->item[i];

		if (!strcmp(f->path, path))
			return source_parse(f->final);
	}
	return NULL;
}

/* The n-th insertion of a place in its definition: token index and end */
static bool find_insertion(const struct source *s, const struct target *t, unsigned int nth, size_t *at, size_t *n)
{
	struct text text = { 0 };
	struct source *what;

	text_add(&text, t->insert, strlen(t->insert));
	what = source_parse(text);
	*n = what->ntok;
	for (size_t i = 0; s && i < s->ntok; i++) {
		const struct def *d;

		if (!tokens_at(s, i, what))
			continue;
		d = source_def_at(s, s->tok[i].line);
		if ((t->symbol[0] == '#' ? !d : d && !strcmp(d->name, t->symbol)) && !nth--) {
			*at = i;
			return true;
		}
	}
	return false;
}

static size_t opening_brace(const struct source *s, size_t at)
{
	const struct def *d = source_def_at(s, s->tok[at].line);
	size_t i = d ? first_token(s, d->first) : 0;

	while (i < at && !is_char(&s->tok[i], '{'))
		i++;
	return i;
}

static bool same_run(const struct source *a, size_t i, const struct source *b, size_t k, size_t n)
{
	for (size_t m = 0; m < n; m++) {
		if (i + m >= a->ntok || k + m >= b->ntok || !token_equal(&a->tok[i + m], &b->tok[k + m]))
			return false;
	}
	return true;
}

/* Declarations alone: two words in a row, none of them a keyword of a statement, up to each semicolon */
static bool only_declarations(const struct source *s, size_t from, size_t to)
{
	static const char *const statements[] = {
		"if", "else", "for", "while", "do", "switch", "case", "default", "return", "goto", "break", "continue", "asm",
	};
	size_t words = 0, stars = 0;
	bool head = true;	/* before the declared name, whose initialiser may be anything without a block */

	for (size_t i = from; i < to; i++) {
		const struct token *t = &s->tok[i];

		if (t->kind == T_COMMENT)
			continue;
		if (t->kind == T_DIRECTIVE || is_char(t, '{') || is_char(t, '}'))
			return false;
		for (size_t k = 0; k < sizeof(statements) / sizeof(statements[0]); k++) {
			if (is_word(t, statements[k], strlen(statements[k])))
				return false;
		}
		if (is_char(t, ';')) {
			if (words < 2)
				return false;
			words = stars = 0;
			head = true;
		} else if (head && t->kind == T_WORD) {
			words++;
		} else if (head && is_char(t, '*')) {
			stars++;
		} else {
			if (head && words < 2)
				return false;
			head = false;
		}
	}
	return head && !words && !stars;
}

/* Nothing runs before the hook now, and nothing but initialisers did */
static bool still_first(const struct source *was, size_t brace_a, size_t a, const struct source *now, size_t brace_b, size_t b)
{
	return b == brace_b + 1 && is_char(&now->tok[brace_b], '{') && is_char(&was->tok[brace_a], '{') &&
	       only_declarations(was, brace_a + 1, a);
}

/* The #if lines that a token is under */
static struct list conditions(const struct source *s, size_t at)
{
	struct list open = { 0 };

	for (size_t i = 0; i < at; i++) {
		const struct token *t = &s->tok[i];
		const char *word = t->s + 1 + strspn(t->s + 1, " \t");

		if (t->kind != T_DIRECTIVE)
			continue;
		if (!strncmp(word, "if", 2))
			list_add(&open, xstrndup(t->s, t->len));
		else if (!strncmp(word, "el", 2) && open.n)
			open.item[open.n - 1] = fmt("%s %.*s", (char *)open.item[open.n - 1], (int)t->len, t->s);
		else if (!strncmp(word, "endif", 5) && open.n)
			open.n--;
	}
	return open;
}

/* An inserted #include works from wherever it stands: under no other #if, and in front of what it is there for */
static bool includes_in_time(const struct mutation *x, const struct source *was, size_t a, const struct source *now, size_t b,
			     const char *file)
{
	struct list before = conditions(was, a), after = conditions(now, b);

	if (before.n != after.n)
		return false;
	for (size_t i = 0; i < before.n; i++) {
		if (strcmp(before.item[i], after.item[i]))
			return false;
	}
	for (size_t i = 0; i < x->e->ledger->hooks.n; i++) {
		const struct hook *h = x->e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			const struct target *user = h->targets.item[k];
			size_t at, n;

			if (user->symbol[0] == '#' || !user->matches || strcmp(user->file, file))
				continue;
			if (!find_insertion(now, user, 0, &at, &n) || at < b)
				return false;
		}
	}
	return true;
}

/* Why the n-th insertion is still right */
static const char *why_here(const struct mutation *x, const struct target *t, const struct source *was, const struct source *now,
			    unsigned int nth)
{
	enum { NEAR = 4 };
	bool included = t->symbol[0] == '#';
	size_t a, b, n, brace_a, brace_b;

	if (!find_insertion(was, t, nth, &a, &n) || !find_insertion(now, t, nth, &b, &n))
		return NULL;
	brace_a = opening_brace(was, a);
	brace_b = opening_brace(now, b);
	if (!included && a - brace_a == b - brace_b && same_run(was, brace_a, now, brace_b, a - brace_a))
		return fmt("the series puts it into %s, as far behind the brace and behind the same tokens as before", t->symbol);
	if (t->remove)		/* the hook is the call or entry itself */
		return fmt("it is replaced in %s, wherever it stands there", t->symbol);
	if (included)
		return includes_in_time(x, was, a, now, b, t->file) ?
			"the series puts it among the included files, under the same #if, before what needs it" : NULL;
	if (same_run(was, a + n, now, b + n, NEAR) || (a >= NEAR && b >= NEAR && same_run(was, a - NEAR, now, b - NEAR, NEAR)))
		return fmt("the series puts it into %s, beside the same code as before", t->symbol);
	if (still_first(was, brace_a, a, now, brace_b, b))
		return fmt("the series puts it right behind the brace of %s, where only declarations were before it", t->symbol);
	return NULL;
}

/* Why the hook is still right: it is in the declared definition, and at its entry or beside the same code as before */
static const char *why_harmless(const struct mutation *x, const struct mutant *m)
{
	const struct target *t = m->t;
	const struct source *was = patched(&x->files, t->file), *now = patched(&x->e->files, t->file);
	const char *reason = NULL;

	if (!strcmp(t->symbol, "#end"))
		return "the line is at the end of the file, as before";
	for (unsigned int nth = 0; nth < t->matches; nth++) {
		reason = why_here(x, t, was, now, nth);
		if (!reason)
			return NULL;
	}
	return reason;
}

/* ---- the campaign ---- */

static bool overlaps(const struct mutation *x, const struct mutant *m)
{
	for (size_t i = 0; i < x->mutants.n; i++) {
		const struct mutant *o = x->mutants.item[i];

		if (o != m && o->active && !strcmp(o->t->file, m->t->file) && o->first <= m->last && m->first <= o->last &&
		    (o->first != m->first || o->last != m->last || !text_equal(&o->text, &m->text)))
			return true;
	}
	return false;
}

static size_t activate(struct mutation *x, enum operator op)
{
	size_t n = 0;

	for (size_t i = 0; i < x->mutants.n; i++)
		((struct mutant *)x->mutants.item[i])->active = false;
	for (size_t i = 0; i < x->mutants.n; i++) {
		struct mutant *m = x->mutants.item[i];

		m->active = m->op == op && m->pending && !overlaps(x, m);
		n += m->active;
	}
	return n;
}

/* Places in one definition share its mutant: caught for one of them, it is caught */
static void share_verdicts(struct mutation *x)
{
	for (size_t i = 0; i < x->mutants.n; i++) {
		const struct mutant *m = x->mutants.item[i];

		for (size_t k = 0; k < x->mutants.n && m->active && m->gate; k++) {
			struct mutant *o = x->mutants.item[k];

			if (o->active && !o->gate && !strcmp(o->t->file, m->t->file) && o->first == m->first &&
			    o->last == m->last && text_equal(&o->text, &m->text))
				o->gate = m->gate;
		}
	}
}

/* Runs the active mutants, and leaves active those that no message is about; how many were caught */
static size_t run_active(struct mutation *x, bool all, bool *clean, size_t *left)
{
	size_t n = 0;

	*clean = run_gates(x, all);
	*left = 0;
	for (size_t i = 0; i < x->mutants.n; i++) {
		struct mutant *m = x->mutants.item[i];

		if (m->active && !*clean)
			n += caught(m, ABOUT_HOOK);
	}
	for (size_t i = 0; i < x->mutants.n && !*clean && !n; i++) {
		struct mutant *m = x->mutants.item[i];

		if (m->active)
			caught(m, ABOUT_DEFINITION);
	}
	share_verdicts(x);
	n = 0;
	for (size_t i = 0; i < x->mutants.n; i++) {
		struct mutant *m = x->mutants.item[i];

		n += m->active && m->gate;
		m->pending = m->pending && !m->active;
		m->active = m->active && !m->gate;
		*left += m->active;
	}
	return n;
}

/*
 * Together first; what no message is about is run again without those that were caught, through all gates.
 * A message that names the file alone counts when nothing else is left that it could be about.
 */
static void run_operator(struct mutation *x, enum operator op)
{
	size_t n;

	while ((n = activate(x, op))) {
		bool clean;
		size_t left;

		fprintf(stderr, "retrofit: %s: %zu mutants at once, from run %u\n", operators[op].name, n, x->runs + 1);
		run_active(x, false, &clean, &left);
		while (left && run_active(x, true, &clean, &left))
			;
		for (size_t i = 0; i < x->mutants.n; i++) {
			struct mutant *m = x->mutants.item[i];

			if (m->active && (clean || !caught(m, ABOUT_FILE)))
				m->reason = clean ? why_harmless(x, m) : NULL;
		}
	}
}

static void collect_mutants(struct mutation *x, const char *only, unsigned int every)
{
	unsigned int made = 0;

	for (int op = 0; op < NR_OPERATORS; op++) {
		for (size_t i = 0; (!only || !strcmp(only, operators[op].name)) && i < x->e->ledger->hooks.n; i++) {
			struct hook *h = x->e->ledger->hooks.item[i];

			for (size_t k = 0; k < h->targets.n; k++) {
				struct target *t = h->targets.item[k];
				struct kfile *f = engine_file(x->e, t->file);
				struct mutant *m = xcalloc(1, sizeof(*m));

				m->op = (enum operator)op;
				m->t = t;
				m->line = t->found.n ? ((struct match *)t->found.item[0])->line : 0;
				if (!t->matches || !f || !make_mutant(f->pristine, m))
					continue;
				if (made++ % every)
					continue;
				text_add(&m->text, "", 0);
				m->pending = true;
				list_add(&x->mutants, m);
			}
		}
	}
}

static unsigned int report(struct mutation *x, unsigned int every)
{
	struct list *gates = gate_results();
	unsigned int survivors = 0, all = 0;

	for (size_t i = 0; i < x->mutants.n; i++) {
		const struct mutant *m = x->mutants.item[i];

		printf("%-9s %-4s %s:%s%s%s: ", operators[m->op].name, m->t->hook->id, m->t->file, m->t->symbol,
		       m->t->remove ? ", " : "", m->t->remove ? m->t->remove : "");
		if (m->gate)
			printf("caught by %s\n", m->gate);
		else if (m->reason)
			printf("harmless: %s\n", m->reason);
		else
			printf("SURVIVOR\n");
		survivors += !m->gate && !m->reason;
	}
	printf("\n%-9s %7s", "operator", "mutants");
	for (size_t g = 0; g < gates->n; g++)
		printf(" %10s", ((struct gate *)gates->item[g])->name);
	printf(" %8s %8s\n", "harmless", "survived");
	for (int op = 0; op < NR_OPERATORS; op++) {
		unsigned int n = 0, harmless = 0, survived = 0;

		for (size_t i = 0; i < x->mutants.n; i++) {
			const struct mutant *m = x->mutants.item[i];

			n += (int)m->op == op;
			harmless += (int)m->op == op && !m->gate && m->reason;
			survived += (int)m->op == op && !m->gate && !m->reason;
		}
		printf("%-9s %7u", operators[op].name, n);
		for (size_t g = 0; g < gates->n; g++) {
			const char *name = ((struct gate *)gates->item[g])->name;
			unsigned int by = 0;

			for (size_t i = 0; i < x->mutants.n; i++) {
				const struct mutant *m = x->mutants.item[i];

				by += (int)m->op == op && m->gate && !strcmp(m->gate, name);
			}
			printf(" %10.0u", by);
		}
		printf(" %8u %8u  %s\n", harmless, survived, operators[op].what);
		all += n;
	}
	printf("\n%s: %u mutants of upstream code%s in %u runs, %u survivors\n", x->e->ledger->release, all,
	       every > 1 ? fmt(", one in %u,", every) : "", x->runs, survivors);
	return survivors;
}

int mutate_run(struct engine *e, const char *only, unsigned int every)
{
	int known = 0;

	struct mutation x = { .e = e, .pristine = e->tree, .scratch = e->scratch };

	for (int op = 0; op < NR_OPERATORS; op++)
		known += !only || !strcmp(only, operators[op].name);
	if (!known)
		die(EXIT_USAGE, "--mutate: no operator \"%s\": see docs/retrofit.md", only);
	gates_quiet = true;
	engine_read_tree(e);
	gate_pristine(e);
	engine_visibility(e);
	engine_apply(e);
	gate_matches(e);
	gate_tokens(e);
	if (failures)
		die(EXIT_CHECK, "%s: the gates fail without any mutant: run retrofit without --mutate first", e->tree);
	for (size_t i = 0; i < e->files.n; i++)
		list_add(&x.files, e->files.item[i]);
	collect_mutants(&x, only, every);
	if (!x.mutants.n)
		die(EXIT_CHECK, "%s: no mutant could be made", e->tree);
	e->files = (struct list){ 0 };
	for (int op = 0; op < NR_OPERATORS; op++)
		run_operator(&x, (enum operator)op);
	return report(&x, every) ? EXIT_CHECK : EXIT_PASS;
}
