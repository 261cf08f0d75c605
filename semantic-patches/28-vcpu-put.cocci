// SPDX-License-Identifier: GPL-2.0-only
//
// Put the vCPU at KCore before KVM puts its own vGIC and timer: KVM's put reads what KCore's put
// has written to the vCPU's page.
//
// Hook:      H16
// Serves:    a vCPU is loaded on at most one CPU, and its registers are the host's to read (normal
//            VM) only between put and load
// Anchor:    kvm_arch_vcpu_put(), called by generic KVM from vcpu_put() and from the preempt
//            notifier in every release

@h16@
identifier vcpu;
position p;
statement S, S1;
@@
 kvm_arch_vcpu_put@p(struct kvm_vcpu *vcpu)
 {
 	... when != S1
+	kcore_vcpu_put(vcpu);
 	S
 	... when any
 }

@script:python@
p << h16.p;
@@
print("MATCH H16 %s %s" % (p[0].line, p[0].current_element))
