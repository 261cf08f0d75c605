(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from guard.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* guard_find: 0=vm 1=n 2=ipa 3=base 4=end 5=i *)
Definition f_guard_find : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SFor 5 U64 (EConst 0) (EVar 1) 1
    (SCall (Some 3) "get_guard_base" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 16)) (EVar 5))];;
    SCall (Some 4) "get_guard_end" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 16)) (EVar 5))];;
    SIf (ELAnd (ECmp Le (EVar 3) (EVar 2)) (ECmp Lt (EVar 2) (EVar 4)))
      (SReturn (Some (EVar 5)))
      (SSkip));;
  SReturn (Some (EConst 16))).

(* guard_add: 0=vm 1=ipa 2=n 3=i *)
Definition f_guard_add : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_vm_guards" [(EVar 0)];;
  SCall (Some 3) "guard_find" [(EVar 0); (EVar 2); (EVar 1)];;
  SIf (ECmp Ne (EVar 3) (EConst 16))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 3) "guard_find" [(EVar 0); (EVar 2); (EBin Sub U64 (EVar 1) (EConst 4096))];;
  SIf (ECmp Eq (EVar 3) (EConst 16))
    (SIf (ECmp Ge (EVar 2) (EConst 16))
      (SReturn (Some (EConst 18446744073709551604)))
      (SSkip);;
    SAssign 3 (EVar 2);;
    SCall None "set_guard_base" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 16)) (EVar 3)); (EVar 1)];;
    SCall None "set_vm_guards" [(EVar 0); (EBin Add U64 (EVar 2) (EConst 1))])
    (SSkip);;
  SCall None "set_guard_end" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 16)) (EVar 3)); (EBin Add U64 (EVar 1) (EConst 4096))];;
  SReturn (Some (EConst 0))).

(* guard_check: 0=vm 1=ipa 2=n 3=i *)
Definition f_guard_check : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_vm_guards" [(EVar 0)];;
  SCall (Some 3) "guard_find" [(EVar 0); (EVar 2); (EVar 1)];;
  SReturn (Some (ECond (ELOr (ECmp Eq (EVar 2) (EConst 0)) (ECmp Ne (EVar 3) (EConst 16))) (EConst 1) (EConst 0)))).

(* guard_give: 0=vm 1=ipa 2=base 3=end 4=r *)
Definition f_guard_give : fundef := mkfun 2 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_vm_mem_base" [(EVar 0)];;
  SCall (Some 3) "get_vm_mem_end" [(EVar 0)];;
  SIf (ELOr (ELOr (ECmp Ne (EBin And U64 (EVar 1) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0)) (ELAnd (ECmp Ge (EVar 1) (EVar 2)) (ECmp Lt (EVar 1) (EVar 3)))) (ECmp Ge (EVar 1) (EConst 1099511627776)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 4) "guard_add" [(EVar 0); (EVar 1)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 4))).

(* guard_allows: 0=vm 1=ipa 2=base 3=end 4=r *)
Definition f_guard_allows : fundef := mkfun 2 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_vm_mem_base" [(EVar 0)];;
  SCall (Some 3) "get_vm_mem_end" [(EVar 0)];;
  SIf (ELAnd (ECmp Ge (EVar 1) (EVar 2)) (ECmp Lt (EVar 1) (EVar 3)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 4) "guard_check" [(EVar 0); (EVar 1)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 4))).

Definition m_guard : modul := [
  ("guard_find", f_guard_find);
  ("guard_add", f_guard_add);
  ("guard_check", f_guard_check);
  ("guard_give", f_guard_give);
  ("guard_allows", f_guard_allows)].
