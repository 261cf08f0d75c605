(* SPDX-License-Identifier: GPL-2.0-only *)
(* The vendor service's answers to a protected guest: by its registers alone, or by what the top machine does with the page that it names. *)
From KCore Require Import code.Common code.Context code.Gpsci code.Share code.Guard code.Vendor top.InvShare top.InvStep top.VmMem top.VmEnd top.Guest.
From KCore Require Export sim.GuestMem sim.Guard.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section GuestVendor.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* Counting an exit first or last is the same. *)
Lemma unmap_stat p d h s : host_unmap p (add_stat d h s) = add_stat d h (host_unmap p s).
Proof. unfold host_unmap. change (s2_level (add_stat d h s) HOST p) with (s2_level s HOST p). destruct (_ =? 3); reflexivity. Qed.
Lemma alloc_stat v d h s : pool_alloc v (add_stat d h s) = match pool_alloc v s with Some t => Some (add_stat d h t) | None => None end.
Proof.
  unfold pool_alloc. change (cnt (add_stat d h s)) with (cnt s). destruct (_ || _); [reflexivity|]. destruct (_ && _); reflexivity.
Qed.
Lemma prepare_unmap_stat p d h s : host_prepare_unmap p (add_stat d h s) =
  match host_prepare_unmap p s with Fail r t => Fail r (add_stat d h t) | Go t => Go (add_stat d h t) end.
Proof.
  unfold host_prepare_unmap. change (s2_level (add_stat d h s) HOST p) with (s2_level s HOST p). change (lf (add_stat d h s)) with (lf s).
  destruct (_ =? 2); [|reflexivity]. destruct (lf s HOST _) as [l|]; [|reflexivity]. unfold s2_split. rewrite alloc_stat.
  destruct (pool_alloc HOST s); reflexivity.
Qed.
Lemma room_stat d h s : room s -> room (add_stat d h s).
Proof. intros [A []]. split; [exact A|constructor; assumption]. Qed.
Lemma mem_call_stat v k i d h s : mem_call v k i (add_stat d h s) =
  match mem_call v k i s with Some (ok, t, e) => Some (ok, add_stat d h t, e) | None => None end.
Proof.
  unfold mem_call. change (leaf_over (add_stat d h s) v i) with (leaf_over s v i). change (owner (add_stat d h s)) with (owner s).
  destruct (leaf_over s v i) as [l|]; [|destruct k; reflexivity]. destruct k.
  - destruct (is _ _); reflexivity.
  - destruct (is _ _); [reflexivity|]. unfold take_back. change (maps (add_stat d h s)) with (maps s). destruct (negb _); [reflexivity|].
    rewrite prepare_unmap_stat. destruct (host_prepare_unmap _ s); [reflexivity|]. rewrite unmap_stat. reflexivity.
  - change (s2_level (add_stat d h s) v i) with (s2_level s v i). unfold leaf_drop. destruct (_ =? 1); [reflexivity|].
    change (lf (add_stat d h s)) with (lf s). destruct (lf s v _) as [m|]; [|reflexivity]. cbv zeta.
    change (vm (add_stat d h s) v) with (vm s v). change (owner (add_stat d h s)) with (owner s). destruct (_ && _); [reflexivity|].
    destruct (dram _); reflexivity.
Qed.

Lemma vendor_bound base end_ word R l : vendor_answer base end_ word R = Some l -> Forall (fun p : Z * Z => 0 <= fst p < W_GP /\ Context.is_el1 (fst p) = false) l.
Proof.
  unfold vendor_answer, measurement_words, quote_words. cbv zeta.
  repeat match goal with
  | |- (if ?b then _ else _) = Some l -> _ => destruct b
  | |- match ?x with Some _ => _ | None => _ end = Some l -> _ => destruct x
  end; intros [= <-]; repeat (apply Forall_cons; [cbn [fst]; unfold W_GP; split; [lia|reflexivity]|]); apply Forall_nil.
Qed.

(* The three calls, in the code. *)
Lemma vendor_asks w ct s k : asked_of (Z.land (words_of ct s 0) 0xffffffff) = Some k ->
  vendor w ct s = s_guest_memory [w; ct; number_of k] s.
