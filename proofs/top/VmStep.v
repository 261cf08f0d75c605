(* SPDX-License-Identifier: GPL-2.0-only *)
(* A protected VM's side of the unwinding, for the actions of the host: what it doesn't get changes nothing of its view. *)
From KCore Require Export top.VmView.

Section VmStep.
Context {cfg : config}.

(* ------------------------------------------------------------------ what effects touch *)

Definition touches_mem (e : effect) (p : Z) : Prop :=
  match e with Scrub q | Show q | FpSaveShared _ q | IoSave _ q _ | VgicSave _ _ q | PageWrite q _ => q = p | _ => False end.
Definition touches_ctx (e : effect) (w : Z) : Prop :=
  match e with Boot x _ | Reset x | FpSave _ x => x = w | _ => False end.
Definition touches_fp (e : effect) (c : Z) : Prop :=
  match e with FpSave d _ | FpSaveShared d _ => d = c | _ => False end.
Definition touches_io (e : effect) (w : Z) : Prop :=
  match e with Reset x | IoLoad x _ _ | VgicLoad _ x _ => x = w | _ => False end.

Lemma effects_mem l p : (forall e, In e l -> ~ touches_mem e p) -> forall d o, mem (do_effects l d) p o = mem d p o.
Proof.
  unfold do_effects. induction l as [|x l IH]; intros H d o; cbn; auto. rewrite IH by (intros; apply H; right; auto).
  specialize (H x (or_introl eq_refl)). destruct x; cbn in *; auto; unfold upd; match goal with |- context [p =? ?b] => destruct (Z.eqb_spec p b) end;
    subst; try tauto; auto.
Qed.
Lemma effects_ctx l w : (forall e, In e l -> ~ touches_ctx e w) -> forall d k, ctx (do_effects l d) w k = ctx d w k.
Proof.
  unfold do_effects. induction l as [|x l IH]; intros H d o; cbn; auto. rewrite IH by (intros; apply H; right; auto).
  specialize (H x (or_introl eq_refl)). destruct x; cbn in *; auto; unfold upd; match goal with |- context [w =? ?b] => destruct (Z.eqb_spec w b) end;
    subst; try tauto; auto.
Qed.
Lemma effects_fp l c : (forall e, In e l -> ~ touches_fp e c) -> forall d k, fpm (do_effects l d) c k = fpm d c k.
Proof.
  unfold do_effects. induction l as [|x l IH]; intros H d o; cbn; auto. rewrite IH by (intros; apply H; right; auto).
  specialize (H x (or_introl eq_refl)). destruct x; cbn in *; auto; unfold upd; match goal with |- context [c =? ?b] => destruct (Z.eqb_spec c b) end;
    subst; try tauto; auto.
Qed.
Lemma effects_io l w : (forall e, In e l -> ~ touches_io e w) -> forall d k, io (do_effects l d) w k = io d w k.
Proof.
  unfold do_effects. induction l as [|x l IH]; intros H d o; cbn; auto. rewrite IH by (intros; apply H; right; auto).
  specialize (H x (or_introl eq_refl)). destruct x; cbn in *; auto; unfold upd; match goal with |- context [w =? ?b] => destruct (Z.eqb_spec w b) end;
    subst; try tauto; auto.
Qed.

(* ------------------------------------------------------------------ pages and registers *)

Lemma walk_ext s t v : (forall x, lf t v x = lf s v x) -> forall i, walk t v i = walk s v i.
Proof. intros E i. unfold walk. rewrite !E. auto. Qed.

Lemma live_guarded s v : live s v = true -> guarded s v /\ v_state (vm s v) <> VM_FREE /\ v_state (vm s v) <> VM_DYING /\ protected s v = true.
Proof.
  unfold live. rewrite andb_true_iff, negb_true_iff. intros [A B]. destruct (protected_guarded _ _ A). repeat split; auto. now apply Z.eqb_neq.
Qed.

(* A page of its own that the VM maps. *)
Definition mine (s : pub) (v p : Z) : Prop := owner s p = v /\ dram p = true /\ exists x l, lf s v x = Some l /\ l_page l = p.
Lemma walk_mine s v i p r : inv s -> is_vm v -> guarded s v -> walk s v i = Some (p, r) -> own s v p = true -> mine s v p.
Proof.
  intros I V G W O. apply Z.eqb_eq in O. destruct (walk_guarded s v i p r I (vm_not_host v V) G W) as (l & L & A & _ & B & C). split; auto. split; eauto.
