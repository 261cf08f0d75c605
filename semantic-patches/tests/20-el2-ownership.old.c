// SPDX-License-Identifier: GPL-2.0-only
// matches: H02 1, H03 1
// as up to v5.4: a parameter, and declarations
static void cpu_init_hyp_mode(void *dummy)
{
	phys_addr_t pgd_ptr;
	unsigned long stack;

	pgd_ptr = get_httbr();
	stack = get_stack();
	install(pgd_ptr, stack);
}

static void cpu_hyp_reset(void)
{
	if (!is_kernel_in_hyp_mode())
		__hyp_reset_vectors();
}
