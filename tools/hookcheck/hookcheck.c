// SPDX-License-Identifier: GPL-2.0-only
/*
 * hookcheck: are the hooks of the ledger in the kernel that was built, and only they?  The objects that hooks are in
 * are compiled a second time with DWARF; their code has to be vmlinux's, and their DWARF then says which function
 * each reference to the glue is in.  docs/hookcheck.md describes it.
 */
#include "../retrofit/retrofit.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: hookcheck --release R --rules DIR --tree DIR --objects DIR --vmlinux FILE --blob FILE\n"
	"Check that the built kernel has each hook in the function that the ledger declares, and no other.\n"
	"\n"
	"  -r, --release R    the release, as in RULES/ledger/R.json\n"
	"      --rules DIR    rules and ledger (semantic-patches)\n"
	"  -t, --tree DIR     the retrofitted source that was built\n"
	"      --objects DIR  the same objects with DWARF; those below DIR/el2 are code that runs at EL2\n"
	"      --vmlinux FILE the kernel that was built\n"
	"      --blob FILE    KCore's image (kcore.bin)\n"
	"  -v, --verbose      name each site\n"
	"  -h, --help         this text\n"
	"  -V, --version      the program's version\n"
	"\n"
	"exit status: 0 all checks passed, 1 a check failed, 2 usage or unknown release, 3 a file is missing\n";

struct options {
	const char *release, *rules, *tree, *objects, *vmlinux, *blob;
	bool verbose;
};

/* A place of the ledger, and the lines of the retrofitted file that its insertions are on */
struct place {
	struct target *t;
	struct list words;		/* the glue's names that it inserts */
	struct { unsigned int first, last, sites, instructions; } at[8];
	unsigned int n;
	const char *evidence;
	bool built;			/* its file was compiled */
};

struct image {			/* vmlinux */
	int fd;
	Elf *elf;
	Elf_Data *symbols;
	size_t nsymbols, strings;
};

struct check {
	struct options o;
	struct ledger *ledger;
	struct list places;
	struct image vmlinux;
	unsigned int failures, objects, functions, sites, operations;
};

static void fail(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct check *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	c->failures++;
}

/* ---- what the ledger expects ---- */

static struct source *tree_source(const struct check *c, const char *path)
{
	struct text t;

	if (!file_try_read(fmt("%s/%s", c->o.tree, path), &t))
		die(EXIT_ENV, "%s/%s: can't be read: --tree must name the retrofitted source", c->o.tree, path);
	return source_parse(t);
}

static struct source *parse_string(const char *s)
{
	struct text t = { 0 };

	text_add(&t, s, strlen(s));
	return source_parse(t);
}

static bool tokens_at(const struct source *s, size_t i, const struct source *what)
{
	for (size_t k = 0; k < what->ntok; k++) {
		if (i + k >= s->ntok || !token_equal(&s->tok[i + k], &what->tok[k]))
			return false;
	}
	return what->ntok > 0;
}

/* The last line of the statement that begins at a token: up to the semicolon outside of parentheses */
static unsigned int statement_end(const struct source *s, size_t i, unsigned int least)
{
	int depth = 0;

	for (; i < s->ntok; i++) {
		const struct token *t = &s->tok[i];

		if (t->kind != T_PUNCT)
			continue;
		depth += (*t->s == '(') - (*t->s == ')');
		if (depth <= 0 && (*t->s == ';' || *t->s == '{'))
			return t->line > least ? t->line : least;
	}
	return least;
}

static void find_insertions(const struct check *c, struct place *p)
{
	struct source *s = tree_source(c, p->t->file), *what = parse_string(p->t->insert);

	for (size_t i = 0; i < what->ntok; i++) {
		if (what->tok[i].kind == T_WORD && what->tok[i].len > 6 && !memcmp(what->tok[i].s, "kcore_", 6))
			list_add(&p->words, xstrndup(what->tok[i].s, what->tok[i].len));
	}
	for (size_t i = 0; i < s->ntok; i++) {
		const struct def *d = source_def_at(s, s->tok[i].line);

		if (!tokens_at(s, i, what) || !d || strcmp(d->name, p->t->symbol) || p->n == 8)
			continue;
		p->at[p->n].first = s->tok[i].line;
		p->at[p->n].last = statement_end(s, i, s->tok[i + what->ntok - 1].last_line);
		p->n++;
	}
}

static void read_places(struct check *c)
{
	for (size_t i = 0; i < c->ledger->hooks.n; i++) {
		struct hook *h = c->ledger->hooks.item[i];

		for (size_t k = 0; k < h->targets.n; k++) {
			struct place *p = xcalloc(1, sizeof(*p));

			p->t = h->targets.item[k];
			if (!p->t->matches)
				continue;
			list_add(&c->places, p);
			if (p->t->symbol[0] == '#')
				continue;
			find_insertions(c, p);
			if (p->n != p->t->matches)
				fail(c, "%s: %s:%s: the tree has the insertion %u times, the ledger %u: retrofit it again", h->id,
				     p->t->file, p->t->symbol, p->n, p->t->matches);
		}
	}
}

/* ---- ELF ---- */

static void find_symbols(struct image *m, const char *path)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	m->fd = open(path, O_RDONLY | O_CLOEXEC);
	m->elf = m->fd < 0 ? NULL : elf_begin(m->fd, ELF_C_READ_MMAP, NULL);
	if (!m->elf)
		die(EXIT_ENV, "%s: can't be read as ELF: build the kernel first", path);
	while ((scn = elf_nextscn(m->elf, scn))) {
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB) {
			m->symbols = elf_getdata(scn, NULL);
			m->nsymbols = sh.sh_entsize ? sh.sh_size / sh.sh_entsize : 0;
			m->strings = sh.sh_link;
		}
	}
}

static void open_image(struct image *m, const char *path)
{
	find_symbols(m, path);
	if (!m->nsymbols)
		die(EXIT_ENV, "%s: has no symbol table", path);
}

