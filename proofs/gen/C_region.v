(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from region.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* range_in_dram: 0=pa 1=pages 2=n 3=base 4=end 5=first 6=i *)
Definition f_range_in_dram : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_nr_dram" [];;
  SFor 6 U64 (EConst 0) (EVar 2) 1
    (SCall (Some 3) "get_dram_base" [(EVar 6)];;
    SCall (Some 4) "get_dram_end" [(EVar 6)];;
    SCall (Some 5) "get_dram_first" [(EVar 6)];;
    SIf (ELAnd (ELAnd (ECmp Ge (EVar 0) (EVar 3)) (ECmp Lt (EVar 0) (EVar 4))) (ECmp Le (EVar 1) (EBin Div U64 (EBin Sub U64 (EVar 4) (EVar 0)) (EConst 4096))))
      (SReturn (Some (EBin Add U64 (EVar 5) (EBin Div U64 (EBin Sub U64 (EVar 0) (EVar 3)) (EConst 4096)))))
      (SSkip));;
  SReturn (Some (EConst 18446744073709551615))).

(* page_index: 0=pa 1=(result) *)
Definition f_page_index : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall (Some 1) "range_in_dram" [(EVar 0); (EConst 1)];;
  SReturn (Some (EVar 1))).

(* range_has_dram: 0=pa 1=bytes 2=n 3=base 4=end 5=i *)
Definition f_range_has_dram : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_nr_dram" [];;
  SFor 5 U64 (EConst 0) (EVar 2) 1
    (SCall (Some 3) "get_dram_base" [(EVar 5)];;
    SCall (Some 4) "get_dram_end" [(EVar 5)];;
    SIf (ELAnd (ECmp Lt (EVar 0) (EVar 4)) (ECmp Gt (EBin Add U64 (EVar 0) (EVar 1)) (EVar 3)))
      (SReturn (Some (EConst 1)))
      (SSkip));;
  SReturn (Some (EConst 0))).

(* range_denied: 0=pa 1=bytes 2=n 3=base 4=end 5=i *)
Definition f_range_denied : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_nr_denied" [];;
  SFor 5 U64 (EConst 0) (EVar 2) 1
    (SCall (Some 3) "get_denied_base" [(EVar 5)];;
    SCall (Some 4) "get_denied_end" [(EVar 5)];;
    SIf (ELAnd (ECmp Lt (EVar 0) (EVar 4)) (ECmp Gt (EBin Add U64 (EVar 0) (EVar 1)) (EVar 3)))
      (SReturn (Some (EConst 1)))
      (SSkip));;
  SReturn (Some (EConst 0))).

Definition m_region : modul := [
  ("range_in_dram", f_range_in_dram);
  ("page_index", f_page_index);
  ("range_has_dram", f_range_has_dram);
  ("range_denied", f_range_denied)].
