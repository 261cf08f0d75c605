(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VM_MAP does what the top machine does, section by section. *)
From KCore Require Import code.Common code.Calls code.Range code.RangeMap top.InvStep.
From KCore Require Export sim.Unmap sim.Leaf.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma map_leaf_cpu {cfg : config} v i p l prot t : cpu (snd (Hyper.map_leaf v i p l prot t)) = cpu t.
Proof.
  assert (Al : forall s u, pool_alloc v s = Some u -> cpu u = cpu s).
  { intros s u. unfold pool_alloc. destruct (_ || _); [discriminate|]. intros E. injection E as <-. destruct (_ && _); reflexivity. }
  assert (P3 : forall s, cpu (match s2_prepare3 v i s with Fail _ u => u | Go u => u end) = cpu s).
  { intros s. unfold s2_prepare3. destruct (tab s v _); [reflexivity|]. destruct (lf s v _); [reflexivity|].
    destruct (pool_alloc v s) eqn:E; [apply (Al _ _ E)|reflexivity]. }
  assert (Pr : cpu (match s2_prepare v i l t with Fail _ u => u | Go u => u end) = cpu t).
  { unfold s2_prepare. destruct (s1 t v _).
    - destruct (l =? 3); [apply P3|reflexivity].
    - destruct (pool_alloc v t) eqn:E; [|reflexivity]. destruct (l =? 3); [rewrite P3|]; apply (Al _ _ E). }
  unfold Hyper.map_leaf. destruct (negb _); [reflexivity|]. destruct (negb _); [reflexivity|]. unfold Hyper.map_prepare.
  destruct (s2_prepare v i l t) as [q u|u]; [exact Pr|]. destruct (_ && negb _); [exact Pr|]. 
  assert (Fr : cpu (if (l =? 2) && (s2_level u v i =? 3) then s2_free_table v i 2 u else u) = cpu t).
  { destruct (_ && _); [|exact Pr]. unfold s2_free_table, pool_give. exact Pr. }
  destruct (lf _ v (level_place l i)); [exact Fr|]. cbn [snd]. destruct (in_dram _ _); exact Fr.
Qed.

Section MapCall.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation leads := (leads fixed).

Section At.
Variables (c v i p n prot : Z).
Hypotheses (V : is_vm v) (N : n = 1 \/ n = 512) (A : 0 <= i < IPA_PAGES) (B : 0 <= p < 268435456) (Pr : 0 <= prot < 16)
  (Ai : i mod n = 0) (Ap : p mod n = 0).
Definition map_level : Z := if n =? 1 then 3 else 2.
Definition try_again (s : state) : res (Z * state) := s_map_try [v; i * PAGE_BYTES; p * PAGE_BYTES; map_level; prot] s.

Lemma map_end : i + n <= IPA_PAGES.
Proof. unfold IPA_PAGES in *. destruct N as [-> | ->]; [lia|]. apply Z.div_exact in Ai; lia. Qed.

