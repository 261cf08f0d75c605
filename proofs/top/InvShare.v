(* SPDX-License-Identifier: GPL-2.0-only *)
(* The invariant under what protected guests ask of their memory: sharing, taking back, giving up. *)
From KCore Require Export top.InvLife.

Section InvShare.
Context {cfg : config}.

Lemma covers_one {A} (U : A -> Prop) n a b : covers U n -> n <= 1 -> U a -> U b -> a = b.
Proof.
  intros (l & _ & I & E) N X Y. pose proof (I a X) as Ia. pose proof (I b Y) as Ib.
  destruct l as [|c [|d l]]; [destruct Ia| |cbn [length] in E; lia]. destruct Ia as [<-|[]], Ib as [<-|[]]. auto.
Qed.
Lemma covers_swap {A} (dec : forall x y : A, {x = y} + {x <> y}) (U V : A -> Prop) n a b :
  covers U n -> U a -> (forall x, V x -> (U x /\ x <> a) \/ x = b) -> covers V n.
Proof.
  intros C Ua S. replace n with (n - 1 + 1) by lia. apply (covers_add dec (fun x => U x /\ x <> a) V (n - 1) b); auto.
  apply (covers_sub dec U (fun x => U x /\ x <> a) n a); auto.
Qed.

(* A page changes hands, and the count of its mappings with it; nothing else does. *)
Record handed (p w d : Z) (s t : pub) : Prop := {
  n_owner : owner t = upd (owner s) p w;
  n_maps : forall q, maps t q = if inside q p 1 then maps s q + d else maps s q;
  n_lf : lf t = lf s; n_vcpu : vcpu t = vcpu s; n_cpu : cpu t = cpu s; n_vm : vm t = vm s;
  n_s1 : s1 t = s1 s; n_tab : tab t = tab s
}.
Lemma share_handed p s : handed p OWNER_HOST 1 s (share p s).
Proof. split; reflexivity. Qed.
Lemma unshare_handed v p s : handed p v (-1) s (unshare v p s).
Proof. split; reflexivity. Qed.

Lemma page_covered l i : covered (l_page l) l (Page i).
Proof. unfold covered. cbn. lia. Qed.

(* Who uses a page that is shared. *)
Lemma leaf_user s v x l : is_vm v -> lf s v x = Some l -> guarded s v -> dram (l_page l) = true -> owner s (l_page l) <> v ->
  uses s (l_page l) (ULeaf v x).
Proof. intros V L G D O. cbn. split; auto. split; auto. split; auto. exists l. split; auto. unfold covered. destruct x; cbn; lia. Qed.
Lemma leaf_vm s v x l : inv s -> v <> HOST -> lf s v x = Some l -> is_vm v.
Proof.
  intros I N L. destruct (Z.eq_dec (v_state (vm s v)) VM_FREE) as [F|F]; [rewrite (i_free s I v x N F) in L; discriminate|apply (i_vm s I v F)].
Qed.

(* ------------------------------------------------------------------ shared *)