Qed.
(* The pages that it maps are its own, or shared, as before. *)
Definition same_owners (s t : pub) (v : Z) : Prop := forall x l, lf s v x = Some l -> own t v (l_page l) = own s v (l_page l).
Lemma owners_same s t v : owner t = owner s -> same_owners s t v.
Proof. intros E x l _. unfold own. now rewrite E. Qed.
Lemma mine_not_host s v p : is_vm v -> mine s v p -> host_ok s p = false.
Proof. intros V (A & B & _). apply (vm_owner_hidden s p v); auto using vm_not_host. Qed.

Lemma pages_intro v s t : sinv s -> is_vm v -> live (P s) v = true -> (forall x, lf (P t) v x = lf (P s) v x) -> same_owners (P s) (P t) v ->
  (forall p, mine (P s) v p -> forall o, mem (D t) p o = mem (D s) p o) -> pages_same v s t.
Proof.
  intros I V L E O M i. destruct (live_guarded _ _ L) as (G & _). split; [now apply walk_ext|]. intros p r W.
    split; [|intros X; apply M; eapply walk_mine; eauto].
  destruct (walk_guarded _ _ _ _ _ I (vm_not_host v V) G W) as (l & X & <- & _). eapply O; eauto.
Qed.
(* Effects on pages that the host may see, and scrubs of pages of others. *)
Definition elsewhere (s : pub) (v : Z) (e : effect) : Prop :=
  forall p, touches_mem e p -> ~ mine s v p.
Lemma elsewhere_host s v e : is_vm v -> (forall p, touches_mem e p -> host_ok s p = true) -> elsewhere s v e.
Proof. intros V H p T M. specialize (H p T). rewrite (mine_not_host s v p V M) in H. discriminate. Qed.
Lemma pages_effects v s t l : sinv s -> is_vm v -> live (P s) v = true -> (forall x, lf t v x = lf (P s) v x) -> same_owners (P s) t v ->
  Forall (elsewhere (P s) v) l -> pages_same v s (mkst t (do_effects l (D s))).
Proof.
  intros I V L E O F. apply pages_intro; auto. intros p M o. cbn. apply effects_mem. intros e In T.
  rewrite Forall_forall in F. apply (F e In p T M).
Qed.

Lemma reg_intro s t w : c_state (vcpu (P t) w) = c_state (vcpu (P s) w) -> c_cpu (vcpu (P t) w) = c_cpu (vcpu (P s) w) ->
  (c_state (vcpu (P s) w) = VCPU_LOADED -> u_fp (cpu (P t) (c_cpu (vcpu (P s) w))) = u_fp (cpu (P s) (c_cpu (vcpu (P s) w))) /\
     (u_fp (cpu (P s) (c_cpu (vcpu (P s) w))) = true -> forall k, fpm (D t) (c_cpu (vcpu (P s) w)) k = fpm (D s) (c_cpu (vcpu (P s) w)) k)) ->
  (forall k, ctx (D t) w k = ctx (D s) w k) -> forall k, reg t w k = reg s w k.
Proof.
  intros A B F C k. unfold reg. rewrite A, B. destruct (Z.eqb_spec (c_state (vcpu (P s) w)) VCPU_LOADED) as [L|L].
  - destruct (F L) as [-> G]. destruct (u_fp (cpu (P s) (c_cpu (vcpu (P s) w)))); [|rewrite andb_false_r; auto].
    rewrite !andb_true_r. destruct (inside k W_FP N_FP); auto.
  - rewrite andb_false_r. cbn [andb]. auto.
Qed.
Lemma regs_effects v W s t l :
  (forall w, vm_of w = v -> exists_bit (P s) w = true -> ~ W w ->
     c_state (vcpu t w) = c_state (vcpu (P s) w) /\ c_cpu (vcpu t w) = c_cpu (vcpu (P s) w) /\
     (c_state (vcpu (P s) w) = VCPU_LOADED -> u_fp (cpu t (c_cpu (vcpu (P s) w))) = u_fp (cpu (P s) (c_cpu (vcpu (P s) w))) /\
        forall e, In e l -> ~ touches_fp e (c_cpu (vcpu (P s) w))) /\
     (forall e, In e l -> ~ touches_ctx e w) /\ (forall e, In e l -> ~ touches_io e w)) ->
  regs_same v W s (mkst t (do_effects l (D s))).
