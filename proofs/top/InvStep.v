(* SPDX-License-Identifier: GPL-2.0-only *)
(* Load and put of vCPUs; then: every action keeps the invariant and is never stuck, and it holds at boot. *)
From KCore Require Export top.InvShare.

Section InvStep.
Context {cfg : config}.

(* vCPU w, READY, is loaded on CPU c, which had none. *)
Definition placed (c w : Z) (s : pub) : pub :=
  change_vm (vm_of w) (fun r => vm_with_loaded (v_loaded r + 1) r)
    (change_cpu c (cpu_with_vcpu w) (change_vcpu w (vcpu_with_state VCPU_LOADED c) s)).
Lemma placed_inv c w s : inv s -> c_state (vcpu s w) = VCPU_READY -> u_vcpu (cpu s c) = NO_VCPU ->
  v_state (vm s (vm_of w)) = VM_READY -> inv (placed c w s).
Proof.
  intros I Cw Uc R.
  assert (Tt : tables (placed c w s)) by (apply (tables_same s); auto; apply I).
  assert (NW : w <> NO_VCPU) by (intros ->; rewrite (no_vcpu_free s I) in Cw; discriminate).
  remember (placed c w s) as t eqn:Et.
  assert (Ev : vm t = upd (vm s) (vm_of w) (vm_with_loaded (v_loaded (vm s (vm_of w)) + 1) (vm s (vm_of w)))) by (subst; auto).
  assert (E0 : owner t = owner s /\ lf t = lf s /\ vcpu t = upd (vcpu s) w (vcpu_with_state VCPU_LOADED c (vcpu s w)) /\
               cpu t = upd (cpu s) c (cpu_with_vcpu w (cpu s c)) /\ maps t = maps s) by (subst; repeat split; auto).
  destruct E0 as (Eo & Ef & Ew & Eu & Em). clear Et.
  assert (K : forall x, guarded t x <-> guarded s x) by (intros x; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall x, v_state (vm t x) = v_state (vm s x)) by (intros x; rewrite Ev; keys; auto).
  assert (H : forall q, host_ok t q = host_ok s q) by (intros q; unfold host_ok; rewrite Eo; auto).
  assert (W : forall x, x <> w -> vcpu t x = vcpu s x) by (intros x N; rewrite Ew; unfold upd; destruct (Z.eqb_spec x w); [contradiction|auto]).
  assert (Ww : vcpu t w = vcpu_with_state VCPU_LOADED c (vcpu s w)) by (rewrite Ew; unfold upd; now rewrite Z.eqb_refl).
  assert (U : forall d, d <> c -> cpu t d = cpu s d) by (intros d N; rewrite Eu; unfold upd; destruct (Z.eqb_spec d c); [contradiction|auto]).
  assert (Ut : cpu t c = cpu_with_vcpu w (cpu s c)) by (rewrite Eu; unfold upd; now rewrite Z.eqb_refl).
  assert (X : forall x, c_state (vcpu t x) <> VCPU_FREE <-> c_state (vcpu s x) <> VCPU_FREE).
  { intros x. destruct (Z.eq_dec x w) as [->|N]; [|rewrite W by auto; tauto]. rewrite Ww, Cw; cbn. split; discriminate. }
  assert (Pg : forall x, c_page (vcpu t x) = c_page (vcpu s x)).
  { intros x. destruct (Z.eq_dec x w) as [->|N]; [|rewrite W by auto; auto]. now rewrite Ww. }
  assert (Fl : forall d, u_call (cpu t d) = u_call (cpu s d)).
  { intros d. destruct (Z.eq_dec d c) as [->|N]; [|rewrite U by auto; auto]. now rewrite Ut. }
  assert (Fs : u_fp (cpu s c) = false) by (destruct (u_fp (cpu s c)) eqn:F; auto; destruct (i_fp s I c F Uc)).
  clear Ew Eu. split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Ef, ?Em, ?H, ?Pg, ?Fl in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros q Q. rewrite H. auto.
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - apply (i_guarded s I); auto.
  - eapply (i_once s I v); eauto.
  - apply (i_normal s I v x l); auto.
  - apply (i_owner s I p); auto.
  - apply (covers_mono (uses s p) _ (maps s p)); [apply (i_maps s I)| |lia]. intros [x|x y]; cbn; rewrite ?K, ?Ef, ?Eo, ?X, ?Pg; auto.
  - apply (covers_mono (has s v) _ (v_pages (vm s v))); [apply (i_pages s I); auto| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v (vm_of w)); subst;
    fields; lia].
    intros [q|x]; cbn; rewrite ?Eo, ?Ef; [rewrite K; auto|]. destruct (lf s v x); rewrite ?K; auto.
  - apply (covers_mono (vcpu_of s v) _ (v_vcpus (vm s v))); [apply (i_vcpus s I)| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v (vm_of w)); subst;
    fields; lia].
    intros x; unfold vcpu_of; rewrite X; auto.
  - rewrite Ev. destruct (Z.eq_dec v (vm_of w)) as [->|N]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in N as N'; rewrite N']; fields.
    + apply (covers_add Z.eq_dec (loaded_of s (vm_of w)) _ _ w); [apply (i_loads s I)|]. intros x [A B].
      destruct (Z.eq_dec x w); auto. rewrite W in B by auto. left. split; auto.
    + apply (covers_mono (loaded_of s v) _ (v_loaded (vm s v))); [apply (i_loads s I)| |lia]. intros x [A B]. split; auto.
      rewrite W in B; auto. congruence.
  - apply (i_vcpu s I). apply X; auto.
  - destruct (Z.eq_dec w0 w) as [->|N]; [rewrite Ww; fields; rewrite Ut; auto|]. rewrite W in * by auto.
    destruct (i_loaded s I w0) as [A B]; auto. split; auto. rewrite U; auto. intros Y. rewrite Y, Uc in B. subst w0.
    rewrite (no_vcpu_free s I) in H0. discriminate.
  - destruct (Z.eq_dec c0 c) as [->|N]; [rewrite Ut; fields; rewrite Ww; auto|]. rewrite U in * by auto.
    destruct (i_cpu s I c0) as [A B]; auto. rewrite W; auto. intros Y. rewrite Y, Cw in A. discriminate.
  - destruct (Z.eq_dec c0 c) as [->|N]; [rewrite Ut; auto|]. rewrite U in * by auto. apply (i_run s I); auto.
  - destruct (Z.eq_dec c0 c) as [->|N]; [rewrite Ut; auto|]. rewrite U in * by auto. apply (i_fp s I); auto.
  - apply (i_flight s I c0 v i p); auto.
  - eapply (i_flights s I); eauto.
