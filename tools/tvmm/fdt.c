// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "fdt.h"

enum token { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, END = 9 };

struct header {
	u32 magic, totalsize, off_dt_struct, off_dt_strings, off_mem_rsvmap;
	u32 version, last_comp_version, boot_cpuid_phys, size_dt_strings, size_dt_struct;
};

#define STRUCT_OFFSET (sizeof(struct header) + 16)	/* one empty reservation entry */
#define PHANDLE_GIC 1
#define PHANDLE_CLOCK 2
#define PHANDLE_POOL 3

struct tree {
	u8 *at;
	size_t used, room;
	char strings[1024];
	size_t strings_used;
	bool full;
};

static void put(struct tree *t, const void *data, size_t bytes)
{
	size_t padded = (bytes + 3) & ~(size_t)3;

	if (t->used + padded > t->room) {
		t->full = true;
		return;
	}
	memset(t->at + t->used, 0, padded);
	if (bytes)
		memcpy(t->at + t->used, data, bytes);
	t->used += padded;
}

static void put32(struct tree *t, u32 v)
{
	v = htobe32(v);
	put(t, &v, sizeof(v));
}

static void begin(struct tree *t, const char *name)
{
	put32(t, BEGIN_NODE);
	put(t, name, strlen(name) + 1);
}

static void end(struct tree *t)
{
	put32(t, END_NODE);
}

static u32 string_offset(struct tree *t, const char *name)
{
	size_t o = 0, n = strlen(name) + 1;

	for (; o < t->strings_used; o += strlen(t->strings + o) + 1)
		if (!strcmp(t->strings + o, name))
			return (u32)o;
	if (o + n > sizeof(t->strings)) {
		t->full = true;
		return 0;
	}
	memcpy(t->strings + o, name, n);
	t->strings_used += n;
	return (u32)o;
}

static void prop(struct tree *t, const char *name, const void *data, size_t bytes)
{
	put32(t, PROP);
	put32(t, (u32)bytes);
	put32(t, string_offset(t, name));
	put(t, data, bytes);
}

static void prop_string(struct tree *t, const char *name, const char *s)
{
	prop(t, name, s, strlen(s) + 1);
}

static void prop_cells(struct tree *t, const char *name, const u32 *cells, size_t n)
{
	put32(t, PROP);
	put32(t, (u32)(4 * n));
	put32(t, string_offset(t, name));
	for (size_t i = 0; i < n; i++)
		put32(t, cells[i]);
}

#define HI(v) ((u32)((u64)(v) >> 32))
#define LO(v) ((u32)(v))
#define CELLS(t, name, ...) \
	do { \
		const u32 cells_[] = { __VA_ARGS__ }; \
		prop_cells(t, name, cells_, sizeof(cells_) / sizeof(cells_[0])); \
	} while (0)
/* A list of strings: the literal holds the NULs in between */
#define STRINGS(t, name, literal) prop(t, name, literal, sizeof(literal))

static void write_chosen(struct tree *t, const struct fdt_config *c)
{
	begin(t, "chosen");
	prop_string(t, "bootargs", c->bootargs);
	prop_string(t, "stdout-path", "/pl011@9000000");
	if (c->initrd_size) {
		CELLS(t, "linux,initrd-start", HI(c->initrd), LO(c->initrd));
		CELLS(t, "linux,initrd-end", HI(c->initrd + c->initrd_size), LO(c->initrd + c->initrd_size));
	}
	end(t);
}

static void write_cpus(struct tree *t, const struct vm *vm)
{
	begin(t, "cpus");
	CELLS(t, "#address-cells", 1);
	CELLS(t, "#size-cells", 0);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		char name[16];

		snprintf(name, sizeof(name), "cpu@%x", i);
		begin(t, name);
		prop_string(t, "device_type", "cpu");
		prop_string(t, "compatible", "arm,armv8");
		prop_string(t, "enable-method", "psci");
		CELLS(t, "reg", i);
		end(t);
	}
	end(t);
	begin(t, "psci");
	STRINGS(t, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	prop_string(t, "method", "hvc");
	end(t);
}

static void write_gic(struct tree *t, const struct vm *vm)
{
	begin(t, "intc@8000000");
	if (vm->gic_version == 3) {
		prop_string(t, "compatible", "arm,gic-v3");
		CELLS(t, "reg", 0, GICD_BASE, 0, 0x10000, 0, GICR_BASE, 0, 0x20000 * vm->nr_vcpus);
	} else {
		prop_string(t, "compatible", "arm,cortex-a15-gic");
		CELLS(t, "reg", 0, GICD_BASE, 0, 0x1000, 0, GICC_BASE, 0, 0x2000);
	}
	CELLS(t, "#interrupt-cells", 3);
	CELLS(t, "#address-cells", 2);
	CELLS(t, "#size-cells", 2);
	prop(t, "ranges", NULL, 0);
	prop(t, "interrupt-controller", NULL, 0);
	CELLS(t, "phandle", PHANDLE_GIC);
	if (vm->its_fd >= 0) {
		begin(t, "its@8080000");
		prop_string(t, "compatible", "arm,gic-v3-its");
		prop(t, "msi-controller", NULL, 0);
		CELLS(t, "#msi-cells", 1);
		CELLS(t, "reg", 0, ITS_BASE, 0, 0x20000);
		end(t);
	}
	end(t);
}

