// SPDX-License-Identifier: GPL-2.0-only
/*
 * features: what the ID registers offer of each optional feature that a VM may lack, and which of its registers and
 * instructions are there all the same.  One that is hidden has to be UNDEFINED (docs/features.md).
 */
#include "guest.h"

#define READ(reg)	({ u64 v_; asm volatile("mrs %0, " #reg : "=r"(v_)); v_; })
#define SCTLR_ENIA	(1UL << 31)
#define CPACR_OPEN	(3UL << 16 | 3UL << 20 | 3UL << 24)	/* ZEN, FPEN, SMEN: EL1 itself traps nothing */
#define EC_UNKNOWN	0UL
#define EC_SYSREG	0x18UL		/* at EL1, of EL1's own: an ID register that the CPU doesn't have, told so by FEAT_IDST */

/* The last exception; the vectors write it and go on behind the instruction */
struct taken {
	u64 count, esr;
};
struct taken taken;
extern char feature_vectors[];
asm("	.balign	0x800\n"
    "feature_vectors:\n"
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
    "	mrs	x1, elr_el1\n"
    "	add	x1, x1, #4\n"
    "	msr	elr_el1, x1\n"
    "	ldp	x0, x1, [sp], #16\n"
    "	eret\n"
    "	.endr\n"
    "	.balign	0x80\n");

/*
 * A use: instructions that change nothing but x0.  Words are by number, since the assembler knows only the base architecture;
 * the generic names of registers are S<op0>_<op1>_C<n>_C<m>_<op2>.
 */
#define USES(X) \
	X(PMU, "PMCR_EL0", "mrs x0, S3_3_C9_C12_0") \
	X(PMU, "PMCCNTR_EL0", "mrs x0, S3_3_C9_C13_0") \
	X(PMU, "PMCNTENSET_EL0", "mrs x0, S3_3_C9_C12_1") \
	X(PMU, "PMUSERENR_EL0", "mrs x0, S3_3_C9_C14_0") \
	X(PMU, "PMINTENSET_EL1", "mrs x0, S3_0_C9_C14_1") \
	X(PMU, "PMEVCNTR0_EL0", "mrs x0, S3_3_C14_C8_0") \
	X(SPE, "PMSCR_EL1", "mrs x0, S3_0_C9_C9_0") \
	X(SPE, "PMSIDR_EL1", "mrs x0, S3_0_C9_C9_7") \
	X(SPE, "PMBLIMITR_EL1", "mrs x0, S3_0_C9_C10_0") \
	X(TRACE, "TRCIDR0", "mrs x0, S2_1_C0_C8_7") \
	X(TRACE, "TRFCR_EL1", "mrs x0, S3_0_C1_C2_1") \
	X(TRACE, "TRBLIMITR_EL1", "mrs x0, S3_0_C9_C11_0") \
	X(TRACE, "BRBCR_EL1", "mrs x0, S2_1_C9_C0_0") \
	X(AMU, "AMCR_EL0", "mrs x0, S3_3_C13_C2_0") \
	X(AMU, "AMEVCNTR00_EL0", "mrs x0, S3_3_C13_C4_0") \
	X(SVE, "RDVL", ".inst 0x04bf5020") \
	X(SVE, "PTRUE", ".inst 0x2518e3e0") \
	X(SVE, "ZCR_EL1", "mrs x0, S3_0_C1_C2_0") \
	X(SME, "SMSTART", ".inst 0xd503477f") \
	X(SME, "RDSVL", ".inst 0x04bf5820") \
	X(SME, "SMCR_EL1", "mrs x0, S3_0_C1_C2_6") \
	X(SME, "SVCR", "mrs x0, S3_3_C4_C2_2") \
	X(SME, "SMIDR_EL1", "mrs x0, S3_1_C0_C0_6") \
	X(POINTER, "APIAKeyLo_EL1", "mrs x0, S3_0_C2_C1_0") \
	X(POINTER, "APIAKeyLo_EL1, written", "msr S3_0_C2_C1_0, x0") \
	X(POINTER, "APGAKeyHi_EL1", "mrs x0, S3_0_C2_C3_1") \
	X(POINTER, "PACGA", ".inst 0x9ac13000") \
	X(POINTER, "PACIA", ".inst 0xdac10020") \
	X(MTE, "GCR_EL1", "mrs x0, S3_0_C1_C0_6") \
	X(MTE, "RGSR_EL1", "mrs x0, S3_0_C1_C0_5") \
	X(MTE, "TFSR_EL1", "mrs x0, S3_0_C5_C6_0") \
	X(MTE, "GMID_EL1", "mrs x0, S3_1_C0_C0_4") \
	X(RAS, "ERRIDR_EL1", "mrs x0, S3_0_C5_C3_0") \
	X(RAS, "ERRSELR_EL1", "mrs x0, S3_0_C5_C3_1") \
	X(RAS, "ERXFR_EL1", "mrs x0, S3_0_C5_C4_0") \
	X(NESTED, "HCR_EL2", "mrs x0, S3_4_C1_C1_0") \
	X(NESTED, "SCTLR_EL12", "mrs x0, S3_5_C1_C0_0") \
	X(LOR, "LORC_EL1", "mrs x0, S3_0_C10_C4_3") \
	X(LOR, "LORID_EL1", "mrs x0, S3_0_C10_C4_7") \
	X(MPAM, "MPAM1_EL1", "mrs x0, S3_0_C10_C5_0") \
	X(CONTEXT, "SCXTNUM_EL1", "mrs x0, S3_0_C13_C0_7") \
	X(CONTEXT, "SCXTNUM_EL0", "mrs x0, S3_3_C13_C0_7") \
	X(TME, "TSTART", ".inst 0xd5233060") \
	X(LS64, "LD64B", ".inst 0xf83fd3e0") \
	X(LS64, "ACCDATA_EL1", "mrs x0, S3_0_C13_C0_5") \
	X(TCR2, "TCR2_EL1", "mrs x0, S3_0_C2_C0_3") \
	X(TCR2, "PIR_EL1", "mrs x0, S3_0_C10_C2_3")

