/* SPDX-License-Identifier: GPL-2.0-only */
/* The port assistant: what becomes of each hook on a release that has no ledger.  docs/port.md describes it. */
#ifndef RETROFIT_PORT_H
#define RETROFIT_PORT_H

#include "retrofit.h"

enum verdict { V_OK, V_MOVED, V_RENAMED, V_SIGNATURE, V_BODY, V_HIDDEN, V_NEW, V_GONE, NR_VERDICTS };

struct place {
	struct target *t;
	const char *file, *symbol;	/* as the ledger that was started from has them; NULL: a place that it doesn't have */
	enum verdict verdict;
	const char *guard;		/* the gate's message */
	const char *note;
	const char *history;		/* what git log said */
	struct list candidates;		/* of text */
	bool paired;			/* with a match that no place claimed */
	bool settled;			/* the gates pass at the place that was found */
	bool dropped;			/* a crossing that isn't made any more */
	bool changed;			/* settled, but the definition is not what it was */
	bool no_shim;
};

struct indexed {			/* a file of the new tree that a hook could be in */
	const char *path;
	struct source *source;
};

struct port {
	struct engine *e;
	const char *from, *from_tree, *glue, *output, *truth;
	struct list index;		/* struct indexed */
	struct list places;		/* struct place */
	struct list operations;		/* what the audit found */
	unsigned int count[NR_VERDICTS], hooks_ok, hooks;
	bool unread;			/* all hooks apply as they are */
};

/* portindex.c */
void index_tree(struct port *p);
const struct indexed *index_file(const struct port *p, const char *path);
const struct indexed *index_symbol(const struct port *p, const char *symbol, const char *like);
struct source *old_source(const struct port *p, const char *path);
double name_likeness(const char *a, const char *b);
char *def_text(const struct source *s, const struct def *d);
char *def_signature(const struct source *s, const struct def *d);
struct list similar_defs(const struct port *p, const struct source *old, const struct def *d, const char *symbol,
			 const char *file, double *best, char **best_name, const char **best_file);

/* port.c */
bool is_crossing(const struct target *t);
bool at_file_level(const char *symbol);
int port_run(struct port *p);

/* portreport.c */
extern const char *const verdict_name[NR_VERDICTS];
void port_history(struct port *p);
void port_report(struct port *p, FILE *out);
void port_write(struct port *p);
unsigned int port_compare(struct port *p, FILE *out);

#endif
