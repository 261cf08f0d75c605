/* SPDX-License-Identifier: GPL-2.0-only */
/* KCore's image, copied into its own memory by install.c and freed with the kernel's init sections. */
	.section .init.rodata, "a"
	.balign	8
	.globl	kcore_blob, kcore_blob_end
kcore_blob:
	.incbin	"kcore.bin"
kcore_blob_end:
