// SPDX-License-Identifier: GPL-2.0-only
/* Attacks on the ownership of pages: every page has one owner, and only the owner's pages can be given. */
#include <errno.h>
#include <string.h>

#include "attacks.h"

static void expect_refused(u64 r, u64 a, u64 b, const char *what)
{
	expect(r == a || r == b, "%s: %s", what, result_text(r));
}

static void expect_page(u64 pa, u64 state, const char *what)
{
	u64 now = HC(PAGE_STATE, pa);

	expect(now == state, "%s is %s", what, page_state_text(now));
}

static void finish(struct victim *v)
{
	victim_expect_intact(v);
	victim_end(v);
}

void attack_donate_twice(void)
{
	struct victim v;
	u64 page;

	victim_start(&v, 1);
	page = page_alloc(0);
	expect_page(v.secret_pa, KCORE_PAGE_VM, "the secret page");
	expect_refused(HC(VM_DONATE, v.handle, FRESH_IPA, v.secret_pa), KCORE_EPERM, KCORE_EPERM, "again, elsewhere");
	expect_refused(HC(VM_DONATE, v.handle, SECRET_IPA, v.secret_pa), KCORE_EPERM, KCORE_EPERM, "again, there");
	expect_refused(HC(VM_DONATE, v.handle, SECRET_IPA, page), KCORE_EBUSY, KCORE_EBUSY, "another page, there");
	expect_page(page, KCORE_PAGE_HOST, "the other page");
	page_free(page);
	finish(&v);
}

/*
 * Addresses all over KCore's memory: table pool, records, roots, stacks, data, image.  The end of the pool comes
 * first: an attack that succeeds there, and stops, leaves a KCore that can still say so.
 */
static u64 core_address(unsigned int i)
{
	const struct kcore_test_info *t = driver_info();
	const u64 at[] = {
		t->region_size - 0x1000, t->region_size / 2 & ~0xfffUL, 0x401000, 0x400000, 0x201000, 0x200000, 0x1ff000,
		0x100000, t->image_size & ~0xfffUL, 0x1000, 0,
	};

	return t->region_base + at[i % (sizeof(at) / sizeof(at[0]))];
}
#define CORE_ADDRESSES 11

void attack_donate_core(void)
{
	unsigned int refused = 0;
	struct victim v;
	u64 r = 0;

	victim_start(&v, 1);
	for (unsigned int i = 0; i < CORE_ADDRESSES; i++) {
		r = HC(VM_DONATE, v.handle, FRESH_IPA, core_address(i));
		refused += r == KCORE_EPERM;
		if (!r)
			break;
	}
	expect(refused == CORE_ADDRESSES, "%u of %u pages refused, the last: %s", refused, CORE_ADDRESSES, result_text(r));
	expect_page(core_address(CORE_ADDRESSES - 1), KCORE_PAGE_CORE, "the image's first page");
	finish(&v);
}

void attack_donate_other_vm(void)
{
	static struct rawvm r;
	struct victim v;
	u64 e;

	victim_start(&v, 1);
	raw_create(&r, KCORE_VM_PROTECTED, 1);
	raw_boot(&r);
	expect_refused(HC(VM_DONATE, r.vm, FRESH_IPA, v.secret_pa), KCORE_EPERM, KCORE_EPERM, "the victim's page to another VM");
	expect_page(v.secret_pa, KCORE_PAGE_VM, "it");
	e = raw_destroy(&r);
	expect(!e, "the other VM destroyed: %s", result_text(e));
	raw_free_pages(&r);
	finish(&v);
}

