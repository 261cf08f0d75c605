(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c: the world switch: entry, FP registers. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Regs code.Release code.Cpu code.Gpsci gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* A vCPU's half pages; a normal VM's context is its page. *)
Definition vcpu_mem (s : state) (vcpu : Z) : bool :=
  vcpu_number vcpu && ctx_ok s (cell s "vcpu_context" vcpu) && ctx_ok s (cell s "vcpu_page" vcpu).
Lemma mem_facts s v : vcpu_mem s v = true ->
  0 <= v < 4096 /\ ctx_ok s (cell s "vcpu_context" v) = true /\ ctx_ok s (cell s "vcpu_page" v) = true.
Proof. unfold vcpu_mem, vcpu_number, KCORE_NR_VCPUS. intros H. props. auto. Qed.
Ltac halves := match goal with H : vcpu_mem ?s ?v = true |- _ => destruct (mem_facts s v H) as (? & ? & ?) end; contexts.

(* ------------------------------------------------------------------ entry *)

(* A PSTATE that may be entered; any other mode becomes an illegal state at EL1. *)
Definition sanitise (aarch32 : bool) (pstate type : Z) : Z :=
  let mode := Z.land pstate 31 in
  if (mode =? 0) || (mode =? 4) || (mode =? 5) then pstate
  else if (mode =? 16) && aarch32 && (type =? KCORE_VM_NORMAL) then pstate
  else Z.lor (Z.lor (Guest.clear pstate 31) 0x100000) 5.

Definition s_pstate_sanitise : prim state := fun args s =>
  match args with
  | [pstate; type] => Ok (sanitise (negb (cell s "has_aarch32" 0 =? 0)) pstate type, s)
  | _ => Stuck
  end.
Lemma pstate_sanitise_ok : meets (run L1 f_pstate_sanitise) s_pstate_sanitise.
Proof. spec_args. unfold sanitise. guest_bits. names. start f_pstate_sanitise. hide. steps; finish. Qed.

(* A guest runs at EL0 or EL1: no PSTATE that is entered names EL2. *)
Lemma sanitise_mode aarch32 pstate type :
  let m := Z.land (sanitise aarch32 pstate type) 31 in m = 0 \/ m = 4 \/ m = 5 \/ (m = 16 /\ type = KCORE_VM_NORMAL).
Proof.
  cbn zeta. unfold sanitise. destruct ((_ =? 0) || _ || _) eqn:A.
  - rewrite !orb_true_iff, !Z.eqb_eq in A. tauto.
  - destruct ((_ =? 16) && _ && _) eqn:B.
    + rewrite !andb_true_iff, !Z.eqb_eq in B. tauto.
    + right; right; left. unfold Guest.clear, Guest.MASK64. rewrite !Z.land_lor_distr_l, <- Z.land_assoc.
      rewrite Z.land_0_r. reflexivity.
Qed.

(* The same where EL1 is AArch32, which HCR_EL2 says: an illegal state in Supervisor mode. *)
Definition narrow (hcr : Z) : bool := Z.land hcr KCORE_HCR_RW =? 0.
Definition sanitise32 (pstate : Z) : Z :=
  let mode := Z.land pstate 31 in
  if (16 <=? mode) && (mode <=? 19) || (mode =? 23) || (mode =? 27) || (mode =? 31) then pstate
  else Z.lor (Z.lor (Guest.clear pstate 31) 0x100000) 19.
Definition entered_pstate (hcr : Z) (aarch32 : bool) (pstate type : Z) : Z :=
  if narrow hcr then sanitise32 pstate else sanitise aarch32 pstate type.
Definition s_pstate_aarch32 : prim state := fun args s => match args with [pstate] => Ok (sanitise32 pstate, s) | _ => Stuck end.
Lemma pstate_aarch32_ok : meets (run L1 f_pstate_aarch32) s_pstate_aarch32.
Proof. spec_args. unfold sanitise32. guest_bits. names. start f_pstate_aarch32. hide. steps; finish. Qed.

(* No mode of EL2, EL3 or AArch64, from which the return would be illegal. *)
Lemma sanitise32_mode pstate :
  let m := Z.land (sanitise32 pstate) 31 in 16 <= m <= 19 \/ m = 23 \/ m = 27 \/ m = 31.
Proof.
  cbn zeta. unfold sanitise32. destruct (_ || _) eqn:A.
  - rewrite !orb_true_iff, andb_true_iff, !Z.eqb_eq, !Z.leb_le in A. tauto.
  - left. unfold Guest.clear, Guest.MASK64. rewrite !Z.land_lor_distr_l, <- Z.land_assoc. rewrite Z.land_0_r. cbn. lia.
Qed.

(* First entry after CPU_ON: top/Guest.v, boot_writes. *)
Definition with_entry (vcpu : Z) (s : state) : Z -> Z := fun k =>
  if k =? State.W_KEPT + 1 then cell s "vcpu_entry" vcpu else if k =? State.W_KEPT + 2 then cell s "vcpu_entry_x0" vcpu else 0.
