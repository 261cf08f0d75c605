(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * KCORE_HC_VM_DESTROY_STEP does what the top machine does, section by section.  Inside of a section, when a table is gone and the
 * cursor has not moved, the relation does not hold: nothing would be known below the cursor.  It holds for the same
 * states with the cursor at 0, and neither side looks at the cursor in between.
 *)
From KCore Require Import code.Common code.Calls code.Transfer code.VmLife code.VmEnd top.InvStep.
From KCore Require Export sim.Reap sim.Answer sim.Over sim.Leaf.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ the top machine: all but the cursor of one VM *)

Section Top.
Context {cfg : config}.

Record agree (v : Z) (p q : pub) : Prop := {
  a_owner : owner q = owner p; a_maps : maps q = maps p; a_lf : lf q = lf p; a_s1 : s1 q = s1 p; a_tab : tab q = tab p;
  a_vcpu : vcpu q = vcpu p; a_cpu : cpu q = cpu p; a_cnt : cnt q = cnt p; a_stat : stat q = stat p; a_logged : logged q = logged p;
  a_other : forall w, w <> v -> vm q w = vm p w; a_vm : forall x, vm_with_cursor x (vm q v) = vm_with_cursor x (vm p v)
}.
Definition rewound (v : Z) (t : pub) : pub := change_vm v (vm_with_cursor 0) t.

Lemma agree_rewound v t : agree v t (rewound v t).
Proof.
  constructor; auto; intros; unfold rewound, change_vm, set_vm, upd; cbn [vm]; rewrite ?Z.eqb_refl; auto.
  now rewrite (proj2 (Z.eqb_neq w v)).
Qed.
Lemma agree_change v f p q : agree v p q -> (forall x r, vm_with_cursor x (f r) = f (vm_with_cursor x r)) ->
  agree v (change_vm v f p) (change_vm v f q).
Proof.
  intros [] F. constructor; auto; intros; unfold change_vm, set_vm, upd; cbn [vm].
  - rewrite (proj2 (Z.eqb_neq w v)); auto.
  - rewrite Z.eqb_refl, !F, a_vm0. reflexivity.
Qed.
Ltac agreed :=
  match goal with A : agree _ _ _ |- _ => destruct A end;
  constructor; first [assumption | cbn; repeat match goal with E : _ = _ |- _ => rewrite E end; reflexivity].
Lemma agree_cnt v k d p q : agree v p q -> agree v (add_cnt k d p) (add_cnt k d q).
Proof. intros A. agreed. Qed.
Lemma agree_leaf v x l p q : agree v p q -> agree v (set_leaf v x l p) (set_leaf v x l q).
Proof. intros A. agreed. Qed.
Lemma agree_maps v g n d p q : agree v p q -> agree v (maps_add g n d p) (maps_add g n d q).
Proof. intros A. unfold maps_add. agreed. Qed.
Lemma agree_field {A} v p q (f : vmrec -> A) : agree v p q -> (forall x r, f (vm_with_cursor x r) = f r) -> f (vm q v) = f (vm p v).
Proof. intros G F. rewrite <- (F 0), (a_vm _ _ _ G), F. reflexivity. Qed.

Lemma agree_reclaim v g p q : agree v p q -> agree v (Hyper.reclaim v g p) (Hyper.reclaim v g q).
Proof.
  intros A. unfold Hyper.reclaim. do 2 apply agree_cnt. apply agree_change; [|reflexivity]. agreed.
Qed.
Lemma agree_drop v i l p q : agree v p q -> match leaf_drop v i l p, leaf_drop v i l q with
  | (b, p', e, _), (b', q', e', _) => b' = b /\ e' = e /\ agree v p' q' end.
Proof.
  intros A. unfold leaf_drop. destruct (l =? 1); [auto|]. rewrite (a_lf _ _ _ A). destruct (lf p v (level_place l i)) as [x|]; [|auto].
  rewrite (agree_field v p q v_type A) by reflexivity. pose proof (agree_leaf v (level_place l i) None p q A) as B.
  replace (owner q) with (owner p) by (destruct A; congruence).
  destruct (is _ _ && _); (split; [reflexivity|]); (split; [reflexivity|]); [apply agree_reclaim, B|].
  apply agree_change; [|reflexivity]. destruct (dram _); [|exact B]. apply agree_maps, B.
Qed.
Lemma agree_free v i l p q : agree v p q -> agree v (s2_free_table v i l p) (s2_free_table v i l q).
Proof.
  intros A. assert (B : agree v (pool_give v p) (pool_give v q)) by (unfold pool_give; apply agree_change; [apply agree_cnt,
    A|reflexivity]).
  unfold s2_free_table. clear A. revert B. generalize (pool_give v p), (pool_give v q). intros x y A. destruct (l =? 2); agreed.
Qed.
Lemma agree_tables v l i n p q : agree v p q -> agree v (Hyper.reap_tables v l i n p) (Hyper.reap_tables v l i n q).
Proof. intros A. unfold Hyper.reap_tables. destruct (_ && _), (_ && _); auto using agree_free. Qed.

(* ------------------------------------------------------------------ what is left below and above the cursor *)

Record left_over (t : pub) (v i : Z) : Prop := {
  o_at : 0 <= i;
  o_leaf : forall x l, lf t v x = Some l -> 0 <= first_of x -> i <= first_of x;
  o_tab : forall b, tab t v b = true -> 0 <= b -> i < (b + 1) * 512;
  o_pages : i mod 512 <> 0 -> tab t v (i / 512) = true;
  o_blocks : i mod 262144 <> 0 -> s1 t v (i / 262144) = true
}.
Lemma left_over_of t v : reaped t v -> v_state (vm t v) = VM_DYING -> left_over t v (v_cursor (vm t v)).
Proof.
  intros [F|[E|(_ & A & B & C & G & K)]] S; [rewrite S in F; discriminate F| |constructor; auto].
  rewrite E. constructor; auto; intros; try lia; exfalso; auto.
Qed.

Lemma mod_div i m : 0 < m -> i = m * (i / m) + i mod m /\ 0 <= i mod m < m.
Proof. intros M. split; [apply Z.div_mod; lia|apply Z.mod_pos_bound, M]. Qed.

Section Step.
Variables (t p : pub) (v i : Z).
Hypotheses (J : tables t) (O : left_over t v i).
Let l := s2_level t v i.
Let next := i + level_pages l.
Hypotheses (Lf : forall x, lf p v x = if negb (l =? 1) && place_eqb x (level_place l i) then None else lf t v x)
  (Tb : tab p = tab t) (S1 : s1 p = s1 t).

Lemma level_is : l = 1 /\ s1 t v (i / 262144) = false /\ i mod 262144 = 0 /\ next = i + 262144 \/
  l = 2 /\ s1 t v (i / 262144) = true /\ tab t v (i / 512) = false /\ i mod 512 = 0 /\ next = i + 512 \/
  l = 3 /\ s1 t v (i / 262144) = true /\ tab t v (i / 512) = true /\ next = i + 1.
Proof.
  unfold next, l, s2_level. destruct (s1 t v (i / 262144)) eqn:E; [destruct (tab t v (i / 512)) eqn:F|]; cbn [level_pages Z.eqb Pos.eqb].
  - right. right. auto.
  - right. left. repeat split; auto. destruct (Z.eq_dec (i mod 512) 0) as [|N]; auto. rewrite (o_pages _ _ _ O N) in F. discriminate F.
  - left. repeat split; auto. destruct (Z.eq_dec (i mod 262144) 0) as [|N]; auto. rewrite (o_blocks _ _ _ O N) in E. discriminate E.
