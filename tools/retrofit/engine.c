// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stages that look at the kernel: read its files, probe what spatch can see of them, run each rule
 * on its files, and audit what is left.  The pristine tree is only ever read.
 */
#include "retrofit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kfile *engine_file(struct engine *e, const char *path)
{
	for (size_t i = 0; i < e->files.n; i++) {
		struct kfile *f = e->files.item[i];

		if (!strcmp(f->path, path))
			return f;
	}
	return NULL;
}

/* VERSION and PATCHLEVEL of the tree's top Makefile */
static bool makefile_number(const char *text, const char *name, unsigned int *value)
{
	const char *s = text;
	size_t n = strlen(name);

	for (; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (!strncmp(s, name, n) && sscanf(s + n, " = %u", value) == 1)
			return true;
	}
	return false;
}

bool engine_tree_version(const char *tree, unsigned int *version, unsigned int *patchlevel)
{
	struct text t;

	return file_try_read(fmt("%s/Makefile", tree), &t) && makefile_number(t.data, "VERSION", version) &&
	       makefile_number(t.data, "PATCHLEVEL", patchlevel);
}

static void check_release(struct engine *e)
{
	char *path = fmt("%s/Makefile", e->tree);
	unsigned int version, patchlevel;
	struct text t;

	if (!is_dir(e->tree))
		die(EXIT_ENV, "%s: no such directory: --tree must name an unpacked kernel source", e->tree);
	if (!file_try_read(path, &t))
		die(EXIT_ENV, "%s: %s: --tree must name an unpacked kernel source", path, strerror(errno));
	if (!engine_tree_version(e->tree, &version, &patchlevel))
		die(EXIT_ENV, "%s: names no kernel version: --tree must name an unpacked kernel source", path);
	if (version != e->ledger->version || patchlevel != e->ledger->patchlevel)
		die(EXIT_ENV, "%s: is Linux %u.%u, the ledger of %s is for %u.%u: give the tree of that release",
		    e->tree, version, patchlevel, e->ledger->release, e->ledger->version, e->ledger->patchlevel);
}

/* The kernel's C files and headers below a directory, sorted */
static void find_sources(const char *root, const char *dir, struct list *out)
{
	struct list names = dir_list(fmt("%s/%s", root, dir));

	for (size_t i = 0; i < names.n; i++) {
		char *path = fmt("%s/%s", dir, (char *)names.item[i]);
		char *full = fmt("%s/%s", root, path);

		if (is_dir(full))
			find_sources(root, path, out);
		else if (ends_with(path, ".c") || ends_with(path, ".h"))
			list_add(out, path);
	}
}

/* Where a symbol has gone that is not in the file that the ledger names */
static char *found_elsewhere(struct engine *e, const char *symbol)
{
	struct list paths = { 0 };

	for (size_t i = 0; i < e->ledger->audit_dirs.n; i++) {
		if (is_dir(fmt("%s/%s", e->tree, (char *)e->ledger->audit_dirs.item[i])))
			find_sources(e->tree, e->ledger->audit_dirs.item[i], &paths);
	}
	for (size_t i = 0; i < paths.n; i++) {
		struct source *s;
		struct text t;

		if (!file_try_read(fmt("%s/%s", e->tree, (char *)paths.item[i]), &t))
			continue;
		s = source_parse(t);
		if (source_def_named(s, symbol))
			return fmt("%s is now in %s: change ledger/%s.json", symbol, (char *)paths.item[i],
				   e->ledger->release);
	}
	return fmt("find what took the place of %s in this release, and change ledger/%s.json", symbol,
		   e->ledger->release);
}

void engine_read_tree(struct engine *e)
{
	struct ledger *l = e->ledger;

	check_release(e);
	for (size_t i = 0; i < l->files.n; i++) {
		struct kfile *f = xcalloc(1, sizeof(*f));
		char *path;
		struct text t;

		f->path = l->files.item[i];
		path = fmt("%s/%s", e->tree, f->path);
		if (is_file(path)) {
			t = file_read(path);
			f->pristine_sha = sha256(t.data, t.len);
			f->pristine = source_parse(t);
			f->final = t;
			list_add(&e->files, f);
			continue;
		}
		for (size_t k = 0; k < l->hooks.n; k++) {
			struct hook *h = l->hooks.item[k];

			for (size_t m = 0; m < h->targets.n; m++) {
				struct target *tg = h->targets.item[m];

				if (strcmp(tg->file, f->path))
					continue;
				tg->hidden = true;
				gate_fail("visibility", "%s/%s: %s: no file %s in the tree: %s", l->name,
					  h->rule->file ? h->rule->file : h->rule->patch, h->id, f->path,
					  found_elsewhere(e, tg->symbol));
			}
		}
	}
}

