// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the compiled functions: harness RUNS SEED.  One line a run, for the interpreter to repeat:
 *   NAME STATE ARGUMENTS... = RESULT STATE
 * At the end, on stderr, how many runs of +, -, * wrapped around, and of loops and early returns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kcore/prim.h>

#define K	6364136223846793005UL

static u64 state, seed;

u64 io(u64 a, u32 b)
{
	state = state * K + a + 3UL * b + 1UL;
	return state;
}

u32 io32(u32 a)
{
	state = state * K + a + 1UL;
	return (u32)(state >> 32);
}

void put(u64 a)
{
	state = state * K + a + 1UL;
}

static u64 rnd(void)
{
	seed = seed * K + 1442695040888963407UL;
	return seed >> 16 ^ seed << 40;
}

static u64 input(void)
{
	static const u64 special[] = {
		0, 1, 2, 3, 5, 8, 31, 32, 33, 63, 64, 4095, 4096, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffffe, 0xffffffffffffffff,
	};
	u64 r = rnd();

	return r & 1 ? special[(r >> 8) % (sizeof(special) / sizeof(special[0]))] : rnd() >> (r >> 8) % 64;
}

#define RET0	u32
#define RET1	u64
#define TYPES0(a, b, c, d)	void
#define TYPES1(a, b, c, d)	a
#define TYPES2(a, b, c, d)	a, b
#define TYPES3(a, b, c, d)	a, b, c
#define TYPES4(a, b, c, d)	a, b, c, d
#define X(name, ret, n, a, b, c, d)	RET##ret name(TYPES##n(a, b, c, d));
#include "table.h"
#undef X

#define ARGS0(a, b, c, d)
#define ARGS1(a, b, c, d)	(a)v[0]
#define ARGS2(a, b, c, d)	(a)v[0], (b)v[1]
#define ARGS3(a, b, c, d)	(a)v[0], (b)v[1], (c)v[2]
#define ARGS4(a, b, c, d)	(a)v[0], (b)v[1], (c)v[2], (d)v[3]
#define X(name, ret, n, a, b, c, d)	static u64 run_##name(const u64 *v) { (void)v; return name(ARGS##n(a, b, c, d)); }
#include "table.h"
#undef X

#define X(name, ret, n, a, b, c, d)	{ #name, n, { 8 * sizeof(a), 8 * sizeof(b), 8 * sizeof(c), 8 * sizeof(d) }, run_##name },
static const struct { const char *name; int n; int bits[4]; u64 (*run)(const u64 *); } functions[] = {
#include "table.h"
};
#undef X

int main(int argc, char **argv)
{
	size_t n = sizeof(functions) / sizeof(functions[0]);
	long runs = argc == 3 ? atol(argv[1]) : 0, wraps = 0, loops = 0, early = 0;

	seed = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	for (long i = 0; i < runs; i++) {
		size_t f = (size_t)i % n;
		const char *name = functions[f].name;
		u64 v[4], r, dummy;
		u32 dummy32;

		state = rnd();
		printf("%s %lu", name, state);
		for (int a = 0; a < functions[f].n; a++) {
			v[a] = input();
			if (functions[f].bits[a] == 32)
				v[a] = (u32)v[a];
			printf(" %lu", v[a]);
		}
		r = functions[f].run(v);
		printf(" = %lu %lu\n", r, state);
		if (!strcmp(name, "op_add_64"))
			wraps += __builtin_add_overflow(v[0], v[1], &dummy);
		if (!strcmp(name, "op_sub_64"))
			wraps += __builtin_sub_overflow(v[0], v[1], &dummy);
		if (!strcmp(name, "op_mul_64"))
			wraps += __builtin_mul_overflow(v[0], v[1], &dummy);
		if (!strcmp(name, "op_add_32"))
			wraps += __builtin_add_overflow((u32)v[0], (u32)v[1], &dummy32);
		if (!strcmp(name, "op_sub_32"))
			wraps += __builtin_sub_overflow((u32)v[0], (u32)v[1], &dummy32);
		if (!strcmp(name, "op_mul_32"))
			wraps += __builtin_mul_overflow((u32)v[0], (u32)v[1], &dummy32);
		if (!strncmp(name, "loop_", 5))
			loops++;
		if (!strncmp(name, "loop_return", 11) && (v[0] & 63) < 40)
			early++;
		if (!strncmp(name, "early", 5) && v[0] > v[1])
			early++;
	}
	fprintf(stderr, "functions %zu wrapped %ld loops %ld early %ld\n", n, wraps, loops, early);
	return fflush(stdout) ? 3 : 0;
}
