(* SPDX-License-Identifier: GPL-2.0-only *)
(* A page goes back to the pool. *)
From KCore Require Import code.Common code.Calls code.Pool pt.Bits.
From KCore Require Export sim.Pool.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Give.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_at := (pool_at fixed).
Notation pool_fine := (pool_fine fixed).
Notation taken := (taken fixed).

Lemma give_counts c s t v a : Q c s t -> is_handle v -> cell s "pool_free" 0 = cnt (P t) KCORE_STAT_pool_free ->
  cell s "vm_tables" v = v_tables (vm (P t) v) -> 0 <= cell s "pool_free" 0 < 2 ^ 40 -> 1 <= cell s "vm_tables" v < 2 ^ 40 ->
  (forall w, at_rest (pool_give v (P t)) w -> at_rest (P t) w) ->
  pool_fine (setcell "vm_tables" v (cell s "vm_tables" v - 1) (setcell "pool_free" 0 (cell s "pool_free" 0 + 1) (setcell "pool_head" 0
    a s)))
    (pool_give v (P t)) ->
  Q c (setcell "vm_tables" v (cell s "vm_tables" v - 1) (setcell "pool_free" 0 (cell s "pool_free" 0 + 1) (setcell "pool_head" 0 a s)))
    (mkst (pool_give v (P t)) (D t)).
Proof.
  intros R V Ef Et Bf Bt Ar PF. unfold pool_give in *. related_by R ltac:(exact PF).
  all: apply small_count; clear - Ef Et Bf Bt; lia.
Qed.

(* A page that is nowhere goes back. *)
Lemma give_sim c s t v a n : Q c s t -> held s = true -> is_handle v -> few n (P t) -> 0 <= n < 8 -> taken s (P t) a ->
  Inv.covers (held_by s (P t) v) (v_tables (vm (P t) v) - 1) ->
  exists u, h_pool_give [v; a] s = Ok (0, u) /\ held u = true /\ Q c u (mkst (pool_give v (P t)) (D t)) /\
    few (n + 1) (pool_give v (P t)).
