// SPDX-License-Identifier: GPL-2.0-only
#define KCORE_FAKE_MACHINE		/* what of BearSSL KCore has is for this machine */
#include "../../common-core/machine/measure.c"
/* What signing needs and checking doesn't */
#include "src/ec/ecdsa_i31_sign_raw.c"
#include "src/int/i31_modpow2.c"
#include "src/mac/hmac.c"
#include "src/rand/hmac_drbg.c"

#include "sign.h"

static unsigned char secrets[2][32] = {
	{ 0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93,
	  0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21 },
	{ 0x57, 0x2a },
};

void sign_measured(const void *words, unsigned int key, unsigned char signature[64])
{
	const br_ec_private_key k = { BR_EC_secp256r1, secrets[key], sizeof(secrets[key]) };
	unsigned char hash[32];

	hash_of(words, KCORE_SIGNED_BYTES, hash);
	br_ecdsa_i31_sign_raw(&br_ec_p256_m31, &br_sha256_vtable, hash, &k, signature);
}

int quote_signed(const void *key, const struct kcore_quote *quote, const struct kcore_measurement *of)
{
	unsigned char point[POINT_BYTES] = { 4 }, hash[32];
	br_ec_public_key k = { BR_EC_secp256r1, point, sizeof(point) };
	br_sha256_context c;

	memcpy(point + 1, key, sizeof(point) - 1);
	br_sha256_init(&c);
	br_sha256_update(&c, quote, KCORE_QUOTE_SIGNED);
	br_sha256_update(&c, of, sizeof(*of));
	br_sha256_out(&c, hash);
	return (int)br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, hash, sizeof(hash), &k, quote->signature, 64);
}
