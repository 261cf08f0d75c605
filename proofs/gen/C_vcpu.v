(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from vcpu.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* vcpu_exists: 0=vcpu 1=state *)
Definition f_vcpu_exists : fundef := mkfun 1 [U64; U64] (Some U64) (
  SIf (ECmp Ge (EVar 0) (EBin Mul U64 (EConst 256) (EConst 16)))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 1) "get_vcpu_state" [(EVar 0)];;
  SReturn (Some (ECond (ECmp Ne (EVar 1) (EConst 0)) (EConst 1) (EConst 0)))).

(* vcpu_create_check: 0=vm 1=index 2=page 3=alive 4=state 5=type 6=record *)
Definition f_vcpu_create_check : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "vm_alive" [(EVar 0)];;
  SIf (ELOr (ELOr (ECmp Eq (EVar 3) (EConst 0)) (ECmp Ge (EVar 1) (EConst 16))) (ECmp Ne (EBin And U64 (EVar 2) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 4) "get_vm_state" [(EVar 0)];;
  SCall (Some 5) "get_vm_type" [(EVar 0)];;
  SIf (ELOr (ECmp Eq (EVar 4) (EConst 3)) (ELAnd (ECmp Eq (EVar 5) (EConst 1)) (ECmp Ne (EVar 4) (EConst 1))))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SCall (Some 4) "get_vcpu_state" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 16)) (EVar 1))];;
  SIf (ECmp Ne (EVar 4) (EConst 0))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall (Some 6) "page_index" [(EVar 2)];;
  SIf (ECmp Eq (EVar 6) (EConst 18446744073709551615))
    (SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SCall (Some 4) "get_page_owner" [(EVar 6)];;
  SIf (ECmp Ne (EVar 4) (EConst 0))
    (SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SCall (Some 4) "get_page_maps" [(EVar 6)];;
  SReturn (Some (ECond (ECmp Ne (EVar 4) (EConst 0)) (EConst 18446744073709551600) (EConst 0)))).

(* vcpu_create: 0=vm 1=index 2=page 3=vcpu 4=context 5=type 6=record 7=n 8=r *)
Definition f_vcpu_create : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 16)) (EVar 1));;
  SAssign 4 (EVar 2);;
  SCall (Some 8) "vcpu_create_check" [(EVar 0); (EVar 1); (EVar 2)];;
  SIf (ECmp Ne (EVar 8) (EConst 0))
    (SReturn (Some (EVar 8)))
    (SSkip);;
  SCall (Some 5) "get_vm_type" [(EVar 0)];;
  SIf (ECmp Eq (EVar 5) (EConst 1))
    (SCall (Some 4) "pool_alloc" [(EVar 0)];;
    SIf (ECmp Eq (EVar 4) (EConst 0))
      (SReturn (Some (EConst 18446744073709551604)))
      (SSkip);;
    SCall None "page_store" [(EVar 4); (EConst 280); (EConst 12912696)])
    (SSkip);;
  SCall (Some 6) "page_index" [(EVar 2)];;
  SCall None "pages_map_add" [(EVar 6); (EConst 1)];;
  SCall None "set_vcpu_page" [(EVar 3); (EVar 2)];;
  SCall None "set_vcpu_context" [(EVar 3); (EVar 4)];;
  SCall None "set_vcpu_power" [(EVar 3); (ECond (ECmp Eq (EVar 5) (EConst 1)) (EConst 0) (EConst 1))];;
  SCall None "set_vcpu_pending" [(EVar 3); (EConst 0)];;
  SCall None "set_vcpu_esr" [(EVar 3); (EConst 0)];;
  SCall None "set_vcpu_far" [(EVar 3); (EConst 0)];;
  SCall None "set_vcpu_entry" [(EVar 3); (EConst 0)];;
  SCall None "set_vcpu_entry_x0" [(EVar 3); (EConst 0)];;
  SCall None "set_vcpu_state" [(EVar 3); (EConst 1)];;
  SCall (Some 7) "get_vm_vcpus" [(EVar 0)];;
  SCall None "set_vm_vcpus" [(EVar 0); (EBin Add U64 (EVar 7) (EConst 1))];;
  SCall (Some 7) "get_vcpus_alive" [];;
  SCall None "set_vcpus_alive" [(EBin Add U64 (EVar 7) (EConst 1))];;
  SReturn (Some (EVar 3))).

