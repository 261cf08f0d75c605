// SPDX-License-Identifier: GPL-2.0-only
// matches: H22 1
static void stage2_flush_memslot(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	flush(kvm, slot);
}

static void stage2_flush_vm(struct kvm *kvm)
{
	struct kvm_memory_slot *slot;
	int i;

	i = lock(kvm);
	list_for_each_entry(slot, &kvm->slots, link)
		stage2_flush_memslot(kvm, slot);
	unlock(kvm, i);
}
