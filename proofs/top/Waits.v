(* SPDX-License-Identifier: GPL-2.0-only *)
(* A VM that waits for its signature: none of its vCPUs is on, so it doesn't run until a start whose check answered good. *)
From KCore Require Export top.Ni.

Section Waits.
Context {cfg : config}.

Lemma waits_spec s v : waits s v = true <->
  v_state (vm s v) = VM_READY /\ v_type (vm s v) = KCORE_VM_PROTECTED /\ c_pending (vcpu s (v * KCORE_VM_VCPUS)) = PENDING_START.
Proof. unfold waits, is. rewrite !andb_true_iff, !Z.eqb_eq. tauto. Qed.
Lemma vm_of_first v : vm_of (v * KCORE_VM_VCPUS) = v.
Proof. unfold vm_of, KCORE_VM_VCPUS. apply Z.div_mul. discriminate. Qed.

(* Before it is finalised, and while it waits, a protected VM's vCPUs are off; what runs doesn't wait. *)
Record calm (s : pub) : Prop := {
  l_new : forall w, v_type (vm s (vm_of w)) = KCORE_VM_PROTECTED -> v_state (vm s (vm_of w)) = VM_NEW -> c_state (vcpu s w) <> VCPU_FREE ->
    c_power (vcpu s w) = POWER_OFF /\ c_pending (vcpu s w) = PENDING_NONE;
  l_wait : forall w, waits s (vm_of w) = true -> c_state (vcpu s w) <> VCPU_FREE -> c_power (vcpu s w) = POWER_OFF;
  l_run : forall c, u_run (cpu s c) = true -> waits s (vm_of (u_vcpu (cpu s c))) = false
}.
(* It waits, or will never run again. *)
Definition back (s : pub) (v : Z) : Prop := waits s v = true \/ v_state (vm s v) = VM_DYING.

(* ------------------------------------------------------------------ what a step changes of that *)

Definition same_vcpu (r r' : vcpurec) : Prop :=
  (c_state r' <> VCPU_FREE -> c_state r <> VCPU_FREE) /\ c_power r' = c_power r /\ c_pending r' = c_pending r.
Definition same_cpu (r r' : cpurec) : Prop := u_run r' = true -> u_run r = true /\ u_vcpu r' = u_vcpu r.
(* Nothing. *)
Record alike (s t : pub) : Prop := {
  a_vm : forall v, v_state (vm t v) = v_state (vm s v) /\ v_type (vm t v) = v_type (vm s v);
  a_vcpu : forall w, same_vcpu (vcpu s w) (vcpu t w);
  a_cpu : forall c, same_cpu (cpu s c) (cpu t c)
}.
(* That of VM u. *)
Record turns (u : Z) (free : Prop) (s t : pub) : Prop := {
  t_vm : forall v, v <> u -> v_state (vm t v) = v_state (vm s v) /\ v_type (vm t v) = v_type (vm s v);
  t_vcpu : forall w, vm_of w <> u -> same_vcpu (vcpu s w) (vcpu t w);
  t_cpu : forall c, u_run (cpu t c) = true -> vm_of (u_vcpu (cpu t c)) = u \/ u_run (cpu s c) = true /\ u_vcpu (cpu t c) = u_vcpu (cpu s c);
  t_new : forall w, vm_of w = u -> v_type (vm t u) = KCORE_VM_PROTECTED -> v_state (vm t u) = VM_NEW -> c_state (vcpu t w) <> VCPU_FREE ->
    c_power (vcpu t w) = POWER_OFF /\ c_pending (vcpu t w) = PENDING_NONE;
  t_wait : forall w, vm_of w = u -> waits t u = true -> c_state (vcpu t w) <> VCPU_FREE -> c_power (vcpu t w) = POWER_OFF;
  t_run : forall c, u_run (cpu t c) = true -> vm_of (u_vcpu (cpu t c)) = u -> waits t u = false;
  t_back : back s u -> back t u \/ free
}.
Definition moves (free : Z -> Prop) (s t : pub) : Prop := alike s t \/ exists u, turns u (free u) s t.

Lemma alike_refl s : alike s s.
Proof. split; [auto|intros w; repeat split; auto|intros c; split; auto]. Qed.
Lemma alike_trans s t u : alike s t -> alike t u -> alike s u.
Proof.
  intros [A B C] [A' B' C']. split.
  - intros v. destruct (A v), (A' v). split; congruence.
  - intros w. destruct (B w) as (X & Y & Z), (B' w) as (X' & Y' & Z'). split; [auto|split; congruence].
  - intros c R. destruct (C' c R) as [R' E]. destruct (C c R') as [R'' E']. split; [auto|congruence].
Qed.
Lemma alike_waits s t v : alike s t -> waits t v = waits s v.
Proof. intros [A B _]. unfold waits. destruct (A v) as [-> ->]. destruct (B (v * KCORE_VM_VCPUS)) as (_ & _ & ->). reflexivity. Qed.
Lemma alike_back s t v : alike s t -> back s v -> back t v.
Proof. intros A [W|W]; [left; rewrite (alike_waits s t v A); exact W|right; destruct (a_vm _ _ A v) as [-> _]; exact W]. Qed.
Lemma mild_alike v e s t : mild v e s t -> alike s t.
Proof.
  intros [A B C _ _]. split.
  - intros u. specialize (C u). unfold life in C. split; congruence.
  - intros w. rewrite A. repeat split; auto.
  - intros c R. specialize (B c). unfold place_of_cpu in B. split; congruence.
Qed.
Lemma turns_alike u F s t t' : turns u F s t -> alike t t' -> turns u F s t'.
Proof.
  intros [A B C N W R K] L. pose proof (alike_waits _ _ u L) as E. destruct L as [A' B' C'] eqn:EL. split.
  - intros v Nv. destruct (A v Nv), (A' v). split; congruence.
  - intros w Nw. destruct (B w Nw) as (X & Y & Z), (B' w) as (X' & Y' & Z'). split; [auto|split; congruence].
  - intros c Rc. destruct (C' c Rc) as [R' E']. rewrite E'. destruct (C c R') as [X|[X Y]]; auto.
  - intros w V. destruct (A' u) as [-> ->]. destruct (B' w) as (X & Y & Z). rewrite Y, Z. intros T S F'. apply N; auto.
  - intros w V. rewrite E. destruct (B' w) as (X & Y & _). rewrite Y. intros T F'. apply W; auto.
  - intros c Rc. destruct (C' c Rc) as [R' E']. rewrite E', E. apply R, R'.
  - intros Bk. destruct (K Bk) as [X|X]; [left|auto]. revert X. apply alike_back. exact L.
Qed.
Lemma moves_alike F s t t' : moves F s t -> alike t t' -> moves F s t'.
Proof. intros [A|(u & A)] L; [left; eapply alike_trans; eauto|right; exists u; eapply turns_alike; eauto]. Qed.

Lemma turns_waits u F s t v : turns u F s t -> v <> u -> waits t v = waits s v.
Proof.
  intros M N. unfold waits. destruct (t_vm _ _ _ _ M v N) as [-> ->].
  destruct (t_vcpu _ _ _ _ M (v * KCORE_VM_VCPUS) ltac:(rewrite vm_of_first; exact N)) as (_ & _ & ->). reflexivity.
Qed.
Lemma moves_calm F s t : moves F s t -> calm s -> calm t.
Proof.
  intros [L|(u & M)] [N W R].
  - pose proof (alike_waits s t) as E. split.
    + intros w. destruct (a_vm _ _ L (vm_of w)) as [-> ->]. destruct (a_vcpu _ _ L w) as (X & -> & ->). auto.
    + intros w. rewrite (E _ L). destruct (a_vcpu _ _ L w) as (X & -> & _). auto.
    + intros c Rc. destruct (a_cpu _ _ L c Rc) as [Rs ->]. rewrite (E _ L). auto.
  - split.
    + intros w. destruct (Z.eq_dec (vm_of w) u) as [V|V]; [rewrite V; apply (t_new _ _ _ _ M w V)|].
      destruct (t_vm _ _ _ _ M _ V) as [-> ->]. destruct (t_vcpu _ _ _ _ M w V) as (X & -> & ->). auto.
    + intros w. destruct (Z.eq_dec (vm_of w) u) as [V|V]; [rewrite V; apply (t_wait _ _ _ _ M w V)|].
      rewrite (turns_waits _ _ _ _ _ M V). destruct (t_vcpu _ _ _ _ M w V) as (X & -> & _). auto.
    + intros c Rc. destruct (Z.eq_dec (vm_of (u_vcpu (cpu t c))) u) as [V|V]; [rewrite V; apply (t_run _ _ _ _ M c Rc V)|].
      destruct (t_cpu _ _ _ _ M c Rc) as [X|[X Y]]; [contradiction|]. rewrite (turns_waits _ _ _ _ _ M V), Y. auto.
Qed.
Lemma moves_back F s t v : moves F s t -> back s v -> back t v \/ F v.
Proof.
  intros [L|(u & M)] B; [left; eapply alike_back; eauto|]. destruct (Z.eq_dec v u) as [->|N]; [apply (t_back _ _ _ _ M B)|].
  left. destruct B as [W|W]; [left; rewrite (turns_waits _ _ _ _ _ M N); exact W|right; destruct (t_vm _ _ _ _ M v N) as [-> _]; exact W].
Qed.

(* ------------------------------------------------------------------ the host's calls *)

Definition frees (r : request) (v : Z) : Prop := r = RStart v true \/ r = REnd v.

Lemma finish_alike c r e ok s : alike s (o_pub (finish c r e ok s)).
Proof. apply (mild_alike 0 []), mild_finish. Qed.
Lemma moves_finish F c r e ok s t : moves F s t -> moves F s (o_pub (finish c r e ok t)).
Proof. intros M. eapply moves_alike; [exact M|apply finish_alike]. Qed.
Lemma moves_done F c r s : moves F s (o_pub (done c r s)).
Proof. left. apply finish_alike. Qed.

(* The record of a VM changes, and that of vCPUs of its; nothing of it runs. *)
Lemma vm_turns u F s t : inv s -> v_state (vm s u) <> VM_READY \/ v_state (vm t u) = VM_DYING ->
  (forall v, v <> u -> vm t v = vm s v) -> (forall w, vm_of w <> u -> vcpu t w = vcpu s w) -> cpu t = cpu s ->
  (forall w, vm_of w = u -> v_type (vm t u) = KCORE_VM_PROTECTED -> v_state (vm t u) = VM_NEW -> c_state (vcpu t w) <> VCPU_FREE ->
     c_power (vcpu t w) = POWER_OFF /\ c_pending (vcpu t w) = PENDING_NONE) ->
  (forall w, vm_of w = u -> waits t u = true -> c_state (vcpu t w) <> VCPU_FREE -> c_power (vcpu t w) = POWER_OFF) ->
  (back s u -> back t u \/ F) -> turns u F s t.
Proof.
  intros I S A B C N W K. split; auto.
  - intros v X. rewrite A; auto.
  - intros w X. rewrite B by auto. repeat split; auto.
  - intros c. rewrite C. auto.
  - intros c R V. rewrite C in *. destruct S as [S|S].
    + exfalso. destruct (loaded_ready c s I (i_run s I c R)) as [_ X]. rewrite V in X. contradiction.
    + unfold waits, is. rewrite S. reflexivity.
Qed.

Lemma create_moves F c type s : inv s -> moves F s (o_pub (vm_create c type s)).
Proof.
  intros I. unfold vm_create. destruct (_ && _); [apply moves_done|]. destruct (find_free s) as [v|] eqn:E; [|apply moves_done].
  apply find_some in E as [V Fr]. apply range_in in V. apply is_true in Fr. assert (Vm : is_vm v) by (unfold is_vm, KCORE_NR_VMS; lia).
  destruct (free_has_nothing v s I (vm_not_host v Vm) (vm_not_core v Vm) Fr) as (_ & _ & No).
  apply moves_finish. right. exists v. apply vm_turns; auto.
  - left. rewrite Fr. discriminate.
  - intros u N. fields. unfold upd. destruct (Z.eqb_spec u v); [contradiction|reflexivity].
  - intros w W _ _ X. exfalso. apply (No w). split; auto.
  - intros w W _ X. exfalso. apply (No w). split; auto.
  - intros [X|X]; [apply waits_spec in X as [X _]|]; rewrite Fr in X; discriminate.
Qed.
Lemma finalise_moves F c v a b sign s : inv s -> calm s -> moves F s (o_pub (vm_finalise c v a b sign s)).
Proof.
  intros I L. unfold vm_finalise. destruct (negb (alive s v)); [apply moves_done|].
  destruct (is (v_state (vm s v)) VM_NEW) eqn:N; cbn [negb orb]; [|apply moves_done]. apply is_true in N.
  assert (Nb : ~ back s v) by (intros [X|X]; [apply waits_spec in X as [X _]|]; rewrite N in X; discriminate).
  destruct (sign && _); [apply moves_done|]. destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED) eqn:T.
  - destruct (negb sign && _); [apply moves_done|]. destruct (_ || _); [apply moves_done|].
    destruct (is (c_state _) VCPU_FREE) eqn:Ex; [apply moves_done|]. apply is_true in T. apply is_false in Ex.
    set (w0 := v * KCORE_VM_VCPUS) in *. assert (V0 : vm_of w0 = v) by apply vm_of_first.
    apply moves_finish. right. exists v. apply vm_turns; auto.
    + left. rewrite N. discriminate.
    + intros u X. fields. unfold upd. destruct (Z.eqb_spec u v); [contradiction|reflexivity].
    + intros w X. fields. unfold upd. destruct (Z.eqb_spec w w0) as [->|]; [contradiction|reflexivity].
    + intros w _ _. fields. unfold upd. rewrite Z.eqb_refl. discriminate.
    + intros w W X. pose proof (l_new _ L w) as Of. rewrite W in Of. specialize (Of T N). fields. unfold upd in *.
      destruct (Z.eqb_spec w w0) as [->|]; [|apply Of]. destruct sign; [apply Of|]. exfalso. apply waits_spec in X as (_ & _ & X).
      fold w0 in X. destruct (Of Ex) as [_ P0]. revert X. fields. unfold upd. rewrite Z.eqb_refl. fields. rewrite P0. discriminate.
    + intros X. contradiction.
  - apply is_false in T. apply moves_finish. right. exists v. apply vm_turns; auto.
    + left. rewrite N. discriminate.
    + intros u X. fields. unfold upd. destruct (Z.eqb_spec u v); [contradiction|reflexivity].
    + intros w _. fields. unfold upd. rewrite Z.eqb_refl. contradiction.
    + intros w _ X. exfalso. apply waits_spec in X as (_ & X & _). revert X. fields. unfold upd. rewrite Z.eqb_refl. exact T.
    + intros X. contradiction.
Qed.
(* From here on it can only be destroyed. *)
Lemma dying_moves F v s : inv s -> moves F s (change_vm v (vm_with_state VM_DYING) s).
Proof.
  intros I. assert (S : v_state (vm (change_vm v (vm_with_state VM_DYING) s) v) = VM_DYING) by (fields; unfold upd; rewrite Z.eqb_refl; reflexivity).
  right. exists v. apply vm_turns; auto.
  - intros u X. fields. unfold upd. destruct (Z.eqb_spec u v); [contradiction|reflexivity].
  - intros w _ _ X. rewrite S in X. discriminate.
  - intros w _ X. apply waits_spec in X as [X _]. rewrite S in X. discriminate.
  - intros _. left. right. exact S.
Qed.
Lemma start_moves c v good s : inv s -> moves (frees (RStart v good)) s (o_pub (vm_start c v good s)).
Proof.
  intros I. unfold vm_start. destruct (Z.eqb_spec (start_check s v) 0) as [E|E]; cbn [negb]; [|apply moves_done].
  destruct (negb _); [apply moves_done|]. destruct (start_check_vm s v E) as (_ & _ & Ws). apply waits_spec in Ws as (S & _ & _).
  destruct good; apply moves_finish; [|apply dying_moves; exact I]. set (w0 := v * KCORE_VM_VCPUS). assert (V0 : vm_of w0 = v) by apply vm_of_first.
  set (t := change_vcpu _ _ _). assert (Nw : waits t v = false).
  { destruct (waits t v) eqn:X; [|reflexivity]. apply waits_spec in X as (_ & _ & X). fold w0 in X. exfalso. revert X. subst t. fields. unfold upd.
    rewrite !Z.eqb_refl. discriminate. }
  assert (S' : v_state (vm t v) = VM_READY) by exact S.
  right. exists v. split.
  - intros u _. auto.
  - intros w X. subst t. fields. unfold upd. destruct (Z.eqb_spec w w0) as [->|]; [contradiction|]. repeat split; auto.
  - intros c0. auto.
  - intros w _ _ X. rewrite S' in X. discriminate.
  - intros w _ X. rewrite Nw in X. discriminate.
  - intros; exact Nw.
  - intros _. right. left. reflexivity.
Qed.
Lemma begin_moves F c v s : inv s -> moves F s (o_pub (destroy_begin c v s)).
Proof.
  intros I. unfold destroy_begin. destruct (negb _); [apply moves_done|]. destruct (negb _); [apply moves_done|].
  apply moves_finish, dying_moves, I.
Qed.
Lemma end_moves c v s : inv s -> moves (frees (REnd v)) s (o_pub (destroy_end c v s)).
Proof.
  intros I. unfold destroy_end. destruct (Z.eqb_spec (dying_check s v) 0) as [E|E]; cbn [negb]; [|apply moves_done].
  destruct (dying_check_vm s v E) as [_ Dy]. destruct (_ || _); [apply moves_done|]. apply moves_finish. set (t := add_log _ _ _ _).
  assert (S : v_state (vm t v) = VM_FREE) by (subst t; fields; unfold upd; rewrite Z.eqb_refl; reflexivity).
  right. exists v. apply vm_turns; auto.
  - left. rewrite Dy. discriminate.
  - intros u X. subst t. fields. unfold upd. destruct (Z.eqb_spec u v); [contradiction|reflexivity].
  - intros w _ _ X. rewrite S in X. discriminate.
  - intros w _ X. apply waits_spec in X as [X _]. rewrite S in X. discriminate.
  - intros _. right. right. reflexivity.
Qed.

Lemma made_turns F v w0 r p s : calm s -> vm_of w0 = v -> c_pending r = PENDING_NONE ->
  (v_type (vm s v) = KCORE_VM_PROTECTED -> v_state (vm s v) = VM_NEW /\ c_power r = POWER_OFF) ->
  turns v F s (change_vm v (fun m => vm_with_vcpus (v_vcpus m + 1) m) (set_vcpu w0 r (maps_add p 1 1 s))).
Proof.
  intros L V0 Pn G. set (t := change_vm _ _ _).
  assert (S : v_state (vm t v) = v_state (vm s v) /\ v_type (vm t v) = v_type (vm s v)) by (subst t; fields; unfold upd; rewrite Z.eqb_refl; auto).
  destruct S as [S T]. assert (Nw : waits t v = false).
  { destruct (waits t v) eqn:X; [|reflexivity]. apply waits_spec in X as (X1 & X2 & _). rewrite S in X1. rewrite T in X2.
    destruct (G X2) as [X3 _]. rewrite X1 in X3. discriminate. }
  split.
  - intros u X. subst t. fields. unfold upd. destruct (Z.eqb_spec u v); [contradiction|auto].
  - intros w X. subst t. fields. unfold upd. destruct (Z.eqb_spec w w0) as [->|]; [contradiction|]. repeat split; auto.
  - intros c. auto.
  - intros w W X Y. rewrite T in X. rewrite S in Y. pose proof (l_new _ L w) as N. rewrite W in N. specialize (N X Y). subst t. fields. unfold upd.
    destruct (Z.eqb_spec w w0) as [->|]; [|exact N]. intros _. split; [apply (G X)|exact Pn].
  - intros w _ X. rewrite Nw in X. discriminate.
  - intros; exact Nw.
  - intros [X|X]; left; [|right; rewrite S; exact X]. exfalso. apply waits_spec in X as (X1 & X2 & _). destruct (G X2) as [X3 _]. rewrite X1 in X3.
    discriminate.
Qed.
Lemma alike_turns u F s t t' : alike s t -> turns u F t t' -> turns u F s t'.
Proof.
  intros L M. destruct M as [A B C N W R K]. split; auto.
  - intros v Nv. destruct (A v Nv), (a_vm _ _ L v). split; congruence.
  - intros w Nw. destruct (B w Nw) as (X & Y & Z), (a_vcpu _ _ L w) as (X' & Y' & Z'). split; [auto|split; congruence].
  - intros c Rc. destruct (C c Rc) as [X|[X Y]]; auto. destruct (a_cpu _ _ L c X). right. split; [auto|congruence].
  - intros Bk. apply K. apply (alike_back s); auto.
Qed.
Lemma vcpu_create_moves F c v k a s : calm s -> moves F s (o_pub (vcpu_create c v k a s)).
Proof.
  intros L. unfold vcpu_create. match goal with |- context [if ?b then done _ _ _ else _] => destruct b eqn:B; [apply moves_done|] end.
  match goal with |- context [if ?b then done _ _ _ else _] => destruct b eqn:D; [apply moves_done|] end.
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply moves_done|] end).
  assert (Hk : 0 <= k < KCORE_VM_VCPUS) by (repeat (apply orb_false_iff in B as [B ?]); lia).
  apply orb_false_iff in D as [_ D]. destruct (is (v_type (vm s v)) KCORE_VM_PROTECTED) eqn:T.
  - cbn [andb] in D. apply negb_false_iff, is_true in D. destruct (pool_alloc v s) as [u|] eqn:E; [|apply moves_done].
    assert (A : alike s u) by (apply (mild_alike v []), (mild_alloc v [] v s u E)). apply moves_finish. right. exists v.
    eapply turns_alike; [|apply (mild_alike 0 []), mild_cnt]. eapply alike_turns; [exact A|]. apply made_turns; auto using vm_of_index.
    + apply (moves_calm (fun _ => False) s); [left|]; auto.
    + intros _. destruct (a_vm _ _ A v) as [-> _]. auto.
  - apply is_false in T. apply moves_finish. right. exists v. eapply turns_alike; [|apply (mild_alike 0 []), mild_cnt].
    apply made_turns; auto using vm_of_index. intros X. contradiction.
Qed.
Lemma vcpu_destroy_moves F c w s : moves F s (o_pub (vcpu_destroy c w s)).
Proof.
  unfold vcpu_destroy. repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply moves_done|] end).
  apply moves_finish. left. split.
  - intros u. destruct (is _ KCORE_VM_PROTECTED); fields; unfold upd; rewrite ?Z.eqb_refl; destruct (Z.eqb_spec u (vm_of w)) as [->|]; auto.
  - intros x. destruct (is _ KCORE_VM_PROTECTED); fields; unfold upd; destruct (Z.eqb_spec x w) as [->|]; repeat split; auto.
  - intros d. destruct (is _ KCORE_VM_PROTECTED); split; auto.
Qed.
Lemma load_moves F c w s : u_run (cpu s c) = false -> moves F s (o_pub (vcpu_load c w s)).
Proof.
  intros U. unfold vcpu_load. destruct (vcpu_exists s w) eqn:X; cbn [negb]; [|apply moves_done]. apply vcpu_exists_true in X.
  repeat (match goal with |- context [if ?b then done _ _ _ else _] => destruct b; [apply moves_done|] end). apply moves_finish. left. split.
  - intros u. fields. unfold upd. destruct (Z.eqb_spec u (vm_of w)) as [->|]; auto.
  - intros x. fields. unfold upd. destruct (Z.eqb_spec x w) as [->|]; repeat split; auto.
  - intros d. fields. unfold same_cpu, upd. destruct (Z.eqb_spec d c) as [->|]; fields; [rewrite U; discriminate|auto].
Qed.
Lemma release_alike c s : alike s (fp_release c s).
Proof.
  split; [auto|intros w; repeat split; auto|]. intros d. unfold fp_release, same_cpu. fields. unfold upd. destruct (Z.eqb_spec d c) as [->|]; fields; auto.
Qed.
Lemma put_moves F c s : inv s -> u_run (cpu s c) = false -> moves F s (o_pub (vcpu_put c s)).
Proof.
  intros I U. unfold vcpu_put. destruct (is (u_vcpu (cpu s c)) NO_VCPU) eqn:N; [apply moves_done|]. apply is_false in N.
  pose proof (loaded_vcpu s c I N) as X. apply moves_finish. left. apply (alike_trans _ (fp_release c s)); [apply release_alike|]. split.
  - intros u. fields. unfold upd. destruct (Z.eqb_spec u (vm_of (u_vcpu (cpu s c)))) as [->|]; auto.
  - intros x. unfold same_vcpu. fields. unfold upd. destruct (Z.eqb_spec x (u_vcpu (cpu s c))) as [->|]; repeat split; auto.
  - intros d. unfold fp_release, same_cpu. fields. unfold upd. destruct (Z.eqb_spec d c) as [->|]; rewrite ?Z.eqb_refl; fields; [rewrite U; discriminate|auto].
Qed.

Theorem hcall_moves c r s : sound -> inv s -> calm s -> u_run (cpu s c) = false -> moves (frees r) s (o_pub (hcall c r s)).
Proof.
  intros B I L U. destruct r; cbn [hcall]; try apply moves_done;
    auto using load_moves, put_moves, create_moves, finalise_moves, start_moves, begin_moves, end_moves, vcpu_create_moves, vcpu_destroy_moves.
  - unfold destroy_step. destruct (negb _); [apply moves_done|]. left. apply (mild_alike 0 []), mild_proceed.
  - destruct (_ || _) eqn:Z0; [apply moves_done|]. left. eapply mild_alike, (donate_take_mildly c v); [exact B|]. intros ->. cbn in Z0. discriminate.
  - destruct (_ || _); [apply moves_done|]. left. apply (mild_alike 0 []), mild_proceed.
  - destruct (range_bad _ _ _); [apply moves_done|]. left. apply (mild_alike 0 []), mild_proceed.
  - destruct (range_bad _ _ _); [apply moves_done|]. left. apply (mild_alike 0 []), mild_proceed.
  - unfold log_read. destruct (_ <=? seq); [apply moves_done|]. destruct (if _ <=? _ then _ else _) as [[[? ?] ?]|]; [|apply moves_done].
    apply moves_finish. left. apply alike_refl.
  - unfold vmcr_read. destruct (_ || _); [apply moves_done|]. left. cbn [o_pub]. eapply alike_trans; [|apply (mild_alike 0 []), mild_stat].
    apply (mild_alike 0 []), mild_call.
  - destruct (bad_page a); [apply moves_done|]. unfold vm_measure. destruct (negb _); [apply moves_done|]. destruct (lf s v _); apply moves_done.
  - apply moves_finish. left. apply alike_refl.
Qed.

(* ------------------------------------------------------------------ runs and exits *)

(* Records of vCPUs change of a VM that doesn't wait, and doesn't after. *)
Lemma guest_turns u F s t : inv s -> v_state (vm s u) = VM_READY -> waits s u = false -> waits t u = false -> vm t = vm s ->
  (forall w, vm_of w <> u -> vcpu t w = vcpu s w) ->
  (forall c, u_run (cpu t c) = true -> vm_of (u_vcpu (cpu t c)) = u \/ u_run (cpu s c) = true /\ u_vcpu (cpu t c) = u_vcpu (cpu s c)) ->
  turns u F s t.
Proof.
  intros I S N N' V C R. split; auto.
  - intros v _. rewrite V. auto.
  - intros w W. rewrite C by exact W. repeat split; auto.
  - intros w _ _ X. rewrite V, S in X. discriminate.
  - intros w _ X. rewrite N' in X. discriminate.
  - intros [X|X]; [rewrite N in X|rewrite S in X]; discriminate.
Qed.

Lemma run_moves F c w flags s : inv s -> calm s -> moves F s (snd (fst (vcpu_run c w flags s))).
Proof.
  intros I L. unfold vcpu_run. destruct (_ || _) eqn:Rg; cbn [fst snd]; [left; apply alike_refl|].
  destruct (Z.eqb_spec (u_vcpu (cpu s c)) w) as [E|E]; cbn [negb fst snd]; [|left; apply alike_refl].
  destruct (Z.eqb_spec (run_check w flags s) 0) as [Ck|Ck]; cbn [negb fst snd]; [|left; apply alike_refl].
  assert (N : u_vcpu (cpu s c) <> NO_VCPU).
  { rewrite E. intros ->. apply orb_false_iff in Rg as [_ Rg]. discriminate. }
  destruct (loaded_ready c s I N) as [_ S]. pose proof (loaded_vcpu s c I N) as Ex. rewrite E in S, Ex.
  destruct (protected s (vm_of w)) eqn:Pr.
  - assert (Nw : waits s (vm_of w) = false).
    { destruct (waits s (vm_of w)) eqn:X; [|reflexivity]. exfalso. pose proof (l_wait _ L w X Ex) as Of. unfold run_check in Ck. rewrite Pr, Of in Ck.
      discriminate. }
    right. exists (vm_of w). apply guest_turns; auto.
    + match goal with |- waits ?t ?v = false => destruct (waits t v) eqn:X; [|reflexivity] end. apply waits_spec in X as (X1 & X2 & X3). exfalso.
      assert (Y : waits s (vm_of w) = true); [|congruence]. apply waits_spec. split; [exact X1|]. split; [exact X2|]. revert X3. fields. unfold upd.
      destruct (Z.eqb_spec (vm_of w * KCORE_VM_VCPUS) w); [discriminate|auto].
    + intros x X. fields. unfold upd. destruct (Z.eqb_spec x w) as [->|]; [contradiction|reflexivity].
    + intros d. fields. unfold upd. destruct (Z.eqb_spec d c) as [->|]; fields; [rewrite E; auto|auto].
  - assert (Nw : waits s (vm_of w) = false).
    { destruct (waits s (vm_of w)) eqn:X; [|reflexivity]. apply waits_spec in X as (X1 & X2 & _). unfold protected in Pr. rewrite X1, X2 in Pr.
      discriminate. }
    right. exists (vm_of w). apply guest_turns; auto. intros d. fields. unfold upd. destruct (Z.eqb_spec d c) as [->|]; fields; [rewrite E; auto|auto].
Qed.

(* What an exit tells the host is never that the VM waits, and powers of its own VM's vCPUs alone change. *)
Definition fair (w : Z) (rel : release) : Prop :=
  r_pending rel <> PENDING_START /\ match r_power rel with Some (x, _) => vm_of x = vm_of w | None => True end.
Lemma filter_fair w base end_ esr far hpfar R : fair w (exit_filter base end_ esr far hpfar R).
Proof.
  unfold exit_filter. cbv zeta.
  repeat match goal with |- context [if ?b then _ else _] => destruct b end; split; cbn [r_pending r_power]; auto; discriminate.
Qed.
Lemma hvc_fair s w R rel x0 kept : guest_hvc w (sibling s w) R = HvcTell rel x0 kept -> fair w rel.
Proof.
  unfold guest_hvc. cbv zeta. destruct (_ =? PSCI_CPU_ON).
  - destruct (sibling s w _) as [[x p]|] eqn:E; [|discriminate]. destruct (negb (_ =? 0)); [discriminate|]. destruct (negb (_ =? _)); [discriminate|].
    intros [= <- _ _]. split; cbn [hvc_release r_pending r_power]; [discriminate|]. unfold sibling in E. cbv zeta in E.
    destruct (KCORE_VM_VCPUS <=? _) eqn:K; [discriminate|]. destruct (c_state _ =? _); [discriminate|]. injection E as <- _. apply vm_of_index.
    apply Z.leb_gt in K. split; [apply Z.land_nonneg; right; lia|exact K].
  - destruct (_ || _); [|discriminate]. intros [= <- _ _]. split; cbn [hvc_release r_pending r_power]; [discriminate|]. destruct (_ =? _); auto.
Qed.
Lemma deliver_moves F c rel s : inv s -> calm s -> u_run (cpu s c) = true -> fair (u_vcpu (cpu s c)) rel -> moves F s (deliver c rel s).
Proof.
  intros I L U [F1 F2]. pose proof (i_run s I c U) as N. destruct (loaded_ready c s I N) as [_ S]. pose proof (l_run _ L c U) as Nw.
  set (w := u_vcpu (cpu s c)) in *. right. exists (vm_of w).
  eapply turns_alike; [|unfold deliver; apply (mild_alike 0 []), mild_stat]. fold w. apply guest_turns; auto.
  - match goal with |- waits ?t ?v = false => destruct (waits t v) eqn:X; [|reflexivity] end. apply waits_spec in X as (X1 & X2 & X3). exfalso. revert X1 X2 X3.
    assert (Y : v_state (vm s (vm_of w)) = VM_READY -> v_type (vm s (vm_of w)) = KCORE_VM_PROTECTED ->
      c_pending (vcpu s (vm_of w * KCORE_VM_VCPUS)) = PENDING_START -> False).
    { intros Y1 Y2 Y3. assert (Z : waits s (vm_of w) = true) by (apply waits_spec; auto). congruence. }
    destruct (protected s (vm_of w)), (r_power rel) as [[x p]|]; fields; unfold upd; intros X1 X2;
      repeat match goal with |- context [if ?a =? ?b then _ else _] => destruct (Z.eqb_spec a b) end; subst; fields; auto.
  - destruct (protected s (vm_of w)), (r_power rel) as [[x p]|]; reflexivity.
  - intros x X. destruct (protected s (vm_of w)), (r_power rel) as [[y p]|]; fields; unfold upd;
      repeat match goal with |- context [if ?a =? ?b then _ else _] => destruct (Z.eqb_spec a b) end; subst; auto; contradiction.
  - intros d. destruct (protected s (vm_of w)), (r_power rel) as [[y p]|]; fields; unfold upd; destruct (Z.eqb_spec d c) as [->|]; fields;
      try discriminate; auto.
Qed.
Lemma asynchronous_moves F c kind s : inv s -> calm s -> u_run (cpu s c) = true -> moves F s (asynchronous c kind s).
Proof.
  intros I L U. pose proof (i_run s I c U) as N. destruct (loaded_ready c s I N) as [_ S]. pose proof (l_run _ L c U) as Nw.
  set (w := u_vcpu (cpu s c)) in *. right. exists (vm_of w).
  eapply turns_alike; [|unfold asynchronous; apply (mild_alike 0 []), mild_stat]. fold w. apply guest_turns; auto.
  - match goal with |- waits ?t ?v = false => destruct (waits t v) eqn:X; [|reflexivity] end. apply waits_spec in X as (X1 & X2 & X3). exfalso. assert (Y : waits s (vm_of w) = true); [|congruence].
    apply waits_spec. revert X1 X2 X3. destruct (protected s (vm_of w)); fields; unfold upd; intros X1 X2; split; auto; split; auto.
    destruct (Z.eqb_spec (vm_of w * KCORE_VM_VCPUS) w); subst; fields; [discriminate|auto].
  - destruct (protected s (vm_of w)); reflexivity.
  - intros x X. destruct (protected s (vm_of w)); fields; unfold upd; [|reflexivity]. destruct (Z.eqb_spec x w) as [->|]; [contradiction|reflexivity].
  - intros d. destruct (protected s (vm_of w)); fields; unfold upd; destruct (Z.eqb_spec d c) as [->|]; fields; try discriminate; auto.
Qed.

Lemma guest_moves F c op s : sound -> inv (P s) -> calm (P s) -> u_run (cpu (P s) c) = true ->
  moves F (P s) (P (guest_step c (u_vcpu (cpu (P s) c)) op s)).
Proof.
  intros B I L U. set (w := u_vcpu (cpu (P s) c)).
  assert (St : forall k t, alike t (add_stat c k t)) by (intros; apply (mild_alike 0 []), mild_stat).
  assert (Told : forall rel t, P t = P s -> fair w rel -> moves F (P s) (P (leave c rel t))).
  { intros rel t E X. unfold leave. cbn [P]. rewrite E. apply deliver_moves; auto. }
  destruct op; cbn [guest_step].
  - left. apply alike_refl.
  - left. destruct (u_fp _); [apply alike_refl|]. unfold fp_trap. cbn [P]. eapply alike_trans; [|apply St]. eapply alike_trans; [|apply St].
    split; [auto|intros x; repeat split; auto|]. intros d. unfold same_cpu. fields. unfold upd. destruct (Z.eqb_spec d c) as [->|]; fields; auto.
  - left. destruct (reach _ _ _ _); apply alike_refl.
  - left. destruct (reach _ _ _ _); apply alike_refl.
  - left. apply alike_refl.
  - left. destruct (protected _ _); [|apply alike_refl]. cbn [with_pub P]. eapply alike_trans; apply St.
  - destruct (protected _ _); [|left; apply alike_refl]. destruct (guest_hvc w _ _) as [x0|rel x0 kept] eqn:E.
    + left. cbn [with_pub P]. eapply alike_trans; apply St.
    + apply Told; [|apply (hvc_fair _ _ _ _ _ _ E)]. destruct kept as [[[? ?] ?]|]; reflexivity.
  - destruct (protected _ _) eqn:Q; cbn [andb]; [|left; apply alike_refl]. destruct (in_memory _ _ _); [|left; apply alike_refl].
    destruct (mem_call (vm_of w) k i (P s)) as [[[ok t] e]|] eqn:M; [|apply Told; [reflexivity|split; [discriminate|exact Logic.I]]].
    left. cbn [with_pub P write_greg set_greg]. eapply alike_trans; [|apply St]. eapply alike_trans; [|apply St].
    destruct (loaded_ready c (P s) I (i_run _ I c U)) as [V _]. destruct (protected_guarded _ _ Q) as [G _].
    destruct (mem_call_cpu _ _ _ _ _ _ _ B I V G M) as (C & Lf & W & _). split.
    + intros u. specialize (Lf u). unfold life in Lf. split; congruence.
    + intros x. rewrite W. repeat split; auto.
    + intros d R. specialize (C d). unfold place_of_cpu in C. split; congruence.
  - left. destruct (protected _ _); [|apply alike_refl]. destruct (guard_call (vm_of w) i (P s)) as [ok t] eqn:G. cbn [with_pub P write_greg set_greg].
    eapply alike_trans; [|apply St]. eapply alike_trans; [|apply St]. unfold guard_call in G. destruct (give _ _) as [l|]; injection G as <- <-; [|apply alike_refl].
    split; [|intros x; repeat split; auto|intros d; split; auto]. intros v. fields. unfold upd. destruct (Z.eqb_spec v (vm_of w)) as [->|]; auto.
  - left. apply St.
  - assert (Fr : fair w (sync_release s w esr far hpfar)).
    { unfold sync_release. destruct (protected _ _); [|split; [discriminate|exact Logic.I]]. unfold exit_sync, ensure. rewrite B. apply filter_fair. }
    destruct (protected _ _); [|apply Told; auto]. destruct (exits_to_host _ && _); [|left; apply alike_refl]. apply Told; auto.
  - left. destruct (_ && _); apply alike_refl.
Qed.

(* ------------------------------------------------------------------ the theorem *)

Definition lets_go (a : act) (v : Z) : Prop := exists c, a = HCall c (RStart v true) \/ a = HCall c (REnd v).
Theorem step_moves a s t : sound -> sinv s -> calm (P s) -> step a s = Ok t -> moves (lets_go a) (P s) (P t).
Proof.
  unfold sinv. intros B I L. assert (St : forall F c k u, moves F u (add_stat c k u)) by (intros; left; apply (mild_alike 0 []), mild_stat).
  assert (Re : forall F u, moves F u u) by (intros; left; apply alike_refl).
  assert (Ab : forall F c r, moves F (P s) (P (host_note c r s))).
  { intros F c r. unfold host_note. destruct (noted_same c (fst r) (P s)) as (x & y & ->). left. split; [auto|intros w; repeat split; auto|intros d; split; auto]. }
  destruct a; cbn [step].
  - intros [= <-]. destruct (idle _ _); apply Re.
  - intros [= <-]. destruct (idle _ _); [|apply Re]. unfold host_fp. destruct (u_fp _); [|apply Re]. left. apply release_alike.
  - intros [= <-]. destruct (idle _ _); [|apply Re]. destruct (reach _ _ _ _); apply Re.
  - intros [= <-]. destruct (idle _ _); [|apply Re]. destruct (reach _ _ _ _); apply Re.
  - intros [= <-]. destruct (idle _ _); [|apply Re]. unfold host_abort.
    pose proof (host_fault_mild (ipa / PAGE_BYTES) (Z.land esr 0x3c =? 4) (P s)) as M. destruct (host_fault _ _ _) as [[|] u]; cbn [snd] in M;
      [|destruct (cache_maintenance esr)]; cbn [P]; left; (eapply alike_trans; [apply (mild_alike _ _ _ _ M)|]).
    1, 2: apply (mild_alike 0 []), mild_stat.
    split; [auto|intros w; repeat split; auto|intros d; split; auto].
  - intros [= <-]. destruct (idle _ _); [apply Ab|apply Re].
  - intros [= <-]. destruct (idle _ _); [apply Ab|apply Re].
  - destruct (idle (P s) c) eqn:E; [|intros [= <-]; apply Re]. unfold idle in E. apply andb_true_iff in E as [E _]. apply negb_true_iff in E.
    unfold after. destruct (o_ok _); [|discriminate]. intros [= <-]. cbn [P]. destruct (hcall_moves c r (P s) B I L E) as [A|(u & A)]; [left; exact A|].
    right. exists u. destruct A as [A1 A2 A3 A4 A5 A6 A7]. split; auto. intros X. destruct (A7 X) as [Y|Y]; auto. right. exists c.
    destruct Y as [-> | ->]; auto.
  - destruct (negb _); [|intros [= <-]; apply Re]. unfold after. destruct (o_ok _); [|discriminate]. intros [= <-]. cbn [P]. left.
    destruct (hgo_mildly c (P s) B I) as [M _]. apply (mild_alike _ _ _ _ M).
  - intros [= <-]. destruct (idle _ _); [|apply Re]. unfold host_run. pose proof (run_moves (lets_go (HRun c w)) c w (run_flags s w) (P s) I L) as M.
    destruct (vcpu_run _ _ _ _) as [[r t0] e]. cbn [fst snd] in M. destruct (_ && _); exact M.
  - intros [= <-]. destruct (_ && _); apply Re.
  - destruct (u_run (cpu (P s) c)) eqn:U; [|intros [= <-]; apply Re]. destruct (_ =? NO_VCPU); [discriminate|]. intros [= <-]. cbn [P].
    apply asynchronous_moves; auto.
  - intros [= <-]. destruct (_ && _); apply Re.
  - destruct (u_run (cpu (P s) c)) eqn:U; [|intros [= <-]; apply Re]. destruct (_ =? NO_VCPU); [discriminate|]. intros [= <-]. apply guest_moves; auto.
Qed.

Lemma boot_calm : calm boot_pub.
Proof. split; cbn; intros; try discriminate; contradiction. Qed.
Lemma run_calm l : forall s t, sound -> sinv s -> calm (P s) -> run l s = Ok t -> calm (P t).
Proof.
  induction l as [|a l IH]; intros s t B J L; cbn [run]; [intros [= <-]; exact L|]. destruct (step_inv a s B J) as (u & E & K). rewrite E.
  apply IH; auto. apply (moves_calm _ _ _ (step_moves a s u B J L E) L).
Qed.

(* Nothing of it runs. *)
Lemma back_stands s v c : inv s -> calm s -> back s v -> u_run (cpu s c) = true -> vm_of (u_vcpu (cpu s c)) <> v.
Proof.
  intros I L [W|D] U E.
  - pose proof (l_run _ L c U) as N. rewrite E in N. congruence.
  - destruct (loaded_ready c s I (i_run s I c U)) as [_ R]. rewrite E, D in R. discriminate.
Qed.
Theorem waits_for_start v l : forall s t, sound -> sinv s -> calm (P s) -> waits (P s) v = true -> run l s = Ok t ->
  (forall a, In a l -> ~ lets_go a v) -> forall c, u_run (cpu (P t) c) = true -> vm_of (u_vcpu (cpu (P t) c)) <> v.
Proof.
  assert (Go : forall s t, sound -> sinv s -> calm (P s) -> back (P s) v -> run l s = Ok t -> (forall a, In a l -> ~ lets_go a v) ->
    sinv t /\ calm (P t) /\ back (P t) v).
  { induction l as [|a l IH]; intros s t B J L W; cbn [run]; [intros [= <-]; auto|]. destruct (step_inv a s B J) as (u & E & K). rewrite E. intros R N.
    pose proof (step_moves a s u B J L E) as M. apply (IH u t B K (moves_calm _ _ _ M L)); auto.
    - destruct (moves_back _ _ _ v M W) as [X|X]; [exact X|]. exfalso. apply (N a); [left; reflexivity|exact X].
    - intros b X. apply N. right. exact X. }
  intros s t B J L W R N c. destruct (Go s t B J L (or_introl W) R N) as (J' & L' & W'). apply back_stands; auto.
Qed.
End Waits.
