// SPDX-License-Identifier: GPL-2.0-only
//
// No cache maintenance by address over a protected VM's memory: its pages are not in the host's
// stage 2 any more, and KCore keeps them coherent.
//
// Hook:      H22
// Serves:    availability of the host only (KCore skips such an instruction on a page that is not
//            the host's; the hook spares one fault per line)
// Anchor:    stage2_flush_vm() of mmu.c, the only walk over all of a VM's memory

@h22@
identifier kvm;
position p;
statement S, S1;
@@
 stage2_flush_vm@p(struct kvm *kvm)
 {
 	... when != S1
+	if (kcore_vm_protected(kvm))
+		return;
 	S
 	... when any
 }

@script:python@
p << h22.p;
@@
print("MATCH H22 %s %s" % (p[0].line, p[0].current_element))
