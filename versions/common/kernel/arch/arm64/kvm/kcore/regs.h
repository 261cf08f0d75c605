/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers by name: KCORE_REG(vcpu, field) is the place in KVM's context of the register that abi.h calls
 * `field'.  The numbers of KVM's enumeration differ in every release and are never used as such.
 */
#ifndef KCORE_REGS_H
#define KCORE_REGS_H

#include "kcore.h"

#define kcore_reg_csselr_el1(vcpu)	__vcpu_sys_reg(vcpu, CSSELR_EL1)
#define kcore_reg_sctlr_el1(vcpu)	__vcpu_sys_reg(vcpu, SCTLR_EL1)
#define kcore_reg_cpacr_el1(vcpu)	__vcpu_sys_reg(vcpu, CPACR_EL1)
#define kcore_reg_ttbr0_el1(vcpu)	__vcpu_sys_reg(vcpu, TTBR0_EL1)
#define kcore_reg_ttbr1_el1(vcpu)	__vcpu_sys_reg(vcpu, TTBR1_EL1)
#define kcore_reg_tcr_el1(vcpu)		__vcpu_sys_reg(vcpu, TCR_EL1)
#define kcore_reg_esr_el1(vcpu)		__vcpu_sys_reg(vcpu, ESR_EL1)
#define kcore_reg_afsr0_el1(vcpu)	__vcpu_sys_reg(vcpu, AFSR0_EL1)
#define kcore_reg_afsr1_el1(vcpu)	__vcpu_sys_reg(vcpu, AFSR1_EL1)
#define kcore_reg_far_el1(vcpu)		__vcpu_sys_reg(vcpu, FAR_EL1)
#define kcore_reg_mair_el1(vcpu)	__vcpu_sys_reg(vcpu, MAIR_EL1)
#define kcore_reg_vbar_el1(vcpu)	__vcpu_sys_reg(vcpu, VBAR_EL1)
#define kcore_reg_contextidr_el1(vcpu)	__vcpu_sys_reg(vcpu, CONTEXTIDR_EL1)
#define kcore_reg_amair_el1(vcpu)	__vcpu_sys_reg(vcpu, AMAIR_EL1)
#define kcore_reg_cntkctl_el1(vcpu)	__vcpu_sys_reg(vcpu, CNTKCTL_EL1)
#define kcore_reg_par_el1(vcpu)		__vcpu_sys_reg(vcpu, PAR_EL1)
#define kcore_reg_tpidr_el1(vcpu)	__vcpu_sys_reg(vcpu, TPIDR_EL1)
#define kcore_reg_tpidr_el0(vcpu)	__vcpu_sys_reg(vcpu, TPIDR_EL0)
#define kcore_reg_tpidrro_el0(vcpu)	__vcpu_sys_reg(vcpu, TPIDRRO_EL0)
#define kcore_reg_mdscr_el1(vcpu)	__vcpu_sys_reg(vcpu, MDSCR_EL1)

#define KCORE_REG(vcpu, field)		kcore_reg_##field(vcpu)

/* Words in pairs: one LDP and one STP for two, no loop left where the count is a constant */
struct kcore_pair {
	u64 a, b;
};

static __always_inline void kcore_copy_pairs(void *to, const void *from, unsigned int pairs)
{
	struct kcore_pair *t = to;
	const struct kcore_pair *f = from;
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < pairs; i++)
		t[i] = f[i];
}

#endif
