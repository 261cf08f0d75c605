(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * What each message does to a protected VM's view: [becomes] says it of one run, [becomes_eq] that two runs with
 * the same view before and the same message have the same view afterwards.
 *)
From KCore Require Export top.HostStep.

Section VmView.
Context {cfg : config}.

(* ------------------------------------------------------------------ the record *)

Lemma vm_index v w : vm_of w = v <-> v * KCORE_VM_VCPUS <= w < v * KCORE_VM_VCPUS + 16.
Proof.
  unfold vm_of, KCORE_VM_VCPUS. split.
  - intros <-. pose proof (Z.div_mod w 16). pose proof (Z.mod_pos_bound w 16). lia.
  - intros H. symmetry. apply Z.div_unique with (r := w - v * 16); lia.
Qed.
Lemma book_intro s t v : life (vm s v) = life (vm t v) ->
  (forall w, vm_of w = v -> exists_bit s w = exists_bit t w /\ c_power (vcpu s w) = c_power (vcpu t w)) -> book s v = book t v.
Proof.
  intros L H. unfold book. f_equal; auto. apply map_ext_in; intros w W. apply range_in in W.
  destruct (H w) as [-> ->]; auto. apply vm_index. cbn in W. lia.
Qed.
Lemma book_elim s t v : book s v = book t v -> life (vm s v) = life (vm t v) /\
  (forall w, vm_of w = v -> exists_bit s w = exists_bit t w /\ c_power (vcpu s w) = c_power (vcpu t w)).
Proof.
  unfold book. intros E. apply pair_equal_spec in E as [A B]. split; auto. intros w W. apply vm_index in W.
  pose proof (ext_in_map B w) as X. cbv beta in X. apply pair_equal_spec. apply X. apply range_in. cbn. lia.
Qed.
Lemma book_live s t v : book s v = book t v -> live s v = live t v.
Proof. intros E. apply book_elim in E as [E _]. unfold life, live, protected in *. injection E as -> -> _ _ _. auto. Qed.

(* ------------------------------------------------------------------ what stays *)

(* Shared as before; a page of its own with the same contents. *)
Definition page_same (v : Z) (s t : st) (p : Z) : Prop :=
  own (P t) v p = own (P s) v p /\ (own (P s) v p = true -> forall o, mem (D t) p o = mem (D s) p o).
Definition place_same (v : Z) (s t : st) (i : Z) : Prop :=
  walk (P t) v i = walk (P s) v i /\ forall p r, walk (P s) v i = Some (p, r) -> page_same v s t p.
Definition pages_same (v : Z) (s t : st) : Prop := forall i, place_same v s t i.
Lemma pages_refl v s : pages_same v s s.
Proof. intros i. split; auto. intros p r _. split; auto. Qed.
Definition regs_same (v : Z) (W : Z -> Prop) (s t : st) : Prop :=
  forall w, vm_of w = v -> exists_bit (P s) w = true -> ~ W w -> forall k, reg t w k = reg s w k /\ io (D t) w k = io (D s) w k.
