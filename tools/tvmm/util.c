// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

static const char *program = "tvmm";

void set_program_name(const char *name)
{
	program = name;
}

static void print_error(const char *format, va_list ap, int error)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, ap);
	fflush(stdout);
	if (error)
		fprintf(stderr, "%s: %s: %s\n", program, text, strerror(error));
	else
		fprintf(stderr, "%s: %s\n", program, text);
}

int error_line(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_error(format, ap, 0);
	va_end(ap);
	return -1;
}

int error_errno(const char *format, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, format);
	print_error(format, ap, error);
	va_end(ap);
	errno = error;
	return -1;
}

bool parse_number(const char *text, u64 max, u64 *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *value <= max;
}

static __thread sigjmp_buf guard;
static __thread volatile sig_atomic_t guarded;
static const char *range_start;
static size_t range_bytes;
static u64 range_ipa;

void guard_name_range(const void *start, size_t bytes, u64 ipa)
{
	range_start = start;
	range_bytes = bytes;
	range_ipa = ipa;
}

static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	const char *at = info->si_addr;
	char text[256];
	int n;

	(void)context;
	if (guarded) {
		guarded = 0;
		siglongjmp(guard, sig);
	}
	if (at >= range_start && at < range_start + range_bytes)
		n = snprintf(text, sizeof(text), "%s: touched guest memory that the protected guest owns (IPA %#llx, signal %d); "
			     "load images before the first run\n", program,
			     (unsigned long long)(range_ipa + (u64)(at - range_start)), sig);
	else
		n = snprintf(text, sizeof(text), "%s: bad memory access at %p (signal %d)\n", program, (void *)info->si_addr, sig);
	if (write(STDERR_FILENO, text, (size_t)n) != n)
		_exit(EXIT_FAILED);
	_exit(EXIT_FAILED);
}

void guard_install(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
}

#define GUARDED(suffix, type)							\
int guarded_load##suffix(const volatile void *p, type *value)			\
{										\
	int sig = sigsetjmp(guard, 1);						\
										\
	if (sig)								\
		return sig;							\
	guarded = 1;								\
	*value = *(const volatile type *)p;					\
	guarded = 0;								\
	return 0;								\
}										\
										\
int guarded_store##suffix(volatile void *p, type value)				\
{										\
	int sig = sigsetjmp(guard, 1);						\
										\
	if (sig)								\
		return sig;							\
	guarded = 1;								\
	*(volatile type *)p = value;						\
	guarded = 0;								\
	return 0;								\
}

GUARDED(, u64)
GUARDED(16, u16)

int guarded_call(void (*fn)(void))
{
	int sig = sigsetjmp(guard, 1);

	if (sig)
		return sig;
	guarded = 1;
	fn();
	guarded = 0;
	return 0;
}

int guarded_copy(void *to, const void *from, size_t bytes)
{
	int sig = sigsetjmp(guard, 1);

	if (sig)
		return sig;
	guarded = 1;
	memcpy(to, from, bytes);
	guarded = 0;
	return 0;
}

long load_file(const char *path, void *to, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	struct stat st;

	if (fd < 0)
		return error_errno("%s", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return error_line("%s: not a regular file", path);
	}
	if ((u64)st.st_size > room) {
		close(fd);
		return error_line("%s: %lld bytes don't fit into the %zu bytes left for it; give the guest more --memory",
				  path, (long long)st.st_size, room);
	}
	while (n < (size_t)st.st_size) {
		ssize_t k = read(fd, (u8 *)to + n, (size_t)st.st_size - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			error_line("%s: read stopped after %zu of %lld bytes%s%s", path, n, (long long)st.st_size,
				   k ? ": " : "", k ? strerror(errno) : "");
			close(fd);
			return -1;
		}
		n += (size_t)k;
	}
	close(fd);
	return (long)n;
}
