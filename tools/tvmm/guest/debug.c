// SPDX-License-Identifier: GPL-2.0-only
/*
 * debug: takes an exception from each hardware breakpoint and each watchpoint in turn, and none while MDSCR_EL1.MDE is off.
 * Where the registers read zero whatever is written (a protected VM) none may come at all.
 */
#include "guest.h"

#define MDSCR_KDE	(1UL << 13)
#define MDSCR_MDE	(1UL << 15)
#define BCR_EL1		(0xfUL << 5 | 1UL << 1 | 1UL)		/* BAS: the whole instruction; PMC: EL1; E */
#define WCR_EL1_STORE	(0xffUL << 5 | 2UL << 3 | 1UL << 1 | 1UL)	/* BAS: 8 bytes; LSC: stores; PAC: EL1; E */
#define EC_BREAKPOINT	0x31UL
#define EC_WATCHPOINT	0x35UL

#define WRITE(reg, v)	asm volatile("msr " #reg ", %0" : : "r"((u64)(v)) : "memory")
#define READ(reg)	({ u64 v_; asm volatile("mrs %0, " #reg : "=r"(v_)); v_; })
#define EACH(X)		X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* The last exception; the vectors write it, mask debug exceptions in SPSR and go back to the instruction */
struct taken {
	u64 count, esr, far, elr;
};
struct taken taken;
extern char debug_vectors[];
asm("	.balign	0x800\n"
    "debug_vectors:\n"
    "	.rept	16\n"
    "	.balign	0x80\n"
    "	stp	x0, x1, [sp, #-16]!\n"
    "	adrp	x0, taken\n"
    "	add	x0, x0, :lo12:taken\n"
    "	ldr	x1, [x0]\n"
    "	add	x1, x1, #1\n"
    "	str	x1, [x0]\n"
    "	mrs	x1, esr_el1\n"
    "	str	x1, [x0, #8]\n"
    "	mrs	x1, far_el1\n"
    "	str	x1, [x0, #16]\n"
    "	mrs	x1, elr_el1\n"
    "	str	x1, [x0, #24]\n"
    "	mrs	x1, spsr_el1\n"
    "	orr	x1, x1, #0x200\n"
    "	msr	spsr_el1, x1\n"
    "	ldp	x0, x1, [sp], #16\n"
    "	eret\n"
    "	.endr\n"
    "	.balign	0x80\n");

/* An instruction and a store to stop at: debug exceptions are unmasked for these only */
void stop_here(u64 *word);
extern char stop_instruction[], stop_store[];
asm("stop_here:\n"
    "	isb\n"
    "	msr	daifclr, #8\n"
    "stop_instruction:\n"
    "	nop\n"
    "stop_store:\n"
    "	str	x0, [x0]\n"
    "	msr	daifset, #8\n"
    "	ret\n");

static u64 word __attribute__((aligned(8)));

/*
 * KVM of 5.4 takes a trapped access to register n for one to register 0, and traps the first access after each exit: an interrupt of the
 * host between two accesses is enough.  What doesn't read back is written again; where it never does (hidden) it stays so.
 */
#define TRIES	4

static void breakpoint(u64 n, u64 address, u64 control)
{
	u64 kept = 0;

	for (u64 i = 0; i < TRIES && !kept; i++) {
		switch (n) {
#define SET(n)														\
		case n:													\
			WRITE(dbgbvr##n##_el1, address);								\
			WRITE(dbgbcr##n##_el1, control);								\
			kept = READ(dbgbvr##n##_el1) == address && READ(dbgbcr##n##_el1) == control;			\
			break;
		EACH(SET)
#undef SET
		}
	}
}

static void watchpoint(u64 n, u64 address, u64 control)
{
	u64 kept = 0;

	for (u64 i = 0; i < TRIES && !kept; i++) {
		switch (n) {
#define SET(n)														\
		case n:													\
			WRITE(dbgwvr##n##_el1, address);								\
			WRITE(dbgwcr##n##_el1, control);								\
			kept = READ(dbgwvr##n##_el1) == address && READ(dbgwcr##n##_el1) == control;			\
			break;
		EACH(SET)
#undef SET
		}
	}
}

/* 1 if exactly one exception of that class came, at that instruction; after an exit to user space */
static u64 stops(u64 class, const char *at)
{
	taken = (struct taken) { 0 };
	td_read(TD_USER);
	stop_here(&word);
	return taken.count == 1 && taken.esr >> 26 == class && taken.elr == (u64)at;
}

static u64 silent(void)
{
	stops(0, stop_instruction);
	return taken.count == 0;
}

void main(void)
{
	u64 dfr0 = READ(id_aa64dfr0_el1), brps = (dfr0 >> 12 & 15) + 1, wrps = (dfr0 >> 20 & 15) + 1;
	u64 hit = 0, watched = 0, wrong = 0, hidden;

	WRITE(vbar_el1, debug_vectors);
	WRITE(osdlr_el1, 0);
	WRITE(oslar_el1, 0);
	WRITE(mdscr_el1, MDSCR_MDE | MDSCR_KDE);
	hidden = READ(mdscr_el1) == 0;
	for (u64 n = 0; n < brps; n++) {
		breakpoint(n, (u64)stop_instruction, BCR_EL1);
		hit += stops(EC_BREAKPOINT, stop_instruction);
		wrong += hidden && taken.count;
		WRITE(mdscr_el1, 0);
		wrong += !silent();
		WRITE(mdscr_el1, MDSCR_MDE | MDSCR_KDE);
		breakpoint(n, 0, 0);
	}
	for (u64 n = 0; n < wrps; n++) {
		watchpoint(n, (u64)&word, WCR_EL1_STORE);
		watched += stops(EC_WATCHPOINT, stop_store) && taken.far == (u64)&word;
		wrong += hidden && taken.count;
		watchpoint(n, 0, 0);
	}
	breakpoint(0, 0, 0);
	watchpoint(0, 0, 0);
	wrong += !silent();
	wrong += hidden ? hit + watched : brps - hit + (wrps - watched);
	print("debug: ");
	print_number(hit);
	print(" breakpoints and ");
	print_number(watched);
	print(" watchpoints taken, registers ");
	print(hidden ? "hidden\n" : "used\n");
	td_write(TD_REPORT, wrong);
	finish(wrong != 0);
}
