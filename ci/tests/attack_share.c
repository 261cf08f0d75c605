// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks on sharing by consent: what a protected guest has not shared, or has taken back, is its own; what it is told of a page is so.
 * The guest's calls are those of Linux's arm-pkvm-guest (include/linux/arm-smccc.h).
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "attacks.h"

#define SHARE		0xc6000003UL
#define UNSHARE		0xc6000004UL
#define RELINQUISH	0xc6000009UL
#define INVALID		(~2UL)			/* what a call that is refused answers */
#define ESR_MISSING	0x92000007UL		/* what the host sees of a share of a page that is not there */

#define SHARED_OFFSET	0x1000UL		/* of the page in the secret that is shared */

static void expect_answer(u64 r, u64 wanted, const char *what)
{
	expect(r == wanted, "%s: %s", what, r == INVALID ? "refused" : r ? result_text(r) : "granted");
}

static u64 ask(struct victim *v, u64 fn, u64 ipa)
{
	return agent(v, AGENT_HVC, fn, ipa, 0, 0);
}

static void expect_page(u64 pa, u64 state, const char *what)
{
	u64 now = HC(PAGE_STATE, pa);

	expect(now == state, "%s is %s", what, page_state_text(now));
}

/* The host kernel reads the page. */
static void expect_read(u64 pa, u64 value, const char *what)
{
	u64 got = 0;
	int error = phys_read64(pa, &got);

	if (error)
		expect(false, "%s: %s", what, strerror(error));
	else
		expect(got == value, "%s: the host reads %#llx", what, (unsigned long long)got);
}

static void expect_dark(u64 pa, const char *what)
{
	u64 got = 0;
	int error = phys_read64(pa, &got);

	if (error)
		expect(error == EFAULT, "%s: read: %s", what, strerror(error));
	else
		expect(false, "%s: read got %#llx", what, (unsigned long long)got);
	error = phys_write64(pa, 0x4141414141414141UL);
	expect(error == EFAULT, "%s: write: %s", what, error ? strerror(error) : "went through");
}

static void finish(struct victim *v)
{
	victim_expect_intact(v);
	victim_end(v);
}

static u64 secret_page(struct victim *v, u64 offset)
{
	u64 pa = user_pa(v->secret + offset);

	if (!pa)
		give_up("no page behind the secret at %#llx", (unsigned long long)offset);
	return pa;
}

/* Only the page that is shared, of the pages around it. */
void attack_unshared_read(void)
{
	u64 shared, before, behind;
	struct victim v;

	victim_start(&v, 1);
	before = secret_page(&v, 0);
	shared = secret_page(&v, SHARED_OFFSET);
	behind = secret_page(&v, 2 * SHARED_OFFSET);
	expect_answer(ask(&v, SHARE, SECRET_IPA + SHARED_OFFSET), 0, "a page shared");
	expect_read(shared, secret_word(SHARED_OFFSET), "it");
	expect_dark(before, "the page before it");
	expect_dark(behind, "the page behind it");
	expect_page(before, KCORE_PAGE_VM, "the page before it");
	finish(&v);
}

/* Once taken back, the page is the guest's: translations of the host's that were in use are gone. */
void attack_unshare_mapping(void)
{
	u64 value = 0, pa;
	struct victim v;
	u8 *page;
	int sig;

	victim_start(&v, 1);
	page = v.secret + SHARED_OFFSET;
	pa = secret_page(&v, SHARED_OFFSET);
	if (ask(&v, SHARE, SECRET_IPA + SHARED_OFFSET))
		give_up("the page isn't shared");
	sig = guarded_load(page, &value);
	expect(!sig && value == secret_word(SHARED_OFFSET), "shared, the VMM loads %#llx", (unsigned long long)value);
	expect_read(pa, secret_word(SHARED_OFFSET), "shared");
	expect_answer(ask(&v, UNSHARE, SECRET_IPA + SHARED_OFFSET), 0, "taken back");
	sig = guarded_load(page, &value);
	expect(sig == SIGBUS, "then the VMM's load: %s", sig ? strsignal(sig) : "went through");
	expect_dark(pa, "then");
	expect_page(pa, KCORE_PAGE_VM, "it");
	finish(&v);
}

struct reader {
	u8 *page;
	atomic_bool stop;
	atomic_ulong reads;
	atomic_int sig;
};

static void *read_all_the_time(void *arg)
{
	struct reader *r = arg;
	u64 value;

	pin_to_cpu(1);
	while (!atomic_load(&r->stop)) {
		int sig = guarded_load(r->page, &value);

		if (sig) {
			atomic_store(&r->sig, sig);
			break;
		}
		atomic_fetch_add(&r->reads, 1);
	}
	return NULL;
}

