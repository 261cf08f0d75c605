(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VM_FINALISE does what the top machine does. *)
From KCore Require Import code.Common code.Vm code.VmLife.
From KCore Require Export sim.Finalise.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Boot.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers_in := (answers_in fixed).

Lemma paged_both a b : paged (Z.lor a b) = (a mod PAGE_BYTES =? 0) && (b mod PAGE_BYTES =? 0).
Proof.
  unfold paged, PAGE_BYTES. change (4096 - 1) with 4095. rewrite Z.land_lor_distr_l, !land_page.
  destruct (Z.eqb_spec (a mod 4096) 0) as [->|N]; cbn [andb].
  - rewrite Z.lor_0_l. reflexivity.
  - apply Z.eqb_neq. intros E. apply Z.lor_eq_0_iff in E as [E _]. contradiction.
Qed.

(* The registers that vCPU 0 gets. *)
Definition booted (m f : Z -> Z) : Z -> Z :=
  writes 0 64 [(0, m 0); (1, m 1); (2, m 2); (3, m 3); (W_PC, m W_PC); (W_PSTATE, 0x3c5); (W_CNTVOFF, m W_CNTVOFF)] f.
Lemma booted_at m f k : booted m f k =
  if k =? 59 then m 59 else if k =? 32 then 0x3c5 else if k =? 31 then m 31 else
  if k =? 3 then m 3 else if k =? 2 then m 2 else if k =? 1 then m 1 else if k =? 0 then m 0 else f k.
Proof. reflexivity. Qed.

Lemma boot_word s v (pg : Z) k (ct := cell s "vcpu_context" (v * KCORE_VM_VCPUS)) :
  pg = cell s "vcpu_page" (v * KCORE_VM_VCPUS) ->
  (forall i j, 0 <= i < 512 -> 0 <= j < 512 -> pg + i * 8 <> ct + j * 8) -> 0 <= k < 512 ->
  word (boot_words v s) (ct + k * 8) =
  if k =? 32 then 0x3c5 else if k =? 31 then word s (pg + 31 * 8) else if (0 <=? k) && (k <? 4) then word s (pg + k * 8) else word s
    (ct + k * 8).
Proof.
  intros E A K. unfold boot_words, put64. rewrite !count_eq. change (Z.to_nat 4) with 4%nat. rewrite <- E. fold ct.
    cbn [word setcell]. rewrite !word_setword.
  change CTX_PC with (31 * 8). change CTX_PSTATE with (32 * 8). change CTX_CNTVOFF with (59 * 8).
  destruct (Z.eqb_spec k 32) as [->|N1]; [rewrite Z.eqb_refl; reflexivity|].
  replace (ct + k * 8 =? ct + 32 * 8) with false by (symmetry; apply Z.eqb_neq; lia).
  destruct (Z.eqb_spec k 31) as [->|N2].
  { rewrite Z.eqb_refl. apply copy_words_other. intros j J. apply A; lia. }
  replace (ct + k * 8 =? ct + 31 * 8) with false by (symmetry; apply Z.eqb_neq; lia).
  destruct ((0 <=? k) && (k <? 4)) eqn:C.
  - props. apply (copy_words_copied pg ct A); lia.
  - apply copy_words_other. intros j J X. assert (j = k) as -> by lia. rewrite (proj2 (Z.leb_le 0 k)),
    (proj2 (Z.ltb_lt k 4)) in C by lia. discriminate.
Qed.
Lemma boot_word_other s v x (ct := cell s "vcpu_context" (v * KCORE_VM_VCPUS)) :
  (forall k, 0 <= k < 512 -> x <> ct + k * 8) -> word (boot_words v s) x = word s x.
Proof.
  intros N. unfold boot_words, put64. rewrite !count_eq. change (Z.to_nat 4) with 4%nat. fold ct. cbn [word setcell].
    rewrite !word_setword.
  change CTX_PC with (31 * 8). change CTX_PSTATE with (32 * 8).
  rewrite (proj2 (Z.eqb_neq _ _) (N 32 ltac:(lia))), (proj2 (Z.eqb_neq _ _) (N 31 ltac:(lia))).
  apply copy_words_other. intros k K. apply N. lia.
