/* SPDX-License-Identifier: GPL-2.0-only */
/* Between kcore_test.c and kcore_test_asm.S */
#ifndef KCORE_TEST_H
#define KCORE_TEST_H

/* What the landing pad writes, in 64-bit words, and its mark */
#define KCORE_PAD_MARK		0
#define KCORE_PAD_CURRENT_EL	8
#define KCORE_PAD_SCTLR		16
#define KCORE_CACHE_OP_BYTES	32	/* each stub of kcore_cache_ops, in the order of KCORE_TEST_DC_* */
#define KCORE_PAD_LANDED	0x6b636f7265706164

#ifndef __ASSEMBLY__
#include <linux/types.h>

extern const u8 kcore_landing_pad[];
extern const u8 kcore_exec_vectors[];
extern const u8 kcore_cache_ops[];

/* Branch to `address' with x0; *fault is 1 if the fetch took an exception.  VBAR_EL1 is kcore_exec_vectors. */
u64 kcore_exec_call(u64 x0, unsigned long address, u64 *fault);
#endif
#endif
