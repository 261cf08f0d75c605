(* SPDX-License-Identifier: GPL-2.0-only *)
(* Exits of a protected guest that the host is told of, by the register filter. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Regs code.Release code.GuestSysreg code.Vendor code.Run code.RunExit code.RunReturn
  code.GuestExit top.InvOwn top.InvMap.
From KCore Require Import top.Guest top.Chan.
From KCore Require Export sim.GuestLocal sim.GuestExit.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma one_same R R' rt mask : (forall k, 0 <= k < 32 -> R k = R' k) -> 0 <= rt < 32 -> one_register R rt mask = one_register R' rt mask.
Proof. intros E B. unfold one_register. rewrite E by exact B. reflexivity. Qed.
Lemma put_words_not pa l s k : Forall (fun p : Z * Z => fst p <> k) l -> word (put_words pa l s) (pa + k * 8) = word s (pa + k * 8).
Proof.
  unfold put_words. cbn [word setwords]. generalize (word s). induction l as [|[j x] l IH]; intros f F; [reflexivity|].
  inversion F as [|? ? N F']; subst. cbn [fold_left fst snd] in *. rewrite IH by exact F'. rewrite (proj2 (Z.eqb_neq _ _)) by lia. reflexivity.
Qed.
Section Filter.
Context {cfg : config}.
Lemma filter_same b e esr far hpfar R R' : (forall k, 0 <= k < 32 -> R k = R' k) ->
  exit_filter b e esr far hpfar R = exit_filter b e esr far hpfar R'.