Proof.
  intros H w Ww X N k. destruct (H w Ww X N) as (A & B & C & F & G). split.
  - apply reg_intro; auto; cbn [P D].
    + intros L. destruct (C L) as [C1 C2]. split; auto. intros _ j. now apply effects_fp.
    + intros j. now apply effects_ctx.
  - cbn. now apply effects_io.
Qed.

Lemma exists_state s w : exists_bit s w = true <-> c_state (vcpu s w) <> VCPU_FREE.
Proof. unfold exists_bit. rewrite negb_true_iff. apply Z.eqb_neq. Qed.

Lemma mild_regs u v s t e l : mild u e (P s) t -> (forall x, In x l -> match x with Scrub _ | HostX _ _ _ => True | _ => False end) ->
  regs_same v nobody s (mkst t (do_effects l (D s))).
Proof.
  intros M F. apply regs_effects. intros w _ _ _. rewrite (d_vcpu _ _ _ _ M). repeat split; auto.
  - pose proof (d_cpu _ _ _ _ M (c_cpu (vcpu (P s) w))) as E. unfold place_of_cpu in E. congruence.
  - intros x X. specialize (F x X). destruct x; cbn; tauto.
  - intros x X. specialize (F x X). destruct x; cbn; tauto.
  - intros x X. specialize (F x X). destruct x; cbn; tauto.
Qed.
Lemma mild_book u v s t e : mild u e s t -> book t v = book s v.
Proof. intros M. apply book_intro; [apply (d_vm _ _ _ _ M)|]. intros w _. unfold exists_bit. rewrite (d_vcpu _ _ _ _ M). auto. Qed.
Lemma plain_effects v s l : Forall (plain v s) l -> forall x, In x l -> match x with Scrub _ | HostX _ _ _ => True | _ => False end.
Proof. intros F x X. rewrite Forall_forall in F. specialize (F x X). destruct x; cbn in F; tauto. Qed.

(* A section that is about another VM. *)
Lemma mildly_other u v s o : sinv s -> is_vm v -> u <> v -> mildly u (P s) o -> becomes v None s (mkst (o_pub o) (do_effects (o_eff o) (D s))).
Proof.
  intros I V N [M F]. split; [apply (mild_book u v _ _ _ M)|]. intros L. split; [|eapply mild_regs; [apply M|apply (plain_effects _ _ _ F)]].
  apply pages_effects; auto.
  - intros x. apply (d_lf _ _ _ _ M); auto using vm_not_host.
  - intros x l X. unfold own. apply (mild_other _ _ _ _ _ _ M); auto using vm_not_host. intros Sc. rewrite Forall_forall in F. specialize (F _ Sc).
    cbn in F. congruence.
  - eapply Forall_impl; [|apply F]. intros e Pe p T (O & _). destruct e; cbn in *; try tauto. subst. congruence.
Qed.
(* A section that is about the VM, but leaves its leaves alone and scrubs nothing that it maps. *)
Lemma mildly_same u v s o : sinv s -> is_vm v -> mildly u (P s) o ->
  (live (P s) v = true -> (forall x, lf (o_pub o) v x = lf (P s) v x) /\ same_owners (P s) (o_pub o) v /\
    forall p, In (Scrub p) (o_eff o) -> ~ mine (P s) v p) ->
  becomes v None s (mkst (o_pub o) (do_effects (o_eff o) (D s))).
Proof.
  intros I V [M F] H. split; [apply (mild_book u v _ _ _ M)|]. intros L. split; [|eapply mild_regs; [apply M|apply (plain_effects _ _ _ F)]].
  destruct (H L) as (H1 & HO & H2). apply pages_effects; auto. rewrite Forall_forall in *. intros e X p T. specialize (F e X).
  destruct e; cbn in *; try tauto. subst. auto.
Qed.

(* ------------------------------------------------------------------ sections of the memory calls *)

