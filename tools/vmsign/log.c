// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmsign.h"

/* A line with the name, a number and a word: 1; 0 without; -1 after a message */
static int read_line(const char *path, const char *line, const char *name, u64 *words, bool *seen, unsigned int nr)
{
	const char *at = strstr(line, name);
	unsigned int n;
	int end = 0;
	u64 v;

	if (!at || sscanf(at + strlen(name), "%2u %16" SCNx64 "%n", &n, &v, &end) != 2 || !end || n >= nr)
		return 0;
	if (seen[n] && words[n] != v)
		return error_line("%s: word %u of the %.*s is there twice, %#llx and %#llx", path, n, (int)strlen(name) - 1, name,
				  (unsigned long long)words[n], (unsigned long long)v);
	words[n] = v;
	seen[n] = true;
	return 1;
}

static int read_words(const char *path, const char *name, u64 *words, unsigned int nr, const char *remedy)
{
	bool seen[MEASUREMENT_WORDS] = { false };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!f)
		return error_errno("%s", path);
	while (r >= 0 && getline(&line, &size, f) >= 0)
		r = read_line(path, line, name, words, seen, nr);
	free(line);
	fclose(f);
	if (r < 0)
		return -1;
	for (unsigned int i = 0; i < nr; i++)
		if (!seen[i])
			return error_line("%s: no line '%s%u WORD'; %s", path, name, i, remedy);
	return 0;
}

int log_read(const char *path, struct kcore_measurement *m)
{
	u64 words[MEASUREMENT_WORDS];

	if (read_words(path, "measurement ", words, MEASUREMENT_WORDS, "tvmm --measurement and the payload measure print them"))
		return -1;
	memcpy(m, words, sizeof(*m));
	if (m->magic != KCORE_MEASUREMENT_MAGIC)
		return error_line("%s: the measurement has not begun, or is another version's", path);
	return 0;
}

int log_read_quote(const char *path, const char *asked, struct kcore_quote *q)
{
	u64 words[QUOTE_WORDS];
	char name[32];

	snprintf(name, sizeof(name), "quote %s ", asked);
	if (read_words(path, name, words, QUOTE_WORDS, "tvmm --quote (host) and the payload measure (guest) print them"))
		return -1;
	memcpy(q, words, sizeof(*q));
	return 0;
}
