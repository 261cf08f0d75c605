(* SPDX-License-Identifier: GPL-2.0-only *)
(* The invariant under what the memory calls do: tables, leaves, owners. *)
From KCore Require Export top.Inv.

Ltac fields :=
  cbn [owner maps vm lf s1 tab vcpu cpu cnt stat logged set_owner set_maps set_vm set_lf set_s1 set_tab set_vcpu set_cpu
       add_cnt add_stat add_log change_vm change_vcpu change_cpu set_leaf set_call maps_add reclaim pool_give
       v_state v_type v_vcpus v_loaded v_pages v_tables v_base v_end v_cursor vm_with_state vm_with_vcpus vm_with_loaded
       vm_with_pages vm_with_tables vm_with_range vm_with_cursor v_guard vm_with_guard c_state c_power c_pending c_esr c_page c_cpu
       vcpu_with_state vcpu_with_power vcpu_with_pending u_vcpu u_run u_fp u_call cpu_with_vcpu cpu_with_run cpu_with_fp
       cpu_with_call l_page l_prot pages_of first_of] in *.
Ltac keys :=
  unfold upd, upd2 in *;
  repeat match goal with
  | |- context [?a =? ?b] => destruct (Z.eqb_spec a b); try subst; cbn [andb] in *
  | H : context [?a =? ?b] |- _ => destruct (Z.eqb_spec a b); try subst; cbn [andb] in *
  end.

Section InvMap.
Context {cfg : config}.

(* ------------------------------------------------------------------ what the invariant does not speak of *)

Lemma shrinks_cnt k d s : tables s -> shrinks s (add_cnt k d s).
Proof. intros [? ? ?]; split; fields; auto; split; auto. Qed.
Lemma shrinks_stat c k s : tables s -> shrinks s (add_stat c k s).
Proof. intros [? ? ?]; split; fields; auto; split; auto. Qed.
Lemma shrinks_log a b c s : tables s -> shrinks s (add_log a b c s).
Proof. intros [? ? ?]; split; fields; auto; split; auto. Qed.
Lemma shrinks_vm v f s : tables s -> security (f (vm s v)) = security (vm s v) -> shrinks s (change_vm v f s).
Proof. intros [? ? ?] E; split; fields; auto; [|split; auto]. intros w. keys; auto. Qed.

Lemma inv_stat c k s : inv s -> inv (add_stat c k s).
Proof. intros I. eapply inv_shrinks; [eauto|]. apply shrinks_stat, I. Qed.
Lemma inv_cnt k d s : inv s -> inv (add_cnt k d s).
Proof. intros I. eapply inv_shrinks; [eauto|]. apply shrinks_cnt, I. Qed.
Lemma inv_log a b c s : inv s -> inv (add_log a b c s).
Proof. intros I. eapply inv_shrinks; [eauto|]. apply shrinks_log, I. Qed.

Lemma tables_same s t : tables s -> lf t = lf s -> s1 t = s1 s -> tab t = tab s -> tables t.
Proof. intros [X Y Z] A B C. split; rewrite ?A, ?B, ?C; auto. Qed.

Definition no_flight (k : call) : Prop := forall v i p, k <> CDonate v i p.
Lemma inv_call c k s : inv s -> no_flight k -> inv (set_call c k s).
Proof.
  intros I N. split; fields; try solve [apply I]; try (intros x; apply I; fail).
  - intros w W. destruct (i_loaded s I w W) as [A B]. split; auto. keys; fields; auto.
  - intros d. keys; fields; apply (i_cpu s I).
  - intros d. keys; fields; apply (i_run s I).
  - intros d. keys; fields; apply (i_fp s I).
  - intros d v i p. keys; fields; [|apply (i_flight s I)]. intros ->. destruct (N v i p eq_refl).
  - intros d e v w i j p. keys; fields; intros A B; subst; try (edestruct N; eauto; fail); auto.
    eapply (i_flights s I); eauto.
  - apply (tables_same s); auto. apply I.
Qed.

