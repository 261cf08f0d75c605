// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stage 2.  For a normal VM KVM's own table says what is mapped and KCore's is filled from it on a fault and
 * dropped with KVM's TLB flushes.  For a protected VM KVM's table is not used at all: a fault pins a page of the
 * VMM's for good and donates it.
 */
#include <linux/kvm_host.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <asm/kvm_emulate.h>
#include <asm/kvm_mmu.h>
#include "kcore.h"

/* VMSAv8-64 stage-2 descriptor (DDI 0487 D8.3), 4 KiB granule */
#define S2_VALID		BIT(0)
#define S2_TABLE		BIT(1)		/* a page at level 3 */
#define S2_WRITE		BIT(7)
#define S2_READ			BIT(6)
#define S2_MEMATTR		GENMASK_ULL(5, 2)
#define S2_NORMAL		GENMASK_ULL(5, 2)	/* write-back: KVM's judgement that this is memory */
#define S2_AF			BIT(10)
#define S2_XN			BIT(54)
#define S2_ADDRESS		GENMASK_ULL(47, 12)

#define KCORE_FRESH		16	/* see kcore_fault_is_fresh() */
#define KCORE_AROUND		16UL	/* frames, see kcore_donate_around() */

#define FSC_KIND		0x3c
#define FSC_TRANSLATION		0x04
#define FSC_ACCESS_FLAG		0x08
#define FSC_PERMISSION_		0x0c

static u64 s2_bytes(int level)
{
	return 1UL << (39 - 9 * level);
}

/* The leaf of KVM's table over an IPA, 0 if there is none; its level either way.  Lock: kvm->mmu_lock. */
static __always_inline u64 kvm_s2_leaf(struct kvm *kvm, u64 ipa, int *level)
{
	u64 vtcr = kcore_s2_vtcr(kvm);
	int l = 2 - ((vtcr >> 6) & 3);			/* VTCR_EL2.SL0, 4 KiB granule */
	u64 *table = kcore_s2_exists(kvm) ? kcore_s2_root(kvm) : NULL;
	u64 left = ipa << (vtcr & 0x3f);		/* VTCR_EL2.T0SZ: what is left to translate, from bit 63 on */
	unsigned int bits = 64 - (vtcr & 0x3f) - (39 - 9 * l);	/* more than 9 at the first level: concatenated tables */
	u64 desc;

	*level = l;
	if (!table || left >> (vtcr & 0x3f) != ipa)
		return 0;
	for (;;) {
		desc = READ_ONCE(table[left >> (64 - bits)]);
		if (!(desc & S2_VALID))
			return 0;
		if (l == 3 || !(desc & S2_TABLE))
			return desc;
		table = phys_to_virt(desc & S2_ADDRESS);
		left <<= bits;
		bits = 9;
		*level = ++l;
	}
}

/* What KVM's own table would have raised for this access: 0 if it allows it */
static u32 kvm_s2_fault(struct kvm_vcpu *vcpu, u64 leaf, int level)
{
	bool fetch = kvm_vcpu_trap_is_iabt(vcpu);
	bool walk = kvm_vcpu_abt_iss1tw(vcpu);		/* a table walk of the guest's: a read */
	bool write = !fetch && !walk && kvm_vcpu_dabt_iswrite(vcpu);

	if (!leaf)
		return FSC_TRANSLATION | level;
	if (!(leaf & S2_AF))
		return FSC_ACCESS_FLAG | level;
	if (!(leaf & S2_READ) || (write && !(leaf & S2_WRITE)) || (fetch && !walk && (leaf & S2_XN)))
		return FSC_PERMISSION_ | level;
	return 0;
}

static __always_inline u64 kcore_map(struct kvm *kvm, u64 ipa, u64 pa, u64 bytes, u64 leaf)
{
	u64 prot = KCORE_PROT_R;
	u64 ret;

	if (leaf & S2_WRITE)
		prot |= KCORE_PROT_W;
	if (!(leaf & S2_XN))
		prot |= KCORE_PROT_X;
	if ((leaf & S2_MEMATTR) != S2_NORMAL && !memblock_is_memory(pa))
		prot |= KCORE_PROT_DEVICE;
	do {
		ret = kcore_hvc(KCORE_HC_VM_MAP, kvm->arch.kcore.handle, ipa & ~(bytes - 1), pa & ~(bytes - 1), bytes, prot, NULL);
	} while (ret == KCORE_EAGAIN);
	return ret;
}

