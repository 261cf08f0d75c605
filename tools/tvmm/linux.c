// SPDX-License-Identifier: GPL-2.0-only
/* Linux as a guest: Documentation/arm64/booting.rst of the kernel. */
#include <endian.h>
#include <string.h>

#include "fdt.h"
#include "linux.h"
#include "memory.h"

#define FDT_ROOM BLOCK_SIZE
#define IMAGE_MAGIC 0x644d5241U	/* "ARM\x64" */

struct image_header {
	u32 code[2];
	u64 text_offset, image_size, flags, reserved[3];
	u32 magic, pe_offset;
};

static u64 align_block(u64 v)
{
	return (v + BLOCK_SIZE - 1) & ~(BLOCK_SIZE - 1);
}

/* What the image, the device tree and the initramfs have room in: the pool is the guest's alone */
static u64 room_for_images(const struct vm *vm)
{
	return vm->pool_bytes ? vm->pool - RAM_BASE : vm->ram_size;
}

int linux_load(struct vm *vm, const struct linux_config *config)
{
	struct fdt_config fdt = { .bootargs = config->append };
	struct image_header *h = (struct image_header *)vm->ram;
	u64 text, dtb, initrd;
	u64 room = room_for_images(vm);
	long n = load_file(config->image, vm->ram, room), k = 0, size;

	if (n < 0)
		return -1;
	if (n > 2 && vm->ram[0] == 0x1f && vm->ram[1] == 0x8b)
		return error_line("%s: an Image compressed by gzip; unpack it: gzip -dc %s >Image", config->image, config->image);
	if ((size_t)n < sizeof(*h) || le32toh(h->magic) != IMAGE_MAGIC)
		return error_line("%s: not an arm64 Image (no ARM\\x64 magic)", config->image);
	/* text_offset is valid only where image_size isn't 0 (before v3.17) */
	text = h->image_size ? le64toh(h->text_offset) : FLAT_OFFSET;
	dtb = align_block(text + (h->image_size ? le64toh(h->image_size) : (u64)n));
	initrd = dtb + FDT_ROOM;
	if (dtb + FDT_ROOM > room || text + (u64)n > room)
		return error_line("%s: needs more than %llu MiB; give the guest more --memory", config->image,
				  (unsigned long long)vm->ram_size >> 20);
	memmove(vm->ram + text, vm->ram, (size_t)n);
	if (config->initrd) {
		k = load_file(config->initrd, vm->ram + initrd, room - initrd);
		if (k < 0)
			return -1;
		fdt.initrd = RAM_BASE + initrd;
		fdt.initrd_size = (u64)k;
	}
	size = fdt_write(vm, &fdt, vm->ram + dtb, FDT_ROOM);
	if (size < 0)
		return -1;
	image_add(vm, RAM_BASE + text, (u64)n);
	image_add(vm, RAM_BASE + dtb, (u64)size);
	if (k)
		image_add(vm, RAM_BASE + initrd, (u64)k);
	return vm_set_boot(vm, RAM_BASE + text, RAM_BASE + dtb);
}

/* The device tree is at the end of memory: nothing says how much a flat binary takes behind what was loaded. */
int flat_load(struct vm *vm, const struct linux_config *config)
{
	const struct fdt_config fdt = { .bootargs = config->append };
	u64 dtb = (vm->ram_size - FDT_ROOM) & ~(BLOCK_SIZE - 1);
	long n, size;

	if (vm->ram_size < FLAT_OFFSET + FDT_ROOM)
		return error_line("%s: a flat binary needs more than %lu MiB; give the guest more --memory", config->image,
				  (FLAT_OFFSET + FDT_ROOM) >> 20);
	n = load_file(config->image, vm->ram + FLAT_OFFSET, dtb - FLAT_OFFSET);
	if (n < 0)
		return -1;
	size = fdt_write(vm, &fdt, vm->ram + dtb, FDT_ROOM);
	if (size < 0)
		return -1;
	image_add(vm, RAM_BASE + FLAT_OFFSET, (u64)n);
	image_add(vm, RAM_BASE + dtb, (u64)size);
	return vm_set_boot(vm, RAM_BASE + FLAT_OFFSET, RAM_BASE + dtb);
}

int file_load(struct vm *vm, const char *path)
{
	long n = load_file(path, vm->ram, vm->ram_size);

	if (n < 0)
		return -1;
	image_add(vm, RAM_BASE, (u64)n);
	return vm_set_boot(vm, RAM_BASE, 0);
}
