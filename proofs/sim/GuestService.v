(* SPDX-License-Identifier: GPL-2.0-only *)
(* An HVC of a protected guest to the vendor service, from the vector: answered by its registers; done with a page; or the host is told that
   the page is missing. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Release code.Gpsci code.Share code.Vendor code.Run code.RunExit
  code.RunReturn code.GuestExit top.InvOwn top.InvMap top.InvShare top.VmMem.
From KCore Require Import top.Guest top.Chan.
From KCore Require Export sim.GuestLeave sim.GuestVendor.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The registers of who asks; what is answered by them; or which call about which page. *)
Definition service_words (c : Z) (s : state) : Z -> Z := words_of (cell s "vcpu_context" (cell s "cpu_vcpu" c)) s.
Definition service_answer (c : Z) (s : state) : option (list (Z * Z)) :=
  let v := vm_of (cell s "cpu_vcpu" c) in vendor_answer (cell s "vm_mem_base" v) (cell s "vm_mem_end" v) (next_answer s) (service_words c s).
Definition memory_asked (c : Z) (s : state) : option (ask * Z) :=
  let v := vm_of (cell s "cpu_vcpu" c) in memory_ask (cell s "vm_mem_base" v) (cell s "vm_mem_end" v) (service_words c s).
Definition guard_asked (c : Z) (s : state) : option Z :=
  let v := vm_of (cell s "cpu_vcpu" c) in guard_ask (cell s "vm_mem_base" v) (cell s "vm_mem_end" v) (service_words c s).
Lemma service_cases c s : vendor_call (service_words c s 0) = true ->
  (exists l, service_answer c s = Some l) \/ (exists k i, memory_asked c s = Some (k, i)) \/ exists i, guard_asked c s = Some i.
Proof.
  unfold vendor_call, service_answer, vendor_answer, memory_asked, memory_ask, guard_asked, guard_ask, asked_of. cbv zeta. cbn [existsb].
  set (fn := Z.land (service_words c s 0) 0xffffffff). intros E.
  destruct (fn =? KVM_UID); [eauto|]. destruct (fn =? KVM_FEATURES); [eauto|]. destruct (fn =? KVM_HYP_MEMINFO); [eauto|].
  destruct (fn =? KCORE_HC_VM_MEASUREMENT); [eauto|]. destruct (fn =? KCORE_HC_VM_QUOTE); [eauto|]. cbn [orb] in E.
  destruct (fn =? KVM_MMIO_GUARD) eqn:Gd; [destruct (guard_refused _ _ _); cbn [andb negb]; eauto|]. destruct (fn =? KVM_MEM_SHARE); [destruct (refused _ _ _); eauto|].
  destruct (fn =? KVM_MEM_UNSHARE); [destruct (refused _ _ _); eauto|].
  destruct (fn =? KVM_MEM_RELINQUISH); [destruct (refused _ _ _); eauto|discriminate].
Qed.

Section GuestService.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Let k0 : Z := KCORE_STAT_exit_hvc.

