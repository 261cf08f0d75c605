// SPDX-License-Identifier: GPL-2.0-only
/*
 * AArch32 at EL1 in normal VMs: two guests take exceptions of their own and of KVM's, fill what EL1 in AArch64 has no name for, and FP registers,
 * leave to the VMM from A32 and from an IT block of T32, to each other, to a protected guest, and to the other CPU, and have theirs again.
 * A protected VM isn't offered it.  Stock KVM passes as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guests.h"
#include "life.h"
#include "tap.h"

#define ROUNDS		6
#define TABLE		(RAM_BASE + 0x1000)
#define VECTORS		(RAM_BASE + 0x1a0)
#define NOT_MEMORY	0x1000UL
#define MODE_SVC	0x13U
#define REG_VBAR	ARM64_SYS_REG(3, 0, 12, 0, 0)
#define REG_DACR	ARM64_SYS_REG(3, 4, 3, 0, 0)
#define REG_IFSR	ARM64_SYS_REG(3, 4, 5, 0, 1)
#define REG_FPEXC	ARM64_SYS_REG(3, 4, 5, 3, 0)
#define FPEXC_EN	0x40000000U

/*
 * r0: its own value; r8: what is no memory; r9: the table.  A32 but for what says T32; no assembler for it is needed.  Handlers don't look at
 * SPSR: QEMU 7.2 has not the one that EL2 wrote where the entry is in that mode.
 */
static const u32 guest_code[] = {
	0xe1a0a000,	/* mov r10, r0 */
	0xe28f1f65,	/* add r1, pc, #404 */
	0xee0c1f10,	/* mcr p15, #0, r1, c12, c0, #0 */
	0xee111f50,	/* mrc p15, #0, r1, c1, c0, #2 */
	0xe381160f,	/* orr r1, r1, #15728640 */
	0xee011f50,	/* mcr p15, #0, r1, c1, c0, #2 */
	0xf57ff06f,	/* isb sy */
	0xe7f000f1,	/* udf #1 */
	0xee1f1f10,	/* mrc p15, #0, r1, c15, c0, #0 */
	0xe28f4004,	/* add r4, pc, #4 */
	0xe3a05a01,	/* mov r5, #4096 */
	0xe12fff15,	/* bx r5 */
	/* back */
	0xee151f30,	/* mrc p15, #0, r1, c5, c0, #1 */
	0xe5891040,	/* str r1, [r9, #64] */
	0xe59f0148,	/* ldr r0, [pc, #328] */
	0xe1400070,	/* hvc #0 */
	0xe5890044,	/* str r0, [r9, #68] */
	0xe3a00101,	/* mov r0, #1073741824 */
	0xeee80a10,	/* vmsr fpexc, r0 */
	0xe28a1c01,	/* add r1, r10, #256 */
	0xec41ab18,	/* vmov d8, r10, r1 */
	0xec4a1b3f,	/* vmov d31, r1, r10 */
	0xee03af10,	/* mcr p15, #0, r10, c3, c0, #0 */
	0xe1a01e2a,	/* lsr r1, r10, #28 */
	0xee051f30,	/* mcr p15, #0, r1, c5, c0, #1 */
	0xe3ca240f,	/* bic r2, r10, #251658240 */
	0xe3c228ff,	/* bic r2, r2, #16711680 */
	0xe3c220ff,	/* bic r2, r2, #255 */
	0xe3822010,	/* orr r2, r2, #16 */
	0xe164f302,	/* msr SPSR_abt, r2 */
	0xe2821201,	/* add r1, r2, #268435456 */
	0xe166f301,	/* msr SPSR_und, r1 */
	0xe2821202,	/* add r1, r2, #536870912 */
	0xe160f301,	/* msr SPSR_irq, r1 */
	0xe2821203,	/* add r1, r2, #805306368 */
	0xe16ef201,	/* msr SPSR_fiq, r1 */
	0xe28a1002,	/* add r1, r10, #2 */
	0xe121f301,	/* msr sp_irq, r1 */
	0xe28a1003,	/* add r1, r10, #3 */
	0xe12ef201,	/* msr lr_fiq, r1 */
	0xe28a1004,	/* add r1, r10, #4 */
	0xe128f201,	/* msr r8_fiq, r1 */
	/* again */
	0xe1441300,	/* mrs r1, SPSR_abt */
	0xe5891000,	/* str r1, [r9] */
	0xe1461300,	/* mrs r1, SPSR_und */
	0xe5891004,	/* str r1, [r9, #4] */
	0xe1401300,	/* mrs r1, SPSR_irq */
	0xe5891008,	/* str r1, [r9, #8] */
	0xe14e1200,	/* mrs r1, SPSR_fiq */
	0xe589100c,	/* str r1, [r9, #12] */
	0xee131f10,	/* mrc p15, #0, r1, c3, c0, #0 */
	0xe5891010,	/* str r1, [r9, #16] */
	0xee151f30,	/* mrc p15, #0, r1, c5, c0, #1 */
	0xe5891014,	/* str r1, [r9, #20] */
	0xeef81a10,	/* vmrs r1, fpexc */
	0xe5891018,	/* str r1, [r9, #24] */
	0xec521b18,	/* vmov r1, r2, d8 */
	0xe589101c,	/* str r1, [r9, #28] */
	0xe5892020,	/* str r2, [r9, #32] */
	0xec521b3f,	/* vmov r1, r2, d31 */
	0xe5892024,	/* str r2, [r9, #36] */
	0xe1011300,	/* mrs r1, sp_irq */
	0xe5891028,	/* str r1, [r9, #40] */
	0xe10e1200,	/* mrs r1, lr_fiq */
	0xe589102c,	/* str r1, [r9, #44] */
	0xe1081200,	/* mrs r1, r8_fiq */
	0xe5891030,	/* str r1, [r9, #48] */
	0xe1590009,	/* cmp r9, r9 */
	0x15889000,	/* strne r9, [r8] */
	0x0588a000,	/* streq r10, [r8] */
	0xe28f1001,	/* add r1, pc, #1 */
	0xe12fff11,	/* bx r1 */
	/* T32 */
	0x0300f04f,	/* mov.w r3, #0 */
	0xbf0145c9,	/* cmp r9, r9; itttt eq */
	0xa000f8c8,	/* streq.w r10, [r8] */
	0xf8c83301,	/* addeq r3, #1; streq.w r10, [r8] */
	0x3302a000,	/* addeq r3, #2 */
	0x3304bf18,	/* it ne; addne r3, #4 */
	0x3034f8c9,	/* str.w r3, [r9, #52] */
	0x0198f2af,	/* adr.w r1, #-152 */
	0x00004708,	/* bx r1 */
	/* data_abort */
	0xe5991050,	/* ldr r1, [r9, #80] */
	0xe2811001,	/* add r1, r1, #1 */
	0xe5891050,	/* str r1, [r9, #80] */
	0xe24e1008,	/* sub r1, lr, #8 */
	0xe5891054,	/* str r1, [r9, #84] */
	0xf1020013,	/* cps #19 */
	0xe12fff11,	/* bx r1 */
	/* undefined */
	0xe5991038,	/* ldr r1, [r9, #56] */
	0xe2811001,	/* add r1, r1, #1 */
	0xe5891038,	/* str r1, [r9, #56] */
	0xe1a0100e,	/* mov r1, lr */
	0xf1020013,	/* cps #19 */
	0xe12fff11,	/* bx r1 */
	/* prefetch_abort */
	0xe24e1004,	/* sub r1, lr, #4 */
	0xe5891048,	/* str r1, [r9, #72] */
	0xf1020013,	/* cps #19 */
	0xe12fff14,	/* bx r4 */
	/* psci_version */
	0x84000000,
	0xe320f000,
	0xe320f000,
	0xe320f000,
	0xe320f000,
	0xe320f000,
	/* vectors */
	0xea000005,	/* b unexpected */
	0xeaffffed,	/* b undefined */
	0xea000003,	/* b unexpected */
	0xeafffff1,	/* b prefetch_abort */
	0xeaffffe3,	/* b data_abort */
	0xea000000,	/* b unexpected */
	0xeaffffff,	/* b unexpected */
	/* unexpected */
	0xe588e000,	/* str lr, [r8] */
	0xeafffffd,	/* b unexpected */
};

