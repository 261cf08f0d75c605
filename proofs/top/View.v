(* SPDX-License-Identifier: GPL-2.0-only *)
(* Who sees what, and what is released to whom. *)
From KCore Require Export top.InvCalls.

(* The host, with its devices and normal VMs; one incarnation of a protected VM. *)
Inductive principal := PHost | PVm (v g : Z).

(* Everything that ever passes from one principal to another, besides the public bookkeeping. *)
Inductive channel :=
| ExitReason            (* why a guest stopped, the page of a fault *)
| MmioData              (* register of an MMIO or interrupt-register access; the host's answer *)
| Interrupts            (* virtual interrupt state, shared with the host *)
| HypercallArguments    (* PSCI function and target *)
| Donation              (* the content of a page when it is given to the VM *)
| BootState             (* vCPU 0's registers and the memory range, before the VM runs *)
| LifeCycle.            (* creation and destruction of the VM, of a vCPU, of a mapping *)

Inductive event :=
| EOwn (a : action)
(* to a protected VM *)
| ECreated
| EVcpu (i : Z) (there : bool)
| EBoot (base end_ : Z) (boot : list Z)
| EDonated (ipa : Z) (content : list Z) (w : bool)
| ETaken (ipa : Z)
| EDying
| EGone
| EAnswer (i : Z) (p : pending) (a : ask)
| EIrqState (i z : Z)
(* to the host *)
| EExit (v i : Z) (x : exit)
| EGic (v i z : Z).

Definition channel_of (e : event) : option channel :=
  match e with
  | EOwn _ => None
  | ECreated | EVcpu _ _ | ETaken _ | EDying | EGone => Some LifeCycle
  | EBoot _ _ _ => Some BootState
  | EDonated _ _ _ => Some Donation
  | EAnswer _ _ _ => Some MmioData
  | EIrqState _ _ | EGic _ _ _ => Some Interrupts
  | EExit _ _ x =>
      match x with
      | XSgi _ | XRead _ _ _ _ | XWrite _ _ _ _ => Some MmioData
      | XCpuOn _ | XCpuOff | XSystem _ => Some HypercallArguments
      | _ => Some ExitReason
      end
  end.

(* A protected VM, in this incarnation, exists. *)
Definition live (P : public) (v g : Z) : bool :=
  prot P v && (vgen (vm P v) =? g) && negb (state_is P v Free).

(* What a VM finds at an IPA page; the physical address is not its business. *)
Definition content (s : state) (v ipa : Z) : option (list Z * bool) :=
  match lookup (pub s) v ipa with Some e => Some (mem s (e_pg e), e_w e) | None => None end.

Record vm_same (v : Z) (s t : state) : Prop := mkvs {
  s_state : vstate (vm (pub s) v) = vstate (vm (pub t) v);
  s_base : vbase (vm (pub s) v) = vbase (vm (pub t) v);
  s_end : vend (vm (pub s) v) = vend (vm (pub t) v);
  s_content : forall ipa, content s v ipa = content t v ipa;
  s_exists : forall i, cexists (vc (pub s) v i) = cexists (vc (pub t) v i);
  s_power : forall i, cexists (vc (pub s) v i) = true -> cpower (vc (pub s) v i) = cpower (vc (pub t) v i);
  s_irq : forall i, cexists (vc (pub s) v i) = true -> cirq (vc (pub s) v i) = cirq (vc (pub t) v i);
  s_regs : forall i r, regs s v i r = regs t v i r
}.

(* Two states that a principal cannot tell apart. *)
Definition same (p : principal) (s t : state) : Prop :=
  match p with
  | PHost =>
      pub s = pub t /\
      (forall pg, owner (pub s) pg = 0 -> mem s pg = mem t pg) /\
      (forall v i r, prot (pub s) v = false -> regs s v i r = regs t v i r)
  | PVm v g =>
      live (pub s) v g = live (pub t) v g /\ (live (pub s) v g = true -> vm_same v s t)
  end.

Lemma vm_same_refl v s : vm_same v s s.
Proof. constructor; auto. Qed.
Lemma same_refl p s : same p s s.
Proof. destruct p; cbn [same]; auto using vm_same_refl. Qed.
Lemma vm_same_sym v s t : vm_same v s t -> vm_same v t s.
Proof.
  intros [A B C D E F G H]. constructor; auto; intros; symmetry; auto; [apply F|apply G]; rewrite E; auto.
Qed.
Lemma vm_same_trans v s t u : vm_same v s t -> vm_same v t u -> vm_same v s u.
Proof.
  intros [A B C D E F G H] [A1 B1 C1 D1 E1 F1 G1 H1]. constructor; intros; try congruence.
  - rewrite F by auto. apply F1. rewrite <- E. auto.
  - rewrite G by auto. apply G1. rewrite <- E. auto.
Qed.
Lemma same_trans p s t u : same p s t -> same p t u -> same p s u.
Proof.
  destruct p; cbn [same].
  - intros (A & B & C) (D & E & F). rewrite <- A in *. repeat split; [exact D|..]; intros.
    + rewrite B by assumption. auto.
    + rewrite C by assumption. auto.
  - intros (A & B) (C & D). split; [congruence|]. intros L. apply vm_same_trans with t; [auto|]. apply D. congruence.
Qed.
Lemma same_sym p s t : same p s t -> same p t s.
Proof.
  destruct p; cbn [same].
  - intros (A & B & C). rewrite <- A. repeat split; intros; symmetry; auto.
  - intros (A & B). split; [auto|]. intros L. apply vm_same_sym, B. congruence.
Qed.

Section Events.
Variable dram : Z -> bool.

(* What the host learns when a protected guest does something. *)
Definition guest_event (v i : Z) (n : instr) (s : state) : option event :=
  match runs (pub s) v i with
  | None => None
  | Some _ =>
      match instruction v i n s with
      | Exits x _ _ => Some (EExit v i x)
      | Goes _ => match n with IGic z => Some (EGic v i z) | _ => None end
      end
  end.

(* What a call of the host tells a protected VM. *)
Definition call_event (v : Z) (a : action) (s : state) : option event :=
  let P := pub s in
  if hosted P (cpu_of a) && ok dram P a then
    match a with
    | VcpuCreate _ w i _ _ => if w =? v then Some (EVcpu i true) else None
    | VcpuDestroy _ w i => if w =? v then Some (EVcpu i false) else None
    | Finalise _ w base end_ boot =>
        if w =? v then Some (EBoot base end_ [boot 0; boot 1; boot 2; boot 3; boot r_pc]) else None
    | DestroyBegin _ w => if w =? v then Some EDying else None
    | DestroyStep _ w ipa =>
        if (w =? v) && negb (is_none (lookup P v ipa)) then Some (ETaken ipa) else None
    | DestroyEnd _ w => if w =? v then Some EGone else None
    | Run _ w i a =>
        if w =? v then match a with ANone => None | _ => Some (EAnswer i (cpend (vc P w i)) a) end else None
    | _ => None
    end
  else None.

Definition vm_event (v g : Z) (a : action) (s : state) : option event :=
  let P := pub s in
  if live P v g then
    match a with
    | Guest w i n => if (w =? v) && negb (is_none (runs P w i)) then Some (EOwn a) else None
    | Inject w i z => if (w =? v) && cexists (vc P w i) then Some (EIrqState i z) else None
    | DonateMap c =>
        match in_transit P c with
        | Some t => if (e_vm (snd t) =? v) && mappable P (snd t)
                    then Some (EDonated (e_ipa (snd t)) (mem s (e_pg (snd t))) (e_w (snd t))) else None
        | None => None
        end
    | _ => call_event v a s
    end
  else
    match a with
    | VmCreate c w p =>
        if hosted P c && ok dram P a && (w =? v) && p && (vgen (vm P v) + 1 =? g) then Some ECreated else None
    | _ => None
    end.

(* The event of an action for a principal; None: it does not notice. *)
Definition event_of (p : principal) (a : action) (s : state) : option event :=
  match p with
  | PHost =>
      match a with
      | Guest v i n => if prot (pub s) v then guest_event v i n s
                       else if is_none (runs (pub s) v i) then None else Some (EOwn a)
      | _ => Some (EOwn a)
      end
  | PVm v g => vm_event v g a s
  end.
End Events.