Proof.
  intros E. pose proof (field_below esr 16). pose proof (field_below esr 5). unfold exit_filter.
  rewrite !(one_same R R') by (auto; lia). reflexivity.
Qed.
Lemma page_bound b e esr far hpfar R : Forall (fun p => 0 <= fst p < 32 \/ W_EXIT <= fst p < W_EXIT + 3) (exit_page (exit_filter b e esr far hpfar R)).
Proof.
  pose proof (field_below esr 16) as B1. pose proof (field_below esr 5) as B2. unfold exit_page. apply Forall_app. split.
  - unfold exit_filter, one_register. repeat match goal with |- context [if ?b then _ else _] => destruct b end; cbn [r_regs];
      repeat (apply Forall_cons; [cbn [fst]; lia|]); apply Forall_nil.
  - repeat (apply Forall_cons; [cbn [fst]; lia|]). apply Forall_nil.
Qed.
Lemma pending_esr b e esr far hpfar R : let rel := exit_filter b e esr far hpfar R in r_pending rel <> PENDING_NONE -> r_esr rel = esr.
Proof. unfold exit_filter. repeat match goal with |- context [if ?b then _ else _] => destruct b end; cbn [r_pending r_esr]; intros; congruence. Qed.
End Filter.

Section GuestLeave.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* The shared page, while a protected guest runs. *)
Lemma page_running c s t w l : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true ->
  Forall (fun p => 0 <= fst p < 512) l -> let pg := c_page (vcpu (P t) w) in
  let s' := put_words (cell s "vcpu_page" w) l s in let t' := mkst (P t) (do_effect (D t) (PageWrite pg l)) in
  Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J Pr F pg s' t'. destruct (running_here fixed c s t w G R J) as (W & Ex & _).
  pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  pose proof (r_vcpu_page _ _ _ _ R w W) as Pg. fold pg in Pg, Cg, Lp.
  assert (Hc : has_context (P t) w) by (split; [exact W|]; split; [exact Ex|exact Pr]).
  destruct (context_at fixed c s t w R Hc) as (i & Hi & E).
  assert (Wc : forall o, 0 <= o < 512 -> word s' (cell s "vcpu_context" w + o * 8) = word s (cell s "vcpu_context" w + o * 8)).
  { intros o O. unfold s'. rewrite (put_words_other _ 512) by (auto; intros j Hj X; rewrite Pg, E in X; symmetry in X; revert X; apply page_apart; auto).
    reflexivity. }
  split.
  - apply (keep_page fixed I c s s' t pg (writes 0 512 l (mem (D t) pg)) R Cg); [constructor; reflexivity|..].
    + intros x N. unfold s'. rewrite Pg. apply (put_words_other _ 512); auto.
    + intros o O. unfold s'. rewrite Pg, (put_words_at _ 512) by auto. apply writes_ext. apply (page_word fixed c s t); auto.
  - apply (running_same c s s' t t' w G); auto.
    + intros k K. apply Wc. unfold W_GP in K. lia.
    + intros k K. unfold greg, t'. cbn [P D]. rewrite Pr. reflexivity.
    + intros _. split; [exact Pr|]. intros A. apply (aside_same s s' t); auto. intros k K. apply Wc. unfold W_FP, N_FP in K. lia.
Qed.

(* What KCore keeps of the exit. *)
Lemma kept_running c s t w esr far pending e : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true ->
  (pending <> PENDING_NONE -> e = esr) ->
  let s' := setcell "vcpu_pending" w pending (setcell "vcpu_far" w far (setcell "vcpu_esr" w esr s)) in
  let t' := mkst (change_vcpu w (vcpu_with_pending pending e) (P t)) (D (keep w far t)) in
  Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J Pr Es s' t'. destruct (running_here fixed c s t w G R J) as (W & Ex & _).
  destruct (running_context fixed c s t w G R J Pr) as [Hc Na]. set (p := change_vcpu w (vcpu_with_pending pending e) (P t)).
  assert (St : forall x, c_state (vcpu p x) = c_state (vcpu (P t) x) /\ c_cpu (vcpu p x) = c_cpu (vcpu (P t) x)).
  { intros x. unfold p. peel. unfold upd. destruct (Z.eqb_spec x w) as [->|]; auto. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x).
  { intros x. destruct (St x) as [E1 E2]. unfold at_rest. rewrite E1, E2. auto. }
  assert (Hp : forall x, has_context p x -> has_context (P t) x).
  { intros x. destruct (St x) as [E1 _]. unfold has_context. rewrite E1. auto. }
  assert (R1 : Q c s' (mkst p (D t))).
  { unfold s', p in *. clear p St. clear t' s'. related R.
    all: try contradiction.
    all: match goal with H : _ <> PENDING_NONE |- _ => unfold upd in H; rewrite ?Z.eqb_refl in H; cbn [c_pending vcpu_with_pending] in H;
      first [symmetry; apply Es, H | apply r_vcpu_esr; auto; match type of H with context [?x =? ?k] =>
        destruct (Z.eqb_spec x k); [contradiction|exact H] end] end. }
  split.
  - apply (keep_running fixed I c s' s' (mkst p (D t)) w _ R1); auto.
    + destruct (St w) as [E1 _]. split; [exact W|]. cbn [P]. rewrite E1. split; [exact Ex|exact Pr].
    + intros x k N. unfold keep, with_data. cbn [D ctx set_ctx]. unfold upd. rewrite (proj2 (Z.eqb_neq _ _) N). reflexivity.
    + exact (r_vgic _ _ _ _ R1).
  - destruct G as [U Gr Ga]. constructor; auto.
    + intros k K. unfold greg, t'. cbn [P D]. change (protected (change_vcpu w (vcpu_with_pending pending e) (P t)) (vm_of w)) with (protected (P t) (vm_of w)).
      specialize (Gr k K).
      unfold greg in Gr. rewrite Pr in *. unfold keep, with_data. cbn [D ctx set_ctx]. unfold upd. rewrite Z.eqb_refl. cbv beta iota.
      rewrite (proj2 (Z.eqb_neq k W_KEPT)) by (unfold W_GP, W_KEPT in *; lia). exact Gr.
    + intros _. destruct (Ga Pr) as [A1 A2 (A3 & A4 & A5)]. unfold t', keep, with_data. constructor; cbn [P D ctx set_ctx]; unfold upd; rewrite ?Z.eqb_refl; cbv beta iota.
      * intros k K. rewrite (proj2 (Z.eqb_neq k W_KEPT)) by (unfold W_FP, N_FP, W_KEPT in *; lia). apply A1, K.
      * intros v Ev Rd. change (W_CNTVOFF =? W_KEPT) with false. cbv iota. apply A2; auto.
      * unfold s'. rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. rewrite !Z.eqb_refl.
        change (W_KEPT + 1 =? W_KEPT) with false. change (W_KEPT + 2 =? W_KEPT) with false. auto.
Qed.

Lemma leaves_same n page s s' x x' : leaves n page s x -> answer s' = answer s -> (forall k, W_LR <= k < W_FP -> word s' (page + k * 8) = word s (page + k * 8)) ->
  (forall i, cell s' "cpu_fp" i = cell s "cpu_fp" i) ->
  (forall m, In m ["hcr"; "icc_sre"; "lrs"; "lr"; "a32"; "fpexc"; "cpu_id"] -> forall i, Base.reg s' m i = Base.reg s m i) -> (forall k, x' k = x k) -> leaves n page s' x'.
Proof.
  intros [L1 L2 L3 L4 L5 L6] A W Cf Rg X. constructor; rewrite ?X, ?Rg by (cbn; tauto); auto.
  - intros i Hi. rewrite X, (L4 i Hi). unfold lr_left. rewrite A, W, Rg by first [unfold W_LR, W_FP; lia|cbn; tauto]. reflexivity.
  - intros Nr i Hi. rewrite X, (L6 Nr i Hi). unfold a32_value. rewrite !Rg, Cf, W by first [unfold W_A32, N_A32, W_LR, W_FP in *; lia|cbn; tauto].
    reflexivity.
Qed.

(* The syndrome to the shared page, and the host goes on. *)
Definition told (c w far : Z) (rel : release) (t : st) : st :=
  mkst (change_cpu c (cpu_with_run false) (change_vcpu w (vcpu_with_pending (r_pending rel) (if r_pending rel =? PENDING_NONE then 0 else r_esr rel)) (P t)))
    (do_effects [PageWrite (c_page (vcpu (P t) w)) (exit_page rel); IoSave w (c_page (vcpu (P t) w)) false; HostX c 0 KCORE_EXIT_TRAP] (D (keep w far t))).
Lemma told_related c s t w esr far hpfar : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true -> held s = false -> few_lrs s ->
  0 <= esr < 2 ^ 64 -> 0 <= far < 2 ^ 64 -> leaves (List.length (trace s)) (cell s "vcpu_page" w) s (io (D t) w) ->
  let rel := exit_filter (v_base (vm (P t) (vm_of w))) (v_end (vm (P t) (vm_of w))) esr far hpfar (greg t w) in
  exists s', exit_told c w KCORE_VM_PROTECTED esr far hpfar s = Ok (0, s') /\ held s' = false /\ Q c s' (told c w far rel t).
Proof.
  intros G R J Pr H Few Be Bf Lv rel. destruct (running_here fixed c s t w G R J) as (W & Ex & _). pose proof (vm_handle w W) as Hv.
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). pose proof (r_vcpu_page _ _ _ _ R w W) as Pg.
  assert (Rl : released w esr far hpfar s = rel).
  { unfold released, rel. change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_base _ _ _ _ R _ Hv), (r_vm_end _ _ _ _ R _ Hv).
    apply filter_same. intros k K. rewrite <- (i_regs _ _ _ _ G k) by (unfold W_GP; lia). unfold Context.live, is_el1.
    rewrite (proj2 (Z.leb_gt 34 k)) by lia. reflexivity. }
  assert (Fp : Forall (fun p => 0 <= fst p < 512) (exit_page rel)).
  { eapply Forall_impl; [|apply page_bound]. cbn. unfold W_EXIT. lia. }
  destruct (page_running c s t w (exit_page rel) G R J Pr Fp) as [R1 G1]. set (s1 := put_words _ _ s) in *. set (t1 := mkst _ _) in *.
  destruct (kept_running c s1 t1 w esr far (r_pending rel) (if r_pending rel =? PENDING_NONE then 0 else r_esr rel) G1 R1 J Pr) as [R2 G2].
  { intros N. rewrite (proj2 (Z.eqb_neq _ _) N). apply pending_esr, N. }
  set (s2 := setcell "vcpu_pending" _ _ _) in *. set (t2 := mkst _ _) in R2, G2.
  assert (E1 : s_exit_syndrome [w; KCORE_VM_PROTECTED; esr; far; hpfar] s = Ok (0, s2)).
  { unfold s_exit_syndrome, show_release. rewrite Rl, (Ok_ Pr). change (KCORE_VM_PROTECTED =? KCORE_VM_PROTECTED) with true. cbv iota.
    replace (word64 esr) with true by (symmetry; unfold word64; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
    replace (word64 far) with true by (symmetry; unfold word64; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia). reflexivity. }
  destruct (host_back_related fixed I c s2 t2 w KCORE_EXIT_TRAP R2) as (s3 & E3 & H3 & R3); auto.
  { apply vcpu_minor; auto. }
  { change (cell s2 "vcpu_page" w) with (cell s "vcpu_page" w). change (trace s2) with (trace s). apply (leaves_same _ _ s s2 (io (D t) w)); auto.
    intros k Hk. change (word s2) with (word s1). unfold s1. apply (put_words_not). eapply Forall_impl; [|apply page_bound]. intros q Hq. cbn beta in Hq. unfold W_EXIT, W_LR in *. lia. }
  exists s3. unfold exit_told. rewrite E1. cbn [bind]. rewrite E3. cbn [bind]. split; [reflexivity|]. split; [rewrite H3; exact H|].
  replace (c_page (vcpu (P t2) w)) with (c_page (vcpu (P t) w)) in R3; [exact R3|].
  unfold t2. cbn [P]. unfold change_vcpu, set_vcpu, upd. cbn [vcpu]. rewrite Z.eqb_refl. reflexivity.
Qed.

(* From the vector to the syndrome, where KCore does not finish it. *)
Lemma told_exit c s t w s1 x : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  let e := ec (Base.reg s "esr" 0) in e <> EC_IABT -> e <> EC_DABT -> e <> EC_FP ->
  (e = EC_HVC -> vendor_call (words_of (cell s "vcpu_context" w) s 0) = false) ->
  (forall far hpfar, exit_protected w (Base.reg s "esr" 0) far hpfar (stat_add c (cause_of e) s) = Ok (0, s1)) ->
  exit_told c w KCORE_VM_PROTECTED (if e =? EC_HVC then ESR_HVC else Base.reg s "esr" 0) (Base.reg s "far" 0) (Base.reg s "hpfar" 0) s1 = Ok x ->
  link L1 above "guest_exit" [0] s = Ok x.
Proof.
  intros G R J H Pr e N2 N3 N4 Nv E E'. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (r_cpu_id _ _ _ _ R) as [Ei C]. destruct (vcpu_areas fixed I c s t w R J W Ex) as (Mm & Ok_ & _).
  pose proof (type_protected (P t) w J Ex) as Tp. rewrite Pr in Tp. symmetry in Tp. apply Z.eqb_eq in Tp.
  assert (Co : cpu_ok c = true) by (unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  apply (does_ok _ _ _ _ _ does_guest_exit). unfold s_guest_exit. rewrite Ei, Co. cbv zeta. rewrite Ec, (proj2 (Z.eqb_neq w NO_VCPU) N), Mm.
  cbn [negb Z.eqb]. unfold exit_synchronous. cbv zeta. fold e. rewrite (proj2 (Z.eqb_neq _ _) N4). cbn [andb].
  unfold needs_hpfar. fold e. rewrite (proj2 (Z.eqb_neq _ _) N2), (proj2 (Z.eqb_neq _ _) N3). cbn [orb andb].
  change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_type _ _ _ _ R _ (vm_handle w W)), Tp.
  rewrite exit_guest_others; [|exact (Ok_ Pr)|reflexivity|exact Nv]. unfold s_exit_protected.
  change (vcpu_ok (stat_add c (cause_of e) s) w) with (vcpu_ok s w). change (held (stat_add c (cause_of e) s)) with (held s).
  rewrite (Ok_ Pr), H. cbn [negb andb]. fold e. rewrite E. cbn [bind negb Z.eqb]. fold e. exact E'.
Qed.
Definition left_io (c : Z) (s : state) : gop :=
  OIo (fun _ => (io_left (List.length (trace s)) (cell s "vcpu_page" (cell s "cpu_vcpu" c)) s ++ [])%list).

(* ------------------------------------------------------------------ a write that sends an interrupt *)

Theorem sgi_code c s t w : running c s t w -> Q c s t -> inv (P t) -> sound -> held s = false -> protected (P t) (vm_of w) = true ->
  u_call (cpu (P t) c) = CNone -> few_lrs s -> let esr := Base.reg s "esr" 0 in let far := Base.reg s "far" 0 in
  0 <= esr < 2 ^ 64 -> 0 <= far < 2 ^ 64 -> ec esr = EC_SYSREG -> is_sgi (negb (cell s "has_gicv3" 0 =? 0)) esr = true ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' t' /\
    run [G c (left_io c s); G c (OExit esr far (Base.reg s "hpfar" 0))] t = Ok t' /\ idle (P t') c = true.
Proof.
  intros G R J B H Pr Cn Few esr far Be Bf S Sg. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (i_runs _ _ _ _ G) as [U Ew].
  destruct (io_related fixed c s t w (List.length (trace s)) [] (or_introl eq_refl) R G) as (Pu & Ru & Gu & Lv & _).
  set (u := guest_step c w _ t) in *. assert (Ju : inv (P u)) by (rewrite Pu; exact J). assert (Pru : protected (P u) (vm_of w) = true) by (rewrite Pu; exact Pr).
  assert (Op : guest_step c w (left_io c s) t = u) by (unfold u, left_io; rewrite Ec; reflexivity).
  clearbody u.
  set (k := KCORE_STAT_exit_sysreg). set (s1 := stat_add c k s). set (t1 := mkst (add_stat c k (P u)) (D u)).
  assert (R1 : Q c s1 t1) by (apply keep_stat; auto; unfold k, KCORE_STAT_exit_sysreg, KCORE_NR_STATS; lia).
  pose proof (running_stat c s u w k Gu) as G1. fold s1 t1 in G1.
  destruct (told_related c s1 t1 w esr far (Base.reg s "hpfar" 0) G1 R1) as (s' & E & H' & R'); auto.
  { apply inv_stat, Ju. } { apply (leaves_same _ _ s s1 (io (D u) w)); auto. }
  exists s'. assert (E0 : forall far1 hpfar, exit_protected w esr far1 hpfar (stat_add c (cause_of (ec esr)) s) = Ok (0, s1)).
  { intros far1 hpfar. unfold exit_protected. rewrite S. change (EC_SYSREG =? EC_WFX) with false. change (EC_SYSREG =? EC_IABT) with false.
    change (EC_SYSREG =? EC_DABT) with false. change (EC_SYSREG =? EC_HVC) with false. change (EC_SYSREG =? EC_SYSREG) with true. cbn [orb]. cbv iota.
    destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). unfold s_guest_sysreg. change (cause_of EC_SYSREG) with k. fold s1.
    change (vcpu_ok s1 w) with (vcpu_ok s w). rewrite (Ok_ Pr). change (cell s1 "has_gicv3" 0) with (cell s "has_gicv3" 0).
    unfold guest_sysreg. rewrite Sg. reflexivity. }
  assert (E1 : link L1 above "guest_exit" [0] s = Ok (0, s')).
  { apply (told_exit c s t w s1 _ G R J H Pr); fold esr; try (rewrite S; discriminate); [exact E0|]. rewrite S. exact E. }
  eexists. split; [exact E1|]. split; [exact H'|]. assert (Fl : forall R0, exit_sync (v_base (vm (P u) (vm_of w))) (v_end (vm (P u) (vm_of w))) esr far
    (Base.reg s "hpfar" 0) R0 = exit_filter (v_base (vm (P u) (vm_of w))) (v_end (vm (P u) (vm_of w))) esr far (Base.reg s "hpfar" 0) R0).
  { intros R0. unfold exit_sync, ensure. rewrite B. reflexivity. }
  split; [exact R'|]. split.
  - cbn [run step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N), Op, Pu, U, Ew, (proj2 (Z.eqb_neq _ _) N). f_equal. cbn [guest_step]. rewrite Pru.
    replace (exits_to_host esr && negb (hidden (P u) (vm_of w) esr (Base.reg s "hpfar" 0))) with true by (unfold exits_to_host, hidden; rewrite S; reflexivity). unfold sync_release. rewrite Pru, Fl.
    set (rel := exit_filter _ _ _ _ _ _). assert (Rs : Guest.r_stat rel = k /\ r_power rel = None).
    { unfold rel, exit_filter. rewrite S. split; reflexivity. }
    destruct Rs as [Rs Rp]. unfold leave, told, deliver, deliver_effect. change (P (keep w far u)) with (P u). rewrite Pu, Ew, Pr, Rs, Rp.
    unfold t1. cbn [P]. rewrite Pu. reflexivity.
  - unfold idle, told. cbn [P]. unfold change_cpu, set_cpu, change_vcpu, set_vcpu, add_stat, upd, t1. cbn [cpu]. rewrite Z.eqb_refl. cbn [u_run u_call cpu_with_run negb andb].
    cbn [P cpu]. rewrite Pu. unfold add_stat. cbn [cpu]. rewrite Cn. reflexivity.
Qed.
End GuestLeave.
