(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VCPU_CREATE does what the top machine does. *)
From KCore Require Import code.Common code.Calls code.Pool code.Owner code.Vm code.Vcpu pt.Bits.
From KCore Require Export sim.Areas sim.Alloc.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The page that the pool hands out is zero. *)
Lemma alloc_zero v s a u o : h_pool_alloc [v] s = Ok (a, u) -> a <> 0 -> 0 <= o < 512 -> word u (a + o * 8) = 0.
Proof.
  unfold h_pool_alloc, s_pool_alloc. intros E N O. destruct (_ && _); [|discriminate]. destruct (exhausted s v).
  { cbn [Z.eqb orb] in E. congruence. }
  destruct (_ || plain _ _); [|discriminate]. injection E as <- <-. rewrite zero_word, words_eq. change (Z.of_nat (Z.to_nat 512)) with 512.
  replace (pool_page s + o * 8 - pool_page s) with (o * 8) by lia. rewrite Z_mod_mult, Z.eqb_refl, andb_true_r.
  rewrite (proj2 (Z.leb_le _ _)), (proj2 (Z.ltb_lt _ _)) by lia. reflexivity.
Qed.

Section Create.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_fine := (pool_fine fixed).
Notation taken := (taken fixed).
Notation answers_in := (answers_in fixed).

(* A page of the pool that is nowhere is in no table. *)
Lemma plain_taken s t a o : taken s t a -> 0 <= cell s "pool_bump" 0 <= pool -> cell s "root_base" 0 = fixed "root_base" 0 ->
  0 <= o < 512 -> plain s (a + o * 8) = true.
Proof.
  intros T B Rb O. destruct (k_at _ _ _ _ T) as (k & K & E). destruct (pool_page_at fixed I k ltac:(lia)) as (P1 & P2 & _ & _).
  rewrite <- E in P1, P2. pose proof (Z.div_mod a 4096 ltac:(lia)) as M. rewrite P2 in M. set (n := a / 4096) in *.
  unfold plain, aligned, in_roots, Map.page. rewrite Rb. repeat (apply andb_true_iff; split).
  - apply Z.eqb_eq. replace (a + o * 8) with ((n * 512 + o) * 8) by lia. apply Z_mod_mult.
  - apply negb_true_iff, andb_false_iff. right. apply Z.ltb_ge. destruct (n_roots _ I) as (_ & _ & R3).
    destruct (n_pool_base _ I) as (B1 & _). unfold pool_at, KCORE_NR_VMS, ROOT_BYTES, PAGE_BYTES in *. lia.
  - change (2 ^ 12) with 4096. replace ((a + o * 8) / 4096) with n by (apply (Z.div_unique _ _ _ (o * 8)); lia).
    apply negb_true_iff. destruct (Base.table s n) eqn:Tb; auto. destruct (k_unused _ _ _ _ T). left. split; [exact Tb|exact P2].
Qed.

(* A page that may become the context of a protected vCPU. *)
Record context_page (s : state) (t : pub) (v a : Z) : Prop := {
  x_taken : taken s t a;
  x_count : Inv.covers (held_by s t v) (v_tables (vm t v) - 1);
  x_word : forall o, 0 <= o < 512 -> word s (a + o * 8) = if o =? W_SCTLR then SCTLR_EL1_RESET else 0
}.

Definition created (w pg power : Z) (t : pub) : pub :=
  add_cnt KCORE_STAT_vcpus 1 (change_vm (vm_of w) (fun r => vm_with_vcpus (v_vcpus r + 1) r)
    (set_vcpu w (mkvcpu VCPU_READY power PENDING_NONE 0 pg 0) t)).
Definition create_vcpu (w page context power : Z) (s : state) : state :=
  bump "vcpus_alive" 64 0 1 (bump "vm_vcpus" 32 (vm_of w) 1 (fresh_vcpu w page context power s)).

