(* SPDX-License-Identifier: GPL-2.0-only *)
(* Tables of stage 2 come and go: what layer L1 does with pages of the pool, the top machine does with bits. *)
From KCore Require Import code.Common code.Calls code.Pool pt.Bits top.InvMap.
From KCore Require Export sim.Alloc.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Table.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_at := (pool_at fixed).
Notation pool_fine := (pool_fine fixed).
Notation taken := (taken fixed).

(* The number of the table over page i: of 512 blocks, or of 512 pages. *)
Definition nth_table (l i : Z) : Z := if l =? 1 then i / 262144 else i / 512.
Definition put_table (l v i : Z) (b : bool) (t : pub) : pub :=
  if l =? 1 then set_s1 (upd2 (s1 t) v (i / 262144) b) t else set_tab (upd2 (tab t) v (i / 512) b) t.

Lemma old_table s t l v n a : pool_fine s t -> taken s t a -> table_at s l v n <> 0 -> table_at s l v n <> a.
Proof. intros F T N E. apply (k_unused _ _ _ _ T). left. rewrite <- E. apply (p_table _ _ _ F l v n N). Qed.
Lemma page_div a : Map.page a = a / PAGE_BYTES.
Proof. reflexivity. Qed.
Lemma same_page_at j k : pool_at j / PAGE_BYTES = pool_at k / PAGE_BYTES -> j = k.
Proof. rewrite !(pool_page_no fixed I), !Z.div_mul by discriminate. lia. Qed.

Lemma reaped_table t v w l i b : reaped t w -> is_vm w -> v = HOST \/ v_cursor (vm t v) = 0 -> reaped (put_table l v i b t) w.
Proof.
  intros H W N. unfold put_table. destruct (Z.eq_dec w v) as [->|D].
  - destruct N as [->|N]; [unfold is_vm, HOST in W; lia|]. right. left. destruct (l =? 1); exact N.
  - destruct (l =? 1); apply (reaped_same t); auto; intros x; cbn; unfold upd2; now rewrite (proj2 (Z.eqb_neq w v) D).
Qed.

(* A page that was taken becomes a table. *)
Lemma link_sim c s t v i l a : Q c s t -> taken s (P t) a -> Inv.covers (held_by s (P t) v) (v_tables (vm (P t) v) - 1) ->
  is_handle v -> is_ipa i -> l = 1 \/ l = 2 -> table_at s l v (nth_table l i) = 0 -> v = HOST \/ v_cursor (vm (P t) v) = 0 ->
  Q c (link_table v (i * PAGE_BYTES) l a s) (mkst (put_table l v i true (P t)) (D t)).
