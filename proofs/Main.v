(* SPDX-License-Identifier: GPL-2.0-only *)
(* The strongest closed theorems so far; the gate prints the assumptions of each line below. *)
From KCore Require Import lang.Refine lang.Check gen.Program machine.Base code.Disciplines
  code.Owner code.Pool code.Pte.

(* Functions of the core whose translation is proved to meet a specification. *)
Definition proved : list string := map fst (owner_specs ++ pool_specs ++ pte_specs).

Definition unproved : list string :=
  filter (fun f => negb (existsb (String.eqb f) proved)) (map fst program).

Eval vm_compute in unproved.

Print Assumptions refines_compose.
Print Assumptions run_inline_all.
Print Assumptions owner_refines.
Print Assumptions pte_refines.
Print Assumptions pool_zero_ok.
Print Assumptions obeys_sound.
Print Assumptions lock_discipline.
Print Assumptions tlb_discipline.
Print Assumptions commit_discipline.