static const char *symbol_at(const struct image *m, size_t i, GElf_Sym *sym)
{
	const char *name = gelf_getsym(m->symbols, (int)i, sym) ? elf_strptr(m->elf, m->strings, sym->st_name) : NULL;

	return name ? name : "";
}

static bool symbol_named(const struct image *m, const char *name, GElf_Sym *sym)
{
	for (size_t i = 0; i < m->nsymbols; i++) {
		if (!strcmp(symbol_at(m, i, sym), name) && sym->st_shndx != SHN_UNDEF)
			return true;
	}
	return false;
}

/* The bytes of an address in the image, NULL if it has none there */
static const unsigned char *bytes_at(const struct image *m, uint64_t address, size_t n)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(m->elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS || !(sh.sh_flags & SHF_ALLOC) ||
		    address < sh.sh_addr || address + n > sh.sh_addr + sh.sh_size)
			continue;
		return (const unsigned char *)elf_rawdata(scn, NULL)->d_buf + (address - sh.sh_addr);
	}
	return NULL;
}

static uint32_t word_at(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_branch(uint32_t insn)		/* b and bl */
{
	return (insn & 0x7c000000) == 0x14000000;
}

static int64_t branch_distance(uint32_t insn)
{
	return (int64_t)((uint64_t)(insn & 0x3ffffff) << 38) >> 36;
}

static bool is_glue(const char *symbol)
{
	return !strncmp(symbol, "kcore_", 6);
}

/* ---- an object with DWARF ---- */

struct reference {			/* a relocation */
	uint64_t address;		/* as libdwfl has laid the object out */
	size_t section;
	uint64_t offset;
	const char *symbol;
	unsigned int type;
	size_t to;			/* index of the symbol */
	int64_t addend;
};

struct object {
	const char *path;		/* below the build directory */
	Dwfl_Module *module;
	Elf *elf;			/* as libdwfl has laid it out, with the relocations done that it could do */
	Dwarf_Die *cu;
	Dwarf_Addr bias;
	struct image symbols;		/* the file as it is: symbol table, relocations */
	struct reference *ref;
	size_t nref;
	const char *source;		/* path of the file that was compiled, below the tree */
	bool ours, el2;
};

static const char *below_tree(const struct check *c, const char *path)
{
	struct list parts = { 0 };
	struct text out = { 0 };

	for (const char *s = path; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && !memcmp(s, "..", 2))
			parts.n -= parts.n > 0;
		else if (n && !(n == 1 && *s == '.'))
			list_add(&parts, xstrndup(s, n));
		s += n + (s[n] == '/');
	}
	/* the longest tail that is a file of the tree */
	for (size_t from = 0; from < parts.n; from++) {
		out.len = 0;
		text_add(&out, "", 0);
		for (size_t i = from; i < parts.n; i++)
			text_fmt(&out, "%s%s", i > from ? "/" : "", (char *)parts.item[i]);
		if (is_file(fmt("%s/%s", c->o.tree, out.data)))
			return out.data;
	}
	return path;
}

static int by_address(const void *a, const void *b)
{
	const struct reference *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

/* What a reference to a symbol, or by a section and an offset to a static function, is to; "" if it is to neither */
static const char *referred(const struct image *m, const GElf_Rela *r)
{
	GElf_Sym to, f;
	const char *name = symbol_at(m, GELF_R_SYM(r->r_info), &to);

	if (GELF_ST_TYPE(to.st_info) != STT_SECTION)
		return name;
	for (size_t i = 0; i < m->nsymbols; i++) {
		name = symbol_at(m, i, &f);
		if (GELF_ST_TYPE(f.st_info) == STT_FUNC && f.st_shndx == to.st_shndx && f.st_value == (uint64_t)r->r_addend)
			return name;
	}
	return "";
}

static bool is_code(const struct object *o, size_t section)
{
	GElf_Shdr sh;

	return gelf_getshdr(elf_getscn(o->elf, section), &sh) && (sh.sh_flags & SHF_EXECINSTR);
}

/* The next function of the symbol table after the i-th symbol, 0 if there is none */
static size_t next_function(const struct object *o, size_t i, GElf_Sym *f)
{
	while (++i < o->symbols.nsymbols) {
		symbol_at(&o->symbols, i, f);
		if (GELF_ST_TYPE(f->st_info) == STT_FUNC && f->st_shndx != SHN_UNDEF && f->st_shndx < SHN_LORESERVE &&
		    f->st_size && is_code(o, f->st_shndx))
			return i;
	}
	return 0;
}

static const unsigned char *code_of(const struct object *o, size_t section, size_t *size)
{
	Elf_Data *data = elf_rawdata(elf_getscn(o->symbols.elf, section), NULL);

	*size = data && data->d_buf ? data->d_size : 0;
	return *size ? data->d_buf : NULL;
}

/* A branch to a static function in its own section needs no relocation: one to the glue's is a reference too */
static void read_branches(struct object *o)
{
	GElf_Sym f;

	for (size_t i = next_function(o, 0, &f); i; i = next_function(o, i, &f)) {
		const char *name = symbol_at(&o->symbols, i, &f);
		const unsigned char *code;
		GElf_Shdr sh;
		size_t size;

		if (!is_glue(name) || !gelf_getshdr(elf_getscn(o->elf, f.st_shndx), &sh))
			continue;
		code = code_of(o, f.st_shndx, &size);
		for (uint64_t at = 0; at + 4 <= size; at += 4) {
			if ((at >= f.st_value && at < f.st_value + f.st_size) || !is_branch(word_at(code + at)) ||
			    at + (uint64_t)branch_distance(word_at(code + at)) != f.st_value)
				continue;
			o->ref = xrealloc(o->ref, (o->nref + 1) * sizeof(*o->ref));
			o->ref[o->nref++] = (struct reference){
				.address = sh.sh_addr + at, .section = f.st_shndx, .offset = at, .symbol = name,
				.type = R_AARCH64_CALL26, .to = i,
			};
		}
	}
}

static void read_relocations(struct object *o)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh, target;

	while ((scn = elf_nextscn(o->symbols.elf, scn))) {
		Elf_Data *data;
		Elf_Scn *to;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || !(to = elf_getscn(o->elf, sh.sh_info)) ||
		    !gelf_getshdr(to, &target) || !(target.sh_flags & SHF_ALLOC))
			continue;
		data = elf_getdata(scn, NULL);
		for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++) {
			GElf_Rela r;

			if (!gelf_getrela(data, (int)i, &r))
				continue;
			o->ref = xrealloc(o->ref, (o->nref + 1) * sizeof(*o->ref));
			o->ref[o->nref++] = (struct reference){
				.address = target.sh_addr + r.r_offset, .section = sh.sh_info, .offset = r.r_offset,
				.symbol = referred(&o->symbols, &r), .type = (unsigned int)GELF_R_TYPE(r.r_info),
				.to = GELF_R_SYM(r.r_info), .addend = r.r_addend,
			};
		}
	}
	read_branches(o);
	if (o->nref)
		qsort(o->ref, o->nref, sizeof(*o->ref), by_address);
}

