// SPDX-License-Identifier: GPL-2.0-only
// matches: H06 3
#include <asm/ptrace.h>

static inline bool is_hyp_mode_available(void)
{
	return modes[0] == EL2 && modes[1] == EL2;
}

static inline bool is_hyp_mode_mismatched(void)
{
	bool differ = modes[0] != modes[1];

	return differ;
}

static inline bool is_kernel_in_hyp_mode(void)
{
	return current_mode() == EL2;
}
