(* SPDX-License-Identifier: GPL-2.0-only *)
(* An exit of a guest, and all that it calls, in the linked core. *)
From KCore Require Import code.Common code.Stats code.Inject code.Idreg code.Regs code.Release code.Gpsci code.GuestHvc code.GuestSysreg
  code.Share code.Guard code.Vendor code.Run code.RunExit code.RunReturn code.RunAsync code.GuestExit gen.C_idreg gen.C_regs gen.C_gpsci gen.C_share gen.C_guard gen.C_vendor gen.C_run.
From KCore Require Export sim.Trap sim.Does.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma does_release_register : does "release_register" s_release_register. Proof. does_by release_register_ok. Qed.
Lemma does_abort_outside : does "abort_outside" s_abort_outside.
Proof. pose proof does_access_mask. pose proof does_release_register. does_by abort_outside_ok. Qed.
Lemma does_release_abort : does "release_abort" s_release_abort. Proof. pose proof does_abort_outside. does_by release_abort_ok. Qed.
Lemma does_release_other : does "release_other" s_release_other. Proof. pose proof does_release_register. does_by release_other_ok. Qed.
Lemma does_exit_release : does "exit_release" s_exit_release.
Proof. pose proof does_release_abort. pose proof does_release_other. does_by exit_release_ok. Qed.

Lemma does_guest_target : does "guest_target" s_guest_target. Proof. does_by guest_target_ok. Qed.
Lemma does_guest_cpu_on : does "guest_cpu_on" s_guest_cpu_on. Proof. does_by guest_cpu_on_ok. Qed.
Lemma does_guest_psci_on : does "guest_psci_on" s_guest_psci_on.
Proof. pose proof does_guest_target. pose proof does_guest_cpu_on. does_by guest_psci_on_ok. Qed.
Lemma does_guest_psci_info : does "guest_psci_info" s_guest_psci_info. Proof. pose proof does_guest_target. does_by guest_psci_info_ok. Qed.
Lemma does_guest_psci_features : does "guest_psci_features" s_guest_psci_features. Proof. does_by guest_psci_features_ok. Qed.
Lemma does_guest_off : does "guest_off" s_guest_off. Proof. does_by guest_off_ok. Qed.
Lemma does_guest_call : does "guest_call" s_guest_call.
Proof. pose proof does_guest_psci_info. pose proof does_guest_psci_features. does_by guest_call_ok. Qed.
Lemma does_guest_hvc : does "guest_hvc" s_guest_hvc.
Proof. pose proof does_guest_psci_on. pose proof does_guest_off. pose proof does_guest_call. does_by guest_hvc_ok. Qed.
Lemma does_idreg_guest : does "idreg_guest" s_idreg_guest. Proof. does_by idreg_guest_ok. Qed.
Lemma does_sysreg_raz_wi : does "sysreg_raz_wi" s_sysreg_raz_wi. Proof. does_by sysreg_raz_wi_ok. Qed.
Lemma does_guest_sysreg : does "guest_sysreg" s_guest_sysreg.
Proof.
  pose proof does_guest_undefined. pose proof does_guest_advance. pose proof does_idreg_guest. pose proof does_sysreg_raz_wi.
  does_by guest_sysreg_ok.
Qed.

Lemma does_guest_fp_trap : does "guest_fp_trap" s_guest_fp_trap. Proof. does_by guest_fp_trap_ok. Qed.
Lemma does_guest_resume : does "guest_resume" s_guest_resume. Proof. pose proof does_pstate_sanitise. does_by guest_resume_ok. Qed.
Lemma does_guard_find : does "guard_find" s_guard_find. Proof. does_by guard_find_ok. Qed.
Lemma does_guard_add : does "guard_add" s_guard_add. Proof. pose proof does_guard_find. does_by guard_add_ok. Qed.
Lemma does_guard_check : does "guard_check" s_guard_check. Proof. pose proof does_guard_find. does_by guard_check_ok. Qed.
Lemma does_guard_give : does "guard_give" s_guard_give. Proof. pose proof does_guard_add. does_by guard_give_ok. Qed.
Lemma does_guard_allows : does "guard_allows" s_guard_allows. Proof. pose proof does_guard_check. does_by guard_allows_ok. Qed.
Lemma does_guest_abort : does "guest_abort" s_guest_abort.
Proof. pose proof does_guard_allows. pose proof does_guest_exception. does_by guest_abort_ok. Qed.
Lemma does_exit_protected : does "exit_protected" s_exit_protected.
Proof.
  pose proof does_guest_abort. pose proof does_guest_hvc. pose proof does_guest_sysreg. pose proof does_guest_advance. pose proof does_guest_undefined.
  pose proof does_guest_resume. does_by exit_protected_ok.
