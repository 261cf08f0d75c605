(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The register filter of protected VMs (docs/registers.md; regs.c, gpsci.c, run.c).  An exit is filtered first, which sees
 * the guest's registers, and then delivered, which sees only the [release]: what passes the filter is a value.
 *)
From KCore Require Export top.Hyper.

Section Guest.
Context {cfg : config}.

(* ------------------------------------------------------------------ bits *)

Definition MASK64 := 0xffffffffffffffff.
Definition bit_of (x m : Z) : bool := negb (Z.land x m =? 0).
Definition field (x lo mask : Z) : Z := Z.land (Z.shiftr x lo) mask.
(* x & ~m in 64 bits *)
Definition clear (x m : Z) : Z := Z.land x (MASK64 - m).
Definition ec (esr : Z) : Z := Z.shiftr esr 26.
Definition ESR_IL := 0x2000000. Definition ESR_ISV := 0x1000000. Definition ESR_CM := 0x100.
Definition ESR_SSE := 0x200000. Definition ESR_SF := 0x8000. Definition ESR_S1PTW := 0x80. Definition ESR_WNR := 0x40.
Definition ESR_FAULT := 0xfe00003f.   (* class, IL, fault status *)
Definition EC_WFX := 0x01. Definition EC_FP := 0x07. Definition EC_HVC := 0x16. Definition EC_SYSREG := 0x18.
Definition EC_IABT := 0x20. Definition EC_DABT := 0x24.

(* ------------------------------------------------------------------ what the host may answer *)

Definition enter_allowed (pending esr flags : Z) : bool :=
  (flags =? 0)
  || ((flags =? KCORE_ENTER_SKIP) && (PENDING_WFX <=? pending) && (pending <=? PENDING_MMIO_WRITE))
  || ((flags =? KCORE_ENTER_SKIP) && (pending =? PENDING_DABT) && bit_of esr ESR_CM)
  || ((flags =? KCORE_ENTER_UNDEF) && (pending =? PENDING_SYSREG))
  || ((flags =? KCORE_ENTER_DABT) && (PENDING_MMIO_READ <=? pending) && (pending <=? PENDING_DABT))
  || ((flags =? KCORE_ENTER_IABT) && (pending =? PENDING_IABT)).

Definition access_mask (esr : Z) : Z :=
  let size := field esr 22 3 in
  if size =? 3 then MASK64 else Z.shiftl 1 (Z.shiftl 8 size) - 1.
Definition mmio_value (esr x : Z) : Z :=
  let mask := access_mask esr in
  let x := Z.land x mask in
  let x := if bit_of esr ESR_SSE && bit_of x (Z.shiftr mask 1 + 1) then Z.lor x (MASK64 - mask) else x in
  if bit_of esr ESR_SF then x else Z.land x 0xffffffff.

Definition advance (R : Z -> Z) : list (Z * Z) :=
  [(W_PC, wrap64 (R W_PC + 4)); (W_PSTATE, clear (R W_PSTATE) 0x200c00)].