Lemma share_inv v x l s : inv s -> is_vm v -> guarded s v -> lf s v x = Some l -> owner s (l_page l) = v -> inv (share (l_page l) s).
Proof.
  intros I V G L O. pose proof (vm_not_host v V) as NH. destruct (i_guarded s I v x l NH G L) as (_ & Dp & _).
  set (p := l_page l) in *. assert (Tt : tables (share p s)) by (apply (tables_same s); auto; apply I).
  destruct (share_handed p s) as [Eo Em El Ew Ec Ev _ _]. remember (share p s) as t eqn:Et. clear Et.
  assert (K : forall w, guarded t w <-> guarded s w) by (intros w; unfold guarded; rewrite Ev; tauto).
  assert (Op : owner t p = OWNER_HOST) by (rewrite Eo; unfold upd; now rewrite Z.eqb_refl).
  assert (Oq : forall q, q <> p -> owner t q = owner s q) by (intros q N; rewrite Eo; unfold upd; apply Z.eqb_neq in N; now rewrite N).
  assert (H : forall q, host_ok s q = true -> host_ok t q = true).
  { intros q. unfold host_ok. destruct (dram q); auto. destruct (Z.eq_dec q p) as [->|N]; [now rewrite Op|now rewrite Oq]. }
  assert (A : forall w y m q, w <> HOST -> guarded s w -> lf s w y = Some m -> covered q m y -> q = p -> w = v /\ y = x).
  { intros w y m q Nw Gw Y C ->. destruct (i_guarded s I w y m Nw Gw Y) as ((j & ->) & _ & Om). unfold covered in C. cbn in C.
    assert (E : l_page m = p) by lia. rewrite E, O in Om. assert (w = v) by (destruct Om; [auto|contradiction]). subst w. split; auto.
    apply (i_once s I v (Page j) x m l); auto. }
  clear Eo. split; intros; try rewrite K in *; rewrite ?El, ?Ew, ?Ev, ?Ec in *; auto.
  - destruct (i_host s I x0 l0) as [B C]; auto.
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - destruct (i_guarded s I v0 x0 l0) as (B & C & D); auto. split; auto. split; auto.
    destruct (Z.eq_dec (l_page l0) p) as [->|N]; [auto|now rewrite Oq].
  - eapply (i_once s I v0); eauto.
  - destruct (i_normal s I v0 x0 l0) with (p := p0) as [B C]; auto.
  - destruct (Z.eq_dec p0 p) as [->|N]; [congruence|]. rewrite Oq in * by auto. apply (i_owner s I p0); auto.
  - rewrite Em. destruct (inside p0 p 1) eqn:E.
    + apply inside_spec in E. assert (p0 = p) by lia. subst p0. apply (covers_add user_dec (uses s p) _ _ (ULeaf v x)); [apply (i_maps s I)|].
      intros [w|w y]; cbn; rewrite ?Ew, ?El; auto. rewrite K. intros (B & C & D & m & Y & Z). pose proof (vm_not_host w B) as Nw.
      destruct (guarded_dec s w) as [Gw|Gw]; [right; destruct (A w y m p) as [-> ->]; auto|]. left. split; auto. split; [tauto|eauto].
    + apply inside_false in E. apply (covers_mono (uses s p0) _ (maps s p0)); [apply (i_maps s I)| |lia].
      intros [w|w y]; cbn; rewrite ?Ew, ?El; auto. rewrite K, Oq by lia. auto.
  - destruct (Z.eq_dec v0 v) as [->|E].
    + apply (covers_swap asset_dec (has s v) _ _ (APage p) (ALeaf x)); [apply (i_pages s I); auto|cbn; auto|].
      intros [q|y]; cbn; rewrite ?El.
      * rewrite K. intros [_ B]. left. destruct (Z.eq_dec q p) as [->|N]; [owners|]. rewrite Oq in B by auto. split; [auto|congruence].
      * destruct (lf s v y) as [m|] eqn:Y; [|tauto]. intros B. destruct (i_guarded s I v y m NH G Y) as ((j & E) & _).
        destruct (Z.eq_dec (l_page m) p) as [Ep|N].
        -- right. f_equal. apply (i_once s I v y x m l); auto.
        -- left. split; [|discriminate]. rewrite K, Oq in B by auto. auto.
    + apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |lia].
      intros [q|y]; cbn; rewrite ?El.
      * rewrite K. destruct (Z.eq_dec q p) as [->|N]; [|now rewrite Oq]. rewrite Op. intros [_ B]. pose proof (vm_not_host v0 H0). owners.
      * destruct (lf s v0 y) as [m|] eqn:Y; auto. rewrite K. destruct (Z.eq_dec (l_page m) p) as [->|N]; [congruence|now rewrite Oq].
  - apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |lia]. intros w; unfold vcpu_of; rewrite Ew; auto.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |lia]. intros w; unfold loaded_of; rewrite Ew; auto.
  - destruct (i_vcpu s I w) as (B & C & D); auto. repeat split; auto. destruct (Z.eq_dec (c_page (vcpu s w)) p) as [->|N]; [auto|now rewrite Oq].
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - destruct (i_flight s I c v0 i p0) as (B & C & D & F); auto. split; auto. split; auto. split; auto.
    destruct (Z.eq_dec p0 p) as [->|N]; [|now rewrite Oq]. exfalso. rewrite O in D. subst v0. apply (F x l L). auto.
  - eapply (i_flights s I); eauto.
