(* SPDX-License-Identifier: GPL-2.0-only *)
(* What the host's SMCs ask of firmware: no CPU starts or wakes anywhere but in KCore. *)
From KCore Require Import code.Cpu code.Psci.
From KCore Require Import code.Calls code.Log code.Stats code.HostSmc gen.C_psci.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The calls to firmware so far, the last first: what was in x0 to x17. *)
Definition smcs (s : state) : list (list Z) :=
  flat_map (fun c => if String.eqb (fst c) "smc_forward" then [snd c] else []) (trace s).

(* What is allowed as it is; a start or a wake-up, at KCore's own entry, by the form with 64-bit addresses; to pause, to switch off, to ask
   what there is. *)
Definition asks (resume : Z) (x : list Z) : Prop :=
  let fn := Z.land (nth 0 x 0) 0xffffffff in
  let base := Guest.clear fn PSCI_64 in
  smc_allowed fn = true \/
  ((base = PSCI_CPU_ON \/ base = PSCI_CPU_SUSPEND) /\ nth 0 x 0 = Z.lor base PSCI_64 /\ nth 2 x 0 = resume) \/
  (base = PSCI_CPU_SUSPEND /\ Z.land (nth 1 x 0) 0x40010000 = 0) \/
  fn = PSCI_CPU_OFF \/ fn = PSCI_FEATURES.

Lemma smcs_forward s : smcs (forward s) = map (reg s "host_x") smc_registers :: smcs s.
Proof. reflexivity. Qed.
Lemma smcs_same : (forall n i v s, smcs (setcell n i v s) = smcs s) /\ (forall b i v s, smcs (setreg b i v s) = smcs s) /\
  (forall b s, smcs (sethold b s) = smcs s) /\ (forall c i s, smcs (stat_add c i s) = smcs s) /\
  (forall e a b s, smcs (log_event e a b s) = smcs s) /\ (forall c f e x s, smcs (relay c f e x s) = smcs s).
Proof. repeat split. Qed.
Ltac smc_list :=
  repeat first [rewrite smcs_forward | rewrite (proj1 smcs_same) | rewrite (proj1 (proj2 smcs_same))
    | rewrite (proj1 (proj2 (proj2 smcs_same))) | rewrite (proj1 (proj2 (proj2 (proj2 smcs_same))))
    | rewrite (proj1 (proj2 (proj2 (proj2 (proj2 smcs_same))))) | rewrite (proj2 (proj2 (proj2 (proj2 (proj2 smcs_same)))))].

Definition asked (s t : state) : Prop := smcs t = smcs s \/ exists x, smcs t = x :: smcs s /\ asks (reg s "resume_entry" 0) x.

Lemma section_ok f s r t : section f s = Ok (r, t) -> exists u, f (sethold true s) = Ok (r, u) /\ t = sethold false u.
Proof.
  unfold section. destruct (negb (held s)); [|discriminate]. destruct (f (sethold true s)) as [[v u]| |]; try discriminate.
  cbn [bind]. destruct (held u); [|discriminate]. intros [= <- <-]. eauto.
Qed.

Lemma claim_keeps cpu entry s r t : claim cpu entry s = Ok (r, t) -> smcs t = smcs s /\ reg t = reg s.
Proof.
  unfold claim, s_cpu_on_claim. destruct (_ && _); [|discriminate].
  destruct (cell s "cpu_power" cpu =? POWER_OFF); cbn [bind Z.eqb]; intros [= <- <-]; split; reflexivity.
Qed.

Lemma cpu_on_asks fn s r t : s_host_cpu_on [fn] s = Ok (r, t) -> asked s t.
Proof.
  unfold s_host_cpu_on, host_cpu_on. destruct (nr_cpus_ok s); [|discriminate].
  generalize (first_cpu s (Z.land (reg s "host_x" 1) 0xff00ffffff) 0 (Z.to_nat (cell s "nr_cpus" 0))). intros cpu.
  destruct (cpu <? cell s "nr_cpus" 0); [|intros [= <- <-]; left; reflexivity].
  destruct (section _ s) as [[v u]| |] eqn:S; try discriminate. cbn [bind].
  apply section_ok in S as (w & S & ->). apply claim_keeps in S as [A B].
  change (smcs (sethold true s)) with (smcs s) in A. change (reg (sethold true s)) with (reg s) in B.
  destruct (v =? 0); intros [= <- <-]; [|left; exact A].
  right. unfold relay_on. cbv zeta.
  set (u := relay cpu PSCI_CPU_ON (argument fn (reg s "host_x" 2)) (argument fn (reg s "host_x" 3)) (sethold false w)).
  exists (map (reg u "host_x") smc_registers). split.
  - transitivity (smcs (forward u)); [destruct (_ =? 0); smc_list; reflexivity|]. rewrite smcs_forward. unfold u. smc_list.
    change (smcs (sethold false w)) with (smcs w). rewrite A. reflexivity.
  - right. left. split; [left; reflexivity|]. split; [reflexivity|]. rewrite <- B. reflexivity.
Qed.

Lemma cpu_off_asks cpu s r t : Z.land (reg s "host_x" 0) 0xffffffff = PSCI_CPU_OFF -> s_host_cpu_off [cpu] s = Ok (r, t) -> asked s t.
Proof.
  unfold s_host_cpu_off. intros F. destruct (cpu_ok cpu); [|discriminate]. destruct (negb _); intros [= <- <-]; [left; reflexivity|].
  right. eexists. split; [smc_list; reflexivity|]. right. right. right. left. exact F.
