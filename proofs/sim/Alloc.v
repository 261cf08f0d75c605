(* SPDX-License-Identifier: GPL-2.0-only *)
(* The pool hands out a page. *)
From KCore Require Import code.Common code.Calls code.Pool pt.Bits.
From KCore Require Export sim.Pool.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Alloc.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_at := (pool_at fixed).
Notation pool_fine := (pool_fine fixed).
Notation taken := (taken fixed).

(* The pool hands out a page, or has none. *)
Lemma alloc_sim c s t v n : Q c s t -> held s = true -> is_handle v -> few n (P t) -> 0 <= n < 8 ->
  match pool_alloc v (P t) with
  | None => h_pool_alloc [v] s = Ok (0, s)
  | Some p => exists a u, h_pool_alloc [v] s = Ok (a, u) /\ held u = true /\ Q c u (mkst p (D t)) /\ taken u p a /\ few (n + 1) p /\
      Inv.covers (held_by u p v) (v_tables (vm p v) - 1)
  end.
Proof.
  intros R H V F N. pose proof (r_pool _ _ _ _ R) as Pf. pose proof (free_bound fixed I s (P t) Pf) as Bf.
  destruct F as [F1 F2 F3]. pose proof (covers_low _ _ (p_count _ _ _ Pf v V)) as T0. specialize (F3 v V) as T1.
  pose proof (r_pool_free _ _ _ _ R) as Ef. rewrite Z.mod_small in Ef by lia.
  pose proof (r_reserve _ _ _ _ R) as Er. rewrite Z.mod_small in Er by lia.
  pose proof (r_vm_tables _ _ _ _ R v V) as Et. rewrite Z.mod_small in Et by lia.
  unfold h_pool_alloc, s_pool_alloc, pool_alloc. rewrite H.
  replace (true && (0 <=? v) && (v <? 256) && small (cell s "pool_free" 0) && small (cell s "pool_reserve" 0) &&
    small (cell s "vm_tables" v)) with true.
  2: { symmetry. unfold small, is_handle, KCORE_NR_VMS in *. rewrite Er, Et.
       repeat (apply andb_true_iff; split); auto; try apply Z.leb_le; try apply Z.ltb_lt; lia. }
  unfold exhausted. change (v =? 0) with (v =? HOST). rewrite <- Ef, <- Er.
  destruct (_ || _) eqn:Ex; cbn [orb andb]; [reflexivity|]. apply orb_false_iff in Ex as [Ex _]. apply Z.eqb_neq in Ex.
  assert (Eb : cell s "pool_base" 0 = fixed "pool_base" 0) by (apply (r_fixed _ _ _ _ R); cbn; tauto).
  destruct (pool_next fixed I s (P t) Pf Ex Eb) as (O & Pf' & Tk). rewrite O. set (u1 := setcell "pool_free" 0 _ (pool_take s)) in *.
  set (a := pool_page s) in *.
  assert (Pl : plain s a = true).
  { destruct (k_at _ _ _ _ Tk) as (k & K & Ea). rewrite Ea in *. pose proof (p_bump _ _ _ Pf'). apply (plain_free fixed I s (P t));
    auto; try lia.
    - apply (r_fixed _ _ _ _ R). cbn. tauto.
    - intros U. apply (k_unused _ _ _ _ Tk). revert U. unfold u1, in_use, pool_take. destruct (negb _); auto. }
  rewrite Pl, orb_true_r.
  assert (Fr : forall m i, String.eqb m "pool_head" = false -> String.eqb m "pool_bump" = false -> cell u1 m i =
    if String.eqb m "pool_free" && (i =? 0) then cell s "pool_free" 0 - 1 else cell s m i).
  { intros m i E1 E2. unfold u1, pool_take. rewrite cell_setcell. destruct (negb _); rewrite cell_setcell, ?E1, ?E2; reflexivity. }
  assert (Rest : word u1 = word s /\ Base.reg u1 = Base.reg s /\ Base.s1 u1 = Base.s1 s /\ Base.tab u1 = Base.tab s /\
    Base.leaf u1 = Base.leaf s /\ held u1 = true) by (unfold u1, pool_take; destruct (negb _); repeat split; exact H).
  destruct Rest as (W1 & W2 & W3 & W4 & W5 & W6). clearbody u1.
  assert (Bx : 0 < cell s "pool_free" 0 < 2 ^ 28) by (clear - Bf Ex; lia).
  assert (Ra : Q c u1 (mkst (add_cnt KCORE_STAT_pool_free (-1) (P t)) (D t))).
  { same_vcpus. related_by R ltac:(eapply pool_same; [exact Pf'|..]; intros; auto using Z.le_refl).
    all: try match goal with Hn : In ?n fixed_names |- _ =>
      rewrite Fr, (not_fixed n "pool_free" Hn) by (try reflexivity; apply (not_fixed n _ Hn); reflexivity); auto end.
    all: try match goal with Hn : nth_error _ _ = _ |- _ => repeat (rewrite Fr by reflexivity);
      cbn [String.eqb Ascii.eqb Bool.eqb andb]; eapply r_log; eassumption end.
    all: try match goal with |- guards_fine _ _ => apply (guards_same (cell s) _ (vm (P t)) _ r_guards); intros; cbn [P]; rewrite ?Fr by reflexivity; reflexivity end.
    all: repeat (rewrite Fr by reflexivity); rewrite ?W1, ?W2, ?W3, ?W4, ?W5; cbn [String.eqb Ascii.eqb Bool.eqb andb Z.eqb]; auto.
    all: apply small_count; clear - Ef Bx; lia. }
  set (t1 := mkst (add_cnt KCORE_STAT_pool_free (-1) (P t)) (D t)) in *.
  set (b := (v =? HOST) && (0 <? cell s "pool_reserve" 0)) in *.
  set (t2 := mkst (if b then add_cnt N_RESERVE (-1) (P t1) else P t1) (D t)).
  set (u3 := if b then setcell "pool_reserve" 0 (cell s "pool_reserve" 0 - 1) u1 else u1) in *.
  assert (Ec : forall m i, String.eqb m "pool_reserve" = false -> cell u3 m i = cell u1 m i).
  { intros m i E. unfold u3. destruct b; [rewrite cell_setcell, E|]; reflexivity. }
  assert (Rb : Q c u3 t2).
  { unfold u3, t2. destruct b eqn:Eqb; [|exact Ra]. unfold b in Eqb. same_vcpus. related Ra.
    change (cnt (P t1) N_RESERVE) with (cnt (P t) N_RESERVE). rewrite <- Er. symmetry. apply Z.mod_small. props. lia. }
  set (u2 := setcell "vm_tables" v (cell s "vm_tables" v + 1) u3).
  set (p := change_vm v (fun r => vm_with_tables (v_tables r + 1) r) (if b then add_cnt N_RESERVE (-1) (add_cnt KCORE_STAT_pool_free
    (-1) (P t))
    else add_cnt KCORE_STAT_pool_free (-1) (P t))).
  assert (Ar : forall w, at_rest p w -> at_rest (P t2) w).
  { intros w (A1 & A2 & A3). assert (A4 : protected (P t2) (vm_of w) = true).
    { revert A2. unfold p, t2, t1, protected. destruct b; peel; unfold upd; destruct (Z.eqb_spec (vm_of w) v) as [->|]; auto. }
    unfold p, t2, t1 in *. destruct b; (split; [exact A1|]; split; [exact A4|exact A3]). }
  assert (Hc : forall w, has_context p w -> has_context (P t2) w).
  { intros w (A1 & A2 & A3). assert (A4 : protected (P t2) (vm_of w) = true).
    { revert A3. unfold p, t2, t1, protected. destruct b; peel; unfold upd; destruct (Z.eqb_spec (vm_of w) v) as [->|]; auto. }
    unfold p, t2, t1 in *. destruct b; (split; [exact A1|]; split; [exact A2|exact A4]). }
  assert (Vt : v_tables (vm (P t2) v) = v_tables (vm (P t) v)) by (unfold t2, t1; destruct b; reflexivity).
  assert (Ep : p = change_vm v (fun r => vm_with_tables (v_tables r + 1) r) (P t2)) by (unfold p, t2, t1; destruct b; reflexivity).
  assert (Cv : cell s "vm_tables" v = cell u3 "vm_tables" v) by (rewrite Ec, Fr by reflexivity; reflexivity).
  assert (R2 : Q c u2 (mkst p (D t))).
  { unfold u2. rewrite Ep in *. change (D t) with (D t2). clear Ep. related Rb.
    rewrite Vt. apply small_count; clear - Et T0 T1 N; lia. }
  assert (Hu : held u3 = true /\ word u3 = word s /\ Base.s1 u3 = Base.s1 s /\ Base.tab u3 = Base.tab s /\ Base.table u3 = Base.table u1).
  { unfold u3. destruct b; auto. }
  destruct Hu as (Hu & Wu & U1 & U2 & U3).
  assert (T2 : taken u2 p a).
  { apply (taken_same fixed u1 u2 (P t)); auto; unfold u2; try (rewrite cell_setcell; cbn [String.eqb Ascii.eqb Bool.eqb andb]; apply Ec;
      reflexivity).
    - cbn [word setcell]. congruence.
    - intros x [[X1 X2]|(w & X1 & X2)]; [left; split; [|exact X2]; cbn [Base.table setcell] in X1; congruence|right; exists w].
      rewrite cell_setcell in X2. cbn [String.eqb Ascii.eqb Bool.eqb andb] in X2. rewrite Ec in X2 by reflexivity. split; [|exact X2].
      apply Hc in X1. revert X1. unfold t2, t1. destruct b; auto. }
  assert (Wo : forall y, y < a \/ a + 4096 <= y -> word (zero words a u2) y = word u2 y) by (intros; apply zero_page_outside; auto).
  destruct (zero_rest words a u2) as (Z1 & Z2 & Z3 & Z4 & Z5 & Z6).
  destruct (keep_words fixed I c u2 (zero words a u2) (mkst p (D t)) a R2 T2 (zero_cell _ _ _) Z1 Z2 Z3 Z4 Z5 Wo) as [R3 T3].
  exists a, (zero words a u2). split; [reflexivity|]. split; [rewrite Z6; exact Hu|]. split; [exact R3|]. split; [exact T3|].
  assert (E3 : forall y, cell u2 "vcpu_context" y = cell s "vcpu_context" y).
  { intros y. unfold u2. rewrite cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. rewrite Ec, Fr by reflexivity. reflexivity. }
  assert (Vp : v_tables (vm p v) = v_tables (vm (P t) v) + 1).
  { rewrite Ep, <- Vt. unfold change_vm, set_vm, upd. cbn [vm]. rewrite Z.eqb_refl. reflexivity. }
  split; [constructor|].
  - assert (Pc : cnt p KCORE_STAT_pool_free = cnt (P t) KCORE_STAT_pool_free + -1) by (unfold p; destruct b; reflexivity).
    rewrite Pc, <- Ef. clear - Bx F1 Ef. lia.
  - assert (Pr : cnt p N_RESERVE = if b then cnt (P t) N_RESERVE + -1 else cnt (P t) N_RESERVE) by (unfold p; destruct b; reflexivity).
    rewrite Pr. destruct b eqn:Eq; [|exact F2]. apply andb_true_iff in Eq as [_ Eq]. apply Z.ltb_lt in Eq. clear - Eq Er F2. lia.
  - intros w Hw. specialize (F3 w Hw). destruct (Z.eq_dec w v) as [->|Nw]; [clear - Vp T1; lia|].
    replace (v_tables (vm p w)) with (v_tables (vm (P t) w)); [clear - F3; lia|]. rewrite Ep. unfold change_vm, set_vm, upd. cbn [vm].
    rewrite (proj2 (Z.eqb_neq w v) Nw). unfold t2, t1. destruct b; reflexivity.
  - rewrite Vp. apply (Inv.covers_mono (held_by s (P t) v) _ (v_tables (vm (P t) v))); [apply (p_count _ _ _ Pf v V)| |lia].
    unfold held_by. rewrite Z2, Z3, zero_cell. intros x (Nx & X'). split; [exact Nx|].
    change (Base.s1 u2) with (Base.s1 u3) in X'. change (Base.tab u2) with (Base.tab u3) in X'. rewrite U1, U2 in X'.
    destruct X' as [X'|[X'|(w & H1 & H2 & H3)]]; auto. rewrite E3 in H3. right. right. exists w. split; [exact H1|]. split; [|exact H3].
    apply Hc in H2. revert H2. unfold t2, t1. destruct b; auto.
Qed.
End Alloc.
