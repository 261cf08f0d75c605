(* SPDX-License-Identifier: GPL-2.0-only *)
(* The invariant under the life of VMs and vCPUs, runs and exits; then for every action, and from boot. *)
From KCore Require Export top.InvRange.

Section InvLife.
Context {cfg : config}.

(* ------------------------------------------------------------------ what a run and an exit change *)

Record minor (s t : pub) : Prop := {
  m_owner : owner t = owner s; m_maps : maps t = maps s; m_lf : lf t = lf s; m_s1 : s1 t = s1 s; m_tab : tab t = tab s;
  m_vm : forall v, security (vm t v) = security (vm s v);
  m_vcpu : forall w, c_state (vcpu t w) = c_state (vcpu s w) /\ c_page (vcpu t w) = c_page (vcpu s w) /\
                     c_cpu (vcpu t w) = c_cpu (vcpu s w);
  m_cpu : forall c, u_vcpu (cpu t c) = u_vcpu (cpu s c) /\ u_call (cpu t c) = u_call (cpu s c);
  m_run : forall c, u_run (cpu t c) = true -> u_vcpu (cpu t c) <> NO_VCPU;
  m_fp : forall c, u_fp (cpu t c) = true -> u_vcpu (cpu t c) <> NO_VCPU
}.

Theorem inv_minor s t : inv s -> minor s t -> inv t.
Proof.
  intros I [Eo Em El E1 Et Ev Ew Ec Er Ef].
  assert (S : forall v, v_state (vm t v) = v_state (vm s v)) by (intros v; apply (security_fields _ _ (Ev v))).
  assert (G : forall v, guarded t v <-> guarded s v).
  { intros v; unfold guarded. destruct (security_fields _ _ (Ev v)) as (_ & -> & _). tauto. }
  assert (O : forall p, host_ok t p = host_ok s p) by (intros p; unfold host_ok; rewrite Eo; auto).
  assert (W1 : forall w, c_state (vcpu t w) = c_state (vcpu s w)) by (intros; apply Ew).
  assert (W2 : forall w, c_page (vcpu t w) = c_page (vcpu s w)) by (intros; apply Ew).
  assert (W3 : forall w, c_cpu (vcpu t w) = c_cpu (vcpu s w)) by (intros; apply Ew).
  assert (C1 : forall c, u_vcpu (cpu t c) = u_vcpu (cpu s c)) by (intros; apply Ec).
  assert (C2 : forall c, u_call (cpu t c) = u_call (cpu s c)) by (intros; apply Ec).
  split; intros; rewrite ?Eo, ?Em, ?El, ?S, ?W1, ?W2, ?W3, ?C1, ?C2 in *; try rewrite G in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros p C. rewrite O. auto.
  - apply (i_vm s I). auto.
  - apply (i_free s I); auto.
  - apply (i_guarded s I); auto.
  - eapply (i_once s I v); eauto.
  - rewrite O. apply (i_normal s I v x l); auto.
  - apply (i_owner s I p); auto.
  - apply (covers_mono (uses s p) _ (maps s p)); [apply (i_maps s I)| |lia].
    intros [w|v x]; cbn; rewrite ?W1, ?W2, ?G, ?El, ?Eo; auto.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & _ & _ & ->).
    apply (covers_mono (has s v) _ (v_pages (vm s v))); [apply (i_pages s I); auto| |lia].
    intros [p|x]; cbn; rewrite ?Eo, ?El; [rewrite G; auto|]. destruct (lf s v x); rewrite ?G; auto.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & -> & _).
    apply (covers_mono (vcpu_of s v) _ (v_vcpus (vm s v))); [apply (i_vcpus s I)| |lia]. intros w; unfold vcpu_of; rewrite W1; auto.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & _ & -> & _).
    apply (covers_mono (loaded_of s v) _ (v_loaded (vm s v))); [apply (i_loads s I)| |lia].
    intros w; unfold loaded_of; rewrite W1; auto.
  - apply (i_vcpu s I); auto.
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - specialize (Er c H). rewrite C1 in Er. auto.
  - specialize (Ef c H). rewrite C1 in Ef. auto.
  - apply (i_flight s I c v i p); auto.
  - eapply (i_flights s I); eauto.
  - apply (tables_same s); auto. apply I.
