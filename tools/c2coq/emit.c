// SPDX-License-Identifier: GPL-2.0-only
/* Functions of the subset as terms of proofs/lang/Syntax.v. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2coq.h"

static const char *type_name(enum type t)
{
	return t == T_U32 ? "U32" : "U64";
}

static void emit_expr(FILE *out, const struct expr *e)
{
	switch (e->kind) {
	case E_CONST: fprintf(out, "(EConst %" PRIu64 ")", e->value); return;
	case E_VAR: fprintf(out, "(EVar %d)", e->var); return;
	case E_LNOT: fprintf(out, "(ELNot "); break;
	case E_BNOT: fprintf(out, "(EBNot %s ", type_name(e->type)); break;
	case E_BIN: fprintf(out, "(EBin %s %s ", e->op, type_name(e->type)); break;
	case E_CMP: fprintf(out, "(ECmp %s ", e->op); break;
	case E_LAND: fprintf(out, "(ELAnd "); break;
	case E_LOR: fprintf(out, "(ELOr "); break;
	case E_COND: fprintf(out, "(ECond "); break;
	case E_CAST: fprintf(out, "(ECast %s ", type_name(e->type)); break;
	}
	for (int i = 0; i < 3 && e->kid[i]; i++) {
		if (i)
			fputc(' ', out);
		emit_expr(out, e->kid[i]);
	}
	fputc(')', out);
}

static void indent(FILE *out, int depth)
{
	fprintf(out, "\n%*s", 2 * depth, "");
}

static void emit_stmt(FILE *out, const struct func *f, const struct stmt *s, int depth)
{
	switch (s->kind) {
	case S_SKIP:
		fprintf(out, "SSkip");
		break;
	case S_ASSIGN:
		fprintf(out, "SAssign %d ", s->dst);
		emit_expr(out, s->e);
		break;
	case S_CALL:
		if (s->dst < 0)
			fprintf(out, "SCall None \"%s\" [", s->callee);
		else
			fprintf(out, "SCall (Some %d) \"%s\" [", s->dst, s->callee);
		for (size_t i = 0; i < s->nargs; i++) {
			if (i)
				fprintf(out, "; ");
			emit_expr(out, s->args[i]);
		}
		fputc(']', out);
		break;
	case S_SEQ:
		emit_stmt(out, f, s->a, depth);
		fprintf(out, ";;");
		indent(out, depth);
		emit_stmt(out, f, s->b, depth);
		break;
	case S_IF:
		fprintf(out, "SIf ");
		emit_expr(out, s->e);
		indent(out, depth + 1);
		fputc('(', out);
		emit_stmt(out, f, s->a, depth + 1);
		fputc(')', out);
		indent(out, depth + 1);
		fputc('(', out);
		emit_stmt(out, f, s->b, depth + 1);
		fputc(')', out);
		break;
	case S_FOR:
		fprintf(out, "SFor %d %s ", s->dst, type_name(f->vars[s->dst].type));
		emit_expr(out, s->e);
		fputc(' ', out);
		emit_expr(out, s->to);
		fprintf(out, " %" PRIu64, s->step);
		indent(out, depth + 1);
		fputc('(', out);
		emit_stmt(out, f, s->a, depth + 1);
		fputc(')', out);
		break;
	case S_RETURN:
		if (!s->e) {
			fprintf(out, "SReturn None");
			break;
		}
		fprintf(out, "SReturn (Some ");
		emit_expr(out, s->e);
		fputc(')', out);
		break;
	}
}

/* A sequence on the left of a sequence needs parentheses; seq() nests to the left. */
static struct stmt *right_nested(struct stmt *s)
{
	while (s->kind == S_SEQ && s->a->kind == S_SEQ) {
		struct stmt *l = s->a;

		s->a = l->b;
		l->b = s;
		s = l;
	}
	if (s->a)
		s->a = right_nested(s->a);
	if (s->b)
		s->b = right_nested(s->b);
	return s;
}

static void emit_function(FILE *out, struct func *f)
{
	f->body = right_nested(f->body);
	fprintf(out, "\n(* %s:", f->name);
	for (int i = 0; i < f->nvars; i++)
		fprintf(out, " %d=%s", i, *f->vars[i].name ? f->vars[i].name : "(result)");
	fprintf(out, " *)\nDefinition f_%s : fundef := mkfun %d [", f->name, f->nparams);
	for (int i = 0; i < f->nvars; i++)
		fprintf(out, "%s%s", i ? "; " : "", type_name(f->vars[i].type));
	fprintf(out, "] %s (\n  ", f->ret == T_VOID ? "None" : f->ret == T_U32 ? "(Some U32)" : "(Some U64)");
	emit_stmt(out, f, f->body, 1);
	fprintf(out, ").\n");
}

/* page-owner.c -> page_owner, len characters at most */
static void module_name(const char *file, char *name, size_t len)
{
	const char *base = strrchr(file, '/');
	size_t i;

	base = base ? base + 1 : file;
	for (i = 0; i + 1 < len && base[i] && base[i] != '.'; i++)
		name[i] = base[i] == '-' ? '_' : base[i];
	name[i] = '\0';
}

