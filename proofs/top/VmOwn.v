(* SPDX-License-Identifier: GPL-2.0-only *)
(* What a protected VM does itself: two runs with the same view take the same step and have the same view. *)
From KCore Require Export top.VmGuest.

Section VmOwn.
Context {cfg : config}.

(* The vCPU runs on the CPU, and is the protected VM's. *)
Record runs (v c w : Z) (s : st) : Prop := {
  r_inv : sinv s; r_vm : is_vm v; r_prot : protected (P s) v = true; r_of : vm_of w = v;
  r_run : u_run (cpu (P s) c) = true; r_cpu : u_vcpu (cpu (P s) c) = w
}.

Lemma runs_facts v c w s : runs v c w s ->
  live (P s) v = true /\ guarded (P s) v /\ c_state (vcpu (P s) w) = VCPU_LOADED /\ c_cpu (vcpu (P s) w) = c /\ exists_bit (P s) w = true.
Proof.
  intros [I V Q Y R U]. unfold sinv in I. pose proof (i_run _ I c R) as N. destruct (i_cpu _ I c N) as [L C]. rewrite U in L, C.
  destruct (i_loaded _ I w L) as [Rd _]. rewrite Y in Rd. destruct (protected_guarded _ _ Q) as [G _]. repeat split; auto.
  - unfold live. rewrite Q, Rd. reflexivity.
  - apply exists_state. rewrite L. discriminate.
Qed.
Lemma runs_reg v c w s k : runs v c w s -> reg s w k = if inside k W_FP N_FP && u_fp (cpu (P s) c) then fpm (D s) c k else ctx (D s) w k.
Proof.
  intros H. destruct (runs_facts _ _ _ _ H) as (_ & _ & L & C & _). unfold reg. rewrite L, C, Z.eqb_refl, andb_true_r. reflexivity.
Qed.
(* Another vCPU of the VM isn't on this CPU. *)
Lemma runs_other v c w s x : runs v c w s -> x <> w -> c_state (vcpu (P s) x) = VCPU_LOADED -> c_cpu (vcpu (P s) x) <> c.
Proof.
  intros [I _ _ _ _ U] N L C. unfold sinv in I. destruct (i_loaded _ I x L) as [_ Z]. rewrite C in Z. congruence.
Qed.
Lemma runs_greg v c w s k : runs v c w s -> inside k 0 W_GP = true -> greg s w k = reg s w k.
Proof. intros [I V Q Y R U] K. unfold greg. rewrite Y, Q. symmetry. apply reg_off. now apply gp_off. Qed.

Definition keeps_cpu (v c w : Z) (s s' : st) : Prop := P s' = P s.
Lemma runs_same v c w s s' : runs v c w s -> P s' = P s -> runs v c w s'.
Proof. intros [I V Q Y R U] E. split; unfold sinv in *; rewrite ?E; auto. Qed.

Section Two.
Variables (v c d w : Z) (s t : st).
Hypothesis Rs : runs v c w s.
Hypothesis Rt : runs v d w t.
Hypothesis E : vm_eq v s t.

Lemma own_reg k : reg s w k = reg t w k.
Proof. destruct (runs_facts _ _ _ _ Rs) as (L & _ & _ & _ & X). apply (e_reg _ _ _ E L w (r_of _ _ _ _ Rs) X). Qed.
Lemma own_values : guest_values s w = guest_values t w.
Proof.
  apply values_ext. intros k K. assert (H : inside k 0 W_GP = true) by (apply inside_spec; unfold W_GP; cbn in K; lia).
  rewrite (runs_greg v c w s k Rs H), (runs_greg v d w t k Rt H). apply own_reg.
Qed.

(* Views after changes of w's registers and virtual devices: same functions of the same. *)
Lemma own_change s' t' :
  P s' = P s -> P t' = P t -> mem (D s') = mem (D s) -> mem (D t') = mem (D t) ->
  (forall x, x <> w -> vm_of x = v -> (forall k, ctx (D s') x k = ctx (D s) x k /\ io (D s') x k = io (D s) x k) /\
                                    (forall k, ctx (D t') x k = ctx (D t) x k /\ io (D t') x k = io (D t) x k)) ->
  (forall e, e <> c -> fpm (D s') e = fpm (D s) e) -> (forall e, e <> d -> fpm (D t') e = fpm (D t) e) ->
  (forall k, reg s' w k = reg t' w k /\ io (D s') w k = io (D t') w k) -> vm_eq v s' t'.
Proof.
  intros A B C F G H K L. split; rewrite ?A, ?B; try apply E.
  - intros Q i. pose proof (e_page _ _ _ E Q i) as X. unfold same_page in *. rewrite A, B, C, F. exact X.
  - intros Q x X Y k. destruct (Z.eq_dec x w) as [->|N]; [apply L|]. destruct (G x N X) as [G1 G2].
    rewrite (reg_intro s s' x), (reg_intro t t' x); rewrite ?A, ?B; auto.
    + apply (e_reg _ _ _ E Q x X Y).
    + intros Z. split; auto. intros _ j. rewrite K; auto. apply (runs_other _ _ _ _ x Rt N Z).
    + intros j. apply G2.
    + intros Z. split; auto. intros _ j. rewrite H; auto. apply (runs_other _ _ _ _ x Rs N Z).
    + intros j. apply G1.
  - intros Q x X Y k. destruct (Z.eq_dec x w) as [->|N]; [apply L|]. destruct (G x N X) as [G1 G2].
    destruct (G1 k) as [_ ->], (G2 k) as [_ ->]. apply (e_io _ _ _ E Q x X Y).
Qed.
Lemma own_io k : io (D s) w k = io (D t) w k.
Proof. destruct (runs_facts _ _ _ _ Rs) as (L & _ & _ & _ & X). apply (e_io _ _ _ E L w (r_of _ _ _ _ Rs) X). Qed.

Lemma write_reg u e l k : runs v e w u -> reg (write_greg u w l) w k = writes 0 W_GP l (reg u w) k.
Proof.
  intros R. pose proof R as [I V Q Y _ U]. assert (R' : runs v e w (write_greg u w l)) by (eapply runs_same; eauto).
  rewrite (runs_reg v e w _ k R'). unfold write_greg, set_greg, greg. rewrite Y, Q. cbn [P D set_ctx ctx fpm]. unfold upd. rewrite Z.eqb_refl.
  destruct (inside k W_FP N_FP) eqn:IN; cbn [andb].
  - rewrite !writes_outside by (now apply fp_out). rewrite (runs_reg v e w u k R), IN. reflexivity.
  - apply writes_ext. symmetry. now apply reg_off.
Qed.
Lemma own_write l : vm_eq v (write_greg s w l) (write_greg t w l).
Proof.
  pose proof Rs as [I V Q Y R U]. pose proof Rt as [I' V' Q' Y' R' U'].
  assert (W : forall k, reg (write_greg s w l) w k = reg (write_greg t w l) w k).
  { intros k. rewrite (write_reg s c l k Rs), (write_reg t d l k Rt). apply writes_ext. apply own_reg. }
  apply own_change; try reflexivity; try (unfold write_greg, set_greg; rewrite Y, ?Q, ?Q'; reflexivity).
  - intros x N X. split; intros k; unfold write_greg, set_greg; rewrite Y, ?Q, ?Q'; cbn [D set_ctx ctx io]; unfold upd; destruct (Z.eqb_spec x w);
    try contradiction; auto.
  - intros k. split; [apply W|]. unfold write_greg, set_greg. rewrite Y, Q, Q'. apply own_io.
Qed.
End Two.

(* Stages that change nothing of the view. *)
Lemma pub_stat v s f : (forall p, lf (f p) = lf p /\ vcpu (f p) = vcpu p /\ vm (f p) = vm p /\ owner (f p) = owner p /\
  forall e, u_fp (cpu (f p) e) = u_fp (cpu p e)) ->
  sinv s -> is_vm v -> becomes v None s (with_pub f s).
Proof.
  intros H I V. destruct (H (P s)) as (A & B & C & O & F). apply (same_for_none v s (f (P s)) []); auto; [|intros e []].
  split; [now rewrite C|]. split; [intros x _; now rewrite B|]. split; [auto|]. split; [intros x; now rewrite A|intros x; now rewrite O].
Qed.

Section Steps.
Variables (v c d w : Z).

Lemma own_store s t y y' x : runs v c w s -> runs v d w t -> vm_eq v s t ->
  (exists a, reach (P s) v a writable = Some y /\ reach (P t) v a writable = Some y') -> vm_eq v (store_word y x s) (store_word y' x t).
Proof.
  intros Rs Rt E (a & A & B). destruct y as [p o], y' as [q o']. unfold reach in A, B.
  destruct (walk (P s) v (a / PAGE_BYTES)) as [[p1 r]|] eqn:W; [|discriminate]. destruct (walk (P t) v (a / PAGE_BYTES)) as [[q1 r']|] eqn:W'; [|discriminate].
  destruct (writable r); [|discriminate]. destruct (writable r'); [|discriminate].
  apply (f_equal (fun x => match x with Some y => y | None => (0, 0) end)) in A, B. apply pair_equal_spec in A as [<- <-], B as [<- <-].
  destruct (runs_facts _ _ _ _ Rs) as (_ & Gs & _). destruct (runs_facts _ _ _ _ Rt) as (_ & Gt & _).
  pose proof Rs as [I V _ _ _ _]. pose proof Rt as [I' _ _ _ _ _]. pose proof (vm_not_host v V) as NH.
  split; try apply E. intros Q i. pose proof (e_page _ _ _ E Q i) as X. unfold same_page in *. cbn [store_word with_data P D set_mem mem fst snd].
  destruct (walk (P s) v i) as [[p2 r2]|] eqn:W2, (walk (P t) v i) as [[q2 r2']|] eqn:W2'; auto. destruct X as (-> & XO & X). split; auto. split; auto.
  intros O k K. unfold upd2. destruct (Z.eq_dec i (a / PAGE_BYTES)) as [->|N].
  - assert (p2 = p1) by congruence. assert (q2 = q1) by congruence. subst. rewrite !Z.eqb_refl. cbn [andb]. destruct (k =? _); auto.
  - assert (p2 <> p1) by (intros ->; apply N; eapply (walk_once (P s) v); eauto).
    assert (q2 <> q1) by (intros ->; apply N; eapply (walk_once (P t) v); eauto).
    destruct (Z.eqb_spec p2 p1); [contradiction|]. destruct (Z.eqb_spec q2 q1); [contradiction|]. cbn [andb]. auto.
Qed.

(* KCore's copies. *)
Lemma own_ctx s t x f g : runs v c w s -> runs v d w t -> vm_eq v s t -> vm_of x = v ->
  (forall k, off_fp k -> ctx (D s) x k = ctx (D t) x k -> f k = g k) -> (forall k, inside k W_FP N_FP = true -> f k = ctx (D s) x k /\ g k = ctx (D t) x k) ->
  vm_eq v (with_data (fun e => set_ctx (upd (ctx e) x f) e) s) (with_data (fun e => set_ctx (upd (ctx e) x g) e) t).
Proof.
  intros Rs Rt E X F G. split; try apply E. intros Q y Y Ex k. pose proof (e_reg _ _ _ E Q y Y Ex k) as R. 
  unfold reg in *. cbn [with_data P D set_ctx ctx fpm] in *.
  destruct (inside k W_FP N_FP) eqn:IN; cbn [andb] in *.
  - destruct (G k IN) as [G1 G2]. unfold upd. destruct (Z.eqb_spec y x) as [->|N]; auto. rewrite G1, G2. exact R.
  - unfold upd. destruct (Z.eqb_spec y x) as [->|N]; auto.
Qed.

Lemma leave_view s t rel rel' : runs v c w s -> runs v d w t -> vm_eq v s t -> r_power rel = r_power rel' ->
  (forall x p, r_power rel = Some (x, p) -> vm_of x = v) -> vm_eq v (leave c rel s) (leave d rel' t).
Proof.
  intros Rs Rt E PW PV.
  assert (One : forall u e r, runs v e w u ->
     (forall x, exists_bit (P (leave e r u)) x = exists_bit (P u) x /\ c_state (vcpu (P (leave e r u)) x) = c_state (vcpu (P u) x) /\
                c_cpu (vcpu (P (leave e r u)) x) = c_cpu (vcpu (P u) x) /\
                c_power (vcpu (P (leave e r u)) x) = match r_power r with
                  Some (y, p) => if x =? y then p else c_power (vcpu (P u) x) | None => c_power (vcpu (P u) x) end) /\
     (forall x, life (vm (P (leave e r u)) x) = life (vm (P u) x)) /\ pages_same v u (leave e r u) /\
     (forall x k, vm_of x = v -> reg (leave e r u) x k = reg u x k /\ io (D (leave e r u)) x k = io (D u) x k)).
  { intros u e r R. pose proof R as [I V Q Y Ru U]. destruct (runs_facts _ _ _ _ R) as (L & G & Ld & Cc & Ex).
    assert (VC : forall x, c_state (vcpu (P (leave e r u)) x) = c_state (vcpu (P u) x) /\ c_cpu (vcpu (P (leave e r u)) x) = c_cpu (vcpu (P u) x) /\
       c_power (vcpu (P (leave e r u)) x) = match r_power r with
         Some (y, p) => if x =? y then p else c_power (vcpu (P u) x) | None => c_power (vcpu (P u) x) end).
    { intros x. cbn [leave P]. unfold deliver. rewrite U, Y, Q. destruct (r_power r) as [[y p]|]; fields; unfold upd.
      - destruct (Z.eqb_spec x y) as [->|]; [destruct (Z.eqb_spec y w) as [->|]; auto|destruct (Z.eqb_spec x w) as [->|]; auto].
      - destruct (Z.eqb_spec x w) as [->|]; auto. }
    assert (FP : forall a, u_fp (cpu (P (leave e r u)) a) = u_fp (cpu (P u) a)).
    { intros a. cbn [leave P]. unfold deliver. rewrite U, Y, Q. destruct (r_power r) as [[y p]|]; fields; unfold upd; destruct (Z.eqb_spec a e) as [->|];
      auto. }
    split; [|split; [|split]].
    - intros x. destruct (VC x) as (A & B & C). unfold exists_bit. rewrite A. auto.
    - intros x. cbn [leave P]. unfold deliver. rewrite U, Y, Q. destruct (r_power r) as [[y p]|]; reflexivity.
    - apply pages_effects; auto.
      + intros x. unfold deliver. rewrite U, Y, Q. destruct (r_power r) as [[y p]|]; reflexivity.
      + apply owners_same. unfold deliver. rewrite U, Y, Q. destruct (r_power r) as [[y p]|]; reflexivity.
      + apply Forall_forall. unfold deliver_effect. rewrite U. intros x X. apply elsewhere_host; auto. intros p T.
        assert (Hp : host_ok (P u) (c_page (vcpu (P u) w)) = true) by (apply vcpu_page_ok; auto; rewrite Ld; discriminate).
        destruct X as [<-|[<-|[<-|[]]]]; cbn in T; subst; auto; contradiction.
    - intros x k X. destruct (VC x) as (A & B & _). split.
      + apply reg_intro; [exact A|exact B|intros _; split; [apply FP|intros _ j; reflexivity]|intros j; reflexivity].
      + reflexivity. }
  destruct (One s c rel Rs) as (A1 & A2 & A3 & A4). destruct (One t d rel' Rt) as (B1 & B2 & B3 & B4). clear One.
  destruct (book_elim _ _ _ (e_book _ _ _ E)) as [LE FE].
  assert (Lv : live (P (leave c rel s)) v = live (P s) v) by (apply live_life, A2).
  split; rewrite ?Lv.
  - apply book_intro; [rewrite A2, B2; auto|]. intros x X. destruct (A1 x) as (-> & _ & _ & ->), (B1 x) as (-> & _ & _ & ->). rewrite <- PW.
    destruct (FE x X) as [-> ->]. auto.
  - intros Q. eapply pages_eq; eauto. apply (e_page _ _ _ E Q).
  - intros Q x X Y k. destruct (A4 x k X) as [-> _], (B4 x k X) as [-> _]. destruct (A1 x) as (Z & _). rewrite Z in Y. apply (e_reg _ _ _ E Q x X Y).
  - intros Q x X Y k. destruct (A4 x k X) as [_ ->], (B4 x k X) as [_ ->]. destruct (A1 x) as (Z & _). rewrite Z in Y. apply (e_io _ _ _ E Q x X Y).
Qed.
End Steps.

Lemma sibling_same v w s t : vm_of w = v -> book s v = book t v -> forall m, sibling s w m = sibling t w m.
Proof.
  intros Y B m. unfold sibling. set (j := Z.land m 0xff00ffffff). destruct (Z.leb_spec KCORE_VM_VCPUS j) as [|J]; auto.
  assert (J0 : 0 <= j \/ j < 0) by lia. destruct (book_elim _ _ _ B) as [_ F].
  assert (Vt : vm_of (vm_of w * KCORE_VM_VCPUS + j) = v).
  { rewrite Y. apply vm_of_index. split; auto. subst j. apply Z.land_nonneg. right. discriminate. }
  destruct (F _ Vt) as [X ->]. unfold exists_bit in X. destruct (_ =? VCPU_FREE), (_ =? VCPU_FREE); try discriminate; auto.
Qed.
Lemma sibling_vm w s m x p : sibling s w m = Some (x, p) -> vm_of x = vm_of w.
Proof.
  unfold sibling. set (j := Z.land m 0xff00ffffff). destruct (Z.leb_spec KCORE_VM_VCPUS j) as [|J]; [discriminate|].
  destruct (_ =? VCPU_FREE); [discriminate|]. intros [= <- _]. apply vm_of_index. split; auto. subst j. apply Z.land_nonneg. right. discriminate.
Qed.
Lemma guest_hvc_same w near near' R R' : (forall m, near m = near' m) -> R 0 = R' 0 -> R 1 = R' 1 -> R 2 = R' 2 -> R 3 = R' 3 ->
  guest_hvc w near R = guest_hvc w near' R'.
Proof. intros N A B C F. unfold guest_hvc, guest_call, psci_info. rewrite A, B, C, F, !N. reflexivity. Qed.
Lemma guest_hvc_power s w R rel x0 k : guest_hvc w (sibling s w) R = HvcTell rel x0 k ->
  (forall x p, r_power rel = Some (x, p) -> vm_of x = vm_of w) /\ (forall x e y, k = Some (x, e, y) -> vm_of x = vm_of w).
Proof.
  unfold guest_hvc. destruct (_ =? PSCI_CPU_ON).
  - destruct (sibling s w _) as [[x p]|] eqn:S; [|discriminate]. apply sibling_vm in S. destruct (negb _); [discriminate|]. destruct (negb _); [discriminate|].
    intros [= <- <- <-]. split; [cbn; intros ? ? [= <- <-]; auto|intros ? ? ? [= <- <- <-]; auto].
  - destruct (_ || _).
    + intros [= <- <- <-]. split; [|discriminate]. cbn. destruct (_ =? PSCI_CPU_OFF); [intros ? ? [= <- <-]; auto|discriminate].
    + discriminate.
Qed.
End VmOwn.
