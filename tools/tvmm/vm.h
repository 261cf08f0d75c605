/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM over /dev/kvm: memory, vCPUs, devices by MMIO, one thread a vCPU or step by step. */
#ifndef TVMM_VM_H
#define TVMM_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>

#include "layout.h"
#include "measurement.h"
#include "util.h"

#define VM_MAX_VCPUS	16
#define VM_MAX_DEVICES	4
#define VM_MAX_IMAGES	4
#define PAGE_SIZE	4096UL
#define BLOCK_SIZE	(2UL << 20)

struct vm;
struct kvm_vcpu_init;

struct mmio_device {
	u64 base, size;
	void *state;
	/* Called with the VM's lock held.  A read returns the value, a write gets it. */
	u64 (*read)(struct vm *vm, void *state, u64 offset, unsigned int bytes);
	void (*write)(struct vm *vm, void *state, u64 offset, u64 value, unsigned int bytes);
};

struct vm_config {
	bool is_protected;	/* a protected VM: type set before the first vCPU */
	bool no_gic;
	unsigned int gic;	/* version wanted; 0: the best that the host has */
	bool its, pmu;		/* with an ITS; with a PMU in each vCPU */
	unsigned int sve;	/* vector length in units of 128 bits, at most; 0: no SVE */
	bool aarch32;		/* EL1 is AArch32 */
	unsigned int vcpus;
	u64 memory;		/* bytes, a multiple of 4 KiB */
	bool say;		/* a line about what was created */
};

struct vcpu {
	struct vm *vm;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	atomic_int tid;		/* of the thread while it runs, else 0 */
};

struct vm {
	int kvm, fd, gic_fd, its_fd;
	bool is_protected, has_pmu;
	bool has_ptrauth;	/* pointer authentication: wherever KVM offers it */
	unsigned int sve;
	bool aarch32;
	unsigned int nr_vcpus, gic_version, nr_devices;
	u8 *ram;
	void *mapping;
	size_t mapping_size, run_size;
	u64 ram_size;
	struct vcpu vcpus[VM_MAX_VCPUS];
	struct mmio_device devices[VM_MAX_DEVICES];
	/* Virtio devices, and the memory that a Linux guest shares with them: its restricted DMA pool */
	unsigned int nr_virtio;
	u64 pool, pool_bytes;
	/* What was loaded, in whole pages: what a signed VM starts from */
	unsigned int nr_images;
	struct { u64 ipa, bytes; } images[VM_MAX_IMAGES];
	pthread_mutex_t lock;
	atomic_int stopped;	/* 0, or enum vm_stop */
	atomic_ulong exits[64];
};

/* Why a run of the whole VM ended */
enum vm_stop {
	VM_RUNNING = 0,
	VM_POWER_OFF,
	VM_RESET,
	VM_FAILED,		/* KVM_RUN failed or an exit that nobody handles; a message was printed */
	VM_TIMEOUT,
};

/* Both return 0, or -1 after a message; *environment is set if the machine lacks something. */
int vm_create(struct vm *vm, const struct vm_config *config, bool *environment);
void vm_destroy(struct vm *vm);

/* For a KVM_ARM_VCPU_INIT of the caller's own: the features that the VM's vCPUs have. */
void vm_vcpu_features(const struct vm *vm, struct kvm_vcpu_init *init);

int vm_add_device(struct vm *vm, const struct mmio_device *device);
int vm_irq(struct vm *vm, unsigned int spi, bool level);

/* Registers by KVM_{SET,GET}_ONE_REG: 0 or -errno, no message. */
#define VM_REG_CORE(field) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offsetof(struct kvm_regs, field) / 4))
int vcpu_set_reg(struct vcpu *vcpu, u64 id, u64 value);
int vcpu_get_reg(struct vcpu *vcpu, u64 id, u64 *value);

/* Boot registers of vCPU 0: PC, x0, PSTATE EL1h with exceptions masked. */
int vm_set_boot(struct vm *vm, u64 pc, u64 x0);

/* Finalise a protected VM now; a normal one needs none.  0 or -1 with a message. */
int vm_finalise(struct vm *vm);

/* The same for a VM that KCore starts only if images and all are signed.  0, or -errno and no message. */
int vm_finalise_signed(struct vm *vm, const u8 signature[SIGNATURE_BYTES]);

/* What KCore has measured of a protected VM.  0 or -1 with a message. */
int vm_measurement(struct vm *vm, struct kcore_measurement *m);
/* KCore's signature of that and of the data. */
int vm_quote(struct vm *vm, const u64 data[4], struct kcore_quote *q);

/* All vCPUs, each in its thread, until the guest powers off, or for `seconds' (0: for ever). */
enum vm_stop vm_run(struct vm *vm, unsigned int seconds);

/* Stops every vCPU from any thread. */
void vm_stop(struct vm *vm, enum vm_stop why);

/*
 * One KVM_RUN of one vCPU in the caller's thread, with the MMIO access served.  Returns the KVM_EXIT_*
 * or -errno of KVM_RUN; EINTR is returned, EAGAIN is retried.
 */
int vcpu_step(struct vcpu *vcpu);
#endif