int emit_coq(FILE *out, const struct program *prog, const char *file, const char *library)
{
	const char *base = strrchr(file, '/');
	char name[128];

	module_name(file, name, sizeof(name));
	fprintf(out, "(* SPDX-License-Identifier: GPL-2.0-only *)\n"
		"(* Written by c2coq from %s; do not edit. *)\n"
		"From %s Require Import lang.Syntax.\n"
		"Local Open Scope string_scope.\n", base ? base + 1 : file, library);
	for (struct func *f = prog->ordered; f; f = f->order)
		emit_function(out, f);
	fprintf(out, "\nDefinition m_%s : modul := [", name);
	for (struct func *f = prog->ordered; f; f = f->order)
		fprintf(out, "%s\n  (\"%s\", f_%s)", f == prog->ordered ? "" : ";", f->name, f->name);
	fprintf(out, "].\n");
	return 0;
}

void emit_program(FILE *out, const struct program *prog, const char *const files[], int nfiles,
		  const char *library)
{
	char name[128];

	fprintf(out, "(* SPDX-License-Identifier: GPL-2.0-only *)\n"
		"(* Written by c2coq; do not edit.  Every function of the core, callees before callers. *)\n"
		"From %s Require Import lang.Syntax.\n", library);
	for (int i = 0; i < nfiles; i++) {
		module_name(files[i], name, sizeof(name));
		fprintf(out, "From %s Require Export gen.C_%s.\n", library, name);
	}
	fprintf(out, "Local Open Scope string_scope.\n\nDefinition program : modul := [");
	for (struct func *f = prog->ordered; f; f = f->order)
		fprintf(out, "%s\n  (\"%s\", f_%s)", f == prog->ordered ? "" : ";", f->name, f->name);
	fprintf(out, "].\n");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct constant *)a)->name, ((const struct constant *)b)->name);
}

int emit_constants(FILE *out, json_t *root, const char *file, const char *const *wanted,
		   size_t nwanted, const char *library)
{
	const char *base = strrchr(file, '/');
	struct constant *c = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ast_nkids(root); i++) {
		const json_t *d = ast_kid(root, i);
		uint64_t next = 0;

		if (!ast_is(d, "EnumDecl"))
			continue;
		for (size_t k = 0; k < ast_nkids(d); k++) {
			const json_t *e = ast_kid(d, k);
			const char *name = ast_str(e, "name"), *v = ast_enum_value(e);
			bool want = false;

			if (!ast_is(e, "EnumConstantDecl"))
				continue;
			if (*v)
				next = strtoull(v, NULL, 10);
			if (!strncmp(name, "c2coq_", 6))
				name += 6;
			for (size_t w = 0; w < nwanted; w++)
				want |= !strncmp(name, wanted[w], strlen(wanted[w]));
			if (want) {
				c = realloc(c, (n + 1) * sizeof(*c));
				if (!c)
					exit(3);
				c[n++] = (struct constant){ name, next };
			}
			next++;
		}
	}
	if (n)
		qsort(c, n, sizeof(*c), by_name);
	fprintf(out, "(* SPDX-License-Identifier: GPL-2.0-only *)\n"
		"(* Written by c2coq from %s; do not edit. *)\n"
		"From %s Require Import lang.Syntax.\n\n", base ? base + 1 : file, library);
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(c[i - 1].name, c[i].name))
			fprintf(out, "Definition %s : Z := %" PRIu64 ".\n", c[i].name, c[i].value);
	return (int)n;
}

/* The rest of a name after its prefix, or NULL. */
static const char *after(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) ? NULL : name + n;
}

/* One Coq list of what the constants with a prefix say. */
static void emit_list(FILE *out, json_t *root, const char *head, const char *prefix, const char *format)
{
	bool first = true;

	fprintf(out, "\n%s := [", head);
	for (size_t i = 0; i < ast_nkids(root); i++) {
		const json_t *d = ast_kid(root, i);

		for (size_t k = 0; ast_is(d, "EnumDecl") && k < ast_nkids(d); k++) {
			const char *name = after(ast_str(ast_kid(d, k), "name"), prefix);

			if (!name)
				continue;
			fprintf(out, "%s\n  ", first ? "" : ";");
			fprintf(out, format, name, ast_enum_value(ast_kid(d, k)), k + 1 < ast_nkids(d) ?
				ast_enum_value(ast_kid(d, k + 1)) : "");
			first = false;
		}
	}
	fprintf(out, "].\n");
}

int emit_tables(FILE *out, json_t *root, const char *library)
{
	fprintf(out, "(* SPDX-License-Identifier: GPL-2.0-only *)\n"
		"(* Written by c2coq from the tables of kcore/cells.h and kcore/abi.h; do not edit. *)\n"
		"From %s Require Import lang.Syntax.\n"
		"Local Open Scope string_scope.\nLocal Open Scope Z_scope.\n", library);
	emit_list(out, root, "(* one u64 each *)\nDefinition scalars : list string", "c2coq_scalar_", "\"%s\"");
	emit_list(out, root, "(* name, bits of an element, length *)\nDefinition arrays : list (string * Z * Z)",
		  "c2coq_width_", "(\"%s\", %s, %s)");
	emit_list(out, root, "(* one u32 for each DRAM page *)\nDefinition page_cells : list string", "c2coq_pages_", "\"%s\"");
	emit_list(out, root, "(* handler, x0, number of arguments *)\nDefinition hypercalls : list (string * Z * Z)",
		  "c2coq_call_", "(\"%s\", %s, %s)");
	return 0;
}
