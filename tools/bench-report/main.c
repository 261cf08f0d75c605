// SPDX-License-Identifier: GPL-2.0-only
/* Reads the bench.json of releases; writes one page and one JSON file of all, each beside its place and renamed. */
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"Usage: bench-report --output DIR BENCH.JSON...\n"
	"Make one page of what ci/bench.sh has counted for the releases.\n"
	"\n"
	"  --output DIR        write DIR/index.html and DIR/bench.json, all releases in one\n"
	"  --help              this text\n"
	"\n"
	"Exit status: 0 written; 1 a file is not what ci/bench.sh writes; 2 usage; 3 environment.\n";

const char *const kind_names[NR_KINDS] = { "stock", "normal", "protected" };

void die(int status, const char *format, ...)
{
	va_list ap;

	fputs("bench-report: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static bool is(json_t *object, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && !strcmp(value, text);
}

static double part(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_number(value) ? json_number_value(value) : -1;
}

bool find(const struct release *r, enum kind kind, const char *group, const char *name, struct count *count)
{
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(r->root, "results"), i, line) {
		if (!is(line, "kind", kind_names[kind]) || !is(line, "group", group) || !is(line, "name", name))
			continue;
		*count = (struct count){ part(line, "value"), part(line, "hyp"), part(line, "host"), part(line, "user") };
		return true;
	}
	return false;
}

static void read_release(struct release *r, const char *path)
{
	json_error_t error;

	r->root = json_load_file(path, 0, &error);
	if (!r->root && json_error_code(&error) == json_error_cannot_open_file)
		die(EXIT_ENV, "%s", error.text);
	if (!r->root)
		die(EXIT_FAILED, "%s:%d: %s", path, error.line, error.text);
	r->name = json_string_value(json_object_get(r->root, "release"));
	r->stock = json_string_value(json_object_get(r->root, "stock"));
	if (!r->name || !r->stock || !json_array_size(json_object_get(r->root, "results")))
		die(EXIT_FAILED, "%s: no release, stock or results; ci/bench.sh writes such files", path);
}

static void put_file(const char *directory, const char *name, const struct release *releases, size_t n,
		     void (*print)(FILE *, const struct release *, size_t))
{
	char *path, *temporary;
	FILE *f;

	if (asprintf(&path, "%s/%s", directory, name) < 0 || asprintf(&temporary, "%s.new", path) < 0)
		die(EXIT_ENV, "no memory");
	f = fopen(temporary, "w");
	if (!f)
		die(EXIT_ENV, "%s: %s", temporary, strerror(errno));
	print(f, releases, n);
	if (fclose(f) || rename(temporary, path))
		die(EXIT_ENV, "%s: %s", path, strerror(errno));
	free(temporary);
	free(path);
}

static void print_json(FILE *out, const struct release *releases, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append(all, releases[i].root);
	json_dumpf(all, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(all);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	const char *output = NULL;
	struct release *releases;
	size_t n;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'o': output = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: return EXIT_USAGE;
		}
	}
	if (!output || optind == argc)
		die(EXIT_USAGE, "--output and files are needed; see --help");
	n = (size_t)(argc - optind);
	releases = calloc(n, sizeof(*releases));
	if (!releases)
		die(EXIT_ENV, "no memory");
	for (size_t i = 0; i < n; i++)
		read_release(&releases[i], argv[optind + (int)i]);
	put_file(output, "bench.json", releases, n, print_json);
	put_file(output, "index.html", releases, n, print_html);
	return 0;
}
