// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "measurement.h"

int signature_load(const char *path, struct signature_file *file)
{
	const u64 magic = KCORE_MEASUREMENT_MAGIC;
	FILE *f = fopen(path, "re");
	size_t n;
	bool more;

	if (!f)
		return error_errno("%s", path);
	n = fread(file, 1, sizeof(*file), f);
	more = fgetc(f) != EOF;
	if (ferror(f)) {
		fclose(f);
		return error_errno("%s", path);
	}
	fclose(f);
	if (n != sizeof(*file) || more || memcmp(file->measured, &magic, sizeof(magic)))
		return error_line("%s: no signature as vmsign writes it", path);
	return 0;
}

void measurement_log(const struct kcore_measurement *m, const char *prefix)
{
	u64 words[MEASUREMENT_WORDS];

	memcpy(words, m, sizeof(words));
	for (size_t i = 0; i < MEASUREMENT_WORDS; i++)
		printf("%smeasurement %zu %016llx\n", prefix, i, (unsigned long long)words[i]);
	fflush(stdout);
}

void quote_log(const struct kcore_quote *q, const char *prefix)
{
	u64 words[QUOTE_WORDS];

	memcpy(words, q, sizeof(words));
	for (size_t i = 0; i < QUOTE_WORDS; i++)
		printf("%squote host %zu %016llx\n", prefix, i, (unsigned long long)words[i]);
	fflush(stdout);
}

bool nonce_parse(const char *text, u64 data[4])
{
	return hex_parse(text, NONCE_BYTES, data);
}

bool hex_parse(const char *text, size_t bytes, void *data)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	u8 *to = data;

	if (strlen(text) != 2 * bytes || strspn(text, digits) != 2 * bytes)
		return false;
	for (size_t i = 0; i < 2 * bytes; i++)
		to[i / 2] = (u8)((i % 2 ? to[i / 2] << 4 : 0) | ((strchr(digits, text[i]) - digits) & 15));
	return true;
}

void hex_text(const void *data, size_t bytes, char *text)
{
	for (size_t i = 0; i < bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", ((const u8 *)data)[i]);
}

static unsigned int compare_number(const char *what, u64 a, const char *a_name, u64 b, const char *b_name)
{
	if (a == b)
		return 0;
	error_line("%s: %s %#llx, %s %#llx", what, a_name, (unsigned long long)a, b_name, (unsigned long long)b);
	return 1;
}

unsigned int measurement_compare(const struct kcore_measurement *a, const char *a_name, const struct kcore_measurement *b, const char *b_name)
{
	unsigned int n = compare_number("memory base", a->memory_base, a_name, b->memory_base, b_name) +
			 compare_number("memory end", a->memory_end, a_name, b->memory_end, b_name) +
			 compare_number("vCPUs", a->vcpus, a_name, b->vcpus, b_name) +
			 compare_number("entry", a->entry, a_name, b->entry, b_name) +
			 compare_number("images", a->nr_images, a_name, b->nr_images, b_name);
	char what[32], ours[65], theirs[65];

	for (unsigned int i = 0; i < 4; i++) {
		snprintf(what, sizeof(what), "x%u", i);
		n += compare_number(what, a->x[i], a_name, b->x[i], b_name);
	}
	for (unsigned int i = 0; i < KCORE_MAX_IMAGES; i++) {
		snprintf(what, sizeof(what), "image %u, address", i);
		n += compare_number(what, a->image[i].ipa, a_name, b->image[i].ipa, b_name);
		snprintf(what, sizeof(what), "image %u, bytes", i);
		n += compare_number(what, a->image[i].bytes, a_name, b->image[i].bytes, b_name);
		if (!memcmp(a->image[i].sha256, b->image[i].sha256, sizeof(a->image[i].sha256)))
			continue;
		hex_text(a->image[i].sha256, 32, ours);
		hex_text(b->image[i].sha256, 32, theirs);
		error_line("image %u, sha256: %s %s, %s %s", i, a_name, ours, b_name, theirs);
		n++;
	}
	return n;
}
