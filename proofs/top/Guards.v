(* SPDX-License-Identifier: GPL-2.0-only *)
(* The MMIO guard: once a protected guest has given the host a page, an exit tells the host of no access outside of the VM's memory but one to a page
   that the guest gave since its VM began. *)
From KCore Require Export top.Ni.

Section Guards.
Context {cfg : config}.

Lemma existsb_grow i l x : existsb (holds x) (grow i l) = true -> existsb (holds x) l = true \/ x = i.
Proof.
  induction l as [|[a b] l IH]; cbn [grow existsb]; [auto|]. destruct (holds (i - 1) (a, b)) eqn:H; cbn [existsb].
  - rewrite !orb_true_iff. intros [X|X]; [|auto]. unfold holds in *. cbn [fst snd] in *. destruct (Z.eq_dec x i); [auto|]. left. left. lia.
  - rewrite !orb_true_iff. intros [X|X]; [auto|]. destruct (IH X); auto.
Qed.
(* Nothing is given but what the guest asked for. *)
Lemma give_only i l l' x : give i l = Some l' -> existsb (holds x) l' = true -> existsb (holds x) l = true \/ x = i.
Proof.
  unfold give. destruct (existsb (holds i) l); [intros [= <-]; auto|]. destruct (existsb (holds (i - 1)) l).
  - intros [= <-]. apply existsb_grow.
  - destruct (_ <=? _); [discriminate|]. intros [= <-]. rewrite existsb_app, orb_true_iff. intros [X|X]; [auto|]. right. cbn in X.
    rewrite orb_false_r in X. unfold holds in X. cbn [fst snd] in X. lia.
Qed.

(* ------------------------------------------------------------------ what a step does to the pages given *)

(* They stay, or there are none. *)
Definition kept (s t : pub) : Prop := forall v, v_guard (vm t v) = v_guard (vm s v) \/ v_guard (vm t v) = [].
Lemma kept_same s t : vm t = vm s -> kept s t.
Proof. intros E v. rewrite E. auto. Qed.
Lemma kept_trans s t u : kept s t -> kept t u -> kept s u.
Proof. intros A B v. destruct (A v), (B v); auto; [left|right]; congruence. Qed.
Lemma kept_mild v e s t : mild v e s t -> kept s t.
Proof. intros M u. pose proof (d_vm _ _ _ _ M u) as L. unfold life in L. left. congruence. Qed.
Lemma kept_finish c r e ok s t : kept s t -> kept s (o_pub (finish c r e ok t)).
Proof. intros K. eapply kept_trans; [exact K|]. apply kept_same. unfold finish. cbn [o_pub]. destruct (has_error r); reflexivity. Qed.
Lemma kept_done c r s : kept s (o_pub (done c r s)).
Proof. apply kept_finish, kept_same. reflexivity. Qed.
Lemma kept_vm w f s : (forall r, v_guard (f r) = v_guard r) -> kept s (change_vm w f s).
Proof. intros H v. left. fields. unfold upd. destruct (Z.eqb_spec v w) as [->|]; auto. Qed.

