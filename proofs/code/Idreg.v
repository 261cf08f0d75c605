(* SPDX-License-Identifier: GPL-2.0-only *)
(* idreg.c: ID registers of a protected guest. *)
From KCore Require Import code.Context gen.C_idreg.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* What passes of the machine's register: a mask and bits that are set. *)
Definition id_mask (crm op2 : Z) : Z :=
  if (crm =? 4) && (op2 =? 0) then 0xf10f000000ff0000
  else if (crm =? 4) && (op2 =? 1) then 0xff
  else if (crm =? 5) && (op2 =? 0) then 0
  else if (crm =? 6) && (op2 =? 0) then 0xfffffffff0fffff0
  else if (crm =? 6) && (op2 =? 1) then 0x0fffffff00fff00f
  else if (crm =? 7) && (op2 =? 0) then 0xfffffff0
  else if (crm =? 7) && (op2 =? 1) then 0xf000f0f00f
  else if (crm =? 7) && (op2 =? 2) then 0xf0ff00fff0f00fff else 0.
Definition id_set (gicv3 : bool) (crm op2 : Z) : Z :=
  if (crm =? 4) && (op2 =? 0) then if gicv3 then 0x1000011 else 0x11
  else if (crm =? 5) && (op2 =? 0) then 0x101006
  else if (crm =? 7) && (op2 =? 0) then 2 else 0.
(* CSV2 above 1 counts as 1. *)
Definition id_machine (crm op2 v : Z) : Z :=
  if (crm =? 4) && (op2 =? 0) && negb (Z.land v 0xe00000000000000 =? 0) then Z.lor v 0x100000000000000 else v.
Definition id_value (gicv3 : bool) (crm op2 v : Z) : Z := Z.lor (Z.land (id_machine crm op2 v) (id_mask crm op2)) (id_set gicv3 crm op2).
Example csv2_none : Z.land (id_value true 4 0 0x0000000000000011) 0xf00000000000000 = 0. Proof. reflexivity. Qed.
Example csv2_most : Z.land (id_value true 4 0 0x0300000000000011) 0xf00000000000000 = 0x100000000000000. Proof. reflexivity. Qed.

(* Numbers below 4 are the AArch32 registers: zero without a look. *)
Definition s_idreg_guest : prim state := fun args s =>
  match args with
  | [crm; op2] =>
      if crm <? 4 then Ok (0, s)
      else Ok (id_value (negb (cell s "has_gicv3" 0 =? 0)) crm op2 (answer s (List.length (trace s)) 0 mod 2 ^ 64),
               record "idreg_read" [crm; op2] s)
  | _ => Stuck
  end.

Lemma idreg_guest_ok : meets (run L1 f_idreg_guest) s_idreg_guest.
Proof.
  spec_args. unfold id_value, id_machine, id_mask, id_set. start f_idreg_guest. hide.
  steps; reveal; decide_conds; try reflexivity.
  all: rewrite ?andb_true_iff, ?Z.eqb_eq in *; repeat match goal with H : _ /\ _ |- _ => destruct H end; subst; cbn [Z.eqb Pos.eqb andb] in *.
  all: change (2 ^ 64) with 18446744073709551616; decide_conds.
  all: try destruct (negb (cell _ _ _ =? 0)); rewrite <- ?Z.lor_assoc, ?Z.land_0_r, ?Z.lor_0_r; reflexivity.
Qed.

Definition idreg_specs : list (string * prim state) := [("idreg_guest", s_idreg_guest)].

Theorem idreg_refines : refines eq m_idreg L1 (extend L1 idreg_specs).
Proof. apply module_meets. module_step idreg_guest_ok. exact I. Qed.
