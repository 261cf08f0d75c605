(* SPDX-License-Identifier: GPL-2.0-only *)
(* The machine computes: a small one, runs of it, what is allowed and what is denied. *)
From KCore Require Export top.Ni.

(* 32 pages of DRAM from 0, the first two KCore's; page 40 is a device, page 41 denied. *)
Definition small (b : check -> bool) : config := {|
  region p := if (0 <=? p) && (p <? 32) then 0 else -1;
  denied p := p =? 41;
  core p := (0 <=? p) && (p <? 2);
  pool := 64; reserve := 4; installed_core := 2; info _ _ := 0; gicv3 := true; aarch32 := true; ras := true; broken := b |}.

Section Runs.
Context {cfg : config}.
Definition zero : data := mkdata (fun _ _ => 0) (fun _ _ => 0) (fun _ _ => 0) (fun _ _ => 0) (fun _ _ => 0).
Definition start : st := boot zero.
(* The end of a run, if it has one. *)
Definition fine (l : list act) : bool := match run l start with Ok _ => true | _ => false end.
Definition final (l : list act) : st := match run l start with Ok s => s | _ => start end.
Lemma run_final l : fine l = true -> run l start = Ok (final l).
Proof. unfold fine, final. destruct (run l start); congruence. Qed.
Definition x0 (l : list act) (c : Z) : Z := hreg (D (final l)) c 0.
End Runs.

Definition at_page (p : Z) : Z := p * 4096.
(* VM 1, protected, with vCPU 16 whose shared page is 5; its memory begins at 0; page 6 at IPA 0; vCPU 16 runs on CPU 0. *)
Definition first_vm : list act :=
  [HCall 0 (RCreate KCORE_VM_PROTECTED); HCall 0 (RVcpuCreate 1 0 (at_page 5)); HCall 0 (RFinalise 1 0 65536 false)].
Definition donate (v i p : Z) : list act := [HCall 0 (RDonate v (at_page i) (at_page p)); HGo 0].
Definition enter (c w : Z) : list act := [HCall c (RLoad w); HRun c w].
Definition running : list act := first_vm ++ donate 1 0 6 ++ enter 0 16.
Definition store (c a x : Z) : act := G c (OStore (fun _ => a) (fun _ => x)).
Definition load (c a dst : Z) : act := G c (OLoad (fun _ => a) dst).
(* Interrupt, put, and the first steps of its end: page 6 goes back. *)
Definition ending : list act := [HIrq 0 1; HCall 0 RPut; HCall 0 (RBegin 1); HCall 0 (RStep 1); HGo 0].

Definition real : config := small (fun _ => false).
#[export] Existing Instance real.

Example real_sound : sound.
Proof. intros k. reflexivity. Qed.

(* The calls answer as abi.h says. *)
Example create_gives_1 : x0 [HCall 0 (RCreate KCORE_VM_PROTECTED)] 0 = 1.
Proof. vm_compute. reflexivity. Qed.
Example create_bad_type : x0 [HCall 0 (RCreate 2)] 0 = KCORE_EINVAL.
Proof. vm_compute. reflexivity. Qed.
Example donate_maps : walk (P (final running)) 1 0 = Some (6, 7).
Proof. vm_compute. reflexivity. Qed.
Example donate_core_page : x0 (first_vm ++ [HCall 0 (RDonate 1 0 (at_page 1))]) 0 = KCORE_EPERM.
Proof. vm_compute. reflexivity. Qed.
Example donate_twice : x0 (first_vm ++ donate 1 0 6 ++ [HCall 0 (RDonate 1 4096 (at_page 6))]) 0 = KCORE_EPERM.
Proof. vm_compute. reflexivity. Qed.
Example donate_shared_page : x0 (first_vm ++ [HCall 0 (RDonate 1 0 (at_page 5))]) 0 = KCORE_EBUSY.
Proof. vm_compute. reflexivity. Qed.
Example begin_while_loaded : x0 (running ++ [HIrq 0 1; HCall 0 (RBegin 1)]) 0 = KCORE_EBUSY.
Proof. vm_compute. reflexivity. Qed.

(* The host reads a page that its stage 2 has not yet. *)
Definition fault (p : Z) : act := HAbort 0 (at_page p) 0x92000007.

(* What the host reads: the log, with the clock's time; VMCR of the vCPU that is loaded, as it was in the page then. *)
Definition poke (p o x : Z) : list act := [fault p; HStore 0 (fun _ => at_page p + o * 8) (fun _ => x)].
Example info_unknown : x0 [HCall 0 (RInfo KCORE_INFO_NR)] 0 = KCORE_EINVAL.
Proof. vm_compute. reflexivity. Qed.
Example log_first : let l := [HCall 0 (RCreate KCORE_VM_PROTECTED); HCall 0 (RLog 0 7)] in
  x0 l 0 = 0 /\ values (hreg (D (final l)) 0) 1 4 = [LOG_VM_CREATE; 1; KCORE_VM_PROTECTED; 7].
Proof. vm_compute. auto. Qed.
Example log_not_yet : x0 [HCall 0 (RLog 0 7)] 0 = KCORE_EAGAIN.
Proof. vm_compute. reflexivity. Qed.
Example vmcr_unloaded : x0 [HCall 0 RVmcr] 0 = KCORE_ESTATE.
Proof. vm_compute. reflexivity. Qed.
Example vmcr_loaded : x0 (first_vm ++ poke 5 W_SRE 1 ++ poke 5 W_VMCR 77 ++ [HCall 0 (RLoad 16)] ++ poke 5 W_VMCR 78 ++ [HCall 0 RVmcr]) 0 = 77.
Proof. vm_compute. reflexivity. Qed.

(* A store of the guest is in its page; the host can map another page, not this one. *)
Example guest_stores : mem (D (final (running ++ [store 0 8 77]))) 6 1 = 77.
Proof. vm_compute. reflexivity. Qed.
Example host_fills_its_own : walk (P (final [fault 9])) HOST 9 = Some (9, 7).
Proof. vm_compute. reflexivity. Qed.
Example host_denied_the_vms : walk (P (final (running ++ [HIrq 0 1; fault 6]))) HOST 6 = None.
Proof. vm_compute. reflexivity. Qed.
Example host_denied_the_core : walk (P (final [fault 1])) HOST 1 = None.
Proof. vm_compute. reflexivity. Qed.
Example host_denied_gich : walk (P (final [fault 41])) HOST 41 = None.
Proof. vm_compute. reflexivity. Qed.

(* The page that comes back is zero, and the host can map it. *)
Example page_comes_back :
  let s := final (running ++ [store 0 0 77] ++ ending ++ [fault 6]) in
  mem (D s) 6 0 = 0 /\ walk (P s) HOST 6 = None /\ owner (P s) 6 = OWNER_HOST.
Proof. vm_compute. auto. Qed.

(* A page that the guest shares: the host maps and reads it, can't donate it, and loses it when it is taken back; one that is given up is zero. *)
Definition ask_page (k : ask) (i : Z) : act := G 0 (OMem k i 0).
Definition sharing : list act := running ++ [store 0 8 77; ask_page Share 0].
Example share_shows :
  let s := final (sharing ++ [HIrq 0 1; fault 6; HLoad 0 (fun _ => at_page 6 + 8) 3]) in
  hreg (D s) 0 3 = 77 /\ owner (P s) 6 = OWNER_HOST /\ maps (P s) 6 = 1 /\ walk (P s) 1 0 = Some (6, 7) /\ ctx (D s) 16 0 = 0.
Proof. vm_compute. auto 10. Qed.
Example share_tells : events Host (sharing ++ [store 0 16 5]) start <> events Host (running ++ [store 0 8 78; ask_page Share 0; store 0 16 5]) start.
Proof. vm_compute. congruence. Qed.
Example shared_not_donated : x0 (sharing ++ [HIrq 0 1; HCall 0 (RDonate 1 4096 (at_page 6))]) 0 = KCORE_EBUSY.
Proof. vm_compute. reflexivity. Qed.
Example unshare_hides :
  let s := final (sharing ++ [HIrq 0 1; fault 6; HRun 0 16; ask_page Unshare 0]) in
  walk (P s) HOST 6 = None /\ owner (P s) 6 = 1 /\ maps (P s) 6 = 0 /\ mem (D s) 6 1 = 77 /\ ctx (D s) 16 0 = 0.
Proof. vm_compute. auto 10. Qed.
Example unshare_of_its_own : ctx (D (final (running ++ [ask_page Unshare 0]))) 16 0 = SMCCC_INVALID.
Proof. vm_compute. reflexivity. Qed.
Example relinquish_scrubs :
  let s := final (running ++ [store 0 8 77; ask_page Relinquish 0]) in
  walk (P s) 1 0 = None /\ owner (P s) 6 = OWNER_HOST /\ mem (D s) 6 1 = 0 /\ v_pages (vm (P s) 1) = 0.
Proof. vm_compute. auto 10. Qed.
(* A page that isn't there yet: the host sees a fault of it; the guest's PC is that of the call. *)
Example share_faults :
  let s := final (running ++ [G 0 (OSet (fun _ => [(W_PC, 0x1004)])); ask_page Share 3]) in
  u_run (cpu (P s) 0) = false /\ mem (D s) 5 W_EXIT = 0x92000007 /\ mem (D s) 5 (W_EXIT + 2) = 0x30 /\ ctx (D s) 16 W_PC = 0x1000.
Proof. vm_compute. auto 10. Qed.
(* A VM that ends with a shared page: it is the host's, as it is; nothing is left. *)
Example shared_at_the_end :
  let s := final (sharing ++ ending) in owner (P s) 6 = OWNER_HOST /\ maps (P s) 6 = 0 /\ mem (D s) 6 1 = 77 /\ v_pages (vm (P s) 1) = 0.
Proof. vm_compute. auto 10. Qed.

(* WFI shows no register; MMIO of one register shows that one, cut to its size. *)
Definition set_x7 (x : Z) : act := G 0 (OSet (fun _ => [(7, x)])).
Definition wfi : act := G 0 (OExit 0x06000000 0 0).
Definition mmio_store_byte_x7 : act := G 0 (OExit 0x93070046 0x1234 0x900).   (* DABT, ISV, byte, x7, WnR; IPA outside *)
Example wfi_hides : mem (D (final (running ++ [set_x7 0x1ff; wfi]))) 5 7 = 0.
Proof. vm_compute. reflexivity. Qed.
Example mmio_shows_a_byte :
  let s := final (running ++ [set_x7 0x1ff; mmio_store_byte_x7]) in
  mem (D s) 5 7 = 0xff /\ mem (D s) 5 (W_EXIT + 1) = 0x234 /\ c_pending (vcpu (P s) 16) = PENDING_MMIO_WRITE.
Proof. vm_compute. auto. Qed.
(* A fault inside of the memory shows the page, not the offset nor the register. *)
Example fault_shows_the_page :
  let s := final (running ++ [set_x7 0x1ff; G 0 (OExit 0x93070046 0x1234 0x30)]) in
  mem (D s) 5 7 = 0 /\ mem (D s) 5 (W_EXIT + 1) = 0 /\ mem (D s) 5 (W_EXIT + 2) = 0x30.
Proof. vm_compute. auto. Qed.

(* The guest's CPU_ON tells the host; without a second vCPU it is refused and the host learns only that something was counted. *)
Definition psci_cpu_on (target : Z) : list act :=
  [G 0 (OSet (fun _ => [(0, 0xc4000003); (1, target); (2, 0x1000); (3, 5)])); G 0 (OHvc 0)].
Example cpu_on_nobody : let s := final (running ++ psci_cpu_on 1) in
  ctx (D s) 16 0 = PSCI_INVALID /\ u_run (cpu (P s) 0) = true.
Proof. vm_compute. auto. Qed.
Example cpu_on_told :
  let s := final ([HCall 0 (RCreate KCORE_VM_PROTECTED); HCall 0 (RVcpuCreate 1 0 (at_page 5)); HCall 0 (RVcpuCreate 1 1 (at_page 8));
                   HCall 0 (RFinalise 1 0 65536 false)] ++ enter 0 16 ++ psci_cpu_on 1) in
  c_power (vcpu (P s) 17) = POWER_BOOT /\ mem (D s) 5 1 = 1 /\ mem (D s) 5 2 = 0 /\ ctx (D s) 17 (W_KEPT + 1) = 0x1000.
Proof. vm_compute. auto. Qed.

(* The messages to the host of a run with a secret are those of a run with another. *)
Definition secret_run (x : Z) : list act := running ++ [store 0 0 x; set_x7 x] ++ ending.
Example same_messages : events Host (secret_run 1) start = events Host (secret_run 2) start.
Proof. vm_compute. reflexivity. Qed.
