(* SPDX-License-Identifier: GPL-2.0-only *)
(* The calls of vm.c and stats.c do what the top machine's do. *)
From KCore Require Import code.Vm.
From KCore Require Export sim.Keep.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Life.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

Lemma roots_fine c s t v : Q c s t -> is_handle v -> roots_ok s v = true.
Proof.
  intros R V. unfold roots_ok. rewrite (r_fixed _ _ _ _ R "root_base") by (cbn; tauto).
  destruct (n_roots _ I) as (A & _ & B). destruct (n_pool_base _ I) as (_ & _ & C & E). pose proof V as V'. unfold is_handle,
    KCORE_NR_VMS, ROOT_BYTES, IPA_END in *.
  repeat (apply andb_true_iff; split); try apply Z.leb_le; try apply Z.ltb_lt; unfold PAGE_BYTES in *; try lia.
Qed.

Lemma range_S i n : range i (S n) = i :: range (i + 1) n.
Proof.
  unfold range. cbn [seq map]. rewrite Z.add_0_r. f_equal. rewrite <- seq_shift, map_map. apply map_ext. intros k. lia.
Qed.

Lemma free_from_eq s t n : (forall v, is_handle v -> cell s "vm_state" v = v_state (vm t v)) ->
  forall i, 1 <= i -> i + Z.of_nat n <= KCORE_NR_VMS ->
  free_from s n i = match find (fun v => is (v_state (vm t v)) VM_FREE) (range i n) with Some v => v | None => 0 end.
Proof.
  intros R. induction n as [|n IH]; intros i L H; cbn [free_from]; auto.
  rewrite range_S. cbn [find]. rewrite R by (unfold is_handle; lia). unfold is. destruct (v_state (vm t i) =? VM_FREE); auto. apply IH;
    lia.
Qed.
Lemma find_free_eq c s t : Q c s t -> Vm.find_free s = match find_free (P t) with Some v => v | None => 0 end.
Proof.
  intros R. Transparent Vm.find_free. unfold Vm.find_free. Opaque Vm.find_free. rewrite (free_from_eq s (P t));
    [reflexivity|apply R|lia|reflexivity].
Qed.
Lemma find_free_some t v : find_free t = Some v -> is_vm v /\ v_state (vm t v) = VM_FREE.
Proof.
  unfold find_free. intros F. apply find_some in F as [A B]. apply range_in in A. unfold is in B. apply Z.eqb_eq in B. unfold is_vm,
    KCORE_NR_VMS. split; [lia|auto].
Qed.

Lemma no_last_same v n s : same (no_last v n s) s.
Proof.
  induction n as [|n (A & B)]; cbn [no_last]; [repeat split|]. split; [|exact B].
  intros m i E. rewrite cell_setcell, E. apply A, E.
Qed.
(* The same writes to both. *)
Lemma same_setcell n i x s' s : same s' s -> same (setcell n i x s') (setcell n i x s).
Proof. intros (A & B). split; [|exact B]. intros m j E. rewrite !cell_setcell. destruct (_ && _); auto. Qed.

(* The record of another VM. *)
Ltac elsewhere :=
  unfold protected, vm_of in *; peel; unfold upd; match goal with |- context [?a =? ?b] => destruct (Z.eqb_spec a b);
    [contradiction|auto] end.

Lemma vm_of_inside v w : is_handle v -> vm_of w = v -> is_vcpu w.
Proof. unfold is_handle, is_vcpu, vm_of, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS. intros H E.
  pose proof (Z.div_mod w 16 ltac:(lia)). pose proof (Z.mod_pos_bound w 16 ltac:(lia)). lia. Qed.

Lemma guards_reset f f' m m' v : guards_fine f m -> (forall i, f' "vm_guards" i = if i =? v then 0 else f "vm_guards" i) ->
  (forall i, f' "guard_base" i = f "guard_base" i) -> (forall i, f' "guard_end" i = f "guard_end" i) ->
  (forall u, v_guard (m' u) = if u =? v then [] else v_guard (m u)) -> guards_fine f' m'.
Proof.
  intros G A B C E u U. cbv zeta. rewrite A, E. destruct (G u U) as (G1 & G2 & G3). destruct (u =? v).
  - split; [reflexivity|]. split; [cbn; unfold GUARD_RANGES; lia|]. intros [|k] r K; discriminate K.
  - split; [exact G1|]. split; [exact G2|]. intros k r K. rewrite B, C. exact (G3 k r K).
Qed.

Lemma create_sim c s t type : Q c s t -> held s = false -> inv (P t) -> 0 <= type ->
  answers c t (s_hc_vm_create [type] s) (vm_create c type (P t)).
Proof.
  intros R H J T. unfold s_hc_vm_create, vm_create, is. destruct (negb _ && negb _) eqn:E; [eexists _, _; split;
    [reflexivity|apply unchanged; auto]|].
  assert (T' : 0 <= type < 2) by (unfold KCORE_VM_NORMAL, KCORE_VM_PROTECTED in E; props; destruct E; props; lia).
  unfold section, s_vm_create. cbn [held sethold]. rewrite H. cbn [negb].
  cbn [andb].
  replace ((0 <=? type) && (type <? 2 ^ 32)) with true by (symmetry; apply andb_true_iff; split; [apply Z.leb_le|apply Z.ltb_lt]; lia).
  cbn [andb].
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  rewrite (roots_fine c _ t 0 R1) by (unfold is_handle, KCORE_NR_VMS; lia). unfold Vm.vm_create.
  rewrite (find_free_eq c _ t R1).
  destruct (find_free (P t)) as [v|] eqn:F; [|eexists _, _; split; [reflexivity|apply unchanged_section; auto]].
  apply find_free_some in F as [V Fr].
  destruct (Z.eqb_spec v 0) as [->|Nv]; [unfold is_vm in V; lia|]. cbn [bind held record bump log_event put64 setcell].
  rewrite no_last_held. cbn [held setcell sethold].
  eexists _, _. split; [reflexivity|]. eexists [], true, _. split; [reflexivity|]. split; [reflexivity|]. cbn [do_effects fold_left].
  apply keep_hold; auto. do 2 (apply keep_record; auto).
  match goal with |- Q c _ (mkst (add_log ?e ?a ?b ?p) _) => apply (keep_log fixed c e a b _ (mkst p (D t))) end;
    try (unfold is_vm, KCORE_NR_VMS, LOG_VM_CREATE in *; lia).
  assert (Rest : forall w, vm_of w = v -> c_state (vcpu (P t) w) = VCPU_FREE).
  { intros w <-. destruct (Z.eq_dec (c_state (vcpu (P t) w)) VCPU_FREE) as [|N]; auto. destruct (i_vcpu _ J _ N) as [A _].
    contradiction. }
  unfold bump. rewrite cell_other, Vm.no_last_cell by reflexivity.
  eapply keep_same; [apply same_setcell, same_setcell, no_last_same|].
  match goal with |- Q _ _ (mkst ?p _) =>
    assert (Ar : forall w, at_rest p w -> at_rest (P t) w); [|assert (Hc : forall w, has_context p w -> has_context (P t) w)] end.
  1, 2: intros w (A & B & C); destruct (Z.eq_dec (vm_of w) v) as [E'|N'].
  - destruct A; apply Rest; auto.
  - split; [exact A|]. split; [|exact C]. revert B. elsewhere.
  - destruct B; apply Rest; auto.
  - split; [exact A|]. split; [exact B|]. revert C. elsewhere.
  - related R1. apply (guards_reset (cell s) _ (vm (P t)) _ v r_guards); intros; peel; keyed; auto; try congruence; lia.
Qed.
End Life.
