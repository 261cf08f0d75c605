(* SPDX-License-Identifier: GPL-2.0-only *)
(* Every function of s2map.c, cut off anywhere. *)
From KCore Require Import pt.SplitRun.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Loops of one or two iterations, opened. *)
Fixpoint wpa_iter {St} (P : St -> Prop) L A (n x : nat) (i step : Z) (body : stmt) (Q : post) (e : env) (s : St) : Prop :=
  match n with
  | O => Q (Ok (ONext, setv e x i, s))
  | S m => wpa P L A body (fun r => match r with Ok (ONext, e', s') => wpa_iter P L A m x (i + step) step body Q e' s' | r => Q r end)
             (setv e x i) s
  end.

Lemma wpa_for_open {St} (P : St -> Prop) L A x t a b step body v n Q e s :
  loop_range e t a b step = Some (v, n) -> wpa_iter P L A n x v step body Q e s -> wpa P L A (SFor x t a b step body) Q e s.
Proof.
  intros Hr H HP. cbn [denote exec]. rewrite Hr. clear Hr. revert v e s H HP. induction n as [|n IH]; intros v e s H HP; cbn [wpa_iter titer iter] in *.
  - split; [split; [exact HP|exact I]|exact H].
  - destruct (H HP) as [HA HQ]. split.
    + apply always_tbind; [exact HA|]. intros [o e'] s' E. rewrite run_denote in E.
      destruct (exec L body (setv e x v) s) as [[[o1 e1] s1]| |] eqn:X; try discriminate. injection E as -> -> ->.
      pose proof (denote_end _ _ _ _ _ _ _ _ _ HA X) as HP'. destruct o; [|split; [exact HP'|exact I]]. apply IH; auto.
    + destruct (exec L body (setv e x v) s) as [[[[|w] e1] s1]| |] eqn:X; auto. apply IH; [exact HQ|]. eapply denote_end; eauto.
Qed.

Lemma prepare_run args s t r t' : R s t -> h_s2_prepare args t = Ok (r, t') ->
  always (on_words (between t [t])) Low (D_low (between t [t])) (code f_s2_prepare args) s.
Proof.
  intros HR. unfold h_s2_prepare. destruct args as [|vm [|ipa [|level [|]]]]; try discriminate.
  destruct (_ && _) eqn:Q; [|discriminate]. apply andb_true_iff in Q as [Q H]. apply andb_true_iff in Q as [Q L2]. apply andb_true_iff in Q as [S L1].
  assert (HP : on_words (between t [t]) s) by (apply (between_maps t [t] t); [apply R_maps, HR|reflexivity|apply Exists_cons_hd; reflexivity]).
  destruct (prepare_level vm ipa 1 t) as [[r1 t1]| |] eqn:P1; [|discriminate|discriminate].
  pose proof (root_present _ _ _ _ HR S) as N1. intros E.
  assert (LV : level = 2 \/ level = 3) by (props; lia).
  abegin f_s2_prepare [vm; ipa; level] HP. apply wpa_seq. destruct LV as [-> | ->].
  - eapply (wpa_for_open _ _ _ _ _ _ _ _ _ 1 1%nat); [reflexivity|]. cbn [wpa_iter].
    eapply (prepare_step_run t s t vm ipa 2 1 r1 t1); eauto; [intros; exact I|].
    intros a b c d s' _ _ _ _ _ _ _. cbn [wpa_iter setv]. asteps. exact I.
  - eapply (wpa_for_open _ _ _ _ _ _ _ _ _ 1 2%nat); [reflexivity|]. cbn [wpa_iter].
    eapply (prepare_step_run t s t vm ipa 3 1 r1 t1); eauto; [intros; exact I|].
    intros a b c d s' -> R1 RB LF H1 S1 NB. cbn [wpa_iter setv]. change (1 + 1) with 2 in *. cbn [Z.eqb Pos.eqb negb] in E.
    eapply (prepare_step_run t s' t1 vm ipa 3 2 r t'); eauto; [intros; exact I|].
    intros a2 b2 c2 d2 s2 _ _ _ _ _ _ _. cbn [wpa_iter setv]. asteps. exact I.
Qed.