Qed.

(* And back: CPU c puts its vCPU w; the host runs there, FP released. *)
Definition unplaced (c w : Z) (s : pub) : pub :=
  change_vm (vm_of w) (fun r => vm_with_loaded (v_loaded r - 1) r)
    (change_vcpu w (vcpu_with_state VCPU_READY 0) (change_cpu c (cpu_with_vcpu NO_VCPU) s)).
Lemma unplaced_inv c w s : inv s -> u_vcpu (cpu s c) = w -> w <> NO_VCPU -> u_run (cpu s c) = false ->
  u_fp (cpu s c) = false -> inv (unplaced c w s).
Proof.
  intros I Uc NW Rc Fc.
  destruct (i_cpu s I c) as [Lw Pw]; [congruence|]. rewrite Uc in Lw, Pw.
  assert (Tt : tables (unplaced c w s)) by (apply (tables_same s); auto; apply I).
  remember (unplaced c w s) as t eqn:Et.
  assert (Ev : vm t = upd (vm s) (vm_of w) (vm_with_loaded (v_loaded (vm s (vm_of w)) - 1) (vm s (vm_of w)))) by (subst; auto).
  assert (E0 : owner t = owner s /\ lf t = lf s /\ vcpu t = upd (vcpu s) w (vcpu_with_state VCPU_READY 0 (vcpu s w)) /\
               cpu t = upd (cpu s) c (cpu_with_vcpu NO_VCPU (cpu s c)) /\ maps t = maps s) by (subst t; repeat split; auto).
  destruct E0 as (Eo & Ef & Ew & Eu & Em). clear Et.
  assert (K : forall x, guarded t x <-> guarded s x) by (intros x; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall x, v_state (vm t x) = v_state (vm s x)) by (intros x; rewrite Ev; keys; auto).
  assert (H : forall q, host_ok t q = host_ok s q) by (intros q; unfold host_ok; rewrite Eo; auto).
  assert (W : forall x, x <> w -> vcpu t x = vcpu s x) by (intros x N; rewrite Ew; unfold upd; destruct (Z.eqb_spec x w); [contradiction|auto]).
  assert (Ww : vcpu t w = vcpu_with_state VCPU_READY 0 (vcpu s w)) by (rewrite Ew; unfold upd; now rewrite Z.eqb_refl).
  assert (U : forall d, d <> c -> cpu t d = cpu s d) by (intros d N; rewrite Eu; unfold upd; destruct (Z.eqb_spec d c); [contradiction|auto]).
  assert (Ut : cpu t c = cpu_with_vcpu NO_VCPU (cpu s c)) by (rewrite Eu; unfold upd; now rewrite Z.eqb_refl).
  assert (X : forall x, c_state (vcpu t x) <> VCPU_FREE <-> c_state (vcpu s x) <> VCPU_FREE).
  { intros x. destruct (Z.eq_dec x w) as [->|N]; [|rewrite W by auto; tauto]. rewrite Ww, Lw; cbn. split; discriminate. }
  assert (Pg : forall x, c_page (vcpu t x) = c_page (vcpu s x)).
  { intros x. destruct (Z.eq_dec x w) as [->|N]; [|rewrite W by auto; auto]. now rewrite Ww. }
  assert (Fl : forall d, u_call (cpu t d) = u_call (cpu s d)).
  { intros d. destruct (Z.eq_dec d c) as [->|N]; [|rewrite U by auto; auto]. now rewrite Ut. }
  clear Ew Eu. split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Ef, ?Em, ?H, ?Pg, ?Fl in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros q Q. rewrite H. auto.
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - apply (i_guarded s I); auto.
  - eapply (i_once s I v); eauto.
  - apply (i_normal s I v x l); auto.
  - apply (i_owner s I p); auto.
  - apply (covers_mono (uses s p) _ (maps s p)); [apply (i_maps s I)| |lia]. intros [x|x y]; cbn; rewrite ?K, ?Ef, ?Eo, ?X, ?Pg; auto.
  - apply (covers_mono (has s v) _ (v_pages (vm s v))); [apply (i_pages s I); auto| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v (vm_of w));
    try subst v; fields; lia].
    intros [q|x]; cbn; rewrite ?Eo, ?Ef; [rewrite K; auto|]. destruct (lf s v x); rewrite ?K; auto.
  - apply (covers_mono (vcpu_of s v) _ (v_vcpus (vm s v))); [apply (i_vcpus s I)| |rewrite Ev; unfold upd; destruct (Z.eqb_spec v (vm_of w)); try subst v;
    fields; lia].
    intros x; unfold vcpu_of; rewrite X; auto.
  - rewrite Ev. destruct (Z.eq_dec v (vm_of w)) as [->|N]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in N as N'; rewrite N']; fields.
    + apply (covers_sub Z.eq_dec (loaded_of s (vm_of w)) _ _ w); [apply (i_loads s I)|split; auto|]. intros x [A B].
      destruct (Z.eq_dec x w) as [->|N]; [rewrite Ww in B; discriminate|]. rewrite W in B by auto. split; auto. split; auto.
    + apply (covers_mono (loaded_of s v) _ (v_loaded (vm s v))); [apply (i_loads s I)| |lia]. intros x [A B]. split; auto.
      rewrite W in B; auto. congruence.
  - apply (i_vcpu s I). apply X; auto.
  - destruct (Z.eq_dec w0 w) as [->|N]; [rewrite Ww in *; discriminate|]. rewrite W in * by auto.
    destruct (i_loaded s I w0) as [A B]; auto. split; auto. rewrite U; auto. intros Y. rewrite Y, Uc in B. congruence.
  - destruct (Z.eq_dec c0 c) as [->|N]; [rewrite Ut in *; contradiction|]. rewrite U in * by auto.
    destruct (i_cpu s I c0) as [A B]; auto. rewrite W; auto. intros Y. rewrite Y in B. congruence.
  - destruct (Z.eq_dec c0 c) as [->|N]; [rewrite Ut in *; fields; congruence|]. rewrite U in * by auto. apply (i_run s I); auto.
  - destruct (Z.eq_dec c0 c) as [->|N]; [rewrite Ut in *; fields; congruence|]. rewrite U in * by auto. apply (i_fp s I); auto.
  - apply (i_flight s I c0 v i p); auto.
  - eapply (i_flights s I); eauto.
