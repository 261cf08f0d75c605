(* SPDX-License-Identifier: GPL-2.0-only *)
(* The host's stage 2 gives a page away: a block over it is split, and its entry goes. *)
From KCore Require Import code.Common code.Calls code.Pool code.Host pt.Bits top.InvMap.
From KCore Require Export sim.Table sim.Words.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ a page's descriptor made of the block's *)

Lemma lor_apart a b : Z.land a b = 0 -> Z.lor a b = a + b.
Proof. intros E. rewrite <- Z.lxor_lor, <- Z.add_nocarry_lxor by exact E. reflexivity. Qed.

Section Descriptor.
Variables (d k : Z).
Hypotheses (L : leaf_ok d 2 = true) (K : 0 <= k < 512).

Lemma page_field : k * 4096 = Z.land (k * 4096) 0x1ff000.
Proof.
  replace 0x1ff000 with (Z.land (Z.ones 21) (Z.lnot (Z.ones 12))) by reflexivity.
  rewrite Z.land_assoc, <- Z.ldiff_land, Z.land_ones, Z.mod_small, Z.ldiff_ones_r, Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia.
  change (2 ^ 12) with 4096. rewrite Z.div_mul by lia. reflexivity.
Qed.
Lemma block_field : Z.land d 0x1ff000 = 0.
Proof. revert L. unfold leaf_ok. cbn [Z.eqb Pos.eqb]. intros H. props. assumption. Qed.
Lemma page_word : Z.lor d PTE_TABLE + k * 4096 = Z.lor (Z.lor d PTE_TABLE) (k * 4096).
Proof.
  symmetry. apply lor_apart. rewrite page_field, (Z.land_comm (k * 4096)), Z.land_assoc, Z.land_lor_distr_l, block_field. reflexivity.
