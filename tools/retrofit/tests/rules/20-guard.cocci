// SPDX-License-Identifier: GPL-2.0-only
//
// Guards at the entry of two functions.
//
// Hook:      H02, H03

@enter@
identifier cpu;
parameter list ps;
statement S, S1;
position p;
@@
 guest_enter@p(struct guest_cpu *cpu, ps)
 {
 	... when != S1
+	if (kcore_refuses(cpu))
+		return -1;
 	S
 	... when any
 }

@reset@
identifier cpu;
statement S, S1;
position p;
@@
 guest_reset@p(struct guest_cpu *cpu)
 {
 	... when != S1
+	kcore_reset(cpu);
 	S
 	... when any
 }

@script:python@
p << enter.p;
@@
print("MATCH H02 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << reset.p;
@@
print("MATCH H03 %s %s" % (p[0].line, p[0].current_element))