void engine_tree_unchanged(struct engine *e)
{
	for (size_t i = 0; i < e->files.n; i++) {
		struct kfile *f = e->files.item[i];
		struct text t;

		gate_pass("unchanged");
		if (!file_try_read(fmt("%s/%s", e->tree, f->path), &t) || strcmp(sha256(t.data, t.len), f->pristine_sha))
			gate_fail("unchanged", "%s/%s: changed while it was read: keep the pristine tree as it is "
				  "and run again", e->tree, f->path);
	}
}

/* ---- spatch ---- */

/* One run: a rule on a file, which is changed, or on all files below a directory, which are looked at */
struct spatch {
	const char *rule, *name;	/* its path, and how messages call it */
	const char *what;		/* what it runs on, for messages */
	const char *base;		/* path for what it prints: base.out, base.err */
	const char *file;		/* path of the file, or NULL */
	const char *dir;		/* path of the directory; what is printed names files from there */
	bool headers;			/* those of the directory too */
	struct text files;		/* of the directory: names and SHA-256 */
	const char *log;		/* result: path of what was printed */
	bool failed;			/* result */
};

static char *macro_file(struct engine *e)
{
	return fmt("%s/%s", e->ledger->dir, e->ledger->macros);
}

/* What all runs of this kind have in common of the command line, after the macro file */
static const char *const *spatch_options(const struct spatch *s)
{
	static const char *const file[] = { "--in-place", NULL };
	static const char *const dir[] = { "--dir", NULL };
	static const char *const headers[] = { "--include-headers", "--dir", NULL };

	return s->file ? file : s->headers ? headers : dir;
}

static const char *const *spatch_argv(struct engine *e, const struct spatch *s)
{
	const char *const first[] = {
		e->spatch, "--python", e->python, "--sp-file", s->rule, "--macro-file", macro_file(e),
		"--very-quiet", "--no-includes", "--no-show-diff",
	};
	const size_t n = sizeof(first) / sizeof(*first);
	const char *const *options = spatch_options(s);
	const char **argv = xcalloc(n + 4, sizeof(*argv));
	size_t k = n;

	memcpy(argv, first, sizeof(first));
	while (*options)
		argv[k++] = *options++;
	argv[k] = s->file ? s->file : ".";
	return argv;
}

/* A name for all that the result depends on */
static char *spatch_key(struct engine *e, const struct spatch *s)
{
	const char *const paths[] = { s->rule, macro_file(e), s->file };
	struct text all = { 0 };

	text_fmt(&all, "%s\n", e->spatch_text);
	for (const char *const *o = spatch_options(s); *o; o++)
		text_fmt(&all, "%s\n", *o);
	for (size_t i = 0; i < 3 && paths[i]; i++) {
		struct text t = file_read(paths[i]);

		text_fmt(&all, "%s\n", sha256(t.data, t.len));
	}
	text_add(&all, s->files.data ? s->files.data : "", s->files.len);
	return sha256(all.data, all.len);
}

static void spatch_failed(struct engine *e, struct spatch *s, const struct job *job)
{
	struct text err = { 0 };

	file_try_read(job->err, &err);
	while (err.len && isspace((unsigned char)err.data[err.len - 1]))
		err.data[--err.len] = '\0';
	gate_fail("matches", "%s/%s: spatch ended with status %d on %s: %s", e->ledger->name, s->name, job->status, s->what,
		  err.len ? err.data : "no message");
	s->failed = true;
}