Qed.

Lemma vcpu_load_good c w s : inv s -> good (vcpu_load c w s).
Proof.
  intros I. unfold vcpu_load. destruct (vcpu_exists s w) eqn:X; cbn [negb]; [|apply done_good; auto].
  destruct (is (v_state _) VM_READY) eqn:R; cbn [negb]; [|apply done_good; auto]. apply is_true in R.
  destruct (_ || _) eqn:B; [apply done_good; auto|]. apply orb_false_iff in B as [B1 B2]. apply negb_false_iff, is_true in B1, B2.
  apply finish_good; auto. now apply placed_inv.
Qed.

Lemma fp_release_inv c s : inv s -> inv (fp_release c s).
Proof. intros I. apply cpu_minor; auto; cbn; [apply (i_run s I)|discriminate]. Qed.

Lemma vcpu_put_good c s : inv s -> u_run (cpu s c) = false -> good (vcpu_put c s).
Proof.
  intros I R. unfold vcpu_put. destruct (is (u_vcpu (cpu s c)) NO_VCPU) eqn:N; [apply done_good; auto|]. apply is_false in N.
  apply finish_good.
  - apply Z.leb_le. apply (covers_pos _ _ (u_vcpu (cpu s c)) (i_loads s I _)). split; auto. apply (i_cpu s I c N).
  - assert (F : cpu (fp_release c s) c = cpu_with_fp false (cpu s c)) by (unfold fp_release; fields; unfold upd; now rewrite Z.eqb_refl).
    apply (unplaced_inv c (u_vcpu (cpu s c)) (fp_release c s)); rewrite ?F; auto. now apply fp_release_inv.
