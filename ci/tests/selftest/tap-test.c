// SPDX-License-Identifier: GPL-2.0-only
/* Tests for the test runner itself: each ends in one of the ways that a test can end. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static void passes(void)
{
	expect(true, "seen %d", 1);
	expect(true, "seen 2");
}

static void fails(void)
{
	expect(true, "one right");
	expect(false, "one wrong");
	expect(true, "one right again");
}

static void proves_nothing(void)
{
}

static void skips(void)
{
	expect(false, "not told");
	skip("no reason");
}

static void gives_up(void)
{
	expect(true, "before");
	give_up("can't go on");
}

static void crashes(void)
{
	expect(true, "before");
	raise(SIGSEGV);
}

static void exits(void)
{
	expect(true, "before");
	_exit(0);
}

static void hangs(void)
{
	expect(true, "before");
	for (;;)
		pause();
}

static void forges(void)
{
	expect(false, "a\nok 99 - forged # SKIP");
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "passes", "p", passes, 0 },
		{ "fails", "f", fails, 0 },
		{ "nothing", "n", proves_nothing, 0 },
		{ "skips", "s", skips, 0 },
		{ "gives-up", "g", gives_up, 0 },
		{ "crashes", "c", crashes, 0 },
		{ "exits", "e", exits, 0 },
		{ "hangs", "h", hangs, 1 },
		{ "forges", "x", forges, 0 },
		{ 0 },
	};

	return run_tests("tap-test", argc, argv, tests);
}
