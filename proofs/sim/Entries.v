(* SPDX-License-Identifier: GPL-2.0-only *)
(* Everything that enters the core, by name, and which of it [ni_code] is about: [covered], for which [covered_goes] holds. *)
From KCore Require Import code.Common code.Run code.Trap top.Ni.
From KCore Require top.Guest.
From KCore Require Export sim.NiCode.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The C is entered from the vectors in two places, host_trap and guest_exit (machine/entry.S).  One a line: a gate counts them. *)
Definition entries : list string := [
  "host_call";      (* HVC with the number of a call: unsimulated.txt says which calls are not shown *)
  "host_unknown";   (* HVC with another number, and the hyp-stub's call that is answered as done *)
  "host_stub";      (* any other call of the hyp-stub: refused *)
  "host_smc";
  "host_abort";     (* stage-2 fault *)
  "host_fp";        (* FP registers while a guest's are in the CPU *)
  "host_other";     (* any other trap: UNDEFINED in the host *)
  "guest_irq";
  "guest_serror";
  "guest_fp";       (* the first use of FP *)
  "guest_again";    (* a stage-2 fault, where the guest's own translation has changed since: it tries again *)
  "guest_normal";   (* any other trap of a normal VM *)
  "guest_fault";    (* WFx and stage-2 faults of a protected VM *)
  "guest_sysreg";
  "guest_hvc";
  "guest_other"     (* SMC, UNDEFINED *)
].

Section Entries.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation matches := (matches fixed).
Notation code_step := (code_step fixed).

(* Which it is: guest or host, for an exit 0 or its kind, and the state at the vector. *)
Definition entry_of (guest : bool) (kind : Z) (s : state) : string :=
  let cpu := Base.reg s "cpu_id" 0 in
  let e := Guest.ec (Base.reg s "esr" 0) in
  let fp := negb (cell s "cpu_fp" cpu =? 0) in
  if guest then
    if kind =? 1 then "guest_irq" else if negb (kind =? 0) then "guest_serror" else
    if (e =? Guest.EC_FP) && negb fp then "guest_fp" else
    if own_fault s then "guest_again" else
    if negb (cell s "vm_type" (vm_of (cell s "cpu_vcpu" cpu)) =? KCORE_VM_PROTECTED) then "guest_normal" else
    if (e =? Guest.EC_WFX) || (e =? Guest.EC_IABT) || (e =? Guest.EC_DABT) then "guest_fault" else
    if e =? Guest.EC_HVC then "guest_hvc" else if e =? Guest.EC_SYSREG then "guest_sysreg" else "guest_other"
  else
    if e =? Guest.EC_HVC then
      if existsb (fun p => snd (fst p) =? Base.reg s "host_x" 0) hypercalls then "host_call" else
      if (Base.reg s "host_x" 0 <? KCORE_STUB_CALLS) && negb (Base.reg s "host_x" 0 =? STUB_FINALISE) then "host_stub" else "host_unknown" else
    if e =? 0x17 then "host_smc" else
    if (e =? Guest.EC_IABT) || (e =? Guest.EC_DABT) then "host_abort" else
    if fp && ((e =? Guest.EC_FP) || (e =? 0x19) || (e =? 0x1d)) then "host_fp" else "host_other".
Lemma entry_listed guest kind s : In (entry_of guest kind s) entries.
Proof.
  unfold entry_of, entries. cbv zeta. repeat match goal with |- context [if ?b then _ else _] => destruct b end; cbn [In]; tauto.
Qed.

(* Those that are steps of [code_step]: the C goes through them to its return. *)
Definition covered : list string := ["host_call"; "host_unknown"; "host_fp"; "host_other"; "host_stub"; "host_smc"; "host_abort"; "guest_fp";
  "guest_irq"; "guest_serror"; "guest_again"; "guest_normal"; "guest_fault"; "guest_sysreg"; "guest_hvc"; "guest_other"].
Definition uncovered : list string := filter (fun f => negb (existsb (String.eqb f) covered)) entries.

(* The C ends, from the vector to its return, and that is a step.  (A step of the environment would not do.) *)
Definition goes (c : Z) (guest : bool) (kind : Z) (s : state) : Prop := exists l r s',
  link L1 above (if guest then "guest_exit" else "host_trap") [if guest then kind else 0] s = Ok (r, s') /\
  code_step c l (guest, s) (negb (r =? 0), s').

Lemma request_some name nr n s : In name simulated -> In (name, nr, n) hypercalls -> exists req, request_of name (registers s n) s = Some req.
Proof.
  intros N T. cbn [hypercalls In] in T.
  repeat match type of T with
  | _ \/ _ => destruct T as [T|T]
  | False => destruct T
  | _ = _ => injection T as <- <- <-; first [eexists; reflexivity | exfalso; cbn [simulated In] in N;
      repeat (destruct N as [N|N]; [discriminate N|]); destruct N]
  end.
Qed.

Lemma call_goes c s t name nr n : sound -> In name ("hc_vcpu_run" :: simulated) -> sim.Code.calls c s name nr n ->
  matches c (false, s) t -> (forall req, sim.Secret.all_fits c req t) ->
  goes c false 0 s.
Proof.
  intros B N K [R H J Ft Who _] F. cbn [fst snd] in *. destruct N as [<-|N].
  - assert (K' : sim.Code.calls c s "hc_vcpu_run" KCORE_HC_VCPU_RUN 1).
    { destruct K as [T K1 K2 K3]. cbn [hypercalls In] in T.
      repeat match type of T with _ \/ _ => destruct T as [T|T] | False => destruct T | _ = _ => try discriminate T end.
      injection T as <- <-. constructor; auto. cbn [hypercalls In]. tauto. }
    destruct (sim.RunCall.run_code fixed I c s t (host_word s 1) B K' eq_refl R H J Who) as (b & s' & t' & E & _).
    eexists _, b, s'. split; [exact E|apply s_run; eauto].
  - destruct (request_some name nr n s N (k_table _ _ _ _ _ K)) as (req & Rq).
    destruct (calls_code fixed I c s t name nr n req B N K Rq R H J Who) as (k & s' & t' & E & _).
    + apply F.
    + exact Ft.
    + eexists _, 0, s'. split; [exact E|eapply s_call; eauto].
Qed.

Lemma guest_fp_goes c s t : matches c (true, s) t -> Guest.ec (Base.reg s "esr" 0) = Guest.EC_FP -> cell s "cpu_fp" c = 0 ->
  goes c true 0 s.
Proof.
  intros [R H J Ft Who _] S F. cbn [fst snd] in *.
  destruct (guest_fp_code fixed I c s t _ (fun _ => []) Who R J S F) as (s' & E & _). exists [G c (OFp (fun _ => []))], 1, s'.
  split; [exact E|apply (s_guest_fp fixed c s 1 s' S F E)].
Qed.

Lemma guest_sysreg_goes c s t : sound -> matches c (true, s) t -> Guest.ec (Base.reg s "esr" 0) = Guest.EC_SYSREG -> protected_runs c s ->
  few_lrs s -> is_64 "esr" s -> is_64 "far" s -> goes c true 0 s.
Proof.
  intros B [R H J _ Who Cn] S V Few Be Bf. cbn [fst snd] in *. pose proof (runs_protected fixed c s t _ Who R J V) as Pr.
  destruct (GuestSysreg.is_sgi (negb (cell s "has_gicv3" 0 =? 0)) (Base.reg s "esr" 0)) eqn:Sg.
  - destruct (sgi_code fixed I c s t _ Who R J B H Pr Cn Few Be Bf S Sg) as (s' & t' & E & _).
    eexists _, 0, s'. split; [exact E|]. apply (s_guest_sgi fixed c s 0 s' S V Few Be Bf Sg E).
  - destruct (guest_sysreg_code fixed I c s t _ Who R J H Pr S Sg) as (s' & t' & E & _).
    eexists _, 1, s'. split; [exact E|]. apply (s_guest_sysreg fixed c s 1 s' S V Sg E).
Qed.
Lemma guest_hvc_goes c s t : matches c (true, s) t -> Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s -> few_lrs s ->
  is_64 "far" s -> vendor_asked c s = false -> goes c true 0 s.
Proof.
  intros [R H J _ Who Cn] S V Few Bf Nv. cbn [fst snd] in *. pose proof (runs_protected fixed c s t _ Who R J V) as Pr.
  pose proof (not_vendor fixed c s t Who R J Nv) as Nv'.
  destruct (hvc_asks c s) as [x0|rel x0 kept] eqn:A; pose proof A as A'; rewrite (asks_same fixed c s t Who R J) in A'.
  - destruct (guest_hvc_code fixed I c s t _ x0 (Base.reg s "far" 0) Who R J H Pr S Nv' A') as (s' & t' & E & _).
    eexists _, 1, s'. split; [exact E|]. apply (s_guest_hvc fixed c s 1 s' x0 S V Nv A E).
  - destruct (guest_told_code fixed I c s t _ rel x0 kept Who R J H Pr Cn Few Bf S Nv' A') as (s' & t' & E & _).
    eexists _, 0, s'. split; [exact E|]. apply (s_guest_told fixed c s 0 s' rel x0 kept S V Few Bf Nv A E).
Qed.
Lemma guest_service_goes c s t : sound -> matches c (true, s) t -> Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s ->
  few_lrs s -> is_64 "far" s -> 0 <= service_words c s 1 -> vendor_asked c s = true -> goes c true 0 s.
Proof.
  intros B [R H J Ft Who Cn] S V Few Bf X1 Va. cbn [fst snd] in *. pose proof (runs_protected fixed c s t _ Who R J V) as Pr.
  destruct (service_cases c s Va) as [(l & A)|[(k & i & A)|(i & A)]].
  - pose proof A as A'. rewrite (service_seen fixed c s t _ Who R J) in A'.
    destruct (guest_vendor_code fixed I c s t _ l Who R J H Pr S A') as (s' & t' & E & _).
    eexists _, 1, s'. split; [exact E|]. apply (s_guest_vendor fixed c s 1 s' l S V A E).
  - destruct (memory_args fixed c s t _ k i Who R J A X1) as (M1 & M2 & M3 & M4 & M5).
    pose proof (runs_vm c t J (proj1 (i_runs _ _ _ _ Who))) as Vm. pose proof (fits_room _ Ft) as Ro.
    destruct (mem_call (vm_of (u_vcpu (cpu (P t) c))) k i (P t)) as [[[ok q] e]|] eqn:Mc.
    + destruct (guest_memory_code fixed I c s t _ i k (Base.reg s "far" 0) ok q e Who R J H B Ro Pr Vm M4 M5 S M1 M2 M3 Mc) as (s' & t' & E & _).
      eexists _, 1, s'. split; [exact E|]. apply (s_guest_memory fixed c s 1 s' k i S V Few Bf X1 A E).
    + destruct (guest_missing_code fixed I c s t _ i k Who R J H B Ro Pr Vm M4 M5 Cn Few Bf S M1 M2 M3 Mc) as (s' & t' & E & _).
      eexists _, 0, s'. split; [exact E|]. apply (s_guest_memory fixed c s 0 s' k i S V Few Bf X1 A E).
  - pose proof A as A'. rewrite (guard_seen fixed c s t _ Who R J) in A'. pose proof X1 as X2. unfold service_words in X2.
    destruct (running_here fixed c s t _ Who R J) as (_ & _ & Ecv & _). rewrite Ecv in X2.
    destruct (guest_guard_code fixed I c s t _ i Who R J H Pr S A' X2) as (s' & t' & E & _).
    eexists _, 1, s'. split; [exact E|]. apply (s_guest_guard fixed c s 1 s' i S V X1 A E).
Qed.
Lemma guest_other_goes c s t : matches c (true, s) t -> protected_runs c s -> other_class c s -> goes c true 0 s.
Proof.
  intros [R H J _ Who Cn] V O. cbn [fst snd] in *. pose proof (runs_protected fixed c s t _ Who R J V) as Pr.
  destruct (guest_other_code fixed I c s t _ Who R J H Pr O) as (s' & t' & E1 & _).
  exists [G c (other_op (Base.reg s "esr" 0))], 1, s'. split; [exact E1|]. apply (s_guest_other fixed c s 1 s' V O E1).
Qed.
Lemma guest_asynchronous_goes c s t kind : matches c (true, s) t -> kind = 1 \/ kind = 2 -> few_lrs s ->
  goes c true kind s.
Proof.
  intros [R H J _ Who Cn] K F. cbn [fst snd] in *. destruct (asynchronous_code fixed I c s t _ kind R H J Who Cn F K) as (s' & t' & E & _).
  eexists _, 0, s'. split; [exact E|]. apply (s_asynchronous fixed c kind s 0 s' K F E).