/* Uses that nothing traps where the feature is in the machine, or not in each (docs/features.md): only told of */
#define OPEN_USES(X) \
	X(SME, "TPIDR2_EL0", "mrs x0, S3_3_C13_C0_5") \
	X(SME, "SMPRI_EL1", "mrs x0, S3_0_C1_C2_4") \
	X(RAS, "DISR_EL1", "mrs x0, S3_0_C12_C1_1") \
	X(POINTER, "XPACI", ".inst 0xdac143e0") \
	X(MTE, "IRG", ".inst 0x9adf1000")

/* Registers of those that a guest may write: what is in one isn't there any more after an exit, so that nobody else finds it */
#define OPEN_REGISTERS(X) \
	X(SME, "TPIDR2_EL0", S3_3_C13_C0_5, 0x5e7a91d2) \
	X(RAS, "DISR_EL1", S3_0_C12_C1_1, 0x15)

/* Not optional: these have to be readable in every guest, whatever traps to hide the others */
#define ALWAYS(X) \
	X("MIDR_EL1", "mrs x0, midr_el1") \
	X("MPIDR_EL1", "mrs x0, mpidr_el1") \
	X("REVIDR_EL1", "mrs x0, revidr_el1") \
	X("AIDR_EL1", "mrs x0, aidr_el1") \
	X("CTR_EL0", "mrs x0, ctr_el0") \
	X("CLIDR_EL1", "mrs x0, clidr_el1") \
	X("CCSIDR_EL1", "mrs x0, ccsidr_el1") \
	X("MDSCR_EL1", "mrs x0, mdscr_el1") \
	X("MDCCSR_EL0", "mrs x0, mdccsr_el0")

