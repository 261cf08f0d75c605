(* SPDX-License-Identifier: GPL-2.0-only *)
(* Pages that a guest gives the host to serve: the code's ranges and the top machine's. *)
From KCore Require Import code.Common code.Context code.Gpsci code.Release top.Guest.
From KCore Require Export code.Guard sim.Stage.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The first range that holds page p. *)
Lemma guard_from_first s v ipa p l : forall i, 0 <= i -> i + Z.of_nat (length l) <= GUARD_RANGES ->
  (forall k r, nth_error l k = Some r -> in_guard s v (i + Z.of_nat k) ipa = holds p r) ->
  existsb (holds p) l = false /\ guard_from s v ipa (length l) i = GUARD_RANGES \/
  exists k r, nth_error l k = Some r /\ holds p r = true /\ existsb (holds p) l = true /\ guard_from s v ipa (length l) i = i + Z.of_nat k /\
    (k < length l)%nat /\ forall j q, (j < k)%nat -> nth_error l j = Some q -> holds p q = false.
Proof.
  induction l as [|r l IH]; intros i Hi Len M; cbn [existsb length guard_from]; [left; auto|]. cbn [length] in Len.
  pose proof (M 0%nat r eq_refl) as M0. rewrite Z.add_0_r in M0. rewrite M0. destruct (holds p r) eqn:H; cbn [orb].
  - right. exists 0%nat, r. rewrite Z.add_0_r. repeat split; auto; [lia|]. intros j q J. lia.
  - destruct (IH (i + 1)) as [[E F]|(k & q & A & B & C & E & F & G)]; try lia.
    + intros k q K. rewrite <- (M (Datatypes.S k) q K). f_equal. lia.
    + left. auto.
    + right. exists (Datatypes.S k), q. split; [exact A|]. split; [exact B|]. split; [exact C|]. split; [rewrite E; lia|]. split; [lia|].
      intros [|j] q' J Q'; [cbn in Q'; congruence|]. apply (G j); auto. lia.
Qed.
Lemma grow_length i l : length (grow i l) = length l.
Proof. induction l as [|r l IH]; cbn [grow]; [auto|]. destruct (holds _ _); cbn [length]; auto. Qed.
Lemma grow_at i l : forall k r, nth_error l k = Some r -> holds (i - 1) r = true -> (forall j q, (j < k)%nat -> nth_error l j = Some q -> holds (i - 1) q = false) ->
  forall j, nth_error (grow i l) j = if Nat.eqb j k then Some (fst r, i + 1) else nth_error l j.
Proof.
  induction l as [|q l IH]; intros k r K H B j; [destruct k; discriminate|]. cbn [grow]. destruct k as [|k].
  - cbn in K. injection K as ->. rewrite H. destruct j; reflexivity.
  - rewrite (B 0%nat q) by (auto; lia). destruct j as [|j]; [reflexivity|]. cbn [nth_error Nat.eqb]. apply (IH k r); auto.
    intros m x Hm Mx. apply (B (Datatypes.S m)); auto. lia.
Qed.

Section Guard.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma guards_checked c s t v : Q c s t -> is_handle v -> guards_ok s v = true.
Proof.
  intros R V. destruct (r_guards _ _ _ _ R v V) as (A & B & _). unfold guards_ok, nth_vm, is_handle in *. rewrite A.
  repeat (apply andb_true_iff; split); try (apply Z.leb_le; lia); apply Z.ltb_lt; lia.
Qed.
Lemma in_guard_page c s t v p k r : Q c s t -> is_handle v -> nth_error (v_guard (vm (P t) v)) k = Some r ->
  in_guard s v (Z.of_nat k) (p * PAGE_BYTES) = holds p r.
Proof.
  intros R V K. destruct (r_guards _ _ _ _ R v V) as (_ & _ & G). destruct (G k r K) as (G1 & G2 & _). unfold in_guard, holds. rewrite G1, G2.
  unfold PAGE_BYTES. f_equal; [destruct (Z.leb_spec (fst r * 4096) (p * 4096)), (Z.leb_spec (fst r) p)|
    destruct (Z.ltb_spec (p * 4096) (snd r * 4096)), (Z.ltb_spec p (snd r))]; auto; lia.
Qed.
Lemma in_guard_before c s t v i k r : Q c s t -> is_handle v -> is_ipa i -> nth_error (v_guard (vm (P t) v)) k = Some r ->
  in_guard s v (Z.of_nat k) (wrap U64 (i * PAGE_BYTES - PAGE_BYTES)) = holds (i - 1) r.
Proof.
  intros R V A K. destruct (Z.eq_dec i 0) as [->|N].
  - destruct (r_guards _ _ _ _ R v V) as (_ & _ & G). destruct (G k r K) as (G1 & G2 & G3 & G4). unfold in_guard, holds. rewrite G1, G2.
    change (wrap U64 (0 * PAGE_BYTES - PAGE_BYTES)) with 18446744073709547520. unfold PAGE_BYTES.
    rewrite (proj2 (Z.ltb_ge _ (snd r * 4096))) by lia. rewrite (proj2 (Z.leb_gt (fst r) _)) by lia. rewrite andb_false_r. reflexivity.
  - replace (wrap U64 (i * PAGE_BYTES - PAGE_BYTES)) with ((i - 1) * PAGE_BYTES); [apply (in_guard_page c s t); auto|].
    unfold is_ipa, IPA_PAGES, PAGE_BYTES in *. rewrite wrap_small; [lia|cbn [modulus]; lia].
Qed.

(* Is the page in a range? *)
Lemma guard_of_page c s t v p : Q c s t -> is_handle v ->
  negb (guard_of s v (cell s "vm_guards" v) (p * PAGE_BYTES) =? GUARD_RANGES) = existsb (holds p) (v_guard (vm (P t) v)).
Proof.
  intros R V. destruct (r_guards _ _ _ _ R v V) as (A & B & _). Transparent guard_of. unfold guard_of. rewrite A, Nat2Z.id. Opaque guard_of.
  destruct (guard_from_first s v (p * PAGE_BYTES) p (v_guard (vm (P t) v)) 0 ltac:(lia) ltac:(lia)) as [[E ->]|(k & r & _ & _ & E & -> & K & _)].
  - intros k r K. apply (in_guard_page c s t v p k r R V K).
  - rewrite E. reflexivity.
  - rewrite E, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. lia.
Qed.
Lemma hpfar_page h : hpfar_ipa h = hpfar_ipa h / PAGE_BYTES * PAGE_BYTES.
Proof.
  unfold hpfar_ipa, PAGE_BYTES. change 0xfffffffff0 with (Z.shiftl (Z.ones 36) 4).
  assert (E : Z.land h (Z.shiftl (Z.ones 36) 4) = Z.shiftl (Z.land (Z.shiftr h 4) (Z.ones 36)) 4).
  { apply Z.bits_inj'. intros n N. rewrite Z.land_spec, !Z.shiftl_spec, Z.land_spec by exact N. destruct (Z.ltb_spec n 4).
    - rewrite !(Z.testbit_neg_r _ (n - 4)) by lia. rewrite andb_false_r. reflexivity.
    - rewrite Z.shiftr_spec by lia. replace (n - 4 + 4) with n by lia. reflexivity. }
  rewrite E, Z.shiftl_shiftl by lia. change (4 + 8) with 12. rewrite Z.shiftl_mul_pow2 by lia. change (2 ^ 12) with 4096. rewrite Z.div_mul by lia. reflexivity.
Qed.
Lemma hidden_same c s t w esr h : Q c s t -> is_handle (vm_of w) -> is_abort esr = true -> abort_hidden w h s = hidden (P t) (vm_of w) esr h.
Proof.
  intros R V A. unfold abort_hidden, hidden, outside_memory, inside_memory, guard_check. unfold is_abort in A. rewrite A. cbn [andb].
  change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_base _ _ _ _ R _ V), (r_vm_end _ _ _ _ R _ V).
  pose proof (guard_of_page c s t (vm_of w) (hpfar_ipa h / PAGE_BYTES) R V) as G. rewrite <- hpfar_page in G. rewrite G.
  destruct (r_guards _ _ _ _ R (vm_of w) V) as (L & _). rewrite L. rewrite negb_orb. f_equal. f_equal. unfold given.
  destruct (v_guard (vm (P t) (vm_of w))) as [|r l]; [reflexivity|]. cbn [length]. rewrite (proj2 (Z.eqb_neq _ _)) by lia. reflexivity.
