// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <asm/kcore.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gic.h"
#include "vm.h"

#define KICK_SIGNAL SIGUSR1
#define PSTATE_EL1H_MASKED 0x3c5UL

static void on_kick(int sig)
{
	(void)sig;
}

static int map_memory(struct vm *vm, u64 bytes)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM_BASE, .memory_size = bytes };
	uintptr_t start;

	/* One block more, so that the guest's blocks can be blocks of the host's */
	vm->mapping_size = bytes + BLOCK_SIZE;
	vm->mapping = mmap(NULL, vm->mapping_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->mapping == MAP_FAILED) {
		vm->mapping = NULL;
		return error_errno("guest memory of %llu MiB", (unsigned long long)bytes >> 20);
	}
	start = ((uintptr_t)vm->mapping + BLOCK_SIZE - 1) & ~(BLOCK_SIZE - 1);
	vm->ram = (u8 *)start;
	vm->ram_size = bytes;
	region.userspace_addr = start;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return error_errno("KVM_SET_USER_MEMORY_REGION");
	guard_name_range(vm->ram, bytes, RAM_BASE);
	return 0;
}

/* What every vCPU of the VM is initialised with */
void vm_vcpu_features(const struct vm *vm, struct kvm_vcpu_init *init)
{
	init->features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
	if (vm->has_pmu)
		init->features[0] |= 1U << KVM_ARM_VCPU_PMU_V3;
	if (vm->has_ptrauth)
		init->features[0] |= 1U << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1U << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	if (vm->sve)
		init->features[0] |= 1U << KVM_ARM_VCPU_SVE;
	if (vm->aarch32)
		init->features[0] |= 1U << KVM_ARM_VCPU_EL1_32BIT;
}

/* Of the vector lengths that KVM has, those up to the VM's; then the vCPU's SVE is as it will be. */
static int init_sve(struct vcpu *vcpu)
{
	u64 lengths[KVM_ARM64_SVE_VLS_WORDS] = { 0 };
	struct kvm_one_reg reg = { .id = KVM_REG_ARM64_SVE_VLS, .addr = (uintptr_t)lengths };
	int feature = KVM_ARM_VCPU_SVE;

	if (ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg))
		return error_errno("vector lengths of vCPU %u", vcpu->index);
	lengths[0] &= (2UL << (vcpu->vm->sve - 1)) - 1;
	if (ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg))
		return error_errno("vector lengths of vCPU %u, up to %u bits", vcpu->index, vcpu->vm->sve * 128);
	if (ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &feature))
		return error_errno("KVM_ARM_VCPU_FINALIZE of vCPU %u", vcpu->index);
	return 0;
}

static int create_vcpu(struct vm *vm, unsigned int index)
{
	struct vcpu *vcpu = &vm->vcpus[index];
	struct kvm_vcpu_init init;

	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, index);
	if (vcpu->fd < 0)
		return error_errno("KVM_CREATE_VCPU %u", index);
	vm->nr_vcpus = index + 1;
	if (ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init))
		return error_errno("KVM_ARM_PREFERRED_TARGET");
	vm_vcpu_features(vm, &init);
	if (index)
		init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF;
	if (ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init))
		return error_errno("KVM_ARM_VCPU_INIT of vCPU %u", index);
	if (vm->sve && init_sve(vcpu))
		return -1;
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return error_errno("mmap of vCPU %u", index);
	}
	return 0;
}

/* The vCPU's PMU, with its overflow interrupt; the vGIC is there. */
static int init_pmu(struct vcpu *vcpu)
{
	int irq = PMU_PPI;
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VCPU_PMU_V3_CTRL, .attr = KVM_ARM_VCPU_PMU_V3_IRQ, .addr = (uintptr_t)&irq,
	};

	if (ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr))
		return error_errno("PMU of vCPU %u: interrupt", vcpu->index);
	attr.attr = KVM_ARM_VCPU_PMU_V3_INIT;
	if (ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr))
		return error_errno("PMU of vCPU %u: initialisation", vcpu->index);
	return 0;
}

static int set_type(struct vm *vm, bool is_protected, bool *environment)
{
	unsigned long type = is_protected ? KCORE_TYPE_PROTECTED : KCORE_TYPE_NORMAL;

	if (!ioctl(vm->fd, KCORE_IOC_SET_TYPE, type))
		return 0;
	/* A stock kernel knows no types: every VM is a normal one */
	if (!is_protected && (errno == ENOTTY || errno == EINVAL))
		return 0;
	*environment = errno == ENOTTY || errno == EINVAL;
	if (*environment)
		return error_line("this host can't run protected VMs: KCORE_IOC_SET_TYPE is unknown "
				  "(a kernel without CONFIG_KCORE, or kcore=off on its command line)");
	return error_errno("KCORE_IOC_SET_TYPE %s", is_protected ? "PROTECTED" : "NORMAL");
}