Lemma finish_inv c r e ok s : inv s -> inv (o_pub (finish c r e ok s)).
Proof.
  intros I. unfold finish. cbn [o_pub]. assert (J : inv (add_stat c KCORE_STAT_host_call (set_call c CNone s))).
  { apply inv_stat, inv_call; auto. intros v i p; discriminate. }
  destruct (has_error r); auto using inv_stat.
Qed.
Lemma proceed_inv c k e ok s : inv s -> no_flight k -> inv (o_pub (proceed c k e ok s)).
Proof. intros; now apply inv_call. Qed.

(* ------------------------------------------------------------------ tables *)

Definition quiet (s t : pub) : Prop := shrinks s t /\ lf t = lf s.
Lemma quiet_trans s t u : quiet s t -> quiet t u -> quiet s u.
Proof. intros [A B] [C E]. split; [eapply shrinks_trans; eauto|congruence]. Qed.
Lemma quiet_refl s : tables s -> quiet s s.
Proof. split; auto using shrinks_refl. Qed.

Lemma pool_alloc_quiet v s t : tables s -> pool_alloc v s = Some t -> quiet s t /\ s1 t = s1 s /\ tab t = tab s.
Proof.
  intros T. unfold pool_alloc. destruct (_ || _); [discriminate|]. intros [= <-].
  destruct ((v =? HOST) && _); (split; [split; [split|]|]); fields; auto;
    try (intros; keys; reflexivity); apply (tables_same s); auto.
Qed.
Lemma pool_give_quiet v s : tables s -> quiet s (pool_give v s).
Proof.
  intros T. split; [split|]; fields; auto; [intros; keys; reflexivity|apply (tables_same s); auto].
Qed.

Lemma div512 i : i / 512 / 512 = i / 262144.
Proof. rewrite Z.div_div by lia. reflexivity. Qed.

Lemma s2_prepare_quiet v i level s : tables s ->
  match s2_prepare v i level s with
  | Fail _ t => quiet s t
  | Go t => quiet s t /\ s1 t v (i / 262144) = true /\ (level = 3 -> tab t v (i / 512) = true)
  end.
Proof.
  intros T. unfold s2_prepare.
  assert (N : forall t, quiet s t -> s1 t v (i / 262144) = true ->
    match (if level =? 3 then s2_prepare3 v i t else Go t) with
    | Fail _ u => quiet s u
    | Go u => quiet s u /\ s1 u v (i / 262144) = true /\ (level = 3 -> tab u v (i / 512) = true)
    end).
  { intros t Q S. pose proof (h_tables _ _ (proj1 Q)) as Tt.
    destruct (Z.eqb_spec level 3); [|split; [auto|split; [auto|intros; contradiction]]].
    unfold s2_prepare3. destruct (tab t v (i / 512)) eqn:E; auto.
    destruct (lf t v (Block (i / 512))) eqn:F; auto. destruct (pool_alloc v t) as [u|] eqn:G; auto.
    destruct (pool_alloc_quiet v t u Tt G) as ([A B] & C & D).
    split; [|fields; rewrite C; split; auto; intros _; keys; auto; congruence].
    apply (quiet_trans s t); auto. apply (quiet_trans t u); [split; auto|].
    split; [|reflexivity]. split; fields; auto. split; fields.
    - intros w k l L. pose proof (t_page u (h_tables _ _ A) w k l L) as [X Y]. split; auto. unfold upd2. rewrite Y. keys; auto.
    - intros w b l L. pose proof (t_block u (h_tables _ _ A) w b l L) as [X Y]. split; auto. unfold upd2. rewrite Y. keys; auto.
      rewrite B in L. congruence.
    - intros w b. rewrite C. keys; intros X; try (apply (t_table u (h_tables _ _ A)) in X; congruence).
      rewrite div512. auto. }
  destruct (s1 s v (i / 262144)) eqn:E; [apply N; auto using quiet_refl|].
  destruct (pool_alloc v s) as [u|] eqn:F; auto using quiet_refl.
  destruct (pool_alloc_quiet v s u T F) as ([A B] & C & D).
  apply N; [|fields; keys; auto; congruence].
  apply (quiet_trans s u); [split; auto|]. split; [|reflexivity]. pose proof (h_tables _ _ A) as [X Y Z].
  split; fields; auto. split; fields.
  - intros w k l L. destruct (X w k l L) as [H ->]. unfold upd2. rewrite H. keys; auto.
  - intros w b l L. destruct (Y w b l L) as [H ->]. unfold upd2. rewrite H. keys; auto.
  - intros w b L. unfold upd2. rewrite (Z w b L). keys; auto.
