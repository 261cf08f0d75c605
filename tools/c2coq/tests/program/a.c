/* SPDX-License-Identifier: GPL-2.0-only */
#include "program.h"

u64 up(u64 x)
{
	return down(x);
}

static u64 twin(u64 x)
{
	return missing(x);
}
