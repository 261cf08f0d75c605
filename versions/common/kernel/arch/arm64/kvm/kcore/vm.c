// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of VMs and vCPUs, the framework's VM ioctls, and the policy for protected VMs.
 *
 * KCore's VM is created with the first vCPU, so that its type can be set before.  A normal VM is finalised at
 * once, a protected one when vCPU 0 first runs, or by ioctl.  KCore takes the pages back before KVM's memory
 * slots and the VMM's memory go away (H11); the handle is recycled when KVM is done with the VM (H12) and the
 * last vCPU is gone (H13), in whichever order these come.
 */
#include <linux/kvm_host.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <asm/kvm_emulate.h>
#include "kcore.h"
#include "regs.h"

#define KCORE_UNPIN_PAGES	32UL

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "kcore."

/* KVM's machine type: bit 31 asks for a protected VM, as upstream has it */
#define KCORE_MACHINE_PROTECTED	BIT(31)

static bool protect_all;
module_param(protect_all, bool, 0644);
MODULE_PARM_DESC(protect_all, "make every VM that is created from now on a protected one");

bool kcore_vm_protected(struct kvm *kvm)
{
	return kcore_active() && kvm->arch.kcore.type == KCORE_TYPE_PROTECTED;
}

/*
 * H35.  Once finalised, KVM's copy of a protected vCPU's registers means nothing and register ioctls are refused.  A
 * normal vCPU's registers are in KVM's context from here to the next run.
 */
bool kcore_vcpu_registers_private(struct kvm_vcpu *vcpu)
{
	if (kcore_vm_protected(vcpu->kvm))
		return vcpu->kvm->arch.kcore.state >= KCORE_STATE_FINALISED;
	kcore_registers_wanted(vcpu);
	return false;
}

/* H25: the memory of a protected VM is what it was at finalise */
bool kcore_memslots_fixed(struct kvm *kvm)
{
	return kcore_vm_protected(kvm) && kvm->arch.kcore.state >= KCORE_STATE_FINALISED;
}

/* H10 */
void kcore_vm_created(struct kvm *kvm, unsigned long type)
{
	struct kcore_vm_glue *g = &kvm->arch.kcore;

	if (!kcore_active())
		return;
	mutex_init(&g->lock);
	INIT_RADIX_TREE(&g->pinned, GFP_KERNEL_ACCOUNT);
	g->type = protect_all || (type & KCORE_MACHINE_PROTECTED) ? KCORE_TYPE_PROTECTED : KCORE_TYPE_NORMAL;
	g->state = KCORE_STATE_EMPTY;
}

/* KCore's VM for the first vCPU.  Lock: g->lock. */
static int kcore_vm_create(struct kvm *kvm)
{
	struct kcore_vm_glue *g = &kvm->arch.kcore;
	bool private = g->type == KCORE_TYPE_PROTECTED;
	u64 ret;

	if (g->state != KCORE_STATE_EMPTY)
		return g->handle ? 0 : -EINVAL;
	ret = kcore_hvc1(KCORE_HC_VM_CREATE, private ? KCORE_VM_PROTECTED : KCORE_VM_NORMAL);
	if (kcore_is_error(ret)) {
		pr_warn("no VM: KCore's error %d\n", kcore_errno(ret));
		g->state = KCORE_STATE_FAILED;
		return kcore_errno(ret);
	}
	g->handle = ret;
	g->state = KCORE_STATE_CREATED;
	kcore_max_vcpus(kvm) = min_t(int, kcore_max_vcpus(kvm), KCORE_MAX_VCPUS);	/* KVM itself refuses more from now on */
	return 0;
}

/* A protected vCPU's index is its MPIDR; a normal one's is any that is free.  Lock: g->lock. */
static int kcore_vcpu_index(struct kcore_vm_glue *g, unsigned int id)
{
	unsigned int i;

	if (id < KCORE_MAX_VCPUS && !g->page[id])
		return id;
	if (g->type == KCORE_TYPE_PROTECTED)
		return -EINVAL;
	for (i = 0; i < KCORE_MAX_VCPUS; i++) {
		if (!g->page[i])
			return i;
	}
	return -ENOSPC;
}