/* Map what KVM's block says: 2 MiB, or 4 KiB.  Lock: kvm->mmu_lock. */
static noinline u64 kcore_map_block(struct kvm *kvm, u64 ipa, u64 leaf, int level)
{
	u64 pa = (leaf & S2_ADDRESS & ~(s2_bytes(level) - 1)) | (ipa & (s2_bytes(level) - 1));
	u64 ret = kcore_map(kvm, ipa, pa, SZ_2M, leaf);

	if (level < 2 || ret == KCORE_EPERM)
		kvm->arch.kcore.pieces = max(kvm->arch.kcore.pieces, s2_bytes(level));
	if (ret == KCORE_EPERM)			/* a part of the block isn't the host's: this page may be */
		ret = kcore_map(kvm, ipa, pa, SZ_4K, leaf);
	return ret;
}

/* Map what the leaf says: 2 MiB where it is a block, else 4 KiB.  Lock: kvm->mmu_lock. */
static __always_inline u64 kcore_map_leaf(struct kvm *kvm, u64 ipa, u64 leaf, int level)
{
	return likely(level == 3) ? kcore_map(kvm, ipa, leaf & S2_ADDRESS, SZ_4K, leaf) : kcore_map_block(kvm, ipa, leaf, level);
}

/* KCore's pool is empty: its table is a cache, make room once.  Lock: kvm->mmu_lock. */
static noinline u64 kcore_map_again(struct kvm *kvm, u64 ipa, u64 leaf, int level)
{
	kcore_flush_range(kvm, 0, KCORE_IPA_END);
	return kcore_map_leaf(kvm, ipa, leaf, level);
}

/*
 * Fill KCore's table from KVM's.  1: done, the guest may go on.  0: KVM's table doesn't allow the access either;
 * the syndrome is now the one KVM would have seen, since its map path wants a permission fault for a mere change of
 * permissions.  Negative errno: KCore refused.
 */
static int kcore_fill(struct kvm_vcpu *vcpu, u64 ipa)
{
	struct kvm *kvm = vcpu->kvm;
	u64 leaf, ret = 0;
	int level;
	u32 fsc;

	kcore_mmu_lock(kvm);
	leaf = kvm_s2_leaf(kvm, ipa, &level);
	fsc = kvm_s2_fault(vcpu, leaf, level);
	if (!fsc) {
		ret = kcore_map_leaf(kvm, ipa, leaf, level);
		if (unlikely(ret == KCORE_ENOMEM))
			ret = kcore_map_again(kvm, ipa, leaf, level);
	}
	kcore_mmu_unlock(kvm);
	if (fsc) {
		vcpu->arch.fault.esr_el2 = (vcpu->arch.fault.esr_el2 & ~0x3fUL) | fsc;
		return 0;
	}
	if (!ret)
		return 1;
	pr_warn_ratelimited("VM %u: mapping IPA 0x%llx refused, error %d\n", kvm->arch.kcore.handle, ipa, kcore_errno(ret));
	return ret == KCORE_ENOMEM ? -ENOMEM : -EFAULT;
}

/* The page of a translation fault as the syndrome has it, and bit 0 */
static __always_inline u64 kcore_fault_page(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.fault.hpfar_el2 | 1;
}

/*
 * Will KVM's table have nothing for this translation fault either?  So it was with the vCPU's last KCORE_FRESH ones, and nothing that KVM
 * may still have was dropped of KCore's table since.
 */
static __always_inline bool kcore_fault_is_fresh(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	const struct kcore_vm_glue *vm = &vcpu->kvm->arch.kcore;
	u32 drops = READ_ONCE(vm->drops);

	if (unlikely(g->drops != drops)) {
		g->drops = drops;
		g->fresh = 0;
	}
	return g->fresh == KCORE_FRESH && !vm->pieces;
}

/* Where KVM's table is likely to have nothing yet KVM comes first: if it has, KVM maps the same again. */
static int kcore_abort_normal(struct kvm_vcpu *vcpu, u64 ipa)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	bool translation = (vcpu->arch.fault.esr_el2 & FSC_KIND) == FSC_TRANSLATION;
	int ret;

	if (!translation || !kcore_fault_is_fresh(vcpu)) {
		ret = kcore_fill(vcpu, ipa);
		if (ret) {
			g->fresh = 0;
			return ret;
		}
		if (translation && g->fresh < KCORE_FRESH)
			g->fresh++;
	}
	ret = kvm_handle_guest_abort(vcpu);
	if (ret <= 0 || kcore_pc_pending(vcpu)) {	/* to user space, emulated or injected */
		g->emulated = kcore_fault_page(vcpu);
		return ret;
	}
	ret = kcore_fill(vcpu, ipa);
	if (unlikely(!ret)) {
		g->fresh = 0;			/* the next one is to see what KVM's table says */
		return 1;			/* KVM wants the guest to fault again */
	}
	return ret;
}

