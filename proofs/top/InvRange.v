(* SPDX-License-Identifier: GPL-2.0-only *)
(* The invariant under mappings of normal VMs, and under every memory call, section by section. *)
From KCore Require Export top.InvOwn.

Section InvRange.
Context {cfg : config}.

Lemma inside_spec k lo n : inside k lo n = true <-> lo <= k < lo + n.
Proof. unfold inside. rewrite andb_true_iff, Z.leb_le, Z.ltb_lt. tauto. Qed.
Lemma inside_false k lo n : inside k lo n = false -> ~ (lo <= k < lo + n).
Proof. intros E H. apply inside_spec in H. congruence. Qed.

(* ------------------------------------------------------------------ a leaf to the host's pages goes *)

Definition dropped (v : Z) (x : place) (l : leaf) (s : pub) : pub :=
  let t := set_leaf v x None s in
  let u := if dram (l_page l) then maps_add (l_page l) (pages_of x) (-1) t else t in
  change_vm v (fun r => vm_with_pages (v_pages r - 1) r) u.

Lemma dropped_inv v x l s : inv s -> is_vm v -> lf s v x = Some l ->
  (forall p, covered p l x -> dram p = dram (l_page l) /\ (guarded s v -> owner s p <> v)) -> inv (dropped v x l s).
Proof.
  intros I V L G. assert (Cl : covered (l_page l) l x) by (unfold covered; destruct x; cbn; lia). destruct (G _ Cl) as [_ Gl].
    pose proof (vm_not_host v V) as NH.
  assert (Tt : tables (dropped v x l s)).
  { apply (tables_same (set_leaf v x None s)); [|unfold dropped; destruct (dram _); reflexivity..].
    apply (h_tables s), shrinks_unset, I. }
  remember (dropped v x l s) as t eqn:Et.
  assert (Eo : owner t = owner s) by (subst; unfold dropped; destruct (dram _); auto).
  assert (Ew : vcpu t = vcpu s) by (subst; unfold dropped; destruct (dram _); auto).
  assert (Ec : cpu t = cpu s) by (subst; unfold dropped; destruct (dram _); auto).
  assert (Ev : vm t = upd (vm s) v (vm_with_pages (v_pages (vm s v) - 1) (vm s v)))
    by (subst; unfold dropped; destruct (dram _); auto).
  assert (El : forall w y, lf t w y = if (w =? v) && place_eqb y x then None else lf s w y)
    by (subst; unfold dropped; destruct (dram _); auto).
  assert (Em : forall p, maps t p = if dram (l_page l) && inside p (l_page l) (pages_of x) then maps s p - 1 else maps s p).
  { rewrite Et; unfold dropped; intros p; destruct (dram (l_page l)); fields; cbn [andb]; auto. }
  clear Et.
  assert (K : forall w, guarded t w <-> guarded s w) by (intros w; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall w, v_state (vm t w) = v_state (vm s w)) by (intros w; rewrite Ev; keys; auto).
  assert (H : forall q, host_ok t q = host_ok s q) by (intros q; unfold host_ok; rewrite Eo; auto).
  assert (Q : forall w y m, lf t w y = Some m -> lf s w y = Some m /\ ~ (w = v /\ y = x)).
  { intros w y m. rewrite El. destruct (Z.eqb_spec w v), (place_eqb_spec y x); cbn [andb]; intros; split; auto; try discriminate; tauto. }
  clear El.
  split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Ew, ?Ev, ?Ec, ?H in *; auto.
  - apply Q in H0 as [H0 _]. destruct (i_host s I x0 l0) as [A B]; auto. split; auto. intros p C. rewrite H. auto.
  - apply (i_vm s I); auto.
  - destruct (lf t v0 x0) eqn:E; auto. apply Q in E as [E _]. rewrite (i_free s I) in E; auto.
  - apply Q in H2 as [H2 _]. apply (i_guarded s I); auto.
  - apply Q in H2 as [H2 _], H3 as [H3 _]. eapply (i_once s I v0); eauto.
  - apply Q in H2 as [H2 _]. apply (i_normal s I v0 x0 l0); auto.
  - apply (i_owner s I p); auto.
  - rewrite Em. destruct (dram (l_page l) && inside p (l_page l) (pages_of x)) eqn:E.
    + apply andb_true_iff in E as [E1 E2]. apply inside_spec in E2.
      apply (covers_sub user_dec (uses s p) _ _ (ULeaf v x)); [apply (i_maps s I)| |].
      * destruct (G p E2) as [F1 F2]. cbn. repeat split; try apply V; auto; [congruence|]. exists l. auto.
      * intros [w|w y]; cbn; rewrite ?Ew, ?K, ?Eo; [split; auto; discriminate|]. intros (A & B & C & m & X & Y).
        apply Q in X as [X X']. split; [repeat split; try apply A; eauto|]. intros [= -> ->]. tauto.
    + apply (covers_mono (uses s p) _ (maps s p)); [apply (i_maps s I)| |lia]. intros [w|w y]; cbn; rewrite ?Ew, ?K, ?Eo; auto.
      intros (A & B & C & m & X & Y). apply Q in X as [X _]. eauto 10.
  - destruct (Z.eq_dec v0 v) as [->|E]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in E as E'; rewrite E']; fields.
    + apply (covers_sub asset_dec (has s v) _ _ (ALeaf x)); [apply (i_pages s I); auto|cbn; rewrite L; auto|].
      intros [q|y]; cbn; rewrite ?Eo; [rewrite K; split; [auto|discriminate]|]. intros A.
      destruct (lf t v y) as [m|] eqn:E; [|contradiction]. rewrite K in A. apply Q in E as [-> E']. split; [auto|]. intros [= ->]. tauto.
    + apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |lia].
      intros [q|y]; cbn; rewrite ?Eo; [rewrite K; auto|]. intros A. destruct (lf t v0 y) as [m|] eqn:F; [|contradiction].
      rewrite K in A. apply Q in F as [-> _]. auto.
  - apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold vcpu_of; rewrite Ew; auto.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold loaded_of; rewrite Ew; auto.
  - apply (i_vcpu s I); auto.
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - destruct (i_flight s I c v0 i p) as (A & B & C & E); auto. split; auto. split; auto. split; auto.
    intros y m Y. apply Q in Y as [Y _]. eauto.
  - eapply (i_flights s I); eauto.
Qed.

(* ------------------------------------------------------------------ a leaf of a normal VM comes *)

Definition mapped (v : Z) (x : place) (p prot : Z) (n : nat) (s : pub) : pub :=
  let s := if in_dram p n then maps_add p (pages_of x) 1 s else s in
  let s := change_vm v (fun r => vm_with_pages (v_pages r + 1) r) s in
  set_leaf v x (Some (mkleaf p prot)) s.

Lemma mapped_inv v x p prot n s : inv s -> is_vm v -> ~ guarded s v -> v_state (vm s v) <> VM_FREE ->
  Z.of_nat n = pages_of x ->
  (forall q, p <= q < p + pages_of x -> host_ok s q = true /\ dram q = in_dram p n) ->
  (match x with
   | Page i => s1 s v (i / 262144) = true /\ tab s v (i / 512) = true
   | Block b => s1 s v (b / 512) = true /\ tab s v b = false
   end) -> inv (mapped v x p prot n s).
Proof.
  intros I V G F N C B. pose proof (vm_not_host v V) as NH.
  assert (Dp : dram p = in_dram p n) by (apply C; destruct x; cbn; lia).
  assert (Tt : tables (mapped v x p prot n s)).
  { destruct (i_tables s I) as [X Y Z]. split; unfold mapped; intros w y.
    - intros l. destruct (in_dram p n); fields; destruct (Z.eqb_spec w v); cbn [andb]; eauto;
        destruct (place_eqb_spec (Page y) x); eauto; subst; auto.
    - intros l. destruct (in_dram p n); fields; destruct (Z.eqb_spec w v); cbn [andb]; eauto;
        destruct (place_eqb_spec (Block y) x); eauto; subst; auto.
    - destruct (in_dram p n); fields; auto. }
  remember (mapped v x p prot n s) as t eqn:Et.
  assert (Eo : owner t = owner s) by (subst; unfold mapped; destruct (in_dram _ _); auto).
  assert (Ew : vcpu t = vcpu s) by (subst; unfold mapped; destruct (in_dram _ _); auto).
  assert (Ec : cpu t = cpu s) by (subst; unfold mapped; destruct (in_dram _ _); auto).
  assert (Ev : vm t = upd (vm s) v (vm_with_pages (v_pages (vm s v) + 1) (vm s v)))
    by (subst; unfold mapped; destruct (in_dram _ _); auto).
  assert (El : forall w y, lf t w y = if (w =? v) && place_eqb y x then Some (mkleaf p prot) else lf s w y)
    by (subst; unfold mapped; destruct (in_dram _ _); auto).
  assert (Em : forall q, maps t q = if in_dram p n && inside q p (pages_of x) then maps s q + 1 else maps s q)
    by (subst; unfold mapped; destruct (in_dram _ _); auto).
  clear Et.
  assert (K : forall w, guarded t w <-> guarded s w) by (intros w; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall w, v_state (vm t w) = v_state (vm s w)) by (intros w; rewrite Ev; keys; auto).
  assert (H : forall q, host_ok t q = host_ok s q) by (intros q; unfold host_ok; rewrite Eo; auto).
  assert (Q : forall w y m, lf t w y = Some m -> (w = v /\ y = x /\ m = mkleaf p prot) \/ lf s w y = Some m).
  { intros w y m. rewrite El. destruct (Z.eqb_spec w v), (place_eqb_spec y x); cbn [andb]; auto. intros [= <-]. auto. }
  clear El.
  split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Ew, ?Ev, ?Ec, ?H in *; auto.
  - destruct (Q _ _ _ H0) as [(E & _)|E]; [congruence|]. destruct (i_host s I x0 l) as [A D]; auto. split; auto. intros q X. rewrite H. auto.
  - apply (i_vm s I); auto.
  - destruct (lf t v0 x0) eqn:E; auto. destruct (Q _ _ _ E) as [(-> & _)|X]; [contradiction|]. rewrite (i_free s I) in X; auto.
  - destruct (Q _ _ _ H2) as [(-> & _)|X]; [contradiction|]. apply (i_guarded s I); auto.
  - destruct (Q _ _ _ H2) as [(-> & _)|X]; [contradiction|]. destruct (Q _ _ _ H3) as [(-> & _)|Y]; [contradiction|].
    eapply (i_once s I v0); eauto.
  - destruct (Q _ _ _ H2) as [(-> & -> & ->)|X]; [|apply (i_normal s I v0 x0 l); auto]. fields. rewrite Dp. apply C. apply H3.
  - apply (i_owner s I p0); auto.
  - rewrite Em. destruct (in_dram p n && inside p0 p (pages_of x)) eqn:E.
    + apply (covers_add user_dec (uses s p0) _ _ (ULeaf v x)); [apply (i_maps s I)|].
      intros [w|w y]; cbn; rewrite ?Ew, ?K, ?Eo; auto. intros (A & D & X & m & Y & Z).
      destruct (Q _ _ _ Y) as [(-> & -> & _)|Y']; eauto 10.
    + apply (covers_mono (uses s p0) _ (maps s p0)); [apply (i_maps s I)| |lia]. intros [w|w y]; cbn; rewrite ?Ew, ?K, ?Eo; auto.
      intros (A & D & X & m & Y & Z). destruct (Q _ _ _ Y) as [(-> & -> & ->)|Y']; [|eauto 10]. exfalso.
      assert (R : p <= p0 < p + pages_of x) by apply Z. destruct (C p0 R) as [_ W]. rewrite X in W.
      rewrite <- W in E. cbn in E. apply (inside_false _ _ _ E R).
  - destruct (Z.eq_dec v0 v) as [->|E]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in E as E'; rewrite E']; fields.
    + apply (covers_add asset_dec (has s v) _ _ (ALeaf x)); [apply (i_pages s I); auto|].
      intros [q|y]; cbn; rewrite ?Eo; [rewrite K; auto|]. intros A.
      destruct (lf t v y) as [m|] eqn:E; [|contradiction]. rewrite K in A. destruct (Q _ _ _ E) as [(_ & -> & _)|X]; auto. left. rewrite X. auto.
    + apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |lia].
      intros [q|y]; cbn; rewrite ?Eo; [rewrite K; auto|]. intros A. destruct (lf t v0 y) as [m|] eqn:X; [|contradiction].
      rewrite K in A. destruct (Q _ _ _ X) as [(Y & _)|Y]; [contradiction|]. rewrite Y. auto.
  - apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold vcpu_of; rewrite Ew; auto.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold loaded_of; rewrite Ew; auto.
  - apply (i_vcpu s I); auto.
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - destruct (i_flight s I c v0 i p0) as (A & D & X & E); auto. split; auto. split; auto. split; auto.
    intros y m Y. destruct (Q _ _ _ Y) as [(-> & _)|Z]; [|eauto]. exfalso.
    destruct (i_owner s I p0) as (_ & Z & _); rewrite ?X; auto using vm_not_core. rewrite X in Z. auto.
  - eapply (i_flights s I); eauto.
Qed.

(* ------------------------------------------------------------------ the sections *)

Definition good (o : out) : Prop := o_ok o = true /\ inv (o_pub o).
Lemma done_good c r s : inv s -> good (done c r s).
Proof. intros I. split; [reflexivity|]. now apply finish_inv. Qed.
Lemma finish_good c r e ok s : ok = true -> inv s -> good (finish c r e ok s).
Proof. intros -> I. split; [reflexivity|]. now apply finish_inv. Qed.
Lemma proceed_good c k e ok s : ok = true -> inv s -> no_flight k -> good (proceed c k e ok s).
Proof. intros -> I N. split; [reflexivity|]. now apply inv_call. Qed.

Lemma leaf_drop_good v i level s : inv s -> is_vm v ->
  match leaf_drop v i level s with (_, t, _, ok) => inv t /\ ok = true end.
Proof.
  intros I V. pose proof (vm_not_host v V) as NH. unfold leaf_drop. destruct (level =? 1); auto.
  destruct (lf s v (level_place level i)) as [l|] eqn:L; auto.
  assert (J : inv (set_leaf v (level_place level i) None s)) by (apply (inv_shrinks s); auto; apply shrinks_unset, I).
  assert (Cl : forall q, covered q l (level_place level i) -> (guarded s v -> q = l_page l) /\ dram q = dram (l_page l)).
  { intros q C. destruct (guarded_dec s v) as [E|E].
    - destruct (i_guarded s I v _ l NH E L) as ((j & Y) & _). rewrite Y in C. unfold covered in C. cbn in C. replace q with (l_page l) by lia. auto.
    - destruct (i_normal s I v _ l NH E L q C) as [_ F]. split; auto. tauto. }
  destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED && (owner s (l_page l) =? v)) eqn:E.
  - apply andb_true_iff in E as [E O]. apply is_true in E, O. destruct (i_guarded s I v _ l NH E L) as (_ & Dp & _). split; [|now apply reclaim_is_ok].
    apply reclaim_inv; auto.
    + intros x m. rewrite set_leaf_lf, Z.eqb_refl; cbn [andb]. destruct (place_eqb_spec x (level_place level i)) as [X|X]; [discriminate|].
      intros M Y. apply X. apply (i_once s I v x _ m l); auto.
    + intros c w j F. cbn in F. destruct (i_flight s I c w j _ F) as (A & _ & B & C).
      rewrite O in B. subst w. apply (C _ _ L). auto.
  - assert (G : guarded s v -> owner s (l_page l) <> v).
    { intros G O. apply andb_false_iff in E. destruct E as [E|E]; apply is_false in E; auto. }
    split; [apply dropped_inv; auto; intros q C; destruct (Cl q C) as [C1 C2]; split; auto; intros X; rewrite (C1 X); auto|].
    apply andb_true_iff. split.
    + destruct (dram (l_page l)) eqn:Dp; auto. cbn. apply forallb_forall. intros q Q. apply range_in in Q. apply Z.leb_le.
      assert (C : covered q l (level_place level i)).
      { unfold covered, level_place in *. destruct (level =? 3); cbn in *; lia. }
      destruct (Cl q C) as [F1 F2].
      apply (covers_pos _ _ (ULeaf v (level_place level i)) (i_maps s I q)). cbn. split; [exact V|].
      split; [intros X; rewrite (F1 X); auto|]. split; [congruence|]. exists l. auto.
    + apply Z.leb_le. apply (covers_pos _ _ (ALeaf (level_place level i)) (i_pages s I v V)). cbn. rewrite L. auto.
