(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VM_UNMAP and KCORE_HC_VM_AGE do what the top machine does, section by section. *)
From KCore Require Import code.Common code.Calls code.Transfer code.Range code.RangeMap code.RangeWalk top.InvStep.
From KCore Require Export sim.Answer sim.Drop sim.Boot.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma land_above z k : 0 <= z < 2 ^ 64 -> 0 <= k <= 64 -> Z.land z (2 ^ 64 - 2 ^ k) = z / 2 ^ k * 2 ^ k.
Proof.
  intros Hz K. assert (E : 2 ^ 64 - 2 ^ k = Z.ldiff (Z.ones 64) (Z.ones k)).
  { rewrite <- Z.sub_nocarry_ldiff.
    - rewrite !Z.ones_equiv. lia.
    - apply Z.bits_inj'. intros n Hn. rewrite Z.ldiff_spec, Z.bits_0, !Z.testbit_ones by lia.
      destruct (Z.ltb_spec n k), (Z.ltb_spec n 64); cbn; rewrite ?andb_false_r; auto; try lia. }
  rewrite E, Z.ldiff_land, Z.land_assoc, Z.land_ones, Z.mod_small, <- Z.ldiff_land, Z.ldiff_ones_r, Z.shiftl_mul_pow2,
    Z.shiftr_div_pow2 by lia.
  reflexivity.
Qed.

(* Behind the entry over page i, of m pages. *)
Lemma behind_eq i m : 0 <= i < IPA_PAGES -> m = 1 \/ m = 512 \/ m = 262144 ->
  RangeMap.behind (i * PAGE_BYTES) (m * PAGE_BYTES) = (round_down i m + m) * PAGE_BYTES.
Proof.
  intros A M. unfold RangeMap.behind, down, round_down. unfold IPA_PAGES in A.
  assert (E : exists k, 0 <= k <= 64 /\ m * PAGE_BYTES = 2 ^ k /\ modulus U64 - 1 - wrap U64 (m * PAGE_BYTES - 1) = 2 ^ 64 - 2 ^ k).
  { destruct M as [->|[->| ->]]; [exists 12|exists 21|exists 30]; (split; [lia|]; split; reflexivity). }
  destruct E as (k & K & E & ->). rewrite land_above by (unfold PAGE_BYTES; lia). rewrite <- E, Z.div_mul_cancel_r by lia.
  pose proof (Z.mul_div_le i m). pose proof (Z.div_pos i m). rewrite wrap_small; [lia|]. cbn [modulus]. unfold PAGE_BYTES. lia.
Qed.
Lemma even_eq (was : bool) m : m = 1 \/ m = 512 \/ m = 262144 ->
  even (b2z was + m * PAGE_BYTES) = m * PAGE_BYTES /\ Z.land (b2z was + m * PAGE_BYTES) 1 = b2z was /\
    b2z was + m * PAGE_BYTES < KCORE_ERR_MIN.
Proof. intros M. destruct was, M as [->|[->| ->]]; (split; [reflexivity|]; split; reflexivity). Qed.

Section Unmap.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation leads := (leads fixed).

