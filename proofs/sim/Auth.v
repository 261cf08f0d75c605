(* SPDX-License-Identifier: GPL-2.0-only *)
(* The calls of auth.c do what the top machine does; what the machine answers of a measurement comes with the call. *)
From KCore Require Import code.Common code.Calls code.Vm code.Auth top.InvLife.
From KCore Require Export sim.Life sim.End sim.Answer sim.Pages.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Auth.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).
Notation answers_in := (answers_in fixed).

(* What says whether a VM waits for its start *)
Lemma start_cells c s t v : Q c s t -> alive (P t) v = true -> cell s "vm_state" v = v_state (vm (P t) v) /\
  cell s "vm_type" v = v_type (vm (P t) v) /\ cell s "vcpu_pending" (v * KCORE_VM_VCPUS) = c_pending (vcpu (P t) (v * KCORE_VM_VCPUS)).
Proof.
  intros R A. assert (V : is_handle v) by (unfold alive, is_handle in *; props; lia).
  assert (W : is_vcpu (v * KCORE_VM_VCPUS)) by (unfold is_handle, is_vcpu, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS in *; lia).
  repeat split; [apply (r_vm_state _ _ _ _ R v V)|apply (r_vm_type _ _ _ _ R v V)|apply (r_vcpu_pending _ _ _ _ R _ W)].
Qed.
Lemma waiting_eq c s t v : Q c s t -> waiting s v = start_check (P t) v.
Proof.
  intros R. unfold waiting, start_check. rewrite (alive_eq fixed c s t v R). destruct (alive (P t) v) eqn:A; cbn [negb]; [|reflexivity].
  destruct (start_cells c s t v R A) as (-> & -> & ->). unfold waits, is.
  destruct (_ =? VM_READY), (_ =? KCORE_VM_PROTECTED), (_ =? PENDING_START); reflexivity.
Qed.

Lemma measure_sim c s t v a : Q c s t -> held s = true -> 0 <= a < IPA_END -> a mod PAGE_BYTES = 0 ->
  answers_in c t (measure v a s) (vm_measure c v (a / PAGE_BYTES) (P t)).
Proof.
  intros R H A M. unfold measure, vm_measure. rewrite (waiting_eq c s t v R).
  destruct (Z.eqb_spec (start_check (P t) v) 0) as [E|E]; cbn [negb]; [|apply unchanged_in; auto].
  destruct (start_check_vm (P t) v E) as (V & _ & _). assert (Hv : is_handle v) by (unfold is_vm, is_handle in *; lia).
  unfold h_s2_load, stage2_ok. rewrite (roots_fine fixed I c s t v R Hv).
  replace (true && (0 <=? a) && (a <? 2 ^ 40) && (1 <=? 3) && (3 <=? 3)) with true.
  2: { symmetry. unfold IPA_END in A. rewrite (proj2 (Z.leb_le 0 a)), (proj2 (Z.ltb_lt a (2 ^ 40))) by lia. reflexivity. }
  cbn [bind]. change (entry s v a 3) with (Base.leaf s v 3 (Map.page a)). change (Map.page a) with (a / PAGE_BYTES).
  assert (B : 0 <= a / PAGE_BYTES < 268435456).
  { unfold IPA_END, PAGE_BYTES in *. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. }
  rewrite (r_page _ _ _ _ R v _ Hv B). unfold entry_of.
  destruct (r_leaf _ _ _ _ R v 3 (a / PAGE_BYTES)) as [L|L].
  - rewrite L. apply unchanged_in; auto.
  - set (e := Base.leaf s v 3 (a / PAGE_BYTES)) in *. assert (Va : Calls.valid e = true /\ e <> 0).
    { unfold leaf_ok in L. cbn [Z.eqb Pos.eqb] in L. apply andb_true_iff in L as [_ L]. apply Z.eqb_eq in L.
      assert (X : Z.land e PTE_VALID = 1).
      { change PTE_VALID with (Z.land 3 1). rewrite Z.land_assoc, L. reflexivity. }
      unfold Calls.valid. rewrite X. split; [reflexivity|]. intros Z0. rewrite Z0 in X. discriminate. }
    destruct Va as [-> N]. apply Z.eqb_neq in N. rewrite N. cbn [negb]. eexists _, _. split; [reflexivity|]. split; [exact H|].
    exists [], true, (P t). split; [reflexivity|]. cbn [do_effects fold_left]. rewrite st_eta. apply keep_record. exact R.
Qed.

Lemma hc_measure_sim c s t v a : Q c s t -> held s = false -> 0 <= v -> 0 <= a ->
  answers c t (s_hc_vm_measure [v; a] s) (hcall c (RMeasure v a) (P t)).
