(* SPDX-License-Identifier: GPL-2.0-only *)
(* Pages that the host gets back are zero; what an exit shows; what an answer may be. *)
From KCore Require Export top.VmEnd.

Section Reclaim.
Context {cfg : config}.

Definition effect_dec (x y : effect) : {x = y} + {x <> y}.
Proof. decide equality; try apply Z.eq_dec; try apply Bool.bool_dec. apply list_eq_dec. decide equality; apply Z.eq_dec. Defined.

(* Effects that leave a scrubbed page alone. *)
Lemma scrubbed l p : (forall e, In e l -> touches_mem e p -> e = Scrub p) -> In (Scrub p) l -> forall d o, mem (do_effects l d) p o = 0.
Proof.
  induction l as [|e l IH]; intros H I d o; [destruct I|]. change (do_effects (e :: l) d) with (do_effects l (do_effect d e)).
  destruct (in_dec effect_dec (Scrub p) l) as [Y|N].
  - apply IH; auto. intros x X. apply H. right; auto.
  - destruct I as [->|?]; [|contradiction]. rewrite effects_mem.
    + cbn. unfold upd. rewrite Z.eqb_refl. auto.
    + intros x X T. pose proof (H x (or_intror X) T). subst. auto.
Qed.

Lemma section_zero c s s' p : sound -> sinv s -> step (HGo c) s = Ok s' -> host_ok (P s) p = false -> host_ok (P s') p = true ->
  forall o, mem (D s') p o = 0.
Proof.
  unfold sinv. intros B I S A C o. cbn [step] in S. destruct (negb _); [|apply ok_eq in S as ->; congruence].
  unfold after in S. destruct (o_ok _); [|discriminate]. apply ok_eq in S as ->. cbn [P D] in *.
  pose proof (hgo_mildly c (P s) B I) as M. destruct (mild_discloses _ _ _ M) as (H & _). destruct (H p C) as [X|X]; [congruence|].
  apply scrubbed; auto. destruct M as [_ F]. intros e In T. rewrite Forall_forall in F. specialize (F e In). destruct e; cbn in *; try tauto. congruence.
Qed.

Lemma done_no_scrub c r s p : ~ In (Scrub p) (o_eff (done c r s)).
Proof. cbn. intros [X|[]]. discriminate. Qed.
Lemma finish_no_scrub c r e ok s p : ~ In (Scrub p) e -> ~ In (Scrub p) (o_eff (finish c r e ok s)).
Proof. intros N X. cbn in X. apply in_app_or in X as [X|[X|[]]]; [auto|discriminate]. Qed.
Ltac denied := repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply done_no_scrub|] end).
Lemma hcall_no_scrub c r s p : ~ In (Scrub p) (o_eff (hcall c r s)).
Proof.
  destruct r; cbn [hcall]; try apply done_no_scrub.
  - unfold vcpu_load. denied. apply finish_no_scrub. intros [X|[]]. discriminate.
  - unfold vcpu_put. denied. apply finish_no_scrub. intros X. apply in_app_or in X as [X|[X|[]]]; [|discriminate].
    apply fp_effect_in in X as [_ [X|X]]; discriminate.
  - unfold vm_create. denied. destruct (find_free s); apply done_no_scrub.
  - unfold vm_finalise. denied. destruct (is _ KCORE_VM_PROTECTED); [|apply done_no_scrub]. denied. apply finish_no_scrub. intros [X|[]]. discriminate.
  - unfold destroy_begin. denied. apply done_no_scrub.
  - unfold destroy_step. denied. intros [].
  - unfold destroy_end. denied. apply done_no_scrub.
  - unfold vcpu_create. denied. destruct (if is _ KCORE_VM_PROTECTED then _ else _); [|apply done_no_scrub]. apply finish_no_scrub. intros [X|[]]. discriminate.
  - unfold vcpu_destroy. denied. apply finish_no_scrub. intros [X|[]]. discriminate.
  - destruct (_ || _); [apply done_no_scrub|]. apply donate_take_scrub.
  - destruct (_ || _); [apply done_no_scrub|]. intros [].
  - destruct (range_bad _ _ _); [apply done_no_scrub|]. intros [].
  - destruct (range_bad _ _ _); [apply done_no_scrub|]. intros [X|[]]. discriminate.
  - unfold log_read. destruct (_ <=? seq); [apply done_no_scrub|]. destruct (if _ <=? _ then _ else _) as [[[? ?] ?]|]; [|apply done_no_scrub].
    apply finish_no_scrub. cbn. intuition discriminate.
  - unfold vmcr_read. denied. intros [X|[]]. discriminate.
  - destruct (bad_page a); [apply done_no_scrub|]. unfold vm_measure. denied. apply done_no_scrub.
  - unfold vm_start. denied. apply done_no_scrub.
  - apply finish_no_scrub. intros [X|[]]. discriminate.
