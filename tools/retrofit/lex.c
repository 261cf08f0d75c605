// SPDX-License-Identifier: GPL-2.0-only
/*
 * C tokens, and which definition holds which line.  This is no parser: it counts braces, which is
 * enough for kernel style, and it is independent of spatch, whose work it checks.
 */
#include "retrofit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
	const char *s, *end, *line_start;
	unsigned int line;
	struct source *out;
	size_t room;
};

static void newline(struct lexer *x)
{
	x->line++;
	x->line_start = x->s + 1;
}

static void emit(struct lexer *x, enum token_kind kind, const char *from, unsigned int line, size_t col)
{
	struct source *o = x->out;

	if (o->ntok == x->room) {
		x->room = x->room ? 2 * x->room : 1024;
		o->tok = xrealloc(o->tok, x->room * sizeof(*o->tok));
	}
	o->tok[o->ntok++] = (struct token){
		.kind = kind, .s = from, .len = (size_t)(x->s - from),
		.line = line, .last_line = x->line, .col = (unsigned int)col,
	};
}

static bool at(const struct lexer *x, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(x->end - x->s) >= n && !memcmp(x->s, what, n);
}

static void skip_to_comment_end(struct lexer *x)
{
	x->s += 2;
	while (x->s < x->end && !at(x, "*/")) {
		if (*x->s == '\n')
			newline(x);
		x->s++;
	}
	if (x->s < x->end)
		x->s += 2;
}

static void skip_quoted(struct lexer *x)
{
	char quote = *x->s++;

	while (x->s < x->end && *x->s != quote && *x->s != '\n') {
		if (*x->s == '\\' && x->s + 1 < x->end) {
			x->s++;
			if (*x->s == '\n')
				newline(x);
		}
		x->s++;
	}
	if (x->s < x->end && *x->s == quote)
		x->s++;
}

static void skip_directive(struct lexer *x)
{
	while (x->s < x->end && *x->s != '\n') {
		if (at(x, "/*")) {
			skip_to_comment_end(x);
			continue;
		}
		if (*x->s == '\\' && x->s + 1 < x->end && x->s[1] == '\n') {
			x->s++;
			newline(x);
		}
		x->s++;
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static void lex(struct lexer *x)
{
	bool line_empty = true;

	while (x->s < x->end) {
		const char *from = x->s;
		unsigned int line = x->line;
		size_t col = (size_t)(from - x->line_start);

		if (*x->s == '\n') {
			newline(x);
			x->s++;
			line_empty = true;
			continue;
		}
		if (isspace((unsigned char)*x->s) || at(x, "\\\n")) {
			x->s++;
			continue;
		}
		if (at(x, "/*")) {
			skip_to_comment_end(x);
			emit(x, T_COMMENT, from, line, col);
			continue;
		}
		if (at(x, "//")) {
			while (x->s < x->end && *x->s != '\n')
				x->s++;
			emit(x, T_COMMENT, from, line, col);
			continue;
		}
		if (*x->s == '#' && line_empty) {
			skip_directive(x);
			emit(x, T_DIRECTIVE, from, line, col);
			continue;
		}
		line_empty = false;
		if (*x->s == '"' || *x->s == '\'') {
			skip_quoted(x);
			emit(x, T_STRING, from, line, col);
		} else if (is_word(*x->s)) {
			while (x->s < x->end && is_word(*x->s))
				x->s++;
			emit(x, T_WORD, from, line, col);
		} else {
			x->s++;
			emit(x, T_PUNCT, from, line, col);
		}
	}
}

/* Comments and directives are compared without regard to white space: a rule may indent them anew. */
static bool equal_but_space(const struct token *a, const struct token *b)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < a->len && isspace((unsigned char)a->s[i]))
			i++;
		while (j < b->len && isspace((unsigned char)b->s[j]))
			j++;
		if (i == a->len || j == b->len)
			return i == a->len && j == b->len;
		if (a->s[i++] != b->s[j++])
			return false;
	}
}

bool token_equal(const struct token *a, const struct token *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == T_COMMENT || a->kind == T_DIRECTIVE)
		return equal_but_space(a, b);
	return a->len == b->len && !memcmp(a->s, b->s, a->len);
}

static bool is(const struct token *t, const char *s)
{
	return t->len == strlen(s) && !memcmp(t->s, s, t->len);
}

static bool is_directive(const struct token *t, const char *name)
{
	size_t i = 1;

	while (i < t->len && isblank((unsigned char)t->s[i]))
		i++;
	return t->len - i >= strlen(name) && !memcmp(t->s + i, name, strlen(name));
}

static bool is_annotation(const struct token *t)
{
	static const char *const names[] = {
		"__acquires", "__releases", "__must_hold", "__attribute__", "__printf", "__scanf", "__section",
		"__aligned", "__alloc_size", "__nonnull", "__cond_lock",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (is(t, names[i]))
			return true;
	}
	return false;
}

