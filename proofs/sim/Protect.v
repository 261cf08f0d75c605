(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VM_WRPROTECT does what the top machine does, section by section: look, drop, map. *)
From KCore Require Import code.Common code.Calls code.Transfer code.Range code.RangeMap code.RangeWalk pt.Bits top.InvStep.
From KCore Require Export sim.MapCall.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma down_eq i m : 0 <= i < IPA_PAGES -> m = 1 \/ m = 512 \/ m = 262144 ->
  down (i * PAGE_BYTES) (m * PAGE_BYTES) = round_down i m * PAGE_BYTES.
Proof.
  intros A M. unfold down, round_down. unfold IPA_PAGES in A.
  assert (E : exists k, 0 <= k <= 64 /\ m * PAGE_BYTES = 2 ^ k /\ modulus U64 - 1 - wrap U64 (m * PAGE_BYTES - 1) = 2 ^ 64 - 2 ^ k).
  { destruct M as [->|[->| ->]]; [exists 12|exists 21|exists 30]; (split; [lia|]; split; reflexivity). }
  destruct E as (k & K & E & ->). rewrite land_above by (unfold PAGE_BYTES; lia). rewrite <- E, Z.div_mul_cancel_r by lia. lia.
Qed.

(* A leaf's page is below the IPA space's end, and a block's is aligned. *)
Lemma leaf_page e l : leaf_ok e l = true -> 0 <= pte_page e < 268435456 /\ (l = 2 -> pte_page e mod 512 = 0).
Proof.
  intros O. unfold pte_page. pose proof (address_range e) as A. split.
  - unfold PTE_ADDRESS, PAGE_BYTES in *. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
  - intros ->. unfold leaf_ok in O. cbn [Z.eqb Pos.eqb] in O. props.
    match goal with H : Z.land e 0x1ff000 = 0 |- _ => rename H into B end.
    pose proof (address_aligned e) as M. unfold PAGE_BYTES. apply Z.bits_inj'. intros n N. rewrite Z.bits_0.
    change 512 with (2 ^ 9). change 4096 with (2 ^ 12). destruct (Z.ltb_spec n 9) as [L|L].
    + rewrite Z.mod_pow2_bits_low, Z.div_pow2_bits by lia. rewrite Z.land_spec.
      assert (T : Z.testbit (Z.land e 0x1ff000) (n + 12) = false) by (rewrite B; apply Z.bits_0). rewrite Z.land_spec in T.
      assert (X : n = 0 \/ n = 1 \/ n = 2 \/ n = 3 \/ n = 4 \/ n = 5 \/ n = 6 \/ n = 7 \/ n = 8) by lia.
      repeat (destruct X as [X|X]; [subst n; rewrite andb_true_r in T; rewrite T; reflexivity|]).
      subst n. rewrite andb_true_r in T; rewrite T; reflexivity.
    + apply Z.mod_pow2_bits_high; lia.
Qed.

Section Protect.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation leads := (leads fixed).

(* What the loop makes of one entry's result. *)
Definition then_next (m : nat) (v fin at_ : Z) (x : res (Z * state)) : res (Z * state) :=
  let* (r, s) := x in
  if KCORE_ERR_MIN <=? r then Ok (r, s) else
  let s := setreg "host_x" 1 (RangeMap.behind at_ r) s in
  if fin <=? RangeMap.behind at_ r then Ok (0, s) else protect_loop m v fin (RangeMap.behind at_ r) s.

Section At.
Variables (c v fin : Z).
Hypotheses (V : is_vm v) (Fin : fin <= IPA_PAGES).

Lemma level_range' s i : level_pages (s2_level s v i) = 1 \/ level_pages (s2_level s v i) = 512 \/ level_pages (s2_level s v i) = 262144.
Proof. unfold level_pages. destruct (_ =? 3); auto. destruct (_ =? 2); auto. Qed.

(* To the next entry, if the loop goes on there as the top machine does. *)
Lemma next_sim n k at_ m w t t' : Z.of_nat (S n) + k = Hyper.RANGE_STEPS -> m = 1 \/ m = 512 \/ m = 262144 -> 0 <= at_ < fin ->
  Q c w (mkst t' (D t)) -> held w = false -> u_run (cpu t' c) = false ->
  (forall at' w' u, (1 <= n)%nat -> Q c w' u -> held w' = false -> sinv u -> fits (P u) -> u_run (cpu (P u) c) = false -> 0 <= at' < fin ->
     leads c u (protect_loop n v (fin * PAGE_BYTES) (at' * PAGE_BYTES) w') (go_protect c v at' fin (k + 1) (P u))) ->
  leads c t (then_next n v (fin * PAGE_BYTES) (at_ * PAGE_BYTES) (Ok (m * PAGE_BYTES, w))) (protect_next c v at_ fin k m [] true t').
Proof.
  intros Nk M A R H U IH. unfold then_next, protect_next. cbn [bind].
  replace (KCORE_ERR_MIN <=? m * PAGE_BYTES) with false by (destruct M as [->|[->| ->]]; reflexivity).
  rewrite behind_eq by (auto; lia). set (at' := round_down at_ m + m).
  assert (Pos : 0 <= at').
  { unfold at', round_down. assert (0 < m) by (destruct M as [->|[->| ->]]; lia). pose proof (Z.div_pos at_ m ltac:(lia) ltac:(lia)). nia. }
  replace (fin * PAGE_BYTES <=? at' * PAGE_BYTES) with (fin <=? at').
  2: { unfold PAGE_BYTES. destruct (Z.leb_spec fin at'); symmetry; [apply Z.leb_le|apply Z.leb_gt]; lia. }
  assert (R2 : Q c (setreg "host_x" 1 (at' * PAGE_BYTES) w) (mkst t' (do_effects ([] ++ [HostX c 1 (at' * PAGE_BYTES)]) (D t)))).
  { cbn [app do_effects fold_left]. apply (keep_x fixed c 1 (at' * PAGE_BYTES)) in R; [exact R|lia]. }
  destruct (Z.leb_spec fin at') as [Lf|Lf].
  - apply leads_now. do 2 eexists. split; [reflexivity|]. do 3 eexists. split; [reflexivity|]. split; [exact H|exact R2].
  - destruct (Z.leb_spec (Hyper.RANGE_STEPS - 1) k) as [Lk|Lk].
    + replace n with 0%nat by lia. cbn [protect_loop]. apply leads_now. do 2 eexists. split; [reflexivity|]. do 3 eexists.
      split; [reflexivity|]. split; [exact H|exact R2].
    + apply leads_on.
      * unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact U.
      * unfold proceed. cbn [o_pub o_eff]. intros x -> Jx Fx.
        match goal with |- leads c ?y _ _ => assert (G : hgo c (P y) = go_protect c v at' fin (k + 1) (P y)) end.
        { unfold hgo. cbn [P]. replace (u_call (cpu (set_call c (CProtect v at' fin (k + 1)) t') c)) with (CProtect v at' fin (k + 1));
            [reflexivity|]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
        rewrite G. apply IH; auto; try lia.
        -- apply keep_call. exact R2.
        -- cbn [P]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact U.
Qed.

Lemma protect_loop_sim n : forall k at_ s t, Z.of_nat n + k = Hyper.RANGE_STEPS -> (1 <= n)%nat -> 0 <= k -> Q c s t -> held s = false ->
  sinv t -> fits (P t) -> u_run (cpu (P t) c) = false -> 0 <= at_ < fin ->
  leads c t (protect_loop n v (fin * PAGE_BYTES) (at_ * PAGE_BYTES) s) (go_protect c v at_ fin k (P t)).
Proof.
  induction n as [|n IH]; intros k at_ s t Nk N1 K0 R H J F U A; [lia|].
  assert (HV : is_handle v) by (unfold is_handle, is_vm, KCORE_NR_VMS in *; lia). assert (Ai : is_ipa at_) by (unfold is_ipa; lia).
  assert (Next : forall m w u t', m = 1 \/ m = 512 \/ m = 262144 -> Q c w (mkst t' (D u)) -> held w = false -> u_run (cpu t' c) = false ->
    leads c u (then_next n v (fin * PAGE_BYTES) (at_ * PAGE_BYTES) (Ok (m * PAGE_BYTES, w))) (protect_next c v at_ fin k m [] true t')).
  { intros m w u t' M Rw Hw Ut. apply (next_sim n); auto. intros at' w' x N' Rx Hx Jx Fx Ux Ax. apply IH; auto; lia. }
  assert (Nv : nth_vm v = true) by (unfold nth_vm, is_vm, KCORE_NR_VMS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  change (leads c t (then_next n v (fin * PAGE_BYTES) (at_ * PAGE_BYTES) (s_wrprotect_one [v; at_ * PAGE_BYTES] s))
    (go_protect c v at_ fin k (P t))).
  unfold s_wrprotect_one, wrprotect_one. rewrite H, Nv. cbn [negb andb].
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  unfold look. rewrite (level_eq fixed I c _ t v at_ R1 (i_tables _ J) HV Ai). cbn [bind].
  pose proof (level_range (P t) v at_) as Lr.
  rewrite (load_eq fixed I c _ t v at_ R1 HV Ai) by exact Lr. cbn [bind held sethold].
  destruct (entry_now_at fixed c _ t v at_ R1 (i_tables _ J) HV Ai) as (X1 & X2 & X3 & X4).
  fold (entry_now (sethold true s) t v at_). set (e := entry_now (sethold true s) t v at_) in *. clearbody e.
  set (l := s2_level (P t) v at_) in *.
  rewrite (normal_eq fixed c _ t v R1 HV). unfold go_protect. fold l.
  assert (R2 : Q c (sethold false (sethold true s)) t) by (apply keep_hold; auto).
  set (w := sethold false (sethold true s)) in *. assert (Hw : held w = false) by reflexivity. clearbody w.
  destruct (Z.eqb_spec (normal_check (P t) v) 0) as [Nc|Nc]; cbn [negb].
  2: { assert (Er : KCORE_ERR_MIN <= normal_check (P t) v).
       { revert Nc. unfold normal_check. destruct (is _ _); [intros _; unfold KCORE_ERR_MIN, KCORE_EINVAL; lia|].
         destruct (_ || _); [intros _; unfold KCORE_ERR_MIN, KCORE_ESTATE; lia|]. intros X; destruct (X eq_refl). }
       unfold then_next. cbn [bind]. rewrite (proj2 (Z.leb_le _ _) Er). apply leads_now. do 2 eexists. split; [reflexivity|].
       apply unchanged; auto. }
  assert (Cv : Walk.covers l = level_pages l * PAGE_BYTES) by (apply covers_pages; lia).
  assert (Lp : level_pages l = 1 \/ level_pages l = 512 \/ level_pages l = 262144) by apply level_range'.
  assert (Rt : Q c w (mkst (P t) (D t))) by (rewrite st_eta; exact R2).
  rewrite X1, Cv. rewrite (invalid_zero e l X2). destruct (Z.eqb_spec e 0) as [Z0|Z0]; cbn [orb].
  { rewrite Z0. cbn [entry_of Z.eqb]. apply Next; auto. }
  destruct X2 as [X2|X2]; [contradiction|].
  assert (Eo : entry_of e = Some (mkleaf (pte_page e) (prot_of e))) by (unfold entry_of; rewrite (proj2 (Z.eqb_neq _ _) Z0); reflexivity).
  rewrite Eo. cbn [l_prot]. rewrite prot_writable. destruct (Z.land e PTE_WRITE =? 0); cbn [negb]; [apply Next; auto|].
  assert (L23 : l = 2 \/ l = 3) by (destruct (Z.eq_dec l 1) as [L1|L1]; [rewrite (X3 L1) in Z0; contradiction|lia]).
  set (lf0 := mkleaf (pte_page e) (prot_of e)). set (blk := l =? 2).
  assert (Lb : (if blk then 2 else 3) = l) by (unfold blk; destruct L23 as [-> | ->]; reflexivity).
  (* drop *)
  apply leads_on.
  { unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact U. }
  unfold proceed at 1 2. cbn [o_pub o_eff do_effects fold_left]. intros x -> Jx Fx.
  set (y := mkst (set_call c (CProtectDrop v at_ fin k lf0 blk) (P t)) (D t)) in *.
  assert (Ry : Q c w y) by (apply keep_call; exact Rt).
  assert (Uy : u_run (cpu (P y) c) = false) by (unfold y, set_call, change_cpu, set_cpu, upd; cbn [P cpu]; rewrite Z.eqb_refl; exact U).
  assert (G : hgo c (P y) = go_protect_drop c v at_ fin k lf0 blk (P y)).
  { unfold hgo, y. cbn [P]. replace (u_call (cpu (set_call c (CProtectDrop v at_ fin k lf0 blk) (P t)) c))
      with (CProtectDrop v at_ fin k lf0 blk); [reflexivity|].
    unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
  change (leads c y (then_next n v (fin * PAGE_BYTES) (at_ * PAGE_BYTES) (let* (r, s0) := s_range_drop [v; at_ * PAGE_BYTES] w in
    if KCORE_ERR_MIN <=? r then Ok (r, s0) else
    let* (r0, s1) := s_map_try [v; down (at_ * PAGE_BYTES) (level_pages l * PAGE_BYTES); Z.land e PTE_ADDRESS; l;
      Z.land (prot_of e) (modulus U64 - 1 - KCORE_PROT_W)] s0 in
    Ok ((if r0 =? KCORE_EAGAIN then r0 else level_pages l * PAGE_BYTES), s1))) (hgo c (P y))).
  rewrite G. unfold go_protect_drop, s_range_drop, section. rewrite Hw, Nv. cbn [negb].
  destruct (range_drop v at_ (P y)) as [[[[[r m] was] t'] ef] ok] eqn:Rd.
  assert (R3 : Q c (sethold true w) y) by (apply keep_hold; auto).
  destruct (drop_sim fixed I c (sethold true w) y v at_ R3 (i_tables _ Jx) eq_refl V Ai _ _ _ _ _ _ Rd) as (-> & Ec & Er & Em & u & E1 &
    E2 & E3).
  rewrite E1. cbn [bind]. rewrite E2. cbn [bind]. apply (keep_hold fixed c false) in E3. set (z := sethold false u) in *.
  assert (Hz : held z = false) by reflexivity. clearbody z.
  assert (Ut : u_run (cpu t' c) = false) by (rewrite Ec; exact Uy).
  destruct (Z.eqb_spec r 0) as [->|Nr]; cbn [negb].
  2: { destruct Er as [Er|Er]; [contradiction|]. rewrite (proj2 (Z.leb_le _ _) Er). unfold then_next. cbn [bind].
       rewrite (proj2 (Z.leb_le _ _) Er). apply leads_now. do 2 eexists. split; [reflexivity|]. do 3 eexists. split; [reflexivity|].
       split; [exact Hz|exact E3]. }
  destruct (even_eq was m (Em eq_refl)) as (_ & _ & V3).
  replace (KCORE_ERR_MIN <=? b2z was + m * PAGE_BYTES) with false by (symmetry; apply Z.leb_gt; exact V3).
  (* map *)
  apply leads_on.
  { unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact Ut. }
  unfold proceed. cbn [o_pub o_eff do_effects fold_left]. intros x -> Jz Fz.
  set (q := mkst (set_call c (CProtectMap v at_ fin k lf0 blk) t') (D y)) in *.
  assert (Rq : Q c z q) by (apply keep_call; exact E3).
  assert (Uq : u_run (cpu (P q) c) = false) by (unfold q, set_call, change_cpu, set_cpu, upd; cbn [P cpu]; rewrite Z.eqb_refl; exact Ut).
  assert (Gq : hgo c (P q) = go_protect_map c v at_ fin k lf0 blk (P q)).
  { unfold hgo, q. cbn [P]. replace (u_call (cpu (set_call c (CProtectMap v at_ fin k lf0 blk) t') c))
      with (CProtectMap v at_ fin k lf0 blk); [reflexivity|].
    unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
  rewrite Gq. unfold go_protect_map. rewrite Lb. destruct (prot_read_only e) as [-> Pb]. cbn [l_page l_prot lf0].
  rewrite down_eq by (auto; lia). rewrite leaf_address.
  destruct (leaf_page e l X2) as [Pp Pa].
  assert (Ar : is_ipa (round_down at_ (level_pages l))).
  { unfold is_ipa, round_down, IPA_PAGES in *. assert (0 < level_pages l) by lia.
    pose proof (Z.mul_div_le at_ (level_pages l) ltac:(lia)). pose proof (Z.div_pos at_ (level_pages l) ltac:(lia) ltac:(lia)). nia. }
  destruct (Hyper.map_leaf v (round_down at_ (level_pages l)) (pte_page e) l (Z.ldiff (prot_of e) KCORE_PROT_W) (P q)) as [r0 t2] eqn:Ml.
  unfold s_map_try, section. rewrite Hz. cbn [negb].
  assert (R4 : Q c (sethold true z) q) by (apply keep_hold; auto).
  destruct (map_leaf_sim fixed I c (sethold true z) q v _ (pte_page e) l _ R4 Jz eq_refl Fz V Ar Pp L23 Pa Pb r0 t2 Ml) as (u2 & -> & Hu2 & Ru2).
  cbn [bind]. rewrite Hu2. cbn [bind]. apply (keep_hold fixed c false) in Ru2.
  pose proof (map_leaf_cpu v (round_down at_ (level_pages l)) (pte_page e) l (Z.ldiff (prot_of e) KCORE_PROT_W) (P q)) as Cp.
  rewrite Ml in Cp. cbn [snd] in Cp.
  destruct (Z.eqb_spec r0 KCORE_EAGAIN) as [->|Na].
  - unfold then_next. cbn [bind]. change (KCORE_ERR_MIN <=? KCORE_EAGAIN) with true. cbv iota. apply leads_now. do 2 eexists.
    split; [reflexivity|]. do 3 eexists. split; [reflexivity|]. split; [reflexivity|]. exact Ru2.
  - apply Next; auto. rewrite Cp. exact Uq.
Qed.
End At.

Lemma protect_sim c s t v a bytes : Q c s t -> held s = false -> sinv t -> fits (P t) -> u_run (cpu (P t) c) = false ->
  0 <= v < 2 ^ 64 -> 0 <= a < 2 ^ 64 -> 0 <= bytes < 2 ^ 64 ->
  leads c t (s_hc_vm_wrprotect [v; a; bytes] s) (hcall c (RProtect v a bytes) (P t)).
Proof.
  intros R H J F U V A B. unfold s_hc_vm_wrprotect. cbn [hcall].
  replace (word64 a) with true by (symmetry; unfold word64; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite (bad_eq v a bytes) by lia. destruct (range_bad v a bytes) eqn:Bad.
  - apply leads_now. exists KCORE_EINVAL, s. split; [reflexivity|]. apply unchanged; auto.
  - unfold range_bad, bad_vm, bad_page in Bad. props. unfold IPA_END in *.
    assert (Ma : a = a / PAGE_BYTES * PAGE_BYTES) by (rewrite Z.mul_comm; apply Z.div_exact; [discriminate|assumption]).
    assert (Mb : bytes = bytes / PAGE_BYTES * PAGE_BYTES) by (rewrite Z.mul_comm; apply Z.div_exact; [discriminate|assumption]).
    assert (Mf : wrap U64 (a + bytes) = (a + bytes) / PAGE_BYTES * PAGE_BYTES).
    { rewrite wrap_small by (cbn [modulus]; lia). rewrite Z.mul_comm. apply Z.div_exact; [discriminate|].
      rewrite Ma, Mb, <- Z.mul_add_distr_r. apply Z_mod_mult. }
    set (p := set_call c (CProtect v (a / PAGE_BYTES) ((a + bytes) / PAGE_BYTES) 0) (P t)).
    assert (Up : u_run (cpu p c) = false) by (unfold p, set_call, change_cpu, set_cpu, upd; cbn [cpu]; rewrite Z.eqb_refl; exact U).
    apply leads_on.
    + exact Up.
    + unfold proceed. cbn [o_pub o_eff]. fold p. intros x -> Jx Fx.
      match goal with |- leads c ?y _ _ => assert (G : hgo c (P y) =
        go_protect c v (a / PAGE_BYTES) ((a + bytes) / PAGE_BYTES) 0 (P y)) end.
      { unfold hgo. cbn [P]. replace (u_call (cpu p c)) with (CProtect v (a / PAGE_BYTES) ((a + bytes) / PAGE_BYTES) 0); [reflexivity|].
        unfold p, set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
      rewrite G, Mf. replace (setreg "host_x" 1 a s) with (setreg "host_x" 1 (a / PAGE_BYTES * PAGE_BYTES) s) by (rewrite <- Ma; reflexivity).
      match goal with |- leads _ _ (protect_loop ?n ?w ?f a ?z) _ =>
        replace (protect_loop n w f a z) with (protect_loop n w f (a / PAGE_BYTES * PAGE_BYTES) z) by (rewrite <- Ma; reflexivity) end.
      apply protect_loop_sim; auto.
      * unfold is_vm. lia.
      * match goal with H : bytes <= _ |- _ => clear - H end. apply Z.div_le_upper_bound; unfold IPA_PAGES, PAGE_BYTES; lia.
      * rewrite count_eq. reflexivity.
      * rewrite count_eq. unfold RangeWalk.RANGE_STEPS. lia.
      * lia.
      * rewrite <- Ma. apply keep_call. cbn [do_effects fold_left]. rewrite <- (st_eta t) in R. apply (keep_x fixed c 1 a) in R; [exact R|lia].
      * rewrite Ma at 1 2. split; [rewrite Z.div_mul by discriminate; apply Z.div_pos; unfold PAGE_BYTES; lia|].
        unfold PAGE_BYTES in *. apply Z.div_lt_upper_bound; [lia|]. rewrite Ma. rewrite Z.div_mul by lia.
        assert (0 < bytes / 4096) by lia.
        replace (a / 4096 * 4096 + bytes) with ((a / 4096 + bytes / 4096) * 4096) by lia. rewrite Z.div_mul by lia. lia.
Qed.
End Protect.
