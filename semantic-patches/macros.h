/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parse hints for spatch over KVM/arm64, v4.18 to v6.12; never compiled.
 *
 * spatch expands no macro that it does not know, and drops a whole function without a word
 * where the unexpanded text is not C to it.  Known cases:
 * - for_each_possible_cpu(cpu) *per_cpu_ptr(...) = -1; reads as a product
 *   (kvm_arch_init_vm up to v5.4, kvm_init_stage2_mmu from v5.10)
 * - list_for_each_entry() and scoped_guard() without braces
 * - asm(ALTERNATIVE(...)) and section attributes
 * The engine's visibility gate names a function that is hidden all the same: add its macro here.
 */
#define for_each_possible_cpu(c) for (;;)
#define for_each_online_cpu(c) for (;;)
#define list_for_each_entry(a, b, c) for (;;)
#define scoped_guard(...) if (1)
#define ALTERNATIVE(a, b, ...) a
#define __hyp_text
#define __init
#define __ro_after_init
#define __noscs
#define noinstr
