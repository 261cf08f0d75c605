(* SPDX-License-Identifier: GPL-2.0-only *)
(* Other traps of a protected guest: an SMC gets NOT_SUPPORTED, anything else is UNDEFINED to it. *)
From KCore Require Import code.Common code.Stats code.Context code.Run code.RunExit.
From KCore Require Import top.Guest top.Chan.
From KCore Require Export sim.GuestLocal.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition other_op (esr : Z) : gop := OLocal (cause_of (ec esr)) (fun l => other_answer esr (of_list l)).
Definition other_class (c : Z) (s : state) : Prop := let e := ec (Base.reg s "esr" 0) in
  e <> EC_WFX /\ e <> EC_IABT /\ e <> EC_DABT /\ e <> EC_HVC /\ e <> EC_SYSREG /\ (e = EC_FP -> cell s "cpu_fp" c <> 0).

Lemma cause_range e : 0 <= cause_of e < KCORE_NR_STATS.
Proof.
  unfold cause_of. repeat match goal with |- context [if ?b then _ else _] => destruct b end; vm_compute; split; discriminate || reflexivity.
Qed.

Section GuestOther.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Theorem guest_other_code c s t w : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  other_class c s -> let op := other_op (Base.reg s "esr" 0) in
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = false /\ step (G c op) t = Ok t' /\ Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J H Pr (N1 & N2 & N3 & N4 & N5 & N6) op. destruct (running_here fixed c s t w G R J) as (_ & _ & _ & N).
  destruct (i_runs _ _ _ _ G) as [U Ew]. set (esr := Base.reg s "esr" 0) in *. set (ct := cell s "vcpu_context" w). set (k := cause_of (ec esr)).
  set (s1 := stat_add c k s). set (l := other_answer esr (of_list (guest_values t w))).
  assert (Gl : forall j, 0 <= j < 58 -> Context.live ct s1 j = of_list (guest_values t w) j).
  { intros j K. rewrite of_values by exact K. exact (i_regs _ _ _ _ G j K). }
  assert (X : exists s2, wrote ct l s1 s2 /\ forall far hpfar, exit_protected w esr far hpfar s1 = Ok (1, resumed ct s2)).
  { enough (X : exists s2, wrote ct l s1 s2 /\ exit_protected w esr 0 0 s1 = Ok (1, resumed ct s2)).
    { destruct X as (s2 & X1 & X2). exists s2. split; [exact X1|]. intros far hpfar. rewrite <- X2. unfold exit_protected.
      rewrite (proj2 (Z.eqb_neq _ _) N2), (proj2 (Z.eqb_neq _ _) N3). reflexivity. }
    unfold exit_protected. rewrite (proj2 (Z.eqb_neq _ _) N1), (proj2 (Z.eqb_neq _ _) N2), (proj2 (Z.eqb_neq _ _) N3), (proj2 (Z.eqb_neq _ _) N4),
      (proj2 (Z.eqb_neq _ _) N5). cbn [orb]. change (cell s1 "vcpu_context" w) with ct. unfold l, other_answer. change 0x17 with EC_SMC. destruct (ec esr =? EC_SMC).
    - exists (put_words ct ((0, MASK64) :: advance (of_list (guest_values t w))) s1). split.
      { apply wrote_words. apply Forall_cons; [cbn; unfold W_GP; split; [lia|reflexivity]|apply advance_bound]. }
      change ((0, MASK64) :: advance (of_list (guest_values t w)))%list with ([(0, MASK64)] ++ advance (of_list (guest_values t w)))%list.
      rewrite put_words_app. replace (advance (of_list (guest_values t w))) with (advance (words_of ct (put_words ct [(0, MASK64)] s1))); [reflexivity|].
      rewrite <- (advance_same _ _ Gl). unfold advance, Context.live, words_of, put_words. cbn [word setwords fold_left fst snd].
      rewrite !(proj2 (Z.eqb_neq _ (ct + 0 * 8))) by (unfold State.W_PC, State.W_PSTATE, W_PC, W_PSTATE; lia). reflexivity.
    - eexists. split; [apply wrote_live, exception_bound|]. rewrite <- (exception_same _ _ ESR_IL 0 Gl). reflexivity. }
  destruct X as (s2 & Wr & E). apply (local_exit fixed I c s t w _ G R J H Pr) in E; auto; [|intros X; contradiction]. apply wrote_resumed in Wr.
  do 2 eexists. split; [exact E|]. split; [exact (eq_trans (b_held _ _ _ _ Wr) H)|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). unfold guest_step, op, other_op. rewrite Pr. reflexivity. }
  apply (finished fixed I c s _ t w l k); auto. apply cause_range.
Qed.
End GuestOther.
