(* SPDX-License-Identifier: GPL-2.0-only *)
(* A leaf of any VM goes; and what the code does there has nothing to do with the VM's cursor. *)
From KCore Require Import code.Common code.Calls code.Transfer pt.Bits top.InvOwn.
From KCore Require Export sim.Reclaim sim.FreeGib sim.Drop.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Drop.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* A protected VM's pages are ordinary ones, and no blocks. *)
Definition ordinary (v : Z) (t : pub) : Prop :=
  forall x l, lf t v x = Some l -> (exists i, x = Page i) /\ dram (l_page l) = true /\ core (l_page l) = false.
Lemma guarded_ordinary c s t v : Q c s t -> inv (P t) -> is_vm v -> guarded (P t) v -> ordinary v (P t).
Proof.
  intros R J V G x l L. assert (N : v <> HOST) by (unfold is_vm, HOST in *; lia).
  destruct (i_guarded _ J v x l N G L) as (X & Dp & O). split; [exact X|]. split; [exact Dp|].
  destruct (core (l_page l)) eqn:C; auto. rewrite (r_core _ _ _ _ R _ C) in O. unfold is_vm, KCORE_NR_VMS, OWNER_CORE, OWNER_HOST in *. lia.
Qed.

Lemma drop_guarded c s t v i : Q c s t -> tables (P t) -> held s = true -> sound -> is_vm v -> is_ipa i ->
  v_state (vm (P t) v) <> VM_FREE -> guarded (P t) v -> ordinary v (P t) ->
  forall was t' e ok, leaf_drop v i (s2_level (P t) v i) (P t) = (was, t', e, ok) ->
  exists u, s_leaf_drop [v; i * PAGE_BYTES; s2_level (P t) v i] s = Ok (b2z was, u) /\ held u = true /\
    Q c u (mkst t' (do_effects e (D t))).
Proof.
  intros R J H B V A S N G was t' e ok. assert (HV : is_handle v) by (unfold is_handle, is_vm, KCORE_NR_VMS in *; lia).
  destruct (entry_now_at fixed c s t v i R J HV A) as (X1 & X2 & X3 & X4). pose proof (level_range (P t) v i) as Lr.
  unfold s_leaf_drop, h_s2_clear, leaf_drop. rewrite (stage_fine fixed I c s t v i R HV A), H. cbn [andb].
  fold (entry_now s t v i). set (en := entry_now s t v i) in *.
  destruct (Z.eqb_spec (s2_level (P t) v i) 1) as [L|L].
  - rewrite (X3 L). intros E. injection E as <- <- <- <-. exists s.
    rewrite gib_of. pose proof (s1_at fixed c s t v i R HV A) as S1. unfold s2_level in L.
    destruct (s1 (P t) v (i / 262144)); [destruct (tab _ _ _); discriminate|]. symmetry in S1. apply negb_false_iff in S1. rewrite S1.
    cbn. split; auto. split; auto. rewrite st_eta. exact R.
  - rewrite (X4 L). rewrite orb_true_r. cbn [bind].
    assert (X5 : lf (P t) v (level_place (s2_level (P t) v i) i) = entry_of en).
    { rewrite <- X1. unfold leaf_over. now rewrite (proj2 (Z.eqb_neq _ _) L). }
    rewrite X5, (invalid_zero en _ X2). destruct (Z.eqb_spec en 0) as [Z0|Z0].
    + rewrite Z0. cbn [entry_of Z.eqb]. intros E. injection E as <- <- <- <-. exists s. split; [reflexivity|].
      split; auto. cbn [do_effects fold_left]. rewrite st_eta. exact R.
    + assert (En : entry_of en = Some (mkleaf (pte_page en) (prot_of en))) by (unfold entry_of; rewrite (proj2 (Z.eqb_neq _ _) Z0);
        reflexivity).
      rewrite En in X5 |- *. destruct (G _ _ X5) as ((j & Pl) & Dp & Cp). cbn [l_page] in *.
      set (l := s2_level (P t) v i) in *. assert (L23 : l = 2 \/ l = 3) by lia.
      assert (L3 : l = 3) by (destruct L23 as [X|]; auto; rewrite X in Pl; discriminate).
      set (w := record "dsb_tlbi" [] (record "tlbi_ipa" [vttbr_of s v; i * PAGE_BYTES] (record "dsb_store" []
        (Map.set_leaf v l (number l (i * PAGE_BYTES)) 0 s)))).
      assert (R1 : Q c w (mkst (set_leaf v (level_place l i) None (P t)) (D t))).
      { unfold w. repeat apply keep_record. apply (keep_leaf fixed c s t v l i 0 R HV A L23); auto. intros y _ _ Y. discriminate Y. }
      assert (Hw : held w = true) by exact H. unfold guarded in N. unfold is. rewrite N, Z.eqb_refl. cbn [andb].
      destruct (Z.eqb_spec (owner (P t) (pte_page en)) v) as [Ow|Ow]; intros E; injection E as <- <- <- <-.
      2: { destruct (release_mapped fixed I c w (mkst (set_leaf v (level_place l i) None (P t)) (D t)) v l i en (mkleaf (pte_page en) (prot_of en)))
             as (u & U1 & U2 & U3); auto; [intros L2; exfalso; lia|]. exists u. fold w. rewrite U1. cbn [bind].
           split; [reflexivity|]. split; [exact U2|]. exact U3. }
      destruct (reclaim_sim fixed I c w _ v (pte_page en) R1 Hw B V S Dp Cp) as (u & U1 & U2 & U3).
      unfold s_leaf_release, leaf_release. rewrite leaf_address.
      assert (Wa : word64 (pte_page en * PAGE_BYTES) = true).
      { rewrite <- leaf_address. pose proof (address_range en) as Ad. unfold word64. apply andb_true_iff. split.
        - apply Z.leb_le. lia.
        - apply Z.ltb_lt. assert (PTE_ADDRESS < 2 ^ 64) by reflexivity. lia. }
      rewrite Wa, (regions_fine fixed I w (fixed_of fixed c w _ R1)).
      replace (nth_vm v) with true by (symmetry; unfold nth_vm, is_vm, KCORE_NR_VMS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
        lia).
      rewrite (r_vm_type _ _ _ _ R1 v HV). cbn [P]. change (vm (set_leaf v (level_place l i) None (P t)) v) with (vm (P t) v).
      rewrite N, Z.eqb_refl. assert (Fw := fixed_of fixed c w _ R1).
      rewrite (record_page fixed I w Fw) by (apply Z_mod_mult). rewrite Z.div_mul by discriminate. rewrite Dp.
      replace (record_ok w (record_no fixed (pte_page en))) with true.
      2: { symmetry. unfold record_ok. assert (E : nr_pages w = fixed "nr_pages" 0) by (apply Fw; cbn; tauto). rewrite E.
           pose proof (record_range fixed I (pte_page en) Dp). apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia. }
      rewrite (r_owner _ _ _ _ R1 (pte_page en) Dp). cbn [P]. change (owner (set_leaf v (level_place l i) None (P t))) with (owner (P t)).
      rewrite Ow, Z.eqb_refl. cbn [negb orb andb bind]. rewrite U1. cbn [bind]. exists u. split; [reflexivity|]. split; [exact U2|exact U3].
Qed.

Lemma drop_any c s t v i : Q c s t -> tables (P t) -> held s = true -> sound -> is_vm v -> is_ipa i ->
  v_state (vm (P t) v) <> VM_FREE -> (guarded (P t) v -> ordinary v (P t)) ->
  forall was t' e ok, leaf_drop v i (s2_level (P t) v i) (P t) = (was, t', e, ok) ->
  exists u, s_leaf_drop [v; i * PAGE_BYTES; s2_level (P t) v i] s = Ok (b2z was, u) /\ held u = true /\
    Q c u (mkst t' (do_effects e (D t))).
Proof.
  intros R J H B V A S G was t' e ok E. destruct (Z.eq_dec (v_type (vm (P t) v)) KCORE_VM_PROTECTED) as [N|N].
  - apply (drop_guarded c s t v i R J H B V A S N (G N) was t' e ok E).
  - assert (HV : is_handle v) by (unfold is_handle, is_vm, KCORE_NR_VMS in *; lia).
    assert (T : v_type (vm (P t) v) = KCORE_VM_NORMAL).
    { pose proof (r_kind _ _ _ _ R v HV). unfold KCORE_VM_PROTECTED, KCORE_VM_NORMAL in *. lia. }
    destruct (drop_leaf fixed I c s t v i R J H V A S T _ _ _ _ E) as (-> & _ & u & U). exists u. exact U.
Qed.
End Drop.

(* ------------------------------------------------------------------ states that differ in the cursor of one VM *)

Record but_cursor (v : Z) (s s' : state) : Prop := {
  b_cell : forall n i, String.eqb n "vm_cursor" && (i =? v) = false -> cell s' n i = cell s n i;
  b_word : word s' = word s; b_reg : Base.reg s' = Base.reg s; b_held : held s' = held s;
  b_s1 : Base.s1 s' = Base.s1 s; b_tab : Base.tab s' = Base.tab s; b_leaf : Base.leaf s' = Base.leaf s;
  b_table : Base.table s' = Base.table s
}.
(* What it does in one it does in the other. *)
Definition blind (v : Z) (f : state -> res (Z * state)) : Prop :=
  forall s s' r u, but_cursor v s s' -> f s = Ok (r, u) -> exists u', f s' = Ok (r, u') /\ but_cursor v u u'.

Section Blind.
Variable v : Z.

Lemma blind_bind f g : blind v f -> (forall r, blind v (g r)) -> blind v (fun s => let* (r, s) := f s in g r s).
Proof.
  intros F G s s' r u B E. destruct (f s) as [[x w]| |] eqn:X; try discriminate E. cbn [bind] in E.
  destruct (F s s' x w B X) as (w' & -> & B'). cbn [bind]. apply (G x w w' r u B' E).
Qed.
Lemma blind_ok r : blind v (fun s => Ok (r, s)).
Proof. intros s s' x u B E. injection E as <- <-. exists s'. auto. Qed.
Lemma blind_if (b : bool) f g : blind v f -> blind v g -> blind v (fun s => if b then f s else g s).
Proof. destruct b; auto. Qed.

(* The same changes to both. *)
Lemma but_record f a s s' : but_cursor v s s' -> forall a', but_cursor v (record f a s) (record f a' s').
Proof. intros [A B C E F G H K] a'. constructor; assumption. Qed.
Lemma but_setcell n i x s s' : but_cursor v s s' -> but_cursor v (setcell n i x s) (setcell n i x s').
Proof.
  intros [A B C E F G H K]. constructor; try assumption. intros m j M. rewrite !cell_setcell. destruct (String.eqb m n && (j =? i)); auto.
Qed.
Lemma but_bump n w i d s s' : String.eqb n "vm_cursor" = false -> but_cursor v s s' -> but_cursor v (bump n w i d s) (bump n w i d s').
Proof.
  intros N B. unfold bump. rewrite (b_cell _ _ _ B n i) by (rewrite N; reflexivity). apply but_setcell, B.
Qed.
Lemma but_setword a x s s' : but_cursor v s s' -> but_cursor v (setword a x s) (setword a x s').
Proof. intros [A B C E F G H K]. constructor; try assumption. cbn [word setword setwords]. rewrite B. reflexivity. Qed.
Lemma but_zero n a s s' : but_cursor v s s' -> but_cursor v (zero n a s) (zero n a s').
Proof. intros B. induction n as [|n IH]; cbn [zero]; auto using but_setword. Qed.
Lemma but_count d i n s s' : but_cursor v s s' -> but_cursor v (map_count d s i n) (map_count d s' i n).
Proof.
  intros B. induction n as [|n IH]; cbn [map_count]; auto.
  rewrite (b_cell _ _ _ B "page_maps" (i + Z.of_nat n) eq_refl). apply but_setcell, IH.
Qed.

Lemma every_same f g n : (forall i, f i = g i) -> every f n = every g n.
Proof. intros E. induction n as [|n IH]; cbn [every]; [reflexivity|]. now rewrite IH, E. Qed.
Lemma but_regions s s' : but_cursor v s s' -> regions_ok s' = regions_ok s.
Proof.
  intros B. unfold regions_ok. rewrite !(b_cell _ _ _ B "nr_dram") by reflexivity. f_equal. apply every_same. intros i.
  unfold region_ok, base_of, end_of, Region.first_of. rewrite !(b_cell _ _ _ B) by reflexivity. reflexivity.
Qed.
Lemma but_page_record s s' pa : but_cursor v s s' -> page_record s' pa = page_record s pa.
Proof.
  intros B. unfold page_record, record_of. rewrite (b_cell _ _ _ B "nr_dram") by reflexivity. generalize 0 at 2 4.
  generalize (Z.to_nat (cell s "nr_dram" 0)). intros n. induction n as [|n IH]; intros i; cbn [record_from]; [reflexivity|].
  unfold in_region, base_of, end_of, Region.first_of. rewrite !(b_cell _ _ _ B) by reflexivity. now rewrite IH.
Qed.
Lemma but_plain s s' a : but_cursor v s s' -> plain s' a = plain s a.
Proof.
  intros B. unfold plain, aligned, in_roots. rewrite !(b_cell _ _ _ B) by reflexivity. rewrite (b_table _ _ _ B). reflexivity.
Qed.
Lemma but_stage s s' w a : but_cursor v s s' -> stage2_ok s' w a = stage2_ok s w a.
Proof. intros B. unfold stage2_ok, roots_ok. rewrite !(b_cell _ _ _ B) by reflexivity. reflexivity. Qed.

Lemma blind_pages_map d i n : blind v (s_pages_map d [i; n]).
Proof.
  intros s s' r u B E. unfold s_pages_map in *. unfold pages_ok, nr_pages in *. rewrite (b_held _ _ _ B), !(b_cell _ _ _ B) by reflexivity.
  destruct (_ && _); [|discriminate E]. injection E as <- <-. eexists. split; [reflexivity|]. apply but_count, B.
Qed.
Lemma blind_reclaim w pa : blind v (s_page_reclaim [w; pa]).
Proof.
  intros s s' r u B E. unfold s_page_reclaim, scrub_ok, plain_page, record_ok, nr_pages, Transfer.reclaim in *.
  rewrite (b_held _ _ _ B), (but_regions _ _ B), (but_page_record _ _ _ B), (b_cell _ _ _ B "nr_pages") by reflexivity.
  rewrite (every_same (fun i => plain s' (pa + i * 8)) (fun i => plain s (pa + i * 8))) by (intros; apply but_plain, B).
  destruct (_ && _); [|discriminate E]. injection E as <- <-. eexists. split; [reflexivity|].
  repeat (apply but_bump; [reflexivity|]). apply but_setcell, but_record, but_zero, B.
Qed.
Lemma blind_clear w a l : blind v (h_s2_clear [w; a; l]).
Proof.
  intros s s' r u B E. unfold h_s2_clear, way, entry in *.
  rewrite (b_held _ _ _ B), (but_stage _ _ _ _ B), (b_s1 _ _ _ B), (b_tab _ _ _ B), (b_leaf _ _ _ B).
  destruct (_ && _); [|discriminate E]. injection E as <- <-. eexists. split; [reflexivity|].
  destruct (_ =? 0); [exact B|]. do 3 (apply but_record).
  destruct B as [B1 B2 B3 B4 B5 B6 B7 B8]. constructor; auto. unfold Map.set_leaf, with_maps. cbn [Base.leaf]. rewrite B7. reflexivity.
Qed.
Lemma blind_give w pa : blind v (h_pool_give [w; pa]).
Proof.
  intros s s' r u B E. unfold h_pool_give, s_pool_give in *. rewrite (but_plain _ _ _ B), (b_held _ _ _ B).
  rewrite !(b_cell _ _ _ B) by reflexivity.
  destruct (plain s pa); [|discriminate E]. destruct (_ && _); [|discriminate E]. injection E as <- <-. eexists. split; [reflexivity|].
  repeat apply but_setcell. apply but_setword, but_zero, B.
Qed.
Lemma blind_free w a l : blind v (h_s2_free_table [w; a; l]).
Proof.
  intros s s' r u B E. unfold h_s2_free_table, empty2, empty3 in *.
  rewrite (b_held _ _ _ B), (but_stage _ _ _ _ B), (b_s1 _ _ _ B), (b_tab _ _ _ B), (b_leaf _ _ _ B).
  destruct (stage2_ok _ _ _ && _ && _); [|discriminate E]. revert E. apply blind_give. do 3 apply but_record.
  destruct B as [B1 B2 B3 B4 B5 B6 B7 B8]. destruct (l =? 1); constructor; unfold Map.set_table, Map.set_s1, Map.set_tab, with_maps;
    cbn [cell word Base.reg held Base.s1 Base.tab Base.leaf Base.table]; auto; rewrite ?B5, ?B6, ?B8; reflexivity.
Qed.

Lemma blind_leaf_release w e l : blind v (s_leaf_release [w; e; l]).
Proof.
  intros s s' r u B E. unfold s_leaf_release, leaf_release in *.
  rewrite (but_regions _ _ B), (but_page_record _ _ _ B), (b_cell _ _ _ B "vm_type") by reflexivity.
  destruct (nth_vm _ && _ && _); [|discriminate E].
  replace (record_ok s' (page_record s (Z.land e PTE_ADDRESS))) with (record_ok s (page_record s (Z.land e PTE_ADDRESS))) in *
    by (unfold record_ok, nr_pages; now rewrite (b_cell _ _ _ B "nr_pages") by reflexivity).
  rewrite (b_cell _ _ _ B "page_owner") by reflexivity.
  destruct (negb _ || record_ok _ _); [|discriminate E]. destruct (_ && (_ =? w)).
  - exact (blind_bind _ (fun _ s => Ok (0, s)) (blind_reclaim w _) (fun _ => blind_ok 0) s s' r u B E).
  - assert (F : blind v (fun s => pre held s in Ok (0, bump "vm_pages" 64 w (-1) s))).
    { intros x x' y z Bx Ex. rewrite (b_held _ _ _ Bx). destruct (held x); [|discriminate Ex]. injection Ex as <- <-.
      eexists. split; [reflexivity|]. apply but_bump; auto. }
    destruct (negb _).
    + exact (blind_bind _ (fun _ s => pre held s in Ok (0, bump "vm_pages" 64 w (-1) s)) (blind_pages_map _ _ _) (fun _ => F) s s' r u B E).
    + exact (F s s' r u B E).
Qed.
Lemma blind_leaf_drop w a l : blind v (s_leaf_drop [w; a; l]).
Proof.
  unfold s_leaf_drop. apply (blind_bind _ (fun pte s => if Z.land pte PTE_VALID =? 0 then Ok (0, s) else
    let* (_, s) := s_leaf_release [w; pte; l] s in Ok (1, s))); [apply blind_clear|]. intros pte. apply blind_if; [apply blind_ok|].
  apply (blind_bind _ (fun _ s => Ok (1, s))); [apply blind_leaf_release|]. intros _. apply blind_ok.
Qed.
Lemma blind_reap_tables w l a b : blind v (s_reap_tables [w; l; a; b]).
Proof.
  unfold s_reap_tables.
  apply (blind_bind (fun s => if (l =? 3) && (Z.land b (BLOCK_BYTES - 1) =? 0) then h_s2_free_table [w; a; 2] s else Ok (0, s))
    (fun _ s => if (2 <=? l) && (Z.land b (GIB - 1) =? 0) then let* (_, s) := h_s2_free_table [w; a; 1] s in Ok (0, s) else Ok (0, s))).
  - apply blind_if; [apply blind_free|apply blind_ok].
  - intros _. apply blind_if; [|apply blind_ok]. apply (blind_bind _ (fun _ s => Ok (0, s))); [apply blind_free|].
    intros _. apply blind_ok.
Qed.
End Blind.
