// SPDX-License-Identifier: GPL-2.0-only
//
// What still reaches the machine around the shim.

@call@
identifier f =~ "^(machine_call|machine_reset)$";
position p;
@@
 f@p(...)

@script:python@
p << call.p;
f << call.f;
@@
print("AUDIT %s %s:%s" % (f, p[0].file, p[0].line))
