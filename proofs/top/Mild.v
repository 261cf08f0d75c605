(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * What the sections of a memory call leave alone: vCPUs, who runs where, VM records, other VMs' leaves; and that no page
 * comes back to the host unscrubbed, nor is a page scrubbed that isn't the VM's.
 *)
From KCore Require Export top.InvStep.

Section Mild.
Context {cfg : config}.

Definition life (r : vmrec) := (v_state r, v_type r, v_base r, v_end r, v_guard r).
Definition place_of_cpu (r : cpurec) := (u_vcpu r, u_run r, u_fp r).

Record mild (v : Z) (e : list effect) (s t : pub) : Prop := {
  d_vcpu : vcpu t = vcpu s;
  d_cpu : forall c, place_of_cpu (cpu t c) = place_of_cpu (cpu s c);
  d_vm : forall u, life (vm t u) = life (vm s u);
  d_lf : forall u x, u <> HOST -> u <> v -> lf t u x = lf s u x;
  d_own : forall p, owner t p = owner s p \/
    ((owner t p = OWNER_HOST \/ owner t p = v) /\ (owner s p = OWNER_HOST \/ In (Scrub p) e))
}.
Lemma d_owner v e s t : mild v e s t -> forall p, owner t p = OWNER_HOST -> owner s p = OWNER_HOST \/ In (Scrub p) e.
Proof. intros M p O. destruct (d_own _ _ _ _ M p) as [E|[_ E]]; [left; congruence|auto]. Qed.
(* Another VM's page stays its own, and none becomes its own. *)
Lemma mild_other v e s t w p : mild v e s t -> w <> OWNER_HOST -> w <> v -> (In (Scrub p) e -> owner s p <> w) -> (owner t p =? w) = (owner s p =? w).
Proof.
  intros M N V S. destruct (d_own _ _ _ _ M p) as [->|[A B]]; auto. transitivity false; [|symmetry]; apply Z.eqb_neq; [destruct A; congruence|].
  destruct B as [B|B]; [congruence|auto].
Qed.

Lemma mild_refl v e s : mild v e s s.
Proof. split; auto. Qed.
Lemma mild_trans v e s t u : mild v e s t -> mild v e t u -> mild v e s u.
Proof.
  intros [A B C D E] [A' B' C' D' E']. split; try congruence.
  - intros w x N M. rewrite D'; auto.
  - intros p. destruct (E p) as [X|[X1 X2]], (E' p) as [Y|[Y1 Y2]].
    + left. congruence.
    + right. split; auto. rewrite <- X. auto.
    + right. rewrite Y. auto.
    + right. auto.
Qed.
Lemma mild_weaken v e f s t : mild v e s t -> (forall x, In x e -> In x f) -> mild v f s t.
Proof. intros [A B C D E] I. split; auto. intros p. destruct (E p) as [?|[X [Y|Y]]]; auto 6. Qed.

(* Closes goals about single updates. *)
Ltac updates :=
  split; fields; auto;
  try (intros; unfold upd; destruct (_ =? _) eqn:?EQ; [apply Z.eqb_eq in EQ; subst|]; auto; reflexivity);
  try (intros u ? ? ?; match goal with |- context [u =? ?b] => destruct (Z.eqb_spec u b) end; [contradiction|]; cbn [andb]; auto; fail).

Lemma mild_call v e c k s : mild v e s (set_call c k s).
Proof. updates. Qed.
Lemma mild_cnt v e k d s : mild v e s (add_cnt k d s).
Proof. updates. Qed.
Lemma mild_stat v e c k s : mild v e s (add_stat c k s).
Proof. updates. Qed.
Lemma mild_vm v e w f s : life (f (vm s w)) = life (vm s w) -> mild v e s (change_vm w f s).
Proof. intros H. split; fields; auto. intros u. unfold upd. destruct (Z.eqb_spec u w); subst; auto. Qed.
Lemma mild_finish v e c r f ok s : mild v e s (o_pub (finish c r f ok s)).
Proof.
  unfold finish; cbn [o_pub]. eapply mild_trans; [apply (mild_call v e c CNone)|]. destruct (has_error r).
  - eapply mild_trans; apply mild_stat.
  - apply mild_stat.
Qed.
Lemma mild_done v e c r s : mild v e s (o_pub (done c r s)).
Proof. apply mild_finish. Qed.
Lemma mild_proceed v e c k f ok s : mild v e s (o_pub (proceed c k f ok s)).
Proof. apply mild_call. Qed.

Lemma mild_alloc v e w s t : pool_alloc w s = Some t -> mild v e s t.
Proof.
  unfold pool_alloc. destruct (_ || _); [discriminate|]. intros [= <-].
  eapply mild_trans; [|apply mild_vm; reflexivity]. destruct ((w =? HOST) && _); [|apply mild_cnt].
  eapply mild_trans; apply mild_cnt.
Qed.
Lemma mild_prepare v e w i level s : match s2_prepare w i level s with Fail _ t | Go t => mild v e s t end.
Proof.
  assert (N : forall t, mild v e s t -> match (if level =? 3 then s2_prepare3 w i t else Go t) with Fail _ u | Go u => mild v e s u end).
  { intros t M. destruct (level =? 3); auto. unfold s2_prepare3. destruct (tab t w (i / 512)); auto.
    destruct (lf t w _); auto. destruct (pool_alloc w t) as [u|] eqn:E; auto.
    eapply mild_trans; [apply M|]. eapply mild_trans; [apply (mild_alloc _ _ _ _ _ E)|]. updates. }
  unfold s2_prepare. destruct (s1 s w (i / 262144)); [apply N, mild_refl|].
  destruct (pool_alloc w s) as [u|] eqn:E; [|apply mild_refl]. apply N.
  eapply mild_trans; [apply (mild_alloc _ _ _ _ _ E)|]. updates.
Qed.
Lemma mild_leaf v e x l s : mild v e s (set_leaf v x l s).
Proof. updates. Qed.
Lemma mild_host_leaf v e x l s : mild v e s (set_leaf HOST x l s).
Proof. updates. Qed.
Lemma mild_free_table v e i level s : mild v e s (s2_free_table v i level s).
Proof.
  unfold s2_free_table. eapply mild_trans; [eapply mild_trans; [apply (mild_cnt v e KCORE_STAT_pool_free 1)|]|].
  - apply (mild_vm v e v (fun r => vm_with_tables (v_tables r - 1) r)). reflexivity.
  - fold (pool_give v s). destruct (level =? 2); split; auto; intros u x N M; cbn.
    + destruct x; auto. destruct (Z.eqb_spec u v); [contradiction|auto].
    + destruct (Z.eqb_spec u v); [contradiction|auto].
Qed.
Lemma mild_host_prepare v e p s : match host_prepare_unmap p s with Fail _ t | Go t => mild v e s t end.
Proof.
  unfold host_prepare_unmap. destruct (_ =? 2); [|apply mild_refl]. destruct (lf s HOST _); [|apply mild_refl].
  unfold s2_split. destruct (pool_alloc HOST s) as [t|] eqn:E; [|apply mild_refl].
  eapply mild_trans; [apply (mild_alloc _ _ _ _ _ E)|]. updates.
Qed.
Lemma mild_host_unmap v e p s : mild v e s (host_unmap p s).
Proof. unfold host_unmap. destruct (_ =? 3); [apply mild_host_leaf|apply mild_refl]. Qed.
Lemma mild_maps v e p n d s : mild v e s (maps_add p n d s).
Proof. updates. Qed.
Lemma mild_reclaim v e p s : In (Scrub p) e -> mild v e s (reclaim v p s).
Proof.
  intros I. unfold reclaim. eapply mild_trans; [|apply mild_cnt]. eapply mild_trans; [|apply mild_cnt].
  eapply mild_trans; [|apply mild_vm; reflexivity]. split; fields; auto. intros q. unfold upd. destruct (Z.eqb_spec q p); subst; auto 6.
Qed.
Lemma mild_take v e p s t : mild v e s t -> owner s p = OWNER_HOST -> mild v e s (set_owner (upd (owner t) p v) t).
Proof. intros [A B C D E] O. split; fields; auto. intros q. unfold upd. destruct (Z.eqb_spec q p); subst; auto 6. Qed.

(* The effects of the memory calls: scrubs of pages that the VM owns, and the host's registers. *)
Definition plain (v : Z) (s : pub) (e : effect) : Prop :=
  match e with Scrub p => owner s p = v | HostX _ _ _ => True | _ => False end.

Lemma reclaim_plain v p s : sound -> owner s p = v -> Forall (plain v s) (reclaim_effect p) /\ In (Scrub p) (reclaim_effect p).
Proof. intros B O. unfold reclaim_effect, ensure. rewrite B. cbn. auto. Qed.

Lemma leaf_drop_mild v i level s : sound -> inv s -> is_vm v ->
  match leaf_drop v i level s with (_, t, e, _) => mild v e s t /\ Forall (plain v s) e end.
Proof.
  intros B I V. pose proof (vm_not_host v V) as NH. unfold leaf_drop. destruct (level =? 1); [split; auto using mild_refl|].
  destruct (lf s v (level_place level i)) as [l|] eqn:L; [|split; auto using mild_refl].
  destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED && (owner s (l_page l) =? v)) eqn:E.
  - apply andb_true_iff in E as [_ O]. apply Z.eqb_eq in O. destruct (reclaim_plain v (l_page l) s B O) as [F G].
    split; auto. eapply mild_trans; [apply mild_leaf|]. apply mild_reclaim; auto.
  - split; auto. eapply mild_trans; [apply (mild_leaf v [] (level_place level i) None)|].
    eapply mild_trans; [|apply mild_vm; reflexivity]. destruct (dram _); [apply mild_maps|apply mild_refl].
Qed.

Lemma reap_entry_mild v s : sound -> inv s ->
  match reap_entry v s with (_, t, e, _) => mild v e s t /\ Forall (plain v s) e end.
Proof.
  intros B I. unfold reap_entry. destruct (_ && _) eqn:E; [|split; auto using mild_refl]. apply andb_true_iff in E as [E _]. apply is_true in E.
  assert (V : is_vm v) by (apply (named_vm s v VM_DYING); auto; discriminate).
  pose proof (leaf_drop_mild v (v_cursor (vm s v)) (s2_level s v (v_cursor (vm s v))) s B I V) as L.
  destruct (leaf_drop _ _ _ _) as [[[was t] e] ok]. destruct L as [L F]. split; auto.
  eapply mild_trans; [apply L|]. eapply mild_trans; [|apply mild_vm; reflexivity].
  unfold reap_tables. destruct (_ && _); destruct (_ && _); try apply mild_free_table; try apply mild_refl.
  eapply mild_trans; apply mild_free_table.
Qed.

Lemma reap_one_mild v s : sound -> inv s ->
  match reap_one v s with (_, t, e, _) => mild v e s t /\ Forall (plain v s) e end.
Proof.
  intros B I. unfold reap_one. pose proof (reap_entry_mild v s B I) as R. destruct (reap_entry v s) as [[[r t] e] ok]. destruct R as [R F].
  split; auto. destruct (r =? 0); auto. unfold reap_pass. destruct (_ <? _); auto.
  eapply mild_trans; [exact R|]. apply mild_vm. reflexivity.
Qed.

Lemma range_drop_mild v i s : sound -> inv s ->
  match range_drop v i s with (_, _, _, t, e, _) => mild v e s t /\ Forall (plain v s) e end.
Proof.
  intros B I. unfold range_drop. destruct (Z.eqb_spec (normal_check s v) 0) as [E|E]; cbn [negb]; [|split; auto using mild_refl].
  destruct (normal_check_vm s v I E) as (V & _ & _). pose proof (leaf_drop_mild v i (s2_level s v i) s B I V) as L.
  destruct (leaf_drop _ _ _ _) as [[[was t] e] ok]. auto.
Qed.

Lemma map_leaf_mild v e i p level prot s : mild v e s (snd (map_leaf v i p level prot s)).
Proof.
  unfold map_leaf. destruct (_ =? 0); cbn [negb snd]; [|apply mild_refl]. destruct (_ =? 0); cbn [negb snd]; [|apply mild_refl].
  assert (M : match map_prepare v i level s with Fail _ t | Go t => mild v e s t end).
  { unfold map_prepare. pose proof (mild_prepare v e v i level s) as Q. destruct (s2_prepare v i level s) as [r t|t]; auto.
    destruct (_ && negb _); auto.
    assert (N : mild v e s (if (level =? 2) && (s2_level t v i =? 3) then s2_free_table v i 2 t else t)).
    { destruct (_ && _); auto. eapply mild_trans; [apply Q|apply mild_free_table]. }
    destruct (lf _ _ _); auto. }
  destruct (map_prepare v i level s) as [r t|t]; cbn [snd]; auto.
  eapply mild_trans; [apply M|]. eapply mild_trans; [|apply mild_leaf]. eapply mild_trans; [|apply mild_vm; reflexivity].
  destruct (in_dram p _); [apply mild_maps|apply mild_refl].
Qed.

(* What a protected guest asks of its memory, but for a share. *)
Lemma mem_call_mild v k i s ok t e : sound -> inv s -> is_vm v -> guarded s v -> k <> Share -> mem_call v k i s = Some (ok, t, e) ->
  mild v e s t /\ Forall (plain v s) e.
Proof.
  intros B I V G N. pose proof (vm_not_host v V) as NH. unfold mem_call. destruct (leaf_over s v i) as [l|] eqn:L.
  2: { destruct k; try discriminate; intros [= <- <- <-]; auto using mild_refl. }
  destruct (guarded_leaf s v i l I NH G L) as [_ X]. destruct (i_guarded s I v _ l NH G X) as (_ & _ & O). destruct k; [contradiction| |].
  - destruct (is (owner s (l_page l)) v) eqn:Y; [intros [= <- <- <-]; auto using mild_refl|]. apply is_false in Y. destruct O as [O|O]; [contradiction|].
    unfold take_back. destruct (negb _); [intros [= <- <- <-]; auto using mild_refl|].
    pose proof (mild_host_prepare v [] (l_page l) s) as H. destruct (host_prepare_unmap (l_page l) s) as [r u|u]; intros [= <- <- <-]; [auto|].
    split; auto. unfold unshare. eapply mild_trans; [|apply mild_cnt]. eapply mild_trans; [|apply mild_maps].
    apply mild_take; auto. eapply mild_trans; [apply H|apply mild_host_unmap].
  - pose proof (leaf_drop_mild v i (s2_level s v i) s B I V) as D. destruct (leaf_drop v i (s2_level s v i) s) as [[[was u] f] b].
    intros [= <- <- <-]. exact D.
Qed.
(* And a share. *)
Lemma mem_call_share v i s ok t e : inv s -> is_vm v -> guarded s v -> mem_call v Share i s = Some (ok, t, e) ->
  exists l, lf s v (Page i) = Some l /\ leaf_over s v i = Some l /\ dram (l_page l) = true /\
  (ok = true /\ owner s (l_page l) = v /\ t = share (l_page l) s /\ e = [Show (l_page l)] \/
   ok = false /\ owner s (l_page l) = OWNER_HOST /\ t = s /\ e = []).
Proof.
  intros I V G. pose proof (vm_not_host v V) as NH. unfold mem_call. destruct (leaf_over s v i) as [l|] eqn:L; [|discriminate].
  destruct (guarded_leaf s v i l I NH G L) as [_ X]. destruct (i_guarded s I v _ l NH G X) as (_ & Dp & O).
  destruct (is (owner s (l_page l)) v) eqn:Y; intros [= <- <- <-]; exists l; [apply is_true in Y|apply is_false in Y; destruct O; [contradiction|]]; auto 10.
Qed.

(* ------------------------------------------------------------------ whole sections *)

Definition mildly (v : Z) (s : pub) (o : out) : Prop := mild v (o_eff o) s (o_pub o) /\ Forall (plain v s) (o_eff o).

Lemma mildly_finish v c r e ok s t : mild v e s t -> Forall (plain v s) e -> mildly v s (finish c r e ok t).
Proof.
  intros M F. split.
  - eapply mild_trans; [|apply mild_finish]. apply (mild_weaken v e); auto. cbn. intros x X. apply in_or_app. auto.
  - cbn. apply Forall_app. split; auto. repeat constructor.
Qed.
Lemma mildly_done v c r s : mildly v s (done c r s).
Proof. apply mildly_finish; auto using mild_refl. Qed.
Lemma mildly_proceed v c k e ok s t : mild v e s t -> Forall (plain v s) e -> mildly v s (proceed c k e ok t).
Proof. intros M F. split; auto. eapply mild_trans; [apply M|apply mild_proceed]. Qed.
Lemma host_x_plain v s e c n x : Forall (plain v s) e -> Forall (plain v s) (e ++ [HostX c n x]).
Proof. intros F. apply Forall_app. split; auto. repeat constructor. Qed.
Lemma mild_app v e f s t : mild v e s t -> mild v (e ++ f) s t.
Proof. intros M. apply (mild_weaken v e); auto. intros x X. apply in_or_app. auto. Qed.

Lemma protect_next_mildly v c w at_ fin k m e ok s t : mild v e s t -> Forall (plain v s) e ->
  mildly v s (protect_next c w at_ fin k m e ok t).
Proof.
  intros M F. unfold protect_next.
  destruct (_ <=? _); [apply mildly_finish; auto using mild_app, host_x_plain|].
  destruct (_ <=? _); [apply mildly_finish|apply mildly_proceed]; auto using mild_app, host_x_plain.
Qed.

(* The VM that the CPU's next section is about. *)
Definition target (k : call) : Z :=
  match k with
  | CNone => 0
  | CDonate v _ _ | CClear v _ _ _ _ _ _ | CLeaf v _ _ _ _ _ | CUnmap v _ _ _ _ _ | CProtect v _ _ _
  | CProtectDrop v _ _ _ _ _ | CProtectMap v _ _ _ _ _ | CReap v _ _ => v
  end.

Theorem hgo_mildly c s : sound -> inv s -> mildly (target (u_call (cpu s c))) s (hgo c s).
Proof.
  intros B I. unfold hgo. destruct (u_call (cpu s c)) eqn:C; cbn [target].
  - split; [apply mild_refl|constructor].
  - unfold donate_map. destruct (i_flight s I c v i p C) as (V & Dp & O & L).
    destruct (_ || _).
    + destruct (reclaim_plain v p s B O). apply mildly_finish; auto using mild_reclaim.
    + apply mildly_finish; auto. apply mild_leaf.
  - unfold go_clear. pose proof (range_drop_mild v at_ s B I) as R.
    destruct (range_drop v at_ s) as [[[[[r m] was] t] e] ok]. destruct R as [R F].
    destruct (_ =? 0); cbn [negb]; [|apply mildly_finish; auto]. destruct (_ || _); apply mildly_proceed; auto.
  - unfold go_leaf. pose proof (map_leaf_mild v [] i p (if n =? 1 then 3 else 2) prot s) as M. destruct (map_leaf _ _ _ _ _ _) as [r t].
    destruct (_ && _); [apply mildly_proceed|apply mildly_finish]; auto.
  - unfold go_unmap. pose proof (range_drop_mild v at_ s B I) as R.
    destruct (range_drop v at_ s) as [[[[[r m] was] t] e] ok]. destruct R as [R F].
    destruct (_ =? 0); cbn [negb]; [|apply mildly_finish; auto].
    destruct (_ <=? _); [apply mildly_finish; auto using mild_app, host_x_plain|].
    destruct (_ <=? _); [apply mildly_finish|apply mildly_proceed]; auto using mild_app, host_x_plain.
  - unfold go_protect. destruct (_ =? 0); cbn [negb]; [|apply mildly_done].
    destruct (leaf_over s v at_) as [l|]; [|apply protect_next_mildly; auto using mild_refl].
    destruct (writable _); [apply mildly_proceed; auto using mild_refl|apply protect_next_mildly; auto using mild_refl].
  - unfold go_protect_drop. pose proof (range_drop_mild v at_ s B I) as R.
    destruct (range_drop v at_ s) as [[[[[r m] was] t] e] ok]. destruct R as [R F].
    destruct (_ =? 0); cbn [negb]; [apply mildly_proceed|apply mildly_finish]; auto.
  - unfold go_protect_map. set (level := if block then 2 else 3).
    pose proof (map_leaf_mild v [] (round_down at_ (level_pages level)) (l_page l) level (Z.ldiff (l_prot l) KCORE_PROT_W) s) as M.
    destruct (map_leaf _ _ _ _ _ _) as [r t]. destruct (_ =? _); [apply mildly_finish; auto|apply protect_next_mildly; auto].
  - unfold go_reap. pose proof (reap_one_mild v s B I) as R. destruct (reap_one v s) as [[[r t] e] ok]. destruct R as [R F].
    destruct (_ =? 2); [apply mildly_finish; auto|]. destruct (_ =? 3); [apply mildly_finish; auto|].
    destruct (_ || _); [apply mildly_finish|apply mildly_proceed]; auto.
Qed.

Lemma donate_take_mildly c v i p s : sound -> v <> OWNER_HOST -> mildly v s (donate_take c v i p s).
Proof.
  intros B NH. unfold donate_take, ensure. rewrite !B. cbn [orb].
  destruct (is (owner s p) OWNER_HOST) eqn:O; cbn [negb]; [apply is_true in O|].
  2: { repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply mildly_done|] end). apply mildly_done. }
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply mildly_done|] end).
  pose proof (mild_prepare v [] v i 3 s) as Q. destruct (s2_prepare v i 3 s) as [r t|t]; [apply mildly_finish; auto|].
  destruct (lf t v (Page i)); [apply mildly_finish; auto|].
  pose proof (mild_host_prepare v [] p t) as H. destruct (host_prepare_unmap p t) as [r u|u].
  - apply mildly_finish; auto. eapply mild_trans; eauto.
  - apply mildly_proceed; auto. eapply mild_trans; [|apply mild_cnt]. eapply mild_trans; [|apply mild_vm; reflexivity].
    apply mild_take; auto. eapply mild_trans; [apply Q|]. eapply mild_trans; [apply H|]. apply (mild_host_unmap v [] p).
Qed.
End Mild.
