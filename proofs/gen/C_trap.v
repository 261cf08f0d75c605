(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from trap.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* host_call: 0=fn 1=x1 2=x2 3=x3 4=x4 5=x5 6=(result) 7=(result) 8=(result) 9=(result) 10=(result) 11=(result) 12=(result) 13=(result) 14=(result) 15=(result) 16=(result) 17=(result) 18=(result) 19=(result) 20=(result) 21=(result) 22=(result) 23=(result) 24=(result) 25=(result) 26=(result) 27=(result) 28=(result) 29=(result) 30=(result) 31=(result) 32=(result) *)
Definition f_host_call : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "host_x" [(EConst 1)];;
  SCall (Some 2) "host_x" [(EConst 2)];;
  SCall (Some 3) "host_x" [(EConst 3)];;
  SCall (Some 4) "host_x" [(EConst 4)];;
  SCall (Some 5) "host_x" [(EConst 5)];;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 12)))
    (SCall (Some 6) "hc_vm_map" [(EVar 1); (EVar 2); (EVar 3); (EVar 4); (EVar 5)];;
    SReturn (Some (EVar 6)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 2)))
    (SCall (Some 7) "hc_vcpu_load" [(EVar 1)];;
    SReturn (Some (EVar 7)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 3)))
    (SCall (Some 8) "hc_vcpu_put" [];;
    SReturn (Some (EVar 8)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 13)))
    (SCall (Some 9) "hc_vm_unmap" [(EVar 1); (EVar 2); (EVar 3)];;
    SReturn (Some (EVar 9)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 11)))
    (SCall (Some 10) "hc_vm_donate" [(EVar 1); (EVar 2); (EVar 3)];;
    SReturn (Some (EVar 10)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 7)))
    (SCall (Some 11) "hc_vm_destroy_step" [(EVar 1)];;
    SReturn (Some (EVar 11)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 16)))
    (SCall (Some 12) "hc_tlb_flush_local" [(EVar 1)];;
    SReturn (Some (EVar 12)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 20)))
    (SCall (Some 13) "hc_vgic_vmcr_read" [];;
    SReturn (Some (EVar 13)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 0)))
    (SCall (Some 14) "hc_version" [];;
    SReturn (Some (EVar 14)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 1)))
    (SCall (Some 15) "hc_vcpu_run" [(EVar 1)];;
    SReturn (Some (EVar 15)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 4)))
    (SCall (Some 16) "hc_vm_create" [(EVar 1)];;
    SReturn (Some (EVar 16)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 5)))
    (SCall (Some 17) "hc_vm_finalise" [(EVar 1); (EVar 2); (EVar 3)];;
    SReturn (Some (EVar 17)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 6)))
    (SCall (Some 18) "hc_vm_destroy_begin" [(EVar 1)];;
    SReturn (Some (EVar 18)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 8)))
    (SCall (Some 19) "hc_vm_destroy_end" [(EVar 1)];;
    SReturn (Some (EVar 19)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 9)))
    (SCall (Some 20) "hc_vcpu_create" [(EVar 1); (EVar 2); (EVar 3)];;
    SReturn (Some (EVar 20)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 10)))
    (SCall (Some 21) "hc_vcpu_destroy" [(EVar 1)];;
    SReturn (Some (EVar 21)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 14)))
    (SCall (Some 22) "hc_vm_wrprotect" [(EVar 1); (EVar 2); (EVar 3)];;
    SReturn (Some (EVar 22)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 15)))
    (SCall (Some 23) "hc_vm_age" [(EVar 1); (EVar 2); (EVar 3)];;
    SReturn (Some (EVar 23)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 17)))
    (SCall (Some 24) "hc_info" [(EVar 1)];;
    SReturn (Some (EVar 24)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 18)))
    (SCall (Some 25) "hc_stats_read" [(EVar 1)];;
    SReturn (Some (EVar 25)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 19)))
    (SCall (Some 26) "hc_log_read" [(EVar 1)];;
    SReturn (Some (EVar 26)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 21)))
    (SCall (Some 27) "hc_page_state" [(EVar 1)];;
    SReturn (Some (EVar 27)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 22)))
    (SCall (Some 28) "hc_vm_finalise_signed" [(EVar 1); (EVar 2); (EVar 3)];;
    SReturn (Some (EVar 28)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 23)))
    (SCall (Some 29) "hc_vm_measure" [(EVar 1); (EVar 2)];;
    SReturn (Some (EVar 29)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 24)))
    (SCall (Some 30) "hc_vm_start" [(EVar 1)];;
    SReturn (Some (EVar 30)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 25)))
    (SCall (Some 31) "hc_vm_measurement" [(EVar 1); (EVar 2)];;
    SReturn (Some (EVar 31)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EBin Add U64 (EConst 3321907968) (EConst 26)))
    (SCall (Some 32) "hc_vm_quote" [(EVar 1); (EVar 2); (EVar 3); (EVar 4); (EVar 5)];;
    SReturn (Some (EVar 32)))
    (SSkip);;
  SReturn (Some (EConst 18446744073709551578))).