/* ---- which function an address is in ---- */

struct site {
	const char *function, *file;	/* the innermost function that is not the glue's, and where it is defined */
	const char *outer;		/* the function of the object that it ended up in */
	unsigned int line;		/* in that function */
	const char *line_file;
};

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));

	return name ? name : "?";
}

static const char *die_file(const struct check *c, Dwarf_Die *die)
{
	const char *file = dwarf_decl_file(die);

	return file ? below_tree(c, file) : "?";
}

static const char *call_file(const struct check *c, struct object *o, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word index;
	Dwarf_Files *files;
	size_t n;

	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &index) || dwarf_getsrcfiles(o->cu, &files, &n))
		return "?";
	return below_tree(c, dwarf_filesrc(files, index, NULL, NULL) ? dwarf_filesrc(files, index, NULL, NULL) : "?");
}

static unsigned int call_line(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word line = 0;

	dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attr), &line);
	return (unsigned int)line;
}

/* From a DIE outwards: the first function that is not the glue's */
static bool site_of(const struct check *c, struct object *o, Dwarf_Die *inner, struct site *site)
{
	Dwarf_Die *scopes = NULL;
	int n = dwarf_getscopes_die(inner, &scopes);

	for (int i = 0; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
			continue;
		if (!site->function) {
			if (strncmp(die_name(&scopes[i]), "kcore_", 6)) {
				site->function = xstrdup(die_name(&scopes[i]));
				site->file = die_file(c, &scopes[i]);
			} else if (tag == DW_TAG_inlined_subroutine) {
				site->line = call_line(&scopes[i]);
				site->line_file = call_file(c, o, &scopes[i]);
			}
		}
		if (tag == DW_TAG_subprogram)
			site->outer = xstrdup(die_name(&scopes[i]));
	}
	free(scopes);
	return site->function;
}

static bool site_by_dwarf(const struct check *c, struct object *o, uint64_t address, struct site *site)
{
	Dwarf_Die *scopes = NULL;
	Dwarf_Line *line;
	bool found = false;
	int number = 0;

	line = dwarf_getsrc_die(o->cu, address - o->bias);
	if (line && !dwarf_lineno(line, &number) && dwarf_linesrc(line, NULL, NULL)) {
		site->line = (unsigned int)number;
		site->line_file = below_tree(c, dwarf_linesrc(line, NULL, NULL));
	}
	if (dwarf_getscopes(o->cu, address - o->bias, &scopes) > 0)
		found = site_of(c, o, &scopes[0], site);
	free(scopes);
	return found;
}

static bool section_at(const struct object *o, uint64_t address, size_t *section, uint64_t *offset)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(o->elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_EXECINSTR) || address < sh.sh_addr ||
		    address >= sh.sh_addr + sh.sh_size)
			continue;
		*section = elf_ndxscn(scn);
		*offset = address - sh.sh_addr;
		return true;
	}
	return false;
}

/* The function that the symbol table has at an offset, NULL if none */
static const char *function_at(const struct object *o, size_t section, uint64_t offset, GElf_Sym *f)
{
	for (size_t i = next_function(o, 0, f); i; i = next_function(o, i, f)) {
		if (f->st_shndx == section && offset >= f->st_value && offset < f->st_value + f->st_size)
			return symbol_at(&o->symbols, i, f);
	}
	return NULL;
}

static const struct reference *reference_at(const struct object *o, size_t section, uint64_t offset)
{
	for (size_t i = 0; i < o->nref; i++) {
		if (o->ref[i].section == section && o->ref[i].offset == offset)
			return &o->ref[i];
	}
	return NULL;
}

/* Two functions of a section with the same instructions and relocations; branches out of them go to the same places */
static bool same_function(const struct object *o, const GElf_Sym *f, const GElf_Sym *g)
{
	size_t size;
	const unsigned char *code = code_of(o, f->st_shndx, &size);

	if (f->st_shndx != g->st_shndx || f->st_size != g->st_size || f->st_value + f->st_size > size ||
	    g->st_value + g->st_size > size)
		return false;
	for (uint64_t i = 0; i + 4 <= f->st_size; i += 4) {
		uint32_t x = word_at(code + f->st_value + i), y = word_at(code + g->st_value + i);
		const struct reference *r = reference_at(o, f->st_shndx, f->st_value + i);
		const struct reference *s = reference_at(o, g->st_shndx, g->st_value + i);

		if (!r != !s || (r && (r->type != s->type || r->to != s->to || r->addend != s->addend)))
			return false;
		if (x != y && !(is_branch(x) && x >> 26 == y >> 26 &&
				f->st_value + (uint64_t)branch_distance(x) == g->st_value + (uint64_t)branch_distance(y)))
			return false;
	}
	return true;
}

/* The source of a function names the glue, or can't be read */
static bool names_glue(const struct check *c, const struct object *o, const char *function)
{
	const struct source *s = tree_source(c, o->source);
	const struct def *d = source_def_named(s, fmt("%s()", function));

	for (size_t i = 0; d && i < s->ntok; i++) {
		const struct token *t = &s->tok[i];

		if (t->line >= d->first && t->line <= d->last && t->kind == T_WORD && t->len > 6 && is_glue(t->s))
			return true;
	}
	return !d;
}

