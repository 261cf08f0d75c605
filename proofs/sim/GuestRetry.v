(* SPDX-License-Identifier: GPL-2.0-only *)
(* A stage-2 fault, where the guest's own translation has changed since: it goes on, as it was, and tries again. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Run code.RunExit code.GuestExit top.Chan.
From KCore Require Export sim.GuestLocal sim.GuestNormal.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section GuestRetry.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Theorem guest_retry_code c s t w : running c s t w -> Q c s t -> inv (P t) -> own_fault s = true ->
  let op := OCount (Guest.cause (Base.reg s "esr" 0)) in
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = held s /\
    step (G c op) t = Ok t' /\ Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J Of op. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N). destruct (r_cpu_id _ _ _ _ R) as [Ei C].
  destruct (i_runs _ _ _ _ G) as [U Ew]. destruct (vcpu_areas fixed I c s t w R J W Ex) as (Mm & _).
  set (esr := Base.reg s "esr" 0) in *. set (k := Guest.cause esr). pose proof Of as As. unfold own_fault in As.
  apply andb_true_iff in As as [As _].
  assert (Fp : (Guest.ec esr =? Guest.EC_FP) = false).
  { unfold asks_ipa, needs_hpfar in As. fold esr in As. props.
    match goal with H : _ \/ _ |- _ => destruct H as [E|E] end; apply Z.eqb_eq in E; rewrite E; reflexivity. }
  set (s1 := stat_add c k s). set (t1 := mkst (add_stat c k (P t)) (D t)).
  assert (R1 : Q c s1 t1) by (apply keep_stat; auto; apply cause_range). pose proof (running_stat c s t w k G) as G1. fold s1 t1 in G1.
  exists (record "translate_el1" [Base.reg s "far" 0] s1), t1. split; [|split; [reflexivity|split; [|split]]].
  - apply (does_ok _ _ _ _ _ does_guest_exit). unfold s_guest_exit. rewrite Ei. cbv zeta. rewrite Ec, (proj2 (Z.eqb_neq w NO_VCPU) N), Mm.
    replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
    change (negb (0 =? 0)) with false. cbv iota. unfold exit_synchronous. fold esr. cbv zeta. rewrite cause_is. fold k s1. rewrite Fp.
    cbn [andb]. change (answer s1 (List.length (trace s1)) 0 mod 2 ^ 64) with (par_now s). change (needs_hpfar esr) with (asks_ipa s).
    fold (own_fault s). rewrite Of. reflexivity.
  - cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). reflexivity.
  - apply keep_record, R1.
  - destruct G1 as [X1 X2 X3]. constructor; [exact X1|exact X2|]. intros Y. destruct (X3 Y). constructor; assumption.
Qed.
End GuestRetry.
