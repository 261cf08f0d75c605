(* SPDX-License-Identifier: GPL-2.0-only *)
(* How a write of the code and the same change of the top machine keep the relation: tactics, and what several calls share. *)
From KCore Require Export code.Common code.Log code.Stats.
From KCore Require Export top.Inv sim.Rel.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* What was written, read back. *)
Ltac peel :=
  cbn [P D owner maps vm lf s1 tab vcpu cpu cnt stat logged mem ctx fpm hreg io
       set_owner set_maps set_vm set_lf set_s1 set_tab set_vcpu set_cpu add_cnt add_stat add_log change_vm change_vcpu change_cpu set_call
       v_state v_type v_vcpus v_loaded v_pages v_tables v_base v_end v_cursor v_guard vm_with_guard
       vm_with_state vm_with_vcpus vm_with_loaded vm_with_pages vm_with_tables vm_with_range vm_with_cursor
       c_state c_power c_pending c_esr c_page c_cpu vcpu_with_state vcpu_with_power vcpu_with_pending
       u_vcpu u_run u_fp u_call cpu_with_vcpu cpu_with_run cpu_with_fp cpu_with_call
       set_mem set_ctx set_fpm set_hreg set_io
       cell word Base.reg held trace answer Base.s1 Base.tab Base.leaf Base.table setcell setwords setword setregs setreg sethold record
       bump put64 String.eqb Ascii.eqb Bool.eqb andb] in *.

Lemma not_fixed n m : In n fixed_names -> existsb (String.eqb m) fixed_names = false -> String.eqb n m = false.
Proof.
  intros I E. destruct (String.eqb_spec n m) as [->|]; auto. rewrite <- E. symmetry. apply existsb_exists. exists m. split; auto.
    apply String.eqb_refl.
Qed.
Ltac fixed_tac :=
  match goal with H : In ?n fixed_names |- _ => repeat (rewrite (not_fixed n _ H) by reflexivity; cbn [andb]); auto end.

(* Each key that was written: this one or another. *)
Ltac keyed :=
  unfold upd, upd2;
  repeat match goal with
  | |- context [if ?a =? ?b then _ else _] => destruct (Z.eqb_spec a b); subst
  | |- context [(?a =? ?b) && _] => destruct (Z.eqb_spec a b); subst; cbn [andb]
  end; peel.

Section Keep.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma linked_same s s' l : (forall a, In a l -> word s' a = word s a) -> forall h, linked s h l -> linked s' h l.
Proof.
  induction l as [|a l IH]; intros W h; cbn; auto. intros [-> L]. split; auto. rewrite W by (left; auto). apply IH; auto. intros b B.
    apply W. right; auto.
Qed.