Definition s_vcpu_boot : prim state := fun args s =>
  match args with
  | [vcpu; context] => pre vcpu_number vcpu && ctx_ok s context && negb (held s) in
      Ok (0, put_words context (Guest.boot_writes (with_entry vcpu s)) (setcell "vcpu_power" vcpu POWER_ON s))
  | _ => Stuck
  end.

Lemma range_snoc n : State.range 0 (S n) = (State.range 0 n ++ [Z.of_nat n])%list.
Proof. unfold State.range. rewrite seq_S, map_app. reflexivity. Qed.

Lemma plain_put pa l s a : plain (put_words pa l s) a = plain s a.
Proof. reflexivity. Qed.
Definition cleared (context : Z) (n : nat) (s : state) : state := put_words context (map (fun n => (n, 0)) (State.range 0 n)) s.
Lemma vcpu_boot_ok : meets (run L1 f_vcpu_boot) s_vcpu_boot.
Proof.
  spec_args. contexts. vcpu_range. unfold Guest.boot_writes. rewrite put_words_app. start f_vcpu_boot.
  steps. rewrite locked_power by assumption.
  change (setcell "vcpu_power" z POWER_ON s) with (setcell "vcpu_power" z 1 s).
  assert (A : all_plain (setcell "vcpu_power" z 1 s) z0) by assumption. revert A.
  set (s1 := setcell "vcpu_power" z 1 s). intros A.
  change (put_words z0 (map _ (State.range 0 58)) s1) with (cleared z0 58 s1).
  eapply (wp_for0 _ (fun k e s' => s' = cleared z0 k s1 /\
    exists c, e = [Some z; Some z0; Some (cell s "vcpu_entry" z); Some (cell s "vcpu_entry_x0" z); c]) _ _ _ _ _ 58);
    try reflexivity.
  - cbn [modulus]; lia.
  - split; [unfold cleared; destruct s; reflexivity|]. eexists. reflexivity.
  - intros k e s' _ Hk (E & c & ->). cbn [setv].
    assert (A' : all_plain s' z0) by (rewrite E; exact A). steps.
    split; [rewrite E; unfold cleared; rewrite range_snoc, map_app, put_words_app; reflexivity|]. eexists. reflexivity.
  - intros e s' (E & c & ->). cbn [setv]. change (Z.to_nat 58) with 58%nat in E. rewrite <- E.
    assert (A' : all_plain s' z0) by (rewrite E; exact A). clear E. steps. reflexivity.
Qed.

(* May it run, with what the host asks for? *)
Definition check_run (type power pending esr flags : Z) : Z :=
  if type =? KCORE_VM_NORMAL then 0 else
  if power =? POWER_OFF then KCORE_ESTATE else
  if Guest.enter_allowed pending esr flags then 0 else KCORE_EPERM.
Definition s_run_check : prim state := fun args s =>
  match args with
  | [vcpu; type; flags] => pre vcpu_number vcpu in
      Ok (check_run type (cell s "vcpu_power" vcpu) (cell s "vcpu_pending" vcpu) (cell s "vcpu_esr" vcpu) flags, s)
  | _ => Stuck
  end.
Lemma run_check_ok : meets (run (add L1 "enter_allowed" s_enter_allowed) f_run_check) s_run_check.
Proof.
  spec_args. vcpu_range. unfold check_run. names. start f_run_check. hide.
  steps; reveal; conds; try reflexivity. destruct (Guest.enter_allowed _ _ _); reflexivity.
Qed.

Definition s_guest_resume : prim state := fun args s =>
  match args with
  | [context] => pre ctx_ok s context in
      Ok (0, setreg "spsr" 0 (sanitise (negb (cell s "has_aarch32" 0 =? 0)) (words_of context s 32) KCORE_VM_PROTECTED)
               (setreg "elr" 0 (words_of context s 31) s))
  | _ => Stuck
  end.
Lemma guest_resume_ok : meets (run (add L1 "pstate_sanitise" s_pstate_sanitise) f_guest_resume) s_guest_resume.
Proof. spec_args. contexts. start f_guest_resume. hide. steps. reveal. reflexivity. Qed.

(* ------------------------------------------------------------------ FP registers *)

(* To the context, and out of the machine. *)
Definition release_fp (cpu vcpu : Z) (s : state) : state :=
  setcell "cpu_fp" cpu 0 (fill_bank "fp" 0 NR_FP 0
    (save_bank (fun _ => whole) "fp" 0 NR_FP (cell s "vcpu_context" vcpu + CTX_FPSR)
      (record "isb" [] (setreg "cptr" 0 (reg s "host_cptr" 0) s)))).
