(* SPDX-License-Identifier: GPL-2.0-only *)
(* pool.c: pages for tables and vCPU contexts. *)
From KCore Require Import machine.Base gen.C_pool gen.Constants.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* 512, sealed: tactics and the kernel would unfold 512 stores. *)
Definition words_sig : { n : nat | n = Z.to_nat 512 }.
Proof. exists (Z.to_nat 512). reflexivity. Qed.
Definition words : nat := proj1_sig words_sig.
Lemma words_eq : words = Z.to_nat 512.
Proof. exact (proj2_sig words_sig). Qed.

Lemma zero_held k pa s : held (zero k pa s) = held s.
Proof. induction k; auto. Qed.
Lemma zero_cell k pa s : cell (zero k pa s) = cell s.
Proof. induction k; auto. Qed.

Lemma zero_word k pa s b :
  word (zero k pa s) b =
  if (pa <=? b) && (b <? pa + Z.of_nat k * 8) && ((b - pa) mod 8 =? 0) then 0 else word s b.
Proof.
  induction k as [|k IH]; cbn [zero].
  - destruct (pa <=? b) eqn:A, (b <? pa + Z.of_nat 0 * 8) eqn:B; try reflexivity. props; lia.
  - rewrite word_setword, IH. destruct (Z.eqb_spec b (pa + Z.of_nat k * 8)) as [->|N].
    + replace (pa + Z.of_nat k * 8 - pa) with (Z.of_nat k * 8) by lia. rewrite Z_mod_mult.
      replace (pa <=? pa + Z.of_nat k * 8) with true by (symmetry; apply Z.leb_le; lia).
      replace (pa + Z.of_nat k * 8 <? pa + Z.of_nat (S k) * 8) with true by (symmetry; apply Z.ltb_lt; lia).
      reflexivity.
    + destruct ((b - pa) mod 8 =? 0) eqn:M; [|rewrite !andb_false_r; reflexivity].
      destruct (pa <=? b) eqn:A; [|reflexivity]. cbn [andb].
      destruct (b <? pa + Z.of_nat k * 8) eqn:B, (b <? pa + Z.of_nat (S k) * 8) eqn:D; auto; props.
      * lia.
      * exfalso. apply Z.div_exact in M; lia.
Qed.

Definition page_ok (pa : Z) : bool := (0 <=? pa) && (pa mod 4096 =? 0) && (pa <? 2 ^ 40).

Lemma page_ok_8 pa k : page_ok pa = true -> (pa + k * 8) mod 8 = 0.
Proof.
  unfold page_ok; intros H; props. assert (M : pa mod 4096 = 0) by assumption. apply Z.div_exact in M; [|lia].
  rewrite M. replace (4096 * (pa / 4096) + k * 8) with ((512 * (pa / 4096) + k) * 8) by lia.
  apply Z_mod_mult.
Qed.

Definition s_pool_zero : prim state := fun args s =>
  match args with
  | [pa] => pre page_ok pa && held s in Ok (0, zero words pa s)
  | _ => Stuck
  end.

Lemma pool_zero_ok : meets (run L0 f_pool_zero) s_pool_zero.
Proof.
  spec_args. assert (H8 : forall k, (z + k * 8) mod 8 = 0) by (intros; apply page_ok_8; assumption). unfold page_ok in H; props.
  rewrite words_eq. start f_pool_zero.
  eapply (wp_for0 _ (fun k e s' => s' = zero k z s /\ exists a, e = [Some z; a])); try reflexivity.
  - cbn [modulus]; lia.
  - split; [reflexivity|]. exists None; reflexivity.
  - intros k e s' _ Hk (-> & a & ->). cbn [setv].
    pose proof (zero_held k z s) as Hh. rewrite H0 in Hh. specialize (H8 (Z.of_nat k)).
    steps. split; [reflexivity|]. eexists; reflexivity.
  - intros e s' (-> & a & ->). reflexivity.
Qed.

(* Where the next page comes from: the list of pages given back, then pages never handed out. *)
Definition pool_page (s : state) : Z :=
  if negb (cell s "pool_head" 0 =? 0) then cell s "pool_head" 0
  else cell s "pool_base" 0 + cell s "pool_bump" 0 * 4096.
Definition pool_take (s : state) : state :=
  if negb (cell s "pool_head" 0 =? 0) then setcell "pool_head" 0 (word s (cell s "pool_head" 0)) s
  else setcell "pool_bump" 0 (cell s "pool_bump" 0 + 1) s.

Definition small (z : Z) : bool := (0 <=? z) && (z <? 2 ^ 40).