static void run_spatch(struct engine *e, struct spatch *runs, size_t n)
{
	struct job *jobs = xcalloc(n, sizeof(*jobs));
	struct spatch **run = xcalloc(n, sizeof(*run));
	char **key = xcalloc(n, sizeof(*key));
	size_t todo = 0;

	for (size_t i = 0; i < n; i++) {
		struct spatch *s = &runs[i];

		s->log = fmt("%s.out", s->base);
		key[todo] = e->cache ? spatch_key(e, s) : NULL;
		if (e->cache && cache_get(e->cache, key[todo], s->log, s->file)) {
			e->spatch_kept++;
			continue;
		}
		jobs[todo] = (struct job){
			.argv = spatch_argv(e, s), .dir = s->dir, .out = s->log, .err = fmt("%s.err", s->base),
		};
		run[todo++] = s;
	}
	e->spatch_runs += (unsigned int)todo;
	run_jobs(jobs, todo, e->parallel);
	for (size_t i = 0; i < todo; i++) {
		if (jobs[i].status)
			spatch_failed(e, run[i], &jobs[i]);
		else if (e->cache)
			cache_put(e->cache, key[i], run[i]->log, run[i]->file);
	}
}

/* Put a file in the directory that a run looks at */
static void spatch_add(struct spatch *s, const char *path, const struct text *t)
{
	char *copy = fmt("%s/%s", s->dir, path);

	make_parent(copy);
	file_write(copy, t->data, t->len);
	text_fmt(&s->files, "%s %s\n", path, sha256(t->data, t->len));
}

/* ---- visibility ---- */

static void probe_kind(struct text *rule, const char *kind, const char *pattern, const struct list *names)
{
	if (!names->n)
		return;
	text_fmt(rule, "@a_%s@\nidentifier s = {", kind);
	for (size_t i = 0; i < names->n; i++)
		text_fmt(rule, "%s%s", i ? ", " : "", (char *)names->item[i]);
	text_fmt(rule, "};\n%sposition p;\n@@\n %s\n@script:python@\np << a_%s.p;\ns << a_%s.s;\n@@\n"
		 "print(\"SEEN %s %%s %%s\" %% (s, p[0].file))\n", *pattern == 'T' ? "type T;\n" : "", pattern, kind, kind, kind);
}

static void add_name(struct list *names, const char *s, size_t n)
{
	char *name = xstrndup(s, n);

	if (!list_has(names, name))
		list_add(names, name);
}

/* A rule that matches exactly the definitions that must be visible */
static struct text probe_rule(struct engine *e)
{
	struct list functions = { 0 }, structs = { 0 }, tables = { 0 };
	struct text rule = { 0 };

	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *t = h->targets.item[k];
			size_t n = strlen(t->symbol);

			if (!t->matches || t->symbol[0] == '#')
				continue;
			if (ends_with(t->symbol, "()"))
				add_name(&functions, t->symbol, n - 2);
			else if (ends_with(t->symbol, "[]"))
				add_name(&tables, t->symbol, n - 2);
			else
				add_name(&structs, t->symbol + 7, n - 7);
		}
	}
	text_add(&rule, "", 0);
	probe_kind(&rule, "function", "s@p(...) { ... }", &functions);
	probe_kind(&rule, "structure", "struct s@p { ... };", &structs);
	probe_kind(&rule, "table", "T s@p[...] = { ... };", &tables);
	return rule;
}

static bool seen(const char *log, const char *file, const char *symbol)
{
	size_t n = strlen(symbol);
	char *line = ends_with(symbol, "()") ? fmt("SEEN function %.*s ./%s\n", (int)n - 2, symbol, file) :
		     ends_with(symbol, "[]") ? fmt("SEEN table %.*s ./%s\n", (int)n - 2, symbol, file) :
		     fmt("SEEN structure %s ./%s\n", symbol + 7, file);

	return strstr(log, line) != NULL;
}

static void judge_visibility(struct engine *e, struct kfile *f, const char *log)
{
	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *t = h->targets.item[k];
			const struct def *d = source_def_named(f->pristine, t->symbol);

			if (strcmp(t->file, f->path) || !t->matches || t->symbol[0] == '#')
				continue;
			gate_pass("visibility");
			if (d && seen(log, f->path, t->symbol))
				continue;
			t->hidden = true;
			if (d)
				gate_fail("visibility", "%s/%s: %s: %s:%s is not parsed by spatch (lines %u to %u): "
					  "give the macro that hides it a parsable form in %s/%s", e->ledger->name,
					  h->rule->file, h->id, f->path, t->symbol, d->first, d->last,
					  e->ledger->name, e->ledger->macros);
			else
				gate_fail("visibility", "%s/%s: %s: 0 matches in %s:%s (expected %u): there is no such "
					  "definition; %s", e->ledger->name, h->rule->file, h->id, f->path, t->symbol,
					  t->matches, found_elsewhere(e, t->symbol));
		}
	}
}