/* Words of the table */
enum {
	T_SPSR_ABT, T_SPSR_UND, T_SPSR_IRQ, T_SPSR_FIQ, T_DACR, T_IFSR, T_FPEXC, T_D8_LOW, T_D8_HIGH, T_D31_HIGH, T_SP_IRQ, T_LR_FIQ, T_R8_FIQ,
	T_IT_BLOCK,		/* the T32 code went through its IT block */
	T_UNDEFINED,
	T_PREFETCH_IFSR = 16, T_PSCI, T_PREFETCH,
	T_DATA = 20, T_DATA_LR
};

struct owner {
	struct vm vm;
	u32 value;
	bool data_abort;	/* the VMM gave it one */
};

static bool offered(int fd)
{
	return ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_EL1_32BIT) > 0;
}

/* Has the VMM another value of the register, which has 32 bits (the others are what 4.18's and 5.4's KVM left there)? */
static unsigned int differs(struct vcpu *vcpu, u64 id, u32 value)
{
	u32 v = (u32)get_register(vcpu, id);

	if (v != value)
		remark("register %#llx is %#x to the VMM, instead of %#x", (unsigned long long)id, v, value);
	return v != value;
}

/* Until the guest's next exit to the VMM, which has to be its store */
static void until_told(struct owner *o)
{
	struct vcpu *vcpu = &o->vm.vcpus[0];
	u32 v = 0;
	int r;

	do
		r = ioctl(vcpu->fd, KVM_RUN, 0) ? errno : 0;
	while (r == EINTR || r == EAGAIN);
	if (r || vcpu->run->exit_reason != KVM_EXIT_MMIO || !vcpu->run->mmio.is_write || vcpu->run->mmio.len != 4)
		give_up("KVM_RUN: %s, exit %u instead of a store", strerror(r), vcpu->run->exit_reason);
	memcpy(&v, vcpu->run->mmio.data, 4);
	if (v != o->value)
		give_up("a store of %#x instead of %#x", v, o->value);
}