Proof.
  unfold asked_of, vendor. cbv zeta. set (fn := Z.land _ _). intros A.
  assert (N : fn = KVM_MEM_SHARE \/ fn = KVM_MEM_UNSHARE \/ fn = KVM_MEM_RELINQUISH).
  { destruct (Z.eqb_spec fn KVM_MEM_SHARE); auto. destruct (Z.eqb_spec fn KVM_MEM_UNSHARE); auto. destruct (Z.eqb_spec fn KVM_MEM_RELINQUISH); auto.
    discriminate. }
  destruct N as [->|[->| ->]]; injection A as <-; reflexivity.
Qed.

(* Its own measurement is asked for, or a quote of it. *)
Definition word_noted (w ct : Z) (s : state) : state :=
  let R := words_of ct s in
  let fn := Z.land (R 0) 0xffffffff in
  if fn =? KCORE_HC_VM_MEASUREMENT then record "measure_word" [w / KCORE_VM_VCPUS; KCORE_QUOTE_GUEST; R 1] s else
  if fn =? KCORE_HC_VM_QUOTE then record "measure_quote" [w / KCORE_VM_VCPUS; KCORE_QUOTE_GUEST; R 1; R 2; R 3; R 4] s else s.
Lemma word_noted_wrote w ct l s s' : wrote ct l (word_noted w ct s) s' -> wrote ct l s s'.
Proof. unfold word_noted. cbv zeta. destruct (_ =? _); [apply wrote_record|]. destruct (_ =? _); [apply wrote_record|auto]. Qed.

Theorem vendor_local c s t w l : Q c s t -> inv (P t) -> is_vcpu w -> c_state (vcpu (P t) w) <> VCPU_FREE -> protected (P t) (vm_of w) = true ->
  vendor_answer (v_base (vm (P t) (vm_of w))) (v_end (vm (P t) (vm_of w))) (next_answer s) (words_of (cell s "vcpu_context" w) s) = Some l ->
  s_guest_vendor [w] s = Ok (HVC_DONE, put_words (cell s "vcpu_context" w) l (word_noted w (cell s "vcpu_context" w) s)).
Proof.
  intros R J W Ex Pr. destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). specialize (Ok_ Pr).
  destruct (vcpu_facts s w Ok_) as (_ & Cx & _). pose proof (vm_handle w W) as Hv.
  unfold s_guest_vendor. rewrite Ok_. set (ct := cell s "vcpu_context" w) in *. unfold vendor_answer. cbv zeta.
  unfold word_noted. cbv zeta. set (fn := Z.land (words_of ct s 0) 0xffffffff).
  destruct (Z.eqb_spec fn KVM_UID) as [E1|N1]; [intros [= <-]; unfold vendor; cbv zeta; fold fn; rewrite E1; reflexivity|].
  destruct (Z.eqb_spec fn KVM_FEATURES) as [E1|N2]; [intros [= <-]; unfold vendor; cbv zeta; fold fn; rewrite E1; reflexivity|].
  destruct (Z.eqb_spec fn KVM_HYP_MEMINFO) as [E1|N3]; [intros [= <-]; unfold vendor; cbv zeta; fold fn; rewrite E1; reflexivity|].
  assert (Vn : vcpu_number w = true) by (apply vcpu_number_range; exact W).
  destruct (Z.eqb_spec fn KCORE_HC_VM_MEASUREMENT) as [E1|N4].
  { intros [= <-]. unfold vendor, s_guest_measurement. cbv zeta. fold fn. rewrite E1, Vn, Cx. reflexivity. }
  destruct (Z.eqb_spec fn KCORE_HC_VM_QUOTE) as [E1|N5].
  { intros [= <-]. unfold vendor, s_guest_quote. cbv zeta. fold fn. rewrite E1, Vn, Cx. reflexivity. }
  destruct (Z.eqb_spec fn KVM_MMIO_GUARD) as [E1|N6].
  { destruct (guard_refused _ _ _) eqn:Rf; [|discriminate]. intros [= <-].
    assert (Ev : vendor w ct s = (let* (_, u) := s_guest_guard [w; ct] s in Ok (HVC_DONE, u))) by (unfold vendor; cbv zeta; fold fn; rewrite E1; reflexivity).
    rewrite Ev. unfold s_guest_guard, guest_guard. rewrite Cx, Vn. cbn [andb]. cbv zeta.
    unfold guard_refused in Rf. fold (paged (words_of ct s 1)) in Rf. destruct (Z.lor (words_of ct s 2) (words_of ct s 3) =? 0); cbn [negb orb] in Rf.
    - unfold s_guard_give. change (w / KCORE_VM_VCPUS) with (vm_of w). unfold inside_memory. rewrite (r_vm_base _ _ _ _ R _ Hv), (r_vm_end _ _ _ _ R _ Hv), Rf.
      replace (nth_vm (vm_of w)) with true.
      2: { symmetry. unfold nth_vm, is_handle in *. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. exact Hv. }
      cbn [bind]. rewrite Cx. reflexivity.
    - cbn [bind]. rewrite Cx. reflexivity. }
  destruct (asked_of fn) as [k|] eqn:A; [|discriminate]. destruct (refused _ _ _) eqn:Rf; [|discriminate]. intros [= <-].
  rewrite (vendor_asks w ct s k A). unfold s_guest_memory, guest_memory. rewrite Cx.
  rewrite Vn. cbn [andb]. cbv zeta.
  unfold refused in Rf. fold (paged (words_of ct s 1)) in Rf. destruct (Z.lor (words_of ct s 2) (words_of ct s 3) =? 0); cbn [negb orb] in Rf.
  - unfold s_guest_mem. change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_base _ _ _ _ R _ Hv), (r_vm_end _ _ _ _ R _ Hv), Rf.
    replace (nth_vm (vm_of w)) with true.
    2: { symmetry. unfold nth_vm, is_handle in *. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. exact Hv. }
    cbn [bind]. rewrite Cx. reflexivity.
  - cbn [bind]. rewrite Cx. reflexivity.
