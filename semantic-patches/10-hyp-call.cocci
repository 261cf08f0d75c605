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

@h01_ret@
identifier f;
expression list es;
position p;
@@
(
- kvm_call_hyp_ret@p(f, es)
+ kcore_call_hyp_ret(f, es)
|
- kvm_call_hyp_ret@p(f)
+ kcore_call_hyp_ret(f)
)

@h01_void@
identifier f;
expression list es;
position p;
@@
(
- kvm_call_hyp@p(f, es)
+ kcore_call_hyp(f, es)
|
- kvm_call_hyp@p(f)
+ kcore_call_hyp(f)
)

@h01_nvhe@
identifier f;
expression list es;
position p;
@@
(
- kvm_call_hyp_nvhe@p(f, es)
+ kcore_call_hyp_nvhe(f, es)
|
- kvm_call_hyp_nvhe@p(f)
+ kcore_call_hyp_nvhe(f)
)

@script:python@
p << h01_ret.p;
f << h01_ret.f;
@@
print("MATCH H01 %s %s kvm_call_hyp_ret(%s" % (p[0].line, p[0].current_element, f))

@script:python@
p << h01_void.p;
f << h01_void.f;
@@
print("MATCH H01 %s %s kvm_call_hyp(%s" % (p[0].line, p[0].current_element, f))

@script:python@
p << h01_nvhe.p;
f << h01_nvhe.f;
@@
print("MATCH H01 %s %s kvm_call_hyp_nvhe(%s" % (p[0].line, p[0].current_element, f))