Lemma leads_res c t x o : leads c t x o -> forall x', (forall y, x = Ok y -> x' = Ok y) -> leads c t x' o.
Proof.
  induction 1 as [t x o (r & s & E & A)|t x o o' S (r & s & E & A)|t x o U _ IH]; intros x' X.
  - apply leads_now. exists r, s. auto.
  - apply (leads_same fixed c t x' o o' S). exists r, s. auto.
  - apply leads_on; auto.
Qed.

(* What the handler makes of the loop's result. *)
Definition post (age : bool) (x : res (Z * state)) : res (Z * state) :=
  if age then x else let* (r, s) := x in Ok ((if KCORE_ERR_MIN <=? r then r else 0), s).

Lemma unmap_loop_sim v fin age c : is_vm v -> fin <= IPA_PAGES -> forall n k at_ dropped s t,
  Z.of_nat n + k = Hyper.RANGE_STEPS -> (1 <= n)%nat -> 0 <= k -> Q c s t -> held s = false -> sinv t -> u_run (cpu (P t) c) = false ->
  0 <= at_ < fin -> dropped = 0 \/ dropped = 1 ->
  leads c t (post age (unmap_loop n v (fin * PAGE_BYTES) dropped (at_ * PAGE_BYTES) s)) (go_unmap c v at_ fin dropped k age (P t)).
Proof.
  intros V Fin n. induction n as [|n IH]; intros k at_ dropped s t Nk N1 K0 R H J U A Dr; [lia|].
  cbn [unmap_loop]. unfold s_range_drop, section. rewrite H. cbn [negb].
  replace (nth_vm v) with true by (symmetry; unfold nth_vm, is_vm, KCORE_NR_VMS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    lia).
  unfold go_unmap. destruct (range_drop v at_ (P t)) as [[[[[r m] was] t'] e] ok] eqn:Rd.
  assert (Ai : is_ipa at_) by (unfold is_ipa; lia).
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  destruct (drop_sim fixed I c (sethold true s) t v at_ R1 (i_tables _ J) eq_refl V Ai _ _ _ _ _ _ Rd) as (-> & Ec & Er & Em & u & E1 &
    E2 & E3).
  rewrite E1. cbn [bind]. rewrite E2. cbn [bind]. apply (keep_hold fixed c false) in E3. set (w := sethold false u) in *.
  assert (Hw : held w = false) by reflexivity. clearbody w.
  destruct (Z.eqb_spec r 0) as [->|Nr]; cbn [negb].
  - destruct (even_eq was m (Em eq_refl)) as (V1 & V2 & V3). replace (KCORE_ERR_MIN <=? b2z was + m * PAGE_BYTES) with false by
    (symmetry; apply Z.leb_gt; exact V3).
    rewrite V1, V2, (behind_eq at_ m) by (auto; lia). set (at' := round_down at_ m + m).
    assert (Pos : 0 <= at').
    { unfold at', round_down. assert (0 < m) by (destruct (Em eq_refl) as [->|[->| ->]]; lia).
      pose proof (Z.div_pos at_ m ltac:(lia) ltac:(lia)). nia. }
    replace (Z.lor dropped (b2z was)) with (if was then 1 else dropped) by (destruct Dr as [->| ->], was; reflexivity).
    set (dropped' := if was then 1 else dropped). assert (Dr' : dropped' = 0 \/ dropped' = 1) by (unfold dropped'; destruct was; auto).
    replace (fin * PAGE_BYTES <=? at' * PAGE_BYTES) with (fin <=? at').
    2: { unfold PAGE_BYTES. destruct (Z.leb_spec fin at'); symmetry; [apply Z.leb_le|apply Z.leb_gt]; lia. }
    assert (R2 : Q c (setreg "host_x" 1 (at' * PAGE_BYTES) w) (mkst t' (do_effects ([] ++ [HostX c 1 (at' * PAGE_BYTES)]) (D t)))).
    { cbn [app do_effects fold_left]. apply (keep_x fixed c 1 (at' * PAGE_BYTES)) in E3; [exact E3|lia]. }
    destruct (Z.leb_spec fin at') as [Lf|Lf].
    + apply leads_now. exists (if age then dropped' else 0), (setreg "host_x" 1 (at' * PAGE_BYTES) w). split.
      * unfold post. destruct age; [reflexivity|]. cbn [bind].
        replace (KCORE_ERR_MIN <=? dropped') with false by (destruct Dr' as [->| ->]; reflexivity). reflexivity.
      * do 3 eexists. split; [reflexivity|]. split; [exact Hw|exact R2].
    + destruct (Z.leb_spec (Hyper.RANGE_STEPS - 1) k) as [Lk|Lk].
      * replace n with 0%nat by lia. cbn [unmap_loop]. apply leads_now.
        exists KCORE_EAGAIN, (setreg "host_x" 1 (at' * PAGE_BYTES) w). split.
        -- unfold post. destruct age; reflexivity.
        -- do 3 eexists. split; [reflexivity|]. split; [exact Hw|exact R2].
      * apply leads_on.
        -- unfold proceed. cbn [o_pub]. peel. unfold upd. rewrite Z.eqb_refl. peel. rewrite Ec. exact U.
        -- unfold proceed. cbn [o_pub o_eff]. intros x -> Jx _.
           match goal with |- leads c ?y _ _ => assert (G : hgo c (P y) = go_unmap c v at' fin dropped' (k + 1) age (P y)) end.
           { unfold hgo. cbn [P]. replace (u_call (cpu (set_call c (CUnmap v at' fin dropped' (k + 1) age) t') c))
               with (CUnmap v at' fin dropped' (k + 1) age); [reflexivity|]. peel. unfold upd. rewrite Z.eqb_refl. reflexivity. }
           rewrite G. apply IH; auto; try lia.
           ++ apply keep_call. exact R2.
           ++ cbn [P]. peel. unfold upd. rewrite Z.eqb_refl. peel. rewrite Ec. exact U.
  - destruct Er as [Er|Er]; [contradiction|]. rewrite (proj2 (Z.leb_le _ _) Er). apply leads_now. exists r, w. split.
    + unfold post. destruct age; [reflexivity|]. cbn [bind]. rewrite (proj2 (Z.leb_le _ _) Er). reflexivity.
    + do 3 eexists. split; [reflexivity|]. split; [exact Hw|]. exact E3.
Qed.

Lemma bad_eq v a bytes : 0 <= v -> 0 <= a -> 0 <= bytes -> bad v a bytes = range_bad v a bytes.
Proof.
  intros V A B. unfold bad, range_bad, outside, bad_vm, bad_page, HOST. rewrite paged_both, negb_andb.
  replace (v <? 1) with (v =? 0) by (destruct (Z.eqb_spec v 0), (Z.ltb_spec v 1); auto; lia).
  replace (a <? 0) with false by (symmetry; apply Z.ltb_ge; lia).
  replace (bytes <=? 0) with (bytes =? 0) by (destruct (Z.eqb_spec bytes 0), (Z.leb_spec bytes 0); auto; lia).
  destruct (v =? 0), (KCORE_NR_VMS <=? v), (a mod PAGE_BYTES =? 0), (bytes mod PAGE_BYTES =? 0), (IPA_END <=? a); reflexivity.
Qed.

Lemma unmap_sim c s t v a bytes age : Q c s t -> held s = false -> sinv t -> u_run (cpu (P t) c) = false ->
  0 <= v < 2 ^ 64 -> 0 <= a < 2 ^ 64 -> 0 <= bytes < 2 ^ 64 ->
  leads c t (post age (s_range_unmap [v; a; bytes] s)) (hcall c (RUnmap v a bytes age) (P t)).
Proof.
  intros R H J U V A B. unfold s_range_unmap. cbn [hcall].
  replace (word64 a) with true by (symmetry; unfold word64; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite (bad_eq v a bytes) by lia. destruct (range_bad v a bytes) eqn:Bad.
  - apply leads_now. exists KCORE_EINVAL, s. split; [destruct age; reflexivity|]. apply unchanged; auto.
  - unfold range_bad, bad_vm, bad_page in Bad. props. unfold IPA_END in *.
    assert (Ma : a = a / PAGE_BYTES * PAGE_BYTES) by (rewrite Z.mul_comm; apply Z.div_exact; [discriminate|assumption]).
    assert (Mb : bytes = bytes / PAGE_BYTES * PAGE_BYTES) by (rewrite Z.mul_comm; apply Z.div_exact; [discriminate|assumption]).
    assert (Mf : wrap U64 (a + bytes) = (a + bytes) / PAGE_BYTES * PAGE_BYTES).
    { rewrite wrap_small by (cbn [modulus]; lia). rewrite Z.mul_comm. apply Z.div_exact; [discriminate|].
      rewrite Ma, Mb, <- Z.mul_add_distr_r. apply Z_mod_mult. }
    apply leads_on.
    + unfold proceed. cbn [o_pub]. peel. unfold upd. rewrite Z.eqb_refl. peel. exact U.
    + unfold proceed. cbn [o_pub o_eff do_effects fold_left]. intros x -> Jx _.
      match goal with |- leads c ?y _ _ => assert (G : hgo c (P y) =
        go_unmap c v (a / PAGE_BYTES) ((a + bytes) / PAGE_BYTES) 0 0 age (P y)) end.
      { unfold hgo. cbn [P]. match goal with |- match u_call (cpu (set_call c ?k ?p) c) with _ => _ end = _ =>
          replace (u_call (cpu (set_call c k p) c)) with k; [reflexivity|] end. peel. unfold upd. rewrite Z.eqb_refl. reflexivity. }
      rewrite G, Mf. match goal with |- leads _ _ (post _ (unmap_loop ?n ?w ?f ?d _ ?z)) _ =>
        replace (unmap_loop n w f d a z) with (unmap_loop n w f d (a / PAGE_BYTES * PAGE_BYTES) z) by (rewrite <- Ma; reflexivity) end.
      apply unmap_loop_sim; auto.
      * unfold is_vm. lia.
      * clear - H1. apply Z.div_le_upper_bound; unfold IPA_PAGES, PAGE_BYTES; lia.
      * rewrite count_eq. reflexivity.
      * rewrite count_eq. unfold RangeWalk.RANGE_STEPS. lia.
      * lia.
      * apply keep_call. rewrite st_eta. exact R.
      * cbn [P]. peel. unfold upd. rewrite Z.eqb_refl. peel. exact U.
      * rewrite Ma at 1 2. split; [rewrite Z.div_mul by discriminate; apply Z.div_pos; unfold PAGE_BYTES; lia|].
        unfold PAGE_BYTES in *. apply Z.div_lt_upper_bound; [lia|]. rewrite Ma. rewrite Z.div_mul by lia.
        assert (0 < bytes / 4096) by lia.
        replace (a / 4096 * 4096 + bytes) with ((a / 4096 + bytes / 4096) * 4096) by lia. rewrite Z.div_mul by lia. lia.
Qed.
End Unmap.
