// SPDX-License-Identifier: GPL-2.0-only
// matches: H07 2
// as in v4.18: a call comes first
#include <asm/memory.h>

int machine_kexec_prepare(struct kimage *kimage)
{
	int ret = 0;

	kexec_image_info(kimage);

	if (stuck())
		ret = -EBUSY;
	return ret;
}