Ltac refused := repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply kept_done|] end).
Lemma hcall_kept c r s : sound -> kept s (o_pub (hcall c r s)).
Proof.
  intros B. assert (R : kept s s) by (apply kept_same; reflexivity). assert (Pr : forall k e ok, kept s (o_pub (proceed c k e ok s))) by (intros; apply kept_same; reflexivity).
  destruct r; cbn [hcall]; try apply kept_done.
  - unfold vcpu_load. refused. apply kept_finish. eapply kept_trans; [|apply kept_vm; reflexivity]. apply kept_same. reflexivity.
  - unfold vcpu_put. refused. apply kept_finish. eapply kept_trans; [|apply kept_vm; reflexivity]. apply kept_same. reflexivity.
  - unfold vm_create. refused. destruct (find_free s) as [v|]; [|apply kept_done]. apply kept_finish. intros u. fields. unfold upd. destruct (u =? v); auto.
  - unfold vm_finalise. refused. destruct (is _ KCORE_VM_PROTECTED).
    + refused. apply kept_finish. eapply kept_trans; [apply (kept_vm v (fun r => vm_with_state VM_READY (vm_with_range a (a + bytes) r)))|apply kept_same]; reflexivity.
    + apply kept_finish, kept_vm. reflexivity.
  - unfold destroy_begin. refused. apply kept_finish, kept_vm. reflexivity.
  - unfold destroy_step. destruct (negb _); [apply kept_done|apply Pr].
  - unfold destroy_end. destruct (negb _); [apply kept_done|]. refused. apply kept_finish.
    eapply kept_trans; [apply (kept_vm v (vm_with_state VM_FREE)); reflexivity|apply kept_same; reflexivity].
  - unfold vcpu_create. refused. destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED).
    + destruct (pool_alloc v s) as [u|] eqn:E; [|apply kept_done]. apply kept_finish. eapply kept_trans; [apply (kept_mild v []), (mild_alloc v [] v s u E)|].
      intros x. left. fields. unfold upd. destruct (Z.eqb_spec x v) as [->|]; reflexivity.
    + apply kept_finish. intros x. left. fields. unfold upd. destruct (Z.eqb_spec x v) as [->|]; reflexivity.
  - unfold vcpu_destroy. refused. apply kept_finish. destruct (is _ KCORE_VM_PROTECTED); intros x; left; fields; unfold upd;
      destruct (Z.eqb_spec x (vm_of w)) as [->|]; rewrite ?Z.eqb_refl; reflexivity.
  - destruct (_ || _) eqn:Z0; [apply kept_done|]. destruct (donate_take_mildly c v (a / PAGE_BYTES) (b / PAGE_BYTES) s) as [M _]; auto; [|apply (kept_mild _ _ _ _ M)].
    intros ->. cbn in Z0. discriminate.
  - destruct (_ || _); [apply kept_done|apply Pr].
  - destruct (range_bad _ _ _); [apply kept_done|apply Pr].
  - destruct (range_bad _ _ _); [apply kept_done|apply Pr].
  - unfold log_read. destruct (_ <=? seq); [apply kept_done|]. destruct (if _ <=? _ then _ else _) as [[[? ?] ?]|]; [|apply kept_done].
    apply kept_finish, R.
  - unfold vmcr_read. destruct (_ || _); [apply kept_done|]. apply kept_same. reflexivity.
  - destruct (bad_page a); [apply kept_done|]. unfold vm_measure. destruct (negb _); [apply kept_done|]. destruct (lf s v _); apply kept_done.
  - unfold vm_start. refused. destruct good; apply kept_finish; [apply kept_same; reflexivity|apply kept_vm; reflexivity].
  - apply kept_finish, R.
Qed.

Lemma kept_add s c k t : kept s t -> kept s (add_stat c k t).
Proof. intros K. eapply kept_trans; [exact K|]. apply kept_same. reflexivity. Qed.
Lemma step_kept a s t : sound -> sinv s -> step a s = Ok t -> kept (P s) (P t) \/
  exists c i l, a = G c (OGuard i) /\ u_run (cpu (P s) c) = true /\ let v := vm_of (u_vcpu (cpu (P s) c)) in
    protected (P s) v = true /\ give i (v_guard (vm (P s) v)) = Some l /\ v_guard (vm (P t) v) = l /\
    forall u, u <> v -> v_guard (vm (P t) u) = v_guard (vm (P s) u).
