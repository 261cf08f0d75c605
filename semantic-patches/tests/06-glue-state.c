// SPDX-License-Identifier: GPL-2.0-only
// matches: H04 2
struct kvm_arch {
	int a;
	struct {
		int nested;
	} b;
};

struct kvm_arch_memory_slot {
	int untouched;
};

struct kvm_vcpu_arch {
	struct kvm_arch *kvm;

	/* the last one */
	long c;
};
