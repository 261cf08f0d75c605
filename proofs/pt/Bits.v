(* SPDX-License-Identifier: GPL-2.0-only *)
(* Bits of stage-2 descriptors and fields of addresses. *)
From Coq Require Import Znumtheory.
From KCore Require Import machine.Map.
Local Open Scope Z_scope.

Lemma land_low z n m : 0 <= n -> m = 2 ^ n - 1 -> Z.land z m = z mod 2 ^ n.
Proof. intros Hn ->. replace (2 ^ n - 1) with (Z.ones n) by (rewrite Z.ones_equiv; lia). apply Z.land_ones; auto. Qed.

Lemma land3 z : Z.land z 3 = z mod 4.
Proof. apply (land_low z 2); [lia|reflexivity]. Qed.
Lemma land1 z : Z.land z 1 = z mod 2.
Proof. apply (land_low z 1); [lia|reflexivity]. Qed.

(* ------------------------------------------------------- the address field *)

Lemma address_range p : 0 <= Z.land p PTE_ADDRESS <= PTE_ADDRESS.
Proof.
  unfold PTE_ADDRESS. split; [apply Z.land_nonneg; right; lia|].
  apply Z.ldiff_le; [lia|]. rewrite Z.ldiff_land.
  rewrite <- Z.land_assoc, <- Z.ldiff_land, Z.ldiff_diag. apply Z.land_0_r.
Qed.

Lemma address_aligned p : Z.land p PTE_ADDRESS mod 4096 = 0.
Proof.
  rewrite <- (land_low _ 12 4095) by (lia || reflexivity). rewrite <- Z.land_assoc. apply Z.land_0_r.
Qed.

Lemma mod8 a : a mod 4096 = 0 -> a mod 8 = 0.
Proof. intros H. apply Z.div_exact in H; [|lia]. rewrite H. replace (4096 * (a / 4096)) with (512 * (a / 4096) * 8) by lia. apply Z_mod_mult. Qed.
Lemma mod4 a : a mod 4096 = 0 -> a mod 4 = 0.
Proof. intros H. apply Z.div_exact in H; [|lia]. rewrite H. replace (4096 * (a / 4096)) with (1024 * (a / 4096) * 4) by lia. apply Z_mod_mult. Qed.
Lemma mod8_slot a i : a mod 4096 = 0 -> (a + i * 8) mod 8 = 0.
Proof. intros H. rewrite Z_mod_plus_full. apply mod8, H. Qed.

Lemma address_page p : 0 <= p < 2 ^ 40 -> p mod 4096 = 0 -> Z.land p PTE_ADDRESS = p.
Proof.
  intros Hp Hm. replace PTE_ADDRESS with (Z.land (Z.ones 40) (Z.lnot (Z.ones 12))) by reflexivity.
  rewrite Z.land_assoc, <- Z.ldiff_land, Z.land_ones, Z.mod_small by lia.
  rewrite Z.ldiff_ones_r by lia. rewrite Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia.
  change (2 ^ 12) with 4096. apply Z.div_exact in Hm; lia.
Qed.

(* ------------------------------------------------------------- descriptors *)

Lemma is_table_mod d : is_table d = (d mod 4 =? 3).
Proof. unfold is_table. rewrite land3. reflexivity. Qed.

Lemma table_desc_sum p : p mod 4096 = 0 -> table_desc p = p + 3.
Proof.
  intros H. unfold table_desc, PTE_TABLE, PTE_VALID. rewrite <- Z.lor_assoc. change (Z.lor 2 1) with 3.
  rewrite <- Z.lxor_lor, <- Z.add_nocarry_lxor; [reflexivity| |]; rewrite land3; apply mod4, H.
Qed.
Lemma table_desc_is p : p mod 4096 = 0 -> is_table (table_desc p) = true.
Proof. intros H. rewrite is_table_mod, table_desc_sum by auto. rewrite Z.add_mod, (mod4 _ H) by lia. reflexivity. Qed.
Lemma table_desc_address p : 0 <= p < 2 ^ 40 -> p mod 4096 = 0 -> Z.land (table_desc p) PTE_ADDRESS = p.
Proof.
  intros Hp Hm. unfold table_desc. rewrite !Z.land_lor_distr_l, address_page by auto.
  change (Z.land PTE_TABLE PTE_ADDRESS) with 0. change (Z.land PTE_VALID PTE_ADDRESS) with 0. rewrite !Z.lor_0_r. reflexivity.
Qed.
Lemma table_desc_valid p : p mod 4096 = 0 -> Z.land (table_desc p) 1 = 1.
Proof.
  intros H. unfold table_desc, PTE_TABLE, PTE_VALID. rewrite !Z.land_lor_distr_l. rewrite land1.
  apply mod4 in H. assert (p mod 2 = 0) as ->; [|reflexivity].
  apply Z.div_exact in H; [|lia]. rewrite H. replace (4 * (p / 4)) with (2 * (p / 4) * 2) by lia. apply Z_mod_mult.
Qed.
Lemma table_desc_nonzero p : p mod 4096 = 0 -> table_desc p <> 0.
Proof. intros H E. pose proof (table_desc_valid p H) as V. rewrite E in V. discriminate. Qed.

Lemma low_bit d k : Z.land d 3 = k -> Z.land d 1 = Z.land k 1.
Proof. intros <-. rewrite <- Z.land_assoc. reflexivity. Qed.