/*
 * GCC folds functions with identical bodies (-fipa-icf); where both need an address, the second is a copy of the first that
 * DWARF doesn't know.  What is in the copy is judged as what is at the same place of its twin, but a copy that has a hook
 * by its own source is not: that hook would be judged by the other function's.
 */
static bool site_by_twin(const struct check *c, struct object *o, uint64_t address, struct site *site)
{
	const char *name = NULL;
	uint64_t offset;
	size_t section;
	GElf_Sym f, g;

	if (section_at(o, address, &section, &offset))
		name = function_at(o, section, offset, &f);
	if (!name || names_glue(c, o, name))
		return false;
	for (size_t i = next_function(o, 0, &g); i; i = next_function(o, i, &g)) {
		*site = (struct site){ 0 };
		if (g.st_value != f.st_value && same_function(o, &f, &g) &&
		    site_by_dwarf(c, o, address - f.st_value + g.st_value, site)) {
			site->outer = name;
			return true;
		}
	}
	return false;
}

static bool site_at(const struct check *c, struct object *o, uint64_t address, struct site *site)
{
	if (!o->cu)
		return false;
	return site_by_dwarf(c, o, address, site) || (!site->outer && site_by_twin(c, o, address, site));
}

/* An assembly file has no DWARF of functions, but its symbols say where they are */
static bool site_by_symbol(const struct check *c, const struct object *o, uint64_t address, struct site *site)
{
	char *source = fmt("%.*sS", (int)strlen(o->path) - 1, o->path);
	uint64_t offset;
	size_t section;
	GElf_Sym f;

	if (o->cu || !is_file(fmt("%s/%s", c->o.tree, source)) || !section_at(o, address, &section, &offset))
		return false;
	site->function = site->outer = function_at(o, section, offset, &f);
	site->file = source;
	return site->function;
}

/* ---- check 1: references to the glue ---- */

static bool declared_at(struct check *c, const struct site *s, bool count)
{
	bool found = false;

	for (size_t i = 0; i < c->places.n; i++) {
		struct place *p = c->places.item[i];

		if (strcmp(p->t->symbol, fmt("%s()", s->function)) || strcmp(p->t->file, s->file))
			continue;
		for (unsigned int k = 0; k < p->n; k++) {
			if (!s->line_file || strcmp(s->line_file, p->t->file) || s->line < p->at[k].first || s->line > p->at[k].last)
				continue;
			p->at[k].sites += count;
			found = true;
		}
	}
	return found;
}

/* A reference from data: an entry of a declared table */
static void table_entry(struct check *c, struct object *o, const struct reference *r)
{
	GElf_Sym sym;

	for (size_t i = 0; i < o->symbols.nsymbols; i++) {
		const char *name = symbol_at(&o->symbols, i, &sym);

		if (GELF_ST_TYPE(sym.st_info) != STT_OBJECT || sym.st_shndx != r->section || r->offset < sym.st_value ||
		    r->offset >= sym.st_value + sym.st_size)
			continue;
		for (size_t k = 0; k < c->places.n; k++) {
			struct place *p = c->places.item[k];

			if (strcmp(p->t->file, o->source) || strcmp(p->t->symbol, fmt("%s[]", name)) || strcmp(p->t->insert, r->symbol))
				continue;
			for (unsigned int m = 0; m < p->n; m++) {
				if (!p->at[m].sites) {
					p->at[m].sites++;
					return;
				}
			}
			fail(c, "%s: %s[] has %s more often than the %u times of the ledger", o->path, name, r->symbol, p->n);
			return;
		}
		fail(c, "%s: %s[] has %s, which the ledger does not declare: a hook that nobody asked for", o->path, name, r->symbol);
		return;
	}
	fail(c, "%s: a reference to %s from data that is no table", o->path, r->symbol);
}

/* Sections that only point into code: exception table, alternatives, jump labels, bug table */
static bool points_at_glue(const struct object *o, const struct reference *r)
{
	GElf_Shdr sh;
	size_t strings;
	const char *name;

	if (!gelf_getshdr(elf_getscn(o->elf, r->section), &sh) || elf_getshdrstrndx(o->elf, &strings))
		return false;
	name = elf_strptr(o->elf, strings, sh.sh_name);
	return name && (!strncmp(name, ".rodata", 7) || !strncmp(name, ".data", 5) || !strncmp(name, ".init", 5));
}

/* The page of an address alone: what completes it is judged */
static bool completed_elsewhere(const struct object *o, const struct reference *r)
{
	GElf_Sym f;

	if (r->type != R_AARCH64_ADR_PREL_PG_HI21 || !function_at(o, r->section, r->offset, &f))
		return false;
	for (size_t i = 0; i < o->nref; i++) {
		const struct reference *q = &o->ref[i];

		if (q->section == r->section && q->offset >= f.st_value && q->offset < f.st_value + f.st_size &&
		    q->to == r->to && q->addend == r->addend && q->type != R_AARCH64_ADR_PREL_PG_HI21)
			return true;
	}
	return false;
}

/*
 * The address of a variable of the glue's, put into a register in front of a loop: in place if it is used, and each load and
 * store by that register in the function is in a declared place.
 */
static bool used_in_place(struct check *c, struct object *o, const struct reference *r)
{
	unsigned int rd, uses = 0;
	const unsigned char *code;
	GElf_Shdr sh;
	GElf_Sym f, v;
	size_t size;

	if (r->type != R_AARCH64_ADD_ABS_LO12_NC || !symbol_named(&c->vmlinux, r->symbol, &v) ||
	    GELF_ST_TYPE(v.st_info) != STT_OBJECT || !function_at(o, r->section, r->offset, &f) ||
	    !gelf_getshdr(elf_getscn(o->elf, r->section), &sh))
		return false;
	code = code_of(o, r->section, &size);
	rd = word_at(code + r->offset) & 0x1f;
	for (uint64_t at = f.st_value; at + 4 <= f.st_value + f.st_size; at += 4) {
		struct site s = { 0 };
		uint32_t insn = word_at(code + at);

		/* load or store with a scaled offset, which is 0 and not the linker's */
		if ((insn & 0x3b000000) != 0x39000000 || (insn >> 5 & 0x1f) != rd || (insn & 0x3ffc00) ||
		    reference_at(o, r->section, at))
			continue;
		if (!site_at(c, o, sh.sh_addr + at, &s) || !declared_at(c, &s, true))
			return false;
		uses++;
	}
	return uses;
}

