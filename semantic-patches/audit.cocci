// SPDX-License-Identifier: GPL-2.0-only
//
// Completeness audit, run behind all rules over the patched host side of KVM (what runs at EL2 itself,
// hyp/nvhe and hyp/vhe, is left out by the ledger): each line printed is an operation that reaches
// EL2 around KCore.  The ledger's "allow" lists those that may stay, with a reason.
//
// Serves:    the completeness of interception, for what does not go through kvm_call_hyp*()
// Looks for: calls into EL2 or the hyp-stub, accesses to EL2 registers, hypercalls by SMCCC

@call@
identifier f =~ "^(kvm_call_hyp|kvm_call_hyp_ret|kvm_call_hyp_nvhe|__kvm_call_hyp|__hyp_set_vectors|__hyp_reset_vectors|__cpu_init_hyp_mode|kvm_call_refill_hyp_nvhe)$";
position p;
@@
 f@p(...)

@script:python@
p << call.p;
f << call.f;
@@
print("AUDIT %s %s:%s" % (f, p[0].file, p[0].line))

@access@
expression e;
identifier r =~ "_el2$";
position p;
@@
(
 write_sysreg@p(e, r)
|
 read_sysreg@p(r)
|
 write_sysreg_s@p(e, r)
|
 read_sysreg_s@p(r)
)

@script:python@
p << access.p;
r << access.r;
@@
print("AUDIT %s %s:%s" % (r, p[0].file, p[0].line))

@named@
expression e;
identifier r =~ "^SYS_.*_EL2$";
position p;
@@
(
 write_sysreg_s@p(e, r)
|
 read_sysreg_s@p(r)
)

@script:python@
p << named.p;
r << named.r;
@@
print("AUDIT %s %s:%s" % (r, p[0].file, p[0].line))

@hvc@
expression list es;
identifier f =~ "^arm_smccc_1_[12]_(hvc|invoke)$";
position p;
@@
 f@p(es)

@script:python@
p << hvc.p;
f << hvc.f;
@@
print("AUDIT %s %s:%s" % (f, p[0].file, p[0].line))
