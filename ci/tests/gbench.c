// SPDX-License-Identifier: GPL-2.0-only
/*
 * Application work in the Linux guest (`work=bench' on its command line): what a guest does between exits, and the exits that come with it.
 * Each loop is run 16 times; a BENCH line has the least ticks of all but the first (instructions with -icount): app_messages
 * differs by more than 10 % from one pass to the next.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gbench.h"
#include "layout.h"

#define PASSES 16

static void fail(const char *what)
{
	printf("GUEST-WORK wrong: %s\n", what);
	fflush(stdout);
	_exit(1);
}

static uint64_t ticks(void)
{
	uint64_t v;

	asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v) : : "memory");
	return v;
}

/* Hackbench-like: groups of processes that send each other small messages through pipes; writes of up to PIPE_BUF stay whole */
#define PAIRS 6
#define MESSAGES 300
#define MESSAGE 100

static void messages(void)
{
	char text[MESSAGE] = "hello";
	int status;

	for (int i = 0; i < PAIRS; i++) {
		int s[2];

		if (pipe(s))
			fail("pipe");
		for (int side = 0; side < 2; side++) {
			pid_t pid = fork();

			if (pid < 0)
				fail("fork");
			if (pid)
				continue;
			for (int n = 0; n < MESSAGES; n++) {
				if ((side ? write(s[1], text, sizeof(text)) : read(s[0], text, sizeof(text))) != MESSAGE)
					_exit(1);
			}
			_exit(0);
		}
		close(s[0]);
		close(s[1]);
	}
	while (wait(&status) > 0)
		if (status)
			fail("messages");
}

/* Compile-like: processes that read a file, split it into words, keep them in a table, sort them and write a file */
#define UNITS 8
#define SOURCE (48UL << 10)
#define TABLE 4096U

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

int gbench_compile(const char *in, const char *out)
{
	char *text = malloc(SOURCE), (*table)[8] = calloc(TABLE, 8);
	unsigned int used = 0;
	int fd = open(in, O_RDONLY);

	if (!text || !table || fd < 0 || read(fd, text, SOURCE) != (ssize_t)SOURCE)
		return 1;
	close(fd);
	for (char *p = text, *e = text + SOURCE - 8; p < e; p += 6) {
		uint32_t hash = 0;

		for (int i = 0; i < 6; i++)
			hash = hash * 31 + (unsigned char)p[i];
		while (table[hash % TABLE][0] && memcmp(table[hash % TABLE], p, 6))
			hash++;
		if (!table[hash % TABLE][0] && used < TABLE / 2) {
			memcpy(table[hash % TABLE], p, 6);
			used++;
		}
	}
	qsort(table, TABLE, 8, compare);
	fd = open(out, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	if (fd < 0 || write(fd, table, TABLE * 8) != TABLE * 8)
		return 1;
	close(fd);
	return 0;
}

static void compile(void)
{
	char name[32], other[32];
	int status;

	for (int i = 0; i < UNITS; i++) {
		pid_t pid;

		snprintf(name, sizeof(name), "/unit%d.c", i);
		snprintf(other, sizeof(other), "/unit%d.o", i);
		pid = fork();
		if (!pid) {
			execl("/init", "cc", name, other, NULL);
			_exit(1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			fail("compile");
	}
}

static void write_sources(void)
{
	char name[32], *text = malloc(SOURCE);
	uint32_t x = 1;

	if (!text)
		fail("memory");
	for (int i = 0; i < UNITS; i++) {
		int fd;

		for (size_t k = 0; k < SOURCE; k++) {
			if (k % 6 == 0)
				x = x * 1103515245 + 12345;
			text[k] = (char)('a' + (x >> 20) % 500 / (1 + k % 6) % 26);
		}
		snprintf(name, sizeof(name), "/unit%d.c", i);
		fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
		if (fd < 0 || write(fd, text, SOURCE) != (ssize_t)SOURCE)
			fail("sources");
		close(fd);
	}
	free(text);
}

/*
 * Virtio-like: requests of 16 KiB are copied into a ring; a doorbell (an exit to the VMM) and a read of the status (another one) for
 * each, the data through a file.  tvmm has no virtio device: its test device stands for the doorbell.
 */
#define REQUESTS 100
#define REQUEST (16UL << 10)
#define RING 16

static void requests(void)
{
	int mem = open("/dev/mem", O_RDWR | O_SYNC), fd = open("/disk", O_CREAT | O_RDWR | O_TRUNC, 0600);
	volatile uint64_t *dev = mmap(NULL, TESTDEV_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, mem, TESTDEV_BASE);
	static unsigned char ring[RING][REQUEST], data[REQUEST];

	if (mem < 0 || fd < 0 || dev == MAP_FAILED)
		fail("devices");
	for (uint64_t i = 0; i < REQUESTS; i++) {
		memset(data, (int)i, sizeof(data));
		memcpy(ring[i % RING], data, sizeof(data));
		if (pwrite(fd, ring[i % RING], REQUEST, (off_t)(i % RING * REQUEST)) != (ssize_t)REQUEST)
			fail("write");
		dev[TD_USER / 8] = i;
		if (dev[TD_USER / 8] != i)
			fail("status");
		if (pread(fd, data, REQUEST, (off_t)(i % RING * REQUEST)) != (ssize_t)REQUEST || data[REQUEST - 1] != (unsigned char)i)
			fail("read");
	}
	munmap((void *)(uintptr_t)dev, TESTDEV_SIZE);
	close(mem);
	close(fd);
}

static void measure(const char *name, void (*work)(void))
{
	uint64_t min = ~0UL;

	for (int pass = 0; pass < PASSES; pass++) {
		uint64_t t = ticks();

		work();
		t = ticks() - t;
		if (pass && t < min)
			min = t;
	}
	printf("BENCH %s %llu 1 -1\n", name, (unsigned long long)min);
	fflush(stdout);
}

void gbench(void)
{
	write_sources();
	measure("app_messages", messages);
	measure("app_compile", compile);
	measure("app_virtio", requests);
}