Qed.

Lemma first_block b : b * 512 / 262144 = b / 512.
Proof. change 262144 with (512 * 512). rewrite Z.div_mul_cancel_r by lia. reflexivity. Qed.

Lemma s2_free_table_shrinks v i level s : tables s -> shrinks s (s2_free_table v i level s).
Proof.
  intros [X Y Z]. unfold s2_free_table. destruct (level =? 2).
  - split; fields; auto.
    + intros w. keys; auto.
    + intros w [b|k]; auto. destruct (_ && _); auto.
    + split; fields.
      * intros w k l. destruct ((w =? v) && (k / 512 =? i / 512)) eqn:E; [discriminate|]. intros L.
        destruct (X w k l L) as [A B]. split; auto. unfold upd2. rewrite E. auto.
      * intros w b l L. destruct (Y w b l L) as [A B]. split; auto. unfold upd2. destruct (_ && _); auto.
      * intros w b. unfold upd2. destruct (_ && _); [discriminate|auto].
  - split; fields; auto.
    + intros w. keys; auto.
    + intros w x. destruct (_ && _); auto.
    + split; fields; unfold upd2.
      * intros w k l. destruct ((w =? v) && (k / 262144 =? i / 262144)) eqn:E; [discriminate|]. intros L.
        destruct (X w k l L) as [A B]. split; auto. rewrite div512, E. auto.
      * intros w b l. rewrite first_block. destruct ((w =? v) && (b / 512 =? i / 262144)) eqn:E; [discriminate|]. intros L.
        destruct (Y w b l L) as [A B]. split; auto.
      * intros w b. destruct ((w =? v) && (b / 512 =? i / 262144)) eqn:E; [discriminate|]. auto.
Qed.

Lemma shrinks_unset v x s : tables s -> shrinks s (set_leaf v x None s).
Proof.
  intros [X Y Z]. split; fields; auto.
  - intros w y. destruct (_ && _); auto.
  - split; fields.
    + intros w k l. destruct (_ && _); [discriminate|]. apply X.
    + intros w b l. destruct (_ && _); [discriminate|]. apply Y.
    + apply Z.
Qed.

(* ------------------------------------------------------------------ the host's stage 2 *)

Record host_changes (s t : pub) : Prop := {
  g_owner : owner t = owner s; g_maps : maps t = maps s; g_vcpu : vcpu t = vcpu s; g_cpu : cpu t = cpu s;
  g_vm : forall v, security (vm t v) = security (vm s v);
  g_lf : forall v x, v <> HOST -> lf t v x = lf s v x;
  g_host : forall x l, lf t HOST x = Some l -> l_page l = first_of x /\ forall p, covered p l x -> host_ok s p = true;
  g_tables : tables t
}.

Theorem inv_host_changes s t : inv s -> host_changes s t -> inv t.
Proof.
  intros I [Eo Em Ew Ec Ev El Eh Et].
  assert (S : forall v, v_state (vm t v) = v_state (vm s v)) by (intros v; apply (security_fields _ _ (Ev v))).
  assert (Y : forall v, v_type (vm t v) = v_type (vm s v)) by (intros v; apply (security_fields _ _ (Ev v))).
  assert (G : forall v, guarded t v <-> guarded s v) by (intros v; unfold guarded; rewrite Y; tauto).
  assert (O : forall p, host_ok t p = host_ok s p) by (intros p; unfold host_ok; rewrite Eo; auto).
  assert (V : forall v, is_vm v -> v <> HOST) by (unfold is_vm, HOST; lia).
  split; rewrite ?Eo, ?Em, ?Ew, ?Ec; intros; try rewrite S in *; try rewrite G in *; auto.
  - destruct (Eh x l) as [A B]; auto. split; auto. intros p C. rewrite O. auto.
  - apply (i_vm s I). auto.
  - rewrite El by auto. apply (i_free s I); auto.
  - rewrite El in * by auto. apply (i_guarded s I); auto.
  - rewrite El in * by auto. eapply (i_once s I v); eauto.
  - rewrite O. rewrite El in * by auto. apply (i_normal s I v x l); auto.
  - apply (i_owner s I p); auto.
  - apply (covers_mono (uses s p) _ (maps s p)); [apply (i_maps s I)| |lia]. intros [w|v x]; cbn; rewrite ?Ew; auto.
    rewrite G, Eo. intros (A & B & C & l & D & E). rewrite El in D by auto. eauto 10.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & _ & _ & ->).
    apply (covers_mono (has s v) _ (v_pages (vm s v))); [apply (i_pages s I); auto| |lia].
    intros [p|x]; cbn; rewrite ?Eo; [rewrite G; auto|]. rewrite El by auto. destruct (lf s v x); rewrite ?G; auto.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & -> & _).
    apply (covers_mono (vcpu_of s v) _ (v_vcpus (vm s v))); [apply (i_vcpus s I)| |lia]. intros w; unfold vcpu_of; rewrite Ew; auto.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & _ & -> & _).
    apply (covers_mono (loaded_of s v) _ (v_loaded (vm s v))); [apply (i_loads s I)| |lia].
    intros w; unfold loaded_of; rewrite Ew; auto.
  - apply (i_vcpu s I); auto.
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - destruct (i_flight s I c v i p) as (A & B & C & D); auto. repeat split; auto; try apply A.
    intros x l L. rewrite El in L by auto. eauto.
  - eapply (i_flights s I); eauto.
