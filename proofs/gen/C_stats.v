(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from stats.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* stat_add: 0=cpu 1=id 2=v *)
Definition f_stat_add : fundef := mkfun 2 [U64; U64; U64] None (
  SCall (Some 2) "get_cpu_stat" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 24)) (EVar 1))];;
  SCall None "set_cpu_stat" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 24)) (EVar 1)); (EBin Add U64 (EVar 2) (EConst 1))]).

(* stat_max: 0=cpu 1=id 2=value 3=v *)
Definition f_stat_max : fundef := mkfun 3 [U64; U64; U64; U64] None (
  SCall (Some 3) "get_cpu_stat" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 24)) (EVar 1))];;
  SIf (ECmp Gt (EVar 2) (EVar 3))
    (SCall None "set_cpu_stat" [(EBin Add U64 (EBin Mul U64 (EVar 0) (EConst 24)) (EVar 1)); (EVar 2)])
    (SSkip)).

(* stat_total: 0=id 1=total 2=cpu 3=v *)
Definition f_stat_total : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SAssign 1 (EConst 0);;
  SFor 2 U64 (EConst 0) (EConst 64) 1
    (SCall (Some 3) "get_cpu_stat" [(EBin Add U64 (EBin Mul U64 (EVar 2) (EConst 24)) (EVar 0))];;
    SIf (ECmp Ne (EVar 0) (EConst 22))
      (SAssign 1 (EBin Add U64 (EVar 1) (EVar 3)))
      (SIf (ECmp Gt (EVar 3) (EVar 1))
        (SAssign 1 (EVar 3))
        (SSkip)));;
  SReturn (Some (EVar 1))).

(* hc_stats_read: 0=id 1=(result) 2=(result) 3=(result) 4=(result) 5=(result) 6=(result) 7=(result) 8=(result) *)
Definition f_hc_stats_read : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SIf (ECmp Ge (EVar 0) (EConst 24))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 16))
    (SCall (Some 1) "get_pages_core" [];;
    SReturn (Some (EVar 1)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 17))
    (SCall (Some 2) "get_pages_vm" [];;
    SReturn (Some (EVar 2)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 18))
    (SCall (Some 3) "get_pool_free" [];;
    SReturn (Some (EVar 3)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 19))
    (SCall (Some 4) "get_pool_pages" [];;
    SReturn (Some (EVar 4)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 20))
    (SCall (Some 5) "get_vms_alive" [];;
    SReturn (Some (EVar 5)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 21))
    (SCall (Some 6) "get_vcpus_alive" [];;
    SReturn (Some (EVar 6)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 23))
    (SCall (Some 7) "get_pages_scrubbed" [];;
    SReturn (Some (EVar 7)))
    (SSkip);;
  SCall (Some 8) "stat_total" [(EVar 0)];;
  SReturn (Some (EVar 8))).

(* hc_info: 0=which 1=(result) 2=(result) 3=(result) 4=(result) 5=(result) 6=(result) *)
Definition f_hc_info : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SIf (ECmp Eq (EVar 0) (EConst 0))
    (SCall (Some 1) "get_ich_vtr" [];;
    SReturn (Some (EVar 1)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 1))
    (SCall (Some 2) "host_mdcr" [];;
    SReturn (Some (EVar 2)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 2))
    (SCall (Some 3) "get_region_base" [];;
    SReturn (Some (EVar 3)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 3))
    (SCall (Some 4) "get_region_size" [];;
    SReturn (Some (EVar 4)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 4))
    (SCall (Some 5) "get_image_size" [];;
    SReturn (Some (EVar 5)))
    (SSkip);;
  SIf (ECmp Eq (EVar 0) (EConst 5))
    (SCall (Some 6) "get_signed_only" [];;
    SReturn (Some (EVar 6)))
    (SSkip);;
  SReturn (Some (EConst 18446744073709551594))).

(* hc_version: *)
Definition f_hc_version : fundef := mkfun 0 [] (Some U64) (
  SReturn (Some (EConst 1))).

Definition m_stats : modul := [
  ("stat_add", f_stat_add);
  ("stat_max", f_stat_max);
  ("stat_total", f_stat_total);
  ("hc_stats_read", f_hc_stats_read);
  ("hc_info", f_hc_info);
  ("hc_version", f_hc_version)].
