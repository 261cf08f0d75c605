// SPDX-License-Identifier: GPL-2.0-only
// matches: H02 1, H03 1
static void cpu_init_hyp_mode(void)
{
	install_vectors();
	if (needs_more())
		install_more();
}

static void cpu_hyp_reset(void)
{
	if (!is_kernel_in_hyp_mode())
		__hyp_reset_vectors();
}

static void cpu_hyp_reinit(void)
{
	cpu_hyp_reset();
	cpu_init_hyp_mode();
}
