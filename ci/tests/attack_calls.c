// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every hypercall with arguments that can't be right.  The calls and their documented errors come from
 * the table in abi.h, so a call that is added there is attacked without a change here.
 */
#include <string.h>

#include "attacks.h"

struct call {
	u64 fn;
	const char *name, *errors;
	unsigned int args;
};

static const struct call calls[] = {
#define CALL(nr, NAME, handler, nargs, args, text, errs) { KCORE_HC_##NAME, #NAME, errs, nargs },
	KCORE_HYPERCALLS(CALL)
#undef CALL
};
#define NR_CALLS (sizeof(calls) / sizeof(calls[0]))
#define NR_VALUES 42
#define PER_CALL 1500

static bool documented(const struct call *c, u64 r)
{
	return strstr(c->errors, result_text(r)) != NULL;
}

static u64 seed = 0x2545f4914f6cdd1dUL;
static u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

struct snapshot {
	u64 stats[4], victim_page, host_page, vcpu_page;
};

static void take(struct snapshot *s, const struct victim *v, u64 host_page, u64 vcpu_page)
{
	static const enum kcore_stat ids[] = { KCORE_STAT_pages_core, KCORE_STAT_pages_vm, KCORE_STAT_vms, KCORE_STAT_vcpus };

	for (unsigned int i = 0; i < 4; i++)
		s->stats[i] = stat_read(ids[i]);
	s->victim_page = HC(PAGE_STATE, v->secret_pa);
	s->host_page = HC(PAGE_STATE, host_page);
	s->vcpu_page = HC(PAGE_STATE, vcpu_page);
}

/* May this call succeed by right?  Then it isn't an attack, and isn't made. */
static bool rightful(const struct call *c, const u64 *a, const struct victim *v, const struct rawvm *n)
{
	bool victim = a[0] == v->handle, normal = a[0] == n->vm, handle = victim || normal;
	u64 vcpu_vm = a[0] / KCORE_VM_VCPUS;
	bool vcpu = a[0] < KCORE_NR_VCPUS && (vcpu_vm == v->handle || vcpu_vm == n->vm);

	switch (c->fn) {
	case KCORE_HC_VERSION:
	case KCORE_HC_VM_MEASUREMENT:		/* 0 for what there isn't */
		return true;
	case KCORE_HC_VM_CREATE:
		return a[0] <= KCORE_VM_PROTECTED;
	case KCORE_HC_VM_DESTROY_BEGIN:
	case KCORE_HC_TLB_FLUSH_LOCAL:
		/* any VMID may be flushed; a VM that isn't loaded may be destroyed */
		return c->fn == KCORE_HC_TLB_FLUSH_LOCAL ? a[0] && a[0] < KCORE_NR_VMS : handle;
	case KCORE_HC_VCPU_LOAD:
	case KCORE_HC_VCPU_DESTROY:
		return vcpu;
	case KCORE_HC_VM_QUOTE:
		return victim;
	case KCORE_HC_INFO:
		return a[0] < KCORE_INFO_NR;
	case KCORE_HC_STATS_READ:
		return a[0] < KCORE_NR_STATS;
	case KCORE_HC_LOG_READ:
		return a[0] < 1UL << 32;
	case KCORE_HC_PAGE_STATE:
		return !(a[0] & 0xfff) && a[0] < 1UL << 40;
	case KCORE_HC_VCPU_CREATE:
		return normal && a[1] < KCORE_VM_VCPUS && HC(PAGE_STATE, a[2]) == KCORE_PAGE_HOST;
	case KCORE_HC_VM_DONATE:
		return victim && HC(PAGE_STATE, a[2]) == KCORE_PAGE_HOST;
	case KCORE_HC_VM_MAP:
		/* any host page and any device may be mapped in a normal VM: leave only what is wrong in size, alignment or owner */
		return normal && (a[3] == 4096 || a[3] == BLOCK_SIZE) && !((a[1] | a[2]) & (a[3] - 1)) && a[1] < 1UL << 40 &&
		       a[2] < 1UL << 40 && a[4] < 16 &&
		       (a[3] == BLOCK_SIZE || (HC(PAGE_STATE, a[2]) != KCORE_PAGE_VM && HC(PAGE_STATE, a[2]) != KCORE_PAGE_CORE));
	case KCORE_HC_VM_UNMAP:
	case KCORE_HC_VM_WRPROTECT:
	case KCORE_HC_VM_AGE:
		return normal && !((a[1] | a[2]) & 0xfff) && a[1] < 1UL << 40 && a[2] && a[2] <= (1UL << 40) - a[1];
	}
	return false;
}

/* Arguments that are right, or right but for the state of the VM */
static void right_arguments(const struct call *c, u64 *a, const struct victim *v, const struct rawvm *n, u64 host_page)
{
	memset(a, 0, 5 * sizeof(*a));
	switch (c->fn) {
	case KCORE_HC_VM_FINALISE:
	case KCORE_HC_VM_FINALISE_SIGNED:
		a[0] = v->handle;
		a[1] = RAM_BASE;
		a[2] = RAW_MEMORY;
		break;
	case KCORE_HC_VM_MEASURE:
		a[0] = v->handle;
		a[1] = SECRET_IPA;
		break;
	case KCORE_HC_VM_START:
	case KCORE_HC_VM_QUOTE:
		a[0] = v->handle;
		break;
	case KCORE_HC_VCPU_CREATE:
		a[0] = n->vm;
		a[1] = 1;
		a[2] = host_page;
		break;
	case KCORE_HC_VM_DONATE:
		a[0] = v->handle;
		a[1] = FRESH_IPA;
		a[2] = host_page;
		break;
	case KCORE_HC_VM_MAP:
		a[0] = n->vm;
		a[1] = FRESH_IPA;
		a[2] = host_page;
		a[3] = 4096;
		a[4] = KCORE_PROT_R;
		break;
	case KCORE_HC_VM_UNMAP:
	case KCORE_HC_VM_WRPROTECT:
	case KCORE_HC_VM_AGE:
		a[0] = n->vm;
		a[1] = FRESH_IPA;
		a[2] = 4096;
		break;
	}
}

