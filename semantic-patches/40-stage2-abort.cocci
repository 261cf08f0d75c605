// SPDX-License-Identifier: GPL-2.0-only
//
// Stage-2 aborts go to the glue first: it donates a page (protected VM), or fills KCore's table from
// KVM's own, or hands on the abort that KVM's own table would have raised.
//
// Hook:      H20
// Serves:    KVM's stage-2 table is a shadow; KCore's table changes only by hypercalls that check
//            the ownership of the page
// Anchor:    kvm_handle_guest_abort as an expression: that is its two entries (instruction, data) in
//            arm_exit_handlers[].  Definition and prototype are no expressions and stay.

@h20@
position p;
symbol kvm_handle_guest_abort;
@@
- kvm_handle_guest_abort@p
+ kcore_handle_guest_abort

@script:python@
p << h20.p;
@@
print("MATCH H20 %s %s" % (p[0].line, p[0].current_element))
