(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from log.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* log_event: 0=event 1=a 2=b 3=seq 4=now 5=i *)
Definition f_log_event : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 3) "get_log_next" [];;
  SCall (Some 4) "counter_read" [];;
  SAssign 5 (EBin Mod U64 (EVar 3) (EConst 256));;
  SCall None "set_log_event" [(EVar 5); (EVar 0)];;
  SCall None "set_log_a" [(EVar 5); (EVar 1)];;
  SCall None "set_log_b" [(EVar 5); (EVar 2)];;
  SCall None "set_log_time" [(EVar 5); (EVar 4)];;
  SCall None "set_log_next" [(EBin Add U64 (EVar 3) (EConst 1))]).

(* hc_log_read: 0=seq 1=next 2=v 3=i 4=r *)
Definition f_hc_log_read : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SAssign 3 (EBin Mod U64 (EVar 0) (EConst 256));;
  SAssign 4 (EConst 0);;
  SCall None "lock_acquire" [];;
  SCall (Some 1) "get_log_next" [];;
  SIf (ECmp Ge (EVar 0) (EVar 1))
    (SAssign 4 (EConst 18446744073709551605))
    (SIf (ECmp Gt (EBin Sub U64 (EVar 1) (EVar 0)) (EConst 256))
      (SAssign 4 (EConst 18446744073709551594))
      (SCall (Some 2) "get_log_event" [(EVar 3)];;
      SCall None "host_x_set" [(EConst 1); (EVar 2)];;
      SCall (Some 2) "get_log_a" [(EVar 3)];;
      SCall None "host_x_set" [(EConst 2); (EVar 2)];;
      SCall (Some 2) "get_log_b" [(EVar 3)];;
      SCall None "host_x_set" [(EConst 3); (EVar 2)];;
      SCall (Some 2) "get_log_time" [(EVar 3)];;
      SCall None "host_x_set" [(EConst 4); (EVar 2)]));;
  SCall None "lock_release" [];;
  SReturn (Some (EVar 4))).

Definition m_log : modul := [
  ("log_event", f_log_event);
  ("hc_log_read", f_hc_log_read)].