Qed.

Lemma vcpu_minor w f s : inv s ->
  (forall r, c_state (f r) = c_state r /\ c_page (f r) = c_page r /\ c_cpu (f r) = c_cpu r) -> inv (change_vcpu w f s).
Proof.
  intros I F. apply (inv_minor s); auto. split; fields; auto; try apply I.
  intros x. unfold upd. destruct (Z.eqb_spec x w); subst; auto.
Qed.
Lemma cpu_minor c f s : inv s -> (forall r, u_vcpu (f r) = u_vcpu r /\ u_call (f r) = u_call r) ->
  (u_run (f (cpu s c)) = true -> u_vcpu (cpu s c) <> NO_VCPU) ->
  (u_fp (f (cpu s c)) = true -> u_vcpu (cpu s c) <> NO_VCPU) -> inv (change_cpu c f s).
Proof.
  intros I F A B. apply (inv_minor s); auto. split; fields; auto.
  - intros x. unfold upd. destruct (Z.eqb_spec x c); subst; auto.
  - intros x. unfold upd. destruct (Z.eqb_spec x c); subst; auto; [|apply (i_run s I)]. destruct (F (cpu s c)) as [-> _]. auto.
  - intros x. unfold upd. destruct (Z.eqb_spec x c); subst; auto; [|apply (i_fp s I)]. destruct (F (cpu s c)) as [-> _]. auto.
Qed.

