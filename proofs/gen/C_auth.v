(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from auth.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* start_check: 0=vm 1=alive 2=state 3=type 4=pending *)
Definition f_start_check : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "vm_alive" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 2) "get_vm_state" [(EVar 0)];;
  SCall (Some 3) "get_vm_type" [(EVar 0)];;
  SCall (Some 4) "get_vcpu_pending" [(EBin Mul U64 (EVar 0) (EConst 16))];;
  SIf (ELOr (ELOr (ECmp Ne (EVar 2) (EConst 2)) (ECmp Ne (EVar 3) (EConst 1))) (ECmp Ne (EVar 4) (EConst 7)))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* vm_measure: 0=vm 1=ipa 2=r 3=pte *)
Definition f_vm_measure : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "start_check" [(EVar 0)];;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SReturn (Some (EVar 2)))
    (SSkip);;
  SCall (Some 3) "s2_load" [(EVar 0); (EVar 1); (EConst 3)];;
  SIf (ECmp Eq (EBin And U64 (EVar 3) (EConst 1)) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "measure_page" [(EVar 0); (EVar 1); (EBin And U64 (EVar 3) (EConst 1099511623680))];;
  SReturn (Some (EConst 0))).

(* hc_vm_measure: 0=vm 1=ipa 2=r *)
Definition f_hc_vm_measure : fundef := mkfun 2 [U64; U64; U64] (Some U64) (
  SIf (ELOr (ECmp Ne (EBin And U64 (EVar 1) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0)) (ECmp Ge (EVar 1) (EConst 1099511627776)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 2) "vm_measure" [(EVar 0); (EVar 1)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 2))).

(* vm_start: 0=vm 1=r 2=loaded 3=page 4=good *)
Definition f_vm_start : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "start_check" [(EVar 0)];;
  SIf (ECmp Ne (EVar 1) (EConst 0))
    (SReturn (Some (EVar 1)))
    (SSkip);;
  SCall (Some 2) "get_vm_loaded" [(EVar 0)];;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall (Some 3) "get_vcpu_page" [(EBin Mul U64 (EVar 0) (EConst 16))];;
  SCall (Some 4) "measure_signed" [(EVar 0); (EVar 3)];;
  SIf (ECmp Eq (EVar 4) (EConst 0))
    (SCall None "set_vm_state" [(EVar 0); (EConst 3)];;
    SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SCall None "set_vcpu_pending" [(EBin Mul U64 (EVar 0) (EConst 16)); (EConst 0)];;
  SCall None "set_vcpu_power" [(EBin Mul U64 (EVar 0) (EConst 16)); (EConst 1)];;
  SReturn (Some (EConst 0))).

(* hc_vm_start: 0=vm 1=r *)
Definition f_hc_vm_start : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 1) "vm_start" [(EVar 0)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 1))).

(* hc_vm_measurement: 0=vm 1=n 2=v *)
Definition f_hc_vm_measurement : fundef := mkfun 2 [U64; U64; U64] (Some U64) (
  SCall (Some 2) "measure_word" [(EVar 0); (EConst 1); (EVar 1)];;
  SCall None "host_x_set" [(EConst 1); (EVar 2)];;
  SReturn (Some (EConst 0))).

(* quote_check: 0=vm 1=alive 2=state 3=type 4=pending *)
Definition f_quote_check : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "vm_alive" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 2) "get_vm_state" [(EVar 0)];;
  SCall (Some 3) "get_vm_type" [(EVar 0)];;
  SCall (Some 4) "get_vcpu_pending" [(EBin Mul U64 (EVar 0) (EConst 16))];;
  SIf (ELOr (ELOr (ECmp Ne (EVar 2) (EConst 2)) (ECmp Ne (EVar 3) (EConst 1))) (ECmp Eq (EVar 4) (EConst 7)))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* vm_quote: 0=vm 1=d0 2=d1 3=d2 4=d3 5=r 6=made *)
Definition f_vm_quote : fundef := mkfun 5 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 5) "quote_check" [(EVar 0)];;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SReturn (Some (EVar 5)))
    (SSkip);;
  SCall (Some 6) "measure_quote" [(EVar 0); (EConst 1); (EVar 1); (EVar 2); (EVar 3); (EVar 4)];;
  SReturn (Some (ECond (ECmp Ne (EVar 6) (EConst 0)) (EConst 0) (EConst 18446744073709551578)))).

(* hc_vm_quote: 0=vm 1=d0 2=d1 3=d2 4=d3 5=r *)
Definition f_hc_vm_quote : fundef := mkfun 5 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 5) "vm_quote" [(EVar 0); (EVar 1); (EVar 2); (EVar 3); (EVar 4)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 5))).

Definition m_auth : modul := [
  ("start_check", f_start_check);
  ("vm_measure", f_vm_measure);
  ("hc_vm_measure", f_hc_vm_measure);
  ("vm_start", f_vm_start);
  ("hc_vm_start", f_hc_vm_start);
  ("hc_vm_measurement", f_hc_vm_measurement);
  ("quote_check", f_quote_check);
  ("vm_quote", f_vm_quote);
  ("hc_vm_quote", f_hc_vm_quote)].