Lemma finish_lf c r e ok s : lf (o_pub (finish c r e ok s)) = lf s.
Proof. apply finish_fields. Qed.
Lemma finish_owner c r e ok s : owner (o_pub (finish c r e ok s)) = owner s.
Proof. apply finish_fields. Qed.
Lemma no_scrub_x e c n x : (forall p, ~ In (Scrub p) e) -> forall p, ~ In (Scrub p) (e ++ [HostX c n x]).
Proof. intros H p I. apply in_app_or in I as [I|[I|[]]]; [eapply H; eauto|discriminate]. Qed.
(* Nothing scrubbed, no leaf changed. *)
Definition idly (s : pub) (o : out) : Prop := lf (o_pub o) = lf s /\ owner (o_pub o) = owner s /\ forall p, ~ In (Scrub p) (o_eff o).
Lemma idly_finish c r e ok s : (forall p, ~ In (Scrub p) e) -> idly s (finish c r e ok s).
Proof. intros H. split; [apply finish_lf|]. split; [apply finish_owner|]. cbn. now apply no_scrub_x. Qed.
Lemma idly_proceed c k e ok s : (forall p, ~ In (Scrub p) e) -> idly s (proceed c k e ok s).
Proof. split; auto. Qed.
Lemma idly_next c v at_ fin k m e ok s : (forall p, ~ In (Scrub p) e) -> idly s (protect_next c v at_ fin k m e ok s).
Proof.
  intros H. unfold protect_next. destruct (_ <=? _); [apply idly_finish; now apply no_scrub_x|].
  destruct (_ <=? _); [apply idly_finish|apply idly_proceed]; now apply no_scrub_x.
Qed.

Lemma guarded_not_normal s v : guarded s v -> normal_check s v <> 0.
Proof.
  unfold normal_check, guarded. intros G. destruct (is _ VM_FREE); [discriminate|]. rewrite G.
  destruct (is _ VM_DYING); discriminate.
Qed.
Lemma guarded_range_drop s v i : guarded s v -> exists r, range_drop v i s = (r, 0, false, s, [], true) /\ r <> 0.
Proof.
  intros G. unfold range_drop. pose proof (guarded_not_normal s v G) as N. pose proof N as N'. apply Z.eqb_neq in N. rewrite N. cbn. eauto.
Qed.
Lemma guarded_map_leaf s v i p level prot : guarded s v -> exists r, map_leaf v i p level prot s = (r, s).
Proof. intros G. unfold map_leaf. pose proof (guarded_not_normal s v G) as N. apply Z.eqb_neq in N. rewrite N. cbn. eauto. Qed.

(* Of a live protected VM, only donations change leaves. *)
Lemma live_section c s v : target (u_call (cpu s c)) = v -> live s v = true ->
  (forall i p, u_call (cpu s c) <> CDonate v i p) -> idly s (hgo c s).
Proof.
  intros T L N. destruct (live_guarded _ _ L) as (G & _ & ND & _). unfold hgo.
  destruct (u_call (cpu s c)) eqn:C; cbn [target] in T; subst; try (destruct (N _ _ eq_refl); fail).
  - split; auto.
  - unfold go_clear. destruct (guarded_range_drop s v at_ G) as (r & -> & R). apply Z.eqb_neq in R. rewrite R. apply idly_finish. auto.
  - unfold go_leaf. destruct (guarded_map_leaf s v i p (if n =? 1 then 3 else 2) prot G) as (r & ->).
    destruct (_ && _); [apply idly_proceed|apply idly_finish]; auto.
  - unfold go_unmap. destruct (guarded_range_drop s v at_ G) as (r & -> & R). apply Z.eqb_neq in R. rewrite R. apply idly_finish. auto.
  - unfold go_protect. pose proof (guarded_not_normal s v G) as R. apply Z.eqb_neq in R. rewrite R. apply idly_finish. auto.
  - unfold go_protect_drop. destruct (guarded_range_drop s v at_ G) as (r & -> & R). apply Z.eqb_neq in R. rewrite R. apply idly_finish. auto.
  - unfold go_protect_map. match goal with |- context [map_leaf ?a ?b ?d ?e ?f ?g] => destruct (guarded_map_leaf g a b d e f G) as (r & ->) end.
    destruct (_ =? _); [apply idly_finish|apply idly_next]; auto.
  - unfold go_reap, reap_one, reap_entry. destruct (is (v_state (vm s v)) VM_DYING) eqn:Dy; [apply is_true in Dy; contradiction|]. cbn [andb].
    apply idly_finish; auto.
Qed.