Qed.

Lemma note_owner c r s : owner (P (host_note c r s)) = owner (P s).
Proof. unfold host_note. destruct (noted_same c (fst r) (P s)) as (x & y & ->). reflexivity. Qed.

(* The guest asks to share the page. *)
Definition shares (a : act) (s : st) (p : Z) : Prop :=
  exists c i far l, a = G c (OMem Share i far) /\ leaf_over (P s) (vm_of (u_vcpu (cpu (P s) c))) i = Some l /\ l_page l = p.

(* A guest's call that opens a page: it shares it, or gives it up, and then it is zero. *)
Lemma mem_call_opens c w k i far s p ok t e : sound -> sinv s -> u_vcpu (cpu (P s) c) = w -> w <> NO_VCPU ->
  protected (P s) (vm_of w) = true -> in_memory (P s) (vm_of w) i = true -> mem_call (vm_of w) k i (P s) = Some (ok, t, e) ->
  owner (P s) p <> OWNER_HOST -> owner t p = OWNER_HOST ->
  (k = Share /\ exists l, leaf_over (P s) (vm_of w) i = Some l /\ l_page l = p) \/
  forall o, mem (D (guest_step c w (OMem k i far) s)) p o = 0.
Proof.
  unfold sinv. intros B I U N Q Im M O O'. destruct (protected_guarded _ _ Q) as [G _].
  assert (N0 : u_vcpu (cpu (P s) c) <> NO_VCPU) by congruence. destruct (loaded_ready c (P s) I N0) as [V _]. rewrite U in V.
  destruct (match k with Share => true | _ => false end) eqn:K.
  - left. destruct k; try discriminate. split; auto.
    destruct (mem_call_share _ _ _ _ _ _ I V G M) as (l & _ & L & _ & [(_ & _ & -> & _)|(_ & _ & -> & _)]); [|congruence].
    exists l. split; auto. revert O'. unfold share. fields. unfold upd. destruct (Z.eqb_spec p (l_page l)); congruence.
  - right. assert (Nk : k <> Share) by (intros ->; discriminate). destruct (mem_call_mild _ _ _ _ _ _ _ B I V G Nk M) as [Mi F].
    destruct (d_owner _ _ _ _ Mi p O') as [X|X]; [congruence|]. intros o. cbn [guest_step]. rewrite Q, Im, M. cbn [andb with_pub D].
    assert (Qt : protected t (vm_of w) = true) by (rewrite (mild_protected _ _ _ _ _ Mi); exact Q).
    unfold write_greg, set_greg. cbn [P]. rewrite Qt. cbn [D set_ctx mem]. apply scrubbed; auto.
    intros x Ix T. rewrite Forall_forall in F. specialize (F x Ix). destruct x; cbn in *; try tauto. congruence.
Qed.

(* Only sections of calls under way open a page to the host, and the guest itself. *)
Lemma opens a s s' p : sound -> sinv s -> step a s = Ok s' -> host_ok (P s) p = false -> host_ok (P s') p = true ->
  (exists c, a = HGo c) \/ shares a s p \/ forall o, mem (D s') p o = 0.
Proof.
  intros B I S A C. destruct (match a with HGo _ | G _ _ => true | _ => false end) eqn:Ka.
  { destruct a as [| | | | | | | |c| | | | |c op]; try discriminate Ka; [eauto|]. right. cbn [step] in S.
    destruct (u_run _); [|apply ok_eq in S as ->; congruence]. destruct (Z.eqb_spec (u_vcpu (cpu (P s) c)) NO_VCPU) as [|N]; [discriminate|].
      apply ok_eq in S as ->.
    assert (O : owner (P s) p <> OWNER_HOST /\ owner (P (guest_step c (u_vcpu (cpu (P s) c)) op s)) p = OWNER_HOST).
    { unfold host_ok in *. destruct (dram p); [|congruence]. now apply Z.eqb_neq in A; apply Z.eqb_eq in C. }
    destruct O as [O O'].
    destruct (guest_step_pub c (u_vcpu (cpu (P s) c)) op s) as
      [X|[(x & X)|[(x & y & X)|[(x & y & X)|[(rel & X)|[(k & i & far & ok & t & e & -> & Q & M & X)|(i & l & _ & _ & _ & X)]]]]]].
    all: rewrite X in O'; try (exfalso; exact (O O')).
    - exfalso. revert O'. unfold deliver. destruct (protected _ _), (r_power rel) as [[? ?]|]; auto.
    - destruct (in_memory (P s) (vm_of (u_vcpu (cpu (P s) c))) i) eqn:Im.
      + destruct (mem_call_opens c _ k i far s p ok t e B I eq_refl N Q Im M O O') as [(-> & l & L1 & L2)|Z]; auto. left. exists c, i, far, l. auto.
      + exfalso. apply O. rewrite <- O'. revert X. cbn [guest_step]. rewrite Q, Im. cbn [andb]. intros ->. reflexivity. }
  exfalso. destruct a as [| | | | | | |c r|c| | | | |c op]; try discriminate Ka.
  8: { cbn [step] in S. destruct (idle (P s) c); [|apply ok_eq in S as ->; congruence]. unfold after in S. destruct (o_ok _); [|discriminate].
       apply ok_eq in S as ->. destruct (hcall_discloses c r (P s) B I) as (H & _). destruct (H p C) as [X|X]; [congruence|]. eapply hcall_no_scrub; eauto. }
  all: assert (O : owner (P s') p = OWNER_HOST -> owner (P s) p = OWNER_HOST);
    [|unfold host_ok in *; destruct (dram p); [apply Z.eqb_eq in C; apply Z.eqb_neq in A; tauto|congruence]].
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto. unfold host_fp. destruct (u_fp _); auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto. destruct (reach _ _ _ _); auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto. destruct (reach _ _ _ _); auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto. unfold host_abort.
    pose proof (host_fault_mild (ipa / PAGE_BYTES) (Z.land esr 0x3c =? 4) (P s)) as M.
    destruct (host_fault _ _ _) as [[|] t]; [|destruct (cache_maintenance esr)]; cbn [snd P] in *; intros X; destruct (d_owner _ _ _ _ M p X) as [?|[]]; auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto. rewrite note_owner. auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto. rewrite note_owner. auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (idle _ _); auto. unfold host_run.
    assert (Ow : owner (snd (fst (vcpu_run c w (run_flags s w) (P s)))) = owner (P s)).
    { unfold vcpu_run. repeat match goal with |- context [if ?b then _ else _] => destruct b end; reflexivity. }
    destruct (vcpu_run _ _ _ _) as [[r t] e]. cbn [fst snd] in Ow. destruct (_ && _); cbn [with_data P]; rewrite Ow; auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (_ && _); auto.
  - cbn [step] in S. destruct (u_run _); [|apply ok_eq in S as ->; auto]. destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in S as ->.
    cbn [P]. unfold asynchronous. destruct (protected _ _); auto.
  - cbn [step] in S. apply ok_eq in S as ->. destruct (_ && _); auto.
Qed.

(* The register that the syndrome of an exit names, if it names one: stores outside of memory, and ICC_SGI*R_EL1. *)
Definition named_register (esr : Z) : Z :=
  if ec esr =? EC_SYSREG then field esr 5 31 else if ec esr =? EC_DABT then field esr 16 31 else 31.

Lemma filter_register base end_ esr far hpfar R R' : (named_register esr <> 31 -> R (named_register esr) = R' (named_register esr)) ->
  exit_filter base end_ esr far hpfar R = exit_filter base end_ esr far hpfar R'.
Proof.
  intros E.
  assert (One : forall rt mask, rt = named_register esr -> one_register R rt mask = one_register R' rt mask).
  { intros rt mask ->. unfold one_register. destruct (Z.eqb_spec (named_register esr) 31) as [|N]; auto. rewrite (E N). auto. }
  unfold exit_filter. destruct (ec esr =? EC_IABT) eqn:X; cbn [orb].
  - destruct (_ && _); auto.
  - destruct (ec esr =? EC_DABT) eqn:Y.
    + destruct (_ && _); auto. destruct (_ || _); auto. destruct (negb _); auto. rewrite (One (field esr 16 31) (access_mask esr)); auto.
      unfold named_register. apply Z.eqb_eq in Y. rewrite Y. reflexivity.
    + destruct (ec esr =? EC_SYSREG) eqn:W; auto. rewrite (One (field esr 5 31) MASK64); auto. unfold named_register. rewrite W. reflexivity.
Qed.
(* Of the address of a fault: inside of the VM's memory nothing but the page; outside the offset in the page. *)
Lemma filter_far base end_ esr far far' hpfar R : Z.land far 4095 = Z.land far' 4095 ->
  exit_filter base end_ esr far hpfar R = exit_filter base end_ esr far' hpfar R.
Proof. intros E. unfold exit_filter. rewrite E. reflexivity. Qed.

Lemma answer_checked a v s w pe es fl va l : sound -> to_vm v a s = Some (Answer w pe es fl va l) ->
  pe = c_pending (vcpu (P s) w) /\ es = c_esr (vcpu (P s) w) /\ enter_allowed pe es fl = true.
Proof.
  intros B M. destruct a; cbn [to_vm] in M; try discriminate.
  - destruct (idle _ _); [|discriminate]. unfold call_to_vm in M. destruct (o_eff _) as [|[] ?];
      repeat (match type of M with context [if ?b then _ else _] => destruct b end); discriminate.
  - destruct (u_run _); [discriminate|]. destruct (u_call _); try discriminate. destruct (_ && _); discriminate.
  - destruct (_ && _) eqn:X; [|discriminate]. injection M as <- <- <- <- <- <-. repeat split; auto.
    apply andb_true_iff in X as [X R]. apply andb_true_iff in X as [X Q]. apply andb_true_iff in X as [_ Y]. apply Z.eqb_eq in Y.
    unfold vcpu_run in R. destruct (_ || _); [discriminate|]. destruct (negb _); [discriminate|].
    destruct (run_check w0 (run_flags s w0) (P s) =? 0) eqn:C; cbn [negb fst] in R; [|congruence].
    unfold run_check in C. rewrite Y, Q in C. cbn [negb] in C. destruct (_ =? POWER_OFF); [discriminate|]. unfold ensure in C. rewrite B in C. cbn [orb] in C.
    destruct (enter_allowed _ _ _); [auto|discriminate].
  - destruct (_ && _); discriminate.
  - destruct (_ && _); [|discriminate]. destruct op; try (destruct (reach _ _ _ _) as [[? ?]|]); try destruct k;
    try (destruct (mem_call _ _ _ _) as [[[? ?] ?]|]);
      repeat (match type of M with context [if ?b then _ else _] => destruct b end); discriminate.
Qed.
End Reclaim.
