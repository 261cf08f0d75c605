// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks on the MMIO guard: once a protected guest has given the host a page of a device, the host sees no access to any other outside of
 * the guest's memory.  The call is that of Linux's arm-pkvm-guest (include/linux/arm-smccc.h).
 */
#include "attacks.h"

#define GUARD		0xc6000007UL
#define INVALID		(~2UL)			/* what a call that is refused answers */
#define OTHER		0x0b000000UL		/* an address of nothing: any device's */
#define LEAK		0x5ec7e75eed1eaUL	/* what the guest stores */
#define NR_RANGES	16			/* at most, for each VM */

static struct rawvm raw;
static unsigned int seen, shown;		/* exits at the addresses from OTHER on; the value that the guest stored there with them */

static void expect_answer(u64 r, u64 wanted, const char *what)
{
	expect(r == wanted, "%s: %s", what, r == INVALID ? "refused" : r ? result_text(r) : "granted");
}

static u64 give(u64 ipa)
{
	return raw_agent(&raw, AGENT_HVC, GUARD, ipa, 0);
}

/* Every exit of the guest, before it is served */
static bool watch(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	u64 class = exit_class(page);

	(void)r;
	if (code == KCORE_EXIT_TRAP && (class == CLASS_DABT || class == CLASS_IABT) && exit_ipa(page) - OTHER < 1UL << 24) {
		seen++;
		shown += (page->exit.esr >> 16 & 31) != 31 && page->x[page->exit.esr >> 16 & 31] == LEAK;
	}
	return false;
}

/* The guest loads from the address, stores a value of its own there, or calls it: the syndrome of the exception that it took, 0: none */
static u64 use(u64 command, u64 address)
{
	u64 e;

	seen = shown = 0;
	raw_agent(&raw, AGENT_EXCEPTIONS, 0, 0, 0);
	raw_until(&raw, command, address, LEAK, watch);
	e = raw_agent(&raw, AGENT_EXCEPTIONS, 0, 0, 0);
	if (e && (e & 0xffffffff) != 1)
		give_up("%llu exceptions in the guest", (unsigned long long)(e & 0xffffffff));
	return e >> 32;
}

static void start(void)
{
	raw_create(&raw, KCORE_VM_PROTECTED, 1);
	raw_boot(&raw);
	if (raw_agent(&raw, AGENT_NOP, 0, 0, 0) != AGENT_HELLO)
		give_up("the agent doesn't answer");
}

static void finish(void)
{
	u64 e = raw_destroy(&raw);

	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(&raw);
}

