// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "rawvm.h"

#define PSTATE_BOOT 0x3c5UL
/* The host's ticks while the agent works on one command: some 15 s */
#define MAX_INTERRUPTS 1500

void raw_page(const struct rawvm *r, unsigned int index, struct kcore_vcpu_page *page)
{
	if (phys_read(r->page[index], page, sizeof(*page), KCORE_TEST_VIA_MAPPING))
		give_up("vCPU page not readable");
}

void raw_page_write(const struct rawvm *r, unsigned int index, u64 offset, u64 value)
{
	if (phys_write64(r->page[index] + offset, value))
		give_up("vCPU page not writable");
}

void raw_create(struct rawvm *r, u64 type, unsigned int vcpus)
{
	memset(r, 0, sizeof(*r));
	driver_open();
	guard_install();
	r->is_protected = type == KCORE_VM_PROTECTED;
	r->vm = HC(VM_CREATE, type);
	if (is_error(r->vm) || !r->vm)
		give_up("VM_CREATE: %s", result_text(r->vm));
	for (unsigned int i = 0; i < vcpus; i++) {
		r->page[i] = page_alloc(0);
		r->vcpu[i] = HC(VCPU_CREATE, r->vm, i, r->page[i]);
		if (r->vcpu[i] != r->vm * KCORE_VM_VCPUS + i)
			give_up("VCPU_CREATE %u: %s", i, result_text(r->vcpu[i]));
		r->vcpus = i + 1;
	}
}

static void boot_registers(struct rawvm *r)
{
	RAW_SET(r, 0, pc, RAM_BASE);
	RAW_SET(r, 0, pstate, PSTATE_BOOT);
	for (unsigned int i = 0; i < r->vcpus; i++) {
		RAW_SET(r, i, vmpidr, 0x80000000UL | i);
		if (!r->is_protected) {
			RAW_SET(r, i, sys.sctlr_el1, 0x00c50838UL);	/* reset value, MMU off */
			RAW_SET(r, i, enter.hcr, KCORE_HCR_RW);
		}
	}
}

u64 raw_finalise(struct rawvm *r)
{
	boot_registers(r);
	return HC(VM_FINALISE, r->vm, RAM_BASE, RAW_MEMORY);
}

u64 raw_finalise_signed(struct rawvm *r)
{
	boot_registers(r);
	return HC(VM_FINALISE_SIGNED, r->vm, RAM_BASE, RAW_MEMORY);
}

u64 raw_give(struct rawvm *r, u64 ipa, const void *content)
{
	u64 pa = page_alloc(0), e;

	if (r->pages == RAW_PAGES)
		give_up("raw VM: too many pages");
	if (content && phys_write(pa, content, 4096, KCORE_TEST_VIA_MAPPING))
		give_up("page not writable");
	e = r->is_protected ? HC(VM_DONATE, r->vm, ipa, pa) :
			      HC(VM_MAP, r->vm, ipa, pa, 4096, KCORE_PROT_R | KCORE_PROT_W | KCORE_PROT_X);
	if (e) {
		page_free(pa);
		return e;
	}
	r->given[r->pages].ipa = ipa;
	r->given[r->pages++].pa = pa;
	return 0;
}

u64 raw_pa(const struct rawvm *r, u64 ipa)
{
	for (unsigned int i = 0; i < r->pages; i++)
		if (r->given[i].ipa == ipa)
			return r->given[i].pa;
	return 0;
}

void raw_boot(struct rawvm *r)
{
	const struct payload *p = payload_find("agent");
	u64 e = raw_finalise(r);

	if (e)
		give_up("VM_FINALISE: %s", result_text(e));
	for (const u8 *at = p->start; at < p->end; at += 4096) {
		u8 content[4096] = { 0 };
		size_t n = (size_t)(p->end - at) < sizeof(content) ? (size_t)(p->end - at) : sizeof(content);

		memcpy(content, at, n);
		e = raw_give(r, RAM_BASE + (u64)(at - p->start), content);
		if (e)
			give_up("raw VM's image: %s", result_text(e));
	}
}

u64 raw_run(struct rawvm *r, unsigned int index)
{
	struct kcore_test_call calls[3] = {
		{ .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_VCPU_LOAD, r->vcpu[index] } },
		{ .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_VCPU_RUN, r->vcpu[index] } },
		{ .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_VCPU_PUT } },
	};
	struct kcore_test_batch batch = { .count = 3, .calls = (uintptr_t)calls };

	if (ioctl(driver_fd(), KCORE_TEST_BATCH, &batch))
		give_up("KCORE_TEST_BATCH: %s", strerror(errno));
	return calls[0].x[0] ? calls[0].x[0] : calls[1].x[0];
}