(* ------------------------------------------------------------------ a VM's record *)

Lemma vm_change v r s : inv s -> v <> HOST ->
  v_vcpus r = v_vcpus (vm s v) -> v_loaded r = v_loaded (vm s v) -> v_pages r = v_pages (vm s v) ->
  (v_state r <> VM_FREE -> is_vm v) ->
  (v_type r = v_type (vm s v) /\ v_state r <> VM_FREE \/
   (forall x, lf s v x = None) /\ (forall p, owner s p <> v)) ->
  (forall p, owner s p = v -> v <> OWNER_CORE -> v_state r = VM_READY \/ v_state r = VM_DYING) ->
  (forall w, vcpu_of s v w -> v_state r <> VM_FREE) ->
  (forall w, loaded_of s v w -> v_state r = VM_READY) ->
  inv (set_vm v r s).
Proof.
  intros I NH Ec El Ep F T O C L.
  assert (Tt : tables (set_vm v r s)) by (apply (tables_same s); auto; apply I).
  remember (set_vm v r s) as t eqn:Et.
  assert (Ev : vm t = upd (vm s) v r) by (subst; auto).
  assert (E0 : owner t = owner s /\ maps t = maps s /\ lf t = lf s /\ vcpu t = vcpu s /\ cpu t = cpu s) by (subst; auto).
  destruct E0 as (Eo & Em & Ef & Ew & Eu). clear Et.
  assert (K : forall w, w <> v -> guarded t w <-> guarded s w) by (intros w W; unfold guarded; rewrite Ev; keys; tauto).
  assert (S : forall w, w <> v -> v_state (vm t w) = v_state (vm s w)) by (intros w W; rewrite Ev; keys; auto; contradiction).
  assert (Sv : vm t v = r) by (rewrite Ev; unfold upd; now rewrite Z.eqb_refl).
  assert (H : forall q, host_ok t q = host_ok s q) by (intros q; unfold host_ok; rewrite Eo; auto).
  assert (X : forall x l, lf s v x = Some l -> v_type r = v_type (vm s v) /\ v_state r <> VM_FREE).
  { intros x l M. destruct T as [?|[N _]]; auto. rewrite N in M. discriminate. }
  assert (Y : forall p, owner s p = v -> v_type r = v_type (vm s v)).
  { intros p M. destruct T as [[? _]|[_ N]]; auto. destruct (N p M). }
  assert (G : forall x l, lf s v x = Some l -> guarded t v <-> guarded s v).
  { intros x l M. unfold guarded. rewrite Sv. destruct (X x l M) as [-> _]. tauto. }
  split; intros; rewrite ?Eo, ?Em, ?Ef, ?Ew, ?Eu, ?H in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros p Q. rewrite H. auto.
  - destruct (Z.eq_dec v0 v) as [->|N]; [rewrite Sv in *; auto|]. rewrite S in * by auto. apply (i_vm s I); auto.
  - destruct (Z.eq_dec v0 v) as [->|N]; [|rewrite S in * by auto; apply (i_free s I); auto].
    rewrite Sv in *. destruct (lf s v x) eqn:E; auto. destruct (X _ _ E). contradiction.
  - apply (i_guarded s I); auto. destruct (Z.eq_dec v0 v) as [->|N]; [eapply G; eauto|apply K; auto].
  - apply (i_once s I v0 x y l m); auto. destruct (Z.eq_dec v0 v) as [->|N]; [eapply G; eauto|apply K; auto].
  - apply (i_normal s I v0 x l); auto. destruct (Z.eq_dec v0 v) as [->|N]; [rewrite <- G; eauto|rewrite <- K; auto].
  - destruct (i_owner s I p) as (A & B & D); auto. destruct (Z.eq_dec (owner s p) v) as [E|N].
    + split; auto. unfold guarded in *. rewrite E, Sv in *. rewrite (Y p E). split; auto. apply (O p); auto.
    + split; auto. rewrite K, S by auto. auto.
  - apply (covers_mono (uses s p) _ (maps s p)); [apply (i_maps s I)| |lia]. intros [w|w x]; cbn; rewrite ?Ew, ?Ef, ?Eo; auto.
    intros (A & B & D & l & E & Z). split; auto. split; [|eauto]. intros Q. apply B.
    destruct (Z.eq_dec w v) as [->|N]; [eapply G; eauto|apply K; auto].
  - destruct (Z.eq_dec v0 v) as [->|N].
    + rewrite Sv, Ep. apply (covers_mono (has s v) _ (v_pages (vm s v))); [apply (i_pages s I); auto| |lia].
      intros [p|x]; cbn; rewrite ?Eo, ?Ef; unfold guarded; rewrite Sv.
      * intros [A B]. split; auto. rewrite <- (Y p B). auto.
      * destruct (lf s v x) eqn:E; auto. destruct (X _ _ E) as [<- _]. auto.
    + rewrite Ev. unfold upd. destruct (Z.eqb_spec v0 v); [contradiction|].
      apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |lia].
      intros [p|x]; cbn; rewrite ?Eo, ?Ef; [rewrite K; auto|]. destruct (lf s v0 x); rewrite ?K; auto.
  - apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v0 v); subst; lia].
    intros w; unfold vcpu_of; rewrite Ew; auto.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v0 v); subst; lia].
    intros w; unfold loaded_of; rewrite Ew; auto.
  - destruct (i_vcpu s I w) as (A & B & D); auto. split; auto. destruct (Z.eq_dec (vm_of w) v) as [E|N]; [|rewrite S; auto].
    rewrite E, Sv. apply (C w). split; auto.
  - destruct (i_loaded s I w) as (A & B); auto. split; auto. destruct (Z.eq_dec (vm_of w) v) as [E|N]; [|rewrite S; auto].
    rewrite E, Sv. apply (L w). split; auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - apply (i_flight s I c v0 i p); auto.
  - eapply (i_flights s I); eauto.
Qed.

Lemma free_has_nothing v s : inv s -> v <> HOST -> v <> OWNER_CORE -> v_state (vm s v) = VM_FREE ->
  (forall x, lf s v x = None) /\ (forall p, owner s p <> v) /\ (forall w, ~ vcpu_of s v w).
Proof.
  intros I N M F. split; [intros x; apply (i_free s I); auto|]. split.
  - intros p E. destruct (i_owner s I p) as (_ & _ & [A|A]); rewrite ?E in *; auto; rewrite F in A; discriminate.
  - intros w [E X]. destruct (i_vcpu s I w X) as (A & _). rewrite E in A. auto.
