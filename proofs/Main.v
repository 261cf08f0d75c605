(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The strongest closed theorems so far.  This file can be read alone; docs/proof.md says what the theorems rest on.
 *
 * The top machine (top/) is what KCore is to do.  Its state has two parts: [P], all bookkeeping of KCore (owners, maps, stage-2
 * leaves, VMs, vCPUs, counters), and [D], contents (memory, registers).  Anybody's step is an action ([act], top/Machine.v):
 * instructions of the host and of guests, with any address and value that a program can compute from what it can
 * read; DMA; stage-2 faults; interrupts; each critical section of each host call; entry and exit of a vCPU.
 * [step] performs one action: Ok and a state, Halt (KCore stops the CPU), or Stuck (KCore is wrong).
 * The calls follow common-core/core section by section, with the same checks in the same order (top/Hyper.v, top/Guest.v).
 *
 * Principals.  The host with all its devices and all normal VMs is one, since a normal VM extends the host's authority;
 * each protected VM is one of its own.  [eq_for p s t]: p has the same view in s and t (top/Chan.v).  The host sees all of
 * [P], the pages that are its own or not DRAM, its registers, FP registers unless they are a protected VM's, and virtual
 * GICs and timers.  A protected VM sees its public record ([book]: state, type, memory range, vCPUs, their power), its memory by IPA
 * (of a page that it shares with the host that it does, not the contents), and the registers, virtual GIC and timer of its vCPUs.
 *
 * Channels.  [events p l s] lists what reaches p in the run of the actions l from s: what p does itself, and messages.  A message
 * ([msg], top/Chan.v) is one of: an exit, as the register filter lets it pass; the host's answer to it; a donated page with its
 * contents; boot registers; virtual GIC and timer, which are the host's by design, both ways; a life-cycle call; that a protected VM shares a page,
 * with its contents, takes it back, and then with its contents for the VM, or gives one up; its stores to shared pages, for the host, and
 * what it loads from them; that a protected VM gives the host a page outside of its memory to serve; and
 * public bookkeeping (that KCore finished an exit alone, that a guest tries again, and that it used FP first).
 *
 * That the C does what the top machine does: calls_code, run_code, ni_code, every_trap_goes.  Not in these theorems: several CPUs inside of
 * one section, the TLB, caches, SMMU (a device has the host's rights), what firmware does but for its answer to an SMC, time, availability.
 *)
From KCore Require Import lang.Refine lang.Check gen.Program machine.Base code.Disciplines
  code.Owner code.Pool code.Pte code.Walk code.Region code.Log code.Stats code.Host code.Transfer code.Share code.Guard code.Vm
  code.VmLife code.VmEnd code.Auth code.Range code.RangeMap code.RangeWalk code.Inject code.Idreg code.Release code.RegFilter
  code.Gpsci code.Vendor code.GuestHvc code.GuestSysreg code.VcpuLoad code.RunSpecs code.Psci code.HostSmc code.SmcAsks code.Trap
  code.TrapHost.
From KCore Require Import top.Ni.
From KCore Require top.Waits top.Guards top.Needed.
From KCore Require machine.Map lang.Prefix pt.Pt pt.Hw pt.Transact pt.Boot pt.EveryPrefix.
From KCore Require sim.Code sim.Start sim.Secret sim.RunCall sim.Example sim.Steps sim.NiCode sim.Entries sim.HostBack.

(* ------------------------------------------------------------------ the top machine *)

Section Top.
(* Any machine: which pages are DRAM, which are denied to everyone, which are KCore's; how many tables there are. *)
Context {cfg : config}.

(* A state that can be reached from installation, with any contents of memory and registers at installation.  [sound]: no check of
   the core is left out (top/Needed.v leaves them out one at a time). *)
Definition reached (s : st) : Prop := exists l d, run l (boot d) = Ok s.
Lemma reached_invariant s : sound -> reached s -> sinv s.
Proof. intros B (l & d & R). destruct (never_stuck l d B) as (t & T & I). congruence. Qed.

(* Every run ends in a state: KCore never contradicts itself, nothing that anybody does halts a CPU. *)
Theorem top_never_stuck l d : sound -> exists s, run l (boot d) = Ok s.
Proof. intros B. destruct (never_stuck l d B) as (s & R & _). eauto. Qed.

(* Noninterference (m1).  Two runs in which a principal starts with the same view and gets the same messages end with the same
   view.  Nothing else that happens in them, in whatever order and on whatever CPU, makes a difference to it. *)
Theorem ni_top p la lb s t s' t' : sound -> principal_ok p -> reached s -> reached t -> eq_for p s t ->
  run la s = Ok s' -> run lb t = Ok t' -> events p la s = events p lb t -> eq_for p s' t'.
Proof. eauto using Ni.ni_top, reached_invariant. Qed.

(* Confidentiality.  Two states that differ only in what the host does not see, that is, in memory and registers of protected VMs;
   runs from them with the same messages to the host.  Then the host, its devices and its normal VMs end with the same bookkeeping,
   registers and memory: what protected VMs hold did not reach them. *)
Theorem confidential la lb s t s' t' : sound -> reached s -> reached t -> eq_for Host s t ->
  run la s = Ok s' -> run lb t = Ok t' -> events Host la s = events Host lb t ->
  P s' = P t' /\ (forall c k, hreg (D s') c k = hreg (D t') c k) /\
  (forall p o, host_ok (P s') p = true -> mem (D s') p o = mem (D t') p o) /\
  (forall c k, fp_shared (P s') c = true -> fpm (D s') c k = fpm (D t') c k).
Proof. intros B R1 R2. apply Ni.confidential; auto using reached_invariant. Qed.

(* Integrity.  An action that is not the VM's own leaves each page that a live protected VM has mapped where it is, shared as before, its
   own with its contents ([page_same]), and leaves its registers, but for those that creation, finalisation, or the answer to the VM's own last exit sets. *)
Theorem integrity a v s s' : sound -> reached s -> is_vm v -> step a s = Ok s' -> did (to_vm v a s) = false ->
  live (P s) v = true ->
  (forall i p r, walk (P s) v i = Some (p, r) -> walk (P s') v i = Some (p, r) /\ page_same v s s' p) /\
  (forall w k, vm_of w = v -> exists_bit (P s) w = true -> ~ sets_registers (to_vm v a s) w -> reg s' w k = reg s w k).
Proof. intros B R. apply Ni.integrity; auto using reached_invariant. Qed.

(* Isolation.  A page that a live protected VM has mapped and has not shared is not the host's to access, is not in the host's stage 2, and is not mapped by
   any other VM, normal or protected. *)
Theorem isolated s v i p r : sound -> reached s -> is_vm v -> live (P s) v = true -> walk (P s) v i = Some (p, r) ->
  own (P s) v p = true -> host_ok (P s) p = false /\ (forall j q r', walk (P s) HOST j = Some (q, r') -> q <> p) /\
  (forall u j q r', is_vm u -> u <> v -> walk (P s) u j = Some (q, r') -> q <> p).
Proof. intros B R. apply Ni.isolated; auto using reached_invariant. Qed.

(* A page to which the host gets access, and did not have it, is all zero, unless it is one that its VM shares by this very action. *)
Theorem reclaimed_zero a s s' p : sound -> reached s -> step a s = Ok s' -> host_ok (P s) p = false -> host_ok (P s') p = true ->
  ~ shares a s p -> forall o, mem (D s') p o = 0.
Proof. intros B R. apply Ni.reclaimed_zero; auto using reached_invariant. Qed.

(* The register filter.  What an exit shows depends on one of the protected vCPU's registers at most, the one that the syndrome
   names; and of the address of a fault on the offset in its page at most. *)
Theorem filter_narrow s t w esr far far' hpfar : sound -> protected (P s) (vm_of w) = true -> P s = P t ->
  Z.land far 4095 = Z.land far' 4095 ->
  (named_register esr <> 31 -> greg s w (named_register esr) = greg t w (named_register esr)) ->
  sync_release s w esr far hpfar = sync_release t w esr far' hpfar.
Proof. exact (Ni.filter_narrow s t w esr far far' hpfar). Qed.

(* An answer of the host's that reaches a protected vCPU's registers is one that its last exit allows. *)
Theorem answer_allowed a v s w pending esr flags value l : sound -> to_vm v a s = Some (Answer w pending esr flags value l) ->
  pending = c_pending (vcpu (P s) w) /\ esr = c_esr (vcpu (P s) w) /\ enter_allowed pending esr flags = true.
Proof. exact (Ni.answer_allowed a v s w pending esr flags value l). Qed.

(* Signed VMs.  A protected VM that was finalised as a signed one and waits ([waits]) does not run, on whatever CPU and whatever anybody does, until a
   start of it whose check of the signature answered good; or until its handle is given back, and then it is another VM's. *)
Theorem waits_for_start v l s t : sound -> reached s -> waits (P s) v = true -> run l s = Ok t ->
  (forall c, ~ In (HCall c (RStart v true)) l) -> (forall c, ~ In (HCall c (REnd v)) l) ->
  forall c, u_run (cpu (P t) c) = true -> vm_of (u_vcpu (cpu (P t) c)) <> v.
Proof.
  intros B R W E N1 N2. destruct R as (l0 & d & R). assert (R' : reached s) by (exists l0, d; exact R).
  apply (top.Waits.waits_for_start v l s t B (reached_invariant s B R')); auto.
  - apply (top.Waits.run_calm l0 (boot d) s B boot_inv top.Waits.boot_calm R).
  - intros a A (c & [-> | ->]); [apply (N1 c A)|apply (N2 c A)].
Qed.

(* MMIO guard.  What an exit tells the host of an abort of a protected VM outside of its memory, while there is a guard (v_guard isn't empty), is at a page that a
   vCPU of the VM gave before, by an OGuard in the run up to here ([asked_since]), and from then on it was given all the time: by this VM, not by
   another one that had the handle. *)
Theorem guarded l d s c esr far hpfar m : sound -> run l (boot d) = Ok s -> let v := vm_of (u_vcpu (cpu (P s) c)) in
  protected (P s) v = true -> (ec esr =? EC_IABT) || (ec esr =? EC_DABT) = true -> outside_memory (P s) v (hpfar_ipa hpfar) = true ->
  v_guard (vm (P s) v) <> [] -> to_host (G c (OExit esr far hpfar)) s = Some m ->
  top.Guards.asked_since v (hpfar_ipa hpfar / PAGE_BYTES) l (boot d).
Proof.
  intros B R v Q A O N M. apply (top.Guards.given_by_guest v _ l (boot d) s B boot_inv eq_refl R).
  exact (top.Guards.told_of_given s c esr far hpfar m Q A O N M).
Qed.
End Top.

(* The checks are needed.  [noninterfering]: the machine has the property of ni_top, from installation.  The real core has it; a core
   that differs in one check only has not: without the scrub of a page on its way back, the register filter at an exit, the
   look at who else maps a donated page, the clearing of FP registers, the look at a donated page's owner,
   the look at who else maps a page that a VM takes back.  Without the check of
   the host's answer, one that the last exit does not allow reaches the guest. *)
Theorem core_noninterfering {cfg : config} : sound -> noninterfering.
Proof. exact real_core_noninterfering. Qed.
Theorem scrub_needed : ~ @noninterfering (Needed.without CheckScrub).
Proof. exact Needed.scrub_needed. Qed.
Theorem exit_filter_needed : ~ @noninterfering (Needed.without CheckExit).
Proof. exact Needed.exit_filter_needed. Qed.
Theorem maps_check_needed : ~ @noninterfering (Needed.without CheckMaps).
Proof. exact Needed.maps_check_needed. Qed.
Theorem fp_clear_needed : ~ @noninterfering (Needed.without CheckFp).
Proof. exact Needed.fp_clear_needed. Qed.
Theorem host_fp_check_needed : ~ @noninterfering (Needed.without CheckHostFp).
Proof. exact Needed.host_fp_check_needed. Qed.
Theorem owner_check_needed : ~ @noninterfering (Needed.without CheckOwner).
Proof. exact Needed.owner_check_needed. Qed.
Theorem unshare_check_needed : ~ @noninterfering (Needed.without CheckUnshare).
Proof. exact Needed.unshare_check_needed. Qed.
Theorem answer_check_needed : exists s pending esr flags value l, @reached (Needed.without CheckEnter) s /\
  @to_vm (Needed.without CheckEnter) 1 (HRun 0 16) s = Some (Answer 16 pending esr flags value l) /\
  enter_allowed pending esr flags = false.
Proof.
  destruct Needed.answer_check_needed as (pe & es & fl & va & l & X). do 6 eexists. split; [|exact X].
  exists Needed.forged. eexists. apply Examples.run_final. vm_compute. reflexivity.
Qed.

(* ------------------------------------------------------------------ page tables (m3) *)

(* [Rel.R s t]: s is a machine with stage-2 tables as words in one memory, t the same machine with maps (which level-2 and level-3
   table is where, which leaf an entry holds); words that are in no table, cells and registers are the same.

   The C of the page pool, the descriptors, the walk and the stage-2 map does on words what layer L1 says on maps, and every other
   primitive does the same on both: whatever is proved of the core over L1 holds of the core over words. *)
Theorem tables_implement_maps : refines Rel.R Pt.m_tables L0 Map.L1.
Proof. exact Pt.tables_refine. Qed.

(* Hardware that walks those words (Hw.walk, from the Arm ARM; it knows nothing of KCore) finds for every VM and every
   address what the map says: output address, rights, memory type, or a fault. *)
Theorem hardware_walks_the_map s t vm ipa : Rel.R s t -> (0 <= vm < 256 -> 0 <= ipa < 2 ^ 40 ->
  Hw.walk (word s) Hw.levels_40 (Walk.root s vm) ipa = Hw.map_outcome t vm ipa)%Z.
Proof. intros; apply Hw.walk_is_map; assumption. Qed.

(* The transactional property.  The code of a function of s2map.c with the C of pool.c, pte.c and walk.c in the place of its calls is a
   tree of calls of primitives ([whole]); cut off after any number of them, it has left memory in which every translation is the one before
   the operation or the one after it; in a split the addresses of the block itself may fault. *)
Theorem every_prefix f d args s t r t' : In (f, d) m_s2map -> Rel.R s t -> Map.L1 f args t = Ok (r, t') ->
  forall n vm ipa, (0 <= vm < 256 /\ 0 <= ipa < 2 ^ 40)%Z ->
  let o := Hw.walk (word (Prefix.cut n L0 (Runs.whole d args) s)) Hw.levels_40 (Walk.root t vm) ipa in
  o = Hw.map_outcome t vm ipa \/ o = Hw.map_outcome t' vm ipa \/
  (f = "s2_split"%string /\ o = Hw.Fault /\ exists ipa', args = [vm; ipa'] /\ Map.block ipa' = Map.block ipa).
Proof. exact (EveryPrefix.every_prefix f d args s t r t'). Qed.

(* A machine as installation leaves it, with empty roots, is related to the empty map. *)
Theorem empty_roots_related s : Boot.installed s -> Rel.R s (Boot.no_tables s).
Proof. exact (Boot.boot_related s). Qed.

(* ------------------------------------------------------------------ the C does what the top machine does (m2) *)

Section Calls.
Context {cfg : config}.
(* The installed tables of the C; [sim.Rel.installed]: the tables describe the machine of [cfg]. *)
Context (fixed : String.string -> Z -> Z).

(* [sim.Rel.Q c s t]: s is a state of the C on CPU c (cells, words, registers, stage-2 maps), t a state of the top machine,
   and each cell, word and register is what t says: owners, counts, VMs, vCPUs, log, stage 2, memory, contexts, FP and host registers (sim/Rel.v).

   Between calls (the lock is free, c is [idle], the invariant holds) the host calls KCore on CPU c with the number of a call of
   [sim.Code.simulated] in x0 and arguments in x1 to x5 ([sim.Code.calls]); [request_of]: that call in the top machine, with what the
   code's clock said where it asks for a time, and the machine of a measurement.
   Then the C of the core, linked over layer L1, from the trap's entry (host_trap) to its return: it ends, with the lock free, in a state
   that is related to the one that the top machine reaches by the call's action and those of its further sections; that is to
   say, it decides, changes and answers (in x0) what the top machine does.  [fits]: the top machine's counters stay below what the
   cells hold.  One CPU: nothing else happens between the sections. *)
Theorem calls_code c s t name nr n req : sim.Rel.installed fixed -> sound -> In name sim.Code.simulated ->
  sim.Code.calls c s name nr n -> sim.Code.request_of name (sim.Trap.registers s n) s = Some req ->
  sim.Rel.Q fixed c s t -> Base.held s = false -> sinv t -> idle (P t) c = true -> sim.Rel.fits (P t) ->
  (forall k u, run (HCall c req :: repeat (HGo c) k) t = Ok u -> sim.Rel.fits (P u)) ->
  exists k s' t', link Map.L1 sim.Link.above "host_trap"%string [0] s = Ok (0, s') /\ Base.held s' = false /\
    run (HCall c req :: repeat (HGo c) k) t = Ok t' /\ u_call (cpu (P t') c) = CNone /\ sim.Rel.Q fixed c s' t'.
Proof. intros. eapply sim.Code.calls_code; eauto. Qed.

(* Confidentiality of the C in such a call.  Two states of the C that are related to states which differ only in what protected VMs hold;
   the host makes the same call in both, and the clock said the same (the log's times, the longest time at EL2), and the machine of a
   measurement.  It ends in both, in
   states related in the same way, the host's registers are the same, and so is each word of each page that the host may access. *)
Theorem call_confidential c s s' t t' name nr n req : sim.Rel.installed fixed -> sound -> In name sim.Code.simulated ->
  sim.Code.calls c s name nr n -> sim.Code.calls c s' name nr n -> sim.Code.request_of name (sim.Trap.registers s n) s = Some req ->
  sim.Code.same_clock s s' -> sim.Rel.Q fixed c s t -> sim.Rel.Q fixed c s' t' -> Base.held s = false -> Base.held s' = false -> sinv t -> sinv t' ->
  idle (P t) c = true -> sim.Secret.all_fits c req t -> sim.Secret.all_fits c req t' -> host_eq t t' ->
  exists u u' v v', link Map.L1 sim.Link.above "host_trap"%string [0] s = Ok (0, u) /\
    link Map.L1 sim.Link.above "host_trap"%string [0] s' = Ok (0, u') /\
    sim.Rel.Q fixed c u v /\ sim.Rel.Q fixed c u' v' /\ host_eq v v' /\
    (forall k, 0 <= k < 31 -> Base.reg u "host_x"%string k = Base.reg u' "host_x"%string k) /\
    (forall p o, 0 <= p < 268435456 -> 0 <= o < 512 -> host_ok (P v) p = true ->
       Base.word u (p * PAGE_BYTES + o * 8) = Base.word u' (p * PAGE_BYTES + o * 8)).
Proof. intros. eapply sim.Secret.call_confidential; eauto. Qed.

(* Integrity of the C in such a call: one that is no message to a live protected VM leaves the VM's pages mapped, with the same rights
   and the same words, but for what it shares. *)
Theorem call_integrity c s t v name nr n req : sim.Rel.installed fixed -> sound -> In name sim.Code.simulated ->
  sim.Code.calls c s name nr n -> sim.Code.request_of name (sim.Trap.registers s n) s = Some req ->
  sim.Rel.Q fixed c s t -> Base.held s = false -> sinv t -> idle (P t) c = true -> sim.Secret.all_fits c req t ->
  is_vm v -> live (P t) v = true ->
  (forall k u, run (HCall c req :: repeat (HGo c) k) t = Ok u -> events (Vm v) (HCall c req :: repeat (HGo c) k) t = []) ->
  exists u w, link Map.L1 sim.Link.above "host_trap"%string [0] s = Ok (0, u) /\ sim.Rel.Q fixed c u w /\
    forall i p r, walk (P t) v i = Some (p, r) -> exists q, walk (P w) v i = Some (q, r) /\
      own (P w) v q = own (P t) v p /\ (own (P t) v p = true ->
      forall o, 0 <= o < 512 -> Base.word u (q * PAGE_BYTES + o * 8) = Base.word s (p * PAGE_BYTES + o * 8)).
Proof. intros. eapply sim.Secret.call_integrity; eauto. Qed.

(* KCORE_HC_VCPU_RUN of a vCPU w from the trap to the return.  1: the guest is entered, with its VM's stage 2, at its PC, and its registers
   are in the CPU ([sim.Enter.guest_in]), a protected guest's by the register filter: the host's answer to its last exit, if that is
   allowed; and so are the interrupts that the host has for it, wishes and list registers, as the shared page has them.
   0: the host goes on, with an error in x0.  Either way as the top machine's action does. *)
Theorem run_code c s t w : sim.Rel.installed fixed -> sound -> sim.Code.calls c s "hc_vcpu_run"%string KCORE_HC_VCPU_RUN 1 ->
  w = sim.Trap.host_word s 1 -> sim.Rel.Q fixed c s t -> Base.held s = false -> sinv t -> idle (P t) c = true ->
  exists b s' t', link Map.L1 sim.Link.above "host_trap"%string [0] s = Ok (b, s') /\ Base.held s' = false /\
    step (HRun c w) t = Ok t' /\ sim.Rel.Q fixed c s' t' /\ b = (if u_run (cpu (P t') c) then 1 else 0) /\
    (b = 1 -> sim.Enter.guest_in fixed c s' t' w).
Proof. intros. eapply sim.RunCall.run_code; eauto. Qed.

(* The machine whose handlers are the C ([sim.Steps.code_step], one CPU): its states are those of the C, with who runs (false: the host, true: a
   guest).  A step is the C, linked over L1, from a trap (host_trap, guest_exit) to its return; or one of the environment: instructions of the one
   that runs, on its registers (FP registers too, if they are its own, and a normal guest's those of the host;
   a guest's virtual interface), its loads and stores where the hardware's walk of its stage 2 leads;
   DMA; and whatever else happens to registers that neither the core nor the top machine has.  Which traps are steps: [sim.Entries.covered];
   proofs/uncovered.txt has the others.  A guest's x0 to x30, PC and PSTATE are taken to be in its context while it runs, where the vector puts them
   (sim/GuestRuns.v).  A normal VM's context is the page that it shares with the host: of that page nobody reads or writes the words of those
   registers and of EL1's while it runs ([sim.GuestRuns.stale]).
   A run comes with what it is in the top machine: a list of actions, where a call stands for itself and the sections that follow.

   [sim.Steps.matches c m t]: the state is related to t ([Q]), the lock is free, t meets the invariant, counters fit, and the same runs.  In
   two runs from states that match t and x, with the same view to a principal, and with the same messages to it, the principal ends
   with the same view.  The runs are finite and their counters fit ([fit_along]). *)
Theorem ni_code c p la lb m n m' n' t x : sim.Rel.installed fixed -> sound -> principal_ok p ->
  sim.Steps.matches fixed c m t -> sim.Steps.matches fixed c m' x -> eq_for p t x ->
  sim.Steps.code_run fixed c la m n -> sim.Steps.code_run fixed c lb m' n' ->
  (forall k, sim.Steps.fit_along (sim.Steps.expanded k la) t) -> (forall k, sim.Steps.fit_along (sim.Steps.expanded k lb) x) ->
  exists t' x' k0, sim.Steps.matches fixed c n t' /\ sim.Steps.matches fixed c n' x' /\ forall k, (k0 <= k)%nat ->
    run (sim.Steps.expanded k la) t = Ok t' /\ run (sim.Steps.expanded k lb) x = Ok x' /\
    (sim.NiCode.hears p k la t = sim.NiCode.hears p k lb x -> eq_for p t' x').
Proof. intros. eapply sim.NiCode.ni_code; eauto. Qed.

(* What the same view means for the words and registers of the C's states: to the host ... *)
Theorem host_view c n n' t' x' : sim.Rel.installed fixed -> sim.Steps.matches fixed c n t' -> sim.Steps.matches fixed c n' x' ->
  host_eq t' x' ->
  (forall k, 0 <= k < 31 -> Base.reg (snd n) "host_x"%string k = Base.reg (snd n') "host_x"%string k) /\
  (forall p o, 0 <= p < 268435456 -> 0 <= o < 512 -> sim.Steps.device_ok fixed (snd n) p = true ->
     Base.word (snd n) (sim.Steps.device_word p o) = Base.word (snd n') (sim.Steps.device_word p o)) /\
  (fp_shared (P t') c = true -> forall k, 0 <= k < N_FP -> Base.reg (snd n) "fp"%string k = Base.reg (snd n') "fp"%string k).
Proof. intros. eapply sim.NiCode.host_view; eauto. Qed.
(* ... and to a live protected VM: its memory, and the registers of its vCPU that runs. *)
Theorem vm_view c v n n' t' x' : sim.Rel.installed fixed -> is_vm v -> sim.Steps.matches fixed c n t' -> sim.Steps.matches fixed c n' x' ->
  vm_eq v t' x' -> live (P t') v = true ->
  forall i p r, walk (P t') v i = Some (p, r) -> exists q, walk (P x') v i = Some (q, r) /\
    (own (P t') v p = true ->
     forall o, 0 <= o < 512 -> Base.word (snd n) (sim.Steps.device_word p o) = Base.word (snd n') (sim.Steps.device_word q o)).
Proof. intros. eapply sim.NiCode.vm_view; eauto. Qed.
Theorem vm_registers c v s s' t' x' : sim.Rel.installed fixed -> is_vm v -> sim.Steps.matches fixed c (true, s) t' ->
  sim.Steps.matches fixed c (true, s') x' -> vm_eq v t' x' -> live (P t') v = true ->
  vm_of (Base.cell s "cpu_vcpu"%string c) = v -> Base.cell s' "cpu_vcpu"%string c = Base.cell s "cpu_vcpu"%string c ->
  (forall k, 0 <= k < W_GP -> Context.live (sim.GuestRuns.context_here c s) s k = Context.live (sim.GuestRuns.context_here c s') s' k) /\
  (Base.cell s "cpu_fp"%string c <> 0 -> Base.cell s' "cpu_fp"%string c <> 0 ->
   forall k, 0 <= k < N_FP -> Base.reg s "fp"%string k = Base.reg s' "fp"%string k).
Proof. intros. eapply sim.NiCode.vm_registers; eauto. Qed.

(* The host's EL1 registers, which the top machine does not have: from the call that enters a guest (state s), over a stay of any length in it (its
   steps, and exits after which it goes on, [sim.HostBack.guest_run]; syndrome and fault address have 64 bits, x1 is no negative number), to the
   exit at which the host goes on (state s3): they are what they were, so nothing of the guest's.  And EL2's controls are the host's
   ([sim.HostBack.given_back]). *)
Theorem host_back c s s1 l s2 kind s3 t t1 k1 : sim.Rel.installed fixed -> sound ->
  sim.Code.calls c s "hc_vcpu_run"%string KCORE_HC_VCPU_RUN 1 -> sim.Steps.matches fixed c (false, s) t ->
  link Map.L1 sim.Link.above "host_trap"%string [0] s = Ok (1, s1) -> sim.Steps.matches fixed c (true, s1) t1 ->
  sim.HostBack.guest_run fixed c l s1 s2 -> (forall k, (k1 <= k)%nat -> sim.Steps.fit_along (sim.Steps.expanded k l) t1) ->
  sim.Steps.is_64 "esr"%string s2 -> sim.Steps.is_64 "far"%string s2 -> 0 <= sim.GuestService.service_words c s2 1 ->
  link Map.L1 sim.Link.above "guest_exit"%string [kind] s2 = Ok (0, s3) ->
  (forall k, 0 <= k < 24 -> Base.reg s3 "el1"%string k = Base.reg s "el1"%string k) /\ sim.HostBack.given_back s2 s3.
Proof. intros. eapply sim.HostBack.host_back; eauto. Qed.

(* The traps of [covered] are such steps: whatever the state at the vector ([at_vector]: what hardware may have there), the C goes from there to
   its return; it neither halts nor is stuck.  The counters fit through the next call, whichever it is. *)
Theorem covered_goes c s t guest kind : sim.Rel.installed fixed -> sound -> sim.Steps.matches fixed c (guest, s) t ->
  sim.Entries.at_vector guest kind s -> In (sim.Entries.entry_of guest kind s) sim.Entries.covered ->
  (forall req, sim.Secret.all_fits c req t) -> exists l r s',
    link Map.L1 sim.Link.above (if guest then "guest_exit" else "host_trap")%string [if guest then kind else 0] s = Ok (r, s') /\
    sim.Steps.code_step fixed c l (guest, s) (negb (r =? 0), s').
Proof. intros. eapply sim.Entries.covered_goes; eauto. Qed.
(* No trap is left. *)
Theorem every_trap_goes c s t guest kind : sim.Rel.installed fixed -> sound -> sim.Steps.matches fixed c (guest, s) t ->
  sim.Entries.at_vector guest kind s -> (forall req, sim.Secret.all_fits c req t) -> exists l r s',
    link Map.L1 sim.Link.above (if guest then "guest_exit" else "host_trap")%string [if guest then kind else 0] s = Ok (r, s') /\
    sim.Steps.code_step fixed c l (guest, s) (negb (r =? 0), s').
Proof. intros. eapply sim.Entries.every_trap_goes; eauto. Qed.

(* The state that installation leaves ([sim.Start.fresh]: its tables, and all else empty) is related to the top machine's first one. *)
Theorem start_related c s : sim.Rel.installed fixed -> Base.reg s "cpu_id" 0 = c -> sim.Rel.is_cpu c -> sim.Start.fresh fixed s ->
  sim.Rel.Q fixed c s (boot (sim.Start.contents s)).
Proof. intros. apply sim.Start.start_related; auto. Qed.
(* A run of [ni_code] can start there. *)
Theorem start_matches c s : sim.Rel.installed fixed -> Base.reg s "cpu_id" 0 = c -> sim.Rel.is_cpu c -> sim.Start.fresh fixed s ->
  Base.held s = false -> 0 <= installed_core < 2 ^ 64 -> reserve < 2 ^ 40 ->
  sim.Steps.matches fixed c (false, s) (boot (sim.Start.contents s)).
Proof. intros. apply sim.NiCode.start_matches; auto. Qed.
End Calls.

(* The premises can be met: a machine of 16 MiB and a state of the C that matches the top machine's first one. *)
Theorem premises_met : exists cfg fixed s, @sim.Rel.installed cfg fixed /\ @sound cfg /\
  @sim.Steps.matches cfg fixed 0 (false, s) (@boot cfg (sim.Start.contents s)).
Proof. exact sim.Example.premises_met. Qed.

(* The host's calls that it is not shown for yet. *)
Eval vm_compute in ("calls", sim.RunCall.unsimulated)%string.
(* What enters the core and is no step of [ni_code] yet. *)
Eval vm_compute in ("entries", sim.Entries.uncovered)%string.

(* ------------------------------------------------------------------ the code *)

(* Functions of the core whose translation is proved to meet a specification. *)
Definition proved : list String.string := (map fst (owner_specs ++ pool_specs ++ pte_specs ++ walk_specs ++
  region_specs ++ log_specs ++ stats_specs ++ host_specs ++ transfer_specs ++ share_specs ++ guard_specs ++ vm_specs ++ auth_specs ++
  vm_end_specs ++ range_specs ++ range_map_specs ++ range_walk_specs ++ inject_specs ++ idreg_specs ++ regs_specs ++
  gpsci_specs ++ vendor_specs ++ guest_trap_specs ++ run_specs ++ vcpu_specs ++ psci_specs ++ trap_specs Map.L1) ++ map fst m_s2map)%list.

Definition unproved : list String.string :=
  filter (fun f => negb (existsb (String.eqb f) proved)) (map fst program).

Eval vm_compute in ("functions"%string, unproved).

From KCore Require versions.All.

(* Every theorem, by name; a gate wants those of this file here, and all of them closed. *)
Definition theorems := (
(* m0: translated C meets its specifications; generic theorems; disciplines of the whole core *)
  @owner_refines,
  @pte_refines,
  @pool_refines,
  @walk_refines,
  @region_refines,
  @log_refines,
  @stats_refines,
  @host_refines,
  @transfer_refines,
  @share_refines,
  @guard_refines,
  @vm_refines,
  @vm_end_refines,
  @auth_refines,
  @range_refines,
  @range_map_refines,
  @range_walk_refines,
  @inject_refines,
  @idreg_refines,
  @regs_refines,
  @gpsci_refines,
  @vendor_refines,
  @guest_trap_refines,
  @run_refines,
  @vcpu_refines,
  @psci_refines,
  @trap_refines,
(* What the host may ask of firmware: of its SMCs at most one call each; a CPU starts or wakes in KCore. *)
  @host_smc_asks,
(* The register filter is about the code.  regs.c, linked over inject.c and the primitives: an exit of a protected guest writes the
   release of top/Guest.v to the shared page and nothing else; two exits with the same release leave the same page, whatever the
   guest's registers hold; the host's answer reaches the registers as enter_writes says, from the last exit that KCore kept. *)
  @exit_writes_release,
  @exit_shows_release,
  @enter_writes_answer,
  @refines_compose,
  @run_inline_all,
  @obeys_sound,
  @lock_discipline,
  @tlb_discipline,
  @commit_discipline,
(* m3: page tables; the transactional property of each operation *)
  @tables_implement_maps,
  @hardware_walks_the_map,
  @empty_roots_related,
  @Transact.fresh_transactional,
  @Transact.link_transactional,
  @Transact.leaf_transactional,
  @Transact.split_transactional,
  @Transact.free_transactional,
  @every_prefix,
(* m2: calls of the core are those of the top machine *)
  @calls_code,
  @call_confidential,
  @call_integrity,
  @run_code,
  @ni_code,
  @host_view,
  @vm_view,
  @vm_registers,
  @host_back,
  @covered_goes,
  @every_trap_goes,
  @start_related,
  @start_matches,
  @premises_met,
(* m1: the atomic top machine *)
  @top_never_stuck,
  @ni_top,
  @confidential,
  @integrity,
  @isolated,
  @reclaimed_zero,
  @filter_narrow,
  @answer_allowed,
  @waits_for_start,
  @guarded,
  @core_noninterfering,
  @scrub_needed,
  @exit_filter_needed,
  @maps_check_needed,
  @fp_clear_needed,
  @host_fp_check_needed,
  @owner_check_needed,
  @unshare_check_needed,
  @answer_check_needed,
(* Releases: the facts of each built kernel hold; what they imply for the shared page and the glue's copies *)
  @versions.All.releases_ok,
  @versions.Ver.page_agrees,
  @versions.Ver.page_disjoint,
  @versions.Ver.own_slot,
  @versions.Ver.none_lost,
  @versions.Ver.none_twice,
  @versions.Ver.there_and_back,
  @versions.Ver.memory_disjoint
).
Print Assumptions theorems.
