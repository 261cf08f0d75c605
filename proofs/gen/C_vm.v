(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from vm.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* vm_alive: 0=vm 1=state *)
Definition f_vm_alive : fundef := mkfun 1 [U64; U64] (Some U64) (
  SIf (ELOr (ECmp Eq (EVar 0) (EConst 0)) (ECmp Ge (EVar 0) (EConst 256)))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 1) "get_vm_state" [(EVar 0)];;
  SReturn (Some (ECond (ECmp Ne (EVar 1) (EConst 0)) (EConst 1) (EConst 0)))).

(* vm_find_free: 0=state 1=i *)
Definition f_vm_find_free : fundef := mkfun 0 [U64; U64] (Some U64) (
  SFor 1 U64 (EConst 1) (EConst 256) 1
    (SCall (Some 0) "get_vm_state" [(EVar 1)];;
    SIf (ECmp Eq (EVar 0) (EConst 0))
      (SReturn (Some (EVar 1)))
      (SSkip));;
  SReturn (Some (EConst 0))).

(* vm_create: 0=type 1=vm 2=vttbr 3=n 4=i *)
Definition f_vm_create : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "vm_find_free" [];;
  SCall (Some 2) "s2_vttbr" [(EVar 1)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SReturn (Some (EConst 18446744073709551604)))
    (SSkip);;
  SCall None "set_vm_type" [(EVar 1); (EVar 0)];;
  SCall None "set_vm_mem_base" [(EVar 1); (EConst 0)];;
  SCall None "set_vm_mem_end" [(EVar 1); (EConst 0)];;
  SCall None "set_vm_cntvoff" [(EVar 1); (EConst 0)];;
  SCall None "set_vm_cursor" [(EVar 1); (EConst 0)];;
  SCall None "set_vm_guards" [(EVar 1); (EConst 0)];;
  SFor 4 U64 (EConst 0) (EConst 64) 1
    (SCall None "set_last_vcpu" [(EBin Add U64 (EBin Mul U64 (EVar 1) (EConst 64)) (EVar 4)); (EConst 4294967295)]);;
  SCall None "set_vm_state" [(EVar 1); (EConst 1)];;
  SCall (Some 3) "get_vms_alive" [];;
  SCall None "set_vms_alive" [(EBin Add U64 (EVar 3) (EConst 1))];;
  SCall None "log_event" [(EConst 3); (EVar 1); (EVar 0)];;
  SCall None "tlbi_vmid" [(EVar 2)];;
  SCall None "dsb_tlbi" [];;
  SReturn (Some (EVar 1))).

(* hc_vm_create: 0=type 1=r *)
Definition f_hc_vm_create : fundef := mkfun 1 [U64; U64] (Some U64) (
  SIf (ELAnd (ECmp Ne (EVar 0) (EConst 0)) (ECmp Ne (EVar 0) (EConst 1)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 1) "vm_create" [(EVar 0)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 1))).

(* vm_boot_registers: 0=vm 1=sign 2=page 3=context 4=v 5=i *)
Definition f_vm_boot_registers : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 2) "get_vcpu_page" [(EBin Mul U64 (EVar 0) (EConst 16))];;
  SCall (Some 3) "get_vcpu_context" [(EBin Mul U64 (EVar 0) (EConst 16))];;
  SFor 5 U64 (EConst 0) (EConst 4) 1
    (SCall (Some 4) "page_load" [(EVar 2); (EBin Mul U64 (EVar 5) (EConst 8))];;
    SCall None "page_store" [(EVar 3); (EBin Mul U64 (EVar 5) (EConst 8)); (EVar 4)]);;
  SCall (Some 4) "page_load" [(EVar 2); (EConst 248)];;
  SCall None "page_store" [(EVar 3); (EConst 248); (EVar 4)];;
  SCall None "page_store" [(EVar 3); (EConst 256); (EConst 965)];;
  SCall (Some 4) "page_load" [(EVar 2); (EConst 472)];;
  SCall None "set_vm_cntvoff" [(EVar 0); (EVar 4)];;
  SIf (ECmp Ne (EVar 1) (EConst 0))
    (SCall None "set_vcpu_pending" [(EBin Mul U64 (EVar 0) (EConst 16)); (EConst 7)];;
    SCall None "set_vcpu_esr" [(EBin Mul U64 (EVar 0) (EConst 16)); (EConst 0)])
    (SCall None "set_vcpu_power" [(EBin Mul U64 (EVar 0) (EConst 16)); (EConst 1)])).

