// SPDX-License-Identifier: GPL-2.0-only
/*
 * c2coq: checks that C files keep to the restricted subset in which the core of KCore is
 * written (docs/subset.md), and translates them to Coq.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "c2coq.h"

int nr_errors;

static const char usage[] =
"Usage: c2coq --check FILE.c... [-- CFLAGS...]\n"
"       c2coq --output FILE.v FILE.c [-- CFLAGS...]\n"
"       c2coq --constants FILE.v --names PREFIX[,PREFIX...] FILE.h [-- CFLAGS...]\n"
"       c2coq --program FILE.v FILE.c... [-- CFLAGS...]\n"
"       c2coq --tables FILE.v -- CFLAGS...\n"
"\n"
"Checks that C files keep to the subset of docs/subset.md, or translates one of them to Coq.\n"
"\n"
"  -c, --check            check only; several files are checked as one program\n"
"  -o, --output FILE.v    write the translation (nothing is written if a rule is broken)\n"
"  -k, --constants FILE.v write the header's integer macros and enumeration constants\n"
"  -p, --program FILE.v   write the list of all functions in the order of calls (translations: gen/C_NAME.v)\n"
"  -t, --tables FILE.v    write cells and hypercalls from the tables of <kcore/cells.h>, <kcore/abi.h>\n"
"  -n, --names PREFIXES   with --constants: names that begin so\n"
"  -l, --library NAME     Coq library of the generated files' imports (default KCore)\n"
"      --clang PROGRAM    compiler front end (default clang-14)\n"
"  -q, --quiet            no summary\n"
"  -h, --help             this text\n"
"  -V, --version          version\n"
"\n"
"Exit status: 0 good, 1 a rule is broken, 2 usage, 3 a tool or file is missing.\n";

void *xalloc(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p) {
		fprintf(stderr, "c2coq: out of memory\n");
		exit(3);
	}
	return p;
}

char *xprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		fprintf(stderr, "c2coq: out of memory\n");
		exit(3);
	}
	return s;
}

void report(const char *file, int line, const char *rule, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: [%s] ", file, line, rule);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	nr_errors++;
}

static _Noreturn void misuse(const char *why)
{
	fprintf(stderr, "c2coq: %s; see c2coq --help\n", why);
	exit(2);
}

/* A new file beside the old one, renamed when it is whole. */
static FILE *open_new(const char *name, char **tmp)
{
	FILE *f;

	*tmp = xprintf("%s.%ld.tmp", name, (long)getpid());
	f = fopen(*tmp, "w");
	if (!f) {
		fprintf(stderr, "c2coq: %s: %s\n", *tmp, strerror(errno));
		exit(3);
	}
	return f;
}

static void close_new(FILE *f, const char *tmp, const char *name)
{
	bool bad = ferror(f);

	if (fclose(f) || bad || rename(tmp, name)) {
		fprintf(stderr, "c2coq: %s: %s\n", name, strerror(errno));
		unlink(tmp);
		exit(3);
	}
}

static const char *const *split(char *list, size_t *n)
{
	const char **parts = xalloc((strlen(list) + 1) * sizeof(*parts));

	for (char *p = strtok(list, ","); p; p = strtok(NULL, ","))
		parts[(*n)++] = p;
	return parts;
}

/* A unit in which every wanted macro of the header is an enumeration constant, for clang to evaluate. */
static char *probe_unit(const char *header, const char *clang, char *const flags[],
			const char *const *wanted, size_t nwanted)
{
	char *name = xprintf("%s/c2coq.XXXXXX.c", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	char *cmd, *line = NULL, *abs = realpath(header, NULL);
	size_t cap = 0;
	FILE *out, *in;
	int fd;

	fd = abs ? mkstemps(name, 2) : -1;
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		fprintf(stderr, "c2coq: %s: %s\n", header, strerror(errno));
		exit(3);
	}
	cmd = xprintf("'%s' --target=aarch64-linux-gnu -Wno-everything -E -dM", clang);
	for (size_t i = 0; flags && flags[i]; i++)
		cmd = xprintf("%s '%s'", cmd, flags[i]);
	cmd = xprintf("%s '%s'", cmd, header);
	in = popen(cmd, "r");
	fprintf(out, "#include \"%s\"\n", abs);
	while (in && getline(&line, &cap, in) > 0) {
		char macro[256];
		int end = 0;

		if (sscanf(line, "#define %255[A-Za-z0-9_]%n", macro, &end) != 1 || line[end] != ' ' || !line[end + 1 + strspn(line + end + 1, " \t\n")])
			continue;
		for (size_t i = 0; i < nwanted; i++)
			if (!strncmp(macro, wanted[i], strlen(wanted[i]))) {
				fprintf(out, "enum { c2coq_%s = (%s) };\n", macro, macro);
				break;
			}
	}
	if (!in || pclose(in) || fclose(out)) {
		fprintf(stderr, "c2coq: %s: %s does not read it\n", header, clang);
		unlink(name);
		exit(3);
	}
	return name;
}