int vm_create(struct vm *vm, const struct vm_config *config, bool *environment)
{
	struct sigaction kick = { .sa_handler = on_kick };
	int size;

	memset(vm, 0, sizeof(*vm));
	vm->fd = vm->gic_fd = vm->its_fd = -1;
	pthread_mutex_init(&vm->lock, NULL);
	sigaction(KICK_SIGNAL, &kick, NULL);
	*environment = true;
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		return error_errno("/dev/kvm");
	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return error_line("/dev/kvm: not KVM API version %d", KVM_API_VERSION);
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return error_errno("KVM_CREATE_VM");
	if (set_type(vm, config->is_protected, environment))
		return -1;
	*environment = true;
	if (config->pmu && ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PMU_V3) <= 0)
		return error_line("the host can't give a VM a PMU");
	if (!config->no_gic && gic_probe(vm, config))
		return -1;
	*environment = false;
	vm->is_protected = config->is_protected;
	vm->has_pmu = config->pmu;
	vm->sve = config->sve;
	vm->aarch32 = config->aarch32;
	vm->has_ptrauth = !config->aarch32 && ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
			  ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0;
	if (map_memory(vm, config->memory))
		return -1;
	size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		return error_errno("KVM_GET_VCPU_MMAP_SIZE");
	vm->run_size = (size_t)size;
	for (unsigned int i = 0; i < config->vcpus; i++)
		if (create_vcpu(vm, i))
			return -1;
	if (!config->no_gic && gic_create(vm, config))
		return -1;
	for (unsigned int i = 0; config->pmu && i < config->vcpus; i++)
		if (init_pmu(&vm->vcpus[i]))
			return -1;
	if (config->say) {
		printf("tvmm: %s VM, %u vCPU%s, %llu MiB, ", vm->is_protected ? "protected" : "normal", vm->nr_vcpus,
		       vm->nr_vcpus == 1 ? "" : "s", (unsigned long long)vm->ram_size >> 20);
		if (vm->gic_version)
			printf("vGICv%u\n", vm->gic_version);
		else
			printf("no vGIC\n");
		fflush(stdout);
	}
	return 0;
}

void vm_destroy(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i].run)
			munmap(vm->vcpus[i].run, vm->run_size);
		if (vm->vcpus[i].fd >= 0)
			close(vm->vcpus[i].fd);
	}
	if (vm->its_fd >= 0)
		close(vm->its_fd);
	if (vm->gic_fd >= 0)
		close(vm->gic_fd);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm >= 0)
		close(vm->kvm);
	if (vm->mapping)
		munmap(vm->mapping, vm->mapping_size);
	guard_name_range(NULL, 0, 0);
	pthread_mutex_destroy(&vm->lock);
	memset(vm, 0, sizeof(*vm));
	vm->kvm = vm->fd = vm->gic_fd = vm->its_fd = -1;
}

int vm_add_device(struct vm *vm, const struct mmio_device *device)
{
	if (vm->nr_devices == VM_MAX_DEVICES)
		return error_line("too many devices");
	vm->devices[vm->nr_devices++] = *device;
	return 0;
}

int vm_irq(struct vm *vm, unsigned int spi, bool level)
{
	struct kvm_irq_level irq = {
		.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (spi + 32),
		.level = level,
	};

	if (!vm->gic_version)
		return 0;
	return ioctl(vm->fd, KVM_IRQ_LINE, &irq);
}

int vcpu_set_reg(struct vcpu *vcpu, u64 id, u64 value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	return ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) ? -errno : 0;
}

int vcpu_get_reg(struct vcpu *vcpu, u64 id, u64 *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	*value = 0;
	return ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) ? -errno : 0;
}

int vm_set_boot(struct vm *vm, u64 pc, u64 x0)
{
	struct vcpu *boot = &vm->vcpus[0];
	int r = vcpu_set_reg(boot, VM_REG_CORE(regs.pc), pc);

	if (!r)
		r = vcpu_set_reg(boot, VM_REG_CORE(regs.regs[0]), x0);
	if (!r)
		r = vcpu_set_reg(boot, VM_REG_CORE(regs.pstate), PSTATE_EL1H_MASKED);
	if (r)
		return error_line("boot registers of vCPU 0: %s", strerror(-r));
	return 0;
}

int vm_finalise(struct vm *vm)
{
	if (!vm->is_protected)
		return 0;
	if (ioctl(vm->fd, KCORE_IOC_FINALISE))
		return error_errno("KCORE_IOC_FINALISE");
	return 0;
}

int vm_finalise_signed(struct vm *vm, const u8 signature[SIGNATURE_BYTES])
{
	struct kcore_signed s = { .nr_images = vm->nr_images };

	memcpy(s.signature, signature, sizeof(s.signature));
	for (unsigned int i = 0; i < vm->nr_images; i++) {
		s.image[i].ipa = vm->images[i].ipa;
		s.image[i].bytes = vm->images[i].bytes;
	}
	return ioctl(vm->fd, KCORE_IOC_FINALISE_SIGNED, &s) ? -errno : 0;
}

