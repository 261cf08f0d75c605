// SPDX-License-Identifier: GPL-2.0-only
/* Attacks on the life cycle of VMs and vCPUs. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "attacks.h"

static void expect_result(u64 r, u64 want, const char *what)
{
	expect(r == want, "%s: %s", what, result_text(r));
}

static void finish(struct victim *v)
{
	victim_expect_intact(v);
	victim_end(v);
}

static void start_raw(struct rawvm *r, u64 type)
{
	raw_create(r, type, 1);
	raw_boot(r);
	raw_agent(r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
}

static void finish_raw(struct rawvm *r)
{
	u64 bad = raw_agent(r, AGENT_CHECK, SECRET_IPA, SECRET_BYTES, SECRET_SEED), e;

	expect(!bad, "guest: %s", bad ? "memory changed" : "memory intact");
	e = raw_destroy(r);
	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(r);
}

/* Calls one after the other on one CPU; x0 of each */
static void batch(unsigned int n, struct kcore_test_call *calls)
{
	struct kcore_test_batch b = { .count = n, .calls = (uintptr_t)calls };

	if (ioctl(driver_fd(), KCORE_TEST_BATCH, &b) || b.done != n)
		give_up("KCORE_TEST_BATCH: %s", strerror(errno));
}

#define CALL(name, a) { .kind = KCORE_TEST_CALL_HVC, .x = { KCORE_HC_##name, (a) } }

#define TWO_CPUS_TIMES 200U
#define TWO_CPUS_SECONDS 20

void attack_reclaim_running(void)
{
	static struct rawvm r;
	struct runner runner;
	struct victim v;
	unsigned int busy = 0, other = 0;
	u64 page, vcpu, e = 0;
	time_t deadline;

	start_raw(&r, KCORE_VM_PROTECTED);
	struct kcore_test_call calls[] = {
		CALL(VCPU_LOAD, r.vcpu[0]), CALL(VM_DESTROY_BEGIN, r.vm), CALL(VM_DESTROY_STEP, r.vm),
		CALL(VCPU_DESTROY, r.vcpu[0]), CALL(VCPU_PUT, 0),
	};
	batch(5, calls);
	expect_result(calls[0].x[0], 0, "load");
	expect_result(calls[1].x[0], KCORE_EBUSY, "destroy begin while loaded");
	expect_result(calls[2].x[0], KCORE_ESTATE, "destroy step");
	expect_result(calls[3].x[0], KCORE_EBUSY, "vCPU destroyed while loaded");
	expect_result(calls[4].x[0], 0, "put");
	finish_raw(&r);
	if (cpus_online() < 2)
		return;
	/* The same against a VM of KVM that runs on another CPU, all the time */
	victim_start(&v, 2);
	agent(&v, AGENT_CPU_ON, 1, 0, 0, 0);
	runner_start(&runner, &v, 1, 1);
	pin_to_cpu(0);
	while (v.dev.beats[1] < 3)
		agent(&v, AGENT_NOP, 0, 0, 0, 0);
	if (vcpu_page_of(v.vm.fd, 1, &page, &vcpu))
		give_up("no vCPU page");
	/* Its thread answers the last beat, and then stays in the guest */
	deadline = time(NULL) + TWO_CPUS_SECONDS;
	do
		e = HC(VCPU_DESTROY, vcpu);
	while (e == KCORE_ESTATE && time(NULL) < deadline);
	expect_result(e, KCORE_EBUSY, "vCPU 1 destroyed while it runs on CPU 1");
	for (unsigned int i = 0; i < 200; i++) {
		e = HC(VM_DESTROY_BEGIN, v.handle);
		if (e == KCORE_EBUSY)
			busy++;
		else
			other++;
		if (!e)
			break;
	}
	expect(!other, "destroy begin while vCPU 1 runs on CPU 1: %u times BUSY, %u times %s", busy, other, result_text(e));
	runner_stop(&runner);
	if (!other)
		finish(&v);
}

void attack_destroy_early(void)
{
	struct victim v;
	u64 page, vcpu;

	victim_start(&v, 1);
	expect_result(HC(VM_DESTROY_STEP, v.handle), KCORE_ESTATE, "step");
	expect_result(HC(VM_DESTROY_END, v.handle), KCORE_ESTATE, "end");
	if (vcpu_page_of(v.vm.fd, 0, &page, &vcpu))
		give_up("no vCPU page");
	expect_result(HC(VCPU_DESTROY, vcpu), KCORE_ESTATE, "vCPU destroyed");
	expect(HC(PAGE_STATE, page) == KCORE_PAGE_MAPPED, "its page is %s", page_state_text(HC(PAGE_STATE, page)));
	expect(HC(PAGE_STATE, v.secret_pa) == KCORE_PAGE_VM, "the secret page is %s", page_state_text(HC(PAGE_STATE, v.secret_pa)));
	finish(&v);
}

