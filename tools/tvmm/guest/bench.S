/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench: seven loops in eight passes; reports the ticks of test k of every pass to TD_REPORT + 8 * k.
 * TD_ARG holds the number of loops.  The first pass warms up and touches what the others need; the VMM takes the minimum of the rest.
 */
#include "layout.h"

	.globl	main
	.text
	.macro	begin
	mov	x27, x19
	hint	#80				// marks for a counting plugin of the emulator
	isb
	mrs	x24, cntvct_el0
	.endm
	.macro	finish_test k
	subs	x27, x27, #1
	b.ne	1b
	isb
	mrs	x25, cntvct_el0
	hint	#81
	sub	x25, x25, x24
	str	x25, [x21, #(8 * \k)]
	.endm

main:
	mov	x21, #TESTDEV_BASE
	ldr	x19, [x21, #TD_ARG]		// loops
	mov	x20, #RAM_BASE
	add	x20, x20, #0x400000		// fresh pages, one a loop
	mov	x23, #GICD_BASE
	mov	x28, #BENCH_PASSES
10:
	begin					// 0: the loop itself
1:	nop
	finish_test 0
	begin					// 1: HVC, PSCI_VERSION
1:	mov	x0, #0x84000000
	hvc	#0
	finish_test 1
	begin					// 2: MMIO, to user space
1:	ldr	x0, [x21, #TD_USER]
	finish_test 2
	begin					// 3: MMIO, GICD_TYPER of the kernel's distributor
1:	ldr	w0, [x23, #4]
	finish_test 3
	begin					// 4: trapped ID register
1:	mrs	x0, id_aa64pfr0_el1
	finish_test 4
	begin					// 5: stage-2 fault, a fresh page each
1:	str	x27, [x20]
	add	x20, x20, #4096
	finish_test 5
	begin					// 6: HVC, a function nobody knows
1:	mov	x0, #0x86000000
	movk	x0, #0x1234
	hvc	#0
	finish_test 6
	subs	x28, x28, #1
	b.ne	10b
	mov	x0, #0
	bl	finish
	.section .note.GNU-stack, "", %progbits