/* User addresses from start to before end */
struct kcore_span {
	unsigned long start, end;
};

/*
 * Only anonymous memory that is the VMM's alone can be donated: page-cache pages, the zero page and merged pages
 * have other readers in the kernel.  Fork and core dump would read it: they leave out the whole area from now on.
 */
static int kcore_prepare_vma(unsigned long hva, struct kcore_span *area)
{
	struct mm_struct *mm = current->mm;
	unsigned long want = VM_DONTCOPY | VM_DONTDUMP;
	struct vm_area_struct *vma;
	int ret = -EFAULT;

	mmap_read_lock(mm);
	vma = find_vma(mm, hva);
	if (vma && vma->vm_start <= hva && vma_is_anonymous(vma) && !(vma->vm_flags & (VM_SHARED | VM_MERGEABLE)))
		ret = (vma->vm_flags & want) == want ? 0 : 1;
	if (!ret)
		*area = (struct kcore_span){ vma->vm_start, vma->vm_end };
	mmap_read_unlock(mm);
	if (ret <= 0)
		return ret;

	mmap_write_lock(mm);
	vma = find_vma(mm, hva);
	ret = -EFAULT;
	if (vma && vma->vm_start <= hva && vma_is_anonymous(vma) && !(vma->vm_flags & (VM_SHARED | VM_MERGEABLE))) {
		kcore_vma_flags_set(vma, want);
		*area = (struct kcore_span){ vma->vm_start, vma->vm_end };
		ret = 0;
	}
	mmap_write_unlock(mm);
	return ret;
}

/* The pinned page is the frame's from here on, or else unpinned.  0 or a negative errno.  Lock: g->lock. */
static int kcore_donate_pinned(struct kcore_vm_glue *g, unsigned long gfn, struct page *page)
{
	u64 ret;
	int err = -EFAULT;

	if (!PageAnon(page) || is_zero_pfn(page_to_pfn(page)))
		goto unpin;
	err = radix_tree_insert(&g->pinned, gfn, page);
	if (err)
		goto unpin;
	ret = kcore_hvc3(KCORE_HC_VM_DONATE, g->handle, (u64)gfn << PAGE_SHIFT, page_to_phys(page));
	if (!ret) {
		g->donated++;
		return 0;
	}
	radix_tree_delete(&g->pinned, gfn);
	err = kcore_errno(ret);
unpin:
	kcore_unpin(&page, 1);
	return err;
}

/* Pin the page behind the frame and donate it; it, and the area that it is in.  Lock: g->lock. */
static int kcore_donate_page(struct kcore_vm_glue *g, unsigned long gfn, unsigned long hva, struct page **page, struct kcore_span *area)
{
	int err;

	err = kcore_prepare_vma(hva, area);
	if (err)
		return err;
	err = kcore_pin(hva, 1, page);
	if (err != 1)
		return err < 0 ? err : -EFAULT;
	return kcore_donate_pinned(g, gfn, *page);
}

/*
 * A frame whose page was just donated: the other frames of the same KCORE_AROUND whose pages belong to the same huge page, slot and area go to the
 * VM too, so that the guest's next touches there are no exits.  These pages are there: nothing is allocated for it.  Lock: g->lock.
 */
static void kcore_donate_around(struct kcore_vm_glue *g, unsigned long gfn, unsigned long hva, struct page *page, const struct kcore_span *slot,
				const struct kcore_span *area)
{
	struct page *head = compound_head(page), *pages[KCORE_AROUND];
	unsigned long before = min_t(unsigned long, gfn % KCORE_AROUND, page - head);
	unsigned long behind = min_t(unsigned long, KCORE_AROUND - 1 - gfn % KCORE_AROUND, (1UL << compound_order(head)) - 1 - (page - head));
	int i, n;

	before = min(before, (hva - max(slot->start, area->start)) >> PAGE_SHIFT);
	behind = min(behind, ((min(slot->end, area->end) - hva) >> PAGE_SHIFT) - 1);
	if (!before && !behind)
		return;
	gfn -= before;
	hva -= before << PAGE_SHIFT;
	n = kcore_pin(hva, before + 1 + behind, pages);
	for (i = 0; i < n; i++) {
		if (radix_tree_lookup(&g->pinned, gfn + i) || compound_head(pages[i]) != head)
			kcore_unpin(&pages[i], 1);
		else
			kcore_donate_pinned(g, gfn + i, pages[i]);
	}
}

