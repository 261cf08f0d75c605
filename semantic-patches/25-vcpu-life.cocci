// SPDX-License-Identifier: GPL-2.0-only
//
// Create and destroy KCore's vCPU and the page that host and KCore share for it.
//
// Hook:      H13 (destroy), H14 (create)
// Serves:    the shared page is the host's and mapped nowhere while it is a vCPU's page, and is
//            given back only when KCore has let it go
// Anchor:    the calls of kvm_timer_vcpu_init() and kvm_timer_vcpu_terminate(): one call site each in
//            every release, both in a context that may sleep.  The containing functions differ
//            (kvm_arch_vcpu_init or _create, kvm_arch_vcpu_free or _destroy).

@h14@
expression vcpu;
position p;
@@
 kvm_timer_vcpu_init@p(vcpu);
+kcore_vcpu_created(vcpu);

@h13@
expression vcpu;
position p;
@@
+kcore_vcpu_destroyed(vcpu);
 kvm_timer_vcpu_terminate@p(vcpu);

@script:python@
p << h14.p;
@@
print("MATCH H14 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h13.p;
@@
print("MATCH H13 %s %s" % (p[0].line, p[0].current_element))
