// SPDX-License-Identifier: GPL-2.0-only
//
// The exit table sends faults to the shim.
//
// Hook:      H05

@entry@
symbol handle_fault;
position p;
@@
- handle_fault@p
+ kcore_handle_fault

@script:python@
p << entry.p;
@@
print("MATCH H05 %s %s" % (p[0].line, p[0].current_element))
