(* SPDX-License-Identifier: GPL-2.0-only *)
(* The host learns nothing but what is released to it. *)
From KCore Require Export top.View.

(* The pending answer that goes with an exit, and what an exit changes in the public bookkeeping. *)
Definition pend_of (x : exit) : pending :=
  match x with
  | XIrq | XFault _ | XCpuOn _ | XCpuOff | XSystem _ => PNone
  | XWfx => PWfx
  | XSgi _ => PSysreg
  | XRead _ _ rt w => PRead rt w
  | XWrite _ _ _ _ => PWrite
  | XAbort _ _ fetch => if fetch then PIabt else PDabt
  end.
Definition exit_pub (v i : Z) (x : exit) (P : public) : public :=
  match x with XCpuOn t => power_to v t On P | XCpuOff => power_to v i Off P | _ => P end.

Ltac cases := repeat match goal with |- context [match ?x with _ => _ end] => destruct x eqn:? end.

Lemma instruction_exits s v i n x p s' :
  instruction v i n s = Exits x p s' ->
  pub s' = exit_pub v i x (pub s) /\ p = pend_of x /\ mem s' = mem s /\
  (forall w j r, w <> v -> regs s' w j r = regs s w j r).
Proof.
  destruct n; cbn [instruction]; unfold outside; cases; intros H; try discriminate; injection H as <- <- <-;
    repeat split; auto.
  intros w0 j0 r0 Hw. cbn. rewrite upd2_cases. destruct (Z.eqb_spec w0 v); [congruence|reflexivity].
Qed.

(* An instruction that goes on, other than on the virtual interrupt state: nothing public. *)
Lemma instruction_goes s v i n s' :
  inv s -> instruction v i n s = Goes s' ->
  (match n with
   | IGic z => pub s' = set_vc v i (mkvc (cexists (vc (pub s) v i)) (cpower (vc (pub s) v i)) (cpend (vc (pub s) v i)) z
                  (cload (vc (pub s) v i)) (crun (vc (pub s) v i)) (cexit (vc (pub s) v i))) (pub s)
   | _ => pub s' = pub s
   end) /\
  (forall pg, owner (pub s) pg <> (if prot (pub s) v then v else 0) -> mem s' pg = mem s pg) /\
  (forall w j r, w <> v -> regs s' w j r = regs s w j r).
Proof.
  intros I. destruct n; cbn [instruction]; unfold outside, set_reg; cases; intros H; try discriminate; injection H as <-;
    (split; [reflexivity|split]); cbn [mem regs on_pub set_mem set_regs]; auto;
    try (intros w0 j0 r0 Hw; rewrite upd2_cases; destruct (Z.eqb_spec w0 v); [congruence|reflexivity]).
  all: intros pg Hp; destruct (lookup_in _ _ _ _ Heqo) as (L1 & L2 & _);
    apply upd_ne; intros ->; apply Hp; rewrite (i_owner _ I _ L1), L2, Heqb0; reflexivity.
Qed.

Lemma same_host_intro s t :
  pub s = pub t -> (forall pg, owner (pub s) pg = 0 -> mem s pg = mem t pg) ->
  (forall v i r, prot (pub s) v = false -> regs s v i r = regs t v i r) -> same PHost s t.
Proof. cbn; auto. Qed.

Section Host.
Variable dram : Z -> bool.
Variable query : Z -> public -> Z.
Notation ok := (ok dram).
Notation step := (step dram query).
Notation event_of := (event_of dram).

(* Local respect: what the host does not notice changes nothing that it can see. *)
Lemma host_respect s a : inv s -> event_of PHost a s = None -> same PHost s (step a s).
Proof.
  intros I. destruct a; cbn [View.event_of]; try discriminate. cbn [Top.step].
  destruct (prot (pub s) v) eqn:Pv; unfold guest_event, guest, is_none.
  - destruct (runs (pub s) v i) as [c|]; [|intros _; apply same_refl].
    destruct (instruction v i n s) as [s'|x p s'] eqn:E; [|discriminate].
    destruct (instruction_goes _ _ _ _ _ I E) as (A & B & C). rewrite Pv in B.
    intros H. assert (A' : pub s' = pub s) by (destruct n; try exact A; discriminate).
    apply same_host_intro; [congruence|..].
    + intros pg Ho. symmetry. apply B. rewrite Ho. intros X. symmetry in X. revert X. apply (i_host _ I), Pv.
    + intros w j r Hw. symmetry. apply C. congruence.
  - destruct (runs (pub s) v i); [discriminate|]. intros _. apply same_refl.
