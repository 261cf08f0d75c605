(* SPDX-License-Identifier: GPL-2.0-only *)
(* The ownership invariant of the top machine: it holds after boot and every action keeps it. *)
From KCore Require Export top.Top.

Record inv (s : state) : Prop := mkinv {
  (* what a protected VM has mapped is its own, what a normal VM has mapped is the host's *)
  i_owner : forall e, In e (tr (pub s)) ->
    owner (pub s) (e_pg e) = if prot (pub s) (e_vm e) then e_vm e else 0;
  (* no page is mapped twice by protected VMs *)
  i_once : forall e f, In e (tr (pub s)) -> In f (tr (pub s)) ->
    prot (pub s) (e_vm e) = true -> e_pg e = e_pg f -> e = f;
  i_alive : forall e, In e (tr (pub s)) -> vstate (vm (pub s) (e_vm e)) <> Free;
  (* a page between the two sections of a donation belongs to the VM and is mapped nowhere *)
  i_transit : forall t, In t (transit (pub s)) ->
    owner (pub s) (e_pg (snd t)) = e_vm (snd t) /\ prot (pub s) (e_vm (snd t)) = true /\
    vstate (vm (pub s) (e_vm (snd t))) <> Free /\
    (forall e, In e (tr (pub s)) -> e_pg e <> e_pg (snd t));
  i_transit_once : forall t u, In t (transit (pub s)) -> In u (transit (pub s)) ->
    e_pg (snd t) = e_pg (snd u) -> t = u;
  (* a vCPU page is the host's *)
  i_shared : forall e, In e (shared (pub s)) -> owner (pub s) (e_pg e) = 0;
  i_host : forall v, prot (pub s) v = true -> v <> 0;
  (* registers of what does not exist are wiped *)
  i_wiped : forall v i r, cexists (vc (pub s) v i) = false -> regs s v i r = 0;
  i_vcpu : forall v i, cexists (vc (pub s) v i) = true -> vstate (vm (pub s) v) <> Free /\ In i vcpus
}.

(* ---- small facts ---- *)

Lemma upd_eq {A} (f : Z -> A) i a : upd f i a i = a.
Proof. unfold upd. rewrite Z.eqb_refl. reflexivity. Qed.
Lemma upd_ne {A} (f : Z -> A) i j a : j <> i -> upd f i a j = f j.
Proof. unfold upd. intros H. destruct (Z.eqb_spec j i); congruence. Qed.
Lemma upd2_eq {A} (f : Z -> Z -> A) i j a : upd2 f i j a i j = a.
Proof. unfold upd2. rewrite !upd_eq. reflexivity. Qed.
Lemma upd2_cases {A} (f : Z -> Z -> A) i j a k l :
  upd2 f i j a k l = if (k =? i) && (l =? j) then a else f k l.
Proof.
  unfold upd2, upd. destruct (Z.eqb_spec k i) as [->|]; [|reflexivity].
  destruct (l =? j); reflexivity.
Qed.

Lemma lookup_in P v ipa e : lookup P v ipa = Some e -> In e (tr P) /\ e_vm e = v /\ e_ipa e = ipa.
Proof.
  unfold lookup. intros H. apply List.find_some in H as [H1 H2]. unfold here in H2.
  apply andb_true_iff in H2 as [A B]. apply Z.eqb_eq in A, B. auto.
Qed.

Lemma not_in_use P pg : in_use P pg = false ->
  (forall e, In e (tr P) -> e_pg e <> pg) /\ (forall e, In e (shared P) -> e_pg e <> pg).
Proof.
  unfold in_use. intros H. apply orb_false_iff in H as [H1 H2].
  split; intros e He E.
  - assert (X : existsb (uses pg) (tr P) = true).
    { apply existsb_exists. exists e. split; [auto|]. unfold uses. rewrite E. apply Z.eqb_refl. }
    congruence.
  - assert (X : existsb (uses pg) (shared P) = true).
    { apply existsb_exists. exists e. split; [auto|]. unfold uses. rewrite E. apply Z.eqb_refl. }
    congruence.
Qed.

Lemma state_is_eq P v x : state_is P v x = true <-> vstate (vm P v) = x.
Proof. unfold state_is. destruct (vstate (vm P v)), x; split; congruence. Qed.

(* Simplifies the public part of an updated state. *)
Ltac fields :=
  unfold prot in *;
  cbn [pub mem regs on_pub set_mem set_regs set_reg set_owner set_vm set_vc set_tr set_shared set_transit set_busy
       set_hreg set_dev owner vm vc tr shared transit busy hreg dev prot vstate vprot vgen vbase vend
       vloaded cexists cpower cpend cirq cload crun cexit e_vm e_ipa e_pg e_w fst snd
       leave power_to vm_to loaded_to reclaim] in *.

Ltac bools :=
  repeat match goal with
  | H : _ && _ = true |- _ => apply andb_true_iff in H; destruct H
  | H : negb _ = true |- _ => apply negb_true_iff in H
  | H : (_ =? _) = true |- _ => apply Z.eqb_eq in H
  | H : state_is _ _ _ = true |- _ => apply state_is_eq in H
  end.

(* An update that leaves owners, mappings, vCPU pages, kinds and states of VMs, and wiped registers. *)
Lemma inv_same s t :
  inv s ->
  (forall pg, owner (pub t) pg = owner (pub s) pg) -> tr (pub t) = tr (pub s) ->
  shared (pub t) = shared (pub s) -> transit (pub t) = transit (pub s) ->
  (forall v, prot (pub t) v = prot (pub s) v) ->
  (forall v, vstate (vm (pub s) v) <> Free -> vstate (vm (pub t) v) <> Free) ->
  (forall v i r, cexists (vc (pub t) v i) = false -> regs t v i r = 0) ->
  (forall v i, cexists (vc (pub t) v i) = true -> cexists (vc (pub s) v i) = true) ->
  inv t.
Proof.
  intros [A B C D E F G W U] Ho Ht Hs Hr Hp Hv Hw Hu.
  constructor; rewrite ?Ht, ?Hs, ?Hr.
  - intros e He. rewrite Ho, Hp. auto.
  - intros e f He Hf. rewrite Hp. eauto.
  - intros e He. auto.
  - intros x Hx. rewrite Ho, Hp. destruct (D x Hx) as (D1 & D2 & D3 & D4). repeat split; auto.
  - auto.
  - intros e He. rewrite Ho. auto.
  - intros v. rewrite Hp. auto.
  - auto.
  - intros v i H. destruct (U v i (Hu v i H)). auto.
Qed.

(* Only memory, the host's registers, its devices, and the vCPUs' other fields change. *)
Ltac same := eapply inv_same; [eassumption|fields; try reflexivity; auto ..].

Lemma wiped_upd s v i (f : Z -> Z) :
  inv s -> cexists (vc (pub s) v i) = true ->
  forall w j r, cexists (vc (pub s) w j) = false -> upd2 (regs s) v i f w j r = 0.
Proof.
  intros I Hc w j r H. rewrite upd2_cases.
  destruct (Z.eqb_spec w v) as [->|]; [|apply (i_wiped _ I); auto].
  destruct (Z.eqb_spec j i) as [->|]; [congruence|apply (i_wiped _ I); auto].
Qed.

Lemma exists_upd P v i x w j :
  cexists x = cexists (vc P v i) -> cexists (upd2 (vc P) v i x w j) = cexists (vc P w j).
Proof.
  intros H. rewrite upd2_cases.
  destruct (Z.eqb_spec w v) as [->|]; [|reflexivity].
  destruct (Z.eqb_spec j i) as [->|]; [exact H|reflexivity].
Qed.

Lemma runs_exists P v i c : runs P v i = Some c -> cexists (vc P v i) = true.
Proof. unfold runs. destruct (cexists (vc P v i)); [auto|discriminate]. Qed.

Lemma inv_on_vc s v i x :
  inv s -> cexists x = cexists (vc (pub s) v i) -> inv (on_pub (set_vc v i x) s).
Proof.
  intros I H. same; intros w j; rewrite exists_upd by exact H; auto. intros r. apply (i_wiped _ I).
Qed.

Lemma inv_regs s v i f : inv s -> cexists (vc (pub s) v i) = true -> inv (set_regs v i f s).
Proof. intros I H. same. apply wiped_upd; auto. Qed.

Lemma inv_mem s pg l : inv s -> inv (set_mem pg l s).
Proof. intros I. same. apply (i_wiped _ I). Qed.

Lemma inv_busy s c b : inv s -> inv (on_pub (set_busy c b) s).
Proof. intros I. same. apply (i_wiped _ I). Qed.

Lemma inv_hreg s c r z : inv s -> inv (on_pub (set_hreg c r z) s).
Proof. intros I. same. apply (i_wiped _ I). Qed.

Lemma inv_dev s d z : inv s -> inv (on_pub (set_dev d z) s).
Proof. intros I. same. apply (i_wiped _ I). Qed.

(* ---- guests ---- *)

Lemma inv_leave s v i c x p : inv s -> inv (leave v i c x p s).
Proof.
  intros I. unfold leave.
  apply (inv_busy (on_pub (set_vc v i _) s)). apply inv_on_vc; auto.
Qed.

Lemma inv_power s v i w : inv s -> inv (on_pub (power_to v i w) s).
Proof. intros I. apply inv_on_vc; auto. Qed.

Definition state_of (o : outcome) : state := match o with Goes s | Exits _ _ s => s end.

Lemma inv_instruction s v i n :
  inv s -> cexists (vc (pub s) v i) = true -> inv (state_of (instruction v i n s)).
Proof.
  intros I H. destruct n; cbn [instruction]; unfold outside, set_reg;
    repeat match goal with |- context [match ?x with _ => _ end] => destruct x eqn:? end;
    cbn [state_of]; auto using inv_regs, inv_mem, inv_power.
  - apply inv_on_vc; auto.
  - bools. apply inv_power. apply inv_regs; auto.
Qed.

Lemma inv_guest s v i n : inv s -> inv (guest v i n s).
Proof.
  intros I. unfold guest. destruct (runs (pub s) v i) as [c|] eqn:R; [|auto].
  pose proof (inv_instruction s v i n I (runs_exists _ _ _ _ R)) as X.
  destruct (instruction v i n s); cbn [state_of] in X; auto using inv_leave.
Qed.
