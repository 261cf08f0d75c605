// SPDX-License-Identifier: GPL-2.0-only
// matches: H00 1
#include <asm/kvm.h>
#include <asm/kvm_asm.h>
#include <asm/other.h>

int unrelated;
