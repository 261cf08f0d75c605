(* SPDX-License-Identifier: GPL-2.0-only *)
(* The invariant under changes of owner and under the mappings of normal VMs; what the core may count on ([o_ok]). *)
From KCore Require Export top.InvMap.

Ltac owners := unfold OWNER_HOST, OWNER_CORE, HOST, KCORE_NR_VMS in *; congruence.

Section InvOwn.
Context {cfg : config}.

(* The real core: no check is broken. *)
Definition sound : Prop := forall k, broken k = false.

Lemma guarded_dec s v : {guarded s v} + {~ guarded s v}.
Proof. unfold guarded. apply Z.eq_dec. Qed.
Lemma is_true a b : is a b = true -> a = b.
Proof. apply Z.eqb_eq. Qed.
Lemma is_false a b : is a b = false -> a <> b.
Proof. apply Z.eqb_neq. Qed.
Lemma vm_not_host v : is_vm v -> v <> HOST.
Proof. unfold is_vm, HOST. lia. Qed.
Lemma vm_not_core v : is_vm v -> v <> OWNER_CORE.
Proof. unfold is_vm, KCORE_NR_VMS, OWNER_CORE. lia. Qed.
Lemma named_vm s v k : inv s -> k <> VM_FREE -> v_state (vm s v) = k -> is_vm v.
Proof. intros I N E. apply (i_vm s I). congruence. Qed.

(* ------------------------------------------------------------------ donation, section 1 *)

Definition take (c v i p : Z) (s : pub) : pub :=
  set_call c (CDonate v i p) (add_cnt KCORE_STAT_pages_vm 1
    (change_vm v (fun r => vm_with_pages (v_pages r + 1) r) (set_owner (upd (owner s) p v) s))).

Lemma take_inv c v i p s : inv s -> is_vm v -> guarded s v -> v_state (vm s v) = VM_READY ->
  dram p = true -> owner s p = OWNER_HOST -> maps s p = 0 -> host_without p s -> inv (take c v i p s).
