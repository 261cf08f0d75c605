(* SPDX-License-Identifier: GPL-2.0-only *)
(* A normal VM's leaf comes: one section of VM_MAP and VM_WRPROTECT does what the top machine's section does. *)
From KCore Require Import code.Common code.Calls code.Transfer code.Range code.RangeMap pt.Bits top.InvRange.
From KCore Require Export sim.Free sim.Check sim.Drop.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Leaf.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* A VM that may be mapped to has no cursor. *)
Lemma cursor_zero t v : reaped t v -> v_state (vm t v) <> VM_FREE -> v_state (vm t v) <> VM_DYING -> v_cursor (vm t v) = 0.
Proof. intros [F|[E|[F _]]] N D; [contradiction|exact E|contradiction]. Qed.
Lemma free_table_cursor v i t w : v_cursor (vm (s2_free_table v i 2 t) w) = v_cursor (vm t w).
Proof. unfold s2_free_table, pool_give. cbn. unfold upd. destruct (Z.eqb_spec w v) as [->|]; reflexivity. Qed.

Section At.
Variables (c : Z) (v i l : Z).
Hypotheses (V : is_handle v) (A : is_ipa i) (L : l = 2 \/ l = 3).

(* An entry of the level, where the tables end there. *)
Lemma entry_eq s t : Q c s t -> (l = 3 -> tab (P t) v (i / 512) = true) -> (l = 2 -> s1 (P t) v (i / 262144) = true /\
  tab (P t) v (i / 512) = false) ->
  way s v (i * PAGE_BYTES) l = true /\ lf (P t) v (level_place l i) = entry_of (entry s v (i * PAGE_BYTES) l) /\
  Calls.valid (entry s v (i * PAGE_BYTES) l) = negb (entry s v (i * PAGE_BYTES) l =? 0).
Proof.
  intros R T3 T2. pose proof (s1_at fixed c s t v i R V A) as S1. pose proof (tab_at fixed c s t v i R V A) as Tb.
  unfold way, entry, level_place, Calls.valid. rewrite page_of, block_of, gib_of. destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb].
  - destruct (T2 eq_refl) as [X Y]. rewrite X in S1. rewrite Y in Tb. symmetry in S1, Tb. apply negb_false_iff in Tb. rewrite S1, Tb.
    cbn [andb].
    split; [reflexivity|]. split; [apply (r_block _ _ _ _ R); auto using ipa_block|]. f_equal. apply (invalid_zero _ 2),
      (r_leaf _ _ _ _ R).
  - rewrite (T3 eq_refl) in Tb. symmetry in Tb. cbn [andb]. rewrite Tb. split; [reflexivity|].
    split; [apply (r_page _ _ _ _ R); auto|]. f_equal. apply (invalid_zero _ 3), (r_leaf _ _ _ _ R).
Qed.

Lemma map_prepare_sim s t : Q c s t -> inv (P t) -> held s = true -> few 0 (P t) -> at_start v t ->
  exists r u, s_map_prepare [v; i * PAGE_BYTES; l] s = Ok (r, u) /\ held u = true /\
    match Hyper.map_prepare v i l (P t) with
    | Fail q p => r = q /\ q <> 0 /\ Q c u (mkst p (D t))
    | Go p => r = 0 /\ Q c u (mkst p (D t)) /\ at_start v (mkst p (D t)) /\ way u v (i * PAGE_BYTES) l = true /\
              entry u v (i * PAGE_BYTES) l = 0
    end.
