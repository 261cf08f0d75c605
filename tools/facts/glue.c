// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the glue copies: the assignments of run.c between the shared page and KVM's context.
 *
 * run.c is read line by line.  A copy is one of
 *	page->F = E;	E = page->F;	kcore_copy_pairs(page->F, E, n);	kcore_copy_pairs(E, page->F, n);
 * or a macro with such a body that KCORE_SYSREGS() is applied to.  E is a path from the vCPU or its GIC state, by macros of the
 * glue's headers; what it means is looked up in the debugging information of the same compilation unit.  An index that is a
 * variable stands for all elements, and a copy that is a part of another one says nothing new.
 */
#include "facts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct macro {
	char *name;
	char *parameter;	/* the first; a second one is `second' */
	char *second;
	char *body;
};

static struct macro *macros;
static size_t nr_macros;

static char *copy_text(const char *from, size_t n)
{
	return xasprintf("%.*s", (int)n, from);
}

static const char *skip(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static size_t word(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

static void add_macro(const char *p)
{
	struct macro m = { 0 };
	size_t n = word(p);

	m.name = copy_text(p, n);
	p += n;
	if (*p++ != '(')
		return;
	n = word(p);
	m.parameter = copy_text(p, n);
	p = skip(p + n);
	if (*p == ',') {
		p = skip(p + 1);
		n = word(p);
		m.second = copy_text(p, n);
		p = skip(p + n);
	}
	if (*p != ')')
		return;
	p = skip(p + 1);
	m.body = copy_text(p, strcspn(p, "\n"));
	macros = xrealloc(macros, (nr_macros + 1) * sizeof(*macros));
	macros[nr_macros++] = m;
}

static void read_macros(const char *text)
{
	static const char define[] = "#define ";

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, define, strlen(define)))
			add_macro(skip(p + strlen(define)));
}

static const struct macro *find_macro(const char *name, size_t n)
{
	for (size_t i = 0; i < nr_macros; i++)
		if (strlen(macros[i].name) == n && !strncmp(macros[i].name, name, n))
			return &macros[i];
	return NULL;
}

/* ---- paths */
struct value {
	Dwarf_Die type;
	bool pointer;		/* the address of such a thing */
	uint64_t at;
	const char *root;
	char *name;
};

struct reader {
	struct unit *unit;
	const char *macros;
	const char *where;	/* the whole expression, for messages */
	const char *p;
	const char *index;	/* a variable index, NULL: none */
	int64_t i;		/* what it stands for */
};

static struct value path(struct reader *r);

static _Noreturn void bad(struct reader *r, const char *what)
{
	die(EXIT_BAD, "run.c: %s in '%s', at '%s'", what, r->where, r->p);
}

static struct value root(struct reader *r, const char *name, const char *type)
{
	struct value v = { .pointer = true, .root = name, .name = NULL };

	if (!unit_struct(r->unit, type, &v.type))
		die(EXIT_BAD, "struct %s: not in the debugging information of run.c", type);
	return v;
}

static struct value member(struct reader *r, struct value v)
{
	size_t n = word(r->p);
	uint64_t offset;
	char *name = copy_text(r->p, n);
	Dwarf_Die type;

	if (!type_member(&v.type, name, &type, &offset))
		bad(r, "no such member");
	v.type = type;
	v.at += offset;
	v.pointer = false;
	v.name = name;
	r->p += n;
	return v;
}

/* The kernel's own constants, as its preprocessor leaves them: "#define NAME 1" */
static bool constant(struct reader *r, const char *name, int64_t *value)
{
	char *line = xasprintf("#define %s ", name), *end;
	const char *p = r->macros ? strstr(r->macros, line) : NULL;

	if (p)
		*value = strtoll(p + strlen(line), &end, 0);
	return p && end != p + strlen(line) && *end == '\n';
}

static struct value element(struct reader *r, struct value v)
{
	size_t n = word(r->p);
	char *name = copy_text(r->p, n), *end;
	uint64_t count;
	int64_t i;
	Dwarf_Die type;

