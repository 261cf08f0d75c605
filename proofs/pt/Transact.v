(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The transactional property: the stores of one operation, cut off anywhere, leave every translation as it was before or
 * as it is after; between the break and the make of a split the block's own addresses fault.
 *)
From KCore Require Export pt.Hw.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition upd (w : Z -> Z) (a v : Z) : Z -> Z := fun b => if b =? a then v else w b.
Definition stores (l : list (Z * Z)) (w : Z -> Z) : Z -> Z := fold_left (fun w p => upd w (fst p) (snd p)) l w.

(* The hardware's translations, all of them. *)
Definition outcome_of (t : state) (w : Z -> Z) (vm ipa : Z) : outcome := walk w levels_40 (root t vm) ipa.
Definition ipa_ok (vm ipa : Z) : Prop := 0 <= vm < 256 /\ 0 <= ipa < 2 ^ 40.
Definition same_outcomes (t : state) (w w' : Z -> Z) : Prop :=
  forall vm ipa, ipa_ok vm ipa -> outcome_of t w' vm ipa = outcome_of t w vm ipa.

(* ------------------------------------------------------- stores to a page that is no table *)

Lemma maps_store own t w a v : maps_ok own t w -> (forall l vm n, present t l vm n -> a <> addr t l vm n) -> maps_ok own t (upd w a v).
Proof.
  intros [A B C D2 D3 E F2 F3] H. split; auto. intros l vm n P. unfold upd.
  destruct (Z.eqb_spec (addr t l vm n) a) as [K|]; [exfalso; exact (H _ _ _ P (eq_sym K))|]. apply B, P.
Qed.

Definition in_table_page (pa : Z) (p : Z * Z) : Prop := exists i, 0 <= i < 512 /\ fst p = pa + i * 8.

Lemma maps_stores own t pa : table_page t pa -> table t (page pa) = false -> forall l w, Forall (in_table_page pa) l ->
  maps_ok own t w -> maps_ok own t (stores l w).
Proof.
  intros TP F. induction l as [|[a v] l IH]; intros w H W; [exact W|]. inversion H as [|? ? (i & Hi & E) H']; subst. cbn [fst] in E.
  change (stores ((a, v) :: l) w) with (stores l (upd w a v)). apply IH; [exact H'|]. apply maps_store; [exact W|]. intros lv vm n P K.
  apply (addr_not_in W lv vm n pa (i * 8) P TP F); lia.
Qed.

Lemma forall_firstn {A} (P : A -> Prop) k l : Forall P l -> Forall P (firstn k l).
Proof. revert l; induction k as [|k IH]; intros [|x l] H; cbn [firstn]; auto. inversion H; subst. constructor; auto. Qed.

(* New tables: whatever is stored to the page before it is linked, nobody's translation changes. *)
Theorem fresh_transactional s t pa l : R s t -> table_page t pa -> table t (page pa) = false -> Forall (in_table_page pa) l ->
  forall k, same_outcomes t (word s) (stores (firstn k l) (word s)).
Proof.
  intros (_ & _ & own & W) TP F H k vm ipa (V & I).
  assert (W2 : maps_ok own t (stores (firstn k l) (word s))) by (apply (maps_stores own t pa TP F); [apply forall_firstn, H|exact W]).
  unfold outcome_of. rewrite (walk_map own t (word s)), (walk_map own t (stores (firstn k l) (word s))) by auto. reflexivity.
Qed.

(* Linking it changes none either. *)
Theorem link_transactional s t vm ipa l pa : R s t -> stage2_ok t vm ipa = true -> l = 1 \/ l = 2 ->
  tbase t l vm (up l (number l ipa)) <> 0 -> entry t vm ipa l = 0 -> table_page t pa -> table t (page pa) = false ->
  (forall i, 0 <= i < 512 -> word s (pa + i * 8) = 0) ->
  same_outcomes t (word s) (upd (word s) (addr t l vm (number l ipa)) (table_desc pa)).
Proof.
  intros HR S L N E TP F Z v a (V & I). pose proof (R_link _ _ _ _ _ _ HR S L N E TP F Z) as (_ & _ & own' & W').
  destruct HR as (_ & _ & own & W). unfold outcome_of. rewrite (walk_map own t (word s)) by auto.
  destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb] in W'; exact (walk_map own' _ _ v a W' V I).
Qed.

(* s2_set and s2_clear are one store: what it does not cover stays. *)
Theorem leaf_transactional s t l vm n pte : R s t -> l = 2 \/ l = 3 -> present t l vm n -> (l = 2 -> tab t vm n = 0) ->
  pte = 0 \/ leaf_ok pte l = true -> forall vm' ipa', ipa_ok vm' ipa' -> ~ (vm' = vm /\ number l ipa' = n) ->
  outcome_of t (upd (word s) (addr t l vm n) pte) vm' ipa' = outcome_of t (word s) vm' ipa'.
Proof.
  intros HR L P T F v a (V & I) N. pose proof (R_leaf _ _ _ _ _ _ HR L P T F) as (_ & _ & own' & W'). destruct HR as (_ & _ & own & W).
  unfold outcome_of. rewrite (walk_map own t (word s)) by auto.
  transitivity (map_outcome (set_leaf vm l n pte t) v a); [exact (walk_map own' _ _ v a W' V I)|].
  unfold map_outcome. cbn [leaf set_leaf with_maps]. unfold number in N.
  destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb andb] in *; rewrite ?andb_true_r, ?andb_false_r; cbn [andb].
  - destruct ((v =? vm) && (block a =? n)) eqn:Q; [props; exfalso; auto|]. reflexivity.
  - destruct ((v =? vm) && (page a =? n)) eqn:Q; [props; exfalso; auto|]. reflexivity.
Qed.

(* s2_free_table: the entry, then the page that nothing points to any more. *)
Theorem free_transactional s t vm ipa l st : R s t -> stage2_ok t vm ipa = true ->
  l = 1 /\ s1 t vm (gib ipa) <> 0 /\ empty2 t vm (gib ipa) = true \/ l = 2 /\ tab t vm (block ipa) <> 0 /\ empty3 t vm (block ipa) = true ->
  Forall (in_table_page (if l =? 1 then s1 t vm (gib ipa) else tab t vm (block ipa))) st ->
  forall k, same_outcomes t (word s) (stores (firstn k ((addr t l vm (number l ipa), 0) :: st)) (word s)).
Proof.
  intros HR S Q H k v a (V & I). pose proof (unlink _ _ _ _ _ HR S Q) as ((_ & _ & own' & W') & _ & TP). destruct HR as (_ & _ & own & W).
  destruct k as [|k]; [reflexivity|]. cbn [firstn]. unfold outcome_of. rewrite (walk_map own t (word s)) by auto.
  match goal with |- walk (stores (?p :: ?x) ?w) _ _ _ = _ => change (stores (p :: x) w) with (stores x (upd w (fst p) (snd p))) end. cbn [fst snd].
  assert (HK : Forall (in_table_page (if l =? 1 then s1 t vm (gib ipa) else tab t vm (block ipa))) (firstn k st)).
  { apply forall_firstn, H. }
  destruct Q as [(-> & _)|(-> & _)]; cbn [Z.eqb Pos.eqb] in *; cbn [word setword setwords] in W'.
  - refine (walk_map own' _ _ v a (maps_stores own' _ _ _ _ _ _ HK W') V I); [exact TP|cbn; rewrite Z.eqb_refl; reflexivity].
  - refine (walk_map own' _ _ v a (maps_stores own' _ _ _ _ _ _ HK W') V I); [exact TP|cbn; rewrite Z.eqb_refl; reflexivity].
Qed.

(* --------------------------------------------------------------------------- s2_split *)

(* Fields below bit 12 do not see what is added above. *)
Lemma field_low m y low bits k : 0 <= low -> 0 <= bits -> 4096 = k * 2 ^ bits * 2 ^ low -> field (m * 4096 + y) low bits = field y low bits.
Proof.
  intros L B E. unfold field. rewrite E. replace (m * (k * 2 ^ bits * 2 ^ low) + y) with (m * k * 2 ^ bits * 2 ^ low + y) by lia.
  rewrite Z.div_add_l by (pose proof (Z.pow_pos_nonneg 2 low ltac:(lia) L); lia). rewrite Z.add_comm. apply Z_mod_plus_full.
Qed.
Lemma field_2 r low bits : r mod 4 = 1 -> field (r + 2) (2 + low) bits = field r (2 + low) bits \/ low < 0.
Proof.
  intros M. destruct (Z.ltb_spec low 0); [auto|left]. unfold field. rewrite Z.pow_add_r by lia. change (2 ^ 2) with 4.
  rewrite <- !Z.div_div by (try apply Z.pow_nonzero; try apply Z.pow_pos_nonneg; lia).
  replace ((r + 2) / 4) with (r / 4); [reflexivity|]. pose proof (Z.div_mod r 4 ltac:(lia)). apply Z.div_unique with 3; lia.
Qed.

Lemma address_value z : Z.land z PTE_ADDRESS = z mod 2 ^ 40 / 4096 * 4096.
Proof.
  replace PTE_ADDRESS with (Z.land (Z.ones 40) (Z.lnot (Z.ones 12))) by reflexivity.
  rewrite Z.land_assoc, <- Z.ldiff_land, Z.land_ones, Z.ldiff_ones_r, Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia. reflexivity.
Qed.

Lemma split_same d ipa : leaf_ok d 2 = true ->
  leaf_outcome (Z.lor d PTE_TABLE + page ipa mod 512 * 4096) ipa 12 = leaf_outcome d ipa 21.
Proof.
  intros L. destruct (split_sum d L) as (E & M & q & r & D & Rr & Qr). rewrite E. set (i := page ipa mod 512).
  assert (Hi : 0 <= i < 512) by apply mod512. assert (RM : r mod 4 = 1).
  { rewrite D in M. change (2 ^ 21) with (524288 * 4) in M. rewrite Z.mul_assoc, Z.add_comm, Z_mod_plus_full in M. exact M. }
  set (x := d + 2 + i * 4096). assert (Dx : x = (q * 512 + i) * 4096 + (r + 2)) by (unfold x; rewrite D; lia).
  assert (Dd : d = q * 512 * 4096 + r) by (rewrite D; lia).
  assert (FL : forall low bits k, 0 <= low -> 0 <= bits -> 4096 = k * 2 ^ bits * 2 ^ (2 + low) -> field x (2 + low) bits = field d (2 + low) bits).
  { intros low bits k H1 H2 H3. rewrite Dx, Dd, !(field_low _ _ _ _ k) by (auto; lia).
    destruct (field_2 r low bits RM) as [X|X]; [exact X|lia]. }
  assert (F10 : field x 10 1 = field d 10 1) by (apply (FL 8 1 2); [lia|lia|reflexivity]).
  assert (F6 : field x 6 2 = field d 6 2) by (apply (FL 4 2 16); [lia|lia|reflexivity]).
  assert (F2 : field x 2 4 = field d 2 4) by (apply (FL 0 4 64); [lia|lia|reflexivity]).
  assert (F8 : field x 8 2 = field d 8 2) by (apply (FL 6 2 4); [lia|lia|reflexivity]).
  assert (F53 : field x 53 2 = field d 53 2).
  { unfold field. change (2 ^ 53) with (2 ^ 21 * 2 ^ 32). rewrite <- !Z.div_div by lia.
    replace (x / 2 ^ 21) with q by (apply Z.div_unique with (i * 4096 + (r + 2)); [lia|rewrite Dx; lia]).
    replace (d / 2 ^ 21) with q by (apply Z.div_unique with r; [lia|rewrite Dd; lia]). reflexivity. }
  unfold leaf_outcome. rewrite F10, F6, F2, F8, F53. destruct (field d 10 1 =? 0); [reflexivity|]. do 2 f_equal.
  rewrite !address_value. set (q0 := q mod 2 ^ 19).
  assert (Q0 : 0 <= q0 < 524288) by (unfold q0; apply Z.mod_pos_bound; lia).
  assert (DQ : q = 524288 * (q / 524288) + q0) by (unfold q0; change (2 ^ 19) with 524288; apply Z.div_mod; lia).
  replace (x mod 2 ^ 40) with (q0 * 2097152 + i * 4096 + (r + 2)) by (apply Z.mod_unique with (q / 524288); [lia|]; change (2 ^ 40) with 1099511627776; lia).
  replace (d mod 2 ^ 40) with (q0 * 2097152 + r) by (apply Z.mod_unique with (q / 524288); [lia|]; change (2 ^ 40) with 1099511627776; lia).
  replace ((q0 * 2097152 + i * 4096 + (r + 2)) / 4096) with (q0 * 512 + i) by (apply Z.div_unique with (r + 2); lia).
  replace ((q0 * 2097152 + r) / 4096) with (q0 * 512) by (apply Z.div_unique with r; lia).
  replace (q0 * 512 * 4096 / 2 ^ 21) with q0 by (apply Z.div_unique with 0; lia).
  replace ((q0 * 512 + i) * 4096 / 2 ^ 12) with (q0 * 512 + i) by (apply Z.div_unique with 0; lia).
  change (2 ^ 21) with (4096 * 512). rewrite Z.rem_mul_r by lia. change (2 ^ 12) with 4096.
  change ((ipa / 4096) mod 512) with i. lia.
Qed.

(* The new table is filled (fresh_transactional); then the break, then the make. *)
Theorem split_transactional s t vm b pa : R s t -> valid 2 vm b -> leaf t vm 2 b <> 0 -> table_page t pa -> table t (page pa) = false ->
  (forall i, 0 <= i < 512 -> word s (pa + i * 8) = Z.lor (leaf t vm 2 b) PTE_TABLE + i * 4096) ->
  let e := addr t 2 vm b in
  (forall v a, ipa_ok v a -> outcome_of t (upd (word s) e 0) v a = outcome_of t (word s) v a \/
    (v = vm /\ block a = b /\ outcome_of t (upd (word s) e 0) v a = Fault)) /\
  same_outcomes t (word s) (upd (upd (word s) e 0) e (table_desc pa)).
Proof.
  intros HR Vb D TP F Fill e. pose proof HR as (_ & _ & own & W). pose proof Vb as Vb'. apply valid2 in Vb' as [V B].
  assert (N : s1 t vm (b / 512) <> 0) by (intros K; apply D; apply (r_none2 _ _ _ W vm b Vb K)).
  assert (T0 : tab t vm b = 0) by (destruct (Z.eqb_spec (tab t vm b) 0); [assumption|exfalso; apply D; apply (r_block _ _ _ W); auto]).
  assert (P : present t 2 vm b) by (split; [exact Vb|exact N]).
  assert (LK : leaf_ok (leaf t vm 2 b) 2 = true) by (destruct (r_leaf2 _ _ _ W vm b Vb); [contradiction|assumption]).
  assert (L3 : forall a, 0 <= a < 2 ^ 40 -> block a = b -> leaf t vm 3 (page a) = 0).
  { intros a Ha Eb. apply (r_none3 _ _ _ W); [apply valid3; pose proof (page_range a Ha); auto|]. rewrite page_block, Eb. exact T0. }
  split.
  - intros v a (Va & Ia). pose proof (R_leaf s t 2 vm b 0 HR ltac:(auto) P (fun _ => T0) ltac:(auto)) as (_ & _ & own' & W').
    unfold outcome_of. rewrite (walk_map own t (word s)) by auto.
    assert (EW : walk (upd (word s) e 0) levels_40 (root t v) a = map_outcome (set_leaf vm 2 b 0 t) v a) by exact (walk_map own' _ _ v a W' Va Ia).
    rewrite EW. unfold map_outcome. cbn [leaf set_leaf with_maps Z.eqb Pos.eqb]. rewrite andb_false_r, andb_true_r. cbn [andb].
    destruct ((v =? vm) && (block a =? b)) eqn:Q; [|left; reflexivity]. right. apply andb_true_iff in Q as [Q1 Q2]. apply Z.eqb_eq in Q1, Q2.
    subst v. rewrite (L3 a Ia Q2). auto.
  - intros v a (Va & Ia). set (w' := upd (upd (word s) e 0) e (table_desc pa)).
    set (t' := set_tab vm b pa (split_leaves vm b (leaf t vm 2 b) (set_table (page pa) true t))).
    assert (WS : forall x, w' x = if x =? e then table_desc pa else word s x) by (intros x; unfold w', upd; destruct (x =? e); reflexivity).
    assert (G : exists own', maps_ok own' t' w').
    { eapply (grow_tab own t t' (word s) w' vm b pa (fun i => Z.lor (leaf t vm 2 b) PTE_TABLE + i * 4096)); auto.
      - intros i Hi. right. apply split_leaf_ok; auto.
      - intros i Hi. rewrite WS. destruct (Z.eqb_spec (pa + i * 8) e) as [K|]; [|apply Fill, Hi].
        exfalso. apply (addr_not_in W 2 vm b pa (i * 8) P TP F); [lia|auto].
      - rewrite WS. fold e. rewrite Z.eqb_refl. reflexivity.
      - intros l v' n Pn Na. rewrite WS. destruct (Z.eqb_spec (addr t l v' n) e) as [K|]; [|reflexivity].
        exfalso. apply Na. apply (addr_inj W); auto.
      - intros v' m Vm. unfold t'. cbn [leaf set_tab split_leaves set_table with_maps].
        destruct (v' =? vm); cbn [Z.eqb Pos.eqb andb]; [|reflexivity]. destruct (m =? b); reflexivity.
      - intros v' m Vm. unfold t'. cbn [leaf set_tab split_leaves set_table with_maps].
        destruct (v' =? vm); cbn [Z.eqb Pos.eqb andb]; [|reflexivity]. destruct (m / 512 =? b); reflexivity. }
    destruct G as (own' & W'). unfold outcome_of. rewrite (walk_map own t (word s)) by auto.
    transitivity (map_outcome t' v a); [exact (walk_map own' _ _ v a W' Va Ia)|].
    unfold map_outcome, t'. cbn [leaf set_tab split_leaves set_table with_maps Z.eqb Pos.eqb]. rewrite page_block, !andb_true_r, !andb_false_r. cbn [andb].
    destruct ((v =? vm) && (block a =? b)) eqn:Q; [|reflexivity]. apply andb_true_iff in Q as [Q1 Q2]. apply Z.eqb_eq in Q1, Q2. subst v b.
    rewrite (L3 a Ia eq_refl). cbn [Z.eqb negb].
    pose proof (leaf_ok_nonzero _ _ (split_leaf_ok _ (page a mod 512) LK (mod512 _))) as NZ. apply Z.eqb_neq in NZ. rewrite NZ. cbn [negb].
    pose proof D as D'. apply Z.eqb_neq in D'. rewrite D'. cbn [negb]. apply split_same, LK.
Qed.
