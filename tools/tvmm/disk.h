/* SPDX-License-Identifier: GPL-2.0-only */
/* A file as a virtio block device: virtio 1.2, section 5.2. */
#ifndef TVMM_DISK_H
#define TVMM_DISK_H

#include "virtio.h"

struct disk {
	struct virtio virtio;
	int fd;
	u64 sectors;
	u8 config[60];
};

/* 0, or -1 after a message: the file can't be opened for reading and writing, or has no whole number of sectors. */
int disk_attach(struct vm *vm, struct disk *disk, const char *file);
/* When the VM is gone */
void disk_close(struct disk *disk);
#endif