/* The same on a CPU that reads all the time, and so has the translation in its TLB. */
void attack_unshare_other_cpu(void)
{
	struct reader r = { 0 };
	unsigned long reads;
	struct victim v;
	pthread_t thread;
	u64 answer;

	if (cpus_online() < 2)
		skip("needs 2 CPUs");
	victim_start(&v, 1);
	pin_to_cpu(0);
	r.page = v.secret + SHARED_OFFSET;
	if (ask(&v, SHARE, SECRET_IPA + SHARED_OFFSET))
		give_up("the page isn't shared");
	if (pthread_create(&thread, NULL, read_all_the_time, &r))
		give_up("no thread");
	while (!atomic_load(&r.reads) && !atomic_load(&r.sig))
		sched_yield();
	if (atomic_load(&r.sig))
		give_up("the shared page can't be read: %s", strsignal(r.sig));
	/* A read that began before the call may end after it; a thousand more began after it. */
	answer = ask(&v, UNSHARE, SECRET_IPA + SHARED_OFFSET);
	reads = atomic_load(&r.reads);
	while (!atomic_load(&r.sig) && atomic_load(&r.reads) < reads + 1000)
		sched_yield();
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	expect_answer(answer, 0, "taken back");
	expect(r.sig == SIGBUS, "after %lu reads: %s", atomic_load(&r.reads), r.sig ? strsignal(r.sig) : "still going");
	finish(&v);
}

/* A page that a normal VM maps, with the host's consent, is not the guest's to take back. */
void attack_unshare_mapped(void)
{
	static struct rawvm n;
	struct victim v;
	u64 e, pa;

	victim_start(&v, 1);
	pa = secret_page(&v, SHARED_OFFSET);
	if (ask(&v, SHARE, SECRET_IPA + SHARED_OFFSET))
		give_up("the page isn't shared");
	raw_create(&n, KCORE_VM_NORMAL, 1);
	raw_boot(&n);
	e = HC(VM_MAP, n.vm, FRESH_IPA, pa, 4096, KCORE_PROT_R);
	expect(!e, "shared, mapped in a normal VM: %s", result_text(e));
	expect_answer(ask(&v, UNSHARE, SECRET_IPA + SHARED_OFFSET), INVALID, "taken back meanwhile");
	expect_page(pa, KCORE_PAGE_MAPPED, "it");
	e = HC(VM_UNMAP, n.vm, FRESH_IPA, 4096);
	expect(!e, "unmapped: %s", result_text(e));
	expect_answer(ask(&v, UNSHARE, SECRET_IPA + SHARED_OFFSET), 0, "then taken back");
	e = HC(VM_MAP, n.vm, FRESH_IPA, pa, 4096, KCORE_PROT_R);
	expect(e == KCORE_EPERM, "then mapped: %s", result_text(e));
	expect_dark(pa, "then");
	e = raw_destroy(&n);
	expect(!e, "the normal VM destroyed: %s", result_text(e));
	raw_free_pages(&n);
	finish(&v);
}

/* Shared twice counts once; a shared page is nobody's to give; it is the host's again when the VM is gone. */
void attack_share_again(void)
{
	static struct rawvm r;
	u64 e, pa, pages;
	struct victim v;

	victim_start(&v, 1);
	pa = secret_page(&v, SHARED_OFFSET);
	pages = stat_read(KCORE_STAT_pages_vm);
	expect_answer(ask(&v, SHARE, SECRET_IPA + SHARED_OFFSET), 0, "shared");
	expect_answer(ask(&v, SHARE, SECRET_IPA + SHARED_OFFSET), INVALID, "shared again");
	e = stat_read(KCORE_STAT_pages_vm);
	expect(e == pages - 1, "%llu pages of VMs, %llu before", (unsigned long long)e, (unsigned long long)pages);
	raw_create(&r, KCORE_VM_PROTECTED, 1);
	raw_boot(&r);
	e = HC(VM_DONATE, r.vm, FRESH_IPA, pa);
	expect(e == KCORE_EBUSY, "donated to another VM: %s", result_text(e));
	e = HC(VM_DONATE, v.handle, FRESH_IPA, pa);
	expect(e == KCORE_EBUSY, "donated to the same, elsewhere: %s", result_text(e));
	e = raw_destroy(&r);
	expect(!e, "the other VM destroyed: %s", result_text(e));
	raw_free_pages(&r);
	expect_answer(ask(&v, UNSHARE, SECRET_IPA + SHARED_OFFSET), 0, "taken back");
	expect_dark(pa, "then");
	expect_answer(ask(&v, SHARE, SECRET_IPA + SHARED_OFFSET), 0, "shared at the VM's end");
	finish(&v);
	expect_page(pa, KCORE_PAGE_HOST, "behind it");
}

