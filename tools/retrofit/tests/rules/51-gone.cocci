// SPDX-License-Identifier: GPL-2.0-only
//
// A hook that this release does not need.
//
// Hook:      H06

@gone@
position p;
statement S, S1;
@@
 guest_skip@p(...)
 {
 	... when != S1
+	kcore_skip();
 	S
 	... when any
 }

@script:python@
p << gone.p;
@@
print("MATCH H06 %s %s" % (p[0].line, p[0].current_element))