void attack_two_cpus(void)
{
	struct runner runner;
	struct victim v;
	unsigned int busy = 0, unbound = 0, other = 0, state = 0;
	u64 page, vcpu, e = 0;
	time_t deadline;

	if (cpus_online() < 2)
		skip("needs 2 CPUs");
	victim_start(&v, 2);
	agent(&v, AGENT_CPU_ON, 1, 0, 0, 0);
	runner_start(&runner, &v, 1, 1);
	pin_to_cpu(0);
	while (v.dev.beats[1] < 3)
		agent(&v, AGENT_NOP, 0, 0, 0, 0);
	if (vcpu_page_of(v.vm.fd, 1, &page, &vcpu))
		give_up("no vCPU page");
	deadline = time(NULL) + TWO_CPUS_SECONDS;
	/* Its thread puts it when it answers a beat, and where Linux runs something else on CPU 1: then it may be had */
	while (busy < TWO_CPUS_TIMES && !other && time(NULL) < deadline) {
		struct kcore_test_call calls[] = { CALL(VCPU_LOAD, vcpu), CALL(VCPU_PUT, 0) };

		batch(2, calls);
		if (calls[0].x[0] == KCORE_EBUSY) {
			busy++;
			state += HC(VCPU_RUN, vcpu) == KCORE_ESTATE;
		} else if (!calls[0].x[0]) {
			unbound++;
		} else {
			e = calls[0].x[0];
			other++;
		}
	}
	expect(busy == TWO_CPUS_TIMES && !other, "load on CPU 0 of the vCPU that runs on CPU 1: %u times BUSY, %u times bound nowhere, "
	       "%u times other (%s)", busy, unbound, other, result_text(e));
	expect(state == busy, "run there: %u times STATE", state);
	runner_stop(&runner);
	finish(&v);
}

void attack_load_twice(void)
{
	static struct rawvm a, b;

	start_raw(&a, KCORE_VM_PROTECTED);
	start_raw(&b, KCORE_VM_PROTECTED);
	struct kcore_test_call calls[] = {
		CALL(VCPU_LOAD, a.vcpu[0]), CALL(VCPU_LOAD, b.vcpu[0]), CALL(VCPU_LOAD, a.vcpu[0]),
		CALL(VCPU_RUN, b.vcpu[0]), CALL(VCPU_PUT, 0), CALL(VCPU_PUT, 0), CALL(VCPU_RUN, a.vcpu[0]),
		CALL(VGIC_VMCR_READ, 0),
	};
	batch(8, calls);
	expect_result(calls[0].x[0], 0, "load");
	expect_result(calls[1].x[0], KCORE_EBUSY, "load of another");
	expect_result(calls[2].x[0], KCORE_EBUSY, "load again");
	expect_result(calls[3].x[0], KCORE_ESTATE, "run of the other");
	expect_result(calls[4].x[0], 0, "put");
	expect_result(calls[5].x[0], KCORE_ESTATE, "put again");
	expect_result(calls[6].x[0], KCORE_ESTATE, "run without load");
	expect_result(calls[7].x[0], KCORE_ESTATE, "VMCR without load");
	finish_raw(&a);
	finish_raw(&b);
}