Qed.
(* What is beside the page's number and the kind of the descriptor stays. *)
Lemma page_bits m : Z.land PTE_TABLE m = 0 -> Z.land 0x1ff000 m = 0 -> Z.land (Z.lor d PTE_TABLE + k * 4096) m = Z.land d m.
Proof.
  intros A B. rewrite page_word, !Z.land_lor_distr_l, A, page_field, <- Z.land_assoc, B, Z.land_0_r, !Z.lor_0_r. reflexivity.
Qed.
Lemma page_prot : prot_of (Z.lor d PTE_TABLE + k * 4096) = prot_of d.
Proof. unfold prot_of, Pte.has. rewrite !page_bits by reflexivity. reflexivity. Qed.
Lemma page_number : pte_page (Z.lor d PTE_TABLE + k * 4096) = pte_page d + k.
Proof.
  unfold pte_page. rewrite page_word, !Z.land_lor_distr_l. change (Z.land PTE_TABLE PTE_ADDRESS) with 0. rewrite Z.lor_0_r.
  rewrite (address_page (k * 4096)) by (try apply Z_mod_mult; lia). rewrite lor_apart.
  - unfold PAGE_BYTES. apply Z.div_add. lia.
  - rewrite page_field, (Z.land_comm (k * 4096)), Z.land_assoc, <- (Z.land_assoc d).
    change (Z.land PTE_ADDRESS 0x1ff000) with 0x1ff000. rewrite block_field. reflexivity.
Qed.
Lemma page_entry : entry_of (Z.lor d PTE_TABLE + k * 4096) = Some (mkleaf (pte_page d + k) (prot_of d)).
Proof.
  unfold entry_of. rewrite (proj2 (Z.eqb_neq _ _) (leaf_ok_nonzero _ _ (split_leaf_ok d k L K))), page_number, page_prot. reflexivity.
Qed.
End Descriptor.

Section Split.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* The top machine's state when the table is there. *)
Definition split_lf (p : Z) (l : leaf) (t : pub) : pub :=
  set_lf (fun j x =>
    if j =? HOST then
      match x with
      | Block b => if b =? p / 512 then None else lf t j x
      | Page i => if i / 512 =? p / 512 then Some (mkleaf (l_page l + i mod 512) (l_prot l)) else lf t j x
      end
    else lf t j x) t.

Lemma keep_split c s t p d : Q c s t -> is_ipa p -> leaf_ok d 2 = true ->
  Q c (split_leaves HOST (p / 512) d s) (mkst (split_lf p (mkleaf (pte_page d) (prot_of d)) (P t)) (D t)).
Proof.
  intros R A L. unfold split_leaves, split_lf, with_maps. same_vcpus. entries R; cbn [l_page l_prot] in *.
  - match goal with W : is_vm ?w |- reaped _ ?w => apply (reaped_same (P t)); auto; intros x y; cbn [lf set_lf];
      rewrite (proj2 (Z.eqb_neq w HOST)) by (unfold is_vm, HOST in *; lia); auto end.
  - destruct (Z.eqb_spec v HOST); cbn [andb Z.eqb Pos.eqb]; auto. destruct (b =? p / 512); auto.
  - destruct (Z.eqb_spec v HOST); cbn [andb Z.eqb Pos.eqb]; auto. destruct (i / 512 =? p / 512); auto.
    symmetry. apply page_entry; auto using mod512.
  - destruct ((v =? HOST) && (l =? 3) && (n / 512 =? p / 512)) eqn:C; [right|clear C; destruct (_ && _); auto].
    props. subst l. apply split_leaf_ok; auto using mod512.
  - match goal with W : is_vm ?w |- _ => rewrite (proj2 (Z.eqb_neq w HOST)) in * by (unfold is_vm, HOST in *; lia) end. eapply r_region;
    eassumption.
Qed.

Lemma split_sim c s t p d n : Q c s t -> held s = true -> few n (P t) -> 0 <= n < 7 -> is_ipa p -> leaf_ok d 2 = true ->
  Base.leaf s HOST 2 (p / 512) = d -> tab (P t) HOST (p / 512) = false ->
  prepares fixed c (n + 1) (D t) (h_s2_split [HOST; p * PAGE_BYTES] s) (s2_split HOST p (mkleaf (pte_page d) (prot_of d)) (P t)).
Proof.
  intros R H F N A L Ed Tb. assert (V : is_handle HOST) by (unfold is_handle, HOST, KCORE_NR_VMS; lia).
  unfold h_s2_split. rewrite (stage_fine fixed I c s t HOST p R V A), H, block_of, Ed, (proj2 (Z.eqb_neq _ _) (leaf_ok_nonzero _ _ L)).
  cbn [andb negb]. rewrite (tab_at fixed c s t HOST p R V A) in Tb. apply negb_false_iff, Z.eqb_eq in Tb.
  assert (At : at_start HOST t) by (left; reflexivity).
  pose proof (fresh_sim fixed I c HOST p V A s t 2 n R H F ltac:(lia) At ltac:(auto) Tb) as X. unfold s2_split.
  destruct (h_pool_alloc [HOST] s) as [[pa w]| |]; [|destruct X as (r & u & E & _); discriminate E..].
  destruct (Z.eqb_spec pa 0) as [->|Np].
  - destruct X as (r & u & E & Hu & X). injection E as <- <-.
    destruct (pool_alloc HOST (P t)) as [q|]; [destruct X as (Y & _); discriminate Y|]. exists KCORE_ENOMEM, w. auto.
  - destruct X as (r & u & E & Hu & X). injection E as <- <-.
    destruct (pool_alloc HOST (P t)) as [q|] eqn:Al; [|destruct X as (<- & Y & _); destruct (Y eq_refl)]. destruct X as (_ & Fu & Ru).
    eexists 0, _. split; [reflexivity|]. split.
    { cbn [held record Map.set_tab split_leaves Map.set_table with_maps]. exact Hu. }
    split; [reflexivity|]. split; [destruct Fu as [W1 W2 W3]; split; auto|].
    pose proof (keep_split c _ _ p d Ru A L) as Rs.
    change (mkst (split_lf p (mkleaf (pte_page d) (prot_of d)) (put_table 2 HOST p true q)) (D t)) with
      (mkst (set_tab (upd2 (tab q) HOST (p / 512) true) (split_lf p (mkleaf (pte_page d) (prot_of d)) q)) (D t)) in Rs.
    revert Rs. unfold link_table. rewrite block_of. intros Rs. repeat apply keep_record.
    apply (keep_ghost fixed c _ _ _ Rs); reflexivity.
Qed.

(* An entry that was not there goes. *)
Lemma keep_unset c s t v x : Q c s t -> lf (P t) v x = None -> Q c s (mkst (set_leaf v x None (P t)) (D t)).
Proof.
  intros R N. assert (E : forall w y, (if (w =? v) && place_eqb y x then None else lf (P t) w y) = lf (P t) w y).
  { intros w y. destruct (Z.eqb_spec w v) as [->|]; [|reflexivity]. destruct (place_eqb_spec y x) as [->|]; auto. }
  unfold set_leaf. same_vcpus. entries R; rewrite ?E in *; auto.
  - apply (reaped_leaf (P t) v x None); auto.
  - eapply r_region; eassumption.
Qed.

(* What is over the page is a page's entry, or nothing. *)
Lemma host_prepare_sim c s t p n : Q c s t -> tables (P t) -> held s = true -> few n (P t) -> 0 <= n < 7 -> is_ipa p ->
  prepares fixed c (n + 1) (D t) (s_host_prepare_unmap [p * PAGE_BYTES] s) (host_prepare_unmap p (P t)).
Proof.
  intros R J H F N A. assert (V : is_handle HOST) by (unfold is_handle, HOST, KCORE_NR_VMS; lia).
  assert (Stay : prepares fixed c (n + 1) (D t) (Ok (0, s)) (Go (P t))).
  { exists 0, s. split; [reflexivity|]. split; [exact H|]. split; [reflexivity|]. split; [apply (few_more n); auto; lia|].
    rewrite st_eta. exact R. }
  unfold s_host_prepare_unmap, host_prepare_unmap. rewrite (level_eq fixed I c s t HOST p R J V A). cbn [bind].
  rewrite (load_eq fixed I c s t HOST p R V A) by apply level_range. cbn [bind].
  destruct (entry_now_at fixed c s t HOST p R J V A) as (X1 & X2 & _). unfold entry_now in *.
  unfold Calls.valid. rewrite (invalid_zero _ _ X2). destruct (Z.eqb_spec (s2_level (P t) HOST p) 2) as [L|L]; cbn [andb]; [|exact Stay].
  unfold leaf_over in X1. rewrite L in *. cbn [Z.eqb Pos.eqb level_place] in X1. rewrite X1. unfold entry_of.
  destruct (Z.eqb_spec (entry s HOST (p * PAGE_BYTES) 2) 0) as [Z0|Z0]; cbn [negb]; [exact Stay|].
  destruct X2 as [X2|X2]; [contradiction|].
  assert (Tb : tab (P t) HOST (p / 512) = false).
  { revert L. unfold s2_level. destruct (s1 (P t) HOST (p / 262144)); [|discriminate]. destruct (tab (P t) HOST (p / 512)); auto;
    discriminate. }
  apply (split_sim c s t p _ n); auto. unfold entry. cbn [Z.eqb Pos.eqb]. rewrite block_of.
  pose proof (tab_at fixed c s t HOST p R V A) as T. rewrite Tb in T. symmetry in T. apply negb_false_iff in T. rewrite T. reflexivity.
Qed.

Lemma host_unmap_sim c s t p : Q c s t -> tables (P t) -> held s = true -> is_ipa p ->
  exists u, s_host_unmap [p * PAGE_BYTES] s = Ok (0, u) /\ held u = true /\ Q c u (mkst (host_unmap p (P t)) (D t)).
Proof.
  intros R J H A. assert (V : is_handle HOST) by (unfold is_handle, HOST, KCORE_NR_VMS; lia).
  unfold s_host_unmap, host_unmap. rewrite (level_eq fixed I c s t HOST p R J V A). cbn [bind].
  destruct (entry_now_at fixed c s t HOST p R J V A) as (X1 & X2 & _ & X4). unfold entry_now in *.
  destruct (Z.eqb_spec (s2_level (P t) HOST p) 3) as [L|L].
  2: { exists s. split; [reflexivity|]. split; [exact H|]. rewrite st_eta. exact R. }
  unfold leaf_over in X1. rewrite L in *. cbn [Z.eqb Pos.eqb level_place] in X1. unfold h_s2_clear.
  rewrite (stage_fine fixed I c s t HOST p R V A), H, X4 by discriminate. cbn [andb orb bind Z.eqb Pos.eqb].
  destruct (Z.eqb_spec (entry s HOST (p * PAGE_BYTES) 3) 0) as [Z0|Z0].
  - exists s. split; [reflexivity|]. split; [exact H|]. apply keep_unset; auto. rewrite X1, Z0. reflexivity.
  - eexists. split; [reflexivity|]. split; [exact H|]. repeat apply keep_record.
    apply (keep_leaf fixed c s t HOST 3 p 0); auto. intros y _ W. unfold is_vm, HOST in W. lia.
Qed.
End Split.
