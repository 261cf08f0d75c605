(* SPDX-License-Identifier: GPL-2.0-only *)
(* What a normal VM may map: the checks of range.c are those of the top machine. *)
From KCore Require Import code.Common code.Calls code.Range code.Region pt.Bits.
From KCore Require Export sim.Stage sim.Words.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma touches_iff s base last pa bytes m : forall i, touches s base last pa bytes m i = true <->
  exists j, i <= j < i + Z.of_nat m /\ pa < cell s last j /\ cell s base j < pa + bytes.
Proof.
  induction m as [|m IH]; intros i; cbn [touches].
  - split; [discriminate|]. intros (j & J & _). lia.
  - rewrite orb_true_iff, andb_true_iff, !Z.ltb_lt, IH. split.
    + intros [H|(j & J & H)]; [exists i|exists j]; (split; [lia|exact H]).
    + intros (j & J & H). destruct (Z.eq_dec j i) as [->|N]; [left; exact H|right; exists j; split; [lia|exact H]].
Qed.

(* Ranges of whole pages: some page of p.. lies in one of them. *)
Lemma touches_pages s base last p n m (f : Z -> bool) : (1 <= n)%nat ->
  (forall i, 0 <= i < Z.of_nat m -> cell s base i mod PAGE_BYTES = 0 /\ cell s last i mod PAGE_BYTES = 0 /\
    cell s base i < cell s last i) ->
  (forall q, f q = true <-> exists i, 0 <= i < Z.of_nat m /\ cell s base i <= q * PAGE_BYTES < cell s last i) ->
  touches s base last (p * PAGE_BYTES) (Z.of_nat n * PAGE_BYTES) m 0 = negb (forallb (fun q => negb (f q)) (range p n)).
Proof.
  intros N W F. destruct (forallb (fun q => negb (f q)) (range p n)) eqn:E; cbn [negb].
  - destruct (touches _ _ _ _ _ _ _) eqn:T; auto. exfalso. apply touches_iff in T as (j & J & T1 & T2).
    destruct (W j ltac:(lia)) as (M1 & M2 & M3). apply Z.div_exact in M1; [|discriminate]. apply Z.div_exact in M2; [|discriminate].
    set (x := cell s base j / PAGE_BYTES) in *. set (y := cell s last j / PAGE_BYTES) in *. unfold PAGE_BYTES in *.
    pose proof (forall_range _ _ _ E (Z.max p x) ltac:(lia)) as Y. cbn beta in Y. apply negb_true_iff in Y.
    assert (Z : f (Z.max p x) = true) by (apply F; exists j; lia). congruence.
  - apply exists_range in E as (q & K & E). apply negb_false_iff, F in E as (j & J & E). apply touches_iff. exists j.
    unfold PAGE_BYTES in *. lia.
Qed.

Section Check.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Section At.
Variables (c : Z) (s : state) (t : st) (p : Z) (n : nat).
Hypotheses (R : Q c s t) (N : n = 1%nat \/ n = 512%nat) (B : 0 <= p < 268435456).

Lemma dram_eq : has_dram s (p * PAGE_BYTES) (Z.of_nat n * PAGE_BYTES) = negb (forallb (fun q => negb (dram q)) (range p n)).
Proof.
  pose proof (fixed_of fixed c s t R) as Fx. unfold has_dram. rewrite (fixed_at fixed s Fx "nr_dram") by reflexivity.
    pose proof (n_dram _ I) as D.
  apply touches_pages; [destruct N as [-> | ->]; lia| |].
  - intros i Hi. rewrite !(fixed_at fixed s Fx) by reflexivity. destruct (n_whole _ I i ltac:(lia)) as (W1 & W2 & W3 & _). lia.
  - intros q. unfold dram. rewrite Z.leb_le, Z2Nat.id by lia. split.
    + intros H. destruct (n_region _ I q) as [C|C]; [lia|]. exists (region q). split; [exact C|].
      rewrite !(fixed_at fixed s Fx) by reflexivity. apply (n_bounds _ I _ q C). reflexivity.
    + intros (i & Hi & X). rewrite !(fixed_at fixed s Fx) in X by reflexivity. apply (n_bounds _ I i q Hi) in X. lia.
Qed.
Lemma denied_eq : has_denied s (p * PAGE_BYTES) (Z.of_nat n * PAGE_BYTES) = negb (forallb (fun q => negb (denied q)) (range p n)).
Proof.
  pose proof (fixed_of fixed c s t R) as Fx. unfold has_denied. rewrite (fixed_at fixed s Fx "nr_denied") by reflexivity.
    pose proof (n_denied _ I) as D.
  apply touches_pages; [destruct N as [-> | ->]; lia| |].
  - intros i Hi. rewrite !(fixed_at fixed s Fx) by reflexivity. apply (n_denied_whole _ I i). lia.
  - intros q. rewrite (n_denied_at _ I q), Z2Nat.id by lia. split; intros (i & Hi & X); exists i; (split; [exact Hi|]);
      rewrite !(fixed_at fixed s Fx) in * by reflexivity; exact X.
