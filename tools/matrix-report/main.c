// SPDX-License-Identifier: GPL-2.0-only
/* Reads the cells' results; writes the formats asked for, each beside its place and renamed. */
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: matrix-report --build DIR --releases \"R...\" --stages \"S...\" [--output DIR] [--table]\n"
	"Gather the results that ci/cell.sh has left in DIR/matrix.\n"
	"\n"
	"  --build DIR         build directory\n"
	"  --releases \"R...\"   rows\n"
	"  --stages \"S...\"     columns\n"
	"  --output DIR        write DIR/matrix.json, junit.xml, matrix.tap and index.html\n"
	"  --table             print the table\n"
	"  --help              this text\n"
	"\n"
	"Exit status: 0 passed, some cells perhaps skipped; 1 a cell failed or was not run; 77 all were skipped; 2 usage; 3 environment.\n";

const char *const status_names[NR_STATUS] = { "pass", "skip", "waiting", "running", "fail" };

void die(int status, const char *format, ...)
{
	va_list ap;

	fputs("matrix-report: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *format_text(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		die(EXIT_ENV, "no memory");
	va_end(ap);
	return text;
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die(EXIT_ENV, "no memory");
	return p;
}

static char **words(const char *text, size_t *n)
{
	char *copy = format_text("%s", text), **list = allocate(strlen(text) + 1, sizeof(*list)), *save;

	*n = 0;
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		list[(*n)++] = w;
	return list;
}

const struct cell *cell_at(const struct matrix *m, size_t release, size_t stage)
{
	return &m->cells[release * m->nr_stages + stage];
}

/* The last lines of a log, without the console's carriage returns */
static char *read_tail(const char *path, size_t lines)
{
	FILE *f = fopen(path, "r");
	size_t size = 0, n = 0, start;
	char *text = NULL, *from;

	if (!f)
		return NULL;
	if (getdelim(&text, &size, 0, f) < 0)
		text = format_text("%s", "");
	fclose(f);
	for (char *p = text; *p; p++)
		if (*p == '\n' || (unsigned char)*p >= ' ' || *p == '\t')
			text[n++] = *p;
	text[n] = 0;
	for (start = n; start; start--)
		if (text[start - 1] == '\n' && start != n && !--lines)
			break;
	from = format_text("%s", text + start);
	free(text);
	return from;
}

static enum status read_status(const char *path, const char *name)
{
	for (size_t i = 0; i < NR_STATUS; i++)
		if (name && !strcmp(name, status_names[i]))
			return i;
	die(EXIT_FAILED, "%s: no status", path);
}

static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void read_cell(struct matrix *m, const char *build, size_t release, struct cell *c)
{
	char *base = format_text("%s/matrix/%s/%s", build, c->release, c->stage);
	char *path = format_text("%s.json", base);
	json_error_t error;
	json_t *object;

	if (!access(format_text("%s.running", base), F_OK)) {
		c->status = RUNNING;
		return;
	}
	if (access(path, F_OK)) {
		c->status = WAITING;
		return;
	}
	object = json_load_file(path, 0, &error);
	if (!object)
		die(EXIT_FAILED, "%s:%d: %s; remove it and run the cell again", path, error.line, error.text);
	c->status = read_status(path, json_string_value(json_object_get(object, "status")));
	c->reason = text_of(object, "reason");
	c->seconds = json_number_value(json_object_get(object, "seconds"));
	c->ran = json_object_get(object, "ran");
	c->command = text_of(object, "command");
	c->key = text_of(object, "key");
	if (*text_of(object, "source"))
		m->sources[release] = text_of(object, "source");
	m->seconds += c->seconds;
	c->tail = read_tail(format_text("%s.log", base), 25);
	if (c->tail)
		c->log = format_text("%s/%s.log", c->release, c->stage);
}

static void write_one(const char *directory, const char *name, void (*print)(FILE *, const struct matrix *), const struct matrix *m)
{
	char *path = format_text("%s/%s", directory, name), *temporary = format_text("%s.new", path);
	FILE *f = fopen(temporary, "w");

	if (!f)
		die(EXIT_ENV, "%s: %s", temporary, strerror(errno));
	print(f, m);
	if (fclose(f) || rename(temporary, path))
		die(EXIT_ENV, "%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "build", required_argument, NULL, 'b' }, { "releases", required_argument, NULL, 'r' },
		{ "stages", required_argument, NULL, 's' }, { "output", required_argument, NULL, 'o' },
		{ "table", no_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	const char *build = NULL, *releases = NULL, *stages = NULL, *output = NULL;
	struct matrix m = { 0 };
	bool table = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'b': build = optarg; break;
		case 'r': releases = optarg; break;
		case 's': stages = optarg; break;
		case 'o': output = optarg; break;
		case 't': table = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: return EXIT_USAGE;
		}
	}
	if (optind != argc || !build || !releases || !stages)
		die(EXIT_USAGE, "--build, --releases and --stages are needed; see --help");
	m.releases = words(releases, &m.nr_releases);
	m.stages = words(stages, &m.nr_stages);
	m.cells = allocate(m.nr_releases * m.nr_stages + 1, sizeof(*m.cells));
	m.sources = allocate(m.nr_releases + 1, sizeof(*m.sources));
	m.retrofits = allocate(m.nr_releases + 1, sizeof(*m.retrofits));
	for (size_t r = 0; r < m.nr_releases; r++) {
		m.retrofits[r] = json_load_file(format_text("%s/%s/retrofit/report.json", build, m.releases[r]), 0, NULL);
		for (size_t s = 0; s < m.nr_stages; s++) {
			struct cell *cell = &m.cells[r * m.nr_stages + s];

			cell->release = m.releases[r];
			cell->stage = m.stages[s];
			cell->reason = cell->command = cell->key = "";
			read_cell(&m, build, r, cell);
			m.count[cell->status]++;
		}
	}
	if (output) {
		write_one(output, "matrix.json", print_json, &m);
		write_one(output, "junit.xml", print_junit, &m);
		write_one(output, "matrix.tap", print_tap, &m);
		write_one(output, "index.html", print_html, &m);
	}
	if (table)
		print_table(stdout, &m);
	if (m.count[PASS] + m.count[SKIP] != m.nr_releases * m.nr_stages)
		return EXIT_FAILED;
	return m.count[PASS] ? 0 : EXIT_SKIPPED;
}
