(* SPDX-License-Identifier: GPL-2.0-only *)
(* The code of s2map.c, and what walk.c reads, against the maps. *)
From KCore Require Export pt.State gen.C_s2map.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* --------------------------------------------------------- entries over an IPA *)

Lemma ipa_range t vm ipa : stage2_ok t vm ipa = true -> 0 <= vm < 256 /\ 0 <= ipa < 2 ^ 40.
Proof. unfold stage2_ok, roots_ok. intros H. props. lia. Qed.

Lemma index1 ipa : 0 <= ipa < 2 ^ 40 -> index ipa 1 = gib ipa.
Proof. intros H. pose proof (gib_range ipa H). unfold index. cbn [Z.eqb Pos.eqb]. apply Z.mod_small. exact H0. Qed.
Lemma index2 ipa : index ipa 2 = block ipa mod 512.
Proof. reflexivity. Qed.
Lemma index3 ipa : index ipa 3 = page ipa mod 512.
Proof. reflexivity. Qed.

Lemma valid_number t vm ipa l : stage2_ok t vm ipa = true -> 1 <= l <= 3 -> valid l vm (number l ipa).
Proof.
  intros S L. destruct (ipa_range _ _ _ S) as [V I]. split; [exact L|]. split; [exact V|].
  pose proof (gib_range ipa I). pose proof (block_range ipa I). pose proof (page_range ipa I).
  unfold number, nmax. destruct (l =? 1), (l =? 2); lia.
Qed.

Lemma entry_val t vm ipa l : 1 <= l <= 3 -> entry t vm ipa l = val t l vm (number l ipa).
Proof. intros L. pattern l. apply three; auto. Qed.

Lemma walk_ok_R s t vm ipa : R s t -> stage2_ok t vm ipa = true -> walk_ok s vm ipa = true /\ root s vm = root t vm.
Proof.
  intros HR S. pose proof HR as ((Ec & _) & _ & own & W). destruct (ipa_range _ _ _ S) as [V I].
  split; [|unfold root; rewrite Ec; reflexivity]. unfold walk_ok, roots_ok. rewrite Ec. unfold stage2_ok, roots_ok in S. props.
  destruct (r_root _ _ _ W) as (_ & M & _). apply Z.div_exact in M; [|lia].
  repeat (apply andb_true_iff; split); try (apply Z.leb_le; lia); try (apply Z.ltb_lt; lia). apply Z.eqb_eq. rewrite M.
  replace (8192 * (cell t "root_base" 0 / 8192)) with (1024 * (cell t "root_base" 0 / 8192) * 8) by lia. apply Z_mod_mult.
Qed.

(* Where the code finds the entry. *)
Lemma entry_addr s t vm ipa l : R s t -> stage2_ok t vm ipa = true -> 1 <= l <= 3 ->
  entry_at (word s) (root s vm) ipa l =
  if tbase t l vm (up l (number l ipa)) =? 0 then 0 else addr t l vm (number l ipa).
