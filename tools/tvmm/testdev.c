// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "testdev.h"

static u64 read_testdev(struct vm *vm, void *state, u64 offset, unsigned int bytes)
{
	struct testdev *d = state;

	(void)vm;
	(void)bytes;
	if (offset == TD_CMD)
		return d->command;
	if (offset >= TD_ARG && offset < TD_ARG + 32)
		return d->args[(offset - TD_ARG) / 8];
	if (offset == TD_PROBE) {
		d->have_probe = d->probe_is_read = true;
		return d->probe;
	}
	if (offset == TD_USER)
		return d->user;
	return 0;
}

static void write_testdev(struct vm *vm, void *state, u64 offset, u64 value, unsigned int bytes)
{
	struct testdev *d = state;

	(void)bytes;
	if (offset < 8 * TD_NR_REPORTS) {
		unsigned int k = (unsigned int)offset / 8;

		d->reports[k][d->nr_reports[k]++ % BENCH_PASSES] = value;
	} else if (offset == TD_RESULT) {
		d->result = value;
		d->have_result = true;
	} else if (offset == TD_STATUS) {
		d->status = value;
		d->have_status = true;
	} else if (offset == TD_PROBE) {
		d->have_probe = true;
		d->probe_is_read = false;
	} else if (offset >= TD_FAULT && offset < TD_FAULT + 24) {
		d->fault[(offset - TD_FAULT) / 8] = value;
		d->faults += offset == TD_FAULT;
	} else if (offset == TD_LINE) {
		if (vm_irq(vm, TEST_SPI, value))
			error_errno("KVM_IRQ_LINE of the test device");
	} else if (offset == TD_USER) {
		d->user = value;
	} else if (offset >= TD_BEAT && offset < TD_BEAT + 8 * VM_MAX_VCPUS) {
		d->beats[(offset - TD_BEAT) / 8] = value;
	}
}

int testdev_attach(struct vm *vm, struct testdev *dev)
{
	struct mmio_device device = {
		.base = TESTDEV_BASE, .size = TESTDEV_SIZE, .state = dev, .read = read_testdev, .write = write_testdev,
	};

	memset(dev, 0, sizeof(*dev));
	return vm_add_device(vm, &device);
}

int agent_call(struct vm *vm, struct testdev *dev, u64 command, const u64 args[4], u64 *result, probe_hook hook, void *arg)
{
	dev->command = command;
	for (int i = 0; i < 4; i++)
		dev->args[i] = args ? args[i] : 0;
	dev->have_result = dev->have_probe = false;
	while (!dev->have_result) {
		int r = vcpu_step(&vm->vcpus[0]);

		if (r == -EINTR)
			continue;
		if (r < 0)
			return error_line("agent, command %llu: KVM_RUN: %s", (unsigned long long)command, strerror(-r));
		if (r != KVM_EXIT_MMIO)
			return error_line("agent, command %llu: exit %d", (unsigned long long)command, r);
		if (dev->have_probe && hook)
			hook(vm, dev, arg);
		dev->have_probe = false;
	}
	if (result)
		*result = dev->result;
	return 0;
}