Qed.

(* ------------------------------------------------------------------ taken back *)

Lemma unshare_inv v x l s : inv s -> is_vm v -> guarded s v -> v_state (vm s v) = VM_READY -> lf s v x = Some l ->
  owner s (l_page l) = OWNER_HOST -> maps s (l_page l) = 1 -> host_without (l_page l) s -> inv (unshare v (l_page l) s).
Proof.
  intros I V G R L O M W. pose proof (vm_not_host v V) as NH. destruct (i_guarded s I v x l NH G L) as ((i & Xi) & Dp & _).
  set (p := l_page l) in *. assert (Tt : tables (unshare v p s)) by (apply (tables_same s); auto; apply I).
  destruct (unshare_handed v p s) as [Eo Em El Ew Ec Ev _ _]. remember (unshare v p s) as t eqn:Et. clear Et.
  assert (K : forall w, guarded t w <-> guarded s w) by (intros w; unfold guarded; rewrite Ev; tauto).
  assert (Op : owner t p = v) by (rewrite Eo; unfold upd; now rewrite Z.eqb_refl).
  assert (Oq : forall q, q <> p -> owner t q = owner s q) by (intros q N; rewrite Eo; unfold upd; apply Z.eqb_neq in N; now rewrite N).
  assert (Mine : uses s p (ULeaf v x)) by (apply leaf_user; auto; fold p; rewrite O; auto).
  assert (Only : forall u, uses s p u -> u = ULeaf v x) by (intros u U; apply (covers_one _ _ u (ULeaf v x) (i_maps s I p)); auto; lia).
  assert (A : forall w y m, w <> HOST -> lf s w y = Some m -> covered p m y -> w = v /\ y = x).
  { intros w y m Nw Y C. pose proof (leaf_vm s w y m I Nw Y) as Vw. assert (E : ULeaf w y = ULeaf v x); [|injection E; auto]. apply Only. cbn.
    split; auto. split; [intros _; rewrite O; auto|eauto]. }
  clear Eo. split; intros; try rewrite K in *; rewrite ?El, ?Ew, ?Ev, ?Ec in *; auto.
  - destruct (i_host s I x0 l0) as [B C]; auto. split; auto. intros q Q. specialize (C q Q). unfold host_ok in *. destruct (dram q); auto.
    destruct (Z.eq_dec q p) as [->|N]; [destruct (W x0 l0); auto|now rewrite Oq].
  - apply (i_vm s I); auto.
  - apply (i_free s I); auto.
  - destruct (i_guarded s I v0 x0 l0) as ((j & B) & C & D); auto. split; eauto. split; auto.
    destruct (Z.eq_dec (l_page l0) p) as [E|N]; [|now rewrite Oq]. left. rewrite E, Op. symmetry. apply (A v0 x0 l0); auto. rewrite <- E, B. apply page_covered.
  - eapply (i_once s I v0); eauto.
  - destruct (i_normal s I v0 x0 l0) with (p := p0) as [B C]; auto. split; auto. unfold host_ok in *. destruct (dram p0); auto.
    destruct (Z.eq_dec p0 p) as [->|N]; [|now rewrite Oq]. exfalso. destruct (A v0 x0 l0) as [-> _]; auto.
  - destruct (Z.eq_dec p0 p) as [->|N]; [rewrite Op; auto|]. rewrite Oq in * by auto. apply (i_owner s I p0); auto.
  - rewrite Em. destruct (inside p0 p 1) eqn:E.
    + apply inside_spec in E. assert (p0 = p) by lia. subst p0. apply (covers_sub user_dec (uses s p) _ _ (ULeaf v x)); [apply (i_maps s I)|auto|].
      intros [w|w y]; cbn; rewrite ?Ew, ?El; [split; [auto|discriminate]|]. rewrite K, Op. intros (B & C & D & m & Y & Z).
      assert (w <> v) by (intros ->; destruct (C G); auto). split; [|congruence]. split; auto. split; [|eauto]. intros _. rewrite O.
        apply not_eq_sym, vm_not_host, B.
    + apply inside_false in E. apply (covers_mono (uses s p0) _ (maps s p0)); [apply (i_maps s I)| |lia].
      intros [w|w y]; cbn; rewrite ?Ew, ?El; auto. rewrite K, Oq by lia. auto.
  - destruct (Z.eq_dec v0 v) as [->|E].
    + apply (covers_swap asset_dec (has s v) _ _ (ALeaf x) (APage p)); [apply (i_pages s I); auto|cbn; rewrite L; fold p; rewrite O; auto|].
      intros [q|y]; cbn; rewrite ?El.
      * rewrite K. intros [_ B]. destruct (Z.eq_dec q p) as [->|N]; auto. left. rewrite Oq in B by auto. split; [auto|discriminate].
      * destruct (lf s v y) as [m|] eqn:Y; [|tauto]. intros B. rewrite K in B. left. destruct (Z.eq_dec (l_page m) p) as [Ep|N].
        -- rewrite Ep, Op in B. destruct (B G). auto.
        -- rewrite Oq in B by auto. split; auto. intros [= ->]. apply N. rewrite L in Y. injection Y as <-. reflexivity.
    + apply (covers_mono (has s v0) _ (v_pages (vm s v0))); [apply (i_pages s I); auto| |lia].
      intros [q|y]; cbn; rewrite ?El.
      * rewrite K. destruct (Z.eq_dec q p) as [->|N]; [intros [_ X]; rewrite Op in X; congruence|now rewrite Oq].
      * destruct (lf s v0 y) as [m|] eqn:Y; auto. rewrite K. destruct (Z.eq_dec (l_page m) p) as [->|N]; [|now rewrite Oq].
        intros _ _. rewrite O. apply not_eq_sym, vm_not_host. auto.
  - apply (covers_mono (vcpu_of s v0) _ (v_vcpus (vm s v0))); [apply (i_vcpus s I)| |lia]. intros w; unfold vcpu_of; rewrite Ew; auto.
  - apply (covers_mono (loaded_of s v0) _ (v_loaded (vm s v0))); [apply (i_loads s I)| |lia]. intros w; unfold loaded_of; rewrite Ew; auto.
  - destruct (i_vcpu s I w) as (B & C & D); auto. repeat split; auto. destruct (Z.eq_dec (c_page (vcpu s w)) p) as [E|N]; [|now rewrite Oq].
    assert (X : UVcpu w = ULeaf v x) by (apply Only; cbn; auto). discriminate.
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - destruct (i_flight s I c v0 i0 p0) as (B & C & D & F); auto. split; auto. split; auto. split; auto.
    destruct (Z.eq_dec p0 p) as [->|N]; [|now rewrite Oq]. exfalso. pose proof (vm_not_host v0 B). owners.
  - eapply (i_flights s I); eauto.
