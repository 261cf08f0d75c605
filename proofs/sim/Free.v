(* SPDX-License-Identifier: GPL-2.0-only *)
(* An empty table of 512 pages goes back to the pool. *)
From KCore Require Import code.Common code.Calls code.Pool pt.Bits top.InvMap.
From KCore Require Export sim.Table sim.Give.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma all_below_at n f k : all_below n f = true -> 0 <= k < Z.of_nat n -> f k = true.
Proof.
  induction n as [|n IH]; cbn [all_below]; intros H K; [lia|]. apply andb_true_iff in H as [H1 H2].
  destruct (Z.eq_dec k (Z.of_nat n)) as [->|]; [exact H2|]. apply IH; auto. lia.
Qed.
Lemma all_below_iff n f : all_below n f = true <-> forall k, 0 <= k < Z.of_nat n -> f k = true.
Proof.
  split; [intros H k; apply all_below_at, H|]. induction n as [|n IH]; intros H; cbn [all_below]; auto.
  rewrite IH, H by (intros; try apply H; lia). reflexivity.
Qed.

(* The top machine's state before the page goes back. *)
Definition without_pages {cfg : config} (v i : Z) (t : pub) : pub :=
  set_tab (upd2 (tab t) v (i / 512) false)
    (set_lf (fun j x => match x with Page k => if (j =? v) && (k / 512 =? i / 512) then None else lf t j x | _ => lf t j x end) t).

Section Free.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_at := (pool_at fixed).
Notation pool_fine := (pool_fine fixed).
Notation taken := (taken fixed).

Section At.
Variables (c : Z) (v i : Z).
Hypotheses (V : is_handle v) (A : is_ipa i).
Notation at_start := (at_start v).

Lemma empty_eq s t : Q c s t -> empty3 s v (i / 512) = table_empty v i (P t).
Proof.
  intros R. unfold empty3, table_empty. rewrite words_eq. change (Z.to_nat 512) with 512%nat.
  assert (B : forall k, 0 <= k < 512 -> (Base.leaf s v 3 (i / 512 * 512 + k) =? 0) =
    match lf (P t) v (Page (i / 512 * 512 + k)) with None => true | _ => false end).
  { intros k K. pose proof (ipa_block i A). rewrite (r_page _ _ _ _ R) by (auto; lia). unfold entry_of. destruct (_ =? 0); reflexivity. }
  apply eq_true_iff_eq. rewrite all_below_iff, forallb_forall. split.
  - intros H k K. apply range_in in K. specialize (H (k - i / 512 * 512)). rewrite B in H by lia.
    replace (i / 512 * 512 + (k - i / 512 * 512)) with k in H by lia. apply H. lia.
  - intros H k K. rewrite B by lia. apply H, range_in. lia.
Qed.

Lemma free_sim s t n : Q c s t -> held s = true -> few n (P t) -> 0 <= n < 8 -> at_start t ->
  tab (P t) v (i / 512) = true -> table_empty v i (P t) = true ->
  exists u, h_s2_free_table [v; i * PAGE_BYTES; 2] s = Ok (0, u) /\ held u = true /\
    Q c u (mkst (s2_free_table v i 2 (P t)) (D t)) /\ few (n + 1) (s2_free_table v i 2 (P t)).
Proof.
  intros R H F N S Tb Em. rewrite (tab_at fixed c s t v i R V A) in Tb. apply negb_true_iff, Z.eqb_neq in Tb.
  unfold h_s2_free_table. rewrite (stage_fine fixed I c s t v i R V A), H, block_of, (empty_eq s t R), Em, (proj2 (Z.eqb_neq _ _) Tb).
  cbn [Z.eqb Pos.eqb negb andb]. set (a := Base.tab s v (i / 512)) in *. pose proof (r_pool _ _ _ _ R) as Pf.
  destruct (p_table _ _ _ Pf 2 v (i / 512) Tb) as [P1 P2]. change (table_at s 2 v (i / 512)) with a in P1, P2.
  destruct (p_used _ _ _ Pf a) as (k & K & Ea); [left; auto|].
  set (w := record "dsb_tlbi" [] (record "tlbi_vmid" [vttbr_of s v] (record "dsb_store" []
    (Map.set_table (Map.page a) false (Map.set_tab v (i / 512) 0 s))))).
  set (t1 := mkst (without_pages v i (P t)) (D t)).
  assert (E1 : Base.s1 w = Base.s1 s) by reflexivity.
  assert (E2 : forall u b, Base.tab w u b = if (u =? v) && (b =? i / 512) then 0 else Base.tab s u b) by reflexivity.
  assert (ET : forall q, Base.table w q = if q =? a / PAGE_BYTES then false else Base.table s q) by reflexivity.
  assert (Ew : cell w = cell s /\ word w = word s /\ Base.reg w = Base.reg s /\ Base.leaf w = Base.leaf s) by (repeat split).
  destruct Ew as (Ec & Ewd & Er & El). assert (Hw : held w = true) by exact H. clearbody w.
  assert (Ta : forall m u o, m = 1 \/ m = 2 -> (table_at w m u o = 0 /\ m = 2 /\ u = v /\ o = i / 512) \/
    table_at w m u o = table_at s m u o /\ (table_at s m u o <> 0 -> table_at s m u o <> a)).
  { intros m u o M. assert (X : table_at s m u o <> 0 -> table_at s m u o = a -> m = 2 /\ u = v /\ o = i / 512).
    { intros X Y. destruct (p_tables _ _ _ Pf m u o 2 v (i / 512)) as (X1 & X2 & X3); auto. }
    unfold table_at in *. destruct (m =? 1) eqn:M1; rewrite ?E1, ?E2.
    - right. split; [reflexivity|]. intros Y Z. destruct (X Y Z) as (-> & _). discriminate M1.
    - destruct ((u =? v) && (o =? i / 512)) eqn:Y; [left; props; destruct M as [-> | ->]; [exfalso; lia|auto]|].
      right. split; [reflexivity|]. intros Y1 Z. destruct (X Y1 Z) as (_ & -> & ->). rewrite !Z.eqb_refl in Y. discriminate Y. }
  assert (InW : forall x, in_use w (P t) x -> in_use s (P t) x /\ x <> a).
  { intros x [[X1 X2]|(y & Y1 & Y2)].
    - rewrite ET in X1. destruct (Z.eqb_spec (x / PAGE_BYTES) (a / PAGE_BYTES)) as [X|X]; [discriminate|]. split; [left; auto|congruence].
    - rewrite Ec in Y2. split; [right; exists y; auto|]. intros ->. pose proof (p_context _ _ _ Pf y Y1) as Z. rewrite Y2, P1 in Z.
      discriminate. }
  assert (Nu : ~ in_use w (P t) a) by (intros X; destruct (InW a X); auto).
  assert (Cv : Inv.covers (held_by w (P t) v) (v_tables (vm (P t) v) - 1)).
  { apply (Inv.covers_sub Z.eq_dec (held_by s (P t) v) _ _ a); [apply (p_count _ _ _ Pf v V)|split; [exact Tb|right; left;
    exists (i / 512); reflexivity]|].
    intros x (Nx & X). rewrite Ec, E1 in X. destruct X as [(g & X)|[(g & X)|(y & Y1 & Y2 & Y3)]].
    - split; [split; [exact Nx|left; exists g; exact X]|]. intros ->. destruct (p_tables _ _ _ Pf 1 v g 2 v (i / 512)) as (X1 & _);
      auto; try discriminate X1; unfold table_at; cbn; congruence.
    - rewrite E2 in X. destruct ((v =? v) && (g =? i / 512)) eqn:Y; [congruence|]. split; [split; [exact Nx|right; left; exists g;
      exact X]|]. intros ->.
      destruct (p_tables _ _ _ Pf 2 v g 2 v (i / 512)) as (_ & _ & X1); auto; try (unfold table_at; cbn; congruence).
      rewrite X1, !Z.eqb_refl in Y. discriminate Y.
    - split; [split; [exact Nx|right; right; exists y; auto]|]. intros ->. apply Nu. right. exists y. rewrite Ec. auto. }
  assert (Tk : taken w (P t) a).
  { destruct (p_list _ _ _ Pf) as (l & L & Nd & C & Al). constructor; rewrite ?Ec; [exists k; auto|exact Nu|]. exists l.
    split; [apply (linked_same s); auto; intros; rewrite Ewd; auto|]. do 2 (split; [auto|]). split.
    - intros b Hb. destruct (Al b Hb) as [A1 A2]. split; [exact A1|]. intros X. apply A2, InW, X.
    - intros Hb. destruct (Al a Hb) as [_ A2]. apply A2. left. auto. }
  assert (PF : pool_fine w (P t)).
  { destruct Pf as [B Ls U X Y Tb' TT Cn]. constructor; rewrite ?Ec; auto.
    - destruct (k_list _ _ _ _ Tk) as (l & L & Nd & C & Al & Nl). rewrite Ec in *. exists l. auto.
    - intros x Hx. apply U, InW, Hx.
    - intros x Hx. rewrite ET, (X x Hx). now destruct (cell s "vcpu_context" x / PAGE_BYTES =? a / PAGE_BYTES).
    - intros m u o Hn. assert (M : table_at w m u o = table_at w (if m =? 1 then 1 else 2) u o) by (unfold table_at; destruct (m =? 1);
      reflexivity).
      rewrite M in *. destruct (Ta (if m =? 1 then 1 else 2) u o) as [(Z & _)|(Z & Z')]; [destruct (m =? 1); auto|contradiction|].
      rewrite Z in *. destruct (Tb' _ u o Hn) as [T1 T2]. split; [|exact T2]. rewrite ET.
      destruct (Z.eqb_spec (table_at s (if m =? 1 then 1 else 2) u o / PAGE_BYTES) (a / PAGE_BYTES)) as [X'|]; [|exact T1].
      exfalso. apply (Z' Hn). apply page_eq; auto.
    - intros m u o m' u' o' M M' Hn E. destruct (Ta m u o M) as [(Z & _)|(Z & Z')]; [contradiction|].
      destruct (Ta m' u' o' M') as [(Y' & _)|(Y' & _)]; [congruence|]. apply TT; congruence.
    - intros u Hu. destruct (Z.eq_dec u v) as [->|D]; [apply (Inv.covers_mono _ _ _ _ Cv); auto; lia|].
      apply (Inv.covers_mono (held_by s (P t) u) _ (v_tables (vm (P t) u))); [apply Cn, Hu| |lia]. intros x (Nx & Z). split; [exact Nx|].
      rewrite Ec, E1 in Z. destruct Z as [Z|[(g & Z)|Z]]; [left; exact Z| |right; right; exact Z].
      rewrite E2, (proj2 (Z.eqb_neq u v) D) in Z. right. left. exists g. exact Z. }
  assert (R1 : Q c w t1).
  { assert (Re : forall u, is_vm u -> reaped (P t1) u).
    { intros u W. destruct (Z.eq_dec u v) as [->|D].
      - destruct S as [->|S]; [unfold is_vm, HOST in W; lia|]. right. left. exact S.
      - apply (reaped_same (P t)); [reflexivity|reflexivity| | |reflexivity|apply (r_reaped _ _ _ _ R u W)].
        + intros [b|p] x; cbn; auto. rewrite (proj2 (Z.eqb_neq u v) D). auto.
        + intros b. cbn. unfold upd2. now rewrite (proj2 (Z.eqb_neq u v) D). }
    assert (PF1 : pool_fine w (P t1)).
    { apply (pool_same fixed w w (P t)); auto using Z.le_refl; try (intros x X; split; [exact X|reflexivity]). }
    assert (Ar : forall x, at_rest (P t1) x -> at_rest (P t) x) by (intros x X; exact X).
    pose proof (r_log _ _ _ _ R) as Lg. rewrite <- (empty_eq s t R) in Em.
    unfold empty3 in Em. rewrite words_eq in Em. change (Z.to_nat 512) with 512%nat in Em.
    unfold t1, without_pages in *. pose proof R as X. destruct X. constructor; intros; cbn [P D] in *; peel; rewrite ?Ec, ?Ewd, ?Er,
      ?El, ?E1, ?E2;
    lazymatch goal with
    | |- pool_fine _ _ => exact PF1
    | |- reaped _ _ => apply Re; assumption
    | |- vgic_fine _ _ _ => let G := fresh "G" in intros G; specialize (r_vgic G); cbv zeta in *; cbn [P D] in *; peel; rewrite ?Er in *; exact r_vgic
    | H : nth_error _ _ = _ |- _ => subst; eapply Lg; eassumption
    | |- upd2 _ _ _ _ _ _ = _ => unfold upd2; destruct (_ && _); [reflexivity|auto]
    | |- (if (?x =? v) && (?y / 512 =? _) then None else _) = _ =>
        destruct ((x =? v) && (y / 512 =? i / 512)) eqn:Y; [|auto]; props; subst x;
        pose proof (all_below_at _ _ (y - i / 512 * 512) Em ltac:(pose proof (Z.div_mod y 512 ltac:(lia));
          pose proof (Z.mod_pos_bound y 512 ltac:(lia)); change (Z.of_nat 512) with 512; lia)) as Z; cbn beta in Z;
        replace (i / 512 * 512 + (y - i / 512 * 512)) with y in Z by lia; unfold entry_of; rewrite Z; reflexivity
    | _ => eauto
    end. }
  assert (Ft : few n (P t1)) by (destruct F as [F1 F2 F3]; split; auto).
  assert (Tt : taken w (P t1) a) by (apply (taken_same fixed w w (P t)); auto).
  assert (Ct : Inv.covers (held_by w (P t1) v) (v_tables (vm (P t1) v) - 1)) by exact Cv.
  destruct (give_sim fixed I c w t1 v a n R1 Hw V Ft N Tt Ct) as (u & U1 & U2 & U3 & U4).
  exists u. split; [exact U1|]. split; [exact U2|]. split; [exact U3|exact U4].
Qed.
End At.
End Free.