void attack_donate_mapped(void)
{
	static struct rawvm r;
	u64 e, pa, value;
	struct victim v;

	victim_start(&v, 1);
	raw_create(&r, KCORE_VM_NORMAL, 1);
	raw_boot(&r);
	e = raw_give(&r, FRESH_IPA, NULL);
	if (e)
		give_up("VM_MAP: %s", result_text(e));
	pa = raw_pa(&r, FRESH_IPA);
	expect_page(pa, KCORE_PAGE_MAPPED, "the page");
	expect_refused(HC(VM_DONATE, v.handle, FRESH_IPA, pa), KCORE_EBUSY, KCORE_EPERM, "donated while a normal VM maps it");
	expect_page(pa, KCORE_PAGE_MAPPED, "the page");
	value = raw_agent(&r, AGENT_NOP, 0, 0, 0);
	expect(value == AGENT_HELLO, "the normal VM answers %#llx", (unsigned long long)value);
	/* Unmapped there, it can be given; mapped again after that, it can't */
	e = HC(VM_UNMAP, r.vm, FRESH_IPA, 4096);
	expect(!e, "unmapped: %s", result_text(e));
	e = HC(VM_DONATE, v.handle, FRESH_IPA, pa);
	expect(!e, "then donated: %s", result_text(e));
	expect_refused(HC(VM_MAP, r.vm, FRESH_IPA, pa, 4096, 7), KCORE_EPERM, KCORE_EPERM, "then mapped again");
	e = raw_destroy(&r);
	expect(!e, "the normal VM destroyed: %s", result_text(e));
	victim_expect_intact(&v);
	victim_end(&v);
	expect_page(pa, KCORE_PAGE_HOST, "in the end the page");
	raw_free_pages(&r);
}

void attack_donate_device(void)
{
	/* QEMU virt: flash, GIC distributor, UART, RTC; and addresses where nothing is */
	static const u64 at[] = { 0, 0x08000000, 0x09000000, 0x09010000, 0x10000000, 0x3fff0000, 0x8000000000UL };
	unsigned int refused = 0, dram = 0, n = sizeof(at) / sizeof(at[0]);
	struct victim v;
	u64 r = KCORE_EPERM;

	victim_start(&v, 1);
	for (unsigned int i = 0; i < n; i++)
		dram += HC(PAGE_STATE, at[i]) != KCORE_PAGE_NOT_DRAM;
	expect(!dram, "%u of %u addresses taken for DRAM", dram, n);
	for (unsigned int i = 0; i < n && !dram && r != 0; i++) {
		r = HC(VM_DONATE, v.handle, FRESH_IPA, at[i]);
		refused += r == KCORE_EPERM;
	}
	expect(refused == n, "%u of %u addresses refused, the last: %s", refused, n, result_text(r));
	finish(&v);
}

void attack_donate_vcpu_page(void)
{
	struct victim v;
	u64 page, vcpu;

	victim_start(&v, 1);
	if (vcpu_page_of(v.vm.fd, 0, &page, &vcpu))
		give_up("no vCPU page");
	expect_page(page, KCORE_PAGE_MAPPED, "the vCPU page");
	expect_refused(HC(VM_DONATE, v.handle, FRESH_IPA, page), KCORE_EBUSY, KCORE_EPERM, "its own vCPU page");
	expect_page(page, KCORE_PAGE_MAPPED, "it");
	finish(&v);
}

void attack_donate_outside(void)
{
	static const u64 ipa[] = { 0, RAM_BASE - 4096UL, RAM_BASE + RAW_MEMORY, 0x8000000000UL, 0x10000000000UL, 0xffffffffff000UL };
	static struct rawvm n;
	struct victim v;
	unsigned int refused = 0, count = sizeof(ipa) / sizeof(ipa[0]);
	u64 page, e = 0;

	victim_start(&v, 1);
	page = page_alloc(0);
	for (unsigned int i = 0; i < count; i++) {
		e = HC(VM_DONATE, v.handle, ipa[i], page);
		refused += e == KCORE_EINVAL;
	}
	expect(refused == count, "%u of %u IPAs refused, the last: %s", refused, count, result_text(e));
	raw_create(&n, KCORE_VM_NORMAL, 1);
	raw_boot(&n);
	expect_refused(HC(VM_DONATE, n.vm, FRESH_IPA, page), KCORE_ESTATE, KCORE_ESTATE, "to a normal VM");
	e = raw_destroy(&n);
	expect(!e, "normal VM destroyed: %s", result_text(e));
	raw_free_pages(&n);
	expect_page(page, KCORE_PAGE_HOST, "the page");
	page_free(page);
	finish(&v);
}

