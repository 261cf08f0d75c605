/* SPDX-License-Identifier: GPL-2.0-only */
/* bench-report - what ci/bench.sh counted, of one release or several, as a page */
#ifndef REPORT_H
#define REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_ENV = 3 };

enum kind { STOCK, NORMAL, PROTECTED, NR_KINDS };

/* One count.  The parts are negative where they were not counted apart */
struct count {
	double value, hyp, host, user;
};

struct release {
	const char *name, *stock;
	json_t *root;
};

extern const char *const kind_names[NR_KINDS];

_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* false: was not measured */
bool find(const struct release *r, enum kind kind, const char *group, const char *name, struct count *count);

/* html.c */
void print_html(FILE *out, const struct release *releases, size_t n);

#endif
