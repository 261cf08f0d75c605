/* SPDX-License-Identifier: GPL-2.0-only */
/* matrix-report - the results of ci/cell.sh as one table, in several formats */
#ifndef REPORT_H
#define REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_ENV = 3, EXIT_SKIPPED = 77 };

/* In the order of how much they ask for attention */
enum status { PASS, SKIP, WAITING, RUNNING, FAIL, NR_STATUS };

struct cell {
	const char *release;
	const char *stage;
	enum status status;
	const char *reason;
	double seconds;
	json_t *ran;		/* strings */
	const char *command;
	const char *key;
	char *log;		/* relative to the report, NULL if there is none */
	char *tail;		/* its last lines */
};

struct matrix {
	char **releases;
	size_t nr_releases;
	char **stages;
	size_t nr_stages;
	struct cell *cells;	/* row by row */
	const char **sources;	/* of each release */
	json_t **retrofits;	/* of each release, the engine's report or NULL */
	size_t count[NR_STATUS];
	double seconds;
};

extern const char *const status_names[NR_STATUS];

_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

const struct cell *cell_at(const struct matrix *m, size_t release, size_t stage);

/* text.c */
void print_table(FILE *out, const struct matrix *m);
void print_json(FILE *out, const struct matrix *m);
void print_junit(FILE *out, const struct matrix *m);
void print_tap(FILE *out, const struct matrix *m);

/* html.c */
void print_html(FILE *out, const struct matrix *m);

#endif