Qed.

Lemma vm_create_good c type s : inv s -> good (vm_create c type s).
Proof.
  intros I. unfold vm_create. destruct (_ && _); [apply done_good; auto|].
  destruct (find_free s) as [v|] eqn:E; [|apply done_good; auto].
  apply find_some in E as [V F]. apply range_in in V. apply is_true in F.
  assert (Vm : is_vm v) by (unfold is_vm, KCORE_NR_VMS; lia).
  destruct (free_has_nothing v s I (vm_not_host v Vm) (vm_not_core v Vm) F) as (A & B & C).
  apply done_good. apply inv_log, inv_cnt, vm_change; auto using vm_not_host; fields.
  - intros p O. destruct (B p O).
  - intros w W. destruct (C w W).
  - intros w [W1 W2]. destruct (C w). split; auto. rewrite W2. discriminate.
Qed.

Lemma alive_vm s v : alive s v = true -> is_vm v /\ v_state (vm s v) <> VM_FREE.
Proof.
  unfold alive. rewrite !andb_true_iff, negb_true_iff. intros [[A B] C]. split; [unfold is_vm; lia|]. now apply Z.eqb_neq.
Qed.
Lemma new_has_nothing v s : inv s -> is_vm v -> v_state (vm s v) = VM_NEW ->
  (forall p, owner s p <> v) /\ (forall w, ~ loaded_of s v w).
Proof.
  intros I V N. split.
  - intros p E. destruct (i_owner s I p) as (_ & _ & [A|A]); rewrite ?E in *; auto using vm_not_host, vm_not_core;
      rewrite N in A; discriminate.
  - intros w [E X]. destruct (i_loaded s I w X) as (A & _). rewrite E, N in A. discriminate.
Qed.

Lemma vm_finalise_good c v a b sign s : inv s -> good (vm_finalise c v a b sign s).
Proof.
  intros I. unfold vm_finalise. destruct (alive s v) eqn:A; cbn [negb]; [|apply done_good; auto].
  destruct (alive_vm s v A) as [V F]. destruct (is (v_state (vm s v)) VM_NEW) eqn:N; cbn [negb orb]; [|apply done_good; auto].
  destruct (sign && _); [apply done_good; auto|]. apply is_true in N. destruct (new_has_nothing v s I V N) as [B C].
  assert (J : forall r, security r = (VM_READY, v_type (vm s v), v_vcpus (vm s v), v_loaded (vm s v), v_pages (vm s v)) ->
              inv (set_vm v r s)).
  { intros r E. unfold security in E. injection E as E1 E2 E3 E4 E5. apply vm_change; auto using vm_not_host; try congruence.
    - left. split; auto. rewrite E1; discriminate.
    - rewrite E1. discriminate. }
  destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED) eqn:T; [|apply done_good, J; auto; fields; now rewrite N].
  destruct (negb sign && _); [apply done_good; auto|].
  destruct (_ || _); [apply done_good; auto|]. destruct (is (c_state _) _); [apply done_good; auto|].
  apply finish_good; auto. apply vcpu_minor; [|intros r; destruct sign; auto]. apply J. reflexivity.
Qed.

Lemma start_check_vm s v : start_check s v = 0 -> is_vm v /\ v_state (vm s v) <> VM_FREE /\ waits s v = true.
Proof.
  unfold start_check. destruct (alive s v) eqn:A; cbn [negb]; [|discriminate]. destruct (waits s v); [|discriminate]. intros _.
  destruct (alive_vm s v A). auto.