/* Without a guard the store shows the host what is in the register; with it the guest has an abort, and the host nothing. */
void attack_guard_access(void)
{
	u64 esr;

	start();
	esr = use(AGENT_WRITE, OTHER);
	if (esr || seen != 1 || !shown)
		give_up("without a guard: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	expect_answer(give(TESTDEV_BASE), 0, "a page given");
	esr = use(AGENT_WRITE, OTHER);
	expect(!seen && esr == 0x96000050, "then a store elsewhere: %u exits, the guest's ESR is %#llx", seen, (unsigned long long)esr);
	esr = use(AGENT_READ, OTHER + 0x1000);
	expect(!seen && esr == 0x96000010, "a load: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	expect_answer(give(OTHER), 0, "that page given");
	esr = use(AGENT_WRITE, OTHER);
	expect(seen == 1 && shown && !esr, "then: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	esr = use(AGENT_WRITE, OTHER + 0x1000);
	expect(!seen && esr, "the next page: %u exits", seen);
	esr = use(AGENT_WRITE, FRESH_IPA);
	expect(!esr && raw_pa(&raw, FRESH_IPA), "a page of its memory: ESR %#llx", (unsigned long long)esr);
	finish();
}

void attack_guard_fetch(void)
{
	u64 esr;

	start();
	expect_answer(give(TESTDEV_BASE), 0, "a page given");
	esr = use(AGENT_JUMP, OTHER);
	expect(!seen, "%u exits", seen);
	expect(esr == 0x86000010, "the guest's ESR is %#llx", (unsigned long long)esr);
	finish();
}

/* Its own memory, which the host has to be told of, isn't given; nor are addresses that don't exist.  None of this begins a guard. */
void attack_guard_arguments(void)
{
	static const u64 ipas[] = { RAM_BASE, RAM_BASE + RAW_MEMORY - 4096, SECRET_IPA, TESTDEV_BASE + 8, 0x10000000000UL, ~0xfffUL };
	unsigned int refused = 0;
	u64 esr;

	start();
	for (unsigned int i = 0; i < sizeof(ipas) / sizeof(ipas[0]); i++)
		refused += give(ipas[i]) == INVALID;
	refused += raw_agent(&raw, AGENT_HVC, GUARD, TESTDEV_BASE, 1) == INVALID;
	raw.dev.args[3] = 1;
	refused += give(TESTDEV_BASE) == INVALID;
	raw.dev.args[3] = 0;
	expect(refused == sizeof(ipas) / sizeof(ipas[0]) + 2, "%u calls refused", refused);
	esr = use(AGENT_READ, OTHER);
	expect(seen == 1 && !esr, "then a load: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	finish();
}

/* A range more than there is room for is refused, changes none of those before it, and none of the next VM's. */
void attack_guard_full(void)
{
	static struct rawvm next;
	unsigned int granted = 0;
	u64 esr, r, e;

	start();
	raw_create(&next, KCORE_VM_PROTECTED, 1);
	raw_boot(&next);
	if (next.vm != raw.vm + 1)
		give_up("handles %llu and %llu", (unsigned long long)raw.vm, (unsigned long long)next.vm);
	if (raw_agent(&next, AGENT_HVC, GUARD, TESTDEV_BASE, 0))
		give_up("the next VM's call is refused");
	granted += !give(TESTDEV_BASE);
	for (unsigned int i = 1; i < NR_RANGES; i++)
		granted += !give(OTHER + i * 0x2000UL);
	expect(granted == NR_RANGES, "%u ranges given", granted);
	r = give(OTHER + NR_RANGES * 0x2000UL);
	expect_answer(r, INVALID, "one more");
	expect_answer(give(OTHER + 0x3000), 0, "a page behind a range");
	esr = use(AGENT_READ, OTHER + NR_RANGES * 0x2000UL);
	expect(!seen && esr, "a load there: %u exits", seen);
	esr = use(AGENT_READ, OTHER + 0x2000);
	expect(seen == 1 && !esr, "in the second range: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	esr = use(AGENT_READ, OTHER + 0x3000);
	expect(seen == 1 && !esr, "behind it: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	r = raw_agent(&next, AGENT_NOP, 0, 0, 0);
	expect(r == AGENT_HELLO, "the next VM %s", r == AGENT_HELLO ? "answers" : "has lost its page");
	e = raw_destroy(&next);
	expect(!e, "it is destroyed: %s", result_text(e));
	raw_free_pages(&next);
	finish();
}

/* A VM that gets the handle of one that is gone has no guard, and none of its pages. */
void attack_guard_again(void)
{
	u64 handle, esr;

	start();
	handle = raw.vm;
	expect_answer(give(TESTDEV_BASE), 0, "a page given");
	expect_answer(give(OTHER), 0, "another");
	finish();
	start();
	if (raw.vm != handle)
		give_up("handle %llu, before %llu", (unsigned long long)raw.vm, (unsigned long long)handle);
	esr = use(AGENT_READ, OTHER + 0x1000);
	expect(seen == 1 && !esr, "a new VM's load: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	expect_answer(give(TESTDEV_BASE), 0, "a page given");
	esr = use(AGENT_READ, OTHER);
	expect(!seen && esr, "the old VM's page: %u exits, ESR %#llx", seen, (unsigned long long)esr);
	finish();
}
