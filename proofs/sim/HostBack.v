(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The world switch, seen from the host: from the entry of a guest to the exit at which the host goes on, KCore keeps the host's EL1 registers, and
 * gives them back as they were.  So nothing of a guest's EL1 registers is in the CPU then.  The top machine does not have them.
 *)
From KCore Require Import top.HostStep top.InvShare top.VmMem.
From KCore Require Import code.Common code.Context code.Regs code.Release code.Cpu code.Gpsci code.GuestHvc code.GuestSysreg code.Run code.Frame
  code.RunControls code.RunEnter code.RunExit code.RunReturn code.RunAsync code.GuestExit code.Idreg code.Vendor top.InvOwn.
From KCore Require Import top.Chan.
From KCore Require Export sim.NiCode sim.ShareWords.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Memory that is neither in vCPU v's context nor in its page. *)
Definition beside (v : Z) (s : state) (x : Z) : Prop :=
  forall o, 0 <= o < 512 -> x <> cell s "vcpu_context" v + o * 8 /\ x <> cell s "vcpu_page" v + o * 8.
Definition host_names : list string := ["host_context"; "host_hcr"; "host_vmpidr"; "host_cptr"; "host_mdcr"; "host_cnthctl"].
(* On the way through an exit of v's. *)
Record stays (v : Z) (s u : state) : Prop := {
  y_frame : Frame.frame s u;
  y_reg : forall n i, In n host_names -> Base.reg u n i = Base.reg s n i;
  y_word : forall x, beside v s x -> word u x = word s x
}.
Lemma stays_refl v s : stays v s s.
Proof. constructor; auto. apply Frame.frame_refl. Qed.
Lemma stays_trans v s t u : stays v s t -> stays v t u -> stays v s u.
Proof.
  intros [F R W] [F' R' W']. constructor; [exact (Frame.frame_trans _ _ _ F F')|intros n i N; rewrite R', R by exact N; reflexivity|].
  intros x X. rewrite W'; [apply W, X|]. destruct F as (E1 & E2 & _). unfold beside in *. rewrite E1, E2. exact X.
Qed.
Ltac host_regs_ := let n := fresh "n" in let i := fresh "i" in let H := fresh "H" in
  intros n i H; cbn [In host_names] in H; repeat (destruct H as [<-|H]; [reflexivity|]); destruct H.
Ltac stays_ := constructor; [repeat split|host_regs_|reflexivity].

Lemma stays_context v l s : Forall (fun p => 0 <= fst p < 512) l -> stays v s (put_words (cell s "vcpu_context" v) l s).
Proof. intros F. constructor; [repeat split|reflexivity|]. intros x X. apply (put_words_other _ 512); auto. intros o O. apply (X o O). Qed.
Lemma stays_page v l s : Forall (fun p => 0 <= fst p < 512) l -> stays v s (put_words (cell s "vcpu_page" v) l s).
Proof. intros F. constructor; [repeat split|reflexivity|]. intros x X. apply (put_words_other _ 512); auto. intros o O. apply (X o O). Qed.
Lemma stays_live v l s : Forall (fun p => 0 <= fst p < 512) l -> stays v s (put_live (cell s "vcpu_context" v) l s).
Proof.
  intros F. constructor; [repeat split| |].
  - intros n i N. apply put_live_reg. cbn [In host_names] in N. repeat (destruct N as [<-|N]; [reflexivity|]). destruct N.
  - intros x X. apply (put_live_other _ 512); auto. intros o O. apply (X o O).
Qed.
Lemma narrow n l : n <= 512 -> Forall (fun p : Z * Z => 0 <= fst p < n) l -> Forall (fun p => 0 <= fst p < 512) l.
Proof. intros N F. eapply Forall_impl; [|exact F]. cbn. lia. Qed.

(* The end of an exit: the host's registers. *)
Definition given_back (s u : state) : Prop :=
  (forall k, 0 <= k < 24 -> Base.reg u "el1" k = word s (Base.reg s "host_context" 0 + CTX_SYS + k * 8)) /\
  Base.reg u "vttbr" 0 = vttbr_of s HOST /\ Base.reg u "hcr" 0 = Base.reg s "host_hcr" 0 /\ Base.reg u "mdcr" 0 = Base.reg s "host_mdcr" 0 /\
  Base.reg u "cnthctl" 0 = Base.reg s "host_cnthctl" 0 /\ Base.reg u "vmpidr" 0 = Base.reg s "host_vmpidr" 0 /\ Base.reg u "selected" 0 = 0.
Lemma given_stays v s t u : stays v s t -> (forall k, 0 <= k < 24 -> beside v s (Base.reg s "host_context" 0 + CTX_SYS + k * 8)) ->
  given_back t u -> given_back s u.
Proof.
  intros [F R W] B (G1 & G2 & G3 & G4 & G5 & G6 & G7). unfold given_back in *. rewrite !R in * by (cbn; tauto). repeat split; auto.
  - intros k K. rewrite G1, W by auto. reflexivity.
  - rewrite G2. unfold vttbr_of, Walk.root. destruct F as (_ & _ & -> & _). reflexivity.
Qed.

Section HostBack.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation matches := (matches fixed).
Notation code_step := (code_step fixed).

Lemma stays_gic v s : ctx_ok s (cell s "vcpu_page" v) = true -> exists t, p_gic_lrs_save plain [cell s "vcpu_page" v] s = Ok (0, t) /\ stays v s t.
Proof.
  intros C. unfold p_gic_lrs_save. rewrite (ctx_context _ _ C). eexists. split; [reflexivity|]. rewrite !vgic_at.
  set (page := cell s "vcpu_page" v). set (used := Z.min _ 32). set (f := fun i x : Z => _). set (a := record "gic_lrs_save" [page] s).
  assert (B : stays v s (if used =? 0 then a else fill_bank "lr" 0 used 0 (setreg "ich_hcr" 0 0 (save_bank f "lr" 0 used (page + (W_HCR + 12) * 8) a)))).
  { destruct (used =? 0); [stays_|]. constructor; [repeat split|host_regs_|]. intros x X. cbn [word fill_bank setregs setreg].
    transitivity (word a x); [|reflexivity]. apply saved_outside; [unfold W_HCR; lia|unfold W_HCR, used; lia|]. intros k K. apply (X k K). }
  revert B. set (b := if used =? 0 then _ else _). intros B. destruct (Z.land _ 1 =? 0); [|exact B]. apply (stays_trans v s _ _ B).
    constructor; [repeat split|host_regs_|]. intros x X.
  cbn [word setreg setregs]. rewrite word_setword, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. destruct (y_frame _ _ _ B) as (_ & Ep & _).
  destruct (X (W_HCR + 1)) as [_ N]; [unfold W_HCR; lia|]. rewrite Ep in N. exact N.
Qed.

Lemma return_back c v code s : cpu_ok c = true -> vcpu_mem s v = true -> roots_ok s HOST = true ->
  ctx_ok s (Base.reg s "host_context" 0) = true -> (forall k, 0 <= k < 24 -> beside v s (Base.reg s "host_context" 0 + CTX_SYS + k * 8)) ->
  exists u, s_host_return [c; v; code] s = Ok (0, u) /\ (forall x, beside v s x -> word u x = word s x) /\ given_back s u.
Proof.
  intros C M Ro H B. destruct (mem_facts s v M) as (_ & Cc & Cp). unfold s_host_return. rewrite C, M, Ro, H. cbn [andb]. unfold host_back. cbv zeta.
  set (s0 := vse_back (cell s "vcpu_page" v) s).
  assert (S0 : stays v s s0).
  { unfold s0, vse_back. destruct (negb _); [|apply stays_refl]. apply stays_page. repeat constructor; cbn; unfold State.W_IO; lia. }
  set (s1 := if Run.narrow _ then _ else s0).
  assert (S1 : stays v s s1).
  { unfold s1. destruct (Run.narrow _); [|exact S0]. apply (stays_trans v s s0 _ S0). destruct (y_frame _ _ _ S0) as (_ & <- & _).
    unfold a32_left. set (pg := cell s0 "vcpu_page" v). set (sb := save_bank _ _ _ _ _ s0). assert (Sb : stays v s0 sb).
    { constructor; [repeat split|reflexivity|]. intros x X. unfold sb. change (pg + CTX_A32) with (pg + State.W_A32 * 8).
      apply saved_outside; [unfold State.W_A32; lia|unfold State.W_A32, NR_A32; lia|]. intros k K. apply (X k K). }
    destruct (negb _); [|exact Sb]. apply (stays_trans v s0 sb _ Sb). constructor; [repeat split|reflexivity|]. intros x X.
    rewrite word_setword, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply (X State.W_FPEXC). unfold State.W_FPEXC. lia. }
  assert (St : exists t, (if negb (cell s "has_gicv3" 0 =? 0) then p_gic_lrs_save plain [cell s "vcpu_page" v] s1 else Ok (0, s1))
    = Ok (0, t) /\ stays v s t).
  { destruct (negb (cell s "has_gicv3" 0 =? 0)); [|eauto]. pose proof (y_frame _ _ _ S1) as F. destruct F as (_ & Ep & _). rewrite <- Ep.
    destruct (stays_gic v s1) as (t & E & S2); [rewrite Ep, (Frame.frame_ctx s s1 _ (y_frame _ _ _ S1)); exact Cp|].
    exists t. split; [exact E|exact (stays_trans _ _ _ _ S1 S2)]. }
  destruct St as (t & -> & S2). cbn [bind]. set (s2 := save_el1 (cell s "vcpu_context" v) t).
  assert (S3 : stays v s s2).
  { apply (stays_trans v s t _ S2). destruct (y_frame _ _ _ S2) as (Ec & _). constructor; [repeat split|reflexivity|]. intros x X. unfold s2, save_el1.
    change (cell s "vcpu_context" v + CTX_SYS) with (cell s "vcpu_context" v + 34 * 8). apply saved_outside; [lia|unfold KCORE_NR_SYSREGS; lia|].
    intros k K. rewrite <- Ec. apply (X k K). }
  clearbody s1 s2. destruct S3 as [F R W]. eexists. split; [reflexivity|]. split.
  - intros x X. rewrite <- (W x X). destruct (negb (cell s "has_profiling" 0 =? 0)); reflexivity.
  - assert (Rt : vttbr_of s2 HOST = vttbr_of s HOST) by (unfold vttbr_of, Walk.root; destruct F as (_ & _ & -> & _); reflexivity).
    unfold given_back. rewrite <- Rt, <- (R "host_hcr" 0), <- (R "host_mdcr" 0), <- (R "host_cnthctl" 0), <- (R "host_vmpidr" 0) by (cbn; tauto).
    destruct (negb (cell s "has_profiling" 0 =? 0)); (split; [intros k K|repeat split; reflexivity]).
    all: rewrite <- (W _ (B k K)), <- (R "host_context" 0) by (cbn; tauto);
      unfold load_el1, load_bank; cbn [Base.reg setreg setregs record String.eqb Ascii.eqb Bool.eqb andb Z.eqb word];
      rewrite (proj2 (Z.leb_le 0 k)), (proj2 (Z.ltb_lt k (0 + KCORE_NR_SYSREGS))) by (unfold KCORE_NR_SYSREGS; lia); unfold whole; cbn [andb];
      f_equal; lia.
Qed.

Lemma stays_stat v cpu k s : stays v s (stat_add cpu k s).
Proof. stays_. Qed.
Lemma told_bound w near R rel x kept : Guest.guest_hvc w near R = Guest.HvcTell rel x kept -> Forall (fun p => 0 <= fst p < 512) (Guest.r_regs rel).
Proof.
  unfold Guest.guest_hvc. cbv zeta. intros E. repeat match type of E with
  | context [if ?b then _ else _] => destruct b
  | context [match ?b with Some _ => _ | None => _ end] => destruct b as [[? ?]|]
  end; try discriminate E; injection E as <- <- <-; repeat (apply Forall_cons; [cbn; lia|]); apply Forall_nil.
Qed.
Lemma protected_stays v esr far hpfar s : vcpu_ok s v = true -> held s = false -> word64 esr = true -> guards_ok s (v / KCORE_VM_VCPUS) = true ->
  exists r t, s_exit_protected [v; esr; far; hpfar] s = Ok (r, t) /\ stays v s t.
Proof.
  intros V H We Gd. unfold s_exit_protected. rewrite V, H. cbn [negb andb]. unfold exit_protected. cbv zeta.
  pose proof (fun R e f => narrow W_GP _ ltac:(unfold W_GP; lia) (exception_bound R e f)) as Xe0.
  destruct ((_ =? Guest.EC_IABT) || _) eqn:Ab.
  { unfold exit_abort, s_guest_abort, is_abort. rewrite V, We, Ab, Gd, H. cbn [andb negb]. cbv zeta. destruct (abort_hidden v hpfar s); cbn [bind];
      eexists _, _; (split; [reflexivity|]); [|apply stays_refl]. change (negb (1 =? 0)) with true. cbv iota.
    set (s1 := put_live _ _ s). assert (S1 : stays v s s1) by apply stays_live, Xe0. apply (stays_trans _ _ _ _ S1). stays_. }
  clear Ab Xe0. destruct (_ =? Guest.EC_WFX); [eexists _, _; split; [reflexivity|apply stays_refl]|].
  assert (Same : forall x, (exists r t, x = Ok (r, t) /\ stays v s t) ->
    exists r t, (let* (r, u) := x in Ok (r, if negb (r =? 0) then resumed (cell s "vcpu_context" v) u else u)) = Ok (r, t) /\ stays v s t).
  { intros x (r & t & -> & S). cbn [bind]. eexists _, _. split; [reflexivity|]. apply (stays_trans _ _ _ _ S).
    destruct (negb _); [stays_|apply stays_refl]. }
  apply Same. clear Same. pose proof (fun R => narrow W_GP _ ltac:(unfold W_GP; lia) (Forall_impl _ (fun p (X : _ /\
    _) => proj1 X) (advance_bound R))) as Ad.
  pose proof (fun R e f => narrow W_GP _ ltac:(unfold W_GP; lia) (exception_bound R e f)) as Xe.
  destruct (_ =? Guest.EC_HVC); [|destruct (_ =? Guest.EC_SYSREG); [|destruct (_ =? EC_SMC)]].
  - unfold GuestHvc.s_guest_hvc. rewrite V, H. cbn [negb andb]. destruct (Guest.guest_hvc _ _ _) as [x0|rel x0 kept] eqn:E.
    + eexists _, _. split; [reflexivity|]. apply stays_context. repeat constructor; cbn; lia.
    + apply told_bound in E. eexists _, _. split; [reflexivity|]. set (s1 := match kept with Some _ => _ | None => _ end).

        assert (S1 : stays v s s1) by (unfold s1; destruct kept as [[[? ?] ?]|]; [stays_|destruct (Guest.r_power rel) as [[? ?]|]; [stays_|apply stays_refl]]).
      apply (stays_trans _ _ _ _ S1). destruct (y_frame _ _ _ S1) as (Ec & Ep & _). rewrite <- Ec, <- Ep.

        apply (stays_trans _ _ _ _ (stays_page v _ s1 E)).
          change (cell s1 "vcpu_context" v) with (cell (put_words (cell s1 "vcpu_page" v) (Guest.r_regs rel) s1)
        "vcpu_context" v). apply stays_context. repeat constructor; cbn; lia.
  - unfold GuestSysreg.s_guest_sysreg. rewrite V. unfold guest_sysreg. cbv zeta.
    destruct (is_sgi _ _); [eexists _, _; split; [reflexivity|apply stays_refl]|].
    assert (Id : exists x t, (if is_id esr then s_idreg_guest [Guest.field (sysreg esr) 1 15; Guest.field (sysreg esr) 17 7] s else Ok (0,
      s)) = Ok (x, t) /\
      stays v s t /\ cell t = cell s).
    { destruct (is_id esr); [|eexists _, _; split; [reflexivity|split; [apply stays_refl|reflexivity]]]. unfold s_idreg_guest.
      destruct (_ <? 4); eexists _, _; (split; [reflexivity|split; [|reflexivity]]); [apply stays_refl|stays_]. }
    destruct Id as (x & t & -> & S & Ct). cbn [bind]. pose proof (field_below esr 5) as Fb.
    destruct (_ || _); eexists _, _; (split; [reflexivity|]); apply (stays_trans _ _ _ _ S); rewrite <- Ct; [apply stays_context|apply stays_live, Xe].
    apply Forall_app. split; [|apply Ad]. destruct (_ && _); repeat constructor; cbn [fst]; lia.
  - eexists _, _. split; [reflexivity|]. set (s1 := put_words _ [(0, Guest.MASK64)] s).
    assert (S1 : stays v s s1) by (apply stays_context; repeat constructor; cbn; lia). apply (stays_trans _ _ _ _ S1).
    change (cell s "vcpu_context" v) with (cell s1 "vcpu_context" v). apply stays_context, Ad.
  - eexists _, _. split; [reflexivity|]. apply stays_live, Xe.
Qed.

(* What an HVC to the vendor service comes to; K: words that a call about memory leaves as they are. *)
Definition served (K : Z -> Prop) (v : Z) (s : state) (r : Z) (t : state) : Prop :=
  r = HVC_OTHER /\ t = s \/ r = HVC_DONE /\ (forall x, beside v s x -> K x -> word t x = word s x) \/ r = HVC_FAULT /\ stays v s t.
Lemma exit_back (K : Z -> Prop) c kind s : let v := cell s "cpu_vcpu" c in Base.reg s "cpu_id" 0 = c -> cpu_ok c = true -> v <> NO_VCPU ->
  vcpu_mem s v = true ->
  (cell s "vm_type" (vm_of v) = KCORE_VM_PROTECTED -> vcpu_ok s v = true) -> roots_ok s HOST = true ->
  ctx_ok s (Base.reg s "host_context" 0) = true -> held s = false -> word64 (Base.reg s "esr" 0) = true -> word64 (Base.reg s "far" 0) = true ->
  (forall k, 0 <= k < 24 -> beside v s (Base.reg s "host_context" 0 + CTX_SYS + k * 8)) -> guards_ok s (vm_of v) = true ->
  (let s1 := stat_add c (cause_of (Guest.ec (Base.reg s "esr" 0))) s in kind = 0 -> Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC ->
   cell s "vm_type" (vm_of v) = KCORE_VM_PROTECTED ->
   exists r t, s_exit_vendor [v; Base.reg s "esr" 0] s1 = Ok (r, t) /\ served K v s1 r t) ->
  exists r u, s_guest_exit [kind] s = Ok (r, u) /\ (forall x, beside v s x -> K x -> word u x = word s x) /\ (r = 0 -> given_back s u).
Proof.
  intros v Ec C N M Ok_ Ro Hc H Be Bf B Gd Sv.
  assert (End_ : forall t code, stays v s t -> exists u, s_host_return [c; v; code] t = Ok (0, u) /\
    (forall x, beside v s x -> word u x = word s x) /\ given_back s u).

    { intros t code S. pose proof (y_frame _ _ _ S) as F.
      assert (Eh : Base.reg t "host_context" 0 = Base.reg s "host_context" 0) by (apply (y_reg _ _ _ S); cbn; tauto).
    assert (Bt : forall x, beside v s x -> beside v t x).
    { intros x X. destruct F as (E1 & E2 & _). unfold beside in *. rewrite E1, E2. exact X. }
    destruct (return_back c v code t) as (u & X1 & X2 & X3); [exact C|rewrite (Frame.frame_mem _ _ _ F); exact M|
      rewrite (Frame.frame_roots _ _ _ F); exact Ro|rewrite Eh, (Frame.frame_ctx _ _ _ F); exact Hc|rewrite Eh; auto|].
    exists u. split; [exact X1|]. split; [intros x X; rewrite X2 by auto; apply (y_word _ _ _ S), X|apply (given_stays v s t u S B X3)]. }
  unfold s_guest_exit. rewrite Ec, C. cbv zeta. fold v. rewrite (proj2 (Z.eqb_neq _ _) N), M. destruct (negb (kind =? 0)) eqn:Kd.
  - unfold s_exit_asynchronous. rewrite C, M. cbn [andb]. unfold exit_asynchronous. cbv zeta. set (t := serror_shown _ _ _).
    destruct (End_ t (if kind =? 1 then KCORE_EXIT_IRQ else KCORE_EXIT_SERROR)) as (u & -> & X2 & X3); [|cbn [bind]; eauto 6].
    unfold t. set (s1 := pending_none _ _ _). assert (S1 : stays v s s1) by (unfold s1, pending_none; destruct (_ =? KCORE_VM_PROTECTED); stays_).
    apply (stays_trans _ _ _ _ S1). destruct (y_frame _ _ _ S1) as (_ & Ep & _). rewrite <- Ep.
    apply (stays_trans _ _ (setword (cell s1 "vcpu_page" v + CTX_EXIT_ESR) 0 s1)).
    + constructor; [repeat split|reflexivity|]. intros x X. rewrite word_setword, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply (X 64). lia.
    + unfold serror_shown. destruct (_ && _); [|apply stays_refl]. constructor; [repeat split|reflexivity|]. intros x X.
      rewrite word_setword, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply (X 67). lia.
  - apply negb_false_iff, Z.eqb_eq in Kd. unfold exit_synchronous. cbv zeta. cbv zeta in Sv. set (s1 := stat_add c _ s) in *.
    assert (S1 : stays v s s1) by stays_.
    destruct (_ && (cell s "cpu_fp" c =? 0)).
    { unfold s_guest_fp_trap. change (vcpu_mem s1 v) with (vcpu_mem s v). rewrite C, M. cbn [andb bind]. eexists _, _. split; [reflexivity|].
      split; [intros x _ _; unfold fpexc_loaded; destruct (Run.narrow _); reflexivity|discriminate]. }
    destruct (_ && _); [eexists _, _; split; [reflexivity|split; [reflexivity|discriminate]]|].
    set (hp := if needs_hpfar _ then _ else _). set (s2 := if needs_hpfar _ then _ else s1).
    assert (S2 : stays v s s2) by (unfold s2; destruct (needs_hpfar _); [stays_|exact S1]).
    assert (Told : forall t e h, stays v s t -> word64 e = true ->
      exists r u, exit_told c v (cell s "vm_type" (v / KCORE_VM_VCPUS)) e (Base.reg s "far" 0) h t = Ok (r, u) /\
      (forall x, beside v s x -> K x -> word u x = word s x) /\ (r = 0 -> given_back s u)).
    { intros t e h S We. pose proof (y_frame _ _ _ S) as F. unfold exit_told, s_exit_syndrome. destruct F as (Eq1 & Eq2 & F3).
      destruct (Z.eqb_spec (cell s "vm_type" (v / KCORE_VM_VCPUS)) KCORE_VM_PROTECTED) as [T|T].
      - rewrite (Frame.frame_ok _ _ _ (y_frame _ _ _ S)), (Ok_ T), We, Bf. cbn [andb bind].
        destruct (End_ (show_release v e (Base.reg s "far" 0) h t) KCORE_EXIT_TRAP) as (u & -> & X2 & X3); [|cbn [bind]; eauto 6].
        apply (stays_trans _ _ _ _ S). apply (stays_trans _ _ (show v (released v e (Base.reg s "far" 0) h t) t)); [|stays_].
        apply stays_page. eapply Forall_impl; [|apply page_bound]. cbn. unfold W_EXIT. lia.
      - rewrite (Frame.frame_mem _ _ _ (y_frame _ _ _ S)), M. cbn [bind].
        destruct (End_ (show v (Guest.exit_normal e (Base.reg s "far" 0) h) t) KCORE_EXIT_TRAP) as (u & -> & X2 & X3); [|cbn [bind]; eauto 6].
        apply (stays_trans _ _ _ _ S). apply stays_page. unfold Guest.exit_page, Guest.exit_normal. cbn.
          repeat constructor; cbn; unfold State.W_EXIT; lia. }
    unfold exit_guest. change (vm_of v) with (v / KCORE_VM_VCPUS) in *.
    destruct (Z.eqb_spec (cell s "vm_type" (v / KCORE_VM_VCPUS)) KCORE_VM_PROTECTED) as [T|T]; [|apply Told; auto].
    assert (O2 : vcpu_ok s2 v = true) by (rewrite (Frame.frame_ok _ _ _ (y_frame _ _ _ S2)); apply Ok_, T).
    assert (Vs : exists r t, s_exit_vendor [v; Base.reg s "esr" 0] s2 = Ok (r, t) /\ served K v s2 r t).
    { destruct (Z.eqb_spec (Guest.ec (Base.reg s "esr" 0)) Guest.EC_HVC) as [Eh|Eh].
      - replace s2 with s1; [apply Sv; auto|]. unfold s2, needs_hpfar. rewrite Eh. reflexivity.
      - exists HVC_OTHER, s2. split; [|left; auto]. apply exit_vendor_none; [exact O2|]. intros X. contradiction. }
    destruct Vs as (r & t & -> & [[-> ->]|[[-> Wt]|[-> S3]]]); cbn [bind].
    + change (HVC_OTHER =? HVC_OTHER) with true. cbv iota.
      destruct (protected_stays v (Base.reg s "esr" 0) (Base.reg s "far" 0) hp s2 O2) as (r & t & E & S3).
      { rewrite (Frame.frame_held _ _ (y_frame _ _ _ S2)). exact H. }
      { exact Be. }
      { unfold s2, s1. destruct (needs_hpfar _); exact Gd. }
      assert (Cs : r = 0 \/ r = 1).
      { unfold s_exit_protected in E. destruct (_ && _); [|discriminate]. exact (exit_protected_cases _ _ _ _ _ _ _ E). }
      rewrite E. cbn [bind]. pose proof (stays_trans _ _ _ _ S2 S3) as S4. destruct Cs as [-> | ->].
      * change (0 =? HVC_DONE) with false. change (0 =? HVC_FAULT) with false. cbv iota. apply Told; [exact S4|].
        destruct (_ =? Guest.EC_HVC); [reflexivity|exact Be].
      * change (1 =? HVC_DONE) with true. cbv iota. eexists _, _. split; [reflexivity|]. split; [|discriminate]. intros x X _.
        apply (y_word _ _ _ S4 x X).
    + change (HVC_DONE =? HVC_OTHER) with false. cbv iota. cbn [bind]. change (HVC_DONE =? HVC_DONE) with true. cbv iota.
      eexists _, _. split; [reflexivity|]. split; [|discriminate]. intros x X Kx. change (word (stat_add c KCORE_STAT_exit_local t) x) with (word t x).
      rewrite Wt; [apply (y_word _ _ _ S2 x X)| |exact Kx]. destruct (y_frame _ _ _ S2) as (E1 & E2 & _). unfold beside in *. rewrite E1, E2. exact X.
    + change (HVC_FAULT =? HVC_OTHER) with false. cbv iota. cbn [bind]. change (HVC_FAULT =? HVC_DONE) with false.
      change (HVC_FAULT =? HVC_FAULT) with true. cbv iota. unfold s_missing_page.
      rewrite (Frame.frame_ok _ _ _ (y_frame _ _ _ S3)), O2. cbn [bind]. apply Told; [exact (stays_trans _ _ _ _ S2 S3)|reflexivity].
Qed.

(* ------------------------------------------------------------------ from the entry to the exit *)

(* The words where CPU c keeps the host's EL1 registers while a guest runs. *)
Definition held_back (c : Z) (s : state) (k : Z) : Z := word s (fixed "host_context" c + CTX_SYS + k * 8).

Lemma area_beside c s t w k : is_vcpu w -> c_state (vcpu (P t) w) <> VCPU_FREE -> Q c s t -> inv (P t) -> 0 <= k < 24 ->
  beside w s (fixed "host_context" c + CTX_SYS + k * 8).
Proof.
  intros Wv Ex R J K. destruct (r_cpu_id _ _ _ _ R) as [_ C].
  destruct (n_host _ I c C) as (B & M & Co & _ & Po). set (h := fixed "host_context" c) in *. apply Z.div_exact in M; [|lia].
  destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (_ & _ & Gn). pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg.
  assert (Nc : forall p o, core p = false -> 0 <= o < 512 -> h + CTX_SYS + k * 8 <> p * PAGE_BYTES + o * 8).
  { intros p o Cp O E. assert (p = h / PAGE_BYTES); [|congruence]. unfold PAGE_BYTES, CTX_SYS in *.
    pose proof (Z.div_mod h 4096 ltac:(lia)). pose proof (Z.mod_pos_bound h 4096 ltac:(lia)). lia. }
  intros o O. split; [|rewrite (r_vcpu_page _ _ _ _ R w Wv); apply Nc; auto].
  destruct (protected (P t) (vm_of w)) eqn:Pr; [|rewrite (Gn eq_refl); apply Nc; auto].
  destruct (context_at fixed c s t w R) as (i & Hi & ->); [split; [exact Wv|]; split; [exact Ex|exact Pr]|].
  destruct (n_pool_base _ I) as (_ & B2 & _ & _). apply Z.div_exact in B2; [|discriminate]. unfold pool_at, PAGE_BYTES, CTX_SYS in *. lia.
Qed.

Lemma host_beside c s t w k : running c s t w -> Q c s t -> inv (P t) -> 0 <= k < 24 -> beside w s (fixed "host_context" c + CTX_SYS + k * 8).
Proof.
  intros G R J K. destruct (running_here fixed c s t w G R J) as (Wv & Ex & _ & _). apply (area_beside c s t w k Wv Ex R J K).
Qed.

(* The host's half page is KCore's own, and not in the pool. *)
Lemma area_own c k : is_cpu c -> 0 <= k < 24 -> own_word fixed (fixed "host_context" c + CTX_SYS + k * 8).
Proof.
  intros C K. destruct (n_host _ I c C) as (B & M & Co & _ & Po). set (h := fixed "host_context" c) in *.
  destruct (n_pool_base _ I) as (P1 & P2 & P3 & _). unfold own_word, PAGE_BYTES, CTX_SYS in *. apply Z.div_exact in M; [|lia].
  apply Z.div_exact in P2; [|lia]. pose proof (Z.div_mod h 4096 ltac:(lia)). pose proof (Z.mod_pos_bound h 4096 ltac:(lia)). split; [lia|].
  replace ((h + 272 + k * 8) / 4096) with (h / 4096); [exact Co|]. symmetry. symmetry.
  apply (Z.div_unique_pos (h + 272 + k * 8) 4096 (h / 4096) (h mod 4096 + 272 + k * 8)); lia.
Qed.
Lemma service_served c s t : matches c (true, s) t -> sound -> Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s ->
  (memory_asked c s <> None \/ guard_asked c s <> None -> 0 <= service_words c s 1) ->
  let w := u_vcpu (cpu (P t) c) in let s1 := stat_add c (cause_of (Guest.ec (Base.reg s "esr" 0))) s in
  exists r u, s_exit_vendor [w; Base.reg s "esr" 0] s1 = Ok (r, u) /\ served (own_word fixed) w s1 r u.
Proof.
  intros [R H J Ft Who _] B S V X1 w s1. cbn [fst snd] in *. pose proof (runs_protected fixed c s t _ Who R J V) as Pr.
  destruct (running_here fixed c s t _ Who R J) as (W & Ex & Ec & N). fold w in Who, Pr, W, Ex, Ec, N.
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). specialize (Ok_ Pr). destruct (vcpu_facts s w Ok_) as (_ & Cx & _).
  set (ct := cell s "vcpu_context" w) in *. destruct (r_cpu_id _ _ _ _ R) as [_ C].
  assert (Es : s1 = stat_add c KCORE_STAT_exit_hvc s) by (unfold s1; rewrite S; reflexivity).
  assert (Ev : forall r u, Vendor.s_guest_vendor [w] s1 = Ok (r, u) -> ctx_ok u ct = true ->
    s_exit_vendor [w; Base.reg s "esr" 0] s1 = Ok (r, if r =? HVC_DONE then resumed ct u else u)).
  { intros r u E Cu. unfold s_exit_vendor, exit_vendor. change (vcpu_ok s1 w) with (vcpu_ok s w). rewrite Ok_. cbv zeta. rewrite S, Z.eqb_refl.
    cbn [negb]. rewrite E. cbn [bind]. change (cell s1 "vcpu_context" w) with ct. rewrite Cu. reflexivity. }
  destruct (vendor_asked c s) eqn:Va.
  2: { exists HVC_OTHER, s1. split; [|left; auto]. apply exit_vendor_none; [exact Ok_|]. intros _. exact (not_vendor fixed c s t Who R J Va). }
  set (t1 := mkst (add_stat c KCORE_STAT_exit_hvc (P t)) (D t)).
  assert (R1 : Q c s1 t1) by (rewrite Es; apply keep_stat; auto; unfold KCORE_STAT_exit_hvc, KCORE_NR_STATS; lia).
  pose proof (inv_stat c KCORE_STAT_exit_hvc (P t) J : inv (P t1)) as J1.
  destruct (service_cases c s Va) as [(l & A)|[(k & i & A)|(i & A)]].
  - rewrite (service_seen fixed c s t _ Who R J) in A. fold w ct in A.
    pose proof (vendor_local fixed I c s1 t1 w l R1 J1 W Ex Pr A) as E. exists HVC_DONE. eexists. split; [apply (Ev _ _ E)|].
    { unfold word_noted. repeat destruct (_ =? _); exact Cx. }
    right. left. split; [reflexivity|]. intros x X _.
    assert (Sp : stays w s1 (put_words (cell s1 "vcpu_context" w) l s1)).
    { apply stays_context. eapply Forall_impl; [|exact (vendor_bound _ _ _ _ _ A)]. cbn. unfold W_GP. lia. }
    assert (Wn : word (put_words (cell s1 "vcpu_context" w) l (word_noted w (cell s1 "vcpu_context" w) s1)) x =
      word (put_words (cell s1 "vcpu_context" w) l s1) x) by (unfold word_noted; repeat destruct (_ =? _); reflexivity).
    exact (eq_trans Wn (y_word _ _ _ Sp x X)).
  - specialize (X1 ltac:(left; congruence)). destruct (memory_args fixed c s t _ k i Who R J A X1) as (M1 & M2 & M3 & M4 & M5). fold w ct in M1, M2, M3, M5.
    pose proof (runs_vm c t J (proj1 (i_runs _ _ _ _ Who))) as Vm. fold w in Vm.
    pose proof (running_stat c s t w KCORE_STAT_exit_hvc Who) as G1. rewrite <- Es in G1. fold t1 in G1.
    pose proof (vendor_memory fixed I c s1 t1 w i k G1 R1 J1 H B (room_stat c KCORE_STAT_exit_hvc _ (fits_room _ Ft)) Pr Vm M4 M5 M1 M2 M3) as Y.
    cbv zeta in Y. destruct (mem_call (vm_of w) k i (P t1)) as [[[ok q] e]|] eqn:Mc.
    + destruct Y as (r & u & E' & St & E & Ru & Gu & Jq). assert (Ecu : cell u "vcpu_context" w = ct) by (apply (d_cell _ _ St "vcpu_context" eq_refl)).
      pose proof (guest_mem_kept fixed I c s1 t1 (vm_of w) i (number_of k) r u R1 J1 Vm M4 (proj1 (protected_guarded _ _ Pr)) E') as Kp.
      rewrite Ecu in E. exists HVC_DONE. eexists. split.
      * apply (Ev _ _ E). destruct (running_here fixed c u _ w Gu Ru Jq) as (_ & Exq & _).
        destruct (vcpu_areas fixed I c u _ w Ru Jq W Exq) as (_ & Oku & _).
        assert (Prq : protected q (vm_of w) = true).
        { destruct (mem_call_cpu _ _ _ _ _ _ _ B J1 Vm (proj1 (protected_guarded _ _ Pr)) Mc) as (_ & Lf & _).
          rewrite (life_protected (P t1) q _ (Lf (vm_of w))). exact Pr. }
        specialize (Oku Prq). destruct (vcpu_facts u w Oku) as (_ & Cu & _). rewrite Ecu in Cu. exact Cu.
      * right. left. split; [reflexivity|]. intros x X Kx. rewrite <- (Kp x Kx).
        apply (put_words_other ct 512 [(0, mem_result ok)] u x); [repeat (apply Forall_cons; [cbn [fst]; lia|]); apply Forall_nil|].
        intros o O. apply (X o O).
    + exists HVC_FAULT. eexists. split; [apply (Ev _ _ Y); exact Cx|]. right. right. split; [reflexivity|].
      change (HVC_FAULT =? HVC_DONE) with false. cbv iota. apply (stays_context w _ s1).
      repeat (apply Forall_cons; [cbn [fst]; unfold W_PC; lia|]). apply Forall_nil.
  - specialize (X1 ltac:(right; congruence)). rewrite (guard_seen fixed c s t _ Who R J) in A. fold w ct in A.
    pose proof (running_stat c s t w KCORE_STAT_exit_hvc Who) as G1. rewrite <- Es in G1. fold t1 in G1.
    unfold service_words in X1. rewrite Ec in X1. fold ct in X1.
    pose proof (vendor_guard fixed I c s1 t1 w i G1 R1 J1 H Pr A X1) as Y. destruct (guard_call (vm_of w) i (P t1)) as [ok q] eqn:Gc.
    destruct Y as (u & Hu & Ecu & Wu & Rgu & E & Ru & Gu & Jq & Prq). change (cell s1 "vcpu_context" w) with ct in *.
    exists HVC_DONE. eexists. split.
    + apply (Ev _ _ E). destruct (running_here fixed c u _ w Gu Ru Jq) as (_ & Exq & _).
      destruct (vcpu_areas fixed I c u _ w Ru Jq W Exq) as (_ & Oku & _). destruct (vcpu_facts u w (Oku Prq)) as (_ & Cu & _). rewrite Ecu in Cu. exact Cu.
    + right. left. split; [reflexivity|]. intros x X Kx. rewrite <- Wu.
      apply (put_words_other ct 512 [(0, mem_result ok)] u x); [repeat (apply Forall_cons; [cbn [fst]; lia|]); apply Forall_nil|].
      intros o O. apply (X o O).
Qed.

Lemma exit_gives c s t kind r u : matches c (true, s) t -> sound -> is_64 "esr" s -> is_64 "far" s ->
  (kind = 0 -> Guest.ec (Base.reg s "esr" 0) = Guest.EC_HVC -> protected_runs c s -> memory_asked c s <> None \/ guard_asked c s <> None ->
    0 <= service_words c s 1) ->
  link L1 above "guest_exit" [kind] s = Ok (r, u) ->
  (forall k, 0 <= k < 24 -> held_back c u k = held_back c s k) /\
  (r = 0 -> (forall k, 0 <= k < 24 -> Base.reg u "el1" k = held_back c s k) /\ given_back s u).
Proof.
  intros Mt B Be Bf X1 E. pose proof Mt as [R H J _ Who _]. cbn [fst snd] in *. set (w := u_vcpu (cpu (P t) c)) in *.
  destruct (running_here fixed c s t w Who R J) as (Wv & Ex & Ev & N). destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (Mm & Ok_ & _). destruct (r_host _ _ _ _ R) as [Eh _].
  assert (W64 : forall n, is_64 n s -> word64 (Base.reg s n 0) = true).
  { intros n [Lo Hi]. unfold word64. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. split; [exact Lo|exact Hi]. }
  destruct (exit_back (own_word fixed) c kind s) as (r' & u' & E' & W & G); rewrite ?Ev; auto.
  - unfold cpu_ok, is_cpu in *. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia.
  - intros T. apply Ok_. rewrite (type_protected (P t) w J Ex). apply Z.eqb_eq. rewrite <- (r_vm_type _ _ _ _ R _ (vm_handle w Wv)). exact T.
  - apply (roots_fine fixed I c s t HOST R). unfold is_handle, HOST, KCORE_NR_VMS. lia.
  - apply (host_area fixed I c s t R).
  - rewrite Eh. intros k K. apply (host_beside c s t w k Who R J K).
  - apply (guards_checked fixed c s t (vm_of w) R (vm_handle w Wv)).
  - cbv zeta. intros K S T. assert (V : protected_runs c s) by (unfold protected_runs; rewrite Ev; exact T).
    apply (service_served c s t Mt B S V). intros A. apply X1; auto.
  - apply (does_ok _ _ _ _ _ does_guest_exit) in E'. rewrite E' in E. injection E as <- <-. rewrite Ev in W. split.
    + intros k K. apply W; [apply (host_beside c s t w k Who R J K)|apply (area_own c k C K)].
    + intros Z0. split; [|apply G, Z0]. intros k K. rewrite (proj1 (G Z0) k K), Eh. reflexivity.
Qed.

(* What the guest does, and what happens meanwhile, leaves them. *)
(* Where the argument of the call has to be a number. *)
Lemma asked_vendor c s : memory_asked c s <> None \/ guard_asked c s <> None -> vendor_asked c s = true.
Proof.
  unfold memory_asked, memory_ask, guard_asked, guard_ask, vendor_asked, Vendor.vendor_call, asked_of. cbv zeta. cbn [existsb]. set (fn := Z.land _ _). intros A.
  destruct (fn =? KVM_MEM_SHARE); [rewrite !orb_true_r; reflexivity|]. destruct (fn =? KVM_MEM_UNSHARE); [rewrite !orb_true_r; reflexivity|].
  destruct (fn =? KVM_MEM_RELINQUISH); [rewrite !orb_true_r; reflexivity|]. destruct (fn =? KVM_MMIO_GUARD); [rewrite !orb_true_r; reflexivity|].
  destruct A as [A|A]; destruct A; reflexivity.
Qed.
Lemma answered_not_asked c s l : service_answer c s = Some l -> ~ (memory_asked c s <> None \/ guard_asked c s <> None).
Proof.
  intros E. enough (N : memory_asked c s = None /\ guard_asked c s = None) by (destruct N as [-> ->]; intros [X|X]; apply X; reflexivity). revert E.
  unfold service_answer, vendor_answer, memory_asked, memory_ask, guard_asked, guard_ask, asked_of. cbv zeta. set (fn := Z.land _ _).
  destruct (Z.eqb_spec fn KVM_UID) as [->|]; [split; reflexivity|]. destruct (Z.eqb_spec fn KVM_FEATURES) as [->|]; [split; reflexivity|].
  destruct (Z.eqb_spec fn KVM_HYP_MEMINFO) as [->|]; [split; reflexivity|]. destruct (Z.eqb_spec fn KCORE_HC_VM_MEASUREMENT) as [->|]; [split; reflexivity|].
  destruct (Z.eqb_spec fn KCORE_HC_VM_QUOTE) as [->|]; [split; reflexivity|].
  destruct (Z.eqb_spec fn KVM_MMIO_GUARD) as [->|]; [destruct (guard_refused _ _ _); [split; reflexivity|discriminate]|]. cbn [andb].
  destruct (fn =? KVM_MEM_SHARE); [destruct (refused _ _ _); [split; reflexivity|discriminate]|].
  destruct (fn =? KVM_MEM_UNSHARE); [destruct (refused _ _ _); [split; reflexivity|discriminate]|].
  destruct (fn =? KVM_MEM_RELINQUISH); [destruct (refused _ _ _); [split; reflexivity|discriminate]|split; reflexivity].
Qed.
Ltac not_asked :=
  let Kz := fresh in let Xe := fresh in let Xp := fresh in let Xa := fresh in intros Kz Xe Xp Xa;
  first [ assumption
        | exfalso; lia
        | exfalso; match goal with A : Guest.ec ?e = _, B : Guest.ec ?e = Guest.EC_HVC |- _ => rewrite A in B; discriminate B end
        | exfalso; match goal with A : vendor_asked _ _ = false |- _ => rewrite (asked_vendor _ _ Xa) in A; discriminate A end
        | exfalso; match goal with A : service_answer _ _ = Some _ |- _ => apply (answered_not_asked _ _ _ A), Xa end
        | exfalso; match goal with A : normal_runs _ _ |- _ => exact (A Xp) end
        | exfalso; match goal with A : other_class _ _ |- _ => destruct A as (_ & _ & _ & A & _); exact (A Xe) end
        | exfalso; match goal with A : fault_class _ |- _ => unfold fault_class in A; cbv zeta in A; rewrite Xe in A; destruct A as [A|[A|A]];
            discriminate A end
        | exfalso; match goal with A : own_fault _ = true |- _ => unfold own_fault, asks_ipa, needs_hpfar in A; rewrite Xe in A; discriminate A end ].
Lemma goes_on c l m n t : matches c m t -> sound -> is_64 "esr" (snd m) -> is_64 "far" (snd m) -> code_step c l m n -> fst m = true ->
  forall k, 0 <= k < 24 -> held_back c (snd n) k = held_back c (snd m) k.
Proof.
  intros M Bs Be Bf S Em k K. pose proof M as [R H J _ Who _]. rewrite Em in Who. set (w := u_vcpu (cpu (P t) c)) in *.
  destruct (here fixed c _ t w Who R J) as [Ec _]. pose proof (host_beside c _ t w k Who R J K) as B.
  destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (n_host _ I c C) as (_ & Mh & Co & _ & _). set (h := fixed "host_context" c) in *.
  assert (Nc : forall p o, core p = false -> 0 <= o < 512 -> h + CTX_SYS + k * 8 <> p * PAGE_BYTES + o * 8).
  { intros p o Cp O E. assert (p = h / PAGE_BYTES); [|congruence]. apply Z.div_exact in Mh; [|lia]. unfold PAGE_BYTES, CTX_SYS in *.
    pose proof (Z.div_mod h 4096 ltac:(lia)). pose proof (Z.mod_pos_bound h 4096 ltac:(lia)). lia. }
  assert (Pg : forall l, held_back c (put_guest c l (snd m)) k = held_back c (snd m) k).
  { intros l0. unfold held_back. destruct (put_guest_wrote c l0 (snd m)) as [_ _ _ _ _ _ Wo _ _]. apply Wo. rewrite Ec. intros o O. apply B.
    unfold W_GP in O. lia. }
  destruct S; cbn [fst snd] in *; try discriminate Em.
  all: try (match goal with E : link L1 above "guest_exit" _ _ = Ok _ |- _ => refine (proj1 (exit_gives c _ t _ _ _ M Bs Be Bf _ E) k K); not_asked end).
  all: try apply Pg.
  all: try (match goal with E : elsewhere _ _ _ |- _ => unfold held_back; rewrite (w_word _ _ _ E); reflexivity end).
  - match goal with A : access _ _ _ _ = Some _ |- _ => destruct (guest_reaches fixed I c _ t _ 1 _ Who R J ltac:(eassumption) ltac:(lia) A)
      as (p & r & W & -> & T & Bp & Cp) end.
    unfold held_back. rewrite word_setword, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply Nc; [exact Cp|apply Z.mod_pos_bound; lia].
  - unfold held_back, device_word. rewrite word_setword, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply Nc; [|assumption].
    match goal with A : device_ok _ _ q = true |- _ => rewrite (device_host fixed c _ t q R) in A; apply (not_core fixed I c _ t q R A) end.
Qed.

(* The entry puts them there. *)
Lemma entry_end (gic : bool) pages context s4 s' :
  (let* (_, s) := (if gic then p_gic_lrs_load plain pages s4 else Ok (0, s4)) in
   Ok (0, setreg "selected" 0 1 (setreg "guest_context" 0 context s))) = Ok (0, s') -> word s' = word s4.
Proof.
  destruct gic; cbn [bind]; [|intros E; injection E as <-; reflexivity]. unfold p_gic_lrs_load. destruct pages as [|page [|]]; try discriminate.
  destruct (context_ok _ _ _); [|discriminate]. cbn [bind]. intros E. injection E as <-. destruct (_ =? 0), (_ =? 0); reflexivity.
Qed.
Lemma controls_word cpu v type page s : word (controls cpu v type page s) = word s.
Proof. unfold controls. destruct (_ && _), (Run.narrow _), (sve_run _ _ _ _); reflexivity. Qed.
Lemma stop_rest s : Base.reg (stop_profiling s) = Base.reg s /\ cell (stop_profiling s) = cell s.
Proof. unfold stop_profiling. cbv zeta. match goal with |- context [if ?b then _ else _] => destruct b end; split; reflexivity. Qed.
Lemma guest_loaded w type flags s x : beside w s x -> word (load_guest w type (cell s "vcpu_context" w) flags s) x = word s x.
Proof.
  intros B. unfold load_guest. destruct (_ =? KCORE_VM_PROTECTED); [|reflexivity].
  apply (load_protected_other w (cell s "vcpu_context" w) flags s x eq_refl). intros o O. apply B. unfold W_GP in O. lia.
Qed.
Lemma saved_there h s k : 0 <= k < 24 -> word (save_el1 h s) (h + CTX_SYS + k * 8) = Base.reg s "el1" k.
Proof.
  intros K. unfold save_el1. change CTX_SYS with (34 * 8). rewrite <- Z.add_assoc, <- Z.mul_add_distr_r, saved_any.
  replace (inside (34 + k) 34 KCORE_NR_SYSREGS) with true by (symmetry; apply inside_spec; unfold KCORE_NR_SYSREGS; lia).
  unfold whole. f_equal. lia.
Qed.
Lemma run_holds c w s s' : Base.reg s "cpu_id" 0 = c -> Base.reg s "host_context" 0 = fixed "host_context" c ->
  (forall k, 0 <= k < 24 -> beside w s (fixed "host_context" c + CTX_SYS + k * 8)) ->
  s_hc_vcpu_run [w] s = Ok (0, s') -> forall k, 0 <= k < 24 -> held_back c s' k = Base.reg s "el1" k.
Proof.
  intros Ec Eh B E k K. unfold s_hc_vcpu_run in E. rewrite Ec in E. destruct (_ && _); [|discriminate]. destruct (_ <=? _); [discriminate|].
  destruct (negb _); [discriminate|]. destruct (run_ok s w); [|discriminate]. unfold enter in E. cbv zeta in E.
  destruct (negb (check_run _ _ _ _ _ =? 0)) eqn:Ck; [injection E as E1 _; rewrite E1 in Ck; discriminate Ck|]. clear Ck.
  apply entry_end in E. cbn [word setreg setregs] in E. rewrite controls_word in E. unfold held_back. rewrite E. clear E s'. cbn [word setreg setregs].
  match goal with |- context [stop_profiling ?x] => destruct (stop_rest x) as [R1 C1]; generalize dependent (stop_profiling x) end.
  intros s1 R1 C1. cbn [Base.reg cell put_words setwords] in R1, C1. rewrite R1, Eh.
  replace (Base.reg s "el1" k) with (Base.reg s1 "el1" k) by (rewrite R1; reflexivity).
  rewrite <- (saved_there (fixed "host_context" c) s1 k K).
  rewrite <- C1.
  apply (guest_loaded w _ _ (save_el1 (fixed "host_context" c) s1)). intros o O. change (cell (save_el1 (fixed "host_context" c) s1)) with (cell s1).
  rewrite C1. apply B; auto.
Qed.

Lemma run_loaded c w s s' : Base.reg s "cpu_id" 0 = c -> s_hc_vcpu_run [w] s = Ok (0, s') -> w < KCORE_NR_VCPUS /\ cell s "cpu_vcpu" c = w.
Proof.
  intros Ec E. unfold s_hc_vcpu_run in E. rewrite Ec in E. destruct (_ && _); [|discriminate]. destruct (Z.leb_spec KCORE_NR_VCPUS w); [discriminate|].
  destruct (Z.eqb_spec (cell s "cpu_vcpu" c) w); [lia|discriminate].
Qed.
Lemma run_keeps c s t s1 : sound -> sim.Code.calls c s "hc_vcpu_run" KCORE_HC_VCPU_RUN 1 -> matches c (false, s) t ->
  link L1 above "host_trap" [0] s = Ok (1, s1) -> forall k, 0 <= k < 24 -> held_back c s1 k = Base.reg s "el1" k.
Proof.
  intros B Ca [R H J _ Id _] E. cbn [fst snd] in *. destruct Ca as [_ (Ea & Eb) F W]. destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  pose proof (W 1 ltac:(lia)) as [W1 _]. set (w := host_word s 1) in *.
  destruct (run_sim fixed I c s t w R H B J Id W1) as (r & s' & E1 & _ & X). pose proof E1 as E0.
  apply (does_ok _ _ _ _ _ does_hc_vcpu_run) in E1. pose proof (host_hvc_enter _ c s r s' F E1) as V.
  apply (does_ok _ _ _ _ _ does_host_hvc_enter) in V. pose proof (host_trap_run _ c s _ Ec Ea Eb V) as T.
  apply (does_ok _ _ _ _ _ does_host_trap) in T. rewrite T in E. destruct (Z.eqb_spec r 0) as [->|N]; [|discriminate E]. injection E as <-.
  destruct (r_host _ _ _ _ R) as [Eh _]. apply (run_holds c w s s' Ec Eh); [|exact E0]. intros k K.
  destruct (run_loaded c w s s' Ec E0) as [Wb Ev]. assert (Wv : is_vcpu w) by (split; assumption).
  rewrite (r_cpu_vcpu _ _ _ _ R c C) in Ev. pose proof (vcpu_not_none w Wv) as N.
  destruct (i_cpu _ J c) as [Ld _]; [congruence|]. rewrite Ev in Ld. apply (area_beside c s t w k Wv); auto. rewrite Ld. discriminate.
Qed.

(* A stay in a guest: what it does, and the exits after which it goes on.  Syndrome and fault address have 64 bits. *)
Inductive guest_run (c : Z) : list act -> state -> state -> Prop :=
| run_stays s : guest_run c [] s s
| run_goes l k s u v : is_64 "esr" s -> is_64 "far" s -> code_step c l (true, s) (true, u) -> guest_run c k u v -> guest_run c (l ++ k) s v.

Lemma guest_run_keeps c l s v : guest_run c l s v -> sound -> forall t k1, matches c (true, s) t ->
  (forall k, (k1 <= k)%nat -> fit_along (expanded k l) t) ->
  exists t' k0, (forall k, (k0 <= k)%nat -> run (expanded k l) t = Ok t') /\ matches c (true, v) t' /\
    forall k, 0 <= k < 24 -> held_back c v k = held_back c s k.
Proof.
  intros R B. induction R as [s|l k s u v Be Bf S R IH]; intros t k1 M F.
  - exists t, 0%nat. split; [intros j _; reflexivity|]. split; [exact M|reflexivity].
  - destruct (step_sim fixed I c l _ _ t k1 B M S) as (t1 & k2 & X).
    { intros j Hj i v' Rv. destruct (Nat.le_ge_cases i (List.length (expanded j l))) as [L|G].
      - apply (F j Hj i). rewrite expanded_app, firstn_app. replace (i - _)%nat with 0%nat by lia. cbn [firstn]. rewrite app_nil_r. exact Rv.
      - apply (F j Hj (List.length (expanded j l))). rewrite expanded_app, firstn_app, Nat.sub_diag, firstn_all. cbn [firstn]. rewrite app_nil_r.
        rewrite firstn_all2 in Rv by lia. exact Rv. }
    destruct (IH t1 (Nat.max k1 k2)) as (t' & k3 & Y1 & Y2 & Y3).
    { apply (X k2). lia. }
    { intros j Hj i v' Rv. apply (F j ltac:(lia) (List.length (expanded j l) + i)%nat). rewrite expanded_app, firstn_more.
      rewrite (run_app _ _ t t1); [exact Rv|]. apply X. lia. }
    exists t', (Nat.max k2 k3). split; [|split; [exact Y2|]].
    + intros j Hj. destruct (X j ltac:(lia)) as [X1 _]. rewrite expanded_app, (run_app _ _ _ _ X1). apply Y1. lia.
    + intros j Hj. rewrite (Y3 j Hj). apply (goes_on c l (true, s) (true, u) t M B Be Bf S eq_refl j Hj).
Qed.

(* From the call to the exit at which the host goes on. *)
Theorem host_back c s s1 l s2 kind s3 t t1 k1 : sound -> sim.Code.calls c s "hc_vcpu_run" KCORE_HC_VCPU_RUN 1 -> matches c (false, s) t ->
  link L1 above "host_trap" [0] s = Ok (1, s1) -> matches c (true, s1) t1 -> guest_run c l s1 s2 ->
  (forall k, (k1 <= k)%nat -> fit_along (expanded k l) t1) -> is_64 "esr" s2 -> is_64 "far" s2 -> 0 <= service_words c s2 1 ->
  link L1 above "guest_exit" [kind] s2 = Ok (0, s3) ->
  (forall k, 0 <= k < 24 -> Base.reg s3 "el1" k = Base.reg s "el1" k) /\ given_back s2 s3.
Proof.
  intros B Ca M E M1 R F Be Bf X1 E3. destruct (guest_run_keeps c l s1 s2 R B t1 k1 M1 F) as (t' & k0 & _ & M2 & K).
  destruct (exit_gives c s2 t' kind 0 s3 M2 B Be Bf (fun _ _ _ _ => X1) E3) as [_ G]. destruct (G eq_refl) as [G1 G2]. split; [|exact G2].
  intros k Hk. rewrite (G1 k Hk), (K k Hk). apply (run_keeps c s t s1 B Ca M E k Hk).
Qed.
End HostBack.