	i = strtoll(name, &end, 0);
	if (r->index && !strcmp(name, r->index))
		i = r->i;
	else if ((end == name || *end) && !unit_enumerator(r->unit, name, &i) && !constant(r, name, &i))
		bad(r, "neither a number nor an enumerator or constant");
	if (isupper((unsigned char)*name))
		v.name = name;
	if (!type_element(&v.type, &type, &count) || i < 0 || (uint64_t)i >= count)
		bad(r, "not an element of the array");
	v.type = type;
	v.at += (uint64_t)i * type_size(&type);
	r->p = skip(r->p + n);
	if (*r->p++ != ']')
		bad(r, "no ]");
	return v;
}

/* The body with the arguments in place of the parameters */
static char *expand(const struct macro *m, const char *first, const char *second)
{
	char *out = xasprintf("%s", ""), *next;

	for (const char *p = m->body; *p;) {
		size_t n = word(p);
		const char *with = NULL;

		if (n && strlen(m->parameter) == n && !strncmp(p, m->parameter, n))
			with = first;
		else if (n && m->second && strlen(m->second) == n && !strncmp(p, m->second, n))
			with = second;
		n = n ? n : 1;
		next = with ? xasprintf("%s%s", out, with) : xasprintf("%s%.*s", out, (int)n, p);
		free(out);
		out = next;
		p += n;
	}
	return out;
}

static struct value call(struct reader *r, const char *name, size_t n)
{
	const char *start = ++r->p, *comma = NULL, *end;
	char *first, *second = NULL;
	const struct macro *m;
	struct reader inner;
	struct value v;
	int depth = 1;

	for (end = start; *end && depth; end++) {
		depth += (*end == '(') - (*end == ')');
		if (*end == ',' && depth == 1)
			comma = end;
	}
	if (depth)
		bad(r, "no )");
	first = copy_text(start, (size_t)((comma ? comma : end - 1) - start));
	if (comma)
		second = copy_text(skip(comma + 1), (size_t)(end - 1 - skip(comma + 1)));
	r->p = end;
	if (n == strlen("KCORE_REG") && !strncmp(name, "KCORE_REG", n)) {
		name = xasprintf("kcore_reg_%s", second);
		n = strlen(name);
	}
	m = find_macro(name, n);
	if (!m)
		die(EXIT_BAD, "%.*s: no macro of the glue's headers, in '%s'", (int)n, name, r->where);
	inner = *r;
	inner.p = expand(m, first, second);
	v = path(&inner);
	if (*skip(inner.p))
		bad(&inner, "more than a path");
	return v;
}

static struct value primary(struct reader *r)
{
	struct value v;
	size_t n;

	r->p = skip(r->p);
	if (*r->p == '(') {
		r->p++;
		v = path(r);
		r->p = skip(r->p);
		if (*r->p++ != ')')
			bad(r, "no )");
		return v;
	}
	n = word(r->p);
	if (r->p[n] == '(') {
		r->p += n;
		return call(r, r->p - n, n);
	}
	r->p += n;
	if (n == 4 && !strncmp(r->p - n, "vcpu", n))
		return root(r, "kvm_vcpu", "kvm_vcpu");
	if (n == 3 && !strncmp(r->p - n, "gic", n))
		return root(r, "vgic_v3_cpu_if", "vgic_v3_cpu_if");
	if (n == 4 && !strncmp(r->p - n, "page", n))
		return root(r, "kcore_vcpu_page", "kcore_vcpu_page");
	r->p -= n;
	bad(r, "not a path of the vCPU");
}

static struct value path(struct reader *r)
{
	struct value v;

