(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The top machine: what KCore does to the host, its devices, normal and protected VMs, as atomic steps.
 * docs/boundary.md says the same in words.  The actions are all that anybody can do; the host, its
 * devices and every guest choose theirs freely.
 *
 * A normal VM is an extension of the host's own authority, so the host, its devices and all normal VMs are one
 * principal; each protected VM, from creation to destruction, is one of its own.
 *)
From Coq Require Export ZArith List Bool Lia.
Export ListNotations.
Open Scope Z_scope.

(* -------------------------------------------------------------------- state *)

Inductive vmstate := Free | New | Ready | Dying.
Inductive power := Off | On.

(* What the last exit lets the host answer (docs/registers.md); rt: register, w: bits of the access. *)
Inductive pending := PNone | PWfx | PSysreg | PRead (rt w : Z) | PWrite | PDabt | PIabt.

(* What the host is told at an exit. *)
Inductive exit :=
| XIrq                               (* an interrupt of the machine *)
| XWfx
| XSgi (z : Z)                       (* value written to a software-generated-interrupt register *)
| XFault (ipa : Z)                   (* inside the VM's memory: the page, nothing else *)
| XRead (ipa off rt w : Z)           (* MMIO *)
| XWrite (ipa off rt z : Z)
| XAbort (ipa off : Z) (fetch : bool)
| XCpuOn (target : Z)
| XCpuOff
| XSystem (fn : Z).

Record vmrec := mkvm {
  vstate : vmstate; vprot : bool;
  vgen : Z;                          (* incarnation of the handle *)
  vbase : Z; vend : Z;               (* memory of a protected VM, IPA pages *)
  vloaded : Z                        (* vCPUs that are loaded on CPUs *)
}.
Record vcrec := mkvc {
  cexists : bool; cpower : power; cpend : pending;
  cirq : Z;                          (* virtual interrupt state: shared by guest and host *)
  cload : option Z; crun : option Z; (* CPU on which it is loaded, runs *)
  cexit : option exit                (* the exit fields of its page *)
}.

(* A page mapped at an IPA of a VM; also a vCPU's page (ipa: its index), and a page on its way to a VM. *)
Record entry := mke { e_vm : Z; e_ipa : Z; e_pg : Z; e_w : bool }.

(* The public bookkeeping: it depends on nobody's secrets, and the host may know all of it. *)
Record public := mkpub {
  owner : Z -> Z;                    (* of a page: 0 the host, else a protected VM's handle or KCORE_NR_VMS *)
  vm : Z -> vmrec;
  vc : Z -> Z -> vcrec;
  tr : list entry;                   (* stage 2 of all VMs *)
  shared : list entry;               (* vCPU pages *)
  transit : list (Z * entry);        (* CPU, donation between its two sections *)
  busy : Z -> bool;                  (* CPU: a guest runs on it *)
  hreg : Z -> Z -> Z;                (* CPU, register: the host's *)
  dev : Z -> Z                       (* the host's devices *)
}.

Record state := mkst {
  pub : public;
  mem : Z -> list Z;                 (* content of each physical page, by words *)
  regs : Z -> Z -> Z -> Z            (* vm, vCPU, register *)
}.

Definition NR_VMS := 256.
Definition vcpus : list Z := [0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; 12; 13; 14; 15].
Definition r_pc := 31. Definition r_pstate := 32. Definition r_elr := 33. Definition r_spsr := 34.
Definition r_esr := 35. Definition r_far := 36. Definition r_vbar := 37.

Definition upd {A} (f : Z -> A) (i : Z) (a : A) : Z -> A := fun j => if j =? i then a else f j.
Definition upd2 {A} (f : Z -> Z -> A) (i j : Z) (a : A) : Z -> Z -> A := upd f i (upd (f i) j a).

Definition get (l : list Z) (o : Z) : Z := nth (Z.to_nat o) l 0.
Fixpoint put (l : list Z) (o : nat) (z : Z) : list Z :=
  match l, o with
  | [], _ => []
  | _ :: r, O => z :: r
  | x :: r, S n => x :: put r n z
  end.
Definition zeros : list Z := repeat 0 (Z.to_nat 512).

(* Setters. *)
Definition set_owner o P := mkpub o (vm P) (vc P) (tr P) (shared P) (transit P) (busy P) (hreg P) (dev P).
Definition set_vm v r P := mkpub (owner P) (upd (vm P) v r) (vc P) (tr P) (shared P) (transit P) (busy P) (hreg P) (dev P).
Definition set_vc v i r P := mkpub (owner P) (vm P) (upd2 (vc P) v i r) (tr P) (shared P) (transit P) (busy P) (hreg P) (dev P).
Definition set_tr x P := mkpub (owner P) (vm P) (vc P) x (shared P) (transit P) (busy P) (hreg P) (dev P).
Definition set_shared x P := mkpub (owner P) (vm P) (vc P) (tr P) x (transit P) (busy P) (hreg P) (dev P).
Definition set_transit x P := mkpub (owner P) (vm P) (vc P) (tr P) (shared P) x (busy P) (hreg P) (dev P).
Definition set_busy c b P := mkpub (owner P) (vm P) (vc P) (tr P) (shared P) (transit P) (upd (busy P) c b) (hreg P) (dev P).
Definition set_hreg c r z P := mkpub (owner P) (vm P) (vc P) (tr P) (shared P) (transit P) (busy P) (upd2 (hreg P) c r z) (dev P).
Definition set_dev d z P := mkpub (owner P) (vm P) (vc P) (tr P) (shared P) (transit P) (busy P) (hreg P) (upd (dev P) d z).

Definition on_pub f s := mkst (f (pub s)) (mem s) (regs s).
Definition set_mem pg l s := mkst (pub s) (upd (mem s) pg l) (regs s).
Definition set_regs v i (f : Z -> Z) s := mkst (pub s) (mem s) (upd2 (regs s) v i f).

Definition state_is (P : public) (v : Z) (x : vmstate) : bool :=
  match vstate (vm P v), x with Free, Free | New, New | Ready, Ready | Dying, Dying => true | _, _ => false end.
Definition prot (P : public) (v : Z) : bool := vprot (vm P v).
Definition vm_to v x P :=
  let r := vm P v in set_vm v (mkvm x (vprot r) (vgen r) (vbase r) (vend r) (vloaded r)) P.

(* ------------------------------------------------------------------ stage 2 *)

Definition here (v ipa : Z) (e : entry) : bool := (e_vm e =? v) && (e_ipa e =? ipa).
Definition lookup (P : public) (v ipa : Z) : option entry := List.find (here v ipa) (tr P).
Definition uses (pg : Z) (e : entry) : bool := e_pg e =? pg.
(* Mapped in a normal VM, or a vCPU page. *)
Definition in_use (P : public) (pg : Z) : bool :=
  existsb (uses pg) (tr P) || existsb (uses pg) (shared P).
Definition in_memory (P : public) (v ipa : Z) : bool := (vbase (vm P v) <=? ipa) && (ipa <? vend (vm P v)).

Definition range (n : Z) : list Z := map Z.of_nat (seq 0 (Z.to_nat n)).

(* ------------------------------------------------------------------- guests *)

(* What a guest does, one observable thing at a time. *)
Inductive instr :=
| ISet (r z : Z)                       (* any computation *)
| IRead (ipa off r w : Z)
| IWrite (ipa off r w : Z)
| IFault (ipa : Z)                     (* a stage-2 fault may be taken on a mapped page, too *)
| IAbort (ipa off : Z) (fetch : bool)  (* outside of memory, no syndrome *)
| IWfx
| ISgi (r : Z)
| IGic (z : Z)                         (* the guest changes its virtual interrupt state *)
| IPsciOn (target entry x0 : Z)
| IPsciOff
| ISystem (fn : Z).                    (* SYSTEM_OFF, SYSTEM_RESET *)

Definition cut (w z : Z) : Z := z mod 2 ^ w.

(* The outcome of an instruction: the guest goes on in a new state, or exits. *)
Inductive outcome := Goes (s : state) | Exits (x : exit) (p : pending) (s : state).

Definition set_reg v i r z s := set_regs v i (upd (regs s v i) r z) s.

Definition power_to v i w P :=
  let r := vc P v i in set_vc v i (mkvc (cexists r) w (cpend r) (cirq r) (cload r) (crun r) (cexit r)) P.

Definition outside (P : public) (v ipa : Z) (x : exit) (p : pending) (s : state) : outcome :=
  if in_memory P v ipa then Exits (XFault ipa) PNone s else Exits x p s.

Definition instruction (v i : Z) (n : instr) (s : state) : outcome :=
  let P := pub s in
  match n with
  | ISet r z => Goes (set_reg v i r z s)
  | IRead ipa off r w =>
      match lookup P v ipa with
      | Some e => Goes (set_reg v i r (get (mem s (e_pg e)) off) s)
      | None => outside P v ipa (XRead ipa off r w) (PRead r w) s
      end
  | IWrite ipa off r w =>
      match lookup P v ipa with
      | Some e =>
          if e_w e then Goes (set_mem (e_pg e) (put (mem s (e_pg e)) (Z.to_nat off) (regs s v i r)) s)
          else Exits (XFault ipa) PNone s
      | None => outside P v ipa (XWrite ipa off r (cut w (regs s v i r))) PWrite s
      end
  | IFault ipa => Exits (XFault ipa) PNone s
  | IAbort ipa off fetch =>
      outside P v ipa (XAbort ipa off fetch) (if fetch then PIabt else PDabt) s
  | IWfx => Exits XWfx PWfx s
  | ISgi r => Exits (XSgi (regs s v i r)) PSysreg s
  | IGic z =>
      let c := vc P v i in
      Goes (on_pub (set_vc v i (mkvc (cexists c) (cpower c) (cpend c) z (cload c) (crun c) (cexit c))) s)
  | IPsciOn t ent x0 =>
      let c := vc P v t in
      if cexists c && (match cpower c with Off => true | On => false end)
      then Exits (XCpuOn t) PNone
             (on_pub (power_to v t On) (set_regs v t (upd (upd (regs s v t) r_pc ent) 0 x0) s))
      else Goes (set_reg v i 0 (-1) s)
  | IPsciOff => Exits XCpuOff PNone (on_pub (power_to v i Off) s)
  | ISystem fn => Exits (XSystem fn) PNone s
  end.

(* Back to the host. *)
Definition leave (v i c : Z) (x : exit) (p : pending) (s : state) : state :=
  on_pub (fun P =>
    let r := vc P v i in
    set_busy c false (set_vc v i (mkvc (cexists r) (cpower r) p (cirq r) (cload r) None (Some x)) P)) s.

(* The CPU on which a vCPU runs. *)
Definition runs (P : public) (v i : Z) : option Z :=
  if cexists (vc P v i) then crun (vc P v i) else None.

Definition guest (v i : Z) (n : instr) (s : state) : state :=
  match runs (pub s) v i with
  | None => s
  | Some c =>
      match instruction v i n s with
      | Goes s' => s'
      | Exits x p s' => leave v i c x p s'
      end
  end.

(* ------------------------------------------------- what the host may answer *)

Inductive ask := ANone | ASkip (z : Z) | AUndef | ADabt | AIabt.

Definition allowed (p : pending) (a : ask) : bool :=
  match a, p with
  | ANone, _ => true
  | ASkip _, (PWfx | PSysreg | PRead _ _ | PWrite) => true
  | AUndef, PSysreg => true
  | ADabt, (PRead _ _ | PWrite | PDabt) => true
  | AIabt, PIabt => true
  | _, _ => false
  end.

Definition take_exception (esr : Z) (f : Z -> Z) : Z -> Z :=
  upd (upd (upd (upd f r_elr (f r_pc)) r_spsr (f r_pstate)) r_esr esr) r_pc (f r_vbar + 512).

Definition answer (p : pending) (a : ask) (f : Z -> Z) : Z -> Z :=
  match a with
  | ANone => f
  | ASkip z =>
      let g := upd f r_pc (f r_pc + 4) in
      match p with PRead rt w => if rt =? 31 then g else upd g rt (cut w z) | _ => g end
  | AUndef => take_exception 0 f
  | ADabt => take_exception 0x90000010 f
  | AIabt => take_exception 0x80000010 f
  end.

(* ------------------------------------------------------------------ actions *)

Inductive action :=
| Guest (v i : Z) (n : instr)
(* the host on CPU c, its devices *)
| HSet (c r z : Z)
| HRead (c pg off r : Z)
| HWrite (c pg off r : Z)
| DSet (d z : Z)
| DRead (d pg off : Z)
| DWrite (d pg off : Z)
| Irq (v i : Z)                                  (* an interrupt ends a run *)
| Inject (v i z : Z)                             (* virtual interrupt state, at a run *)
(* hypercalls; nomem: the table pool is exhausted, public and at any time possible *)
| Query (c k : Z)                                (* VERSION, INFO, STATS, LOG, PAGE_STATE, VMCR *)
| VmCreate (c v : Z) (p : bool)
| VcpuCreate (c v i pg : Z) (nomem : bool)
| VcpuDestroy (c v i : Z)
| Finalise (c v base end_ : Z) (boot : Z -> Z)   (* boot: registers in vCPU 0's page *)
| DonateTake (c v ipa pg : Z) (nomem : bool)
| DonateMap (c : Z)
| Map (c v ipa pg n : Z) (w nomem : bool)
| Unmap (c v ipa n : Z)
| Wrprotect (c v ipa n : Z)
| DestroyBegin (c v : Z)
| DestroyStep (c v ipa : Z)
| DestroyEnd (c v : Z)
| Load (c v i : Z)
| Put (c v i : Z)
| Run (c v i : Z) (a : ask).

Section Machine.
Variable dram : Z -> bool.                       (* DRAM pages *)
Variable query : Z -> public -> Z.               (* what is read from the public bookkeeping *)

(* The host acts on a CPU only while no guest runs there, and one call at a time. *)
Definition hosted (P : public) (c : Z) : bool := negb (busy P c) && negb (existsb (fun t => fst t =? c) (transit P)).

Definition is_vm (v : Z) : bool := (0 <? v) && (v <? NR_VMS).

Definition donate_ok (P : public) (v ipa pg : Z) : bool :=
  is_vm v && state_is P v Ready && prot P v && in_memory P v ipa && dram pg && (owner P pg =? 0) &&
  negb (in_use P pg) && (match lookup P v ipa with None => true | Some _ => false end).

Definition map_ok (P : public) (v ipa pg n : Z) : bool :=
  is_vm v && (state_is P v New || state_is P v Ready) && negb (prot P v) &&
  forallb (fun k => (owner P (pg + k) =? 0) &&
    match lookup P v (ipa + k) with None => true | Some _ => false end) (range n).

Definition mappings (v ipa pg n : Z) (w : bool) : list entry :=
  map (fun k => mke v (ipa + k) (pg + k) w) (range n).
Definition in_range (v ipa n : Z) (e : entry) : bool :=
  (e_vm e =? v) && (ipa <=? e_ipa e) && (e_ipa e <? ipa + n).
Definition read_only (v ipa n : Z) (e : entry) : entry :=
  if in_range v ipa n e then mke (e_vm e) (e_ipa e) (e_pg e) false else e.

Definition reclaim (pg : Z) (s : state) : state :=
  on_pub (fun P => set_owner (upd (owner P) pg 0) P) (set_mem pg zeros s).

Definition boot_regs (b : Z -> Z) : Z -> Z :=
  upd (upd (upd (upd (upd (upd (fun _ => 0) 0 (b 0)) 1 (b 1)) 2 (b 2)) 3 (b 3)) r_pc (b r_pc)) r_pstate 0x3c5.

Definition no_vcpus (P : public) (v : Z) : bool := forallb (fun i => negb (cexists (vc P v i))) vcpus.
Definition nothing_left (P : public) (v : Z) : bool :=
  no_vcpus P v && negb (existsb (fun e => e_vm e =? v) (tr P)) &&
  negb (existsb (fun t => e_vm (snd t) =? v) (transit P)).

Definition no_vcpu := mkvc false Off PNone 0 None None None.
Definition is_none {A} (o : option A) : bool := match o with None => true | Some _ => false end.
Definition on_cpu (o : option Z) (c : Z) : bool := match o with Some d => d =? c | None => false end.

(* May the host make this call now?  From public bookkeeping alone. *)
Definition ok (P : public) (a : action) : bool :=
  match a with
  | VmCreate _ v _ => is_vm v && state_is P v Free
  | VcpuCreate _ v i pg nomem =>
      is_vm v && existsb (Z.eqb i) vcpus && negb (cexists (vc P v i)) && dram pg && (owner P pg =? 0) &&
      negb (in_use P pg) && negb nomem &&
      (state_is P v New || (state_is P v Ready && negb (prot P v)))
  | VcpuDestroy _ v i =>
      cexists (vc P v i) && is_none (cload (vc P v i)) && is_none (crun (vc P v i)) &&
      negb (prot P v && state_is P v Ready)
  | Finalise _ v base end_ _ => is_vm v && state_is P v New && (negb (prot P v) || cexists (vc P v 0))
  | DonateTake _ v ipa pg nomem => donate_ok P v ipa pg && negb nomem
  | Map _ v ipa pg n w nomem => map_ok P v ipa pg n && negb nomem
  | Unmap _ v ipa n => is_vm v && negb (prot P v) && (state_is P v New || state_is P v Ready)
  | Wrprotect _ v ipa n => is_vm v && negb (prot P v) && (state_is P v New || state_is P v Ready)
  | DestroyBegin _ v => is_vm v && negb (state_is P v Free) && (vloaded (vm P v) =? 0)
  | DestroyStep _ v ipa => is_vm v && state_is P v Dying
  | DestroyEnd _ v => is_vm v && state_is P v Dying && nothing_left P v
  | Load _ v i => is_vm v && cexists (vc P v i) && state_is P v Ready && is_none (cload (vc P v i))
  | Put c v i => on_cpu (cload (vc P v i)) c && is_none (crun (vc P v i))
  | Run c v i a =>
      cexists (vc P v i) && on_cpu (cload (vc P v i)) c && is_none (crun (vc P v i)) && state_is P v Ready &&
      (match cpower (vc P v i) with On => true | Off => false end) && allowed (cpend (vc P v i)) a
  | _ => true
  end.

Definition loaded_to d v i l P :=
  let r := vc P v i in let m := vm P v in
  set_vm v (mkvm (vstate m) (vprot m) (vgen m) (vbase m) (vend m) (vloaded m + d))
    (set_vc v i (mkvc (cexists r) (cpower r) (cpend r) (cirq r) l (crun r) (cexit r)) P).

(* What an allowed call does. *)
Definition does (a : action) (s : state) : state :=
  match a with
  | VmCreate c v p =>
      on_pub (fun P => set_vm v (mkvm New p (vgen (vm P v) + 1) 0 0 0) P) s
  | VcpuCreate c v i pg _ =>
      set_regs v i (fun _ => 0) (on_pub (fun P =>
        set_shared (mke v i pg true :: shared P)
          (set_vc v i (mkvc true (if prot P v then Off else On) PNone 0 None None None) P)) s)
  | VcpuDestroy c v i =>
      set_regs v i (fun _ => 0) (on_pub (fun P =>
        set_shared (filter (fun e => negb (here v i e)) (shared P)) (set_vc v i no_vcpu P)) s)
  | Finalise c v base end_ boot =>
      let s1 := on_pub (fun P => let m := vm P v in
        set_vm v (mkvm Ready (vprot m) (vgen m) base end_ (vloaded m)) P) s in
      if prot (pub s) v then on_pub (power_to v 0 On) (set_regs v 0 (boot_regs boot) s1) else s1
  | DonateTake c v ipa pg _ =>
      on_pub (fun P => set_transit ((c, mke v ipa pg true) :: transit P)
                         (set_owner (upd (owner P) pg v) P)) s
  | Map c v ipa pg n w _ => on_pub (fun P => set_tr (mappings v ipa pg n w ++ tr P) P) s
  | Unmap c v ipa n => on_pub (fun P => set_tr (filter (fun e => negb (in_range v ipa n e)) (tr P)) P) s
  | Wrprotect c v ipa n => on_pub (fun P => set_tr (map (read_only v ipa n) (tr P)) P) s
  | DestroyBegin c v => on_pub (vm_to v Dying) s
  | DestroyStep c v ipa =>
      match lookup (pub s) v ipa with
      | None => s
      | Some e =>
          let s1 := on_pub (fun P => set_tr (filter (fun e => negb (here v ipa e)) (tr P)) P) s in
          if prot (pub s) v then reclaim (e_pg e) s1 else s1
      end
  | DestroyEnd c v => on_pub (vm_to v Free) s
  | Load c v i => on_pub (loaded_to 1 v i (Some c)) s
  | Put c v i => on_pub (loaded_to (-1) v i None) s
  | Run c v i a =>
      let r := vc (pub s) v i in
      on_pub (fun P => set_busy c true
          (set_vc v i (mkvc (cexists r) (cpower r) PNone (cirq r) (cload r) (Some c) (cexit r)) P))
        (set_regs v i (answer (cpend r) a (regs s v i)) s)
  | _ => s
  end.

(* Second section of a donation: the page is mapped, or goes back if VM or IPA went away. *)
Definition mappable (P : public) (e : entry) : bool :=
  state_is P (e_vm e) Ready && is_none (lookup P (e_vm e) (e_ipa e)).
Definition in_transit (P : public) (c : Z) : option (Z * entry) :=
  List.find (fun t => fst t =? c) (transit P).
Definition donate_map (c : Z) (s : state) : state :=
  match in_transit (pub s) c with
  | None => s
  | Some t =>
      let s1 := on_pub (fun P => set_transit (filter (fun t => negb (fst t =? c)) (transit P)) P) s in
      if mappable (pub s) (snd t) then on_pub (fun P => set_tr (snd t :: tr P) P) s1
      else reclaim (e_pg (snd t)) s1
  end.

(* The CPU that makes a call. *)
Definition cpu_of (a : action) : Z :=
  match a with
  | VmCreate c _ _ | VcpuCreate c _ _ _ _ | VcpuDestroy c _ _ | Finalise c _ _ _ _
  | DonateTake c _ _ _ _ | DonateMap c | Map c _ _ _ _ _ _ | Unmap c _ _ _ | Wrprotect c _ _ _
  | DestroyBegin c _ | DestroyStep c _ _ | DestroyEnd c _ | Load c _ _ | Put c _ _ | Run c _ _ _
  | Query c _ | HSet c _ _ | HRead c _ _ _ | HWrite c _ _ _ => c
  | _ => 0
  end.

(* A refused call changes nothing but the register that says so. *)
Definition call (a : action) (s : state) : state :=
  if hosted (pub s) (cpu_of a) then
    if ok (pub s) a then on_pub (set_hreg (cpu_of a) 0 0) (does a s)
    else on_pub (set_hreg (cpu_of a) 0 (-1)) s
  else s.

Definition step (a : action) (s : state) : state :=
  let P := pub s in
  match a with
  | Guest v i n => guest v i n s
  | HSet c r z => if hosted P c then on_pub (set_hreg c r z) s else s
  | HRead c pg off r =>
      if hosted P c && (owner P pg =? 0) then on_pub (set_hreg c r (get (mem s pg) off)) s else s
  | HWrite c pg off r =>
      if hosted P c && (owner P pg =? 0) then set_mem pg (put (mem s pg) (Z.to_nat off) (hreg P c r)) s else s
  | DSet d z => on_pub (set_dev d z) s
  | DRead d pg off => if owner P pg =? 0 then on_pub (set_dev d (get (mem s pg) off)) s else s
  | DWrite d pg off => if owner P pg =? 0 then set_mem pg (put (mem s pg) (Z.to_nat off) (dev P d)) s else s
  | Irq v i => match runs P v i with Some c => leave v i c XIrq PNone s | None => s end
  | Inject v i z =>
      let r := vc P v i in
      if cexists r then on_pub (set_vc v i (mkvc (cexists r) (cpower r) (cpend r) z (cload r) (crun r) (cexit r))) s else s
  | Query c k => if hosted P c then on_pub (set_hreg c 0 (query k P)) s else s
  | DonateMap c => donate_map c s
  | _ => call a s
  end.

Definition run (l : list action) (s : state) : state := fold_left (fun s a => step a s) l s.
End Machine.
