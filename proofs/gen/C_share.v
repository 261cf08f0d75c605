(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from share.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* page_share: 0=index 1=pa 2=n *)
Definition f_page_share : fundef := mkfun 2 [U64; U64; U64] None (
  SCall None "dcache_clean_inval_page" [(EVar 1)];;
  SCall None "set_page_owner" [(EVar 0); (EConst 0)];;
  SCall None "pages_map_add" [(EVar 0); (EConst 1)];;
  SCall (Some 2) "get_pages_vm" [];;
  SCall None "set_pages_vm" [(EBin Sub U64 (EVar 2) (EConst 1))]).

(* page_unshare: 0=vm 1=pa 2=index 3=maps 4=n 5=r *)
Definition f_page_unshare : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "page_index" [(EVar 1)];;
  SCall (Some 3) "get_page_maps" [(EVar 2)];;
  SIf (ECmp Ne (EVar 3) (EConst 1))
    (SReturn (Some (EConst 18446744073709551600)))
    (SSkip);;
  SCall (Some 5) "host_prepare_unmap" [(EVar 1)];;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SReturn (Some (EVar 5)))
    (SSkip);;
  SCall None "host_unmap" [(EVar 1)];;
  SCall None "set_page_owner" [(EVar 2); (EVar 0)];;
  SCall None "pages_map_sub" [(EVar 2); (EConst 1)];;
  SCall (Some 4) "get_pages_vm" [];;
  SCall None "set_pages_vm" [(EBin Add U64 (EVar 4) (EConst 1))];;
  SCall None "dcache_clean_inval_page" [(EVar 1)];;
  SReturn (Some (EConst 0))).

(* mem_ask: 0=vm 1=ipa 2=ask 3=level 4=pte 5=pa 6=index 7=owner 8=(result) *)
Definition f_mem_ask : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "s2_level" [(EVar 0); (EVar 1)];;
  SCall (Some 4) "s2_load" [(EVar 0); (EVar 1); (EVar 3)];;
  SAssign 5 (EBin And U64 (EVar 4) (EConst 1099511623680));;
  SIf (ECmp Eq (EBin And U64 (EVar 4) (EConst 1)) (EConst 0))
    (SIf (ECmp Eq (EVar 2) (EConst 0))
      (SReturn (Some (EConst 18446744073709551605)))
      (SSkip);;
    SReturn (Some (ECond (ECmp Eq (EVar 2) (EConst 1)) (EConst 18446744073709551594) (EConst 0))))
    (SSkip);;
  SIf (ECmp Eq (EVar 2) (EConst 2))
    (SCall None "leaf_drop" [(EVar 0); (EVar 1); (EVar 3)];;
    SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 6) "page_index" [(EVar 5)];;
  SCall (Some 7) "get_page_owner" [(EVar 6)];;
  SIf (ECmp Eq (EVar 2) (EConst 1))
    (SIf (ECmp Eq (EVar 7) (EVar 0))
      (SReturn (Some (EConst 18446744073709551594)))
      (SSkip);;
    SCall (Some 8) "page_unshare" [(EVar 0); (EVar 5)];;
    SReturn (Some (EVar 8)))
    (SSkip);;
  SIf (ECmp Ne (EVar 7) (EVar 0))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "page_share" [(EVar 6); (EVar 5)];;
  SReturn (Some (EConst 0))).

(* guest_mem: 0=vm 1=ipa 2=ask 3=base 4=end 5=r *)
Definition f_guest_mem : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "get_vm_mem_base" [(EVar 0)];;
  SCall (Some 4) "get_vm_mem_end" [(EVar 0)];;
  SIf (ELOr (ELOr (ELOr (ECmp Ne (EBin And U64 (EVar 1) (EBin Sub U64 (EConst 4096) (EConst 1))) (EConst 0)) (ECmp Lt (EVar 1) (EVar 3))) (ECmp Ge (EVar 1) (EVar 4))) (ECmp Ge (EVar 1) (EConst 1099511627776)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SCall None "lock_acquire" [];;
  SCall (Some 5) "mem_ask" [(EVar 0); (EVar 1); (EVar 2)];;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 5))).

Definition m_share : modul := [
  ("page_share", f_page_share);
  ("page_unshare", f_page_unshare);
  ("mem_ask", f_mem_ask);
  ("guest_mem", f_guest_mem)].
