(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from transfer.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* page_scrub: 0=pa *)
Definition f_page_scrub : fundef := mkfun 1 [U64] None (
  SCall None "page_zero" [(EVar 0)];;
  SCall None "dcache_clean_inval_page" [(EVar 0)]).

(* page_reclaim: 0=vm 1=pa 2=index 3=n *)
Definition f_page_reclaim : fundef := mkfun 2 [U64; U64; U64; U64] None (
  SCall (Some 2) "page_index" [(EVar 1)];;
  SCall None "page_scrub" [(EVar 1)];;
  SCall None "set_page_owner" [(EVar 2); (EConst 0)];;
  SCall (Some 3) "get_vm_pages" [(EVar 0)];;
  SCall None "set_vm_pages" [(EVar 0); (EBin Sub U64 (EVar 3) (EConst 1))];;
  SCall (Some 3) "get_pages_vm" [];;
  SCall None "set_pages_vm" [(EBin Sub U64 (EVar 3) (EConst 1))];;
  SCall (Some 3) "get_pages_scrubbed" [];;
  SCall None "set_pages_scrubbed" [(EBin Add U64 (EVar 3) (EConst 1))]).

(* donate_check: 0=vm 1=ipa 2=pa 3=state 4=type 5=base 6=end 7=index 8=owner 9=maps 10=pte 11=r 12=(result) *)
Definition f_donate_check : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "get_vm_state" [(EVar 0)];;
  SCall (Some 4) "get_vm_type" [(EVar 0)];;
  SCall (Some 5) "get_vm_mem_base" [(EVar 0)];;
  SCall (Some 6) "get_vm_mem_end" [(EVar 0)];;
  SCall (Some 7) "page_index" [(EVar 2)];;
  SIf (ECmp Eq (EVar 3) (EConst 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SIf (ELOr (ECmp Ne (EVar 3) (EConst 2)) (ECmp Ne (EVar 4) (EConst 1)))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SIf (ELOr (ECmp Lt (EVar 1) (EVar 5)) (ECmp Ge (EVar 1) (EVar 6)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SIf (ECmp Eq (EVar 7) (EConst 18446744073709551615))
    (SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SCall (Some 8) "get_page_owner" [(EVar 7)];;
  SCall (Some 9) "get_page_maps" [(EVar 7)];;
  SIf (ECmp Ne (EVar 8) (EConst 0))
    (SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SIf (ECmp Ne (EVar 9) (EConst 0))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall (Some 11) "s2_prepare" [(EVar 0); (EVar 1); (EConst 3)];;
  SIf (ECmp Ne (EVar 11) (EConst 0))
    (SReturn (Some (EVar 11)))
    (SSkip);;
  SCall (Some 10) "s2_load" [(EVar 0); (EVar 1); (EConst 3)];;
  SIf (ECmp Ne (EBin And U64 (EVar 10) (EConst 1)) (EConst 0))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall (Some 12) "host_prepare_unmap" [(EVar 2)];;
  SReturn (Some (EVar 12))).

(* donate_take: 0=vm 1=ipa 2=pa 3=index 4=n 5=r *)
Definition f_donate_take : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "page_index" [(EVar 2)];;
  SCall (Some 5) "donate_check" [(EVar 0); (EVar 1); (EVar 2)];;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SReturn (Some (EVar 5)))
    (SSkip);;
  SCall None "host_unmap" [(EVar 2)];;
  SCall None "set_page_owner" [(EVar 3); (EVar 0)];;
  SCall (Some 4) "get_vm_pages" [(EVar 0)];;
  SCall None "set_vm_pages" [(EVar 0); (EBin Add U64 (EVar 4) (EConst 1))];;
  SCall (Some 4) "get_pages_vm" [];;
  SCall None "set_pages_vm" [(EBin Add U64 (EVar 4) (EConst 1))];;
  SCall None "dcache_clean_inval_page" [(EVar 2)];;
  SCall None "icache_inval" [];;
  SReturn (Some (EConst 0))).

(* donate_map: 0=vm 1=ipa 2=pa 3=state 4=level 5=pte *)
Definition f_donate_map : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "get_vm_state" [(EVar 0)];;
  SCall (Some 4) "s2_level" [(EVar 0); (EVar 1)];;
  SCall (Some 5) "s2_load" [(EVar 0); (EVar 1); (EVar 4)];;
  SIf (ELOr (ELOr (ECmp Ne (EVar 3) (EConst 2)) (ECmp Ne (EVar 4) (EConst 3))) (ECmp Ne (EBin And U64 (EVar 5) (EConst 1)) (EConst 0)))
    (SCall None "page_reclaim" [(EVar 0); (EVar 2)];;
    SReturn (Some (ECond (ECmp Ne (EVar 3) (EConst 2)) (EConst 18446744073709551489) (EConst 18446744073709551600))))
    (SSkip);;
  SCall (Some 5) "pte_leaf" [(EVar 2); (EBin Or U64 (EBin Or U64 (EConst 1) (EConst 2)) (EConst 4)); (EConst 3)];;
  SCall None "s2_set" [(EVar 0); (EVar 1); (EConst 3); (EVar 5)];;
  SReturn (Some (EConst 0))).

(* hc_vm_donate: 0=vm 1=ipa 2=pa 3=r *)
Definition f_hc_vm_donate : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SIf (ELOr (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 0)) (ECmp Ge (EVar 0) (EConst 256))) (ECmp Ne (EBin And U64 (EBin Or U64 (EVar 1) (EVar 2)) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0))) (ECmp Ge (EVar 1) (EConst 1099511627776)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 3) "donate_take" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall None "lock_release" [];;
  SIf (ECmp Ne (EVar 3) (EConst 0))
    (SReturn (Some (EVar 3)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 3) "donate_map" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 3))).

