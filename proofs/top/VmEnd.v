(* SPDX-License-Identifier: GPL-2.0-only *)
(* Local respect and step consistency for a protected VM. *)
From KCore Require Export top.VmMem.

Section VmEnd.
Context {cfg : config}.

Lemma none_refl v s : becomes v None s s.
Proof. split; auto. intros _. split; [exact (pages_refl v _)|intros x; auto]. Qed.

(* ------------------------------------------------------------------ guests of others *)

Lemma set_ctx_none v s x f : vm_of x <> v -> becomes v None s (with_data (fun d => set_ctx (upd (ctx d) x (f d)) d) s).
Proof.
  intros N. split; auto. intros _. split; [exact (pages_refl v _)|]. intros y Y _ _ k. split; auto. apply reg_intro; auto.
  intros j. cbn. unfold upd. destruct (Z.eqb_spec y x); auto. congruence.
Qed.
Lemma set_mem_none v s p f : sinv s -> is_vm v -> (forall q, mine (P s) v q -> q <> p) ->
  becomes v None s (with_data (fun d => set_mem (upd (mem d) p f) d) s).
Proof.
  intros I V N. split; auto. intros L. split; [|intros x; split; auto; apply reg_intro; auto].
  apply pages_intro; auto; [now apply owners_same|]. intros q M o. cbn. unfold upd. destruct (Z.eqb_spec q p); auto. destruct (N q M); auto.
Qed.
Lemma write_none v s w l : sinv s -> is_vm v -> vm_of w <> v -> c_state (vcpu (P s) w) <> VCPU_FREE -> becomes v None s (write_greg s w l).
Proof.
  intros I V N X. unfold write_greg, set_greg. destruct (protected (P s) (vm_of w)).
  - apply (set_ctx_none v s w (fun _ => writes 0 W_GP l (greg s w)) N).
  - apply (set_mem_none v s _ _ I V). intros q M ->. pose proof (mine_not_host _ _ _ V M). pose proof (vcpu_page_ok _ _ I X). congruence.
Qed.
Lemma store_none v s y x : sinv s -> is_vm v -> ~ mine (P s) v (fst y) -> becomes v None s (store_word y x s).
Proof.
  intros I V N. split; auto. intros L. split; [|intros z; split; auto; apply reg_intro; auto].
  apply pages_intro; auto; [now apply owners_same|]. intros q M o. cbn. unfold upd2. destruct (Z.eqb_spec q (fst y)); auto. subst. contradiction.
Qed.
Lemma set_fp_none v s c w f : sinv s -> u_vcpu (cpu (P s) c) = w -> vm_of w <> v -> becomes v None s (with_data (fun d => set_fpm (upd (fpm d) c (f d)) d) s).
Proof.
  intros I U N. unfold sinv in I. split; auto. intros _. split; [exact (pages_refl v _)|]. intros y Y _ _ k. split; auto. apply reg_intro; auto.
  intros L. destruct (i_loaded _ I y L) as [_ Z]. split; auto. intros _ j. cbn. unfold upd. destruct (Z.eqb_spec (c_cpu (vcpu (P s) y)) c); auto. congruence.
Qed.
Lemma set_io_none v s w f : vm_of w <> v -> becomes v None s (with_data (fun d => set_io (upd (io d) w (f d)) d) s).
Proof.
  intros N. split; auto. intros _. split; [exact (pages_refl v _)|]. intros y Y _ _ k. split; [apply reg_intro; auto|].
  cbn. unfold upd. destruct (Z.eqb_spec y w); auto. congruence.
Qed.

(* The host goes on after an exit of another VM, or of a normal one. *)
Lemma delivered v c rel s : (vm_of (u_vcpu (cpu s c)) <> v \/ protected s v = false) -> (forall x p, r_power rel = Some (x, p) -> vm_of x <> v) ->
  same_for v s (deliver c rel s).
Proof.
  intros N PV.
  assert (VC : forall w, vm_of w = v -> c_state (vcpu (deliver c rel s) w) = c_state (vcpu s w) /\
    c_cpu (vcpu (deliver c rel s) w) = c_cpu (vcpu s w) /\ c_power (vcpu (deliver c rel s) w) = c_power (vcpu s w)).
  { intros w W. unfold deliver. set (x := u_vcpu (cpu s c)). destruct (protected s (vm_of x)), (r_power rel) as [[y p]|] eqn:Pw; fields; unfold upd.
    - destruct (Z.eqb_spec w y) as [->|]; [destruct (PV y p eq_refl); auto|]. destruct (Z.eqb_spec w x) as [->|]; auto.
    - destruct (Z.eqb_spec w x) as [->|]; auto.
    - destruct (Z.eqb_spec w y) as [->|]; [destruct (PV y p eq_refl); auto|]. auto.
    - auto. }
  split; [|split; [exact VC|split; [|split]]]; unfold deliver.
  - destruct (protected s (vm_of (u_vcpu (cpu s c)))), (r_power rel) as [[y p]|]; reflexivity.
  - intros d. destruct (protected s (vm_of (u_vcpu (cpu s c)))), (r_power rel) as [[y p]|]; fields; unfold upd; destruct (Z.eqb_spec d c) as [->|]; auto.
  - intros x. destruct (protected s (vm_of (u_vcpu (cpu s c)))), (r_power rel) as [[y p]|]; reflexivity.
  - intros x. destruct (protected s (vm_of (u_vcpu (cpu s c)))), (r_power rel) as [[y p]|]; reflexivity.
Qed.
Lemma exit_aside v s w pg b l x : is_vm v -> host_ok s pg = true -> vm_of w <> v -> In x [PageWrite pg l; IoSave w pg b] -> aside s v x.
Proof.
  intros V H N [<-|[<-|[]]]; (split; [apply elsewhere_host; auto; cbn; intros p <-; auto|]; split; [cbn; tauto|intros d []]).
Qed.
Lemma leave_none v c rel s : sinv s -> is_vm v -> u_run (cpu (P s) c) = true -> vm_of (u_vcpu (cpu (P s) c)) <> v ->
  (forall x p, r_power rel = Some (x, p) -> vm_of x <> v) -> becomes v None s (leave c rel s).
