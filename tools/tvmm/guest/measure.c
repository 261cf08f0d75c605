// SPDX-License-Identifier: GPL-2.0-only
/* measure: what KCore measured of this VM, word by word, as KCore tells the guest itself; and its quote of that. */
#include "guest.h"
#include <kcore/abi.h>

/* What this guest has to say: where there is more to say than 32 bytes, its hash */
#define SAYING	"said by the guest: measure, tvmm"
_Static_assert(sizeof(SAYING) == 33, "data of a quote");

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

/* x0: 0, or KCore has no key */
static u64 quote(const u64 *data)
{
	register u64 x0 asm("x0") = KCORE_HC_VM_QUOTE;
	register u64 x1 asm("x1") = data[0];
	register u64 x2 asm("x2") = data[1];
	register u64 x3 asm("x3") = data[2];
	register u64 x4 asm("x4") = data[3];

	asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : "r"(x4) : "memory");
	return x0;
}

static void print_words(const char *name, u64 from, u64 words)
{
	u64 v;

	for (u64 n = 0; n < words; n++) {
		if (word(from + n, &v))
			finish(1);
		print(name);
		print_number(n);
		print(" ");
		print_word(v);
		print("\n");
	}
}

void main(void)
{
	static const union {
		char text[33];
		u64 words[4];
	} said = { .text = SAYING };

	print_words("measurement ", 0, sizeof(struct kcore_measurement) / 8);
	if (quote(said.words))
		print("no quote: KCore has no key\n");
	else
		print_words("quote guest ", KCORE_QUOTE_WORD, sizeof(struct kcore_quote) / 8);
	finish(0);
}