Qed.
Lemma boot_cell s v n i : cell (boot_words v s) n i =
  if String.eqb n "vm_cntvoff" && (i =? v) then
    word (setword (cell s "vcpu_context" (v * KCORE_VM_VCPUS) + CTX_PSTATE) PSTATE_BOOT
      (setword (cell s "vcpu_context" (v * KCORE_VM_VCPUS) + CTX_PC)
        (word (copy_words (cell s "vcpu_page" (v * KCORE_VM_VCPUS)) (cell s "vcpu_context" (v * KCORE_VM_VCPUS)) 4 s)
          (cell s "vcpu_page" (v * KCORE_VM_VCPUS) + CTX_PC))
      (copy_words (cell s "vcpu_page" (v * KCORE_VM_VCPUS)) (cell s "vcpu_context" (v * KCORE_VM_VCPUS)) 4 s)))
      (cell s "vcpu_page" (v * KCORE_VM_VCPUS) + CTX_CNTVOFF) mod 2 ^ 64
  else cell s n i.
Proof. unfold boot_words, put64. rewrite !count_eq. change (Z.to_nat 4) with 4%nat. rewrite !cell_setcell.
  cbn [cell setword setwords]. rewrite copy_words_cell. reflexivity. Qed.
Lemma boot_cntvoff s v (pg : Z) (ct := cell s "vcpu_context" (v * KCORE_VM_VCPUS)) :
  pg = cell s "vcpu_page" (v * KCORE_VM_VCPUS) ->
  (forall i j, 0 <= i < 512 -> 0 <= j < 512 -> pg + i * 8 <> ct + j * 8) ->
  cell (boot_words v s) "vm_cntvoff" v = word s (pg + 59 * 8) mod 2 ^ 64.
Proof.
  intros E A. rewrite boot_cell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. rewrite Z.eqb_refl, <- E. fold ct. f_equal.
  rewrite !word_setword. change CTX_PC with (31 * 8). change CTX_PSTATE with (32 * 8). change CTX_CNTVOFF with (59 * 8).
  rewrite !(proj2 (Z.eqb_neq (pg + 59 * 8) _)) by (apply A; lia). apply copy_words_other. intros j J. apply A; lia.
Qed.

Lemma copy_words_rest from to n s : Base.reg (copy_words from to n s) = Base.reg s /\ Base.s1 (copy_words from to n s) = Base.s1 s /\
  Base.tab (copy_words from to n s) = Base.tab s /\ Base.leaf (copy_words from to n s) = Base.leaf s /\
  Base.table (copy_words from to n s) = Base.table s.
Proof. induction n; auto. Qed.

(* A VM that is not destroyed yet has nothing reaped. *)
Lemma reaped_new t v : v_state (vm t v) = VM_NEW -> reaped t v -> v_cursor (vm t v) = 0.
Proof. unfold reaped. intros -> [F|[E|[F _]]]; [discriminate F|exact E|discriminate F]. Qed.
Lemma reaped_ready t v w r : v_state (vm t v) = VM_NEW -> v_cursor r = v_cursor (vm t v) -> reaped t w -> reaped t v -> reaped (set_vm v r t) w.
Proof.
  intros N E W V. destruct (Z.eq_dec w v) as [->|D].
  - right. left. cbn. unfold upd. rewrite Z.eqb_refl, E. apply reaped_new; auto.
  - apply (reaped_same t); auto; cbn; unfold upd; now rewrite (proj2 (Z.eqb_neq w v) D).
Qed.

Lemma finalise_sim c s t v a bytes sign : Q c s t -> held s = true -> inv (P t) -> 0 <= v -> 0 <= a -> 0 <= bytes ->
  answers_in c t (finalise v a bytes sign s) (vm_finalise c v a bytes (negb (sign =? 0)) (P t)).
