(* SPDX-License-Identifier: GPL-2.0-only *)
(* region.c: DRAM regions and ranges denied to the host. *)
From KCore Require Import code.Common gen.C_region.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition base_of (s : state) (i : Z) : Z := cell s "dram_base" i.
Definition end_of (s : state) (i : Z) : Z := cell s "dram_end" i.
Definition first_of (s : state) (i : Z) : Z := cell s "dram_first" i.

(* The table as installation leaves it. *)
Definition region_ok (s : state) (i : Z) : bool :=
  (0 <=? base_of s i) && (end_of s i <? 2 ^ 52) && (0 <=? first_of s i) && (first_of s i <? 2 ^ 40).
Definition regions_ok (s : state) : bool :=
  (0 <=? cell s "nr_dram" 0) && (cell s "nr_dram" 0 <=? KCORE_MAX_REGIONS) &&
  every (region_ok s) (Z.to_nat (cell s "nr_dram" 0)).

(* The pages lie in region i. *)
Definition in_region (s : state) (pa pages i : Z) : bool :=
  (base_of s i <=? pa) && (pa <? end_of s i) && (pages <=? (end_of s i - pa) / PAGE_BYTES).

(* Record of the first page, in the first of n regions from i that has them all. *)
Fixpoint record_from (s : state) (pa pages : Z) (n : nat) (i : Z) : Z :=
  match n with
  | O => NO_PAGE
  | S m => if in_region s pa pages i then first_of s i + (pa - base_of s i) / PAGE_BYTES else record_from s pa pages m (i + 1)
  end.
Definition record_of (s : state) (pa pages : Z) : Z := record_from s pa pages (Z.to_nat (cell s "nr_dram" 0)) 0.
Definition page_record (s : state) (pa : Z) : Z := record_of s pa 1.

Definition s_range_in_dram : prim state := fun args s =>
  match args with
  | [pa; pages] => pre regions_ok s && word64 pa in Ok (record_of s pa pages, s)
  | _ => Stuck
  end.