Definition drop_fp (cpu vcpu : Z) (s : state) : state := if negb (cell s "cpu_fp" cpu =? 0) then release_fp cpu vcpu s else s.
Definition s_fp_release : prim state := fun args s =>
  match args with
  | [cpu; vcpu] => pre cpu_ok cpu && vcpu_mem s vcpu in
      Ok (0, drop_fp cpu vcpu s)
  | _ => Stuck
  end.
Lemma fp_release_ok : meets (run L1 f_fp_release) s_fp_release.
Proof. spec_args. halves. cpus. unfold drop_fp, release_fp. start f_fp_release. hide. steps; finish. Qed.

(* The host uses FP while the guest's registers are in the machine. *)
Definition s_host_fp_trap : prim state := fun args s =>
  match args with
  | [cpu] => let vcpu := cell s "cpu_vcpu" cpu in pre cpu_ok cpu && vcpu_mem s vcpu in
      Ok (0, drop_fp cpu vcpu s)
  | _ => Stuck
  end.
Lemma host_fp_trap_ok : meets (run (add L1 "fp_release" s_fp_release) f_host_fp_trap) s_host_fp_trap.
Proof. spec_args. cpus. start f_host_fp_trap. hide. steps. reveal. reflexivity. Qed.

(* The guest's first use since the load; in AArch32 with its FPEXC. *)
Definition fp_loaded (cpu vcpu : Z) (s : state) : state :=
  setcell "cpu_fp" cpu 1 (load_bank whole "fp" 0 NR_FP (cell s "vcpu_context" vcpu + CTX_FPSR)
    (record "isb" [] (setreg "cptr" 0 0x401033ff s))).
Definition fpexc_loaded (vcpu : Z) (s t : state) : state :=
  if narrow (reg s "hcr" 0) then setreg "fpexc" 0 (words_of (cell s "vcpu_context" vcpu) s State.W_FPEXC) t else t.
Definition s_guest_fp_trap : prim state := fun args s =>
  match args with
  | [cpu; vcpu] => pre cpu_ok cpu && vcpu_mem s vcpu in Ok (0, fpexc_loaded vcpu s (fp_loaded cpu vcpu s))
  | _ => Stuck
  end.
Lemma guest_fp_trap_ok : meets (run L1 f_guest_fp_trap) s_guest_fp_trap.
Proof.
  spec_args. halves. cpus. unfold fpexc_loaded, fp_loaded, narrow, KCORE_HCR_RW.
  change (words_of (cell s "vcpu_context" z0) s State.W_FPEXC) with (word s (cell s "vcpu_context" z0 + 832)).
  start f_guest_fp_trap. hide. steps; finish.
Qed.

(* ------------------------------------------------------------------ exit *)

(* HPFAR_EL2 isn't valid after a permission fault outside of a table walk (D13.2.56). *)
Definition needs_hpfar (esr : Z) : bool :=
  ((Guest.ec esr =? Guest.EC_DABT) || (Guest.ec esr =? Guest.EC_IABT)) && (Z.land esr 0x3c =? 0xc) && (Z.land esr 0x80 =? 0).
Definition s_hpfar_needed : prim state := fun args s =>
  match args with [esr] => Ok (b2z (needs_hpfar esr), s) | _ => Stuck end.
Lemma hpfar_needed_ok : meets (run L1 f_hpfar_needed) s_hpfar_needed.
Proof. spec_args. unfold needs_hpfar. guest_bits. start f_hpfar_needed. hide. steps; finish. Qed.

(* All of the syndrome for a normal VM, what the filter lets through for a protected one; KCore keeps what the answer depends on. *)
Definition show_release (vcpu esr far hpfar : Z) (s : state) : state :=
  let rel := released vcpu esr far hpfar s in
  setcell "vcpu_pending" vcpu (Guest.r_pending rel) (setcell "vcpu_far" vcpu far (setcell "vcpu_esr" vcpu esr (show vcpu rel s))).
Definition s_exit_syndrome : prim state := fun args s =>
  match args with
  | [vcpu; type; esr; far; hpfar] =>
      if type =? KCORE_VM_PROTECTED
      then pre vcpu_ok s vcpu && word64 esr && word64 far in Ok (0, show_release vcpu esr far hpfar s)
      else pre vcpu_mem s vcpu in Ok (0, show vcpu (Guest.exit_normal esr far hpfar) s)
  | _ => Stuck
  end.
Lemma exit_syndrome_ok : meets (run (add L1 "exit_release" s_exit_release) f_exit_syndrome) s_exit_syndrome.
Proof.
  spec_open. names. destruct (z0 =? 1) eqn:T.
  - destruct (vcpu_ok s z && _ && _) eqn:W; [right|left; reflexivity]. props. contexts. start f_exit_syndrome. hide. steps; finish.
  - destruct (vcpu_mem s z) eqn:W; [right|left; reflexivity]. halves. unfold show. start f_exit_syndrome. hide. steps; finish.
Qed.
