// SPDX-License-Identifier: GPL-2.0-only
/* Memory, text, files, SHA-256, and ending early. */
#include "retrofit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *remove_paths[4];

void at_exit_remove(const char *path)
{
	for (size_t i = 0; i < 4; i++) {
		if (!remove_paths[i]) {
			remove_paths[i] = path;
			return;
		}
	}
}

void cleanup(void)
{
	for (size_t i = 0; i < 4; i++) {
		if (remove_paths[i])
			remove_tree(remove_paths[i]);
		remove_paths[i] = NULL;
	}
}

int env_status = EXIT_ENV;

void finish(int status)
{
	status = status == EXIT_ENV ? env_status : status;
	cleanup();
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "%s: standard output: %s\n", program_invocation_short_name, strerror(errno));
		status = status ? status : EXIT_ENV;
	}
	_exit(status);
}

void die(int status, const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	finish(status);
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die(EXIT_ENV, "out of memory");
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		die(EXIT_ENV, "out of memory");
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xcalloc(n + 1, 1);

	memcpy(p, s, n);
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *fmt(const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	s = xcalloc((size_t)n + 1, 1);
	va_start(ap, format);
	vsnprintf(s, (size_t)n + 1, format, ap);
	va_end(ap);
	return s;
}

bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

void list_add(struct list *l, void *item)
{
	l->item = xrealloc(l->item, (l->n + 1) * sizeof(*l->item));
	l->item[l->n++] = item;
}

bool list_has(const struct list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!strcmp(l->item[i], s))
			return true;
	}
	return false;
}

void text_add(struct text *t, const char *s, size_t n)
{
	if (t->len + n + 1 > t->room) {
		t->room = 2 * (t->len + n + 1);
		t->data = xrealloc(t->data, t->room);
	}
	memcpy(t->data + t->len, s, n);
	t->len += n;
	t->data[t->len] = '\0';
}

void text_fmt(struct text *t, const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	s = xcalloc((size_t)n + 1, 1);
	va_start(ap, format);
	vsnprintf(s, (size_t)n + 1, format, ap);
	va_end(ap);
	text_add(t, s, (size_t)n);
	free(s);
}

bool text_equal(const struct text *a, const struct text *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

bool file_try_read(const char *path, struct text *t)
{
	char buffer[16384];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (!f)
		return false;
	*t = (struct text){ 0 };
	text_add(t, "", 0);
	while ((n = fread(buffer, 1, sizeof(buffer), f)) > 0)
		text_add(t, buffer, n);
	if (ferror(f)) {
		fclose(f);
		return false;
	}
	fclose(f);
	return true;
}

struct text file_read(const char *path)
{
	struct text t;

	if (!file_try_read(path, &t))
		die(EXIT_ENV, "%s: %s", path, strerror(errno));
	return t;
}

void file_write(const char *path, const char *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f)
		die(EXIT_ENV, "%s: %s", path, strerror(errno));
	if (fwrite(data, 1, n, f) != n || fflush(f))
		die(EXIT_ENV, "%s: %s: nothing was put in place", path, strerror(errno));
	if (fclose(f))
		die(EXIT_ENV, "%s: %s: nothing was put in place", path, strerror(errno));
}

bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

void make_dirs(const char *path)
{
	char *p = xstrdup(path);

	for (char *s = p + 1; ; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = '\0';
		if (mkdir(p, 0777) && errno != EEXIST)
			die(EXIT_ENV, "%s: %s", p, strerror(errno));
		*s = c;
		if (!c)
			break;
	}
	if (!is_dir(path))
		die(EXIT_ENV, "%s: not a directory", path);
	free(p);
}

void make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash && slash != path)
		make_dirs(xstrndup(path, (size_t)(slash - path)));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct list dir_list(const char *path)
{
	struct list l = { 0 };
	struct dirent *d;
	DIR *dir = opendir(path);

	if (!dir)
		die(EXIT_ENV, "%s: %s", path, strerror(errno));
	while ((d = readdir(dir))) {
		if (d->d_name[0] != '.')
			list_add(&l, xstrdup(d->d_name));
	}
	closedir(dir);
	if (l.n)
		qsort(l.item, l.n, sizeof(*l.item), by_name);
	return l;
}

char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t n = strcspn(path, ":");
		char *p = fmt("%.*s/%s", (int)n, path, name);

		if (is_file(p) && !access(p, X_OK))
			return p;
		free(p);
		path += n;
		path += *path == ':';
	}
	return NULL;
}

/* SHA-256, FIPS 180-4 section 6.2 */
static uint32_t rotate(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static void sha256_block(uint32_t h[8], const unsigned char *p)
{
	static const uint32_t k[64] = {
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
		0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
		0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
		0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
		0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
		0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
		0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
		0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
	};
	uint32_t w[64], v[8];

	for (unsigned int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (unsigned int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
		       w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(v, h, sizeof(v));
	for (unsigned int i = 0; i < 64; i++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (unsigned int i = 0; i < 8; i++)
		h[i] += v[i];
}

char *sha256(const void *data, size_t n)
{
	uint32_t h[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};
	unsigned char tail[128] = { 0 };
	const unsigned char *p = data;
	size_t rest = n % 64, tail_len = rest < 56 ? 64 : 128;
	char *hex = xcalloc(65, 1);

	for (size_t i = 0; i < n / 64; i++)
		sha256_block(h, p + 64 * i);
	memcpy(tail, p + n - rest, rest);
	tail[rest] = 0x80;
	for (unsigned int i = 0; i < 8; i++)
		tail[tail_len - 1 - i] = (unsigned char)((uint64_t)n * 8 >> (8 * i));
	for (size_t i = 0; i < tail_len; i += 64)
		sha256_block(h, tail + i);
	for (unsigned int i = 0; i < 8; i++)
		snprintf(hex + 8 * i, 9, "%08x", h[i]);
	return hex;
}