Proof.
  intros R H J V Ha Hb. unfold finalise, vm_finalise. rewrite (alive_eq fixed c s t v R).
  destruct (alive (P t) v) eqn:E; cbn [negb]; [|apply unchanged_in; auto].
  assert (B : 1 <= v < 256) by (unfold alive, KCORE_NR_VMS in E; props; lia).
  assert (HV : is_handle v) by (unfold is_handle, KCORE_NR_VMS; lia). assert (HW : is_vcpu (v * KCORE_VM_VCPUS)) by (unfold is_vcpu,
    KCORE_NR_VCPUS, KCORE_VM_VCPUS; lia).
  rewrite (r_vm_state _ _ _ _ R v HV), (r_vm_type _ _ _ _ R v HV), (r_vcpu_state _ _ _ _ R _ HW). unfold is.
  destruct (Z.eqb_spec (v_state (vm (P t) v)) VM_NEW) as [New|_]; cbn [negb orb]; [|apply unchanged_in; auto].
  destruct (negb (sign =? 0) && _); [apply unchanged_in; auto|].
  assert (S : v_state (vm (P t) v) <> VM_FREE) by (rewrite New; discriminate).
  destruct (Z.eqb_spec (v_type (vm (P t) v)) KCORE_VM_PROTECTED) as [Prot|Np].
  - assert (So : cell s "signed_only" 0 = info c KCORE_INFO_SIGNED_ONLY).
    { rewrite (r_fixed _ _ _ _ R) by (cbn; tauto). destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (n_info _ I c C) as (_ & _ & _ & _ & _ & X).
      symmetry. exact X. }
    rewrite So, negb_involutive. destruct ((sign =? 0) && _); [apply unchanged_in; auto|].
    unfold outside. rewrite paged_both, negb_andb.
    destruct (negb (a mod PAGE_BYTES =? 0) || negb (bytes mod PAGE_BYTES =? 0) || (IPA_END <=? a) || (bytes =? 0) || (IPA_END - a <?
      bytes)) eqn:Bad;
      [apply unchanged_in; auto|].
    destruct (Z.eqb_spec (c_state (vcpu (P t) (v * KCORE_VM_VCPUS))) VCPU_FREE) as [_|Ex]; [apply unchanged_in; auto|].
    set (w := v * KCORE_VM_VCPUS) in *. assert (Vw : vm_of w = v) by (unfold vm_of, w, KCORE_VM_VCPUS; apply Z.div_mul; lia).
    assert (Pr : protected (P t) v = true) by (unfold protected; rewrite New, Prot; reflexivity).
    assert (Cw : has_context (P t) w) by (split; [exact HW|]; split; [exact Ex|]; rewrite Vw; exact Pr).
    pose proof (vcpu_page_host fixed c s t w R J Ex) as Pg. pose proof (r_vcpu_page _ _ _ _ R w HW) as PgE.
    assert (Dp : dram (c_page (vcpu (P t) w)) = true) by (destruct (i_vcpu _ J _ Ex) as (_ & X & _); exact X).
    pose proof (dram_below fixed I _ Dp) as Lp.
    assert (Ok_ : boot_ok s v = true).
    { unfold boot_ok. fold w. rewrite PgE. apply andb_true_iff. split; [eapply plain_host; eauto|eapply plain_context; eauto]. }
    rewrite Ok_. destruct (context_at fixed c s t w R Cw) as (k & K & Kc).
    set (pg := c_page (vcpu (P t) w)) in *. set (ct := cell s "vcpu_context" w) in *.
    assert (Ap : forall i j, 0 <= i < 512 -> 0 <= j < 512 -> pg * PAGE_BYTES + i * 8 <> ct + j * 8).
    { intros i j Hi Hj. rewrite Kc. apply page_apart; auto. }
    eexists _, _. split; [reflexivity|]. split; [cbn [held setcell record]; rewrite boot_registers_held; exact H|].
    exists [Boot w pg], true. eexists. split; [reflexivity|]. apply keep_record.
    set (u := setcell "vm_mem_end" v (a + bytes) (setcell "vm_mem_base" v a s)).
    destruct (rest_vm (P t) v (vm_with_state VM_READY (vm_with_range a (a + bytes) (vm (P t) v))) eq_refl S) as [Ar Hc].
    (* But for its power it is done. *)
    assert (Main : Q c (setcell "vm_state" v VM_READY (boot_words v u))
      (mkst (change_vm v (fun r => vm_with_state VM_READY (vm_with_range a (a + bytes) r)) (P t)) (do_effects [Boot w pg] (D t)))).
    2: { unfold boot_registers. fold w. destruct (sign =? 0); cbn [negb].
      - apply (keep_same fixed c _ (setcell "vcpu_power" w POWER_ON (setcell "vm_state" v VM_READY (boot_words v u)))).
        + split; [|repeat split]. intros m i _. rewrite !cell_setcell. destruct (String.eqb_spec m "vm_state") as [->|]; reflexivity.
        + exact (power_related fixed c _ _ w POWER_ON Main HW).
      - apply (keep_same fixed c _ (setcell "vcpu_esr" w 0 (setcell "vcpu_pending" w PENDING_START (setcell "vm_state" v VM_READY (boot_words v u))))).
        + split; [|repeat split]. intros m i _. rewrite !cell_setcell. destruct (String.eqb_spec m "vm_state") as [->|]; reflexivity.
        + exact (pending_related fixed c _ _ w PENDING_START 0 Main HW). }
    assert (Bw : forall k, 0 <= k < 512 -> word (boot_words v u) (ct + k * 8) =
      if k =? 32 then 0x3c5 else if k =? 31 then word s (pg * PAGE_BYTES + 31 * 8) else
      if (0 <=? k) && (k <? 4) then word s (pg * PAGE_BYTES + k * 8) else word s (ct + k * 8)).
    { intros j Hj. apply (boot_word u v (pg * PAGE_BYTES) j); auto. }
    assert (Bo : forall x, (forall k, 0 <= k < 512 -> x <> ct + k * 8) -> word (boot_words v u) x = word s x).
    { intros x X. apply (boot_word_other u v x X). }
    assert (Bv : cell (boot_words v u) "vm_cntvoff" v = word s (pg * PAGE_BYTES + 59 * 8) mod 2 ^ 64).
    { apply (boot_cntvoff u v (pg * PAGE_BYTES)); auto. }
    assert (Bc : forall n i, String.eqb n "vm_cntvoff" = false -> cell (boot_words v u) n i = cell u n i).
    { intros n i N. rewrite boot_cell, N. reflexivity. }
    assert (Bn : forall i, i <> v -> cell (boot_words v u) "vm_cntvoff" i = cell s "vm_cntvoff" i).
    { intros i N. rewrite boot_cell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. apply Z.eqb_neq in N. rewrite N. reflexivity. }
    assert (Mp : forall o, 0 <= o < 512 -> word s (pg * PAGE_BYTES + o * 8) = mem (D t) pg o) by (intros o O; apply (r_mem _ _ _ _ R);
      auto).
    assert (Bs : Base.reg (boot_words v u) = Base.reg s /\ Base.s1 (boot_words v u) = Base.s1 s /\
      Base.tab (boot_words v u) = Base.tab s /\ Base.leaf (boot_words v u) = Base.leaf s /\ Base.table (boot_words v u) = Base.table s)
      by (exact (copy_words_rest _ _ _ u)).
    destruct Bs as (B1 & B2 & B3 & B4 & B5).
    assert (Dc : ctx (do_effects [Boot w pg] (D t)) = upd (ctx (D t)) w (booted (mem (D t) pg) (ctx (D t) w))) by reflexivity.
    assert (Cu : forall n i, cell u n i = if String.eqb n "vm_mem_end" && (i =? v) then a + bytes else
      if String.eqb n "vm_mem_base" && (i =? v) then a else cell s n i) by reflexivity.
    set (b := boot_words v u) in *. clearbody b. clearbody u.
    assert (Ew : w = v * KCORE_VM_VCPUS) by reflexivity. assert (Ect : cell s "vcpu_context" w = ct) by reflexivity.
    assert (Ov : forall x, at_rest (P t) (x * KCORE_VM_VCPUS) -> x * KCORE_VM_VCPUS = w -> x = v) by (intros x _; unfold w,
      KCORE_VM_VCPUS; lia).
    cbn [P D]. fold w. set (d := do_effects [Boot w pg] (D t)) in *.
    assert (Dm : mem d = mem (D t)) by reflexivity. assert (Df : fpm d = fpm (D t)) by reflexivity.
      assert (Dh : hreg d = hreg (D t)) by reflexivity. assert (Di : io d = io (D t)) by reflexivity. clearbody d.
    assert (Pools : forall k', 0 <= k' < pool -> k' <> k -> forall i j, 0 <= i < 512 -> 0 <= j < 512 ->
      pool_at fixed k' + i * 8 <> ct + j * 8).
    { intros k' _ N i j Hi Hj. rewrite Kc. unfold pool_at, PAGE_BYTES. lia. }
    clearbody ct pg w. pose proof R as R'. destruct R'. constructor; intros;
    lazymatch goal with
    | |- pool_fine _ _ _ => idtac
    | |- reaped _ _ => apply (reaped_ready (P t) v); auto; apply r_reaped; unfold is_vm, KCORE_NR_VMS; lia
    | |- word _ _ = _ => idtac
    | |- cell _ "vm_cntvoff" _ = _ => idtac
    | |- cell _ "vcpu_context" _ = _ => cbn [P D] in *; peel; rewrite Bc by reflexivity; rewrite Cu;
        cbn [String.eqb Ascii.eqb Bool.eqb andb]; key_hyps; keyed; auto; try congruence
    | |- vgic_fine _ _ _ => intros G; specialize (r_vgic G); cbv zeta in *; cbn [P D] in *; peel; rewrite B1, Dh, Di; exact r_vgic
    | |- guards_fine _ _ => apply (guards_same (cell s) _ (vm (P t)) _ r_guards); intros; peel; repeat (rewrite Bc by reflexivity); rewrite ?Cu; keyed; auto
    | |- in_dram _ _ = true => eapply r_region; eassumption
    | H : c_pending _ <> PENDING_NONE |- cell _ _ ?x = _ =>
        cbn [P D] in *; peel; rewrite Bc by reflexivity; rewrite Cu; cbn [String.eqb Ascii.eqb Bool.eqb andb]; unfold upd in *;
        destruct (Z.eqb_spec x w) as [->|]; peel; auto
    | |- _ /\ _ /\ _ => peel; repeat (rewrite Bc by reflexivity); cbn [String.eqb Ascii.eqb Bool.eqb andb]; rewrite ?Cu;
      cbn [String.eqb Ascii.eqb Bool.eqb andb]
    | H : In ?n fixed_names |- _ => peel; rewrite (not_fixed n "vm_state" H), Bc by (auto using not_fixed;
      apply (not_fixed n _ H); reflexivity);
        rewrite Cu; fixed_tac
    | _ => cbn [P D] in *; peel; repeat (rewrite Bc by reflexivity); rewrite ?B1, ?B2, ?B3, ?B4, ?B5, ?Df, ?Dh;
        cbn [String.eqb Ascii.eqb Bool.eqb andb]; rewrite ?Cu; cbn [String.eqb Ascii.eqb Bool.eqb andb]; keyed; auto; try congruence;
          eauto; try lia
    end.
    + eapply r_log; eauto.
    + eapply (pool_same fixed); [apply r_pool|..]; intros; peel; repeat (rewrite Bc by reflexivity); rewrite ?Cu; auto;
      try (keyed; apply Z.le_refl).
      * apply Bo. intros j Hj X. destruct (Z.eq_dec k0 k) as [->|N].
        -- match goal with H : ~ in_use _ _ _ |- _ => apply H end. right. exists w. split; [exact Cw|congruence].
        -- apply (Pools k0 ltac:(auto) N 0 j); lia.
    + cbn [D]. rewrite Dm. cbn [word setcell]. rewrite Bo; [apply r_mem; auto|]. intros j Hj. rewrite Kc. apply page_apart; auto.
    + cbn [P D] in *. match goal with H : at_rest _ w0 |- _ => apply Ar in H; rename H into Rest end.
      assert (Cx : cell (setcell "vm_state" v VM_READY b) "vcpu_context" w0 = cell s "vcpu_context" w0) by (peel;
        rewrite Bc by reflexivity; apply Cu).
      rewrite Cx, Dc. cbn [word setcell]. unfold upd. destruct (Z.eqb_spec w0 w) as [->|N].
      * rewrite Ect. unfold W_GP, W_FP, N_FP in *. rewrite Bw by lia. rewrite booted_at.
        rewrite (proj2 (Z.eqb_neq k0 59)) by lia. destruct (Z.eqb_spec k0 32); auto. destruct (Z.eqb_spec k0 31) as [->|]; [apply Mp;
          lia|].
        destruct ((0 <=? k0) && (k0 <? 4)) eqn:C4.
        -- props. assert (k0 = 0 \/ k0 = 1 \/ k0 = 2 \/ k0 = 3) as [->|[->|[->| ->]]] by lia; cbn [Z.eqb Pos.eqb]; apply Mp; lia.
        -- apply andb_false_iff in C4. rewrite !(proj2 (Z.eqb_neq k0 _)) by (destruct C4; props; lia). rewrite <- Ect. apply r_ctx; auto.
      * assert (Hw0 : has_context (P t) w0) by (destruct Rest as (Y1 & Y2 & _); split; auto).
        destruct (context_at fixed c s t w0 R Hw0) as (k' & K' & E').
        assert (k' <> k). { intros ->. apply N. apply (p_contexts _ _ _ r_pool); auto. congruence. }
        unfold W_GP, W_FP, N_FP in *. rewrite Bo; [apply r_ctx; auto|]. intros j Hj. rewrite E'. apply (Pools k'); auto; lia.
    + cbn [P D] in *. match goal with H : at_rest _ _ |- _ => apply Ar in H; rename H into Rest end.
      rewrite Dc. peel. unfold upd. destruct (Z.eqb_spec (v0 * KCORE_VM_VCPUS) w) as [X|X].
      * assert (v0 = v) as -> by (unfold KCORE_VM_VCPUS in *; lia). rewrite Bv, Mp by lia. reflexivity.
      * rewrite Bn by (intros ->; apply X; auto). apply r_cntvoff; auto. match goal with H : v_state _ = VM_READY |- _ => revert H end.
        peel. unfold upd. destruct (Z.eqb_spec v0 v) as [->|]; [exfalso; apply X; auto|auto].
    + cbn [P D] in *. match goal with H : at_rest _ w0 |- _ => apply Ar in H; rename H into Rest end. rewrite Dc. unfold upd.
      destruct (Z.eqb_spec w0 w) as [->|N]; [exact (r_kept w ltac:(assumption) Rest)|auto].
  - eexists _, _. split; [reflexivity|]. split; [exact H|]. exists [], true. eexists. split; [reflexivity|]. cbn [do_effects fold_left].
    destruct (rest_vm (P t) v (vm_with_state VM_READY (vm (P t) v)) eq_refl S) as [Ar Hc]. related R.
    { apply (reaped_ready (P t) v); auto; apply (r_reaped _ _ _ _ R); unfold is_vm, KCORE_NR_VMS; lia. }
    exfalso. match goal with H : at_rest (P t) _ |- _ => destruct H as (_ & Y & _) end. unfold vm_of in Y. rewrite Z.div_mul in Y by discriminate.
    unfold protected in Y. props. congruence.
Qed.
End Boot.