Lemma range_in_dram_ok : meets (run L1 f_range_in_dram) s_range_in_dram.
Proof.
  spec_args. unfold regions_ok, word64, KCORE_MAX_REGIONS in *; props.
  assert (B : forall i, 0 <= i < cell s "nr_dram" 0 -> region_ok s i = true).
  { intros i Hi. eapply every_at; [eassumption|]. lia. }
  start f_range_in_dram. steps.
  eapply (wp_for0 _ (fun k e s' => s' = s /\ (exists a b c d, e = [Some z; Some z0; Some (cell s "nr_dram" 0); a; b; c; d]) /\
     record_of s z z0 = record_from s z z0 (Z.to_nat (cell s "nr_dram" 0) - k) (Z.of_nat k))); try reflexivity.
  - cbn [modulus]; lia.
  - split; [reflexivity|]. split; [eauto 6|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e s' _ Hk (-> & (a & b & c & d & ->) & Hr). cbn [setv].
    specialize (B (Z.of_nat k) ltac:(lia)).
    unfold region_ok, first_of, base_of, end_of in B; props.
    replace (Z.to_nat (cell s "nr_dram" 0) - k)%nat with (S (Z.to_nat (cell s "nr_dram" 0) - S k)) in Hr by lia.
    cbn [record_from] in Hr. unfold in_region, first_of, base_of, end_of, PAGE_BYTES in Hr.
    pose proof (Z.div_pos (z - cell s "dram_base" (Z.of_nat k)) 4096).
    assert (D : (z - cell s "dram_base" (Z.of_nat k)) / 4096 <= z) by (apply Z.div_le_upper_bound; lia).
    steps; cbn [result].
    + rewrite Hr. replace (wrap U64 (cell s "dram_end" (Z.of_nat k) - z)) with (cell s "dram_end" (Z.of_nat k) - z) in C.
      * rewrite C. reflexivity.
      * props. rewrite wrap_small by (cbn [modulus]; lia). reflexivity.
    + split; [reflexivity|]. split; [eauto 6|]. rewrite Hr, Nat2Z.inj_succ, <- Z.add_1_r.
      destruct (z <? cell s "dram_end" (Z.of_nat k)) eqn:Z; [|rewrite andb_false_r; reflexivity].
      rewrite wrap_small in C by (cbn [modulus]; props; lia). rewrite C. reflexivity.
  - intros e s' (-> & (a & b & c & d & ->) & Hr). cbn [setv]. steps. cbn [result].
    rewrite Hr, Nat.sub_diag. reflexivity.
Qed.

Lemma range_in_dram_at s pa pages :
  regions_ok s = true -> word64 pa = true -> s_range_in_dram [pa; pages] s = Ok (record_of s pa pages, s).
Proof. unfold s_range_in_dram. intros -> ->. reflexivity. Qed.

Definition s_page_index : prim state := fun args s =>
  match args with [pa] => pre regions_ok s && word64 pa in Ok (page_record s pa, s) | _ => Stuck end.

Lemma page_index_ok : meets (run (add L1 "range_in_dram" s_range_in_dram) f_page_index) s_page_index.
Proof. spec_open. start f_page_index. go. Qed.

(* Is any byte of the range in one of n ranges of a table, from i? *)
Fixpoint touches (s : state) (base last : string) (pa bytes : Z) (n : nat) (i : Z) : bool :=
  match n with
  | O => false
  | S m => ((pa <? cell s last i) && (cell s base i <? pa + bytes)) || touches s base last pa bytes m (i + 1)
  end.
Definition has_dram (s : state) (pa bytes : Z) : bool :=
  touches s "dram_base" "dram_end" pa bytes (Z.to_nat (cell s "nr_dram" 0)) 0.
Definition has_denied (s : state) (pa bytes : Z) : bool :=
  touches s "denied_base" "denied_end" pa bytes (Z.to_nat (cell s "nr_denied" 0)) 0.

Definition s_range_touches (nr : string) (most : Z) (f : state -> Z -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa; bytes] =>
      pre (0 <=? cell s nr 0) && (cell s nr 0 <=? most) && (0 <=? pa) && (0 <=? bytes) && (pa + bytes <? 2 ^ 64) in
      Ok (b2z (f s pa bytes), s)
  | _ => Stuck
  end.
Definition s_range_has_dram := s_range_touches "nr_dram" KCORE_MAX_REGIONS has_dram.
Definition s_range_denied := s_range_touches "nr_denied" KCORE_MAX_DENIED has_denied.

(* Both loops. *)
Ltac touch_loop f nr base last :=
  spec_args; unfold KCORE_MAX_REGIONS, KCORE_MAX_DENIED in *; props; start f; steps;
  match goal with |- wp _ _ _ [Some ?pa; Some ?bytes; Some ?n; _; _; _] ?s =>
    eapply (wp_for0 _ (fun k e s' => s' = s /\ (exists a b c, e = [Some pa; Some bytes; Some n; a; b; c]) /\
      touches s base last pa bytes (Z.to_nat n) 0 = touches s base last pa bytes (Z.to_nat n - k) (Z.of_nat k)));
    try reflexivity;
    [ cbn [modulus]; lia | split; [reflexivity|]; split; [eauto|]; rewrite Nat.sub_0_r; reflexivity | |
      intros e s' (-> & (a & b & c & ->) & Hr); cbn [setv]; steps; cbn [result]; rewrite Nat.sub_diag in Hr;
      unfold has_dram, has_denied; rewrite Hr; reflexivity ];
    intros k e s' _ Hk (-> & (a & b & c & ->) & Hr); cbn [setv];
    replace (Z.to_nat n - k)%nat with (S (Z.to_nat n - S k)) in Hr by lia; cbn [touches] in Hr;
    steps; cbn [result]; match goal with C : _ && _ = _ |- _ => rewrite C in Hr end; cbn [orb] in Hr;
    [ unfold has_dram, has_denied; rewrite Hr; reflexivity
    | split; [reflexivity|]; split; [eauto|]; rewrite Nat2Z.inj_succ, <- Z.add_1_r; exact Hr ]
  end.

Lemma range_has_dram_ok : meets (run L1 f_range_has_dram) s_range_has_dram.
Proof. unfold s_range_has_dram. touch_loop f_range_has_dram "nr_dram" "dram_base" "dram_end". Qed.

Lemma range_denied_ok : meets (run L1 f_range_denied) s_range_denied.
Proof. unfold s_range_denied. touch_loop f_range_denied "nr_denied" "denied_base" "denied_end". Qed.

Definition region_specs : list (string * prim state) := [
  ("range_in_dram", s_range_in_dram); ("page_index", s_page_index);
  ("range_has_dram", s_range_has_dram); ("range_denied", s_range_denied)].

Theorem region_refines : refines eq m_region L1 (extend L1 region_specs).
Proof.
  apply module_meets.
  module_step range_in_dram_ok. module_step page_index_ok. module_step range_has_dram_ok. module_step range_denied_ok. exact I.
Qed.