static bool has_target(struct engine *e, const struct kfile *f)
{
	for (size_t i = 0; i < e->ledger->hooks.n; i++) {
		struct hook *h = e->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *t = h->targets.item[k];

			if (!strcmp(t->file, f->path) && t->matches && t->symbol[0] != '#')
				return true;
		}
	}
	return false;
}

void engine_visibility(struct engine *e)
{
	struct spatch probe = {
		.rule = fmt("%s/probe.cocci", e->scratch), .name = "visibility probe", .what = "the files with hooks",
		.base = fmt("%s/probe", e->scratch), .dir = fmt("%s/probe", e->scratch), .headers = true,
	};
	struct text rule = probe_rule(e);
	char *log;

	if (!rule.len)
		return;
	file_write(probe.rule, rule.data, rule.len);
	for (size_t i = 0; i < e->files.n; i++) {
		struct kfile *f = e->files.item[i];

		if (has_target(e, f))
			spatch_add(&probe, f->path, &f->final);
	}
	make_dirs(probe.dir);
	run_spatch(e, &probe, 1);
	if (probe.failed)
		return;
	log = file_read(probe.log).data;
	for (size_t i = 0; i < e->files.n; i++)
		judge_visibility(e, e->files.item[i], log);
}

/* ---- applying ---- */

struct lines {
	struct list l;		/* of struct text *, without the newline */
};

static struct lines split(const struct text *t)
{
	struct lines r = { 0 };
	const char *s = t->data, *end = t->data + t->len;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		list_add(&r.l, xstrndup(s, (size_t)((nl ? nl : end) - s)));
		s = nl ? nl + 1 : end;
	}
	return r;
}

static const char *trim(const char *s)
{
	while (isblank((unsigned char)*s))
		s++;
	return s;
}

/* The first line of the comment that ends on the given line and has its lines to itself, or the line + 1 */
static size_t comment_start(const struct lines *r, size_t last)
{
	if (!ends_with(r->l.item[last], "*/"))
		return last + 1;
	for (size_t i = last + 1; i-- > 0;) {
		const char *s = trim(r->l.item[i]);

		if (!strncmp(s, "/*", 2))
			return i;
		if (*s != '*' || (i < last && strstr(s, "*/")))
			break;
	}
	return last + 1;
}

/*
 * Two blemishes of spatch 1.1.1: a guard in front of a switch loses the inner tab, and a hook can land
 * between a comment and the statement that the comment is about.  Only whole inserted lines are moved
 * or indented; the token gate judges the result like any other.
 */
static void mend_insertion(struct lines *r, size_t first, size_t n, const struct source *after)
{
	const struct def *d = source_def_at(after, (unsigned int)first + 1);
	void **item = r->l.item;

	for (size_t i = first + 1; i < first + n; i++) {
		const char *guard = item[i - 1], *body = item[i];
		size_t indent = (size_t)(trim(guard) - guard);

		if (!strncmp(trim(guard), "if (", 4) && !strncmp(trim(body), "return", 6) &&
		    (size_t)(trim(body) - body) <= indent)
			item[i] = fmt("%.*s\t%s", (int)indent, guard, trim(body));
	}
	if (first && d && d->kind == DEF_FUNCTION) {
		size_t start = comment_start(r, first - 1), height = first - start;

		if (start < first && start + 1 > d->first) {
			void **moved = xcalloc(n, sizeof(*moved));

			memcpy(moved, item + first, n * sizeof(*moved));
			memmove(item + start + n, item + start, height * sizeof(*item));
			memcpy(item + start, moved, n * sizeof(*moved));
		}
	}
}

static void mend(const char *before, const char *path, const char *log)
{
	const char *argv[] = { "diff", "-U0", before, path, NULL };
	struct text t = file_read(path), diff, out = { 0 };
	struct source *after = source_parse(t);
	struct lines r = split(&t);

	if (run(argv, NULL, log, NULL) > 1)
		die(EXIT_ENV, "diff failed on %s", path);
	diff = file_read(log);
	for (const char *s = diff.data; s; s = strchr(s, '\n')) {
		unsigned int first, n = 1;

		s += *s == '\n';
		if (sscanf(s, "@@ -%*u,0 +%u,%u @@", &first, &n) >= 1 && first)
			mend_insertion(&r, first - 1, n, after);
	}
	for (size_t i = 0; i < r.l.n; i++)
		text_fmt(&out, "%s\n", (char *)r.l.item[i]);
	file_write(path, out.data, out.len);
}

