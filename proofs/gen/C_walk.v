(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from walk.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* level_bytes: 0=level *)
Definition f_level_bytes : fundef := mkfun 1 [U64] (Some U64) (
  SIf (ECmp Eq (EVar 0) (EConst 1))
    (SReturn (Some (EConst 1073741824)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 2))
    (SReturn (Some (EConst 2097152)))
    (SSkip);;
  SReturn (Some (EConst 4096))).

(* s2_root: 0=vm 1=base *)
Definition f_s2_root : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall (Some 1) "get_root_base" [];;
  SReturn (Some (EBin Add U64 (EVar 1) (EBin Mul U64 (EVar 0) (EConst 8192))))).

(* s2_vttbr: 0=vm 1=root *)
Definition f_s2_vttbr : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall (Some 1) "s2_root" [(EVar 0)];;
  SReturn (Some (EBin Or U64 (EVar 1) (EBin Shl U64 (EVar 0) (EConst 48))))).

(* entry_offset: 0=ipa 1=level *)
Definition f_entry_offset : fundef := mkfun 2 [U64; U64] (Some U64) (
  SIf (ECmp Eq (EVar 1) (EConst 1))
    (SReturn (Some (EBin Mul U64 (EBin And U64 (EBin Shr U64 (EVar 0) (EConst 30)) (EConst 1023)) (EConst 8))))
    (SSkip);;
  SIf (ECmp Eq (EVar 1) (EConst 2))
    (SReturn (Some (EBin Mul U64 (EBin And U64 (EBin Shr U64 (EVar 0) (EConst 21)) (EConst 511)) (EConst 8))))
    (SSkip);;
  SReturn (Some (EBin Mul U64 (EBin And U64 (EBin Shr U64 (EVar 0) (EConst 12)) (EConst 511)) (EConst 8)))).

(* s2_entry: 0=vm 1=ipa 2=level 3=table 4=offset 5=pte 6=is_table 7=l *)
Definition f_s2_entry : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "s2_root" [(EVar 0)];;
  SCall (Some 4) "entry_offset" [(EVar 1); (EConst 1)];;
  SFor 7 U64 (EConst 1) (EVar 2) 1
    (SCall (Some 5) "pt_load" [(EBin Add U64 (EVar 3) (EVar 4))];;
    SCall (Some 6) "pte_is_table" [(EVar 5)];;
    SIf (ECmp Eq (EVar 6) (EConst 0))
      (SReturn (Some (EConst 0)))
      (SSkip);;
    SAssign 3 (EBin And U64 (EVar 5) (EConst 1099511623680));;
    SCall (Some 4) "entry_offset" [(EVar 1); (EBin Add U64 (EVar 7) (EConst 1))]);;
  SReturn (Some (EBin Add U64 (EVar 3) (EVar 4)))).

(* s2_level: 0=vm 1=ipa 2=entry *)
Definition f_s2_level : fundef := mkfun 2 [U64; U64; U64] (Some U64) (
  SCall (Some 2) "s2_entry" [(EVar 0); (EVar 1); (EConst 3)];;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SReturn (Some (EConst 3)))
    (SSkip);;
  SCall (Some 2) "s2_entry" [(EVar 0); (EVar 1); (EConst 2)];;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SReturn (Some (EConst 2)))
    (SSkip);;
  SReturn (Some (EConst 1))).

(* s2_load: 0=vm 1=ipa 2=level 3=entry 4=(result) *)
Definition f_s2_load : fundef := mkfun 3 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "s2_entry" [(EVar 0); (EVar 1); (EVar 2)];;
  SIf (ECmp Eq (EVar 3) (EConst 0))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 4) "pt_load" [(EVar 3)];;
  SReturn (Some (EVar 4))).

(* s2_vacant: 0=vm 1=ipa 2=level 3=entry 4=offset 5=most 6=pte 7=i *)
Definition f_s2_vacant : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "s2_entry" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall (Some 4) "entry_offset" [(EVar 1); (EVar 2)];;
  SAssign 5 (EBin Sub U64 (EBin Sub U64 (EConst 128) (EConst 1)) (EBin And U64 (EBin Div U64 (EVar 4) (EConst 8)) (EBin Sub U64 (EConst 128) (EConst 1))));;
  SFor 7 U64 (EConst 0) (EVar 5) 1
    (SCall (Some 6) "pt_load" [(EBin Add U64 (EVar 3) (EBin Mul U64 (EVar 7) (EConst 8)))];;
    SIf (ECmp Ne (EBin And U64 (EVar 6) (EConst 1)) (EConst 0))
      (SReturn (Some (EVar 7)))
      (SSkip));;
  SReturn (Some (EVar 5))).

(* s2_table_empty: 0=vm 1=ipa 2=table 3=pte 4=i *)
Definition f_s2_table_empty : fundef := mkfun 2 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "s2_entry" [(EVar 0); (EBin And U64 (EVar 1) (EBNot U64 (EBin Sub U64 (EConst 2097152) (EConst 1)))); (EConst 3)];;
  SFor 4 U64 (EConst 0) (EConst 512) 1
    (SCall (Some 3) "pt_load" [(EBin Add U64 (EVar 2) (EBin Mul U64 (EVar 4) (EConst 8)))];;
    SIf (ECmp Ne (EBin And U64 (EVar 3) (EConst 1)) (EConst 0))
      (SReturn (Some (EConst 0)))
      (SSkip));;
  SReturn (Some (EConst 1))).

Definition m_walk : modul := [
  ("level_bytes", f_level_bytes);
  ("s2_root", f_s2_root);
  ("s2_vttbr", f_s2_vttbr);
  ("entry_offset", f_entry_offset);
  ("s2_entry", f_s2_entry);
  ("s2_level", f_s2_level);
  ("s2_load", f_s2_load);
  ("s2_vacant", f_s2_vacant);
  ("s2_table_empty", f_s2_table_empty)].
