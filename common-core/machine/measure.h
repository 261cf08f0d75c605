/* SPDX-License-Identifier: GPL-2.0-only */
/* What the primitives of kcore/machine.h for measurements do to contents; on arm64 (arm64.c) and in the tests (fake.c). */
#ifndef KCORE_MEASURE_H
#define KCORE_MEASURE_H

#include <kcore/types.h>
#include <kcore/abi.h>

#pragma GCC visibility push(hidden)
void measure_install(const struct kcore_install *in);	/* the keys */
void measure_core(const void *image, u64 bytes);	/* kcore.bin, where it is */
void measure_key(u64 *seed, u64 *noise);		/* KCore's own; four random words each, or 0, gone after it; all 0: no key */
void measure_start(u64 vm, u64 base, u64 end, u64 vcpus, const u64 *x, u64 pc);
void measure_bytes(u64 vm, u64 ipa, const void *page);
u64 measure_verify(u64 vm, const u64 *signature);	/* r, s; nobody else writes there */
void measure_ecdsa(const unsigned char *key, const void *hash, void *signature);	/* P-256, deterministic (RFC 6979, SHA-256) */
#pragma GCC visibility pop

#endif