Qed.

Lemma reap_entry_good v s : inv s -> match reap_entry v s with (_, t, _, ok) => inv t /\ ok = true end.
Proof.
  intros I. unfold reap_entry. destruct (_ && _) eqn:E; auto. apply andb_true_iff in E as [E _]. apply is_true in E.
  assert (V : is_vm v) by (apply (named_vm s v VM_DYING); auto; discriminate).
  pose proof (leaf_drop_good v (v_cursor (vm s v)) (s2_level s v (v_cursor (vm s v))) s I V) as L.
  destruct (leaf_drop _ _ _ _) as [[[was t] e] ok]. destruct L as [L ->]. split; auto.
  assert (M : inv (reap_tables v (s2_level s v (v_cursor (vm s v))) (v_cursor (vm s v))
            (v_cursor (vm s v) + level_pages (s2_level s v (v_cursor (vm s v)))) t)).
  { unfold reap_tables. apply (inv_shrinks t); auto.
    destruct (_ && _); destruct (_ && _); try apply s2_free_table_shrinks; try apply shrinks_refl; try apply L.
    eapply shrinks_trans; [apply s2_free_table_shrinks, L|]. apply s2_free_table_shrinks.
    eapply h_tables, s2_free_table_shrinks, L. }
  apply (inv_shrinks _ _ M). apply shrinks_vm; [apply M|reflexivity].
