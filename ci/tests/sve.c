// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVE in normal VMs: guests with different vector lengths, one of its own choice, fill Z, P and FFR, leave to the VMM, to each other, to a protected guest that uses
 * FP registers, and to the other CPU, and have theirs again.  The VMM uses SVE too, and finds nothing of theirs.  Stock KVM passes as well.
 */
#include <asm/hwcap.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guests.h"
#include "life.h"
#include "tap.h"

#define REG_ZCR_EL1	ARM64_SYS_REG(3, 0, 1, 2, 0)
#define ZCR_ALL		15UL			/* as long as the VM has them */
#define ROUNDS		6
#define VECTORS		(RAM_BASE + 0x10000)	/* Z0..Z31, then P0..P15, then FFR, each as long as it is */
#define PREDICATES	(RAM_BASE + 0x20000)
#define NOT_MEMORY	0x1000UL
#define NR_Z		32U
#define NR_P		16U
#define STEP		0x100000UL		/* between the first elements of two vectors */

#define EACH_Z	"	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
#define EACH_P	"	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
#define END	"	.endr\n"

/*
 * x0: the first element of Z0; x26: for ZCR_EL1; x27: STEP; x28, x29: where predicates and vectors go; x30: what is no memory.
 * P<n> has the first n + 1 elements of 8 bits set, FFR as many as P7.  Then, again and again, all of them to memory, and the vector length in
 * bytes to the VMM, without another use of them.
 */
__asm__(".pushsection .rodata\n"
	"	.arch_extension sve\n"
	"	.balign	8\n"
	"	.globl	sve_guest, sve_guest_end\n"
	"sve_guest:\n"
	"	mov	x1, #0x330000\n"		/* CPACR_EL1: FPEN, ZEN */
	"	msr	cpacr_el1, x1\n"
	"	isb\n"
	"	msr	S3_0_C1_C2_0, x26\n"		/* ZCR_EL1 */
	"	isb\n"
	"	rdvl	x2, #1\n"
	"	setffr\n"
	"	mov	x4, #8\n"
	"	whilelo	p0.b, xzr, x4\n"
	"	wrffr	p0.b\n"
	EACH_P
	"	mov	x4, #\\n + 1\n"
	"	whilelo	p\\n\\().b, xzr, x4\n"
	END
	EACH_Z
	"	index	z\\n\\().d, x0, #1\n"
	"	add	x0, x0, x27\n"
	END
	"	b	2f\n"
	"1:\n"
	EACH_Z
	"	str	z\\n, [x29, #\\n, mul vl]\n"
	END
	EACH_P
	"	str	p\\n, [x28, #\\n, mul vl]\n"
	END
	"	rdffr	p0.b\n"
	"	str	p0, [x28, #16, mul vl]\n"
	"	mov	x4, #1\n"
	"	whilelo	p0.b, xzr, x4\n"
	"2:	str	x2, [x30]\n"
	"	b	1b\n"
	"sve_guest_end:\n"
	"	.popsection\n");
extern const u8 sve_guest[], sve_guest_end[];

struct owner {
	struct vm vm;
	u64 first;
	unsigned int bytes;		/* of a vector */
};

static bool offered(int fd)
{
	return ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE) > 0;
}

static unsigned int changed_here;	/* bytes of the VMM's own registers that are neither as before a run nor 0 */

/*
 * KVM_RUN with something else in each of the VMM's own registers.  Of these the kernel keeps the low 128 bits of Z over a system call, and may
 * clear the rest.
 */