(* host_stub: 0=cpu 1=fn *)
Definition f_host_stub : fundef := mkfun 2 [U64; U64] None (
  SIf (ECmp Eq (EVar 1) (EConst 3))
    (SCall None "host_x_set" [(EConst 0); (EConst 0)];;
    SReturn None)
    (SSkip);;
  SCall None "stat_add" [(EVar 0); (EConst 15)];;
  SCall None "lock_acquire" [];;
  SCall None "log_event" [(EConst 6); (EVar 1); (EConst 0)];;
  SCall None "lock_release" [];;
  SCall None "host_x_set" [(EConst 0); (EConst 195938833)]).

(* host_hvc: 0=cpu 1=fn 2=start 3=r *)
Definition f_host_hvc : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "host_x" [(EConst 0)];;
  SIf (ECmp Eq (EVar 1) (EBin Add U64 (EConst 3321907968) (EConst 1)))
    (SCall (Some 3) "host_x" [(EConst 1)];;
    SCall (Some 3) "hc_vcpu_run" [(EVar 3)];;
    SIf (ECmp Eq (EVar 3) (EConst 0))
      (SReturn (Some (EConst 1)))
      (SSkip);;
    SCall None "host_x_set" [(EConst 0); (EVar 3)];;
    SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ECmp Lt (EVar 1) (EConst 16))
    (SCall None "host_stub" [(EVar 0); (EVar 1)];;
    SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 2) "counter_read" [];;
  SCall (Some 3) "host_call" [(EVar 1)];;
  SCall None "host_x_set" [(EConst 0); (EVar 3)];;
  SCall None "stat_add" [(EVar 0); (EConst 13)];;
  SIf (ECmp Ge (EVar 3) (EConst 18446744073709547520))
    (SCall None "stat_add" [(EVar 0); (EConst 14)])
    (SSkip);;
  SCall (Some 3) "counter_read" [];;
  SCall None "stat_max" [(EVar 0); (EConst 22); (EBin Sub U64 (EVar 3) (EVar 2))];;
  SReturn (Some (EConst 0))).

(* host_exception: 0=esr 1=far 2=pc 3=pstate 4=vector 5=handler *)
Definition f_host_exception : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 2) "host_pc" [];;
  SCall (Some 3) "host_pstate" [];;
  SCall (Some 4) "exception_vector" [(EVar 3)];;
  SCall (Some 5) "exception_pstate" [(EVar 3)];;
  SCall None "exception_take" [(EVar 2); (EVar 3); (EVar 0); (EVar 1)];;
  SCall None "host_pc_set" [(EVar 4)];;
  SCall None "host_pstate_set" [(EVar 5)]).

