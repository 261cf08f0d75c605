(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VM_DONATE does what the top machine does: a page is taken from the host, and then mapped or given back. *)
From KCore Require Import code.Common code.Calls code.Transfer code.Host top.InvStep.
From KCore Require Export sim.Split sim.Reap sim.Unmap sim.Leaf.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Donate.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation leads := (leads fixed).
Notation answers_in := (answers_in fixed).

Section At.
Variables (c v i p : Z).
Hypotheses (B : sound) (V : is_vm v) (A : is_ipa i).

Lemma handle : is_handle v.
Proof. unfold is_handle, is_vm in *. lia. Qed.
Lemma number_ok : nth_vm v = true.
Proof. unfold nth_vm, is_vm, KCORE_NR_VMS in *. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia. Qed.
Lemma ensured k b : ensure k b = b.
Proof. unfold ensure. rewrite (B k). reflexivity. Qed.

(* ------------------------------------------------------------------ the first section *)

(* The page is the VM's. *)
Definition given (t : pub) : pub :=
  add_cnt KCORE_STAT_pages_vm 1 (change_vm v (fun r => vm_with_pages (v_pages r + 1) r) (set_owner (upd (owner t) p v) t)).
Lemma keep_given c' s t : Q c' s t -> dram p = true -> core p = false -> v_state (vm (P t) v) <> VM_FREE ->
  Q c' (bump "pages_vm" 64 0 1 (bump "vm_pages" 64 v 1 (setcell "page_owner" (record_no fixed p) v s))) (mkst (given (P t)) (D t)).
Proof.
  intros R Dp C S. pose proof handle as Hv.
  destruct (rest_vm (set_owner (upd (owner (P t)) p v) (P t)) v (vm_with_pages (v_pages (vm (P t) v) + 1) (vm (P t) v)) eq_refl S)
    as [Ar Hc].
  assert (Ar' : forall x, at_rest (given (P t)) x -> at_rest (P t) x) by (intros x X; apply Ar, X).
  assert (Hc' : forall x, has_context (given (P t)) x -> has_context (P t) x) by (intros x X; apply Hc, X).
  clear Ar Hc. unfold given in *. related R.
  exfalso. match goal with E1 : record_no _ ?q = _, N : ?q <> p |- _ => apply N, (n_apart _ I); auto end.
Qed.

Definition takes (t : st) (x : res (Z * state)) (o : out) : Prop :=
  exists r u q, x = Ok (r, u) /\ held u = true /\ Q c u (mkst q (D t)) /\
    (r <> 0 /\ o = done c r q \/ r = 0 /\ cpu q = cpu (P t) /\ o = proceed c (CDonate v i p) [] true q).

Lemma take_sim s t : Q c s t -> inv (P t) -> held s = true -> fits (P t) -> 0 <= p * PAGE_BYTES < 2 ^ 64 ->
  takes t (s_donate_take [v; i * PAGE_BYTES; p * PAGE_BYTES] s) (Hyper.donate_take c v i p (P t)).
Proof.
  intros R J H F Bp. pose proof handle as Hv. pose proof (fixed_of fixed c s t R) as Fx.
  assert (Wp : word64 (p * PAGE_BYTES) = true) by (unfold word64; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  assert (Rg : forall u y, Q c u y -> regions_ok u = true) by (intros u y Y; apply (regions_fine fixed I u (fixed_of fixed c u y Y))).
  unfold s_donate_take, Transfer.donate_take, s_donate_check, donate_check, Hyper.donate_take.
  rewrite number_ok, Wp, (Rg s t R). cbn [andb]. rewrite (record_page fixed I s Fx) by (apply Z_mod_mult).
  rewrite Z.div_mul by discriminate.
  rewrite (r_vm_state _ _ _ _ R v Hv), (r_vm_type _ _ _ _ R v Hv), (r_vm_base _ _ _ _ R v Hv), (r_vm_end _ _ _ _ R v Hv).
  rewrite !ensured. unfold is.
  assert (Stop : forall e, e <> 0 -> takes t (let* (r, s) := Ok (e, s) in if negb (r =? 0) then Ok (r, s) else
    let* (_, s) := s_host_unmap [p * PAGE_BYTES] s in pre held s && record_ok s (if dram p then record_no fixed p else NO_PAGE) in
    Ok (0, record "icache_inval" [] (record "dcache_clean_inval_page" [p * PAGE_BYTES] (bump "pages_vm" 64 0 1 (bump "vm_pages" 64 v 1
      (setcell "page_owner" (if dram p then record_no fixed p else NO_PAGE) v s)))))) (done c e (P t))).
  { intros e N. cbn [bind]. rewrite (proj2 (Z.eqb_neq e 0) N). cbn [negb]. exists e, s, (P t). rewrite st_eta. auto 10. }
  destruct (Z.eqb_spec (v_state (vm (P t) v)) VM_FREE) as [S|S]; [apply Stop; discriminate|].
  destruct (negb (v_state (vm (P t) v) =? VM_READY) || negb (v_type (vm (P t) v) =? KCORE_VM_PROTECTED)) eqn:Sr; [apply Stop;
    discriminate|].
  destruct (_ || (v_end _ <=? _)); [apply Stop; discriminate|].
  destruct (dram p) eqn:Dp; [|rewrite Z.eqb_refl; apply Stop; discriminate]. cbn [negb].
  rewrite (proj2 (Z.eqb_neq _ _) (record_real fixed I p Dp)).
  assert (Ro : forall u y, Q c u y -> record_ok u (record_no fixed p) = true).
  { intros u y Y. unfold record_ok. assert (E : nr_pages u = fixed "nr_pages" 0) by (apply (fixed_of fixed c u y Y); cbn; tauto). rewrite E.
    pose proof (record_range fixed I p Dp). apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia. }
  rewrite (Ro s t R), (r_owner _ _ _ _ R p Dp), (r_maps _ _ _ _ R p Dp). rewrite (Z.mod_small (maps _ _)) by apply (f_maps _ F).
  destruct (Z.eqb_spec (owner (P t) p) OWNER_HOST) as [Oh|Oh]; cbn [negb]; [|apply Stop; discriminate].
  destruct (Z.eqb_spec (maps (P t) p) 0) as [Mp|Mp]; cbn [negb]; [|apply Stop; discriminate]. clear Stop.
  assert (Ready : v_state (vm (P t) v) = VM_READY) by (props; assumption).
  assert (At : at_start v t) by (right; apply cursor_zero; [apply (r_reaped _ _ _ _ R v V)|exact S|rewrite Ready; discriminate]).
  pose proof (s2_prepare_quiet v i 3 (P t) (i_tables _ J)) as Pq.
  destruct (prepare_sim fixed I c v i Hv A s t 3 0 R H (fits_few _ F) ltac:(lia) At ltac:(auto)) as (r & u & -> & Hu & M). cbn [bind].
  destruct (s2_prepare v i 3 (P t)) as [e q|q].
  { destruct M as (-> & N & _ & Ru). rewrite (proj2 (Z.eqb_neq e 0) N). cbn [negb bind]. rewrite (proj2 (Z.eqb_neq e 0) N). cbn [negb].
    exists e, u, q. auto 10. }
  destruct M as (-> & Fu & Ru). destruct Pq as ((Sh & Lq) & S1 & T3). cbn [Z.eqb negb].
  rewrite (load_eq fixed I c u (mkst q (D t)) v i Ru Hv A) by lia. cbn [bind].
  destruct (entry_eq fixed c v i 3 Hv A ltac:(auto) u (mkst q (D t)) Ru) as (_ & E2 & E3);
    [intros _; apply T3; reflexivity|intros X; discriminate X|]. cbn [P level_place Z.eqb Pos.eqb] in E2. rewrite E3, E2. unfold entry_of.
  destruct (Z.eqb_spec (entry u v (i * PAGE_BYTES) 3) 0) as [Z0|Z0]; cbn [negb].
  2: { cbn [bind Z.eqb negb]. exists KCORE_EBUSY, u, q. split; [reflexivity|]. split; [exact Hu|]. split; [exact Ru|]. left. split;
       [discriminate|reflexivity]. }
  assert (Jq : inv q) by (apply (inv_shrinks (P t)); auto).
  assert (Ap : is_ipa p) by (apply (dram_below fixed I p Dp)).
  pose proof (host_prepare_unmap_inv p q Jq) as Hi.
  destruct (host_prepare_sim fixed I c u (mkst q (D t)) p 2 Ru (i_tables _ Jq) Hu Fu ltac:(lia) Ap) as (r & w & -> & Hw & M).
    cbn [bind P D] in *.
  destruct (host_prepare_unmap p q) as [e q'|q'].
  { destruct M as (-> & N & _ & Rw). rewrite (proj2 (Z.eqb_neq e 0) N). cbn [negb]. exists e, w, q'. auto 10. }
  destruct M as (-> & _ & Rw). destruct Hi as (Jq' & _ & _ & (K1 & K2 & K3 & K4 & K5 & K6)). cbn [Z.eqb negb].
  destruct (host_unmap_sim fixed I c w (mkst q' (D t)) p Rw (i_tables _ Jq') Hw Ap) as (x & -> & Hx & Rx). cbn [bind P D] in *.
  rewrite Hx, (Ro x _ Rx). cbn [andb].
  assert (Co : core p = false).
  { destruct (core p) eqn:C; auto. rewrite (r_core _ _ _ _ R p C) in Oh. discriminate Oh. }
  eexists 0, _, (given (host_unmap p q')). split; [reflexivity|]. split; [exact Hx|]. split.
  - do 2 apply keep_record. apply (keep_given c x (mkst (host_unmap p q') (D t)) Rx Dp Co). cbn [P].
    destruct (security_fields _ _ (K5 v)) as (-> & _). destruct (security_fields _ _ (h_vm _ _ Sh v)) as (-> & _). exact S.
  - right. split; [reflexivity|]. split; [|reflexivity]. change (cpu (given (host_unmap p q'))) with (cpu (host_unmap p q')).
    rewrite K4. apply (h_cpu _ _ Sh).
Qed.

(* ------------------------------------------------------------------ the second section *)

Lemma land_sim s t : Q c s t -> inv (P t) -> held s = true -> u_call (cpu (P t) c) = CDonate v i p ->
  answers_in c t (s_donate_map [v; i * PAGE_BYTES; p * PAGE_BYTES] s) (Hyper.donate_map c v i p (P t)).
Proof.
  intros R J H Fl. pose proof handle as Hv. destruct (i_flight _ J c v i p Fl) as (_ & Dp & O & _).
  assert (Co : core p = false).
  { destruct (core p) eqn:C; auto. rewrite (r_core _ _ _ _ R p C) in O. unfold is_vm, KCORE_NR_VMS, OWNER_CORE in *. lia. }
  assert (S : v_state (vm (P t) v) <> VM_FREE).
  { destruct (i_owner _ J p) as (_ & _ & X); rewrite ?O in *; try (unfold is_vm, KCORE_NR_VMS, OWNER_CORE, OWNER_HOST in *; lia).
    destruct X as [-> | ->]; discriminate. }
  unfold s_donate_map, Transfer.donate_map, Hyper.donate_map, is. rewrite number_ok, (r_vm_state _ _ _ _ R v Hv).
  rewrite (level_eq fixed I c s t v i R (i_tables _ J) Hv A). cbn [bind]. rewrite (load_eq fixed I c s t v i R Hv A) by apply level_range.
  cbn [bind]. destruct (entry_now_at fixed c s t v i R (i_tables _ J) Hv A) as (X1 & X2 & _ & X4). unfold entry_now in *.
  set (l := s2_level (P t) v i) in *. set (e := entry s v (i * PAGE_BYTES) l) in *.
  assert (Cond : negb (l =? 3) || Calls.valid e = negb (l =? 3) || negb (match lf (P t) v (Page i) with None => true | _ => false end)).
  { destruct (Z.eqb_spec l 3) as [L|L]; cbn [negb orb]; [|reflexivity]. unfold leaf_over in X1. fold l in X1. rewrite L in X1.
    cbn [Z.eqb Pos.eqb level_place] in X1. rewrite X1. unfold Calls.valid, entry_of. rewrite (invalid_zero _ _ X2). destruct (e =? 0);
      reflexivity. }
  rewrite <- !orb_assoc, Cond. destruct (negb (v_state (vm (P t) v) =? VM_READY) || _) eqn:C.
  - destruct (reclaim_sim fixed I c s t v p R H B V S Dp Co) as (u & -> & Hu & Ru). cbn [bind]. eexists _, u. split; [reflexivity|].
    split; [exact Hu|]. exists (reclaim_effect p), (reclaim_ok v p (P t)), (Hyper.reclaim v p (P t)). split; [reflexivity|exact Ru].
  - apply orb_false_iff in C as [C1 C2]. apply orb_false_iff in C2 as [C2 C3]. apply negb_false_iff, Z.eqb_eq in C1.
    apply negb_false_iff, Z.eqb_eq in C2. apply negb_false_iff in C3.
    unfold leaf_over in X1. fold l in X1. rewrite C2 in *. cbn [Z.eqb Pos.eqb level_place] in X1.
    assert (E0 : e = 0).
    { rewrite X1 in C3. unfold entry_of in C3. destruct (Z.eqb_spec e 0); [assumption|discriminate C3]. }
    pose proof (dram_below fixed I p Dp) as Bp. change HOST_DRAM with 7.
    destruct (leaf_word_ok p 7 3 Bp ltac:(lia) ltac:(auto) ltac:(discriminate)) as [Lo _].
    assert (E1 : entry s v (i * PAGE_BYTES) 3 = 0) by (rewrite <- E0; unfold e; rewrite ?C2; reflexivity).
    unfold h_s2_set. rewrite (stage_fine fixed I c s t v i R Hv A), H, X4, E1, Lo by discriminate. cbn [andb Z.eqb bind].
    eexists 0, _. split; [reflexivity|]. split; [exact H|]. exists [], true. eexists. split; [reflexivity|]. cbn [do_effects fold_left].
    apply keep_record. rewrite <- (entry_of_word p 7 3 Bp ltac:(lia) ltac:(auto) ltac:(discriminate)).
    apply (keep_leaf fixed c s t v 3 i _ R Hv A); auto.
    + intros x L3. discriminate L3.
    + right. left. apply cursor_zero; [apply (r_reaped _ _ _ _ R v V)|exact S|rewrite C1; discriminate].
Qed.
End At.

(* ------------------------------------------------------------------ the call *)

Lemma donate_sim c s t v a b : Q c s t -> held s = false -> sound -> sinv t -> fits (P t) -> u_run (cpu (P t) c) = false ->
  0 <= v -> 0 <= a -> 0 <= b < 2 ^ 64 ->
  leads c t (s_hc_vm_donate [v; a; b] s) (hcall c (RDonate v a b) (P t)).
Proof.
  intros R H B J F U V A Bb. unfold s_hc_vm_donate. cbn [hcall].
  assert (Bad : bad_vm v || bad_page a || negb (b mod PAGE_BYTES =? 0) =
    (v =? HOST) || (KCORE_NR_VMS <=? v) || negb (paged (Z.lor a b)) || (IPA_END <=? a)).
  { unfold bad_vm, bad_page, HOST. rewrite paged_both, negb_andb. replace (v <? 1) with (v =? 0) by (destruct (Z.eqb_spec v 0),
      (Z.ltb_spec v 1); auto; lia).
    replace (a <? 0) with false by (symmetry; apply Z.ltb_ge; lia).
    destruct (v =? 0), (KCORE_NR_VMS <=? v), (a mod PAGE_BYTES =? 0), (b mod PAGE_BYTES =? 0), (IPA_END <=? a); reflexivity. }
  rewrite <- Bad. clear Bad. destruct (bad_vm v || bad_page a || negb (b mod PAGE_BYTES =? 0)) eqn:Ok_.
  { apply leads_now. exists KCORE_EINVAL, s. split; [reflexivity|]. apply unchanged; auto. }
  unfold bad_vm, bad_page in Ok_. props.
  assert (Vm : is_vm v) by (unfold is_vm; lia).
  assert (Ea : a = a / PAGE_BYTES * PAGE_BYTES) by (rewrite Z.mul_comm; apply Z.div_exact; [discriminate|assumption]).
  assert (Eb : b = b / PAGE_BYTES * PAGE_BYTES) by (rewrite Z.mul_comm; apply Z.div_exact; [discriminate|assumption]).
  set (i := a / PAGE_BYTES) in *. set (p := b / PAGE_BYTES) in *. clearbody i p.
  assert (Ai : is_ipa i) by (unfold is_ipa, IPA_PAGES, IPA_END, PAGE_BYTES in *; lia). rewrite Ea, Eb in *.
  unfold section at 1. rewrite H. cbn [negb].
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  destruct (take_sim c v i p B Vm Ai (sethold true s) t R1 J eq_refl F Bb) as (r & u & q & -> & Hu & Ru & M). cbn [bind]. rewrite Hu.
  cbn [bind]. apply (keep_hold fixed c false) in Ru. set (w := sethold false u) in *. assert (Hw : held w = false) by reflexivity.
    clearbody w.
  destruct M as [(N & ->)|(-> & Ec & ->)].
  - rewrite (proj2 (Z.eqb_neq r 0) N). cbn [negb]. apply leads_now. exists r, w. split; [reflexivity|]. exists [], true, q. auto.
  - cbn [Z.eqb negb]. apply leads_on.
    + unfold proceed, set_call, change_cpu, set_cpu, upd. cbn [o_pub cpu]. rewrite Z.eqb_refl. cbn [u_run cpu_with_call]. rewrite Ec.
      exact U.
    + unfold proceed. cbn [o_pub o_eff do_effects fold_left]. intros x -> Jx _.
      set (y := mkst (set_call c (CDonate v i p) q) (D t)) in *.
      assert (Cy : u_call (cpu (P y) c) = CDonate v i p).
      { unfold y, set_call, change_cpu, set_cpu, upd. cbn [P cpu]. rewrite Z.eqb_refl. reflexivity. }
      assert (G : hgo c (P y) = Hyper.donate_map c v i p (P y)) by (unfold hgo; rewrite Cy; reflexivity). rewrite G.
      apply leads_now. apply section_answers; auto. apply land_sim; auto. apply keep_hold, keep_call, Ru.
Qed.
End Donate.
