(* SPDX-License-Identifier: GPL-2.0-only *)
(* WFx and stage-2 faults of a protected VM: the host is told by the register filter, and goes on. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Release code.Run code.Frame code.RunExit code.RunReturn code.GuestExit
  top.Chan top.InvOwn top.InvMap.
From KCore Require Export sim.GuestLeave sim.GuestNormal sim.Guard.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The guest takes the abort itself: there is a guard, and the page isn't the host's to serve. *)
Definition hides (c : Z) (s : state) : bool :=
  is_abort (Base.reg s "esr" 0) && abort_hidden (cell s "cpu_vcpu" c) (fault_ipa s) s.
Definition hidden_op (s : state) : gop :=
  OLocal KCORE_STAT_exit_abort (fun l => take_exception (of_list l) (guard_syndrome (Base.reg s "esr" 0)) (Base.reg s "far" 0)).
Definition fault_class (s : state) : Prop := let e := Guest.ec (Base.reg s "esr" 0) in e = Guest.EC_WFX \/ e = Guest.EC_IABT \/ e = Guest.EC_DABT.

Definition guard_names : list string := ["vm_guards"; "guard_base"; "guard_end"; "vm_mem_base"; "vm_mem_end"].
Lemma stat_other c k n i s : In n guard_names -> cell (stat_add c k s) n i = cell s n i.
Proof. intros H. cbn [In guard_names] in H. repeat (destruct H as [<-|H]; [reflexivity|]). destruct H. Qed.
Lemma abort_hidden_same w h s u : (forall n i, In n guard_names -> cell u n i = cell s n i) -> abort_hidden w h u = abort_hidden w h s.
Proof.
  intros E. unfold abort_hidden, inside_memory, guard_check. rewrite !E by (cbn; tauto).
  assert (G : forall v n ipa, guard_of u v n ipa = guard_of s v n ipa); [|rewrite G; reflexivity].
  intros v n ipa. Transparent guard_of. unfold guard_of. Opaque guard_of. generalize 0. induction (Z.to_nat n) as [|m IH]; intros i; cbn [guard_from]; [reflexivity|].
  unfold in_guard. rewrite !E, IH by (cbn; tauto). reflexivity.
Qed.

(* The state in which the code asks what KCore finishes alone: the exit is counted, the page's IPA known. *)
Definition counted (c : Z) (s : state) : state := stat_add c (Guest.cause (Base.reg s "esr" 0)) s.
Definition asked (c : Z) (s : state) : state :=
  if asks_ipa s then record "translate_el1" [Base.reg s "far" 0] (counted c s) else counted c s.
Lemma asked_same c s : cell (asked c s) = cell (counted c s) /\ Base.reg (asked c s) = Base.reg s /\ word (asked c s) = word s /\ held (asked c s) = held s /\
  answer (asked c s) = answer s /\ Frame.frame s (asked c s).
Proof. unfold asked. destruct (asks_ipa s); repeat split. Qed.
Lemma fault_is_no_call s : fault_class s -> (Guest.ec (Base.reg s "esr" 0) =? Guest.EC_FP) = false /\ (Guest.ec (Base.reg s "esr" 0) =? Guest.EC_HVC) = false.
Proof. intros [->|[->| ->]]; split; reflexivity. Qed.

Section GuestFault.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* guest_exit gets there with any fault of this class. *)
Lemma fault_asked c s t w : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  fault_class s -> own_fault s = false -> let esr := Base.reg s "esr" 0 in let far := Base.reg s "far" 0 in
  s_guest_exit [0] s = let* (r, u) := exit_protected w esr far (fault_ipa s) (asked c s) in
    if negb (r =? 0) then Ok (1, stat_add c KCORE_STAT_exit_local u) else exit_told c w KCORE_VM_PROTECTED esr far (fault_ipa s) u.