/* For what a signed VM starts from: the frame's page is the VM's from here on.  0 or a negative errno.  Lock: g->lock. */
int kcore_donate_frame(struct kvm *kvm, unsigned long gfn)
{
	struct kcore_vm_glue *g = &kvm->arch.kcore;
	struct kcore_span area;
	struct page *page;
	unsigned long hva;
	int idx;

	idx = srcu_read_lock(&kvm->srcu);
	hva = gfn_to_hva(kvm, gfn);
	srcu_read_unlock(&kvm->srcu, idx);
	if (kvm_is_error_hva(hva))
		return -EFAULT;
	return radix_tree_lookup(&g->pinned, gfn) ? 0 : kcore_donate_page(g, gfn, hva, &page, &area);
}

/* A fault of a protected VM in its memory.  1: go on, negative: the VMM's error. */
static noinline int kcore_donate(struct kvm_vcpu *vcpu, u64 ipa)
{
	struct kcore_vm_glue *g = &vcpu->kvm->arch.kcore;
	unsigned long gfn = ipa >> PAGE_SHIFT;
	struct kvm_memory_slot *slot;
	struct kcore_span span, area;
	struct page *page;
	unsigned long hva;
	int idx, err = 0;

	idx = srcu_read_lock(&vcpu->kvm->srcu);
	slot = gfn_to_memslot(vcpu->kvm, gfn);
	hva = slot ? gfn_to_hva_memslot(slot, gfn) : KVM_HVA_ERR_BAD;
	if (!kvm_is_error_hva(hva))
		span = (struct kcore_span){ slot->userspace_addr, slot->userspace_addr + (slot->npages << PAGE_SHIFT) };
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	if (kvm_is_error_hva(hva))
		return -EFAULT;		/* a hole in the range: KCore gave no syndrome to emulate with */
	mutex_lock(&g->lock);
	page = radix_tree_lookup(&g->pinned, gfn);
	if (page && kcore_hvc1(KCORE_HC_PAGE_STATE, page_to_phys(page)) == KCORE_PAGE_HOST) {	/* given up by the guest (RELINQUISH): the VMM's again */
		radix_tree_delete(&g->pinned, gfn);
		kcore_unpin(&page, 1);
		g->donated--;
		page = NULL;
	}
	if (g->state != KCORE_STATE_FINALISED)
		err = -EINVAL;
	else if (!page) {			/* else another vCPU was faster */
		err = kcore_donate_page(g, gfn, hva, &page, &area);
		if (!err)
			kcore_donate_around(g, gfn, hva, page, &span, &area);
	}
	mutex_unlock(&g->lock);
	return err ? err : 1;
}

/* A stage-2 abort of any VM */
static noinline int kcore_stage2_abort(struct kvm_vcpu *vcpu)
{
	const struct kcore_vm_glue *g = &vcpu->kvm->arch.kcore;
	u64 ipa = kvm_vcpu_get_fault_ipa(vcpu);
	u32 kind = vcpu->arch.fault.esr_el2 & FSC_KIND;

	if (kind != FSC_TRANSLATION && kind != FSC_ACCESS_FLAG && kind != FSC_PERMISSION_)
		return kvm_handle_guest_abort(vcpu);
	if (!(vcpu->arch.kcore.where & KCORE_IS_PRIVATE))
		return kcore_abort_normal(vcpu, ipa);
	/* All slots of a finalised protected VM are in its memory, and stay there */
	return ipa - g->mem_ipa < g->mem_size ? kcore_donate(vcpu, ipa) : kvm_handle_guest_abort(vcpu);
}

/* For kcore_fault_is_fresh().  Increments at the same time may be one: what counts is that it changes. */
static void kcore_note_drop(struct kvm *kvm)
{
	WRITE_ONCE(kvm->arch.kcore.drops, kvm->arch.kcore.drops + 1);
}

/*
 * H11 has begun to destroy the VM on another CPU, and what it hasn't come to is still mapped.  The caller's page is freed when
 * it returns, so help until nothing is left.  The handle stays the VM's: notifiers end before H12.
 */
static noinline u64 kcore_flush_dying(u64 handle)
{
	u64 ret;

	while ((ret = kcore_hvc1(KCORE_HC_VM_DESTROY_STEP, handle)) == KCORE_EAGAIN)
		cpu_relax();
	return ret;
}