/* Lock: g->lock. */
static int kcore_vcpu_create(struct kvm_vcpu *vcpu)
{
	struct kcore_vm_glue *g = &vcpu->kvm->arch.kcore;
	struct kcore_vcpu_page *page;
	u64 ret;
	int i;

	i = kcore_vm_create(vcpu->kvm);
	if (i)
		return i;
	i = kcore_vcpu_index(g, vcpu->vcpu_id);
	if (i < 0)
		return i;
	BUILD_BUG_ON(sizeof(*page) > PAGE_SIZE);
	BUILD_BUG_ON(KCORE_MAX_VCPUS != KCORE_VM_VCPUS);
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	ret = kcore_hvc3(KCORE_HC_VCPU_CREATE, g->handle, i, __pa(page));
	if (kcore_is_error(ret)) {
		free_page((unsigned long)page);
		return kcore_errno(ret);
	}
	g->page[i] = page;
	g->nr_vcpus++;
	vcpu->arch.kcore.page = page;
	vcpu->arch.kcore.handle = ret;
	if (g->type == KCORE_TYPE_PROTECTED) {
		vcpu->arch.kcore.where = KCORE_IS_PRIVATE;
		return 0;
	}
	if (g->state == KCORE_STATE_CREATED) {
		ret = kcore_hvc3(KCORE_HC_VM_FINALISE, g->handle, 0, 0);
		if (ret)
			return kcore_errno(ret);
		g->state = KCORE_STATE_FINALISED;
	}
	return 0;
}

/* H14.  The hook can't fail: a vCPU that KCore refused exists and ends KVM_RUN with the error. */
void kcore_vcpu_created(struct kvm_vcpu *vcpu)
{
	struct kcore_vm_glue *g = &vcpu->kvm->arch.kcore;

	if (!kcore_active())
		return;
	mutex_lock(&g->lock);
	vcpu->arch.kcore.error = kcore_vcpu_create(vcpu);
	mutex_unlock(&g->lock);
}

/* The handle goes when nothing of the VM is left on either side.  Lock: g->lock. */
static void kcore_vm_end(struct kcore_vm_glue *g)
{
	u64 ret;

	if (!g->handle || !g->destroyed || g->nr_vcpus || g->state != KCORE_STATE_DYING)
		return;
	ret = kcore_hvc1(KCORE_HC_VM_DESTROY_END, g->handle);
	if (ret)
		pr_err("VM %u is lost: KCore didn't end it, error %d\n", g->handle, kcore_errno(ret));
	g->handle = 0;
}

/* Lock: g->lock. */
static void kcore_vcpu_release(struct kcore_vm_glue *g, unsigned int i)
{
	u64 ret = kcore_hvc1(KCORE_HC_VCPU_DESTROY, (u64)g->handle * KCORE_VM_VCPUS + i);

	if (ret) {
		pr_err("vCPU %u of VM %u and its page are lost: KCore's error %d\n", i, g->handle, kcore_errno(ret));
		return;
	}
	free_page((unsigned long)g->page[i]);
	g->page[i] = NULL;
	g->nr_vcpus--;
}

/* H13 */
void kcore_vcpu_destroyed(struct kvm_vcpu *vcpu)
{
	struct kcore_vm_glue *g = &vcpu->kvm->arch.kcore;

	if (!kcore_active() || !vcpu->arch.kcore.page)
		return;
	mutex_lock(&g->lock);
	vcpu->arch.kcore.page = NULL;
	kcore_vcpu_release(g, vcpu->arch.kcore.handle % KCORE_VM_VCPUS);
	kcore_vm_end(g);
	mutex_unlock(&g->lock);
}

/* Boot registers of a protected VM, into vCPU 0's page, from where KCore reads them once.  Lock: vCPU 0's mutex. */
static void kcore_boot_registers(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_page *page = vcpu->arch.kcore.page;
	unsigned int i;

	for (i = 0; i < 4; i++)
		page->x[i] = kcore_gp(vcpu)->regs[i];
	page->pc = kcore_gp(vcpu)->pc;
	page->cntvoff = kcore_cntvoff(vcpu);
}

