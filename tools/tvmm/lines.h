/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest prints, line by line.  Nothing of it may act on a terminal or forge a line of the host's log. */
#ifndef TVMM_LINES_H
#define TVMM_LINES_H

#include <stdbool.h>

struct lines {
	const char *prefix;		/* printed before each line */
	char line[512];
	unsigned int used;
	/* The first line that contains `watch' sets `seen' */
	const char *watch;
	bool seen;
	/* If there is one, it gets each line */
	void (*on_line)(void *arg, const char *line);
	void *arg;
};

void lines_put(struct lines *lines, char byte);
void lines_flush(struct lines *lines);
#endif
