// SPDX-License-Identifier: GPL-2.0-only
/*
 * agent: does what the VMM asks for, one command at a time, and says what it found.  It is the witness
 * of the attack tests: only the guest can say whether its memory and registers are still its own.
 */
#include "guest.h"

static u64 fill(u64 addr, u64 bytes, u64 seed)
{
	for (u64 a = addr; a < addr + bytes; a += 8)
		*(volatile u64 *)a = pattern(a, seed);
	return bytes / 8;
}

static u64 check(u64 addr, u64 bytes, u64 seed)
{
	u64 bad = 0;

	for (u64 a = addr; a < addr + bytes; a += 8)
		bad += *(volatile u64 *)a != pattern(a, seed);
	return bad;
}

static u64 touch(u64 addr, u64 bytes)
{
	for (u64 a = addr; a < addr + bytes; a += 4096)
		*(volatile u64 *)a = a;
	return bytes / 4096;
}

static u64 read_exceptions(void)
{
	u64 v = last_esr << 32 | exceptions;

	exceptions = 0;
	last_esr = 0;
	return v;
}

static u64 spin_loop(u64 loops)
{
	u64 t = ticks();

	for (u64 i = 0; i < loops; i++)
		asm volatile("" : "+r"(i));
	return ticks() - t;
}

static u64 read_sysreg(u64 index)
{
	u64 v = 0;

	switch (index) {
	case 0: asm volatile("mrs %0, midr_el1" : "=r"(v)); break;
	case 1: asm volatile("mrs %0, mpidr_el1" : "=r"(v)); break;
	case 2: asm volatile("mrs %0, sctlr_el1" : "=r"(v)); break;
	case 3: asm volatile("mrs %0, cntvct_el0" : "=r"(v)); break;
	case 4: asm volatile("mrs %0, CurrentEL" : "=r"(v)); break;
	case 5: asm volatile("mrs %0, daif" : "=r"(v)); break;
	case 6: asm volatile("mrs %0, id_aa64pfr0_el1" : "=r"(v)); break;
	case 7: asm volatile("mrs %0, id_aa64mmfr0_el1" : "=r"(v)); break;
	case 8: asm volatile("mrs %0, pmccntr_el0" : "+r"(v)); break;	/* no PMU: UNDEFINED, up to Linux 5.10 zero */
	case 9: asm volatile("mrs %0, cntpct_el0" : "+r"(v)); break;
	}
	return v;
}

/* Says that it runs, then works without ever leaving the guest by itself: its vCPU stays loaded */
void secondary_main(u64 cpu)
{
	for (u64 beat = 1; beat <= 3; beat++)
		td_write(TD_BEAT + 8 * cpu, beat);
	for (;;)
		spin_loop(10000);
}

void main(void)
{
	for (;;) {
		u64 cmd = td_read(TD_CMD), r = 0, a[4];

		for (u64 i = 0; i < 4; i++)
			a[i] = td_read(TD_ARG + 8 * i);
		switch (cmd) {
		case AGENT_NOP: r = AGENT_HELLO; break;
		case AGENT_FILL: r = fill(a[0], a[1], a[2]); break;
		case AGENT_CHECK: r = check(a[0], a[1], a[2]); break;
		case AGENT_READ: r = *(volatile u64 *)a[0]; break;
		case AGENT_WRITE: *(volatile u64 *)a[0] = a[1]; break;
		case AGENT_READ32: r = *(volatile u32 *)a[0]; break;
		case AGENT_WRITE32: *(volatile u32 *)a[0] = (u32)a[1]; break;
		case AGENT_HVC: r = hvc4(a[0], a[1], a[2], a[3]); break;
		case AGENT_SMC: r = smc4(a[0], a[1], a[2], a[3]); break;
		case AGENT_KEEP: r = keep_registers(a[0], a[1]); break;
		case AGENT_EXCEPTIONS: r = read_exceptions(); break;
		case AGENT_CPU_ON: r = cpu_on(a[0]); break;
		case AGENT_OFF: finish(0);
		case AGENT_CYCLES: r = spin_loop(a[0]); break;
		case AGENT_JUMP: ((void (*)(void))a[0])(); break;
		case AGENT_SYSREG: r = read_sysreg(a[0]); break;
		case AGENT_TOUCH: r = touch(a[0], a[1]); break;
		}
		td_write(TD_RESULT, r);
	}
}
