(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * What KCore answers a protected guest by itself, as functions of the guest's registers; the top machine leaves open which they are (OLocal).
 * GuestLocal.v and GuestOther.v show that the C computes them; the oracle extracts them (extract/Oracle.v).
 *)
From KCore Require Import code.Idreg code.GuestSysreg top.Guest.
Local Open Scope Z_scope.

(* Registers in the order of top/Guest.v, as a function of their number. *)
Definition of_list (l : list Z) (k : Z) : Z := nth (Z.to_nat k) l 0.

(* A trapped register.  id: what id_answer gives. *)
Definition sysreg_answer (gicv3 : bool) (esr id : Z) (R : Z -> Z) : list (Z * Z) :=
  let sre := gicv3 && (sysreg esr =? ICC_SRE) in
  let rt := field esr 5 31 in
  if raz_wi (sysreg esr) || is_id esr || sre
  then ((if is_read esr && negb (rt =? 31) then [(rt, if sre then 7 else id)] else []) ++ advance R)%list
  else take_exception R ESR_IL 0.
(* An ID register, as far as it passes.  machine: what the CPU's own holds. *)
Definition id_shown (gicv3 : bool) (esr machine : Z) : Z :=
  let crm := field (sysreg esr) 1 15 in
  if is_id esr then if crm <? 4 then 0 else id_value gicv3 crm (field (sysreg esr) 17 7) machine else 0.

(* Other traps: an SMC (EC 0x17) gets NOT_SUPPORTED, anything else is UNDEFINED. *)
Definition other_answer (esr : Z) (R : Z -> Z) : list (Z * Z) :=
  if ec esr =? 0x17 then ((0, MASK64) :: advance R)%list else take_exception R ESR_IL 0.