Lemma donate_take_lf c v i p s u x : inv s -> u <> HOST -> lf (o_pub (donate_take c v i p s)) u x = lf s u x.
Proof.
  intros I N. unfold donate_take.
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [unfold done; rewrite finish_lf; auto|] end).
  pose proof (s2_prepare_quiet v i 3 s (i_tables s I)) as Q. destruct (s2_prepare v i 3 s) as [r t|t]; [unfold done; rewrite finish_lf;
    destruct Q as [_ ->]; auto|].
  destruct Q as ([Q Ql] & _). destruct (lf t v (Page i)); [unfold done; rewrite finish_lf, Ql; auto|].
  pose proof (mild_host_prepare HOST [] p t) as H. destruct (host_prepare_unmap p t) as [r w|w].
  - unfold done. rewrite finish_lf, <- Ql. apply (d_lf _ _ _ _ H); auto.
  - cbn [proceed o_pub]. pose proof (mild_host_unmap HOST [] p w) as U.
    transitivity (lf (host_unmap p w) u x); [reflexivity|]. rewrite (d_lf _ _ _ _ U) by auto. rewrite (d_lf _ _ _ _ H) by auto. now rewrite Ql.
Qed.
(* What is donated is mapped by nobody, so no page that a VM maps changes its owner. *)
Lemma donate_take_owners c v i p s u : sound -> inv s -> is_vm u -> same_owners s (o_pub (donate_take c v i p s)) u.
Proof.
  intros B I V. unfold donate_take, ensure. rewrite !B. cbn [orb].
  assert (Dn : forall r t, owner t = owner s -> same_owners s (o_pub (done c r t)) u) by (intros r t E; apply owners_same; unfold done;
    now rewrite finish_owner).
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b eqn:?; [apply Dn; reflexivity|] end).
  repeat match goal with H : negb (is _ _) = false |- _ => apply negb_false_iff, is_true in H end.
  repeat match goal with H : negb (dram _) = false |- _ => apply negb_false_iff in H end.
  pose proof (s2_prepare_quiet v i 3 s (i_tables s I)) as Q. destruct (s2_prepare v i 3 s) as [r t|t]; [apply Dn, Q|].
  destruct Q as ([Q Ql] & _). destruct (lf t v (Page i)); [apply Dn, (h_owner _ _ Q)|].
  assert (It : inv t) by (apply (inv_shrinks s); auto). pose proof (host_prepare_unmap_inv p t It) as H.
  pose proof (mild_host_prepare HOST [] p t) as HM. destruct (host_prepare_unmap p t) as [r w|w].
  - intros x l L. unfold own, done. rewrite finish_owner. destruct (d_own _ _ _ _ HM (l_page l)) as [->|[[X|X] [Y|[]]]]; rewrite ?(h_owner _ _ Q) in *; auto;
      rewrite X, Y; reflexivity.
  - destruct H as (_ & _ & _ & Ro & _). intros x l L. cbn [proceed o_pub]. unfold own; fields. unfold upd. rewrite Ro, (h_owner _ _ Q).
    destruct (Z.eqb_spec (l_page l) p) as [E|]; auto.
    exfalso. assert (U : uses s p (ULeaf u x)); [|apply (unmapped_unused s p (ULeaf u x) I); auto].
    cbn. split; auto. split; [intros _|split; auto; exists l; split; auto; unfold covered; rewrite E; destruct x; cbn; lia].
    replace (owner s p) with OWNER_HOST by auto. apply not_eq_sym, vm_not_host, V.
Qed.
Lemma donate_take_scrub c v i p s q : ~ In (Scrub q) (o_eff (donate_take c v i p s)).
Proof.
  unfold donate_take.
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply no_scrub_x; auto|] end).
  destruct (s2_prepare v i 3 s) as [r t|t]; [apply no_scrub_x; auto|]. destruct (lf t v (Page i)); [apply no_scrub_x; auto|].
  destruct (host_prepare_unmap p t) as [r u|u]; [apply no_scrub_x; auto|]. cbn. auto.
Qed.

Theorem section_becomes c v s : sound -> sinv s -> is_vm v ->
  becomes v (to_vm v (HGo c) s) s (if u_run (cpu (P s) c) then s else mkst (o_pub (hgo c (P s))) (do_effects (o_eff (hgo c (P s))) (D s))).
