(* SPDX-License-Identifier: GPL-2.0-only *)
(* What holds all along the runs of pool.c: stores go to the page that is handed out or given back, and to no other. *)
From KCore Require Export lang.Prefix pt.Transact gen.C_pool.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* One step of symbolic execution with a property all along; a call whose result computes and that stores no word. *)
Ltac acall HL := eapply (wpa_call _ _ _ _ HL);
  [eval_tac | lookup; simpl_prim; reflexivity | intros _; exact I | exact (fun p => p) | cbn [put setv]; cbn beta iota].
Ltac astep :=
  match goal with
  | |- wpa _ _ _ (SSeq _ _) _ _ _ => apply wpa_seq
  | |- thena _ _ _ _ _ _ => unfold thena at 1; cbn beta iota
  | |- wpa _ _ _ SSkip _ _ _ => apply wpa_skip; cbn beta iota
  | |- wpa _ _ _ (SAssign _ _) _ _ _ => eapply wpa_assign; [eval_tac | cbn [setv]; cbn beta iota]
  | |- wpa _ _ _ (SReturn None) _ _ _ => apply wpa_return_void; cbn beta iota
  | |- wpa _ _ _ (SReturn (Some _)) _ _ _ => eapply wpa_return; [eval_tac | cbn beta iota]
  | |- wpa _ _ _ (SIf _ _ _) _ _ _ =>
      eapply wpa_if; [eval_tac | |];
      let C := fresh "C" in intros C; rewrite ?truth_b2z in C; try contra
  | HL : sim eq _ _ |- wpa _ _ _ (SCall _ _ _) _ _ _ => acall HL
  end.
Ltac asteps := repeat astep.
Ltac astart f := eapply wpa_code; [eassumption|]; unfold f, frame;
  cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub].

