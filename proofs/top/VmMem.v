(* SPDX-License-Identifier: GPL-2.0-only *)
(* What a protected guest asks of its memory: what becomes of its own view, and that another VM's stays. *)
From KCore Require Export top.VmOwn.

Section VmMem.
Context {cfg : config}.

Lemma guarded_walk s v i : inv s -> v <> HOST -> guarded s v ->
  walk s v i = match lf s v (Page i) with Some l => Some (l_page l, l_prot l) | None => None end.
Proof.
  intros I N G. unfold walk. destruct (lf s v (Block (i / 512))) as [l|] eqn:B; auto.
  destruct (i_guarded s I v _ l N G B) as ((j & E) & _). discriminate.
Qed.
Lemma leaf_over_lf s v i : inv s -> v <> HOST -> guarded s v -> leaf_over s v i = lf s v (Page i).
Proof.
  intros I N G. destruct (leaf_over s v i) as [l|] eqn:L; symmetry; [now apply guarded_leaf|now apply guarded_no_leaf].
Qed.

(* ------------------------------------------------------------------ bookkeeping *)

Lemma host_owner s t p : mild HOST [] s t -> owner t p = owner s p.
Proof. intros M. destruct (d_own _ _ _ _ M p) as [|[[X|X] [Y|[]]]]; congruence || (rewrite X, Y; reflexivity). Qed.

Lemma take_back_facts v p s ok t : inv s -> v <> HOST -> take_back v p s = (ok, t) ->
  (forall x, lf t v x = lf s v x) /\ forall q, owner t q = if ok && (q =? p) then v else owner s q.
Proof.
  intros I N. unfold take_back. destruct (negb _); [intros [= <- <-]; auto|].
  pose proof (mild_host_prepare HOST [] p s) as M. pose proof (host_prepare_unmap_inv p s I) as H. destruct (host_prepare_unmap p s) as [r u|u];
    intros [= <- <-].
  - split; [intros x; apply (d_lf _ _ _ _ M); auto|]. intros q. cbn [andb]. now apply host_owner.
  - destruct H as (_ & _ & _ & Ro & _ & _ & _ & _ & Rl). split; [intros x; cbn; apply Rl; auto|]. intros q. unfold unshare. fields. unfold upd. now rewrite Ro.
Qed.
Lemma leaf_drop_facts v i l s : sound -> guarded s v -> lf s v (Page i) = Some l -> exists ok t e, leaf_drop v i 3 s = (true, t, e, ok) /\
  (forall x, lf t v x = if place_eqb x (Page i) then None else lf s v x) /\
  (owner s (l_page l) = v /\ e = [Scrub (l_page l)] /\ (forall q, owner t q = if q =? l_page l then OWNER_HOST else owner s q) \/
   owner s (l_page l) <> v /\ e = [] /\ (forall q, owner t q = owner s q)).
Proof.
  intros B G L. unfold leaf_drop, reclaim_effect, ensure. rewrite B. unfold guarded in G. rewrite G. cbn [Z.eqb Pos.eqb level_place orb]. rewrite L.
  change (is KCORE_VM_PROTECTED KCORE_VM_PROTECTED) with true. cbn [andb]. destruct (Z.eqb_spec (owner s (l_page l)) v) as [O|O].
  - do 3 eexists. split; [reflexivity|]. split; [intros x; fields; now rewrite Z.eqb_refl|]. left. split; auto.
  - do 3 eexists. split; [reflexivity|]. destruct (dram (l_page l)); (split; [intros x; fields; now rewrite Z.eqb_refl|]; right; auto).
Qed.

Lemma mem_call_cpu v k i s ok t e : sound -> inv s -> is_vm v -> guarded s v -> mem_call v k i s = Some (ok, t, e) ->
  (forall c, place_of_cpu (cpu t c) = place_of_cpu (cpu s c)) /\ (forall u, life (vm t u) = life (vm s u)) /\ vcpu t = vcpu s /\
  (forall x, In x e -> match x with Scrub _ | Show _ => True | _ => False end).
Proof.
  intros B I V G M. destruct (match k with Share => true | _ => false end) eqn:K.
  - destruct k; try discriminate. destruct (mem_call_share _ _ _ _ _ _ I V G M) as (l & _ & _ & _ & [(_ & _ & -> & ->)|(_ & _ & -> & ->)]);
      (split; [|split; [|split]]; auto); [intros x [<-|[]]; exact Logic.I|intros x []].
  - assert (N : k <> Share) by (intros ->; discriminate). destruct (mem_call_mild _ _ _ _ _ _ _ B I V G N M) as [Mi F].
    split; [apply (d_cpu _ _ _ _ Mi)|]. split; [apply (d_vm _ _ _ _ Mi)|]. split; [apply (d_vcpu _ _ _ _ Mi)|].
    unfold mem_call in M. destruct (leaf_over s v i) as [l|] eqn:L.
    2: { destruct k; try discriminate; injection M as <- <- <-; intros x []. }
    destruct (guarded_leaf s v i l I (vm_not_host v V) G L) as [E X]. destruct k; [contradiction| |].
    + destruct (is _ _); [injection M as <- <- <-; intros x []|]. destruct (take_back v (l_page l) s). injection M as <- <- <-. intros x [].
    + rewrite E in M. destruct (leaf_drop_facts v i l s B G X) as (ok' & t' & e' & D & _ & [(_ & -> & _)|(_ & -> & _)]); rewrite D in M;
        injection M as <- <- <-; [intros x [<-|[]]; exact Logic.I|intros x []].
Qed.
Lemma mem_call_book v k i u s ok t e : sound -> inv (P s) -> is_vm v -> guarded (P s) v -> mem_call v k i (P s) = Some (ok, t, e) ->
  book t u = book (P s) u /\ regs_same u nobody s (mkst t (do_effects e (D s))).
Proof.
  intros B I V G M. destruct (mem_call_cpu _ _ _ _ _ _ _ B I V G M) as (C & L & W & F). split.
  - apply book_intro; auto. intros w _. unfold exists_bit. rewrite W. auto.
  - apply regs_effects. intros w _ _ _. rewrite W. specialize (C (c_cpu (vcpu (P s) w))). unfold place_of_cpu in C.
    repeat split; auto; try congruence; intros x X; specialize (F x X); destruct x; cbn; tauto.
Qed.

(* Another VM's call. *)
Lemma mem_call_other u k i v s ok t e : sound -> sinv s -> is_vm u -> guarded (P s) u -> is_vm v -> u <> v -> mem_call u k i (P s) = Some (ok, t, e) ->
  becomes v None s (mkst t (do_effects e (D s))).
Proof.
  unfold sinv. intros B I U G V N M. destruct (match k with Share => true | _ => false end) eqn:K.
  - destruct k; try discriminate. destruct (mem_call_book u Share i v s ok t e B I U G M) as [Bk Rg]. split; auto. intros Lv. split; auto.
    destruct (mem_call_share _ _ _ _ _ _ I U G M) as (l & L & _ & _ & [(_ & O & -> & ->)|(_ & _ & -> & ->)]); [|exact (pages_refl v s)].
    apply pages_effects; auto.
    + intros x m X. unfold own, share. fields. unfold upd. destruct (Z.eqb_spec (l_page m) (l_page l)) as [->|]; auto. rewrite O.
      transitivity false; [|symmetry]; apply Z.eqb_neq; auto. apply not_eq_sym, vm_not_host, V.
    + repeat constructor. intros p E (Om & _). cbn in E. subst p. congruence.
  - apply (mildly_other u v s (mkout t e true)); auto. apply (mem_call_mild u k i (P s) ok t e); auto. intros ->. discriminate.
Qed.

(* ------------------------------------------------------------------ its own view *)

Lemma others_same v i p s t e : inv (P s) -> inv t -> is_vm v -> guarded (P s) v -> guarded t v ->
  (exists l, lf (P s) v (Page i) = Some l /\ l_page l = p) -> (forall j, j <> i -> lf t v (Page j) = lf (P s) v (Page j)) ->
  (forall q, q <> p -> owner t q = owner (P s) q) -> (forall x q, In x e -> touches_mem x q -> q = p) ->
  forall j, j <> i -> place_same v s (mkst t (do_effects e (D s))) j.
Proof.
  intros I J V G G' (l & L & Lp) LF O E j N. pose proof (vm_not_host v V) as NH. split.
  - cbn [P]. rewrite !guarded_walk by auto. now rewrite LF.
  - intros q r W. rewrite guarded_walk in W by auto. destruct (lf (P s) v (Page j)) as [m|] eqn:M; [|discriminate]. injection W as <- <-.
    assert (Q : l_page m <> p).
    { intros X. apply N. assert (Y : Page j = Page i) by (apply (i_once _ I v (Page j) (Page i) m l); auto; congruence). congruence. }
    split; [cbn [P]; unfold own; now rewrite O|]. intros _ o. cbn [D]. apply effects_mem. intros x X T. apply Q. eapply E; eauto.
Qed.

(* What becomes of the place that is asked about. *)
Definition mem_place (v : Z) (k : ask) (i : Z) (ok : bool) (s s' : st) : Prop :=
  match k with
  | Share => exists p r, walk (P s) v i = Some (p, r) /\ walk (P s') v i = Some (p, r) /\ ok = own (P s) v p /\ own (P s') v p = false
  | Unshare =>
      if ok then exists p r, walk (P s) v i = Some (p, r) /\ walk (P s') v i = Some (p, r) /\ own (P s') v p = true /\
        words_at s v i = words (D s) p /\ mem (D s') p = mem (D s) p
      else place_same v s s' i
  | Relinquish => walk (P s') v i = None /\ ok = true
  end.

Theorem mem_call_view v k i s ok t e : sound -> sinv s -> is_vm v -> guarded (P s) v -> v_state (vm (P s) v) = VM_READY ->
  mem_call v k i (P s) = Some (ok, t, e) -> let s' := mkst t (do_effects e (D s)) in
  (forall j, j <> i -> place_same v s s' j) /\ mem_place v k i ok s s'.
Proof.
  intros B I V G R M s'. unfold sinv in I. pose proof (vm_not_host v V) as NH. pose proof (mem_call_inv v k i (P s) B I V G R) as J. rewrite M in J.
  destruct (mem_call_cpu _ _ _ _ _ _ _ B I V G M) as (_ & Lf & _ & _).
  assert (G' : guarded t v) by (specialize (Lf v); unfold life, guarded in *; congruence).
  unfold mem_call in M. rewrite (leaf_over_lf (P s) v i I NH G) in M. destruct (lf (P s) v (Page i)) as [l|] eqn:L.
  2: { assert (X : P s' = P s /\ D s' = D s /\ k <> Share /\ ok = match k with Relinquish => true | _ => false end)
         by (destruct k; [discriminate|injection M as <- <- <-..]; repeat split; discriminate).
       assert (W : walk (P s) v i = None) by (rewrite guarded_walk, L; auto).
       destruct X as (X1 & X2 & X3 & ->). assert (Y : s' = s) by (destruct s, s'; cbn in *; congruence). rewrite Y. split; [intros j _; apply pages_refl|].
       destruct k; [contradiction|apply pages_refl|split; auto]. }
  assert (W : walk (P s) v i = Some (l_page l, l_prot l)) by (rewrite guarded_walk, L; auto). destruct (i_guarded _ I v _ l NH G L) as (_ & _ & O).
  set (p := l_page l) in *. assert (Lx : exists m, lf (P s) v (Page i) = Some m /\ l_page m = p) by eauto.
  destruct k.
  - destruct (is (owner (P s) p) v) eqn:Y; injection M as <- <- <-.
    + apply is_true in Y. split.
      * apply (others_same v i p); auto; [|intros x q [<-|[]] T; cbn in T; auto]. intros q Q. unfold share. fields. unfold upd. apply Z.eqb_neq in Q.
        now rewrite Q.
      * exists p, (l_prot l). split; auto. split; [unfold s'; cbn [P]; rewrite guarded_walk by auto; unfold share; fields; now rewrite L|].
        split; [unfold own; rewrite Y, Z.eqb_refl; auto|]. unfold s', own, share. fields. cbn [P]. fields. unfold upd. rewrite Z.eqb_refl.
          apply Z.eqb_neq. auto.
    + apply is_false in Y. assert (Es : s' = s) by (destruct s; reflexivity). rewrite Es. split; [intros j _; apply pages_refl|].
      exists p, (l_prot l). split; auto. split; auto. split; unfold own; [symmetry|]; now apply Z.eqb_neq.
  - destruct (is (owner (P s) p) v) eqn:Y; [injection M as <- <- <-|].
    + assert (Es : s' = s) by (destruct s; reflexivity). rewrite Es. split; [intros j _; apply pages_refl|apply pages_refl].
    + destruct (take_back v p (P s)) as [b u] eqn:T. injection M as <- <- <-. destruct (take_back_facts v p (P s) b u I NH T) as [T1 T2].
      assert (W' : walk u v i = Some (p, l_prot l)) by (rewrite guarded_walk by auto; now rewrite T1, L).
      split.
      * apply (others_same v i p); auto; [|intros x q []]. intros q Q. rewrite T2. apply Z.eqb_neq in Q. now rewrite Q, andb_false_r.
      * destruct b; cbn [mem_place].
        -- exists p, (l_prot l). split; auto. split; auto. split; [unfold own, s'; cbn [P]; rewrite T2, Z.eqb_refl; apply Z.eqb_refl|].
           split; [|reflexivity]. unfold words_at. rewrite (leaf_over_lf (P s) v i I NH G), L. reflexivity.
        -- split; [unfold s'; cbn [P]; congruence|]. intros q r Wq. split; [|reflexivity]. unfold s', own. cbn [P]. now rewrite T2.
  - destruct (guarded_leaf (P s) v i l I NH G) as [E3 _]; [now rewrite leaf_over_lf|]. rewrite E3 in M.
    destruct (leaf_drop_facts v i l (P s) B G L) as (ok' & t' & e' & D & T1 & T2). rewrite D in M. injection M as <- <- <-. split.
    + assert (LF : forall j, j <> i -> lf t' v (Page j) = lf (P s) v (Page j)).
      { intros j N. rewrite T1. cbn [place_eqb]. apply Z.eqb_neq in N. now rewrite N. }
      destruct T2 as [(_ & -> & T2)|(_ & -> & T2)].
      * apply (others_same v i p); auto; [|intros x q [<-|[]] T; cbn in T; auto]. intros q Q. rewrite T2. fold p. apply Z.eqb_neq in Q. now rewrite Q.
      * apply (others_same v i p); auto. intros x q [].
    + split; auto. unfold s'. cbn [P]. rewrite guarded_walk, T1 by auto. cbn [place_eqb]. now rewrite Z.eqb_refl.
Qed.

Lemma mem_call_none v k i s : inv s -> is_vm v -> guarded s v -> (mem_call v k i s = None <-> k = Share /\ walk s v i = None).
Proof.
  intros I V G. pose proof (vm_not_host v V) as NH. unfold mem_call. rewrite leaf_over_lf, guarded_walk by auto.
  destruct (lf s v (Page i)) as [l|]; [|destruct k; split; intros; intuition discriminate].
  destruct k; try (destruct (is _ _)); try (split; [discriminate|intros [_ X]; discriminate]).
  destruct (leaf_drop _ _ _ _) as [[[? ?] ?] ?]. split; [discriminate|intros [_ X]; discriminate].
Qed.

(* Two runs with the same view, and the same from the host. *)
Theorem mem_call_eq v k i s t ok ok' ps pt es et : sound -> sinv s -> sinv t -> is_vm v -> live (P s) v = true -> live (P t) v = true ->
  v_state (vm (P s) v) = VM_READY -> v_state (vm (P t) v) = VM_READY -> vm_eq v s t ->
  mem_call v k i (P s) = Some (ok, ps, es) -> mem_call v k i (P t) = Some (ok', pt, et) ->
  (k = Unshare -> ok = ok' /\ (ok = true -> words_at s v i = words_at t v i)) ->
  ok = ok' /\ vm_eq v (mkst ps (do_effects es (D s))) (mkst pt (do_effects et (D t))).
Proof.
  intros B I J V Ls Lt Rs Rt E Ms Mt H. destruct (live_guarded _ _ Ls) as (Gs & _). destruct (live_guarded _ _ Lt) as (Gt & _).
  destruct (mem_call_view v k i s ok ps es B I V Gs Rs Ms) as [Ss Ps]. destruct (mem_call_view v k i t ok' pt et B J V Gt Rt Mt) as [St Pt].
  destruct (mem_call_book v k i v s ok ps es B I V Gs Ms) as [Bs Qs]. destruct (mem_call_book v k i v t ok' pt et B J V Gt Mt) as [Bt Qt].
  set (s' := mkst ps _) in *. set (t' := mkst pt _) in *. pose proof (e_page _ _ _ E Ls i) as Ei.
  assert (X : ok = ok' /\ same_page s' t' v i).
  { unfold mem_place in *. destruct k.
    - destruct Ps as (p & r & W & W' & -> & O), Pt as (q & r' & X & X' & -> & O'). unfold same_page in *. rewrite W, X in Ei. rewrite W', X', O, O'.
      destruct Ei as (-> & Eo & _). split; [exact Eo|]. split; auto. split; auto. discriminate.
    - destruct (H eq_refl) as [<- Hw]. split; auto. destruct ok; [|exact (place_eq v s t s' t' i Ps Pt Ei)].
      destruct Ps as (p & r & W & W' & O & Wd & Me), Pt as (q & r' & X & X' & O' & Wd' & Me'). unfold same_page in *. rewrite W, X in Ei. rewrite W', X', O, O'.
      destruct Ei as (-> & _). split; auto. split; auto. intros _ o Ho. rewrite Me, Me'. specialize (Hw eq_refl). rewrite Wd, Wd' in Hw.
      apply (values_eq _ _ _ _ Hw). cbn. lia.
    - destruct Ps as [W ->], Pt as [X ->]. split; auto. unfold same_page. rewrite W, X. auto. }
  destruct X as [X Si]. split; auto.
  assert (Bk : book (P s') v = book (P t') v) by (unfold s', t'; cbn [P]; rewrite Bs, Bt; apply E).
  assert (Ex : forall w, vm_of w = v -> exists_bit (P s') w = exists_bit (P s) w /\ exists_bit (P s) w = exists_bit (P t) w).
  { intros w Y. destruct (book_elim _ _ _ Bs) as [_ F]. destruct (book_elim _ _ _ (e_book _ _ _ E)) as [_ F']. split; [apply F, Y|apply F', Y]. }
  split; auto; intros _.
  - intros j. destruct (Z.eq_dec j i) as [->|N]; auto. exact (place_eq v s t s' t' j (Ss j N) (St j N) (e_page _ _ _ E Ls j)).
  - intros w Y Z k0. destruct (Ex w Y) as [E1 E2]. rewrite E1 in Z. destruct (Qs w Y Z (fun x => x) k0) as [-> _].
    destruct (Qt w Y ltac:(congruence) (fun x => x) k0) as [-> _].
    apply (e_reg _ _ _ E Ls w Y Z).
  - intros w Y Z k0. destruct (Ex w Y) as [E1 E2]. rewrite E1 in Z. destruct (Qs w Y Z (fun x => x) k0) as [_ ->].
    destruct (Qt w Y ltac:(congruence) (fun x => x) k0) as [_ ->].
    apply (e_io _ _ _ E Ls w Y Z).
Qed.
End VmMem.
