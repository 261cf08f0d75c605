// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel code may hold a page by its struct page (/proc/PID/mem, ptrace, vmsplice, direct I/O) when the page becomes a
 * protected VM's.  KCore refuses the access, and no exception fixup is prepared.  Such a load reads zero and such a
 * store is lost, so that no system call of a VMM takes the kernel down.  An access with a fixup takes it as ever.
 */
#include <linux/extable.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include <asm/barrier.h>
#include <asm/esr.h>
#include <asm/sysreg.h>
#include "kcore.h"

#define FSC_ALIGNMENT		0x21		/* how KCore injects what it refuses (docs/boundary.md) */

#define INSN_FP_SIMD		BIT(26)
#define INSN_PAIR(i)		(((i) & 0x3e000000) == 0x28000000)	/* LDP, STP, LDNP, STNP, LDPSW */
#define INSN_UNSIGNED(i)	(((i) & 0x3f000000) == 0x39000000)	/* LDR, STR, unsigned offset */
#define INSN_SINGLE(i)		(((i) & 0x3f200000) == 0x38000000)	/* unscaled, pre- and post-index, unprivileged */
#define INSN_REGISTER(i)	(((i) & 0x3f200c00) == 0x38200800)	/* register offset */
#define INSN_DC_ZVA(i)		(((i) & 0xffffffe0) == 0xd50b7420)

static void set_zero(struct pt_regs *regs, unsigned int n)
{
	if (n < 31)
		regs->regs[n] = 0;
}

static void write_back(struct pt_regs *regs, unsigned int n, s64 offset)
{
	if (n < 31)
		regs->regs[n] += offset;
	else
		regs->sp += offset;
}

/* Do all of a load or store of general registers but the access (DDI 0487 C4.1).  False: another instruction. */
static bool skip_access(struct pt_regs *regs, u32 insn)
{
	unsigned int rt = insn & 31, rn = insn >> 5 & 31, rt2 = insn >> 10 & 31;
	unsigned int size = insn >> 30, opc = insn >> 22 & 3;

	if (INSN_DC_ZVA(insn))
		return true;
	if (insn & INSN_FP_SIMD)
		return false;
	if (INSN_PAIR(insn)) {
		s64 offset = sign_extend64(insn >> 15 & 0x7f, 6) * (size == 2 ? 8 : 4);

		if (insn & BIT(22)) {
			set_zero(regs, rt);
			set_zero(regs, rt2);
		}
		if (insn & BIT(23))			/* post-index 1, pre-index 3 */
			write_back(regs, rn, offset);
		return true;
	}
	if (!INSN_UNSIGNED(insn) && !INSN_SINGLE(insn) && !INSN_REGISTER(insn))
		return false;
	if (opc && !(size == 3 && opc == 2))		/* neither a store nor a prefetch */
		set_zero(regs, rt);
	if (INSN_SINGLE(insn) && (insn & BIT(10)))	/* post-index 1, pre-index 3 */
		write_back(regs, rn, sign_extend64(insn >> 12 & 0x1ff, 8));
	return true;
}

/* Is this address, in the kernel's translation, in a page of a protected VM? */
static bool is_private(unsigned long addr)
{
	unsigned long flags;
	u64 par;

	local_irq_save(flags);
	asm volatile("at s1e1r, %0" : : "r" (addr));
	isb();
	par = read_sysreg(par_el1);
	local_irq_restore(flags);
	return !(par & SYS_PAR_EL1_F) && kcore_hvc1(KCORE_HC_PAGE_STATE, par & GENMASK_ULL(47, PAGE_SHIFT)) == KCORE_PAGE_VM;
}

/* H08: a fault of the kernel.  True: dealt with. */
bool kcore_kernel_access(unsigned long addr, unsigned long esr, struct pt_regs *regs)
{
	if (!kcore_active() || user_mode(regs) || ESR_ELx_EC(esr) != ESR_ELx_EC_DABT_CUR ||
	    (esr & ESR_ELx_FSC) != FSC_ALIGNMENT || search_exception_tables(regs->pc) || !is_private(addr))
		return false;
	if (!skip_access(regs, READ_ONCE(*(u32 *)regs->pc)))
		return false;
	regs->pc += 4;
	pr_warn_ratelimited("%pS reached for a page of a protected VM: it reads as zero\n", (void *)(regs->pc - 4));
	return true;
}
