(* SPDX-License-Identifier: GPL-2.0-only *)
(* The translated handlers, linked over layer L1, do what the top machine does. *)
From KCore Require Import code.Common code.Vm code.VmLife code.VmEnd code.Range code.RangeWalk code.Auth top.InvStep.
From KCore Require Import code.VcpuLoad.
From KCore Require Export sim.VcpuCreate sim.VcpuDestroy.
From KCore Require Import code.Stats code.Log.
From KCore Require Export sim.Trap sim.Does sim.Over sim.Unmap sim.Put sim.Reads sim.MapCall sim.Protect sim.DestroyStep sim.Donate sim.Auth.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* What the machine answers next in a handler: the trap asks the clock first. *)
Definition handler_asked (s : state) : Z := next_answer (called s).
(* The top machine's name of a call of the table with these arguments in this state of the code at the trap; the clock it has not, nor what
   the machine answers of a measurement. *)
Definition request_of (name : string) (args : list Z) (s : state) : option request :=
  match args with
  | [] => if String.eqb name "hc_version" then Some RVersion else
          if String.eqb name "hc_vcpu_put" then Some RPut else
          if String.eqb name "hc_vgic_vmcr_read" then Some RVmcr else None
  | [a] => if String.eqb name "hc_vcpu_load" then Some (RLoad a) else
           if String.eqb name "hc_vcpu_destroy" then Some (RVcpuDestroy a) else
           if String.eqb name "hc_vm_create" then Some (RCreate a) else
           if String.eqb name "hc_vm_destroy_begin" then Some (RBegin a) else
           if String.eqb name "hc_vm_destroy_step" then Some (RStep a) else
           if String.eqb name "hc_vm_destroy_end" then Some (REnd a) else
           if String.eqb name "hc_tlb_flush_local" then Some (RFlush a) else
           if String.eqb name "hc_page_state" then Some (RPageState a) else
           if String.eqb name "hc_stats_read" then Some (RStats a (stat_total s KCORE_STAT_el2_max)) else
           if String.eqb name "hc_info" then Some (RInfo a) else
           if String.eqb name "hc_log_read" then Some (RLog a (cell s "log_time" (a mod LOG_ENTRIES))) else
           if String.eqb name "hc_vm_start" then Some (RStart a (negb (handler_asked s =? 0))) else None
  | [a; b] => if String.eqb name "hc_vm_measure" then Some (RMeasure a b) else
              if String.eqb name "hc_vm_measurement" then Some (RMeasurement (handler_asked s)) else None
  | [a; b; d] => if String.eqb name "hc_vcpu_create" then Some (RVcpuCreate a b d) else
                 if String.eqb name "hc_vm_donate" then Some (RDonate a b d) else
                 if String.eqb name "hc_vm_finalise" then Some (RFinalise a b d false) else
                 if String.eqb name "hc_vm_finalise_signed" then Some (RFinalise a b d true) else
                 if String.eqb name "hc_vm_unmap" then Some (RUnmap a b d false) else
                 if String.eqb name "hc_vm_age" then Some (RUnmap a b d true) else
                 if String.eqb name "hc_vm_wrprotect" then Some (RProtect a b d) else None
  | [a; b; d; e; g] => if String.eqb name "hc_vm_map" then Some (RMap a b d e g) else
                       if String.eqb name "hc_vm_quote" then Some (RQuote a (negb (handler_asked s =? 0))) else None
  | _ => None
  end.
(* What the clock said, and what the machine answers. *)
Definition same_clock (s s' : state) : Prop :=
  stat_total s' KCORE_STAT_el2_max = stat_total s KCORE_STAT_el2_max /\ (forall i, cell s' "log_time" i = cell s "log_time" i) /\
  handler_asked s' = handler_asked s.
Lemma request_clock name args s s' : same_clock s s' -> request_of name args s' = request_of name args s.
Proof.
  intros (A & B & E). unfold request_of. destruct args as [|a [|b [|d [|x args]]]]; auto; rewrite ?A, ?B, E; reflexivity.
Qed.
Lemma total_same s s' id n : cell s' = cell s -> total s' id n = total s id n.
Proof. intros E. induction n as [|n IH]; cbn [total]; [reflexivity|]. rewrite IH, E. reflexivity. Qed.
Lemma called_total s id : stat_total (called s) id = stat_total s id.
Proof. apply total_same. reflexivity. Qed.
Local Opaque stat_total.
(* The calls that [calls_code] is about. *)
Definition simulated : list string := ["hc_version"; "hc_vcpu_create"; "hc_vcpu_destroy"; "hc_vcpu_load"; "hc_vcpu_put";
  "hc_vgic_vmcr_read"; "hc_stats_read"; "hc_info"; "hc_log_read"; "hc_vm_create"; "hc_vm_finalise"; "hc_vm_destroy_begin";
  "hc_vm_destroy_end";
  "hc_vm_unmap"; "hc_vm_age"; "hc_tlb_flush_local"; "hc_page_state"; "hc_vm_map"; "hc_vm_wrprotect";
  "hc_vm_destroy_step"; "hc_vm_donate"; "hc_vm_finalise_signed"; "hc_vm_measure"; "hc_vm_start"; "hc_vm_measurement"; "hc_vm_quote"].