(* vm_finalise: 0=vm 1=ipa 2=bytes 3=sign 4=alive 5=state 6=type 7=vcpu0 8=must 9=vcpus 10=context *)
Definition f_vm_finalise : fundef := mkfun 4 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 4) "vm_alive" [(EVar 0)];;
  SCall (Some 8) "get_signed_only" [];;
  SIf (ECmp Eq (EVar 4) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 5) "get_vm_state" [(EVar 0)];;
  SCall (Some 6) "get_vm_type" [(EVar 0)];;
  SCall (Some 7) "get_vcpu_state" [(EBin Mul U64 (EVar 0) (EConst 16))];;
  SIf (ELOr (ECmp Ne (EVar 5) (EConst 1)) (ELAnd (ECmp Ne (EVar 3) (EConst 0)) (ECmp Ne (EVar 6) (EConst 1))))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SIf (ECmp Eq (EVar 6) (EConst 1))
    (SIf (ELAnd (ECmp Eq (EVar 3) (EConst 0)) (ECmp Ne (EVar 8) (EConst 0)))
      (SReturn (Some (EConst 18446744073709551615)))
      (SSkip);;
    SIf (ELOr (ELOr (ELOr (ECmp Ne (EBin And U64 (EBin Or U64 (EVar 1) (EVar 2)) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0)) (ECmp Ge (EVar 1) (EConst 1099511627776))) (ECmp Eq (EVar 2) (EConst 0))) (ECmp Gt (EVar 2) (EBin Sub U64 (EConst 1099511627776) (EVar 1))))
      (SReturn (Some (EConst 18446744073709551594)))
      (SSkip);;
    SIf (ECmp Eq (EVar 7) (EConst 0))
      (SReturn (Some (EConst 18446744073709551489)))
      (SSkip);;
    SCall None "set_vm_mem_base" [(EVar 0); (EVar 1)];;
    SCall None "set_vm_mem_end" [(EVar 0); (EBin Add U64 (EVar 1) (EVar 2))];;
    SCall None "vm_boot_registers" [(EVar 0); (EVar 3)];;
    SCall (Some 9) "get_vm_vcpus" [(EVar 0)];;
    SCall (Some 10) "get_vcpu_context" [(EBin Mul U64 (EVar 0) (EConst 16))];;
    SCall None "measure_begin" [(EVar 0); (EVar 1); (EBin Add U64 (EVar 1) (EVar 2)); (EVar 9); (EVar 10)])
    (SSkip);;
  SCall None "set_vm_state" [(EVar 0); (EConst 2)];;
  SReturn (Some (EConst 0))).

(* hc_vm_finalise: 0=vm 1=ipa 2=bytes 3=r *)
Definition f_hc_vm_finalise : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 3) "vm_finalise" [(EVar 0); (EVar 1); (EVar 2); (EConst 0)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 3))).

(* hc_vm_finalise_signed: 0=vm 1=ipa 2=bytes 3=r *)
Definition f_hc_vm_finalise_signed : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 3) "vm_finalise" [(EVar 0); (EVar 1); (EVar 2); (EConst 1)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 3))).

(* hc_vm_destroy_begin: 0=vm 1=alive 2=loaded 3=r *)
Definition f_hc_vm_destroy_begin : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EConst 0);;
  SCall None "lock_acquire" [];;
  SCall (Some 1) "vm_alive" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SAssign 3 (EConst 18446744073709551594))
    (SCall (Some 2) "get_vm_loaded" [(EVar 0)];;
    SIf (ECmp Ne (EVar 2) (EConst 0))
      (SAssign 3 (EConst 18446744073709551600))
      (SCall None "set_vm_state" [(EVar 0); (EConst 3)]));;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 3))).

