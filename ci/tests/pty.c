// SPDX-License-Identifier: GPL-2.0-only
/*
 * pty PROGRAM [ARGUMENT]... - runs a program on a terminal of its own, with its input and output copied; for kvmtool, whose console
 * takes input from a terminal only.  Exit status: the program's, 128 + n for a signal, 3 if there is no terminal to be had.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "pty: %s: %s\n", what, strerror(errno));
	return 3;
}

static int child(const char *name, char **argv)
{
	struct termios raw;
	int fd;

	setsid();
	fd = open(name, O_RDWR);
	if (fd < 0)
		return fail(name);
	ioctl(fd, TIOCSCTTY, 0);
	if (!tcgetattr(fd, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(fd, TCSANOW, &raw);
	}
	dup2(fd, 0);
	dup2(fd, 1);
	execvp(argv[0], argv);
	return fail(argv[0]);
}

/* Moves what is there; false at the end of it */
static int copy(int from, int to)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof(buf)), done = 0, m;

	while (done < n) {
		m = write(to, buf + done, (size_t)(n - done));
		if (m < 0)
			return 0;
		done += m;
	}
	return n > 0;
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN }, { .events = POLLIN } };
	int status, fd = posix_openpt(O_RDWR | O_NOCTTY);
	const char *name;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: pty PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	if (fd < 0 || grantpt(fd) || unlockpt(fd))
		return fail("/dev/ptmx");
	name = ptsname(fd);
	if (!name)
		return fail("ptsname");
	pid = fork();
	if (pid < 0)
		return fail("fork");
	if (!pid)
		_exit(child(name, argv + 1));
	fds[1].fd = fd;
	/* the terminal hangs up when its last user has gone */
	while (poll(fds, 2, -1) > 0 || errno == EINTR) {
		if (fds[0].revents && !copy(0, fd))
			fds[0].fd = -1;
		if (fds[1].revents && !copy(fd, 1))
			break;
	}
	if (waitpid(pid, &status, 0) != pid)
		return fail("waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
