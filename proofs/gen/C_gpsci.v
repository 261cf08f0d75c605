(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from gpsci.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* guest_target: 0=vcpu 1=mpidr 2=target 3=state *)
Definition f_guest_target : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SAssign 2 (EBin Add U64 (EBin Mul U64 (EBin Div U64 (EVar 0) (EConst 16)) (EConst 16)) (EVar 1));;
  SIf (ECmp Ge (EVar 1) (EConst 16))
    (SReturn (Some (EConst 4294967295)))
    (SSkip);;
  SCall (Some 3) "get_vcpu_state" [(EVar 2)];;
  SReturn (Some (ECond (ECmp Ne (EVar 3) (EConst 0)) (EVar 2) (EConst 4294967295)))).

(* guest_cpu_on: 0=target 1=entry 2=x0 3=power *)
Definition f_guest_cpu_on : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "get_vcpu_power" [(EVar 0)];;
  SIf (ECmp Ne (EVar 3) (EConst 0))
    (SReturn (Some (EConst 18446744073709551612)))
    (SSkip);;
  SCall None "set_vcpu_entry" [(EVar 0); (EVar 1)];;
  SCall None "set_vcpu_entry_x0" [(EVar 0); (EVar 2)];;
  SCall None "set_vcpu_power" [(EVar 0); (EConst 2)];;
  SReturn (Some (EConst 1))).

(* guest_psci_on: 0=vcpu 1=context 2=fn 3=x1 4=x2 5=x3 6=mask 7=entry 8=x0 9=target 10=r *)
Definition f_guest_psci_on : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SCall (Some 4) "page_load" [(EVar 1); (EBin Mul U64 (EConst 2) (EConst 8))];;
  SCall (Some 5) "page_load" [(EVar 1); (EBin Mul U64 (EConst 3) (EConst 8))];;
  SAssign 6 (ECond (ECmp Ne (EBin And U64 (EVar 2) (EConst 1073741824)) (EConst 0)) (EConst 18446744073709551615) (EConst 4294967295));;
  SAssign 7 (EBin And U64 (EVar 4) (EVar 6));;
  SAssign 8 (EBin And U64 (EVar 5) (EVar 6));;
  SCall (Some 9) "guest_target" [(EVar 0); (EBin And U64 (EBin And U64 (EVar 3) (EVar 6)) (EConst 1095233437695))];;
  SIf (ECmp Eq (EVar 9) (EConst 4294967295))
    (SReturn (Some (EConst 18446744073709551614)))
    (SSkip);;
  SIf (ECmp Ne (EBin And U64 (EVar 7) (EConst 3)) (EConst 0))
    (SReturn (Some (EConst 18446744073709551607)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 10) "guest_cpu_on" [(EVar 9); (EVar 7); (EVar 8)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 10))).

(* guest_psci_info: 0=vcpu 1=context 2=mpidr 3=level 4=target 5=power *)
Definition f_guest_psci_info : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SCall (Some 3) "page_load" [(EVar 1); (EBin Mul U64 (EConst 2) (EConst 8))];;
  SCall (Some 4) "guest_target" [(EVar 0); (EBin And U64 (EVar 2) (EConst 1095233437695))];;
  SIf (ELOr (ECmp Eq (EVar 4) (EConst 4294967295)) (ECmp Ne (EBin And U64 (EVar 3) (EConst 4294967295)) (EConst 0)))
    (SReturn (Some (EConst 18446744073709551614)))
    (SSkip);;
  SCall (Some 5) "get_vcpu_power" [(EVar 4)];;
  SReturn (Some (ECond (ECmp Eq (EVar 5) (EConst 0)) (EConst 1) (EConst 0)))).

(* guest_psci_features: 0=fn 1=base *)
Definition f_guest_psci_features : fundef := mkfun 1 [U64; U64] (Some U64) (
  SAssign 1 (EBin And U64 (EVar 0) (EBNot U64 (EConst 1073741824)));;
  SIf (ELOr (ELOr (ECmp Eq (EVar 1) (EConst 2214592513)) (ECmp Eq (EVar 1) (EConst 2214592515))) (ECmp Eq (EVar 1) (EConst 2214592516)))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ELOr (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 2214592512)) (ECmp Eq (EVar 0) (EConst 2214592514))) (ECmp Eq (EVar 0) (EConst 2214592518))) (ECmp Eq (EVar 0) (EConst 2147483648)))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ELAnd (ECmp Ge (EVar 0) (EConst 2214592520)) (ECmp Le (EVar 0) (EConst 2214592522)))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SReturn (Some (EConst 18446744073709551615))).