(* From the vector to the service's answer. *)
Lemma service_exit c s t w r s1 : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true ->
  ec (Base.reg s "esr" 0) = EC_HVC -> s_guest_vendor [w] (stat_add c k0 s) = Ok (r, s1) -> ctx_ok s1 (cell s "vcpu_context" w) = true ->
  s_guest_exit [0] s = exit_guest c w KCORE_VM_PROTECTED (Base.reg s "esr" 0) (Base.reg s "far" 0) (Base.reg s "hpfar" 0) (stat_add c k0 s) /\
  s_exit_vendor [w; Base.reg s "esr" 0] (stat_add c k0 s) =
    Ok (r, if r =? HVC_DONE then resumed (cell s "vcpu_context" w) s1 else s1).
Proof.
  intros G R J Pr S E Cx. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (r_cpu_id _ _ _ _ R) as [Ei C]. destruct (vcpu_areas fixed I c s t w R J W Ex) as (Mm & Ok_ & _).
  pose proof (type_protected (P t) w J Ex) as Tp. rewrite Pr in Tp. symmetry in Tp. apply Z.eqb_eq in Tp.
  assert (Co : cpu_ok c = true) by (unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  split.
  - unfold s_guest_exit. rewrite Ei, Co. cbv zeta. rewrite Ec, (proj2 (Z.eqb_neq w NO_VCPU) N), Mm. cbn [negb Z.eqb].
    unfold exit_synchronous. cbv zeta. rewrite S. change (EC_HVC =? EC_FP) with false. cbn [andb]. unfold needs_hpfar. rewrite S.
    change (EC_HVC =? EC_IABT) with false. change (EC_HVC =? EC_DABT) with false. cbn [orb andb].
    change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_type _ _ _ _ R _ (vm_handle w W)), Tp. reflexivity.
  - unfold s_exit_vendor, exit_vendor. change (vcpu_ok (stat_add c k0 s) w) with (vcpu_ok s w). rewrite (Ok_ Pr). cbv zeta. rewrite S, Z.eqb_refl.
    cbn [negb]. rewrite E. cbn [bind]. change (cell (stat_add c k0 s) "vcpu_context" w) with (cell s "vcpu_context" w). rewrite Cx. reflexivity.
Qed.
Lemma service_done c s t w s1 : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true ->
  ec (Base.reg s "esr" 0) = EC_HVC -> s_guest_vendor [w] (stat_add c k0 s) = Ok (HVC_DONE, s1) -> ctx_ok s1 (cell s "vcpu_context" w) = true ->
  link L1 above "guest_exit" [0] s = Ok (1, stat_add c KCORE_STAT_exit_local (resumed (cell s "vcpu_context" w) s1)).
Proof.
  intros G R J Pr S E Cx. destruct (service_exit c s t w HVC_DONE s1 G R J Pr S E Cx) as [E1 E2].
  apply (does_ok _ _ _ _ _ does_guest_exit). rewrite E1. unfold exit_guest. change (KCORE_VM_PROTECTED =? KCORE_VM_PROTECTED) with true. cbv iota.
  rewrite E2. reflexivity.
Qed.

(* By its registers alone. *)
Lemma service_seen c s t w : running c s t w -> Q c s t -> inv (P t) ->
  service_answer c s = vendor_answer (v_base (vm (P t) (vm_of w))) (v_end (vm (P t) (vm_of w))) (next_answer s) (words_of (cell s "vcpu_context" w) s).
Proof.
  intros G R J. destruct (running_here fixed c s t w G R J) as (W & _ & Ec & _). pose proof (vm_handle w W) as Hv.
  unfold service_answer, service_words. cbv zeta. rewrite Ec, (r_vm_base _ _ _ _ R _ Hv), (r_vm_end _ _ _ _ R _ Hv). reflexivity.
Qed.
Lemma memory_args c s t w k i : running c s t w -> Q c s t -> inv (P t) -> memory_asked c s = Some (k, i) -> 0 <= service_words c s 1 ->
  let X := words_of (cell s "vcpu_context" w) s in
  asked_of (Z.land (X 0) 0xffffffff) = Some k /\ Z.lor (X 2) (X 3) = 0 /\ X 1 = i * PAGE_BYTES /\ is_ipa i /\ in_memory (P t) (vm_of w) i = true.
Proof.
  intros G R J A B X. destruct (running_here fixed c s t w G R J) as (W & _ & Ec & _). pose proof (vm_handle w W) as Hv.
  unfold memory_asked, memory_ask, service_words in *. cbv zeta in A. rewrite Ec in *. fold X in A, B.
  rewrite (r_vm_base _ _ _ _ R _ Hv), (r_vm_end _ _ _ _ R _ Hv) in A.
  destruct (asked_of _) as [k1|]; [|discriminate]. destruct (refused _ _ _) eqn:Rf; [discriminate|]. injection A as <- <-. split; [reflexivity|].
  unfold refused in Rf. repeat (apply orb_false_iff in Rf as [Rf ?]). apply negb_false_iff, Z.eqb_eq in Rf. split; [exact Rf|].
  match goal with Y : negb (Z.land _ (PAGE_BYTES - 1) =? 0) = false |- _ => apply negb_false_iff in Y; change (PAGE_BYTES - 1) with 4095 in Y;
    rewrite land_page in Y; apply Z.eqb_eq in Y; rename Y into Al end.
  match goal with Y : (IPA_END <=? _) = false |- _ => apply Z.leb_gt in Y; rename Y into Lt end.
  assert (E : X 1 = X 1 / PAGE_BYTES * PAGE_BYTES).
  { unfold PAGE_BYTES. pose proof (Z.div_mod (X 1) 4096 ltac:(lia)). lia. }
  split; [exact E|]. split.
  - unfold is_ipa, IPA_PAGES, IPA_END, PAGE_BYTES in *. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
  - unfold in_memory. rewrite <- E. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. props. lia.
Qed.
Theorem guest_vendor_code c s t w l : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  ec (Base.reg s "esr" 0) = EC_HVC ->
  vendor_answer (v_base (vm (P t) (vm_of w))) (v_end (vm (P t) (vm_of w))) (next_answer s) (words_of (cell s "vcpu_context" w) s) = Some l ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = false /\ step (G c (OLocal k0 (fun _ => l))) t = Ok t' /\
    Q c s' t' /\ running c s' t' w.
Proof.
  intros G R J H Pr S A. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N). destruct (i_runs _ _ _ _ G) as [U Ew].
  destruct (r_cpu_id _ _ _ _ R) as [_ C]. set (ct := cell s "vcpu_context" w) in *. set (s1 := stat_add c k0 s).
  assert (R1 : Q c s1 (mkst (add_stat c k0 (P t)) (D t))) by (apply keep_stat; auto; unfold k0, KCORE_STAT_exit_hvc, KCORE_NR_STATS; lia).
  pose proof (vendor_local fixed I c s1 _ w l R1 (inv_stat c k0 (P t) J) W Ex Pr A) as V.
  assert (Wr : wrote ct l s1 (resumed ct (put_words ct l (word_noted w ct s1))))
    by (apply wrote_resumed, (word_noted_wrote w), wrote_words, (vendor_bound _ _ _ _ _ A)).
  assert (Cx : ctx_ok (put_words ct l (word_noted w ct s1)) ct = true).
  { replace (ctx_ok (put_words ct l (word_noted w ct s1)) ct) with (ctx_ok s ct) by (unfold word_noted; repeat destruct (_ =? _); reflexivity). destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). destruct (vcpu_facts s w (Ok_ Pr)) as (_ & X & _). exact X. }
  pose proof (service_done c s t w _ G R J Pr S V Cx) as E. do 2 eexists. split; [exact E|]. split; [exact (eq_trans (GuestLocal.b_held _ _ _ _ Wr) H)|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). unfold guest_step. rewrite Pr. reflexivity. }
  apply (finished fixed I c s _ t w l k0); auto. unfold k0, KCORE_STAT_exit_hvc, KCORE_NR_STATS. lia.
