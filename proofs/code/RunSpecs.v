(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c as a module. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Regs code.Release code.Cpu code.Gpsci code.GuestHvc code.GuestSysreg
  code.Share code.Vendor code.Run code.RunControls code.RunEnter code.RunExit code.RunReturn code.RunAsync code.GuestExit gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition run_specs : list (string * prim state) := [
  ("pstate_sanitise", s_pstate_sanitise); ("pstate_aarch32", s_pstate_aarch32); ("vcpu_boot", s_vcpu_boot); ("run_check", s_run_check);
  ("hcr_normal", s_hcr_normal); ("aarch32_enter", s_aarch32_enter); ("aarch32_leave", s_aarch32_leave);
  ("guest_controls", s_guest_controls); ("hc_vcpu_run", s_hc_vcpu_run); ("fp_release", s_fp_release);
  ("host_fp_trap", s_host_fp_trap); ("guest_fp_trap", s_guest_fp_trap); ("guest_resume", s_guest_resume);
  ("exit_protected", s_exit_protected); ("exit_vendor", s_exit_vendor); ("missing_page", s_missing_page);
  ("count_exit", s_count_exit); ("hpfar_needed", s_hpfar_needed);
  ("host_return", s_host_return); ("exit_syndrome", s_exit_syndrome); ("exit_asynchronous", s_exit_asynchronous);
  ("guest_exit", s_guest_exit)].

(* Over counters, the register filter, PSCI and the vendor service. *)
Definition L_run : layer state :=
  extend (extend (extend (extend (extend L1 stats_specs) regs_specs) gpsci_specs) guest_trap_specs) vendor_specs.
Theorem run_refines : refines eq m_run L_run (extend L_run run_specs).
Proof.
  apply module_meets. module_step pstate_sanitise_ok. module_step pstate_aarch32_ok. module_step vcpu_boot_ok. module_step run_check_ok.
  module_step hcr_normal_ok. module_step aarch32_enter_ok. module_step aarch32_leave_ok.
  module_step guest_controls_ok. module_step hc_vcpu_run_ok. module_step fp_release_ok. module_step host_fp_trap_ok.
  module_step guest_fp_trap_ok. module_step guest_resume_ok. module_step exit_protected_ok. module_step exit_vendor_ok.
  module_step missing_page_ok. module_step count_exit_ok.
  module_step hpfar_needed_ok. module_step host_return_ok. module_step exit_syndrome_ok. module_step exit_asynchronous_ok.
  module_step guest_exit_ok. exact I.
Qed.
