/* SPDX-License-Identifier: GPL-2.0-only */
/* What the test `io' and its guest agree on. */
#ifndef IOSESSION_H
#define IOSESSION_H

#include <stdio.h>
#include <string.h>

#include "sha256.h"

#define DISK_BYTES	(2UL << 20)
#define HALF_BYTES	(DISK_BYTES / 2)	/* the host's; the other half is the guest's to write */
#define PRIVATE_BYTES	(1UL << 20)		/* of the guest's memory */
#define LINE_BYTES	32			/* hex digits that the host sends on the console */

/* What the guest writes for what it has read */
static inline void turn_bytes(unsigned char *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		data[i] ^= 0x80;
}

/* Made of the line by host and guest alike: it is in no image, and never on its way between them */
struct secret {
	unsigned char word[SHA256_BYTES];
	char text[SHA256_TEXT];
};

static inline void make_secret(struct secret *s, const char *line)
{
	char label[LINE_BYTES + 8];

	snprintf(label, sizeof(label), "word %s", line);
	sha256(label, strlen(label), s->word);
	snprintf(label, sizeof(label), "text %s", line);
	sha256_text(label, strlen(label), s->text);
}

/* The private memory: in each page the word twice, then the text again and again */
static inline void fill_private(unsigned char *data, const struct secret *s)
{
	for (size_t at = 0; at < PRIVATE_BYTES; at += 64) {
		if (at % 4096) {
			memcpy(data + at, s->text, 64);
		} else {
			memcpy(data + at, s->word, 32);
			memcpy(data + at + 32, s->word, 32);
		}
	}
}

/* The number of the hypervisor's MMIO guard, as a bit; an address of the guest's where tvmm has no device */
#define MMIO_GUARD	(1U << 7)
#define NO_DEVICE	0x0b000000

#endif
