/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry, exception vectors and calls of the bare-metal guests. */
	.section .text.start, "ax"
	.globl	_start
_start:
	adrp	x0, vectors
	add	x0, x0, :lo12:vectors
	msr	vbar_el1, x0
	mov	x0, #3 << 20			// CPACR_EL1.FPEN: no trap at EL1
	msr	cpacr_el1, x0
	isb
	adrp	x0, stacks + 8192
	add	x0, x0, :lo12:(stacks + 8192)
	mov	sp, x0
	bl	main
	mov	x0, #0
	bl	finish

/* A vCPU that cpu_on() started: x0 = its number. */
	.globl	secondary_start
secondary_start:
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	mov	x1, #3 << 20
	msr	cpacr_el1, x1
	isb
	adrp	x1, stacks
	add	x1, x1, :lo12:stacks
	add	x2, x0, #1
	add	x1, x1, x2, lsl #13
	mov	sp, x1
	bl	secondary_main
1:	wfi
	b	1b

	.text
	.globl	hvc4, smc4
hvc4:	hvc	#0
	ret
smc4:	smc	#0
	ret

/*
 * Every exception is counted.  A synchronous one returns behind the instruction, so that the payload
 * goes on and can say what it saw, or to the caller where there is no instruction (instruction abort at
 * EL1); an asynchronous one returns to where it was.
 */
	.macro vector skip
	.balign	0x80
	stp	x0, x1, [sp, #-32]!
	stp	x2, x3, [sp, #16]
	adrp	x0, exceptions
	add	x0, x0, :lo12:exceptions
	ldr	x1, [x0]
	add	x1, x1, #1
	str	x1, [x0]
	mrs	x1, esr_el1
	str	x1, [x0, #8]
	mov	x2, #0x09010000			// TESTDEV_BASE
	str	x1, [x2, #0x460]		// TD_FAULT
	mrs	x1, far_el1
	str	x1, [x2, #0x468]
	mrs	x1, elr_el1
	str	x1, [x2, #0x470]
	.if \skip
	mrs	x2, esr_el1
	lsr	x2, x2, #26			// ESR_EL1.EC
	cmp	x2, #0x21
	add	x1, x1, #4
	csel	x1, x30, x1, eq
	msr	elr_el1, x1
	.endif
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp], #32
	eret
	.endm

	.balign	0x800
vectors:
	.rept	4
	vector	1
	vector	0
	vector	0
	vector	0
	.endr

	.bss
	.balign	16
	.globl	exceptions, last_esr
exceptions:	.skip 8
last_esr:	.skip 8
	.balign	4096
stacks:	.skip	8192 * 17
	.section .note.GNU-stack, "", %progbits
