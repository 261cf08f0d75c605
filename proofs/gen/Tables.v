(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from the tables of kcore/cells.h and kcore/abi.h; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* one u64 each *)
Definition scalars : list string := [
  "region_base";
  "region_size";
  "image_size";
  "nr_dram";
  "nr_denied";
  "nr_cpus";
  "nr_pages";
  "root_base";
  "has_gicv3";
  "has_ras";
  "ich_vtr";
  "has_aarch32";
  "has_profiling";
  "signed_only";
  "pool_base";
  "pool_pages";
  "pool_bump";
  "pool_head";
  "pool_free";
  "pool_reserve";
  "pages_core";
  "pages_vm";
  "pages_scrubbed";
  "vms_alive";
  "vcpus_alive";
  "log_next"].

(* name, bits of an element, length *)
Definition arrays : list (string * Z * Z) := [
  ("vm_state", 32, 256);
  ("vm_type", 32, 256);
  ("vm_vcpus", 32, 256);
  ("vm_loaded", 32, 256);
  ("vm_pages", 64, 256);
  ("vm_tables", 64, 256);
  ("vm_mem_base", 64, 256);
  ("vm_mem_end", 64, 256);
  ("vm_cntvoff", 64, 256);
  ("vm_cursor", 64, 256);
  ("vm_guards", 32, 256);
  ("vcpu_state", 32, 4096);
  ("vcpu_power", 32, 4096);
  ("vcpu_pending", 32, 4096);
  ("vcpu_page", 64, 4096);
  ("vcpu_context", 64, 4096);
  ("vcpu_esr", 64, 4096);
  ("vcpu_far", 64, 4096);
  ("vcpu_entry", 64, 4096);
  ("vcpu_entry_x0", 64, 4096);
  ("cpu_vcpu", 32, 64);
  ("cpu_fp", 32, 64);
  ("cpu_power", 32, 64);
  ("cpu_mpidr", 64, 64);
  ("cpu_entry", 64, 64);
  ("cpu_entry_x0", 64, 64);
  ("dram_base", 64, 16);
  ("dram_end", 64, 16);
  ("dram_first", 64, 16);
  ("denied_base", 64, 8);
  ("denied_end", 64, 8);
  ("guard_base", 64, 4096);
  ("guard_end", 64, 4096);
  ("last_vcpu", 32, 16384);
  ("cpu_stat", 64, 1536);
  ("log_event", 64, 256);
  ("log_a", 64, 256);
  ("log_b", 64, 256);
  ("log_time", 64, 256)].

(* one u32 for each DRAM page *)
Definition page_cells : list string := [
  "page_owner";
  "page_maps"].

(* handler, x0, number of arguments *)
Definition hypercalls : list (string * Z * Z) := [
  ("hc_vm_map", 3321907980, 5);
  ("hc_vcpu_load", 3321907970, 1);
  ("hc_vcpu_put", 3321907971, 0);
  ("hc_vm_unmap", 3321907981, 3);
  ("hc_vm_donate", 3321907979, 3);
  ("hc_vm_destroy_step", 3321907975, 1);
  ("hc_tlb_flush_local", 3321907984, 1);
  ("hc_vgic_vmcr_read", 3321907988, 0);
  ("hc_version", 3321907968, 0);
  ("hc_vcpu_run", 3321907969, 1);
  ("hc_vm_create", 3321907972, 1);
  ("hc_vm_finalise", 3321907973, 3);
  ("hc_vm_destroy_begin", 3321907974, 1);
  ("hc_vm_destroy_end", 3321907976, 1);
  ("hc_vcpu_create", 3321907977, 3);
  ("hc_vcpu_destroy", 3321907978, 1);
  ("hc_vm_wrprotect", 3321907982, 3);
  ("hc_vm_age", 3321907983, 3);
  ("hc_info", 3321907985, 1);
  ("hc_stats_read", 3321907986, 1);
  ("hc_log_read", 3321907987, 1);
  ("hc_page_state", 3321907989, 1);
  ("hc_vm_finalise_signed", 3321907990, 3);
  ("hc_vm_measure", 3321907991, 2);
  ("hc_vm_start", 3321907992, 1);
  ("hc_vm_measurement", 3321907993, 2);
  ("hc_vm_quote", 3321907994, 5)].
