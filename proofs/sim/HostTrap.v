(* SPDX-License-Identifier: GPL-2.0-only *)
(* Traps of the host other than its calls: FP registers that are a guest's, and exceptions that its own handler takes. *)
From KCore Require Import top.Chan.
From KCore Require Import code.Common code.Context code.Cpu code.Run code.VcpuLoad code.Trap code.TrapHost gen.C_trap gen.C_run top.InvOwn top.InvStep.
From KCore Require Export sim.Trap sim.Does sim.Put.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition trapped (c x : Z) (s : state) : state := stat_max c KCORE_STAT_el2_max x (record "counter_read" [] s).
Definition L_timed (other : prim state) : layer state := add (add L1 "host_other" other) "stat_max" s_stat_max.
Lemma host_trap_timed other c s r s' : Base.reg s "cpu_id" 0 = c -> is_cpu c -> 0 <= Base.reg s "esr" 0 ->
  Z.shiftr (Base.reg s "esr" 0) 26 <> EC_HVC -> other [c; Base.reg s "esr" 0] (called s) = Ok (r, s') ->
  exists x, Lang.run (L_timed other) f_host_trap [0] s = Ok (0, trapped c x s').
Proof.
  unfold EC_HVC, called, is_cpu, KCORE_MAX_CPUS. intros <- C P S E.
  assert (Go : forall y, (exists x, y = Ok (0, trapped (Base.reg s "cpu_id" 0) x s')) -> exists x, y = Ok (0, trapped (Base.reg s "cpu_id" 0) x s')) by auto.
  apply Go. clear Go. code f_host_trap. unfold L_timed, trapped. consts.
  assert (A : forall k, 0 <= k < 24 -> stat_ok (Base.reg s "cpu_id" 0) k = true).
  { intros k K. unfold stat_ok, KCORE_MAX_CPUS, KCORE_NR_STATS. repeat rewrite andb_true_iff. rewrite !Z.leb_le, !Z.ltb_lt. lia. }
  repeat first [progress (rewrite ?E, ?A by lia; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result] in *; try (match goal with C : (Z.shiftr _ _ =? 22) = true |- _ => apply Z.eqb_eq in C; contradiction end).
  all: eexists; reflexivity.
Qed.

Lemma host_other_fp p c s r s' : is_cpu c -> (let e := Z.shiftr (Base.reg s "esr" 0) 26 in e = 7 \/ e = 25 \/ e = 29) -> 0 <= Base.reg s "esr" 0 ->
  cell s "cpu_fp" c <> 0 -> p [c] s = Ok (r, s') ->
  Lang.run (add L1 "host_fp_trap" p) f_host_other [c; Base.reg s "esr" 0] s = Ok (0, s').
Proof.
  cbv zeta. unfold is_cpu, KCORE_MAX_CPUS. intros C S Pe F E.
  assert (Go : forall y, y = Ok (0, s') -> y = Ok (0, s')) by auto. apply Go. clear Go. code f_host_other.
  assert (0 <= c < 64) by lia. set (e := Base.reg s "esr" 0) in *.
  repeat first [progress (rewrite ?E; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result] in *; try reflexivity.
Qed.
Lemma host_other_exception p c s r s' : is_cpu c -> 0 <= Base.reg s "esr" 0 ->
  (let e := Z.shiftr (Base.reg s "esr" 0) 26 in e <> 23 /\ e <> 32 /\ e <> 36 /\ (cell s "cpu_fp" c = 0 \/ e <> 7 /\ e <> 25 /\ e <> 29)) ->
  p [33554432; 0] s = Ok (r, s') -> Lang.run (add L1 "host_exception" p) f_host_other [c; Base.reg s "esr" 0] s = Ok (0, s').
Proof.
  cbv zeta. unfold is_cpu, KCORE_MAX_CPUS. intros C Pe (S1 & S2 & S3 & S4) E.
  assert (Go : forall y, y = Ok (0, s') -> y = Ok (0, s')) by auto. apply Go. clear Go. code f_host_other.
  assert (0 <= c < 64) by lia. set (e := Base.reg s "esr" 0) in *.
  repeat first [progress (rewrite ?E; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result] in *; try reflexivity.
Qed.

Lemma does_host_fp_trap : does "host_fp_trap" s_host_fp_trap.
Proof. pose proof does_fp_release. does_by host_fp_trap_ok. Qed.
Lemma does_host_exception : does "host_exception" s_host_exception.
Proof. pose proof does_exception_vector. pose proof does_exception_pstate. pose proof does_exception_take. does_by host_exception_ok. Qed.
Lemma does_host_other_fp : does "host_other" (Lang.run (add L1 "host_fp_trap" (link L1 above "host_fp_trap")) f_host_other).
Proof.
  assert (does "host_fp_trap" (link L1 above "host_fp_trap")) by apply sim_refl.
  apply (does_meets _ f_host_other (add L1 "host_fp_trap" (link L1 above "host_fp_trap"))); [reflexivity|callees|intros args s; right; reflexivity].
Qed.
Lemma does_host_other_exception : does "host_other" (Lang.run (add L1 "host_exception" (link L1 above "host_exception")) f_host_other).
Proof.
  assert (does "host_exception" (link L1 above "host_exception")) by apply sim_refl.
  apply (does_meets _ f_host_other (add L1 "host_exception" (link L1 above "host_exception"))); [reflexivity|callees|intros args s; right; reflexivity].
Qed.
Lemma does_host_trap_timed : does "host_trap" (Lang.run (L_timed (link L1 above "host_other")) f_host_trap).
Proof.
  assert (does "host_other" (link L1 above "host_other")) by apply sim_refl. pose proof does_stat_max.
  apply (does_meets _ f_host_trap (L_timed (link L1 above "host_other"))); [reflexivity|unfold L_timed; callees|intros args s; right; reflexivity].
Qed.

Section HostTrap.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* The host uses FP while the registers are a guest's: they go to its context, and the CPU's are cleared. *)
Lemma fp_trap_code c s t f : sound -> Q c s t -> held s = false -> inv (P t) -> 0 <= Base.reg s "esr" 0 ->
  (let e := Z.shiftr (Base.reg s "esr" 0) 26 in e = 7 \/ e = 25 \/ e = 29) -> cell s "cpu_fp" c <> 0 ->
  exists s', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' (host_fp c f t).
Proof.
  intros B R H J Pe S F. destruct (r_cpu_id _ _ _ _ R) as [Ec C]. pose proof (r_cpu_fp _ _ _ _ R c C) as Fp.
  rewrite (proj2 (Z.eqb_neq _ _) F) in Fp. cbn [negb] in Fp.
  destruct (Z.eq_dec (u_vcpu (cpu (P t) c)) NO_VCPU) as [N|N]; [exfalso; apply (i_fp _ J c Fp), N|].
  set (w := u_vcpu (cpu (P t) c)) in *. destruct (i_cpu _ J c N) as [Ld _]. fold w in Ld.
  assert (Ex : c_state (vcpu (P t) w) <> VCPU_FREE) by (rewrite Ld; discriminate).
  assert (W : is_vcpu w).
  { destruct (vcpu_is_vcpu (P t) w J Ex) as [V _]. unfold is_vm, is_vcpu, vm_of, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS in *.
    pose proof (Z.div_mod w 16 ltac:(lia)). pose proof (Z.mod_pos_bound w 16 ltac:(lia)). lia. }
  assert (R1 : Q c (called s) t) by (apply keep_record; exact R).
  assert (E : s_host_fp_trap [c] (called s) = Ok (0, drop_fp c w (called s))).
  { unfold s_host_fp_trap. cbv zeta. rewrite (r_cpu_vcpu _ _ _ _ R1 c C). fold w.
    replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
    destruct (vcpu_areas fixed I c _ t w R1 J W Ex) as (-> & _). reflexivity. }
  apply (does_ok _ _ _ _ _ does_host_fp_trap) in E.
  apply (host_other_fp _ c (called s) 0 _ C S Pe F) in E. apply (does_ok _ _ _ _ _ does_host_other_fp) in E.
  assert (S0 : Z.shiftr (Base.reg s "esr" 0) 26 <> EC_HVC) by (unfold EC_HVC; cbv zeta in S; lia).
  destruct (host_trap_timed _ c s 0 _ Ec C Pe S0 E) as (x & X).
  apply (does_ok _ _ _ _ _ does_host_trap_timed) in X. eexists. split; [exact X|].
  pose proof (drop_related fixed I c (called s) t w R1 B J eq_refl N W) as R2. unfold host_fp. rewrite Fp. unfold trapped. split.
  - unfold stat_max. destruct (_ <? _); [change (held (drop_fp c w (called s)) = false)|change (held (drop_fp c w (called s)) = false)];
      rewrite drop_held; exact H.
  - apply keep_max; auto. apply keep_record. exact R2.
Qed.

(* Any other exception is for the host's own handler. *)
Lemma exception_code c s t : Q c s t -> held s = false -> 0 <= Base.reg s "esr" 0 ->
  (let e := Z.shiftr (Base.reg s "esr" 0) 26 in e <> EC_HVC /\ e <> 23 /\ e <> 32 /\ e <> 36 /\
     (cell s "cpu_fp" c = 0 \/ e <> 7 /\ e <> 25 /\ e <> 29)) ->
  exists s', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' t.
Proof.
  intros R H Pe (S0 & S). destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  assert (R1 : Q c (called s) t) by (apply keep_record; exact R).
  assert (E : s_host_exception [33554432; 0] (called s) = Ok (0, enter_host 33554432 0 (called s))) by reflexivity.
  apply (does_ok _ _ _ _ _ does_host_exception) in E.
  apply (host_other_exception _ c (called s) 0 _ C Pe S) in E. apply (does_ok _ _ _ _ _ does_host_other_exception) in E.
  destruct (host_trap_timed _ c s 0 _ Ec C Pe S0 E) as (x & X).
  apply (does_ok _ _ _ _ _ does_host_trap_timed) in X. eexists. split; [exact X|]. unfold trapped. split.
  - unfold stat_max. destruct (_ <? _); exact H.
  - apply keep_max; auto. apply keep_record. apply (keep_regs fixed c (called s)); auto; [other_regs|exact (r_vgic _ _ _ _ R1)].
Qed.
End HostTrap.
