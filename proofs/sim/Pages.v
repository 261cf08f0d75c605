(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_PAGE_STATE does what the top machine does. *)
From KCore Require Import code.Common code.Region gen.C_range.
From KCore Require Export sim.Link sim.Keep sim.Regions.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma land_page z : Z.land z 4095 = z mod 4096.
Proof. change 4095 with (Z.ones 12). rewrite Z.land_ones by lia. reflexivity. Qed.

Section Pages.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

Lemma fixed_of c s t : Q c s t -> forall n i, In n fixed_names -> cell s n i = fixed n i.
Proof. intros R. apply R. Qed.

Lemma page_state_sim c s t a : Q c s t -> held s = false -> fits (P t) -> 0 <= a < 2 ^ 64 ->
  answers c t (Lang.run (add L1 "page_index" s_page_index) f_hc_page_state [a] s) (done c (page_state a (P t)) (P t)).
Proof.
  intros R H F V. assert (HN : negb (held s) = true) by now rewrite H.
  assert (Fx := fixed_of _ _ _ R).
  assert (RF : regions_ok s = true) by (apply (regions_fine fixed I s Fx)).
  assert (WA : word64 a = true) by (unfold word64; apply andb_true_iff; split; [apply Z.leb_le|apply Z.ltb_lt]; lia).
  assert (Fin : forall x y u, x = y -> u = s \/ u = sethold false (sethold true s) -> answers c t (Ok (x, u)) (done c y (P t))).
  { intros x y u -> [->| ->]; eexists _, _; (split; [reflexivity|]); [apply unchanged|apply unchanged_section]; auto. }
  unfold page_state. code f_hc_page_state.
  apply wp_seq. eapply wp_if; [eval_tac| |]; intros C; rewrite ?truth_b2z in C;
    change (4096 - 1) with 4095 in C; rewrite land_page in C; unfold PAGE_BYTES, IPA_END; rewrite C.
  - steps. cbn [result]. apply Fin; auto.
  - assert (M : a mod 4096 = 0) by (props; auto).
    pose proof (record_page fixed I s Fx a M) as PR. unfold PAGE_BYTES in PR.
    pose proof (n_pages _ I) as NP. assert (NR : nr_pages s = fixed "nr_pages" 0) by (apply Fx; cbn; tauto).
    assert (NC : cell s "nr_pages" 0 = fixed "nr_pages" 0) by exact NR.
      assert (NR' : nr_pages (sethold true s) = fixed "nr_pages" 0) by exact NR.
    unfold NO_PAGE in PR. destruct (dram (a / 4096)) eqn:Dr; cbn [negb].
    + pose proof (record_range fixed I _ Dr) as RR.
      pose proof (r_owner _ _ _ _ R _ Dr) as Ro. pose proof (r_maps _ _ _ _ R _ Dr) as Rm.
      rewrite Z.mod_small in Rm by apply (f_maps _ F).
      rewrite <- PR in *. unfold is, OWNER_CORE, OWNER_HOST. rewrite <- Ro, <- Rm.
      steps; cbn [result]; apply Fin; auto; repeat match goal with C : ?b = _ |- context [?b] => rewrite C end; auto.
      all: match goal with |- (if negb (?x =? 0) then _ else _) = _ => destruct (x =? 0); reflexivity end.
    + steps. cbn [result]. apply Fin; auto.
Qed.
End Pages.
