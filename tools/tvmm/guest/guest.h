/* SPDX-License-Identifier: GPL-2.0-only */
/* What the bare-metal guests share: MMU off, EL1, exceptions masked, one stack per vCPU. */
#ifndef GUEST_H
#define GUEST_H

#include "layout.h"

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define MAX_CPUS 16
#define PSCI_CPU_ON		0xc4000003UL
#define PSCI_SYSTEM_OFF		0x84000008UL
#define PSCI_VERSION		0x84000000UL
#define PSCI_AFFINITY_INFO	0xc4000004UL

static inline void td_write(u64 reg, u64 v)
{
	asm volatile("str %0, [%1]" : : "r"(v), "r"(TESTDEV_BASE + reg) : "memory");
}

static inline u64 td_read(u64 reg)
{
	u64 v;

	asm volatile("ldr %0, [%1]" : "=r"(v) : "r"(TESTDEV_BASE + reg) : "memory");
	return v;
}

static inline u64 ticks(void)
{
	u64 v;

	asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v) : : "memory");
	return v;
}

/* start.S */
u64 hvc4(u64 x0, u64 x1, u64 x2, u64 x3);
u64 smc4(u64 x0, u64 x1, u64 x2, u64 x3);
extern u64 exceptions, last_esr;

/* keep.c: registers that changed over the rounds, as a bit map: 0..30 x, 31 NZCV, 32 v, 33 FPSR and FPCR, 40.. system */
u64 keep_registers(u64 rounds, u64 salt);

/* lib.c */
void print(const char *s);
void print_number(u64 v);
void finish(u64 status) __attribute__((noreturn));
u64 cpu_on(u64 cpu);

/* the payload; secondary_main is entered by a vCPU that cpu_on() started */
void main(void);
void secondary_main(u64 cpu);
#endif