/* What the brace at tok[brace] opens, given the file-level item that starts at tok[first]. */
static struct def name_item(const struct source *s, size_t first, size_t brace)
{
	struct def d = { .kind = DEF_OTHER, .first = s->tok[first].line };
	const struct token *function = NULL, *word = NULL, *array = NULL;
	bool assigned = false, is_struct = false;
	unsigned int depth = 0;

	for (size_t i = first; i < brace; i++) {
		const struct token *t = &s->tok[i];

		if (t->kind == T_COMMENT || t->kind == T_DIRECTIVE)
			continue;
		if (is(t, "(")) {
			if (!depth++ && word && !is_annotation(word))
				function = word;
		} else if (is(t, ")")) {
			depth -= depth > 0;
		} else if (!depth && is(t, "=")) {
			assigned = true;
		} else if (!depth && is(t, "[") && word && !array) {
			array = word;
		}
		if (!depth && !assigned && t->kind == T_WORD) {
			if (is(t, "struct") || is(t, "union") || is(t, "enum"))
				is_struct = is(t, "struct");
			word = t;
		} else if (!depth && !assigned && !is(t, "[") && !is(t, "]")) {
			word = is(t, ")") ? NULL : word;
		}
	}
	if (assigned) {
		const struct token *name = array ? array : word;

		d.kind = DEF_TABLE;
		d.name = name ? fmt("%.*s[]", (int)name->len, name->s) : xstrdup("?");
	} else if (function) {
		d.kind = DEF_FUNCTION;
		d.name = fmt("%.*s()", (int)function->len, function->s);
	} else if (is_struct && word && !is(word, "struct")) {
		d.kind = DEF_STRUCT;
		d.name = fmt("struct %.*s", (int)word->len, word->s);
	} else {
		d.name = word ? xstrndup(word->s, word->len) : xstrdup("?");
	}
	return d;
}

static void add_def(struct source *s, struct def d, unsigned int last)
{
	d.last = last;
	s->def = xrealloc(s->def, (s->ndef + 1) * sizeof(*s->def));
	s->def[s->ndef++] = d;
}

/*
 * Braces, with two aids: after #else and #elif the depth is that of the #if, so that a brace opened
 * in both branches counts once; a brace closed in the first column ends the definition, whatever the
 * count says.
 */
static void find_defs(struct source *s)
{
	unsigned int depth = 0, paren = 0, saved[64], nsaved = 0;
	size_t first = 0;
	bool in_item = false, open = false;
	struct def d = { 0 };

	for (size_t i = 0; i < s->ntok; i++) {
		const struct token *t = &s->tok[i];

		if (t->kind == T_COMMENT)
			continue;
		if (t->kind == T_DIRECTIVE) {
			if (is_directive(t, "if")) {
				if (nsaved < 64)
					saved[nsaved] = depth;
				nsaved++;
			} else if (is_directive(t, "el")) {
				if (nsaved && nsaved <= 64)
					depth = saved[nsaved - 1];
			} else if (is_directive(t, "endif")) {
				nsaved -= nsaved > 0;
			}
			continue;
		}
		if (!in_item) {
			in_item = true;
			first = i;
			paren = 0;
		}
		if (!depth && is(t, "(")) {
			paren++;
		} else if (!depth && is(t, ")")) {
			paren -= paren > 0;
		} else if (is(t, "{")) {
			if (!depth && !paren && !open) {
				d = name_item(s, first, i);
				open = true;
			}
			depth++;
		} else if (is(t, "}")) {
			depth = t->col ? depth - (depth > 0) : 0;
			if (!depth && open && d.kind == DEF_FUNCTION) {
				add_def(s, d, t->line);
				in_item = open = false;
			}
		} else if (!depth && !paren && is(t, ";")) {
			if (open)
				add_def(s, d, t->line);
			in_item = open = false;
		}
	}
}

struct source *source_parse(struct text text)
{
	struct source *s = xcalloc(1, sizeof(*s));
	struct lexer x = { .line = 1, .out = s };

	s->text = text;
	if (!s->text.data)
		text_add(&s->text, "", 0);
	x.s = x.line_start = s->text.data;
	x.end = s->text.data + s->text.len;
	lex(&x);
	find_defs(s);
	return s;
}

const struct def *source_def_at(const struct source *s, unsigned int line)
{
	for (size_t i = 0; i < s->ndef; i++) {
		if (s->def[i].first <= line && line <= s->def[i].last)
			return &s->def[i];
	}
	return NULL;
}

const struct def *source_def_named(const struct source *s, const char *name)
{
	for (size_t i = 0; i < s->ndef; i++) {
		if (!strcmp(s->def[i].name, name))
			return &s->def[i];
	}
	return NULL;
}
