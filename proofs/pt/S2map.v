(* SPDX-License-Identifier: GPL-2.0-only *)
(* The code of s2map.c over words does what layer L1 says over maps. *)
From KCore Require Export pt.Code.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition L_s2 : layer state :=
  add (add (add (add (add L0 "pool_alloc" s_pool_alloc) "pool_give" s_pool_give) "pte_is_table" s_pte_is_table)
    "s2_vttbr" s_s2_vttbr) "s2_entry" s_s2_entry.

Lemma yields_sim {A} (RR : state -> A -> Prop) L d args s (y : Z * A) :
  yields L d args s (fun v s' => v = fst y /\ RR s' (snd y)) -> sim_res (rval RR) (run L d args s) (Ok y).
Proof. intros (v & s' & E & Ev & HR). exists (v, s'). split; [exact E|]. split; auto. Qed.

Lemma pte_is_table_at p s : s_pte_is_table [p] s = Ok (b2z (is_table p), s).
Proof. reflexivity. Qed.
Lemma held_R s t : R s t -> held s = held t.
Proof. intros ((_ & _ & E & _) & _). exact E. Qed.
Lemma vttbr_R s t vm ipa : R s t -> stage2_ok t vm ipa = true -> s_s2_vttbr [vm] s = Ok (vttbr_of t vm, s).
Proof.
  intros ((Ec & _) & _) S. unfold s_s2_vttbr, vttbr_of, root, roots_ok. rewrite Ec. unfold stage2_ok in S.
  apply andb_true_iff in S as [S _]. apply andb_true_iff in S as [S _]. unfold roots_ok in S. rewrite S. reflexivity.
Qed.

(* One entry becomes a leaf or invalid. *)
Lemma R_leaf s t l vm n pte : R s t -> l = 2 \/ l = 3 -> present t l vm n -> (l = 2 -> tab t vm n = 0) ->
  pte = 0 \/ leaf_ok pte l = true -> R (setword (addr t l vm n) pte s) (set_leaf vm l n pte t).
