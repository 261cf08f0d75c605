// SPDX-License-Identifier: GPL-2.0-only
//
// A member and the include that declares its type.
//
// Hook:      H04

@inc@
position p;
@@
 #include <machine/base.h>@p
+#include <machine/kcore.h>

@member@
position p;
@@
 struct guest@p {
 	...
+	struct kcore_guest kcore;
 };

@script:python@
p << inc.p;
@@
print("MATCH H04 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << member.p;
@@
print("MATCH H04 %s %s" % (p[0].line, p[0].current_element))