Proof.
  intros G R J H Pr S Of esr far. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N). destruct (r_cpu_id _ _ _ _ R) as [Ei C].
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (Mm & Ok_ & _). specialize (Ok_ Pr).
  pose proof (type_protected (P t) w J Ex) as Tp. rewrite Pr in Tp. symmetry in Tp. apply Z.eqb_eq in Tp.
  destruct (asked_same c s) as (_ & _ & _ & H2 & _ & Fr). destruct (fault_is_no_call s S) as [Cf Ch]. fold esr in Cf, Ch.
  unfold s_guest_exit. rewrite Ei. cbv zeta. rewrite Ec, (proj2 (Z.eqb_neq w NO_VCPU) N), Mm.
  replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  change (negb (0 =? 0)) with false. cbv iota. unfold exit_synchronous. fold esr far. change (w / KCORE_VM_VCPUS) with (vm_of w). cbv zeta.
  rewrite cause_is. fold esr. change (stat_add c (Guest.cause esr) s) with (counted c s). rewrite Cf. cbn [andb].
  change (answer (counted c s) (List.length (trace (counted c s))) 0 mod 2 ^ 64) with (par_now s).
  change (needs_hpfar esr) with (asks_ipa s). fold (own_fault s). rewrite Of. fold (fault_ipa s).
  change (if asks_ipa s then record "translate_el1" [far] (counted c s) else counted c s) with (asked c s).
  rewrite (r_vm_type _ _ _ _ R _ (vm_handle w W)), Tp. rewrite exit_guest_others;
    [|rewrite (frame_ok s (asked c s) w Fr); exact Ok_|reflexivity|intros Y; rewrite Y in Ch; discriminate Ch].
  unfold s_exit_protected. rewrite (frame_ok s (asked c s) w Fr), Ok_, H2, H. cbn [negb andb]. rewrite Ch. reflexivity.
Qed.

(* An abort is the guest's own if its guard hides the page, and else the host's. *)
Lemma abort_asked c s t w : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  0 <= Base.reg s "esr" 0 < 2 ^ 64 -> let esr := Base.reg s "esr" 0 in let far := Base.reg s "far" 0 in let ct := cell s "vcpu_context" w in
  is_abort esr = true -> let u := asked c s in
  exit_protected w esr far (fault_ipa s) u = if hides c s
    then Ok (1, resumed ct (put_live ct (take_exception (Context.live ct u) (guard_syndrome esr) far) u)) else Ok (0, u).
Proof.
  intros G R J H Pr Be esr far ct Ab u. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & _).
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). specialize (Ok_ Pr).
  destruct (asked_same c s) as (C2 & _ & _ & H2 & _ & Fr). fold u in C2, H2, Fr.
  assert (Same : forall n i, In n guard_names -> cell u n i = cell s n i) by (intros n i X; rewrite C2; apply stat_other, X).
  unfold hides. fold esr. rewrite Ab, Ec. cbn [andb]. unfold exit_protected. cbv zeta. unfold is_abort in Ab. rewrite Ab. unfold exit_abort, s_guest_abort, is_abort.
  rewrite (frame_ok s u w Fr), Ok_, Ab, H2, H. change (w / KCORE_VM_VCPUS) with (vm_of w).
  replace (guards_ok u (vm_of w)) with true.
  2: { symmetry. rewrite <- (guards_checked fixed c s t (vm_of w) R (vm_handle w W)). unfold guards_ok. rewrite !Same by (cbn; tauto). reflexivity. }
  replace (word64 esr) with true by (symmetry; unfold word64; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; exact Be). cbn [andb negb]. cbv zeta.
  rewrite (abort_hidden_same w (fault_ipa s) s u Same). replace (cell u "vcpu_context" w) with ct by (rewrite C2; reflexivity).
  destruct (abort_hidden _ _ _); reflexivity.
Qed.

Theorem guest_fault_code c s t w : running c s t w -> Q c s t -> inv (P t) -> sound -> held s = false -> protected (P t) (vm_of w) = true ->
  u_call (cpu (P t) c) = CNone -> few_lrs s -> let esr := Base.reg s "esr" 0 in let far := Base.reg s "far" 0 in
  0 <= esr < 2 ^ 64 -> 0 <= far < 2 ^ 64 -> fault_class s -> own_fault s = false -> hides c s = false ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' t' /\
    run [G c (OIo (fun _ => left_synchronous c s)); G c (OExit esr far (fault_ipa s))] t = Ok t' /\ idle (P t') c = true.
