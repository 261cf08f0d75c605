/* SPDX-License-Identifier: GPL-2.0-only */
/* Every attack: X(function, "name", "what is tried").  docs/attacks.md says what each stands for. */
#ifndef ATTACKS_H
#define ATTACKS_H

#include "rawvm.h"
#include "victim.h"

#define ATTACKS(X) \
	/* attack_memory.c: a private page of a protected VM */ \
	X(linear_read, "linear-read", "host kernel reads a private page through its linear map") \
	X(linear_write, "linear-write", "host kernel writes a private page through its linear map") \
	X(mapping_access, "mapping-access", "host kernel maps a private page anew, cacheable, and reads and writes it") \
	X(device_access, "device-access", "host kernel maps a private page as device memory, past the caches") \
	X(user_load_store, "user-load-store", "the VMM loads from and stores to a private page") \
	X(other_process, "other-process", "another process maps the private page by its physical address") \
	X(syscall_source, "syscall-source", "a system call reads user memory that is a private page") \
	X(syscall_target, "syscall-target", "a system call writes to user memory that is a private page") \
	X(kernel_copy, "kernel-copy", "the kernel copies a private page by its struct page: /proc/self/mem, vmsplice") \
	X(execute_user, "execute-user", "user space executes a private page") \
	X(execute_kernel, "execute-kernel", "host kernel executes a private page") \
	X(zero_block, "zero-block", "DC ZVA of the host kernel on a private page") \
	X(cache_by_address, "cache-by-address", "cache maintenance by address on a private page") \
	X(cache_set_way, "cache-set-way", "cache maintenance by set and way while a VM has private pages") \
	X(stale_tlb, "stale-tlb", "loads through translations that were cached before the page was donated") \
	X(stale_tlb_other_cpu, "stale-tlb-other-cpu", "the same by another CPU that reads all the time") \
	X(memory_slots, "memory-slots", "KVM is told to drop, age, log and remove the memory of a protected VM") \
	X(discard, "discard", "the VMM discards its mapping of private pages") \
	X(scrub, "scrub", "host reads the private pages after the VM is gone") \
	X(scrub_order, "scrub-order", "host reads the pages of a dying VM before they are scrubbed") \
	/* attack_owner.c: who owns a page */ \
	X(donate_twice, "donate-twice", "a private page is donated again, and another page to the same place") \
	X(donate_core, "donate-core", "pages of KCore are donated to a VM") \
	X(donate_other_vm, "donate-other-vm", "a page of one protected VM is donated to another") \
	X(donate_mapped, "donate-mapped", "a page that a normal VM has mapped is donated") \
	X(donate_device, "donate-device", "device memory is donated") \
	X(donate_vcpu_page, "donate-vcpu-page", "a vCPU page is donated") \
	X(donate_outside, "donate-outside", "a page is donated outside of the VM's memory, and to a normal VM") \
	X(map_private, "map-private", "a private page is mapped in a normal VM, as page and as part of a block") \
	X(map_core, "map-core", "pages of KCore are mapped in a normal VM, as memory and as device") \
	X(map_denied, "map-denied", "the GIC's hypervisor registers are mapped in a normal VM and in the host") \
	X(map_protected, "map-protected", "the map calls of normal VMs are used on a protected VM") \
	X(share_private, "share-private", "private pages, KCore's and devices are given as vCPU pages") \
	X(share_twice, "share-twice", "one page is given as the page of two vCPUs") \
	/* attack_share.c: pages that a protected guest shares, takes back and gives up */ \
	X(unshared_read, "unshared-read", "host reads pages beside one that the guest shares") \
	X(unshare_mapping, "unshare-mapping", "host uses its mappings of a shared page after the guest has taken it back") \
	X(unshare_other_cpu, "unshare-other-cpu", "the same by another CPU that reads all the time") \
	X(unshare_mapped, "unshare-mapped", "a shared page is kept in a normal VM while the guest takes it back") \
	X(share_again, "share-again", "a page is shared twice, donated while it is shared, and shared at the VM's end") \
	X(share_arguments, "share-arguments", "a guest shares, takes back and gives up what it has not") \
	X(share_missing, "share-missing", "a guest shares a page that is not there, and the host doesn't give it") \
	X(relinquish, "relinquish", "host reads a page that the guest has given up") \
	/* attack_guard.c: accesses outside of a protected VM's memory that its guest doesn't want the host to see */ \
	X(guard_access, "guard-access", "the host waits for a guest's loads and stores outside of its memory") \
	X(guard_fetch, "guard-fetch", "the host waits for a guest's jump there") \
	X(guard_arguments, "guard-arguments", "a guest gives the host its own memory to serve, and addresses that don't exist") \
	X(guard_full, "guard-full", "a guest gives more ranges than KCore keeps") \
	X(guard_again, "guard-again", "a VM gets the handle of one that had a guard") \
	/* attack_regs.c: registers and exits of a protected vCPU */ \
	X(ioctl_read, "ioctl-read", "all registers of a protected vCPU are read by KVM ioctls") \
	X(ioctl_write, "ioctl-write", "all registers of a protected vCPU are set by KVM ioctls") \
	X(page_read, "page-read", "the vCPU page is searched for the guest's registers") \
	X(page_write, "page-write", "the vCPU page is overwritten at every exit") \
	X(mmio_registers, "mmio-registers", "the vCPU page is searched at exits by MMIO write and read") \
	X(boot_registers, "boot-registers", "PC and arguments are changed after the VM was finalised") \
	X(pc_set, "pc-set", "a vCPU stopped at an exit gets another PC") \
	X(skip_fault, "skip-fault", "the host asks to skip an instruction that took a memory fault or an interrupt") \
	X(inject, "inject", "the host injects exceptions that the exit doesn't allow") \
	X(enter_flags, "enter-flags", "unknown and combined requests in the vCPU page") \
	X(hcr_wishes, "hcr-wishes", "all bits of HCR_EL2 are wished for") \
	X(trap_wishes, "trap-wishes", "traps of debug exceptions and of the physical counter are wished for") \
	X(sve_wish, "sve-wish", "SVE is wished for, with the host's registers in the CPU") \
	X(aarch32_wish, "aarch32-wish", "AArch32 at EL1 is wished for, with a PSTATE of it") \
	X(timer_offset, "timer-offset", "the virtual counter's offset and MPIDR are changed while the VM runs") \
	X(secondary_start, "secondary-start", "the host starts a secondary vCPU that the guest keeps off") \
	X(secondary_entry, "secondary-entry", "the host chooses where a secondary vCPU starts") \
	/* attack_life.c: life cycle */ \
	X(reclaim_running, "reclaim-running", "the VM is destroyed while a vCPU is loaded") \
	X(destroy_early, "destroy-early", "destroy steps and end without begin") \
	X(two_cpus, "two-cpus", "one vCPU is run on two CPUs") \
	X(load_twice, "load-twice", "two vCPUs are loaded on one CPU; one is run that isn't loaded") \
	X(run_unfinished, "run-unfinished", "a VM is run before it is finalised") \
	X(run_destroyed, "run-destroyed", "a VM is run while it is destroyed and after") \
	X(finalise_again, "finalise-again", "a VM is finalised twice, and with ranges that don't fit") \
	X(vcpu_late, "vcpu-late", "a vCPU is added to or taken from a finalised protected VM") \
	X(end_with_pages, "end-with-pages", "the handle is recycled while pages or vCPUs remain") \
	/* attack_signed.c: a VM that starts only with a signature of what is in it */ \
	X(signed_key, "signed-key", "a VM is started by a signature of another key") \
	X(signed_none, "signed-none", "a VM is started without a signature, and with a damaged one") \
	X(signed_content, "signed-content", "a byte of kernel, device tree or initial RAM disk is another one") \
	X(signed_place, "signed-place", "address of an image, entry point, registers, memory or number of vCPUs are other ones") \
	X(signed_order, "signed-order", "the images are measured in another order") \
	X(signed_whole, "signed-whole", "an image is measured short, with a hole, or in part twice") \
	X(signed_fifth, "signed-fifth", "more images are measured than KCore keeps, and signed") \
	X(signed_changed, "signed-changed", "the host writes to a page between donation, measurement and start") \
	X(signed_early, "signed-early", "a VM that waits for its signature is run, and started while it is loaded") \
	X(signed_again, "signed-again", "a VM is started again after a refused signature, and after a good one") \
	X(signed_other, "signed-other", "a VM is started by another VM's signature") \
	X(signed_type, "signed-type", "VMs that nobody signs are measured and started") \
	X(signed_ioctl, "signed-ioctl", "a VMM asks for a signed VM with images, signatures and states that don't fit") \
	X(signed_only, "signed-only", "a protected VM is started without a signature where all have to be signed") \
	/* attack_quote.c: what KCore signs of a VM */ \
	X(quote_forged, "quote-forged", "words of a quote and of the measurement are changed, and another VM's are put in their place") \
	X(quote_who, "quote-who", "a quote that the host asked for is passed off as the guest's; words behind a quote are read") \
	X(quote_state, "quote-state", "a quote of a VM that is normal, not finalised, not signed, refused, dying or gone") \
	X(quote_ioctl, "quote-ioctl", "a VMM asks the glue for a quote of VMs that have none") \
	/* attack_calls.c: arguments of every call */ \
	X(arguments, "arguments", "ids, addresses, sizes and counts out of range, unaligned, overflowing, for every hypercall") \
	X(unknown_calls, "unknown-calls", "numbers that are no hypercall") \
	/* attack_host.c: EL2 itself */ \
	X(stub_calls, "stub-calls", "SET_VECTORS, SOFT_RESTART, RESET_VECTORS and the other stub calls") \
	X(install_again, "install-again", "KCore is installed a second time") \
	X(core_read, "core-read", "host reads KCore's image, tables, stacks and records") \
	X(core_write, "core-write", "host writes KCore's image, vectors, tables, stacks and records") \
	X(core_map_user, "core-map-user", "user space maps KCore's memory") \
	X(core_execute, "core-execute", "host executes KCore's image") \
	X(cpu_on_entry, "cpu-on-entry", "PSCI CPU_ON with an entry of the host's choosing") \
	X(cpu_on_wrong, "cpu-on-wrong", "PSCI CPU_ON of CPUs that are on or don't exist") \
	X(smc_calls, "smc-calls", "SMCs that aren't on the allow list") \
	X(translate_stage2, "translate-stage2", "the host asks the CPU for stage-2 translations (AT S12E1R)") \
	X(kexec, "kexec", "the host loads a kernel for kexec")

#define DECLARE_ATTACK(function, name, what) void attack_##function(void);
ATTACKS(DECLARE_ATTACK)
#undef DECLARE_ATTACK
#endif
