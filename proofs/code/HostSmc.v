(* SPDX-License-Identifier: GPL-2.0-only *)
(* psci.c: CPU_ON of the host, and its SMCs as a whole. *)
From KCore Require Import code.Cpu code.Psci.
From KCore Require Import code.Calls code.Log code.Stats gen.C_psci.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition PSCI_CPU_SUSPEND : Z := 0x84000001.
Definition PSCI_CPU_OFF : Z := 0x84000002.
Definition PSCI_CPU_ON : Z := 0x84000003.
Definition PSCI_FEATURES : Z := 0x8400000a.
Ltac smc_consts :=
  cbv delta [PSCI_64 PSCI_NOT_SUPPORTED PSCI_INVALID PSCI_CPU_SUSPEND PSCI_CPU_OFF PSCI_CPU_ON PSCI_FEATURES LOG_CPU_ON
    LOG_SMC_REFUSED KCORE_STAT_host_smc KCORE_STAT_host_smc_denied Guest.clear Guest.MASK64] in *; consts.

(* Complements of masks are numbers. *)
Ltac eval_tac ::= eval_steps; cbn [modulus]; goal_numbers; reflexivity.
Ltac pre_true ::=
  first [ assumption | unfold cpu_ok, stat_ok, KCORE_MAX_CPUS, KCORE_NR_STATS;
  repeat match goal with |- (_ && _) = true => apply andb_true_iff; split end; one_true ].

Lemma first_cpu_range s mpidr n : forall i, i <= first_cpu s mpidr i n <= i + Z.of_nat n.
Proof.
  induction n as [|n IH]; intros i; cbn [first_cpu]; [lia|]. destruct (_ =? _); [lia|]. specialize (IH (i + 1)). lia.
Qed.

(* An off CPU is claimed for a start, and that is logged. *)
Definition claim (cpu entry : Z) (s : state) : res (Z * state) :=
  let* (r, s) := s_cpu_on_claim [cpu] s in
  Ok (r, if r =? 0 then log_event LOG_CPU_ON cpu entry s else s).
(* Firmware starts it in KCore; the host finds x2 and x3 as they were.  If firmware refuses, it is off again. *)
Definition relay_on (cpu entry x0 x2 x3 : Z) (s : state) : state :=
  let t := forward (relay cpu PSCI_CPU_ON entry x0 s) in
  let r := reg t "host_x" 0 in
  let t := setreg "host_x" 3 x3 (setreg "host_x" 2 x2 t) in
  if r =? 0 then t else setcell "cpu_power" cpu POWER_OFF t.
Definition host_cpu_on (fn : Z) (s : state) : res (Z * state) :=
  let x2 := reg s "host_x" 2 in
  let x3 := reg s "host_x" 3 in
  let n := cell s "nr_cpus" 0 in
  let cpu := first_cpu s (Z.land (reg s "host_x" 1) 0xff00ffffff) 0 (Z.to_nat n) in
  if cpu <? n then
    let* (r, s) := section (claim cpu (argument fn x2)) s in
    if r =? 0 then Ok (0, relay_on cpu (argument fn x2) (argument fn x3) x2 x3 s) else Ok (0, setreg "host_x" 0 r s)
  else Ok (0, setreg "host_x" 0 PSCI_INVALID s).
Definition nr_cpus_ok (s : state) : bool := (0 <=? cell s "nr_cpus" 0) && (cell s "nr_cpus" 0 <=? KCORE_MAX_CPUS).
Definition s_host_cpu_on : prim state := fun args s =>
  match args with [fn] => pre nr_cpus_ok s in host_cpu_on fn s | _ => Stuck end.

Definition L_on : layer state := add (add (add (add (add L1 "log_event" s_log_event) "cpu_by_affinity" s_cpu_by_affinity)
  "argument" s_argument) "cpu_on_claim" s_cpu_on_claim) "relay_entry" s_relay_entry.

