(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * What a guest does between its traps, to its registers and to memory, and that it is what the top machine's guest does.
 *
 * A guest's x0 to x30, PC and PSTATE are in the CPU while it runs; the vector puts them into its vCPU's context (machine/entry.S), which is where
 * the C finds them, and where they are taken to be all along.  Its EL1 registers stay in the CPU until the C saves them.
 *)
From KCore Require Import code.Common code.Context code.Run top.Chan.
From KCore Require Export sim.GuestLocal sim.GuestNormal.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Registers.
Context {cfg : config}.

Definition context_here (c : Z) (s : state) : Z := cell s "vcpu_context" (cell s "cpu_vcpu" c).
Definition normal_here (c : Z) (s : state) : bool := negb (cell s "vm_type" (vm_of (cell s "cpu_vcpu" c)) =? KCORE_VM_PROTECTED).
Definition guest_regs (c : Z) (s : state) : list Z := values (Context.live (context_here c s) s) 0 58.
Definition fp_regs (s : state) : list Z := values (Base.reg s "fp") 0 66.
(* Its registers by these writes.  The context of a normal VM's vCPU is the page that it shares with the host, and what the host will find
   there is in the page already. *)
Definition put_guest (c : Z) (l : list (Z * Z)) (s : state) : state :=
  let ct := context_here c s in let f := writes 0 W_GP l (Context.live ct s) in
  setregs (fun b i => if String.eqb b "el1" && inside i 0 24 then f (34 + i) else Base.reg s b i)
    (setwords (fun x => let k := (x - ct) / 8 in
      if (x =? ct + k * 8) && inside k 0 W_GP && (negb (is_el1 k) || normal_here c s) then f k else word s x) s).
Definition put_fp (l : list (Z * Z)) (s : state) : state :=
  let f := writes W_FP N_FP l (fun k => Base.reg s "fp" (k - W_FP)) in
  setregs (fun b i => if String.eqb b "fp" && inside i 0 N_FP then f (W_FP + i) else Base.reg s b i) s.
(* Memory that such registers of a normal VM will come to.  Until they do it holds what they were at the entry, which is in neither machine;
   what is written to it is lost. *)
Definition stale (c : Z) (s : state) (x : Z) : Prop := normal_runs c s /\ exists k, 0 <= k < W_GP /\ x = context_here c s + k * 8.

(* The registers of its virtual interface that are in the CPU as long as its vCPU is loaded. *)
Definition gic_now (s : state) : list (Z * Z) := ((W_VMCR, Base.reg s "ich_vmcr" 0) ::
  map (fun j => (W_AP0R + j, Base.reg s "ap0r" j)) (range 0 (Z.to_nat nr_aprs)) ++
  map (fun j => (W_AP1R + j, Base.reg s "ap1r" j)) (range 0 (Z.to_nat nr_aprs)))%list.
Lemma gic_now_at s y k : writes W_IO N_IO (gic_now s) y k =
  if inside k W_AP1R nr_aprs then Base.reg s "ap1r" (k - W_AP1R) else if inside k W_AP0R nr_aprs then Base.reg s "ap0r" (k - W_AP0R) else
  if k =? W_VMCR then Base.reg s "ich_vmcr" 0 else y k.
Proof.
  pose proof nr_aprs_range as N. unfold gic_now, writes. cbn [fold_left fst snd]. rewrite fold_left_app.
  change (inside W_VMCR W_IO N_IO) with true. cbv iota.
  pose proof (writes_map (Base.reg s "ap1r")) as M1. pose proof (writes_map (Base.reg s "ap0r")) as M0. unfold writes in M0, M1.
  rewrite M1, M0, !Z2Nat.id by (rewrite ?Z2Nat.id; unfold W_AP0R, W_AP1R, W_IO, N_IO; lia). unfold upd. reflexivity.
Qed.
Lemma gic_now_low s : Forall (fun p => W_GP <= fst p) (gic_now s).
Proof.
  apply Forall_cons; [cbn; unfold W_GP, W_VMCR; lia|]. apply Forall_app. split; apply Forall_forall; intros p Hp;
    apply in_map_iff in Hp as (j & <- & Hj); apply range_in in Hj; cbn [fst]; unfold W_GP, W_AP0R, W_AP1R; lia.
Qed.

