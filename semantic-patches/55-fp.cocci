// SPDX-License-Identifier: GPL-2.0-only
//
// The kernel saves the host's FP and SIMD state before KCore may load a guest's into the registers.
//
// Hook:      H43
// Serves:    the host's FP state survives a guest's run (KCore saves and clears the guest's, and
//            keeps nothing of the host's)
// Anchor:    kvm_arch_vcpu_load_fp() of fpsimd.c, called at each vCPU load in every release.  From
//            v6.1.y on KVM saves the state itself and the glue's function has nothing to do.

@h43@
identifier vcpu;
position p;
statement S, S1;
@@
 kvm_arch_vcpu_load_fp@p(struct kvm_vcpu *vcpu)
 {
 	... when != S1
+	kcore_fp_load(vcpu);
 	S
 	... when any
 }

@script:python@
p << h43.p;
@@
print("MATCH H43 %s %s" % (p[0].line, p[0].current_element))
