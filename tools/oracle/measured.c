/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements, in the place of machine/measure.c.  What the core gives them has to be what the top machine has.  A signature is good if its
 * first word is odd; the words of a measurement are what it was begun with, and then a number made of all its pages.
 */
#include "oracle.h"
#include "../machine/measure.h"

#define NR_WORDS	(sizeof(struct kcore_measurement) / sizeof(u64))

static u64 measured[KCORE_NR_VMS][NR_WORDS];

void measure_install(const struct kcore_install *in)
{
	(void)in;
	memset(measured, 0, sizeof(measured));
}

void measure_start(u64 vm, u64 base, u64 end, u64 vcpus, const u64 *x, u64 pc)
{
	u64 w = vm * KCORE_VM_VCPUS, *m = measured[vm];

	if (base != top.vm_base[vm] || end != top.vm_end[vm] || vcpus != top.vm_vcpus[vm])
		deviate("VM %lu: memory or vCPUs that are measured", vm);
	memset(m, 0, sizeof(measured[vm]));
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

u64 measure_word(u64 vm, u64 n)
{
	return vm < KCORE_NR_VMS && n < NR_WORDS ? measured[vm][n] : 0;
}

bool signature_good(u64 vm)
{
	u64 w = vm * KCORE_VM_VCPUS;

	return vm < KCORE_NR_VMS && cells.vcpu_state[w] != VCPU_FREE && (peek(cells.vcpu_page[w] + CTX_X(4)) & 1);
}