int vm_measurement(struct vm *vm, struct kcore_measurement *m)
{
	struct kcore_vm_measurement words;

	if (ioctl(vm->fd, KCORE_IOC_GET_MEASUREMENT, &words))
		return error_errno("KCORE_IOC_GET_MEASUREMENT");
	memcpy(m, words.word, sizeof(*m));
	return 0;
}

int vm_quote(struct vm *vm, const u64 data[4], struct kcore_quote *q)
{
	struct kcore_vm_quote quote = { .data = { data[0], data[1], data[2], data[3] } };

	if (ioctl(vm->fd, KCORE_IOC_QUOTE, &quote)) {
		if (errno == ENOSYS)
			return error_line("no quote: KCore has no key, since there were no random numbers when it was installed (dmesg)");
		return error_errno("KCORE_IOC_QUOTE");
	}
	memcpy(q, quote.word, sizeof(*q));
	return 0;
}

void vm_stop(struct vm *vm, enum vm_stop why)
{
	int running = VM_RUNNING;
	int tid;

	atomic_compare_exchange_strong(&vm->stopped, &running, why);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		vm->vcpus[i].run->immediate_exit = 1;
		tid = atomic_load(&vm->vcpus[i].tid);
		if (tid && tid != gettid())
			tgkill(getpid(), tid, KICK_SIGNAL);
	}
}

static void serve_mmio(struct vm *vm, struct kvm_run *run)
{
	u64 addr = run->mmio.phys_addr, value = 0;
	unsigned int len = run->mmio.len;

	if (run->mmio.is_write)
		memcpy(&value, run->mmio.data, len);
	pthread_mutex_lock(&vm->lock);
	for (unsigned int i = 0; i < vm->nr_devices; i++) {
		struct mmio_device *d = &vm->devices[i];

		if (addr < d->base || addr - d->base >= d->size)
			continue;
		if (run->mmio.is_write)
			d->write(vm, d->state, addr - d->base, value, len);
		else
			value = d->read(vm, d->state, addr - d->base, len);
		break;
	}
	pthread_mutex_unlock(&vm->lock);
	if (!run->mmio.is_write)
		memcpy(run->mmio.data, &value, len);
}

int vcpu_step(struct vcpu *vcpu)
{
	int r;

	do
		r = ioctl(vcpu->fd, KVM_RUN, 0);
	while (r && errno == EAGAIN);
	if (r)
		return -errno;
	atomic_fetch_add(&vcpu->vm->exits[vcpu->run->exit_reason % 64], 1);
	if (vcpu->run->exit_reason == KVM_EXIT_MMIO)
		serve_mmio(vcpu->vm, vcpu->run);
	return (int)vcpu->run->exit_reason;
}

static void say_where(struct vcpu *vcpu)
{
	u64 pc;

	if (vcpu_get_reg(vcpu, VM_REG_CORE(regs.pc), &pc))
		error_line("vCPU %u: PC not readable (protected VM)", vcpu->index);
	else
		error_line("vCPU %u: PC %#llx", vcpu->index, (unsigned long long)pc);
}

static enum vm_stop run_vcpu(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	while (!atomic_load(&vm->stopped)) {
		int r = vcpu_step(vcpu);

		switch (r) {
		case -EINTR:
		case KVM_EXIT_MMIO:
			continue;
		case KVM_EXIT_SYSTEM_EVENT:
			return vcpu->run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ? VM_POWER_OFF : VM_RESET;
		}
		if (r < 0)
			error_line("KVM_RUN of vCPU %u: %s", vcpu->index, strerror(-r));
		else
			error_line("vCPU %u: exit %d that this VMM doesn't handle", vcpu->index, r);
		say_where(vcpu);
		return VM_FAILED;
	}
	return (enum vm_stop)atomic_load(&vm->stopped);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	atomic_store(&vcpu->tid, gettid());
	vm_stop(vcpu->vm, run_vcpu(vcpu));
	atomic_store(&vcpu->tid, 0);
	return NULL;
}

enum vm_stop vm_run(struct vm *vm, unsigned int seconds)
{
	struct timespec deadline;
	unsigned int started = 0;

	atomic_store(&vm->stopped, VM_RUNNING);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vm->vcpus[i].run->immediate_exit = 0;
	for (; started < vm->nr_vcpus; started++)
		if (pthread_create(&vm->vcpus[started].thread, NULL, vcpu_thread, &vm->vcpus[started])) {
			error_line("no thread for vCPU %u", started);
			vm_stop(vm, VM_FAILED);
			break;
		}
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	for (unsigned int i = 0; i < started; i++) {
		if (!seconds || pthread_timedjoin_np(vm->vcpus[i].thread, NULL, &deadline)) {
			if (seconds)
				vm_stop(vm, VM_TIMEOUT);
			pthread_join(vm->vcpus[i].thread, NULL);
		}
	}
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		vm->vcpus[i].run->immediate_exit = 0;
	}
	return (enum vm_stop)atomic_load(&vm->stopped);
}