	r->p = skip(r->p);
	if (*r->p == '&') {
		r->p++;
		v = path(r);
		v.pointer = true;
		return v;
	}
	v = primary(r);
	for (;;) {
		r->p = skip(r->p);
		if (v.pointer && !strncmp(r->p, "->", 2)) {
			r->p += 2;
			v = member(r, v);
		} else if (!v.pointer && *r->p == '.') {
			r->p++;
			v = member(r, v);
		} else if (!v.pointer && *r->p == '[') {
			r->p++;
			v = element(r, v);
		} else {
			return v;
		}
	}
}

static struct value evaluate(struct glue *g, const char *text, const char *index, int64_t i)
{
	struct reader r = { .unit = g->unit, .macros = g->macros, .where = text, .p = text, .index = index, .i = i };
	struct value v = path(&r);

	if (*skip(r.p))
		bad(&r, "more than a path");
	return v;
}

/* ---- copies */
static const char *const roots[] = { "kcore_gp(", "kcore_fp(", "__vcpu_sys_reg(", "KCORE_REG(", "gic->" };

static bool is_register(const char *text)
{
	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++)
		if (!strncmp(text, roots[i], strlen(roots[i])))
			return true;
	return false;
}

/* The page's path without page-> and without an index */
static char *field_name(const char *text)
{
	const char *p = text + strlen("page->");

	return copy_text(p, strcspn(p, "["));
}

/* All bytes of `a' are copied by `b' too, from and to the same places */
static bool part_of(const struct copy *a, const struct copy *b)
{
	if (strcmp(a->kvm.space, b->kvm.space) || a->at < b->at || a->at + a->bytes > b->at + b->bytes)
		return false;
	if (a->at == b->at && a->bytes == b->bytes)
		return a->kvm.at == b->kvm.at && a->kvm.bytes == b->kvm.bytes;
	return a->bytes == a->kvm.bytes && b->bytes == b->kvm.bytes && a->kvm.at - b->kvm.at == a->at - b->at;
}

static void add(struct glue *g, struct copies *list, const char *page, const char *kvm, uint64_t bytes, const char *index, int64_t i)
{
	struct value p = evaluate(g, page, index, i), k = evaluate(g, kvm, index, i);
	struct copy c = { .field = field_name(page), .at = p.at, .bytes = bytes ? bytes : type_size(&p.type) };

	c.kvm = (struct place){ .space = k.root, .name = k.name, .at = k.at, .bytes = bytes ? bytes : type_size(&k.type) };
	if (bytes && bytes > type_size(&k.type))
		die(EXIT_BAD, "run.c: %s has fewer than the %ju bytes that are copied", kvm, (uintmax_t)bytes);
	/* where KVM's context lies in its vCPU is of no interest, and moves within a release */
	if (!strcmp(k.root, "kvm_vcpu")) {
		k = evaluate(g, "vcpu->arch.ctxt", NULL, 0);
		if (c.kvm.at < k.at || c.kvm.at + c.kvm.bytes > k.at + type_size(&k.type))
			die(EXIT_BAD, "run.c: %s is not in KVM's context", kvm);
		c.kvm.at -= k.at;
		c.kvm.space = "kvm_cpu_context";
	}
	for (size_t n = 0; n < list->n; n++) {
		if (part_of(&c, &list->copy[n]))
			return;
		if (part_of(&list->copy[n], &c)) {
			list->n--;
			memmove(&list->copy[n], &list->copy[n + 1], (list->n - n) * sizeof(c));
			n--;
		}
	}
	list->copy = xrealloc(list->copy, (list->n + 1) * sizeof(*list->copy));
	list->copy[list->n++] = c;
}

/* One copy, or one for each element of the page's array if the index is a variable */
static void add_all(struct glue *g, struct copies *list, const char *page, const char *kvm, uint64_t bytes)
{
	const char *bracket = strchr(page, '['), *index = NULL;
	uint64_t count = 1;
	struct value v;
	Dwarf_Die type;

	if (bracket && islower((unsigned char)bracket[1])) {
		index = copy_text(bracket + 1, word(bracket + 1));
		v = evaluate(g, copy_text(page, (size_t)(bracket - page)), NULL, 0);
		if (!type_element(&v.type, &type, &count))
			die(EXIT_BAD, "run.c: %s is no array", page);
	}
	for (uint64_t i = 0; i < count; i++)
		add(g, list, page, kvm, bytes, index, (int64_t)i);
}