/* Hull of all memory slots; false if there is none, or one that the guest may not write.  Lock: kvm->srcu. */
static bool kcore_slots_hull(struct kvm *kvm, u64 *ipa, u64 *bytes)
{
	struct kvm_memslots *slots = kvm_memslots(kvm);
	struct kvm_memory_slot *slot;
	u64 from = U64_MAX, to = 0;
	int bkt;

	kcore_for_each_slot(slot, bkt, slots) {
		if (slot->flags & (KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES))
			return false;
		from = min_t(u64, from, slot->base_gfn);
		to = max_t(u64, to, slot->base_gfn + slot->npages);
	}
	if (from >= to)
		return false;
	*ipa = from << PAGE_SHIFT;
	*bytes = (to - from) << PAGE_SHIFT;
	return true;
}

/* The image's pages are the VM's from here on, and measured.  Lock: g->lock. */
static int kcore_measure_image(struct kvm *kvm, const struct kcore_image *image)
{
	struct kcore_vm_glue *g = &kvm->arch.kcore;
	u64 offset, ret;
	int err;

	if (!PAGE_ALIGNED(image->ipa | image->bytes) || image->ipa < g->mem_ipa || image->bytes > g->mem_size ||
	    image->ipa - g->mem_ipa > g->mem_size - image->bytes)
		return -EINVAL;
	for (offset = 0; offset < image->bytes; offset += PAGE_SIZE) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = kcore_donate_frame(kvm, (image->ipa + offset) >> PAGE_SHIFT);
		if (err)
			return err;
		ret = kcore_hvc3(KCORE_HC_VM_MEASURE, g->handle, image->ipa + offset, 0);
		if (ret)
			return kcore_errno(ret);
		cond_resched();
	}
	return 0;
}

/* Images and signature of a VM that waits for them.  Locks: vCPU 0's mutex, so nothing of the VM is loaded; g->lock. */
static int kcore_vm_start(struct kvm_vcpu *vcpu, const struct kcore_signed *sign)
{
	struct kcore_vm_glue *g = &vcpu->kvm->arch.kcore;
	unsigned int i;
	u64 ret;
	int err;

	for (i = 0; i < sign->nr_images; i++) {
		err = kcore_measure_image(vcpu->kvm, &sign->image[i]);
		if (err)
			return err;
	}
	BUILD_BUG_ON(sizeof(sign->signature) != 8 * sizeof(u64));
	memcpy(&vcpu->arch.kcore.page->x[4], sign->signature, sizeof(sign->signature));
	ret = kcore_hvc1(KCORE_HC_VM_START, g->handle);
	return ret == KCORE_EPERM ? -EKEYREJECTED : kcore_errno(ret);
}

/*
 * Fix the memory range and start vCPU 0; with `sign' if what is measured is signed, else the VM can only be destroyed.
 * `vcpu' is vCPU 0 and its mutex is held.
 */
static int kcore_vm_finalise(struct kvm_vcpu *vcpu, const struct kcore_signed *sign)
{
	struct kvm *kvm = vcpu->kvm;
	struct kcore_vm_glue *g = &kvm->arch.kcore;
	u64 ipa = 0, bytes = 0, ret;
	int idx, err = 0;
	bool hull;

	mutex_lock(&g->lock);
	if (g->state != KCORE_STATE_CREATED) {
		err = g->state == KCORE_STATE_FINALISED ? -EBUSY : -EINVAL;
		goto out;
	}
	idx = srcu_read_lock(&kvm->srcu);
	hull = kcore_slots_hull(kvm, &ipa, &bytes);
	srcu_read_unlock(&kvm->srcu, idx);
	if (!hull) {
		pr_warn("VM %u: a protected VM needs memory slots, none of them read-only or logged\n", g->handle);
		err = -EINVAL;
		goto out;
	}
	kcore_boot_registers(vcpu);
	ret = kcore_hvc3(sign ? KCORE_HC_VM_FINALISE_SIGNED : KCORE_HC_VM_FINALISE, g->handle, ipa, bytes);
	if (ret) {
		pr_warn("VM %u: not finalised, KCore's error %d%s\n", g->handle, kcore_errno(ret),
			ret == KCORE_EPERM ? ": protected VMs have to be signed" : "");
		err = kcore_errno(ret);
		goto out;
	}
	g->mem_ipa = ipa;
	g->mem_size = bytes;
	if (sign)
		err = kcore_vm_start(vcpu, sign);
	g->state = err ? KCORE_STATE_FAILED : KCORE_STATE_FINALISED;
	if (err) {
		pr_warn("VM %u: not started, error %d%s\n", g->handle, err,
			err == -EKEYREJECTED ? ": what KCore measured isn't signed by a key that it has" : "");
		kcore_hvc1(KCORE_HC_VM_DESTROY_BEGIN, g->handle);
	}
out:
	mutex_unlock(&g->lock);
	return err;
}

