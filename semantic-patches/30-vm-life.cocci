// SPDX-License-Identifier: GPL-2.0-only
//
// Create KCore's VM, take its pages back, destroy it.
//
// Hook:      H10 (create), H11 (reclaim), H12 (destroy)
// Serves:    every page of a VM is scrubbed and the host's again before the host's allocator may
//            use it again; handles are recycled
// Anchor:    H10 the call of kvm_vgic_early_init() in kvm_arch_init_vm(), behind the last step that
//            can fail.  H11 the entry of kvm_arch_flush_shadow_all(), which generic KVM calls before
//            the address space goes (the MMU notifier's release, before exit_mmap() frees a page).
//            H12 the call of kvm_vgic_destroy() in kvm_arch_destroy_vm().  All six releases.
// Note:      'exists', since the early error returns never reach the anchor.  H11 goes right behind
//            the brace: the first-statement idiom mangles v6.12's "for (int i = 0; ...)".

@h10 exists@
identifier kvm, type;
position p;
@@
 kvm_arch_init_vm@p(struct kvm *kvm, unsigned long type)
 {
 	...
 	kvm_vgic_early_init(kvm);
+	kcore_vm_created(kvm, type);
 	...
 }

@h11@
identifier kvm;
position p;
@@
 kvm_arch_flush_shadow_all@p(struct kvm *kvm)
 {
+	kcore_vm_reclaim(kvm);
 	...
 }

@h12 exists@
identifier kvm;
position p;
@@
 kvm_arch_destroy_vm@p(struct kvm *kvm)
 {
 	...
+	kcore_vm_destroyed(kvm);
 	kvm_vgic_destroy(kvm);
 	...
 }

@script:python@
p << h10.p;
@@
print("MATCH H10 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h11.p;
@@
print("MATCH H11 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h12.p;
@@
print("MATCH H12 %s %s" % (p[0].line, p[0].current_element))
