/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors, files and guarded access to memory that the host may have given away. */
#ifndef TVMM_UTIL_H
#define TVMM_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

enum exit_code { EXIT_PASS = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3, EXIT_SKIP = 77 };

/* A line on stderr: "PROGRAM: text"; error_errno() adds ": strerror(errno)".  Both return -1. */
int error_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
int error_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));
void set_program_name(const char *name);

/* Number in decimal or 0x hex; false if the text is anything else or above max. */
bool parse_number(const char *text, u64 max, u64 *value);

/*
 * Memory that a protected guest owns gives SIGBUS.  guard_install() turns an unexpected one into a
 * message and exit status 1; inside guarded_*() it is caught and its number returned, else 0.
 */
void guard_install(void);
void guard_name_range(const void *start, size_t bytes, u64 ipa);
int guarded_load(const volatile void *p, u64 *value);
int guarded_store(volatile void *p, u64 value);
int guarded_load16(const volatile void *p, u16 *value);
int guarded_store16(volatile void *p, u16 value);
int guarded_call(void (*fn)(void));
int guarded_copy(void *to, const void *from, size_t bytes);

/* Reads the file to the address; -1 with a message if it can't be read or is larger than room. */
long load_file(const char *path, void *to, size_t room);
#endif
