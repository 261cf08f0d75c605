// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks on the registers of a protected vCPU.  The guest's register keeper (keep.c) fills x, v and system
 * registers with a pattern before each exit and checks them behind it; the attacker knows the pattern, so
 * it knows what it would have to find.
 */
#define _GNU_SOURCE
#include <asm/hwcap.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>

#include "attacks.h"

#define SALT 0x5a17UL
#define ROUNDS 20

/* The register of round n, as keep.c makes it */
static u64 kept_x(u64 round, u64 i)
{
	return pattern(round * 64 + i, SALT);
}

static u64 kept_v(u64 round, u64 i)
{
	return pattern(round * 64 + i, ~SALT);
}

/* x5 is what the write of a probe carries: the host may see that one */
static bool is_kept(u64 round, u64 value, bool is_write)
{
	for (u64 i = 0; i < 30; i++)
		if (!(is_write && i == 5) && (value == kept_x(round, i) || (value && value == kept_x(round, i) >> 32)))
			return true;
	for (u64 i = 0; i < 64; i++)
		if (value == kept_v(round, i))
			return true;
	for (u64 i = 0; i < 19; i++)
		if (value && value == (pattern(i, SALT) & 0xfffff000UL))	/* system registers */
			return true;
	return false;
}

static void finish(struct victim *v)
{
	victim_expect_intact(v);
	victim_end(v);
}

static void expect_kept(u64 changed)
{
	expect(!changed, "guest: %s (%#llx)", changed ? "registers changed" : "registers kept", (unsigned long long)changed);
}

/* What an attack does at every exit of the keeper that reaches the VMM */
struct probing {
	struct victim *v;
	void (*at_probe)(struct probing *p, u64 round, bool is_write);
	u64 probes, done, refused, found, page;
};

static void at_probe(struct vm *vm, struct testdev *dev, void *arg)
{
	struct probing *p = arg;
	/* of five kinds of exit in turn, the first two probe: keep.c */
	u64 round = p->probes / 2 * 5 + p->probes % 2;

	(void)vm;
	p->at_probe(p, round, !dev->probe_is_read);
	p->probes++;
}

static u64 keep(struct victim *v, struct probing *p)
{
	u64 vcpu;

	p->v = v;
	if (vcpu_page_of(v->vm.fd, 0, &p->page, &vcpu))
		give_up("no vCPU page");
	return agent_with_hook(v, AGENT_KEEP, ROUNDS, SALT, at_probe, p);
}

#define MAX_REGS 1024

/* Ids of all registers that the ioctls offer; the core registers by their numbers where there is no list */
static u64 register_ids(struct victim *v, u64 *ids)
{
	static u64 room[1 + MAX_REGS];
	struct kvm_reg_list *list = (struct kvm_reg_list *)room;
	u64 n = 0;

	list->n = MAX_REGS;
	if (!ioctl(v->vm.vcpus[0].fd, KVM_GET_REG_LIST, list))
		for (; n < list->n; n++)
			ids[n] = list->reg[n];
	for (u64 i = 0; i < 2 * 40 && n < MAX_REGS; i += 2)
		ids[n++] = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | i;
	return n;
}