Qed.

Lemma reap_pass_good v s : inv s -> inv (reap_pass v s).
Proof.
  intros I. unfold reap_pass. destruct (_ <? _); auto. apply (inv_shrinks s); auto. apply shrinks_vm; [apply I|reflexivity].
Qed.
Lemma reap_one_good v s : inv s -> match reap_one v s with (_, t, _, ok) => inv t /\ ok = true end.
Proof.
  intros I. unfold reap_one. pose proof (reap_entry_good v s I) as R. destruct (reap_entry v s) as [[[r t] e] ok]. destruct R as [R ->].
  split; auto. destruct (r =? 0); auto using reap_pass_good.
Qed.

Lemma normal_check_vm s v : inv s -> normal_check s v = 0 -> is_vm v /\ ~ guarded s v /\ v_state (vm s v) <> VM_FREE.
Proof.
  intros I. unfold normal_check. destruct (is (v_state (vm s v)) VM_FREE) eqn:A; [discriminate|]. apply is_false in A.
  destruct (is (v_state (vm s v)) VM_DYING); [discriminate|]. destruct (is (v_type (vm s v)) KCORE_VM_NORMAL) eqn:B; [|discriminate].
  intros _. apply is_true in B. split; [apply (i_vm s I); auto|]. split; auto. unfold guarded. rewrite B. discriminate.
