/* SPDX-License-Identifier: GPL-2.0-only */
/* All tests of the core as one TAP stream. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper.h"

/* cmocka's own header hides it behind the group macro */
int _cmocka_run_group_tests(const char *group_name, const struct CMUnitTest *const tests, const size_t num_tests,
			    CMFixtureFunction group_setup, CMFixtureFunction group_teardown);

u64 random_seed = 1, random_calls = 30000;

static void usage(FILE *to)
{
	fputs("Usage: core-tests [OPTION]...\n"
	      "Test common-core/core over a fake machine; TAP on standard output.\n\n"
	      "  -s, --seed=N       seed of the random test (1)\n"
	      "  -n, --calls=N      its calls (30000)\n"
	      "  -f, --filter=GLOB  only the tests whose names match\n"
	      "  -h, --help\n"
	      "      --version\n\n"
	      "Exit status: 0 all passed, 1 a test failed, 2 usage.\n", to);
}

static u64 number(const char *option, const char *text)
{
	char *end;
	u64 n = strtoul(text, &end, 0);

	if (!*text || *end) {
		fprintf(stderr, "core-tests: --%s=%s: not a number\n", option, text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "calls", required_argument, NULL, 'n' },
		{ "filter", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct CMUnitTest *all;
	size_t n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "s:n:f:h", options, NULL)) != -1) {
		switch (c) {
		case 's':
			random_seed = number("seed", optarg);
			break;
		case 'n':
			random_calls = number("calls", optarg);
			break;
		case 'f':
			cmocka_set_test_filter(optarg);
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'v':
			printf("core-tests, KCore ABI %lu\n", KCORE_ABI_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 2;
	}
#define SUITE_COUNT(s) n += s##_count;
	SUITES(SUITE_COUNT)
	all = calloc(n, sizeof(*all));
	if (!all) {
		perror("core-tests");
		return 3;
	}
	n = 0;
#define SUITE_COPY(s) memcpy(all + n, s##_tests, s##_count * sizeof(*all)); n += s##_count;
	SUITES(SUITE_COPY)
	cmocka_set_message_output(CM_OUTPUT_TAP);
	c = _cmocka_run_group_tests("core", all, n, NULL, NULL);
	free(all);
	return c ? 1 : 0;
}
