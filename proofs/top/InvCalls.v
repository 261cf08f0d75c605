(* SPDX-License-Identifier: GPL-2.0-only *)
(* Hypercalls keep the ownership invariant. *)
From KCore Require Export top.Inv.

Section Calls.
Variable dram : Z -> bool.
Variable query : Z -> public -> Z.
Notation ok := (ok dram).
Notation step := (step dram query).
Notation call := (call dram).

Ltac inv_case I := destruct I as [A B C D E F G W U].

Lemma inv_set_vm s v r :
  inv s -> (vstate (vm (pub s) v) = Free \/ (vprot r = prot (pub s) v /\
    (vstate r <> Free \/ (forall e, In e (tr (pub s)) -> e_vm e <> v) /\
                         (forall t, In t (transit (pub s)) -> e_vm (snd t) <> v) /\
                         (forall i, cexists (vc (pub s) v i) = false)))) ->
  (vprot r = true -> v <> 0) -> inv (on_pub (set_vm v r) s).
Proof.
  intros I H H0. inv_case I.
  assert (Ne : forall e, In e (tr (pub s)) -> e_vm e = v -> vstate (vm (pub s) v) <> Free).
  { intros e He <-. auto. }
  assert (Nt : forall t, In t (transit (pub s)) -> e_vm (snd t) = v -> vstate (vm (pub s) v) <> Free).
  { intros t Ht <-. apply (D t Ht). }
  assert (P : forall w, (vstate (vm (pub s) w) <> Free \/ w <> v) -> vprot (upd (vm (pub s)) v r w) = vprot (vm (pub s) w)).
  { intros w Hw. unfold upd. destruct (Z.eqb_spec w v) as [->|]; [|reflexivity].
    destruct H as [?|[? _]]; [tauto|]. assumption. }
  constructor.
  - fields. intros e He. rewrite P by auto. exact (A e He).
  - fields. intros e f He Hf Hp. rewrite P in Hp by auto. apply B; auto.
  - fields. intros e He. unfold upd. destruct (Z.eqb_spec (e_vm e) v) as [Ev|]; [|auto].
    destruct H as [?|[_ [?|[N _]]]]; [exfalso; eapply Ne; eauto|auto|exfalso; eapply N; eauto].
  - fields. intros t Ht. destruct (D t Ht) as (D1 & D2 & D3 & D4).
    repeat split; auto.
    + rewrite P by auto. exact D2.
    + unfold upd. destruct (Z.eqb_spec (e_vm (snd t)) v) as [Ev|]; [|auto].
      destruct H as [?|[_ [?|[_ [N _]]]]]; [exfalso; eapply Nt; eauto|auto|exfalso; eapply N; eauto].
  - fields. exact E.
  - fields. exact F.
  - intros w. fields. unfold upd. destruct (Z.eqb_spec w v) as [->|]; [auto|apply G].
  - fields. exact W.
  - fields. intros w i Hw. destruct (U w i Hw) as [U1 U2]. split; [|exact U2]. unfold upd.
    destruct (Z.eqb_spec w v) as [->|]; [|exact U1].
    destruct H as [?|[_ [?|[_ [_ N]]]]]; [congruence|auto|congruence].
Qed.

Lemma is_vm_pos v : is_vm v = true -> v <> 0.
Proof. unfold is_vm. intros H. bools. apply Z.ltb_lt in H. lia. Qed.

Lemma inv_vm_to s v x : inv s -> vstate (vm (pub s) v) <> Free -> x <> Free -> inv (on_pub (vm_to v x) s).
Proof.
  intros I H Hx. apply inv_set_vm; auto. apply (i_host _ I).
Qed.

(* A page of the host that nobody uses goes to a protected VM. *)
Lemma inv_take s c v ipa pg :
  inv s -> donate_ok dram (pub s) v ipa pg = true ->
  inv (on_pub (fun P => set_transit ((c, mke v ipa pg true) :: transit P) (set_owner (upd (owner P) pg v) P)) s).
