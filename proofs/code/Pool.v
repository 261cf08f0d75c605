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

Fixpoint zero (k : nat) (pa : Z) (s : state) : state :=
  match k with O => s | S k => setword (pa + Z.of_nat k * 8) 0 (zero k pa s) end.

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

Definition pool_specs : list (string * prim state) := [("pool_zero", s_pool_zero)].
