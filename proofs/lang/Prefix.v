(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * What holds all along a run.  Code is a tree of calls of primitives (lang/Lang.v); a run that is cut off after any number of them
 * has reached a state, and a property of states holds in all of these.
 *)
From KCore Require Export lang.Wp.

(* The state after n calls of primitives, or at the end. *)
Fixpoint cut {St A} (n : nat) (L : layer St) (t : tree A) (s : St) : St :=
  match n, t with
  | S n, TDo f args k => match L f args s with Ok (v, s') => cut n L (k v) s' | _ => s end
  | _, _ => s
  end.

(* What is required of a call from a state. *)
Definition demand (St : Type) := string -> list Z -> St -> Prop.
Definition no_demand {St} : demand St := fun _ _ _ => True.
Definition demand_of {St} (A : demand St) (g : string) (p : list Z -> St -> Prop) : demand St :=
  fun f => if String.eqb f g then p else A f.

Section Always.
  Context {St : Type} (P : St -> Prop).

  (* P before every call and at the end; A of every call. *)
  Fixpoint always {B} (L : layer St) (A : demand St) (t : tree B) (s : St) : Prop :=
    P s /\ match t with
    | TDo f args k => A f args s /\ match L f args s with Ok (v, s') => always L A (k v) s' | _ => True end
    | _ => True
    end.

  Lemma always_now {B} L A (t : tree B) s : always L A t s -> P s.
  Proof. destruct t; intros [H _]; exact H. Qed.

  Lemma always_end {B} L A (t : tree B) : forall s a s', always L A t s -> run_tree L t s = Ok (a, s') -> P s'.
  Proof.
    induction t as [b|f args k IH|]; cbn [always run_tree]; intros s a s' [H R] E; try discriminate.
    - injection E as <- <-. exact H.
    - destruct R as [_ R]. destruct (L f args s) as [[v s1]| |]; try discriminate. eapply IH; eauto.
  Qed.

  Lemma always_tbind {B C} L A (t : tree B) (k : B -> tree C) : forall s, always L A t s ->
    (forall a s', run_tree L t s = Ok (a, s') -> always L A (k a) s') -> always L A (tbind t k) s.
  Proof.
    induction t as [b|f args r IH|]; cbn [always run_tree tbind]; intros s H K.
    - apply K. reflexivity.
    - destruct H as (H & HA & R). split; [exact H|]. split; [exact HA|].
      destruct (L f args s) as [[v s1]| |]; auto.
    - exact H.
  Qed.

  (* Every prefix of the run. *)
  Theorem always_cut {B} L A (t : tree B) : forall s, always L A t s -> forall n, P (cut n L t s).
  Proof.
    induction t as [b|f args k IH|]; intros s H [|n]; try (exact (always_now _ _ _ _ H)).
    cbn [cut]. destruct H as (H & _ & R). destruct (L f args s) as [[v s1]| |]; auto.
  Qed.

  (* ------------------------------------------------------------------ linking *)

  Lemma always_inline {B} L A g d (t : tree B) : forall s,
    always (add L g (run L d)) (demand_of A g (fun args s => always L A (code d args) s)) t s -> always L A (inline g d t) s.
  Proof.
    induction t as [b|f args k IH|]; cbn [always inline]; intros s H; try exact H.
    destruct H as (H & HA & R). unfold add, demand_of in HA, R. destruct (String.eqb f g) eqn:E.
    - apply always_tbind; [exact HA|]. intros a s' X. rewrite run_code in X. rewrite X in R. apply IH, R.
    - split; [exact H|]. split; [exact HA|]. destruct (L f args s) as [[v s1]| |]; auto.
  Qed.

  Fixpoint demands (L : layer St) (A : demand St) (M : modul) : demand St :=
    match M with
    | [] => A
    | (f, d) :: r => demands (add L f (run L d)) (demand_of A f (fun args s => always L A (code d args) s)) r
    end.

  Theorem always_inline_all {B} M : forall L A (t : tree B) s,
    always (link L M) (demands L A M) t s -> always L A (inline_all M t) s.
  Proof.
    induction M as [|[f d] M IH]; intros L A t s H; [exact H|]. cbn [inline_all fold_right fst snd].
    apply always_inline, IH, H.
  Qed.

  (* Code that calls only what keeps P keeps P. *)
  Definition keeps_P (L : layer St) (A : demand St) (f : string) : Prop :=
    forall args s, P s -> A f args s /\ match L f args s with Ok (_, s') => P s' | _ => True end.

  Lemma always_denote L A c : Forall (keeps_P L A) (calls c) -> forall e s, P s -> always L A (denote c e) s.
  Proof.
    induction c as [|x a|x f args|a IHa b IHb|g a IHa b IHb|x t a b step body IH|[a|]];
      cbn [calls denote]; intros K e s H; try (split; [exact H|exact I]).
    - destruct (eval e a); split; auto; exact I.
    - destruct (evals e args) as [vs|]; [|split; auto; exact I]. inversion K as [|? ? KF _]; subst. destruct (KF vs s H) as [HA R].
      cbn [always]. split; [exact H|]. split; [exact HA|]. destruct (L f vs s) as [[v s']| |]; auto.
    - apply Forall_app in K as [KA KB]. apply always_tbind; [apply IHa; auto|]. intros [[|v] e'] s' E.
      + apply IHb; auto. eapply always_end; [|exact E]. apply IHa; auto.
      + split; [|exact I]. eapply always_end; [|exact E]. apply IHa; auto.
    - apply Forall_app in K as [KA KB]. destruct (eval e g) as [v|]; [|split; auto; exact I]. destruct (truth v); auto.
    - destruct (loop_range e t a b step) as [[i n]|]; [|split; auto; exact I].
      revert i e s H; induction n as [|n IHn]; intros i e s H; cbn [titer]; [split; auto; exact I|].
      apply always_tbind; [apply IH; auto|]. intros [[|v] e'] s' E.
      + apply IHn. eapply always_end; [|exact E]. apply IH; auto.
      + split; [|exact I]. eapply always_end; [|exact E]. apply IH; auto.
    - destruct (eval e a); split; auto; exact I.
  Qed.

  Lemma always_code L A d args s : (P s -> always L A (denote (fn_body d) (frame d args)) s) -> P s -> always L A (code d args) s.
  Proof.
    intros H HP. unfold code. destruct (Nat.eqb _ _); [|split; [exact HP|exact I]].
    apply always_tbind; [auto|]. intros [[|v] e] s' E; (split; [|exact I]); eapply always_end; eauto.
  Qed.

  Definition known (ns : list string) (f : string) : bool := existsb (String.eqb f) ns.

  (* The functions of M that call only names known to keep P, or each other. *)
  Fixpoint quiet (ns : list string) (M : modul) : list string :=
    match M with
    | [] => ns
    | (f, d) :: r => let rest := filter (fun g => negb (String.eqb g f)) ns in
                     quiet (if forallb (known ns) (calls (fn_body d)) then f :: rest else rest) r
    end.

  Lemma quiet_keeps M : forall L A ns, Forall (keeps_P L A) ns -> Forall (keeps_P (link L M) (demands L A M)) (quiet ns M).
  Proof.
    induction M as [|[f d] M IH]; intros L A ns K; [exact K|]. cbn [quiet link demands]. apply IH.
    assert (KR : Forall (keeps_P (add L f (run L d)) (demand_of A f (fun args s => always L A (code d args) s)))
                   (filter (fun g => negb (String.eqb g f)) ns)).
    { apply Forall_forall. intros g G. apply filter_In in G as [G N]. apply negb_true_iff in N. rewrite Forall_forall in K.
      intros args s H. unfold add, demand_of. rewrite N. apply K; auto. }
    destruct (forallb (known ns) (calls (fn_body d))) eqn:Q; [|exact KR]. apply Forall_cons; [|exact KR].
    intros args s H. unfold add, demand_of. rewrite String.eqb_refl.
    assert (AC : always L A (code d args) s).
    { apply always_code; [|exact H]. intros _. apply always_denote; [|exact H]. apply Forall_forall. intros g G.
      rewrite forallb_forall in Q. specialize (Q g G). apply existsb_exists in Q as (g' & I' & E). apply String.eqb_eq in E. subst.
      rewrite Forall_forall in K. apply K, I'. }
    split; [exact AC|]. destruct (run L d args s) as [[v s']| |] eqn:E; auto. rewrite <- run_code in E. eapply always_end; eauto.
  Qed.

  (* ------------------------------------------------------- symbolic execution *)

  (* As wp, with P all along.  L' says what calls do; L does the same wherever L' says something. *)
  Section Wpa.
    Context (L L' : layer St) (A : demand St) (HL : sim eq L L').
    Implicit Types (Q : @post St).

    Definition wpa (c : stmt) Q (e : env) (s : St) : Prop := P s -> always L A (denote c e) s /\ Q (exec L c e s).
    Definition thena (b : stmt) Q (r : res (out * env * St)) : Prop :=
      match r with Ok (ONext, e, s) => wpa b Q e s | r => Q r end.

    Lemma denote_end c e s o e' s' : always L A (denote c e) s -> exec L c e s = Ok (o, e', s') -> P s'.
    Proof. intros H E. eapply (always_end _ _ _ s (o, e') s' H). rewrite run_denote, E. reflexivity. Qed.

    Lemma wpa_skip Q e s : Q (Ok (ONext, e, s)) -> wpa SSkip Q e s.
    Proof. intros H HP. split; [split; [exact HP|exact I]|exact H]. Qed.
    Lemma wpa_assign x a v Q e s : eval e a = Some v -> Q (Ok (ONext, setv e x v, s)) -> wpa (SAssign x a) Q e s.
    Proof. intros E H HP. cbn [denote exec]. rewrite E. split; [split; [exact HP|exact I]|exact H]. Qed.
    Lemma wpa_return a v Q e s : eval e a = Some v -> Q (Ok (ORet v, e, s)) -> wpa (SReturn (Some a)) Q e s.
    Proof. intros E H HP. cbn [denote exec]. rewrite E. split; [split; [exact HP|exact I]|exact H]. Qed.
    Lemma wpa_return_void Q e s : Q (Ok (ORet 0, e, s)) -> wpa (SReturn None) Q e s.
    Proof. intros H HP. split; [split; [exact HP|exact I]|exact H]. Qed.

    Lemma wpa_seq a b Q e s : wpa a (thena b Q) e s -> wpa (SSeq a b) Q e s.
    Proof.
      intros H HP. destruct (H HP) as [HA HQ]. cbn [denote exec]. unfold thena in HQ. split.
      - apply always_tbind; [exact HA|]. intros [o e'] s' E. rewrite run_denote in E.
        destruct (exec L a e s) as [[[o1 e1] s1]| |] eqn:X; try discriminate. injection E as -> -> ->.
        destruct o; [|split; [eapply denote_end; eauto|exact I]]. apply HQ. eapply denote_end; eauto.
      - destruct (exec L a e s) as [[[[|v] e1] s1]| |] eqn:X; auto. apply HQ. eapply denote_end; eauto.
    Qed.

    Lemma wpa_if c v a b Q e s : eval e c = Some v ->
      (truth v = true -> wpa a Q e s) -> (truth v = false -> wpa b Q e s) -> wpa (SIf c a b) Q e s.
    Proof. intros E H1 H2 HP. cbn [denote exec]. rewrite E. destruct (truth v); [apply H1|apply H2]; auto. Qed.

    Lemma wpa_call x f args vs v s' Q e s : evals e args = Some vs -> L' f vs s = Ok (v, s') ->
      (P s -> A f vs s) -> (P s -> P s') -> Q (Ok (ONext, put x e v, s')) -> wpa (SCall x f args) Q e s.
    Proof.
      intros E C HA HS H HP. cbn [denote exec]. rewrite E. pose proof (HL f vs s s eq_refl) as X. rewrite C in X.
      destruct X as ([w s1] & X & [E1 E2]). cbn [fst snd] in *. subst. cbn [always]. rewrite X. cbn [always]. auto 8.
    Qed.

    (* for (x = 0; x < b; x++) *)
    Lemma wpa_for0 (J : nat -> env -> St -> Prop) x t b step body w Q e s :
      step = 1 -> eval e b = Some w -> 0 <= w < modulus t -> J 0%nat e s ->
      (forall k e s, (k < Z.to_nat w)%nat -> J k e s ->
         wpa body (fun r => match r with Ok (ONext, e', s') => J (S k) e' s' | r => Q r end) (setv e x (Z.of_nat k)) s) ->
      (forall e s, J (Z.to_nat w) e s -> Q (Ok (ONext, setv e x w, s))) ->
      wpa (SFor x t (EConst 0) b step body) Q e s.
    Proof.
      intros -> Eb Hw H0 Hb Hq HP. assert (LR : loop_range e t (EConst 0) b 1 = Some (0, Z.to_nat w)).
      { rewrite (loop_range_1 e t _ _ 0 w); auto; [|lia]. do 2 f_equal. lia. }
      cbn [denote exec]. rewrite LR.
      cut (forall j k e s, (k + j = Z.to_nat w)%nat -> J k e s -> P s ->
        always L A (titer j x (Z.of_nat k) 1 (denote body) e) s /\ Q (iter j x (Z.of_nat k) 1 (exec L body) e s)).
      { intros X. exact (X (Z.to_nat w) 0%nat e s eq_refl H0 HP). }
      clear e s LR Eb H0 HP. induction j as [|j IH]; intros k e s Hk HJ HP; cbn [titer iter].
      - split; [split; [exact HP|exact I]|]. replace k with (Z.to_nat w) in * by lia. rewrite Z2Nat.id by lia. auto.
      - destruct (Hb k e s ltac:(lia) HJ HP) as [HA HQ]. replace (Z.of_nat k + 1) with (Z.of_nat (S k)) by lia. split.
        + apply always_tbind; [exact HA|]. intros [o e'] s' E. rewrite run_denote in E.
          destruct (exec L body (setv e x (Z.of_nat k)) s) as [[[o1 e1] s1]| |] eqn:X; try discriminate. injection E as -> -> ->.
          pose proof (denote_end _ _ _ _ _ _ HA X) as HP'. destruct o; [|split; [exact HP'|exact I]]. apply IH; auto. lia.
        + destruct (exec L body (setv e x (Z.of_nat k)) s) as [[[[|v] e1] s1]| |] eqn:X; auto.
          apply IH; [lia|exact HQ|]. eapply denote_end; eauto.
    Qed.

    Lemma wpa_code d args Q s : P s -> wpa (fn_body d) Q (frame d args) s -> always L A (code d args) s.
    Proof. intros HP H. apply always_code; [|exact HP]. intros _. apply H, HP. Qed.
  End Wpa.
End Always.
