// SPDX-License-Identifier: GPL-2.0-only
//
// When the host ages pages of a normal VM, KCore drops its entries of the range as well, so that the
// guest's next access is seen.
//
// Hook:      H23
// Serves:    the host's page reclaim sees a normal guest's accesses, as with stock KVM
// Anchor:    the aging callback of generic KVM's MMU notifier: kvm_age_hva() up to v5.10 (host
//            addresses), kvm_age_gfn() from v5.15 (guest frames).  One of the two rules matches.

@h23hva@
identifier kvm, start, end;
position p;
statement S, S1;
@@
 kvm_age_hva@p(struct kvm *kvm, unsigned long start, unsigned long end)
 {
 	... when != S1
+	kcore_age_hva(kvm, start, end);
 	S
 	... when any
 }

@h23gfn@
identifier kvm, range;
position p;
statement S, S1;
@@
 kvm_age_gfn@p(struct kvm *kvm, struct kvm_gfn_range *range)
 {
 	... when != S1
+	kcore_age_gfn(kvm, range->start, range->end);
 	S
 	... when any
 }

@script:python@
p << h23hva.p;
@@
print("MATCH H23 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h23gfn.p;
@@
print("MATCH H23 %s %s" % (p[0].line, p[0].current_element))
