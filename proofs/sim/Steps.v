(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The machine whose state is the C's and whose handlers are the translated C: its steps, and that each is one of the top machine's.
 * One CPU.  A step is the C from a trap to its return, or what the environment does between: instructions of the host and of the guest,
 * loads and stores through stage 2, DMA.
 *)
From KCore Require Import code.Common code.Stats code.Run code.Pte top.Ni pt.Hw.
From KCore Require Export sim.HostUnknown sim.HostSmc sim.HostAbort sim.GuestOther sim.GuestFault sim.GuestRetry sim.GuestPsci sim.GuestRuns
  sim.GuestService.
From KCore Require Export sim.Secret sim.RunCall sim.HostTrap.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ who runs *)

Section Who.
Context {cfg : config}.

(* A call's sections do not switch worlds. *)
Lemma go_runs c d s : sound -> inv s -> u_run (cpu (o_pub (hgo c s)) d) = u_run (cpu s d).
Proof.
  intros B J. destruct (hgo_mildly c s B J) as [M _]. pose proof (d_cpu _ _ _ _ M d) as E. unfold place_of_cpu in E. congruence.
Qed.
Lemma finish_runs c d r e ok s : u_run (cpu (o_pub (finish c r e ok s)) d) = u_run (cpu s d).
Proof.
  unfold finish. cbn [o_pub]. destruct (has_error r); unfold add_stat, set_call, change_cpu, set_cpu, upd; cbn [cpu];
    destruct (Z.eqb_spec d c) as [->|]; reflexivity.
Qed.
Lemma proceed_runs c d k e ok s : u_run (cpu (o_pub (proceed c k e ok s)) d) = u_run (cpu s d).
Proof. unfold proceed. cbn [o_pub]. unfold set_call, change_cpu, set_cpu, upd. cbn [cpu]. destruct (Z.eqb_spec d c) as [->|]; reflexivity. Qed.
Lemma call_runs c d r s : sound -> u_run (cpu (o_pub (hcall c r s)) d) = u_run (cpu s d).
Proof.
  intros So. assert (X : forall v i p, bad_vm v = false -> u_run (cpu (o_pub (donate_take c v i p s)) d) = u_run (cpu s d)).
  { intros v i p N. unfold bad_vm in N. apply orb_false_iff in N as [N _]. apply Z.ltb_ge in N.
    assert (Nv : v <> OWNER_HOST) by (unfold OWNER_HOST; lia).
    destruct (donate_take_mildly c v i p s So Nv) as [M _]. pose proof (d_cpu _ _ _ _ M d) as E. unfold place_of_cpu in E. congruence. }
  assert (Al : forall v u, pool_alloc v s = Some u -> cpu u = cpu s).
  { intros v u. unfold pool_alloc. destruct (_ || _); [discriminate|]. intros E. injection E as <-. destruct (_ && _); reflexivity. }
  destruct r; cbn [hcall]; unfold vcpu_load, vcpu_put, vm_create, vm_finalise, destroy_begin, destroy_step, destroy_end, vcpu_create,
    vcpu_destroy, log_read, vmcr_read, vm_measure, vm_start, done; cbv zeta.
  all: repeat match goal with
  | E : bad_vm ?v || _ || _ = false |- context [donate_take] => apply X; apply orb_false_iff in E as [E _]; apply orb_false_iff in E as [E _]; exact E
  | |- context [pool_alloc ?v ?u] => let E := fresh "E" in destruct (pool_alloc v u) eqn:E; [apply Al in E|]
  | |- context [match ?b with Some _ => _ | None => _ end] => lazymatch type of b with option pub => fail | _ => destruct b as [[[? ?] ?]|] || destruct b end
  | |- context [if ?b then _ else _] => let E := fresh "E" in destruct b eqn:E
  end.
  all: rewrite ?finish_runs, ?proceed_runs; try congruence; try reflexivity.
  all: unfold maps_add, add_log, add_cnt, add_stat, set_call, change_vm, change_vcpu, change_cpu, fp_release, set_vm, set_vcpu, set_cpu,
    set_maps, pool_give; cbn [cpu o_pub]; unfold upd; try congruence; destruct (Z.eqb_spec d c) as [->|]; try reflexivity; cbn;
    unfold upd; rewrite ?Z.eqb_refl, ?(proj2 (Z.eqb_neq _ _) n); try reflexivity.
Qed.
End Who.

(* ------------------------------------------------------------------ the environment *)

Section Environment.
Context {cfg : config} (fixed : string -> Z -> Z).

Definition host_regs (s : state) : list Z := values (Base.reg s "host_x") 0 31.
(* x0 to x30 of the host by these writes; those of them and of FP registers. *)
Definition put_host (l : list (Z * Z)) (s : state) : state :=
  setregs (fun b i => if String.eqb b "host_x" && inside i 0 31 then writes 0 31 l (Base.reg s "host_x") i else Base.reg s b i) s.
Definition host_write (k : Z) : bool := inside k 0 31 || inside k W_FP N_FP.
(* May a device of the host's access the page? *)
Definition device_ok (s : state) (p : Z) : bool :=
  if dram p then cell s "page_owner" (record_no fixed p) =? OWNER_HOST else negb (denied p).
Definition device_word (p o : Z) : Z := p * PAGE_BYTES + o * 8.
(* Where stage 2 of a VM leads ([Hw.map_outcome]: what the hardware's walk gives, pt/Hw.v): the word, if the rights suffice. *)
Definition access (s : state) (v a right : Z) : option Z :=
  match Hw.map_outcome s v a with
  | Hw.Mapped x => if Z.testbit (Hw.s2ap x) right then Some (Hw.oa x / 8 * 8) else None
  | Hw.Fault => None
  end.
(* What neither the core nor the top machine knows has changed: other registers of the host and the machine. *)
Record elsewhere (l : list string) (s s' : state) : Prop := {
  w_cell : cell s' = cell s; w_word : word s' = word s; w_held : held s' = held s; w_s1 : Base.s1 s' = Base.s1 s;
  w_tab : Base.tab s' = Base.tab s; w_leaf : Base.leaf s' = Base.leaf s; w_table : Base.table s' = Base.table s;
  w_reg : forall n i, In n l -> Base.reg s' n i = Base.reg s n i
}.

(* While a guest runs: its EL1 registers; how many list registers there are for it; what KCore has set in HCR, but for an SError that it takes. *)
Definition guest_regs_kept : list string := ["el1"; "lrs"].
Definition wishes_stay (s s' : state) : Prop := Z.lor (Base.reg s' "hcr" 0) KCORE_HCR_VSE = Z.lor (Base.reg s "hcr" 0) KCORE_HCR_VSE.

(* Classes of the host's traps: FP, SVE, SME; what its own handler takes. *)
Definition fp_class (s : state) : Prop := let e := Z.shiftr (Base.reg s "esr" 0) 26 in e = 7 \/ e = 25 \/ e = 29.
Definition own_class (c : Z) (s : state) : Prop := let e := Z.shiftr (Base.reg s "esr" 0) 26 in
  e <> EC_HVC /\ e <> 23 /\ e <> 32 /\ e <> 36 /\ (cell s "cpu_fp" c = 0 \/ e <> 7 /\ e <> 25 /\ e <> 29).
(* A protected VM runs; what its HVC asks for, from its registers. *)
Definition protected_runs (c : Z) (s : state) : Prop := cell s "vm_type" (vm_of (cell s "cpu_vcpu" c)) = KCORE_VM_PROTECTED.
Definition hvc_asks (c : Z) (s : state) : Guest.hvc :=
  let w := cell s "cpu_vcpu" c in Guest.guest_hvc w (Gpsci.near w s) (Context.words_of (cell s "vcpu_context" w) s).
(* It is the vendor service that is asked. *)
Definition vendor_asked (c : Z) (s : state) : bool := Vendor.vendor_call (service_words c s 0).
Definition is_64 (n : string) (s : state) : Prop := 0 <= Base.reg s n 0 < 2 ^ 64.
(* A step of the machine on CPU c, in the words of the top machine: from who runs (true: a guest) and a state to who runs and a state. *)
Inductive code_step (c : Z) : list act -> bool * state -> bool * state -> Prop :=
(* the C: the host's calls *)
| s_call name nr n req s r s' : In name simulated -> sim.Code.calls c s name nr n -> request_of name (registers s n) s = Some req ->
    link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [HCall c req] (false, s) (negb (r =? 0), s')
| s_run s r s' : sim.Code.calls c s "hc_vcpu_run" KCORE_HC_VCPU_RUN 1 ->
    link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [HRun c (host_word s 1)] (false, s) (negb (r =? 0), s')
(* the C: exits of guests *)
| s_guest_fp s r s' : Guest.ec (Base.reg s "esr" 0) = Guest.EC_FP -> cell s "cpu_fp" c = 0 ->
    link L1 above "guest_exit" [0] s = Ok (r, s') -> code_step c [G c (OFp (fun _ => []))] (true, s) (negb (r =? 0), s')
(* the C: other traps of the host *)
| s_fp s r s' : 0 <= Base.reg s "esr" 0 -> fp_class s -> cell s "cpu_fp" c <> 0 ->
    link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [HFp c (fun _ => [])] (false, s) (negb (r =? 0), s')
| s_exception s r s' : 0 <= Base.reg s "esr" 0 -> own_class c s ->
    link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [] (false, s) (negb (r =? 0), s')
(* the C: HVCs of the host that are no call *)
| s_unknown s r s' : unknown_class s ->
    link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [HCall c RUnknown] (false, s) (negb (r =? 0), s')
| s_finalise s r s' : finalise_class s ->
    link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [HSet c (fun _ => [(0, 0)])] (false, s) (negb (r =? 0), s')
| s_stub s r s' : stub_class s -> link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [HStub c] (false, s) (negb (r =? 0), s')
(* the C: SMCs of the host; with what firmware answers *)
| s_smc s r s' : smc_class s -> sized_host s ->
    link L1 above "host_trap" [0] s = Ok (r, s') -> code_step c [HSmc c (platform_of s s')] (false, s) (negb (r =? 0), s')
(* the C: stage-2 faults of the host *)
| s_abort s r s' : abort_class s -> link L1 above "host_trap" [0] s = Ok (r, s') ->
    code_step c [HAbort c (abort_ipa s) (Base.reg s "esr" 0)] (false, s) (negb (r =? 0), s')
(* the C: an interrupt or SError while a guest runs; what the guest has done to its virtual interface shows *)
| s_asynchronous kind s r s' : kind = 1 \/ kind = 2 -> few_lrs s -> link L1 above "guest_exit" [kind] s = Ok (r, s') ->
    code_step c [G c (OIo (fun _ => left_asynchronous c kind s)); HIrq c kind] (true, s) (negb (r =? 0), s')
(* a stage-2 fault, where the guest's own translation has changed since: it tries again *)
| s_guest_retry s r s' : own_fault s = true -> link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c [G c (OCount (Guest.cause (Base.reg s "esr" 0)))] (true, s) (negb (r =? 0), s')
(* a trap of a normal VM *)
| s_guest_normal s r s' : normal_runs c s -> (Guest.ec (Base.reg s "esr" 0) = Guest.EC_FP -> cell s "cpu_fp" c <> 0) -> own_fault s = false ->
    few_lrs s -> link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c [G c (OIo (fun _ => left_synchronous c s)); G c (OExit (Base.reg s "esr" 0) (Base.reg s "far" 0) (fault_ipa s))]
      (true, s) (negb (r =? 0), s')
(* the C: exits of a protected guest: ID and debug registers; an interrupt that it sends; PSCI that KCore answers, or tells
   the host; SMC, UNDEFINED *)
| s_guest_sysreg s r s' : Guest.ec (Base.reg s "esr" 0) = Guest.EC_SYSREG -> protected_runs c s ->
    (let gic := negb (cell s "has_gicv3" 0 =? 0) in let esr := Base.reg s "esr" 0 in GuestSysreg.is_sgi gic esr = false ->
    link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c [G c (sysreg_op gic esr (id_answer gic esr s))] (true, s) (negb (r =? 0), s'))
| s_guest_sgi s r s' : Guest.ec (Base.reg s "esr" 0) = Guest.EC_SYSREG -> protected_runs c s -> few_lrs s -> is_64 "esr" s -> is_64 "far" s ->
    GuestSysreg.is_sgi (negb (cell s "has_gicv3" 0 =? 0)) (Base.reg s "esr" 0) = true -> link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c [G c (left_io c s); G c (OExit (Base.reg s "esr" 0) (Base.reg s "far" 0) (Base.reg s "hpfar" 0))] (true, s) (negb (r =? 0), s')
| s_guest_hvc s r s' x0 : Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s -> vendor_asked c s = false ->
    hvc_asks c s = Guest.HvcLocal x0 ->
    link L1 above "guest_exit" [0] s = Ok (r, s') -> code_step c [G c (OHvc (Base.reg s "far" 0))] (true, s) (negb (r =? 0), s')
| s_guest_told s r s' rel x0 kept : Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s -> few_lrs s -> is_64 "far" s ->
    vendor_asked c s = false -> hvc_asks c s = Guest.HvcTell rel x0 kept -> link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c [G c (left_io c s); G c (OHvc (Base.reg s "far" 0))] (true, s) (negb (r =? 0), s')
(* the vendor service: answered by the registers alone; a page, and the host is told where there is none *)
| s_guest_vendor s r s' l : Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s -> service_answer c s = Some l ->
    link L1 above "guest_exit" [0] s = Ok (r, s') -> code_step c [G c (OLocal KCORE_STAT_exit_hvc (fun _ => l))] (true, s) (negb (r =? 0), s')
| s_guest_memory s r s' k i : Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s -> few_lrs s -> is_64 "far" s ->
    0 <= service_words c s 1 -> memory_asked c s = Some (k, i) -> link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c ((if r =? 0 then [G c (left_io c s)] else []) ++ [G c (OMem k i (Base.reg s "far" 0))]) (true, s) (negb (r =? 0), s')
| s_guest_guard s r s' i : Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s -> 0 <= service_words c s 1 ->
    guard_asked c s = Some i -> link L1 above "guest_exit" [0] s = Ok (r, s') -> code_step c [G c (OGuard i)] (true, s) (negb (r =? 0), s')
| s_guest_other s r s' : protected_runs c s -> other_class c s -> link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c [G c (other_op (Base.reg s "esr" 0))] (true, s) (negb (r =? 0), s')
(* WFx and stage-2 faults of a protected guest, and those that it takes itself *)
| s_guest_hidden s r s' : fault_class s -> protected_runs c s -> own_fault s = false -> is_64 "esr" s -> hides c s = true ->
    link L1 above "guest_exit" [0] s = Ok (r, s') -> code_step c [G c (hidden_op s)] (true, s) (negb (r =? 0), s')
| s_guest_fault s r s' : fault_class s -> protected_runs c s -> own_fault s = false -> hides c s = false -> few_lrs s -> is_64 "esr" s -> is_64 "far" s ->
    link L1 above "guest_exit" [0] s = Ok (r, s') ->
    code_step c [G c (OIo (fun _ => left_synchronous c s)); G c (OExit (Base.reg s "esr" 0) (Base.reg s "far" 0) (fault_ipa s))]
      (true, s) (negb (r =? 0), s')
(* the environment *)
| s_host_set (s : state) (f : chosen_writes) : code_step c [HSet c (fun l => filter (fun w => inside (fst w) 0 31) (f (firstn 31 l)))]
    (false, s) (false, put_host (f (host_regs s)) s)
| s_host_load (s : state) (a : chosen) dst x : 0 <= dst < 31 -> 0 <= a (host_regs s) < 2 ^ 40 -> access s HOST (a (host_regs s)) 0 = Some x ->
    code_step c [HLoad c (fun l => a (firstn 31 l)) dst] (false, s) (false, put_host [(dst, word s x)] s)
| s_host_store (s : state) (a y : chosen) x : 0 <= a (host_regs s) < 2 ^ 40 -> access s HOST (a (host_regs s)) 1 = Some x ->
    code_step c [HStore c (fun l => a (firstn 31 l)) (fun l => y (firstn 31 l))] (false, s) (false, setword x (y (host_regs s)) s)
| s_host_fp (s : state) (f : chosen_writes) : cell s "cpu_fp" c = 0 -> (let l := f (host_regs s ++ fp_regs s)%list in
    code_step c [HFp c (fun l => filter (fun w => host_write (fst w)) (f (firstn 31 l ++ skipn 64 l)%list))]
      (false, s) (false, put_fp l (put_host l s)))
(* the guest that runs; where its own translation leads is for its instructions to say, with their registers *)
| s_guest_set (s : state) (f : chosen_writes) : code_step c [G c (OSet f)] (true, s) (true, put_guest c (f (guest_regs c s)) s)
| s_guest_load (s : state) (a : chosen) dst x : 0 <= a (guest_regs c s) < 2 ^ 40 ->
    access s (vm_of (cell s "cpu_vcpu" c)) (a (guest_regs c s)) 0 = Some x -> ~ stale c s x ->
    code_step c [G c (OLoad a dst)] (true, s) (true, put_guest c [(dst, word s x)] s)
| s_guest_store (s : state) (a y : chosen) x : 0 <= a (guest_regs c s) < 2 ^ 40 ->
    access s (vm_of (cell s "cpu_vcpu" c)) (a (guest_regs c s)) 1 = Some x -> ~ stale c s x ->
    code_step c [G c (OStore a y)] (true, s) (true, setword x (y (guest_regs c s)) s)
| s_guest_own_fp (s : state) (f : chosen_writes) : cell s "cpu_fp" c <> 0 -> (let l := f (guest_regs c s ++ fp_regs s)%list in
    code_step c [G c (OFp f)] (true, s) (true, put_fp l (put_guest c l s)))
(* those of the host, which a normal guest may have where the host switches them *)
| s_guest_host_fp (s : state) (f : chosen_writes) : cell s "cpu_fp" c = 0 -> normal_runs c s -> (let l := f (guest_regs c s ++ fp_regs s)%list in
    code_step c [G c (OHostFp f)] (true, s) (true, put_fp l (put_guest c l s)))
(* its virtual interface *)
| s_guest_gic (s s' : state) : elsewhere (known_regs ++ guest_regs_kept) s s' -> wishes_stay s s' -> 0 <= Base.reg s' "ich_vmcr" 0 < 2 ^ 32 ->
    code_step c [G c (OIo (fun _ => gic_now s'))] (true, s) (true, s')
(* a device *)
| s_device (b : bool) (s : state) p o q r : 0 <= p < 268435456 -> 0 <= q < 268435456 -> 0 <= o < 512 -> 0 <= r < 512 ->
    device_ok s p = true -> device_ok s q = true ->
    (b = true -> ~ stale c s (device_word p o) /\ ~ stale c s (device_word q r)) ->
    code_step c [DMove p o q r] (b, s) (b, setword (device_word q r) (word s (device_word p o)) s)
| s_else (b : bool) (s s' : state) : elsewhere (known_regs ++ vgic_regs ++ (if b then guest_regs_kept else [])) s s' -> (b = true -> wishes_stay s s') ->
    code_step c [] (b, s) (b, s').

Inductive code_run (c : Z) : list act -> bool * state -> bool * state -> Prop :=
| run_end (m : bool * state) : code_run c [] m m
| run_step l k m n o : code_step c l m n -> code_run c k n o -> code_run c (l ++ k) m o.
End Environment.

(* The sections of a call follow it. *)
Definition expand (n : nat) (a : act) : list act := match a with HCall c _ => a :: repeat (HGo c) n | _ => [a] end.
Definition expanded (n : nat) (l : list act) : list act := flat_map (expand n) l.

Section Steps.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation code_step := (code_step fixed).

Record matches (c : Z) (m : bool * state) (t : st) : Prop := {
  m_related : Q c (snd m) t;
  m_held : held (snd m) = false;
  m_inv : sinv t;
  m_fits : fits (P t);
  m_who : if fst m then running c (snd m) t (u_vcpu (cpu (P t) c)) else idle (P t) c = true;
  m_call : u_call (cpu (P t) c) = CNone
}.

(* ------------------------------------------------------------------ words of the host's pages *)

Lemma not_core c s t p : Q c s t -> host_ok (P t) p = true -> core p = false.
Proof. apply (host_not_core fixed I). Qed.

Lemma same_setword a v s : same_rest (setword a v s) s.
Proof. constructor; reflexivity. Qed.

(* A word of a page that is the host's. *)
Lemma keep_word c s t p o v : Q c s t -> core p = false -> 0 <= p < 268435456 -> 0 <= o < 512 ->
  Q c (setword (device_word p o) v s) (mkst (P t) (set_mem (upd2 (mem (D t)) p o v) (D t))).
Proof.
  intros R C B O. pose proof (keep_page fixed I c s (setword (device_word p o) v s) t p (fun k => if k =? o then v else mem (D t) p k) R C
    (same_setword _ _ _)) as X.
  assert (Y : Q c (setword (device_word p o) v s) (mkst (P t) (set_mem (upd (mem (D t)) p (fun k => if k =? o then v else mem (D t) p k)) (D t)))).
  { apply X; unfold device_word.
    - intros x N. rewrite word_setword. rewrite (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply N, O.
    - intros k K. rewrite word_setword. destruct (Z.eqb_spec k o) as [->|N]; [rewrite Z.eqb_refl; reflexivity|].
      rewrite (proj2 (Z.eqb_neq _ _)) by lia. apply (page_word fixed c s t); auto. }
  clear X. apply (same_contents fixed c _ _ _ _ Y); auto. intros q k. cbn [mem set_mem]. unfold upd, upd2.
  destruct (Z.eqb_spec q p) as [->|]; [|reflexivity]. destruct (k =? o); reflexivity.
Qed.

(* ------------------------------------------------------------------ stage 2 as the hardware sees it *)

Lemma prot_bits e : readable (prot_of e) = Z.testbit e 6 /\ writable (prot_of e) = Z.testbit e 7.
Proof.
  assert (H : forall e k, 0 <= k -> Pte.has e (2 ^ k) = Z.testbit e k).
  { intros x k K. unfold Pte.has. rewrite <- (Z.mul_1_l (2 ^ k)), <- Z.shiftl_mul_pow2 by exact K.
    destruct (Z.testbit x k) eqn:T.
    - apply negb_true_iff, Z.eqb_neq. intros E. assert (X : Z.testbit (Z.land x (Z.shiftl 1 k)) k = true).
      { rewrite Z.land_spec, T, Z.shiftl_spec, Z.sub_diag by exact K. reflexivity. }
      rewrite E, Z.bits_0 in X. discriminate.
    - apply negb_false_iff, Z.eqb_eq. apply Z.bits_inj'. intros n N. rewrite Z.land_spec, Z.bits_0, Z.shiftl_spec by exact N.
      destruct (Z.eqb_spec n k) as [->|M]; [rewrite T; reflexivity|]. destruct (Z.ltb_spec n k).
      + rewrite (Z.testbit_neg_r 1 (n - k)) by lia. apply andb_false_r.
      + replace 1 with (2 ^ 0) by reflexivity. rewrite Z.pow2_bits_false by lia. apply andb_false_r. }
  rewrite <- !H by lia. change (2 ^ 6) with PTE_READ. change (2 ^ 7) with PTE_WRITE. unfold prot_of.
  destruct (Pte.has e PTE_READ), (Pte.has e PTE_WRITE), (Pte.has e 0x40000000000000), (Z.land e 0x3c =? 4); split; reflexivity.
Qed.
Lemma rights e right : 0 <= right < 2 -> Z.testbit (Hw.field e 6 2) right = Z.testbit e (6 + right).
Proof.
  intros H. unfold Hw.field. rewrite Z.mod_pow2_bits_low, Z.div_pow2_bits by lia. f_equal. lia.
Qed.

Lemma walk_found a e m k : m = 12 \/ m = 21 -> 0 <= a < 2 ^ 40 ->
  entry_of e = Some (mkleaf (pte_page e) (prot_of e)) -> leaf_ok e k = true -> k = (if m =? 12 then 3 else 2) ->
  (Z.land e PTE_ADDRESS / 2 ^ m * 2 ^ m + a mod 2 ^ m) / 8 * 8 =
    device_word (pte_page e + (if m =? 12 then 0 else (a / PAGE_BYTES) mod 512)) ((a / 8) mod 512).
Proof.
  intros M A E O K. rewrite leaf_address. destruct (leaf_page e k O) as [B Al]. unfold device_word, PAGE_BYTES in *.
  destruct M as [-> | ->]; cbn [Z.eqb Pos.eqb] in *.
  - rewrite Z.div_mul by lia. rewrite Z.add_0_r. change (2 ^ 12) with (512 * 8).
    replace (pte_page e * 4096) with (pte_page e * 512 * 8) by lia.
    pose proof (Z.div_mod a 8 ltac:(lia)). pose proof (Z.div_mod (a / 8) 512 ltac:(lia)).
    pose proof (Z.mod_pos_bound a 8 ltac:(lia)). pose proof (Z.mod_pos_bound (a / 8) 512 ltac:(lia)).
    assert (X : a mod (512 * 8) = a / 8 mod 512 * 8 + a mod 8) by (rewrite (Z.mul_comm 512), Z.rem_mul_r by lia; lia).
    rewrite X. replace (pte_page e * (512 * 8) + (a / 8 mod 512 * 8 + a mod 8)) with (a mod 8 + (pte_page e * 512 + a / 8 mod 512) * 8) by lia.
    rewrite Z.div_add by lia. rewrite (Z.div_small (a mod 8)) by lia. lia.
  - subst k. specialize (Al eq_refl). apply Z.div_exact in Al; [|lia]. set (b := pte_page e / 512) in *. rewrite Al.
    replace (512 * b * 4096) with (b * 2 ^ 21) by lia. rewrite Z.div_mul by lia.
    pose proof (Z.mod_pos_bound a 8 ltac:(lia)). pose proof (Z.mod_pos_bound (a / 8) 512 ltac:(lia)).
    assert (X : a mod 2 ^ 21 = (a / 4096) mod 512 * 4096 + a / 8 mod 512 * 8 + a mod 8).
    { change (2 ^ 21) with (8 * (512 * 512)). rewrite Z.rem_mul_r by lia. rewrite Z.rem_mul_r by lia. rewrite Z.div_div by lia.
      change (8 * 512) with 4096. lia. }
    rewrite X. replace (b * 2 ^ 21 + (a / 4096 mod 512 * 4096 + a / 8 mod 512 * 8 + a mod 8)) with
      (a mod 8 + (b * 512 * 512 + a / 4096 mod 512 * 512 + a / 8 mod 512) * 8) by lia.
    rewrite Z.div_add by lia. rewrite (Z.div_small (a mod 8)) by lia. lia.
Qed.

Lemma access_walk c s t v a right x : Q c s t -> sinv t -> is_handle v -> 0 <= a < 2 ^ 40 -> 0 <= right < 2 ->
  access s v a right = Some x -> exists p r, walk (P t) v (a / PAGE_BYTES) = Some (p, r) /\ x = device_word p ((a / 8) mod 512) /\
    Z.testbit r right = true /\ 0 <= p < 268435456.
Proof.
  intros R J V A Ri. unfold access. destruct (Hw.map_outcome s v a) as [y|] eqn:M; [|discriminate].
  destruct (Z.testbit (Hw.s2ap y) right) eqn:T; [|discriminate]. intros E. injection E as <-.
  set (i := a / PAGE_BYTES) in *. assert (Ai : is_ipa i).
  { unfold is_ipa, IPA_PAGES, i, PAGE_BYTES. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. }
  assert (Rt : forall e, Z.testbit (prot_of e) right = Z.testbit e (6 + right)).
  { intros e. destruct (prot_bits e) as [P1 P2]. unfold readable, writable in *. assert (right = 0 \/ right = 1) as [->| ->] by lia; assumption. }
  unfold Hw.map_outcome in M. change (Map.page a) with i in M.
  replace (Map.block a) with (i / 512) in M by (unfold Map.block, i, PAGE_BYTES; rewrite Z.div_div by lia; reflexivity).
  pose proof (r_page _ _ _ _ R v i V Ai) as Lp. pose proof (r_block _ _ _ _ R v (i / 512) V (ipa_block i Ai)) as Lb.
  pose proof (r_leaf _ _ _ _ R v 3 i) as O3. pose proof (r_leaf _ _ _ _ R v 2 (i / 512)) as O2.
  unfold walk. destruct (Z.eqb_spec (Base.leaf s v 3 i) 0) as [Z3|Z3]; cbn [negb] in M.
  - destruct (Z.eqb_spec (Base.leaf s v 2 (i / 512)) 0) as [Z2|Z2]; cbn [negb] in M; [discriminate|].
    destruct O2 as [O2|O2]; [contradiction|]. set (e := Base.leaf s v 2 (i / 512)) in *.
    assert (Eo : entry_of e = Some (mkleaf (pte_page e) (prot_of e))) by (unfold entry_of; rewrite (proj2 (Z.eqb_neq _ _) Z2); reflexivity).
    rewrite Lb, Eo. cbn [l_page l_prot]. unfold Hw.leaf_outcome in M. destruct (Hw.field e 10 1 =? 0); [discriminate|]. injection M as <-.
    cbn [Hw.s2ap Hw.oa] in *. rewrite rights in T by exact Ri. do 2 eexists. split; [reflexivity|].
    split; [apply (walk_found a e 21 2); auto|]. split; [rewrite Rt; exact T|].
    destruct (leaf_page e 2 O2) as [B Al]. specialize (Al eq_refl). apply Z.div_exact in Al; [|lia].
    pose proof (Z.mod_pos_bound i 512 ltac:(lia)). lia.
  - destruct O3 as [O3|O3]; [contradiction|]. set (e := Base.leaf s v 3 i) in *.
    assert (Eo : entry_of e = Some (mkleaf (pte_page e) (prot_of e))) by (unfold entry_of; rewrite (proj2 (Z.eqb_neq _ _) Z3); reflexivity).
    destruct (lf (P t) v (Block (i / 512))) as [l|] eqn:Eb.
    { exfalso. destruct (t_block _ (i_tables _ J) _ _ _ Eb) as [_ X].
      assert (Y : lf (P t) v (Page i) = Some (mkleaf (pte_page e) (prot_of e))) by congruence.
      destruct (t_page _ (i_tables _ J) _ _ _ Y) as [_ X']. congruence. }
    rewrite Lp, Eo. cbn [l_page l_prot]. unfold Hw.leaf_outcome in M. destruct (Hw.field e 10 1 =? 0); [discriminate|]. injection M as <-.
    cbn [Hw.s2ap Hw.oa] in *. rewrite rights in T by exact Ri. do 2 eexists. split; [reflexivity|].
    split; [rewrite <- (Z.add_0_r (pte_page e)); apply (walk_found a e 12 3); auto|]. split; [rewrite Rt; exact T|].
    apply (leaf_page e 3 O3).
Qed.

(* ------------------------------------------------------------------ the environment's steps *)

Lemma host_values_eq c s t : Q c s t -> firstn 31 (host_values (D t) c) = host_regs s.
Proof.
  intros R. unfold host_values, host_regs, values. rewrite firstn_map. change (firstn 31 (range 0 64)) with (range 0 31).
  apply map_ext_in. intros k K. apply range_in in K. symmetry. apply (r_hreg _ _ _ _ R). lia.
Qed.
Lemma keep_host c s t f h : Q c s t -> (forall k, 0 <= k < 31 -> f k = h k) -> h R_VMCR = hreg (D t) c R_VMCR ->
  Q c (setregs (fun b i => if String.eqb b "host_x" && inside i 0 31 then f i else Base.reg s b i) s)
    (mkst (P t) (set_hreg (upd (hreg (D t)) c h) (D t))).
Proof.
  intros R E V. pose proof R as R'. destruct R'. constructor; cbn [P D mem ctx fpm hreg io set_hreg]; auto.
  - apply (pool_same fixed s _ (P t) (P t)); auto using Z.le_refl.
  - intros n N. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb]. unfold upd. rewrite Z.eqb_refl.
    replace (inside n 0 31) with true by (symmetry; apply inside_spec; lia). apply E, N.
  - intros G. specialize (r_vgic G). unfold upd. cbv zeta in *. cbn [P D hreg set_hreg io] in *. rewrite Z.eqb_refl, V. exact r_vgic.
Qed.
Lemma filtered_writes l f k : 0 <= k < 31 -> writes 0 64 (filter (fun w => inside (fst w) 0 31) l) f k = writes 0 31 l f k.
Proof.
  intros K. unfold writes. revert f. induction l as [|[j x] l IH]; intros f; [reflexivity|]. cbn [filter fst fold_left snd].
  destruct (inside j 0 31) eqn:In_; [|apply IH]. cbn [fold_left fst snd]. replace (inside j 0 64) with true; [apply IH|].
  symmetry. apply inside_spec in In_. apply inside_spec. lia.
Qed.
Lemma filtered_vmcr l f : writes 0 64 l f R_VMCR = f R_VMCR.
Proof. apply writes_outside. reflexivity. Qed.

Lemma writes_filter lo n p l f : (forall k, inside k lo n = true -> p k = true) ->
  writes lo n (filter (fun w => p (fst w)) l) f = writes lo n l f.
Proof.
  intros A. unfold writes. revert f. induction l as [|[j x] l IH]; intros f; [reflexivity|]. cbn [filter fst fold_left snd].
  destruct (p j) eqn:E; [apply IH|]. destruct (inside j lo n) eqn:In_; [rewrite (A j In_) in E; discriminate|apply IH].
Qed.
Lemma host_writes l f k : 0 <= k < 31 -> writes 0 64 (filter (fun w => host_write (fst w)) l) f k = writes 0 31 l f k.
Proof.
  intros K. rewrite <- (writes_filter 0 31 host_write l) by (intros j J; unfold host_write; rewrite J; reflexivity).
  revert f. unfold writes. induction (filter _ l) as [|[j x] m IH]; intros f; [reflexivity|]. cbn [fold_left fst snd].
  destruct (inside j 0 31) eqn:A; destruct (inside j 0 64) eqn:A'; rewrite ?IH; auto; unfold inside in A, A'; [lia|].
  fold (writes 0 31 m (upd f j x)). fold (writes 0 31 m f). apply writes_ext. unfold upd. rewrite (proj2 (Z.eqb_neq k j)); [reflexivity|lia].
Qed.
Lemma host_fp_eq c s t : Q c s t -> let l := (host_values (D t) c ++ fp_values (D t) c)%list in
  (firstn 31 l ++ skipn 64 l)%list = (host_regs s ++ fp_regs s)%list.
Proof.
  intros R l. unfold l. rewrite firstn_app, skipn_app. replace (List.length (host_values (D t) c)) with 64%nat by reflexivity.
  rewrite (host_values_eq c s t R), (skipn_all2 (host_values (D t) c)) by (apply Nat.le_refl). change (31 - 64)%nat with 0%nat.
  change (64 - 64)%nat with 0%nat. rewrite firstn_O, skipn_O, app_nil_r. rewrite (fp_values_eq fixed c s t R). reflexivity.
Qed.

Lemma device_host c s t p : Q c s t -> device_ok fixed s p = host_ok (P t) p.
Proof. intros R. unfold device_ok, host_ok. destruct (dram p) eqn:Dp; [|reflexivity]. rewrite (r_owner _ _ _ _ R p Dp). reflexivity. Qed.

Lemma st_same t : mkst (P t) (D t) = t.
Proof. destruct t; reflexivity. Qed.

(* ------------------------------------------------------------------ runs of the top machine *)

Definition fit_along (l : list act) (t : st) : Prop := forall j u, run (firstn j l) t = Ok u -> fits (P u).

Lemma firstn_repeat {A} (x : A) n : forall m, (n <= m)%nat -> firstn n (repeat x m) = repeat x n.
Proof. induction n as [|n IH]; intros [|m] H; try reflexivity; [lia|]. cbn [repeat firstn]. f_equal. apply IH. lia. Qed.
Lemma go_keeps_running c k : sound -> forall t t', sinv t -> run (repeat (HGo c) k) t = Ok t' -> u_run (cpu (P t) c) = false ->
  u_run (cpu (P t') c) = false.
Proof.
  intros B. induction k as [|k IH]; intros t t' J E U; cbn [repeat run] in E; [injection E as <-; exact U|].
  destruct (step (HGo c) t) as [u| |] eqn:S; try discriminate. apply (IH u); auto.
  - eapply Ni.step_sinv; eauto.
  - cbn [step] in S. rewrite U in S. cbn [negb] in S. unfold after in S. destruct (o_ok _); [|discriminate]. injection S as <-. cbn [P].
    rewrite (go_runs c c (P t) B J). exact U.
Qed.
Lemma call_keeps_running c r k t t' : sound -> sinv t -> run (HCall c r :: repeat (HGo c) k) t = Ok t' -> idle (P t) c = true ->
  u_run (cpu (P t') c) = false.
Proof.
  intros B J E Id. cbn [run] in E. destruct (step (HCall c r) t) as [u| |] eqn:S; try discriminate.
  apply (go_keeps_running c k B u); auto.
  - eapply Ni.step_sinv; eauto.
  - cbn [step] in S. rewrite Id in S. unfold after in S. destruct (o_ok _); [|discriminate]. injection S as <-. cbn [P].
    rewrite call_runs by exact B. unfold idle in Id. apply andb_true_iff in Id as [Id _]. apply negb_true_iff, Id.
Qed.
Lemma host_run_call c w t : u_call (cpu (P (host_run c w t)) c) = u_call (cpu (P t) c).
Proof.
  unfold host_run, vcpu_run. repeat match goal with |- context [if ?b then _ else _] => destruct b end; try reflexivity;
    cbn [P with_data]; unfold change_vcpu, change_cpu, set_vcpu, set_cpu, upd; cbn [cpu]; rewrite ?Z.eqb_refl; reflexivity.
Qed.

(* What a guest does, where the C is in the guest again. *)
Lemma guest_step_call c w op t : u_call (cpu (P (guest_step c w op t)) c) = u_call (cpu (P t) c).
Proof.
  destruct (guest_step_pub c w op t) as [->|[(a & ->)|[(a & b & ->)|[(a & b & ->)|[(rel & ->)|[(k & i & far & ok & u & e & _ & _ & M & ->)|(i & l & _ & _ & _ & ->)]]]]]];
    try reflexivity.
  - cbn [cpu add_stat change_cpu set_cpu]. unfold upd. rewrite Z.eqb_refl. reflexivity.
  - unfold deliver. destruct (protected _ _), (r_power rel) as [[x y]|]; cbn [cpu add_stat change_cpu change_vcpu set_vcpu set_cpu]; unfold upd;
      rewrite Z.eqb_refl; reflexivity.
  - cbn [cpu add_stat]. now rewrite (mem_call_same_cpu _ _ _ _ _ _ _ M).
Qed.
Lemma guest_again c s t t' op k1 : sound -> sinv t -> (forall k, (k1 <= k)%nat -> fit_along (expanded k [G c op]) t) ->
  step (G c op) t = Ok t' -> Q c s t' -> held s = false -> running c s t' (u_vcpu (cpu (P t) c)) -> u_call (cpu (P t) c) = CNone ->
  forall k, run (expanded k [G c op]) t = Ok t' /\ matches c (true, s) t'.
Proof.
  intros B J F S R H Ru Cn k. assert (Rn : run (expanded k [G c op]) t = Ok t') by (unfold expanded; cbn [flat_map expand app run]; rewrite S; reflexivity).
  split; [exact Rn|]. constructor; cbn [fst snd]; auto.
  - eapply Ni.step_sinv; eauto.
  - apply (F (Nat.max k k1) ltac:(lia) 1%nat). unfold expanded. cbn [flat_map expand app firstn run]. rewrite S. reflexivity.
  - rewrite (proj2 (i_runs _ _ _ _ Ru)). exact Ru.
  - cbn [step] in S. destruct (u_run _); [destruct (_ =? NO_VCPU); [discriminate|]|]; injection S as <-; [rewrite guest_step_call|]; exact Cn.
Qed.

Lemma runs_protected c s t w : running c s t w -> Q c s t -> inv (P t) -> protected_runs c s -> protected (P t) (vm_of w) = true.
Proof.
  intros Ru R J Pr. destruct (running_here fixed c s t w Ru R J) as (W & Ex & Ec & _). rewrite (type_protected (P t) w J Ex).
  unfold protected_runs in Pr. rewrite Ec, (r_vm_type _ _ _ _ R _ (vm_handle w W)) in Pr. rewrite Pr. reflexivity.
Qed.

(* What it does by itself. *)
Lemma guest_does c s s' t op k1 : sound -> sinv t -> (forall k, (k1 <= k)%nat -> fit_along (expanded k [G c op]) t) ->
  let w := u_vcpu (cpu (P t) c) in running c s t w -> Q c s t -> u_call (cpu (P t) c) = CNone -> held s' = false ->
  Q c s' (guest_step c w op t) /\ running c s' (guest_step c w op t) w ->
  exists t' k0, forall k, (k0 <= k)%nat -> run (expanded k [G c op]) t = Ok t' /\ matches c (true, s') t'.
Proof.
  intros B J F w G R Cn H [R' G']. destruct (running_here fixed c s t w G R J) as (_ & _ & _ & N). exists (guest_step c w op t), 0%nat. intros k _.
  apply (guest_again c s' t _ op k1 B J F); auto. cbn [step]. rewrite (proj1 (i_runs _ _ _ _ G)). fold w. rewrite (proj2 (Z.eqb_neq _ _) N).
  reflexivity.
Qed.
Lemma guest_reaches c s t a right x : let w := u_vcpu (cpu (P t) c) in running c s t w -> Q c s t -> sinv t -> 0 <= a < 2 ^ 40 -> 0 <= right < 2 ->
  access s (vm_of (cell s "cpu_vcpu" c)) a right = Some x -> exists p r, walk (P t) (vm_of w) (a / PAGE_BYTES) = Some (p, r) /\
    x = device_word p ((a / 8) mod 512) /\ Z.testbit r right = true /\ 0 <= p < 268435456 /\ core p = false.
Proof.
  intros w G R J A Ri X. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & _). rewrite Ec in X.
  destruct (access_walk c s t (vm_of w) a right x R J (vm_handle w W) A Ri X) as (p & r & X1 & X2 & X3 & X4). exists p, r.
  repeat split; try assumption; try apply X4. destruct (vcpu_is_vcpu (P t) w J Ex) as [V _]. apply (mapped_not_core fixed I c s t _ _ _ _ R J V X1).
Qed.
Lemma write_greg_fpm t w l : fpm (D (write_greg t w l)) = fpm (D t).
Proof. unfold write_greg, set_greg. destruct (protected _ _); reflexivity. Qed.

Lemma asks_same c s t : let w := u_vcpu (cpu (P t) c) in running c s t w -> Q c s t -> inv (P t) ->
  hvc_asks c s = Guest.guest_hvc w (sibling (P t) w) (greg t w).
Proof.
  intros w Ru R J. rewrite <- (hvc_seen fixed c s t w Ru R J). unfold hvc_asks. destruct (running_here fixed c s t w Ru R J) as (_ & _ & -> & _). reflexivity.
Qed.

(* Of the vendor service, as the code sees it, where it is not asked. *)
Lemma not_vendor c s t : let w := u_vcpu (cpu (P t) c) in running c s t w -> Q c s t -> inv (P t) -> vendor_asked c s = false ->
  Vendor.vendor_call (Context.words_of (cell s "vcpu_context" w) s 0) = false.
Proof.
  intros w Ru R J. unfold vendor_asked, service_words. destruct (running_here fixed c s t w Ru R J) as (_ & _ & -> & _). auto.
Qed.
Lemma runs_vm c t : inv (P t) -> u_run (cpu (P t) c) = true -> is_vm (vm_of (u_vcpu (cpu (P t) c))).
Proof. intros J U. apply (loaded_ready c (P t) J), (i_run _ J c U). Qed.

(* The same, where the host goes on. *)
Lemma guest_left c s t t' l k1 : sound -> sinv t -> (forall k, expanded k l = l) -> (forall k, (k1 <= k)%nat -> fit_along (expanded k l) t) ->
  run l t = Ok t' -> Q c s t' -> held s = false -> idle (P t') c = true -> forall k, run (expanded k l) t = Ok t' /\ matches c (false, s) t'.
Proof.
  intros B J E F X R H Id k. rewrite E. split; [exact X|]. constructor; cbn [fst snd]; auto.
  - destruct (run_total l t B J) as (v & V & Jv). rewrite X in V. injection V as <-. exact Jv.
  - apply (F k1 (Nat.le_refl _) (List.length l)). rewrite E, firstn_all. exact X.
  - unfold idle in Id. apply andb_true_iff in Id as [_ Id]. destruct (u_call (cpu (P t') c)); [reflexivity|discriminate Id..].
Qed.

Lemma note_idle c r t : idle (P (host_note c r t)) c = idle (P t) c.
Proof. unfold host_note. destruct (noted_same c (fst r) (P t)) as (x & y & ->). reflexivity. Qed.

Theorem step_sim c l m n t k1 : sound -> matches c m t -> code_step c l m n ->
  (forall k, (k1 <= k)%nat -> fit_along (expanded k l) t) ->
  exists t' k0, forall k, (k0 <= k)%nat -> run (expanded k l) t = Ok t' /\ matches c n t'.
Proof.
  intros B [R H J Ft Who Cn] S F. destruct S; cbn [fst snd] in *.
  - (* a call *)
    assert (Fa : forall k u, run (HCall c req :: repeat (HGo c) k) t = Ok u -> fits (P u)).
    { intros k u Ru. apply (F (Nat.max k k1) ltac:(lia) (S k)). unfold expanded. cbn [flat_map expand app firstn].
      rewrite app_nil_r, firstn_repeat by lia. exact Ru. }
    destruct (calls_code fixed I c s t name nr n req B) as (k & s2 & t' & X1 & X2 & X3 & X4 & X5); auto.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists t', k. intros j Hj.
    unfold expanded. cbn [flat_map expand app]. rewrite app_nil_r. replace j with (k + (j - k))%nat by lia.
    split; [apply run_longer; auto|]. constructor; cbn [fst snd negb Z.eqb]; auto.
    + destruct (run_total (HCall c req :: repeat (HGo c) k) t B J) as (v & V & Jv). rewrite X3 in V. injection V as <-. exact Jv.
    + apply (Fa k t' X3).
    + unfold idle. rewrite (call_keeps_running c req k t t' B J X3 Who), X4. reflexivity.
  - (* the guest is entered, or not *)
    match goal with K : sim.Code.calls c s _ _ _ |- _ => destruct (sim.RunCall.run_code fixed I c s t (host_word s 1) B K eq_refl R H J Who)
      as (b & s2 & t' & X1 & X2 & X3 & X4 & X5 & X6) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists t', 0%nat. intros j _.
    assert (Rn : run (expanded j [HRun c (host_word s 1)]) t = Ok t') by (unfold expanded; cbn [flat_map expand app run]; rewrite X3; reflexivity).
    split; [exact Rn|]. constructor; cbn [fst snd]; auto.
    + eapply Ni.step_sinv; eauto.
    + apply (F (Nat.max j k1) ltac:(lia) 1%nat). unfold expanded. cbn [flat_map expand app firstn run]. rewrite X3. reflexivity.
    + destruct (u_run (cpu (P t') c)) eqn:U; subst b; cbn [Z.eqb negb].
      * destruct (X6 eq_refl) as [[G1 G2] _ _ _ G3 G4]. rewrite G2. constructor; auto.
      * unfold idle. rewrite U. cbn [negb andb]. cbn [step] in X3. rewrite Who in X3. injection X3 as <-. rewrite host_run_call.
        unfold idle in Who. apply andb_true_iff in Who. apply Who.
    + cbn [step] in X3. rewrite Who in X3. injection X3 as <-. rewrite host_run_call. exact Cn.
  - (* a guest's first use of FP *)
    destruct (guest_fp_code fixed I c s t _ (fun _ => []) Who R J) as (s2 & X1 & X2 & X3 & X4 & X5); auto.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. eexists _, 0%nat. intros j _.
    apply (guest_again c s2 t _ (OFp (fun _ => [])) k1 B J F X3 X4); [congruence|exact X5|exact Cn].
  - (* FP *)
    match goal with A : 0 <= Base.reg s "esr" 0, A' : fp_class s, A'' : cell s "cpu_fp" c <> 0 |- _ =>
      destruct (fp_trap_code fixed I c s t (fun _ => []) B R H J A A' A'') as (s2 & X1 & X2 & X3) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists (host_fp c (fun _ => []) t), 0%nat. intros j _.
    assert (Rn : run (expanded j [HFp c (fun _ => [])]) t = Ok (host_fp c (fun _ => []) t))
      by (unfold expanded; cbn [flat_map expand app run step]; rewrite Who; reflexivity).
    split; [exact Rn|]. constructor; cbn [fst snd negb Z.eqb]; auto.
    + apply (Ni.step_sinv (HFp c (fun _ => [])) t); auto.
    + apply (F (Nat.max j k1) ltac:(lia) 1%nat). unfold expanded. cbn [flat_map expand app firstn run step]. rewrite Who. reflexivity.
    + revert Who. unfold idle, host_fp. destruct (u_fp (cpu (P t) c)); [|auto]. cbn [P with_data]. unfold fp_release, change_cpu, set_cpu, upd.
      cbn [cpu]. rewrite Z.eqb_refl. auto.
    + unfold host_fp. destruct (u_fp (cpu (P t) c)); [|exact Cn]. cbn [P]. unfold fp_release, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl.
      exact Cn.
  - (* the host's own handler *)
    match goal with A : 0 <= Base.reg s "esr" 0, A' : own_class c s |- _ => destruct (exception_code fixed c s t R H A A') as (s2 & X1 & X2 & X3) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists t, 0%nat. intros j _. split; [reflexivity|].
    constructor; cbn [fst snd negb Z.eqb]; auto.
  - (* an unknown number *)
    match goal with A : unknown_class s |- _ => destruct (unknown_code fixed c s t R H Who A) as (s2 & t' & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists t', 0%nat. intros j _.
    assert (R0 : run (HCall c RUnknown :: repeat (HGo c) 0) t = Ok t') by (cbn [repeat run]; rewrite X3; reflexivity).
    unfold expanded. cbn [flat_map expand app]. rewrite app_nil_r. split; [apply (run_longer c _ 0 j); auto|].
    constructor; cbn [fst snd negb Z.eqb]; auto.
    + eapply Ni.step_sinv; eauto.
    + apply (F (Nat.max j k1) ltac:(lia) 1%nat). unfold expanded. cbn [flat_map expand app firstn run]. rewrite X3. reflexivity.
    + unfold idle. rewrite (call_keeps_running c RUnknown 0 t t' B J R0 Who), X4. reflexivity.
  - (* the kernel finalises EL2 *)
    match goal with A : finalise_class s |- _ => destruct (finalise_code fixed c s t R H A) as (s2 & X1 & X2 & X3) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. eexists _, 0%nat. intros j _.
    unfold expanded. cbn [flat_map expand app run step]. rewrite Who. split; [reflexivity|]. unfold with_data.
    constructor; cbn [fst snd P negb Z.eqb]; [exact X3|auto..].
  - (* a refused call of the hyp-stub *)
    match goal with A : stub_class s |- _ => destruct (stub_code fixed c s t R H A) as (s2 & X1 & X2 & X3) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. eexists _, 0%nat. intros j _.
    eapply (guest_left c s2 t _ _ k1 B J (fun _ => eq_refl) F); [cbn [run step]; rewrite Who; reflexivity|exact X3|exact X2|].
    rewrite note_idle. exact Who.
  - (* an SMC *)
    match goal with A : smc_class s, W : sized_host s |- _ => destruct (smc_code fixed I c s t R H W A) as (s2 & X1 & X2 & X3) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. eexists _, 0%nat. intros j _.
    eapply (guest_left c s2 t _ _ k1 B J (fun _ => eq_refl) F); [cbn [run step]; rewrite Who; reflexivity|exact X3|exact X2|].
    rewrite note_idle. exact Who.
  - (* a stage-2 fault of the host *)
    match goal with A : abort_class s |- _ => destruct (abort_code fixed I c s t R H J Ft A) as (s2 & X1 & X2 & X3) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. eexists _, 0%nat. intros j _.
    eapply (guest_left c s2 t _ _ k1 B J (fun _ => eq_refl) F); [cbn [run step]; rewrite Who; reflexivity|exact X3|exact X2|].
    rewrite abort_idle. exact Who.
  - (* an interrupt or SError while a guest runs *)
    match goal with K : kind = 1 \/ kind = 2, Few : few_lrs s |- _ =>
      destruct (asynchronous_code fixed I c s t _ kind R H J Who Cn Few K) as (s2 & t' & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end.
    eexists _, 0%nat. intros j _. apply (guest_left c s2 t t' _ k1 B J (fun _ => eq_refl) F X4 X3 X2 X5).
  - (* it tries again *)
    match goal with Of : own_fault s = true |- _ => destruct (guest_retry_code fixed I c s t _ Who R J Of) as (s2 & u & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_again c s2 t u _ k1 B J F X3 X4); [congruence|exact X5|exact Cn].
  - (* a normal VM's trap *)
    match goal with A : normal_runs c s, Fp : _ -> cell s "cpu_fp" c <> 0, Of : own_fault s = false, Few : few_lrs s |- _ =>
      destruct (guest_normal_code fixed I c s t _ R H J Who Cn Few (runs_normal fixed c s t _ Who R J A) Fp Of) as (s2 & t' & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end.
    eexists _, 0%nat. intros j _. apply (guest_left c s2 t t' _ k1 B J (fun _ => eq_refl) F X4 X3 X2 X5).
  - (* a register that KCore answers *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    destruct (guest_sysreg_code fixed I c s t _ Who R J H Pr) as (s2 & u & X1 & X2 & X3 & X4 & X5); auto.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_again c s2 t u _ k1 B J F X3 X4 X2 X5 Cn).
  - (* an interrupt that it sends *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    match goal with Few : few_lrs s, A : is_64 "esr" s, A' : is_64 "far" s |- _ =>
      destruct (sgi_code fixed I c s t _ Who R J B H Pr Cn Few A A') as (s2 & u & X1 & X2 & X3 & X4 & X5); auto end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_left c s2 t u _ k1 B J (fun _ => eq_refl) F X4 X3 X2 X5).
  - (* PSCI *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    destruct (guest_hvc_code fixed I c s t _ x0 (Base.reg s "far" 0) Who R J H Pr) as (s2 & u & X1 & X2 & X3 & X4 & X5); auto.
    { apply (not_vendor c s t Who R J). assumption. }
    { rewrite <- (asks_same c s t Who R J). assumption. }
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_again c s2 t u (OHvc _) k1 B J F X3 X4 X2 X5 Cn).
  - (* PSCI that the host is told of *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    match goal with Few : few_lrs s, A : is_64 "far" s, E : Guest.ec _ = _, X : hvc_asks c s = _, Nv : vendor_asked c s = false |- _ =>
      rewrite (asks_same c s t Who R J) in X; apply (not_vendor c s t Who R J) in Nv;
      destruct (guest_told_code fixed I c s t _ rel x0 kept Who R J H Pr Cn Few A E Nv X) as (s2 & u & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_left c s2 t u _ k1 B J (fun _ => eq_refl) F X4 X3 X2 X5).
  - (* the vendor service *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    match goal with A : service_answer c s = Some l |- _ => rewrite (service_seen fixed c s t _ Who R J) in A;
      destruct (guest_vendor_code fixed I c s t _ l Who R J H Pr ltac:(assumption) A) as (s2 & u & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_again c s2 t u (OLocal _ _) k1 B J F X3 X4 X2 X5 Cn).
  - (* a page of the guest's memory *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    match goal with A : memory_asked c s = Some (k, i), X : 0 <= service_words c s 1 |- _ =>
      destruct (memory_args fixed c s t _ k i Who R J A X) as (M1 & M2 & M3 & M4 & M5) end.
    pose proof (runs_vm c t J (proj1 (i_runs _ _ _ _ Who))) as Vm. pose proof (fits_room _ Ft) as Ro.
    destruct (mem_call (vm_of (u_vcpu (cpu (P t) c))) k i (P t)) as [[[ok q] e]|] eqn:Mc.
    + destruct (guest_memory_code fixed I c s t _ i k (Base.reg s "far" 0) ok q e Who R J H B Ro Pr Vm M4 M5) as (s2 & u & X1 & X2 & X3 & X4 & X5);
        auto.
      rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. cbn [Z.eqb app negb] in *. exists u, 0%nat. intros j _.
      apply (guest_again c s2 t u (OMem _ _ _) k1 B J F X3 X4 X2 X5 Cn).
    + match goal with Few : few_lrs s, A : is_64 "far" s |- _ =>
        destruct (guest_missing_code fixed I c s t _ i k Who R J H B Ro Pr Vm M4 M5 Cn Few A) as (s2 & u & X1 & X2 & X3 & X4 & X5); auto end.
      rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. cbn [Z.eqb app negb] in *. exists u, 0%nat. intros j _.
      apply (guest_left c s2 t u _ k1 B J (fun _ => eq_refl) F X4 X3 X2 X5).
  - (* a page that it gives the host to serve *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    match goal with A : guard_asked c s = Some i, X : 0 <= service_words c s 1, E : Guest.ec _ = _ |- _ => rewrite (guard_seen fixed c s t _ Who R J) in A;
      unfold service_words in X; destruct (running_here fixed c s t _ Who R J) as (_ & _ & Ecv & _); rewrite Ecv in X;
      destruct (guest_guard_code fixed I c s t _ i Who R J H Pr E A X) as (s2 & u & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_again c s2 t u (OGuard _) k1 B J F X3 X4 X2 X5 Cn).
  - (* SMC, UNDEFINED *)
    match goal with X : protected_runs c s, O : other_class c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr;
      destruct (guest_other_code fixed I c s t _ Who R J H Pr O) as (s2 & u & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_again c s2 t u _ k1 B J F X3 X4 X2 X5 Cn).
  - (* a stage-2 fault that it takes itself *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    match goal with A : is_64 "esr" s, Fc : fault_class s, Of : own_fault s = false, Hd : hides c s = true |- _ =>
      destruct (guest_hidden_code fixed I c s t _ Who R J H Pr A Fc Of Hd) as (s2 & u & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_again c s2 t u (hidden_op s) k1 B J F X3 X4 X2 X5 Cn).
  - (* WFx and stage-2 faults *)
    match goal with X : protected_runs c s |- _ => pose proof (runs_protected c s t _ Who R J X) as Pr end.
    match goal with Few : few_lrs s, A : is_64 "esr" s, A' : is_64 "far" s, Fc : fault_class s, Of : own_fault s = false, Hd : hides c s = false |- _ =>
      destruct (guest_fault_code fixed I c s t _ Who R J B H Pr Cn Few A A' Fc Of Hd) as (s2 & u & X1 & X2 & X3 & X4 & X5) end.
    rewrite X1 in *. match goal with E : Ok _ = Ok _ |- _ => injection E as <- <- end. exists u, 0%nat. intros j _.
    apply (guest_left c s2 t u _ k1 B J (fun _ => eq_refl) F X4 X3 X2 X5).
  - (* registers of the host *)
    eexists _, 0%nat. intros j _. unfold expanded. cbn [flat_map expand app run step]. rewrite Who. split; [reflexivity|].
    unfold with_data. cbv beta. rewrite (host_values_eq c s t R). constructor; cbn [fst snd P]; auto.
    apply (keep_host c s t _ _ R).
    + intros k K. rewrite filtered_writes by exact K. apply writes_ext. apply (r_hreg _ _ _ _ R), K.
    + apply filtered_vmcr.
  - (* a load *)
    match goal with A : access _ _ _ _ = _ |- _ => destruct (access_walk c s t HOST _ 0 _ R J ltac:(unfold is_handle, HOST, KCORE_NR_VMS; lia)
      ltac:(eassumption) ltac:(lia) A) as (p & r & W & -> & T & Bp) end.
    eexists _, 0%nat. intros j _. unfold expanded. cbn [flat_map expand app run step]. rewrite Who. cbv beta. rewrite (host_values_eq c s t R).
    unfold reach. rewrite W. unfold readable. rewrite T. split; [reflexivity|]. constructor; cbn [fst snd with_data P]; auto.
    apply (keep_host c s t _ _ R).
    + intros k K. unfold writes. cbn [fold_left fst snd]. replace (inside dst 0 31) with true by (symmetry; apply inside_spec; lia).
      unfold upd. destruct (k =? dst); [|apply (r_hreg _ _ _ _ R), K]. unfold load_word. cbn [fst snd].
      apply (r_mem _ _ _ _ R); [exact Bp| |apply Z.mod_pos_bound; lia]. apply (not_core c s t p R). apply (walk_host _ _ _ _ J W).
    + unfold upd. rewrite (proj2 (Z.eqb_neq _ _)) by (unfold R_VMCR; lia). reflexivity.
  - (* a store *)
    match goal with A : access _ _ _ _ = _ |- _ => destruct (access_walk c s t HOST _ 1 _ R J ltac:(unfold is_handle, HOST, KCORE_NR_VMS; lia)
      ltac:(eassumption) ltac:(lia) A) as (p & r & W & -> & T & Bp) end.
    eexists _, 0%nat. intros j _. unfold expanded. cbn [flat_map expand app run step]. rewrite Who. cbv beta. rewrite (host_values_eq c s t R).
    unfold reach. rewrite W. unfold writable. rewrite T. split; [reflexivity|]. constructor; cbn [fst snd with_data P store_word]; auto.
    apply (keep_word c s t p); auto; [|apply Z.mod_pos_bound; lia]. apply (not_core c s t p R). apply (walk_host _ _ _ _ J W).
  - (* FP registers in the host's hands *)
    match goal with A : cell s "cpu_fp" c = 0 |- _ => rename A into Fp end. destruct (r_cpu_id _ _ _ _ R) as [_ C].
    pose proof (r_cpu_fp _ _ _ _ R c C) as U. rewrite Fp in U.
    eexists _, 0%nat. intros j _. unfold expanded. cbn [flat_map expand app run step]. rewrite Who. unfold host_fp. rewrite U.
    cbn [negb Z.eqb]. cbv zeta.
    rewrite (host_fp_eq c s t R). split; [reflexivity|]. match goal with l := _ |- _ => subst l end. set (l0 := f _).
    constructor; cbn [fst snd with_data P]; auto. unfold with_data.
    pose proof (put_fp_related fixed c l0 _ _ (keep_host c s t (fun i => writes 0 31 l0 (Base.reg s "host_x") i) (writes 0 64
      (filter (fun w => host_write (fst w)) l0) (hreg (D t) c)) R
      ltac:(intros k K; rewrite host_writes by exact K; apply writes_ext, (r_hreg _ _ _ _ R), K)
      ltac:(apply writes_outside; reflexivity))) as X. cbn [P D] in X.
    rewrite (writes_filter W_FP N_FP host_write l0) by (intros k K; unfold host_write; rewrite K; apply orb_true_r). exact X.
  - (* the guest's instructions *)
    apply (guest_does c s _ t _ k1 B J F Who R Cn); [exact H|]. cbn [guest_step]. rewrite (guest_values_eq fixed c s t _ Who R J).
    apply (put_guest_ok fixed I); auto.
  - (* its loads *)
    match goal with A : access _ _ _ _ = Some _ |- _ => destruct (guest_reaches c s t _ 0 _ Who R J ltac:(eassumption) ltac:(lia) A)
      as (p & r & W & -> & T & Bp & Cp) end.
    apply (guest_does c s _ t _ k1 B J F Who R Cn); [exact H|]. cbn [guest_step]. rewrite (guest_values_eq fixed c s t _ Who R J). unfold reach.
    rewrite W. unfold readable. rewrite T. unfold load_word. cbn [fst snd].
    replace (mem (D t) p _) with (word s (device_word p ((a (guest_regs c s) / 8) mod 512))); [apply (put_guest_ok fixed I); auto|].
    apply (r_mem _ _ _ _ R); [exact Bp|exact Cp|apply Z.mod_pos_bound; lia].
  - (* its stores *)
    match goal with A : access _ _ _ _ = Some _ |- _ => destruct (guest_reaches c s t _ 1 _ Who R J ltac:(eassumption) ltac:(lia) A)
      as (p & r & W & -> & T & Bp & Cp) end.
    pose proof (Z.mod_pos_bound (a (guest_regs c s) / 8) 512 ltac:(lia)) as Bo.
    apply (guest_does c s _ t _ k1 B J F Who R Cn); [exact H|]. cbn [guest_step]. rewrite (guest_values_eq fixed c s t _ Who R J). unfold reach.
    rewrite W. unfold writable. rewrite T. split; [apply (keep_word c s t p); auto|apply (stored_running fixed I c s t); auto].
  - (* its FP registers *)
    match goal with A : cell s "cpu_fp" c <> 0 |- _ => rename A into Fp end. destruct (r_cpu_id _ _ _ _ R) as [_ C].
    pose proof (r_cpu_fp _ _ _ _ R c C) as U. rewrite (proj2 (Z.eqb_neq _ _) Fp) in U.
    apply (guest_does c s _ t _ k1 B J F Who R Cn); [exact H|]. cbn [guest_step]. rewrite U. cbn [negb]. cbv zeta.
    rewrite (guest_values_eq fixed c s t _ Who R J), (fp_values_eq fixed c s t R). match goal with l := _ |- _ => subst l end. set (l0 := f _).
    unfold with_data. rewrite write_greg_fpm.
    destruct (put_guest_ok fixed I c s t _ l0 Who R J) as [R' G']. pose proof (put_fp_related fixed c l0 _ _ R') as X.
    pose proof (put_fp_running c l0 _ _ _ G') as Y. rewrite (write_greg_fpm t _ l0) in X, Y.
    split; [exact X|exact Y].
  - (* FP registers of the host's, which a normal guest has *)
    match goal with A : cell s "cpu_fp" c = 0, A' : normal_runs c s |- _ => rename A into Fp; pose proof (runs_normal fixed c s t _ Who R J A') as Pr end.
    destruct (r_cpu_id _ _ _ _ R) as [_ C]. pose proof (r_cpu_fp _ _ _ _ R c C) as U. rewrite Fp in U.
    apply (guest_does c s _ t _ k1 B J F Who R Cn); [exact H|]. cbn [guest_step]. rewrite U, Pr. unfold ensure. rewrite orb_true_r. cbn [negb Z.eqb andb]. cbv zeta.
    rewrite (guest_values_eq fixed c s t _ Who R J), (fp_values_eq fixed c s t R). match goal with l := _ |- _ => subst l end. set (l0 := f _).
    unfold with_data. rewrite write_greg_fpm.
    destruct (put_guest_ok fixed I c s t _ l0 Who R J) as [R' G']. pose proof (put_fp_related fixed c l0 _ _ R') as X.
    pose proof (put_fp_running c l0 _ _ _ G') as Y. rewrite (write_greg_fpm t _ l0) in X, Y.
    split; [exact X|exact Y].
  - (* its virtual interface *)
    match goal with E : elsewhere _ _ _ |- _ => destruct E as [E1 E2 E3 E4 E5 E6 E7 E8] end.
    apply (guest_does c s _ t _ k1 B J F Who R Cn); [congruence|]. apply (gic_moved fixed c s); auto. intros n i N. apply E8.
    destruct N as [<-|N]; apply in_or_app; [right; left; reflexivity|left; exact N].
  - (* a device *)
    match goal with A : device_ok _ _ p = true, A' : device_ok _ _ q = true |- _ => rename A into Op; rename A' into Oq end.
    rewrite (device_host c s t p R) in Op. rewrite (device_host c s t q R) in Oq.
    eexists _, 0%nat. intros j _. unfold expanded. cbn [flat_map expand app run step]. rewrite Op, Oq. cbn [andb]. split; [reflexivity|].
    pose proof (not_core c s t p R Op) as Cp. pose proof (not_core c s t q R Oq) as Cq.
    replace (word s (device_word p o)) with (load_word t (p, o)) by (symmetry; unfold load_word, device_word; apply (r_mem _ _ _ _ R); auto).
    constructor; cbn [fst snd with_data P store_word]; auto; [apply (keep_word c s t q); auto|].
    destruct b; [|exact Who]. apply (stored_running fixed I c s t _ q r); auto. match goal with X : true = true -> _ |- _ => apply X; reflexivity end.
  - (* elsewhere *)
    match goal with E : elsewhere _ _ _ |- _ => destruct E as [E1 E2 E3 E4 E5 E6 E7 E8] end.
    exists t, 0%nat. intros j _. split; [reflexivity|]. constructor; cbn [fst snd]; auto; [|congruence|].
    + apply (keep_regs fixed c s); auto.
      * intros n i N. apply E8. apply in_or_app. left. exact N.
      * intros G. destruct (r_vgic _ _ _ _ R G) as (A1 & A2 & A3). cbv zeta.
        rewrite !E8 by (apply in_or_app; right; apply in_or_app; left; cbn; tauto). split; [exact A1|]. split; [exact A2|].
        intros N. destruct (A3 N) as [A4 A5]. split; [exact A4|]. intros i Hi.
        rewrite !E8 by (apply in_or_app; right; apply in_or_app; left; cbn; tauto). apply A5, Hi.
    + destruct b; [|exact Who]. destruct Who as [U G A]. constructor; [exact U| |].
      2: { intros Pr. apply (aside_same s _ t); auto; intros; congruence. }
      intros k K. rewrite <- (G k K), E1.
      unfold Context.live, Context.words_of. rewrite E2. destruct (Context.is_el1 k); [|reflexivity]. apply E8.
      apply in_or_app; right; apply in_or_app; right. left. reflexivity.
Qed.
End Steps.