static void start(struct owner *o, u32 value)
{
	struct vm_config config = { .vcpus = 1, .memory = 2UL << 20, .aarch32 = true };
	struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };
	struct vcpu *vcpu = &o->vm.vcpus[0];

	code_load(&o->vm, &config, (const u8 *)guest_code, (const u8 *)guest_code + sizeof(guest_code));
	if ((get_register(vcpu, VM_REG_CORE(regs.pstate)) & 0x1f) != MODE_SVC)
		give_up("it doesn't start in Supervisor mode");
	set_register(vcpu, VM_REG_CORE(regs.pc), RAM_BASE);
	set_register(vcpu, VM_REG_CORE(regs.regs[0]), value);
	set_register(vcpu, VM_REG_CORE(regs.regs[8]), NOT_MEMORY);
	set_register(vcpu, VM_REG_CORE(regs.regs[9]), TABLE);
	set_register(vcpu, REG_VBAR, VECTORS);
	o->value = value;
	o->data_abort = ioctl(o->vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_INJECT_EXT_DABT) > 0 && !ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events);
}

#define WORD(name, value) do { \
		if (t[T_##name] != (value)) { \
			remark(#name ": %#x instead of %#x", t[T_##name], (u32)(value)); \
			bad++; \
		} \
	} while (0)

/* Once around: what isn't the guest's own */
static unsigned int wrong(struct owner *o)
{
	const u32 *t = (const u32 *)(o->vm.ram + (TABLE - RAM_BASE));
	struct vcpu *vcpu = &o->vm.vcpus[0];
	u32 v = o->value, spsr = (v & ~0x0fff00ffU) | 0x10;
	unsigned int bad = 0;

	for (unsigned int i = 0; i < 3; i++) {
		until_told(o);
		bad += differs(vcpu, REG_DACR, v) + differs(vcpu, REG_IFSR, v >> 28) + differs(vcpu, REG_FPEXC, FPEXC_EN) +
		       differs(vcpu, VM_REG_CORE(spsr[KVM_SPSR_ABT]), spsr) + differs(vcpu, VM_REG_CORE(spsr[KVM_SPSR_FIQ]), spsr + 0x30000000U);
	}
	WORD(SPSR_ABT, spsr);
	WORD(SPSR_UND, spsr + 0x10000000U);
	WORD(SPSR_IRQ, spsr + 0x20000000U);
	WORD(SPSR_FIQ, spsr + 0x30000000U);
	WORD(DACR, v);
	WORD(IFSR, v >> 28);
	WORD(FPEXC, FPEXC_EN);
	WORD(D8_LOW, v);
	WORD(D8_HIGH, v + 0x100);
	WORD(D31_HIGH, v);
	WORD(SP_IRQ, v + 2);
	WORD(LR_FIQ, v + 3);
	WORD(R8_FIQ, v + 4);
	memset(o->vm.ram + (TABLE - RAM_BASE), 0xff, (T_R8_FIQ + 1) * sizeof(u32));
	return bad;
}

/* What came of exceptions at the start, and of the IT block of the last round but one */
static unsigned int wrong_exceptions(struct owner *o)
{
	const u32 *t = (const u32 *)(o->vm.ram + (TABLE - RAM_BASE));
	unsigned int bad = 0;

	WORD(UNDEFINED, 2);
	WORD(IT_BLOCK, 3);
	WORD(PREFETCH, NOT_MEMORY);
	WORD(DATA, o->data_abort);
	WORD(DATA_LR, o->data_abort ? RAM_BASE : 0);
	bad += !t[T_PREFETCH_IFSR];
	bad += t[T_PSCI] != 2 && t[T_PSCI] >> 16 != 1;
	return bad;
}

void aarch32(void)
{
	static struct owner a, b;
	static struct victim v;
	unsigned int bad = 0, changed = 0;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	bool guarded;

	guard_install();
	if (!offered(kvm))
		skip("this host has no AArch32 at EL1");
	start(&a, 0x40000200);
	start(&b, 0x80000100);
	guarded = has_protected(kvm, KVM_CAP_ARM_EL1_32BIT);
	if (guarded)
		victim_start(&v, 1);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		pin_to_cpu(i / 2 % cpus_online());
		bad += wrong(&a);
		changed += guarded && agent(&v, AGENT_KEEP, 10, 0x5a5a, 0, 0) != 0;
		pin_to_cpu((i + 1) / 2 % cpus_online());
		bad += wrong(&b);
	}
	expect(!bad, "%u registers of the guests are wrong", bad);
	bad = wrong_exceptions(&a) + wrong_exceptions(&b);
	expect(!bad, "%u exceptions of the guests, and what goes with them, are wrong", bad);
	if (guarded) {
		expect(!changed, "a protected guest's registers changed in %u of %u rounds", changed, ROUNDS);
		victim_end(&v);
	}
	vm_destroy(&a.vm);
	vm_destroy(&b.vm);
	close(kvm);
}