(* hc_vcpu_create: 0=vm 1=index 2=page 3=r *)
Definition f_hc_vcpu_create : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 3) "vcpu_create" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 3))).

(* vcpu_destroy: 0=vcpu 1=exists 2=vm 3=type 4=n *)
Definition f_vcpu_destroy : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "vcpu_exists" [(EVar 0)];;
  SAssign 2 (EBin Div U64 (EVar 0) (EConst 16));;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 4) "get_vcpu_state" [(EVar 0)];;
  SIf (ECmp Eq (EVar 4) (EConst 2))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall (Some 3) "get_vm_type" [(EVar 2)];;
  SCall (Some 4) "get_vm_state" [(EVar 2)];;
  SIf (ECmp Eq (EVar 3) (EConst 1))
    (SIf (ECmp Eq (EVar 4) (EConst 2))
      (SReturn (Some (EConst 18446744073709551489)))
      (SSkip);;
    SCall (Some 4) "get_vcpu_context" [(EVar 0)];;
    SCall None "pool_give" [(EVar 2); (EVar 4)])
    (SSkip);;
  SCall (Some 4) "get_vcpu_page" [(EVar 0)];;
  SCall (Some 4) "page_index" [(EVar 4)];;
  SCall None "pages_map_sub" [(EVar 4); (EConst 1)];;
  SCall None "set_vcpu_state" [(EVar 0); (EConst 0)];;
  SCall (Some 4) "get_vm_vcpus" [(EVar 2)];;
  SCall None "set_vm_vcpus" [(EVar 2); (EBin Sub U64 (EVar 4) (EConst 1))];;
  SCall (Some 4) "get_vcpus_alive" [];;
  SCall None "set_vcpus_alive" [(EBin Sub U64 (EVar 4) (EConst 1))];;
  SReturn (Some (EConst 0))).

(* hc_vcpu_destroy: 0=vcpu 1=r *)
Definition f_hc_vcpu_destroy : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 1) "vcpu_destroy" [(EVar 0)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 1))).

(* vcpu_load: 0=cpu 1=vcpu 2=exists 3=vm 4=here 5=n *)
Definition f_vcpu_load : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "vcpu_exists" [(EVar 1)];;
  SAssign 3 (EBin Div U64 (EVar 1) (EConst 16));;
  SCall (Some 4) "get_cpu_vcpu" [(EVar 0)];;
  SIf (ECmp Eq (EVar 2) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 5) "get_vm_state" [(EVar 3)];;
  SIf (ECmp Ne (EVar 5) (EConst 2))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SCall (Some 5) "get_vcpu_state" [(EVar 1)];;
  SIf (ELOr (ECmp Ne (EVar 5) (EConst 1)) (ECmp Ne (EVar 4) (EConst 4294967295)))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall None "set_vcpu_state" [(EVar 1); (EConst 2)];;
  SCall None "set_cpu_vcpu" [(EVar 0); (EVar 1)];;
  SCall (Some 5) "get_vm_loaded" [(EVar 3)];;
  SCall None "set_vm_loaded" [(EVar 3); (EBin Add U64 (EVar 5) (EConst 1))];;
  SReturn (Some (EConst 0))).

(* timer_load: 0=vcpu 1=page 2=vm 3=type 4=offset *)
Definition f_timer_load : fundef := mkfun 2 [U64; U64; U64; U64; U64] None (
  SAssign 2 (EBin Div U64 (EVar 0) (EConst 16));;
  SCall (Some 3) "get_vm_type" [(EVar 2)];;
  SCall (Some 4) "get_vm_cntvoff" [(EVar 2)];;
  SIf (ECmp Eq (EVar 3) (EConst 0))
    (SCall (Some 4) "page_load" [(EVar 1); (EConst 472)])
    (SSkip);;
  SCall None "cntvoff_write" [(EVar 4)]).