Qed.

Theorem hcall_good c r s : sound -> inv s -> idle s c = true -> good (hcall c r s).
Proof.
  intros B I A. unfold idle in A. apply andb_true_iff in A as [A1 A2]. apply negb_true_iff in A1.
  destruct r; cbn [hcall]; auto using done_good, vcpu_load_good, vcpu_put_good, vm_create_good, vm_finalise_good, vm_start_good,
    destroy_begin_good, destroy_end_good, vcpu_create_good, vcpu_destroy_good.
  - unfold destroy_step. destruct (_ =? 0); cbn [negb]; [apply proceed_good; auto; intros ? ? ?; discriminate|apply done_good; auto].
  - destruct (_ || _); [apply done_good; auto|]. apply donate_take_good; auto. destruct (u_call (cpu s c)); auto; discriminate.
  - destruct (_ || _); [apply done_good; auto|]. apply proceed_good; auto; intros ? ? ?; discriminate.
  - destruct (range_bad _ _ _); [apply done_good; auto|]. apply proceed_good; auto; intros ? ? ?; discriminate.
  - destruct (range_bad _ _ _); [apply done_good; auto|]. apply proceed_good; auto; intros ? ? ?; discriminate.
  - unfold log_read. destruct (_ <=? seq); [apply done_good; auto|]. destruct (if _ <=? _ then _ else _) as [[[? ?] ?]|];
      [apply finish_good; auto|apply done_good; auto].
  - unfold vmcr_read. destruct (_ || _); [apply done_good; auto|]. split; [reflexivity|]. apply inv_stat, inv_call; auto. intros ? ? ?; discriminate.
  - destruct (bad_page a); [apply done_good; auto|]. apply vm_measure_good, I.
  - apply finish_good; auto.
Qed.

(* ------------------------------------------------------------------ runs and exits *)

Lemma vcpu_run_inv c w flags s : inv s -> inv (snd (fst (vcpu_run c w flags s))).
Proof.
  intros I. unfold vcpu_run. destruct (_ || _) eqn:R; cbn [fst snd]; auto. destruct (u_vcpu (cpu s c) =? w) eqn:E; cbn [negb fst snd]; auto.
  destruct (_ =? 0); cbn [negb fst snd]; auto. apply Z.eqb_eq in E. apply orb_false_iff in R as [_ R].
  assert (N : u_vcpu (cpu s c) <> NO_VCPU) by (rewrite E; intros ->; discriminate).
  destruct (protected s (vm_of w)).
  - apply cpu_minor; auto. apply vcpu_minor; auto. intros r. destruct (_ =? _); auto.
  - apply cpu_minor; auto.
Qed.

Lemma deliver_inv c rel s : inv s -> inv (deliver c rel s).
Proof.
  intros I. unfold deliver. apply inv_stat.
  assert (J : inv (if protected s (vm_of (u_vcpu (cpu s c)))
    then change_vcpu (u_vcpu (cpu s c)) (vcpu_with_pending (r_pending rel) (if r_pending rel =? PENDING_NONE then 0 else r_esr rel)) s else s)).
  { destruct (protected _ _); auto. apply vcpu_minor; auto. }
  destruct (r_power rel) as [[t x]|]; apply cpu_minor; auto; try discriminate; try (apply vcpu_minor; auto; fail);
    try apply (i_fp _ J); apply (i_fp _ (vcpu_minor t (vcpu_with_power x) _ J ltac:(auto))).
