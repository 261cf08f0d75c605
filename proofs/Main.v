(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The strongest closed theorems so far (docs/proof.md says what they mean and what they do not say).
 *
 * The top machine (top/Top.v) is what KCore is to do, as atomic steps; a step is a total function, so no run of it
 * is ever stuck.  `event_of p a s' is what principal p notices of action a: an action of its own, or one
 * release over a channel of top/View.v; None if it notices nothing.
 *)
From KCore Require Import lang.Refine lang.Check gen.Program machine.Base code.Disciplines
  code.Owner code.Pool code.Pte code.Walk top.Boot.

Section Top.
Variable dram : Z -> bool.
Variable query : Z -> public -> Z.

(* What a principal can see depends only on what it saw at installation, on what it did, and on what was
   released to it, in that order; not on anything else that anybody did. *)
Theorem ni_top p l l' s t :
  boot s -> boot t -> same p s t -> events dram query p l s = events dram query p l' t ->
  same p (run dram query l s) (run dram query l' t).
Proof. intros; apply noninterference; auto using boot_inv. Qed.

(* Confidentiality: after any history, if two states differ only in what the host cannot see (pages and registers of
   protected VMs), nothing that the host, its devices and normal VMs do afterwards, with the same releases to
   them, shows a difference. *)
Theorem confidentiality l l' s t :
  inv s -> inv t -> same PHost s t -> events dram query PHost l s = events dram query PHost l' t ->
  same PHost (run dram query l s) (run dram query l' t).
Proof. apply noninterference. Qed.

(* Integrity: an action that is no event of a protected VM's changes nothing that it can see. *)
Theorem integrity v g a s :
  inv s -> event_of dram (PVm v g) a s = None -> same (PVm v g) s (step dram query a s).
Proof. apply local_respect. Qed.

(* A page that a protected VM has mapped is its own and mapped by nobody else, in every state of every run. *)
Theorem exclusive l s e f :
  boot s -> let P := pub (run dram query l s) in
  In e (tr P) -> prot P (e_vm e) = true ->
  owner P (e_pg e) = e_vm e /\ (In f (tr P) -> e_pg e = e_pg f -> e = f).
Proof.
  intros B. cbn zeta. intros He Hp. pose proof (inv_run dram query l s (boot_inv s B)) as I.
  split; [|intros Hf; apply (i_once _ I); auto].
  rewrite (i_owner _ I e He), Hp. reflexivity.
Qed.
End Top.

(* Functions of the core whose translation is proved to meet a specification. *)
Definition proved : list string := map fst (owner_specs ++ pool_specs ++ pte_specs ++ walk_specs).

Definition unproved : list string :=
  filter (fun f => negb (existsb (String.eqb f) proved)) (map fst program).

Eval vm_compute in unproved.

(* m0: translated C meets its specifications; generic theorems; disciplines of the whole core *)
Print Assumptions owner_refines.
Print Assumptions pte_refines.
Print Assumptions pool_refines.
Print Assumptions walk_refines.
Print Assumptions refines_compose.
Print Assumptions run_inline_all.
Print Assumptions obeys_sound.
Print Assumptions lock_discipline.
Print Assumptions tlb_discipline.
Print Assumptions commit_discipline.
(* m1: the atomic top machine *)
Print Assumptions ni_top.
Print Assumptions confidentiality.
Print Assumptions integrity.
Print Assumptions exclusive.
Print Assumptions boot_inv.
