// SPDX-License-Identifier: GPL-2.0-only
//
// Capabilities under KCore: what it does not carry isn't offered, its limits are said.
//
// Hook:      H37
// Serves:    a VMM learns from KVM_CHECK_EXTENSION what would fail later (SVE, 32-bit EL1; in a
//            protected VM pointer authentication)
// Anchor:    kvm_vm_ioctl_check_extension(), called by generic KVM in every release.  The test is at the
//            entry, because the arms of its switch change with every release.

@h37@
identifier kvm, ext;
position p;
statement S, S1;
@@
 kvm_vm_ioctl_check_extension@p(struct kvm *kvm, long ext)
 {
 	... when != S1
+	if (kcore_extension_mine(kvm, ext))
+		return kcore_extension(ext);
 	S
 	... when any
 }

@script:python@
p << h37.p;
@@
print("MATCH H37 %s %s" % (p[0].line, p[0].current_element))
