/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KCore as seen by kernel files outside of KVM (smp.c, mm/init.c, mm/fault.c, machine_kexec.c).  With CONFIG_KCORE=n, and in
 * KVM's own EL2 text, which is built but not entered under KCore, everything here reduces to nothing.
 */
#ifndef __ASM_KCORE_H
#define __ASM_KCORE_H

#ifndef __ASSEMBLY__

#include <linux/types.h>
#include <uapi/asm/kcore.h>

struct pt_regs;

#if defined(CONFIG_KCORE) && !defined(__KVM_NVHE_HYPERVISOR__) && !defined(__KVM_VHE_HYPERVISOR__)

extern bool kcore_on;		/* KCore owns EL2 on at least one CPU */

static __always_inline bool kcore_active(void)
{
	return kcore_on;
}

void kcore_boot_mode(void);
void kcore_reserve_memory(void);
bool kcore_kernel_access(unsigned long addr, unsigned long esr, struct pt_regs *regs);

#else

static __always_inline bool kcore_active(void)
{
	return false;
}

static inline void kcore_boot_mode(void)
{
}

static inline void kcore_reserve_memory(void)
{
}

static inline bool kcore_kernel_access(unsigned long addr, unsigned long esr, struct pt_regs *regs)
{
	return false;
}

#endif
#endif
#endif