static void read_matches(struct step *s, const char *log)
{
	struct text t = file_read(log);
	struct lines r = split(&t);

	for (size_t i = 0; i < r.l.n; i++) {
		const char *line = r.l.item[i];
		char id[32], element[128];
		unsigned int number;
		int used = 0;

		if (sscanf(line, "MATCH %31s %u %127s%n", id, &number, element, &used) != 3)
			continue;
		for (size_t k = 0; k < s->rule->hooks.n; k++) {
			struct hook *h = s->rule->hooks.item[k];
			struct match *m;
			const struct def *d;

			if (strcmp(h->id, id))
				continue;
			m = xcalloc(1, sizeof(*m));
			m->line = number;
			m->element = xstrdup(element);
			m->note = xstrdup(trim(line + used));
			d = source_def_at(s->before, number);
			m->symbol = d ? d->name : "#include";
			list_add(&s->matches, m);
			m->id = h->id;
		}
	}
}

static void append_lines(struct step *s)
{
	struct text t = { 0 };

	text_add(&t, s->before->text.data, s->before->text.len);
	for (size_t i = 0; i < s->rule->hooks.n; i++) {
		struct hook *h = s->rule->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct target *tg = h->targets.item[k];
			struct match *m;

			if (strcmp(tg->file, s->file->path) || !tg->matches)
				continue;
			if (!t.len || t.data[t.len - 1] != '\n' ||
			    (tg->after && !ends_with(t.data, fmt("\n%s\n", tg->after)))) {
				gate_fail("matches", "%s: %s: 0 matches in %s:%s (expected 1): its last line is not "
					  "\"%s\"; look where the line belongs in this release", h->rule->patch, h->id,
					  tg->file, tg->symbol, tg->after ? tg->after : "(a whole line)");
				s->failed = tg->hidden = true;
				continue;
			}
			text_fmt(&t, "%s\n", tg->insert);
			m = xcalloc(1, sizeof(*m));
			m->id = h->id;
			m->symbol = m->element = "#end";
			m->note = "";
			list_add(&s->matches, m);
		}
	}
	s->after = source_parse(t);
}

/* One rule on one text: what it makes of it, and what spatch printed */
struct work {
	struct rule *rule;
	const char *path;		/* of the kernel file */
	struct text in, out;
	const char *log;
	bool broken;
};

static void run_rules(struct engine *e, struct work *w, size_t n, const char *place)
{
	struct spatch *runs = xcalloc(n, sizeof(*runs));

	for (size_t i = 0; i < n; i++) {
		char *base = fmt("%s/%s/%zu", e->scratch, place, i), *file = fmt("%s/%s", base, w[i].path);

		make_parent(file);
		file_write(file, w[i].in.data, w[i].in.len);
		file_write(fmt("%s.before", base), w[i].in.data, w[i].in.len);
		runs[i] = (struct spatch){
			.rule = fmt("%s/%s", e->ledger->dir, w[i].rule->file), .name = w[i].rule->file, .what = w[i].path,
			.base = base, .file = file,
		};
	}
	run_spatch(e, runs, n);
	for (size_t i = 0; i < n; i++) {
		const struct spatch *s = &runs[i];

		w[i].broken = s->failed;
		if (!s->failed)
			mend(fmt("%s.before", s->base), s->file, fmt("%s.diff", s->base));
		w[i].out = file_read(s->file);
		w[i].log = s->log;
	}
}

/*
 * Rules are stacked: each runs on the file as the rules before it left it.  Files are independent of
 * each other (no includes are read), so the first rules of all files run side by side, then the second.
 */
