/* SPDX-License-Identifier: GPL-2.0-only */
/* c2coq: the restricted C subset of KCore, checked (docs/subset.md) and translated to Coq. */
#ifndef C2COQ_H
#define C2COQ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_VARS	128
#define VERSION		"1"

/* T_INT: what comparisons and small literals have in C; never the type of a variable */
enum type { T_BAD, T_VOID, T_INT, T_U32, T_U64 };

enum ekind { E_CONST, E_VAR, E_LNOT, E_BNOT, E_BIN, E_CMP, E_LAND, E_LOR, E_COND, E_CAST };

struct expr {
	enum ekind kind;
	enum type type;
	const char *op;			/* Coq name, E_BIN and E_CMP */
	uint64_t value;
	int var;
	struct expr *kid[3];
};

enum skind { S_SKIP, S_ASSIGN, S_CALL, S_SEQ, S_IF, S_FOR, S_RETURN };

struct stmt {
	enum skind kind;
	int line;
	int dst;			/* slot, -1: none */
	const char *callee;
	bool primitive;			/* declared by a header outside of the core */
	struct expr **args;
	size_t nargs;
	struct expr *e, *to;		/* value, condition, loop start; loop end */
	uint64_t step;
	struct stmt *a, *b;
};

struct var {
	const char *id, *name;
	enum type type;
	bool is_const;
};

struct func {
	const char *name, *file;
	int line;
	enum type ret;
	int nparams, nvars;
	struct var vars[MAX_VARS];
	struct stmt *body;
	int mark;			/* of the search for recursion */
	struct func *next, *order;
};

struct program {
	struct func *first, **last;
	struct func *ordered;		/* callees first, linked by order; set by check_program */
	bool whole;			/* all files of the core are there */
};

struct constant {
	const char *name;
	uint64_t value;
};

/* ast.c: clang's JSON AST with every location filled in */
json_t *ast_load(const char *clang, const char *file, char *const flags[]);
const char *ast_str(const json_t *node, const char *key);
bool ast_is(const json_t *node, const char *kind);
json_t *ast_kid(const json_t *node, size_t i);
size_t ast_nkids(const json_t *node);
const char *ast_file(const json_t *node);
int ast_line(const json_t *node);
const char *ast_enum_value(const json_t *constant);	/* decimal, "" if it follows the one before */

/* check.c: AST to functions; every construct outside of the subset is reported */
void check_unit(struct program *prog, json_t *root, const char *file);
bool falls_through(const struct stmt *s);

/* program.c: rules about the whole program */
void check_program(struct program *prog, bool whole);

/* emit.c */
void emit_program(FILE *out, const struct program *prog, const char *const files[], int nfiles,
		  const char *library);
int emit_tables(FILE *out, json_t *root, const char *library);
int emit_coq(FILE *out, const struct program *prog, const char *file, const char *library);
int emit_constants(FILE *out, json_t *root, const char *file, const char *const *wanted,
		   size_t nwanted, const char *library);

/* main.c */
extern int nr_errors;
void report(const char *file, int line, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void *xalloc(size_t bytes);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
