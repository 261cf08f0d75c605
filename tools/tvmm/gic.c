// SPDX-License-Identifier: GPL-2.0-only
#include <sys/ioctl.h>

#include "gic.h"
#include "vm.h"

#define NR_IRQS 64
#define GICV2_MAX_VCPUS 8

static int set_attr(int fd, u32 group, u64 attr, void *p, const char *what)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)p };

	if (ioctl(fd, KVM_SET_DEVICE_ATTR, &a))
		return error_errno("vGIC: %s", what);
	return 0;
}

static int set_addresses(struct vm *vm)
{
	u64 dist = GICD_BASE, redist = GICR_BASE, cpu = GICC_BASE;

	if (set_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
		     vm->gic_version == 3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, &dist, "distributor"))
		return -1;
	if (vm->gic_version == 3)
		return set_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist, "redistributors");
	return set_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU, &cpu, "CPU interface");
}

static bool has_device(struct vm *vm, u32 type)
{
	struct kvm_create_device device = { .type = type, .flags = KVM_CREATE_DEVICE_TEST };

	return !ioctl(vm->fd, KVM_CREATE_DEVICE, &device);
}

int gic_probe(struct vm *vm, const struct vm_config *config)
{
	vm->gic_version = config->gic ? config->gic : has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3) ? 3 : 2;
	if (config->gic && !has_device(vm, config->gic == 3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2))
		return error_line("the host can't give a VM a GICv%u", config->gic);
	if (vm->gic_version == 2 && config->vcpus > GICV2_MAX_VCPUS)
		return error_line("a vGICv2 serves at most %d vCPUs", GICV2_MAX_VCPUS);
	if (config->its && (vm->gic_version != 3 || !has_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS)))
		return error_line("the host can't give a VM an ITS");
	return 0;
}

static int create_its(struct vm *vm)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_ITS };
	u64 base = ITS_BASE;

	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &device))
		return error_errno("KVM_CREATE_DEVICE: ITS");
	vm->its_fd = (int)device.fd;
	if (set_attr(vm->its_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base, "ITS"))
		return -1;
	return set_attr(vm->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0, "initialisation of the ITS");
}

int gic_create(struct vm *vm, const struct vm_config *config)
{
	struct kvm_create_device device = {
		.type = vm->gic_version == 3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2,
	};
	u32 irqs = NR_IRQS;

	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &device))
		return error_errno("KVM_CREATE_DEVICE: vGICv%u", vm->gic_version);
	vm->gic_fd = (int)device.fd;
	if (set_addresses(vm))
		return -1;
	if (set_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs, "number of interrupts"))
		return -1;
	if (set_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0, "initialisation"))
		return -1;
	return config->its ? create_its(vm) : 0;
}
