(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * What KCore answers the host in its registers, and writes down: SMCs, and calls of the hyp-stub that it refuses.  Functions of the host's
 * registers, of what firmware answers, and of what is known of the CPU that the host starts.
 *)
From KCore Require Import top.Guest.

Inductive note := NCount (id : Z) | NLog (e a b : Z).
Definition reply : Type := list note * list (Z * Z).       (* notes, and writes to the host's registers *)

(* ------------------------------------------------------------------ the hyp-stub *)

Definition STUB_FINALISE : Z := 3.
Definition stub_refused (fn : Z) : bool := (0 <=? fn) && (fn <? KCORE_STUB_CALLS) && negb (fn =? STUB_FINALISE).
Definition stub_answer (x : Z -> Z) : reply :=
  if stub_refused (x 0) then ([NLog LOG_STUB_REFUSED (x 0) 0; NCount KCORE_STAT_stub_refused], [(0, KCORE_STUB_ERR)]) else ([], []).

(* ------------------------------------------------------------------ SMCs *)

(* Arguments of the 32-bit form of a function are words. *)
Definition argument (fn v : Z) : Z := if bit_of fn 0x40000000 then v else Z.land v 0xffffffff.
(* SMCs that go to firmware as they are. *)
Definition smc_allowed (fn : Z) : bool :=
  let base := clear fn 0x40000000 in
  (fn =? 0x84000000) || (base =? 0x84000004) || (fn =? 0x84000006) ||        (* PSCI_VERSION, AFFINITY_INFO, MIGRATE_INFO_TYPE *)
  ((fn =? 0x84000008) || (fn =? 0x84000009) || (base =? 0x84000012)) ||      (* SYSTEM_OFF, SYSTEM_RESET, SYSTEM_RESET2 *)
  ((fn =? 0x80000000) || (fn =? 0x80000001) || (fn =? 0x80000002)) ||        (* SMCCC_VERSION, ARCH_FEATURES, SOC_ID *)
  ((fn =? 0x80008000) || (fn =? 0x80007fff) || (fn =? 0x80003fff)) ||        (* ARCH_WORKAROUND_1, _2, _3 *)
  ((0x84000050 <=? base) && (base <=? 0x84000053)).                          (* TRNG *)

(* What the machine says: x0 to x17 as firmware leaves them; the CPU with the affinity in x1, and whether it is off. *)
Record platform := mkplatform { p_firmware : list Z; p_target : option (Z * bool) }.
Definition PSCI_DENIED : Z := 0xfffffffffffffffd.
Definition POWER_DOWN : Z := 0x40010000.        (* StateType, original and extended format *)

Definition forwarded (o : platform) : list (Z * Z) := combine (range 0 18) (p_firmware o).
(* Firmware starts or wakes a CPU in KCore; the host finds x2 and x3 as they were. *)
Definition relayed (o : platform) (x : Z -> Z) : list (Z * Z) := forwarded o ++ [(2, x 2); (3, x 3)].

(* Without the count of all SMCs.  loaded: a vCPU is loaded on the CPU. *)
Definition smc_says (o : platform) (loaded : bool) (x : Z -> Z) : reply :=
  let fn := Z.land (x 0) 0xffffffff in
  let base := clear fn PSCI_64 in
  if base =? PSCI_CPU_ON then
    match p_target o with
    | None => ([], [(0, PSCI_INVALID)])
    | Some (cpu, off) => if off then ([NLog LOG_CPU_ON cpu (argument fn (x 2))], relayed o x) else ([], [(0, PSCI_ALREADY_ON)])
    end else
  if fn =? PSCI_CPU_OFF then ([], if loaded then [(0, PSCI_DENIED)] else forwarded o) else
  if base =? PSCI_CPU_SUSPEND then
    ([], if Z.land (x 1) POWER_DOWN =? 0 then forwarded o else if loaded then [(0, PSCI_DENIED)] else relayed o x) else
  if fn =? PSCI_FEATURES then
    let fn := Z.land (x 1) 0xffffffff in let base := clear fn PSCI_64 in
    ([], if smc_allowed fn || (PSCI_CPU_SUSPEND <=? base) && (base <=? PSCI_CPU_ON) || (fn =? PSCI_FEATURES) then forwarded o
         else [(0, PSCI_NOT_SUPPORTED)]) else
  if smc_allowed fn then ([], forwarded o)
  else ([NLog LOG_SMC_REFUSED fn 0; NCount KCORE_STAT_host_smc_denied], [(0, PSCI_NOT_SUPPORTED)]).
Definition smc_answer (o : platform) (loaded : bool) (x : Z -> Z) : reply :=
  let '(l, w) := smc_says o loaded x in (l ++ [NCount KCORE_STAT_host_smc], w).

(* ------------------------------------------------------------------ examples *)

Definition asks_for (l : list Z) : Z -> Z := fun k => nth (Z.to_nat k) l 0.
Definition all_zero : platform := mkplatform (repeat 0 18) (Some (1, true)).
Example start_is_logged : fst (smc_answer all_zero false (asks_for [0xc4000003; 1; 0x40080000; 7])) =
  [NLog LOG_CPU_ON 1 0x40080000; NCount KCORE_STAT_host_smc].
Proof. reflexivity. Qed.
Example off_with_vcpu_denied : snd (smc_answer all_zero true (asks_for [0x84000002])) = [(0, PSCI_DENIED)].
Proof. reflexivity. Qed.
Example unknown_refused : smc_answer all_zero false (asks_for [0xc3000001]) =
  ([NLog LOG_SMC_REFUSED 0xc3000001 0; NCount KCORE_STAT_host_smc_denied; NCount KCORE_STAT_host_smc], [(0, PSCI_NOT_SUPPORTED)]).
Proof. reflexivity. Qed.