Qed.

(* What the guest's own state is after a call that the top machine does. *)
Theorem vendor_memory c s t w i k : running c s t w -> Q c s t -> inv (P t) -> held s = false -> sound -> room (P t) ->
  protected (P t) (vm_of w) = true -> is_vm (vm_of w) -> is_ipa i -> in_memory (P t) (vm_of w) i = true ->
  let R := words_of (cell s "vcpu_context" w) s in
  asked_of (Z.land (R 0) 0xffffffff) = Some k -> Z.lor (R 2) (R 3) = 0 -> R 1 = i * PAGE_BYTES ->
  match mem_call (vm_of w) k i (P t) with
  | None => s_guest_vendor [w] s = Ok (HVC_FAULT, put_words (cell s "vcpu_context" w) [(W_PC, wrap64 (R W_PC - 4))] s)
  | Some (ok, q, e) => exists r u, s_guest_mem [vm_of w; i * PAGE_BYTES; number_of k] s = Ok (r, u) /\ stands s u /\
      s_guest_vendor [w] s = Ok (HVC_DONE, put_words (cell u "vcpu_context" w) [(0, mem_result ok)] u) /\
      Q c u (mkst q (do_effects e (D t))) /\ running c u (mkst q (do_effects e (D t))) w /\ inv q
  end.
Proof.
  intros G R J H B F Pr V A M X Ak L E1. destruct (running_here fixed c s t w G R J) as (W & Ex & _ & N).
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). specialize (Ok_ Pr). destruct (vcpu_facts s w Ok_) as (_ & Cx & _).
  destruct (memory_running fixed I c s t w i k G R J H B F Pr V A M) as (r & u & E & Hu & St & Y).
  set (ct := cell s "vcpu_context" w) in *.
  assert (Sv : s_guest_vendor [w] s = (let* (r, t) := s_guest_mem [vm_of w; i * PAGE_BYTES; number_of k] s in pre ctx_ok t ct in
    Ok (fst (memory_answer ct (X State.W_PC) r), put_words ct (snd (memory_answer ct (X State.W_PC) r)) t))).
  { unfold s_guest_vendor. rewrite Ok_. fold ct. rewrite (vendor_asks w ct s k Ak). unfold s_guest_memory, guest_memory. rewrite Cx.
    replace (vcpu_number w) with true by (symmetry; apply vcpu_number_range; exact W). cbn [andb]. cbv zeta.
    change (words_of ct s) with X. rewrite L, E1. reflexivity. }
  rewrite Sv, E. cbn [bind]. unfold memory_answer.
  destruct (mem_call (vm_of w) k i (P t)) as [[[ok q] e]|] eqn:Mc.
  - destruct Y as (Y1 & Y2 & Ru & Gu). exists r, u. split; [reflexivity|]. split; [exact St|]. assert (Jq : inv q).
    { destruct (i_runs _ _ _ _ G) as [U Ew]. assert (Ld : u_vcpu (cpu (P t) c) <> NO_VCPU) by congruence.
      destruct (loaded_ready c (P t) J Ld) as [_ Rd]. rewrite Ew in Rd.
      pose proof (mem_call_inv (vm_of w) k i (P t) B J V) as Z0. rewrite Mc in Z0. apply Z0; [apply (protected_guarded _ _ Pr)|exact Rd]. }
    destruct (running_here fixed c u _ w Gu Ru Jq) as (_ & Exq & _).
    assert (Prq : protected q (vm_of w) = true).
    { destruct (mem_call_cpu _ _ _ _ _ _ _ B J V (proj1 (protected_guarded _ _ Pr)) Mc) as (_ & Lf & _).
      rewrite (life_protected (P t) q _ (Lf (vm_of w))). exact Pr. }
    destruct (vcpu_areas fixed I c u _ w Ru Jq W Exq) as (_ & Oku & _). specialize (Oku Prq). destruct (vcpu_facts u w Oku) as (_ & Cu & _).
    assert (Ec : cell u "vcpu_context" w = ct) by (apply (d_cell _ _ St "vcpu_context" eq_refl)). rewrite Ec in *. rewrite Cu.
    rewrite (proj2 (Z.eqb_neq r KCORE_EAGAIN) Y1), Y2. cbn [fst snd]. auto.
  - destruct Y as [-> ->]. rewrite Cx, Z.eqb_refl. reflexivity.
