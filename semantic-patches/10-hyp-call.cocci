// SPDX-License-Identifier: GPL-2.0-only
//
// Every crossing of host KVM from EL1 to EL2 goes to the glue, which has one shim per crossing.
// A crossing that a new kernel adds has no shim and fails the build instead of leaving a hole.
//
// Hook:      H01
// Serves:    the single choke point: KVM's own EL2 text is never entered; stage 2, vCPU state, vGIC
//            and timer offset change only by KCore's hypercalls
// Anchor:    the macro family kvm_call_hyp(), kvm_call_hyp_ret(), kvm_call_hyp_nvhe(), through
//            which all crossings go from v4.18 to v6.12 (13 to 28 call sites).  The ledger lists
//            every crossing of a release, so a changed set is an error that names the crossing.
// Note:      one rule for the three of them: spatch parses a changed function anew before the next rule, and
//            gives positions in it that are not the file's (kvm_arch_vcpu_ioctl_run() of v5.15 has two).

@h01@
identifier f;
expression list es;
position r, v, n;
@@
(
- kvm_call_hyp_ret@r(f, es)
+ kcore_call_hyp_ret(f, es)
|
- kvm_call_hyp_ret@r(f)
+ kcore_call_hyp_ret(f)
|
- kvm_call_hyp@v(f, es)
+ kcore_call_hyp(f, es)
|
- kvm_call_hyp@v(f)
+ kcore_call_hyp(f)
|
- kvm_call_hyp_nvhe@n(f, es)
+ kcore_call_hyp_nvhe(f, es)
|
- kvm_call_hyp_nvhe@n(f)
+ kcore_call_hyp_nvhe(f)
)

@script:python@
p << h01.r;
f << h01.f;
@@
print("MATCH H01 %s %s kvm_call_hyp_ret(%s" % (p[0].line, p[0].current_element, f))

@script:python@
p << h01.v;
f << h01.f;
@@
print("MATCH H01 %s %s kvm_call_hyp(%s" % (p[0].line, p[0].current_element, f))

@script:python@
p << h01.n;
f << h01.f;
@@
print("MATCH H01 %s %s kvm_call_hyp_nvhe(%s" % (p[0].line, p[0].current_element, f))
