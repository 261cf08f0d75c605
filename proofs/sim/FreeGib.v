(* SPDX-License-Identifier: GPL-2.0-only *)
(* An empty table of 512 blocks goes back to the pool. *)
From KCore Require Import code.Common code.Calls code.Pool pt.Bits top.InvMap.
From KCore Require Export sim.Free.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The top machine's state before the page goes back. *)
Definition without_blocks {cfg : config} (v i : Z) (t : pub) : pub :=
  set_s1 (upd2 (s1 t) v (i / 262144) false)
    (set_tab (fun j b => if (j =? v) && (b / 512 =? i / 262144) then false else tab t j b)
      (set_lf (fun j x => if (j =? v) && (first_of x / 262144 =? i / 262144) then None else lf t j x) t)).
(* There is nothing in the GiB but the table. *)
Definition gib_empty {cfg : config} (v i : Z) (t : pub) : Prop :=
  (forall b, b / 512 = i / 262144 -> tab t v b = false) /\ (forall x, first_of x / 262144 = i / 262144 -> lf t v x = None).

Section FreeGib.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation pool_at := (pool_at fixed).
Notation pool_fine := (pool_fine fixed).
Notation taken := (taken fixed).

Section At.
Variables (c : Z) (v i : Z).
Hypotheses (V : is_handle v) (A : is_ipa i).
Notation at_start := (at_start v).

Lemma empty2_eq s t : Q c s t -> gib_empty v i (P t) -> empty2 s v (i / 262144) = true.
Proof.
  intros R [Nt Nl]. unfold empty2. rewrite words_eq. change (Z.to_nat 512) with 512%nat. pose proof (ipa_gib i A) as G.
  apply all_below_iff. intros k K. set (b := i / 262144 * 512 + k).
  assert (Eb : b / 512 = i / 262144) by (symmetry; apply (Z.div_unique _ _ _ k); unfold b; lia).
  assert (Bb : 0 <= b < 524288) by (unfold b; lia).
  apply andb_true_iff. split.
  - pose proof (r_tab _ _ _ _ R v b V Bb) as X. rewrite (Nt b Eb) in X. symmetry in X. now apply negb_false_iff in X.
  - pose proof (r_block _ _ _ _ R v b V Bb) as X. rewrite (Nl (Block b)) in X by (cbn [first_of]; rewrite first_block; exact Eb).
    unfold entry_of in X. destruct (Base.leaf s v 2 b =? 0); [reflexivity|discriminate X].
Qed.

Lemma free_gib_sim s t n : Q c s t -> held s = true -> few n (P t) -> 0 <= n < 8 -> at_start t ->
  s1 (P t) v (i / 262144) = true -> gib_empty v i (P t) ->
  exists u, h_s2_free_table [v; i * PAGE_BYTES; 1] s = Ok (0, u) /\ held u = true /\
    Q c u (mkst (s2_free_table v i 1 (P t)) (D t)) /\ few (n + 1) (s2_free_table v i 1 (P t)).