Qed.

Lemma range_drop_good v i s : inv s -> match range_drop v i s with (_, _, _, t, _, ok) => inv t /\ ok = true end.
Proof.
  intros I. unfold range_drop. destruct (Z.eqb_spec (normal_check s v) 0) as [E|E]; cbn [negb]; auto.
  destruct (normal_check_vm s v I E) as (V & _ & _). pose proof (leaf_drop_good v i (s2_level s v i) s I V) as L.
  destruct (leaf_drop _ _ _ _) as [[[was t] e] ok]. auto.
Qed.

Lemma map_check_ok p n prot s : map_check p n prot s = 0 ->
  forall q, p <= q < p + Z.of_nat n -> host_ok s q = true /\ dram q = in_dram p n.
Proof.
  unfold map_check. destruct (in_dram p n) eqn:E.
  - destruct (device prot); [discriminate|]. destruct (all_host_owned p n s) eqn:F; [|discriminate]. intros _ q Q.
    unfold host_ok. rewrite (in_dram_dram p n E q Q). split; auto. apply (forall_range _ _ _ F q Q).
  - destruct (forallb (fun q => negb (dram q)) (range p n)) eqn:F; cbn [negb]; [|discriminate].
    destruct (device prot); cbn [negb]; [|discriminate]. destruct (forallb (fun q => negb (denied q)) (range p n)) eqn:G; [|discriminate].
    intros _ q Q. pose proof (forall_range _ _ _ F q Q) as X. pose proof (forall_range _ _ _ G q Q) as Y. cbn in X, Y.
    unfold host_ok. destruct (dram q); [discriminate|]. auto.
