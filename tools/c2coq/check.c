// SPDX-License-Identifier: GPL-2.0-only
/*
 * From clang's AST to functions of the subset.  Each construct that docs/subset.md does not
 * allow is reported with file, line and rule; reading goes on, so that one run shows them all.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "c2coq.h"

struct unit {
	struct program *prog;
	const char *file, *dir;		/* dir: headers in it are checked too */
	json_t *typedefs;		/* name -> underlying type */
	json_t *enums;			/* id -> value */
	json_t *functions;		/* id -> FunctionDecl */
	struct func *f;
};

/* Slots whose value is defined. */
struct defined {
	bool var[MAX_VARS];
};

static struct unit *u;

#define reject(node, rule, ...) report(ast_file(node), ast_line(node), rule, __VA_ARGS__)

/* ---- types ---- */

static enum type type_named(const char *name)
{
	char buf[64];

	for (int depth = 0; depth < 8; depth++) {
		const char *next;

		if (!strncmp(name, "const ", 6))
			name += 6;
		if (!strcmp(name, "unsigned int"))
			return T_U32;
		if (!strcmp(name, "unsigned long"))
			return T_U64;
		if (!strcmp(name, "int"))
			return T_INT;
		if (!strcmp(name, "void"))
			return T_VOID;
		next = json_string_value(json_object_get(u->typedefs, name));
		if (!next || strlen(next) >= sizeof(buf))
			return T_BAD;
		name = strcpy(buf, next);
	}
	return T_BAD;
}

static const char *type_text(const json_t *node)
{
	const json_t *t = json_object_get(node, "type");
	const char *q = ast_str(t, "desugaredQualType");

	return *q ? q : ast_str(t, "qualType");
}

static enum type type_of(const json_t *node)
{
	return type_named(type_text(node));
}

static bool is_word(enum type t)
{
	return t == T_U32 || t == T_U64;
}

/* ---- expressions ---- */

static struct expr *new_expr(enum ekind kind, enum type type, struct expr *a, struct expr *b)
{
	struct expr *e = xalloc(sizeof(*e));

	e->kind = kind;
	e->type = type;
	e->kid[0] = a;
	e->kid[1] = b;
	return e;
}

static struct expr *constant(enum type type, uint64_t value)
{
	struct expr *e = new_expr(E_CONST, type, NULL, NULL);

	e->value = value;
	return e;
}

static struct expr *variable(int slot)
{
	struct expr *e = new_expr(E_VAR, u->f->vars[slot].type, NULL, NULL);

	e->var = slot;
	return e;
}

static bool is_cast(const json_t *e)
{
	return ast_is(e, "ImplicitCastExpr") || ast_is(e, "CStyleCastExpr");
}

static bool cast_kind(const json_t *e, const char *kind)
{
	return is_cast(e) && !strcmp(ast_str(e, "castKind"), kind);
}

/* Wrappers that do not change a value. */
static json_t *strip(json_t *e)
{
	while (ast_is(e, "ParenExpr") || ast_is(e, "ConstantExpr") ||
	       (ast_is(e, "ImplicitCastExpr") &&
		(cast_kind(e, "LValueToRValue") || cast_kind(e, "NoOp"))))
		e = ast_kid(e, 0);
	return e;
}

/* The call that is the whole of an expression but for parentheses and casts, or NULL. */
static json_t *whole_call(json_t *e)
{
	for (;;) {
		e = strip(e);
		if (ast_is(e, "CallExpr"))
			return e;
		if (!cast_kind(e, "IntegralCast") && !cast_kind(e, "NoOp"))
			return NULL;
		e = ast_kid(e, 0);
	}
}

static int find_var(const json_t *ref)
{
	const char *id = ast_str(json_object_get(ref, "referencedDecl"), "id");

	for (int i = 0; i < u->f->nvars; i++)
		if (!strcmp(u->f->vars[i].id, id))
			return i;
	return -1;
}

static const struct { const char *c, *coq; bool cmp, shift; } binops[] = {
	{ "+", "Add" }, { "-", "Sub" }, { "*", "Mul" }, { "/", "Div" }, { "%", "Mod" },
	{ "&", "And" }, { "|", "Or" }, { "^", "Xor" },
	{ "<<", "Shl", .shift = true }, { ">>", "Shr", .shift = true },
	{ "<", "Lt", .cmp = true }, { "<=", "Le", .cmp = true }, { ">", "Gt", .cmp = true },
	{ ">=", "Ge", .cmp = true }, { "==", "Eq", .cmp = true }, { "!=", "Ne", .cmp = true },
};

/* Arithmetic on two int constants, as in FOO_NR - 1: folded if it stays in 0..INT_MAX. */
static struct expr *fold_int(const json_t *node, const char *op, const struct expr *a, const struct expr *b)
{
	int64_t x, y, r = -1;

