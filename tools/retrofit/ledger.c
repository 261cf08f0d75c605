// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hook ledger: ledger.json says what each hook is, ledger/<release>.json where it goes in a
 * release.  The form is checked here; docs/retrofit.md describes it.
 */
#include "retrofit.h"

#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

	if (!j)
		die(EXIT_CHECK, "%s:%d: %s", path, error.line, error.text);
	if (!json_is_object(j))
		die(EXIT_CHECK, "%s: not a JSON object", path);
	return j;
}

static void unpack(json_t *j, const char *where, const char *format, ...)
{
	json_error_t error;
	va_list ap;
	int bad;

	va_start(ap, format);
	bad = json_vunpack_ex(j, &error, JSON_STRICT, format, ap);
	va_end(ap);
	if (bad)
		die(EXIT_CHECK, "%s: %s", where, error.text);
}

static struct hook *hook_by_id(const struct ledger *l, const char *id)
{
	for (size_t i = 0; i < l->hooks.n; i++) {
		struct hook *h = l->hooks.item[i];

		if (!strcmp(h->id, id))
			return h;
	}
	return NULL;
}

static void add_once(struct list *l, const char *s)
{
	if (!list_has(l, s))
		list_add(l, xstrdup(s));
}

static void read_hooks(struct ledger *l, struct rule *rule, json_t *hooks, const char *path)
{
	json_t *j;
	size_t i;

	json_array_foreach(hooks, i, j) {
		struct hook *h = xcalloc(1, sizeof(*h));

		unpack(j, path, "{s:s, s:s, s:s}", "id", &h->id, "class", &h->class, "purpose", &h->purpose);
		if (hook_by_id(l, h->id))
			die(EXIT_CHECK, "%s: hook %s is there twice: give each hook its own id", path, h->id);
		if (strcmp(h->class, "M") && strcmp(h->class, "P") && strcmp(h->class, "O"))
			die(EXIT_CHECK, "%s: hook %s: class \"%s\" is none of M, P, O", path, h->id, h->class);
		h->rule = rule;
		list_add(&rule->hooks, h);
		list_add(&l->hooks, h);
	}
}

/* The "Hook:" line of a rule's header comment names the same hooks as the ledger. */
static void check_header(const struct ledger *l, const struct rule *rule)
{
	char *path = fmt("%s/%s", l->dir, rule->file);
	struct text t;
	const char *line, *s;
	size_t named = 0;

	if (!file_try_read(path, &t))
		die(EXIT_CHECK, "%s/%s: the ledger names this rule, but there is no such file", l->name, rule->file);
	line = strstr(t.data, "\n// Hook:");
	if (!line)
		die(EXIT_CHECK, "%s/%s: the header comment has no \"// Hook:\" line", l->name, rule->file);
	for (s = line + 1; *s && *s != '\n'; s++) {
		size_t n = 1;

		if (*s != 'H' || !isdigit((unsigned char)s[1]))
			continue;
		while (isalnum((unsigned char)s[n]))
			n++;
		named++;
		if (!hook_by_id(l, xstrndup(s, n)) || hook_by_id(l, xstrndup(s, n))->rule != rule)
			die(EXIT_CHECK, "%s/%s: the header names hook %.*s, the ledger does not", l->name,
			    rule->file, (int)n, s);
		s += n - 1;
	}
	if (named != rule->hooks.n)
		die(EXIT_CHECK, "%s/%s: the header names %zu hooks, the ledger %zu", l->name, rule->file, named,
		    rule->hooks.n);
}

static int by_patch_name(const void *a, const void *b)
{
	return strcmp((*(struct rule *const *)a)->patch, (*(struct rule *const *)b)->patch);
}

static bool is_rule_name(const char *name)
{
	return isdigit((unsigned char)name[0]) && isdigit((unsigned char)name[1]) && name[2] == '-' &&
	       ends_with(name, ".cocci");
}