/* Drop all leaves in the range.  Under kvm->mmu_lock or not; doesn't sleep; each call of KCore's is bounded. */
void kcore_flush_range(struct kvm *kvm, u64 ipa, u64 bytes)
{
	u64 handle = kvm->arch.kcore.handle;
	u64 end = min_t(u64, ipa + bytes, KCORE_IPA_END);
	u64 ret;

	if (!handle || kcore_vm_protected(kvm) || kvm->arch.kcore.state != KCORE_STATE_FINALISED)
		return;
	kcore_note_drop(kvm);
	while (ipa < end) {
		ret = kcore_hvc(KCORE_HC_VM_UNMAP, handle, ipa, end - ipa, 0, 0, &ipa);
		if (ret != KCORE_EAGAIN) {
			if (ret == KCORE_ESTATE)
				ret = kcore_flush_dying(handle);
			WARN_ONCE(ret, "kcore: VM %llu: unmap failed: %d\n", handle, kcore_errno(ret));
			return;
		}
	}
}

long kcore_flush_vm(struct kvm *kvm)
{
	kcore_flush_range(kvm, 0, KCORE_IPA_END);
	return 0;
}

/*
 * The leaf's size is what the level says.  Without one (up to 5.4 there is none) KCore drops the leaf that covers the
 * page, and all pieces of it where it has a leaf of KVM's in pieces.
 */
long kcore_flush_ipa(struct kvm *kvm, phys_addr_t ipa, int level)
{
	u64 bytes = level >= 1 && level <= 3 ? s2_bytes(level) : max_t(u64, SZ_4K, kvm->arch.kcore.pieces);

	kcore_flush_range(kvm, ipa & ~(bytes - 1), bytes);
	return 0;
}

long kcore_flush_pages(struct kvm *kvm, phys_addr_t ipa, unsigned long pages)
{
	kcore_flush_range(kvm, ipa, (u64)pages << PAGE_SHIFT);
	return 0;
}

/* Another vCPU of the VM ran here last: their TLB entries have the same VMID */
long kcore_flush_local(struct kvm *kvm)
{
	u64 handle = kvm->arch.kcore.handle;

	if (handle)
		kcore_hvc1(KCORE_HC_TLB_FLUSH_LOCAL, handle);
	return 0;
}

/* H23: KVM clears the access flags of the range.  Dropped here, the next access faults and KVM sees it. */
void kcore_age_gfn(struct kvm *kvm, u64 start, u64 end)
{
	u64 handle = kvm->arch.kcore.handle;
	u64 ipa = start << PAGE_SHIFT;
	u64 to = min_t(u64, end << PAGE_SHIFT, KCORE_IPA_END);

	if (!kcore_active() || !handle || kcore_vm_protected(kvm) || kvm->arch.kcore.state != KCORE_STATE_FINALISED)
		return;
	kcore_note_drop(kvm);
	while (ipa < to) {
		if (kcore_hvc(KCORE_HC_VM_AGE, handle, ipa, to - ipa, 0, 0, &ipa) != KCORE_EAGAIN)
			return;
	}
}

/* The same up to 5.10, where KVM ages host addresses.  Lock: kvm->srcu. */
void kcore_age_hva(struct kvm *kvm, unsigned long start, unsigned long end)
{
	struct kvm_memslots *slots = kvm_memslots(kvm);
	struct kvm_memory_slot *slot;
	int bkt;

	kcore_for_each_slot(slot, bkt, slots) {
		unsigned long from = max(start, slot->userspace_addr);
		unsigned long to = min(end, slot->userspace_addr + (slot->npages << PAGE_SHIFT));

		if (from < to)
			kcore_age_gfn(kvm, hva_to_gfn_memslot(from, slot), hva_to_gfn_memslot(to + PAGE_SIZE - 1, slot));
	}
}

/*
 * H20.  Where the last abort of a normal vCPU was emulated the next one in that page will be, so KVM comes first there.
 * If the page is memory meanwhile, KVM maps it, and its table is looked up at the next fault.
 */
int kcore_guest_abort(struct kvm_vcpu *vcpu)
{
	u64 page = kcore_fault_page(vcpu);
	int ret;

	if (!kcore_active())
		return kvm_handle_guest_abort(vcpu);
	if (unlikely(vcpu->arch.kcore.todo))
		return kcore_vcpu_todo(vcpu);
	if (vcpu->arch.kcore.emulated != page || (vcpu->arch.fault.esr_el2 & FSC_KIND) != FSC_TRANSLATION)
		return kcore_stage2_abort(vcpu);
	ret = kvm_handle_guest_abort(vcpu);
	if (ret > 0 && !kcore_pc_pending(vcpu))
		vcpu->arch.kcore.emulated = 0;
	return ret;
}
