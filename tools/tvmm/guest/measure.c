// SPDX-License-Identifier: GPL-2.0-only
/* measure: what KCore measured of this VM, word by word, as KCore tells the guest itself. */
#include "guest.h"
#include <kcore/abi.h>

#define WORDS	(sizeof(struct kcore_measurement) / 8)

/* start.S has hvc4(); here x1 counts too */
static u64 word(u64 n, u64 *value)
{
	register u64 x0 asm("x0") = KCORE_HC_VM_MEASUREMENT;
	register u64 x1 asm("x1") = n;
	register u64 x2 asm("x2");
	register u64 x3 asm("x3");

	asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "=r"(x2), "=r"(x3) : : "memory");
	*value = x1;
	return x0;
}

static void print_word(u64 v)
{
	char b[17];

	for (int i = 15; i >= 0; i--, v >>= 4)
		b[i] = "0123456789abcdef"[v & 15];
	b[16] = 0;
	print(b);
}

void main(void)
{
	u64 v;

	for (u64 n = 0; n < WORDS; n++) {
		if (word(n, &v))
			finish(1);
		print("measurement ");
		print_number(n);
		print(" ");
		print_word(v);
		print("\n");
	}
	finish(0);
}
