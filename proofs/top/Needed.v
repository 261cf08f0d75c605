(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Each check is needed: the machine with one of them left out, and nothing else changed, isn't noninterfering; or, for the check of
 * the host's answers, lets an answer through that the last exit doesn't allow.  Each by a run that computes.
 *)
From KCore Require Import top.Examples.

Definition without (k : check) : config :=
  small (fun j => match j, k with
                  | CheckOwner, CheckOwner | CheckMaps, CheckMaps | CheckScrub, CheckScrub | CheckExit, CheckExit
                  | CheckEnter, CheckEnter | CheckFp, CheckFp | CheckUnshare, CheckUnshare | CheckHostFp, CheckHostFp => true | _, _ => false end).

(* Two runs from boot with the same messages to the host, that end with a different word in a page of the host's. *)
Lemma host_sees k la lb p o : @fine (without k) la = true -> @fine (without k) lb = true ->
  @events (without k) Host la (@start (without k)) = @events (without k) Host lb (@start (without k)) ->
  @host_ok (without k) (P (@final (without k) la)) p = true ->
  mem (D (@final (without k) la)) p o <> mem (D (@final (without k) lb)) p o -> ~ @noninterfering (without k).
Proof.
  intros A B E H N X.
  pose proof (X Host la lb zero zero _ _ Logic.I (eq_for_refl Host _) (@run_final (without k) la A) (@run_final (without k) lb B) E) as Y.
  apply N. exact (q_mem _ _ Y p o H).
Qed.

Lemma host_sees_fp k la lb c n : @fine (without k) la = true -> @fine (without k) lb = true ->
  @events (without k) Host la (@start (without k)) = @events (without k) Host lb (@start (without k)) ->
  fp_shared (P (@final (without k) la)) c = true ->
  fpm (D (@final (without k) la)) c n <> fpm (D (@final (without k) lb)) c n -> ~ @noninterfering (without k).
Proof.
  intros A B E H N X.
  pose proof (X Host la lb zero zero _ _ Logic.I (eq_for_refl Host _) (@run_final (without k) la A) (@run_final (without k) lb B) E) as Y.
  apply N. exact (q_fp _ _ Y c n H).
Qed.
(* The same for a protected VM and a page of its memory, which is its own in one of them only. *)
Lemma vm_loses k la lb v i p q r : is_vm v -> @fine (without k) la = true -> @fine (without k) lb = true ->
  @events (without k) (Vm v) la (@start (without k)) = @events (without k) (Vm v) lb (@start (without k)) ->
  live (P (@final (without k) la)) v = true ->
  walk (P (@final (without k) la)) v i = Some (p, r) -> walk (P (@final (without k) lb)) v i = Some (q, r) ->
  own (P (@final (without k) la)) v p <> own (P (@final (without k) lb)) v q -> ~ @noninterfering (without k).
Proof.
  intros V A B E L W1 W2 N X.
  pose proof (X (Vm v) la lb zero zero _ _ V (eq_for_refl (Vm v) _) (@run_final (without k) la A) (@run_final (without k) lb B) E) as Y.
  pose proof (e_page _ _ _ Y L i) as Z. unfold same_page in Z. rewrite W1, W2 in Z. destruct Z as (_ & Z & _). apply N, Z.
Qed.

(* No scrub on the way back: the host reads what the VM wrote. *)
Theorem scrub_needed : ~ @noninterfering (without CheckScrub).
Proof. apply (host_sees CheckScrub (secret_run 1) (secret_run 2) 6 0); [vm_compute; reflexivity ..|vm_compute; congruence]. Qed.

(* No filter at an exit: WFI shows x7. *)
Definition show_x7 (x : Z) : list act := running ++ [set_x7 x; wfi].
Theorem exit_filter_needed : ~ @noninterfering (without CheckExit).
Proof. apply (host_sees CheckExit (show_x7 1) (show_x7 2) 5 7); [vm_compute; reflexivity ..|vm_compute; congruence]. Qed.

(* No look at who else maps the page: a normal VM maps page 6, then it is donated, and the normal VM reads the secret. *)
Definition second_normal : list act :=
  [HCall 0 (RCreate KCORE_VM_NORMAL); HCall 0 (RVcpuCreate 2 0 (at_page 7)); HCall 0 (RFinalise 2 0 0 false);
   HCall 0 (RMap 2 0 (at_page 6) 4096 7); HGo 0].
Definition peek (x : Z) : list act :=
  first_vm ++ second_normal ++ donate 1 0 6 ++ enter 0 16 ++ enter 1 32 ++ [store 0 0 x; load 1 0 3].
Theorem maps_check_needed : ~ @noninterfering (without CheckMaps).
Proof. apply (host_sees CheckMaps (peek 1) (peek 2) 7 3); [vm_compute; reflexivity ..|vm_compute; congruence]. Qed.
Example maps_check_helps : mem (D (final (peek 1))) 7 3 = mem (D (final (peek 2))) 7 3.
Proof. vm_compute. reflexivity. Qed.

(* No look at who else maps a page that is taken back: a normal VM maps what the guest shared, and reads what it writes there later. *)
Definition shared_with (x : Z) : list act :=
  first_vm ++ firstn 3 second_normal ++ donate 1 0 6 ++ enter 0 16 ++ [G 0 (OMem Share 0 0); HCall 1 (RMap 2 0 (at_page 6) 4096 7); HGo 1] ++
  enter 1 32 ++ [G 0 (OMem Unshare 0 0); store 0 0 x; load 1 0 3].
Theorem unshare_check_needed : ~ @noninterfering (without CheckUnshare).
Proof. apply (host_sees CheckUnshare (shared_with 1) (shared_with 2) 7 3); [vm_compute; reflexivity ..|vm_compute; congruence]. Qed.
Example unshare_check_helps : let s := final (shared_with 1) in ctx (D s) 16 0 = SMCCC_INVALID /\ owner (P s) 6 = OWNER_HOST /\ maps (P s) 6 = 2.
Proof. vm_compute. auto. Qed.

(* FP registers given up but not saved and cleared: the host reads the guest's. *)
Definition fp_secret (x : Z) : list act :=
  running ++ [G 0 (OFp (fun _ => [])); G 0 (OFp (fun _ => [(W_FP + 2, x)])); HIrq 0 1; HFp 0 (fun _ => [])].
Theorem fp_clear_needed : ~ @noninterfering (without CheckFp).
Proof. apply (host_sees_fp CheckFp (fp_secret 1) (fp_secret 2) 0 108); [vm_compute; reflexivity ..|vm_compute; congruence]. Qed.

(* FP registers of the host's for a protected guest too: it leaves there what the host reads. *)
Definition fp_shown (x : Z) : list act := running ++ [set_x7 x; G 0 (OHostFp (fun l => [(W_FP + 2, nth 7 l 0)])); HIrq 0 1].
Theorem host_fp_check_needed : ~ @noninterfering (without CheckHostFp).
Proof. apply (host_sees_fp CheckHostFp (fp_shown 1) (fp_shown 2) 0 108); [vm_compute; reflexivity ..|vm_compute; congruence]. Qed.
Example host_fp_check_helps : fpm (D (final (fp_shown 1))) 0 108 = fpm (D (final (fp_shown 2))) 0 108.
Proof. vm_compute. reflexivity. Qed.

(* No look at the owner: the host donates VM 1's page to VM 2, which writes to it.  VM 1 got no message, and the page isn't its own any more. *)
Definition second_vm : list act :=
  [HCall 0 (RCreate KCORE_VM_PROTECTED); HCall 0 (RVcpuCreate 2 0 (at_page 7)); HCall 0 (RFinalise 2 0 65536 false)].
Definition quiet_run : list act := first_vm ++ donate 1 0 6.
Definition stolen : list act := quiet_run ++ second_vm ++ donate 2 0 6 ++ enter 1 32 ++ [store 1 0 99].
Theorem owner_check_needed : ~ @noninterfering (without CheckOwner).
Proof.
  apply (vm_loses CheckOwner stolen quiet_run 1 0 6 6 7); [unfold is_vm, KCORE_NR_VMS; lia|vm_compute; reflexivity ..|vm_compute; congruence].
Qed.
Example owner_check_helps : mem (D (final stolen)) 6 0 = 0 /\ x0 (quiet_run ++ second_vm ++ donate 2 0 6) 0 = KCORE_EPERM.
Proof. vm_compute. auto. Qed.

(* No look at the answer: after an interrupt, which allows none, the host throws an exception into the guest. *)
Definition forged : list act :=
  running ++ [HIrq 0 1; fault 5; HStore 0 (fun _ => at_page 5 + 8 * W_FLAGS) (fun _ => KCORE_ENTER_UNDEF)].
Theorem answer_check_needed : exists pending esr flags value l,
  @to_vm (without CheckEnter) 1 (HRun 0 16) (@final (without CheckEnter) forged) = Some (Answer 16 pending esr flags value l) /\
  enter_allowed pending esr flags = false.
Proof. do 5 eexists. split; [vm_compute; reflexivity|]. vm_compute. reflexivity. Qed.
Example answer_check_helps : x0 (forged ++ [HRun 0 16]) 0 = KCORE_EPERM.
Proof. vm_compute. reflexivity. Qed.
