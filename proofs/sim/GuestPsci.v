(* SPDX-License-Identifier: GPL-2.0-only *)
(* PSCI calls of a protected guest that the host is told of: CPU_ON, CPU_OFF, SYSTEM_OFF, SYSTEM_RESET. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Release code.Gpsci code.GuestHvc code.Vendor code.Run code.RunExit
  code.RunReturn
  code.GuestExit top.InvOwn top.InvMap.
From KCore Require Import top.Guest top.Chan.
From KCore Require Export sim.GuestLeave.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* A vCPU whose power changes, and what KCore keeps of CPU_ON for it. *)
Inductive power_change := PowerNone | PowerOff | PowerOn (t entry x0 : Z).
Definition power_of (w : Z) (ch : power_change) : option (Z * Z) :=
  match ch with PowerNone => None | PowerOff => Some (w, POWER_OFF) | PowerOn t _ _ => Some (t, POWER_BOOT) end.
Definition kept_of (ch : power_change) : option (Z * Z * Z) := match ch with PowerOn t e x => Some (t, e, x) | _ => None end.
Definition powered_code (w : Z) (ch : power_change) (s : state) : state :=
  match ch with PowerNone => s | PowerOff => setcell "vcpu_power" w POWER_OFF s | PowerOn t e x => start_vcpu t e x s end.
Definition powered (w : Z) (ch : power_change) (t : st) : st :=
  keep_entry (kept_of ch) (match power_of w ch with Some (x, p) => mkst (change_vcpu x (vcpu_with_power p) (P t)) (D t) | None => t end).

Section GuestPsci.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* The records of vCPUs matter one by one. *)
Definition with_vcpus (v : Z -> vcpurec) (p : pub) : pub :=
  mkpub (owner p) (maps p) (vm p) (lf p) (s1 p) (tab p) v (cpu p) (cnt p) (stat p) (logged p).
Lemma same_vcpus c s p d v : Q c s (mkst p d) -> (forall x, v x = vcpu p x) -> Q c s (mkst (with_vcpus v p) d).
Proof.
  intros R E. assert (Ar : forall x, at_rest (with_vcpus v p) x -> at_rest p x).
  { intros x. unfold at_rest, protected. cbn [vcpu vm cpu with_vcpus]. rewrite E. auto. }
  assert (Hc : forall x, has_context (with_vcpus v p) x -> has_context p x).
  { intros x. unfold has_context, protected. cbn [vcpu vm cpu with_vcpus]. rewrite E. auto. }
  pose proof R as X. destruct X. cbn [P D] in *. constructor; cbn [P D] in *;
    cbn [owner maps vm lf s1 tab vcpu cpu cnt stat logged with_vcpus] in *; intros;
    rewrite ?E in *; auto.
  all: lazymatch goal with
  | |- pool_fine _ _ _ => apply (pool_same fixed s s p (with_vcpus v p)); auto using Z.le_refl
  | H : is_vm _ |- reaped _ _ => exact (r_reaped _ H)
  | _ => eauto
  end.
Qed.

Lemma kept_entry x e y t j k : ctx (D (keep_entry (Some (x, e, y)) t)) j k =
  if (j =? x) && (k =? W_KEPT + 2) then y else if (j =? x) && (k =? W_KEPT + 1) then e else ctx (D t) j k.
Proof. cbn [keep_entry with_data D ctx set_ctx]. unfold upd. destruct (Z.eqb_spec j x) as [->|]; reflexivity. Qed.
Lemma entry_related c s t x e y : Q c s t -> is_vcpu x ->
  Q c (setcell "vcpu_entry_x0" x y (setcell "vcpu_entry" x e s)) (keep_entry (Some (x, e, y)) t).
Proof.
  intros R W. pose proof (kept_entry x e y t) as F. unfold keep_entry, with_data in *. cbn [D ctx set_ctx] in F. set (f := upd _ _ _) in *.
  clearbody f. related R.
  all: rewrite ?F, ?Z.eqb_refl.
  - rewrite !(proj2 (Z.eqb_neq k _)) by (unfold W_GP, W_FP, N_FP, W_KEPT in *; lia). rewrite !andb_false_r. auto.
  - change (W_CNTVOFF =? W_KEPT + 2) with false. change (W_CNTVOFF =? W_KEPT + 1) with false. rewrite !andb_false_r. auto.
  - change (W_KEPT =? W_KEPT + 2) with false. change (W_KEPT =? W_KEPT + 1) with false. change (W_KEPT + 1 =? W_KEPT + 2) with false.
    cbn [andb]. split; [|auto]. eapply r_kept; eauto.
  - match goal with N : ?a <> x |- _ => rewrite (proj2 (Z.eqb_neq a x) N) end. cbn [andb]. auto.
