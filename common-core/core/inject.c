/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking a synchronous exception to EL1 on behalf of whoever's EL1 registers are loaded (D1.10). */
#include "core.h"

#define PSTATE_DAIF		0x3c0UL
#define PSTATE_PAN		0x400000UL
#define PSTATE_N		0xf0000000UL	/* N, Z, C, V */
#define PSTATE_DIT		0x1000000UL
#define SCTLR_SPAN		0x800000UL

/* The vector for a synchronous exception taken with this PSTATE. */
u64 exception_vector(u64 pstate)
{
	u64 vbar = vbar_el1_read();
	u64 mode = pstate & PSTATE_MODE;

	if (mode == EL1H)
		return vbar + 0x200UL;
	if (mode == 4UL)
		return vbar;
	if ((mode & 0x10UL) != 0UL)
		return vbar + 0x600UL;	/* AArch32 EL0 */
	return vbar + 0x400UL;
}

/* PSTATE in the handler: EL1h, masked; PAN set unless SCTLR_EL1.SPAN says it stays (D1.10.5). */
u64 exception_pstate(u64 pstate)
{
	u64 sctlr = sctlr_el1_read();
	u64 pan = (sctlr & SCTLR_SPAN) == 0UL ? PSTATE_PAN : 0UL;

	return (pstate & (PSTATE_N | PSTATE_DIT | PSTATE_PAN)) | pan | PSTATE_DAIF | EL1H;
}

/* The banked registers of the exception. */
void exception_take(u64 pc, u64 pstate, u64 esr, u64 far)
{
	elr_el1_write(pc);
	spsr_el1_write(pstate);
	esr_el1_write(esr);
	far_el1_write(far);
}
