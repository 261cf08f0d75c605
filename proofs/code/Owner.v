(* SPDX-License-Identifier: GPL-2.0-only *)
(* owner.c: page records. *)
From Coq Require Import Znumtheory.
From KCore Require Import machine.Base gen.C_owner gen.Constants.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition word_sized (z : Z) : Prop := 0 <= z < modulus U64.

(* All of the n pages from index i are the host's. *)
Fixpoint host_owned (s : state) (i : Z) (n : nat) : bool :=
  match n with
  | O => true
  | S m => host_owned s i m && (cell s "page_owner" (i + Z.of_nat m) =? OWNER_HOST)
  end.

Lemma host_owned_spec s i n :
  host_owned s i n = true <-> forall k, 0 <= k < Z.of_nat n -> cell s "page_owner" (i + k) = OWNER_HOST.
Proof.
  induction n as [|n IH]; cbn [host_owned].
  - split; auto. intros _ k ?; lia.
  - rewrite andb_true_iff, IH, Z.eqb_eq. split.
    + intros [H1 H2] k Hk. destruct (Z.eq_dec k (Z.of_nat n)) as [->|]; [auto|]. apply H1; lia.
    + intros H; split; [intros k Hk|]; apply H; lia.
Qed.

Definition pages_ok (s : state) (i n : Z) : bool :=
  (0 <=? i) && (0 <=? n) && (i + n <=? nr_pages s) && (nr_pages s <? 2 ^ 40).

Definition s_pages_host_owned : prim state := fun args s =>
  match args with
  | [i; n] => pre pages_ok s i n in Ok (b2z (host_owned s i (Z.to_nat n)), s)
  | _ => Stuck
  end.

Lemma host_owned_not s i n k :
  (k < n)%nat -> cell s "page_owner" (i + Z.of_nat k) <> OWNER_HOST -> host_owned s i n = false.
Proof.
  intros Hk H. destruct (host_owned s i n) eqn:E; [|reflexivity].
  destruct H. apply (proj1 (host_owned_spec s i n) E). lia.
Qed.

Lemma pages_host_owned_ok : meets (run L0 f_pages_host_owned) s_pages_host_owned.
Proof.
  spec_args. unfold pages_ok in P; props.
  start f_pages_host_owned. apply wp_seq.
  eapply (wp_for0 _ (fun k e s' =>
     s' = s /\ (exists a b, e = [Some z; Some z0; a; b]) /\ host_owned s z k = true));
    try reflexivity.
  - cbn [modulus]; lia.
  - repeat split; eauto.
  - intros k e s' _ Hk (-> & (a & b & ->) & Hh). cbn [setv]. steps; cbn [result].
    + props. rewrite (host_owned_not _ _ _ k); [reflexivity|lia|assumption].
    + props. repeat split; eauto. cbn [host_owned]. rewrite Hh, C. reflexivity.
  - intros e s' (-> & (a & b & ->) & Hh). cbn [setv]. steps. cbn [result]. rewrite Hh. reflexivity.
Qed.

(* One more, or one less (by = -1), mapping of each of n pages from index i. *)
Fixpoint map_count (by_ : Z) (s : state) (i : Z) (n : nat) : state :=
  match n with
  | O => s
  | S m => let s' := map_count by_ s i m in
           setcell "page_maps" (i + Z.of_nat m) ((cell s "page_maps" (i + Z.of_nat m) + by_) mod 2 ^ 32) s'
  end.

Lemma map_count_cell by_ s i n m j :
  cell (map_count by_ s i n) m j =
  if String.eqb m "page_maps" && (i <=? j) && (j <? i + Z.of_nat n)
  then (cell s m j + by_) mod 2 ^ 32 else cell s m j.
Proof.
  induction n as [|n IH]; cbn [map_count].
  - destruct (i <=? j) eqn:A, (j <? i + Z.of_nat 0) eqn:B; rewrite ?andb_false_r; auto; props; lia.
  - rewrite cell_setcell, IH. destruct (String.eqb_spec m "page_maps") as [->|]; [|reflexivity].
    cbn [andb]. destruct (Z.eqb_spec j (i + Z.of_nat n)) as [->|].
    + replace (i <=? i + Z.of_nat n) with true by (symmetry; apply Z.leb_le; lia).
      replace (i + Z.of_nat n <? i + Z.of_nat (S n)) with true by (symmetry; apply Z.ltb_lt; lia).
      reflexivity.
    + destruct (i <=? j) eqn:A; [|reflexivity]. cbn [andb].
      destruct (j <? i + Z.of_nat n) eqn:B, (j <? i + Z.of_nat (S n)) eqn:D; auto; props; lia.
Qed.

Lemma map_count_held by_ s i n : held (map_count by_ s i n) = held s.
Proof. induction n; auto. Qed.

Definition s_pages_map (by_ : Z) : prim state := fun args s =>
  match args with
  | [i; n] => pre pages_ok s i n && held s in Ok (0, map_count by_ s i (Z.to_nat n))
  | _ => Stuck
  end.

Lemma map_count_pages by_ s i n : nr_pages (map_count by_ s i n) = nr_pages s.
Proof. unfold nr_pages. rewrite map_count_cell. reflexivity. Qed.

Lemma wrap_mod32 z : wrap U64 z mod 2 ^ 32 = z mod 2 ^ 32.
Proof.
  unfold wrap. symmetry. apply Znumtheory.Zmod_div_mod; [reflexivity|reflexivity|].
  exists (2 ^ 32). reflexivity.
Qed.

Lemma map_count_next by_ s i k v :
  wrap U64 v mod 2 ^ 32 = (cell s "page_maps" (i + Z.of_nat k) + by_) mod 2 ^ 32 ->
  setcell "page_maps" (i + Z.of_nat k) (wrap U64 v mod 2 ^ 32) (map_count by_ s i k) =
  map_count by_ s i (S k).
Proof. intros ->. reflexivity. Qed.

Lemma map_count_fresh by_ s i k :
  cell (map_count by_ s i k) "page_maps" (i + Z.of_nat k) = cell s "page_maps" (i + Z.of_nat k).
Proof.
  rewrite map_count_cell. replace (i + Z.of_nat k <? i + Z.of_nat k) with false.
  - rewrite andb_false_r. reflexivity.
  - symmetry. apply Z.ltb_ge. lia.
Qed.

(* Both loops: they differ in the sign. *)
Ltac map_loop f by_ :=
  spec_args; match goal with H : pages_ok _ _ _ = true |- _ => unfold pages_ok in H; props end;
  start f;
  match goal with
  | |- wp _ _ _ [Some ?i; Some ?n; _; _] ?s =>
      eapply (wp_for0 _ (fun k e s' =>
        s' = map_count by_ s i k /\ exists a b, e = [Some i; Some n; a; b])); try reflexivity;
      [ cbn [modulus]; lia | split; eauto | |
        intros e s' (-> & a & b & ->); cbn [setv result]; reflexivity ];
      intros k e s' _ Hk (-> & a & b & ->); cbn [setv];
      pose proof (map_count_pages by_ s i k); pose proof (map_count_held by_ s i k) as Hh;
      match goal with H : held s = true |- _ => rewrite H in Hh end;
      steps; split; [|eauto];
      apply map_count_next; rewrite wrap_mod32, map_count_fresh; reflexivity
  end.

Lemma pages_map_add_ok : meets (run L0 f_pages_map_add) (s_pages_map 1).
Proof. map_loop f_pages_map_add 1. Qed.

Lemma pages_map_sub_ok : meets (run L0 f_pages_map_sub) (s_pages_map (-1)).
Proof. map_loop f_pages_map_sub (-1). Qed.

Definition owner_specs : list (string * prim state) := [
  ("pages_host_owned", s_pages_host_owned);
  ("pages_map_add", s_pages_map 1);
  ("pages_map_sub", s_pages_map (-1))].

(* All of owner.c over the trusted primitives. *)
Theorem owner_refines : refines eq m_owner L0 (extend L0 owner_specs).
Proof.
  apply module_meets.
  module_step pages_host_owned_ok.
  module_step pages_map_add_ok. module_step pages_map_sub_ok. exact I.
Qed.
