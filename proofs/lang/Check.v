(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Static disciplines.  A discipline is a finite automaton over the calls that code makes: [delta q f]
 * is the state after a call of primitive f in state q, None if it is forbidden there.  [check] follows
 * all paths of a function over summaries of what it calls; [check_sound] says that the tree of calls of the
 * linked program, whatever the hardware answers, never makes a forbidden call.
 *)
From KCore Require Export lang.Lang.
Open Scope nat_scope.

Section Automaton.
  (* States are numbers; a summary gives the states after a call, None if it is forbidden. *)
  Definition summary := string -> nat -> option (list nat).

  Fixpoint mem (q : nat) (l : list nat) : bool :=
    match l with [] => false | p :: r => Nat.eqb p q || mem q r end.
  Fixpoint union (a b : list nat) : list nat :=
    match a with [] => b | q :: r => if mem q b then union r b else q :: union r b end.

  Lemma mem_in q l : mem q l = true <-> In q l.
  Proof.
    induction l as [|p r IH]; simpl; [split; [discriminate|tauto]|].
    rewrite orb_true_iff, Nat.eqb_eq, IH. tauto.
  Qed.
  Lemma union_in q a b : In q (union a b) <-> In q a \/ In q b.
  Proof.
    induction a as [|p r IH]; simpl; [tauto|].
    destruct (mem p b) eqn:E; simpl; rewrite IH; [|tauto].
    apply mem_in in E. split; [tauto|]. intros [[->|?]|?]; tauto.
  Qed.

  (* The states that follow from any of several states. *)
  Fixpoint each {A} (f : nat -> option (list nat * A)) (j : A -> A -> A) (z : A) (qs : list nat)
      : option (list nat * A) :=
    match qs with
    | [] => Some ([], z)
    | q :: r =>
        match f q, each f j z r with
        | Some (a, x), Some (b, y) => Some (union a b, j x y)
        | _, _ => None
        end
    end.

  (* States in which a statement goes on, and states in which it returns from the function. *)
  Definition ends_of := (list nat * list nat)%type.
  Definition eachs (f : nat -> option ends_of) := each f union [].

  (* A set of states that one more iteration does not leave: the states before any iteration. *)
  Fixpoint close (n : nat) (f : nat -> option ends_of) (qs : list nat) : option ends_of :=
    match eachs f qs with
    | None => None
    | Some (next, rets) =>
        if forallb (fun q => mem q qs) next then Some (qs, rets)
        else match n with O => None | S m => close m f (union next qs) end
    end.

  Fixpoint check (n : nat) (d : summary) (c : stmt) (q : nat) : option ends_of :=
    match c with
    | SSkip | SAssign _ _ => Some ([q], [])
    | SCall _ f _ => match d f q with Some qs => Some (qs, []) | None => None end
    | SSeq a b =>
        match check n d a q with
        | None => None
        | Some (mid, ra) =>
            match eachs (check n d b) mid with
            | None => None
            | Some (next, rb) => Some (next, union ra rb)
            end
        end
    | SIf _ a b =>
        match check n d a q, check n d b q with
        | Some (x, rx), Some (y, ry) => Some (union x y, union rx ry)
        | _, _ => None
        end
    | SFor _ _ _ _ _ a => close n (check n d a) [q]
    | SReturn _ => Some ([], [q])
    end.

  (* A function as its callers see it. *)
  Definition summarise (n : nat) (d : summary) (f : fundef) (q : nat) : option (list nat) :=
    match check n d (fn_body f) q with Some (x, r) => Some (union x r) | None => None end.

  Definition with_fun (d : summary) (g : string) (s : nat -> option (list nat)) : summary :=
    fun f => if String.eqb f g then s else d f.

  Fixpoint with_module (n : nat) (d : summary) (M : modul) : summary :=
    match M with
    | [] => d
    | (f, c) :: r => with_module n (with_fun d f (summarise n d c)) r
    end.

  (* ---------------------------------------------------------------- soundness *)

  (* No path of the tree from q makes a forbidden call, and P holds of how it ends. *)
  Fixpoint safe {A} (d : summary) (t : tree A) (q : nat) (P : A -> nat -> Prop) : Prop :=
    match t with
    | TRet a => P a q
    | TDo f _ k => exists qs, d f q = Some qs /\ forall q', In q' qs -> forall v, safe d (k v) q' P
    | TFail => True
    end.

  Lemma safe_weaken {A} d (t : tree A) : forall q (P Q : A -> nat -> Prop),
    (forall a p, P a p -> Q a p) -> safe d t q P -> safe d t q Q.
  Proof.
    induction t as [a|f args k IH|]; simpl; intros q P Q H; auto.
    intros (qs & E & Hs). exists qs. split; [auto|]. intros q' Hq v. eapply IH; eauto.
  Qed.

  Lemma safe_bind {A B} d (t : tree A) (k : A -> tree B) q P Q :
    safe d t q P -> (forall a p, P a p -> safe d (k a) p Q) -> safe d (tbind t k) q Q.
  Proof.
    intros Hs Hk. revert q Hs. induction t as [a|f args r IH|]; simpl; intros q; auto.
    intros (qs & E & Hs). exists qs. split; [auto|]. intros q' Hq v. apply IH. auto.
  Qed.

  Definition ended (x : ends_of) (r : out * env) (q : nat) : Prop :=
    match fst r with ONext => In q (fst x) | ORet _ => In q (snd x) end.

  Lemma eachs_spec f qs x : eachs f qs = Some x ->
    forall q, In q qs -> exists y, f q = Some y /\
      (forall p, In p (fst y) -> In p (fst x)) /\ (forall p, In p (snd y) -> In p (snd x)).
  Proof.
    unfold eachs. revert x; induction qs as [|p r IH]; cbn [each In]; intros x H q Hq; [tauto|].
    destruct (f p) as [[a ra]|] eqn:E; [|discriminate H].
    destruct (each f union [] r) as [[b rb]|] eqn:Er; [|discriminate H].
    injection H as <-. simpl. destruct Hq as [<-|Hq].
    - exists (a, ra); repeat split; auto; intros; apply union_in; auto.
    - destruct (IH _ eq_refl q Hq) as (y & Ey & H1 & H2). exists y.
      repeat split; auto; intros; apply union_in; right; auto.
  Qed.

  Lemma close_spec n : forall f qs x, close n f qs = Some x ->
    (forall q, In q qs -> In q (fst x)) /\
    (forall q, In q (fst x) -> exists y, f q = Some y /\
      (forall p, In p (fst y) -> In p (fst x)) /\ (forall p, In p (snd y) -> In p (snd x))).
  Proof.
    induction n as [|n IH]; intros f qs x; simpl;
      destruct (eachs f qs) as [[next rets]|] eqn:E; try discriminate;
      destruct (forallb (fun q => mem q qs) next) eqn:F; try discriminate.
    1,2: intros [= <-]; simpl; split; [auto|]; intros q Hq;
      destruct (eachs_spec _ _ _ E q Hq) as (y & Ey & H1 & H2); exists y; repeat split; auto;
      intros p Hp; apply mem_in; rewrite forallb_forall in F; apply F, H1, Hp.
    intros H. destruct (IH _ _ _ H) as [H1 H2]. split; [|exact H2].
    intros q Hq. apply H1, union_in. auto.
  Qed.

  Lemma check_denote n d c : forall q x, check n d c q = Some x ->
    forall e, safe d (denote c e) q (ended x).
  Proof.
    induction c as [|y a|y f args|a IHa b IHb|g a IHa b IHb|y t a b step body IH|[a|]];
      simpl; intros q x H e.
    - injection H as <-. simpl. unfold ended; simpl; auto.
    - injection H as <-. destruct (eval e a); simpl; auto. unfold ended; simpl; auto.
    - destruct (d f q) as [qs|] eqn:E; [|discriminate]. injection H as <-.
      destruct (evals e args) as [vs|]; simpl; auto. exists qs. split; auto.
    - destruct (check n d a q) as [[mid ra]|] eqn:Ea; [|discriminate].
      destruct (eachs (check n d b) mid) as [[next rb]|] eqn:Eb; [|discriminate].
      injection H as <-. eapply safe_bind; [apply (IHa _ _ Ea)|].
      intros [[|v] e'] p Hp; unfold ended in Hp; simpl in Hp.
      + destruct (eachs_spec _ _ _ Eb p Hp) as (y & Ey & H1 & H2).
        eapply safe_weaken; [|apply (IHb _ _ Ey)]. intros [[|w] e2] p2; unfold ended; simpl; auto.
        intros; apply union_in; auto.
      + simpl. unfold ended; simpl. apply union_in; auto.
    - destruct (check n d a q) as [[xa ra]|] eqn:Ea; [|discriminate].
      destruct (check n d b q) as [[xb rb]|] eqn:Eb; [|discriminate]. injection H as <-.
      destruct (eval e g) as [v|]; simpl; auto. destruct (truth v).
      + eapply safe_weaken; [|apply (IHa _ _ Ea)].
        intros [[|w] e2] p2; unfold ended; simpl; intros; apply union_in; auto.
      + eapply safe_weaken; [|apply (IHb _ _ Eb)].
        intros [[|w] e2] p2; unfold ended; simpl; intros; apply union_in; auto.
    - destruct (close_spec _ _ _ _ H) as [H1 H2].
      destruct (loop_range e t a b step) as [[i k]|]; simpl; auto.
      specialize (H1 q (or_introl eq_refl)). clear H. revert q i e H1.
      induction k as [|k IHk]; intros q i e Hq; simpl.
      + unfold ended; simpl; auto.
      + destruct (H2 q Hq) as (z & Ez & Hz1 & Hz2).
        eapply safe_bind; [apply (IH _ _ Ez)|].
        intros [[|v] e'] p Hp; unfold ended in Hp; simpl in Hp; [apply IHk; auto|].
        simpl. unfold ended; simpl; auto.
    - injection H as <-. destruct (eval e a); simpl; auto. unfold ended; simpl; auto.
    - injection H as <-. simpl. unfold ended; simpl; auto.
  Qed.

  Lemma check_code n d f q qs args : summarise n d f q = Some qs ->
    safe d (code f args) q (fun _ p => In p qs).
  Proof.
    unfold summarise, code. destruct (check n d (fn_body f) q) as [[x r]|] eqn:E; [|discriminate].
    intros [= <-]. destruct (Nat.eqb _ _); simpl; auto.
    eapply safe_bind; [apply (check_denote _ _ _ _ _ E)|].
    intros [[|v] e] p; unfold ended; simpl; intros; apply union_in; auto.
  Qed.

  Lemma safe_inline {A} n d g c (t : tree A) q P :
    safe (with_fun d g (summarise n d c)) t q P -> safe d (inline g c t) q P.
  Proof.
    revert q; induction t as [a|f args k IH|]; simpl; intros q; auto.
    intros (qs & E & Hs). unfold with_fun in E. destruct (String.eqb f g).
    - eapply safe_bind; [apply (check_code _ _ _ _ _ args E)|]. simpl. auto.
    - simpl. exists qs. split; auto.
  Qed.

  (* The whole program as one tree over the primitives makes no forbidden call. *)
  Theorem check_sound {A} n M : forall d (t : tree A) q P,
    safe (with_module n d M) t q P -> safe d (inline_all M t) q P.
  Proof.
    induction M as [|[f c] M IH]; simpl; intros d t q P H; auto.
    apply (safe_inline n), IH, H.
  Qed.

  (* For one function of the program: the boolean that is computed. *)
  Definition obeys (n : nat) (d : summary) (M : modul) (from to : nat) (f : string) : bool :=
    match with_module n d M f from with
    | Some qs => forallb (Nat.eqb to) qs
    | None => false
    end.

  Theorem obeys_sound n d M from to f args :
    obeys n d M from to f = true ->
    safe d (inline_all M (TDo f args (fun v => TRet v))) from (fun _ p => p = to).
  Proof.
    unfold obeys. intros H. apply (check_sound n). simpl.
    destruct (with_module n d M f from) as [qs|]; [|discriminate].
    exists qs. split; auto. intros q Hq _. rewrite forallb_forall in H.
    symmetry. apply Nat.eqb_eq, H, Hq.
  Qed.
End Automaton.

(* An automaton on the primitives; a name that is no primitive is forbidden (so calls can't go in circles). *)
Definition automaton (names : list string) (delta : nat -> string -> option (list nat)) : summary :=
  fun f q => if existsb (String.eqb f) names then delta q f else None.