Qed.
Lemma vm_measure_good c v i s : inv s -> good (vm_measure c v i s).
Proof. intros I. unfold vm_measure. destruct (negb _); [apply done_good; auto|]. destruct (lf s v _); apply done_good; auto. Qed.
Lemma vm_start_good c v good_ s : inv s -> good (vm_start c v good_ s).
Proof.
  intros I. unfold vm_start. destruct (Z.eqb_spec (start_check s v) 0) as [E|E]; cbn [negb]; [|apply done_good; auto].
  destruct (start_check_vm s v E) as (V & F & _). destruct (is (v_loaded (vm s v)) 0) eqn:N; cbn [negb]; [|apply done_good; auto].
  apply is_true in N. destruct good_; [apply done_good, vcpu_minor; auto; apply vcpu_minor; auto|]. apply done_good, vm_change; auto using vm_not_host; fields.
  - left. split; auto. discriminate.
  - intros w W. discriminate.
  - intros w W. exfalso. apply (covers_zero _ _ w (i_loads s I v)); auto. lia.
Qed.

Lemma destroy_begin_good c v s : inv s -> good (destroy_begin c v s).
Proof.
  intros I. unfold destroy_begin. destruct (alive s v) eqn:A; cbn [negb]; [|apply done_good; auto].
  destruct (alive_vm s v A) as [V F]. destruct (is (v_loaded (vm s v)) 0) eqn:N; cbn [negb]; [|apply done_good; auto].
  apply is_true in N. apply done_good, vm_change; auto using vm_not_host; fields.
  - left. split; auto. discriminate.
  - intros w W. discriminate.
  - intros w W. exfalso. apply (covers_zero _ _ w (i_loads s I v)); auto. lia.
Qed.

Lemma dying_check_vm s v : dying_check s v = 0 -> is_vm v /\ v_state (vm s v) = VM_DYING.
Proof.
  unfold dying_check. destruct (alive s v) eqn:A; cbn [negb]; [|discriminate]. destruct (is _ _) eqn:B; [|discriminate].
  intros _. split; [apply (alive_vm s v A)|now apply is_true].
Qed.

Lemma destroy_end_good c v s : inv s -> good (destroy_end c v s).
Proof.
  intros I. unfold destroy_end. destruct (Z.eqb_spec (dying_check s v) 0) as [E|E]; cbn [negb]; [|apply done_good; auto].
  destruct (dying_check_vm s v E) as [V Dy]. destruct (_ || _) eqn:B; [apply done_good; auto|].
  apply orb_false_iff in B as [B B4]. apply orb_false_iff in B as [B B3]. apply orb_false_iff in B as [_ B2].
  apply negb_false_iff, is_true in B2, B3.
  assert (W : forall w, ~ vcpu_of s v w) by (intros w X; apply (covers_zero _ _ w (i_vcpus s I v)); auto; lia).
  assert (H : forall a, ~ has s v a) by (intros w X; apply (covers_zero _ _ w (i_pages s I v V)); auto; lia).
  assert (O : forall p, owner s p <> v).
  { intros p X. destruct (i_owner s I p) as (_ & A & _); rewrite ?X in *; auto using vm_not_host, vm_not_core. apply (H (APage p)). cbn. auto. }
  assert (L : forall x, lf s v x = None).
  { intros x. destruct (lf s v x) as [l|] eqn:X; auto. exfalso. apply (H (ALeaf x)). cbn. rewrite X. auto. }
  apply done_good. apply inv_log, inv_cnt, vm_change; auto using vm_not_host; fields.
  - intros p X. destruct (O p X).
  - intros w X. destruct (W w X).
  - intros w [X Y]. destruct (W w). split; auto. rewrite Y. discriminate.
Qed.

(* ------------------------------------------------------------------ vCPUs *)

Lemma vm_of_index v k : 0 <= k < KCORE_VM_VCPUS -> vm_of (v * KCORE_VM_VCPUS + k) = v.
Proof. unfold vm_of, KCORE_VM_VCPUS. intros. rewrite Z.div_add_l by lia. rewrite (Z.div_small k) by lia. lia. Qed.

Definition made (v w p : Z) (r : vcpurec) (s : pub) : pub :=
  change_vm v (fun r => vm_with_vcpus (v_vcpus r + 1) r) (set_vcpu w r (maps_add p 1 1 s)).

