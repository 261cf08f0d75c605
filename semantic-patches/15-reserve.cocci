// SPDX-License-Identifier: GPL-2.0-only
//
// Take KCore's memory out of the host's before the page allocator exists.
//
// Hook:      H05
// Serves:    KCore's image, tables and bookkeeping are owned by KCore from the first page on
// Anchor:    the assignment of high_memory in arm64_memblock_init(): by then the kernel, the initrd
//            and the command line's "mem=" are accounted for, and nothing was allocated by size.
//            Function and assignment are there from v4.18 to v6.12.

@h05inc@
position p;
@@
+#include <asm/kcore.h>
 #include <asm/memory.h>@p

@h05@
position p;
@@
 arm64_memblock_init@p(void)
 {
 	...
+	kcore_reserve_memory();
 	high_memory = __va(memblock_end_of_DRAM() - 1) + 1;
 	...
 }

@script:python@
p << h05inc.p;
@@
print("MATCH H05 %s %s" % (p[0].line, p[0].current_element))

@script:python@
p << h05.p;
@@
print("MATCH H05 %s %s" % (p[0].line, p[0].current_element))
