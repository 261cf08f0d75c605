(* SPDX-License-Identifier: GPL-2.0-only *)
(* Each function in the linked core does what its specification says. *)
From KCore Require Import code.Common code.Owner code.Region code.Stats code.Log code.Vm code.VmLife code.VmEnd code.Auth code.Transfer
  code.Range code.RangeMap
  code.RangeWalk code.Host gen.C_host gen.C_stats gen.C_region gen.C_range gen.C_vm gen.C_auth gen.C_log gen.C_owner gen.C_transfer
  gen.C_vcpu code.Vcpu code.VcpuEnd code.VcpuLoad gen.C_inject gen.C_regs gen.C_run code.Inject code.Regs code.Run code.RunControls
  code.RunEnter.
From KCore Require Export sim.Link.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Ltac does_by ok := eapply does_meets; [reflexivity| |exact ok]; callees.
(* What was proved over L0: L1 has the same primitives. *)
Ltac does_over ok := eapply does_meets; [reflexivity| |eapply (meets_over L0 L1); [exact ok|agree]]; callees.

Lemma does_range_in_dram : does "range_in_dram" s_range_in_dram. Proof. does_by range_in_dram_ok. Qed.

Lemma does_page_index : does "page_index" s_page_index.
Proof. pose proof does_range_in_dram. does_by page_index_ok. Qed.

Lemma does_hc_version : does "hc_version" s_hc_version. Proof. does_by hc_version_ok. Qed.
(* Over what it calls, the code itself. *)
Lemma does_hc_page_state : does "hc_page_state" (Lang.run (add L1 "page_index" s_page_index) f_hc_page_state).
Proof.
  pose proof does_page_index.
  apply (does_meets _ f_hc_page_state (add L1 "page_index" s_page_index)); [reflexivity|callees|]. intros args s. right. reflexivity.
Qed.

Lemma does_log_event : does "log_event" s_log_event. Proof. does_by log_event_ok. Qed.
Lemma does_vm_alive : does "vm_alive" s_vm_alive. Proof. does_by vm_alive_ok. Qed.
Lemma does_vm_find_free : does "vm_find_free" s_vm_find_free. Proof. does_by vm_find_free_ok. Qed.
Lemma does_vm_create : does "vm_create" s_vm_create.
Proof. pose proof does_vm_find_free. pose proof does_log_event. does_by vm_create_ok. Qed.
Lemma does_hc_vm_create : does "hc_vm_create" s_hc_vm_create.
Proof. pose proof does_vm_create. does_by hc_vm_create_ok. Qed.
Lemma does_vm_boot_registers : does "vm_boot_registers" s_vm_boot_registers. Proof. does_by vm_boot_registers_ok. Qed.
Lemma does_vm_finalise : does "vm_finalise" s_vm_finalise.
Proof. pose proof does_vm_alive. pose proof does_vm_boot_registers. does_by vm_finalise_ok. Qed.
Lemma does_hc_vm_finalise : does "hc_vm_finalise" s_hc_vm_finalise.
Proof. pose proof does_vm_finalise. does_by hc_vm_finalise_ok. Qed.
Lemma does_hc_vm_finalise_signed : does "hc_vm_finalise_signed" s_hc_vm_finalise_signed.
Proof. pose proof does_vm_finalise. does_by hc_vm_finalise_signed_ok. Qed.
Lemma does_start_check : does "start_check" s_start_check. Proof. pose proof does_vm_alive. does_by start_check_ok. Qed.
Lemma does_vm_measure : does "vm_measure" s_vm_measure. Proof. pose proof does_start_check. does_by vm_measure_ok. Qed.
Lemma does_hc_vm_measure : does "hc_vm_measure" s_hc_vm_measure. Proof. pose proof does_vm_measure. does_by hc_vm_measure_ok. Qed.
Lemma does_vm_start : does "vm_start" s_vm_start. Proof. pose proof does_start_check. does_by vm_start_ok. Qed.
Lemma does_hc_vm_start : does "hc_vm_start" s_hc_vm_start. Proof. pose proof does_vm_start. does_by hc_vm_start_ok. Qed.
Lemma does_hc_vm_measurement : does "hc_vm_measurement" s_hc_vm_measurement. Proof. does_by hc_vm_measurement_ok. Qed.
Lemma does_quote_check : does "quote_check" s_quote_check. Proof. pose proof does_vm_alive. does_by quote_check_ok. Qed.
Lemma does_vm_quote : does "vm_quote" s_vm_quote. Proof. pose proof does_quote_check. does_by vm_quote_ok. Qed.
Lemma does_hc_vm_quote : does "hc_vm_quote" s_hc_vm_quote. Proof. pose proof does_vm_quote. does_by hc_vm_quote_ok. Qed.
Lemma does_vm_dying_check : does "vm_dying_check" s_vm_dying_check.
Proof. pose proof does_vm_alive. does_by vm_dying_check_ok. Qed.
Lemma does_vm_destroy_end : does "vm_destroy_end" s_vm_destroy_end.
Proof. pose proof does_vm_dying_check. pose proof does_log_event. does_by vm_destroy_end_ok. Qed.
Lemma does_hc_vm_destroy_end : does "hc_vm_destroy_end" s_hc_vm_destroy_end.
Proof. pose proof does_vm_destroy_end. does_by hc_vm_destroy_end_ok. Qed.
Lemma does_hc_tlb_flush_local : does "hc_tlb_flush_local" s_hc_tlb_flush_local. Proof. does_by hc_tlb_flush_local_ok. Qed.
Lemma does_hc_vm_destroy_begin : does "hc_vm_destroy_begin" s_hc_vm_destroy_begin.
Proof. pose proof does_vm_alive. does_by hc_vm_destroy_begin_ok. Qed.

