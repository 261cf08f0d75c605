/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a machine under KCore must look like whenever no call is half done, computed from the tables in
 * memory by a walker of its own (written from the Arm ARM, D8.2 and D8.3; nothing of core/ is called).
 */
#ifndef INVARIANT_H
#define INVARIANT_H

#include "fake.h"

struct translation {
	bool valid;
	u64 pa, level;
	bool r, w, x, device;
};

struct translation translate(u64 vm, u64 ipa);	/* as the MMU does it with this VM's root; vm 0: the host */

/* Each leaf of the VM's table; returns the number of table pages below the root. */
u64 each_leaf(u64 vm, void (*leaf)(u64 vm, u64 ipa, u64 bytes, struct translation t));

void check_invariant(void);

bool host_reaches(u64 pa);		/* by some leaf, now */
u64 leaves(u64 vm);

/* All that a failed call must not change: owners, mappings, translations, states; not counters, log and pool. */
struct snapshot;
struct snapshot *snapshot_take(void);
const char *snapshot_changed(const struct snapshot *before);	/* what changed, NULL: nothing */
void snapshot_free(struct snapshot *s);

#endif
