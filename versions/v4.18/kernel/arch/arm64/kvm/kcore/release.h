/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 4.18: everything of KVM that the glue touches and that differs between releases. */
#ifndef KCORE_RELEASE_H
#define KCORE_RELEASE_H

#include <linux/io.h>
#include <linux/kvm_host.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sha256.h>
#include <linux/uaccess.h>
#include <asm/kvm_asm.h>
#include <asm/kvm_emulate.h>
#include <asm/kvm_mmu.h>

/* No rule yet for code that runs before RCU watches: the run crossing isn't in such a place */
#define noinstr				noinline notrace

#define SYS_PAR_EL1_F			BIT(0)

/* General-purpose and FP registers of KVM's context */
#define kcore_gp(vcpu)			(&(vcpu)->arch.ctxt.gp_regs.regs)
#define kcore_fp(vcpu)			(&(vcpu)->arch.ctxt.gp_regs.fp_regs)

/* The system registers that KVM keeps apart */
#define kcore_reg_sp_el1(vcpu)		((vcpu)->arch.ctxt.gp_regs.sp_el1)
#define kcore_reg_elr_el1(vcpu)		((vcpu)->arch.ctxt.gp_regs.elr_el1)
#define kcore_reg_spsr_el1(vcpu)	((vcpu)->arch.ctxt.gp_regs.spsr[KVM_SPSR_EL1])
#define kcore_reg_sp_el0(vcpu)		(kcore_gp(vcpu)->sp)

#define kcore_spsr(vcpu, mode)		((vcpu)->arch.ctxt.gp_regs.spsr[kcore_spsr_##mode])
#define kcore_spsr_abt			KVM_SPSR_ABT
#define kcore_spsr_und			KVM_SPSR_UND
#define kcore_spsr_irq			KVM_SPSR_IRQ
#define kcore_spsr_fiq			KVM_SPSR_FIQ
#include "aarch32.h"

#define kcore_cntvoff(vcpu)		(vcpu_vtimer(vcpu)->cntvoff)
#define kcore_cntpoff(vcpu)		0
#define kcore_used_lrs(vcpu)		((vcpu)->arch.vgic_cpu.used_lrs)

#include "pc_direct.h"

/* Interrupts aren't masked by priority yet */
#define system_uses_irq_prio_masking()	false
#define GIC_PRIO_IRQON			0
#define GIC_PRIO_PSR_I_SET		0
#define gic_write_pmr(pmr)		((void)(pmr))
#define pmr_sync()			((void)0)

/* Features that KCore doesn't switch: such a vCPU is refused */
static inline bool kcore_vcpu_unsupported(struct kvm_vcpu *vcpu)
{
	return false;
}

/* KVM's capabilities for them */
#define kcore_extension_unsupported(ext)	((void)(ext), false)

/* KVM's capabilities for what KCore switches for normal VMs only */
#define kcore_extension_normal_only(ext)						\
	((ext) == KVM_CAP_ARM_EL1_32BIT ||						\
	 (ext) == KVM_CAP_SET_GUEST_DEBUG || (ext) == KVM_CAP_GUEST_DEBUG_HW_BPS ||	\
	 (ext) == KVM_CAP_GUEST_DEBUG_HW_WPS)

/* This KVM has no pointer authentication for guests */
#include "ptrauth_none.h"
#include "sve_none.h"

/* No such capability: a number that nobody asks for */
#define KVM_CAP_ARM_VM_IPA_SIZE		(-1L)

/* No PMU counters that don't count in the guest, or that count there only */
#define kcore_pmu_host(vcpu)		0
#define kcore_pmu_guest(vcpu)		0

/* KVM's own stage-2 table: of one geometry for all VMs, 40 bits from level 1 on (VTCR_EL2.SL0 = 1) */
#define kcore_s2_vtcr(kvm)		((64UL - KVM_PHYS_SHIFT) | 1UL << 6)
#define kcore_s2_root(kvm)		((u64 *)(kvm)->arch.pgd)
#define kcore_s2_exists(kvm)		((kvm)->arch.pgd)
#define kcore_mmu_lock(kvm)		spin_lock(&(kvm)->mmu_lock)
#define kcore_mmu_unlock(kvm)		spin_unlock(&(kvm)->mmu_lock)
#define kvm_vcpu_abt_iss1tw(vcpu)	kvm_vcpu_dabt_iss1tw(vcpu)

