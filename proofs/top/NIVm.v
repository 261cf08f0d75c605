(* SPDX-License-Identifier: GPL-2.0-only *)
(* A protected VM notices nothing but what is released to it: local respect. *)
From KCore Require Export top.NIHost.

(* Nothing of VM v changes. *)
Record keeps (v : Z) (s t : state) : Prop := mkkeeps {
  k_prot : vprot (vm (pub t) v) = vprot (vm (pub s) v);
  k_gen : vgen (vm (pub t) v) = vgen (vm (pub s) v);
  k_state : vstate (vm (pub t) v) = vstate (vm (pub s) v);
  k_base : vbase (vm (pub t) v) = vbase (vm (pub s) v);
  k_end : vend (vm (pub t) v) = vend (vm (pub s) v);
  k_look : forall ipa, lookup (pub t) v ipa = lookup (pub s) v ipa;
  k_mem : forall e, In e (tr (pub s)) -> e_vm e = v -> mem t (e_pg e) = mem s (e_pg e);
  k_exists : forall i, cexists (vc (pub t) v i) = cexists (vc (pub s) v i);
  k_power : forall i, cpower (vc (pub t) v i) = cpower (vc (pub s) v i);
  k_irq : forall i, cirq (vc (pub t) v i) = cirq (vc (pub s) v i);
  k_regs : forall i r, regs t v i r = regs s v i r
}.

Lemma keeps_same v g s t : keeps v s t -> same (PVm v g) s t.
Proof.
  intros [A B C D E F G H I J K]. split.
  - unfold live, state_is, prot. rewrite A, B, C. reflexivity.
  - intros _. constructor; auto. intros ipa. unfold content. rewrite F.
    destruct (lookup (pub s) v ipa) as [e|] eqn:L; [|reflexivity].
    destruct (lookup_in _ _ _ _ L) as (L1 & L2 & _). rewrite G by auto. reflexivity.
Qed.

(* Only other fields of the public part. *)
Ltac keep := constructor; fields; auto.

Lemma keeps_refl v s : keeps v s s.
Proof. keep. Qed.

Lemma keeps_hreg v s t c r z : keeps v s t -> keeps v s (on_pub (set_hreg c r z) t).
Proof. intros []. constructor; auto. Qed.

Lemma upd2_other {A} (f : Z -> Z -> A) i j a k l : k <> i -> upd2 f i j a k l = f k l.
Proof. intros H. rewrite upd2_cases. destruct (Z.eqb_spec k i); [congruence|reflexivity]. Qed.

Lemma find_app_none {A} (f : A -> bool) l m : (forall x, In x l -> f x = false) -> List.find f (l ++ m) = List.find f m.
Proof.
  induction l as [|x l IH]; cbn; intros H; [reflexivity|].
  rewrite (H x) by auto. apply IH. auto.
Qed.
Lemma find_filter {A} (f g : A -> bool) l : (forall x, f x = true -> g x = true) -> List.find f (filter g l) = List.find f l.
Proof.
  intros H. induction l as [|x l IH]; cbn; [reflexivity|].
  destruct (g x) eqn:G; cbn; destruct (f x) eqn:F; auto. rewrite H in G by auto. discriminate.
Qed.
Lemma find_map {A} (f : A -> bool) (h : A -> A) l :
  (forall x, f (h x) = f x) -> (forall x, f x = true -> h x = x) -> List.find f (map h l) = List.find f l.
Proof.
  intros H1 H2. induction l as [|x l IH]; cbn; [reflexivity|].
  rewrite H1. destruct (f x) eqn:F; [rewrite H2 by auto; reflexivity|auto].
Qed.

Lemma here_vm v ipa e : here v ipa e = true -> e_vm e = v.
Proof. unfold here. intros H. bools. auto. Qed.
Lemma here_other v ipa e : e_vm e <> v -> here v ipa e = false.
Proof. intros H. unfold here. destruct (Z.eqb_spec (e_vm e) v); [congruence|reflexivity]. Qed.