Qed.

Lemma in_dram_dram p n : in_dram p n = true -> forall q, p <= q < p + Z.of_nat n -> dram q = true.
Proof.
  unfold in_dram. rewrite andb_true_iff. intros [D F] q Q. pose proof (forall_range _ _ _ F q Q) as E. cbn in E.
  unfold dram in *. apply Z.eqb_eq in E. rewrite E. auto.
Qed.

Lemma block_whole_ok i s : block_whole i s = true -> forall p, i / 512 * 512 <= p < i / 512 * 512 + 512 -> host_ok s p = true.
Proof.
  unfold block_whole. intros H p Q. unfold host_ok. destruct (in_dram _ _) eqn:E.
  - rewrite (in_dram_dram _ _ E) by lia. unfold all_host_owned in H. eapply (forall_range _ _ _ H); lia.
  - apply andb_true_iff in H as [A B]. pose proof (forall_range _ _ _ A p) as X. pose proof (forall_range _ _ _ B p) as Y.
    cbn in X, Y. destruct (dram p); [discriminate X; lia|]. apply Y; lia.
Qed.

Lemma set_host_leaf x l s : inv s -> l_page l = first_of x -> (forall p, covered p l x -> host_ok s p = true) ->
  (match x with
   | Page i => s1 s HOST (i / 262144) = true /\ tab s HOST (i / 512) = true
   | Block b => s1 s HOST (b / 512) = true /\ tab s HOST b = false
   end) -> inv (set_leaf HOST x (Some l) s).
Proof.
  intros I F C B. apply (inv_host_changes s); auto. split; fields; auto.
  - intros v y N. destruct (Z.eqb_spec v HOST); [contradiction|auto].
  - intros y m. rewrite Z.eqb_refl; cbn [andb]. destruct (place_eqb_spec y x); [|apply (i_host s I)].
    intros [= <-]. subst. auto.
  - destruct (i_tables s I) as [X Y Z]. split; fields; auto.
    + intros v i m. destruct (Z.eqb_spec v HOST); cbn [andb]; eauto. destruct (place_eqb_spec (Page i) x); eauto. subst. auto.
    + intros v b m. destruct (Z.eqb_spec v HOST); cbn [andb]; eauto. destruct (place_eqb_spec (Block b) x); eauto. subst. auto.
Qed.

