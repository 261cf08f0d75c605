/* SPDX-License-Identifier: GPL-2.0-only */
/* Signatures of VMs by keys of the tests (BearSSL); the host's kernel is booted with the owner's public key, owner.txt. */
#ifndef SIGN_H
#define SIGN_H

#define SIGN_OWNER	0		/* example key of RFC 6979, A.2.5: everybody has it */
#define SIGN_STRANGER	1

/* Of the first KCORE_SIGNED_BYTES: r and s, 32 bytes each */
void sign_measured(const void *words, unsigned int key, unsigned char signature[64]);

/* Is the quote with that measurement signed by the key, x and y as KCore shows them? */
struct kcore_quote;
struct kcore_measurement;
int quote_signed(const void *key, const struct kcore_quote *quote, const struct kcore_measurement *of);
#endif
