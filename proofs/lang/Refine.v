(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Refinement of layers and its composition.
 *
 *      H   overlay: specifications             refines R M L H:
 *      |                                         every call that H defines (does not leave Stuck) does
 *      M   module: translated C                  the same below, states related by R; this covers the
 *      |                                         functions of M and what passes through from L
 *      L   underlay
 *)
From KCore Require Export lang.Lang.

(* low does what high says, wherever high is defined. *)
Definition sim_res {A B} (R : A -> B -> Prop) (low : res A) (high : res B) : Prop :=
  match high with
  | Ok y => exists x, low = Ok x /\ R x y
  | Halt => low = Halt
  | Stuck => True
  end.

Definition rval {A B} (R : A -> B -> Prop) (x : Z * A) (y : Z * B) : Prop :=
  fst x = fst y /\ R (snd x) (snd y).

Definition sim_prim {A B} (R : A -> B -> Prop) (p : prim A) (q : prim B) : Prop :=
  forall args s t, R s t -> sim_res (rval R) (p args s) (q args t).

Definition sim {A B} (R : A -> B -> Prop) (L : layer A) (H : layer B) : Prop :=
  forall f, sim_prim R (L f) (H f).

Definition refines {A B} (R : A -> B -> Prop) (M : modul) (L : layer A) (H : layer B) : Prop :=
  sim R (link L M) H.