Qed.

(* Both, while the guest runs. *)
Lemma powered_ctx w ch t j k : ctx (D (powered w ch t)) j k = match kept_of ch with
  | Some (x, e, y) => if (j =? x) && (k =? W_KEPT + 2) then y else if (j =? x) && (k =? W_KEPT + 1) then e else ctx (D t) j k
  | None => ctx (D t) j k
  end.
Proof. destruct ch; try reflexivity. unfold powered, kept_of, power_of. rewrite kept_entry. reflexivity. Qed.
Lemma powered_running c s t w ch : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true ->
  (forall x e y, ch = PowerOn x e y -> is_vcpu x) ->
  Q c (powered_code w ch s) (powered w ch t) /\ running c (powered_code w ch s) (powered w ch t) w /\ inv (P (powered w ch t)).
Proof.
  intros G R J Pr V. destruct (running_here fixed c s t w G R J) as (W & _). split; [|split].
  - destruct ch as [| |x e y]; [exact R|apply (power_related fixed); auto|]. specialize (V x e y eq_refl).
    exact (power_related fixed c _ _ x POWER_BOOT (entry_related c s t x e y R V) V).
  - assert (Cx : cpu (P (powered w ch t)) = cpu (P t) /\ vm (P (powered w ch t)) = vm (P t)) by (destruct ch; split; reflexivity).
    destruct Cx as [Cx Vx]. assert (Cc : forall n i, In n ["vcpu_context"; "vm_cntvoff"; "vcpu_far"] ->
      cell (powered_code w ch s) n i = cell s n i).
    { intros n i H. cbn [In] in H. destruct ch; try reflexivity; repeat (destruct H as [<-|H]; [reflexivity|]); destruct H. }
    assert (Wd : word (powered_code w ch s) = word s /\ Base.reg (powered_code w ch s) = Base.reg s) by (destruct ch; split; reflexivity).
    destruct Wd as [Wd Rg]. assert (Lo : forall k, k <> W_KEPT + 1 -> k <> W_KEPT + 2 -> ctx (D (powered w ch t)) w k = ctx (D t) w k).
    { intros k N1 N2. rewrite powered_ctx. destruct (kept_of ch) as [[[x e] y]|]; [|reflexivity].
      rewrite (proj2 (Z.eqb_neq _ _) N1), (proj2 (Z.eqb_neq _ _) N2), !andb_false_r. reflexivity. }
    destruct G as [U Gr Ga]. constructor.
    + rewrite Cx. exact U.
    + intros k K. specialize (Gr k K). unfold greg in *. unfold protected in *. rewrite Vx. rewrite Pr in *.
      rewrite Lo by (unfold W_KEPT, W_GP in *; lia).
      rewrite <- Gr. unfold Context.live, words_of. rewrite Wd, Rg, Cc by (cbn; tauto). reflexivity.
    + intros _. destruct (Ga Pr) as [A1 A2 (A3 & A4 & A5)]. constructor.
      * intros k K. rewrite Wd, Cc, Lo by (cbn; tauto || (unfold W_KEPT, W_FP, N_FP in *; lia)). apply A1, K.
      * intros v Ev Rd. rewrite Vx in Rd. rewrite Cc, Lo by (cbn; tauto || discriminate). apply A2; auto.
      * rewrite Cc, Lo by (cbn; tauto || discriminate). split; [exact A3|]. rewrite !powered_ctx.
        destruct ch as [| |x e y]; cbn [kept_of]; [auto|auto|].
        unfold powered_code, start_vcpu. rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb].
        change (W_KEPT + 1 =? W_KEPT + 2) with false. rewrite !Z.eqb_refl, !andb_true_r, andb_false_r. destruct (w =? x); auto.
  - destruct ch; cbn [powered kept_of power_of keep_entry with_data P]; [exact J|apply vcpu_minor; auto..].
Qed.

