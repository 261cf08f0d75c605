/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM made of hypercalls alone, without KVM: every call, every field of the vCPU page and every order
 * is the test's.  A hostile host kernel in a few lines.
 */
#ifndef RAWVM_H
#define RAWVM_H

#include "layout.h"
#include "victim.h"

#define RAW_MEMORY	(16UL << 20)
#define RAW_PAGES	1024

struct rawvm {
	u64 vm, vcpu[KCORE_VM_VCPUS], page[KCORE_VM_VCPUS];
	bool is_protected;
	unsigned int vcpus, pages;
	struct { u64 ipa, pa; } given[RAW_PAGES];
	struct testdev dev;
	/* Called before a memory fault is served; true: the hook has done all that is to be done. */
	bool (*on_fault)(struct rawvm *r, const struct kcore_vcpu_page *page, u64 ipa);
	bool faulted;
};

/* VM and vCPUs, not finalised. */
void raw_create(struct rawvm *r, u64 type, unsigned int vcpus);

/* Boot registers, finalise (protected), and the agent's image in memory. */
void raw_boot(struct rawvm *r);
u64 raw_finalise(struct rawvm *r);
u64 raw_finalise_signed(struct rawvm *r);

/* Donates (protected) or maps (normal) a page of the driver's with that content (NULL: zeros). */
u64 raw_give(struct rawvm *r, u64 ipa, const void *content);
u64 raw_pa(const struct rawvm *r, u64 ipa);

/* LOAD, RUN, PUT in one batch: the result of LOAD if that failed, else of RUN. */
u64 raw_run(struct rawvm *r, unsigned int index);

/* The vCPU's page as the host sees it, and stores into it. */
void raw_page(const struct rawvm *r, unsigned int index, struct kcore_vcpu_page *page);
#define RAW_SET(r, index, field, value) \
	raw_page_write(r, index, offsetof(struct kcore_vcpu_page, field), (u64)(value))
void raw_page_write(const struct rawvm *r, unsigned int index, u64 offset, u64 value);

/* Runs vCPU 0 until the agent has answered, serving MMIO and memory faults as KVM and a VMM would. */
u64 raw_agent(struct rawvm *r, u64 command, u64 a0, u64 a1, u64 a2);

/* As raw_agent(), but returns at the first exit for which `stop' says so; 0 if the agent answered before. */
typedef bool (*raw_stop)(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code);
bool raw_until(struct rawvm *r, u64 command, u64 a0, u64 a1, raw_stop stop);
u64 raw_answer(struct rawvm *r);	/* goes on behind raw_until() */

/* begin, steps, vCPUs, end; the first error, or 0. */
u64 raw_destroy(struct rawvm *r);
void raw_free_pages(struct rawvm *r);

static inline u64 exit_class(const struct kcore_vcpu_page *p) { return p->exit.esr >> 26 & 0x3f; }
static inline u64 exit_ipa(const struct kcore_vcpu_page *p) { return (p->exit.hpfar & 0xfffffffff0UL) << 8; }
#define CLASS_WFX	0x01
#define CLASS_HVC	0x16
#define CLASS_SYSREG	0x18
#define CLASS_IABT	0x20
#define CLASS_DABT	0x24
#endif