Proof.
  intros I V G R Dp O M H. pose proof (vm_not_host v V) as NH.
  assert (U : forall u, ~ uses s p u) by (intros u; apply unmapped_unused; auto).
  assert (X : forall w x l, w <> HOST -> lf s w x = Some l -> covered p l x -> False).
  { intros w x l N L C. apply (U (ULeaf w x)). cbn. split; [|split; [intros _; rewrite O; auto|eauto]].
    destruct (Z.eq_dec (v_state (vm s w)) VM_FREE) as [F|F]; [rewrite (i_free s I w x N F) in L; discriminate|apply (i_vm s I w F)]. }
  assert (Tt : tables (take c v i p s)) by (apply (tables_same s); auto; apply I).
  remember (take c v i p s) as t eqn:Et.
  assert (Eo : owner t = upd (owner s) p v) by (subst; auto). assert (Em : maps t = maps s) by (subst; auto).
  assert (El : lf t = lf s) by (subst; auto). assert (Ew : vcpu t = vcpu s) by (subst; auto).
  assert (Ev : vm t = upd (vm s) v (vm_with_pages (v_pages (vm s v) + 1) (vm s v))) by (subst; auto).
  assert (Ec : cpu t = upd (cpu s) c (cpu_with_call (CDonate v i p) (cpu s c))) by (subst; auto).
  clear Et.
  assert (K : forall w, guarded t w <-> guarded s w) by (intros w; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall w, v_state (vm t w) = v_state (vm s w)) by (intros w; rewrite Ev; keys; auto).
  split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Em, ?El, ?Ew, ?Ev, ?Ec in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros q C. specialize (B q C). unfold host_ok in *. rewrite Eo.
    destruct (dram q); auto. unfold upd. destruct (Z.eqb_spec q p); auto. subst. destruct (H x l); auto.
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - destruct (i_guarded s I v0 x l) as (A & B & C); auto. repeat split; auto. unfold upd. destruct (Z.eqb_spec (l_page l) p) as [E|E]; auto.
    exfalso. eapply (X v0 x l); eauto. unfold covered. rewrite E. destruct x; cbn; lia.
  - eapply (i_once s I v0); eauto.
  - destruct (i_normal s I v0 x l) with (p := p0) as [A B]; auto. split; auto. unfold host_ok in *. rewrite Eo. destruct (dram p0); auto.
    unfold upd. destruct (Z.eqb_spec p0 p); auto. subst. exfalso. eauto.
  - unfold upd in *. destruct (Z.eqb_spec p0 p) as [E|E]; [auto|]. apply (i_owner s I p0); auto.
  - apply (covers_mono (uses s p0) _ (maps s p0)); [apply (i_maps s I)| |lia]. intros [w|w x]; cbn; rewrite ?Ew, ?El; auto.
    rewrite K, Eo. intros (A & B & C). split; auto. split; auto. unfold upd in B. destruct (Z.eqb_spec p0 p) as [->|]; auto.
    intros _. rewrite O. apply not_eq_sym, vm_not_host, A.
  - destruct (Z.eq_dec v0 v) as [->|E]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in E as E'; rewrite E']; fields.
    + apply (covers_add asset_dec (has s v) _ _ (APage p)); [apply (i_pages s I); auto|].
      intros [q|x]; cbn; rewrite ?Eo, ?El; unfold upd; [rewrite K; destruct (Z.eqb_spec q p) as [->|Q]; auto|].
      intros Y. left. destruct (lf s v x) as [l|]; auto. rewrite K in Y. destruct (Z.eqb_spec (l_page l) p) as [E|]; auto. destruct (Y G). auto.
    + apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |lia].
      intros [q|x]; cbn; rewrite ?Eo, ?El; unfold upd; [rewrite K; destruct (Z.eqb_spec q p); auto; intros [_ F]; congruence|].
      destruct (lf s v0 x) as [l|] eqn:L; auto. rewrite K. destruct (Z.eqb_spec (l_page l) p) as [E2|]; auto. intros _ _. rewrite E2, O.
        apply not_eq_sym, vm_not_host, H0.
  - apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold vcpu_of; rewrite Ew; auto.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold loaded_of; rewrite Ew; auto.
  - destruct (i_vcpu s I w) as (A & B & C); auto. repeat split; auto. unfold upd. destruct (Z.eqb_spec (c_page (vcpu s w)) p) as [E|E]; auto.
    destruct (U (UVcpu w)). cbn. auto.
  - destruct (i_loaded s I w) as [A B]; auto. split; auto. keys; fields; auto.
  - unfold upd in *. destruct (Z.eqb_spec c0 c); subst; fields; apply (i_cpu s I); auto.
  - unfold upd in *. destruct (Z.eqb_spec c0 c); subst; fields; apply (i_run s I); auto.
  - unfold upd in *. destruct (Z.eqb_spec c0 c); subst; fields; apply (i_fp s I); auto.
  - unfold upd in *. destruct (Z.eqb_spec c0 c) as [E|E]; fields.
    + injection H0 as <- <- <-. rewrite Z.eqb_refl. repeat split; auto; try apply V.
      intros x l L Y. apply (X v x l); auto. unfold covered. rewrite Y. destruct x; cbn; lia.
    + destruct (i_flight s I c0 v0 i0 p0) as (A & B & C & F); auto. split; auto. split; auto. split; auto.
      destruct (Z.eqb_spec p0 p); auto. subst. exfalso. pose proof (vm_not_host _ A). owners.
  - unfold upd in *. destruct (Z.eqb_spec c0 c) as [E|E], (Z.eqb_spec d c) as [E'|E']; subst; fields; auto.
    + injection H0 as <- <- <-. destruct (i_flight s I d w j p H1) as (A & _ & B & _). pose proof (vm_not_host _ A). owners.
    + injection H1 as <- <- <-. destruct (i_flight s I c0 v0 i0 p H0) as (A & _ & B & _). pose proof (vm_not_host _ A). owners.
    + eapply (i_flights s I); eauto.
Qed.

(* ------------------------------------------------------------------ back to the host *)

Lemma reclaim_inv v p s : inv s -> is_vm v -> guarded s v -> dram p = true -> owner s p = v ->
  (forall x l, lf s v x = Some l -> l_page l <> p) -> (forall c w i, u_call (cpu s c) <> CDonate w i p) ->
  inv (reclaim v p s).
