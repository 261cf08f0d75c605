// SPDX-License-Identifier: GPL-2.0-only
/*
 * init of the Linux guest: says that it was reached, works on every CPU at once (floating point, memory,
 * processes, files), says what came out and powers the VM off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gbench.h"

#define WORK_BYTES (8UL << 20)
#define ROUNDS 3

static double series(int cpu)
{
	double s = 0;

	for (int i = 1; i < 200000; i++)
		s += 1.0 / ((double)i * (double)i + cpu);
	return s;
}

/* A child on one CPU: status 0 if memory, arithmetic and a file came out as expected. */
static int work(int cpu)
{
	cpu_set_t set;
	uint64_t *p, x = 0x9e3779b97f4a7c15UL * (uint64_t)(cpu + 1);
	double first = series(cpu);
	char name[32];
	int fd;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return 1;
	p = mmap(NULL, WORK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 2;
	for (int round = 0; round < ROUNDS; round++) {
		for (uint64_t i = 0; i < WORK_BYTES / 8; i++)
			p[i] = x * (i + 1) + (uint64_t)round;
		if (series(cpu) != first)
			return 3;
		for (uint64_t i = 0; i < WORK_BYTES / 8; i++)
			if (p[i] != x * (i + 1) + (uint64_t)round)
				return 4;
	}
	snprintf(name, sizeof(name), "/work.%d", cpu);
	fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
	if (fd < 0 || write(fd, p, 1UL << 20) != 1L << 20)
		return 5;
	memset(p, 0, 1UL << 20);
	if (pread(fd, p, 1UL << 20, 0) != 1L << 20 || p[0] != x + ROUNDS - 1)
		return 6;
	if (sched_getcpu() != cpu)
		return 7;
	return 0;
}

int main(int argc, char **argv)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), wrong = 0, status;
	struct timespec start, end;
	struct utsname u;

	if (argc == 3 && !strcmp(argv[0], "cc"))
		return gbench_compile(argv[1], argv[2]);
	uname(&u);
	clock_gettime(CLOCK_MONOTONIC, &start);
	printf("GUEST-INIT reached: %s %s, %d CPUs, %ld.%03ld s after its start\n", u.sysname, u.release, cpus,
	       (long)start.tv_sec, start.tv_nsec / 1000000);
	fflush(stdout);
	if (getenv("work") && !strcmp(getenv("work"), "bench"))
		gbench();
	for (int cpu = 0; cpu < cpus; cpu++) {
		pid_t pid = fork();

		if (!pid)
			_exit(work(cpu));
		if (pid < 0)
			wrong++;
	}
	while (wait(&status) > 0) {
		if (status) {
			printf("GUEST-WORK a child ended with status %#x\n", status);
			wrong++;
		}
	}
	/* The timer interrupt: a sleep of 50 ms must end, and not before its time */
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if ((end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec < 50000000)
		wrong++;
	if (wrong)
		printf("GUEST-WORK wrong: %d\n", wrong);
	else
		printf("GUEST-WORK right on %d CPUs\n", cpus);
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	printf("GUEST-INIT power off failed: %s\n", strerror(errno));
	for (;;)
		pause();
}
