// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "util.h"

enum { EVIDENCE_BYTES = 1500, MAX_SELECTED = 256 };

/* Shared between a test and its parent */
static struct result {
	bool failed, skipped, finished;
	unsigned int pieces;
	size_t used;
	char text[EVIDENCE_BYTES];
} *result;

static void append(const char *prefix, const char *format, va_list ap)
{
	int n = snprintf(result->text + result->used, sizeof(result->text) - result->used, "%s%s",
			 result->used ? "; " : "", prefix);

	if (n > 0 && result->used + (size_t)n < sizeof(result->text))
		result->used += (size_t)n;
	n = vsnprintf(result->text + result->used, sizeof(result->text) - result->used, format, ap);
	if (n > 0 && result->used + (size_t)n < sizeof(result->text))
		result->used += (size_t)n;
}

void expect(bool as_expected, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	append(as_expected ? "" : "UNEXPECTED: ", format, ap);
	va_end(ap);
	result->pieces++;
	if (!as_expected)
		result->failed = true;
}

/* Of a program that isn't a list of tests: nobody reads a result */
static void end_alone(const char *format, va_list ap)
{
	fflush(stdout);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	_exit(1);
}

void skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (!result)
		end_alone(format, ap);
	result->used = 0;
	append("", format, ap);
	va_end(ap);
	result->skipped = true;
	_exit(0);
}

void give_up(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (!result)
		end_alone(format, ap);
	append("UNEXPECTED: ", format, ap);
	va_end(ap);
	result->failed = true;
	result->finished = true;
	_exit(0);
}

void remark(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("# ");
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
}

/*
 * This process watches over the tests from CPU 0; they may go where they like.  One that can lose its CPU for good, where KCore lacks a check,
 * stays away from CPU 0: so it has a result all the same.
 */
static cpu_set_t anywhere;

static bool watch_from_cpu_0(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	return !sched_getaffinity(0, sizeof(anywhere), &anywhere) && !sched_setaffinity(0, sizeof(first), &first);
}

static bool wait_for(pid_t pid, unsigned int seconds, int *status)
{
	sigset_t set;
	struct timespec limit = { .tv_sec = seconds };

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN)
			break;
	}
	kill(pid, SIGKILL);
	/* In the kernel for good?  Then it can't be reaped either: leave it. */
	limit.tv_sec = 5;
	while (waitpid(pid, status, WNOHANG) != pid)
		if (sigtimedwait(&set, NULL, &limit) < 0 && errno == EAGAIN)
			break;
	return false;
}

/* 1 passed, 0 failed, 2 skipped */
static int run_one(unsigned int number, const struct test *t)
{
	unsigned int seconds = t->seconds ? t->seconds : TEST_SECONDS;
	char why[80] = "";
	int status = 0;
	bool ok;
	pid_t pid;

	memset(result, 0, sizeof(*result));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* a process group of its own: what the test starts dies with it */
		setpgid(0, 0);
		if (sched_setaffinity(0, sizeof(anywhere), &anywhere))
			give_up("CPUs: %s", strerror(errno));
		t->run();
		result->finished = true;
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0)
		snprintf(why, sizeof(why), "fork: %s", strerror(errno));
	else if (!wait_for(pid, seconds, &status))
		snprintf(why, sizeof(why), "not done after %u s", seconds);
	else if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(status));
	else if (status)
		snprintf(why, sizeof(why), "exit status %d", WEXITSTATUS(status));
	else if (!result->finished && !result->skipped)
		snprintf(why, sizeof(why), "ended in its middle");
	else if (!result->pieces && !result->skipped && !result->failed)
		snprintf(why, sizeof(why), "no evidence");
	if (pid > 0)
		kill(-pid, SIGKILL);
	for (char *c = result->text; *c; c++)
		if (*c == '\n' || *c == '#')
			*c = ' ';
	if (!why[0] && result->skipped) {
		printf("ok %u - %s # SKIP %s\n", number, t->name, result->text);
		fflush(stdout);
		return 2;
	}
	ok = !why[0] && !result->failed;
	printf("%s %u - %s: %s: %s%s%s\n", ok ? "ok" : "not ok", number, t->name, t->what, result->text,
	       why[0] && result->text[0] ? "; " : "", why);
	fflush(stdout);
	return ok;
}

static const struct test *find(const struct test *tests, const char *name)
{
	for (; tests->name; tests++)
		if (!strcmp(tests->name, name))
			return tests;
	return NULL;
}

int run_tests(const char *program, int argc, char **argv, const struct test *tests)
{
	const struct test *selected[MAX_SELECTED];
	unsigned int n = 0, passed = 0, failed = 0, skipped = 0;
	sigset_t set;

	set_program_name(program);
	if (argc > 1 && !strcmp(argv[1], "--list")) {
		for (const struct test *t = tests; t->name; t++)
			printf("%-24s %s\n", t->name, t->what);
		return EXIT_PASS;
	}
	if (argc > 1 && argv[1][0] == '-') {
		bool help = !strcmp(argv[1], "--help");

		fprintf(help ? stdout : stderr, "usage: %s [--list | NAME...]   without names: all tests\n", program);
		return help ? EXIT_PASS : EXIT_USAGE;
	}
	for (int i = 1; i < argc && n < MAX_SELECTED; i++) {
		selected[n] = find(tests, argv[i]);
		if (!selected[n]) {
			error_line("no test \"%s\" (--list names them)", argv[i]);
			return EXIT_USAGE;
		}
		n++;
	}
	if (argc == 1)
		for (const struct test *t = tests; t->name && n < MAX_SELECTED; t++)
			selected[n++] = t;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED) {
		error_errno("mmap");
		return EXIT_ENVIRONMENT;
	}
	if (!watch_from_cpu_0()) {
		error_errno("CPU 0");
		return EXIT_ENVIRONMENT;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("TAP version 13\n1..%u\n", n);
	for (unsigned int i = 0; i < n; i++) {
		int r = run_one(i + 1, selected[i]);

		passed += r == 1;
		failed += r == 0;
		skipped += r == 2;
	}
	printf("# %s: %u passed, %u failed, %u skipped\n", program, passed, failed, skipped);
	fflush(stdout);
	return failed ? EXIT_FAILED : EXIT_PASS;
}
