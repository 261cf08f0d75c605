// SPDX-License-Identifier: GPL-2.0-only
/* Split virtqueues: virtio 1.2, section 2.7.  Numbers are little-endian, as this VMM's CPU is. */
#include <stdatomic.h>

#include "memory.h"
#include "virtio.h"

/* 2.7.5 */
struct descriptor {
	u64 ipa;
	u32 bytes;
	u16 flags, next;
};
#define DESC_NEXT	1
#define DESC_WRITE	2
#define DESC_KNOWN	(DESC_NEXT | DESC_WRITE)

/* Offsets in the available and in the used ring: 2.7.6, 2.7.8 */
#define RING_FLAGS	0
#define RING_INDEX	2
#define RING_ENTRIES	4
#define NO_INTERRUPT	1

/* One descriptor more, checked; its successor in *next.  1, 0 if it is the last, -1. */
static int add_piece(struct virtio *v, const struct virtqueue *q, struct chain *c, u16 *next)
{
	u64 at = q->descriptors + *next * sizeof(struct descriptor);
	struct descriptor d;

	if (*next >= q->size)
		return virtio_broken(v, "a descriptor behind the end of its table", q->descriptors);
	if (guest_load(v->vm, at, &d, sizeof(d)))
		return virtio_broken(v, "a descriptor out of reach", at);
	if (d.flags & ~DESC_KNOWN)
		return virtio_broken(v, "a descriptor of a kind that was not negotiated", at);
	if (d.ipa + d.bytes < d.ipa)
		return virtio_broken(v, "a buffer behind the end of all addresses", d.ipa);
	if (c->writable && !(d.flags & DESC_WRITE))
		return virtio_broken(v, "a buffer to read behind one to write", at);
	c->pieces[c->n].ipa = d.ipa;
	c->pieces[c->n].bytes = d.bytes;
	c->pieces[c->n].write = d.flags & DESC_WRITE;
	c->n++;
	*(d.flags & DESC_WRITE ? &c->writable : &c->readable) += d.bytes;
	*next = d.next;
	return d.flags & DESC_NEXT ? 1 : 0;
}

int virtqueue_take(struct virtio *v, unsigned int queue, struct chain *c)
{
	struct virtqueue *q = &v->queues[queue];
	u64 entry = q->driver + RING_ENTRIES + 2UL * (q->taken & (q->size - 1));
	u16 index, next;
	int more = 1;

	if (!q->ready || v->status & VIRTIO_NEEDS_RESET)
		return 0;
	if (guest_load16(v->vm, q->driver + RING_INDEX, &index))
		return virtio_broken(v, "an available ring out of reach", q->driver);
	if (index == q->taken)
		return 0;
	if ((u16)(index - q->taken) > q->size)
		return virtio_broken(v, "more available than the queue is long", q->driver);
	atomic_thread_fence(memory_order_acquire);	/* 2.7.13: entries are older than the index */
	if (guest_load16(v->vm, entry, &next))
		return virtio_broken(v, "an available ring out of reach", entry);
	c->head = next;
	c->n = 0;
	c->readable = c->writable = 0;
	while (more == 1 && c->n < q->size)
		more = add_piece(v, q, c, &next);
	if (more < 0)
		return -1;
	if (more)
		return virtio_broken(v, "a chain without an end", q->descriptors);
	q->taken++;
	return 1;
}

int virtqueue_put(struct virtio *v, unsigned int queue, const struct chain *c, u32 written)
{
	struct virtqueue *q = &v->queues[queue];
	u64 entry = q->device + RING_ENTRIES + 8UL * (q->used & (q->size - 1));
	const u32 element[2] = { c->head, written };
	u16 flags;

	if (guest_store(v->vm, entry, element, sizeof(element)))
		return virtio_broken(v, "a used ring out of reach", entry);
	atomic_thread_fence(memory_order_release);	/* 2.7.8.2: before the index */
	if (guest_store16(v->vm, q->device + RING_INDEX, ++q->used))
		return virtio_broken(v, "a used ring out of reach", q->device);
	atomic_thread_fence(memory_order_seq_cst);	/* 2.7.7: the index is out before the flags are read */
	if (guest_load16(v->vm, q->driver + RING_FLAGS, &flags))
		return virtio_broken(v, "an available ring out of reach", q->driver);
	if (!(flags & NO_INTERRUPT))
		virtio_interrupt(v, VIRTIO_INTERRUPT_USED);
	return 0;
}

static u64 smaller(u64 a, u64 b)
{
	return a < b ? a : b;
}

int chain_read(struct virtio *v, const struct chain *c, u64 offset, void *to, u64 bytes)
{
	u8 *at = to;

	for (unsigned int i = 0; i < c->n && bytes; i++) {
		u64 n = c->pieces[i].bytes;

		if (c->pieces[i].write)
			continue;
		if (offset >= n) {
			offset -= n;
			continue;
		}
		n = smaller(n - offset, bytes);
		if (guest_load(v->vm, c->pieces[i].ipa + offset, at, n))
			return virtio_broken(v, "a buffer to read out of reach", c->pieces[i].ipa);
		offset = 0;
		at += n;
		bytes -= n;
	}
	return bytes ? virtio_broken(v, "too little to read in a request", c->n ? c->pieces[0].ipa : 0) : 0;
}

int chain_write(struct virtio *v, const struct chain *c, u64 offset, const void *from, u64 bytes)
{
	const u8 *at = from;

	for (unsigned int i = 0; i < c->n && bytes; i++) {
		u64 n = c->pieces[i].bytes;

		if (!c->pieces[i].write)
			continue;
		if (offset >= n) {
			offset -= n;
			continue;
		}
		n = smaller(n - offset, bytes);
		if (guest_store(v->vm, c->pieces[i].ipa + offset, at, n))
			return virtio_broken(v, "a buffer to write out of reach", c->pieces[i].ipa);
		offset = 0;
		at += n;
		bytes -= n;
	}
	return bytes ? virtio_broken(v, "too little room in a request", c->n ? c->pieces[0].ipa : 0) : 0;
}
