/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMM's side of the test device (layout.h). */
#ifndef TVMM_TESTDEV_H
#define TVMM_TESTDEV_H

#include "vm.h"

struct testdev {
	u64 command, args[4];		/* what the guest reads next */
	u64 result, status, probe, user;
	u64 fault[3];
	bool have_result, have_status, have_probe, probe_is_read;
	unsigned long faults;
	u64 reports[TD_NR_REPORTS][BENCH_PASSES];
	unsigned int nr_reports[TD_NR_REPORTS];	/* written in all; the last BENCH_PASSES are kept */
	u64 beats[VM_MAX_VCPUS];
};

int testdev_attach(struct vm *vm, struct testdev *dev);

/*
 * Agent payload: one command, run on vCPU 0 in the caller's thread until its result is there.
 * hook, if given, is called at every exit in the middle of the register keeper (TD_PROBE).
 * 0, or -1 after a message if the guest or KVM failed.
 */
typedef void (*probe_hook)(struct vm *vm, struct testdev *dev, void *arg);
int agent_call(struct vm *vm, struct testdev *dev, u64 command, const u64 args[4], u64 *result, probe_hook hook, void *arg);
#endif