Proof.
  intros G R J B H Pr Cn Few esr far Be Bf S Of Hd. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (i_runs _ _ _ _ G) as [U Ew].
  set (n := if asks_ipa s then Datatypes.S (List.length (trace s)) else List.length (trace s)). set (ipa := fault_ipa s).
  assert (El : left_synchronous c s = (io_left n (cell s "vcpu_page" w) s ++ [])%list).
  { unfold left_synchronous, n. rewrite Ec, app_nil_r. reflexivity. }
  rewrite El. destruct (io_related fixed c s t w n [] (or_introl eq_refl) R G) as (Pu & Ru & Gu & Lv & _).
  set (u := guest_step c w _ t) in *. assert (Ju : inv (P u)) by (rewrite Pu; exact J). assert (Pru : protected (P u) (vm_of w) = true) by (rewrite Pu; exact Pr).
  set (k := Guest.cause esr). set (s1 := stat_add c k s). set (t1 := mkst (add_stat c k (P u)) (D u)).
  assert (R1 : Q c s1 t1) by (apply keep_stat; auto; apply cause_range).
  pose proof (running_stat c s u w k Gu) as G1. fold s1 t1 in G1.
  set (s2 := asked c s). destruct (asked_same c s) as (C2 & Rg2 & W2 & H2 & An2 & Fr). fold s2 in C2, Rg2, W2, H2, An2, Fr. rewrite H in H2.
  change (counted c s) with s1 in C2.
  assert (Tr2 : List.length (trace s2) = n) by (unfold s2, asked, n; destruct (asks_ipa s); reflexivity).
  assert (R2 : Q c s2 t1) by (unfold s2, asked; destruct (asks_ipa s); [apply keep_record|]; exact R1).
  assert (G2 : running c s2 t1 w) by (unfold s2, asked; destruct (asks_ipa s); [destruct G1 as [X1 X2 X3]; constructor; [exact X1|exact X2|intros Y; destruct (X3 Y); constructor; assumption]|exact G1]).
  destruct (told_related fixed I c s2 t1 w esr far ipa G2 R2) as (s' & E & H' & R'); auto.
  { apply inv_stat, Ju. }
  { intros Gc. rewrite Rg2. apply Few, Gc. }
  { rewrite Tr2, C2. change (cell s1 "vcpu_page" w) with (cell s "vcpu_page" w). apply (leaves_same n _ s s2 (io (D u) w)); auto; intros; rewrite ?W2, ?Rg2, ?C2; reflexivity. }
  exists s'. eexists. split; [|split; [exact H'|split; [exact R'|split]]].
  - apply (does_ok _ _ _ _ _ does_guest_exit). rewrite (fault_asked c s t w G R J H Pr S Of). fold esr far ipa s2.
    replace (exit_protected w esr far ipa s2) with (@Ok (Z * state) (0, s2)); [exact E|]. symmetry.
    destruct (is_abort esr) eqn:Ab.
    + unfold s2, ipa, esr, far. rewrite (abort_asked c s t w G R J H Pr Be Ab), Hd. reflexivity.
    + unfold is_abort in Ab. unfold exit_protected. cbv zeta. rewrite Ab. unfold fault_class in S. cbv zeta in S. fold esr in S.
      destruct S as [X|S]; [rewrite X; reflexivity|]. apply orb_false_iff in Ab. rewrite !Z.eqb_neq in Ab. tauto.
  - assert (Fl : forall R0, exit_sync (v_base (vm (P u) (vm_of w))) (v_end (vm (P u) (vm_of w))) esr far ipa R0 =
      exit_filter (v_base (vm (P u) (vm_of w))) (v_end (vm (P u) (vm_of w))) esr far ipa R0).
    { intros R0. unfold exit_sync, ensure. rewrite B. reflexivity. }
    cbn [run step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). fold u. rewrite Pu, U, Ew, (proj2 (Z.eqb_neq _ _) N). f_equal. cbn [guest_step]. rewrite Pru.
    replace (exits_to_host esr && negb (hidden (P u) (vm_of w) esr ipa)) with true.
    2: { symmetry. apply andb_true_iff. split.
         - unfold fault_class in S. cbv zeta in S. fold esr in S. unfold exits_to_host. destruct S as [->|[->| ->]]; reflexivity.
         - apply negb_true_iff. rewrite Pu. destruct (is_abort esr) eqn:Ab.
           + rewrite <- (hidden_same fixed c s t w esr ipa R (vm_handle w W) Ab). unfold hides in Hd. fold esr in Hd. rewrite Ab, Ec in Hd. exact Hd.
           + unfold hidden. unfold is_abort in Ab. rewrite Ab. reflexivity. }
    unfold sync_release. rewrite Pru, Fl. set (rel := exit_filter _ _ _ _ _ _). assert (Rs : Guest.r_stat rel = k /\ r_power rel = None).
    { unfold fault_class in S. cbv zeta in S. fold esr in S. unfold rel, k, exit_filter, Guest.cause.
      destruct S as [->|[->| ->]]; cbn [Z.eqb Pos.eqb orb Guest.EC_WFX Guest.EC_IABT Guest.EC_DABT Guest.EC_HVC Guest.EC_SYSREG];
        repeat match goal with |- context [if ?b then _ else _] => destruct b end; split; reflexivity. }
    destruct Rs as [Rs Rp]. unfold leave, told, deliver, deliver_effect. change (P (keep w far u)) with (P u). rewrite Pu, Ew, Pr, Rs, Rp.
    unfold t1. cbn [P]. rewrite Pu. reflexivity.
  - unfold idle, told. cbn [P]. unfold change_cpu, set_cpu, change_vcpu, set_vcpu, add_stat, upd, t1. cbn [cpu]. rewrite Z.eqb_refl. cbn [u_run u_call cpu_with_run negb andb].
    cbn [P cpu]. rewrite Pu. unfold add_stat. cbn [cpu]. rewrite Cn. reflexivity.
Qed.

(* The guest takes it. *)
Theorem guest_hidden_code c s t w : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  0 <= Base.reg s "esr" 0 < 2 ^ 64 -> fault_class s -> own_fault s = false -> hides c s = true ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = false /\ step (G c (hidden_op s)) t = Ok t' /\ Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J H Pr Be S Of Hd. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (i_runs _ _ _ _ G) as [U Ew].
  assert (Ab : is_abort (Base.reg s "esr" 0) = true) by (unfold hides in Hd; apply andb_true_iff in Hd as [Ab _]; exact Ab). unfold hidden_op.
  set (esr := Base.reg s "esr" 0) in *. set (far := Base.reg s "far" 0) in *. set (ct := cell s "vcpu_context" w) in *.
  assert (K : Guest.cause esr = KCORE_STAT_exit_abort).
  { unfold is_abort in Ab. unfold Guest.cause. apply orb_true_iff in Ab. rewrite !Z.eqb_eq in Ab. destruct Ab as [->| ->]; reflexivity. }
  set (s2 := asked c s). destruct (asked_same c s) as (_ & Rg2 & W2 & _ & _ & _). fold s2 in Rg2, W2.
  set (l := take_exception (of_list (guest_values t w)) (guard_syndrome esr) far).
  assert (Gl : forall j, 0 <= j < 58 -> Context.live ct s2 j = of_list (guest_values t w) j).
  { intros j Kj. rewrite of_values by exact Kj. rewrite <- (i_regs _ _ _ _ G j Kj). unfold Context.live, Context.words_of. rewrite Rg2, W2. reflexivity. }
  assert (Wr : wrote ct l (counted c s) (resumed ct (put_live ct l s2))).
  { apply wrote_resumed. unfold s2, asked. destruct (asks_ipa s); [apply (wrote_record _ _ "translate_el1" [Base.reg s "far" 0])|]; apply wrote_live, exception_bound. }
  assert (E : link L1 above "guest_exit" [0] s = Ok (1, stat_add c KCORE_STAT_exit_local (resumed ct (put_live ct l s2)))).
  { apply (does_ok _ _ _ _ _ does_guest_exit). rewrite (fault_asked c s t w G R J H Pr S Of). fold esr far s2.
    pose proof (abort_asked c s t w G R J H Pr Be Ab) as A. cbv zeta in A. rewrite Hd in A. fold esr far ct s2 in A.
    rewrite A, (exception_same _ _ (guard_syndrome esr) far Gl). reflexivity. }
  do 2 eexists. split; [exact E|]. split; [exact (eq_trans (GuestLocal.b_held _ _ _ _ Wr) H)|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). unfold guest_step. rewrite Pr. reflexivity. }
  apply (finished fixed I c s _ t w l KCORE_STAT_exit_abort); auto; [unfold KCORE_STAT_exit_abort, KCORE_NR_STATS; lia|].
  rewrite <- K. exact Wr.
Qed.
End GuestFault.
