(* SPDX-License-Identifier: GPL-2.0-only *)
(* Noninterference over traces, by unwinding, and its corollaries.  Main.v restates them in words. *)
From KCore Require Export top.Reclaim.

Section Ni.
Context {cfg : config}.

Definition principal_ok (p : principal) : Prop := match p with Host => True | Vm v => is_vm v end.

(* ------------------------------------------------------------------ the unwinding conditions, for any principal *)

Lemma eq_for_refl p s : eq_for p s s.
Proof. destruct p; [apply host_eq_refl|apply vm_eq_refl]. Qed.
Lemma eq_for_sym p s t : eq_for p s t -> eq_for p t s.
Proof. destruct p; [apply host_eq_sym|apply vm_eq_sym]. Qed.
Lemma eq_for_trans p s t u : eq_for p s t -> eq_for p t u -> eq_for p s u.
Proof. destruct p; [apply host_eq_trans|apply vm_eq_trans]. Qed.

Theorem respect p a s s' : sound -> principal_ok p -> sinv s -> step a s = Ok s' -> chan p a s = None -> eq_for p s s'.
Proof. intros B V I S N. destruct p as [|v]; [exact (host_respect a s s' B I S N)|exact (vm_respect a v s s' B I V S N)]. Qed.

Theorem consistent p a b s t m s' t' : sound -> principal_ok p -> sinv s -> sinv t -> eq_for p s t ->
  chan p a s = Some m -> chan p b t = Some m -> step a s = Ok s' -> step b t = Ok t' -> eq_for p s' t'.
Proof.
  intros B V I J E. destruct p as [|v]; [exact (host_consistent a b s t m s' t' B I J E)|exact (vm_consistent a b v s t m s' t' B I J V E)].
Qed.

Lemma step_sinv a s s' : sound -> sinv s -> step a s = Ok s' -> sinv s'.
Proof. intros B I S. destruct (step_inv a s B I) as (t & T & J). congruence. Qed.

(* ------------------------------------------------------------------ traces *)

Lemma skip p l : sound -> principal_ok p -> forall s s', sinv s -> run l s = Ok s' -> events p l s = [] -> eq_for p s s'.
Proof.
  intros B V. induction l as [|a l IH]; intros s s' I R E; cbn in R, E; [injection R as <-; apply eq_for_refl|].
  destruct (step a s) as [t| |] eqn:S; try discriminate. destruct (chan p a s) eqn:C; [discriminate|].
  eapply eq_for_trans; [eapply respect; eauto|]. apply IH; auto. eapply step_sinv; eauto.
Qed.

(* Up to the next message. *)
Lemma next p l : sound -> principal_ok p -> forall s s' m r, sinv s -> run l s = Ok s' -> events p l s = m :: r ->
  exists k a l' t u, l = k ++ a :: l' /\ sinv t /\ eq_for p s t /\ chan p a t = Some m /\ step a t = Ok u /\ run l' u = Ok s' /\ events p l' u = r.
Proof.
  intros B V. induction l as [|a l IH]; intros s s' m r I R E; cbn in R, E; [discriminate|].
  destruct (step a s) as [t| |] eqn:S; try discriminate. pose proof (step_sinv _ _ _ B I S) as J. destruct (chan p a s) eqn:C.
  - injection E as -> <-. exists [], a, l, s, t. split; [reflexivity|]. split; [exact I|]. split; [apply eq_for_refl|]. auto.
  - destruct (IH t s' m r J R E) as (k & b & l' & u & w & -> & Iu & Eu & Cb & Sb & Rb & Eb).
    exists (a :: k), b, l', u, w. split; [reflexivity|]. split; [exact Iu|]. split; [|auto]. eapply eq_for_trans; [eapply respect; eauto|auto].
Qed.

Theorem ni_top p : sound -> principal_ok p -> forall la lb s t s' t', sinv s -> sinv t -> eq_for p s t ->
  run la s = Ok s' -> run lb t = Ok t' -> events p la s = events p lb t -> eq_for p s' t'.