Qed.

(* With a page outside of memory that it gives the host to serve. *)
Lemma guard_seen c s t w : running c s t w -> Q c s t -> inv (P t) ->
  guard_asked c s = guard_ask (v_base (vm (P t) (vm_of w))) (v_end (vm (P t) (vm_of w))) (words_of (cell s "vcpu_context" w) s).
Proof.
  intros G R J. destruct (running_here fixed c s t w G R J) as (W & _ & Ec & _). pose proof (vm_handle w W) as Hv.
  unfold guard_asked, service_words. cbv zeta. rewrite Ec, (r_vm_base _ _ _ _ R _ Hv), (r_vm_end _ _ _ _ R _ Hv). reflexivity.
Qed.
Lemma guard_call_stat v i d h p : guard_call v i (add_stat d h p) = let (ok, q) := guard_call v i p in (ok, add_stat d h q).
Proof. unfold guard_call. change (vm (add_stat d h p) v) with (vm p v). destruct (give _ _); reflexivity. Qed.
Theorem guest_guard_code c s t w i : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  ec (Base.reg s "esr" 0) = EC_HVC -> let X := words_of (cell s "vcpu_context" w) s in
  guard_ask (v_base (vm (P t) (vm_of w))) (v_end (vm (P t) (vm_of w))) X = Some i -> 0 <= X 1 ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = false /\ step (G c (OGuard i)) t = Ok t' /\ Q c s' t' /\
    running c s' t' w.
