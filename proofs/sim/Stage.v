(* SPDX-License-Identifier: GPL-2.0-only *)
(* Stage 2: what layer L1 does on maps of descriptors, the top machine does on maps of leaves; counts of mappings. *)
From KCore Require Import code.Common code.Calls pt.Bits.
From KCore Require Export sim.Finalise.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma page_of i : Map.page (i * PAGE_BYTES) = i.
Proof. unfold Map.page. change (2 ^ 12) with PAGE_BYTES. apply Z.div_mul. discriminate. Qed.
Lemma block_of i : Map.block (i * PAGE_BYTES) = i / 512.
Proof. unfold Map.block. change (2 ^ 21) with (512 * PAGE_BYTES). apply Z.div_mul_cancel_r; discriminate. Qed.
Lemma gib_of i : Map.gib (i * PAGE_BYTES) = i / 262144.
Proof. unfold Map.gib. change (2 ^ 30) with (262144 * PAGE_BYTES). apply Z.div_mul_cancel_r; discriminate. Qed.
Lemma block_in_gib i : i / 512 / 512 = i / 262144.
Proof. rewrite Z.div_div by lia. reflexivity. Qed.

Lemma invalid_zero e l : e = 0 \/ leaf_ok e l = true -> (Z.land e PTE_VALID =? 0) = (e =? 0).
Proof.
  intros [->|H]; [reflexivity|]. pose proof (leaf_ok_valid e l H) as V. pose proof (leaf_ok_nonzero e l H) as N.
  change PTE_VALID with 1. rewrite V. symmetry. apply Z.eqb_neq, N.
Qed.
Lemma level_range s v i : 1 <= s2_level s v i <= 3.
Proof. unfold s2_level. destruct (s1 s v _); [destruct (tab s v _)|]; lia. Qed.
Lemma leaf_address e : Z.land e PTE_ADDRESS = pte_page e * PAGE_BYTES.
Proof.
  unfold pte_page. pose proof (address_aligned e) as A. apply Z.div_exact in A; [|lia]. unfold PAGE_BYTES. rewrite A at 1.
    apply Z.mul_comm.
Qed.

(* The fields of the relation that no table entry is about. *)
Ltac entries R :=
  let X := fresh "X" in pose proof R as X; destruct X; constructor; intros; cbn [P D] in *; peel;
  lazymatch goal with
  | |- pool_fine _ _ _ => pool_kept R
  | |- reaped _ _ => idtac
  | H : nth_error _ _ = _ |- _ => eapply r_log; eassumption
  | _ => auto
  end.

Lemma reaped_leaf {cfg : config} t v x l w : reaped t w -> is_vm w -> l = None \/ v_cursor (vm t v) = 0 \/ v = HOST ->
  reaped (set_leaf v x l t) w.
Proof.
  intros H W [->|[Z| ->]].
  - apply (reaped_same t); auto. intros y k. cbn [lf set_leaf set_lf]. destruct (_ && _); [discriminate|auto].
  - destruct (Z.eq_dec w v) as [->|N]; [right; left; exact Z|]. apply (reaped_same t); auto. intros y k. cbn [lf set_leaf set_lf].
    now rewrite (proj2 (Z.eqb_neq w v) N).
  - apply (reaped_same t); auto. intros y k. cbn [lf set_leaf set_lf]. rewrite (proj2 (Z.eqb_neq w HOST)); [auto|].
    unfold is_vm, HOST in *. lia.
Qed.

Section Stage.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Definition is_ipa (i : Z) : Prop := 0 <= i < IPA_PAGES.
Lemma ipa_gib i : is_ipa i -> 0 <= i / 262144 < 1024.
Proof. unfold is_ipa, IPA_PAGES. intros H. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. Qed.
Lemma ipa_block i : is_ipa i -> 0 <= i / 512 < 524288.
Proof. unfold is_ipa, IPA_PAGES. intros H. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. Qed.

Section At.
Variables (c : Z) (s : state) (t : st) (v i : Z).
Hypotheses (R : Q c s t) (J : tables (P t)) (V : is_handle v) (A : is_ipa i).

Lemma stage_fine : stage2_ok s v (i * PAGE_BYTES) = true.
Proof.
  unfold stage2_ok. rewrite (roots_fine fixed I c s t v R V). unfold is_ipa, IPA_PAGES, PAGE_BYTES in *.
  apply andb_true_iff. split; [apply Z.leb_le|apply Z.ltb_lt]; lia.