static void check_references(struct check *c, struct object *o)
{
	for (size_t i = 0; i < o->nref; i++) {
		const struct reference *r = &o->ref[i];
		struct site s = { 0 };

		if (!is_glue(r->symbol) || (!o->el2 && completed_elsewhere(o, r)))
			continue;
		if (o->el2) {
			fail(c, "%s: refers to %s: the glue is not for code that runs at EL2", o->path, r->symbol);
			continue;
		}
		c->sites++;
		if (!is_code(o, r->section)) {
			if (points_at_glue(o, r))
				table_entry(c, o, r);
			continue;
		}
		if (!site_at(c, o, r->address, &s)) {
			if (s.outer)		/* an inline function of the glue's as a function of its own */
				continue;
			fail(c, "%s: %s is used at an address that DWARF has no function for", o->path, r->symbol);
			continue;
		}
		if (c->o.verbose)
			printf("  %s: %s in %s (%s:%u), within %s\n", o->path, r->symbol, s.function, s.line_file, s.line, s.outer);
		if (!declared_at(c, &s, true) && !used_in_place(c, o, r))
			fail(c, "%s: %s is used in %s() of %s, line %u, which the ledger does not declare: a hook in the wrong place",
			     o->path, r->symbol, s.function, s.file, s.line);
	}
}

/* Inlined glue functions count as sites as well: what they read may have been read before */
static void walk_inlined(struct check *c, struct object *o, Dwarf_Die *die)
{
	Dwarf_Die child;

	if (dwarf_child(die, &child))
		return;
	do {
		struct site s = { 0 };

		if (dwarf_tag(&child) == DW_TAG_inlined_subroutine && is_glue(die_name(&child))) {
			if (site_of(c, o, &child, &s) && !declared_at(c, &s, true))
				fail(c, "%s: %s() is inlined into %s() of %s, line %u, which the ledger does not declare: a hook in the "
				     "wrong place", o->path, die_name(&child), s.function, s.file, s.line);
		}
		walk_inlined(c, o, &child);
	} while (!dwarf_siblingof(&child, &child));
}

/* ---- a declared structure's field, and included files ---- */

static void check_types(struct check *c, struct object *o)
{
	Dwarf_Die child, member;

	if (!o->cu || dwarf_child(o->cu, &child))
		return;
	do {
		if (dwarf_tag(&child) != DW_TAG_structure_type || dwarf_child(&child, &member))
			continue;
		for (size_t i = 0; i < c->places.n; i++) {
			struct place *p = c->places.item[i];
			Dwarf_Die field = member, type;
			Dwarf_Attribute attr;

			if (strcmp(p->t->symbol, fmt("struct %s", die_name(&child))))
				continue;
			do {
				if (!dwarf_formref_die(dwarf_attr(&field, DW_AT_type, &attr), &type))
					continue;
				if (!strcmp(p->t->insert, fmt("struct %s %s;", die_name(&type), die_name(&field))) && p->n)
					p->at[0].sites++;
			} while (!dwarf_siblingof(&field, &field));
		}
	} while (!dwarf_siblingof(&child, &child));
}

static void check_includes(struct check *c, struct object *o)
{
	Dwarf_Files *files;
	size_t n;

	if (!o->cu || dwarf_getsrcfiles(o->cu, &files, &n))
		return;
	for (size_t i = 0; i < c->places.n; i++) {
		struct place *p = c->places.item[i];
		bool holder = false, included = false;
		const char *name = strchr(p->t->insert, '<');

		if (strcmp(p->t->symbol, "#include") || !name)
			continue;
		for (size_t k = 0; k < n; k++) {
			const char *f = dwarf_filesrc(files, k, NULL, NULL);

			holder = holder || (f && ends_with(f, p->t->file));
			included = included || (f && ends_with(f, fmt("/%.*s", (int)strcspn(name + 1, ">"), name + 1)));
		}
		if (holder && included)
			p->evidence = "included";
	}
}

/* Instructions that belong to the lines of a replaced call, by the line table */
static void count_instructions(struct check *c, struct object *o)
{
	Dwarf_Lines *lines;
	size_t n;

	if (dwarf_getsrclines(o->cu, &lines, &n))
		return;
	for (size_t i = 0; i < c->places.n; i++) {
		struct place *p = c->places.item[i];

		p->built = p->built || !strcmp(o->source, p->t->file);
		for (size_t k = 0; p->t->remove && k < n; k++) {
			Dwarf_Line *line = dwarf_onesrcline(lines, k);
			const char *file = dwarf_linesrc(line, NULL, NULL);
			int number = 0;

			if (!file || !ends_with(file, p->t->file) || dwarf_lineno(line, &number))
				continue;
			for (unsigned int m = 0; m < p->n; m++)
				p->at[m].instructions += (unsigned int)number >= p->at[m].first && (unsigned int)number <= p->at[m].last;
		}
	}
}

/* The release's glue has a macro of that name */
static bool is_macro(const struct check *c, const char *word)
{
	struct text t;

	return file_try_read(fmt("%s/arch/arm64/include/asm/kcore_release.h", c->o.tree), &t) &&
	       strstr(t.data, fmt("#define %s(", word));
}

