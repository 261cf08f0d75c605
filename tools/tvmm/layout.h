/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's physical address map, shared by the VMM, the bare-metal guests and their linker script. */
#ifndef TVMM_LAYOUT_H
#define TVMM_LAYOUT_H

#define GICD_BASE	0x08000000
#define GICC_BASE	0x08010000
#define ITS_BASE	0x08080000
#define GICR_BASE	0x080a0000
#define UART_BASE	0x09000000
#define UART_SIZE	0x1000
#define UART_SPI	1
#define TEST_SPI	2		/* of the test device */
#define VIRTIO_SPI	3		/* of the first virtio device; one for each */
#define PMU_PPI		23
#define TESTDEV_BASE	0x09010000
#define TESTDEV_SIZE	0x1000
#define VIRTIO_BASE	0x0a000000	/* of the first virtio device */
#define VIRTIO_BYTES	0x1000		/* of each */
#define RAM_BASE	0x40000000
#define POOL_BYTES	0x400000	/* what a guest can share with its virtio devices, at the end of memory */
#define FLAT_OFFSET	0x80000		/* of a flat image in RAM: what kernels had before v3.17 */

/*
 * Test device: 64-bit registers by which a bare-metal guest and the VMM talk.  Every access is an
 * MMIO exit that carries one register, so it works for a protected VM too.
 */
#define TD_REPORT	0x000	/* W, 64 registers: a named value of the payload */
#define TD_NR_REPORTS	64
#define TD_CMD		0x400	/* R: the next command */
#define TD_ARG		0x408	/* R, 4 registers: its arguments */
#define TD_RESULT	0x440	/* W: result of the command */
#define TD_STATUS	0x448	/* W: final status of a payload, 0 = as expected */
#define TD_PROBE	0x450	/* R and W: an exit in the middle of the register keeper */
#define TD_FAULT	0x460	/* W, 3 registers: ESR, FAR, ELR of an exception nobody expected */
#define TD_LINE		0x478	/* W: level of the interrupt line TEST_SPI */
#define TD_USER		0x480	/* R: returns what was last written there (bench: plain MMIO) */
#define TD_BEAT		0x800	/* W, 16 registers: a vCPU's counter */

/* Commands of the agent payload */
#define AGENT_NOP	1	/* -> AGENT_HELLO */
#define AGENT_FILL	2	/* address, bytes, seed: fill with the pattern */
#define AGENT_CHECK	3	/* address, bytes, seed -> words that differ from the pattern */
#define AGENT_READ	4	/* address -> 64-bit value */
#define AGENT_WRITE	5	/* address, value */
#define AGENT_HVC	6	/* x0, x1, x2, x3 -> x0 */
#define AGENT_KEEP	7	/* rounds, salt -> registers changed by somebody else (bit map, see keep.c) */
#define AGENT_EXCEPTIONS 8	/* -> exceptions taken since the last call; bits 63..32: last ESR */
#define AGENT_CPU_ON	9	/* cpu, kind: 0 beat for ever -> PSCI result */
#define AGENT_OFF	10	/* PSCI SYSTEM_OFF */
#define AGENT_CYCLES	11	/* loops -> CNTVCT ticks */
#define AGENT_SYSREG	12	/* index: a register of the agent_sysregs table -> value */
#define AGENT_SMC	13	/* x0, x1, x2, x3 -> x0 */
#define AGENT_JUMP	14	/* address: call what is there */
#define AGENT_TOUCH	15	/* address, bytes: one word a page written */
#define AGENT_READ32	16	/* address -> 32-bit value */
#define AGENT_WRITE32	17	/* address, value */

#define AGENT_HELLO	0x41474e54UL

/* The pattern of FILL and CHECK: nothing that zeroed or copied memory could contain by chance. */
#ifndef __ASSEMBLER__
static inline unsigned long pattern(unsigned long addr, unsigned long seed)
{
	unsigned long v = (addr + 1) * 0x9e3779b97f4a7c15UL ^ seed;

	return v * 0xbf58476d1ce4e5b9UL ^ v >> 29;
}
#endif

/*
 * Report numbers of the bench payloads.  A HINT that no CPU knows marks the beginning of a pass of test k, another one its end: for
 * tools/elcount, which counts between them.
 */
#define BENCH_PASSES	8
#define BENCH_TESTS	9	/* of the payload bench */
#define BENCH_STAGE2_HUGE 8
#define BENCH_IPI	9	/* of the payload ipi; those of ci/tests/hostbench.c follow */
#define BENCH_MARK	64
#define BENCH_MARK_END	127
#define BENCH_PAGES	0x400000	/* of the memory: fresh pages, */
#define BENCH_HUGE	0x4000000	/* fresh huge pages */
#define BENCH_HUGE_LOOPS 8UL	/* a pass */
#endif