Lemma put_guest_word c l s k : word (put_guest c l s) (context_here c s + k * 8) =
  if inside k 0 W_GP && (negb (is_el1 k) || normal_here c s) then writes 0 W_GP l (Context.live (context_here c s) s) k
  else word s (context_here c s + k * 8).
Proof.
  unfold put_guest. cbn [word setregs setwords]. replace (context_here c s + k * 8 - context_here c s) with (k * 8) by lia.
  rewrite Z.div_mul, Z.eqb_refl by lia. reflexivity.
Qed.
Lemma put_guest_wrote c l s : wrote (context_here c s) l s (put_guest c l s).
Proof.
  constructor; try reflexivity.
  - intros x N. unfold put_guest. cbn [word setregs setwords]. set (k := (x - context_here c s) / 8).
    destruct (Z.eqb_spec x (context_here c s + k * 8)) as [E|]; [|reflexivity]. destruct (inside k 0 W_GP) eqn:In_; [|reflexivity].
    apply inside_spec in In_. destruct (N k In_ E).
  - other_all.
  - intros k K. unfold Context.live at 1. destruct (is_el1 k) eqn:E.
    + unfold put_guest. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb]. unfold is_el1 in E.
      replace (inside (k - 34) 0 24) with true by (symmetry; apply inside_spec; lia). f_equal. lia.
    + unfold words_of. rewrite put_guest_word, E. replace (inside k 0 W_GP) with true by (symmetry; apply inside_spec; lia). reflexivity.
Qed.
End Registers.

Section GuestRuns.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma here c s t w : running c s t w -> Q c s t -> inv (P t) ->
  context_here c s = cell s "vcpu_context" w /\ normal_here c s = negb (protected (P t) (vm_of w)).
Proof.
  intros G R J. destruct (running_here fixed c s t w G R J) as (W & Ex & Ec & _). unfold context_here, normal_here. rewrite Ec.
  split; [reflexivity|]. rewrite (type_protected (P t) w J Ex), (r_vm_type _ _ _ _ R _ (vm_handle w W)). reflexivity.
Qed.
Lemma guest_values_eq c s t w : running c s t w -> Q c s t -> inv (P t) -> guest_values t w = guest_regs c s.
Proof.
  intros G R J. destruct (here c s t w G R J) as [E _]. unfold guest_regs, guest_values. rewrite E. apply values_ext. intros k K.
  symmetry. apply (i_regs _ _ _ _ G). unfold W_GP. lia.
Qed.
Lemma fp_values_eq c s t : Q c s t -> fp_values (D t) c = fp_regs s.
Proof.
  intros R. unfold fp_values, fp_regs, values, range. rewrite !map_map. apply map_ext_in. intros j Hj. apply in_seq in Hj.
  rewrite (r_fp _ _ _ _ R) by (unfold N_FP; lia). reflexivity.
Qed.

(* Any instructions on its registers. *)
Theorem put_guest_ok c s t w l : running c s t w -> Q c s t -> inv (P t) ->
  Q c (put_guest c l s) (write_greg t w l) /\ running c (put_guest c l s) (write_greg t w l) w.
