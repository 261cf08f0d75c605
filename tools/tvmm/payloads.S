/* SPDX-License-Identifier: GPL-2.0-only */
/* The flat images of the bare-metal guests. */
	.section .rodata
	.macro	payload name
	.globl	payload_\name, payload_\name\()_end
	.balign	8
payload_\name:
	.incbin	"\name\().bin"
payload_\name\()_end:
	.endm
	.irp	name, hello, bench, agent, regs, fp, spin, cycles, ipi, irq, debug, features, measure
	payload	\name
	.endr
	.section .note.GNU-stack, "", %progbits
