(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from s2map.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* s2_prepare: 0=vm 1=ipa 2=level 3=entry 4=pte 5=is_table 6=table 7=l *)
Definition f_s2_prepare : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SFor 7 U64 (EConst 1) (EVar 2) 1
    (SCall (Some 3) "s2_entry" [(EVar 0); (EVar 1); (EVar 7)];;
    SCall (Some 4) "pt_load" [(EVar 3)];;
    SCall (Some 5) "pte_is_table" [(EVar 4)];;
    SIf (ELAnd (ECmp Eq (EVar 5) (EConst 0)) (ECmp Ne (EBin And U64 (EVar 4) (EConst 1)) (EConst 0)))
      (SReturn (Some (EConst 18446744073709551600)))
      (SSkip);;
    SIf (ECmp Eq (EVar 5) (EConst 0))
      (SCall (Some 6) "pool_alloc" [(EVar 0)];;
      SIf (ECmp Eq (EVar 6) (EConst 0))
        (SReturn (Some (EConst 18446744073709551604)))
        (SSkip);;
      SCall None "dsb_store" [];;
      SCall None "pt_store" [(EVar 3); (EBin Or U64 (EBin Or U64 (EVar 6) (EConst 2)) (EConst 1))];;
      SCall None "dsb_store" [])
      (SSkip));;
  SReturn (Some (EConst 0))).

(* s2_set: 0=vm 1=ipa 2=level 3=pte 4=entry *)
Definition f_s2_set : fundef := mkfun 4 [U64; U64; U64; U64; U64] None (
  SCall (Some 4) "s2_entry" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall None "pt_store" [(EVar 4); (EVar 3)];;
  SCall None "dsb_store" []).

(* s2_clear: 0=vm 1=ipa 2=level 3=entry 4=vttbr 5=pte *)
Definition f_s2_clear : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "s2_entry" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall (Some 4) "s2_vttbr" [(EVar 0)];;
  SCall (Some 5) "pt_load" [(EVar 3)];;
  SIf (ECmp Ne (EBin And U64 (EVar 5) (EConst 1)) (EConst 0))
    (SCall None "pt_store" [(EVar 3); (EConst 0)];;
    SCall None "dsb_store" [];;
    SCall None "tlbi_ipa" [(EVar 4); (EVar 1)];;
    SCall None "dsb_tlbi" [])
    (SSkip);;
  SReturn (Some (EVar 5))).

(* s2_free_table: 0=vm 1=ipa 2=level 3=entry 4=vttbr 5=pte *)
Definition f_s2_free_table : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 3) "s2_entry" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall (Some 4) "s2_vttbr" [(EVar 0)];;
  SCall (Some 5) "pt_load" [(EVar 3)];;
  SCall None "pt_store" [(EVar 3); (EConst 0)];;
  SCall None "dsb_store" [];;
  SCall None "tlbi_vmid" [(EVar 4)];;
  SCall None "dsb_tlbi" [];;
  SCall None "pool_give" [(EVar 0); (EBin And U64 (EVar 5) (EConst 1099511623680))]).

(* s2_split: 0=vm 1=ipa 2=entry 3=vttbr 4=pte 5=table 6=i *)
Definition f_s2_split : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "s2_entry" [(EVar 0); (EVar 1); (EConst 2)];;
  SCall (Some 3) "s2_vttbr" [(EVar 0)];;
  SCall (Some 4) "pt_load" [(EVar 2)];;
  SCall (Some 5) "pool_alloc" [(EVar 0)];;
  SIf (ECmp Eq (EVar 5) (EConst 0))
    (SReturn (Some (EConst 18446744073709551604)))
    (SSkip);;
  SFor 6 U64 (EConst 0) (EConst 512) 1
    (SCall None "pt_store" [(EBin Add U64 (EVar 5) (EBin Mul U64 (EVar 6) (EConst 8))); (EBin Add U64 (EBin Or U64 (EVar 4) (EConst 2)) (EBin Mul U64 (EVar 6) (EConst 4096)))]);;
  SCall None "dsb_store" [];;
  SCall None "pt_store" [(EVar 2); (EConst 0)];;
  SCall None "dsb_store" [];;
  SCall None "tlbi_ipa" [(EVar 3); (EVar 1)];;
  SCall None "dsb_tlbi" [];;
  SCall None "pt_store" [(EVar 2); (EBin Or U64 (EBin Or U64 (EVar 5) (EConst 2)) (EConst 1))];;
  SCall None "dsb_store" [];;
  SReturn (Some (EConst 0))).

Definition m_s2map : modul := [
  ("s2_prepare", f_s2_prepare);
  ("s2_set", f_s2_set);
  ("s2_clear", f_s2_clear);
  ("s2_free_table", f_s2_free_table);
  ("s2_split", f_s2_split)].
