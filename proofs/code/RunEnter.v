(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c: entry of a guest. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Regs code.Release code.Cpu code.Gpsci code.Run code.Frame code.RunControls gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma vcpu_ok_mem s v : vcpu_ok s v = true -> vcpu_mem s v = true.
Proof. unfold vcpu_ok, vcpu_mem. intros H. apply andb_true_iff in H. apply H. Qed.
Lemma controls_frame cpu vcpu type page s : frame s (controls cpu vcpu type page s).
Proof. unfold controls. destruct (negb (cell s "has_ras" 0 =? 0) && _), (narrow _), (sve_run _ _ _ _); framed. Qed.

(* The guest's registers: booted where CPU_ON asked for it, with the host's answer to its last exit. *)
Definition booted (vcpu context : Z) (s : state) : state :=
  put_words context (Guest.boot_writes (with_entry vcpu s)) (setcell "vcpu_power" vcpu POWER_ON s).
Definition answered (vcpu flags : Z) (s : state) : state :=
  let esr := cell s "vcpu_esr" vcpu in
  let value := words_of (cell s "vcpu_page" vcpu) s (Guest.field esr 16 31) in
  put_live (cell s "vcpu_context" vcpu) (Guest.enter_writes (cell s "vcpu_pending" vcpu) esr flags value (live_kept vcpu s))
    (setcell "vcpu_pending" vcpu PENDING_NONE s).
Definition load_guest (vcpu type context flags : Z) (s : state) : state :=
  if type =? KCORE_VM_PROTECTED
  then answered vcpu flags (load_el1 context (if cell s "vcpu_power" vcpu =? POWER_BOOT then booted vcpu context s else s))
  else load_el1 context s.
Lemma load_guest_frame vcpu type context flags s : frame s (load_guest vcpu type context flags s).
Proof. unfold load_guest. destruct (type =? _); [|framed]. destruct (_ =? POWER_BOOT); framed. Qed.

Definition stop_profiling (s : state) : state :=
  let p := cell s "has_profiling" 0 in if negb (p =? 0) then record "profiling_stop" [p] s else s.
Lemma stop_profiling_frame s : frame s (stop_profiling s) /\ reg (stop_profiling s) = reg s.
Proof. unfold stop_profiling. destruct (negb _); split; framed. Qed.

Definition run_ok (s : state) (vcpu : Z) : bool :=
  (if cell s "vm_type" (vcpu / KCORE_VM_VCPUS) =? KCORE_VM_PROTECTED then vcpu_ok s vcpu else vcpu_mem s vcpu) &&
  roots_ok s (vcpu / KCORE_VM_VCPUS) && ctx_ok s (reg s "host_context" 0) && negb (held s).
Definition enter (cpu vcpu : Z) (s : state) : res (Z * state) :=
  let type := cell s "vm_type" (vcpu / KCORE_VM_VCPUS) in
  let page := cell s "vcpu_page" vcpu in
  let context := cell s "vcpu_context" vcpu in
  let flags := words_of page s State.W_FLAGS in
  let gic := negb (cell s "has_gicv3" 0 =? 0) in
  let r := check_run type (cell s "vcpu_power" vcpu) (cell s "vcpu_pending" vcpu) (cell s "vcpu_esr" vcpu) flags in
  if negb (r =? 0) then Ok (r, s) else
  let s := stop_profiling (put_words page [(State.W_FLAGS, 0)] s) in
  let s := load_guest vcpu type context flags (save_el1 (reg s "host_context" 0) s) in
  let hcr := hcr_run type page s in
  let s := controls cpu vcpu type page s in
  let s := setreg "elr" 0 (words_of context s 31) s in
  let s := setreg "spsr" 0 (entered_pstate hcr (negb (cell s "has_aarch32" 0 =? 0)) (words_of context s 32) type) s in
  let* (_, s) := (if gic then p_gic_lrs_load plain [page] s else Ok (0, s)) in
  Ok (0, setreg "selected" 0 1 (setreg "guest_context" 0 context s)).
Definition s_hc_vcpu_run : prim state := fun args s =>
  match args with
  | [vcpu] =>
      pre cpu_ok (reg s "cpu_id" 0) && (0 <=? vcpu) in
      if KCORE_NR_VCPUS <=? vcpu then Ok (KCORE_EINVAL, s) else
      if negb (cell s "cpu_vcpu" (reg s "cpu_id" 0) =? vcpu) then Ok (KCORE_ESTATE, s) else
      pre run_ok s vcpu in enter (reg s "cpu_id" 0) vcpu s
  | _ => Stuck
  end.
Definition L_enter_run : layer state := add (add (add (add (add (add L1 "run_check" s_run_check) "vcpu_boot" s_vcpu_boot)
  "enter_apply" s_enter_apply) "pstate_sanitise" s_pstate_sanitise) "pstate_aarch32" s_pstate_aarch32) "guest_controls" s_guest_controls.

(* One call, and what comes behind it. *)
Ltac call_ := call; cbn [returns_to put setv]; cbn beta iota; step.
Ltac gic_called :=
  match goal with X : context_ok plain ?t (cell ?s "vcpu_page" ?z) = true |- wp _ _ _ _ (setreg ?a ?i ?m (setreg ?b ?j ?n ?t)) =>
    let E := fresh "E" in destruct (lrs_loaded (cell s "vcpu_page" z) (setreg a i m (setreg b j n t)) X) as (? & E & _);
    eapply wp_call; [eval_tac|]; lookup; map_lookup; rewrite E; go
  end.
Lemma hc_vcpu_run_ok : meets (run L_enter_run f_hc_vcpu_run) s_hc_vcpu_run.
Proof.
  spec_open. cpus. unfold KCORE_EINVAL, KCORE_ESTATE. names. destruct (4096 <=? z) eqn:A.
  { right. start f_hc_vcpu_run. hide. steps; finish. }
  destruct (negb (cell s "cpu_vcpu" (reg s "cpu_id" 0) =? z)) eqn:B.
  { right. start f_hc_vcpu_run. hide. steps; finish. }
  destruct (run_ok s z) eqn:W; [right|left; reflexivity]. unfold run_ok in W. names.
  apply andb_true_iff in W as [W U]. apply andb_true_iff in W as [W X]. apply andb_true_iff in W as [W Y].
  apply negb_true_iff in U.
  assert (M : vcpu_mem s z = true) by (destruct (_ =? 1); [apply vcpu_ok_mem|]; exact W).
  halves. vcpu_range. unfold enter. names. cbv zeta.

  change (words_of (cell s "vcpu_page" z) s State.W_FLAGS) with (word s (cell s "vcpu_page" z + 488)).
  change (put_words (cell s "vcpu_page" z) [(State.W_FLAGS, 0)] s) with (setword (cell s "vcpu_page" z + 488) 0 s).
  destruct (negb (check_run _ _ _ _ _ =? 0)) eqn:R.
  { start f_hc_vcpu_run. hide. steps_to "run_check". call. go. finish. }
  start f_hc_vcpu_run. hide. steps_to "run_check". call. cbn [returns_to put setv]; cbn beta iota. steps_to "page_store". call_. step.
  match goal with |- wp ?L ?c ?Q ?e ?t => apply (wp_join L c Q e t e (stop_profiling t)) end.
  { unfold stop_profiling. reads. clear R post. destruct (cell s "has_profiling" 0 =? 0) eqn:F; steps; reflexivity. }
  destruct (stop_profiling_frame (setword (cell s "vcpu_page" z + 488) 0 s)) as [F G]. subst post.
  revert F G. generalize (stop_profiling (setword (cell s "vcpu_page" z + 488) 0 s)). intros s2 F G.
  change (frame s s2) in F. change (reg s2 = reg s) in G. rewrite <- G in X. carry F. contexts.
  step. hide. steps_to "el1_save". call_. step.
  match goal with |- wp ?L ?c ?Q [?a0;?a1;?a2;?a3;?a4;?a5;?a6;?a7;?a8;?a9;?a10;?a11] ?t =>
    apply (wp_join L c Q [a0;a1;a2;a3;a4;a5;a6;a7;a8;a9;a10;a11] t
      [a0;a1;a2;a3;a4;a5;a6;a7;a8; (if cell s "vm_type" (z / 16) =? 1 then Some (cell t "vcpu_power" z) else a9);a10;a11]
      (load_guest z (cell s "vm_type" (z / 16)) (cell s "vcpu_context" z) (word s (cell s "vcpu_page" z + 488)) (save_el1 (reg s2 "host_context" 0) s2))) end.
  { unfold load_guest. names. clear R post. destruct (cell s "vm_type" (z / 16) =? 1) eqn:T.
    - carry F. steps; unfold answered, booted, load_el1, save_el1;
        match goal with H : (cell _ "vcpu_power" _ =? 2) = _ |- _ => rewrite H end; reflexivity.
    - steps. reflexivity. }
  pose proof (load_guest_frame z (cell s "vm_type" (z / 16)) (cell s "vcpu_context" z) (word s (cell s "vcpu_page" z + 488))
    (save_el1 (reg s2 "host_context" 0) s2)) as D.
  subst post. revert D. generalize (load_guest z (cell s "vm_type" (z / 16)) (cell s "vcpu_context" z)
    (word s (cell s "vcpu_page" z + 488)) (save_el1 (reg s2 "host_context" 0) s2)). intros t D. change (frame s2 t) in D.
  clear - H H1 D H0 H2 H14 H15 U F M Y H3 H4. carry F. carry D. contexts. step. hide. steps_to "guest_controls". call_. step.
  match goal with |- wp _ _ _ _ ?v => assert (K : frame t v) by exact (controls_frame _ _ _ _ _) end. carry K. contexts.
  set (hcr := hcr_run _ _ _) in *. set (u := controls _ _ _ _ _) in *. clearbody hcr u. destruct (Z.land hcr 2147483648 =? 0) eqn:N.
  all: steps_to "gic_lrs_load".
  2, 4: reveal; unfold entered_pstate, narrow, KCORE_HCR_RW; conds; reflexivity.
  all: gic_called; reveal; unfold entered_pstate, narrow, KCORE_HCR_RW; conds.
  all: match goal with E : ?a = Ok _ |- context [p_gic_lrs_load plain ?l ?x] => change (p_gic_lrs_load plain l x) with a; rewrite E end; reflexivity.
Qed.