void attack_map_private(void)
{
	static struct rawvm n;
	struct victim v;
	u64 e, value;

	victim_start(&v, 1);
	raw_create(&n, KCORE_VM_NORMAL, 1);
	raw_boot(&n);
	expect_refused(HC(VM_MAP, n.vm, FRESH_IPA, v.secret_pa, 4096, 7), KCORE_EPERM, KCORE_EPERM, "4 KiB");
	expect_refused(HC(VM_MAP, n.vm, FRESH_IPA, v.secret_pa, 4096, KCORE_PROT_R), KCORE_EPERM, KCORE_EPERM, "read only");
	expect_refused(HC(VM_MAP, n.vm, FRESH_IPA, v.secret_pa, 4096, KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_DEVICE),
		       KCORE_EPERM, KCORE_EINVAL, "as a device");
	expect_refused(HC(VM_MAP, n.vm, FRESH_IPA, v.secret_pa & ~(BLOCK_SIZE - 1), BLOCK_SIZE, 7), KCORE_EPERM, KCORE_EPERM,
		       "the block around it");
	/* If one had gone through, the second VM would read the secret: ask it */
	n.faulted = false;
	value = raw_agent(&n, AGENT_READ, FRESH_IPA, 0, 0);
	expect(n.faulted && value != secret_word(0), "the second VM reads %#llx from a page of its own", (unsigned long long)value);
	e = raw_destroy(&n);
	expect(!e, "second VM destroyed: %s", result_text(e));
	raw_free_pages(&n);
	finish(&v);
}

void attack_map_core(void)
{
	static struct rawvm n;
	unsigned int refused = 0, tried = 0;
	u64 r = 0, e;

	raw_create(&n, KCORE_VM_NORMAL, 1);
	raw_boot(&n);
	for (unsigned int i = 0; i < CORE_ADDRESSES; i++) {
		static const u64 prots[] = { 7, KCORE_PROT_R, KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_DEVICE };

		for (unsigned int k = 0; k < 3; k++) {
			r = HC(VM_MAP, n.vm, FRESH_IPA, core_address(i), 4096, prots[k]);
			refused += r == KCORE_EPERM || (k == 2 && r == KCORE_EINVAL);
			r = HC(VM_MAP, n.vm, FRESH_IPA, core_address(i) & ~(BLOCK_SIZE - 1), BLOCK_SIZE, prots[k]);
			refused += r == KCORE_EPERM || (k == 2 && r == KCORE_EINVAL);
			tried += 2;
		}
	}
	expect(refused == tried, "%u of %u refused, the last: %s", refused, tried, result_text(r));
	n.faulted = false;
	raw_agent(&n, AGENT_READ, FRESH_IPA, 0, 0);
	expect(n.faulted, "the VM %s there", n.faulted ? "faults" : "reads KCore's memory");
	e = raw_destroy(&n);
	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(&n);
}

void attack_map_denied(void)
{
	static struct rawvm n;
	u64 e, x = 0, gich;
	int error;

	raw_create(&n, KCORE_VM_NORMAL, 1);
	raw_boot(&n);
	gich = driver_info()->gich_base;
	if (!gich) {
		raw_destroy(&n);
		skip("a GICv3 without GICH in memory, or a GICv2, whose GICH is the host's");
	}
	expect_refused(HC(VM_MAP, n.vm, FRESH_IPA, gich, 4096, KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_DEVICE), KCORE_EPERM,
		       KCORE_EPERM, "GICH in a VM");
	error = phys_read(gich, &x, 4, KCORE_TEST_VIA_DEVICE);
	expect(error == EFAULT, "GICH by the host: %s", error ? strerror(error) : result_text(x));
	e = raw_destroy(&n);
	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(&n);
}