Qed.

(* The call, under the lock. *)
Definition guard_cells (s u : state) (v : Z) : Prop :=
  (forall n i, String.eqb n "vm_guards" = false -> String.eqb n "guard_base" = false -> String.eqb n "guard_end" = false -> cell u n i = cell s n i) /\
  word u = word s /\ Base.reg u = Base.reg s /\ Base.s1 u = Base.s1 s /\ Base.tab u = Base.tab s /\ Base.leaf u = Base.leaf s /\
  Base.table u = Base.table s /\ held u = held s /\ answer u = answer s /\ trace u = trace s.
Lemma keep_guards c s u t v l : Q c s t -> guard_cells s u v -> guards_fine (cell u) (upd (vm (P t)) v (vm_with_guard l (vm (P t) v))) ->
  Q c u (mkst (change_vm v (vm_with_guard l) (P t)) (D t)).
Proof.
  intros R (Ec & Ew & Er & E1 & E2 & E3 & E4 & _) G. pose proof (r_log _ _ _ _ R) as L.
  set (p := change_vm v (vm_with_guard l) (P t)).
  assert (St : forall x, v_state (vm p x) = v_state (vm (P t) x)).
  { intros x. unfold p. peel. unfold upd. destruct (Z.eqb_spec x v) as [->|]; reflexivity. }
  assert (Ty : forall x, v_type (vm p x) = v_type (vm (P t) x)).
  { intros x. unfold p. peel. unfold upd. destruct (Z.eqb_spec x v) as [->|]; reflexivity. }
  assert (Pp : forall x, protected p x = protected (P t) x) by (intros x; unfold protected; rewrite St, Ty; reflexivity).
  assert (Ar : forall w, at_rest p w -> at_rest (P t) w) by (intros w (A & B & C); rewrite Pp in B; split; auto).
  assert (Hc : forall w, has_context p w -> has_context (P t) w) by (intros w (A & B & C); rewrite Pp in C; split; auto).
  pose proof R as R'. destruct R'. constructor; cbn [P D]; intros;
    lazymatch goal with
    | |- guards_fine _ _ => exact G
    | |- pool_fine _ _ _ => apply (pool_same fixed s u (P t) p); auto;
        try (intros; rewrite Ec by reflexivity; auto); try (intros; rewrite Ew; auto); try (intros w0 H0; split; [apply Hc, H0|apply Ec; reflexivity]);
        intros x _; unfold p; peel; unfold upd; destruct (Z.eqb_spec x v) as [->|]; peel; auto using Z.le_refl
    | |- vgic_fine _ _ _ => intros Gv; specialize (r_vgic Gv); cbv zeta in *; rewrite Er; exact r_vgic
    | |- reaped _ ?x => refine (reaped_same (P t) p x _ _ _ _ _ (r_reaped x ltac:(assumption))); auto; unfold p; peel; unfold upd;
        destruct (Z.eqb_spec x v) as [->|]; reflexivity
    | H : nth_error _ _ = _ |- _ => try subst i; repeat (rewrite Ec by reflexivity); eapply L; eauto
    | H : In ?n fixed_names |- _ => rewrite Ec; [auto|eapply not_fixed; eauto|eapply not_fixed; eauto|eapply not_fixed; eauto]
    | _ => rewrite ?Ew, ?Er, ?E1, ?E2, ?E3; repeat (rewrite Ec by reflexivity); unfold p in *; peel; unfold upd in *;
        repeat match goal with |- context [if ?a =? ?b then _ else _] => destruct (Z.eqb_spec a b); subst; peel end; eauto
    end.
  - apply r_context; auto. rewrite <- (Ty (vm_of w)). assumption.
  - apply r_cntvoff; auto. rewrite <- (St v0). assumption.
