(* SPDX-License-Identifier: GPL-2.0-only *)
(* trap.c: aborts and other traps of the host, and its entry. *)
From KCore Require Import code.Cpu code.Inject code.HostSmc.
From KCore Require Import code.Calls code.Log code.Stats code.Host code.Trap gen.C_trap.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Ltac eval_tac ::= eval_steps; cbn [modulus]; goal_numbers; reflexivity.
Ltac pre_true ::=
  first [ assumption | unfold cpu_ok, stat_ok, KCORE_MAX_CPUS, KCORE_NR_STATS;
  repeat match goal with |- (_ && _) = true => apply andb_true_iff; split end; one_true ].

(* The host's own handler takes the exception (D1.10). *)
Definition enter_host (esr far : Z) (s : state) : state :=
  let pc := reg s "host_pc" 0 in
  let pstate := reg s "host_pstate" 0 in
  setreg "host_pstate" 0 (Guest.handler (reg s "el1" 1) pstate) (setreg "host_pc" 0 (Guest.vector (reg s "el1" 11) pstate)
    (setreg "el1" 9 far (setreg "el1" 6 esr (setreg "el1" 22 pstate (setreg "el1" 21 pc s))))).
Definition s_host_exception : prim state := fun args s =>
  match args with [esr; far] => Ok (0, enter_host esr far s) | _ => Stuck end.
Definition L_inject : layer state := add (add (add L1 "exception_vector" s_exception_vector)
  "exception_pstate" s_exception_pstate) "exception_take" s_exception_take.
Lemma host_exception_ok : meets (run L_inject f_host_exception) s_host_exception.
Proof. spec_open. unfold enter_host, L_inject. start f_host_exception. go. Qed.

(* A stage-2 abort of the host: mapped, skipped (cache maintenance), or an alignment fault in its own handler. *)
Definition el1 (pstate : Z) : bool := (Z.land pstate 31 =? EL1H) || (Z.land pstate 31 =? EL1T).
Definition host_refused (cpu esr ipa wnr far pstate : Z) (s : state) : res (Z * state) :=
  let* (_, s) := section (s_log_event [LOG_HOST_REFUSED; ipa; esr]) (stat_add cpu KCORE_STAT_host_injected s) in
  let ec := if el1 pstate then Guest.ec esr + 1 else Guest.ec esr in
  let* (_, s) := s_host_exception [Z.lor (Z.lor (Z.lor (Z.shiftl ec 26) Guest.ESR_IL) wnr) FSC_ALIGNMENT; far] s in
  Ok (0, s).
Definition host_abort (cpu esr : Z) (s : state) : res (Z * state) :=
  let far := reg s "far" 0 in
  let ipa := Z.lor (Z.shiftl (Z.land (reg s "hpfar" 0) 0xfffffffff0) 8) (Z.land far (PAGE_BYTES - 1)) in
  let data := Guest.ec esr =? Guest.EC_DABT in
  let cm := Guest.bit_of esr Guest.ESR_CM in
  let pc := reg s "host_pc" 0 in
  let pstate := reg s "host_pstate" 0 in
  let* (ok, s) := (if Z.land esr 0x3c =? 4 then s_host_fault_map [ipa] else fun s => Ok (0, s)) (stat_add cpu KCORE_STAT_host_fault s) in
  if negb (ok =? 0) then Ok (0, s) else
  if data && cm then Ok (0, setreg "host_pc" 0 (wrap U64 (pc + 4)) s) else
  host_refused cpu esr ipa (if data && negb cm then Z.land esr Guest.ESR_WNR else 0) far pstate s.
Definition s_host_abort : prim state := fun args s =>
  match args with [cpu; esr] => pre cpu_ok cpu && (0 <=? esr) && (esr <? 2 ^ 32) in host_abort cpu esr s | _ => Stuck end.

Definition L_abort : layer state := add (add (add (add L1 "stat_add" s_stat_add) "log_event" s_log_event)
  "host_fault_map" s_host_fault_map) "host_exception" s_host_exception.

Lemma host_abort_ok : meets (run L_abort f_host_abort) s_host_abort.
Proof.
  spec_open. unfold host_abort, host_refused, section, el1, L_abort. unfold cpu_ok in *. trap_consts. goal_numbers. props.
  pose proof (Bits.land_bound (reg s "hpfar" 0) 1099511627760 ltac:(lia)).
  assert (0 <= Z.shiftl (Z.land (reg s "hpfar" 0) 1099511627760) 8 < 2 ^ 64) by (rewrite Z.shiftl_mul_pow2; lia).
  pose proof (Bits.shiftr_bound z0 26 6 ltac:(lia) ltac:(lia) ltac:(lia)).
  start f_host_abort. do 29 first [branch | step]. clear H3 H4. rewrite !negb_involutive.
  match goal with |- context [Z.lor (Z.shiftl ?a ?b) ?c] => set (ipa := Z.lor (Z.shiftl a b) c); clearbody ipa end.
  set (ec := Z.shiftr z0 26) in *. clearbody ec. set (w := if (ec =? 36) && (Z.land z0 256 =? 0) then Z.land z0 64 else 0). clearbody w.
  set (pstate := reg s "host_pstate" 0). clearbody pstate. set (far := reg s "far" 0). clearbody far.
  set (pc := reg s "host_pc" 0). clearbody pc. clear H1 H0.
  assert (0 <= Z.shiftl ec 26 < 2 ^ 64) by (rewrite Z.shiftl_mul_pow2; lia).
  assert (0 <= Z.shiftl (ec + 1) 26 < 2 ^ 64) by (rewrite Z.shiftl_mul_pow2; lia).
  destruct (Z.land z0 60 =? 4); go.
Qed.

(* Any other synchronous trap of the host. *)
Definition host_other (H : layer state) (cpu esr : Z) (s : state) : res (Z * state) :=
  let ec := Guest.ec esr in
  let fp := negb (cell s "cpu_fp" cpu =? 0) in
  if ec =? EC_SMC then let* (_, s) := s_host_smc [cpu] s in Ok (0, s) else
  if (ec =? Guest.EC_IABT) || (ec =? Guest.EC_DABT) then let* (_, s) := s_host_abort [cpu; esr] s in Ok (0, s) else
  if fp && ((ec =? Guest.EC_FP) || (ec =? EC_SVE) || (ec =? EC_SME)) then let* (_, s) := H "host_fp_trap" [cpu] s in Ok (0, s) else
  let* (_, s) := s_host_exception [Guest.ESR_IL; 0] s in Ok (0, s).
Definition s_host_other (H : layer state) : prim state := fun args s =>
  match args with [cpu; esr] => pre cpu_ok cpu in host_other H cpu esr s | _ => Stuck end.

Definition L_other (H : layer state) : layer state := add (add (add (add L1 "host_fp_trap" (H "host_fp_trap")) "host_smc" s_host_smc)
  "host_abort" s_host_abort) "host_exception" s_host_exception.

Lemma host_other_ok H : meets (run (L_other H) f_host_other) (s_host_other H).
Proof. spec_open. unfold host_other, L_other. unfold cpu_ok in *. trap_consts. props. start f_host_other. go. Qed.

(* Entry from the host's vectors: kind 0 is synchronous; nothing else of the host's comes here. *)
Definition host_trap (H : layer state) (kind : Z) (s : state) : res (Z * state) :=
  let cpu := reg s "cpu_id" 0 in
  let esr := reg s "esr" 0 in
  if negb (kind =? 0) then Halt else
  if Guest.ec esr =? Guest.EC_HVC then s_host_hvc H [cpu] s else
  timed cpu (fun s => let* (_, s) := s_host_other H [cpu; esr] s in Ok (0, s)) s.
Definition s_host_trap (H : layer state) : prim state := fun args s =>
  match args with [kind] => pre cpu_ok (reg s "cpu_id" 0) in host_trap H kind s | _ => Stuck end.

Definition L_trap (H : layer state) : layer state := add (add (add L1 "stat_max" s_stat_max) "host_hvc" (s_host_hvc H))
  "host_other" (s_host_other H).

Lemma host_trap_ok H : meets (run (L_trap H) f_host_trap) (s_host_trap H).
Proof.
  spec_open. unfold host_trap, timed, L_trap. unfold cpu_ok in *. trap_consts. props. start f_host_trap. go.
  all: try (left; reflexivity). all: try (right; reflexivity).
Qed.

(* ------------------------------------------------------------------ the module *)

(* What trap.c calls by itself, apart from the handlers of calls. *)
Definition L_below : layer state := add (add (extend (extend (extend L1 inject_specs) log_specs) stats_specs)
  "host_fault_map" s_host_fault_map) "host_smc" s_host_smc.
Definition below : list string := ["host_x"; "host_x_set"; "host_pc"; "host_pc_set"; "host_pstate"; "host_pstate_set"; "far_read";
  "hpfar_read"; "esr_read"; "cpu_id"; "get_cpu_fp"; "counter_read"; "lock_acquire"; "lock_release"; "halt"; "stat_add"; "stat_max";
  "log_event"; "exception_vector"; "exception_pstate"; "exception_take"; "host_fault_map"; "host_smc"].
Definition has_below (H : layer state) : Prop := Forall (fun f => L_below f = H f) below.
Lemma below_at H f : has_below H -> existsb (String.eqb f) below = true -> L_below f = H f.
Proof.
  intros B E. apply existsb_exists in E as (g & I & E). apply String.eqb_eq in E. subst g.
  exact (proj1 (Forall_forall _ _) B f I).
Qed.

Definition trap_specs (H : layer state) : list (string * prim state) := [
  ("host_call", s_host_call H); ("host_stub", s_host_stub); ("host_hvc", s_host_hvc H);
  ("host_exception", s_host_exception); ("host_abort", s_host_abort); ("host_other", s_host_other H);
  ("host_trap", s_host_trap H)].

Ltac agree_below B := repeat (apply Forall_cons;
  [first [reflexivity | match goal with |- _ ?f = _ => exact (below_at _ f B eq_refl) end]|]); apply Forall_nil.
Ltac trap_step H B := split; [reflexivity|split; [eapply meets_over; [exact H|agree_below B]|]].

(* All of trap.c, over any layer with what it calls by itself: the handlers are those of the layer. *)
Theorem trap_refines H : has_below H -> refines eq m_trap H (extend H (trap_specs H)).
Proof.
  intros B. apply module_meets. trap_step (host_call_ok H) B. trap_step host_stub_ok B. trap_step (host_hvc_ok H) B.
  trap_step host_exception_ok B. trap_step host_abort_ok B. trap_step (host_other_ok H) B. trap_step (host_trap_ok H) B. exact I.
Qed.
