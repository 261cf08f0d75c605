// SPDX-License-Identifier: GPL-2.0-only
/* Memory, text, files, SHA-256, and ending early. */
#include "retrofit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdarg.h>
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

char *sha256(const void *data, size_t n)
{
	unsigned char digest[32];
	char *hex = xcalloc(2 * sizeof(digest) + 1, 1);

	if (!EVP_Digest(data, n, digest, NULL, EVP_sha256(), NULL))
		die(EXIT_ENV, "libcrypto has no SHA-256");
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}
