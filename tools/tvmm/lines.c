// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "lines.h"

void lines_flush(struct lines *l)
{
	if (!l->used)
		return;
	l->line[l->used] = 0;
	if (l->watch && strstr(l->line, l->watch))
		l->seen = true;
	printf("%s%s\n", l->prefix, l->line);
	fflush(stdout);
	if (l->on_line)
		l->on_line(l->arg, l->line);
	l->used = 0;
}

void lines_put(struct lines *l, char byte)
{
	if (byte == '\r')
		return;
	if (byte == '\n') {
		lines_flush(l);
		return;
	}
	l->line[l->used++] = byte >= ' ' && byte < 0x7f ? byte : byte == '\t' ? '\t' : '?';
	if (l->used == sizeof(l->line) - 1)
		lines_flush(l);
}