/* A macro that refers to nothing of the glue's sets a field: a store that belongs to the inserted line */
static void find_macros(struct check *c, struct object *o)
{
	Dwarf_Lines *lines;
	size_t n;

	if (dwarf_getsrclines(o->cu, &lines, &n))
		return;
	for (size_t i = 0; i < c->places.n; i++) {
		struct place *p = c->places.item[i];

		if (p->words.n != 1 || p->t->remove || !is_macro(c, p->words.item[0]))
			continue;
		for (size_t k = 0; k + 1 < n; k++) {
			Dwarf_Line *line = dwarf_onesrcline(lines, k);
			const char *file = dwarf_linesrc(line, NULL, NULL);
			Dwarf_Addr at = 0, end = 0;
			uint64_t offset;
			size_t section, size;

			if (!file || !ends_with(file, p->t->file) || dwarf_lineaddr(line, &at) ||
			    dwarf_lineaddr(dwarf_onesrcline(lines, k + 1), &end) || !section_at(o, at + o->bias, &section, &offset))
				continue;
			for (; at < end; at += 4, offset += 4) {
				const unsigned char *code = code_of(o, section, &size);
				struct site s = { 0 };

				if (offset + 4 <= size && (word_at(code + offset) & 0x3fc00000) == 0x39000000 &&
				    site_at(c, o, at + o->bias, &s))
					declared_at(c, &s, true);
			}
		}
	}
}

/* ---- check 2: the object's code is vmlinux's ---- */

static bool same_branch(const struct image *m, uint64_t from, uint32_t insn, const char *symbol)
{
	bool known = false;
	GElf_Sym sym;

	/* a static function may be in vmlinux more than once */
	for (size_t i = 0; i < m->nsymbols; i++) {
		if (strcmp(symbol_at(m, i, &sym), symbol) || sym.st_shndx == SHN_UNDEF)
			continue;
		if (sym.st_value == from + (uint64_t)branch_distance(insn))
			return true;
		known = true;
	}
	return !known;
}

/* An instruction that the linker moved behind a branch because of erratum 843419 */
static bool moved_by_linker(const struct image *m, uint64_t from, uint32_t insn, uint32_t want)
{
	const unsigned char *p = bytes_at(m, from + (uint64_t)branch_distance(insn), 4);

	return insn >> 26 == 5 && p && word_at(p) == want;
}

static bool same_code(const struct image *m, const struct object *o, const GElf_Sym *f, const unsigned char *code, uint64_t address)
{
	const unsigned char *built = bytes_at(m, address, f->st_size);
	size_t r = 0;

	while (r < o->nref && (o->ref[r].section != f->st_shndx || o->ref[r].offset < f->st_value))
		r++;
	for (size_t i = 0; built && i + 4 <= f->st_size; i += 4) {
		uint32_t want = word_at(code + f->st_value + i), have = word_at(built + i);

		while (r < o->nref && o->ref[r].section == f->st_shndx && o->ref[r].offset < f->st_value + i)
			r++;
		if (r < o->nref && o->ref[r].section == f->st_shndx && o->ref[r].offset < f->st_value + i + 4) {
			if ((o->ref[r].type == R_AARCH64_CALL26 || o->ref[r].type == R_AARCH64_JUMP26) && is_glue(o->ref[r].symbol) &&
			    !same_branch(m, address + i, have, o->ref[r].symbol))
				return false;
			continue;
		}
		if (want != have && !moved_by_linker(m, address + i, have, want))
			return false;
	}
	return built;
}

static void check_code(struct check *c, struct object *o)
{
	for (size_t i = 0; i < o->symbols.nsymbols; i++) {
		GElf_Sym f, v;
		const char *name = symbol_at(&o->symbols, i, &f);
		bool known = false, same = false;
		Elf_Data *data;

		if (GELF_ST_TYPE(f.st_info) != STT_FUNC || f.st_shndx == SHN_UNDEF || f.st_shndx >= SHN_LORESERVE || !f.st_size ||
		    !is_code(o, f.st_shndx))
			continue;
		data = elf_rawdata(elf_getscn(o->symbols.elf, f.st_shndx), NULL);
		for (size_t k = 0; k < c->vmlinux.nsymbols && !same; k++) {
			if (strcmp(symbol_at(&c->vmlinux, k, &v), name) || v.st_size != f.st_size)
				continue;
			known = true;
			same = same_code(&c->vmlinux, o, &f, data->d_buf, v.st_value);
		}
		c->functions += known;
		if (!same && !known && GELF_ST_BIND(f.st_info) == STB_WEAK)
			continue;		/* another file's function of that name took its place */
		if (!same)
			fail(c, "%s: %s() %s: the objects with DWARF are not those of the kernel: build both from the same tree and "
			     "configuration", o->path, name, known ? "has other code in vmlinux" : "is not in vmlinux with that size");
	}
}

/* ---- check 3: operations that only EL2 may do, or that enter it ---- */

static const char *operation(uint32_t insn)
{
	unsigned int op0 = insn >> 19 & 3, op1 = insn >> 16 & 7, crn = insn >> 12 & 15;

	if ((insn & 0xffe0001f) == 0xd4000002)
		return "hvc";
	if (insn == 0xd69f03e0)
		return "eret";
	if ((insn & 0xffd00000) == 0xd5100000 && op0 >= 2 && op1 == 4)
		return insn >> 21 & 1 ? "mrs of an EL2 register" : "msr of an EL2 register";
	if ((insn & 0xfff80000) == 0xd5080000 && op1 == 4 && (crn == 7 || crn == 8))
		return crn == 8 ? "tlbi of EL2" : "at of EL2";
	return NULL;
}

static const char *entry(const char *symbol)
{
	static const char *const names[] = {
		"__kvm_call_hyp", "__hyp_set_vectors", "__hyp_reset_vectors", "__cpu_init_hyp_mode", "__arm_smccc_hvc",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(symbol, names[i]))
			return names[i];
	}
	return NULL;
}

/* The audit's names for an operation: a call by its name, an hvc by the macro, a register by its own */
static bool allowed_as(const char *op, const char *allowed)
{
	if (!strcmp(op, "hvc"))
		return strstr(allowed, "hvc");
	if (!strcmp(op, "__kvm_call_hyp"))
		return !strncmp(allowed, "kvm_call_hyp", 12);
	if (strstr(op, "EL2 register"))
		return ends_with(allowed, "_el2") || ends_with(allowed, "_EL2");
	return !strcmp(op, allowed);
}

