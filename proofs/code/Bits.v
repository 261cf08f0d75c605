(* SPDX-License-Identifier: GPL-2.0-only *)
(* Bits of registers, and the tactics that finish proofs about them. *)
From KCore Require Export machine.Map gen.Constants.
Local Open Scope Z_scope.

Lemma word64_range z : 0 <= z < 2 ^ 64 -> word64 z = true.
Proof. intros H. unfold word64. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. exact H. Qed.

Lemma land_mask z w : 0 <= w -> 0 <= Z.land z (Z.ones w) < 2 ^ w.
Proof. intros H. rewrite Z.land_ones by exact H. apply Z.mod_pos_bound. apply Z.pow_pos_nonneg; lia. Qed.

Lemma land_bound z m : 0 <= m -> 0 <= Z.land z m <= m.
Proof.
  intros H. split; [apply Z.land_nonneg; auto|].
  pose proof (Z.log2_nonneg m) as L.
  assert (E : m = Z.land z m + Z.land (Z.lnot z) m).
  { rewrite Z.add_nocarry_lxor.
    - apply Z.bits_inj'; intros n Hn. rewrite Z.lxor_spec, !Z.land_spec, Z.lnot_spec by exact Hn.
      destruct (Z.testbit z n), (Z.testbit m n); reflexivity.
    - apply Z.bits_inj'; intros n Hn. rewrite !Z.land_spec, Z.lnot_spec, Z.bits_0 by exact Hn.
      destruct (Z.testbit z n), (Z.testbit m n); reflexivity. }
  assert (0 <= Z.land (Z.lnot z) m) by (apply Z.land_nonneg; auto). lia.
Qed.

Lemma lor_bound a b w : 0 <= w -> 0 <= a < 2 ^ w -> 0 <= b < 2 ^ w -> 0 <= Z.lor a b < 2 ^ w.
Proof.
  intros Hw Ha Hb.
  assert (E : Z.lor a b = Z.land (Z.lor a b) (Z.ones w)).
  { rewrite Z.land_lor_distr_l, !Z.land_ones, !Z.mod_small by lia. reflexivity. }
  rewrite E. apply land_mask. exact Hw.
Qed.

Lemma shiftr_bound z n w : 0 <= n -> 0 <= z < 2 ^ (n + w) -> 0 <= w -> 0 <= Z.shiftr z n < 2 ^ w.
Proof.
  intros Hn Hz Hw. rewrite Z.shiftr_div_pow2 by exact Hn. split; [apply Z.div_pos; lia|].
  apply Z.div_lt_upper_bound; [lia|]. rewrite <- Z.pow_add_r by lia. lia.
Qed.

Lemma land3 z : Z.land z 3 = 0 \/ Z.land z 3 = 1 \/ Z.land z 3 = 2 \/ Z.land z 3 = 3.
Proof. pose proof (land_bound z 3). lia. Qed.

(* ------------------------------------------------------------------ tactics *)

Ltac literal z :=
  match z with
  | Z0 => idtac
  | Zpos ?p => literal p
  | Zneg ?p => literal p
  | xH => idtac
  | xI ?p => literal p
  | xO ?p => literal p
  end.

(* Computes operations on numbers. *)
Ltac arithmetic f :=
  match f with
  | Z.shiftl => idtac | Z.shiftr => idtac | Z.lor => idtac | Z.land => idtac | Z.mul => idtac | Z.add => idtac
  | Z.sub => idtac | Z.pow => idtac | Z.leb => idtac | Z.ltb => idtac | Z.eqb => idtac
  end.
Ltac goal_numbers :=
  repeat match goal with
  | |- context [wrap ?t ?a] => literal a; let v := eval vm_compute in (wrap t a) in change (wrap t a) with v
  | |- context [?f ?a ?b] =>
      arithmetic f; literal a; literal b; let v := eval vm_compute in (f a b) in change (f a b) with v
  end.
