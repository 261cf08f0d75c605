// SPDX-License-Identifier: GPL-2.0-only
//
// A CPU that KCore's PSCI relay brings up enters Linux at EL1.  The kernel must not conclude from
// that that EL2 is gone or that its CPUs were booted in different modes; and where KCore was asked
// for but could not be installed, KVM must not find EL2 and run without KCore.
//
// Hook:      H06
// Shape:     most files include asm/virt.h, so what is added is between #ifdef and #endif: without CONFIG_KCORE the header is seen
//            to be the pristine one, and what was compiled with one need not be compiled again with the other (tools/same-lines)
// Serves:    KCore owns EL2 on every CPU, also after CPU hotplug; KVM never runs without KCore when
//            KCore was asked for
// Anchor:    is_hyp_mode_available() and is_hyp_mode_mismatched() of asm/virt.h, the only two
//            readers of __boot_cpu_mode, unchanged in name and type since v3.8

@h06inc@
position p;
@@
+#ifdef CONFIG_KCORE
+#include <asm/kcore.h>
+#endif
 #include <asm/ptrace.h>@p

@h06a@
position p;
statement S, S1;
@@
 is_hyp_mode_available@p(void)
 {
 	... when != S1
+#ifdef CONFIG_KCORE
+	if (kcore_boot_mode()) {
+		return kcore_boot_mode() > 0;
+	}
+#endif
 	S
 	... when any
 }

@h06b@
position p;
statement S, S1;
@@
 is_hyp_mode_mismatched@p(void)
 {
 	... when != S1
+#ifdef CONFIG_KCORE
+	if (kcore_active()) {
+		return false;
+	}
+#endif
 	S
 	... when any
 }

@script:python@
p << h06inc.p;
@@
print("MATCH H06 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h06a.p;
@@
print("MATCH H06 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h06b.p;
@@
print("MATCH H06 %s %s" % (p[0].line, p[0].current_element))
