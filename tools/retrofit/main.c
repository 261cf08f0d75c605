// SPDX-License-Identifier: GPL-2.0-only
/* Options, order of the stages, output. */
#include "mutate.h"
#include "port.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: retrofit --release R --rules DIR --tree DIR --output DIR [options]\n"
	"       retrofit --port FROM --release R --rules DIR --tree DIR --output DIR [options]\n"
	"Apply the semantic patches of a kernel release to its pristine source and check what they did.\n"
	"With --port: say what becomes of FROM's hooks on a release R that has no ledger, and write a skeleton of one.\n"
	"\n"
	"  -r, --release R    the release, as in RULES/ledger/R.json (v6.1)\n"
	"      --rules DIR    rules, macro file and ledger (semantic-patches)\n"
	"  -t, --tree DIR     the pristine kernel source; it is only read\n"
	"  -o, --output DIR   gets quilt/ (the series), tree/ (the patched files) and report.json;\n"
	"                     replaced as a whole, and only when every gate has passed\n"
	"      --verify DIR   also put the quilt series in DIR to the gates: it must be this one\n"
	"  -n, --dry-run      run all stages and gates, write nothing\n"
	"      --json         print the report as JSON instead of the table\n"
	"      --cache DIR    keep what spatch makes of each rule and file in DIR, and use it while the inputs are the same\n"
	"  -j, --jobs N       run N spatch processes at a time (1)\n"
	"      --mutate[=OP]  mutate the code around each hook in a copy, and say which gate catches it; writes nothing\n"
	"      --every N      of the mutants only each N-th, for a sample\n"
	"      --port FROM    the declared release to start from\n"
	"      --from-tree DIR  its pristine source, to compare with\n"
	"      --glue DIR     its glue, to look for shims\n"
	"      --truth DIR    rules that have R's ledger: compare the verdicts with it\n"
	"  -h, --help         this text\n"
	"  -V, --version      the program's version\n"
	"\n"
	"exit status: 0 all gates passed, 1 a gate failed, 2 usage or unknown release,\n"
	"             3 a tool, the source or the output place is missing\n"
	"with --port: 0 all hooks apply unread, 1 they don't, 125 cannot be judged (for git bisect run)\n";

struct options {
	const char *release, *rules, *tree, *output, *verify, *operator, *port, *from_tree, *glue, *truth, *cache;
	bool dry_run, json, mutate;
	unsigned int jobs, every;
};

static void bad_usage(const char *format, const char *what) __attribute__((noreturn));
static void bad_usage(const char *format, const char *what)
{
	die(EXIT_USAGE, "%s: see retrofit --help", fmt("%s%s", format, what));
}

static unsigned int read_number(const char *option, const char *s, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (!*s || *end || n < 1 || n > most)
		bad_usage(fmt("%s needs a number from 1 to %lu, not ", option, most), s);
	return (unsigned int)n;
}

static void read_options(struct options *o, int argc, char **argv)
{
	enum { RULES = 256, VERIFY, JSON, MUTATE, EVERY, PORT, FROM_TREE, GLUE, TRUTH, CACHE };
	static const struct option options[] = {
		{ "release", required_argument, NULL, 'r' },
		{ "rules", required_argument, NULL, RULES },
		{ "tree", required_argument, NULL, 't' },
		{ "output", required_argument, NULL, 'o' },
		{ "verify", required_argument, NULL, VERIFY },
		{ "mutate", optional_argument, NULL, MUTATE },
		{ "every", required_argument, NULL, EVERY },
		{ "port", required_argument, NULL, PORT },
		{ "from-tree", required_argument, NULL, FROM_TREE },
		{ "glue", required_argument, NULL, GLUE },
		{ "truth", required_argument, NULL, TRUTH },
		{ "cache", required_argument, NULL, CACHE },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, JSON },
		{ "jobs", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "r:t:o:nj:hV", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->release = optarg;
			break;
		case RULES:
			o->rules = optarg;
			break;
		case 't':
			o->tree = optarg;
			break;
		case 'o':
			o->output = optarg;
			break;
		case VERIFY:
			o->verify = optarg;
			break;
		case MUTATE:
			o->mutate = true;
			o->operator = optarg;
			break;
		case EVERY:
			o->every = read_number("--every", optarg, 10000);
			break;
		case PORT:
			o->port = optarg;
			break;
		case FROM_TREE:
			o->from_tree = optarg;
			break;
		case GLUE:
			o->glue = optarg;
			break;
		case TRUTH:
			o->truth = optarg;
			break;
		case CACHE:
			o->cache = optarg;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case JSON:
			o->json = true;
			break;
		case 'j':
			o->jobs = read_number("--jobs", optarg, 64);
			break;
		case 'h':
			fputs(usage, stdout);
			finish(EXIT_PASS);
		case 'V':
			puts("retrofit " RETROFIT_VERSION);
			finish(EXIT_PASS);
		default:
			bad_usage("unknown option", "");
		}
	}
	if (optind < argc)
		bad_usage("unexpected argument ", argv[optind]);
	if (!o->release || !o->rules || !o->tree)
		bad_usage("missing ", !o->release ? "--release" : !o->rules ? "--rules" : "--tree");
	if (!o->output && ((!o->dry_run && !o->verify && !o->mutate) || o->port))
		bad_usage("missing ", "--output");
	if (o->every > 1 && !o->mutate)
		bad_usage("--every is for --mutate", "");
	if (o->port && !is_dir(o->rules))
		bad_usage("no such directory ", o->rules);
}

