/* SPDX-License-Identifier: GPL-2.0-only */
/* Called from machine/entry.S. */
#ifndef KCORE_BOOT_H
#define KCORE_BOOT_H

#include <kcore/machine.h>

u64 boot_install(u64 cpu, struct kcore_install *in);
u64 boot_cpu_registers(u64 cpu);
void boot_cpu_again(void);
void boot_cpu_up(u64 cpu);
void boot_cpu_frame(void);
void log_event(u64 event, u64 a, u64 b);	/* core/log.c */

#endif
