(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VM_DESTROY_END, KCORE_HC_TLB_FLUSH_LOCAL and KCORE_HC_STATS_READ do what the top machine does. *)
From KCore Require Import code.Vm code.VmLife code.VmEnd code.Range code.Stats.
From KCore Require Export sim.End.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Over.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).
Notation answers_in := (answers_in fixed).

Lemma dying_eq c s t v : Q c s t -> dying s v = dying_check (P t) v.
Proof.
  intros R. unfold dying, dying_check. rewrite (alive_eq fixed c s t v R). destruct (alive (P t) v) eqn:E; cbn [negb]; auto.
  rewrite (r_vm_state _ _ _ _ R); [reflexivity|]. unfold alive in E. props. unfold is_handle. lia.
Qed.
Lemma dying_handle t v : dying_check t v = 0 -> 1 <= v < 256 /\ v_state (vm t v) = VM_DYING.
Proof.
  unfold dying_check, alive, is. destruct (_ && _) eqn:E; cbn [negb]; [|discriminate]. props. unfold KCORE_NR_VMS in *.
  destruct (Z.eqb_spec (v_state (vm t v)) VM_DYING); [split; [lia|auto]|discriminate].
Qed.

Lemma end_sim c s t v : Q c s t -> held s = true -> fits (P t) -> 0 <= v ->
  answers_in c t (VmEnd.destroy_end v s) (Hyper.destroy_end c v (P t)).
Proof.
  intros R H F V. unfold VmEnd.destroy_end, Hyper.destroy_end. rewrite (dying_eq c s t v R).
  destruct (Z.eqb_spec (dying_check (P t) v) 0) as [E|]; cbn [negb]; [|apply unchanged_in; auto].
  apply dying_handle in E as [B E]. assert (HV : is_handle v) by (unfold is_handle, KCORE_NR_VMS; lia).
  rewrite (r_vm_cursor _ _ _ _ R), (r_vm_vcpus _ _ _ _ R), (r_vm_pages _ _ _ _ R), (r_vm_tables _ _ _ _ R) by exact HV.
  rewrite (Z.mod_small (v_vcpus _)) by apply (f_vcpus _ F). rewrite (Z.mod_small (v_pages _)) by apply (f_pages _ F).
  rewrite (Z.mod_small (v_tables _)) by (pose proof (f_tables _ F v); lia).
  replace (v_cursor (vm (P t) v) * PAGE_BYTES <? IPA_END) with (v_cursor (vm (P t) v) <? IPA_PAGES).
  2: { unfold IPA_PAGES, IPA_END, PAGE_BYTES. destruct (Z.ltb_spec (v_cursor (vm (P t) v)) 268435456);
    symmetry; [apply Z.ltb_lt|apply Z.ltb_ge]; lia. }
  unfold is. destruct (_ || _); [apply unchanged_in; auto|].
  eexists _, _. split; [reflexivity|]. split; [exact H|]. eexists [], true, _. split; [reflexivity|]. cbn [do_effects fold_left].
  match goal with |- Rel.Q _ _ _ (mkst (add_log ?e ?a ?b ?p) _) => apply (keep_log fixed c e a b _ (mkst p (D t))) end;
    try (unfold LOG_VM_DESTROY; lia).
  assert (Pr : forall x, protected (change_vm v (vm_with_state VM_FREE) (P t)) x = true -> protected (P t) x = true).
  { intros x. unfold protected. peel. unfold upd. destruct (Z.eqb_spec x v) as [->|]; auto. discriminate. }
  match goal with |- Rel.Q _ _ _ (mkst ?p _) =>
    assert (Ar : forall w, at_rest p w -> at_rest (P t) w) by (intros w (X & Y & Z); split; [exact X|]; split; [apply Pr, Y|exact Z]);
    assert (Hc : forall w, has_context p w -> has_context (P t) w) by (intros w (X & Y & Z); split; [exact X|]; split;
      [exact Y|apply Pr, Z]) end.
  related R.
Qed.

Lemma flush_sim c s t v : Q c s t -> held s = false -> 0 <= v ->
  answers c t (s_hc_tlb_flush_local [v] s) (done c (if bad_vm v then KCORE_EINVAL else 0) (P t)).
Proof.
  intros R H V. unfold s_hc_tlb_flush_local, bad_vm, HOST. destruct (Z.eqb_spec v 0) as [->|N]; [eexists _, _; split;
    [reflexivity|apply unchanged; auto]|].
  replace (v <? 1) with false by (symmetry; apply Z.ltb_ge; lia). cbn [orb].
  destruct (Z.leb_spec KCORE_NR_VMS v); [eexists _, _; split; [reflexivity|apply unchanged; auto]|].
  rewrite (roots_fine fixed I c s t v R) by (unfold is_handle; lia).
  eexists _, _. split; [reflexivity|]. apply unchanged; auto. apply keep_record; auto.
Qed.
End Over.