Proof.
  intros R H V F N T Cv. pose proof (r_pool _ _ _ _ R) as Pf. pose proof (free_bound fixed I s (P t) Pf) as Bf.
  destruct F as [F1 F2 F3]. pose proof (covers_low _ _ Cv) as T0. specialize (F3 v V) as T1.
  pose proof (r_pool_free _ _ _ _ R) as Ef. rewrite Z.mod_small in Ef by lia.
  pose proof (r_vm_tables _ _ _ _ R v V) as Et. rewrite Z.mod_small in Et by lia.
  destruct (k_at _ _ _ _ T) as (k & K & Ea). pose proof (p_bump _ _ _ Pf) as Pb.
  destruct (pool_page_at fixed I k ltac:(lia)) as (P1 & P2 & P3 & P4). rewrite <- Ea in P1, P2, P3, P4.
  assert (Pl : plain s a = true).
  { rewrite Ea in *. apply (plain_free fixed I s (P t)); [lia|apply (r_fixed _ _ _ _ R); cbn; tauto|apply (k_unused _ _ _ _ T)]. }
  assert (Hd : small (cell s "pool_head" 0) = true).
  { destruct (k_list _ _ _ _ T) as (l & L & _ & _ & Al & _). unfold small. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt.
    destruct l as [|b l]; cbn in L; [lia|]. destruct L as [-> _]. destruct (Al b (or_introl eq_refl)) as [(j & J & ->) _].
    destruct (pool_page_at fixed I j); lia. }
  unfold h_pool_give, s_pool_give. rewrite Pl, P3, H, Hd.
  replace (true && true && (0 <=? v) && (v <? 256) && small (cell s "pool_free" 0) && true && (1 <=? cell s "vm_tables" v) &&
    (cell s "vm_tables" v <? 2 ^ 40)) with true.
  2: { symmetry. unfold small, is_handle, KCORE_NR_VMS in *. rewrite Et.
       repeat (apply andb_true_iff; split); auto; try apply Z.leb_le; try apply Z.ltb_lt; lia. }
  set (u1 := setword a (cell s "pool_head" 0) (zero words a s)).
  destruct (zero_rest words a s) as (Z1 & Z2 & Z3 & Z4 & Z5 & Z6).
  assert (C1 : cell u1 = cell s) by (unfold u1; cbn [cell setword setwords]; apply zero_cell).
  destruct (keep_words fixed I c s u1 t a R T C1 Z1 Z2 Z3 Z4 Z5) as [R1 T']; [|clear R].
  { intros b B. unfold u1. rewrite word_setword. destruct (Z.eqb_spec b a); [lia|]. apply zero_page_outside, B. }
  assert (W1 : word u1 a = cell s "pool_head" 0) by (unfold u1; rewrite word_setword, Z.eqb_refl; reflexivity).
  assert (H1 : held u1 = true) by (unfold u1; cbn [held setword setwords]; rewrite Z6; exact H).
  assert (Hb : forall x, held_by u1 (P t) v x -> held_by s (P t) v x) by (unfold held_by; rewrite C1; unfold u1; cbn [Base.s1 Base.tab
    setword setwords]; rewrite Z2, Z3; auto).
  rewrite <- C1 in Ef, Et, W1. rewrite <- C1. fold u1. clearbody u1. clear Pf. pose proof (r_pool _ _ _ _ R1) as Pf.
  set (u2 := setcell "vm_tables" v (cell u1 "vm_tables" v - 1)
    (setcell "pool_free" 0 (cell u1 "pool_free" 0 + 1) (setcell "pool_head" 0 a u1))).
  assert (Ar : forall w, at_rest (pool_give v (P t)) w -> at_rest (P t) w).
  { intros w (A1 & A2 & A3). split; [exact A1|]. split; [|exact A3]. revert A2. unfold protected, pool_give. peel. unfold upd.
    destruct (Z.eqb_spec (vm_of w) v) as [->|]; auto. }
  assert (Hc : forall w, has_context (pool_give v (P t)) w -> has_context (P t) w).
  { intros w (A1 & A2 & A3). split; [exact A1|]. split; [exact A2|]. revert A3. unfold protected, pool_give. peel. unfold upd.
    destruct (Z.eqb_spec (vm_of w) v) as [->|]; auto. }
  assert (InU : forall x, in_use u2 (pool_give v (P t)) x -> in_use u1 (P t) x).
  { intros x [X|(w & X1 & X2)]; [left; exact X|right]. exists w. split; [apply Hc, X1|exact X2]. }
  assert (PfU : pool_fine u2 (pool_give v (P t))).
  { destruct T' as [_ Nu (l & L & Nd & C & A & Nl)]. destruct Pf as [B _ U X Y Tb TT Cn]. constructor.
    - exact B.
    - exists (a :: l). change (cell u2 "pool_head" 0) with a. change (cell u2 "pool_free" 0) with (cell u1 "pool_free" 0 + 1).
      change (cell u2 "pool_bump" 0) with (cell u1 "pool_bump" 0). split; [|split; [constructor; auto|split; [cbn [length]; lia|]]].
      + split; [reflexivity|]. change (word u2) with (word u1). rewrite W1. apply (linked_same u1); auto.
      + intros b [<-|Hb']; [split; [exists k; rewrite C1; auto|intros Z; apply Nu, InU, Z]|].
        destruct (A b Hb') as [A1 A2]. split; [exact A1|intros Z; apply A2, InU, Z].
    - intros x X'. apply U, InU, X'.
    - intros w W. apply X, Hc, W.
    - intros w x W W'. apply Y; apply Hc; assumption.
    - exact Tb.
    - exact TT.
    - intros w W. assert (E : v_tables (vm (pool_give v (P t)) w) = if w =? v then v_tables (vm (P t) w) - 1 else v_tables (vm (P t) w)).
      { unfold pool_give. peel. unfold upd. destruct (Z.eqb_spec w v) as [->|]; reflexivity. }
      assert (S : forall x, held_by u2 (pool_give v (P t)) w x -> held_by u1 (P t) w x).
      { intros x (Nx & S). split; [exact Nx|]. destruct S as [S|[S|(y & S1 & S2 & S3)]]; auto. right. right. exists y. auto. }
      rewrite E. destruct (Z.eqb_spec w v) as [->|D].
      + eapply Inv.covers_mono; [exact Cv| |lia]. intros x X'. apply Hb, S, X'.
      + eapply Inv.covers_mono; [apply (Cn w W)|exact S|lia]. }
  exists u2. split; [reflexivity|]. split; [exact H1|]. split.
  - apply give_counts; [exact R1|exact V|exact Ef|exact Et|rewrite C1; lia|rewrite Et; lia|exact Ar|exact PfU].
  - constructor.
    + change (cnt (pool_give v (P t)) KCORE_STAT_pool_free) with (cnt (P t) KCORE_STAT_pool_free + 1). clear - F1. lia.
    + exact F2.
    + intros w Hw. specialize (F3 w Hw). unfold pool_give, change_vm, set_vm, add_cnt, upd. cbn [vm].
      destruct (Z.eqb_spec w v) as [->|]; [cbn [v_tables vm_with_tables]; clear - T1; lia|clear - F3; lia].
Qed.
End Give.
