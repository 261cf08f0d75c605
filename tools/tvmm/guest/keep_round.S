/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One round of the register keeper for each kind of exit: load everything from struct keep (keep.c),
 * exit, store everything behind it.  x0 = struct keep; x30 holds TESTDEV_BASE during the exit.
 */
	.text
	.macro	keep_round name, insn:vararg
	.globl	\name
\name:
	stp	x29, x30, [sp, #-112]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	str	x0, [sp, #96]
	mov	x30, x0
	add	x1, x30, #256
	load_v
	ldr	x1, [x30, #768]
	msr	fpsr, x1
	ldr	x1, [x30, #776]
	msr	fpcr, x1
	ldr	x1, [x30, #248]
	msr	nzcv, x1
	ldp	x0, x1, [x30]
	ldp	x2, x3, [x30, #16]
	ldp	x4, x5, [x30, #32]
	ldp	x6, x7, [x30, #48]
	ldp	x8, x9, [x30, #64]
	ldp	x10, x11, [x30, #80]
	ldp	x12, x13, [x30, #96]
	ldp	x14, x15, [x30, #112]
	ldp	x16, x17, [x30, #128]
	ldp	x18, x19, [x30, #144]
	ldp	x20, x21, [x30, #160]
	ldp	x22, x23, [x30, #176]
	ldp	x24, x25, [x30, #192]
	ldp	x26, x27, [x30, #208]
	ldp	x28, x29, [x30, #224]
	mov	x30, #0x09010000		// TESTDEV_BASE
	\insn
	sub	sp, sp, #16
	str	x30, [sp]
	ldr	x30, [sp, #16 + 96]
	add	x30, x30, #784
	stp	x0, x1, [x30]
	stp	x2, x3, [x30, #16]
	stp	x4, x5, [x30, #32]
	stp	x6, x7, [x30, #48]
	stp	x8, x9, [x30, #64]
	stp	x10, x11, [x30, #80]
	stp	x12, x13, [x30, #96]
	stp	x14, x15, [x30, #112]
	stp	x16, x17, [x30, #128]
	stp	x18, x19, [x30, #144]
	stp	x20, x21, [x30, #160]
	stp	x22, x23, [x30, #176]
	stp	x24, x25, [x30, #192]
	stp	x26, x27, [x30, #208]
	stp	x28, x29, [x30, #224]
	ldr	x0, [sp], #16
	mrs	x1, nzcv
	stp	x0, x1, [x30, #240]
	add	x1, x30, #256
	store_v
	add	x1, x30, #768
	mrs	x0, fpsr
	str	x0, [x1]
	mrs	x0, fpcr
	str	x0, [x1, #8]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #112
	ret
	.endm

	.macro	load_v
	.irp	n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	pair_v	ldp, \n
	.endr
	.endm
	.macro	store_v
	.irp	n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	pair_v	stp, \n
	.endr
	.endm
	.macro	pair_v op, n
	.altmacro
	pair_v2	\op, \n, %(\n + 1)
	.noaltmacro
	.endm
	.macro	pair_v2 op, n, m
	\op	q\n, q\m, [x1, #16 * \n]
	.endm

	keep_round keep_round_mmio_read, ldr x29, [x30, #0x450]	// TD_PROBE
	keep_round keep_round_mmio_write, str x5, [x30, #0x450]
	keep_round keep_round_id, mrs x28, id_aa64pfr0_el1
	keep_round keep_round_hvc, hvc #0
	keep_round keep_round_fault, ldr x28, [x27]
	.section .note.GNU-stack, "", %progbits
