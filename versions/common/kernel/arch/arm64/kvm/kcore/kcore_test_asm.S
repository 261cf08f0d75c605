/* SPDX-License-Identifier: GPL-2.0-only */
/* The test driver's landing pad for CPU_ON, and a call with an exception net of its own. */
#include <uapi/linux/psci.h>
#include <asm/assembler.h>
#include "kcore_test.h"

	/* linkage.h's own macros have other names in every other release */
	.macro	test_symbol, name
	.globl	\name
	.type	\name, %function
\name:
	.endm

	.text

/*
 * Entered by CPU_ON, MMU off, with x0 = physical address of the report.  Position independent: it runs at its
 * physical address.  Reports the exception level and turns the CPU off again.
 */
	.balign	64
	test_symbol kcore_landing_pad
	mrs	x1, CurrentEL
	lsr	x1, x1, #2
	str	x1, [x0, #KCORE_PAD_CURRENT_EL]
	cmp	x1, #2
	b.eq	1f
	mrs	x2, sctlr_el1
	b	2f
1:	mrs	x2, sctlr_el2
2:	str	x2, [x0, #KCORE_PAD_SCTLR]
	dsb	sy
	mov_q	x3, KCORE_PAD_LANDED
	str	x3, [x0, #KCORE_PAD_MARK]
	dsb	sy
	mov_q	x0, PSCI_0_2_FN_CPU_OFF
	smc	#0
3:	wfi
	b	3b
	.size	kcore_landing_pad, . - kcore_landing_pad

/* Vectors while kcore_exec_call() is under way: any exception ends it.  x9..x11 are the call's own. */
	.balign	2048
	test_symbol kcore_exec_vectors
	.rept	16
	.balign	128
	b	kcore_exec_fault
	.endr
	.size	kcore_exec_vectors, . - kcore_exec_vectors

/* u64 kcore_exec_call(u64 x0, unsigned long address, u64 *fault), interrupts and SErrors masked */
	test_symbol kcore_exec_call
	stp	x29, x30, [sp, #-112]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	x2, x18, [sp, #96]
	mov	x29, sp
	str	xzr, [x2]
	blr	x1
	b	kcore_exec_return
kcore_exec_fault:
	mov	sp, x29
	ldr	x2, [sp, #96]
	mov	x3, #1
	str	x3, [x2]
kcore_exec_return:
	mov	sp, x29
	ldp	x2, x18, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #112
	ret
	.size	kcore_exec_call, . - kcore_exec_call

/* Stubs for kcore_exec_call(): x0 = the operation's register, PAR_EL1 on return of the last two */
	.macro	cache_op, op:vararg
	.balign	KCORE_CACHE_OP_BYTES
	\op
	dsb	sy
	isb
	mrs	x0, par_el1
	ret
	.endm

	.balign	KCORE_CACHE_OP_BYTES
	test_symbol kcore_cache_ops
	cache_op dc civac, x0
	cache_op dc ivac, x0
	cache_op dc cvac, x0
	cache_op dc cvau, x0
	cache_op ic ivau, x0
	cache_op dc zva, x0
	cache_op dc cisw, x0
	cache_op dc isw, x0
	cache_op dc csw, x0
	cache_op at s1e1r, x0
	cache_op at s12e1r, x0
	.size	kcore_cache_ops, . - kcore_cache_ops