Proof.
  intros I H. unfold donate_ok in H. bools.
  match goal with X : in_use _ _ = false |- _ => apply not_in_use in X as [U1 U2] end.
  inv_case I.
  assert (Hv : v <> 0) by (apply is_vm_pos; auto).
  assert (Nt : forall t, In t (transit (pub s)) -> e_pg (snd t) <> pg).
  { intros t Ht Et. destruct (D t Ht) as (D1 & D2 & _). rewrite Et in D1. apply G in D2. congruence. }
  constructor; fields; auto.
  - intros e He. rewrite upd_ne by auto. exact (A e He).
  - intros t [<-|Ht]; fields.
    + rewrite upd_eq. repeat split; auto. congruence.
    + destruct (D t Ht) as (D1 & D2 & D3 & D4). rewrite upd_ne by auto. auto.
  - intros t u [<-|Ht] [<-|Hu]; fields; intros Eq; auto; exfalso; [eapply Nt|eapply Nt]; eauto.
  - intros e He. rewrite upd_ne by auto. auto.
Qed.

(* A page that nobody maps any more goes back to the host, wiped. *)
Lemma inv_reclaim s pg :
  inv s -> (forall e, In e (tr (pub s)) -> prot (pub s) (e_vm e) = true -> e_pg e <> pg) ->
  (forall t, In t (transit (pub s)) -> e_pg (snd t) <> pg) -> inv (reclaim pg s).
Proof.
  intros I H1 H2. inv_case I. unfold reclaim. constructor; fields; auto.
  - intros e He. unfold upd. destruct (Z.eqb_spec (e_pg e) pg) as [Eq|]; [|exact (A e He)].
    destruct (vprot (vm (pub s) (e_vm e))) eqn:X; [|reflexivity]. exfalso. eapply H1; eauto.
  - intros t Ht. destruct (D t Ht) as (D1 & D2 & D3 & D4). rewrite upd_ne by auto. auto.
  - intros e He. unfold upd. destruct (Z.eqb_spec (e_pg e) pg); auto.
Qed.

Lemma inv_fewer s x : inv s -> (forall e, In e x -> In e (tr (pub s))) -> inv (on_pub (set_tr x) s).
Proof.
  intros I H. inv_case I. constructor; fields; auto.
  intros t Ht. destruct (D t Ht) as (D1 & D2 & D3 & D4). repeat split; auto.
Qed.

Lemma inv_fewer_transit s x : inv s -> (forall t, In t x -> In t (transit (pub s))) -> inv (on_pub (set_transit x) s).
Proof. intros I H. inv_case I. constructor; fields; auto. Qed.

Lemma inv_fewer_shared s x : inv s -> (forall t, In t x -> In t (shared (pub s))) -> inv (on_pub (set_shared x) s).
Proof. intros I H. inv_case I. constructor; fields; auto. Qed.

Lemma in_filter {A} (f : A -> bool) l x : In x (filter f l) -> In x l.
Proof. intros H. apply filter_In in H. tauto. Qed.

