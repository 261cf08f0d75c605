// SPDX-License-Identifier: GPL-2.0-only
//
// Put the vCPU at KCore between KVM's puts of the timer and of the vGIC.  KCore's put sets CNTVOFF_EL2
// to 0: a guest's timer that is still in the hardware would fire then.  KVM's put of the vGIC reads what
// KCore's put has written to the vCPU's page.
//
// Hook:      H16
// Serves:    a vCPU is loaded on at most one CPU, and its registers are the host's to read (normal
//            VM) only between put and load
// Anchor:    kvm_timer_vcpu_put() in kvm_arch_vcpu_put(), called by generic KVM from vcpu_put() and from
//            the preempt notifier; kvm_vgic_put() is behind it in every release

@h16@
identifier vcpu;
position p;
@@
 kvm_arch_vcpu_put@p(struct kvm_vcpu *vcpu)
 {
 	...
 	kvm_timer_vcpu_put(vcpu);
+	kcore_vcpu_put(vcpu);
 	...
 }

@script:python@
p << h16.p;
@@
print("MATCH H16 %s %s" % (p[0].line, p[0].current_element))