Section Vm.
Variable dram : Z -> bool.
Variable query : Z -> public -> Z.
Notation ok := (ok dram).
Notation step := (step dram query).
Notation vm_event := (vm_event dram).
Notation call_event := (call_event dram).

(* ---- what a handle stands for changes only when a VM is created ---- *)

Definition tagged (v : Z) (s t : state) : Prop :=
  vprot (vm (pub t) v) = vprot (vm (pub s) v) /\ vgen (vm (pub t) v) = vgen (vm (pub s) v) /\
  (vstate (vm (pub s) v) = Free -> vstate (vm (pub t) v) = Free).

Lemma tagged_vm v s t : (forall w, vm (pub t) w = vm (pub s) w) -> tagged v s t.
Proof. intros H. unfold tagged. rewrite H. auto. Qed.

Lemma exit_pub_vm v i x P : vm (exit_pub v i x P) = vm P.
Proof. destruct x; reflexivity. Qed.

Lemma guest_vm v i n s w : inv s -> vm (pub (guest v i n s)) w = vm (pub s) w.
Proof.
  intros I. unfold guest. destruct (runs (pub s) v i); [|reflexivity].
  destruct (instruction v i n s) as [s'|x p s'] eqn:E.
  - destruct (instruction_goes _ _ _ _ _ I E) as (A & _). destruct n; rewrite A; reflexivity.
  - destruct (instruction_exits _ _ _ _ _ _ _ E) as (A & _). unfold leave. cbn. rewrite A, exit_pub_vm. reflexivity.
Qed.

Ltac tag := unfold tagged; fields; unfold upd;
  match goal with |- context [?w =? ?v] => destruct (Z.eqb_spec w v) as [->|]; cbn; auto end.

Lemma tagged_set_vm v w r s :
  vprot r = vprot (vm (pub s) w) -> vgen r = vgen (vm (pub s) w) ->
  (vstate (vm (pub s) w) = Free -> vstate r = Free) -> tagged v s (on_pub (set_vm w r) s).
Proof. intros A B C. unfold tagged; fields; unfold upd. destruct (Z.eqb_spec v w) as [->|]; auto. Qed.

Lemma tagged_does v s a :
  ok (pub s) a = true -> (forall c p, a <> VmCreate c v p) -> tagged v s (does a s).
Proof.
  intros H N. destruct a; cbn [does Top.ok] in *; try (apply tagged_vm; reflexivity); bools.
  - unfold tagged; fields; unfold upd. destruct (Z.eqb_spec v v0) as [->|]; [|auto]. exfalso. eapply N; reflexivity.
  - assert (X : tagged v s (on_pub (fun P => set_vm v0 (mkvm Ready (vprot (vm P v0)) (vgen (vm P v0)) base end_ (vloaded (vm P v0))) P) s)).
    { apply tagged_set_vm; auto. congruence. }
    cbn zeta. destruct (prot (pub s) v0); exact X.
  - apply tagged_set_vm; auto. intros X. apply state_is_eq in X. congruence.
  - destruct (lookup (pub s) v0 ipa); [|apply tagged_vm; reflexivity].
    destruct (prot (pub s) v0); apply tagged_vm; reflexivity.
  - apply tagged_set_vm; auto.
  - unfold tagged, loaded_to; fields; unfold upd. destruct (Z.eqb_spec v v0) as [->|]; auto.
  - unfold tagged, loaded_to; fields; unfold upd. destruct (Z.eqb_spec v v0) as [->|]; auto.
Qed.

Lemma tagged_step v s a : inv s -> (forall c p, a <> VmCreate c v p) -> tagged v s (step a s).
Proof.
  intros I N.
  assert (C : tagged v s (call dram a s)).
  { unfold call. destruct (hosted _ _); [|apply tagged_vm; reflexivity].
    destruct (ok (pub s) a) eqn:O; [exact (tagged_does v s a O N)|apply tagged_vm; reflexivity]. }
  destruct a; cbn [Top.step]; try exact C;
    try (destruct (_ && _); apply tagged_vm; reflexivity);
    try (destruct (owner _ _ =? 0); apply tagged_vm; reflexivity);
    try (destruct (hosted _ _); apply tagged_vm; reflexivity).
  - apply tagged_vm. intros w. apply guest_vm, I.
  - apply tagged_vm; reflexivity.
  - destruct (runs _ _ _); apply tagged_vm; reflexivity.
  - cbn zeta. destruct (cexists _); apply tagged_vm; reflexivity.
  - unfold donate_map. destruct (in_transit _ _); [|apply tagged_vm; reflexivity].
    cbn zeta. destruct (mappable _ _); apply tagged_vm; reflexivity.
