(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from pool.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* pool_zero: 0=pa 1=i *)
Definition f_pool_zero : fundef := mkfun 1 [U64; U64] None (
  SFor 1 U64 (EConst 0) (EConst 512) 1
    (SCall None "pt_store" [(EBin Add U64 (EVar 0) (EBin Mul U64 (EVar 1) (EConst 8))); (EConst 0)])).

(* pool_alloc: 0=vm 1=free 2=reserve 3=pa 4=next 5=base *)
Definition f_pool_alloc : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "get_pool_free" [];;
  SCall (Some 2) "get_pool_reserve" [];;
  SCall (Some 3) "get_pool_head" [];;
  SIf (ELOr (ECmp Eq (EVar 1) (EConst 0)) (ELAnd (ECmp Ne (EVar 0) (EConst 0)) (ECmp Le (EVar 1) (EVar 2))))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ECmp Ne (EVar 3) (EConst 0))
    (SCall (Some 4) "pt_load" [(EVar 3)];;
    SCall None "set_pool_head" [(EVar 4)])
    (SCall (Some 4) "get_pool_bump" [];;
    SCall (Some 5) "get_pool_base" [];;
    SAssign 3 (EBin Add U64 (EVar 5) (EBin Mul U64 (EVar 4) (EConst 4096)));;
    SCall None "set_pool_bump" [(EBin Add U64 (EVar 4) (EConst 1))]);;
  SCall None "set_pool_free" [(EBin Sub U64 (EVar 1) (EConst 1))];;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 0)) (ECmp Gt (EVar 2) (EConst 0)))
    (SCall None "set_pool_reserve" [(EBin Sub U64 (EVar 2) (EConst 1))])
    (SSkip);;
  SCall (Some 4) "get_vm_tables" [(EVar 0)];;
  SCall None "set_vm_tables" [(EVar 0); (EBin Add U64 (EVar 4) (EConst 1))];;
  SCall None "pool_zero" [(EVar 3)];;
  SReturn (Some (EVar 3))).

(* pool_give: 0=vm 1=pa 2=free 3=head 4=used *)
Definition f_pool_give : fundef := mkfun 2 [U64; U64; U64; U64; U64] None (
  SCall (Some 2) "get_pool_free" [];;
  SCall (Some 3) "get_pool_head" [];;
  SCall (Some 4) "get_vm_tables" [(EVar 0)];;
  SCall None "pool_zero" [(EVar 1)];;
  SCall None "pt_store" [(EVar 1); (EVar 3)];;
  SCall None "set_pool_head" [(EVar 1)];;
  SCall None "set_pool_free" [(EBin Add U64 (EVar 2) (EConst 1))];;
  SCall None "set_vm_tables" [(EVar 0); (EBin Sub U64 (EVar 4) (EConst 1))]).

Definition m_pool : modul := [
  ("pool_zero", f_pool_zero);
  ("pool_alloc", f_pool_alloc);
  ("pool_give", f_pool_give)].
