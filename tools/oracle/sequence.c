/* SPDX-License-Identifier: GPL-2.0-only */
/* Sequences of events: run, chosen, made shorter, written and read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

struct choosing {
	struct sequence *s;
	struct source *from;
	u64 events;
};

static void run(void *data)
{
	struct sequence *s = data;
	u64 all = s->nr;

	s->nr = 0;			/* what a deviation takes */
	start(&s->machine);
	for (u64 i = 0; i < all; i++) {
		const struct event *inside = i + 1 < all && s->events[i + 1].inside ? &s->events[i + 1] : NULL;

		s->nr = i + 1 + (inside != NULL);
		perform(&s->events[i], inside);
		i += inside != NULL;
	}
	s->nr = all;
}

bool sequence_run(struct sequence *s)
{
	return deviates(run, s);
}

static void run_choosing(void *data)
{
	struct choosing *c = data;
	struct sequence *s = c->s;

	s->nr = 0;
	choose_machine(c->from, &s->machine);
	start(&s->machine);
	while (s->nr < c->events && s->nr + 2 < EVENTS_MAX) {
		struct event *e = &s->events[s->nr], *inside = NULL;

		if (!choose(c->from, e, false))
			return;
		s->nr++;
		if (several_sections(e) && draw(c->from, 2)) {
			inside = &s->events[s->nr];
			if (!choose_inside(c->from, inside, e))
				return;
			s->nr++;
		}
		perform(e, inside);
	}
}

bool sequence_choose(struct sequence *s, struct source *from, u64 events)
{
	struct choosing c = { s, from, events };

	return deviates(run_choosing, &c);
}

/* ---- shorter ---------------------------------------------------------------------------------------------------------- */
/* The same kind of deviation: the same words up to the first number. */
static bool same_kind(const char *a, const char *b)
{
	size_t n = strcspn(a, "0123456789");

	return !strncmp(a, b, n);
}

/* Without events [at, at + n); true if that deviates in the same way, and then it is what s has. */
static bool without(struct sequence *s, u64 at, u64 n, const char *wanted, u64 *trials)
{
	static struct sequence t;

	if (*trials == 0)
		return false;
	(*trials)--;
	t.machine = s->machine;
	t.nr = s->nr - n;
	memcpy(t.events, s->events, at * sizeof(t.events[0]));
	memcpy(t.events + at, s->events + at + n, (s->nr - at - n) * sizeof(t.events[0]));
	t.events[0].inside = 0;
	if (!sequence_run(&t) || !same_kind(wanted, deviation))
		return false;
	s->nr = t.nr;
	memcpy(s->events, t.events, t.nr * sizeof(t.events[0]));
	return true;
}

/* Simpler values: each one zero, each event by itself and on the first CPU. */
static bool simpler(struct sequence *s, u64 i, u64 what, const char *wanted, u64 *trials)
{
	struct event kept = s->events[i];
	u64 nr = s->nr;

	if (*trials == 0)
		return false;
	if (what < 6 && s->events[i].a[what] == 0)
		return false;
	if (what < 6)
		s->events[i].a[what] = 0;
	else if (s->events[i].inside)
		s->events[i].inside = 0;
	else
		return false;
	(*trials)--;
	if (sequence_run(s) && same_kind(wanted, deviation))
		return true;
	s->events[i] = kept;
	s->nr = nr;
	return false;
}