static long run_with_vectors(int fd)
{
	static u8 z[NR_Z * 256], p[(NR_P + 1) * 32], z_after[sizeof(z)], p_after[sizeof(p)];
	register long x0 __asm__("x0"), x1 __asm__("x1"), x2 __asm__("x2"), x8 __asm__("x8");
	unsigned long bytes;
	long r;

	for (unsigned int i = 0; i < sizeof(z); i++)
		z[i] = (u8)(0x81 + i % 113);
	memset(p, 0xff, sizeof(p));
	x0 = fd;
	x1 = KVM_RUN;
	x2 = 0;
	x8 = SYS_ioctl;
	__asm__ volatile(".arch_extension sve\n"
		"	ldr	p0, [%[p], #16, mul vl]\n"
		"	wrffr	p0.b\n"
		EACH_Z "	ldr	z\\n, [%[z], #\\n, mul vl]\n" END
		EACH_P "	ldr	p\\n, [%[p], #\\n, mul vl]\n" END
		"	svc	#0\n"
		EACH_Z "	str	z\\n, [%[za], #\\n, mul vl]\n" END
		EACH_P "	str	p\\n, [%[pa], #\\n, mul vl]\n" END
		"	rdffr	p0.b\n"
		"	str	p0, [%[pa], #16, mul vl]\n"
		"	rdvl	%[bytes], #1\n"
		"	.arch_extension nosve\n"
		: "+r"(x0), [bytes] "=r"(bytes)
		: "r"(x1), "r"(x2), "r"(x8), [z] "r"(z), [p] "r"(p), [za] "r"(z_after), [pa] "r"(p_after)
		: "memory", "cc",
		  "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
		  "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
	r = x0;
	for (unsigned int i = 0; i < NR_Z * bytes; i++)
		changed_here += z_after[i] != z[i] && (i % bytes < 16 || z_after[i]);
	for (unsigned int i = 0; i < (NR_P + 1) * bytes / 8; i++)
		changed_here += p_after[i] != p[i] && p_after[i];
	return r;
}

/* What a guest tells at its next exit */
static u64 told(struct owner *o)
{
	struct vcpu *vcpu = &o->vm.vcpus[0];
	u64 v;
	long r;

	do
		r = run_with_vectors(vcpu->fd);
	while (r == -EINTR || r == -EAGAIN);
	if (r || vcpu->run->exit_reason != KVM_EXIT_MMIO || !vcpu->run->mmio.is_write)
		give_up("KVM_RUN: %ld, exit %u instead of a store", r, vcpu->run->exit_reason);
	memcpy(&v, vcpu->run->mmio.data, 8);
	return v;
}

/* A VM with vectors of `sve' units of 16 bytes, whose guest takes no more of them than `zcr' + 1. */
static void start(struct owner *o, unsigned int sve, u64 zcr, u64 first)
{
	unsigned int units = zcr < sve ? (unsigned int)zcr + 1 : sve;
	struct vm_config config = { .vcpus = 1, .memory = 2UL << 20, .sve = sve };
	struct vcpu *vcpu = &o->vm.vcpus[0];
	u64 v = 0;

	code_load(&o->vm, &config, sve_guest, sve_guest_end);
	code_enter(vcpu, RAM_BASE);
	set_register(vcpu, VM_REG_CORE(regs.regs[0]), first);
	set_register(vcpu, VM_REG_CORE(regs.regs[26]), zcr);
	set_register(vcpu, VM_REG_CORE(regs.regs[27]), STEP);
	set_register(vcpu, VM_REG_CORE(regs.regs[28]), PREDICATES);
	set_register(vcpu, VM_REG_CORE(regs.regs[29]), VECTORS);
	set_register(vcpu, VM_REG_CORE(regs.regs[30]), NOT_MEMORY);
	o->first = first;
	o->bytes = (unsigned int)told(o);
	expect(o->bytes == units * 16, "vectors of %u bytes, by %u units of 16", o->bytes, units);
	expect(!vcpu_get_reg(vcpu, REG_ZCR_EL1, &v) && v == zcr, "ZCR_EL1 is %#llx, the guest wrote %#llx", (unsigned long long)v, (unsigned long long)zcr);
}

/* Elements and predicates that aren't what the guest has put there, as it has stored them since its last exit */
static unsigned int wrong(struct owner *o)
{
	const u8 *z = o->vm.ram + (VECTORS - RAM_BASE), *p = o->vm.ram + (PREDICATES - RAM_BASE);
	unsigned int bad = 0, bytes = o->bytes;

	memset(o->vm.ram + (VECTORS - RAM_BASE), 0xff, 0x20000);
	if (told(o) != bytes)
		bad++;
	for (unsigned int n = 0; n < NR_Z; n++) {
		for (unsigned int i = 0; i < bytes / 8; i++) {
			u64 v;

			memcpy(&v, z + n * bytes + i * 8, 8);
			bad += v != o->first + n * STEP + i;
		}
	}
	for (unsigned int n = 0; n <= NR_P; n++) {
		unsigned int set = n < NR_P ? n + 1 : 8;

		for (unsigned int i = 0; i < bytes; i++)
			bad += (p[n * bytes / 8 + i / 8] >> i % 8 & 1) != (i < set);
	}
	return bad;
}

void sve(void)
{
	static struct owner a, b, c;
	static struct victim v;
	unsigned int bad = 0, changed = 0;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), fd;
	bool has, guarded;

	guard_install();
	if (!(getauxval(AT_HWCAP) & HWCAP_SVE))
		skip("no SVE on this host");
	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (fd < 0)
		give_up("KVM_CREATE_VM: %s", strerror(errno));
	has = offered(fd);
	close(fd);
	if (!has)
		skip("KVM of this release has no SVE on such a host");
	start(&a, 4, ZCR_ALL, 0x1111000000000000UL);
	start(&b, 2, ZCR_ALL, 0x2222000000000000UL);
	start(&c, 4, 1, 0x3333000000000000UL);
	guarded = has_protected(kvm, KVM_CAP_ARM_SVE);
	if (guarded)
		victim_start(&v, 1);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		pin_to_cpu(i / 2 % cpus_online());
		bad += wrong(&a);
		changed += guarded && agent(&v, AGENT_KEEP, 10, 0x5a5a, 0, 0) != 0;
		pin_to_cpu((i + 1) / 2 % cpus_online());
		bad += wrong(&b);
		bad += wrong(&c);
	}
	expect(!bad, "%u elements and predicates of the guests are wrong", bad);
	expect(!changed_here, "%u bytes of the VMM's own registers changed", changed_here);
	if (guarded) {
		expect(!changed, "a protected guest's registers changed in %u of %u rounds", changed, ROUNDS);
		victim_end(&v);
	}
	vm_destroy(&a.vm);
	vm_destroy(&b.vm);
	vm_destroy(&c.vm);
	close(kvm);
}
