// SPDX-License-Identifier: GPL-2.0-only
/*
 * irq: interrupts of every kind by the CPU interface of a GICv2 (memory) or GICv3 (registers): SGIs to oneself and to each other vCPU,
 * one that the priority mask holds back, the virtual timer, and a device's line that stays up until it is taken down.
 */
#include "guest.h"

#define ROUNDS		8UL
#define SGI		1UL
#define TIMER		27UL
#define LINE		(32UL + TEST_SPI)
#define NONE		1023UL
#define ID(iar)		((iar) & 0x3ffUL)

/* IHI 0048 4.3 and 4.4, IHI 0069 12.9 and 12.11 */
#define GICD_CTLR	(GICD_BASE + 0x0UL)
#define GICD_IGROUPR1	(GICD_BASE + 0x84UL)
#define GICD_ISENABLER0	(GICD_BASE + 0x100UL)
#define GICD_ISENABLER1	(GICD_BASE + 0x104UL)
#define GICD_ITARGETSR	(GICD_BASE + 0x800UL)
#define GICD_ICFGR2	(GICD_BASE + 0xc08UL)
#define GICD_SGIR	(GICD_BASE + 0xf00UL)
#define GICD_IROUTER	(GICD_BASE + 0x6000UL)
#define GICC_CTLR	(GICC_BASE + 0x0UL)
#define GICC_PMR	(GICC_BASE + 0x4UL)
#define GICC_IAR	(GICC_BASE + 0xcUL)
#define GICC_EOIR	(GICC_BASE + 0x10UL)
#define GICR_SGIS(cpu)	(GICR_BASE + 0x20000UL * (cpu) + 0x10000UL)

static u64 v3;
static volatile u64 ready;

static void write32(u64 addr, u64 v)
{
	asm volatile("str %w0, [%1]" : : "r"(v), "r"(addr) : "memory");
}

static u64 read32(u64 addr)
{
	u64 v;

	asm volatile("ldr %w0, [%1]" : "=r"(v) : "r"(addr) : "memory");
	return v;
}

static void set_mask(u64 pmr)
{
	if (v3)
		asm volatile("msr S3_0_C4_C6_0, %0\n\tisb" : : "r"(pmr) : "memory");	/* ICC_PMR_EL1 */
	else
		write32(GICC_PMR, pmr);
}

static void cpu_setup(u64 cpu)
{
	u64 enable = 1UL << SGI | 1UL << TIMER;

	if (v3) {
		write32(GICR_SGIS(cpu) + 0x80, ~0UL);			/* GICR_IGROUPR0 */
		write32(GICR_SGIS(cpu) + 0x100, enable);		/* GICR_ISENABLER0 */
		asm volatile("msr S3_0_C12_C12_7, %0\n\tisb" : : "r"(1UL));	/* ICC_IGRPEN1_EL1 */
	} else {
		write32(GICD_ISENABLER0, enable);
		write32(GICC_CTLR, 1);
	}
	set_mask(0xff);
}

static void distributor_setup(void)
{
	write32(GICD_CTLR, v3 ? 2 : 1);		/* group 1; group 0 */
	if (v3) {
		write32(GICD_IGROUPR1, 1UL << TEST_SPI);
		asm volatile("str %0, [%1]" : : "r"(0UL), "r"(GICD_IROUTER + 8 * LINE) : "memory");
	} else {
		write32(GICD_ITARGETSR + LINE / 4 * 4, 0x01010101);
	}
	write32(GICD_ICFGR2, 0);		/* level */
	write32(GICD_ISENABLER1, 1UL << TEST_SPI);
}

static void send(u64 cpu)
{
	if (v3)
		asm volatile("msr S3_0_C12_C11_5, %0\n\tisb" : : "r"(SGI << 24 | 1UL << cpu) : "memory");	/* ICC_SGI1R_EL1 */
	else
		write32(GICD_SGIR, 1UL << (16 + cpu) | SGI);
}

