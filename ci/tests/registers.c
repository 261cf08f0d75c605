// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a normal VM between its guest and its VMM: whatever the VMM reads or writes, whenever it does so, is what the guest
 * has, and a reset is one.  Nothing of KCore's is asked here; stock KVM passes as well.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guests.h"
#include "life.h"
#include "tap.h"
#include "testdev.h"

#define STEP		0x1000UL	/* by which the guest advances system registers */
#define NR_X		29		/* x29: scratch, x30: the test device */
#define X_ANSWER	7		/* gets what the VMM answers */
#define X_ID		8		/* gets ID_AA64PFR0_EL1 */
#define X_STORED	9		/* what it stores */
#define ANSWER		0xa25e7UL
#define CPACR_FP	0x300000UL
#define PSCI_CPU_ON	0xc4000003UL

/*
 * A round: every register advances, by each register's own step; an exit that KVM finishes in the kernel, one that the VMM answers
 * and one that it only takes.
 */
__asm__(".pushsection .rodata\n"
	"	.balign	8\n"
	"	.globl	registers_guest, registers_caller, registers_secondary, registers_end\n"
	"registers_guest:\n"
	"0:\n"
	"	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28\n"
	"	add	x\\n, x\\n, #1\n"
	"	.endr\n"
	"	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30\n"
	"	add	v\\n\\().2d, v\\n\\().2d, v31.2d\n"
	"	.endr\n"
	"	.irp	r, tpidr_el0, tpidrro_el0, tpidr_el1, far_el1, mair_el1, vbar_el1, ttbr0_el1, ttbr1_el1, par_el1, elr_el1, sp_el0\n"
	"	mrs	x29, \\r\n"
	"	add	x29, x29, #0x1000\n"
	"	msr	\\r, x29\n"
	"	.endr\n"
	"	add	sp, sp, #0x1000\n"
	"	mrs	x8, id_aa64pfr0_el1\n"
	"	ldr	x7, [x30]\n"
	"	str	x9, [x30]\n"
	"	b	0b\n"
	/* vCPU 0 turns vCPU 1 on: x0..x3 are the call */
	"registers_caller:\n"
	"	hvc	#0\n"
	"	str	x0, [x30]\n"
	"	b	registers_caller\n"
	/* vCPU 1, x0: the test device.  Tells what it finds, leaves something else, leaves */
	"registers_secondary:\n"
	"	mov	x30, x0\n"
	"	mov	x1, #0x300000\n"
	"	msr	cpacr_el1, x1\n"
	"	isb\n"
	"	mrs	x1, tpidr_el1\n"
	"	str	x1, [x30]\n"
	"	umov	x1, v5.d[1]\n"
	"	str	x1, [x30]\n"
	"	str	x28, [x30]\n"
	"	mov	x28, #28\n"
	"	msr	tpidr_el1, x28\n"
	"	dup	v5.2d, x28\n"
	"	str	x28, [x30]\n"
	"	b	.\n"
	"registers_end:\n"
	"	.popsection\n");
extern const u8 registers_guest[], registers_caller[], registers_secondary[], registers_end[];

enum kind { GENERAL, SYSTEM, VECTOR, FIXED };

/* What a register holds, as the VMM should find it */
struct kept {
	u64 id;
	enum kind kind;
	u64 value[2];		/* the second of vectors only */
};

#define CORE(field)	(VM_REG_CORE(field))
#define CORE32(field)	((CORE(field) & ~KVM_REG_SIZE_MASK) | KVM_REG_SIZE_U32)
#define VREG(n)		(((CORE(fp_regs.vregs[0]) & ~KVM_REG_SIZE_MASK) | KVM_REG_SIZE_U128) + 4UL * (n))
#define SYS(op0, op1, crn, crm, op2)	ARM64_SYS_REG(op0, op1, crn, crm, op2)
#define ID_PFR0		SYS(3, 0, 0, 4, 0)
#define CPACR		SYS(3, 0, 1, 0, 2)

static const struct kept others[] = {
	{ SYS(3, 3, 13, 0, 2), SYSTEM, { 0 } },		/* TPIDR_EL0 */
	{ SYS(3, 3, 13, 0, 3), SYSTEM, { 0 } },		/* TPIDRRO_EL0 */
	{ SYS(3, 0, 13, 0, 4), SYSTEM, { 0 } },		/* TPIDR_EL1 */
	{ SYS(3, 0, 6, 0, 0), SYSTEM, { 0 } },		/* FAR_EL1 */
	{ SYS(3, 0, 10, 2, 0), SYSTEM, { 0 } },		/* MAIR_EL1 */
	{ SYS(3, 0, 12, 0, 0), SYSTEM, { 0 } },		/* VBAR_EL1 */
	{ SYS(3, 0, 2, 0, 0), SYSTEM, { 0 } },		/* TTBR0_EL1 */
	{ SYS(3, 0, 2, 0, 1), SYSTEM, { 0 } },		/* TTBR1_EL1 */
	{ SYS(3, 0, 7, 4, 0), SYSTEM, { 0 } },		/* PAR_EL1 */
	{ CORE(elr_el1), SYSTEM, { 0 } },
	{ CORE(regs.sp), SYSTEM, { 0 } },
	{ CORE(sp_el1), SYSTEM, { 0 } },
	{ CORE32(fp_regs.fpsr), FIXED, { 0x0800001f, 0 } },
	{ CORE32(fp_regs.fpcr), FIXED, { 0x03000000, 0 } },
};