Lemma pool_same s s' t t' : pool_fine fixed s t ->
  (forall i, cell s' "pool_head" i = cell s "pool_head" i) -> (forall i, cell s' "pool_bump" i = cell s "pool_bump" i) ->
  (forall i, cell s' "pool_free" i = cell s "pool_free" i) ->
  (forall w, has_context t' w -> has_context t w /\ cell s' "vcpu_context" w = cell s "vcpu_context" w) ->
  (forall k, 0 <= k < pool -> ~ in_use s t (pool_at fixed k) -> word s' (pool_at fixed k) = word s (pool_at fixed k)) ->
  Base.table s' = Base.table s -> Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s ->
  (forall v, is_handle v -> v_tables (vm t v) <= v_tables (vm t' v)) -> pool_fine fixed s' t'.
Proof.
  intros F Eh Eb Ef Ec Ew Et E1 E2 Ev. destruct F as [B L U X Y T TT Cn].
  assert (InU : forall a, in_use s' t' a -> in_use s t a).
  { intros a [H|(w & H & E)]; [left; now rewrite Et in H|right]. destruct (Ec w H) as [H' E']. exists w. split; auto. congruence. }
  constructor; unfold table_at in *; rewrite ?Eh, ?Eb, ?Ef, ?Et, ?E1, ?E2; auto.
  - destruct L as (l & L & N & C & A). exists l. split; [|split; [auto|split; auto]].
    + apply (linked_same s); auto. intros a Ha. destruct (A a Ha) as [(k & K & ->) Nu]. apply Ew; auto. lia.
    + intros a Ha. destruct (A a Ha) as [A1 A2]. split; auto.
  - intros w H. destruct (Ec w H) as [H' ->]. auto.
  - intros w x H K. destruct (Ec w H) as [H' ->]. destruct (Ec x K) as [K' ->]. auto.
  - intros v V. apply (Inv.covers_mono (held_by s t v) _ (v_tables (vm t v))); auto. intros a (N & A). split; [exact N|].
    destruct A as [(n & A)|[(n & A)|(w & A1 & A2 & A3)]]; [left|right; left|right; right]; [exists n; congruence..|].
    destruct (Ec w A2) as [H' E]. exists w. split; [exact A1|]. split; [exact H'|congruence].
Qed.

Lemma vgic_same c s s' t : vgic_fine c s t -> Base.reg s' = Base.reg s -> vgic_fine c s' t.
Proof. intros V E G. specialize (V G). cbv zeta in *. rewrite E. exact V. Qed.

(* What another state of the code has to agree on, where the top machine's state stays. *)
Lemma keep_ghost c s s' t : Q c s t -> cell s' = cell s -> word s' = word s -> Base.reg s' = Base.reg s ->
  Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s -> Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s -> Q c s' t.
Proof.
  intros [] Ec Ew Er E1 E2 E3 E4. constructor; rewrite ?Ec, ?Ew, ?Er, ?E1, ?E2, ?E3; auto.
  - apply (pool_same s s' (P t) (P t)); auto using Z.le_refl; intros; rewrite ?Ec, ?Ew; auto.
  - apply (vgic_same c s); auto.
Qed.
Lemma keep_record c f a s t : Q c s t -> Q c (record f a s) t.
Proof. intros R. now apply (keep_ghost c s). Qed.
Lemma keep_hold c b s t : Q c s t -> Q c (sethold b s) t.
Proof. intros R. now apply (keep_ghost c s). Qed.

(* Which vCPU was last on a CPU is the code's own business. *)
Definition same (s' s : state) : Prop :=
  (forall n i, String.eqb n "last_vcpu" = false -> cell s' n i = cell s n i) /\ word s' = word s /\ Base.reg s' = Base.reg s /\
  Base.s1 s' = Base.s1 s /\ Base.tab s' = Base.tab s /\ Base.leaf s' = Base.leaf s /\ Base.table s' = Base.table s.
Lemma keep_same c s' s t : same s' s -> Q c s t -> Q c s' t.
Proof.
  intros (Ec & Ew & Er & E1 & E2 & E3 & E4) R. pose proof (r_log _ _ _ _ R) as L. destruct R. constructor; intros;
    lazymatch goal with
    | |- pool_fine _ _ _ => apply (pool_same s s' (P t) (P t)); auto using Z.le_refl; intros; repeat (rewrite Ec by reflexivity); rewrite ?Ew; auto
    | |- vgic_fine _ _ _ => apply (vgic_same c s); auto
    | |- guards_fine _ _ => apply (guards_same (cell s) _ (vm (P t))); auto; intros; apply Ec; reflexivity
    | H : nth_error _ _ = _ |- _ => subst i; repeat (rewrite Ec by reflexivity); eapply L; eauto
    | H : In ?n fixed_names |- _ => rewrite Ec; auto; eapply not_fixed; eauto
    | _ => rewrite ?Ew, ?Er, ?E1, ?E2, ?E3; repeat (rewrite Ec by reflexivity); eauto
    end.
Qed.

(* Only what the top machine has equal matters. *)
Lemma at_rest_same t t' w : vcpu t' w = vcpu t w -> protected t' (vm_of w) = protected t (vm_of w) ->
  u_run (cpu t' (c_cpu (vcpu t w))) = u_run (cpu t (c_cpu (vcpu t w))) -> at_rest t' w <-> at_rest t w.
Proof. unfold at_rest. intros -> -> ->. tauto. Qed.

Lemma has_context_same t t' w : c_state (vcpu t' w) = c_state (vcpu t w) -> protected t' (vm_of w) = protected t (vm_of w) ->
  has_context t' w <-> has_context t w.
Proof. unfold has_context. intros -> ->. tauto. Qed.

Lemma reaped_same t t' v : v_state (vm t' v) = v_state (vm t v) -> v_cursor (vm t' v) = v_cursor (vm t v) ->
  (forall x l, lf t' v x = Some l -> lf t v x = Some l) -> (forall b, tab t' v b = tab t v b) -> (forall g, s1 t' v g = s1 t v g) ->
  reaped t v -> reaped t' v.
Proof.
  unfold reaped. intros -> -> L T S [F|[F|(F & A & B & C & E & G)]]; [auto|auto|]. right. right. rewrite T, S.
  repeat split; auto; intros; [apply (B x l)|apply (C b); [rewrite <- T|]]; auto.
Qed.
End Keep.

(* A counter that went up or down. *)
Ltac counted :=
  match goal with |- (cell ?s ?n ?i + _) mod _ = _ =>
    match goal with H : cell s n i = _ |- _ => rewrite H | H : forall _, _ -> cell s n _ = _ |- _ => rewrite H by auto end;
    rewrite Zplus_mod_idemp_l; try reflexivity; f_equal; lia
  end.
(* All fields of the relation; those that aren't simple stay.  The context has the vCPUs at rest, and those with a context, of the
   new state as vCPUs of the old one. *)
Ltac pool_kept R :=
  eapply pool_same; [apply (r_pool _ _ _ _ R)|..]; intros;
  try match goal with H : has_context ?p ?w, A : forall x, has_context ?p x -> _ |- _ => apply A in H; split; [exact H|] end; peel; auto;
  try match goal with |- v_tables _ <= v_tables _ => keyed; auto using Z.le_refl; lia end.
(* Conditions on records that were written: this record or another. *)
Ltac key_hyps :=
  repeat match goal with H : context [upd _ ?k _ ?x] |- _ =>
    lazymatch type of H with v_type _ <> _ => idtac | v_state _ = _ => idtac | c_state _ <> _ => idtac end;
    let E := fresh "E" in unfold upd in H; destruct (Z.eqb_spec x k) as [E|E]; [try rewrite <- E in H|]; peel
  end.
Ltac vgic_kept R :=
  first [ assumption | let H := fresh "H" in pose proof (r_vgic _ _ _ _ R) as H; unfold vgic_fine, R_VMCR in *; cbn [P D] in *; peel; keyed;
                       auto; try congruence; try lia ].
Ltac conditional :=
  cbn [P D] in *; try match goal with H : at_rest ?p ?w, A : forall x, at_rest ?p x -> _ |- _ => apply A in H end;
  peel; key_hyps; keyed; auto; try congruence; try discriminate; eauto.
Ltac reaped_kept R :=
  let H := fresh "H" in
  match goal with V : is_vm ?v |- reaped _ ?v =>
    pose proof (r_reaped _ _ _ _ R v V) as H; cbn [P D] in *;
    first [ exact H
          | refine (reaped_same _ _ v _ _ _ _ _ H); intros; peel; keyed; solve [auto | congruence]
          | unfold reaped in *; peel; keyed; auto; intuition congruence ]
  end.
Ltac guards_kept R :=
  let H := fresh "H" in pose proof (r_guards _ _ _ _ R) as H; cbn [P D] in *;
  first [ exact H | refine (guards_same _ _ _ _ H _ _ _ _); intros; peel; keyed; solve [auto | congruence] ].
Ltac related_by R pools :=
  let X := fresh "R" in pose proof R as X; destruct X; constructor; intros;
  lazymatch goal with
  | |- pool_fine _ _ _ => pools
  | |- reaped _ _ => try reaped_kept R
  | |- vgic_fine _ _ _ => vgic_kept R
  | |- guards_fine _ _ => try guards_kept R
  | |- cell _ "vm_cntvoff" _ = _ => conditional
  | |- cell _ "vcpu_context" _ = _ => conditional
  | |- in_dram _ _ = true => first [eapply r_region; eassumption | idtac]
  | _ =>
      cbn [P D] in *;
      try match goal with H : at_rest ?p ?w, A : forall x, at_rest ?p x -> _ |- _ => apply A in H end;
      peel; try fixed_tac; keyed; auto; try congruence; try discriminate; try counted; try lia; eauto
  end.
Ltac related R := related_by R ltac:(pool_kept R).
(* The two hypotheses, where nothing of it changes. *)
Ltac same_vcpus :=
  match goal with R : Rel.Q _ _ _ ?t |- Rel.Q _ _ _ (mkst ?p _) =>
    assert (forall w, at_rest p w -> at_rest (P t) w) by (intros w X; exact X);
    assert (forall w, has_context p w -> has_context (P t) w) by (intros w X; exact X)
  end.

Section Log.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma keep_log c e a b s t : Q c s t -> 0 <= e < 2 ^ 64 -> 0 <= a < 2 ^ 64 -> 0 <= b < 2 ^ 64 ->
  Q c (log_event e a b s) (mkst (add_log e a b (P t)) (D t)).
Proof.
  intros R He Ha Hb. assert (N := r_log_next _ _ _ _ R). assert (L := r_log _ _ _ _ R). unfold log_event.
  set (n := Z.of_nat (length (logged (P t)))) in *.
  assert (N' : cell s "log_next" 0 mod LOG_ENTRIES = n mod LOG_ENTRIES).
  { rewrite N. unfold LOG_ENTRIES. change (2 ^ 64) with (256 * 72057594037927936). rewrite Z.rem_mul_r by lia.
    rewrite Z.add_mod, Z.mul_comm, Z_mod_mult, Z.add_0_r, !Zmod_mod by lia. reflexivity. }
  same_vcpus. related R.
  - cbn [length]. rewrite Nat2Z.inj_succ, N, Zplus_mod_idemp_l. reflexivity.
  - rewrite !Z.mod_small by lia. destruct k as [|k]; cbn [nth_error] in *; [match goal with H : Some _ = Some _ |- _ => injection H;
    intros; subst; auto end|].
    exfalso. subst i. cbn [length] in e1. rewrite Nat2Z.inj_succ in e1. fold n in e1. rewrite N' in e1.
    assert (X : (n - (n - 1 - Z.of_nat k)) mod 256 = 0).
    { rewrite Zminus_mod. unfold LOG_ENTRIES in e1. rewrite <- e1.
      replace (Z.succ n - 1 - Z.of_nat (S k)) with (n - 1 - Z.of_nat k) by lia.
      rewrite Z.sub_diag. reflexivity. }
    replace (n - (n - 1 - Z.of_nat k)) with (Z.of_nat k + 1) in X by lia. rewrite Z.mod_small in X by lia. lia.
  - subst i. cbn [length] in *. rewrite Nat2Z.inj_succ. fold n. destruct k as [|k].
    + exfalso. apply n0. rewrite N'. f_equal. cbn [length]. lia.
    + replace (Z.succ n - 1 - Z.of_nat (S k)) with (n - 1 - Z.of_nat k) by lia. apply (L k); auto. lia.
Qed.
End Log.

Section Answers.
Context {cfg : config} (fixed : string -> Z -> Z).
Notation Q := (Q fixed).

(* The call's only section is over: result, and the state that the top machine has before it counts the call and hands the result out. *)
Definition done_as (c : Z) (t : st) (r : Z) (s : state) (o : out) : Prop :=
  exists e ok p, o = finish c r e ok p /\ held s = false /\ Q c s (mkst p (do_effects e (D t))).
Definition answers (c : Z) (t : st) (x : res (Z * state)) (o : out) : Prop :=
  exists r s, x = Ok (r, s) /\ done_as c t r s o.

Lemma st_eta t : mkst (P t) (D t) = t.
Proof. destruct t; reflexivity. Qed.
Lemma unchanged c s t r : Q c s t -> held s = false -> done_as c t r s (done c r (P t)).
Proof. intros R H. exists [], true, (P t). cbn. rewrite st_eta. auto. Qed.
Lemma unchanged_section c s t r : Q c s t -> held s = false -> done_as c t r (sethold false (sethold true s)) (done c r (P t)).
Proof. intros R H. exists [], true, (P t). cbn. rewrite st_eta. split; [auto|]. split; [auto|]. repeat apply keep_hold; auto. Qed.

(* In the section: the lock is held. *)
Definition answers_in (c : Z) (t : st) (x : res (Z * state)) (o : out) : Prop :=
  exists r u, x = Ok (r, u) /\ held u = true /\ exists e ok p, o = finish c r e ok p /\ Q c u (mkst p (do_effects e (D t))).
Lemma section_answers c s t f o : held s = false -> answers_in c t (f (sethold true s)) o -> answers c t (section f s) o.
Proof.
  intros H (r & u & E & Hu & e & ok & p & O & R). unfold section. rewrite H, E. cbn [negb bind]. rewrite Hu.
  eexists _, _. split; [reflexivity|]. exists e, ok, p. split; [exact O|]. split; [reflexivity|]. apply keep_hold; auto.
Qed.
Lemma unchanged_in c s t r : Q c s t -> held s = true -> answers_in c t (Ok (r, s)) (done c r (P t)).
Proof. intros R H. exists r, s. split; [reflexivity|]. split; [exact H|]. exists [], true, (P t). split; [reflexivity|]. cbn.
  rewrite st_eta. exact R. Qed.
End Answers.
