// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pointer authentication in normal VMs: two guests, each with keys of its own, sign, leave to the VMM and to the other guest, and
 * authenticate.  The VMM signs too, by its own keys, and finds them unharmed.  Nothing of KCore's is asked here but that a
 * protected VM isn't offered it; stock KVM passes as well.
 */
#include <asm/hwcap.h>
#include <asm/kcore.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guests.h"
#include "life.h"
#include "tap.h"
#include "testdev.h"

#define NR_KEYS		10		/* words: of five keys, the low and the high half */
#define NR_SIGNED	5
#define ROUNDS		6
#define POINTER		0x40001000UL

/*
 * x0: the first word of the keys, the others count up from it; x10: what is signed, x11: the modifier, x30: the test device.
 * Each round: five values to the VMM, then which of them don't authenticate, a bit each.  The instructions are by number, since the
 * assembler knows only the base architecture: PACIA, PACIB, PACDA, PACDB x1..x4, x11; PACGA x5, x10, x11; AUTIA... x6, x11.
 */
__asm__(".pushsection .rodata\n"
	"	.balign	8\n"
	"	.globl	keys_guest, keys_again, keys_end\n"
	"keys_guest:\n"
	"	.irp	r, S3_0_C2_C1_0, S3_0_C2_C1_1, S3_0_C2_C1_2, S3_0_C2_C1_3, S3_0_C2_C2_0, S3_0_C2_C2_1, S3_0_C2_C2_2, S3_0_C2_C2_3, S3_0_C2_C3_0, S3_0_C2_C3_1\n"
	"	msr	\\r, x0\n"
	"	add	x0, x0, #1\n"
	"	.endr\n"
	"	mrs	x1, sctlr_el1\n"
	"	mov	x2, #0xc8000000\n"		/* EnIA, EnIB, EnDA */
	"	orr	x2, x2, #0x2000\n"		/* EnDB */
	"	orr	x1, x1, x2\n"
	"	msr	sctlr_el1, x1\n"
	"	isb\n"
	"keys_again:\n"
	"	mov	x1, x10\n"
	"	mov	x2, x10\n"
	"	mov	x3, x10\n"
	"	mov	x4, x10\n"
	"	.inst	0xdac10161\n"
	"	.inst	0xdac10562\n"
	"	.inst	0xdac10963\n"
	"	.inst	0xdac10d64\n"
	"	.inst	0x9acb3145\n"
	"	.irp	n, 1, 2, 3, 4, 5\n"
	"	str	x\\n, [x30]\n"
	"	.endr\n"
	"	mov	x8, #0\n"
	"	.irp	n, 1, 2, 3, 4\n"
	"	mov	x6, x\\n\n"
	"	.inst	0xdac11166 + (\\n - 1) * 0x400\n"
	"	cmp	x6, x10\n"
	"	cset	x7, ne\n"
	"	orr	x8, x8, x7, lsl #\\n\n"
	"	.endr\n"
	"	.inst	0x9acb3147\n"			/* PACGA x7, x10, x11 */
	"	cmp	x7, x5\n"
	"	cset	x7, ne\n"
	"	orr	x8, x8, x7, lsl #5\n"
	"	str	x8, [x30]\n"
	"	b	keys_again\n"
	"keys_end:\n"
	"	.popsection\n");
extern const u8 keys_guest[], keys_again[], keys_end[];

#define KEY(n)	ARM64_SYS_REG(3, 0, 2, 1 + (n) / 4, (n) % 4)

struct signer {
	struct vm vm;
	struct testdev dev;
	u64 signs[NR_SIGNED];
};

static int offered(int fd)
{
	return ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 && ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0;
}

static void signer_start(struct signer *s, u64 first_key)
{
	struct vm_config config = { .vcpus = 1, .memory = 2UL << 20 };
	struct vcpu *vcpu = &s->vm.vcpus[0];

	code_load(&s->vm, &config, keys_guest, keys_end);
	if (testdev_attach(&s->vm, &s->dev))
		give_up("no test device");
	code_enter(vcpu, RAM_BASE);
	set_register(vcpu, VM_REG_CORE(regs.regs[0]), first_key);
	set_register(vcpu, VM_REG_CORE(regs.regs[10]), POINTER);
	set_register(vcpu, VM_REG_CORE(regs.regs[11]), 0x1234);
	set_register(vcpu, VM_REG_CORE(regs.regs[30]), TESTDEV_BASE + TD_USER);
}

static u64 told(struct signer *s)
{
	run_to_mmio(&s->vm.vcpus[0]);
	return s->dev.user;
}

/* How many of the values differ from those of the round before */
static unsigned int sign(struct signer *s)
{
	unsigned int changed = 0;

	for (unsigned int i = 0; i < NR_SIGNED; i++) {
		u64 v = told(s);

		changed += v != s->signs[i];
		s->signs[i] = v;
	}
	return changed;
}