Qed.

Lemma suspend_asks cpu s r t : Guest.clear (Z.land (reg s "host_x" 0) 0xffffffff) PSCI_64 = PSCI_CPU_SUSPEND ->
  s_host_cpu_suspend [cpu; Z.land (reg s "host_x" 0) 0xffffffff] s = Ok (r, t) -> asked s t.
Proof.
  unfold s_host_cpu_suspend. intros F. destruct (cpu_ok cpu); [|discriminate]. cbv zeta.
  destruct (Z.eqb_spec (Z.land (reg s "host_x" 1) 0x40010000) 0); [|destruct (negb _)]; intros [= <- <-].
  - right. eexists. split; [apply smcs_forward|]. right. right. left. split; assumption.
  - left. reflexivity.
  - right. eexists. split; [smc_list; reflexivity|]. right. left. split; [right; reflexivity|]. split; reflexivity.
Qed.

Lemma features_asks s r t : Z.land (reg s "host_x" 0) 0xffffffff = PSCI_FEATURES -> s_host_features [] s = Ok (r, t) -> asked s t.
Proof.
  unfold s_host_features. intros F. cbv zeta. destruct (_ || _ || _); intros [= <- <-]; [|left; reflexivity].
  right. eexists. split; [apply smcs_forward|]. right. right. right. right. exact F.
Qed.

Lemma smc_asks cpu s r t : s_host_smc [cpu] s = Ok (r, t) -> asked s t.
Proof.
  unfold s_host_smc, host_smc. destruct (cpu_ok cpu); [|discriminate]. cbv zeta.
  set (u := stat_add cpu KCORE_STAT_host_smc (setreg "host_pc" 0 (wrap U64 (reg s "host_pc" 0 + 4)) s)).
  assert (K : forall t, asked u t -> asked s t) by (intros x X; exact X).
  change (reg s "host_x" 0) with (reg u "host_x" 0). clearbody u.
  assert (Done : forall m : res (Z * state), (forall v w, m = Ok (v, w) -> asked u w) ->
    (let* (_, w) := m in Ok (0, w)) = Ok (r, t) -> asked s t).
  { intros [[v w]| |] X; try discriminate. cbn [bind]. intros [= <- <-]. apply K. eapply X. reflexivity. }
  destruct (Z.eqb_spec (Guest.clear (Z.land (reg u "host_x" 0) 4294967295) PSCI_64) PSCI_CPU_ON).
  { apply Done. intros v w. apply cpu_on_asks. }
  destruct (Z.eqb_spec (Z.land (reg u "host_x" 0) 4294967295) PSCI_CPU_OFF).
  { apply Done. intros v w. apply cpu_off_asks. assumption. }
  destruct (Z.eqb_spec (Guest.clear (Z.land (reg u "host_x" 0) 4294967295) PSCI_64) PSCI_CPU_SUSPEND).
  { apply Done. intros v w. apply suspend_asks. assumption. }
  destruct (Z.eqb_spec (Z.land (reg u "host_x" 0) 4294967295) PSCI_FEATURES).
  { apply Done. intros v w. apply features_asks. assumption. }
  destruct (smc_allowed _) eqn:A.
  { intros [= <- <-]. apply K. right. eexists. split; [apply smcs_forward|]. left. exact A. }
  unfold refuse_smc. destruct (section _ _) as [[v w]| |] eqn:S; try discriminate. cbn [bind]. intros [= <- <-]. apply K. left.
  apply section_ok in S as (x & S & ->). unfold s_log_event in S. cbn [held sethold] in S. injection S as <- <-. reflexivity.
Qed.

Example start_relayed : smc_allowed 0x84000003 = false /\ smc_allowed 0xc4000003 = false /\ smc_allowed 0xc400000e = false /\
  smc_allowed 0x84000000 = true.
Proof. repeat split. Qed.

(* An SMC of the host makes at most one call to firmware, and it is one of these: no CPU starts or wakes anywhere but in KCore. *)
Theorem host_smc_asks cpu s r t : s_host_smc [cpu] s <> Stuck -> link L_psci m_psci "host_smc" [cpu] s = Ok (r, t) -> asked s t.
Proof.
  intros D E. destruct (proj2 (meets_sim _ _) (psci_refines "host_smc") [cpu] s) as [X|X]; [contradiction (D X)|].
  rewrite E in X. apply (smc_asks cpu s r t). symmetry. exact X.
Qed.

(* A CPU that firmware switches off does not come back to say so: it counts as off when firmware is asked. *)
Definition s_forward_off (cpu : Z) : prim state := fun args s => pre cell s "cpu_power" cpu =? POWER_OFF in p_smc_forward args s.
Definition s_off_first (cpu : Z) : prim state := fun args s =>
  match args with [c] => pre (c =? cpu) && cpu_ok c in s_host_cpu_off [c] s | _ => Stuck end.
Lemma cpu_off_first cpu : meets (run (add L1 "smc_forward" (s_forward_off cpu)) f_host_cpu_off) (s_off_first cpu).
Proof.
  spec_args. unfold s_host_cpu_off. rewrite H0. subst z. psci_consts. start f_host_cpu_off. hide. steps.
  - reveal. conds. reflexivity.
  - unfold s_forward_off at 2. reads. change (0 =? POWER_OFF) with true. unfold p_smc_forward. cbn [returns_to put]. steps.
    reveal. conds. reflexivity.
Qed.
