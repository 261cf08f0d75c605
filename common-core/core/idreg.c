/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ID registers of a protected guest: the machine's, less every feature that KCore doesn't carry
 * (docs/registers.md).  A feature that is hidden here traps or is undefined when it is used.
 */
#include "core.h"

#define PFR0_EL_AARCH64		0x11UL			/* EL0, EL1: AArch64 only; no EL2, EL3 */
#define PFR0_PASS		0xf10f000000ff0000UL	/* FP, AdvSIMD, DIT, CSV3; CSV2: 0 or 1 */
#define PFR0_CSV2		0x100000000000000UL
#define PFR0_CSV2_MORE		0xe00000000000000UL	/* SCXTNUM_EL0, SCXTNUM_EL1 are not carried */
#define PFR0_GIC		0x1000000UL
#define PFR1_PASS		0xffUL			/* BT, SSBS */
#define DFR0_MINIMUM		0x101006UL		/* ARMv8.0 debug, 2 breakpoints, 2 watchpoints; no PMU, SPE, trace */
#define ISAR0_PASS		0xfffffffff0fffff0UL	/* all but TME */
#define ISAR1_PASS		0x0fffffff00fff00fUL	/* no pointer authentication, no LS64 */
#define MMFR0_PASS		0x00000000fffffff0UL	/* ASIDBits, BigEnd, SNSMem, granules */
#define MMFR0_PARANGE		2UL			/* 40 bits, as the IPA space */
#define MMFR1_PASS		0x000000f000f0f00fUL	/* HAFDBS, HPDS, PAN, ETS */
#define MMFR2_PASS		0xf0ff00fff0f00fffUL	/* no IESB, NV, FWB, EVT; 48-bit VA */

/* What the guest reads from S3_0_C0_C<crm>_<op2>.  AArch32 registers and unknown ones are zero. */
u64 idreg_guest(u64 crm, u64 op2)
{
	u64 gic = get_has_gicv3();
	u64 v;

	if (crm < 4UL)
		return 0UL;
	v = idreg_read(crm, op2);
	if (crm == 4UL && op2 == 0UL && (v & PFR0_CSV2_MORE) != 0UL)
		v = v | PFR0_CSV2;
	if (crm == 4UL && op2 == 0UL)
		return (v & PFR0_PASS) | PFR0_EL_AARCH64 | (gic != 0UL ? PFR0_GIC : 0UL);
	if (crm == 4UL && op2 == 1UL)
		return v & PFR1_PASS;
	if (crm == 5UL && op2 == 0UL)
		return DFR0_MINIMUM;
	if (crm == 6UL && op2 == 0UL)
		return v & ISAR0_PASS;
	if (crm == 6UL && op2 == 1UL)
		return v & ISAR1_PASS;
	if (crm == 7UL && op2 == 0UL)
		return (v & MMFR0_PASS) | MMFR0_PARANGE;
	if (crm == 7UL && op2 == 1UL)
		return v & MMFR1_PASS;
	if (crm == 7UL && op2 == 2UL)
		return v & MMFR2_PASS;
	return 0UL;
}
