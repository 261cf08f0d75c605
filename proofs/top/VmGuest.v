(* SPDX-License-Identifier: GPL-2.0-only *)
(* A protected VM's side of the unwinding: runs, exits and guests; then local respect and step consistency for it. *)
From KCore Require Export top.VmCalls.

Section VmGuest.
Context {cfg : config}.

(* ------------------------------------------------------------------ entry *)

Definition off_fp (k : Z) : Prop := inside k W_FP N_FP = false.
Lemma enter_writes_off pending esr flags value f g : (forall k, off_fp k -> f k = g k) ->
  enter_writes pending esr flags value f = enter_writes pending esr flags value g.
Proof.
  intros E. unfold enter_writes, advance, take_exception.
  rewrite (E W_PC), (E W_PSTATE), (E W_SCTLR), (E W_VBAR), (E W_KEPT) by reflexivity. reflexivity.
Qed.
Lemma boot_writes_off f g : (forall k, off_fp k -> f k = g k) -> boot_writes f = boot_writes g.
Proof. intros E. unfold boot_writes. rewrite (E (W_KEPT + 2)), (E (W_KEPT + 1)) by reflexivity. reflexivity. Qed.
Lemma gp_off k : inside k 0 W_GP = true -> off_fp k.
Proof. intros H. apply inside_spec in H. unfold off_fp, inside, W_FP, N_FP, W_GP in *. lia. Qed.
Lemma fp_out k : inside k W_FP N_FP = true -> inside k 0 W_GP = false.
Proof. intros H. apply inside_spec in H. unfold inside, W_FP, N_FP, W_GP in *. lia. Qed.

Definition boots (power : Z) (R : Z -> Z) : Z -> Z := if power =? POWER_BOOT then writes 0 W_GP (boot_writes R) R else R.
Definition answered (power pending esr flags value : Z) (R : Z -> Z) : Z -> Z :=
  writes 0 W_GP (enter_writes pending esr flags value (boots power R)) (boots power R).
Lemma boots_off power f g : (forall k, off_fp k -> f k = g k) -> forall k, off_fp k -> boots power f k = boots power g k.
Proof.
  intros E k O. unfold boots. destruct (power =? POWER_BOOT); [|exact (E k O)]. rewrite (boot_writes_off f g E). apply writes_ext. exact (E k O).
Qed.
Lemma answered_off power pending esr flags value f g : (forall k, off_fp k -> f k = g k) ->
  forall k, off_fp k -> answered power pending esr flags value f k = answered power pending esr flags value g k.
Proof.
  intros E k O. unfold answered. rewrite (enter_writes_off _ _ _ _ (boots power f) (boots power g)) by (now apply boots_off).
  apply writes_ext. now apply boots_off.
Qed.
Lemma answered_fp power pending esr flags value f k : inside k W_FP N_FP = true -> answered power pending esr flags value f k = f k.
Proof.
  intros H. unfold answered, boots. rewrite writes_outside by (now apply fp_out).
  destruct (power =? POWER_BOOT); [|reflexivity]. rewrite writes_outside by (now apply fp_out). reflexivity.
Qed.

(* A register that isn't an FP register is in the context. *)
Lemma reg_off s w k : off_fp k -> reg s w k = ctx (D s) w k.
Proof. intros O. unfold reg. rewrite O. reflexivity. Qed.

(* The bookkeeping of a run that succeeds. *)
Definition ran (c w : Z) (s : pub) : pub :=
  change_cpu c (cpu_with_run true)
    (if protected s (vm_of w)
     then change_vcpu w (fun r => vcpu_with_pending PENDING_NONE 0 (if c_power r =? POWER_BOOT then vcpu_with_power POWER_ON r else r)) s
     else s).
Definition run_effects (w pg : Z) (b : bool) : list effect := [IoLoad w pg b; PageWrite pg [(W_FLAGS, 0)]].

Lemma ran_facts c w s :
  (forall u, life (vm (ran c w s) u) = life (vm s u)) /\ (forall d, u_fp (cpu (ran c w s) d) = u_fp (cpu s d)) /\
  lf (ran c w s) = lf s /\
  (forall x, c_state (vcpu (ran c w s) x) = c_state (vcpu s x) /\ c_cpu (vcpu (ran c w s) x) = c_cpu (vcpu s x)) /\
  (forall x, c_power (vcpu (ran c w s) x) =
     if protected s (vm_of w) && (x =? w) then powered (c_power (vcpu s x)) else c_power (vcpu s x)).
Proof.
  unfold ran. split; [|split; [|split; [|split]]].
  - intros u. destruct (protected s (vm_of w)); reflexivity.
  - intros d. destruct (protected s (vm_of w)); fields; unfold upd; destruct (Z.eqb_spec d c) as [->|]; reflexivity.
  - destruct (protected s (vm_of w)); reflexivity.
  - intros x. destruct (protected s (vm_of w)); fields; [|auto]. unfold upd. destruct (Z.eqb_spec x w) as [->|]; auto.
    destruct (c_power (vcpu s w) =? POWER_BOOT); auto.
  - intros x. destruct (protected s (vm_of w)); fields; [|auto]. cbn [andb]. unfold upd. destruct (Z.eqb_spec x w) as [->|]; auto.
    unfold powered. destruct (c_power (vcpu s w) =? POWER_BOOT); auto.
Qed.

Lemma ran_owner c w s : owner (ran c w s) = owner s.
Proof. unfold ran. destruct (protected s (vm_of w)); reflexivity. Qed.

Lemma ran_book v c w s : (vm_of w <> v \/ protected s (vm_of w) = false) -> book (ran c w s) v = book s v.
Proof.
  intros H. destruct (ran_facts c w s) as (A & _ & _ & C & E). apply book_intro; auto. intros x X. unfold exists_bit.
  destruct (C x) as [-> _]. rewrite E. split; auto. destruct (protected s (vm_of w)) eqn:Q; auto. cbn [andb].
  destruct (Z.eqb_spec x w); auto. subst x. destruct H; congruence.
Qed.

Lemma run_elsewhere v w b s : inv s -> is_vm v -> host_ok s (c_page (vcpu s w)) = true ->
  forall e, In e (run_effects w (c_page (vcpu s w)) b) -> elsewhere s v e.
Proof. intros I V H e [<-|[<-|[]]]; [intros p []|apply elsewhere_host; auto; cbn; intros p <-; auto]. Qed.

Lemma run_other v c w b s : sinv s -> is_vm v -> host_ok (P s) (c_page (vcpu (P s) w)) = true ->
  (vm_of w <> v \/ protected (P s) (vm_of w) = false) ->
  becomes v None s (mkst (ran c w (P s)) (do_effects (run_effects w (c_page (vcpu (P s) w)) b) (D s))).
Proof.
  intros I V H O. split; [cbn [P]; now apply ran_book|]. intros L. destruct (live_guarded _ _ L) as (_ & _ & _ & Q).
  assert (Nv : vm_of w <> v) by (destruct O as [O|O]; [exact O|intros X; rewrite X in O; congruence]).
  destruct (ran_facts c w (P s)) as (_ & F & LF & C & _). split.
  - apply pages_effects; auto; [intros x; rewrite LF; auto|apply owners_same, ran_owner|]. apply Forall_forall. now apply run_elsewhere.
  - apply regs_effects. intros x Wx _ _. destruct (C x) as [C1 C2]. rewrite C1, C2, F. repeat split; auto;
      intros e [<-|[<-|[]]]; cbn; auto. congruence.
Qed.

Lemma entered_answered r flags value R : entered r flags value R = answered (c_power r) (c_pending r) (c_esr r) flags value R.
Proof. reflexivity. Qed.

Lemma run_own v c w s flags value : sinv s -> is_vm v -> host_ok (P s) (c_page (vcpu (P s) w)) = true -> vm_of w = v ->
  protected (P s) v = true -> let r := vcpu (P s) w in
  becomes v (Some (Answer w (c_pending r) (c_esr r) flags value (page_io (D s) (c_page r)))) s
    (mkst (ran c w (P s)) (set_ctx (upd (ctx (do_effects (run_effects w (c_page r) true) (D s))) w
       (answered (c_power r) (c_pending r) (c_esr r) flags value (ctx (D s) w))) (do_effects (run_effects w (c_page r) true) (D s)))).
Proof.
  intros I V H Y Q r. destruct (ran_facts c w (P s)) as (LT & F & LF & C & PW). rewrite Y, Q in PW. cbn [andb] in PW.
  set (l := run_effects w (c_page r) true).
  assert (NF : forall d e, In e l -> ~ touches_fp e d) by (intros d e [<-|[<-|[]]]; cbn; auto).
  assert (NC : forall x e, In e l -> ~ touches_ctx e x) by (intros x e [<-|[<-|[]]]; cbn; auto).
  split; [exact Y|]. split; [apply LT|]. split; [|split].
  - intros x _. unfold exists_bit. cbn [P]. destruct (C x) as [-> _]. auto.
  - intros L. split.
    + apply pages_intro; auto; [intros x; cbn [P]; rewrite LF; auto|apply owners_same, ran_owner|]. intros p Mp o. cbn [D set_ctx mem].
      apply effects_mem. intros e X T. apply (run_elsewhere v w true (P s) I V H e X p T Mp).
    + intros x Wx _ Nx k. cbn [D set_ctx io]. split.
      * destruct (C x) as [S1 S2]. apply reg_intro; cbn [P D set_ctx ctx fpm]; auto.
        intros j. unfold upd. destruct (Z.eqb_spec x w); [congruence|]. apply effects_ctx. intros e; apply NC.
      * apply effects_io. intros e [<-|[<-|[]]]; cbn; auto.
  - intros _ _ k. split.
    + change (let R := if c_power (vcpu (P s) w) =? POWER_BOOT then writes 0 W_GP (boot_writes (reg s w)) (reg s w) else reg s w in
              writes 0 W_GP (enter_writes (c_pending r) (c_esr r) flags value R) R k)
        with (answered (c_power r) (c_pending r) (c_esr r) flags value (reg s w) k).
      destruct (inside k W_FP N_FP) eqn:IN.
      * rewrite answered_fp by auto. unfold reg. cbn [P D set_ctx ctx fpm]. destruct (C w) as [-> ->]. rewrite IN, F. cbn [andb].
        destruct (_ && _); [(apply effects_fp; intros e; apply NF)|]. unfold upd. rewrite Z.eqb_refl. now apply answered_fp.
      * rewrite reg_off by auto. cbn [D set_ctx ctx]. unfold upd. rewrite Z.eqb_refl. apply answered_off; auto.
        intros j J. now rewrite reg_off.
    + cbn [D set_ctx io]. change (io (do_effects l (D s)) w k) with (io (do_effect (D s) (IoLoad w (c_page r) true)) w k). apply io_load_value.
Qed.

Lemma run_becomes c w v s : sinv s -> is_vm v ->
  becomes v (to_vm v (HRun c w) s) s (if idle (P s) c then host_run c w s else s).
Proof.
  unfold sinv. intros I V. cbn [to_vm]. destruct (idle (P s) c) eqn:Id; cbn [andb].
  2: { split; auto. intros _. split; [exact (pages_refl v _)|intros x; auto]. }
  unfold host_run.
  assert (Err : forall r, becomes v None s (mkst (P s) (do_effects [HostX c 0 r] (D s)))).
  { intros r. apply same_for_none; auto using same_for_refl. intros e [<-|[]]. apply aside_x. }
  unfold vcpu_run. destruct (_ || _) eqn:Rg; cbn [fst]; [rewrite !andb_false_r; cbn [andb]; apply Err|].
  destruct (Z.eqb_spec (u_vcpu (cpu (P s) c)) w) as [U|U]; cbn [negb fst]; [|rewrite !andb_false_r; cbn [andb]; apply Err].
  destruct (run_check w (run_flags s w) (P s) =? 0) eqn:Rc; cbn [negb fst]; [|rewrite Rc, !andb_false_r; cbn [andb]; apply Err].
  apply orb_false_iff in Rg as [_ Rg]. assert (N : u_vcpu (cpu (P s) c) <> NO_VCPU) by (rewrite U; intros ->; discriminate).
  destruct (i_cpu _ I c N) as [Lw _]. rewrite U in Lw.
  assert (H : host_ok (P s) (c_page (vcpu (P s) w)) = true) by (apply vcpu_page_ok; auto; rewrite Lw; discriminate).
  fold (ran c w (P s)). fold (run_effects w (c_page (vcpu (P s) w)) (protected (P s) (vm_of w) || negb aarch32)). rewrite Z.eqb_refl, andb_true_r. cbn [andb].
  destruct (Z.eqb_spec (vm_of w) v) as [Y|Y]; cbn [andb].
  - rewrite Y. destruct (protected (P s) v) eqn:Q; [|apply run_other; auto; right; congruence].
    unfold with_data. cbn [P D]. rewrite entered_answered. apply (run_own v c w s _ _ I V H Y Q).
  - destruct (protected (P s) (vm_of w)) eqn:Q; [|apply run_other; auto].
    pose proof (run_other v c w (true || negb aarch32) s I V H (or_introl Y)) as X. eapply none_trans; [exact X|].
    split; [reflexivity|]. intros L. split; [exact (pages_refl v _)|]. intros x Wx _ _ k. cbn [with_data P D set_ctx io]. split; auto.
    apply reg_intro; auto. intros j. cbn [with_data D set_ctx ctx]. unfold upd. destruct (Z.eqb_spec x w); auto. congruence.
Qed.
End VmGuest.
