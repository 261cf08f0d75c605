(* SPDX-License-Identifier: GPL-2.0-only *)
(* The host's side of the unwinding: what it doesn't get changes nothing that it sees; what it gets changes all the same. *)
From KCore Require Export top.Chan.

Section NiHost.
Context {cfg : config}.

(* ------------------------------------------------------------------ effects *)

(* Contents agree on visible pages and CPUs. *)
Record agree (V F : Z -> bool) (d e : data) : Prop := {
  a_mem : forall p o, V p = true -> mem d p o = mem e p o;
  a_fp : forall c k, F c = true -> fpm d c k = fpm e c k;
  a_hreg : forall c k, hreg d c k = hreg e c k;
  a_io : forall w k, io d w k = io e w k
}.
Lemma host_agree s t : host_eq s t -> agree (host_ok (P s)) (fp_shared (P s)) (D s) (D t).
Proof. intros [A B C E F]. split; auto. Qed.
Lemma agree_host s t : P s = P t -> agree (host_ok (P s)) (fp_shared (P s)) (D s) (D t) -> host_eq s t.
Proof. intros E [A B C F]. split; auto. Qed.
Lemma agree_mono V V' F F' d e : agree V F d e -> (forall p, V' p = true -> V p = true) ->
  (forall c, F' c = true -> F c = true) -> agree V' F' d e.
Proof. intros [A B C E] H K. split; auto. Qed.

Definition scrubs (p : Z) (l : list effect) : Prop := In (Scrub p) l.
Definition saves (c : Z) (l : list effect) : Prop := exists x, In (FpSave c x) l \/ In (FpSaveShared c x) l.
Definition reads_ok (V F : Z -> bool) (e : effect) : Prop :=
  match e with IoLoad _ pg _ | VgicLoad _ _ pg => V pg = true | FpSaveShared c _ => F c = true | _ => True end.

Lemma effect_agree V F d e x : agree V F d e -> reads_ok V F x ->
  agree (fun p => V p || match x with Scrub q => p =? q | _ => false end)
        (fun c => F c || match x with FpSave b _ | FpSaveShared b _ => c =? b | _ => false end)
        (do_effect d x) (do_effect e x).
Proof.
  intros [A B C E] R. destruct x; cbn [do_effect reads_ok] in *; split; cbn;
    intros a b; rewrite ?orb_false_r; unfold upd; auto.
  - destruct (Z.eqb_spec a p); auto. rewrite orb_false_r. auto.
  - destruct (Z.eqb_spec a p); auto. subst. intros. destruct (inside b 0 512); auto.
  - destruct (a =? w); auto.
  - destruct (Z.eqb_spec a c); auto. rewrite orb_false_r. auto.
  - destruct (Z.eqb_spec a pg); auto. subst. intros. destruct (inside b W_FP N_FP); auto.
  - destruct (Z.eqb_spec a c); auto. rewrite orb_false_r. auto.
  - destruct (Z.eqb_spec a w); auto. subst. replace (hreg e c R_VMCR) with (hreg d c R_VMCR) by auto.
    apply vgic_loaded_ext; [intros k _; apply A; auto|auto].
  - destruct (Z.eqb_spec a pg); auto. subst. intros Q. apply vgic_saved_ext; auto.
  - destruct (Z.eqb_spec a c); auto. subst. destruct (b =? R_VMCR); auto.
  - destruct (Z.eqb_spec a w); auto. subst. apply io_loaded_ext; [intros k _; apply A; auto|auto].
  - destruct (Z.eqb_spec a pg); auto. subst. intros Q. apply io_saved_ext; auto.
  - destruct (Z.eqb_spec a pg); auto. subst. intros. apply writes_ext. auto.
  - destruct (Z.eqb_spec a c); auto. subst. destruct (b =? n); auto.
  - destruct (Z.eqb_spec a c); auto. subst. destruct (b =? n); auto.
Qed.

Lemma effects_agree l : forall V F d e, agree V F d e -> Forall (reads_ok V F) l ->
  forall V' F', (forall p, V' p = true -> V p = true \/ scrubs p l) -> (forall c, F' c = true -> F c = true \/ saves c l) ->
  agree V' F' (do_effects l d) (do_effects l e).
Proof.
  induction l as [|x l IH]; intros V F d e A R V' F' HV HF; cbn.
  - apply (agree_mono V V' F F'); auto.
    + intros p Q. destruct (HV p Q) as [?|[]]; auto.
    + intros c Q. destruct (HF c Q) as [?|(y & [[]|[]])]; auto.
  - inversion R as [|? ? R1 R2]; subst. apply (IH _ _ _ _ (effect_agree V F d e x A R1)).
    + eapply Forall_impl; [|apply R2]. intros [ ]; cbn; auto; intros ->; auto.
    + intros p Q. destruct (HV p Q) as [->|[->|I]]; auto. rewrite Z.eqb_refl, orb_true_r. auto.
    + intros c Q. destruct (HF c Q) as [->|(y & [[->|I]|[->|I]])]; auto; try (rewrite Z.eqb_refl, orb_true_r; auto);
        right; exists y; auto.
Qed.

(* The visible pages and FP registers after a call: those before, and what was scrubbed and saved. *)
Definition discloses (s : pub) (l : list effect) (t : pub) : Prop :=
  (forall p, host_ok t p = true -> host_ok s p = true \/ scrubs p l) /\
  (forall c, fp_shared t c = true -> fp_shared s c = true \/ saves c l) /\
  Forall (reads_ok (host_ok s) (fp_shared s)) l.

Lemma disclose_owner s l t : (forall p, owner t p = OWNER_HOST -> owner s p = OWNER_HOST \/ scrubs p l) ->
  forall p, host_ok t p = true -> host_ok s p = true \/ scrubs p l.
Proof.
  intros H p. unfold host_ok. destruct (dram p); auto. intros E. apply Z.eqb_eq in E. destruct (H p E) as [F|F]; auto. left. now apply Z.eqb_eq.
Qed.

Lemma same_protected s t v : life (vm t v) = life (vm s v) -> protected t v = protected s v.
Proof. unfold life, protected. intros [= -> -> _ _ _]. auto. Qed.
Lemma mild_protected v e s t u : mild v e s t -> protected t u = protected s u.
Proof. intros M. apply same_protected, (d_vm _ _ _ _ M). Qed.
Lemma mild_fp v e s t c : mild v e s t -> fp_shared t c = fp_shared s c.
Proof.
  intros M. pose proof (d_cpu _ _ _ _ M c) as E. unfold place_of_cpu in E. injection E as E1 E2 E3. unfold fp_shared.
  rewrite E1, E3, (mild_protected _ _ _ _ _ M). auto.
Qed.
Lemma plain_reads v s V F l : Forall (plain v s) l -> Forall (reads_ok V F) l.
Proof. apply Forall_impl. intros [ ]; cbn; tauto. Qed.
Lemma mild_discloses v s o : mildly v s o -> discloses s (o_eff o) (o_pub o).
Proof.
  intros [M F]. split; [|split].
  - apply disclose_owner. apply (d_owner _ _ _ _ M).
  - intros c. rewrite (mild_fp _ _ _ _ c M). auto.
  - eapply plain_reads; eauto.
Qed.

(* Life-cycle calls: owners stay, the loaded VMs stay what they are. *)
Lemma fp_kept s t l : inv s -> cpu t = cpu s -> (forall v, v_state (vm s v) = VM_READY -> protected t v = protected s v) ->
  forall c, fp_shared t c = true -> fp_shared s c = true \/ saves c l.
Proof.
  intros I E K c. unfold fp_shared. rewrite E. destruct (u_fp (cpu s c)) eqn:F; cbn; auto. left. rewrite <- K; auto.
  apply (i_loaded s I). apply (i_cpu s I). apply (i_fp s I); auto.
Qed.

(* ------------------------------------------------------------------ the host's calls *)

Lemma finish_fields c r e ok s :
  owner (o_pub (finish c r e ok s)) = owner s /\ vm (o_pub (finish c r e ok s)) = vm s /\
  vcpu (o_pub (finish c r e ok s)) = vcpu s /\ lf (o_pub (finish c r e ok s)) = lf s /\
  (forall d, place_of_cpu (cpu (o_pub (finish c r e ok s)) d) = place_of_cpu (cpu s d)).
Proof.
  unfold finish; cbn [o_pub]. destruct (has_error r); fields; repeat split; auto; intros d; keys; auto.
Qed.

Lemma finish_discloses c r e ok s t : (forall p, owner t p = OWNER_HOST -> owner s p = OWNER_HOST \/ scrubs p e) ->
  (forall c, fp_shared t c = true -> fp_shared s c = true \/ saves c e) ->
  Forall (reads_ok (host_ok s) (fp_shared s)) e -> discloses s (o_eff (finish c r e ok t)) (o_pub (finish c r e ok t)).
Proof.
  intros O F R. destruct (finish_fields c r e ok t) as (A & B & C & _ & E).
  remember (o_pub (finish c r e ok t)) as u eqn:Eu. clear Eu. split; [|split].
  - apply disclose_owner. rewrite A. intros p Q. destruct (O p Q); auto. right. cbn. apply in_or_app. auto.
  - intros d. unfold fp_shared. specialize (E d). unfold place_of_cpu in E. injection E as E1 E2 E3. rewrite E1, E3.
    unfold protected. rewrite B. intros Q. destruct (F d Q) as [?|(x & X)]; auto. right. exists x.
    destruct X; [left|right]; cbn; apply in_or_app; auto.
  - cbn. apply Forall_app. split; auto. repeat constructor.
Qed.
Lemma done_discloses c r s t : (forall p, owner t p = owner s p) -> (forall c, fp_shared t c = true -> fp_shared s c = true \/ saves c []) ->
  discloses s (o_eff (done c r t)) (o_pub (done c r t)).
Proof. intros O F. apply finish_discloses; auto. intros p. rewrite O. auto. Qed.
Lemma done_same c r s : discloses s (o_eff (done c r s)) (o_pub (done c r s)).
Proof. apply done_discloses; auto. Qed.

Lemma vcpu_page_ok s w : inv s -> c_state (vcpu s w) <> VCPU_FREE -> host_ok s (c_page (vcpu s w)) = true.
Proof. intros I E. destruct (i_vcpu s I w E) as (_ & A & B). unfold host_ok. rewrite A, B. auto. Qed.
Lemma loaded_vcpu s c : inv s -> u_vcpu (cpu s c) <> NO_VCPU -> c_state (vcpu s (u_vcpu (cpu s c))) <> VCPU_FREE.
Proof. intros I N. destruct (i_cpu s I c N) as [-> _]. discriminate. Qed.

Theorem hcall_discloses c r s : sound -> inv s -> discloses s (o_eff (hcall c r s)) (o_pub (hcall c r s)).
Proof.
  intros B I. destruct r; cbn [hcall]; try apply done_same.
  - unfold vcpu_load. destruct (vcpu_exists s w) eqn:X; cbn [negb]; [|apply done_same].
    destruct (negb _); [apply done_same|]. destruct (_ || _) eqn:Y; [apply done_same|].
    apply orb_false_iff in Y as [_ Y]. apply negb_false_iff, is_true in Y.
    assert (F0 : u_fp (cpu s c) = false) by (destruct (u_fp (cpu s c)) eqn:F; auto; destruct (i_fp s I c F Y)).
    apply finish_discloses; auto.
    + intros d. unfold fp_shared; fields. unfold protected, upd at 1 2; fields. unfold upd.
      destruct (Z.eqb_spec d c); fields; [subst; rewrite F0; auto|].
      intros Q. left. rewrite <- Q. f_equal. f_equal. destruct (_ =? vm_of w) eqn:E; auto. apply Z.eqb_eq in E. now rewrite E.
    + repeat constructor. cbn. apply vcpu_page_ok; auto. now apply vcpu_exists_true.
  - unfold vcpu_put. destruct (is _ NO_VCPU) eqn:N; [apply done_same|]. apply is_false in N. apply finish_discloses; auto.
    + intros d. unfold fp_shared; fields. unfold fp_release; fields. unfold upd. destruct (Z.eqb_spec d c) as [->|E].
      * destruct (u_fp (cpu s c)) eqn:F; [|cbn; auto]. intros _. right. unfold saves, fp_effect, ensure. rewrite F, B. cbn [orb].
        destruct (protected s _); eexists; [left|right]; apply in_or_app; left; left; reflexivity.
      * destruct (d =? c) eqn:E'; [apply Z.eqb_eq in E'; contradiction|]. intros Q. left. rewrite <- Q. f_equal. f_equal.
        unfold protected; fields. unfold upd. destruct (_ =? vm_of (u_vcpu (cpu s c))) eqn:G; auto. apply Z.eqb_eq in G. now rewrite G.
    + apply Forall_app. split; [|repeat constructor]. unfold fp_effect. destruct (u_fp (cpu s c)) eqn:F; [|constructor].
      destruct (protected s _) eqn:G; [destruct (ensure _ _); repeat constructor|]. repeat constructor. cbn. unfold fp_shared.
      rewrite F, G. auto.
  - unfold vm_create. destruct (_ && _); [apply done_same|]. destruct (find_free s) as [v|] eqn:E; [|apply done_same].
    apply find_some in E as [_ F]. apply is_true in F. apply done_discloses; auto. apply fp_kept; auto. intros u R.
    unfold protected; fields. unfold upd. destruct (Z.eqb_spec u v); subst; auto. rewrite F in R. discriminate.
  - unfold vm_finalise. destruct (negb _); [apply done_same|]. destruct (is (v_state (vm s v)) VM_NEW) eqn:N; cbn [negb orb]; [|apply done_same].
    apply is_true in N. destruct (sign && _); [apply done_same|]. destruct (is _ KCORE_VM_PROTECTED).
    + destruct (negb sign && _); [apply done_same|]. destruct (_ || _); [apply done_same|]. destruct (is _ VCPU_FREE); [apply done_same|]. apply finish_discloses; auto; [|repeat constructor].
      apply fp_kept; auto. intros u R. unfold protected; fields. unfold upd. destruct (Z.eqb_spec u v); subst; auto. rewrite R in N. discriminate.
    + apply done_discloses; auto. apply fp_kept; auto. intros u R. unfold protected; fields. unfold upd.
      destruct (Z.eqb_spec u v); subst; auto. rewrite R in N. discriminate.
  - unfold destroy_begin. destruct (alive s v) eqn:A; cbn [negb]; [|apply done_same]. destruct (negb _); [apply done_same|].
    apply alive_vm in A as [_ A]. apply Z.eqb_neq in A. apply done_discloses; auto. apply fp_kept; auto. intros u R. unfold protected; fields. unfold upd.
    destruct (Z.eqb_spec u v); subst; auto. fields. rewrite R. auto.
  - unfold destroy_step. destruct (negb _); [apply done_same|]. apply (mild_discloses 0), mildly_proceed; auto using mild_refl.
  - unfold destroy_end. destruct (Z.eqb_spec (dying_check s v) 0) as [E|E]; cbn [negb]; [|apply done_same].
    apply dying_check_vm in E as [_ E]. destruct (_ || _); [apply done_same|]. apply done_discloses; auto. apply fp_kept; auto.
    intros u R. unfold protected; fields. unfold upd. destruct (Z.eqb_spec u v); subst; auto. rewrite E in R. discriminate.
  - unfold vcpu_create.
    repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply done_same|] end).
    destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED).
    + destruct (pool_alloc v s) as [t|] eqn:E; [|apply done_same]. pose proof (mild_alloc v [] v s t E) as M.
      apply finish_discloses; [| |repeat constructor].
      * fields. intros p Q. destruct (d_owner _ _ _ _ M p Q) as [?|[]]; auto.
      * intros d. left. rewrite <- (mild_fp _ _ _ _ d M). revert H. unfold fp_shared, protected; fields. unfold upd.
        destruct (_ =? v) eqn:X; auto. apply Z.eqb_eq in X. now rewrite X.
    + apply finish_discloses; auto; [|repeat constructor].
      intros d. unfold fp_shared, protected; fields. unfold upd. destruct (_ =? v) eqn:X; auto. apply Z.eqb_eq in X. rewrite X. auto.
  - unfold vcpu_destroy.
    repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply done_same|] end).
    apply finish_discloses; [| |repeat constructor].
    + destruct (is _ KCORE_VM_PROTECTED); fields; auto.
    + intros d. destruct (is _ KCORE_VM_PROTECTED); unfold fp_shared, protected; fields; unfold upd; rewrite ?Z.eqb_refl.
      all: destruct (_ =? vm_of w) eqn:X; auto; apply Z.eqb_eq in X; rewrite X; auto.
  - destruct (_ || _) eqn:Z0; [apply done_same|]. eapply (mild_discloses v), donate_take_mildly; [exact B|].
    intros ->. cbn in Z0. discriminate.
  - destruct (_ || _); [apply done_same|]. apply (mild_discloses 0), mildly_proceed; auto using mild_refl.
  - destruct (range_bad _ _ _); [apply done_same|]. apply (mild_discloses 0), mildly_proceed; auto using mild_refl.
  - destruct (range_bad _ _ _); [apply done_same|]. apply (mild_discloses 0), mildly_proceed; auto using mild_refl.
    repeat constructor.
  - unfold log_read. destruct (_ <=? seq); [apply done_same|]. destruct (if _ <=? _ then _ else _) as [[[? ?] ?]|]; [|apply done_same].
    apply finish_discloses; auto. repeat constructor.
  - unfold vmcr_read. destruct (_ || _); [apply done_same|]. split; [|split].
    + apply disclose_owner. fields. auto.
    + intros d. cbn [o_pub o_eff]. unfold fp_shared, protected; fields. unfold upd. destruct (Z.eqb_spec d c) as [->|]; fields; auto.
    + repeat constructor.
  - destruct (bad_page a); [apply done_same|]. unfold vm_measure. destruct (negb _); [apply done_same|]. destruct (lf s v _); apply done_same.
  - unfold vm_start. destruct (Z.eqb_spec (start_check s v) 0) as [E|E]; cbn [negb]; [|apply done_same].
    destruct (negb _); [apply done_same|]. destruct (start_check_vm s v E) as (_ & F & _). destruct good; apply done_discloses; auto.
    apply fp_kept; auto. intros u R. unfold protected; fields. unfold upd. destruct (Z.eqb_spec u v); subst; auto. fields. rewrite R. auto.
  - apply finish_discloses; auto. repeat constructor.
Qed.
End NiHost.
