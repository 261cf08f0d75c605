// SPDX-License-Identifier: GPL-2.0-only
//
// Exceptions that KVM gives to a guest are noted, so that the glue can ask KCore for them: the guest's
// registers are KCore's, KVM only edits its own copy.
//
// Hook:      H30
// Serves:    a protected VM gets only the exceptions that the ABI allows, from KCore
// Anchor:    kvm_inject_undefined(), kvm_inject_dabt(), kvm_inject_pabt(), kvm_inject_vabt() of
//            inject_fault.c.  The parameter list behind vcpu is a wildcard, which also matches no
//            parameter.

@h30@
identifier f = {kvm_inject_undefined, kvm_inject_dabt, kvm_inject_pabt, kvm_inject_vabt};
identifier vcpu;
parameter list ps;
position p;
statement S, S1;
@@
 f@p(struct kvm_vcpu *vcpu, ps)
 {
 	... when != S1
+	kcore_note_inject(vcpu);
 	S
 	... when any
 }

@script:python@
p << h30.p;
@@
print("MATCH H30 %s %s" % (p[0].line, p[0].current_element))