Qed.

(* ------------------------------------------------------------------ the calls *)

(* A leaf of a protected VM hangs where the walk ends. *)
Lemma guarded_leaf s v i l : inv s -> v <> HOST -> guarded s v -> leaf_over s v i = Some l ->
  s2_level s v i = 3 /\ lf s v (Page i) = Some l.
Proof.
  intros I N G. unfold leaf_over, level_place. destruct (Z.eqb_spec (s2_level s v i) 1); [discriminate|].
  destruct (Z.eqb_spec (s2_level s v i) 3); auto. intros L. destruct (i_guarded s I v _ l N G L) as ((j & E) & _). discriminate.
Qed.
Lemma guarded_no_leaf s v i : inv s -> v <> HOST -> guarded s v -> leaf_over s v i = None -> lf s v (Page i) = None.
Proof.
  intros I N G. unfold leaf_over, level_place. destruct (lf s v (Page i)) as [l|] eqn:L; auto.
  destruct (t_page s (i_tables s I) v i l L) as [A B]. unfold s2_level. rewrite A, B. cbn. congruence.
Qed.

Lemma take_back_inv v i l s : sound -> inv s -> is_vm v -> guarded s v -> v_state (vm s v) = VM_READY -> lf s v (Page i) = Some l ->
  owner s (l_page l) = OWNER_HOST -> inv (snd (take_back v (l_page l) s)).