Section Linking.
  Context {A B : Type} (R : A -> B -> Prop).

  Definition rconf (x : out * env * A) (y : out * env * B) : Prop :=
    fst x = fst y /\ R (snd x) (snd y).

  Lemma sim_ok {X Y} (P : X -> Y -> Prop) x y : P x y -> sim_res P (Ok x) (Ok y).
  Proof. intros; exists x; auto. Qed.

  Lemma sim_iter n x step body body' :
    (forall e s t, R s t -> sim_res rconf (body e s) (body' e t)) ->
    forall i e s t, R s t -> sim_res rconf (iter n x i step body e s) (iter n x i step body' e t).
  Proof.
    intros Hb; induction n as [|n IH]; intros i e s t HR; simpl.
    - apply sim_ok; split; auto.
    - specialize (Hb (setv e x i) s t HR).
      destruct (body' (setv e x i) t) as [[[o e'] t']| |]; simpl in *; auto.
      + destruct Hb as ([[o1 e1] s1] & -> & [E HR']); simpl in *.
        injection E as -> ->. destruct o; [apply IH; auto|]. apply sim_ok; split; auto.
      + rewrite Hb; reflexivity.
  Qed.

  Context (L : layer A) (H : layer B) (HL : sim R L H).

  Lemma sim_exec c : forall e s t, R s t -> sim_res rconf (exec L c e s) (exec H c e t).
  Proof.
    induction c as [|x a|x f args|a IHa b IHb|g a IHa b IHb|x ty a b step body IH|[a|]];
      intros e s t HR; simpl.
    - apply sim_ok; split; auto.
    - destruct (eval e a); simpl; auto. apply sim_ok; split; auto.
    - destruct (evals e args) as [vs|]; simpl; auto.
      specialize (HL f vs s t HR). destruct (H f vs t) as [[v t']| |]; simpl in *; auto.
      + destruct HL as ([v1 s1] & -> & [Ev HR']); simpl in *. subst v1. apply sim_ok; split; auto.
      + rewrite HL; reflexivity.
    - specialize (IHa e s t HR). destruct (exec H a e t) as [[[o e'] t']| |]; simpl in *; auto.
      + destruct IHa as ([[o1 e1] s1] & -> & [E HR']); simpl in *.
        injection E as -> ->. destruct o; [apply IHb; auto|]. apply sim_ok; split; auto.
      + rewrite IHa; reflexivity.
    - destruct (eval e g) as [v|]; simpl; auto. destruct (truth v); auto.
    - destruct (loop_range e ty a b step) as [[i n]|]; simpl; auto. apply sim_iter; auto.
    - destruct (eval e a); simpl; auto. apply sim_ok; split; auto.
    - apply sim_ok; split; auto.
  Qed.

  Lemma sim_run d : sim_prim R (run L d) (run H d).
  Proof.
    intros args s t HR; unfold run. destruct (Nat.eqb _ _); simpl; auto.
    pose proof (sim_exec (fn_body d) (frame d args) s t HR) as X.
    destruct (exec H (fn_body d) (frame d args) t) as [[[o e'] t']| |]; simpl in *; auto.
    - destruct X as ([[o1 e1] s1] & -> & [E HR']); simpl in *.
      injection E as -> ->. destruct o; apply sim_ok; split; auto.
    - rewrite X; reflexivity.
  Qed.
End Linking.

Lemma sim_add {A B} (R : A -> B -> Prop) L H f p q :
  sim R L H -> sim_prim R p q -> sim R (add L f p) (add H f q).
Proof. intros HL Hp g; unfold add; destruct (String.eqb g f); auto. Qed.

Theorem sim_link {A B} (R : A -> B -> Prop) M : forall L H, sim R L H -> sim R (link L M) (link H M).
Proof.
  induction M as [|[f d] M IH]; intros L H HL; simpl; auto.
  apply IH, sim_add; auto. apply sim_run; auto.
Qed.

Definition rcomp {A B C} (R : A -> B -> Prop) (S : B -> C -> Prop) (a : A) (c : C) : Prop :=
  exists b, R a b /\ S b c.

Lemma sim_prim_trans {A B C} (R : A -> B -> Prop) (S : B -> C -> Prop) p q r :
  sim_prim R p q -> sim_prim S q r -> sim_prim (rcomp R S) p r.
Proof.
  intros H1 H2 args a c (b & Rab & Sbc).
  specialize (H1 args a b Rab). specialize (H2 args b c Sbc).
  destruct (r args c) as [[v c']| |]; simpl in *; auto.
  - destruct H2 as ([w b'] & E & [Ew Sb]). rewrite E in H1; simpl in *.
    destruct H1 as ([u a'] & E1 & [Eu Ra]); simpl in *. subst.
    exists (v, a'); split; [exact E1|]. split; simpl; auto. exists b'; auto.
  - rewrite H2 in H1; exact H1.
Qed.

Lemma sim_trans {A B C} (R : A -> B -> Prop) (S : B -> C -> Prop) L M H :
  sim R L M -> sim S M H -> sim (rcomp R S) L H.
Proof. intros H1 H2 f. eapply sim_prim_trans; eauto. Qed.

(* Layers compose: M1 over L0 implements L1, M2 over L1 implements L2. *)
Theorem refines_compose {A B C} (R : A -> B -> Prop) (S : B -> C -> Prop) M1 M2 L0 L1 L2 :
  refines R M1 L0 L1 -> refines S M2 L1 L2 -> refines (rcomp R S) (M1 ++ M2) L0 L2.
Proof.
  unfold refines; intros H1 H2. rewrite link_app.
  eapply sim_trans; [apply sim_link, H1|exact H2].
Qed.

(* ----------------------------------------------- specifications on the same state *)

(* Code meets a specification: it does the same wherever that is defined. *)
Definition meets {St} (p q : prim St) : Prop :=
  forall args s, q args s = Stuck \/ p args s = q args s.

Lemma meets_sim {St} (p q : prim St) : meets p q <-> sim_prim eq p q.
Proof.
  split.
  - intros H args s t <-. destruct (H args s) as [E|E].
    + rewrite E; exact I.
    + rewrite E. destruct (q args s) as [[v s']| |]; simpl; auto.
      exists (v, s'); repeat split; auto.
  - intros H args s. specialize (H args s s eq_refl).
    destruct (q args s) as [[v s']| |]; simpl in H; auto.
    destruct H as ([v1 s1] & -> & [Ev Es]); simpl in *; subst; auto.
Qed.

Fixpoint extend {St} (L : layer St) (specs : list (string * prim St)) : layer St :=
  match specs with [] => L | (f, p) :: r => extend (add L f p) r end.

(* Each function meets its specification over the specifications of those before it. *)
Fixpoint meets_all {St} (L : layer St) (M : modul) (specs : list (string * prim St)) : Prop :=
  match M, specs with
  | [], [] => True
  | (f, d) :: M', (g, p) :: specs' => f = g /\ meets (run L d) p /\ meets_all (add L f p) M' specs'
  | _, _ => False
  end.

Lemma sim_refl {St} (L : layer St) : sim eq L L.
Proof.
  intros f args s t <-. destruct (L f args s) as [[v s']| |]; simpl; auto.
  exists (v, s'); repeat split; auto.
Qed.

Lemma sim_eq_trans {St} (L M H : layer St) : sim eq L M -> sim eq M H -> sim eq L H.
Proof.
  intros H1 H2 f args s t E. pose proof (sim_trans eq eq _ _ _ H1 H2 f args s t) as X.
  assert (Y : sim_res (rval (rcomp eq eq)) (L f args s) (H f args t)) by (apply X; exists s; auto).
  destruct (H f args t) as [[v t']| |]; simpl in *; auto.
  destruct Y as ([u s'] & -> & [Eu (b & E1 & E2)]); simpl in *; subst.
  exists (v, t'); repeat split; auto.
Qed.

Theorem module_meets {St} M : forall (L : layer St) specs,
  meets_all L M specs -> refines eq M L (extend L specs).
Proof.
  induction M as [|[f d] M IH]; intros L [|[g p] specs]; simpl; try tauto.
  - intros _. apply sim_refl.
  - intros (<- & Hm & Hr). unfold refines in *; simpl.
    eapply sim_eq_trans; [|apply IH, Hr].
    apply sim_link. intros h. unfold add. destruct (String.eqb h f).
    + apply meets_sim, Hm.
    + apply sim_refl.
Qed.

(* ------------------------------------------------ code sees only what it calls *)

Fixpoint calls (c : stmt) : list string :=
  match c with
  | SCall _ f _ => [f]
  | SSeq a b | SIf _ a b => calls a ++ calls b
  | SFor _ _ _ _ _ a => calls a
  | _ => []
  end.

Lemma exec_agree {St} (L L' : layer St) c :
  Forall (fun f => L f = L' f) (calls c) -> forall e s, exec L c e s = exec L' c e s.
Proof.
  induction c as [|x a|x f args|a IHa b IHb|g a IHa b IHb|x ty a b step body IH|a];
    simpl; intros HL e s; try (apply Forall_app in HL as [H1 H2]); auto.
  - inversion HL as [|? ? E _]; subst. rewrite E. reflexivity.
  - rewrite IHa by exact H1. destruct (exec L' a e s) as [[[[|v] e'] s']| |]; auto.
  - destruct (eval e g); auto. destruct (truth z); auto.
  - destruct (loop_range e ty a b step) as [[i n]|]; auto.
    revert i e s; induction n as [|n IHn]; intros i e s; simpl; auto.
    rewrite IH by exact HL. destruct (exec L' body (setv e x i) s) as [[[[|v] e'] s']| |]; auto.
Qed.

(* A proof over the layer of what a function needs holds over any layer that agrees with it there. *)
Lemma meets_over {St} (L L' : layer St) d q :
  meets (run L d) q -> Forall (fun f => L f = L' f) (calls (fn_body d)) -> meets (run L' d) q.
Proof.
  intros H HL args s. destruct (H args s) as [E|E]; [auto|right].
  rewrite <- E. unfold run. rewrite (exec_agree L L') by exact HL. reflexivity.
Qed.
