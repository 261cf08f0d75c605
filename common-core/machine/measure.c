/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements of VMs and quotes of them, with SHA-256 and ECDSA P-256 of BearSSL (tools/fetch-bearssl).  What is needed of it is compiled here as one
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

/* br_sha256_init() without the table of functions */
static void hash_start(br_sha256_context *c)
{
	memcpy(c->val, br_sha256_IV, sizeof(c->val));
	c->count = 0;
}

/*
 * HMAC_DRBG with SHA-256 (NIST SP 800-90A), as RFC 6979 uses it.  BearSSL's goes by tables of functions that it keeps in memory, so that nothing
 * of them would be folded; its signing gets this one instead.
 */
struct drbg {
	unsigned char k[32], v[32];
};

/* HMAC (RFC 2104) of v, and of the octet and the data if there is an octet */
static void drbg_mac(const struct drbg *d, int octet, const void *data, size_t bytes, unsigned char *mac)
{
	br_sha256_context c;
	unsigned char pad[64], tag = (unsigned char)octet;
	size_t i;

	for (i = 0; i < 64; i++)
		pad[i] = 0x36 ^ (i < 32 ? d->k[i] : 0);
	hash_start(&c);
	br_sha256_update(&c, pad, sizeof(pad));
	br_sha256_update(&c, d->v, sizeof(d->v));
	if (octet >= 0) {
		br_sha256_update(&c, &tag, 1);
		br_sha256_update(&c, data, bytes);
	}
	br_sha256_out(&c, mac);
	for (i = 0; i < 64; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash_start(&c);
	br_sha256_update(&c, pad, sizeof(pad));
	br_sha256_update(&c, mac, 32);
	br_sha256_out(&c, mac);
}

static void drbg_update(struct drbg *d, const void *seed, size_t bytes)
{
	int octet;

	for (octet = 0; octet <= (bytes != 0); octet++) {
		drbg_mac(d, octet, seed, bytes, d->k);
		drbg_mac(d, -1, NULL, 0, d->v);
	}
}

static void drbg_init(struct drbg *d, const void *seed, size_t bytes)
{
	memset(d->k, 0, sizeof(d->k));
	memset(d->v, 1, sizeof(d->v));
	drbg_update(d, seed, bytes);
}

/* 32 bytes, as many as a key of P-256 has */
static void drbg_out(struct drbg *d, void *out)
{
	drbg_mac(d, -1, NULL, 0, d->v);
	memcpy(out, d->v, sizeof(d->v));
	drbg_update(d, NULL, 0);
}

#define br_hmac_drbg_context struct drbg
#define br_hmac_drbg_init(d, hash, seed, bytes) drbg_init(d, seed, bytes)
#define br_hmac_drbg_generate(d, out, bytes) drbg_out(d, out)
#define br_ecdsa_i31_sign_raw ecdsa_sign
#include "src/ec/ecdsa_i31_sign_raw.c"
#undef br_hmac_drbg_context
#undef br_hmac_drbg_init
#undef br_hmac_drbg_generate
#undef br_ecdsa_i31_sign_raw
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
#define NR_QUOTE_WORDS	(sizeof(struct kcore_quote) / sizeof(u64))
#define STACK_WIPED	4096UL

_Static_assert(__builtin_offsetof(struct kcore_measurement, key) == KCORE_SIGNED_BYTES, "abi.h");

_Static_assert(__builtin_offsetof(struct kcore_quote, signature) == KCORE_QUOTE_SIGNED, "abi.h");
_Static_assert(sizeof(struct kcore_measurement) <= KCORE_QUOTE_WORD * sizeof(u64), "abi.h");

static struct {
	br_sha256_context hash;			/* of the last image */
	struct kcore_measurement is;
	struct kcore_quote quote[2];		/* by who asked */
} measured[KCORE_NR_VMS];
static unsigned char points[KCORE_MAX_KEYS][POINT_BYTES];
static u64 nr_keys;
static u64 core_hash[4];
static unsigned char quote_key[32];		/* never leaves; 0: none */
static unsigned char quote_point[POINT_BYTES];

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

/* What calls before have left below the caller's stack frame: more than they use, see the check of the stack in the Makefile. */
static __attribute__((noinline)) void stack_wipe(void)
{
	unsigned char left[STACK_WIPED];

	memset(left, 0, sizeof(left));
	__asm__ volatile("" : : "r"(left) : "memory");
}

static u64 random_words(const u64 *from)
{
	return (from[0] | from[1] | from[2] | from[3]) != 0;
}

/* A key from 1 to n - 1, each as likely as any other (FIPS 186-4, B.4.2); and its public key. */
static __attribute__((noinline)) void key_make(const u64 *seed, const u64 *noise)
{
	static const char use[16] = "KCore quote key";
	unsigned char from[16 + 32 + 32];
	uint32_t n[I31_LEN], x[I31_LEN];
	struct drbg d;

	memcpy(from, use, 16);
	memcpy(from + 16, seed, 32);
	memcpy(from + 48, noise, 32);
	drbg_init(&d, from, sizeof(from));
	br_i31_decode(n, br_secp256r1.order, 32);
	do
		drbg_out(&d, quote_key);
	while (!br_i31_decode_mod(x, quote_key, 32, n) || br_i31_iszero(x));
	br_ec_p256_m31.mulgen(quote_point, quote_key, 32, BR_EC_secp256r1);
}

ENTRY void measure_key(u64 *seed, u64 *noise)
{
	memset(quote_key, 0, sizeof(quote_key));
	memset(quote_point, 0, sizeof(quote_point));
	if (random_words(seed) || random_words(noise))
		key_make(seed, noise);
	memset(seed, 0, 32);
	memset(noise, 0, 32);
	stack_wipe();
}

static __attribute__((noinline)) void key_sign(const unsigned char *key, const void *hash, void *signature)
{
	static const br_hash_class sha256 = { .desc = BR_HASHDESC_OUT(32) };
	br_ec_private_key k = { BR_EC_secp256r1, (unsigned char *)key, 32 };

	ecdsa_sign(&br_ec_p256_m31, &sha256, hash, &k, signature);
}

ENTRY void measure_ecdsa(const unsigned char *key, const void *hash, void *signature)
{
	key_sign(key, hash, signature);
	stack_wipe();
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
	memset(measured[vm].quote, 0, sizeof(measured[vm].quote));
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

ENTRY u64 measure_quote(u64 vm, u64 who, u64 d0, u64 d1, u64 d2, u64 d3)
{
	struct kcore_quote q = { KCORE_QUOTE_MAGIC, who, { d0, d1, d2, d3 }, { 0 } };
	br_sha256_context c;
	unsigned char hash[32];

	if (!quote_point[0])
		return 0;
	hash_start(&c);
	br_sha256_update(&c, &q, KCORE_QUOTE_SIGNED);
	br_sha256_update(&c, &measured[vm].is, sizeof(measured[vm].is));
	br_sha256_out(&c, hash);
	measure_ecdsa(quote_key, hash, q.signature);
	measured[vm].quote[who - KCORE_QUOTE_HOST] = q;
	return 1;
}

/* The host may name any VM; handle 0 stands for KCore. */
ENTRY u64 measure_word(u64 vm, u64 who, u64 n)
{
	u64 word = 0;

	if (vm >= KCORE_NR_VMS)
		return 0;
	if (vm == 0 && n < 8)
		memcpy(&word, &quote_point[1 + n * 8], 8);
	else if (n < NR_WORDS)
		word = ((volatile u64 *)&measured[vm].is)[n];
	else if (n >= KCORE_QUOTE_WORD && n < KCORE_QUOTE_WORD + NR_QUOTE_WORDS)
		word = ((volatile u64 *)&measured[vm].quote[who - KCORE_QUOTE_HOST])[n - KCORE_QUOTE_WORD];
	return word;
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
