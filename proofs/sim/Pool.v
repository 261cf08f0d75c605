(* SPDX-License-Identifier: GPL-2.0-only *)
(* The page pool: pages that the C hands out and takes back, and the top machine's counts of them. *)
From KCore Require Import code.Common code.Calls code.Pool pt.Bits.
From KCore Require Export sim.Stage.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Pool.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_at := (pool_at fixed).
Notation pool_fine := (pool_fine fixed).

(* ------------------------------------------------------------------ pages of the pool *)

Lemma pool_room : 0 < pool -> 0 < fixed "pool_base" 0 < 2 ^ 40 /\ pool < 2 ^ 28.
Proof. intros N. destruct (n_pool_base _ I) as (A & B & C & E). unfold IPA_END, PAGE_BYTES in *. lia. Qed.
Lemma pool_page_at k : 0 <= k < pool -> 0 < pool_at k < 2 ^ 40 /\ pool_at k mod 4096 = 0 /\ page_ok (pool_at k) = true /\
  core (pool_at k / PAGE_BYTES) = true.
Proof.
  intros K. destruct (n_pool_base _ I) as (A & B & C & E). pose proof (pool_page_no fixed I k) as N.
  assert (M : pool_at k mod 4096 = 0) by (rewrite N; apply Z_mod_mult).
  assert (X : 0 < pool_at k < 2 ^ 40) by (unfold pool_at, IPA_END, PAGE_BYTES in *; lia).
  split; [exact X|]. split; [exact M|]. split.
  - unfold page_ok. rewrite M. repeat (apply andb_true_iff; split); try apply Z.leb_le; try apply Z.ltb_lt; lia.
  - rewrite N, Z.div_mul by discriminate. apply (n_pool_core _ I), K.
Qed.
Lemma pool_apart j k x y : j <> k -> 0 <= x < 4096 -> 0 <= y < 4096 -> pool_at j + x <> pool_at k + y.
Proof. intros N X Y. unfold pool_at, PAGE_BYTES. lia. Qed.
Lemma pool_inj j k : pool_at j = pool_at k -> j = k.
Proof. unfold pool_at, PAGE_BYTES. lia. Qed.
Lemma pool_outside_roots s k : 0 <= k < pool -> cell s "root_base" 0 = fixed "root_base" 0 -> in_roots s (pool_at k) = false.
Proof.
  intros K E. destruct (n_roots _ I) as (A & B & C). unfold in_roots. rewrite E. apply andb_false_iff. right. apply Z.ltb_ge.
  unfold pool_at, KCORE_NR_VMS, ROOT_BYTES, PAGE_BYTES in *. lia.
Qed.
Lemma plain_free s t k : 0 <= k < pool -> cell s "root_base" 0 = fixed "root_base" 0 -> ~ in_use s t (pool_at k) ->
  plain s (pool_at k) = true.
Proof.
  intros K E U. destruct (pool_page_at k K) as (A & M & _). unfold plain. rewrite (pool_outside_roots s k K E).
  repeat (apply andb_true_iff; split); auto.
  - unfold aligned. apply Z.eqb_eq, mod8, M.
  - apply negb_true_iff. destruct (Base.table s (Map.page (pool_at k))) eqn:T; auto. destruct U. left. split; [exact T|exact M].
Qed.

(* A page that was taken from the pool and is nowhere yet. *)
Record taken (s : state) (t : pub) (a : Z) : Prop := {
  k_at : exists k, 0 <= k < cell s "pool_bump" 0 /\ a = pool_at k;
  k_unused : ~ in_use s t a;
  k_list : exists l, linked s (cell s "pool_head" 0) l /\ NoDup l /\
    cell s "pool_free" 0 = Z.of_nat (length l) + (pool - cell s "pool_bump" 0) /\
    (forall b, In b l -> (exists k, 0 <= k < cell s "pool_bump" 0 /\ b = pool_at k) /\ ~ in_use s t b) /\ ~ In a l
}.

Lemma linked_head s h l : linked s h l -> (forall a, In a l -> a <> 0) -> h <> 0 -> exists m, l = h :: m /\ linked s (word s h) m.
Proof. destruct l as [|a l]; cbn; intros L N H; [contradiction|]. destruct L as [-> L]. eauto. Qed.
Lemma linked_end s l : linked s 0 l -> (forall a, In a l -> a <> 0) -> l = [].
Proof. destruct l as [|a l]; auto. cbn. intros [<- _] N. exfalso. apply (N 0); auto. Qed.

(* What the pool hands out next. *)
Lemma pool_next s t : pool_fine s t -> cell s "pool_free" 0 <> 0 -> cell s "pool_base" 0 = fixed "pool_base" 0 ->
  let u := setcell "pool_free" 0 (cell s "pool_free" 0 - 1) (pool_take s) in
  pool_ok s = true /\ pool_fine u t /\ taken u t (pool_page s).
Proof.
  intros F N Eb u. destruct F as [B (l & L & Nd & C & A) U X Y T TT Cn].
  assert (InU : forall a, in_use u t a <-> in_use s t a).
  { intros a. unfold u, in_use, pool_take. destruct (negb _); reflexivity. }
  assert (Nz : forall a, In a l -> a <> 0).
  { intros a Ha. destruct (A a Ha) as [(k & K & ->) _]. destruct (pool_page_at k); lia. }
  assert (Np : 0 < pool).
  { destruct l as [|a l]; [cbn in C; lia|]. destruct (A a (or_introl eq_refl)) as [(k & K & _) _]. lia. }
  destruct (pool_room Np) as [R1 R2].
  assert (Small : forall h m, linked s h m -> (forall a, In a m -> In a l) -> small h = true).
  { intros h [|a m] Lh Sub; cbn in Lh; [subst; reflexivity|]. destruct Lh as [-> _].
    destruct (A a (Sub a (or_introl eq_refl))) as [(k & K & ->) _]. destruct (pool_page_at k) as (P1 & _); [lia|].
    unfold small. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia. }
  assert (Ok1 : forall x y, page_ok (pool_page s) = true -> 0 < pool_page s -> small x = true -> page_ok y = true ->
    x = (if cell s "pool_head" 0 =? 0 then 0 else word s (cell s "pool_head" 0)) -> y = cell s "pool_head" 0 -> pool_ok s = true).
  { intros x y P1 P2 P3 P4 -> ->. unfold pool_ok. rewrite P1, P4, Eb.
    repeat (apply andb_true_iff; split); auto; try (apply Z.leb_le; lia); try (apply Z.ltb_lt; lia).
    destruct (_ =? 0); [reflexivity|exact P3]. }
  destruct (Z.eqb_spec (cell s "pool_head" 0) 0) as [H0|H0].
  - assert (l = []) as -> by (rewrite H0 in L; apply (linked_end s); auto). cbn [length] in C.
    assert (K : 0 <= cell s "pool_bump" 0 < pool) by lia.
    assert (Pg : pool_page s = pool_at (cell s "pool_bump" 0)) by (unfold pool_page; rewrite H0; cbn; rewrite Eb; reflexivity).
    destruct (pool_page_at _ K) as (P1 & P2 & P3 & P4). rewrite <- Pg in *.
    assert (Eu : cell u "pool_bump" 0 = cell s "pool_bump" 0 + 1 /\ cell u "pool_head" 0 = 0 /\
      cell u "pool_free" 0 = cell s "pool_free" 0 - 1).
    { unfold u, pool_take. rewrite H0. cbn [negb Z.eqb]. rewrite !cell_setcell. cbn. auto. }
    destruct Eu as (E1 & E2 & E3).
    assert (Un : forall w, cell u "vcpu_context" w = cell s "vcpu_context" w).
    { intros w. unfold u, pool_take. destruct (negb _); reflexivity. }
    assert (Et : Base.table u = Base.table s /\ Base.s1 u = Base.s1 s /\ Base.tab u = Base.tab s).
    { unfold u, pool_take. destruct (negb _); auto. }
    destruct Et as (Et & Es & Eb').
    split; [apply (Ok1 0 0); auto; lia|]. split.
    + constructor; unfold table_at in *; rewrite ?E1, ?E2, ?E3, ?Et, ?Es, ?Eb'; auto; try lia.
      * exists []. split; [reflexivity|]. split; [constructor|]. split; [cbn; lia|]. intros a [].
      * intros a Ha. rewrite InU in Ha. destruct (U a Ha) as (k & K' & E). exists k. split; [lia|auto].
      * intros w Hw. rewrite Un. auto.
      * intros w x Hw Hx. rewrite !Un. auto.
      * intros w V. apply (Inv.covers_mono (held_by s t w) _ (v_tables (vm t w))); auto; [|lia]. unfold held_by. rewrite Es, Eb'.
        intros a (Na & Ha). split; [exact Na|]. destruct Ha as [Ha|[Ha|(x & H1 & H2 & H3)]]; auto. rewrite Un in H3. eauto 6.
    + constructor; rewrite ?E1, ?E2, ?E3.
      * exists (cell s "pool_bump" 0). split; [lia|exact Pg].
      * rewrite InU. intros Hu. destruct (U _ Hu) as (k & K' & E). rewrite Pg in E. apply pool_inj in E. lia.
      * exists []. split; [reflexivity|]. split; [constructor|]. split; [cbn; lia|]. split; [intros a []|intros []].
  - destruct (linked_head s _ l L Nz H0) as (m & -> & Lm). inversion Nd as [|? ? Nh Nm]; subst.
    destruct (A _ (or_introl eq_refl)) as [(k & K & Ek) Nu].
    assert (Pg : pool_page s = cell s "pool_head" 0) by (unfold pool_page; rewrite (proj2 (Z.eqb_neq _ _) H0); reflexivity).
    destruct (pool_page_at k ltac:(lia)) as (P1 & P2 & P3 & P4). rewrite <- Ek, <- Pg in P1, P2, P3, P4.
    assert (Eu : cell u "pool_bump" 0 = cell s "pool_bump" 0 /\ cell u "pool_head" 0 = word s (cell s "pool_head" 0) /\
      cell u "pool_free" 0 = cell s "pool_free" 0 - 1 /\ word u = word s).
    { unfold u, pool_take. rewrite (proj2 (Z.eqb_neq _ _) H0). cbn [negb]. rewrite !cell_setcell. cbn. auto. }
    destruct Eu as (E1 & E2 & E3 & E4).
    assert (Un : forall w, cell u "vcpu_context" w = cell s "vcpu_context" w).
    { intros w. unfold u, pool_take. destruct (negb _); reflexivity. }
    assert (Et : Base.table u = Base.table s /\ Base.s1 u = Base.s1 s /\ Base.tab u = Base.tab s).
    { unfold u, pool_take. destruct (negb _); auto. }
    destruct Et as (Et & Es & Eb').
    assert (Lu : linked u (word s (cell s "pool_head" 0)) m) by (apply (linked_same s); auto; intros; rewrite E4; auto).
    assert (Cm : cell s "pool_free" 0 - 1 = Z.of_nat (length m) + (pool - cell s "pool_bump" 0)) by (cbn [length] in C; lia).
    assert (Am : forall b, In b m -> (exists k, 0 <= k < cell s "pool_bump" 0 /\ b = pool_at k) /\ ~ in_use u t b).
    { intros b Hb. rewrite InU. apply A. right. exact Hb. }
    split.
    { apply (Ok1 (word s (cell s "pool_head" 0)) (pool_page s)); auto; try lia.
      apply (Small _ m); auto. intros a Ha. right. exact Ha. }
    split.
    + constructor; unfold table_at in *; rewrite ?E1, ?E2, ?E3, ?Et, ?Es, ?Eb'; auto.
      * exists m. auto.
      * intros a Ha. rewrite InU in Ha. auto.
      * intros w Hw. rewrite Un. auto.
      * intros w x Hw Hx. rewrite !Un. auto.
      * intros w V. apply (Inv.covers_mono (held_by s t w) _ (v_tables (vm t w))); auto; [|lia]. unfold held_by. rewrite Es, Eb'.
        intros a (Na & Ha). split; [exact Na|]. destruct Ha as [Ha|[Ha|(x & H1 & H2 & H3)]]; auto. rewrite Un in H3. eauto 6.
    + constructor; rewrite ?E1, ?E2, ?E3.
      * exists k. rewrite Pg. auto.
      * rewrite InU, Pg. exact Nu.
      * exists m. rewrite Pg. auto.
Qed.

(* Words of a page that is nowhere matter to nobody. *)
Lemma keep_words c s s' t a : Q c s t -> taken s (P t) a -> cell s' = cell s -> Base.reg s' = Base.reg s -> Base.s1 s' = Base.s1 s ->
  Base.tab s' = Base.tab s -> Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s ->
  (forall b, b < a \/ a + 4096 <= b -> word s' b = word s b) -> Q c s' t /\ taken s' (P t) a.
Proof.
  intros R [(k & K & Ea) Nu (l & L & Nd & C & A & Nl)] Ec Er E1 E2 E3 E4 W.
  pose proof (p_bump _ _ _ (r_pool _ _ _ _ R)) as B.
  assert (InU : forall x, in_use s' (P t) x <-> in_use s (P t) x) by (intros x; unfold in_use; rewrite Ec, E4; tauto).
  assert (Ll : linked s' (cell s "pool_head" 0) l).
  { apply (linked_same s); auto. intros x X. destruct (A x X) as [(j & J & E) _]. apply W.
    assert (j <> k) by (intros ->; apply Nl; congruence). subst. unfold pool_at, PAGE_BYTES. lia. }
  assert (Am : forall b, In b l -> (exists j, 0 <= j < cell s "pool_bump" 0 /\ b = pool_at j) /\ ~ in_use s' (P t) b).
  { intros b Hb. rewrite InU. auto. }
  split; [|constructor; rewrite ?Ec; [eauto|rewrite InU; exact Nu|exists l; auto]].
  pose proof (context_at fixed c s t) as Ca.
  pose proof (r_log _ _ _ _ R) as Lg. pose proof R as X. destruct X. constructor; rewrite ?Ec, ?Er, ?E1, ?E2, ?E3; auto.
  - destruct r_pool. constructor; unfold table_at, held_by in *; rewrite ?Ec, ?E1, ?E2, ?E4; auto.
    + exists l. auto.
    + intros x X. rewrite InU in X. auto.
  - intros p o Hp Cp Ho. rewrite W; auto. rewrite Ea, pool_page_no by exact I.
    assert (p <> fixed "pool_base" 0 / PAGE_BYTES + k) by (intros ->; rewrite (n_pool_core _ I) in Cp by lia; discriminate).
    unfold PAGE_BYTES in *. lia.
  - intros w o Hw Rw Ho. rewrite W; auto.
    assert (Hc : has_context (P t) w) by (destruct Rw as (X1 & X2 & _); split; auto).
    destruct (Ca w R Hc) as (j & J & Ej). rewrite Ej, Ea.
    assert (j <> k) by (intros ->; apply Nu; right; exists w; split; [exact Hc|congruence]).
    unfold pool_at, PAGE_BYTES, W_GP, W_FP, N_FP in *. lia.
  - apply (vgic_same c s); auto.
Qed.

Lemma zero_outside n a s b : b < a \/ a + Z.of_nat n * 8 <= b -> word (zero n a s) b = word s b.
Proof.
  intros H. rewrite zero_word. destruct (a <=? b) eqn:E, (b <? a + Z.of_nat n * 8) eqn:F; cbn [andb]; auto. props. lia.
Qed.
Lemma zero_page_outside a s b : b < a \/ a + 4096 <= b -> word (zero words a s) b = word s b.
Proof. intros H. apply zero_outside. rewrite words_eq. lia. Qed.
Lemma zero_rest n a s : Base.reg (zero n a s) = Base.reg s /\ Base.s1 (zero n a s) = Base.s1 s /\ Base.tab (zero n a s) = Base.tab s /\
  Base.leaf (zero n a s) = Base.leaf s /\ Base.table (zero n a s) = Base.table s /\ held (zero n a s) = held s.
Proof. induction n as [|n IH]; [repeat split|exact IH]. Qed.

Lemma taken_same s s' t t' a : taken s t a -> word s' = word s -> cell s' "pool_bump" 0 = cell s "pool_bump" 0 ->
  cell s' "pool_head" 0 = cell s "pool_head" 0 -> cell s' "pool_free" 0 = cell s "pool_free" 0 ->
  (forall x, in_use s' t' x -> in_use s t x) -> taken s' t' a.
Proof.
  intros [K U (l & L & Nd & C & A & Nl)] W B H F In_. constructor; rewrite ?B, ?H, ?F; auto.
  exists l. split; [apply (linked_same s); auto; intros; rewrite W; auto|]. do 2 (split; [auto|]). split; auto.
  intros b Hb. destruct (A b Hb). auto.
Qed.

Lemma small_count x y : x = y -> 0 <= y < 2 ^ 64 -> x = y mod 2 ^ 64.
Proof. intros -> H. symmetry. apply Z.mod_small, H. Qed.

(* Counters that leave room for a few tables more. *)
Record few (n : Z) (t : pub) : Prop := {
  w_free : 0 <= cnt t KCORE_STAT_pool_free < 2 ^ 40 + n;
  w_reserve : 0 <= cnt t N_RESERVE < 2 ^ 40;
  w_tables : forall v, is_handle v -> v_tables (vm t v) < 2 ^ 39 + n
}.
Lemma fits_few t : fits t -> few 0 t.
Proof. intros F. split; [pose proof (f_free _ F); lia|apply (f_reserve _ F)|intros v _; pose proof (f_tables _ F v); lia]. Qed.

Lemma covers_low {A} (U : A -> Prop) n : Inv.covers U n -> 0 <= n.
Proof. intros (l & _ & _ & L). lia. Qed.
Lemma free_bound s t : pool_fine s t -> 0 <= cell s "pool_free" 0 < 2 ^ 28.
Proof.
  intros F. destruct (p_bump _ _ _ F) as [B1 B2]. destruct (p_list _ _ _ F) as (l & _ & Nd & C & A).
  assert (Le : Z.of_nat (length l) <= cell s "pool_bump" 0).
  { assert (X : (length l <= length (map pool_at (range 0 (Z.to_nat (cell s "pool_bump" 0)))))%nat).
    { apply NoDup_incl_length; auto. intros a Ha. destruct (A a Ha) as [(k & K & ->) _]. apply in_map, range_in. lia. }
    unfold range in X. rewrite !map_length, seq_length in X. lia. }
  destruct (Z.eq_dec pool 0) as [Z|Z]; [lia|]. destruct (pool_room ltac:(lia)) as [_ X]. lia.
Qed.

Lemma pool_alloc_cursor v t p w : pool_alloc v t = Some p -> v_cursor (vm p w) = v_cursor (vm t w).
Proof.
  unfold pool_alloc. destruct (_ || _); [discriminate|]. intros E. injection E as <-. destruct (_ && _); peel; unfold upd;
    destruct (Z.eqb_spec w v) as [->|]; reflexivity.
Qed.

End Pool.