Qed.
Lemma s1_at : s1 (P t) v (i / 262144) = negb (Base.s1 s v (i / 262144) =? 0).
Proof. apply (r_s1 _ _ _ _ R); auto using ipa_gib. Qed.
Lemma tab_at : tab (P t) v (i / 512) = negb (Base.tab s v (i / 512) =? 0).
Proof. apply (r_tab _ _ _ _ R); auto using ipa_block. Qed.
Lemma tab_s1 : tab (P t) v (i / 512) = true -> s1 (P t) v (i / 262144) = true.
Proof. intros T. apply (t_table _ J) in T. now rewrite block_in_gib in T. Qed.

Lemma level_eq : h_s2_level [v; i * PAGE_BYTES] s = Ok (s2_level (P t) v i, s).
Proof.
  unfold h_s2_level. rewrite stage_fine, block_of, gib_of, <- tab_at, <- s1_at. unfold s2_level.
  destruct (tab (P t) v (i / 512)) eqn:T; [rewrite tab_s1 by exact T; reflexivity|]. destruct (s1 _ _ _); reflexivity.
Qed.
Lemma load_eq l : 1 <= l <= 3 -> h_s2_load [v; i * PAGE_BYTES; l] s = Ok (entry s v (i * PAGE_BYTES) l, s).
Proof.
  intros L. unfold h_s2_load. rewrite stage_fine. replace (1 <=? l) with true by (symmetry; apply Z.leb_le; lia).
  replace (l <=? 3) with true by (symmetry; apply Z.leb_le; lia). reflexivity.
Qed.

(* The entry that translates the IPA, or would. *)
Definition entry_now : Z := entry s v (i * PAGE_BYTES) (s2_level (P t) v i).
Lemma entry_now_at : leaf_over (P t) v i = entry_of entry_now /\ (entry_now = 0 \/ leaf_ok entry_now (s2_level (P t) v i) = true) /\
  (s2_level (P t) v i = 1 -> entry_now = 0) /\ (s2_level (P t) v i <> 1 -> way s v (i * PAGE_BYTES) (s2_level (P t) v i) = true).
Proof.
  unfold entry_now, leaf_over, entry, way. rewrite page_of, block_of, gib_of. pose proof s1_at as S. pose proof tab_at as T.
  pose proof tab_s1 as TS. unfold s2_level. destruct (s1 (P t) v (i / 262144)) eqn:E1; [destruct (tab (P t) v (i / 512)) eqn:E2|];
    cbn [Z.eqb Pos.eqb negb andb level_place].
  - rewrite (r_page _ _ _ _ R) by auto. rewrite <- T. pose proof (r_leaf _ _ _ _ R v 3 i). repeat split; auto; try lia.
  - symmetry in T. apply negb_false_iff in T. rewrite T. rewrite (r_block _ _ _ _ R) by auto using ipa_block.
    rewrite <- S. pose proof (r_leaf _ _ _ _ R v 2 (i / 512)). repeat split; auto; try lia.
  - symmetry in S. apply negb_false_iff in S. rewrite S. repeat split; auto.
Qed.
End At.

(* ------------------------------------------------------------------ one entry *)

Lemma keep_leaf c s t v l i e : Q c s t -> is_handle v -> is_ipa i -> l = 2 \/ l = 3 -> e = 0 \/ leaf_ok e l = true ->
  (forall x, l = 2 -> is_vm v -> entry_of e = Some x -> dram (l_page x) = true -> in_dram (l_page x) 512 = true) ->
  e = 0 \/ v_cursor (vm (P t) v) = 0 \/ v = HOST ->
  Q c (Map.set_leaf v l (number l (i * PAGE_BYTES)) e s) (mkst (set_leaf v (level_place l i) (entry_of e) (P t)) (D t)).
Proof.
  intros R V A L E G N. unfold Map.set_leaf, set_leaf, with_maps, number, level_place. rewrite ?page_of, ?block_of.
  destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb].
  all: same_vcpus; entries R; cbn [place_eqb] in *.
  all: try (destruct (v0 =? v); cbn [andb Z.eqb Pos.eqb]; auto; destruct (_ =? _); auto; fail).
  all: lazymatch goal with
  | |- _ = 0 \/ _ => destruct (_ && _) eqn:C; [props; subst; exact E|apply r_leaf]
  | |- in_dram _ _ = true => idtac
  | W : is_vm ?w |- reaped _ _ =>
      first [apply (reaped_leaf (P t) v (Block (i / 512)) (entry_of e)) | apply (reaped_leaf (P t) v (Page i) (entry_of e))];
      [apply r_reaped; exact W|exact W|destruct N as [->|N]; auto]
  end.
  - destruct ((v0 =? v) && (b =? i / 512)) eqn:C; [|eapply r_region; eassumption]. props. subst v0. apply G; auto.
  - rewrite andb_false_r in *. eapply r_region; eassumption.
