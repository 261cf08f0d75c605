// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a normal VM: the machine's physical one, or, from 6.4 on, at the offset that the VMM asks for (KVM_ARM_SET_COUNTER_OFFSET,
 * KVM_REG_ARM_PTIMER_CNT), whichever CPU it runs on.  A protected VM isn't offered one.  And its timer: the host gets no interrupt of it
 * before it is due.  Stock KVM passes as well.
 */
#include <asm/kcore.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guests.h"
#include "life.h"
#include "tap.h"
#include "testdev.h"

/* Headers of the test host are older than this part of KVM's interface */
#define CAP_COUNTER_OFFSET	227
struct counter_offset {
	u64 offset, reserved;
};
#define SET_COUNTER_OFFSET	_IOW(KVMIO, 0xb5, struct counter_offset)
#define PTIMER_CNT		ARM64_SYS_REG(3, 3, 14, 0, 1)
#define TIMER_CTL		ARM64_SYS_REG(3, 3, 14, 3, 1)

/* x30: the test device */
__asm__(".pushsection .rodata\n"
	"	.balign	8\n"
	"	.globl	counters_guest, counters_armed, counters_end\n"
	"counters_guest:\n"
	"	isb\n"
	"	mrs	x1, cntpct_el0\n"
	"	str	x1, [x30]\n"
	"	isb\n"
	"	mrs	x2, cntvct_el0\n"
	"	str	x2, [x30]\n"
	"	b	counters_guest\n"
	/* x0: ticks until its timer is due */
	"counters_armed:\n"
	"	isb\n"
	"	mrs	x1, cntvct_el0\n"
	"	add	x1, x1, x0\n"
	"	msr	cntv_cval_el0, x1\n"
	"	mov	x1, #1\n"
	"	msr	cntv_ctl_el0, x1\n"
	"	isb\n"
	"1:\n"
	"	str	x1, [x30]\n"
	"	b	1b\n"
	"counters_end:\n"
	"	.popsection\n");
extern const u8 counters_guest[], counters_armed[], counters_end[];

static struct vm vm;
static struct testdev dev;

static void start(void)
{
	struct vm_config config = { .vcpus = 1, .memory = 2UL << 20 };

	code_load(&vm, &config, counters_guest, counters_end);
	if (testdev_attach(&vm, &dev))
		give_up("no test device");
	code_enter(&vm.vcpus[0], RAM_BASE);
	set_register(&vm.vcpus[0], VM_REG_CORE(regs.regs[30]), TESTDEV_BASE + TD_USER);
}

/* The machine's: the host's virtual counter has no offset */
static u64 machine(void)
{
	u64 v;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(v) :: "memory");
	return v;
}

static u64 told(void)
{
	run_to_mmio(&vm.vcpus[0]);
	return dev.user;
}

/* The guest reads both, on each CPU; `both': the virtual one has the offset too */
static void reads(const char *what, u64 offset, bool both)
{
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		u64 before, physical, virtual, after;

		pin_to_cpu(cpu % cpus_online());
		before = machine();
		physical = told();
		virtual = told();
		after = machine();
		expect(physical + offset - before <= after - before, "%s: physical counter %#llx, machine's %#llx to %#llx", what,
		       (unsigned long long)physical, (unsigned long long)before, (unsigned long long)after);
		if (both)
			expect(virtual + offset - before <= after - before, "virtual counter %#llx", (unsigned long long)virtual);
	}
}

/* Interrupts of guests' virtual timers that the host has had */
static unsigned long timer_interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	unsigned long n = 0;
	char line[4096];

	if (!f)
		give_up("/proc/interrupts: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		char *p = strchr(line, ':'), *end;

		if (!p || !(strstr(line, "kvm guest timer") || strstr(line, "kvm guest vtimer")))
			continue;
		for (p++; strtoul(p, &end, 10), end != p; p = end)
			n += strtoul(p, NULL, 10);
	}
	fclose(f);
	return n;
}

/* The guest's timer is armed for a time that has passed on the machine's counter, but not on the guest's */
static void armed(void)
{
	u64 from = machine(), due = from / 2;
	unsigned long before;

	set_register(&vm.vcpus[0], VM_REG_CORE(regs.pc), RAM_BASE + (u64)(counters_armed - counters_guest));
	set_register(&vm.vcpus[0], VM_REG_CORE(regs.regs[0]), due);
	told();
	before = timer_interrupts();
	for (unsigned int i = 0; i < 100; i++)
		told();
	expect(timer_interrupts() == before, "%lu interrupts of the guest's timer in 100 exits", timer_interrupts() - before);
	expect(machine() - from < due, "due in %llu ticks, after %llu", (unsigned long long)due, (unsigned long long)(machine() - from));
	set_register(&vm.vcpus[0], TIMER_CTL, 0);
	set_register(&vm.vcpus[0], VM_REG_CORE(regs.pc), RAM_BASE);
}

static void not_of_protected(int kvm)
{
	int fd = ioctl(kvm, KVM_CREATE_VM, 0), r;

	if (fd < 0)
		give_up("KVM_CREATE_VM: %s", strerror(errno));
	if (ioctl(fd, KCORE_IOC_SET_TYPE, KCORE_TYPE_PROTECTED)) {
		remark("no protected VM on this host");
	} else {
		r = ioctl(fd, KVM_CHECK_EXTENSION, CAP_COUNTER_OFFSET);
		expect(r <= 0, "a protected VM is %soffered an offset", r > 0 ? "" : "not ");
	}
	close(fd);
}

void counters(void)
{
	struct counter_offset offset = { .offset = 0x123456789aUL };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	u64 from;

	guard_install();
	start();
	reads("no offset", 0, false);
	armed();
	if (ioctl(vm.fd, KVM_CHECK_EXTENSION, CAP_COUNTER_OFFSET) <= 0) {
		remark("KVM of this release has no offset of the physical counter");
	} else {
		from = machine();
		set_register(&vm.vcpus[0], PTIMER_CNT, 0x1000);
		/* KVM has read the machine's counter between these two */
		for (unsigned int i = 0; i < 2; i++) {
			u64 v = told();

			told();
			expect(v >= 0x1000 && v - 0x1000 <= machine() - from, "counter set to 0x1000: %#llx", (unsigned long long)v);
		}
		if (ioctl(vm.fd, SET_COUNTER_OFFSET, &offset))
			give_up("KVM_ARM_SET_COUNTER_OFFSET: %s", strerror(errno));
		reads("offset", offset.offset, true);
		offset.offset = 0;
		if (ioctl(vm.fd, SET_COUNTER_OFFSET, &offset))
			give_up("KVM_ARM_SET_COUNTER_OFFSET to 0: %s", strerror(errno));
		reads("offset 0", 0, true);
	}
	vm_destroy(&vm);
	not_of_protected(kvm);
	close(kvm);
}
