// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes random functions in the restricted C (docs/subset.md) for the differential test: one for
 * each operator and width, loops and early returns, and mixtures of everything.
 *   generate SEED FUNCTIONS DIR   ->  DIR/random.c, DIR/table.h
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { W32, W64 };

struct var {
	char name[8];
	enum type type;
	bool fixed;		/* a loop variable, a bound, a constant */
};

static const char *const tname[] = { "u32", "u64" };
static uint64_t seed;
static FILE *out, *table;
static struct var vars[40];
static int nvars, nnames, nfuncs, ntable;
static bool leaf;		/* no call of other functions: may be called */

static struct { char name[32]; enum type ret; int n; enum type args[4]; } leaves[64];
static int nleaves;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static uint64_t value(enum type t)
{
	static const uint64_t special[] = {
		0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 4095, 4096, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
		0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000, 0xfffffffffffffffe,
		0xffffffffffffffff,
	};
	uint64_t v = rnd(2) ? special[rnd(sizeof(special) / sizeof(special[0]))] :
		((uint64_t)rnd(0x7fffffff) << 33 ^ (uint64_t)rnd(0x7fffffff) << 8 ^ rnd(0x7fffffff)) >> rnd(64);

	return t == W32 ? (uint32_t)v : v;
}

static int pick_var(enum type t, bool to_write)
{
	int found = -1, n = 0;

	for (int i = 0; i < nvars; i++)
		if (vars[i].type == t && !(to_write && vars[i].fixed) && rnd((uint32_t)++n) == 0)
			found = i;
	return found;
}

static void expr(enum type t, int depth);

static void condition(int depth)
{
	static const char *const cmp[] = { "<", "<=", ">", ">=", "==", "!=" };
	enum type t = (enum type)rnd(2);

	switch (depth > 0 ? rnd(7) : 0) {
	case 0: case 1: case 2:
		fputc('(', out);
		expr(t, depth - 1);
		fprintf(out, " %s ", cmp[rnd(6)]);
		expr(t, depth - 1);
		fputc(')', out);
		break;
	case 3:
		fputs("!", out);
		condition(depth - 1);
		break;
	case 4: case 5:
		fputc('(', out);
		condition(depth - 1);
		fputs(rnd(2) ? " && " : " || ", out);
		condition(depth - 1);
		fputc(')', out);
		break;
	default:
		fputc('(', out);
		expr(t, depth - 1);
		fputc(')', out);
	}
}

static void constant(enum type t)
{
	if (rnd(8) == 0)
		fprintf(out, "(%s)%" PRIu32, tname[t], rnd(100));
	else
		fprintf(out, "%" PRIu64 "%s", value(t), t == W32 ? "U" : "UL");
}

static void expr(enum type t, int depth)
{
	static const char *const ops[] = { "+", "-", "*", "&", "|", "^" };
	int v;

	switch (depth > 0 ? rnd(12) : rnd(2)) {
	case 0:
		constant(t);
		break;
	case 1: case 2:
		v = pick_var(t, false);
		if (v < 0)
			constant(t);
		else
			fputs(vars[v].name, out);
		break;
	case 3: case 4: case 5: case 6:
		fputc('(', out);
		expr(t, depth - 1);
		fprintf(out, " %s ", ops[rnd(6)]);
		expr(t, depth - 1);
		fputc(')', out);
		break;
	case 7:
		fputc('(', out);
		expr(t, depth - 1);
		fprintf(out, rnd(2) ? " << (" : " >> (");
		expr((enum type)rnd(2), depth - 1);
		fprintf(out, " & %s))", t == W32 ? "31U" : "63U");
		break;
	case 8:
		fputc('(', out);
		expr(t, depth - 1);
		fprintf(out, rnd(2) ? " / (" : " %% (");
		expr(t, depth - 1);
		fprintf(out, " | %s))", t == W32 ? "1U" : "1UL");
		break;
	case 9:
		fputs("(~", out);
		expr(t, depth - 1);
		fputc(')', out);
		break;
	case 10:
		fprintf(out, "(%s)", tname[t]);
		if (rnd(3)) {
			fputc('(', out);
			expr(t == W32 ? W64 : W32, depth - 1);
			fputc(')', out);
		} else {
			condition(depth - 1);
		}
		break;
	default:
		fputc('(', out);
		condition(depth - 1);
		fputs(" ? ", out);
		expr(t, depth - 1);
		fputs(" : ", out);
		expr(t, depth - 1);
		fputc(')', out);
	}
}

