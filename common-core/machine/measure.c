/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements of VMs, with SHA-256 and ECDSA P-256 of BearSSL (tools/fetch-bearssl).  What is needed of it is compiled here as one
 * unit, with KCore's flags: no FP registers, and its structures of functions and pointers, which nobody would relocate, are folded.
 */
#include <string.h>

#include "measure.h"

#ifndef KCORE_FAKE_MACHINE
#pragma GCC visibility push(hidden)
#endif
#include "src/codec/ccopy.c"
#include "src/codec/dec32be.c"
#include "src/codec/enc32be.c"
#include "src/hash/sha2small.c"
#include "src/int/i31_add.c"
#include "src/int/i31_bitlen.c"
#include "src/int/i31_decmod.c"
#include "src/int/i31_decode.c"
#include "src/int/i31_encode.c"
#include "src/int/i31_fmont.c"
#include "src/int/i31_iszero.c"
#include "src/int/i31_modpow.c"
#include "src/int/i31_montmul.c"
#include "src/int/i31_muladd.c"
#include "src/int/i31_ninv31.c"
#include "src/int/i31_rshift.c"
#include "src/int/i31_sub.c"
#include "src/int/i31_tmont.c"
#include "src/int/i32_div32.c"
/* static names that two files have */
#define P256_G secp256r1_generator
#define P256_N secp256r1_order
#include "src/ec/ec_secp256r1.c"
#undef P256_G
#undef P256_N
#include "src/ec/ec_p256_m31.c"
#include "src/ec/ecdsa_i31_bits.c"
#include "src/ec/ecdsa_i31_vrfy_raw.c"
#ifndef KCORE_FAKE_MACHINE
#pragma GCC visibility pop
#else
#include "src/ec/ec_secp384r1.c"		/* named there, and folded on arm64 only */
#include "src/ec/ec_secp521r1.c"
#endif

#define ENTRY __attribute__((externally_visible))	/* the unit is compiled with -fwhole-program */
#define PAGE_BYTES	4096UL
#define POINT_BYTES	65UL
#define NR_WORDS	(sizeof(struct kcore_measurement) / sizeof(u64))

_Static_assert(__builtin_offsetof(struct kcore_measurement, key) == KCORE_SIGNED_BYTES, "abi.h");

static struct {
	br_sha256_context hash;			/* of the last image */
	struct kcore_measurement is;
} measured[KCORE_NR_VMS];
static unsigned char points[KCORE_MAX_KEYS][POINT_BYTES];
static u64 nr_keys;
static u64 core_hash[4];

/* br_sha256_init() without the table of functions */
static void hash_start(br_sha256_context *c)
{
	memcpy(c->val, br_sha256_IV, sizeof(c->val));
	c->count = 0;
}

static void hash_of(const void *data, u64 bytes, void *hash)
{
	br_sha256_context c;

	hash_start(&c);
	br_sha256_update(&c, data, bytes);
	br_sha256_out(&c, hash);
}

ENTRY void measure_install(const struct kcore_install *in)
{
	u64 i;

	for (i = 0; i < in->nr_keys; i++) {
		points[i][0] = 4;		/* uncompressed */
		memcpy(&points[i][1], &in->key[i * 8], POINT_BYTES - 1);
	}
	nr_keys = in->nr_keys;
}

ENTRY void measure_core(const void *image, u64 bytes)
{
	hash_of(image, bytes, core_hash);
}

ENTRY void measure_start(u64 vm, u64 base, u64 end, u64 vcpus, const u64 *x, u64 pc)
{
	struct kcore_measurement *m = &measured[vm].is;

	memset(m, 0, sizeof(*m));
	m->magic = KCORE_MEASUREMENT_MAGIC;
	m->memory_base = base;
	m->memory_end = end;
	m->vcpus = vcpus;
	m->entry = pc;
	memcpy(m->x, x, sizeof(m->x));
	memcpy(m->core, core_hash, sizeof(m->core));
}

ENTRY void measure_bytes(u64 vm, u64 ipa, const void *page)
{
	struct kcore_measurement *m = &measured[vm].is;
	u64 n = m->nr_images;

	if (n > KCORE_MAX_IMAGES)
		return;
	if (n == 0 || m->image[n - 1].ipa + m->image[n - 1].bytes != ipa) {
		m->nr_images = ++n;
		if (n > KCORE_MAX_IMAGES)
			return;
		m->image[n - 1].ipa = ipa;
		hash_start(&measured[vm].hash);
	}
	m->image[n - 1].bytes += PAGE_BYTES;
	br_sha256_update(&measured[vm].hash, page, PAGE_BYTES);
	br_sha256_out(&measured[vm].hash, m->image[n - 1].sha256);
}

ENTRY u64 measure_verify(u64 vm, const u64 *signature)
{
	struct kcore_measurement *m = &measured[vm].is;
	br_ec_public_key key = { BR_EC_secp256r1, NULL, POINT_BYTES };
	unsigned char hash[32];
	u64 i;

	if (m->nr_images > KCORE_MAX_IMAGES)
		return 0;
	hash_of(m, KCORE_SIGNED_BYTES, hash);
	for (i = 0; i < nr_keys; i++) {
		key.q = points[i];
		if (br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, hash, sizeof(hash), &key, signature, 64)) {
			hash_of(points[i], POINT_BYTES, m->key);
			return 1;
		}
	}
	return 0;
}

ENTRY u64 measure_word(u64 vm, u64 n)
{
	if (vm >= KCORE_NR_VMS || n >= NR_WORDS)
		return 0;
	return ((volatile u64 *)&measured[vm].is)[n];
}

#ifndef KCORE_FAKE_MACHINE
/* What the compiler and BearSSL call; no pattern in here may become a call of itself. */
ENTRY void *memcpy(void *to, const void *from, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
	return to;
}

ENTRY void *memmove(void *to, const void *from, size_t n)
{
	size_t i;

	if ((u64)to <= (u64)from)
		return memcpy(to, from, n);
	for (i = n; i > 0; i--)
		((unsigned char *)to)[i - 1] = ((const unsigned char *)from)[i - 1];
	return to;
}

ENTRY void *memset(void *to, int c, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		((unsigned char *)to)[i] = (unsigned char)c;
	return to;
}
#endif
