/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TVMM_LINUX_H
#define TVMM_LINUX_H

#include "vm.h"

/* What the command line says if it isn't given one */
#define LINUX_APPEND	"console=ttyAMA0 panic=-1"
#define LINUX_MEMORY	(256UL << 20)		/* of flat binaries too */
#define FILE_MEMORY	(64UL << 20)		/* of a bare-metal guest from a file */

struct linux_config {
	const char *image, *initrd, *append;
};

/* All of these record what they load as the images of a signed VM. */

/* Loads an arm64 Image, an initramfs (may be NULL) and a device tree; sets boot registers.  0 or -1. */
int linux_load(struct vm *vm, const struct linux_config *config);

/* A flat binary instead, without header and initramfs, entered where kernels without a header were. */
int flat_load(struct vm *vm, const struct linux_config *config);

/* A bare-metal guest, loaded and entered at the start of memory. */
int file_load(struct vm *vm, const char *path);
#endif
