// SPDX-License-Identifier: GPL-2.0-only
//
// EL2 can't be handed to another kernel: refuse to load a kexec or crash image while KCore runs.
//
// Hook:      H07
// Serves:    KCore owns EL2 until the machine is reset (KCore refuses the stub call as well; the
//            hook makes it an error at load time instead of a dead machine at kexec time)
// Anchor:    machine_kexec_prepare(), called by generic kexec code in every release

@h07inc@
position p;
@@
+#include <asm/kcore.h>
 #include <asm/memory.h>@p

@h07@
position p;
statement S, S1;
@@
 machine_kexec_prepare@p(...)
 {
 	... when != S1
+	if (kcore_active())
+		return -EBUSY;
 	S
 	... when any
 }

@script:python@
p << h07inc.p;
@@
print("MATCH H07 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h07.p;
@@
print("MATCH H07 %s %s" % (p[0].line, p[0].current_element))
