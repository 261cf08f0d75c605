(* SPDX-License-Identifier: GPL-2.0-only *)
(* A protected VM: step consistency; then noninterference over runs for every principal. *)
From KCore Require Export top.NIVm.

(* The same entries for a VM in two states: what it finds is the same. *)
Lemma same_lookup v s t ipa : content s v ipa = content t v ipa ->
  (exists e f, lookup (pub s) v ipa = Some e /\ lookup (pub t) v ipa = Some f /\
     mem s (e_pg e) = mem t (e_pg f) /\ e_w e = e_w f) \/
  (lookup (pub s) v ipa = None /\ lookup (pub t) v ipa = None).
Proof.
  unfold content. destruct (lookup (pub s) v ipa) as [e|], (lookup (pub t) v ipa) as [f|]; try discriminate; auto.
  intros [= A B]. left. eauto 10.
Qed.

Lemma content_write s v ipa e l ipa' :
  inv s -> prot (pub s) v = true -> lookup (pub s) v ipa = Some e ->
  content (set_mem (e_pg e) l s) v ipa' = if ipa' =? ipa then Some (l, e_w e) else content s v ipa'.
Proof.
  intros I Pv L. unfold content. cbn [pub set_mem mem]. destruct (Z.eqb_spec ipa' ipa) as [->|N].
  - rewrite L, upd_eq. reflexivity.
  - destruct (lookup (pub s) v ipa') as [f|] eqn:Lf; [|reflexivity].
    destruct (lookup_in _ _ _ _ L) as (L1 & L2 & L3). destruct (lookup_in _ _ _ _ Lf) as (F1 & F2 & F3).
    rewrite upd_ne; [reflexivity|]. intros Eq. apply N. rewrite <- F3, <- L3.
    f_equal. apply (i_once _ I); auto. rewrite F2. exact Pv.
Qed.

Lemma vm_same_hreg v s t c r z c' r' z' :
  vm_same v s t -> vm_same v (on_pub (set_hreg c r z) s) (on_pub (set_hreg c' r' z') t).
Proof. intros []. constructor; auto. Qed.

Lemma vm_same_leave v i s t c x p c' x' p' :
  vm_same v s t -> vm_same v (leave v i c x p s) (leave v i c' x' p' t).
Proof.
  intros [A B C D E F G H]. unfold leave. constructor; fields; auto; intros j; rewrite ?upd2_cases;
    destruct ((v =? v) && (j =? i)) eqn:X; cbn; auto; bools; subst; auto.
Qed.

Lemma vm_same_regs v i f g s t :
  (forall r, f r = g r) -> vm_same v s t -> vm_same v (set_regs v i f s) (set_regs v i g t).
Proof.
  intros H []. constructor; auto. intros j r. cbn. rewrite !upd2_cases. destruct (_ && _); auto.
Qed.

Lemma vm_same_vc v i x y s t :
  cexists x = cexists y -> (cexists x = true -> cpower x = cpower y) -> (cexists x = true -> cirq x = cirq y) ->
  vm_same v s t -> vm_same v (on_pub (set_vc v i x) s) (on_pub (set_vc v i y) t).
Proof.
  intros H1 H2 H3 [A B C D E F G H]. constructor; fields; auto; intros j; rewrite !upd2_cases;
    destruct ((v =? v) && (j =? i)); auto.
Qed.

Lemma vm_same_power v i w s t : vm_same v s t -> vm_same v (on_pub (power_to v i w) s) (on_pub (power_to v i w) t).
Proof. intros S. apply vm_same_vc; cbn; auto; intros; apply S; auto. Qed.

Section NI.
Variable dram : Z -> bool.
Variable query : Z -> public -> Z.
Notation ok := (ok dram).
Notation step := (step dram query).
Notation run := (run dram query).
Notation event_of := (event_of dram).
Notation vm_event := (vm_event dram).
Notation call_event := (call_event dram).

(* A guest acts: it finds the same, does the same, exits in both or in neither. *)
Lemma vm_guest v i n s t :
  inv s -> inv t -> prot (pub s) v = true -> prot (pub t) v = true -> vm_same v s t ->
  runs (pub s) v i <> None -> runs (pub t) v i <> None -> vm_same v (guest v i n s) (guest v i n t).
Proof.
  intros I J Pv Pw S R1 R2. unfold guest.
  destruct (runs (pub s) v i) as [c|] eqn:Rc; [|congruence]. destruct (runs (pub t) v i) as [c'|] eqn:Rd; [|congruence].
  assert (M : forall ipa, in_memory (pub s) v ipa = in_memory (pub t) v ipa).
  { intros ipa. unfold in_memory. rewrite (s_base _ _ _ S), (s_end _ _ _ S). reflexivity. }
  assert (Rg : forall j r z q, upd (regs s v j) r z q = upd (regs t v j) r z q).
  { intros. apply upd_ext. apply S. }
  destruct n; cbn [instruction]; unfold outside, set_reg; rewrite ?M.
  - apply vm_same_regs; auto.
  - destruct (same_lookup _ _ _ _ (s_content _ _ _ S ipa)) as [(e & f & -> & -> & Em & Ew)|[-> ->]].
    + apply vm_same_regs; [|exact S]. intros q. rewrite Em. apply Rg.
    + destruct (in_memory (pub t) v ipa); apply vm_same_leave, S.
  - destruct (same_lookup _ _ _ _ (s_content _ _ _ S ipa)) as [(e & f & Le & Lf & Em & Ew)|[-> ->]].
    + rewrite Le, Lf, Ew. destruct (e_w f) eqn:Wf; [|apply vm_same_leave, S].
      destruct S as [A B C D E F G H]. constructor; auto. intros ipa'.
      rewrite (content_write s v ipa e), (content_write t v ipa f) by auto. rewrite Em, H, Ew, Wf.
      destruct (ipa' =? ipa); auto.
    + destruct (in_memory (pub t) v ipa); apply vm_same_leave, S.
  - apply vm_same_leave, S.
  - destruct (in_memory (pub t) v ipa); apply vm_same_leave, S.
  - apply vm_same_leave, S.
  - apply vm_same_leave, S.
  - apply vm_same_vc; cbn; auto; apply S.
  - rewrite (s_exists _ _ _ S). destruct (cexists (vc (pub t) v target)) eqn:X.
    + rewrite (s_power _ _ _ S) by (rewrite (s_exists _ _ _ S); exact X).
      destruct (cpower (vc (pub t) v target)); cbn [andb].
      * apply vm_same_leave, vm_same_power, vm_same_regs; [|exact S]. intros q.
        apply upd_ext. intros r. apply Rg.
      * apply vm_same_regs; auto.
    + cbn [andb]. apply vm_same_regs; auto.
  - apply vm_same_leave, vm_same_power, S.
  - apply vm_same_leave, S.
Qed.

Lemma call_event_inv v a s e : call_event v a s = Some e ->
  hosted (pub s) (cpu_of a) = true /\ ok (pub s) a = true /\
  call dram a s = on_pub (set_hreg (cpu_of a) 0 0) (does a s) /\
  match e with
  | EVcpu i true => exists c pg nm, a = VcpuCreate c v i pg nm
  | EVcpu i false => exists c, a = VcpuDestroy c v i
  | EBoot b n l => exists c f, a = Finalise c v b n f /\ l = [f 0; f 1; f 2; f 3; f r_pc]
  | EDying => exists c, a = DestroyBegin c v
  | ETaken ipa => exists c x, a = DestroyStep c v ipa /\ lookup (pub s) v ipa = Some x
  | EGone => exists c, a = DestroyEnd c v
  | EAnswer i p x => exists c, a = Run c v i x /\ p = cpend (vc (pub s) v i)
  | _ => False
  end.
Proof.
  unfold View.call_event, call. destruct (hosted (pub s) (cpu_of a)); [|discriminate].
  destruct (ok (pub s) a); [|discriminate]. cbn [andb]. intros H. split; [auto|split; [auto|split; [auto|]]].
  destruct a; try discriminate;
    (match type of H with context [?w =? ?v] => destruct (Z.eqb_spec w v) as [->|]; [|discriminate] end); cbn [andb] in H.
  - injection H as <-. eauto.
  - injection H as <-. eauto.
  - injection H as <-. eauto.
  - injection H as <-. eauto.
  - destruct (lookup (pub s) v ipa) eqn:L; [|discriminate]. injection H as <-. eauto.
  - injection H as <-. eauto.
  - destruct a; try discriminate; injection H as <-; eauto.
Qed.

Lemma boot_regs_ext f g : [f 0; f 1; f 2; f 3; f r_pc] = [g 0; g 1; g 2; g 3; g r_pc] ->
  forall r, boot_regs f r = boot_regs g r.
Proof. intros [= A B C D E] r. unfold boot_regs. rewrite A, B, C, D, E. reflexivity. Qed.

Lemma find_filter_here v ipa ipa' l :
  List.find (here v ipa') (filter (fun e => negb (here v ipa e)) l) =
  if ipa' =? ipa then None else List.find (here v ipa') l.
Proof.
  destruct (Z.eqb_spec ipa' ipa) as [->|N].
  - induction l as [|x l IH]; cbn; [reflexivity|]. destruct (here v ipa x) eqn:H; cbn; [|rewrite H]; auto.
  - apply find_filter. intros x Hx. unfold here in *. bools. destruct (Z.eqb_spec (e_ipa x) ipa); [congruence|].
    rewrite andb_false_r. reflexivity.
Qed.

Lemma content_taken s v ipa e c :
  inv s -> prot (pub s) v = true -> lookup (pub s) v ipa = Some e ->
  forall ipa', content (does (DestroyStep c v ipa) s) v ipa' = if ipa' =? ipa then None else content s v ipa'.
Proof.
  intros I Pv L ipa'. cbn [does]. rewrite L, Pv. unfold content, lookup, reclaim. fields.
  rewrite find_filter_here. destruct (Z.eqb_spec ipa' ipa) as [->|N]; [reflexivity|].
  fold (lookup (pub s) v ipa'). destruct (lookup (pub s) v ipa') as [f|] eqn:Lf; [|reflexivity].
  destruct (lookup_in _ _ _ _ L) as (L1 & L2 & L3). destruct (lookup_in _ _ _ _ Lf) as (F1 & F2 & F3).
  rewrite upd_ne; [reflexivity|]. intros Eq. apply N. rewrite <- F3, <- L3.
  f_equal. apply (i_once _ I); auto. unfold prot. rewrite F2. exact Pv.
Qed.

Lemma vm_same_state v x s t : vm_same v s t -> vm_same v (on_pub (vm_to v x) s) (on_pub (vm_to v x) t).
Proof. intros []. unfold vm_to. constructor; fields; unfold upd; rewrite ?Z.eqb_refl; auto. Qed.

Lemma vm_call v a b s t e :
  inv s -> inv t -> prot (pub s) v = true -> prot (pub t) v = true -> vm_same v s t ->
  call_event v a s = Some e -> call_event v b t = Some e -> vm_same v (call dram a s) (call dram b t).
Proof.
  intros I J Pv Pw S E1 E2.
  destruct (call_event_inv _ _ _ _ E1) as (H1 & O1 & -> & X1).
  destruct (call_event_inv _ _ _ _ E2) as (H2 & O2 & -> & X2).
  apply vm_same_hreg. destruct e; try contradiction.
  - destruct there.
    + destruct X1 as (c & pg & nm & ->), X2 as (c' & pg' & nm' & ->). cbn [does].
      apply vm_same_regs; [auto|]. destruct S as [A B C D E F G H].
      constructor; fields; rewrite ?Pv, ?Pw; auto; intros j; rewrite !upd2_cases; destruct ((v =? v) && (j =? i)); auto.
    + destruct X1 as (c & ->), X2 as (c' & ->). cbn [does].
      apply vm_same_regs; [auto|]. destruct S as [A B C D E F G H].
      constructor; fields; auto; intros j; rewrite !upd2_cases; destruct ((v =? v) && (j =? i)); auto.
  - destruct X1 as (c & f & -> & ->), X2 as (c' & g & -> & El). cbn [does]. rewrite Pv, Pw.
    apply vm_same_power, vm_same_regs; [apply boot_regs_ext; exact El|].
    destruct S. constructor; fields; unfold upd; rewrite ?Z.eqb_refl; auto.
  - destruct X1 as (c & x & -> & L1), X2 as (c' & y & -> & L2).
    assert (C1 := content_taken s v ipa x c I Pv L1). assert (C2 := content_taken t v ipa y c' J Pw L2).
    destruct S as [A B C D E F G H].
    constructor; try (cbn [does]; rewrite L1, L2, Pv, Pw; cbn; auto; fail).
    intros ipa'. rewrite C1, C2. destruct (ipa' =? ipa); auto.
  - destruct X1 as (c & ->), X2 as (c' & ->). cbn [does]. apply vm_same_state, S.
  - destruct X1 as (c & ->), X2 as (c' & ->). cbn [does]. apply vm_same_state, S.
  - destruct X1 as (c & -> & ->), X2 as (c' & -> & Ep). cbn [does]. cbn zeta. rewrite <- Ep.
    assert (S1 : vm_same v (set_regs v i (answer (cpend (vc (pub s) v i)) a0 (regs s v i)) s)
                          (set_regs v i (answer (cpend (vc (pub s) v i)) a0 (regs t v i)) t)).
    { apply vm_same_regs; [|exact S]. intros r. apply answer_ext. apply S. }
    pose proof (s_exists _ _ _ S i) as Ex. pose proof (s_power _ _ _ S i) as Po. pose proof (s_irq _ _ _ S i) as Ir.
    destruct S1 as [A B C D E F G H].
    constructor; fields; auto; intros j; rewrite !upd2_cases; destruct ((v =? v) && (j =? i)); cbn; auto; apply F || apply G || apply E.
Qed.

Lemma vm_event_live v g a s e : live (pub s) v g = true -> vm_event v g a s = Some e ->
  (exists i n, a = Guest v i n /\ e = EOwn a /\ runs (pub s) v i <> None) \/
  (exists i z, a = Inject v i z /\ e = EIrqState i z /\ cexists (vc (pub s) v i) = true) \/
  (exists c x, a = DonateMap c /\ in_transit (pub s) c = Some x /\ e_vm (snd x) = v /\ mappable (pub s) (snd x) = true /\
     e = EDonated (e_ipa (snd x)) (mem s (e_pg (snd x))) (e_w (snd x))) \/
  (call_event v a s = Some e /\ step a s = call dram a s).
Proof.
  unfold View.vm_event. intros ->. destruct a; auto 10; try (intros H; right; right; right; split; [exact H|reflexivity]);
    try (intros H; exfalso; unfold View.call_event in H; match type of H with (if ?c then _ else _) = _ => destruct c end; discriminate).
  - destruct (Z.eqb_spec v0 v) as [->|]; [|discriminate]. cbn [andb].
    destruct (runs (pub s) v i) eqn:R; [|discriminate]. intros [= <-]. left. exists i, n. rewrite R. repeat split; auto. discriminate.
  - destruct (Z.eqb_spec v0 v) as [->|]; [|discriminate]. cbn [andb].
    destruct (cexists (vc (pub s) v i)) eqn:X; [|discriminate]. intros [= <-]. right; left. eauto.
  - destruct (in_transit (pub s) c) as [x|] eqn:T; [|discriminate].
    destruct (Z.eqb_spec (e_vm (snd x)) v) as [Ev|]; [|discriminate]. cbn [andb].
    destruct (mappable (pub s) (snd x)) eqn:M; [|discriminate]. intros [= <-]. right; right; left. eauto 10.
Qed.

Lemma content_mapped s v c x :
  in_transit (pub s) c = Some x -> e_vm (snd x) = v -> mappable (pub s) (snd x) = true ->
  forall ipa, content (donate_map c s) v ipa =
    if ipa =? e_ipa (snd x) then Some (mem s (e_pg (snd x)), e_w (snd x)) else content s v ipa.
Proof.
  intros T Ev M ipa. unfold donate_map. rewrite T. cbn zeta. rewrite M. unfold content, lookup. fields. cbn [List.find].
  unfold here at 1. rewrite Ev, Z.eqb_refl. cbn [andb]. rewrite Z.eqb_sym.
  destruct (ipa =? e_ipa (snd x)); reflexivity.
Qed.

Lemma vm_live_consistent v g a b s t e :
  inv s -> inv t -> live (pub s) v g = true -> live (pub t) v g = true -> vm_same v s t ->
  vm_event v g a s = Some e -> vm_event v g b t = Some e -> vm_same v (step a s) (step b t).
Proof.
  intros I J L1 L2 S E1 E2.
  destruct (live_spec _ _ _ L1) as (Pv & _ & _). destruct (live_spec _ _ _ L2) as (Pw & _ & _).
  assert (NC : forall a s e, call_event v a s = Some e -> forall x, e <> EOwn x).
  { intros a' s' e' Hc x ->. apply call_event_inv in Hc as (_ & _ & _ & []). }
  assert (NI : forall a s e, call_event v a s = Some e -> forall i z, e <> EIrqState i z).
  { intros a' s' e' Hc i z ->. apply call_event_inv in Hc as (_ & _ & _ & []). }
  assert (ND : forall a s e, call_event v a s = Some e -> forall i l w, e <> EDonated i l w).
  { intros a' s' e' Hc i l w ->. apply call_event_inv in Hc as (_ & _ & _ & []). }
  destruct (vm_event_live _ _ _ _ _ L1 E1) as [(i & n & -> & -> & R1)|[(i & z & -> & -> & X1)|[(c & x & -> & T1 & V1 & M1 & ->)|[C1 ->]]]];
  destruct (vm_event_live _ _ _ _ _ L2 E2) as [(i' & n' & -> & Eq & R2)|[(i' & z' & -> & Eq & X2)|[(c' & x' & -> & T2 & V2 & M2 & Eq)|[C2 ->]]]];
    try discriminate Eq; try (exfalso; eapply NC; eauto; fail); try (exfalso; eapply NI; eauto; fail);
    try (exfalso; eapply ND; eauto; fail).
  - injection Eq as <- <-. cbn [Top.step]. apply vm_guest; auto.
  - injection Eq as <- <-. cbn [Top.step]. cbn zeta. rewrite X1, X2. apply vm_same_vc; cbn; auto; intros; apply S; auto.
  - injection Eq as Ei Em Ew. cbn [Top.step].
    assert (C1 := content_mapped s v c x T1 V1 M1). assert (C2 := content_mapped t v c' x' T2 V2 M2).
    destruct S as [A B C D E F G H].
    constructor; try (unfold donate_map; rewrite T1, T2; cbn zeta; rewrite M1, M2; cbn; auto; fail).
    intros ipa. rewrite C1, C2, Ei, Em, Ew. destruct (ipa =? e_ipa (snd x')); auto.
  - apply (vm_call v a b s t e); auto.
Qed.

(* Step consistency. *)
Lemma vm_consistent v g a b s t e :
  inv s -> inv t -> same (PVm v g) s t -> vm_event v g a s = Some e -> vm_event v g b t = Some e ->
  same (PVm v g) (step a s) (step b t).
Proof.
  intros I J (Lv & S) E1 E2. destruct (live (pub s) v g) eqn:L.
  - symmetry in Lv. specialize (S eq_refl).
    pose proof (vm_live_consistent v g a b s t e I J L Lv S E1 E2) as X.
    split; [|auto].
    assert (T : forall x u, inv u -> live (pub u) v g = true -> tagged v u (step x u)).
    { intros x u Iu Lu. destruct x; try (apply tagged_step; [exact Iu|discriminate]).
      destruct (Z.eq_dec v0 v) as [->|N]; [|apply tagged_step; [exact Iu|congruence]].
      cbn [Top.step]. unfold call. destruct (hosted _ _); [|apply tagged_vm; reflexivity].
      destruct (ok (pub u) _) eqn:O; [|apply tagged_vm; reflexivity]. cbn [Top.ok] in O. bools.
      apply live_spec in Lu as (_ & _ & Sf). congruence. }
    destruct (T a s I L) as (A1 & A2 & _). destruct (T b t J Lv) as (B1 & B2 & _).
    unfold live in *. unfold prot, state_is in *. rewrite A1, A2, B1, B2, (s_state _ _ _ X). bools.
    repeat match goal with H : vprot _ = true |- _ => rewrite H; clear H end.
    repeat match goal with H : vgen _ = g |- _ => rewrite H; clear H end. reflexivity.
  - symmetry in Lv.
    assert (N : forall x u, inv u -> live (pub u) v g = false -> vm_event v g x u = Some e ->
      e = ECreated /\ exists c, step x u = on_pub (set_hreg c 0 0) (does (VmCreate c v true) u) /\
        vgen (vm (pub u) v) + 1 = g /\ vstate (vm (pub u) v) = Free).
    { intros x u Iu Lu. unfold View.vm_event. rewrite Lu. destruct x; try discriminate.
      destruct (hosted (pub u) _) eqn:H; [|discriminate]. destruct (ok (pub u) _) eqn:O; [|discriminate].
      destruct (Z.eqb_spec v0 v) as [->|]; [|discriminate]. destruct p; [|discriminate]. cbn [andb].
      destruct (Z.eqb_spec (vgen (vm (pub u) v) + 1) g) as [Eg|]; [|discriminate]. intros [= <-]. split; [reflexivity|].
      exists c. cbn [Top.step]. unfold call. cbn [cpu_of] in *. rewrite H, O. cbn [Top.ok] in O. bools. auto. }
    destruct (N a s I L E1) as (-> & c & -> & G1 & F1). destruct (N b t J Lv E2) as (_ & c' & -> & G2 & F2).
    assert (Nx : forall u, inv u -> vstate (vm (pub u) v) = Free -> forall i, cexists (vc (pub u) v i) = false).
    { intros u Iu Fu i. destruct (cexists (vc (pub u) v i)) eqn:X; [|reflexivity]. destruct (i_vcpu _ Iu v i X). congruence. }
    assert (Nl : forall u, inv u -> vstate (vm (pub u) v) = Free -> forall ipa, lookup (pub u) v ipa = None).
    { intros u Iu Fu ipa. destruct (lookup (pub u) v ipa) as [x|] eqn:X; [|reflexivity].
      destruct (lookup_in _ _ _ _ X) as (X1 & X2 & _). exfalso. apply (i_alive _ Iu _ X1). rewrite X2. exact Fu. }
    split.
    + unfold live, prot, state_is. cbn. rewrite !upd_eq. cbn. rewrite G1, G2. reflexivity.
    + intros _. constructor; cbn [does]; fields; rewrite ?upd_eq; cbn; auto.
      * intros ipa. unfold content. cbn. unfold lookup. cbn. fold (lookup (pub s) v ipa) (lookup (pub t) v ipa).
        rewrite (Nl s), (Nl t); auto.
      * intros i. rewrite (Nx s), (Nx t); auto.
      * intros i. rewrite (Nx s); auto. discriminate.
      * intros i. rewrite (Nx s); auto. discriminate.
      * intros i r. rewrite (i_wiped _ I), (i_wiped _ J); auto.
Qed.

(* ---- every principal, every run ---- *)

Theorem local_respect p a s : inv s -> event_of p a s = None -> same p s (step a s).
Proof. destruct p; [apply host_respect|apply vm_respect]. Qed.

Theorem step_consistent p a b s t e :
  inv s -> inv t -> same p s t -> event_of p a s = Some e -> event_of p b t = Some e -> same p (step a s) (step b t).
Proof. destruct p; [apply host_consistent|apply vm_consistent]. Qed.

(* What a principal does and what is released to it, in order. *)
Fixpoint events (p : principal) (l : list action) (s : state) : list event :=
  match l with
  | [] => []
  | a :: r => match event_of p a s with Some e => e :: events p r (step a s) | None => events p r (step a s) end
  end.

Lemma silent p l : forall s, inv s -> events p l s = [] -> same p s (run l s).
Proof.
  induction l as [|a l IH]; intros s I; cbn [events]; [intros _; apply same_refl|].
  destruct (event_of p a s) eqn:E; [discriminate|]. intros H.
  eapply same_trans; [apply (local_respect p a s I E)|]. apply IH; [apply inv_step, I|exact H].
Qed.

Theorem noninterference p l : forall l' s t,
  inv s -> inv t -> same p s t -> events p l s = events p l' t -> same p (run l s) (run l' t).
Proof.
  induction l as [|a l IH]; intros l' s t I J S H.
  - cbn [events] in H. eapply same_trans; [exact S|]. apply silent; [exact J|symmetry; exact H].
  - cbn [events] in H. change (run (a :: l) s) with (run l (step a s)).
    destruct (event_of p a s) as [e|] eqn:E.
    + revert t J S H. induction l' as [|b l' IH']; intros t J S H; cbn [events] in H; [discriminate|].
      change (run (b :: l') t) with (run l' (step b t)).
      destruct (event_of p b t) as [e'|] eqn:E'.
      * injection H as <- H. apply IH; [apply inv_step, I|apply inv_step, J| |exact H].
        apply (step_consistent p a b s t e); auto.
      * apply IH'; [apply inv_step, J| |exact H].
        eapply same_trans; [exact S|]. apply (local_respect p b t J E').
    + apply IH; [apply inv_step, I|exact J| |exact H].
      eapply same_trans; [apply same_sym, (local_respect p a s I E)|exact S].
Qed.
End NI.
