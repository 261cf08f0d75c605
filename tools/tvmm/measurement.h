/* SPDX-License-Identifier: GPL-2.0-only */
/* What KCore measures of a VM (docs/auth.md), and the file that a signature comes in; tools/vmsign has this too. */
#ifndef TVMM_MEASUREMENT_H
#define TVMM_MEASUREMENT_H

#include "util.h"
#include <kcore/abi.h>

#define MEASUREMENT_WORDS	(sizeof(struct kcore_measurement) / 8)
#define SIGNATURE_BYTES		64
#define QUOTE_WORDS		(sizeof(struct kcore_quote) / 8)
#define NONCE_BYTES		32

/* As vmsign writes it: the signed part of struct kcore_measurement, little endian; r and s, big endian */
struct signature_file {
	u8 measured[KCORE_SIGNED_BYTES];
	u8 signature[SIGNATURE_BYTES];
};

/* 0, or -1 after a message */
int signature_load(const char *path, struct signature_file *file);

/* A line "measurement NUMBER WORD" for each word, behind the prefix */
void measurement_log(const struct kcore_measurement *m, const char *prefix);

/* A line "quote host NUMBER WORD" for each word of a quote that the host asked for; the payload measure prints "quote guest NUMBER WORD" */
void quote_log(const struct kcore_quote *q, const char *prefix);

/* The data of a quote by its 64 hexadecimal digits */
bool nonce_parse(const char *text, u64 data[4]);

/* A line on stderr for each part of what is signed in which the two differ; how many */
unsigned int measurement_compare(const struct kcore_measurement *a, const char *a_name, const struct kcore_measurement *b, const char *b_name);

void hex_text(const void *data, size_t bytes, char *text);	/* 2 * bytes + 1 characters */
bool hex_parse(const char *text, size_t bytes, void *data);	/* 2 * bytes digits and nothing else */
#endif