Qed.

Lemma guest_retry_goes c s t : matches c (true, s) t -> own_fault s = true -> goes c true 0 s.
Proof.
  intros [R _ J _ Who _] Of. cbn [fst snd] in *. destruct (guest_retry_code fixed I c s t _ Who R J Of) as (s' & t' & E & _).
  eexists _, 1, s'. split; [exact E|]. apply (s_guest_retry fixed c s 1 s' Of E).
Qed.
Lemma guest_normal_goes c s t : matches c (true, s) t -> entry_of true 0 s = "guest_normal" -> few_lrs s ->
  goes c true 0 s.
Proof.
  intros [R H J _ Who Cn] E F. cbn [fst snd] in *. destruct (r_cpu_id _ _ _ _ R) as [Ec _]. unfold entry_of in E. cbv zeta in E. rewrite Ec in E.
  cbn [Z.eqb negb] in E. destruct ((_ =? Guest.EC_FP) && _) eqn:Fp; [discriminate|]. destruct (own_fault s) eqn:Of; [discriminate|].
  destruct (Z.eqb_spec (cell s "vm_type" (vm_of (cell s "cpu_vcpu" c))) KCORE_VM_PROTECTED) as [T|T]; cbn [negb] in E;
    [exfalso; repeat match type of E with context [if ?b then _ else _] => destruct b end; discriminate|].
  assert (A : Guest.ec (Base.reg s "esr" 0) = Guest.EC_FP -> cell s "cpu_fp" c <> 0).
  { intros X Z0. rewrite X, Z0 in Fp. discriminate. }
  destruct (guest_normal_code fixed I c s t _ R H J Who Cn F (runs_normal fixed c s t _ Who R J T) A Of) as (s' & t' & X & _).
  eexists _, 0, s'. split; [exact X|]. apply (s_guest_normal fixed c s 0 s' T A Of F X).
