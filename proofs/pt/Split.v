(* SPDX-License-Identifier: GPL-2.0-only *)
(* s2_split: 512 pages in a new table, then break, then make. *)
From KCore Require Export pt.S2map.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The new table after k stores. *)
Fixpoint fill (k : nat) (pa d : Z) (s : state) : state :=
  match k with O => s | S k => setword (pa + Z.of_nat k * 8) (d + Z.of_nat k * 4096) (fill k pa d s) end.

Lemma fill_words k pa d s : fill k pa d s = setwords (word (fill k pa d s)) s.
Proof.
  induction k as [|k IH]; [destruct s; reflexivity|]. cbn [fill]. set (z := fill k pa d s) in *. unfold setword. rewrite IH. reflexivity.
Qed.
Lemma fill_rest k pa d s : cell (fill k pa d s) = cell s /\ (forall b i, reg (fill k pa d s) b i = reg s b i) /\
  held (fill k pa d s) = held s /\ trace (fill k pa d s) = trace s /\ answer (fill k pa d s) = answer s.
Proof. rewrite fill_words. repeat split. Qed.
Lemma fill_held k pa d s : held (fill k pa d s) = held s.
Proof. induction k; auto. Qed.
Lemma fill_at k pa d s i : 0 <= i < Z.of_nat k -> word (fill k pa d s) (pa + i * 8) = d + i * 4096.
Proof.
  induction k as [|k IH]; [lia|]. intros Hi. cbn [fill]. rewrite word_setword.
  destruct (Z.eqb_spec (pa + i * 8) (pa + Z.of_nat k * 8)) as [E|N]; [replace i with (Z.of_nat k) by lia; reflexivity|]. apply IH. lia.
Qed.
Lemma fill_out k pa d s a : (forall i, 0 <= i < Z.of_nat k -> a <> pa + i * 8) -> word (fill k pa d s) a = word s a.
Proof.
  induction k as [|k IH]; [reflexivity|]. intros H. cbn [fill]. rewrite word_setword.
  destruct (Z.eqb_spec a (pa + Z.of_nat k * 8)) as [E|N]; [exfalso; apply (H (Z.of_nat k)); lia|]. apply IH. intros i Hi. apply H. lia.
Qed.

