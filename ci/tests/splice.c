// SPDX-License-Identifier: GPL-2.0-only
/* splice: replaces the one place where a file contains another file by a third one. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *to)
{
	fputs("usage: splice [--resize] --old FILE --new FILE --output FILE INPUT\n"
	      "Copies INPUT to OUTPUT with the bytes of the old file, which must occur exactly once, replaced by those of\n"
	      "the new one, padded with zeros to the same length; with --resize, as they are.\n"
	      "Exit status: 0 done; 1 not found, found twice, or the new one is longer; 2 usage; 3 a file can't be read or written.\n", to);
}

static unsigned char *read_all(const char *path, size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p = NULL;
	long n;

	if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) || !(p = malloc((size_t)n + 1)) ||
	    fread(p, 1, (size_t)n, f) != (size_t)n) {
		fprintf(stderr, "splice: %s: %s\n", path, strerror(errno ? errno : EIO));
		exit(3);
	}
	fclose(f);
	*bytes = (size_t)n;
	return p;
}

static size_t find(const unsigned char *in, size_t n, const unsigned char *what, size_t k, size_t from)
{
	for (size_t i = from; i + k <= n; i++)
		if (in[i] == what[0] && !memcmp(in + i, what, k))
			return i;
	return n;
}

static void write_all(const char *path, const unsigned char *p, size_t n)
{
	size_t room = strlen(path) + 5;
	char *temporary = malloc(room);
	FILE *f;

	if (!temporary)
		exit(3);
	snprintf(temporary, room, "%s.tmp", path);
	f = fopen(temporary, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) || rename(temporary, path)) {
		fprintf(stderr, "splice: %s: %s\n", path, strerror(errno));
		remove(temporary);
		exit(3);
	}
	free(temporary);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "old", required_argument, NULL, 'o' }, { "new", required_argument, NULL, 'n' },
		{ "output", required_argument, NULL, 'O' }, { "resize", no_argument, NULL, 'r' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	const char *old = NULL, *new = NULL, *output = NULL;
	unsigned char *in, *before, *after, *out;
	size_t n, k, m, at, room;
	bool resize = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'o': old = optarg; break;
		case 'n': new = optarg; break;
		case 'O': output = optarg; break;
		case 'r': resize = true; break;
		case 'h': usage(stdout); return 0;
		case 'v': puts("splice 1.0"); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (!old || !new || !output || argc - optind != 1) {
		usage(stderr);
		return 2;
	}
	in = read_all(argv[optind], &n);
	before = read_all(old, &k);
	after = read_all(new, &m);
	if (!k || (m > k && !resize)) {
		fprintf(stderr, "splice: %s: %zu bytes, but %s has room for %zu\n", new, m, old, k);
		return 1;
	}
	at = find(in, n, before, k, 0);
	if (at == n) {
		fprintf(stderr, "splice: %s isn't in %s\n", old, argv[optind]);
		return 1;
	}
	if (find(in, n, before, k, at + 1) != n) {
		fprintf(stderr, "splice: %s is in %s more than once\n", old, argv[optind]);
		return 1;
	}
	room = resize ? m : k;
	out = calloc(1, n - k + room + 1);
	if (!out) {
		fprintf(stderr, "splice: no memory\n");
		return 3;
	}
	memcpy(out, in, at);
	memcpy(out + at, after, m);
	memcpy(out + at + room, in + at + k, n - at - k);
	write_all(output, out, n - k + room);
	free(out);
	free(in);
	free(before);
	free(after);
	return 0;
}