Qed.

Lemma map_prepare_quiet v i level s : inv s -> level = 3 \/ level = 2 ->
  match map_prepare v i level s with
  | Fail _ t => shrinks s t
  | Go t => shrinks s t /\ s1 t v (i / 262144) = true /\ (level = 3 -> tab t v (i / 512) = true) /\
            (level = 2 -> tab t v (i / 512) = false)
  end.
Proof.
  intros I L. unfold map_prepare. pose proof (s2_prepare_quiet v i level s (i_tables s I)) as Q.
  destruct (s2_prepare v i level s) as [r t|t]; [apply Q|]. destruct Q as ([Q _] & S1 & T).
  destruct (_ && negb _) eqn:E; [apply Q|]. clear E.
  destruct ((level =? 2) && (s2_level t v i =? 3)) eqn:E.
  - apply andb_true_iff in E as [E _]. apply Z.eqb_eq in E. subst.
    assert (X : shrinks s (s2_free_table v i 2 t)).
    { eapply shrinks_trans; [apply Q|]. apply s2_free_table_shrinks. apply Q. }
    destruct (lf _ _ _); auto. split; auto. split; [exact S1|]. split; [discriminate|]. intros _.
    unfold s2_free_table; cbn -[Z.div]. fields. unfold upd2. now rewrite !Z.eqb_refl.
  - destruct (lf _ _ _); auto. split; auto. split; auto. split; auto. intros ->. cbn in E. unfold s2_level in E.
    rewrite S1 in E. destruct (tab t v (i / 512)); auto; discriminate.
