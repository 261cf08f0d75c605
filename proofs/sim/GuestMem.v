(* SPDX-License-Identifier: GPL-2.0-only *)
(* A protected guest's call about its memory, while it runs: its registers stay where they are. *)
From KCore Require Import code.Common code.Context code.Share top.InvLife top.InvShare top.VmMem.
From KCore Require Export sim.GuestExit sim.GuestLocal sim.Share sim.ShareFrame.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section GuestMem.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma quiet_effects e : (forall x, In x e -> match x with Scrub _ | Show _ => True | _ => False end) -> forall d, ctx (do_effects e d) = ctx d.
Proof.
  unfold do_effects. induction e as [|x e IH]; intros N d; [reflexivity|]. cbn [fold_left]. rewrite IH by (intros y Y; apply N; right; exact Y).
  specialize (N x (or_introl eq_refl)). destruct x; try destruct N; reflexivity.
Qed.
Lemma life_protected s t v : life (vm t v) = life (vm s v) -> protected t v = protected s v.
Proof. unfold life, protected. intros E. injection E as -> -> _ _ _. reflexivity. Qed.
Lemma inv_stopped c s : inv s -> inv (change_cpu c (cpu_with_run false) s).
Proof.
  intros J. apply (inv_minor s); auto. split; fields; auto.
  - intros d. unfold upd. destruct (Z.eqb_spec d c) as [->|]; auto.
  - intros d. unfold upd. destruct (Z.eqb_spec d c) as [->|]; [discriminate|apply J].
  - intros d. unfold upd. destruct (Z.eqb_spec d c) as [->|]; [apply (i_fp s J c)|apply J].
Qed.
Lemma room_stopped c s : room s -> room (change_cpu c (cpu_with_run false) s).
Proof. intros [A []]. split; [exact A|constructor; assumption]. Qed.

(* The same state with the guest stopped: its context has what is in it. *)
Definition asleep (c w : Z) (s : state) (t : st) : st :=
  mkst (change_cpu c (cpu_with_run false) (P t)) (set_ctx (upd (ctx (D t)) w
    (fun k => if inside k 0 W_GP then word s (cell s "vcpu_context" w + k * 8) else ctx (D t) w k)) (D t)).
Lemma asleep_related c s t w : running c s t w -> Q c s t -> inv (P t) -> protected (P t) (vm_of w) = true -> Q c s (asleep c w s t).
Proof.
  intros G R J Pr. destruct (running_context fixed c s t w G R J Pr) as [Hc Na]. destruct (running_here fixed c s t w G R J) as (_ & _ & _ & N).
  destruct G as [[U Ew] _ Ga]. specialize (Ga Pr). unfold asleep.
  match goal with |- Rel.Q _ _ _ (mkst _ ?x) => set (d := x) end.
  assert (Dw : forall k, ctx d w k = if inside k 0 W_GP then word s (cell s "vcpu_context" w + k * 8) else ctx (D t) w k).
  { intros k. unfold d. cbn [ctx set_ctx]. unfold upd. now rewrite Z.eqb_refl. }
  assert (Out : forall k, W_GP <= k -> ctx d w k = ctx (D t) w k).
  { intros k K. rewrite Dw. unfold inside. rewrite (proj2 (Z.ltb_ge k (0 + W_GP))) by lia. now rewrite andb_false_r. }
  assert (R1 : Q c s (mkst (P t) d)).
  { apply (keep_running fixed I c s s t w d R Hc Na); auto.
    - intros x k X. unfold d. cbn [ctx set_ctx]. unfold upd. now rewrite (proj2 (Z.eqb_neq x w) X).
    - exact (r_vgic _ _ _ _ R). }
  apply (stopped_related fixed c s (mkst (P t) d) w R1 J (eq_sym Ew) N). intros _. split.
  - apply (aside_same s s t (mkst (P t) d) w Ga); auto.
  - intros k K. cbn [D]. rewrite Dw. unfold inside. rewrite (proj2 (Z.leb_le 0 k)), (proj2 (Z.ltb_lt k (0 + W_GP))) by lia. reflexivity.
Qed.

Theorem memory_running c s t w i k : running c s t w -> Q c s t -> inv (P t) -> held s = false -> sound -> room (P t) ->
  protected (P t) (vm_of w) = true -> is_vm (vm_of w) -> is_ipa i -> in_memory (P t) (vm_of w) i = true ->
  exists r u, s_guest_mem [vm_of w; i * PAGE_BYTES; number_of k] s = Ok (r, u) /\ held u = false /\ stands s u /\
    match mem_call (vm_of w) k i (P t) with
    | None => r = KCORE_EAGAIN /\ u = s
    | Some (ok, q, e) => r <> KCORE_EAGAIN /\ (r =? 0) = ok /\
        Q c u (mkst q (do_effects e (D t))) /\ running c u (mkst q (do_effects e (D t))) w
    end.
Proof.
  intros G R J H B F Pr V A M. destruct (protected_guarded _ _ Pr) as [Gu S].
  destruct (guest_mem_sim fixed I c s t (vm_of w) i k R J H B F V A Gu S M) as (r & u & E & Hu & X). exists r, u.
  split; [exact E|]. split; [exact Hu|]. pose proof (guest_mem_stands _ _ _ _ _ _ E) as St. split; [exact St|].
  destruct (mem_call (vm_of w) k i (P t)) as [[[ok q] e]|] eqn:Mc; [|exact X]. destruct X as (X1 & X2 & Ru).
  split; [exact X1|]. split; [exact X2|]. split; [exact Ru|].
  destruct (mem_call_cpu _ _ _ _ _ _ _ B J V Gu Mc) as (_ & Lf & Vc & Ef). pose proof (mem_call_same_cpu _ _ _ _ _ _ _ Mc) as Cp.
  assert (Prq : protected q (vm_of w) = true) by (rewrite (life_protected (P t) q _ (Lf (vm_of w))); exact Pr).
  (* the words of its context, by the run of the same call where it is stopped *)
  pose proof (asleep_related c s t w G R J Pr) as R0. pose proof (inv_stopped c (P t) J) as J0.
  destruct (running_here fixed c s t w G R J) as (W & Ex & _ & N).
  destruct (guest_mem_sim fixed I c s (asleep c w s t) (vm_of w) i k R0 J0 H B (room_stopped c (P t) F) V A Gu S M) as (r' & u' & E' & _ & Y).
  rewrite E in E'. injection E' as <- <-. destruct G as [[U Ew] Gr Ga]. specialize (Ga Pr).
  assert (Wd : forall j, 0 <= j < W_GP \/ W_FP <= j < W_FP + N_FP ->
    word u (cell s "vcpu_context" w + j * 8) = word s (cell s "vcpu_context" w + j * 8)).
  { intros j K. destruct (mem_call (vm_of w) k i (P (asleep c w s t))) as [[[ok' q'] e']|] eqn:Mc'; [|destruct Y as [Y _]; contradiction].
    destruct Y as (_ & _ & Ru'). destruct (mem_call_cpu _ _ _ _ _ _ _ B J0 V Gu Mc') as (_ & Lf' & Vc' & Ef').
    pose proof (mem_call_same_cpu _ _ _ _ _ _ _ Mc') as Cp'.
    assert (Ar : at_rest q' w).
    { split; [rewrite Vc'; exact Ex|]. split; [rewrite (life_protected (P (asleep c w s t)) q' _ (Lf' (vm_of w))); exact Pr|].
      intros _. rewrite Cp', Vc'. cbn [asleep P]. unfold change_cpu, set_cpu. cbn [cpu vcpu]. unfold upd.
      destruct (i_cpu _ J c) as [Ld Cc]; [congruence|]. rewrite Ew in Cc. rewrite Cc, Z.eqb_refl. reflexivity. }
    pose proof (r_ctx _ _ _ _ Ru' w j W Ar K) as Z0. cbn [D] in Z0. rewrite (quiet_effects e' Ef') in Z0.
    rewrite (d_cell _ _ St "vcpu_context" eq_refl) in Z0. rewrite Z0. cbn [asleep D ctx set_ctx]. unfold upd. rewrite Z.eqb_refl. unfold inside.
    destruct K as [K|K].
    - rewrite (proj2 (Z.leb_le 0 j)), (proj2 (Z.ltb_lt j (0 + W_GP))) by lia. reflexivity.
    - rewrite (proj2 (Z.ltb_ge j (0 + W_GP))) by (unfold W_FP, W_GP in *; lia). rewrite andb_false_r. symmetry. apply (a_fp _ _ _ Ga), K. }
  constructor.
  - cbn [P]. rewrite Cp. auto.
  - intros j K. specialize (Gr j K). unfold greg in *. cbn [P D]. rewrite Prq. rewrite Pr in Gr. rewrite (quiet_effects e Ef), <- Gr.
    unfold Context.live, Context.words_of. rewrite (d_reg _ _ St), (d_cell _ _ St "vcpu_context" eq_refl). destruct (Context.is_el1 j); [reflexivity|].
    apply Wd. left. exact K.
  - intros _. apply (aside_same s u t (mkst q (do_effects e (D t))) w Ga).
    + intros j K. apply Wd. right. exact K.
    + intros n j Hn. apply (d_cell _ _ St). cbn [In] in Hn. repeat (destruct Hn as [<-|Hn]; [reflexivity|]). destruct Hn.
    + intros j _. cbn [D]. rewrite (quiet_effects e Ef). reflexivity.
    + intros v. cbn [P]. pose proof (Lf v) as L. unfold life in L. injection L as L _ _ _ _. exact L.
Qed.
End GuestMem.