Qed.

Lemma tagged_dead v g s t : tagged v s t -> live (pub s) v g = false -> live (pub t) v g = false.
Proof.
  intros (A & B & C). unfold live, prot, state_is. rewrite A, B.
  destruct (vprot (vm (pub s) v)); [|auto]. destruct (vgen (vm (pub s) v) =? g); [|auto]. cbn [andb].
  destruct (vstate (vm (pub s) v)); try discriminate. intros _. rewrite C by reflexivity. reflexivity.
Qed.

Lemma live_spec P v g : live P v g = true -> vprot (vm P v) = true /\ vgen (vm P v) = g /\ vstate (vm P v) <> Free.
Proof.
  unfold live, prot. intros H. bools. repeat split; auto. intros X. apply state_is_eq in X. congruence.
Qed.

(* ---- other principals do not touch its pages ---- *)

Lemma own_page s v e : inv s -> vprot (vm (pub s) v) = true -> In e (tr (pub s)) -> e_vm e = v -> owner (pub s) (e_pg e) = v.
Proof. intros I Pv He <-. rewrite (i_owner _ I _ He). unfold prot. rewrite Pv. reflexivity. Qed.

Lemma keeps_mem s v pg l : inv s -> vprot (vm (pub s) v) = true -> owner (pub s) pg <> v -> keeps v s (set_mem pg l s).
Proof.
  intros I Pv Hp. keep. intros e He Ev. apply upd_ne. intros X. apply Hp. rewrite <- X. apply own_page; auto.
Qed.

Lemma keeps_vc s v w i r : w <> v \/ (cexists r = cexists (vc (pub s) w i) /\ cpower r = cpower (vc (pub s) w i) /\
    cirq r = cirq (vc (pub s) w i)) -> keeps v s (on_pub (set_vc w i r) s).
Proof.
  intros H. keep; intros j; rewrite upd2_cases; destruct (Z.eqb_spec v w) as [->|]; auto;
    destruct (Z.eqb_spec j i) as [->|]; auto; destruct H as [?|(? & ? & ?)]; auto; congruence.
Qed.

Lemma keeps_trans v s t u : keeps v s t -> (forall e, In e (tr (pub s)) -> In e (tr (pub t))) -> keeps v t u -> keeps v s u.
Proof.
  intros [A B C D E F G H I J K] Ht [A1 B1 C1 D1 E1 F1 G1 H1 I1 J1 K1]. constructor; intros; try congruence.
  rewrite G1 by auto. auto.
Qed.

Lemma keeps_leave s v w i c x p : keeps v s (leave w i c x p s).
Proof.
  unfold leave. apply (keeps_trans _ _ (on_pub (set_vc w i (mkvc (cexists (vc (pub s) w i)) (cpower (vc (pub s) w i)) p
    (cirq (vc (pub s) w i)) (cload (vc (pub s) w i)) None (Some x))) s)); [apply keeps_vc; auto|auto|keep].
Qed.