void attack_run_unfinished(void)
{
	static struct rawvm r;

	raw_create(&r, KCORE_VM_PROTECTED, 1);
	RAW_SET(&r, 0, pc, RAM_BASE);
	RAW_SET(&r, 0, pstate, 0x3c5);
	expect_result(HC(VM_DONATE, r.vm, RAM_BASE, r.page[0]), KCORE_ESTATE, "donate before finalise");
	struct kcore_test_call calls[] = { CALL(VCPU_LOAD, r.vcpu[0]), CALL(VCPU_RUN, r.vcpu[0]), CALL(VCPU_PUT, 0) };
	batch(3, calls);
	expect_result(calls[0].x[0], KCORE_ESTATE, "load");
	expect_result(calls[1].x[0], KCORE_ESTATE, "run");
	expect_result(calls[2].x[0], KCORE_ESTATE, "put");
	raw_boot(&r);
	raw_agent(&r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
	finish_raw(&r);
}

void attack_run_destroyed(void)
{
	static struct rawvm r;
	u64 e;

	start_raw(&r, KCORE_VM_PROTECTED);
	e = HC(VM_DESTROY_BEGIN, r.vm);
	expect_result(e, 0, "destroy begin");
	expect_result(raw_run(&r, 0), KCORE_ESTATE, "run of a dying VM");
	expect_result(HC(VM_DONATE, r.vm, FRESH_IPA, page_alloc(0)), KCORE_ESTATE, "donate to it");
	e = raw_destroy(&r);
	expect_result(e, 0, "destroyed");
	expect_result(raw_run(&r, 0), KCORE_EINVAL, "run after it");
	expect_result(HC(VM_DESTROY_BEGIN, r.vm), KCORE_EINVAL, "destroy begin after it");
	expect_result(HC(VM_DESTROY_END, r.vm), KCORE_EINVAL, "end after it");
	raw_free_pages(&r);
}

void attack_finalise_again(void)
{
	static const struct { u64 ipa, bytes; } ranges[] = {
		{ RAM_BASE, 0 }, { RAM_BASE + 1, 4096 }, { RAM_BASE, 4095 }, { RAM_BASE, 1UL << 40 }, { 1UL << 40, 4096 },
		{ ~0xfffUL, 8192 }, { RAM_BASE, ~0xfffUL }, { 0, (1UL << 40) + 4096 }, { ~0UL, ~0UL },
	};
	unsigned int refused = 0, n = sizeof(ranges) / sizeof(ranges[0]);
	static struct rawvm r;
	u64 e = 0;

	raw_create(&r, KCORE_VM_PROTECTED, 1);
	for (unsigned int i = 0; i < n; i++) {
		e = HC(VM_FINALISE, r.vm, ranges[i].ipa, ranges[i].bytes);
		refused += e == KCORE_EINVAL;
	}
	expect(refused == n, "%u of %u bad ranges refused, the last: %s", refused, n, result_text(e));
	raw_boot(&r);
	raw_agent(&r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
	RAW_SET(&r, 0, pc, RAM_BASE + 0x300000);
	expect_result(HC(VM_FINALISE, r.vm, RAM_BASE, RAW_MEMORY), KCORE_ESTATE, "again");
	expect_result(HC(VM_FINALISE, r.vm, 0, 1UL << 40), KCORE_ESTATE, "again, larger");
	finish_raw(&r);
}

void attack_vcpu_late(void)
{
	struct victim v;
	u64 page;

	victim_start(&v, 1);
	page = page_alloc(0);
	expect_result(HC(VCPU_CREATE, v.handle, 1, page), KCORE_ESTATE, "vCPU added");
	expect_result(HC(VCPU_CREATE, v.handle, 0, page), KCORE_ESTATE, "vCPU 0 again");
	expect(HC(PAGE_STATE, page) == KCORE_PAGE_HOST, "the page is %s", page_state_text(HC(PAGE_STATE, page)));
	page_free(page);
	expect_result(HC(VCPU_DESTROY, v.handle * KCORE_VM_VCPUS), KCORE_ESTATE, "vCPU 0 taken away");
	finish(&v);
}

void attack_end_with_pages(void)
{
	static struct rawvm r;
	u64 e, again;

	start_raw(&r, KCORE_VM_PROTECTED);
	e = HC(VM_DESTROY_BEGIN, r.vm);
	expect_result(e, 0, "destroy begin");
	expect_result(HC(VM_DESTROY_END, r.vm), KCORE_EBUSY, "end with pages");
	again = HC(VM_CREATE, KCORE_VM_PROTECTED);
	expect(again != r.vm && !is_error(again), "a new VM gets handle %s, not %llu", result_text(again), (unsigned long long)r.vm);
	do
		e = HC(VM_DESTROY_STEP, r.vm);
	while (e == KCORE_EAGAIN);
	expect_result(e, 0, "steps");
	expect_result(HC(VM_DESTROY_END, r.vm), KCORE_EBUSY, "end with a vCPU");
	expect_result(HC(VCPU_DESTROY, r.vcpu[0]), 0, "vCPU destroyed");
	expect_result(HC(VM_DESTROY_END, r.vm), 0, "end");
	r.vm = again;
	r.vcpus = 0;
	e = raw_destroy(&r);
	expect_result(e, 0, "the new VM destroyed");
	raw_free_pages(&r);
}
