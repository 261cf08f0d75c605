/* SPDX-License-Identifier: GPL-2.0-only */
/* vmsign - sign what KCore measures of a VM, and check it */
#ifndef VMSIGN_H
#define VMSIGN_H

#include "measurement.h"

#define HASH_BYTES	32
#define POINT_BYTES	65

/* key.c: ECDSA P-256 by OpenSSL; each returns 0, or -1 after a message */
struct key;
struct key *key_read(const char *path, bool is_private);	/* NULL after a message; a private key serves as a public one too */
void key_point(const struct key *key, u8 point[POINT_BYTES]);	/* 04, x, y */
int key_sign(const struct key *key, struct signature_file *file);
struct key *key_from_point(const u8 point[POINT_BYTES]);	/* NULL after a message */
bool key_verifies(const struct key *key, const void *data, size_t bytes, const u8 signature[SIGNATURE_BYTES]);

struct hash;
struct hash *hash_new(void);
void hash_add(struct hash *hash, const void *data, size_t bytes);
void hash_end(struct hash *hash, void *digest);			/* and the hash is gone */

/* plan.c: the VM that tvmm would start, or images at addresses */
struct plan {
	const char *kind;		/* linux, flat, run, images */
	const char *image, *initrd, *append;
	char **files;			/* images: FILE@ADDRESS */
	int nr_files;
	u64 base, memory, vcpus, gic, entry, x[4];
	bool its, pmu, disk, vconsole;
};
int plan_measure(const struct plan *plan, struct kcore_measurement *m);

/* log.c: lines "measurement NUMBER WORD", and those of a quote "quote host NUMBER WORD" (guest), whatever is in front of them */
int log_read(const char *path, struct kcore_measurement *m);
int log_read_quote(const char *path, const char *asked, struct kcore_quote *q);

#endif