/*
 * A protected vCPU that PSCI has off sleeps as one that KVM has off.  It is marked first and tried once more, so a
 * CPU_ON between KCore's answer and the mark isn't lost: KVM wakes only a vCPU that is marked.
 */
static int kcore_vcpu_park(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;

	if (g->parked)
		kvm_make_request(KVM_REQ_SLEEP, vcpu);
	else
		kcore_mp_state_stop(vcpu);
	g->parked = !g->parked;
	return 1;
}

/* A vCPU with what KCore switches for no VM, or hides from a protected one */
static bool kcore_vcpu_unprotectable(struct kvm_vcpu *vcpu)
{
	return kcore_vcpu_unsupported(vcpu) || kcore_has_ptrauth(vcpu) || kcore_has_sve(vcpu) || kcore_has_aarch32(vcpu) ||
	       vcpu->guest_debug;
}

/* What kcore_run() left to a context that may sleep: 1 to go on, or an error for KVM_RUN */
int kcore_vcpu_todo(struct kvm_vcpu *vcpu)
{
	struct kcore_vcpu_glue *g = &vcpu->arch.kcore;
	u8 todo = g->todo;
	int err;

	g->todo = KCORE_TODO_NOTHING;
	if (todo == KCORE_TODO_FAIL)
		return g->error;
	if (todo == KCORE_TODO_PARK || g->handle % KCORE_VM_VCPUS)	/* only vCPU 0 starts a VM */
		return kcore_vcpu_park(vcpu);
	if (kcore_vcpu_unprotectable(vcpu))
		return -EINVAL;
	err = kcore_vm_finalise(vcpu, NULL);
	return err ? err : 1;
}

/* Has KCore given the page back? */
static bool kcore_page_back(struct page *page)
{
	u64 state = kcore_hvc1(KCORE_HC_PAGE_STATE, page_to_phys(page));

	return state == KCORE_PAGE_HOST || state == KCORE_PAGE_MAPPED;
}

/*
 * Give the pages back to the VMM: all of them if KCore says that nothing of the VM is left, else those that it has given back.
 * A page that it hasn't stays pinned for ever.
 */
static void kcore_release_pages(struct kcore_vm_glue *g, bool all)
{
	struct page *pages[KCORE_UNPIN_PAGES];
	struct radix_tree_iter iter;
	unsigned long lost = 0, n = 0;
	void __rcu **slot;

	radix_tree_for_each_slot(slot, &g->pinned, &iter, 0) {
		struct page *page = rcu_dereference_protected(*slot, lockdep_is_held(&g->lock));

		radix_tree_iter_delete(&g->pinned, &iter, slot);
		if (all || kcore_page_back(page))
			pages[n++] = page;
		else
			lost++;
		if (n == KCORE_UNPIN_PAGES) {
			kcore_unpin(pages, n);
			n = 0;
		}
		if (need_resched()) {
			slot = radix_tree_iter_resume(slot, &iter);
			cond_resched();
		}
	}
	kcore_unpin(pages, n);
	if (lost)
		pr_err("VM %u: %lu pages are lost: KCore didn't give them back\n", g->handle, lost);
	g->donated = 0;
}

