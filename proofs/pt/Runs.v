(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The transactional property of runs: a run of s2map.c, with the C of pool.c, pte.c and walk.c in the place of its calls, cut off after
 * any number of primitives, leaves every translation of the hardware as it was or as it is at the end.
 *)
From KCore Require Export pt.PoolRun.
From KCore Require Import pt.Pt gen.C_pte gen.C_walk.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition low : modul := (m_pool ++ m_pte ++ m_walk)%list.
Definition Low : layer state := link L0 low.
(* A function's code with all that it calls, down to the primitives. *)
Definition whole (d : fundef) (args : list Z) : tree Z := inline_all low (code d args).

Lemma low_layer : sim eq Low L_s2.
Proof.
  intros f. destruct (find f low) eqn:E.
  - unfold L_s2, add. destruct (String.eqb_spec f "s2_entry") as [->|]; [exact (words_refine "s2_entry")|].
    destruct (String.eqb_spec f "s2_vttbr") as [->|]; [exact (words_refine "s2_vttbr")|].
    destruct (String.eqb_spec f "pte_is_table") as [->|]; [exact (words_refine "pte_is_table")|].
    destruct (String.eqb_spec f "pool_give") as [->|]; [exact (words_refine "pool_give")|].
    destruct (String.eqb_spec f "pool_alloc") as [->|]; [exact (words_refine "pool_alloc")|].
    revert E. unfold low, m_pool, m_pte, m_walk. cbn [find List.app].
    repeat match goal with |- context [String.eqb f ?g] => destruct (String.eqb_spec f g) as [->|]; [intros _ args s t _; exact I|] end. discriminate.
  - unfold Low. rewrite link_other by exact E. assert (X : L_s2 f = L0 f).
    { revert E. unfold low, m_pool, m_pte, m_walk, L_s2, add. cbn [find List.app].
      repeat match goal with |- context [String.eqb f ?g] => destruct (String.eqb_spec f g); [discriminate|] end. reflexivity. }
    rewrite X. apply sim_refl.
Qed.

Section Runs.
  Variable G : (Z -> Z) -> Prop.
  Definition D_low : demand state := demands (on_words G) L0 no_demand low.

  (* walk.c and pte.c store nothing. *)
  Lemma low_quiet : Forall (keeps_P (on_words G) Low D_low) (quiet ["pt_load"; "get_root_base"] low).
  Proof.
    apply quiet_keeps. repeat apply Forall_cons; [| |apply Forall_nil]; intros args s H; (split; [exact I|]).
    - change (L0 "pt_load") with p_load. unfold p_load. destruct args as [|a [|]]; try exact I. destruct (aligned s a); [exact H|exact I].
    - change (L0 "get_root_base") with (get0 "root_base"). unfold get0. destruct args; [exact H|exact I].
  Qed.
  Lemma quiet_demand f args s : existsb (String.eqb f) (quiet ["pt_load"; "get_root_base"] low) = true -> on_words G s -> D_low f args s.
  Proof.
    intros E H. apply existsb_exists in E as (g & I' & E). apply String.eqb_eq in E. subst g.
    pose proof low_quiet as Q. rewrite Forall_forall in Q. exact (proj1 (Q f I' args s H)).
  Qed.
End Runs.

(* ------------------------------------------------------------------ words between maps *)

(* The words are tables of a map whose leaves are those of one in the list. *)
Definition between (t : state) (l : list state) (w : Z -> Z) : Prop :=
  exists u own, maps_ok own u w /\ cell u "root_base" 0 = cell t "root_base" 0 /\ Exists (fun x => leaf u = leaf x) l.
Definition maps (u : state) (w : Z -> Z) : Prop := exists own, maps_ok own u w.

Lemma between_maps t l u w : maps u w -> cell u "root_base" 0 = cell t "root_base" 0 -> Exists (fun x => leaf u = leaf x) l -> between t l w.
Proof. intros (own & W) E X. exists u, own. auto. Qed.
Lemma R_maps s t : R s t -> maps t (word s).
Proof. intros (_ & _ & W). exact W. Qed.

Lemma between_walk t l w vm ipa : between t l w -> ipa_ok vm ipa ->
  Exists (fun x => walk w levels_40 (root t vm) ipa = map_outcome x vm ipa) l.
Proof.
  intros (u & own & W & E & X) (V & I). replace (root t vm) with (root u vm) by (unfold root; rewrite E; reflexivity).
  rewrite (walk_map own u w vm ipa W V I). eapply Exists_impl; [|exact X]. intros x L. cbn beta in L. unfold map_outcome. rewrite L. reflexivity.
Qed.

(* What is stored to a page that is no table changes no map. *)
Lemma maps_free u pa : table_page u pa -> table u (page pa) = false -> page_free (maps u) pa.
Proof.
  intros TP F w i v Hi (own & W). exists own. apply maps_store; [exact W|]. intros l vm n P K.
  apply (addr_not_in W l vm n pa (i * 8) P TP F); lia.
Qed.

Lemma maps_leaf t w l vm n pte : maps t w -> l = 2 \/ l = 3 -> present t l vm n -> (l = 2 -> tab t vm n = 0) ->
  pte = 0 \/ leaf_ok pte l = true -> maps (set_leaf vm l n pte t) (upd w (addr t l vm n) pte).
Proof.
  intros (own & W) L P T F. exists own. unfold upd. eapply leaf_change; eauto.
  - cbn. rewrite Z.eqb_refl. reflexivity.
  - intros l' vm' n' P' N. destruct (Z.eqb_spec (addr t l' vm' n') (addr t l vm n)) as [E|]; [|reflexivity].
    exfalso. apply N. exact (addr_inj W _ _ _ _ _ _ P' P E).
Qed.

(* ------------------------------------------------------------------------- symbolic execution *)

(* A call of walk.c or pte.c, by the equation for its result. *)
Ltac quiet_call HL E := eapply (wpa_call _ _ _ _ HL);
  [eval_tac | exact E | intros HQ; apply quiet_demand; [reflexivity|exact HQ] | exact (fun p => p) | cbn [put setv]; cbn beta iota].
(* A store that keeps the property, by a lemma. *)
Ltac store_call HL X := eapply (wpa_call _ _ _ _ HL);
  [eval_tac | lookup; simpl_prim; reflexivity | intros _; exact I | intros _; exact X | cbn [put setv]; cbn beta iota].
Ltac abegin f args HP := apply (wpa_code _ Low (D_low _) f args (fun _ => True)); [exact HP|]; unfold f, frame;
  cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub].

Lemma set_run args s t r t' : R s t -> h_s2_set args t = Ok (r, t') ->
  always (on_words (between t [t; t'])) Low (D_low (between t [t; t'])) (code f_s2_set args) s.
Proof.
  intros HR. unfold h_s2_set. destruct args as [|vm [|ipa [|l [|pte [|]]]]]; try discriminate.
  destruct (_ && _) eqn:G; [|discriminate]. intros E0. injection E0 as _ <-.
  apply andb_true_iff in G as [G F]. apply andb_true_iff in G as [G E]. apply andb_true_iff in G as [G Wy].
  apply andb_true_iff in G as [S H]. destruct (way_present _ _ _ _ Wy) as (L & N & T).
  destruct (entry_present s t vm ipa l HR S ltac:(lia) N) as (P & SE & WE & A8 & AR).
  pose proof (held_R _ _ HR) as HH. rewrite H in HH. pose proof low_layer as HL. unfold L_s2 in HL.
  set (l2 := [t; _]).
  assert (HP : on_words (between t l2) s) by (apply (between_maps t l2 t); [apply R_maps, HR|reflexivity|apply Exists_cons_hd; reflexivity]).
  assert (HP2 : between t l2 (upd (word s) (addr t l vm (number l ipa)) pte)).
  { eapply between_maps; [apply maps_leaf; auto; apply R_maps, HR|reflexivity|apply Exists_cons_tl, Exists_cons_hd; reflexivity]. }
  abegin f_s2_set [vm; ipa; l; pte] HP. astep. quiet_call HL SE. do 2 astep. store_call HL HP2. asteps. exact I.
Qed.

Lemma clear_run args s t r t' : R s t -> h_s2_clear args t = Ok (r, t') ->
  always (on_words (between t [t; t'])) Low (D_low (between t [t; t'])) (code f_s2_clear args) s.
Proof.
  intros HR. unfold h_s2_clear. destruct args as [|vm [|ipa [|l [|]]]]; try discriminate.
  destruct (_ && _) eqn:G; [|discriminate]. cbn zeta. intros E0. injection E0 as _ E'. apply andb_true_iff in G as [G X]. apply andb_true_iff in G as [S H].
  assert (Q : 1 <= l <= 3 /\ tbase t l vm (up l (number l ipa)) <> 0 /\
              (entry t vm ipa l <> 0 -> (l = 2 \/ l = 3) /\ (l = 2 -> tab t vm (number l ipa) = 0))).
  { apply orb_true_iff in X as [X|X].
    - apply andb_true_iff in X as [X1 X2]. apply Z.eqb_eq in X1. subst l. split; [lia|]. split; [eapply root_present; eauto|].
      unfold entry. cbn [Z.eqb Pos.eqb]. rewrite X2. intros K. contradiction.
    - destruct (way_present _ _ _ _ X) as (L & N & T). split; [lia|]. auto. }
  destruct Q as (L & N & T). destruct (entry_present s t vm ipa l HR S L N) as (P & SE & WE & A8 & AR).
  pose proof (held_R _ _ HR) as HH. rewrite H in HH. pose proof low_layer as HL. unfold L_s2 in HL.
  assert (VV : (Z.land (entry t vm ipa l) 1 =? 0) = (entry t vm ipa l =? 0)).
  { rewrite entry_val by exact L. destruct HR as (_ & _ & own & W). eapply val_valid; eauto. apply P. }
  set (l2 := [t; t']).
  assert (HP : on_words (between t l2) s) by (apply (between_maps t l2 t); [apply R_maps, HR|reflexivity|apply Exists_cons_hd; reflexivity]).
  abegin f_s2_clear [vm; ipa; l] HP. astep. quiet_call HL SE. do 2 astep. quiet_call HL (vttbr_R s t vm ipa HR S).
  do 3 astep. rewrite WE. do 3 astep.
  - rewrite VV in C. destruct (Z.eqb_spec (entry t vm ipa l) 0) as [|NE]; [discriminate|]. destruct (T NE) as [L2 T2].
    assert (HP2 : between t l2 (upd (word s) (addr t l vm (number l ipa)) 0)).
    { eapply between_maps; [apply maps_leaf; auto; apply R_maps, HR|reflexivity|]. apply Exists_cons_tl, Exists_cons_hd.
      rewrite <- E'. reflexivity. }
    astep. store_call HL HP2. asteps. exact I.
  - asteps. exact I.
Qed.

Lemma free_table_run args s t r t' : R s t -> h_s2_free_table args t = Ok (r, t') ->
  always (on_words (between t [t])) Low (D_low (between t [t])) (code f_s2_free_table args) s.
Proof.
  intros HR. unfold h_s2_free_table. destruct args as [|vm [|ipa [|l [|]]]]; try discriminate.
  destruct (_ && _) eqn:G; [|discriminate]. apply andb_true_iff in G as [G X]. apply andb_true_iff in G as [S H]. cbn zeta.
  assert (Q : l = 1 /\ s1 t vm (gib ipa) <> 0 /\ empty2 t vm (gib ipa) = true \/ l = 2 /\ tab t vm (block ipa) <> 0 /\ empty3 t vm (block ipa) = true).
  { destruct (Z.eqb_spec l 1) as [->|]; [left|right].
    - apply andb_true_iff in X as [X1 X2]. props. auto.
    - apply andb_true_iff in X as [X X2]. apply andb_true_iff in X as [X0 X1]. props. auto. }
  destruct (unlink s t vm ipa l HR S Q) as (RX & EE & TP).
  set (pa := if l =? 1 then s1 t vm (gib ipa) else tab t vm (block ipa)) in *.
  set (t1 := set_table (page pa) false _) in *.
  assert (N : tbase t l vm (up l (number l ipa)) <> 0).
  { destruct Q as [(-> & _)|(-> & Q & _)]; [eapply root_present; eauto|]. unfold tbase, up, number. cbn [Z.eqb Pos.eqb]. rewrite block_gib.
    intros K. apply Q. destruct HR as (_ & _ & own & W). destruct (ipa_range _ _ _ S) as [V IR].
    apply (r_none2 _ _ _ W vm (block ipa)); [apply valid2; pose proof (block_range ipa IR); auto|]. rewrite block_gib. exact K. }
  destruct (entry_present s t vm ipa l HR S ltac:(lia) N) as (P & SE & WE & A8 & AR).
  unfold h_pool_give. destruct (plain _ pa) eqn:PL; [|discriminate]. intros GV.
  pose proof (held_R _ _ HR) as HH. rewrite H in HH. pose proof low_layer as HL. unfold L_s2 in HL.
  assert (AD : Z.land (table_desc pa) 1099511623680 = pa) by (apply table_desc_address; destruct TP as (T1 & T2 & _); [lia|exact T2]).
  match type of GV with s_pool_give _ ?u = _ => assert (RU : Rx (fun p => p =? page pa) (record "dsb_tlbi" [] (record "tlbi_vmid" [vttbr_of t vm] (record "dsb_store" []
    (setword (addr t l vm (number l ipa)) 0 s)))) u) by (repeat apply Rx_record; exact RX) end.
  destruct (give_sim _ _ _ _ _ _ RU PL GV) as (s2 & GS & R2).
  assert (RE : cell t1 "root_base" 0 = cell t "root_base" 0 /\ leaf t1 = leaf t) by (unfold t1; destruct (l =? 1); split; reflexivity).
  destruct RE as [RE LE]. assert (W1 : maps t1 (upd (word s) (addr t l vm (number l ipa)) 0)) by (destruct RX as (_ & _ & W1); exact W1).
  assert (KG : forall w, maps t1 w -> between t [t] w).
  { intros w W. apply (between_maps t [t] t1); [exact W|exact RE|apply Exists_cons_hd; exact LE]. }
  assert (F : page_free (maps t1) pa).
  { apply maps_free; [|unfold t1; cbn [table set_table with_maps]; rewrite Z.eqb_refl; reflexivity].
    unfold t1. destruct TP as (T1 & T2 & T3). destruct (l =? 1); (split; [exact T1|split; [exact T2|exact T3]]). }
  assert (HP : on_words (between t [t]) s) by (apply (between_maps t [t] t); [apply R_maps, HR|reflexivity|apply Exists_cons_hd; reflexivity]).
  abegin f_s2_free_table [vm; ipa; l] HP. astep. quiet_call HL SE. do 2 astep. quiet_call HL (vttbr_R s t vm ipa HR S).
  do 3 astep. rewrite WE, EE. do 2 astep. store_call HL (KG _ W1). asteps.
  eapply (wpa_call _ _ _ _ HL); [eval_tac | rewrite AD; exact GS | | | exact I].
  - intros _. rewrite AD. exact (give_always _ _ KG _ _ _ _ _ GS F W1).
  - intros _. apply KG. exact (give_keeps _ _ _ _ _ _ GS F W1).
Qed.