Qed.

(* What the leaf that goes leaves behind it. *)
Lemma leaf_above x y : lf p v x = Some y -> 0 <= first_of x -> next <= first_of x.
Proof.
  rewrite Lf. intros L Px. destruct (negb (l =? 1) && place_eqb x (level_place l i)) eqn:N; [discriminate L|].
  pose proof (o_leaf _ _ _ O x y L Px) as B. destruct (mod_div i 512) as [D1 D2]; [lia|].
  destruct level_is as [(E & F & G & ->)|[(E & F & G & K & ->)|(E & F & G & ->)]]; rewrite E in N; cbn [negb Z.eqb Pos.eqb andb] in N.
  - destruct (mod_div i 262144) as [D3 D4]; [lia|]. destruct (Z_le_gt_dec (i + 262144) (first_of x)); [assumption|exfalso].
    assert (X : first_of x / 262144 = i / 262144) by (symmetry; apply (Z.div_unique _ _ _ (first_of x - i)); lia).
    destruct x as [b|k]; cbn [first_of] in *.
    + destruct (t_block _ J v b y L) as [Y _]. rewrite first_block in X. congruence.
    + destruct (t_page _ J v k y L) as [Y _]. congruence.
  - destruct (Z_le_gt_dec (i + 512) (first_of x)); [assumption|exfalso].
    assert (X : first_of x / 512 = i / 512) by (symmetry; apply (Z.div_unique _ _ _ (first_of x - i)); lia).
    destruct x as [b|k]; cbn [first_of level_place Z.eqb Pos.eqb place_eqb] in *.
    + rewrite Z.div_mul in X by lia. subst b. rewrite Z.eqb_refl in N. discriminate N.
    + destruct (t_page _ J v k y L) as [_ Y]. congruence.
  - destruct x as [b|k]; cbn [first_of level_place Z.eqb Pos.eqb place_eqb] in *; [|props; lia].
    destruct (t_block _ J v b y L) as [_ Y]. destruct (Z.eq_dec (b * 512) i) as [X|]; [exfalso|lia].
    rewrite <- X, Z.div_mul in G by lia. congruence.
Qed.
Lemma tabs_above b : tab t v b = true -> 0 <= b -> next < (b + 1) * 512 \/ l = 3 /\ next mod 512 = 0 /\ b = i / 512.
Proof.
  intros T Pb. pose proof (o_tab _ _ _ O b T Pb) as B. destruct (mod_div i 512) as [D1 D2]; [lia|].
  destruct level_is as [(E & F & G & En)|[(E & F & G & K & En)|(E & F & G & En)]]; rewrite En.
  - left. destruct (mod_div i 262144) as [D3 D4]; [lia|]. pose proof (t_table _ J v b T) as Y.
    destruct (mod_div b 512) as [D5 D6]; [lia|]. assert (b / 512 <> i / 262144) by congruence. lia.
  - left. assert (b <> i / 512) by congruence. lia.
  - destruct (Z.eq_dec (i + 1) ((b + 1) * 512)) as [X|]; [right|left; lia]. split; [exact E|]. rewrite X. split; [apply Z_mod_mult|lia].
Qed.

Lemma last_page : l = 3 -> next mod 512 = 0 -> table_empty v i p = true.
Proof.
  intros L N. unfold table_empty. apply forallb_forall. intros k K. apply range_in in K. destruct (lf p v (Page k)) eqn:E; auto. exfalso.
  destruct (mod_div i 512) as [D1 D2]; [lia|]. destruct (mod_div next 512) as [D3 D4]; [lia|]. pose proof (o_at _ _ _ O).
  pose proof (leaf_above _ _ E ltac:(cbn [first_of]; lia)) as B. cbn [first_of] in B.
  destruct level_is as [(E1 & _)|[(E1 & _)|(_ & _ & _ & E1)]]; lia.
Qed.
Lemma last_block q : 2 <= l -> next mod 262144 = 0 -> (forall x, lf q v x = lf p v x \/ lf q v x = None) ->
  (forall b, tab q v b = true -> tab t v b = true /\ ~ (l = 3 /\ next mod 512 = 0 /\ b = i / 512)) -> gib_empty v i q.
Proof.
  intros L N Ql Qt. destruct (mod_div i 262144) as [D1 D2]; [lia|]. destruct (mod_div next 262144) as [D3 D4]; [lia|].
  pose proof (o_at _ _ _ O) as O0.
  assert (En : next / 262144 = i / 262144 + 1).
  { destruct (mod_div i 512) as [D5 D6]; [lia|].
    destruct level_is as [(E1 & _)|[(_ & _ & _ & E2 & E1)|(_ & _ & _ & E1)]]; lia. }
  assert (P0 : 0 <= i / 262144) by (apply Z.div_pos; lia). split.
  - intros b B. destruct (tab q v b) eqn:E; auto. exfalso. destruct (Qt b E) as [T X]. destruct (mod_div b 512) as [D5 D6]; [lia|].
    destruct (tabs_above b T ltac:(lia)); [lia|auto].
  - intros x B. destruct (Ql x) as [X|X]; [|exact X]. destruct (lf q v x) as [y|] eqn:E; auto. exfalso. symmetry in X.
    destruct (mod_div (first_of x) 262144) as [D5 D6]; [lia|]. pose proof (leaf_above x y X ltac:(lia)). lia.
Qed.

(* The cursor moves on. *)
Lemma moved q : (forall x y, lf q v x = Some y -> lf p v x = Some y) ->
  (forall b, tab q v b = true -> tab t v b = true /\ ~ (l = 3 /\ next mod 512 = 0 /\ b = i / 512)) ->
  (next mod 512 <> 0 -> tab q v (i / 512) = tab t v (i / 512)) -> (next mod 262144 <> 0 -> s1 q v (i / 262144) = s1 t v (i / 262144)) ->
  left_over q v next.
Proof.
  intros Ql Qt Q5 Q2. pose proof (o_at _ _ _ O) as O0. destruct (mod_div i 512) as [D1 D2]; [lia|].
  destruct (mod_div i 262144) as [D3 D4]; [lia|]. destruct (mod_div next 512) as [D5 D6]; [lia|].
  destruct (mod_div next 262144) as [D7 D8]; [lia|].
  constructor.
  - destruct level_is as [(_ & _ & _ & E)|[(_ & _ & _ & _ & E)|(_ & _ & _ & E)]]; lia.
  - intros x y X. apply (leaf_above x y (Ql x y X)).
  - intros b T B. destruct (Qt b T) as [X Y]. destruct (tabs_above b X B); [assumption|contradiction].
  - intros N. destruct level_is as [(_ & _ & E1 & E)|[(_ & _ & _ & E1 & E)|(_ & _ & E1 & E)]]; [exfalso; lia|exfalso; lia|].
    replace (next / 512) with (i / 512) by lia. rewrite (Q5 N). exact E1.
  - intros N. replace (next / 262144) with (i / 262144).
    + rewrite (Q2 N). destruct level_is as [(_ & _ & E1 & E)|[(_ & E1 & _ & _ & E)|(_ & E1 & _ & E)]]; [exfalso; lia|exact E1|exact E1].
    + destruct level_is as [(_ & _ & E1 & E)|[(_ & _ & _ & E1 & E)|(_ & _ & E1 & E)]]; lia.
