(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from host.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* host_block_whole: 0=ipa 1=block 2=index 3=dram 4=denied 5=(result) *)
Definition f_host_block_whole : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 1 (EBin And U64 (EVar 0) (EBNot U64 (EBin Sub U64 (EConst 2097152) (EConst 1))));;
  SCall (Some 2) "range_in_dram" [(EVar 1); (EConst 512)];;
  SIf (ECmp Ne (EVar 2) (EConst 18446744073709551615))
    (SCall (Some 5) "pages_host_owned" [(EVar 2); (EConst 512)];;
    SReturn (Some (EVar 5)))
    (SSkip);;
  SCall (Some 3) "range_has_dram" [(EVar 1); (EConst 2097152)];;
  SCall (Some 4) "range_denied" [(EVar 1); (EConst 2097152)];;
  SReturn (Some (ECond (ELAnd (ECmp Eq (EVar 3) (EConst 0)) (ECmp Eq (EVar 4) (EConst 0))) (EConst 1) (EConst 0)))).

(* host_page_allowed: 0=ipa 1=page 2=index 3=denied 4=(result) *)
Definition f_host_page_allowed : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SAssign 1 (EBin And U64 (EVar 0) (EBNot U64 (EBin Sub U64 (EConst 4096) (EConst 1))));;
  SCall (Some 2) "page_index" [(EVar 1)];;
  SIf (ECmp Ne (EVar 2) (EConst 18446744073709551615))
    (SCall (Some 4) "pages_host_owned" [(EVar 2); (EConst 1)];;
    SReturn (Some (EVar 4)))
    (SSkip);;
  SCall (Some 3) "range_denied" [(EVar 1); (EConst 4096)];;
  SReturn (Some (ECond (ECmp Eq (EVar 3) (EConst 0)) (EConst 1) (EConst 0)))).

(* host_map: 0=ipa 1=level 2=bytes 3=index 4=yes 5=pte 6=r *)
Definition f_host_map : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 1 (EConst 3);;
  SCall (Some 4) "host_page_allowed" [(EVar 0)];;
  SIf (ECmp Eq (EVar 4) (EConst 0))
    (SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SCall (Some 6) "s2_prepare" [(EConst 0); (EVar 0); (EConst 2)];;
  SIf (ECmp Ne (EVar 6) (EConst 0))
    (SReturn (Some (EVar 6)))
    (SSkip);;
  SCall (Some 1) "s2_level" [(EConst 0); (EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 2))
    (SCall (Some 4) "host_block_whole" [(EVar 0)];;
    SAssign 1 (ECond (ECmp Ne (EVar 4) (EConst 0)) (EConst 2) (EConst 3)))
    (SSkip);;
  SCall (Some 6) "s2_prepare" [(EConst 0); (EVar 0); (EVar 1)];;
  SIf (ECmp Ne (EVar 6) (EConst 0))
    (SReturn (Some (EVar 6)))
    (SSkip);;
  SCall (Some 2) "level_bytes" [(EVar 1)];;
  SCall (Some 3) "page_index" [(EBin And U64 (EVar 0) (EBNot U64 (EBin Sub U64 (EConst 4096) (EConst 1))))];;
  SCall (Some 5) "pte_leaf" [(EBin And U64 (EVar 0) (EBNot U64 (EBin Sub U64 (EVar 2) (EConst 1)))); (ECond (ECmp Ne (EVar 3) (EConst 18446744073709551615)) (EBin Or U64 (EBin Or U64 (EConst 1) (EConst 2)) (EConst 4)) (EBin Or U64 (EConst 1) (EConst 2))); (EVar 1)];;
  SCall None "s2_set" [(EConst 0); (EVar 0); (EVar 1); (EVar 5)];;
  SReturn (Some (EConst 0))).

(* host_fault_map: 0=ipa 1=level 2=pte 3=r *)
Definition f_host_fault_map : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SIf (ECmp Ge (EVar 0) (EConst 1099511627776))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 1) "s2_level" [(EConst 0); (EVar 0)];;
  SCall (Some 2) "s2_load" [(EConst 0); (EVar 0); (EVar 1)];;
  SIf (ECmp Ne (EBin And U64 (EVar 2) (EConst 1)) (EConst 0))
    (SAssign 3 (EConst 0))
    (SCall (Some 3) "host_map" [(EVar 0)]);;
  SCall None "lock_release" [];;
  SReturn (Some (ECond (ECmp Eq (EVar 3) (EConst 0)) (EConst 1) (EConst 0)))).

(* host_prepare_unmap: 0=pa 1=level 2=pte 3=r *)
Definition f_host_prepare_unmap : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "s2_level" [(EConst 0); (EVar 0)];;
  SCall (Some 2) "s2_load" [(EConst 0); (EVar 0); (EVar 1)];;
  SAssign 3 (EConst 0);;
  SIf (ELAnd (ECmp Eq (EVar 1) (EConst 2)) (ECmp Ne (EBin And U64 (EVar 2) (EConst 1)) (EConst 0)))
    (SCall (Some 3) "s2_split" [(EConst 0); (EVar 0)])
    (SSkip);;
  SReturn (Some (EVar 3))).

(* host_unmap: 0=pa 1=level *)
Definition f_host_unmap : fundef := mkfun 1 [U64; U64] None (
  SCall (Some 1) "s2_level" [(EConst 0); (EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 3))
    (SCall None "s2_clear" [(EConst 0); (EVar 0); (EConst 3)])
    (SSkip)).

Definition m_host : modul := [
  ("host_block_whole", f_host_block_whole);
  ("host_page_allowed", f_host_page_allowed);
  ("host_map", f_host_map);
  ("host_fault_map", f_host_fault_map);
  ("host_prepare_unmap", f_host_prepare_unmap);
  ("host_unmap", f_host_unmap)].
