/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VM ioctls of the framework, issued on the file descriptor of KVM_CREATE_VM.
 *
 * With kcore=off or CONFIG_KCORE=n they are unknown: ENOTTY or EINVAL, as KVM answers any ioctl it
 * doesn't know.
 */
#ifndef _UAPI_ASM_KCORE_H
#define _UAPI_ASM_KCORE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KCORE_IOC_MAGIC		0xbc

/* kcore_vm_info.type and the argument of KCORE_IOC_SET_TYPE */
#define KCORE_TYPE_NORMAL	0
#define KCORE_TYPE_PROTECTED	1

/* kcore_vm_info.state */
#define KCORE_STATE_EMPTY	0	/* no vCPU yet, no KCore VM: the type can be set */
#define KCORE_STATE_CREATED	1	/* KCore VM exists, vCPUs can be added */
#define KCORE_STATE_FINALISED	2	/* can run; a protected VM's memory range and boot registers are fixed */
#define KCORE_STATE_DYING	3	/* KCore is taking the pages back, or has done so */
#define KCORE_STATE_FAILED	4	/* KCore refused to create, finalise or start the VM: it can't run */

struct kcore_vm_info {
	__u32 handle;		/* of KCore, 1..255; 0 while EMPTY, or if it refused to create the VM */
	__u32 type;		/* KCORE_TYPE_* */
	__u32 state;		/* KCORE_STATE_* */
	__u32 vcpus;		/* vCPUs that KCore knows */
	__u64 donated;		/* pages donated so far (protected VMs) */
	__u64 mem_ipa;		/* memory range fixed at finalise, 0 before */
	__u64 mem_size;		/* bytes */
	__u64 reserved[3];
};

/*
 * Type of the VM.  Argument: KCORE_TYPE_*, by value.
 * EBUSY: a vCPU exists already.  EINVAL: no such type.
 * The module parameter kcore.protect_all makes PROTECTED the default type; NORMAL is then refused with EPERM.
 */
#define KCORE_IOC_SET_TYPE	_IO(KCORE_IOC_MAGIC, 0)

#define KCORE_IOC_GET_INFO	_IOR(KCORE_IOC_MAGIC, 1, struct kcore_vm_info)

/*
 * Finalise now instead of at the first run of a vCPU: fixes the memory range (hull of all memory slots) and
 * takes x0..x3 and the PC of vCPU 0 as its boot registers.  No argument.
 * EINVAL: no vCPU 0 or no memory slot.  EBUSY: finalised already.  EPERM: protected VMs have to be signed on this host.
 */
#define KCORE_IOC_FINALISE	_IO(KCORE_IOC_MAGIC, 2)

/*
 * The same for a VM that KCore starts only if it is signed: the images' pages are donated and measured in this order, then the
 * signature is checked.  It is of the first KCORE_SIGNED_BYTES of struct kcore_measurement (KCore's abi.h): ECDSA P-256 over their
 * SHA-256, r and s, big endian.  Images are whole pages of the VMM's anonymous private memory; one that begins where the one
 * before ends is a part of it.
 * Errors as FINALISE, and EINVAL: more than 4 images, or one outside of the memory or not of whole pages.  EKEYREJECTED: what was
 * measured isn't signed by a key of the host's.  EFAULT: not such memory.  EINTR: the caller was killed.  After any error that
 * comes when the measurement has begun the VM is FAILED and can only be destroyed.
 */
struct kcore_image {
	__u64 ipa;
	__u64 bytes;
};

struct kcore_signed {
	__u8 signature[64];
	__u64 nr_images;
	struct kcore_image image[4];
};

#define KCORE_IOC_FINALISE_SIGNED	_IOW(KCORE_IOC_MAGIC, 3, struct kcore_signed)

/*
 * What KCore has measured of a protected VM, signed or not: words of struct kcore_measurement of its abi.h, 0 behind its end.
 * EINVAL: the VM isn't protected, or not finalised.
 */
struct kcore_vm_measurement {
	__u64 word[64];
};

#define KCORE_IOC_GET_MEASUREMENT	_IOR(KCORE_IOC_MAGIC, 4, struct kcore_vm_measurement)

/*
 * A quote: what KCore has measured of a protected VM that may run, and the caller's data (a nonce of whoever wants to know), signed by the key that
 * this KCore made when it was installed.  word: struct kcore_quote of its abi.h, 0 behind its end.
 * EINVAL: the VM isn't protected, not finalised, waits for its signature or dies.  ENOSYS: this KCore has no key.
 */
struct kcore_vm_quote {
	__u64 data[4];
	__u64 word[16];
};

#define KCORE_IOC_QUOTE		_IOWR(KCORE_IOC_MAGIC, 5, struct kcore_vm_quote)

#endif
