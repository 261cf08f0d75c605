// SPDX-License-Identifier: GPL-2.0-only
/* facts - write what the proofs have to know of one built kernel, or of the KCore image, as Coq */
#include "facts.h"

#include <dwarf.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: facts --release R --objects FILE --macros FILE --glue DIR --output FILE\n"
	"       facts --image FILE --output FILE\n"
	"Write the facts of a built kernel that the proofs rest on as a Coq file (proofs/versions/), the same bytes for the same\n"
	"input: the layout of the page that a vCPU shares with KCore and of the installation's arguments, the hypercalls, and which\n"
	"register the glue copies where.  With --image, those of the KCore image.\n"
	"\n"
	"  --release R       name of the release, for instance v6.1\n"
	"  --objects FILE    run.o and install.o of the glue, with debugging information, linked\n"
	"  --macros FILE     what the preprocessor defines for run.c (-E -dM)\n"
	"  --glue DIR        arch/arm64/kvm/kcore of the tree that it was built from\n"
	"  --image FILE      kcore.elf\n"
	"  --output FILE     the Coq file; written beside it and renamed\n"
	"  --help            this text\n"
	"\n"
	"Exit status: 0 written, 1 a fact is missing or not understood, 2 usage, 3 a file is missing.\n";

static char *temporary;

void die(int status, const char *format, ...)
{
	va_list ap;

	fputs("facts: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (temporary)
		unlink(temporary);
	exit(status);
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		die(EXIT_ENV, "no memory");
	return p;
}

char *xasprintf(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		die(EXIT_ENV, "no memory");
	va_end(ap);
	return text;
}

char *read_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		die(EXIT_ENV, "%s: %s", path, strerror(errno));
	if (getdelim(&text, &size, 0, f) < 0 && ferror(f))
		die(EXIT_ENV, "%s: %s", path, strerror(errno));
	fclose(f);
	return text ? text : xasprintf("%s", "");
}

/* ---- structures, flat */
struct list {
	FILE *out;
	const char *prefix;
	uint64_t base;
	size_t n;
};

static void print_member(void *arg, const char *name, uint64_t offset, Dwarf_Die *type)
{
	struct list *l = arg;
	Dwarf_Die element;
	uint64_t count = 1;

	if (!name)
		die(EXIT_BAD, "%s: an unnamed member", l->prefix);
	/* one level is flattened: the page's groups */
	if (dwarf_tag(type) == DW_TAG_structure_type) {
		struct list inner = { l->out, xasprintf("%s%s.", l->prefix, name), l->base + offset, l->n };

		type_members(type, print_member, &inner);
		l->n = inner.n;
		return;
	}
	if (!type_element(type, &element, &count))
		element = *type;
	fprintf(l->out, "%s\n    Field \"%s%s\" %ju %ju %ju", l->n++ ? ";" : "", l->prefix, name, (uintmax_t)(l->base + offset),
		(uintmax_t)type_size(&element), (uintmax_t)count);
}

static void print_struct(FILE *out, struct unit *u, const char *label, const char *name)
{
	struct list l = { out, "", 0, 0 };
	Dwarf_Die type;

	if (!unit_struct(u, name, &type))
		die(EXIT_BAD, "struct %s: not in the kernel's debugging information", name);
	fprintf(out, "  %s_bytes := %ju;\n  %s := [", label, (uintmax_t)type_size(&type), label);
	type_members(&type, print_member, &l);
	fprintf(out, "];\n");
}

static void print_copies(FILE *out, const char *label, const struct copies *list, const char *end)
{
	fprintf(out, "  %s := [", label);
	for (size_t i = 0; i < list->n; i++) {
		const struct copy *c = &list->copy[i];

		fprintf(out, "%s\n    Copy \"%s\" %ju %ju \"%s\" \"%s\" %ju %ju", i ? ";" : "", c->field, (uintmax_t)c->at,
			(uintmax_t)c->bytes, c->kvm.space, c->kvm.name, (uintmax_t)c->kvm.at, (uintmax_t)c->kvm.bytes);
	}
	fprintf(out, "]%s\n", end);
}

static void print_call(void *arg, const char *name, int64_t value)
{
	struct list *l = arg;

	fprintf(l->out, "%s\n    (\"%s\", %jd)", l->n++ ? ";" : "", name, (intmax_t)value);
}

/* v6.1 is V6_1 in Coq */
static char *identifier(const char *release)
{
	char *name = xasprintf("%s", release);

	if (*name != 'v' || !name[1] || strspn(name + 1, "0123456789.") != strlen(name + 1))
		die(EXIT_USAGE, "'%s' is no release; see --help", release);
	*name = 'V';
	for (char *p = name; *p; p++)
		if (*p == '.')
			*p = '_';
	return name;
}

static void print_version(FILE *out, const char *release, const char *objects, const char *macros, const char *directory)
{
	struct glue g = { .unit = unit_open(objects, "kvm/kcore/run.c"), .macros = read_text(macros) };
	struct unit *install = unit_open(objects, "kvm/kcore/install.c");
	struct list calls = { .out = out };
	char *name = identifier(release);

	glue_read(&g, directory);
	fprintf(out, "(* SPDX-License-Identifier: GPL-2.0-only *)\n"
		"(* Written by tools/facts from the built kernel (make facts RELEASE=%s); do not edit. *)\n"
		"From KCore Require Import versions.Ver versions.Image.\n"
		"Local Open Scope string_scope.\nLocal Open Scope Z_scope.\n\n"
		"#[global] Instance %s : VER := {|\n  release := \"%s\";\n", release, name, release);
	print_struct(out, g.unit, "page", "kcore_vcpu_page");
	print_struct(out, install, "install", "kcore_install");
	fprintf(out, "  calls := [");
	enum_values(g.unit, "kcore_hypercall", print_call, &calls);
	fprintf(out, "];\n");
	print_copies(out, "into", &g.into, ";");
	print_copies(out, "back", &g.out, ";");
	fprintf(out, "  core := kcore_image\n|}.\n\n"
		"Lemma %s_broken : @broken %s = [].\nProof. vm_compute. reflexivity. Qed.\n\n"
		"Lemma %s_ok : @ver_ok %s = true.\nProof. apply broken_ok, %s_broken. Qed.\n", name, name, name, name, name);
	unit_close(g.unit);
	unit_close(install);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "release", required_argument, NULL, 'r' }, { "objects", required_argument, NULL, 'b' },
		{ "macros", required_argument, NULL, 'm' }, { "glue", required_argument, NULL, 'g' }, { "image", required_argument, NULL, 'i' },
		{ "output", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	const char *release = NULL, *objects = NULL, *macros = NULL, *glue = NULL, *image = NULL, *output = NULL;
	FILE *out;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r': release = optarg; break;
		case 'b': objects = optarg; break;
		case 'm': macros = optarg; break;
		case 'g': glue = optarg; break;
		case 'i': image = optarg; break;
		case 'o': output = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: return EXIT_USAGE;
		}
	}
	if (optind != argc || !output || !image == !release || (!image && (!objects || !macros || !glue)))
		die(EXIT_USAGE, "--output and either --image, or --release, --objects, --macros and --glue, are needed; see --help");
	temporary = xasprintf("%s.new", output);
	out = fopen(temporary, "w");
	if (!out)
		die(EXIT_ENV, "%s: %s", temporary, strerror(errno));
	if (image)
		image_print(out, image);
	else
		print_version(out, release, objects, macros, glue);
	if (fclose(out) || rename(temporary, output))
		die(EXIT_ENV, "%s: %s", output, strerror(errno));
	return 0;
}