Proof.
  intros G R J. destruct (here c s t w G R J) as [Ec En]. pose proof (put_guest_wrote c l s) as Wr. rewrite Ec in Wr.
  destruct (protected (P t) (vm_of w)) eqn:Pr; [apply (written fixed I c s); auto|].
  destruct (running_here fixed c s t w G R J) as (Wv & Ex & _ & _). destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (_ & _ & Gn).
  specialize (Gn Pr). pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  set (pg := c_page (vcpu (P t) w)) in *. set (f := writes 0 W_GP l (mem (D t) pg)).
  assert (E : write_greg t w l = mkst (P t) (set_mem (upd (mem (D t)) pg f) (D t))) by (unfold write_greg, set_greg, greg; rewrite Pr; reflexivity).
  assert (Lv : forall k, 0 <= k < W_GP -> Context.live (pg * PAGE_BYTES) s k = mem (D t) pg k).
  { intros k K. rewrite <- Gn, (i_regs _ _ _ _ G k K). unfold greg. rewrite Pr. reflexivity. }
  rewrite E. destruct Wr as [B1 B2 B3 B4 B5 B6 B7 B8 B9]. rewrite Gn in B7, B9. split.
  - assert (Ru : Q c (setwords (word (put_guest c l s)) s) (mkst (P t) (set_mem (upd (mem (D t)) pg f) (D t)))).
    { apply (keep_page fixed I c s _ t pg f R Cg); [constructor; reflexivity| |].
      - intros x N. apply B7. intros o O. apply N. unfold W_GP in O. lia.
      - intros o O. cbn [word setwords]. pose proof (put_guest_word c l s o) as X. rewrite Ec, Gn, En, orb_true_r, andb_true_r in X. rewrite X.
        unfold f. destruct (inside o 0 W_GP) eqn:In_.
        + apply inside_spec in In_. apply writes_ext, Lv. lia.
        + rewrite (writes_outside _ _ _ _ _ In_). apply (page_word fixed c s t); auto. }
    apply (keep_regs fixed c _ (put_guest c l s) _ Ru); try reflexivity.
    + intros n i N. apply B8, in_or_app. left. exact N.
    + intros Gv. destruct (r_vgic _ _ _ _ Ru Gv) as (A1 & A2 & A3). cbv zeta in *. rewrite !B8 by (cbn; tauto). split; [exact A1|].
      split; [exact A2|]. intros N. destruct (A3 N) as [A4 A5]. split; [exact A4|]. intros j Hj. rewrite !B8 by (cbn; tauto). apply A5, Hj.
  - constructor; [exact (i_runs _ _ _ _ G)| |cbn [P]; congruence].
    intros k K. rewrite B1, Gn, (B9 k K). unfold greg. cbn [P D]. rewrite Pr. fold pg. cbn [mem set_mem]. unfold upd. rewrite Z.eqb_refl.
    apply writes_ext, Lv, K.
Qed.

(* FP registers, of whoever has them. *)
Lemma put_fp_related c l s t : Q c s t ->
  Q c (put_fp l s) (mkst (P t) (set_fpm (upd (fpm (D t)) c (writes W_FP N_FP l (fpm (D t) c))) (D t))).
Proof.
  intros R. pose proof R as R'. destruct R'. constructor; cbn [P D mem ctx fpm hreg io set_fpm]; auto.
  - apply (pool_same fixed s _ (P t) (P t)); auto using Z.le_refl.
  - intros k K. unfold upd. rewrite Z.eqb_refl. unfold put_fp. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb].
    replace (inside k 0 N_FP) with true by (symmetry; apply inside_spec; lia). apply writes_ext. rewrite <- r_fp by lia. f_equal. lia.
Qed.
Lemma put_fp_running c l s t w : running c s t w ->
  running c (put_fp l s) (mkst (P t) (set_fpm (upd (fpm (D t)) c (writes W_FP N_FP l (fpm (D t) c))) (D t))) w.
Proof. intros [U G A]. constructor; [exact U|exact G|]. intros Pr. apply (aside_same s _ t); auto. Qed.