Lemma does_range_has_dram : does "range_has_dram" s_range_has_dram. Proof. does_by range_has_dram_ok. Qed.
Lemma does_range_denied : does "range_denied" s_range_denied. Proof. does_by range_denied_ok. Qed.
Lemma does_pages_host_owned : does "pages_host_owned" s_pages_host_owned. Proof. does_over pages_host_owned_ok. Qed.
Lemma does_pages_map_add : does "pages_map_add" (s_pages_map 1). Proof. does_over pages_map_add_ok. Qed.
Lemma does_pages_map_sub : does "pages_map_sub" (s_pages_map (-1)). Proof. does_over pages_map_sub_ok. Qed.
Lemma does_page_scrub : does "page_scrub" s_page_scrub. Proof. does_by page_scrub_ok. Qed.
Lemma does_page_reclaim : does "page_reclaim" s_page_reclaim.
Proof. pose proof does_page_index. pose proof does_page_scrub. does_by page_reclaim_ok. Qed.
Lemma does_leaf_release : does "leaf_release" s_leaf_release.
Proof. pose proof does_page_index. pose proof does_pages_map_sub. pose proof does_page_reclaim. does_by leaf_release_ok. Qed.
Lemma does_leaf_drop : does "leaf_drop" s_leaf_drop.
Proof. pose proof does_leaf_release. does_by leaf_drop_ok. Qed.
Lemma does_normal_check : does "normal_check" s_normal_check. Proof. does_by normal_check_ok. Qed.
Lemma does_range_drop : does "range_drop" s_range_drop.
Proof. pose proof does_leaf_drop. pose proof does_normal_check. does_by range_drop_ok. Qed.
Lemma does_range_bad : does "range_bad" s_range_bad. Proof. does_by range_bad_ok. Qed.
Lemma does_range_unmap : does "range_unmap" s_range_unmap.
Proof. pose proof does_range_drop. pose proof does_range_bad. does_by range_unmap_ok. Qed.
Lemma does_hc_vm_unmap : does "hc_vm_unmap" s_hc_vm_unmap.
Proof. pose proof does_range_unmap. does_by hc_vm_unmap_ok. Qed.
Lemma does_hc_vm_age : does "hc_vm_age" s_range_unmap.
Proof. pose proof does_range_unmap. does_by hc_vm_age_ok. Qed.
Lemma does_vcpu_exists : does "vcpu_exists" s_vcpu_exists. Proof. does_by vcpu_exists_ok. Qed.
Lemma does_vcpu_create_check : does "vcpu_create_check" s_vcpu_create_check.
Proof. pose proof does_page_index. pose proof does_vm_alive. does_by vcpu_create_check_ok. Qed.
Lemma does_vcpu_create : does "vcpu_create" s_vcpu_create.
Proof. pose proof does_page_index. pose proof does_pages_map_add. pose proof does_vcpu_create_check. does_by vcpu_create_ok. Qed.
Lemma does_hc_vcpu_create : does "hc_vcpu_create" s_hc_vcpu_create. Proof. pose proof does_vcpu_create. does_by hc_vcpu_create_ok. Qed.
Lemma does_vcpu_destroy : does "vcpu_destroy" s_vcpu_destroy.
Proof. pose proof does_page_index. pose proof does_pages_map_sub. pose proof does_vcpu_exists. does_by vcpu_destroy_ok. Qed.
Lemma does_hc_vcpu_destroy : does "hc_vcpu_destroy" s_hc_vcpu_destroy. Proof. pose proof does_vcpu_destroy. does_by hc_vcpu_destroy_ok. Qed.
Lemma does_vcpu_load : does "vcpu_load" s_vcpu_load.
Proof. pose proof does_vcpu_exists. does_by vcpu_load_ok. Qed.
Lemma does_tlb_load : does "tlb_load" s_tlb_load. Proof. does_by tlb_load_ok. Qed.
Lemma does_timer_load : does "timer_load" s_timer_load. Proof. does_by timer_load_ok. Qed.
Lemma does_hc_vcpu_load : does "hc_vcpu_load" s_hc_vcpu_load.
Proof. pose proof does_vcpu_load. pose proof does_tlb_load. pose proof does_timer_load. does_by hc_vcpu_load_ok. Qed.

