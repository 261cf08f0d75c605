(* SPDX-License-Identifier: GPL-2.0-only *)
(* A protected VM's side of the unwinding: calls, runs, interrupts and accesses of the host. *)
From KCore Require Export top.VmStep.

Section VmCalls.
Context {cfg : config}.

Lemma live_life s t v : life (vm t v) = life (vm s v) -> live t v = live s v.
Proof. unfold live, protected, life. intros [= -> -> _ _ _]. auto. Qed.
Lemma none_trans v s t u : becomes v None s t -> becomes v None t u -> becomes v None s u.
Proof.
  intros [A B] [A' B']. split; [congruence|]. intros L. pose proof L as Lt. destruct (book_elim _ _ _ A) as [LA F].
  rewrite <- (live_life _ _ _ LA) in Lt. destruct (B L) as [C E], (B' Lt) as [C' E']. split.
  - intros i. destruct (C i) as [X Y], (C' i) as [X' Y']. split; [congruence|]. intros p r W. rewrite <- X in W. destruct (Y' p r W) as [O' M'].
    rewrite X in W. destruct (Y p r W) as [O M]. split; [congruence|]. intros H o. rewrite M' by congruence. auto.
  - intros w W X N k. destruct (F w W) as [F1 _]. rewrite <- F1 in X. destruct (E' w W X N k) as [-> ->]. apply E; auto. congruence.
Qed.

(* Nothing about the VM changes in the bookkeeping, and no effect is about it. *)
Definition aside (s : pub) (v : Z) (e : effect) : Prop :=
  elsewhere s v e /\ (forall w, vm_of w = v -> ~ touches_ctx e w /\ ~ touches_io e w) /\ forall c, ~ touches_fp e c.
Definition same_for (v : Z) (s t : pub) : Prop :=
  life (vm t v) = life (vm s v) /\
  (forall w, vm_of w = v -> c_state (vcpu t w) = c_state (vcpu s w) /\ c_cpu (vcpu t w) = c_cpu (vcpu s w) /\
     c_power (vcpu t w) = c_power (vcpu s w)) /\
  (forall c, u_fp (cpu t c) = u_fp (cpu s c)) /\ (forall x, lf t v x = lf s v x) /\ forall p, owner t p = owner s p.

Lemma same_for_book v s t : same_for v s t -> book t v = book s v.
Proof.
  intros (A & B & _). apply book_intro; auto. intros w W. destruct (B w W) as (X & _ & ->). split; auto. unfold exists_bit. now rewrite X.
Qed.
Lemma same_for_steady v s t l : sinv s -> is_vm v -> same_for v (P s) t -> (forall e, In e l -> aside (P s) v e) ->
  steady v nobody s (mkst t (do_effects l (D s))).
Proof.
  intros I V (A & B & C & E & O) F L. split.
  - apply pages_effects; auto; [intros x m _; unfold own; now rewrite O|]. apply Forall_forall. intros e X. apply F; auto.
  - apply regs_effects. intros w W _ _. destruct (B w W) as (X & Y & _). repeat split; auto.
    + intros e In. apply F; auto.
    + intros e In. apply (F e In); auto.
    + intros e In. apply (F e In); auto.
Qed.
Lemma same_for_none v s t l : sinv s -> is_vm v -> same_for v (P s) t -> (forall e, In e l -> aside (P s) v e) ->
  becomes v None s (mkst t (do_effects l (D s))).
Proof. intros I V A F. split; [cbn; now apply same_for_book|now apply same_for_steady]. Qed.

Lemma aside_x s v c n x : aside s v (HostX c n x).
Proof. split; [intros p []|]. split; [cbn; tauto|intros d []]. Qed.
Lemma same_for_refl v s : same_for v s s.
Proof. repeat split; auto. Qed.
Lemma same_for_trans v s t u : same_for v s t -> same_for v t u -> same_for v s u.
Proof.
  intros (A & B & C & E & O) (A' & B' & C' & E' & O'). split; [congruence|].
  split; [|split; [intros c; rewrite C'; auto|split; [intros x; rewrite E'; auto|intros p; rewrite O'; auto]]].
  intros w W. destruct (B w W) as (X & Y & Z), (B' w W) as (X' & Y' & Z'). repeat split; congruence.
Qed.
Lemma same_for_finish v c r e ok s : same_for v s (o_pub (finish c r e ok s)).
Proof.
  destruct (finish_fields c r e ok s) as (O & B & C & E & F). unfold same_for. rewrite O, B, C, E. repeat split; auto.
  intros d. specialize (F d). unfold place_of_cpu in F. congruence.
Qed.
Lemma done_none v c r s t : sinv s -> is_vm v -> same_for v (P s) t ->
  becomes v None s (mkst (o_pub (done c r t)) (do_effects (o_eff (done c r t)) (D s))).
Proof.
  intros I V A. apply same_for_none; auto.
  - eapply same_for_trans; [apply A|apply same_for_finish].
  - cbn. intros e [<-|[]]. apply aside_x.
Qed.
Lemma finish_none v c r e ok s t : sinv s -> is_vm v -> same_for v (P s) t -> (forall x, In x e -> aside (P s) v x) ->
  becomes v None s (mkst (o_pub (finish c r e ok t)) (do_effects (o_eff (finish c r e ok t)) (D s))).
Proof.
  intros I V A F. apply same_for_none; auto.
  - eapply same_for_trans; [apply A|apply same_for_finish].
  - cbn. intros x X. apply in_app_or in X as [X|[<-|[]]]; auto using aside_x.
Qed.
Lemma done_life_at v c r s t : sinv s -> is_vm v -> (forall x, lf t v x = lf (P s) v x) -> owner t = owner (P s) ->
  (forall w, c_state (vcpu t w) = c_state (vcpu (P s) w) /\ c_cpu (vcpu t w) = c_cpu (vcpu (P s) w)) -> cpu t = cpu (P s) ->
  no_more v nobody (P s) t ->
  becomes v (Some (Life (book (o_pub (done c r t)) v))) s (mkst (o_pub (done c r t)) (do_effects (o_eff (done c r t)) (D s))).
Proof.
  intros I V A O B C N. destruct (finish_fields c r [] true t) as (F0 & F1 & F2 & F3 & F4). fold (done c r t) in F0, F1, F2, F3, F4.
  split; auto. split; cbn [P D].
  - intros L. split.
    + apply pages_effects; [auto|auto|auto|intros x; rewrite F3; auto|apply owners_same; congruence|]. repeat constructor. intros p [].
    + apply regs_effects. intros w W _ _. rewrite F2. destruct (B w) as [B1 B2]. repeat split; auto; try (cbn; intros e [<-|[]]; cbn; auto).
      specialize (F4 (c_cpu (vcpu (P s) w))). unfold place_of_cpu in F4. rewrite C in F4. congruence.
  - intros L. assert (Lt : live t v = true) by (rewrite <- L; symmetry; apply live_life; now rewrite F1).
    destruct (N Lt) as [[X Y]|[X Y]]; [left|right]; split; auto; intros w.
    + intros W. unfold exists_bit. rewrite F2. apply Y. auto.
    + rewrite <- (X w). apply walk_ext. intros y. now rewrite F3.
    + intros W. unfold exists_bit. rewrite F2. apply Y; auto.
Qed.
Lemma done_life v c r s t : sinv s -> is_vm v -> (forall x, lf t v x = lf (P s) v x) -> owner t = owner (P s) -> vcpu t = vcpu (P s) -> cpu t = cpu (P s) ->
  no_more v nobody (P s) t ->
  becomes v (Some (Life (book (o_pub (done c r t)) v))) s (mkst (o_pub (done c r t)) (do_effects (o_eff (done c r t)) (D s))).
Proof. intros I V A O B. apply done_life_at; auto. intros w. rewrite B. auto. Qed.
Lemma no_more_same v s t : life (vm t v) = life (vm s v) -> vcpu t = vcpu s -> no_more v nobody s t.
Proof. intros A B L. left. rewrite <- (live_life _ _ _ A). split; auto. intros w _. unfold exists_bit. rewrite B. auto. Qed.
Lemma done_same_life v c r s : sinv s -> is_vm v ->
  becomes v (Some (Life (book (o_pub (done c r (P s))) v))) s (mkst (o_pub (done c r (P s))) (do_effects (o_eff (done c r (P s))) (D s))).
Proof. intros I V. apply done_life; auto. now apply no_more_same. Qed.

(* A call that fails: what the VM gets of it depends on whether it is named. *)
Lemma failed v c r s u : sinv s -> is_vm v ->
  becomes v (if u =? v then Some (Life (book (o_pub (done c r (P s))) v)) else None) s
    (mkst (o_pub (done c r (P s))) (do_effects (o_eff (done c r (P s))) (D s))).
Proof. intros I V. destruct (u =? v); [now apply done_same_life|apply done_none; auto using same_for_refl]. Qed.

Lemma same_for_vm v u r s : u <> v -> same_for v s (set_vm u r s).
Proof. intros N. repeat split; auto. cbn. unfold upd. destruct (Z.eqb_spec v u); auto. congruence. Qed.

Lemma page_io_same d pg : same_io (mem d pg) (at_ (page_io d pg) W_IO).
Proof. intros k K. unfold page_io. rewrite at_values; [reflexivity|]. change (Z.of_nat 45) with 45. lia. Qed.
Lemma io_load_value d w pg b k : io (do_effect d (IoLoad w pg b)) w k = io_loaded b (at_ (page_io d pg) W_IO) (io d w) k.
Proof. cbn [do_effect set_io io]. unfold upd. rewrite Z.eqb_refl. apply io_loaded_ext; [apply page_io_same|reflexivity]. Qed.
Lemma vgic_load_value d c w pg k : io (do_effect d (VgicLoad c w pg)) w k = vgic_loaded (at_ (page_io d pg) W_IO) (hreg d c R_VMCR) (io d w) k.
Proof. cbn [do_effect set_io io]. unfold upd. rewrite Z.eqb_refl. apply vgic_loaded_ext; [apply page_io_same|reflexivity]. Qed.

(* ------------------------------------------------------------------ calls *)

Lemma zero_not_vm v : is_vm v -> (0 =? v) = false.
Proof. intros V. apply Z.eqb_neq. unfold is_vm in V. lia. Qed.

Lemma create_becomes c type v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (RCreate type) s) s
    (mkst (o_pub (vm_create c type (P s))) (do_effects (o_eff (vm_create c type (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold vm_create. destruct (_ && _).
  { destruct (find_free (P s)) as [u|]; [apply (failed v c KCORE_EINVAL s u); auto|]. rewrite (zero_not_vm v V). apply done_none; auto using same_for_refl. }
  destruct (find_free (P s)) as [u|] eqn:E; [|cbn [o_eff]; rewrite (zero_not_vm v V); apply done_none; auto using same_for_refl].
  apply find_some in E as [Ru Fu]. apply is_true in Fu. cbv zeta. set (t := add_log _ _ _ _).
  change (match o_eff (done c u t) with [] => _ | _ => _ end) with (if u =? v then Some (Life (book (o_pub (done c u t)) v)) else None).
  destruct (Z.eqb_spec u v) as [->|N].
  - apply done_life; auto. intros L. right. destruct (free_has_nothing v (P s) I (vm_not_host v V) (vm_not_core v V) Fu) as (A & _ & C).
    split; [intros i; unfold walk; subst t; fields; now rewrite !A|]. intros w W. unfold exists_bit. subst t; fields.
    destruct (Z.eqb_spec (c_state (vcpu (P s) w)) VCPU_FREE); auto. destruct (C w). split; auto.
  - apply done_none; auto.
    apply (same_for_trans v _ (set_vm u (mkvm VM_NEW type (v_vcpus (vm (P s) u)) (v_loaded (vm (P s) u)) (v_pages (vm (P s) u)) (v_tables (vm (P s) u)) 0 0
    0 []) (P s)));
      [now apply same_for_vm|repeat split; auto].
Qed.

Lemma live_ready s v r t : vm t = upd (vm s) v r -> v_type r = v_type (vm s v) -> v_state (vm s v) <> VM_FREE -> v_state (vm s v) <> VM_DYING ->
  live t v = true -> live s v = true.
Proof.
  intros E T F N. unfold live, protected. rewrite E. unfold upd. rewrite Z.eqb_refl, T. apply Z.eqb_neq in F, N. rewrite F, N.
  rewrite !andb_true_iff. tauto.
Qed.

Lemma finalise_becomes c u a b sign v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (RFinalise u a b sign) s) s
    (mkst (o_pub (vm_finalise c u a b sign (P s))) (do_effects (o_eff (vm_finalise c u a b sign (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold vm_finalise.
  destruct (alive (P s) u) eqn:Al; cbn [negb]; [|apply (failed v c KCORE_EINVAL s u); auto].
  destruct (is (v_state (vm (P s) u)) VM_NEW) eqn:N; cbn [negb orb]; [|apply (failed v c KCORE_ESTATE s u); auto]. apply is_true in N.
  destruct (sign && _); [apply (failed v c KCORE_ESTATE s u); auto|].
  destruct (is (v_type (vm (P s) u)) KCORE_VM_PROTECTED).
  - destruct (negb sign && _); [apply (failed v c KCORE_EPERM s u); auto|]. destruct (_ || _); [apply (failed v c KCORE_EINVAL s u); auto|].
    destruct (is (c_state _) VCPU_FREE) eqn:X; [apply (failed v c KCORE_ESTATE s u); auto|]. apply is_false in X.
    set (w := u * KCORE_VM_VCPUS) in *. set (pg := c_page (vcpu (P s) w)). set (t := change_vcpu w _ _).
    change (match o_eff (finish c 0 [Boot w pg] true t) with [] => _ | _ => _ end)
      with (if vm_of w =? v then Some (Booted w (boot_regs (D s) pg) (book (o_pub (finish c 0 [Boot w pg] true t)) v)) else None).
    assert (Vw : vm_of w = u) by (subst w; replace (u * KCORE_VM_VCPUS) with (u * KCORE_VM_VCPUS + 0) by lia; apply vm_of_index; cbv; split; congruence).
    destruct (finish_fields c 0 [Boot w pg] true t) as (FO & F1 & F2 & F3 & F4).
    destruct (Z.eqb_spec (vm_of w) v) as [Y|Y].
    + assert (EX : forall x, exists_bit (o_pub (finish c 0 [Boot w pg] true t)) x = exists_bit (P s) x).
      { intros x. unfold exists_bit. rewrite F2. subst t; fields. unfold upd. destruct (Z.eqb_spec x w); try subst x; destruct sign; auto. }
      assert (ST : forall x, c_state (vcpu (o_pub (finish c 0 [Boot w pg] true t)) x) = c_state (vcpu (P s) x) /\
                             c_cpu (vcpu (o_pub (finish c 0 [Boot w pg] true t)) x) = c_cpu (vcpu (P s) x)).
      { intros x. rewrite F2. subst t; fields. unfold upd. destruct (Z.eqb_spec x w); try subst x; destruct sign; auto. }
      assert (FP : forall d, u_fp (cpu (o_pub (finish c 0 [Boot w pg] true t)) d) = u_fp (cpu (P s) d)).
      { intros d. specialize (F4 d). unfold place_of_cpu in F4. subst t; fields. congruence. }
      split; [reflexivity|]. split; [|split; [|split; auto]]; cbn [P D].
      * intros L. split.
        -- apply pages_effects; [auto|auto|auto|intros x; rewrite F3; reflexivity|apply owners_same; rewrite FO; reflexivity|]. cbn.
          repeat constructor; intros p [].
        -- apply regs_effects. intros x Wx _ Nx. destruct (ST x) as [S1 S2]. repeat split; auto; cbn; intros e [<-|[<-|[]]]; cbn; auto.
      * intros L. left. split; [|intros x _; rewrite EX; auto].
        eapply (live_ready (P s) v); [rewrite F1; rewrite <- Y, Vw; reflexivity|reflexivity| | |exact L]; rewrite <- Y, Vw, N; discriminate.
      * intros _ _ k. split; [|reflexivity]. unfold reg. cbn [P D]. destruct (ST w) as [-> ->]. rewrite FP.
        assert (W : ctx (do_effects (o_eff (finish c 0 [Boot w pg] true t)) (D s)) w k = writes 0 64 (boot_write (boot_regs (D s) pg)) (ctx (D s) w) k).
        { cbn -[writes]. unfold upd. rewrite Z.eqb_refl. reflexivity. }
        rewrite W. assert (F : fpm (do_effects (o_eff (finish c 0 [Boot w pg] true t)) (D s)) = fpm (D s)) by reflexivity. rewrite F.
        destruct (inside k W_FP N_FP) eqn:IN; cbn [andb].
        -- destruct (_ && _) eqn:Z.
           ++ rewrite writes_outside; [cbv beta zeta; rewrite IN; cbn [andb]; rewrite Z; reflexivity|]. apply inside_spec in IN. unfold W_FP, N_FP in IN.
             unfold inside. lia.
           ++ apply writes_ext. cbv beta zeta. rewrite IN; cbn [andb]. rewrite Z. reflexivity.
        -- apply writes_ext. cbv beta zeta. rewrite IN. reflexivity.
    + apply finish_none; auto.
      * split; [|split; [|split]].
        -- subst t; fields. unfold upd. destruct (Z.eqb_spec v u); auto. congruence.
        -- intros x Wx. subst t; fields. unfold upd. destruct (Z.eqb_spec x w); try subst x; auto. congruence.
        -- auto.
        -- auto.
      * intros x [<-|[]]. split; [intros p []|]. split; [|intros d []]. intros x Wx. cbn. split; auto. congruence.
  - set (t := change_vm u _ _).
    change (match o_eff (done c 0 t) with [] => _ | _ => _ end) with (if u =? v then Some (Life (book (o_pub (done c 0 t)) v)) else None).
    destruct (Z.eqb_spec u v) as [->|Y].
    + apply done_life; auto. intros L. left. split; [|auto].
      eapply (live_ready (P s) v _ t); [reflexivity|reflexivity| | |exact L]; rewrite N; discriminate.
    + apply done_none; auto. now apply same_for_vm.
Qed.

Lemma begin_becomes c u v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (RBegin u) s) s (mkst (o_pub (destroy_begin c u (P s))) (do_effects (o_eff (destroy_begin c u (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold destroy_begin.
  destruct (negb (alive _ _)); [apply (failed v c KCORE_EINVAL s u); auto|]. destruct (negb _); [apply (failed v c KCORE_EBUSY s u); auto|].
  set (t := change_vm u _ _).
  change (match o_eff (done c 0 t) with [] => _ | _ => _ end) with (if u =? v then Some (Life (book (o_pub (done c 0 t)) v)) else None).
  destruct (Z.eqb_spec u v) as [->|Y]; [|apply done_none; auto; now apply same_for_vm].
  apply done_life; auto. intros L. exfalso. revert L. subst t. unfold live, protected; fields. unfold upd. rewrite Z.eqb_refl. fields.
  rewrite andb_false_r. discriminate.
Qed.
Lemma start_becomes c u good v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (RStart u good) s) s (mkst (o_pub (vm_start c u good (P s))) (do_effects (o_eff (vm_start c u good (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold vm_start.
  destruct (negb _); [apply (failed v c _ s u); auto|]. destruct (negb _); [apply (failed v c KCORE_EBUSY s u); auto|]. destruct good.
  - set (t := change_vcpu _ _ _).
    change (match o_eff (done c 0 t) with [] => _ | _ => _ end) with (if u =? v then Some (Life (book (o_pub (done c 0 t)) v)) else None).
    assert (S : forall w, c_state (vcpu t w) = c_state (vcpu (P s) w) /\ c_cpu (vcpu t w) = c_cpu (vcpu (P s) w)).
    { intros w. subst t; fields. unfold upd. destruct (Z.eqb_spec w (u * KCORE_VM_VCPUS)) as [->|]; rewrite ?Z.eqb_refl; auto. }
    destruct (Z.eqb_spec u v) as [->|Y].
    + apply done_life_at; auto. intros L. left. split; [exact L|]. intros w _. unfold exists_bit. destruct (S w) as [-> _]. auto.
    + apply done_none; auto. split; [reflexivity|]. split; [|auto]. intros w W. destruct (S w) as [S1 S2]. split; [exact S1|]. split; [exact S2|].
      subst t; fields. unfold upd. destruct (Z.eqb_spec w (u * KCORE_VM_VCPUS)) as [->|]; auto. exfalso. apply Y. rewrite <- W. symmetry.
      unfold vm_of, KCORE_VM_VCPUS. apply Z.div_mul. discriminate.
  - set (t := change_vm u _ _).
    change (match o_eff (done c KCORE_EPERM t) with [] => _ | _ => _ end)
      with (if u =? v then Some (Life (book (o_pub (done c KCORE_EPERM t)) v)) else None).
    destruct (Z.eqb_spec u v) as [->|Y]; [|apply done_none; auto; now apply same_for_vm].
    apply done_life; auto. intros L. exfalso. revert L. subst t. unfold live, protected; fields. unfold upd. rewrite Z.eqb_refl. fields.
    rewrite andb_false_r. discriminate.
Qed.
Lemma end_becomes c u v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (REnd u) s) s (mkst (o_pub (destroy_end c u (P s))) (do_effects (o_eff (destroy_end c u (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold destroy_end.
  destruct (negb _); [apply (failed v c _ s u); auto|]. destruct (_ || _); [apply (failed v c KCORE_EBUSY s u); auto|].
  set (t := add_log _ _ _ _).
  change (match o_eff (done c 0 t) with [] => _ | _ => _ end) with (if u =? v then Some (Life (book (o_pub (done c 0 t)) v)) else None).
  destruct (Z.eqb_spec u v) as [->|Y].
  - apply done_life; auto. intros L. exfalso. revert L. subst t. unfold live, protected; fields. unfold upd. rewrite Z.eqb_refl. fields. discriminate.
  - apply done_none; auto. eapply same_for_trans; [apply (same_for_vm v u (vm_with_state VM_FREE (vm (P s) u)) (P s) Y)|repeat split; auto].
Qed.

(* A vCPU record is made or unmade: fresh context, fresh virtual GIC. *)
Lemma reset_becomes v c r w ok t s : sinv s -> is_vm v ->
  (forall x, x <> w -> vcpu t x = vcpu (P s) x) -> c_state (vcpu t w) <> VCPU_LOADED ->
  (forall u, life (vm t u) = life (vm (P s) u)) -> lf t = lf (P s) /\ owner t = owner (P s) -> cpu t = cpu (P s) ->
  becomes v (if vm_of w =? v then Some (Made w (book (o_pub (finish c r [Reset w] ok t)) v)) else None) s
    (mkst (o_pub (finish c r [Reset w] ok t)) (do_effects (o_eff (finish c r [Reset w] ok t)) (D s))).
Proof.
  intros I V A B C [E EO] F. destruct (finish_fields c r [Reset w] ok t) as (FO & F1 & F2 & F3 & F4). destruct (Z.eqb_spec (vm_of w) v) as [Y|Y].
  - split; [reflexivity|]. split; [|split; [|split; auto]]; cbn [P D].
    + intros L. split.
      * apply pages_effects; [auto|auto|auto|intros x; rewrite F3, E; reflexivity|apply owners_same; congruence|]. cbn. repeat constructor; intros p [].
      * apply regs_effects. intros x Wx _ Nx. rewrite F2, A by congruence. repeat split; auto; try (cbn; intros e [<-|[<-|[]]]; cbn; auto; fail).
        specialize (F4 (c_cpu (vcpu (P s) x))). unfold place_of_cpu in F4. rewrite F in F4. congruence.
    + intros L. left. split; [rewrite <- L; symmetry; apply live_life; rewrite F1; apply C|]. intros x _ X.
      destruct (Z.eq_dec w x) as [->|Nx]; auto. left. unfold exists_bit in *. rewrite F2, A in X; auto.
    + intros _ _ k. assert (W : forall j, ctx (do_effects (o_eff (finish c r [Reset w] ok t)) (D s)) w j = (if j =? W_SCTLR then 0xc50838 else 0) /\
        io (do_effects (o_eff (finish c r [Reset w] ok t)) (D s)) w j = 0) by (intros j; cbn; unfold upd; rewrite Z.eqb_refl; auto).
      split; [|apply W]. unfold reg. cbn [P D]. rewrite F2. apply Z.eqb_neq in B. rewrite B, andb_false_r. cbn [andb]. apply W.
  - apply finish_none; auto.
    + split; [apply C|]. split; [|split; [|split]]; [|now rewrite F|now rewrite E|now rewrite EO]. intros x Wx. rewrite A; auto. congruence.
    + intros x [<-|[]]. split; [intros p []|]. split; [|intros d []]. intros x Wx. cbn. split; congruence.
Qed.

Lemma vcpu_create_becomes c u k a v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (RVcpuCreate u k a) s) s
    (mkst (o_pub (vcpu_create c u k a (P s))) (do_effects (o_eff (vcpu_create c u k a (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold vcpu_create.
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply (failed v c _ s u); auto|] end).
  destruct (is (v_type (vm (P s) u)) KCORE_VM_PROTECTED).
  - destruct (pool_alloc u (P s)) as [t|] eqn:E; [|apply (failed v c _ s u); auto].
    pose proof (mild_alloc u [] u (P s) t E) as M. destruct (pool_alloc_quiet u (P s) t (i_tables _ I) E) as ([Q Ql] & _).
    apply reset_becomes; auto; fields; auto.
    + intros x X. unfold upd. destruct (Z.eqb_spec x (u * KCORE_VM_VCPUS + k)); [contradiction|]. now rewrite (h_vcpu _ _ Q).
    + unfold upd. rewrite Z.eqb_refl. discriminate.
    + intros x. unfold upd. destruct (Z.eqb_spec x u); subst; [|apply (d_vm _ _ _ _ M)]. apply (d_vm _ _ _ _ M).
    + split; [exact Ql|apply (h_owner _ _ Q)].
    + apply (h_cpu _ _ Q).
  - apply reset_becomes; auto; fields; auto.
    + intros x X. unfold upd. destruct (Z.eqb_spec x (u * KCORE_VM_VCPUS + k)); [contradiction|]. auto.
    + unfold upd. rewrite Z.eqb_refl. discriminate.
    + intros x. unfold upd. destruct (Z.eqb_spec x u); subst; auto.
Qed.

Lemma vcpu_destroy_becomes c w v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (RVcpuDestroy w) s) s
    (mkst (o_pub (vcpu_destroy c w (P s))) (do_effects (o_eff (vcpu_destroy c w (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold vcpu_destroy.
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply (failed v c _ s (vm_of w)); auto|] end).
  apply reset_becomes; auto.
  - intros x X. destruct (is _ KCORE_VM_PROTECTED); fields; unfold upd; destruct (Z.eqb_spec x w); auto; contradiction.
  - destruct (is _ KCORE_VM_PROTECTED); fields; unfold upd; rewrite Z.eqb_refl; discriminate.
  - intros x. destruct (is _ KCORE_VM_PROTECTED); fields; unfold upd; rewrite ?Z.eqb_refl; destruct (Z.eqb_spec x (vm_of w)); subst; auto.
  - destruct (is _ KCORE_VM_PROTECTED); auto.
  - destruct (is _ KCORE_VM_PROTECTED); auto.
Qed.

Lemma load_becomes c w v s : sinv s -> is_vm v ->
  becomes v (call_to_vm v c (RLoad w) s) s (mkst (o_pub (vcpu_load c w (P s))) (do_effects (o_eff (vcpu_load c w (P s))) (D s))).
Proof.
  unfold sinv. intros I V. unfold call_to_vm. cbn [hcall names]. unfold vcpu_load.
  assert (Z0 : forall r, becomes v (if 0 =? v then Some (Life (book (o_pub (done c r (P s))) v)) else None) s
    (mkst (o_pub (done c r (P s))) (do_effects (o_eff (done c r (P s))) (D s)))) by (intros; apply (failed v c r s 0); auto).
  destruct (negb _); [apply Z0|]. destruct (negb _); [apply Z0|]. destruct (_ || _) eqn:X; [apply Z0|]. clear Z0.
  apply orb_false_iff in X as [X1 X2]. apply negb_false_iff, is_true in X1, X2.
  set (pg := c_page (vcpu (P s) w)). set (t := change_vm (vm_of w) _ _).
  change (match o_eff (finish c 0 [VgicLoad c w pg] true t) with [] => _ | _ => _ end)
    with (if vm_of w =? v then Some (Loaded w (hreg (D s) c R_VMCR) (page_io (D s) pg)) else None).
  destruct (finish_fields c 0 [VgicLoad c w pg] true t) as (FO & F1 & F2 & F3 & F4).
  assert (F0 : u_fp (cpu (P s) c) = false) by (destruct (u_fp (cpu (P s) c)) eqn:F; auto; destruct (i_fp _ I c F X2)).
  assert (FP : forall d, u_fp (cpu (o_pub (finish c 0 [VgicLoad c w pg] true t)) d) = u_fp (cpu (P s) d)).
  { intros d. specialize (F4 d). unfold place_of_cpu in F4. assert (H : u_fp (cpu t d) = u_fp (cpu (P s) d)).
    { subst t; fields. unfold upd. destruct (Z.eqb_spec d c); try subst d; auto. } congruence. }
  assert (LT : forall u, life (vm t u) = life (vm (P s) u)) by (intros u; subst t; fields; unfold upd; destruct (Z.eqb_spec u (vm_of w)); subst; auto).
  assert (OT : forall x, x <> w -> vcpu t x = vcpu (P s) x) by (intros x N; subst t; fields; unfold upd; destruct (Z.eqb_spec x w); [contradiction|auto]).
  destruct (Z.eqb_spec (vm_of w) v) as [Y|Y].
  - assert (TW : vcpu t w = vcpu_with_state VCPU_LOADED c (vcpu (P s) w)) by (subst t; fields; unfold upd; now rewrite Z.eqb_refl).
    split; [|split; auto; split]; cbn [P D].
    + apply book_intro; [rewrite F1; apply LT|]. intros x _. unfold exists_bit. rewrite F2. destruct (Z.eq_dec x w) as [->|N].
      * rewrite TW; fields. rewrite X1. auto.
      * rewrite OT; auto.
    + intros L. split.
      * apply pages_effects; [auto|auto|auto|intros x; rewrite F3; reflexivity|apply owners_same; rewrite FO; reflexivity|]. cbn.
        repeat constructor; intros p [].
      * apply regs_effects. intros x Wx _ Nx. rewrite F2, OT by congruence. rewrite FP. repeat split; auto; cbn; intros e [<-|[<-|[]]]; cbn; auto.
    + intros _ _ k. split.
      * unfold reg. cbn [P D]. rewrite F2, TW, FP; fields. rewrite F0, X1, !andb_false_r. reflexivity.
      * apply (vgic_load_value (D s) c w pg k).
  - apply finish_none; auto.
    + split; [apply LT|]. split; [|split].
      * intros x Wx. rewrite OT; auto. congruence.
      * intros d. rewrite <- FP. specialize (F4 d). unfold place_of_cpu in F4. congruence.
      * auto.
    + intros x [<-|[]]. split; [intros p []|]. split; [|intros d []]. intros x Wx. cbn. split; auto. congruence.
Qed.

Lemma put_becomes c v s : sound -> sinv s -> is_vm v ->
  becomes v (call_to_vm v c RPut s) s (mkst (o_pub (vcpu_put c (P s))) (do_effects (o_eff (vcpu_put c (P s))) (D s))).
Proof.
  unfold sinv. intros B I V. unfold call_to_vm. cbn [hcall names]. rewrite (zero_not_vm v V).
  assert (X : forall o : out, (forall e, In e (o_eff o) -> match e with Boot _ _ | Reset _ | VgicLoad _ _ _ => False | _ => True end) ->
    match o_eff o with
    | Boot w pg :: _ => if vm_of w =? v then Some (Booted w (boot_regs (D s) pg) (book (o_pub o) v)) else None
    | Reset w :: _ => if vm_of w =? v then Some (Made w (book (o_pub o) v)) else None
    | VgicLoad d w pg :: _ => if vm_of w =? v then Some (Loaded w (hreg (D s) d R_VMCR) (page_io (D s) pg)) else None
    | _ => None
    end = None).
  { intros o H. destruct (o_eff o) as [|e l]; auto. specialize (H e (or_introl eq_refl)). destruct e; auto; contradiction. }
  rewrite X.
  2: { intros e. unfold vcpu_put. destruct (is _ NO_VCPU); cbn; [intros [<-|[]]; auto|]. rewrite <- app_assoc. intros H.
    apply in_app_or in H as [H|[<-|[<-|[]]]]; auto.
       apply fp_effect_in in H as [_ [-> | ->]]; auto. }
  clear X. unfold vcpu_put. destruct (is _ NO_VCPU) eqn:N; [apply done_none; auto using same_for_refl|]. apply is_false in N.
  set (w := u_vcpu (cpu (P s) c)) in *. set (pg := c_page (vcpu (P s) w)).
  destruct (i_cpu _ I c N) as [Lw Pw]. fold w in Lw, Pw.
  set (m := mkst (fp_release c (P s)) (do_effects (fp_effect c (P s)) (D s))).
  apply (none_trans v s m); [now apply fp_release_steady|].
  set (t := change_vm (vm_of w) _ _). set (ok := 1 <=? _).
  assert (Im : sinv m) by (apply fp_release_inv; auto).
  destruct (finish_fields c 0 (fp_effect c (P s) ++ [VgicSave c w pg]) ok t) as (FO & F1 & F2 & F3 & F4).
  remember (o_pub (finish c 0 (fp_effect c (P s) ++ [VgicSave c w pg]) ok t)) as q eqn:Eq. clear Eq.
  replace (do_effects (o_eff (finish c 0 (fp_effect c (P s) ++ [VgicSave c w pg]) ok t)) (D s)) with (do_effects [VgicSave c w pg; HostX c 0 0] (D m)).
  2: { subst m. cbn [D finish o_eff]. unfold do_effects. rewrite !fold_left_app. reflexivity. }
  assert (LT : life (vm t v) = life (vm (P m) v)) by (subst t m; cbn [P]; unfold fp_release; fields; unfold upd;
    destruct (Z.eqb_spec v (vm_of w)) as [->|]; auto).
  assert (OT : forall x, x <> w -> vcpu t x = vcpu (P m) x) by (intros x Y; subst t m; cbn [P]; unfold fp_release; fields; unfold upd;
    destruct (Z.eqb_spec x w); [contradiction|auto]).
  assert (TW : vcpu t w = vcpu_with_state VCPU_READY 0 (vcpu (P s) w)) by (subst t; unfold fp_release; fields; unfold upd; now rewrite Z.eqb_refl).
  assert (MW : vcpu (P m) w = vcpu (P s) w) by reflexivity.
  assert (FP : forall d, u_fp (cpu q d) = u_fp (cpu (P m) d)).
  { intros d. specialize (F4 d). unfold place_of_cpu in F4. assert (H : u_fp (cpu t d) = u_fp (cpu (P m) d)).
    { subst t m; cbn [P]; unfold fp_release; fields. unfold upd. destruct (Z.eqb_spec d c); rewrite ?Z.eqb_refl; fields; auto. } congruence. }
  assert (MF : u_fp (cpu (P m) c) = false) by (subst m; cbn [P]; unfold fp_release; fields; unfold upd; now rewrite Z.eqb_refl).
  split; cbn [P].
  - apply book_intro; [rewrite F1; auto|]. intros x _. unfold exists_bit. rewrite F2. destruct (Z.eq_dec x w) as [->|Y]; [|rewrite OT; auto].
    rewrite TW, MW; fields. rewrite Lw. auto.
  - intros L. split.
    + apply pages_effects; [auto|auto|auto|intros x; rewrite F3; reflexivity|apply owners_same; rewrite FO; reflexivity|].
      constructor; [|repeat constructor; intros p []].
      apply elsewhere_host; auto. cbn. intros p <-. unfold host_ok. cbn. apply (vcpu_page_ok (P s) w I). rewrite Lw. discriminate.
    + intros x Wx Ex _ k. split; [|cbn; reflexivity]. destruct (Z.eq_dec x w) as [->|Y].
      * unfold reg. cbn [P D]. rewrite F2, TW, MW, Pw, MF; fields. rewrite !andb_false_r. reflexivity.
      * apply reg_intro; cbn [P D]; rewrite ?F2, ?OT; auto.
Qed.

Theorem call_becomes c r v s : sound -> sinv s -> is_vm v ->
  becomes v (call_to_vm v c r s) s (mkst (o_pub (hcall c r (P s))) (do_effects (o_eff (hcall c r (P s))) (D s))).
Proof.
  intros B I V.
  assert (Done : forall x, becomes v (if 0 =? v then Some (Life (book (o_pub (done c x (P s))) v)) else None) s
    (mkst (o_pub (done c x (P s))) (do_effects (o_eff (done c x (P s))) (D s)))) by (intros; apply (failed v c x s 0); auto).
  assert (Pro : forall k e, (forall x, In x e -> exists n y, x = HostX c n y) -> becomes v None s
    (mkst (o_pub (proceed c k e true (P s))) (do_effects e (D s)))).
  { intros k e H. apply same_for_none; auto.
    - split; [auto|]. split; [auto|]. split; [|auto]. intros d. cbn. unfold upd. destruct (Z.eqb_spec d c); try subst d; auto.
    - intros x X. destruct (H x X) as (n & y & ->). apply aside_x. }
  destruct r; cbn [hcall]; auto using create_becomes, finalise_becomes, start_becomes, begin_becomes, end_becomes, vcpu_create_becomes, vcpu_destroy_becomes,
    load_becomes, put_becomes; unfold call_to_vm; cbn [hcall names]; try apply Done.
  - unfold destroy_step. destruct (negb _); [apply Done|]. cbn [proceed o_eff]. rewrite (zero_not_vm v V). apply Pro. intros x [].
  - destruct (_ || _) eqn:Bd; [apply Done|]. set (i := a / PAGE_BYTES). set (p := b / PAGE_BYTES).
    assert (NH : v0 <> OWNER_HOST) by (intros ->; cbn in Bd; discriminate).
    pose proof (donate_take_mildly c v0 i p (P s) B NH) as M.
    replace (match o_eff (donate_take c v0 i p (P s)) with [] => _ | _ => _ end) with (@None msg).
    + apply (mildly_same v0 v); auto. intros _. split; [|split].
      * intros x. apply donate_take_lf; auto using vm_not_host.
      * apply donate_take_owners; auto.
      * intros q X. destruct (donate_take_scrub c v0 i p (P s) q X).
    + rewrite (zero_not_vm v V). destruct M as [_ F]. destruct (o_eff _) as [|e l]; auto. inversion F as [|? ? F1 F2]; subst.
      destruct e; cbn in F1; tauto || auto.
  - destruct (_ || _); [apply Done|]. cbn [proceed o_eff]. rewrite (zero_not_vm v V). apply Pro. intros x [].
  - destruct (range_bad _ _ _); [apply Done|]. cbn [proceed o_eff]. rewrite (zero_not_vm v V). apply Pro. intros x [].
  - destruct (range_bad _ _ _); [apply Done|]. cbn [proceed o_eff]. rewrite (zero_not_vm v V). apply Pro. intros x [<-|[]]. eauto.
  - unfold log_read. destruct (_ <=? seq); [apply Done|]. destruct (if _ <=? _ then _ else _) as [[[e a] b]|]; [|apply Done].
    cbn [finish o_eff app]. rewrite (zero_not_vm v V). apply finish_none; auto using same_for_refl.
    intros x [<-|[<-|[<-|[<-|[]]]]]; apply aside_x.
  - unfold vmcr_read. destruct (_ || _); [apply Done|]. cbn [o_eff o_pub]. rewrite (zero_not_vm v V). apply same_for_none; auto.
    + split; [auto|]. split; [auto|]. split; [|auto]. intros d. cbn. unfold upd. destruct (Z.eqb_spec d c); try subst d; auto.
    + intros x [<-|[]]. split; [intros p []|]. split; [cbn; tauto|intros d []].
  - destruct (bad_page a); [apply Done|]. unfold vm_measure. destruct (negb _); [apply Done|]. destruct (lf (P s) v0 _); apply Done.
  - cbn [finish o_eff app]. rewrite (zero_not_vm v V). apply (finish_none v c 0 [HostX c 1 word]); auto using same_for_refl.
    intros x [<-|[]]. apply aside_x.
Qed.
End VmCalls.