Lemma made_inv v w p r s : inv s -> vm_of w = v -> v_state (vm s v) <> VM_FREE -> c_state (vcpu s w) = VCPU_FREE ->
  dram p = true -> owner s p = OWNER_HOST -> c_state r = VCPU_READY -> c_page r = p -> inv (made v w p r s).
Proof.
  intros I Vw F Cw Dp O Rs Rp.
  assert (Tt : tables (made v w p r s)) by (apply (tables_same s); auto; apply I).
  remember (made v w p r s) as t eqn:Et.
  assert (Ev : vm t = upd (vm s) v (vm_with_vcpus (v_vcpus (vm s v) + 1) (vm s v))) by (subst; auto).
  assert (E0 : owner t = owner s /\ lf t = lf s /\ vcpu t = upd (vcpu s) w r /\ cpu t = cpu s) by (subst; auto).
  assert (Em : forall q, maps t q = if inside q p 1 then maps s q + 1 else maps s q) by (subst; auto).
  destruct E0 as (Eo & Ef & Ew & Eu). clear Et.
  assert (K : forall x, guarded t x <-> guarded s x) by (intros x; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall x, v_state (vm t x) = v_state (vm s x)) by (intros x; rewrite Ev; keys; auto).
  assert (H : forall q, host_ok t q = host_ok s q) by (intros q; unfold host_ok; rewrite Eo; auto).
  assert (W : forall x, x <> w -> vcpu t x = vcpu s x) by (intros x N; rewrite Ew; unfold upd; destruct (Z.eqb_spec x w); [contradiction|auto]).
  assert (Ww : vcpu t w = r) by (rewrite Ew; unfold upd; now rewrite Z.eqb_refl).
  clear Ew. split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Ef, ?Eu, ?H in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros q Q. rewrite H. auto.
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - apply (i_guarded s I); auto.
  - eapply (i_once s I v0); eauto.
  - apply (i_normal s I v0 x l); auto.
  - apply (i_owner s I p0); auto.
  - rewrite Em. destruct (inside p0 p 1) eqn:E.
    + apply (covers_add user_dec (uses s p0) _ _ (UVcpu w)); [apply (i_maps s I)|].
      intros [x|x y]; cbn; rewrite ?K, ?Ef, ?Eo; auto. destruct (Z.eq_dec x w) as [->|N]; auto. rewrite W; auto.
    + apply (covers_mono (uses s p0) _ (maps s p0)); [apply (i_maps s I)| |lia]. intros [x|x y]; cbn; rewrite ?K, ?Ef, ?Eo; auto.
      destruct (Z.eq_dec x w) as [->|N]; [|rewrite W; auto]. rewrite Ww. intros [_ X]. exfalso. apply (inside_false _ _ _ E). lia.
  - apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros [q|x]; cbn; rewrite ?Eo, ?Ef; [rewrite K; auto|]. match goal with |- context [lf s ?a x] => destruct (lf s a x) end; rewrite ?K; auto.
  - rewrite Ev. destruct (Z.eq_dec v0 v) as [->|N]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in N as N'; rewrite N']; fields.
    + apply (covers_add Z.eq_dec (vcpu_of s v) _ _ w); [apply (i_vcpus s I)|]. intros x [A B].
      destruct (Z.eq_dec x w); auto. rewrite W in B by auto. left. split; auto.
    + apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |lia]. intros x [A B]. split; auto.
      rewrite W in B; auto. congruence.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros x [A B]. split; auto. destruct (Z.eq_dec x w) as [->|N]; [rewrite Ww, Rs in B; discriminate|rewrite W in B; auto].
  - destruct (Z.eq_dec w0 w) as [->|N]; [|rewrite W in * by auto; apply (i_vcpu s I); auto]. rewrite Ww, Rp, Vw. auto.
  - destruct (Z.eq_dec w0 w) as [->|N]; [rewrite Ww, Rs in *; discriminate|rewrite W in * by auto; apply (i_loaded s I); auto].
  - destruct (i_cpu s I c) as [A B]; auto. rewrite W; auto. intros X. rewrite X, Cw in A. discriminate.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - apply (i_flight s I c v0 i p0); auto.
  - eapply (i_flights s I); eauto.
