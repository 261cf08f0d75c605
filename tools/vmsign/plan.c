// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KCore will measure of a VM: tvmm's own code loads the images and writes the device tree, into a VM that is memory and
 * nothing else; images at addresses are for other VMMs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "linux.h"
#include "memory.h"
#include "vmsign.h"

#define GICV2_MAX_VCPUS 8

static u64 boot_pc, boot_x0;

/* tvmm's sets registers of a vCPU */
int vm_set_boot(struct vm *vm, u64 pc, u64 x0)
{
	(void)vm;
	boot_pc = pc;
	boot_x0 = x0;
	return 0;
}

/* FILE@ADDRESS */
static int load_image(struct vm *vm, u64 base, const char *text)
{
	const char *at = strrchr(text, '@');
	char *path;
	u64 ipa, end = 0;
	long n;

	if (!at || at == text || !parse_number(at + 1, ~0UL, &ipa))
		return error_line("%s: want FILE@ADDRESS", text);
	if (vm->nr_images == VM_MAX_IMAGES)
		return error_line("%s: a signed VM has at most %d images", text, VM_MAX_IMAGES);
	if (vm->nr_images)
		end = vm->images[vm->nr_images - 1].ipa + vm->images[vm->nr_images - 1].bytes;
	if (ipa % PAGE_SIZE || ipa < base || ipa - base > vm->ram_size)
		return error_line("%s: not the address of a page in the VM's memory", text);
	if (ipa < end)
		return error_line("%s: begins before the image in front of it ends, at %#llx", text, (unsigned long long)end);
	path = strndup(text, (size_t)(at - text));
	if (!path)
		return error_line("no memory");
	n = load_file(path, vm->ram + (ipa - base), vm->ram_size - (ipa - base));
	if (!n)
		error_line("%s: empty", path);
	free(path);
	if (n <= 0)
		return -1;
	image_add(vm, ipa, (u64)n);
	return 0;
}

static int load(const struct plan *plan, struct vm *vm)
{
	const struct linux_config config = { plan->image, plan->initrd, plan->append };

	if ((plan->disk || plan->vconsole) && pool_reserve(vm))
		return -1;
	vm->nr_virtio = (unsigned int)plan->disk + plan->vconsole;
	if (!strcmp(plan->kind, "linux"))
		return linux_load(vm, &config);
	if (!strcmp(plan->kind, "flat"))
		return flat_load(vm, &config);
	if (!strcmp(plan->kind, "run"))
		return file_load(vm, plan->image);
	for (int i = 0; i < plan->nr_files; i++)
		if (load_image(vm, plan->base, plan->files[i]))
			return -1;
	return 0;
}

/* As KCore does: pages that follow the last one belong to the same image. */
static void measure_images(const struct vm *vm, u64 base, struct kcore_measurement *m)
{
	struct hash *hash = NULL;

	for (unsigned int i = 0; i < vm->nr_images; i++) {
		u64 ipa = vm->images[i].ipa, bytes = vm->images[i].bytes, n = m->nr_images;

		if (!n || m->image[n - 1].ipa + m->image[n - 1].bytes != ipa) {
			if (hash)
				hash_end(hash, m->image[n - 1].sha256);
			hash = hash_new();
			m->image[n].ipa = ipa;
			m->nr_images = ++n;
		}
		m->image[n - 1].bytes += bytes;
		hash_add(hash, vm->ram + (ipa - base), bytes);
	}
	if (hash)
		hash_end(hash, m->image[m->nr_images - 1].sha256);
}

int plan_measure(const struct plan *plan, struct kcore_measurement *m)
{
	bool tvmm = strcmp(plan->kind, "images");
	u64 base = tvmm ? RAM_BASE : plan->base;
	struct vm vm = {
		.ram_size = plan->memory, .nr_vcpus = (unsigned int)plan->vcpus, .gic_version = (unsigned int)plan->gic,
		.its_fd = plan->its ? 0 : -1, .has_pmu = plan->pmu,
	};
	int r;

	if (plan->gic == 2 && (plan->vcpus > GICV2_MAX_VCPUS || plan->its))
		return error_line("a vGICv2 serves at most %d vCPUs and has no ITS", GICV2_MAX_VCPUS);
	vm.ram = mmap(NULL, vm.ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm.ram == MAP_FAILED)
		return error_errno("guest memory of %llu MiB", (unsigned long long)vm.ram_size >> 20);
	r = load(plan, &vm);
	memset(m, 0, sizeof(*m));
	m->magic = KCORE_MEASUREMENT_MAGIC;
	m->memory_base = base;
	m->memory_end = base + vm.ram_size;
	m->vcpus = plan->vcpus;
	m->entry = tvmm ? boot_pc : plan->entry;
	memcpy(m->x, plan->x, sizeof(m->x));
	if (tvmm)
		m->x[0] = boot_x0;
	if (!r)
		measure_images(&vm, base, m);
	munmap(vm.ram, vm.ram_size);
	return r;
}