Qed.

Lemma guest_fault_goes c s t : sound -> matches c (true, s) t -> entry_of true 0 s = "guest_fault" -> few_lrs s -> is_64 "esr" s -> is_64 "far" s ->
  goes c true 0 s.
Proof.
  intros B [R H J _ Who Cn] E F A1 A2. cbn [fst snd] in *. destruct (r_cpu_id _ _ _ _ R) as [Ec _]. unfold entry_of in E. cbv zeta in E. rewrite Ec in E.
  cbn [Z.eqb negb] in E. destruct ((_ =? Guest.EC_FP) && _) eqn:Fp; [discriminate|]. destruct (own_fault s) eqn:Of; [discriminate|].
  destruct (Z.eqb_spec (cell s "vm_type" (vm_of (cell s "cpu_vcpu" c))) KCORE_VM_PROTECTED) as [T|T]; cbn [negb] in E; [|discriminate].
  destruct ((_ =? Guest.EC_WFX) || _ || _) eqn:S; [clear E|repeat match type of E with context [if ?b then _ else _] => destruct b end; discriminate].
  assert (S1 : fault_class s) by (unfold fault_class; cbv zeta; rewrite !orb_true_iff, !Z.eqb_eq in S; tauto).
  destruct (hides c s) eqn:Hd.
  { destruct (guest_hidden_code fixed I c s t _ Who R J H (runs_protected fixed c s t _ Who R J T) A1 S1 Of Hd) as (s' & t' & X & _).
    eexists _, 1, s'. split; [exact X|]. apply (s_guest_hidden fixed c s 1 s' S1 T Of A1 Hd X). }
  destruct (guest_fault_code fixed I c s t _ Who R J B H (runs_protected fixed c s t _ Who R J T) Cn F A1 A2 S1 Of Hd) as (s' & t' & X & _).
  eexists _, 0, s'. split; [exact X|]. apply (s_guest_fault fixed c s 0 s' S1 T Of Hd F A1 A2 X).
