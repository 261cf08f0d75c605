// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/kcore_test: the powers of a hostile kernel for attack programs in user space.  See uapi/asm/kcore_test.h.
 * Each access goes through the exception tables, so that what KCore refuses becomes an error instead of an oops.
 */
#include <linux/arm-smccc.h>
#include <linux/capability.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/memblock.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/psci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <uapi/asm/kcore_test.h>
#include <uapi/linux/psci.h>
#include <asm/cacheflush.h>
#include <asm/daifflags.h>
#include <asm/neon.h>
#include <asm/smp_plat.h>
#include <asm/virt.h>
#include "kcore.h"
#include "kcore_test.h"

#define LANDING_TIMEOUT_MS	2000

/* Pages handed out by KCORE_TEST_ALLOC */
struct test_pages {
	struct list_head list;
	u64 pa;
	u32 order;
};

struct test_file {
	struct mutex lock;
	struct list_head pages;
};

/* ---- calls ----------------------------------------------------------------------------------------- */
static void test_call(struct kcore_test_call *call)
{
	register u64 x0 asm("x0") = call->x[0];
	register u64 x1 asm("x1") = call->x[1];
	register u64 x2 asm("x2") = call->x[2];
	register u64 x3 asm("x3") = call->x[3];
	register u64 x4 asm("x4") = call->x[4];
	register u64 x5 asm("x5") = call->x[5];
	register u64 x6 asm("x6") = call->x[6];
	register u64 x7 asm("x7") = call->x[7];

	if (call->kind == KCORE_TEST_CALL_HVC)
		asm volatile("hvc #0"
			     : "+r" (x0), "+r" (x1), "+r" (x2), "+r" (x3), "+r" (x4), "+r" (x5), "+r" (x6), "+r" (x7)
			     : : "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	else
		asm volatile("smc #0"
			     : "+r" (x0), "+r" (x1), "+r" (x2), "+r" (x3), "+r" (x4), "+r" (x5), "+r" (x6), "+r" (x7)
			     : : "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	call->x[0] = x0;
	call->x[1] = x1;
	call->x[2] = x2;
	call->x[3] = x3;
	call->x[4] = x4;
	call->x[5] = x5;
	call->x[6] = x6;
	call->x[7] = x7;
}

static int test_call_check(const struct kcore_test_call *call)
{
	if (call->kind == KCORE_TEST_CALL_HVC)
		return kcore_active() ? 0 : -ENODEV;
	return call->kind == KCORE_TEST_CALL_SMC ? 0 : -EINVAL;
}

static long test_ioctl_call(void __user *arg)
{
	struct kcore_test_call call;
	int err;

	if (copy_from_user(&call, arg, sizeof(call)))
		return -EFAULT;
	err = test_call_check(&call);
	if (err)
		return err;
	test_call(&call);
	return copy_to_user(arg, &call, sizeof(call)) ? -EFAULT : 0;
}

static int test_batch_run(struct kcore_test_batch *batch, struct kcore_test_call *calls)
{
	u32 i;
	int err;

	for (i = 0; i < batch->count; i++) {
		err = test_call_check(&calls[i]);
		if (err)
			return err;
	}
	kernel_neon_begin();		/* the task's FP registers are saved: a guest may load its own */
	preempt_disable();
	batch->cpu = smp_processor_id();
	for (i = 0; i < batch->count; i++) {
		test_call(&calls[i]);
		if (batch->stop_on_error && kcore_is_error(calls[i].x[0])) {
			i++;
			break;
		}
	}
	batch->done = i;
	preempt_enable();
	kernel_neon_end();
	return 0;
}

static long test_ioctl_batch(void __user *arg)
{
	struct kcore_test_batch batch;
	struct kcore_test_call *calls;
	size_t bytes;
	long err;

	if (copy_from_user(&batch, arg, sizeof(batch)))
		return -EFAULT;
	if (!batch.count || batch.count > KCORE_TEST_BATCH_MAX || batch.stop_on_error > 1)
		return -EINVAL;
	bytes = batch.count * sizeof(*calls);
	calls = memdup_user(u64_to_user_ptr(batch.calls), bytes);
	if (IS_ERR(calls))
		return PTR_ERR(calls);
	err = test_batch_run(&batch, calls);
	if (!err && (copy_to_user(u64_to_user_ptr(batch.calls), calls, bytes) || copy_to_user(arg, &batch, sizeof(batch))))
		err = -EFAULT;
	kfree(calls);
	return err;
}

/* ---- physical memory --------------------------------------------------------------------------------- */

/* A kernel mapping of one page: by its struct page where there is one, else as if it was a device's */
static void *test_map(u64 pa, pgprot_t prot)
{
	unsigned long pfn = PHYS_PFN(pa);
	struct page *page;

	if (pfn_valid(pfn)) {
		page = pfn_to_page(pfn);
		return vmap(&page, 1, VM_MAP, prot);
	}
	return (void __force *)kcore_ioremap(pa & PAGE_MASK, PAGE_SIZE, prot);
}

static void test_unmap(u64 pa, void *va)
{
	if (pfn_valid(PHYS_PFN(pa)))
		vunmap(va);
	else
		iounmap((void __iomem __force *)va);
}

static int test_access(struct kcore_test_phys *phys, void *va, void *buf)
{
	if (phys->op == KCORE_TEST_READ)
		return copy_from_kernel_nofault(buf, va, phys->len);
	return copy_to_kernel_nofault(va, buf, phys->len);
}

static int test_phys_linear(struct kcore_test_phys *phys, void *buf)
{
	if (!memblock_is_map_memory(phys->pa))
		return -ENXIO;
	return test_access(phys, phys_to_virt(phys->pa), buf);
}

static int test_phys_mapping(struct kcore_test_phys *phys, void *buf, pgprot_t prot)
{
	void *va = test_map(phys->pa, prot);
	int err;

	if (!va)
		return -ENXIO;
	err = test_access(phys, va + offset_in_page(phys->pa), buf);
	test_unmap(phys->pa, va);
	return err;
}

static long test_ioctl_phys(void __user *arg)
{
	struct kcore_test_phys phys;
	void *buf;
	long ret = -EFAULT;
	int err;

	if (copy_from_user(&phys, arg, sizeof(phys)))
		return -EFAULT;
	if (!phys.len || phys.len > PAGE_SIZE || offset_in_page(phys.pa) + phys.len > PAGE_SIZE || phys.op > KCORE_TEST_WRITE ||
	    phys.via > KCORE_TEST_VIA_DEVICE)
		return -EINVAL;
	buf = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (phys.op == KCORE_TEST_WRITE && copy_from_user(buf, u64_to_user_ptr(phys.buf), phys.len))
		goto out;
	if (phys.via == KCORE_TEST_VIA_LINEAR)
		err = test_phys_linear(&phys, buf);
	else
		err = test_phys_mapping(&phys, buf,
					phys.via == KCORE_TEST_VIA_DEVICE ? __pgprot(PROT_DEVICE_nGnRE) : PAGE_KERNEL);
	phys.error = -err;
	if (!err && phys.op == KCORE_TEST_READ && copy_to_user(u64_to_user_ptr(phys.buf), buf, phys.len))
		goto out;
	ret = copy_to_user(arg, &phys, sizeof(phys)) ? -EFAULT : 0;
out:
	kfree(buf);
	return ret;
}

/* ---- caches and execution: with the driver's own vectors, any exception becomes an error ------------------ */
static int test_protected_call(u64 *x0, unsigned long address)
{
	unsigned long flags = local_daif_save();
	unsigned long vbar = read_sysreg(vbar_el1);
	u64 fault;

	write_sysreg(kcore_exec_vectors, vbar_el1);
	isb();
	*x0 = kcore_exec_call(*x0, address, &fault);
	write_sysreg(vbar, vbar_el1);
	isb();
	local_daif_restore(flags);
	return fault ? EFAULT : 0;
}

static int test_cache_op(struct kcore_test_cache *cache, void *va)
{
	bool by_way = cache->op >= KCORE_TEST_DC_CISW && cache->op <= KCORE_TEST_DC_CSW;
	u64 x0 = by_way ? cache->arg : (u64)va;
	int err = test_protected_call(&x0, (unsigned long)kcore_cache_ops + cache->op * KCORE_CACHE_OP_BYTES);

	if (cache->op >= KCORE_TEST_AT_S1E1R)
		cache->arg = x0;
	return err;
}

static long test_ioctl_cache(void __user *arg)
{
	struct kcore_test_cache cache;
	void *va;

	if (copy_from_user(&cache, arg, sizeof(cache)))
		return -EFAULT;
	if (cache.op > KCORE_TEST_AT_S12E1R)
		return -EINVAL;
	va = test_map(cache.pa, PAGE_KERNEL);
	if (!va)
		return -EINVAL;
	cache.error = test_cache_op(&cache, va + offset_in_page(cache.pa));
	test_unmap(cache.pa, va);
	return copy_to_user(arg, &cache, sizeof(cache)) ? -EFAULT : 0;
}

/* vmap() and ioremap() take PAGE_KERNEL_EXEC and add PXN all the same: take it away again */
static int test_make_executable(pte_t *ptep, unsigned long addr, void *data)
{
	set_pte(ptep, __pte(pte_val(READ_ONCE(*ptep)) & ~PTE_PXN));
	return 0;
}

static long test_ioctl_exec(void __user *arg)
{
	struct kcore_test_exec exec;
	void *va;

	if (copy_from_user(&exec, arg, sizeof(exec)))
		return -EFAULT;
	if (exec.pa & 3)
		return -EINVAL;
	va = test_map(exec.pa, PAGE_KERNEL_EXEC);
	if (!va)
		return -EINVAL;
	if (apply_to_page_range(&init_mm, (unsigned long)va & PAGE_MASK, PAGE_SIZE, test_make_executable, NULL)) {
		test_unmap(exec.pa, va);
		return -ENOMEM;
	}
	flush_tlb_kernel_range((unsigned long)va & PAGE_MASK, ((unsigned long)va & PAGE_MASK) + PAGE_SIZE);
	asm volatile("ic ialluis\n\tdsb ish\n\tisb" : : : "memory");
	exec.error = test_protected_call(&exec.x0, (unsigned long)va + offset_in_page(exec.pa));
	test_unmap(exec.pa, va);
	return copy_to_user(arg, &exec, sizeof(exec)) ? -EFAULT : 0;
}

/* ---- addresses -------------------------------------------------------------------------------------------- */
static long test_ioctl_va_to_pa(void __user *arg)
{
	struct kcore_test_va va;
	struct page *page;

	if (copy_from_user(&va, arg, sizeof(va)))
		return -EFAULT;
	va.pa = 0;
	va.error = EFAULT;
	if (get_user_pages_fast(va.va, 1, 0, &page) == 1) {
		va.pa = page_to_phys(page) | offset_in_page(va.va);
		va.error = 0;
		put_page(page);
	}
	return copy_to_user(arg, &va, sizeof(va)) ? -EFAULT : 0;
}

static long test_ioctl_vcpu_page(void __user *arg)
{
	struct kcore_test_vcpu q;
	struct kvm_vcpu *vcpu;
	struct file *file;

	if (copy_from_user(&q, arg, sizeof(q)))
		return -EFAULT;
	if (!kcore_active())
		return -ENODEV;
	file = fget(q.vm_fd);
	if (!file)
		return -EBADF;
	if (!kcore_file_is_vm(file)) {
		fput(file);
		return -EINVAL;
	}
	q.pa = 0;
	q.handle = 0;
	q.error = ENOENT;
	vcpu = kvm_get_vcpu_by_id(file->private_data, q.index);
	if (vcpu && vcpu->arch.kcore.page) {
		q.pa = __pa(vcpu->arch.kcore.page);
		q.handle = vcpu->arch.kcore.handle;
		q.error = 0;
	}
	fput(file);
	return copy_to_user(arg, &q, sizeof(q)) ? -EFAULT : 0;
}

static long test_ioctl_info(void __user *arg)
{
	struct kcore_test_info info = {
		.region_base	= kcore_base,
		.region_size	= kcore_size,
		.image_size	= kcore_image_size,
		.landing_pad	= __pa_symbol(kcore_landing_pad),
		.dram_start	= memblock_start_of_DRAM(),
		.dram_end	= memblock_end_of_DRAM(),
		.hyp_mode	= (is_hyp_mode_available() ? KCORE_TEST_HYP_AVAILABLE : 0) |
				  (is_hyp_mode_mismatched() ? KCORE_TEST_HYP_MISMATCHED : 0),
	};

	if (kcore_nr_denied > 0)
		info.gich_base = kcore_denied[0].base;
	if (kcore_nr_denied > 1)
		info.gicv_base = kcore_denied[1].base;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/* ---- pages to give away ---------------------------------------------------------------------------------- */
static bool test_pages_ours(const struct test_pages *pages)
{
	u64 pa;

	if (!kcore_active())
		return true;
	for (pa = pages->pa; pa < pages->pa + (PAGE_SIZE << pages->order); pa += PAGE_SIZE) {
		if (kcore_hvc1(KCORE_HC_PAGE_STATE, pa) != KCORE_PAGE_HOST)
			return false;
	}
	return true;
}

/* Lock: file->lock. */
static void test_pages_free(struct test_pages *pages)
{
	list_del(&pages->list);
	if (test_pages_ours(pages))
		free_pages((unsigned long)phys_to_virt(pages->pa), pages->order);
	else
		pr_warn("test: pages at 0x%llx, order %u, are lost: KCore hasn't given them back\n", pages->pa, pages->order);
	kfree(pages);
}

static long test_ioctl_alloc(struct test_file *file, void __user *arg)
{
	struct kcore_test_alloc alloc;
	struct test_pages *pages;
	unsigned long va;

	if (copy_from_user(&alloc, arg, sizeof(alloc)))
		return -EFAULT;
	if (alloc.order > 9)
		return -EINVAL;
	pages = kzalloc(sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	va = __get_free_pages(GFP_KERNEL | __GFP_ZERO, alloc.order);
	if (!va) {
		kfree(pages);
		return -ENOMEM;
	}
	pages->pa = alloc.pa = __pa(va);
	pages->order = alloc.order;
	mutex_lock(&file->lock);
	list_add(&pages->list, &file->pages);
	mutex_unlock(&file->lock);
	return copy_to_user(arg, &alloc, sizeof(alloc)) ? -EFAULT : 0;
}

static long test_ioctl_free(struct test_file *file, void __user *arg)
{
	struct test_pages *pages;
	long ret = -EINVAL;
	u64 pa;

	if (copy_from_user(&pa, arg, sizeof(pa)))
		return -EFAULT;
	mutex_lock(&file->lock);
	list_for_each_entry(pages, &file->pages, list) {
		if (pages->pa == pa) {
			test_pages_free(pages);
			ret = 0;
			break;
		}
	}
	mutex_unlock(&file->lock);
	return ret;
}

/* ---- CPU_ON ---------------------------------------------------------------------------------------------- */
static u64 test_smc(u64 fn, u64 a1, u64 a2, u64 a3)
{
	struct arm_smccc_res res;

	arm_smccc_smc(fn, a1, a2, a3, 0, 0, 0, 0, &res);
	return res.a0;
}

/* Until the pad has written its mark: the CPU's caches are off, so ours must not hold the line. */
static bool test_landed(u64 *report)
{
	ktime_t end = ktime_add_ms(ktime_get(), LANDING_TIMEOUT_MS);

	do {
		kcore_clean_to_poc(report, 64);
		if (READ_ONCE(report[KCORE_PAD_MARK / 8]) == KCORE_PAD_LANDED)
			return true;
		usleep_range(100, 200);
	} while (ktime_before(ktime_get(), end));
	return false;
}

static bool test_cpu_off(u64 mpidr)
{
	ktime_t end = ktime_add_ms(ktime_get(), LANDING_TIMEOUT_MS);

	do {
		if (test_smc(PSCI_0_2_FN64_AFFINITY_INFO, mpidr, 0, 0) == PSCI_0_2_AFFINITY_LEVEL_OFF)
			return true;
		usleep_range(100, 200);
	} while (ktime_before(ktime_get(), end));
	return false;
}

static void test_cpu_on(struct kcore_test_cpu_on *on, u64 *report)
{
	bool pad = !on->entry;

	if (pad) {
		on->entry = __pa_symbol(kcore_landing_pad);
		on->context = __pa(report);
	}
	kcore_clean_to_poc(report, PAGE_SIZE);
	on->result = test_smc(PSCI_0_2_FN64_CPU_ON, on->mpidr, on->entry, on->context);
	on->landed = pad && !on->result && test_landed(report);
	if (on->landed) {
		on->current_el = report[KCORE_PAD_CURRENT_EL / 8];
		on->sctlr = report[KCORE_PAD_SCTLR / 8];
		on->off = test_cpu_off(on->mpidr);
	}
}

static long test_ioctl_cpu_on(void __user *arg)
{
	struct kcore_test_cpu_on on;
	u64 *report;
	long ret = 0;

	if (copy_from_user(&on, arg, sizeof(on)))
		return -EFAULT;
	if (!kcore_active())
		return -ENODEV;
	on.landed = 0;
	on.current_el = on.sctlr = on.off = 0;
	report = (u64 *)get_zeroed_page(GFP_KERNEL);
	if (!report)
		return -ENOMEM;
	cpus_read_lock();		/* the CPU stays offline for Linux */
	if (on.cpu != ~0U) {
		if (on.cpu >= nr_cpu_ids || !cpu_possible(on.cpu) || cpu_online(on.cpu))
			ret = -EINVAL;
		else
			on.mpidr = cpu_logical_map(on.cpu);
	}
	if (!ret)
		test_cpu_on(&on, report);
	cpus_read_unlock();
	free_page((unsigned long)report);
	if (ret)
		return ret;
	return copy_to_user(arg, &on, sizeof(on)) ? -EFAULT : 0;
}

/* ---- the device -------------------------------------------------------------------------------------------- */
static long test_ioctl(struct file *filp, unsigned int cmd, unsigned long argument)
{
	void __user *arg = (void __user *)argument;

	switch (cmd) {
	case KCORE_TEST_CALL:
		return test_ioctl_call(arg);
	case KCORE_TEST_BATCH:
		return test_ioctl_batch(arg);
	case KCORE_TEST_PHYS:
		return test_ioctl_phys(arg);
	case KCORE_TEST_CACHE:
		return test_ioctl_cache(arg);
	case KCORE_TEST_VA_TO_PA:
		return test_ioctl_va_to_pa(arg);
	case KCORE_TEST_ALLOC:
		return test_ioctl_alloc(filp->private_data, arg);
	case KCORE_TEST_FREE:
		return test_ioctl_free(filp->private_data, arg);
	case KCORE_TEST_VCPU_PAGE:
		return test_ioctl_vcpu_page(arg);
	case KCORE_TEST_CPU_ON:
		return test_ioctl_cpu_on(arg);
	case KCORE_TEST_INFO:
		return test_ioctl_info(arg);
	case KCORE_TEST_EXEC:
		return test_ioctl_exec(arg);
	default:
		return -ENOTTY;
	}
}

static int test_mmap(struct file *filp, struct vm_area_struct *vma)
{
	u64 pa = (u64)vma->vm_pgoff << PAGE_SHIFT;

	if (!memblock_is_memory(pa))
		vma->vm_page_prot = pgprot_device(vma->vm_page_prot);
	return remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static int test_open(struct inode *inode, struct file *filp)
{
	struct test_file *file;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	INIT_LIST_HEAD(&file->pages);
	filp->private_data = file;
	return 0;
}

static int test_release(struct inode *inode, struct file *filp)
{
	struct test_file *file = filp->private_data;
	struct test_pages *pages, *next;

	mutex_lock(&file->lock);
	list_for_each_entry_safe(pages, next, &file->pages, list)
		test_pages_free(pages);
	mutex_unlock(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations test_fops = {
	.owner		= THIS_MODULE,
	.open		= test_open,
	.release	= test_release,
	.unlocked_ioctl	= test_ioctl,
	.mmap		= test_mmap,
	.llseek		= noop_llseek,
};

static struct miscdevice test_device = {
	.minor		= MISC_DYNAMIC_MINOR,
	.name		= "kcore_test",
	.fops		= &test_fops,
	.mode		= 0600,
};

/*
 * VMs that come and go switch the kernel's preemption notifiers on and off by patching its text, and QEMU 7.2 with several
 * CPUs can go on executing the old text: a vCPU is then never put, and its CPU refuses all others. Always on, here.
 */
static int __init test_init(void)
{
	preempt_notifier_inc();
	pr_warn("test driver: /dev/kcore_test gives root all powers of the kernel\n");
	return misc_register(&test_device);
}
late_initcall(test_init);
