(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from range.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* normal_check: 0=vm 1=state 2=type *)
Definition f_normal_check : fundef := mkfun 1 [U64; U64; U64] (Some U64) (
  SCall (Some 1) "get_vm_state" [(EVar 0)];;
  SCall (Some 2) "get_vm_type" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SIf (ELOr (ECmp Eq (EVar 1) (EConst 3)) (ECmp Ne (EVar 2) (EConst 0)))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* map_check: 0=pa 1=bytes 2=prot 3=index 4=yes *)
Definition f_map_check : fundef := mkfun 3 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "range_in_dram" [(EVar 0); (EBin Div U64 (EVar 1) (EConst 4096))];;
  SIf (ECmp Ne (EVar 3) (EConst 18446744073709551615))
    (SIf (ECmp Ne (EBin And U64 (EVar 2) (EConst 8)) (EConst 0))
      (SReturn (Some (EConst 18446744073709551594)))
      (SSkip);;
    SCall (Some 4) "pages_host_owned" [(EVar 3); (EBin Div U64 (EVar 1) (EConst 4096))];;
    SReturn (Some (ECond (ECmp Ne (EVar 4) (EConst 0)) (EConst 0) (EConst 18446744073709551615))))
    (SSkip);;
  SCall (Some 4) "range_has_dram" [(EVar 0); (EVar 1)];;
  SIf (ECmp Ne (EVar 4) (EConst 0))
    (SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SIf (ECmp Eq (EBin And U64 (EVar 2) (EConst 8)) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 4) "range_denied" [(EVar 0); (EVar 1)];;
  SReturn (Some (ECond (ECmp Eq (EVar 4) (EConst 0)) (EConst 0) (EConst 18446744073709551615)))).

(* map_prepare: 0=vm 1=ipa 2=level 3=end 4=pte 5=r *)
Definition f_map_prepare : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 5) "s2_prepare" [(EVar 0); (EVar 1); (EVar 2)];;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SReturn (Some (ECond (ECmp Eq (EVar 5) (EConst 18446744073709551600)) (EConst 18446744073709551605) (EVar 5))))
    (SSkip);;
  SCall (Some 3) "s2_level" [(EVar 0); (EVar 1)];;
  SIf (ELAnd (ECmp Eq (EVar 2) (EConst 2)) (ECmp Eq (EVar 3) (EConst 3)))
    (SCall (Some 5) "s2_table_empty" [(EVar 0); (EVar 1)];;
    SIf (ECmp Eq (EVar 5) (EConst 0))
      (SReturn (Some (EConst 18446744073709551605)))
      (SSkip);;
    SCall None "s2_free_table" [(EVar 0); (EVar 1); (EConst 2)])
    (SSkip);;
  SCall (Some 4) "s2_load" [(EVar 0); (EVar 1); (EVar 2)];;
  SReturn (Some (ECond (ECmp Ne (EBin And U64 (EVar 4) (EConst 1)) (EConst 0)) (EConst 18446744073709551605) (EConst 0)))).

(* map_leaf: 0=vm 1=ipa 2=pa 3=level 4=prot 5=bytes 6=index 7=pte 8=n 9=r *)
Definition f_map_leaf : fundef := mkfun 5 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 5) "level_bytes" [(EVar 3)];;
  SCall (Some 6) "range_in_dram" [(EVar 2); (EBin Div U64 (EVar 5) (EConst 4096))];;
  SCall (Some 7) "pte_leaf" [(EVar 2); (EVar 4); (EVar 3)];;
  SCall (Some 9) "normal_check" [(EVar 0)];;
  SIf (ECmp Ne (EVar 9) (EConst 0))
    (SReturn (Some (EVar 9)))
    (SSkip);;
  SCall (Some 9) "map_check" [(EVar 2); (EVar 5); (EVar 4)];;
  SIf (ECmp Ne (EVar 9) (EConst 0))
    (SReturn (Some (EVar 9)))
    (SSkip);;
  SCall (Some 9) "map_prepare" [(EVar 0); (EVar 1); (EVar 3)];;
  SIf (ECmp Ne (EVar 9) (EConst 0))
    (SReturn (Some (EVar 9)))
    (SSkip);;
  SIf (ECmp Ne (EVar 6) (EConst 18446744073709551615))
    (SCall None "pages_map_add" [(EVar 6); (EBin Div U64 (EVar 5) (EConst 4096))])
    (SSkip);;
  SCall (Some 8) "get_vm_pages" [(EVar 0)];;
  SCall None "set_vm_pages" [(EVar 0); (EBin Add U64 (EVar 8) (EConst 1))];;
  SCall None "s2_set" [(EVar 0); (EVar 1); (EVar 3); (EVar 7)];;
  SReturn (Some (EConst 0))).

