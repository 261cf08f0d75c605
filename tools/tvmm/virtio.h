/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio devices by MMIO: OASIS virtio 1.2, sections 2.7 (split virtqueues) and 4.2 (virtio over MMIO).
 *
 * All that the guest writes is hostile: each field is read once, checked, and the copy used.  Rings and buffers are
 * reached through the VMM's mapping, where a protected VM's memory is only as far as the guest shares it.  What can't be
 * reached, or makes no sense, ends in DEVICE_NEEDS_RESET, a line on stderr, and nothing else.
 */
#ifndef TVMM_VIRTIO_H
#define TVMM_VIRTIO_H

#include "vm.h"

#define VIRTIO_MAX_QUEUES	2
#define VIRTIO_QUEUE_SIZE	128

/* 2.1 */
#define VIRTIO_ACKNOWLEDGE	1
#define VIRTIO_DRIVER		2
#define VIRTIO_DRIVER_OK	4
#define VIRTIO_FEATURES_OK	8
#define VIRTIO_NEEDS_RESET	64
#define VIRTIO_FAILED		128

/* 6 */
#define VIRTIO_F_VERSION_1	(1UL << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1UL << 33)

struct virtqueue {
	u32 size;
	bool ready;
	u64 descriptors, driver, device;	/* as the guest wrote them: areas of 2.7 */
	u16 taken, used;			/* counts, modulo 2^16, of the available and the used ring */
};

struct virtio {
	/* The device's own, before virtio_attach() */
	const char *name;
	u32 id;					/* 5 */
	u64 features;				/* beside VERSION_1 and ACCESS_PLATFORM */
	unsigned int nr_queues;
	const void *config;
	u64 config_bytes;
	/* The guest has put something into a queue that is ready.  With the VM's lock held. */
	void (*notify)(struct virtio *v, unsigned int queue);

	struct vm *vm;
	unsigned int spi;
	u64 driver_features;
	u32 features_sel, driver_sel, queue_sel, status, interrupts;
	bool line;
	unsigned int resets, refusals, faults;
	struct virtqueue queues[VIRTIO_MAX_QUEUES];
};

/* Before the VM's memory is loaded: takes the pool off its end.  0, or -1 after a message. */
int virtio_attach(struct vm *vm, struct virtio *v);

/* The device can't go on: 'what' at the address.  Returns -1. */
int virtio_broken(struct virtio *v, const char *what, u64 ipa);

/* A chain of descriptors as it was taken: first those that the device reads, then those that it writes */
struct chain {
	u16 head;
	unsigned int n;
	u64 readable, writable;			/* bytes */
	struct {
		u64 ipa;
		u32 bytes;
		bool write;
	} pieces[VIRTIO_QUEUE_SIZE];
};

/* The next chain that is available.  1, 0 if there is none, -1 if the device is broken now. */
int virtqueue_take(struct virtio *v, unsigned int queue, struct chain *c);
/* Given back, with so many bytes written; interrupts the guest if it wants that.  0, or -1 if the device is broken now. */
int virtqueue_put(struct virtio *v, unsigned int queue, const struct chain *c, u32 written);

/* Bytes from what the device reads, or into what it writes, from an offset on.  0, or -1 if the device is broken now. */
int chain_read(struct virtio *v, const struct chain *c, u64 offset, void *to, u64 bytes);
int chain_write(struct virtio *v, const struct chain *c, u64 offset, const void *from, u64 bytes);

void virtio_interrupt(struct virtio *v, u32 reason);
#define VIRTIO_INTERRUPT_USED	1
#define VIRTIO_INTERRUPT_CONFIG	2
#endif