/* What is no page of the guest's, or not shared; words that have no meaning. */
void attack_share_arguments(void)
{
	static const u64 fns[] = { SHARE, UNSHARE, RELINQUISH };
	static const u64 ipas[] = { SECRET_IPA + 8, RAM_BASE - 4096UL, RAM_BASE + (16UL << 20), TESTDEV_BASE, 0, 0x10000000000UL, ~0xfffUL };
	unsigned int refused = 0, tried = 0;
	struct victim v;

	victim_start(&v, 1);
	for (unsigned int k = 0; k < 3; k++) {
		for (unsigned int i = 0; i < sizeof(ipas) / sizeof(ipas[0]); i++, tried++)
			refused += ask(&v, fns[k], ipas[i]) == INVALID;
		refused += agent(&v, AGENT_HVC, fns[k], SECRET_IPA, 1, 0) == INVALID;
		refused += agent(&v, AGENT_HVC, fns[k], SECRET_IPA, 0, 1) == INVALID;
		tried += 2;
	}
	expect(refused == tried, "%u of %u calls refused", refused, tried);
	expect_answer(ask(&v, UNSHARE, SECRET_IPA), INVALID, "a page taken back that is not shared");
	expect_answer(ask(&v, UNSHARE, FRESH_IPA), INVALID, "one that is not there");
	expect_dark(v.secret_pa, "the secret");
	finish(&v);
}

static struct rawvm raw;
static bool told;
static unsigned int times, shown;

#define MARK	0xd1d1d1d1d1d1d1d1UL

/* The exit of a share whose page is missing: the host sees a fault of it and no register, and can't have the call skipped. */
static bool missing(struct rawvm *r, const struct kcore_vcpu_page *page, u64 ipa)
{
	u64 e;

	if (ipa != FRESH_IPA)
		return false;
	if (++times == 2) {
		for (unsigned int i = 0; i < 31; i++)
			shown += page->x[i] != MARK;
		return false;			/* served now */
	}
	told = page->exit.esr == ESR_MISSING && !page->exit.far;
	RAW_SET(r, 0, enter.flags, KCORE_ENTER_SKIP);
	e = raw_run(r, 0);
	expect(e == KCORE_EPERM, "the call skipped: %s", result_text(e));
	RAW_SET(r, 0, enter.flags, 0);
	for (unsigned int i = 0; i < 31; i++)
		raw_page_write(r, 0, 8 * i, MARK);
	return true;				/* the page isn't given: the guest comes again */
}

void attack_share_missing(void)
{
	u64 answer, e;

	raw_create(&raw, KCORE_VM_PROTECTED, 1);
	raw_boot(&raw);
	raw.on_fault = missing;
	answer = raw_agent(&raw, AGENT_HVC, SHARE, FRESH_IPA, 0);
	expect(told, "the host %s", told ? "sees a fault of the page" : "sees something else");
	expect(times == 2, "the guest asked %u times without the page", times);
	expect(!shown, "%u registers shown", shown);
	expect_answer(answer, 0, "then");
	if (raw_pa(&raw, FRESH_IPA))
		expect_page(raw_pa(&raw, FRESH_IPA), KCORE_PAGE_MAPPED, "the page");
	else
		expect(false, "the page was never asked for");
	e = raw_destroy(&raw);
	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(&raw);
}

/* A page that the guest gives up comes back scrubbed; one that it shares comes as it is. */
void attack_relinquish(void)
{
	u64 pa, shared, value;
	struct victim v;

	victim_start(&v, 1);
	agent(&v, AGENT_FILL, FRESH_IPA, 0x2000, SECRET_SEED, 0);
	pa = user_pa(v.vm.ram + (FRESH_IPA - RAM_BASE));
	shared = user_pa(v.vm.ram + (FRESH_IPA - RAM_BASE) + 4096);
	if (!pa || !shared)
		give_up("no page behind %#lx", FRESH_IPA);
	expect_answer(ask(&v, SHARE, FRESH_IPA + 4096), 0, "a page shared");
	expect_answer(ask(&v, RELINQUISH, FRESH_IPA), 0, "a page given up");
	expect_answer(ask(&v, RELINQUISH, FRESH_IPA + 4096), 0, "the shared one given up");
	expect_page(pa, KCORE_PAGE_HOST, "the page");
	for (u64 o = 0; o < 4096; o += 8) {
		u64 got = ~0UL;
		int error = phys_read64(pa + o, &got);

		if (error || got) {
			expect(false, "at %#llx: %s %#llx", (unsigned long long)o, error ? strerror(error) : "not scrubbed:", (unsigned long long)got);
			break;
		}
	}
	expect_read(shared, pattern(FRESH_IPA + 4096, SECRET_SEED), "the shared one");
	/* Used again, it is another page of the guest's */
	value = agent(&v, AGENT_READ, FRESH_IPA, 0, 0, 0);
	expect(!value, "the guest finds %#llx there", (unsigned long long)value);
	agent(&v, AGENT_WRITE, FRESH_IPA, 0x2222, 0, 0);
	expect_dark(user_pa(v.vm.ram + (FRESH_IPA - RAM_BASE)), "used again");
	value = agent(&v, AGENT_READ, FRESH_IPA, 0, 0, 0);
	expect(value == 0x2222, "the guest reads %#llx", (unsigned long long)value);
	finish(&v);
}
