// SPDX-License-Identifier: GPL-2.0-only
/* attack: a hostile host against protected VMs and KCore. */
#include "attacks.h"

int main(int argc, char **argv)
{
	static const struct test tests[] = {
#define ENTRY(function, name, what) { name, what, attack_##function, 0 },
		ATTACKS(ENTRY)
#undef ENTRY
		{ 0 },
	};

	return run_tests("attack", argc, argv, tests);
}
