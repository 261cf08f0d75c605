// SPDX-License-Identifier: GPL-2.0-only
/* Virtio over MMIO: virtio 1.2, section 4.2.2. */
#include <string.h>

#include "memory.h"
#include "virtio.h"

#define MAGIC		0x000
#define VERSION		0x004
#define DEVICE_ID	0x008
#define VENDOR_ID	0x00c
#define DEVICE_FEATURES	0x010
#define DEVICE_FEATURES_SEL 0x014
#define DRIVER_FEATURES	0x020
#define DRIVER_FEATURES_SEL 0x024
#define QUEUE_SEL	0x030
#define QUEUE_SIZE_MAX	0x034
#define QUEUE_SIZE	0x038
#define QUEUE_READY	0x044
#define QUEUE_NOTIFY	0x050
#define INTERRUPT_STATUS 0x060
#define INTERRUPT_ACK	0x064
#define STATUS		0x070
#define QUEUE_DESC	0x080	/* low, high */
#define QUEUE_DRIVER	0x090
#define QUEUE_DEVICE	0x0a0
#define SHM_LENGTH	0x0b0	/* low, high */
#define SHM_BASE	0x0b8
#define CONFIG		0x100

#define MAGIC_VALUE	0x74726976	/* "virt" */
#define VENDOR		0x4d4d5654	/* "TVMM" */
#define ALL_STATUS	(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK | VIRTIO_FEATURES_OK | VIRTIO_FAILED)
#define MAX_COMPLAINTS	16	/* of a device: the log isn't the guest's to fill */

static void update_line(struct virtio *v)
{
	bool level = v->interrupts;

	if (level == v->line)
		return;
	v->line = level;
	if (vm_irq(v->vm, v->spi, level))
		error_errno("KVM_IRQ_LINE of the virtio %s", v->name);
}

void virtio_interrupt(struct virtio *v, u32 reason)
{
	v->interrupts |= reason;
	update_line(v);
}

int virtio_broken(struct virtio *v, const char *what, u64 ipa)
{
	if (v->status & VIRTIO_NEEDS_RESET)
		return -1;
	if (v->faults++ < MAX_COMPLAINTS)
		error_line("virtio %s: %s, IPA %#llx%s; the device needs a reset", v->name, what, (unsigned long long)ipa,
			   v->vm->is_protected ? " (a protected guest has to share it)" : "");
	v->status |= VIRTIO_NEEDS_RESET;
	/* 2.1.2 */
	if (v->status & VIRTIO_DRIVER_OK)
		virtio_interrupt(v, VIRTIO_INTERRUPT_CONFIG);
	return -1;
}

/* 2.2.2: what the device says no to.  A protected guest without a driver for sharing is told here, before it waits for answers. */
static const char *refusal(struct virtio *v)
{
	if (v->driver_features & ~v->features)
		return "features that it doesn't offer";
	if (!(v->driver_features & VIRTIO_F_VERSION_1))
		return "no VERSION_1";
	if (v->vm->is_protected && !(v->driver_features & VIRTIO_F_ACCESS_PLATFORM))
		return "no ACCESS_PLATFORM";
	if (v->vm->is_protected && !is_guest_shared(v->vm, v->vm->pool))
		return "a DMA pool that isn't shared (CONFIG_ARM_PKVM_GUEST, CONFIG_DMA_RESTRICTED_POOL)";
	return NULL;
}

static void reset(struct virtio *v)
{
	v->status = v->interrupts = v->features_sel = v->driver_sel = v->queue_sel = 0;
	v->driver_features = 0;
	v->resets++;
	memset(v->queues, 0, sizeof(v->queues));
	update_line(v);
}