Qed.

Lemma vcpu_create_good c v k a s : inv s -> good (vcpu_create c v k a s).
Proof.
  intros I. unfold vcpu_create. destruct (_ || negb (a mod _ =? 0)) eqn:A; [apply done_good; auto|].
  apply orb_false_iff in A as [A _]. apply orb_false_iff in A as [A K2]. apply orb_false_iff in A as [A K1].
  apply negb_false_iff in A. destruct (alive_vm s v A) as [V F].
  destruct (is (v_state (vm s v)) VM_DYING || _); [apply done_good; auto|].
  destruct (is (c_state _) VCPU_FREE) eqn:Cw; cbn [negb]; [|apply done_good; auto]. apply is_true in Cw.
  destruct (dram (a / PAGE_BYTES)) eqn:Dp; cbn [negb]; [|apply done_good; auto].
  destruct (is (owner s _) OWNER_HOST) eqn:O; cbn [negb]; [|apply done_good; auto]. apply is_true in O.
  destruct (is (maps s _) 0); cbn [negb]; [|apply done_good; auto].
  assert (Vw : vm_of (v * KCORE_VM_VCPUS + k) = v) by (apply vm_of_index; lia).
  destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED).
  - destruct (pool_alloc v s) as [t|] eqn:E; [|apply done_good; auto].
    destruct (pool_alloc_quiet v s t (i_tables s I) E) as ([Q _] & _). apply finish_good; auto. apply inv_cnt, made_inv; auto.
    + apply (inv_shrinks s); auto.
    + destruct (security_fields _ _ (h_vm _ _ Q v)) as (-> & _). auto.
    + rewrite (h_vcpu _ _ Q). auto.
    + rewrite (h_owner _ _ Q). auto.
  - apply finish_good; auto. apply inv_cnt, made_inv; auto.
Qed.

Definition unmade (v w p : Z) (s : pub) : pub :=
  change_vm v (fun r => vm_with_vcpus (v_vcpus r - 1) r) (change_vcpu w (vcpu_with_state VCPU_FREE 0) (maps_add p 1 (-1) s)).

Lemma unmade_inv v w p s : inv s -> vm_of w = v -> c_state (vcpu s w) <> VCPU_FREE -> c_state (vcpu s w) <> VCPU_LOADED ->
  c_page (vcpu s w) = p -> inv (unmade v w p s).