Qed.

(* The page outside of memory that it asks for. *)
Lemma guard_args base end_ X i : guard_ask base end_ X = Some i -> 0 <= X 1 ->
  Z.land (X 0) 0xffffffff = KVM_MMIO_GUARD /\ guard_refused base end_ X = false /\ X 1 = i * PAGE_BYTES /\ is_ipa i.
Proof.
  unfold guard_ask. destruct (_ && _) eqn:E; [|discriminate]. intros [= <-] B. apply andb_true_iff in E as [E1 E2]. apply Z.eqb_eq in E1.
  apply negb_true_iff in E2. split; [exact E1|]. split; [exact E2|]. unfold guard_refused in E2. repeat (apply orb_false_iff in E2 as [E2 ?]).
  match goal with Y : negb (Z.land _ (PAGE_BYTES - 1) =? 0) = false |- _ => apply negb_false_iff in Y; change (PAGE_BYTES - 1) with 4095 in Y;
    rewrite land_page in Y; apply Z.eqb_eq in Y; rename Y into Al end.
  match goal with Y : (IPA_END <=? _) = false |- _ => apply Z.leb_gt in Y; rename Y into Lt end.
  split.
  - unfold PAGE_BYTES. pose proof (Z.div_mod (X 1) 4096 ltac:(lia)). lia.
  - unfold is_ipa, IPA_PAGES, IPA_END, PAGE_BYTES in *. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
Qed.
Theorem vendor_guard c s t w i : running c s t w -> Q c s t -> inv (P t) -> held s = false -> protected (P t) (vm_of w) = true ->
  let R := words_of (cell s "vcpu_context" w) s in
  guard_ask (v_base (vm (P t) (vm_of w))) (v_end (vm (P t) (vm_of w))) R = Some i -> 0 <= R 1 ->
  let (ok, q) := guard_call (vm_of w) i (P t) in exists u, held u = false /\ cell u "vcpu_context" w = cell s "vcpu_context" w /\ word u = word s /\
    Base.reg u = Base.reg s /\
    s_guest_vendor [w] s = Ok (HVC_DONE, put_words (cell s "vcpu_context" w) [(0, mem_result ok)] u) /\
    Q c u (mkst q (D t)) /\ running c u (mkst q (D t)) w /\ inv q /\ protected q (vm_of w) = true.
