/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests that print TAP, one line each: what was tried and what came back.  Every test runs in a child
 * with a time limit, so that one that dies or hangs is a "not ok" and the others still run.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

struct test {
	const char *name;
	const char *what;		/* what is tried */
	void (*run)(void);		/* calls expect(), or skip() */
	unsigned int seconds;		/* limit, 0: TEST_SECONDS */
};

#define TEST_SECONDS 60

/*
 * One piece of evidence: the text says what came back.  false fails the test; it goes on, so that
 * the line shows all that was seen.  A test without evidence fails.
 */
void expect(bool as_expected, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The test can't be done here; ends it. */
void skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The test can't go on: fails it and ends it. */
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A remark on a line of its own ("# ..."), out of the TAP results. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Command line: none: all tests; names: only these; --list.  Returns the exit status. */
int run_tests(const char *program, int argc, char **argv, const struct test *tests);
#endif
