(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from statements.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* helper: 0=a 1=b 2=c 3=d 4=e 5=a2 *)
Definition f_helper : fundef := mkfun 2 [U64; U32; U64; U64; U64; U64] (Some U64) (
  SAssign 2 (EBin Add U64 (EVar 0) (ECast U64 (EVar 1)));;
  SAssign 4 (EVar 2);;
  SAssign 3 (EVar 4);;
  SAssign 3 (EBin Add U64 (EVar 3) (EConst 3));;
  SAssign 3 (EBin Sub U64 (EVar 3) (ECast U64 (EVar 1)));;
  SAssign 3 (EBin Shl U64 (EVar 3) (EConst 2));;
  SAssign 4 (EBin Add U64 (EVar 4) (EConst 1));;
  SAssign 4 (EBin Sub U64 (EVar 4) (EConst 1));;
  SAssign 5 (EVar 3);;
  SAssign 3 (EBin Xor U64 (EVar 5) (EVar 4));;
  SReturn (Some (EVar 3))).

(* nothing: *)
Definition f_nothing : fundef := mkfun 0 [] None (
  SSkip).

(* early: 0=x 1=y 2=r 3=n 4=(result) 5=(result) 6=(result) *)
Definition f_early : fundef := mkfun 2 [U64; U32; U64; U32; U64; U32; U64] (Some U64) (
  SAssign 3 (ECast U32 (EVar 0));;
  SIf (ECmp Eq (EVar 0) (EConst 0))
    (SReturn (Some (EConst 1)))
    (SIf (ELAnd (ECmp Gt (EVar 1) (EConst 3)) (ELNot (ELOr (ECmp Lt (EVar 0) (EConst 5)) (EVar 3))))
      (SCall (Some 2) "helper" [(EVar 0); (EVar 1)])
      (SAssign 2 (EConst 0)));;
  SCall (Some 3) "load32" [(EVar 2)];;
  SCall (Some 4) "load" [(EVar 2)];;
  SAssign 3 (ECast U32 (EVar 4));;
  SCall (Some 5) "load32" [(EVar 0)];;
  SAssign 2 (ECast U64 (EVar 5));;
  SCall None "nothing" [];;
  SIf (EVar 3)
    (SCall (Some 6) "load" [(EVar 0)];;
    SReturn (Some (EVar 6)))
    (SSkip);;
  SReturn (Some (EVar 2))).

Definition m_statements : modul := [
  ("helper", f_helper);
  ("nothing", f_nothing);
  ("early", f_early)].
