// SPDX-License-Identifier: GPL-2.0-only
/*
 * A normal guest debugged by its VMM (KVM_SET_GUEST_DEBUG): BRK, single step, breakpoint and watchpoint come to the VMM, and to the guest
 * again when it is debugged no more; what it then writes into debug registers is there.  A protected guest can't be debugged.  Stock KVM
 * passes as well, but 4.18's and 5.4's tell another address of the watchpoint, and 5.4's mixes up the numbers of debug registers.
 */
#include <asm/kcore.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guests.h"
#include "life.h"
#include "tap.h"
#include "testdev.h"

#define CPACR_FP	0x300000UL
#define FRESH		(RAM_BASE + 0x100000UL)	/* a page that nobody has touched */
#define VECTORS		0x800UL
#define BCR_ANY		0x1e7U			/* BAS: the whole instruction; PMC: EL1 and EL0; E */
#define WCR_STORE	0x1ff7U			/* BAS: 8 bytes; LSC: stores; PAC: EL1 and EL0; E */
#define EC_BREAKPOINT	0x30U			/* from a lower exception level */
#define EC_STEP		0x32U
#define EC_WATCHPOINT	0x34U
#define EC_BRK		0x3cU

/* x0: FRESH, x30: the test device.  The vectors tell ESR_EL1 and go on behind the instruction. */
__asm__(".pushsection .rodata\n"
	"	.balign	8\n"
	"	.globl	debugged_guest, debugged_brk, debugged_store, debugged_numbers, debugged_end\n"
	"debugged_guest:\n"
	"	nop\n"
	"	fmov	d0, d1\n"
	"	str	x1, [x0]\n"
	"	add	x1, x1, #1\n"
	"debugged_brk:\n"
	"	brk	#7\n"
	"debugged_store:\n"
	"	str	x1, [x0, #8]\n"
	"	str	x1, [x30]\n"
	"	b	debugged_guest\n"
	"	.skip	0xa00 - (. - debugged_guest)\n"
	"	mrs	x2, esr_el1\n"
	"	str	x2, [x30]\n"
	"	mrs	x2, elr_el1\n"
	"	add	x2, x2, #4\n"
	"	msr	elr_el1, x2\n"
	"	eret\n"
	/* its own: x0 into number 0 of each kind, x1 into number 1; none is enabled, MDSCR_EL1.MDE alone is */
	"debugged_numbers:\n"
	"	mov	x2, #0x8000\n"
	"	msr	mdscr_el1, x2\n"
	"	.irp	kind, bvr, bcr, wvr, wcr\n"
	"	msr	dbg\\kind\\()1_el1, x1\n"
	"	msr	dbg\\kind\\()0_el1, x0\n"
	"	.endr\n"
	"	.irp	name, bvr0, bcr0, wvr0, wcr0, bvr1, bcr1, wvr1, wcr1\n"
	"	mrs	x2, dbg\\name\\()_el1\n"
	"	str	x2, [x30]\n"
	"	.endr\n"
	"debugged_end:\n"
	"	.popsection\n");
extern const u8 debugged_guest[], debugged_brk[], debugged_store[], debugged_numbers[], debugged_end[];

#define AT(label)	(RAM_BASE + (u64)((label) - debugged_guest))
#define PC		VM_REG_CORE(regs.pc)

static struct vm vm;
static struct testdev dev;

static void debug_by(u32 control, const struct kvm_guest_debug_arch *registers)
{
	struct kvm_guest_debug debug = { .control = control };

	if (registers)
		debug.arch = *registers;
	if (ioctl(vm.vcpus[0].fd, KVM_SET_GUEST_DEBUG, &debug))
		give_up("KVM_SET_GUEST_DEBUG %#x: %s", control, strerror(errno));
}

static int run(void)
{
	int r;

	do
		r = vcpu_step(&vm.vcpus[0]);
	while (r == -EINTR);
	return r;
}

/* One run that ends in a debug exit of that class at that place */
static void stops(const char *what, unsigned int class, u64 at)
{
	int r = run();
	u32 hsr = r == KVM_EXIT_DEBUG ? vm.vcpus[0].run->debug.arch.hsr : 0;
	u64 pc = get_register(&vm.vcpus[0], PC);

	expect(r == KVM_EXIT_DEBUG && hsr >> 26 == class && pc == at, "%s: exit %d of class %#x at +%#llx", what, r, hsr >> 26,
	       (unsigned long long)(pc - RAM_BASE));
}

/* One step.  4.18's KVM counts the fault that it mends for the instruction as a step too. */
static void steps(u64 from)
{
	int r = run();

	if (r == KVM_EXIT_DEBUG && vm.vcpus[0].run->debug.arch.hsr >> 26 == EC_STEP && get_register(&vm.vcpus[0], PC) == from)
		remark("a step at +%#llx that was a fault", (unsigned long long)(from - RAM_BASE));
	else if (r == KVM_EXIT_DEBUG && vm.vcpus[0].run->debug.arch.hsr >> 26 == EC_STEP && get_register(&vm.vcpus[0], PC) == from + 4)
		return;
	else
		expect(false, "step: exit %d at +%#llx", r, (unsigned long long)(get_register(&vm.vcpus[0], PC) - RAM_BASE));
	stops("step", EC_STEP, from + 4);
}

