(* SPDX-License-Identifier: GPL-2.0-only *)
(* A trap of a normal VM: the host is told all of its syndrome, and goes on. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Release code.Run code.Frame code.RunExit code.RunReturn code.GuestExit top.Chan
  top.InvOwn top.InvMap.
From KCore Require Export sim.GuestExit.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The IPA of a stage-2 fault: HPFAR, or where that is not valid, what the guest's own translation gives now; that may fail meanwhile. *)
Definition asks_ipa (s : state) : bool := needs_hpfar (Base.reg s "esr" 0).
Definition par_now (s : state) : Z := answer s (List.length (trace s)) 0 mod 2 ^ 64.
Definition own_fault (s : state) : bool := asks_ipa s && negb (Z.land (par_now s) 1 =? 0).
Definition fault_ipa (s : state) : Z := if asks_ipa s then par_hpfar (par_now s) else Base.reg s "hpfar" 0.
(* What the guest leaves in its virtual interface. *)
Definition left_synchronous (c : Z) (s : state) : list (Z * Z) :=
  io_left (if asks_ipa s then S (List.length (trace s)) else List.length (trace s)) (cell s "vcpu_page" (cell s "cpu_vcpu" c)) s.

(* A normal VM runs. *)
Definition normal_runs (c : Z) (s : state) : Prop := cell s "vm_type" (vm_of (cell s "cpu_vcpu" c)) <> KCORE_VM_PROTECTED.

Lemma cause_range esr : 0 <= Guest.cause esr < KCORE_NR_STATS.
Proof.
  unfold Guest.cause. repeat match goal with |- context [if ?b then _ else _] => destruct b end; vm_compute; split; discriminate || reflexivity.
Qed.

Section GuestNormal.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma runs_normal c s t w : running c s t w -> Q c s t -> inv (P t) -> normal_runs c s -> protected (P t) (vm_of w) = false.
Proof.
  intros G R J N. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & _). rewrite (type_protected (P t) w J Ex).
  unfold normal_runs in N. rewrite Ec, (r_vm_type _ _ _ _ R _ (vm_handle w W)) in N. apply Z.eqb_neq, N.
Qed.

Theorem guest_normal_code c s t w : Q c s t -> held s = false -> inv (P t) -> running c s t w -> u_call (cpu (P t) c) = CNone -> few_lrs s ->
  protected (P t) (vm_of w) = false -> (Guest.ec (Base.reg s "esr" 0) = Guest.EC_FP -> cell s "cpu_fp" c <> 0) -> own_fault s = false ->
  exists s' t', link L1 above "guest_exit" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' t' /\
    run [G c (OIo (fun _ => left_synchronous c s)); G c (OExit (Base.reg s "esr" 0) (Base.reg s "far" 0) (fault_ipa s))] t = Ok t' /\
    idle (P t') c = true.
