(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from loops.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* loops: 0=n 1=m 2=i 3=sum 4=j 5=k *)
Definition f_loops : fundef := mkfun 2 [U64; U32; U64; U64; U32; U64] (Some U64) (
  SAssign 3 (EConst 0);;
  SFor 2 U64 (EConst 0) (EConst 512) 1
    (SCall None "store" [(EBin Mul U64 (EVar 2) (EConst 8)); (EConst 0)]);;
  SFor 2 U64 (EVar 0) (EBin Add U64 (EVar 0) (EConst 4)) 1
    (SAssign 3 (EBin Add U64 (EVar 3) (EVar 2)));;
  SFor 4 U32 (EConst 0) (EVar 1) 2
    (SFor 5 U64 (EConst 0) (EVar 0) 4096
      (SIf (ECmp Eq (EVar 5) (EVar 3))
        (SReturn (Some (EVar 5)))
        (SSkip);;
      SAssign 3 (EBin Add U64 (EVar 3) (EVar 5))));;
  SReturn (Some (EVar 3))).

Definition m_loops : modul := [
  ("loops", f_loops)].