Proof.
  intros G R J H Pr S X A B. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (i_runs _ _ _ _ G) as [U Ew]. destruct (r_cpu_id _ _ _ _ R) as [_ C]. set (s1 := stat_add c k0 s).
  set (t1 := mkst (add_stat c k0 (P t)) (D t)). pose proof (inv_stat c k0 (P t) J) as J1.
  assert (R1 : Q c s1 t1) by (apply keep_stat; auto; unfold k0, KCORE_STAT_exit_hvc, KCORE_NR_STATS; lia).
  pose proof (running_stat c s t w k0 G) as G1. fold s1 t1 in G1.
  pose proof (vendor_guard fixed I c s1 t1 w i G1 R1 J1 H Pr A B) as Y. cbn [P t1] in Y.
  rewrite guard_call_stat in Y. destruct (guard_call (vm_of w) i (P t)) as [ok q] eqn:Gc.
  destruct Y as (u & Hu & Ect & Wu & Rgu & E & Ru & Gu & Jq & Prq). set (t2 := mkst (add_stat c k0 q) (D t1)) in *.
  destruct (running_here fixed c u t2 w Gu Ru Jq) as (_ & Exq & _).
  set (ct := cell s "vcpu_context" w) in *. change (cell s1 "vcpu_context" w) with ct in *.
  assert (Wr : wrote (cell u "vcpu_context" w) [(0, mem_result ok)] u
    (resumed (cell u "vcpu_context" w) (put_words (cell u "vcpu_context" w) [(0, mem_result ok)] u))).
  { apply wrote_resumed, wrote_words. repeat (apply Forall_cons; [cbn; unfold W_GP; split; [lia|reflexivity]|]). apply Forall_nil. }
  rewrite Ect in Wr.
  assert (Cx : ctx_ok (put_words ct [(0, mem_result ok)] u) ct = true).
  { destruct (vcpu_areas fixed I c u t2 w Ru Jq W Exq) as (_ & Ok_ & _). destruct (vcpu_facts u w (Ok_ Prq)) as (_ & Z0 & _). rewrite Ect in Z0. exact Z0. }
  pose proof (service_done c s t w _ G R J Pr S E Cx) as El. fold ct in El.
  rewrite <- Ect in Wr. destruct (written fixed I c u _ t2 w [(0, mem_result ok)] Gu Ru Jq Prq Wr) as [R2 G2]. rewrite Ect in *.
  set (s2 := resumed _ _) in *. do 2 eexists. split; [exact El|]. split; [exact (eq_trans (GuestLocal.b_held _ _ _ _ Wr) Hu)|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). cbn [guest_step]. rewrite Pr, Gc. reflexivity. }
  assert (Et : mkst (add_stat c KCORE_STAT_exit_local (P (write_greg t2 w [(0, mem_result ok)]))) (D (write_greg t2 w [(0, mem_result ok)])) =
    with_pub (fun p => add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_hvc p))
      (write_greg (mkst q (D t)) w [(0, mem_result ok)])).
  { unfold write_greg, set_greg, greg. change (protected (P (mkst q (D t))) (vm_of w)) with (protected (add_stat c k0 q) (vm_of w)).
    change (protected (P t2) (vm_of w)) with (protected (add_stat c k0 q) (vm_of w)). rewrite Prq. reflexivity. }
  rewrite <- Et. split.
  - apply keep_stat; [exact R2|exact C|unfold KCORE_STAT_exit_local, KCORE_NR_STATS; lia].
  - apply (running_stat c s2 (write_greg t2 w [(0, mem_result ok)]) w KCORE_STAT_exit_local G2).
Qed.

(* With the page that it names. *)
Theorem guest_memory_code c s t w i k far ok q e : running c s t w -> Q c s t -> inv (P t) -> held s = false -> sound ->
  room (P t) -> protected (P t) (vm_of w) = true -> is_vm (vm_of w) -> is_ipa i -> in_memory (P t) (vm_of w) i = true ->
  ec (Base.reg s "esr" 0) = EC_HVC ->
  let X := words_of (cell s "vcpu_context" w) s in
  asked_of (Z.land (X 0) 0xffffffff) = Some k -> Z.lor (X 2) (X 3) = 0 -> X 1 = i * PAGE_BYTES ->
  mem_call (vm_of w) k i (P t) = Some (ok, q, e) ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = false /\ step (G c (OMem k i far)) t = Ok t' /\ Q c s' t' /\
    running c s' t' w.