Qed.

Lemma map_leaf_inv v i p level prot s : inv s -> level = 3 \/ level = 2 -> inv (snd (map_leaf v i p level prot s)).
Proof.
  intros I L. unfold map_leaf. destruct (Z.eqb_spec (normal_check s v) 0) as [E|E]; cbn [negb snd]; auto.
  destruct (Z.eqb_spec (map_check p (if level =? 3 then 1%nat else 512%nat) prot s) 0) as [F|F]; cbn [negb snd]; auto.
  destruct (normal_check_vm s v I E) as (V & G & NF).
  pose proof (map_prepare_quiet v i level s I L) as Q. destruct (map_prepare v i level s) as [r t|t]; cbn [snd].
  { apply (inv_shrinks s); auto. }
  destruct Q as (Q & S1 & T & T'). assert (It : inv t) by (apply (inv_shrinks s); auto).
  replace (level_pages level) with (pages_of (level_place level i)) by (destruct L; subst; reflexivity).
  apply mapped_inv; auto.
  - unfold guarded. destruct (security_fields _ _ (h_vm _ _ Q v)) as (_ & -> & _). auto.
  - destruct (security_fields _ _ (h_vm _ _ Q v)) as (-> & _). auto.
  - destruct L; subst; reflexivity.
  - intros q C. pose proof (map_check_ok _ _ _ _ F q) as X. unfold host_ok in *. rewrite (h_owner _ _ Q). apply X.
    destruct L; subst; cbn -[in_dram] in *; lia.
  - destruct L; subst; cbn [level_place Z.eqb Pos.eqb]; auto. rewrite div512. auto.
Qed.

Ltac calls := intros ? ? ?; discriminate.

Lemma go_clear_good c v i p n prot at_ k s : inv s -> good (go_clear c v i p n prot at_ k s).
Proof.
  intros I. unfold go_clear. pose proof (range_drop_good v at_ s I) as R.
  destruct (range_drop v at_ s) as [[[[[r m] was] t] e] ok]. destruct R as [R ->].
  destruct (r =? 0); cbn [negb]; [|apply finish_good; auto]. destruct (_ || _); apply proceed_good; auto; calls.
Qed.
Lemma go_leaf_good c v i p n prot first s : inv s -> good (go_leaf c v i p n prot first s).
Proof.
  intros I. unfold go_leaf. pose proof (map_leaf_inv v i p (if n =? 1 then 3 else 2) prot s I) as M.
  destruct (map_leaf _ _ _ _ _ _) as [r t]. assert (It : inv t) by (apply M; destruct (n =? 1); auto).
  destruct (_ && _); [apply proceed_good; auto; calls|apply done_good; auto].
Qed.
Lemma go_unmap_good c v at_ fin d k age s : inv s -> good (go_unmap c v at_ fin d k age s).
Proof.
  intros I. unfold go_unmap. pose proof (range_drop_good v at_ s I) as R.
  destruct (range_drop v at_ s) as [[[[[r m] was] t] e] ok]. destruct R as [R ->].
  destruct (r =? 0); cbn [negb]; [|apply finish_good; auto]. destruct (_ <=? _); [apply finish_good; auto|].
  destruct (_ <=? _); [apply finish_good; auto|apply proceed_good; auto; calls].
Qed.
Lemma protect_next_good c v at_ fin k m e ok s : inv s -> ok = true -> good (protect_next c v at_ fin k m e ok s).
Proof.
  intros I ->. unfold protect_next. destruct (_ <=? _); [apply finish_good; auto|].
  destruct (_ <=? _); [apply finish_good; auto|apply proceed_good; auto; calls].
Qed.
Lemma go_protect_good c v at_ fin k s : inv s -> good (go_protect c v at_ fin k s).
Proof.
  intros I. unfold go_protect. destruct (_ =? 0); cbn [negb]; [|apply done_good; auto].
  destruct (leaf_over s v at_) as [l|]; [|apply protect_next_good; auto].
  destruct (writable _); [apply proceed_good; auto; calls|apply protect_next_good; auto].
Qed.
Lemma go_protect_drop_good c v at_ fin k l block s : inv s -> good (go_protect_drop c v at_ fin k l block s).
Proof.
  intros I. unfold go_protect_drop. pose proof (range_drop_good v at_ s I) as R.
  destruct (range_drop v at_ s) as [[[[[r m] was] t] e] ok]. destruct R as [R ->].
  destruct (r =? 0); cbn [negb]; [apply proceed_good; auto; calls|apply finish_good; auto].
Qed.
Lemma go_reap_good c v got k s : inv s -> good (go_reap c v got k s).
Proof.
  intros I. unfold go_reap. pose proof (reap_one_good v s I) as R. destruct (reap_one v s) as [[[r t] e] ok]. destruct R as [R ->].
  destruct (r =? 2); [apply finish_good; auto|]. destruct (r =? 3); [apply finish_good; auto|].
    destruct (_ || _); [apply finish_good; auto|apply proceed_good; auto; calls].
Qed.

Lemma donate_map_good c v i p s : inv s -> u_call (cpu s c) = CDonate v i p -> good (donate_map c v i p s).
Proof.
  intros I C. unfold donate_map. destruct (i_flight s I c v i p C) as (V & Dp & O & L).
  assert (G : guarded s v).
  { destruct (i_owner s I p) as (_ & A & _); rewrite ?O; auto using vm_not_core, vm_not_host. rewrite O in A; auto. }
  destruct (_ || _) eqn:E.
  - split; [now apply reclaim_is_ok|].
    assert (J : inv (reclaim v p (set_call c CNone s))).
    { apply reclaim_inv; auto; [apply inv_call; auto; calls|]. intros d w j. fields. unfold upd.
      destruct (Z.eqb_spec d c); fields; [discriminate|]. intros X. apply n. eapply (i_flights s I); eauto. }
    unfold finish; cbn [o_pub]. change (set_call c CNone (reclaim v p s)) with (reclaim v p (set_call c CNone s)).
    destruct (has_error _); auto using inv_stat.
  - apply orb_false_iff in E as [E F]. apply orb_false_iff in E as [_ E].
    destruct (lf s v (Page i)) eqn:X; [discriminate|]. apply negb_false_iff, Z.eqb_eq in E.
    unfold s2_level in E. destruct (s1 s v (i / 262144)) eqn:S1; [|discriminate].
    destruct (tab s v (i / 512)) eqn:T; [|discriminate].
    pose proof (land_inv c v i p s I C X S1 T) as J. unfold land_page in J. split; [reflexivity|].
    unfold done, finish; cbn [o_pub]. destruct (has_error 0); auto using inv_stat.
Qed.

Lemma donate_take_good c v i p s : sound -> inv s -> u_call (cpu s c) = CNone -> good (donate_take c v i p s).
Proof.
  intros B I C. unfold donate_take, ensure. rewrite !B. cbn [orb].
  destruct (is (v_state (vm s v)) VM_FREE); [apply done_good; auto|].
  destruct (is (v_state (vm s v)) VM_READY) eqn:R; cbn [negb orb]; [|apply done_good; auto]. apply is_true in R.
  destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED) eqn:G; cbn [negb orb]; [|apply done_good; auto]. apply is_true in G.
  destruct (_ || _); [apply done_good; auto|].
  destruct (dram p) eqn:Dp; cbn [negb]; [|apply done_good; auto].
  destruct (is (owner s p) OWNER_HOST) eqn:O; cbn [negb]; [|apply done_good; auto]. apply is_true in O.
  destruct (is (maps s p) 0) eqn:M; cbn [negb]; [|apply done_good; auto]. apply is_true in M.
  pose proof (s2_prepare_quiet v i 3 s (i_tables s I)) as Q. destruct (s2_prepare v i 3 s) as [r t|t].
  { apply done_good, (inv_shrinks s); auto. apply Q. }
  destruct Q as ([Q QL] & _ & _). assert (It : inv t) by (apply (inv_shrinks s); auto).
  destruct (lf t v (Page i)); [apply done_good; auto|].
  pose proof (host_prepare_unmap_inv p t It) as H. destruct (host_prepare_unmap p t) as [r u|u]; [apply done_good; auto|].
  destruct H as (_ & W & Iu & Ro & Rm & Rv & Rc & Rs & Rl).
  assert (V : is_vm v) by (apply (named_vm s v VM_READY); auto; discriminate).
  split; [reflexivity|]. cbn [proceed o_pub]. 
  apply (take_inv c v i p (host_unmap p u)); auto.
  - unfold guarded. destruct (security_fields _ _ (Rs v)) as (_ & -> & _). destruct (security_fields _ _ (h_vm _ _ Q v)) as (_ & -> & _). auto.
  - destruct (security_fields _ _ (Rs v)) as (-> & _). destruct (security_fields _ _ (h_vm _ _ Q v)) as (-> & _). auto.
  - rewrite Ro, (h_owner _ _ Q). auto.
  - rewrite Rm, (h_maps _ _ Q). auto.
Qed.

Theorem hgo_good c s : inv s -> good (hgo c s).
Proof.
  intros I. unfold hgo. destruct (u_call (cpu s c)) eqn:E.
  - split; auto.
  - now apply donate_map_good.
  - now apply go_clear_good.
  - now apply go_leaf_good.
  - now apply go_unmap_good.
  - now apply go_protect_good.
  - now apply go_protect_drop_good.
  - unfold go_protect_map. set (level := if block then 2 else 3).
    pose proof (map_leaf_inv v (round_down at_ (level_pages level)) (l_page l) level (Z.ldiff (l_prot l) KCORE_PROT_W) s I) as M.
    destruct (map_leaf _ _ _ _ _ _) as [r t]. assert (It : inv t) by (apply M; subst level; destruct block; auto).
    destruct (_ =? _); [apply done_good; auto|apply protect_next_good; auto].
  - now apply go_reap_good.
Qed.
End InvRange.