Qed.
End Step.

Lemma leaf_drop_fields v i l t was p e ok : leaf_drop v i l t = (was, p, e, ok) ->
  (forall x, lf p v x = if negb (l =? 1) && place_eqb x (level_place l i) then None else lf t v x) /\ tab p = tab t /\ s1 p = s1 t /\
  cpu p = cpu t /\ v_state (vm p v) = v_state (vm t v) /\ (forall w,
    v_tables (vm p w) = v_tables (vm t w) /\ v_cursor (vm p w) = v_cursor (vm t w)) /\
  cnt p KCORE_STAT_pool_free = cnt t KCORE_STAT_pool_free /\ cnt p N_RESERVE = cnt t N_RESERVE.
Proof.
  unfold leaf_drop. destruct (l =? 1); [intros E; injection E as <- <- <- <-; repeat split; auto|].
  destruct (lf t v (level_place l i)) as [y|] eqn:L.
  - assert (X : forall x, (if (v =? v) && place_eqb x (level_place l i) then None else lf t v x) =
      (if true && place_eqb x (level_place l i) then None else lf t v x)) by (intros x; rewrite Z.eqb_refl; reflexivity).
    destruct (is _ _ && _); intros E; injection E as <- <- <- <-; [|destruct (dram _)]; repeat split; auto;
      unfold Hyper.reclaim, change_vm, set_vm, upd, add_cnt, set_leaf, maps_add; cbn; rewrite ?Z.eqb_refl; auto;
      match goal with |- context [?w =? v] => destruct (Z.eqb_spec w v) as [->|]; auto end.
  - intros E. injection E as <- <- <- <-. repeat split; auto. intros x. cbn [negb andb].
    destruct (place_eqb_spec x (level_place l i)) as [->|];
      auto.
Qed.

Lemma reap_tables_fields v l i next p : let q := Hyper.reap_tables v l i next p in
  cpu q = cpu p /\ v_state (vm q v) = v_state (vm p v) /\ (forall x, lf q v x = lf p v x \/ lf q v x = None) /\
  (forall b, tab q v b = true -> tab p v b = true /\ ~ (l = 3 /\ next mod 512 = 0 /\ b = i / 512)) /\
  (next mod 512 <> 0 -> tab q v (i / 512) = tab p v (i / 512)) /\
  (next mod 262144 <> 0 -> s1 q v (i / 262144) = s1 p v (i / 262144)).
Proof.
  assert (N : next mod 512 <> 0 -> next mod 262144 <> 0).
  { intros N Z. apply N. apply Z.div_exact in Z; [|lia]. rewrite Z. replace (262144 * (next / 262144)) with (512 * (next / 262144) * 512)
      by lia. apply Z_mod_mult. }
  cbv zeta. unfold Hyper.reap_tables.
  assert (F : forall q, (if (l =? 3) && (next mod 512 =? 0) then s2_free_table v i 2 p else p) = q ->
    cpu q = cpu p /\ v_state (vm q v) = v_state (vm p v) /\ (forall x, lf q v x = lf p v x \/ lf q v x = None) /\
    (forall b, tab q v b = true -> tab p v b = true /\ ~ (l = 3 /\ next mod 512 = 0 /\ b = i / 512)) /\
    (next mod 512 <> 0 -> tab q v (i / 512) = tab p v (i / 512)) /\ s1 q = s1 p).
  { intros q <-. destruct ((l =? 3) && (next mod 512 =? 0)) eqn:C.
    - props. unfold s2_free_table, pool_give, change_vm, set_vm, upd, upd2. cbn. rewrite !Z.eqb_refl. cbn [andb].
      repeat split; auto; try contradiction.
      + intros [b|k]; [auto|]. destruct (_ =? _); auto.
      + destruct (b =? i / 512); [discriminate|auto].
      + intros (_ & _ & ->). rewrite Z.eqb_refl in *. discriminate.
    - repeat split; auto. intros (-> & E & _). rewrite E in C. discriminate C. }
  specialize (F _ eq_refl). revert F. generalize (if (l =? 3) && (next mod 512 =? 0) then s2_free_table v i 2 p else p).
  intros q (F1 & F2 & F3 & F4 & F5 & F6). destruct ((2 <=? l) && (next mod 262144 =? 0)) eqn:C.
  - props. unfold s2_free_table, pool_give, change_vm, set_vm, upd, upd2. cbn. rewrite !Z.eqb_refl. cbn [andb].
    split; [exact F1|]. split; [exact F2|]. split; [intros x; destruct (_ =? _); auto|]. split.
    + intros b. destruct (b / 512 =? i / 262144); [discriminate|]. apply F4.
    + split; intros X; exfalso; [apply (N X)|apply X]; assumption.
  - rewrite F6. auto 8.
Qed.
Lemma reap_entry_dying v p t e ok : Hyper.reap_entry v p = (0, t, e, ok) -> v_state (vm t v) = VM_DYING.
Proof.
  unfold Hyper.reap_entry, is. destruct ((v_state (vm p v) =? VM_DYING) && _) eqn:C.
  - apply andb_true_iff in C as [C _]. apply Z.eqb_eq in C. destruct (leaf_drop _ _ _ _) as [[[was q] f] o] eqn:L.
    destruct (leaf_drop_fields _ _ _ _ _ _ _ _ L) as (_ & _ & _ & _ & F & _). intros E. injection E as _ <- _ _.
    unfold change_vm, set_vm, upd. cbn [vm]. rewrite Z.eqb_refl. cbn [v_state vm_with_cursor].
    match goal with |- context [Hyper.reap_tables ?a ?b ?x ?y ?z] => destruct (reap_tables_fields a b x y z) as (_ & -> & _) end. congruence.
  - destruct (_ && negb _); discriminate.
Qed.

(* ------------------------------------------------------------------ entries that are passed over *)

Section Pass.
Variables (t : pub) (v i : Z).
Hypotheses (J : tables t) (O : left_over t v i).
Let l := s2_level t v i.
Let m := level_pages l.
Let n := i / m.

Lemma pass_start : 0 < m /\ i = n * m /\ (l = 1 /\ m = 262144 \/ l = 2 /\ m = 512 \/ l = 3 /\ m = 1).
Proof.
  unfold n, m. destruct (level_is t v i O) as [(E & _ & M & _)|[(E & _ & _ & M & _)|(E & _)]]; fold l in E; rewrite E in *;
    cbn [level_pages Z.eqb Pos.eqb] in *; (split; [lia|]); (split; [|auto]).
  - destruct (mod_div i 262144); lia.
  - destruct (mod_div i 512); lia.
  - rewrite Z.div_1_r. lia.
Qed.