#define kvm_handle_guest_abort(vcpu)	kvm_handle_guest_abort(vcpu, (vcpu)->run)

#define kcore_running_vcpu()		kvm_arm_get_running_vcpu()
#define kcore_max_vcpus(kvm)		((kvm)->arch.max_vcpus)
#define kcore_for_each_slot(slot, bkt, slots) \
	for ((bkt) = 0; (bkt) < KVM_MEM_SLOTS_NUM && ((slot) = &(slots)->memslots[bkt])->npages; (bkt)++)

static inline void kcore_mp_state_stop(struct kvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->arch.power_off, true);
}

/* The same from stopped to runnable, where no lock can be taken */
#define kcore_mp_state_unpark(vcpu)	WRITE_ONCE((vcpu)->arch.power_off, false)

#define mmap_read_lock(mm)		down_read(&(mm)->mmap_sem)
#define mmap_read_unlock(mm)		up_read(&(mm)->mmap_sem)
#define mmap_write_lock(mm)		down_write(&(mm)->mmap_sem)
#define mmap_write_unlock(mm)		up_write(&(mm)->mmap_sem)
#define kcore_vma_flags_set(vma, f)	((vma)->vm_flags |= (f))

/* There are no pins yet.  A reference keeps the page from being moved, merged and written out as well. */
static inline int kcore_pin(unsigned long hva, int n, struct page **pages)
{
	return get_user_pages_fast(hva, n, 1, pages);
}

static inline void kcore_unpin(struct page **pages, unsigned long n)
{
	while (n--) {
		set_page_dirty_lock(pages[n]);
		put_page(pages[n]);
	}
}

/* Installation */
#define KCORE_MADT_HEADER		struct acpi_subtable_header
static inline void sha256(const u8 *data, unsigned int bytes, u8 *digest)
{
	struct sha256_state state;

	sha256_init(&state);
	sha256_update(&state, data, bytes);
	sha256_final(&state, digest);
}

#define KCORE_VHE_REMEDY		"build the kernel with CONFIG_ARM64_VHE=n"
#define kcore_upstream_protected()	false
#define memblock_phys_alloc(size, align) \
	__memblock_alloc_base(size, align, MEMBLOCK_ALLOC_ACCESSIBLE)
#define kcore_for_each_dram(r)		for_each_memblock(memory, r)
#define kcore_clean_to_poc(va, size)	__flush_dcache_area(va, size)

/* The test driver */
struct kcore_pte_call {
	int (*fn)(pte_t *ptep, unsigned long addr, void *data);
	void *data;
};

static inline int kcore_pte_call(pte_t *ptep, pgtable_t token, unsigned long addr, void *data)
{
	struct kcore_pte_call *call = data;

	return call->fn(ptep, addr, call->data);
}

static inline int kcore_apply_to_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size,
					    int (*fn)(pte_t *ptep, unsigned long addr, void *data), void *data)
{
	struct kcore_pte_call call = { fn, data };

	return apply_to_page_range(mm, addr, size, kcore_pte_call, &call);
}
#define apply_to_page_range		kcore_apply_to_page_range

#define copy_from_kernel_nofault(to, from, size)	probe_kernel_read(to, from, size)
#define copy_to_kernel_nofault(to, from, size)		probe_kernel_write(to, from, size)
#define kcore_ioremap(pa, size, prot)			__ioremap(pa, size, prot)

/* Is this the file of a VM?  Those of vCPUs and devices have something else behind them. */
static inline bool kcore_file_is_vm(struct file *file)
{
	struct kvm *kvm;
	bool found = false;

	spin_lock(&kvm_lock);
	list_for_each_entry(kvm, &vm_list, vm_list)
		found |= kvm == file->private_data;
	spin_unlock(&kvm_lock);
	return found;
}

/* Random numbers are there to be had?  This release says it only to who wants to be called back, and makes none of its own, so nobody waits. */
static inline void kcore_random_callback(struct random_ready_callback *unused)
{
}

static inline bool kcore_random_ready(void)
{
	struct random_ready_callback wish = { .func = kcore_random_callback };
	bool ready = add_random_ready_callback(&wish) == -EALREADY;

	if (!ready)
		del_random_ready_callback(&wish);
	return ready;
}

#endif