Proof.
  intros I V R N PV. unfold leave. apply same_for_none; auto; [apply delivered; auto|].
  destruct (running_vcpu (P s) c I R) as [X _]. unfold deliver_effect. intros e H.
  pose proof (exit_aside v (P s) (u_vcpu (cpu (P s) c)) _ false (exit_page rel) e V (vcpu_page_ok _ _ I X) N) as A.
  destruct H as [<-|[<-|[<-|[]]]]; [apply A; left; auto|apply A; right; left; auto|apply aside_x].
Qed.

Lemma fp_trap_none v c w s : sinv s -> u_vcpu (cpu (P s) c) = w -> vm_of w <> v -> becomes v None s (fp_trap c w s).
Proof.
  intros I U N. unfold sinv in I. split; [apply book_intro; auto|]. intros _. split; [exact (pages_refl v _)|]. intros y Y _ _ k. split; [|reflexivity].
  apply reg_intro; [reflexivity|reflexivity| |reflexivity]. intros L. destruct (i_loaded _ I y L) as [_ Z].
  assert (C : c_cpu (vcpu (P s) y) <> c) by (intros C; rewrite C in Z; congruence). apply Z.eqb_neq in C.
  unfold fp_trap. cbn [P D set_fpm fpm]. fields. unfold upd. rewrite C. auto.
Qed.