Proof.
  unfold sinv. intros B I. assert (R : kept (P s) (P s)) by (apply kept_same; reflexivity).
  assert (Ab : forall c r, kept (P s) (P (host_note c r s))).
  { intros c r. unfold host_note. destruct (noted_same c (fst r) (P s)) as (x & y & ->). apply kept_same. reflexivity. }
  destruct a; cbn [step].
  1-4, 11, 13: intros [= <-]; left; repeat (match goal with |- context [if ?b then _ else _] => destruct b end); try exact R.
  - unfold host_fp. destruct (u_fp _); [apply kept_same; reflexivity|exact R].
  - destruct (reach _ _ _ _); exact R.
  - destruct (reach _ _ _ _); exact R.
  - intros [= <-]. left. destruct (idle _ _); [|exact R]. unfold host_abort.
    pose proof (host_fault_mild (ipa / PAGE_BYTES) (Z.land esr 0x3c =? 4) (P s)) as M. apply kept_mild in M.
    destruct (host_fault _ _ _) as [[|] u]; cbn [snd] in M; [|destruct (cache_maintenance esr)]; (eapply kept_trans; [exact M|apply kept_same; reflexivity]).
  - intros [= <-]. left. destruct (idle _ _); auto.
  - intros [= <-]. left. destruct (idle _ _); auto.
  - left. destruct (idle (P s) c); [|injection H as <-; exact R]. unfold after in H. destruct (o_ok _); [|discriminate]. injection H as <-.
    apply hcall_kept, B.
  - left. destruct (negb _); [|injection H as <-; exact R]. unfold after in H. destruct (o_ok _); [|discriminate]. injection H as <-.
    destruct (hgo_mildly c (P s) B I) as [M _]. apply (kept_mild _ _ _ _ M).
  - intros [= <-]. left. destruct (idle _ _); [|exact R]. unfold host_run.
    assert (E : vm (snd (fst (vcpu_run c w (run_flags s w) (P s)))) = vm (P s)).
    { unfold vcpu_run. repeat match goal with |- context [if ?b then _ else _] => destruct b end; reflexivity. }
    destruct (vcpu_run _ _ _ _) as [[r u] e]. cbn [fst snd] in E. destruct (_ && _); apply kept_same; exact E.
  - destruct (u_run (cpu (P s) c)); [|intros [= <-]; auto]. destruct (_ =? NO_VCPU); [discriminate|]. intros [= <-]. left. apply kept_same.
    cbn [P]. unfold asynchronous. destruct (protected _ _); reflexivity.
  - destruct (u_run (cpu (P s) c)) eqn:U; [|intros [= <-]; auto]. destruct (_ =? NO_VCPU); [discriminate|]. intros [= <-].
    destruct (guest_step_pub c (u_vcpu (cpu (P s) c)) op s) as
      [->|[(a & ->)|[(a & b & ->)|[(a & b & ->)|[(rel & ->)|[(k & i & far & ok & t & e & _ & Q & M & ->)|(i & l & -> & Q & G & ->)]]]]]].
    1-5: left; apply kept_same; try reflexivity; unfold deliver; destruct (protected _ _), (r_power rel) as [[? ?]|]; reflexivity.
    + left. apply kept_add, kept_add. destruct (protected_guarded _ _ Q) as [Gd _]. destruct (loaded_ready c (P s) I (i_run _ I c U)) as [V _].
      destruct (mem_call_cpu _ _ _ _ _ _ _ B I V Gd M) as (_ & Lf & _ & _). intros u. specialize (Lf u). unfold life in Lf. left. congruence.
    + right. exists c, i, l. split; [reflexivity|]. split; [exact U|]. cbv zeta. split; [exact Q|]. split; [exact G|]. split.
      * fields. unfold upd. rewrite Z.eqb_refl. reflexivity.
      * intros u N. fields. unfold upd. apply Z.eqb_neq in N. rewrite N. reflexivity.
Qed.

(* ------------------------------------------------------------------ the theorems *)

(* Between action a of a vCPU of v and the end of the run the page is given, all the time: it isn't another VM's. *)
Definition has_given (v i : Z) (s : st) : Prop := existsb (holds i) (v_guard (vm (P s) v)) = true.
Definition asked_since (v i : Z) (l : list act) (s0 : st) : Prop :=
  exists l1 c l2 u, l = l1 ++ G c (OGuard i) :: l2 /\ run l1 s0 = Ok u /\ u_run (cpu (P u) c) = true /\ vm_of (u_vcpu (cpu (P u) c)) = v /\
    forall m1 m2 w, l2 = m1 ++ m2 -> run (l1 ++ G c (OGuard i) :: m1) s0 = Ok w -> has_given v i w.