static void apply_wave(struct engine *e, size_t wave)
{
	struct work *w = xcalloc(e->files.n, sizeof(*w));
	struct step **steps = xcalloc(e->files.n, sizeof(*steps));
	size_t n = 0;

	for (size_t i = 0; i < e->files.n; i++) {
		struct kfile *f = e->files.item[i];
		struct step *s;

		if (wave >= f->step.n)
			continue;
		s = f->step.item[wave];
		s->before = source_parse(f->final);
		if (!s->rule->file) {
			append_lines(s);
			f->final = s->after->text;
			continue;
		}
		w[n] = (struct work){ .rule = s->rule, .path = f->path, .in = f->final };
		steps[n++] = s;
	}
	run_rules(e, w, n, fmt("step/%zu", wave));
	for (size_t i = 0; i < n; i++) {
		struct step *s = steps[i];

		s->failed = s->broken = w[i].broken;
		s->file->final = w[i].out;
		s->after = source_parse(w[i].out);
		read_matches(s, w[i].log);
	}
}

void engine_apply(struct engine *e)
{
	size_t waves = 0;

	for (size_t i = 0; i < e->ledger->rules.n; i++) {
		struct rule *r = e->ledger->rules.item[i];

		for (size_t k = 0; k < r->files.n; k++) {
			struct kfile *f = engine_file(e, r->files.item[k]);
			struct step *s;

			if (!f)
				continue;
			s = xcalloc(1, sizeof(*s));
			s->rule = r;
			s->file = f;
			list_add(&f->step, s);
			waves = f->step.n > waves ? f->step.n : waves;
		}
	}
	for (size_t wave = 0; wave < waves; wave++)
		apply_wave(e, wave);
}

/* ---- order ---- */

static bool depends(const struct rule *r, const struct rule *on)
{
	return on->file && list_has(&r->after, on->file);
}

/* The steps of a file backwards, but a rule behind those that ledger.json says it needs: its "after" */
static struct list other_order(const struct kfile *f)
{
	struct list order = { 0 };
	bool *done = xcalloc(f->step.n, sizeof(*done));

	while (order.n < f->step.n) {
		for (size_t i = f->step.n; i-- > 0;) {
			struct step *s = f->step.item[i];
			bool ready = !done[i];

			for (size_t k = 0; k < i && ready; k++)
				ready = done[k] || !depends(s->rule, ((struct step *)f->step.item[k])->rule);
			if (ready) {
				done[i] = true;
				list_add(&order, s);
				break;
			}
		}
	}
	return order;
}

static void judge_order(const struct kfile *f, const struct text *other)
{
	struct lines a = split(&f->final), b = split(other);
	struct text rules = { 0 };
	size_t i = 0;

	gate_pass("order");
	if (text_equal(&f->final, other))
		return;
	for (size_t k = 0; k < f->step.n; k++)
		text_fmt(&rules, "%s%s", k ? ", " : "", ((struct step *)f->step.item[k])->rule->file);
	while (i < a.l.n && i < b.l.n && !strcmp(a.l.item[i], b.l.item[i]))
		i++;
	gate_fail("order", "%s: the order of the rules %s matters: the other way round line %zu, \"%s\", is \"%s\": make the rules "
		  "independent, or say in ledger.json which has to come \"after\" which", f->path, rules.data, i + 1,
		  i < a.l.n ? trim(a.l.item[i]) : "", i < b.l.n ? trim(b.l.item[i]) : "");
}

/* Hooks are independent: the rules of a file the other way round give the same bytes. */
void engine_order(struct engine *e)
{
	struct list *order = xcalloc(e->files.n, sizeof(*order));
	struct text *text = xcalloc(e->files.n, sizeof(*text));
	struct work *w = xcalloc(e->files.n, sizeof(*w));
	size_t *file = xcalloc(e->files.n, sizeof(*file)), waves = 0;

	for (size_t i = 0; i < e->files.n; i++) {
		struct kfile *f = e->files.item[i];

		if (f->step.n < 2)
			continue;
		order[i] = other_order(f);
		text[i] = f->pristine->text;
		waves = f->step.n > waves ? f->step.n : waves;
	}
	for (size_t wave = 0; wave < waves; wave++) {
		size_t n = 0;

		for (size_t i = 0; i < e->files.n; i++) {
			if (wave >= order[i].n)
				continue;
			w[n] = (struct work){
				.rule = ((struct step *)order[i].item[wave])->rule, .in = text[i],
				.path = ((struct kfile *)e->files.item[i])->path,
			};
			file[n++] = i;
		}
		run_rules(e, w, n, fmt("order/%zu", wave));
		for (size_t i = 0; i < n; i++)
			text[file[i]] = w[i].out;
	}
	for (size_t i = 0; i < e->files.n; i++) {
		if (order[i].n)
			judge_order(e->files.item[i], &text[i]);
	}
}