(* What the calls that are told come to. *)
Lemma told_shape near w R rel x0 kept : Guest.guest_hvc w near R = HvcTell rel x0 kept -> exists fn x1 ch,
  rel = hvc_release fn x1 (power_of w ch) /\ kept = kept_of ch /\
  forall x e y, ch = PowerOn x e y -> exists m p, near m = Some (x, p).
Proof.
  unfold Guest.guest_hvc. destruct (_ =? PSCI_CPU_ON).
  - destruct (near _) as [[x p]|] eqn:S; [|discriminate]. destruct (negb _); [discriminate|]. destruct (negb _); [discriminate|].
    intros [= <- <- <-]. eexists _, _, (PowerOn x _ _). split; [reflexivity|]. split; [reflexivity|]. intros ? ? ? [= <- <- <-]. eauto.
  - destruct (_ || _); [|discriminate]. intros [= <- <- <-]. destruct (_ =? PSCI_CPU_OFF).
    + eexists _, _, PowerOff. split; [reflexivity|]. split; [reflexivity|discriminate].
    + eexists _, _, PowerNone. split; [reflexivity|]. split; [reflexivity|discriminate].
Qed.
Lemma near_vcpu w s m x p : is_vcpu w -> near w s m = Some (x, p) -> is_vcpu x.
Proof.
  intros W E. pose proof (near_range w s m x p) as X. unfold vcpu_number, is_vcpu, KCORE_NR_VCPUS in *.
  destruct X as [X _]; [|exact E|exact X]. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia.
Qed.
Lemma hvc_filter b e far hpfar R : exit_filter b e ESR_HVC far hpfar R = mkrelease ESR_HVC 0 0 [] PENDING_NONE None KCORE_STAT_exit_hvc.
Proof. reflexivity. Qed.

Theorem guest_told_code c s t w rel x0 kept : running c s t w -> Q c s t -> inv (P t) -> held s = false ->
  protected (P t) (vm_of w) = true -> u_call (cpu (P t) c) = CNone -> few_lrs s ->
  let far := Base.reg s "far" 0 in 0 <= far < 2 ^ 64 -> ec (Base.reg s "esr" 0) = EC_HVC ->
  vendor_call (words_of (cell s "vcpu_context" w) s 0) = false ->
  Guest.guest_hvc w (sibling (P t) w) (greg t w) = HvcTell rel x0 kept ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' t' /\
    run [G c (left_io c s); G c (OHvc far)] t = Ok t' /\ idle (P t') c = true.
