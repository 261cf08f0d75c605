(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * KCORE_HC_VCPU_DESTROY does what the top machine does.  The code gives the context back while the vCPU is still there; in the
 * relation it is gone before, so that its context is in no use.
 *)
From KCore Require Import code.Common code.Calls code.Pool code.Owner code.Vm code.Vcpu code.VcpuEnd pt.Bits.
From KCore Require Export sim.Areas sim.Give.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ states that differ in nothing that the relation looks at *)

Lemma same_refl s : same s s.
Proof. repeat split. Qed.
Lemma same_trans s t u : same s t -> same t u -> same s u.
Proof.
  intros (A & B & C & E & F & G & H) (A' & B' & C' & E' & F' & G' & H'). repeat split; try congruence.
  intros n i N. rewrite A, A' by exact N. reflexivity.
Qed.
Lemma same_bump n width i b s' s : String.eqb n "last_vcpu" = false -> same s' s -> same (bump n width i b s') (bump n width i b s).
Proof. intros N S. unfold bump. rewrite (proj1 S n i N). apply same_setcell, S. Qed.
Lemma same_count b i n s' s : same s' s -> same (map_count b s' i n) (map_count b s i n).
Proof.
  intros S. destruct (map_count_rest b s' i n) as (A1 & A2 & A3 & A4 & A5 & A6).
  destruct (map_count_rest b s i n) as (B1 & B2 & B3 & B4 & B5 & B6). destruct S as (C & C1 & C2 & C3 & C4 & C5 & C6).
  split; [|repeat split; congruence]. intros m j N. rewrite !map_count_cell, !C by exact N. reflexivity.
Qed.
Lemma same_later b i n w x s : same (setcell "vcpu_state" w x (map_count b s i n)) (map_count b (setcell "vcpu_state" w x s) i n).
Proof.
  destruct (map_count_rest b s i n) as (A1 & A2 & A3 & A4 & A5 & A6).
  destruct (map_count_rest b (setcell "vcpu_state" w x s) i n) as (B1 & B2 & B3 & B4 & B5 & B6).
  split; [|cbn [word Base.reg Base.s1 Base.tab Base.leaf Base.table setcell] in *; repeat split; congruence].
  intros m j N. rewrite cell_setcell, !map_count_cell, !cell_setcell.
  destruct (String.eqb_spec m "page_maps") as [->|]; cbn [String.eqb Ascii.eqb Bool.eqb andb]; reflexivity.
Qed.

Lemma zero_same n a s' s : word s' = word s -> word (zero n a s') = word (zero n a s).
Proof. intros E. induction n as [|n IH]; [exact E|]. cbn [zero setword setwords word]. now rewrite IH. Qed.
(* The pool doesn't look at a vCPU's state. *)
Lemma give_later v a w x s u1 : h_pool_give [v; a] (setcell "vcpu_state" w x s) = Ok (0, u1) ->
  exists u, h_pool_give [v; a] s = Ok (0, u) /\ held u = held u1 /\ same (setcell "vcpu_state" w x u) u1.
Proof.
  unfold h_pool_give, s_pool_give. change (plain (setcell "vcpu_state" w x s) a) with (plain s a).
  change (held (setcell "vcpu_state" w x s)) with (held s).
  change (cell (setcell "vcpu_state" w x s) "pool_free" 0) with (cell s "pool_free" 0).
  change (cell (setcell "vcpu_state" w x s) "pool_head" 0) with (cell s "pool_head" 0).
  change (cell (setcell "vcpu_state" w x s) "vm_tables" v) with (cell s "vm_tables" v).
  destruct (plain s a); [|discriminate]. cbv zeta. destruct (page_ok a && _ && _ && _ && _ && _ && _ && _); [|discriminate].
  intros E. injection E as <-. eexists. split; [reflexivity|].
  destruct (zero_rest words a s) as (A1 & A2 & A3 & A4 & A5 & A6).
  destruct (zero_rest words a (setcell "vcpu_state" w x s)) as (B1 & B2 & B3 & B4 & B5 & B6).
  cbn [held setcell setword setwords] in *. split; [congruence|]. split.
  - intros m j N. repeat (rewrite cell_setcell || (cbn [cell setword setwords])). rewrite !zero_cell, cell_setcell.
    destruct (String.eqb_spec m "vcpu_state") as [->|]; cbn [String.eqb Ascii.eqb Bool.eqb andb]; reflexivity.
  - cbn [word Base.reg Base.s1 Base.tab Base.leaf Base.table setcell setword setwords] in *. repeat split; try congruence.
    rewrite (zero_same words a (setcell "vcpu_state" w x s) s) by reflexivity. reflexivity.
Qed.

Section Destroy.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_fine := (pool_fine fixed).
Notation taken := (taken fixed).
Notation answers_in := (answers_in fixed).

Definition gone (w : Z) (t : pub) : pub := change_vcpu w (vcpu_with_state VCPU_FREE 0) t.

Section Gone.
Variables (c : Z) (s : state) (t : st) (w : Z).
Hypotheses (R : Q c s t) (W : is_vcpu w) (Nl : u_vcpu (cpu (P t) c) <> w).
Notation s' := (setcell "vcpu_state" w VCPU_FREE s).
Notation p := (gone w (P t)).

Lemma gone_other x : x <> w -> vcpu p x = vcpu (P t) x.
Proof. intros N. unfold gone. peel. unfold upd. now rewrite (proj2 (Z.eqb_neq _ _) N). Qed.
Lemma gone_free : c_state (vcpu p w) = VCPU_FREE.
Proof. unfold gone. peel. unfold upd. now rewrite Z.eqb_refl. Qed.
Lemma gone_context x : has_context p x -> x <> w /\ has_context (P t) x.
Proof.
  intros (X1 & X2 & X3). assert (N : x <> w) by (intros ->; apply X2, gone_free). rewrite (gone_other x N) in X2.
  split; [exact N|]. split; [exact X1|]. split; [exact X2|exact X3].
Qed.
Lemma gone_rest x : at_rest p x -> x <> w /\ at_rest (P t) x.
Proof.
  intros (X1 & X2 & X3). assert (N : x <> w) by (intros ->; apply X1, gone_free). rewrite (gone_other x N) in X1, X3.
  split; [exact N|]. split; [exact X1|]. split; [exact X2|exact X3].
Qed.
Lemma gone_use a : in_use s' p a -> in_use s (P t) a.
Proof. intros [X|(x & X1 & X2)]; [left; exact X|right]. exists x. split; [apply gone_context, X1|exact X2]. Qed.

Lemma gone_related : Q c s' (mkst p (do_effects [Reset w] (D t))).
Proof.
  set (d := do_effects [Reset w] (D t)).
  assert (PF : pool_fine s' p).
  { apply (pool_same fixed s s' (P t) p (r_pool _ _ _ _ R)); auto using Z.le_refl. intros x X. split; [apply gone_context, X|reflexivity]. }
  assert (Cd : forall x k, x <> w -> ctx d x k = ctx (D t) x k).
  { intros x k N. unfold d. cbn [do_effects fold_left do_effect ctx set_ctx set_io]. unfold upd. now rewrite (proj2 (Z.eqb_neq _ _) N). }
  assert (Xc : forall x k, is_vcpu x -> at_rest p x -> 0 <= k < W_GP \/ W_FP <= k < W_FP + N_FP ->
    word s' (cell s' "vcpu_context" x + k * 8) = ctx d x k).
  { intros x k X A K. destruct (gone_rest x A) as [N A']. rewrite (Cd x k N). apply (r_ctx _ _ _ _ R); auto. }
  assert (Xv : forall x, is_handle x -> v_state (vm p x) = VM_READY -> at_rest p (x * KCORE_VM_VCPUS) ->
    cell s' "vm_cntvoff" x = ctx d (x * KCORE_VM_VCPUS) W_CNTVOFF mod 2 ^ 64).
  { intros x X S A. destruct (gone_rest _ A) as [N A']. rewrite Cd by exact N. apply (r_cntvoff _ _ _ _ R); auto. }
  assert (Xk : forall x, is_vcpu x -> at_rest p x -> cell s' "vcpu_far" x = ctx d x W_KEPT /\
    cell s' "vcpu_entry" x = ctx d x (W_KEPT + 1) /\ cell s' "vcpu_entry_x0" x = ctx d x (W_KEPT + 2)).
  { intros x X A. destruct (gone_rest x A) as [N A']. rewrite !Cd by exact N. apply (r_kept _ _ _ _ R); auto. }
  assert (Xx : forall x, is_vcpu x -> c_state (vcpu p x) <> VCPU_FREE -> v_type (vm p (vm_of x)) <> KCORE_VM_PROTECTED ->
    cell s' "vcpu_context" x = c_page (vcpu p x) * PAGE_BYTES).
  { intros x X S T. assert (N : x <> w) by (intros ->; apply S, gone_free). rewrite (gone_other x N) in *. apply (r_context _ _ _ _ R);
    auto. }
  assert (Xe : forall x, is_vcpu x -> c_pending (vcpu p x) <> PENDING_NONE -> cell s' "vcpu_esr" x = c_esr (vcpu p x)).
  { intros x X. pose proof (r_vcpu_esr _ _ _ _ R x X) as Y. unfold gone. peel. unfold upd. destruct (Z.eqb_spec x w) as [->|]; exact Y. }
  assert (Vg : vgic_fine c s' (mkst p d)).
  { intros E. pose proof (r_vgic _ _ _ _ R E) as (V1 & V2 & V3). cbv zeta. cbn [P D]. change (cpu p) with (cpu (P t)). split; [exact V1|].
    split; [exact V2|]. unfold d. cbn [do_effects fold_left do_effect io set_ctx set_io]. unfold upd. rewrite (proj2 (Z.eqb_neq _ w) Nl).
    exact V3. }
  pose proof R as X. destruct X. constructor; first [exact PF | exact Vg | exact Xc | exact Xv | exact Xk | exact Xx | exact Xe | idtac];
    clear PF Vg Xc Xv Xk Xx Xe Cd; unfold d, gone; intros;
    lazymatch goal with
    | |- reaped _ _ => reaped_kept R
    | |- guards_fine _ _ => guards_kept R
    | |- in_dram _ _ = true => eapply r_region; eassumption
    | _ => cbn [P D do_effects fold_left do_effect] in *; peel; try fixed_tac; keyed; auto; try congruence; eauto
    end.
Qed.

(* Its context is in no use. *)
Lemma gone_taken : has_context (P t) w -> taken s' p (cell s "vcpu_context" w) /\
  Inv.covers (held_by s' p (vm_of w)) (v_tables (vm p (vm_of w)) - 1).
Proof.
  intros H. set (a := cell s "vcpu_context" w). pose proof (r_pool _ _ _ _ R) as F. pose proof (vm_handle w W) as V.
  assert (Ua : in_use s (P t) a) by (right; exists w; auto).
  destruct (p_used _ _ _ F a Ua) as (k & K & Ea). pose proof (p_bump _ _ _ F) as B.
  destruct (pool_page_at fixed I k ltac:(lia)) as (P1 & P2 & _ & _). rewrite <- Ea in P1, P2.
  pose proof (p_context _ _ _ F w H) as Ta. fold a in Ta.
  assert (Oc : forall x, has_context p x -> cell s "vcpu_context" x <> a).
  { intros x X E. destruct (gone_context x X) as [N X']. apply N. apply (p_contexts _ _ _ F); auto. }
  split.
  - destruct (p_list _ _ _ F) as (l & L & Nd & C & A). constructor.
    + exists k. auto.
    + intros [[X _]|(x & X1 & X2)]; [change (Base.table s (a / PAGE_BYTES) = true) in X; congruence|apply (Oc x X1 X2)].
    + exists l. split; [apply (linked_same s); [reflexivity|exact L]|]. split; [exact Nd|]. split; [exact C|]. split.
      * intros b Hb. destruct (A b Hb) as [A1 A2]. split; [exact A1|]. intros X. apply A2, gone_use, X.
      * intros Hb. apply (A a Hb). exact Ua.
  - apply (Inv.covers_sub Z.eq_dec (held_by s (P t) (vm_of w)) _ _ a); [apply (p_count _ _ _ F _ V)| |].
    + split; [lia|]. right. right. exists w. auto.
    + assert (Old : forall l v n, table_at s l v n = a -> a <> 0 -> False).
      { intros l v n E N. destruct (p_table _ _ _ F l v n) as [X _]; [congruence|]. rewrite E in X. congruence. }
      intros x (Nx & X). destruct X as [(n & X)|[(n & X)|(y & Y1 & Y2 & Y3)]].
      * split; [split; [exact Nx|left; exists n; exact X]|]. intros ->. apply (Old 1 (vm_of w) n); [exact X|lia].
      * split; [split; [exact Nx|right; left; exists n; exact X]|]. intros ->. apply (Old 2 (vm_of w) n); [exact X|lia].
      * destruct (gone_context y Y2) as [N Y2']. split; [split; [exact Nx|right; right; exists y; auto]|].
        intros ->. apply (Oc y Y2 Y3).
Qed.
End Gone.

(* One vCPU less. *)
Lemma less_related c s t v : Q c s t ->
  Q c (bump "vcpus_alive" 64 0 (-1) (bump "vm_vcpus" 32 v (-1) s))
    (mkst (add_cnt KCORE_STAT_vcpus (-1) (change_vm v (fun r => vm_with_vcpus (v_vcpus r - 1) r) (P t))) (D t)).
Proof.
  intros R. set (p := add_cnt _ _ _).
  assert (Pr : forall x, protected p x = protected (P t) x).
  { intros x. unfold protected, p. peel. unfold upd. destruct (Z.eqb_spec x v) as [->|]; reflexivity. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x) by (intros x (X & Y & Z); rewrite Pr in Y; split; [exact X|]; split; auto).
  assert (Hc : forall x, has_context p x -> has_context (P t) x) by (intros x (X & Y & Z); rewrite Pr in Z; split; [exact X|]; split; auto).
  unfold p in *. clear p Pr. related R.
Qed.

(* The page is the host's alone, and the vCPU is gone. *)
Lemma gone_sim c u u1 t w : Q c u1 t -> held u1 = true -> held u = true -> same (setcell "vcpu_state" w VCPU_FREE u) u1 ->
  is_vcpu w -> dram (c_page (vcpu (P t) w)) = true ->
  exists x, vcpu_gone w u = Ok (0, x) /\ held x = true /\
    Q c x (mkst (add_cnt KCORE_STAT_vcpus (-1) (change_vm (vm_of w) (fun r => vm_with_vcpus (v_vcpus r - 1) r)
      (maps_add (c_page (vcpu (P t) w)) 1 (-1) (P t)))) (D t)).
Proof.
  intros R H1 H S W Dp. set (pg := c_page (vcpu (P t) w)) in *. pose proof (dram_below fixed I pg Dp) as Bp.
  assert (Ce : forall n i, String.eqb n "vcpu_state" = false -> String.eqb n "last_vcpu" = false -> cell u n i = cell u1 n i).
  { intros n i E1 E2. destruct S as [S _]. rewrite <- (S n i E2), cell_setcell, E1. reflexivity. }
  assert (Fx : forall n i, In n fixed_names -> cell u n i = fixed n i).
  { intros n i N. rewrite Ce by (apply not_fixed; auto). apply (r_fixed _ _ _ _ R), N. }
  unfold vcpu_gone, s_page_index. rewrite (regions_fine fixed I u Fx). rewrite Ce, (r_vcpu_page _ _ _ _ R w W) by reflexivity. fold pg.
  replace (word64 (pg * PAGE_BYTES)) with true
    by (symmetry; unfold word64, PAGE_BYTES; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite (record_page fixed I u Fx) by apply Z_mod_mult. rewrite Z.div_mul, Dp by discriminate. cbn [andb bind].
  assert (In1 : in_dram pg 1 = true) by (rewrite (in_dram_1 pg); exact Dp).
  pose proof (records_ok fixed I c u1 t pg 1 R In1 ltac:(lia)) as Ok1. change (Z.of_nat 1) with 1 in Ok1.
  assert (Ok2 : pages_ok u (record_no fixed pg) 1 = true).
  { unfold pages_ok, nr_pages in *. rewrite Ce by reflexivity. exact Ok1. }
  unfold s_pages_map. rewrite Ok2, H. cbn [andb bind]. change (Z.to_nat 1) with 1%nat.
  set (i := record_no fixed pg) in *. assert (H2 : held (map_count (-1) u i 1) = true) by exact H. rewrite H2.
  eexists. split; [reflexivity|]. split; [exact H2|]. change (w / KCORE_VM_VCPUS) with (vm_of w).
  apply (keep_same fixed c _ (bump "vcpus_alive" 64 0 (-1) (bump "vm_vcpus" 32 (vm_of w) (-1) (map_count (-1) u1 i 1)))).
  - apply same_bump; [reflexivity|]. apply same_bump; [reflexivity|]. eapply same_trans; [apply same_later|]. apply same_count, S.
  - apply (less_related c _ (mkst (maps_add pg 1 (-1) (P t)) (D t))). apply (keep_maps fixed I c u1 t pg 1 (-1)); auto.
Qed.

Lemma destroy_vcpu_sim c s t w : Q c s t -> held s = true -> inv (P t) -> fits (P t) -> 0 <= w ->
  answers_in c t (s_vcpu_destroy [w] s) (Hyper.vcpu_destroy c w (P t)).
Proof.
  intros R H J F Bw. unfold s_vcpu_destroy, VcpuEnd.vcpu_destroy, Hyper.vcpu_destroy, exists_, vcpu_exists, is.
  change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (proj2 (Z.leb_le 0 w) Bw). cbn [andb].
  destruct (Z.ltb_spec w KCORE_NR_VCPUS) as [Wn|Wn]; cbn [andb negb]; [|apply unchanged_in; auto].
  assert (W : is_vcpu w) by (unfold is_vcpu; lia). pose proof (vm_handle w W) as V. set (v := vm_of w) in *.
  rewrite (r_vcpu_state _ _ _ _ R w W), (r_vm_state _ _ _ _ R v V), (r_vm_type _ _ _ _ R v V).
  destruct (Z.eqb_spec (c_state (vcpu (P t) w)) VCPU_FREE) as [Fr|Ex]; cbn [negb]; [apply unchanged_in; auto|].
  destruct (Z.eqb_spec (c_state (vcpu (P t) w)) VCPU_LOADED) as [Ld|Nld]; [apply unchanged_in; auto|].
  destruct (i_vcpu _ J w Ex) as (Sv & Dp & _). pose proof (type_protected (P t) w J Ex) as Tp. fold v in Tp, Sv.
  assert (Nl : u_vcpu (cpu (P t) c) <> w).
  { intros E. destruct (i_cpu _ J c) as [L _]; [unfold is_vcpu, KCORE_NR_VCPUS, NO_VCPU in *; lia|]. rewrite E in L. contradiction. }
  pose proof (gone_related c s t w R Nl) as R1. set (s1 := setcell "vcpu_state" w VCPU_FREE s) in *.
  set (t1 := mkst (gone w (P t)) (do_effects [Reset w] (D t))) in *.
  assert (Pg : c_page (vcpu (P t1) w) = c_page (vcpu (P t) w)) by (cbn [t1 P]; unfold gone; peel; unfold upd; now rewrite Z.eqb_refl).
  destruct (v_type (vm (P t) v) =? KCORE_VM_PROTECTED) eqn:G; cbn [andb].
  - destruct (v_state (vm (P t) v) =? VM_READY); [apply unchanged_in; auto|].
    assert (Hx : has_context (P t) w) by (split; [exact W|]; split; [exact Ex|exact Tp]).
    destruct (gone_taken c s t w R W Hx) as [T Cv]. fold v s1 in Cv, T.
    destruct (give_sim fixed I c s1 t1 v (cell s "vcpu_context" w) 0 R1 H V) as (u1 & U1 & U2 & U3 & _); auto; [|lia|].
    { pose proof (fits_few _ F) as [F1 F2 F3]. split; auto. }
    destruct (give_later _ _ _ _ _ _ U1) as (u & E & Hu & Su). rewrite E. cbn [bind]. rewrite U2 in Hu.
    destruct (gone_sim c u u1 _ w U3 U2 Hu Su W) as (x & X1 & X2 & X3); [cbn [P pool_give]; exact (eq_trans (f_equal dram Pg) Dp)|].
    rewrite X1. exists 0, x. split; [reflexivity|]. split; [exact X2|]. exists [Reset w]. do 2 eexists. split; [reflexivity|].
    cbn [P D] in X3. change (c_page (vcpu (pool_give v (P t1)) w)) with (c_page (vcpu (P t1) w)) in X3. rewrite Pg in X3. exact X3.
  - destruct (gone_sim c s s1 t1 w R1 H H (same_refl s1) W) as (x & X1 & X2 & X3); [rewrite Pg; exact Dp|].
    rewrite X1. exists 0, x. split; [reflexivity|]. split; [exact X2|]. exists [Reset w]. do 2 eexists. split; [reflexivity|].
    rewrite Pg in X3. exact X3.
Qed.
End Destroy.
