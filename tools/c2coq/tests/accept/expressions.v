(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from expressions.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* expressions: 0=a 1=b 2=c 3=r 4=s 5=t *)
Definition f_expressions : fundef := mkfun 3 [U64; U64; U32; U64; U32; U64] (Some U64) (
  SAssign 3 (EBin Mod U64 (EBin Sub U64 (EBin Mul U64 (EBin Add U64 (EVar 0) (EVar 1)) (EConst 3)) (EBin Div U64 (EVar 0) (EBin Or U64 (EVar 1) (EConst 1)))) (EConst 7));;
  SAssign 4 (EBin Or U32 (EBin Shl U32 (EVar 2) (EConst 3)) (EBin Shr U32 (EVar 2) (EConst 29)));;
  SAssign 5 (ECast U64 (ECmp Eq (EVar 0) (EVar 1)));;
  SAssign 3 (EBin Xor U64 (EBin And U64 (EBNot U64 (EVar 3)) (EBin Or U64 (EVar 0) (EVar 1))) (ECast U64 (EVar 4)));;
  SAssign 3 (ECond (ECmp Gt (EVar 0) (EVar 1)) (EVar 0) (ECast U64 (EVar 2)));;
  SAssign 5 (ECast U64 (ECmp Eq (ECmp Lt (EVar 0) (EVar 1)) (ECmp Ne (EVar 2) (EConst 0))));;
  SAssign 3 (EBin Add U64 (EVar 3) (EBin Add U64 (ECast U64 (EBin Add U32 (EConst 3321907971) (EConst 7))) (EConst 7)));;
  SReturn (Some (EBin Add U64 (EVar 3) (EVar 5)))).

Definition m_expressions : modul := [
  ("expressions", f_expressions)].