(* All of a protected VM's view, but for registers of the vCPUs in W and the record. *)
Definition steady (v : Z) (W : Z -> Prop) (s t : st) : Prop :=
  live (P s) v = true -> pages_same v s t /\ regs_same v W s t.
Definition nobody (w : Z) : Prop := False.
(* No new vCPU, and the VM isn't more live than before, unless it is new and has nothing. *)
Definition no_more (v : Z) (W : Z -> Prop) (s t : pub) : Prop :=
  live t v = true ->
  (live s v = true /\ forall w, vm_of w = v -> exists_bit t w = true -> exists_bit s w = true \/ W w) \/
  (forall i, walk t v i = None) /\ (forall w, vm_of w = v -> exists_bit t w = false).

Lemma place_eq v s t s' t' i : place_same v s s' i -> place_same v t t' i -> same_page s t v i -> same_page s' t' v i.
Proof.
  intros [A X] [B Y] E. unfold same_page in *. rewrite A, B.
  destruct (walk (P s) v i) as [[p r]|], (walk (P t) v i) as [[q r']|]; auto. destruct E as (-> & O & E).
  destruct (X p r') as [X1 X2], (Y q r') as [Y1 Y2]; auto. split; auto. rewrite X1, Y1. split; auto.
  intros Q o Ho. rewrite X2, Y2 by congruence. auto.
Qed.
Lemma pages_eq v s t s' t' : pages_same v s s' -> pages_same v t t' -> (forall i, same_page s t v i) -> forall i, same_page s' t' v i.
Proof.
  intros A B E i. exact (place_eq v s t s' t' i (A i) (B i) (E i)).
Qed.

(* ------------------------------------------------------------------ messages *)

(* The nth of a list of values of a function, from lo on. *)
Definition at_ (l : list Z) (lo k : Z) : Z := nth (Z.to_nat (k - lo)) l 0.
Lemma at_values f lo n k : lo <= k < lo + Z.of_nat n -> at_ (values f lo n) lo k = f k.
Proof.
  intros H. unfold at_, values, range. rewrite map_map.
  rewrite (nth_indep _ 0 (f (lo + Z.of_nat 0))) by (rewrite map_length, seq_length; lia).
  rewrite (map_nth (fun x => f (lo + Z.of_nat x)) _ 0%nat). rewrite seq_nth by lia. f_equal. lia.
Qed.

Definition boot_write (l : list Z) : list (Z * Z) :=
  [(0, nth 0 l 0); (1, nth 1 l 0); (2, nth 2 l 0); (3, nth 3 l 0); (W_PC, nth 4 l 0); (W_PSTATE, 0x3c5); (W_CNTVOFF, nth 5 l 0)].
Definition powered (power : Z) : Z := if power =? POWER_BOOT then POWER_ON else power.

Definition becomes (v : Z) (m : option msg) (s t : st) : Prop :=
  match m with
  | None => book (P t) v = book (P s) v /\ steady v nobody s t
  | Some (Life bk) => book (P t) v = bk /\ steady v nobody s t /\ no_more v nobody (P s) (P t)
  | Some (Made w bk) =>
      book (P t) v = bk /\ steady v (eq w) s t /\ no_more v (eq w) (P s) (P t) /\ vm_of w = v /\
      (live (P t) v = true -> exists_bit (P t) w = true -> forall k, reg t w k = (if k =? W_SCTLR then 0xc50838 else 0) /\ io (D t) w k = 0)
  | Some (Booted w l bk) =>
      book (P t) v = bk /\ steady v (eq w) s t /\ no_more v nobody (P s) (P t) /\ vm_of w = v /\
      (live (P t) v = true -> exists_bit (P t) w = true ->
       forall k, reg t w k = writes 0 64 (boot_write l) (reg s w) k /\ io (D t) w k = io (D s) w k)
  | Some (Donated i prot l) =>
      book (P t) v = book (P s) v /\ (live (P s) v = true -> regs_same v nobody s t /\ walk (P s) v i = None /\
        (exists p, walk (P t) v i = Some (p, prot) /\ own (P t) v p = true /\ forall o, 0 <= o < 512 -> mem (D t) p o = at_ l 0 o) /\
        (forall j, j <> i -> place_same v s t j))
  | Some (Answer w pending esr flags value l) =>
      vm_of w = v /\ life (vm (P t) v) = life (vm (P s) v) /\
      (forall x, vm_of x = v -> exists_bit (P t) x = exists_bit (P s) x /\
         c_power (vcpu (P t) x) = if x =? w then powered (c_power (vcpu (P s) x)) else c_power (vcpu (P s) x)) /\
      steady v (eq w) s t /\
      (live (P s) v = true -> exists_bit (P s) w = true -> forall k,
         reg t w k = (let R := if c_power (vcpu (P s) w) =? POWER_BOOT then writes 0 W_GP (boot_writes (reg s w)) (reg s w) else reg s w in
                      writes 0 W_GP (enter_writes pending esr flags value R) R k) /\
         io (D t) w k = io_loaded true (at_ l W_IO) (io (D s) w) k)
  | Some (Loaded w vmcr l) =>
      book (P t) v = book (P s) v /\ vm_of w = v /\ steady v (eq w) s t /\
      (live (P s) v = true -> exists_bit (P s) w = true -> forall k,
         reg t w k = reg s w k /\ io (D t) w k = vgic_loaded (at_ l W_IO) vmcr (io (D s) w) k)
  | Some (Timer w cval ctl) =>
      book (P t) v = book (P s) v /\ vm_of w = v /\ steady v (eq w) s t /\
      (live (P s) v = true -> exists_bit (P s) w = true -> forall k,
         reg t w k = reg s w k /\
         io (D t) w k = upd (upd (io (D s) w) W_TIMER cval) (W_TIMER + 1) ctl k)
  | Some (Did _ _) | _ => False
  end.

Lemma vm_eq_refl v s : vm_eq v s s.
Proof.
  split; auto. intros _ i. unfold same_page. destruct (walk (P s) v i) as [[p r]|]; auto.
Qed.
Lemma vm_eq_sym v s t : vm_eq v s t -> vm_eq v t s.
Proof.
  intros [A B C E]. pose proof (book_live _ _ _ A) as Q. apply book_elim in A as F. destruct F as [_ F].
  split; auto; rewrite <- Q; intros H.
  - intros i. specialize (B H i). unfold same_page in *. destruct (walk (P s) v i) as [[p r]|], (walk (P t) v i) as [[q r']|]; auto.
    destruct B as (-> & O & B). split; auto. split; auto. intros X o Ho. symmetry; apply B; congruence.
  - intros w W X k. symmetry. apply C; auto. destruct (F w W) as [-> _]. auto.
  - intros w W X k. symmetry. apply E; auto. destruct (F w W) as [-> _]. auto.
Qed.
Lemma vm_eq_trans v s t u : vm_eq v s t -> vm_eq v t u -> vm_eq v s u.
Proof.
  intros [A B C E] [A' B' C' E']. pose proof (book_live _ _ _ A) as Q. apply book_elim in A as F. destruct F as [_ F].
  rewrite <- Q in *. split; [congruence| | |]; intros H.
  - intros i. specialize (B H i). specialize (B' H i). unfold same_page in *.
    destruct (walk (P s) v i) as [[p r]|], (walk (P t) v i) as [[q r']|], (walk (P u) v i) as [[x r'']|]; try tauto.
    destruct B as (-> & O & B), B' as (-> & O' & B'). split; auto. split; [congruence|]. intros X o Ho. rewrite B by auto. apply B'; congruence.
  - intros w W X k. rewrite C by auto. apply C'; auto. destruct (F w W) as [<- _]. auto.
  - intros w W X k. rewrite E by auto. apply E'; auto. destruct (F w W) as [<- _]. auto.
Qed.

Theorem becomes_none v s t : becomes v None s t -> vm_eq v s t.
Proof.
  intros [A B]. apply vm_eq_sym. apply book_elim in A as F. destruct F as [_ F]. pose proof (book_live _ _ _ A) as Q.
  split; auto; rewrite Q; intros H; destruct (B H) as [X Y].
  - intros i. unfold same_page. destruct (X i) as [-> Z]. destruct (walk (P s) v i) as [[p r]|]; auto. destruct (Z p r eq_refl) as [Z1 Z2].
    split; auto. split; auto. rewrite Z1. auto.
  - intros w W Z k. apply Y; auto. destruct (F w W) as [<- _]. auto.
  - intros w W Z k. apply Y; auto. destruct (F w W) as [<- _]. auto.
Qed.

Lemma writes_same lo n l m f g : l = m -> (forall k, f k = g k) -> forall k, writes lo n l f k = writes lo n m g k.
Proof. intros -> E k. apply writes_ext; auto. Qed.
Lemma enter_writes_ext pending esr flags value f g : (forall k, f k = g k) ->
  enter_writes pending esr flags value f = enter_writes pending esr flags value g.
Proof. intros E. unfold enter_writes, advance, take_exception. rewrite !E. reflexivity. Qed.
Lemma boot_writes_ext f g : (forall k, f k = g k) -> boot_writes f = boot_writes g.
Proof. intros E. unfold boot_writes. rewrite !E. reflexivity. Qed.

Section Two.
Variables (v : Z) (s t s' t' : st).
Hypothesis E : vm_eq v s t.

Lemma two_live : live (P s) v = live (P t) v.
Proof. apply book_live, E. Qed.
Lemma two_exists w : vm_of w = v -> exists_bit (P s) w = exists_bit (P t) w.
Proof. intros W. destruct (book_elim _ _ _ (e_book _ _ _ E)) as [_ H]. apply (H w W). Qed.

(* Views that change in the registers of W alone. *)
Lemma steady_eq W : book (P s') v = book (P t') v -> steady v W s s' -> steady v W t t' -> no_more v W (P s) (P s') ->
  (forall w, {W w} + {~ W w}) ->
  (live (P s') v = true -> live (P s) v = true \/ True -> forall w, vm_of w = v -> exists_bit (P s') w = true -> W w ->
     forall k, reg s' w k = reg t' w k /\ io (D s') w k = io (D t') w k) ->
  no_more v W (P t) (P t') -> vm_eq v s' t'.
Proof.
  intros B A A' N dec R N'. destruct (book_elim _ _ _ B) as [_ BE]. pose proof (book_live _ _ _ B) as Q'.
  split; auto; intros H.
  - destruct (N H) as [[Q _]|[X _]], (N' ltac:(congruence)) as [[Q2 _]|[Y _]].
    + eapply pages_eq; [apply A|apply A'|apply E]; auto.
    + destruct (A Q) as [PA _]. intros i. destruct (PA i) as [X _]. unfold same_page. rewrite Y.
      destruct (walk (P s') v i) as [[p r]|] eqn:W1; auto. exfalso. pose proof (e_page _ _ _ E Q i) as Z. unfold same_page in Z.
      rewrite <- X in Z. rewrite two_live in Q. destruct (A' Q) as [PB _]. destruct (PB i) as [X' _]. rewrite <- X', Y in Z. exact Z.
    + destruct (A' Q2) as [PA _]. intros i. destruct (PA i) as [Y _]. unfold same_page. rewrite X.
      destruct (walk (P t') v i) as [[p r]|] eqn:W1; auto. exfalso. rewrite <- two_live in Q2. pose proof (e_page _ _ _ E Q2 i) as Z. unfold same_page in Z.
      destruct (A Q2) as [PB _]. destruct (PB i) as [X' _]. rewrite <- X', X, <- Y in Z. exact Z.
    + intros i. unfold same_page. rewrite X, Y. auto.
  - intros w W0 Xw k. destruct (dec w) as [Ww|Nw]; [apply R; auto|].
    destruct (N H) as [[Q Z]|[_ Z]]; [|rewrite Z in Xw; auto; discriminate].
    destruct (Z w W0 Xw) as [Y|Y]; [|contradiction]. destruct (A Q) as [_ PA]. destruct (A' ltac:(rewrite <- two_live; auto)) as [_ PB].
    destruct (PA w W0 Y Nw k) as [-> _]. destruct (PB w W0 ltac:(rewrite <- two_exists; auto) Nw k) as [-> _]. apply E; auto.
  - intros w W0 Xw k. destruct (dec w) as [Ww|Nw]; [apply R; auto|].
    destruct (N H) as [[Q Z]|[_ Z]]; [|rewrite Z in Xw; auto; discriminate].
    destruct (Z w W0 Xw) as [Y|Y]; [|contradiction]. destruct (A Q) as [_ PA]. destruct (A' ltac:(rewrite <- two_live; auto)) as [_ PB].
    destruct (PA w W0 Y Nw k) as [_ ->]. destruct (PB w W0 ltac:(rewrite <- two_exists; auto) Nw k) as [_ ->]. apply E; auto.
Qed.

Lemma same_no_more W x y : book (P x) v = book (P y) v -> no_more v W (P y) (P x).
Proof.
  intros B H. left. rewrite <- (book_live _ _ _ B). split; auto. intros w Ww X. left.
  destruct (book_elim _ _ _ B) as [_ F]. destruct (F w Ww) as [<- _]. auto.
Qed.

Theorem becomes_eq m : becomes v (Some m) s s' -> becomes v (Some m) t t' -> vm_eq v s' t'.
Proof.
  intros A B. pose proof (e_book _ _ _ E) as EB. destruct m as [| | | | | | | | | | |bk|w bk|w l bk|i prot l|w pe es fl va l|w l|w cv ct];
    cbn [becomes] in A, B; try contradiction.
  - destruct A as (A1 & A2 & A3), B as (B1 & B2 & B3). apply (steady_eq nobody); [congruence|auto|auto|auto|intros w; right;
    intros []|intros _ _ w _ _ []|auto].
  - destruct A as (A1 & A2 & A3 & A4 & A5), B as (B1 & B2 & B3 & _ & B5). apply (steady_eq (eq w)); [congruence|auto|auto|auto|intros x; apply Z.eq_dec| |auto].
    intros H _ x X Y <- k. assert (Q : book (P s') v = book (P t') v) by congruence. destruct (book_elim _ _ _ Q) as [_ F].
    destruct (A5 H Y k) as [-> ->]. rewrite (book_live _ _ _ Q) in H. destruct (F w A4) as [F1 _]. rewrite F1 in Y. destruct (B5 H Y k) as [-> ->]. auto.
  - destruct A as (A1 & A2 & A3 & A4 & A5), B as (B1 & B2 & B3 & _ & B5). assert (Q : book (P s') v = book (P t') v) by congruence.
    apply (steady_eq (eq w)); [auto|auto|auto| |intros x; apply Z.eq_dec| |].
    { intros H. destruct (A3 H) as [[X Y]|X]; auto. left. split; auto. intros x Wx Z. left. destruct (Y x Wx Z) as [?|[]]; auto. }
    2: { intros H. destruct (B3 H) as [[X Y]|X]; auto. left. split; auto. intros x Wx Z. left. destruct (Y x Wx Z) as [?|[]]; auto. }
    intros H _ x X Y <- k. destruct (book_elim _ _ _ Q) as [_ F]. destruct (A5 H Y k) as [-> ->].
    destruct (A3 H) as [[Ps Ex]|[_ Ex]]; [|rewrite Ex in Y; auto; discriminate]. destruct (Ex w A4 Y) as [Xw|[]].
    rewrite (book_live _ _ _ Q) in H. destruct (F w A4) as [F1 _]. rewrite F1 in Y. destruct (B5 H Y k) as [-> ->]. split.
    + apply writes_same; auto. intros j. apply E; auto.
    + apply E; auto.
  - destruct A as [A1 A2], B as [B1 B2]. assert (Q : book (P s') v = book (P t') v) by congruence. split; auto; rewrite (book_live _ _ _ A1); intros H.
    all: destruct (A2 H) as (A3 & _ & (p & A4 & AO & A5) & A6); rewrite two_live in H; destruct (B2 H) as (B3 & _ & (q & B4 & BO & B5) & B6);
      rewrite <- two_live in H.
    + intros j. destruct (Z.eq_dec j i) as [->|N].
      * unfold same_page. rewrite A4, B4, AO, BO. split; auto. split; auto. intros _ o O. rewrite A5, B5; auto.
      * exact (place_eq v s t s' t' j (A6 j N) (B6 j N) (e_page _ _ _ E H j)).
    + intros w W0 X k. destruct (book_elim _ _ _ A1) as [_ F]. destruct (F w W0) as [F1 _]. rewrite F1 in X.
      destruct (A3 w W0 X ltac:(intros []) k) as [-> _]. destruct (B3 w W0 ltac:(rewrite <- two_exists; auto) ltac:(intros []) k) as [-> _]. apply E; auto.
    + intros w W0 X k. destruct (book_elim _ _ _ A1) as [_ F]. destruct (F w W0) as [F1 _]. rewrite F1 in X.
      destruct (A3 w W0 X ltac:(intros []) k) as [_ ->]. destruct (B3 w W0 ltac:(rewrite <- two_exists; auto) ltac:(intros []) k) as [_ ->]. apply E; auto.
  - destruct A as (A0 & A1 & A2 & A3 & A4), B as (_ & B1 & B2 & B3 & B4). destruct (book_elim _ _ _ EB) as [L F].
    assert (Q : book (P s') v = book (P t') v).
    { apply book_intro; [congruence|]. intros x X. destruct (A2 x X) as [-> ->], (B2 x X) as [-> ->], (F x X) as [-> ->]. auto. }
    assert (NM : forall x y, life (vm (P y) v) = life (vm (P x) v) -> (forall z, vm_of z = v -> exists_bit (P y) z = exists_bit (P x) z) ->
      no_more v (eq w) (P x) (P y)).
    { intros x y Lx Fx H. left. unfold live, protected, life in *. injection Lx as L1 L2 _ _ _. rewrite L1, L2 in H. split; auto. intros z Z X.
      rewrite Fx in X; auto. }
    apply (steady_eq (eq w)); [auto|auto|auto|apply NM; auto; intros; apply A2; auto|intros x; apply Z.eq_dec| |apply NM; auto; intros; apply B2; auto].
    intros H _ x X Y <- k. destruct (A2 w A0) as [A5 _]. rewrite A5 in Y.
    assert (Hs : live (P s) v = true) by (unfold live, protected, life in *; injection A1 as L1 L2 _ _ _; rewrite <- L1, <- L2; auto).
    destruct (A4 Hs Y k) as [-> ->]. pose proof Hs as Ht. rewrite two_live in Ht. pose proof Y as Yt. rewrite two_exists in Yt by auto.
    destruct (B4 Ht Yt k) as [-> ->]. destruct (F w A0) as [_ <-]. split.
    + cbv zeta. assert (RR : forall j, reg s w j = reg t w j) by (intros j; apply E; auto). destruct (_ =? POWER_BOOT).
      * assert (R2 : forall j, writes 0 W_GP (boot_writes (reg s w)) (reg s w) j = writes 0 W_GP (boot_writes (reg t w)) (reg t w) j)
          by (apply writes_same; [apply boot_writes_ext; exact RR|exact RR]).
        apply writes_same; [apply enter_writes_ext; exact R2|exact R2].
      * apply writes_same; [apply enter_writes_ext; exact RR|exact RR].
    + apply io_loaded_ext; [intros j _; reflexivity|]. apply E; auto.
  - destruct A as (A1 & A0 & A2 & A3), B as (B1 & _ & B2 & B3). assert (Q : book (P s') v = book (P t') v) by congruence.
    apply (steady_eq (eq w)); [auto|auto|auto|apply same_no_more; auto|intros x; apply Z.eq_dec| |apply same_no_more; auto]. intros H _ x X Y <- k.
    rewrite (book_live _ _ _ A1) in H. destruct (book_elim _ _ _ A1) as [_ F]. destruct (F w A0) as [F1 _]. rewrite F1 in Y.
    destruct (A3 H Y k) as [-> ->]. rewrite two_live in H. rewrite two_exists in Y by auto. destruct (B3 H Y k) as [-> ->].
    rewrite <- two_live in H. rewrite <- two_exists in Y by auto. split; [apply E; auto|].
    apply vgic_loaded_ext; [intros j _; reflexivity|]. apply E; auto.
  - destruct A as (A1 & A0 & A2 & A3), B as (B1 & _ & B2 & B3). assert (Q : book (P s') v = book (P t') v) by congruence.
    apply (steady_eq (eq w)); [auto|auto|auto|apply same_no_more; auto|intros x; apply Z.eq_dec| |apply same_no_more; auto]. intros H _ x X Y <- k.
    rewrite (book_live _ _ _ A1) in H. destruct (book_elim _ _ _ A1) as [_ F]. destruct (F w A0) as [F1 _]. rewrite F1 in Y.
    destruct (A3 H Y k) as [-> ->]. rewrite two_live in H. rewrite two_exists in Y by auto. destruct (B3 H Y k) as [-> ->].
    rewrite <- two_live in H. rewrite <- two_exists in Y by auto. split; [apply E; auto|].
    unfold upd. destruct (k =? W_TIMER + 1); auto. destruct (k =? W_TIMER); auto. apply E; auto.
Qed.
End Two.
End VmView.