(* A VM's call about a page outside of its memory. *)
Lemma guard_call_inv u i s ok t : inv s -> guard_call u i s = (ok, t) -> inv t.
Proof.
  intros I G. unfold guard_call in G. destruct (give _ _); injection G as <- <-; auto. apply (inv_shrinks s); auto. apply shrinks_vm; [apply I|reflexivity].
Qed.
Lemma guard_call_same u i s ok t : guard_call u i s = (ok, t) -> lf t = lf s /\ owner t = owner s /\ vcpu t = vcpu s /\ cpu t = cpu s /\ (forall v, v <> u -> vm t v = vm s v) /\ forall v, protected t v = protected s v /\ live t v = live s v.
Proof.
  unfold guard_call. intros G. destruct (give _ _) as [l|]; injection G as <- <-; [|repeat split; auto]. repeat split; auto.
  - intros v N. fields. unfold upd. apply Z.eqb_neq in N. now rewrite N.
  - unfold protected. fields. unfold upd. destruct (Z.eqb_spec v u) as [->|]; auto.
  - unfold live, protected. fields. unfold upd. destruct (Z.eqb_spec v u) as [->|]; auto.
Qed.

Lemma guest_other v c op s : sound -> sinv s -> is_vm v -> u_run (cpu (P s) c) = true -> vm_of (u_vcpu (cpu (P s) c)) <> v ->
  becomes v None s (guest_step c (u_vcpu (cpu (P s) c)) op s).
Proof.
  intros Sd I V R N. set (w := u_vcpu (cpu (P s) c)) in *. pose proof I as I0. unfold sinv in I0. destruct (running_vcpu (P s) c I0 R) as [X Xv].
    fold w in X, Xv.
  assert (W : forall l, becomes v None s (write_greg s w l)) by (intros; apply write_none; auto).
  assert (WP : forall l, P (write_greg s w l) = P s) by reflexivity.
  destruct op; cbn [guest_step].
  - apply W.
  - destruct (u_fp (cpu (P s) c)) eqn:F.
    + eapply none_trans; [apply W|]. apply (set_fp_none v _ c w (fun d => writes W_FP N_FP _ (fpm d c))); auto.
    + now apply fp_trap_none.
  - destruct (reach _ _ _ _); [apply W|apply none_refl].
  - destruct (reach _ _ _ _) as [[p o]|] eqn:Y; [|apply none_refl]. apply store_none; auto. cbn [fst]. apply reach_walk in Y as (r & Y & _).
    destruct (protected (P s) (vm_of w)) eqn:Q.
    + destruct (protected_guarded _ _ Q) as [G _]. destruct (walk_guarded _ _ _ _ _ I0 (vm_not_host _ (i_vm _ I0 _ Xv)) G Y) as (l & _ & _ & _ & _ & O).
      intros (O' & _). pose proof (vm_not_host _ V). destruct O; owners.
    + destruct (unprotected_normal _ _ I0 Xv Q) as [A B]. intros M. pose proof (mine_not_host _ _ _ V M).
      pose proof (walk_normal _ _ _ _ _ I0 A B Y). congruence.
  - eapply none_trans; [apply W|]. apply (set_io_none v _ w (fun d => writes W_IO N_IO _ (io d w)) N).
  - destruct (protected _ _); [|apply none_refl]. eapply none_trans; [apply W|]. apply pub_stat; auto.
  - destruct (protected (P s) (vm_of w)) eqn:Q; [|apply none_refl].
    destruct (guest_hvc w (sibling (P s) w) (greg s w)) as [x0|rel x0 k] eqn:Hv.
    + eapply none_trans; [apply W|]. apply pub_stat; auto.
    + destruct (guest_hvc_power _ _ _ _ _ _ Hv) as [H1 H2].
      assert (K : becomes v None s (keep_entry k (keep w far (write_greg s w [(0, x0)])))).
      { eapply none_trans; [apply W|]. eapply none_trans; [apply (set_ctx_none v _ w (fun d => upd (ctx d w) W_KEPT far) N)|].
        destruct k as [[[a b] e]|]; [|apply none_refl]. apply (set_ctx_none v _ a (fun d => upd (upd (ctx d a) (W_KEPT + 1) b) (W_KEPT + 2) e)).
        rewrite (H2 a b e eq_refl). auto. }
      eapply none_trans; [exact K|]. assert (KP : P (keep_entry k (keep w far (write_greg s w [(0, x0)]))) = P s) by (destruct k as [[[a b] e]|]; reflexivity).
      apply leave_none; unfold sinv; rewrite ?KP; auto. intros x p Hx. rewrite (H1 x p Hx). auto.
  - destruct (protected (P s) (vm_of w)) eqn:Q; cbn [andb]; [|apply none_refl]. destruct (in_memory _ _ _); [|apply none_refl].
    destruct (protected_guarded _ _ Q) as [G _]. destruct (mem_call (vm_of w) k i (P s)) as [[[ok t] e]|] eqn:M.
    + pose proof (i_vm _ I0 _ Xv) as U. pose proof (mem_call_other (vm_of w) k i v s ok t e Sd I U G V N M) as K.
      assert (N0 : u_vcpu (cpu (P s) c) <> NO_VCPU) by (apply i_run; auto). destruct (loaded_ready c (P s) I0 N0) as [_ Rd]. fold w in Rd.
      pose proof (mem_call_inv (vm_of w) k i (P s) Sd I0 U G Rd) as J. rewrite M in J.
      destruct (mem_call_cpu _ _ _ _ _ _ _ Sd I0 U G M) as (_ & _ & Vc & _).
      eapply none_trans; [exact K|]. eapply none_trans; [apply (write_none v (mkst t (do_effects e (D s))) w); auto; cbn [P]; now rewrite Vc|].
      apply pub_stat; auto.
    + eapply none_trans; [apply W|]. eapply none_trans; [apply (set_ctx_none v _ w (fun d => upd (ctx d w) W_KEPT far) N)|].
      apply leave_none; auto. intros x p H. discriminate.
  - destruct (protected (P s) (vm_of w)) eqn:Q; [|apply none_refl]. destruct (guard_call (vm_of w) i (P s)) as [ok t] eqn:G.
    destruct (guard_call_same _ _ _ _ _ G) as (E1 & E2 & E3 & E4 & E5 & _). pose proof (guard_call_inv _ _ _ _ _ I0 G) as J.
    eapply none_trans; [apply (same_for_none v s t []); auto; [|intros e []]|].
    { split; [rewrite E5; auto|]. split; [intros x _; rewrite E3; auto|]. rewrite E4, E1, E2. auto. }
    eapply none_trans; [apply (write_none v (mkst t (D s)) w); auto; cbn [P]; now rewrite E3|]. apply pub_stat; auto.
  - apply pub_stat; auto.
  - assert (PW : r_power (sync_release s w esr far hpfar) = None).
    { unfold sync_release, exit_sync, exit_filter, exit_normal. repeat (match goal with |- context [if ?b then _ else _] => destruct b end); reflexivity. }
    destruct (protected (P s) (vm_of w)).
    + destruct (exits_to_host esr && _); [|apply none_refl]. eapply none_trans; [apply (set_ctx_none v s w (fun d => upd (ctx d w) W_KEPT far) N)|].
      apply leave_none; auto. intros x p H. congruence.
    + apply leave_none; auto. intros x p H. congruence.
  - destruct (_ && _); [|apply none_refl].
    eapply none_trans; [apply W|]. apply (set_fp_none v _ c w (fun d => writes W_FP N_FP _ (fpm d c))); auto.
Qed.

(* A normal VM's own steps do not touch its public record. *)
Lemma guest_normal v c op s : sinv s -> vm_of (u_vcpu (cpu (P s) c)) = v -> protected (P s) v = false ->
  becomes v None s (guest_step c (u_vcpu (cpu (P s) c)) op s).
Proof.
  intros I Y Q. split; [|unfold steady, live; rewrite Q; discriminate].
  assert (Dl : forall rel, r_power rel = None -> book (deliver c rel (P s)) v = book (P s) v).
  { intros rel H. apply (same_for_book v). apply delivered; auto. intros x p. congruence. }
  destruct op; cbn [guest_step]; rewrite ?Y, ?Q; try reflexivity.
  - destruct (u_fp _); [reflexivity|]. apply book_intro; auto.
  - destruct (reach _ _ _ _); reflexivity.
  - destruct (reach _ _ _ _); reflexivity.
  - cbn [leave P]. apply Dl. unfold sync_release. rewrite Y, Q. reflexivity.
  - destruct (_ && _); reflexivity.
Qed.

(* ------------------------------------------------------------------ other actions of the host *)

Lemma host_fault_mild i tr s : mild HOST [] s (snd (host_fault i tr s)).
Proof.
  unfold host_fault. destruct (_ || _); [apply mild_refl|]. destruct (leaf_over s HOST i); [apply mild_refl|].
  assert (M : match host_map i s with Fail _ u | Go u => mild HOST [] s u end).
  { unfold host_map. destruct (negb _); [apply mild_refl|]. pose proof (mild_prepare HOST [] HOST i 2 s) as A.
    destruct (s2_prepare HOST i 2 s) as [r u|u]; auto.
    set (level := if _ =? 2 then _ else _). pose proof (mild_prepare HOST [] HOST i level u) as B. destruct (s2_prepare HOST i level u) as [r x|x].
    - eapply mild_trans; eauto.
    - destruct (level =? 2); (eapply mild_trans; [exact A|]; eapply mild_trans; [exact B|apply mild_host_leaf]). }
  destruct (host_map i s); auto.
Qed.
Lemma mild_same v s t : is_vm v -> mild HOST [] s t -> same_for v s t.
Proof.
  intros V M. split; [apply (d_vm _ _ _ _ M)|]. split; [intros w _; rewrite (d_vcpu _ _ _ _ M); auto|]. split.
  - intros c. pose proof (d_cpu _ _ _ _ M c) as X. unfold place_of_cpu in X. congruence.
  - split; [intros x; apply (d_lf _ _ _ _ M); auto using vm_not_host|]. intros p. now apply host_owner.
Qed.

Lemma idle_stutter v (b : bool) s t : becomes v None s t -> becomes v None s (if b then t else s).
Proof. destruct b; auto using none_refl. Qed.

Lemma note_none v c r s : sinv s -> is_vm v -> becomes v None s (host_note c r s).
Proof.
  intros I V. unfold host_note. destruct (noted_same c (fst r) (P s)) as (x & y & ->). apply same_for_none; auto; [repeat split; auto|].
  intros e In_. apply in_map_iff in In_ as (w & <- & _). apply aside_x.
Qed.

Lemma host_becomes a v s s' : sound -> sinv s -> is_vm v -> step a s = Ok s' -> (match a with G _ _ => False | _ => True end) ->
  becomes v (to_vm v a s) s s'.
Proof.
  intros B I V St NG. pose proof I as I0. unfold sinv in I0. destruct a; try contradiction; cbn [step] in St; try (apply ok_eq in St as ->).
  - apply idle_stutter. apply host_data; auto.
  - apply idle_stutter. unfold host_fp. destruct (u_fp (cpu (P s) c)) eqn:F; [now apply fp_release_steady|]. unfold with_data. apply host_data; auto.
    intros d k Fd. cbn. unfold upd. destruct (Z.eqb_spec d c); auto. congruence.
  - apply idle_stutter. destruct (reach _ _ _ _); [|apply none_refl]. apply host_data; auto.
  - apply idle_stutter. destruct (reach _ _ _ _) as [[p o]|] eqn:Y; [|apply none_refl]. apply store_none; auto. cbn [fst].
    apply reach_walk in Y as (r & W & _). intros M. pose proof (walk_host _ _ _ _ I0 W). pose proof (mine_not_host _ _ _ V M). congruence.
  - apply idle_stutter. unfold host_abort. pose proof (mild_same v _ _ V (host_fault_mild (ipa / PAGE_BYTES) (Z.land esr 0x3c =? 4) (P s))) as M.
    destruct (host_fault _ _ _) as [[|] t]; cbn [snd] in M; [|destruct (cache_maintenance esr)].
    + apply (same_for_none v s _ []); auto. intros e [].
    + apply (same_for_none v s _ []); auto. intros e [].
    + apply (same_for_none v s _ [HostX c 63 1]); auto. intros e [<-|[]]. apply aside_x.
  - apply idle_stutter. apply note_none; auto.
  - apply idle_stutter. apply note_none; auto.
  - cbn [to_vm]. destruct (idle (P s) c); [|apply ok_eq in St as ->; apply none_refl]. unfold after in St.
    destruct (o_ok _); [|discriminate]. apply ok_eq in St as ->. now apply call_becomes.
  - pose proof (section_becomes c v s B I V) as X. destruct (u_run (cpu (P s) c)); cbn [negb] in St.
    + apply ok_eq in St as ->. exact X.
    + unfold after in St. destruct (o_ok _); [|discriminate]. apply ok_eq in St as ->. exact X.
  - now apply run_becomes.
  - cbn [to_vm]. set (w := u_vcpu (cpu (P s) c)). destruct (idle (P s) c); cbn [andb]; [|apply none_refl].
    destruct (Z.eqb_spec w NO_VCPU) as [N|N]; cbn [negb andb]; [apply none_refl|].
    destruct (Z.eqb_spec (vm_of w) v) as [Y|Y]; [|apply (set_io_none v s w (fun d => upd (upd (io d w) W_TIMER cval) (W_TIMER + 1) ctl) Y)].
    split; [reflexivity|]. split; auto. split.
    + intros L. split; [exact (pages_refl v _)|]. intros x X _ Nx k. split; [apply reg_intro; auto|]. cbn. unfold upd at 1.
      destruct (Z.eqb_spec x w); auto. congruence.
    + intros _ _ k. split; [apply reg_intro; auto|]. cbn. unfold upd at 1. rewrite Z.eqb_refl. auto.
  - cbn [to_vm]. destruct (u_run (cpu (P s) c)) eqn:R; [|apply ok_eq in St as ->; apply none_refl].
    destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in St as ->. destruct (running_vcpu (P s) c I0 R) as [X _].
    apply same_for_none; auto.
    + unfold asynchronous. repeat split.
      * destruct (protected _ _); reflexivity.
      * destruct (protected _ _); fields; auto. unfold upd. destruct (Z.eqb_spec w (u_vcpu (cpu (P s) c))) as [->|]; auto.
      * destruct (protected _ _); fields; auto. unfold upd. destruct (Z.eqb_spec w (u_vcpu (cpu (P s) c))) as [->|]; auto.
      * destruct (protected _ _); fields; auto. unfold upd. destruct (Z.eqb_spec w (u_vcpu (cpu (P s) c))) as [->|]; auto.
      * intros d. destruct (protected _ _); fields; unfold upd; destruct (Z.eqb_spec d c) as [->|]; auto.
      * intros x. destruct (protected _ _); reflexivity.
      * intros x. destruct (protected _ _); reflexivity.
    + unfold asynchronous_effect. intros e [<-|[<-|[<-|[]]]]; [| |apply aside_x].
      * split; [apply elsewhere_host; auto; cbn; intros p <-; now apply vcpu_page_ok|]. split; [cbn; tauto|intros d []].
      * split; [apply elsewhere_host; auto; cbn; intros p <-; now apply vcpu_page_ok|]. split; [cbn; tauto|intros d []].
  - destruct (host_ok (P s) p); cbn [andb]; [|apply none_refl]. destruct (host_ok (P s) q) eqn:H; [|apply none_refl].
    apply store_none; auto. cbn [fst]. intros M. rewrite (mine_not_host _ _ _ V M) in H. discriminate.
Qed.

(* ------------------------------------------------------------------ unwinding *)

Definition doing (m : msg) : option (Z * gop * list Z) :=
  match m with Did w op => Some (w, op, []) | Told w op l => Some (w, op, l) | _ => None end.
Definition did (m : option msg) : bool := match m with Some (Did _ _) | Some (Told _ _ _) => true | _ => false end.

(* Whatever is not its own step: it becomes what the message says. *)
Theorem vm_becomes a v s s' : sound -> sinv s -> is_vm v -> step a s = Ok s' -> did (to_vm v a s) = false -> becomes v (to_vm v a s) s s'.
Proof.
  intros B I V St Nd. destruct (match a with G _ _ => false | _ => true end) eqn:HA.
  { apply host_becomes; auto. destruct a; auto; discriminate. }
  destruct a as [| | | | | | | | | | | | |c op]; try discriminate HA. cbn [step] in St. cbn [to_vm] in *. pose proof I as I0. unfold sinv in I0.
  destruct (u_run (cpu (P s) c)) eqn:R; [|apply ok_eq in St as ->; apply none_refl]. cbn [andb] in *.
  destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in St as ->. set (w := u_vcpu (cpu (P s) c)) in *.
  destruct (Z.eqb_spec (vm_of w) v) as [Y|Y]; cbn [andb] in *; [|now apply guest_other].
  destruct (protected (P s) v) eqn:Q; [|now apply guest_normal].
  assert (Ru : runs v c w s) by (split; auto). destruct (runs_facts _ _ _ _ Ru) as (L & G & Ld & Cc & Ex).
  destruct op; try discriminate Nd; cbn [guest_step].
  - destruct (u_fp (cpu (P s) c)) eqn:F; [discriminate|]. unfold fp_trap.
    split; [apply book_intro; auto|]. intros _. split; [exact (pages_refl v _)|]. intros x X _ _ k. split; auto. destruct (Z.eq_dec x w) as [->|N].
    + rewrite (runs_reg v c w s k Ru), F, andb_false_r. unfold reg. cbn [P D set_fpm ctx fpm]. fields. rewrite Ld, Cc. unfold upd. rewrite !Z.eqb_refl. fields.
      rewrite !andb_true_r. destruct (inside k W_FP N_FP); auto. unfold greg. rewrite Y, Q. auto.
    + apply reg_intro; auto. intros Lx. pose proof (runs_other _ _ _ _ x Ru N Lx) as Nc. apply Z.eqb_neq in Nc. cbn [P D set_fpm fpm]. fields. unfold upd.
      rewrite Nc. auto.
  - rewrite Y. destruct (reach _ _ _ _) as [[p o]|]; [destruct (own _ _ _); discriminate|apply none_refl].
  - rewrite Y. destruct (reach _ _ _ _); [discriminate|apply none_refl].
  - rewrite Y, Q. cbn [andb]. destruct (in_memory _ _ _); [|apply none_refl]. destruct k, (mem_call _ _ _ _) as [[[[|] ?] ?]|]; discriminate.
  - apply pub_stat; auto.
  - rewrite Y, Q. destruct (exits_to_host esr && _); [discriminate|apply none_refl].
  - rewrite Y, Q. unfold ensure. rewrite (B CheckHostFp). apply none_refl.
Qed.

Theorem vm_respect a v s s' : sound -> sinv s -> is_vm v -> step a s = Ok s' -> to_vm v a s = None -> vm_eq v s s'.
Proof. intros B I V St N. apply becomes_none. rewrite <- N. apply vm_becomes; auto. now rewrite N. Qed.

Lemma reach_both v s t a f : vm_eq v s t -> live (P s) v = true ->
  match reach (P s) v a f, reach (P t) v a f with
  | Some (p, o), Some (q, o') => o = o' /\ own (P s) v p = own (P t) v q /\ (own (P s) v p = true -> mem (D s) p o = mem (D t) q o)
  | None, None => True
  | _, _ => False
  end.
Proof.
  intros E L. pose proof (e_page _ _ _ E L (a / PAGE_BYTES)) as X. unfold same_page in X. unfold reach.
  destruct (walk (P s) v (a / PAGE_BYTES)) as [[p r]|], (walk (P t) v (a / PAGE_BYTES)) as [[q r']|]; try contradiction; auto. destruct X as (-> & O & X).
  destruct (f r'); auto. split; auto. split; auto. intros Q. apply X; auto. apply Z.mod_pos_bound. lia.
Qed.

(* What is so where a VM's own step reaches it, and what the host had in it. *)
Definition side (v c w : Z) (op : gop) (l : list Z) (s : st) : Prop :=
  match op with
  | OFp _ => u_fp (cpu (P s) c) = true
  | OLoad f _ => exists p o, reach (P s) v (f (guest_values s w)) readable = Some (p, o) /\ (own (P s) v p = false -> l = [mem (D s) p o])
  | OExit esr _ hpfar => exits_to_host esr && negb (hidden (P s) v esr hpfar) = true
  | OMem k i _ =>
      in_memory (P s) v i = true /\
      (k = Unshare -> forall ok t e, mem_call v k i (P s) = Some (ok, t, e) -> l = if ok then 1 :: words_at s v i else [])
  | _ => True
  end.

Lemma did_own v a s m w op l s' : step a s = Ok s' -> to_vm v a s = Some m -> doing m = Some (w, op, l) -> sinv s -> is_vm v ->
  exists c, a = G c op /\ runs v c w s /\ s' = guest_step c w op s /\ side v c w op l s.
Proof.
  intros St M Dm I V. destruct a; cbn [to_vm] in M; try discriminate.
  - destruct (idle _ _); [|discriminate]. unfold call_to_vm in M.
    destruct (o_eff _) as [|[] ?]; repeat (match type of M with context [if ?b then _ else _] => destruct b end);
      try discriminate M; injection M as <-; discriminate Dm.
  - destruct (u_run _); [discriminate|]. destruct (u_call _); try discriminate. destruct (_ && _); [injection M as <-; discriminate Dm|discriminate].
  - destruct (_ && _); [injection M as <-; discriminate Dm|discriminate].
  - destruct (_ && _); [injection M as <-; discriminate Dm|discriminate].
  - destruct (u_run (cpu (P s) c)) eqn:R; [|discriminate]. cbn [andb] in M.
    destruct (Z.eqb_spec (vm_of (u_vcpu (cpu (P s) c))) v) as [Y|]; [|discriminate]. cbn [andb] in M. destruct (protected (P s) v) eqn:Q; [|discriminate].
    cbn [step] in St. rewrite R in St. destruct (_ =? NO_VCPU); [discriminate|]. apply ok_eq in St as ->.
    assert (W : w = u_vcpu (cpu (P s) c) /\ op = op0 /\ side v c (u_vcpu (cpu (P s) c)) op0 l s).
    { destruct op0; cbn [side] in *; try discriminate M; try (injection M as <-; injection Dm as <- <- <-; auto; fail).
      - destruct (u_fp _); [injection M as <-; injection Dm as <- <- <-; auto|discriminate].
      - destruct (reach _ _ _ _) as [[p o]|] eqn:X; [|discriminate]. destruct (own (P s) v p) eqn:O; injection M as <-; injection Dm as <- <- <-.
        + split; auto. split; auto. do 2 eexists. split; [eauto|]. congruence.
        + split; auto. split; auto. do 2 eexists. split; eauto.
      - destruct (reach _ _ _ _) eqn:X; [injection M as <-; injection Dm as <- <- <-; eauto|discriminate].
      - destruct (in_memory (P s) v i) eqn:X; [|discriminate]. destruct k, (mem_call _ _ _ _) as [[[ok u] e]|];
          injection M as <-; injection Dm as <- <- <-; (split; [auto|]; split; [auto|]; split; [auto|]); intros H; try discriminate H;
          intros ? ? ? Z0; (discriminate Z0 || (injection Z0 as <- <- <-; reflexivity)).
      - destruct (exits_to_host esr && _) eqn:X; [injection M as <-; injection Dm as <- <- <-; auto|discriminate]. }
    destruct W as (-> & -> & C). exists c. split; auto. split; [split; auto|]. auto.
Qed.

Lemma guards_same v s t : vm_eq v s t -> v_guard (vm (P s) v) = v_guard (vm (P t) v).
Proof. intros E. destruct (book_elim _ _ _ (e_book _ _ _ E)) as [L _]. unfold life in L. congruence. Qed.
Lemma guard_view v i s t : vm_eq v s t -> fst (guard_call v i (P s)) = fst (guard_call v i (P t)) /\
  vm_eq v (mkst (snd (guard_call v i (P s))) (D s)) (mkst (snd (guard_call v i (P t))) (D t)).
Proof.
  intros E. pose proof (guards_same _ _ _ E) as G. destruct (guard_call v i (P s)) as [ok p] eqn:A, (guard_call v i (P t)) as [ok' q] eqn:B. cbn [fst snd].
  destruct (guard_call_same _ _ _ _ _ A) as (A1 & A2 & A3 & A4 & _ & A5), (guard_call_same _ _ _ _ _ B) as (B1 & B2 & B3 & B4 & _ & B5).
  assert (R : forall u y, lf y = lf (P u) -> owner y = owner (P u) -> vcpu y = vcpu (P u) -> cpu y = cpu (P u) ->
    (forall w k, reg (mkst y (D u)) w k = reg u w k) /\ (forall w, exists_bit y w = exists_bit (P u) w) /\
    (forall j, walk y v j = walk (P u) v j) /\ forall x, own y v x = own (P u) v x).
  { intros u y H1 H2 H3 H4. repeat split; [intros w k; unfold reg; cbn [P D]; now rewrite H3, H4|intros w; unfold exists_bit; now rewrite H3|
      intros j; unfold walk; now rewrite H1|intros x; unfold own; now rewrite H2]. }
  destruct (R s p A1 A2 A3 A4) as (R1 & R2 & R3 & R4), (R t q B1 B2 B3 B4) as (S1 & S2 & S3 & S4). clear R.
  assert (V : ok = ok' /\ v_guard (vm p v) = v_guard (vm q v) /\ (v_state (vm p v), v_type (vm p v), v_base (vm p v), v_end (vm p v)) =
    (v_state (vm (P s) v), v_type (vm (P s) v), v_base (vm (P s) v), v_end (vm (P s) v)) /\ (v_state (vm q v), v_type (vm q v), v_base (vm q v), v_end (vm q v)) =
    (v_state (vm (P t) v), v_type (vm (P t) v), v_base (vm (P t) v), v_end (vm (P t) v))).
  { unfold guard_call in A, B. rewrite <- G in B. destruct (give i (v_guard (vm (P s) v))) as [l|]; injection A as <- <-; injection B as <- <-;
      fields; unfold upd; rewrite ?Z.eqb_refl; auto. }
  destruct V as (<- & V1 & V2 & V3). split; [reflexivity|]. pose proof (proj2 (A5 v)) as Lv.
  split; cbn [P D]; rewrite ?Lv.
  - destruct (book_elim _ _ _ (e_book _ _ _ E)) as [LE FE]. apply book_intro.
    + unfold life in *. injection LE as L1 L2 L3 L4 _. injection V2 as -> -> -> ->. injection V3 as -> -> -> ->. congruence.
    + intros w W. rewrite R2, S2, A3, B3. apply FE, W.
  - intros L j. pose proof (e_page _ _ _ E L j) as X. unfold same_page in *. cbn [P D]. rewrite R3, S3.
    destruct (walk (P s) v j) as [[a r]|], (walk (P t) v j) as [[b r']|]; auto. now rewrite R4, S4.
  - intros L w W X k. rewrite R1, S1. rewrite R2 in X. apply (e_reg _ _ _ E L w W X).
  - intros L w W X k. rewrite R2 in X. apply (e_io _ _ _ E L w W X).
Qed.

Lemma own_same v c d w op ws s t : sound -> runs v c w s -> runs v d w t -> vm_eq v s t -> side v c w op ws s -> side v d w op ws t ->
  vm_eq v (guest_step c w op s) (guest_step d w op t).
Proof.
  intros B Rs Rt E C C'. pose proof (own_values v c d w s t Rs Rt E) as GV. pose proof (own_reg v c w s t Rs E) as OR.
  pose proof Rs as [I V Q Y Ru U]. pose proof Rt as [I' V' Q' Y' Ru' U'].
  destruct (runs_facts _ _ _ _ Rs) as (L & Gs & Ld & Cc & Ex). destruct (runs_facts _ _ _ _ Rt) as (L' & Gt & Ld' & Cc' & Ex').
  assert (Wr : forall l, vm_eq v (write_greg s w l) (write_greg t w l)) by (intros; apply (own_write v c d); auto).
  assert (RW : forall l, runs v c w (write_greg s w l)) by (intros; eapply runs_same; eauto).
  assert (RW' : forall l, runs v d w (write_greg t w l)) by (intros; eapply runs_same; eauto).
  assert (St : forall a b x y, vm_eq v x y -> sinv x -> sinv y ->
    (forall p, lf (a p) = lf p /\ vcpu (a p) = vcpu p /\ vm (a p) = vm p /\ owner (a p) = owner p /\ forall e, u_fp (cpu (a p) e) = u_fp (cpu p e)) ->
    (forall p, lf (b p) = lf p /\ vcpu (b p) = vcpu p /\ vm (b p) = vm p /\ owner (b p) = owner p /\ forall e, u_fp (cpu (b p) e) = u_fp (cpu p e)) ->
      vm_eq v (with_pub a x) (with_pub b y)).
  { intros a b x y Exy Ix Iy Ha Hb. eapply vm_eq_trans; [apply vm_eq_sym, becomes_none, pub_stat; auto|].
    eapply vm_eq_trans; [exact Exy|]. apply becomes_none, pub_stat; auto. }
  assert (GE : forall k, inside k 0 W_GP = true -> greg s w k = greg t w k).
  { intros k K. rewrite (runs_greg v c w s k Rs K), (runs_greg v d w t k Rt K). auto. }
  destruct op; cbn [guest_step].
  - rewrite GV. apply Wr.
  - cbn [side] in C, C'. rename C into F, C' into F'. rewrite F, F', GV.
    assert (FV : fp_values (D s) c = fp_values (D t) d).
    { apply values_ext. intros k K. assert (IN : inside k W_FP N_FP = true) by (apply inside_spec; change (Z.of_nat 66) with 66 in K; unfold N_FP; lia).
      pose proof (OR k) as X. rewrite (runs_reg v c w s k Rs), (runs_reg v d w t k Rt), IN, F, F' in X. exact X. }
    rewrite FV. generalize (f (guest_values t w ++ fp_values (D t) d)). intros l.
    apply (own_change v c d w (write_greg s w l) (write_greg t w l)); auto.
    + intros e N. cbn. unfold upd. destruct (Z.eqb_spec e c); [contradiction|auto].
    + intros e N. cbn. unfold upd. destruct (Z.eqb_spec e d); [contradiction|auto].
    + intros k. split; [|apply (e_io _ _ _ (Wr l) L w Y Ex)].
      pose proof (e_reg _ _ _ (Wr l) L w Y Ex k) as X.
      assert (R1 : runs v c w (with_data (fun d0 => set_fpm (upd (fpm d0) c (writes W_FP N_FP l (fpm d0 c))) d0) (write_greg s w l))) by (eapply runs_same;
        eauto).
      assert (R2 : runs v d w (with_data (fun d0 => set_fpm (upd (fpm d0) d (writes W_FP N_FP l (fpm d0 d))) d0) (write_greg t w l))) by (eapply runs_same;
        eauto).
      rewrite (runs_reg v c w _ k (RW l)), (runs_reg v d w _ k (RW' l)) in X. rewrite (runs_reg v c w _ k R1), (runs_reg v d w _ k R2).
      cbn [with_data P write_greg set_greg] in *. rewrite F, F' in *. rewrite !andb_true_r in *. destruct (inside k W_FP N_FP) eqn:IN; auto.
      unfold with_data; cbn [D set_fpm fpm]. unfold upd. rewrite !Z.eqb_refl. apply writes_ext. exact X.
  - destruct C as (p & o & H & C), C' as (q & o' & H' & C'). rewrite GV in H. pose proof (reach_both v s t (a (guest_values t w)) readable E L) as X.
    rewrite Y, GV, H, H'. rewrite H, H' in X. destruct X as (<- & X1 & X2). unfold load_word. cbn [fst snd].
    replace (mem (D s) p o) with (mem (D t) q o); [apply Wr|]. destruct (own (P s) v p); [symmetry; auto|]. specialize (C eq_refl).
      specialize (C' (eq_sym X1)). congruence.
  - rewrite Y, GV. pose proof (reach_both v s t (a (guest_values t w)) writable E L) as X.
    destruct (reach (P s) v _ writable) as [y|] eqn:A, (reach (P t) v _ writable) as [y'|] eqn:A'; auto; try (destruct y; contradiction); try contradiction.
    apply (own_store v c d w); eauto.
  - assert (IV : io_values (D s) w = io_values (D t) w) by (apply values_ext; intros k _; apply (own_io v c w s t Rs E)).
    rewrite GV, IV. generalize (f (guest_values t w ++ io_values (D t) w)). intros l.
    apply (own_change v c d w (write_greg s w l) (write_greg t w l)); auto.
    + intros x N X. split; intros k; split; auto; cbn; unfold upd; destruct (Z.eqb_spec x w); auto; contradiction.
    + intros k. split.
      * exact (e_reg _ _ _ (Wr l) L w Y Ex k).
      * cbn. unfold upd. rewrite Z.eqb_refl. apply writes_ext. apply (e_io _ _ _ (Wr l) L w Y Ex).
  - rewrite Y, Q, Q', GV. apply St; auto; apply RW || apply RW'.
  - rewrite Y, Q, Q'. rewrite (guest_hvc_same w (sibling (P s) w) (sibling (P t) w) (greg s w) (greg t w)); auto.
    2: apply (sibling_same v); auto; apply E.
    destruct (guest_hvc w (sibling (P t) w) (greg t w)) as [x0|rel x0 k] eqn:Hv.
    + apply St; auto; apply RW || apply RW'.
    + destruct (guest_hvc_power _ _ _ _ _ _ Hv) as [H1 H2].
      assert (K1 : vm_eq v (keep w far (write_greg s w [(0, x0)])) (keep w far (write_greg t w [(0, x0)]))).
      { apply (own_ctx v c d w); auto.
        - intros j _ X. unfold upd. destruct (j =? W_KEPT); auto.
        - intros j J. unfold upd. destruct (Z.eqb_spec j W_KEPT) as [->|]; [discriminate J|auto]. }
      assert (K2 : vm_eq v (keep_entry k (keep w far (write_greg s w [(0, x0)]))) (keep_entry k (keep w far (write_greg t w [(0, x0)])))).
      { destruct k as [[[a b] e]|]; auto. apply (own_ctx v c d w); auto; try (eapply runs_same; [apply (RW [(0, x0)]) || apply (RW' [(0, x0)])|reflexivity]).
        - rewrite (H2 a b e eq_refl). auto.
        - intros j _ X. unfold upd. destruct (j =? W_KEPT + 2); auto. destruct (j =? W_KEPT + 1); auto.
        - intros j J. unfold upd. destruct (Z.eqb_spec j (W_KEPT + 2)) as [->|]; [discriminate J|]. destruct (Z.eqb_spec j (W_KEPT + 1)) as [->|];
          [discriminate J|]. auto. }
      apply (leave_view v c d w); auto.
      * eapply runs_same; [apply (RW [(0, x0)])|]. destruct k as [[[a b] e]|]; reflexivity.
      * eapply runs_same; [apply (RW' [(0, x0)])|]. destruct k as [[[a b] e]|]; reflexivity.
      * intros x p H. rewrite (H1 x p H). auto.
  - destruct C as [C U1], C' as [C' U2]. rewrite Y, Q, Q', C, C'. cbn [andb].
    assert (N0 : u_vcpu (cpu (P s) c) <> NO_VCPU) by (apply i_run; auto). destruct (loaded_ready c (P s) I N0) as [_ Rd]. rewrite U, Y in Rd.
    assert (N1 : u_vcpu (cpu (P t) d) <> NO_VCPU) by (apply i_run; auto). destruct (loaded_ready d (P t) I' N1) as [_ Rd']. rewrite U', Y in Rd'.
    destruct (mem_call v k i (P s)) as [[[ok ps] es]|] eqn:M, (mem_call v k i (P t)) as [[[ok' pt] et]|] eqn:M'.
    + destruct (mem_call_eq v k i s t ok ok' ps pt es et B I I' V L L' Rd Rd' E M M') as [<- E2].
      { intros Uk. specialize (U1 Uk ok ps es eq_refl). specialize (U2 Uk ok' pt et eq_refl). cbv beta in U1, U2.
        destruct ok, ok'; try (exfalso; congruence); (split; [reflexivity|]); intros X; congruence. }
      assert (After : forall e u o pu eu, runs v e w u -> mem_call v k i (P u) = Some (o, pu, eu) -> v_state (vm (P u) v) = VM_READY ->
                runs v e w (mkst pu (do_effects eu (D u)))).
      { intros e u o pu eu R M0 Rd0. destruct (runs_facts _ _ _ _ R) as (_ & G0 & _). destruct R as [I1 V1 Q1 Y1 Ru1 U1']. unfold sinv in I1.
        pose proof (mem_call_inv v k i (P u) B I1 V G0 Rd0) as J. rewrite M0 in J. destruct (mem_call_cpu _ _ _ _ _ _ _ B I1 V G0 M0) as (Cp & Lf & _ & _).
        specialize (Cp e). unfold place_of_cpu in Cp. injection Cp as C1 C2 C3. split; auto; cbn [P]; try congruence.
        rewrite (same_protected _ _ _ (Lf v)). auto. }
      pose proof (After c s ok ps es Rs M Rd) as Ra. pose proof (After d t ok pt et Rt M' Rd') as Rb.
      pose proof (own_write v c d w _ _ Ra Rb E2 [(0, mem_result ok)]) as Ew.
      apply St; auto; [exact (r_inv _ _ _ _ Ra)|exact (r_inv _ _ _ _ Rb)].
    + exfalso. apply (mem_call_none v k i (P t) I' V Gt) in M' as [-> W]. pose proof (e_page _ _ _ E L i) as X. unfold same_page in X. rewrite W in X.
      destruct (walk (P s) v i) as [[? ?]|] eqn:W'; [contradiction|]. assert (Z : mem_call v Share i (P s) = None) by (apply mem_call_none; auto). congruence.
    + exfalso. apply (mem_call_none v k i (P s) I V Gs) in M as [-> W]. pose proof (e_page _ _ _ E L i) as X. unfold same_page in X. rewrite W in X.
      destruct (walk (P t) v i) as [[? ?]|] eqn:W'; [contradiction|]. assert (Z : mem_call v Share i (P t) = None) by (apply mem_call_none; auto). congruence.
    + rewrite (GE W_PC) by reflexivity. set (l0 := [(W_PC, _)]).
      apply (leave_view v c d w); auto;
        [exact (runs_same v c w _ (keep w far (write_greg s w l0)) (RW l0) eq_refl)|exact (runs_same v d w _ (keep w far (write_greg t w l0)) (RW' l0)
        eq_refl)| |].
      * apply (own_ctx v c d w); auto.
        -- intros j _ X. unfold upd. destruct (j =? W_KEPT); auto.
        -- intros j J. unfold upd. destruct (Z.eqb_spec j W_KEPT) as [->|]; [discriminate J|auto].
      * cbn. discriminate.
  - rewrite Y, Q, Q'. destruct (guard_view v i s t E) as [E1 E2]. destruct (guard_call v i (P s)) as [ok p] eqn:A, (guard_call v i (P t)) as [ok' q] eqn:B0.
    cbn [fst snd] in E1, E2. subst ok'.
    assert (After : forall e u y, runs v e w u -> guard_call v i (P u) = (ok, y) -> runs v e w (mkst y (D u))).
    { intros e u y [I1 V1 Q1 Y1 Ru1 U1] G0. destruct (guard_call_same _ _ _ _ _ G0) as (_ & _ & _ & C4 & _ & C5). unfold sinv in I1.
      pose proof (guard_call_inv _ _ _ _ _ I1 G0). split; auto; cbn [P]; rewrite ?C4; auto. rewrite (proj1 (C5 v)). exact Q1. }
    pose proof (After c s p Rs A) as Ra. pose proof (After d t q Rt B0) as Rb.
    pose proof (own_write v c d w _ _ Ra Rb E2 [(0, mem_result ok)]) as Ew.
    apply St; auto; [exact (r_inv _ _ _ _ Ra)|exact (r_inv _ _ _ _ Rb)].
  - apply St; auto.
  - cbn [side] in C, C'. rewrite Y, Q, Q', C, C'.
    assert (PW : forall u, r_power (sync_release u w esr far hpfar) = None).
    { intros u. unfold sync_release, exit_sync, exit_filter, exit_normal. repeat (match goal with |- context [if ?b then _ else _] => destruct b end);
      reflexivity. }
    apply (leave_view v c d w); [exact (runs_same v c w s (keep w far s) Rs eq_refl)|exact (runs_same v d w t (keep w far t) Rt eq_refl)| | |].
    + apply (own_ctx v c d w); auto.
      * intros j _ X. unfold upd. destruct (j =? W_KEPT); auto.
      * intros j J. unfold upd. destruct (Z.eqb_spec j W_KEPT) as [->|]; [discriminate J|auto].
    + rewrite !PW. auto.
    + intros x p H. rewrite PW in H. discriminate.
  - rewrite Y, Q, Q'. unfold ensure. rewrite (B CheckHostFp). exact E.
Qed.

Theorem vm_consistent a b v s t m s' t' : sound -> sinv s -> sinv t -> is_vm v -> vm_eq v s t ->
  to_vm v a s = Some m -> to_vm v b t = Some m -> step a s = Ok s' -> step b t = Ok t' -> vm_eq v s' t'.
Proof.
  intros B I J V E Ma Mb Sa Sb. destruct (did (Some m)) eqn:Dm.
  - assert (X : exists w op l, doing m = Some (w, op, l)) by (destruct m; try discriminate Dm; cbn; eauto). destruct X as (w & op & l & Dg).
    destruct (did_own v a s m w op l s' Sa Ma Dg I V) as (c & -> & Rs & -> & Cs). destruct (did_own v b t m w op l t' Sb Mb Dg J V) as (d & -> & Rt & -> & Ct).
    now apply (own_same v c d w op l).
  - apply (becomes_eq v s t s' t' E m).
    + rewrite <- Ma. apply vm_becomes; auto. now rewrite Ma.
    + rewrite <- Mb. apply vm_becomes; auto. now rewrite Mb.
Qed.
End VmEnd.