Proof.
  intros G R J H B F Pr V A M S X Ak Lz E1 Mc. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (i_runs _ _ _ _ G) as [U Ew]. destruct (r_cpu_id _ _ _ _ R) as [_ C]. set (s1 := stat_add c k0 s).
  set (t1 := mkst (add_stat c k0 (P t)) (D t)). pose proof (inv_stat c k0 (P t) J) as J1.
  assert (R1 : Q c s1 t1) by (apply keep_stat; auto; unfold k0, KCORE_STAT_exit_hvc, KCORE_NR_STATS; lia).
  pose proof (running_stat c s t w k0 G) as G1. fold s1 t1 in G1.
  pose proof (vendor_memory fixed I c s1 t1 w i k G1 R1 J1 H B (room_stat c k0 _ F) Pr V A M Ak Lz E1) as Y. cbn [P t1] in Y.
  rewrite mem_call_stat, Mc in Y. destruct Y as (r & u & _ & St & E & Ru & Gu & Jq). set (t2 := mkst (add_stat c k0 q) (do_effects e (D t1))) in *.
  assert (Prq : protected (P t2) (vm_of w) = true).
  { destruct (mem_call_cpu _ _ _ _ _ _ _ B J V (proj1 (protected_guarded _ _ Pr)) Mc) as (_ & Lf & _).
    change (protected q (vm_of w) = true). rewrite (life_protected (P t) q _ (Lf (vm_of w))). exact Pr. }
  destruct (running_here fixed c u t2 w Gu Ru Jq) as (_ & Exq & _).
  assert (Ecu : cell u "vcpu_context" w = cell s "vcpu_context" w) by (apply (d_cell _ _ St "vcpu_context" eq_refl)).
  assert (Wr : wrote (cell u "vcpu_context" w) [(0, mem_result ok)] u
    (resumed (cell u "vcpu_context" w) (put_words (cell u "vcpu_context" w) [(0, mem_result ok)] u))).
  { apply wrote_resumed, wrote_words. repeat (apply Forall_cons; [cbn; unfold W_GP; split; [lia|reflexivity]|]). apply Forall_nil. }
  assert (Cx : ctx_ok (put_words (cell u "vcpu_context" w) [(0, mem_result ok)] u) (cell s "vcpu_context" w) = true).
  { rewrite <- Ecu. destruct (vcpu_areas fixed I c u t2 w Ru Jq W Exq) as (_ & Ok_ & _). destruct (vcpu_facts u w (Ok_ Prq)) as (_ & Z0 & _). exact Z0. }
  pose proof (service_done c s t w _ G R J Pr S E Cx) as El. rewrite <- Ecu in El.
  destruct (written fixed I c u _ t2 w [(0, mem_result ok)] Gu Ru Jq Prq Wr) as [R2 G2].
  set (s2 := resumed _ _) in *. do 2 eexists. split; [exact El|]. split; [exact (eq_trans (GuestLocal.b_held _ _ _ _ Wr) (eq_trans (d_held _ _ St) H))|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). cbn [guest_step]. rewrite Pr, M, Mc. reflexivity. }
  assert (Et : mkst (add_stat c KCORE_STAT_exit_local (P (write_greg t2 w [(0, mem_result ok)]))) (D (write_greg t2 w [(0, mem_result ok)])) =
    with_pub (fun p => add_stat c KCORE_STAT_exit_local (add_stat c KCORE_STAT_exit_hvc p))
      (write_greg (mkst q (do_effects e (D t))) w [(0, mem_result ok)])).
  { unfold write_greg, set_greg, greg. change (protected (P (mkst q (do_effects e (D t)))) (vm_of w)) with (protected (P t2) (vm_of w)).
    rewrite Prq. reflexivity. }
  rewrite <- Et. split.
  - apply keep_stat; [exact R2|exact C|unfold KCORE_STAT_exit_local, KCORE_NR_STATS; lia].
  - apply (running_stat c s2 (write_greg t2 w [(0, mem_result ok)]) w KCORE_STAT_exit_local G2).
Qed.

(* The page is missing: the host sees a fault of it. *)
Lemma missing_ipa i : is_ipa i -> Z.shiftl (Z.land (i * 16) 0xfffffffff0) 8 = i * PAGE_BYTES.
Proof.
  intros [A B]. unfold IPA_PAGES, PAGE_BYTES in *. replace (i * 16) with (Z.shiftl i 4) by (rewrite Z.shiftl_mul_pow2 by lia; reflexivity).
  change 0xfffffffff0 with (Z.shiftl (Z.ones 36) 4). rewrite <- Z.shiftl_land, Z.land_ones by lia. rewrite Z.mod_small by lia.
  rewrite !Z.shiftl_mul_pow2 by lia. lia.