Proof.
  intros I V G Dp O L F. pose proof (vm_not_host v V) as NH.
  assert (Tt : tables (reclaim v p s)) by (apply (tables_same s); auto; apply I).
  remember (reclaim v p s) as t eqn:Et.
  assert (Eo : owner t = upd (owner s) p OWNER_HOST) by (subst; auto). assert (Em : maps t = maps s) by (subst; auto).
  assert (El : lf t = lf s) by (subst; auto). assert (Ew : vcpu t = vcpu s) by (subst; auto).
  assert (Ev : vm t = upd (vm s) v (vm_with_pages (v_pages (vm s v) - 1) (vm s v))) by (subst; auto).
  assert (Ec : cpu t = cpu s) by (subst; auto).
  clear Et.
  assert (K : forall w, guarded t w <-> guarded s w) by (intros w; unfold guarded; rewrite Ev; keys; fields; tauto).
  assert (S : forall w, v_state (vm t w) = v_state (vm s w)) by (intros w; rewrite Ev; keys; auto).
  assert (H : forall q, host_ok s q = true -> host_ok t q = true).
  { intros q. unfold host_ok; rewrite Eo. destruct (dram q); auto. unfold upd. destruct (q =? p); auto. }
  split; intros; try rewrite S in *; try rewrite K in *; rewrite ?Eo, ?Em, ?El, ?Ew, ?Ev, ?Ec in *; auto.
  - destruct (i_host s I x l) as [A B]; auto.
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - destruct (i_guarded s I v0 x l) as (A & B & C); auto. repeat split; auto. unfold upd.
    destruct (Z.eqb_spec (l_page l) p) as [E|E]; auto.
  - eapply (i_once s I v0); eauto.
  - destruct (i_normal s I v0 x l) with (p := p0) as [A B]; auto.
  - unfold upd in *. destruct (Z.eqb_spec p0 p) as [E|E]; [congruence|]. apply (i_owner s I p0); auto.
  - apply (covers_mono (uses s p0) _ (maps s p0)); [apply (i_maps s I)| |lia]. intros [w|w x]; cbn; rewrite ?Ew, ?El; auto.
    rewrite K, Eo. intros (A & B & C & l & Y & Z). split; auto. split; [|eauto]. unfold upd in B. destruct (Z.eqb_spec p0 p) as [->|]; auto.
    intros Gw Ow. assert (Wv : w = v) by congruence. rewrite Wv in Y. destruct (i_guarded s I v x l NH G Y) as ((j & ->) & _). apply (L _ _ Y).
      unfold covered in Z. cbn in Z. lia.
  - destruct (Z.eq_dec v0 v) as [->|E]; unfold upd; [rewrite Z.eqb_refl|apply Z.eqb_neq in E as E'; rewrite E']; fields.
    + apply (covers_sub asset_dec (has s v) _ _ (APage p)); [apply (i_pages s I); auto|cbn; auto|].
      intros [q|x]; cbn; rewrite ?Eo, ?El; unfold upd.
      * rewrite K. destruct (Z.eqb_spec q p) as [->|Q]; [intros [_ E]; owners|]. split; auto. congruence.
      * split; [|discriminate]. destruct (lf s v x) as [l|] eqn:Y; auto. rewrite K in H1. destruct (Z.eqb_spec (l_page l) p) as [E|]; auto.
        destruct (L _ _ Y E).
    + apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |lia].
      intros [q|x]; cbn; rewrite ?Eo, ?El; unfold upd.
      * rewrite K. destruct (Z.eqb_spec q p); auto. intros [_ X]. pose proof (vm_not_host v0 H0). owners.
      * destruct (lf s v0 x) as [l|] eqn:Y; auto. rewrite K. destruct (Z.eqb_spec (l_page l) p) as [E2|]; auto. intros _ _. rewrite E2. congruence.
  - apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold vcpu_of; rewrite Ew; auto.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |unfold upd; destruct (Z.eqb_spec v0 v); subst; fields; lia].
    intros w; unfold loaded_of; rewrite Ew; auto.
  - destruct (i_vcpu s I w) as (A & B & C); auto. repeat split; auto. unfold upd. destruct (_ =? p); auto.
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - destruct (i_flight s I c v0 i p0) as (A & B & C & E); auto. split; auto. split; auto. split; auto.
    unfold upd. destruct (Z.eqb_spec p0 p); auto. subst. edestruct F; eauto.
  - eapply (i_flights s I); eauto.
Qed.

Lemma reclaim_is_ok v p s : inv s -> is_vm v -> guarded s v -> dram p = true -> owner s p = v -> reclaim_ok v p s = true.
Proof.
  intros I V G Dp O. unfold reclaim_ok. rewrite Dp, O, Z.eqb_refl. cbn. apply Z.leb_le.
  apply (covers_pos _ _ (APage p) (i_pages s I v V)). cbn. auto.
Qed.

(* ------------------------------------------------------------------ donation, section 2 *)

Definition land_page (c v i p : Z) (s : pub) : pub := set_call c CNone (set_leaf v (Page i) (Some (mkleaf p 7)) s).

Lemma land_inv c v i p s : inv s -> u_call (cpu s c) = CDonate v i p -> lf s v (Page i) = None ->
  s1 s v (i / 262144) = true -> tab s v (i / 512) = true -> inv (land_page c v i p s).
