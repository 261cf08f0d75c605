(* SPDX-License-Identifier: GPL-2.0-only *)
(* Exits of a protected guest that KCore finishes alone: what is written to its registers, and the guest goes on. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Idreg code.Regs code.Gpsci code.GuestHvc code.GuestSysreg code.Vendor code.Run
  code.RunExit code.GuestExit top.InvOwn top.InvMap.
From KCore Require Import top.Guest top.Chan.
From KCore Require Export sim.GuestFp sim.Answers.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ writes to the registers of the guest that runs *)

Record wrote (ct : Z) (l : list (Z * Z)) (s s' : state) : Prop := {
  b_cell : cell s' = cell s; b_held : held s' = held s; b_s1 : Base.s1 s' = Base.s1 s; b_tab : Base.tab s' = Base.tab s;
  b_leaf : Base.leaf s' = Base.leaf s; b_table : Base.table s' = Base.table s;
  b_word : forall x, (forall o, 0 <= o < W_GP -> x <> ct + o * 8) -> word s' x = word s x;
  b_reg : forall n i, In n (known_regs ++ vgic_regs) -> Base.reg s' n i = Base.reg s n i;
  b_live : forall k, 0 <= k < W_GP -> Context.live ct s' k = writes 0 W_GP l (Context.live ct s) k
}.
Ltac other_all := let n := fresh "n" in let i := fresh "i" in let H := fresh "H" in
  intros n i H; cbn [In app known_regs vgic_regs] in H; repeat (destruct H as [<-|H]; [reflexivity|]); destruct H.