Proof.
  intros R H V A. cbn [hcall]. unfold s_hc_vm_measure, bad_page. replace (paged a) with (a mod PAGE_BYTES =? 0).
  2: { unfold paged, PAGE_BYTES. change (4096 - 1) with 4095. rewrite (land_page a). reflexivity. }
  rewrite (proj2 (Z.ltb_ge a 0) A). cbn [orb]. destruct (Z.eqb_spec (a mod PAGE_BYTES) 0) as [M|M]; cbn [negb orb].
  2: { eexists _, _. split; [reflexivity|]. apply unchanged; auto. }
  destruct (Z.leb_spec IPA_END a) as [B|B]; [eexists _, _; split; [reflexivity|apply unchanged; auto]|].
  apply section_answers; auto. unfold s_vm_measure. rewrite (proj2 (Z.leb_le 0 v) V). apply measure_sim; auto. apply keep_hold; auto.
Qed.

Lemma start_sim c s t v : Q c s t -> held s = false -> fits (P t) -> 0 <= v ->
  answers c t (s_hc_vm_start [v] s) (vm_start c v (negb (next_answer s =? 0)) (P t)).
Proof.
  intros R H F V. unfold s_hc_vm_start. apply section_answers; auto. unfold s_vm_start. cbn [held sethold].
  rewrite (proj2 (Z.leb_le 0 v) V). cbn [andb]. change (next_answer s) with (next_answer (sethold true s)).
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto). set (s1 := sethold true s) in *. assert (H1 : held s1 = true) by reflexivity.
  unfold begin, vm_start. rewrite (waiting_eq c s1 t v R1).
  destruct (Z.eqb_spec (start_check (P t) v) 0) as [E|E]; cbn [negb]; [|apply unchanged_in; auto].
  destruct (start_check_vm (P t) v E) as (Vm & S & _). assert (Hv : is_handle v) by (unfold is_vm, is_handle in *; lia).
  assert (W : is_vcpu (v * KCORE_VM_VCPUS)) by (unfold is_handle, is_vcpu, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS in *; lia).
  rewrite (r_vm_loaded _ _ _ _ R1 v Hv), (Z.mod_small _ _ (f_loaded _ F v)). unfold is.
  destruct (_ =? 0); cbn [negb]; [|apply unchanged_in; auto].
  set (s2 := record "measure_signed" _ s1). assert (R2 : Q c s2 t) by (apply keep_record; exact R1).
  destruct (next_answer s1 =? 0); cbn [negb]; (eexists _, _; split; [reflexivity|]; split; [exact H1|]).
  - exists [], true, (change_vm v (vm_with_state VM_DYING) (P t)). split; [reflexivity|]. cbn [do_effects fold_left].
    destruct (rest_vm (P t) v (vm_with_state VM_DYING (vm (P t) v)) eq_refl S) as [Ar Hc]. related R2.
  - eexists [], true, _. split; [reflexivity|]. cbn [do_effects fold_left].
    pose proof (power_related fixed c _ _ _ POWER_ON (forgotten_related fixed c s2 t _ R2 W) W) as X. cbn [P D] in X.
    exact X.
Qed.

Lemma measurement_sim c s t v n : Q c s t -> held s = false ->
  answers c t (s_hc_vm_measurement [v; n] s) (hcall c (RMeasurement (next_answer s)) (P t)).
Proof.
  intros R H. cbn [hcall]. eexists _, _. split; [reflexivity|]. eexists _, true, (P t). split; [reflexivity|]. split; [exact H|].
  cbn [do_effects fold_left]. apply (keep_x fixed c 1 (next_answer s) (record "measure_word" [v; KCORE_QUOTE_HOST; n] s) t); [apply keep_record; exact R|lia].
Qed.

Lemma quotable_eq c s t v good : Q c s t -> quote_result v good (P t) = if negb (quotable s v =? 0) then quotable s v else if good then 0 else KCORE_ENOSYS.
Proof.
  intros R. unfold quotable, quote_result. rewrite (alive_eq fixed c s t v R). destruct (alive (P t) v) eqn:A; cbn [negb]; [|reflexivity].
  destruct (start_cells c s t v R A) as (-> & -> & ->). unfold waits, is.
  destruct (_ =? VM_READY), (_ =? KCORE_VM_PROTECTED), (_ =? PENDING_START); reflexivity.
Qed.
Lemma quote_sim c s t v d0 d1 d2 d3 : Q c s t -> held s = false -> 0 <= v ->
  answers c t (s_hc_vm_quote [v; d0; d1; d2; d3] s) (hcall c (RQuote v (negb (next_answer s =? 0))) (P t)).
Proof.
  intros R H V. cbn [hcall]. unfold s_hc_vm_quote. apply section_answers; auto. unfold s_vm_quote. rewrite (proj2 (Z.leb_le 0 v) V).
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto). change (next_answer s) with (next_answer (sethold true s)).
  set (s1 := sethold true s) in *. assert (H1 : held s1 = true) by reflexivity.
  unfold quote. rewrite (quotable_eq c s1 t v _ R1). destruct (negb (quotable s1 v =? 0)); [apply unchanged_in; auto|].
  eexists _, _. split; [reflexivity|]. split; [exact H1|]. exists [], true, (P t). split; [reflexivity|]. cbn [do_effects fold_left].
  rewrite st_eta. apply keep_record. exact R1.
Qed.
End Auth.
