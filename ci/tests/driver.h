/* SPDX-License-Identifier: GPL-2.0-only */
/* The host test driver /dev/kcore_test (asm/kcore_test.h) and hypercalls through it. */
#ifndef DRIVER_H
#define DRIVER_H

#include <linux/kvm.h>
#include <asm/kcore.h>
#include <asm/kcore_test.h>

#include "util.h"
#include <kcore/abi.h>

/* Opens the driver; skip()s the test where there is none. */
void driver_open(void);
int driver_fd(void);
/* As it is now; until the next call. */
const struct kcore_test_info *driver_info(void);

/* HVC or SMC with up to seven arguments: x0; driver_call() gives all registers. */
void driver_call(struct kcore_test_call *call);
u64 hvc(u64 x0, u64 x1, u64 x2, u64 x3, u64 x4, u64 x5);
u64 smc(u64 x0, u64 x1, u64 x2, u64 x3);
#define HC_(name, a, b, c, d, e, ...) hvc(KCORE_HC_##name, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e))
#define HC(name, ...) HC_(name, ##__VA_ARGS__, 0, 0, 0, 0, 0)

u64 stat_read(enum kcore_stat id);
const char *stat_name(u64 id);

/* "PERM", "BUSY", ..., or the number; the text lives until the eighth call after. */
const char *result_text(u64 result);
static inline bool is_error(u64 result) { return result >= KCORE_ERR_MIN; }
const char *page_state_text(u64 state);

/* Physical memory as the host kernel: 0 or an errno of the access. */
int phys_read(u64 pa, void *buffer, u32 bytes, u32 via);
int phys_write(u64 pa, const void *buffer, u32 bytes, u32 via);
int phys_read64(u64 pa, u64 *value);
int phys_write64(u64 pa, u64 value);
int phys_cache(u32 op, u64 pa, u64 arg);
int phys_exec(u64 pa, u64 *x0);

/* Physical address behind a user address, 0: none. */
u64 user_pa(const void *va);

/* Pages of the host kernel's to give away. */
u64 page_alloc(u32 order);
void page_free(u64 pa);

int vcpu_page_of(int vm_fd, u32 index, u64 *pa, u64 *handle);
u64 vm_handle(int vm_fd);
#endif