Lemma leaf_ok_valid d l : leaf_ok d l = true -> Z.land d 1 = 1.
Proof.
  unfold leaf_ok. intros H. props. destruct (l =? 3); props.
  - rewrite (low_bit d 3); auto.
  - rewrite (low_bit d 1); auto.
Qed.
Lemma leaf_ok_nonzero d l : leaf_ok d l = true -> d <> 0.
Proof. intros H ->. discriminate (leaf_ok_valid 0 l H). Qed.
Lemma leaf2_no_table d : leaf_ok d 2 = true -> is_table d = false.
Proof. unfold leaf_ok, is_table. cbn [Z.eqb Pos.eqb]. intros H. props. apply Z.eqb_neq. lia. Qed.

(* Page i of a block (s2_split): a page descriptor, with no carry into other fields. *)
Lemma split_sum d : leaf_ok d 2 = true -> Z.lor d PTE_TABLE = d + 2 /\ d mod 4 = 1 /\ exists q r, d = q * 2 ^ 21 + r /\ 0 <= r <= 4093 /\ 0 <= q < 2 ^ 34.
Proof.
  unfold leaf_ok. cbn [Z.eqb Pos.eqb]. intros H. props. rewrite land3 in *.
  assert (M : d mod 4 = 1) by assumption. split; [|split; [exact M|]].
  - unfold PTE_TABLE. rewrite <- Z.lxor_lor, <- Z.add_nocarry_lxor; [reflexivity| |].
    all: change 2 with (Z.land 3 2); rewrite Z.land_assoc, land3, M; reflexivity.
  - exists (d / 2 ^ 21), (d mod 2 ^ 21). assert (F : (d / 4096) mod 512 = 0).
    { assert (X : Z.shiftr (Z.land d 0x1ff000) 12 = 0) by (replace (Z.land d 0x1ff000) with 0; reflexivity).
      rewrite Z.shiftr_land in X. change (Z.shiftr 0x1ff000 12) with 511 in X.
      rewrite (land_low _ 9) in X by (lia || reflexivity). rewrite Z.shiftr_div_pow2 in X by lia. exact X. }
    change (2 ^ 21) with (4096 * 512) in *. rewrite Z.rem_mul_r by lia. rewrite F.
    pose proof (Z.div_mod d (4096 * 512) ltac:(lia)) as D. rewrite Z.rem_mul_r, F in D by lia.
    pose proof (Z.mod_pos_bound d 4096 ltac:(lia)).
    assert (R4 : (d mod 4096) mod 4 = 1) by (rewrite <- Znumtheory.Zmod_div_mod; [exact M|lia|lia|exists 1024; reflexivity]).
    pose proof (Z.div_mod (d mod 4096) 4 ltac:(lia)). split; [lia|]. split; [lia|]. split.
    + apply Z.div_pos; lia.
    + apply Z.div_lt_upper_bound; [lia|]. change (4096 * 512 * 2 ^ 34) with (2 ^ 55). lia.
Qed.
Lemma split_leaf_ok d i : leaf_ok d 2 = true -> 0 <= i < 512 -> leaf_ok (Z.lor d PTE_TABLE + i * 4096) 3 = true.
Proof.
  intros H Hi. destruct (split_sum d H) as (E & M & q & r & D & Hr & Hq). rewrite E. unfold leaf_ok. cbn [Z.eqb Pos.eqb].
  rewrite land3. replace (d + 2 + i * 4096) with (d + 2 + i * 1024 * 4) by lia. rewrite Z_mod_plus_full.
  rewrite Z.add_mod, M by lia. change ((1 + 2 mod 4) mod 4) with 3.
  change (2 ^ 21) with 2097152 in D. change (2 ^ 34) with 17179869184 in Hq. change (2 ^ 55) with 36028797018963968.
  repeat (apply andb_true_iff; split); [apply Z.leb_le|apply Z.ltb_lt|reflexivity]; lia.
Qed.

(* -------------------------------------------------------- fields of an IPA *)

Lemma gib_range ipa : 0 <= ipa < 2 ^ 40 -> 0 <= gib ipa < 1024.
Proof. intros H. unfold gib. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. Qed.
Lemma block_range ipa : 0 <= ipa < 2 ^ 40 -> 0 <= block ipa < 2 ^ 19.
Proof. intros H. unfold block. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. Qed.
Lemma page_range ipa : 0 <= ipa < 2 ^ 40 -> 0 <= page ipa < 2 ^ 28.
Proof. intros H. unfold page. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. Qed.
Lemma block_gib ipa : block ipa / 512 = gib ipa.
Proof. unfold block, gib. rewrite Z.div_div by lia. reflexivity. Qed.
Lemma page_block ipa : page ipa / 512 = block ipa.
Proof. unfold block, page. rewrite Z.div_div by lia. reflexivity. Qed.

Lemma page_in a o : a mod 4096 = 0 -> 0 <= o < 4096 -> page (a + o) = page a.
Proof.
  intros H Ho. unfold page. change (2 ^ 12) with 4096. apply Z.div_exact in H; [|lia].
  symmetry. apply (Z.div_unique _ _ _ o); lia.
Qed.
Lemma page_eq a b : a mod 4096 = 0 -> b mod 4096 = 0 -> page a = page b -> a = b.
Proof. unfold page. change (2 ^ 12) with 4096. intros A B E. apply Z.div_exact in A, B; lia. Qed.
Lemma mod512 n : 0 <= n mod 512 < 512.
Proof. apply Z.mod_pos_bound; lia. Qed.