static void indent(int level)
{
	fprintf(out, "%.*s", level, "\t\t\t\t\t\t\t\t");
}

static struct var *new_var(enum type t, bool fixed)
{
	struct var *v = &vars[nvars++];

	snprintf(v->name, sizeof(v->name), "v%d", nnames++);
	v->type = t;
	v->fixed = fixed;
	return v;
}

static void block(int level, int depth, int loops, enum type ret);

static void loop(int level, int depth, int loops, enum type ret)
{
	static const char *const starts[] = { "0", "(", "(" };
	enum type t = (enum type)rnd(2);
	bool top = rnd(4) == 0, outside = rnd(2);
	uint32_t form = rnd(3), step = rnd(3) ? 1 : 2 + rnd(3);
	int bound, keep = nvars;
	struct var *i;

	indent(level);
	fprintf(out, "const %s v%d = ", tname[t], nnames);
	if (top)		/* up to the top of the type, in steps of one */
		fprintf(out, "%s;\n", t == W32 ? "0xffffffffU" : "0xffffffffffffffffUL");
	else {
		expr(t, 2);
		fprintf(out, " & %u%s;\n", 7 + rnd(9), t == W32 ? "U" : "UL");
	}
	bound = (int)(new_var(t, true) - vars);
	i = new_var(t, true);
	if (outside) {
		indent(level);
		fprintf(out, "%s %s;\n", tname[t], i->name);
	}
	indent(level);
	fprintf(out, "for (%s%s%s = ", outside ? "" : tname[t], outside ? "" : " ", i->name);
	nvars--;		/* the start may not read it */
	if (top) {
		fprintf(out, "%s + (", t == W32 ? "0xfffffff0U" : "0xfffffffffffffff0UL");
		expr(t, 1);
		fprintf(out, " & %s)", t == W32 ? "15U" : "15UL");
		step = 1;
	} else if (form == 0) {
		fputs(starts[form], out);
	} else {
		fputs(starts[form], out);
		expr(t, 1);
		fprintf(out, " & %s)", t == W32 ? "15U" : "15UL");
	}
	nvars++;
	fprintf(out, "; %s < %s; ", i->name, vars[bound].name);
	if (step == 1)
		fprintf(out, rnd(2) ? "%s++" : "++%s", i->name);
	else
		fprintf(out, "%s += %u", i->name, step);
	fputs(") {\n", out);
	block(level + 1, depth - 1, loops - 1, ret);
	indent(level);
	fputs("}\n", out);
	nvars = outside ? keep + 2 : keep + 1;
}

static void call(int level)
{
	enum type t = (enum type)rnd(2);
	int v = pick_var(t, true), f;

	indent(level);
	switch (leaf || !nleaves ? rnd(3) : rnd(6)) {
	case 0:
		fputs("put(", out);
		expr(W64, 2);
		fputs(");\n", out);
		return;
	case 1:
		if (v >= 0)
			fprintf(out, "%s = %sio(", vars[v].name, t == W32 ? "(u32)" : "");
		else
			fputs("io(", out);
		expr(W64, 2);
		fputs(", ", out);
		expr(W32, 2);
		fputs(");\n", out);
		return;
	case 2:
		if (v >= 0)
			fprintf(out, "%s = ", vars[v].name);
		fputs("io32(", out);
		expr(W32, 2);
		fputs(");\n", out);
		return;
	}
	f = (int)rnd((uint32_t)nleaves);
	if (v >= 0)
		fprintf(out, "%s = %s", vars[v].name, leaves[f].ret == t ? "" : t == W32 ? "(u32)" : rnd(2) ? "(u64)" : "");
	fprintf(out, "%s(", leaves[f].name);
	for (int a = 0; a < leaves[f].n; a++) {
		if (a)
			fputs(", ", out);
		expr(leaves[f].args[a], 2);
	}
	fputs(");\n", out);
}