Qed.

(* HVCs to the vendor service. *)
Lemma does_page_share : does "page_share" s_page_share. Proof. pose proof does_pages_map_add. does_by page_share_ok. Qed.
Lemma does_page_unshare : does "page_unshare" s_page_unshare.
Proof.
  pose proof does_page_index. pose proof does_host_prepare_unmap. pose proof does_host_unmap. pose proof does_pages_map_sub.
  does_by page_unshare_ok.
Qed.
Lemma does_mem_ask : does "mem_ask" s_mem_ask.
Proof.
  pose proof does_page_index. pose proof does_leaf_drop. pose proof does_page_share. pose proof does_page_unshare. does_by mem_ask_ok.
Qed.
Lemma does_guest_mem : does "guest_mem" s_guest_mem. Proof. pose proof does_mem_ask. does_by guest_mem_ok. Qed.
Lemma does_guest_words : does "guest_words" s_guest_words. Proof. does_by guest_words_ok. Qed.
Lemma does_guest_memory : does "guest_memory" s_guest_memory. Proof. pose proof does_guest_mem. does_by guest_memory_ok. Qed.
Lemma does_guest_guard : does "guest_guard" s_guest_guard. Proof. pose proof does_guard_give. does_by guest_guard_ok. Qed.
Lemma does_guest_measurement : does "guest_measurement" s_guest_measurement.
Proof. pose proof does_guest_words. does_by guest_measurement_ok. Qed.
Lemma does_guest_quote : does "guest_quote" s_guest_quote.
Proof. pose proof does_guest_words. does_by guest_quote_ok. Qed.
Lemma does_guest_vendor : does "guest_vendor" s_guest_vendor.
Proof. pose proof does_guest_words. pose proof does_guest_memory. pose proof does_guest_guard. pose proof does_guest_measurement. pose proof does_guest_quote.
  does_by guest_vendor_ok. Qed.
Lemma does_exit_vendor : does "exit_vendor" s_exit_vendor.
Proof. pose proof does_guest_vendor. pose proof does_guest_resume. does_by exit_vendor_ok. Qed.
Lemma does_missing_page : does "missing_page" s_missing_page. Proof. does_by missing_page_ok. Qed.

Lemma does_count_exit : does "count_exit" s_count_exit. Proof. pose proof does_stat_add. does_by count_exit_ok. Qed.
Lemma does_hpfar_needed : does "hpfar_needed" s_hpfar_needed. Proof. does_by hpfar_needed_ok. Qed.
Lemma does_aarch32_leave : does "aarch32_leave" s_aarch32_leave. Proof. does_by aarch32_leave_ok. Qed.
Lemma does_host_return : does "host_return" s_host_return. Proof. pose proof does_aarch32_leave. does_by host_return_ok. Qed.
Lemma does_exit_syndrome : does "exit_syndrome" s_exit_syndrome. Proof. pose proof does_exit_release. does_by exit_syndrome_ok. Qed.
Lemma does_exit_asynchronous : does "exit_asynchronous" s_exit_asynchronous.
Proof. pose proof does_stat_add. pose proof does_host_return. does_by exit_asynchronous_ok. Qed.
Lemma does_guest_exit : does "guest_exit" s_guest_exit.
Proof.
  pose proof does_stat_add. pose proof does_host_return. pose proof does_exit_syndrome. pose proof does_exit_asynchronous.
  pose proof does_exit_protected. pose proof does_exit_vendor. pose proof does_missing_page. pose proof does_count_exit.
  pose proof does_hpfar_needed. pose proof does_guest_fp_trap.
  does_by guest_exit_ok.
Qed.