static u64 mmio(struct rawvm *r, const struct kcore_vcpu_page *page, u64 ipa)
{
	struct testdev *d = &r->dev;
	u64 offset = ipa - TESTDEV_BASE, value, rt = page->exit.esr >> 16 & 31;

	if (page->exit.esr & 1UL << 6) {
		value = rt == 31 ? 0 : page->x[rt];
		if (offset == TD_RESULT) {
			d->result = value;
			d->have_result = true;
		} else if (offset == TD_PROBE) {
			d->have_probe = true;
		} else if (offset == TD_FAULT) {
			d->faults++;
			d->fault[0] = value;
		}
		return 0;
	}
	if (offset == TD_CMD)
		return d->command;
	if (offset >= TD_ARG && offset < TD_ARG + 32)
		return d->args[(offset - TD_ARG) / 8];
	return 0;
}

/* Does for one exit of vCPU 0 what KVM and a VMM would. */
static void serve(struct rawvm *r, const struct kcore_vcpu_page *page)
{
	u64 class = exit_class(page), ipa = exit_ipa(page), e, rt;

	if ((class == CLASS_DABT || class == CLASS_IABT) && ipa >= RAM_BASE && ipa < RAM_BASE + RAW_MEMORY) {
		r->faulted = true;
		if (r->on_fault && r->on_fault(r, page, ipa))
			return;
		e = raw_give(r, ipa, NULL);
		if (e)
			give_up("raw VM: page for IPA %#llx: %s", (unsigned long long)ipa, result_text(e));
		return;
	}
	if (class == CLASS_DABT) {
		rt = page->exit.esr >> 16 & 31;
		e = mmio(r, page, ipa | (page->exit.far & 0xfff));
		if (!(page->exit.esr & 1UL << 6) && rt != 31)
			raw_page_write(r, 0, 8 * rt, e);
	} else if (class != CLASS_WFX && class != CLASS_SYSREG) {
		give_up("raw VM: exit with ESR %#llx", (unsigned long long)page->exit.esr);
	}
	if (r->is_protected) {
		RAW_SET(r, 0, enter.flags, KCORE_ENTER_SKIP);
	} else {
		/* a normal VM's PC is the host's to move */
		RAW_SET(r, 0, pc, page->pc + 4);
	}
}

static bool go_on(struct rawvm *r, raw_stop stop)
{
	struct kcore_vcpu_page page;
	unsigned int interrupts = 0;
	u64 code;

	while (!r->dev.have_result) {
		code = raw_run(r, 0);
		if (code == KCORE_EXIT_IRQ && ++interrupts > MAX_INTERRUPTS)
			give_up("raw VM: the guest doesn't come back to its work");
		if (is_error(code) || code == KCORE_EXIT_SERROR)
			give_up("raw VM: run: %s", result_text(code));
		raw_page(r, 0, &page);
		if (stop && stop(r, &page, code))
			return true;
		if (code == KCORE_EXIT_TRAP)
			serve(r, &page);
	}
	return false;
}

bool raw_until(struct rawvm *r, u64 command, u64 a0, u64 a1, raw_stop stop)
{
	r->dev.command = command;
	r->dev.args[0] = a0;
	r->dev.args[1] = a1;
	r->dev.have_result = false;
	return go_on(r, stop);
}

u64 raw_answer(struct rawvm *r)
{
	go_on(r, NULL);
	return r->dev.result;
}

u64 raw_agent(struct rawvm *r, u64 command, u64 a0, u64 a1, u64 a2)
{
	r->dev.args[2] = a2;
	raw_until(r, command, a0, a1, NULL);
	return r->dev.result;
}

u64 raw_destroy(struct rawvm *r)
{
	u64 e = HC(VM_DESTROY_BEGIN, r->vm);

	if (e)
		return e;
	do
		e = HC(VM_DESTROY_STEP, r->vm);
	while (e == KCORE_EAGAIN);
	if (e)
		return e;
	for (unsigned int i = 0; i < r->vcpus; i++) {
		e = HC(VCPU_DESTROY, r->vcpu[i]);
		if (e)
			return e;
	}
	e = HC(VM_DESTROY_END, r->vm);
	if (!e)
		for (unsigned int i = 0; i < r->vcpus; i++)
			page_free(r->page[i]);
	return e;
}

void raw_free_pages(struct rawvm *r)
{
	for (unsigned int i = 0; i < r->pages; i++)
		page_free(r->given[i].pa);
	r->pages = 0;
}
