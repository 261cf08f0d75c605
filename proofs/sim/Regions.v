(* SPDX-License-Identifier: GPL-2.0-only *)
(* The region table of the C is the map of DRAM of the top machine. *)
From KCore Require Import code.Common code.Region.
From KCore Require Import top.Inv sim.Rel.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma record_from_none s pa n m : forall i,
  (forall j, i <= j < i + Z.of_nat m -> in_region s pa n j = false) -> record_from s pa n m i = NO_PAGE.
Proof.
  induction m as [|m IH]; intros i H; cbn [record_from]; auto. rewrite (H i) by lia. apply IH. intros j J. apply H. lia.
Qed.
Lemma record_from_some s pa n r m : forall i, i <= r < i + Z.of_nat m -> in_region s pa n r = true ->
  (forall j, i <= j < r -> in_region s pa n j = false) ->
  record_from s pa n m i = cell s "dram_first" r + (pa - cell s "dram_base" r) / PAGE_BYTES.
Proof.
  induction m as [|m IH]; intros i R Y N; [lia|]. cbn [record_from]. destruct (Z.eq_dec i r) as [->|D].
  - rewrite Y. reflexivity.
  - rewrite (N i) by lia. apply IH; auto; [lia|]. intros j J. apply N. lia.
Qed.

Section Regions.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Variable s : state.
Hypothesis F : forall n i, In n fixed_names -> cell s n i = fixed n i.

Lemma fixed_at n i : existsb (String.eqb n) fixed_names = true -> cell s n i = fixed n i.
Proof. intros E. apply F. apply existsb_exists in E as (m & M & E). apply String.eqb_eq in E as ->. exact M. Qed.

Lemma every_true f m : (forall i, 0 <= i < Z.of_nat m -> f i = true) -> every f m = true.
Proof. induction m as [|m IH]; intros H; cbn [every]; auto. rewrite IH, H by (intros; try apply H; lia). reflexivity. Qed.

Lemma regions_fine : regions_ok s = true.
Proof.
  unfold regions_ok. rewrite !(fixed_at "nr_dram") by reflexivity. pose proof (n_dram _ I) as N.
  repeat rewrite andb_true_iff. repeat split; try apply Z.leb_le; try lia.
  apply every_true. intros i R. destruct (n_whole _ I i ltac:(lia)) as (W1 & W2 & W3 & W4 & W5 & W6). pose proof (n_pages _ I) as NP.
  unfold region_ok, base_of, end_of, Region.first_of. rewrite !fixed_at by reflexivity. unfold IPA_END, PAGE_BYTES in *.
  assert (0 <= (fixed "dram_end" i - fixed "dram_base" i) / 4096) by (apply Z.div_pos; lia).
  repeat rewrite andb_true_iff. repeat split; try apply Z.leb_le; try apply Z.ltb_lt; lia.
Qed.

(* The pages from pa lie in region i. *)
Lemma in_region_iff p n i : 0 <= i < fixed "nr_dram" 0 -> 1 <= n ->
  in_region s (p * PAGE_BYTES) n i = true <-> region p = i /\ region (p + n - 1) = i.
Proof.
  intros R N. unfold in_region, base_of, end_of. rewrite !fixed_at by reflexivity.
  rewrite !(n_bounds _ I i _ R). destruct (n_whole _ I i R) as (W1 & W2 & W3 & W4 & W5 & W6).
  repeat rewrite andb_true_iff. rewrite !Z.leb_le, Z.ltb_lt. unfold PAGE_BYTES in *.
  apply Z.div_exact in W1; [|lia]. apply Z.div_exact in W2; [|lia].
  set (b := fixed "dram_base" i) in *. set (e := fixed "dram_end" i) in *. set (x := b / 4096) in *. set (y := e / 4096) in *.
  replace (e - p * 4096) with ((y - p) * 4096) by lia. rewrite Z.div_mul by lia. lia.
Qed.

Lemma region_between i p q x : 0 <= i -> region p = i -> region q = i -> p <= x <= q -> region x = i.
Proof.
  intros N A B X. destruct (n_region _ I p) as [C|C]; [lia|]. rewrite A in C.
  apply (n_bounds _ I i _ C). apply (n_bounds _ I i _ C) in A, B. unfold PAGE_BYTES in *. lia.
Qed.