void attack_map_protected(void)
{
	struct victim v;
	u64 page;

	victim_start(&v, 1);
	page = page_alloc(0);
	expect_refused(HC(VM_MAP, v.handle, FRESH_IPA, page, 4096, 7), KCORE_ESTATE, KCORE_ESTATE, "map");
	expect_refused(HC(VM_MAP, v.handle, SECRET_IPA, page, 4096, 7), KCORE_ESTATE, KCORE_ESTATE, "map over the secret");
	expect_refused(HC(VM_UNMAP, v.handle, SECRET_IPA, 4096), KCORE_ESTATE, KCORE_ESTATE, "unmap");
	expect_refused(HC(VM_WRPROTECT, v.handle, SECRET_IPA, 4096), KCORE_ESTATE, KCORE_ESTATE, "write-protect");
	expect_refused(HC(VM_AGE, v.handle, SECRET_IPA, 4096), KCORE_ESTATE, KCORE_ESTATE, "age");
	expect_page(v.secret_pa, KCORE_PAGE_VM, "the secret page");
	expect_page(page, KCORE_PAGE_HOST, "the other page");
	page_free(page);
	/* The guest can still write: nothing was protected */
	agent(&v, AGENT_WRITE, SECRET_IPA, 1, 0, 0);
	expect(agent(&v, AGENT_READ, SECRET_IPA, 0, 0, 0) == 1, "the guest writes its page");
	agent(&v, AGENT_WRITE, SECRET_IPA, secret_word(0), 0, 0);
	finish(&v);
}

void attack_share_private(void)
{
	struct victim v;
	u64 vm, e;

	victim_start(&v, 1);
	vm = HC(VM_CREATE, KCORE_VM_NORMAL);
	expect_refused(HC(VCPU_CREATE, vm, 0, v.secret_pa), KCORE_EPERM, KCORE_EPERM, "the secret page");
	expect_refused(HC(VCPU_CREATE, vm, 0, core_address(CORE_ADDRESSES - 1)), KCORE_EPERM, KCORE_EPERM, "KCore's image");
	expect_refused(HC(VCPU_CREATE, vm, 0, core_address(3)), KCORE_EPERM, KCORE_EPERM, "KCore's records");
	expect_refused(HC(VCPU_CREATE, vm, 0, 0x09000000), KCORE_EPERM, KCORE_EPERM, "the UART");
	expect_page(v.secret_pa, KCORE_PAGE_VM, "the secret page");
	e = HC(VM_DESTROY_BEGIN, vm);
	while (!e || e == KCORE_EAGAIN) {
		e = HC(VM_DESTROY_STEP, vm);
		if (!e)
			break;
	}
	e = HC(VM_DESTROY_END, vm);
	expect(!e, "VM destroyed: %s", result_text(e));
	finish(&v);
}

void attack_share_twice(void)
{
	static struct rawvm a, b;
	u64 e;

	raw_create(&a, KCORE_VM_PROTECTED, 1);
	raw_create(&b, KCORE_VM_NORMAL, 1);
	expect_refused(HC(VCPU_CREATE, a.vm, 1, a.page[0]), KCORE_EBUSY, KCORE_EBUSY, "for a second vCPU of the VM");
	expect_refused(HC(VCPU_CREATE, b.vm, 1, a.page[0]), KCORE_EBUSY, KCORE_EBUSY, "for a vCPU of another VM");
	expect_refused(HC(VCPU_CREATE, a.vm, 0, b.page[0]), KCORE_EBUSY, KCORE_EBUSY, "the index again");
	e = raw_destroy(&a);
	expect(!e, "first VM destroyed: %s", result_text(e));
	e = raw_destroy(&b);
	expect(!e, "second VM destroyed: %s", result_text(e));
}
