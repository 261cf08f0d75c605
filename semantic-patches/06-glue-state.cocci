// SPDX-License-Identifier: GPL-2.0-only
//
// Room for the glue's state per VM (handle, type) and per vCPU (handle, shared page).
//
// Hook:      H04
// Serves:    the glue's bookkeeping only; KCore trusts nothing that is kept here
// Anchor:    struct kvm_arch and struct kvm_vcpu_arch, the architecture's part of generic KVM's
//            structures: the names are fixed by include/linux/kvm_host.h.  The field goes last, so
//            that no offset of a field above it changes.

@h04vm@
position p;
@@
 struct kvm_arch@p {
 	...
+	struct kcore_vm_glue kcore;
 };

@h04vcpu@
position p;
@@
 struct kvm_vcpu_arch@p {
 	...
+	struct kcore_vcpu_glue kcore;
 };

@script:python@
p << h04vm.p;
@@
print("MATCH H04 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h04vcpu.p;
@@
print("MATCH H04 %s %s" % (p[0].line, p[0].current_element))