static void judge_operation(struct check *c, struct object *o, uint64_t address, const char *op)
{
	struct site s = { 0 };

	c->operations++;
	if (!site_at(c, o, address, &s) && !site_by_symbol(c, o, address, &s)) {
		fail(c, "%s: %s at an address that DWARF has no function for", o->path, op);
		return;
	}
	if (declared_at(c, &s, false))
		return;		/* the branch of a crossing that is taken without KCore only */
	for (size_t i = 0; i < c->ledger->allow.n; i++) {
		const struct allow *a = c->ledger->allow.item[i];

		if (!strcmp(a->file, s.file) && allowed_as(op, a->op) &&
		    (!strcmp(a->symbol, fmt("%s()", s.function)) || !strcmp(a->symbol, fmt("%s()", s.outer))))
			return;
	}
	for (size_t i = 0; i < c->ledger->built.n; i++) {
		struct allow *a = c->ledger->built.item[i];

		/* by the function itself, or by that of the file which it was inlined into */
		if (!strcmp(a->op, op) && ((!strcmp(a->file, s.file) && !strcmp(a->symbol, fmt("%s()", s.function))) ||
					   (!strcmp(a->file, o->source) && !strcmp(a->symbol, fmt("%s()", s.outer))))) {
			a->used = true;
			return;
		}
	}
	fail(c, "%s: %s in %s() of %s, line %u (within %s()), is neither behind a hook nor allowed by the ledger", o->path, op,
	     s.function, s.file, s.line, s.outer);
}

static bool section_is(const struct object *o, Elf_Scn *scn, const char *name)
{
	GElf_Shdr sh;
	size_t strings;

	return gelf_getshdr(scn, &sh) && !elf_getshdrstrndx(o->elf, &strings) && !strcmp(elf_strptr(o->elf, strings, sh.sh_name), name);
}

/* The per-CPU offset of a kernel that runs at EL2: replacement text of an alternative, held by no function, for VHE only */
static bool offset_with_vhe(const struct check *c, struct object *o, uint64_t address, uint32_t insn)
{
	struct site s = { 0 };

	return (insn & ~0x1fU) == 0xd53cd040 && !site_at(c, o, address, &s);
}

static void check_operations(struct check *c, struct object *o)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(o->elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_EXECINSTR) || sh.sh_type != SHT_PROGBITS)
			continue;
		/* up to v5.9: code of EL2, which the kernel never jumps to */
		if (section_is(o, scn, ".hyp.text") || section_is(o, scn, ".hyp.idmap.text"))
			continue;
		data = elf_rawdata(scn, NULL);
		for (size_t i = 0; data && i + 4 <= data->d_size; i += 4) {
			uint32_t insn = word_at((const unsigned char *)data->d_buf + i);
			const char *op = operation(insn);

			if (op && !offset_with_vhe(c, o, sh.sh_addr + i, insn))
				judge_operation(c, o, sh.sh_addr + i, op);
		}
	}
	for (size_t i = 0; i < o->nref; i++) {
		const char *op = is_code(o, o->ref[i].section) ? entry(o->ref[i].symbol) : NULL;

		if (op)
			judge_operation(c, o, o->ref[i].address, op);
	}
}

/* ---- objects ---- */

static bool has_prefix(const struct list *prefixes, const char *path)
{
	for (size_t i = 0; i < prefixes->n; i++) {
		if (!strncmp(path, prefixes->item[i], strlen(prefixes->item[i])))
			return true;
	}
	return false;
}

static bool host_kvm(const struct check *c, const char *path)
{
	for (size_t i = 0; i < c->ledger->audit_dirs.n; i++) {
		const char *dir = c->ledger->audit_dirs.item[i];

		if (!strncmp(path, dir, strlen(dir)) && path[strlen(dir)] == '/')
			return true;
	}
	return false;
}

static void check_object(struct check *c, const char *path)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf, .find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	struct object o = { .path = path };
	GElf_Addr bias;

	o.module = dwfl ? dwfl_report_offline(dwfl, path, fmt("%s/%s", c->o.objects, path), -1) : NULL;
	if (dwfl)
		dwfl_report_end(dwfl, NULL, NULL);
	o.elf = o.module ? dwfl_module_getelf(o.module, &bias) : NULL;
	if (!o.elf)
		die(EXIT_ENV, "%s/%s: can't be read: %s", c->o.objects, path, dwfl_errmsg(-1));
	o.cu = dwfl_module_nextcu(o.module, NULL, &o.bias);
	find_symbols(&o.symbols, fmt("%s/%s", c->o.objects, path));
	o.source = o.cu ? below_tree(c, dwarf_diename(o.cu) ? dwarf_diename(o.cu) : path) : path;
	o.el2 = !strncmp(path, "el2/", 4) || has_prefix(&c->ledger->audit_not, o.source) || has_prefix(&c->ledger->audit_not, path);
	o.ours = strstr(path, "/kcore/");
	if (o.symbols.nsymbols && !o.ours) {
		c->objects++;
		read_relocations(&o);
		check_references(c, &o);
		if (o.cu && !o.el2) {
			walk_inlined(c, &o, o.cu);
			check_types(c, &o);
			check_includes(c, &o);
			count_instructions(c, &o);
			find_macros(c, &o);
			check_code(c, &o);
		}
		if (!o.el2 && host_kvm(c, o.source))
			check_operations(c, &o);
	}
	free(o.ref);
	elf_end(o.symbols.elf);
	close(o.symbols.fd);
	dwfl_end(dwfl);
}

static void find_objects(const char *root, const char *dir, struct list *out)
{
	struct list names = dir_list(*dir ? fmt("%s/%s", root, dir) : root);

	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.item[i];
		char *path = *dir ? fmt("%s/%s", dir, name) : xstrdup(name);

		if (is_dir(fmt("%s/%s", root, path)))
			find_objects(root, path, out);
		else if (ends_with(name, ".o") && !ends_with(name, ".mod.o") && name[0] != '.')
			list_add(out, path);
	}
}

/* ---- check 4: KCore's image ---- */