Lemma writes_not lo n l f k : Forall (fun p : Z * Z => fst p <> k) l -> writes lo n l f k = f k.
Proof.
  unfold writes. revert f. induction l as [|[j x] l IH]; intros f F; [reflexivity|]. inversion F as [|? ? N F']; subst. cbn [fold_left fst snd] in *.
  rewrite IH by exact F'. destruct (inside j lo n); [|reflexivity]. unfold upd. rewrite (proj2 (Z.eqb_neq k j)) by congruence. reflexivity.
Qed.
Lemma wrote_words ct l s : Forall (fun p => 0 <= fst p < W_GP /\ is_el1 (fst p) = false) l -> wrote ct l s (put_words ct l s).
Proof.
  intros F. assert (F1 : Forall (fun p => 0 <= fst p < W_GP) l) by (eapply Forall_impl; [|exact F]; cbn; tauto).
  constructor; try reflexivity; [intros x N; apply (put_words_other _ W_GP); auto|]. intros k K. unfold Context.live at 1.
  destruct (is_el1 k) eqn:E.
  - rewrite writes_not; [unfold Context.live; rewrite E; reflexivity|]. eapply Forall_impl; [|exact F]. cbn. intros p [_ N] X. congruence.
  - unfold words_of. rewrite (put_words_at _ W_GP) by auto. apply writes_ext. unfold Context.live. rewrite E. reflexivity.
Qed.
Lemma wrote_live ct l s : Forall (fun p => 0 <= fst p < W_GP) l -> wrote ct l s (put_live ct l s).
Proof.
  intros F. constructor; try reflexivity.
  - intros x N. apply (put_live_other _ W_GP); auto.
  - intros n i H. apply put_live_reg. cbn [In app known_regs vgic_regs] in H. repeat (destruct H as [<-|H]; [reflexivity|]). destruct H.
  - intros k K. apply put_live_at; auto.
Qed.
Lemma wrote_record ct l f a s s' : wrote ct l (record f a s) s' -> wrote ct l s s'.
Proof. intros []. constructor; auto. Qed.
(* The PC and PSTATE that it goes on with. *)
Lemma wrote_resumed ct l s s' : wrote ct l s s' -> wrote ct l s (resumed ct s').
Proof.
  intros []. unfold resumed. constructor; auto. intros n i H. rewrite <- (b_reg0 n i H). revert n i H. other_all.
Qed.
Lemma advance_bound R : Forall (fun p => 0 <= fst p < W_GP /\ is_el1 (fst p) = false) (advance R).
Proof. unfold advance. repeat (apply Forall_cons; [cbn; unfold W_PC, W_PSTATE, W_GP; split; [lia|reflexivity]|]). apply Forall_nil. Qed.
Lemma exception_bound R e f : Forall (fun p => 0 <= fst p < W_GP) (take_exception R e f).
Proof. unfold take_exception. repeat constructor; cbn [fst]; unfold W_GP, W_PC, W_PSTATE, W_ELR, W_SPSR, W_ESR, W_FAR; lia. Qed.

Section GuestLocal.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma running_context c s t w : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true ->
  has_context (P t) w /\ ~ at_rest (P t) w.
Proof.
  intros G R J Pr. destruct (running_here fixed c s t w G R J) as (W & Ex & _ & N). destruct G as [[U Ew] _ _].
  split; [split; [exact W|]; split; [exact Ex|exact Pr]|]. intros (_ & _ & X). destruct (i_cpu _ J c) as [Ld Cc]; [congruence|].
  rewrite Ew in Ld, Cc. specialize (X Ld). rewrite Cc, U in X. discriminate.
Qed.

Lemma written c s s' t w l : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true ->
  wrote (cell s "vcpu_context" w) l s s' -> Q c s' (write_greg t w l) /\ running c s' (write_greg t w l) w.
Proof.
  intros G R J Pr [B1 B2 B3 B4 B5 B6 B7 B8 B9]. destruct (running_context c s t w G R J Pr) as [Hc Na]. destruct G as [U Gr Ga].
  set (ct := cell s "vcpu_context" w) in *. set (d := set_ctx (upd (ctx (D t)) w (writes 0 W_GP l (ctx (D t) w))) (D t)).
  assert (E : write_greg t w l = mkst (P t) d) by (unfold write_greg, set_greg, greg; rewrite Pr; reflexivity). rewrite E.
  assert (Gc : forall k, 0 <= k < W_GP -> Context.live ct s k = ctx (D t) w k).
  { intros k K. rewrite (Gr k K). unfold greg. rewrite Pr. reflexivity. }
  split.
  - apply (keep_running fixed I c s s' t w d R Hc Na); auto.
    + intros x N. apply B7. intros o O. apply N. unfold W_GP in O. lia.
    + intros n i In_. apply B8. apply in_or_app. left. exact In_.
    + intros x k N. unfold d. cbn [ctx set_ctx]. unfold upd. rewrite (proj2 (Z.eqb_neq _ _) N). reflexivity.
    + intros Gv. destruct (r_vgic _ _ _ _ R Gv) as (A1 & A2 & A3). cbv zeta. rewrite !B8 by (cbn; tauto). split; [exact A1|]. split; [exact A2|].
      intros N. destruct (A3 N) as [A4 A5]. split; [exact A4|]. intros j Hj. rewrite !B8 by (cbn; tauto). apply A5, Hj.
  - constructor; [exact U| |].
    + intros k K. rewrite B1. fold ct. rewrite (B9 k K). unfold greg. cbn [P D]. rewrite Pr. unfold d. cbn [ctx set_ctx]. unfold upd.
      rewrite Z.eqb_refl. apply writes_ext, Gc, K.
    + intros Pr'. apply (aside_same s s' t); auto.
      * intros k K. fold ct. apply B7. intros o O. unfold W_FP, W_GP in *. lia.
      * intros n i _. rewrite B1. reflexivity.
      * intros k K. unfold d. cbn [D ctx set_ctx]. unfold upd. rewrite Z.eqb_refl. apply writes_outside. unfold inside.
        apply andb_false_iff. right. apply Z.ltb_ge. lia.
Qed.

(* The exit is counted, and that it was finished here. *)
Lemma running_stat c s t w k : running c s t w -> running c (stat_add c k s) (mkst (add_stat c k (P t)) (D t)) w.
Proof.
  intros [U G A]. constructor; [exact U|exact G|]. intros Pr. apply (aside_same s _ t); auto.
  intros n i In_. cbn [In] in In_. repeat (destruct In_ as [<-|In_]; [reflexivity|]). destruct In_.
Qed.
Definition counted_local (c k : Z) (t : st) : st := with_pub (fun s => add_stat c KCORE_STAT_exit_local (add_stat c k s)) t.
Lemma finished c s s' t w l k : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true -> 0 <= k < KCORE_NR_STATS ->
  wrote (cell s "vcpu_context" w) l (stat_add c k s) s' ->
  Q c (stat_add c KCORE_STAT_exit_local s') (counted_local c k (write_greg t w l)) /\
  running c (stat_add c KCORE_STAT_exit_local s') (counted_local c k (write_greg t w l)) w.
Proof.
  intros G R J Pr K Wr. destruct (r_cpu_id _ _ _ _ R) as [_ C].
  assert (R1 : Q c (stat_add c k s) (mkst (add_stat c k (P t)) (D t))) by (apply keep_stat; auto).
  destruct (written c _ s' _ w l (running_stat c s t w k G) R1) as [R2 G2]; auto.
  { apply inv_stat, J. }
  apply (keep_stat fixed c c KCORE_STAT_exit_local) in R2; [|exact C|unfold KCORE_STAT_exit_local, KCORE_NR_STATS; lia].
  apply (running_stat c _ _ w KCORE_STAT_exit_local) in G2. split; [exact R2|exact G2].
Qed.

Lemma local_exit c s t w s' : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  let e := ec (Base.reg s "esr" 0) in e <> EC_WFX -> e <> EC_IABT -> e <> EC_DABT -> (e = EC_FP -> cell s "cpu_fp" c <> 0) ->
  (e = EC_HVC -> vendor_call (words_of (cell s "vcpu_context" w) s 0) = false) ->
  (forall far hpfar, exit_protected w (Base.reg s "esr" 0) far hpfar (stat_add c (cause_of e) s) = Ok (1, s')) ->
  link L1 above "guest_exit" [0] s = Ok (1, stat_add c KCORE_STAT_exit_local s').
Proof.
  intros G R J H Pr e N1 N2 N3 N4 Nv E. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (r_cpu_id _ _ _ _ R) as [Ei C]. destruct (vcpu_areas fixed I c s t w R J W Ex) as (Mm & Ok_ & _).
  pose proof (type_protected (P t) w J Ex) as Tp. rewrite Pr in Tp. symmetry in Tp. apply Z.eqb_eq in Tp.
  assert (Co : cpu_ok c = true) by (unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  apply (does_ok _ _ _ _ _ does_guest_exit). unfold s_guest_exit. rewrite Ei, Co. cbv zeta. rewrite Ec, (proj2 (Z.eqb_neq w NO_VCPU) N), Mm.
  cbn [negb Z.eqb]. unfold exit_synchronous. cbv zeta. fold e.
  replace ((e =? EC_FP) && (cell s "cpu_fp" c =? 0)) with false.
  2: { symmetry. apply andb_false_iff. destruct (Z.eqb_spec e EC_FP) as [X|X]; [right; apply Z.eqb_neq, N4, X|left; reflexivity]. }
  unfold needs_hpfar. fold e. rewrite (proj2 (Z.eqb_neq _ _) N2), (proj2 (Z.eqb_neq _ _) N3). cbn [orb andb].
  change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_type _ _ _ _ R _ (vm_handle w W)), Tp.
  rewrite exit_guest_others; [|exact (Ok_ Pr)|reflexivity|exact Nv]. unfold s_exit_protected.
  change (vcpu_ok (stat_add c (cause_of e) s) w) with (vcpu_ok s w). change (held (stat_add c (cause_of e) s)) with (held s).
  rewrite (Ok_ Pr), H. cbn [negb andb]. fold e. rewrite E. reflexivity.
Qed.

(* ------------------------------------------------------------------ ID and debug registers *)

(* What the machine says of an ID register, as far as it passes. *)
Definition id_answer (gicv3 : bool) (esr : Z) (s : state) : Z := id_shown gicv3 esr (answer s (List.length (trace s)) 0 mod 2 ^ 64).
Definition sysreg_op (gicv3 : bool) (esr id : Z) : gop := OLocal KCORE_STAT_exit_sysreg (fun l => sysreg_answer gicv3 esr id (of_list l)).

Lemma of_values t w k : 0 <= k < 58 -> of_list (guest_values t w) k = greg t w k.
Proof.
  intros K. unfold of_list, guest_values, values, range. rewrite map_map.
  rewrite (nth_indep _ 0 (greg t w (0 + Z.of_nat 0))) by (rewrite map_length, seq_length; lia).
  rewrite (map_nth (fun x => greg t w (0 + Z.of_nat x))), seq_nth by lia. f_equal. lia.
Qed.
Lemma advance_same R R' : (forall k, 0 <= k < 58 -> R k = R' k) -> advance R = advance R'.
Proof. intros E. unfold advance. rewrite !E by (unfold W_PC, W_PSTATE; lia). reflexivity. Qed.
Lemma exception_same R R' e f : (forall k, 0 <= k < 58 -> R k = R' k) -> take_exception R e f = take_exception R' e f.
Proof. intros E. unfold take_exception. rewrite !E by (unfold W_PC, W_PSTATE, W_VBAR, W_SCTLR; lia). reflexivity. Qed.

Theorem guest_sysreg_code c s t w : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  let esr := Base.reg s "esr" 0 in let gic := negb (cell s "has_gicv3" 0 =? 0) in ec esr = EC_SYSREG -> is_sgi gic esr = false ->
  let op := sysreg_op gic esr (id_answer gic esr s) in
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = false /\ step (G c op) t = Ok t' /\ Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J H Pr esr gic S Sg op. destruct (running_here fixed c s t w G R J) as (_ & _ & _ & N). destruct (i_runs _ _ _ _ G) as [U Ew].
  set (ct := cell s "vcpu_context" w). set (s1 := stat_add c (cause_of (ec esr)) s).
  set (u := if is_id esr then if field (sysreg esr) 1 15 <? 4 then s1 else record "idreg_read" [field (sysreg esr) 1 15; field (sysreg esr) 17 7] s1 else s1).
  assert (Gl : forall k, 0 <= k < 58 -> Context.live ct u k = of_list (guest_values t w) k).
  { intros k K. rewrite of_values by exact K. rewrite <- (i_regs _ _ _ _ G k K). unfold u. destruct (is_id esr); [destruct (_ <? 4)|]; reflexivity. }
  set (l := sysreg_answer gic esr (id_answer gic esr s) (of_list (guest_values t w))).
  assert (X : exists s2, guest_sysreg gic ct esr s1 = Ok (1, s2) /\ wrote ct l s1 s2).
  { unfold guest_sysreg. rewrite Sg.
    replace (if is_id esr then s_idreg_guest [field (sysreg esr) 1 15; field (sysreg esr) 17 7] s1 else Ok (0, s1))
      with (Ok (id_answer gic esr s, u)).
    2: { unfold id_answer, id_shown, u, s_idreg_guest. destruct (is_id esr); [|reflexivity]. destruct (_ <? 4); reflexivity. }
    cbn [bind]. unfold l, sysreg_answer. rewrite <- (exception_same _ _ ESR_IL 0 Gl).
    assert (Wu : forall l s', wrote ct l u s' -> wrote ct l s1 s').
    { intros l0 s'. unfold u. destruct (is_id esr); [|auto]. destruct (_ <? 4); [auto|]. apply wrote_record. }
    destruct (_ || _ || _).
    - replace (advance (of_list (guest_values t w))) with (advance (words_of ct u)).
      2: { rewrite <- (advance_same _ _ Gl). unfold advance, Context.live. reflexivity. }
      eexists. split; [reflexivity|]. apply Wu, wrote_words. apply Forall_app. split; [|apply advance_bound].
      pose proof (land_bound (Z.shiftr esr 5) 31 ltac:(lia)) as Rt. change (Z.land (Z.shiftr esr 5) 31) with (field esr 5 31) in Rt.
      destruct (is_read esr); [|constructor]. destruct (field esr 5 31 =? 31); cbn [andb negb]; repeat constructor; cbn [fst]; unfold W_GP; try lia.
      unfold is_el1. rewrite (proj2 (Z.leb_gt 34 _)) by lia. reflexivity.
    - eexists. split; [reflexivity|]. apply Wu, wrote_live, exception_bound. }
  destruct X as (s2 & X & Wr).
  assert (E : forall far hpfar, exit_protected w esr far hpfar s1 = Ok (1, resumed ct s2)).
  { intros far hpfar. unfold exit_protected. rewrite S. cbn [Z.eqb orb].
    change (EC_SYSREG =? EC_WFX) with false. change (EC_SYSREG =? EC_IABT) with false. change (EC_SYSREG =? EC_DABT) with false.
    change (EC_SYSREG =? EC_HVC) with false. change (EC_SYSREG =? EC_SYSREG) with true. cbn [orb]. cbv iota.
    destruct (running_context c s t w G R J Pr) as [(W & Ex & _) _]. destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _).
    unfold s_guest_sysreg. change (vcpu_ok s1 w) with (vcpu_ok s w). rewrite (Ok_ Pr).
    change (guest_sysreg (negb (cell s1 "has_gicv3" 0 =? 0)) (cell s1 "vcpu_context" w) esr s1) with (guest_sysreg gic ct esr s1).
    rewrite X. reflexivity. }
  apply (local_exit c s t w _ G R J H Pr) in E; [|fold esr; rewrite S; discriminate..].
  do 2 eexists. split; [exact E|]. apply wrote_resumed in Wr. split; [exact (eq_trans (b_held _ _ _ _ Wr) H)|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). unfold guest_step, op, sysreg_op. rewrite Pr. reflexivity. }
  apply (finished c s _ t w l KCORE_STAT_exit_sysreg); auto; [unfold KCORE_STAT_exit_sysreg, KCORE_NR_STATS; lia|].
  replace KCORE_STAT_exit_sysreg with (cause_of (ec esr)) by (rewrite S; reflexivity). exact Wr.
Qed.

(* ------------------------------------------------------------------ PSCI that KCore answers *)

Lemma near_sibling c s t w m : Q c s t -> is_vcpu w -> near w s m = sibling (P t) w m.
Proof.
  intros R W. unfold near, sibling. change (w / KCORE_VM_VCPUS) with (vm_of w).
  assert (M : 0 <= Z.land m 0xff00ffffff) by (apply Z.land_nonneg; right; lia). set (a := Z.land m 0xff00ffffff) in *.
  destruct (Z.leb_spec KCORE_VM_VCPUS a); [reflexivity|]. assert (V : is_vcpu (vm_of w * KCORE_VM_VCPUS + a)).
  { pose proof (vm_handle w W) as Hv. unfold is_vcpu, is_handle, KCORE_NR_VCPUS, KCORE_NR_VMS, KCORE_VM_VCPUS in *. lia. }
  rewrite (r_vcpu_state _ _ _ _ R _ V), (r_vcpu_power _ _ _ _ R _ V). reflexivity.
Qed.
(* What the C looks at is what the top machine looks at. *)
Lemma hvc_seen c s t w : running c s t w -> Q c s t -> inv (P t) ->
  Guest.guest_hvc w (near w s) (words_of (cell s "vcpu_context" w) s) = Guest.guest_hvc w (sibling (P t) w) (greg t w).
Proof.
  intros G R J. destruct (running_here fixed c s t w G R J) as (W & _). unfold Guest.guest_hvc, guest_call, psci_info.
  assert (E : forall j, 0 <= j < 4 -> words_of (cell s "vcpu_context" w) s j = greg t w j).
  { intros j K. rewrite <- (i_regs _ _ _ _ G j) by (unfold W_GP; lia). unfold Context.live, is_el1.
    rewrite (proj2 (Z.leb_gt 34 j)) by lia. reflexivity. }
  rewrite !E by lia. rewrite !(near_sibling c s t w _ R W). reflexivity.
Qed.

Theorem guest_hvc_code c s t w x0 far : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  ec (Base.reg s "esr" 0) = EC_HVC -> vendor_call (words_of (cell s "vcpu_context" w) s 0) = false ->
  Guest.guest_hvc w (sibling (P t) w) (greg t w) = HvcLocal x0 ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = false /\ step (G c (OHvc far)) t = Ok t' /\ Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J H Pr S Nv Hv. destruct (running_here fixed c s t w G R J) as (_ & _ & _ & N). destruct (i_runs _ _ _ _ G) as [U Ew].
  set (ct := cell s "vcpu_context" w). set (s1 := stat_add c (cause_of EC_HVC) s).
  assert (E : forall far1 hpfar, exit_protected w (Base.reg s "esr" 0) far1 hpfar (stat_add c (cause_of (ec (Base.reg s "esr" 0))) s) =
    Ok (1, resumed ct (put_words ct [(0, x0)] s1))).
  { intros far1 hpfar. unfold exit_protected. rewrite S. change (EC_HVC =? EC_WFX) with false. change (EC_HVC =? EC_IABT) with false.
    change (EC_HVC =? EC_DABT) with false. change (EC_HVC =? EC_HVC) with true. cbn [orb]. cbv iota. unfold s_guest_hvc.
    destruct (running_context c s t w G R J Pr) as [(W & Ex & _) _]. destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _).
    fold s1. change (vcpu_ok s1 w) with (vcpu_ok s w). change (held s1) with (held s). rewrite (Ok_ Pr), H. cbn [negb andb].
    cbv zeta. change (cell s1 "vcpu_context" w) with ct. change (near w s1) with (near w s). change (words_of ct s1) with (words_of ct s).
    unfold ct. rewrite (hvc_seen c s t w G R J), Hv. reflexivity. }
  apply (local_exit c s t w _ G R J H Pr) in E; [|rewrite S; discriminate..|intros _; exact Nv].
  assert (Wr : wrote ct [(0, x0)] s1 (resumed ct (put_words ct [(0, x0)] s1))).
  { apply wrote_resumed, wrote_words. repeat (apply Forall_cons; [cbn; unfold W_GP; split; [lia|reflexivity]|]). apply Forall_nil. }
  do 2 eexists. split; [exact E|]. split; [exact (eq_trans (b_held _ _ _ _ Wr) H)|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). unfold guest_step. rewrite Pr, Hv. reflexivity. }
  apply (finished c s _ t w [(0, x0)] KCORE_STAT_exit_hvc); auto. unfold KCORE_STAT_exit_hvc, KCORE_NR_STATS. lia.
Qed.
End GuestLocal.