static u64 acknowledge(void)
{
	u64 iar;

	if (!v3)
		return read32(GICC_IAR);
	asm volatile("mrs %0, S3_0_C12_C12_0" : "=r"(iar) : : "memory");	/* ICC_IAR1_EL1 */
	return iar;
}

static void end(u64 iar)
{
	if (v3)
		asm volatile("msr S3_0_C12_C12_1, %0\n\tisb" : : "r"(iar) : "memory");	/* ICC_EOIR1_EL1 */
	else
		write32(GICC_EOIR, iar);
}

/* The next interrupt, acknowledged */
static u64 next(void)
{
	u64 iar;

	for (;;) {
		iar = acknowledge();
		if (ID(iar) != NONE)
			return iar;
		asm volatile("wfi" : : : "memory");
	}
}

static void need(u64 good, const char *what, u64 is)
{
	if (good)
		return;
	print("irq: ");
	print(what);
	print(": ");
	print_number(is);
	print("\n");
	finish(1);
}

void secondary_main(u64 cpu)
{
	u64 iar;

	cpu_setup(cpu);
	ready = cpu;
	for (;;) {
		iar = next();
		end(iar);
		if (ID(iar) == SGI)
			send(0);
	}
}

static void from(u64 cpu)
{
	u64 iar;

	for (u64 i = 0; i < ROUNDS; i++) {
		send(cpu);
		iar = next();
		need(ID(iar) == SGI, "not the SGI", iar);
		need(v3 || iar >> 10 == cpu, "sender", iar >> 10);
		end(iar);
	}
}

static void held_back(void)
{
	u64 iar;

	set_mask(0);
	send(0);
	for (u64 i = 0; i < ROUNDS; i++) {
		iar = acknowledge();
		need(ID(iar) == NONE, "masked, but taken", iar);
	}
	set_mask(0xff);
	iar = next();
	need(ID(iar) == SGI, "not the SGI that was masked", iar);
	end(iar);
}

/* Nothing is left; a level that fell while it was on its way may come once more */
static void quiet(u64 id)
{
	u64 iar;

	for (u64 i = 0; i < 2; i++) {
		iar = acknowledge();
		if (ID(iar) == NONE)
			return;
		need(ID(iar) == id && i == 0, "left over", iar);
		end(iar);
	}
}

static void timer(void)
{
	u64 hz, at, iar;

	asm volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	for (u64 i = 0; i < ROUNDS; i++) {
		at = ticks() + hz / 500;
		asm volatile("msr cntv_cval_el0, %0\n\tmsr cntv_ctl_el0, %1\n\tisb" : : "r"(at), "r"(1UL) : "memory");
		iar = next();
		need(ID(iar) == TIMER, "not the timer", iar);
		need(ticks() >= at, "timer too early by", at - ticks());
		end(iar);			/* its line is still up */
		iar = next();
		need(ID(iar) == TIMER, "not the timer again", iar);
		asm volatile("msr cntv_ctl_el0, %0\n\tisb" : : "r"(0UL) : "memory");
		end(iar);
		quiet(TIMER);
	}
}

static void line(void)
{
	u64 iar;

	for (u64 i = 0; i < ROUNDS; i++) {
		td_write(TD_LINE, 1);
		for (u64 times = 0; times < 2; times++) {
			iar = next();
			need(ID(iar) == LINE, "not the line", iar);
			if (times)
				td_write(TD_LINE, 0);
			end(iar);
		}
		quiet(LINE);
	}
}

void main(void)
{
	u64 cpus = 1, pfr0;

	asm volatile("mrs %0, id_aa64pfr0_el1" : "=r"(pfr0));
	v3 = pfr0 >> 24 & 15;
	distributor_setup();
	cpu_setup(0);
	from(0);
	held_back();
	timer();
	line();
	for (; cpus < MAX_CPUS && !cpu_on(cpus); cpus++) {
		while (ready != cpus)
			asm volatile("yield");
		from(cpus);
	}
	print("irq: GICv");
	print_number(v3 ? 3 : 2);
	print(", vCPUs: ");
	print_number(cpus);
	print(", SGIs, mask, timer and line as they should be\n");
	finish(0);
}