(* The entries of a group are in one table. *)
Lemma pass_level k : 0 <= k -> n mod 128 + k <= 127 -> vacant t v l (n + k) = true -> s2_level t v (i + k * m) = l.
Proof.
  intros K G E. destruct pass_start as (M0 & I0 & _). destruct (mod_div n 128) as [D1 D2]; [lia|].
  destruct (level_is t v i O) as [(L & S & _)|[(L & S & T & _)|(L & S & T & _)]]; fold l in L; unfold n, m in *; rewrite L in *;
    cbn [level_pages Z.eqb Pos.eqb] in *; unfold vacant in E; cbn [Z.eqb Pos.eqb andb] in E; unfold s2_level.
  - rewrite Z.div_add by lia. apply negb_true_iff in E. rewrite E. reflexivity.
  - apply andb_true_iff in E as [E _]. apply negb_true_iff in E. rewrite (Z.div_add i k 512) by lia. rewrite E.
    replace ((i + k * 512) / 262144) with (i / 262144); [rewrite S; reflexivity|].
    rewrite <- !block_in_gib, Z.div_add by lia. destruct (mod_div (i / 512) 512) as [D3 D4]; [lia|].
    apply (Z.div_unique _ _ _ ((i / 512) mod 512 + k)); lia.
  - rewrite Z.div_1_r in *. rewrite Z.mul_1_r. destruct (mod_div i 512) as [D3 D4]; [lia|].
    assert (X : (i + k) / 512 = i / 512) by (symmetry; apply (Z.div_unique _ _ _ (i mod 512 + k)); lia).
    rewrite <- block_in_gib, X, block_in_gib, S, T. reflexivity.
Qed.
End Pass.

(* One invalid entry, not the last of its group. *)
Lemma pass_one t v i : tables t -> left_over t v i -> let l := s2_level t v i in let n := i / level_pages l in
  vacant t v l n = true -> n mod 128 <> 127 -> left_over t v (i + level_pages l).
Proof.
  intros J O l n E N. apply (moved t t v i J O); auto; fold l.
  - intros x. destruct (negb (l =? 1) && place_eqb x (level_place l i)) eqn:C; [|reflexivity]. apply andb_true_iff in C as [C1 C2].
    destruct (place_eqb_spec x (level_place l i)) as [->|]; [|discriminate C2]. apply negb_true_iff in C1. unfold vacant in E. rewrite C1 in E.
    apply andb_true_iff in E as [_ E]. unfold n, level_pages in E. pose proof (level_range t v i) as Lr. fold l in Lr. unfold level_place.
    destruct (Z.eqb_spec l 3) as [L3|L3].
    + rewrite L3 in E. cbn [Z.eqb Pos.eqb] in E. rewrite Z.div_1_r in E. destruct (lf t v (Page i)); [discriminate E|reflexivity].
    + destruct (Z.eqb_spec l 2) as [L2|L2]; [|lia]. destruct (lf t v (Block (i / 512))); [discriminate E|reflexivity].
  - intros b T. split; [exact T|]. intros (L3 & M & _). apply N. unfold n. rewrite L3 in *. cbn [level_pages Z.eqb Pos.eqb] in *.
    rewrite Z.div_1_r. destruct (mod_div i 128) as [D1 D2]; [lia|]. destruct (mod_div (i + 1) 512) as [D3 D4]; [lia|]. lia.
Qed.

Lemma pass_over t v i : tables t -> left_over t v i -> let l := s2_level t v i in let n := i / level_pages l in
  forall k, 0 <= k -> n mod 128 + k <= 127 -> (forall j, 0 <= j < k -> vacant t v l (n + j) = true) -> left_over t v (i + k * level_pages l).
Proof.
  intros J O l n. destruct (pass_start t v i O) as (M0 & I0 & _). fold l in M0, I0. fold n in I0.
  apply (natlike_ind (fun k => n mod 128 + k <= 127 -> (forall j, 0 <= j < k -> vacant t v l (n + j) = true) -> left_over t v (i + k * level_pages l))).
  - intros _ _. rewrite Z.mul_0_l, Z.add_0_r. exact O.
  - intros k K IH G E. assert (H : left_over t v (i + k * level_pages l)) by (apply IH; [lia|intros; apply E; lia]).
    assert (Ek : vacant t v l (n + k) = true) by (apply E; lia).
    pose proof (pass_level t v i O k K) as Lk. fold l in Lk. fold n in Lk. specialize (Lk ltac:(lia) Ek).
    pose proof (pass_one t v (i + k * level_pages l) J H) as X. cbv zeta in X. rewrite Lk, Z.div_add in X by lia. fold n in X.
    replace (i + Z.succ k * level_pages l) with (i + k * level_pages l + level_pages l) by lia. apply X; [exact Ek|].
    destruct (mod_div n 128) as [D1 D2]; [lia|]. intros Y. destruct (mod_div (n + k) 128) as [D3 D4]; [lia|].
    assert ((n + k) / 128 = n / 128) by (symmetry; apply (Z.div_unique _ _ _ (n mod 128 + k)); lia). lia.
Qed.

(* How far the cursor goes. *)
Lemma passed_range t v i : 0 <= i < IPA_PAGES -> left_over t v i -> let l := s2_level t v i in let n := i / level_pages l in
  let k := leading (fun k => vacant t v l (n + k)) 0 (group_behind n) in
  passed t v i = k * level_pages l /\ 0 <= k /\ n mod 128 + k <= 127 /\ i + k * level_pages l <= IPA_PAGES /\
  forall j, 0 <= j < k -> vacant t v l (n + j) = true.
Proof.
  intros A O l n k. split; [reflexivity|]. destruct (mod_div n 128) as [D1 D2]; [lia|].
  pose proof (leading_range (fun k => vacant t v l (n + k)) (group_behind n) 0) as X. fold k in X.
  assert (G : Z.of_nat (group_behind n) = 127 - n mod 128) by (unfold group_behind, PTE_GROUP; lia). rewrite G in X.
  split; [lia|]. split; [lia|]. split; [|intros j; apply (leading_all (fun k => vacant t v l (n + k)))].
  destruct (pass_start t v i O) as (M0 & I0 & B). fold l in M0, I0, B. fold n in I0. unfold IPA_PAGES in *.
  destruct B as [(_ & B)|[(_ & B)|(_ & B)]]; rewrite B in *; lia.
Qed.
End Top.

Section DestroyStep.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation leads := (leads fixed).

(* ------------------------------------------------------------------ one section *)

Lemma keep_cursor c s t v x : Q c s t -> is_vm v -> v_state (vm (P t) v) <> VM_FREE -> 0 <= x <= IPA_PAGES ->
  reaped (change_vm v (vm_with_cursor x) (P t)) v ->
  Q c (put64 "vm_cursor" v (x * PAGE_BYTES) s) (mkst (change_vm v (vm_with_cursor x) (P t)) (D t)).
Proof.
  intros R V S B Re. destruct (rest_vm (P t) v (vm_with_cursor x (vm (P t) v)) eq_refl S) as [Ar Hc].
  related R.
  - apply Z.mod_small. unfold IPA_PAGES, PAGE_BYTES in *. lia.
  - destruct (Z.eq_dec v0 v) as [->|N]; [exact Re|]. apply (reaped_same (P t)); auto; try (peel; unfold upd;
    now rewrite (proj2 (Z.eqb_neq v0 v) N)).
Qed.