Qed.

Lemma unknown_goes c s t : matches c (false, s) t -> 0 <= Base.reg s "esr" 0 -> entry_of false 0 s = "host_unknown" ->
  goes c false 0 s.
Proof.
  intros [R H _ _ Who _] Pe E. cbn [fst snd] in *. unfold entry_of, Guest.ec in E. cbv zeta in E. change Guest.EC_HVC with 22 in E.
  destruct (Z.eqb_spec (Z.shiftr (Base.reg s "esr" 0) 26) 22) as [S|S].
  2: { exfalso. repeat match type of E with context [if ?b then _ else _] => destruct b end; discriminate E. }
  pose proof (conj Pe S) as V. destruct (existsb _ hypercalls) eqn:K; [discriminate|].
  destruct (_ && negb _) eqn:N; [discriminate|]. apply andb_false_iff in N as [N|N].
  - apply Z.ltb_ge in N. assert (U : unknown_class s) by (split; [exact V|split; [exact N|exact K]]).
    destruct (unknown_code fixed c s t R H Who U) as (s' & t' & X & _). eexists _, 0, s'. split; [exact X|apply s_unknown; auto].
  - apply negb_false_iff, Z.eqb_eq in N. assert (U : finalise_class s) by (split; [exact V|exact N]).
    destruct (finalise_code fixed c s t R H U) as (s' & X & _). eexists _, 0, s'. split; [exact X|apply s_finalise; auto].
Qed.

Lemma stub_goes c s t : matches c (false, s) t -> 0 <= Base.reg s "esr" 0 -> sized_host s -> entry_of false 0 s = "host_stub" ->
  goes c false 0 s.
Proof.
  intros [R H _ _ _ _] Pe W E. cbn [fst snd] in *. unfold entry_of, Guest.ec in E. cbv zeta in E. change Guest.EC_HVC with 22 in E.
  destruct (Z.eqb_spec (Z.shiftr (Base.reg s "esr" 0) 26) 22) as [S|S].
  2: { exfalso. repeat match type of E with context [if ?b then _ else _] => destruct b end; discriminate E. }
  destruct (existsb _ hypercalls); [discriminate|]. destruct (_ && negb _) eqn:N; [|discriminate].
  assert (U : stub_class s).
  { split; [split; [exact Pe|exact S]|]. unfold stub_refused. apply andb_true_iff in N as [N1 N2]. fold (host_word s 0) in N1, N2.
    rewrite N1, N2.
    rewrite (proj2 (Z.leb_le _ _)) by apply (W 0 ltac:(lia)). reflexivity. }
  destruct (stub_code fixed c s t R H U) as (s' & X & _). eexists _, 0, s'. split; [exact X|apply s_stub; auto].
Qed.
Lemma smc_goes c s t : matches c (false, s) t -> 0 <= Base.reg s "esr" 0 -> sized_host s -> entry_of false 0 s = "host_smc" ->
  goes c false 0 s.
Proof.
  intros [R H _ _ _ _] Pe W E. cbn [fst snd] in *. unfold entry_of, Guest.ec in E. cbv zeta in E. change Guest.EC_HVC with 22 in E.
  destruct (Z.eqb_spec (Z.shiftr (Base.reg s "esr" 0) 26) 22) as [S0|S0].
  { exfalso. destruct (existsb _ hypercalls); [|destruct (_ && _)]; discriminate E. }
  destruct (Z.eqb_spec (Z.shiftr (Base.reg s "esr" 0) 26) 0x17) as [S|S].
  2: { exfalso. repeat match type of E with context [if ?b then _ else _] => destruct b end; discriminate E. }
  pose proof (conj Pe S) as U. destruct (smc_code fixed I c s t R H W U) as (s' & X & _). eexists _, 0, s'.
  split; [exact X|apply s_smc; auto].
Qed.

Lemma abort_goes c s t : matches c (false, s) t -> 0 <= Base.reg s "esr" 0 -> entry_of false 0 s = "host_abort" -> goes c false 0 s.
Proof.
  intros [R H J F _ _] Pe E. cbn [fst snd] in *. unfold entry_of, Guest.ec in E. cbv zeta in E.
  assert (U : abort_class s).
  { split; [exact Pe|]. cbv zeta. set (e := Z.shiftr (Base.reg s "esr" 0) 26) in *. change Guest.EC_IABT with 32 in E.
    change Guest.EC_DABT with 36 in E. destruct (e =? Guest.EC_HVC); [exfalso; destruct (existsb _ hypercalls); [|destruct (_ && _)]; discriminate E|].
    destruct (e =? 0x17); [discriminate E|]. destruct (Z.eqb_spec e 32); [auto|]. destruct (Z.eqb_spec e 36); [auto|]. cbn [orb] in E.
    destruct (_ && _); discriminate E. }
  destruct (abort_code fixed I c s t R H J F U) as (s' & X & _). eexists _, 0, s'. split; [exact X|apply s_abort; auto].
Qed.

Lemma trap_goes c s t : sound -> matches c (false, s) t -> 0 <= Base.reg s "esr" 0 ->
  entry_of false 0 s = "host_fp" \/ entry_of false 0 s = "host_other" -> goes c false 0 s.
Proof.
  intros B [R H J _ _ _] Pe E. cbn [fst snd] in *. destruct (r_cpu_id _ _ _ _ R) as [Ec C]. unfold entry_of in E. cbv zeta in E. rewrite Ec in E.
  unfold Guest.ec in E. set (e := Z.shiftr (Base.reg s "esr" 0) 26) in *.
  change Guest.EC_HVC with 22 in E. change Guest.EC_IABT with 32 in E. change Guest.EC_DABT with 36 in E. change Guest.EC_FP with 7 in E.
  destruct (Z.eqb_spec e 22) as [E0|E0]; [destruct (existsb _ hypercalls); [|destruct (_ && _)]; destruct E; discriminate|].
  destruct (Z.eqb_spec e 0x17) as [E1|E1]; [destruct E; discriminate|].
  destruct (Z.eqb_spec e 32) as [E2|E2]; [destruct E; discriminate|]. destruct (Z.eqb_spec e 36) as [E3|E3]; [destruct E; discriminate|].
  cbn [orb] in E. destruct (negb (cell s "cpu_fp" c =? 0) && ((e =? 7) || (e =? 0x19) || (e =? 0x1d))) eqn:Fp.
  - assert (S : fp_class s) by (unfold fp_class; fold e; cbv zeta; props; lia).
    assert (N : cell s "cpu_fp" c <> 0) by (props; assumption).
    destruct (fp_trap_code fixed I c s t (fun _ => []) B R H J Pe S N) as (s' & X & _). eexists _, 0, s'. split; [exact X|apply s_fp; auto].
  - assert (S : own_class c s).
    { unfold own_class. cbv zeta. fold e. repeat split; auto. apply andb_false_iff in Fp as [Fp|Fp]; props; [left; lia|right; lia]. }
    destruct (exception_code fixed c s t R H Pe S) as (s' & X & _). eexists _, 0, s'. split; [exact X|apply s_exception; auto].
Qed.

(* What hardware has at a vector: registers of 64 bits, at most 16 list registers (Arm GIC specification, ICH_VTR_EL2), a kind of exit. *)
Record at_vector (guest : bool) (kind : Z) (s : state) : Prop := {
  v_esr : is_64 "esr" s;
  v_far : is_64 "far" s;
  v_host : forall k, 0 <= k < 31 -> word_sized (host_word s k);
  v_lrs : few_lrs s;
  v_kind : guest = true -> kind = 0 \/ kind = 1 \/ kind = 2;
  v_guest : guest = true -> forall c, 0 <= service_words c s 1
}.

Lemma call_named nr : existsb (fun p => snd (fst p) =? nr) hypercalls = true ->
  exists name n, In (name, nr, n) hypercalls /\ In name ("hc_vcpu_run" :: simulated).
Proof.
  intros E. apply existsb_exists in E as ([[name m] n] & T & X). apply Z.eqb_eq in X. cbn [fst snd] in X. subst m. exists name, n.
  split; [exact T|]. assert (A : forallb (fun p => existsb (String.eqb (fst (fst p))) ("hc_vcpu_run" :: simulated)) hypercalls = true)
    by (vm_compute; reflexivity).
  rewrite forallb_forall in A. specialize (A _ T). apply existsb_exists in A as (y & Y & Z0). cbn [fst] in Z0. apply String.eqb_eq in Z0.
  now subst y.
Qed.

(* The C goes through each way in of [covered], to its return: it neither halts nor is stuck, and [ni_code] is about it. *)
Theorem covered_goes c s t guest kind : sound -> matches c (guest, s) t -> at_vector guest kind s -> In (entry_of guest kind s) covered ->
  (forall req, sim.Secret.all_fits c req t) -> goes c guest kind s.
Proof.
  intros B M [Ve Vf Vh Vl Vk Vg] N F. pose proof (r_cpu_id _ _ _ _ (m_related _ _ _ _ M)) as [Ec _]. cbn [snd] in Ec.
  destruct guest.
  - specialize (Vk eq_refl). specialize (Vg eq_refl c). destruct (Z.eqb_spec kind 0) as [->|K0].
    2: { apply (guest_asynchronous_goes c s t kind M); [lia|exact Vl]. }
    pose proof (eq_refl (entry_of true 0 s)) as E. unfold entry_of in E at 2. cbv zeta in E. rewrite Ec in E.
    cbn [Z.eqb negb] in E. destruct ((Guest.ec (Base.reg s "esr" 0) =? Guest.EC_FP) && negb (negb (cell s "cpu_fp" c =? 0))) eqn:Fp.
    { props. apply (guest_fp_goes c s t M); assumption. }
    assert (A : Guest.ec (Base.reg s "esr" 0) = Guest.EC_FP -> cell s "cpu_fp" c <> 0) by (intros X Z0; rewrite X, Z0 in Fp; discriminate Fp).
    clear Fp.
    destruct (own_fault s) eqn:Of; [apply (guest_retry_goes c s t M Of)|].
    destruct (Z.eqb_spec (cell s "vm_type" (vm_of (cell s "cpu_vcpu" c))) KCORE_VM_PROTECTED) as [T|T]; cbn [negb] in E.
    2: { apply (guest_normal_goes c s t M); [exact E|exact Vl]. }
    destruct (_ || _ || _) eqn:W; [apply (guest_fault_goes c s t B M); auto|]. props.
    match type of E with context [?e =? Guest.EC_HVC] => destruct (Z.eqb_spec e Guest.EC_HVC) as [Hv|Hv] end.
    { destruct (vendor_asked c s) eqn:Va; [apply (guest_service_goes c s t B M)|apply (guest_hvc_goes c s t M)]; auto. }
    match type of E with context [?e =? Guest.EC_SYSREG] => destruct (Z.eqb_spec e Guest.EC_SYSREG) as [Sy|Sy] end.
    + apply (guest_sysreg_goes c s t B M); auto.
    + apply (guest_other_goes c s t M T). unfold other_class. cbv zeta. auto 10.
  - assert (Pe : 0 <= Base.reg s "esr" 0) by apply Ve.
    assert (K : goes c false 0 s); [|exact K]. change (entry_of false kind s) with (entry_of false 0 s) in N.
    cbn [covered In] in N. destruct N as [N|[N|[N|[N|[N|[N|[N|N]]]]]]].
    + unfold entry_of, Guest.ec in N. cbv zeta in N.
      destruct (Z.eqb_spec (Z.shiftr (Base.reg s "esr" 0) 26) Guest.EC_HVC) as [S|S].
      2: { exfalso. repeat match type of N with context [if ?b then _ else _] => destruct b end; discriminate N. }
      destruct (existsb _ hypercalls) eqn:X; [|destruct (_ && _); discriminate N].
      destruct (call_named _ X) as (name & n & T & L). apply (call_goes c s t name (Base.reg s "host_x" 0) n B L); auto.
      constructor; auto.
    + apply (unknown_goes c s t M Pe). auto.
    + apply (trap_goes c s t B M Pe). left. auto.
    + apply (trap_goes c s t B M Pe). right. auto.
    + apply (stub_goes c s t M Pe Vh). auto.
    + apply (smc_goes c s t M Pe Vh). auto.
    + apply (abort_goes c s t M Pe). auto.
    + exfalso. unfold entry_of in N. cbv zeta in N.
      repeat match type of N with context [if ?b then _ else _] => destruct b end; repeat (destruct N as [N|N]; [discriminate N|]); exact N.
Qed.

(* None is left. *)
Lemma all_covered : forallb (fun f => existsb (String.eqb f) covered) entries = true.
Proof. reflexivity. Qed.
Theorem every_trap_goes c s t guest kind : sound -> matches c (guest, s) t -> at_vector guest kind s ->
  (forall req, sim.Secret.all_fits c req t) -> goes c guest kind s.
Proof.
  intros B M V F. apply (covered_goes c s t guest kind B M V); [|exact F]. pose proof all_covered as A. rewrite forallb_forall in A.
  specialize (A _ (entry_listed guest kind s)). apply existsb_exists in A as (f & In_ & E). apply String.eqb_eq in E. rewrite E. exact In_.
Qed.
End Entries.