(* Its virtual interface: what the guest does to it, and the hardware for it. *)
Lemma gic_moved c s s' t w : running c s t w -> Q c s t -> inv (P t) -> cell s' = cell s -> word s' = word s ->
  (forall n i, In n ("el1" :: known_regs)%list -> Base.reg s' n i = Base.reg s n i) -> Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s ->
  Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s -> 0 <= Base.reg s' "ich_vmcr" 0 < 2 ^ 32 ->
  let u := guest_step c w (OIo (fun _ => gic_now s')) t in Q c s' u /\ running c s' u w.
Proof.
  intros G R J Ec Ew Er E1 E2 E3 E4 V. destruct (running_here fixed c s t w G R J) as (_ & _ & _ & N). destruct (i_runs _ _ _ _ G) as [_ Uw].
  apply (io_kept fixed c s); auto; [apply gic_now_low|]. intros Gc. cbv zeta. cbn [P D io hreg set_io]. rewrite Uw. split; [exact V|].
  split; [contradiction|]. intros _. unfold upd. rewrite Z.eqb_refl. pose proof nr_aprs_range. split.
  - rewrite gic_now_at. unfold inside, W_VMCR, W_AP0R, W_AP1R. rewrite (proj2 (Z.leb_gt 76 69)), (proj2 (Z.leb_gt 72 69)) by lia. reflexivity.
  - intros j Hj. rewrite !gic_now_at. split.
    + replace (inside (W_AP0R + j) W_AP1R nr_aprs) with false by (symmetry; unfold inside, W_AP0R, W_AP1R; apply andb_false_iff; left; apply Z.leb_gt; lia).
      replace (inside (W_AP0R + j) W_AP0R nr_aprs) with true by (symmetry; apply inside_spec; lia). f_equal. lia.
    + replace (inside (W_AP1R + j) W_AP1R nr_aprs) with true by (symmetry; apply inside_spec; lia). f_equal. lia.
Qed.

(* A word of memory that is none of its registers is stored to, by it or by a device. *)
Lemma stored_running c s t w q r y : running c s t w -> Q c s t -> inv (P t) -> core q = false -> 0 <= q < 268435456 -> 0 <= r < 512 ->
  ~ stale c s (q * PAGE_BYTES + r * 8) -> running c (setword (q * PAGE_BYTES + r * 8) y s) (store_word (q, r) y t) w.
Proof.
  intros G R J Cq Bq Br Ns. destruct (running_here fixed c s t w G R J) as (Wv & Ex & _ & _). destruct (here c s t w G R J) as [Ec En].
  destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (_ & _ & Gn).
  assert (Far : forall k, 0 <= k < 512 -> protected (P t) (vm_of w) = true \/ k < W_GP ->
    word (setword (q * PAGE_BYTES + r * 8) y s) (cell s "vcpu_context" w + k * 8) = word s (cell s "vcpu_context" w + k * 8)).
  { intros k K D. rewrite word_setword. destruct (Z.eqb_spec (cell s "vcpu_context" w + k * 8) (q * PAGE_BYTES + r * 8)) as [E|];
      [exfalso|reflexivity]. destruct (protected (P t) (vm_of w)) eqn:Pr.
    - destruct (context_at fixed c s t w R) as (i & Hi & Ei); [split; [exact Wv|]; split; [exact Ex|exact Pr]|]. rewrite Ei in E. symmetry in E.
      revert E. apply page_apart; auto.
    - destruct D as [D|D]; [discriminate|]. apply Ns. split.
      + unfold normal_here in En. apply negb_true_iff, Z.eqb_neq in En. exact En.
      + exists k. rewrite Ec. split; [lia|auto]. }
  constructor; [exact (i_runs _ _ _ _ G)| |].
  - intros k K. pose proof (i_regs _ _ _ _ G k K) as X. change (cell (setword ?a ?v s)) with (cell s). unfold Context.live, words_of in *.
    change (Base.reg (setword ?a ?v s)) with (Base.reg s). rewrite Far by (first [right; apply K | unfold W_GP in K; lia]). rewrite X. unfold greg.
    cbn [P D store_word with_data fst snd ctx mem set_mem]. destruct (protected (P t) (vm_of w)) eqn:Pr; [reflexivity|].
    unfold upd2. destruct (Z.eqb_spec (c_page (vcpu (P t) w)) q) as [Eq|]; [|reflexivity]. destruct (Z.eqb_spec k r) as [Er|]; [|reflexivity].
    exfalso. apply Ns. split; [unfold normal_here in En; apply negb_true_iff, Z.eqb_neq in En; exact En|]. exists k. split; [exact K|].
    rewrite Ec, (Gn eq_refl), Eq, Er. reflexivity.
  - intros Pr. apply (aside_same s _ t); auto; [apply (i_aside _ _ _ _ G), Pr|]. intros k K. apply Far; [unfold W_FP, N_FP in K; lia|left; exact Pr].
Qed.

(* A page that a VM has mapped is not KCore's. *)
Lemma mapped_not_core c s t v i p r : Q c s t -> sinv t -> is_vm v -> walk (P t) v i = Some (p, r) -> core p = false.
Proof.
  intros R J V W. assert (N : v <> HOST) by (unfold is_vm, HOST in *; lia).
  destruct (Z.eq_dec (v_type (vm (P t) v)) KCORE_VM_PROTECTED) as [E|E].
  - destruct (walk_guarded (P t) v i p r J N E W) as (l & _ & _ & _ & _ & O). destruct (core p) eqn:C; auto.
    rewrite (r_core _ _ _ _ R p C) in O. unfold is_vm, KCORE_NR_VMS, OWNER_CORE, OWNER_HOST in *. lia.
  - apply (walk_normal (P t) v i p r J N) in W; [|exact E]. destruct (core p) eqn:C; auto. unfold host_ok in W.
    rewrite (n_core _ I p C), (r_core _ _ _ _ R p C) in W. discriminate.
Qed.
End GuestRuns.
