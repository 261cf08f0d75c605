/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways into KCore: boot vectors (start of the image, EL2 MMU off), firmware's CPU_ON and resume, the host's
 * vectors and the guests'.  While a guest runs, the host's frame stays at the top of the EL2 stack.
 */
#include <kcore/layout.h>

#define FRAME_BYTES	272		/* struct frame */
#define CPU_CONTEXT	0		/* struct cpu */
#define CPU_STACK	16

	.macro	store_x1_x29 base
	stp	x2, x3, [\base, #16]
	stp	x4, x5, [\base, #32]
	stp	x6, x7, [\base, #48]
	stp	x8, x9, [\base, #64]
	stp	x10, x11, [\base, #80]
	stp	x12, x13, [\base, #96]
	stp	x14, x15, [\base, #112]
	stp	x16, x17, [\base, #128]
	stp	x18, x19, [\base, #144]
	stp	x20, x21, [\base, #160]
	stp	x22, x23, [\base, #176]
	stp	x24, x25, [\base, #192]
	stp	x26, x27, [\base, #208]
	stp	x28, x29, [\base, #224]
	.endm

	.macro	load_x2_x30 base
	ldp	x2, x3, [\base, #16]
	ldp	x4, x5, [\base, #32]
	ldp	x6, x7, [\base, #48]
	ldp	x8, x9, [\base, #64]
	ldp	x10, x11, [\base, #80]
	ldp	x12, x13, [\base, #96]
	ldp	x14, x15, [\base, #112]
	ldp	x16, x17, [\base, #128]
	ldp	x18, x19, [\base, #144]
	ldp	x20, x21, [\base, #160]
	ldp	x22, x23, [\base, #176]
	ldp	x24, x25, [\base, #192]
	ldp	x26, x27, [\base, #208]
	ldp	x28, x29, [\base, #224]
	ldr	x30, [\base, #240]
	.endm

	.macro	push_x19_x28
	stp	x19, x20, [sp, #-80]!
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	.endm

	.macro	pop_x19_x28
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x19, x20, [sp], #80
	.endm

/* ---- installation: boot vectors, MMU off --------------------------------------------------------- */
	.section .boot, "ax"
	.globl	kcore_start
	.hidden	kcore_start
kcore_start:
	.rept	8
	.balign	128
	b	.
	.endr
	.balign	128
	b	install			// synchronous, lower EL, AArch64
	.rept	7
	.balign	128
	b	.
	.endr

// x0 = KCORE_FN_INSTALL, x1 = CPU number, x2 = PA of struct kcore_install.  x0..x18 are the caller's to lose.
	.balign	128
install:
	mov	w3, #0x4bff
	movk	w3, #0xc600, lsl #16
	cmp	x0, x3
	b.ne	1f
	cmp	x1, #64
	b.hs	1f
	mov	x16, x30
	mov	x17, x1
	bl	boot_stack
	push_x19_x28
	stp	x16, x17, [sp, #-16]!
	mov	x0, x17
	mov	x1, x2
	bl	boot_install		// 0 or an error
	cbnz	x0, 2f
	ldr	x0, [sp, #8]
	bl	boot_cpu_registers	// value of SCTLR_EL2
	ldp	x16, x17, [sp], #16
	pop_x19_x28
	mrs	x18, tpidr_el2
	bl	mmu_on
	bl	cpu_stack
	push_x19_x28
	str	x16, [sp, #-16]!
	mov	x0, x17
	bl	boot_cpu_up
	mov	x0, #0
2:	ldr	x30, [sp], #16
	pop_x19_x28
	eret
1:	mov	x0, #-22		// KCORE_EINVAL; stub calls are answered after installation only
	eret

// x17 = CPU number -> sp = top of the stack for the time before the MMU is on; changes x0, x3, x4
boot_stack:
	adrp	x0, boot_stacks
	add	x0, x0, :lo12:boot_stacks
	mov	x4, #BOOT_STACK
	b	1f
// ... = top of its stack
cpu_stack:
	adrp	x0, stacks
	add	x0, x0, :lo12:stacks
	mov	x4, #STACK_SLOT
1:	add	x3, x17, #1
	madd	x0, x3, x4, x0
	mov	sp, x0
	ret

// x0 = SCTLR_EL2
mmu_on:
	adrp	x1, host_vectors
	add	x1, x1, :lo12:host_vectors
	msr	vbar_el2, x1
	ic	iallu
	tlbi	alle2
	tlbi	vmalls12e1
	dsb	nsh
	isb
	msr	sctlr_el2, x0
	isb
	ret

// Firmware's CPU_ON and resume: EL2, MMU off, x0 = CPU number
	.globl	resume_vector
	.hidden	resume_vector
resume_vector:
	mov	x17, x0
	bl	boot_stack
	str	x17, [sp, #-16]!
	bl	boot_cpu_again
	ldr	x0, [sp]
	bl	boot_cpu_registers
	ldr	x17, [sp], #16
	mrs	x18, tpidr_el2
	bl	mmu_on
	bl	cpu_stack
	sub	sp, sp, #FRAME_BYTES
	bl	boot_cpu_frame		// fills the host's frame: where the host wanted to start
	b	return_host

/* ---- vectors --------------------------------------------------------------------------------------- */
	.text
	.macro	vector_el2
	.balign	128
	b	el2_fault
	.endm
	.macro	vector_host kind
	.balign	128
	sub	sp, sp, #FRAME_BYTES
	stp	x0, x1, [sp]
	mov	x0, #\kind
	b	host_entry
	.endm
	.macro	vector_guest kind
	.balign	128
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\kind
	b	guest_leave
	.endm

	.balign	2048
	.globl	host_vectors
	.hidden	host_vectors
host_vectors:
	.rept	8
	vector_el2
	.endr
	vector_host 0
	vector_host 1
	vector_host 1
	vector_host 2
	vector_host 0			// lower EL, AArch32: EL0 of the host
	vector_host 1
	vector_host 1
	vector_host 2

	.balign	2048
	.globl	guest_vectors
	.hidden	guest_vectors
guest_vectors:
	.rept	8
	vector_el2
	.endr
	vector_guest 0
	vector_guest 1
	vector_guest 1
	vector_guest 2
	vector_guest 0
	vector_guest 1
	vector_guest 1
	vector_guest 2

host_entry:
	store_x1_x29 sp
	mrs	x1, elr_el2
	mrs	x2, spsr_el2
	stp	x30, x1, [sp, #240]
	str	x2, [sp, #256]
	mrs	x18, tpidr_el2
	bl	host_trap
	cbnz	x0, enter_guest
return_host:
	ldp	x1, x0, [sp, #248]
	msr	elr_el2, x1
	msr	spsr_el2, x0
	load_x2_x30 sp
	ldp	x0, x1, [sp], #FRAME_BYTES
	eret

enter_guest:				// ELR_EL2 and SPSR_EL2 are set
	ldr	x1, [x18, #CPU_CONTEXT]
	load_x2_x30 x1
	ldp	x0, x1, [x1]
	eret

guest_leave:				// [sp] = x0, x1; x1 = kind
	mrs	x0, tpidr_el2
	ldr	x0, [x0, #CPU_CONTEXT]
	store_x1_x29 x0
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x30, x2, [x0, #240]
	str	x3, [x0, #256]
	mrs	x18, tpidr_el2
	mov	x0, x1
	bl	guest_exit
	cbnz	x0, enter_guest
	b	return_host

el2_fault:
	mrs	x0, esr_el2
	mrs	x1, elr_el2
	b	halt_el2_fault

	.globl	smc_forward
	.hidden	smc_forward
smc_forward:
	ldr	x9, [x18, #CPU_STACK]
	sub	x9, x9, #FRAME_BYTES
	stp	x9, x30, [sp, #-16]!
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	ldp	x4, x5, [x9, #32]
	ldp	x6, x7, [x9, #48]
	ldp	x10, x11, [x9, #80]
	ldp	x12, x13, [x9, #96]
	ldp	x14, x15, [x9, #112]
	ldp	x16, x17, [x9, #128]
	ldp	x8, x9, [x9, #64]
	smc	#0
	mrs	x18, tpidr_el2
	stp	x16, x17, [sp, #-16]!
	ldr	x16, [sp, #16]
	stp	x0, x1, [x16]
	stp	x2, x3, [x16, #16]
	stp	x4, x5, [x16, #32]
	stp	x6, x7, [x16, #48]
	stp	x8, x9, [x16, #64]
	stp	x10, x11, [x16, #80]
	stp	x12, x13, [x16, #96]
	stp	x14, x15, [x16, #112]
	ldp	x0, x1, [sp], #16
	stp	x0, x1, [x16, #128]
	ldp	x9, x30, [sp], #16
	ret

/* ---- the lock: a ticket lock, both halves in one 32-bit word ------------------------------------------ */
	.globl	lock_acquire_body, lock_release_body
	.hidden	lock_acquire_body, lock_release_body
lock_acquire_body:
	adrp	x0, lock_word
	add	x0, x0, :lo12:lock_word
1:	ldaxr	w1, [x0]
	add	w2, w1, #0x10000
	stxr	w3, w2, [x0]
	cbnz	w3, 1b
	lsr	w2, w1, #16		// my ticket
	and	w1, w1, #0xffff
	cmp	w1, w2
	b.eq	3f
	sevl
2:	wfe
	ldaxrh	w1, [x0]
	cmp	w1, w2
	b.ne	2b
3:	ret
lock_release_body:
	adrp	x0, lock_word
	add	x0, x0, :lo12:lock_word
	ldrh	w1, [x0]
	add	w1, w1, #1
	stlrh	w1, [x0]
	ret

/* ---- FP/SIMD ------------------------------------------------------------------------------------------ */
	.arch_extension fp
	.arch_extension simd
	.macro	fp_all op
	.irp	n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	fp_pair	\op, \n
	.endr
	.endm
	.altmacro
	.macro	fp_pair op, n
	fp_one	\op, \n, %(\n + 1)
	.endm
	.macro	fp_one op, n, m
	\op	q\n, q\m, [x0, #(CTX_V - CTX_FPSR + 16 * \n - 512)]
	.endm
	.globl	fp_load_body, fp_save_body, fp_clear_body
	.hidden	fp_load_body, fp_save_body, fp_clear_body
fp_load_body:
	add	x0, x0, #CTX_FPSR
	ldp	x1, x2, [x0]
	msr	fpsr, x1
	msr	fpcr, x2
	add	x0, x0, #512
	fp_all	ldp
	ret
fp_save_body:
	add	x0, x0, #CTX_FPSR
	mrs	x1, fpsr
	mrs	x2, fpcr
	stp	x1, x2, [x0]
	add	x0, x0, #512
	fp_all	stp
	ret
fp_clear_body:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	movi	v\n\().2d, #0
	.endr
	msr	fpsr, xzr
	msr	fpcr, xzr
	ret

	.section .note.GNU-stack, "", %progbits