(* What is handed out next, and after it, are pages. *)
Definition pool_ok (s : state) : bool :=
  small (cell s "pool_base" 0) && (0 <=? cell s "pool_bump" 0) && (cell s "pool_bump" 0 <? 2 ^ 28) &&
  ((cell s "pool_head" 0 =? 0) || small (word s (cell s "pool_head" 0))) && page_ok (cell s "pool_head" 0) &&
  page_ok (pool_page s) && (0 <? pool_page s).

Definition exhausted (s : state) (vm : Z) : bool :=
  (cell s "pool_free" 0 =? 0) || (negb (vm =? 0) && (cell s "pool_free" 0 <=? cell s "pool_reserve" 0)).

Definition s_pool_alloc : prim state := fun args s =>
  match args with
  | [vm] =>
      let free := cell s "pool_free" 0 in let reserve := cell s "pool_reserve" 0 in
      let tables := cell s "vm_tables" vm in
      pre held s && (0 <=? vm) && (vm <? 256) && small free && small reserve && small tables && (exhausted s vm || pool_ok s) in
      if exhausted s vm then Ok (0, s)
      else
        let s1 := setcell "pool_free" 0 (free - 1) (pool_take s) in
        let s2 := if (vm =? 0) && (0 <? reserve) then setcell "pool_reserve" 0 (reserve - 1) s1 else s1 in
        Ok (pool_page s, zero words (pool_page s) (setcell "vm_tables" vm (tables + 1) s2))
  | _ => Stuck
  end.

Definition L_pool : layer state := add L0 "pool_zero" s_pool_zero.

Lemma pool_zero_at pa s : page_ok pa = true -> held s = true -> s_pool_zero [pa] s = Ok (0, zero words pa s).
Proof. intros A B. unfold s_pool_zero. rewrite A, B. reflexivity. Qed.

Lemma pool_alloc_ok : meets (run L_pool f_pool_alloc) s_pool_alloc.
Proof.
  spec_args. destruct (exhausted s z) eqn:X.
  - unfold exhausted, small in *; props. unfold L_pool. start f_pool_alloc. steps; cbn [result]; reflexivity.
  - match goal with Y : false = true \/ _ |- _ => destruct Y as [Y|Y]; [discriminate|] end.
    unfold exhausted, pool_ok, small in *; props.
    assert (Hmod : cell s "pool_head" 0 mod 8 = 0).
    { replace (cell s "pool_head" 0) with (cell s "pool_head" 0 + 0 * 8) by lia. apply page_ok_8. assumption. }
    unfold L_pool, pool_page, pool_take in *. cbn zeta.
    start f_pool_alloc. steps; cbn [result].
    all: rewrite C0 in *; try rewrite pool_zero_at; try assumption; cbn [returns_to put setv].
    all: steps; cbn [result]; rewrite ?C1; try reflexivity.
Qed.

Definition s_pool_give : prim state := fun args s =>
  match args with
  | [vm; pa] =>
      let free := cell s "pool_free" 0 in let head := cell s "pool_head" 0 in
      let used := cell s "vm_tables" vm in
      pre page_ok pa && held s && (0 <=? vm) && (vm <? 256) && small free && small head &&
          (1 <=? used) && (used <? 2 ^ 40) in
      Ok (0, setcell "vm_tables" vm (used - 1)
               (setcell "pool_free" 0 (free + 1) (setcell "pool_head" 0 pa (setword pa head (zero words pa s)))))
  | _ => Stuck
  end.

Lemma pool_give_ok : meets (run L_pool f_pool_give) s_pool_give.
Proof.
  spec_args. unfold small in *; props.
  assert (Hmod : z0 mod 8 = 0).
  { replace z0 with (z0 + 0 * 8) by lia. apply page_ok_8. assumption. }
  assert (Hz : held (zero words z0 s) = true) by (rewrite zero_held; assumption).
  assert (Hs : 0 <= z0 < 2 ^ 40).
  { match goal with X : page_ok z0 = true |- _ => unfold page_ok in X end. props. lia. }
  unfold L_pool in *. cbn zeta. start f_pool_give.
  steps. rewrite pool_zero_at by assumption. cbn [returns_to put].
  steps. cbn [result]. reflexivity.
Qed.

Definition pool_specs : list (string * prim state) := [
  ("pool_zero", s_pool_zero); ("pool_alloc", s_pool_alloc); ("pool_give", s_pool_give)].

Theorem pool_refines : refines eq m_pool L0 (extend L0 pool_specs).
Proof.
  apply module_meets.
  module_step pool_zero_ok. module_step pool_alloc_ok. module_step pool_give_ok. exact I.
Qed.
