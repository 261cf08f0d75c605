(* SPDX-License-Identifier: GPL-2.0-only *)
(* A normal VM's leaf goes: one section of VM_UNMAP and VM_AGE does what the top machine's section does. *)
From KCore Require Import code.Common code.Calls code.Transfer code.Range code.RangeMap pt.Bits.
From KCore Require Export sim.Stage.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma covers_pages l : 1 <= l <= 3 -> Walk.covers l = level_pages l * PAGE_BYTES.
Proof. intros L. assert (l = 1 \/ l = 2 \/ l = 3) as [->|[->| ->]] by lia; reflexivity. Qed.

Section Drop.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma normal_eq c s t v : Q c s t -> is_handle v -> Range.normal s v = normal_check (P t) v.
Proof.
  intros R V. unfold Range.normal, normal_check, is. rewrite (r_vm_state _ _ _ _ R), (r_vm_type _ _ _ _ R) by auto. reflexivity.
Qed.
Lemma normal_is t v : normal_check t v = 0 -> v_state (vm t v) <> VM_FREE /\ v_type (vm t v) = KCORE_VM_NORMAL.
Proof.
  unfold normal_check, is. destruct (Z.eqb_spec (v_state (vm t v)) VM_FREE); [discriminate|].
  destruct (_ || _) eqn:E; [discriminate|]. intros _. props. auto.
Qed.

(* The pages of the leaf are mapped once less, and the VM has a leaf less. *)
Lemma release_mapped c s t v l i e x : Q c s t -> held s = true -> is_vm v -> v_state (vm (P t) v) <> VM_FREE ->
  (v_type (vm (P t) v) = KCORE_VM_PROTECTED -> dram (l_page x) = true /\ owner (P t) (l_page x) <> v) -> l = 2 \/ l = 3 -> entry_of e = Some x ->
  (l = 2 -> dram (l_page x) = true -> in_dram (l_page x) 512 = true) ->
  exists u, s_leaf_release [v; e; l] s = Ok (0, u) /\ held u = true /\
    Q c u (mkst (change_vm v (fun r => vm_with_pages (v_pages r - 1) r)
      (if dram (l_page x) then maps_add (l_page x) (pages_of (level_place l i)) (-1) (P t) else P t)) (D t)).
Proof.
  intros R H V S N L E G. assert (HV : is_handle v) by (unfold is_handle, is_vm, KCORE_NR_VMS in *; lia).
  assert (Fx := fixed_of _ _ _ _ R). assert (RF : regions_ok s = true) by (apply (regions_fine fixed I s Fx)).
  unfold entry_of in E. destruct (e =? 0); [discriminate|]. injection E as <-. cbn [l_page] in *. set (p := pte_page e) in *.
  assert (Wa : word64 (p * PAGE_BYTES) = true).
  { unfold p. rewrite <- leaf_address. pose proof (address_range e) as A. unfold word64. apply andb_true_iff. split.
    - apply Z.leb_le. lia.
    - apply Z.ltb_lt. assert (PTE_ADDRESS < 2 ^ 64) by reflexivity. lia. }
  unfold s_leaf_release, leaf_release. rewrite leaf_address. fold p. rewrite RF, Wa.
  replace (nth_vm v) with true by (symmetry; unfold nth_vm, is_vm, KCORE_NR_VMS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    lia).
  cbn [andb]. rewrite (r_vm_type _ _ _ _ R v HV).
  rewrite (record_page fixed I s Fx) by (apply Z_mod_mult). rewrite Z.div_mul by discriminate.
  assert (Own : negb (v_type (vm (P t) v) =? KCORE_VM_PROTECTED) || record_ok s (if dram p then record_no fixed p else NO_PAGE) = true /\
    (v_type (vm (P t) v) =? KCORE_VM_PROTECTED) && (cell s "page_owner" (if dram p then record_no fixed p else NO_PAGE) =? v) = false).
  { destruct (Z.eqb_spec (v_type (vm (P t) v)) KCORE_VM_PROTECTED) as [T|T]; [|auto]. destruct (N T) as [Dp Op]. rewrite Dp. cbn [negb orb andb]. split.
    - unfold record_ok. assert (E : nr_pages s = fixed "nr_pages" 0) by (apply Fx; cbn; tauto). rewrite E.
      pose proof (record_range fixed I p Dp). apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia.
    - rewrite (r_owner _ _ _ _ R p Dp). now apply Z.eqb_neq. }
  destruct Own as [-> ->].
  assert (Cn : exists n, Walk.covers l / PAGE_BYTES = Z.of_nat n /\ (1 <= n)%nat /\ Z.of_nat n = pages_of (level_place l i) /\
    (dram p = true -> in_dram p n = true)).
  { destruct L as [-> | ->].
    - exists (Z.to_nat 512). split; [reflexivity|]. split; [lia|]. split; [reflexivity|]. intros D2. apply G; auto.
    - exists 1%nat. split; [reflexivity|]. split; [lia|]. split; [reflexivity|]. intros D2. now rewrite in_dram_1. }
  destruct Cn as (n & -> & N1 & <- & Gn).
  assert (Fin : forall s' t', Q c s' (mkst t' (D t)) -> held s' = true -> v_state (vm t' v) <> VM_FREE ->
    exists u, Ok (0, bump "vm_pages" 64 v (-1) s') = Ok (0, u) /\ held u = true /\
      Q c u (mkst (change_vm v (fun r => vm_with_pages (v_pages r - 1) r) t') (D t))).
  { intros s' t' R' H' S'. eexists. split; [reflexivity|]. split; [exact H'|].
    destruct (rest_vm t' v (vm_with_pages (v_pages (vm t' v) - 1) (vm t' v)) eq_refl S') as [Ar Hc]. related R'. }
  destruct (dram p) eqn:Dp.
  - pose proof (record_real fixed I p Dp) as Nr. rewrite (proj2 (Z.eqb_neq _ _) Nr). cbn [negb].
    unfold s_pages_map. rewrite (records_ok fixed I c s t p n R (Gn eq_refl) N1), H. cbn [andb bind]. rewrite Nat2Z.id, map_count_held, H.
    apply Fin; auto.
    + apply keep_maps; auto.
    + rewrite map_count_held. exact H.
  - rewrite Z.eqb_refl. cbn [negb bind]. rewrite H. apply Fin; auto. rewrite st_eta. exact R.