Lemma run_app l m s : run (l ++ m) s = match run l s with Ok t => run m t | Halt => Halt | Stuck => Stuck end.
Proof. revert s. induction l as [|a l IH]; intros s; cbn [app run]; [reflexivity|]. destruct (step a s); auto. Qed.
Theorem given_by_guest v i l : forall s0 t, sound -> sinv s0 -> v_guard (vm (P s0) v) = [] -> run l s0 = Ok t -> has_given v i t -> asked_since v i l s0.
Proof.
  induction l as [|a l IH] using rev_ind; intros s0 t B I N R H.
  - cbn [run] in R. injection R as <-. unfold has_given in H. rewrite N in H. discriminate.
  - pose proof R as R0. rewrite run_app in R. destruct (run l s0) as [u| |] eqn:E; try discriminate. cbn [run] in R.
    destruct (step a u) as [t'| |] eqn:St; try discriminate. injection R as ->.
    assert (J : sinv u).
    { clear - B I E. revert s0 I E. induction l as [|b l IHl]; intros s0 I; cbn [run]; [intros [= <-]; exact I|].
      destruct (step_inv b s0 B I) as (x & X & Y). rewrite X. apply IHl, Y. }
    assert (Ext : has_given v i u -> asked_since v i (l ++ [a]) s0).
    { intros Hu. destruct (IH s0 u B I N E Hu) as (l1 & c & l2 & x & -> & R1 & R2 & R3 & R4). exists l1, c, (l2 ++ [a]), x.
      split; [rewrite <- app_assoc; reflexivity|]. do 3 (split; [assumption|]). intros m1 m2 w Em Rm.
      destruct m2 as [|b m2] using rev_ind.
      - rewrite app_nil_r in Em. subst m1. change (G c (OGuard i) :: l2 ++ [a]) with ((G c (OGuard i) :: l2) ++ [a]) in Rm. rewrite app_assoc in Rm. congruence.
      - clear IHm2. rewrite app_assoc in Em. apply app_inj_tail in Em as [-> ->]. eapply R4; eauto. }
    destruct (step_kept a u t B J St) as [K|(c & k & g & -> & U & X)].
    + destruct (K v) as [K1|K1]; [apply Ext; unfold has_given in *; congruence|]. unfold has_given in H. rewrite K1 in H. discriminate.
    + cbv zeta in X. destruct X as (_ & Gv & Gt & Ot). set (w := u_vcpu (cpu (P u) c)) in *. destruct (Z.eq_dec v (vm_of w)) as [->|Nv].
      2: { apply Ext. unfold has_given in *. rewrite <- (Ot v Nv). exact H. }
      unfold has_given in H. rewrite Gt in H. destruct (give_only _ _ _ _ Gv H) as [Y|Y]; [apply Ext; exact Y|]. subst k.
      exists l, c, [], u. do 4 (split; [auto|]). intros m1 m2 x Em Rm. symmetry in Em. apply app_eq_nil in Em as [-> _]. rewrite R0 in Rm.
      injection Rm as <-. unfold has_given. rewrite Gt. exact H.
Qed.

(* What the host is told of an abort: one in the VM's memory, or at a page that the guest gave, or there is no guard. *)
Theorem told_of_given s c esr far hpfar m : let v := vm_of (u_vcpu (cpu (P s) c)) in protected (P s) v = true ->
  (ec esr =? EC_IABT) || (ec esr =? EC_DABT) = true -> outside_memory (P s) v (hpfar_ipa hpfar) = true -> v_guard (vm (P s) v) <> [] ->
  to_host (G c (OExit esr far hpfar)) s = Some m -> has_given v (hpfar_ipa hpfar / PAGE_BYTES) s.
Proof.
  intros v Q A O N. cbn [to_host]. destruct (negb (u_run _)); [discriminate|]. fold v. rewrite Q. cbn [negb]. unfold hidden. rewrite A, O. cbn [andb].
  unfold has_given, given. destruct (v_guard (vm (P s) v)) as [|r g]; [contradiction|]. rewrite negb_involutive.
  destruct (existsb _ _); [auto|]. rewrite andb_false_r. discriminate.
Qed.
End Guards.
