// SPDX-License-Identifier: GPL-2.0-only
/* Rules about all files together: one definition per name, no recursion. */
#include <stdlib.h>
#include <string.h>

#include "c2coq.h"

enum { UNSEEN, ACTIVE, DONE };

static struct func **order;	/* callees before callers, else as written */

static struct func *find(struct program *prog, const char *name)
{
	for (struct func *f = prog->first; f; f = f->next)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

static void visit(struct program *prog, struct func *f);

static void visit_calls(struct program *prog, struct func *f, const struct stmt *s)
{
	struct func *g;

	if (!s)
		return;
	if (s->kind == S_CALL) {
		g = find(prog, s->callee);
		if (g && g->mark == ACTIVE)
			report(f->file, s->line, "call-4", "recursion: '%s' reaches '%s' again; calls go to modules below",
			       f->name, g->name);
		else if (g)
			visit(prog, g);
		else if (prog->whole && !s->primitive)
			report(f->file, s->line, "call-3", "call of '%s', which no file of the core defines", s->callee);
	}
	visit_calls(prog, f, s->a);
	visit_calls(prog, f, s->b);
}

static void visit(struct program *prog, struct func *f)
{
	if (f->mark == DONE)
		return;
	f->mark = ACTIVE;
	visit_calls(prog, f, f->body);
	f->mark = DONE;
	*order = f;
	order = &f->order;
}

void check_program(struct program *prog, bool whole)
{
	prog->whole = whole;
	for (struct func *f = prog->first; f; f = f->next)
		for (struct func *g = prog->first; g != f; g = g->next)
			if (!strcmp(f->name, g->name))
				report(f->file, f->line, "top-4", "function '%s' is also defined at %s:%d; names are unique in the core, static or not",
				       f->name, g->file, g->line);
	order = &prog->ordered;
	for (struct func *f = prog->first; f; f = f->next)
		visit(prog, f);
}