Proof.
  intros G R J H Pr Cn Few far Bf S Nv Hv. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (i_runs _ _ _ _ G) as [U Ew].
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). specialize (Ok_ Pr).
  destruct (io_related fixed c s t w (List.length (trace s)) [] (or_introl eq_refl) R G) as (Pu & Ru & Gu & Lv & _).
  set (u := guest_step c w _ t) in *. assert (Ju : inv (P u)) by (rewrite Pu; exact J).
  assert (Pru : protected (P u) (vm_of w) = true) by (rewrite Pu; exact Pr).
  assert (Op : guest_step c w (left_io c s) t = u) by (unfold u, left_io; rewrite Ec; reflexivity).
  pose proof (hvc_seen fixed c s t w G R J) as Seen. pose proof (hvc_seen fixed c s u w Gu Ru Ju) as Seen'.
  rewrite Seen in Seen'. rewrite Hv in Seen, Seen'.
  symmetry in Seen'. clearbody u. destruct (told_shape _ _ _ _ _ _ Seen) as (fn & x1 & ch & -> & -> & Sh). clear Hv.
  pose proof (r_vcpu_page _ _ _ _ R w W) as Pg. pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg.
  pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp. set (pg := c_page (vcpu (P t) w)) in *.
  destruct (context_at fixed c s t w R) as (ic & Hic & Ek); [split; [exact W|]; split; [exact Ex|exact Pr]|].
  assert (Vch : forall x e y, ch = PowerOn x e y -> is_vcpu x).
  { intros x e y E. destruct (Sh x e y E) as (m & p & X). exact (near_vcpu w s m x p W X). }
  set (k := KCORE_STAT_exit_hvc). set (s1 := stat_add c k s). set (t1 := mkst (add_stat c k (P u)) (D u)).
  assert (R1 : Q c s1 t1) by (apply keep_stat; auto; unfold k, KCORE_STAT_exit_hvc, KCORE_NR_STATS; lia).
  pose proof (running_stat c s u w k Gu) as G1. fold s1 t1 in G1. assert (J1 : inv (P t1)) by (apply inv_stat, Ju).
  (* the power of a vCPU *)
  destruct (powered_running c s1 t1 w ch G1 R1 J1 Pru Vch) as (R2 & G2 & J2). set (s2 := powered_code w ch s1) in *.
  set (t2 := powered w ch t1) in *.
  assert (F2 : (forall n i, In n ["vcpu_page"; "vcpu_context"; "cpu_fp"] -> cell s2 n i = cell s n i) /\ word s2 = word s /\
    Base.reg s2 = Base.reg s /\ trace s2 = trace s /\ answer s2 = answer s /\ held s2 = held s).
  { unfold s2. split; [|destruct ch; repeat split]. intros n i Hn. cbn [In] in Hn.
    destruct ch; repeat (destruct Hn as [<-|Hn]; [reflexivity|]); destruct Hn. }
  destruct F2 as (C2 & W2 & Rg2 & Tr2 & An2 & H2).
  assert (T2 : vm (P t2) = vm (P t) /\ c_page (vcpu (P t2) w) = c_page (vcpu (P t) w) /\ io (D t2) = io (D u)).
  { assert (Up : forall (v : Z -> vcpurec) x p, c_page (upd v x (vcpu_with_power p (v x)) w) = c_page (v w)).
    { intros v x p. unfold upd. destruct (Z.eqb_spec w x) as [->|]; reflexivity. }
    unfold t2, t1. destruct ch; cbn [powered kept_of power_of keep_entry with_data P D io set_ctx]; rewrite Pu;
      (split; [reflexivity|]); (split; [|reflexivity]); [reflexivity|apply Up..]. }
  destruct T2 as (V2 & Pg2 & Io2). assert (Pr2 : protected (P t2) (vm_of w) = true) by (unfold protected; rewrite V2; exact Pr).
  (* the call's arguments to the page, its result to the guest *)
  set (l := r_regs (hvc_release fn x1 (power_of w ch))).
  assert (Fl : Forall (fun p : Z * Z => 0 <= fst p < 32) l) by (unfold l; repeat (apply Forall_cons; [cbn [fst]; lia|]); apply Forall_nil).
  destruct (page_running fixed I c s2 t2 w l G2 R2 J2 Pr2) as [R3 G3]; [eapply Forall_impl; [|exact Fl]; cbn; lia|].
  set (s3 := put_words _ l s2) in *. set (t3 := mkst (P t2) _) in *.
  assert (Wr : wrote (cell s3 "vcpu_context" w) [(0, x0)] s3 (put_words (cell s3 "vcpu_context" w) [(0, x0)] s3)).
  { apply wrote_words. repeat (apply Forall_cons; [cbn; unfold W_GP; split; [lia|reflexivity]|]). apply Forall_nil. }
  destruct (written fixed I c s3 _ t3 w [(0, x0)] G3 R3 J2 Pr2 Wr) as [R4 G4]. set (s4 := put_words _ [(0, x0)] s3) in *.
  set (t4 := write_greg t3 w [(0, x0)]) in *. assert (P4 : P t4 = P t2) by reflexivity.
  (* the exit *)
  destruct (told_related fixed I c s4 t4 w ESR_HVC far (Base.reg s "hpfar" 0) G4 R4) as (s' & E & H' & R'); auto.
  { change (held s4) with (held s2). rewrite H2. exact H. }
  { intros Gc. change (Base.reg s4) with (Base.reg s2). rewrite Rg2. apply Few, Gc. }
  { unfold ESR_HVC. lia. }
  { change (trace s4) with (trace s2). change (cell s4 "vcpu_page" w) with (cell s2 "vcpu_page" w). rewrite Tr2, C2 by (cbn; tauto).
    apply (leaves_same _ _ s s4 (io (D u) w)); auto.
    - intros i Hi. rewrite Pg. rewrite (b_word _ _ _ _ Wr).
      + unfold s3. rewrite C2, Pg by (cbn; tauto).
        rewrite put_words_not by (eapply Forall_impl; [|exact Fl]; intros q Hq; cbn beta in Hq; unfold W_LR in *; lia). rewrite W2. reflexivity.
      + intros o Ho. change (cell s3 "vcpu_context" w) with (cell s2 "vcpu_context" w). rewrite C2, Ek by (cbn; tauto).
        apply page_apart; auto; unfold W_LR, W_FP, W_GP in *; lia.
    - intros i. change (cell s4 "cpu_fp" i) with (cell s2 "cpu_fp" i). apply C2. cbn. tauto.
    - intros m Hm i. change (Base.reg s4) with (Base.reg s2). rewrite Rg2. reflexivity.
    - intros j. replace (io (D t4)) with (io (D t2)); [rewrite Io2; reflexivity|]. unfold t4, write_greg, set_greg.
      change (protected (P t3) (vm_of w)) with (protected (P t2) (vm_of w)). rewrite Pr2. reflexivity. }
  assert (Pg4 : c_page (vcpu (P t4) w) = pg) by (rewrite P4; exact Pg2).
  assert (Kp : P (keep_entry (kept_of ch) (keep w far (write_greg u w [(0, x0)]))) = P u) by (destruct ch; reflexivity).
  rewrite hvc_filter in R'.
  set (t' := leave c (hvc_release fn x1 (power_of w ch)) (keep_entry (kept_of ch) (keep w far (write_greg u w [(0, x0)])))).
  assert (Uu : u_run (cpu (P u) c) = true /\ u_vcpu (cpu (P u) c) = w) by (rewrite Pu; auto). destruct Uu as [Uu Eu].
  exists s', t'. split; [|split; [exact H'|split; [|split]]].
  - apply (told_exit fixed I c s t w s4 _ G R J H Pr); rewrite ?S; try discriminate; [intros _; exact Nv| |exact E].
    intros far1 hpfar. unfold exit_protected. rewrite S. change (EC_HVC =? EC_WFX) with false. change (EC_HVC =? EC_IABT) with false.
    change (EC_HVC =? EC_DABT) with false. change (EC_HVC =? EC_HVC) with true. cbn [orb]. cbv iota. unfold s_guest_hvc.
    change (cause_of EC_HVC) with k. fold s1. change (vcpu_ok s1 w) with (vcpu_ok s w). change (held s1) with (held s). rewrite Ok_, H.
    cbn [negb andb]. cbv zeta. change (near w s1) with (near w s).
    change (words_of (cell s1 "vcpu_context" w) s1) with (words_of (cell s "vcpu_context" w) s).
    rewrite Seen. unfold s4, s3, s2, l. destruct ch; reflexivity.
  - unfold told in R'. rewrite Pg4 in R'. set (pT := change_cpu _ _ (change_vcpu _ _ _)) in R'. set (dT := do_effects _ _) in R'.
    assert (Ep : P t' = with_vcpus (vcpu (P t')) pT).
    { unfold t', leave, deliver. cbn [P]. rewrite Kp, Eu, Pru. unfold pT. rewrite P4. unfold t2, t1. destruct ch; reflexivity. }
    assert (Ev : forall x, vcpu (P t') x = vcpu pT x).
    { intros x. unfold t', leave, deliver. cbn [P]. rewrite Kp, Eu, Pru. unfold pT. rewrite P4. unfold t2, t1.
      destruct ch as [| |y e z]; cbn [powered kept_of power_of keep_entry with_data P D hvc_release r_power r_pending r_esr r_stat vcpu
        add_stat change_cpu set_cpu change_vcpu set_vcpu]; unfold upd; [reflexivity|destruct (x =? w); [rewrite Z.eqb_refl|]; reflexivity|].
      destruct (Z.eqb_spec x y) as [->|Ny]; [destruct (Z.eqb_spec y w) as [->|Nw]; rewrite ?Z.eqb_refl; reflexivity|].
      destruct (Z.eqb_spec x w) as [->|Nw]; [rewrite (proj2 (Z.eqb_neq _ _) Ny)|]; reflexivity. }
    pose proof (same_vcpus c s' pT dT (vcpu (P t')) R' Ev) as X. rewrite <- Ep in X. replace t' with (mkst (P t') (D t')) by reflexivity.
    assert (D4 : D t4 = set_ctx (upd (ctx (D t3)) w (writes 0 W_GP [(0, x0)] (ctx (D t3) w))) (D t3)).
    { unfold t4, write_greg, set_greg, greg. change (P t3) with (P t2). rewrite Pr2. reflexivity. }
    assert (Du : write_greg u w [(0, x0)] = mkst (P u) (set_ctx (upd (ctx (D u)) w (writes 0 W_GP [(0, x0)] (ctx (D u) w))) (D u))).
    { unfold write_greg, set_greg, greg. rewrite Pru. reflexivity. }
    assert (Et : D t' = do_effects [PageWrite pg (exit_page (hvc_release fn x1 (power_of w ch)));
        IoSave w pg false; HostX c 0 KCORE_EXIT_TRAP]
      (D (keep_entry (kept_of ch) (keep w far (mkst (P u) (set_ctx (upd (ctx (D u)) w (writes 0 W_GP [(0, x0)] (ctx (D u) w))) (D u))))))).
    { unfold t', leave, deliver_effect. rewrite Kp, Eu, Du. unfold pg. rewrite Pu. reflexivity. }
    assert (Ed : D (keep w far t4) = set_ctx (upd (ctx (D t4)) w (upd (ctx (D t4) w) W_KEPT far)) (D t4)) by reflexivity.
    rewrite Et. unfold dT in X. rewrite Ed, D4 in X. clear Et Ed D4 Du Ep Ev R' dT. set (d0 := D (keep_entry _ _)).
    assert (A : mem d0 = mem (D u) /\ fpm d0 = fpm (D u) /\ hreg d0 = hreg (D u) /\ io d0 = io (D u))
      by (unfold d0; destruct ch; repeat split).
    assert (B : mem (D t3) = upd (mem (D u)) pg (writes 0 512 l (mem (D u) pg)) /\ fpm (D t3) = fpm (D u) /\ hreg (D t3) = hreg (D u) /\
      io (D t3) = io (D u)).
    { unfold t3. rewrite Pg2. unfold t2, t1. destruct ch; repeat split. }
    destruct A as (A1 & A2 & A3 & A4), B as (B1 & B2 & B3 & B4).
    assert (Cx : forall j q, ctx d0 j q = upd (upd (ctx (D t3)) w (writes 0 W_GP [(0, x0)] (ctx (D t3) w))) w
      (upd (upd (ctx (D t3)) w (writes 0 W_GP [(0, x0)] (ctx (D t3) w)) w) W_KEPT far) j q).
    { intros j q. unfold d0. destruct ch as [| |x e y]; [reflexivity..|]. cbn [kept_of]. rewrite kept_entry.
      pose proof (powered_ctx w (PowerOn x e y) t1 j q : ctx (D t3) j q = _) as F3. cbn [kept_of] in F3.
      unfold keep, with_data. cbn [D ctx set_ctx]. unfold writes. cbn [fold_left fst snd]. change (inside 0 0 W_GP) with true. cbv iota.
      unfold upd.
      destruct (Z.eqb_spec j w) as [->|]; [|rewrite F3; reflexivity]. rewrite !Z.eqb_refl, F3. change (ctx (D t1)) with (ctx (D u)).
      destruct (Z.eqb_spec q (W_KEPT + 2)) as [Eq|]; [rewrite Eq; change (W_KEPT + 2 =? W_KEPT) with false;
        change (W_KEPT + 2 =? 0) with false; destruct (w =? x); reflexivity|].
      destruct (Z.eqb_spec q (W_KEPT + 1)) as [Eq|]; [rewrite Eq; change (W_KEPT + 1 =? W_KEPT) with false;
        change (W_KEPT + 1 =? 0) with false; destruct (w =? x); reflexivity|].
      rewrite !andb_false_r. reflexivity. }
    apply (same_contents fixed c s' _ _ _ X); cbn [do_effects fold_left do_effect mem ctx fpm hreg io set_mem set_ctx set_hreg];
      rewrite ?A1, ?A2, ?A3, ?A4, ?B1, ?B2, ?B3, ?B4;
      auto.
    intros q o. unfold upd. destruct (q =? pg); [|reflexivity]. rewrite !Z.eqb_refl. unfold exit_page, l.
    cbn [hvc_release r_regs r_esr r_far r_hpfar app].
    reflexivity.
  - cbn [run step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N), Op, Uu, Eu, (proj2 (Z.eqb_neq _ _) N). f_equal. cbn [guest_step].
    rewrite Pru, Seen'. reflexivity.
  - unfold idle, t', leave, deliver. cbn [P]. rewrite Kp, Pu, Ew, Pr.
    destruct ch; cbn [hvc_release r_power power_of]; peel; unfold upd; rewrite Z.eqb_refl;
      cbn [cpu_with_run u_run u_call negb andb]; rewrite Cn; reflexivity.
Qed.
End GuestPsci.