static void statement(struct glue *g, const char *text)
{
	static const char pairs[] = "kcore_copy_pairs(", assign[] = " = ", page[] = "page->";
	size_t n = strlen(text);
	const char *a = text, *b;
	bool into;

	if (!n || text[n - 1] != ';')
		return;
	if (!strncmp(text, pairs, strlen(pairs))) {
		unsigned long count;
		const char *c;
		char *end;

		a += strlen(pairs);
		b = strstr(a, ", ");
		c = b ? strstr(b + 2, ", ") : NULL;
		count = c ? strtoul(c + 2, &end, 0) : 0;
		if (!count || strcmp(end, ");"))
			die(EXIT_BAD, "run.c: '%s' is not understood", text);
		into = !strncmp(a, page, strlen(page));
		a = copy_text(a, (size_t)(b - a));
		b = copy_text(b + 2, (size_t)(c - b - 2));
		add_all(g, into ? &g->into : &g->out, into ? a : b, into ? b : a, 16 * count);
		return;
	}
	b = strstr(text, assign);
	if (!b)
		return;
	a = copy_text(text, (size_t)(b - text));
	b = copy_text(b + strlen(assign), n - (size_t)(b - text) - strlen(assign) - 1);
	if (!strncmp(a, page, strlen(page)) && is_register(b))
		add_all(g, &g->into, a, b, 0);
	else if (!strncmp(b, page, strlen(page)) && is_register(a))
		add_all(g, &g->out, b, a, 0);
}

struct each_register {
	struct glue *glue;
	const struct macro *macro;
};

static void one_register(void *arg, const char *name, uint64_t offset, Dwarf_Die *type)
{
	const struct each_register *e = arg;

	(void)offset, (void)type;
	statement(e->glue, expand(e->macro, name, NULL));
}

/* #define NAME(field) ...page->sys.field..., where KCORE_SYSREGS(NAME, NAME) follows */
static void definition(struct glue *g, const char *line, const char *text)
{
	struct each_register e = { .glue = g };
	const char *name = skip(line + strlen("#define "));
	size_t n = word(name);
	struct value sys;

	if (!strstr(text, xasprintf("KCORE_SYSREGS(%.*s, %.*s)", (int)n, name, (int)n, name)))
		die(EXIT_BAD, "run.c: '%s' is not applied to all of KCORE_SYSREGS", line);
	e.macro = find_macro(name, n);
	sys = evaluate(g, "page->sys", NULL, 0);
	type_members(&sys.type, one_register, &e);
}

void glue_read(struct glue *g, const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *entry;
	char *text, *next;

	if (!d)
		die(EXIT_ENV, "%s: %s", directory, strerror(errno));
	add_macro("__vcpu_sys_reg(v, r) (v)->arch.ctxt.sys_regs[r]\n");
	while ((entry = readdir(d))) {
		size_t n = strlen(entry->d_name);

		if (n > 2 && !strcmp(entry->d_name + n - 2, ".h"))
			read_macros(read_text(xasprintf("%s/%s", directory, entry->d_name)));
	}
	closedir(d);
	text = read_text(xasprintf("%s/run.c", directory));
	read_macros(text);
	for (char *line = text; *line; line = next) {
		size_t n = strcspn(line, "\n");
		char *copy = copy_text(skip(line), n - (size_t)(skip(line) - line));

		next = line + n + (line[n] == '\n');
		if (!strncmp(copy, "#define ", strlen("#define ")) && strstr(copy, "page->sys.field"))
			definition(g, copy, text);
		else if (strstr(copy, "page->"))
			statement(g, copy);
		free(copy);
	}
}