(* guest_off: 0=vcpu *)
Definition f_guest_off : fundef := mkfun 1 [U64] None (
  SCall None "lock_acquire" [];;
  SCall None "set_vcpu_power" [(EVar 0); (EConst 0)];;
  SCall None "lock_release" []).

(* guest_call: 0=vcpu 1=context 2=fn 3=base 4=x1 5=(result) 6=(result) *)
Definition f_guest_call : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EBin And U64 (EVar 2) (EBNot U64 (EConst 1073741824)));;
  SCall (Some 4) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SIf (ELOr (ECmp Eq (EVar 2) (EConst 2214592512)) (ECmp Eq (EVar 2) (EConst 2147483648)))
    (SReturn (Some (EConst 65537)))
    (SSkip);;
  SIf (ECmp Eq (EVar 3) (EConst 2214592513))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ECmp Eq (EVar 3) (EConst 2214592516))
    (SCall (Some 5) "guest_psci_info" [(EVar 0); (EVar 1)];;
    SReturn (Some (EVar 5)))
    (SSkip);;
  SIf (ECmp Eq (EVar 2) (EConst 2214592518))
    (SReturn (Some (EConst 2)))
    (SSkip);;
  SIf (ECmp Eq (EVar 2) (EConst 2214592522))
    (SCall (Some 6) "guest_psci_features" [(EBin And U64 (EVar 4) (EConst 4294967295))];;
    SReturn (Some (EVar 6)))
    (SSkip);;
  SReturn (Some (EConst 18446744073709551615))).

(* guest_hvc: 0=vcpu 1=context 2=page 3=fn 4=mpidr 5=r *)
Definition f_guest_hvc : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "get_vcpu_context" [(EVar 0)];;
  SCall (Some 2) "get_vcpu_page" [(EVar 0)];;
  SCall (Some 3) "page_load" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8))];;
  SAssign 3 (EBin And U64 (EVar 3) (EConst 4294967295));;
  SIf (ECmp Eq (EBin And U64 (EVar 3) (EBNot U64 (EConst 1073741824))) (EConst 2214592515))
    (SCall (Some 5) "guest_psci_on" [(EVar 0); (EVar 1); (EVar 3)];;
    SIf (ECmp Ne (EVar 5) (EConst 1))
      (SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (EVar 5)];;
      SReturn (Some (EConst 1)))
      (SSkip);;
    SCall (Some 4) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
    SCall None "page_store" [(EVar 2); (EBin Mul U64 (EConst 0) (EConst 8)); (EVar 3)];;
    SCall None "page_store" [(EVar 2); (EBin Mul U64 (EConst 1) (EConst 8)); (EVar 4)];;
    SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (EConst 0)];;
    SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ELOr (ELOr (ECmp Eq (EVar 3) (EConst 2214592514)) (ECmp Eq (EVar 3) (EConst 2214592520))) (ECmp Eq (EVar 3) (EConst 2214592521)))
    (SIf (ECmp Eq (EVar 3) (EConst 2214592514))
      (SCall None "guest_off" [(EVar 0)])
      (SSkip);;
    SCall None "page_store" [(EVar 2); (EBin Mul U64 (EConst 0) (EConst 8)); (EVar 3)];;
    SCall None "page_store" [(EVar 2); (EBin Mul U64 (EConst 1) (EConst 8)); (EConst 0)];;
    SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (EConst 18446744073709551610)];;
    SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 5) "guest_call" [(EVar 0); (EVar 1); (EVar 3)];;
  SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (EVar 5)];;
  SReturn (Some (EConst 1))).

(* sysreg_raz_wi: 0=reg 1=op0 2=op1 3=crn *)
Definition f_sysreg_raz_wi : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SAssign 1 (EBin Shr U64 (EVar 0) (EConst 20));;
  SAssign 2 (EBin And U64 (EBin Shr U64 (EVar 0) (EConst 14)) (EConst 7));;
  SAssign 3 (EBin And U64 (EBin Shr U64 (EVar 0) (EConst 10)) (EConst 15));;
  SIf (ELAnd (ELAnd (ECmp Eq (EVar 1) (EConst 2)) (ELOr (ECmp Eq (EVar 2) (EConst 0)) (ECmp Eq (EVar 2) (EConst 3)))) (ECmp Lt (EVar 3) (EConst 8)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELOr (ELOr (ECmp Eq (EVar 0) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 3) (EConst 20)) (EBin Shl U64 (EConst 1) (EConst 17))) (EBin Shl U64 (EConst 0) (EConst 14))) (EBin Shl U64 (EConst 1) (EConst 10))) (EBin Shl U64 (EConst 0) (EConst 1)))) (ECmp Eq (EVar 0) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 3) (EConst 20)) (EBin Shl U64 (EConst 7) (EConst 17))) (EBin Shl U64 (EConst 1) (EConst 14))) (EBin Shl U64 (EConst 0) (EConst 10))) (EBin Shl U64 (EConst 0) (EConst 1))))) (ELAnd (ECmp Eq (EVar 1) (EConst 1)) (ECmp Eq (EVar 3) (EConst 7))))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* guest_sysreg: 0=vcpu 1=esr 2=context 3=reg 4=read 5=rt 6=gic 7=value 8=known *)
