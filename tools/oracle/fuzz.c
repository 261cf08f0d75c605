/* SPDX-License-Identifier: GPL-2.0-only */
/* The same for libFuzzer: an input's bytes are the choices of a sequence; coverage is that of the core. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "oracle.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sequence sequence;

static void report(void)
{
	printf("# fuzz: %lu events (%lu inside of a call of another CPU)\n", counts.events, counts.inside);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	spec_audit = 20000;
	spec_init(*argv);
	atexit(report);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source bytes = { .bytes = data, .left = size };
	const char *output = getenv("ORACLE_OUTPUT");

	if (!sequence_choose(&sequence, &bytes, EVENTS_MAX))
		return 0;
	printf("deviation: %s\n", deviation);
	sequence_shrink(&sequence, 20000);
	printf("# %lu events are enough: %s\n", sequence.nr, deviation);
	sequence_print(&sequence, NULL);
	if (output) {
		sequence_print(&sequence, output);
		printf("# again: oracle --replay %s\n", output);
	}
	fflush(stdout);
	abort();
}