	if (a->kind != E_CONST || b->kind != E_CONST) {
		reject(node, "expr-3", "operator '%s' on int values: signed arithmetic; cast an operand to u32 or u64", op);
		return constant(T_INT, 0);
	}
	x = (int64_t)a->value;
	y = (int64_t)b->value;
	switch (op[0]) {
	case '+': r = x + y; break;
	case '-': r = x - y; break;
	case '*': r = x * y; break;
	case '/': r = y ? x / y : -1; break;
	case '%': r = y ? x % y : -1; break;
	case '&': r = x & y; break;
	case '|': r = x | y; break;
	case '^': r = x ^ y; break;
	case '<': r = y < 31 ? x << y : -1; break;
	case '>': r = y < 32 ? x >> y : -1; break;
	}
	if (r < 0 || r > INT_MAX)
		reject(node, "expr-3", "operator '%s' on int constants leaves 0..INT_MAX; write a UL suffix", op);
	return constant(T_INT, r < 0 ? 0 : (uint64_t)r);
}

static struct expr *expr(json_t *e, struct defined *d);

static struct expr *binary(json_t *e, const char *op, enum type type, struct expr *a, struct expr *b)
{
	struct expr *r;
	size_t i;

	for (i = 0; i < sizeof(binops) / sizeof(binops[0]); i++)
		if (!strcmp(binops[i].c, op))
			break;
	if (i == sizeof(binops) / sizeof(binops[0])) {
		reject(e, "expr-1", "operator '%s' is not in the subset", op);
		return constant(type, 0);
	}
	if (!binops[i].cmp && type == T_INT)
		return fold_int(e, op, a, b);
	if (b->kind == E_CONST && b->value == 0 && (op[0] == '/' || op[0] == '%'))
		reject(e, "expr-6", "division by the constant 0");
	if (binops[i].shift && b->kind == E_CONST && b->value >= (type == T_U32 ? 32 : 64))
		reject(e, "expr-6", "shift by %llu, the width is %d", (unsigned long long)b->value, type == T_U32 ? 32 : 64);
	r = new_expr(binops[i].cmp ? E_CMP : E_BIN, binops[i].cmp ? T_INT : type, a, b);
	r->op = binops[i].coq;
	return r;
}

static struct expr *cast(json_t *e, enum type to, struct expr *a)
{
	if (!is_word(a->type) && a->type != T_INT) {
		reject(e, "type-2", "cast of something that is not a u32 or u64");
		return constant(to, 0);
	}
	if (!is_word(to)) {
		reject(e, "type-2", "cast to '%s'; only casts between u32 and u64 are allowed", type_text(e));
		return constant(T_INT, 0);
	}
	if (a->kind == E_CONST && a->type == T_INT)
		return constant(to, a->value);
	return new_expr(E_CAST, to, a, NULL);
}

/* A node that the subset leaves out: named by what a C programmer calls it. */
static struct expr *reject_expr(json_t *e)
{
	static const struct { const char *kind, *rule, *text; } known[] = {
		{ "CallExpr", "call-1", "call inside an expression; make it a statement of its own" },
		{ "CompoundAssignOperator", "expr-2", "assignment inside an expression" },
		{ "ArraySubscriptExpr", "expr-1", "array element; state is reached through primitives" },
		{ "MemberExpr", "expr-1", "structure member; state is reached through primitives" },
		{ "StringLiteral", "expr-1", "string" },
		{ "CharacterLiteral", "expr-1", "character constant" },
		{ "FloatingLiteral", "expr-1", "floating-point constant" },
		{ "UnaryExprOrTypeTraitExpr", "expr-1", "sizeof or alignof" },
		{ "OffsetOfExpr", "expr-1", "offsetof" },
		{ "StmtExpr", "expr-2", "statement expression" },
		{ "CompoundLiteralExpr", "expr-1", "compound literal" },
		{ "InitListExpr", "expr-1", "initialiser list" },
		{ "VAArgExpr", "expr-1", "va_arg" },
		{ "GenericSelectionExpr", "expr-1", "_Generic" },
		{ "BinaryConditionalOperator", "expr-1", "?: without a middle operand" },
		{ "AddrLabelExpr", "expr-1", "address of a label" },
		{ "PredefinedExpr", "expr-1", "name of the function" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ast_is(e, known[i].kind)) {
			reject(e, known[i].rule, "%s", known[i].text);
			return constant(T_U64, 0);
		}
	reject(e, "expr-1", "%s is not an expression of the subset", ast_str(e, "kind"));
	return constant(T_U64, 0);
}

static struct expr *reference(json_t *e, struct defined *d)
{
	const json_t *decl = json_object_get(e, "referencedDecl"), *value;
	enum type type = type_of(e);
	int slot = find_var(e);

