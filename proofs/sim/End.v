(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VM_DESTROY_BEGIN does what the top machine does. *)
From KCore Require Import code.Vm code.VmLife.
From KCore Require Export sim.Life.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Rest.
Context {cfg : config}.
(* A VM's record changes, but not what it is. *)
Lemma rest_vm t v r : v_type r = v_type (vm t v) -> v_state (vm t v) <> VM_FREE ->
  (forall w, at_rest (set_vm v r t) w -> at_rest t w) /\ (forall w, has_context (set_vm v r t) w -> has_context t w).
Proof.
  intros T S. assert (Pr : forall x, protected (set_vm v r t) x = true -> protected t x = true).
  { intros x. unfold protected. peel. unfold upd. destruct (Z.eqb_spec x v) as [->|N]; auto.
    rewrite T, !andb_true_iff, !negb_true_iff, !Z.eqb_neq. tauto. }
  split; intros w (A & B & C); (split; [exact A|]); (split; [auto|]); auto.
Qed.

(* A vCPU's record changes, but not whether it exists or where it is. *)
Lemma rest_vcpu t w r : c_state r = c_state (vcpu t w) -> c_cpu r = c_cpu (vcpu t w) ->
  (forall x, at_rest (set_vcpu w r t) x -> at_rest t x) /\ (forall x, has_context (set_vcpu w r t) x -> has_context t x).
Proof.
  intros S C. assert (E : forall x, c_state (vcpu (set_vcpu w r t) x) = c_state (vcpu t x) /\
    c_cpu (vcpu (set_vcpu w r t) x) = c_cpu (vcpu t x)).
  { intros x. peel. unfold upd. destruct (Z.eqb_spec x w) as [->|]; auto. }
  split; intros x; destruct (E x) as [E1 E2]; unfold at_rest, has_context; rewrite E1, ?E2; auto.
Qed.
End Rest.

Section Changed.
Context {cfg : config} (fixed : string -> Z -> Z).
Notation Q := (Q fixed).

(* A vCPU's power, and what it waits for: whether it exists and where it is, is as before. *)
Ltac vcpu_as_before R :=
  lazymatch goal with |- Rel.Q _ _ _ (mkst (change_vcpu ?w ?f (P ?t)) _) =>
    let q := fresh "q" in set (q := change_vcpu w f (P t));
    let E := fresh "E" in assert (E : forall y, c_state (vcpu q y) = c_state (vcpu (P t) y) /\ c_cpu (vcpu q y) = c_cpu (vcpu (P t) y))
      by (intros y; unfold q; peel; unfold upd; destruct (Z.eqb_spec y w) as [->|]; auto);
    assert (forall y, at_rest q y -> at_rest (P t) y) by (intros y; destruct (E y) as [E1 E2]; unfold at_rest; rewrite E1, E2; auto);
    assert (forall y, has_context q y -> has_context (P t) y) by (intros y; destruct (E y) as [E1 _]; unfold has_context; rewrite E1; auto);
    unfold q in *; clear q E; related R
  end;
  match goal with H : c_pending (upd _ ?k _ ?x) <> PENDING_NONE |- _ =>
    unfold upd in H; destruct (Z.eqb_spec x k); [first [solve [subst; cbn in H; auto]|exfalso; apply H; reflexivity]|first [contradiction|auto]] end.

Lemma power_related c s t x p : Q c s t -> is_vcpu x -> Q c (setcell "vcpu_power" x p s)
  (mkst (change_vcpu x (vcpu_with_power p) (P t)) (D t)).
Proof. intros R W. vcpu_as_before R. Qed.
Lemma forgotten_related c s t w : Q c s t -> is_vcpu w ->
  Q c (setcell "vcpu_pending" w PENDING_NONE s) (mkst (change_vcpu w (vcpu_with_pending PENDING_NONE 0) (P t)) (D t)).
Proof. intros R W. vcpu_as_before R. Qed.
Lemma pending_related c s t x p e : Q c s t -> is_vcpu x -> Q c (setcell "vcpu_esr" x e (setcell "vcpu_pending" x p s))
  (mkst (change_vcpu x (vcpu_with_pending p e) (P t)) (D t)).
Proof. intros R W. vcpu_as_before R. Qed.
End Changed.

Section End.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

Lemma alive_eq c s t v : Q c s t -> Vm.alive s v = alive (P t) v.
Proof.
  intros R. unfold Vm.alive, alive. destruct (1 <=? v) eqn:A; auto. destruct (v <? KCORE_NR_VMS) eqn:B; auto. cbn [andb].
  props. rewrite (r_vm_state _ _ _ _ R) by (unfold is_handle; lia). reflexivity.
Qed.

Lemma begin_sim c s t v : Q c s t -> held s = false -> fits (P t) -> 0 <= v ->
  answers c t (s_hc_vm_destroy_begin [v] s) (Hyper.destroy_begin c v (P t)).
Proof.
  intros R H F V. unfold s_hc_vm_destroy_begin. rewrite (proj2 (Z.leb_le 0 v) V). unfold section. rewrite H. cbn [negb].
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  unfold VmLife.destroy_begin, Hyper.destroy_begin. rewrite (alive_eq _ _ _ v R1). destruct (alive (P t) v) eqn:E; cbn [negb].
  - assert (B : 1 <= v < 256) by (unfold alive, KCORE_NR_VMS in E; props; lia).
    assert (L : cell (sethold true s) "vm_loaded" v = v_loaded (vm (P t) v)).
    { rewrite (r_vm_loaded _ _ _ _ R1) by (unfold is_handle, KCORE_NR_VMS; lia). apply Z.mod_small, (f_loaded _ F). }
    rewrite L. unfold is. destruct (_ =? 0); cbn [negb bind].
    + eexists _, _. split; [reflexivity|]. exists [], true, (change_vm v (vm_with_state VM_DYING) (P t)). split; [reflexivity|]. split;
      [reflexivity|].
      cbn [do_effects fold_left]. apply keep_hold; auto.
      assert (S : v_state (vm (P t) v) <> VM_FREE) by (unfold alive in E; props; auto).
      destruct (rest_vm (P t) v (vm_with_state VM_DYING (vm (P t) v)) eq_refl S) as [Ar Hc]. related R1.
    + eexists _, _. split; [reflexivity|]. apply unchanged_section; auto.
  - cbn [bind]. eexists _, _. split; [reflexivity|]. apply unchanged_section; auto.
Qed.
End End.
