// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <sys/mman.h>

#include "memory.h"

bool is_guest_memory(const struct vm *vm, u64 ipa, u64 bytes)
{
	return ipa >= RAM_BASE && ipa - RAM_BASE <= vm->ram_size && bytes <= vm->ram_size - (ipa - RAM_BASE);
}

int guest_load(const struct vm *vm, u64 ipa, void *to, u64 bytes)
{
	return is_guest_memory(vm, ipa, bytes) && !guarded_copy(to, vm->ram + (ipa - RAM_BASE), bytes) ? 0 : -1;
}

int guest_store(const struct vm *vm, u64 ipa, const void *from, u64 bytes)
{
	return is_guest_memory(vm, ipa, bytes) && !guarded_copy(vm->ram + (ipa - RAM_BASE), from, bytes) ? 0 : -1;
}

int guest_load16(const struct vm *vm, u64 ipa, u16 *value)
{
	return is_guest_memory(vm, ipa, 2) && !guarded_load16(vm->ram + (ipa - RAM_BASE), value) ? 0 : -1;
}

int guest_store16(const struct vm *vm, u64 ipa, u16 value)
{
	return is_guest_memory(vm, ipa, 2) && !guarded_store16(vm->ram + (ipa - RAM_BASE), value) ? 0 : -1;
}

void image_add(struct vm *vm, u64 ipa, u64 bytes)
{
	vm->images[vm->nr_images].ipa = ipa & ~(PAGE_SIZE - 1);
	vm->images[vm->nr_images++].bytes = ((ipa & (PAGE_SIZE - 1)) + bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

int pool_reserve(struct vm *vm)
{
	if (vm->pool_bytes)
		return 0;
	if (vm->ram_size < 2 * POOL_BYTES)
		return error_line("virtio devices need at least %d MiB of guest memory", 2 * POOL_BYTES >> 20);
	vm->pool = RAM_BASE + ((vm->ram_size - POOL_BYTES) & ~(BLOCK_SIZE - 1));
	vm->pool_bytes = POOL_BYTES;
	return 0;
}

bool is_guest_shared(const struct vm *vm, u64 ipa)
{
	void *page = vm->ram + ((ipa - RAM_BASE) & ~4095UL);
	unsigned char present;
	u64 word;

	return is_guest_memory(vm, ipa, 1) && !mincore(page, 4096, &present) && (present & 1) && !guarded_load(page, &word);
}