	if (slot >= 0) {
		if (!d->var[slot])
			reject(e, "expr-5", "'%s' may be read before it is assigned", u->f->vars[slot].name);
		d->var[slot] = true;		/* say so once */
		return variable(slot);
	}
	value = json_object_get(u->enums, ast_str(decl, "id"));
	if (ast_is(decl, "EnumConstantDecl") && value && (is_word(type) || type == T_INT)) {
		if (type == T_INT && json_integer_value(value) < 0)
			reject(e, "expr-3", "negative constant '%s'", ast_str(decl, "name"));
		return constant(type, (uint64_t)json_integer_value(value));
	}
	if (ast_is(decl, "FunctionDecl"))
		reject(e, "call-2", "function '%s' used as a value; function pointers are not allowed", ast_str(decl, "name"));
	else
		reject(e, "expr-4", "'%s' is neither a local u32 or u64 nor an enumeration constant", ast_str(decl, "name"));
	return constant(T_U64, 0);
}

static struct expr *unary(json_t *e, struct defined *d)
{
	const char *op = ast_str(e, "opcode");
	struct expr *a;

	if (!strcmp(op, "++") || !strcmp(op, "--")) {
		reject(e, "expr-2", "'%s' inside an expression; make it a statement of its own", op);
		return constant(T_U64, 0);
	}
	if (!strcmp(op, "&") || !strcmp(op, "*")) {
		reject(e, "expr-1", "%s; pointers are not allowed", op[0] == '&' ? "address-of" : "dereference");
		return constant(T_U64, 0);
	}
	if (strcmp(op, "!") && strcmp(op, "~") && strcmp(op, "__extension__")) {
		reject(e, "expr-1", "unary operator '%s' is not in the subset (0 - x is)", op);
		return constant(is_word(type_of(e)) ? type_of(e) : T_INT, 0);
	}
	a = expr(ast_kid(e, 0), d);
	if (op[0] == '_')
		return a;
	if (op[0] == '!')
		return new_expr(E_LNOT, T_INT, a, NULL);
	if (!is_word(a->type))
		reject(e, "expr-3", "'~' on an int value; write a UL suffix");
	return new_expr(E_BNOT, a->type, a, NULL);
}

static struct expr *logical(json_t *e, const char *op, struct defined *d)
{
	struct defined right;
	struct expr *a, *b;

	a = expr(ast_kid(e, 0), d);
	right = *d;
	b = expr(ast_kid(e, 1), &right);
	return new_expr(op[0] == '&' ? E_LAND : E_LOR, T_INT, a, b);
}

static struct expr *expr(json_t *e, struct defined *d)
{
	const char *op;

	e = strip(e);
	op = ast_str(e, "opcode");
	if (ast_is(e, "IntegerLiteral")) {
		enum type t = type_of(e);

		if (t == T_BAD)
			reject(e, "type-1", "constant of type '%s'; use none or one of the suffixes U, UL", type_text(e));
		return constant(t == T_BAD ? T_U64 : t, strtoull(ast_str(e, "value"), NULL, 10));
	}
	if (ast_is(e, "DeclRefExpr"))
		return reference(e, d);
	if (cast_kind(e, "IntegralCast") || cast_kind(e, "NoOp")) {
		json_t *inner = strip(ast_kid(e, 0));

		return ast_is(inner, "CallExpr") ? reject_expr(inner) : cast(e, type_of(e), expr(inner, d));
	}
	if (is_cast(e)) {
		reject(e, "type-2", "conversion to '%s' (%s); only casts between u32 and u64 are allowed",
		       type_text(e), ast_str(e, "castKind"));
		return constant(T_U64, 0);
	}
	if (ast_is(e, "UnaryOperator"))
		return unary(e, d);
	if (ast_is(e, "BinaryOperator") && (!strcmp(op, "&&") || !strcmp(op, "||")))
		return logical(e, op, d);
	if (ast_is(e, "BinaryOperator") && (!strcmp(op, "=") || !strcmp(op, ","))) {
		reject(e, "expr-2", "%s", op[0] == '=' ? "assignment inside an expression" : "comma operator");
		return constant(T_U64, 0);
	}
	if (ast_is(e, "BinaryOperator")) {
		struct expr *a = expr(ast_kid(e, 0), d), *b = expr(ast_kid(e, 1), d);

		return binary(e, op, a->type, a, b);
	}
	if (ast_is(e, "ConditionalOperator")) {
		struct defined arm[2];
		struct expr *c = expr(ast_kid(e, 0), d), *r;

		arm[0] = arm[1] = *d;
		r = new_expr(E_COND, T_INT, c, expr(ast_kid(e, 1), &arm[0]));
		r->kid[2] = expr(ast_kid(e, 2), &arm[1]);
		r->type = r->kid[1]->type;
		return r;
	}
	return reject_expr(e);
}

/* ---- statements ---- */

static struct stmt *new_stmt(enum skind kind, const json_t *node)
{
	struct stmt *s = xalloc(sizeof(*s));