Qed.

Lemma drop_leaf c s t v i : Q c s t -> tables (P t) -> held s = true -> is_vm v -> is_ipa i -> v_state (vm (P t) v) <> VM_FREE ->
  v_type (vm (P t) v) = KCORE_VM_NORMAL ->
  forall was t' e ok, leaf_drop v i (s2_level (P t) v i) (P t) = (was, t', e, ok) ->
  e = [] /\ cpu t' = cpu (P t) /\ exists u, s_leaf_drop [v; i * PAGE_BYTES; s2_level (P t) v i] s = Ok (b2z was, u) /\ held u = true /\
    Q c u (mkst t' (D t)).
Proof.
  intros R J H V A S N was t' e ok. assert (HV : is_handle v) by (unfold is_handle, is_vm, KCORE_NR_VMS in *; lia).
  destruct (entry_now_at fixed c s t v i R J HV A) as (X1 & X2 & X3 & X4). pose proof (level_range (P t) v i) as Lr.
  unfold s_leaf_drop, h_s2_clear, leaf_drop. rewrite (stage_fine fixed I c s t v i R HV A), H. cbn [andb].
  fold (entry_now s t v i). set (en := entry_now s t v i) in *.
  destruct (Z.eqb_spec (s2_level (P t) v i) 1) as [L|L].
  - rewrite (X3 L). intros E. injection E as <- <- <- <-. split; auto. split; auto. exists s.
    rewrite gib_of. pose proof (s1_at fixed c s t v i R HV A) as S1. unfold s2_level in L.
    destruct (s1 (P t) v (i / 262144)); [destruct (tab _ _ _); discriminate|]. symmetry in S1. apply negb_false_iff in S1. rewrite S1.
    cbn. split; auto. split; auto. rewrite st_eta. exact R.
  - rewrite (X4 L). rewrite orb_true_r. cbn [bind].
    assert (X5 : lf (P t) v (level_place (s2_level (P t) v i) i) = entry_of en).
    { rewrite <- X1. unfold leaf_over. now rewrite (proj2 (Z.eqb_neq _ _) L). }
    rewrite X5, (invalid_zero en _ X2). destruct (Z.eqb_spec en 0) as [Z0|Z0].
    + rewrite Z0. cbn [entry_of Z.eqb]. intros E. injection E as <- <- <- <-. split; auto. split; auto. exists s. split; [reflexivity|].
      split; auto. rewrite st_eta. exact R.
    + destruct (entry_of en) as [x|] eqn:En; [|unfold entry_of in En; rewrite (proj2 (Z.eqb_neq _ _) Z0) in En; discriminate].
      unfold is. rewrite N. change (KCORE_VM_NORMAL =? KCORE_VM_PROTECTED) with false. cbn [andb].
      intros E. injection E as <- <- <- <-. split; auto. split.
      { unfold change_vm. peel. destruct (dram _); reflexivity. }
      set (l := s2_level (P t) v i) in *. assert (L23 : l = 2 \/ l = 3) by lia.
      assert (R1 : Q c (Map.set_leaf v l (number l (i * PAGE_BYTES)) 0 s) (mkst (set_leaf v (level_place l i) None (P t)) (D t))).
      { apply (keep_leaf fixed c s t v l i 0 R HV A L23); auto. intros y _ _ Y. discriminate Y. }
      do 3 (apply (keep_record fixed c "" []) in R1).
      destruct (release_mapped c
        (record "dsb_tlbi" [] (record "tlbi_ipa" [vttbr_of s v; i * PAGE_BYTES] (record "dsb_store" []
          (Map.set_leaf v l (number l (i * PAGE_BYTES)) 0 s))))
        (mkst (set_leaf v (level_place l i) None (P t)) (D t)) v l i en x) as (u & U1 & U2 & U3); auto.
      { repeat apply keep_record. apply (keep_leaf fixed c s t v l i 0 R HV A L23); auto. intros y _ _ Y. discriminate Y. }
      { cbn [P]. change (vm (set_leaf v (level_place l i) None (P t)) v) with (vm (P t) v). rewrite N. discriminate. }
      { intros L2 Dx. apply (r_region _ _ _ _ R v (i / 512) x V); auto. rewrite <- X5. rewrite L2. reflexivity. }
      exists u. rewrite U1. cbn [bind]. split; [reflexivity|]. split; [exact U2|]. cbn [P D] in U3. exact U3.