(* What the relation says of the top machine it says of each VM's record by itself. *)
Lemma keep_pub c s t p : Q c s t -> (forall v, vm p v = vm (P t) v) -> owner p = owner (P t) -> maps p = maps (P t) -> lf p = lf (P t) ->
  s1 p = s1 (P t) -> tab p = tab (P t) -> vcpu p = vcpu (P t) -> cpu p = cpu (P t) -> cnt p = cnt (P t) -> stat p = stat (P t) ->
  logged p = logged (P t) -> Q c s (mkst p (D t)).
Proof.
  intros R Ev E1 E2 E3 E4 E5 E6 E7 E8 E9 E10.
  assert (Pr : forall v, protected p v = protected (P t) v) by (intros v; unfold protected; rewrite Ev; reflexivity).
  assert (Ar : forall w, at_rest p w -> at_rest (P t) w) by (intros w; unfold at_rest; rewrite Pr, E6, E7; auto).
  assert (Hc : forall w, has_context p w -> has_context (P t) w) by (intros w; unfold has_context; rewrite Pr, E6; auto).
  pose proof (r_log _ _ _ _ R) as Lg. pose proof R as X. destruct X.
  constructor; cbn [P D]; rewrite ?E1, ?E2, ?E3, ?E4, ?E5, ?E6, ?E7, ?E8, ?E9, ?E10; auto; intros; rewrite ?Ev in *; auto.
  - apply (reaped_same (P t)); rewrite ?Ev, ?E3, ?E4, ?E5; auto.
  - apply (guards_same (cell s) _ (vm (P t)) _ r_guards); intros; rewrite ?Ev; auto.
  - apply (pool_same fixed s s (P t) p); auto; intros; rewrite ?Ev; auto using Z.le_refl.
  - unfold vgic_fine in *. cbn [P D]. rewrite E7. exact r_vgic.
Qed.

Lemma paged_mod x k : 0 <= k -> (Z.land (x * PAGE_BYTES) (2 ^ (12 + k) - 1) =? 0) = (x mod 2 ^ k =? 0).
Proof.
  intros K. replace (2 ^ (12 + k) - 1) with (Z.ones (12 + k)) by (rewrite Z.ones_equiv; lia). rewrite Z.land_ones by lia.
  rewrite Z.pow_add_r by lia. change (2 ^ 12) with PAGE_BYTES. rewrite (Z.mul_comm PAGE_BYTES), Z.mul_mod_distr_r by (unfold PAGE_BYTES;
    lia).
  destruct (Z.eqb_spec (x mod 2 ^ k) 0) as [->|N]; [reflexivity|]. apply Z.eqb_neq. unfold PAGE_BYTES. lia.
Qed.

(* The tables that end here. *)
Lemma tables_sim c v i l next s t : Q c s t -> is_vm v -> is_ipa i -> held s = true -> few 0 (P t) -> v_cursor (vm (P t) v) = 0 ->
  (l = 3 -> tab (P t) v (i / 512) = true) -> (2 <= l -> s1 (P t) v (i / 262144) = true) ->
  (l = 3 -> next mod 512 = 0 -> table_empty v i (P t) = true) ->
  (2 <= l -> next mod 262144 = 0 -> gib_empty v i (if (l =? 3) && (next mod 512 =? 0) then s2_free_table v i 2 (P t) else P t)) ->
  exists u, s_reap_tables [v; l; i * PAGE_BYTES; next * PAGE_BYTES] s = Ok (0, u) /\ held u = true /\
    Q c u (mkst (Hyper.reap_tables v l i next (P t)) (D t)).
Proof.
  intros R V A H F Cu T3 T2 Em2 Em1. assert (HV : is_handle v) by (unfold is_handle, is_vm in *; lia).
  unfold s_reap_tables, Hyper.reap_tables.
  pose proof (paged_mod next 9 ltac:(lia)) as M1. pose proof (paged_mod next 18 ltac:(lia)) as M2.
  change (2 ^ (12 + 9) - 1) with (BLOCK_BYTES - 1) in M1. change (2 ^ (12 + 18) - 1) with (GIB - 1) in M2.
  change (2 ^ 9) with 512 in M1. change (2 ^ 18) with 262144 in M2. rewrite M1, M2. clear M1 M2.
  assert (First : exists u, (if (l =? 3) && (next mod 512 =? 0) then h_s2_free_table [v; i * PAGE_BYTES; 2] s else Ok (0, s)) = Ok (0, u) /\
    held u = true /\ Q c u (mkst (if (l =? 3) && (next mod 512 =? 0) then s2_free_table v i 2 (P t) else P t) (D t)) /\
    few 1 (if (l =? 3) && (next mod 512 =? 0) then s2_free_table v i 2 (P t) else P t)).
  { destruct ((l =? 3) && (next mod 512 =? 0)) eqn:C.
    - props. apply (free_sim fixed I c v i HV A s t 0); auto; try lia. right. exact Cu.
    - exists s. split; [reflexivity|]. split; [exact H|]. rewrite st_eta. split; [exact R|]. apply (few_more 0); auto. lia. }
  destruct First as (u & -> & Hu & Ru & Fu). cbn [bind].
  set (p := if (l =? 3) && (next mod 512 =? 0) then s2_free_table v i 2 (P t) else P t) in *.
  assert (Cp : v_cursor (vm p v) = 0) by (unfold p; destruct (_ && _); [rewrite free_table_cursor|]; exact Cu).
  assert (Sp : s1 p = s1 (P t)) by (unfold p; destruct (_ && _); reflexivity).
  destruct ((2 <=? l) && (next mod 262144 =? 0)) eqn:C; [|eauto].
  props. destruct (free_gib_sim fixed I c v i HV A u (mkst p (D t)) 1) as (w & -> & Hw & Rw & _); auto; try lia.
  - right. exact Cp.
  - cbn [P]. rewrite Sp. apply T2. assumption.
  - exists w. split; [reflexivity|]. split; [exact Hw|exact Rw].
Qed.

Lemma entry_sim c s t v : Q c s t -> inv (P t) -> held s = true -> sound -> fits (P t) -> is_vm v ->
  forall r t' e ok, Hyper.reap_entry v (P t) = (r, t', e, ok) ->
  cpu t' = cpu (P t) /\ (r = 0 \/ r = 1 \/ r = 2 \/ r = 3) /\
  exists u, Transfer.reap_entry v s = Ok (r, u) /\ held u = true /\ Q c u (mkst t' (do_effects e (D t))).
