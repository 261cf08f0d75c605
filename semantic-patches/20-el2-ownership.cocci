// SPDX-License-Identifier: GPL-2.0-only
//
// KVM must neither install its own EL2 vectors nor put the stub's back once KCore owns EL2.
//
// Hook:      H02 (install), H03 (reset)
// Serves:    KCore owns EL2 outright.  KCore refuses the stub calls anyway; the hooks keep KVM's
//            bring-up and its CPU hotplug callbacks from running into the refusal.
// Anchor:    cpu_init_hyp_mode() and cpu_hyp_reset() of arm.c, the only two functions of KVM that
//            touch EL2's vectors outside protected mode.  The parameter list is a wildcard: void *
//            up to v5.4, void after.

@h02@
position p;
statement S, S1;
@@
 cpu_init_hyp_mode@p(...)
 {
 	... when != S1
+	if (kcore_active())
+		return;
 	S
 	... when any
 }

@h03@
position p;
statement S, S1;
@@
 cpu_hyp_reset@p(...)
 {
 	... when != S1
+	if (kcore_active())
+		return;
 	S
 	... when any
 }

@script:python@
p << h02.p;
@@
print("MATCH H02 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h03.p;
@@
print("MATCH H03 %s %s" % (p[0].line, p[0].current_element))
