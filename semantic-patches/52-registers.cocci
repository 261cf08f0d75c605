// SPDX-License-Identifier: GPL-2.0-only
//
// Register and event ioctls on a protected vCPU fail loudly, instead of reading and writing a copy
// that means nothing.  The glue answers no before the VM is finalised: the VMM sets the boot
// registers by the same ioctls.
//
// Hook:      H35
// Serves:    a protected VM's registers are its own from the moment it is finalised
// Anchor:    kvm_arm_get_reg() and kvm_arm_set_reg() of guest.c, all releases;
//            __kvm_arm_vcpu_get_events() and __kvm_arm_vcpu_set_events() of guest.c from v4.19

@h35@
identifier f = {kvm_arm_get_reg, kvm_arm_set_reg, __kvm_arm_vcpu_get_events, __kvm_arm_vcpu_set_events};
identifier vcpu;
parameter list ps;
position p;
statement S, S1;
@@
 f@p(struct kvm_vcpu *vcpu, ps)
 {
 	... when != S1
+	if (kcore_vcpu_registers_private(vcpu))
+		return -EPERM;
 	S
 	... when any
 }

@script:python@
p << h35.p;
@@
print("MATCH H35 %s %s" % (p[0].line, p[0].current_element))
