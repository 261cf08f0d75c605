// SPDX-License-Identifier: GPL-2.0-only
// matches: H07 2
#include <asm/memory.h>

void machine_kexec_cleanup(struct kimage *kimage)
{
}

int machine_kexec_prepare(struct kimage *kimage)
{
	if (kimage->type != KEXEC_TYPE_CRASH && stuck())
		return -EBUSY;
	return 0;
}
