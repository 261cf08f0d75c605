(* SPDX-License-Identifier: GPL-2.0-only *)
(* HVCs of the host that are no call of the table: an unknown number, and the hyp-stub's call that is answered as done. *)
From KCore Require Import code.Common code.Stats code.Cpu code.Host code.Run code.Trap gen.C_trap gen.C_run top.InvStep.
From KCore Require Export sim.Trap sim.Does.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* An HVC, and the number in x0. *)
Definition hvc (s : state) : Prop := 0 <= Base.reg s "esr" 0 /\ Z.shiftr (Base.reg s "esr" 0) 26 = EC_HVC.
Definition known_call (fn : Z) : bool := existsb (fun p => snd (fst p) =? fn) hypercalls.
Definition unknown_class (s : state) : Prop := hvc s /\ KCORE_STUB_CALLS <= host_word s 0 /\ known_call (host_word s 0) = false.
Definition finalise_class (s : state) : Prop := hvc s /\ host_word s 0 = STUB_FINALISE.

Lemma unknown_none fn : known_call fn = false -> hypercall fn = None.
Proof.
  unfold known_call, hypercall. induction hypercalls as [|[[f nr] n] l IH]; [reflexivity|]. cbn [existsb List.find fst snd].
  intros E. apply orb_false_iff in E as [E El]. rewrite Z.eqb_sym, E. apply IH, El.
Qed.

Lemma known_run : known_call 3321907969 = true.
Proof. vm_compute. reflexivity. Qed.

Lemma does_host_call_table : does "host_call" (s_host_call (link L1 above)).
Proof.
  apply (does_meets _ f_host_call (L_calls (link L1 above))); [reflexivity| |apply host_call_ok].
  unfold L_calls. cbn [hypercalls map fst extend]. repeat (eapply with_callee; [vm_compute; discriminate| |apply sim_refl]). apply below.
Qed.
Lemma does_host_stub : does "host_stub" s_host_stub.
Proof. pose proof does_stat_add. pose proof does_log_event. does_by host_stub_ok. Qed.
Lemma host_hvc_stub stub c s r s' : is_cpu c -> 0 <= host_word s 0 < KCORE_STUB_CALLS -> stub [c; host_word s 0] s = Ok (r, s') ->
  Lang.run (add L1 "host_stub" stub) f_host_hvc [c] s = Ok (0, s').
Proof.
  unfold host_word, is_cpu, KCORE_MAX_CPUS, KCORE_STUB_CALLS. intros C F E.
  assert (Go : forall y, y = Ok (0, s') -> y = Ok (0, s')) by auto. apply Go. clear Go. code f_host_hvc. consts.
  repeat first [progress (rewrite ?E; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result] in *; try reflexivity.
Qed.
Lemma does_host_hvc_stub : does "host_hvc" (Lang.run (add L1 "host_stub" (link L1 above "host_stub")) f_host_hvc).
Proof.
  assert (does "host_stub" (link L1 above "host_stub")) by apply sim_refl.
  apply (does_meets _ f_host_hvc (add L1 "host_stub" (link L1 above "host_stub"))); [reflexivity|callees|intros args s; right; reflexivity].
Qed.

Section HostUnknown.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* An unknown number: ENOSYS, counted. *)
Lemma unknown_code c s t : Q c s t -> held s = false -> idle (P t) c = true -> unknown_class s ->
  exists s' t', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\ step (HCall c RUnknown) t = Ok t' /\
    u_call (cpu (P t') c) = CNone /\ Q c s' t'.
Proof.
  intros R H Id ((Pe & S) & F & U). destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  assert (E : s_host_call (link L1 above) [host_word s 0] (called s) = Ok (KCORE_ENOSYS, called s))
    by (cbn [s_host_call]; unfold host_call; rewrite (unknown_none _ U); reflexivity).
  apply (does_ok _ _ _ _ _ does_host_call_table) in E.
  assert (N : host_word s 0 <> 3321907969) by (intros X; rewrite X, known_run in U; discriminate U).
  destruct (host_hvc_run (link L1 above "host_call") c s _ _ C F N E) as (x & X).
  apply (does_ok _ _ _ _ _ does_host_hvc) in X. apply (host_trap_run _ c s _ Ec Pe S) in X. apply (does_ok _ _ _ _ _ does_host_trap) in X.
  destruct (done_returned fixed c t KCORE_ENOSYS (called s) _ C (unchanged fixed c (called s) t KCORE_ENOSYS (keep_record fixed c _ _ s t R) H))
    as (H1 & H2 & H3).
  eexists _, _. split; [exact X|]. unfold timed. split; [|split; [cbn [step]; rewrite Id; reflexivity|split; [exact H2|]]].
  - unfold stat_max. destruct (_ <? _); exact H1.
  - apply keep_max; auto. apply keep_record. exact H3.
Qed.

(* The kernel finalises EL2: nothing to do, it is told so. *)
Lemma finalise_code c s t : Q c s t -> held s = false -> finalise_class s ->
  exists s', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\
    Q c s' (mkst (P t) (do_effect (D t) (HostX c 0 0))).
Proof.
  intros R H ((Pe & S) & F). destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  assert (E : s_host_stub [c; host_word s 0] s = Ok (0, setreg "host_x" 0 0 s)).
  { rewrite F. cbn [s_host_stub]. replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff;
      rewrite Z.leb_le, Z.ltb_lt; lia). reflexivity. }
  apply (does_ok _ _ _ _ _ does_host_stub) in E.
  apply host_hvc_stub in E; [|exact C|rewrite F; unfold STUB_FINALISE, KCORE_STUB_CALLS; lia].
  apply (does_ok _ _ _ _ _ does_host_hvc_stub) in E. apply (host_trap_run _ c s _ Ec Pe S) in E. apply (does_ok _ _ _ _ _ does_host_trap) in E.
  eexists. split; [exact E|]. split; [exact H|]. apply keep_x; [exact R|lia].
Qed.
End HostUnknown.