Qed.

Lemma drop_sim c s t v i : Q c s t -> tables (P t) -> held s = true -> is_vm v -> is_ipa i ->
  forall r m was t' e ok, range_drop v i (P t) = (r, m, was, t', e, ok) ->
  e = [] /\ cpu t' = cpu (P t) /\ (r = 0 \/ KCORE_ERR_MIN <= r) /\ (r = 0 -> m = 1 \/ m = 512 \/ m = 262144) /\
  exists u, RangeMap.drop v (i * PAGE_BYTES) s = Ok (if r =? 0 then b2z was + m * PAGE_BYTES else r, u) /\ held u = true /\
    Q c u (mkst t' (D t)).
Proof.
  intros R J H V A r m was t' e ok. assert (HV : is_handle v) by (unfold is_handle, is_vm, KCORE_NR_VMS in *; lia).
  unfold range_drop, RangeMap.drop. rewrite (normal_eq c s t v R HV). destruct (Z.eqb_spec (normal_check (P t) v) 0) as [N|N]; cbn [negb].
  - destruct (normal_is _ _ N) as [S T]. destruct (leaf_drop _ _ _ _) as [[[was' t''] e'] ok'] eqn:Ld. intros E.
    injection E as <- <- <- <- <- <-.
    destruct (drop_leaf c s t v i R J H V A S T _ _ _ _ Ld) as (E1 & E2 & u & U1 & U2 & U3). split; auto. split; auto. split; auto.
    pose proof (level_range (P t) v i) as Lr. split.
    { intros _. unfold level_pages. destruct (_ =? 3); auto. destruct (_ =? 2); auto. }
    exists u. rewrite (level_eq fixed I c s t v i R J HV A). cbn [bind]. rewrite U1. cbn [bind Z.eqb]. split; [|auto].
    rewrite covers_pages by lia. rewrite wrap_small; [reflexivity|].
    unfold level_pages, PAGE_BYTES. cbn [modulus]. destruct was'; cbn [b2z]; destruct (_ =? 3); try lia; destruct (_ =? 2); lia.
  - intros E. injection E as <- <- <- <- <- <-. split; auto. split; auto. split.
    + right. revert N. unfold normal_check. destruct (is _ _); [intros _; unfold KCORE_ERR_MIN, KCORE_EINVAL; lia|].
      destruct (_ || _); [intros _; unfold KCORE_ERR_MIN, KCORE_ESTATE; lia|]. intros N; destruct (N eq_refl).
    + split; [intros X; contradiction|]. exists s. rewrite (proj2 (Z.eqb_neq _ _) N). split; auto. split; auto. rewrite st_eta. exact R.
Qed.
End Drop.