/* The guest's store to the test device */
static u64 told(void)
{
	run_to_mmio(&vm.vcpus[0]);
	return dev.user;
}

static void offers(int fd, bool wanted, const char *what)
{
	static const int caps[] = { KVM_CAP_SET_GUEST_DEBUG, KVM_CAP_GUEST_DEBUG_HW_BPS, KVM_CAP_GUEST_DEBUG_HW_WPS };
	unsigned int n = 0;

	for (unsigned int i = 0; i < 3; i++)
		n += ioctl(fd, KVM_CHECK_EXTENSION, caps[i]) > 0;
	expect(n == (wanted ? 3 : 0), "%u of 3 capabilities in a %s VM", n, what);
}

static void protected_is_not(void)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), fd, vcpu, r;

	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (fd < 0)
		give_up("KVM_CREATE_VM: %s", strerror(errno));
	if (ioctl(fd, KCORE_IOC_SET_TYPE, KCORE_TYPE_PROTECTED)) {
		remark("no protected VM on this host");
	} else {
		offers(fd, false, "protected");
		vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
		if (vcpu < 0)
			give_up("KVM_CREATE_VCPU: %s", strerror(errno));
		r = ioctl(vcpu, KVM_SET_GUEST_DEBUG, &debug);
		expect(r && errno == EPERM, "KVM_SET_GUEST_DEBUG there: %s", r ? strerror(errno) : "done");
		close(vcpu);
	}
	close(fd);
	close(kvm);
}

void debugged(void)
{
	struct vm_config config = { .vcpus = 1, .memory = 2UL << 20 };
	static const u64 numbers[2] = { 0x1e0, 0x1e4 };	/* bits that the four kinds have, not enabled */
	static const char *const kinds[4] = { "DBGBVR", "DBGBCR", "DBGWVR", "DBGWCR" };
	struct kvm_guest_debug_arch registers = { 0 };
	struct vcpu *vcpu = &vm.vcpus[0];
	u64 esr;

	guard_install();
	code_load(&vm, &config, debugged_guest, debugged_end);
	if (testdev_attach(&vm, &dev))
		give_up("no test device");
	code_enter(vcpu, RAM_BASE);
	set_register(vcpu, VM_REG_CORE(regs.regs[0]), FRESH);
	set_register(vcpu, VM_REG_CORE(regs.regs[30]), TESTDEV_BASE + TD_USER);
	set_register(vcpu, ARM64_SYS_REG(3, 0, 1, 0, 2), CPACR_FP);
	set_register(vcpu, ARM64_SYS_REG(3, 0, 12, 0, 0), RAM_BASE + VECTORS);
	offers(vm.fd, true, "normal");

	/* first uses of FP and of a page are finished below the VMM: a step all the same */
	debug_by(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, NULL);
	for (u64 at = RAM_BASE; at < AT(debugged_brk); at += 4)
		steps(at);
	expect(*(volatile u64 *)(vm.ram + (FRESH - RAM_BASE)) == 0 && get_register(vcpu, VM_REG_CORE(regs.regs[1])) == 1, "x1 is %llu",
	       (unsigned long long)get_register(vcpu, VM_REG_CORE(regs.regs[1])));

	debug_by(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, NULL);
	stops("BRK", EC_BRK, AT(debugged_brk));
	set_register(vcpu, PC, AT(debugged_store));
	expect(told() == 1, "on to the store: %llu", (unsigned long long)dev.user);

	registers.dbg_bvr[0] = AT(debugged_brk) - 4;
	registers.dbg_bcr[0] = BCR_ANY;
	registers.dbg_wvr[1] = FRESH + 8;
	registers.dbg_wcr[1] = WCR_STORE;
	debug_by(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW, &registers);
	stops("breakpoint", EC_BREAKPOINT, AT(debugged_brk) - 4);
	stops("breakpoint again", EC_BREAKPOINT, AT(debugged_brk) - 4);
	set_register(vcpu, PC, AT(debugged_store));
	stops("watchpoint", EC_WATCHPOINT, AT(debugged_store));
	expect(vm.vcpus[0].run->debug.arch.far == FRESH + 8, "address %#llx", (unsigned long long)vm.vcpus[0].run->debug.arch.far);

	/* no more: nothing stops it, and its BRK is its own */
	debug_by(0, NULL);
	set_register(vcpu, PC, RAM_BASE);
	esr = told();
	expect(esr >> 26 == EC_BRK && (esr & 0xffff) == 7, "its own handler finds ESR %#llx", (unsigned long long)esr);
	expect(told() == 2, "then the store: %llu", (unsigned long long)dev.user);

	set_register(vcpu, PC, AT(debugged_numbers));
	for (unsigned int n = 0; n < 2; n++)
		set_register(vcpu, VM_REG_CORE(regs.regs[n]), numbers[n]);
	for (unsigned int i = 0; i < 8; i++) {
		u64 value = told();

		expect(value == numbers[i / 4], "%s%u is %#llx", kinds[i % 4], i / 4, (unsigned long long)value);
	}
	vm_destroy(&vm);
	protected_is_not();
}