Proof.
  intros I Vw Cw Lw Pw.
  assert (Tt : tables (unmade v w p s)) by (apply (tables_same s); auto; apply I).
  remember (unmade v w p s) as t eqn:Et.
  assert (Ev : vm t = upd (vm s) v (vm_with_vcpus (v_vcpus (vm s v) - 1) (vm s v))) by (subst; auto).
  assert (E0 : owner t = owner s /\ lf t = lf s /\ vcpu t = upd (vcpu s) w (vcpu_with_state VCPU_FREE 0 (vcpu s w)) /\ cpu t = cpu s) by (subst; auto).
  assert (Em : forall q, maps t q = if inside q p 1 then maps s q - 1 else maps s q) by (rewrite Et; auto).
  destruct E0 as (Eo & Ef & Ew & Eu). clear Et.
  assert (K : forall x, guarded t x <-> guarded s x) by (intros x; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall x, v_state (vm t x) = v_state (vm s x)) by (intros x; rewrite Ev; keys; auto).
  assert (H : forall q, host_ok t q = host_ok s q) by (intros q; unfold host_ok; rewrite Eo; auto).
  assert (W : forall x, x <> w -> vcpu t x = vcpu s x) by (intros x N; rewrite Ew; unfold upd; destruct (Z.eqb_spec x w); [contradiction|auto]).
  assert (Ww : c_state (vcpu t w) = VCPU_FREE) by (rewrite Ew; unfold upd; now rewrite Z.eqb_refl).
  clear Ew. split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Ef, ?Eu, ?H in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros q Q. rewrite H. auto.
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - apply (i_guarded s I); auto.
  - eapply (i_once s I v0); eauto.
  - apply (i_normal s I v0 x l); auto.
  - apply (i_owner s I p0); auto.
  - rewrite Em. destruct (inside p0 p 1) eqn:E.
    + apply inside_spec in E. apply (covers_sub user_dec (uses s p0) _ _ (UVcpu w)); [apply (i_maps s I)|cbn; split; auto; lia|].
      intros [x|x y]; cbn; rewrite ?K, ?Ef, ?Eo; [|split; auto; discriminate].
      intros [A B]. destruct (Z.eq_dec x w) as [->|N]; [contradiction|]. rewrite W in * by auto. split; auto. congruence.
    + apply (covers_mono (uses s p0) _ (maps s p0)); [apply (i_maps s I)| |lia]. intros [x|x y]; cbn; rewrite ?K, ?Ef, ?Eo; auto.
      intros [A B]. destruct (Z.eq_dec x w) as [->|N]; [contradiction|]. rewrite W in * by auto. auto.
  - apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros [q|x]; cbn; rewrite ?Eo, ?Ef; [rewrite K; auto|]. match goal with |- context [lf s ?a x] => destruct (lf s a x) end; rewrite ?K; auto.
  - rewrite Ev. destruct (Z.eq_dec v0 v) as [->|N]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in N as N'; rewrite N']; fields.
    + apply (covers_sub Z.eq_dec (vcpu_of s v) _ _ w); [apply (i_vcpus s I)|split; auto|]. intros x [A B].
      destruct (Z.eq_dec x w) as [->|N]; [contradiction|]. rewrite W in B by auto. split; auto. split; auto.
    + apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |lia]. intros x [A B]. split; auto.
      rewrite W in B; auto. congruence.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros x [A B]. split; auto. destruct (Z.eq_dec x w) as [->|N]; [rewrite Ww in B; discriminate|rewrite W in B; auto].
  - destruct (Z.eq_dec w0 w) as [->|N]; [contradiction|rewrite W in * by auto; apply (i_vcpu s I); auto].
  - destruct (Z.eq_dec w0 w) as [->|N]; [rewrite Ww in *; discriminate|rewrite W in * by auto; apply (i_loaded s I); auto].
  - destruct (i_cpu s I c) as [A B]; auto. rewrite W; auto. intros X. rewrite X in A. contradiction.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - apply (i_flight s I c v0 i p0); auto.
  - eapply (i_flights s I); eauto.
Qed.

Lemma vcpu_exists_true s w : vcpu_exists s w = true -> c_state (vcpu s w) <> VCPU_FREE.
Proof. unfold vcpu_exists. rewrite !andb_true_iff, negb_true_iff. intros [_ H]. now apply is_false. Qed.

Lemma vcpu_destroy_good c w s : inv s -> good (vcpu_destroy c w s).
Proof.
  intros I. unfold vcpu_destroy. destruct (vcpu_exists s w) eqn:X; cbn [negb]; [|apply done_good; auto].
  apply vcpu_exists_true in X. destruct (is (c_state (vcpu s w)) VCPU_LOADED) eqn:L; [apply done_good; auto|]. apply is_false in L.
  destruct (_ && _); [apply done_good; auto|]. destruct (i_vcpu s I w X) as (A & B & C).
  apply finish_good.
  - rewrite B. cbn [andb]. apply andb_true_iff. split; apply Z.leb_le.
    + apply (covers_pos _ _ (UVcpu w) (i_maps s I _)). cbn. auto.
    + apply (covers_pos _ _ w (i_vcpus s I (vm_of w))). split; auto.
  - apply inv_cnt. destruct (is _ KCORE_VM_PROTECTED); [|now apply unmade_inv].
    destruct (pool_give_quiet (vm_of w) s (i_tables s I)) as [Q _]. apply unmade_inv; auto. apply (inv_shrinks s); auto.
Qed.
End InvLife.