static struct {
	unsigned long made, accepted, undocumented;
} tally;

static void attempt(const struct call *c, const u64 *a, const struct victim *v, const struct rawvm *n)
{
	u64 r;

	if (rightful(c, a, v, n))
		return;
	r = hvc(c->fn, a[0], a[1], a[2], a[3], a[4]);
	tally.made++;
	if (!is_error(r)) {
		if (!tally.accepted++)
			expect(false, "%s(%#lx, %#lx, %#lx, %#lx, %#lx) accepted: %s", c->name, a[0], a[1], a[2], a[3], a[4], result_text(r));
	} else if (!documented(c, r)) {
		if (!tally.undocumented++)
			expect(false, "%s(%#lx, %#lx, %#lx, %#lx, %#lx): %s isn't documented", c->name, a[0], a[1], a[2], a[3], a[4],
			       result_text(r));
	}
}

void attack_arguments(void)
{
	static struct rawvm n;
	struct snapshot before, after;
	struct victim v;
	unsigned long kinds = 0;
	u64 host_page, vcpu_page, vcpu, e;

	memset(&tally, 0, sizeof(tally));

	victim_start(&v, 1);
	raw_create(&n, KCORE_VM_NORMAL, 1);
	raw_boot(&n);
	host_page = page_alloc(0);
	if (vcpu_page_of(v.vm.fd, 0, &vcpu_page, &vcpu))
		give_up("no vCPU page");
	const u64 values[NR_VALUES] = {
		0, 1, 2, 7, 15, 16, 17, 24, 0xff, 0x100, 0x101, 0xfff, 0x1000, 0x1001, 0x200000, 0x1fffff, 0x40000000, 0x3ffff000,
		0xfffff000, 0x100000000, 0xfffffff000, 0x10000000000, 0x10000001000, 0x7fffffffffffffff, 0x8000000000000000,
		~0UL, ~0xfffUL, ~0x1fffffUL, v.handle, n.vm, v.handle | 1UL << 32, v.handle | 1UL << 63,
		v.secret_pa, v.secret_pa | 1, host_page, host_page | 8, vcpu_page, driver_info()->region_base,
		SECRET_IPA, vcpu, FRESH_IPA, FRESH_IPA | 0x10,
	};
	take(&before, &v, host_page, vcpu_page);
	for (unsigned int i = 0; i < NR_CALLS; i++) {
		const struct call *c = &calls[i];
		unsigned long so_far = tally.made;
		u64 a[5], right[5];

		/* One argument wrong, the others as they would be for a call that succeeds */
		right_arguments(c, right, &v, &n, host_page);
		for (unsigned int j = 0; j < c->args; j++) {
			for (unsigned int k = 0; k < NR_VALUES; k++) {
				memcpy(a, right, sizeof(a));
				a[j] = values[k];
				attempt(c, a, &v, &n);
			}
		}
		/* Anything */
		for (unsigned int k = 0; k < PER_CALL; k++) {
			for (unsigned int j = 0; j < 5; j++)
				a[j] = values[next_random() % NR_VALUES];
			attempt(c, a, &v, &n);
		}
		kinds += tally.made > so_far;
	}
	take(&after, &v, host_page, vcpu_page);
	expect(tally.made > 10000, "%lu calls of %lu kinds", tally.made, kinds);
	expect(!tally.accepted && !tally.undocumented, "%lu accepted, %lu answered otherwise than documented", tally.accepted,
	       tally.undocumented);
	expect(!memcmp(&before, &after, sizeof(before)), "counters and page owners %s",
	       memcmp(&before, &after, sizeof(before)) ? "changed" : "unchanged");
	page_free(host_page);
	e = raw_destroy(&n);
	expect(!e, "normal VM destroyed: %s", result_text(e));
	raw_free_pages(&n);
	victim_expect_intact(&v);
	victim_end(&v);
}

void attack_unknown_calls(void)
{
	unsigned long tried = 0, refused = 0;
	u64 r = 0;

	driver_open();
	for (u64 nr = NR_CALLS; nr < 0x200; nr++) {
		r = hvc(KCORE_FN(nr), 1, 2, 3, 4, 5);
		tried++;
		refused += r == KCORE_ENOSYS;
	}
	/* other owners' numbers, upper halves, just above the stub calls */
	static const u64 others[] = {
		KCORE_STUB_CALLS, 0x80000000UL, 0x84000000UL, 0x84000003UL, 0xc6000000UL, 0x86000000UL, 0xc6004affUL,
		KCORE_FN(0) | 1UL << 32, KCORE_FN(4) | 1UL << 63, ~0UL, 1UL << 32, 0xffff800010000000UL,
	};
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		r = hvc(others[i], 0, 0, 0, 0, 0);
		tried++;
		refused += r == KCORE_ENOSYS;
		if (r != KCORE_ENOSYS)
			expect(false, "%#llx: %s", (unsigned long long)others[i], result_text(r));
	}
	expect(tried == refused, "%lu of %lu: NOSYS", refused, tried);
}