Qed.
Lemma missing_filter t v i far R : is_ipa i -> in_memory (P t) v i = true ->
  exit_filter (v_base (vm (P t) v)) (v_end (vm (P t) v)) ESR_MISSING far (i * 16) R =
  mkrelease ESR_MISSING 0 (i * 16) [] PENDING_NONE None KCORE_STAT_exit_abort.
Proof.
  intros A M. unfold exit_filter. cbv zeta. change ((ec ESR_MISSING =? EC_IABT) || (ec ESR_MISSING =? EC_DABT)) with true. cbv iota.
  rewrite missing_ipa by exact A. unfold in_memory in M. rewrite M. reflexivity.
Qed.
Theorem guest_missing_code c s t w i k : running c s t w -> Q c s t -> inv (P t) -> held s = false -> sound -> room (P t) ->
  protected (P t) (vm_of w) = true -> is_vm (vm_of w) -> is_ipa i -> in_memory (P t) (vm_of w) i = true ->
  u_call (cpu (P t) c) = CNone -> few_lrs s -> let far := Base.reg s "far" 0 in 0 <= far < 2 ^ 64 -> ec (Base.reg s "esr" 0) = EC_HVC ->
  let X := words_of (cell s "vcpu_context" w) s in
  asked_of (Z.land (X 0) 0xffffffff) = Some k -> Z.lor (X 2) (X 3) = 0 -> X 1 = i * PAGE_BYTES ->
  mem_call (vm_of w) k i (P t) = None ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' t' /\
    run [G c (left_io c s); G c (OMem k i far)] t = Ok t' /\ idle (P t') c = true.