/* H11: before KVM drops its tables and the VMM's memory is freed.  May come twice. */
void kcore_vm_reclaim(struct kvm *kvm)
{
	struct kcore_vm_glue *g = &kvm->arch.kcore;
	u64 ret;

	if (!kcore_active())
		return;
	mutex_lock(&g->lock);
	if (!g->handle || g->state == KCORE_STATE_DYING)
		goto out;
	ret = kcore_hvc1(KCORE_HC_VM_DESTROY_BEGIN, g->handle);
	if (ret) {
		pr_err("VM %u and its %lu pages are lost: KCore didn't begin to destroy it, error %d\n", g->handle,
		       g->donated, kcore_errno(ret));
		goto out;
	}
	while ((ret = kcore_hvc1(KCORE_HC_VM_DESTROY_STEP, g->handle)) == KCORE_EAGAIN)
		cond_resched();
	g->state = KCORE_STATE_DYING;		/* not before: until now kcore_flush_range() has something to drop */
	if (ret)
		pr_err("VM %u: KCore stopped destroying it, error %d\n", g->handle, kcore_errno(ret));
	kcore_release_pages(g, !ret);
out:
	mutex_unlock(&g->lock);
}

/* A vCPU whose creation failed after H14 is known to KCore and to nobody else.  Lock: g->lock. */
static void kcore_release_orphans(struct kvm *kvm)
{
	struct kcore_vm_glue *g = &kvm->arch.kcore;
	struct kvm_vcpu *vcpu;
	unsigned long known = 0;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (vcpu->arch.kcore.page)
			__set_bit(vcpu->arch.kcore.handle % KCORE_VM_VCPUS, &known);
	}
	for (i = 0; i < KCORE_MAX_VCPUS; i++) {
		if (g->page[i] && !test_bit(i, &known))
			kcore_vcpu_release(g, i);
	}
}

/* H12 */
void kcore_vm_destroyed(struct kvm *kvm)
{
	struct kcore_vm_glue *g = &kvm->arch.kcore;

	if (!kcore_active())
		return;
	mutex_lock(&g->lock);
	g->destroyed = true;
	if (g->handle) {
		kcore_release_orphans(kvm);
		kcore_vm_end(g);
	}
	mutex_unlock(&g->lock);
}

/* Will the VM be a protected one?  Without a VM: the next one, as far as that is known. */
static bool kcore_asks_protected(struct kvm *kvm)
{
	return kvm ? kcore_vm_protected(kvm) : protect_all;
}

/* H37: capabilities that are other than KVM says: KCore's limits, and no feature that it doesn't switch for such a VM */
bool kcore_extension_mine(struct kvm *kvm, long ext)
{
	return kcore_active() &&
	       (ext == KVM_CAP_MAX_VCPUS || ext == KVM_CAP_MAX_VCPU_ID || ext == KVM_CAP_ARM_VM_IPA_SIZE ||
		kcore_extension_unsupported(ext) || (kcore_extension_normal_only(ext) && kcore_asks_protected(kvm)));
}

int kcore_extension(long ext)
{
	if (ext == KVM_CAP_MAX_VCPUS || ext == KVM_CAP_MAX_VCPU_ID)
		return min_t(int, KCORE_MAX_VCPUS, kvm_vgic_get_max_vcpus());
	return ext == KVM_CAP_ARM_VM_IPA_SIZE ? ilog2(KCORE_IPA_END) : 0;
}

bool kcore_ioctl_mine(unsigned int ioctl)
{
	return kcore_active() && _IOC_TYPE(ioctl) == KCORE_IOC_MAGIC;
}

static long kcore_ioctl_set_type(struct kcore_vm_glue *g, unsigned long type)
{
	long err = 0;

	if (type != KCORE_TYPE_NORMAL && type != KCORE_TYPE_PROTECTED)
		return -EINVAL;
	mutex_lock(&g->lock);
	if (g->state != KCORE_STATE_EMPTY)
		err = -EBUSY;
	else if (type == KCORE_TYPE_NORMAL && g->type == KCORE_TYPE_PROTECTED && protect_all)
		err = -EPERM;
	else
		g->type = type;
	mutex_unlock(&g->lock);
	return err;
}

static long kcore_ioctl_get_info(struct kcore_vm_glue *g, struct kcore_vm_info __user *to)
{
	struct kcore_vm_info info = { };

	mutex_lock(&g->lock);
	info.handle = g->handle;
	info.type = g->type;
	info.state = g->state;
	info.vcpus = g->nr_vcpus;
	info.donated = g->donated;
	info.mem_ipa = g->mem_ipa;
	info.mem_size = g->mem_size;
	mutex_unlock(&g->lock);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
}