Lemma host_map_inv i s : inv s -> match host_map i s with Fail _ t => inv t | Go t => inv t end.
Proof.
  intros I. unfold host_map. destruct (host_ok s i) eqn:Ok; cbn [negb]; auto.
  pose proof (s2_prepare_quiet HOST i 2 s (i_tables s I)) as Q. destruct (s2_prepare HOST i 2 s) as [r t|t].
  { apply (inv_shrinks s); auto. apply Q. }
  destruct Q as (Q & S1 & _). assert (It : inv t) by (apply (inv_shrinks s); auto; apply Q).
  set (level := if s2_level t HOST i =? 2 then if block_whole i t then 2 else 3 else 3).
  assert (LV : level = 3 \/ level = 2 /\ s2_level t HOST i = 2 /\ block_whole i t = true).
  { subst level. destruct (Z.eqb_spec (s2_level t HOST i) 2); auto. destruct (block_whole i t); auto. }
  clearbody level.
  pose proof (s2_prepare_quiet HOST i level t (i_tables t It)) as Q'. destruct (s2_prepare HOST i level t) as [r u|u] eqn:E.
  { apply (inv_shrinks t); auto. apply Q'. }
  destruct Q' as (Q' & S1' & T). assert (Iu : inv u) by (apply (inv_shrinks t); auto; apply Q').
  assert (H : forall p, host_ok u p = host_ok s p).
  { intros p. unfold host_ok. rewrite (h_owner _ _ (proj1 Q')), (h_owner _ _ (proj1 Q)). auto. }
  destruct (Z.eqb_spec level 2) as [L2|L2].
  - apply set_host_leaf; fields; auto.
    + unfold covered; fields. intros p C. rewrite H.
      destruct LV as [?|(_ & _ & W)]; [congruence|].
      assert (X := block_whole_ok i t W p). unfold host_ok in *. rewrite <- (h_owner _ _ (proj1 Q)). apply X. lia.
    + rewrite div512. split; auto.
      destruct LV as [?|(_ & W & _)]; [congruence|]. revert W E. subst level. unfold s2_level, s2_prepare. rewrite S1.
      destruct (tab t HOST (i / 512)) eqn:TT; cbn; [discriminate|]. intros _ [= <-]. auto.
  - apply set_host_leaf; fields; auto.
    + unfold covered; fields. intros p C. replace p with i by lia. rewrite H. auto.
    + split; auto. apply T. destruct LV as [?|(? & _)]; congruence.
Qed.

Lemma host_fault_inv i perm s : inv s -> inv (snd (host_fault i perm s)).
Proof.
  intros I. unfold host_fault. destruct (_ || _); cbn; auto. destruct (leaf_over s HOST i); cbn; auto.
  pose proof (host_map_inv i s I). destruct (host_map i s); auto.
Qed.

(* After it, no leaf of the host covers the page. *)
Definition host_without (p : Z) (s : pub) : Prop := forall x l, lf s HOST x = Some l -> ~ covered p l x.

Definition same_rest (s t : pub) : Prop :=
  owner t = owner s /\ maps t = maps s /\ vcpu t = vcpu s /\ cpu t = cpu s /\
  (forall v, security (vm t v) = security (vm s v)) /\ (forall v x, v <> HOST -> lf t v x = lf s v x).

Lemma host_leaf_place x p l s : inv s -> lf s HOST x = Some l -> covered p l x -> x = Page p \/ x = Block (p / 512).
Proof.
  intros I L C. destruct (i_host s I x l L) as [E _]. unfold covered in C. rewrite E in C.
  destruct x as [b|i]; fields; [right|left]; f_equal; [|lia].
  apply Z.div_unique with (r := p - b * 512); lia.
Qed.

Lemma host_prepare_unmap_inv p s : inv s ->
  match host_prepare_unmap p s with
  | Fail _ t => inv t
  | Go t => inv t /\ host_without p (host_unmap p t) /\ inv (host_unmap p t) /\ same_rest s (host_unmap p t)
  end.
Proof.
  intros I. unfold host_prepare_unmap.
  assert (U : forall t, inv t -> same_rest s t -> lf t HOST (Block (p / 512)) = None ->
    inv t /\ host_without p (host_unmap p t) /\ inv (host_unmap p t) /\ same_rest s (host_unmap p t)).
  { intros t It R B. unfold host_unmap. destruct (Z.eqb_spec (s2_level t HOST p) 3) as [E|E].
    - assert (J : inv (set_leaf HOST (Page p) None t)) by (apply (inv_shrinks t); auto; apply shrinks_unset, It).
      split; auto. split; [|split; auto].
      + intros x l L C. destruct (host_leaf_place x p l _ J L C) as [-> | ->]; fields; revert L; rewrite Z.eqb_refl; cbn.
        * rewrite Z.eqb_refl. discriminate.
        * rewrite B. discriminate.
      + destruct R as (A1 & A2 & A6 & A3 & A4 & A5). repeat split; fields; auto.
        intros v x N. destruct (Z.eqb_spec v HOST); [contradiction|]. cbn [andb]. auto.
    - split; auto. split; [|auto]. intros x l L C. destruct (host_leaf_place x p l _ It L C) as [-> | ->]; [|congruence].
      destruct (t_page t (i_tables t It) _ _ _ L) as [X Y]. unfold s2_level in E. rewrite X, Y in E. congruence. }
  assert (R : same_rest s s) by (repeat split; auto).
  destruct (Z.eqb_spec (s2_level s HOST p) 2) as [E|E].
  - destruct (lf s HOST (Block (p / 512))) as [l|] eqn:B; [|auto]. unfold s2_split.
    destruct (pool_alloc HOST s) as [t|] eqn:F; [|auto].
    destruct (pool_alloc_quiet HOST s t (i_tables s I) F) as ([Q L] & S1 & Tb).
    destruct (i_host s I _ _ B) as [P1 P2]. destruct (t_block s (i_tables s I) _ _ _ B) as [X Y].
    assert (J : inv (set_tab (upd2 (tab t) HOST (p / 512) true) (set_lf (fun j x => if j =? HOST then
        match x with
        | Block b => if b =? p / 512 then None else lf t j x
        | Page i => if i / 512 =? p / 512 then Some (mkleaf (l_page l + i mod 512) (l_prot l)) else lf t j x
        end else lf t j x) t))).
    { apply (inv_host_changes s); auto. destruct Q as [Qo Qm Qw Qc Qv Ql Qt]. split; fields; auto.
      - intros v x N. destruct (Z.eqb_spec v HOST); [contradiction|]. now rewrite L.
      - intros x m. rewrite Z.eqb_refl, L. destruct x as [b|i].
        + destruct (b =? p / 512); [discriminate|]. apply (i_host s I).
        + destruct (Z.eqb_spec (i / 512) (p / 512)) as [D|D]; [|apply (i_host s I)]. intros [= <-]. fields.
          pose proof (Z.div_mod i 512). split; [lia|]. intros q C. apply P2. unfold covered in *. fields.
          pose proof (Z.mod_pos_bound i 512). lia.
      - split; fields; unfold upd2; rewrite ?S1, ?Tb, ?L.
        + intros v i m. destruct (Z.eqb_spec v HOST); subst; cbn [andb]; [|apply (t_page s (i_tables s I))].
          destruct (Z.eqb_spec (i / 512) (p / 512)) as [D|D]; [|apply (t_page s (i_tables s I))].
          intros _. split; auto. rewrite <- div512, D. auto.
        + intros v b m. destruct (Z.eqb_spec v HOST); subst; cbn [andb]; [|apply (t_block s (i_tables s I))].
          destruct (b =? p / 512); [discriminate|]. apply (t_block s (i_tables s I)).
        + intros v b. destruct (_ && _) eqn:D; [|apply (t_table s (i_tables s I))]. intros _.
          apply andb_true_iff in D as [D1 D2]. apply Z.eqb_eq in D1, D2. subst. auto. }
    apply U; auto.
    + destruct Q as [Qo Qm Qw Qc Qv Ql Qt]. repeat split; fields; auto.
      intros v x N. destruct (Z.eqb_spec v HOST); [contradiction|]. now rewrite L.
    + fields. rewrite !Z.eqb_refl. auto.
  - apply U; auto. destruct (lf s HOST (Block (p / 512))) as [l|] eqn:B; auto. exfalso.
    destruct (t_block s (i_tables s I) _ _ _ B) as [X Y]. apply E. unfold s2_level. rewrite <- div512, X, Y. auto.
Qed.
End InvMap.
