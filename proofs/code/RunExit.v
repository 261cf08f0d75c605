(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c: exits of protected guests that KCore finishes, and the way back to the host. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Inject code.Idreg code.Regs code.Release code.Cpu code.Gpsci code.GuestHvc code.GuestSysreg
  code.Share code.Vendor code.Run code.Frame gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The counter of an exit's cause, by the class of its syndrome: top/Guest.v, cause. *)
Definition cause_of (e : Z) : Z :=
  if (e =? Guest.EC_HVC) || (e =? 0x17) then KCORE_STAT_exit_hvc else
  if (e =? Guest.EC_DABT) || (e =? Guest.EC_IABT) then KCORE_STAT_exit_abort else
  if e =? Guest.EC_SYSREG then KCORE_STAT_exit_sysreg else if e =? Guest.EC_WFX then KCORE_STAT_exit_wfx else
  if e =? Guest.EC_FP then KCORE_STAT_exit_fp else KCORE_STAT_exit_other.
Lemma cause_is esr : cause_of (Guest.ec esr) = Guest.cause esr.
Proof. reflexivity. Qed.
Definition s_count_exit : prim state := fun args s =>
  match args with [cpu; e] => pre cpu_ok cpu in Ok (0, stat_add cpu (cause_of e) s) | _ => Stuck end.
Ltac stats := unfold KCORE_STAT_exit_hvc, KCORE_STAT_exit_abort, KCORE_STAT_exit_sysreg, KCORE_STAT_exit_wfx, KCORE_STAT_exit_fp,
  KCORE_STAT_exit_other, KCORE_STAT_exit_irq, KCORE_STAT_exit_serror, KCORE_STAT_exit_local in *.
Lemma stat_ok_range cpu id : 0 <= cpu < 64 -> 0 <= id < KCORE_NR_STATS -> stat_ok cpu id = true.
Proof. intros H I. unfold stat_ok. consts. repeat rewrite andb_true_iff; rewrite !Z.leb_le, !Z.ltb_lt. lia. Qed.
Lemma stat_add_frame cpu id s : frame s (stat_add cpu id s).
Proof. framed. Qed.

(* [steps] that keep the counters folded. *)
Ltac unfold_call ::=
  match goal with
  | |- returns_to _ _ _ (s_stat_add [?c; ?i] ?s) =>
      change (s_stat_add [c; i] s) with (pre stat_ok c i in Ok (0, stat_add c i s));
      rewrite (stat_ok_range c i) by (unfold KCORE_NR_STATS; lia)
  | |- returns_to _ _ _ (?p ?args ?s) =>
      let h := head_of p in
      let r := eval cbv beta iota zeta delta [h] in (p args s) in
      change (p args s) with r
  end.

Lemma count_exit_ok : meets (run (add L1 "stat_add" s_stat_add) f_count_exit) s_count_exit.
Proof. spec_args. cpus. unfold cause_of. guest_bits. stats. start f_count_exit. hide. steps; finish. Qed.

(* Again at the PC and PSTATE of the context. *)
Definition resumed (context : Z) (s : state) : state :=
  setreg "spsr" 0 (sanitise (negb (cell s "has_aarch32" 0 =? 0)) (words_of context s 32) KCORE_VM_PROTECTED)
    (setreg "elr" 0 (words_of context s 31) s).
Definition EC_SMC : Z := 0x17.
(* A stage-2 abort: the host's to act on, or the guest's own. *)
Definition exit_abort (vcpu esr far hpfar : Z) (s : state) : res (Z * state) :=
  let* (r, t) := s_guest_abort [vcpu; esr; far; hpfar] s in Ok (r, if negb (r =? 0) then resumed (cell s "vcpu_context" vcpu) t else t).
Definition exit_protected (vcpu esr far hpfar : Z) (s : state) : res (Z * state) :=
  let context := cell s "vcpu_context" vcpu in
  let e := Guest.ec esr in
  if (e =? Guest.EC_IABT) || (e =? Guest.EC_DABT) then exit_abort vcpu esr far hpfar s else
  if e =? Guest.EC_WFX then Ok (0, s) else
  let* (r, s) := (if e =? Guest.EC_HVC then s_guest_hvc [vcpu] s
                  else if e =? Guest.EC_SYSREG then s_guest_sysreg [vcpu; esr] s
                  else if e =? EC_SMC then
                    let s := put_words context [(0, Guest.MASK64)] s in Ok (1, put_words context (Guest.advance (words_of context s)) s)
                  else Ok (1, put_live context (Guest.take_exception (live context s) Guest.ESR_IL 0) s)) in
  Ok (r, if negb (r =? 0) then resumed context s else s).
Definition s_exit_protected : prim state := fun args s =>
  match args with [vcpu; esr; far; hpfar] => pre vcpu_ok s vcpu && negb (held s) in exit_protected vcpu esr far hpfar s | _ => Stuck end.
Lemma hvc_frame v s r t : s_guest_hvc [v] s = Ok (r, t) -> frame s t.
Proof.
  unfold s_guest_hvc. destruct (_ && _); [|discriminate]. destruct (Guest.guest_hvc _ _ _) as [x|rel x kept].
  - intros E. injection E as <- <-. framed.
  - destruct kept as [[[u e] y]|]; [|destruct (Guest.r_power rel) as [[u p]|]]; intros E; injection E as <- <-; framed.
Qed.
Lemma sysreg_frame v esr s r t : s_guest_sysreg [v; esr] s = Ok (r, t) -> frame s t.
Proof.
  unfold s_guest_sysreg, guest_sysreg, s_idreg_guest. destruct (vcpu_ok s v); [|discriminate].
  destruct (is_sgi _ _); [intros E; injection E as <- <-; framed|].
  destruct (is_id esr); [destruct (_ <? 4)|]; cbn [bind]; destruct (_ || _); intros E; injection E as <- <-; framed.
Qed.
Lemma abort_frame v esr far hpfar s r t : s_guest_abort [v; esr; far; hpfar] s = Ok (r, t) -> frame s t.
Proof. unfold s_guest_abort. destruct (_ && _); [|discriminate]. destruct (abort_hidden _ _ _); intros E; injection E as <- <-; framed. Qed.
Lemma exit_abort_frame v esr far hpfar s r t : exit_abort v esr far hpfar s = Ok (r, t) -> frame s t.
Proof.
  unfold exit_abort. destruct (s_guest_abort _ s) as [[q u]| |] eqn:X; cbn [bind]; try discriminate. intros E; injection E as <- <-.
  apply abort_frame in X. destruct (negb _); exact X.
Qed.
Lemma exit_protected_frame v esr far hpfar s r t : exit_protected v esr far hpfar s = Ok (r, t) -> frame s t.
Proof.
  unfold exit_protected. destruct (_ || _); [apply exit_abort_frame|]. destruct (_ =? _); [intros E; injection E as <- <-; framed|].
  destruct (_ =? Guest.EC_HVC); [|destruct (_ =? Guest.EC_SYSREG)].
  - destruct (s_guest_hvc [v] s) as [[q u]| |] eqn:X; cbn [bind]; try discriminate.
    intros E; injection E as <- <-. apply hvc_frame in X. destruct (negb _); exact X.
  - destruct (s_guest_sysreg [v; esr] s) as [[q u]| |] eqn:X; cbn [bind]; try discriminate.
    intros E; injection E as <- <-. apply sysreg_frame in X. destruct (negb _); exact X.
  - destruct (_ =? EC_SMC); cbn [bind]; intros E; injection E as <- <-; framed.
Qed.

Lemma exit_protected_cases v esr far hpfar s r t : exit_protected v esr far hpfar s = Ok (r, t) -> r = 0 \/ r = 1.
Proof.
  unfold exit_protected. destruct (_ || _).
  { unfold exit_abort, s_guest_abort. destruct (_ && _); cbn [bind]; [|discriminate]. destruct (abort_hidden _ _ _); cbn [bind]; intros E; injection E as <- <-; auto. }
  destruct (_ =? _); [intros E; injection E as <- <-; auto|].
  destruct (_ =? Guest.EC_HVC); [|destruct (_ =? Guest.EC_SYSREG)].
  - destruct (s_guest_hvc [v] s) as [[q u]| |] eqn:X; cbn [bind]; try discriminate. intros E; injection E as <- <-.
    unfold s_guest_hvc in X. destruct (_ && _); [|discriminate]. destruct (Guest.guest_hvc _ _ _); injection X as <- <-; auto.
  - destruct (s_guest_sysreg [v; esr] s) as [[q u]| |] eqn:X; cbn [bind]; try discriminate. intros E; injection E as <- <-.
    unfold s_guest_sysreg, guest_sysreg, s_idreg_guest in X. destruct (vcpu_ok s v); [|discriminate].
    destruct (is_sgi _ _); [injection X as <- <-; auto|].
    destruct (is_id esr); [destruct (_ <? 4)|]; cbn [bind] in X; destruct (_ || _); injection X as <- <-; auto.
  - destruct (_ =? EC_SMC); cbn [bind]; intros E; injection E as <- <-; auto.
Qed.

Definition L_protected : layer state := add (add (add (add (add (add L1 "guest_abort" s_guest_abort) "guest_hvc" s_guest_hvc) "guest_sysreg" s_guest_sysreg)
  "guest_advance" s_guest_advance) "guest_undefined" s_guest_undefined) "guest_resume" s_guest_resume.
Ltac answers E := eapply wp_call; [eval_tac | lookup; rewrite E; cbn [returns_to put setv]; cbn beta iota].
Ltac bound := reveal; cbn [bind]; conds; reflexivity.
Lemma exit_protected_ok : meets (run L_protected f_exit_protected) s_exit_protected.
Proof.
  spec_open. rename H into V, H0 into U. contexts.
  unfold exit_protected, EC_SMC. guest_bits. cbv zeta.
  destruct ((Z.shiftr z0 26 =? 32) || _) eqn:Ab.
  { unfold exit_abort. destruct (s_guest_abort [z; z0; z1; z2] s) as [[r t]| |] eqn:E; cbn [bind]; [right|right|left; reflexivity].
    - pose proof (abort_frame _ _ _ _ _ _ _ E) as F. carry F. contexts. start f_exit_protected. hide. steps_to "guest_abort". answers E. steps; bound.
    - start f_exit_protected. hide. steps_to "guest_abort". answers E. bound. }
  destruct (Z.shiftr z0 26 =? 1) eqn:A; [right; start f_exit_protected; hide; steps; bound|].
  destruct (Z.shiftr z0 26 =? 22) eqn:B; [|destruct (Z.shiftr z0 26 =? 24) eqn:D].
  - destruct (s_guest_hvc [z] s) as [[r t]| |] eqn:E; [right|right|left; reflexivity].
    + pose proof (hvc_frame _ _ _ _ E) as F. carry F. contexts. start f_exit_protected. hide. steps_to "guest_hvc". answers E.
      steps; bound.
    + start f_exit_protected. hide. steps_to "guest_hvc". answers E. bound.
  - destruct (s_guest_sysreg [z; z0] s) as [[r t]| |] eqn:E; [right|right|left; reflexivity].
    + pose proof (sysreg_frame _ _ _ _ _ E) as F. carry F. contexts. start f_exit_protected. hide. steps_to "guest_sysreg". answers E.
      steps; bound.
    + start f_exit_protected. hide. steps_to "guest_sysreg". answers E. bound.
  - destruct (Z.shiftr z0 26 =? 23) eqn:C; right; start f_exit_protected; hide; steps; cbn [bind]; conds; reveal; reflexivity.
Qed.

(* An HVC to the vendor hypervisor service, before the others. *)
Definition exit_vendor (vcpu esr : Z) (s : state) : res (Z * state) :=
  let context := cell s "vcpu_context" vcpu in
  if negb (Guest.ec esr =? Guest.EC_HVC) then Ok (HVC_OTHER, s) else
  let* (r, t) := s_guest_vendor [vcpu] s in
  pre ctx_ok t context in Ok (r, if r =? HVC_DONE then resumed context t else t).
Definition s_exit_vendor : prim state := fun args s =>
  match args with [vcpu; esr] => pre vcpu_ok s vcpu in exit_vendor vcpu esr s | _ => Stuck end.
Definition L_exit_vendor : layer state := add (add L1 "guest_vendor" s_guest_vendor) "guest_resume" s_guest_resume.
Lemma exit_vendor_ok : meets (run L_exit_vendor f_exit_vendor) s_exit_vendor.
Proof.
  spec_open. contexts. unfold exit_vendor, HVC_OTHER, HVC_DONE. guest_bits. cbv zeta.
  destruct (negb (Z.shiftr z0 26 =? 22)) eqn:A; [right; start f_exit_vendor; hide; steps; bound|].
  destruct (s_guest_vendor [z] s) as [[r t]| |] eqn:E; cbn [bind]; [|right|left; reflexivity].
  - destruct (ctx_ok t _) eqn:T; [right|left; reflexivity]. contexts. start f_exit_vendor. hide. steps_to "guest_vendor". answers E.
    steps; bound.
  - start f_exit_vendor. hide. steps_to "guest_vendor". answers E. bound.
Qed.
Lemma exit_vendor_none vcpu esr s : vcpu_ok s vcpu = true ->
  (Guest.ec esr = Guest.EC_HVC -> vendor_call (words_of (cell s "vcpu_context" vcpu) s 0) = false) ->
  s_exit_vendor [vcpu; esr] s = Ok (HVC_OTHER, s).
Proof.
  intros V N. unfold s_exit_vendor, exit_vendor. rewrite V. cbv zeta.
  destruct (Z.eqb_spec (Guest.ec esr) Guest.EC_HVC) as [E|E]; cbn [negb]; [|reflexivity].
  unfold s_guest_vendor. rewrite V, (vendor_none _ _ _ (N E)). cbn [bind]. destruct (vcpu_facts s vcpu V) as (_ & -> & _). reflexivity.
Qed.

(* HPFAR of a fault at the page that x1 names. *)
Definition s_missing_page : prim state := fun args s =>
  match args with
  | [vcpu] => pre vcpu_ok s vcpu in Ok (wrap U64 (Z.shiftl (Z.shiftr (words_of (cell s "vcpu_context" vcpu) s 1) 12) 4), s)
  | _ => Stuck
  end.
Lemma missing_page_ok : meets (run L1 f_missing_page) s_missing_page.
Proof.
  spec_args. contexts. start f_missing_page. hide. steps. reveal. reflexivity.
Qed.
