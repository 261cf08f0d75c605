// SPDX-License-Identifier: GPL-2.0-only
/* Runs clang on one file and loads its JSON AST. */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "c2coq.h"

extern char **environ;

const char *ast_str(const json_t *node, const char *key)
{
	const char *s = json_string_value(json_object_get(node, key));

	return s ? s : "";
}

bool ast_is(const json_t *node, const char *kind)
{
	return strcmp(ast_str(node, "kind"), kind) == 0;
}

json_t *ast_kid(const json_t *node, size_t i)
{
	return json_array_get(json_object_get(node, "inner"), i);
}

size_t ast_nkids(const json_t *node)
{
	return json_array_size(json_object_get(node, "inner"));
}

/* The location of a node: where a macro is used, not where it is written. */
static const json_t *location(const json_t *node)
{
	const json_t *b = json_object_get(json_object_get(node, "range"), "begin");
	const json_t *e;

	if (!b)
		b = json_object_get(node, "loc");
	e = json_object_get(b, "expansionLoc");
	return e ? e : b;
}

const char *ast_file(const json_t *node)
{
	return ast_str(location(node), "at_file");
}

int ast_line(const json_t *node)
{
	return (int)json_integer_value(json_object_get(location(node), "at_line"));
}

const char *ast_enum_value(const json_t *constant)
{
	const json_t *e = ast_kid(constant, 0);

	while (ast_is(e, "ImplicitCastExpr"))
		e = ast_kid(e, 0);
	return ast_str(e, "value");
}

struct position {
	json_t *file, *line;
};

/* clang prints file and line only where they change; document order is the order of change. */
static void fill_locations(json_t *o, struct position *at)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_array(o)) {
		json_array_foreach(o, i, v)
			fill_locations(v, at);
	} else if (json_is_object(o)) {
		if (json_object_get(o, "offset")) {
			if (json_object_get(o, "file"))
				at->file = json_object_get(o, "file");
			if (json_object_get(o, "line"))
				at->line = json_object_get(o, "line");
			json_object_set(o, "at_file", at->file);
			json_object_set(o, "at_line", at->line);
			return;
		}
		json_object_foreach(o, key, v)
			if (json_is_object(v) || json_is_array(v))
				fill_locations(v, at);
	}
}

static _Noreturn void environment(const char *what, const char *why)
{
	fprintf(stderr, "c2coq: %s: %s\n", what, why);
	exit(3);
}

json_t *ast_load(const char *clang, const char *file, char *const flags[])
{
	static const char *const own[] = {
		"--target=aarch64-linux-gnu", "-fsyntax-only", "-Xclang", "-ast-dump=json",
		"-Qunused-arguments", "-Wno-everything",
	};
	size_t nown = sizeof(own) / sizeof(own[0]), nflags = 0, n = 0;
	struct position at = { json_string("?"), json_integer(0) };
	posix_spawn_file_actions_t actions;
	json_error_t err;
	json_t *root;
	char **argv;
	int fds[2], status;
	pid_t pid;
	FILE *in;

	while (flags && flags[nflags])
		nflags++;
	argv = xalloc((nown + nflags + 3) * sizeof(*argv));
	argv[n++] = (char *)clang;
	for (size_t i = 0; i < nflags; i++)
		argv[n++] = flags[i];
	for (size_t i = 0; i < nown; i++)
		argv[n++] = (char *)own[i];
	argv[n++] = (char *)file;
	argv[n] = NULL;
	if (access(file, R_OK))
		environment(file, strerror(errno));
	if (pipe(fds))
		environment("pipe", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	errno = posix_spawnp(&pid, clang, &actions, NULL, argv, environ);
	if (errno)
		environment(clang, "cannot be run: install clang-14 or name it by --clang");
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	in = fdopen(fds[0], "r");
	if (!in)
		environment("pipe", strerror(errno));
	root = json_loadf(in, 0, &err);
	fclose(in);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status)) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
			environment(clang, "cannot be run: install clang-14 or name it by --clang");
		report(file, 0, "compile", "clang does not compile it (its message is above)");
		return NULL;
	}
	if (!root)
		environment(file, err.text);
	fill_locations(root, &at);
	return root;
}