static void read_rules(struct ledger *l)
{
	char *path = fmt("%s/ledger.json", l->dir);
	const char *spdx;
	struct list names = dir_list(l->dir);
	json_t *root, *rules, *j;
	size_t i, known = 0;
	int format;

	if (!is_file(path))
		die(EXIT_ENV, "%s: no such file: --rules must name the directory of the semantic patches", path);
	root = load(path);
	unpack(root, path, "{s:s, s:i, s:s, s:o}", "SPDX-License-Identifier", &spdx, "format", &format,
	       "macros", &l->macros, "rules", &rules);
	if (format != 1)
		die(EXIT_CHECK, "%s: format %d, this program reads format 1", path, format);
	json_array_foreach(rules, i, j) {
		struct rule *r = xcalloc(1, sizeof(*r));
		const char *file = NULL, *patch = NULL;
		json_t *hooks, *after = NULL, *name;
		size_t k;

		unpack(j, path, "{s?s, s?s, s:s, s:s, s?o, s:o}", "rule", &file, "patch", &patch, "title", &r->title,
		       "updated", &r->updated, "after", &after, "hooks", &hooks);
		if (!file == !patch)
			die(EXIT_CHECK, "%s: entry %zu needs one of \"rule\" and \"patch\"", path, i + 1);
		if (file && !is_rule_name(file))
			die(EXIT_CHECK, "%s: %s: a rule is called NN-name.cocci", path, file);
		r->file = file;
		r->patch = patch ? patch : fmt("%.*s.patch", (int)(strlen(file) - 6), file);
		json_array_foreach(after, k, name) {
			if (!file || !json_is_string(name) || strcmp(json_string_value(name), file) >= 0)
				die(EXIT_CHECK, "%s: %s: \"after\" lists rules with a lower number", path, r->patch);
			list_add(&r->after, xstrdup(json_string_value(name)));
		}
		list_add(&l->rules, r);
		read_hooks(l, r, hooks, path);
		if (file)
			check_header(l, r);
	}
	qsort(l->rules.item, l->rules.n, sizeof(*l->rules.item), by_patch_name);
	for (i = 0; i < names.n; i++) {
		if (!is_rule_name(names.item[i]))
			continue;
		known = 0;
		for (size_t k = 0; k < l->rules.n; k++) {
			struct rule *r = l->rules.item[k];

			known += r->file && !strcmp(r->file, names.item[i]);
		}
		if (known != 1)
			die(EXIT_CHECK, "%s/%s: %zu entries in ledger.json (expected 1): no rule runs without a "
			    "hook id", l->name, (char *)names.item[i], known);
	}
}

static void read_targets(struct ledger *l, struct hook *h, json_t *places, const char *path)
{
	json_t *j;
	size_t i;

	if (!json_is_array(places))
		die(EXIT_CHECK, "%s: %s: not a list of places", path, h->id);
	json_array_foreach(places, i, j) {
		struct target *t = xcalloc(1, sizeof(*t));
		char *where = fmt("%s: %s: place %zu", path, h->id, i + 1);
		int matches = 1;

		unpack(j, where, "{s:s, s:s, s?i, s?s, s?s, s?s, s?s}", "file", &t->file, "symbol", &t->symbol,
		       "matches", &matches, "insert", &t->insert, "remove", &t->remove, "reason", &t->reason, "after",
		       &t->after);
		if (matches < 0 || (matches && !t->insert) || (!matches && (t->insert || !t->reason)))
			die(EXIT_CHECK, "%s: a place with matches needs \"insert\", one without needs \"reason\"",
			    where);
		if (!h->rule->file != !strcmp(t->symbol, "#end"))
			die(EXIT_CHECK, "%s: \"#end\" is for an entry with \"patch\", and for no other", where);
		t->matches = (unsigned int)matches;
		t->hook = h;
		list_add(&h->targets, t);
		add_once(&h->rule->files, t->file);
		add_once(&l->files, t->file);
	}
	if (!h->targets.n)
		die(EXIT_CHECK, "%s: %s has no place: a hook that this release does not need says so with "
		    "\"matches\": 0 and a reason", path, h->id);
}

