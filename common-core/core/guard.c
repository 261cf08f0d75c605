/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages outside of a protected VM's memory that its guest gives the host to serve (MMIO guard).  From the first on the host sees no
 * access to any other.
 */
#include "core.h"

/* The VM's range that holds the page, of its n; GUARD_RANGES: none.  Lock: held. */
static u64 guard_find(u64 vm, u64 n, u64 ipa)
{
	u64 base;
	u64 end;
	u64 i;

	for (i = 0UL; i < n; i++) {
		base = get_guard_base(vm * GUARD_RANGES + i);
		end = get_guard_end(vm * GUARD_RANGES + i);
		if (base <= ipa && ipa < end)
			return i;
	}
	return GUARD_RANGES;
}

/* The page is the host's to serve; it is in a range, or the next of one, or begins one.  NOMEM: there is no more.  Lock: held. */
static u64 guard_add(u64 vm, u64 ipa)
{
	u64 n = get_vm_guards(vm);
	u64 i = guard_find(vm, n, ipa);

	if (i != GUARD_RANGES)
		return 0UL;
	i = guard_find(vm, n, ipa - PAGE_BYTES);
	if (i == GUARD_RANGES) {
		if (n >= GUARD_RANGES)
			return KCORE_ENOMEM;
		i = n;
		set_guard_base(vm * GUARD_RANGES + i, ipa);
		set_vm_guards(vm, n + 1UL);
	}
	set_guard_end(vm * GUARD_RANGES + i, ipa + PAGE_BYTES);
	return 0UL;
}

/* Is the access to the page the host's to know?  Lock: held. */
static u64 guard_check(u64 vm, u64 ipa)
{
	u64 n = get_vm_guards(vm);
	u64 i = guard_find(vm, n, ipa);

	return n == 0UL || i != GUARD_RANGES ? 1UL : 0UL;
}

/* The guest gives the host a page outside of its memory to serve.  0, INVAL, NOMEM. */
u64 guard_give(u64 vm, u64 ipa)
{
	u64 base = get_vm_mem_base(vm);
	u64 end = get_vm_mem_end(vm);
	u64 r;

	if ((ipa & (PAGE_BYTES - 1UL)) != 0UL || (ipa >= base && ipa < end) || ipa >= IPA_END)
		return KCORE_EINVAL;
	lock_acquire();
	r = guard_add(vm, ipa);
	lock_release();
	return r;
}

/* 1: the host may know of the guest's access to the page, which it can't make alone. */
u64 guard_allows(u64 vm, u64 ipa)
{
	u64 base = get_vm_mem_base(vm);
	u64 end = get_vm_mem_end(vm);
	u64 r;

	if (ipa >= base && ipa < end)
		return 1UL;
	lock_acquire();
	r = guard_check(vm, ipa);
	lock_release();
	return r;
}