(* vm_dying_check: 0=vm 1=alive 2=state *)
Definition f_vm_dying_check : fundef := mkfun 1 [U64; U64; U64] (Some U64) (
  SCall (Some 1) "vm_alive" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 2) "get_vm_state" [(EVar 0)];;
  SReturn (Some (ECond (ECmp Eq (EVar 2) (EConst 3)) (EConst 0) (EConst 18446744073709551489)))).

(* hc_vm_destroy_step: 0=vm 1=pages 2=r 3=i *)
Definition f_hc_vm_destroy_step : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SAssign 1 (EConst 0);;
  SCall None "lock_acquire" [];;
  SCall (Some 2) "vm_dying_check" [(EVar 0)];;
  SCall None "lock_release" [];;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SReturn (Some (EVar 2)))
    (SSkip);;
  SFor 3 U64 (EConst 0) (EConst 32) 1
    (SCall (Some 2) "vm_reap_one" [(EVar 0)];;
    SIf (ECmp Eq (EVar 2) (EConst 2))
      (SReturn (Some (EConst 0)))
      (SSkip);;
    SIf (ECmp Eq (EVar 2) (EConst 3))
      (SReturn (Some (EConst 18446744073709551605)))
      (SSkip);;
    SAssign 1 (EBin Add U64 (EVar 1) (EVar 2));;
    SIf (ECmp Ge (EVar 1) (EConst 16))
      (SReturn (Some (EConst 18446744073709551605)))
      (SSkip));;
  SReturn (Some (EConst 18446744073709551605))).

(* vm_destroy_end: 0=vm 1=r 2=cursor 3=vcpus 4=pages 5=tables *)
Definition f_vm_destroy_end : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "vm_dying_check" [(EVar 0)];;
  SIf (ECmp Ne (EVar 1) (EConst 0))
    (SReturn (Some (EVar 1)))
    (SSkip);;
  SCall (Some 2) "get_vm_cursor" [(EVar 0)];;
  SCall (Some 3) "get_vm_vcpus" [(EVar 0)];;
  SCall (Some 4) "get_vm_pages" [(EVar 0)];;
  SCall (Some 5) "get_vm_tables" [(EVar 0)];;
  SIf (ELOr (ELOr (ELOr (ECmp Lt (EVar 2) (EConst 1099511627776)) (ECmp Ne (EVar 3) (EConst 0))) (ECmp Ne (EVar 4) (EConst 0))) (ECmp Ne (EVar 5) (EConst 0)))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall None "set_vm_state" [(EVar 0); (EConst 0)];;
  SCall (Some 4) "get_vms_alive" [];;
  SCall None "set_vms_alive" [(EBin Sub U64 (EVar 4) (EConst 1))];;
  SCall None "log_event" [(EConst 4); (EVar 0); (EConst 0)];;
  SReturn (Some (EConst 0))).

(* hc_vm_destroy_end: 0=vm 1=r *)
Definition f_hc_vm_destroy_end : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 1) "vm_destroy_end" [(EVar 0)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 1))).

Definition m_vm : modul := [
  ("vm_alive", f_vm_alive);
  ("vm_find_free", f_vm_find_free);
  ("vm_create", f_vm_create);
  ("hc_vm_create", f_hc_vm_create);
  ("vm_boot_registers", f_vm_boot_registers);
  ("vm_finalise", f_vm_finalise);
  ("hc_vm_finalise", f_hc_vm_finalise);
  ("hc_vm_finalise_signed", f_hc_vm_finalise_signed);
  ("hc_vm_destroy_begin", f_hc_vm_destroy_begin);
  ("vm_dying_check", f_vm_dying_check);
  ("hc_vm_destroy_step", f_hc_vm_destroy_step);
  ("vm_destroy_end", f_vm_destroy_end);
  ("hc_vm_destroy_end", f_hc_vm_destroy_end)].
