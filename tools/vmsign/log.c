// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmsign.h"

#define WORD "measurement "

/* 1 if the line has a word, 0 if not, -1 after a message */
static int read_line(const char *path, const char *line, u64 *words, bool *seen)
{
	const char *at = strstr(line, WORD);
	unsigned int n;
	int end = 0;
	u64 v;

	if (!at || sscanf(at + strlen(WORD), "%2u %16" SCNx64 "%n", &n, &v, &end) != 2 || !end || n >= MEASUREMENT_WORDS)
		return 0;
	if (seen[n] && words[n] != v)
		return error_line("%s: word %u of the measurement is there twice, %#llx and %#llx", path, n, (unsigned long long)words[n],
				  (unsigned long long)v);
	words[n] = v;
	seen[n] = true;
	return 1;
}

int log_read(const char *path, struct kcore_measurement *m)
{
	u64 words[MEASUREMENT_WORDS];
	bool seen[MEASUREMENT_WORDS] = { false };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!f)
		return error_errno("%s", path);
	while (r >= 0 && getline(&line, &size, f) >= 0)
		r = read_line(path, line, words, seen);
	free(line);
	fclose(f);
	if (r < 0)
		return -1;
	for (unsigned int i = 0; i < MEASUREMENT_WORDS; i++)
		if (!seen[i])
			return error_line("%s: no line 'measurement %u WORD'; tvmm --measurement and the payload measure print them", path, i);
	memcpy(m, words, sizeof(*m));
	if (m->magic != KCORE_MEASUREMENT_MAGIC)
		return error_line("%s: the measurement has not begun, or is another version's", path);
	return 0;
}