/* Fields of the ID registers that say a feature is there: name, register, mask, value without it */
#define FEATURES(X) \
	X(PMU, S3_0_C0_C5_0, 0xfUL << 8, 0) \
	X(SPE, S3_0_C0_C5_0, 0xfUL << 32, 0) \
	X(TRACE, S3_0_C0_C5_0, 0xfUL << 4 | 0xfUL << 40 | 0xfUL << 44 | 0xfUL << 52, 0) \
	X(AMU, S3_0_C0_C4_0, 0xfUL << 44, 0) \
	X(SVE, S3_0_C0_C4_0, 0xfUL << 32, 0) \
	X(SME, S3_0_C0_C4_1, 0xfUL << 24, 0) \
	X(POINTER, S3_0_C0_C6_1, 0xffUL << 4 | 0xffUL << 24, 0) \
	X(MTE, S3_0_C0_C4_1, 0xfUL << 8, 0) \
	X(RAS, S3_0_C0_C4_0, 0xfUL << 28, 0) \
	X(NESTED, S3_0_C0_C4_0, 0xfUL << 8, 0) \
	X(LOR, S3_0_C0_C7_1, 0xfUL << 16, 0) \
	X(MPAM, S3_0_C0_C4_0, 0xfUL << 40, 0) \
	X(CONTEXT, S3_0_C0_C4_0, 0xeUL << 56, 0) \
	X(TME, S3_0_C0_C6_0, 0xfUL << 24, 0) \
	X(LS64, S3_0_C0_C6_1, 0xfUL << 60, 0) \
	X(TCR2, S3_0_C0_C7_3, 0xfffUL, 0) \
	X(AARCH32, S3_0_C0_C4_0, 0xffUL, 0x11)

enum feature {
#define NAME(f, reg, mask, none) f,
	FEATURES(NAME)
	NR_FEATURES
};

static u64 offered[NR_FEATURES], there, missing;

/* Whether it went through; x1 and x2 hold zero for the instructions that read them */
#define TRY(use) ({ \
	taken = (struct taken) { 0 }; \
	asm volatile("mov x0, xzr\n\tmov x1, xzr\n\tmov x2, xzr\n\t" use : : : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "memory", "cc"); \
	taken.count == 0; \
})

static void say(const char *what, const char *name)
{
	print("features: ");
	print(what);
	print(name);
	print("\n");
}

static void used(enum feature f, const char *name, u64 through)
{
	if (through && !offered[f]) {
		there++;
		say("hidden, but there: ", name);
	} else if (!through && taken.esr >> 26 != EC_UNKNOWN && taken.esr >> 26 != EC_SYSREG) {
		there++;
		print("features: exception class ");
		print_number(taken.esr >> 26);
		print(", not UNDEFINED: ");
		print(name);
		print("\n");
	} else if (!through && offered[f]) {
		say("offered, but UNDEFINED: ", name);
	}
}

void main(void)
{
	asm volatile("msr vbar_el1, %0" : : "r"(feature_vectors) : "memory");
	asm volatile("msr cpacr_el1, %0" : : "r"(CPACR_OPEN) : "memory");
	/* pointer authentication is something to trap only where it is switched on */
	asm volatile("msr sctlr_el1, %0\n\tisb" : : "r"(READ(sctlr_el1) | SCTLR_ENIA) : "memory");
#define OFFERED(f, reg, mask, none) \
	offered[f] = (READ(reg) & (mask)) != (none); \
	if (offered[f]) \
		say("offered: ", #f);
	FEATURES(OFFERED)
#define USE(f, name, use) used(f, name, TRY(use));
	USES(USE)
#define OPEN(f, name, use) \
	if (TRY(use) && !offered[f]) \
		say("hidden, nothing traps: ", name);
	OPEN_USES(OPEN)
#define LEFT(f, name, reg, value) \
	if (TRY("mrs x0, " #reg) && !offered[f]) { \
		asm volatile("msr " #reg ", %0" : : "r"((u64)(value))); \
		say("written before an exit: ", name); \
		if (READ(reg) != 0) { \
			there++; \
			say("hidden, but there, and left to others: ", name); \
		} \
	}
	OPEN_REGISTERS(LEFT)
#define READABLE(name, use) \
	if (!TRY(use)) { \
		missing++; \
		say("missing: ", name); \
	}
	ALWAYS(READABLE)
	print("features: ");
	print_number(missing);
	print(" missing, ");
	print_number(there);
	print(" hidden, but there\n");
	finish(0);
}