/* Expands the tables of the core into enumeration constants, which clang evaluates. */
static const char tables_unit[] =
"#include <kcore/cells.h>\n"
"#define SCALAR(n) c2coq_scalar_##n,\n"
"#define ARRAY(t, n, len) c2coq_array##n, c2coq_width_##n = 8 * sizeof(t), c2coq_length_##n = (len),\n"
"#define PAGES(n) c2coq_pages_##n,\n"
"#define CALL(nr, NAME, handler, nargs, args, text, errs) "
"	c2coq_call_##handler = KCORE_HC_##NAME, c2coq_nargs_##handler = (nargs),\n"
"enum { KCORE_SCALARS(SCALAR) };\n"
"enum { KCORE_ARRAYS(ARRAY) };\n"
"enum { KCORE_PAGE_CELLS(PAGES) };\n"
"enum { KCORE_HYPERCALLS(CALL) };\n";

static int write_tables(const char *name, const char *clang, char *const flags[], const char *library)
{
	char *unit = xprintf("%s/c2coq.XXXXXX.c", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"), *tmp;
	int fd = mkstemps(unit, 2);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	json_t *root;

	if (!out || fputs(tables_unit, out) < 0 || fclose(out)) {
		fprintf(stderr, "c2coq: %s: %s\n", unit, strerror(errno));
		return 3;
	}
	root = ast_load(clang, unit, flags);
	unlink(unit);
	if (!root)
		return 1;
	out = open_new(name, &tmp);
	emit_tables(out, root, library);
	close_new(out, tmp, name);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "output", required_argument, NULL, 'o' },
		{ "constants", required_argument, NULL, 'k' },
		{ "program", required_argument, NULL, 'p' },
		{ "tables", required_argument, NULL, 't' },
		{ "names", required_argument, NULL, 'n' },
		{ "library", required_argument, NULL, 'l' },
		{ "clang", required_argument, NULL, 'C' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	const char *output = NULL, *constants = NULL, *tables = NULL, *program = NULL, *clang = "clang-14", *library = "KCore";
	const char *const *wanted = NULL;
	struct program prog = { .last = &prog.first };
	size_t nwanted = 0, nfuncs = 0;
	bool check = false, quiet = false;
	char **flags = NULL, *tmp;
	int opt, nargs = argc, nfiles;
	json_t *root;
	FILE *out;

	for (int i = 1; i < argc && !flags; i++)
		if (!strcmp(argv[i], "--")) {
			flags = argv + i + 1;
			nargs = i;
		}
	while ((opt = getopt_long(nargs, argv, "co:p:k:t:n:l:qhV", options, NULL)) != -1) {
		switch (opt) {
		case 'c': check = true; break;
		case 'o': output = optarg; break;
		case 'k': constants = optarg; break;
		case 'p': program = optarg; break;
		case 't': tables = optarg; break;
		case 'n': wanted = split(optarg, &nwanted); break;
		case 'l': library = optarg; break;
		case 'C': clang = optarg; break;
		case 'q': quiet = true; break;
		case 'h': fputs(usage, stdout); return 0;
		case 'V': printf("c2coq %s\n", VERSION); return 0;
		default: misuse("unknown option");
		}
	}
	nfiles = nargs - optind;
	if (check + !!output + !!program + !!constants + !!tables != 1)
		misuse("exactly one of --check, --output, --program, --constants, --tables is needed");
	if (tables) {
		if (nfiles)
			misuse("--tables takes no file");
		return write_tables(tables, clang, flags, library);
	}
	if (nfiles < 1 || (!check && !program && nfiles != 1))
		misuse(nfiles < 1 ? "no file given" : "one file at a time");
	if (constants) {
		if (!nwanted)
			misuse("--constants needs --names");
		tmp = probe_unit(argv[optind], clang, flags, wanted, nwanted);
		root = ast_load(clang, tmp, flags);
		unlink(tmp);
		if (!root)
			return 1;
		out = open_new(constants, &tmp);
		emit_constants(out, root, argv[optind], wanted, nwanted, library);
		close_new(out, tmp, constants);
		return 0;
	}
	for (int i = optind; i < nargs; i++) {
		root = ast_load(clang, argv[i], flags);
		if (root)
			check_unit(&prog, root, argv[i]);
	}
	check_program(&prog, nfiles > 1 || program);
	for (struct func *f = prog.first; f; f = f->next)
		nfuncs++;
	if (output && !nr_errors) {
		out = open_new(output, &tmp);
		emit_coq(out, &prog, argv[optind], library);
		close_new(out, tmp, output);
	}
	if (program && !nr_errors) {
		out = open_new(program, &tmp);
		emit_program(out, &prog, (const char *const *)argv + optind, nfiles, library);
		close_new(out, tmp, program);
	}
	if (!quiet)
		fprintf(check && !nr_errors ? stdout : stderr, "c2coq: %d files, %zu functions, %d errors\n",
			nfiles, nfuncs, nr_errors);
	return nr_errors ? 1 : 0;
}
