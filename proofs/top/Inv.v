(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The ownership invariant.  It speaks of bookkeeping only.  Counts are upper bounds of what they count, which is what the
 * core's checks for zero rely on.
 *)
From KCore Require Export top.Machine.

(* ------------------------------------------------------------------ counts *)

(* n is at least the number of things with property U. *)
Definition covers {A} (U : A -> Prop) (n : Z) : Prop :=
  exists l, NoDup l /\ (forall x, U x -> In x l) /\ Z.of_nat (length l) <= n.

Lemma covers_mono {A} (U V : A -> Prop) n m : covers U n -> (forall x, V x -> U x) -> n <= m -> covers V m.
Proof. intros (l & L & I & E) S M. exists l. repeat split; auto. lia. Qed.
Lemma covers_zero {A} (U : A -> Prop) n x : covers U n -> n <= 0 -> U x -> False.
Proof. intros (l & _ & I & E) N H. destruct l; [apply (I x H)|cbn in E; lia]. Qed.
Lemma covers_pos {A} (U : A -> Prop) n x : covers U n -> U x -> 1 <= n.
Proof. intros C H. destruct (Z_le_gt_dec n 0); [exfalso; eapply covers_zero; eauto|lia]. Qed.
Lemma covers_empty {A} (U : A -> Prop) n : (forall x, ~ U x) -> 0 <= n -> covers U n.
Proof. intros N H. exists []. repeat split; [constructor|intros x X; destruct (N x X)|cbn; lia]. Qed.

Section Decidable.
  Context {A : Type} (dec : forall x y : A, {x = y} + {x <> y}).
  Lemma covers_add (U V : A -> Prop) n a :
    covers U n -> (forall x, V x -> U x \/ x = a) -> covers V (n + 1).
  Proof.
    intros (l & L & I & E) S. destruct (in_dec dec a l) as [Y|N].
    - exists l. repeat split; auto; [|lia]. intros x X. destruct (S x X) as [?| ->]; auto.
    - exists (a :: l). repeat split; [constructor; auto| |cbn [length]; lia].
      intros x X. destruct (S x X) as [?| ->]; [right|left]; auto.
  Qed.
  Lemma remove_length (a : A) l : NoDup l -> In a l -> S (length (remove dec a l)) = length l.
  Proof.
    induction 1 as [|b l N L IH]; [easy|]. cbn. destruct (dec a b) as [<-|D]; intros [E|E]; try congruence; auto.
    all: rewrite ?notin_remove by auto; cbn; auto.
  Qed.
  Lemma remove_NoDup (a : A) l : NoDup l -> NoDup (remove dec a l).
  Proof.
    induction 1 as [|b l N L IH]; cbn; [constructor|]. destruct (dec a b); auto. constructor; auto.
    intros I; apply N. now apply in_remove in I.
  Qed.
  Lemma covers_sub (U V : A -> Prop) n a :
    covers U n -> U a -> (forall x, V x -> U x /\ x <> a) -> covers V (n - 1).
  Proof.
    intros (l & L & I & E) Ua S. exists (remove dec a l). repeat split; [apply remove_NoDup; auto| |].
    - intros x X. destruct (S x X). apply in_in_remove; auto.
    - pose proof (remove_length a l L (I a Ua)). lia.
  Qed.
End Decidable.

