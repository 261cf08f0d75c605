/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory at an address that the guest names.  0, or -1 where there is no memory or a protected guest hasn't shared
 * the page; then nothing, or a part, was copied.
 */
#ifndef TVMM_MEMORY_H
#define TVMM_MEMORY_H

#include "vm.h"

bool is_guest_memory(const struct vm *vm, u64 ipa, u64 bytes);
int guest_load(const struct vm *vm, u64 ipa, void *to, u64 bytes);
int guest_store(const struct vm *vm, u64 ipa, const void *from, u64 bytes);
/* In one access; the address is even */
int guest_load16(const struct vm *vm, u64 ipa, u16 *value);
int guest_store16(const struct vm *vm, u64 ipa, u16 value);

/* What a signed VM starts from, in the order in which KCore measures it: the pages that hold these bytes. */
void image_add(struct vm *vm, u64 ipa, u64 bytes);

/* For virtio devices: the guest's restricted DMA pool, once.  0, or -1 after a message. */
int pool_reserve(struct vm *vm);

/* Has the guest shared this page?  One that it never used is the VMM's as well, but holds nothing of the guest's. */
bool is_guest_shared(const struct vm *vm, u64 ipa);
#endif
