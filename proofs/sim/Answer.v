(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * From a handler's result to the end of the host's call.  A call of one section is one action of the top machine, and a call of
 * several is HCall and then HGo for each section that follows, with no other action in between (one CPU).
 *)
From KCore Require Import code.Common code.Stats top.InvStep.
From KCore Require Export sim.Keep.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* What host_hvc does with a handler's result (trap.c). *)
Definition returned (c r : Z) (s : state) : state :=
  let s := stat_add c KCORE_STAT_host_call (setreg "host_x" 0 r s) in
  if KCORE_ERR_MIN <=? r then stat_add c KCORE_STAT_host_call_error s else s.

Section Answer.
Context {cfg : config} (fixed : string -> Z -> Z).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

Lemma keep_stat c d k s t : Q c s t -> is_cpu d -> 0 <= k < KCORE_NR_STATS -> Q c (stat_add d k s) (mkst (add_stat d k (P t)) (D t)).
Proof.
  intros R C K. unfold stat_add. same_vcpus. related R.
  all: unfold stat_at, KCORE_NR_STATS in *; try (exfalso; lia).
  rewrite r_stat by auto. apply Zplus_mod_idemp_l.
Qed.
Lemma keep_max c d x s t : Q c s t -> is_cpu d -> Q c (stat_max d KCORE_STAT_el2_max x s) t.
Proof.
  intros R C. unfold stat_max. destruct (_ <? _); auto. unfold put64. rewrite <- (st_eta t). same_vcpus. related R.
  all: unfold stat_at, KCORE_NR_STATS, KCORE_STAT_el2_max in *; exfalso; lia.
Qed.
Lemma keep_x c n x s t : Q c s t -> 0 <= n < 31 -> Q c (setreg "host_x" n x s) (mkst (P t) (do_effect (D t) (HostX c n x))).
Proof. intros R N. same_vcpus. cbn [do_effect]. related R. Qed.
Lemma keep_call c d k s p dt : Q c s (mkst p dt) -> Q c s (mkst (set_call d k p) dt).
Proof.
  intros R. assert (U : forall e, u_run (cpu (set_call d k p) e) = u_run (cpu p e)).
  { intros e. peel. unfold upd. destruct (Z.eqb_spec e d) as [->|]; auto. }
  assert (A : forall w, at_rest (set_call d k p) w -> at_rest p w).
  { intros w (X & Y & Z). split; [exact X|]. split; [exact Y|]. intros E. rewrite <- U. apply Z. exact E. }
  assert (B : forall w, has_context (set_call d k p) w -> has_context p w) by (intros w X; exact X).
  related R.
Qed.

Lemma do_app l m d : do_effects (l ++ m) d = do_effects m (do_effects l d).
Proof. unfold do_effects. apply fold_left_app. Qed.

(* The handler is over; its call too, when host_hvc has handed the result out. *)
Lemma done_returned c t r s o : is_cpu c -> done_as fixed c t r s o ->
  held (returned c r s) = false /\ u_call (cpu (o_pub o) c) = CNone /\ Q c (returned c r s) (mkst (o_pub o) (do_effects (o_eff o) (D t))).
Proof.
  intros C (e & ok & p & -> & H & R). split; [|split].
  - unfold returned. destruct (_ <=? _); cbn; auto.
  - unfold finish. cbn [o_pub]. destruct (has_error r); peel; unfold upd; now rewrite Z.eqb_refl.
  - unfold finish. cbn [o_pub o_eff]. rewrite do_app. unfold returned, has_error.
    apply (keep_call c c CNone) in R. apply (keep_x c 0 r) in R; [|lia]. cbn [P D] in R.
    apply (keep_stat c c KCORE_STAT_host_call) in R; auto; [|unfold KCORE_STAT_host_call, KCORE_NR_STATS; lia].
    destruct (KCORE_ERR_MIN <=? r); [|exact R].
    apply (keep_stat c c KCORE_STAT_host_call_error) in R; auto. unfold KCORE_STAT_host_call_error, KCORE_NR_STATS; lia.
Qed.

(* Outputs that come to the same, with these contents. *)
Definition same_out (t : st) (o o' : out) : Prop :=
  o_pub o = o_pub o' /\ o_ok o = o_ok o' /\ do_effects (o_eff o) (D t) = do_effects (o_eff o') (D t).
Lemma same_out_refl t o : same_out t o o.
Proof. repeat split. Qed.
Lemma same_after t o o' : same_out t o o' -> after o t = after o' t.
Proof. intros (A & B & C). unfold after. rewrite A, B, C. reflexivity. Qed.

(* From an output of the top machine, over the sections that follow it, to the last one. *)
Inductive leads (c : Z) (t : st) (x : res (Z * state)) (o : out) : Prop :=
| leads_now : answers c t x o -> leads c t x o
| leads_same o' : same_out t o o' -> answers c t x o' -> leads c t x o
| leads_on : u_run (cpu (o_pub o) c) = false ->
    (forall u, u = mkst (o_pub o) (do_effects (o_eff o) (D t)) -> sinv u -> fits (P u) -> leads c u x (hgo c (P u))) -> leads c t x o.

Definition all_fit (c : Z) (o : out) (t : st) : Prop := forall n u u', after o t = Ok u -> run (repeat (HGo c) n) u = Ok u' ->
  fits (P u').

Lemma leads_run c t x o : sound -> is_cpu c -> leads c t x o -> all_fit c o t ->
  (exists u, after o t = Ok u /\ sinv u) ->
  exists n r s u t', after o t = Ok u /\ x = Ok (r, s) /\ held (returned c r s) = false /\
    run (repeat (HGo c) n) u = Ok t' /\ u_call (cpu (P t') c) = CNone /\ Q c (returned c r s) t'.
Proof.
  intros B C L. induction L as [t x o (r & s & E & A)|t x o o' S (r & s & E & A)|t x o U _ IH]; intros F (u & O & J).
  - destruct (done_returned c t r s o C A) as (H1 & H2 & H3). exists 0%nat, r, s, u, u. split; [exact O|]. unfold after in O.
    destruct (o_ok o); [|discriminate]. injection O as <-. do 4 (split; auto).
  - destruct (done_returned c t r s o' C A) as (H1 & H2 & H3). exists 0%nat, r, s, u, u. split; [exact O|].
    rewrite (same_after _ _ _ S) in O. unfold after in O. destruct (o_ok o'); [|discriminate]. injection O as <-. do 4 (split; auto).
  - pose proof (F 0%nat u u O eq_refl) as Fu. assert (E : u = mkst (o_pub o) (do_effects (o_eff o) (D t))).
    { unfold after in O. destruct (o_ok o); congruence. }
    assert (G : step (HGo c) u = after (hgo c (P u)) u) by (cbn [step]; rewrite E; cbn [P]; now rewrite U).
    destruct (IH u E J Fu) as (n & r & s & v & t' & O' & X & H & Rn & K & Rl).
    + intros n v v' Av Rv. apply (F (S n) u v' O). cbn [repeat run]. rewrite G, Av. exact Rv.
    + destruct (step_inv (HGo c) u B J) as (v & Sv & Jv). rewrite G in Sv. eauto.
    + exists (S n), r, s, u, t'. do 3 (split; auto). split; auto. cbn [repeat run]. rewrite G, O'. exact Rn.
Qed.
End Answer.