Qed.
Lemma asynchronous_inv c kind s : inv s -> inv (asynchronous c kind s).
Proof.
  intros I. unfold asynchronous. apply inv_stat.
  assert (J : inv (if protected s (vm_of (u_vcpu (cpu s c))) then change_vcpu (u_vcpu (cpu s c)) (vcpu_with_pending PENDING_NONE 0) s else s)).
  { destruct (protected _ _); auto. apply vcpu_minor; auto. }
  apply cpu_minor; auto; try discriminate. apply (i_fp _ J).
Qed.

Lemma guest_step_pub c w op s :
  P (guest_step c w op s) = P s \/
  (exists a, P (guest_step c w op s) = add_stat c a (P s)) \/
  (exists a b, P (guest_step c w op s) = add_stat c a (add_stat c b (P s))) \/
  (exists a b, P (guest_step c w op s) = add_stat c a (add_stat c b (change_cpu c (cpu_with_fp true) (P s)))) \/
  (exists rel, P (guest_step c w op s) = deliver c rel (P s)) \/
  (exists k i far ok t e, op = OMem k i far /\ protected (P s) (vm_of w) = true /\ mem_call (vm_of w) k i (P s) = Some (ok, t, e) /\
     P (guest_step c w op s) = add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_hvc t)) \/
  (exists i l, op = OGuard i /\ protected (P s) (vm_of w) = true /\ give i (v_guard (vm (P s) (vm_of w))) = Some l /\
     P (guest_step c w op s) = add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_hvc (change_vm (vm_of w) (vm_with_guard l) (P s)))).
Proof.
  destruct op; cbn [guest_step].
  - auto.
  - destruct (u_fp _); [auto|]. right; right; right; left. do 2 eexists. reflexivity.
  - destruct (reach _ _ _ _); auto.
  - destruct (reach _ _ _ _); auto.
  - auto.
  - destruct (protected _ _); auto. right; right; left. do 2 eexists. reflexivity.
  - destruct (protected _ _); auto. destruct (guest_hvc _ _ _) as [x0|rel x0 [[[t e] x]|]].
    + right; right; left. do 2 eexists. reflexivity.
    + right; right; right; right; left. eexists. reflexivity.
    + right; right; right; right; left. eexists. reflexivity.
  - destruct (protected _ _) eqn:Q; cbn [andb]; auto. destruct (in_memory _ _ _); auto. destruct (mem_call _ _ _ _) as [[[ok t] e]|] eqn:M.
    + right; right; right; right; right; left. do 6 eexists. split; [reflexivity|]. split; [reflexivity|]. split; [exact M|].
      unfold write_greg, set_greg. cbn [with_pub P]. reflexivity.
    + right; right; right; right; left. eexists. reflexivity.
  - destruct (protected _ _) eqn:Q; auto. unfold guard_call. destruct (give _ _) as [l|] eqn:G.
    + right; right; right; right; right; right. exists i, l. auto.
    + right; right; left. do 2 eexists. reflexivity.
  - right; left. eexists. reflexivity.
  - destruct (protected _ _).
    + destruct (_ && _); auto. right; right; right; right; left. eexists. reflexivity.
    + right; right; right; right; left. eexists. reflexivity.
  - destruct (_ && _); auto.
Qed.

(* The VM of a vCPU that is loaded. *)
Lemma loaded_ready c s : inv s -> u_vcpu (cpu s c) <> NO_VCPU ->
  let v := vm_of (u_vcpu (cpu s c)) in is_vm v /\ v_state (vm s v) = VM_READY.
Proof.
  intros I N v. destruct (i_cpu s I c N) as [L _]. destruct (i_loaded s I _ L) as [R _]. split; [|exact R].
  apply (named_vm s v VM_READY); auto; discriminate.