(* tlb_load: 0=cpu 1=vcpu 2=vm 3=last 4=type 5=vttbr *)
Definition f_tlb_load : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] None (
  SAssign 2 (EBin Div U64 (EVar 1) (EConst 16));;
  SCall (Some 3) "get_last_vcpu" [(EBin Add U64 (EBin Mul U64 (EVar 2) (EConst 64)) (EVar 0))];;
  SCall (Some 4) "get_vm_type" [(EVar 2)];;
  SCall (Some 5) "s2_vttbr" [(EVar 2)];;
  SIf (ELAnd (ECmp Eq (EVar 4) (EConst 1)) (ECmp Ne (EVar 3) (EVar 1)))
    (SIf (ECmp Ne (EVar 3) (EConst 4294967295))
      (SCall None "tlbi_local" [(EVar 5)])
      (SSkip);;
    SCall None "set_last_vcpu" [(EBin Add U64 (EBin Mul U64 (EVar 2) (EConst 64)) (EVar 0)); (EVar 1)])
    (SSkip)).

(* hc_vcpu_load: 0=vcpu 1=cpu 2=gic 3=page 4=r *)
Definition f_hc_vcpu_load : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "cpu_id" [];;
  SCall (Some 2) "get_has_gicv3" [];;
  SCall None "lock_acquire" [];;
  SCall (Some 4) "vcpu_load" [(EVar 1); (EVar 0)];;
  SCall None "lock_release" [];;
  SIf (ECmp Ne (EVar 4) (EConst 0))
    (SReturn (Some (EVar 4)))
    (SSkip);;
  SCall (Some 3) "get_vcpu_page" [(EVar 0)];;
  SCall None "tlb_load" [(EVar 1); (EVar 0)];;
  SCall None "timer_load" [(EVar 0); (EVar 3)];;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SCall None "gic_state_load" [(EVar 3)])
    (SSkip);;
  SReturn (Some (EConst 0))).

(* hc_vcpu_put: 0=cpu 1=vcpu 2=vm 3=gic 4=n *)
Definition f_hc_vcpu_put : fundef := mkfun 0 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 0) "cpu_id" [];;
  SCall (Some 1) "get_cpu_vcpu" [(EVar 0)];;
  SAssign 2 (EBin Div U64 (EVar 1) (EConst 16));;
  SCall (Some 3) "get_has_gicv3" [];;
  SIf (ECmp Eq (EVar 1) (EConst 4294967295))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SCall None "fp_release" [(EVar 0); (EVar 1)];;
  SCall (Some 4) "get_vcpu_page" [(EVar 1)];;
  SIf (ECmp Ne (EVar 3) (EConst 0))
    (SCall None "gic_state_save" [(EVar 4)])
    (SSkip);;
  SCall None "cntvoff_write" [(EConst 0)];;
  SCall None "lock_acquire" [];;
  SCall None "set_cpu_vcpu" [(EVar 0); (EConst 4294967295)];;
  SCall None "set_vcpu_state" [(EVar 1); (EConst 1)];;
  SCall (Some 4) "get_vm_loaded" [(EVar 2)];;
  SCall None "set_vm_loaded" [(EVar 2); (EBin Sub U64 (EVar 4) (EConst 1))];;
  SCall None "lock_release" [];;
  SReturn (Some (EConst 0))).

(* hc_vgic_vmcr_read: 0=cpu 1=vcpu 2=gic 3=(result) *)
Definition f_hc_vgic_vmcr_read : fundef := mkfun 0 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 0) "cpu_id" [];;
  SCall (Some 1) "get_cpu_vcpu" [(EVar 0)];;
  SCall (Some 2) "get_has_gicv3" [];;
  SIf (ELOr (ECmp Eq (EVar 1) (EConst 4294967295)) (ECmp Eq (EVar 2) (EConst 0)))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SCall (Some 3) "gic_vmcr_read" [];;
  SReturn (Some (EVar 3))).

Definition m_vcpu : modul := [
  ("vcpu_exists", f_vcpu_exists);
  ("vcpu_create_check", f_vcpu_create_check);
  ("vcpu_create", f_vcpu_create);
  ("hc_vcpu_create", f_hc_vcpu_create);
  ("vcpu_destroy", f_vcpu_destroy);
  ("hc_vcpu_destroy", f_hc_vcpu_destroy);
  ("vcpu_load", f_vcpu_load);
  ("timer_load", f_timer_load);
  ("tlb_load", f_tlb_load);
  ("hc_vcpu_load", f_hc_vcpu_load);
  ("hc_vcpu_put", f_hc_vcpu_put);
  ("hc_vgic_vmcr_read", f_hc_vgic_vmcr_read)].