	s->kind = kind;
	s->line = ast_line(node);
	s->dst = -1;
	return s;
}

static struct stmt *seq(struct stmt *a, struct stmt *b)
{
	struct stmt *s;

	if (!a || a->kind == S_SKIP)
		return b;
	if (!b || b->kind == S_SKIP)
		return a;
	s = xalloc(sizeof(*s));
	s->kind = S_SEQ;
	s->line = a->line;
	s->dst = -1;
	s->a = a;
	s->b = b;
	return s;
}

bool falls_through(const struct stmt *s)
{
	switch (s->kind) {
	case S_RETURN: return false;
	case S_SEQ: return falls_through(s->a) && falls_through(s->b);
	case S_IF: return falls_through(s->a) || falls_through(s->b);
	default: return true;
	}
}

static int add_var(const json_t *node, const char *id, const char *name, enum type type)
{
	struct func *f = u->f;

	if (f->nvars == MAX_VARS) {
		reject(node, "decl-2", "more than %d parameters, locals and temporaries in a function", MAX_VARS);
		return 0;
	}
	f->vars[f->nvars] = (struct var){ .id = id, .name = name, .type = type };
	return f->nvars++;
}

static bool has_component(const char *path, const char *dir)
{
	const char *p = strstr(path, dir);

	return p && (p == path || p[-1] == '/');
}

/* The name of the function called, or NULL after a report. */
static const char *callee(json_t *call)
{
	json_t *f = ast_kid(call, 0);
	const json_t *ref, *decl;
	const char *name;

	while (ast_is(f, "ImplicitCastExpr") || ast_is(f, "ParenExpr"))
		f = ast_kid(f, 0);
	ref = json_object_get(f, "referencedDecl");
	if (!ast_is(f, "DeclRefExpr") || !ast_is(ref, "FunctionDecl")) {
		reject(call, "call-2", "call through a pointer");
		return NULL;
	}
	name = ast_str(ref, "name");
	decl = json_object_get(u->functions, ast_str(ref, "id"));
	if (!decl || json_is_true(json_object_get(decl, "isImplicit"))) {
		reject(call, "call-3", "call of '%s', which is not declared", name);
		return NULL;
	}
	if (json_is_true(json_object_get(decl, "variadic"))) {
		reject(call, "top-3", "call of '%s', which takes a variable number of arguments", name);
		return NULL;
	}
	return name;
}

/* Directly in the directory of the file: a source or header of the core. */
static bool in_core(const char *path)
{
	size_t n = strlen(u->dir);

	return !strcmp(path, u->file) || (!strncmp(path, u->dir, n) && !strchr(path + n, '/'));
}

/* The callee is a function of the core or a primitive; a header says so.  True for a primitive. */
static bool check_callee(json_t *call, const char *name)
{
	bool defined = false, header = false, primitive = false;
	const char *id;
	json_t *decl;

	json_object_foreach(u->functions, id, decl) {
		const char *file = ast_file(decl);
		size_t n = strlen(file);

		if (strcmp(ast_str(decl, "name"), name))
			continue;
		for (size_t i = 0; i < ast_nkids(decl); i++)
			defined |= in_core(file) && ast_is(ast_kid(decl, i), "CompoundStmt");
		header |= in_core(file) && n > 2 && !strcmp(file + n - 2, ".h");
		primitive |= !in_core(file) && (has_component(file, "include/") || has_component(file, "machine/"));
	}
	if (!defined && !header && !primitive)
		reject(call, "call-3", "call of '%s', which no header of the core, include/ or machine/ declares", name);
	return primitive;
}

static struct stmt *call(json_t *e, int dst, struct defined *d)
{
	struct stmt *s = new_stmt(S_CALL, e);
	const char *name = callee(e);

	s->dst = dst;
	s->callee = name ? name : "?";
	s->nargs = ast_nkids(e) - 1;
	s->args = xalloc((s->nargs + 1) * sizeof(*s->args));
	for (size_t i = 0; i < s->nargs; i++)
		s->args[i] = expr(ast_kid(e, i + 1), d);
	if (name)
		s->primitive = check_callee(e, name);
	return s;
}

/* A call for its value; casts around it become assignments from a temporary. */
static struct stmt *call_value(json_t *e, int dst, struct defined *d)
{
	json_t *c = whole_call(e);
	enum type from = type_of(c);
	struct stmt *s, *last;
	struct expr *v;
	json_t *casts[8];
	int n = 0, tmp;

