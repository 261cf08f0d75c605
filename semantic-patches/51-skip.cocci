// SPDX-License-Identifier: GPL-2.0-only
//
// Note that KVM has finished the instruction of an exit.  Up to v5.10 the host moves the program
// counter of its own copy at once; from v5.15 it sets a flag that the glue reads, so there is
// nothing to hook and the ledger expects 0 matches.
//
// Hook:      H31
// Serves:    a protected VM's program counter is moved by KCore only, past the exit's instruction
// Anchor:    kvm_skip_instr() of asm/kvm_emulate.h

@h31@
identifier vcpu, wide;
position p;
statement S, S1;
@@
 kvm_skip_instr@p(struct kvm_vcpu *vcpu, bool wide)
 {
 	... when != S1
+	kcore_note_skip(vcpu);
 	S
 	... when any
 }

@script:python@
p << h31.p;
@@
print("MATCH H31 %s %s" % (p[0].line, p[0].current_element))
