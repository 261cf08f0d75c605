// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipi: two vCPUs send each other an SGI in turn; who waits is in WFI, so each one is an IPI, a wake-up and a switch of vCPUs.
 * Reports the ticks of each pass of TD_ARG round trips.
 */
#include "guest.h"

static volatile u64 ready;

static void gic_setup(u64 cpu)
{
	volatile u32 *sgi = (volatile u32 *)(GICR_BASE + 0x20000 * cpu + 0x10000);

	sgi[0x80 / 4] = ~0U;	/* GICR_IGROUPR0 */
	sgi[0x100 / 4] = 1;	/* GICR_ISENABLER0 */
	asm volatile("msr S3_0_C4_C6_0, %0\n\t"		/* ICC_PMR_EL1 */
		     "msr S3_0_C12_C12_7, %1\n\t"	/* ICC_IGRPEN1_EL1 */
		     "isb" : : "r"(0xffUL), "r"(1UL));
}

static void send(u64 cpu)
{
	asm volatile("msr S3_0_C12_C11_5, %0\n\tisb" : : "r"(1UL << cpu) : "memory");	/* ICC_SGI1R_EL1 */
}

static void receive(void)
{
	u64 irq;

	for (;;) {
		asm volatile("mrs %0, S3_0_C12_C12_0" : "=r"(irq) : : "memory");	/* ICC_IAR1_EL1 */
		if (irq != 1023)
			break;
		asm volatile("wfi" : : : "memory");
	}
	asm volatile("msr S3_0_C12_C12_1, %0\n\tisb" : : "r"(irq) : "memory");	/* ICC_EOIR1_EL1 */
}

void secondary_main(u64 cpu)
{
	gic_setup(cpu);
	ready = 1;
	for (;;) {
		receive();
		send(0);
	}
}

void main(void)
{
	u64 loops = td_read(TD_ARG);

	*(volatile u32 *)GICD_BASE = 2;	/* GICD_CTLR: group 1 */
	gic_setup(0);
	if (cpu_on(1))
		finish(1);	/* no second vCPU */
	while (!ready)
		asm volatile("yield");
	for (u64 pass = 0; pass < BENCH_PASSES; pass++) {
		u64 start;

		asm volatile("hint %0" : : "i"(BENCH_MARK + BENCH_IPI));
		start = ticks();
		for (u64 i = 0; i < loops; i++) {
			send(1);
			receive();
		}
		start = ticks() - start;
		asm volatile("hint %0" : : "i"(BENCH_MARK_END));
		td_write(TD_REPORT + 8 * BENCH_IPI, start);
	}
	finish(0);
}