(* leaf_release: 0=vm 1=pte 2=level 3=type 4=pa 5=bytes 6=index 7=owner 8=n *)
Definition f_leaf_release : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 3) "get_vm_type" [(EVar 0)];;
  SAssign 4 (EBin And U64 (EVar 1) (EConst 1099511623680));;
  SCall (Some 5) "level_bytes" [(EVar 2)];;
  SCall (Some 6) "page_index" [(EVar 4)];;
  SIf (ECmp Eq (EVar 3) (EConst 1))
    (SCall (Some 7) "get_page_owner" [(EVar 6)];;
    SIf (ECmp Eq (EVar 7) (EVar 0))
      (SCall None "page_reclaim" [(EVar 0); (EVar 4)];;
      SReturn None)
      (SSkip))
    (SSkip);;
  SIf (ECmp Ne (EVar 6) (EConst 18446744073709551615))
    (SCall None "pages_map_sub" [(EVar 6); (EBin Div U64 (EVar 5) (EConst 4096))])
    (SSkip);;
  SCall (Some 8) "get_vm_pages" [(EVar 0)];;
  SCall None "set_vm_pages" [(EVar 0); (EBin Sub U64 (EVar 8) (EConst 1))]).

(* leaf_drop: 0=vm 1=ipa 2=level 3=pte *)
Definition f_leaf_drop : fundef := mkfun 3 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "s2_clear" [(EVar 0); (EVar 1); (EVar 2)];;
  SIf (ECmp Eq (EBin And U64 (EVar 3) (EConst 1)) (EConst 0))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall None "leaf_release" [(EVar 0); (EVar 3); (EVar 2)];;
  SReturn (Some (EConst 1))).

(* reap_tables: 0=vm 1=level 2=last 3=next *)
Definition f_reap_tables : fundef := mkfun 4 [U64; U64; U64; U64] None (
  SIf (ELAnd (ECmp Eq (EVar 1) (EConst 3)) (ECmp Eq (EBin And U64 (EVar 3) (EBin Sub U64 (EConst 2097152) (EConst 1))) (EConst 0)))
    (SCall None "s2_free_table" [(EVar 0); (EVar 2); (EConst 2)])
    (SSkip);;
  SIf (ELAnd (ECmp Ge (EVar 1) (EConst 2)) (ECmp Eq (EBin And U64 (EVar 3) (EBin Sub U64 (EConst 1073741824) (EConst 1))) (EConst 0)))
    (SCall None "s2_free_table" [(EVar 0); (EVar 2); (EConst 1)])
    (SSkip)).

(* reap_entry: 0=vm 1=ipa 2=state 3=level 4=bytes 5=pages 6=r *)
Definition f_reap_entry : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "get_vm_cursor" [(EVar 0)];;
  SCall (Some 2) "get_vm_state" [(EVar 0)];;
  SIf (ECmp Ne (EVar 2) (EConst 3))
    (SReturn (Some (EConst 2)))
    (SSkip);;
  SIf (ECmp Ge (EVar 1) (EConst 1099511627776))
    (SCall (Some 5) "get_vm_pages" [(EVar 0)];;
    SReturn (Some (ECond (ECmp Ne (EVar 5) (EConst 0)) (EConst 3) (EConst 2))))
    (SSkip);;
  SCall (Some 3) "s2_level" [(EVar 0); (EVar 1)];;
  SCall (Some 4) "level_bytes" [(EVar 3)];;
  SCall (Some 6) "leaf_drop" [(EVar 0); (EVar 1); (EVar 3)];;
  SCall None "reap_tables" [(EVar 0); (EVar 3); (EVar 1); (EBin Add U64 (EVar 1) (EVar 4))];;
  SCall None "set_vm_cursor" [(EVar 0); (EBin Add U64 (EVar 1) (EVar 4))];;
  SReturn (Some (EVar 6))).

(* reap_pass: 0=vm 1=ipa 2=level 3=bytes 4=n *)
Definition f_reap_pass : fundef := mkfun 1 [U64; U64; U64; U64; U64] None (
  SCall (Some 1) "get_vm_cursor" [(EVar 0)];;
  SIf (ECmp Lt (EVar 1) (EConst 1099511627776))
    (SCall (Some 2) "s2_level" [(EVar 0); (EVar 1)];;
    SCall (Some 3) "level_bytes" [(EVar 2)];;
    SCall (Some 4) "s2_vacant" [(EVar 0); (EVar 1); (EVar 2)];;
    SCall None "set_vm_cursor" [(EVar 0); (EBin Add U64 (EVar 1) (EBin Mul U64 (EVar 4) (EVar 3)))])
    (SSkip)).

(* vm_reap_one: 0=vm 1=r *)
Definition f_vm_reap_one : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall None "lock_acquire" [];;
  SCall (Some 1) "reap_entry" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SCall None "reap_pass" [(EVar 0)])
    (SSkip);;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 1))).

Definition m_transfer : modul := [
  ("page_scrub", f_page_scrub);
  ("page_reclaim", f_page_reclaim);
  ("donate_check", f_donate_check);
  ("donate_take", f_donate_take);
  ("donate_map", f_donate_map);
  ("hc_vm_donate", f_hc_vm_donate);
  ("leaf_release", f_leaf_release);
  ("leaf_drop", f_leaf_drop);
  ("reap_tables", f_reap_tables);
  ("reap_entry", f_reap_entry);
  ("reap_pass", f_reap_pass);
  ("vm_reap_one", f_vm_reap_one)].