/* An existing directory is replaced only if it is an earlier output of ours. */
static void check_output(struct options *o)
{
	char *path;
	size_t n;

	if (!o->output || o->dry_run || o->port || o->mutate)
		return;
	path = xstrdup(o->output);
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	o->output = path;
	if (!access(path, F_OK) && !is_file(fmt("%s/report.json", path)) &&
	    (!is_dir(path) || dir_list(path).n))
		die(EXIT_USAGE, "%s: is there and is no earlier output of retrofit: name another place, or remove it",
		    path);
	make_parent(path);
}

static void need_tool(const char *name, const char *package)
{
	if (!find_program(name))
		die(EXIT_ENV, "%s is not installed: apt-get install %s", name, package);
}

static void find_tools(struct engine *e)
{
	const char *argv[] = { "spatch", "--version", NULL };
	char *out = fmt("%s/version", e->scratch), version[64];
	struct text t;

	e->spatch = "spatch";
	/* the system's: one found in PATH may be a wrapper, which spatch would start dozens of times a run */
	e->python = access("/usr/bin/python3", X_OK) ? "python3" : "/usr/bin/python3";
	if (run(argv, NULL, out, fmt("%s.err", out)))
		die(EXIT_ENV, "spatch does not run: apt-get install --reinstall coccinelle");
	t = file_read(out);
	if (sscanf(t.data, "spatch version %63s", version) != 1)
		die(EXIT_ENV, "spatch --version names no version: apt-get install --reinstall coccinelle");
	e->spatch_version = xstrdup(version);
	e->spatch_text = t.data;
}

/* Rules report their matches by script:python; spatch looks for the library only when it meets one. */
static void try_script_rule(struct engine *e)
{
	static const char rule[] = "@script:python@\n@@\nprint(\"SCRIPT\")\n";
	char *base = fmt("%s/script", e->scratch), *sp = fmt("%s.cocci", base), *c = fmt("%s.c", base);
	const char *argv[] = { e->spatch, "--python", e->python, "--sp-file", sp, "--very-quiet", c, NULL };
	struct text out, err;

	file_write(sp, rule, strlen(rule));
	file_write(c, "int x;\n", 7);
	if (!run(argv, NULL, fmt("%s.out", base), fmt("%s.err", base))) {
		out = file_read(fmt("%s.out", base));
		if (strstr(out.data, "SCRIPT"))
			return;
	}
	err = file_read(fmt("%s.err", base));
	die(EXIT_ENV, "spatch runs no script rule: %.*s: apt-get install python3", (int)strcspn(err.data, "\n"),
	    err.data);
}

static void make_scratch(struct engine *e)
{
	const char *tmp = getenv("TMPDIR");
	char *path = fmt("%s/retrofit.XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (!mkdtemp(path))
		die(EXIT_ENV, "%s: %s: set TMPDIR to a place that can be written", path, strerror(errno));
	at_exit_remove(path);
	e->scratch = path;
}

static int port(struct engine *e, const struct options *o)
{
	struct port p = {
		.e = e, .from = o->port, .from_tree = o->from_tree, .glue = o->glue, .output = o->output, .truth = o->truth,
	};

	if (!engine_tree_version(o->tree, &e->ledger->version, &e->ledger->patchlevel))
		die(EXIT_ENV, "%s: no kernel source: --tree must name an unpacked kernel source", o->tree);
	e->ledger->release = o->release;
	return port_run(&p);
}

int main(int argc, char **argv)
{
	struct options o = { .jobs = 1, .every = 1 };
	struct engine e = { 0 };
	struct list patches = { 0 };
	char *report;

	signals_init();
	setenv("LC_ALL", "C", 1);	/* what other programs say is read */
	read_options(&o, argc, argv);
	env_status = o.port ? EXIT_UNKNOWN : EXIT_ENV;
	need_tool("spatch", "coccinelle");
	need_tool("patch", "patch");
	need_tool("diff", "diffutils");
	e.ledger = ledger_load(o.rules, o.port ? o.port : o.release);
	gate_pass("ledger");
	e.tree = o.tree;
	e.parallel = o.jobs;
	e.cache = o.cache;
	check_output(&o);
	make_scratch(&e);
	find_tools(&e);
	try_script_rule(&e);
	if (o.port)
		finish(port(&e, &o));
	if (o.mutate)
		finish(mutate_run(&e, o.operator, o.every));

	engine_read_tree(&e);
	gate_pristine(&e);
	if (!failures)
		engine_visibility(&e);
	engine_apply(&e);
	gate_matches(&e);
	gate_tokens(&e);
	if (!failures)
		patches = series_make(&e);
	if (!failures)
		series_check(&e, &patches);
	if (!failures)
		engine_order(&e);
	if (!failures)
		engine_audit(&e);
	if (!failures && o.verify)
		series_compare(&e, &patches, o.verify);
	engine_tree_unchanged(&e);
	if (!failures)
		gates_all_run();
	signals_check();

	report = report_json(&e, &patches);
	if (o.json)
		fputs(report, stdout);
	else
		report_table(&e, &patches);
	if (fflush(stdout) || ferror(stdout))
		die(EXIT_ENV, "standard output: %s: nothing was put in place", strerror(errno));
	if (!failures && o.output && !o.dry_run)
		series_write(&e, &patches, o.output, report);
	else if (failures)
		fprintf(stderr, "retrofit: %u failures; nothing was put in place\n", failures);
	finish(failures ? EXIT_CHECK : EXIT_PASS);
}
