(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VCPU_RUN from the host's trap to its return: into the guest, or back to the host with an error. *)
From KCore Require Import code.Common gen.C_trap top.InvStep.
From KCore Require Export sim.Code sim.Enter.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma host_hvc_enter p c s r s' : host_word s 0 = KCORE_HC_VCPU_RUN -> p [host_word s 1] s = Ok (r, s') ->
  Lang.run (add L1 "hc_vcpu_run" p) f_host_hvc [c] s = Ok (if r =? 0 then (1, s') else (0, setreg "host_x" 0 r s')).
Proof.
  unfold host_word, KCORE_HC_VCPU_RUN. intros F E.
  assert (Go : forall y, y = Ok (if r =? 0 then (1, s') else (0, setreg "host_x" 0 r s')) ->
    y = Ok (if r =? 0 then (1, s') else (0, setreg "host_x" 0 r s'))) by auto.
  apply Go. clear Go. code f_host_hvc.
  repeat first [progress (rewrite ?E; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result]; try (rewrite F in *; discriminate).
  all: first [reflexivity | match goal with C : (_ =? 0) = _ |- _ => rewrite C; reflexivity end].
Qed.
Lemma does_host_hvc_enter : does "host_hvc" (Lang.run (add L1 "hc_vcpu_run" (link L1 above "hc_vcpu_run")) f_host_hvc).
Proof.
  assert (does "hc_vcpu_run" (link L1 above "hc_vcpu_run")) by apply sim_refl.
  apply (does_meets _ f_host_hvc (add L1 "hc_vcpu_run" (link L1 above "hc_vcpu_run"))); [reflexivity|callees|intros args s; right;
    reflexivity].
Qed.

Section RunCall.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation guest_in := (guest_in fixed).

(* 1: the return path enters the guest, whose registers are in the CPU; 0: the host goes on. *)
Theorem run_code c s t w : sound -> sim.Code.calls c s "hc_vcpu_run" KCORE_HC_VCPU_RUN 1 -> w = host_word s 1 ->
  Q c s t -> held s = false -> sinv t -> idle (P t) c = true ->
  exists b s' t', link L1 above "host_trap" [0] s = Ok (b, s') /\ held s' = false /\ step (HRun c w) t = Ok t' /\ Q c s' t' /\
    b = (if u_run (cpu (P t') c) then 1 else 0) /\ (b = 1 -> guest_in c s' t' w).
Proof.
  intros B [_ (Ea & Eb) F W] -> R H J Id. destruct (r_cpu_id _ _ _ _ R) as [Ec C]. pose proof (W 1 ltac:(lia)) as [W1 _].
  destruct (run_sim fixed I c s t (host_word s 1) R H B J Id W1) as (r & s' & E & H' & X).
  apply (does_ok _ _ _ _ _ does_hc_vcpu_run) in E. pose proof (host_hvc_enter _ c s r s' F E) as V.
  apply (does_ok _ _ _ _ _ does_host_hvc_enter) in V.
  pose proof (host_trap_run _ c s _ Ec Ea Eb V) as T. apply (does_ok _ _ _ _ _ does_host_trap) in T.
  cbn [step]. rewrite Id. destruct (r =? 0).
  - destruct X as [X G]. exists 1, s', (host_run c (host_word s 1) t). split; [exact T|]. split; [exact H'|]. split; [reflexivity|].
    split; [exact X|]. split; [rewrite (proj1 (g_run _ _ _ _ _ G)); reflexivity|auto].
  - destruct X as [X U]. exists 0, (setreg "host_x" 0 r s'), (host_run c (host_word s 1) t). split; [exact T|]. split; [exact H'|].
    split; [reflexivity|]. split; [exact X|]. split; [rewrite U; reflexivity|discriminate].
Qed.
End RunCall.

(* The host's calls that it is not shown for. *)
Definition unsimulated : list string :=
  filter (fun f => negb (existsb (String.eqb f) ("hc_vcpu_run" :: simulated))) (map (fun p => fst (fst p)) hypercalls).
