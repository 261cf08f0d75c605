(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from psci.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* cpu_by_affinity: 0=mpidr 1=n 2=v 3=i *)
Definition f_cpu_by_affinity : fundef := mkfun 1 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "get_nr_cpus" [];;
  SFor 3 U64 (EConst 0) (EVar 1) 1
    (SCall (Some 2) "get_cpu_mpidr" [(EVar 3)];;
    SIf (ECmp Eq (EVar 2) (EVar 0))
      (SReturn (Some (EVar 3)))
      (SSkip));;
  SReturn (Some (EVar 1))).

(* relay_entry: 0=cpu 1=fn 2=entry 3=x0 4=resume *)
Definition f_relay_entry : fundef := mkfun 4 [U64; U64; U64; U64; U64] None (
  SCall (Some 4) "resume_entry" [];;
  SCall None "host_x_set" [(EConst 0); (EBin Or U64 (EVar 1) (EConst 1073741824))];;
  SCall None "set_cpu_entry" [(EVar 0); (EVar 2)];;
  SCall None "set_cpu_entry_x0" [(EVar 0); (EVar 3)];;
  SCall None "host_x_set" [(EConst 2); (EVar 4)];;
  SCall None "host_x_set" [(EConst 3); (EVar 0)]).

(* cpu_on_claim: 0=cpu 1=power *)
Definition f_cpu_on_claim : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall (Some 1) "get_cpu_power" [(EVar 0)];;
  SIf (ECmp Ne (EVar 1) (EConst 0))
    (SReturn (Some (EConst 18446744073709551612)))
    (SSkip);;
  SCall None "set_cpu_power" [(EVar 0); (EConst 2)];;
  SReturn (Some (EConst 0))).

(* argument: 0=fn 1=v *)
Definition f_argument : fundef := mkfun 2 [U64; U64] (Some U64) (
  SReturn (Some (ECond (ECmp Ne (EBin And U64 (EVar 0) (EConst 1073741824)) (EConst 0)) (EVar 1) (EBin And U64 (EVar 1) (EConst 4294967295))))).

(* host_cpu_on: 0=fn 1=mpidr 2=x2 3=x3 4=entry 5=x0 6=n 7=cpu 8=r *)
Definition f_host_cpu_on : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 1) "host_x" [(EConst 1)];;
  SCall (Some 2) "host_x" [(EConst 2)];;
  SCall (Some 3) "host_x" [(EConst 3)];;
  SCall (Some 4) "argument" [(EVar 0); (EVar 2)];;
  SCall (Some 5) "argument" [(EVar 0); (EVar 3)];;
  SCall (Some 6) "get_nr_cpus" [];;
  SCall (Some 7) "cpu_by_affinity" [(EBin And U64 (EVar 1) (EConst 1095233437695))];;
  SAssign 8 (EConst 18446744073709551614);;
  SIf (ECmp Lt (EVar 7) (EVar 6))
    (SCall None "lock_acquire" [];;
    SCall (Some 8) "cpu_on_claim" [(EVar 7)];;
    SIf (ECmp Eq (EVar 8) (EConst 0))
      (SCall None "log_event" [(EConst 2); (EVar 7); (EVar 4)])
      (SSkip);;
    SCall None "lock_release" [])
    (SSkip);;
  SIf (ECmp Ne (EVar 8) (EConst 0))
    (SCall None "host_x_set" [(EConst 0); (EVar 8)];;
    SReturn None)
    (SSkip);;
  SCall None "relay_entry" [(EVar 7); (EConst 2214592515); (EVar 4); (EVar 5)];;
  SCall None "smc_forward" [];;
  SCall None "host_x_set" [(EConst 2); (EVar 2)];;
  SCall None "host_x_set" [(EConst 3); (EVar 3)];;
  SCall (Some 8) "host_x" [(EConst 0)];;
  SIf (ECmp Ne (EVar 8) (EConst 0))
    (SCall None "set_cpu_power" [(EVar 7); (EConst 0)])
    (SSkip)).

(* host_cpu_off: 0=cpu 1=vcpu *)
Definition f_host_cpu_off : fundef := mkfun 1 [U64; U64] None (
  SCall (Some 1) "get_cpu_vcpu" [(EVar 0)];;
  SIf (ECmp Ne (EVar 1) (EConst 4294967295))
    (SCall None "host_x_set" [(EConst 0); (EConst 18446744073709551613)];;
    SReturn None)
    (SSkip);;
  SCall None "set_cpu_power" [(EVar 0); (EConst 0)];;
  SCall None "smc_forward" [];;
  SCall None "set_cpu_power" [(EVar 0); (EConst 1)]).

