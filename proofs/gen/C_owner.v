(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from owner.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* pages_host_owned: 0=index 1=pages 2=owner 3=i *)
Definition f_pages_host_owned : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SFor 3 U64 (EConst 0) (EVar 1) 1
    (SCall (Some 2) "get_page_owner" [(EBin Add U64 (EVar 0) (EVar 3))];;
    SIf (ECmp Ne (EVar 2) (EConst 0))
      (SReturn (Some (EConst 0)))
      (SSkip));;
  SReturn (Some (EConst 1))).

(* pages_map_add: 0=index 1=pages 2=maps 3=i *)
Definition f_pages_map_add : fundef := mkfun 2 [U64; U64; U64; U64] None (
  SFor 3 U64 (EConst 0) (EVar 1) 1
    (SCall (Some 2) "get_page_maps" [(EBin Add U64 (EVar 0) (EVar 3))];;
    SCall None "set_page_maps" [(EBin Add U64 (EVar 0) (EVar 3)); (EBin Add U64 (EVar 2) (EConst 1))])).

(* pages_map_sub: 0=index 1=pages 2=maps 3=i *)
Definition f_pages_map_sub : fundef := mkfun 2 [U64; U64; U64; U64] None (
  SFor 3 U64 (EConst 0) (EVar 1) 1
    (SCall (Some 2) "get_page_maps" [(EBin Add U64 (EVar 0) (EVar 3))];;
    SCall None "set_page_maps" [(EBin Add U64 (EVar 0) (EVar 3)); (EBin Sub U64 (EVar 2) (EConst 1))])).

Definition m_owner : modul := [
  ("pages_host_owned", f_pages_host_owned);
  ("pages_map_add", f_pages_map_add);
  ("pages_map_sub", f_pages_map_sub)].
