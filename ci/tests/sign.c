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