(* range_drop: 0=vm 1=ipa 2=level 3=bytes 4=r *)
Definition f_range_drop : fundef := mkfun 2 [U64; U64; U64; U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 4) "normal_check" [(EVar 0)];;
  SIf (ECmp Eq (EVar 4) (EConst 0))
    (SCall (Some 2) "s2_level" [(EVar 0); (EVar 1)];;
    SCall (Some 3) "level_bytes" [(EVar 2)];;
    SCall (Some 4) "leaf_drop" [(EVar 0); (EVar 1); (EVar 2)];;
    SAssign 4 (EBin Add U64 (EVar 4) (EVar 3)))
    (SSkip);;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 4))).

(* map_try: 0=vm 1=ipa 2=pa 3=level 4=prot 5=r *)
Definition f_map_try : fundef := mkfun 5 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 5) "map_leaf" [(EVar 0); (EVar 1); (EVar 2); (EVar 3); (EVar 4)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 5))).

(* map_clear: 0=vm 1=ipa 2=bytes 3=at 4=r 5=i *)
Definition f_map_clear : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EVar 1);;
  SFor 5 U64 (EConst 0) (EConst 512) 1
    (SCall (Some 4) "range_drop" [(EVar 0); (EVar 3)];;
    SIf (ECmp Ge (EVar 4) (EConst 18446744073709547520))
      (SReturn (Some (EVar 4)))
      (SSkip);;
    SAssign 4 (EBin And U64 (EVar 4) (EBNot U64 (EConst 1)));;
    SAssign 3 (EBin Add U64 (EBin And U64 (EVar 3) (EBNot U64 (EBin Sub U64 (EVar 4) (EConst 1)))) (EVar 4));;
    SIf (ECmp Ge (EVar 3) (EBin Add U64 (EVar 1) (EVar 2)))
      (SReturn (Some (EConst 0)))
      (SSkip));;
  SReturn (Some (EConst 0))).

(* hc_vm_map: 0=vm 1=ipa 2=pa 3=bytes 4=prot 5=level 6=r 7=(result) *)
Definition f_hc_vm_map : fundef := mkfun 5 [U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 5 (ECond (ECmp Eq (EVar 3) (EConst 4096)) (EConst 3) (EConst 2));;
  SIf (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 0)) (ECmp Ge (EVar 0) (EConst 256))) (ELAnd (ECmp Ne (EVar 3) (EConst 4096)) (ECmp Ne (EVar 3) (EConst 2097152))))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SIf (ELOr (ELOr (ELOr (ECmp Ne (EBin And U64 (EBin Or U64 (EVar 1) (EVar 2)) (EBin Sub U64 (EVar 3) (EConst 1))) (EConst 0)) (ECmp Ge (EVar 1) (EConst 1099511627776))) (ECmp Ge (EVar 2) (EConst 1099511627776))) (ECmp Gt (EVar 4) (EConst 15)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 6) "map_try" [(EVar 0); (EVar 1); (EVar 2); (EVar 5); (EVar 4)];;
  SIf (ECmp Ne (EVar 6) (EConst 18446744073709551605))
    (SReturn (Some (EVar 6)))
    (SSkip);;
  SCall (Some 6) "map_clear" [(EVar 0); (EVar 1); (EVar 3)];;
  SIf (ECmp Ne (EVar 6) (EConst 0))
    (SReturn (Some (EVar 6)))
    (SSkip);;
  SCall (Some 7) "map_try" [(EVar 0); (EVar 1); (EVar 2); (EVar 5); (EVar 4)];;
  SReturn (Some (EVar 7))).