Proof.
  intros G R J H Pr X A B. destruct (running_here fixed c s t w G R J) as (W & Ex & _ & N).
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & Ok_ & _). specialize (Ok_ Pr). destruct (vcpu_facts s w Ok_) as (_ & Cx & _).
  pose proof (vm_handle w W) as Hv. destruct (guard_args _ _ X i A B) as (E1 & Rf & E2 & Ip).
  set (ct := cell s "vcpu_context" w) in *. set (s1 := sethold true s).
  assert (R1 : Q c s1 t) by (apply keep_hold, R).
  pose proof (guard_add_sim fixed c s1 t (vm_of w) i R1 Hv Ip) as Sm. destruct (guard_add (vm_of w) (i * PAGE_BYTES) s1) as [r u0] eqn:Ga.
  destruct (guard_call (vm_of w) i (P t)) as [ok q] eqn:Gc. destruct Sm as (Rk & Gd & Rq).
  destruct Gd as (D1 & D2 & D3 & D4 & D5 & D6 & D7 & D8 & D9 & D10).
  destruct (guard_call_same _ _ _ _ _ Gc) as (C1 & C2 & C3 & C4 & C5 & C6). pose proof (guard_call_inv _ _ _ _ _ J Gc) as Jq.
  assert (Prq : protected q (vm_of w) = true) by (rewrite (proj1 (C6 (vm_of w))); exact Pr).
  set (u := sethold false u0). assert (Ru : Q c u (mkst q (D t))) by (apply keep_hold, Rq).
  assert (Cu : forall n j, String.eqb n "vm_guards" = false -> String.eqb n "guard_base" = false -> String.eqb n "guard_end" = false -> cell u n j = cell s n j)
    by (intros; apply D1; auto).
  assert (Ect : cell u "vcpu_context" w = ct) by (apply Cu; reflexivity).
  assert (Gu : running c u (mkst q (D t)) w).
  { apply (running_same c s u t (mkst q (D t)) w G); auto.
    - intros j. change (Base.reg u) with (Base.reg u0). rewrite D3. reflexivity.
    - intros k K. change (word u) with (word u0). rewrite D2. reflexivity.
    - intros k K. unfold greg. cbn [P D]. rewrite Prq, Pr. reflexivity.
    - cbn [P]. rewrite C4. reflexivity.
    - intros _. split; [exact Pr|]. intros As. apply (aside_same s u t (mkst q (D t)) w As); auto.
      + intros k K. change (word u) with (word u0). rewrite D2. reflexivity.
      + intros n j Hn. apply Cu; cbn [In] in Hn; repeat (destruct Hn as [<-|Hn]; [reflexivity|]); destruct Hn.
      + intros v. cbn [P]. unfold guard_call in Gc. destruct (give _ _) as [l|]; injection Gc as <- <-; [|reflexivity]. peel. unfold upd.
        destruct (Z.eqb_spec v (vm_of w)) as [->|]; reflexivity. }
  exists u. split; [reflexivity|]. split; [exact Ect|]. split; [exact D2|]. split; [exact D3|]. split; [|auto].
  unfold s_guest_vendor. rewrite Ok_. fold ct.
  assert (Ev : vendor w ct s = (let* (_, u) := s_guest_guard [w; ct] s in Ok (HVC_DONE, u))).
  { unfold vendor. cbv zeta. change (words_of ct s) with X. rewrite E1. reflexivity. }
  rewrite Ev. unfold s_guest_guard, guest_guard. rewrite Cx. replace (vcpu_number w) with true by (symmetry; apply vcpu_number_range; exact W).
  cbn [andb]. cbv zeta. change (words_of ct s) with X. unfold guard_refused in Rf. fold (paged (X 1)) in Rf.
  destruct (Z.lor (X 2) (X 3) =? 0); cbn [negb orb] in Rf; [|discriminate].
  unfold s_guard_give. change (w / KCORE_VM_VCPUS) with (vm_of w). unfold inside_memory.
  rewrite (r_vm_base _ _ _ _ R _ Hv), (r_vm_end _ _ _ _ R _ Hv), Rf.
  replace (nth_vm (vm_of w)) with true.
  2: { symmetry. unfold nth_vm, is_handle in *. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. exact Hv. }
  unfold section. rewrite H. cbn [negb]. unfold s_guard_add. fold s1. rewrite (guards_checked fixed c s1 t (vm_of w) R1 Hv).
  assert (Bi : 0 <= X 1 < IPA_END) by (rewrite E2; unfold is_ipa, IPA_PAGES, IPA_END, PAGE_BYTES in *; lia).
  rewrite (proj2 (Z.leb_le 0 (X 1))), (proj2 (Z.ltb_lt (X 1) IPA_END)) by lia. change (held s1) with true. cbn [andb]. rewrite E2, Ga. cbn [bind].
  replace (held u0) with true by (rewrite D8; reflexivity). cbn [bind]. fold u.
  destruct (running_here fixed c u _ w Gu Ru Jq) as (_ & Exq & _). destruct (vcpu_areas fixed I c u _ w Ru Jq W Exq) as (_ & Oku & _). specialize (Oku Prq).
  destruct (vcpu_facts u w Oku) as (_ & Cux & _). rewrite Ect in Cux. rewrite Cux, Rk. reflexivity.
Qed.
End GuestVendor.
