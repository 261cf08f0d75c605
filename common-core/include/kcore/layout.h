/* SPDX-License-Identifier: GPL-2.0-only */
/* Offsets in struct kcore_vcpu_page (checked against the structure in machine/arm64.c) and in KCore's memory. */
#ifndef KCORE_LAYOUT_H
#define KCORE_LAYOUT_H

#define CTX_X(n)		((n) * 8UL)
#define CTX_PC			0x0f8
#define CTX_PSTATE		0x100
#define CTX_SVE			0x108
#define CTX_SYS			0x110
#define CTX_SCTLR		0x118
#define CTX_VMPIDR		0x1d0
#define CTX_CNTVOFF		0x1d8
#define CTX_ENTER_HCR		0x1e0
#define CTX_ENTER_FLAGS		0x1e8
#define CTX_ENTER_VSESR		0x1f0
#define CTX_ENTER_TRAPS		0x1f8
#define CTX_EXIT_ESR		0x200
#define CTX_EXIT_FAR		0x208
#define CTX_EXIT_HPFAR		0x210
#define CTX_EXIT_DISR		0x218
#define CTX_VGIC		0x220
#define CTX_A32			0x310
#define CTX_FPEXC		0x340
#define CTX_FPSR		0x350
#define CTX_V			0x360

#define ROOT_BYTES		8192UL		/* two concatenated tables: 40-bit IPA, first level 1 */
#define ROOTS_OFFSET		0x200000UL	/* in KCore's memory, behind image, cells and stacks */
#define RECORDS_OFFSET		0x400000UL	/* page records, then the table pool */

#define STACK_BYTES		8192
#define BOOT_STACK		512		/* before the MMU is on; never mapped, so never cached */
#define STACK_SLOT		12288		/* a guard page below each stack */

#endif
