(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c: the host goes on. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Regs code.Release code.Cpu code.Gpsci code.Run code.Frame gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma lrs_saved page s : context_ok plain s page = true ->
  exists t, p_gic_lrs_save plain [page] s = Ok (0, t) /\ frame s t /\ reg t "host_context" = reg s "host_context".
Proof.
  intros H. unfold p_gic_lrs_save. rewrite H. eexists. split; [reflexivity|].
  destruct (Z.land (reg s "icc_sre" 0) 1 =? 0), (Z.min (reg s "lrs" 0) 32 =? 0); split; framed.
Qed.

(* A virtual SError that the guest took is no longer asked for. *)
Definition vse_back (page : Z) (s : state) : state :=
  let v := words_of page s State.W_IO in
  if negb (Z.land v KCORE_HCR_VSE =? 0)
  then put_words page [(State.W_IO, Z.lor (Guest.clear v KCORE_HCR_VSE) (Z.land (reg s "hcr" 0) KCORE_HCR_VSE))] s else s.
Lemma vse_back_frame page s : frame s (vse_back page s) /\ reg (vse_back page s) = reg s.
Proof. unfold vse_back. destruct (negb _); split; framed. Qed.

(* Registers of AArch32 to the page; FPEXC where the FP registers are the guest's. *)
Definition a32_left (page : Z) (fp : bool) (s : state) : state :=
  let s := save_bank (fun _ => whole) "a32" 0 NR_A32 (page + CTX_A32) s in
  if fp then setword (page + CTX_FPEXC) (reg s "fpexc" 0) s else s.
Lemma a32_left_frame page fp s : frame s (a32_left page fp s) /\ reg (a32_left page fp s) = reg s.
Proof. unfold a32_left. destruct fp; split; framed. Qed.
Definition s_aarch32_leave : prim state := fun args s =>
  match args with [page; fp] => pre ctx_ok s page in Ok (0, a32_left page (negb (fp =? 0)) s) | _ => Stuck end.
Lemma aarch32_leave_ok : meets (run L1 f_aarch32_leave) s_aarch32_leave.
Proof. spec_args. contexts. unfold a32_left, CTX_FPEXC. start f_aarch32_leave. hide. steps; finish. Qed.

(* The traps of a CPU whose FP registers are a guest's. *)
Definition host_traps (fp : bool) (cptr : Z) : Z := if fp then Z.lor (Z.lor (Z.lor cptr 0x400) 0x100) 0x1000 else cptr.
Definition host_back (cpu vcpu code : Z) (s : state) : res (Z * state) :=
  let page := cell s "vcpu_page" vcpu in
  let context := cell s "vcpu_context" vcpu in
  let gic := negb (cell s "has_gicv3" 0 =? 0) in
  let fp := negb (cell s "cpu_fp" cpu =? 0) in
  let p := cell s "has_profiling" 0 in
  let hcr := reg s "hcr" 0 in
  let s := vse_back page s in
  let s := if narrow hcr then a32_left page fp s else s in
  let* (_, s) := (if gic then p_gic_lrs_save plain [page] s else Ok (0, s)) in
  let s := save_el1 context s in
  let s := setreg "vttbr" 0 (vttbr_of s HOST) (setreg "hcr" 0 (reg s "host_hcr" 0) (setreg "vmpidr" 0 (reg s "host_vmpidr" 0)
             (setreg "cptr" 0 (host_traps fp (reg s "host_cptr" 0)) (setreg "mdcr" 0 (reg s "host_mdcr" 0)
               (setreg "cnthctl" 0 (reg s "host_cnthctl" 0) s))))) in
  let s := load_el1 (reg s "host_context" 0) s in
  let s := if negb (p =? 0) then record "profiling_resume" [p] s else s in
  Ok (0, setreg "selected" 0 0 (setreg "host_x" 0 code s)).
Definition s_host_return : prim state := fun args s =>
  match args with
  | [cpu; vcpu; code] =>
      pre cpu_ok cpu && vcpu_mem s vcpu && roots_ok s HOST && ctx_ok s (reg s "host_context" 0) in host_back cpu vcpu code s
  | _ => Stuck
  end.

Lemma host_return_ok : meets (run (add L1 "aarch32_leave" s_aarch32_leave) f_host_return) s_host_return.
Proof.
  spec_open. right. match goal with H : ctx_ok s (reg s "host_context" 0) = true |- _ => rename H into X end.
  change HOST with 0 in *. halves. cpus. unfold host_back, host_traps. cbv zeta.
  assert (Y : roots_ok s 0 = true) by (unfold roots_ok; repeat rewrite andb_true_iff; rewrite !Z.leb_le, !Z.ltb_lt; lia).
  start f_host_return. hide. steps_to "hcr_read". eapply wp_call; [eval_tac|]. lookup. map_lookup. unfold_prims.
  cbn [returns_to put setv]; cbn beta iota. step. step.
  match goal with |- wp ?L ?c ?Q ?e ?t => apply (wp_join L c Q e t e (vse_back (cell s "vcpu_page" z0) t)) end.
  { unfold vse_back, KCORE_HCR_VSE. guest_bits. masks. clear post.
    change (words_of (cell s "vcpu_page" z0) s State.W_IO) with (word s (cell s "vcpu_page" z0 + 480)).
    destruct (Z.land (word s (cell s "vcpu_page" z0 + 480)) 256 =? 0) eqn:V; steps; reflexivity. }
  destruct (vse_back_frame (cell s "vcpu_page" z0) s) as [F G]. subst post.
  revert F G. generalize (vse_back (cell s "vcpu_page" z0) s). intros s0 F0 G0. step. step. hide.
  match goal with |- wp ?L ?c ?Q ?e ?t =>
    apply (wp_join L c Q e t e (if narrow (reg s "hcr" 0) then a32_left (cell s "vcpu_page" z0) (negb (cell s "cpu_fp" z =? 0)) t else t)) end.
  { unfold narrow, KCORE_HCR_RW. carry F0. contexts. clear post.
    destruct (Z.land (reg s "hcr" 0) 2147483648 =? 0) eqn:V; steps; reflexivity. }
  assert (FG : frame s (if narrow (reg s "hcr" 0) then a32_left (cell s "vcpu_page" z0) (negb (cell s "cpu_fp" z =? 0)) s0 else s0) /\
    reg (if narrow (reg s "hcr" 0) then a32_left (cell s "vcpu_page" z0) (negb (cell s "cpu_fp" z =? 0)) s0 else s0) = reg s).
  { destruct (a32_left_frame (cell s "vcpu_page" z0) (negb (cell s "cpu_fp" z =? 0)) s0) as [F1 G1]. destruct (narrow _); [split; [exact (frame_trans _ _ _ F0 F1)|congruence]|].
    split; assumption. }
  subst post. revert FG. generalize (if narrow (reg s "hcr" 0) then a32_left (cell s "vcpu_page" z0) (negb (cell s "cpu_fp" z =? 0)) s0 else s0).
  intros s1 [F G]. rewrite <- G in X. carry F. contexts.
  step. step.
  match goal with H : context_ok plain s1 (cell s "vcpu_page" z0) = true |- _ => destruct (lrs_saved _ _ H) as (t & E & D & R) end.
  match goal with |- wp ?L ?c ?Q ?e ?u => apply (wp_join L c Q e u e (if negb (cell s "has_gicv3" 0 =? 0) then t else s1)) end.
  { destruct (cell s "has_gicv3" 0 =? 0) eqn:V.
    - steps. reflexivity.
    - steps_to "gic_lrs_save". eapply wp_call; [eval_tac|]. lookup. map_lookup. rewrite E. reflexivity. }
  replace (if negb (cell s "has_gicv3" 0 =? 0) then p_gic_lrs_save plain [cell s "vcpu_page" z0] s1 else Ok (0, s1))
    with (Ok (0, if negb (cell s "has_gicv3" 0 =? 0) then t else s1)) by (destruct (negb _); [rewrite E|]; reflexivity).
  cbn [bind].
  assert (K : frame s1 (if negb (cell s "has_gicv3" 0 =? 0) then t else s1) /\
    reg (if negb (cell s "has_gicv3" 0 =? 0) then t else s1) "host_context" = reg s1 "host_context")
    by (destruct (negb _); split; framed).
  revert K. generalize (if negb (cell s "has_gicv3" 0 =? 0) then t else s1). intros u [K J].
  rewrite <- J in X. match goal with H : ctx_ok s1 (reg s1 "host_context" 0) = true |- _ => rewrite <- J in H end.
  carry K. clear E D R. contexts. step. hide. steps; reveal; conds; reflexivity.
Qed.