Proof.
  intros R J H B F V r t' e ok. assert (HV : is_handle v) by (unfold is_handle, is_vm in *; lia).
  unfold Transfer.reap_entry, Hyper.reap_entry, is. rewrite (r_vm_cursor _ _ _ _ R v HV), (r_vm_state _ _ _ _ R v HV),
    (r_vm_pages _ _ _ _ R v HV).
  rewrite (Z.mod_small (v_pages _)) by apply (f_pages _ F). set (i := v_cursor (vm (P t) v)).
  replace (IPA_END <=? i * PAGE_BYTES) with (negb (i <? IPA_PAGES)).
  2: { unfold IPA_PAGES, IPA_END, PAGE_BYTES. destruct (Z.ltb_spec i 268435456); symmetry; [apply Z.leb_gt|apply Z.leb_le]; lia. }
  destruct (Z.eqb_spec (v_state (vm (P t) v)) VM_DYING) as [Dy|Dy]; cbn [andb negb].
  2: { intros E. injection E as <- <- <- <-. split; auto. split; auto. exists s. split; [reflexivity|]. split; auto.
       cbn [do_effects fold_left]. rewrite st_eta. exact R. }
  destruct (Z.ltb_spec i IPA_PAGES) as [Bi|Bi]; cbn [negb].
  2: { intros E. injection E as <- <- <- <-. split; auto. split; [destruct (negb _); auto|]. exists s.
       split; [destruct (negb _); reflexivity|]. split; auto. cbn [do_effects fold_left]. rewrite st_eta. exact R. }
  assert (S : v_state (vm (P t) v) <> VM_FREE) by (rewrite Dy; discriminate).
  pose proof (left_over_of (P t) v (r_reaped _ _ _ _ R v V) Dy) as O. fold i in O.
  assert (A : is_ipa i) by (unfold is_ipa; pose proof (o_at _ _ _ O); lia). pose proof (i_tables _ J) as T.
  set (l := s2_level (P t) v i). destruct (leaf_drop v i l (P t)) as [[[was p] e'] ok'] eqn:Ld.
  intros E. injection E as <- <- <- <-.
  (* both sides with the cursor at 0 *)
  set (t0 := mkst (rewound v (P t)) (D t)). set (s0 := put64 "vm_cursor" v (0 * PAGE_BYTES) s).
  assert (R0 : Q c s0 t0).
  { unfold t0, rewound. apply keep_cursor; auto; [unfold IPA_PAGES; lia|]. right. left. unfold change_vm, set_vm, upd. cbn [vm].
    rewrite Z.eqb_refl. reflexivity. }
  assert (Bc : but_cursor v s0 s).
  { constructor; auto. intros n j N. unfold s0, put64. rewrite cell_setcell, N. reflexivity. }
  assert (Ag : agree v (P t) (P t0)) by apply agree_rewound.
  assert (T0 : tables (P t0)) by (destruct T; constructor; auto).
  assert (H0 : held s0 = true) by exact H. assert (S0 : v_state (vm (P t0) v) <> VM_FREE).
  { rewrite (agree_field v (P t) (P t0) v_state Ag) by reflexivity. exact S. }
  assert (O0 : guarded (P t0) v -> ordinary v (P t0)).
  { unfold guarded. rewrite (agree_field v (P t) (P t0) v_type Ag) by reflexivity. intros G.
    apply (guarded_ordinary fixed c s t v R J V G). }
  destruct (leaf_drop v i l (P t0)) as [[[was0 p0] e0] ok0] eqn:Ld0.
  pose proof (agree_drop v i l _ _ Ag) as X. rewrite Ld, Ld0 in X. destruct X as (-> & -> & Ap).
  assert (C0 : v_cursor (vm (P t0) v) = 0) by (unfold t0, rewound, change_vm, set_vm, upd; cbn [P vm]; rewrite Z.eqb_refl; reflexivity).
  destruct (drop_any fixed I c s0 t0 v i R0 T0 H0 B V A S0 O0 _ _ _ _ Ld0) as (u & U1 & Hu & Ru).
  change (s2_level (P t0) v i) with l in U1.
  destruct (leaf_drop_fields v i l (P t) was p e' ok' Ld) as (F1 & F2 & F3 & F4 & F5 & F6 & F7 & F8).
  destruct (blind_leaf_drop v v (i * PAGE_BYTES) l s0 s _ _ Bc U1) as (u' & U1' & Bu).
  set (next := i + level_pages l) in *.
  destruct (leaf_drop_fields v i l (P t0) was p0 e' ok0 Ld0) as (_ & _ & _ & _ & G5 & G6 & _).
  assert (Lf0 : forall x, lf p0 v x = if negb (l =? 1) && place_eqb x (level_place l i) then None else lf (P t) v x)
    by (rewrite (a_lf _ _ _ Ap); exact F1).
  assert (Tb0 : tab p0 = tab (P t)) by (rewrite (a_tab _ _ _ Ap); exact F2).
  assert (S10 : s1 p0 = s1 (P t)) by (rewrite (a_s1 _ _ _ Ap); exact F3).
  assert (F0 : few 0 p0).
  { destruct (fits_few _ F) as [W1 W2 W3]. constructor; rewrite ?(a_cnt _ _ _ Ap), ?F7, ?F8; auto. intros w Hw.
    destruct (G6 w) as [-> _]. destruct (Z.eq_dec w v) as [->|N]; [|rewrite (a_other _ _ _ Ag w N); auto].
    rewrite (agree_field v (P t) (P t0) v_tables Ag) by reflexivity. auto. }
  pose proof (level_is (P t) v i O) as Lv. fold l in Lv. fold next in Lv.
  destruct (tables_sim c v i l next u (mkst p0 (do_effects e' (D t0))) Ru V A Hu F0) as (w & W1 & Hw & Rw); cbn [P].
  { destruct (G6 v) as [_ ->]. exact C0. }
  { intros L3. rewrite Tb0. destruct Lv as [(E & _)|[(E & _)|(_ & _ & E & _)]]; [lia|lia|exact E]. }
  { intros L2. rewrite S10. destruct Lv as [(E & _)|[(_ & E & _)|(_ & E & _)]]; [lia|exact E|exact E]. }
  { intros L3 N. apply (last_page (P t) p0 v i); auto. }
  { intros L2 N. apply (last_block (P t) p0 v i); auto.
    - intros x. destruct (_ && _); auto. unfold s2_free_table. cbn. destruct x as [b|k]; auto. destruct (_ && _); auto.
    - intros b. fold l. fold next. destruct ((l =? 3) && (next mod 512 =? 0)) eqn:Y.
      + unfold s2_free_table, upd2. cbn. rewrite Z.eqb_refl, Tb0. cbn [andb]. destruct (Z.eqb_spec b (i / 512)); [discriminate|].
        intros X. split; [exact X|]. intros (_ & _ & Z). contradiction.
      + rewrite Tb0. intros X. split; [exact X|]. intros (Z1 & Z2 & _). rewrite Z1, Z2 in Y. discriminate Y. }
  cbn [P D] in Rw. change (D t0) with (D t) in Rw.
  destruct (blind_reap_tables v v l (i * PAGE_BYTES) (next * PAGE_BYTES) u u' _ _ Bu W1) as (w' & W1' & Bw).
  assert (Wn : wrap U64 (i * PAGE_BYTES + Walk.covers l) = next * PAGE_BYTES).
  { pose proof (level_range (P t) v i). rewrite covers_pages by (unfold l; lia). rewrite <- Z.mul_add_distr_r. fold next. apply wrap_small.
    cbn [modulus]. unfold is_ipa, IPA_PAGES, PAGE_BYTES in *. destruct Lv as [(_ & _ & _ & ->)|[(_ & _ & _ & _ & ->)|(_ & _ & _ & ->)]];
      lia. }
  rewrite (level_eq fixed I c s t v i R T HV A). fold l. cbn [bind]. rewrite U1'. cbn [bind]. rewrite Wn, W1'. cbn [bind].
  rewrite (b_held _ _ _ Bw), Hw.
  set (q := Hyper.reap_tables v l i next p) in *. set (q0 := Hyper.reap_tables v l i next p0) in *.
  assert (Aq : agree v q q0) by (apply agree_tables, Ap).
  destruct (reap_tables_fields v l i next p) as (K1 & K2 & K3 & K4 & K5 & K6). fold q in K1, K2, K3, K4, K5, K6.
  assert (Sq : v_state (vm q0 v) = VM_DYING) by (rewrite (agree_field v q q0 v_state Aq) by reflexivity; congruence).
  assert (Le : left_over q0 v next).
  { apply (moved (P t) p v i); auto; fold l; fold next; rewrite ?(a_lf _ _ _ Aq), ?(a_tab _ _ _ Aq), ?(a_s1 _ _ _ Aq).
    - intros x y X. destruct (K3 x) as [Y|Y]; congruence.
    - intros b X. rewrite <- F2. apply K4, X.
    - intros X. rewrite <- F2. apply K5, X.
    - intros X. rewrite <- F3. apply K6, X. }
  split; [unfold change_vm; cbn [cpu set_vm]; congruence|]. split; [destruct was; auto|].
  exists (put64 "vm_cursor" v (next * PAGE_BYTES) w'). split; [destruct was; reflexivity|].
  split; [cbn [held put64 setcell]; rewrite (b_held _ _ _ Bw); exact Hw|].
  assert (Rq : Q c (put64 "vm_cursor" v (next * PAGE_BYTES) w) (mkst (change_vm v (vm_with_cursor next) q0) (do_effects e' (D t)))).
  { apply (keep_cursor c w (mkst q0 (do_effects e' (D t)))); auto; cbn [P].
    - rewrite Sq. discriminate.
    - unfold is_ipa, IPA_PAGES in *. pose proof (o_at _ _ _ O). destruct (mod_div i 262144) as [D3 D4]; [lia|].
      destruct (mod_div i 512) as [D1 D2]; [lia|]. destruct Lv as [(_ & _ & E & ->)|[(_ & _ & _ & E & ->)|(_ & _ & _ & ->)]]; lia.
    - right. right. unfold change_vm, set_vm, upd. cbn [vm lf tab s1]. rewrite Z.eqb_refl. cbn [v_state v_cursor vm_with_cursor].
      destruct Le. auto 8. }
  assert (Rs : Q c (put64 "vm_cursor" v (next * PAGE_BYTES) w') (mkst (change_vm v (vm_with_cursor next) q0) (do_effects e' (D t)))).
  { revert Rq. apply keep_same. destruct Bw as [B1 B2 B3 B4 B5 B6 B7 B8]. split; [|repeat split; assumption].
    intros n j _. unfold put64. rewrite !cell_setcell. destruct (String.eqb n "vm_cursor" && (j =? v)) eqn:N; [reflexivity|]. apply B1, N. }
  destruct Aq as [A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12].
  apply (keep_pub c _ _ (change_vm v (vm_with_cursor next) q) Rs); unfold change_vm;
    cbn [P owner maps lf s1 tab vcpu cpu cnt stat logged set_vm];
    auto.
  intros x. unfold upd. cbn [vm set_vm]. unfold upd. destruct (Z.eqb_spec x v) as [->|N]; [symmetry; apply A12|symmetry; apply A11, N].
Qed.

(* The cursor passes over invalid entries. *)
Lemma vacant_eq c s t v l n : Q c s t -> is_handle v -> l = 1 /\ 0 <= n < 1024 \/ l = 2 /\ 0 <= n < 524288 \/ l = 3 /\ 0 <= n < 268435456 ->
  Map.vacant s v l n = Hyper.vacant (P t) v l n.
Proof.
  intros R V [(-> & N)|[(-> & N)|(-> & N)]]; unfold Map.vacant, Hyper.vacant; cbn [Z.eqb Pos.eqb andb].
  - rewrite (r_s1 _ _ _ _ R v n V N), negb_involutive. reflexivity.
  - rewrite (r_tab _ _ _ _ R v n V N), (r_block _ _ _ _ R v n V N), negb_involutive. unfold entry_of.
    destruct (Base.leaf s v 2 n =? 0); reflexivity.
  - rewrite (r_page _ _ _ _ R v n V N). unfold entry_of. destruct (Base.leaf s v 3 n =? 0); reflexivity.
Qed.

Lemma pass_sim c s t v : Q c s t -> tables (P t) -> held s = true -> is_vm v -> v_state (vm (P t) v) = VM_DYING ->
  exists u, Transfer.reap_pass v s = Ok (0, u) /\ held u = true /\ Q c u (mkst (Hyper.reap_pass v (P t)) (D t)).
Proof.
  intros R J H V Dy. assert (HV : is_handle v) by (unfold is_handle, is_vm in *; lia).
  unfold Transfer.reap_pass, Hyper.reap_pass. rewrite (r_vm_cursor _ _ _ _ R v HV). set (i := v_cursor (vm (P t) v)).
  replace (i * PAGE_BYTES <? IPA_END) with (i <? IPA_PAGES).
  2: { unfold IPA_PAGES, IPA_END, PAGE_BYTES. destruct (Z.ltb_spec i 268435456); symmetry; [apply Z.ltb_lt|apply Z.ltb_ge]; lia. }
  destruct (Z.ltb_spec i IPA_PAGES) as [Bi|Bi]; [|exists s; rewrite st_eta; auto].
  pose proof (left_over_of (P t) v (r_reaped _ _ _ _ R v V) Dy) as O. fold i in O.
  assert (A : is_ipa i) by (unfold is_ipa; pose proof (o_at _ _ _ O); lia).
  rewrite (level_eq fixed I c s t v i R J HV A). cbn [bind].
  destruct (passed_range (P t) v i A O) as (Ep & K0 & K1 & K2 & K3). destruct (pass_start (P t) v i O) as (M0 & I0 & B).
  pose proof (pass_over (P t) v i J O _ K0 K1 K3) as Le. rewrite Ep. clear Ep.
  set (l := s2_level (P t) v i) in *. set (m := level_pages l) in *. set (n := i / m) in *.
  set (k := leading (fun k => Hyper.vacant (P t) v l (n + k)) 0 (group_behind n)) in *.
  assert (N : Map.number l (i * PAGE_BYTES) = n).
  { unfold Map.number, n, m. destruct B as [(-> & _)|[(-> & _)|(-> & _)]]; cbn [level_pages Z.eqb Pos.eqb];
      rewrite ?gib_of, ?block_of, ?page_of, ?Z.div_1_r; reflexivity. }
  assert (E : h_s2_vacant [v; i * PAGE_BYTES; l] s = Ok (k, s)).
  { unfold h_s2_vacant. rewrite (stage_fine fixed I c s t v i R HV A), N, gib_of, block_of, <- (s1_at fixed c s t v i R HV A),
      <- (tab_at fixed c s t v i R HV A).
    assert (W : (if l =? 1 then true else if l =? 2 then s1 (P t) v (i / 262144) else (l =? 3) && tab (P t) v (i / 512)) = true).
    { destruct (level_is (P t) v i O) as [(X & _)|[(X & Y & _)|(X & _ & Y & _)]]; fold l in X; rewrite X; cbn [Z.eqb Pos.eqb andb]; auto. }
    rewrite W. cbn [andb]. unfold k. f_equal. f_equal. change behind with group_behind. apply leading_ext. intros j Bj.
    apply (vacant_eq c s t v l (n + j) R HV). destruct (mod_div n 128) as [D1 D2]; [lia|].
    assert (G : Z.of_nat (group_behind n) = 127 - n mod 128) by (unfold group_behind, PTE_GROUP; lia).
    unfold is_ipa, IPA_PAGES in A. destruct B as [(X & Y)|[(X & Y)|(X & Y)]]; rewrite Y in *; [left|right; left|right; right]; (split; [exact X|lia]). }
  rewrite E. cbn [bind]. rewrite H.
  assert (Wn : wrap U64 (i * PAGE_BYTES + wrap U64 (k * Walk.covers l)) = (i + k * m) * PAGE_BYTES).
  { pose proof (level_range (P t) v i). rewrite covers_pages by (unfold l; lia). fold m. unfold is_ipa, IPA_PAGES, PAGE_BYTES in *.
    assert (0 <= k * m) by (apply Z.mul_nonneg_nonneg; lia).
    rewrite (wrap_small U64 (k * (m * 4096))) by (cbn [modulus]; lia). rewrite wrap_small by (cbn [modulus]; lia). lia. }
  rewrite Wn. eexists. split; [reflexivity|]. split; [exact H|]. apply keep_cursor; auto.
  - rewrite Dy. discriminate.
  - pose proof (o_at _ _ _ Le). lia.
  - right. right. unfold change_vm, set_vm, upd. cbn [vm lf tab s1]. rewrite Z.eqb_refl. cbn [v_state v_cursor vm_with_cursor].
    destruct Le. auto 8.
Qed.

Lemma reap_sim c s t v : Q c s t -> inv (P t) -> held s = true -> sound -> fits (P t) -> is_vm v ->
  forall r t' e ok, Hyper.reap_one v (P t) = (r, t', e, ok) ->
  cpu t' = cpu (P t) /\ (r = 0 \/ r = 1 \/ r = 2 \/ r = 3) /\
  exists u, Transfer.reap_one v s = Ok (r, u) /\ held u = true /\ Q c u (mkst t' (do_effects e (D t))).
Proof.
  intros R J H B F V r t' e ok. unfold Hyper.reap_one. destruct (Hyper.reap_entry v (P t)) as [[[x p] f] o] eqn:E.
  intros X. injection X as <- <- <- <-. destruct (entry_sim c s t v R J H B F V _ _ _ _ E) as (E1 & E2 & u & U1 & U2 & U3).
  assert (Nv : nth_vm v = true) by (unfold nth_vm, is_vm, KCORE_NR_VMS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  unfold Transfer.reap_one, s_reap_entry, s_reap_pass. rewrite Nv, U1. cbn [bind].
  destruct (Z.eqb_spec x 0) as [->|]; [|split; [exact E1|]; split; [exact E2|]; exists u; auto].
  pose proof (reap_entry_good v (P t) J) as G. rewrite E in G. destruct G as [G _].
  destruct (pass_sim c u (mkst p (do_effects f (D t))) v U3 (i_tables _ G) U2 V (reap_entry_dying _ _ _ _ _ E)) as (w & W1 & W2 & W3).
  split; [unfold Hyper.reap_pass; destruct (_ <? _); exact E1|]. split; [exact E2|].
  exists w. rewrite W1. cbn [bind]. split; [reflexivity|]. split; [exact W2|exact W3].
Qed.

(* ------------------------------------------------------------------ the call *)

Lemma step_loop_sim v c : is_vm v -> sound -> forall n k got s t,
  Z.of_nat n + k = 32 -> (1 <= n)%nat -> 0 <= k -> 0 <= got < KCORE_STEP_PAGES ->
  Q c s t -> held s = false -> sinv t -> fits (P t) -> u_run (cpu (P t) c) = false ->
  leads c t (reap_loop n v got s) (go_reap c v got k (P t)).
Proof.
  intros V B n. induction n as [|n IH]; intros k got s t Nk N1 K0 Gt R H J F U; [lia|].
  cbn [reap_loop]. unfold s_vm_reap_one, section. rewrite H. cbn [negb].
  unfold go_reap. destruct (Hyper.reap_one v (P t)) as [[[r t'] e] ok] eqn:Rd.
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  destruct (reap_sim c (sethold true s) t v R1 J eq_refl B F V _ _ _ _ Rd) as (Ec & Er & u & E1 & E2 & E3).
  rewrite E1. cbn [bind]. rewrite E2. cbn [bind]. apply (keep_hold fixed c false) in E3. set (w := sethold false u) in *.
  assert (Hw : held w = false) by reflexivity. clearbody w. unfold REAP_DONE, REAP_WAIT.
  assert (Fin : forall x, leads c t (Ok (x, w)) (finish c x e ok t')).
  { intros x. apply leads_now. exists x, w. split; [reflexivity|]. exists e, ok, t'. split; [reflexivity|]. split; [exact Hw|exact E3]. }
  destruct (Z.eqb_spec r 2); [apply Fin|]. destruct (Z.eqb_spec r 3); [apply Fin|].
  rewrite wrap_small by (cbn [modulus]; unfold KCORE_STEP_PAGES in *; lia).
  destruct (Z.leb_spec KCORE_STEP_PAGES (got + r)) as [Lg|Lg]; cbn [orb]; [apply Fin|].
  unfold Hyper.DESTROY_SECTIONS. destruct (Z.leb_spec (32 - 1) k) as [Lk|Lk].
  - replace n with 0%nat by lia. cbn [reap_loop]. apply Fin.
  - apply leads_on.
    + unfold proceed, set_call, change_cpu, set_cpu, upd. cbn [o_pub cpu]. rewrite Z.eqb_refl. cbn [u_run cpu_with_call]. rewrite Ec.
      exact U.
    + unfold proceed. cbn [o_pub o_eff]. intros x -> Jx Fx.
      match goal with |- leads c ?y _ _ => assert (G : hgo c (P y) = go_reap c v (got + r) (k + 1) (P y)) end.
      { unfold hgo. cbn [P]. replace (u_call (cpu (set_call c (CReap v (got + r) (k + 1)) t') c)) with (CReap v (got + r) (k + 1));
          [reflexivity|]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
      rewrite G. apply IH; auto; try lia.
      * apply keep_call. exact E3.
      * unfold set_call, change_cpu, set_cpu, upd. cbn [P cpu]. rewrite Z.eqb_refl. cbn [u_run cpu_with_call]. rewrite Ec. exact U.
Qed.

Lemma step_sim c s t v : Q c s t -> held s = false -> sound -> sinv t -> fits (P t) -> u_run (cpu (P t) c) = false -> 0 <= v ->
  leads c t (s_hc_vm_destroy_step [v] s) (hcall c (RStep v) (P t)).
Proof.
  intros R H B J F U V. unfold s_hc_vm_destroy_step, VmEnd.destroy_step. cbn [hcall]. unfold Hyper.destroy_step.
  rewrite (proj2 (Z.leb_le 0 v) V), H. cbn [negb]. rewrite (dying_eq fixed c (sethold true s) t v) by (apply keep_hold, R).
  set (w := sethold false (sethold true s)). assert (Rw : Q c w t) by (unfold w; repeat apply keep_hold; exact R).
  assert (Hw : held w = false) by reflexivity. clearbody w.
  destruct (Z.eqb_spec (dying_check (P t) v) 0) as [E|E]; cbn [negb].
  - apply dying_handle in E as [Bv _]. apply leads_on.
    + unfold proceed, set_call, change_cpu, set_cpu, upd. cbn [o_pub cpu]. rewrite Z.eqb_refl. exact U.
    + unfold proceed. cbn [o_pub o_eff do_effects fold_left]. intros x -> Jx Fx.
      match goal with |- leads c ?y _ _ => assert (G : hgo c (P y) = go_reap c v 0 0 (P y)) end.
      { unfold hgo. cbn [P]. replace (u_call (cpu (set_call c (CReap v 0 0) (P t)) c)) with (CReap v 0 0); [reflexivity|].
        unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. reflexivity. }
      rewrite G. apply step_loop_sim; auto; try lia.
      * unfold VmEnd.DESTROY_SECTIONS. rewrite count_eq. reflexivity.
      * unfold VmEnd.DESTROY_SECTIONS. rewrite count_eq. lia.
      * unfold KCORE_STEP_PAGES. lia.
      * apply keep_call. rewrite st_eta. exact Rw.
      * unfold set_call, change_cpu, set_cpu, upd. cbn [P cpu]. rewrite Z.eqb_refl. exact U.
  - apply leads_now. exists (dying_check (P t) v), w. split; [reflexivity|]. apply unchanged; auto.
Qed.
End DestroyStep.