	if (!is_word(from)) {
		reject(c, "type-1", "call of a function that returns '%s'; u32 and u64 only", type_text(c));
		from = T_U64;
	}
	for (e = strip(e); e != c; e = strip(ast_kid(e, 0)))
		if (n < 8 && type_of(e) != from)
			casts[n++] = e;
	if (!n)
		return call(c, dst, d);
	tmp = add_var(c, "", "", from);
	s = call(c, tmp, d);
	v = variable(tmp);
	while (n)
		v = cast(casts[n - 1], type_of(casts[n - 1]), v), n--;
	last = new_stmt(S_ASSIGN, c);
	last->dst = dst;
	last->e = v;
	return seq(s, last);
}

/* slot = e */
static struct stmt *assign(json_t *node, int slot, json_t *e, struct defined *d)
{
	struct stmt *s;

	if (whole_call(e)) {
		s = call_value(e, slot, d);
	} else {
		s = new_stmt(S_ASSIGN, node);
		s->dst = slot;
		s->e = expr(e, d);
	}
	d->var[slot] = true;
	return s;
}

/* The slot that a statement assigns to, or -1 after a report. */
static int target(json_t *lhs)
{
	int slot;

	lhs = strip(lhs);
	slot = ast_is(lhs, "DeclRefExpr") ? find_var(lhs) : -1;
	if (slot < 0)
		reject(lhs, "stmt-2", "assignment to something that is not a local u32 or u64");
	return slot;
}

static struct stmt *update(json_t *s, struct defined *d)
{
	const char *op = ast_str(s, "opcode");
	struct stmt *r = new_stmt(S_ASSIGN, s);
	struct expr *old, *by;
	bool step = ast_is(s, "UnaryOperator");
	enum type type;
	char sign[4];

	r->dst = target(ast_kid(s, 0));
	if (r->dst < 0)
		return new_stmt(S_SKIP, s);
	if (!d->var[r->dst])
		reject(s, "expr-5", "'%s' may be read before it is assigned", u->f->vars[r->dst].name);
	d->var[r->dst] = true;
	old = variable(r->dst);
	type = step ? old->type : type_named(ast_str(json_object_get(s, "computeLHSType"), "qualType"));
	if (!is_word(type)) {
		reject(s, "type-1", "'%s' computes in another type than u32 or u64", op);
		type = old->type;
	}
	if (!step && whole_call(ast_kid(s, 1))) {
		reject(s, "call-1", "call on the right of '%s'; assign it to a local first", op);
		return new_stmt(S_SKIP, s);
	}
	by = step ? constant(old->type, 1) : expr(ast_kid(s, 1), d);
	if (type != old->type)
		old = new_expr(E_CAST, type, old, NULL);
	snprintf(sign, sizeof(sign), "%.*s", step ? 1 : (int)strlen(op) - 1, op);
	r->e = binary(s, sign, type, old, by);
	if (type != u->f->vars[r->dst].type)
		r->e = new_expr(E_CAST, u->f->vars[r->dst].type, r->e, NULL);
	return r;
}

static struct stmt *stmt(json_t *s, struct defined *d);

static struct stmt *declaration(json_t *s, struct defined *d)
{
	struct stmt *r = new_stmt(S_SKIP, s);

