(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Who sees what, and every way in which something passes from one principal to another.  Principals: the host, with its
 * devices and its normal VMs (extensions of its authority), and each protected VM.
 *)
From KCore Require Export top.Mild.

Inductive principal := Host | Vm (v : Z).

(* Public record of a VM: state, type, memory range, pages that its guest gave the host to serve; which vCPUs exist, and their power. *)
Definition public : Type := Z * Z * Z * Z * list (Z * Z) * list (bool * Z).

(* All messages that a principal gets, and what it does itself.  Nothing else changes its view. *)
Inductive msg :=
(* to the host *)
| Own (a : act)                                (* the host, a device, a normal VM did this *)
| Exit (c : Z) (r : release)                   (* exit of a protected VM: what the register filter lets through *)
| Count (c id : Z)                             (* public bookkeeping: KCore finished an exit itself, and counted it *)
| Counted (c id : Z)                           (* public bookkeeping: a guest goes on as it was after a trap, and that was counted *)
| Asked (c : Z) (k : ask) (i : Z) (l : list Z)  (* a protected guest's call about a page; of one that it shares, the words *)
| Gave (c i : Z)                               (* a protected guest's call about a page outside of its memory *)
| Wrote (p o x : Z)                            (* a protected guest's store to a page that it shares *)
| FirstFp (c : Z)                              (* public bookkeeping: the guest used FP for the first time since the load *)
| Io (c : Z) (l : list Z)                      (* virtual GIC and timer of a protected vCPU, which the guest wrote *)
(* to a protected VM *)
| Did (w : Z) (op : gop)                       (* its own vCPU did this *)
| Told (w : Z) (op : gop) (l : list Z)         (* the same, and what the host had in it: a word of a shared page, a page taken back *)
| Life (book : public)                         (* a life-cycle call that names it: its public record afterwards *)
| Made (w : Z) (book : public)                 (* one of its vCPUs was created or destroyed: a fresh context *)
| Booted (w : Z) (regs : list Z) (book : public)   (* finalisation: x0..x3, pc, cntvoff *)
| Donated (i prot : Z) (words : list Z)        (* a page with its contents *)
| Answer (w pending esr flags value : Z) (l : list Z)  (* the host's answer to the last exit, and what it injects *)
| Loaded (w vmcr : Z) (l : list Z)       (* virtual GIC state at load, and VMCR of the CPU *)
| Timer (w cval ctl : Z).                      (* virtual timer, set by the host *)

Section Chan.
Context {cfg : config}.

(* ------------------------------------------------------------------ views *)

(* May the host read the FP registers of the CPU? *)
Definition fp_shared (s : pub) (c : Z) : bool := negb (u_fp (cpu s c)) || negb (protected s (vm_of (u_vcpu (cpu s c)))).

(* The host: all bookkeeping, its pages and what isn't DRAM, its registers, FP registers that aren't a protected VM's,
   virtual GICs and timers. *)
Record host_eq (s t : st) : Prop := {
  q_pub : P s = P t;
  q_mem : forall p o, host_ok (P s) p = true -> mem (D s) p o = mem (D t) p o;
  q_fp : forall c k, fp_shared (P s) c = true -> fpm (D s) c k = fpm (D t) c k;
  q_hreg : forall c k, hreg (D s) c k = hreg (D t) c k;
  q_io : forall w k, io (D s) w k = io (D t) w k
}.

(* The public record of a VM. *)
Definition exists_bit (s : pub) (w : Z) : bool := negb (c_state (vcpu s w) =? VCPU_FREE).
Definition book (s : pub) (v : Z) : public :=
  (life (vm s v), map (fun w => (exists_bit s w, c_power (vcpu s w))) (range (v * KCORE_VM_VCPUS) 16)).

(* A protected VM until its destruction begins: from then on nothing of it runs. *)
Definition live (s : pub) (v : Z) : bool := protected s v && negb (v_state (vm s v) =? VM_DYING).

(* A register of a protected vCPU, wherever it is. *)
Definition reg (s : st) (w k : Z) : Z :=
  let r := vcpu (P s) w in
  if inside k W_FP N_FP && (c_state r =? VCPU_LOADED) && u_fp (cpu (P s) (c_cpu r)) then fpm (D s) (c_cpu r) k else ctx (D s) w k.

(* The same rights behind an IPA; both pages shared, or neither, and then the same contents. *)
Definition own (s : pub) (v p : Z) : bool := owner s p =? v.
Definition same_page (s t : st) (v i : Z) : Prop :=
  match walk (P s) v i, walk (P t) v i with
  | Some (p, r), Some (q, r') => r = r' /\ own (P s) v p = own (P t) v q /\
      (own (P s) v p = true -> forall o, 0 <= o < 512 -> mem (D s) p o = mem (D t) q o)
  | None, None => True
  | _, _ => False
  end.

(* A protected VM: its record, its memory by IPA, the registers of its vCPUs, their virtual GIC and timer. *)
Record vm_eq (v : Z) (s t : st) : Prop := {
  e_book : book (P s) v = book (P t) v;
  e_page : live (P s) v = true -> forall i, same_page s t v i;
  e_reg : live (P s) v = true -> forall w, vm_of w = v -> exists_bit (P s) w = true -> forall k, reg s w k = reg t w k;
  e_io : live (P s) v = true -> forall w, vm_of w = v -> exists_bit (P s) w = true -> forall k, io (D s) w k = io (D t) w k
}.

Definition eq_for (p : principal) (s t : st) : Prop :=
  match p with Host => host_eq s t | Vm v => vm_eq v s t end.

(* ------------------------------------------------------------------ channels *)

Definition words (d : data) (p : Z) : list Z := values (mem d p) 0 512.

(* What docs/registers.md lets pass at an exit of a protected VM. *)
Definition allowed (s : st) (w esr far hpfar : Z) : release :=
  exit_filter (v_base (vm (P s) (vm_of w))) (v_end (vm (P s) (vm_of w))) esr far hpfar (greg s w).

(* The words of the page behind an IPA. *)
Definition words_at (s : st) (v i : Z) : list Z := match leaf_over (P s) v i with Some l => words (D s) (l_page l) | None => [] end.

(* What the host gets of an action. *)
Definition to_host (a : act) (s : st) : option msg :=
  match a with
  | G c op =>
      let w := u_vcpu (cpu (P s) c) in
      if negb (u_run (cpu (P s) c)) then None else
      if negb (protected (P s) (vm_of w)) then Some (Own a) else
      match op with
      | OFp _ => if u_fp (cpu (P s) c) then None else Some (FirstFp c)
      | OIo _ => Some (Io c (io_values (D (guest_step c w op s)) w))
      | OLocal id _ => Some (Count c id)
      | OHvc _ => match guest_hvc w (sibling (P s) w) (greg s w) with
                | HvcLocal _ => Some (Count c KCORE_STAT_exit_hvc)
                | HvcTell rel _ _ => Some (Exit c rel)
                end
      | OMem k i _ =>
          let v := vm_of w in
          if in_memory (P s) v i then
            match mem_call v k i (P s) with
            | None => Some (Exit c (mem_fault i))
            | Some _ => Some (Asked c k i (match k with Share => words_at s v i | _ => [] end))
            end
          else None
      | OStore a x =>
          match reach (P s) (vm_of w) (a (guest_values s w)) writable with
          | Some (p, o) => if host_ok (P s) p then Some (Wrote p o (x (guest_values s w))) else None
          | None => None
          end
      | OGuard i => Some (Gave c i)
      | OCount id => Some (Counted c id)
      | OExit esr far hpfar =>
          if exits_to_host esr && negb (hidden (P s) (vm_of w) esr hpfar) then Some (Exit c (allowed s w esr far hpfar)) else None
      | OSet _ | OLoad _ _ | OHostFp _ => None
      end
  | _ => Some (Own a)
  end.

(* The VM that a life-cycle call names. *)
Definition names (r : request) (s : pub) : Z :=
  match r with
  | RCreate type => match find_free s with Some v => v | None => 0 end
  | RFinalise v _ _ _ | RStart v _ | RBegin v | REnd v | RVcpuCreate v _ _ => v
  | RVcpuDestroy w => vm_of w
  | _ => 0
  end.

Definition boot_regs (d : data) (pg : Z) : list Z := map (mem d pg) [0; 1; 2; 3; W_PC; W_CNTVOFF].
Definition page_io (d : data) (pg : Z) : list Z := values (mem d pg) W_IO 45.

Definition call_to_vm (v c : Z) (r : request) (s : st) : option msg :=
  let o := hcall c r (P s) in
  match o_eff o with
  | Boot w pg :: _ => if vm_of w =? v then Some (Booted w (boot_regs (D s) pg) (book (o_pub o) v)) else None
  | Reset w :: _ => if vm_of w =? v then Some (Made w (book (o_pub o) v)) else None
  | VgicLoad d w pg :: _ => if vm_of w =? v then Some (Loaded w (hreg (D s) d R_VMCR) (page_io (D s) pg)) else None
  | _ => if names r (P s) =? v then Some (Life (book (o_pub o) v)) else None
  end.

(* What a protected VM gets of an action. *)
Definition to_vm (v : Z) (a : act) (s : st) : option msg :=
  match a with
  | G c op =>
      let w := u_vcpu (cpu (P s) c) in
      if u_run (cpu (P s) c) && (vm_of w =? v) && protected (P s) v then
        match op with
        | OFp _ => if u_fp (cpu (P s) c) then Some (Did w op) else None
        | OLoad a _ =>
            match reach (P s) v (a (guest_values s w)) readable with
            | Some (p, o) => Some (if own (P s) v p then Did w op else Told w op [mem (D s) p o])
            | None => None
            end
        | OStore a _ => if reach (P s) v (a (guest_values s w)) writable then Some (Did w op) else None
        | OExit esr _ hpfar => if exits_to_host esr && negb (hidden (P s) v esr hpfar) then Some (Did w op) else None
        | OMem k i _ =>
            if in_memory (P s) v i then
              match k, mem_call v k i (P s) with
              | Unshare, Some (ok, _, _) => Some (Told w op (if ok then 1 :: words_at s v i else []))
              | _, _ => Some (Did w op)
              end
            else None
        | OCount _ | OHostFp _ => None
        | _ => Some (Did w op)
        end
      else None
  | HCall c r => if idle (P s) c then call_to_vm v c r s else None
  | HGo c =>
      if u_run (cpu (P s) c) then None else
      match u_call (cpu (P s) c) with
      | CDonate u i p =>
          if (u =? v) && negb (existsb (fun e => match e with Scrub _ => true | _ => false end) (o_eff (hgo c (P s))))
          then Some (Donated i 7 (words (D s) p)) else None
      | _ => None
      end
  | HRun c w =>
      let r := vcpu (P s) w in
      let flags := run_flags s w in
      if idle (P s) c && (vm_of w =? v) && protected (P s) v && (fst (fst (vcpu_run c w flags (P s))) =? 0)
      then Some (Answer w (c_pending r) (c_esr r) flags (run_value s w) (page_io (D s) (c_page r))) else None
  | HTimer c cval ctl =>
      let w := u_vcpu (cpu (P s) c) in
      if idle (P s) c && negb (w =? NO_VCPU) && (vm_of w =? v) then Some (Timer w cval ctl) else None
  | _ => None
  end.

Definition chan (p : principal) (a : act) (s : st) : option msg :=
  match p with Host => to_host a s | Vm v => to_vm v a s end.

(* All that a principal gets in a run, in order. *)
Fixpoint events (p : principal) (l : list act) (s : st) : list msg :=
  match l with
  | [] => []
  | a :: l =>
      match step a s with
      | Ok t => match chan p a s with Some m => m :: events p l t | None => events p l t end
      | _ => []
      end
  end.

(* ------------------------------------------------------------------ pointwise equal functions *)

Lemma values_ext f g lo n : (forall k, lo <= k < lo + Z.of_nat n -> f k = g k) -> values f lo n = values g lo n.
Proof. intros E. apply map_ext_in. intros k K. apply range_in in K. auto. Qed.
Lemma values_eq f g lo n : values f lo n = values g lo n -> forall k, lo <= k < lo + Z.of_nat n -> f k = g k.
Proof. intros E k K. apply (ext_in_map E). now apply range_in. Qed.
Lemma writes_ext lo n l f g k : f k = g k -> writes lo n l f k = writes lo n l g k.
Proof.
  revert f g. unfold writes. induction l as [|[j x] l IH]; intros f g E; cbn; auto.
  apply IH. destruct (inside j lo n); auto. unfold upd. destruct (k =? j); auto.
Qed.
Lemma writes_outside lo n l f k : inside k lo n = false -> writes lo n l f k = f k.
Proof.
  revert f. unfold writes. induction l as [|[j x] l IH]; intros f E; cbn; auto.
  rewrite IH by auto. destruct (inside j lo n) eqn:F; auto. unfold upd. destruct (Z.eqb_spec k j); auto. congruence.
Qed.

(* What is loaded depends on the words of the page that are. *)
Definition same_io (m n : Z -> Z) : Prop := forall k, W_IO <= k < W_IO + 45 -> m k = n k.
Lemma nr_aprs_range : 1 <= nr_aprs <= 4.
Proof. unfold nr_aprs. destruct (_ <=? _); [lia|]. destruct (_ <=? _); lia. Qed.
Lemma is_apr_range k : is_apr k = true -> W_AP0R <= k < W_AP0R + 8.
Proof.
  pose proof nr_aprs_range. unfold is_apr, W_AP0R, W_AP1R. rewrite orb_true_iff, !inside_spec. lia.
Qed.
Lemma vgic_loaded_ext m n left x y k : same_io m n -> x k = y k -> vgic_loaded m left x k = vgic_loaded n left y k.
Proof.
  intros S E. unfold vgic_loaded. rewrite (S W_SRE) by (unfold W_IO, W_SRE; lia). destruct (negb gicv3); auto.
  destruct (Z.eqb_spec k W_VMCR) as [->|_]; [rewrite S by (unfold W_IO, W_VMCR; lia); auto|]. destruct (is_apr k) eqn:C; auto.
  apply is_apr_range in C. rewrite S; auto. unfold W_IO, W_AP0R in *. lia.
Qed.
Lemma io_loaded_ext b m n x y k : same_io m n -> x k = y k -> io_loaded b m x k = io_loaded b n y k.
Proof.
  intros S E. unfold io_loaded. rewrite (S W_SRE), (S W_USED) by (unfold W_IO, W_SRE, W_USED; lia). set (used := Z.min (n W_USED) nr_lrs).
  destruct (Z.eqb_spec k W_IO) as [->|_]; [rewrite S by (unfold W_IO; lia); auto|].
  destruct (Z.eqb_spec k W_VSESR) as [->|_]; [apply S; unfold W_IO, W_VSESR; lia|].
  destruct (inside k W_A32 N_A32) eqn:A; [apply inside_spec in A; apply S; unfold W_A32, N_A32, W_IO in *; lia|]. destruct (negb gicv3); auto.
  destruct (Z.eqb_spec k W_HCR) as [->|_]; [rewrite E, S by (unfold W_IO, W_HCR; lia); auto|].
  destruct (Z.eqb_spec k W_VMCR) as [->|_]; [rewrite E, S by (unfold W_IO, W_VMCR; lia); auto|].
  destruct (k =? W_SRE); auto. destruct (k =? W_USED); auto. destruct (inside k W_LR _) eqn:C; auto.
  apply inside_spec in C. apply S. unfold W_IO, W_LR in *. lia.
Qed.
Lemma vgic_saved_ext m n x y k : m W_SRE = n W_SRE -> m k = n k -> x k = y k -> vgic_saved m x k = vgic_saved n y k.
Proof. intros S M E. unfold vgic_saved. rewrite S. destruct (gicv3 && _); auto. Qed.
Lemma io_saved_ext b m n x y k : m k = n k -> (forall j, x j = y j) -> io_saved b m x k = io_saved b n y k.
Proof. intros M E. unfold io_saved. rewrite M, !E. reflexivity. Qed.
End Chan.