static void check_blob(struct check *c)
{
	struct text blob = file_read(c->o.blob);
	GElf_Sym from, to;
	const unsigned char *built;

	if (!symbol_named(&c->vmlinux, "kcore_blob", &from) || !symbol_named(&c->vmlinux, "kcore_blob_end", &to)) {
		fail(c, "%s: has no kcore_blob: built without CONFIG_KCORE?", c->o.vmlinux);
		return;
	}
	built = bytes_at(&c->vmlinux, from.st_value, to.st_value - from.st_value);
	if (!built || to.st_value - from.st_value != blob.len || memcmp(built, blob.data, blob.len))
		fail(c, "%s: kcore_blob is not %s byte for byte: build the kernel again", c->o.vmlinux, c->o.blob);
	else
		printf("kcore_blob is kcore.bin, sha256:%s\n", sha256(blob.data, blob.len));
}

/* ---- verdict ---- */

/* The glue's function is an empty inline function in this release */
static bool empty_glue(const struct check *c, const char *word)
{
	struct source *s;
	const struct def *d;
	struct text t;
	size_t body = 0;
	bool inside = false;

	if (!file_try_read(fmt("%s/arch/arm64/include/asm/kcore_release.h", c->o.tree), &t))
		return false;
	s = source_parse(t);
	d = source_def_named(s, fmt("%s()", word));
	for (size_t i = 0; d && i < s->ntok; i++) {
		if (s->tok[i].line < d->first || s->tok[i].line > d->last || s->tok[i].kind == T_COMMENT)
			continue;
		body += inside && *s->tok[i].s != '}';
		inside = inside || *s->tok[i].s == '{';
	}
	return d && !body;
}

static void judge_places(struct check *c)
{
	for (size_t i = 0; i < c->places.n; i++) {
		struct place *p = c->places.item[i];
		unsigned int found = 0, dead = 0;

		if (!strcmp(p->t->symbol, "#end"))
			p->evidence = "KCore's objects are in vmlinux";
		for (unsigned int k = 0; k < p->n; k++)
			found += p->at[k].sites > 0;
		for (unsigned int k = 0; k < p->n; k++)
			dead += p->t->symbol[strlen(p->t->symbol) - 1] == ')' && p->t->remove && !p->at[k].sites && !p->at[k].instructions;
		if (!p->evidence && p->n && found == p->n)
			p->evidence = "in the declared definition";
		if (!p->evidence && dead && found + dead == p->n && p->built)
			p->evidence = "the call is dead code as upstream has it, no instruction";
		if (!p->evidence && p->words.n == 1 && empty_glue(c, p->words.item[0]))
			p->evidence = "empty in this release's glue, no code";
		if (p->evidence) {
			printf("%-4s ok: %s:%s%s%s: %s\n", p->t->hook->id, p->t->file, p->t->symbol, p->t->remove ? ", " : "",
			       p->t->remove ? p->t->remove : "", p->evidence);
			continue;
		}
		fail(c, "%s: %s:%s%s%s: found %u of %u in the built kernel: the hook was compiled out, or its file was not built",
		     p->t->hook->id, p->t->file, p->t->symbol, p->t->remove ? ", " : "", p->t->remove ? p->t->remove : "", found,
		     p->t->matches);
	}
}

static void judge_allowances(struct check *c)
{
	for (size_t i = 0; i < c->ledger->built.n; i++) {
		const struct allow *a = c->ledger->built.item[i];

		if (!a->used)
			fail(c, "%s:%s: %s is allowed (\"built\"), but not in the built kernel: take the allowance out of the ledger",
			     a->file, a->symbol, a->op);
	}
}

static void read_options(struct options *o, int argc, char **argv)
{
	enum { RULES = 256, OBJECTS, VMLINUX, BLOB };
	static const struct option options[] = {
		{ "release", required_argument, NULL, 'r' }, { "rules", required_argument, NULL, RULES },
		{ "tree", required_argument, NULL, 't' }, { "objects", required_argument, NULL, OBJECTS },
		{ "vmlinux", required_argument, NULL, VMLINUX }, { "blob", required_argument, NULL, BLOB },
		{ "verbose", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "r:t:vhV", options, NULL)) != -1) {
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
		case OBJECTS:
			o->objects = optarg;
			break;
		case VMLINUX:
			o->vmlinux = optarg;
			break;
		case BLOB:
			o->blob = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			finish(EXIT_PASS);
		case 'V':
			puts("hookcheck 1");
			finish(EXIT_PASS);
		default:
			die(EXIT_USAGE, "unknown option: see hookcheck --help");
		}
	}
	if (optind < argc || !o->release || !o->rules || !o->tree || !o->objects || !o->vmlinux || !o->blob)
		die(EXIT_USAGE, "an option is missing or an argument too many: see hookcheck --help");
}

int main(int argc, char **argv)
{
	struct check c = { 0 };
	struct list objects = { 0 };

	read_options(&c.o, argc, argv);
	if (elf_version(EV_CURRENT) == EV_NONE)
		die(EXIT_ENV, "libelf is too old");
	if (!is_dir(c.o.tree) || !is_dir(c.o.objects))
		die(EXIT_ENV, "%s: no such directory", is_dir(c.o.tree) ? c.o.objects : c.o.tree);
	c.ledger = ledger_load(c.o.rules, c.o.release);
	read_places(&c);
	open_image(&c.vmlinux, c.o.vmlinux);
	check_blob(&c);
	find_objects(c.o.objects, "", &objects);
	for (size_t i = 0; i < objects.n; i++)
		check_object(&c, objects.item[i]);
	judge_places(&c);
	judge_allowances(&c);
	if (!c.objects || !c.functions || !c.sites || !c.operations)
		fail(&c, "%s: nothing was checked: %u objects, %u functions, %u references, %u operations", c.o.objects, c.objects,
		     c.functions, c.sites, c.operations);
	printf("%s: %zu places, %u references to the glue, %u operations of EL2, %u functions of %u objects as in vmlinux: %s\n",
	       c.o.release, c.places.n, c.sites, c.operations, c.functions, c.objects, c.failures ? "FAILED" : "all in place");
	finish(c.failures ? EXIT_CHECK : EXIT_PASS);
}