Proof.
  intros R T Cv V A L Z0 Cu. pose proof (r_pool _ _ _ _ R) as F. pose proof (p_bump _ _ _ F) as B.
  destruct (k_at _ _ _ _ T) as (k & K & Ea). destruct (pool_page_at fixed I k ltac:(lia)) as (P1 & P2 & _ & _). rewrite <- Ea in P1, P2.
  set (n := nth_table l i) in *. set (w := link_table v (i * PAGE_BYTES) l a s).
  assert (Na : a <> 0) by lia.
  assert (E1 : forall u g, Base.s1 w u g = if (l =? 1) && ((u =? v) && (g =? n)) then a else Base.s1 s u g).
  { intros u g. unfold w, link_table, n, nth_table. rewrite gib_of, block_of. destruct (l =? 1); reflexivity. }
  assert (E2 : forall u b, Base.tab w u b = if negb (l =? 1) && ((u =? v) && (b =? n)) then a else Base.tab s u b).
  { intros u g. unfold w, link_table, n, nth_table. rewrite gib_of, block_of. destruct (l =? 1); reflexivity. }
  assert (ET : forall q, Base.table w q = if q =? a / PAGE_BYTES then true else Base.table s q).
  { intros q. unfold w, link_table. destruct (l =? 1); reflexivity. }
  assert (Ew : cell w = cell s /\ word w = word s /\ Base.reg w = Base.reg s /\ Base.leaf w = Base.leaf s).
  { unfold w, link_table. destruct (l =? 1); repeat split. }
  destruct Ew as (Ec & Ewd & Er & El). clearbody w.
  assert (Ta : forall m u o, (table_at w m u o = a /\ (m =? 1) = (l =? 1) /\ u = v /\ o = n) \/ table_at w m u o = table_at s m u o).
  { intros m u o. unfold table_at. destruct (m =? 1) eqn:M; rewrite ?E1, ?E2; destruct (l =? 1); cbn [negb andb]; auto;
      destruct ((u =? v) && (o =? n)) eqn:X; auto; props; auto. }
  assert (InW : forall x, in_use w (P t) x -> in_use s (P t) x \/ x = a).
  { intros x [[X1 X2]|(y & Y1 & Y2)]; [|left; right; exists y; rewrite Ec in Y2; auto]. rewrite ET in X1.
    destruct (Z.eqb_spec (x / PAGE_BYTES) (a / PAGE_BYTES)) as [X|X]; [right|left; left; auto]. apply page_eq; auto. }
  assert (PF : pool_fine w (put_table l v i true (P t))).
  { destruct T as [_ Nu (li & Li & Nd & C & Al & Nl)].
    assert (Old : forall m u o, table_at s m u o <> 0 -> table_at s m u o <> a).
    { intros m u o X Y. apply Nu. left. rewrite <- Y. apply (p_table _ _ _ F m u o X). }
    assert (Same : forall x, has_context (put_table l v i true (P t)) x -> has_context (P t) x).
    { intros x X. unfold put_table in X. destruct (l =? 1); exact X. }
    assert (InP : forall x, in_use w (put_table l v i true (P t)) x -> in_use s (P t) x \/ x = a).
    { intros x [X|(y & Y1 & Y2)]; apply InW; [left; exact X|right; eauto]. }
    assert (Vt : forall u, v_tables (vm (put_table l v i true (P t)) u) = v_tables (vm (P t) u)).
    { intros u. unfold put_table. destruct (l =? 1); reflexivity. }
    destruct F as [_ _ U X Y Tb TT Cn]. constructor; rewrite ?Ec; auto.
    - exists li. split; [apply (linked_same s); auto; intros; rewrite Ewd; auto|]. do 2 (split; [auto|]). intros b Hb.
      destruct (Al b Hb) as [A1 A2]. split; [exact A1|]. intros Z. destruct (InP b Z) as [Z'| ->]; auto.
    - intros x Hx. destruct (InP x Hx) as [Z'| ->]; eauto.
    - intros x Hx. rewrite ET. destruct (Z.eqb_spec (cell s "vcpu_context" x / PAGE_BYTES) (a / PAGE_BYTES)) as [Z'|]; [|auto].
      exfalso. apply Nu. right. exists x. split; [auto|].
      destruct (U (cell s "vcpu_context" x)) as (j & J & Ej); [right; exists x; auto|].
      rewrite Ej, Ea in *. apply same_page_at in Z'. congruence.
    - intros m u o. destruct (Ta m u o) as [(-> & _)| ->]; intros N; [rewrite ET, Z.eqb_refl; split; [reflexivity|exact P2]|].
      destruct (Tb m u o N) as [N1 N2]. split; [|exact N2]. rewrite ET, N1.
        now destruct (table_at s m u o / PAGE_BYTES =? a / PAGE_BYTES).
    - intros m u o m' u' o' M M'. destruct (Ta m u o) as [(-> & X1 & X2 & X3)| ->], (Ta m' u' o') as [(-> & Y1 & Y2 & Y3)| ->];
      intros N E.
      + destruct M as [-> | ->], M' as [-> | ->], L as [-> | ->]; cbn in X1, Y1; try discriminate; subst; auto.
      + exfalso. apply (Old m' u' o'); congruence.
      + exfalso. apply (Old m u o); congruence.
      + auto.
    - intros u Hu. rewrite Vt. destruct (Z.eq_dec u v) as [->|D].
      + replace (v_tables (vm (P t) v)) with (v_tables (vm (P t) v) - 1 + 1) by lia.
        apply (Inv.covers_add Z.eq_dec (held_by s (P t) v) _ _ a Cv). intros x (Nx & S).
        destruct S as [(g & S)|[(g & S)|(y & S1 & S2 & S3)]].
        * rewrite E1 in S. destruct (_ && _); [right; congruence|left; split; eauto].
        * rewrite E2 in S. destruct (_ && _); [right; congruence|left; split; eauto].
        * left. split; [exact Nx|]. right. right. exists y. rewrite Ec in S3. auto.
      + apply (Inv.covers_mono (held_by s (P t) u) _ (v_tables (vm (P t) u))); [apply Cn, Hu| |lia]. intros x (Nx & S). split;
        [exact Nx|].
        rewrite Ec in S. destruct S as [(g & S)|[(g & S)|(y & S1 & S2 & S3)]].
        * rewrite E1, (proj2 (Z.eqb_neq u v) D), andb_false_r in S. eauto.
        * rewrite E2, (proj2 (Z.eqb_neq u v) D), andb_false_r in S. eauto.
        * eauto 8. }
  assert (Re : forall u, is_vm u -> reaped (put_table l v i true (P t)) u) by (intros; apply reaped_table; auto;
    apply (r_reaped _ _ _ _ R);
    auto).
  assert (Ar : forall x, at_rest (put_table l v i true (P t)) x -> at_rest (P t) x) by (intros x; unfold put_table; destruct (l =? 1);
    auto).
  assert (Hc : forall x, has_context (put_table l v i true (P t)) x -> has_context (P t) x) by (intros x; unfold put_table;
    destruct (l =? 1); auto).
  pose proof (r_log _ _ _ _ R) as Lg. unfold put_table, n, nth_table in *. clear Z0 Ta InW.
  pose proof R as X. destruct X. destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb negb andb] in *; constructor; intros; cbn [P D] in *; peel;
    rewrite ?Ec, ?Ewd, ?Er, ?El, ?E1, ?E2;
    lazymatch goal with
    | |- pool_fine _ _ => exact PF
    | |- reaped _ _ => apply Re; assumption
    | |- vgic_fine _ _ _ => let G := fresh "G" in intros G; specialize (r_vgic G); cbv zeta in *; cbn [P D] in *; peel; rewrite ?Er in *; exact r_vgic
    | H : nth_error _ _ = _ |- _ => subst; eapply Lg; eassumption
    | |- upd2 _ _ _ _ _ _ = _ => unfold upd2; destruct (_ && _); [symmetry; apply negb_true_iff, Z.eqb_neq, Na|auto]
    | _ => eauto
    end.
Qed.

(* ------------------------------------------------------------------ tables down to a level *)

Lemma few_more n m t : few n t -> n <= m -> few m t.
Proof. intros [A B C] N. split; [lia|exact B|]. intros v V. specialize (C v V). lia. Qed.
Lemma pool_alloc_tables v t p : pool_alloc v t = Some p -> s1 p = s1 t /\ tab p = tab t /\ lf p = lf t.
Proof. unfold pool_alloc. destruct (_ || _); [discriminate|]. intros E. injection E as <-. destruct (_ && _); repeat split. Qed.
Lemma put_table_cursor l v i b t w : v_cursor (vm (put_table l v i b t) w) = v_cursor (vm t w).
Proof. unfold put_table. destruct (l =? 1); reflexivity. Qed.

(* The C answers what the top machine does. *)
Definition prepares (c n : Z) (d : data) (x : res (Z * state)) (o : prepared) : Prop :=
  exists r u, x = Ok (r, u) /\ held u = true /\
    match o with
    | Fail q p => r = q /\ q <> 0 /\ few n p /\ Q c u (mkst p d)
    | Go p => r = 0 /\ few n p /\ Q c u (mkst p d)
    end.

Section At.
Variables (c : Z) (v i : Z).
Hypotheses (V : is_handle v) (A : is_ipa i).
Definition at_start (t : st) : Prop := v = HOST \/ v_cursor (vm (P t) v) = 0.

Lemma fresh_sim s t l n : Q c s t -> held s = true -> few n (P t) -> 0 <= n < 8 -> at_start t -> l = 1 \/ l = 2 ->
  table_at s l v (nth_table l i) = 0 ->
  prepares c (n + 1) (D t)
    (match h_pool_alloc [v] s with
     | Ok (pa, s') => if pa =? 0 then Ok (KCORE_ENOMEM, s') else Ok (0, link_table v (i * PAGE_BYTES) l pa s')
     | r => r
     end)
    (match pool_alloc v (P t) with None => Fail KCORE_ENOMEM (P t) | Some p => Go (put_table l v i true p) end).
Proof.
  intros R H F N S L Z0. pose proof (alloc_sim fixed I c s t v n R H V F N) as X.
  destruct (pool_alloc v (P t)) as [p|] eqn:E.
  - destruct X as (a & u & -> & Hu & Ru & T & Fu & Cu). destruct (k_at _ _ _ _ T) as (k & K & Ea).
    pose proof (p_bump _ _ _ (r_pool _ _ _ _ Ru)). destruct (pool_page_at fixed I k) as (P1 & _); [cbn [P] in *; lia|].
      rewrite <- Ea in P1.
    rewrite (proj2 (Z.eqb_neq a 0)) by lia. exists 0, (link_table v (i * PAGE_BYTES) l a u). split; [reflexivity|].
    split; [unfold link_table; destruct (l =? 1); exact Hu|]. split; [reflexivity|]. split.
    { destruct Fu as [A1 A2 A3]. unfold put_table. destruct (l =? 1); split; auto. }
    apply (link_sim c u (mkst p (D t)) v i l a); auto.
    + destruct (pool_alloc_tables v (P t) p E) as (T1 & T2 & _).
      pose proof (s1_at fixed c u (mkst p (D t)) v i Ru V A) as U1. pose proof (s1_at fixed c s t v i R V A) as U2.
      pose proof (tab_at fixed c u (mkst p (D t)) v i Ru V A) as U3. pose proof (tab_at fixed c s t v i R V A) as U4.
      cbn [P] in U1, U3. rewrite T1, U2 in U1. rewrite T2, U4 in U3. unfold table_at, nth_table in *. destruct (l =? 1).
      * rewrite Z0 in U1. destruct (Z.eqb_spec (Base.s1 u v (i / 262144)) 0); auto. discriminate U1.
      * rewrite Z0 in U3. destruct (Z.eqb_spec (Base.tab u v (i / 512)) 0); auto. discriminate U3.
    + destruct S as [S|S]; [left; exact S|right]. cbn [P]. rewrite (pool_alloc_cursor v (P t) p v E). exact S.
  - exists KCORE_ENOMEM, s. rewrite X. split; [reflexivity|]. split; [exact H|]. split; [reflexivity|]. split; [discriminate|].
    split; [apply (few_more n); auto; lia|]. rewrite st_eta. exact R.
Qed.

Lemma level_sim s t l n : Q c s t -> held s = true -> few n (P t) -> 0 <= n < 8 -> at_start t -> l = 1 \/ l = 2 ->
  prepares c (n + 1) (D t) (prepare_level v (i * PAGE_BYTES) l s)
    (if (if l =? 1 then s1 (P t) v (i / 262144) else tab (P t) v (i / 512)) then Go (P t) else
     match (if l =? 1 then None else lf (P t) v (Block (i / 512))), pool_alloc v (P t) with
     | Some _, _ => Fail KCORE_EBUSY (P t)
     | None, None => Fail KCORE_ENOMEM (P t)
     | None, Some p => Go (put_table l v i true p)
     end).
Proof.
  intros R H F N S L.
  assert (Stay : forall r, prepares c (n + 1) (D t) (Ok (r, s)) (if r =? 0 then Go (P t) else Fail r (P t))).
  { intros r. exists r, s. split; [reflexivity|]. split; [exact H|]. destruct (Z.eqb_spec r 0) as [->|Nr]; (split; [reflexivity|]);
    [|split; [exact
    Nr|]]; (split; [apply (few_more n); auto; lia|rewrite st_eta; exact R]). }
  pose proof (p_table _ _ _ (r_pool _ _ _ _ R)) as Tb. pose proof (fresh_sim s t l n R H F N S L) as Fr.
  unfold prepare_level, entry. destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb] in *.
  - rewrite (s1_at fixed c s t v i R V A), gib_of. specialize (Tb 1 v (i / 262144)). unfold table_at, nth_table in *.
    cbn [Z.eqb Pos.eqb] in *.
    destruct (Z.eqb_spec (Base.s1 s v (i / 262144)) 0) as [E|E]; cbn [negb].
    + change (is_table 0) with false. apply Fr, E.
    + rewrite table_desc_is by (apply (Tb E)). apply (Stay 0).
  - rewrite (tab_at fixed c s t v i R V A), block_of. specialize (Tb 2 v (i / 512)). unfold table_at, nth_table in *.
    cbn [Z.eqb Pos.eqb] in *.
    destruct (Z.eqb_spec (Base.tab s v (i / 512)) 0) as [E|E]; cbn [negb].
    + rewrite (r_block _ _ _ _ R v (i / 512) V (ipa_block i A)). unfold entry_of.
      destruct (r_leaf _ _ _ _ R v 2 (i / 512)) as [L|L].
      * rewrite L. change (is_table 0) with false. apply Fr, E.
      * pose proof (leaf_ok_nonzero _ _ L) as Nz. rewrite (leaf2_no_table _ L), (proj2 (Z.eqb_neq _ _) Nz). apply (Stay KCORE_EBUSY).
    + rewrite table_desc_is by (apply (Tb E)). apply (Stay 0).
Qed.

Lemma prepare_sim s t l n : Q c s t -> held s = true -> few n (P t) -> 0 <= n < 7 -> at_start t -> l = 2 \/ l = 3 ->
  prepares c (n + 2) (D t) (h_s2_prepare [v; i * PAGE_BYTES; l] s) (s2_prepare v i l (P t)).
Proof.
  intros R H F N S L. unfold h_s2_prepare. rewrite (stage_fine fixed I c s t v i R V A), H.
  replace (true && (2 <=? l) && (l <=? 3) && true) with true by (destruct L as [-> | ->]; reflexivity).
  assert (Next : forall u p, held u = true -> few (n + 1) p -> Q c u (mkst p (D t)) -> at_start (mkst p (D t)) ->
    prepares c (n + 2) (D t) (if l =? 3 then prepare_level v (i * PAGE_BYTES) 2 u else Ok (0, u))
      (if l =? 3 then s2_prepare3 v i p else Go p)).
  { intros u p Hu Fu Ru Su. destruct (l =? 3).
    - replace (n + 2) with (n + 1 + 1) by lia. apply (level_sim u (mkst p (D t)) 2 (n + 1)); auto. lia.
    - exists 0, u. split; [reflexivity|]. split; [exact Hu|]. split; [reflexivity|]. split; [apply (few_more (n + 1)); auto;
      lia|exact Ru]. }
  destruct (level_sim s t 1 n R H F ltac:(lia) S ltac:(auto)) as (r & u & -> & Hu & M). cbn [Z.eqb Pos.eqb] in M. unfold s2_prepare.
  destruct (s1 (P t) v (i / 262144)).
  - destruct M as (-> & Fu & Ru). cbn [Z.eqb negb]. apply Next; auto.
  - destruct (pool_alloc v (P t)) as [p|] eqn:E.
    + destruct M as (-> & Fu & Ru). cbn [Z.eqb negb]. apply (Next u (put_table 1 v i true p)); auto.
      destruct S as [S|S]; [left; exact S|right]. cbn [P]. rewrite put_table_cursor, (pool_alloc_cursor v (P t) p v E). exact S.
    + destruct M as (-> & Nr & Fu & Ru). rewrite (proj2 (Z.eqb_neq _ _) Nr). cbn [negb]. exists KCORE_ENOMEM, u. split; [reflexivity|].
      split; [exact Hu|]. split; [reflexivity|]. split; [exact Nr|]. split; [apply (few_more (n + 1)); auto; lia|exact Ru].
Qed.
Lemma prepare_cursor l t w : match s2_prepare v i l t with Fail _ p => True | Go p => v_cursor (vm p w) = v_cursor (vm t w) end.
Proof.
  unfold s2_prepare, s2_prepare3. destruct (s1 t v (i / 262144)).
  - destruct (l =? 3); [|reflexivity]. destruct (tab t v (i / 512)); [reflexivity|]. destruct (lf t v (Block (i / 512)));
    [exact Logic.I|].
    destruct (pool_alloc v t) eqn:E; [|exact Logic.I]. apply (pool_alloc_cursor v t _ w E).
  - destruct (pool_alloc v t) eqn:E; [|exact Logic.I]. pose proof (pool_alloc_cursor v t _ w E) as C. destruct (l =? 3); [|exact C].
    cbn [tab set_s1]. destruct (tab p v (i / 512)); [exact C|]. cbn [lf set_s1]. destruct (lf p v (Block (i / 512))); [exact Logic.I|].
    destruct (pool_alloc v (set_s1 (upd2 (s1 p) v (i / 262144) true) p)) eqn:E2; [|exact Logic.I]. cbn [vm set_tab].
    rewrite (pool_alloc_cursor v _ _ w E2). exact C.
Qed.
End At.
End Table.
