/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * retrofit: apply semantic-patches/ to a kernel release, and check what they did.
 * The stages and gates are described in docs/retrofit.md.
 */
#ifndef RETROFIT_H
#define RETROFIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define RETROFIT_VERSION "1"

enum { EXIT_PASS = 0, EXIT_CHECK = 1, EXIT_USAGE = 2, EXIT_ENV = 3, EXIT_UNKNOWN = 125 };

/* util.c: memory, text, files.  None of these returns on failure; the error names the thing. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *fmt(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool ends_with(const char *s, const char *suffix);

struct text {			/* a file's content, or a growing buffer; always NUL-terminated */
	char *data;
	size_t len;
	size_t room;
};

struct list {			/* of strings or structures */
	void **item;
	size_t n;
};

void list_add(struct list *l, void *item);
bool list_has(const struct list *l, const char *s);
void text_add(struct text *t, const char *s, size_t n);
void text_fmt(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool text_equal(const struct text *a, const struct text *b);
bool file_try_read(const char *path, struct text *t);
struct text file_read(const char *path);
void file_write(const char *path, const char *data, size_t n);
bool is_file(const char *path);
bool is_dir(const char *path);
void make_dirs(const char *path);
void make_parent(const char *path);
void remove_tree(const char *path);
struct list dir_list(const char *path);	/* sorted names */
char *find_program(const char *name);
char *sha256(const void *data, size_t n);	/* 64 hex digits */

/* Ending early: the scratch directory and a half-written output directory are removed first. */
void at_exit_remove(const char *path);
void die(int status, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
void cleanup(void);
extern int env_status;			/* what EXIT_ENV ends the program with */
void finish(int status) __attribute__((noreturn));

/* process.c: the only place where programs are started and waited for */
struct job {
	const char *const *argv;
	const char *dir;		/* where it runs, NULL: here */
	const char *out;		/* file for its stdout, NULL: /dev/null */
	const char *err;		/* file for its stderr, NULL: ours */
	int status;			/* exit status, or 128 + signal */
};

void signals_init(void);
void signals_check(void);		/* ends the program if an interrupt is pending */
void run_jobs(struct job *jobs, size_t n, unsigned int parallel);
int run(const char *const *argv, const char *dir, const char *out, const char *err);

/* cache.c */
bool cache_get(const char *cache, const char *key, const char *log, const char *file);
void cache_put(const char *cache, const char *key, const char *log, const char *file);

/* lex.c: C tokens and the definitions that hold them */
enum token_kind { T_WORD, T_PUNCT, T_STRING, T_DIRECTIVE, T_COMMENT };

struct token {
	enum token_kind kind;
	const char *s;
	size_t len;
	unsigned int line, last_line, col;	/* lines from 1, column from 0 */
};

enum def_kind { DEF_FUNCTION, DEF_STRUCT, DEF_TABLE, DEF_OTHER };

struct def {
	enum def_kind kind;
	char *name;			/* as the ledger spells it: f(), struct s, t[] */
	unsigned int first, last;	/* lines */
};

struct source {
	struct text text;
	struct token *tok;
	size_t ntok;
	struct def *def;
	size_t ndef;
};

struct source *source_parse(struct text text);
const struct def *source_def_at(const struct source *s, unsigned int line);
const struct def *source_def_named(const struct source *s, const char *name);
bool token_equal(const struct token *a, const struct token *b);

/* ledger.c */
struct target {
	struct hook *hook;
	const char *file;
	const char *symbol;		/* f(), struct s, t[], #include or #end */
	const char *insert, *remove;	/* C text; remove may be NULL */
	const char *after;		/* #end: what the last line must be, or NULL */
	const char *reason;		/* why there is nothing to match, when matches is 0 */
	unsigned int matches;
	/* results */
	struct list found;		/* of struct match */
	unsigned int hunks, added;
	char *sha;			/* of the patched definition */
	bool hidden;			/* failed the visibility gate: later gates say nothing new */
};

struct hook {
	const char *id, *class, *purpose;
	struct rule *rule;
	struct list targets;
};

struct rule {
	const char *file;		/* NN-name.cocci, or NULL for the appended lines */
	const char *patch;		/* NN-name.patch */
	const char *title, *updated;
	struct list after;		/* rules of the same files that have to come before, from ledger.json */
	struct list hooks;
	struct list files;		/* the kernel files of its targets, in ledger order */
};

struct allow {			/* an EL2 operation that may stay, and why */
	const char *file, *symbol, *op, *reason;
	bool used;
};

struct ledger {
	const char *dir, *name;		/* the directory, and how messages call it */
	const char *release, *release_file;
	unsigned int version, patchlevel;
	const char *macros;
	struct list rules, hooks;
	struct list files;		/* every kernel file touched */
	struct list audit_dirs, audit_not;
	struct list allow;
	struct list built;		/* what hookcheck may find, and the audit of the source doesn't look for */
};

struct ledger *ledger_load(const char *dir, const char *release);

/* gates.c: failures are collected, so that one run shows all of them */
struct match {
	const char *id;			/* of the hook */
	unsigned int line;
	const char *element, *note, *symbol;
	bool owned;			/* a place of the ledger claims it */
};

extern unsigned int failures;
void gate_fail(const char *gate, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gate_pass(const char *gate);
void gates_all_run(void);
struct list *gate_results(void);
void gates_reset(void);			/* forget what was checked */
extern bool gates_quiet;		/* failures are kept, not printed */

struct gate {
	const char *name, *what;
	unsigned int checks, failed;
	struct list messages;
};

/* engine.c */
struct kfile {			/* a kernel file through the stages */
	const char *path;
	char *pristine_sha;
	struct source *pristine;
	struct list step;		/* struct step, in rule order */
	struct text final;
};

struct step {			/* one rule on one file */
	struct rule *rule;
	struct kfile *file;
	struct source *before, *after;
	struct list matches;
	bool failed, broken;		/* broken: spatch itself failed */
};

struct engine {
	struct ledger *ledger;
	const char *tree, *scratch;
	unsigned int parallel;
	const char *spatch, *spatch_version, *python;
	const char *spatch_text;	/* all that --version says */
	const char *cache;		/* directory, or NULL */
	unsigned int spatch_runs, spatch_kept;
	struct list files;		/* struct kfile */
	unsigned int audit_sites;
};

struct kfile *engine_file(struct engine *e, const char *path);
bool engine_tree_version(const char *tree, unsigned int *version, unsigned int *patchlevel);
void engine_read_tree(struct engine *e);
void engine_visibility(struct engine *e);
void engine_apply(struct engine *e);
void engine_order(struct engine *e);
void engine_audit(struct engine *e);
void engine_tree_unchanged(struct engine *e);

/* gates.c */
void gate_pristine(struct engine *e);
void gate_matches(struct engine *e);
void gate_tokens(struct engine *e);

/* series.c */
struct patch {
	struct rule *rule;
	const char *name;
	struct text text;
	unsigned int hunks, added, removed;
};

struct list series_make(struct engine *e);	/* struct patch */
void series_check(struct engine *e, const struct list *patches);
void series_compare(struct engine *e, const struct list *patches, const char *dir);
void series_write(struct engine *e, const struct list *patches, const char *dir, const char *report);

/* report.c */
char *report_json(struct engine *e, const struct list *patches);
void report_table(struct engine *e, const struct list *patches);

#endif
