/* SPDX-License-Identifier: GPL-2.0-only */
/* oracle: random sequences of events on the core and in the top machine, until they differ or there were enough. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oracle.h"

static const char *const checks[] = { "owner", "maps", "scrub", "exit", "enter", "fp", "unshare", "host-fp" };
#define NR_CHECKS (sizeof(checks) / sizeof(checks[0]))

static void usage(FILE *f)
{
	fputs("Usage: oracle [OPTION]...\n"
	      "Give the same random events (host calls, faults, SMCs, guests, on several CPUs) to the compiled core on a fake machine and to the\n"
	      "top machine of the proof, and compare all that is left behind after each.  The first deviation is made as short as it gets and printed.\n\n"
	      "  -c, --calls N       events in all (100000)\n"
	      "  -l, --length N      events from one installation to the next (1200)\n"
	      "  -s, --seed N        of the first sequence (1)\n"
	      "  -r, --replay FILE   run the sequence of the file, as a deviation is written\n"
	      "  -o, --output FILE   write the deviation there too\n"
	      "  -a, --audit N       each N steps look at everything in the top machine's state (20000; 0: never)\n"
	      "  -b, --break CHECK   without that check in the top machine: owner, maps, scrub, exit, enter, fp, unshare, host-fp\n"
	      "      --no-shrink     print the deviation as it was found\n"
	      "  -h, --help          show this\n\n"
	      "Exit status: 0 no deviation, 1 a deviation, 2 usage, 3 environment.  docs/oracle.md has more.\n", f);
}

static u64 number_of(const char *option, const char *text)
{
	char *end;
	u64 v = strtoul(text, &end, 0);

	if (*text == 0 || *text == '-' || *end) {
		fprintf(stderr, "oracle: --%s: '%s' is no number\n", option, text);
		exit(2);
	}
	return v;
}

static struct sequence sequence;

static void report(u64 seed, double seconds)
{
	printf("# %lu events (%lu inside of a call of another CPU) from seed %lu: no deviation", counts.events, counts.inside, seed);
	if (seconds > 0)
		printf("; %.0f a second", (double)counts.events / seconds);
	printf("\n#");
	for (u64 k = 0; k < EV_NR; k++)
		printf(" %s %lu", event_names[k], counts.kinds[k]);
	printf("\n# calls, by number, that succeeded/failed:");
	for (u64 k = 0; k < 27; k++)
		printf(" %lu:%lu/%lu", k, counts.calls[k][0], counts.calls[k][1]);
	printf("\n# pages that guests share, take back, give up (granted/refused/not there):");
	for (u64 k = 0; k < 3; k++)
		printf(" %lu/%lu/%lu", counts.pages[k][0], counts.pages[k][1], counts.pages[k][2]);
	printf("\n");
}

static int found(bool shrink, const char *output, u64 seed)
{
	u64 events = counts.events, length = sequence.nr;

	printf("deviation: %s\n", deviation);
	if (shrink)
		sequence_shrink(&sequence, 20000);
	printf("# after %lu events, from seed %lu; %lu of the sequence's %lu events are enough:\n", events, seed, sequence.nr, length);
	if (shrink)
		printf("# %s\n", deviation);
	sequence_print(&sequence, NULL);
	if (output) {
		sequence_print(&sequence, output);
		printf("# again: oracle --replay %s\n", output);
	}
	return 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "calls", 1, NULL, 'c' }, { "length", 1, NULL, 'l' }, { "seed", 1, NULL, 's' }, { "replay", 1, NULL, 'r' },
		{ "output", 1, NULL, 'o' }, { "audit", 1, NULL, 'a' }, { "break", 1, NULL, 'b' }, { "no-shrink", 0, NULL, 'n' },
		{ "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	u64 calls = 100000, length = 1200, seed = 1;
	const char *replay = NULL, *output = NULL;
	struct timespec from, to;
	bool shrink = true;
	int c;

	spec_audit = 20000;
	while ((c = getopt_long(argc, argv, "c:l:s:r:o:a:b:h", options, NULL)) != -1) {
		switch (c) {
		case 'c': calls = number_of("calls", optarg); break;
		case 'l': length = number_of("length", optarg); break;
		case 's': seed = number_of("seed", optarg); break;
		case 'a': spec_audit = number_of("audit", optarg); break;
		case 'r': replay = optarg; break;
		case 'o': output = optarg; break;
		case 'n': shrink = false; break;
		case 'b':
			while (spec_broken < NR_CHECKS && strcmp(optarg, checks[spec_broken]))
				spec_broken++;
			if (spec_broken++ == NR_CHECKS) {
				fprintf(stderr, "oracle: --break: no check '%s'; see --help\n", optarg);
				return 2;
			}
			break;
		case 'h': usage(stdout); return 0;
		default: fputs("oracle: see --help\n", stderr); return 2;
		}
	}
	if (optind < argc || length == 0 || length > EVENTS_MAX - 2) {
		fprintf(stderr, "oracle: %s; see --help\n", optind < argc ? "unexpected argument" : "--length: 1 to 19998");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	spec_init(argv);
	if (replay) {
		if (!sequence_read(&sequence, replay))
			return 2;
		if (sequence_run(&sequence)) {
			printf("deviation: %s\n# after event %lu of %s\n", deviation, sequence.nr, replay);
			return 1;
		}
		printf("# %lu events of %s: no deviation\n", counts.events, replay);
		return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (u64 n = 0; counts.events < calls; n++) {
		struct source random = { .random = (seed + n) * 0x9e3779b97f4a7c15UL | 1 };
		u64 left = calls - counts.events;

		for (u64 i = 0; i < 8; i++)
			draw(&random, 2);
		if (sequence_choose(&sequence, &random, left < length ? left + 1 : length))
			return found(shrink, output, seed + n);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	report(seed, (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	return 0;
}