(* Who uses a page of the host's in a way that keeps it from being given away; what a VM has. *)
Inductive user := UVcpu (w : Z) | ULeaf (v : Z) (x : place).
Inductive asset := APage (p : Z) | ALeaf (x : place).
Definition place_dec (x y : place) : {x = y} + {x <> y}.
Proof. decide equality; apply Z.eq_dec. Defined.
Definition user_dec (x y : user) : {x = y} + {x <> y}.
Proof. decide equality; try apply Z.eq_dec; apply place_dec. Defined.
Definition asset_dec (x y : asset) : {x = y} + {x <> y}.
Proof. decide equality; try apply Z.eq_dec; apply place_dec. Defined.

Section Inv.
Context {cfg : config}.

Definition covered (p : Z) (l : leaf) (x : place) : Prop := l_page l <= p < l_page l + pages_of x.
Definition guarded (s : pub) (v : Z) : Prop := v_type (vm s v) = KCORE_VM_PROTECTED.
Definition is_vm (v : Z) : Prop := 1 <= v < KCORE_NR_VMS.

Definition uses (s : pub) (p : Z) (u : user) : Prop :=
  match u with
  | UVcpu w => c_state (vcpu s w) <> VCPU_FREE /\ c_page (vcpu s w) = p
  | ULeaf v x => is_vm v /\ (guarded s v -> owner s p <> v) /\ dram p = true /\ exists l, lf s v x = Some l /\ covered p l x
  end.
Definition has (s : pub) (v : Z) (a : asset) : Prop :=
  match a with
  | APage p => guarded s v /\ owner s p = v
  | ALeaf x => match lf s v x with Some l => guarded s v -> owner s (l_page l) <> v | None => False end
  end.
Definition vcpu_of (s : pub) (v w : Z) : Prop := vm_of w = v /\ c_state (vcpu s w) <> VCPU_FREE.
Definition loaded_of (s : pub) (v w : Z) : Prop := vm_of w = v /\ c_state (vcpu s w) = VCPU_LOADED.

(* Leaves hang on tables. *)
Record tables (s : pub) : Prop := {
  t_page : forall v i l, lf s v (Page i) = Some l -> s1 s v (i / 262144) = true /\ tab s v (i / 512) = true;
  t_block : forall v b l, lf s v (Block b) = Some l -> s1 s v (b / 512) = true /\ tab s v b = false;
  t_table : forall v b, tab s v b = true -> s1 s v (b / 512) = true
}.

Record inv (s : pub) : Prop := {
  (* the host maps its own, each page at its own address *)
  i_host : forall x l, lf s HOST x = Some l ->
    l_page l = first_of x /\ forall p, covered p l x -> host_ok s p = true;
  i_vm : forall v, v_state (vm s v) <> VM_FREE -> is_vm v;
  i_free : forall v x, v <> HOST -> v_state (vm s v) = VM_FREE -> lf s v x = None;
  (* a protected VM maps its own and what it shares with the host, each page once *)
  i_guarded : forall v x l, v <> HOST -> guarded s v -> lf s v x = Some l ->
    (exists i, x = Page i) /\ dram (l_page l) = true /\
    (owner s (l_page l) = v \/ owner s (l_page l) = OWNER_HOST);
  i_once : forall v x y l m, v <> HOST -> guarded s v -> lf s v x = Some l -> lf s v y = Some m ->
    l_page l = l_page m -> x = y;
  (* a normal VM maps the host's *)
  i_normal : forall v x l, v <> HOST -> ~ guarded s v -> lf s v x = Some l ->
    forall p, covered p l x -> host_ok s p = true /\ dram p = dram (l_page l);
  i_owner : forall p, owner s p <> OWNER_HOST -> owner s p <> OWNER_CORE ->
    is_vm (owner s p) /\ guarded s (owner s p) /\
    (v_state (vm s (owner s p)) = VM_READY \/ v_state (vm s (owner s p)) = VM_DYING);
  i_maps : forall p, covers (uses s p) (maps s p);
  i_pages : forall v, is_vm v -> covers (has s v) (v_pages (vm s v));
  i_vcpus : forall v, covers (vcpu_of s v) (v_vcpus (vm s v));
  i_loads : forall v, covers (loaded_of s v) (v_loaded (vm s v));
  i_vcpu : forall w, c_state (vcpu s w) <> VCPU_FREE ->
    v_state (vm s (vm_of w)) <> VM_FREE /\ dram (c_page (vcpu s w)) = true /\
    owner s (c_page (vcpu s w)) = OWNER_HOST;
  i_loaded : forall w, c_state (vcpu s w) = VCPU_LOADED ->
    v_state (vm s (vm_of w)) = VM_READY /\ u_vcpu (cpu s (c_cpu (vcpu s w))) = w;
  i_cpu : forall c, u_vcpu (cpu s c) <> NO_VCPU ->
    c_state (vcpu s (u_vcpu (cpu s c))) = VCPU_LOADED /\ c_cpu (vcpu s (u_vcpu (cpu s c))) = c;
  i_run : forall c, u_run (cpu s c) = true -> u_vcpu (cpu s c) <> NO_VCPU;
  i_fp : forall c, u_fp (cpu s c) = true -> u_vcpu (cpu s c) <> NO_VCPU;
  (* between the two sections of a donation the page is the VM's and mapped nowhere *)
  i_flight : forall c v i p, u_call (cpu s c) = CDonate v i p ->
    is_vm v /\ dram p = true /\ owner s p = v /\ forall x l, lf s v x = Some l -> l_page l <> p;
  i_flights : forall c d v w i j p, u_call (cpu s c) = CDonate v i p -> u_call (cpu s d) = CDonate w j p -> c = d;
  i_tables : tables s
}.

(* ------------------------------------------------------------------ consequences *)

Lemma place_eqb_spec x y : Bool.reflect (x = y) (place_eqb x y).
Proof.
  destruct x, y; cbn; try (constructor; congruence).
  all: match goal with |- context [?a =? ?b] => destruct (Z.eqb_spec a b) end; constructor; congruence.
Qed.
Lemma set_leaf_lf v x l s w y :
  lf (set_leaf v x l s) w y = if (w =? v) && place_eqb y x then l else lf s w y.
Proof. reflexivity. Qed.

Lemma host_is_free s : inv s -> v_state (vm s HOST) = VM_FREE.
Proof.
  intros I. destruct (Z.eq_dec (v_state (vm s HOST)) VM_FREE) as [E|N]; auto.
  destruct (i_vm s I _ N) as [A _]. unfold HOST in A. lia.
Qed.
Lemma out_is_free s v : inv s -> ~ is_vm v -> v_state (vm s v) = VM_FREE.
Proof. intros I N. destruct (Z.eq_dec (v_state (vm s v)) VM_FREE) as [E|M]; auto. destruct (N (i_vm s I _ M)). Qed.
Lemma no_vcpu_free s : inv s -> c_state (vcpu s NO_VCPU) = VCPU_FREE.
Proof.
  intros I. destruct (Z.eq_dec (c_state (vcpu s NO_VCPU)) VCPU_FREE) as [E|N]; auto.
  destruct (i_vcpu s I _ N) as [A _]. destruct (i_vm s I _ A) as [_ B]. vm_compute in B. discriminate.
Qed.
Lemma vcpu_is_vcpu s w : inv s -> c_state (vcpu s w) <> VCPU_FREE -> is_vm (vm_of w) /\ w <> NO_VCPU.
Proof.
  intros I N. split.
  - apply (i_vm s I). apply (i_vcpu s I _ N).
  - intros ->. apply N, no_vcpu_free; auto.
Qed.
Lemma used_is_host s p u : inv s -> dram p = true -> uses s p u -> owner s p = OWNER_HOST.
Proof.
  intros I D. destruct u as [w|v x]; cbn.
  - intros [N <-]. apply (i_vcpu s I _ N).
  - intros (V & N & _ & l & L & C). assert (NH : v <> HOST) by (unfold is_vm in V; unfold HOST; lia).
    destruct (Z.eq_dec (v_type (vm s v)) KCORE_VM_PROTECTED) as [G|G].
    + destruct (i_guarded s I v x l NH G L) as ((j & ->) & _ & O). unfold covered in C. cbn in C. replace p with (l_page l) in * by lia.
      destruct O; auto. destruct (N G); auto.
    + destruct (i_normal s I v x l) with (p := p) as [H _]; auto. unfold host_ok in H. rewrite D in H. now apply Z.eqb_eq.
Qed.
Lemma unmapped_unused s p u : inv s -> maps s p = 0 -> ~ uses s p u.
Proof. intros I E U. eapply (covers_zero _ _ u (i_maps s I p)); auto. lia. Qed.

Lemma range_in lo n k : In k (range lo n) <-> lo <= k < lo + Z.of_nat n.
Proof.
  unfold range. rewrite in_map_iff. split.
  - intros (j & <- & J). apply in_seq in J. lia.
  - intros H. exists (Z.to_nat (k - lo)). split; [lia|]. apply in_seq. lia.
Qed.
Lemma forall_range f lo n : forallb f (range lo n) = true -> forall k, lo <= k < lo + Z.of_nat n -> f k = true.
Proof. intros H k K. rewrite forallb_forall in H. apply H, range_in, K. Qed.
Lemma exists_range f lo n : forallb f (range lo n) = false -> exists k, lo <= k < lo + Z.of_nat n /\ f k = false.
Proof.
  intros H. destruct (existsb (fun k => negb (f k)) (range lo n)) eqn:E.
  - apply existsb_exists in E as (k & K & F). exists k. rewrite range_in in K. now apply negb_true_iff in F.
  - exfalso. assert (A : forallb f (range lo n) = true).
    { apply forallb_forall. intros k K. destruct (f k) eqn:F; auto.
      assert (X : existsb (fun k => negb (f k)) (range lo n) = true); [|congruence].
      apply existsb_exists. exists k. rewrite F. auto. }
    congruence.
Qed.

(* What an IPA translates to is a page of a leaf. *)
Lemma walk_leaf s v i p r : walk s v i = Some (p, r) ->
  exists x l, lf s v x = Some l /\ covered p l x /\ l_prot l = r /\ (x = Page i \/ x = Block (i / 512)).
Proof.
  unfold walk, covered. destruct (lf s v (Block (i / 512))) as [l|] eqn:E.
  - intros [= <- <-]. exists (Block (i / 512)), l. cbn. repeat split; auto; pose proof (Z.mod_pos_bound i 512); lia.
  - destruct (lf s v (Page i)) as [l|] eqn:F; [|discriminate]. intros [= <- <-].
    exists (Page i), l. cbn. repeat split; auto; lia.
Qed.
Lemma walk_host s i p r : inv s -> walk s HOST i = Some (p, r) -> host_ok s p = true.
Proof. intros I W. apply walk_leaf in W as (x & l & L & C & _). now apply (i_host s I x l). Qed.
Lemma walk_normal s v i p r : inv s -> v <> HOST -> ~ guarded s v -> walk s v i = Some (p, r) -> host_ok s p = true.
Proof. intros I N G W. apply walk_leaf in W as (x & l & L & C & _). now apply (i_normal s I v x l). Qed.
Lemma walk_guarded s v i p r : inv s -> v <> HOST -> guarded s v -> walk s v i = Some (p, r) ->
  exists l, lf s v (Page i) = Some l /\ l_page l = p /\ l_prot l = r /\ dram p = true /\ (owner s p = v \/ owner s p = OWNER_HOST).
Proof.
  intros I N G W. apply walk_leaf in W as (x & l & L & C & R & X).
  destruct (i_guarded s I v x l N G L) as ((j & ->) & D & O). destruct X as [[= ->]|?]; [|discriminate].
  unfold covered in C. cbn in C. assert (l_page l = p) by lia. subst. eauto 10.
Qed.
Lemma walk_once s v i j p r q : inv s -> v <> HOST -> guarded s v ->
  walk s v i = Some (p, r) -> walk s v j = Some (p, q) -> i = j.
Proof.
  intros I N G W X. destruct (walk_guarded s v i p r) as (l & L & A & _); auto.
  destruct (walk_guarded s v j p q) as (m & M & B & _); auto.
  assert (E : Page i = Page j) by (apply (i_once s I v (Page i) (Page j) l m); auto; congruence). congruence.
Qed.

(* ------------------------------------------------------------------ steps that change little *)

Definition security (r : vmrec) := (v_state r, v_type r, v_vcpus r, v_loaded r, v_pages r).

(* Leaves may go; all else that the invariant speaks of stays. *)
Record shrinks (s t : pub) : Prop := {
  h_owner : owner t = owner s; h_maps : maps t = maps s; h_vcpu : vcpu t = vcpu s; h_cpu : cpu t = cpu s;
  h_vm : forall v, security (vm t v) = security (vm s v);
  h_lf : forall v x, lf t v x = lf s v x \/ lf t v x = None;
  h_tables : tables t
}.

Lemma shrinks_refl s : tables s -> shrinks s s.
Proof. split; auto. Qed.
Lemma shrinks_trans s t u : shrinks s t -> shrinks t u -> shrinks s u.
Proof.
  intros [A B C D E F _] [A' B' C' D' E' F' T']. split; try congruence; auto.
  intros v x. destruct (F' v x) as [->|]; auto.
Qed.

Lemma security_fields r q : security r = security q ->
  v_state r = v_state q /\ v_type r = v_type q /\ v_vcpus r = v_vcpus q /\ v_loaded r = v_loaded q /\ v_pages r = v_pages q.
Proof. unfold security. intros [= -> -> -> -> ->]. auto. Qed.

Theorem inv_shrinks s t : inv s -> shrinks s t -> inv t.
Proof.
  intros I [Eo Em Ew Ec Ev El Et].
  assert (L : forall v x l, lf t v x = Some l -> lf s v x = Some l).
  { intros v x l X. destruct (El v x) as [Y|Y]; congruence. }
  assert (S : forall v, v_state (vm t v) = v_state (vm s v)) by (intros v; apply (security_fields _ _ (Ev v))).
  assert (Y : forall v, v_type (vm t v) = v_type (vm s v)) by (intros v; apply (security_fields _ _ (Ev v))).
  assert (G : forall v, guarded t v <-> guarded s v) by (intros v; unfold guarded; rewrite Y; tauto).
  assert (O : forall p, host_ok t p = host_ok s p) by (intros p; unfold host_ok; rewrite Eo; auto).
  split; rewrite ?Eo, ?Em, ?Ew, ?Ec; intros; try rewrite S in *; try rewrite G in *; auto.
  - destruct (i_host s I x l) as [A B]; auto. split; auto. intros p C. rewrite O. auto.
  - apply (i_vm s I). auto.
  - destruct (lf t v x) eqn:E; auto. apply L in E. rewrite (i_free s I) in E; auto.
  - apply (i_guarded s I); auto.
  - eapply (i_once s I v); eauto.
  - rewrite O. apply (i_normal s I v x l); auto.
  - apply (i_owner s I p); auto.
  - apply (covers_mono (uses s p) _ (maps s p)); [apply (i_maps s I)| |lia]. intros [w|v x]; cbn; rewrite ?Ew; auto.
    rewrite G, Eo. intros (A & B & C & l & D & E). eauto 10.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & _ & _ & ->).
    apply (covers_mono (has s v) _ (v_pages (vm s v))); [apply (i_pages s I); auto| |lia].
    intros [p|x]; cbn; rewrite ?Eo; [rewrite G; auto|]. destruct (El v x) as [->| ->]; [|tauto]. destruct (lf s v x); rewrite ?G; auto.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & -> & _).
    apply (covers_mono (vcpu_of s v) _ (v_vcpus (vm s v))); [apply (i_vcpus s I)| |lia]. intros w; unfold vcpu_of; rewrite Ew; auto.
  - destruct (security_fields _ _ (Ev v)) as (_ & _ & _ & -> & _).
    apply (covers_mono (loaded_of s v) _ (v_loaded (vm s v))); [apply (i_loads s I)| |lia].
    intros w; unfold loaded_of; rewrite Ew; auto.
  - apply (i_vcpu s I); auto.
  - apply (i_loaded s I); auto.
  - apply (i_cpu s I); auto.
  - apply (i_run s I); auto.
  - apply (i_fp s I); auto.
  - destruct (i_flight s I c v i p) as (A & B & C & D); auto. repeat split; eauto; apply A.
  - eapply (i_flights s I); eauto.
Qed.
End Inv.
