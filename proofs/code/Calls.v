(* SPDX-License-Identifier: GPL-2.0-only *)
(* Tactics for specifications that are chains of calls, and what the upper modules share. *)
From KCore Require Export code.Common code.Region.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The address of the block or page of this many bytes. *)
Definition down (z bytes : Z) : Z := Z.land z (modulus U64 - 1 - wrap U64 (bytes - 1)).
Definition valid (pte : Z) : bool := negb (Z.land pte PTE_VALID =? 0).
Definition record_ok (s : state) (i : Z) : bool := (0 <=? i) && (i <? nr_pages s).

(* Where the specification is undefined the code may do anything. *)
Lemma returns_any {St} x e (Q : post) (r : res (Z * St)) : (forall y, Q y) -> returns_to x e Q r.
Proof. destruct r as [[v s]| |]; cbn; auto. Qed.
Lemma then_any {St} (L : layer St) b (Q : post) : (forall y, Q y) -> forall y, then_ L b Q y.
Proof. intros H [[[[|v] e] s]| |]; cbn; auto. apply H. Qed.
Ltac anyhow :=
  first [ left; reflexivity
        | match goal with |- wp ?L ?c ?Q ?e ?s => change (Q (exec L c e s)) | _ => apply returns_any; intros ? end;
          repeat (apply then_any; intros ?); left; reflexivity ].

(* What the specification asks for next, in the order of its calls. *)
Ltac spec_next :=
  cbn beta iota zeta; repeat (
    match goal with
    | |- context [ends (bind (Ok ?a) ?f)] => change (bind (Ok a) f) with (f a)
    | |- context [bind Stuck ?f] => change (bind Stuck f) with (@Stuck (Z * state))
    | |- context [ends (bind (if ?b then ?x else ?y) ?f)] => rewrite (bind_if b x y f)
    | |- context [ends (bind (bind ?m ?f) ?g)] => rewrite (bind_bind m f g)
    | H : ?b = true |- context [ends (if ?b then _ else _)] => rewrite H
    | H : ?b = false |- context [ends (if ?b then _ else _)] => rewrite H
    | |- context [ends (if ?b then ?x else Stuck)] =>
        let P := fresh "P" in destruct b eqn:P; [|anyhow]; preconditions P
    end; cbn beta iota zeta).

Ltac callee ::=
  spec_next;
  match goal with
  | |- returns_to _ _ _ ?r =>
      let v := fresh "v" in let s := fresh "s" in
      destruct r as [[v s]| |]; [|right; reflexivity|left; reflexivity]; cbn [returns_to put setv]; spec_next
  end.
Ltac spec_head ::=
  spec_next;
  repeat (match goal with |- context [ends (if ?b then _ else _)] => decide_ b end; spec_next); reads; pres.
Ltac one_true ::=
  first [ assumption |
    match goal with
    | |- (_ <=? _) = true => apply Z.leb_le; lia
    | |- (_ <? _) = true => apply Z.ltb_lt; lia
    | |- (_ =? _) = true => apply Z.eqb_eq; lia
    | |- plain _ (_ + _) = true => apply plain_at; [assumption | lia | first [apply Z_mod_mult | reflexivity]]
    | |- (negb (under_lock _) || _) = true => apply orb_true_iff; (left; reflexivity) || (right; first [reflexivity | assumption])
    | |- negb ?b = true =>
        apply negb_true_iff; first [reflexivity | assumption | match b with (_ =? _) => apply Z.eqb_neq; lia end]
    | |- true = true => reflexivity
    end ].
