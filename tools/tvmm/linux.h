/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TVMM_LINUX_H
#define TVMM_LINUX_H

#include "vm.h"

struct linux_config {
	const char *image, *initrd, *append;
};

/* Loads an arm64 Image, an initramfs (may be NULL) and a device tree; sets boot registers.  0 or -1. */
int linux_load(struct vm *vm, const struct linux_config *config);

/* A flat binary instead, without header and initramfs, entered where kernels without a header were. */
int flat_load(struct vm *vm, const struct linux_config *config);
#endif
