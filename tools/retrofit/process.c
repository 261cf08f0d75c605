// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs.  Each child leads a process group of its own; an interrupt kills
 * the groups, removes what is half-written and ends the program by the same signal.
 */
#include "retrofit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
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

static void kill_children(void)
{
	for (size_t i = 0; i < nchildren; i++) {
		if (children[i] > 0) {
			kill(-children[i], SIGKILL);
			while (waitpid(children[i], NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
}

static void interrupted(int sig) __attribute__((noreturn));
static void interrupted(int sig)
{
	sigset_t one;

	kill_children();
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

/* Spawned, not forked: a campaign of mutants holds a gigabyte, and a fork would copy its page tables each time. */
static pid_t start(const struct job *job)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t broken_pipe;
	pid_t pid;
	int error;

	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &inherited);
	posix_spawnattr_setsigdefault(&attr, &broken_pipe);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, job->out ? job->out : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (job->err)
		posix_spawn_file_actions_addopen(&files, 2, job->err, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (job->dir)
		posix_spawn_file_actions_addchdir_np(&files, job->dir);
	error = posix_spawnp(&pid, job->argv[0], &files, &attr, (char *const *)job->argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (error) {
		kill_children();
		die(EXIT_ENV, "%s can't be run: %s", job->argv[0], strerror(error));
	}
	return pid;
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