static long kcore_ioctl_finalise(struct kvm *kvm, const struct kcore_signed *sign)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;
	long err;

	if (!kcore_vm_protected(kvm))
		return kvm->arch.kcore.state == KCORE_STATE_FINALISED ? -EBUSY : -EINVAL;
	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (!vcpu->arch.kcore.page || vcpu->arch.kcore.handle % KCORE_VM_VCPUS)
			continue;
		if (mutex_lock_killable(&vcpu->mutex))
			return -EINTR;
		err = kcore_vcpu_unprotectable(vcpu) ? -EINVAL : kcore_vm_finalise(vcpu, sign);
		mutex_unlock(&vcpu->mutex);
		return err;
	}
	return -EINVAL;
}

static long kcore_ioctl_finalise_signed(struct kvm *kvm, const struct kcore_signed __user *from)
{
	struct kcore_signed sign;

	if (copy_from_user(&sign, from, sizeof(sign)))
		return -EFAULT;
	BUILD_BUG_ON(ARRAY_SIZE(sign.image) != KCORE_MAX_IMAGES);
	return sign.nr_images > KCORE_MAX_IMAGES ? -EINVAL : kcore_ioctl_finalise(kvm, &sign);
}

/* Also of a VM whose signature was refused: what KCore has measured says why */
static long kcore_ioctl_get_measurement(struct kcore_vm_glue *g, struct kcore_vm_measurement __user *to)
{
	struct kcore_vm_measurement words = { };
	long err = 0;
	unsigned int i;

	BUILD_BUG_ON(sizeof(words) < sizeof(struct kcore_measurement));
	mutex_lock(&g->lock);
	if (g->handle && g->type == KCORE_TYPE_PROTECTED && g->mem_size) {
		for (i = 0; i < ARRAY_SIZE(words.word); i++)
			kcore_hvc(KCORE_HC_VM_MEASUREMENT, g->handle, i, 0, 0, 0, &words.word[i]);
	} else {
		err = -EINVAL;
	}
	mutex_unlock(&g->lock);
	return err ? err : copy_to_user(to, &words, sizeof(words)) ? -EFAULT : 0;
}

/* The lock: nobody asks for another one before the words are read */
static long kcore_ioctl_quote(struct kcore_vm_glue *g, struct kcore_vm_quote __user *user)
{
	struct kcore_vm_quote quote;
	u64 ret = KCORE_EINVAL;
	unsigned int i;

	BUILD_BUG_ON(sizeof(quote.word) < sizeof(struct kcore_quote));
	if (copy_from_user(&quote, user, sizeof(quote)))
		return -EFAULT;
	mutex_lock(&g->lock);
	if (g->handle && g->type == KCORE_TYPE_PROTECTED)
		ret = kcore_hvc(KCORE_HC_VM_QUOTE, g->handle, quote.data[0], quote.data[1], quote.data[2], quote.data[3], NULL);
	for (i = 0; !ret && i < ARRAY_SIZE(quote.word); i++)
		kcore_hvc(KCORE_HC_VM_MEASUREMENT, g->handle, KCORE_QUOTE_WORD + i, 0, 0, 0, &quote.word[i]);
	mutex_unlock(&g->lock);
	return ret ? kcore_errno(ret) : copy_to_user(user, &quote, sizeof(quote)) ? -EFAULT : 0;
}

/* H15 */
long kcore_vm_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)
{
	struct kvm *kvm = filp->private_data;

	switch (ioctl) {
	case KCORE_IOC_SET_TYPE:
		return kcore_ioctl_set_type(&kvm->arch.kcore, arg);
	case KCORE_IOC_GET_INFO:
		return kcore_ioctl_get_info(&kvm->arch.kcore, (void __user *)arg);
	case KCORE_IOC_FINALISE:
		return kcore_ioctl_finalise(kvm, NULL);
	case KCORE_IOC_FINALISE_SIGNED:
		return kcore_ioctl_finalise_signed(kvm, (void __user *)arg);
	case KCORE_IOC_GET_MEASUREMENT:
		return kcore_ioctl_get_measurement(&kvm->arch.kcore, (void __user *)arg);
	case KCORE_IOC_QUOTE:
		return kcore_ioctl_quote(&kvm->arch.kcore, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}
