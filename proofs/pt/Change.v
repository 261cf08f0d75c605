(* SPDX-License-Identifier: GPL-2.0-only *)
(* Changes of a word and of the map that keep them together: a leaf, a new table, a table taken away. *)
From KCore Require Export pt.Rel.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition apart (l vm n l' vm' n' : Z) : Prop := ~ (l' = l /\ vm' = vm /\ n' = n).
Lemma same_or_apart l vm n l' vm' n' : (l' = l /\ vm' = vm /\ n' = n) \/ apart l vm n l' vm' n'.
Proof. unfold apart. lia. Qed.

(* w' is w but for the entry (l, vm, n) of t. *)
Definition others (t : state) (w w' : Z -> Z) (l vm n : Z) : Prop :=
  forall l' vm' n', present t l' vm' n' -> apart l vm n l' vm' n' -> w' (addr t l' vm' n') = w (addr t l' vm' n').

Lemma both_eq a b c d : (a =? b) && (c =? d) = true <-> a = b /\ c = d.
Proof. rewrite andb_true_iff, !Z.eqb_eq. reflexivity. Qed.
Lemma both_ne a b c d : (a =? b) && (c =? d) = false <-> ~ (a = b /\ c = d).
Proof. rewrite <- not_true_iff_false, both_eq. reflexivity. Qed.
Ltac split_both :=
  match goal with
  | |- context [(?a =? ?b) && (?c =? ?d)] =>
      let E := fresh "B" in destruct ((a =? b) && (c =? d)) eqn:E; [apply (proj1 (both_eq _ _ _ _)) in E; destruct E|apply (proj1 (both_ne _ _ _ _)) in E]
  end.
Ltac split_both_in H :=
  match type of H with
  | context [(?a =? ?b) && (?c =? ?d)] =>
      let E := fresh "B" in destruct ((a =? b) && (c =? d)) eqn:E; [apply (proj1 (both_eq _ _ _ _)) in E; destruct E|apply (proj1 (both_ne _ _ _ _)) in E]
  end.
(* Levels as numbers. *)
Ltac by_level l := pattern l; apply three; [lia| | |]; intros.
Ltac levels := unfold addr, val, tbase, up, slot in *; cbn [Z.eqb Pos.eqb] in *.

Lemma valid1 vm n : valid 1 vm n <-> 0 <= vm < 256 /\ 0 <= n < 1024.
Proof. unfold valid, nmax. cbn [Z.eqb Pos.eqb]. lia. Qed.
Lemma valid2 vm n : valid 2 vm n <-> 0 <= vm < 256 /\ 0 <= n < 2 ^ 19.
Proof. unfold valid, nmax. cbn [Z.eqb Pos.eqb]. lia. Qed.
Lemma valid3 vm n : valid 3 vm n <-> 0 <= vm < 256 /\ 0 <= n < 2 ^ 28.
Proof. unfold valid, nmax. cbn [Z.eqb Pos.eqb]. lia. Qed.
Lemma valid2_up vm n : valid 2 vm n -> valid 1 vm (n / 512).
Proof.
  rewrite valid2, valid1. intros [V N]. split; [exact V|]. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
Qed.
Lemma valid3_up vm n : valid 3 vm n -> valid 2 vm (n / 512).
Proof.
  rewrite valid3, valid2. intros [V N]. split; [exact V|]. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
Qed.

Lemma val2 t vm n : val t 2 vm n = if tab t vm n =? 0 then leaf t vm 2 n else table_desc (tab t vm n).
Proof. reflexivity. Qed.
Lemma val3 t vm n : val t 3 vm n = leaf t vm 3 n.
Proof. reflexivity. Qed.

(* ------------------------------------------------------------------------- a leaf *)

Lemma leaf_change own t w w' l vm n pte : maps_ok own t w -> l = 2 \/ l = 3 -> present t l vm n ->
  (l = 2 -> tab t vm n = 0) -> pte = 0 \/ leaf_ok pte l = true ->
  w' (addr t l vm n) = pte -> others t w w' l vm n -> maps_ok own (set_leaf vm l n pte t) w'.
Proof.
  intros W HL P T F Hw O. destruct W as [A B C D2 D3 E F2 F3]. split.
  - exact A.
  - intros l' vm' n' P'. change (present t l' vm' n') in P'. change (addr (set_leaf vm l n pte t) l' vm' n') with (addr t l' vm' n').
    destruct (same_or_apart l vm n l' vm' n') as [(-> & -> & ->)|N].
    + rewrite Hw. destruct HL as [-> | ->]; unfold val; cbn; rewrite !Z.eqb_refl; cbn; [|reflexivity].
      rewrite T by reflexivity. reflexivity.
    + rewrite O, B by auto. destruct P' as ((Hl & _) & _). revert N. by_level l'; try reflexivity.
      * rewrite !val2. cbn [leaf tab set_leaf with_maps]. destruct (tab t vm' n' =? 0); [|reflexivity].
        destruct ((vm' =? vm) && (2 =? l) && (n' =? n)) eqn:Q; [|reflexivity]. props. subst. exfalso. apply N. auto.
      * rewrite !val3. cbn [leaf set_leaf with_maps].
        destruct ((vm' =? vm) && (3 =? l) && (n' =? n)) eqn:Q; [|reflexivity]. props. subst. exfalso. apply N. auto.
  - exact C.
  - intros vm' n' V S. change (s1 t vm' (n' / 512) = 0) in S. destruct (D2 vm' n' V S) as [D D']. split; [exact D|]. cbn [leaf set_leaf with_maps].
    destruct (vm' =? vm) eqn:E1, (2 =? l) eqn:E2, (n' =? n) eqn:E3; cbn [andb]; auto.
    props. subst. exfalso. apply P. levels. exact S.
  - intros vm' n' V S. change (tab t vm' (n' / 512) = 0) in S. cbn [leaf set_leaf with_maps].
    destruct (vm' =? vm) eqn:E1, (3 =? l) eqn:E2, (n' =? n) eqn:E3; cbn [andb]; auto.
    props. subst. exfalso. apply P. levels. exact S.
  - intros vm' n' V S. change (tab t vm' n' <> 0) in S. cbn [leaf set_leaf with_maps].
    destruct (vm' =? vm) eqn:E1, (2 =? l) eqn:E2, (n' =? n) eqn:E3; cbn [andb]; auto.
    props. subst. exfalso. apply S, T. reflexivity.
  - intros vm' n' V. cbn [leaf set_leaf with_maps]. destruct (vm' =? vm) eqn:E1, (2 =? l) eqn:E2, (n' =? n) eqn:E3; cbn [andb]; auto. props. subst. exact F.
  - intros vm' n' V. cbn [leaf set_leaf with_maps]. destruct (vm' =? vm) eqn:E1, (3 =? l) eqn:E2, (n' =? n) eqn:E3; cbn [andb]; auto. props. subst. exact F.
Qed.

(* -------------------------------------------------------------------- a new table *)

Lemma grow_s1 own t w w' vm g pa : maps_ok own t w -> 0 <= vm < 256 -> 0 <= g < 1024 -> s1 t vm g = 0 ->
  table_page t pa -> table t (page pa) = false ->
  (forall i, 0 <= i < 512 -> w' (pa + i * 8) = 0) -> w' (addr t 1 vm g) = table_desc pa -> others t w w' 1 vm g ->
  exists own', maps_ok own' (set_s1 vm g pa (set_table (page pa) true t)) w'.
Proof.
  intros W Hv Hg S PA F Z Hw O.
  assert (Fresh : forall l v n, present t l v n -> l <> 1 -> page (tbase t l v (up l n)) <> page pa).
  { intros l v n P L E. destruct (r_page _ _ _ W _ _ _ P L) as (_ & X & _). rewrite E in X. congruence. }
  assert (Old : forall l v n, ~ (l = 2 /\ v = vm /\ n / 512 = g) -> present (set_s1 vm g pa (set_table (page pa) true t)) l v n ->
    present t l v n /\ tbase (set_s1 vm g pa (set_table (page pa) true t)) l v (up l n) = tbase t l v (up l n)).
  { intros l v n N (V & P). pose proof V as (Hl & _). revert V N P. by_level l; unfold present; levels; try (split; [split; [exact V|exact P]|reflexivity]).
    cbn [s1 set_s1 set_table with_maps] in *. split_both_in P; [exfalso; apply N; auto|]. auto. }
  exists (fun q => if q =? page pa then (2, vm, g) else own q).
  destruct PA as (PA & M & I). destruct W as [A B C D2 D3 E F2 F3]. split; auto.
  - intros l v n P. destruct (same_or_apart 1 vm g l v n) as [(-> & -> & ->)|N].
    + change (addr (set_s1 vm g pa (set_table (page pa) true t)) 1 vm g) with (addr t 1 vm g). rewrite Hw.
      unfold val; cbn. rewrite ?Z.eqb_refl. cbn. destruct (Z.eqb_spec pa 0); [lia|reflexivity].
    + destruct (Z.eq_dec l 2) as [->|L]; [destruct (Z.eq_dec v vm) as [->|]; [destruct (Z.eq_dec (n / 512) g) as [G|]|]|].
      { destruct P as (V & _). unfold addr, tbase, up, slot. cbn. rewrite G, ?Z.eqb_refl. cbn. rewrite Z by apply mod512.
        unfold val; cbn. destruct (D2 vm n V) as [D D']; [rewrite G; exact S|]. rewrite D, D'. reflexivity. }
      all: match type of P with present _ ?l ?v ?n =>
        destruct (Old l v n ltac:(lia) P) as [P' EB]; unfold addr; rewrite EB; fold (addr t l v n) end;
        rewrite O, B by (auto; unfold apart; lia); destruct P' as ((Hl & _) & _).
      all: try reflexivity.
      revert N. by_level l; unfold val; cbn; try reflexivity.
      split_both; [|reflexivity]. exfalso. apply N. auto.
  - intros l v n P L. destruct (Z.eq_dec l 2) as [->|L2]; [destruct (Z.eq_dec v vm) as [->|]; [destruct (Z.eq_dec (n / 512) g) as [G|]|]|].
    { unfold tbase, up. cbn. rewrite G, ?Z.eqb_refl. cbn. rewrite ?Z.eqb_refl. repeat split; auto; lia. }
    all: match type of P with present _ ?l ?v ?n => destruct (Old l v n ltac:(lia) P) as [P' EB] end;
      rewrite EB; pose proof (Fresh _ _ _ P' L) as X; destruct (C _ _ _ P' L) as (C1 & C2 & C3); cbn [table set_s1 set_table with_maps];
      apply Z.eqb_neq in X; rewrite X; auto.
  - intros v n V X. cbn in X. split_both_in X; [lia|]. apply D2; auto.
Qed.

(* The new level-3 table of block b holds f; the block itself, if there was one, is gone. *)
Lemma grow_tab own t t' w w' vm b pa (f : Z -> Z) : maps_ok own t w -> 0 <= vm < 256 -> 0 <= b < 2 ^ 19 ->
  s1 t vm (b / 512) <> 0 -> tab t vm b = 0 -> table_page t pa -> table t (page pa) = false ->
  (forall i, 0 <= i < 512 -> f i = 0 \/ leaf_ok (f i) 3 = true) ->
  (forall i, 0 <= i < 512 -> w' (pa + i * 8) = f i) -> w' (addr t 2 vm b) = table_desc pa -> others t w w' 2 vm b ->
  cell t' = cell t -> s1 t' = s1 t ->
  (forall v m, tab t' v m = if (v =? vm) && (m =? b) then pa else tab t v m) ->
  (forall v m, valid 2 v m -> leaf t' v 2 m = if (v =? vm) && (m =? b) then 0 else leaf t v 2 m) ->
  (forall v m, valid 3 v m -> leaf t' v 3 m = if (v =? vm) && (m / 512 =? b) then f (m mod 512) else leaf t v 3 m) ->
  (forall q, table t' q = if q =? page pa then true else table t q) ->
  exists own', maps_ok own' t' w'.
Proof.
  intros W Hv Hb S1 T0 PA Fr Hf Z Hw O Ec Es Et El2 El3 Ep.
  assert (Fresh : forall l v n, present t l v n -> l <> 1 -> page (tbase t l v (up l n)) <> page pa).
  { intros l v n P L E. destruct (r_page _ _ _ W _ _ _ P L) as (_ & X & _). rewrite E in X. congruence. }
  assert (Er : forall v, root t' v = root t v) by (intros; unfold root; rewrite Ec; reflexivity).
  assert (Old : forall l v n, ~ (l = 3 /\ v = vm /\ n / 512 = b) -> present t' l v n ->
    present t l v n /\ tbase t' l v (up l n) = tbase t l v (up l n)).
  { intros l v n N (V & P). pose proof V as (Hl & _). revert V N P. by_level l; unfold present; levels; rewrite ?Er, ?Es, ?Et in *; try (split; [split; [exact V|exact P]|reflexivity]).
    split_both_in P; [exfalso; apply N; auto|]. auto. }
  exists (fun q => if q =? page pa then (3, vm, b) else own q).
  destruct PA as (PA & M & I). destruct W as [A B C D2 D3 E F2 F3]. split.
  - rewrite Ec. exact A.
  - intros l v n P. destruct (Z.eq_dec l 3) as [->|L]; [destruct (Z.eq_dec v vm) as [->|]; [destruct (Z.eq_dec (n / 512) b) as [G|]|]|].
    { destruct P as (V & _). unfold addr, tbase, up, slot. cbn [Z.eqb Pos.eqb]. rewrite Et, G, ?Z.eqb_refl. cbn [andb]. rewrite Z by apply mod512.
      unfold val; cbn [Z.eqb Pos.eqb]. rewrite El3, G, ?Z.eqb_refl by auto. reflexivity. }
    all: match type of P with present _ ?l ?v ?n =>
      destruct (Old l v n ltac:(lia) P) as [P' EB]; unfold addr; rewrite EB; fold (addr t l v n) end.
    1: { rewrite O, B by (auto; unfold apart; lia). destruct P' as (V & _). unfold val; cbn [Z.eqb Pos.eqb]. rewrite El3 by auto. split_both; [lia|reflexivity]. }
    1: { rewrite O, B by (auto; unfold apart; lia). destruct P' as (V & _). unfold val; cbn [Z.eqb Pos.eqb]. rewrite El3 by auto. split_both; [lia|reflexivity]. }
    destruct (same_or_apart 2 vm b l v n) as [(-> & -> & ->)|N].
    + rewrite Hw. unfold val; cbn [Z.eqb Pos.eqb]. rewrite Et, ?Z.eqb_refl. cbn [andb]. destruct (Z.eqb_spec pa 0); [lia|reflexivity].
    + rewrite O, B by auto. destruct P' as (V & _). pose proof V as (Hl & _). revert V N L. by_level l; unfold val; cbn [Z.eqb Pos.eqb].
      * rewrite Es. reflexivity.
      * rewrite Et, El2 by auto. split_both; [exfalso; apply N; auto|reflexivity].
      * lia.
  - intros l v n P L. destruct (Z.eq_dec l 3) as [->|L2]; [destruct (Z.eq_dec v vm) as [->|]; [destruct (Z.eq_dec (n / 512) b) as [G|]|]|].
    { unfold tbase, up. cbn [Z.eqb Pos.eqb]. rewrite Et, Ep, G, ?Z.eqb_refl. cbn [andb]. rewrite ?Z.eqb_refl. repeat split; auto; try lia. unfold in_roots in *. rewrite Ec. exact I. }
    all: match type of P with present _ ?l ?v ?n => destruct (Old l v n ltac:(lia) P) as [P' EB] end;
      rewrite EB; pose proof (Fresh _ _ _ P' L) as X; destruct (C _ _ _ P' L) as (C1 & C2 & C3);
      apply Z.eqb_neq in X; rewrite Ep, X; unfold table_page, in_roots in *; rewrite Ec; auto.
  - intros v n V X. rewrite Es in X. destruct (D2 v n V X) as [D D']. rewrite Et, El2 by auto. split_both; [|auto]. subst. contradiction.
  - intros v n V X. rewrite Et in X. rewrite El3 by auto. split_both_in X; [lia|]. auto.
  - intros v n V X. rewrite Et in X. rewrite El2 by auto. split_both_in X; auto.
  - intros v n V. rewrite El2 by auto. split_both; auto.
  - intros v n V. rewrite El3 by auto. split_both; auto. apply Hf, mod512.
Qed.

(* -------------------------------------------------------------- a table taken away *)

Lemma shrink_s1 own t w w' vm g : maps_ok own t w -> 0 <= vm < 256 -> 0 <= g < 1024 -> s1 t vm g <> 0 ->
  (forall i, 0 <= i < 512 -> tab t vm (g * 512 + i) = 0 /\ leaf t vm 2 (g * 512 + i) = 0) ->
  w' (addr t 1 vm g) = 0 -> others (set_s1 vm g 0 t) w w' 1 vm g ->
  maps_ok own (set_table (page (s1 t vm g)) false (set_s1 vm g 0 t)) w'.
Proof.
  intros W Hv Hg S Em Hw O. destruct (s1_page _ _ _ _ _ W Hv Hg S) as (_ & _ & OW).
  set (t' := set_table (page (s1 t vm g)) false (set_s1 vm g 0 t)).
  assert (Old : forall l v n, present t' l v n -> present t l v n /\ tbase t' l v (up l n) = tbase t l v (up l n)).
  { intros l v n (V & P). pose proof V as (Hl & _). revert V P. by_level l; unfold present, t' in *; levels; try (split; [split; [exact V|exact P]|reflexivity]).
    cbn [s1 tab set_s1 set_tab set_table with_maps] in *. split_both_in P; [lia|]. auto. }
  destruct W as [A B C D2 D3 E F2 F3]. split; auto.
  - intros l v n P. destruct (Old _ _ _ P) as [P' EB]. destruct (same_or_apart 1 vm g l v n) as [(-> & -> & ->)|N].
    + change (addr t' 1 vm g) with (addr t 1 vm g). rewrite Hw. unfold val, t'; cbn. rewrite ?Z.eqb_refl. reflexivity.
    + change (addr t' l v n) with (addr (set_s1 vm g 0 t) l v n). rewrite (O l v n P N). change (addr (set_s1 vm g 0 t) l v n) with (addr t' l v n). unfold addr. rewrite EB. fold (addr t l v n). rewrite B by auto.
      pose proof P' as ((Hl & _) & _). revert N. by_level l; unfold val, t'; cbn; try reflexivity. split_both; [exfalso; apply N; auto|reflexivity].
  - intros l v n P L. destruct (Old _ _ _ P) as [P' EB]. rewrite EB. destruct (C _ _ _ P' L) as (C1 & C2 & C3).
    assert (X : page (tbase t l v (up l n)) <> page (s1 t vm g)).
    { intros X. rewrite X, OW in C3. injection C3 as <- <- U. destruct P as (_ & P). apply P. rewrite <- U. unfold tbase, t'; cbn. rewrite ?Z.eqb_refl. reflexivity. }
    unfold t'; cbn [table set_table set_s1 with_maps]. apply Z.eqb_neq in X. rewrite X. auto.
  - intros v n V X. cbn in X |- *. split_both_in X; [|apply D2; auto]. subst v. specialize (Em (n mod 512) (mod512 n)).
    replace (g * 512 + n mod 512) with n in Em; [exact Em|]. rewrite (Z.div_mod n 512) at 1 by lia. lia.
Qed.

Lemma shrink_tab own t w w' vm b : maps_ok own t w -> 0 <= vm < 256 -> 0 <= b < 2 ^ 19 -> tab t vm b <> 0 ->
  (forall i, 0 <= i < 512 -> leaf t vm 3 (b * 512 + i) = 0) ->
  w' (addr t 2 vm b) = 0 -> others (set_tab vm b 0 t) w w' 2 vm b ->
  maps_ok own (set_table (page (tab t vm b)) false (set_tab vm b 0 t)) w'.
Proof.
  intros W Hv Hb S Em Hw O. destruct (tab_page _ _ _ _ _ W Hv Hb S) as (_ & _ & OW).
  set (t' := set_table (page (tab t vm b)) false (set_tab vm b 0 t)).
  assert (Old : forall l v n, present t' l v n -> present t l v n /\ tbase t' l v (up l n) = tbase t l v (up l n)).
  { intros l v n (V & P). pose proof V as (Hl & _). revert V P. by_level l; unfold present, t' in *; levels; try (split; [split; [exact V|exact P]|reflexivity]).
    cbn [s1 tab set_s1 set_tab set_table with_maps] in *. split_both_in P; [lia|]. auto. }
  destruct W as [A B C D2 D3 E F2 F3]. split; auto.
  - intros l v n P. destruct (Old _ _ _ P) as [P' EB]. destruct (same_or_apart 2 vm b l v n) as [(-> & -> & ->)|N].
    + change (addr t' 2 vm b) with (addr t 2 vm b). rewrite Hw. unfold val, t'; cbn. rewrite ?Z.eqb_refl. cbn.
      symmetry. apply E; auto. apply valid2; auto.
    + change (addr t' l v n) with (addr (set_tab vm b 0 t) l v n). rewrite (O l v n P N). change (addr (set_tab vm b 0 t) l v n) with (addr t' l v n). unfold addr. rewrite EB. fold (addr t l v n). rewrite B by auto.
      pose proof P' as ((Hl & _) & _). revert N. by_level l; unfold val, t'; cbn; try reflexivity. split_both; [exfalso; apply N; auto|reflexivity].
  - intros l v n P L. destruct (Old _ _ _ P) as [P' EB]. rewrite EB. destruct (C _ _ _ P' L) as (C1 & C2 & C3).
    assert (X : page (tbase t l v (up l n)) <> page (tab t vm b)).
    { intros X. rewrite X, OW in C3. injection C3 as <- <- U. destruct P as (_ & P). apply P. rewrite <- U. unfold tbase, t'; cbn. rewrite ?Z.eqb_refl. reflexivity. }
    unfold t'; cbn [table set_table set_tab with_maps]. apply Z.eqb_neq in X. rewrite X. auto.
  - intros v n V X. cbn in X |- *. destruct (D2 v n V X) as [D D']. split_both; auto.
  - intros v n V X. cbn in X |- *. split_both_in X; [|apply D3; auto]. subst v. specialize (Em (n mod 512) (mod512 n)).
    replace (b * 512 + n mod 512) with n in Em; [exact Em|]. rewrite (Z.div_mod n 512) at 1 by lia. lia.
  - intros v n V X. cbn in X |- *. split_both_in X; [lia|]. apply E; auto.
Qed.
