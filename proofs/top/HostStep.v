(* SPDX-License-Identifier: GPL-2.0-only *)
(* Local respect and step consistency for the host, action by action. *)
From KCore Require Export top.NiHost.

(* The cases of what a guest's action tells. *)
Ltac cases op H :=
  destruct op;
  repeat match type of H with context [mem_call ?a ?b ?c ?d] => destruct (mem_call a b c d) as [[[? ?] ?]|] eqn:? end;
  repeat match type of H with context [reach ?a ?b ?c ?d] => destruct (reach a b c d) as [[? ?]|] eqn:? end;
  repeat match type of H with context [if ?x then _ else _] => destruct x eqn:? end;
  repeat match type of H with context [guest_hvc ?a ?b ?c] => destruct (guest_hvc a b c) eqn:? end;
  try discriminate H.

Section HostStep.
Context {cfg : config}.

Lemma io_inj a b l m : Some (Io a l) = Some (Io b m) -> a = b /\ l = m.
Proof. intros [= -> ->]. auto. Qed.
Lemma ok_eq (a b : st) : Ok a = Ok b -> b = a.
Proof. congruence. Qed.

Lemma host_eq_refl s : host_eq s s.
Proof. split; auto. Qed.
Lemma host_eq_sym s t : host_eq s t -> host_eq t s.
Proof. intros [A B C E F]. split; auto; rewrite <- A; intros; symmetry; auto. Qed.
Lemma host_eq_trans s t u : host_eq s t -> host_eq t u -> host_eq s u.
Proof. intros [A B C E F] [A' B' C' E' F']. split; intros; try congruence. rewrite B; auto. apply B'. now rewrite <- A.
  rewrite C; auto. apply C'. now rewrite <- A. Qed.

(* Changes of contents that the host doesn't see. *)
Lemma host_eq_data s d : agree (host_ok (P s)) (fp_shared (P s)) (D s) d -> host_eq s (mkst (P s) d).
Proof. intros A. now apply agree_host. Qed.

Lemma protected_guarded s v : protected s v = true -> guarded s v /\ v_state (vm s v) <> VM_FREE.
Proof. unfold protected, guarded. rewrite andb_true_iff, negb_true_iff. intros [A B]. split; [now apply Z.eqb_eq|now apply Z.eqb_neq]. Qed.
Lemma unprotected_normal s v : inv s -> v_state (vm s v) <> VM_FREE -> protected s v = false -> v <> HOST /\ ~ guarded s v.
Proof.
  intros I N Q. split; [apply vm_not_host, (i_vm s I v N)|]. unfold protected, guarded in *. apply Z.eqb_neq in N. rewrite N in Q. cbn in Q.
    now apply Z.eqb_neq.
Qed.
Lemma vm_owner_hidden s p v : v <> HOST -> dram p = true -> owner s p = v -> host_ok s p = false.
Proof. intros N Dp O. unfold host_ok. rewrite Dp, O. now apply Z.eqb_neq. Qed.

Lemma reach_walk s v a f p o : reach s v a f = Some (p, o) -> exists r, walk s v (a / PAGE_BYTES) = Some (p, r) /\ 0 <= o < 512.
Proof.
  unfold reach. destruct (walk s v (a / PAGE_BYTES)) as [[q r]|]; [|discriminate]. destruct (f r); [|discriminate].
  intros [= <- <-]. exists r. split; auto. apply Z.mod_pos_bound. lia.
Qed.

Lemma running_vcpu s c : inv s -> u_run (cpu s c) = true ->
  c_state (vcpu s (u_vcpu (cpu s c))) <> VCPU_FREE /\ v_state (vm s (vm_of (u_vcpu (cpu s c)))) <> VM_FREE.
Proof. intros I R. pose proof (loaded_vcpu s c I (i_run s I c R)) as N. split; auto. apply (i_vcpu s I _ N). Qed.

(* ------------------------------------------------------------------ what the host doesn't get, it doesn't see *)

Theorem host_respect a s s' : sound -> sinv s -> step a s = Ok s' -> to_host a s = None -> host_eq s s'.
Proof.
  unfold sinv. intros B I E N. destruct a; cbn [to_host] in N; try discriminate. cbn [step] in E.
  destruct (u_run (cpu (P s) c)) eqn:R; cbn [negb] in N; [|injection E as <-; apply host_eq_refl].
  set (w := u_vcpu (cpu (P s) c)) in *. destruct (running_vcpu (P s) c I R) as [Ew Ev]. fold w in Ew, Ev.
  assert (X : (w =? NO_VCPU) = false) by (apply Z.eqb_neq, (i_run _ I c R)). rewrite X in E. injection E as <-.
  destruct (protected (P s) (vm_of w)) eqn:Q; cbn [negb] in N; [|discriminate].
  destruct (protected_guarded _ _ Q) as [G _]. pose proof (vm_not_host _ (i_vm _ I _ Ev)) as NH.
  destruct op; cbn [guest_step]; try discriminate.
  - unfold write_greg, set_greg. rewrite Q. apply host_eq_data. split; auto.
  - destruct (u_fp (cpu (P s) c)) eqn:F; [|discriminate]. unfold write_greg, set_greg. rewrite Q. apply agree_host; [reflexivity|]. split; auto.
    cbn. intros d k V. unfold upd. destruct (Z.eqb_spec d c); auto. subst. unfold fp_shared in V. fold w in V. rewrite F, Q in V. discriminate.
  - destruct (reach _ _ _ _) as [y|]; [|apply host_eq_refl]. unfold write_greg, set_greg. rewrite Q. apply host_eq_data. split; auto.
  - destruct (reach _ _ _ _) as [[p o]|] eqn:Y; [|apply host_eq_refl]. destruct (host_ok (P s) p) eqn:Hp; [discriminate|].
    apply host_eq_data. split; auto. cbn. intros q k V. unfold upd2. destruct (Z.eqb_spec q p); auto. congruence.
  - destruct (guest_hvc _ _ _); discriminate.
  - rewrite Q. destruct (in_memory _ _ _); [destruct (mem_call _ _ _ _); discriminate|apply host_eq_refl].
  - rewrite Q. destruct (exits_to_host esr && _); [discriminate|apply host_eq_refl].
  - unfold ensure. rewrite (B CheckHostFp), Q. apply host_eq_refl.
Qed.

(* ------------------------------------------------------------------ what it gets, it sees the same of *)

Section Consistent.
Variables s t : st.
Hypothesis Is : sinv s.
Hypothesis It : sinv t.
Hypothesis E : host_eq s t.

Lemma host_values_eq c : host_values (D s) c = host_values (D t) c.
Proof. apply values_ext. intros. apply E. Qed.
Lemma fp_values_eq c : fp_shared (P s) c = true -> fp_values (D s) c = fp_values (D t) c.
Proof. intros F. apply values_ext. intros. apply E; auto. Qed.
Lemma load_eq p o : host_ok (P s) p = true -> load_word s (p, o) = load_word t (p, o).
Proof. intros H. apply E. auto. Qed.
Lemma greg_eq w k : c_state (vcpu (P s) w) <> VCPU_FREE -> protected (P s) (vm_of w) = false -> greg s w k = greg t w k.
Proof. intros X Q. unfold greg. rewrite <- (q_pub _ _ E), Q. apply E. apply vcpu_page_ok; auto. Qed.
Lemma guest_values_eq w : c_state (vcpu (P s) w) <> VCPU_FREE -> protected (P s) (vm_of w) = false -> guest_values s w = guest_values t w.
Proof. intros X Q. apply values_ext. intros. apply greg_eq; auto. Qed.

(* Equal transformations of what is visible. *)
Lemma data_eq f : (agree (host_ok (P s)) (fp_shared (P s)) (D s) (D t) -> agree (host_ok (P s)) (fp_shared (P s)) (f s (D s)) (f t (D t))) ->
  host_eq (mkst (P s) (f s (D s))) (mkst (P t) (f t (D t))).
Proof. intros H. apply agree_host; [apply E|]. cbn. apply H, host_agree, E. Qed.

Lemma store_eq p o x : host_eq (store_word (p, o) x s) (store_word (p, o) x t).
Proof.
  unfold store_word, with_data. apply (data_eq (fun _ d => set_mem (upd2 (mem d) p o x) d)). intros [A B C F]. split; auto.
  cbn. intros q k V. unfold upd2. destruct (_ && _); auto.
Qed.
Lemma effects_eq l p : discloses (P s) l p -> host_eq (mkst p (do_effects l (D s))) (mkst p (do_effects l (D t))).
Proof.
  intros (A & B & C). apply agree_host; auto. cbn. apply (effects_agree l (host_ok (P s)) (fp_shared (P s))); auto. apply host_agree, E.
Qed.
Lemma after_eq o s' t' : discloses (P s) (o_eff o) (o_pub o) -> after o s = Ok s' -> after o t = Ok t' -> host_eq s' t'.
Proof. intros H. unfold after. destruct (o_ok o); [|discriminate]. intros [= <-] [= <-]. now apply effects_eq. Qed.
Lemma pub_eq f : (forall p, owner (f p) = owner p) -> (forall p c, fp_shared (f p) c = true -> fp_shared p c = true) ->
  host_eq (mkst (f (P s)) (D s)) (mkst (f (P t)) (D t)).
Proof.
  intros O F. rewrite <- (q_pub _ _ E). apply (effects_eq [] (f (P s))). split; [|split; [|constructor]]; auto.
  intros p. unfold host_ok. rewrite O. auto.
Qed.
End Consistent.

Definition counted (c id : Z) (s : pub) : pub := add_stat c KCORE_STAT_exit_local (add_stat c id s).
Lemma count_eq c id s t : host_eq s t -> host_eq (with_pub (counted c id) s) (with_pub (counted c id) t).
Proof. intros E. apply (pub_eq s t E (counted c id)); auto. Qed.

Lemma run_error_flags c w f g s : u_vcpu (cpu s c) <> w -> vcpu_run c w f s = vcpu_run c w g s.
Proof. intros N. unfold vcpu_run. destruct (_ || _); auto. apply Z.eqb_neq in N. rewrite N. auto. Qed.

Lemma run_discloses c w flags s : inv s ->
  match vcpu_run c w flags s with (_, t, e) => discloses s e t end.
Proof.
  intros I. unfold vcpu_run.
  assert (H : forall r, discloses s [HostX c 0 r] s) by (intros r; split; [|split]; auto; repeat constructor).
  destruct (_ || _) eqn:R; auto. destruct (Z.eqb_spec (u_vcpu (cpu s c)) w) as [U|U]; cbn [negb]; auto.
  destruct (negb _); auto. apply orb_false_iff in R as [_ R].
  assert (N : u_vcpu (cpu s c) <> NO_VCPU) by (rewrite U; intros ->; discriminate).
  pose proof (loaded_vcpu s c I N) as X. rewrite U in X. split; [|split].
  - apply disclose_owner. destruct (protected s (vm_of w)); auto.
  - intros d Q. left. revert Q. destruct (protected s (vm_of w)); unfold fp_shared, protected; fields; unfold upd; destruct (d =? c) eqn:Y; fields; auto;
      apply Z.eqb_eq in Y; subst d; auto.
  - repeat constructor. cbn. now apply vcpu_page_ok.
Qed.

Lemma deliver_discloses c rel s : inv s -> u_run (cpu s c) = true -> discloses s (deliver_effect c rel s) (deliver c rel s).
Proof.
  intros I R. split; [|split].
  - apply disclose_owner. unfold deliver. destruct (protected _ _), (r_power rel) as [[? ?]|]; auto.
  - intros d Q. left. revert Q. unfold deliver.
    destruct (protected _ _), (r_power rel) as [[? ?]|]; unfold fp_shared, protected; fields; unfold upd; destruct (d =? c) eqn:Y; fields; auto;
      apply Z.eqb_eq in Y; subst d; auto.
  - repeat constructor.
Qed.
Lemma asynchronous_discloses c k s : inv s -> u_run (cpu s c) = true -> discloses s (asynchronous_effect c k s) (asynchronous c k s).
Proof.
  intros I R. split; [|split].
  - apply disclose_owner. unfold asynchronous. destruct (protected _ _); auto.
  - intros d Q. left. revert Q. unfold asynchronous.
    destruct (protected _ _); unfold fp_shared, protected; fields; unfold upd; destruct (d =? c) eqn:Y; fields; auto; apply Z.eqb_eq in Y; subst d; auto.
  - repeat constructor.
Qed.

(* KCore's own copies, and a protected guest's registers, are out of sight. *)
Lemma host_eq_ctx s f : host_eq s (with_data (fun d => set_ctx (f d) d) s).
Proof. apply host_eq_data. split; auto. Qed.
Lemma host_eq_write s w l : protected (P s) (vm_of w) = true -> host_eq s (write_greg s w l).
Proof. intros Q. unfold write_greg, set_greg. rewrite Q. apply host_eq_data. split; auto. Qed.
Lemma host_eq_keep_entry s k : host_eq s (keep_entry k s).
Proof. destruct k as [[[a b] c]|]; [apply host_eq_ctx|apply host_eq_refl]. Qed.
Lemma leave_eq c rel s t : sinv s -> u_run (cpu (P s) c) = true -> host_eq s t -> host_eq (leave c rel s) (leave c rel t).
Proof.
  intros I R E. unfold leave. rewrite <- (q_pub _ _ E). apply effects_eq; auto. now apply deliver_discloses.
Qed.

Lemma normal_step_eq c op s t : sinv s -> host_eq s t -> u_run (cpu (P s) c) = true ->
  protected (P s) (vm_of (u_vcpu (cpu (P s) c))) = false ->
  host_eq (guest_step c (u_vcpu (cpu (P s) c)) op s) (guest_step c (u_vcpu (cpu (P s) c)) op t).
Proof.
  unfold sinv. intros I E R Q. set (w := u_vcpu (cpu (P s) c)) in *. destruct (running_vcpu (P s) c I R) as [Xw Xv]. fold w in Xw, Xv.
  destruct (unprotected_normal _ _ I Xv Q) as [NH NG].
  assert (V : guest_values s w = guest_values t w) by (apply guest_values_eq; auto).
  assert (Wr : forall l, host_eq (write_greg s w l) (write_greg t w l)).
  { intros l. unfold write_greg, set_greg. rewrite <- (q_pub _ _ E), Q.
    apply agree_host; auto. cbn. destruct (host_agree s t E) as [A B C F]. split; auto. cbn. intros p o Vp. unfold upd.
    destruct (Z.eqb_spec p (c_page (vcpu (P s) w))); auto. apply writes_ext. apply greg_eq; auto. }
  assert (Re : forall a f y, reach (P s) (vm_of w) a f = Some y -> host_ok (P s) (fst y) = true).
  { intros a f [p o] Y. apply reach_walk in Y as (r & W & _). cbn. eapply walk_normal; eauto. }
  destruct op; cbn [guest_step].
  - rewrite <- V. apply Wr.
  - rewrite <- (q_pub _ _ E). destruct (u_fp (cpu (P s) c)) eqn:F.
    + rewrite <- V. rewrite <- (fp_values_eq s t E c); [|unfold fp_shared; fold w; rewrite Q; apply orb_true_r].
      set (l := f _). unfold with_data. pose proof (Wr l) as W. apply agree_host; [apply W|]. cbn [P D].
      destruct (host_agree _ _ W) as [A B C G]. split; auto. cbn. intros d k Vd. unfold upd. destruct (Z.eqb_spec d c); auto.
      subst d. apply writes_ext. exact (B c k Vd).
    + unfold fp_trap. rewrite <- (q_pub _ _ E). apply agree_host; auto. cbn [P D]. destruct (host_agree s t E) as [A B C G]. split; auto.
      cbn -[add_stat]. intros d k Vd. unfold upd. destruct (Z.eqb_spec d c).
      * destruct (inside k W_FP N_FP); [apply greg_eq; auto|]. subst d. apply B. unfold fp_shared. rewrite F. auto.
      * apply B. revert Vd. unfold fp_shared, protected; fields. unfold upd. destruct (d =? c) eqn:Y; auto. apply Z.eqb_eq in Y. contradiction.
  - rewrite <- (q_pub _ _ E), <- V. destruct (reach _ _ _ _) as [[p o]|] eqn:Y; auto.
    rewrite <- (load_eq s t E p o); [apply Wr|]. apply (Re _ _ _ Y).
  - rewrite <- (q_pub _ _ E), <- V. destruct (reach _ _ _ _) as [[p o]|] eqn:Y; auto. apply store_eq; auto.
  - assert (IO : io_values (D s) w = io_values (D t) w) by (apply values_ext; intros; apply E).
    rewrite <- V, <- IO. set (l := f _). unfold with_data. pose proof (Wr l) as W. apply agree_host; [apply W|]. cbn [P D].
    destruct (host_agree _ _ W) as [A B C G]. split; auto. cbn. intros x k. unfold upd. destruct (Z.eqb_spec x w); [subst; apply writes_ext;
      exact (G w k)|exact (G x k)].
  - rewrite <- (q_pub _ _ E), Q. auto.
  - rewrite <- (q_pub _ _ E), Q. auto.
  - rewrite <- (q_pub _ _ E), Q. auto.
  - rewrite <- (q_pub _ _ E), Q. auto.
  - apply (pub_eq s t E (add_stat c id)); auto.
  - unfold sync_release. rewrite <- (q_pub _ _ E), Q. apply leave_eq; auto.
  - rewrite <- (q_pub _ _ E), Q. unfold ensure. rewrite orb_true_r. destruct (u_fp (cpu (P s) c)) eqn:F; auto.
    rewrite <- V. rewrite <- (fp_values_eq s t E c); [|unfold fp_shared; rewrite F; reflexivity].
    set (l := f _). unfold with_data. pose proof (Wr l) as W. apply agree_host; [apply W|]. cbn [P D].
    destruct (host_agree _ _ W) as [A B C G]. split; auto. cbn. intros d k Vd. unfold upd. destruct (Z.eqb_spec d c); auto.
    subst d. apply writes_ext. exact (B c k Vd).
Qed.

(* An exit, as far as the host sees it. *)
Lemma release_allowed s w esr far hpfar : sound -> protected (P s) (vm_of w) = true -> sync_release s w esr far hpfar = allowed s w esr far hpfar.
Proof. intros B Q. unfold sync_release, exit_sync, ensure. rewrite Q, B. reflexivity. Qed.
Lemma exit_seen c op s m rel : sound -> sinv s -> u_run (cpu (P s) c) = true ->
  protected (P s) (vm_of (u_vcpu (cpu (P s) c))) = true -> to_host (G c op) s = Some m -> m = Exit c rel ->
  host_eq (leave c rel s) (guest_step c (u_vcpu (cpu (P s) c)) op s).
Proof.
  intros B I R Q M ->. cbn [to_host] in M. rewrite R, Q in M. cbn [negb] in M. set (w := u_vcpu (cpu (P s) c)) in *.
  destruct op; try discriminate; cbn [guest_step].
  - destruct (u_fp _); discriminate.
  - destruct (reach _ _ _ _) as [[p o]|]; [|discriminate]. destruct (host_ok _ _); discriminate.
  - rewrite Q. destruct (guest_hvc _ _ _) as [?|r x0 k]; [discriminate|]. injection M as ->. apply leave_eq; auto.
    eapply host_eq_trans; [|apply host_eq_keep_entry]. eapply host_eq_trans; [|apply host_eq_ctx]. now apply host_eq_write.
  - rewrite Q. cbn [andb]. destruct (in_memory _ _ _); [|discriminate]. destruct (mem_call _ _ _ _); [discriminate|]. injection M as <-.
    apply leave_eq; auto. eapply host_eq_trans; [|apply host_eq_ctx]. now apply host_eq_write.
  - rewrite Q. destruct (exits_to_host esr && _); [|discriminate]. injection M as <-. rewrite release_allowed by auto. apply leave_eq; auto. apply host_eq_ctx.
Qed.

Lemma io_step_eq c w f g s t : host_eq s t -> protected (P s) (vm_of w) = true ->
  io_values (D (guest_step c w (OIo f) s)) w = io_values (D (guest_step c w (OIo g) t)) w ->
  host_eq (guest_step c w (OIo f) s) (guest_step c w (OIo g) t).
Proof.
  intros E Q. cbn [guest_step]. generalize (f (guest_values s w ++ io_values (D s) w)), (g (guest_values t w ++ io_values (D t) w)). intros l m V.
  unfold io_values in V. pose proof (values_eq _ _ _ _ V) as W. clear V. revert W.
  unfold write_greg, set_greg, with_data. rewrite <- (q_pub _ _ E), Q. cbn [P D]. intros W.
  apply agree_host; auto. destruct (host_agree s t E) as [A1 A2 A3 A4]. split; auto. cbn in *. intros x k. unfold upd in *.
  destruct (Z.eqb_spec x w); auto. subst x. rewrite Z.eqb_refl in W. destruct (inside k W_IO N_IO) eqn:IN.
  - apply W. apply inside_spec in IN. unfold W_IO, N_IO in *. lia.
  - rewrite !writes_outside by auto. auto.
Qed.

(* A call about a page outside of memory. *)
Lemma gave_eq c w i s t : host_eq s t -> protected (P s) (vm_of w) = true ->
  host_eq (guest_step c w (OGuard i) s) (guest_step c w (OGuard i) t).
Proof.
  intros E Q. cbn [guest_step]. rewrite <- (q_pub _ _ E), Q. destruct (guard_call (vm_of w) i (P s)) as [ok u] eqn:G. apply (count_eq c KCORE_STAT_exit_hvc).
  assert (O : owner u = owner (P s) /\ cpu u = cpu (P s) /\ forall v, protected u v = protected (P s) v).
  { unfold guard_call in G. destruct (give _ _); injection G as <- <-; auto. split; [auto|split; [auto|]]. intros v. unfold protected. fields. unfold upd.
    destruct (Z.eqb_spec v (vm_of w)) as [->|]; auto. }
  destruct O as (O1 & O2 & O3). assert (X : host_eq (mkst u (D s)) (mkst u (D t))).
  { apply (effects_eq s t E []). split; [apply disclose_owner; rewrite O1; auto|]. split; [|constructor]. intros d Hd. left. revert Hd.
    unfold fp_shared. rewrite O2, O3. auto. }
  eapply host_eq_trans; [apply host_eq_sym, host_eq_write; cbn [P]; rewrite O3; exact Q|]. eapply host_eq_trans; [exact X|].
  apply host_eq_write. cbn [P]. rewrite O3. exact Q.
Qed.

(* A call about memory. *)
Lemma share_eq p s t : host_eq s t -> words (D s) p = words (D t) p ->
  host_eq (mkst (share p (P s)) (do_effects [Show p] (D s))) (mkst (share p (P t)) (do_effects [Show p] (D t))).
Proof.
  intros E W. rewrite <- (q_pub _ _ E). apply agree_host; auto. cbn [P D]. destruct (host_agree s t E) as [A B C F]. split; auto.
  cbn. intros q o Q. unfold upd. destruct (Z.eqb_spec q p) as [->|N].
  - destruct (inside o 0 512) eqn:IN; auto. apply inside_spec in IN. apply (values_eq _ _ _ _ W). cbn. lia.
  - apply A. revert Q. unfold host_ok, share. fields. unfold upd. apply Z.eqb_neq in N. now rewrite N.
Qed.
Lemma asked_eq c w k i far s t ok u e : sound -> sinv s -> host_eq s t -> is_vm (vm_of w) -> protected (P s) (vm_of w) = true ->
  in_memory (P s) (vm_of w) i = true -> mem_call (vm_of w) k i (P s) = Some (ok, u, e) ->
  (k = Share -> words_at s (vm_of w) i = words_at t (vm_of w) i) ->
  host_eq (guest_step c w (OMem k i far) s) (guest_step c w (OMem k i far) t).
Proof.
  unfold sinv. intros B I E V Q M Mc W. destruct (protected_guarded _ _ Q) as [G _]. cbn [guest_step]. rewrite <- (q_pub _ _ E), Q, M, Mc. cbn [andb].
  apply (count_eq c KCORE_STAT_exit_hvc).
  assert (X : host_eq (mkst u (do_effects e (D s))) (mkst u (do_effects e (D t))) /\ protected u (vm_of w) = true).
  { destruct (match k with Share => true | _ => false end) eqn:K.
    - destruct k; try discriminate. destruct (mem_call_share _ _ _ _ _ _ I V G Mc) as (l & _ & L & _ & [(_ & _ & -> & ->)|(_ & _ & -> & ->)]).
      + split; [|exact Q]. pose proof (share_eq (l_page l) s t E) as S. rewrite <- (q_pub _ _ E) in S. apply S. specialize (W eq_refl).
        unfold words_at in W. rewrite <- (q_pub _ _ E), L in W. exact W.
      + split; [|exact Q]. destruct s as [ps ds], t as [pt dt]. cbn [P D] in *. pose proof (q_pub _ _ E) as EP. cbn in EP. subst pt. exact E.
    - assert (N : k <> Share) by (intros ->; discriminate). destruct (mem_call_mild _ _ _ _ _ _ _ B I V G N Mc) as [Mi F]. split.
      + apply effects_eq; auto. apply (mild_discloses (vm_of w) (P s) (mkout u e true)). split; auto.
      + rewrite (mild_protected _ _ _ _ _ Mi). exact Q. }
  destruct X as [X Qu]. eapply host_eq_trans; [apply host_eq_sym, host_eq_write; exact Qu|]. eapply host_eq_trans; [exact X|]. now apply host_eq_write.
Qed.

Lemma note_eq c r s t : host_eq s t -> host_eq (host_note c r s) (host_note c r t).
Proof.
  intros E. unfold host_note. rewrite <- (q_pub _ _ E). destruct (noted_same c (fst r) (P s)) as (x & y & ->). apply effects_eq; auto.
  split; [|split; [intros d Q; left; exact Q|]].
  - apply disclose_owner. auto.
  - apply Forall_forall. intros e In_. apply in_map_iff in In_ as (w & <- & _). exact Logic.I.
Qed.

Theorem host_consistent a b s t m s' t' : sound -> sinv s -> sinv t -> host_eq s t ->
  to_host a s = Some m -> to_host b t = Some m -> step a s = Ok s' -> step b t = Ok t' -> host_eq s' t'.
Proof.
  unfold sinv. intros B I J E Ma Mb Sa Sb. pose proof (q_pub _ _ E) as EP.
  assert (K : match b with G _ _ => True | _ => m = Own b end) by (destruct b; cbn [to_host] in Mb; congruence || exact Logic.I).
  destruct (match a with G _ _ => false | _ => true end) eqn:HA.
  - (* the host and devices *)
    assert (m = Own a) by (destruct a; cbn [to_host] in Ma; congruence). subst m.
    assert (b = a).
    { destruct b; try (injection Mb as ->; reflexivity). cbn [to_host] in Mb. destruct (negb (u_run _)); [discriminate|].
      destruct (negb (protected _ _)); [injection Mb as <-; discriminate|].
      cases op Mb. }
    subst b. clear K Ma Mb. destruct a; try discriminate HA; cbn [step] in Sa, Sb; rewrite <- EP in Sb.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. unfold with_data. rewrite <- (host_values_eq s t E).
      apply agree_host; auto. cbn. destruct (host_agree s t E) as [A1 A2 A3 A4]. split; auto. cbn. intros d k. unfold upd. destruct (d =? c); auto.
      apply writes_ext. auto.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. unfold host_fp. rewrite <- EP. destruct (u_fp (cpu (P s) c)) eqn:F.
      * apply effects_eq; auto. split; [|split].
        -- apply disclose_owner. auto.
        -- intros d. unfold fp_shared, fp_release, protected; fields. unfold upd. destruct (d =? c) eqn:Y; auto. apply Z.eqb_eq in Y. subst d. intros _. right.
           unfold saves, fp_effect, ensure. rewrite F, B. cbn [orb]. destruct (protected _ _); eexists; [left|right]; left; reflexivity.
        -- unfold fp_effect. rewrite F. destruct (protected _ _) eqn:G; [destruct (ensure _ _); repeat constructor|]. repeat constructor. cbn. unfold fp_shared.
           rewrite F, G. auto.
      * rewrite <- (host_values_eq s t E). rewrite <- (fp_values_eq s t E c); [|unfold fp_shared; rewrite F; auto]. set (l := f _).
        unfold with_data. apply agree_host; auto. cbn. destruct (host_agree s t E) as [A1 A2 A3 A4]. split; auto; cbn.
        -- intros d k Vd. unfold upd. destruct (Z.eqb_spec d c); auto. apply writes_ext. apply A2. unfold fp_shared. rewrite F. auto.
        -- intros d k. unfold upd. destruct (d =? c); auto. apply writes_ext. auto.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. rewrite <- (host_values_eq s t E).
      destruct (reach _ _ _ _) as [[p o]|] eqn:Y; auto. apply reach_walk in Y as (r & W & _).
      rewrite <- (load_eq s t E p o); [|eapply walk_host; eauto]. unfold with_data. apply agree_host; auto. cbn.
      destruct (host_agree s t E) as [A1 A2 A3 A4]. split; auto; cbn. intros d k. unfold upd. destruct (d =? c); auto. destruct (k =? dst); auto.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. rewrite <- (host_values_eq s t E).
      destruct (reach _ _ _ _) as [[p o]|] eqn:Y; auto. apply store_eq; auto.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. unfold host_abort. rewrite <- EP.
      set (i := ipa / PAGE_BYTES). set (translation := Z.land esr 0x3c =? 4).
      assert (O : owner (snd (host_fault i translation (P s))) = owner (P s) /\
                  forall d, fp_shared (snd (host_fault i translation (P s))) d = fp_shared (P s) d).
      { unfold host_fault. destruct (_ || _); auto. destruct (leaf_over _ _ _); auto.
        assert (M : match host_map i (P s) with Fail _ u | Go u => owner u = owner (P s) /\ forall d, fp_shared u d = fp_shared (P s) d end).
        { unfold host_map. destruct (negb _); auto. pose proof (s2_prepare_quiet HOST i 2 (P s) (i_tables _ I)) as Q1.
          pose proof (mild_prepare 0 [] HOST i 2 (P s)) as M1. destruct (s2_prepare HOST i 2 (P s)) as [r u|u].
          - split; [apply Q1|intros; apply (mild_fp _ _ _ _ _ M1)].
          - set (level := if _ =? 2 then _ else _).
            pose proof (s2_prepare_quiet HOST i level u (h_tables _ _ (proj1 (proj1 Q1)))) as Q2.
            pose proof (mild_prepare 0 [] HOST i level u) as M2. destruct (s2_prepare HOST i level u) as [r x|x].
            + split; [transitivity (owner u); [apply Q2|apply Q1]|]. intros d. rewrite (mild_fp _ _ _ _ _ M2). apply (mild_fp _ _ _ _ _ M1).
            + destruct (level =? 2); (split; [transitivity (owner u); [apply Q2|apply Q1]|intros d; cbn;
                change (fp_shared x d = fp_shared (P s) d); rewrite (mild_fp _ _ _ _ _ M2); apply (mild_fp _ _ _ _ _ M1)]). }
        destruct (host_map i (P s)); auto. }
      destruct (host_fault i translation (P s)) as [[|] u]; cbn [snd] in O; destruct O as [O1 O2].
      * apply (effects_eq s t E []). split; [|split; [|constructor]].
        -- apply disclose_owner. cbn. rewrite O1. auto.
        -- intros d Q. left. rewrite <- O2. exact Q.
      * destruct (cache_maintenance esr); [apply (effects_eq s t E [])|apply (effects_eq s t E [HostX c 63 1])]; (split; [|split; [|repeat constructor]]).
        1, 3: apply disclose_owner; cbn; rewrite O1; auto.
        all: intros d Q; left; rewrite <- O2; exact Q.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. unfold host_x. rewrite <- (host_values_eq s t E).
      apply note_eq, E.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. unfold host_x. rewrite <- (host_values_eq s t E).
      apply note_eq, E.
    + destruct (idle (P s) c); [|apply ok_eq in Sa as ->; apply ok_eq in Sb as ->; auto]. eapply after_eq; eauto. now apply hcall_discloses.
    + destruct (negb _); [|apply ok_eq in Sa as ->; apply ok_eq in Sb as ->; auto]. eapply after_eq; eauto.
      eapply mild_discloses, hgo_mildly; auto.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (idle (P s) c); auto. unfold host_run. rewrite <- EP.
      assert (Fl : vcpu_run c w (run_flags s w) (P s) = vcpu_run c w (run_flags t w) (P s)).
      { destruct (Z.eq_dec (u_vcpu (cpu (P s) c)) w) as [U|U]; [|now apply run_error_flags].
        destruct (Z.eq_dec w NO_VCPU) as [->|N]; [reflexivity|]. f_equal. unfold run_flags. rewrite <- EP. apply E, vcpu_page_ok; auto.
        rewrite <- U. apply loaded_vcpu; auto. congruence. }
      rewrite <- Fl. pose proof (run_discloses c w (run_flags s w) (P s) I) as H. destruct (vcpu_run c w (run_flags s w) (P s)) as [[r u] e].
      pose proof (effects_eq s t E e u H) as X. destruct (_ && _); auto. eapply host_eq_trans; [|apply host_eq_ctx].
      eapply host_eq_trans; [apply host_eq_sym, host_eq_ctx|auto].
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (_ && _); auto. unfold with_data. apply agree_host; auto. cbn.
      destruct (host_agree s t E) as [A1 A2 A3 A4]. split; auto; cbn. intros w k. unfold upd. destruct (w =? _); auto. destruct (k =? _); auto.
        destruct (k =? _); auto.
    + destruct (u_run (cpu (P s) c)) eqn:R; [|apply ok_eq in Sa as ->; apply ok_eq in Sb as ->; auto].
      destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. apply effects_eq; auto. now apply asynchronous_discloses.
    + apply ok_eq in Sa as ->. apply ok_eq in Sb as ->. destruct (host_ok (P s) p) eqn:Hp; auto. destruct (host_ok (P s) q); auto. cbn [andb].
      rewrite <- (load_eq s t E p o Hp). apply store_eq; auto.
  - (* guests *)
    destruct a as [| | | | | | | | | | | | |c op]; try discriminate HA. clear HA. pose proof Ma as Ma0. pose proof Mb as Mb0.
    cbn [to_host] in Ma. cbn [step] in Sa. destruct (u_run (cpu (P s) c)) eqn:R; cbn [negb] in Ma; [|discriminate].
    destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in Sa as ->.
    destruct (protected (P s) (vm_of (u_vcpu (cpu (P s) c)))) eqn:Q; cbn [negb] in Ma.
    + (* of protected VMs *)
      destruct b as [| | | | | | | | | | | | |d oq]; try (subst m; cases op Ma; fail).
      clear K. cbn [to_host] in Mb. cbn [step] in Sb. rewrite <- EP in Mb, Sb. destruct (u_run (cpu (P s) d)) eqn:R'; cbn [negb] in Mb; [|discriminate].
      destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in Sb as ->.
      destruct (protected (P s) (vm_of (u_vcpu (cpu (P s) d)))) eqn:Q'; cbn [negb] in Mb.
      2: { exfalso. injection Mb as <-. cases op Ma. }
      destruct m as [a|c0 rel|c0 id|c0 id|c0 k0 i0 l|c0 i0|p0 o0 x0|c0|c0 l| | | | | | | | |]; try (exfalso; cases op Ma; fail).
      * assert (c0 = c /\ c0 = d) as [-> <-].
        { split; [cases op Ma|cases oq Mb]; congruence. }
        eapply host_eq_trans; [apply host_eq_sym, (exit_seen c op s _ rel B I R Q Ma0 eq_refl)|].
        eapply host_eq_trans; [apply (leave_eq c rel s t); auto|].
        rewrite EP. apply (exit_seen c oq t (Exit c rel) rel); auto; rewrite <- EP; auto.
      * assert (X : host_eq (with_pub (counted c0 id) s) (guest_step c (u_vcpu (cpu (P s) c)) op s)).
        { cases op Ma; cbn [guest_step]; rewrite Q.
          - injection Ma as -> ->. apply (count_eq c0 id), host_eq_write; auto.
          - rewrite Heqh. injection Ma as -> <-. apply (count_eq c0 KCORE_STAT_exit_hvc), host_eq_write; auto. }
        assert (Y : host_eq (with_pub (counted c0 id) t) (guest_step d (u_vcpu (cpu (P s) d)) oq t)).
        { cases oq Mb; cbn [guest_step]; rewrite <- EP, Q'.
          - injection Mb as -> ->. apply (count_eq c0 id), host_eq_write. rewrite <- EP; auto.
          - rewrite Heqh. injection Mb as -> <-. apply (count_eq c0 KCORE_STAT_exit_hvc), host_eq_write. rewrite <- EP; auto. }
        eapply host_eq_trans; [apply host_eq_sym, X|]. eapply host_eq_trans; [|apply Y]. apply count_eq; auto.
      * cases op Ma. cases oq Mb. injection Ma as -> ->. injection Mb as -> ->. cbn [guest_step]. apply (pub_eq s t E (add_stat c0 id)); auto.
      * assert (Va : is_vm (vm_of (u_vcpu (cpu (P s) c)))).
        { destruct (protected_guarded _ _ Q) as [_ F]. exact (i_vm _ I _ F). }
        assert (X : exists far ok u e, op = OMem k0 i0 far /\ c0 = c /\ in_memory (P s) (vm_of (u_vcpu (cpu (P s) c))) i0 = true /\
          mem_call (vm_of (u_vcpu (cpu (P s) c))) k0 i0 (P s) = Some (ok, u, e) /\
          l = match k0 with Share => words_at s (vm_of (u_vcpu (cpu (P s) c))) i0 | _ => [] end).
        { cases op Ma. injection Ma as <- <- <- <-. do 4 eexists. split; [reflexivity|]. split; [reflexivity|]. split; [eauto|]. split; [eauto|reflexivity]. }
        assert (Y : exists far, oq = OMem k0 i0 far /\ c0 = d /\ l = match k0 with Share => words_at t (vm_of (u_vcpu (cpu (P s) d))) i0 | _ => [] end).
        { cases oq Mb. injection Mb as <- <- <- <-. eexists. split; [reflexivity|]. split; reflexivity. }
        destruct X as (far & ok & u & e & -> & -> & Im & Mc & L1), Y as (far' & -> & <- & L2).
        assert (Far : guest_step c (u_vcpu (cpu (P s) c)) (OMem k0 i0 far') t = guest_step c (u_vcpu (cpu (P s) c)) (OMem k0 i0 far) t).
        { cbn [guest_step]. rewrite <- EP, Q, Im, Mc. reflexivity. }
        rewrite Far. eapply asked_eq; eauto. intros ->. congruence.
      * cases op Ma. cases oq Mb. injection Ma as <- <-. injection Mb as <- <-. apply gave_eq; auto.
      * cases op Ma. cases oq Mb. injection Ma as <- <- <-. injection Mb as <- <- Ex. cbn [guest_step]. rewrite <- EP.
        repeat match goal with H : reach _ _ _ _ = _ |- _ => rewrite H; clear H end. rewrite Ex. apply store_eq; auto.
      * assert (c0 = c /\ c0 = d /\ u_fp (cpu (P s) c0) = false) as (-> & <- & F).
        { cases op Ma. cases oq Mb. injection Ma as ->. injection Mb as ->. auto. }
        assert (X : forall u o, P u = P s -> to_host (G c o) u = Some (FirstFp c) ->
          guest_step c (u_vcpu (cpu (P s) c)) o u = fp_trap c (u_vcpu (cpu (P s) c)) u).
        { intros u o EU H. cbn [to_host] in H. rewrite EU, R, Q in H. cbn [negb] in H. cbn [guest_step]. rewrite <- EU in F. cases o H; cbn [guest_step].
          rewrite EU, Heqb. auto. }
        rewrite (X s op eq_refl Ma0), (X t oq (eq_sym EP) Mb0). unfold fp_trap. rewrite <- EP. apply agree_host; auto. cbn [P D].
        destruct (host_agree s t E) as [A1 A2 A3 A4]. split; auto.
        cbn -[add_stat]. intros x k V. unfold upd. destruct (Z.eqb_spec x c).
        -- subst x. exfalso. revert V. unfold fp_shared, protected; fields. unfold upd. rewrite Z.eqb_refl; fields.
           unfold protected in Q. rewrite Q. discriminate.
        -- apply A2. revert V. unfold fp_shared, protected; fields. unfold upd. destruct (x =? c) eqn:Y; auto. apply Z.eqb_eq in Y. contradiction.
      * cases op Ma. cases oq Mb. apply io_inj in Ma as [X La], Mb as [Y Lb]. subst c0 d.
        apply io_step_eq; auto. congruence.
    + (* of normal VMs *)
      injection Ma as <-. assert (b = G c op).
      { destruct b; try congruence.
        cbn [to_host] in Mb. destruct (negb (u_run _)); [discriminate|]. destruct (negb (protected _ _)); [injection Mb as -> ->; auto|].
        cases op0 Mb. }
      subst b. cbn [step] in Sb. rewrite <- EP, R in Sb. destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in Sb as ->. now apply normal_step_eq.
Qed.
End HostStep.
