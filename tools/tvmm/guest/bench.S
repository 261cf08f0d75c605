/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench: loops in eight passes; reports the ticks of test k of every pass to TD_REPORT + 8 * k.
 * TD_ARG holds the number of loops, behind it that of huge pages.  The first pass warms up and touches what the others need; the VMM
 * takes the minimum of the rest.
 */
#include "layout.h"

#define ICC_PMR		S3_0_C4_C6_0
#define ICC_SGI1R	S3_0_C12_C11_5
#define ICC_IAR1	S3_0_C12_C12_0
#define ICC_EOIR1	S3_0_C12_C12_1
#define ICC_IGRPEN1	S3_0_C12_C12_7

	.globl	main
	.text
	.macro	begin k, count=x19
	mov	x27, \count
	hint	#(BENCH_MARK + \k)
	isb
	mrs	x24, cntvct_el0
	.endm
	.macro	finish_test k
	subs	x27, x27, #1
	b.ne	1b
	isb
	mrs	x25, cntvct_el0
	hint	#BENCH_MARK_END
	sub	x25, x25, x24
	str	x25, [x21, #(8 * \k)]
	.endm

main:
	mov	x21, #TESTDEV_BASE
	ldr	x19, [x21, #TD_ARG]		// loops
	ldr	x18, [x21, #(TD_ARG + 8)]	// huge pages a pass
	ldr	x22, =(RAM_BASE + BENCH_HUGE)	// fresh huge pages, one a loop
	ldr	x20, =(RAM_BASE + BENCH_PAGES)	// fresh pages, one a loop
	mov	x23, #GICD_BASE

	mov	w0, #2				// GICD_CTLR: group 1
	str	w0, [x23]
	ldr	x1, =(GICR_BASE + 0x10000)	// this vCPU's SGIs
	mov	w0, #-1
	str	w0, [x1, #0x80]			// GICR_IGROUPR0
	mov	w0, #1
	str	w0, [x1, #0x100]		// GICR_ISENABLER0
	mov	x0, #0xff
	msr	ICC_PMR, x0
	mov	x0, #1
	msr	ICC_IGRPEN1, x0
	isb

	mov	x28, #BENCH_PASSES
10:
	begin	0				// the loop itself
1:	nop
	finish_test 0
	begin	1				// HVC, PSCI_VERSION
1:	mov	x0, #0x84000000
	hvc	#0
	finish_test 1
	begin	2				// MMIO, to user space
1:	ldr	x0, [x21, #TD_USER]
	finish_test 2
	begin	3				// MMIO, GICD_TYPER of the kernel's distributor
1:	ldr	w0, [x23, #4]
	finish_test 3
	begin	4				// trapped ID register
1:	mrs	x0, id_aa64pfr0_el1
	finish_test 4
	begin	5				// stage-2 fault, a fresh page each
1:	str	x27, [x20]
	add	x20, x20, #4096
	finish_test 5
	begin	6				// HVC, a function nobody knows
1:	mov	x0, #0x86000000
	movk	x0, #0x1234
	hvc	#0
	finish_test 6
	begin	7				// SGI to this vCPU, taken by polling
1:	mov	x0, #1
	msr	ICC_SGI1R, x0
	isb
2:	mrs	x0, ICC_IAR1
	cmp	x0, #1023
	b.eq	2b
	msr	ICC_EOIR1, x0
	isb
	finish_test 7
	begin	8, x18				// stage-2 fault, a page of a fresh huge page each
1:	str	x27, [x22]
	add	x22, x22, #(2 << 20)
	finish_test 8
	subs	x28, x28, #1
	b.ne	10b
	mov	x0, #0
	bl	finish
	.section .note.GNU-stack, "", %progbits
