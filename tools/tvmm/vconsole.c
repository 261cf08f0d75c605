// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "vconsole.h"

#define DEVICE_CONSOLE	3
/* 5.3.2 */
#define RECEIVE		0
#define TRANSMIT	1

/* As much of the input as the guest has buffers for */
static void deliver(struct vconsole *o)
{
	struct chain c;

	while (o->from < o->to && o->heard && o->virtio.status & VIRTIO_DRIVER_OK) {
		u64 n = o->to - o->from;

		if (virtqueue_take(&o->virtio, RECEIVE, &c) != 1)
			return;
		if (!c.writable) {
			virtio_broken(&o->virtio, "no room in a buffer for input", c.pieces[0].ipa);
			return;
		}
		n = n < c.writable ? n : c.writable;
		if (chain_write(&o->virtio, &c, 0, o->input + o->from, n) || virtqueue_put(&o->virtio, RECEIVE, &c, (u32)n))
			return;
		o->from += n;
	}
	if (o->from == o->to)
		pthread_cond_broadcast(&o->taken);
}

static int print(struct vconsole *o, const struct chain *c)
{
	u8 buffer[512];

	for (u64 done = 0; done < c->readable;) {
		u64 n = c->readable - done < sizeof(buffer) ? c->readable - done : sizeof(buffer);

		if (chain_read(&o->virtio, c, done, buffer, n))
			return -1;
		for (u64 i = 0; i < n; i++)
			lines_put(&o->lines, (char)buffer[i]);
		done += n;
	}
	return virtqueue_put(&o->virtio, TRANSMIT, c, 0);
}

static void notify_console(struct virtio *v, unsigned int queue)
{
	struct vconsole *o = (struct vconsole *)v;
	struct chain c;

	if (queue == RECEIVE) {
		deliver(o);
		return;
	}
	for (unsigned int i = 0; i < VIRTIO_QUEUE_SIZE; i++)
		if (virtqueue_take(v, queue, &c) != 1 || print(o, &c))
			break;
	o->heard = true;
	deliver(o);
}

int vconsole_attach(struct vm *vm, struct vconsole *o, const char *prefix)
{
	memset(o, 0, sizeof(*o));
	o->virtio = (struct virtio){ .name = "console", .id = DEVICE_CONSOLE, .nr_queues = 2, .notify = notify_console };
	o->lines.prefix = prefix;
	pthread_cond_init(&o->taken, NULL);
	return virtio_attach(vm, &o->virtio);
}

int vconsole_input(struct vconsole *o, const void *data, size_t bytes)
{
	pthread_mutex_t *lock = &o->virtio.vm->lock;
	const u8 *at = data;
	bool ended;

	pthread_mutex_lock(lock);
	while (bytes) {
		size_t n = bytes < sizeof(o->input) ? bytes : sizeof(o->input);

		while (o->from < o->to && !o->ended)
			pthread_cond_wait(&o->taken, lock);
		if (o->ended)
			break;
		memcpy(o->input, at, n);
		o->from = 0;
		o->to = n;
		at += n;
		bytes -= n;
		deliver(o);
	}
	ended = o->ended;
	pthread_mutex_unlock(lock);
	return ended ? -1 : 0;
}

void vconsole_end(struct vconsole *o)
{
	pthread_mutex_lock(&o->virtio.vm->lock);
	o->ended = true;
	pthread_cond_broadcast(&o->taken);
	lines_flush(&o->lines);
	pthread_mutex_unlock(&o->virtio.vm->lock);
}