	for (size_t i = 0; i < ast_nkids(s); i++) {
		json_t *v = ast_kid(s, i), *init = NULL;
		enum type type;
		int slot;

		if (ast_is(v, "StaticAssertDecl"))
			continue;
		if (!ast_is(v, "VarDecl")) {
			reject(v, "decl-1", "declaration of something else than a variable inside a function");
			continue;
		}
		if (*ast_str(v, "storageClass"))
			reject(v, "decl-1", "%s local '%s'; state is reached through primitives", ast_str(v, "storageClass"), ast_str(v, "name"));
		type = type_of(v);
		if (!is_word(type)) {
			reject(v, "type-1", "local '%s' of type '%s'; u32 and u64 only", ast_str(v, "name"), type_text(v));
			type = T_U64;
		}
		for (size_t k = 0; k < ast_nkids(v); k++)
			if (strstr(ast_str(ast_kid(v, k), "kind"), "Attr"))
				reject(v, "decl-1", "attribute on local '%s'", ast_str(v, "name"));
			else
				init = ast_kid(v, k);
		slot = add_var(v, ast_str(v, "id"), ast_str(v, "name"), type);
		d->var[slot] = false;
		if (init)
			r = seq(r, assign(v, slot, init, d));
	}
	return r;
}

static bool assigns(const struct stmt *s, int slot)
{
	if (!s)
		return false;
	if ((s->kind == S_ASSIGN || s->kind == S_CALL || s->kind == S_FOR) && s->dst == slot)
		return true;
	return assigns(s->a, slot) || assigns(s->b, slot);
}

/* A local of the expression that the statement assigns, or -1. */
static int assigned_in(const struct expr *e, const struct stmt *s)
{
	int v = -1;

	if (e->kind == E_VAR && assigns(s, e->var))
		return e->var;
	for (int i = 0; i < 3 && v < 0; i++)
		if (e->kid[i])
			v = assigned_in(e->kid[i], s);
	return v;
}

static bool mentions(const struct expr *e, int slot)
{
	if (e->kind == E_VAR && e->var == slot)
		return true;
	for (int i = 0; i < 3; i++)
		if (e->kid[i] && mentions(e->kid[i], slot))
			return true;
	return false;
}

/* The step of a loop's increment: i++, ++i or i += constant; 0 after a report. */
static uint64_t loop_step(json_t *inc, int slot)
{
	struct expr *by;
	struct defined none = { { false } };

	if (ast_is(inc, "UnaryOperator") && !strcmp(ast_str(inc, "opcode"), "++") &&
	    ast_is(strip(ast_kid(inc, 0)), "DeclRefExpr") && find_var(strip(ast_kid(inc, 0))) == slot)
		return 1;
	if (ast_is(inc, "CompoundAssignOperator") && !strcmp(ast_str(inc, "opcode"), "+=") &&
	    ast_is(strip(ast_kid(inc, 0)), "DeclRefExpr") && find_var(strip(ast_kid(inc, 0))) == slot) {
		json_t *rhs = strip(ast_kid(inc, 1));

		while (cast_kind(rhs, "IntegralCast"))
			rhs = strip(ast_kid(rhs, 0));
		if (ast_is(rhs, "IntegerLiteral") || ast_is(rhs, "DeclRefExpr")) {
			if (ast_is(rhs, "DeclRefExpr") && find_var(rhs) >= 0)
				goto bad;
			by = expr(rhs, &none);
			if (by->kind == E_CONST && by->value > 0 && by->value <= UINT_MAX)
				return by->value;
		}
	}
bad:
	reject(inc, "loop-1", "loop increment must be i++ or i += a positive constant");
	return 0;
}

static struct stmt *loop(json_t *s, struct defined *d)
{
	json_t *init = ast_kid(s, 0), *cond = ast_kid(s, 2), *inc = ast_kid(s, 3), *body = ast_kid(s, 4);
	struct stmt *r = new_stmt(S_FOR, s), *start;
	struct defined in;
	int slot = -1, v;

	/* the start: an assignment or a declaration with initialiser, of one local, without call */
	if (init && ast_is(init, "DeclStmt") && ast_nkids(init) == 1)
		start = declaration(init, d);
	else if (init && ast_is(init, "BinaryOperator") && !strcmp(ast_str(init, "opcode"), "="))
		start = stmt(init, d);
	else
		start = NULL;
	if (!start || start->kind != S_ASSIGN) {
		reject(s, "loop-1", "loop must start with i = a or u64 i = a, without a call");
		return new_stmt(S_SKIP, s);
	}
	slot = start->dst;
	r->dst = slot;
	r->e = start->e;
	/* the bound: i < b in the type of i */
	cond = cond ? strip(cond) : NULL;
	if (!cond || !ast_is(cond, "BinaryOperator") || strcmp(ast_str(cond, "opcode"), "<") ||
	    !ast_is(strip(ast_kid(cond, 0)), "DeclRefExpr") || find_var(strip(ast_kid(cond, 0))) != slot) {
		reject(s, "loop-1", "loop condition must be %s < bound, in the type of %s", u->f->vars[slot].name, u->f->vars[slot].name);
		return new_stmt(S_SKIP, s);
	}
	if (whole_call(ast_kid(cond, 1))) {
		reject(s, "loop-2", "loop bound is a call; assign it to a local first");
		return new_stmt(S_SKIP, s);
	}
	r->to = expr(ast_kid(cond, 1), d);
	if (!inc || !body) {
		reject(s, "loop-1", "loop without increment");
		return new_stmt(S_SKIP, s);
	}
	r->step = loop_step(inc, slot);
	if (!r->step)
		return new_stmt(S_SKIP, s);
	in = *d;
	r->a = stmt(body, &in);
	if (mentions(r->to, slot))
		reject(s, "loop-2", "loop bound depends on the loop variable '%s'", u->f->vars[slot].name);
	if (assigns(r->a, slot))
		reject(s, "loop-3", "loop body assigns the loop variable '%s'", u->f->vars[slot].name);
	v = assigned_in(r->to, r->a);
	if (v >= 0)
		reject(s, "loop-2", "loop body assigns '%s', on which the bound depends", u->f->vars[v].name);
	return r;
}

static struct stmt *branch(json_t *s, struct defined *d)
{
	struct stmt *r = new_stmt(S_IF, s);
	struct defined yes, no;