Lemma keeps_guest s v w i n : inv s -> vprot (vm (pub s) v) = true -> w <> v -> keeps v s (guest w i n s).
Proof.
  intros I Pv Hw. unfold guest. destruct (runs (pub s) w i) as [c|]; [|apply keeps_refl].
  destruct (instruction w i n s) as [s'|x p s'] eqn:E.
  - destruct (instruction_goes _ _ _ _ _ I E) as (A & B & C).
    assert (M : forall e, In e (tr (pub s)) -> e_vm e = v -> mem s' (e_pg e) = mem s (e_pg e)).
    { intros e He Ev. apply B. rewrite (own_page s v e) by auto. pose proof (i_host _ I v Pv).
      destruct (prot (pub s) w); congruence. }
    destruct n; try (constructor; rewrite ?A; auto; fail).
    pose proof (keeps_vc s v w i (mkvc (cexists (vc (pub s) w i)) (cpower (vc (pub s) w i)) (cpend (vc (pub s) w i)) z
      (cload (vc (pub s) w i)) (crun (vc (pub s) w i)) (cexit (vc (pub s) w i))) (or_introl Hw)) as [].
    cbn [pub on_pub] in *. constructor; rewrite ?A; auto.
  - destruct (instruction_exits _ _ _ _ _ _ _ E) as (A & _ & M & C).
    apply (keeps_trans _ _ s'); [|rewrite A; destruct x; auto|apply keeps_leave].
    assert (V : forall t z j, vc (power_to w t z (pub s)) v j = vc (pub s) v j).
    { intros. unfold power_to. fields. apply upd2_other. auto. }
    constructor; rewrite ?A, ?M; auto; try (destruct x; reflexivity);
      intros j; destruct x; cbn [exit_pub]; rewrite ?V; reflexivity.
Qed.

Lemma keeps_set_vm s v w r : w <> v -> keeps v s (on_pub (set_vm w r) s).
Proof. intros H. keep; unfold upd; destruct (Z.eqb_spec v w); auto; congruence. Qed.

Lemma keeps_regs s v w i f : w <> v -> keeps v s (set_regs w i f s).
Proof. intros H. keep. intros j r. rewrite upd2_other by auto. reflexivity. Qed.

Lemma keeps_tr s v x : (forall ipa, List.find (here v ipa) x = lookup (pub s) v ipa) -> keeps v s (on_pub (set_tr x) s).
Proof. intros H. keep. Qed.

Lemma keeps_reclaim s v pg :
  (forall e, In e (tr (pub s)) -> e_vm e = v -> e_pg e <> pg) -> keeps v s (reclaim pg s).
Proof. intros H. unfold reclaim. keep. intros e He Ev. apply upd_ne; auto. Qed.

Lemma keeps_does s v a :
  inv s -> vprot (vm (pub s) v) = true -> vstate (vm (pub s) v) <> Free -> ok (pub s) a = true ->
  hosted (pub s) (cpu_of a) = true -> call_event v a s = None -> keeps v s (does a s).
Proof.
  intros I Pv Sv H Hh N. unfold View.call_event in N. rewrite Hh, H in N. cbn [andb] in N.
  destruct a; cbn [does Top.ok] in *; try apply keeps_refl;
    try (destruct (Z.eqb_spec v0 v) as [->|Hv]; [discriminate N|]).
  - bools. apply (keeps_set_vm s). congruence.
  - apply (keeps_trans _ _ (on_pub (set_vc v0 i (mkvc true (if prot (pub s) v0 then Off else On) PNone 0 None None None)) s));
      [apply keeps_vc; auto|auto|]. keep. intros j r. rewrite upd2_other by auto. reflexivity.
  - apply (keeps_trans _ _ (on_pub (set_vc v0 i no_vcpu) s)); [apply keeps_vc; auto|auto|]. keep. intros j r. rewrite upd2_other by auto. reflexivity.
  - assert (X : keeps v s (on_pub (fun P => set_vm v0 (mkvm Ready (vprot (vm P v0)) (vgen (vm P v0)) base end_ (vloaded (vm P v0))) P) s))
      by (apply (keeps_set_vm s); auto).
    cbn zeta. destruct (prot (pub s) v0); [|exact X].
    eapply keeps_trans; [exact X|auto|]. eapply keeps_trans; [apply (keeps_regs _ v v0 0 (boot_regs boot)); auto|auto|].
    apply keeps_vc. auto.
  - keep.
  - bools. apply (keeps_tr s). intros ipa0. apply find_app_none. intros x Hx.
    unfold mappings in Hx. apply in_map_iff in Hx as (k & <- & _). apply here_other. cbn [e_vm]. intros ->.
    match goal with X : map_ok _ _ _ _ _ _ = true |- _ => unfold map_ok in X end || idtac.
    match goal with X : map_ok _ _ _ _ _ = true |- _ => unfold map_ok in X; bools end. unfold prot in *. congruence.
  - bools. apply (keeps_tr s). intros ipa0. apply find_filter. intros x Hx. apply here_vm in Hx.
    unfold in_range. destruct (Z.eqb_spec (e_vm x) v0); [|reflexivity]. unfold prot in *. congruence.
  - bools. assert (Hv : v0 <> v) by (intros ->; unfold prot in *; congruence).
    apply (keeps_tr s). intros ipa0. apply find_map; intros x.
    + unfold read_only. destruct (in_range v0 ipa n x); reflexivity.
    + intros Hx. apply here_vm in Hx. unfold read_only, in_range.
      destruct (Z.eqb_spec (e_vm x) v0); [congruence|reflexivity].
  - apply (keeps_set_vm s). auto.
  - destruct (lookup (pub s) v0 ipa) as [e|] eqn:L; [|apply keeps_refl].
    destruct (lookup_in _ _ _ _ L) as (L1 & L2 & L3).
    assert (Hv : v0 <> v).
    { intros ->. rewrite Z.eqb_refl, L in N. discriminate. }
    assert (X : keeps v s (on_pub (fun P => set_tr (filter (fun e => negb (here v0 ipa e)) (tr P)) P) s)).
    { apply (keeps_tr s). intros ipa0. apply find_filter. intros x Hx. apply here_vm in Hx. rewrite here_other; auto. congruence. }
    destruct (prot (pub s) v0) eqn:P0; [|exact X].
    destruct X. constructor; auto. intros f Hf Ef. cbn. rewrite upd_ne; [auto|].
    intros Eq. pose proof (own_page s v f I Pv Hf Ef) as O1.
    pose proof (own_page s v0 e I P0 L1 L2) as O2. congruence.
  - apply (keeps_set_vm s). auto.
  - unfold loaded_to. keep; unfold upd; try (destruct (Z.eqb_spec v v0) as [->|]; auto; fail);
      intros j; rewrite upd2_cases; (destruct ((v =? v0) && (j =? i)) eqn:X; [bools; subst; reflexivity|reflexivity]).
  - unfold loaded_to. keep; unfold upd; try (destruct (Z.eqb_spec v v0) as [->|]; auto; fail);
      intros j; rewrite upd2_cases; (destruct ((v =? v0) && (j =? i)) eqn:X; [bools; subst; reflexivity|reflexivity]).
  - bools. cbn zeta.
    assert (V : keeps v (set_regs v0 i (answer (cpend (vc (pub s) v0 i)) a (regs s v0 i)) s) (on_pub (fun P => set_busy c true
       (set_vc v0 i (mkvc (cexists (vc (pub s) v0 i)) (cpower (vc (pub s) v0 i)) PNone (cirq (vc (pub s) v0 i))
       (cload (vc (pub s) v0 i)) (Some c) (cexit (vc (pub s) v0 i))) P)) (set_regs v0 i (answer (cpend (vc (pub s) v0 i)) a (regs s v0 i)) s))).
    { keep; intros j; rewrite upd2_cases; (destruct ((v =? v0) && (j =? i)) eqn:X; [bools; subst; reflexivity|reflexivity]). }
    apply (keeps_trans v s (set_regs v0 i (answer (cpend (vc (pub s) v0 i)) a (regs s v0 i)) s)); [|intros x Hx; exact Hx|exact V]. keep. intros j r. rewrite upd2_cases.
    destruct (Z.eqb_spec v v0) as [->|]; [|reflexivity]. destruct (Z.eqb_spec j i) as [->|]; [|reflexivity].
    rewrite Z.eqb_refl in N. destruct a; try discriminate N. reflexivity.
Qed.

Lemma keeps_donate_map s v g c :
  inv s -> live (pub s) v g = true -> vm_event v g (DonateMap c) s = None -> keeps v s (donate_map c s).
Proof.
  intros I L N. unfold View.vm_event in N. rewrite L in N. apply live_spec in L as (Pv & _ & _).
  unfold donate_map. destruct (in_transit (pub s) c) as [x|] eqn:T; [|apply keeps_refl].
  unfold in_transit in T. apply List.find_some in T as [Hx _].
  destruct (i_transit _ I x Hx) as (D1 & D2 & D3 & D4). cbn zeta.
  destruct (mappable (pub s) (snd x)).
  - keep. intros ipa. unfold lookup. fields. cbn [List.find]. rewrite here_other; [reflexivity|].
    intros Ev. rewrite Ev, Z.eqb_refl in N. discriminate.
  - keep. intros e He Ev. apply upd_ne. auto.
Qed.

(* Local respect. *)
Lemma vm_respect v g s a : inv s -> vm_event v g a s = None -> same (PVm v g) s (step a s).
Proof.
  intros I N. destruct (live (pub s) v g) eqn:L.
  - destruct (live_spec _ _ _ L) as (Pv & Gv & Sv). apply keeps_same.
    assert (C : call_event v a s = None -> keeps v s (call dram a s)).
    { intros E. unfold call. destruct (hosted (pub s) (cpu_of a)) eqn:Hh; [|apply keeps_refl].
      destruct (ok (pub s) a) eqn:O; apply keeps_hreg; [apply keeps_does; auto|apply keeps_refl]. }
    assert (O : forall pg l, owner (pub s) pg = 0 -> keeps v s (set_mem pg l s)).
    { intros pg l H. apply keeps_mem; auto. rewrite H. intros X. symmetry in X. revert X. apply (i_host _ I). exact Pv. }
    pose proof N as N0. unfold View.vm_event in N. rewrite L in N.
    destruct a; cbn [Top.step]; try (apply C; exact N).
    + destruct (Z.eqb_spec v0 v) as [->|]; [|apply keeps_guest; auto]. cbn [andb] in N.
      unfold guest. destruct (runs (pub s) v i); [discriminate|apply keeps_refl].
    + destruct (hosted _ _); [keep|apply keeps_refl].
    + destruct (_ && _); [keep|apply keeps_refl].
    + destruct (hosted (pub s) c && (owner (pub s) pg =? 0)) eqn:X; [bools; auto|apply keeps_refl].
    + keep.
    + destruct (_ =? _); [keep|apply keeps_refl].
    + destruct (owner (pub s) pg =? 0) eqn:X; [bools; auto|apply keeps_refl].
    + destruct (runs _ _ _); [apply keeps_leave|apply keeps_refl].
    + cbn zeta. destruct (cexists (vc (pub s) v0 i)) eqn:X; [|apply keeps_refl]. apply keeps_vc.
      destruct (Z.eqb_spec v0 v) as [->|]; [|auto]. discriminate.
    + destruct (hosted _ _); [keep|apply keeps_refl].
    + apply (keeps_donate_map s v g); auto.
  - assert (D : live (pub (step a s)) v g = false).
    { assert (T : (forall c p, a <> VmCreate c v p) -> live (pub (step a s)) v g = false).
      { intros X. apply (tagged_dead v g s); [|exact L]. apply tagged_step; auto. }
      destruct a; try (apply T; discriminate).
      destruct (Z.eq_dec v0 v) as [->|Hv]; [|apply T; congruence].
      unfold View.vm_event in N. rewrite L, Z.eqb_refl in N. cbn [Top.step]. unfold call.
      destruct (hosted (pub s) _); [|exact L]. destruct (ok (pub s) _); [|exact L].
      cbn [andb] in N. cbn [does]. unfold live, prot, state_is. cbn. rewrite upd_eq. cbn.
      destruct p; [|reflexivity]. cbn [andb] in *. destruct (_ =? g); [discriminate|reflexivity]. }
    split; [congruence|]. rewrite L. discriminate.
Qed.
End Vm.