Lemma does_stat_total : does "stat_total" s_stat_total. Proof. does_by stat_total_ok. Qed.
Lemma does_hc_stats_read : does "hc_stats_read" s_hc_stats_read. Proof. pose proof does_stat_total. does_by hc_stats_read_ok. Qed.
Lemma does_hc_info : does "hc_info" s_hc_info. Proof. does_by hc_info_ok. Qed.
Lemma does_hc_log_read : does "hc_log_read" s_hc_log_read. Proof. does_by hc_log_read_ok. Qed.
Lemma does_hc_vgic_vmcr_read : does "hc_vgic_vmcr_read" s_hc_vgic_vmcr_read. Proof. does_by hc_vgic_vmcr_read_ok. Qed.
Lemma does_fp_release : does "fp_release" s_fp_release. Proof. does_by fp_release_ok. Qed.
Lemma does_hc_vcpu_put : does "hc_vcpu_put" s_hc_vcpu_put. Proof. pose proof does_fp_release. does_by hc_vcpu_put_ok. Qed.

Lemma does_enter_allowed : does "enter_allowed" s_enter_allowed. Proof. does_by enter_allowed_ok. Qed.
Lemma does_run_check : does "run_check" s_run_check. Proof. pose proof does_enter_allowed. does_by run_check_ok. Qed.
Lemma does_vcpu_boot : does "vcpu_boot" s_vcpu_boot. Proof. does_by vcpu_boot_ok. Qed.
Lemma does_access_mask : does "access_mask" s_access_mask. Proof. does_by access_mask_ok. Qed.
Lemma does_mmio_value : does "mmio_value" s_mmio_value. Proof. pose proof does_access_mask. does_by mmio_value_ok. Qed.
Lemma does_guest_advance : does "guest_advance" s_guest_advance. Proof. does_by guest_advance_ok. Qed.
Lemma does_exception_vector : does "exception_vector" s_exception_vector. Proof. does_by exception_vector_ok. Qed.
Lemma does_exception_pstate : does "exception_pstate" s_exception_pstate. Proof. does_by exception_pstate_ok. Qed.
Lemma does_exception_take : does "exception_take" s_exception_take. Proof. does_by exception_take_ok. Qed.
Lemma does_guest_exception : does "guest_exception" s_guest_exception.
Proof. pose proof does_exception_vector. pose proof does_exception_pstate. pose proof does_exception_take. does_by guest_exception_ok. Qed.
Lemma does_guest_undefined : does "guest_undefined" s_guest_undefined.
Proof. pose proof does_guest_exception. does_by guest_undefined_ok. Qed.
Lemma does_enter_apply : does "enter_apply" s_enter_apply.
Proof.
  pose proof does_mmio_value. pose proof does_guest_advance. pose proof does_guest_exception. pose proof does_guest_undefined.
  does_by enter_apply_ok.