(* host_cpu_suspend: 0=cpu 1=fn 2=state 3=x2 4=x3 5=entry 6=x0 7=vcpu *)
Definition f_host_cpu_suspend : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 2) "host_x" [(EConst 1)];;
  SCall (Some 3) "host_x" [(EConst 2)];;
  SCall (Some 4) "host_x" [(EConst 3)];;
  SCall (Some 5) "argument" [(EVar 1); (EVar 3)];;
  SCall (Some 6) "argument" [(EVar 1); (EVar 4)];;
  SCall (Some 7) "get_cpu_vcpu" [(EVar 0)];;
  SIf (ECmp Eq (EBin And U64 (EVar 2) (EConst 1073807360)) (EConst 0))
    (SCall None "smc_forward" [];;
    SReturn None)
    (SSkip);;
  SIf (ECmp Ne (EVar 7) (EConst 4294967295))
    (SCall None "host_x_set" [(EConst 0); (EConst 18446744073709551613)];;
    SReturn None)
    (SSkip);;
  SCall None "relay_entry" [(EVar 0); (EConst 2214592513); (EVar 5); (EVar 6)];;
  SCall None "smc_forward" [];;
  SCall None "host_x_set" [(EConst 2); (EVar 3)];;
  SCall None "host_x_set" [(EConst 3); (EVar 4)]).

(* smc_allowed: 0=fn 1=base *)
Definition f_smc_allowed : fundef := mkfun 1 [U64; U64] (Some U64) (
  SAssign 1 (EBin And U64 (EVar 0) (EBNot U64 (EConst 1073741824)));;
  SIf (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 2214592512)) (ECmp Eq (EVar 1) (EConst 2214592516))) (ECmp Eq (EVar 0) (EConst 2214592518)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 2214592520)) (ECmp Eq (EVar 0) (EConst 2214592521))) (ECmp Eq (EVar 1) (EConst 2214592530)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 2147483648)) (ECmp Eq (EVar 0) (EConst 2147483649))) (ECmp Eq (EVar 0) (EConst 2147483650)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELOr (ELOr (ECmp Eq (EVar 0) (EConst 2147516416)) (ECmp Eq (EVar 0) (EConst 2147516415))) (ECmp Eq (EVar 0) (EConst 2147500031)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELAnd (ECmp Ge (EVar 1) (EConst 2214592592)) (ECmp Le (EVar 1) (EConst 2214592595)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* host_features: 0=x1 1=fn 2=base 3=allowed *)
Definition f_host_features : fundef := mkfun 0 [U64; U64; U64; U64] None (
  SCall (Some 0) "host_x" [(EConst 1)];;
  SAssign 1 (EBin And U64 (EVar 0) (EConst 4294967295));;
  SAssign 2 (EBin And U64 (EVar 1) (EBNot U64 (EConst 1073741824)));;
  SCall (Some 3) "smc_allowed" [(EVar 1)];;
  SIf (ELOr (ELOr (ECmp Ne (EVar 3) (EConst 0)) (ELAnd (ECmp Ge (EVar 2) (EConst 2214592513)) (ECmp Le (EVar 2) (EConst 2214592515)))) (ECmp Eq (EVar 1) (EConst 2214592522)))
    (SCall None "smc_forward" [])
    (SCall None "host_x_set" [(EConst 0); (EConst 18446744073709551615)])).

(* host_smc: 0=cpu 1=x0 2=fn 3=base 4=pc 5=allowed *)
Definition f_host_smc : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 1) "host_x" [(EConst 0)];;
  SAssign 2 (EBin And U64 (EVar 1) (EConst 4294967295));;
  SAssign 3 (EBin And U64 (EVar 2) (EBNot U64 (EConst 1073741824)));;
  SCall (Some 4) "host_pc" [];;
  SCall None "host_pc_set" [(EBin Add U64 (EVar 4) (EConst 4))];;
  SCall None "stat_add" [(EVar 0); (EConst 11)];;
  SIf (ECmp Eq (EVar 3) (EConst 2214592515))
    (SCall None "host_cpu_on" [(EVar 2)];;
    SReturn None)
    (SSkip);;
  SIf (ECmp Eq (EVar 2) (EConst 2214592514))
    (SCall None "host_cpu_off" [(EVar 0)];;
    SReturn None)
    (SSkip);;
  SIf (ECmp Eq (EVar 3) (EConst 2214592513))
    (SCall None "host_cpu_suspend" [(EVar 0); (EVar 2)];;
    SReturn None)
    (SSkip);;
  SIf (ECmp Eq (EVar 2) (EConst 2214592522))
    (SCall None "host_features" [];;
    SReturn None)
    (SSkip);;
  SCall (Some 5) "smc_allowed" [(EVar 2)];;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SCall None "smc_forward" [];;
    SReturn None)
    (SSkip);;
  SCall None "stat_add" [(EVar 0); (EConst 12)];;
  SCall None "lock_acquire" [];;
  SCall None "log_event" [(EConst 7); (EVar 2); (EConst 0)];;
  SCall None "lock_release" [];;
  SCall None "host_x_set" [(EConst 0); (EConst 18446744073709551615)]).

Definition m_psci : modul := [
  ("cpu_by_affinity", f_cpu_by_affinity);
  ("relay_entry", f_relay_entry);
  ("cpu_on_claim", f_cpu_on_claim);
  ("argument", f_argument);
  ("host_cpu_on", f_host_cpu_on);
  ("host_cpu_off", f_host_cpu_off);
  ("host_cpu_suspend", f_host_cpu_suspend);
  ("smc_allowed", f_smc_allowed);
  ("host_features", f_host_features);
  ("host_smc", f_host_smc)].