/* ---- audit ---- */

static bool audited(struct engine *e, const char *path)
{
	for (size_t i = 0; i < e->ledger->audit_not.n; i++) {
		const char *prefix = e->ledger->audit_not.item[i];

		if (!strncmp(path, prefix, strlen(prefix)))
			return false;
	}
	return true;
}

static void audit_site(struct engine *e, const char *file, unsigned int line, const char *symbol, const char *op)
{
	e->audit_sites++;
	gate_pass("audit");
	for (size_t i = 0; i < e->ledger->allow.n; i++) {
		struct allow *a = e->ledger->allow.item[i];

		if (!strcmp(a->file, file) && !strcmp(a->symbol, symbol) && !strcmp(a->op, op)) {
			a->used = true;
			return;
		}
	}
	gate_fail("audit", "%s:%u: %s in %s still reaches EL2 around KCore: hook it, or allow it in ledger/%s.json "
		  "with the reason why it is harmless", file, line, op, symbol, e->ledger->release);
}

static const char *symbol_at(const struct source *s, unsigned int line)
{
	const struct def *d = source_def_at(s, line);

	return d ? d->name : "#file";
}

/* Crossings are looked for by token as well, so that one in a function that spatch can't parse is seen. */
static void audit_tokens(struct engine *e, const char *path, const struct source *s)
{
	static const char *const family[] = { "kvm_call_hyp", "kvm_call_hyp_ret", "kvm_call_hyp_nvhe" };

	for (size_t i = 0; i + 1 < s->ntok; i++) {
		const struct token *t = &s->tok[i];

		if (t->kind != T_WORD || t[1].len != 1 || *t[1].s != '(')
			continue;
		for (size_t k = 0; k < 3; k++) {
			if (t->len == strlen(family[k]) && !memcmp(t->s, family[k], t->len))
				audit_site(e, path, t->line, symbol_at(s, t->line), family[k]);
		}
	}
}

void engine_audit(struct engine *e)
{
	struct spatch audit = {
		.rule = fmt("%s/audit.cocci", e->ledger->dir), .name = "audit.cocci", .what = "the patched tree",
		.base = fmt("%s/audit", e->scratch), .dir = fmt("%s/audit", e->scratch),
	};
	struct list paths = { 0 };
	struct text log;
	struct lines r;

	if (!is_file(audit.rule))
		die(EXIT_CHECK, "%s/audit.cocci: no such file: the audit can't be left out", e->ledger->name);
	for (size_t i = 0; i < e->ledger->audit_dirs.n; i++) {
		const char *dir = e->ledger->audit_dirs.item[i];

		if (!is_dir(fmt("%s/%s", e->tree, dir)))
			die(EXIT_CHECK, "%s: no directory %s in the tree: change \"audit\"", e->ledger->release_file,
			    dir);
		find_sources(e->tree, dir, &paths);
	}
	for (size_t i = 0; i < paths.n; i++) {
		const char *path = paths.item[i];
		struct kfile *f = engine_file(e, path);
		struct text t;

		if (!audited(e, path))
			continue;
		t = f ? f->final : file_read(fmt("%s/%s", e->tree, path));
		gate_pass("audit");
		audit_tokens(e, path, source_parse(t));
		spatch_add(&audit, path, &t);
	}
	make_dirs(audit.dir);
	run_spatch(e, &audit, 1);
	if (audit.failed)
		return;
	log = file_read(audit.log);
	r = split(&log);
	for (size_t i = 0; i < r.l.n; i++) {
		char op[64], file[512];
		const char *path;
		unsigned int line;

		if (sscanf(r.l.item[i], "AUDIT %63s ./%511[^:]:%u", op, file, &line) != 3)
			continue;
		path = xstrdup(file);
		audit_site(e, path, line, symbol_at(source_parse(file_read(fmt("%s/%s", audit.dir, path))), line), xstrdup(op));
	}
	for (size_t i = 0; i < e->ledger->allow.n; i++) {
		struct allow *a = e->ledger->allow.item[i];

		gate_pass("audit");
		if (!a->used)
			gate_fail("audit", "%s: the audit allows %s in %s:%s, which is not there: remove the entry",
				  e->ledger->release_file, a->op, a->file, a->symbol);
	}
}