Section Code.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).
Notation leads := (leads fixed).

Definition word_sized (x : Z) : Prop := 0 <= x < 2 ^ 64.

Lemma does_answers f q args c s t o : does f q -> answers c t (q args s) o -> leads c t (link L1 above f args s) o.
Proof. intros H (r & u & E & A). apply leads_now. exists r, u. split; auto. eapply does_ok; eauto. Qed.

Lemma does_leads f q args c s t o : does f q -> leads c t (q args s) o -> leads c t (link L1 above f args s) o.
Proof. intros H L. apply (leads_res fixed c t _ o L). intros y Y. eapply does_ok; eauto. Qed.

Lemma finalise_answers c s t a b d sign : Q c s t -> held s = false -> inv (P t) -> 0 <= a -> 0 <= b < 2 ^ 64 -> 0 <= d < 2 ^ 64 ->
  answers c t (section (s_vm_finalise [a; b; d; sign]) s) (vm_finalise c a b d (negb (sign =? 0)) (P t)).
Proof.
  intros R H J A B' D'. apply section_answers; auto. unfold s_vm_finalise. cbn [held sethold].
  replace (true && (0 <=? a) && word64 b && word64 d) with true.
  - apply finalise_sim; auto; try lia. apply keep_hold; auto.
  - symmetry. unfold word64. rewrite !andb_true_iff, !Z.leb_le, !Z.ltb_lt. lia.
Qed.

(* s0: the state at the trap. *)
Lemma handler_leads name args req c s0 t : In name simulated -> request_of name args s0 = Some req -> Forall word_sized args ->
  sound -> Q c (called s0) t -> held (called s0) = false -> inv (P t) -> u_run (cpu (P t) c) = false -> fits (P t) ->
    leads c t (link L1 above name args (called s0)) (hcall c req (P t)).
Proof.
  intros N E W B R H J U F. set (s := called s0) in *. cbn [simulated In] in N.
  repeat match type of N with _ \/ _ => destruct N as [N|N] | False => destruct N end; subst name;
    destruct args as [|a [|b [|d [|e [|g [|x args]]]]]]; try discriminate E; injection E as <-;
    repeat rewrite Forall_cons_iff in W; repeat match goal with W : _ /\ _ |- _ => destruct W end; unfold word_sized in *.
  - eapply does_answers; [apply does_hc_version|]. eexists _, _. split; [reflexivity|]. now apply unchanged.
  - eapply does_answers; [apply does_hc_vcpu_create|]. apply section_answers; auto. apply create_vcpu_sim; auto. apply keep_hold; auto.
  - eapply does_answers; [apply does_hc_vcpu_destroy|]. apply section_answers; auto.
    apply destroy_vcpu_sim; auto; [apply keep_hold; auto|lia].
  - eapply does_answers; [apply does_hc_vcpu_load|]. apply load_sim; auto; lia.
  - eapply does_answers; [apply does_hc_vcpu_put|]. apply put_sim; auto.
  - destruct (vmcr_sim fixed I c s t R H) as (o & A & S). apply (leads_same fixed c t _ _ o S).
    destruct A as (r & u & E & A). exists r, u. split; [eapply does_ok; [apply does_hc_vgic_vmcr_read|exact E]|exact A].
  - eapply does_answers; [apply does_hc_stats_read|]. rewrite <- (called_total s0). apply stats_sim; auto; lia.
  - eapply does_answers; [apply does_hc_info|]. apply info_sim; auto; lia.
  - eapply does_answers; [apply does_hc_log_read|]. apply (log_read_sim fixed c s t a); auto; lia.
  - eapply does_answers; [apply does_hc_vm_create|]. apply create_sim; auto; lia.
  - eapply does_answers; [apply does_hc_vm_finalise|]. apply (finalise_answers c s t a b d 0); auto; lia.
  - eapply does_answers; [apply does_hc_vm_destroy_begin|]. apply begin_sim; auto; lia.
  - eapply does_answers; [apply does_hc_vm_destroy_end|]. apply section_answers; auto. unfold s_vm_destroy_end. cbn [held sethold].
    replace (true && (0 <=? a)) with true by (symmetry; apply Z.leb_le; lia). apply end_sim; auto; try lia. apply keep_hold; auto.
  - eapply does_leads; [apply does_hc_vm_unmap|]. apply (unmap_sim fixed I c s t a b d false); auto.
  - eapply does_leads; [apply does_hc_vm_age|]. apply (unmap_sim fixed I c s t a b d true); auto.
  - eapply does_answers; [apply does_hc_tlb_flush_local|]. apply flush_sim; auto; lia.
  - eapply does_answers; [apply does_hc_page_state|]. apply page_state_sim; auto.
  - eapply does_leads; [apply does_hc_vm_map|]. apply hc_map_sim; auto; lia.
  - eapply does_leads; [apply does_hc_vm_wrprotect|]. apply protect_sim; auto.
  - eapply does_leads; [apply does_hc_vm_destroy_step|]. apply step_sim; auto; lia.
  - eapply does_leads; [apply does_hc_vm_donate|]. apply donate_sim; auto; lia.
  - eapply does_answers; [apply does_hc_vm_finalise_signed|]. apply (finalise_answers c s t a b d 1); auto; lia.
  - eapply does_answers; [apply does_hc_vm_measure|]. apply hc_measure_sim; auto; lia.
  - eapply does_answers; [apply does_hc_vm_start|]. apply (start_sim fixed c s t a); auto; lia.
  - eapply does_answers; [apply does_hc_vm_measurement|]. apply (measurement_sim fixed c s t a b); auto.
  - eapply does_answers; [apply does_hc_vm_quote|]. apply (quote_sim fixed c s t a b d e g); auto; lia.