Lemma inv_donate_map c s : inv s -> inv (donate_map c s).
Proof.
  intros I. unfold donate_map. destruct (in_transit (pub s) c) as [[c' e]|] eqn:T; [|auto].
  unfold in_transit in T. apply List.find_some in T as [Ht Ec]. cbn [fst snd] in *.
  destruct (i_transit _ I _ Ht) as (D1 & D2 & D3 & D4). cbn [snd] in *.
  assert (Nt : forall t, In t (filter (fun t => negb (fst t =? c)) (transit (pub s))) -> e_pg (snd t) <> e_pg e).
  { intros t H Eq. apply filter_In in H as [H1 H2].
    assert (X : t = (c', e)) by (apply (i_transit_once _ I); auto). subst t. cbn in H2. rewrite Ec in H2. discriminate. }
  destruct (mappable (pub s) e).
  - inv_case I. constructor; fields; auto.
    + intros f [<-|Hf]; [|exact (A f Hf)]. unfold prot in D2. rewrite D2. exact D1.
    + intros f g [<-|Hf] [<-|Hg] Hp Eq; auto.
      * exfalso. eapply D4; eauto.
      * exfalso. eapply D4; eauto.
    + intros f [<-|Hf]; auto.
    + intros t H. destruct (D t (in_filter _ _ _ H)) as (X1 & X2 & X3 & X4). repeat split; auto.
      intros f [<-|Hf]; auto. intros Eq. apply (Nt t H). auto.
    + intros t u H H'. apply E; eauto using in_filter.
  - apply inv_reclaim.
    + apply (inv_fewer_transit s); eauto using in_filter.
    + fields. intros f Hf _. auto.
    + fields. exact Nt.
Qed.

Lemma range_in k n : In k (range n) -> 0 <= k < n.
Proof. unfold range. intros H. apply in_map_iff in H as (m & <- & H). apply in_seq in H. lia. Qed.

Lemma inv_map s v ipa pg n w :
  inv s -> map_ok (pub s) v ipa pg n = true ->
  inv (on_pub (fun P => set_tr (mappings v ipa pg n w ++ tr P) P) s).
Proof.
  intros I H. unfold map_ok in H. bools.
  match goal with X : forallb _ _ = true |- _ => rewrite forallb_forall in X; rename X into K end.
  assert (Pv : prot (pub s) v = false) by assumption.
  assert (Sv : vstate (vm (pub s) v) <> Free).
  { match goal with X : _ || _ = true |- _ => apply orb_true_iff in X as [X|X]; apply state_is_eq in X end; congruence. }
  assert (M : forall e, In e (mappings v ipa pg n w) -> e_vm e = v /\ owner (pub s) (e_pg e) = 0).
  { intros e He. unfold mappings in He. apply in_map_iff in He as (k & <- & Hk). fields.
    specialize (K k Hk). bools. auto. }
  inv_case I. constructor; fields; auto.
  - intros e He. apply in_app_iff in He as [He|He]; [|exact (A e He)].
    destruct (M e He) as [-> X]. unfold prot in Pv. rewrite Pv. exact X.
  - intros e f He Hf Hp Eq. apply in_app_iff in He as [He|He].
    { destruct (M e He) as [X _]. rewrite X in Hp. unfold prot in Pv. congruence. }
    apply in_app_iff in Hf as [Hf|Hf]; [|eauto].
    destruct (M f Hf) as [_ X]. pose proof (A e He) as Y. unfold prot in Y. rewrite Hp in Y.
    rewrite Eq, X in Y. exfalso. apply (G (e_vm e)); [exact Hp|congruence].
  - intros e He. apply in_app_iff in He as [He|He]; [|exact (C e He)]. destruct (M e He) as [-> _]. exact Sv.
  - intros t Ht. destruct (D t Ht) as (D1 & D2 & D3 & D4). repeat split; auto.
    intros e He. apply in_app_iff in He as [He|He]; [|auto]. destruct (M e He) as [_ X]. intros Eq.
    rewrite Eq, D1 in X. apply (G _ D2). exact X.
Qed.

Lemma inv_wrprotect s v ipa n :
  inv s -> prot (pub s) v = false -> inv (on_pub (fun P => set_tr (map (read_only v ipa n) (tr P)) P) s).
Proof.
  intros I Pv.
  assert (R : forall e, e_vm (read_only v ipa n e) = e_vm e /\ e_pg (read_only v ipa n e) = e_pg e /\
    (prot (pub s) (e_vm e) = true -> read_only v ipa n e = e)).
  { intros e. unfold read_only, in_range. destruct (Z.eqb_spec (e_vm e) v) as [Ev|]; cbn [andb]; [|auto].
    destruct (_ && _); auto. repeat split; auto. rewrite Ev. congruence. }
  inv_case I. constructor; fields; auto.
  - intros e He. apply in_map_iff in He as (f & <- & Hf). destruct (R f) as (-> & -> & _). exact (A f Hf).
  - intros e f He Hf Hp Eq. apply in_map_iff in He as (e' & <- & He'). apply in_map_iff in Hf as (f' & <- & Hf').
    destruct (R e') as (E1 & E2 & E3), (R f') as (F1 & F2 & F3). rewrite E1 in Hp. rewrite E2, F2 in Eq.
    pose proof (B e' f' He' Hf' Hp Eq). subst f'. reflexivity.
  - intros e He. apply in_map_iff in He as (f & <- & Hf). destruct (R f) as (-> & _). exact (C f Hf).
  - intros t Ht. destruct (D t Ht) as (D1 & D2 & D3 & D4). repeat split; auto.
    intros e He. apply in_map_iff in He as (f & <- & Hf). destruct (R f) as (_ & -> & _). auto.
Qed.

Lemma nothing_left_spec P v : nothing_left P v = true ->
  (forall e, In e (tr P) -> e_vm e <> v) /\ (forall t, In t (transit P) -> e_vm (snd t) <> v) /\
  (forall i, In i vcpus -> cexists (vc P v i) = false).
Proof.
  unfold nothing_left. intros H. bools.
  repeat match goal with X : existsb _ _ = false |- _ => revert X end. intros X Y.
  match goal with N : no_vcpus _ _ = true |- _ => unfold no_vcpus in N; rewrite forallb_forall in N; rename N into K end.
  split; [|split; [|intros i Hi; apply negb_true_iff; exact (K i Hi)]]; intros x Hx Eq.
  - assert (Z : existsb (fun e => e_vm e =? v) (tr P) = true)
      by (apply existsb_exists; exists x; split; [auto|apply Z.eqb_eq; auto]). congruence.
  - assert (Z : existsb (fun t => e_vm (snd t) =? v) (transit P) = true)
      by (apply existsb_exists; exists x; split; [auto|apply Z.eqb_eq; auto]). congruence.
Qed.

Lemma inv_step_destroy s v ipa :
  inv s -> inv (does (DestroyStep 0 v ipa) s).
Proof.
  intros I. cbn [does]. destruct (lookup (pub s) v ipa) as [e|] eqn:L; [|auto].
  apply lookup_in in L as (L1 & L2 & L3).
  assert (J : inv (on_pub (fun P => set_tr (filter (fun e => negb (here v ipa e)) (tr P)) P) s)).
  { apply (inv_fewer s); eauto using in_filter. }
  destruct (prot (pub s) v) eqn:Pv; [|exact J]. apply inv_reclaim; [exact J|..]; fields.
  - intros f Hf Hp Eq. apply filter_In in Hf as [Hf N].
    assert (f = e) by (symmetry; apply (i_once _ I); auto; rewrite L2; exact Pv). subst f.
    unfold here in N. rewrite L2, L3, !Z.eqb_refl in N. discriminate.
  - intros t Ht Eq. destruct (i_transit _ I t Ht) as (_ & _ & _ & D4). eapply D4; eauto.
Qed.

Lemma inv_does s a : inv s -> ok (pub s) a = true -> inv (does a s).
Proof.
  intros I H. destruct a; cbn [does Top.ok] in *; auto; bools.
  - (* VmCreate *) apply inv_set_vm; auto. intros _. apply is_vm_pos; auto.
  - (* VcpuCreate *)
    match goal with X : in_use _ _ = false |- _ => apply not_in_use in X as [U1 U2] end.
    pose proof I as I0. inv_case I. constructor; fields; auto.
    + intros e [<-|He]; auto.
    + intros w j r. rewrite !upd2_cases. destruct ((w =? v) && (j =? i)); auto.
    + intros w j. rewrite !upd2_cases. destruct (Z.eqb_spec w v) as [->|]; [|apply U].
      destruct (Z.eqb_spec j i) as [->|]; [|apply U]. intros _. split;
      [|match goal with X : existsb _ _ = true |- _ => apply existsb_exists in X as (k & Hk & Ek) end;
        apply Z.eqb_eq in Ek; subst k; exact Hk].
      match goal with X : _ || _ = true |- _ => apply orb_true_iff in X as [X|X]; bools; congruence end.
  - (* VcpuDestroy *)
    assert (J : inv (on_pub (set_shared (filter (fun e => negb (here v i e)) (shared (pub s)))) s))
      by (apply inv_fewer_shared; eauto using in_filter).
    inv_case J. constructor; fields; auto.
    + intros w j r. rewrite !upd2_cases. destruct ((w =? v) && (j =? i)); auto.
    + intros w j. rewrite !upd2_cases. destruct ((w =? v) && (j =? i)); [discriminate|apply U].
  - (* Finalise *)
    assert (J : inv (on_pub (fun P => let m := vm P v in
        set_vm v (mkvm Ready (vprot m) (vgen m) base end_ (vloaded m)) P) s)).
    { apply (inv_set_vm s v); auto; [|apply (i_host _ I)]. right. fields. split; [reflexivity|]. left. discriminate. }
    destruct (prot (pub s) v) eqn:Pv; [|exact J].
    apply inv_power. apply inv_regs; [exact J|]. fields.
    match goal with X : _ || _ = true |- _ => apply orb_true_iff in X as [X|X]; [discriminate|exact X] end.
  - (* DonateTake *) apply inv_take; auto.
  - (* Map *) apply inv_map; auto.
  - (* Unmap *) apply (inv_fewer s); eauto using in_filter.
  - (* Wrprotect *) apply inv_wrprotect; auto.
  - (* DestroyBegin *) apply inv_vm_to; auto; [|discriminate]. intros X. apply state_is_eq in X. congruence.
  - (* DestroyStep *) apply (inv_step_destroy s v ipa I).
  - (* DestroyEnd *)
    match goal with X : nothing_left _ _ = true |- _ => apply nothing_left_spec in X as (N1 & N2 & N3) end.
    apply inv_set_vm; [exact I| |apply (i_host _ I)]. right. fields. split; [reflexivity|]. right.
    split; [exact N1|split; [exact N2|]]. intros i. destruct (cexists (vc (pub s) v i)) eqn:X; [|reflexivity].
    destruct (i_vcpu _ I v i X) as [_ Y]. rewrite (N3 i Y) in X. discriminate.
  - (* Load *)
    apply (inv_set_vm (on_pub (set_vc v i (mkvc (cexists (vc (pub s) v i)) (cpower (vc (pub s) v i))
      (cpend (vc (pub s) v i)) (cirq (vc (pub s) v i)) (Some c) (crun (vc (pub s) v i)) (cexit (vc (pub s) v i)))) s) v).
    + apply inv_on_vc; auto.
    + right. fields. split; [reflexivity|left]. congruence.
    + apply (i_host _ I).
  - (* Put *)
    apply (inv_set_vm (on_pub (set_vc v i (mkvc (cexists (vc (pub s) v i)) (cpower (vc (pub s) v i))
      (cpend (vc (pub s) v i)) (cirq (vc (pub s) v i)) None (crun (vc (pub s) v i)) (cexit (vc (pub s) v i)))) s) v).
    + apply inv_on_vc; auto.
    + destruct (vstate (vm (pub s) v)) eqn:X; [left; auto|right|right|right]; fields; split; auto; left; congruence.
    + apply (i_host _ I).
  - (* Run *)
    apply (inv_busy (on_pub (set_vc v i _) (set_regs v i _ s))). apply inv_on_vc; [|reflexivity].
    apply inv_regs; auto.
Qed.

Lemma inv_call s a : inv s -> inv (call a s).
Proof.
  intros I. unfold Top.call. destruct (hosted (pub s) (cpu_of a)); [|auto].
  destruct (ok (pub s) a) eqn:O; apply inv_hreg; auto using inv_does.
Qed.

(* Every action of anybody keeps the invariant. *)
Theorem inv_step a s : inv s -> inv (step a s).
Proof.
  intros I. destruct a; cbn [Top.step]; try (apply inv_call; assumption);
    try (destruct (_ && _); auto using inv_hreg, inv_mem; fail);
    try (destruct (owner _ _ =? 0); auto using inv_dev, inv_mem; fail);
    auto using inv_guest, inv_dev, inv_donate_map.
  - destruct (hosted _ _); auto using inv_hreg.
  - destruct (runs _ _ _); auto using inv_leave.
  - cbn zeta. destruct (cexists (vc (pub s) v i)) eqn:X; [|exact I]. apply inv_on_vc; [exact I|]. symmetry; exact X.
  - destruct (hosted _ _); auto using inv_hreg.
Qed.

Theorem inv_run l s : inv s -> inv (run dram query l s).
Proof. revert s. induction l as [|a l IH]; intros s I; [exact I|]. apply IH, inv_step, I. Qed.
End Calls.
