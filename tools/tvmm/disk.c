// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

#define DEVICE_BLOCK	2
#define SECTOR		512UL

/* 5.2.3, 5.2.4 */
#define F_SEG_MAX	(1UL << 2)
#define F_FLUSH		(1UL << 9)
#define CONFIG_CAPACITY	0
#define CONFIG_SEG_MAX	12

/* 5.2.6 */
struct request {
	u32 type, reserved;
	u64 sector;
};
#define T_IN	0
#define T_OUT	1
#define T_FLUSH	4
#define T_GET_ID 8
#define S_OK	0
#define S_IOERR	1
#define S_UNSUPP 2
#define ID_BYTES 20

/* Whole, or -1 */
static int transfer(int fd, bool write, void *data, size_t bytes, u64 offset)
{
	u8 *at = data;

	while (bytes) {
		ssize_t n = write ? pwrite(fd, at, bytes, (off_t)offset) : pread(fd, at, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		bytes -= (size_t)n;
		offset += (u64)n;
	}
	return 0;
}

static bool is_on_disk(const struct disk *d, u64 sector, u64 bytes)
{
	return !(bytes % SECTOR) && sector <= d->sectors && bytes / SECTOR <= d->sectors - sector;
}

/* Sectors from or to the request's buffers.  A status, or -1 if the device is broken now. */
static int move_sectors(struct disk *d, const struct chain *c, bool write, u64 sector, u64 bytes)
{
	u8 buffer[16 * SECTOR];

	if (!is_on_disk(d, sector, bytes))
		return S_IOERR;
	for (u64 done = 0; done < bytes;) {
		u64 n = bytes - done < sizeof(buffer) ? bytes - done : sizeof(buffer);

		if (write && chain_read(&d->virtio, c, sizeof(struct request) + done, buffer, n))
			return -1;
		if (transfer(d->fd, write, buffer, n, sector * SECTOR + done))
			return S_IOERR;
		if (!write && chain_write(&d->virtio, c, done, buffer, n))
			return -1;
		done += n;
	}
	return S_OK;
}

/* A status, or -1; in *written what went into the buffers. */
static int serve(struct disk *d, const struct chain *c, u64 *written)
{
	static const char id[ID_BYTES] = "tvmm";
	u64 room = c->writable - 1, data = c->readable - sizeof(struct request);
	struct request r;
	int status;

	if (chain_read(&d->virtio, c, 0, &r, sizeof(r)))
		return -1;
	switch (r.type) {
	case T_IN:
		status = move_sectors(d, c, false, r.sector, room);
		*written = status == S_OK ? room : 0;
		return status;
	case T_OUT:
		return move_sectors(d, c, true, r.sector, data);
	case T_FLUSH:
		return fdatasync(d->fd) ? S_IOERR : S_OK;
	case T_GET_ID:
		if (room < ID_BYTES)
			return S_IOERR;
		*written = ID_BYTES;
		return chain_write(&d->virtio, c, 0, id, ID_BYTES) ? -1 : S_OK;
	}
	return S_UNSUPP;
}

/* One request; framing is the guest's: 2.7.4.1.  The status is the last byte that the device writes. */
static int serve_chain(struct disk *d, const struct chain *c)
{
	u64 written = 0;
	int status;
	u8 byte;

	if (c->readable < sizeof(struct request) || !c->writable)
		return virtio_broken(&d->virtio, "a request without a header or a status", c->n ? c->pieces[0].ipa : 0);
	status = serve(d, c, &written);
	if (status < 0)
		return -1;
	byte = (u8)status;
	if (chain_write(&d->virtio, c, c->writable - 1, &byte, 1))
		return -1;
	return virtqueue_put(&d->virtio, 0, c, (u32)(written + 1));
}

/* No more than the queue can hold: what comes meanwhile is notified anew */
static void notify_disk(struct virtio *v, unsigned int queue)
{
	struct disk *d = (struct disk *)v;
	struct chain c;

	for (unsigned int i = 0; i < VIRTIO_QUEUE_SIZE; i++)
		if (virtqueue_take(v, queue, &c) != 1 || serve_chain(d, &c))
			return;
}

int disk_attach(struct vm *vm, struct disk *d, const char *file)
{
	const u32 seg_max = VIRTIO_QUEUE_SIZE - 2;
	off_t bytes;

	memset(d, 0, sizeof(*d));
	d->fd = open(file, O_RDWR | O_CLOEXEC);
	if (d->fd < 0)
		return error_errno("%s", file);
	bytes = lseek(d->fd, 0, SEEK_END);
	if (bytes <= 0 || bytes % (off_t)SECTOR) {
		close(d->fd);
		return error_line("%s: %lld bytes, not a number of sectors of %lu bytes", file, (long long)bytes, SECTOR);
	}
	d->sectors = (u64)bytes / SECTOR;
	memcpy(d->config + CONFIG_CAPACITY, &d->sectors, sizeof(d->sectors));
	memcpy(d->config + CONFIG_SEG_MAX, &seg_max, sizeof(seg_max));
	d->virtio = (struct virtio){
		.name = "disk", .id = DEVICE_BLOCK, .features = F_SEG_MAX | F_FLUSH, .nr_queues = 1,
		.config = d->config, .config_bytes = sizeof(d->config), .notify = notify_disk,
	};
	if (virtio_attach(vm, &d->virtio)) {
		close(d->fd);
		return -1;
	}
	return 0;
}

void disk_close(struct disk *d)
{
	close(d->fd);
}