Definition f_guest_sysreg : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_vcpu_context" [(EVar 0)];;
  SAssign 3 (EBin And U64 (EVar 1) (EConst 4193310));;
  SAssign 4 (EBin And U64 (EVar 1) (EConst 1));;
  SAssign 5 (EBin And U64 (EBin Shr U64 (EVar 1) (EConst 5)) (EConst 31));;
  SCall (Some 6) "get_has_gicv3" [];;
  SAssign 7 (EConst 0);;
  SIf (ELAnd (ELAnd (ECmp Ne (EVar 6) (EConst 0)) (ECmp Eq (EVar 4) (EConst 0))) (ELOr (ELOr (ECmp Eq (EVar 3) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 3) (EConst 20)) (EBin Shl U64 (EConst 5) (EConst 17))) (EBin Shl U64 (EConst 0) (EConst 14))) (EBin Shl U64 (EConst 12) (EConst 10))) (EBin Shl U64 (EConst 11) (EConst 1)))) (ECmp Eq (EVar 3) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 3) (EConst 20)) (EBin Shl U64 (EConst 6) (EConst 17))) (EBin Shl U64 (EConst 0) (EConst 14))) (EBin Shl U64 (EConst 12) (EConst 10))) (EBin Shl U64 (EConst 11) (EConst 1))))) (ECmp Eq (EVar 3) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 3) (EConst 20)) (EBin Shl U64 (EConst 7) (EConst 17))) (EBin Shl U64 (EConst 0) (EConst 14))) (EBin Shl U64 (EConst 12) (EConst 10))) (EBin Shl U64 (EConst 11) (EConst 1))))))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 8) "sysreg_raz_wi" [(EVar 3)];;
  SIf (ELAnd (ECmp Eq (EBin And U64 (EVar 3) (EBNot U64 (EConst 917534))) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 3) (EConst 20)) (EBin Shl U64 (EConst 0) (EConst 17))) (EBin Shl U64 (EConst 0) (EConst 14))) (EBin Shl U64 (EConst 0) (EConst 10))) (EBin Shl U64 (EConst 0) (EConst 1)))) (ECmp Ne (EVar 4) (EConst 0)))
    (SCall (Some 7) "idreg_guest" [(EBin And U64 (EBin Shr U64 (EVar 3) (EConst 1)) (EConst 15)); (EBin And U64 (EBin Shr U64 (EVar 3) (EConst 17)) (EConst 7))];;
    SAssign 8 (EConst 1))
    (SSkip);;
  SIf (ELAnd (ECmp Ne (EVar 6) (EConst 0)) (ECmp Eq (EVar 3) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 3) (EConst 20)) (EBin Shl U64 (EConst 5) (EConst 17))) (EBin Shl U64 (EConst 0) (EConst 14))) (EBin Shl U64 (EConst 12) (EConst 10))) (EBin Shl U64 (EConst 12) (EConst 1)))))
    (SAssign 7 (EConst 7);;
    SAssign 8 (EConst 1))
    (SSkip);;
  SIf (ECmp Eq (EVar 8) (EConst 0))
    (SCall None "guest_undefined" [(EVar 2)];;
    SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELAnd (ECmp Ne (EVar 4) (EConst 0)) (ECmp Ne (EVar 5) (EConst 31)))
    (SCall None "page_store" [(EVar 2); (EBin Mul U64 (EVar 5) (EConst 8)); (EVar 7)])
    (SSkip);;
  SCall None "guest_advance" [(EVar 2)];;
  SReturn (Some (EConst 1))).

Definition m_gpsci : modul := [
  ("guest_target", f_guest_target);
  ("guest_cpu_on", f_guest_cpu_on);
  ("guest_psci_on", f_guest_psci_on);
  ("guest_psci_info", f_guest_psci_info);
  ("guest_psci_features", f_guest_psci_features);
  ("guest_off", f_guest_off);
  ("guest_call", f_guest_call);
  ("guest_hvc", f_guest_hvc);
  ("sysreg_raz_wi", f_sysreg_raz_wi);
  ("guest_sysreg", f_guest_sysreg)].