Lemma host_cpu_on_ok : meets (run L_on f_host_cpu_on) s_host_cpu_on.
Proof.
  spec_open. unfold nr_cpus_ok in *. unfold host_cpu_on, section, claim, L_on. smc_consts. props.
  pose proof (first_cpu_range s (Z.land (reg s "host_x" 1) 1095233437695) (Z.to_nat (cell s "nr_cpus" 0)) 0).
  start f_host_cpu_on. go.
  all: right; cbn [result]; unfold relay_on; cbv zeta.
  1: match goal with C : negb _ = true |- _ = Ok (_, if ?b then _ else _) =>
    apply negb_true_iff in C; replace b with false by (symmetry; exact C); reflexivity end.
  1: match goal with C : negb (reg _ _ _ =? 0) = false |- _ = Ok (_, if ?b then _ else _) =>
    apply negb_false_iff in C; replace b with true by (symmetry; exact C); reflexivity end.
Qed.

(* A trapped SMC; the PC is still at it. *)
Definition refuse_smc (cpu fn : Z) (s : state) : res (Z * state) :=
  let* (_, s) := section (s_log_event [LOG_SMC_REFUSED; fn; 0]) (stat_add cpu KCORE_STAT_host_smc_denied s) in
  Ok (0, setreg "host_x" 0 PSCI_NOT_SUPPORTED s).
Definition host_smc (cpu : Z) (s : state) : res (Z * state) :=
  let fn := Z.land (reg s "host_x" 0) 0xffffffff in
  let base := Guest.clear fn PSCI_64 in
  let s := stat_add cpu KCORE_STAT_host_smc (setreg "host_pc" 0 (wrap U64 (reg s "host_pc" 0 + 4)) s) in
  if base =? PSCI_CPU_ON then let* (_, s) := s_host_cpu_on [fn] s in Ok (0, s) else
  if fn =? PSCI_CPU_OFF then let* (_, s) := s_host_cpu_off [cpu] s in Ok (0, s) else
  if base =? PSCI_CPU_SUSPEND then let* (_, s) := s_host_cpu_suspend [cpu; fn] s in Ok (0, s) else
  if fn =? PSCI_FEATURES then let* (_, s) := s_host_features [] s in Ok (0, s) else
  if smc_allowed fn then Ok (0, forward s) else refuse_smc cpu fn s.
Definition s_host_smc : prim state := fun args s =>
  match args with [cpu] => pre cpu_ok cpu in host_smc cpu s | _ => Stuck end.

Definition L_smc : layer state := add (add (add (add (add (add (add L1 "log_event" s_log_event) "stat_add" s_stat_add)
  "host_cpu_on" s_host_cpu_on) "host_cpu_off" s_host_cpu_off) "host_cpu_suspend" s_host_cpu_suspend)
  "smc_allowed" s_smc_allowed) "host_features" s_host_features.

Lemma host_smc_ok : meets (run L_smc f_host_smc) s_host_smc.
Proof.
  spec_open. unfold host_smc, refuse_smc, section, L_smc. unfold cpu_ok in *. smc_consts. masks. props.
  start f_host_smc. go.
Qed.

Definition psci_specs : list (string * prim state) := [
  ("cpu_by_affinity", s_cpu_by_affinity); ("relay_entry", s_relay_entry); ("cpu_on_claim", s_cpu_on_claim);
  ("argument", s_argument); ("host_cpu_on", s_host_cpu_on); ("host_cpu_off", s_host_cpu_off);
  ("host_cpu_suspend", s_host_cpu_suspend); ("smc_allowed", s_smc_allowed); ("host_features", s_host_features);
  ("host_smc", s_host_smc)].

(* All of psci.c, over the log and the counters. *)
Definition L_psci : layer state := extend (extend L1 log_specs) stats_specs.
Theorem psci_refines : refines eq m_psci L_psci (extend L_psci psci_specs).
Proof.
  apply module_meets. module_step cpu_by_affinity_ok. module_step relay_entry_ok. module_step cpu_on_claim_ok.
  module_step argument_ok. module_step host_cpu_on_ok. module_step host_cpu_off_ok. module_step host_cpu_suspend_ok.
  module_step smc_allowed_ok. module_step host_features_ok. module_step host_smc_ok. exact I.
Qed.