Proof.
  intros I C N S1 T. destruct (i_flight s I c v i p C) as (V & Dp & O & L). pose proof (vm_not_host v V) as NH.
  assert (G : guarded s v /\ v_state (vm s v) <> VM_FREE).
  { destruct (i_owner s I p) as (_ & A & B); rewrite ?O; auto using vm_not_core. rewrite O in *. split; auto.
    destruct B as [-> | ->]; discriminate. }
  destruct G as [G NF].
  assert (I' : inv (set_call c CNone s)) by (apply inv_call; auto; intros ? ? ? ?; discriminate).
  unfold land_page. change (set_call c CNone (set_leaf v (Page i) (Some (mkleaf p 7)) s))
    with (set_leaf v (Page i) (Some (mkleaf p 7)) (set_call c CNone s)).
  assert (F : forall d w j, u_call (cpu (set_call c CNone s) d) <> CDonate w j p).
  { intros d w j. fields. unfold upd. destruct (Z.eqb_spec d c); fields; [discriminate|]. intros E.
    apply n. eapply (i_flights s I); eauto. }
  assert (L' : forall x l, lf (set_call c CNone s) v x = Some l -> l_page l <> p) by (fields; auto).
  set (t := set_call c CNone s) in *.
  assert (E : forall y l, lf (set_leaf v (Page i) (Some (mkleaf p 7)) t) v y = Some l ->
            y = Page i /\ l = mkleaf p 7 \/ y <> Page i /\ lf t v y = Some l).
  { intros y l. rewrite set_leaf_lf, Z.eqb_refl. cbn [andb]. destruct (place_eqb_spec y (Page i)); auto. intros [= <-]. auto. }
  assert (E' : forall w y, w <> v -> lf (set_leaf v (Page i) (Some (mkleaf p 7)) t) w y = lf t w y).
  { intros w y W. rewrite set_leaf_lf. destruct (Z.eqb_spec w v); [contradiction|auto]. }
  assert (Gt : guarded t v) by exact G.
  split; intros; try (apply I'; auto; fail).
  - rewrite E' in H by auto. apply (i_host t I' x l); auto.
  - destruct (Z.eq_dec v0 v) as [->|W]; [contradiction|]. rewrite E' by auto. apply (i_free t I'); auto.
  - destruct (Z.eq_dec v0 v) as [->|W]; [|rewrite E' in H1 by auto; apply (i_guarded t I'); auto].
    destruct (E _ _ H1) as [[-> ->]|[_ X]]; [eauto|apply (i_guarded t I'); auto].
  - destruct (Z.eq_dec v0 v) as [->|W]; [|rewrite E' in H1, H2 by auto; eapply (i_once t I' v0); eauto].
    destruct (E _ _ H1) as [[-> ->]|[_ X]], (E _ _ H2) as [[-> ->]|[_ Y]]; auto; fields.
    + destruct (L' _ _ Y); auto.
    + destruct (L' _ _ X); auto.
    + eapply (i_once t I' v); eauto.
  - destruct (Z.eq_dec v0 v) as [->|W]; [contradiction|]. rewrite E' in H1 by auto. apply (i_normal t I' v0 x l); auto.
  - apply (covers_mono (uses t p0) _ (maps t p0)); [apply (i_maps t I')| |fields; lia]. intros [w|w x]; cbn -[set_leaf lf]; auto.
    intros (A & B & X & l & Y & Z). destruct (Z.eq_dec w v) as [->|W]; [|rewrite E' in Y by auto; eauto 10].
    destruct (E _ _ Y) as [[-> ->]|[_ Y']]; [|eauto 10]. unfold covered in Z. cbn in Z. destruct (B Gt). replace p0 with p by lia. exact O.
  - apply (covers_mono (has t v0) _ (v_pages (vm t v0))); [apply (i_pages t I'); auto| |fields; lia].
    intros [q|x]; cbn -[set_leaf lf]; auto. destruct (Z.eq_dec v0 v) as [->|W]; [|now rewrite E' by auto].
    destruct (lf (set_leaf v (Page i) (Some (mkleaf p 7)) t) v x) as [l|] eqn:Y; [|tauto]. destruct (E _ _ Y) as [[_ ->]|[_ ->]]; auto.
    intros B. destruct (B Gt). exact O.
  - apply (i_fp t I'); auto.
  - destruct (i_flight t I' c0 v0 i0 p0) as (A & B & X & Y); auto. split; auto. split; auto. split; auto. intros x l H'.
    destruct (Z.eq_dec v0 v) as [->|W]; [|rewrite E' in H' by auto; eauto].
    destruct (E _ _ H') as [[-> ->]|[_ Z]]; [|eauto]. cbn. intros <-. eapply F; eauto.
  - eapply (i_flights t I'); eauto.
  - destruct (i_tables t I') as [X Y Z]. split.
    + intros w j l. destruct (Z.eq_dec w v) as [->|W]; [|rewrite E' by auto; apply X]. intros H.
      destruct (E _ _ H) as [[[= ->] _]|[_ H']]; [split; auto|eapply X; eauto].
    + intros w b l. destruct (Z.eq_dec w v) as [->|W]; [|rewrite E' by auto; apply Y]. intros H.
      destruct (E _ _ H) as [[[=] _]|[_ H']]. eapply Y; eauto.
    + apply Z.
Qed.
End InvOwn.