Qed.

(* The host calls KCore by HVC, on CPU c: number in x0, arguments in x1.. *)
Record calls (c : Z) (s : state) (name : string) (nr n : Z) : Prop := {
  k_table : In (name, nr, n) hypercalls;
  k_hvc : 0 <= Base.reg s "esr" 0 /\ Z.shiftr (Base.reg s "esr" 0) 26 = EC_HVC;
  k_number : host_word s 0 = nr;
  k_words : forall k, 0 <= k < 31 -> word_sized (host_word s k)
}.

Lemma registers_sized s n : (forall k, 0 <= k < 31 -> word_sized (host_word s k)) -> Forall word_sized (registers s n).
Proof.
  intros W. unfold registers. apply Forall_forall. intros x X. assert (Y : In x (map (host_word s) [1; 2; 3; 4;
    5])) by (rewrite <- (firstn_skipn (Z.to_nat n)); apply in_or_app; auto). clear X. cbn [map In] in Y.
  repeat (destruct Y as [<-|Y]; [apply W; lia|]). destruct Y.
Qed.

(* The C from the trap's entry to its return, in a state related to the top machine's: it ends, the lock is free, and the state is
   related to the one that the top machine reaches by the call and the sections that belong to it. *)
Theorem calls_code c s t name nr n req : sound -> In name simulated -> calls c s name nr n ->
  request_of name (registers s n) s = Some req ->
  Q c s t -> held s = false -> sinv t -> idle (P t) c = true ->
  (forall k u, run (HCall c req :: repeat (HGo c) k) t = Ok u -> fits (P u)) -> fits (P t) ->
  exists k s' t', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\
    run (HCall c req :: repeat (HGo c) k) t = Ok t' /\ u_call (cpu (P t') c) = CNone /\ Q c s' t'.
Proof.
  intros B N [T (Ea & Eb) F W] E R H J Id Fits Ft. destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  assert (S : step (HCall c req) t = after (hcall c req (P t)) t) by (cbn [step]; now rewrite Id).
  destruct (leads_run fixed c t (link L1 above name (registers s n) (called s)) (hcall c req (P t)) B C)
    as (k & r & u & v & t' & Av & X & Hu & Rn & K & Rl).
  - apply (handler_leads name (registers s n) req c s t N E); auto using registers_sized.
    + apply keep_record; auto.
    + unfold idle in Id. apply andb_true_iff in Id as [Id _]. now apply negb_true_iff in Id.
  - intros k u u' A Rn. apply (Fits k). cbn [run]. rewrite S, A. exact Rn.
  - destruct (step_inv (HCall c req) t B J) as (u & A & Ju). rewrite S in A. eauto.
  - destruct (trap_calls name nr n c s r u) as (x & Y); auto.
    { intros ->. revert N. cbn [simulated In]. intros N. repeat (destruct N as [N|N]; [discriminate|]). destruct N. }
    exists k, (timed c x (returned c r u)), t'. split; [exact Y|]. unfold timed. split.
    + unfold stat_max. destruct (_ <? _); exact Hu.
    + split; [cbn [run]; rewrite S, Av; exact Rn|]. split; [exact K|]. apply keep_max; auto. apply keep_record; auto.
Qed.
End Code.
