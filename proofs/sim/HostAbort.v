(* SPDX-License-Identifier: GPL-2.0-only *)
(* Stage-2 faults of the host: its page or block is mapped where it is, or the access is refused. *)
From KCore Require Import code.Common code.Calls code.Log code.Stats code.Cpu code.Region code.Host code.Run code.Trap code.TrapHost.
From KCore Require Import gen.C_host gen.C_trap pt.Bits top.InvStep.
From KCore Require Export sim.HostNote sim.HostTrap sim.Leaf sim.Protect.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma does_host_block_whole : does "host_block_whole" s_host_block_whole.
Proof.
  pose proof does_range_in_dram. pose proof does_page_index. pose proof does_range_has_dram. pose proof does_range_denied.
  pose proof does_pages_host_owned. does_by host_block_whole_ok.
Qed.
Lemma does_host_page_allowed : does "host_page_allowed" s_host_page_allowed.
Proof.
  pose proof does_range_in_dram. pose proof does_page_index. pose proof does_range_has_dram. pose proof does_range_denied.
  pose proof does_pages_host_owned. does_by host_page_allowed_ok.
Qed.
Lemma does_host_map : does "host_map" s_host_map.
Proof.
  pose proof does_range_in_dram. pose proof does_page_index. pose proof does_range_has_dram. pose proof does_range_denied.
  pose proof does_pages_host_owned. pose proof does_host_block_whole. pose proof does_host_page_allowed. does_by host_map_ok.
Qed.
Lemma does_host_fault_map : does "host_fault_map" s_host_fault_map. Proof. pose proof does_host_map. does_by host_fault_map_ok. Qed.
Lemma does_host_abort : does "host_abort" s_host_abort.
Proof.
  pose proof does_stat_add. pose proof does_log_event. pose proof does_host_fault_map. pose proof does_host_exception.
    does_by host_abort_ok.