Lemma split_sim : sim_prim R (run L_s2 f_s2_split) h_s2_split.
Proof.
  intros args s t HR. unfold h_s2_split. destruct args as [|vm [|ipa [|]]]; try exact I. cbn zeta.
  set (b := block ipa). set (d := leaf t vm 2 b).
  destruct (_ && _) eqn:G; [|exact I]. apply andb_true_iff in G as [G D]. apply andb_true_iff in G as [S H]. apply negb_true_iff, Z.eqb_neq in D.
  destruct (ipa_range _ _ _ S) as [V IR]. pose proof (block_range ipa IR) as B. fold b in B.
  assert (Vb : valid 2 vm b) by (apply valid2; auto). pose proof HR as (_ & _ & own & W).
  assert (N : s1 t vm (b / 512) <> 0) by (intros K; apply D; apply (r_none2 _ _ _ W vm b Vb K)).
  assert (T0 : tab t vm b = 0) by (destruct (Z.eqb_spec (tab t vm b) 0); [assumption|exfalso; apply D; apply (r_block _ _ _ W); auto]).
  assert (LK : leaf_ok d 2 = true) by (destruct (r_leaf2 _ _ _ W vm b Vb); [contradiction|assumption]).
  destruct (entry_present s t vm ipa 2 HR S ltac:(lia)) as (P & SE & WE & A8 & AR); [exact N|].
  change (number 2 ipa) with b in *.
  assert (ED : entry t vm ipa 2 = d) by (unfold entry; cbn [Z.eqb Pos.eqb]; fold b; rewrite T0; reflexivity).
  pose proof (held_R _ _ HR) as HH. rewrite H in HH.
  destruct (h_pool_alloc [vm] t) as [[pa t1]| |] eqn:AL;
    [|exfalso; exact (alloc_no_halt vm t AL)|exact I].
  destruct (alloc_sim _ _ _ _ _ HR AL) as (s1' & SA & R1 & (M1 & M2 & M3 & M4 & M5) & HT & FR).
  destruct (Z.eqb_spec pa 0) as [->|PN]; apply yields_sim; unfold L_s2; start f_s2_split; do 2 step; rewrite SE; cbn [returns_to put setv];
    do 3 step; rewrite (vttbr_R s t vm ipa) by auto; cbn [returns_to put setv]; step; step; step; rewrite WE, ED; step; step; step;
    rewrite SA; cbn [returns_to put setv].
  - steps. cbn [ends_in result fst snd]. auto.
  - destruct (FR PN) as (TP & TF & ZR). destruct TP as (TR & TM & TI).
    destruct (split_sum d LK) as (ES & M4d & q & r & DD & Rr & Qr). change (2 ^ 21) with 2097152 in DD. change (2 ^ 34) with 17179869184 in Qr.
    assert (HH1 : held s1' = true) by (rewrite (held_R _ _ R1), HT; exact H).
    assert (P8 : forall i, (pa + i * 8) mod 8 = 0) by (intros; apply mod8_slot; exact TM).
    do 3 step. (* past the test of the allocation *)
    apply wp_seq. set (e := addr t 2 vm b) in *.
    eapply (wp_for0 _ (fun k env s' => s' = fill k pa (Z.lor d PTE_TABLE) s1' /\
      exists x, env = [Some vm; Some ipa; Some e; Some (vttbr_of t vm); Some d; Some pa; x])); try reflexivity.
    + cbn [modulus]; lia.
    + split; [reflexivity|]. eexists; reflexivity.
    + intros k env s' _ Hk (-> & x & ->). cbn [setv]. pose proof (fill_held k pa (Z.lor d PTE_TABLE) s1') as FH. rewrite HH1 in FH.
      specialize (P8 (Z.of_nat k)). steps. split; [|eexists; reflexivity]. cbn [fill]. unfold PTE_TABLE in *. rewrite ES.
      rewrite wrap_small by (cbn [modulus]; lia). reflexivity.
    + intros env s' (-> & x & ->). cbn [setv]. rewrite <- words_eq. pose proof (fill_held words pa (Z.lor d PTE_TABLE) s1') as FH. rewrite HH1 in FH.
      set (f := fill words pa (Z.lor d PTE_TABLE) s1') in *.
      change (Z.lor (Z.lor pa 2) 1) with (table_desc pa). steps. change (Z.lor (Z.lor pa 2) 1) with (table_desc pa). cbn [ends_in result fst snd]. split; [reflexivity|].
      apply R_record.
      destruct R1 as (SR & A & own1 & W1).
      set (t' := set_tab vm b pa _). set (s' := setword e (table_desc pa) _).
      assert (WS : forall a, word s' a = if a =? e then table_desc pa else word f a).
      { intros a. unfold s'. cbn [word setword setwords record]. destruct (a =? e); reflexivity. }
      assert (TP1 : table_page t1 pa) by (split; [exact TR|split; [exact TM|exact TI]]).
      assert (P1 : forall l v n, present t1 l v n <-> present t l v n) by (intros; unfold present, tbase, root; rewrite M1, M2, M3; reflexivity).
      assert (EA : forall l v n, addr t1 l v n = addr t l v n) by (intros; unfold addr, tbase, root; rewrite M1, M2, M3; reflexivity).
      assert (OUT : forall l v n i, present t l v n -> 0 <= i < 512 -> addr t l v n <> pa + i * 8).
      { intros l v n i Pn Hi. rewrite <- EA. apply (addr_not_in W1); auto; [apply P1; exact Pn|lia]. }
      split; [|split].
      * destruct (fill_rest words pa (Z.lor d PTE_TABLE) s1') as (F1 & F2 & F3 & F4 & F5). fold f in F1, F2, F3, F4, F5.
        destruct SR as (C1 & C2 & C3 & C4 & C5). unfold same_rest, s', t'.
        cbn [cell reg held trace answer setword setwords record set_tab split_leaves set_table with_maps].
        rewrite F1, F3, F4, F5, C1, C3, C4, C5. repeat split. intros bank i. rewrite F2. apply C2.
      * intros a Pa _. change (word t' a) with (word t1 a). rewrite WS.
        assert (Pt : plain t1 a = true /\ page a <> page pa).
        { unfold plain, aligned, in_roots, t' in *. cbn [cell table record set_tab split_leaves set_table with_maps] in Pa.
          destruct (Z.eqb_spec (page a) (page pa)); [rewrite andb_false_r in Pa; discriminate|auto]. }
        destruct Pt as [Pt NP]. destruct (Z.eqb_spec a e) as [->|].
        -- exfalso. unfold e in Pt. rewrite <- EA in Pt. exact (addr_not_plain W1 2 vm b _ (proj2 (P1 _ _ _) P) Pt eq_refl).
        -- unfold f. rewrite fill_out; [apply A; auto|]. intros i Hi K. apply NP. rewrite K. apply page_in; [exact TM|]. rewrite words_eq in Hi. lia.
      * eapply (grow_tab own1 t1 t' (word s1') (word s') vm b pa (fun i => Z.lor d PTE_TABLE + i * 4096)); auto.
        -- rewrite M2. exact N.
        -- rewrite M3. exact T0.
        -- intros i Hi. right. apply split_leaf_ok; auto.
        -- intros i Hi. rewrite WS. destruct (Z.eqb_spec (pa + i * 8) e) as [K|]; [exfalso; apply (OUT 2 vm b i P Hi); auto|].
           unfold f. apply fill_at. rewrite words_eq. lia.
        -- rewrite EA, WS. fold e. rewrite Z.eqb_refl. reflexivity.
        -- intros l v n Pn Na. rewrite EA, WS. apply P1 in Pn. destruct (Z.eqb_spec (addr t l v n) e) as [K|].
           ++ exfalso. apply Na. apply (addr_inj W); auto.
           ++ unfold f. apply fill_out. intros i Hi. rewrite words_eq in Hi. apply OUT; [exact Pn|lia].
        -- intros v m Vm. unfold t'. cbn [leaf record set_tab split_leaves set_table with_maps]. rewrite M4.
           destruct (v =? vm); cbn [Z.eqb Pos.eqb andb]; [|reflexivity]. destruct (m =? b); reflexivity.
        -- intros v m Vm. unfold t'. cbn [leaf record set_tab split_leaves set_table with_maps]. rewrite M4.
           destruct (v =? vm); cbn [Z.eqb Pos.eqb andb]; [|reflexivity]. destruct (m / 512 =? b); reflexivity.
Qed.