Qed.
Lemma guest_step_inv c w op s : sound -> inv (P s) -> u_vcpu (cpu (P s) c) = w -> w <> NO_VCPU -> inv (P (guest_step c w op s)).
Proof.
  intros B I <- N. set (w := u_vcpu (cpu (P s) c)).
  destruct (guest_step_pub c w op s) as [->|[(a & ->)|[(a & b & ->)|[(a & b & ->)|[(rel & ->)|[(k & i & far & ok & t & e & _ & Q & M & ->)|(i & l & _ & _ & _ & ->)]]]]]];
    auto using inv_stat, deliver_inv.
  - apply inv_stat, inv_stat, cpu_minor; auto.
  - destruct (loaded_ready c (P s) I N) as [V R]. fold w in V, R. apply inv_stat, inv_stat.
    pose proof (mem_call_inv (vm_of w) k i (P s) B I V) as X. rewrite M in X. apply X; auto.
    unfold protected in Q. apply andb_true_iff in Q as [_ Q]. now apply Z.eqb_eq.
  - apply inv_stat, inv_stat, (inv_shrinks (P s)); auto. apply shrinks_vm; [apply I|reflexivity].
Qed.

Lemma note_inv c r s : inv (P s) -> inv (P (host_note c r s)).
Proof. intros I. unfold host_note, noted. cbn [P]. induction (fst r) as [|[id|e a b] l IH]; cbn [fold_right]; auto using inv_stat, inv_log. Qed.

(* ------------------------------------------------------------------ the theorems *)

Definition sinv (s : st) : Prop := inv (P s).

(* Every action is defined wherever the invariant holds, and keeps it: nothing is ever stuck, and no CPU halts. *)
Theorem step_inv a s : sound -> sinv s -> exists s', step a s = Ok s' /\ sinv s'.
Proof.
  unfold sinv. intros B I. destruct a; cbn [step].
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto.
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto. unfold host_fp. destruct (u_fp _); auto. now apply fp_release_inv.
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto. destruct (reach _ _ _ _); auto.
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto. destruct (reach _ _ _ _); auto.
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto. unfold host_abort.
    pose proof (host_fault_inv (ipa / PAGE_BYTES) (Z.land esr 0x3c =? 4) (P s) I) as H. destruct (host_fault _ _ _) as [[|] t]; cbn [P snd] in *;
      [|destruct (cache_maintenance esr)]; cbn [P]; auto using inv_stat, inv_log.
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto using note_inv.
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto using note_inv.
  - destruct (idle (P s) c) eqn:E; [|eauto]. destruct (hcall_good c r (P s) B I E) as [O J]. unfold after. rewrite O. eauto.
  - destruct (negb _); [|eauto]. destruct (hgo_good c (P s) I) as [O J]. unfold after. rewrite O. eauto.
  - eexists; split; [reflexivity|]. destruct (idle _ _); auto. unfold host_run.
    pose proof (vcpu_run_inv c w (run_flags s w) (P s) I) as H. destruct (vcpu_run _ _ _ _) as [[r t] e]. cbn [fst snd] in H.
    destruct (_ && _); auto.
  - eexists; split; [reflexivity|]. destruct (_ && _); auto.
  - destruct (u_run (cpu (P s) c)) eqn:R; [|eauto]. pose proof (i_run _ I c R) as N. apply Z.eqb_neq in N. rewrite N.
    eexists; split; [reflexivity|]. now apply asynchronous_inv.
  - eexists; split; [reflexivity|]. destruct (_ && _); auto.
  - destruct (u_run (cpu (P s) c)) eqn:R; [|eauto]. pose proof (i_run _ I c R) as N. pose proof N as N'. apply Z.eqb_neq in N'. rewrite N'.
    eexists; split; [reflexivity|]. now apply guest_step_inv.
Qed.

Theorem boot_inv : inv boot_pub.
Proof.
  split; intros; cbn in *; try congruence; try discriminate.
  - destruct (core p); congruence.
  - apply covers_empty; [|lia]. intros [w|v x]; cbn; [intros [A _]; congruence|intros (_ & _ & _ & l & A & _); discriminate].
  - apply covers_empty; [|lia]. intros [p|x]; cbn; [intros [A _]; discriminate|auto].
  - apply covers_empty; [|lia]. intros w [_ A]; cbn in A; congruence.
  - apply covers_empty; [|lia]. intros w [_ A]; cbn in A; discriminate.
  - split; cbn; intros; discriminate.
Qed.

(* never stuck: whatever anybody does *)
Theorem run_total l : forall s, sound -> sinv s -> exists s', run l s = Ok s' /\ sinv s'.
Proof.
  induction l as [|a l IH]; intros s B I; [exists s; auto|]. cbn. destruct (step_inv a s B I) as (t & -> & J). apply IH; auto.
Qed.
End InvStep.