Qed.
Lemma does_pstate_sanitise : does "pstate_sanitise" s_pstate_sanitise. Proof. does_by pstate_sanitise_ok. Qed.
Lemma does_pstate_aarch32 : does "pstate_aarch32" s_pstate_aarch32. Proof. does_by pstate_aarch32_ok. Qed.
Lemma does_hcr_normal : does "hcr_normal" s_hcr_normal. Proof. does_by hcr_normal_ok. Qed.
Lemma does_aarch32_enter : does "aarch32_enter" s_aarch32_enter. Proof. does_by aarch32_enter_ok. Qed.
Lemma does_guest_controls : does "guest_controls" s_guest_controls.
Proof. pose proof does_hcr_normal. pose proof does_aarch32_enter. does_by guest_controls_ok. Qed.
Lemma does_hc_vcpu_run : does "hc_vcpu_run" s_hc_vcpu_run.
Proof.
  pose proof does_run_check. pose proof does_vcpu_boot. pose proof does_enter_apply. pose proof does_pstate_sanitise. pose proof does_pstate_aarch32.
  pose proof does_guest_controls. does_by hc_vcpu_run_ok.
Qed.

Lemma does_map_check : does "map_check" s_map_check.
Proof.
  pose proof does_range_in_dram. pose proof does_range_has_dram. pose proof does_range_denied. pose proof does_pages_host_owned. does_by map_check_ok.
Qed.
Lemma does_map_prepare : does "map_prepare" s_map_prepare. Proof. does_by map_prepare_ok. Qed.
Lemma does_map_leaf : does "map_leaf" s_map_leaf.
Proof.
  pose proof does_range_in_dram. pose proof does_pages_map_add. pose proof does_normal_check. pose proof does_map_check.
  pose proof does_map_prepare. does_by map_leaf_ok.
Qed.
Lemma does_map_try : does "map_try" s_map_try. Proof. pose proof does_map_leaf. does_by map_try_ok. Qed.
Lemma does_map_clear : does "map_clear" s_map_clear. Proof. pose proof does_range_drop. does_by map_clear_ok. Qed.
Lemma does_hc_vm_map : does "hc_vm_map" s_hc_vm_map.
Proof. pose proof does_map_try. pose proof does_map_clear. does_by hc_vm_map_ok. Qed.
Lemma does_wrprotect_one : does "wrprotect_one" s_wrprotect_one.
Proof. pose proof does_normal_check. pose proof does_range_drop. pose proof does_map_try. does_by wrprotect_one_ok. Qed.
Lemma does_hc_vm_wrprotect : does "hc_vm_wrprotect" s_hc_vm_wrprotect.
Proof. pose proof does_range_bad. pose proof does_wrprotect_one. does_by hc_vm_wrprotect_ok. Qed.
Lemma does_reap_tables : does "reap_tables" s_reap_tables. Proof. does_by reap_tables_ok. Qed.
Lemma does_reap_entry : does "reap_entry" s_reap_entry.
Proof. pose proof does_leaf_drop. pose proof does_reap_tables. does_by reap_entry_ok. Qed.
Lemma does_reap_pass : does "reap_pass" s_reap_pass. Proof. does_by reap_pass_ok. Qed.
Lemma does_vm_reap_one : does "vm_reap_one" s_vm_reap_one.
Proof. pose proof does_reap_entry. pose proof does_reap_pass. does_by vm_reap_one_ok. Qed.
Lemma does_hc_vm_destroy_step : does "hc_vm_destroy_step" s_hc_vm_destroy_step.
Proof. pose proof does_vm_reap_one. pose proof does_vm_dying_check. does_by hc_vm_destroy_step_ok. Qed.
Lemma does_host_prepare_unmap : does "host_prepare_unmap" s_host_prepare_unmap. Proof. does_by host_prepare_unmap_ok. Qed.
Lemma does_host_unmap : does "host_unmap" s_host_unmap. Proof. does_by host_unmap_ok. Qed.
Lemma does_donate_check : does "donate_check" s_donate_check.
Proof. pose proof does_page_index. pose proof does_host_prepare_unmap. pose proof does_host_unmap. does_by donate_check_ok. Qed.
Lemma does_donate_take : does "donate_take" s_donate_take.
Proof.
  pose proof does_page_index. pose proof does_host_prepare_unmap. pose proof does_host_unmap. pose proof does_donate_check. does_by donate_take_ok.
Qed.
Lemma does_donate_map : does "donate_map" s_donate_map. Proof. pose proof does_page_reclaim. does_by donate_map_ok. Qed.
Lemma does_hc_vm_donate : does "hc_vm_donate" s_hc_vm_donate.
Proof. pose proof does_donate_take. pose proof does_donate_map. does_by hc_vm_donate_ok. Qed.
