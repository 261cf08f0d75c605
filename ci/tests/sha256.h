/* SPDX-License-Identifier: GPL-2.0-only */
/* SHA-256 (FIPS 180-4) for tests, of the test host and of its guest. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>

#define SHA256_BYTES	32
#define SHA256_TEXT	65		/* hex digits and a NUL */

void sha256(const void *data, size_t bytes, unsigned char digest[SHA256_BYTES]);
void sha256_text(const void *data, size_t bytes, char text[SHA256_TEXT]);
#endif
