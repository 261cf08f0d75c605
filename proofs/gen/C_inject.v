(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from inject.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* exception_vector: 0=pstate 1=vbar 2=mode *)
Definition f_exception_vector : fundef := mkfun 1 [U64; U64; U64] (Some U64) (
  SCall (Some 1) "vbar_el1_read" [];;
  SAssign 2 (EBin And U64 (EVar 0) (EConst 31));;
  SIf (ECmp Eq (EVar 2) (EConst 5))
    (SReturn (Some (EBin Add U64 (EVar 1) (EConst 512))))
    (SSkip);;
  SIf (ECmp Eq (EVar 2) (EConst 4))
    (SReturn (Some (EVar 1)))
    (SSkip);;
  SIf (ECmp Ne (EBin And U64 (EVar 2) (EConst 16)) (EConst 0))
    (SReturn (Some (EBin Add U64 (EVar 1) (EConst 1536))))
    (SSkip);;
  SReturn (Some (EBin Add U64 (EVar 1) (EConst 1024)))).

(* exception_pstate: 0=pstate 1=sctlr 2=pan *)
Definition f_exception_pstate : fundef := mkfun 1 [U64; U64; U64] (Some U64) (
  SCall (Some 1) "sctlr_el1_read" [];;
  SAssign 2 (ECond (ECmp Eq (EBin And U64 (EVar 1) (EConst 8388608)) (EConst 0)) (EConst 4194304) (EConst 0));;
  SReturn (Some (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin And U64 (EVar 0) (EBin Or U64 (EBin Or U64 (EConst 4026531840) (EConst 16777216)) (EConst 4194304))) (EVar 2)) (EConst 960)) (EConst 5)))).

(* exception_take: 0=pc 1=pstate 2=esr 3=far *)
Definition f_exception_take : fundef := mkfun 4 [U64; U64; U64; U64] None (
  SCall None "elr_el1_write" [(EVar 0)];;
  SCall None "spsr_el1_write" [(EVar 1)];;
  SCall None "esr_el1_write" [(EVar 2)];;
  SCall None "far_el1_write" [(EVar 3)]).

Definition m_inject : modul := [
  ("exception_vector", f_exception_vector);
  ("exception_pstate", f_exception_pstate);
  ("exception_take", f_exception_take)].