(* host_abort: 0=cpu 1=esr 2=far 3=hpfar 4=pc 5=pstate 6=ipa 7=translation 8=ec 9=wnr 10=ok *)
Definition f_host_abort : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 2) "far_read" [];;
  SCall (Some 3) "hpfar_read" [];;
  SCall (Some 4) "host_pc" [];;
  SCall (Some 5) "host_pstate" [];;
  SAssign 6 (EBin Or U64 (EBin Shl U64 (EBin And U64 (EVar 3) (EConst 1099511627760)) (EConst 8)) (EBin And U64 (EVar 2) (EBin Sub U64 (EConst 4096) (EConst 1))));;
  SAssign 7 (ECond (ECmp Eq (EBin And U64 (EVar 1) (EConst 60)) (EConst 4)) (EConst 1) (EConst 0));;
  SAssign 8 (EBin Shr U64 (EVar 1) (EConst 26));;
  SAssign 9 (ECond (ELAnd (ECmp Eq (EVar 8) (EConst 36)) (ECmp Eq (EBin And U64 (EVar 1) (EConst 256)) (EConst 0))) (EBin And U64 (EVar 1) (EConst 64)) (EConst 0));;
  SAssign 10 (EConst 0);;
  SCall None "stat_add" [(EVar 0); (EConst 9)];;
  SIf (ECmp Ne (EVar 7) (EConst 0))
    (SCall (Some 10) "host_fault_map" [(EVar 6)])
    (SSkip);;
  SIf (ECmp Ne (EVar 10) (EConst 0))
    (SReturn None)
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 8) (EConst 36)) (ECmp Ne (EBin And U64 (EVar 1) (EConst 256)) (EConst 0)))
    (SCall None "host_pc_set" [(EBin Add U64 (EVar 4) (EConst 4))];;
    SReturn None)
    (SSkip);;
  SCall None "stat_add" [(EVar 0); (EConst 10)];;
  SCall None "lock_acquire" [];;
  SCall None "log_event" [(EConst 5); (EVar 6); (EVar 1)];;
  SCall None "lock_release" [];;
  SIf (ELOr (ECmp Eq (EBin And U64 (EVar 5) (EConst 31)) (EConst 5)) (ECmp Eq (EBin And U64 (EVar 5) (EConst 31)) (EConst 4)))
    (SAssign 8 (EBin Add U64 (EVar 8) (EConst 1)))
    (SSkip);;
  SCall None "host_exception" [(EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EVar 8) (EConst 26)) (EConst 33554432)) (EVar 9)) (EConst 33)); (EVar 2)]).

(* host_other: 0=cpu 1=esr 2=ec 3=fp *)
Definition f_host_other : fundef := mkfun 2 [U64; U64; U64; U64] None (
  SAssign 2 (EBin Shr U64 (EVar 1) (EConst 26));;
  SCall (Some 3) "get_cpu_fp" [(EVar 0)];;
  SIf (ECmp Eq (EVar 2) (EConst 23))
    (SCall None "host_smc" [(EVar 0)])
    (SIf (ELOr (ECmp Eq (EVar 2) (EConst 32)) (ECmp Eq (EVar 2) (EConst 36)))
      (SCall None "host_abort" [(EVar 0); (EVar 1)])
      (SIf (ELAnd (ECmp Ne (EVar 3) (EConst 0)) (ELOr (ELOr (ECmp Eq (EVar 2) (EConst 7)) (ECmp Eq (EVar 2) (EConst 25))) (ECmp Eq (EVar 2) (EConst 29))))
        (SCall None "host_fp_trap" [(EVar 0)])
        (SCall None "host_exception" [(EConst 33554432); (EConst 0)])))).

(* host_trap: 0=kind 1=cpu 2=esr 3=start 4=end 5=(result) *)
Definition f_host_trap : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "cpu_id" [];;
  SCall (Some 2) "esr_read" [];;
  SIf (ECmp Ne (EVar 0) (EConst 0))
    (SCall None "halt" [(EConst 258); (EVar 0)])
    (SSkip);;
  SIf (ECmp Eq (EBin Shr U64 (EVar 2) (EConst 26)) (EConst 22))
    (SCall (Some 5) "host_hvc" [(EVar 1)];;
    SReturn (Some (EVar 5)))
    (SSkip);;
  SCall (Some 3) "counter_read" [];;
  SCall None "host_other" [(EVar 1); (EVar 2)];;
  SCall (Some 4) "counter_read" [];;
  SCall None "stat_max" [(EVar 1); (EConst 22); (EBin Sub U64 (EVar 4) (EVar 3))];;
  SReturn (Some (EConst 0))).

Definition m_trap : modul := [
  ("host_call", f_host_call);
  ("host_stub", f_host_stub);
  ("host_hvc", f_host_hvc);
  ("host_exception", f_host_exception);
  ("host_abort", f_host_abort);
  ("host_other", f_host_other);
  ("host_trap", f_host_trap)].