Qed.

(* ------------------------------------------------------------------ counts of mappings *)

Lemma record_near c s t p q n : Q c s t -> in_dram p n = true -> (1 <= n)%nat -> p <= q < p + Z.of_nat n ->
  dram q = true /\ record_no fixed q = record_no fixed p + (q - p).
Proof.
  intros R X N K. pose proof (fixed_of _ _ _ _ R) as Fx. apply (in_dram_iff fixed I) in X as [X Y]; auto.
  assert (E : region q = region p) by (apply (region_between fixed I (region p) p (p + Z.of_nat n - 1) q); auto; lia).
  split; [unfold dram; rewrite E; apply Z.leb_le; exact X|]. unfold record_no. rewrite E. lia.
Qed.
Lemma inside_record c s t p q n : Q c s t -> in_dram p n = true -> (1 <= n)%nat -> dram q = true ->
  (record_no fixed p <=? record_no fixed q) && (record_no fixed q <? record_no fixed p + Z.of_nat n) = inside q p (Z.of_nat n).
Proof.
  intros R X N Dq. unfold inside. destruct ((p <=? q) && (q <? p + Z.of_nat n)) eqn:E.
  - props. destruct (record_near c s t p q n R X N) as [_ ->]; [lia|]. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia.
  - destruct ((record_no fixed p <=? record_no fixed q) && _) eqn:F; auto. props.
    destruct (record_near c s t p (p + (record_no fixed q - record_no fixed p)) n R X N) as [D1 D2]; [lia|].
    assert (q = p + (record_no fixed q - record_no fixed p)) by (apply (n_apart _ I); auto; lia). lia.
Qed.
Lemma records_ok c s t p n : Q c s t -> in_dram p n = true -> (1 <= n)%nat -> pages_ok s (record_no fixed p) (Z.of_nat n) = true.
Proof.
  intros R X N. pose proof (fixed_of _ _ _ _ R) as Fx. assert (E : nr_pages s = fixed "nr_pages" 0) by (apply Fx; cbn; tauto).
  destruct (record_near c s t p (p + Z.of_nat n - 1) n R X N) as [D1 D2]; [lia|]. pose proof (record_range fixed I _ D1).
  destruct (record_near c s t p p n R X N) as [D3 _]; [lia|]. pose proof (record_range fixed I _ D3). pose proof (n_pages _ I).
  unfold pages_ok. rewrite E. repeat rewrite andb_true_iff. rewrite !Z.leb_le, Z.ltb_lt. lia.
Qed.

Lemma map_count_rest b s i n : word (map_count b s i n) = word s /\ Base.reg (map_count b s i n) = Base.reg s /\
  Base.s1 (map_count b s i n) = Base.s1 s /\ Base.tab (map_count b s i n) = Base.tab s /\
  Base.leaf (map_count b s i n) = Base.leaf s /\ Base.table (map_count b s i n) = Base.table s.
Proof. induction n as [|n IH]; [repeat split|exact IH]. Qed.

Lemma keep_maps c s t p n b : Q c s t -> in_dram p n = true -> (1 <= n)%nat ->
  Q c (map_count b s (record_no fixed p) n) (mkst (maps_add p (Z.of_nat n) b (P t)) (D t)).
Proof.
  intros R G N.
  set (u := mkstate (fun m j => if String.eqb m "page_maps" && ((record_no fixed p <=? j) && (j <? record_no fixed p + Z.of_nat n))
    then (cell s m j + b) mod 2 ^ 32 else cell s m j) (word s) (Base.reg s) (held s) (trace s) (answer s) (Base.s1 s) (Base.tab s)
    (Base.leaf s) (Base.table s)).
  apply (keep_same fixed c _ u).
  - split; [|exact (map_count_rest b s (record_no fixed p) n)]. intros m j _. rewrite map_count_cell. unfold u. cbn [cell].
    rewrite <- andb_assoc. reflexivity.
  - unfold u, maps_add. same_vcpus. related R.
    rewrite (inside_record c s t p p0 n R G N) by auto. destruct (inside p0 p (Z.of_nat n)); [|auto].
    rewrite r_maps by auto. apply Zplus_mod_idemp_l.
Qed.
End Stage.