Qed.
Lemma host_other_abort p c s r s' : is_cpu c -> 0 <= Base.reg s "esr" 0 ->
  (let e := Z.shiftr (Base.reg s "esr" 0) 26 in e = 32 \/ e = 36) -> p [c; Base.reg s "esr" 0] s = Ok (r, s') ->
  Lang.run (add L1 "host_abort" p) f_host_other [c; Base.reg s "esr" 0] s = Ok (0, s').
Proof.
  cbv zeta. unfold is_cpu, KCORE_MAX_CPUS. intros C Pe S E.
  assert (Go : forall y, y = Ok (0, s') -> y = Ok (0, s')) by auto. apply Go. clear Go. code f_host_other.
  assert (0 <= c < 64) by lia. set (e := Base.reg s "esr" 0) in *.
  repeat first [progress (rewrite ?E; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result] in *; try reflexivity.
Qed.
Lemma does_host_other_abort : does "host_other" (Lang.run (add L1 "host_abort" (link L1 above "host_abort")) f_host_other).
Proof.
  assert (does "host_abort" (link L1 above "host_abort")) by apply sim_refl.
  apply (does_meets _ f_host_other (add L1 "host_abort" (link L1 above "host_abort"))); [reflexivity|callees|intros args s; right;
    reflexivity].
Qed.

(* ------------------------------------------------------------------ any address in a page *)

Section Address.
Variables (ipa i : Z).
Hypotheses (A : is_ipa i) (E : ipa / PAGE_BYTES = i).

Lemma page_un : Map.page ipa = Map.page (i * PAGE_BYTES).
Proof. rewrite page_of. exact E. Qed.
Lemma block_un : Map.block ipa = Map.block (i * PAGE_BYTES).
Proof. rewrite block_of, <- E. unfold Map.block. rewrite Z.div_div by (unfold PAGE_BYTES; lia). reflexivity. Qed.
Lemma gib_un : Map.gib ipa = Map.gib (i * PAGE_BYTES).
Proof. rewrite gib_of, <- E. unfold Map.gib. rewrite Z.div_div by (unfold PAGE_BYTES; lia). reflexivity. Qed.
Lemma ipa_within : i * PAGE_BYTES <= ipa < i * PAGE_BYTES + PAGE_BYTES.
Proof. pose proof (Z.div_mod ipa PAGE_BYTES ltac:(discriminate)). pose proof (Z.mod_pos_bound ipa PAGE_BYTES ltac:(reflexivity)). lia.
  Qed.
Lemma stage_un u v : stage2_ok u v ipa = stage2_ok u v (i * PAGE_BYTES).
Proof.
  unfold stage2_ok. pose proof ipa_within. unfold is_ipa, IPA_PAGES in A. unfold PAGE_BYTES in *.
  rewrite !(proj2 (Z.leb_le _ _)), !(proj2 (Z.ltb_lt _ _)) by lia. reflexivity.
Qed.
Lemma entry_un u v l : entry u v ipa l = entry u v (i * PAGE_BYTES) l.
Proof. unfold entry. rewrite page_un, block_un, gib_un. reflexivity. Qed.
Lemma way_un u v l : way u v ipa l = way u v (i * PAGE_BYTES) l.
Proof. unfold way. rewrite block_un, gib_un. reflexivity. Qed.
Lemma level_un u v : h_s2_level [v; ipa] u = h_s2_level [v; i * PAGE_BYTES] u.
Proof. unfold h_s2_level. rewrite stage_un, block_un, gib_un. reflexivity. Qed.
Lemma load_un u v l : h_s2_load [v; ipa; l] u = h_s2_load [v; i * PAGE_BYTES; l] u.
Proof. unfold h_s2_load. rewrite stage_un, entry_un. reflexivity. Qed.
Lemma link_un v l a u : link_table v ipa l a u = link_table v (i * PAGE_BYTES) l a u.
Proof. unfold link_table. rewrite block_un, gib_un. reflexivity. Qed.
Lemma prepare_level_un v l u : prepare_level v ipa l u = prepare_level v (i * PAGE_BYTES) l u.
Proof.
  unfold prepare_level. rewrite entry_un. destruct (is_table _); [reflexivity|]. destruct (negb _); [reflexivity|].
  destruct (h_pool_alloc [v] u) as [[a w]| |]; [|reflexivity..]. rewrite link_un. reflexivity.
Qed.
Lemma prepare_un v l u : h_s2_prepare [v; ipa; l] u = h_s2_prepare [v; i * PAGE_BYTES; l] u.
Proof.
  unfold h_s2_prepare. rewrite stage_un, prepare_level_un. destruct (_ && _); [|reflexivity].
  destruct (prepare_level v (i * PAGE_BYTES) 1 u) as [[r w]| |]; [|reflexivity..]. rewrite prepare_level_un. reflexivity.
Qed.
Lemma set_un v l e u : h_s2_set [v; ipa; l; e] u = h_s2_set [v; i * PAGE_BYTES; l; e] u.
Proof. unfold h_s2_set, number. rewrite stage_un, entry_un, way_un, page_un, block_un, gib_un. reflexivity. Qed.

Lemma ipa_sized : 0 <= ipa < 2 ^ 64.
Proof. pose proof ipa_within. unfold is_ipa, IPA_PAGES, PAGE_BYTES in *. lia. Qed.
Lemma down_page : down ipa PAGE_BYTES = i * PAGE_BYTES.
Proof.
  unfold down. replace (modulus U64 - 1 - wrap U64 (PAGE_BYTES - 1)) with (2 ^ 64 - 2 ^ 12) by reflexivity.
  rewrite land_above by (try apply ipa_sized; lia). rewrite <- E. reflexivity.
Qed.
Lemma down_block : down ipa BLOCK_BYTES = i / 512 * 512 * PAGE_BYTES.
Proof.
  unfold down. replace (modulus U64 - 1 - wrap U64 (BLOCK_BYTES - 1)) with (2 ^ 64 - 2 ^ 21) by reflexivity.
  rewrite land_above by (try apply ipa_sized; lia). rewrite <- E, Z.div_div by (unfold PAGE_BYTES; lia). unfold PAGE_BYTES.
  change (2 ^ 21) with (4096 * 512). lia.
Qed.
End Address.

Section HostAbort.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma host_is_handle : is_handle HOST.
Proof. unfold is_handle, HOST, KCORE_NR_VMS. lia. Qed.

Lemma denied_at c s t p n : Q c s t -> n = 1%nat \/ n = 512%nat -> 0 <= p < 268435456 ->
  s_range_denied [p * PAGE_BYTES; Z.of_nat n * PAGE_BYTES] s = Ok (b2z (negb (forallb (fun q => negb (denied q)) (range p n))), s).
Proof.
  intros R N B. pose proof (fixed_of fixed c s t R) as Fx. pose proof (n_denied _ I) as D. unfold s_range_denied, s_range_touches.
  rewrite !(fixed_at fixed s Fx) by reflexivity. rewrite (denied_eq fixed I c s t p n R N).
  replace ((0 <=? fixed "nr_denied" 0) && (fixed "nr_denied" 0 <=? KCORE_MAX_DENIED) && (0 <=? p * PAGE_BYTES) &&
    (0 <=? Z.of_nat n * PAGE_BYTES) && (p * PAGE_BYTES + Z.of_nat n * PAGE_BYTES <? 2 ^ 64)) with true; [reflexivity|].
  symmetry. unfold PAGE_BYTES. repeat (apply andb_true_iff; split); try apply Z.leb_le; try apply Z.ltb_lt; destruct N as [-> | ->]; lia.
Qed.
Lemma dram_at c s t p n : Q c s t -> n = 1%nat \/ n = 512%nat -> 0 <= p < 268435456 ->
  s_range_has_dram [p * PAGE_BYTES; Z.of_nat n * PAGE_BYTES] s = Ok (b2z (negb (forallb (fun q => negb (dram q)) (range p n))), s).
Proof.
  intros R N B. pose proof (fixed_of fixed c s t R) as Fx. pose proof (n_dram _ I) as D. unfold s_range_has_dram, s_range_touches.
  rewrite !(fixed_at fixed s Fx) by reflexivity. rewrite (dram_eq fixed I c s t p n R N).
  replace ((0 <=? fixed "nr_dram" 0) && (fixed "nr_dram" 0 <=? KCORE_MAX_REGIONS) && (0 <=? p * PAGE_BYTES) &&
    (0 <=? Z.of_nat n * PAGE_BYTES) && (p * PAGE_BYTES + Z.of_nat n * PAGE_BYTES <? 2 ^ 64)) with true; [reflexivity|].
  symmetry. unfold PAGE_BYTES. repeat (apply andb_true_iff; split); try apply Z.leb_le; try apply Z.ltb_lt; destruct N as [-> | ->]; lia.
Qed.

Section At.
Variables (c ipa i : Z).
Hypotheses (A : is_ipa i) (E : ipa / PAGE_BYTES = i).

Lemma page_below : 0 <= i < 268435456.
Proof. exact A. Qed.
Lemma page_word : word64 (i * PAGE_BYTES) = true.
Proof. pose proof page_below. unfold word64, PAGE_BYTES. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia. Qed.

Lemma allowed_eq s t : Q c s t -> s_host_page_allowed [ipa] s = Ok (b2z (host_ok (P t) i), s).
Proof.
  intros R. pose proof (fixed_of fixed c s t R) as Fx. unfold s_host_page_allowed, page_allowed. rewrite (down_page ipa i A E), page_word.
  rewrite (regions_fine fixed I s Fx), (record_page fixed I s Fx) by apply Z_mod_mult. rewrite Z.div_mul by discriminate. cbn [andb].
  unfold host_ok. destruct (dram i) eqn:D.
  - rewrite (proj2 (Z.eqb_neq _ _) (record_real fixed I i D)). cbn [negb].
    assert (D1 : in_dram i 1 = true) by (rewrite in_dram_1; exact D).
    unfold s_pages_host_owned. pose proof (records_ok fixed I c s t i 1 R D1 ltac:(lia)) as X. change (Z.of_nat 1) with 1 in X. rewrite X.
    change (Z.to_nat 1) with 1%nat.
    rewrite (owned_eq fixed I c s t i 1 R) by auto. unfold all_host_owned, range. cbn. rewrite Z.add_0_r, andb_true_r. reflexivity.
  - rewrite Z.eqb_refl. cbn [negb]. pose proof (denied_at c s t i 1 R (or_introl eq_refl) page_below) as X.
    change (Z.of_nat 1 * PAGE_BYTES) with PAGE_BYTES in X. rewrite X. cbn [bind]. rewrite b2z_zero, negb_involutive.
    unfold range. cbn. rewrite Z.add_0_r, andb_true_r. destruct (denied i); reflexivity.
Qed.
Lemma whole_eq s t : Q c s t -> s_host_block_whole [ipa] s = Ok (b2z (Hyper.block_whole i (P t)), s).
Proof.
  intros R. pose proof (fixed_of fixed c s t R) as Fx. unfold s_host_block_whole, Host.block_whole, Hyper.block_whole.
  rewrite (down_block ipa i A E). set (b := i / 512 * 512).
  assert (Bb : 0 <= b < 268435456) by (unfold b; pose proof page_below; pose proof (Z.mul_div_le i 512); pose proof (Z.div_pos i 512);
    lia).
  replace (word64 (b * PAGE_BYTES)) with true by (symmetry; unfold word64, PAGE_BYTES; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    lia).
  rewrite (regions_fine fixed I s Fx), (record_first fixed I s Fx) by lia. change (Z.to_nat 512) with 512%nat. cbn [andb].
  destruct (in_dram b 512) eqn:D.
  - assert (Db : dram b = true) by (unfold in_dram in D; apply andb_true_iff in D; apply D).
    rewrite (proj2 (Z.eqb_neq _ _) (record_real fixed I b Db)). cbn [negb].
    unfold s_pages_host_owned. pose proof (records_ok fixed I c s t b 512 R D ltac:(lia)) as X. change (Z.of_nat 512) with 512 in X.
      rewrite X.
    change (Z.to_nat 512) with 512%nat.
    rewrite (owned_eq fixed I c s t b 512 R) by auto. reflexivity.
  - rewrite Z.eqb_refl. cbn [negb]. pose proof (dram_at c s t b 512 R (or_intror eq_refl) Bb) as X.
    pose proof (denied_at c s t b 512 R (or_intror eq_refl) Bb) as Y.
    change (Z.of_nat 512 * PAGE_BYTES) with BLOCK_BYTES in X, Y. rewrite X. cbn [bind]. rewrite Y. cbn [bind].
    rewrite !b2z_zero, !negb_involutive. destruct (forallb _ _), (forallb _ _); reflexivity.
Qed.

(* No leaf is over the page, so none is in either place. *)
Lemma nothing_over t : tables t -> leaf_over t HOST i = None -> lf t HOST (Block (i / 512)) = None /\ lf t HOST (Page i) = None.
Proof.
  intros J. unfold leaf_over, s2_level. intros L. split.
  - destruct (lf t HOST (Block (i / 512))) as [l|] eqn:X; [|reflexivity]. exfalso. destruct (t_block _ J _ _ _ X) as [X1 X2].
    rewrite block_in_gib in X1. rewrite X1, X2 in L. cbn [Z.eqb Pos.eqb level_place] in L. congruence.
  - destruct (lf t HOST (Page i)) as [l|] eqn:X; [|reflexivity]. exfalso. destruct (t_page _ J _ _ _ X) as [X1 X2].
    rewrite X1, X2 in L. cbn [Z.eqb Pos.eqb level_place] in L. congruence.
Qed.

Definition maps_as (d : data) (x : res (Z * state)) (o : prepared) : Prop :=
  exists r u, x = Ok (r, u) /\ held u = true /\
    match o with Fail q p => r = q /\ q <> 0 /\ Q c u (mkst p d) | Go p => r = 0 /\ Q c u (mkst p d) end.

Lemma host_prot_eq s t : Q c s t ->
  (if negb (page_record s (down ipa PAGE_BYTES) =? NO_PAGE) then HOST_DRAM else HOST_DEVICE) = host_prot i.
Proof.
  intros R. pose proof (fixed_of fixed c s t R) as Fx. rewrite (down_page ipa i A E), (record_page fixed I s Fx) by apply Z_mod_mult.
  rewrite Z.div_mul by discriminate. unfold host_prot. destruct (dram i) eqn:D; [|rewrite Z.eqb_refl; reflexivity].
  rewrite (proj2 (Z.eqb_neq _ _) (record_real fixed I i D)). reflexivity.
Qed.

Lemma host_map_sim s t : Q c s t -> inv (P t) -> held s = true -> few 0 (P t) -> leaf_over (P t) HOST i = None ->
  maps_as (D t) (s_host_map [ipa] s) (Hyper.host_map i (P t)).
Proof.
  intros R J H F L. pose proof host_is_handle as V. destruct (nothing_over (P t) (i_tables _ J) L) as [Lb Lp].
  unfold s_host_map, Host.host_map, Hyper.host_map. rewrite (allowed_eq s t R). cbn [bind]. rewrite b2z_zero.
  destruct (host_ok (P t) i) eqn:Ok_; cbn [negb].
  2: { exists KCORE_EPERM, s. split; [reflexivity|]. split; [exact H|]. split; [reflexivity|]. split; [discriminate|]. rewrite st_eta.
    exact R. }
  rewrite (prepare_un ipa i A E). pose proof (s2_prepare_quiet HOST i 2 (P t) (i_tables _ J)) as Pq.
  destruct (prepare_sim fixed I c HOST i V A s t 2 0 R H F ltac:(lia) ltac:(left; reflexivity) ltac:(auto)) as (r & u & -> & Hu & M).
    cbn [bind].
  destruct (s2_prepare HOST i 2 (P t)) as [q p|p].
  { destruct M as (-> & Nq & _ & Ru). rewrite (proj2 (Z.eqb_neq q 0) Nq). cbn [negb]. exists q, u. auto. }
  destruct M as (-> & Fu & Ru). destruct Pq as ((Sh & Lq) & S1 & _). cbn [Z.eqb negb].
  rewrite (level_un ipa i A E), (level_eq fixed I c u (mkst p (D t)) HOST i Ru (h_tables _ _ Sh) V A). cbn [bind P].
  assert (Lv : exists level, host_level ipa (s2_level p HOST i) u = Ok (level, u) /\
    level = (if s2_level p HOST i =? 2 then if Hyper.block_whole i p then 2 else 3 else 3) /\
    (level = 2 -> tab p HOST (i / 512) = false) /\ (level = 2 \/ level = 3)).
  { unfold host_level. rewrite (whole_eq u (mkst p (D t)) Ru). cbn [P bind]. rewrite b2z_zero, negb_involutive. unfold s2_level.
    rewrite S1.
    destruct (tab p HOST (i / 512)) eqn:T; cbn [Z.eqb Pos.eqb].
    - exists 3. split; [reflexivity|]. split; [reflexivity|]. split; [discriminate|auto].
    - exists (if Hyper.block_whole i p then 2 else 3). destruct (Hyper.block_whole i p); (split; [reflexivity|]); (split; [reflexivity|]);
        (split; [auto|auto]). }
  destruct Lv as (level & -> & El & Tl & Lc). cbn [bind]. rewrite <- El. rewrite (prepare_un ipa i A E).
  pose proof (s2_prepare_quiet HOST i level p (h_tables _ _ Sh)) as Pq2.
  destruct (prepare_sim fixed I c HOST i V A u (mkst p (D t)) level 2 Ru Hu Fu ltac:(lia) ltac:(left; reflexivity) ltac:(auto))
    as (r2 & w & -> & Hw & M2). cbn [bind P D] in *.
  destruct (s2_prepare HOST i level p) as [q p2|p2] eqn:Pr.
  { destruct M2 as (-> & Nq & _ & Rw). rewrite (proj2 (Z.eqb_neq q 0) Nq). cbn [negb]. exists q, w. auto. }
  destruct M2 as (-> & _ & Rw). destruct Pq2 as ((Sh2 & Lq2) & S12 & T3). cbn [Z.eqb negb].
  pose proof (fixed_of fixed c w (mkst p2 (D t)) Rw) as Fx. rewrite (regions_fine fixed I w Fx). rewrite (down_page ipa i A E) at 1.
  rewrite page_word. cbn [andb]. rewrite (host_prot_eq w (mkst p2 (D t)) Rw).
  assert (T2 : level = 2 -> s1 p2 HOST (i / 262144) = true /\ tab p2 HOST (i / 512) = false).
  { intros X. split; [exact S12|]. specialize (Tl X). revert Pr. unfold s2_prepare. rewrite S1, X. cbn [Z.eqb Pos.eqb]. intros [= <-].
    exact Tl. }
  destruct (entry_eq fixed c HOST i level V A Lc w (mkst p2 (D t)) Rw T3 T2) as (E1 & E2 & _). cbn [P] in E2.
  assert (Ez : entry w HOST (i * PAGE_BYTES) level = 0).
  { rewrite Lq2, Lq in E2. assert (X : lf (P t) HOST (level_place level i) = None).
    { unfold level_place. destruct (level =? 3); assumption. }
    rewrite X in E2. unfold entry_of in E2. destruct (Z.eqb_spec (entry w HOST (i * PAGE_BYTES) level) 0); [assumption|discriminate]. }
  set (first := if level =? 2 then i / 512 * 512 else i).
  assert (Df : down ipa (Walk.covers level) = first * PAGE_BYTES).
  { unfold first. destruct Lc as [-> | ->]; [apply (down_block ipa i A E)|apply (down_page ipa i A E)]. }
  assert (Bf : 0 <= first < 268435456 /\ (level = 2 -> first mod 512 = 0)).
  { pose proof page_below. unfold first. destruct Lc as [-> | ->]; cbn [Z.eqb Pos.eqb]; (split; [|intros; try discriminate;
    try apply Z_mod_mult]).
    - pose proof (Z.mul_div_le i 512). pose proof (Z.div_pos i 512). lia.
    - lia. }
  destruct Bf as [Bf Mf]. assert (Pp : 0 <= host_prot i < 16) by (unfold host_prot; destruct (dram i); lia).
  destruct (leaf_word_ok first (host_prot i) level Bf Pp Lc Mf) as [Lo _].
  rewrite Df, (set_un ipa i A E). unfold h_s2_set. rewrite (stage_fine fixed I c w (mkst p2 (D t)) HOST i Rw V A), Hw, E1, Ez, Lo.
  cbn [andb Z.eqb bind]. eexists 0, _. split; [reflexivity|]. split; [exact Hw|].
  pose proof (keep_leaf fixed c w (mkst p2 (D t)) HOST level i (leaf_word (first * PAGE_BYTES) (host_prot i) level) Rw V A Lc (or_intror
    Lo)) as K.
  rewrite (entry_of_word first (host_prot i) level Bf Pp Lc Mf) in K. cbn [P D] in K.
  assert (K' : Q c (Map.set_leaf HOST level (number level (i * PAGE_BYTES)) (leaf_word (first * PAGE_BYTES) (host_prot i) level) w)
    (mkst (set_leaf HOST (level_place level i) (Some (mkleaf first (host_prot i))) p2) (D t))).
  { apply K; [|right; right; reflexivity]. intros x _ W. unfold is_vm, HOST in W. lia. }
  unfold first in *. destruct Lc as [-> | ->]; cbn [Z.eqb Pos.eqb level_place] in *; (split; [reflexivity|]); apply keep_record; exact K'.
Qed.

Lemma fault_sim s t : Q c s t -> inv (P t) -> held s = false -> few 0 (P t) -> exists u, s_host_fault_map [ipa] s =
  Ok (b2z (fst (Hyper.host_fault i true (P t))), u) /\ held u = false /\ Q c u (mkst (snd (Hyper.host_fault i true (P t))) (D t)).
Proof.
  intros R J H F. pose proof host_is_handle as V. pose proof page_below as B. unfold s_host_fault_map, Hyper.host_fault.
  cbn [negb orb]. rewrite (proj2 (Z.ltb_ge i 0)), (proj2 (Z.leb_gt 268435456 i)) by lia. cbn [orb].
  replace (IPA_END <=? ipa) with false.
  2: { symmetry. apply Z.leb_gt. pose proof (ipa_within ipa i E). unfold IPA_END, PAGE_BYTES in *. lia. }
  unfold section. rewrite H. cbn [negb]. assert (R1 : Q c (sethold true s) t) by (apply keep_hold; exact R).
  unfold Host.host_fault. rewrite (level_un ipa i A E), (level_eq fixed I c _ t HOST i R1 (i_tables _ J) V A). cbn [bind].
  rewrite (load_un ipa i A E), (load_eq fixed I c _ t HOST i R1 V A) by apply level_range. cbn [bind].
  destruct (entry_now_at fixed c _ t HOST i R1 (i_tables _ J) V A) as (X1 & X2 & _). unfold entry_now in *.
  unfold Calls.valid. rewrite (invalid_zero _ _ X2), X1. unfold entry_of.
  destruct (Z.eqb_spec (entry (sethold true s) HOST (i * PAGE_BYTES) (s2_level (P t) HOST i)) 0) as [Z0|Z0]; cbn [negb].
  - assert (L : leaf_over (P t) HOST i = None) by (rewrite X1, Z0; reflexivity).
    destruct (host_map_sim (sethold true s) t R1 J eq_refl F L) as (r & u & -> & Hu & M). cbn [bind]. rewrite Hu.
    destruct (Hyper.host_map i (P t)) as [q p|p]; cbn [fst snd].
    + destruct M as (-> & Nq & Ru). cbn [bind]. rewrite (proj2 (Z.eqb_neq q 0) Nq). eexists. split; [reflexivity|].
      split; [reflexivity|apply keep_hold; exact Ru].
    + destruct M as (-> & Ru). cbn [bind Z.eqb]. eexists. split; [reflexivity|]. split; [reflexivity|apply keep_hold; exact Ru].
  - cbn [bind held sethold Z.eqb fst snd b2z]. eexists. split; [reflexivity|]. split; [reflexivity|]. rewrite st_eta. apply keep_hold.
      exact R1.
Qed.
End At.

(* Where the fault counts does not matter to what is mapped. *)
Lemma prepare_stat v i l d k t : s2_prepare v i l (add_stat d k t) =
  match s2_prepare v i l t with Fail q p => Fail q (add_stat d k p) | Go p => Go (add_stat d k p) end.
Proof.
  assert (Al : forall t, pool_alloc v (add_stat d k t) = match pool_alloc v t with Some p => Some (add_stat d k p) | None => None end).
  { intros u. unfold pool_alloc. cbn [cnt add_stat]. destruct (_ || _); [reflexivity|]. destruct (_ && _); reflexivity. }
  assert (P3 : forall t, s2_prepare3 v i (add_stat d k t) =
    match s2_prepare3 v i t with Fail q p => Fail q (add_stat d k p) | Go p => Go (add_stat d k p) end).
  { intros u. unfold s2_prepare3. cbn [tab lf add_stat]. destruct (tab u v (i / 512)); [reflexivity|]. destruct (lf u v _);
    [reflexivity|].
    rewrite Al. destruct (pool_alloc v u); reflexivity. }
  unfold s2_prepare. cbn [s1 add_stat]. destruct (s1 t v (i / 262144)).
  - destruct (l =? 3); [apply P3|reflexivity].
  - rewrite Al. destruct (pool_alloc v t) as [p|]; [|reflexivity]. cbn [s1 add_stat].
    change (set_s1 (upd2 (s1 p) v (i / 262144) true) (add_stat d k p)) with (add_stat d k (set_s1 (upd2 (s1 p) v (i / 262144) true) p)).
    destruct (l =? 3); [apply P3|reflexivity].
Qed.
Lemma fault_stat i tr d k t : Hyper.host_fault i tr (add_stat d k t) =
  (fst (Hyper.host_fault i tr t), add_stat d k (snd (Hyper.host_fault i tr t))).
Proof.
  unfold Hyper.host_fault. destruct (_ || _ || _); [reflexivity|]. change (leaf_over (add_stat d k t) HOST i) with (leaf_over t HOST i).
  destruct (leaf_over t HOST i); [reflexivity|]. unfold Hyper.host_map. change (host_ok (add_stat d k t) i) with (host_ok t i).
  destruct (negb _); [reflexivity|]. rewrite prepare_stat. destruct (s2_prepare HOST i 2 t) as [q p|p]; [reflexivity|].
  change (s2_level (add_stat d k p) HOST i) with (s2_level p HOST i). change (Hyper.block_whole i (add_stat d k p)) with
    (Hyper.block_whole i p).
  set (level := if s2_level p HOST i =? 2 then _ else _). rewrite prepare_stat. destruct (s2_prepare HOST i level p) as [q u|u];
    [reflexivity|].
  destruct (level =? 2); reflexivity.
Qed.

(* Nobody runs or stops by it. *)
Lemma fault_cpu i tr t : cpu (snd (Hyper.host_fault i tr t)) = cpu t.
Proof.
  assert (Al : forall v s u, pool_alloc v s = Some u -> cpu u = cpu s).
  { intros v s u. unfold pool_alloc. destruct (_ || _); [discriminate|]. intros X. injection X as <-. destruct (_ && _); reflexivity. }
  assert (P3 : forall s, cpu (match s2_prepare3 HOST i s with Fail _ u => u | Go u => u end) = cpu s).
  { intros s. unfold s2_prepare3. destruct (tab s HOST _); [reflexivity|]. destruct (lf s HOST _); [reflexivity|].
    destruct (pool_alloc HOST s) eqn:X; [apply (Al _ _ _ X)|reflexivity]. }
  assert (Pr : forall l s, cpu (match s2_prepare HOST i l s with Fail _ u => u | Go u => u end) = cpu s).
  { intros l s. unfold s2_prepare. destruct (s1 s HOST _).
    - destruct (l =? 3); [apply P3|reflexivity].
    - destruct (pool_alloc HOST s) eqn:X; [|reflexivity]. destruct (l =? 3); [rewrite P3|]; apply (Al _ _ _ X). }
  unfold Hyper.host_fault. destruct (_ || _ || _); [reflexivity|]. destruct (leaf_over t HOST i); [reflexivity|]. unfold Hyper.host_map.
  destruct (negb _); [reflexivity|]. pose proof (Pr 2 t) as Q1. destruct (s2_prepare HOST i 2 t) as [q p|p]; [exact Q1|]. cbv zeta.
  set (level := if s2_level p HOST i =? 2 then _ else _). pose proof (Pr level p) as Q2. destruct (s2_prepare HOST i level p) as [q u|u];
    [|destruct (level =? 2)]; cbn [snd]; congruence || (cbn; congruence).
Qed.
Lemma abort_idle c ipa esr t : idle (P (host_abort c ipa esr t)) c = idle (P t) c.
Proof.
  unfold host_abort, idle. pose proof (fault_cpu (ipa / PAGE_BYTES) (Z.land esr 0x3c =? 4) (P t)) as X.
  destruct (Hyper.host_fault _ _ _) as [[|] u]; [|destruct (cache_maintenance esr)]; cbn [snd P add_stat add_log cpu] in *; rewrite X;
    reflexivity.
Qed.

(* ------------------------------------------------------------------ from the trap to the return *)

Definition abort_class (s : state) : Prop := 0 <= Base.reg s "esr" 0 /\ let e := Z.shiftr (Base.reg s "esr" 0) 26 in e = 32 \/ e = 36.
Definition abort_ipa (s : state) : Z :=
  Z.lor (Z.shiftl (Z.land (Base.reg s "hpfar" 0) 0xfffffffff0) 8) (Z.land (Base.reg s "far" 0) (PAGE_BYTES - 1)).
Lemma abort_ipa_range s : 0 <= abort_ipa s < 2 ^ 48.
Proof.
  unfold abort_ipa. pose proof (Bits.land_bound (Base.reg s "hpfar" 0) 0xfffffffff0 ltac:(lia)) as X.
  pose proof (Bits.land_bound (Base.reg s "far" 0) (PAGE_BYTES - 1) ltac:(unfold PAGE_BYTES; lia)) as Y. unfold PAGE_BYTES in *.
  apply lor_bound; [lia| |lia]. rewrite Z.shiftl_mul_pow2 by lia. lia.
Qed.

(* What the host's registers in the core and the CPU's EL1 registers are, the top machine does not say. *)
Lemma keep_entered c s t esr far : Q c s t -> Q c (enter_host esr far s) t.
Proof. intros R. apply (keep_regs fixed c s); auto; [other_regs|exact (r_vgic _ _ _ _ R)]. Qed.

Lemma abort_says c s t : Q c s t -> held s = false -> inv (P t) -> few 0 (P t) -> abort_class s ->
  exists s', s_host_abort [c; Base.reg s "esr" 0] s = Ok (0, s') /\ held s' = false /\ Q c s' (host_abort c (abort_ipa s) (Base.reg s
    "esr" 0) t).
Proof.
  intros R H J F (Pe & S). destruct (r_cpu_id _ _ _ _ R) as [_ C]. pose proof (abort_ipa_range s) as Br.
  unfold s_host_abort. replace (cpu_ok c && (0 <=? Base.reg s "esr" 0) && (Base.reg s "esr" 0 <? 2 ^ 32)) with true.
  2: { symmetry. unfold cpu_ok, is_cpu in *. cbv zeta in S. rewrite Z.shiftr_div_pow2 in S by lia.
    pose proof (Z.div_mod (Base.reg s "esr" 0) (2 ^ 26) ltac:(lia)). pose proof (Z.mod_pos_bound (Base.reg s "esr" 0) (2 ^ 26)
      ltac:(lia)).
    rewrite !andb_true_iff, !Z.leb_le, !Z.ltb_lt. lia. }
  unfold TrapHost.host_abort, host_abort. cbv zeta. fold (abort_ipa s). set (ipa := abort_ipa s) in *. set (esr := Base.reg s "esr" 0) in
    *.
  set (u := stat_add c KCORE_STAT_host_fault s). set (i := ipa / PAGE_BYTES).
  assert (Ru : Q c u (mkst (add_stat c KCORE_STAT_host_fault (P t)) (D t))).
  { apply keep_stat; auto. unfold KCORE_STAT_host_fault, KCORE_NR_STATS. lia. }
  assert (Ju : inv (add_stat c KCORE_STAT_host_fault (P t))) by (apply inv_stat, J).
  assert (Hf : exists w, (if Z.land esr 0x3c =? 4 then s_host_fault_map [ipa] else fun s => Ok (0, s)) u =
    Ok (b2z (fst (Hyper.host_fault i (Z.land esr 0x3c =? 4) (P t))), w) /\ held w = false /\
    Q c w (mkst (add_stat c KCORE_STAT_host_fault (snd (Hyper.host_fault i (Z.land esr 0x3c =? 4) (P t)))) (D t))).
  { destruct (Z.land esr 0x3c =? 4); [|exists u; unfold Hyper.host_fault; cbn [negb orb fst snd]; auto].
    assert (I0 : 0 <= i) by (unfold i; apply Z.div_pos; [lia|reflexivity]).
    destruct (Z.leb_spec 268435456 i) as [O|O].
    - exists u. unfold s_host_fault_map. replace (IPA_END <=? ipa) with true.
      2: { symmetry. apply Z.leb_le. unfold i in O. pose proof (Z.mul_div_le ipa PAGE_BYTES ltac:(reflexivity)).
        unfold IPA_END, PAGE_BYTES in *. lia. }
      unfold Hyper.host_fault. rewrite (proj2 (Z.leb_le _ _) O), !orb_true_r. cbn [fst snd]. auto.
    - assert (A : is_ipa i) by (unfold is_ipa, IPA_PAGES; lia).
      destruct (fault_sim c ipa i A eq_refl u _ Ru Ju H) as (w & X1 & X2 & X3); [destruct F as [F1 F2 F3]; split; auto|].
      cbn [P D] in *. rewrite fault_stat in X1, X3. cbn [fst snd] in *. exists w. auto. }
  destruct Hf as (w & -> & Hw & Rw). cbn [bind]. rewrite b2z_zero, negb_involutive.
  destruct (Hyper.host_fault i (Z.land esr 0x3c =? 4) (P t)) as [[|] p]; cbn [fst snd] in *.
  { exists w. auto. }
  unfold cache_maintenance. destruct ((Guest.ec esr =? Guest.EC_DABT) && Guest.bit_of esr Guest.ESR_CM).
  { eexists. split; [reflexivity|]. split; [exact Hw|]. apply (keep_regs fixed c w); auto; [other_regs|exact (r_vgic _ _ _ _ Rw)]. }
  unfold host_refused, section. change (held (stat_add c KCORE_STAT_host_injected w)) with (held w). rewrite Hw.
  cbn [negb bind s_log_event held sethold s_host_exception]. eexists. split; [reflexivity|]. split; [reflexivity|].
  apply keep_entered. apply keep_hold.
  assert (R2 : Q c (log_event LOG_HOST_REFUSED ipa esr (sethold true (stat_add c KCORE_STAT_host_injected w)))
    (mkst (add_log LOG_HOST_REFUSED ipa esr (add_stat c KCORE_STAT_host_injected (add_stat c KCORE_STAT_host_fault p))) (D t))).
  { apply (keep_log fixed c LOG_HOST_REFUSED ipa esr _ (mkst (add_stat c KCORE_STAT_host_injected (add_stat c KCORE_STAT_host_fault p))
    (D t)));
      [|unfold LOG_HOST_REFUSED; lia|lia|].
    - apply keep_hold. apply (keep_stat fixed c c KCORE_STAT_host_injected w (mkst (add_stat c KCORE_STAT_host_fault p) (D t))); auto.
      unfold KCORE_STAT_host_injected, KCORE_NR_STATS. lia.
    - cbv zeta in S. rewrite Z.shiftr_div_pow2 in S by lia. pose proof (Z.div_mod esr (2 ^ 26) ltac:(lia)).
      pose proof (Z.mod_pos_bound esr (2 ^ 26) ltac:(lia)). lia. }
  apply (same_hreg fixed c _ _ _ _ R2); auto. intros k K. cbn. unfold upd. rewrite Z.eqb_refl. rewrite (proj2 (Z.eqb_neq k 63));
    [reflexivity|].
  unfold R_VMCR in K. lia.
Qed.

Lemma abort_code c s t : Q c s t -> held s = false -> inv (P t) -> fits (P t) -> abort_class s ->
  exists s', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' (host_abort c (abort_ipa s) (Base.reg s "esr" 0)
    t).
Proof.
  intros R H J F K. destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  assert (R1 : Q c (called s) t) by (apply keep_record; exact R).
  destruct (abort_says c (called s) t R1 H J (fits_few _ F) K) as (s1 & E & H1 & Q1). destruct K as [Pe S].
  apply (does_ok _ _ _ _ _ does_host_abort) in E.
  apply (host_other_abort _ c (called s) 0 _ C Pe S) in E. apply (does_ok _ _ _ _ _ does_host_other_abort) in E.
  assert (S0 : Z.shiftr (Base.reg s "esr" 0) 26 <> EC_HVC) by (unfold EC_HVC; cbv zeta in S; lia).
  destruct (host_trap_timed _ c s 0 _ Ec C Pe S0 E) as (x & X).
  apply (does_ok _ _ _ _ _ does_host_trap_timed) in X. eexists. split; [exact X|]. unfold trapped. split.
  - unfold stat_max. destruct (_ <? _); exact H1.
  - apply keep_max; auto. apply keep_record. exact Q1.
Qed.
End HostAbort.
