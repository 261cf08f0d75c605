(* SPDX-License-Identifier: GPL-2.0-only *)
(* How far a property holds, counted from a number on. *)
From Coq Require Import ZArith Lia.
Local Open Scope Z_scope.

(* The first of k, k + 1, ... that is not in f, k + n at most. *)
Fixpoint leading (f : Z -> bool) (k : Z) (n : nat) : Z :=
  match n with O => k | S m => if f k then leading f (k + 1) m else k end.

Lemma leading_range f n : forall k, k <= leading f k n <= k + Z.of_nat n.
Proof. induction n as [|n IH]; intros k; cbn [leading]; [lia|]. destruct (f k); [|lia]. pose proof (IH (k + 1)). lia. Qed.
Lemma leading_ext f g n : forall k, (forall j, k <= j < k + Z.of_nat n -> f j = g j) -> leading f k n = leading g k n.
Proof.
  induction n as [|n IH]; intros k H; cbn [leading]; [reflexivity|]. rewrite (H k) by lia. destruct (g k); [|reflexivity].
  apply IH. intros j Hj. apply H. lia.
Qed.
Lemma leading_all f n : forall k j, k <= j < leading f k n -> f j = true.
Proof.
  induction n as [|n IH]; intros k j H; cbn [leading] in H; [lia|]. destruct (f k) eqn:E; [|lia].
  destruct (Z.eq_dec j k) as [->|]; [exact E|]. apply (IH (k + 1)). lia.
Qed.

Example leading_some : leading (fun k => k <? 5) 2 9 = 5 /\ leading (fun k => k <? 5) 2 2 = 4 /\ leading (fun k => k <? 5) 7 3 = 7.
Proof. repeat split. Qed.