Proof.
  intros R J H F S. pose proof (map_prepare_quiet v i l (P t) J ltac:(tauto)) as Mq.
  pose proof (s2_prepare_quiet v i l (P t) (i_tables _ J)) as Pq. pose proof (prepare_cursor v i l (P t) v) as Pc.
  unfold s_map_prepare, Range.map_prepare, Hyper.map_prepare in *.
  destruct (prepare_sim fixed I c v i V A s t l 0 R H F ltac:(lia) S L) as (r & u & -> & Hu & M). cbn [bind].
  destruct (s2_prepare v i l (P t)) as [q p|p].
  { destruct M as (-> & Nq & _ & Ru). rewrite (proj2 (Z.eqb_neq q 0) Nq). cbn [negb]. eexists _, u. split; [reflexivity|]. split;
    [exact Hu|].
    split; [reflexivity|]. split; [destruct (q =? KCORE_EBUSY); [discriminate|exact Nq]|exact Ru]. }
  destruct M as (-> & Fu & Ru). destruct Pq as (Q1 & S1 & T3). cbn [Z.eqb negb].
  assert (Sp : at_start v (mkst p (D t))) by (destruct S as [S|S]; [left; exact S|right; cbn [P]; congruence]).
  rewrite (level_eq fixed I c u (mkst p (D t)) v i Ru (h_tables _ _ (proj1 Q1)) V A). cbn [bind P].
  assert (End_ : forall u p, Q c u (mkst p (D t)) -> held u = true -> at_start v (mkst p (D t)) -> (l = 3 -> tab p v (i / 512) = true) ->
    (l = 2 -> s1 p v (i / 262144) = true /\ tab p v (i / 512) = false) ->
    exists r w, map_entry v (i * PAGE_BYTES) l u = Ok (r, w) /\ held w = true /\
      match (match lf p v (level_place l i) with Some _ => Fail KCORE_EAGAIN p | None => Go p end) with
      | Fail q p => r = q /\ q <> 0 /\ Q c w (mkst p (D t))
      | Go p => r = 0 /\ Q c w (mkst p (D t)) /\ at_start v (mkst p (D t)) /\ way w v (i * PAGE_BYTES) l = true /\
                entry w v (i * PAGE_BYTES) l = 0
      end).
  { intros u' p' Ru' Hu' Sp' X3 X2. destruct (entry_eq u' (mkst p' (D t)) Ru' X3 X2) as (E1 & E2 & E3). cbn [P] in E2.
    unfold map_entry. rewrite (load_eq fixed I c u' (mkst p' (D t)) v i Ru' V A) by (destruct L; lia). cbn [bind]. rewrite E3, E2.
    eexists _, u'. split; [reflexivity|]. split; [exact Hu'|]. unfold entry_of.
      destruct (Z.eqb_spec (entry u' v (i * PAGE_BYTES) l) 0) as [E|E]; cbn [negb].
    - auto.
    - split; [reflexivity|]. split; [discriminate|exact Ru']. }
  destruct (Z.eqb_spec l 2) as [L2|L2]; cbn [andb] in *.
  - destruct (Z.eqb_spec (s2_level p v i) 3) as [L3|L3]; cbn [andb] in *.
    + assert (Tt : tab p v (i / 512) = true) by (revert L3; unfold s2_level; rewrite S1; destruct (tab p v (i / 512));
      [reflexivity|discriminate]).
      unfold h_s2_table_empty. rewrite (stage_fine fixed I c u (mkst p (D t)) v i Ru V A), block_of.
      pose proof (tab_at fixed c u (mkst p (D t)) v i Ru V A) as Tb. cbn [P] in Tb. rewrite Tt in Tb. rewrite <- Tb. cbn [andb bind].
      rewrite b2z_zero, (empty_eq fixed c v i V A u (mkst p (D t)) Ru). cbn [P]. destruct (table_empty v i p) eqn:Em; cbn [negb] in *.
      * destruct (free_sim fixed I c v i V A u (mkst p (D t)) 2 Ru Hu Fu ltac:(lia) Sp Tt Em) as (w & -> & Hw & Rw & _).
        cbn [bind P D] in *.
        apply End_; auto.
        -- destruct Sp as [X|X]; [left; exact X|right]. cbn [P] in *. rewrite free_table_cursor. exact X.
        -- intros ->. discriminate L2.
        -- intros _. split; [exact S1|]. unfold s2_free_table. cbn. unfold upd2. now rewrite !Z.eqb_refl.
      * eexists _, u. split; [reflexivity|]. split; [exact Hu|]. split; [reflexivity|]. split; [discriminate|exact Ru].
    + apply End_; auto.
      intros _. split; [exact S1|]. revert L3. unfold s2_level. rewrite S1. destruct (tab p v (i / 512)); [congruence|reflexivity].
  - apply End_; auto. intros X. contradiction.
Qed.
End At.

Lemma map_leaf_sim c s t v i p l prot : Q c s t -> inv (P t) -> held s = true -> fits (P t) -> is_vm v -> is_ipa i ->
  0 <= p < 268435456 -> l = 2 \/ l = 3 -> (l = 2 -> p mod 512 = 0) -> 0 <= prot < 16 ->
  forall r t', Hyper.map_leaf v i p l prot (P t) = (r, t') ->
  exists u, s_map_leaf [v; i * PAGE_BYTES; p * PAGE_BYTES; l; prot] s = Ok (r, u) /\ held u = true /\ Q c u (mkst t' (D t)).
Proof.
  intros R J H F W A B L M Pr r t'. assert (V : is_handle v) by (unfold is_handle, is_vm, KCORE_NR_VMS in *; lia).
  unfold s_map_leaf, RangeMap.map_leaf, Hyper.map_leaf. set (n := if l =? 3 then 1%nat else 512%nat).
  assert (Nn : (n = 1%nat \/ n = 512%nat) /\ Walk.covers l = Z.of_nat n * PAGE_BYTES /\ level_pages l = Z.of_nat n /\ (1 <= n)%nat).
  { unfold n. destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb]; repeat split; auto; lia. }
  destruct Nn as (N & Cv & Lp & N1). rewrite Cv, Lp, Z.div_mul by discriminate. pose proof (fixed_of fixed c s t R) as Fx.
  rewrite (regions_fine fixed I s Fx).
  replace (word64 (p * PAGE_BYTES)) with true by (symmetry; unfold word64, PAGE_BYTES; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    lia).
  replace (nth_vm v) with true by (symmetry; unfold nth_vm, is_vm, KCORE_NR_VMS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    lia).
  cbn [andb]. rewrite (normal_eq fixed c s t v R V). destruct (Z.eqb_spec (normal_check (P t) v) 0) as [Nc|Nc]; cbn [negb].
  2: { intros E. injection E as <- <-. exists s. rewrite st_eta. auto. }
  destruct (normal_is _ _ Nc) as [Sf Ty].
  assert (Sd : v_state (vm (P t) v) <> VM_DYING).
  { revert Nc. unfold normal_check, is. destruct (_ =? VM_FREE); [discriminate|]. destruct (Z.eqb_spec (v_state (vm (P t) v)) VM_DYING);
      [discriminate|auto]. }
  rewrite (check_eq fixed I c s t p n R N B prot Pr). cbn [bind].
  destruct (Z.eqb_spec (Hyper.map_check p n prot (P t)) 0) as [Mc|Mc]; cbn [negb].
  2: { intros E. injection E as <- <-. exists s. rewrite st_eta. auto. }
  assert (St : at_start v t) by (right; apply cursor_zero; auto; apply (r_reaped _ _ _ _ R v W)).
  pose proof (map_prepare_quiet v i l (P t) J ltac:(tauto)) as Mq.
  destruct (map_prepare_sim c v i l V A L s t R J H (fits_few _ F) St) as (q & u & -> & Hu & X). cbn [bind].
  destruct (Hyper.map_prepare v i l (P t)) as [q' p'|p'].
  { destruct X as (-> & Nq & Ru). rewrite (proj2 (Z.eqb_neq q' 0) Nq). cbn [negb]. intros E. injection E as <- <-. exists u. auto. }
  destruct X as (-> & Ru & Sp & Wy & Ez). cbn [Z.eqb negb]. intros E. injection E as <- <-. destruct Mq as (Sh & _).
  rewrite (record_first fixed I s Fx) by lia. rewrite Nat2Z.id.
  destruct (leaf_word_ok p prot l B Pr L M) as [Lo _].
  assert (Fin : forall w p2, Q c w (mkst p2 (D t)) -> held w = true -> vm p2 = vm p' -> Base.s1 w = Base.s1 u ->
    Base.tab w = Base.tab u ->
    Base.leaf w = Base.leaf u -> exists x, (pre held w in
      let* (_, s) := h_s2_set [v; i * PAGE_BYTES; l; leaf_word (p * PAGE_BYTES) prot l] (bump "vm_pages" 64 v 1 w) in Ok (0,
        s)) = Ok (0, x) /\
      held x = true /\ Q c x (mkst (set_leaf v (level_place l i) (Some (mkleaf p prot))
        (change_vm v (fun r => vm_with_pages (v_pages r + 1) r) p2)) (D t))).
  { intros w p2 Rw Hw Ev E1 E2 E3. rewrite Hw.
    assert (Nf : v_state (vm p2 v) <> VM_FREE).
    { rewrite Ev. destruct (security_fields _ _ (h_vm _ _ Sh v)) as (-> & _). exact Sf. }
    assert (Rb : Q c (bump "vm_pages" 64 v 1 w) (mkst (change_vm v (fun r => vm_with_pages (v_pages r + 1) r) p2) (D t))).
    { destruct (rest_vm p2 v (vm_with_pages (v_pages (vm p2 v) + 1) (vm p2 v)) eq_refl Nf) as [Ar Hc]. related Rw. }
    assert (Hb : held (bump "vm_pages" 64 v 1 w) = true) by exact Hw.
    assert (B1 : Base.s1 (bump "vm_pages" 64 v 1 w) = Base.s1 u) by exact E1.
    assert (B2 : Base.tab (bump "vm_pages" 64 v 1 w) = Base.tab u) by exact E2.
    assert (B3 : Base.leaf (bump "vm_pages" 64 v 1 w) = Base.leaf u) by exact E3.
    set (b := bump "vm_pages" 64 v 1 w) in *. clearbody b.
    assert (Wb : way b v (i * PAGE_BYTES) l = true) by (rewrite <- Wy; unfold way; rewrite B1, B2; reflexivity).
    assert (Zb : entry b v (i * PAGE_BYTES) l = 0) by (rewrite <- Ez; unfold entry; rewrite B1, B2, B3; reflexivity).
    unfold h_s2_set. rewrite (stage_fine fixed I c _ _ v i Rb V A), Hb, Wb, Zb.
    rewrite Lo. cbn [andb Z.eqb bind]. eexists. split; [reflexivity|]. split; [exact Hb|]. apply keep_record.
    rewrite <- (entry_of_word p prot l B Pr L M).
    apply (keep_leaf fixed c b (mkst (change_vm v (fun r => vm_with_pages (v_pages r + 1) r) p2) (D t))); auto.
    - intros x L2 _ Ex Dx. rewrite (entry_of_word p prot l B Pr L M) in Ex. injection Ex as <-. cbn [l_page] in *.
      revert Mc. unfold Hyper.map_check. assert (n = 512%nat) as -> by (unfold n; rewrite L2; reflexivity).
      destruct (in_dram p 512) eqn:Di; [reflexivity|].
      destruct (forallb (fun q => negb (dram q)) (range p 512)) eqn:Fa; cbn [negb]; [|discriminate].
      pose proof (forall_range _ _ _ Fa p ltac:(lia)) as Y. cbn beta in Y. rewrite Dx in Y. discriminate Y.
    - right. destruct Sp as [X|X]; [right; exact X|left]. cbn [P] in *. unfold change_vm, set_vm, upd. cbn [vm]. rewrite Z.eqb_refl, Ev.
      exact X. }
  destruct (in_dram p n) eqn:Di.
  - assert (Dp : dram p = true) by (unfold in_dram in Di; apply andb_true_iff in Di; apply Di).
    rewrite (proj2 (Z.eqb_neq _ _) (record_real fixed I p Dp)). cbn [negb].
    unfold s_pages_map. rewrite (records_ok fixed I c u (mkst p' (D t)) p n Ru Di N1), Hu, Nat2Z.id. cbn [andb bind].
    destruct (map_count_rest 1 u (record_no fixed p) n) as (_ & _ & E1 & E2 & E3 & _).
    apply Fin; auto.
    + apply (keep_maps fixed I c u (mkst p' (D t)) p n 1 Ru Di N1).
    + rewrite map_count_held. exact Hu.
  - rewrite Z.eqb_refl. cbn [negb bind]. apply Fin; auto.
Qed.
End Leaf.