Qed.

Lemma guard_add_sim c s t v i : Q c s t -> is_handle v -> is_ipa i ->
  let (r, u) := guard_add v (i * PAGE_BYTES) s in let (ok, q) := guard_call v i (P t) in
  (r =? 0) = ok /\ guard_cells s u v /\ Q c u (mkst q (D t)).
Proof.
  intros R V A. unfold guard_call, give, guard_add. rewrite <- (guard_of_page c s t v i R V).
  destruct (r_guards _ _ _ _ R v V) as (L1 & L2 & G). set (l := v_guard (vm (P t) v)) in *.
  assert (Id : guard_cells s s v) by (repeat split; auto). assert (Same : Q c s (mkst (P t) (D t))) by (destruct t; exact R).
  assert (Sg : change_vm v (vm_with_guard l) (P t) = change_vm v (vm_with_guard l) (P t)) by reflexivity. clear Sg.
  destruct (negb (guard_of s v (cell s "vm_guards" v) (i * PAGE_BYTES) =? GUARD_RANGES)) eqn:Here.
  { split; [reflexivity|]. split; [exact Id|]. apply keep_guards with (s := s); auto. apply (guards_same (cell s) _ (vm (P t))); auto; [apply r_guards with (1 := R)|].
    intros x. unfold upd. destruct (Z.eqb_spec x v) as [->|]; reflexivity. }
  Transparent guard_of. unfold guard_of. Opaque guard_of. rewrite L1, Nat2Z.id.
  set (ip := wrap U64 (i * PAGE_BYTES - PAGE_BYTES)).
  assert (M : forall k r, nth_error l k = Some r -> in_guard s v (0 + Z.of_nat k) ip = holds (i - 1) r).
  { intros k r K. apply (in_guard_before c s t v i k r R V A K). }
  assert (Bi : 0 <= i < 268435456) by exact A.
  destruct (guard_from_first s v ip (i - 1) l 0 ltac:(lia) ltac:(lia) M) as [[-> ->]|(k & r & K & H & -> & -> & Lk & First)].
  - change (negb (GUARD_RANGES =? GUARD_RANGES)) with false. cbv iota. destruct (GUARD_RANGES <=? Z.of_nat (length l)) eqn:Full.
    { split; [reflexivity|]. split; [exact Id|exact Same]. }
    apply Z.leb_gt in Full. split; [reflexivity|]. split; [repeat split; auto; intros n j N1 N2 N3; rewrite !cell_setcell, N1, N2, N3; reflexivity|].
    apply keep_guards with (s := s); auto; [repeat split; auto; intros n j N1 N2 N3; rewrite !cell_setcell, N1, N2, N3; reflexivity|].
    intros x X. cbv zeta. rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. unfold upd. destruct (Z.eqb_spec x v) as [->|N].
    + cbn [v_guard vm_with_guard]. rewrite app_length. cbn [length]. split; [lia|]. split; [lia|]. intros j q J.
      rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb].
      destruct (Nat.lt_ge_cases j (length l)) as [Lj|Lj].
      * rewrite nth_error_app1 in J by exact Lj. destruct (G j q J) as (G1 & G2 & G3 & G4). rewrite !(proj2 (Z.eqb_neq (v * GUARD_RANGES + Z.of_nat j) _)) by lia. auto.
      * rewrite nth_error_app2 in J by exact Lj. assert (j = length l).
        { destruct (j - length l)%nat as [|d] eqn:D; [lia|]. destruct d; discriminate J. }
        subst j. rewrite Nat.sub_diag in J. injection J as <-. rewrite Z.eqb_refl. cbn [fst snd]. unfold PAGE_BYTES. split; [reflexivity|]. lia.
    + destruct (r_guards _ _ _ _ R x X) as (X1 & X2 & X3). split; [exact X1|]. split; [exact X2|].
      intros j q J. rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. assert (Lj : (j < length (v_guard (vm (P t) x)))%nat) by (apply nth_error_Some; congruence).
      rewrite !(proj2 (Z.eqb_neq (x * GUARD_RANGES + Z.of_nat j) _)) by (unfold GUARD_RANGES in *; lia). exact (X3 j q J).
  - rewrite (proj2 (Z.eqb_neq (0 + Z.of_nat k) GUARD_RANGES)) by lia. cbn [negb]. cbv iota. split; [reflexivity|].
    split; [repeat split; auto; intros n j N1 N2 N3; rewrite !cell_setcell, N3; reflexivity|].
    apply keep_guards with (s := s); auto; [repeat split; auto; intros n j N1 N2 N3; rewrite !cell_setcell, N3; reflexivity|].
    intros x X. cbv zeta. rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. unfold upd. destruct (Z.eqb_spec x v) as [->|N].
    + cbn [v_guard vm_with_guard]. rewrite grow_length. split; [exact L1|]. split; [exact L2|]. intros j q J.
      rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. rewrite (grow_at i l k r K H First) in J. destruct (Nat.eqb_spec j k) as [->|Nj].
      * injection J as <-. rewrite Z.add_0_l, Z.eqb_refl. destruct (G k r K) as (G1 & G2 & G3 & G4). cbn [fst snd]. rewrite G1. unfold PAGE_BYTES. split; [reflexivity|]. lia.
      * rewrite (proj2 (Z.eqb_neq (v * GUARD_RANGES + Z.of_nat j) _)) by lia. exact (G j q J).
    + destruct (r_guards _ _ _ _ R x X) as (X1 & X2 & X3). split; [exact X1|]. split; [exact X2|].
      intros j q J. rewrite !cell_setcell. cbn [String.eqb Ascii.eqb Bool.eqb andb]. assert (Lj : (j < length (v_guard (vm (P t) x)))%nat) by (apply nth_error_Some; congruence).
      rewrite !(proj2 (Z.eqb_neq (x * GUARD_RANGES + Z.of_nat j) _)) by (unfold GUARD_RANGES in *; lia). exact (X3 j q J).
Qed.
End Guard.