Proof.
  intros R H F N S Tb Em. rewrite (s1_at fixed c s t v i R V A) in Tb. apply negb_true_iff, Z.eqb_neq in Tb.
  unfold h_s2_free_table. rewrite (stage_fine fixed I c s t v i R V A), H, gib_of, (empty2_eq s t R Em), (proj2 (Z.eqb_neq _ _) Tb).
  cbn [Z.eqb Pos.eqb negb andb]. set (a := Base.s1 s v (i / 262144)) in *. pose proof (r_pool _ _ _ _ R) as Pf.
  destruct (p_table _ _ _ Pf 1 v (i / 262144) Tb) as [P1 P2]. change (table_at s 1 v (i / 262144)) with a in P1, P2.
  destruct (p_used _ _ _ Pf a) as (k & K & Ea); [left; auto|].
  set (w := record "dsb_tlbi" [] (record "tlbi_vmid" [vttbr_of s v] (record "dsb_store" []
    (Map.set_table (Map.page a) false (Map.set_s1 v (i / 262144) 0 s))))).
  set (t1 := mkst (without_blocks v i (P t)) (D t)).
  assert (E2 : Base.tab w = Base.tab s) by reflexivity.
  assert (E1 : forall u b, Base.s1 w u b = if (u =? v) && (b =? i / 262144) then 0 else Base.s1 s u b) by reflexivity.
  assert (ET : forall q, Base.table w q = if q =? a / PAGE_BYTES then false else Base.table s q) by reflexivity.
  assert (Ew : cell w = cell s /\ word w = word s /\ Base.reg w = Base.reg s /\ Base.leaf w = Base.leaf s) by (repeat split).
  destruct Ew as (Ec & Ewd & Er & El). assert (Hw : held w = true) by exact H. clearbody w.
  assert (Ta : forall m u o, m = 1 \/ m = 2 -> (table_at w m u o = 0 /\ m = 1 /\ u = v /\ o = i / 262144) \/
    table_at w m u o = table_at s m u o /\ (table_at s m u o <> 0 -> table_at s m u o <> a)).
  { intros m u o M. assert (X : table_at s m u o <> 0 -> table_at s m u o = a -> m = 1 /\ u = v /\ o = i / 262144).
    { intros X Y. destruct (p_tables _ _ _ Pf m u o 1 v (i / 262144)) as (X1 & X2 & X3); auto. }
    unfold table_at in *. destruct (Z.eqb_spec m 1) as [M1|M1]; rewrite ?E1, ?E2.
    - destruct ((u =? v) && (o =? i / 262144)) eqn:Y; [left; props; auto|].
      right. split; [reflexivity|]. intros Y1 Z. destruct (X Y1 Z) as (_ & -> & ->). rewrite !Z.eqb_refl in Y. discriminate Y.
    - right. split; [reflexivity|]. intros Y Z. destruct (X Y Z) as (-> & _). destruct (M1 eq_refl). }
  assert (InW : forall x, in_use w (P t) x -> in_use s (P t) x /\ x <> a).
  { intros x [[X1 X2]|(y & Y1 & Y2)].
    - rewrite ET in X1. destruct (Z.eqb_spec (x / PAGE_BYTES) (a / PAGE_BYTES)) as [X|X]; [discriminate|]. split; [left; auto|congruence].
    - rewrite Ec in Y2. split; [right; exists y; auto|]. intros ->. pose proof (p_context _ _ _ Pf y Y1) as Z. rewrite Y2, P1 in Z.
      discriminate. }
  assert (Nu : ~ in_use w (P t) a) by (intros X; destruct (InW a X); auto).
  assert (Cv : Inv.covers (held_by w (P t) v) (v_tables (vm (P t) v) - 1)).
  { apply (Inv.covers_sub Z.eq_dec (held_by s (P t) v) _ _ a); [apply (p_count _ _ _ Pf v V)|split; [exact Tb|left;
    exists (i / 262144); reflexivity]|].
    intros x (Nx & X). rewrite Ec, E2 in X. destruct X as [(g & X)|[(g & X)|(y & Y1 & Y2 & Y3)]].
    - rewrite E1 in X. destruct ((v =? v) && (g =? i / 262144)) eqn:Y; [congruence|]. split; [split; [exact Nx|left; exists g;
      exact X]|]. intros ->.
      destruct (p_tables _ _ _ Pf 1 v g 1 v (i / 262144)) as (_ & _ & X1); auto; try (unfold table_at; cbn; congruence).
      rewrite X1, !Z.eqb_refl in Y. discriminate Y.
    - split; [split; [exact Nx|right; left; exists g; exact X]|]. intros ->. destruct (p_tables _ _ _ Pf 2 v g 1 v (i / 262144)) as
        (X1 & _); auto; try discriminate X1; unfold table_at; cbn; congruence.
    - split; [split; [exact Nx|right; right; exists y; auto]|]. intros ->. apply Nu. right. exists y. rewrite Ec. auto. }
  assert (Tk : taken w (P t) a).
  { destruct (p_list _ _ _ Pf) as (l & L & Nd & C & Al). constructor; rewrite ?Ec; [exists k; auto|exact Nu|]. exists l.
    split; [apply (linked_same s); auto; intros; rewrite Ewd; auto|]. do 2 (split; [auto|]). split.
    - intros b Hb. destruct (Al b Hb) as [A1 A2]. split; [exact A1|]. intros X. apply A2, InW, X.
    - intros Hb. destruct (Al a Hb) as [_ A2]. apply A2. left. auto. }
  assert (PF : pool_fine w (P t)).
  { destruct Pf as [B Ls U X Y Tb' TT Cn]. constructor; rewrite ?Ec; auto.
    - destruct (k_list _ _ _ _ Tk) as (l & L & Nd & C & Al & Nl). rewrite Ec in *. exists l. auto.
    - intros x Hx. apply U, InW, Hx.
    - intros x Hx. rewrite ET, (X x Hx). now destruct (cell s "vcpu_context" x / PAGE_BYTES =? a / PAGE_BYTES).
    - intros m u o Hn. assert (M : table_at w m u o = table_at w (if m =? 1 then 1 else 2) u o) by (unfold table_at; destruct (m =? 1);
      reflexivity).
      rewrite M in *. destruct (Ta (if m =? 1 then 1 else 2) u o) as [(Z & _)|(Z & Z')]; [destruct (m =? 1); auto|contradiction|].
      rewrite Z in *. destruct (Tb' _ u o Hn) as [T1 T2]. split; [|exact T2]. rewrite ET.
      destruct (Z.eqb_spec (table_at s (if m =? 1 then 1 else 2) u o / PAGE_BYTES) (a / PAGE_BYTES)) as [X'|]; [|exact T1].
      exfalso. apply (Z' Hn). apply page_eq; auto.
    - intros m u o m' u' o' M M' Hn E. destruct (Ta m u o M) as [(Z & _)|(Z & Z')]; [contradiction|].
      destruct (Ta m' u' o' M') as [(Y' & _)|(Y' & _)]; [congruence|]. apply TT; congruence.
    - intros u Hu. destruct (Z.eq_dec u v) as [->|D]; [apply (Inv.covers_mono _ _ _ _ Cv); auto; lia|].
      apply (Inv.covers_mono (held_by s (P t) u) _ (v_tables (vm (P t) u))); [apply Cn, Hu| |lia]. intros x (Nx & Z). split; [exact Nx|].
      rewrite Ec, E2 in Z. destruct Z as [(g & Z)|[Z|Z]]; [|right; left; exact Z|right; right; exact Z].
      rewrite E1, (proj2 (Z.eqb_neq u v) D) in Z. left. exists g. exact Z. }
  assert (R1 : Q c w t1).
  { assert (Re : forall u, is_vm u -> reaped (P t1) u).
    { intros u W. destruct (Z.eq_dec u v) as [->|D].
      - destruct S as [->|S]; [unfold is_vm, HOST in W; lia|]. right. left. exact S.
      - apply (reaped_same (P t)); [reflexivity|reflexivity| | | |apply (r_reaped _ _ _ _ R u W)].
        + intros y x. cbn. rewrite (proj2 (Z.eqb_neq u v) D). auto.
        + intros b. cbn. now rewrite (proj2 (Z.eqb_neq u v) D).
        + intros b. cbn. unfold upd2. now rewrite (proj2 (Z.eqb_neq u v) D). }
    assert (PF1 : pool_fine w (P t1)).
    { apply (pool_same fixed w w (P t)); auto using Z.le_refl; try (intros x X; split; [exact X|reflexivity]). }
    assert (Ar : forall x, at_rest (P t1) x -> at_rest (P t) x) by (intros x X; exact X).
    pose proof (r_log _ _ _ _ R) as Lg. destruct Em as [Nt Nl].
    assert (Lf : forall u x, (if (u =? v) && (first_of x / 262144 =? i / 262144) then None else lf (P t) u x) = lf (P t) u x).
    { intros u x. destruct ((u =? v) && _) eqn:Y; [|reflexivity]. props. subst u. symmetry. apply Nl. assumption. }
    assert (Tf : forall u b, (if (u =? v) && (b / 512 =? i / 262144) then false else tab (P t) u b) = tab (P t) u b).
    { intros u x. destruct ((u =? v) && _) eqn:Y; [|reflexivity]. props. subst u. symmetry. apply Nt. assumption. }
    unfold t1, without_blocks in *. pose proof R as X. destruct X. constructor; intros; cbn [P D] in *; peel; rewrite ?Ec, ?Ewd, ?Er,
      ?El, ?E1, ?E2;
    lazymatch goal with
    | |- pool_fine _ _ => exact PF1
    | |- reaped _ _ => apply Re; assumption
    | |- vgic_fine _ _ _ => let G := fresh "G" in intros G; specialize (r_vgic G); cbv zeta in *; cbn [P D] in *; peel; rewrite ?Er in *;
      exact r_vgic
    | H : nth_error _ _ = _ |- _ => subst; eapply Lg; eassumption
    | |- upd2 _ _ _ _ _ _ = _ => unfold upd2; destruct (_ && _); [reflexivity|auto]
    | |- (if _ then None else _) = _ => rewrite Lf; auto
    | |- (if _ then false else _) = _ => rewrite Tf; auto
    | |- in_dram _ _ = true => rewrite Lf in *; eauto
    | _ => eauto
    end. }
  assert (Ft : few n (P t1)) by (destruct F as [F1 F2 F3]; split; auto).
  assert (Tt : taken w (P t1) a) by (apply (taken_same fixed w w (P t)); auto).
  assert (Ct : Inv.covers (held_by w (P t1) v) (v_tables (vm (P t1) v) - 1)) by exact Cv.
  destruct (give_sim fixed I c w t1 v a n R1 Hw V Ft N Tt Ct) as (u & U1 & U2 & U3 & U4).
  exists u. split; [exact U1|]. split; [exact U2|]. split; [exact U3|exact U4].
Qed.
End At.
End FreeGib.
