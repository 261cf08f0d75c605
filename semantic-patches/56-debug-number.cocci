// SPDX-License-Identifier: GPL-2.0-only
//
// A trapped access to a breakpoint or watchpoint register goes to the register that the encoding
// names, where KVM's table says number 0 for each.  Stock KVM traps the first accesses only and hardly
// shows it; under KCore every access is trapped.
//
// Hook:      H38
// Serves:    breakpoints and watchpoints of a normal guest
// Anchor:    trap_bvr(), trap_bcr(), trap_wvr() and trap_wcr() of sys_regs.c.  The 0 came to the table with
//            a bitmap of the registers that are reset, in v5.3; from v5.13 on, and in v5.10.y, the handlers
//            use the encoding themselves.

@counted@
parameter list ps;
identifier bmap;
@@
 reset_sys_reg_descs(ps, unsigned long *bmap)
 { ... }

@h38 depends on counted@
identifier f = {trap_bvr, trap_bcr, trap_wvr, trap_wcr};
identifier rd, r;
expression e;
parameter list ps;
position p;
@@
 f@p(ps, const struct sys_reg_desc *rd)
 {
 	u64 *r = &e[
-	rd->reg
+	kcore_debug_number(rd)
 	];
 	...
 }

@script:python@
p << h38.p;
@@
print("MATCH H38 %s %s" % (p[0].line, p[0].current_element))