Lemma in_dram_iff p n : (1 <= n)%nat -> in_dram p n = true <-> 0 <= region p /\ region (p + Z.of_nat n - 1) = region p.
Proof.
  intros N. unfold in_dram, dram. rewrite andb_true_iff, Z.leb_le, forallb_forall. split.
  - intros [A B]. split; auto. apply Z.eqb_eq, B. apply range_in. lia.
  - intros [A B]. split; auto. intros x X. apply range_in in X. apply Z.eqb_eq. apply (region_between _ p (p + Z.of_nat n - 1)); auto.
    lia.
Qed.

Lemma record_first p n : 1 <= n -> record_of s (p * PAGE_BYTES) n = if in_dram p (Z.to_nat n) then record_no fixed p else NO_PAGE.
Proof.
  intros N. unfold record_of. rewrite fixed_at by reflexivity. pose proof (n_dram _ I) as D.
  pose proof (in_dram_iff p (Z.to_nat n) ltac:(lia)) as X. rewrite Z2Nat.id in X by lia.
  assert (Only : forall j, 0 <= j < fixed "nr_dram" 0 -> in_region s (p * PAGE_BYTES) n j = true -> region p = j /\
    region (p + n - 1) = j)
    by (intros j J; apply in_region_iff; auto).
  destruct (in_dram p (Z.to_nat n)).
  - destruct (proj1 X eq_refl) as [A B]. destruct (n_region _ I p) as [C|C]; [lia|].
    rewrite (record_from_some s _ _ (region p)); [|lia|apply in_region_iff; auto|].
    + rewrite !fixed_at by reflexivity. unfold record_no. f_equal. destruct (n_whole _ I _ C) as (W1 & _).
      apply Z.div_exact in W1; [|unfold PAGE_BYTES; lia]. rewrite W1 at 1.
      replace (p * PAGE_BYTES - PAGE_BYTES * (fixed "dram_base" (region p) / PAGE_BYTES))
        with ((p - fixed "dram_base" (region p) / PAGE_BYTES) * PAGE_BYTES) by lia.
      apply Z.div_mul. unfold PAGE_BYTES; lia.
    + intros j J. destruct (in_region s (p * PAGE_BYTES) n j) eqn:E; auto. apply Only in E; [|lia]. lia.
  - apply record_from_none. intros j J. destruct (in_region s (p * PAGE_BYTES) n j) eqn:E; auto. apply Only in E as [E1 E2]; [|lia].
    assert (false = true) by (apply X; lia). congruence.
Qed.

Lemma in_dram_1 p : in_dram p 1 = dram p.
Proof. unfold in_dram, range. cbn. rewrite Z.add_0_r, Z.eqb_refl. destruct (dram p); reflexivity. Qed.

Lemma record_page pa : pa mod PAGE_BYTES = 0 ->
  page_record s pa = if dram (pa / PAGE_BYTES) then record_no fixed (pa / PAGE_BYTES) else NO_PAGE.
Proof.
  intros A. unfold page_record. apply Z.div_exact in A; [|unfold PAGE_BYTES; lia]. rewrite A at 1.
  rewrite Z.mul_comm, record_first by lia. change (Z.to_nat 1) with 1%nat. now rewrite in_dram_1.
Qed.

Lemma record_range p : dram p = true -> 0 <= record_no fixed p < fixed "nr_pages" 0.
Proof.
  unfold dram. intros D. apply Z.leb_le in D. destruct (n_region _ I p) as [C|C]; [lia|].
  destruct (n_whole _ I _ C) as (W1 & W2 & W3 & W4 & W5 & W6). pose proof (proj1 (n_bounds _ I _ p C) eq_refl) as B.
  unfold record_no. unfold PAGE_BYTES in *. apply Z.div_exact in W1; [|lia]. apply Z.div_exact in W2; [|lia].
  set (b := fixed "dram_base" (region p)) in *. set (e := fixed "dram_end" (region p)) in *. set (x := b / 4096) in *.
    set (y := e / 4096) in *.
  replace (e - b) with ((y - x) * 4096) in W6 by lia. rewrite Z.div_mul in W6 by lia. lia.
Qed.
Lemma record_real p : dram p = true -> record_no fixed p <> NO_PAGE.
Proof. intros D. pose proof (record_range p D). pose proof (n_pages _ I). unfold NO_PAGE. lia. Qed.
Lemma dram_below p : dram p = true -> 0 <= p < 268435456.
Proof.
  unfold dram. intros D. apply Z.leb_le in D. destruct (n_region _ I p) as [C|C]; [lia|].
  destruct (n_whole _ I _ C) as (W1 & W2 & W3 & W4 & W5 & W6). pose proof (proj1 (n_bounds _ I _ p C) eq_refl) as B.
  unfold PAGE_BYTES, IPA_END in *. lia.
Qed.
End Regions.
