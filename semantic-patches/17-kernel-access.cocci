// SPDX-License-Identifier: GPL-2.0-only
//
// Kernel code that reaches a protected VM's page through its struct page, where no fixup is prepared: it goes on.
//
// Hook:      H08
// Serves:    no system call of a VMM makes the host's kernel die (reads give zero, stores are lost)
// Anchor:    __do_kernel_fault(), where every kernel fault without a handler of its own ends up, from
//            v4.18 to v6.12; the type of its syndrome changed, so it isn't named

@h08inc@
position p;
@@
+#include <asm/kcore.h>
 #include <asm/bug.h>@p

@h08@
identifier addr, esr, regs;
type T;
position p;
statement S, S1;
@@
 __do_kernel_fault@p(unsigned long addr, T esr, struct pt_regs *regs)
 {
 	... when != S1
+	if (kcore_kernel_access(addr, esr, regs))
+		return;
 	S
 	... when any
 }

@script:python@
p << h08inc.p;
@@
print("MATCH H08 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h08.p;
@@
print("MATCH H08 %s %s" % (p[0].line, p[0].current_element))
