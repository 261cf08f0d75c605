(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c: the exit of a guest. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Inject code.Idreg code.Regs code.Release code.Cpu code.Gpsci code.GuestHvc code.GuestSysreg
  code.Vendor code.Run code.Frame code.RunExit code.RunReturn code.RunAsync gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The host is told, and goes on. *)
Definition exit_told (cpu vcpu type esr far hpfar : Z) (s : state) : res (Z * state) :=
  let* (_, s) := s_exit_syndrome [vcpu; type; esr; far; hpfar] s in
  let* (_, s) := s_host_return [cpu; vcpu; KCORE_EXIT_TRAP] s in Ok (0, s).
(* Of a guest's HVC the host sees the class and IL. *)
Definition ESR_HVC : Z := 0x5a000000.
(* A call about a page that isn't there: the host sees a fault of it, as at a load (top/Guest.v, mem_fault). *)
Definition ESR_MISSING : Z := 0x92000007.
Definition exit_guest (cpu vcpu type esr far hpfar : Z) (s : state) : res (Z * state) :=
  if type =? KCORE_VM_PROTECTED then
    let* (r, s) := s_exit_vendor [vcpu; esr] s in
    let* (r, s) := (if r =? HVC_OTHER then s_exit_protected [vcpu; esr; far; hpfar] s else Ok (r, s)) in
    if r =? HVC_DONE then Ok (1, stat_add cpu KCORE_STAT_exit_local s) else
    if r =? HVC_FAULT then let* (hpfar, s) := s_missing_page [vcpu] s in exit_told cpu vcpu type ESR_MISSING far hpfar s
    else exit_told cpu vcpu type (if Guest.ec esr =? Guest.EC_HVC then ESR_HVC else esr) far hpfar s
  else exit_told cpu vcpu type esr far hpfar s.
Lemma exit_guest_others cpu vcpu type esr far hpfar s : vcpu_ok s vcpu = true -> type = KCORE_VM_PROTECTED ->
  (Guest.ec esr = Guest.EC_HVC -> vendor_call (words_of (cell s "vcpu_context" vcpu) s 0) = false) ->
  exit_guest cpu vcpu type esr far hpfar s =
    let* (r, s) := s_exit_protected [vcpu; esr; far; hpfar] s in
    if negb (r =? 0) then Ok (1, stat_add cpu KCORE_STAT_exit_local s)
    else exit_told cpu vcpu type (if Guest.ec esr =? Guest.EC_HVC then ESR_HVC else esr) far hpfar s.
Proof.
  intros V -> N. unfold exit_guest. change (KCORE_VM_PROTECTED =? KCORE_VM_PROTECTED) with true. cbv iota.
  rewrite (exit_vendor_none vcpu esr s V N). cbn [bind]. change (HVC_OTHER =? HVC_OTHER) with true. cbv iota.
  destruct (s_exit_protected [vcpu; esr; far; hpfar] s) as [[r t]| |] eqn:E; cbn [bind]; try reflexivity.
  assert (X : r = 0 \/ r = 1).
  { unfold s_exit_protected in E. destruct (_ && _); [|discriminate]. exact (exit_protected_cases _ _ _ _ _ _ _ E). }
  destruct X as [-> | ->]; reflexivity.
Qed.
(* PAR_EL1 (D13.2.118): bit 0 is set when the guest's own translation has changed meanwhile; then it tries again. *)
Definition par_hpfar (par : Z) : Z := Z.shiftl (Z.land (Z.shiftr par 12) 0xfffffff) 4.
Definition exit_synchronous (cpu vcpu : Z) (s : state) : res (Z * state) :=
  let esr := reg s "esr" 0 in
  let far := reg s "far" 0 in
  let type := cell s "vm_type" (vcpu / KCORE_VM_VCPUS) in
  let fp := cell s "cpu_fp" cpu in
  let hpfar := reg s "hpfar" 0 in
  let s := stat_add cpu (cause_of (Guest.ec esr)) s in
  if (Guest.ec esr =? Guest.EC_FP) && (fp =? 0) then
    let* (_, t) := s_guest_fp_trap [cpu; vcpu] s in Ok (1, stat_add cpu KCORE_STAT_exit_local t)
  else
    let needed := needs_hpfar esr in
    let par := answer s (List.length (trace s)) 0 mod 2 ^ 64 in
    if needed && negb (Z.land par 1 =? 0) then Ok (1, record "translate_el1" [far] s) else
    exit_guest cpu vcpu type esr far (if needed then par_hpfar par else hpfar) (if needed then record "translate_el1" [far] s else s).
Definition s_guest_exit : prim state := fun args s =>
  match args with
  | [kind] =>
      pre cpu_ok (reg s "cpu_id" 0) in
      let vcpu := cell s "cpu_vcpu" (reg s "cpu_id" 0) in
      if vcpu =? NO_VCPU then Halt else
      pre vcpu_mem s vcpu in
      if negb (kind =? 0) then s_exit_asynchronous [reg s "cpu_id" 0; vcpu; kind] s
      else exit_synchronous (reg s "cpu_id" 0) vcpu s
  | _ => Stuck
  end.

Definition L_exit : layer state := add (add (add (add (add (add (add (add (add (add L1 "exit_vendor" s_exit_vendor)
  "missing_page" s_missing_page) "stat_add" s_stat_add) "host_return" s_host_return)
  "exit_syndrome" s_exit_syndrome) "exit_asynchronous" s_exit_asynchronous) "exit_protected" s_exit_protected)
  "count_exit" s_count_exit) "hpfar_needed" s_hpfar_needed) "guest_fp_trap" s_guest_fp_trap.

Ltac told := steps_to "exit_syndrome"; as_specified; steps_to "host_return"; as_specified; steps; right; reflexivity.
Lemma guest_exit_ok : meets (run L_exit f_guest_exit) s_guest_exit.
Proof.
  spec_open. cpus. set (cpu := reg s "cpu_id" 0) in *. names. destruct (cell s "cpu_vcpu" cpu =? 4294967295) eqn:N.
  { right. start f_guest_exit. hide. subst cpu. steps_to "halt". eapply wp_call; [eval_tac|]. lookup. map_lookup. reveal. reflexivity. }
  destruct (vcpu_mem s _) eqn:M; [|left; reflexivity]. halves. vcpu_range. subst cpu.
  destruct (negb (z =? 0)) eqn:K.
  { start f_guest_exit. steps_to "exit_asynchronous". as_specified. steps. right. reflexivity. }
  unfold exit_synchronous, exit_guest, exit_told, par_hpfar, ESR_HVC, ESR_MISSING, HVC_OTHER, HVC_DONE, HVC_FAULT, KCORE_EXIT_TRAP. names. stats. cbv zeta.
  change (Guest.ec (reg s "esr" 0)) with (Z.shiftr (reg s "esr" 0) 26). unfold Guest.EC_FP, Guest.EC_HVC.
  destruct ((Z.shiftr (reg s "esr" 0) 26 =? 7) && _) eqn:A.
  { right. start f_guest_exit. hide. steps. reveal. unfold s_guest_fp_trap. pres. cbn [bind]. reflexivity. }
  start f_guest_exit. steps_to "hpfar_needed". call. cbn [returns_to put setv]; cbn beta iota. step. step.
  match goal with |- context [answer ?u ?n 0 mod 2 ^ 64] => set (par := answer u n 0 mod 2 ^ 64) end.
  destruct (needs_hpfar (reg s "esr" 0) && negb (Z.land par 1 =? 0)) eqn:Q.
  { apply andb_true_iff in Q as [Q B].
    assert (QB : b2z (needs_hpfar (reg s "esr" 0)) = 1) by (rewrite Q; reflexivity).
    steps. right. reflexivity. }
  pose proof (land_bound (Z.shiftr par 12) 268435455 ltac:(lia)).
  assert (0 <= Z.shiftl (Z.land (Z.shiftr par 12) 268435455) 4 < 18446744073709551616) by (rewrite Z.shiftl_mul_pow2; lia).
  match goal with |- context [record "translate_el1" [reg s "far" 0] ?u] => set (s1 := u) in * end.
  match goal with |- wp ?L ?c ?Q [?a0;?a1;?a2;?a3;?a4;Some ?a5;?a6;?a7;Some ?a8;?a9] ?u =>
    apply (wp_join L c Q [a0;a1;a2;a3;a4;Some a5;a6;a7;Some a8;a9] u
      [a0;a1;a2;a3;a4; Some (if needs_hpfar (reg s "esr" 0) then Z.shiftl (Z.land (Z.shiftr par 12) 268435455) 4 else a5); a6; a7;
       Some (if needs_hpfar (reg s "esr" 0) then par else a8); a9]
      (if needs_hpfar (reg s "esr" 0) then record "translate_el1" [reg s "far" 0] s1 else s1)) end.
  { destruct (needs_hpfar (reg s "esr" 0)) eqn:R; cbn [andb] in Q.
    - assert (QB : b2z true = 1) by reflexivity. subst par. steps. reflexivity.
    - assert (QB : b2z false = 0) by reflexivity. steps. reflexivity. }
  assert (G : cell (if needs_hpfar (reg s "esr" 0) then record "translate_el1" [reg s "far" 0] s1 else s1) "vm_type" = cell s "vm_type")
    by (destruct (needs_hpfar _); reflexivity).
  revert G. generalize (if needs_hpfar (reg s "esr" 0) then record "translate_el1" [reg s "far" 0] s1 else s1). intros u G.
  step. step. call. rewrite G. cbn [returns_to put setv]; cbn beta iota.
  destruct (cell s "vm_type" (cell s "cpu_vcpu" (reg s "cpu_id" 0) / 16) =? 1) eqn:T.
  - steps_to "exit_vendor". as_specified. destruct (v =? 0) eqn:O.
    + steps_to "exit_protected". as_specified.
      match goal with |- context [if ?x =? 1 then Ok (1, _) else _] => destruct (x =? 1) eqn:R end; [steps; right; reflexivity|].
      match goal with |- context [if ?x =? 2 then _ else _] => destruct (x =? 2) eqn:F end; [steps_to "missing_page"; as_specified; told|].
      destruct (Z.shiftr (reg s "esr" 0) 26 =? 22) eqn:V; told.
    + cbn [bind]. destruct (v =? 1) eqn:R; [steps; right; reflexivity|].
      destruct (v =? 2) eqn:F; [steps_to "missing_page"; as_specified; told|].
      destruct (Z.shiftr (reg s "esr" 0) 26 =? 22) eqn:V; told.
  - told.
Qed.