Proof.
  intros B I V G R L O. unfold take_back, ensure. rewrite B. cbn [orb]. destruct (is (maps s (l_page l)) 1) eqn:M; cbn [negb snd]; auto. apply is_true in M.
  pose proof (host_prepare_unmap_inv (l_page l) s I) as H. destruct (host_prepare_unmap (l_page l) s) as [r u|u]; cbn [snd]; auto.
  destruct H as (_ & W & Iu & Ro & Rm & Rv & Rc & Rs & Rl). destruct (security_fields _ _ (Rs v)) as (E1 & E2 & _).
  apply (unshare_inv v (Page i) l (host_unmap (l_page l) u)); auto.
  - unfold guarded. rewrite E2. auto.
  - rewrite E1. auto.
  - rewrite Rl; auto using vm_not_host.
  - rewrite Ro. auto.
  - rewrite Rm. auto.
Qed.

Theorem mem_call_inv v k i s : sound -> inv s -> is_vm v -> guarded s v -> v_state (vm s v) = VM_READY ->
  match mem_call v k i s with Some (_, t, _) => inv t | None => True end.
Proof.
  intros B I V G R. pose proof (vm_not_host v V) as NH. unfold mem_call. destruct (leaf_over s v i) as [l|] eqn:L; [|destruct k; auto].
  destruct (guarded_leaf s v i l I NH G L) as [E X]. destruct (i_guarded s I v _ l NH G X) as (_ & _ & O).
  destruct k.
  - destruct (is (owner s (l_page l)) v) eqn:Y; auto. apply is_true in Y. eapply share_inv; eauto.
  - destruct (is (owner s (l_page l)) v) eqn:Y; auto. apply is_false in Y. destruct O as [O|O]; [contradiction|].
    pose proof (take_back_inv v i l s B I V G R X O) as T. destruct (take_back v (l_page l) s). auto.
  - pose proof (leaf_drop_good v i (s2_level s v i) s I V) as D. destruct (leaf_drop v i (s2_level s v i) s) as [[[was t] e] ok]. apply D.
Qed.
(* Who runs where has nothing to do with it. *)
Lemma mem_call_same_cpu v k i s ok t e : mem_call v k i s = Some (ok, t, e) -> cpu t = cpu s.
Proof.
  unfold mem_call. destruct (leaf_over s v i) as [l|]; [|destruct k; try discriminate; intros [= <- <- <-]; auto]. destruct k.
  - destruct (is _ _); intros [= <- <- <-]; reflexivity.
  - destruct (is _ _); [intros [= <- <- <-]; reflexivity|]. unfold take_back. destruct (negb _); [intros [= <- <- <-]; reflexivity|].
    assert (H : match host_prepare_unmap (l_page l) s with Fail _ u | Go u => cpu u = cpu s end).
    { unfold host_prepare_unmap. destruct (_ =? 2); auto. destruct (lf s HOST _); auto. unfold s2_split, pool_alloc. destruct (_ || _); auto.
      destruct (_ && _); reflexivity. }
    destruct (host_prepare_unmap (l_page l) s) as [r u|u]; intros [= <- <- <-]; auto.
    unfold unshare, host_unmap. fields. destruct (_ =? 3); auto.
  - unfold leaf_drop. destruct (_ =? 1); [intros [= <- <- <-]; auto|]. destruct (lf s v _) as [m|]; [|intros [= <- <- <-]; auto].
    destruct (_ && _); intros [= <- <- <-]; [reflexivity|]. destruct (dram _); reflexivity.
Qed.
End InvShare.
