// SPDX-License-Identifier: GPL-2.0-only
//
// Every call into the machine goes to the shim.
//
// Hook:      H01

@void_call@
identifier f;
expression list es;
position p;
@@
(
- machine_call@p(f, es)
+ kcore_machine_call(f, es)
|
- machine_call@p(f)
+ kcore_machine_call(f)
)

@script:python@
p << void_call.p;
f << void_call.f;
@@
print("MATCH H01 %s %s machine_call(%s" % (p[0].line, p[0].current_element, f))