static void read_allowances(struct list *l, json_t *allowances, const char *path)
{
	json_t *j;
	size_t i;

	json_array_foreach(allowances, i, j) {
		struct allow *a = xcalloc(1, sizeof(*a));

		unpack(j, path, "{s:s, s:s, s:s, s:s}", "file", &a->file, "symbol", &a->symbol, "op", &a->op,
		       "reason", &a->reason);
		list_add(l, a);
	}
}

static void read_audit(struct ledger *l, json_t *audit, const char *path)
{
	json_t *dirs, *not, *allow, *built = NULL, *j;
	size_t i;

	unpack(audit, path, "{s:o, s:o, s:o, s?o}", "dirs", &dirs, "not", &not, "allow", &allow, "built", &built);
	json_array_foreach(dirs, i, j)
		list_add(&l->audit_dirs, xstrdup(json_string_value(j)));
	json_array_foreach(not, i, j)
		list_add(&l->audit_not, xstrdup(json_string_value(j)));
	read_allowances(&l->allow, allow, path);
	read_allowances(&l->built, built, path);
}

static void read_release(struct ledger *l)
{
	const char *spdx, *release, *key, *kernel;
	json_t *root = load(l->release_file), *hooks, *audit, *j;
	int used = 0;

	unpack(root, l->release_file, "{s:s, s:s, s:s, s:o, s:o}", "SPDX-License-Identifier", &spdx,
	       "release", &release, "kernel", &kernel, "hooks", &hooks, "audit", &audit);
	if (strcmp(release, l->release))
		die(EXIT_CHECK, "%s: is about %s", l->release_file, release);
	if (sscanf(kernel, "%u.%u%n", &l->version, &l->patchlevel, &used) != 2 || kernel[used])
		die(EXIT_CHECK, "%s: kernel \"%s\" is not VERSION.PATCHLEVEL", l->release_file, kernel);
	json_object_foreach(hooks, key, j) {
		struct hook *h = hook_by_id(l, key);

		if (!h)
			die(EXIT_CHECK, "%s: hook %s is not in ledger.json", l->release_file, key);
		read_targets(l, h, j, l->release_file);
	}
	for (size_t i = 0; i < l->hooks.n; i++) {
		struct hook *h = l->hooks.item[i];

		if (!h->targets.n)
			die(EXIT_CHECK, "%s: hook %s (%s) is missing: say where it goes, or that it has nothing to "
			    "match and why", l->release_file, h->id, h->rule->patch);
	}
	read_audit(l, audit, l->release_file);
}

struct ledger *ledger_load(const char *dir, const char *release)
{
	struct ledger *l = xcalloc(1, sizeof(*l));
	char *real = realpath(dir, NULL);

	if (!real || !is_dir(real))
		die(EXIT_ENV, "%s: no such directory: --rules must name the directory of the semantic patches", dir);
	l->dir = real;
	l->name = strrchr(real, '/') + 1;
	l->release = release;
	l->release_file = fmt("%s/ledger/%s.json", real, release);
	if (strchr(release, '/') || !is_file(l->release_file)) {
		struct list known = { 0 };
		struct text names = { 0 };

		if (is_dir(fmt("%s/ledger", real)))
			known = dir_list(fmt("%s/ledger", real));
		for (size_t i = 0; i < known.n; i++) {
			if (ends_with(known.item[i], ".json"))
				text_fmt(&names, " %.*s", (int)strlen(known.item[i]) - 5, (char *)known.item[i]);
		}
		die(EXIT_USAGE, "unknown release %s: %s/ledger knows%s", release, l->name,
		    names.len ? names.data : " none");
	}
	read_rules(l);
	read_release(l);
	return l;
}
