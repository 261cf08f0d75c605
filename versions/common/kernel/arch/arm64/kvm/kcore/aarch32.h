/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AArch32 at EL1 of a normal VM.  HCR_EL2 without RW says so, to KCore too.  Of its registers, those that EL1 in AArch64 hasn't are in KVM's
 * context between two runs; KCore moves them between its page and the CPU.  DBGVCR32_EL2 stays out of the CPU, where nothing but EL2 reaches it:
 * the guest has no vector catch.
 *
 *   kcore_has_aarch32(vcpu)        the guest's EL1 is AArch32
 *   kcore_aarch32_in(vcpu, page)   before a run
 *   kcore_aarch32_out(vcpu, page)  after it
 *
 * kcore_spsr(vcpu, mode) is the release's.
 */
#ifndef KCORE_AARCH32_H
#define KCORE_AARCH32_H

#define kcore_has_aarch32(vcpu)		(!((vcpu)->arch.hcr_el2 & KCORE_HCR_RW))

static __always_inline void kcore_aarch32_in(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	page->a32.spsr_abt = kcore_spsr(vcpu, abt);
	page->a32.spsr_und = kcore_spsr(vcpu, und);
	page->a32.spsr_irq = kcore_spsr(vcpu, irq);
	page->a32.spsr_fiq = kcore_spsr(vcpu, fiq);
	page->a32.dacr = __vcpu_sys_reg(vcpu, DACR32_EL2);
	page->a32.ifsr = __vcpu_sys_reg(vcpu, IFSR32_EL2);
	page->a32.fpexc = __vcpu_sys_reg(vcpu, FPEXC32_EL2);
}

static __always_inline void kcore_aarch32_out(struct kvm_vcpu *vcpu, struct kcore_vcpu_page *page)
{
	kcore_spsr(vcpu, abt) = page->a32.spsr_abt;
	kcore_spsr(vcpu, und) = page->a32.spsr_und;
	kcore_spsr(vcpu, irq) = page->a32.spsr_irq;
	kcore_spsr(vcpu, fiq) = page->a32.spsr_fiq;
	__vcpu_sys_reg(vcpu, DACR32_EL2) = page->a32.dacr;
	__vcpu_sys_reg(vcpu, IFSR32_EL2) = page->a32.ifsr;
	__vcpu_sys_reg(vcpu, FPEXC32_EL2) = page->a32.fpexc;
}

#endif
