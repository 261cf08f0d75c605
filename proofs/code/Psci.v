(* SPDX-License-Identifier: GPL-2.0-only *)
(* psci.c: the calls of the host to firmware, one by one. *)
From KCore Require Import code.Common.
From KCore Require Import code.Cpu gen.C_psci.
From KCore Require Export top.Smc.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition PSCI_64 : Z := 0x40000000.
Definition PSCI_NOT_SUPPORTED : Z := 0xffffffffffffffff.
Definition PSCI_DENIED : Z := 0xfffffffffffffffd.
Definition PSCI_ALREADY_ON : Z := 0xfffffffffffffffc.
Definition PSCI_INVALID : Z := 0xfffffffffffffffe.
Ltac psci_consts := cpus; unfold KCORE_MAX_CPUS, PSCI_64, PSCI_NOT_SUPPORTED, PSCI_DENIED, PSCI_ALREADY_ON in *;
  guest_bits; names; props; masks.

(* Of n CPUs from number i the first with this affinity; behind the last if there is none. *)
Fixpoint first_cpu (s : state) (mpidr i : Z) (n : nat) : Z :=
  match n with O => i | S m => if cell s "cpu_mpidr" i =? mpidr then i else first_cpu s mpidr (i + 1) m end.
Definition s_cpu_by_affinity : prim state := fun args s =>
  match args with
  | [mpidr] => let n := cell s "nr_cpus" 0 in pre (0 <=? n) && (n <=? KCORE_MAX_CPUS) in
      Ok (first_cpu s mpidr 0 (Z.to_nat n), s)
  | _ => Stuck
  end.

Lemma first_cpu_skip s mpidr n : forall i k, (k <= n)%nat -> (forall j, 0 <= j < Z.of_nat k -> cell s "cpu_mpidr" (i + j) <> mpidr) ->
  first_cpu s mpidr i n = first_cpu s mpidr (i + Z.of_nat k) (n - k).
Proof.
  induction n as [|n IH]; intros i k Hk H.
  - replace k with 0%nat by lia. cbn. f_equal. lia.
  - destruct k as [|k]; [cbn [Z.of_nat]; rewrite Z.add_0_r; reflexivity|]. cbn [first_cpu Nat.sub].
    specialize (H 0 ltac:(lia)) as H0. rewrite Z.add_0_r in H0. destruct (Z.eqb_spec (cell s "cpu_mpidr" i) mpidr); [contradiction|].
    rewrite (IH (i + 1) k ltac:(lia)); [f_equal; lia|]. intros j Hj. replace (i + 1 + j) with (i + (j + 1)) by lia. apply H. lia.
Qed.

Lemma cpu_by_affinity_ok : meets (run L1 f_cpu_by_affinity) s_cpu_by_affinity.
Proof.
  spec_args. psci_consts. start f_cpu_by_affinity. steps.
  eapply (wp_for0 _ (fun k e s' => s' = s /\ (exists a b, e = [Some z; Some (cell s "nr_cpus" 0); a; b]) /\
    forall j, 0 <= j < Z.of_nat k -> cell s "cpu_mpidr" j <> z)); try reflexivity.
  - cbn [modulus]; lia.
  - repeat split; eauto. intros; lia.
  - intros k e s' _ Hk (-> & (a & b & ->) & Hh). cbn [setv]. steps; cbn [result].
    + rewrite (first_cpu_skip s z (Z.to_nat (cell s "nr_cpus" 0)) 0 k ltac:(lia)) by (intros j Hj; apply Hh; exact Hj). cbn [Z.add].
      replace (Z.to_nat (cell s "nr_cpus" 0) - k)%nat with (S (Z.to_nat (cell s "nr_cpus" 0) - S k)) by lia.
      cbn [first_cpu]. rewrite C. reflexivity.
    + repeat split; eauto. intros j Hj. destruct (Z.eq_dec j (Z.of_nat k)) as [->|]; [props; assumption|apply Hh; lia].
  - intros e s' (-> & (a & b & ->) & Hh). cbn [setv]. steps. cbn [result].
    rewrite (first_cpu_skip s z (Z.to_nat (cell s "nr_cpus" 0)) 0 (Z.to_nat (cell s "nr_cpus" 0)) ltac:(lia))
      by (intros j Hj; apply Hh; exact Hj).
    rewrite Nat.sub_diag. cbn [first_cpu]. do 2 f_equal. lia.
Qed.

(* Where the host wants the CPU to start; firmware starts it in KCore with its number. *)
Definition relay (cpu fn entry x0 : Z) (s : state) : state :=
  setreg "host_x" 3 cpu (setreg "host_x" 2 (reg s "resume_entry" 0) (put64 "cpu_entry_x0" cpu x0 (put64 "cpu_entry" cpu entry
    (setreg "host_x" 0 (Z.lor fn PSCI_64) s)))).
