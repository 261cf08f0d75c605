(* SPDX-License-Identifier: GPL-2.0-only *)
(* The relation R under the changes of state that primitives and the pool make. *)
From KCore Require Export pt.Change.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* R, but for the words of the pages in `out'. *)
Definition Rx (out : Z -> bool) (s t : state) : Prop :=
  same_rest s t /\ agree out s t /\ exists own, maps_ok own t (word s).
Lemma R_Rx s t : R s t <-> Rx none s t.
Proof. reflexivity. Qed.

Lemma maps_ext own t t' w : maps_ok own t w ->
  cell t' "root_base" 0 = cell t "root_base" 0 -> s1 t' = s1 t -> tab t' = tab t -> leaf t' = leaf t -> table t' = table t ->
  maps_ok own t' w.
Proof.
  intros [A B C D2 D3 E F2 F3] Ec Es Et El Ep.
  split; unfold present, addr, val, tbase, table_page, in_roots, root in *; rewrite ?Ec, ?Es, ?Et, ?El, ?Ep in *; assumption.
Qed.

Lemma plain_ext t t' a : cell t' "root_base" 0 = cell t "root_base" 0 -> table t' = table t -> plain t' a = plain t a.
Proof. intros Ec Ep. unfold plain, aligned, in_roots. rewrite Ec, Ep. reflexivity. Qed.

(* Words change in the same way where there is no table. *)
Lemma R_words out s t w1 w2 : Rx out s t -> (forall a, plain t a = true -> w1 a = w2 a) ->
  (forall l vm n, present t l vm n -> w1 (addr t l vm n) = word s (addr t l vm n)) ->
  R (setwords w1 s) (setwords w2 t).
Proof.
  intros (S & A & own & W) H1 H2. split; [exact S|]. split.
  - intros a P _. apply H1, P.
  - exists own. destruct W as [X B C D2 D3 E F2 F3]. split; auto.
    intros l vm n P. change (present t l vm n) in P. change (addr (setwords w2 t) l vm n) with (addr t l vm n).
    cbn [word setwords]. rewrite H2 by exact P. apply B, P.
Qed.

Lemma R_plain s t a : R s t -> plain t a = true -> word s a = word t a.
Proof. intros (_ & A & _) P. apply A; auto. Qed.

Lemma R_setword s t a v : R s t -> plain t a = true -> R (setword a v s) (setword a v t).
Proof.
  intros HR P. unfold setword. apply (R_words none); auto.
  - intros b Pb. destruct (b =? a); [reflexivity|]. eapply R_plain; eauto.
  - destruct HR as (_ & _ & own & W). intros l vm n N.
    destruct (Z.eqb_spec (addr t l vm n) a) as [E|]; [|reflexivity]. exfalso.
    apply (addr_not_plain W l vm n a N P). auto.
Qed.

Lemma R_rest out s t s' t' : Rx out s t -> same_rest s' t' -> word s' = word s -> word t' = word t ->
  cell t' "root_base" 0 = cell t "root_base" 0 -> s1 t' = s1 t -> tab t' = tab t -> leaf t' = leaf t -> table t' = table t ->
  Rx out s' t'.
Proof.
  intros (S & A & own & W) S' Es Et Ec E1 E2 E3 E4. split; [exact S'|]. split.
  - intros a P O. rewrite Es, Et. apply A; [|exact O]. rewrite <- P. symmetry. apply plain_ext; auto.
  - exists own. rewrite Es. eapply maps_ext; eauto.
Qed.

Ltac rest :=
  match goal with |- same_rest _ _ => unfold same_rest in *; cbn [cell reg held trace answer setcell setregs setreg sethold record
    setwords setword]; intuition congruence end.

Lemma Rx_record out s t f l : Rx out s t -> Rx out (record f l s) (record f l t).
Proof. intros H. eapply R_rest; eauto. destruct H as (S & _). rest. Qed.
Lemma R_record s t f l : R s t -> R (record f l s) (record f l t).
Proof. apply Rx_record. Qed.
Lemma Rx_cell out s t n i v : Rx out s t -> n <> "root_base" -> Rx out (setcell n i v s) (setcell n i v t).
Proof.
  intros H N. eapply R_rest; eauto.
  - destruct H as (S & _). unfold same_rest in *. cbn [cell reg held trace answer setcell]. destruct S as (-> & S). tauto.
  - cbn [cell setcell]. replace (String.eqb "root_base" n) with false; [reflexivity|]. symmetry. apply String.eqb_neq. auto.
Qed.
Lemma R_cell s t n i v : R s t -> n <> "root_base" -> R (setcell n i v s) (setcell n i v t).
Proof. apply Rx_cell. Qed.
Lemma R_hold s t b : R s t -> R (sethold b s) (sethold b t).
Proof. intros H. eapply R_rest; eauto. destruct H as (S & _). rest. Qed.
Lemma R_regs s t r r' : R s t -> (forall b i, r b i = r' b i) -> R (setregs r s) (setregs r' t).
Proof. intros H E. eapply R_rest; eauto. destruct H as (S & _). rest. Qed.
Lemma R_setreg s t b i v : R s t -> R (setreg b i v s) (setreg b i v t).
Proof. intros H. apply R_regs; auto. destruct H as ((_ & E & _) & _). intros c j. rewrite E. reflexivity. Qed.

(* ------------------------------------------------------------------------- the pool *)

Lemma zero_words k pa s : zero k pa s = setwords (word (zero k pa s)) s.
Proof.
  induction k as [|k IH]; [destruct s; reflexivity|]. cbn [zero]. set (z := zero k pa s) in *. unfold setword. rewrite IH. reflexivity.
Qed.

Lemma in_page pa b : (pa <=? b) && (b <? pa + Z.of_nat words * 8) && ((b - pa) mod 8 =? 0) = true ->
  pa <= b < pa + 4096 /\ b = pa + (b - pa).
Proof. rewrite words_eq. intros H. props. lia. Qed.

Lemma zero_at k pa s i : 0 <= i < Z.of_nat k -> word (zero k pa s) (pa + i * 8) = 0.
Proof.
  intros Hi. rewrite zero_word. replace (pa + i * 8 - pa) with (i * 8) by lia. rewrite Z_mod_mult. cbn [Z.eqb].
  replace (pa <=? pa + i * 8) with true by (symmetry; apply Z.leb_le; lia).
  replace (pa + i * 8 <? pa + Z.of_nat k * 8) with true by (symmetry; apply Z.ltb_lt; lia). reflexivity.
Qed.

Lemma plain_page t pa : plain t pa = true -> page_ok pa = true -> 0 < pa -> table_page t pa /\ table t (page pa) = false.
Proof. unfold plain, page_ok, table_page. intros H1 H2 H3. props. repeat split; auto; lia. Qed.

(* Words of a page that is no table, wiped on both sides. *)
Lemma R_zero s t pa : R s t -> table_page t pa -> table t (page pa) = false -> R (zero words pa s) (zero words pa t).
Proof.
  intros HR TP F. rewrite (zero_words words pa s), (zero_words words pa t). apply (R_words none); auto.
  - intros a P. rewrite !zero_word. destruct (_ && _); [reflexivity|]. eapply R_plain; eauto.
  - destruct HR as (_ & _ & own & W). intros l vm n N. rewrite zero_word.
    destruct (_ && _) eqn:B; [|reflexivity]. exfalso. apply in_page in B as [B1 B2].
    apply (addr_not_in W l vm n pa (addr t l vm n - pa) N TP F); lia.
Qed.

Definition same_maps (t t' : state) : Prop :=
  cell t' "root_base" 0 = cell t "root_base" 0 /\ s1 t' = s1 t /\ tab t' = tab t /\ leaf t' = leaf t /\ table t' = table t.

Lemma zero_maps k pa t : same_maps t (zero k pa t).
Proof. rewrite zero_words. repeat split. Qed.

(* What an allocation gives: nothing, or a wiped page that is no table. *)
Lemma alloc_sim s t vm pa t' : R s t -> h_pool_alloc [vm] t = Ok (pa, t') ->
  exists s', s_pool_alloc [vm] s = Ok (pa, s') /\ R s' t' /\ same_maps t t' /\ held t' = held t /\
    (pa <> 0 -> table_page t' pa /\ table t' (page pa) = false /\ forall i, 0 <= i < 512 -> word s' (pa + i * 8) = 0).
Proof.
  intros HR. unfold h_pool_alloc, s_pool_alloc. cbn zeta. pose proof HR as ((Ec & _ & Eh & _) & _).
  assert (EX : exhausted s vm = exhausted t vm) by (unfold exhausted; rewrite Ec; reflexivity).
  rewrite Ec, Eh, EX. destruct (exhausted t vm) eqn:X.
  - rewrite !orb_true_l. destruct (_ && _); [|discriminate]. cbn [Z.eqb orb]. intros [= <- <-].
    exists s. split; [reflexivity|]. split; [exact HR|]. split; [repeat split|]. split; [reflexivity|]. intros H; contradiction.
  - rewrite !orb_false_l. destruct (pool_ok t) eqn:K; [|rewrite andb_false_r; discriminate]. rewrite andb_true_r.
    destruct (held t && _ && _ && _ && _ && _) eqn:Q; [|discriminate].
    assert (EP : pool_page s = pool_page t) by (unfold pool_page; rewrite Ec; reflexivity).
    destruct (_ || _) eqn:PL; [|discriminate]. intros [= <- <-].
    pose proof K as K'. unfold pool_ok in K. props.
    assert (P0 : pool_page t <> 0) by lia. assert (PL' : plain t (pool_page t) = true) by (destruct PL; [lia|assumption]).
    destruct (plain_page t (pool_page t)) as [TP F]; auto; try lia.
    assert (EW : cell t "pool_head" 0 <> 0 -> word s (cell t "pool_head" 0) = word t (cell t "pool_head" 0)).
    { intros N. apply (R_plain _ _ _ HR). unfold pool_page in PL'. destruct (Z.eqb_spec (cell t "pool_head" 0) 0); [contradiction|exact PL']. }
    assert (KS : pool_ok s = true).
    { rewrite <- K'. unfold pool_ok. rewrite EP, Ec. destruct (Z.eqb_spec (cell t "pool_head" 0) 0) as [->|N]; [reflexivity|].
      rewrite (EW N). reflexivity. }
    rewrite KS, EP. eexists. split; [reflexivity|].
    assert (RT : R (pool_take s) (pool_take t)).
    { unfold pool_take. rewrite Ec. destruct (Z.eqb_spec (cell t "pool_head" 0) 0) as [E0|N]; cbn [negb].
      - apply R_cell; [exact HR|discriminate].
      - rewrite (EW N). apply R_cell; [exact HR|discriminate]. }
    match goal with |- R (zero words ?p ?a) (zero words ?p ?b) /\ _ => assert (RA : R a b) end.
    { apply R_cell; [|discriminate]. destruct ((vm =? 0) && _); repeat (apply R_cell; [|discriminate]); exact RT. }
    match goal with |- R (zero words ?p ?a) (zero words ?p ?b) /\ _ => set (s2 := a) in *; set (t2 := b) in * end.
    assert (M : same_maps t t2).
    { unfold t2, pool_take. destruct ((vm =? 0) && _), (negb _); repeat split. }
    destruct M as (M1 & M2 & M3 & M4 & M5).
    assert (TP2 : table_page t2 (pool_page t) /\ table t2 (page (pool_page t)) = false).
    { rewrite M5. split; [|exact F]. unfold table_page, in_roots in *. rewrite M1. exact TP. }
    destruct TP2 as [TP2 F2]. destruct (zero_maps words (pool_page t) t2) as (Z1 & Z2 & Z3 & Z4 & Z5).
    split; [apply R_zero; auto|]. split; [repeat split; congruence|]. split; [|split; [|split]].
    + rewrite zero_held. unfold t2, pool_take. destruct ((vm =? 0) && _), (negb _); reflexivity.
    + unfold table_page, in_roots in *. rewrite Z1. exact TP2.
    + rewrite Z5. exact F2.
    + intros i Hi. apply zero_at. rewrite words_eq. lia.
Qed.

(* A page goes back: wiped, so that what it held before does not matter. *)
Lemma give_sim s t vm pa r t' : Rx (fun p => p =? page pa) s t -> plain t pa = true -> s_pool_give [vm; pa] t = Ok (r, t') ->
  exists s', s_pool_give [vm; pa] s = Ok (r, s') /\ R s' t'.
Proof.
  intros HR P. pose proof HR as ((Ec & _ & Eh & _) & _). unfold s_pool_give. cbn zeta. rewrite Ec, Eh.
  destruct (_ && _) eqn:Q; [|discriminate]. intros [= <- <-]. eexists. split; [reflexivity|].
  assert (PO : page_ok pa = true) by (props; assumption).
  assert (TA : pa mod 4096 = 0) by (unfold page_ok in PO; props; assumption).
  do 3 (apply R_cell; [|discriminate]). rewrite (zero_words words pa s), (zero_words words pa t).
  unfold setword. change (R (setwords (fun b => if b =? pa then cell t "pool_head" 0 else word (zero words pa s) b) s)
                            (setwords (fun b => if b =? pa then cell t "pool_head" 0 else word (zero words pa t) b) t)).
  destruct HR as (SR & A & own & W). apply (R_words (fun p => p =? page pa)); [split; [exact SR|split; [exact A|exists own; exact W]]| |].
  - intros a Pa. destruct (a =? pa); [reflexivity|]. rewrite !zero_word.
    destruct ((pa <=? a) && (a <? pa + Z.of_nat words * 8) && ((a - pa) mod 8 =? 0)) eqn:IN; [reflexivity|]. apply A; [exact Pa|]. apply Z.eqb_neq. intros E. revert IN.
    apply not_false_iff_true. rewrite words_eq. unfold page in E. change (2 ^ 12) with 4096 in E.
    assert (A8 : a mod 8 = 0) by (unfold plain, aligned in Pa; props; assumption).
    apply Z.div_exact in TA; [|lia]. pose proof (Z.div_mod a 4096 ltac:(lia)). pose proof (Z.mod_pos_bound a 4096 ltac:(lia)).
    repeat (apply andb_true_iff; split); [apply Z.leb_le; lia|apply Z.ltb_lt; lia|]. apply Z.eqb_eq.
    replace (a - pa) with (a + - (512 * (pa / 4096)) * 8) by lia. rewrite Z_mod_plus_full. exact A8.
  - intros l v n N. assert (X : forall i, 0 <= i < 4096 -> addr t l v n <> pa + i).
    { intros i Hi E. unfold plain in P. props. destruct (Z.eq_dec l 1) as [->|L].
      - destruct N as (V & _). destruct (addr_root (t := t) _ _ V) as [I _]. rewrite E, roots_page in I; auto; [congruence|]. apply (r_root _ _ _ W).
      - destruct (addr_page W _ _ _ N L) as (_ & _ & T & _). rewrite E, page_in in T by auto. congruence. }
    destruct (Z.eqb_spec (addr t l v n) pa) as [E|]; [exfalso; apply (X 0); lia|]. rewrite zero_word.
    destruct ((pa <=? addr t l v n) && (addr t l v n <? pa + Z.of_nat words * 8) && ((addr t l v n - pa) mod 8 =? 0)) eqn:IN; [|reflexivity].
    apply in_page in IN as [B1 B2]. exfalso. apply (X (addr t l v n - pa)); lia.
Qed.