Proof.
  intros G R J H B F Pr V A M Cn Few far Bf S X Ak Lz E1 Mc. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & N).
  destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (i_runs _ _ _ _ G) as [U Ew]. pose proof (vm_handle w W) as Hv.
  destruct (io_related fixed c s t w (List.length (trace s)) [] (or_introl eq_refl) R G) as (Pu & Ru & Gu & Lv & _).
  set (u := guest_step c w _ t) in *. assert (Ju : inv (P u)) by (rewrite Pu; exact J).
  assert (Pru : protected (P u) (vm_of w) = true) by (rewrite Pu; exact Pr).
  assert (Op : guest_step c w (left_io c s) t = u) by (unfold u, left_io; rewrite Ec; reflexivity).
  clearbody u. set (s1 := stat_add c k0 s). set (t1 := mkst (add_stat c k0 (P u)) (D u)). pose proof (inv_stat c k0 (P u) Ju) as J1.
  assert (R1 : Q c s1 t1) by (apply keep_stat; auto; unfold k0, KCORE_STAT_exit_hvc, KCORE_NR_STATS; lia).
  pose proof (running_stat c s u w k0 Gu) as G1. fold s1 t1 in G1.
  assert (F1 : room (P t1)) by (cbn [P t1]; rewrite Pu; exact (room_stat c k0 _ F)).
  assert (M1 : in_memory (P t1) (vm_of w) i = true) by (cbn [P t1]; rewrite Pu; exact M).
  pose proof (vendor_memory fixed I c s1 t1 w i k G1 R1 J1 H B F1 Pru V A M1 Ak Lz E1) as Y. cbn [P t1] in Y.
  rewrite mem_call_stat, Pu, Mc in Y. set (ct := cell s "vcpu_context" w) in *. change (cell s1 "vcpu_context" w) with ct in Y.
  change (words_of ct s1) with X in Y. set (l := [(W_PC, wrap64 (X W_PC - 4))]) in *.
  assert (Wr : wrote ct l s1 (put_words ct l s1)).
  { apply wrote_words. repeat (apply Forall_cons; [cbn; unfold W_PC, W_GP; split; [lia|reflexivity]|]). apply Forall_nil. }
  destruct (written fixed I c s1 _ t1 w l G1 R1 J1 Pru Wr) as [R2 G2]. set (s2 := put_words ct l s1) in *. set (t2 := write_greg t1 w l) in *.
  assert (P2 : P t2 = P t1) by reflexivity.
  assert (Dt : D t2 = set_ctx (upd (ctx (D u)) w (writes 0 W_GP l (ctx (D u) w))) (D u)).
  { unfold t2, write_greg, set_greg, greg. change (protected (P t1) (vm_of w)) with (protected (P u) (vm_of w)). rewrite Pru. reflexivity. }
  pose proof (r_vcpu_page _ _ _ _ R w W) as Pg. pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg.
  pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp. set (pg := c_page (vcpu (P t) w)) in *.
  destruct (context_at fixed c s t w R) as (ic & Hic & Ek); [split; [exact W|]; split; [exact Ex|exact Pr]|].
  destruct (told_related fixed I c s2 t2 w ESR_MISSING far (i * 16) G2 R2) as (s' & E & H' & R'); auto.
  { unfold ESR_MISSING. lia. }
  { change (trace s2) with (trace s). change (cell s2 "vcpu_page" w) with (cell s "vcpu_page" w). rewrite Dt. cbn [io set_ctx].
    apply (leaves_same _ _ s s2 (io (D u) w)); auto. intros j Hj. rewrite Pg. apply (GuestLocal.b_word _ _ _ _ Wr). intros o Ho. fold ct in Ek. rewrite Ek.
    apply page_apart; auto; unfold W_LR, W_FP, W_GP in *; lia. }
  rewrite P2 in R'. change (vm (P t1)) with (vm (P u)) in R'. rewrite Pu in R'. rewrite (missing_filter t (vm_of w) i far _ A M) in R'.
  assert (Cx : ctx_ok s2 ct = true).
  { destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). destruct (vcpu_facts s w (Ok_ Pr)) as (_ & Z0 & _). exact Z0. }
  destruct (service_exit c s t w HVC_FAULT s2 G R J Pr S Y Cx) as [E2 E3]. change (HVC_FAULT =? HVC_DONE) with false in E3. cbv iota in E3.
  assert (Mp : s_missing_page [w] s2 = Ok (i * 16, s2)).
  { unfold s_missing_page. destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). change (vcpu_ok s2 w) with (vcpu_ok s w). rewrite (Ok_ Pr).
    change (cell s2 "vcpu_context" w) with ct. replace (words_of ct s2 1) with (i * PAGE_BYTES).
    - destruct A as [A1 A2]. unfold IPA_PAGES, PAGE_BYTES in *. rewrite Z.shiftr_div_pow2, Z.shiftl_mul_pow2 by lia. change (2 ^ 12) with 4096.
      rewrite Z.div_mul by lia. change (2 ^ 4) with 16. rewrite wrap_small by (cbn [modulus]; lia). reflexivity.
    - rewrite <- E1. unfold s2, l, words_of, put_words. cbn [word setwords fold_left fst snd].
      rewrite (proj2 (Z.eqb_neq _ (ct + W_PC * 8))) by (unfold W_PC; lia). reflexivity. }
  exists s'. eexists. split; [|split; [exact H'|split; [exact R'|split]]].
  - apply (does_ok _ _ _ _ _ does_guest_exit). rewrite E2. unfold exit_guest. change (KCORE_VM_PROTECTED =? KCORE_VM_PROTECTED) with true. cbv iota.
    fold s1. fold s1 in E3. rewrite E3. cbn [bind]. change (HVC_FAULT =? HVC_OTHER) with false. cbv iota. cbn [bind].
    change (HVC_FAULT =? HVC_DONE) with false. change (HVC_FAULT =? HVC_FAULT) with true. cbv iota. rewrite Mp. cbn [bind]. exact E.
  - assert (Gp : greg u w W_PC = X W_PC).
    { rewrite <- (i_regs _ _ _ _ Gu W_PC) by (unfold W_PC, W_GP; lia). reflexivity. }
    cbn [run step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N), Op, Pu, U, Ew, (proj2 (Z.eqb_neq _ _) N). f_equal. cbn [guest_step].
    rewrite Pu, Pr, M, Mc. cbn [andb]. rewrite Gp. fold l.
    assert (Wg : write_greg u w l = mkst (P u) (D t2)) by (rewrite Dt; unfold write_greg, set_greg, greg; rewrite Pru; reflexivity).
    rewrite Wg. unfold leave, told, deliver, deliver_effect, mem_fault. cbn [P D r_pending r_esr r_power r_stat keep with_data].
    rewrite P2. cbn [P t1]. rewrite Pu, Ew, Pr. reflexivity.
  - unfold idle, told. cbn [P]. rewrite P2. cbn [P t1]. unfold change_cpu, set_cpu, change_vcpu, set_vcpu, add_stat, upd. cbn [cpu]. rewrite Z.eqb_refl.
    cbn [u_run u_call cpu_with_run negb andb]. rewrite Pu, Cn. reflexivity.
Qed.
End GuestService.