Definition s_relay_entry : prim state := fun args s =>
  match args with
  | [cpu; fn; entry; x0] => pre cpu_ok cpu in Ok (0, relay cpu fn entry x0 s)
  | _ => Stuck
  end.
Lemma relay_entry_ok : meets (run L1 f_relay_entry) s_relay_entry.
Proof. spec_args. unfold relay, put64. psci_consts. start f_relay_entry. hide. steps. reveal. reflexivity. Qed.

(* The caller holds the lock. *)
Definition s_cpu_on_claim : prim state := fun args s =>
  match args with
  | [cpu] => pre cpu_ok cpu && held s in
      if cell s "cpu_power" cpu =? POWER_OFF then Ok (0, setcell "cpu_power" cpu POWER_BOOT s) else Ok (PSCI_ALREADY_ON, s)
  | _ => Stuck
  end.
Lemma cpu_on_claim_ok : meets (run L1 f_cpu_on_claim) s_cpu_on_claim.
Proof. spec_args. psci_consts. start f_cpu_on_claim. hide. steps; finish. Qed.

Definition s_argument : prim state := fun args s => match args with [fn; v] => Ok (argument fn v, s) | _ => Stuck end.
Lemma argument_ok : meets (run L1 f_argument) s_argument.
Proof. spec_args. unfold argument. psci_consts. start f_argument. hide. steps. reveal. reflexivity. Qed.

(* Firmware gets x0..x17 of the host's frame and answers in them. *)
Definition forward (s : state) : state :=
  let n := List.length (trace s) in
  setregs (fun c j => if String.eqb c "host_x" && (0 <=? j) && (j <? 18) then answer s n j mod 2 ^ 64 else reg s c j)
    (record "smc_forward" (map (reg s "host_x") smc_registers) s).

(* CPU_OFF: refused while a vCPU is loaded; back here only if firmware refuses. *)
Definition s_host_cpu_off : prim state := fun args s =>
  match args with
  | [cpu] => pre cpu_ok cpu in
      Ok (0, if negb (cell s "cpu_vcpu" cpu =? NO_VCPU) then setreg "host_x" 0 PSCI_DENIED s
             else setcell "cpu_power" cpu POWER_ON (forward (setcell "cpu_power" cpu POWER_OFF s)))
  | _ => Stuck
  end.

Lemma host_cpu_off_ok : meets (run L1 f_host_cpu_off) s_host_cpu_off.
Proof. spec_args. psci_consts. start f_host_cpu_off. hide. steps; finish. Qed.

(* CPU_SUSPEND: a power-down comes back through KCore. *)
Definition s_host_cpu_suspend : prim state := fun args s =>
  match args with
  | [cpu; fn] =>
      let entry := argument fn (reg s "host_x" 2) in let x0 := argument fn (reg s "host_x" 3) in
      pre cpu_ok cpu in
      Ok (0, if Z.land (reg s "host_x" 1) 0x40010000 =? 0 then forward s
             else if negb (cell s "cpu_vcpu" cpu =? NO_VCPU) then setreg "host_x" 0 PSCI_DENIED s
             else setreg "host_x" 3 (reg s "host_x" 3) (setreg "host_x" 2 (reg s "host_x" 2)
                    (forward (relay cpu 0x84000001 entry x0 s))))
  | _ => Stuck
  end.

Definition L_suspend : layer state := add (add L1 "argument" s_argument) "relay_entry" s_relay_entry.

Lemma host_cpu_suspend_ok : meets (run L_suspend f_host_cpu_suspend) s_host_cpu_suspend.
Proof. spec_args. unfold relay, put64. psci_consts. start f_host_cpu_suspend. hide. steps; finish. Qed.

Definition s_smc_allowed : prim state := fun args s => match args with [fn] => Ok (b2z (smc_allowed fn), s) | _ => Stuck end.
Lemma smc_allowed_ok : meets (run L1 f_smc_allowed) s_smc_allowed.
Proof. spec_args. unfold smc_allowed. psci_consts. start f_smc_allowed. hide. steps; finish. Qed.

(* PSCI_FEATURES: what KCore doesn't relay isn't there. *)
Definition s_host_features : prim state := fun args s =>
  match args with
  | [] =>
      let fn := Z.land (reg s "host_x" 1) 0xffffffff in let base := Guest.clear fn PSCI_64 in
      Ok (0, if smc_allowed fn || (0x84000001 <=? base) && (base <=? 0x84000003) || (fn =? 0x8400000a) then forward s
             else setreg "host_x" 0 PSCI_NOT_SUPPORTED s)
  | _ => Stuck
  end.
Lemma host_features_ok : meets (run (add L1 "smc_allowed" s_smc_allowed) f_host_features) s_host_features.
Proof.
  spec_args. psci_consts. start f_host_features. hide. steps; rewrite ?b2z_zero, ?negb_involutive in *; reveal; conds; reflexivity.
Qed.