(* range_bad: 0=vm 1=ipa 2=bytes *)
Definition f_range_bad : fundef := mkfun 3 [U64; U64; U64] (Some U64) (
  SIf (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 0)) (ECmp Ge (EVar 0) (EConst 256))) (ECmp Ne (EBin And U64 (EBin Or U64 (EVar 1) (EVar 2)) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELOr (ELOr (ECmp Ge (EVar 1) (EConst 1099511627776)) (ECmp Eq (EVar 2) (EConst 0))) (ECmp Gt (EVar 2) (EBin Sub U64 (EConst 1099511627776) (EVar 1))))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* range_unmap: 0=vm 1=ipa 2=bytes 3=end 4=dropped 5=r 6=i *)
Definition f_range_unmap : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EBin Add U64 (EVar 1) (EVar 2));;
  SAssign 4 (EConst 0);;
  SCall (Some 5) "range_bad" [(EVar 0); (EVar 1); (EVar 2)];;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SFor 6 U64 (EConst 0) (EConst 1024) 1
    (SCall (Some 5) "range_drop" [(EVar 0); (EVar 1)];;
    SIf (ECmp Ge (EVar 5) (EConst 18446744073709547520))
      (SReturn (Some (EVar 5)))
      (SSkip);;
    SAssign 4 (EBin Or U64 (EVar 4) (EBin And U64 (EVar 5) (EConst 1)));;
    SAssign 5 (EBin And U64 (EVar 5) (EBNot U64 (EConst 1)));;
    SAssign 1 (EBin Add U64 (EBin And U64 (EVar 1) (EBNot U64 (EBin Sub U64 (EVar 5) (EConst 1)))) (EVar 5));;
    SCall None "host_x_set" [(EConst 1); (EVar 1)];;
    SIf (ECmp Ge (EVar 1) (EVar 3))
      (SReturn (Some (EVar 4)))
      (SSkip));;
  SReturn (Some (EConst 18446744073709551605))).

(* hc_vm_unmap: 0=vm 1=ipa 2=bytes 3=r *)
Definition f_hc_vm_unmap : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "range_unmap" [(EVar 0); (EVar 1); (EVar 2)];;
  SReturn (Some (ECond (ECmp Ge (EVar 3) (EConst 18446744073709547520)) (EVar 3) (EConst 0)))).

(* hc_vm_age: 0=vm 1=ipa 2=bytes 3=(result) *)
Definition f_hc_vm_age : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "range_unmap" [(EVar 0); (EVar 1); (EVar 2)];;
  SReturn (Some (EVar 3))).

(* wrprotect_one: 0=vm 1=ipa 2=level 3=bytes 4=pte 5=prot 6=r *)
Definition f_wrprotect_one : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 6) "normal_check" [(EVar 0)];;
  SCall (Some 2) "s2_level" [(EVar 0); (EVar 1)];;
  SCall (Some 4) "s2_load" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall None "lock_release" [];;
  SIf (ECmp Ne (EVar 6) (EConst 0))
    (SReturn (Some (EVar 6)))
    (SSkip);;
  SCall (Some 3) "level_bytes" [(EVar 2)];;
  SIf (ELOr (ECmp Eq (EBin And U64 (EVar 4) (EConst 1)) (EConst 0)) (ECmp Eq (EBin And U64 (EVar 4) (EConst 128)) (EConst 0)))
    (SReturn (Some (EVar 3)))
    (SSkip);;
  SCall (Some 6) "range_drop" [(EVar 0); (EVar 1)];;
  SIf (ECmp Ge (EVar 6) (EConst 18446744073709547520))
    (SReturn (Some (EVar 6)))
    (SSkip);;
  SCall (Some 5) "pte_prot" [(EVar 4)];;
  SCall (Some 6) "map_try" [(EVar 0); (EBin And U64 (EVar 1) (EBNot U64 (EBin Sub U64 (EVar 3) (EConst 1)))); (EBin And U64 (EVar 4) (EConst 1099511623680)); (EVar 2); (EBin And U64 (EVar 5) (EBNot U64 (EConst 2)))];;
  SReturn (Some (ECond (ECmp Eq (EVar 6) (EConst 18446744073709551605)) (EVar 6) (EVar 3)))).

