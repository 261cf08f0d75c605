(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq; do not edit.  Every function of the core, callees before callers. *)
From KCore Require Import lang.Syntax.
From KCore Require Export gen.C_auth.
From KCore Require Export gen.C_gpsci.
From KCore Require Export gen.C_guard.
From KCore Require Export gen.C_host.
From KCore Require Export gen.C_idreg.
From KCore Require Export gen.C_inject.
From KCore Require Export gen.C_log.
From KCore Require Export gen.C_owner.
From KCore Require Export gen.C_pool.
From KCore Require Export gen.C_psci.
From KCore Require Export gen.C_pte.
From KCore Require Export gen.C_range.
From KCore Require Export gen.C_region.
From KCore Require Export gen.C_regs.
From KCore Require Export gen.C_run.
From KCore Require Export gen.C_s2map.
From KCore Require Export gen.C_share.
From KCore Require Export gen.C_stats.
From KCore Require Export gen.C_transfer.
From KCore Require Export gen.C_trap.
From KCore Require Export gen.C_vcpu.
From KCore Require Export gen.C_vendor.
From KCore Require Export gen.C_vm.
From KCore Require Export gen.C_walk.
Local Open Scope string_scope.

Definition program : modul := [
  ("vm_alive", f_vm_alive);
  ("start_check", f_start_check);
  ("s2_root", f_s2_root);
  ("entry_offset", f_entry_offset);
  ("pte_is_table", f_pte_is_table);
  ("s2_entry", f_s2_entry);
  ("s2_load", f_s2_load);
  ("vm_measure", f_vm_measure);
  ("hc_vm_measure", f_hc_vm_measure);
  ("vm_start", f_vm_start);
  ("hc_vm_start", f_hc_vm_start);
  ("hc_vm_measurement", f_hc_vm_measurement);
  ("quote_check", f_quote_check);
  ("vm_quote", f_vm_quote);
  ("hc_vm_quote", f_hc_vm_quote);
  ("guest_target", f_guest_target);
  ("guest_cpu_on", f_guest_cpu_on);
  ("guest_psci_on", f_guest_psci_on);
  ("guest_psci_info", f_guest_psci_info);
  ("guest_psci_features", f_guest_psci_features);
  ("guest_off", f_guest_off);
  ("guest_call", f_guest_call);
  ("guest_hvc", f_guest_hvc);
  ("sysreg_raz_wi", f_sysreg_raz_wi);
  ("idreg_guest", f_idreg_guest);
  ("exception_vector", f_exception_vector);
  ("exception_pstate", f_exception_pstate);
  ("exception_take", f_exception_take);
  ("guest_exception", f_guest_exception);
  ("guest_undefined", f_guest_undefined);
  ("guest_advance", f_guest_advance);
  ("guest_sysreg", f_guest_sysreg);
  ("guard_find", f_guard_find);
  ("guard_add", f_guard_add);
  ("guard_check", f_guard_check);
  ("guard_give", f_guard_give);
  ("guard_allows", f_guard_allows);
  ("range_in_dram", f_range_in_dram);
  ("pages_host_owned", f_pages_host_owned);
  ("range_has_dram", f_range_has_dram);
  ("range_denied", f_range_denied);
  ("host_block_whole", f_host_block_whole);
  ("page_index", f_page_index);
  ("host_page_allowed", f_host_page_allowed);
  ("pool_zero", f_pool_zero);
  ("pool_alloc", f_pool_alloc);
  ("s2_prepare", f_s2_prepare);
  ("s2_level", f_s2_level);
  ("level_bytes", f_level_bytes);
  ("pte_leaf", f_pte_leaf);
  ("s2_set", f_s2_set);
  ("host_map", f_host_map);
  ("host_fault_map", f_host_fault_map);
  ("s2_vttbr", f_s2_vttbr);
  ("s2_split", f_s2_split);
  ("host_prepare_unmap", f_host_prepare_unmap);
  ("s2_clear", f_s2_clear);
  ("host_unmap", f_host_unmap);
  ("log_event", f_log_event);
  ("hc_log_read", f_hc_log_read);
  ("pages_map_add", f_pages_map_add);
  ("pages_map_sub", f_pages_map_sub);
  ("pool_give", f_pool_give);
  ("cpu_by_affinity", f_cpu_by_affinity);
  ("relay_entry", f_relay_entry);
  ("cpu_on_claim", f_cpu_on_claim);
  ("argument", f_argument);
  ("host_cpu_on", f_host_cpu_on);
  ("host_cpu_off", f_host_cpu_off);
  ("host_cpu_suspend", f_host_cpu_suspend);
  ("smc_allowed", f_smc_allowed);
  ("host_features", f_host_features);
  ("stat_add", f_stat_add);
  ("host_smc", f_host_smc);
  ("pte_prot", f_pte_prot);
  ("normal_check", f_normal_check);
  ("map_check", f_map_check);
  ("s2_table_empty", f_s2_table_empty);
  ("s2_free_table", f_s2_free_table);
  ("map_prepare", f_map_prepare);
  ("map_leaf", f_map_leaf);
  ("page_scrub", f_page_scrub);
  ("page_reclaim", f_page_reclaim);
  ("leaf_release", f_leaf_release);
  ("leaf_drop", f_leaf_drop);
  ("range_drop", f_range_drop);
  ("map_try", f_map_try);
  ("map_clear", f_map_clear);
  ("hc_vm_map", f_hc_vm_map);
  ("range_bad", f_range_bad);
  ("range_unmap", f_range_unmap);
  ("hc_vm_unmap", f_hc_vm_unmap);
  ("hc_vm_age", f_hc_vm_age);
  ("wrprotect_one", f_wrprotect_one);
  ("hc_vm_wrprotect", f_hc_vm_wrprotect);
  ("hc_tlb_flush_local", f_hc_tlb_flush_local);
  ("hc_page_state", f_hc_page_state);
  ("enter_allowed", f_enter_allowed);
  ("access_mask", f_access_mask);
  ("mmio_value", f_mmio_value);
  ("guest_abort", f_guest_abort);
  ("enter_apply", f_enter_apply);
  ("release_register", f_release_register);
  ("abort_outside", f_abort_outside);
  ("release_abort", f_release_abort);
  ("release_other", f_release_other);
  ("exit_release", f_exit_release);
  ("pstate_sanitise", f_pstate_sanitise);
  ("pstate_aarch32", f_pstate_aarch32);
  ("vcpu_boot", f_vcpu_boot);
  ("run_check", f_run_check);
  ("hcr_normal", f_hcr_normal);
  ("aarch32_enter", f_aarch32_enter);
  ("aarch32_leave", f_aarch32_leave);
  ("guest_controls", f_guest_controls);
  ("hc_vcpu_run", f_hc_vcpu_run);
  ("fp_release", f_fp_release);
  ("host_fp_trap", f_host_fp_trap);
  ("guest_fp_trap", f_guest_fp_trap);
  ("guest_resume", f_guest_resume);
  ("exit_protected", f_exit_protected);
  ("guest_words", f_guest_words);
  ("page_unshare", f_page_unshare);
  ("page_share", f_page_share);
  ("mem_ask", f_mem_ask);
  ("guest_mem", f_guest_mem);
  ("guest_memory", f_guest_memory);
  ("guest_guard", f_guest_guard);
  ("guest_measurement", f_guest_measurement);
  ("guest_quote", f_guest_quote);
  ("guest_vendor", f_guest_vendor);
  ("exit_vendor", f_exit_vendor);
  ("missing_page", f_missing_page);
  ("count_exit", f_count_exit);
  ("hpfar_needed", f_hpfar_needed);
  ("host_return", f_host_return);
  ("exit_syndrome", f_exit_syndrome);
  ("exit_asynchronous", f_exit_asynchronous);
  ("guest_exit", f_guest_exit);
  ("stat_max", f_stat_max);
  ("stat_total", f_stat_total);
  ("hc_stats_read", f_hc_stats_read);
  ("hc_info", f_hc_info);
  ("hc_version", f_hc_version);
  ("donate_check", f_donate_check);
  ("donate_take", f_donate_take);
  ("donate_map", f_donate_map);
  ("hc_vm_donate", f_hc_vm_donate);
  ("reap_tables", f_reap_tables);
  ("reap_entry", f_reap_entry);
  ("s2_vacant", f_s2_vacant);
  ("reap_pass", f_reap_pass);
  ("vm_reap_one", f_vm_reap_one);
  ("vcpu_exists", f_vcpu_exists);
  ("vcpu_load", f_vcpu_load);
  ("tlb_load", f_tlb_load);
  ("timer_load", f_timer_load);
  ("hc_vcpu_load", f_hc_vcpu_load);
  ("hc_vcpu_put", f_hc_vcpu_put);
  ("vm_dying_check", f_vm_dying_check);
  ("hc_vm_destroy_step", f_hc_vm_destroy_step);
  ("hc_vgic_vmcr_read", f_hc_vgic_vmcr_read);
  ("vm_find_free", f_vm_find_free);
  ("vm_create", f_vm_create);
  ("hc_vm_create", f_hc_vm_create);
  ("vm_boot_registers", f_vm_boot_registers);
  ("vm_finalise", f_vm_finalise);
  ("hc_vm_finalise", f_hc_vm_finalise);
  ("hc_vm_destroy_begin", f_hc_vm_destroy_begin);
  ("vm_destroy_end", f_vm_destroy_end);
  ("hc_vm_destroy_end", f_hc_vm_destroy_end);
  ("vcpu_create_check", f_vcpu_create_check);
  ("vcpu_create", f_vcpu_create);
  ("hc_vcpu_create", f_hc_vcpu_create);
  ("vcpu_destroy", f_vcpu_destroy);
  ("hc_vcpu_destroy", f_hc_vcpu_destroy);
  ("hc_vm_finalise_signed", f_hc_vm_finalise_signed);
  ("host_call", f_host_call);
  ("host_stub", f_host_stub);
  ("host_hvc", f_host_hvc);
  ("host_exception", f_host_exception);
  ("host_abort", f_host_abort);
  ("host_other", f_host_other);
  ("host_trap", f_host_trap)].
