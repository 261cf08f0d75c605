(* SPDX-License-Identifier: GPL-2.0-only *)
(* Runs that take a page from the pool: s2_split and s2_prepare. *)
From KCore Require Export pt.Runs.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma alloc_run s t vm pa t1 s1' (G : (Z -> Z) -> Prop) : R s t -> h_pool_alloc [vm] t = Ok (pa, t1) -> s_pool_alloc [vm] s = Ok (pa, s1') ->
  (forall w, maps t w -> G w) -> D_low G "pool_alloc" [vm] s /\ G (word s1').
Proof.
  intros HR AL SA KG. destruct (alloc_sim _ _ _ _ _ HR AL) as (s2 & SA2 & R1 & (M1 & M2 & M3 & M4 & M5) & HT & FR).
  rewrite SA in SA2. injection SA2 as <-.
  assert (F : pa <> 0 -> page_free (maps t) pa).
  { intros PN. destruct (FR PN) as ((T1 & T2 & T3) & TF & _). apply maps_free; [|rewrite <- M5; exact TF].
    split; [exact T1|]. split; [exact T2|]. unfold in_roots in *. rewrite M1 in T3. exact T3. }
  split; [exact (alloc_always G (maps t) KG _ _ _ _ SA F (R_maps _ _ HR))|]. apply KG. exact (alloc_keeps (maps t) _ _ _ _ SA F (R_maps _ _ HR)).
Qed.

Lemma split_run args s t r t' : R s t -> h_s2_split args t = Ok (r, t') -> forall vm ipa, args = [vm; ipa] ->
  let l := [t; set_leaf vm 2 (block ipa) 0 t; t'] in
  always (on_words (between t l)) Low (D_low (between t l)) (code f_s2_split args) s.
Proof.
  intros HR. unfold h_s2_split. intros E0 vm ipa ->. revert E0. cbn zeta.
  set (b := block ipa). set (d := leaf t vm 2 b).
  destruct (_ && _) eqn:G; [|discriminate]. apply andb_true_iff in G as [G D]. apply andb_true_iff in G as [S H]. apply negb_true_iff, Z.eqb_neq in D.
  destruct (ipa_range _ _ _ S) as [V IR]. pose proof (block_range ipa IR) as B. fold b in B.
  assert (Vb : valid 2 vm b) by (apply valid2; auto). pose proof HR as (_ & _ & own & W).
  assert (N : s1 t vm (b / 512) <> 0) by (intros K; apply D; apply (r_none2 _ _ _ W vm b Vb K)).
  assert (T0 : tab t vm b = 0) by (destruct (Z.eqb_spec (tab t vm b) 0); [assumption|exfalso; apply D; apply (r_block _ _ _ W); auto]).
  assert (LK : leaf_ok d 2 = true) by (destruct (r_leaf2 _ _ _ W vm b Vb); [contradiction|assumption]).
  destruct (entry_present s t vm ipa 2 HR S ltac:(lia)) as (P & SE & WE & A8 & AR); [exact N|].
  change (number 2 ipa) with b in *.
  assert (ED : entry t vm ipa 2 = d) by (unfold entry; cbn [Z.eqb Pos.eqb]; fold b; rewrite T0; reflexivity).
  pose proof (held_R _ _ HR) as HH. rewrite H in HH. pose proof low_layer as HL. unfold L_s2 in HL.
  destruct (h_pool_alloc [vm] t) as [[pa t1]| |] eqn:AL; [|discriminate|discriminate]. intros E0.
  destruct (alloc_sim _ _ _ _ _ HR AL) as (s1' & SA & R1 & (M1 & M2 & M3 & M4 & M5) & HT & FR).
  set (l := [t; _; t']).
  assert (KG0 : forall w, maps t w -> between t l w).
  { intros w W0. apply (between_maps t l t); [exact W0|reflexivity|apply Exists_cons_hd; reflexivity]. }
  assert (KG : forall w, maps t1 w -> between t l w).
  { intros w W0. apply (between_maps t l t1); [exact W0|exact M1|apply Exists_cons_hd; exact M4]. }
  destruct (alloc_run s t vm pa t1 s1' (between t l) HR AL SA KG0) as [DA GA].
  assert (HP : on_words (between t l) s) by (apply KG0, R_maps, HR).
  assert (HH1 : held s1' = true) by (rewrite (held_R _ _ R1), HT; exact H).
  abegin f_s2_split [vm; ipa] HP. astep. quiet_call HL SE. do 2 astep. quiet_call HL (vttbr_R s t vm ipa HR S).
  do 3 astep. rewrite WE, ED. do 2 astep.
  eapply (wpa_call _ _ _ _ HL); [eval_tac | exact SA | intros _; exact DA | intros _; exact GA | cbn [put setv]; cbn beta iota].
  destruct (Z.eqb_spec pa 0) as [->|PN]; [asteps; exact I|].
  destruct (FR PN) as (TP & TF & ZR). pose proof TP as (TR & TM & TI).
  destruct (split_sum d LK) as (ES & M4d & q & rr & DD & Rr & Qr). change (2 ^ 21) with 2097152 in DD. change (2 ^ 34) with 17179869184 in Qr.
  assert (P8 : forall i, (pa + i * 8) mod 8 = 0) by (intros; apply mod8_slot; exact TM).
  pose proof (maps_free t1 pa TP TF) as F.
  do 5 astep. apply wpa_seq. set (e := addr t 2 vm b) in *.
  eapply (wpa_for0 _ _ _ (fun k env s' => s' = fill k pa (Z.lor d PTE_TABLE) s1' /\ maps t1 (word s') /\
    exists x, env = [Some vm; Some ipa; Some e; Some (vttbr_of t vm); Some d; Some pa; x])); try reflexivity.
  - cbn [modulus]; lia.
  - split; [reflexivity|]. split; [apply R_maps, R1|]. eexists; reflexivity.
  - intros k env s' Hk (-> & Wk & x & ->). cbn [setv]. pose proof (fill_held k pa (Z.lor d PTE_TABLE) s1') as FH. rewrite HH1 in FH.
    specialize (P8 (Z.of_nat k)). assert (Hk' : 0 <= Z.of_nat k < 512) by lia.
    pose proof (F _ (Z.of_nat k) (Z.lor d PTE_TABLE + Z.of_nat k * 4096) Hk' Wk) as K2. unfold PTE_TABLE in *.
    eapply (wpa_call _ _ _ _ HL);
      [eval_tac | lookup; simpl_prim; reflexivity | intros _; exact I | | cbn [put setv]; cbn beta iota].
    + intros _. apply KG. exact K2.
    + split; [reflexivity|]. split; [exact K2|]. eexists; reflexivity.
  - intros env s' (-> & Wf & x & ->). cbn [setv]. revert Wf. rewrite <- words_eq. intros Wf.
    pose proof (fill_held words pa (Z.lor d PTE_TABLE) s1') as FH. rewrite HH1 in FH.
    assert (FA : forall i, 0 <= i < 512 -> word (fill words pa (Z.lor d PTE_TABLE) s1') (pa + i * 8) = Z.lor d PTE_TABLE + i * 4096)
      by (intros; apply fill_at; rewrite words_eq; lia).
    set (f := fill words pa (Z.lor d PTE_TABLE) s1') in *.
    assert (T1 : tab t1 vm b = 0) by (rewrite M3; exact T0). assert (N1 : s1 t1 vm (b / 512) <> 0) by (rewrite M2; exact N).
    assert (P1 : present t1 2 vm b) by (split; [exact Vb|exact N1]).
    assert (EA : addr t1 2 vm b = e) by (unfold e, addr, tbase, root; rewrite M1, M2; reflexivity).
    assert (B1 : maps (set_leaf vm 2 b 0 t1) (upd (word f) e 0)) by (rewrite <- EA; apply maps_leaf; [exact Wf|left; reflexivity|exact P1|intros _; exact T1|left; reflexivity]).
    assert (G1 : between t l (upd (word f) e 0)).
    { apply (between_maps t l (set_leaf vm 2 b 0 t1)); [exact B1|exact M1|]. apply Exists_cons_tl, Exists_cons_hd.
      unfold set_leaf. cbn [leaf with_maps]. rewrite M4. reflexivity. }
    assert (G2 : between t l (upd (upd (word f) e 0) e (table_desc pa))).
    { injection E0 as _ <-.
      apply (between_maps t l (set_tab vm b pa (split_leaves vm b d (set_table (page pa) true t1)))); [|exact M1|apply Exists_cons_tl, Exists_cons_tl, Exists_cons_hd; reflexivity].
      destruct Wf as (own1 & W1). set (w' := upd (upd (word f) e 0) e (table_desc pa)).
      assert (WS : forall x, w' x = if x =? e then table_desc pa else word f x) by (intros x'; unfold w', upd; destruct (x' =? e); reflexivity).
      eapply (grow_tab own1 t1 _ (word f) w' vm b pa (fun i => Z.lor d PTE_TABLE + i * 4096) W1 V B N1 T1 TP TF).
      - intros i Hi. right. apply split_leaf_ok; [exact LK|exact Hi].
      - intros i Hi. rewrite WS. destruct (Z.eqb_spec (pa + i * 8) e) as [K|]; [|apply FA, Hi].
        exfalso. apply (addr_not_in W1 2 vm b pa (i * 8) P1 TP TF); [lia|]. rewrite EA. symmetry. exact K.
      - rewrite EA, WS, Z.eqb_refl. reflexivity.
      - intros l' v' n' Pn Na. rewrite WS. destruct (Z.eqb_spec (addr t1 l' v' n') e) as [K|]; [|reflexivity].
        exfalso. apply Na. rewrite <- EA in K. apply (addr_inj W1); [exact Pn|exact P1|exact K].
      - reflexivity.
      - reflexivity.
      - reflexivity.
      - intros v' m Vm. cbn [leaf set_tab split_leaves set_table with_maps].
        destruct (v' =? vm); cbn [Z.eqb Pos.eqb andb]; [|reflexivity]. destruct (m =? b); reflexivity.
      - intros v' m Vm. cbn [leaf set_tab split_leaves set_table with_maps].
        destruct (v' =? vm); cbn [Z.eqb Pos.eqb andb]; [|reflexivity]. destruct (m / 512 =? b); reflexivity.
      - reflexivity. }
    asteps. store_call HL G1. asteps. store_call HL G2. asteps. exact I.
Qed.

Section Prepare.
  Variable t0 : state.
  Let G := between t0 [t0].

  Lemma prepare_step_run s t vm ipa level l r t' (a b c d : option Z) (Q : @post state) : R s t ->
    cell t "root_base" 0 = cell t0 "root_base" 0 -> leaf t = leaf t0 -> stage2_ok t vm ipa = true -> held t = true -> l = 1 \/ l = 2 ->
    tbase t l vm (up l (number l ipa)) <> 0 -> prepare_level vm ipa l t = Ok (r, t') ->
    (forall e s', r <> 0 -> Q (Ok (ORet r, e, s'))) ->
    (forall a b c d s', r = 0 -> R s' t' -> cell t' "root_base" 0 = cell t0 "root_base" 0 -> leaf t' = leaf t0 -> held t' = true ->
       stage2_ok t' vm ipa = true -> tbase t' (l + 1) vm (up (l + 1) (number (l + 1) ipa)) <> 0 ->
       Q (Ok (ONext, [Some vm; Some ipa; Some level; a; b; c; d; Some l], s'))) ->
    wpa (on_words G) Low (D_low G) prepare_body Q [Some vm; Some ipa; Some level; a; b; c; d; Some l] s.
  Proof.
    intros HR RB LF S H L N PL QR QN. destruct (entry_present s t vm ipa l HR S ltac:(lia) N) as (P & SE & WE & A8 & AR).
    destruct (ipa_range _ _ _ S) as [V IR]. pose proof (gib_range ipa IR) as Gr. pose proof (block_range ipa IR) as B.
    pose proof (held_R _ _ HR) as HH. rewrite H in HH. unfold prepare_level in PL. cbn zeta in PL.
    pose proof HR as (_ & _ & own & W). pose proof low_layer as HL. unfold L_s2 in HL.
    assert (KG : forall w, maps t w -> G w).
    { intros w W0. apply (between_maps t0 [t0] t); [exact W0|exact RB|apply Exists_cons_hd; exact LF]. }
    assert (VV : (Z.land (entry t vm ipa l) 1 =? 0) = (entry t vm ipa l =? 0)).
    { rewrite entry_val by lia. eapply val_valid; eauto. apply P. }
    assert (IT : is_table (entry t vm ipa l) = negb ((if l =? 1 then s1 t vm (gib ipa) else tab t vm (block ipa)) =? 0)).
    { destruct L as [-> | ->]; [exact (is_table1 _ _ _ vm (gib ipa) W V Gr)|exact (is_table2 _ _ _ vm (block ipa) W V B)]. }
    assert (TB : forall u, tbase u (l + 1) vm (up (l + 1) (number (l + 1) ipa)) = if l =? 1 then s1 u vm (gib ipa) else tab u vm (block ipa)).
    { intros u. destruct L as [-> | ->]; unfold tbase, up, number; cbn [Z.eqb Pos.eqb Z.add Pos.add Pos.succ]; [rewrite block_gib|rewrite page_block]; reflexivity. }
    unfold prepare_body. cbn [fn_body f_s2_prepare].
    astep. quiet_call HL SE. do 3 astep. rewrite WE. do 2 astep. quiet_call HL (pte_is_table_at (entry t vm ipa l) s). do 3 astep.
    - (* a block is in the way *)
      props. destruct (is_table (entry t vm ipa l)) eqn:T; [cbn [b2z] in *; lia|].
      assert (E0 : (entry t vm ipa l =? 0) = false) by (rewrite <- VV; apply Z.eqb_neq; lia). rewrite E0 in PL. cbn [negb] in PL.
      injection PL as <- <-. asteps. apply QR. discriminate.
    - asteps.
      + (* nothing there *)
        rewrite b2z_zero in C0. destruct (is_table (entry t vm ipa l)) eqn:T; [discriminate|].
        assert (E0 : entry t vm ipa l = 0).
        { apply Z.eqb_eq. rewrite <- VV. cbn [b2z] in C. destruct (Z.land (entry t vm ipa l) 1 =? 0); [reflexivity|discriminate]. }
        rewrite E0 in PL. cbn [Z.eqb negb] in PL. destruct (h_pool_alloc [vm] t) as [[pa t1]| |] eqn:AL; try discriminate.
        destruct (alloc_sim _ _ _ _ _ HR AL) as (s' & SA & R1 & (M1 & M2 & M3 & M4 & M5) & HT & FR).
        destruct (alloc_run s t vm pa t1 s' G HR AL SA KG) as [DA GA].
        eapply (wpa_call _ _ _ _ HL); [eval_tac | exact SA | intros _; exact DA | intros _; exact GA | cbn [put setv]; cbn beta iota].
        destruct (Z.eqb_spec pa 0) as [->|PN].
        * injection PL as <- <-. asteps. apply QR. discriminate.
        * injection PL as <- <-. destruct (FR PN) as (TP & TF & ZR).
          assert (S1 : stage2_ok t1 vm ipa = true) by (unfold stage2_ok, roots_ok in *; rewrite M1; exact S).
          assert (HH1 : held s' = true) by (rewrite (held_R _ _ R1), HT; exact H).
          assert (EA : addr t1 l vm (number l ipa) = addr t l vm (number l ipa) /\ tbase t1 l vm (up l (number l ipa)) = tbase t l vm (up l (number l ipa))).
          { unfold addr, tbase, root. rewrite M1, M2, M3. auto. }
          destruct EA as [EA EB]. assert (EE : entry t1 vm ipa l = 0) by (unfold entry in *; rewrite M2, M3, M4; exact E0).
          destruct TP as (TP1 & TP2).
          assert (RL : R (setword (addr t l vm (number l ipa)) (table_desc pa) (record "dsb_store" [] s'))
            (if l =? 1 then set_s1 vm (gib ipa) pa (set_table (page pa) true (record "dsb_store" [] t1))
             else set_tab vm (block ipa) pa (set_table (page pa) true (record "dsb_store" [] t1)))).
          { rewrite <- EA. apply (R_link (record "dsb_store" [] s') (record "dsb_store" [] t1) vm ipa l pa (R_record _ _ _ _ R1) S1 L);
              [change (tbase t1 l vm (up l (number l ipa)) <> 0); rewrite EB; exact N|exact EE|split; [exact TP1|exact TP2]|exact TF|exact ZR]. }
          assert (RL2 : R (record "dsb_store" [] (setword (addr t l vm (number l ipa)) (table_desc pa) (record "dsb_store" [] s'))) (link_table vm ipa l pa t1))
            by (unfold link_table; apply R_record; exact RL).
          assert (FL : cell (link_table vm ipa l pa t1) "root_base" 0 = cell t0 "root_base" 0 /\ leaf (link_table vm ipa l pa t1) = leaf t0).
          { unfold link_table. destruct (l =? 1); (split; [exact (eq_trans M1 RB)|exact (eq_trans M4 LF)]). }
          destruct FL as [FL1 FL2].
          assert (G2 : G (word (setword (addr t l vm (number l ipa)) (table_desc pa) s'))).
          { destruct RL2 as (_ & _ & WL). refine (between_maps t0 [t0] (link_table vm ipa l pa t1) _ _ FL1 (Exists_cons_hd _ _ _ FL2)).
            exact WL. }
          asteps. store_call HL G2. asteps.
          apply QN; [reflexivity| |exact FL1|exact FL2| | |].
          -- exact RL2.
          -- unfold link_table. destruct (l =? 1); cbn [held record set_s1 set_tab set_table with_maps]; rewrite HT; exact H.
          -- unfold link_table, stage2_ok, roots_ok in *. destruct (l =? 1); exact S1.
          -- rewrite TB. unfold link_table. destruct (l =? 1); cbn [s1 tab record set_s1 set_tab set_table with_maps]; rewrite !Z.eqb_refl; exact PN.
      + (* a table *)
        rewrite b2z_zero in C0. destruct (is_table (entry t vm ipa l)) eqn:T; [|discriminate]. injection PL as <- <-.
        apply QN; auto. rewrite TB. symmetry in IT. apply negb_true_iff, Z.eqb_neq in IT. exact IT.
  Qed.
End Prepare.
