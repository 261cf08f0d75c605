// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs.  Each child leads a process group of its own; an interrupt kills
 * the groups, removes what is half-written and ends the program by the same signal.
 */
#include "retrofit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigset_t waited, inherited;
static pid_t *children;
static size_t nchildren;

void signals_init(void)
{
	sigemptyset(&waited);
	sigaddset(&waited, SIGINT);
	sigaddset(&waited, SIGTERM);
	sigaddset(&waited, SIGHUP);
	sigaddset(&waited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &waited, &inherited);
	/* a limit on file sizes and a closed pipe are errors of the write, with a message */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static void interrupted(int sig) __attribute__((noreturn));
static void interrupted(int sig)
{
	sigset_t one;

	for (size_t i = 0; i < nchildren; i++) {
		if (children[i] > 0) {
			kill(-children[i], SIGKILL);
			while (waitpid(children[i], NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
	fprintf(stderr, "retrofit: interrupted; nothing was put in place\n");
	cleanup();
	signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + sig);
}

void signals_check(void)
{
	static const struct timespec now;
	sigset_t set = waited;
	int sig;

	sigdelset(&set, SIGCHLD);
	sig = sigtimedwait(&set, NULL, &now);
	if (sig > 0)
		interrupted(sig);
}

static void redirect(int fd, const char *path)
{
	int to = open(path ? path : "/dev/null", path ? O_WRONLY | O_CREAT | O_TRUNC : O_RDWR, 0666);

	if (to < 0 || dup2(to, fd) < 0) {
		dprintf(2, "retrofit: %s: %s\n", path ? path : "/dev/null", strerror(errno));
		_exit(127);
	}
	close(to);
}

static pid_t start(const struct job *job)
{
	pid_t pid;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid < 0)
		die(EXIT_ENV, "fork: %s", strerror(errno));
	if (pid) {
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, &inherited, NULL);
	signal(SIGPIPE, SIG_DFL);
	redirect(0, NULL);
	redirect(1, job->out);
	if (job->err)
		redirect(2, job->err);
	if (job->dir && chdir(job->dir)) {
		dprintf(2, "retrofit: %s: %s\n", job->dir, strerror(errno));
		_exit(127);
	}
	setenv("LC_ALL", "C", 1);
	execvp(job->argv[0], (char *const *)job->argv);
	dprintf(2, "retrofit: %s: %s\n", job->argv[0], strerror(errno));
	_exit(127);
}

static int status_of(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/* Collect what has ended; false if nothing had. */
static bool collect(struct job *jobs, size_t n, size_t *running)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		int status;

		if (children[i] <= 0 || waitpid(children[i], &status, WNOHANG) <= 0)
			continue;
		jobs[i].status = status_of(status);
		children[i] = 0;
		(*running)--;
		any = true;
	}
	return any;
}

void run_jobs(struct job *jobs, size_t n, unsigned int parallel)
{
	size_t next = 0, running = 0;

	children = xcalloc(n, sizeof(*children));
	nchildren = n;
	while (next < n || running) {
		while (next < n && running < parallel) {
			signals_check();
			children[next] = start(&jobs[next]);
			next++;
			running++;
		}
		if (!collect(jobs, n, &running)) {
			int sig = sigwaitinfo(&waited, NULL);

			if (sig > 0 && sig != SIGCHLD)
				interrupted(sig);
		}
	}
	free(children);
	children = NULL;
	nchildren = 0;
}

int run(const char *const *argv, const char *dir, const char *out, const char *err)
{
	struct job job = { .argv = argv, .dir = dir, .out = out, .err = err };

	run_jobs(&job, 1, 1);
	return job.status;
}