Qed.

(* A guest of the host's own. *)
Lemma host_guest_normal s t v i n :
  inv s -> inv t -> same PHost s t -> prot (pub s) v = false -> same PHost (guest v i n s) (guest v i n t).
Proof.
  intros I J (A & B & C) Pv. unfold guest. rewrite <- A.
  destruct (runs (pub s) v i) as [c|] eqn:R; [|cbn; auto].
  assert (Lk : forall ipa e, lookup (pub s) v ipa = Some e -> owner (pub s) (e_pg e) = 0).
  { intros ipa e L. destruct (lookup_in _ _ _ _ L) as (L1 & L2 & _). rewrite (i_owner _ I _ L1), L2, Pv. reflexivity. }
  assert (Rv : forall j r, regs s v j r = regs t v j r) by auto.
  assert (U : forall j f g, (forall r, f r = g r) -> forall w k r, prot (pub s) w = false ->
    upd2 (regs s) v j f w k r = upd2 (regs t) v j g w k r).
  { intros j f g Hf w k r Hw. rewrite !upd2_cases. destruct ((w =? v) && (k =? j)); auto. }
  assert (V : forall j r z, forall q, upd (regs s v j) r z q = upd (regs t v j) r z q).
  { intros j r z q. unfold upd. destruct (q =? r); auto. }
  assert (Lv : forall x p s' t', pub s' = pub t' -> (forall pg, owner (pub s') pg = 0 -> mem s' pg = mem t' pg) ->
    (forall w k r, prot (pub s') w = false -> regs s' w k r = regs t' w k r) ->
    same PHost (leave v i c x p s') (leave v i c x p t')).
  { intros x p s' t' E1 E2 E3. apply same_host_intro; cbn; [rewrite E1; reflexivity|exact E2|exact E3]. }
  destruct n; cbn [instruction]; unfold outside, set_reg; rewrite <- ?A;
    repeat match goal with
    | |- context [lookup ?P ?a ?b] => destruct (lookup P a b) as [e|] eqn:?
    | |- context [if e_w ?e then _ else _] => destruct (e_w e)
    | |- context [if in_memory ?P ?a ?b then _ else _] => destruct (in_memory P a b)
    | |- context [if cexists ?x && ?y then _ else _] => destruct (cexists x && y)
    end;
    try (apply Lv; cbn; auto; fail);
    try (apply same_host_intro; cbn [pub mem regs set_regs set_mem on_pub]; auto; apply U; intros; apply V).
  - apply same_host_intro; cbn [pub mem regs set_regs set_mem on_pub]; auto. apply U. intros q.
    rewrite (B (e_pg e)) by eauto. apply V.
  - apply same_host_intro; cbn [pub mem regs set_regs set_mem on_pub]; auto. intros pg Hp. unfold upd.
    destruct (pg =? e_pg e); [|auto]. rewrite (B (e_pg e)) by eauto. rewrite Rv. reflexivity.
  - rewrite Rv. apply Lv; auto.
  - rewrite Rv. apply Lv; auto.
  - apply same_host_intro; cbn [pub mem regs set_regs set_mem on_pub]; auto. rewrite <- A; reflexivity.
  - apply Lv; cbn [pub mem regs set_regs set_mem on_pub]; [rewrite <- A; reflexivity|auto|].
    intros w k q Hw. apply U; [|exact Hw]. intros q'. unfold upd. destruct (q' =? 0); [auto|]. destruct (q' =? r_pc); auto.
  - apply Lv; cbn; [rewrite <- A; reflexivity|auto|auto].
Qed.

Lemma upd_ext (f g : Z -> Z) i a q : (forall r, f r = g r) -> upd f i a q = upd g i a q.
Proof. intros H. unfold upd. destruct (q =? i); auto. Qed.

Lemma answer_ext p a f g : (forall r, f r = g r) -> forall q, answer p a f q = answer p a g q.
Proof.
  intros H q. destruct a; cbn [answer]; auto; unfold take_exception.
  - destruct p; rewrite ?H; repeat (apply upd_ext; intros); auto.
    destruct (rt =? 31); repeat (apply upd_ext; intros); auto.
  - rewrite !H; repeat (apply upd_ext; intros); auto.
  - rewrite !H; repeat (apply upd_ext; intros); auto.
  - rewrite !H; repeat (apply upd_ext; intros); auto.
Qed.

Lemma host_reclaim s t pg : same PHost s t -> same PHost (reclaim pg s) (reclaim pg t).
Proof.
  intros (A & B & C). apply same_host_intro; unfold reclaim; fields; [rewrite A; reflexivity| |exact C].
  intros p Hp. unfold upd in *. destruct (p =? pg); auto.
Qed.

(* An update of the public part alone, which makes nobody a normal VM and no page the host's. *)
Lemma host_pub f s t :
  (forall P v, prot (f P) v = false -> prot P v = false) -> (forall P pg, owner (f P) pg = 0 -> owner P pg = 0) ->
  same PHost s t -> same PHost (on_pub f s) (on_pub f t).
Proof.
  intros Hp Ho (A & B & C). apply same_host_intro; cbn [pub mem regs on_pub]; [congruence|eauto|eauto].
Qed.

Lemma host_set_regs v i f g s t :
  (prot (pub s) v = false -> forall r, f r = g r) -> same PHost s t -> same PHost (set_regs v i f s) (set_regs v i g t).
Proof.
  intros H (A & B & C). apply same_host_intro; cbn [pub mem regs set_regs]; auto.
  intros w j r Hw. rewrite !upd2_cases. destruct (Z.eqb_spec w v) as [->|]; [|exact (C w j r Hw)].
  destruct (j =? i); [exact (H Hw r)|exact (C v j r Hw)].
Qed.

Lemma prot_set_vm P v r w : vprot r = prot P v -> prot (set_vm v r P) w = prot P w.
Proof. intros H. unfold prot. fields. unfold upd. destruct (Z.eqb_spec w v); congruence. Qed.

Lemma host_does s t a :
  inv s -> inv t -> same PHost s t -> ok (pub s) a = true -> same PHost (does a s) (does a t).
Proof.
  intros I J S H. destruct a; cbn [does Top.ok] in *; try exact S.
  - (* VmCreate *)
    bools. destruct S as (A & B & C). apply same_host_intro; fields; [rewrite A; reflexivity|exact B|].
    intros w j r Hw. unfold upd in Hw. destruct (Z.eqb_spec w v) as [->|]; [|auto].
    assert (Wf : forall u, inv u -> vstate (vm (pub u) v) = Free -> regs u v j r = 0).
    { intros u Iu Fu. apply (i_wiped _ Iu). destruct (cexists (vc (pub u) v j)) eqn:X; [|reflexivity].
      destruct (i_vcpu _ Iu v j X). congruence. }
    rewrite (Wf s), (Wf t); auto. congruence.
  - apply host_set_regs; [auto|]. apply host_pub; auto.
  - apply host_set_regs; [auto|]. apply host_pub; auto.
  - destruct S as (A & B & C) eqn:X. clear X.
    assert (S1 : same PHost
      (on_pub (fun P => set_vm v (mkvm Ready (vprot (vm P v)) (vgen (vm P v)) base end_ (vloaded (vm P v))) P) s)
      (on_pub (fun P => set_vm v (mkvm Ready (vprot (vm P v)) (vgen (vm P v)) base end_ (vloaded (vm P v))) P) t)).
    { apply host_pub; [|auto|split; auto]. intros P w. rewrite prot_set_vm; auto. }
    cbn zeta. rewrite <- A. destruct (prot (pub s) v); [|exact S1].
    apply host_pub; auto. apply host_set_regs; auto.
  - (* DonateTake *)
    bools. apply host_pub; auto. intros P p. fields. unfold upd. destruct (p =? pg); [|auto].
    match goal with X : donate_ok _ _ _ _ _ = true |- _ => unfold donate_ok in X end. bools.
    intros ->. match goal with X : is_vm 0 = true |- _ => discriminate X end.
  - apply host_pub; auto.
  - apply host_pub; auto.
  - apply host_pub; auto.
  - apply host_pub; auto. intros P w. unfold vm_to. rewrite prot_set_vm; auto.
  - (* DestroyStep *)
    pose proof S as (A & _). rewrite <- A. destruct (lookup (pub s) v ipa) as [e|]; [|exact S].
    assert (S1 : same PHost (on_pub (fun P => set_tr (filter (fun e => negb (here v ipa e)) (tr P)) P) s)
      (on_pub (fun P => set_tr (filter (fun e => negb (here v ipa e)) (tr P)) P) t)) by (apply host_pub; auto).
    destruct (prot (pub s) v); [apply host_reclaim|]; exact S1.
  - apply host_pub; auto. intros P w. unfold vm_to. rewrite prot_set_vm; auto.
  - apply host_pub; auto. intros P w. unfold loaded_to. cbn zeta. rewrite prot_set_vm; auto.
  - apply host_pub; auto. intros P w. unfold loaded_to. cbn zeta. rewrite prot_set_vm; auto.
  - (* Run *)
    pose proof S as (A & B & C). rewrite <- A. cbn zeta.
    apply host_pub; auto. apply host_set_regs; [|exact S]. intros Hv r. apply answer_ext. auto.
Qed.

Lemma host_call s t a : inv s -> inv t -> same PHost s t -> same PHost (call dram a s) (call dram a t).
Proof.
  intros I J S. pose proof S as (A & _). unfold call. rewrite <- A.
  destruct (hosted (pub s) (cpu_of a)); [|exact S].
  destruct (ok (pub s) a) eqn:O; apply host_pub; auto. apply host_does; auto.
Qed.

Lemma host_donate_map s t c : same PHost s t -> same PHost (donate_map c s) (donate_map c t).
Proof.
  intros S. pose proof S as (A & _). unfold donate_map. rewrite <- A.
  destruct (in_transit (pub s) c) as [x|]; [|exact S].
  assert (S1 : same PHost
    (on_pub (fun P => set_transit (filter (fun t => negb (fst t =? c)) (transit P)) P) s)
    (on_pub (fun P => set_transit (filter (fun t => negb (fst t =? c)) (transit P)) P) t)) by (apply host_pub; auto).
  cbn zeta. destruct (mappable (pub s) (snd x)); [apply host_pub; auto|apply host_reclaim; auto].
Qed.

Lemma host_own s t a :
  inv s -> inv t -> same PHost s t -> (forall v i n, a <> Guest v i n) -> same PHost (step a s) (step a t).
Proof.
  intros I J S N. pose proof S as (A & B & C).
  assert (M : forall pg l l', l = l' -> same PHost (set_mem pg l s) (set_mem pg l' t)).
  { intros pg l l' <-. apply same_host_intro; cbn [pub mem regs set_mem]; auto.
    intros p Hp. unfold upd. destruct (p =? pg); auto. }
  destruct a; cbn [Top.step]; try (apply host_call; auto; fail); rewrite <- ?A.
  - exfalso. eapply N; reflexivity.
  - destruct (hosted (pub s) c); [apply host_pub; auto|exact S].
  - destruct (hosted (pub s) c && (owner (pub s) pg =? 0)) eqn:G; [|exact S]. bools.
    rewrite (B pg) by assumption. apply host_pub; auto.
  - destruct (hosted (pub s) c && (owner (pub s) pg =? 0)) eqn:G; [|exact S]. bools.
    apply M. rewrite (B pg) by assumption. reflexivity.
  - apply host_pub; auto.
  - destruct (owner (pub s) pg =? 0) eqn:G; [|exact S]. bools. rewrite (B pg) by assumption. apply host_pub; auto.
  - destruct (owner (pub s) pg =? 0) eqn:G; [|exact S]. bools. apply M. rewrite (B pg) by assumption. reflexivity.
  - destruct (runs (pub s) v i); [|exact S]. unfold leave. apply host_pub; auto.
  - cbn zeta. destruct (cexists (vc (pub s) v i)); [|exact S]. apply host_pub; auto.
  - destruct (hosted (pub s) c); [apply host_pub; auto|exact S].
  - apply host_donate_map; auto.
Qed.

Lemma guest_event_inv v i n s e : guest_event v i n s = Some e ->
  exists c, runs (pub s) v i = Some c /\
    ((exists x p s', e = EExit v i x /\ instruction v i n s = Exits x p s') \/
     (exists z, e = EGic v i z /\ n = IGic z)).
Proof.
  unfold guest_event. destruct (runs (pub s) v i) as [c|]; [|discriminate].
  destruct (instruction v i n s) as [s'|x p s'] eqn:E.
  - destruct n; try discriminate. intros [= <-]. eauto 10.
  - intros [= <-]. exists c. split; [auto|]. left. eauto 10.
Qed.

(* A protected guest exits, or changes its interrupt state: the host sees the same in both. *)
Lemma host_guest_event s t v i n n' e :
  same PHost s t -> prot (pub s) v = true -> guest_event v i n s = Some e -> guest_event v i n' t = Some e ->
  same PHost (guest v i n s) (guest v i n' t).
Proof.
  intros (A & B & C) Pv E1 E2.
  destruct (guest_event_inv _ _ _ _ _ E1) as (c & R & X1). destruct (guest_event_inv _ _ _ _ _ E2) as (c' & R' & X2).
  rewrite <- A in R'. rewrite R in R'. injection R' as <-. unfold guest. rewrite <- A, R.
  destruct X1 as [(x & p & s' & -> & I1)|(z & -> & ->)].
  - destruct X2 as [(x2 & p2 & t' & [= <-] & I2)|(z & [=] & _)]. rewrite I1, I2.
    destruct (instruction_exits _ _ _ _ _ _ _ I1) as (P1 & -> & M1 & G1).
    destruct (instruction_exits _ _ _ _ _ _ _ I2) as (P2 & -> & M2 & G2).
    assert (Pp : pub s' = pub t') by congruence.
    apply same_host_intro; unfold leave; fields; [rewrite Pp; reflexivity|..].
    + intros pg Ho. rewrite M1, M2. apply B. rewrite <- Ho, P1. destruct x; reflexivity.
    + intros w j r Hw. assert (Hw' : vprot (vm (pub s) w) = false) by (rewrite <- Hw, P1; destruct x; reflexivity).
      rewrite G1, G2; auto; congruence.
  - destruct X2 as [(x2 & p2 & t' & [=] & _)|(z2 & [= <-] & ->)]. cbn [instruction].
    rewrite <- A. apply host_pub; auto. split; auto.
Qed.

(* Step consistency. *)
Lemma host_consistent s t a b e :
  inv s -> inv t -> same PHost s t -> event_of PHost a s = Some e -> event_of PHost b t = Some e ->
  same PHost (step a s) (step b t).
Proof.
  intros I J S E1 E2. pose proof S as (A & _).
  assert (Own : forall x u, event_of PHost x u = Some e -> e = EOwn x \/
    (exists v i n, x = Guest v i n /\ prot (pub u) v = true /\ guest_event v i n u = Some e)).
  { intros x u. destruct x; cbn [View.event_of]; try (intros [= <-]; auto; fail).
    destruct (prot (pub u) v) eqn:Pv; [intros; right; eauto 10|].
    destruct (is_none _); [discriminate|]. intros [= <-]; auto. }
  destruct (Own a s E1) as [->|(v & i & n & -> & Pv & G1)].
  - destruct (Own b t E2) as [[= <-]|(v & i & n & -> & Pv & G2)].
    + destruct a; try (apply host_own; auto; discriminate).
      cbn [View.event_of] in E1. destruct (prot (pub s) v) eqn:Pv.
      * exfalso. destruct (guest_event_inv _ _ _ _ _ E1) as (c & _ & [(x & p & s' & [=] & _)|(z & [=] & _)]).
      * cbn [Top.step]. apply host_guest_normal; auto.
    + exfalso. destruct (guest_event_inv _ _ _ _ _ G2) as (c & _ & [(x & p & s' & [=] & _)|(z & [=] & _)]).
  - destruct (Own b t E2) as [->|(w & j & m & -> & Pw & G2)].
    + exfalso. destruct (guest_event_inv _ _ _ _ _ G1) as (c & _ & [(x & p & s' & [=] & _)|(z & [=] & _)]).
    + assert (w = v /\ j = i) as [-> ->].
      { destruct (guest_event_inv _ _ _ _ _ G1) as (c & _ & [(x & p & s' & -> & _)|(z & -> & _)]);
        destruct (guest_event_inv _ _ _ _ _ G2) as (c' & _ & [(x' & p' & s'' & [=] & _)|(z' & [=] & _)]); auto. }
      cbn [Top.step]. apply (host_guest_event s t v i n m e); auto.
Qed.
End Host.