static void statement(int level, int depth, int loops, enum type ret)
{
	static const char *const ops[] = { "+=", "-=", "*=", "&=", "|=", "^=" };
	enum type t = (enum type)rnd(2);
	int v = pick_var(t, true);

	switch (depth > 0 ? rnd(12) : rnd(6)) {
	case 0: case 1:
		if (v < 0)
			break;
		indent(level);
		fprintf(out, "%s = ", vars[v].name);
		expr(t, 3);
		fputs(";\n", out);
		return;
	case 2:
		if (v < 0)
			break;
		indent(level);
		if (rnd(4) == 0) {
			fprintf(out, "%s %s= (", vars[v].name, rnd(2) ? "<<" : ">>");
			expr(t, 1);
			fprintf(out, " & %s);\n", t == W32 ? "31U" : "63UL");
		} else if (rnd(4) == 0) {
			fprintf(out, "%s %s= (", vars[v].name, rnd(2) ? "/" : "%");
			expr(W64, 1);
			fputs(" | 1UL);\n", out);
		} else {
			fprintf(out, "%s %s ", vars[v].name, ops[rnd(6)]);
			expr((enum type)rnd(2), 2);
			fputs(";\n", out);
		}
		return;
	case 3:
		if (v < 0)
			break;
		indent(level);
		fprintf(out, rnd(2) ? "%s++;\n" : "--%s;\n", vars[v].name);
		return;
	case 4: case 5:
		call(level);
		return;
	case 6: case 7: case 8:
		indent(level);
		fputs("if (", out);
		condition(3);
		fputs(") {\n", out);
		block(level + 1, depth - 1, loops, ret);
		indent(level);
		if (rnd(2)) {
			fputs("} else {\n", out);
			block(level + 1, depth - 1, loops, ret);
			indent(level);
		}
		fputs("}\n", out);
		return;
	case 9:
		indent(level);
		fputs("if (", out);
		condition(2);
		fputs(")\n", out);
		indent(level + 1);
		fputs("return ", out);
		expr(ret, 2);
		fputs(";\n", out);
		return;
	default:
		if (loops > 0 && nnames < 60) {
			loop(level, depth, loops, ret);
			return;
		}
	}
	indent(level);
	fputs(";\n", out);
}

static void block(int level, int depth, int loops, enum type ret)
{
	int keep = nvars;

	for (uint32_t i = 1 + rnd(4); i > 0; i--) {
		if (rnd(3) == 0 && nvars < 30 && nnames < 70) {
			enum type t = (enum type)rnd(2);
			indent(level);
			fprintf(out, "%s v%d = ", tname[t], nnames);
			expr(t, 3);
			fputs(";\n", out);
			new_var(t, false);
		}
		statement(level, depth, loops, ret);
	}
	nvars = keep;
}

static void enter(const char *name, enum type ret, int n, const enum type *args)
{
	fprintf(table, "X(%s, %d, %d", name, ret, n);
	fprintf(out, "\n%s %s(", tname[ret], name);
	for (int i = 0; i < 4; i++) {
		if (i < n)
			fprintf(out, "%s%s v%d", i ? ", " : "", tname[args[i]], i);
		fprintf(table, ", %s", i < n ? tname[args[i]] : "u64");
	}
	fputs(n ? ")\n{\n" : "void)\n{\n", out);
	fputs(")\n", table);
	ntable++;
}

static void random_function(int k)
{
	enum type args[4], ret = (enum type)rnd(2);
	int n = (int)rnd(5);
	char name[32];

	snprintf(name, sizeof(name), "random_%d", k);
	leaf = rnd(3) == 0;
	nvars = nnames = 0;
	for (int i = 0; i < n; i++)
		args[i] = new_var((enum type)rnd(2), rnd(8) == 0)->type;
	enter(name, ret, n, args);
	block(1, leaf ? 2 : 4, leaf ? 1 : 2, ret);
	fputs("\treturn ", out);
	expr(ret, 4);
	fputs(";\n}\n", out);
	if (leaf) {
		int at = nleaves < 64 ? nleaves++ : (int)rnd(64);

		snprintf(leaves[at].name, sizeof(leaves[at].name), "%s", name);
		leaves[at].ret = ret;
		leaves[at].n = n;
		memcpy(leaves[at].args, args, sizeof(args));
	}
}