Proof.
  intros B V la lb s t s' t' I J E RA RB EV. remember (events p la s) as ev eqn:EA. revert la lb s t I J E RA RB EA EV.
  induction ev as [|m ev IH]; intros.
  - eapply eq_for_trans; [apply eq_for_sym; exact (skip p la B V s s' I RA (eq_sym EA))|].
    eapply eq_for_trans; [exact E|]. exact (skip p lb B V t t' J RB (eq_sym EV)).
  - destruct (next p la B V s s' m ev I RA (eq_sym EA)) as (k & a & l & s1 & s2 & _ & I1 & E1 & C1 & S1 & R1 & V1).
    destruct (next p lb B V t t' m ev J RB (eq_sym EV)) as (k' & b & l' & t1 & t2 & _ & J1 & F1 & C2 & S2 & R2 & V2).
    apply (IH l l' s2 t2); eauto using step_sinv. eapply (consistent p a b s1 t1); eauto.
    eapply eq_for_trans; [apply eq_for_sym; exact E1|]. eapply eq_for_trans; [exact E|exact F1].
Qed.

(* ------------------------------------------------------------------ from boot, and never stuck *)

Definition boot (d : data) : st := mkst boot_pub d.
Theorem boot_sinv d : sinv (boot d).
Proof. exact boot_inv. Qed.

Theorem never_stuck l d : sound -> exists s, run l (boot d) = Ok s /\ sinv s.
Proof. intros B. apply run_total; auto. apply boot_sinv. Qed.

Corollary ni_boot p la lb d e s t : sound -> principal_ok p -> eq_for p (boot d) (boot e) ->
  run la (boot d) = Ok s -> run lb (boot e) = Ok t -> events p la (boot d) = events p lb (boot e) -> eq_for p s t.
Proof. intros B V E. apply ni_top; auto using boot_sinv. Qed.

(* All of it, of one machine.  [ni_boot]: the real core has it; Needed.v: with a check left out it hasn't. *)
Definition noninterfering : Prop :=
  forall p la lb d e s t, principal_ok p -> eq_for p (boot d) (boot e) ->
  run la (boot d) = Ok s -> run lb (boot e) = Ok t -> events p la (boot d) = events p lb (boot e) -> eq_for p s t.
Theorem real_core_noninterfering : sound -> noninterfering.
Proof. intros B p la lb d e s t V. now apply ni_boot. Qed.

(* ------------------------------------------------------------------ corollaries *)

(* The starts differ in what protected VMs hold, and in nothing else. *)
Definition secrets_differ (s t : st) : Prop := host_eq s t.

Corollary confidential la lb s t s' t' : sound -> sinv s -> sinv t -> secrets_differ s t ->
  run la s = Ok s' -> run lb t = Ok t' -> events Host la s = events Host lb t ->
  P s' = P t' /\ (forall c k, hreg (D s') c k = hreg (D t') c k) /\
  (forall p o, host_ok (P s') p = true -> mem (D s') p o = mem (D t') p o) /\
  (forall c k, fp_shared (P s') c = true -> fpm (D s') c k = fpm (D t') c k).
Proof.
  intros B I J E RA RB EV. destruct (ni_top Host B Logic.I la lb s t s' t' I J E RA RB EV) as [A C F G H]. auto.
Qed.

(* Confidentiality of a VM against another one. *)
Corollary confidential_vm v la lb s t s' t' : sound -> is_vm v -> sinv s -> sinv t -> vm_eq v s t ->
  run la s = Ok s' -> run lb t = Ok t' -> events (Vm v) la s = events (Vm v) lb t -> vm_eq v s' t'.
Proof. intros B V. apply (ni_top (Vm v) B V). Qed.

(* Does the message set registers of the vCPU? *)
Definition sets_registers (m : option msg) (w : Z) : Prop :=
  match m with Some (Made x _) | Some (Booted x _ _) | Some (Answer x _ _ _ _ _) => x = w | _ => False end.

Theorem integrity a v s s' : sound -> sinv s -> is_vm v -> step a s = Ok s' -> did (to_vm v a s) = false ->
  live (P s) v = true ->
  (forall i p r, walk (P s) v i = Some (p, r) -> walk (P s') v i = Some (p, r) /\ page_same v s s' p) /\
  (forall w k, vm_of w = v -> exists_bit (P s) w = true -> ~ sets_registers (to_vm v a s) w -> reg s' w k = reg s w k).
Proof.
  intros B I V S N L. pose proof (vm_becomes a v s s' B I V S N) as X.
  assert (Steady : forall W, steady v W s s' ->
    (forall i p r, walk (P s) v i = Some (p, r) -> walk (P s') v i = Some (p, r) /\ page_same v s s' p) /\
    (forall w k, vm_of w = v -> exists_bit (P s) w = true -> ~ W w -> reg s' w k = reg s w k)).
  { intros W H. destruct (H L) as [PS RS]. split.
    - intros i p r Wk. destruct (PS i) as [W1 M]. split; [congruence|]. eapply M; eauto.
    - intros w k Y Ex Nw. apply (RS w Y Ex Nw k). }
  destruct (to_vm v a s) as [[| | | | | | | | | | |bk|x bk|x l bk|i prot l|x pe es fl va l|x l|x cv ct]|]; cbn [becomes sets_registers] in *; try contradiction.
  - destruct X as (_ & X & _). destruct (Steady _ X) as [A C]. split; auto.
  - destruct X as (_ & X & _). destruct (Steady _ X) as [A C]. split; auto.
  - destruct X as (_ & X & _). destruct (Steady _ X) as [A C]. split; auto.
  - destruct X as [_ X]. destruct (X L) as (R & Nw & _ & O). split.
    + intros j p r Wk. destruct (Z.eq_dec j i) as [->|Nj]; [congruence|]. destruct (O j Nj) as [W1 M]. split; [congruence|]. eapply M; eauto.
    + intros w k Y Ex _. apply (R w Y Ex ltac:(intros [])).
  - destruct X as (_ & _ & _ & X & _). destruct (Steady _ X) as [A C]. split; auto.
  - destruct X as (_ & Y & X & Z). destruct (Steady _ X) as [A C]. split; auto. intros w k Yw Ex _.
    destruct (Z.eq_dec x w) as [->|Nx]; [apply (Z L Ex)|apply C; auto].
  - destruct X as (_ & Y & X & Z). destruct (Steady _ X) as [A C]. split; auto. intros w k Yw Ex _.
    destruct (Z.eq_dec x w) as [->|Nx]; [apply (Z L Ex)|apply C; auto].
  - destruct X as [_ X]. destruct (Steady _ X) as [A C]. split; auto; try (intros w k Yw Ex _; apply C; auto).
Qed.

Theorem isolated s v i p r : sinv s -> is_vm v -> live (P s) v = true -> walk (P s) v i = Some (p, r) -> own (P s) v p = true ->
  host_ok (P s) p = false /\ (forall j q r', walk (P s) HOST j = Some (q, r') -> q <> p) /\
  (forall u j q r', is_vm u -> u <> v -> walk (P s) u j = Some (q, r') -> q <> p).
Proof.
  intros I V L W O. unfold sinv in I. destruct (live_guarded _ _ L) as (G & _). pose proof (walk_mine _ _ _ _ _ I V G W O) as M.
  pose proof (mine_not_host _ _ _ V M) as H. split; auto. split.
  - intros j q r' X ->. pose proof (walk_host _ _ _ _ I X). congruence.
  - intros u j q r' U N X ->. destruct (guarded_dec (P s) u) as [Gu|Nu].
    + destruct (walk_guarded _ _ _ _ _ I (vm_not_host u U) Gu X) as (_ & _ & _ & _ & _ & A). destruct M as (A' & _).
      pose proof (vm_not_host v V). destruct A; owners.
    + pose proof (walk_normal _ _ _ _ _ I (vm_not_host u U) Nu X). congruence.
Qed.

Theorem reclaimed_zero a s s' p : sound -> sinv s -> step a s = Ok s' -> host_ok (P s) p = false -> host_ok (P s') p = true ->
  ~ shares a s p -> forall o, mem (D s') p o = 0.
Proof.
  intros B I S A C N. destruct (opens a s s' p B I S A C) as [[c ->]|[X|X]]; [eapply section_zero; eauto|contradiction|auto].
Qed.

(* Of a protected VM's registers an exit shows at most the one that the syndrome names; of a fault's address the page, and
   outside of the VM's memory the offset in it. *)
Theorem filter_narrow s t w esr far far' hpfar : sound -> protected (P s) (vm_of w) = true -> P s = P t ->
  Z.land far 4095 = Z.land far' 4095 ->
  (named_register esr <> 31 -> greg s w (named_register esr) = greg t w (named_register esr)) ->
  sync_release s w esr far hpfar = sync_release t w esr far' hpfar.
Proof.
  intros B Q E F R. rewrite !release_allowed by (auto; rewrite <- E; auto). unfold allowed. rewrite <- E, (filter_far _ _ _ _ _ _ _ F).
  now apply filter_register.
Qed.

Theorem answer_allowed a v s w pending esr flags value l : sound -> to_vm v a s = Some (Answer w pending esr flags value l) ->
  pending = c_pending (vcpu (P s) w) /\ esr = c_esr (vcpu (P s) w) /\ enter_allowed pending esr flags = true.
Proof. apply answer_checked. Qed.
End Ni.