(* Entry into the guest's own handler (D1.10): the vector, PSTATE there, the registers of the exception. *)
Definition vector (vbar pstate : Z) : Z :=
  let mode := Z.land pstate 0x1f in
  if mode =? 5 then wrap64 (vbar + 0x200) else if mode =? 4 then vbar else
  if bit_of mode 0x10 then wrap64 (vbar + 0x600) else wrap64 (vbar + 0x400).
Definition handler (sctlr pstate : Z) : Z :=
  let pan := if bit_of sctlr 0x800000 then 0 else 0x400000 in
  Z.lor (Z.lor (Z.lor (Z.land pstate 0xf1400000) pan) 0x3c0) 5.
Definition take_exception (R : Z -> Z) (esr far : Z) : list (Z * Z) :=
  let pstate := R W_PSTATE in
  let mode := Z.land pstate 0x1f in
  let esr := if ((mode =? 5) || (mode =? 4)) && negb (esr =? ESR_IL) then wrap64 (esr + 0x4000000) else esr in
  [(W_ELR, R W_PC); (W_SPSR, pstate); (W_ESR, esr); (W_FAR, far); (W_PC, vector (R W_VBAR) pstate);
   (W_PSTATE, handler (R W_SCTLR) pstate)].

(* The answer, applied: pending and esr are those of the last exit, value is x[rt] of the shared page. *)
Definition enter_writes (pending esr flags value : Z) (R : Z -> Z) : list (Z * Z) :=
  let rt := field esr 16 31 in
  if flags =? KCORE_ENTER_SKIP then
    (if (pending =? PENDING_MMIO_READ) && negb (rt =? 31) then [(rt, mmio_value esr value)] else []) ++ advance R
  else if flags =? KCORE_ENTER_UNDEF then take_exception R ESR_IL 0
  else if flags =? KCORE_ENTER_DABT then take_exception R (Z.lor (Z.lor 0x92000000 (Z.land esr ESR_WNR)) 0x10) (R W_KEPT)
  else if flags =? KCORE_ENTER_IABT then take_exception R 0x82000010 (R W_KEPT)
  else [].

(* First entry after the guest's own CPU_ON: words below VMPIDR zero, and its entry point. *)
Definition boot_writes (R : Z -> Z) : list (Z * Z) :=
  map (fun n => (n, 0)) (range 0 58) ++
  [(0, R (W_KEPT + 2)); (W_PC, R (W_KEPT + 1)); (W_PSTATE, 0x3c5); (W_SCTLR, 0xc50838)].

Definition run_check (w flags : Z) (s : pub) : Z :=
  let r := vcpu s w in
  if negb (protected s (vm_of w)) then 0 else
  if c_power r =? POWER_OFF then KCORE_ESTATE else
  if ensure CheckEnter (enter_allowed (c_pending r) (c_esr r) flags) then 0 else KCORE_EPERM.

(* KCORE_HC_VCPU_RUN, bookkeeping; flags is enter.flags of the shared page. *)
Definition vcpu_run (c w flags : Z) (s : pub) : Z * pub * list effect :=
  if (w <? 0) || (KCORE_NR_VCPUS <=? w) then (KCORE_EINVAL, s, [HostX c 0 KCORE_EINVAL]) else
  if negb (u_vcpu (cpu s c) =? w) then (KCORE_ESTATE, s, [HostX c 0 KCORE_ESTATE]) else
  let r := run_check w flags s in
  if negb (r =? 0) then (r, s, [HostX c 0 r]) else
  let pg := c_page (vcpu s w) in
  let t := if protected s (vm_of w)
           then change_vcpu w (fun r => vcpu_with_pending PENDING_NONE 0
                  (if c_power r =? POWER_BOOT then vcpu_with_power POWER_ON r else r)) s
           else s in
  (0, change_cpu c (cpu_with_run true) t, [IoLoad w pg (protected s (vm_of w) || negb aarch32); PageWrite pg [(W_FLAGS, 0)]]).

(* ------------------------------------------------------------------ what the host gets *)

Record release := mkrelease {
  r_esr : Z; r_far : Z; r_hpfar : Z;
  r_regs : list (Z * Z);          (* registers of the shared page *)
  r_pending : Z;
  r_power : option (Z * Z);       (* PSCI: whose power state changes *)
  r_stat : Z                      (* the counter of the exit's cause *)
}.

Definition cause (esr : Z) : Z :=
  let e := ec esr in
  if (e =? EC_HVC) || (e =? 0x17) then KCORE_STAT_exit_hvc else
  if (e =? EC_DABT) || (e =? EC_IABT) then KCORE_STAT_exit_abort else
  if e =? EC_SYSREG then KCORE_STAT_exit_sysreg else if e =? EC_WFX then KCORE_STAT_exit_wfx else
  if e =? EC_FP then KCORE_STAT_exit_fp else KCORE_STAT_exit_other.

Definition one_register (R : Z -> Z) (rt mask : Z) : list (Z * Z) :=
  if rt =? 31 then [] else [(rt, Z.land (R rt) mask)].

(* Synchronous exits that the host has to act on: WFx, aborts, writes of ICC_SGI*R_EL1.  All that may pass. *)
Definition exit_filter (base end_ esr far hpfar : Z) (R : Z -> Z) : release :=
  let ipa := Z.shiftl (Z.land hpfar 0xfffffffff0) 8 in
  if (ec esr =? EC_IABT) || (ec esr =? EC_DABT) then
    if (base <=? ipa) && (ipa <? end_)
    then mkrelease (Z.land esr ESR_FAULT) 0 hpfar [] PENDING_NONE None KCORE_STAT_exit_abort
    else
      let off := Z.land far 4095 in
      if ec esr =? EC_IABT then mkrelease esr off hpfar [] PENDING_IABT None KCORE_STAT_exit_abort else
      if negb (bit_of esr ESR_ISV) || bit_of esr ESR_S1PTW
      then mkrelease esr off hpfar [] PENDING_DABT None KCORE_STAT_exit_abort else
      if negb (bit_of esr ESR_WNR) then mkrelease esr off hpfar [] PENDING_MMIO_READ None KCORE_STAT_exit_abort
      else mkrelease esr off hpfar (one_register R (field esr 16 31) (access_mask esr)) PENDING_MMIO_WRITE None
             KCORE_STAT_exit_abort
  else if ec esr =? EC_SYSREG
  then mkrelease esr 0 0 (one_register R (field esr 5 31) MASK64) PENDING_SYSREG None KCORE_STAT_exit_sysreg
  else mkrelease esr 0 0 [] (if ec esr =? EC_WFX then PENDING_WFX else PENDING_NONE) None (cause esr).

Definition exit_sync (base end_ esr far hpfar : Z) (R : Z -> Z) : release :=
  if ensure CheckExit false
  then mkrelease esr far hpfar (map (fun n => (n, R n)) (range 0 31)) PENDING_NONE None (cause esr)
  else exit_filter base end_ esr far hpfar R.

Definition exits_to_host (esr : Z) : bool := existsb (Z.eqb (ec esr)) [EC_WFX; EC_IABT; EC_DABT; EC_SYSREG].

(* A normal VM's exit: the syndrome as it is. *)
Definition exit_normal (esr far hpfar : Z) : release := mkrelease esr far hpfar [] PENDING_NONE None (cause esr).

(* PSCI and other HVCs of a protected guest: answered here, or the host is told.  The lists: the guest's own registers,
   and KCore's copy of CPU_ON's entry point for a vCPU. *)
Inductive hvc := HvcLocal (x0 : Z) | HvcTell (rel : release) (x0 : Z) (kept : option (Z * Z * Z)).

Definition PSCI_64 := 0x40000000. Definition PSCI_CPU_ON := 0x84000003.
Definition PSCI_CPU_OFF := 0x84000002. Definition PSCI_SYSTEM_OFF := 0x84000008. Definition PSCI_SYSTEM_RESET := 0x84000009.
Definition PSCI_AFFINITY_INFO := 0x84000004. Definition PSCI_VERSION := 0x84000000. Definition PSCI_FEATURES := 0x8400000a.
Definition PSCI_CPU_SUSPEND := 0x84000001. Definition PSCI_MIGRATE_TYPE := 0x84000006. Definition SMCCC_VERSION := 0x80000000.
Definition PSCI_NOT_SUPPORTED := 0xffffffffffffffff. Definition PSCI_INVALID := 0xfffffffffffffffe.
Definition PSCI_ALREADY_ON := 0xfffffffffffffffc. Definition PSCI_INTERNAL := 0xfffffffffffffffa.
Definition PSCI_BAD_ADDRESS := 0xfffffffffffffff7.

(* A vCPU of the same VM: (does it exist, its power). *)
Definition sibling (s : pub) (w mpidr : Z) : option (Z * Z) :=
  let mpidr := Z.land mpidr 0xff00ffffff in
  let t := vm_of w * KCORE_VM_VCPUS + mpidr in
  if KCORE_VM_VCPUS <=? mpidr then None else
  if c_state (vcpu s t) =? VCPU_FREE then None else Some (t, c_power (vcpu s t)).

Definition psci_features (fn : Z) : Z :=
  let base := clear fn PSCI_64 in
  if existsb (Z.eqb base) [PSCI_CPU_SUSPEND; PSCI_CPU_ON; PSCI_AFFINITY_INFO] then 0 else
  if existsb (Z.eqb fn) [PSCI_VERSION; PSCI_CPU_OFF; PSCI_MIGRATE_TYPE; SMCCC_VERSION] then 0 else
  if (PSCI_SYSTEM_OFF <=? fn) && (fn <=? PSCI_FEATURES) then 0 else PSCI_NOT_SUPPORTED.

Definition hvc_release (x0 x1 : Z) (power : option (Z * Z)) : release :=
  mkrelease 0x5a000000 0 0 [(0, x0); (1, x1)] PENDING_NONE power KCORE_STAT_exit_hvc.

(* The calls that are answered here; near: the powers of the sixteen vCPUs of its VM, as [sibling] sees them. *)
Definition psci_info (near : Z -> option (Z * Z)) (R : Z -> Z) : Z :=
  match near (R 1) with
  | None => PSCI_INVALID
  | Some (_, power) => if negb (Z.land (R 2) 0xffffffff =? 0) then PSCI_INVALID else if power =? POWER_OFF then 1 else 0
  end.
Definition guest_call (near : Z -> option (Z * Z)) (fn : Z) (R : Z -> Z) : Z :=
  let base := clear fn PSCI_64 in
  if (fn =? PSCI_VERSION) || (fn =? SMCCC_VERSION) then 0x10001
  else if base =? PSCI_CPU_SUSPEND then 0
  else if base =? PSCI_AFFINITY_INFO then psci_info near R
  else if fn =? PSCI_MIGRATE_TYPE then 2
  else if fn =? PSCI_FEATURES then psci_features (Z.land (R 1) 0xffffffff)
  else PSCI_NOT_SUPPORTED.

Definition guest_hvc (w : Z) (near : Z -> option (Z * Z)) (R : Z -> Z) : hvc :=
  let fn := Z.land (R 0) 0xffffffff in
  let base := clear fn PSCI_64 in
  if base =? PSCI_CPU_ON then
    let mask := if bit_of fn PSCI_64 then MASK64 else 0xffffffff in
    match near (Z.land (R 1) mask) with
    | None => HvcLocal PSCI_INVALID
    | Some (t, power) =>
        if negb (Z.land (Z.land (R 2) mask) 3 =? 0) then HvcLocal PSCI_BAD_ADDRESS else
        if negb (power =? POWER_OFF) then HvcLocal PSCI_ALREADY_ON else
        HvcTell (hvc_release fn (R 1) (Some (t, POWER_BOOT))) 0 (Some (t, Z.land (R 2) mask, Z.land (R 3) mask))
    end
  else if (fn =? PSCI_CPU_OFF) || (fn =? PSCI_SYSTEM_OFF) || (fn =? PSCI_SYSTEM_RESET) then
    HvcTell (hvc_release fn 0 (if fn =? PSCI_CPU_OFF then Some (w, POWER_OFF) else None)) PSCI_INTERNAL None
  else HvcLocal (guest_call near fn R).

(* Calls about memory: the page must be in the VM's memory.  A page that isn't there yet: the host sees a fault of it, as at a load, and
   the guest tries again. *)
Definition in_memory (s : pub) (v i : Z) : bool := (v_base (vm s v) <=? i * PAGE_BYTES) && (i * PAGE_BYTES <? v_end (vm s v)).
Definition mem_fault (i : Z) : release := mkrelease 0x92000007 0 (i * 16) [] PENDING_NONE None KCORE_STAT_exit_hvc.
Definition SMCCC_INVALID := 0xfffffffffffffffd.
Definition mem_result (ok : bool) : Z := if ok then 0 else SMCCC_INVALID.

(* ------------------------------------------------------------------ MMIO guard *)

(* The guest gives the host a page outside of its memory to serve: it is in a range, or the next of one, or begins one.  None: there is no more. *)
Definition holds (i : Z) (r : Z * Z) : bool := (fst r <=? i) && (i <? snd r).
Fixpoint grow (i : Z) (l : list (Z * Z)) : list (Z * Z) :=
  match l with [] => [] | r :: l => if holds (i - 1) r then (fst r, i + 1) :: l else r :: grow i l end.
Definition give (i : Z) (l : list (Z * Z)) : option (list (Z * Z)) :=
  if existsb (holds i) l then Some l else
  if existsb (holds (i - 1)) l then Some (grow i l) else
  if GUARD_RANGES <=? Z.of_nat (length l) then None else Some (l ++ [(i, i + 1)]).
Definition guard_call (v i : Z) (s : pub) : bool * pub :=
  match give i (v_guard (vm s v)) with Some l => (true, change_vm v (vm_with_guard l) s) | None => (false, s) end.
(* An abort outside of its memory that the host isn't told of: there is a guard, and the page wasn't given.  The guest takes it itself. *)
Definition given (l : list (Z * Z)) (i : Z) : bool := match l with [] => true | _ => existsb (holds i) l end.
Definition hpfar_ipa (hpfar : Z) : Z := Z.shiftl (Z.land hpfar 0xfffffffff0) 8.
Definition outside_memory (s : pub) (v ipa : Z) : bool := negb ((v_base (vm s v) <=? ipa) && (ipa <? v_end (vm s v))).
Definition hidden (s : pub) (v esr hpfar : Z) : bool :=
  ((ec esr =? EC_IABT) || (ec esr =? EC_DABT)) && outside_memory s v (hpfar_ipa hpfar) &&
  negb (given (v_guard (vm s v)) (hpfar_ipa hpfar / PAGE_BYTES)).
Definition guard_syndrome (esr : Z) : Z := if ec esr =? EC_IABT then 0x82000010 else Z.lor (Z.lor 0x92000000 (Z.land esr ESR_WNR)) 0x10.

(* ------------------------------------------------------------------ the host goes on *)

Definition exit_page (rel : release) : list (Z * Z) :=
  r_regs rel ++ [(W_EXIT, r_esr rel); (W_EXIT + 1, r_far rel); (W_EXIT + 2, r_hpfar rel)].

Definition deliver (c : Z) (rel : release) (s : pub) : pub :=
  let w := u_vcpu (cpu s c) in
  let s := if protected s (vm_of w)
           then change_vcpu w (vcpu_with_pending (r_pending rel) (if r_pending rel =? PENDING_NONE then 0 else r_esr rel)) s
           else s in
  let s := match r_power rel with Some (t, x) => change_vcpu t (vcpu_with_power x) s | None => s end in
  add_stat c (r_stat rel) (change_cpu c (cpu_with_run false) s).
Definition deliver_effect (c : Z) (rel : release) (s : pub) : list effect :=
  let w := u_vcpu (cpu s c) in
  let pg := c_page (vcpu s w) in
  [PageWrite pg (exit_page rel); IoSave w pg false; HostX c 0 KCORE_EXIT_TRAP].

(* Interrupt (1) or SError (2) while the guest ran. *)
Definition asynchronous (c kind : Z) (s : pub) : pub :=
  let w := u_vcpu (cpu s c) in
  let s := if protected s (vm_of w) then change_vcpu w (vcpu_with_pending PENDING_NONE 0) s else s in
  add_stat c (if kind =? 1 then KCORE_STAT_exit_irq else KCORE_STAT_exit_serror) (change_cpu c (cpu_with_run false) s).
Definition asynchronous_effect (c kind : Z) (s : pub) : list effect :=
  let w := u_vcpu (cpu s c) in
  let pg := c_page (vcpu s w) in
  [PageWrite pg [(W_EXIT, 0)]; IoSave w pg ((kind =? 2) && ras); HostX c 0 (if kind =? 1 then KCORE_EXIT_IRQ else KCORE_EXIT_SERROR)].
End Guest.