	if (json_is_true(json_object_get(s, "hasInit")) || json_is_true(json_object_get(s, "hasVar")))
		reject(s, "stmt-1", "declaration inside a condition");
	r->e = expr(ast_kid(s, 0), d);
	yes = no = *d;
	r->a = stmt(ast_kid(s, 1), &yes);
	r->b = ast_nkids(s) > 2 ? stmt(ast_kid(s, 2), &no) : new_stmt(S_SKIP, s);
	for (int i = 0; i < MAX_VARS; i++)
		d->var[i] = (yes.var[i] || !falls_through(r->a)) && (no.var[i] || !falls_through(r->b));
	return r;
}

static struct stmt *ret(json_t *s, struct defined *d)
{
	struct stmt *r = new_stmt(S_RETURN, s), *c;
	json_t *e = ast_kid(s, 0);

	if (e && u->f->ret == T_VOID) {
		reject(s, "stmt-1", "return with a value in a function that returns void");
		return r;
	}
	if (e && whole_call(e)) {
		int tmp = add_var(s, "", "", u->f->ret);

		c = call_value(e, tmp, d);
		r->e = variable(tmp);
		return seq(c, r);
	}
	if (e)
		r->e = expr(e, d);
	return r;
}

static struct stmt *reject_stmt(json_t *s, struct defined *d)
{
	static const struct { const char *kind, *text; } known[] = {
		{ "WhileStmt", "while loop; use for with a fixed bound" },
		{ "DoStmt", "do loop; use for with a fixed bound" },
		{ "GotoStmt", "goto" }, { "IndirectGotoStmt", "computed goto" }, { "LabelStmt", "label" },
		{ "SwitchStmt", "switch; use if and else" }, { "CaseStmt", "case" }, { "DefaultStmt", "default" },
		{ "BreakStmt", "break; use an early return" }, { "ContinueStmt", "continue; use if" },
		{ "GCCAsmStmt", "assembly; it belongs under machine/" },
		{ "AttributedStmt", "attribute on a statement" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ast_is(s, known[i].kind)) {
			reject(s, "stmt-1", "%s", known[i].text);
			return ast_is(s, "LabelStmt") ? stmt(ast_kid(s, 0), d) : new_stmt(S_SKIP, s);
		}
	if (ast_is(s, "BinaryOperator") && !strcmp(ast_str(s, "opcode"), ","))
		reject(s, "expr-2", "comma operator");
	else if (strstr(ast_str(s, "kind"), "Expr") || strstr(ast_str(s, "kind"), "Operator") || ast_is(s, "IntegerLiteral"))
		reject(s, "stmt-1", "expression without effect as a statement (%s)", ast_str(s, "kind"));
	else
		reject(s, "stmt-1", "%s is not a statement of the subset", ast_str(s, "kind"));
	return new_stmt(S_SKIP, s);
}

static struct stmt *stmt(json_t *s, struct defined *d)
{
	const char *op;

