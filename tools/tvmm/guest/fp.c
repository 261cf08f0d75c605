// SPDX-License-Identifier: GPL-2.0-only
/*
 * fp: the same floating-point and SIMD computation without and with exits in its middle, on every
 * vCPU at once.  A result that differs shows FP state lost or mixed up between vCPUs and the host.
 */
#include "guest.h"

#define ROUNDS 400

typedef double vec2 __attribute__((vector_size(16)));

static volatile u64 state[MAX_CPUS * 8];	/* 1 right, 2 wrong */

static u64 bits(double d)
{
	union { double d; u64 u; } c = { .d = d };

	return c.u;
}

static u64 compute(u64 cpu, int exits)
{
	vec2 a = { 1.0 + (double)cpu, 0.5 }, b = { 3.25, 1.0 / 7 }, c = { 0, 0 }, d = { 2, 5 };

	for (int i = 1; i <= ROUNDS; i++) {
		c += a * b / (d + (double)i);
		b = b * 0.999 + a * 0.001;
		d = d + c * 1e-3;
		if (exits && i % 8 == 0) {
			asm volatile("" : "+w"(a), "+w"(b), "+w"(c), "+w"(d));
			td_read(TD_USER);
		}
	}
	return bits(c[0]) ^ bits(c[1]) << 1 ^ bits(b[0]) << 2 ^ bits(d[1]) << 3;
}

static void work(u64 cpu)
{
	u64 want = compute(cpu, 0), ok = 1;

	for (int i = 0; i < 10; i++)
		ok &= compute(cpu, 1) == want;
	state[cpu * 8] = ok ? 1 : 2;
}

void secondary_main(u64 cpu)
{
	work(cpu);
}

void main(void)
{
	u64 n = 1, wrong = 0;

	while (n < MAX_CPUS && !cpu_on(n))
		n++;
	work(0);
	for (u64 cpu = 0; cpu < n; cpu++) {
		while (!state[cpu * 8])
			asm volatile("yield");
		wrong += state[cpu * 8] != 1;
	}
	print("fp: ");
	print_number(n);
	print(wrong ? " vCPUs, results differ\n" : " vCPUs, all results equal\n");
	td_write(TD_REPORT, n);
	finish(wrong);
}