Proof.
  unfold sinv. intros B I V. cbn [to_vm]. destruct (u_run (cpu (P s) c)).
  { split; auto. intros _. split; [exact (pages_refl v _)|intros w; auto]. }
  pose proof (hgo_mildly c (P s) B I) as M.
  destruct (Z.eq_dec (target (u_call (cpu (P s) c))) v) as [T|T].
  2: { replace (match u_call (cpu (P s) c) with CDonate u i p => _ | _ => None end) with (@None msg); [eapply mildly_other; eauto|].
       destruct (u_call (cpu (P s) c)); auto. cbn in T. apply Z.eqb_neq in T. rewrite T. auto. }
  destruct (u_call (cpu (P s) c)) eqn:C; try (apply (mildly_same v v); auto; [rewrite <- T at 1; auto|]; intros L;
    destruct (live_section c (P s) v) as (E1 & E3 & E2); rewrite ?C; auto; try discriminate;
      [split; [rewrite E1; auto|split; [now apply owners_same|intros q X; destruct (E2 q X)]]]; fail).
  cbn in T. subst v0. rewrite Z.eqb_refl. cbn [andb]. unfold hgo in *. rewrite C in *.
  destruct (i_flight _ I c v i p C) as (_ & Dp & O & Fl). unfold donate_map in *.
  destruct (_ || _) eqn:Cond.
  - cbn [target] in M. replace (existsb _ _) with true; cbn [negb].
    + apply (mildly_same v v); auto. intros L. split; [intros x; rewrite finish_lf; reflexivity|]. split.
      { intros x l X. unfold own. rewrite finish_owner. cbn. unfold upd. pose proof (Fl x l X) as N. apply Z.eqb_neq in N. now rewrite N. }
      intros q X (O1 & _ & x & l & L1 & L2). cbn in X. apply in_app_or in X as [X|[X|[]]]; [|discriminate].
      unfold reclaim_effect, ensure in X. rewrite B in X. destruct X as [X|[]]. injection X as ->. apply (Fl x l L1 L2).
    + symmetry. cbn. unfold reclaim_effect, ensure. rewrite B. reflexivity.
  - replace (existsb _ _) with false by reflexivity. cbn [negb becomes].
    destruct M as [M F]. split; [apply (mild_book _ v _ _ _ M)|]. intros L. destruct (live_guarded _ _ L) as (G & _).
    apply orb_false_iff in Cond as [Cond C3]. apply orb_false_iff in Cond as [C1 C2].
    destruct (lf (P s) v (Page i)) eqn:Lf; [discriminate|].
    assert (Blk : forall b, lf (P s) v (Block b) = None).
    { intros b. destruct (lf (P s) v (Block b)) as [l|] eqn:X; auto. destruct (i_guarded _ I v _ l (vm_not_host v V) G X) as ((j & Y) & _). discriminate. }
    assert (LF : forall x, lf (o_pub (done c 0 (set_leaf v (Page i) (Some (mkleaf p 7)) (P s)))) v x =
              if place_eqb x (Page i) then Some (mkleaf p 7) else lf (P s) v x).
    { intros x. unfold done. rewrite finish_lf. cbn. rewrite Z.eqb_refl. auto. }
    split; [eapply mild_regs; [apply M|apply (plain_effects _ _ _ F)]|]. split; [unfold walk; rewrite Blk, Lf; reflexivity|]. split.
    + exists p. split; [|split; [cbn [P]; unfold own, done; rewrite finish_owner; now apply Z.eqb_eq|]].
      * unfold walk. cbn [P]. rewrite !LF. cbn [place_eqb]. rewrite Blk, Z.eqb_refl. auto.
      * intros o Ho. unfold words. rewrite at_values by (cbn; lia). reflexivity.
    + intros j N. split.
      * unfold walk. cbn [P]. rewrite !LF. cbn [place_eqb]. apply Z.eqb_neq in N. rewrite N. auto.
      * intros q r W. split; [|intros _ o; cbn; auto]. cbn [P]. unfold own, done. rewrite finish_owner. reflexivity.
Qed.

(* ------------------------------------------------------------------ the other actions of the host *)

Lemma same_book_none v s t : book (P t) v = book (P s) v -> steady v nobody s t -> becomes v None s t.
Proof. split; auto. Qed.

