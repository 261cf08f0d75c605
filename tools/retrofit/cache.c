// SPDX-License-Identifier: GPL-2.0-only
/*
 * What spatch made of an input, kept from run to run (--cache).  An entry's name is the SHA-256 of all that the result
 * depends on: spatch, how it is called, rule, macro file, input.  Only a run that succeeded is kept.
 *
 *	SHA-256 of the rest, newline
 *	length of what spatch printed, newline
 *	what spatch printed
 *	the file as spatch left it
 */
#include "retrofit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIGITS 64

bool cache_get(const char *cache, const char *key, const char *log, const char *file)
{
	struct text t;
	char *end;
	size_t n;

	if (!file_try_read(fmt("%s/%s", cache, key), &t))
		return false;
	if (t.len < DIGITS + 2 || strncmp(t.data, sha256(t.data + DIGITS + 1, t.len - DIGITS - 1), DIGITS))
		return false;		/* damaged: as if it were not there */
	n = strtoul(t.data + DIGITS + 1, &end, 10);
	end++;
	file_write(log, end, n);
	if (file)
		file_write(file, end + n, t.len - (size_t)(end - t.data) - n);
	return true;
}

void cache_put(const char *cache, const char *key, const char *log, const char *file)
{
	char *place = fmt("%s/%s", cache, key), *fresh = fmt("%s.%ld", place, (long)getpid());
	struct text printed = file_read(log), left = { 0 }, rest = { 0 }, entry = { 0 };

	if (file)
		left = file_read(file);
	text_fmt(&rest, "%zu\n", printed.len);
	text_add(&rest, printed.data, printed.len);
	text_add(&rest, left.data, left.len);
	text_fmt(&entry, "%s\n", sha256(rest.data, rest.len));
	text_add(&entry, rest.data, rest.len);
	make_dirs(cache);
	file_write(fresh, entry.data, entry.len);
	if (rename(fresh, place))
		die(EXIT_ENV, "%s: %s", place, strerror(errno));
}