/* Level high; a GICv2 wants the mask of CPUs in bits 15..8 */
static u32 ppi_flags(const struct vm *vm)
{
	return vm->gic_version == 3 ? 4 : ((1U << vm->nr_vcpus) - 1) << 8 | 4;
}

static void write_timer(struct tree *t, const struct vm *vm)
{
	u32 flags = ppi_flags(vm);

	begin(t, "timer");
	prop_string(t, "compatible", "arm,armv8-timer");
	prop(t, "always-on", NULL, 0);
	CELLS(t, "interrupts", 1, 13, flags, 1, 14, flags, 1, 11, flags, 1, 10, flags);
	end(t);
}

static void write_pmu(struct tree *t, const struct vm *vm)
{
	if (!vm->has_pmu)
		return;
	begin(t, "pmu");
	prop_string(t, "compatible", "arm,armv8-pmuv3");
	CELLS(t, "interrupts", 1, PMU_PPI - 16, ppi_flags(vm));
	end(t);
}

static void write_console(struct tree *t)
{
	begin(t, "apb-pclk");
	prop_string(t, "compatible", "fixed-clock");
	CELLS(t, "#clock-cells", 0);
	CELLS(t, "clock-frequency", 24000000);
	CELLS(t, "phandle", PHANDLE_CLOCK);
	end(t);
	begin(t, "pl011@9000000");
	STRINGS(t, "compatible", "arm,pl011\0arm,primecell");
	CELLS(t, "reg", 0, UART_BASE, 0, UART_SIZE);
	CELLS(t, "interrupts", 0, UART_SPI, 4);
	CELLS(t, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	STRINGS(t, "clock-names", "uartclk\0apb_pclk");
	end(t);
}

/* The devices, and the memory by which a protected guest's drivers reach them: it is all that the guest shares */
static void write_virtio(struct tree *t, const struct vm *vm)
{
	char name[32];

	if (!vm->nr_virtio)
		return;
	begin(t, "reserved-memory");
	CELLS(t, "#address-cells", 2);
	CELLS(t, "#size-cells", 2);
	prop(t, "ranges", NULL, 0);
	snprintf(name, sizeof(name), "dma-pool@%llx", (unsigned long long)vm->pool);
	begin(t, name);
	prop_string(t, "compatible", "restricted-dma-pool");
	CELLS(t, "reg", HI(vm->pool), LO(vm->pool), HI(vm->pool_bytes), LO(vm->pool_bytes));
	CELLS(t, "phandle", PHANDLE_POOL);
	end(t);
	end(t);
	for (unsigned int i = 0; i < vm->nr_virtio; i++) {
		u32 base = VIRTIO_BASE + VIRTIO_BYTES * i;

		snprintf(name, sizeof(name), "virtio_mmio@%x", base);
		begin(t, name);
		prop_string(t, "compatible", "virtio,mmio");
		CELLS(t, "reg", 0, base, 0, VIRTIO_BYTES);
		CELLS(t, "interrupts", 0, VIRTIO_SPI + i, 4);
		prop(t, "dma-coherent", NULL, 0);
		CELLS(t, "memory-region", PHANDLE_POOL);
		end(t);
	}
}

int fdt_write(const struct vm *vm, const struct fdt_config *config, void *to, size_t room)
{
	struct tree t = { .at = to, .used = STRUCT_OFFSET, .room = room };
	struct header h = { 0 };
	size_t strings;

	if (room < STRUCT_OFFSET)
		return error_line("no room for the device tree");
	memset(to, 0, STRUCT_OFFSET);
	begin(&t, "");
	CELLS(&t, "#address-cells", 2);
	CELLS(&t, "#size-cells", 2);
	CELLS(&t, "interrupt-parent", PHANDLE_GIC);
	prop_string(&t, "compatible", "linux,dummy-virt");
	prop_string(&t, "model", "tvmm");
	write_chosen(&t, config);
	begin(&t, "memory@40000000");
	prop_string(&t, "device_type", "memory");
	CELLS(&t, "reg", HI(RAM_BASE), LO(RAM_BASE), HI(vm->ram_size), LO(vm->ram_size));
	end(&t);
	write_cpus(&t, vm);
	write_gic(&t, vm);
	write_timer(&t, vm);
	write_pmu(&t, vm);
	write_console(&t);
	write_virtio(&t, vm);
	end(&t);
	put32(&t, END);
	strings = t.used;
	put(&t, t.strings, t.strings_used);
	if (t.full)
		return error_line("the device tree is larger than %zu bytes; shorten --append", room);
	h.magic = htobe32(0xd00dfeed);
	h.totalsize = htobe32((u32)t.used);
	h.off_dt_struct = htobe32(STRUCT_OFFSET);
	h.off_dt_strings = htobe32((u32)strings);
	h.off_mem_rsvmap = htobe32(sizeof(struct header));
	h.version = htobe32(17);
	h.last_comp_version = htobe32(16);
	h.size_dt_strings = htobe32((u32)t.strings_used);
	h.size_dt_struct = htobe32((u32)(strings - STRUCT_OFFSET));
	memcpy(to, &h, sizeof(h));
	return (int)t.used;
}
