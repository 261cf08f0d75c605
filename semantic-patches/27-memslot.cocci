// SPDX-License-Identifier: GPL-2.0-only
//
// Memory slots of a protected VM can't be moved, and can't be logged for dirty pages.
//
// Hook:      H25
// Serves:    a protected VM's IPA-to-page binding is immutable from the first donation to the VM's
//            end; KCore keeps it anyway, the hook gives the VMM an error it can read
// Anchor:    kvm_arch_prepare_memory_region(), called by generic KVM before each change of a slot.
//            Its parameters changed three times; only kvm and the kind of change are used, what is
//            between them is a wildcard.

@h25@
identifier kvm, change;
parameter list ps;
position p;
statement S, S1;
@@
 kvm_arch_prepare_memory_region@p(struct kvm *kvm, ps, enum kvm_mr_change change)
 {
 	... when != S1
+	if (!kcore_memslot_allowed(kvm, change))
+		return -EPERM;
 	S
 	... when any
 }

@script:python@
p << h25.p;
@@
print("MATCH H25 %s %s" % (p[0].line, p[0].current_element))
