// SPDX-License-Identifier: GPL-2.0-only
//
// A CPU that KCore's PSCI relay brings up enters Linux at EL1, and head.S notes that in __boot_cpu_mode.
// The kernel must not conclude from that that EL2 is gone or that its CPUs were booted in different
// modes; and where KCore was asked for but could not be installed, KVM must not find EL2 and run
// without KCore.
//
// Hook:      H06
// Shape:     __boot_cpu_mode is put right by the CPU's first line of C.  Its readers, in a header that most files
//            include, are left alone: without CONFIG_KCORE most objects need not be compiled again
// Serves:    KCore owns EL2 on every CPU, also after CPU hotplug; KVM never runs without KCore when
//            KCore was asked for
// Anchor:    secondary_start_kernel(), where every CPU but the first enters C since v3.7

@h06inc@
position p;
@@
+#include <asm/kcore.h>
 #include <asm/mmu_context.h>@p

@h06@
position p;
statement S, S1;
@@
 secondary_start_kernel@p(void)
 {
 	... when != S1
+	kcore_boot_mode();
 	S
 	... when any
 }

@script:python@
p << h06inc.p;
@@
print("MATCH H06 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h06.p;
@@
print("MATCH H06 %s %s" % (p[0].line, p[0].current_element))