/* Bits come one after the other and go by a reset only: 2.1.1 */
static void write_status(struct virtio *v, u32 value)
{
	const char *why;

	value &= ALL_STATUS;
	if (!value) {
		reset(v);
		return;
	}
	if (value & ~v->status & VIRTIO_FEATURES_OK) {
		why = refusal(v);
		if (why) {
			value &= ~(u32)(VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
			if (v->refusals++ < MAX_COMPLAINTS)
				error_line("virtio %s: refused: the guest has %s", v->name, why);
		}
	}
	if (!((v->status | value) & VIRTIO_FEATURES_OK))
		value &= ~(u32)VIRTIO_DRIVER_OK;
	v->status |= value;
}

static void enable_queue(struct virtio *v, struct virtqueue *q)
{
	if (!q->size || q->size & (q->size - 1) || q->size > VIRTIO_QUEUE_SIZE)
		virtio_broken(v, "a queue of a length that it can't have", q->descriptors);
	else if (q->descriptors & 15 || !is_guest_memory(v->vm, q->descriptors, 16UL * q->size))
		virtio_broken(v, "a descriptor table that is not in memory", q->descriptors);
	else if (q->driver & 1 || !is_guest_memory(v->vm, q->driver, 6 + 2UL * q->size))
		virtio_broken(v, "an available ring that is not in memory", q->driver);
	else if (q->device & 3 || !is_guest_memory(v->vm, q->device, 6 + 8UL * q->size))
		virtio_broken(v, "a used ring that is not in memory", q->device);
	else
		q->ready = true;
	q->taken = q->used = 0;
}

static void set_half(u64 *address, bool high, u32 value)
{
	*address = high ? (*address & 0xffffffffUL) | (u64)value << 32 : (*address & ~0xffffffffUL) | value;
}

static void write_queue(struct virtio *v, u64 offset, u32 value)
{
	struct virtqueue *q = &v->queues[v->queue_sel];

	if (v->queue_sel >= v->nr_queues)
		return;
	if (offset == QUEUE_READY) {
		if (!(value & 1))
			q->ready = false;
		else if (!q->ready)
			enable_queue(v, q);
		return;
	}
	if (q->ready)
		return;
	switch (offset) {
	case QUEUE_SIZE:
		q->size = value;
		break;
	case QUEUE_DESC:
	case QUEUE_DESC + 4:
		set_half(&q->descriptors, offset & 4, value);
		break;
	case QUEUE_DRIVER:
	case QUEUE_DRIVER + 4:
		set_half(&q->driver, offset & 4, value);
		break;
	case QUEUE_DEVICE:
	case QUEUE_DEVICE + 4:
		set_half(&q->device, offset & 4, value);
		break;
	}
}

static void notify(struct virtio *v, u32 queue)
{
	if ((v->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK && queue < v->nr_queues && v->queues[queue].ready)
		v->notify(v, queue);
}

static u64 read_config(const struct virtio *v, u64 offset, unsigned int bytes)
{
	u64 value = 0;

	if (offset <= v->config_bytes && bytes <= v->config_bytes - offset)
		memcpy(&value, (const u8 *)v->config + offset, bytes);
	return value;
}

static u64 read_virtio(struct vm *vm, void *state, u64 offset, unsigned int bytes)
{
	struct virtio *v = state;

	(void)vm;
	if (offset >= CONFIG)
		return read_config(v, offset - CONFIG, bytes);
	if (bytes != 4)		/* 4.2.2.2 */
		return 0;
	switch (offset) {
	case MAGIC:
		return MAGIC_VALUE;
	case VERSION:
		return 2;
	case DEVICE_ID:
		return v->id;
	case VENDOR_ID:
		return VENDOR;
	case DEVICE_FEATURES:
		return v->features_sel > 1 ? 0 : (u32)(v->features >> 32 * v->features_sel);
	case QUEUE_SIZE_MAX:
		return v->queue_sel < v->nr_queues ? VIRTIO_QUEUE_SIZE : 0;
	case QUEUE_READY:
		return v->queue_sel < v->nr_queues && v->queues[v->queue_sel].ready;
	case INTERRUPT_STATUS:
		return v->interrupts;
	case STATUS:
		return v->status;
	case SHM_LENGTH:
	case SHM_LENGTH + 4:
	case SHM_BASE:
	case SHM_BASE + 4:
		return 0xffffffff;	/* no shared memory region */
	}
	return 0;
}

static void write_virtio(struct vm *vm, void *state, u64 offset, u64 value, unsigned int bytes)
{
	struct virtio *v = state;
	u32 word = (u32)value;

	(void)vm;
	if (bytes != 4)
		return;
	switch (offset) {
	case DEVICE_FEATURES_SEL:
		v->features_sel = word;
		break;
	case DRIVER_FEATURES_SEL:
		v->driver_sel = word;
		break;
	case DRIVER_FEATURES:
		if (v->driver_sel <= 1 && !(v->status & VIRTIO_FEATURES_OK))
			set_half(&v->driver_features, v->driver_sel, word);
		break;
	case QUEUE_SEL:
		v->queue_sel = word;
		break;
	case QUEUE_NOTIFY:
		notify(v, word);
		break;
	case INTERRUPT_ACK:
		v->interrupts &= ~word;
		update_line(v);
		break;
	case STATUS:
		write_status(v, word);
		break;
	default:
		write_queue(v, offset, word);
	}
}

int virtio_attach(struct vm *vm, struct virtio *v)
{
	struct mmio_device device = {
		.base = VIRTIO_BASE + VIRTIO_BYTES * vm->nr_virtio, .size = VIRTIO_BYTES, .state = v, .read = read_virtio, .write = write_virtio,
	};

	if (pool_reserve(vm))
		return -1;
	v->vm = vm;
	v->features |= VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM;
	v->spi = VIRTIO_SPI + vm->nr_virtio;
	if (vm_add_device(vm, &device))
		return -1;
	vm->nr_virtio++;
	return 0;
}