static void fixed(const char *name, const char *suffix, enum type ret, int n, enum type t, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* One function with a given body; all arguments of one type. */
static void fixed(const char *name, const char *suffix, enum type ret, int n, enum type t, const char *fmt, ...)
{
	enum type args[4] = { t, t, t, t };
	char full[32];
	va_list ap;

	snprintf(full, sizeof(full), "%s_%s", name, suffix);
	enter(full, ret, n, args);
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fputs("}\n", out);
}

static void each_operator(enum type t)
{
	static const struct { const char *name, *c; } bin[] = {
		{ "add", "v0 + v1" }, { "sub", "v0 - v1" }, { "mul", "v0 * v1" }, { "and", "v0 & v1" }, { "or", "v0 | v1" },
		{ "xor", "v0 ^ v1" }, { "lt", "v0 < v1" }, { "le", "v0 <= v1" }, { "gt", "v0 > v1" }, { "ge", "v0 >= v1" },
		{ "eq", "v0 == v1" }, { "ne", "v0 != v1" }, { "land", "v0 && v1" }, { "lor", "v0 || v1" },
		{ "cond", "v0 > 5U ? v0 : v1" }, { "lnot", "!v0 + v1" }, { "bnot", "~v0 ^ v1" },
	};
	const char *w = t == W32 ? "32" : "64", *s = t == W32 ? "U" : "UL";
	char name[24];

	for (size_t i = 0; i < sizeof(bin) / sizeof(bin[0]); i++) {
		snprintf(name, sizeof(name), "op_%s", bin[i].name);
		fixed(name, w, t, 2, t, "\treturn %s;\n", bin[i].c);
	}
	fixed("op_div", w, t, 2, t, "\tif (v1 == 0%s)\n\t\treturn 0%s;\n\treturn v0 / v1;\n", s, s);
	fixed("op_mod", w, t, 2, t, "\tif (v1 == 0%s)\n\t\treturn 0%s;\n\treturn v0 %% v1;\n", s, s);
	fixed("op_shl", w, t, 2, t, "\tif (v1 >= %s%s)\n\t\treturn 0%s;\n\treturn v0 << v1;\n", w, s, s);
	fixed("op_shr", w, t, 2, t, "\tif (v1 >= %s%s)\n\t\treturn 0%s;\n\treturn v0 >> v1;\n", w, s, s);
	fixed("cast", w, t == W32 ? W64 : W32, 1, t, "\treturn (%s)v0;\n", tname[!t]);
	fixed("wrap_compound", w, t, 2, t, "\tv0 += v1;\n\tv0 *= 3%s;\n\tv0 -= v1;\n\tv0--;\n\treturn v0;\n", s);
	fixed("loop_sum", w, t, 2, t, "\t%s r = v1;\n\n\tfor (%s i = 0%s; i < (v0 & 63%s); i++)\n\t\tr += i * v1;\n"
	      "\treturn r;\n", tname[t], tname[t], s, s);
	fixed("loop_last", w, t, 1, t, "\t%s i;\n\n\tfor (i = v0 & 15%s; i < 13%s; i += 4%s)\n\t\tput(i);\n\treturn i;\n",
	      tname[t], s, s, s);
	fixed("loop_return", w, t, 2, t, "\tfor (%s i = 0%s; i < 40%s; i++) {\n\t\tput(i);\n"
	      "\t\tif (i == (v0 & 63%s))\n\t\t\treturn i + v1;\n\t}\n\treturn v1;\n", tname[t], s, s, s);
	fixed("loop_nested", w, t, 2, t, "\t%s r = 0%s;\n\n\tfor (%s i = 0%s; i < (v0 & 7%s); i++) {\n"
	      "\t\tfor (%s j = i; j < (v1 & 15%s); j += 2%s) {\n\t\t\tr = r * 31%s + j;\n\t\t\tif (r == 61%s)\n"
	      "\t\t\t\treturn r;\n\t\t}\n\t}\n\treturn r;\n", tname[t], s, tname[t], s, s, tname[t], s, s, s, s);
	fixed("loop_top", w, t, 1, t, "\t%s n = 0%s;\n\n\tfor (%s i = v0 | %s; i < %s; i++)\n\t\tn++;\n\treturn n;\n",
	      tname[t], s, tname[t], t == W32 ? "0xffffff00U" : "0xffffffffffffff00UL",
	      t == W32 ? "0xffffffffU" : "0xffffffffffffffffUL");
	fixed("early", w, t, 3, t, "\tif (v0 > v1)\n\t\treturn v2;\n\tput(v0);\n\tif (v1 > v2)\n\t\treturn v0;\n\tput(v1);\n"
	      "\treturn v1;\n");
}

int main(int argc, char **argv)
{
	char path[4096];

	if (argc != 4) {
		fprintf(stderr, "usage: generate SEED FUNCTIONS DIR\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 10) * 2654435761u + 1;
	nfuncs = atoi(argv[2]);
	snprintf(path, sizeof(path), "%s/random.c", argv[3]);
	out = fopen(path, "w");
	snprintf(path, sizeof(path), "%s/table.h", argv[3]);
	table = fopen(path, "w");
	if (!out || !table) {
		perror(path);
		return 3;
	}
	fputs("#include <kcore/prim.h>\n", out);
	each_operator(W32);
	each_operator(W64);
	for (int k = 0; k < nfuncs; k++)
		random_function(k);
	if (fclose(out) || fclose(table)) {
		perror(path);
		return 3;
	}
	printf("%d\n", ntable);
	return 0;
}