(* Contents that are the host's change, nothing else. *)
Lemma host_data v s d : sinv s -> is_vm v -> (forall p o, host_ok (P s) p = false -> mem d p o = mem (D s) p o) ->
  ctx d = ctx (D s) -> io d = io (D s) -> (forall c k, u_fp (cpu (P s) c) = true -> fpm d c k = fpm (D s) c k) -> becomes v None s (mkst (P s) d).
Proof.
  intros I V M C Io F. split; auto. intros L. split.
  - apply pages_intro; auto; [apply owners_same; auto|]. intros p Mi o. apply M. eapply mine_not_host; eauto.
  - intros w _ _ _ k. cbn. rewrite Io. split; auto. apply reg_intro; cbn; auto. intros j. now rewrite C.
Qed.

Lemma fp_effect_in e c s : In e (fp_effect c s) -> u_fp (cpu s c) = true /\
  (e = FpSave c (u_vcpu (cpu s c)) \/ e = FpSaveShared c (c_page (vcpu s (u_vcpu (cpu s c))))).
Proof.
  unfold fp_effect. destruct (u_fp (cpu s c)); [|intros []]. destruct (protected s _); [destruct (ensure CheckFp false)|]; cbn; intuition.
Qed.

(* The host takes the FP registers back. *)
Lemma fp_release_steady v c s : sound -> sinv s -> is_vm v -> becomes v None s (mkst (fp_release c (P s)) (do_effects (fp_effect c (P s)) (D s))).
Proof.
  unfold sinv. intros B I V. split; [apply book_intro; auto|]. intros L. destruct (live_guarded _ _ L) as (G & NF & _ & Q).
  set (x := u_vcpu (cpu (P s) c)). split.
  - apply pages_effects; auto; [apply owners_same; auto|]. unfold fp_effect. fold x. destruct (u_fp (cpu (P s) c)) eqn:F; [|constructor].
    destruct (protected (P s) (vm_of x)); [destruct (ensure _ _); repeat constructor; intros p []|].
    repeat constructor. apply elsewhere_host; auto. cbn. intros p <-. apply vcpu_page_ok; auto. apply loaded_vcpu; auto. apply i_fp; auto.
  - intros w Ww X _ k. assert (Z : forall l, In l (fp_effect c (P s)) -> ~ touches_io l w) by (intros l X1; apply fp_effect_in in X1 as [_ [-> | ->]];
    cbn; auto).
    split; [|cbn; now apply effects_io].
    destruct (u_fp (cpu (P s) c)) eqn:F.
    + pose proof (i_fp _ I c F) as N. destruct (i_cpu _ I c N) as [Lx Px]. fold x in Lx, Px, N.
      destruct (Z.eq_dec w x) as [->|Nw].
      * unfold reg. cbn [P D fp_release change_cpu set_cpu vcpu cpu]. rewrite Lx, Px, F. unfold upd. rewrite !Z.eqb_refl. cbn [cpu_with_fp u_fp].
        rewrite !andb_true_r.
        rewrite andb_false_r. unfold fp_effect, ensure. fold x. rewrite F, Ww, Q, B. cbn. unfold upd. rewrite Z.eqb_refl.
        destruct (inside k W_FP N_FP); auto.
      * apply reg_intro; auto; cbn [P D fp_release change_cpu set_cpu vcpu cpu].
        -- intros Lw. destruct (i_loaded _ I w Lw) as [_ U]. assert (Nc : c_cpu (vcpu (P s) w) <> c) by (intros Y; rewrite Y in U; fold x in U; congruence).
           apply Z.eqb_neq in Nc as Nc'. unfold upd. rewrite Nc'. split; auto. intros _ j. apply effects_fp.
           intros e X1. apply fp_effect_in in X1 as [_ [-> | ->]]; cbn; auto.
        -- intros j. apply effects_ctx. intros e X1. apply fp_effect_in in X1 as [_ [-> | ->]]; cbn; auto.
    + unfold fp_effect. rewrite F. cbn [do_effects fold_left]. apply reg_intro; auto; cbn [P D fp_release change_cpu set_cpu vcpu cpu].
      intros Lw. unfold upd. destruct (Z.eqb_spec (c_cpu (vcpu (P s) w)) c) as [->|Y]; cbn [cpu_with_fp u_fp]; auto.
Qed.
End VmStep.