Lemma created_related c s t w pg context power : Q c s t -> is_vcpu w -> c_state (vcpu (P t) w) = VCPU_FREE ->
  u_vcpu (cpu (P t) c) <> w -> 0 <= pg < 268435456 -> v_state (vm (P t) (vm_of w)) <> VM_FREE ->
  (if v_type (vm (P t) (vm_of w)) =? KCORE_VM_PROTECTED
   then v_state (vm (P t) (vm_of w)) <> VM_READY /\ context_page s (P t) (vm_of w) context
   else context = pg * PAGE_BYTES) ->
  Q c (create_vcpu w (pg * PAGE_BYTES) context power s) (mkst (created w pg power (P t)) (do_effects [Reset w] (D t))).
Proof.
  intros R W Fr Nl Bp Sv G. pose proof (vm_handle w W) as Hv. set (v := vm_of w) in *.
  set (p := created w pg power (P t)). set (s' := create_vcpu w (pg * PAGE_BYTES) context power s). set (d := do_effects [Reset w] (D t)).
  set (g := v_type (vm (P t) v) =? KCORE_VM_PROTECTED) in *.
  assert (Pr : forall x, protected p x = protected (P t) x).
  { intros x. unfold protected, p, created. peel. unfold upd. fold v. destruct (Z.eqb_spec x v) as [->|]; reflexivity. }
  assert (Pw : protected (P t) v = g) by (unfold protected; rewrite (proj2 (Z.eqb_neq _ _) Sv); reflexivity).
  assert (Vw : vcpu p w = mkvcpu VCPU_READY power PENDING_NONE 0 pg 0) by (unfold p, created; peel; unfold upd; now rewrite Z.eqb_refl).
  assert (Vo : forall x, x <> w -> vcpu p x = vcpu (P t) x).
  { intros x N. unfold p, created. peel. unfold upd. now rewrite (proj2 (Z.eqb_neq _ _) N). }
  assert (Cp : cpu p = cpu (P t)) by reflexivity.
  assert (Hc : forall x, has_context p x -> (x = w /\ g = true) \/ (x <> w /\ has_context (P t) x)).
  { intros x (X1 & X2 & X3). rewrite Pr in X3. destruct (Z.eq_dec x w) as [->|N]; [left; split; auto; rewrite <- Pw; assumption|right].
    rewrite (Vo x N) in X2. split; [exact N|]. split; auto. }
  assert (Ar : forall x, at_rest p x -> (x = w /\ g = true) \/ (x <> w /\ at_rest (P t) x)).
  { intros x (X1 & X2 & X3). rewrite Pr in X2. destruct (Z.eq_dec x w) as [->|N]; [left; split; auto; rewrite <- Pw; assumption|right].
    rewrite (Vo x N), Cp in *. split; [exact N|]. split; auto. }
  assert (Cb : g = true -> 0 <= context < 2 ^ 64).
  { intros E. rewrite E in G. destruct G as [_ G]. destruct (k_at _ _ _ _ (x_taken _ _ _ _ G)) as (k & K & ->).
    pose proof (p_bump _ _ _ (r_pool _ _ _ _ R)). destruct (pool_page_at fixed I k); lia. }
  assert (Cw : cell s' "vcpu_context" w = context).
  { change (cell s' "vcpu_context" w) with (if w =? w then context mod 2 ^ 64 else cell s "vcpu_context" w). rewrite Z.eqb_refl.
    apply Z.mod_small. destruct g; [auto|]. rewrite G. unfold PAGE_BYTES. lia. }
  assert (Co : forall x, x <> w -> cell s' "vcpu_context" x = cell s "vcpu_context" x).
  { intros x N. change (cell s' "vcpu_context" x) with (if x =? w then context mod 2 ^ 64 else cell s "vcpu_context" x).
    now rewrite (proj2 (Z.eqb_neq _ _) N). }
  assert (Vt : forall x, v_tables (vm p x) = v_tables (vm (P t) x)).
  { intros x. unfold p, created. peel. unfold upd. fold v. destruct (Z.eqb_spec x v) as [->|]; reflexivity. }
  assert (PF : pool_fine s' p).
  { pose proof (r_pool _ _ _ _ R) as F. destruct g eqn:Eg.
    - destruct G as [_ [[Ck Nu (l & L & Nd & C & A & Nin)] Cv _]]. destruct F as [B _ U X Y T TT Cn].
      assert (InU : forall a, in_use s' p a -> in_use s (P t) a \/ a = context).
      { intros a [H|(x & H & E)]; [left; left; exact H|]. destruct (Hc x H) as [[-> _]|[N H']]; [right; congruence|].
        rewrite (Co x N) in E. left. right. exists x. auto. }
      assert (Ta : Base.table s (context / PAGE_BYTES) = false).
      { destruct (Base.table s (context / PAGE_BYTES)) eqn:E; auto. destruct Nu. left. split; [exact E|].
        destruct Ck as (k & K & ->). rewrite (pool_page_no fixed I k). apply Z_mod_mult. }
      constructor; auto.
      + exists l. split; [apply (linked_same s); [reflexivity|exact L]|]. split; [exact Nd|]. split; [exact C|]. intros a Ha.
        destruct (A a Ha) as [A1 A2]. split; [exact A1|]. intros H. destruct (InU a H) as [H'| ->]; auto.
      + intros a Ha. destruct (InU a Ha) as [H| ->]; [apply U, H|exact Ck].
      + intros x Hx. destruct (Hc x Hx) as [[-> _]|[N H]]; [rewrite Cw; exact Ta|]. rewrite (Co x N). apply X, H.
      + assert (Z : forall x, has_context (P t) x -> cell s "vcpu_context" x <> context).
        { intros x H E. apply Nu. right. exists x. auto. }
        intros x y Hx Hy. destruct (Hc x Hx) as [[-> _]|[Nx H]], (Hc y Hy) as [[-> _]|[Ny H']]; rewrite ?Cw, ?Co by assumption; auto.
        * intros E. destruct (Z y H'). auto.
        * intros E. destruct (Z x H). auto.
      + intros x Hx. rewrite Vt. assert (Hb : forall a, held_by s' p x a -> held_by s (P t) x a \/ x = v /\ a = context).
        { intros a (Na & Ha). destruct Ha as [Ha|[Ha|(y & Y1 & Y2 & Y3)]]; [left; split; auto..|].
          destruct (Hc y Y2) as [[-> _]|[N H]]; [right; split; [auto|congruence]|left]. rewrite (Co y N) in Y3. split; [exact Na|].
          right. right. exists y. auto. }
        destruct (Z.eq_dec x v) as [->|N].
        * replace (v_tables (vm (P t) v)) with (v_tables (vm (P t) v) - 1 + 1) by lia.
          apply (Inv.covers_add Z.eq_dec (held_by s (P t) v) _ _ context Cv). intros a Ha. destruct (Hb a Ha) as [?|[_ ?]]; auto.
        * apply (Inv.covers_mono (held_by s (P t) x) _ (v_tables (vm (P t) x))); [apply Cn, Hx| |lia]. intros a Ha.
          destruct (Hb a Ha) as [?|[? _]]; [auto|contradiction].
    - assert (H : forall x, has_context p x -> has_context (P t) x /\ x <> w).
      { intros x Hx. destruct (Hc x Hx) as [[_ ?]|[? ?]]; [discriminate|auto]. }
      apply (pool_same fixed s s' (P t) p F); auto; [|intros x _; rewrite Vt; lia].
      intros x Hx. destruct (H x Hx) as [H1 H2]. split; [exact H1|apply Co, H2]. }
  assert (Xc : forall x k, is_vcpu x -> at_rest p x -> 0 <= k < W_GP \/ W_FP <= k < W_FP + N_FP ->
    word s' (cell s' "vcpu_context" x + k * 8) = ctx d x k).
  { intros x k X A K. change (word s') with (word s). unfold d. cbn [do_effects fold_left do_effect ctx set_ctx set_io]. unfold upd.
    destruct (Ar x A) as [[-> E]|[N A']].
    - rewrite Cw, Z.eqb_refl. rewrite E in G. destruct G as [_ G]. rewrite (x_word _ _ _ _ G); [reflexivity|].
      unfold W_GP, W_FP, N_FP in K. lia.
    - rewrite (Co x N), (proj2 (Z.eqb_neq x w) N). apply (r_ctx _ _ _ _ R); auto. }
  assert (Xv : forall x, is_handle x -> v_state (vm p x) = VM_READY -> at_rest p (x * KCORE_VM_VCPUS) ->
    cell s' "vm_cntvoff" x = ctx d (x * KCORE_VM_VCPUS) W_CNTVOFF mod 2 ^ 64).
  { intros x X S A. change (cell s' "vm_cntvoff" x) with (cell s "vm_cntvoff" x). unfold d.
    cbn [do_effects fold_left do_effect ctx set_ctx set_io]. unfold upd.
    assert (Sx : v_state (vm p x) = v_state (vm (P t) x)).
    { unfold p, created. peel. unfold upd. fold v. destruct (Z.eqb_spec x v) as [->|]; reflexivity. }
    rewrite Sx in S. destruct (Ar _ A) as [[E Eg]|[N A']].
    - exfalso. rewrite Eg in G. destruct G as [G _]. apply G. replace v with x; [exact S|]. unfold v. rewrite <- E. unfold vm_of.
      symmetry. apply Z.div_mul. discriminate.
    - rewrite (proj2 (Z.eqb_neq _ w) N). apply (r_cntvoff _ _ _ _ R); auto. }
  assert (Xk : forall x, is_vcpu x -> at_rest p x -> cell s' "vcpu_far" x = ctx d x W_KEPT /\
    cell s' "vcpu_entry" x = ctx d x (W_KEPT + 1) /\ cell s' "vcpu_entry_x0" x = ctx d x (W_KEPT + 2)).
  { intros x X A. change (cell s' "vcpu_far" x) with (if x =? w then 0 else cell s "vcpu_far" x).
    change (cell s' "vcpu_entry" x) with (if x =? w then 0 else cell s "vcpu_entry" x).
    change (cell s' "vcpu_entry_x0" x) with (if x =? w then 0 else cell s "vcpu_entry_x0" x).
    unfold d. cbn [do_effects fold_left do_effect ctx set_ctx set_io]. unfold upd.
    destruct (Z.eqb_spec x w) as [->|N]; [auto|]. destruct (Ar x A) as [[? _]|[_ A']]; [contradiction|]. apply (r_kept _ _ _ _ R); auto. }
  assert (Xx : forall x, is_vcpu x -> c_state (vcpu p x) <> VCPU_FREE -> v_type (vm p (vm_of x)) <> KCORE_VM_PROTECTED ->
    cell s' "vcpu_context" x = c_page (vcpu p x) * PAGE_BYTES).
  { intros x X S T. assert (Tx : v_type (vm p (vm_of x)) = v_type (vm (P t) (vm_of x))).
    { unfold p, created. peel. unfold upd. fold v. destruct (Z.eqb_spec (vm_of x) v) as [->|]; reflexivity. }
    rewrite Tx in T. destruct (Z.eq_dec x w) as [->|N].
    - rewrite Cw, Vw. cbn [c_page]. fold v in T. unfold g in G. rewrite (proj2 (Z.eqb_neq _ _) T) in G. exact G.
    - rewrite (Co x N), (Vo x N) in *. apply (r_context _ _ _ _ R); auto. }
  assert (Xe : forall x, is_vcpu x -> c_pending (vcpu p x) <> PENDING_NONE -> cell s' "vcpu_esr" x = c_esr (vcpu p x)).
  { intros x X S. change (cell s' "vcpu_esr" x) with (if x =? w then 0 else cell s "vcpu_esr" x).
    destruct (Z.eqb_spec x w) as [->|N]; [rewrite Vw; reflexivity|]. rewrite (Vo x N) in *. apply (r_vcpu_esr _ _ _ _ R); auto. }
  assert (Vg : vgic_fine c s' (mkst p d)).
  { intros E. pose proof (r_vgic _ _ _ _ R E) as (V1 & V2 & V3). cbv zeta. cbn [P D]. rewrite Cp. split; [exact V1|].
    split; [exact V2|]. unfold d. cbn [do_effects fold_left do_effect io set_ctx set_io]. unfold upd. rewrite (proj2 (Z.eqb_neq _ w) Nl).
    exact V3. }
  clear Ar Hc Pr Pw Vw Vo Cp Cb Cw Co Vt G Sv.
  pose proof R as X. destruct X. constructor; first [exact PF | exact Vg | exact Xc | exact Xv | exact Xk | exact Xx | exact Xe | idtac];
    clear PF Vg Xc Xv Xk Xx Xe; unfold p, s', d, created, create_vcpu, fresh_vcpu, put64; intros;
    lazymatch goal with
    | |- reaped _ _ => reaped_kept R
    | |- guards_fine _ _ => guards_kept R
    | |- in_dram _ _ = true => eapply r_region; eassumption
    | _ => cbn [P D do_effects fold_left do_effect] in *; peel; try fixed_tac; keyed; auto; try congruence; try discriminate; try counted;
        eauto; try lia
    end.
  apply Z.mod_small. unfold PAGE_BYTES. lia.
Qed.

Lemma pool_alloc_same v t p : pool_alloc v t = Some p -> vcpu p = vcpu t /\ cpu p = cpu t /\
  forall x, v_type (vm p x) = v_type (vm t x) /\ v_state (vm p x) = v_state (vm t x).
Proof.
  unfold pool_alloc. destruct (_ || _); [discriminate|]. intros E. injection E as <-. destruct (_ && _); (split; [reflexivity|]);
    (split; [reflexivity|]); intros x; peel; unfold upd; destruct (Z.eqb_spec x v) as [->|]; split; reflexivity.
Qed.

(* The page is counted, and the vCPU is there. *)
Lemma new_sim c s t w pg context power : Q c s t -> held s = true -> is_vcpu w -> c_state (vcpu (P t) w) = VCPU_FREE ->
  u_vcpu (cpu (P t) c) <> w -> dram pg = true -> v_state (vm (P t) (vm_of w)) <> VM_FREE ->
  (if v_type (vm (P t) (vm_of w)) =? KCORE_VM_PROTECTED
   then v_state (vm (P t) (vm_of w)) <> VM_READY /\ context_page s (P t) (vm_of w) context
   else context = pg * PAGE_BYTES) ->
  exists u, vcpu_new (vm_of w) w (pg * PAGE_BYTES) context power s = Ok (w, u) /\ held u = true /\
    Q c u (mkst (created w pg power (maps_add pg 1 1 (P t))) (do_effects [Reset w] (D t))).
Proof.
  intros R H W Fr Nl Dp Sv G. pose proof (dram_below fixed I pg Dp) as Bp. pose proof (fixed_of _ _ _ _ R) as Fx.
  unfold vcpu_new, s_page_index. rewrite (regions_fine fixed I s Fx).
  replace (word64 (pg * PAGE_BYTES)) with true
    by (symmetry; unfold word64, PAGE_BYTES; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite (record_page fixed I s Fx) by apply Z_mod_mult. rewrite Z.div_mul, Dp by discriminate. cbn [andb bind].
  assert (In1 : in_dram pg 1 = true) by (rewrite (in_dram_1 pg); exact Dp).
  pose proof (records_ok fixed I c s t pg 1 R In1 ltac:(lia)) as Ok1. change (Z.of_nat 1) with 1 in Ok1.
  unfold s_pages_map. rewrite Ok1, H. cbn [andb bind]. change (Z.to_nat 1) with 1%nat.
  set (s1 := map_count 1 s (record_no fixed pg) 1). assert (H1 : held s1 = true) by exact H. rewrite H1.
  eexists. split; [reflexivity|]. split; [exact H1|].
  apply (created_related c s1 (mkst (maps_add pg 1 1 (P t)) (D t))); auto.
  - apply (keep_maps fixed I c s t pg 1 1); auto.
  - cbn [P]. change (vm (maps_add pg 1 1 (P t))) with (vm (P t)). destruct (_ =? _); [|exact G]. destruct G as [G1 [T Cv Wd]].
    split; [exact G1|]. split; [|exact Cv|exact Wd]. apply (taken_same fixed s s1 (P t)); auto.
Qed.

Lemma create_vcpu_sim c s t v k a : Q c s t -> held s = true -> inv (P t) -> fits (P t) -> 0 <= v < 2 ^ 64 -> 0 <= k < 2 ^ 64 ->
  0 <= a < 2 ^ 64 -> answers_in c t (s_vcpu_create [v; k; a] s) (Hyper.vcpu_create c v k a (P t)).
Proof.
  intros R H J F Bv Bk Ba. pose proof (fixed_of _ _ _ _ R) as Fx.
  assert (Wd : forall x, 0 <= x < 2 ^ 64 -> word64 x = true)
    by (intros x X; unfold word64; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  unfold s_vcpu_create, Vcpu.vcpu_create, Hyper.vcpu_create, s_vcpu_create_check, create_check, is.
  rewrite !Wd by assumption. cbn [andb]. rewrite (alive_eq fixed c s t v R). unfold paged. change (PAGE_BYTES - 1) with 4095.
  rewrite land_page. change 4096 with PAGE_BYTES. rewrite (proj2 (Z.ltb_ge k 0)), orb_false_r by lia.
  destruct (negb (alive (P t) v) || _ || _) eqn:E; cbn [bind negb Z.eqb]; [apply unchanged_in; auto|].
  apply orb_false_iff in E as [E A]. apply orb_false_iff in E as [Al Ek]. apply negb_false_iff, Z.eqb_eq in A. apply Z.leb_gt in Ek.
  apply negb_false_iff in Al. unfold KCORE_VM_VCPUS in Ek.
  assert (V : is_handle v /\ v_state (vm (P t) v) <> VM_FREE) by (unfold alive in Al; unfold is_handle; props; split; [lia|auto]).
  destruct V as [V Sv]. set (w := v * KCORE_VM_VCPUS + k) in *.
  assert (Vw : vm_of w = v) by (unfold vm_of, w, KCORE_VM_VCPUS; symmetry; apply (Z.div_unique _ _ _ k); lia).
  assert (W : is_vcpu w) by (apply (vm_of_inside v); auto).
  rewrite (r_vm_state _ _ _ _ R v V), (r_vm_type _ _ _ _ R v V), (r_vcpu_state _ _ _ _ R w W).
  destruct (_ || (_ && _)) eqn:E1; cbn [bind negb Z.eqb]; [apply unchanged_in; auto|]. apply orb_false_iff in E1 as [_ E1].
  destruct (Z.eqb_spec (c_state (vcpu (P t) w)) VCPU_FREE) as [Fr|]; cbn [bind negb Z.eqb]; [|apply unchanged_in; auto].
  rewrite (regions_fine fixed I s Fx). cbn [andb].
  rewrite (record_page fixed I s Fx a A). set (pg := a / PAGE_BYTES) in *.
  assert (Ea : a = pg * PAGE_BYTES) by (apply Z.div_exact in A; [unfold pg; lia|discriminate]).
  destruct (dram pg) eqn:Dp; cbn [bind negb Z.eqb]; [|apply unchanged_in; auto].
  rewrite (proj2 (Z.eqb_neq _ _) (record_real fixed I pg Dp)). unfold record_ok.
  pose proof (record_range fixed I pg Dp) as Rr. replace (nr_pages s) with (fixed "nr_pages" 0) by (symmetry; apply Fx; cbn; tauto).
  rewrite (proj2 (Z.leb_le 0 _)), (proj2 (Z.ltb_lt _ (fixed "nr_pages" 0))) by lia. cbn [andb].
  rewrite (r_owner _ _ _ _ R pg Dp), (r_maps _ _ _ _ R pg Dp), (Z.mod_small (maps _ _)) by apply (f_maps _ F).
  destruct (owner (P t) pg =? OWNER_HOST); cbn [bind negb Z.eqb]; [|apply unchanged_in; auto].
  destruct (maps (P t) pg =? 0); cbn [bind negb Z.eqb]; [|apply unchanged_in; auto].
  unfold nth_vm. unfold is_handle in V. rewrite (proj2 (Z.leb_le 0 v)), (proj2 (Z.ltb_lt v KCORE_NR_VMS)) by lia.
  rewrite (proj2 (Z.ltb_lt k KCORE_VM_VCPUS)) by (unfold KCORE_VM_VCPUS; lia). cbn [andb].
  rewrite (r_vm_type _ _ _ _ R v V).
  assert (Nl : u_vcpu (cpu (P t) c) <> w).
  { intros E. destruct (i_cpu _ J c) as [L _]; [unfold is_vcpu, KCORE_NR_VCPUS, NO_VCPU in *; lia|]. rewrite E, Fr in L. discriminate. }
  destruct (v_type (vm (P t) v) =? KCORE_VM_PROTECTED) eqn:G.
  - pose proof (alloc_sim fixed I c s t v 0 R H V (fits_few _ F) ltac:(lia)) as X.
    destruct (pool_alloc v (P t)) as [p|] eqn:Ep; [|rewrite X; cbn [bind Z.eqb]; apply unchanged_in; auto].
    destruct X as (b & u & X & Hu & Ru & T & _ & Cv). destruct (pool_alloc_same v (P t) p Ep) as (S1 & S2 & S3). destruct (S3 v) as [S4 S5].
    destruct (k_at _ _ _ _ T) as (j & K & Eb). pose proof (p_bump _ _ _ (r_pool _ _ _ _ Ru)) as Pb.
    destruct (pool_page_at fixed I j ltac:(lia)) as (P1 & P2 & _). rewrite <- Eb in P1, P2.
    pose proof (alloc_zero v s b u) as Zr. rewrite X. cbn [bind]. rewrite (proj2 (Z.eqb_neq b 0)) by lia.
    replace (plain u (b + CTX_SCTLR)) with true
      by (symmetry; apply (plain_taken u p b W_SCTLR T Pb); [apply (r_fixed _ _ _ _ Ru); cbn; tauto|unfold W_SCTLR; lia]).
    set (u1 := setword (b + CTX_SCTLR) SCTLR_EL1_RESET u).
    assert (Q1 : Q c u1 (mkst p (D t)) /\ taken u1 p b).
    { apply (keep_words fixed I c u u1 (mkst p (D t)) b); auto. intros x Hx. unfold u1. rewrite word_setword.
      rewrite (proj2 (Z.eqb_neq _ _)); [reflexivity|]. unfold CTX_SCTLR. lia. }
    destruct Q1 as [R1 T1].
    destruct (new_sim c u1 (mkst p (D t)) w pg b POWER_OFF R1 Hu W) as (x & X1 & X2 & X3); cbn [P]; rewrite ?Vw, ?S1, ?S2, ?S4, ?S5, ?G;
      auto.
    { split; [intros Y; rewrite Y in E1; discriminate E1|]. split; [exact T1|exact Cv|]. intros o O. unfold u1. rewrite word_setword.
      change (b + CTX_SCTLR) with (b + W_SCTLR * 8). destruct (Z.eqb_spec o W_SCTLR) as [->|N]; [now rewrite Z.eqb_refl|].
      rewrite (proj2 (Z.eqb_neq _ _)) by lia. apply Zr; auto. lia. }
    rewrite Vw, <- Ea in X1. rewrite X1. exists w, x. split; [reflexivity|]. split; [exact X2|].
    exists [Reset w], true, (created w pg POWER_OFF (maps_add pg 1 1 p)).
    split; [unfold created; rewrite Vw; reflexivity|exact X3].
  - destruct (new_sim c s t w pg a POWER_ON R H W) as (x & X1 & X2 & X3); rewrite ?Vw, ?G; auto.
    rewrite Vw, <- Ea in X1. rewrite X1. exists w, x. split; [reflexivity|]. split; [exact X2|].
    exists [Reset w], true, (created w pg POWER_ON (maps_add pg 1 1 (P t))).
    split; [unfold created; rewrite Vw; reflexivity|exact X3].
Qed.
End Create.