	while (ast_is(s, "ParenExpr"))
		s = ast_kid(s, 0);
	op = ast_str(s, "opcode");
	if (ast_is(s, "CompoundStmt")) {
		struct stmt *r = new_stmt(S_SKIP, s);

		for (size_t i = 0; i < ast_nkids(s); i++)
			r = seq(r, stmt(ast_kid(s, i), d));
		return r;
	}
	if (ast_is(s, "NullStmt"))
		return new_stmt(S_SKIP, s);
	if (ast_is(s, "DeclStmt"))
		return declaration(s, d);
	if (ast_is(s, "IfStmt"))
		return branch(s, d);
	if (ast_is(s, "ForStmt"))
		return loop(s, d);
	if (ast_is(s, "ReturnStmt"))
		return ret(s, d);
	if (ast_is(s, "CallExpr"))
		return call(s, -1, d);
	if (ast_is(s, "BinaryOperator") && !strcmp(op, "=")) {
		int slot = target(ast_kid(s, 0));

		return slot < 0 ? new_stmt(S_SKIP, s) : assign(s, slot, ast_kid(s, 1), d);
	}
	if (ast_is(s, "CompoundAssignOperator") ||
	    (ast_is(s, "UnaryOperator") && (!strcmp(op, "++") || !strcmp(op, "--"))))
		return update(s, d);
	if (ast_is(s, "CStyleCastExpr") && cast_kind(s, "ToVoid") &&
	    ast_is(strip(ast_kid(s, 0)), "DeclRefExpr") && find_var(strip(ast_kid(s, 0))) >= 0)
		return new_stmt(S_SKIP, s);	/* (void)unused */
	return reject_stmt(s, d);
}

/* ---- declarations ---- */

static void check_attribute(json_t *f, const json_t *attr)
{
	static const char *const fine[] = {
		"UnusedAttr", "WarnUnusedResultAttr", "NoInlineAttr", "AlwaysInlineAttr", "ColdAttr",
		"HotAttr", "VisibilityAttr", "ConstAttr", "PureAttr", "NonNullAttr",
	};

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (ast_is(attr, fine[i]))
			return;
	reject(f, "top-3", "attribute %s on function '%s'", ast_str(attr, "kind"), ast_str(f, "name"));
}

static void function(json_t *f)
{
	const char *sig = ast_str(json_object_get(f, "type"), "qualType"), *paren = strstr(sig, " (");
	struct defined d = { { false } };
	json_t *body = NULL;
	struct func *fn;
	char ret_name[64];

	for (size_t i = 0; i < ast_nkids(f); i++)
		if (ast_is(ast_kid(f, i), "CompoundStmt"))
			body = ast_kid(f, i);
	if (!body)
		return;
	fn = xalloc(sizeof(*fn));
	fn->name = ast_str(f, "name");
	fn->file = ast_file(f);
	fn->line = ast_line(f);
	u->f = fn;
	snprintf(ret_name, sizeof(ret_name), "%.*s", paren ? (int)(paren - sig) : 0, sig);
	fn->ret = type_named(ret_name);
	if (!is_word(fn->ret) && fn->ret != T_VOID) {
		reject(f, "type-1", "function '%s' returns '%s'; u32, u64 and void only", fn->name, ret_name);
		fn->ret = T_U64;
	}
	if (json_is_true(json_object_get(f, "variadic")))
		reject(f, "top-3", "function '%s' takes a variable number of arguments", fn->name);
	else if (paren && !strcmp(paren, " ()"))
		reject(f, "top-3", "function '%s' has no prototype; write (void)", fn->name);
	for (size_t i = 0; i < ast_nkids(f); i++) {
		json_t *k = ast_kid(f, i);

		if (ast_is(k, "ParmVarDecl")) {
			enum type t = type_of(k);

			if (!is_word(t)) {
				reject(k, "type-1", "parameter '%s' of type '%s'; u32 and u64 only", ast_str(k, "name"), type_text(k));
				t = T_U64;
			}
			d.var[add_var(k, ast_str(k, "id"), ast_str(k, "name"), t)] = true;
			fn->nparams++;
		} else if (k != body) {
			check_attribute(f, k);
		}
	}
	fn->body = stmt(body, &d);
	if (fn->ret != T_VOID && falls_through(fn->body))
		reject(f, "top-5", "control may reach the end of '%s' without a return", fn->name);
	*u->prog->last = fn;
	u->prog->last = &fn->next;
}

static void top(json_t *d)
{
	static const char *const fine[] = { "StaticAssertDecl", "EnumDecl", "EmptyDecl" };

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (ast_is(d, fine[i]))
			return;
	if (ast_is(d, "FunctionDecl"))
		function(d);
	else if (ast_is(d, "VarDecl"))
		reject(d, "top-1", "global variable '%s'; state is reached through primitives", ast_str(d, "name"));
	else if (ast_is(d, "RecordDecl") || ast_is(d, "TypedefDecl"))
		reject(d, "top-2", "type '%s'; u32 and u64 are the only types of the core", ast_str(d, "name"));
	else if (ast_is(d, "FileScopeAsmDecl"))
		reject(d, "top-2", "assembly; it belongs under machine/");
	else
		reject(d, "top-2", "%s at file scope", ast_str(d, "kind"));
}

static void collect_enum(const json_t *e)
{
	json_int_t next = 0;

	for (size_t i = 0; i < ast_nkids(e); i++) {
		const json_t *c = ast_kid(e, i);
		const char *v = ast_enum_value(c);

		if (!ast_is(c, "EnumConstantDecl"))
			continue;
		if (*v)
			next = v[0] == '-' ? strtoll(v, NULL, 10) : (json_int_t)strtoull(v, NULL, 10);
		json_object_set_new(u->enums, ast_str(c, "id"), json_integer(next++));
	}
}

void check_unit(struct program *prog, json_t *root, const char *file)
{
	const char *slash = strrchr(file, '/');
	struct unit unit = {
		.prog = prog, .file = file,
		.dir = slash ? xprintf("%.*s/", (int)(slash - file), file) : "./",
		.typedefs = json_object(), .enums = json_object(), .functions = json_object(),
	};

	u = &unit;
	for (size_t i = 0; i < ast_nkids(root); i++) {
		json_t *d = ast_kid(root, i);

		if (ast_is(d, "TypedefDecl"))
			json_object_set_new(u->typedefs, ast_str(d, "name"), json_string(type_text(d)));
		else if (ast_is(d, "EnumDecl"))
			collect_enum(d);
		else if (ast_is(d, "FunctionDecl"))
			json_object_set(u->functions, ast_str(d, "id"), d);
	}
	for (size_t i = 0; i < ast_nkids(root); i++) {
		json_t *d = ast_kid(root, i);
		const char *at = ast_file(d);

		if (json_is_true(json_object_get(d, "isImplicit")))
			continue;
		if (in_core(at))
			top(d);
	}
}