Proof.
  intros (S & A & own & W) L P T F. split; [exact S|]. split.
  - intros a Pa _. cbn [word setword setwords]. destruct (Z.eqb_spec a (addr t l vm n)) as [E|].
    + exfalso. exact (addr_not_plain W l vm n a P Pa E).
    + apply A; auto.
  - exists own. cbn [word setword setwords]. eapply leaf_change; eauto.
    + cbn. rewrite Z.eqb_refl. reflexivity.
    + intros l' vm' n' P' N. destruct (Z.eqb_spec (addr t l' vm' n') (addr t l vm n)) as [E|]; [|reflexivity].
      exfalso. apply N. exact (addr_inj W _ _ _ _ _ _ P' P E).
Qed.

Lemma set_sim : sim_prim R (run L_s2 f_s2_set) h_s2_set.
Proof.
  intros args s t HR. unfold h_s2_set. destruct args as [|vm [|ipa [|l [|pte [|]]]]]; try exact I.
  destruct (_ && _) eqn:G; [|exact I].
  apply andb_true_iff in G as [G F]. apply andb_true_iff in G as [G E]. apply andb_true_iff in G as [G Wy].
  apply andb_true_iff in G as [S H]. destruct (way_present _ _ _ _ Wy) as (L & N & T).
  destruct (entry_present s t vm ipa l HR S ltac:(lia) N) as (P & SE & WE & A8 & AR).
  apply yields_sim. pose proof (held_R _ _ HR) as HH. rewrite H in HH. unfold L_s2.
  start f_s2_set. do 2 step. rewrite SE. cbn [returns_to put setv]. steps. cbn [ends_in result fst snd]. split; [reflexivity|].
  apply R_record, R_leaf; auto.
Qed.

Lemma clear_sim : sim_prim R (run L_s2 f_s2_clear) h_s2_clear.
Proof.
  intros args s t HR. unfold h_s2_clear. destruct args as [|vm [|ipa [|l [|]]]]; try exact I.
  destruct (_ && _) eqn:G; [|exact I]. apply andb_true_iff in G as [G X]. apply andb_true_iff in G as [S H]. cbn zeta.
  assert (Q : 1 <= l <= 3 /\ tbase t l vm (up l (number l ipa)) <> 0 /\
              (entry t vm ipa l <> 0 -> (l = 2 \/ l = 3) /\ (l = 2 -> tab t vm (number l ipa) = 0))).
  { apply orb_true_iff in X as [X|X].
    - apply andb_true_iff in X as [X1 X2]. apply Z.eqb_eq in X1. subst l. split; [lia|]. split; [eapply root_present; eauto|].
      unfold entry. cbn [Z.eqb Pos.eqb]. rewrite X2. intros K. contradiction.
    - destruct (way_present _ _ _ _ X) as (L & N & T). split; [lia|]. auto. }
  destruct Q as (L & N & T). destruct (entry_present s t vm ipa l HR S L N) as (P & SE & WE & A8 & AR).
  apply yields_sim. pose proof (held_R _ _ HR) as HH. rewrite H in HH. unfold L_s2.
  assert (VV : (Z.land (entry t vm ipa l) 1 =? 0) = (entry t vm ipa l =? 0)).
  { rewrite entry_val by exact L. destruct HR as (_ & _ & own & W). eapply val_valid; eauto. apply P. }
  start f_s2_clear. do 2 step. rewrite SE. cbn [returns_to put setv]. do 3 step. rewrite (vttbr_R s t vm ipa) by auto.
  cbn [returns_to put setv]. step. step. step. rewrite WE. step. step. step.
  - rewrite VV in C. destruct (Z.eqb_spec (entry t vm ipa l) 0) as [|E0]; [discriminate|].
    steps. cbn [ends_in result fst snd]. split; [reflexivity|]. do 3 apply R_record.
    destruct (T E0) as [L2 T2]. apply R_leaf; auto.
  - rewrite VV in C. destruct (Z.eqb_spec (entry t vm ipa l) 0) as [E0|]; [|discriminate].
    steps. cbn [ends_in result fst snd]. split; [reflexivity|exact HR].
Qed.

(* ---------------------------------------------------------------- a table taken away *)

Lemma empty_spec (f : Z -> bool) k : all_below words f = true -> 0 <= k < 512 -> f k = true.
Proof. rewrite all_below_spec, words_eq. intros H Hk. apply H. exact Hk. Qed.

Lemma unlink s t vm ipa l : R s t -> stage2_ok t vm ipa = true ->
  l = 1 /\ s1 t vm (gib ipa) <> 0 /\ empty2 t vm (gib ipa) = true \/ l = 2 /\ tab t vm (block ipa) <> 0 /\ empty3 t vm (block ipa) = true ->
  let pa := if l =? 1 then s1 t vm (gib ipa) else tab t vm (block ipa) in
  let a := if l =? 1 then set_s1 vm (gib ipa) 0 t else set_tab vm (block ipa) 0 t in
  Rx (fun p => p =? page pa) (setword (addr t l vm (number l ipa)) 0 s) (set_table (page pa) false a) /\
  entry t vm ipa l = table_desc pa /\ table_page t pa.
Proof.
  intros (SR & A & own & W) S Q. destruct (ipa_range _ _ _ S) as [V IR].
  pose proof (gib_range ipa IR) as G. pose proof (block_range ipa IR) as B.
  assert (AG : forall p, agree (fun q => q =? page p) (setword (addr t l vm (number l ipa)) 0 s)
    (set_table (page p) false (if l =? 1 then set_s1 vm (gib ipa) 0 t else set_tab vm (block ipa) 0 t))).
  { intros p a Pa Na. cbn [word setword setwords]. assert (Pt : plain t a = true).
    { unfold plain, aligned, in_roots in *. destruct (l =? 1); cbn [cell table set_table set_s1 set_tab with_maps] in Pa; rewrite Na in Pa; exact Pa. }
    assert (PR : present t l vm (number l ipa)).
    { destruct Q as [(-> & _)|(-> & N & _)].
      - split; [apply valid1; auto|]. apply (base_root W), V.
      - split; [apply valid2; auto|]. unfold tbase, up, number. cbn [Z.eqb Pos.eqb]. rewrite block_gib. intros K.
        apply N. apply (r_none2 _ _ _ W vm (block ipa)); [apply valid2; auto|]. rewrite block_gib. exact K. }
    destruct (Z.eqb_spec a (addr t l vm (number l ipa))) as [E|].
    - exfalso. exact (addr_not_plain W _ _ _ a PR Pt E).
    - destruct (l =? 1); apply A; auto. }
  destruct Q as [(-> & N & Em)|(-> & N & Em)]; cbn [Z.eqb Pos.eqb]; unfold number in *; cbn [Z.eqb Pos.eqb] in *.
  - destruct (s1_page _ _ _ _ _ W V G N) as (TP & TT & _). split; [|split; [|exact TP]].
    + split; [exact SR|]. split; [apply AG|]. exists own. cbn [word setword setwords]. apply (shrink_s1 own t (word s)); auto.
      * intros i Hi. pose proof (empty_spec _ i Em Hi) as X. cbn beta in X. props. auto.
      * cbn. rewrite Z.eqb_refl. reflexivity.
      * intros l' v' n' P' Na. assert (Pt : present t l' v' n').
        { destruct P' as (V' & P'). pose proof V' as (Hl & _). revert V' P'. pattern l'. apply three; [exact Hl| | |]; unfold present, tbase, up; cbn [Z.eqb Pos.eqb]; auto.
          cbn [s1 set_s1 with_maps]. intros V' P'. split; [exact V'|]. destruct ((v' =? vm) && _); auto. }
        assert (EA : addr (set_s1 vm (gib ipa) 0 t) l' v' n' = addr t l' v' n').
        { destruct P' as ((Hl & _) & P'). revert P'. pattern l'. apply three; [exact Hl| | |]; unfold addr, tbase, up; cbn [Z.eqb Pos.eqb]; auto.
          cbn [s1 set_s1 with_maps]. destruct ((v' =? vm) && _); auto. intros K. exfalso. apply K. reflexivity. }
        rewrite EA. destruct (Z.eqb_spec (addr t l' v' n') (addr t 1 vm (gib ipa))) as [E|]; [|reflexivity]. exfalso. apply Na.
        apply (addr_inj W); auto. split; [apply valid1; auto|apply (base_root W), V].
    + unfold entry. cbn [Z.eqb Pos.eqb]. apply Z.eqb_neq in N. rewrite N. reflexivity.
  - destruct (tab_page _ _ _ _ _ W V B N) as (TP & TT & _). split; [|split; [|exact TP]].
    + split; [exact SR|]. split; [apply AG|]. exists own. cbn [word setword setwords]. apply (shrink_tab own t (word s)); auto.
      * intros i Hi. pose proof (empty_spec _ i Em Hi) as X. cbn beta in X. props. auto.
      * cbn. rewrite Z.eqb_refl. reflexivity.
      * intros l' v' n' P' Na. assert (Pt : present t l' v' n').
        { destruct P' as (V' & P'). pose proof V' as (Hl & _). revert V' P'. pattern l'. apply three; [exact Hl| | |]; unfold present, tbase, up; cbn [Z.eqb Pos.eqb]; auto.
          cbn [tab set_tab with_maps]. intros V' P'. split; [exact V'|]. destruct ((v' =? vm) && _); auto. }
        assert (EA : addr (set_tab vm (block ipa) 0 t) l' v' n' = addr t l' v' n').
        { destruct P' as ((Hl & _) & P'). revert P'. pattern l'. apply three; [exact Hl| | |]; unfold addr, tbase, up; cbn [Z.eqb Pos.eqb]; auto.
          cbn [tab set_tab with_maps]. destruct ((v' =? vm) && _); auto. intros K. exfalso. apply K. reflexivity. }
        rewrite EA. destruct (Z.eqb_spec (addr t l' v' n') (addr t 2 vm (block ipa))) as [E|]; [|reflexivity]. exfalso. apply Na.
        apply (addr_inj W); auto. split; [apply valid2; auto|]. unfold tbase, up. cbn [Z.eqb Pos.eqb]. rewrite block_gib. intros K.
        apply N. apply (r_none2 _ _ _ W vm (block ipa)); [apply valid2; auto|]. rewrite block_gib. exact K.
    + unfold entry. cbn [Z.eqb Pos.eqb]. apply Z.eqb_neq in N. rewrite N. reflexivity.
Qed.

Lemma free_table_sim : sim_prim R (run L_s2 f_s2_free_table) h_s2_free_table.
Proof.
  intros args s t HR. unfold h_s2_free_table. destruct args as [|vm [|ipa [|l [|]]]]; try exact I.
  destruct (_ && _) eqn:G; [|exact I]. apply andb_true_iff in G as [G X]. apply andb_true_iff in G as [S H]. cbn zeta.
  assert (Q : l = 1 /\ s1 t vm (gib ipa) <> 0 /\ empty2 t vm (gib ipa) = true \/ l = 2 /\ tab t vm (block ipa) <> 0 /\ empty3 t vm (block ipa) = true).
  { destruct (Z.eqb_spec l 1) as [->|]; [left|right].
    - apply andb_true_iff in X as [X1 X2]. props. auto.
    - apply andb_true_iff in X as [X X2]. apply andb_true_iff in X as [X0 X1]. props. auto. }
  destruct (unlink s t vm ipa l HR S Q) as (RX & EE & TP).
  set (pa := if l =? 1 then s1 t vm (gib ipa) else tab t vm (block ipa)) in *.
  set (t1 := set_table (page pa) false _) in *.
  assert (N : tbase t l vm (up l (number l ipa)) <> 0).
  { destruct Q as [(-> & _)|(-> & Q & _)]; [eapply root_present; eauto|]. unfold tbase, up, number. cbn [Z.eqb Pos.eqb]. rewrite block_gib.
    intros K. apply Q. destruct HR as (_ & _ & own & W). destruct (ipa_range _ _ _ S) as [V IR].
    apply (r_none2 _ _ _ W vm (block ipa)); [apply valid2; pose proof (block_range ipa IR); auto|]. rewrite block_gib. exact K. }
  destruct (entry_present s t vm ipa l HR S ltac:(lia) N) as (P & SE & WE & A8 & AR).
  unfold h_pool_give. destruct (plain _ pa) eqn:PL; [|exact I].
  match goal with |- sim_res _ _ (s_pool_give _ ?u) => destruct (s_pool_give [vm; pa] u) as [[r t2]| |] eqn:GV; set (u1 := u) in * end;
    try exact I; [|unfold s_pool_give in GV; destruct (_ && _) in GV; discriminate].
  apply yields_sim. pose proof (held_R _ _ HR) as HH. rewrite H in HH. unfold L_s2.
  assert (AD : Z.land (table_desc pa) 1099511623680 = pa) by (apply table_desc_address; destruct TP as (T1 & T2 & _); [lia|exact T2]).
  assert (RU : Rx (fun p => p =? page pa) (record "dsb_tlbi" [] (record "tlbi_vmid" [vttbr_of t vm] (record "dsb_store" []
    (setword (addr t l vm (number l ipa)) 0 s)))) u1) by (repeat apply Rx_record; exact RX).
  destruct (give_sim _ _ _ _ _ _ RU PL GV) as (s2 & GS & R2).
  start f_s2_free_table. do 2 step. rewrite SE. cbn [returns_to put setv]. do 3 step. rewrite (vttbr_R s t vm ipa) by auto.
  cbn [returns_to put setv]. step. step. step. rewrite WE, EE. steps. rewrite AD, GS. cbn [returns_to put setv ends_in result fst snd].
  split; [|exact R2]. unfold s_pool_give in GS. destruct (_ && _) in GS; [|discriminate]. injection GS as <- _.
  reflexivity.
Qed.

(* ------------------------------------------------------------------------ new tables *)

(* The page has become the table below an entry of level 1 or 2. *)
Lemma R_link s t vm ipa l pa : R s t -> stage2_ok t vm ipa = true -> l = 1 \/ l = 2 ->
  tbase t l vm (up l (number l ipa)) <> 0 -> entry t vm ipa l = 0 -> table_page t pa -> table t (page pa) = false ->
  (forall i, 0 <= i < 512 -> word s (pa + i * 8) = 0) ->
  R (setword (addr t l vm (number l ipa)) (table_desc pa) s)
    (if l =? 1 then set_s1 vm (gib ipa) pa (set_table (page pa) true t) else set_tab vm (block ipa) pa (set_table (page pa) true t)).
Proof.
  intros HR S L N E TP F Zr. destruct (entry_present s t vm ipa l HR S ltac:(lia) N) as (P & _ & _).
  destruct HR as (SR & A & own & W). destruct (ipa_range _ _ _ S) as [V IR].
  pose proof (gib_range ipa IR) as G. pose proof (block_range ipa IR) as B.
  assert (AP : forall i, 0 <= i < 4096 -> addr t l vm (number l ipa) <> pa + i) by (intros; eapply (addr_not_in W); eauto).
  assert (PG : forall i, 0 <= i < 512 -> word (setword (addr t l vm (number l ipa)) (table_desc pa) s) (pa + i * 8) = 0).
  { intros i Hi. rewrite word_setword. destruct (Z.eqb_spec (pa + i * 8) (addr t l vm (number l ipa))) as [K|]; [|apply Zr, Hi].
    exfalso. apply (AP (i * 8)); lia. }
  assert (OT : others t (word s) (word (setword (addr t l vm (number l ipa)) (table_desc pa) s)) l vm (number l ipa)).
  { intros l' v' n' P' Na. rewrite word_setword. destruct (Z.eqb_spec (addr t l' v' n') (addr t l vm (number l ipa))) as [K|]; [|reflexivity].
    exfalso. apply Na. apply (addr_inj W); auto. }
  assert (HW : word (setword (addr t l vm (number l ipa)) (table_desc pa) s) (addr t l vm (number l ipa)) = table_desc pa)
    by (rewrite word_setword, Z.eqb_refl; reflexivity).
  assert (PL : forall a u, cell u "root_base" 0 = cell t "root_base" 0 -> (forall q, table u q = if q =? page pa then true else table t q) ->
    plain u a = true -> word (setword (addr t l vm (number l ipa)) (table_desc pa) s) a = word t a).
  { intros a u E1 E2 Pa. assert (Pt : plain t a = true).
    { unfold plain, in_roots in *. rewrite E1, E2 in Pa. destruct (page a =? page pa); [rewrite andb_false_r in Pa; discriminate|exact Pa]. }
    rewrite word_setword. destruct (Z.eqb_spec a (addr t l vm (number l ipa))) as [K|]; [|apply A; auto].
    exfalso. exact (addr_not_plain W _ _ _ a P Pt K). }
  destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb]; unfold number in *; cbn [Z.eqb Pos.eqb] in *.
  - assert (S0 : s1 t vm (gib ipa) = 0).
    { unfold entry in E. cbn [Z.eqb Pos.eqb] in E. destruct (Z.eqb_spec (s1 t vm (gib ipa)) 0) as [|K]; [assumption|].
      exfalso. destruct (s1_page _ _ _ _ _ W V G K) as ((_ & M & _) & _). exact (table_desc_nonzero _ M E). }
    split; [exact SR|]. split; [intros a Pa _; exact (PL a (set_s1 vm (gib ipa) pa (set_table (page pa) true t)) eq_refl (fun q => eq_refl) Pa)|]. eapply grow_s1; eauto.
  - assert (T0 : tab t vm (block ipa) = 0 /\ leaf t vm 2 (block ipa) = 0).
    { unfold entry in E. cbn [Z.eqb Pos.eqb] in E. destruct (Z.eqb_spec (tab t vm (block ipa)) 0) as [|K]; [auto|].
      exfalso. destruct (tab_page _ _ _ _ _ W V B K) as ((_ & M & _) & _). exact (table_desc_nonzero _ M E). }
    destruct T0 as [T0 T2]. split; [exact SR|]. split; [intros a Pa _; exact (PL a (set_tab vm (block ipa) pa (set_table (page pa) true t)) eq_refl (fun q => eq_refl) Pa)|].
    unfold tbase, up in N. cbn [Z.eqb Pos.eqb] in N.
    eapply (grow_tab own t _ (word s) _ vm (block ipa) pa (fun _ => 0)); eauto; try reflexivity.
    + intros v m Vm. cbn [leaf set_tab set_table with_maps]. destruct ((v =? vm) && (m =? block ipa)) eqn:Q; [|reflexivity]. props. subst. exact T2.
    + intros v m Vm. cbn [leaf set_tab set_table with_maps]. destruct ((v =? vm) && (m / 512 =? block ipa)) eqn:Q; [|reflexivity]. props. subst.
      apply (r_none3 _ _ _ W); auto. replace (m / 512) with (block ipa) by auto. exact T0.
Qed.

Definition prepare_body : stmt := match fn_body f_s2_prepare with SSeq (SFor _ _ _ _ _ b) _ => b | c => c end.

Lemma prepare_step s t vm ipa level l r t' (a b c d : option Z) (Q : @post state) : R s t -> stage2_ok t vm ipa = true -> held t = true -> l = 1 \/ l = 2 ->
  tbase t l vm (up l (number l ipa)) <> 0 -> prepare_level vm ipa l t = Ok (r, t') ->
  (forall e s', r <> 0 -> R s' t' -> Q (Ok (ORet r, e, s'))) ->
  (forall a b c d s', r = 0 -> R s' t' -> held t' = true -> stage2_ok t' vm ipa = true ->
     tbase t' (l + 1) vm (up (l + 1) (number (l + 1) ipa)) <> 0 ->
     Q (Ok (ONext, [Some vm; Some ipa; Some level; a; b; c; d; Some l], s'))) ->
  wp L_s2 prepare_body Q [Some vm; Some ipa; Some level; a; b; c; d; Some l] s.
Proof.
  intros HR S H L N PL QR QN. destruct (entry_present s t vm ipa l HR S ltac:(lia) N) as (P & SE & WE & A8 & AR).
  destruct (ipa_range _ _ _ S) as [V IR]. pose proof (gib_range ipa IR) as G. pose proof (block_range ipa IR) as B.
  pose proof (held_R _ _ HR) as HH. rewrite H in HH. unfold prepare_level in PL. cbn zeta in PL.
  pose proof HR as (_ & _ & own & W).
  assert (VV : (Z.land (entry t vm ipa l) 1 =? 0) = (entry t vm ipa l =? 0)).
  { rewrite entry_val by lia. eapply val_valid; eauto. apply P. }
  assert (IT : is_table (entry t vm ipa l) = negb ((if l =? 1 then s1 t vm (gib ipa) else tab t vm (block ipa)) =? 0)).
  { destruct L as [-> | ->]; [exact (is_table1 _ _ _ vm (gib ipa) W V G)|exact (is_table2 _ _ _ vm (block ipa) W V B)]. }
  assert (TB : forall u, tbase u (l + 1) vm (up (l + 1) (number (l + 1) ipa)) = if l =? 1 then s1 u vm (gib ipa) else tab u vm (block ipa)).
  { intros u. destruct L as [-> | ->]; unfold tbase, up, number; cbn [Z.eqb Pos.eqb Z.add Pos.add Pos.succ]; [rewrite block_gib|rewrite page_block]; reflexivity. }
  unfold prepare_body. cbn [fn_body f_s2_prepare]. unfold L_s2.
  do 2 step. rewrite SE. cbn [returns_to put setv]. step. step. step. rewrite WE. step. step. step.
  rewrite pte_is_table_at. cbn [returns_to put setv]. step. step. step.
  - (* a block is in the way *)
    props. destruct (is_table (entry t vm ipa l)) eqn:T; [cbn [b2z] in *; lia|].
    assert (E0 : (entry t vm ipa l =? 0) = false) by (rewrite <- VV; apply Z.eqb_neq; lia). rewrite E0 in PL. cbn [negb] in PL.
    injection PL as <- <-. steps. apply QR; [discriminate|exact HR].
  - steps.
    + (* nothing there *)
      rewrite b2z_zero in C0. destruct (is_table (entry t vm ipa l)) eqn:T; [discriminate|].
      assert (E0 : entry t vm ipa l = 0).
      { apply Z.eqb_eq. rewrite <- VV. cbn [b2z] in C. destruct (Z.land (entry t vm ipa l) 1 =? 0); [reflexivity|discriminate]. }
      rewrite E0 in PL. cbn [Z.eqb negb] in PL. destruct (h_pool_alloc [vm] t) as [[pa t1]| |] eqn:AL; try discriminate.
      destruct (alloc_sim _ _ _ _ _ HR AL) as (s' & SA & R1 & (M1 & M2 & M3 & M4 & M5) & HT & FR).
      rewrite SA. cbn [returns_to put setv]. destruct (Z.eqb_spec pa 0) as [->|PN].
      * injection PL as <- <-. steps. apply QR; [discriminate|exact R1].
      * injection PL as <- <-. destruct (FR PN) as (TP & TF & ZR).
        assert (S1 : stage2_ok t1 vm ipa = true) by (unfold stage2_ok, roots_ok in *; rewrite M1; exact S).
        assert (HH1 : held s' = true) by (rewrite (held_R _ _ R1), HT; exact H).
        assert (EA : addr t1 l vm (number l ipa) = addr t l vm (number l ipa) /\ tbase t1 l vm (up l (number l ipa)) = tbase t l vm (up l (number l ipa))).
        { unfold addr, tbase, root. rewrite M1, M2, M3. auto. }
        destruct EA as [EA EB]. assert (EE : entry t1 vm ipa l = 0) by (unfold entry in *; rewrite M2, M3, M4; exact E0).
        change (Z.lor (Z.lor pa 2) 1) with (table_desc pa). destruct TP as (TP1 & TP2).
        steps. rewrite <- EA.
        apply QN; [reflexivity| | | |].
        -- unfold link_table. apply R_record.
           assert (RL := R_link (record "dsb_store" [] s') (record "dsb_store" [] t1) vm ipa l pa (R_record _ _ _ _ R1) S1 L).
           apply RL; auto. { rewrite <- EB in N. exact N. } split; auto.
        -- unfold link_table. destruct (l =? 1); cbn [held record set_s1 set_tab set_table with_maps]; rewrite HT; exact H.
        -- unfold link_table, stage2_ok, roots_ok in *. destruct (l =? 1); exact S1.
        -- rewrite TB. unfold link_table. destruct (l =? 1); cbn [s1 tab record set_s1 set_tab set_table with_maps]; rewrite !Z.eqb_refl; exact PN.
    + (* a table *)
      rewrite b2z_zero in C0. destruct (is_table (entry t vm ipa l)) eqn:T; [|discriminate]. injection PL as <- <-.
      apply QN; auto. rewrite TB. symmetry in IT. apply negb_true_iff, Z.eqb_neq in IT. exact IT.
Qed.

Lemma alloc_no_halt vm t : h_pool_alloc [vm] t <> Halt.
Proof.
  unfold h_pool_alloc, s_pool_alloc. cbn zeta. intros K.
  repeat match type of K with context [if ?b then _ else _] => destruct b; try discriminate end.
Qed.
Lemma prepare_level_ok vm ipa l t : match prepare_level vm ipa l t with Halt => False | _ => True end.
Proof.
  unfold prepare_level. cbn zeta. destruct (is_table _); [exact I|]. destruct (negb _); [exact I|].
  pose proof (alloc_no_halt vm t) as NH. destruct (h_pool_alloc [vm] t) as [[pa t1]| |]; [|contradiction|exact I].
  destruct (pa =? 0); exact I.
Qed.

Lemma prepare_sim : sim_prim R (run L_s2 f_s2_prepare) h_s2_prepare.
Proof.
  intros args s t HR. unfold h_s2_prepare. destruct args as [|vm [|ipa [|level [|]]]]; try exact I.
  destruct (_ && _) eqn:G; [|exact I]. apply andb_true_iff in G as [G H]. apply andb_true_iff in G as [G L2]. apply andb_true_iff in G as [S L1].
  pose proof (prepare_level_ok vm ipa 1 t) as NH. destruct (prepare_level vm ipa 1 t) as [[r t1]| |] eqn:P1; [|destruct NH|exact I].
  pose proof (root_present _ _ _ _ HR S) as N1.
  assert (LV : level = 2 \/ level = 3) by (props; lia). destruct (Z.eqb_spec r 0) as [->|NR]; cbn [negb].
  - destruct LV as [-> | ->]; cbn [Z.eqb Pos.eqb].
    + apply yields_sim. start f_s2_prepare. apply wp_seq. open_loop 1 1%nat.
      eapply (prepare_step s t vm ipa 2 1 0 t1); eauto; [intros; contradiction|].
      intros a b c d s' _ R' _ _ _. cbn [wp_iter setv]. steps. cbn [ends_in result fst snd]. auto.
    + pose proof (prepare_level_ok vm ipa 2 t1) as NH2. destruct (prepare_level vm ipa 2 t1) as [[r2 t2]| |] eqn:P2; [|destruct NH2|exact I].
      apply yields_sim. start f_s2_prepare. apply wp_seq. open_loop 1 2%nat.
      eapply (prepare_step s t vm ipa 3 1 0 t1); eauto; [intros; contradiction|].
      intros a b c d s' _ R' H' S' N'. cbn [wp_iter setv]. change (1 + 1) with 2 in *.
      eapply (prepare_step s' t1 vm ipa 3 2 r2 t2); eauto.
      * intros e s2 NE R2. cbn [ends_in result fst snd then_]. auto.
      * intros a2 b2 c2 d2 s2 -> R2 _ _ _. cbn [wp_iter setv]. steps. cbn [ends_in result fst snd]. auto.
  - apply yields_sim. start f_s2_prepare. apply wp_seq.
    destruct LV as [-> | ->]; [open_loop 1 1%nat|open_loop 1 2%nat].
    all: eapply (prepare_step s t vm ipa _ 1 r t1); eauto; [|intros; contradiction].
    all: intros e s' _ R'; cbn [ends_in result fst snd then_]; auto.
Qed.