Section Pool.
  (* A property of the words, and one that implies it and that stores to the page at pa do not change. *)
  Variables G K : (Z -> Z) -> Prop.
  Hypothesis KG : forall w, K w -> G w.
  Definition page_free (pa : Z) : Prop := forall w i v, 0 <= i < 512 -> K w -> K (upd w (pa + i * 8) v).
  Definition on_words (s : state) : Prop := G (word s).

  Lemma zero_always pa s : page_ok pa = true -> held s = true -> page_free pa -> K (word s) ->
    always on_words L0 no_demand (code f_pool_zero [pa]) s.
  Proof.
    intros PO H F HK. pose proof (sim_refl L0) as HL. assert (HP : on_words s) by (apply KG, HK).
    assert (H8 : forall k, (pa + k * 8) mod 8 = 0) by (intros; apply page_ok_8; assumption). unfold page_ok in PO. props.
    apply (wpa_code on_words L0 no_demand f_pool_zero [pa] (fun _ => True)); [exact HP|]. unfold f_pool_zero, frame.
    cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub].
    eapply (wpa_for0 _ _ _ (fun k e s' => held s' = true /\ K (word s') /\ exists a, e = [Some pa; a])); try reflexivity.
    - cbn [modulus]; lia.
    - split; [exact H|]. split; [exact HK|]. eexists; reflexivity.
    - intros k e s' Hk (H' & K' & a & ->). cbn [setv]. specialize (H8 (Z.of_nat k)). assert (Hk' : 0 <= Z.of_nat k < 512) by lia.
      pose proof (F (word s') (Z.of_nat k) 0 Hk' K') as K2.
      eapply (wpa_call _ _ _ _ HL); [eval_tac | simpl_prim; reflexivity | intros _; exact I | intros _; apply KG; exact K2 |].
      cbn [put setv]. cbn beta iota. split; [exact H'|]. split; [exact K2|]. eexists; reflexivity.
  Qed.

  Lemma zero_keeps pa s : page_free pa -> forall k, (k <= 512)%nat -> K (word s) -> K (word (zero k pa s)).
  Proof.
    intros F. induction k as [|k IH]; intros Hk HK; [exact HK|]. cbn [zero]. apply (F (word (zero k pa s)) (Z.of_nat k) 0); [lia|].
    apply IH; auto. lia.
  Qed.
  Lemma zero_keeps_all pa s : page_free pa -> K (word s) -> K (word (zero words pa s)).
  Proof. intros F. apply zero_keeps; [exact F|]. rewrite words_eq. lia. Qed.

  (* pool.c over the primitives. *)
  Definition L_zero : layer state := add L0 "pool_zero" (run L0 f_pool_zero).
  Definition D_zero : demand state := demand_of no_demand "pool_zero" (fun args s => always on_words L0 no_demand (code f_pool_zero args) s).
  Lemma zero_layer : sim eq L_zero L_pool.
  Proof. intros f. unfold L_zero, L_pool, add. destruct (String.eqb f "pool_zero"); [apply meets_sim, pool_zero_ok|apply sim_refl]. Qed.

  Lemma alloc_always vm s v s' : s_pool_alloc [vm] s = Ok (v, s') -> (v <> 0 -> page_free v) -> K (word s) ->
    always on_words L_zero D_zero (code f_pool_alloc [vm]) s.
  Proof.
    unfold s_pool_alloc. cbn zeta. destruct (_ && _) eqn:X; [|discriminate]. intros E F HK. assert (HP : on_words s) by (apply KG, HK).
    pose proof zero_layer as HL. apply andb_true_iff in X as [X PX]. unfold L_pool in HL.
    destruct (exhausted s vm) eqn:EX.
    - unfold exhausted, small in *. props; apply (wpa_code on_words _ D_zero f_pool_alloc [vm] (fun _ => True)); try exact HP;
        unfold f_pool_alloc, frame; cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub]; asteps; exact I.
    - injection E as <- <-. rewrite orb_false_l in PX. unfold exhausted, pool_ok, small in *. props.
      assert (Hmod : cell s "pool_head" 0 mod 8 = 0).
      { replace (cell s "pool_head" 0) with (cell s "pool_head" 0 + 0 * 8) by lia. apply page_ok_8. assumption. }
      unfold pool_page, pool_take in *. apply (wpa_code on_words _ D_zero f_pool_alloc [vm] (fun _ => True)); try exact HP;
        unfold f_pool_alloc, frame; cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub]; asteps.
      all: rewrite C0 in *; eapply (wpa_call _ _ _ _ HL);
        [eval_tac | lookup; rewrite pool_zero_at by assumption; reflexivity | intros _; apply zero_always; auto; try (apply F; lia)
        | intros _; apply KG, zero_keeps_all; auto; apply F; lia | cbn [put setv]; cbn beta iota; asteps; exact I].
  Qed.

  Lemma give_always vm pa s r s' : s_pool_give [vm; pa] s = Ok (r, s') -> page_free pa -> K (word s) ->
    always on_words L_zero D_zero (code f_pool_give [vm; pa]) s.
  Proof.
    unfold s_pool_give. cbn zeta. destruct (_ && _) eqn:X; [|discriminate]. intros _ F HK. assert (HP : on_words s) by (apply KG, HK).
    pose proof zero_layer as HL. unfold L_pool in HL. unfold small in *. props.
    assert (Hmod : pa mod 8 = 0) by (replace pa with (pa + 0 * 8) by lia; apply page_ok_8; assumption).
    assert (Hz : held (zero words pa s) = true) by (rewrite zero_held; assumption).
    pose proof (zero_keeps_all pa s F HK) as KZ.
    assert (Hs : 0 <= pa < 2 ^ 40).
    { match goal with X : page_ok pa = true |- _ => unfold page_ok in X end. props. lia. }
    apply (wpa_code on_words _ D_zero f_pool_give [vm; pa] (fun _ => True)); [exact HP|].
    unfold f_pool_give, frame; cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub]; asteps.
    eapply (wpa_call _ _ _ _ HL);
      [eval_tac | lookup; rewrite pool_zero_at by assumption; reflexivity | intros _; apply zero_always; auto
      | intros _; apply KG, KZ | cbn [put setv]; cbn beta iota]. do 2 astep.
    pose proof (F _ 0 (cell s "pool_head" 0) ltac:(lia) KZ) as K2. replace (pa + 0 * 8) with pa in K2 by lia.
    eapply (wpa_call _ _ _ _ HL);
      [eval_tac | lookup; simpl_prim; reflexivity | intros _; exact I | intros _; apply KG, K2 | cbn [put setv]; cbn beta iota].
    asteps. exact I.
  Qed.

  Lemma alloc_keeps vm s v s' : s_pool_alloc [vm] s = Ok (v, s') -> (v <> 0 -> page_free v) -> K (word s) -> K (word s').
  Proof.
    unfold s_pool_alloc. cbn zeta. destruct (_ && _) eqn:X; [|discriminate]. destruct (exhausted s vm) eqn:EX; intros E F HK.
    - injection E as <- <-. exact HK.
    - apply andb_true_iff in X as [_ X]. rewrite orb_false_l in X. unfold pool_ok in X. props. injection E as <- <-.
      apply zero_keeps_all; [apply F; lia|]. unfold pool_take. destruct (negb _), (_ && _); exact HK.
  Qed.
  Lemma give_keeps vm pa s r s' : s_pool_give [vm; pa] s = Ok (r, s') -> page_free pa -> K (word s) -> K (word s').
  Proof.
    unfold s_pool_give. cbn zeta. destruct (_ && _); [|discriminate]. intros E F HK. injection E as <- <-.
    pose proof (F _ 0 (cell s "pool_head" 0) ltac:(lia) (zero_keeps_all pa s F HK)) as K2. replace (pa + 0 * 8) with pa in K2 by lia. exact K2.
  Qed.
End Pool.
