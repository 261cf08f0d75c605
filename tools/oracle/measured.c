/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements, in the place of machine/measure.c.  What the core gives them has to be what the top machine has.  A signature is good if its
 * first word is odd; the words of a measurement are what it was begun with, and then a number made of all its pages.  A quote is made if the first
 * word of the caller's data is odd; its words are the data.
 */
#include "oracle.h"
#include "../machine/measure.h"

#define NR_WORDS	(sizeof(struct kcore_measurement) / sizeof(u64))

static u64 measured[KCORE_NR_VMS][NR_WORDS];
static u64 quoted[KCORE_NR_VMS][2][4];
static struct {
	u64 vm, who, data[4];
} asked[FAKE_CPUS];

void measure_install(const struct kcore_install *in)
{
	(void)in;
	memset(measured, 0, sizeof(measured));
	memset(quoted, 0, sizeof(quoted));
}

/* A key isn't needed */
void measure_key(u64 *seed, u64 *noise)
{
	(void)seed;
	(void)noise;
}

void measure_start(u64 vm, u64 base, u64 end, u64 vcpus, const u64 *x, u64 pc)
{
	u64 w = vm * KCORE_VM_VCPUS, *m = measured[vm];

	if (base != top.vm_base[vm] || end != top.vm_end[vm] || vcpus != top.vm_vcpus[vm])
		deviate("VM %lu: memory or vCPUs that are measured", vm);
	memset(m, 0, sizeof(measured[vm]));
	memset(quoted[vm], 0, sizeof(quoted[vm]));
	for (u64 i = 0; i < 4; i++) {
		if (x[i] != top_word(top_ctx, w, i))
			deviate("VM %lu: x%lu that is measured", vm, i);
		m[i] = x[i];
	}
	if (pc != top_word(top_ctx, w, 31))
		deviate("VM %lu: entry that is measured", vm);
	m[4] = pc;
	m[5] = base;
	m[6] = end;
	m[7] = vcpus;
}

void measure_bytes(u64 vm, u64 ipa, const void *page)
{
	const u64 *words = page, *leaves = NULL;
	struct gib *g = ipa < IPA_END ? top_gib(vm, ipa >> 30) : NULL;
	u64 leaf = NO_LEAF, pa;

	if (g)
		leaves = g->page[ipa >> 21 & 511];
	if (leaves)
		leaf = leaves[ipa >> 12 & 511];
	if (leaf == NO_LEAF)
		deviate("VM %lu: no page at %#lx, which is measured", vm, ipa);
	pa = leaf >> 4 << 12;
	for (u64 i = 0; i < 512; i++) {
		if (words[i] != top_word(top_mem, index_of(pa), i))
			deviate("VM %lu: word %lu of the page at %#lx that is measured", vm, i, ipa);
		measured[vm][8] = (measured[vm][8] ^ words[i] ^ ipa) * 0x9e3779b97f4a7c15UL;
	}
}

u64 measure_verify(u64 vm, const u64 *signature)
{
	u64 page = top.vcpu_page[vm * KCORE_VM_VCPUS];

	for (u64 i = 0; i < 8; i++)
		if (signature[i] != top_word(top_mem, index_of(page), 4 + i))
			deviate("VM %lu: word %lu of the signature", vm, i);
	return signature[0] & 1;
}

/* Who is about to ask, with what */
void quote_asked(u64 vm, u64 who, const u64 *data)
{
	asked[fake.cpu].vm = vm;
	asked[fake.cpu].who = who;
	memcpy(asked[fake.cpu].data, data, sizeof(asked[fake.cpu].data));
}

u64 measure_quote(u64 vm, u64 who, u64 d0, u64 d1, u64 d2, u64 d3)
{
	const u64 data[4] = { d0, d1, d2, d3 };

	if (vm != asked[fake.cpu].vm || who != asked[fake.cpu].who || memcmp(data, asked[fake.cpu].data, sizeof(data)))
		deviate("VM %lu: a quote that nobody has asked for", vm);
	if (who == KCORE_QUOTE_HOST && fake.lock_owner != (int)fake.cpu)
		deviate("VM %lu: a quote without the lock", vm);
	if (top.vm_state[vm] != VM_READY || top.vm_type[vm] != KCORE_VM_PROTECTED || top.vcpu_pending[vm * KCORE_VM_VCPUS] == PENDING_START)
		deviate("VM %lu: a quote of a VM that can't run", vm);
	if (!(d0 & 1))
		return 0;
	memcpy(quoted[vm][who - KCORE_QUOTE_HOST], data, sizeof(data));
	return 1;
}

u64 measure_word(u64 vm, u64 who, u64 n)
{
	if (vm >= KCORE_NR_VMS)
		return 0;
	if (n >= KCORE_QUOTE_WORD && n < KCORE_QUOTE_WORD + 4)
		return quoted[vm][who - KCORE_QUOTE_HOST][n - KCORE_QUOTE_WORD];
	return n < NR_WORDS ? measured[vm][n] : 0;
}

bool signature_good(u64 vm)
{
	u64 w = vm * KCORE_VM_VCPUS;

	return vm < KCORE_NR_VMS && cells.vcpu_state[w] != VCPU_FREE && (peek(cells.vcpu_page[w] + CTX_X(4)) & 1);
}
