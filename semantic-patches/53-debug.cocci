// SPDX-License-Identifier: GPL-2.0-only
//
// No debugging of a protected VM from outside: single step, break- and watchpoints are refused.
//
// Hook:      H36
// Serves:    a protected VM's context is its own (KCore traps its debug registers anyway; the hook
//            gives the VMM an error it can read)
// Anchor:    kvm_arch_vcpu_ioctl_set_guest_debug(), called by generic KVM in every release

@h36@
identifier vcpu;
parameter list ps;
position p;
statement S, S1;
@@
 kvm_arch_vcpu_ioctl_set_guest_debug@p(struct kvm_vcpu *vcpu, ps)
 {
 	... when != S1
+	if (kcore_vm_protected(vcpu->kvm))
+		return -EPERM;
 	S
 	... when any
 }

@script:python@
p << h36.p;
@@
print("MATCH H36 %s %s" % (p[0].line, p[0].current_element))
