(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from pte.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* pte_is_table: 0=pte *)
Definition f_pte_is_table : fundef := mkfun 1 [U64] (Some U64) (
  SIf (ECmp Eq (EBin And U64 (EVar 0) (EBin Or U64 (EConst 1) (EConst 2))) (EBin Or U64 (EConst 1) (EConst 2)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* pte_leaf: 0=pa 1=prot 2=level 3=pte *)
Definition f_pte_leaf : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin And U64 (EVar 0) (EConst 1099511623680)) (EConst 1024)) (EConst 768)) (EConst 1));;
  SAssign 3 (EBin Or U64 (EVar 3) (ECond (ECmp Ne (EBin And U64 (EVar 1) (EConst 8)) (EConst 0)) (EConst 4) (EConst 60)));;
  SAssign 3 (EBin Or U64 (EVar 3) (ECond (ECmp Ne (EBin And U64 (EVar 1) (EConst 1)) (EConst 0)) (EConst 64) (EConst 0)));;
  SAssign 3 (EBin Or U64 (EVar 3) (ECond (ECmp Ne (EBin And U64 (EVar 1) (EConst 2)) (EConst 0)) (EConst 128) (EConst 0)));;
  SAssign 3 (EBin Or U64 (EVar 3) (ECond (ECmp Ne (EBin And U64 (EVar 1) (EConst 4)) (EConst 0)) (EConst 0) (EConst 18014398509481984)));;
  SAssign 3 (EBin Or U64 (EVar 3) (ECond (ECmp Eq (EVar 2) (EConst 3)) (EConst 2) (EConst 0)));;
  SReturn (Some (EVar 3))).

(* pte_prot: 0=pte 1=prot *)
Definition f_pte_prot : fundef := mkfun 1 [U64; U64] (Some U64) (
  SAssign 1 (EConst 0);;
  SAssign 1 (EBin Or U64 (EVar 1) (ECond (ECmp Ne (EBin And U64 (EVar 0) (EConst 64)) (EConst 0)) (EConst 1) (EConst 0)));;
  SAssign 1 (EBin Or U64 (EVar 1) (ECond (ECmp Ne (EBin And U64 (EVar 0) (EConst 128)) (EConst 0)) (EConst 2) (EConst 0)));;
  SAssign 1 (EBin Or U64 (EVar 1) (ECond (ECmp Ne (EBin And U64 (EVar 0) (EConst 18014398509481984)) (EConst 0)) (EConst 0) (EConst 4)));;
  SAssign 1 (EBin Or U64 (EVar 1) (ECond (ECmp Eq (EBin And U64 (EVar 0) (EConst 60)) (EConst 4)) (EConst 8) (EConst 0)));;
  SReturn (Some (EVar 1))).

Definition m_pte : modul := [
  ("pte_is_table", f_pte_is_table);
  ("pte_leaf", f_pte_leaf);
  ("pte_prot", f_pte_prot)].