/* The same by the VMM's own keys; its APIA key too, which isn't the kernel's */
static void sign_here(u64 *signs)
{
	register u64 x1 __asm__("x1") = POINTER;
	register u64 x2 __asm__("x2") = POINTER;
	register u64 x3 __asm__("x3") = POINTER;
	register u64 x4 __asm__("x4") = POINTER;
	register u64 x5 __asm__("x5") = 0;
	register u64 x10 __asm__("x10") = POINTER;
	register u64 x11 __asm__("x11") = 0x1234;

	__asm__ volatile(".inst 0xdac10161\n\t.inst 0xdac10562\n\t.inst 0xdac10963\n\t.inst 0xdac10d64\n\t.inst 0x9acb3145"
			 : "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5) : "r"(x10), "r"(x11));
	signs[0] = x1;
	signs[1] = x2;
	signs[2] = x3;
	signs[3] = x4;
	signs[4] = x5;
}

static unsigned int same(const u64 *a, const u64 *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < NR_SIGNED; i++)
		n += a[i] == b[i];
	return n;
}

/* The keys as the VMM reads them, and what the guest signs by keys that the VMM writes */
static void keys_by_ioctl(struct signer *s, u64 first_key)
{
	struct vcpu *vcpu = &s->vm.vcpus[0];
	u64 before[NR_SIGNED], wrong = 0, v;

	for (unsigned int i = 0; i < NR_KEYS; i++) {
		int r = vcpu_get_reg(vcpu, KEY(i), &v);

		if (r)
			give_up("read of key word %u: %s", i, strerror(-r));
		wrong += v != first_key + i;
	}
	expect(!wrong, "%llu of %u key words read by the VMM are wrong", (unsigned long long)wrong, NR_KEYS);
	memcpy(before, s->signs, sizeof(before));
	for (unsigned int i = 0; i < NR_KEYS; i++)
		set_register(vcpu, KEY(i), ~first_key - i);
	sign(s);
	expect(!same(s->signs, before), "of %u keys that the VMM writes, %u sign as the guest's did", NR_SIGNED, same(s->signs, before));
	wrong = told(s);
	expect(!wrong, "and %#llx don't authenticate", (unsigned long long)wrong);
	for (unsigned int i = 0; i < NR_KEYS; i++)
		set_register(vcpu, KEY(i), first_key + i);
	sign(s);
	expect(same(s->signs, before) == NR_SIGNED, "the guest's own again sign %u as before", same(s->signs, before));
}

/* Hidden: not offered, and not run with */
static void keys_of_protected(void)
{
	struct kvm_vcpu_init init;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), fd, vcpu, r;

	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (fd < 0)
		give_up("KVM_CREATE_VM: %s", strerror(errno));
	if (ioctl(fd, KCORE_IOC_SET_TYPE, KCORE_TYPE_PROTECTED)) {
		remark("no protected VM on this host");
		return;
	}
	expect(!offered(fd), "a protected VM is %soffered it", offered(fd) ? "" : "not ");
	vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(fd, KVM_ARM_PREFERRED_TARGET, &init))
		give_up("KVM_CREATE_VCPU: %s", strerror(errno));
	init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2 | 1U << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1U << KVM_ARM_VCPU_PTRAUTH_GENERIC;
	if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init))
		give_up("KVM_ARM_VCPU_INIT: %s", strerror(errno));
	r = ioctl(vcpu, KVM_RUN, 0);
	expect(r && errno == EINVAL, "a protected vCPU with it: %s", r ? strerror(errno) : "it runs");
	close(vcpu);
	close(fd);
	close(kvm);
}

void keys(void)
{
	static struct signer a, b;
	u64 mine[NR_SIGNED], now[NR_SIGNED], wrong = 0;
	unsigned int changed = 0, harmed = 0;
	const u64 key_a = 0x1111222233334444UL, key_b = 0x9999aaaabbbbccccUL;

	guard_install();
	if (!(getauxval(AT_HWCAP) & HWCAP_PACA) || !(getauxval(AT_HWCAP) & HWCAP_PACG))
		skip("no pointer authentication on this host");
	signer_start(&a, key_a);
	signer_start(&b, key_b);
	if (!a.vm.has_ptrauth) {
		expect(false, "the host has pointer authentication, and a normal VM is not offered it");
		return;
	}
	sign_here(mine);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		pin_to_cpu(i / 2 % cpus_online());
		changed += sign(&a);
		sign_here(now);
		harmed += NR_SIGNED - same(now, mine);
		pin_to_cpu((i + 1) / 2 % cpus_online());
		changed += sign(&b);
		wrong |= told(&a);
		wrong |= told(&b);
		sign_here(now);
		harmed += NR_SIGNED - same(now, mine);
		if (!i)
			changed = 0;
	}
	expect(!wrong, "signed before five exits and another guest's run, not authenticated behind them: %#llx", (unsigned long long)wrong);
	expect(!changed, "%u of %u signed otherwise than in the first round", changed, 2 * NR_SIGNED * (ROUNDS - 1));
	expect(!same(a.signs, b.signs), "%u of %u as the other guest signs", same(a.signs, b.signs), NR_SIGNED);
	expect(!same(a.signs, mine) && !same(b.signs, mine), "%u as the VMM signs", same(a.signs, mine) + same(b.signs, mine));
	expect(!harmed, "%u of the VMM's own are changed", harmed);
	keys_by_ioctl(&a, key_a);
	sign_here(now);
	expect(same(now, mine) == NR_SIGNED, "the VMM's own: %u as at the start", same(now, mine));
	vm_destroy(&a.vm);
	vm_destroy(&b.vm);
	keys_of_protected();
}