#define NR_OTHERS	(sizeof(others) / sizeof(others[0]))
#define NR_V		31		/* v31 is their step */
#define NR_NAMED		(NR_X + NR_V + NR_OTHERS)

static struct kept want[NR_NAMED], fresh[NR_NAMED];

static void access_register(struct vcpu *vcpu, unsigned long request, const char *what, u64 id, void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	if (ioctl(vcpu->fd, request, &reg))
		give_up("%s of register %#llx: %s", what, (unsigned long long)id, strerror(errno));
}

static void write_register(struct vcpu *vcpu, u64 id, u64 low, u64 high)
{
	u64 value[2] = { low, high };

	access_register(vcpu, KVM_SET_ONE_REG, "write", id, value);
}

static void name_registers(void)
{
	for (unsigned int i = 0; i < NR_NAMED; i++) {
		if (i < NR_X)
			want[i] = (struct kept){ .id = CORE(regs.regs[0]) + 2UL * i, .kind = GENERAL };
		else if (i < NR_X + NR_V)
			want[i] = (struct kept){ .id = VREG(i - NR_X), .kind = VECTOR };
		else
			want[i] = others[i - NR_X - NR_V];
	}
}

/* Other values in all of them */
static void write_all(struct vcpu *vcpu, u64 seed)
{
	for (unsigned int i = 0; i < NR_NAMED; i++) {
		struct kept *k = &want[i];

		if (k->kind != FIXED) {
			k->value[0] = pattern(i, seed);
			k->value[1] = k->kind == VECTOR ? pattern(i, ~seed) : 0;
		}
		if (k->kind == SYSTEM)
			k->value[0] &= 0xfffffffff000UL;
		write_register(vcpu, k->id, k->value[0], k->value[1]);
	}
}

static void read_all(struct vcpu *vcpu, struct kept *into)
{
	memcpy(into, want, sizeof(want));
	for (unsigned int i = 0; i < NR_NAMED; i++) {
		memset(into[i].value, 0, sizeof(into[i].value));
		access_register(vcpu, KVM_GET_ONE_REG, "read", into[i].id, into[i].value);
	}
}

/* How many are wrong */
static unsigned int compare_all(struct vcpu *vcpu, const char *where)
{
	static struct kept now[NR_NAMED];
	unsigned int wrong = 0;

	read_all(vcpu, now);
	for (unsigned int i = 0; i < NR_NAMED; i++) {
		if (!memcmp(now[i].value, want[i].value, sizeof(now[i].value)))
			continue;
		if (!wrong++)
			remark("%s: register %#llx is %#llx:%#llx, not %#llx:%#llx", where, (unsigned long long)now[i].id,
			       (unsigned long long)now[i].value[1], (unsigned long long)now[i].value[0],
			       (unsigned long long)want[i].value[1], (unsigned long long)want[i].value[0]);
	}
	return wrong;
}

/* What a round does before its first exit to the VMM */
static void advance(u64 id)
{
	for (unsigned int i = 0; i < NR_NAMED; i++) {
		struct kept *k = &want[i];

		if (k->kind == GENERAL)
			k->value[0] += 1;
		if (k->kind == SYSTEM)
			k->value[0] += STEP;
		if (k->kind == VECTOR) {
			k->value[0] += 1;
			k->value[1] += 2;
		}
	}
	want[X_ID].value[0] = id;
}

/* KVM finishes the last exit's instruction at the next run: one that doesn't enter the guest */
static void finish_exit(struct vcpu *vcpu)
{
	int r;

	vcpu->run->immediate_exit = 1;
	r = vcpu_step(vcpu);
	vcpu->run->immediate_exit = 0;
	if (r != -EINTR)
		give_up("exit %d of a run that was to end at once", r);
}

/* Where the guest starts, and what it can't do without */
static void boot(struct vcpu *vcpu, const u8 *code)
{
	code_enter(vcpu, RAM_BASE + (u64)(code - registers_guest));
	write_register(vcpu, CORE(regs.regs[30]), TESTDEV_BASE + TD_USER, 0);
	write_register(vcpu, CPACR, CPACR_FP, 0);
	write_register(vcpu, VREG(31), 1, 2);
}

static void init(struct vcpu *vcpu)
{
	struct kvm_vcpu_init target;

	if (ioctl(vcpu->vm->fd, KVM_ARM_PREFERRED_TARGET, &target))
		give_up("no target: %s", strerror(errno));
	vm_vcpu_features(vcpu->vm, &target);
	if (ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &target))
		give_up("KVM_ARM_VCPU_INIT: %s", strerror(errno));
}