(* Between the break and the make of a split the block's own addresses fault. *)
Lemma hole_outcome s t vm b v a : R s t -> valid 2 vm b -> leaf t vm 2 b <> 0 -> ipa_ok v a ->
  map_outcome (set_leaf vm 2 b 0 t) v a = map_outcome t v a \/ (v = vm /\ block a = b /\ map_outcome (set_leaf vm 2 b 0 t) v a = Fault).
Proof.
  intros (_ & _ & own & W) Vb D (Va & Ia). pose proof Vb as Vb'. apply valid2 in Vb' as [V B].
  assert (T0 : tab t vm b = 0) by (destruct (Z.eqb_spec (tab t vm b) 0); [assumption|exfalso; apply D; apply (r_block _ _ _ W); auto]).
  unfold map_outcome. cbn [leaf set_leaf with_maps Z.eqb Pos.eqb]. rewrite andb_false_r, andb_true_r. cbn [andb].
  destruct ((v =? vm) && (block a =? b)) eqn:Q; [|left; reflexivity]. right. apply andb_true_iff in Q as [Q1 Q2]. apply Z.eqb_eq in Q1, Q2. subst v.
  assert (L3 : leaf t vm 3 (page a) = 0).
  { apply (r_none3 _ _ _ W); [apply valid3; pose proof (page_range a Ia); auto|]. rewrite page_block, Q2. exact T0. }
  rewrite L3. auto.
Qed.

(* The run of the tree is the run of the linked code. *)
Theorem whole_runs d args s : run_tree L0 (whole d args) s = run (link L0 low) d args s.
Proof. unfold whole. rewrite run_inline_all. apply run_code. Qed.

(* s: words; t: the maps they hold; the operation takes t to t'.  After any number of primitives of the run, with the C of pool.c, pte.c and
   walk.c in it, every translation is that of t or that of t'; in a split the block's own addresses may fault. *)
Theorem every_prefix f d args s t r t' : In (f, d) m_s2map -> R s t -> L1 f args t = Ok (r, t') -> forall n vm ipa, ipa_ok vm ipa ->
  let o := walk (word (cut n L0 (whole d args) s)) levels_40 (root t vm) ipa in
  o = map_outcome t vm ipa \/ o = map_outcome t' vm ipa \/
  (f = "s2_split" /\ o = Fault /\ exists ipa', args = [vm; ipa'] /\ block ipa' = block ipa).
Proof.
  intros HF HR HL n vm ipa HI.
  assert (X : forall l, always (on_words (between t l)) Low (D_low (between t l)) (code d args) s ->
    Exists (fun x => walk (word (cut n L0 (whole d args) s)) levels_40 (root t vm) ipa = map_outcome x vm ipa) l).
  { intros l H. apply (between_walk t l); [|exact HI]. apply (always_cut _ _ _ _ _ (always_inline_all _ low _ _ _ _ H)). }
  unfold m_s2map in HF. cbn [In] in HF.
  destruct HF as [HF|[HF|[HF|[HF|[HF|[]]]]]]; injection HF as <- <-; cbn zeta.
  - specialize (X _ (prepare_run _ _ _ _ _ HR HL)). inversion X as [? ? E|? ? K]; subst; [auto|inversion K].
  - specialize (X _ (set_run _ _ _ _ _ HR HL)). inversion X as [? ? E|? ? K]; subst; [auto|]. inversion K as [? ? E|? ? K2]; subst; [auto|inversion K2].
  - specialize (X _ (clear_run _ _ _ _ _ HR HL)). inversion X as [? ? E|? ? K]; subst; [auto|]. inversion K as [? ? E|? ? K2]; subst; [auto|inversion K2].
  - specialize (X _ (free_table_run _ _ _ _ _ HR HL)). inversion X as [? ? E|? ? K]; subst; [auto|inversion K].
  - change (L1 "s2_split") with h_s2_split in HL. pose proof HL as HS. unfold h_s2_split in HS. destruct args as [|vm' [|ipa' [|]]]; try discriminate.
    cbn zeta in HS. destruct (_ && _) eqn:G; [|discriminate]. clear HS. apply andb_true_iff in G as [G D]. apply andb_true_iff in G as [S _].
    apply negb_true_iff, Z.eqb_neq in D. destruct (ipa_range _ _ _ S) as [V IR].
    specialize (X _ (split_run _ _ _ _ _ HR HL vm' ipa' eq_refl)).
    inversion X as [? ? E|? ? K]; subst; [auto|]. inversion K as [? ? E|? ? K2]; subst; [|inversion K2 as [? ? E|? ? K3]; subst; [auto|inversion K3]].
    rewrite E. destruct (hole_outcome s t vm' (block ipa') vm ipa HR) as [Y|(-> & B & Y)]; auto.
    + apply valid2. pose proof (block_range ipa' IR). auto.
    + right. right. split; [reflexivity|]. split; [exact Y|]. exists ipa'. auto.
Qed.
