// SPDX-License-Identifier: GPL-2.0-only
/* Keys, signatures and hashes: OpenSSL's libcrypto does all of it. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmsign.h"

#define NUMBER_BYTES	32

struct key {
	EVP_PKEY *pkey;
	u8 point[POINT_BYTES];
};

static int crypto_error(const char *what)
{
	char text[256];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	return error_line("%s: %s", what, text);
}

static void no_memory(void)
{
	error_line("no memory");
	exit(EXIT_ENVIRONMENT);
}

/* x or y of the public key, 32 bytes, big endian */
static bool coordinate(EVP_PKEY *pkey, const char *name, u8 *to)
{
	BIGNUM *v = NULL;
	bool good = EVP_PKEY_get_bn_param(pkey, name, &v) && BN_bn2binpad(v, to, NUMBER_BYTES) == NUMBER_BYTES;

	BN_free(v);
	return good;
}

static bool is_p256(EVP_PKEY *pkey)
{
	char group[32];
	size_t n;

	return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) &&
	       (!strcmp(group, "prime256v1") || !strcmp(group, "P-256"));
}

struct key *key_read(const char *path, bool is_private)
{
	struct key *key = calloc(1, sizeof(*key));
	FILE *f = fopen(path, "re");
	EVP_PKEY_CTX *check;

	if (!key)
		no_memory();
	if (!f) {
		error_errno("%s", path);
		free(key);
		return NULL;
	}
	key->pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	if (!key->pkey && !is_private) {
		rewind(f);
		key->pkey = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	}
	fclose(f);
	if (!key->pkey) {
		error_line("%s: no %s key in PEM", path, is_private ? "private" : "private or public");
	} else if (!is_p256(key->pkey)) {
		error_line("%s: not a key of ECDSA P-256; 'vmsign --help' says how to make one", path);
	} else {
		check = EVP_PKEY_CTX_new(key->pkey, NULL);
		key->point[0] = 4;
		if (check && EVP_PKEY_public_check(check) == 1 && coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, key->point + 1) &&
		    coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, key->point + 1 + NUMBER_BYTES)) {
			EVP_PKEY_CTX_free(check);
			return key;
		}
		EVP_PKEY_CTX_free(check);
		error_line("%s: not a point of P-256", path);
	}
	EVP_PKEY_free(key->pkey);
	free(key);
	return NULL;
}

void key_point(const struct key *key, u8 point[POINT_BYTES])
{
	memcpy(point, key->point, POINT_BYTES);
}

/* OpenSSL's signatures are DER, KCore's are r and s */
int key_sign(const struct key *key, struct signature_file *file)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	u8 der[128];
	size_t n = sizeof(der);
	const u8 *at = der;
	ECDSA_SIG *sig = NULL;
	int r = -1;

	if (md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
	    EVP_DigestSign(md, der, &n, file->measured, sizeof(file->measured)) == 1)
		sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
	if (sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), file->signature, NUMBER_BYTES) == NUMBER_BYTES &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), file->signature + NUMBER_BYTES, NUMBER_BYTES) == NUMBER_BYTES)
		r = 0;
	else
		crypto_error("signing");
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
	return r;
}

struct key *key_from_point(const u8 point[POINT_BYTES])
{
	struct key *key = calloc(1, sizeof(*key));
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, POINT_BYTES),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL), *check = NULL;
	bool good;

	if (!key || !make)
		no_memory();
	good = EVP_PKEY_fromdata_init(make) == 1 && EVP_PKEY_fromdata(make, &key->pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
	if (good)
		check = EVP_PKEY_CTX_new(key->pkey, NULL);
	good = check && EVP_PKEY_public_check(check) == 1;
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(make);
	memcpy(key->point, point, POINT_BYTES);
	if (good)
		return key;
	EVP_PKEY_free(key->pkey);
	free(key);
	error_line("not a point of P-256");
	return NULL;
}

bool key_verifies(const struct key *key, const void *data, size_t bytes, const u8 signature[SIGNATURE_BYTES])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, NUMBER_BYTES, NULL), *s = BN_bin2bn(signature + NUMBER_BYTES, NUMBER_BYTES, NULL);
	u8 *der = NULL;
	bool good;
	int n;

	if (!md || !sig || !r || !s || !ECDSA_SIG_set0(sig, r, s))
		no_memory();
	n = i2d_ECDSA_SIG(sig, &der);
	good = n > 0 && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
	       EVP_DigestVerify(md, der, (size_t)n, data, bytes) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
	return good;
}

struct hash *hash_new(void)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		no_memory();
	return (struct hash *)md;
}

void hash_add(struct hash *hash, const void *data, size_t bytes)
{
	if (EVP_DigestUpdate((EVP_MD_CTX *)hash, data, bytes) != 1)
		no_memory();
}

void hash_end(struct hash *hash, void *digest)
{
	if (EVP_DigestFinal_ex((EVP_MD_CTX *)hash, digest, NULL) != 1)
		no_memory();
	EVP_MD_CTX_free((EVP_MD_CTX *)hash);
}