Ltac numbers :=
  goal_numbers;
  repeat match goal with
  | H : context [wrap ?t ?a] |- _ => literal a; let v := eval vm_compute in (wrap t a) in change (wrap t a) with v in H
  | H : context [?f ?a ?b] |- _ =>
      arithmetic f; literal a; literal b; let v := eval vm_compute in (f a b) in change (f a b) with v in H
  end.
Ltac eval_tac ::= eval_steps; goal_numbers; reflexivity.

(* The names of core.h. *)
Ltac names :=
  unfold KCORE_ENTER_SKIP, KCORE_ENTER_UNDEF, KCORE_ENTER_DABT, KCORE_ENTER_IABT, PENDING_NONE, PENDING_WFX, PENDING_SYSREG,
    PENDING_MMIO_READ, PENDING_MMIO_WRITE, PENDING_DABT, PENDING_IABT, POWER_OFF, POWER_ON, POWER_BOOT, VCPU_FREE, KCORE_VM_NORMAL,
    KCORE_VM_PROTECTED, NO_VCPU, KCORE_VM_VCPUS, KCORE_NR_VCPUS in *.

Lemma if_10 (b : bool) : (if b then 1 else 0) =? 0 = negb b.
Proof. destruct b; reflexivity. Qed.

(* For a term that is there as it is: [rewrite] and a pattern that names it twice compare by conversion, which computes. *)
Ltac rewrite_bool H b v := pattern b; match goal with |- ?P _ => refine (@eq_ind_r bool v P _ b H) end; cbv beta.
(* The conditions of the path decide those of the specification. *)
Ltac decide_conds :=
  repeat match goal with
  | H : true = true |- _ => clear H
  | H : false = false |- _ => clear H
  | H : ?b = true |- ?G => match G with context [b] => rewrite_bool H b true end
  | H : ?b = false |- ?G => match G with context [b] => rewrite_bool H b false end
  end; cbn [negb andb orb b2z]; rewrite ?orb_true_r, ?andb_false_r, ?orb_false_r, ?andb_true_r; cbn [b2z].
Ltac conds :=
  rewrite ?if_10, ?negb_involutive in *; decide_conds;
  repeat match goal with
  | H : negb _ = true |- _ => apply negb_true_iff in H
  | H : negb _ = false |- _ => apply negb_false_iff in H
  | H : negb (negb _) = _ |- _ => rewrite negb_involutive in H
  | H : (_ && _) = true |- _ => apply andb_true_iff in H; destruct H
  | H : (_ || _) = false |- _ => apply orb_false_iff in H; destruct H
  end;
  decide_conds.

(* ------------------------------------------------------------------ calls *)

(* A callee by its name in the layer, then its specification unfolded: only at the call, the rest of the goal stays folded. *)
Ltac lookup ::=
  repeat match goal with
  | |- returns_to _ _ _ (?L ?f _ _) =>
      lazymatch type of f with string => idtac end;
      let h := head_of L in
      lazymatch h with L1 => fail | _ => idtac end;
      let p := eval lazy beta iota delta [h add extend String.eqb Ascii.eqb Bool.eqb] in (L f) in
      change (L f) with p
  end.
Ltac unfold_call :=
  match goal with
  | |- returns_to _ _ _ (?p ?args ?s) =>
      let h := head_of p in
      let r := eval cbv beta iota zeta delta [h] in (p args s) in
      change (p args s) with r
  end.
Ltac simpl_prim ::= map_lookup; unfold_call; unfold_prims; reads; pres.

(* Up to the next call of f; then that call, with its result still to be looked at. *)
Ltac steps_to f :=
  repeat lazymatch goal with
  | |- wp _ (SCall _ f _) _ _ _ => fail
  | _ => step
  end.
Ltac call := eapply wp_call; [eval_tac | lookup; simpl_prim].
Ltac go := cbn [returns_to put setv]; cbn beta iota; steps.