/* Every way to read and write, or not, at the two exits of a round */
#define READ_FIRST	1
#define WRITE_FIRST	2
#define READ_SECOND	4
#define WRITE_SECOND	8
#define WAYS		16U

static unsigned int one_round(struct vcpu *vcpu, struct testdev *dev, u64 id, unsigned int way)
{
	unsigned int wrong = 0;

	dev->user = ANSWER + way;
	run_to_mmio(vcpu);				/* the load, answered at the next run */
	advance(id);
	if (way & READ_FIRST)
		wrong += compare_all(vcpu, "at a load");
	if (way & WRITE_FIRST)
		write_all(vcpu, way);
	run_to_mmio(vcpu);				/* the store */
	want[X_ANSWER].value[0] = ANSWER + way;
	wrong += dev->user != want[X_STORED].value[0];
	if (way & READ_SECOND)
		wrong += compare_all(vcpu, "at a store");
	if (way & WRITE_SECOND)
		write_all(vcpu, way + WAYS);
	return wrong;
}

/* A vCPU that was stopped, and is turned on by another one.  Its last exit is finished: 5.15's KVM would skip the new entry's first instruction */
static void turned_on(struct vm *vm, struct testdev *dev)
{
	struct vcpu *caller = &vm->vcpus[0], *called = &vm->vcpus[1];
	struct kvm_mp_state stopped = { .mp_state = KVM_MP_STATE_STOPPED };
	u64 found[2][3];

	for (unsigned int turn = 0; turn < 2; turn++) {
		finish_exit(caller);
		boot(caller, registers_caller);
		write_register(caller, CORE(regs.regs[0]), PSCI_CPU_ON, 0);
		write_register(caller, CORE(regs.regs[1]), 1, 0);
		write_register(caller, CORE(regs.regs[2]), RAM_BASE + (u64)(registers_secondary - registers_guest), 0);
		write_register(caller, CORE(regs.regs[3]), TESTDEV_BASE + TD_USER, 0);
		run_to_mmio(caller);
		if (dev->user)
			give_up("CPU_ON, turn %u: %#llx", turn, (unsigned long long)dev->user);
		for (unsigned int i = 0; i < 3; i++) {
			run_to_mmio(called);
			found[turn][i] = dev->user;
		}
		run_to_mmio(called);
		expect(dev->user == 28, "x28 is %#llx", (unsigned long long)dev->user);
		finish_exit(called);
		if (ioctl(called->fd, KVM_SET_MP_STATE, &stopped))
			give_up("KVM_SET_MP_STATE: %s", strerror(errno));
	}
	expect(found[0][0] != 28 && !memcmp(found[0], found[1], sizeof(found[0])),
	       "turned on again, TPIDR_EL1, v5 and x28 are %#llx %#llx %#llx, then %#llx %#llx %#llx", (unsigned long long)found[0][0],
	       (unsigned long long)found[0][1], (unsigned long long)found[0][2], (unsigned long long)found[1][0],
	       (unsigned long long)found[1][1], (unsigned long long)found[1][2]);
}

void registers(void)
{
	static struct vm vm;
	static struct testdev dev;
	struct vm_config config = { .vcpus = 2, .memory = 2UL << 20 };
	struct vcpu *vcpu = &vm.vcpus[0];
	unsigned int wrong = 0;
	u64 id;

	guard_install();
	name_registers();
	code_load(&vm, &config, registers_guest, registers_end);
	if (testdev_attach(&vm, &dev))
		give_up("no test device");
	id = get_register(vcpu, ID_PFR0);
	read_all(vcpu, fresh);
	boot(vcpu, registers_guest);
	write_all(vcpu, WAYS + WAYS);
	for (unsigned int i = 0; i < 2 * WAYS; i++)
		wrong += one_round(vcpu, &dev, id, i * 7 % WAYS);
	expect(!wrong, "%u of %u registers, read and written in %u ways at exits, were wrong", wrong, (unsigned int)NR_NAMED, WAYS);

	/* A reset, as a whole, with what was in the registers unread */
	wrong = 0;
	for (unsigned int i = 0; i < 2; i++) {
		finish_exit(vcpu);
		init(vcpu);
		memcpy(want, fresh, sizeof(want));
		boot(vcpu, registers_guest);
		for (unsigned int k = 0; k < NR_NAMED; k++)	/* these aren't reset by all releases */
			if (want[k].id == CORE(elr_el1) || want[k].id == CORE(sp_el1))
				access_register(vcpu, KVM_GET_ONE_REG, "read", want[k].id, want[k].value);
		if (!i)
			wrong += compare_all(vcpu, "after a reset");
		wrong += one_round(vcpu, &dev, id, i * READ_SECOND);
	}
	expect(!wrong, "after a reset %u were", wrong);
	turned_on(&vm, &dev);
	vm_destroy(&vm);
}