Lemma try_sim s t r t' : Q c s t -> held s = false -> sinv t -> fits (P t) -> Hyper.map_leaf v i p map_level prot (P t) = (r, t') ->
  exists u, try_again s = Ok (r, u) /\ held u = false /\ Q c u (mkst t' (D t)).
Proof.
  intros R H J F E. unfold try_again, s_map_try, section. rewrite H. cbn [negb].
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  destruct (map_leaf_sim fixed I c (sethold true s) t v i p map_level prot R1 J eq_refl F V A B) with (r := r) (t' := t') as (u & ->
    & Hu & Ru); auto.
  - unfold map_level. destruct N as [-> | ->]; auto.
  - unfold map_level. intros L. destruct N as [-> | ->]; [discriminate L|exact Ap].
  - cbn [bind]. rewrite Hu. exists (sethold false u). split; [reflexivity|]. split; [reflexivity|]. apply keep_hold, Ru.
Qed.

Lemma last_leaf w t t' e ok : Q c w (mkst t' (do_effects e (D t))) -> held w = false -> u_run (cpu t' c) = false ->
  leads c t (try_again w) (proceed c (CLeaf v i p n prot false) e ok t').
Proof.
  intros R H U. apply leads_on.
  - unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact U.
  - unfold proceed. cbn [o_pub o_eff]. intros x -> Jx Fx.
    assert (Rx : Q c w (mkst (set_call c (CLeaf v i p n prot false) t') (do_effects e (D t)))) by (apply keep_call; exact R).
    set (y := mkst (set_call c (CLeaf v i p n prot false) t') (do_effects e (D t))) in *.
    assert (G : hgo c (P y) = go_leaf c v i p n prot false (P y)).
    { unfold hgo, y. cbn [P]. replace (u_call (cpu (set_call c (CLeaf v i p n prot false) t') c)) with (CLeaf v i p n prot false);
      [reflexivity|].
      unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
    rewrite G. unfold go_leaf. change (if n =? 1 then 3 else 2) with map_level.
    destruct (Hyper.map_leaf v i p map_level prot (P y)) as [r t2] eqn:E. cbn [andb].
    destruct (try_sim w y r t2 Rx H Jx Fx E) as (u & X & Hu & Ru). apply leads_now. exists r, u. split; [exact X|].
    exists [], true, t2. split; [reflexivity|]. split; [exact Hu|exact Ru].
Qed.

(* What the handler does when what was mapped is dropped. *)
Definition then_map (x : res (Z * state)) : res (Z * state) := let* (r, s) := x in if negb (r =? 0) then Ok (r, s) else try_again s.

Lemma clear_loop_sim m : forall k at_ s t, Z.of_nat m + k = 512 -> (1 <= m)%nat -> 0 <= k -> Q c s t -> held s = false -> sinv t ->
  u_run (cpu (P t) c) = false -> 0 <= at_ < i + n ->
  leads c t (then_map (clear_loop m v ((i + n) * PAGE_BYTES) (at_ * PAGE_BYTES) s)) (go_clear c v i p n prot at_ k (P t)).
Proof.
  induction m as [|m IH]; intros k at_ s t Mk M1 K0 R H J U At; [lia|]. pose proof map_end as Me.
  cbn [clear_loop]. unfold s_range_drop, section. rewrite H. cbn [negb].
  replace (nth_vm v) with true by (symmetry; unfold nth_vm, is_vm, KCORE_NR_VMS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    lia).
  unfold go_clear. destruct (range_drop v at_ (P t)) as [[[[[r mm] was] t'] e] ok] eqn:Rd.
  assert (Aa : is_ipa at_) by (unfold is_ipa; lia).
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  destruct (drop_sim fixed I c (sethold true s) t v at_ R1 (i_tables _ J) eq_refl V Aa _ _ _ _ _ _ Rd) as (-> & Ec & Er & Em & u & E1 &
    E2 & E3).
  rewrite E1. cbn [bind]. rewrite E2. cbn [bind]. apply (keep_hold fixed c false) in E3. set (w := sethold false u) in *.
  assert (Hw : held w = false) by reflexivity. clearbody w.
  assert (Ut : u_run (cpu t' c) = false) by (rewrite Ec; exact U).
  destruct (Z.eqb_spec r 0) as [->|Nr]; cbn [negb].
  - destruct (even_eq was mm (Em eq_refl)) as (V1 & V2 & V3).
    replace (KCORE_ERR_MIN <=? b2z was + mm * PAGE_BYTES) with false by (symmetry; apply Z.leb_gt; exact V3).
    rewrite V1, (behind_eq at_ mm) by (auto; lia).
    set (at' := round_down at_ mm + mm).
    assert (Pos : 0 <= at').
    { unfold at', round_down. assert (0 < mm) by (destruct (Em eq_refl) as [->|[->| ->]]; lia).
      pose proof (Z.div_pos at_ mm ltac:(lia) ltac:(lia)). nia. }
    replace ((i + n) * PAGE_BYTES <=? at' * PAGE_BYTES) with (i + n <=? at').
    2: { unfold PAGE_BYTES. destruct (Z.leb_spec (i + n) at'); symmetry; [apply Z.leb_le|apply Z.leb_gt]; lia. }
    destruct (Z.leb_spec (i + n) at') as [Lf|Lf]; cbn [orb].
    + unfold then_map. cbn [bind Z.eqb negb]. apply last_leaf; auto.
    + destruct (Z.leb_spec 511 k) as [Lk|Lk].
      * replace m with 0%nat by lia. cbn [clear_loop]. unfold then_map. cbn [bind Z.eqb negb]. apply last_leaf; auto.
      * apply leads_on.
        -- unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact Ut.
        -- unfold proceed. cbn [o_pub o_eff]. intros x -> Jx _.
           match goal with |- leads c ?y _ _ => assert (G : hgo c (P y) = go_clear c v i p n prot at' (k + 1) (P y)) end.
           { unfold hgo. cbn [P]. replace (u_call (cpu (set_call c (CClear v i p n prot at' (k + 1)) t') c))
               with (CClear v i p n prot at' (k + 1)); [reflexivity|].
             unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
           rewrite G. apply IH; auto; try lia.
           ++ apply keep_call. exact E3.
           ++ cbn [P]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact Ut.
  - destruct Er as [Er|Er]; [contradiction|]. rewrite (proj2 (Z.leb_le _ _) Er). unfold then_map. cbn [bind].
    rewrite (proj2 (Z.eqb_neq r 0) Nr). cbn [negb]. apply leads_now. exists r, w. split; [reflexivity|].
    do 3 eexists. split; [reflexivity|]. split; [exact Hw|]. exact E3.
Qed.
End At.

Lemma aligned_both a b k : 0 <= k -> (Z.land (Z.lor a b) (2 ^ k - 1) =? 0) = (a mod 2 ^ k =? 0) && (b mod 2 ^ k =? 0).
Proof.
  intros K. replace (2 ^ k - 1) with (Z.ones k) by (rewrite Z.ones_equiv; lia). rewrite Z.land_lor_distr_l, !Z.land_ones by exact K.
  apply eq_true_iff_eq. rewrite andb_true_iff, !Z.eqb_eq. apply Z.lor_eq_0_iff.
Qed.

(* Its arguments are those that the top machine refuses. *)
Lemma map_checks v a b bytes prot : 0 <= v -> 0 <= a -> 0 <= b -> 0 <= prot -> bytes = PAGE_BYTES \/ bytes = BLOCK_BYTES ->
  (bad_vm v || (negb (bytes =? PAGE_BYTES) && negb (bytes =? BLOCK_BYTES)) || negb (a mod bytes =? 0) || negb (b mod bytes =? 0) ||
   bad_page a || bad_page b || (prot <? 0) || (15 <? prot)) =
  ((v =? HOST) || (KCORE_NR_VMS <=? v) ||
   (negb (Z.land (Z.lor a b) (bytes - 1) =? 0) || (IPA_END <=? a) || (IPA_END <=? b) || (15 <? prot))).
Proof.
  intros V A B Pr H.
  assert (K : exists k, 12 <= k /\ bytes = 2 ^ k) by (destruct H as [-> | ->]; [exists 12|exists 21]; split; (lia || reflexivity)).
  replace (negb (bytes =? PAGE_BYTES) && negb (bytes =? BLOCK_BYTES)) with false by (destruct H as [-> | ->]; reflexivity).
  destruct K as (k & K & E).
  assert (M : forall x, x mod bytes = 0 -> x mod PAGE_BYTES = 0).
  { intros x X. apply Z.div_exact in X; [|destruct H as [-> | ->]; discriminate]. rewrite X.
    replace (bytes * (x / bytes)) with (bytes / PAGE_BYTES * (x / bytes) * PAGE_BYTES); [apply Z_mod_mult|]. destruct H as [-> | ->];
      unfold PAGE_BYTES, BLOCK_BYTES; change (2097152 / 4096) with 512; change (4096 / 4096) with 1; lia. }
  rewrite E, aligned_both by lia. rewrite <- E. unfold bad_vm, bad_page, HOST.
  replace (v <? 1) with (v =? 0) by (destruct (Z.eqb_spec v 0), (Z.ltb_spec v 1); auto; lia).
  rewrite !(proj2 (Z.ltb_ge _ 0)) by lia.
  destruct (Z.eqb_spec (a mod bytes) 0) as [Xa|Xa], (Z.eqb_spec (b mod bytes) 0) as [Xb|Xb]; cbn [negb andb orb]; rewrite ?orb_true_r,
    ?orb_false_r; cbn [orb];
    rewrite ?orb_true_r; auto.
  rewrite (M a Xa), (M b Xb). cbn [Z.eqb negb orb]. rewrite !orb_assoc. reflexivity.
Qed.

Lemma hc_map_sim c s t v a b bytes prot : Q c s t -> held s = false -> sinv t -> fits (P t) -> u_run (cpu (P t) c) = false ->
  0 <= v -> 0 <= a -> 0 <= b -> 0 <= prot ->
  leads c t (s_hc_vm_map [v; a; b; bytes; prot] s) (hcall c (RMap v a b bytes prot) (P t)).
Proof.
  intros R H J F U V A B Pr. unfold s_hc_vm_map, hc_map. cbn [hcall].
  assert (Bad : leads c t (Ok (KCORE_EINVAL, s)) (done c KCORE_EINVAL (P t))).
  { apply leads_now. exists KCORE_EINVAL, s. split; [reflexivity|]. apply unchanged; auto. }
  destruct (negb (bytes =? PAGE_BYTES) && negb (bytes =? BLOCK_BYTES)) eqn:By.
  { rewrite !orb_true_r. cbn [orb]. exact Bad. }
  assert (Bb : bytes = PAGE_BYTES \/ bytes = BLOCK_BYTES).
  { destruct (Z.eqb_spec bytes PAGE_BYTES); auto. destruct (Z.eqb_spec bytes BLOCK_BYTES); auto. discriminate By. }
  pose proof (map_checks v a b bytes prot V A B Pr Bb) as Mc. rewrite By in Mc. rewrite Mc, !orb_false_r.
  destruct ((v =? HOST) || (KCORE_NR_VMS <=? v)) eqn:Bv; cbn [orb]; [exact Bad|].
  destruct (negb (Z.land (Z.lor a b) (bytes - 1) =? 0) || (IPA_END <=? a) || (IPA_END <=? b) || (15 <? prot)) eqn:Ba; [exact Bad|].
  set (n := bytes / PAGE_BYTES). assert (N : n = 1 \/ n = 512) by (unfold n; destruct Bb as [-> | ->]; [left|right]; reflexivity).
  assert (En : bytes = n * PAGE_BYTES) by (unfold n; destruct Bb as [-> | ->]; reflexivity).
  assert (Al : a mod bytes = 0 /\ b mod bytes = 0).
  { props. assert (X : (Z.land (Z.lor a b) (bytes - 1) =? 0) = true) by (apply Z.eqb_eq; assumption). revert X.
    destruct Bb as [-> | ->]; [pose proof (aligned_both a b 12 ltac:(lia)) as Y; change (2 ^ 12) with PAGE_BYTES in Y|
      pose proof (aligned_both a b 21 ltac:(lia)) as Y; change (2 ^ 21) with BLOCK_BYTES in Y]; rewrite Y, andb_true_iff, !Z.eqb_eq;
        auto. }
  destruct Al as [Aa Ab]. set (i := a / PAGE_BYTES). set (p := b / PAGE_BYTES).
  assert (Ei : a = i * PAGE_BYTES /\ i mod n = 0).
  { apply Z.div_exact in Aa; [|destruct Bb as [-> | ->]; discriminate]. rewrite En in Aa. unfold i.
    assert (X : a = a / (n * PAGE_BYTES) * n * PAGE_BYTES) by lia. rewrite X. rewrite Z.div_mul by discriminate. split;
      [reflexivity|apply Z_mod_mult]. }
  assert (Ep : b = p * PAGE_BYTES /\ p mod n = 0).
  { apply Z.div_exact in Ab; [|destruct Bb as [-> | ->]; discriminate]. rewrite En in Ab. unfold p.
    assert (X : b = b / (n * PAGE_BYTES) * n * PAGE_BYTES) by lia. rewrite X. rewrite Z.div_mul by discriminate. split;
      [reflexivity|apply Z_mod_mult]. }
  destruct Ei as [Ei Mi]. destruct Ep as [Ep Mp]. clearbody i p.
  assert (W : is_vm v) by (unfold is_vm, HOST in *; props; lia).
  assert (Bi : 0 <= i < IPA_PAGES /\ 0 <= p < 268435456 /\ 0 <= prot < 16).
  { props. unfold IPA_PAGES, IPA_END, PAGE_BYTES in *. lia. }
  destruct Bi as (Bi & Bp & Bt). clear Mc Ba Aa Ab By.
  assert (El : (if bytes =? PAGE_BYTES then 3 else 2) = map_level n) by (unfold n, map_level; destruct Bb as [-> | ->]; reflexivity).
  rewrite El. clearbody n. apply leads_on.
  - unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. exact U.
  - unfold proceed. cbn [o_pub o_eff do_effects fold_left]. intros x -> Jx Fx.
    set (y := mkst (set_call c (CLeaf v i p n prot true) (P t)) (D t)) in *.
    assert (Ry : Q c s y) by (apply keep_call; rewrite st_eta; exact R).
    assert (Uy : u_run (cpu (P y) c) = false) by (unfold y, set_call, change_cpu, set_cpu, upd; cbn [P cpu]; rewrite Z.eqb_refl; exact U).
    assert (G : hgo c (P y) = go_leaf c v i p n prot true (P y)).
    { unfold hgo, y. cbn [P]. replace (u_call (cpu (set_call c (CLeaf v i p n prot true) (P t)) c)) with (CLeaf v i p n prot true);
      [reflexivity|].
      unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
    rewrite G. unfold go_leaf. change (if n =? 1 then 3 else 2) with (map_level n).
    destruct (Hyper.map_leaf v i p (map_level n) prot (P y)) as [r t2] eqn:E.
    destruct (try_sim c v i p n prot W N Bi Bp Bt Mi Mp s y r t2 Ry H Jx Fx E) as (u & X & Hu & Ru).
    pose proof (map_leaf_cpu v i p (map_level n) prot (P y)) as Cp. rewrite E in Cp. cbn [snd] in Cp.
    unfold try_again in X. rewrite Ei, Ep, X. cbn [bind andb]. unfold is.
    destruct (Z.eqb_spec r KCORE_EAGAIN) as [->|Nr]; cbn [negb].
    + apply leads_on.
      * unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl, Cp. exact Uy.
      * unfold proceed. cbn [o_pub o_eff do_effects fold_left]. intros x -> Jz _.
        set (z := mkst (set_call c (CClear v i p n prot i 0) t2) (D y)) in *.
        assert (Rz : Q c u z) by (apply keep_call; exact Ru).
        assert (Gz : hgo c (P z) = go_clear c v i p n prot i 0 (P z)).
        { unfold hgo, z. cbn [P]. replace (u_call (cpu (set_call c (CClear v i p n prot i 0) t2) c)) with (CClear v i p n prot i 0);
            [reflexivity|]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
        rewrite Gz. unfold s_map_clear.
        replace (wrap U64 (i * PAGE_BYTES + bytes)) with ((i + n) * PAGE_BYTES).
        2: { rewrite En, wrap_small; [lia|]. cbn [modulus]. unfold PAGE_BYTES, IPA_PAGES in *. lia. }
        apply (clear_loop_sim c v i p n prot W N Bi Bp Bt Mi Mp (count 512) 0 i u z); auto; try lia.
        -- rewrite count_eq. reflexivity.
        -- rewrite count_eq. lia.
        -- unfold z, set_call, change_cpu, set_cpu, upd. cbn [P cpu]. rewrite Z.eqb_refl, Cp. exact Uy.
    + apply leads_now. exists r, u. split; [reflexivity|]. exists [], true, t2. split; [reflexivity|]. split; [exact Hu|exact Ru].
Qed.
End MapCall.
