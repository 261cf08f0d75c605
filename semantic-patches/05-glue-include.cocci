// SPDX-License-Identifier: GPL-2.0-only
//
// Make the glue's macros and structures visible wherever KVM's own are.
//
// Hook:      H00
// Serves:    the completeness of interception: kcore_call_hyp*() must be known in every file that
//            makes a crossing, so that a crossing without a shim is a build error
// Anchor:    #include <asm/kvm_asm.h> in asm/kvm_host.h, v4.18 to v6.12.  kvm_host.h has to include
//            kvm_asm.h for the vCPU's exit codes, and every file of host KVM includes kvm_host.h.

@h00@
position p;
@@
 #include <asm/kvm_asm.h>@p
+#include <asm/kcore_glue.h>

@script:python@
p << h00.p;
@@
print("MATCH H00 %s %s" % (p[0].line, p[0].current_element))