Proof.
  intros R H J Rn Ca Few Pr Fp Of. destruct (running_here fixed c s t w Rn R J) as (Wv & Ex & Cv & N).
  destruct (r_cpu_id _ _ _ _ R) as [Ec C]. destruct (i_runs _ _ _ _ Rn) as [U Uw].
  destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (Mm & _ & Gn). specialize (Gn Pr).
  pose proof (type_protected (P t) w J Ex) as Tp. rewrite Pr in Tp.
  pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  pose proof (r_vcpu_page _ _ _ _ R w Wv) as Pg. set (pg := c_page (vcpu (P t) w)) in *. set (page := pg * PAGE_BYTES) in *.
  set (esr := Base.reg s "esr" 0) in *. set (far := Base.reg s "far" 0). set (ipa := fault_ipa s).
  (* the top machine *)
  set (n := if asks_ipa s then S (List.length (trace s)) else List.length (trace s)).
  assert (El : left_synchronous c s = (io_left n (cell s "vcpu_page" w) s ++ [])%list).
  { unfold left_synchronous, n. rewrite Cv, app_nil_r. reflexivity. }
  rewrite El. destruct (io_related fixed c s t w n [] (or_introl eq_refl) R Rn) as (Pu & Ru & Rnu & Lv & _).
  set (u := guest_step c w _ t) in *. cbn [run step]. rewrite U, Uw, (proj2 (Z.eqb_neq _ _) N). fold u. rewrite Pu, U, Uw, (proj2 (Z.eqb_neq _ _) N).
  cbn [guest_step]. rewrite Pu, Pr. unfold sync_release. rewrite Pu, Pr. set (rel := exit_normal esr far ipa).
  (* the code *)
  set (s1 := stat_add c (Guest.cause esr) s). set (P1 := add_stat c (Guest.cause esr) (P t)).
  assert (R1 : Q c s1 (mkst P1 (D u))).
  { pose proof (keep_stat fixed c c (Guest.cause esr) s u Ru C (cause_range esr)) as X. rewrite Pu in X. exact X. }
  set (s2 := if asks_ipa s then record "translate_el1" [far] s1 else s1).
  assert (A2 : cell s2 = cell s1 /\ Base.reg s2 = Base.reg s /\ word s2 = word s /\ held s2 = false /\ answer s2 = answer s /\
    List.length (trace s2) = n /\ Base.s1 s2 = Base.s1 s1 /\ Base.tab s2 = Base.tab s1 /\ Base.leaf s2 = Base.leaf s1 /\ Base.table s2 = Base.table s1).
  { unfold s2, n. destruct (asks_ipa s); repeat split; exact H. }
  destruct A2 as (C2 & Rg2 & W2 & H2 & An2 & Tr2 & F1 & F2 & F3 & F4).
  assert (R2 : Q c s2 (mkst P1 (D u))) by (apply (keep_ghost fixed c s1); auto).
  set (l := exit_page rel).
  assert (Fl : Forall (fun p => 0 <= fst p < 512) l).
  { unfold l, rel, exit_page, exit_normal. cbn [r_regs r_esr r_far r_hpfar app]. repeat (apply Forall_cons; [cbn [fst]; unfold W_EXIT; lia|]). apply Forall_nil. }
  assert (Fo : forall k, k < W_EXIT \/ W_EXIT + 3 <= k -> Forall (fun p : Z * Z => fst p <> k) l).
  { intros k K. unfold l, rel, exit_page, exit_normal. cbn [r_regs r_esr r_far r_hpfar app].
    repeat (apply Forall_cons; [cbn [fst]; unfold W_EXIT in *; lia|]). apply Forall_nil. }
  set (s3 := put_words page l s2). set (m3 := writes 0 512 l (mem (D u) pg)).
  assert (R3 : Q c s3 (mkst P1 (set_mem (upd (mem (D u)) pg m3) (D u)))).
  { apply (keep_page fixed I c s2 s3 (mkst P1 (D u)) pg m3 R2 Cg); [constructor; reflexivity|..].
    - intros a Ha. apply (put_words_other _ 512); auto.
    - intros o O. unfold s3. rewrite (put_words_at _ 512) by auto. apply writes_ext. apply (page_word fixed c s2 (mkst P1 (D u))); auto. }
  assert (Ws : forall k, 0 <= k < 512 -> k < W_EXIT \/ W_EXIT + 3 <= k -> word s3 (page + k * 8) = word s (page + k * 8) /\ m3 k = mem (D u) pg k).
  { intros k Hk K. unfold s3, m3. rewrite (put_words_at _ 512) by auto. rewrite <- W2. change (word s2 (page + k * 8)) with (words_of page s2 k).
    specialize (Fo k K). clear - Fo. unfold writes. revert Fo. generalize (words_of page s2), (mem (D u) pg). induction l as [|[j x] l' IH]; intros f g F; [auto|].
    inversion F as [|? ? Nj F']; subst. cbn [fold_left fst snd] in *. destruct (inside j 0 512); [|apply IH, F'].
    destruct (IH (upd f j x) (upd g j x) F') as [-> ->]. unfold upd. rewrite (proj2 (Z.eqb_neq k j)) by congruence. auto. }
  assert (Rn3 : running c s3 (mkst P1 (set_mem (upd (mem (D u)) pg m3) (D u))) w).
  { apply (running_same c s s3 u _ w Rnu); cbn [P D].
    - intros i. change (Base.reg s3) with (Base.reg s2). rewrite Rg2. reflexivity.
    - change (cell s3) with (cell s2). rewrite C2. reflexivity.
    - intros k K. rewrite Gn. apply Ws; unfold W_GP, W_EXIT in *; lia.
    - intros k K. unfold greg. cbn [P D]. rewrite Pu. change (protected P1 (vm_of w)) with (protected (P t) (vm_of w)). rewrite Pr.
      change (c_page (vcpu P1 w)) with pg. fold pg. cbn [mem set_mem]. unfold upd. rewrite Z.eqb_refl. apply Ws; unfold W_GP, W_EXIT in *; lia.
    - rewrite Pu. reflexivity.
    - change (protected P1 (vm_of w)) with (protected (P t) (vm_of w)). rewrite Pr. discriminate. }
  destruct (host_back_related fixed I c s3 _ w KCORE_EXIT_TRAP R3) as (s' & E & H' & R'); auto.
  { cbn [P]. apply inv_stat, J. }
  { intros Gc. change (Base.reg s3) with (Base.reg s2). rewrite Rg2. apply Few, Gc. }
  { cbn [D io set_mem]. change (trace s3) with (trace s2). rewrite Tr2. change (cell s3) with (cell s2). rewrite C2. change (cell s1 "vcpu_page" w) with (cell s "vcpu_page" w).
    destruct Lv as [B1 B2 B3 B4 B5 B6]. constructor; change (Base.reg s3) with (Base.reg s2); rewrite ?Rg2; auto.
    2: { intros Nr i Hi. rewrite (B6 Nr i Hi). unfold a32_value. change (Base.reg s3) with (Base.reg s2). change (cell s3) with (cell s2).
         rewrite C2, Rg2, Pg. change (cell s1 "cpu_fp") with (cell s "cpu_fp").
         destruct (Ws (W_A32 + i)) as [-> _]; [unfold W_A32, N_A32 in *; lia|unfold W_A32, W_EXIT; lia|]. reflexivity. }
    intros i Hi. rewrite (B4 i Hi).
    unfold lr_left. change (answer s3) with (answer s2). change (Base.reg s3) with (Base.reg s2). rewrite An2, Rg2, Pg.
    destruct (Ws (W_LR + i)) as [-> _]; [unfold W_LR; lia|unfold W_LR, W_EXIT; lia|]. reflexivity. }
  cbn [P D] in R'. change (c_page (vcpu P1 w)) with pg in R'. exists s'. eexists.
  assert (Mm2 : vcpu_mem s2 w = true).
  { rewrite (frame_mem s s2 w); [exact Mm|]. unfold s2. destruct (asks_ipa s); repeat split. }
  split; [|split; [rewrite H'; exact H2|split; [|split; [reflexivity|]]]].
  - apply (does_ok _ _ _ _ _ does_guest_exit). unfold s_guest_exit. rewrite Ec. cbv zeta. rewrite Cv, (proj2 (Z.eqb_neq _ _) N), Mm.
    replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
    change (negb (0 =? 0)) with false. cbv iota. unfold exit_synchronous. fold esr far. change (w / KCORE_VM_VCPUS) with (vm_of w). cbv zeta.
    rewrite cause_is. fold s1.
    replace ((Guest.ec esr =? Guest.EC_FP) && (cell s "cpu_fp" c =? 0)) with false.
    2: { symmetry. destruct (Z.eqb_spec (Guest.ec esr) Guest.EC_FP) as [X|X]; [|reflexivity]. apply Z.eqb_neq, Fp, X. }
    change (answer s1 (List.length (trace s1)) 0 mod 2 ^ 64) with (par_now s). fold (asks_ipa s).
    change (needs_hpfar esr) with (asks_ipa s). fold (own_fault s). rewrite Of. fold s2. fold (fault_ipa s). fold ipa.
    unfold exit_guest. rewrite (r_vm_type _ _ _ _ R _ (vm_handle w Wv)), <- Tp. unfold exit_told, s_exit_syndrome. rewrite <- Tp, Mm2.
    cbn [bind]. unfold show. rewrite C2. change (cell s1 "vcpu_page" w) with (cell s "vcpu_page" w). rewrite Pg. fold rel l s3. rewrite E. reflexivity.
  - unfold leave, deliver, deliver_effect. rewrite Pu, Uw, Pr. cbv zeta. fold pg l. exact R'.
  - unfold idle, leave, deliver. rewrite Pu, Uw, Pr. cbn [P r_power rel exit_normal]. peel. unfold upd. rewrite Z.eqb_refl.
    cbn [cpu_with_run u_run u_call negb andb]. rewrite Ca. reflexivity.
Qed.
End GuestNormal.
