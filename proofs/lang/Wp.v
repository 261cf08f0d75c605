(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Symbolic execution: one rule for each statement, and the tactics that apply them.
 * How to use them: proofs/README.md.
 *)
From KCore Require Export lang.Refine.

Section Wp.
  Context {St : Type} (L : layer St).
  Definition post := res (out * env * St) -> Prop.

  Definition wp (c : stmt) (Q : post) (e : env) (s : St) : Prop := Q (exec L c e s).

  (* What follows in a sequence. *)
  Definition then_ (b : stmt) (Q : post) (r : res (out * env * St)) : Prop :=
    match r with Ok (ONext, e, s) => wp b Q e s | r => Q r end.

  Implicit Types (Q : post).

  Lemma wp_skip Q e s : Q (Ok (ONext, e, s)) -> wp SSkip Q e s.
  Proof. auto. Qed.

  Lemma wp_seq a b Q e s : wp a (then_ b Q) e s -> wp (SSeq a b) Q e s.
  Proof. unfold wp, then_, wp; simpl. destruct (exec L a e s) as [[[[] e'] s']| |]; auto. Qed.

  Lemma wp_assign x a v Q e s :
    eval e a = Some v -> Q (Ok (ONext, setv e x v, s)) -> wp (SAssign x a) Q e s.
  Proof. unfold wp; simpl; intros ->; auto. Qed.

  Lemma wp_return a v Q e s :
    eval e a = Some v -> Q (Ok (ORet v, e, s)) -> wp (SReturn (Some a)) Q e s.
  Proof. unfold wp; simpl; intros ->; auto. Qed.

  Lemma wp_return_void Q e s : Q (Ok (ORet 0, e, s)) -> wp (SReturn None) Q e s.
  Proof. auto. Qed.

  Lemma wp_if c v a b Q e s :
    eval e c = Some v ->
    (truth v = true -> wp a Q e s) -> (truth v = false -> wp b Q e s) -> wp (SIf c a b) Q e s.
  Proof. unfold wp; simpl; intros ->; destruct (truth v); auto. Qed.

  (* What a caller makes of the result of a call. *)
  Definition returns_to (x : option nat) (e : env) Q (r : res (Z * St)) : Prop :=
    match r with
    | Ok (v, s) => Q (Ok (ONext, put x e v, s))
    | Halt => Q Halt
    | Stuck => Q Stuck
    end.

  Lemma wp_call x f args vs Q e s :
    evals e args = Some vs -> returns_to x e Q (L f vs s) -> wp (SCall x f args) Q e s.
  Proof. unfold wp, returns_to; simpl; intros ->. destruct (L f vs s) as [[v s']| |]; auto. Qed.

  (* Loop: I k holds before iteration k; an iteration may end the function. *)
  Lemma wp_for (I : nat -> env -> St -> Prop) x t a b step body v n Q e s :
    loop_range e t a b step = Some (v, n) ->
    I 0%nat e s ->
    (forall k e s, (k < n)%nat -> I k e s ->
       wp body (fun r => match r with Ok (ONext, e', s') => I (S k) e' s' | r => Q r end)
          (setv e x (v + Z.of_nat k * step)) s) ->
    (forall e s, I n e s -> Q (Ok (ONext, setv e x (v + Z.of_nat n * step), s))) ->
    wp (SFor x t a b step body) Q e s.
  Proof.
    intros Hr H0 Hb Hq. unfold wp; simpl. rewrite Hr.
    cut (forall j k e s, (k + j = n)%nat -> I k e s ->
           Q (iter j x (v + Z.of_nat k * step) step (exec L body) e s)).
    { intros X. specialize (X n 0%nat e s eq_refl H0).
      replace (v + Z.of_nat 0 * step) with v in X by lia. exact X. }
    clear e s Hr H0. induction j as [|j IH]; intros k e s Hk Hi; simpl.
    - replace k with n in * by lia. auto.
    - specialize (Hb k e s ltac:(lia) Hi). unfold wp in Hb.
      destruct (exec L body (setv e x (v + Z.of_nat k * step)) s) as [[[[|w] e'] s']| |]; auto.
      replace (v + Z.of_nat k * step + step) with (v + Z.of_nat (S k) * step) by lia.
      apply IH; [lia|auto].
  Qed.
End Wp.

(* The body ends with the result that the specification gives. *)
Definition ends {St} (r : res (Z * St)) (x : res (out * env * St)) : Prop :=
  r = Stuck \/ result x = r.

Lemma run_wp {St} (L : layer St) d args s r :
  Nat.eqb (List.length args) (fn_params d) = true ->
  wp L (fn_body d) (ends r) (frame d args) s ->
  r = Stuck \/ run L d args s = r.
Proof. unfold wp, run, ends; intros -> [?|X]; auto. Qed.

(* A Hoare triple of a function, for lemmas about results and states instead of an equation. *)
Definition yields {St} (L : layer St) d args s (Q : Z -> St -> Prop) : Prop :=
  exists v s', run L d args s = Ok (v, s') /\ Q v s'.

Definition ends_in {St} (Q : Z -> St -> Prop) (x : res (out * env * St)) : Prop :=
  match result x with Ok (v, s) => Q v s | _ => False end.

Lemma yields_wp {St} (L : layer St) d args s Q :
  Nat.eqb (List.length args) (fn_params d) = true ->
  wp L (fn_body d) (ends_in Q) (frame d args) s -> yields L d args s Q.
Proof.
  unfold wp, yields, run, ends_in; intros ->.
  destruct (result _) as [[v s']| |]; try tauto. eauto.
Qed.

(* ------------------------------------------------------------ simplification *)

Lemma truth_b2z b : truth (b2z b) = b.
Proof. destruct b; reflexivity. Qed.
Lemma wrap_small t z : 0 <= z < modulus t -> wrap t z = z.
Proof. apply Z.mod_small. Qed.
Lemma land_some (x y : bool) : (if x then Some (b2z y) else Some 0) = Some (b2z (x && y)).
Proof. destruct x; reflexivity. Qed.
Lemma lor_some (x y : bool) : (if x then Some 1 else Some (b2z y)) = Some (b2z (x || y)).
Proof. destruct x; reflexivity. Qed.
Lemma if_some (c : bool) (x y : Z) : (if c then Some x else Some y) = Some (if c then x else y).
Proof. destruct c; reflexivity. Qed.
Lemma trips_1 a b : trips a b 1 = Z.to_nat (b - a).
Proof. unfold trips. f_equal. rewrite Z.add_0_r. apply Z.div_1_r. Qed.

(* for (x = a; x < b; x++): never past the top. *)
Lemma loop_range_1 e t a b v w :
  eval e a = Some v -> eval e b = Some w -> 0 <= v < modulus t -> 0 <= w < modulus t ->
  loop_range e t a b 1 = Some (v, Z.to_nat (w - v)).
Proof.
  intros Ha Hb Hv Hw. unfold loop_range. rewrite Ha, Hb. simpl obind. rewrite trips_1.
  replace (v + Z.of_nat (Z.to_nat (w - v)) * 1 <? modulus t) with true; [reflexivity|].
  symmetry. apply Z.ltb_lt. lia.
Qed.

(* for (x = 0; x < b; x++) *)
Lemma wp_for0 {St} (L : layer St) (I : nat -> env -> St -> Prop) x t b step body w (Q : post) e s :
  step = 1 -> eval e b = Some w -> 0 <= w < modulus t ->
  I 0%nat e s ->
  (forall k e s, (k < Z.to_nat w)%nat -> Z.of_nat k < w -> I k e s ->
     wp L body (fun r => match r with Ok (ONext, e', s') => I (S k) e' s' | r => Q r end)
        (setv e x (Z.of_nat k)) s) ->
  (forall e s, I (Z.to_nat w) e s -> Q (Ok (ONext, setv e x w, s))) ->
  wp L (SFor x t (EConst 0) b step body) Q e s.
Proof.
  intros -> Hb Hw H0 Hi Hq.
  eapply (wp_for L I _ _ _ _ _ _ 0 (Z.to_nat w)); auto.
  - rewrite (loop_range_1 e t _ _ 0 w); auto; [|lia]. do 3 f_equal. lia.
  - intros k e' s' Hk HI. replace (0 + Z.of_nat k * 1) with (Z.of_nat k) by lia. apply Hi; auto; lia.
  - intros e' s' HI. replace (0 + Z.of_nat (Z.to_nat w) * 1) with w by lia. auto.
Qed.

(* ------------------------------------------------------------------- tactics *)

(* Boolean hypotheses become propositions, so that lia needs no booleans. *)
Ltac props_in H :=
  repeat (rewrite ?truth_b2z, ?andb_true_iff, ?orb_true_iff, ?andb_false_iff, ?orb_false_iff,
    ?negb_true_iff, ?negb_false_iff, ?Z.ltb_lt, ?Z.ltb_ge, ?Z.leb_le, ?Z.leb_gt, ?Z.eqb_eq,
    ?Z.eqb_neq in H).

Ltac props :=
  repeat match goal with
  | H : (_ && _) = true |- _ => apply andb_true_iff in H; destruct H
  | H : (_ || _) = false |- _ => apply orb_false_iff in H; destruct H
  | H : negb _ = true |- _ => apply negb_true_iff in H
  | H : negb _ = false |- _ => apply negb_false_iff in H
  | H : (_ <? _) = true |- _ => apply Z.ltb_lt in H
  | H : (_ <? _) = false |- _ => apply Z.ltb_ge in H
  | H : (_ <=? _) = true |- _ => apply Z.leb_le in H
  | H : (_ <=? _) = false |- _ => apply Z.leb_gt in H
  | H : (_ =? _) = true |- _ => apply Z.eqb_eq in H
  | H : (_ =? _) = false |- _ => apply Z.eqb_neq in H
  | H : (_ || _) = true |- _ => apply orb_true_iff in H
  | H : (_ && _) = false |- _ => apply andb_false_iff in H
  end.

(* Computes an expression; drops the wraps that lia shows harmless. *)
Ltac eval_steps :=
  cbn [eval evals obind getv nth setv put eval_bin eval_cmp bits Z.ltb Z.compare Pos.compare
       Pos.compare_cont];
  repeat first
    [ match goal with |- context [Z.pos ?p =? 0] => change (Z.pos p =? 0) with false; cbn beta iota end
    | rewrite truth_b2z | rewrite land_some | rewrite lor_some | rewrite if_some
    | match goal with |- context [wrap ?t ?z] => rewrite (wrap_small t z) by (cbn [modulus]; lia) end
    | progress cbn [obind] ].
Ltac eval_tac := eval_steps; reflexivity.

Ltac contra := solve [exfalso; props; subst; first [lia | congruence | tauto]].

(* Looking a function up in a layer of [add]s. *)
Ltac lookup := cbn [add String.eqb Ascii.eqb Bool.eqb].

(* Hook: how a machine simplifies the result of a primitive. *)
Ltac simpl_prim := idtac.

Ltac step :=
  match goal with
  | |- wp _ (SSeq _ _) _ _ _ => apply wp_seq
  | |- then_ _ _ _ _ => unfold then_ at 1; cbn beta iota
  | |- wp _ SSkip _ _ _ => apply wp_skip; cbn beta iota
  | |- wp _ (SAssign _ _) _ _ _ => eapply wp_assign; [eval_tac | cbn [setv]; cbn beta iota]
  | |- wp _ (SReturn None) _ _ _ => apply wp_return_void; cbn beta iota
  | |- wp _ (SReturn (Some _)) _ _ _ => eapply wp_return; [eval_tac | cbn beta iota]
  | |- wp _ (SIf _ _ _) _ _ _ =>
      eapply wp_if; [eval_tac | |];
      let C := fresh "C" in intros C; rewrite ?truth_b2z in C; try contra
  | |- wp _ (SCall _ _ _) _ _ _ =>
      eapply wp_call; [eval_tac | lookup; simpl_prim; cbn [returns_to put setv]; cbn beta iota]
  end.
Ltac steps := repeat step.

Lemma run_eq {St} (L : layer St) d args s r :
  Nat.eqb (List.length args) (fn_params d) = true ->
  wp L (fn_body d) (fun x => result x = r) (frame d args) s -> run L d args s = r.
Proof. unfold wp, run; intros ->; auto. Qed.

Tactic Notation "start" reference(f) :=
  first [apply run_eq | apply run_wp | apply yields_wp]; [reflexivity|]; unfold f, frame;
  cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub].

Ltac head_of t := match t with ?f _ => head_of f | _ => t end.

(* For [meets]: the arguments one by one, then the precondition of the specification. *)
Ltac spec_args :=
  match goal with
  | |- meets _ ?q => let h := head_of q in unfold h
  end;
  let args := fresh "args" in let s := fresh "s" in intros args s;
  repeat match goal with
  | |- (match ?l with nil => _ | cons _ _ => _ end) = Stuck \/ _ =>
      destruct l; try (left; reflexivity)
  end;
  match goal with
  | |- (if ?b then _ else Stuck) = Stuck \/ _ =>
      let P := fresh "P" in destruct b eqn:P; [right|left; reflexivity]; props
  | _ => right
  end.

(* The functions of a module one by one, each by its lemma. *)
Ltac agree := repeat (apply Forall_cons; [reflexivity|]); apply Forall_nil.
Ltac module_step H := split; [reflexivity|split; [eapply meets_over; [exact H|agree]|]].