void sequence_shrink(struct sequence *s, u64 trials)
{
	char wanted[sizeof(deviation)];
	u64 before;

	memcpy(wanted, deviation, sizeof(wanted));
	do {
		before = s->nr;
		for (u64 n = s->nr / 2; n > 0; n /= 2)
			for (u64 at = 0; at + n <= s->nr;)
				if (!without(s, at, n, wanted, &trials))
					at += n;
	} while (s->nr < before && trials > 0);
	for (u64 i = 0; i < s->nr; i++)
		for (u64 what = 0; what < 7; what++)
			simpler(s, i, what, wanted, &trials);
	sequence_run(s);		/* the deviation of what is left */
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */
static const char *const call_names[] = {
#define CALL_NAME(nr, NAME, handler, nargs, args, text, errs) [nr] = #NAME,
	KCORE_HYPERCALLS(CALL_NAME)
#undef CALL_NAME
};

void sequence_print(const struct sequence *s, const char *path)
{
	FILE *f = path ? fopen(path, "w") : stdout;
	const struct machine *m = &s->machine;

	if (!f) {
		fprintf(stderr, "oracle: %s: %s\n", path, strerror(errno));
		exit(3);
	}
	if (path)
		fputs("# SPDX-License-Identifier: GPL-2.0-only\n# CPU[+critical section of the call before], event, values; docs/oracle.md\n", f);
	fprintf(f, "machine %lu %lu %#lx %lu %lu %lu %lu %lu\n", m->pool, m->reserve, m->vtr, m->ras, m->aarch32, m->profiling,
		m->signed_only, m->sve);
	for (u64 i = 0; i < s->nr; i++) {
		const struct event *e = &s->events[i];
		u64 n = event_values[e->kind], call = e->a[0] - KCORE_FN_BASE;

		fprintf(f, "%lu", e->cpu);
		if (e->inside)
			fprintf(f, "+%lu", e->inside);
		fprintf(f, " %s", event_names[e->kind]);
		while (n > 1 && e->a[n - 1] == 0)
			n--;
		for (u64 k = 0; k < n; k++)
			fprintf(f, " %#lx", e->a[k]);
		if (e->kind == EV_hvc && call < sizeof(call_names) / sizeof(call_names[0]))
			fprintf(f, "\t# %s", call_names[call]);
		putc('\n', f);
	}
	if (path && fclose(f)) {
		fprintf(stderr, "oracle: %s: %s\n", path, strerror(errno));
		exit(3);
	}
}

static bool number(char **at, u64 *v)
{
	char *end;

	errno = 0;
	*v = strtoul(*at, &end, 0);
	if (end == *at || errno || **at == '-')
		return false;
	*at = end;
	return true;
}

static const char *read_event(struct event *e, char *at)
{
	char name[16];
	int n;

	memset(e, 0, sizeof(*e));
	if (!number(&at, &e->cpu) || e->cpu >= FAKE_CPUS)
		return "no CPU";
	if (*at == '+') {
		at++;
		if (!number(&at, &e->inside) || e->inside == 0)
			return "no number of a critical section behind '+'";
	}
	if (sscanf(at, "%15s%n", name, &n) != 1)
		return "no event";
	at += n;
	for (e->kind = 0; e->kind < EV_NR && strcmp(name, event_names[e->kind]); e->kind++)
		;
	if (e->kind == EV_NR)
		return "no such event";
	for (u64 k = 0; k < event_values[e->kind]; k++) {
		at += strspn(at, " \t");
		if (*at == '\n' || *at == '#' || *at == 0)
			return NULL;
		if (!number(&at, &e->a[k]))
			return "not a number";
	}
	at += strspn(at, " \t");
	return *at == '\n' || *at == '#' || *at == 0 ? NULL : "more values than the event has";
}

bool sequence_read(struct sequence *s, const char *path)
{
	FILE *f = fopen(path, "r");
	struct machine *m = &s->machine;
	const char *wrong = NULL;
	char line[512];
	u64 at = 0;
	bool machine = false;

	if (!f) {
		fprintf(stderr, "oracle: %s: %s\n", path, strerror(errno));
		return false;
	}
	s->nr = 0;
	while (!wrong && fgets(line, sizeof(line), f)) {
		at++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!machine) {
			machine = sscanf(line, "machine %lu %lu %lx %lu %lu %lu %lu %lu", &m->pool, &m->reserve, &m->vtr, &m->ras, &m->aarch32, &m->profiling,
					 &m->signed_only, &m->sve) == 8;
			wrong = machine ? NULL : "expected 'machine' and 8 numbers";
			if (machine && (m->pool == 0 || m->pool > 2000 || m->ras > 1 || m->aarch32 > 2 || m->signed_only > 1 || m->sve > 1 ||
					m->profiling > 3 || (m->vtr & 31) > 15))
				wrong = "not a machine: pool 1..2000, at most 16 list registers";
		} else if (s->nr == EVENTS_MAX) {
			wrong = "too many events";
		} else {
			wrong = read_event(&s->events[s->nr++], line);
		}
	}
	fclose(f);
	if (!wrong && !machine)
		wrong = "no line 'machine'";
	if (wrong)
		fprintf(stderr, "oracle: %s:%lu: %s\n", path, at, wrong);
	return !wrong;
}