static u32 register_bytes(u64 id)
{
	return 1U << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static void read_by_ioctl(struct probing *p, u64 round, bool is_write)
{
	u64 ids[MAX_REGS], n = register_ids(p->v, ids);

	for (u64 i = 0; i < n; i++) {
		u8 value[512] = { 0 };
		struct kvm_one_reg reg = { .id = ids[i], .addr = (uintptr_t)value };

		if (register_bytes(reg.id) > sizeof(value))
			continue;
		p->done++;
		if (ioctl(p->v->vm.vcpus[0].fd, KVM_GET_ONE_REG, &reg)) {
			p->refused++;
			continue;
		}
		for (u32 at = 0; at + 8 <= register_bytes(reg.id); at += 8) {
			u64 word;

			memcpy(&word, value + at, 8);
			p->found += is_kept(round, word, is_write);
		}
	}
}

void attack_ioctl_read(void)
{
	struct probing p = { .at_probe = read_by_ioctl };
	struct victim v;
	u64 changed;

	victim_start(&v, 1);
	changed = keep(&v, &p);
	expect(p.done > 100 && p.probes > 4, "%llu reads at %llu exits, %llu refused", (unsigned long long)p.done,
	       (unsigned long long)p.probes, (unsigned long long)p.refused);
	expect(!p.found, "%llu values of the guest found", (unsigned long long)p.found);
	expect_kept(changed);
	finish(&v);
}

static void write_by_ioctl(struct probing *p, u64 round, bool is_write)
{
	u64 ids[MAX_REGS], n = register_ids(p->v, ids);

	(void)round;
	(void)is_write;
	for (u64 i = 0; i < n; i++) {
		u64 value[64];
		struct kvm_one_reg reg = { .id = ids[i], .addr = (uintptr_t)value };

		/* Only what is the CPU's; firmware registers and timers are the VMM's to set up */
		if (register_bytes(reg.id) > sizeof(value) ||
		    ((reg.id & KVM_REG_ARM_COPROC_MASK) != KVM_REG_ARM_CORE &&
		     (reg.id & KVM_REG_ARM_COPROC_MASK) != KVM_REG_ARM64_SYSREG))
			continue;
		memset(value, 0x41, sizeof(value));
		p->done++;
		p->refused += ioctl(p->v->vm.vcpus[0].fd, KVM_SET_ONE_REG, &reg) != 0;
	}
}

void attack_ioctl_write(void)
{
	struct probing p = { .at_probe = write_by_ioctl };
	struct victim v;
	u64 changed;

	victim_start(&v, 1);
	changed = keep(&v, &p);
	expect(p.done > 100 && p.probes > 4, "%llu writes at %llu exits, %llu refused", (unsigned long long)p.done,
	       (unsigned long long)p.probes, (unsigned long long)p.refused);
	expect_kept(changed);
	finish(&v);
}

static void search_page(struct probing *p, u64 round, bool is_write)
{
	u64 word[512];

	if (phys_read(p->page, word, sizeof(word), KCORE_TEST_VIA_MAPPING))
		give_up("vCPU page not readable");
	for (unsigned int i = 0; i < 512; i++)
		p->found += is_kept(round, word[i], is_write);
	p->done++;
}

void attack_page_read(void)
{
	struct probing p = { .at_probe = search_page };
	struct victim v;
	u64 changed;

	victim_start(&v, 1);
	changed = keep(&v, &p);
	expect(p.done > 4, "page searched at %llu exits", (unsigned long long)p.done);
	expect(!p.found, "%llu values of the guest found", (unsigned long long)p.found);
	expect_kept(changed);
	finish(&v);
}

/* Everything but what the host may ask for by the ABI: enter (the others' business) and vgic */
static void overwrite_page(struct probing *p, u64 round, bool is_write)
{
	u8 garbage[0x1e0], more[4096 - 0x300];

	(void)round;
	(void)is_write;
	memset(garbage, 0x41, sizeof(garbage));
	memset(more, 0x41, sizeof(more));
	for (u32 at = 0; at < sizeof(garbage); at += 8)
		p->refused += phys_write(p->page + at, garbage + at, 8, KCORE_TEST_VIA_MAPPING) != 0;
	for (u32 at = 0; at < sizeof(more); at += 8)
		p->refused += phys_write(p->page + 0x300 + at, more + at, 8, KCORE_TEST_VIA_MAPPING) != 0;
	p->done++;
}

void attack_page_write(void)
{
	struct probing p = { .at_probe = overwrite_page };
	struct victim v;
	u64 changed;

	victim_start(&v, 1);
	changed = keep(&v, &p);
	expect(p.done > 4 && !p.refused, "page overwritten at %llu exits", (unsigned long long)p.done);
	expect_kept(changed);
	finish(&v);
}

/* --- by hand: the raw VM ------------------------------------------------------------------ */

static void raw_finish(struct rawvm *r)
{
	u64 bad = raw_agent(r, AGENT_CHECK, SECRET_IPA, SECRET_BYTES, SECRET_SEED), e;

	expect(!bad, "guest: %s", bad ? "memory changed" : "memory intact");
	bad = raw_agent(r, AGENT_EXCEPTIONS, 0, 0, 0);
	if (bad)
		expect(false, "guest: exceptions (%#llx)", (unsigned long long)bad);
	e = raw_destroy(r);
	expect(!e, "VM destroyed: %s", result_text(e));
	raw_free_pages(r);
}

static void raw_start(struct rawvm *r)
{
	raw_create(r, KCORE_VM_PROTECTED, 1);
	raw_boot(r);
	raw_agent(r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
}

/* Zeros the page's registers, so that whatever is there after the next exit was put there by KCore */
static void clear_page(struct rawvm *r)
{
	u8 zero[0x1e0] = { 0 }, more[0x560 - 0x310] = { 0 };

	if (phys_write(r->page[0], zero, sizeof(zero), KCORE_TEST_VIA_MAPPING) ||
	    phys_write(r->page[0] + 0x310, more, sizeof(more), KCORE_TEST_VIA_MAPPING))
		give_up("vCPU page not writable");
}

struct mmio_seen {
	u64 reads, writes, other_nonzero, wrong;
};
static struct mmio_seen seen;

static bool look_at_mmio(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	u64 rt = page->exit.esr >> 16 & 31, ipa = exit_ipa(page) | (page->exit.far & 0xfff);
	bool is_write = page->exit.esr & 1UL << 6;
	const u64 *words = (const u64 *)page;

	if (code == KCORE_EXIT_TRAP && exit_class(page) == CLASS_DABT && ipa == TESTDEV_BASE + TD_PROBE) {
		seen.reads += !is_write;
		seen.writes += is_write;
		for (u64 i = 0; i < 0x1e0 / 8; i++)
			if (words[i] && !(is_write && i == rt))
				seen.other_nonzero++;
		for (u64 i = 0; i < (0x560 - 0x310) / 8; i++)
			seen.other_nonzero += words[0x310 / 8 + i] != 0;
		if (is_write && (rt != 5 || page->x[5] != kept_x((seen.writes - 1) * 5 + 1, 5)))
			seen.wrong++;
		if (page->exit.far >> 12)
			seen.wrong++;
	}
	clear_page(r);
	return false;
}

void attack_mmio_registers(void)
{
	static struct rawvm r;

	raw_start(&r);
	memset(&seen, 0, sizeof(seen));
	clear_page(&r);
	raw_until(&r, AGENT_KEEP, ROUNDS, SALT, look_at_mmio);
	expect(seen.reads > 2 && seen.writes > 2, "%llu reads, %llu writes", (unsigned long long)seen.reads,
	       (unsigned long long)seen.writes);
	expect(!seen.other_nonzero, "%llu other fields with a value", (unsigned long long)seen.other_nonzero);
	expect(!seen.wrong, "the register stored: %s", seen.wrong ? "wrong" : "right");
	expect_kept(r.dev.result);
	raw_finish(&r);
}

void attack_boot_registers(void)
{
	static struct rawvm r;
	u64 e, r0;

	raw_create(&r, KCORE_VM_PROTECTED, 1);
	raw_boot(&r);
	/* A PC in memory that only the attacker filled: `b .' */
	e = raw_give(&r, RAM_BASE + 0x300000, &(u64[512]){ 0x1400000014000000UL });
	if (e)
		give_up("page: %s", result_text(e));
	RAW_SET(&r, 0, pc, RAM_BASE + 0x300000);
	RAW_SET(&r, 0, pstate, 0x3c9);		/* EL2h */
	RAW_SET(&r, 0, sys.vbar_el1, RAM_BASE + 0x300000);
	RAW_SET(&r, 0, sys.sctlr_el1, 1);
	r0 = raw_agent(&r, AGENT_NOP, 0, 0, 0);
	expect(r0 == AGENT_HELLO, "the guest starts at its own entry: answers %#llx", (unsigned long long)r0);
	raw_agent(&r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
	raw_finish(&r);
}

static bool at_first_read(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	(void)r;
	return code == KCORE_EXIT_TRAP && exit_class(page) == CLASS_DABT && !(page->exit.esr & 1UL << 6);
}

void attack_pc_set(void)
{
	static struct rawvm r;
	struct kcore_vcpu_page page;
	u64 answer;

	raw_start(&r);
	/* Stopped at the read of its first argument: an exit that may be skipped, but only to the next instruction */
	raw_until(&r, AGENT_NOP, 0, 0, at_first_read);
	RAW_SET(&r, 0, pc, RAM_BASE);		/* would start over */
	RAW_SET(&r, 0, sys.elr_el1, RAM_BASE);
	RAW_SET(&r, 0, pstate, 0x3c9);
	RAW_SET(&r, 0, enter.flags, 0);
	answer = raw_answer(&r);
	expect(answer == AGENT_HELLO, "PC set, no request: the guest goes on, answers %#llx", (unsigned long long)answer);
	raw_until(&r, AGENT_NOP, 0, 0, at_first_read);
	raw_page(&r, 0, &page);
	RAW_SET(&r, 0, pc, RAM_BASE);
	raw_page_write(&r, 0, 8 * (page.exit.esr >> 16 & 31), AGENT_NOP);
	RAW_SET(&r, 0, enter.flags, KCORE_ENTER_SKIP);
	answer = raw_answer(&r);
	expect(answer == AGENT_HELLO, "PC set with a skip: the guest goes on, answers %#llx", (unsigned long long)answer);
	raw_finish(&r);
}

static u64 skip_result, skip_memory;

/* The host has donated what the guest wanted and asks, against the ABI, for its instruction to be skipped */
static bool skip_instead(struct rawvm *r, const struct kcore_vcpu_page *page, u64 ipa)
{
	(void)page;
	if (ipa != FRESH_IPA)
		return false;
	if (raw_give(r, ipa, &(u64[512]){ skip_memory }))
		give_up("page not donated");
	RAW_SET(r, 0, enter.flags, KCORE_ENTER_SKIP);
	skip_result = raw_run(r, 0);
	RAW_SET(r, 0, enter.flags, 0);
	return true;
}

static unsigned int interrupts, refused_after_interrupt;

static bool skip_at_interrupt(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	(void)page;
	if (code == KCORE_EXIT_IRQ) {
		u64 e;

		RAW_SET(r, 0, enter.flags, KCORE_ENTER_SKIP);
		e = raw_run(r, 0);
		refused_after_interrupt += e == KCORE_EPERM;
		interrupts++;
		RAW_SET(r, 0, enter.flags, 0);
		return interrupts == 3;
	}
	return false;
}

void attack_skip_fault(void)
{
	static struct rawvm r;
	u64 value;

	raw_start(&r);
	skip_memory = 0x77;
	r.on_fault = skip_instead;
	value = raw_agent(&r, AGENT_READ, FRESH_IPA, 0, 0);
	r.on_fault = NULL;
	expect(skip_result == KCORE_EPERM, "skip after a memory fault: %s", result_text(skip_result));
	expect(value == 0x77, "the guest's load gives %#llx", (unsigned long long)value);
	interrupts = refused_after_interrupt = 0;
	raw_until(&r, AGENT_CYCLES, 200000000, 0, skip_at_interrupt);
	expect(interrupts == 3 && refused_after_interrupt == 3, "skip after an interrupt: %u of %u refused",
	       refused_after_interrupt, interrupts);
	raw_answer(&r);
	raw_finish(&r);
}

static u64 inject_results[3];

static bool inject_at_fault(struct rawvm *r, const struct kcore_vcpu_page *page, u64 ipa)
{
	static const u64 flags[] = { KCORE_ENTER_UNDEF, KCORE_ENTER_DABT, KCORE_ENTER_IABT };

	(void)page;
	if (ipa != FRESH_IPA)
		return false;
	for (unsigned int i = 0; i < 3; i++) {
		RAW_SET(r, 0, enter.flags, flags[i]);
		inject_results[i] = raw_run(r, 0);
		RAW_SET(r, 0, enter.flags, 0);
	}
	return false;
}

void attack_inject(void)
{
	static const u64 flags[] = { KCORE_ENTER_UNDEF, KCORE_ENTER_IABT };
	static struct rawvm r;
	u64 e, exceptions;

	raw_start(&r);
	r.on_fault = inject_at_fault;
	raw_agent(&r, AGENT_READ, FRESH_IPA, 0, 0);
	r.on_fault = NULL;
	expect(inject_results[0] == KCORE_EPERM && inject_results[1] == KCORE_EPERM && inject_results[2] == KCORE_EPERM,
	       "at a memory fault: UNDEF %s, data abort %s, instruction abort %s", result_text(inject_results[0]),
	       result_text(inject_results[1]), result_text(inject_results[2]));
	raw_until(&r, AGENT_NOP, 0, 0, at_first_read);
	for (unsigned int i = 0; i < 2; i++) {
		RAW_SET(&r, 0, enter.flags, flags[i]);
		e = raw_run(&r, 0);
		expect(e == KCORE_EPERM, "at an MMIO read: %s %s", i ? "instruction abort" : "UNDEF", result_text(e));
	}
	/* What the ABI does allow there arrives, and nothing else: the guest counts one exception */
	RAW_SET(&r, 0, enter.flags, KCORE_ENTER_DABT);
	raw_answer(&r);
	exceptions = raw_agent(&r, AGENT_EXCEPTIONS, 0, 0, 0);
	expect((exceptions & 0xffffffff) == 1 && exceptions >> 32 == 0x96000010, "data abort at MMIO: guest took %llu, ESR %#llx",
	       (unsigned long long)(exceptions & 0xffffffff), (unsigned long long)(exceptions >> 32));
	raw_finish(&r);
}

void attack_enter_flags(void)
{
	static struct rawvm r;
	unsigned int tried = 0, refused = 0;
	u64 answer, e;

	raw_start(&r);
	raw_until(&r, AGENT_NOP, 0, 0, at_first_read);
	for (unsigned int bit = 4; bit < 64; bit++) {
		RAW_SET(&r, 0, enter.flags, 1UL << bit);
		e = raw_run(&r, 0);
		refused += e == KCORE_EPERM;
		tried++;
	}
	for (u64 flags = 1; flags < 16; flags++) {
		if (!(flags & (flags - 1)))
			continue;
		RAW_SET(&r, 0, enter.flags, flags);
		e = raw_run(&r, 0);
		refused += e == KCORE_EPERM;
		tried++;
	}
	RAW_SET(&r, 0, enter.flags, 0);
	expect(refused == tried, "%u of %u refused", refused, tried);
	answer = raw_answer(&r);
	expect(answer == AGENT_HELLO, "the guest answers %#llx", (unsigned long long)answer);
	raw_finish(&r);
}

static bool wish_everything(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	(void)page;
	(void)code;
	/* but VF, VI and VSE, which are the host's right and would interrupt the guest where it unmasks them */
	RAW_SET(r, 0, enter.hcr, ~(KCORE_HCR_VF | KCORE_HCR_VI | KCORE_HCR_VSE));
	return false;
}

void attack_hcr_wishes(void)
{
	static struct rawvm r;
	u64 changed, el, x;

	raw_start(&r);
	RAW_SET(&r, 0, enter.hcr, ~(KCORE_HCR_VF | KCORE_HCR_VI | KCORE_HCR_VSE));
	raw_until(&r, AGENT_KEEP, ROUNDS, SALT, wish_everything);
	changed = r.dev.result;
	expect_kept(changed);
	raw_until(&r, AGENT_SYSREG, 4, 0, wish_everything);
	el = r.dev.result;
	expect(el == 4, "the guest is at EL%llu", (unsigned long long)(el >> 2));
	/* And none of them stayed: the host's own access to KCore's memory still faults */
	expect(phys_read64(driver_info()->region_base, &x) == EFAULT, "the host is still behind stage 2");
	/* all bits clear: HCR.VM off would show the guest physical memory */
	RAW_SET(&r, 0, enter.hcr, 0);
	raw_finish(&r);
}

static bool wish_traps(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	(void)page;
	(void)code;
	RAW_SET(r, 0, enter.traps, ~0UL);
	return false;
}

#define BRK_RET		0xd65f03c0d4200000UL	/* brk #0; ret */
#define EC_BRK		0x3cUL

/* Its BRK would leave the guest, and is to come to the guest's own handler; so would a read of CNTPCT_EL0, which is to give the counter. */
void attack_trap_wishes(void)
{
	static struct rawvm r;
	u64 exceptions, before, after;

	raw_start(&r);
	before = raw_agent(&r, AGENT_SYSREG, 9, 0, 0);
	wish_traps(&r, NULL, 0);
	raw_until(&r, AGENT_SYSREG, 9, 0, wish_traps);
	after = r.dev.result;
	exceptions = raw_agent(&r, AGENT_EXCEPTIONS, 0, 0, 0);
	expect(!exceptions && after > before, "CNTPCT_EL0: guest took %llu, reads %#llx and then %#llx",
	       (unsigned long long)(exceptions & 0xffffffff), (unsigned long long)before, (unsigned long long)after);
	raw_agent(&r, AGENT_WRITE, FRESH_IPA, BRK_RET, 0);
	raw_until(&r, AGENT_JUMP, FRESH_IPA, 0, wish_traps);
	exceptions = raw_agent(&r, AGENT_EXCEPTIONS, 0, 0, 0);
	expect((exceptions & 0xffffffff) == 1 && exceptions >> 58 == EC_BRK, "BRK: guest took %llu, ESR %#llx",
	       (unsigned long long)(exceptions & 0xffffffff), (unsigned long long)(exceptions >> 32));
	raw_until(&r, AGENT_KEEP, ROUNDS, SALT, wish_traps);
	expect_kept(r.dev.result);
	raw_finish(&r);
}

static bool wish_sve(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	(void)page;
	(void)code;
	RAW_SET(r, 0, sve, ~0UL);
	return false;
}

/* mov x1, #0x330000; msr cpacr_el1, x1; isb; rdvl x1, #1; ret */
#define OPEN_CPACR	0xd5181041d2a00661UL
#define ISB_RDVL	0x04bf5021d5033fdfUL
#define RET		0xd65f03c0UL

/* Granted, it would have Z, P and FFR of the host's, and no trap of the instruction. */
void attack_sve_wish(void)
{
	static struct rawvm r;
	u64 exceptions;

	if (!(getauxval(AT_HWCAP) & HWCAP_SVE))
		skip("no SVE on this host");
	raw_start(&r);
	wish_sve(&r, NULL, 0);
	raw_agent(&r, AGENT_WRITE, FRESH_IPA, OPEN_CPACR, 0);
	raw_agent(&r, AGENT_WRITE, FRESH_IPA + 8, ISB_RDVL, 0);
	raw_agent(&r, AGENT_WRITE, FRESH_IPA + 16, RET, 0);
	raw_until(&r, AGENT_JUMP, FRESH_IPA, 0, wish_sve);
	exceptions = raw_agent(&r, AGENT_EXCEPTIONS, 0, 0, 0);
	expect((exceptions & 0xffffffff) == 1 && !(exceptions >> 58), "RDVL: guest took %llu, ESR %#llx",
	       (unsigned long long)(exceptions & 0xffffffff), (unsigned long long)(exceptions >> 32));
	raw_until(&r, AGENT_KEEP, ROUNDS, SALT, wish_sve);
	expect_kept(r.dev.result);
	raw_finish(&r);
}

static bool wish_aarch32(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	(void)page;
	(void)code;
	RAW_SET(r, 0, enter.hcr, 0);
	RAW_SET(r, 0, pstate, 0x1d3);
	return false;
}

/* Granted, the guest's next instruction would be none of its own, in a state that it didn't ask for. */
void attack_aarch32_wish(void)
{
	static struct rawvm r;

	raw_start(&r);
	wish_aarch32(&r, NULL, 0);
	raw_until(&r, AGENT_KEEP, ROUNDS, SALT, wish_aarch32);
	expect_kept(r.dev.result);
	expect(!raw_agent(&r, AGENT_EXCEPTIONS, 0, 0, 0), "the guest took no exception");
	raw_finish(&r);
}

static bool move_timer(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	(void)page;
	(void)code;
	RAW_SET(r, 0, cntvoff, 0x123456789abcdUL);
	RAW_SET(r, 0, vmpidr, 0x80000007UL);
	return false;
}

void attack_timer_offset(void)
{
	static struct rawvm r;
	u64 before, after, mpidr;

	raw_start(&r);
	before = raw_agent(&r, AGENT_SYSREG, 3, 0, 0);
	move_timer(&r, NULL, 0);
	raw_until(&r, AGENT_SYSREG, 3, 0, move_timer);
	after = r.dev.result;
	expect(after > before && after - before < 1UL << 36, "the guest's counter: %#llx, then %#llx", (unsigned long long)before,
	       (unsigned long long)after);
	raw_until(&r, AGENT_SYSREG, 1, 0, move_timer);
	mpidr = r.dev.result;
	expect(mpidr == 0x80000000UL, "the guest's MPIDR: %#llx", (unsigned long long)mpidr);
	raw_finish(&r);
}

void attack_secondary_start(void)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	static struct rawvm r;
	struct runner runner;
	struct victim v;
	u64 e;
	int m;

	victim_start(&v, 2);
	vcpu_set_reg(&v.vm.vcpus[1], VM_REG_CORE(regs.pc), RAM_BASE);
	m = ioctl(v.vm.vcpus[1].fd, KVM_SET_MP_STATE, &state);
	expect(true, "KVM_SET_MP_STATE runnable: %s", m ? strerror(errno) : "accepted");
	runner_start(&runner, &v, 1, cpus_online() > 1 ? 1 : 0);
	agent(&v, AGENT_CYCLES, 1000000, 0, 0, 0);
	runner_stop(&runner);
	expect(!v.dev.beats[1], "vCPU 1 beat %llu times", (unsigned long long)v.dev.beats[1]);
	finish(&v);
	/* and by hand */
	raw_create(&r, KCORE_VM_PROTECTED, 2);
	raw_boot(&r);
	RAW_SET(&r, 1, pc, RAM_BASE);
	RAW_SET(&r, 1, pstate, 0x3c5);
	e = raw_run(&r, 1);
	expect(e == KCORE_ESTATE, "run of vCPU 1, off: %s", result_text(e));
	raw_agent(&r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
	raw_finish(&r);
}

/* Up to the HVC the page holds nothing but what the exit put there */
static bool at_hvc_or_clear(struct rawvm *r, const struct kcore_vcpu_page *page, u64 code)
{
	if (code == KCORE_EXIT_TRAP && exit_class(page) == CLASS_HVC)
		return true;
	clear_page(r);
	return false;
}

void attack_secondary_entry(void)
{
	static struct rawvm r;
	struct kcore_vcpu_page page;
	u64 e, ipa, result;
	unsigned int i;

	raw_create(&r, KCORE_VM_PROTECTED, 2);
	raw_boot(&r);
	raw_agent(&r, AGENT_FILL, SECRET_IPA, SECRET_BYTES, SECRET_SEED);
	clear_page(&r);
	/* the guest turns vCPU 1 on; the host sees target and function, and sets another PC and registers */
	if (!raw_until(&r, AGENT_CPU_ON, 1, 0, at_hvc_or_clear))
		give_up("no exit for the guest's CPU_ON");
	raw_page(&r, 0, &page);
	expect(page.x[0] == 0xc4000003UL && page.x[1] == 1, "the host sees function %#llx, target %llu",
	       (unsigned long long)page.x[0], (unsigned long long)page.x[1]);
	expect(!page.x[2] && !page.x[3], "entry %#llx, context %#llx", (unsigned long long)page.x[2], (unsigned long long)page.x[3]);
	result = raw_answer(&r);
	expect(!result, "the guest's CPU_ON: %lld", (long long)result);
	RAW_SET(&r, 1, pc, RAM_BASE + 0x300000);
	RAW_SET(&r, 1, pstate, 0x3c9);
	RAW_SET(&r, 1, x[0], 0x300);
	for (i = 0; i < 64; i++) {
		e = raw_run(&r, 1);
		raw_page(&r, 1, &page);
		if (e == KCORE_EXIT_IRQ)
			continue;
		if (e != KCORE_EXIT_TRAP)
			break;
		ipa = exit_ipa(&page);
		if (ipa >= RAM_BASE && ipa < RAM_BASE + RAW_MEMORY) {
			if (raw_give(&r, ipa, NULL))
				break;
			continue;
		}
		break;
	}
	/* its first own exit is the beat of vCPU 1 */
	expect(e == KCORE_EXIT_TRAP && exit_class(&page) == CLASS_DABT &&
	       (exit_ipa(&page) | (page.exit.far & 0xfff)) == TESTDEV_BASE + TD_BEAT + 8,
	       "vCPU 1 runs the guest's code: exit %s at %#llx", result_text(e), (unsigned long long)exit_ipa(&page));
	raw_finish(&r);
}