(* hc_vm_wrprotect: 0=vm 1=ipa 2=bytes 3=end 4=r 5=i *)
Definition f_hc_vm_wrprotect : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EBin Add U64 (EVar 1) (EVar 2));;
  SCall (Some 4) "range_bad" [(EVar 0); (EVar 1); (EVar 2)];;
  SIf (ECmp Ne (EVar 4) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "host_x_set" [(EConst 1); (EVar 1)];;
  SFor 5 U64 (EConst 0) (EConst 1024) 1
    (SCall (Some 4) "wrprotect_one" [(EVar 0); (EVar 1)];;
    SIf (ECmp Ge (EVar 4) (EConst 18446744073709547520))
      (SReturn (Some (EVar 4)))
      (SSkip);;
    SAssign 1 (EBin Add U64 (EBin And U64 (EVar 1) (EBNot U64 (EBin Sub U64 (EVar 4) (EConst 1)))) (EVar 4));;
    SCall None "host_x_set" [(EConst 1); (EVar 1)];;
    SIf (ECmp Ge (EVar 1) (EVar 3))
      (SReturn (Some (EConst 0)))
      (SSkip));;
  SReturn (Some (EConst 18446744073709551605))).

(* hc_tlb_flush_local: 0=vm 1=vttbr *)
Definition f_hc_tlb_flush_local : fundef := mkfun 1 [U64; U64] (Some U64) (
  SIf (ELOr (ECmp Eq (EVar 0) (EConst 0)) (ECmp Ge (EVar 0) (EConst 256)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 1) "s2_vttbr" [(EVar 0)];;
  SCall None "tlbi_local" [(EVar 1)];;
  SReturn (Some (EConst 0))).

(* hc_page_state: 0=pa 1=index 2=owner 3=maps *)
Definition f_hc_page_state : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SIf (ELOr (ECmp Ne (EBin And U64 (EVar 0) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0)) (ECmp Ge (EVar 0) (EConst 1099511627776)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall (Some 1) "page_index" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 18446744073709551615))
    (SReturn (Some (EConst 4)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 2) "get_page_owner" [(EVar 1)];;
  SCall (Some 3) "get_page_maps" [(EVar 1)];;
  SCall None "lock_release" [];;
  SIf (ECmp Eq (EVar 2) (EConst 256))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SReturn (Some (EConst 2)))
    (SSkip);;
  SReturn (Some (ECond (ECmp Ne (EVar 3) (EConst 0)) (EConst 3) (EConst 0)))).

Definition m_range : modul := [
  ("normal_check", f_normal_check);
  ("map_check", f_map_check);
  ("map_prepare", f_map_prepare);
  ("map_leaf", f_map_leaf);
  ("range_drop", f_range_drop);
  ("map_try", f_map_try);
  ("map_clear", f_map_clear);
  ("hc_vm_map", f_hc_vm_map);
  ("range_bad", f_range_bad);
  ("range_unmap", f_range_unmap);
  ("hc_vm_unmap", f_hc_vm_unmap);
  ("hc_vm_age", f_hc_vm_age);
  ("wrprotect_one", f_wrprotect_one);
  ("hc_vm_wrprotect", f_hc_vm_wrprotect);
  ("hc_tlb_flush_local", f_hc_tlb_flush_local);
  ("hc_page_state", f_hc_page_state)].