Qed.
Lemma owned_eq : in_dram p n = true -> host_owned s (record_no fixed p) n = all_host_owned p n (P t).
Proof.
  intros X. assert (N1 : (1 <= n)%nat) by (destruct N as [-> | ->]; lia). apply eq_true_iff_eq. unfold all_host_owned.
  rewrite host_owned_spec, forallb_forall. split.
  - intros H q K. apply range_in in K. destruct (record_near fixed I c s t p q n R X N1 K) as [D E]. apply Z.eqb_eq.
    rewrite <- (r_owner _ _ _ _ R q D), E. apply H. lia.
  - intros H k K. destruct (record_near fixed I c s t p (p + k) n R X N1 ltac:(lia)) as [D E].
    replace (record_no fixed p + k) with (record_no fixed (p + k)) by lia. rewrite (r_owner _ _ _ _ R _ D). apply Z.eqb_eq, H, range_in.
      lia.
Qed.

Lemma check_eq prot : 0 <= prot < 16 ->
  s_map_check [p * PAGE_BYTES; Z.of_nat n * PAGE_BYTES; prot] s = Ok (Hyper.map_check p n prot (P t), s).
Proof.
  intros H. assert (N1 : 1 <= Z.of_nat n) by (destruct N as [-> | ->]; lia).
  pose proof (fixed_of fixed c s t R) as Fx. unfold s_map_check, Range.map_check, Hyper.map_check.
  rewrite (regions_fine fixed I s Fx), Z.div_mul by discriminate. rewrite (record_first fixed I s Fx) by exact N1. rewrite Nat2Z.id.
  replace (word64 (p * PAGE_BYTES)) with true by (symmetry; unfold word64, PAGE_BYTES; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    lia).
  cbn [andb]. unfold Range.device. rewrite (device_eq prot H).
  destruct (in_dram p n) eqn:D.
  - assert (Dp : dram p = true) by (unfold in_dram in D; apply andb_true_iff in D; apply D).
    rewrite (proj2 (Z.eqb_neq _ _) (record_real fixed I p Dp)). cbn [negb]. destruct (device prot); [reflexivity|].
    unfold s_pages_host_owned. rewrite (records_ok fixed I c s t p n R D) by lia. rewrite Nat2Z.id, (owned_eq D). cbn [bind].
    destruct (all_host_owned p n (P t)); reflexivity.
  - rewrite Z.eqb_refl. cbn [negb]. unfold s_range_has_dram, s_range_denied, s_range_touches.
    pose proof (n_dram _ I) as D1. pose proof (n_denied _ I) as D2.
    assert (Sz : Z.of_nat n <= 512) by (destruct N as [-> | ->]; lia).
    rewrite !(fixed_at fixed s Fx) by reflexivity. rewrite dram_eq.
    replace ((0 <=? fixed "nr_dram" 0) && (fixed "nr_dram" 0 <=? KCORE_MAX_REGIONS) && (0 <=? p * PAGE_BYTES) &&
      (0 <=? Z.of_nat n * PAGE_BYTES) && (p * PAGE_BYTES + Z.of_nat n * PAGE_BYTES <? 2 ^ 64)) with true.
    2: { symmetry. unfold PAGE_BYTES. repeat (apply andb_true_iff; split); try apply Z.leb_le; try apply Z.ltb_lt; lia. }
    cbn [bind]. rewrite b2z_zero, negb_involutive. destruct (forallb (fun q => negb (dram q)) (range p n)); cbn [negb]; [|reflexivity].
    rewrite <- (device_eq prot H). destruct (Z.land prot KCORE_PROT_DEVICE =? 0); cbn [negb]; [reflexivity|].
    rewrite !(fixed_at fixed s Fx) by reflexivity. rewrite denied_eq.
    replace ((0 <=? fixed "nr_denied" 0) && (fixed "nr_denied" 0 <=? KCORE_MAX_DENIED) && (0 <=? p * PAGE_BYTES) &&
      (0 <=? Z.of_nat n * PAGE_BYTES) && (p * PAGE_BYTES + Z.of_nat n * PAGE_BYTES <? 2 ^ 64)) with true.
    2: { symmetry. unfold PAGE_BYTES. repeat (apply andb_true_iff; split); try apply Z.leb_le; try apply Z.ltb_lt; lia. }
    cbn [bind]. rewrite b2z_zero, negb_involutive. destruct (forallb (fun q => negb (denied q)) (range p n)); reflexivity.
Qed.
End At.
End Check.