Proof.
  intros HR S L. destruct (walk_ok_R _ _ _ _ HR S) as [_ ER]. rewrite ER. destruct HR as (_ & _ & own & W).
  destruct (ipa_range _ _ _ S) as [V I]. pose proof (gib_range ipa I) as G. pose proof (block_range ipa I) as B.
  assert (P1 : present t 1 vm (gib ipa)) by (split; [apply valid1; auto|apply (base_root W); exact V]).
  assert (W1 : word s (root t vm + gib ipa * 8) = val t 1 vm (gib ipa)) by exact (r_word _ _ _ W _ _ _ P1).
  assert (E1 : is_table (val t 1 vm (gib ipa)) = negb (s1 t vm (gib ipa) =? 0)) by (eapply is_table1; eauto).
  assert (E2 : is_table (val t 2 vm (block ipa)) = negb (tab t vm (block ipa) =? 0)) by (eapply is_table2; eauto).
  assert (N2 : s1 t vm (gib ipa) = 0 -> tab t vm (block ipa) = 0).
  { intros N. apply (r_none2 _ _ _ W vm (block ipa)); [apply valid2; auto|]. rewrite block_gib. exact N. }
  assert (A1 : s1 t vm (gib ipa) <> 0 -> pte_address (val t 1 vm (gib ipa)) = s1 t vm (gib ipa) /\
    word s (s1 t vm (gib ipa) + block ipa mod 512 * 8) = val t 2 vm (block ipa)).
  { intros N. destruct (s1_page _ _ _ _ _ W V G N) as ((TR & TM & _) & _). split.
    - unfold val. cbn [Z.eqb Pos.eqb]. apply Z.eqb_neq in N. rewrite N. apply table_desc_address; auto; lia.
    - assert (P2 : present t 2 vm (block ipa)).
      { split; [apply valid2; auto|]. unfold tbase, up. cbn [Z.eqb Pos.eqb]. rewrite block_gib. exact N. }
      pose proof (r_word _ _ _ W _ _ _ P2) as X. unfold addr, tbase, up, slot in X. cbn [Z.eqb Pos.eqb] in X. rewrite block_gib in X. exact X. }
  assert (A2 : tab t vm (block ipa) <> 0 -> pte_address (val t 2 vm (block ipa)) = tab t vm (block ipa)).
  { intros N. destruct (tab_page _ _ _ _ _ W V B N) as ((TR & TM & _) & _).
    unfold val. cbn [Z.eqb Pos.eqb]. apply Z.eqb_neq in N. rewrite N. apply table_desc_address; auto; lia. }
  assert (RN : root t vm <> 0) by (apply (base_root W); exact V).
  unfold entry_at. cbn zeta. rewrite index1, index2, index3 by exact I. rewrite W1, E1.
  pattern l. apply three; [exact L| | |]; unfold number, tbase, addr, up, slot; cbn [Z.eqb Pos.eqb].
  - apply Z.eqb_neq in RN. rewrite RN. reflexivity.
  - rewrite block_gib. destruct (Z.eqb_spec (s1 t vm (gib ipa)) 0) as [|N]; cbn [negb]; [reflexivity|].
    destruct (A1 N) as [-> _]. reflexivity.
  - rewrite page_block. destruct (Z.eqb_spec (s1 t vm (gib ipa)) 0) as [Z0|N]; cbn [negb].
    + rewrite (N2 Z0). reflexivity.
    + destruct (A1 N) as [-> W2]. rewrite W2, E2. destruct (Z.eqb_spec (tab t vm (block ipa)) 0) as [|N']; cbn [negb]; [reflexivity|].
      rewrite (A2 N'). reflexivity.
Qed.

(* The entry is there: its address, its content. *)
Lemma entry_present s t vm ipa l : R s t -> stage2_ok t vm ipa = true -> 1 <= l <= 3 ->
  tbase t l vm (up l (number l ipa)) <> 0 ->
  present t l vm (number l ipa) /\ s_s2_entry [vm; ipa; l] s = Ok (addr t l vm (number l ipa), s) /\
  word s (addr t l vm (number l ipa)) = entry t vm ipa l /\ addr t l vm (number l ipa) mod 8 = 0 /\
  0 < addr t l vm (number l ipa) < 2 ^ 41.
Proof.
  intros HR S L N. assert (P : present t l vm (number l ipa)) by (split; [eapply valid_number; eauto|exact N]).
  destruct (walk_ok_R _ _ _ _ HR S) as [WO _]. pose proof (entry_addr _ _ _ _ _ HR S L) as E.
  apply Z.eqb_neq in N. rewrite N in E. destruct HR as (_ & _ & own & W).
  split; [exact P|]. rewrite s2_entry_at, E by auto. split; [reflexivity|]. rewrite entry_val by auto.
  split; [exact (r_word _ _ _ W _ _ _ P)|]. split; [exact (addr_aligned W _ _ _ P)|exact (addr_pos W _ _ _ P)].
Qed.

Lemma root_present s t vm ipa : R s t -> stage2_ok t vm ipa = true -> tbase t 1 vm (up 1 (number 1 ipa)) <> 0.
Proof. intros (_ & _ & own & W) S. destruct (ipa_range _ _ _ S) as [V _]. apply (base_root W), V. Qed.

Lemma way_present t vm ipa l : way t vm ipa l = true ->
  (l = 2 \/ l = 3) /\ tbase t l vm (up l (number l ipa)) <> 0 /\ (l = 2 -> tab t vm (number l ipa) = 0).
Proof.
  unfold way. destruct (Z.eqb_spec l 2) as [->|]; intros H.
  - unfold tbase, up, number. cbn [Z.eqb Pos.eqb]. rewrite block_gib. props. auto.
  - apply andb_true_iff in H as [H1 H2]. apply Z.eqb_eq in H1. subst l. unfold tbase, up, number. cbn [Z.eqb Pos.eqb].
    rewrite page_block. props. repeat split; auto. lia.
Qed.

(* ----------------------------------------------------------------------- walk.c *)

Lemma level_sim : sim_prim R s_s2_level h_s2_level.
Proof.
  intros args s t HR. unfold h_s2_level. destruct args as [|vm [|ipa [|]]]; try exact I.
  destruct (stage2_ok t vm ipa) eqn:S; [|exact I]. unfold s_s2_level. destruct (walk_ok_R _ _ _ _ HR S) as [-> _].
  rewrite !(entry_addr _ _ _ _ _ HR S) by lia. eexists. split; [reflexivity|]. split; [|exact HR]. cbn [fst].
  unfold tbase, up, number. cbn [Z.eqb Pos.eqb]. rewrite page_block, block_gib. pose proof HR as (_ & _ & own & W).
  destruct (ipa_range _ _ _ S) as [V IR].
  assert (A : forall l, 1 <= l <= 3 -> tbase t l vm (up l (number l ipa)) <> 0 -> addr t l vm (number l ipa) =? 0 = false).
  { intros l L N. apply Z.eqb_neq. pose proof (entry_present _ _ _ _ _ HR S L N). lia. }
  pose proof (A 3 ltac:(lia)) as A3. pose proof (A 2 ltac:(lia)) as A2. unfold number, tbase, up in A3, A2.
  cbn [Z.eqb Pos.eqb] in A3, A2. rewrite page_block in A3. rewrite block_gib in A2.
  destruct (Z.eqb_spec (tab t vm (block ipa)) 0) as [|N3]; cbn [Z.eqb negb].
  - destruct (Z.eqb_spec (s1 t vm (gib ipa)) 0) as [|N2]; cbn [Z.eqb negb]; [reflexivity|]. rewrite (A2 N2). reflexivity.
  - rewrite (A3 N3). reflexivity.
Qed.

Lemma entry_none own t w vm ipa l : maps_ok own t w -> stage2_ok t vm ipa = true -> 1 <= l <= 3 ->
  tbase t l vm (up l (number l ipa)) = 0 -> entry t vm ipa l = 0.
Proof.
  intros W S L. pose proof (valid_number _ _ _ _ S L) as V. rewrite entry_val by exact L. revert V.
  pattern l. apply three; [exact L| | |]; unfold number, tbase, up, val; cbn [Z.eqb Pos.eqb]; intros V N.
  - exfalso. eapply (base_root W); eauto. apply V.
  - destruct (r_none2 _ _ _ W _ _ V N) as [-> ->]. reflexivity.
  - apply (r_none3 _ _ _ W _ _ V N).
Qed.

Lemma load_sim : sim_prim R s_s2_load h_s2_load.
Proof.
  intros args s t HR. unfold h_s2_load. destruct args as [|vm [|ipa [|l [|]]]]; try exact I.
  destruct (stage2_ok t vm ipa && _ && _) eqn:G; [|exact I]. props. assert (S : stage2_ok t vm ipa = true) by assumption.
  assert (L : 1 <= l <= 3) by lia. unfold s_s2_load. destruct (walk_ok_R _ _ _ _ HR S) as [-> _].
  replace (1 <=? l) with true by (symmetry; apply Z.leb_le; lia). replace (l <=? 3) with true by (symmetry; apply Z.leb_le; lia).
  cbn [andb]. cbn zeta. rewrite (entry_addr _ _ _ _ _ HR S L). eexists. split; [reflexivity|]. split; [|exact HR]. cbn [fst].
  destruct (Z.eqb_spec (tbase t l vm (up l (number l ipa))) 0) as [N|N]; cbn [Z.eqb].
  - destruct HR as (_ & _ & own & W). symmetry. eapply entry_none; eauto.
  - destruct (entry_present _ _ _ _ _ HR S L N) as (_ & _ & E & _ & A). rewrite E.
    destruct (Z.eqb_spec (addr t l vm (number l ipa)) 0); [lia|reflexivity].
Qed.

(* 512 entries of one table, by their slots. *)
Lemma all_below_spec n f : all_below n f = true <-> forall k, 0 <= k < Z.of_nat n -> f k = true.
Proof.
  induction n as [|n IH]; cbn [all_below].
  - split; auto. intros _ k ?; lia.
  - rewrite andb_true_iff, IH. split.
    + intros [H1 H2] k Hk. destruct (Z.eq_dec k (Z.of_nat n)) as [->|]; [auto|]. apply H1; lia.
    + intros H; split; [intros k Hk|]; apply H; lia.
Qed.

Lemma block_base_block ipa : 0 <= ipa < 2 ^ 40 -> block_base ipa = block ipa * 2 ^ 21 /\ block (block_base ipa) = block ipa.
Proof.
  intros H. assert (E : block_base ipa = block ipa * 2 ^ 21).
  { unfold block_base, block. replace (Z.land ipa 0xffffffffffe00000) with (Z.land (Z.land ipa (Z.ones 64)) (Z.lnot (Z.ones 21)))
      by (rewrite <- Z.land_assoc; reflexivity).
    rewrite <- Z.ldiff_land, Z.land_ones, Z.mod_small by lia. rewrite Z.ldiff_ones_r, Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia. reflexivity. }
  split; [exact E|]. rewrite E. unfold block. apply Z.div_mul. lia.
Qed.

Lemma table_empty_sim : sim_prim R s_s2_table_empty h_s2_table_empty.
Proof.
  intros args s t HR. unfold h_s2_table_empty. destruct args as [|vm [|ipa [|]]]; try exact I.
  destruct (stage2_ok t vm ipa && _) eqn:G; [|exact I]. apply andb_true_iff in G as [S N]. apply negb_true_iff, Z.eqb_neq in N.
  unfold s_s2_table_empty. destruct (walk_ok_R _ _ _ _ HR S) as [-> _]. destruct (ipa_range _ _ _ S) as [V IR].
  destruct (block_base_block ipa IR) as [BE BB]. pose proof (block_range ipa IR) as BR.
  assert (S' : stage2_ok t vm (block_base ipa) = true).
  { unfold stage2_ok in *. apply andb_true_iff in S as [S _]. apply andb_true_iff in S as [S _]. rewrite S. cbn [andb].
    apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. rewrite BE. lia. }
  rewrite (entry_addr _ _ _ _ _ HR S') by lia. unfold number, tbase, up. cbn [Z.eqb Pos.eqb]. rewrite page_block, BB.
  pose proof N as N'. apply Z.eqb_neq in N'. rewrite N'. eexists. split; [reflexivity|]. split; [|exact HR]. cbn [fst]. f_equal.
  unfold addr, tbase, up, slot. cbn [Z.eqb Pos.eqb]. rewrite page_block, BB.
  assert (PB : page (block_base ipa) = block ipa * 512) by (rewrite BE; unfold page; change (2 ^ 21) with (512 * 2 ^ 12); rewrite Z.mul_assoc; apply Z.div_mul; lia).
  rewrite PB, Z_mod_mult. pose proof HR as (_ & _ & own & W).
  assert (X : forall k, 0 <= k < 512 -> word s (tab t vm (block ipa) + 0 * 8 + k * 8) = leaf t vm 3 (block ipa * 512 + k) /\ valid 3 vm (block ipa * 512 + k)).
  { intros k Hk. assert (Vk : valid 3 vm (block ipa * 512 + k)) by (apply valid3; lia). split; [|exact Vk].
    assert (Dk : (block ipa * 512 + k) / 512 = block ipa) by (rewrite Z.div_add_l, (Z.div_small k) by lia; lia).
    assert (Mk : (block ipa * 512 + k) mod 512 = k) by (rewrite Z.add_comm, Z_mod_plus_full; apply Z.mod_small; lia).
    assert (P : present t 3 vm (block ipa * 512 + k)) by (split; [exact Vk|unfold tbase, up; cbn [Z.eqb Pos.eqb]; rewrite Dk; exact N]).
    pose proof (r_word _ _ _ W _ _ _ P) as E. unfold addr, tbase, up, slot, val in E. cbn [Z.eqb Pos.eqb] in E. rewrite Dk, Mk in E.
    rewrite Z.add_0_r. exact E. }
  apply eq_true_iff_eq. unfold empty3. rewrite no_valid_spec, all_below_spec, words_eq. change (Z.of_nat (Z.to_nat 512)) with 512.
  split; intros H k Hk; specialize (H k Hk); destruct (X k Hk) as [E Vk]; rewrite ?E in *;
    pose proof (val_valid _ _ _ _ _ _ W Vk) as VV; unfold val in VV; cbn [Z.eqb Pos.eqb] in VV.
  - rewrite <- VV. apply Z.eqb_eq. exact H.
  - apply Z.eqb_eq. rewrite VV. exact H.
Qed.

(* The entries of a group are in one table. *)
Lemma group_slots l n k : 0 <= k < Z.of_nat (behind n) -> up l (n + k) = up l n /\ slot l (n + k) = slot l n + k.
Proof.
  unfold behind, PTE_GROUP, up, slot. intros K. pose proof (Z.mod_pos_bound n 128 ltac:(lia)). pose proof (Z.div_mod n 128 ltac:(lia)).
  pose proof (Z.mod_pos_bound n 512 ltac:(lia)). pose proof (Z.div_mod n 512 ltac:(lia)).
  assert (E : (n + k) / 512 = n / 512) by (symmetry; apply (Z.div_unique _ _ _ (n mod 512 + k)); lia).
  destruct (l =? 1); split; auto. pose proof (Z.div_mod (n + k) 512 ltac:(lia)). lia.
Qed.
Lemma group_end l n k : 0 <= n < nmax l -> 1 <= l <= 3 -> 0 <= k < Z.of_nat (behind n) -> 0 <= n + k < nmax l.
Proof.
  unfold behind, PTE_GROUP, nmax. intros N L K. pose proof (Z.mod_pos_bound n 128 ltac:(lia)). pose proof (Z.div_mod n 128 ltac:(lia)).
  assert (l = 1 \/ l = 2 \/ l = 3) as [-> | [-> | ->]] by lia; cbn [Z.eqb Pos.eqb] in *; lia.
Qed.
Lemma index_group t vm ipa l : stage2_ok t vm ipa = true -> 1 <= l <= 3 -> behind (index ipa l) = behind (number l ipa).
Proof.
  intros S L. destruct (ipa_range _ _ _ S) as [V IR]. unfold behind, PTE_GROUP, number. f_equal. f_equal.
  assert (M : forall a, (a mod 512) mod 128 = a mod 128) by (intros a; symmetry; apply Znumtheory.Zmod_div_mod; try lia; exists 4; reflexivity).
  assert (l = 1 \/ l = 2 \/ l = 3) as [-> | [-> | ->]] by lia; cbn [Z.eqb Pos.eqb]; rewrite ?index1, ?index2, ?index3, ?M by exact IR; reflexivity.
Qed.
Lemma vacant_val own t w l vm n : maps_ok own t w -> valid l vm n -> vacant t vm l n = (val t l vm n =? 0).
Proof.
  intros W (L & V & N). revert N. unfold nmax. pattern l. apply three; [exact L| | |]; unfold vacant, val; cbn [Z.eqb Pos.eqb]; intros N.
  - destruct (Z.eqb_spec (s1 t vm n) 0) as [|K]; [reflexivity|]. destruct (s1_page _ _ _ _ _ W V N K) as ((_ & M & _) & _).
    symmetry. apply Z.eqb_neq, table_desc_nonzero, M.
  - destruct (Z.eqb_spec (tab t vm n) 0) as [|K]; [reflexivity|]. destruct (tab_page _ _ _ _ _ W V N K) as ((_ & M & _) & _).
    symmetry. apply Z.eqb_neq, table_desc_nonzero, M.
  - reflexivity.
Qed.

Lemma vacant_sim : sim_prim R s_s2_vacant h_s2_vacant.
Proof.
  intros args s t HR. unfold h_s2_vacant. destruct args as [|vm [|ipa [|l [|]]]]; try exact I.
  destruct (stage2_ok t vm ipa && _) eqn:G; [|exact I]. apply andb_true_iff in G as [S G].
  assert (X : 1 <= l <= 3 /\ tbase t l vm (up l (number l ipa)) <> 0).
  { destruct (Z.eqb_spec l 1) as [->|]; [split; [lia|eapply root_present; eauto]|].
    destruct (Z.eqb_spec l 2) as [->|]; [|apply andb_true_iff in G as [G1 G]; apply Z.eqb_eq in G1; subst l];
      apply negb_true_iff, Z.eqb_neq in G; (split; [lia|]); unfold tbase, up, number; cbn [Z.eqb Pos.eqb];
      rewrite ?block_gib, ?page_block; exact G. }
  destruct X as [L N]. unfold s_s2_vacant. destruct (walk_ok_R _ _ _ _ HR S) as [-> _].
  replace (1 <=? l) with true by (symmetry; apply Z.leb_le; lia). replace (l <=? 3) with true by (symmetry; apply Z.leb_le; lia).
  cbn [andb]. cbn zeta. rewrite (entry_addr _ _ _ _ _ HR S L). pose proof N as N'. apply Z.eqb_neq in N'. rewrite N'.
  rewrite (index_group t vm ipa l S L). eexists. split; [reflexivity|]. split; [|exact HR]. cbn [fst].
  apply leading_ext. intros k K. rewrite Z.add_0_l in K. destruct (group_slots l (number l ipa) k K) as [U Sl].
  pose proof HR as (_ & _ & own & W). pose proof (valid_number _ _ _ _ S L) as (_ & V & Nm).
  assert (Vk : valid l vm (number l ipa + k)) by (split; [exact L|]; split; [exact V|apply group_end; auto]).
  assert (P : present t l vm (number l ipa + k)) by (split; [exact Vk|rewrite U; exact N]).
  pose proof (r_word _ _ _ W _ _ _ P) as E. unfold addr in E. rewrite U, Sl in E.
  unfold addr. replace (tbase t l vm (up l (number l ipa)) + slot l (number l ipa) * 8 + k * 8) with
    (tbase t l vm (up l (number l ipa)) + (slot l (number l ipa) + k) * 8) by lia.
  rewrite E, (val_valid _ _ _ _ _ _ W Vk). symmetry. apply (vacant_val _ _ _ _ _ _ W Vk).
Qed.
